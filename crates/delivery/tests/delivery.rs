//! Deliveries against a bucket that refuses, and a process that ends at any point.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use delivery::{Delivery, DeliverySettings, DeliveryState, DigestKeys, ObjectSink, PutError, PutObject, TopicSink};
use digest::Digest;
use flate2::read::GzDecoder;
use metadata::Metadata;
use metadata::test_database::new_test_database;
use model::selectors::EventSelectors;
use model::{AccountId, EventTime, Region};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::{EventStore, NewRecord, RecordKind, StoreConfig};
use trails::{FeedProgress, Logging, Topic, Trail, TrailRegistry, log_group_feed};

const ACCOUNT: &str = "111122223333";
const START: i64 = 1_740_830_400;
/// Longer than a worker may be silent without another one taking its place, seconds.
const LEASE_AND_MORE: i64 = 90;

type Objects = BTreeMap<String, (Vec<u8>, Vec<(&'static str, String)>)>;

/// A bucket that refuses one request in some, and may take one and say that it did not.
#[derive(Default)]
struct Bucket {
    objects: Mutex<Objects>,
    requests: AtomicU64,
    refuses_one_in: AtomicU64,
    /// Number of requests after which none is answered any more: what a caller sees whose process ends.
    answers: AtomicU64,
    /// One request in some takes so long that the lease of who made it ends.
    stalls_one_in: AtomicU64,
    /// Names of buckets that are not there.
    gone: Mutex<Vec<&'static str>>,
    clock: Arc<AtomicI64>,
}

#[async_trait]
impl ObjectSink for Bucket {
    async fn put(&self, object: PutObject) -> Result<(), PutError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let refusal = || PutError { code: "SlowDown".to_owned(), message: "not now".to_owned() };
        let one_in = self.refuses_one_in.load(Ordering::Relaxed);
        if self.gone.lock().contains(&&*object.bucket) {
            return Err(PutError { code: "NoSuchBucket".to_owned(), message: object.bucket });
        }
        if one_in > 0 && number.is_multiple_of(one_in) {
            return Err(refusal());
        }
        let stalls = self.stalls_one_in.load(Ordering::Relaxed);
        if stalls > 0 && number.is_multiple_of(stalls) {
            self.clock.fetch_add(LEASE_AND_MORE, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(number % 7 * 10)).await;
        }
        let known = self.objects.lock().insert(object.key.clone(), (object.content.to_vec(), object.metadata));
        if let Some((content, _)) = known {
            assert_eq!(content, object.content, "{} was written twice, and not the same", object.key);
        }
        if self.answers.load(Ordering::Relaxed) == number {
            std::future::pending::<()>().await;
        }
        // Taken, and reported as lost.
        if one_in > 0 && number % one_in == 1 { Err(refusal()) } else { Ok(()) }
    }
}

/// Takes every message.
#[derive(Default)]
struct Topics(Mutex<Vec<(String, String)>>);

#[async_trait]
impl TopicSink for Topics {
    async fn publish(&self, topic_arn: &str, message: String) -> Result<(), PutError> {
        self.0.lock().push((topic_arn.to_owned(), message));
        Ok(())
    }
}

struct World {
    topics: Arc<Topics>,
    bucket: Arc<Bucket>,
    clock: Arc<AtomicI64>,
    names: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        Self {
            topics: Arc::default(),
            bucket: Arc::new(Bucket { clock: Arc::clone(&clock), ..Bucket::default() }),
            clock,
            names: Arc::default(),
        }
    }

    async fn open(&self, folder: &Path) -> Delivery {
        let (store, _) = EventStore::open(StoreConfig::new(folder)).await.unwrap();
        let delivery =
            self.worker(store, &Metadata::in_folder(folder), Arc::new(DigestKeys::open(folder).unwrap())).await;
        delivery.registry.take_over().await.unwrap();
        delivery
    }

    /// One that may have others beside it.
    async fn worker(&self, store: EventStore, metadata: &Metadata, keys: Arc<DigestKeys>) -> Delivery {
        let (clock, names) = (Arc::clone(&self.clock), Arc::clone(&self.names));
        Delivery {
            store,
            registry: Arc::new(TrailRegistry::open(metadata).await.unwrap()),
            keys,
            sink: Arc::clone(&self.bucket) as Arc<dyn ObjectSink>,
            topics: Arc::clone(&self.topics) as Arc<dyn TopicSink>,
            organization: None,
            clock: Arc::new(move || EventTime::from_seconds(clock.load(Ordering::Relaxed))),
            random: Arc::new(move |buffer: &mut [u8]| {
                let number = names.fetch_add(1, Ordering::Relaxed).to_le_bytes();
                buffer.iter_mut().zip(number).for_each(|(byte, digit)| *byte = digit);
            }),
            settings: DeliverySettings {
                delivery_interval: Duration::from_secs(60),
                digest_interval: Duration::from_secs(3600),
            },
            state: DeliveryState::new(EventTime::from_seconds(self.clock.load(Ordering::Relaxed))),
        }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Ids of all delivered events, in the order of their files.
    fn delivered(&self) -> Vec<String> {
        let objects = self.bucket.objects.lock();
        let mut ids = Vec::new();
        for (key, (content, _)) in objects.iter().filter(|(key, _)| key.contains("/CloudTrail/")) {
            let text = unpack(content);
            let file: serde_json::Value = serde_json::from_str(&text).unwrap();
            let region = key.split_once("/CloudTrail/").unwrap().1.split('/').next().unwrap();
            for record in file["Records"].as_array().unwrap() {
                assert_eq!(record["awsRegion"], region);
                ids.push(record["eventID"].as_str().unwrap().to_owned());
            }
        }
        ids
    }

    /// Checks that the trail's events among this many were delivered, each once, and no others.
    fn check_that_each_is_there_once(&self, recorded: u32) {
        let (delivered, mut missing) = (self.delivered(), expected(recorded));
        let unexpected: Vec<String> = delivered
            .into_iter()
            .filter(|id| missing.iter().position(|wanted| wanted == id).map(|at| missing.remove(at)).is_none())
            .collect();
        assert!(missing.is_empty() && unexpected.is_empty(), "not there {missing:?}, too many {unexpected:?}");
    }

    /// Follows the chains of both regions: nothing of the bucket is outside of them.
    async fn check_chains(&self, keys: &DigestKeys) {
        let count = |part: &str| self.bucket.objects.lock().keys().filter(|key| key.contains(part)).count();
        let (home, other) = (self.check_chain(keys, "us-east-1").await, self.check_chain(keys, "eu-west-1").await);
        assert_eq!(home.1 + other.1, count("/CloudTrail/"), "every log file is in a digest");
        assert_eq!(home.0 + other.0, count("/CloudTrail-Digest/"), "every digest is in a chain");
    }

    /// Checks every digest of a region's chain from the newest back; gives the number of digests and of log files.
    async fn check_chain(&self, keys: &DigestKeys, region: &str) -> (usize, usize) {
        let objects = self.bucket.objects.lock().clone();
        let all = (EventTime::from_seconds(0), EventTime::from_seconds(i64::MAX / 2_000_000));
        let known = keys.public_keys(&Region::parse(region).unwrap(), all.0, all.1);
        let folder = format!("/CloudTrail-Digest/{region}/");
        let mut next = objects.keys().rev().find(|key| key.contains(&folder)).cloned();
        let (mut digests, mut files, mut start) = (0, 0, None);
        while let Some(key) = next {
            let (content, metadata) = &objects[&key];
            let signature = &metadata.iter().find(|(name, _)| *name == "signature").unwrap().1;
            let find = |fingerprint: &str| {
                known.iter().find(|key| key.fingerprint == fingerprint).map(|key| key.value.clone())
            };
            let digest = Digest::check(unpack(content).as_bytes(), "logs", &key, signature, find).unwrap();
            assert!(start.is_none_or(|start| start == digest.digest_end_time), "digests touch");
            for file in &digest.log_files {
                let text = unpack(&objects[&file.s3_object].0);
                let mut again = digest::LogFile::default();
                let records: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(!records["Records"].as_array().unwrap().is_empty());
                again.push(
                    text.trim_start_matches("{\"Records\":[").trim_end_matches("]}").as_bytes(),
                    EventTime::from_seconds(0),
                );
                assert_eq!(again.finish().unwrap().unwrap().hash, file.hash_value);
            }
            digests += 1;
            files += digest.log_files.len();
            start = Some(digest.digest_start_time);
            next = digest.previous_digest_s3_object;
        }
        (digests, files)
    }
}

fn unpack(content: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(content).read_to_string(&mut text).unwrap();
    text
}

fn trail() -> Trail {
    Trail {
        arn: format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"),
        name: "main".to_owned(),
        account: AccountId::parse(ACCOUNT).unwrap(),
        home_region: Region::parse("us-east-1").unwrap(),
        created: None,
        bucket: "logs".to_owned(),
        prefix: None,
        topic: Some(Topic { given: "told".to_owned(), arn: "arn:aws:sns:us-east-1:111122223333:told".to_owned() }),
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
            logging.start(EventTime::from_seconds(START), 0, &[]);
            logging
        },
        ended: None,
        birth: 0,
    }
}

/// Records some events: three in four are the trail's, in two regions.
async fn record(delivery: &Delivery, world: &World, numbers: std::ops::Range<u32>) {
    let time = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    let records = numbers.map(|number| {
        let region = ["us-east-1", "eu-west-1"][number as usize % 2];
        let (category, management) = if number % 4 == 3 { ("Data", false) } else { ("Management", true) };
        let text = format!(
            r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"PutThing","awsRegion":"{region}","eventID":"id-{number:06}","managementEvent":{management},"eventCategory":"{category}","recipientAccountId":"{ACCOUNT}"}}"#
        );
        NewRecord { record: text.into(), kind: RecordKind::Event(None), supersedes: None }
    });
    for outcome in delivery.store.commit(records.collect()).await {
        outcome.unwrap();
    }
}

fn expected(count: u32) -> Vec<String> {
    (0..count).filter(|number| number % 4 != 3).map(|number| format!("id-{number:06}")).collect()
}

#[tokio::test]
async fn every_event_is_delivered_once_though_the_bucket_refuses() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    world.bucket.refuses_one_in.store(3, Ordering::Relaxed);
    let delivery = world.open(folder.path()).await;
    delivery.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    for round in 0..120 {
        record(&delivery, &world, round * 10..(round + 1) * 10).await;
        world.pass(300);
        delivery.deliver_all().await;
    }
    let status = delivery.registry.progress(&trail().arn).unwrap().status.clone();
    assert!(status.latest_delivery.is_some() && status.latest_digest_delivery.is_some());
    world.bucket.refuses_one_in.store(0, Ordering::Relaxed);
    // The stop's last digest takes what is left.
    let stopped = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    let stop = |trail: &mut Trail| {
        trail.logging.is_on = false;
        trail.logging.stopped = Some(stopped);
        Ok::<_, ()>(())
    };
    delivery.registry.change(&trail().arn, stop).await.unwrap().unwrap().unwrap();
    world.pass(1000);
    delivery.deliver_all().await;
    assert_eq!(delivery.registry.progress(&trail().arn).unwrap().plan, None);
    world.check_that_each_is_there_once(1200);
    let log_files = world.bucket.objects.lock().keys().filter(|key| key.contains("/CloudTrail/")).count();
    let (home, other) =
        (world.check_chain(&delivery.keys, "us-east-1").await, world.check_chain(&delivery.keys, "eu-west-1").await);
    assert_eq!(home.1 + other.1, log_files, "every log file is in a digest");
    assert!(home.0 >= 10 && other.0 >= 9, "{home:?} {other:?}");
    let progress = delivery.registry.progress(&trail().arn).unwrap();
    assert!(progress.is_stopped && progress.chains.is_empty());
    let told = world.topics.0.lock().clone();
    for key in world.bucket.objects.lock().keys().filter(|key| key.contains("/CloudTrail/")) {
        assert!(told.iter().any(|(_, message)| message.contains(key)), "the topic was told of {key}");
    }
    assert_eq!(progress.status.latest_delivery_error, None);
    delivery.store.close().await;
}

#[tokio::test]
async fn every_event_is_delivered_once_though_the_process_ends() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let first = world.open(folder.path()).await;
    first.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    first.store.close().await;
    drop(first);
    for round in 0..40 {
        let delivery = world.open(folder.path()).await;
        record(&delivery, &world, round * 10..(round + 1) * 10).await;
        world.pass(900);
        // The object is written, and nobody hears of it.
        let ends_after = world.bucket.requests.load(Ordering::Relaxed) + 1 + u64::from(round % 4);
        world.bucket.answers.store(ends_after, Ordering::Relaxed);
        let ended = tokio::time::timeout(Duration::from_millis(150), delivery.deliver_all()).await;
        assert!(ended.is_err() || world.bucket.requests.load(Ordering::Relaxed) < ends_after);
        delivery.store.close().await;
    }
    let delivery = world.open(folder.path()).await;
    world.bucket.answers.store(0, Ordering::Relaxed);
    world.pass(3600);
    delivery.deliver_all().await;
    world.pass(3600);
    delivery.deliver_all().await;
    world.check_that_each_is_there_once(400);
    let log_files = world.bucket.objects.lock().keys().filter(|key| key.contains("/CloudTrail/")).count();
    let (home, other) =
        (world.check_chain(&delivery.keys, "us-east-1").await, world.check_chain(&delivery.keys, "eu-west-1").await);
    assert_eq!(home.1 + other.1, log_files, "every log file is in a digest");
    delivery.store.close().await;
}

/// Carries work out until it was resumed so many times, and drops it where it is then, as a kill does: counted in steps and
/// not in time, so that no machine is too fast or too slow for it. None where it was killed; the second is how often it was
/// resumed.
async fn killed_at<T>(steps: u32, work: impl Future<Output = T>) -> (Option<T>, u32) {
    let (mut work, mut resumed) = (std::pin::pin!(work), 0);
    std::future::poll_fn(|context| {
        resumed += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready((Some(done), resumed)),
            Poll::Pending if resumed >= steps => Poll::Ready((None, resumed)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Two workers deliver, one of which is killed again and again wherever it is, and another one comes in its place; which of
/// the two that is changes.
async fn workers_are_killed_beside_each_other(metadata: &Metadata) {
    const KILLS: u32 = 50;
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    world.bucket.stalls_one_in.store(7, Ordering::Relaxed);
    let (store, _) = EventStore::open(StoreConfig::new(folder.path())).await.unwrap();
    let keys = Arc::new(DigestKeys::open(folder.path()).unwrap());
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(world.worker(store.clone(), metadata, Arc::clone(&keys)).await);
        if workers.len() == 1 {
            workers[0].registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
        }
    }
    let (mut rng, mut rounds, mut kills, mut steps_of_a_delivery) = (StdRng::seed_from_u64(5), 0, 0, 2);
    while kills < KILLS {
        record(&workers[0], &world, rounds * 10..(rounds + 1) * 10).await;
        rounds += 1;
        world.pass(rng.random_range(10..300));
        let killed = rng.random_range(0..2);
        let (lives, dies) = (workers[1 - killed].deliver_all(), workers[killed].deliver_all());
        let ((_, steps), (died, _)) =
            tokio::join!(killed_at(u32::MAX, lives), killed_at(rng.random_range(1..=steps_of_a_delivery), dies));
        steps_of_a_delivery = steps.max(2);
        if died.is_none() {
            kills += 1;
            workers[killed] = world.worker(store.clone(), metadata, Arc::clone(&keys)).await;
        }
    }
    world.bucket.stalls_one_in.store(0, Ordering::Relaxed);
    for _ in 0..3 {
        world.pass(3600);
        tokio::join!(workers[0].deliver_all(), workers[1].deliver_all());
    }
    world.check_that_each_is_there_once(rounds * 10);
    world.check_chains(&keys).await;
    store.close().await;
}

#[tokio::test]
async fn workers_that_are_killed_never_fork_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    workers_are_killed_beside_each_other(&Metadata::in_folder(folder.path())).await;
}

#[tokio::test]
async fn workers_that_are_killed_never_fork_a_chain_in_postgres() {
    let Some(address) = new_test_database().await else { return };
    let folder = tempfile::tempdir().unwrap();
    workers_are_killed_beside_each_other(&Metadata::in_postgres(&address, folder.path()).await.unwrap()).await;
}

/// Both workers are alive, and again and again one sleeps in the middle of a step while the other takes over.
async fn two_workers_share_a_trail(metadata: &Metadata) {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    world.bucket.stalls_one_in.store(5, Ordering::Relaxed);
    let (store, _) = EventStore::open(StoreConfig::new(folder.path())).await.unwrap();
    let keys = Arc::new(DigestKeys::open(folder.path()).unwrap());
    let first = world.worker(store.clone(), metadata, Arc::clone(&keys)).await;
    first.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    let second = world.worker(store.clone(), metadata, Arc::clone(&keys)).await;
    let mut delivered_by = [0, 0];
    for round in 0..60 {
        record(&first, &world, round * 10..(round + 1) * 10).await;
        world.pass(300);
        // Each begins as often as the other, so that both have their turns on any machine.
        let (begins, follows) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        tokio::join!(begins.deliver_all(), follows.deliver_all());
        for (worker, count) in [&first, &second].into_iter().zip(&mut delivered_by) {
            *count += u32::from(worker.registry.progress(&trail().arn).unwrap().cursor == u64::from(round + 1) * 10);
        }
    }
    world.bucket.stalls_one_in.store(0, Ordering::Relaxed);
    for _ in 0..3 {
        world.pass(3600);
        tokio::join!(first.deliver_all(), second.deliver_all());
    }
    assert!(delivered_by.iter().all(|count| *count > 1), "each had its turns: {delivered_by:?}");
    world.check_that_each_is_there_once(600);
    world.check_chains(&keys).await;
    store.close().await;
}

#[tokio::test]
async fn two_workers_never_fork_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    two_workers_share_a_trail(&Metadata::in_folder(folder.path())).await;
}

#[tokio::test]
async fn two_workers_never_fork_a_chain_in_postgres() {
    let Some(address) = new_test_database().await else { return };
    let folder = tempfile::tempdir().unwrap();
    two_workers_share_a_trail(&Metadata::in_postgres(&address, folder.path()).await.unwrap()).await;
}

#[tokio::test]
async fn a_deleted_trail_delivers_what_it_recorded_and_ends_its_chain() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let delivery = world.open(folder.path()).await;
    delivery.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    record(&delivery, &world, 0..10).await;
    world.pass(300);
    delivery.deliver_all().await;
    record(&delivery, &world, 10..20).await;
    let now = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    assert!(delivery.registry.end(&trail().arn, now).await.unwrap());
    // The process ends, and the bucket refuses at first.
    delivery.store.close().await;
    drop(delivery);
    let delivery = world.open(folder.path()).await;
    world.pass(10);
    world.bucket.refuses_one_in.store(1, Ordering::Relaxed);
    delivery.deliver_all().await;
    assert_eq!(delivery.registry.with_ended().len(), 1);
    world.bucket.refuses_one_in.store(0, Ordering::Relaxed);
    world.pass(60);
    delivery.deliver_all().await;
    assert!(delivery.registry.with_ended().is_empty());
    world.check_that_each_is_there_once(20);
    let log_files = world.bucket.objects.lock().keys().filter(|key| key.contains("/CloudTrail/")).count();
    let (home, other) =
        (world.check_chain(&delivery.keys, "us-east-1").await, world.check_chain(&delivery.keys, "eu-west-1").await);
    assert_eq!(home.1 + other.1, log_files, "every log file is in a digest");
    delivery.store.close().await;
}

#[tokio::test]
async fn a_deleted_trail_waits_for_its_log_group_that_has_not_begun() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let delivery = world.open(folder.path()).await;
    let with_group = Trail { log_group_arn: Some("group".to_owned()), ..trail() };
    for is_fed in [true, false] {
        delivery.registry.add(with_group.clone(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
        record(&delivery, &world, 0..10).await;
        let now = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
        delivery.registry.end(&with_group.arn, now).await.unwrap();
        world.pass(120);
        delivery.deliver_all().await;
        delivery.deliver_all().await;
        let [ended] = &delivery.registry.with_ended()[..] else { panic!("the group has nothing yet") };
        assert!(delivery.registry.progress(&ended.key()).unwrap().is_stopped, "the bucket has all");
        if is_fed {
            let fed = FeedProgress { start: ended.logging.starts, is_stopped: true, ..FeedProgress::default() };
            delivery.registry.note_feed(&log_group_feed(&ended.key()), fed).await.unwrap();
        } else {
            // A group that takes nothing for so long is given up.
            world.pass(600);
        }
        delivery.deliver_all().await;
        assert!(delivery.registry.with_ended().is_empty(), "{is_fed}");
    }
    delivery.store.close().await;
}

#[tokio::test]
async fn the_last_files_of_a_deleted_trail_are_given_up_after_thirty_days() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let delivery = world.open(folder.path()).await;
    delivery.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    record(&delivery, &world, 0..10).await;
    let now = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    delivery.registry.end(&trail().arn, now).await.unwrap();
    world.bucket.refuses_one_in.store(1, Ordering::Relaxed);
    for _ in 0..29 {
        world.pass(24 * 3600);
        delivery.deliver_all().await;
        assert_eq!(delivery.registry.with_ended().len(), 1);
    }
    world.pass(2 * 24 * 3600);
    delivery.deliver_all().await;
    delivery.deliver_all().await;
    assert!(delivery.registry.with_ended().is_empty());
    delivery.store.close().await;
}

async fn change(delivery: &Delivery, change: impl FnOnce(&mut Trail)) {
    let (newest, arn) = (delivery.store.newest_sequence(), trail().arn);
    let passed = delivery.registry.passed(&arn);
    let changed = delivery.registry.change(&arn, |trail| {
        let before = trail.scope();
        change(trail);
        trail.keep_past(before, newest, &passed);
        Ok::<_, ()>(())
    });
    changed.await.unwrap().unwrap().unwrap();
}

async fn set_logging(delivery: &Delivery, world: &World, is_on: bool) {
    let (newest, passed) = (delivery.store.newest_sequence(), delivery.registry.passed(&trail().arn));
    let now = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    change(delivery, |trail| match is_on {
        true => trail.logging.start(now, newest, &passed),
        false => trail.logging.stop(now),
    })
    .await;
    world.pass(1);
}

async fn with_trail(folder: &Path) -> (World, Delivery) {
    let world = World::new();
    let delivery = world.open(folder).await;
    delivery.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    (world, delivery)
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test]
async fn what_is_recorded_in_a_pause_is_left_out_however_short_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (world, delivery) = with_trail(folder.path()).await;
    let mut wanted = Vec::new();
    // Stopped and started again before the delivery looks, in the moments behind a stop, and when it is through with it.
    for (round, (looks, pause)) in [(0, 1), (1, 1), (2, 20), (0, 20), (2, 1), (1, 20)].into_iter().enumerate() {
        let first = round as u32 * 30;
        record(&delivery, &world, first..first + 10).await;
        set_logging(&delivery, &world, false).await;
        for _ in 0..looks {
            world.pass(pause);
            delivery.deliver_all().await;
        }
        record(&delivery, &world, first + 10..first + 20).await;
        set_logging(&delivery, &world, true).await;
        record(&delivery, &world, first + 20..first + 30).await;
        wanted.extend((first..first + 30).filter(|number| !(first + 10..first + 20).contains(number)));
        if round % 2 == 1 {
            world.pass(300);
            delivery.deliver_all().await;
        }
    }
    world.pass(300);
    delivery.deliver_all().await;
    let wanted: Vec<_> =
        wanted.into_iter().filter(|number| number % 4 != 3).map(|number| format!("id-{number:06}")).collect();
    assert_eq!(sorted(world.delivered()), sorted(wanted));
    // What was passed is not kept.
    set_logging(&delivery, &world, false).await;
    world.pass(10);
    delivery.deliver_all().await;
    set_logging(&delivery, &world, true).await;
    world.pass(10);
    delivery.deliver_all().await;
    set_logging(&delivery, &world, false).await;
    set_logging(&delivery, &world, true).await;
    assert_eq!(delivery.registry.get(&trail().arn).unwrap().logging.pauses.len(), 1);
    delivery.store.close().await;
}

#[tokio::test]
async fn events_go_by_what_the_trail_was_when_they_were_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (world, delivery) = with_trail(folder.path()).await;
    world.bucket.gone.lock().push("logs");
    record(&delivery, &world, 0..8).await;
    world.pass(60);
    // A plan is made, and waits for its bucket while the trail is changed.
    delivery.deliver_all().await;
    record(&delivery, &world, 8..16).await;
    change(&delivery, |trail| trail.is_multi_region = false).await;
    record(&delivery, &world, 16..24).await;
    change(&delivery, |trail| trail.selectors = Some(EventSelectors::Basic(Vec::new()))).await;
    record(&delivery, &world, 24..32).await;
    change(&delivery, |trail| (trail.selectors, trail.is_multi_region) = (None, true)).await;
    record(&delivery, &world, 32..40).await;
    world.bucket.gone.lock().clear();
    for _ in 0..2 {
        world.pass(1000);
        delivery.deliver_all().await;
    }
    // One in four is a data event; those with odd numbers are of the other region.
    let is_wanted = |number: &u32| match number {
        _ if number % 4 == 3 => false,
        16..24 => number.is_multiple_of(2),
        24..32 => false,
        _ => true,
    };
    let wanted: Vec<_> = (0..40).filter(is_wanted).map(|number| format!("id-{number:06}")).collect();
    assert_eq!(sorted(world.delivered()), wanted);
    delivery.store.close().await;
}

#[tokio::test]
async fn another_bucket_gets_what_the_old_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, delivery) = with_trail(folder.path()).await;
    record(&delivery, &world, 0..10).await;
    world.pass(3600);
    delivery.deliver_all().await;
    world.bucket.gone.lock().push("logs");
    record(&delivery, &world, 10..20).await;
    world.pass(3600);
    delivery.deliver_all().await;
    let status = || delivery.registry.progress(&trail().arn).unwrap().status.clone();
    assert_eq!(status().latest_delivery_error.as_deref(), Some("NoSuchBucket"));
    assert_eq!(status().latest_digest_error.as_deref(), Some("NoSuchBucket"));
    // Though the next try at the old bucket would be later.
    change(&delivery, |trail| (trail.bucket, trail.prefix) = ("other".to_owned(), Some("new".to_owned()))).await;
    delivery.deliver_all().await;
    world.check_that_each_is_there_once(20);
    assert_eq!((status().latest_delivery_error, status().latest_digest_error), (None, None));
    let count = |part: &str| world.bucket.objects.lock().keys().filter(|key| key.starts_with(part)).count();
    assert!(
        count("new/AWSLogs/111122223333/CloudTrail/") >= 2 && count("new/AWSLogs/111122223333/CloudTrail-Digest/") >= 2
    );
    delivery.store.close().await;
}

#[tokio::test]
async fn a_bucket_that_refuses_is_asked_less_and_less() {
    let folder = tempfile::tempdir().unwrap();
    let (world, delivery) = with_trail(folder.path()).await;
    world.bucket.gone.lock().push("logs");
    record(&delivery, &world, 0..1).await;
    let mut asked = Vec::new();
    for second in 0..4 * 3600 / 20 {
        let before = world.bucket.requests.load(Ordering::Relaxed);
        delivery.deliver_all().await;
        if world.bucket.requests.load(Ordering::Relaxed) > before {
            asked.push(second * 20);
        }
        world.pass(20);
    }
    let waits: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..6], [60, 120, 240, 480, 900, 900], "{waits:?}");
    world.bucket.gone.lock().clear();
    world.pass(900);
    delivery.deliver_all().await;
    world.check_that_each_is_there_once(1);
    delivery.store.close().await;
}

#[tokio::test]
async fn validation_that_is_switched_off_ends_the_chain_and_another_begins_where_it_is_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let (world, delivery) = with_trail(folder.path()).await;
    record(&delivery, &world, 0..10).await;
    world.pass(60);
    delivery.deliver_all().await;
    change(&delivery, |trail| trail.validates_log_files = false).await;
    record(&delivery, &world, 10..20).await;
    world.pass(7200);
    delivery.deliver_all().await;
    let digests = |world: &World| {
        let objects = world.bucket.objects.lock();
        let digests = objects.iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/us-east-1/"));
        digests
            .map(|(_, (content, _))| serde_json::from_str(&unpack(content)).unwrap())
            .collect::<Vec<serde_json::Value>>()
    };
    let found = digests(&world);
    assert_eq!(found.len(), 1, "what was delivered until then is in a digest, and nothing comes behind it");
    assert_eq!(found[0]["logFiles"].as_array().unwrap().len(), 1);
    world.pass(7200);
    delivery.deliver_all().await;
    let since = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
    change(&delivery, |trail| (trail.validates_log_files, trail.validates_since) = (true, Some(since))).await;
    record(&delivery, &world, 20..30).await;
    world.pass(3600);
    delivery.deliver_all().await;
    let found = digests(&world);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1]["digestStartTime"], since.to_string(), "it says nothing of the time before");
    assert!(found[1]["previousDigestS3Object"].is_null());
    delivery.store.close().await;
}

#[tokio::test]
async fn two_trails_of_one_name_never_write_one_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut delivery) = with_trail(folder.path()).await;
    delivery.settings.digest_interval = Duration::from_secs(1);
    for round in 0..20 {
        record(&delivery, &world, round * 10..(round + 1) * 10).await;
        world.pass(1);
        delivery.deliver_all().await;
        // The last digest of the one that was deleted comes some seconds behind, when the next one has its first.
        let now = EventTime::from_seconds(world.clock.load(Ordering::Relaxed));
        assert!(delivery.registry.end(&trail().arn, now).await.unwrap());
        let mut next = trail();
        next.logging = Logging::default();
        next.logging.start(now, delivery.store.newest_sequence(), &[]);
        delivery.registry.add(next, |_| Ok::<_, ()>(())).await.unwrap().unwrap();
        for _ in 0..4 {
            world.pass(1);
            delivery.deliver_all().await;
        }
        if round % 5 == 4 {
            delivery.store.close().await;
            drop(delivery);
            delivery = world.open(folder.path()).await;
            delivery.settings.digest_interval = Duration::from_secs(1);
        }
    }
    // The bucket itself sees to it that nothing is written twice and not the same.
    world.check_that_each_is_there_once(200);
    delivery.store.close().await;
}
