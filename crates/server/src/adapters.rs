//! Joints between crates that do not know each other: each is the one's trait over the other's type.

mod buckets;
mod cloudtrail;
mod destinations;
mod directory;
mod encryption_keys;
mod event_buses;
mod history;
mod insight_trails;
mod installation_buckets;
mod intake;
mod key_vault;
mod log_groups;
mod named_buckets;
mod segment_bucket;
mod topics;
mod upstream_service;

pub(crate) use buckets::EmbeddedBuckets;
pub(crate) use cloudtrail::CloudTrailApi;
pub(crate) use destinations::{DigestKeyList, TrailBuckets, TrailDestinations};
pub(crate) use directory::{KnownCallers, LearnedIdentities};
pub(crate) use encryption_keys::EncryptionKeys;
pub(crate) use event_buses::EventBuses;
pub(crate) use history::StoreAdapter;
pub(crate) use insight_trails::InsightTrails;
pub(crate) use installation_buckets::InstallationBuckets;
pub(crate) use intake::StoreIntake;
pub(crate) use key_vault::KmsVault;
pub(crate) use log_groups::LogGroups;
pub(crate) use named_buckets::NamedBucket;
pub(crate) use segment_bucket::bucket_config;
pub(crate) use topics::TrailTopics;
pub(crate) use upstream_service::UpstreamService;
