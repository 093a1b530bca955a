//! Feeds whose receivers refuse, and lose what they were asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use delivery::{BusEvent, EventBusSink, Feeds, LogEntry, LogGroupSink, PutError};
use metadata::Metadata;
use model::{AccountId, EventTime, Region};
use parking_lot::Mutex;
use store::{EventStore, NewRecord, RecordKind, StoreConfig};
use trails::{Logging, Trail, TrailRegistry, log_group_feed};

const ACCOUNT: &str = "111122223333";
const START: i64 = 1_740_830_400;

/// Takes entries and events, and refuses every third request; of those, every second one was taken all the same.
#[derive(Default)]
struct Receiver {
    requests: AtomicU64,
    entries: Mutex<Vec<(String, LogEntry)>>,
    events: Mutex<Vec<(String, BusEvent)>>,
}

impl Receiver {
    fn answer(&self, take: impl FnOnce()) -> Result<(), PutError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        if number % 6 != 2 {
            take();
        }
        if number % 3 == 2 {
            return Err(PutError { code: "ThrottlingException".to_owned(), message: "not now".to_owned() });
        }
        Ok(())
    }
}

#[async_trait]
impl LogGroupSink for Receiver {
    async fn put_entries(&self, log_group_arn: &str, stream: &str, entries: &[LogEntry]) -> Result<(), PutError> {
        assert_eq!(log_group_arn, "group");
        assert!(entries.is_sorted_by_key(|entry| entry.time));
        self.answer(|| self.entries.lock().extend(entries.iter().map(|entry| (stream.to_owned(), entry.clone()))))
    }
}

#[async_trait]
impl EventBusSink for Receiver {
    async fn put_events(&self, region: &str, events: &[BusEvent]) -> Result<(), PutError> {
        assert!(events.len() <= 10);
        self.answer(|| self.events.lock().extend(events.iter().map(|event| (region.to_owned(), event.clone()))))
    }
}

async fn open(folder: &Path, receiver: &Arc<Receiver>, clock: &Arc<AtomicI64>) -> Feeds {
    let (store, _) = EventStore::open(StoreConfig::new(folder)).await.unwrap();
    let clock = Arc::clone(clock);
    Feeds {
        store,
        registry: Arc::new(TrailRegistry::open(&Metadata::in_folder(folder)).await.unwrap()),
        log_groups: Arc::clone(receiver) as Arc<dyn LogGroupSink>,
        event_bus: Some(Arc::clone(receiver) as Arc<dyn EventBusSink>),
        organization: None,
        clock: Arc::new(move || EventTime::from_seconds(clock.load(Ordering::Relaxed))),
    }
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
        topic: None,
        includes_global_service_events: true,
        is_multi_region: true,
        validates_log_files: true,
        validates_since: None,
        log_group_arn: Some("group".to_owned()),
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
        logging: Logging::default(),
        ended: None,
        birth: 0,
    }
}

/// Records an event; every third one only reads.
async fn record(feeds: &Feeds, time: i64, id: &str, reads: bool) {
    let time = EventTime::from_seconds(time);
    let text = format!(
        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"PutThing","awsRegion":"eu-west-1","eventID":"{id}","readOnly":{reads},"managementEvent":true,"eventCategory":"Management","recipientAccountId":"{ACCOUNT}"}}"#
    );
    let record = NewRecord { record: text.into(), kind: RecordKind::Event(None), supersedes: None };
    for outcome in feeds.store.commit(vec![record]).await {
        outcome.unwrap();
    }
}

fn ids<'a>(records: impl Iterator<Item = &'a [u8]>) -> BTreeSet<String> {
    let id = |record: &[u8]| {
        let record: serde_json::Value = serde_json::from_slice(record).unwrap();
        record["eventID"].as_str().unwrap().to_owned()
    };
    records.map(id).collect()
}

#[tokio::test]
async fn receivers_have_every_event_of_the_trail_whatever_they_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, clock) = (Arc::new(Receiver::default()), Arc::new(AtomicI64::new(START)));
    let mut feeds = open(folder.path(), &receiver, &clock).await;
    feeds.registry.add(trail(), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
    feeds.send_once().await;
    record(&feeds, START, "before a look at which no trail runs", false).await;
    feeds.send_once().await;
    record(&feeds, START, "before the start", false).await;
    let behind = feeds.store.newest_sequence();
    let start = |trail: &mut Trail| {
        trail.logging = Logging {
            is_on: true,
            started: Some(EventTime::from_seconds(START)),
            started_behind: behind,
            starts: 1,
            ..Logging::default()
        };
        Ok::<_, ()>(())
    };
    feeds.registry.change(&trail().arn, start).await.unwrap().unwrap().unwrap();
    let (mut all, mut writing) = (BTreeSet::new(), BTreeSet::new());
    let (mut refusals, arn) = (0, trail().arn);
    for number in 0..120_i64 {
        let id = format!("id-{number:03}");
        record(&feeds, START + 200 - number, &id, number % 3 == 0).await;
        all.insert(id.clone());
        if number % 3 != 0 {
            writing.insert(id);
        }
        clock.fetch_add(5, Ordering::Relaxed);
        feeds.send_once().await;
        let progress = feeds.registry.feed(&log_group_feed(&arn)).unwrap();
        refusals += usize::from(progress.latest_error.as_deref() == Some("ThrottlingException: not now"));
        if number % 40 == 39 {
            feeds.store.close().await;
            drop(feeds);
            feeds = open(folder.path(), &receiver, &clock).await;
        }
    }
    assert!(refusals > 10, "{refusals}");
    let stopped = EventTime::from_seconds(clock.load(Ordering::Relaxed));
    let stop = |trail: &mut Trail| {
        trail.logging.is_on = false;
        trail.logging.stopped = Some(stopped);
        Ok::<_, ()>(())
    };
    feeds.registry.change(&arn, stop).await.unwrap().unwrap().unwrap();
    record(&feeds, stopped.as_seconds() + 1, "behind the stop", false).await;
    clock.fetch_add(10, Ordering::Relaxed);
    for _ in 0..3 {
        feeds.send_once().await;
    }
    assert!(feeds.registry.feed(&log_group_feed(&arn)).unwrap().is_stopped);
    let entries = receiver.entries.lock().clone();
    assert!(entries.iter().all(|(stream, _)| stream == "111122223333_CloudTrail_us-east-1"));
    assert_eq!(ids(entries.iter().map(|(_, entry)| &*entry.message)), all);
    let events = receiver.events.lock().clone();
    assert!(events.iter().all(|(region, event)| region == "eu-west-1" && event.source == "aws.s3"));
    assert_eq!(ids(events.iter().map(|(_, event)| &*event.detail)), writing, "rules do not see what only reads");
    assert!(entries.len() < all.len() * 2, "what was taken is not sent again without need");
    feeds.store.close().await;
}
