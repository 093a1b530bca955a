//! Segments in a bucket: nothing is lost between any two steps of their way there, and nothing is deleted too early.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a failed test may panic, and has no readers")]

mod memory_bucket;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use memory_bucket::MemoryBucket;
use model::EventTime;
use serde_json::json;
use store::{
    AttributeFilter, BucketConfig, BucketError, EventQuery, EventStore, ImportError, Imported, StoreConfig, StoreError,
};

const URL: &str = "s3://bucket/prefix";
const START: i64 = 1_740_830_400;

fn record(number: usize) -> Bytes {
    let time = EventTime::from_seconds(START + number as i64);
    Bytes::from(
        json!({
            "eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "userName": format!("user-{}", number % 5)},
            "eventTime": time.to_string(), "eventSource": "s3.amazonaws.com", "eventName": "CreateBucket",
            "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"bucketName": format!("bucket-{number}")}, "responseElements": null,
            "eventID": format!("e-{number}"), "readOnly": false, "recipientAccountId": "111122223333",
            "eventCategory": "Management"
        })
        .to_string(),
    )
}

fn config(folder: &Path, bucket: &MemoryBucket) -> StoreConfig {
    let bucket = Some(BucketConfig { bucket: Arc::new(bucket.clone()), cache_bytes: 0 });
    StoreConfig { segment_events_max: 10, journal_file_bytes_max: 2_000, bucket, ..StoreConfig::new(folder) }
}

async fn open(folder: &Path, bucket: &MemoryBucket) -> EventStore {
    EventStore::open(config(folder, bucket)).await.unwrap().0
}

async fn append(store: &EventStore, numbers: std::ops::Range<usize>) {
    for number in numbers {
        store.append(record(number), None).await.unwrap();
    }
    store.seal(true).await.unwrap();
}

/// A folder and a bucket, and a store of so many events, all in segments of the folder.
async fn with_events(count: usize) -> (tempfile::TempDir, MemoryBucket, EventStore) {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), MemoryBucket::new(URL));
    let store = open(folder.path(), &bucket).await;
    append(&store, 0..count).await;
    (folder, bucket, store)
}

/// Ends a store and starts it again with an empty cache.
async fn reopen_cold(store: EventStore, folder: &Path, bucket: &MemoryBucket) -> EventStore {
    store.close().await;
    drop(store);
    forget_cache(folder);
    open(folder, bucket).await
}

async fn move_all(store: &EventStore) -> usize {
    let mut moved = 0;
    while store.move_up().await.unwrap().is_some() {
        moved += 1;
    }
    moved
}

async fn check_that_each_is_there_once(store: &EventStore, count: usize) {
    let page = store.lookup(EventQuery { limit: 10_000, ..EventQuery::default() }).await.unwrap();
    let mut found: Vec<String> = page.events.iter().map(|event| event.index.event_id.to_string()).collect();
    let mut expected: Vec<String> = (0..count).map(|number| format!("e-{number}")).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn forget_cache(folder: &Path) {
    std::fs::remove_dir_all(folder.join("segment-cache")).unwrap();
}

/// What folder and bucket were at a moment, and how many events were acknowledged.
struct Moment {
    point: &'static str,
    folder: tempfile::TempDir,
    objects: BTreeMap<String, Bytes>,
}

/// The folder and the bucket are copied at every request, before and after it, as a kill at that moment would leave them.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_a_kill_at_any_request() {
    const COUNT: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let bucket = MemoryBucket::new(URL);
    let moments: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let store = open(folder.path(), &bucket).await;
    append(&store, 0..COUNT).await;
    {
        let (moments, path) = (Arc::clone(&moments), folder.path().to_owned());
        bucket.set_hook(Some(Box::new(move |point, bucket| {
            let copy = tempfile::tempdir().unwrap();
            copy_folder(&path, copy.path());
            let objects = bucket.objects.lock().unwrap().clone();
            moments.lock().unwrap().push(Moment { point, folder: copy, objects });
            Ok(())
        })));
    }
    assert_eq!(move_all(&store).await, 5);
    while store.compact().await.unwrap() {}
    assert_eq!(move_all(&store).await, 1);
    assert_eq!(store.delete_unread_objects().await.unwrap(), 5);
    assert_eq!(bucket.keys().len(), 1);
    check_that_each_is_there_once(&store, COUNT).await;
    bucket.set_hook(None);
    store.close().await;
    let moments = std::mem::take(&mut *moments.lock().unwrap());
    assert!(moments.len() >= 2 * (2 * 6 + 5), "{}", moments.len());
    for Moment { point, folder, objects } in moments {
        let bucket = MemoryBucket::with_objects(URL, objects);
        for is_cache_kept in [true, false] {
            if !is_cache_kept {
                forget_cache(folder.path());
            }
            let store = open(folder.path(), &bucket).await;
            check_that_each_is_there_once(&store, COUNT).await;
            move_all(&store).await;
            check_that_each_is_there_once(&store, COUNT).await;
            assert_eq!(std::fs::read_dir(folder.path().join("segments")).unwrap().count(), 0, "after {point}");
            // Nothing is in the bucket but segments.
            store.delete_unread_objects().await.unwrap();
            assert_eq!(bucket.keys().len() as u64, store.status().segment_count, "after {point}");
            store.close().await;
        }
    }
}

/// A kill between the commit of a move and the end of the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_segment_is_in_the_bucket_is_deleted_by_the_next_start() {
    let (folder, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bucket = MemoryBucket::new(URL);
    let store = open(folder.path(), &bucket).await;
    append(&store, 0..10).await;
    copy_folder(&folder.path().join("segments"), before.path());
    move_all(&store).await;
    store.close().await;
    drop(store);
    copy_folder(before.path(), &folder.path().join("segments"));
    let store = open(folder.path(), &bucket).await;
    assert_eq!(std::fs::read_dir(folder.path().join("segments")).unwrap().count(), 0);
    check_that_each_is_there_once(&store, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_fail_before_or_after_they_were_carried_out_are_made_again() {
    let (folder, bucket, store) = with_events(50).await;
    let mut number = 0;
    bucket.set_hook(Some(Box::new(move |point, _| {
        number += 1;
        if number % 3 == 0 { Err(BucketError::Unavailable(point.to_owned())) } else { Ok(()) }
    })));
    assert_eq!(move_all(&store).await, 5);
    while store.compact().await.unwrap() {}
    assert_eq!(move_all(&store).await, 1);
    assert_eq!(store.delete_unread_objects().await.unwrap(), 5);
    let store = reopen_cold(store, folder.path(), &bucket).await;
    check_that_each_is_there_once(&store, 50).await;
    let status = store.status().bucket.unwrap();
    assert!(status.failures > 0 && status.fetched_bytes > 0 && status.cache_misses > 0, "{status:?}");
    check_that_each_is_there_once(&store, 50).await;
    assert_eq!(bucket.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_costs_nothing_but_old_events() {
    let (folder, bucket, store) = with_events(20).await;
    move_all(&store).await;
    store.close().await;
    drop(store);
    forget_cache(folder.path());
    bucket.set_hook(Some(Box::new(|_, _| Err(BucketError::Refused("no such key".to_owned())))));
    let store = open(folder.path(), &bucket).await;
    append(&store, 20..40).await;
    let error = store.move_up().await.unwrap_err();
    assert!(matches!(&error, StoreError::Bucket { .. }) && error.is_passing(), "{error}");
    assert_eq!(store.status().local_segment_count, 2);
    let newest = EventQuery { limit: 15, ..EventQuery::default() };
    assert_eq!(store.lookup(newest).await.unwrap().events.len(), 15, "what is in the folder needs no bucket");
    let error = store.lookup(EventQuery { limit: 25, ..EventQuery::default() }).await.unwrap_err();
    assert!(error.is_passing() && error.to_string().contains(URL), "{error}");
    bucket.set_hook(None);
    move_all(&store).await;
    check_that_each_is_there_once(&store, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_goes_when_its_last_reader_is_done() {
    let (folder, bucket, store) = with_events(50).await;
    move_all(&store).await;
    let store = reopen_cold(store, folder.path(), &bucket).await;
    // The first request of a lookup waits for the test.
    let ((has_begun, begun), (go_on, may_go_on)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let mut once = Some((has_begun, may_go_on));
    bucket.set_hook(Some(Box::new(move |_, _| {
        if let Some((has_begun, may_go_on)) = once.take() {
            has_begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
        Ok(())
    })));
    let reading = {
        let store = store.clone();
        tokio::spawn(async move { check_that_each_is_there_once(&store, 50).await })
    };
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    let dropped = store.drop_expired(EventTime::from_seconds(START + 400 * 86_400)).await.unwrap();
    assert_eq!(dropped, 5);
    assert_eq!(store.status().segment_count, 0);
    assert_eq!(store.delete_unread_objects().await.unwrap(), 0, "somebody reads them");
    assert_eq!(bucket.keys().len(), 5);
    go_on.send(()).unwrap();
    reading.await.unwrap();
    for _ in 0..100 {
        store.delete_unread_objects().await.unwrap();
        if bucket.keys().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", bucket.keys());
}

/// Another installation, a copy of the folder that ran on, or the folder of before it was restored from a copy.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_the_manifest_does_not_know_are_left_alone() {
    let (folder, other, copy) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bucket = MemoryBucket::new(URL);
    let store = open(folder.path(), &bucket).await;
    append(&store, 0..10).await;
    move_all(&store).await;
    store.close().await;
    drop(store);
    copy_folder(folder.path(), copy.path());
    for path in [folder.path(), other.path()] {
        let store = open(path, &bucket).await;
        append(&store, 10..30).await;
        move_all(&store).await;
        store.close().await;
    }
    assert_eq!(bucket.keys().len(), 5);
    let store = open(copy.path(), &bucket).await;
    check_that_each_is_there_once(&store, 10).await;
    assert_eq!(store.delete_unread_objects().await.unwrap(), 0);
    store.close().await;
    drop(store);
    check_that_each_is_there_once(&open(folder.path(), &bucket).await, 30).await;
    let folders: std::collections::BTreeSet<String> =
        bucket.keys().iter().map(|key| key.split_once('/').unwrap().0.to_owned()).collect();
    assert_eq!((bucket.keys().len(), folders.len()), (5, 2));
}

/// The format has no checksum over event ids; the manifest has one over everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_anywhere_is_told_and_never_believed() {
    let (folder, bucket, store) = with_events(10).await;
    move_all(&store).await;
    store.close().await;
    drop(store);
    let key = bucket.keys().remove(0);
    let sound = bucket.objects.lock().unwrap()[&key].clone();
    for position in (0..sound.len()).step_by(97) {
        let mut damaged = sound.to_vec();
        damaged[position] ^= 0x10;
        bucket.objects.lock().unwrap().insert(key.clone(), Bytes::from(damaged));
        forget_cache(folder.path());
        let store = open(folder.path(), &bucket).await;
        let error = store.lookup(EventQuery { limit: 5, ..EventQuery::default() }).await.unwrap_err();
        let cause = std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
        assert!(!error.is_passing() && cause.contains("is damaged: its bytes"), "{error}: {cause}");
        let (importing, runtime) = (store.clone(), tokio::runtime::Handle::current());
        let refused = tokio::task::spawn_blocking(move || importing.importer(runtime).push(&record(3)));
        assert!(matches!(refused.await.unwrap(), Err(ImportError::Store(_))), "no second copy of an event is taken");
        store.close().await;
    }
    bucket.objects.lock().unwrap().insert(key, sound);
    let store = open(folder.path(), &bucket).await;
    check_that_each_is_there_once(&store, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_know_what_is_in_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = MemoryBucket::new(URL);
    for round in 0..4 {
        let store = open(folder.path(), &bucket).await;
        let (importing, runtime) = (store.clone(), tokio::runtime::Handle::current());
        let imported = tokio::task::spawn_blocking(move || {
            let mut importer = importing.importer(runtime);
            let new = (0..(round + 1) * 30).filter(|number| importer.push(&record(*number)).unwrap() == Imported::New);
            let new = new.count();
            importer.commit(&[]).unwrap();
            new
        });
        assert_eq!(imported.await.unwrap(), 30);
        move_all(&store).await;
        check_that_each_is_there_once(&store, (round + 1) * 30).await;
        let attributes = vec![AttributeFilter::Username("user-2".to_owned())];
        let found = store.lookup(EventQuery { limit: 1_000, attributes, ..EventQuery::default() }).await.unwrap();
        assert_eq!(found.events.len(), (round + 1) * 6);
        store.close().await;
        drop(store);
        forget_cache(folder.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_never_opened_without_its_bucket_and_comes_back() {
    let (folder, bucket, store) = with_events(30).await;
    move_all(&store).await;
    append(&store, 30..35).await;
    store.close().await;
    drop(store);
    let without = || StoreConfig { bucket: None, ..config(folder.path(), &bucket) };
    let elsewhere = MemoryBucket::new("s3://elsewhere");
    for config in [without(), config(folder.path(), &elsewhere)] {
        let error = EventStore::open(config).await.unwrap_err();
        assert!(matches!(&error, StoreError::SegmentsElsewhere { count: 3, .. }), "{error}");
        assert!(error.to_string().contains("start with --segments s3://bucket/prefix"), "{error}");
    }
    let store = open(folder.path(), &bucket).await;
    while store.move_down().await.unwrap().is_some() {}
    check_that_each_is_there_once(&store, 35).await;
    assert_eq!(store.delete_unread_objects().await.unwrap(), 3);
    store.close().await;
    drop(store);
    let store = EventStore::open(without()).await.unwrap().0;
    check_that_each_is_there_once(&store, 35).await;
    store.close().await;
    drop(store);
    // Up again under the same keys; a delete of before must not come after.
    let store = open(folder.path(), &bucket).await;
    move_all(&store).await;
    while store.move_down().await.unwrap().is_some() {}
    move_all(&store).await;
    store.delete_unread_objects().await.unwrap();
    assert_eq!(bucket.keys().len(), 4);
    check_that_each_is_there_once(&store, 35).await;
}

/// The budget is for what cannot be fetched again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_bucket_does_not_count_for_the_disk_budget() {
    let (_folder, _bucket, store) = with_events(50).await;
    let before = store.measure_room().unwrap().used_bytes;
    let local = store.status().local_segment_bytes;
    assert!(local > 0);
    move_all(&store).await;
    assert_eq!(store.measure_room().unwrap().used_bytes, before - local);
    let status = store.status();
    assert_eq!((status.local_segment_count, status.bucket.unwrap().segment_count), (0, 5));
}
