//! A watcher over a real store: restarts between any two of its steps, a history of before, and what it costs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::print_stdout, reason = "the measurement is for people")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use insights::{Analysis, Learned, Observation, Settings, Watch, Watcher};
use model::{AccountId, EventCategory, EventTime, InsightSubject, LookupIndex};
use store::{EventQuery, EventStore, NewRecord, RecordKind, StoreConfig, StoredEvent};

const START: i64 = 1_740_787_200;
const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

struct World {
    now: AtomicI64,
    next_id: AtomicU64,
    next_event: AtomicU64,
    is_needed: AtomicBool,
}

struct Wanted(Arc<World>);

impl Watch for Wanted {
    fn is_needed(&self) -> bool {
        self.0.is_needed.load(Ordering::Relaxed)
    }

    fn wants(&self, _: AccountId, region: &str, _: &InsightSubject, _: EventTime) -> bool {
        region == "eu-west-1"
    }
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicI64::new(START),
            next_id: AtomicU64::new(1),
            next_event: AtomicU64::new(1),
            is_needed: AtomicBool::new(true),
        })
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn open(self: &Arc<Self>, folder: &Path) -> Watcher {
        let (store, _) = EventStore::open(StoreConfig::new(folder)).await.unwrap();
        let (clock, ids) = (Arc::clone(self), Arc::clone(self));
        Watcher {
            store,
            watch: Arc::new(Wanted(Arc::clone(self))),
            folder: folder.to_owned(),
            clock: Arc::new(move || EventTime::from_seconds(clock.now.load(Ordering::Relaxed))),
            new_id: Arc::new(move || format!("insight-{}", ids.next_id.fetch_add(1, Ordering::Relaxed))),
            settings: Settings::default(),
            learned: Learned::default(),
        }
    }

    fn record(&self, name: &str, region: &str) -> String {
        let number = self.next_event.fetch_add(1, Ordering::Relaxed);
        let time = EventTime::from_seconds(self.now.load(Ordering::Relaxed));
        let session = number % 20;
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/session-{session}"}},"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"{region}","userAgent":"aws-cli/2.15.0","eventID":"event-{number}","readOnly":false,"managementEvent":true,"eventCategory":"Management","recipientAccountId":"111122223333"}}"#
        )
    }

    async fn calls(&self, store: &EventStore, count: usize, name: &str, region: &str) {
        let record =
            |_| NewRecord { record: self.record(name, region).into(), kind: RecordKind::Event(None), supersedes: None };
        for outcome in store.commit((0..count).map(record).collect()).await {
            outcome.unwrap();
        }
    }
}

/// The states of the Insights events in a store, oldest first; each has an id of its own.
async fn told(store: &EventStore) -> Vec<String> {
    let query = EventQuery { categories: vec![EventCategory::Insight], ..EventQuery::default() };
    let events = store.lookup(query).await.unwrap().events;
    let ids: BTreeSet<_> = events.iter().map(|event| event.index.event_id.clone()).collect();
    assert_eq!(ids.len(), events.len());
    let state = |event: &Arc<StoredEvent>| {
        let record: serde_json::Value = serde_json::from_slice(&event.record).unwrap();
        let details = &record["insightDetails"];
        format!("{} {}", details["state"].as_str().unwrap(), details["eventName"].as_str().unwrap())
    };
    events.iter().rev().map(state).collect()
}

#[tokio::test]
async fn a_burst_is_told_once_whatever_is_restarted_and_lost() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let mut watcher = world.open(folder.path()).await;
    world.calls(&watcher.store, 1, "RunInstances", "eu-west-1").await;
    watcher.look_once().await.unwrap();
    world.pass(2 * DAY);
    watcher.look_once().await.unwrap();
    let file = folder.path().join("insights-baselines.json.zst");
    // Killed at each moment of a burst of twelve minutes, sometimes with a snapshot as it was some minutes before.
    for minute in 0..30 {
        if minute < 12 {
            world.calls(&watcher.store, 20, "RunInstances", "eu-west-1").await;
            world.calls(&watcher.store, 20, "RunInstances", "eu-west-3").await;
        }
        world.pass(MINUTE);
        let before = std::fs::read(&file).unwrap();
        watcher.look_once().await.unwrap();
        if minute % 3 == 0 {
            watcher.store.close().await;
            drop(watcher);
            let has_told = std::fs::read(&file).unwrap() != before;
            watcher = world.open(folder.path()).await;
            let stored = told(&watcher.store).await;
            // What was recorded is in the outbox still, and not recorded again.
            watcher.look_once().await.unwrap();
            assert_eq!(told(&watcher.store).await, stored, "minute {minute}, told: {has_told}");
        }
    }
    assert_eq!(told(&watcher.store).await, ["Start RunInstances", "End RunInstances"]);
    watcher.store.close().await;
}

#[tokio::test]
async fn an_event_that_was_not_recorded_for_sure_comes_after_the_restart() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let mut watcher = world.open(folder.path()).await;
    world.calls(&watcher.store, 1, "RunInstances", "eu-west-1").await;
    watcher.look_once().await.unwrap();
    world.pass(2 * DAY);
    world.calls(&watcher.store, 20, "RunInstances", "eu-west-1").await;
    world.pass(2 * MINUTE);
    // The journal takes nothing more, so that the event is in the outbox and nowhere else.
    watcher.store.close().await;
    watcher.look_once().await.unwrap_err();
    drop(watcher);
    let mut watcher = world.open(folder.path()).await;
    assert_eq!(told(&watcher.store).await, Vec::<String>::new());
    watcher.look_once().await.unwrap();
    assert_eq!(told(&watcher.store).await, ["Start RunInstances"]);
    watcher.store.close().await;
}

#[tokio::test]
async fn what_was_recorded_before_is_learned_and_not_told() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    world.is_needed.store(false, Ordering::Relaxed);
    let mut watcher = world.open(folder.path()).await;
    for hour in 0..10 * 24 {
        world.calls(&watcher.store, if hour % 24 == 5 { 200 } else { 2 }, "RunInstances", "eu-west-1").await;
        if hour % 60 == 59 {
            watcher.store.seal(true).await.unwrap();
        }
        world.pass(3600);
    }
    watcher.look_once().await.unwrap();
    assert!(!folder.path().join("insights-baselines.json.zst").exists());
    world.is_needed.store(true, Ordering::Relaxed);
    watcher.look_once().await.unwrap();
    // Today's run of what runs each day, and something that was never there.
    world.pass(5 * 3600);
    world.calls(&watcher.store, 200, "RunInstances", "eu-west-1").await;
    world.calls(&watcher.store, 7, "TerminateInstances", "eu-west-1").await;
    world.pass(3 * MINUTE);
    watcher.look_once().await.unwrap();
    assert_eq!(told(&watcher.store).await, ["Start TerminateInstances"]);
    world.is_needed.store(false, Ordering::Relaxed);
    watcher.look_once().await.unwrap();
    assert!(!folder.path().join("insights-baselines.json.zst").exists(), "nobody wants it any more");
    watcher.store.close().await;
}

/// `cargo test --release -p opentrail-insights --test watcher -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn the_cost_of_an_event() {
    const EVENTS: usize = 500_000;
    let world = World::new();
    let names: Vec<String> = (0..400).map(|number| format!("Operation{number}")).collect();
    let events: Vec<StoredEvent> = (0..EVENTS)
        .map(|number| {
            // Fifty a second.
            world.now.store(START + i64::try_from(number / 50).unwrap(), Ordering::Relaxed);
            let record = world.record(&names[number * 7919 % names.len()], "eu-west-1");
            let index = LookupIndex::derive(record.as_bytes()).unwrap();
            StoredEvent { sequence: 1, index, record: record.into() }
        })
        .collect();
    let mut analysis = Analysis::begin(EventTime::from_seconds(START));
    let new_id: insights::IdSource = Arc::new(|| "id".to_owned());
    let (began, mut told) = (Instant::now(), 0);
    for chunk in events.chunks(100) {
        for event in chunk {
            analysis.observe(&Observation::of(event).unwrap());
        }
        let now = chunk.last().unwrap().index.event_time;
        told += analysis.close_minutes(now, Settings::default(), &new_id, &|_, _, _, _| true).len();
    }
    let nanos = began.elapsed().as_nanos() / EVENTS as u128;
    println!("{nanos} ns for each of {EVENTS} events of {} operations; {told} told", analysis.series_count());
    assert!(nanos < 20_000);
}
