//! Days of a trail's life under a seed: traffic and silence, stops and starts, changed definitions, a bucket that fails one
//! request in three, a database whose writes are lost or land and are reported as lost, and kills at random points. At the
//! end every event is where the trail's owner would look for it, once, and every digest proves itself.
//!
//! `OPENTRAIL_SIMULATION_SEED` runs one seed, `OPENTRAIL_SIMULATION_DAYS` so many days.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::print_stdout, reason = "a failed test tells its seed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use delivery::{Delivery, DeliverySettings, DeliveryState, DigestKeys, ObjectSink, PutError, PutObject, TopicSink};
use digest::Digest;
use flate2::read::GzDecoder;
use metadata::Metadata;
use model::selectors::{AdvancedSelector, EventSelectors, FieldSelector};
use model::{AccountId, EventTime, Region};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest as _, Sha256};
use store::{EventStore, NewRecord, RecordKind, StoreConfig};
use trails::faults::Fault;
use trails::{Logging, Trail, TrailRegistry};

const ACCOUNT: &str = "111122223333";
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
const START: i64 = 1_740_830_400;
const DAY_SECONDS: i64 = 86_400;

/// What all parts share: the seed's numbers, the time, and whether things fail now.
struct Fate {
    rng: Mutex<StdRng>,
    now: Mutex<i64>,
    is_failing: Mutex<bool>,
}

impl Fate {
    fn below(&self, bound: u32) -> u32 {
        self.rng.lock().random_range(0..bound)
    }

    fn one_in(&self, count: u32) -> bool {
        self.below(count) == 0
    }

    fn is_failing(&self) -> bool {
        *self.is_failing.lock()
    }

    fn now(&self) -> EventTime {
        EventTime::from_seconds(*self.now.lock())
    }

    fn pass(&self, seconds: i64) {
        *self.now.lock() += seconds;
    }
}

/// Content and metadata.
type Object = (Vec<u8>, BTreeMap<&'static str, String>);

#[derive(Default)]
struct Objects(Mutex<BTreeMap<String, Object>>);

/// A bucket that fails one request in three, half of them behind the object; some never come back, as when the process
/// is killed.
struct Bucket {
    fate: Arc<Fate>,
    objects: Arc<Objects>,
}

#[async_trait]
impl ObjectSink for Bucket {
    async fn put(&self, object: PutObject) -> Result<(), PutError> {
        let fails = self.fate.is_failing() && self.fate.one_in(3);
        let lands = !fails || self.fate.one_in(2);
        if lands {
            let metadata = object.metadata.iter().cloned().collect();
            let known = self.objects.0.lock().insert(object.key.clone(), (object.content.to_vec(), metadata));
            if let Some((content, _)) = known {
                assert_eq!(content, object.content, "{} was written twice, and not the same", object.key);
            }
        }
        if self.fate.is_failing() && self.fate.one_in(12) {
            std::future::pending::<()>().await;
        }
        if !fails {
            return Ok(());
        }
        let code = ["SlowDown", "InternalError", PutError::TIMED_OUT, "AccessDenied"][self.fate.below(4) as usize];
        Err(PutError { code: code.to_owned(), message: "not now".to_owned() })
    }
}

struct NoTopics;

#[async_trait]
impl TopicSink for NoTopics {
    async fn publish(&self, _: &str, _: String) -> Result<(), PutError> {
        Ok(())
    }
}

/// A process over a data folder; it can end at any point and be opened again.
struct Process {
    delivery: Delivery,
}

impl Process {
    async fn open(folder: &Path, fate: &Arc<Fate>, objects: &Arc<Objects>) -> Self {
        let (store, _) = EventStore::open(StoreConfig::new(folder)).await.unwrap();
        let registry = Arc::new(TrailRegistry::open(&Metadata::in_folder(folder)).await.unwrap());
        registry.take_over().await.unwrap();
        let faults = Arc::clone(fate);
        registry.set_faults(Box::new(move || match faults.is_failing().then(|| faults.below(16)) {
            Some(0) => Fault::Lost,
            Some(1) => Fault::ReportedLost,
            _ => Fault::Nothing,
        }));
        let (clock, random) = (Arc::clone(fate), Arc::clone(fate));
        let delivery = Delivery {
            store,
            registry,
            keys: Arc::new(DigestKeys::open(folder).unwrap()),
            sink: Arc::new(Bucket { fate: Arc::clone(fate), objects: Arc::clone(objects) }),
            topics: Arc::new(NoTopics),
            organization: None,
            clock: Arc::new(move || clock.now()),
            random: Arc::new(move |buffer: &mut [u8]| random.rng.lock().fill(buffer)),
            settings: DeliverySettings {
                delivery_interval: Duration::from_secs(60),
                digest_interval: Duration::from_secs(3600),
            },
            state: DeliveryState::new(fate.now()),
        };
        Self { delivery }
    }

    /// Delivers; says whether it came to an end, as it does not when a request never comes back.
    async fn deliver(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(400), self.delivery.deliver_all()).await.is_ok()
    }

    async fn close(self) {
        self.delivery.store.close().await;
    }
}

/// What the trail's owner did, and which events must be delivered because of it.
struct Owner {
    arn: String,
    number: u32,
    takes_data: bool,
    is_multi_region: bool,
    is_on: bool,
    validates: bool,
    expected: BTreeSet<String>,
    counts: BTreeMap<&'static str, u32>,
}

fn trail(now: EventTime) -> Trail {
    Trail {
        arn: format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"),
        name: "main".to_owned(),
        account: AccountId::parse(ACCOUNT).unwrap(),
        home_region: Region::parse("us-east-1").unwrap(),
        created: None,
        bucket: "logs".to_owned(),
        prefix: None,
        topic: None,
        includes_global_service_events: true,
        is_multi_region: true,
        validates_log_files: true,
        validates_since: None,
        log_group_arn: None,
        log_group_behind: 0,
        log_role_arn: None,
        kms_key_id: None,
        is_organization: false,
        logs_recursively: None,
        tags: Vec::new(),
        selectors: None,
        insights: Vec::new(),
        insights_since: None,
        past: Vec::new(),
        logging: {
            let mut logging = Logging::default();
            logging.start(now, 0, &[]);
            logging
        },
        ended: None,
        birth: 0,
    }
}

fn data_events() -> EventSelectors {
    let field = |field: &str, value: &str| FieldSelector {
        field: field.to_owned(),
        equals: vec![value.to_owned()],
        ..FieldSelector::default()
    };
    EventSelectors::Advanced(vec![AdvancedSelector {
        name: None,
        field_selectors: vec![field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")],
    }])
}

impl Owner {
    /// Some calls; those that the trail takes are expected.
    async fn record(&mut self, delivery: &Delivery, fate: &Fate) {
        let mut records = Vec::new();
        for _ in 0..fate.below(20) {
            let (id, region) = (format!("id-{:07}", self.number), REGIONS[fate.below(2) as usize]);
            self.number += 1;
            let is_data = fate.one_in(3);
            let category = if is_data { "Data" } else { "Management" };
            let text = format!(
                r#"{{"eventVersion":"1.11","eventTime":"{}","eventSource":"s3.amazonaws.com","eventName":"PutThing","awsRegion":"{region}","eventID":"{id}","managementEvent":{},"eventCategory":"{category}","recipientAccountId":"{ACCOUNT}","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"}}]}}"#,
                fate.now(),
                !is_data
            );
            records.push(NewRecord { record: text.into(), kind: RecordKind::Event(None), supersedes: None });
            let is_home = region == REGIONS[0];
            if self.is_on && is_data == self.takes_data && (is_home || self.is_multi_region) {
                self.expected.insert(id);
            }
        }
        for outcome in delivery.store.commit(records).await {
            outcome.unwrap();
        }
    }

    async fn change(&self, delivery: &Delivery, change: impl FnOnce(&mut Trail)) {
        let (newest, passed) = (delivery.store.newest_sequence(), delivery.registry.passed(&self.arn));
        let changed = delivery.registry.change(&self.arn, |trail| {
            let before = trail.scope();
            change(trail);
            trail.keep_past(before, newest, &passed);
            Ok::<_, ()>(())
        });
        changed.await.unwrap().unwrap().unwrap();
    }

    async fn set_logging(&mut self, delivery: &Delivery, fate: &Fate, is_on: bool) {
        let (newest, passed) = (delivery.store.newest_sequence(), delivery.registry.passed(&self.arn));
        let now = fate.now();
        self.change(delivery, |trail| match is_on {
            true => trail.logging.start(now, newest, &passed),
            false => trail.logging.stop(now),
        })
        .await;
        self.is_on = is_on;
    }

    /// One of the things that owners do.
    async fn act(&mut self, delivery: &Delivery, fate: &Fate) {
        let what = match fate.below(80) {
            0..=4 => {
                // Often started again before the delivery has looked, and stopped again as soon.
                self.set_logging(delivery, fate, !self.is_on).await;
                "stop or start"
            }
            5..=6 => {
                self.takes_data = !self.takes_data;
                let takes_data = self.takes_data;
                self.change(delivery, |trail| trail.selectors = takes_data.then(data_events)).await;
                "selectors"
            }
            7 => {
                self.is_multi_region = !self.is_multi_region;
                let is_multi_region = self.is_multi_region;
                self.change(delivery, |trail| trail.is_multi_region = is_multi_region).await;
                "regions"
            }
            8 if !self.validates || fate.one_in(4) => {
                let now = fate.now();
                self.validates = !self.validates;
                self.change(delivery, |trail| {
                    trail.validates_log_files = !trail.validates_log_files;
                    if trail.validates_log_files {
                        trail.validates_since = Some(now);
                    }
                })
                .await;
                "validation"
            }
            9 if fate.one_in(3) => {
                delivery.registry.end(&self.arn, fate.now()).await.unwrap();
                fate.pass(i64::from(fate.below(3)));
                let mut new = trail(fate.now());
                new.logging = Logging::default();
                new.logging.start(fate.now(), delivery.store.newest_sequence(), &[]);
                delivery.registry.add(new, |_| Ok::<_, ()>(())).await.unwrap().unwrap();
                (self.is_on, self.takes_data, self.is_multi_region, self.validates) = (true, false, true, true);
                "deletion"
            }
            _ => return,
        };
        *self.counts.entry(what).or_default() += 1;
        // What follows lies in another second, so that event times tell it apart.
        fate.pass(1);
    }
}

fn unpack(content: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(content).read_to_string(&mut text).unwrap();
    text
}

/// Ids of all delivered events; each is in the file of its region.
fn delivered(objects: &Objects) -> Vec<String> {
    let mut ids = Vec::new();
    for (key, (content, _)) in objects.0.lock().iter().filter(|(key, _)| key.contains("/CloudTrail/")) {
        let file: serde_json::Value = serde_json::from_str(&unpack(content)).unwrap();
        for record in file["Records"].as_array().unwrap() {
            assert_eq!(record["awsRegion"], key.split('/').nth(3).unwrap());
            ids.push(record["eventID"].as_str().unwrap().to_owned());
        }
    }
    ids
}

/// Proves every digest by itself and by the one before it; gives their number. No digest has two that follow it, and no log
/// file is in two digests.
fn check_digests(objects: &Objects, keys: &DigestKeys) -> usize {
    let objects = objects.0.lock();
    let (mut followed, mut named) = (BTreeSet::new(), BTreeSet::new());
    let mut count = 0;
    for region in REGIONS {
        let all = (EventTime::from_seconds(0), EventTime::from_seconds(4_000_000_000));
        let known = keys.public_keys(&Region::parse(region).unwrap(), all.0, all.1);
        let folder = format!("/CloudTrail-Digest/{region}/");
        for (key, (content, metadata)) in objects.iter().filter(|(key, _)| key.contains(&folder)) {
            let text = unpack(content);
            let find = |fingerprint: &str| {
                known.iter().find(|key| key.fingerprint == fingerprint).map(|key| key.value.clone())
            };
            let digest = Digest::check(text.as_bytes(), "logs", key, &metadata["signature"], find)
                .unwrap_or_else(|error| panic!("{key}: {error}"));
            assert!(digest.digest_start_time < digest.digest_end_time, "{key}");
            if let Some(previous) = &digest.previous_digest_s3_object {
                assert!(followed.insert(previous.clone()), "two digests follow {previous}: the chain forks");
                let (content, metadata) = &objects[previous];
                let before: serde_json::Value = serde_json::from_str(&unpack(content)).unwrap();
                assert_eq!(before["digestEndTime"], digest.digest_start_time.as_str(), "{key} touches the one before");
                assert_eq!(digest.previous_digest_signature.as_ref(), Some(&metadata["signature"]), "{key}");
            }
            for file in &digest.log_files {
                assert!(named.insert(file.s3_object.clone()), "{} is in two digests", file.s3_object);
                let (content, _) = objects.get(&file.s3_object).unwrap_or_else(|| panic!("{}", file.s3_object));
                assert_eq!(format!("{:x}", Sha256::digest(unpack(content))), file.hash_value, "{}", file.s3_object);
            }
            count += 1;
        }
    }
    count
}

async fn live(seed: u64, days: i64) {
    let folder = tempfile::tempdir().unwrap();
    let fate = Arc::new(Fate {
        rng: Mutex::new(StdRng::seed_from_u64(seed)),
        now: Mutex::new(START),
        is_failing: Mutex::new(true),
    });
    let objects = Arc::new(Objects::default());
    let mut process = Process::open(folder.path(), &fate, &objects).await;
    process.delivery.registry.add(trail(fate.now()), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    let mut owner = Owner {
        arn: trail(fate.now()).arn,
        number: 0,
        takes_data: false,
        is_multi_region: true,
        is_on: true,
        validates: true,
        expected: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
    let (mut kills, mut silent_until) = (0, 0);
    while *fate.now.lock() < START + days * DAY_SECONDS {
        fate.pass(i64::from(fate.below(240)) + 1);
        if fate.one_in(100) {
            silent_until = *fate.now.lock() + 3 * 3600;
        }
        if *fate.now.lock() > silent_until {
            for _ in 0..=fate.below(3) {
                owner.record(&process.delivery, &fate).await;
                owner.act(&process.delivery, &fate).await;
            }
        }
        if fate.one_in(4) {
            // A look is not due each time that something happens.
            continue;
        }
        if !process.deliver().await || fate.one_in(60) {
            kills += 1;
            process.close().await;
            if fate.one_in(8) {
                fate.pass(i64::from(fate.below(20_000)));
            }
            process = Process::open(folder.path(), &fate, &objects).await;
        }
    }
    // The bucket and the database are mended, and the last stop is delivered.
    *fate.is_failing.lock() = false;
    if owner.is_on {
        owner.set_logging(&process.delivery, &fate, false).await;
    }
    for _ in 0..4 {
        fate.pass(4000);
        assert!(process.deliver().await, "nothing hangs any more");
    }
    let registry = &process.delivery.registry;
    assert!(registry.with_ended().iter().all(|trail| trail.ended.is_none()), "deleted trails are through");
    let progress = registry.progress(&owner.arn).unwrap();
    assert!(progress.is_stopped && progress.plan.is_none() && progress.chains.is_empty(), "{progress:?}");
    assert_eq!((&progress.status.latest_delivery_error, &progress.status.latest_digest_error), (&None, &None));

    let found = delivered(&objects);
    let unique: BTreeSet<String> = found.iter().cloned().collect();
    let missing: Vec<_> = owner.expected.difference(&unique).collect();
    let unexpected: Vec<_> = unique.difference(&owner.expected).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "seed {seed}: missing {missing:?}, too many {unexpected:?}");
    assert_eq!(found.len(), unique.len(), "seed {seed}: no event twice");
    let digests = check_digests(&objects, &process.delivery.keys);
    assert!(digests as i64 > days * 6, "seed {seed}: {digests} digests");
    println!("seed {seed}: {} events, {digests} digests, {kills} kills, {:?}", found.len(), owner.counts);
    process.close().await;
}

fn setting(name: &str) -> Option<i64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_a_trail() {
    let days = setting("OPENTRAIL_SIMULATION_DAYS").unwrap_or(1);
    let seeds = setting("OPENTRAIL_SIMULATION_SEED").map_or_else(|| (1..=3).collect(), |seed| vec![seed]);
    for seed in seeds {
        println!("seed {seed}");
        live(seed.unsigned_abs(), days).await;
    }
}
