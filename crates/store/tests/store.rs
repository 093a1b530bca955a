//! The store over real files: what is acknowledged is there after any end, and found as a slow plain search finds it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a failed test may panic, and has no readers")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{EventCategory, EventTime, LookupIndex};
use proptest::prelude::*;
use serde_json::json;
use store::query::Order;
use store::{
    AttributeFilter, CountField, CountQuery, Counts, DiskLimits, EventQuery, EventStore, ImportError, Imported,
    ImportedFile, Importer, StoreConfig, StoreError,
};

fn config(folder: &Path) -> StoreConfig {
    StoreConfig { segment_events_max: 10, journal_file_bytes_max: 2_000, ..StoreConfig::new(folder) }
}

fn record(id: &str, seconds: i64, name: &str, resource: &str) -> Bytes {
    let time = EventTime::from_seconds(1_740_830_400 + seconds);
    Bytes::from(
        json!({
            "eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "userName": "ana", "accessKeyId": "AKIA1"},
            "eventTime": time.to_string(), "eventSource": "s3.amazonaws.com", "eventName": name,
            "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1", "requestParameters": {"bucketName": resource},
            "responseElements": null, "eventID": id, "readOnly": false, "recipientAccountId": "111122223333",
            "eventCategory": "Management"
        })
        .to_string(),
    )
}

async fn open(folder: &Path) -> EventStore {
    EventStore::open(config(folder)).await.expect("a store").0
}

async fn all_ids(store: &EventStore) -> Vec<String> {
    let page = store.lookup(EventQuery { limit: 10_000, ..EventQuery::default() }).await.expect("a page");
    page.events.iter().map(|event| event.index.event_id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_journal_leaves_the_memory_of_lookups_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..35 {
        store.append(record(&format!("e-{number}"), number, "PutObject", "b"), None).await.unwrap();
    }
    store.seal(true).await.unwrap();
    assert_eq!(store.status().unsealed_events, 0);
    let follow = || async {
        let mut numbers = Vec::new();
        while let Some(portion) = Some(store.after_sequence(numbers.len() as u64, 7).await.unwrap())
            && !portion.is_empty()
        {
            numbers.extend(portion.iter().map(|event| event.sequence));
        }
        numbers
    };
    assert_eq!(follow().await, (1..=35).collect::<Vec<u64>>());
    while store.compact().await.unwrap() {}
    assert_eq!(follow().await, (1..=35).collect::<Vec<u64>>(), "joined segments are followed as well");
    assert_eq!(store.status().cache_bytes, 0);
    assert_eq!(all_ids(&store).await.len(), 35);
    assert!(store.status().cache_bytes > 0, "lookups keep what they read");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_of_the_newest_segments_are_warmed_up_as_half_of_the_cache_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        EventStore::open(StoreConfig { segment_cache_bytes: 8 << 20, ..config(folder.path()) }).await.unwrap().0;
    let seal = async |number: i64| {
        store.append(record(&format!("e-{number}"), number, "PutObject", "b"), None).await.unwrap();
        store.seal(true).await.unwrap();
    };
    for number in [0, 50, 20, 30, 40] {
        seal(number).await;
    }
    let warm_up = async || {
        let mut count = 0;
        while store.warm_up().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    tokio::time::timeout(Duration::from_secs(5), store.until_new_segments()).await.expect("segments came");
    assert_eq!(warm_up().await, 2);
    let bytes = store.status().cache_bytes;
    assert!(bytes > 0);
    seal(10).await;
    assert_eq!(warm_up().await, 0, "older than two others");
    assert_eq!(store.status().cache_bytes, bytes);
    seal(60).await;
    tokio::time::timeout(Duration::from_secs(5), store.until_new_segments()).await.expect("a segment came");
    assert_eq!(warm_up().await, 1);
    assert_eq!(all_ids(&store).await.len(), 7);
    let (bytes, mut filters) = (store.status().cache_bytes, 0);
    while store.read_term_filter().await.unwrap().is_some() {
        filters += 1;
    }
    assert_eq!(filters, 7, "those of all segments, each once");
    assert!(store.status().cache_bytes > bytes);
    store.close().await;
    drop(store);
    let little = StoreConfig { segment_cache_bytes: 1, ..config(folder.path()) };
    let store = EventStore::open(little).await.unwrap().0;
    assert!(store.read_term_filter().await.unwrap().is_some());
    assert!(store.read_term_filter().await.unwrap().is_none(), "they have the memory that they may");
}

/// With many segments and few rows in each, several are asked at once and by several threads.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_in_its_order_in_many_segments() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut rare = Vec::new();
    for segment in 0..30_i64 {
        for number in 0..8 {
            // Segments overlap in time.
            let (id, seconds) = (format!("e-{segment}-{number}"), segment * 5 + number * 7);
            let is_rare = number % 4 == 3;
            rare.extend(is_rare.then(|| (seconds, segment, id.clone())));
            let bucket = if is_rare { "rare" } else { "usual" };
            store.append(record(&id, seconds, "PutObject", bucket), None).await.unwrap();
        }
        store.seal(true).await.unwrap();
    }
    assert_eq!(store.status().segment_count, 30);
    rare.sort();
    let expected: Vec<&String> = rare.iter().map(|(_, _, id)| id).collect();
    let by_name =
        EventQuery { attributes: vec![AttributeFilter::ResourceName("rare".to_owned())], ..EventQuery::default() };
    let by_text = EventQuery { texts: vec!["\"bucketName\":\"rare".to_owned()], ..EventQuery::default() };
    // Most of what segments find does not fit, so that they are asked for more than a page.
    let is_rare = |index: &LookupIndex, _: &[u8]| index.resources.iter().any(|found| &*found.resource_name == "rare");
    let in_frequent =
        EventQuery { texts: vec!["PutObject".to_owned()], condition: Some(Arc::new(is_rare)), ..EventQuery::default() };
    let directions = [(Order::OldestFirst, 7), (Order::NewestFirst, 7), (Order::NewestFirst, 50)];
    let queries = [by_name, by_text, in_frequent];
    for (query, (order, limit)) in queries.iter().flat_map(|query| directions.map(|direction| (query, direction))) {
        let mut query = EventQuery { order, limit, ..query.clone() };
        let mut found = Vec::new();
        loop {
            let page = store.lookup(query.clone()).await.unwrap();
            found.extend(page.events.iter().map(|event| event.index.event_id.to_string()));
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        if order == Order::NewestFirst {
            found.reverse();
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_only_what_is_noted_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let limits = DiskLimits { reserve_bytes: 0, budget_bytes: Some(10_000) };
    let (store, _) = EventStore::open(StoreConfig { disk_limits: limits, ..config(folder.path()) }).await.unwrap();
    let note = store.note(record("noted", 0, "CreateBucket", "b"), None).await.unwrap();
    let mut taken = BTreeSet::from(["noted".to_owned()]);
    for number in 0..100 {
        let id = format!("e-{number}");
        store.measure_room().unwrap();
        match store.append(record(&id, number, "CreateBucket", "b"), None).await {
            Ok(_) => drop(taken.insert(id)),
            Err(StoreError::NoRoom { reason }) => {
                assert!(reason.contains("a budget of 9 KiB"), "{reason}");
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(taken.len() > 5 && taken.len() < 50, "{}", taken.len());
    assert!(store.measure_room().unwrap().refusal.is_some());
    store.append(record("noted", 0, "CreateBucket", "b"), Some(note)).await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let importer = store.clone();
    let refused = tokio::task::spawn_blocking(move || {
        let mut importer = importer.importer(runtime);
        importer.push(&record("imported", 0, "CreateBucket", "b")).unwrap();
        importer.commit(&[])
    });
    assert!(matches!(refused.await.unwrap(), Err(StoreError::NoRoom { .. })));
    assert_eq!(all_ids(&store).await.into_iter().collect::<BTreeSet<_>>(), taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_and_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = BTreeSet::new();
    for round in 0..6 {
        let store = open(folder.path()).await;
        assert_eq!(all_ids(&store).await.into_iter().collect::<BTreeSet<_>>(), expected, "round {round}");
        assert_eq!(all_ids(&store).await.len(), expected.len(), "nothing twice");
        for number in 0..7 {
            let id = format!("e-{round}-{number}");
            store.append(record(&id, i64::from(number), "CreateBucket", "b"), None).await.expect("durable");
            expected.insert(id);
        }
        // Sealing happens in some rounds, so that restarts meet every mixture of journal and segments.
        if round % 2 == 1 {
            store.seal(round % 4 == 1).await.expect("sealed");
        }
        // No orderly end: the next round opens what is on disk.
        store.close().await;
        drop(store);
    }
    let store = open(folder.path()).await;
    assert_eq!(store.newest_sequence(), 42);
    assert!(store.status().segment_count > 0);
    let numbers: Vec<u64> = store.after_sequence(0, 1_000).await.unwrap().iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=42).collect::<Vec<_>>(), "gapless");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_without_an_outcome_become_events_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let open_call = store.note(record("open", 1, "CreateBucket", "b"), None).await.unwrap();
    let done = store.note(record("done", 2, "CreateBucket", "b"), None).await.unwrap();
    store.append(record("done", 3, "CreateBucket", "b"), Some(done)).await.unwrap();
    let provisional = store.note(record("streamed", 4, "GetObject", "b"), None).await.unwrap();
    store.note(record("streamed", 5, "GetObject", "b"), Some(provisional)).await.unwrap();
    assert_eq!(all_ids(&store).await, ["done"], "a pending note is not visible");
    assert_eq!(store.status().pending_notes, 2);
    store.close().await;
    drop(store);
    for _ in 0..2 {
        let store = open(folder.path()).await;
        let mut ids = all_ids(&store).await;
        ids.sort();
        assert_eq!(ids, ["done", "open", "streamed"]);
        assert_eq!(store.status().pending_notes, 0);
        store.seal(true).await.unwrap();
        store.close().await;
    }
    let _ = open_call;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_goes_on_in_a_file_with_room_as_soon_as_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let room = 256 * 1024;
    let config = StoreConfig { journal_file_bytes_max: room, ..StoreConfig::new(folder.path()) };
    let store = EventStore::open(config.clone()).await.unwrap().0;
    let mut written = 0;
    let with_room = || {
        let files = std::fs::read_dir(folder.path().join("journal")).unwrap().map(|file| file.unwrap());
        files
            .filter(|file| file.path().extension().is_some_and(|ending| ending == "journal"))
            .any(|file| file.metadata().unwrap().len() == room)
    };
    while !with_room() {
        assert!(written < 500, "no file has room yet");
        store.append(record(&format!("e-{written}"), written, "X", "b"), None).await.unwrap();
        written += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(store.status().journal_bytes < room, "long before the first file was full: {:?}", store.status());
    store.append(record("last", written, "X", "b"), None).await.unwrap();
    store.close().await;
    drop(store);
    let store = EventStore::open(config).await.unwrap().0;
    assert_eq!(all_ids(&store).await.len() as i64, written + 1);
}

/// A process that is started again and again, and killed each time, would fill disk and memory with room for the journal.
#[test]
fn room_of_the_journal_is_given_back_at_an_end_and_at_a_start() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let room = 256 * 1024;
    let config = |folder: &Path| StoreConfig { journal_file_bytes_max: room, ..StoreConfig::new(folder) };
    let journal = |folder: &Path| -> Vec<(std::path::PathBuf, u64)> {
        let files = std::fs::read_dir(folder.join("journal")).unwrap().map(|file| file.unwrap());
        let files = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "journal"));
        files.map(|file| (file.path(), file.metadata().unwrap().len())).collect()
    };
    let bytes = |folder: &Path| journal(folder).iter().map(|(_, bytes)| bytes).sum::<u64>();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut written = 0;
    runtime.block_on(async {
        let store = EventStore::open(config(folder.path())).await.unwrap().0;
        while bytes(folder.path()) < room {
            assert!(written < 500, "no file has room yet");
            store.append(record(&format!("e-{written}"), written, "X", "b"), None).await.unwrap();
            written += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What a killed process leaves.
        std::fs::create_dir(copy.path().join("journal")).unwrap();
        for (path, _) in journal(folder.path()) {
            std::fs::copy(&path, copy.path().join("journal").join(path.file_name().unwrap())).unwrap();
        }
        store.close().await;
    });
    drop(runtime);
    assert!(bytes(folder.path()) < room, "an orderly end");
    assert!(bytes(copy.path()) >= room);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = EventStore::open(config(copy.path())).await.unwrap().0;
        assert!(bytes(copy.path()) < room, "the start after a kill");
        assert_eq!(all_ids(&store).await.len() as i64, written);
        store.close().await;
        drop(store);
        let store = EventStore::open(config(copy.path())).await.unwrap().0;
        assert_eq!(all_ids(&store).await.len() as i64, written);
    });
}

/// Events that a page showed are kept; what is kept must not be seen by questions that it does not fit, nor outlive its time.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_showed_is_shown_again_to_whom_it_fits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..40 {
        let name = if number % 4 == 0 { "DeleteBucket" } else { "CreateBucket" };
        store
            .append(record(&format!("e-{number}"), number, name, &format!("bucket-{}", number % 3)), None)
            .await
            .unwrap();
    }
    store.seal(true).await.unwrap();
    let ids = async |attributes: &[AttributeFilter], texts: &[&str]| {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let query = EventQuery { attributes: attributes.to_vec(), texts, ..EventQuery::default() };
        let page = store.lookup(query).await.unwrap();
        page.events.iter().map(|event| event.index.event_id.to_string()).collect::<Vec<_>>()
    };
    let numbers = |fits: fn(i64) -> bool| {
        (0..40).rev().filter(|number| fits(*number)).map(|number| format!("e-{number}")).collect::<Vec<_>>()
    };
    let deleted = [AttributeFilter::EventName("DeleteBucket".to_owned())];
    let before = store.status().cache_bytes;
    for _ in 0..2 {
        assert_eq!(ids(&[], &[]).await, numbers(|_| true));
        assert_eq!(ids(&deleted, &[]).await, numbers(|number| number % 4 == 0));
        assert_eq!(ids(&deleted, &["bucket-1"]).await, numbers(|number| number % 12 == 4));
    }
    assert!(store.status().cache_bytes > before + 40 * 500, "all of them are kept");
    while store.compact().await.unwrap() {}
    assert_eq!(ids(&deleted, &[]).await, numbers(|number| number % 4 == 0), "joined with others");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_trims_the_journal_but_not_behind_a_pending_note() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let note = store.note(record("open", 0, "CreateBucket", "b"), None).await.unwrap();
    for number in 0..40 {
        store.append(record(&format!("e-{number}"), number, "X", "b"), None).await.unwrap();
    }
    let before = store.status().journal_bytes;
    store.seal(true).await.unwrap();
    assert_eq!(store.status().journal_bytes, before, "the note holds the oldest file and so all");
    store.append(record("open", 50, "CreateBucket", "b"), Some(note)).await.unwrap();
    store.seal(true).await.unwrap();
    assert!(store.status().journal_bytes < before / 2, "{:?}", store.status());
    store.close().await;
    drop(store);
    assert_eq!(all_ids(&open(folder.path()).await).await.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(folder.path()).await;
    let error = EventStore::open(config(folder.path())).await.expect_err("in use");
    assert!(matches!(error, StoreError::FolderInUse { .. }));
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_where_they_are_while_events_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..35 {
        store.append(record(&format!("e-{number:02}"), number / 4, "X", "b"), None).await.unwrap();
        if number == 25 {
            store.seal(true).await.unwrap();
        }
    }
    let mut query = EventQuery { limit: 4, ..EventQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.lookup(query.clone()).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.index.event_id.clone()));
        let newer = format!("new-{}", seen.len());
        store.append(record(&newer, 1_000, "X", "b"), None).await.unwrap();
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    let expected: Vec<String> = (0..35).rev().map(|number| format!("e-{number:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_segments_go_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..12 {
        store.append(record(&format!("e-{number}"), number, "X", "b"), None).await.unwrap();
    }
    store.seal(true).await.unwrap();
    let day = 86_400;
    assert_eq!(store.drop_expired(EventTime::from_seconds(1_740_830_400 + 89 * day)).await.unwrap(), 0);
    assert!(store.drop_expired(EventTime::from_seconds(1_740_830_400 + 91 * day)).await.unwrap() > 0);
    assert!(all_ids(&store).await.is_empty());
    store.close().await;
    drop(store);
    let store = open(folder.path()).await;
    assert_eq!(store.append(record("next", 0, "X", "b"), None).await.unwrap(), 13);
}

/// A server with the default retention drops what was imported of years ago; with a longer one the same import brings it
/// back, although the ledger has the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_longer_retention_forgets_the_ledger_of_what_a_shorter_one_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let now = EventTime::from_seconds(1_740_830_400 + 200 * 86_400);
    let files = [ImportedFile { key: b"/a".to_vec(), size_bytes: 5, tag: "t".to_owned(), records: 1, rejected: 0 }];
    let import = |store: &EventStore| {
        let mut importer = store.importer(tokio::runtime::Handle::current());
        tokio::task::block_in_place(|| {
            let taken = importer.push(&record("old", 0, "X", "b")).unwrap();
            importer.commit(&files).unwrap();
            taken
        })
    };
    let store = open(folder.path()).await;
    assert_eq!(import(&store), Imported::New);
    assert_eq!(store.drop_expired(now).await.unwrap(), 1);
    assert_eq!(store.drop_expired(now).await.unwrap(), 0);
    assert_eq!(store.imported_files(&[b"/a"]).await.unwrap().len(), 1, "the same retention would drop it again");
    store.close().await;
    drop(store);
    let longer = StoreConfig { retention_days: 365, ..StoreConfig::new(folder.path()) };
    let (store, _) = EventStore::open(longer).await.unwrap();
    assert_eq!(store.drop_expired(now).await.unwrap(), 0);
    assert!(store.imported_files(&[b"/a"]).await.unwrap().is_empty());
    assert_eq!(import(&store), Imported::New);
    assert_eq!(store.drop_expired(now).await.unwrap(), 0);
    assert_eq!(store.imported_files(&[b"/a"]).await.unwrap().len(), 1, "nothing was dropped since");
    assert_eq!(all_ids(&store).await, ["old"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_no_event_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let refused = store.append(Bytes::from_static(b"{}"), None).await;
    assert!(matches!(refused, Err(StoreError::NotAnEvent(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_syncs_and_each_gets_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let appends = (0..200).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.append(record(&format!("e-{number}"), number, "X", "b"), None).await.unwrap() })
    });
    let mut numbers: Vec<u64> =
        futures::future::join_all(appends).await.into_iter().map(|done| done.unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Memory and segments together answer every query as a plain filter and sort over all events does.
    #[test]
    fn lookups_equal_a_plain_search(
        events in prop::collection::vec((0..20_i64, 0..3_usize, 0..3_usize), 1..60),
        seals in prop::collection::vec(any::<bool>(), 60),
        name in prop::option::of(0..4_usize),
        resource in prop::option::of(0..4_usize),
        range in (0..20_i64, 0..20_i64),
        is_newest_first: bool,
        limit in 1..15_usize,
    ) {
        let names = ["CreateBucket", "DeleteBucket", "PutBucketPolicy", "Absent"];
        let buckets = ["alpha", "beta", "gamma", "absent"];
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path()).await;
            let mut plain = Vec::new();
            for (number, (seconds, name, bucket)) in events.iter().enumerate() {
                let id = format!("e-{number}");
                let sequence = store.append(record(&id, *seconds, names[*name], buckets[*bucket]), None).await.unwrap();
                plain.push((*seconds, sequence, id, *name, *bucket));
                if seals[number] && number % 7 == 0 {
                    store.seal(true).await.unwrap();
                }
            }
            plain.retain(|(seconds, _, _, found_name, found_bucket)| {
                (range.0.min(range.1)..=range.0.max(range.1)).contains(seconds)
                    && name.is_none_or(|name| name == *found_name)
                    && resource.is_none_or(|bucket| bucket == *found_bucket)
            });
            plain.sort_by_key(|(seconds, sequence, ..)| (*seconds, *sequence));
            if is_newest_first {
                plain.reverse();
            }
            let mut query = EventQuery {
                attributes: name
                    .map(|name| AttributeFilter::EventName(names[name].to_owned()))
                    .into_iter()
                    .chain(resource.map(|bucket| AttributeFilter::ResourceName(buckets[bucket].to_owned())))
                    .collect(),
                start: EventTime::from_seconds(1_740_830_400 + range.0.min(range.1)),
                end: EventTime::from_seconds(1_740_830_400 + range.0.max(range.1)),
                order: if is_newest_first { Order::NewestFirst } else { Order::OldestFirst },
                limit,
                ..EventQuery::default()
            };
            let mut counted = CountQuery {
                events: query.clone(),
                is_decided_by_tests: false,
                by: Some(CountField::EventName),
                interval_seconds: Some(3),
            };
            let counts = store.count(counted.clone()).await.unwrap();
            let (mut by_value, mut by_time) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
            for (seconds, _, _, name, _) in &plain {
                *by_value.entry(Some(names[*name].to_owned())).or_default() += 1;
                *by_time.entry((1_740_830_400 + seconds).div_euclid(3) * 3).or_default() += 1;
            }
            assert_eq!(counts, Counts { total: plain.len() as u64, by_value, by_time });
            if resource.is_none() {
                // The same without reading a record.
                let wanted = name.map(|name| names[name]);
                counted.events.attributes.clear();
                let test = move |index: &LookupIndex| wanted.is_none_or(|wanted| index.event_name == wanted);
                counted.events.class_test = Some(Arc::new(test));
                counted.events.condition = Some(Arc::new(move |index, _| test(index)));
                counted.is_decided_by_tests = true;
                assert_eq!(store.count(counted).await.unwrap(), counts);
            }
            let mut found = Vec::new();
            loop {
                let page = store.lookup(query.clone()).await.unwrap();
                assert!(page.events.len() <= limit);
                assert!(page.next.is_none() || page.events.len() == limit, "a page with a next one is full");
                found.extend(page.events.iter().map(|event| event.index.event_id.clone()));
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
            let expected: Vec<String> = plain.into_iter().map(|(_, _, id, ..)| id).collect();
            assert_eq!(found, expected);
        });
    }
}

/// Pushes records and says how many were new.
fn push(importer: &mut Importer, records: &[Bytes]) -> usize {
    let is_new = |record: &&Bytes| importer.push(record).expect("a record") == Imported::New;
    records.iter().filter(is_new).count()
}

fn file(key: &[u8]) -> ImportedFile {
    ImportedFile { key: key.to_vec(), size_bytes: 7, tag: "sha256:0".to_owned(), records: 3, rejected: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_of_many_days_loses_those_that_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let day = 86_400;
    let id = |number: i64| format!("i-{number:03}");
    // In no order of time, as files of several regions come.
    let records: Vec<Bytes> =
        (0..200).map(|number| record(&id(number), number * 7 % 5 * day + number, "GetObject", "b")).collect();
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(runtime.clone());
        assert_eq!(push(&mut importer, &records), 200);
        assert_eq!(importer.commit(&[]).unwrap(), 200);
    });
    assert_eq!(store.status().segment_count, 1, "a batch is one segment, whatever days it has");
    let before = all_ids(&store).await;

    // Noon of the third day and ninety more: of the third and later days everything is kept.
    let now = EventTime::from_seconds(1_740_830_400 + (2 + 90) * day);
    assert_eq!(store.drop_expired(now).await.unwrap(), 1);
    let kept: Vec<String> =
        before.into_iter().filter(|found| (0..200).any(|number| *found == id(number) && number * 7 % 5 >= 2)).collect();
    assert_eq!(kept.len(), 120);
    assert_eq!(all_ids(&store).await, kept, "in the order of before");
    assert_eq!(store.drop_expired(now).await.unwrap(), 0, "nothing is written again on the same day");
    store.close().await;
    drop(store);

    let store = open(folder.path()).await;
    assert_eq!(all_ids(&store).await, kept);
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(runtime.clone());
        assert_eq!(push(&mut importer, &records), 80, "what expired is not known any more");
    });
    assert_eq!(store.drop_expired(EventTime::from_seconds(1_740_830_400 + 96 * day)).await.unwrap(), 1);
    assert!(all_ids(&store).await.is_empty());
    assert_eq!(std::fs::read_dir(folder.path().join("segments")).unwrap().count(), 0);
}

/// The importer reads on while a batch goes to the disk: what it says of one batch it must not say before the one ahead of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_lands_after_the_one_before_it_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let (segments, aside) = (folder.path().join("segments"), folder.path().join("aside"));
    let records: Vec<Bytes> = (0..3).map(|number| record(&format!("i-{number}"), number, "GetObject", "b")).collect();
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(tokio::runtime::Handle::current());
        assert_eq!(push(&mut importer, &records[..1]), 1);
        assert_eq!(importer.begin_commit(&[]).unwrap(), 1);
        assert_eq!(push(&mut importer, &records), 2, "what is on its way is known");
        assert_eq!(importer.begin_commit(&[file(b"/first")]).unwrap(), 2);
        importer.end_commit().unwrap();
        importer.end_commit().unwrap();
    });
    assert_eq!(all_ids(&store).await, ["i-2", "i-1", "i-0"]);
    assert_eq!(store.imported_files(&[b"/first"]).await.unwrap().len(), 1);

    let later: Vec<Bytes> = (3..5).map(|number| record(&format!("i-{number}"), number, "GetObject", "b")).collect();
    std::fs::rename(&segments, &aside).unwrap();
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(tokio::runtime::Handle::current());
        assert_eq!(push(&mut importer, &later[..1]), 1);
        // The disk refuses, which is told by what comes next.
        importer.begin_commit(&[]).unwrap();
        assert_eq!(push(&mut importer, &later[1..]), 1);
        assert!(matches!(importer.begin_commit(&[file(b"/second")]), Err(StoreError::Io { .. })));
        importer.end_commit().unwrap();
    });
    std::fs::rename(&aside, &segments).unwrap();
    assert_eq!(all_ids(&store).await.len(), 3);
    assert!(store.imported_files(&[b"/second"]).await.unwrap().is_empty(), "its first records are not there");
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(tokio::runtime::Handle::current());
        assert_eq!(push(&mut importer, &later), 2, "what did not land can be stored");
        assert_eq!(importer.commit(&[file(b"/second")]).unwrap(), 2);
    });
    assert_eq!(all_ids(&store).await.len(), 5);
}

/// To write a segment again costs as much as to import it: a few old events only stop being found.
#[tokio::test(flavor = "multi_thread")]
async fn a_few_expired_events_of_a_segment_are_hidden_before_they_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let day = 86_400;
    // Eighty days of ten events, more than a block has.
    let records: Vec<Bytes> = (0..800)
        .map(|number| record(&format!("i-{number:03}"), number % 80 * day + number, "GetObject", "b"))
        .collect();
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut importer = store.importer(runtime.clone());
        assert_eq!(push(&mut importer, &records), 800);
        assert_eq!(importer.commit(&[]).unwrap(), 800);
    });
    let noon_after = |days: i64| EventTime::from_seconds(1_740_830_400 + (days + 90) * day);
    let counted = async || {
        let events = EventQuery { limit: usize::MAX, ..EventQuery::default() };
        let query = |is_decided_by_tests| CountQuery {
            events: events.clone(),
            is_decided_by_tests,
            by: None,
            interval_seconds: None,
        };
        (store.count(query(true)).await.unwrap().total, store.count(query(false)).await.unwrap().total)
    };
    let size = || {
        std::fs::read_dir(folder.path().join("segments"))
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let whole = size();
    for (days, changed) in [(0, 0), (1, 0), (19, 0), (20, 1), (21, 0), (34, 0), (35, 1)] {
        assert_eq!(store.drop_expired(noon_after(days)).await.unwrap(), changed, "after {days} days");
        let kept = (800 - days * 10) as usize;
        assert_eq!(all_ids(&store).await.len(), kept, "after {days} days");
        assert_eq!(counted().await, (kept as u64, kept as u64));
        assert_eq!(size() < whole, days >= 20, "after {days} days");
    }
    // A longer retention shows what was hidden and not dropped.
    assert_eq!(store.drop_expired(noon_after(0)).await.unwrap(), 0);
    assert_eq!(all_ids(&store).await.len(), 450);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_store_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    // Recorded here before, one of them in a segment and one in memory.
    store.append(record("sealed", 10, "PutObject", "b"), None).await.unwrap();
    store.seal(true).await.unwrap();
    store.append(record("in-memory", 20, "PutObject", "b"), None).await.unwrap();
    let day = 86_400;
    let mut records: Vec<Bytes> =
        (0..200).map(|number| record(&format!("i-{number}"), number % 3 * day, "GetObject", "b")).collect();
    records.extend([record("sealed", 10, "PutObject", "b"), record("in-memory", 20, "PutObject", "b")]);

    let runtime = tokio::runtime::Handle::current();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (mut importer, records) = (store.importer(runtime.clone()), records.clone());
            tokio::task::spawn_blocking(move || {
                let mut count = 0;
                for records in records.chunks(17) {
                    count += push(&mut importer, records);
                    importer.commit(&[]).expect("committed");
                }
                count
            })
        })
        .collect();
    let mut new = 0;
    for worker in workers {
        new += worker.await.unwrap();
    }
    assert_eq!(new, 200, "each id is new to one worker");
    let ids = all_ids(&store).await;
    assert_eq!(ids.len(), 202);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 202);

    // What is recorded while an import goes on is known to it.
    let mut importer = store.importer(runtime.clone());
    tokio::task::block_in_place(|| push(&mut importer, &records[..1]));
    store.append(record("late", 30, "PutObject", "b"), None).await.unwrap();
    let late = tokio::task::block_in_place(|| importer.push(&record("late", 30, "PutObject", "b")).unwrap());
    assert_eq!(late, Imported::Duplicate);

    // A refused record leaves its id to another one.
    let bad = Bytes::from(r#"{"eventID":"odd","eventTime":"2025-03-01T12:00:00Z","eventName":5}"#);
    tokio::task::block_in_place(|| {
        assert!(matches!(importer.push(&bad), Err(ImportError::Refused(_))));
        assert!(matches!(importer.push(b"no json"), Err(ImportError::Refused(_))));
        assert_eq!(importer.push(&record("odd", 0, "PutObject", "b")).unwrap(), Imported::New);
        assert_eq!(importer.commit(&[file(b"/a\xff")]).unwrap(), 1);
    });
    drop(importer);

    // What an importer leaves without a commit can be imported by another one.
    let left = [record("left", day, "GetObject", "b")];
    tokio::task::block_in_place(|| {
        assert_eq!(push(&mut store.importer(runtime.clone()), &left), 1);
        let mut importer = store.importer(runtime.clone());
        assert_eq!(push(&mut importer, &left), 1);
        assert_eq!(importer.commit(&[]).unwrap(), 1);
    });

    let before = all_ids(&store).await;
    let small = store.status().segment_count;
    let cached = store.status().cache_bytes;
    while store.compact().await.unwrap() {}
    assert!(store.status().segment_count < small, "{small} segments before and after");
    assert_eq!(store.status().cache_bytes, cached, "what is joined stays out of the memory of lookups");
    assert_eq!(all_ids(&store).await, before, "joined segments hold the same in the same order");

    store.close().await;
    drop(store);
    let store = open(folder.path()).await;
    assert_eq!(all_ids(&store).await, before);
    assert_eq!(store.newest_sequence(), 3, "what is recorded here is numbered without a hole");
    let recorded = store.after_sequence(0, 100).await.unwrap();
    assert_eq!(recorded.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    let known = store.imported_files(&[b"/a\xff", b"/b"]).await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [(b"/a\xff".to_vec(), (7, "sha256:0".to_owned()))]);
    assert!(store.imported_files(&[]).await.unwrap().is_empty());
    let mut importer = store.importer(runtime);
    assert_eq!(tokio::task::block_in_place(|| push(&mut importer, &records)), 0, "all known after a restart");
}

fn data_record(id: &str, seconds: i64) -> Bytes {
    let text = String::from_utf8(record(id, seconds, "GetObject", "b").to_vec()).unwrap();
    Bytes::from(text.replace(r#""eventCategory":"Management""#, r#""eventCategory":"Data","managementEvent":false"#))
}

async fn ids_of(store: &EventStore, category: EventCategory) -> Vec<String> {
    let query = EventQuery { categories: vec![category], limit: 10_000, ..EventQuery::default() };
    let page = store.lookup(query).await.expect("a page");
    page.events.iter().map(|event| event.index.event_id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_high_volume_are_joined_apart_and_followed_in_the_order_of_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    // Every third event is one of management: in both joined segments numbers go from end to end.
    for number in 0..40 {
        let id = format!("e-{number}");
        let record = if number % 3 == 0 { record(&id, number, "PutObject", "b") } else { data_record(&id, number) };
        store.append(record, None).await.unwrap();
        if number % 10 == 9 {
            store.seal(true).await.unwrap();
        }
    }
    let follow = async |store: &EventStore, limit: usize| {
        let mut numbers = Vec::new();
        while let portion = store.after_sequence(numbers.len() as u64, limit).await.unwrap()
            && !portion.is_empty()
        {
            assert!(portion.len() <= limit);
            numbers.extend(portion.iter().map(|event| event.sequence));
        }
        numbers
    };
    let before = all_ids(&store).await;
    let management = ids_of(&store, EventCategory::Management).await;
    assert_eq!((before.len(), management.len(), store.status().segment_count), (40, 14, 4));
    while store.compact().await.unwrap() {}
    assert_eq!(store.status().segment_count, 2);
    for limit in [1, 7, 100] {
        assert_eq!(follow(&store, limit).await, (1..=40).collect::<Vec<u64>>(), "in portions of {limit}");
    }
    store.close().await;
    drop(store);
    let store = open(folder.path()).await;
    assert_eq!(all_ids(&store).await, before);
    assert_eq!(ids_of(&store, EventCategory::Management).await, management);
    assert_eq!(ids_of(&store, EventCategory::Data).await.len(), 26);
    assert!(ids_of(&store, EventCategory::Insight).await.is_empty());
    let (now, then) = (store.after_sequence(20, 5).await.unwrap(), [21, 22, 23, 24, 25]);
    assert_eq!(now.iter().map(|event| event.sequence).collect::<Vec<_>>(), then);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_before_its_commit_is_stored_with_it_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let segment_files = || std::fs::read_dir(folder.path().join("segments")).unwrap().count();
    let data: Vec<Bytes> = (0..600).map(|number| data_record(&format!("d-{number}"), number)).collect();
    let management: Vec<Bytes> =
        (0..5).map(|number| record(&format!("m-{number}"), number, "PutObject", "b")).collect();
    let import = |store: &EventStore, commits: bool| {
        let mut importer = store.importer(tokio::runtime::Handle::current()).apart();
        assert_eq!(push(&mut importer, &data[..400]), 400);
        assert!(!importer.make_room().unwrap(), "there is no smaller part that should grow");
        assert_eq!(push(&mut importer, &management), 5);
        assert!(importer.make_room().unwrap());
        assert_eq!(push(&mut importer, &data), 200, "what is made is known");
        assert!(importer.make_room().unwrap());
        assert_eq!(importer.pending_records(), 605);
        if commits {
            assert_eq!(importer.commit(&[file(b"/mixed")]).unwrap(), 605);
            assert_eq!(importer.pending_records(), 0);
        } else {
            // Until the segments that were made are written, so that there is something to be left.
            while segment_files() < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    };
    let store = open(folder.path()).await;
    tokio::task::block_in_place(|| import(&store, false));
    assert!(all_ids(&store).await.is_empty(), "nothing was committed");
    store.close().await;
    drop(store);
    let store = open(folder.path()).await;
    assert_eq!(segment_files(), 0, "what was never committed is gone");
    assert!(all_ids(&store).await.is_empty());

    tokio::task::block_in_place(|| import(&store, true));
    assert_eq!(all_ids(&store).await.len(), 605);
    assert_eq!(ids_of(&store, EventCategory::Management).await.len(), 5);
    assert_eq!(ids_of(&store, EventCategory::Data).await.len(), 600);
    assert_eq!((store.status().segment_count, segment_files()), (3, 3));
    assert_eq!(store.imported_files(&[b"/mixed"]).await.unwrap().len(), 1);
}
