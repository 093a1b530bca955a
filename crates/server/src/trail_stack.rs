//! Everything that trails need, put together from the settings.

use std::sync::Arc;

use access::Directory;
use anyhow::Context;
use aws_wire::sigv4::Credentials;
use buckets::BucketService;
use control::TrailServices;
use delivery::{Delivery, DeliveryState, DigestKeys, EventBusSink, Feeds};
use gateway::upstream_caller::UpstreamCaller;
use insights::{Learned, Watcher};
use metadata::Metadata;
use model::EventTime;
use rand::RngCore;
use store::EventStore;
use trails::TrailRegistry;
use uuid::Uuid;

use crate::adapters::{
    DigestKeyList, EncryptionKeys, EventBuses, InsightTrails, InstallationBuckets, KmsVault, LogGroups, NamedBucket,
    TrailBuckets, TrailDestinations, TrailTopics, UpstreamService,
};
use crate::installation_key;
use crate::settings::Settings;

/// What answers the operations on trails, and what carries them out.
pub(crate) struct TrailStack {
    pub(crate) services: TrailServices,
    pub(crate) delivery: Delivery,
    pub(crate) feeds: Feeds,
    pub(crate) watcher: Watcher,
}

impl TrailStack {
    /// Opens the trails of a data folder.
    ///
    /// # Errors
    /// The trails or the keys of digests cannot be read.
    pub(crate) async fn open(
        settings: &Settings,
        metadata: &Metadata,
        store: &EventStore,
        buckets: Option<&BucketService>,
        directory: &Directory,
        clock: &Arc<dyn Fn() -> EventTime + Send + Sync>,
    ) -> anyhow::Result<Self> {
        let registry = Arc::new(TrailRegistry::open(metadata).await.context("open the trails")?);
        // The data folder is locked, and so is a PostgreSQL: whoever had a lease is dead.
        registry.take_over().await.context("open the trails")?;
        let service = |name| upstream_service(name, settings, directory, clock);
        let digest_keys = match metadata.is_in_folder() {
            true => DigestKeys::open(&settings.data_dir)?,
            false => {
                let wrapping_key = installation_key::read_or_make(&settings.data_dir.join("digest-wrapping-key"))?;
                DigestKeys::open_encrypted(metadata, wrapping_key, &settings.data_dir).await?
            }
        };
        let digest_keys = Arc::new(match &settings.trails.digest_kms_key {
            Some(key) => {
                let vault = KmsVault { kms: service("kms"), region: settings.region.clone(), key: key.clone() };
                digest_keys.in_vault(Arc::new(vault))
            }
            None => digest_keys,
        });
        let log_groups = || LogGroups { logs: service("logs"), iam: service("iam") };
        let (buckets, topics) = (trail_buckets(settings, buckets, directory, clock)?, TrailTopics(service("sns")));
        let events = service("events");
        let has_event_bus = settings.trails.sends_to_event_bus && events.caller.is_some();
        let organization = settings.trails.organization.clone();
        let services = TrailServices {
            registry: Arc::clone(&registry),
            destinations: Arc::new(TrailDestinations {
                buckets: buckets.clone(),
                topics: topics.clone(),
                log_groups: log_groups(),
                keys: EncryptionKeys(service("kms")),
            }),
            keys: Arc::new(DigestKeyList(Arc::clone(&digest_keys))),
            newest_event: {
                let store = store.clone();
                Arc::new(move || store.newest_sequence())
            },
            organization: organization.clone(),
            trails_max: settings.trails.trails_max,
        };
        let feeds = Feeds {
            store: store.clone(),
            registry: Arc::clone(&registry),
            log_groups: Arc::new(log_groups()),
            event_bus: has_event_bus.then(|| Arc::new(EventBuses(events)) as Arc<dyn EventBusSink>),
            organization: organization.clone(),
            clock: Arc::clone(clock),
        };
        let watcher = Watcher {
            store: store.clone(),
            watch: Arc::new(InsightTrails { registry: Arc::clone(&registry), organization: organization.clone() }),
            folder: settings.data_dir.clone(),
            clock: Arc::clone(clock),
            new_id: Arc::new(|| Uuid::new_v4().to_string()),
            settings: settings.trails.insights,
            learned: Learned::default(),
        };
        let delivery = Delivery {
            store: store.clone(),
            registry,
            keys: digest_keys,
            sink: Arc::new(buckets),
            topics: Arc::new(topics),
            organization,
            clock: Arc::clone(clock),
            random: Arc::new(|buffer| rand::rng().fill_bytes(buffer)),
            settings: settings.trails.delivery,
            state: DeliveryState::new(clock()),
        };
        Ok(Self { services, delivery, feeds, watcher })
    }
}

/// Where trails deliver to: whatever has S3 here.
fn trail_buckets(
    settings: &Settings,
    embedded: Option<&BucketService>,
    directory: &Directory,
    clock: &Arc<dyn Fn() -> EventTime + Send + Sync>,
) -> anyhow::Result<TrailBuckets> {
    let open = |(name, url): (&String, &String)| -> anyhow::Result<(String, NamedBucket)> {
        Ok((name.clone(), NamedBucket::open(url).with_context(|| format!("trail_buckets, bucket {name}"))?))
    };
    let named = settings.trails.buckets.iter().map(open).collect::<anyhow::Result<_>>()?;
    let others = match (embedded, settings.upstreams.get("s3")) {
        (Some(service), _) => {
            let requires_policy = settings.trails.requires_bucket_policy;
            InstallationBuckets::Embedded { service: service.clone(), requires_policy }
        }
        (None, Some(url)) => match upstream_service("s3", settings, directory, clock).caller {
            Some(caller) => InstallationBuckets::Upstream {
                url: url.to_string(),
                region: settings.region.clone(),
                credentials: settings.upstreams_credentials.get("s3").cloned(),
                caller,
                clock: Arc::clone(clock),
            },
            None => InstallationBuckets::Nowhere,
        },
        (None, None) => InstallationBuckets::Nowhere,
    };
    Ok(TrailBuckets { named: Arc::new(named), others })
}

/// A service that OpenTrail calls itself, if an upstream has it. An upstream without credentials of its own is called with
/// the root key, which upstreams that do not verify signatures take.
fn upstream_service(
    service: &'static str,
    settings: &Settings,
    directory: &Directory,
    clock: &Arc<dyn Fn() -> EventTime + Send + Sync>,
) -> UpstreamService {
    let url = settings.upstreams.get(service).or(settings.upstream.as_ref());
    let configured = match settings.upstreams.contains_key(service) {
        true => settings.upstreams_credentials.get(service),
        false => settings.upstream_credentials.as_ref(),
    };
    let root = directory.root();
    let credentials = configured.cloned().unwrap_or_else(|| Credentials {
        access_key_id: root.access_key_id.clone(),
        secret: root.secret.clone(),
        session_token: None,
    });
    let caller = url.map(|url| Arc::new(UpstreamCaller::new(Arc::new(url.clone()), credentials, &settings.gateway)));
    UpstreamService { service, caller, clock: Arc::clone(clock) }
}
