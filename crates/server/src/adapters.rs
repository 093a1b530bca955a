//! Joints between crates that do not know each other: each is the one's trait over the other's type.

mod buckets;
mod cloudtrail;
mod destinations;
mod directory;
mod history;
mod intake;

pub(crate) use buckets::EmbeddedBuckets;
pub(crate) use cloudtrail::CloudTrailApi;
pub(crate) use destinations::{DigestKeyList, TrailBuckets, TrailDestinations, TrailTopics};
pub(crate) use directory::{KnownCallers, LearnedIdentities};
pub(crate) use history::StoreAdapter;
pub(crate) use intake::StoreIntake;
