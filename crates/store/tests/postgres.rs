//! The manifest in a real PostgreSQL whose connections break at any moment. Skipped where there is none; `make test`
//! starts one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

mod memory_bucket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use memory_bucket::MemoryBucket;
use metadata::Metadata;
use metadata::test_database::{connect, new_test_database};
use model::EventTime;
use serde_json::json;
use store::{BucketConfig, EventQuery, EventStore, Imported, ImportedFile, StoreConfig};

fn record(id: &str, seconds: i64) -> Bytes {
    let time = EventTime::from_seconds(1_740_830_400 + seconds);
    let record = json!({
        "eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "userName": "ana"}, "eventTime": time.to_string(),
        "eventSource": "s3.amazonaws.com", "eventName": "CreateBucket", "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1", "requestParameters": {"bucketName": "b"}, "responseElements": null,
        "eventID": id, "readOnly": false, "recipientAccountId": "111122223333", "eventCategory": "Management"
    });
    Bytes::from(record.to_string())
}

async fn open(folder: &Path, address: &str, bucket: &MemoryBucket) -> EventStore {
    let metadata = Metadata::in_postgres(address, folder).await.unwrap();
    let bucket = Some(BucketConfig { bucket: Arc::new(bucket.clone()), cache_bytes: 0 });
    let config = StoreConfig { segment_events_max: 10, metadata, bucket, ..StoreConfig::new(folder) };
    EventStore::open(config).await.unwrap().0
}

async fn check_that_each_is_there_once(store: &EventStore, mut expected: Vec<String>) {
    let page = store.lookup(EventQuery { limit: 100_000, ..EventQuery::default() }).await.unwrap();
    let mut found: Vec<String> = page.events.iter().map(|event| event.index.event_id.to_string()).collect();
    found.sort();
    expected.sort();
    assert!(found == expected, "{} events instead of {}", found.len(), expected.len());
}

/// Commits one file of imported records, some of which are there already.
async fn import(store: &EventStore, number: usize) {
    let (store, runtime) = (store.clone(), tokio::runtime::Handle::current());
    let key = format!("file-{number}").into_bytes();
    let known = store.imported_files(&[&key]).await.unwrap();
    assert!(known.is_empty());
    tokio::task::spawn_blocking(move || {
        let mut importer = store.importer(runtime);
        for record_number in number * 5..number * 5 + 8 {
            let pushed = importer.push(&record(&format!("imported-{record_number}"), record_number as i64)).unwrap();
            assert_eq!(pushed == Imported::Duplicate, number > 0 && record_number < number * 5 + 3);
        }
        let file = ImportedFile { key, size_bytes: 1, tag: "tag".to_owned(), records: 8, rejected: 0 };
        importer.commit(&[file]).unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_while_connections_break() {
    let Some(address) = new_test_database().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    let bucket = MemoryBucket::new("s3://bucket");
    let (mut imports, mut breaks) = (0, 0);
    for round in 0..3 {
        let store = open(folder.path(), &address, &bucket).await;
        check_that_each_is_there_once(&store, expected.clone()).await;
        let life = async {
            for step in 0..12 {
                for number in 0..25 {
                    let id = format!("event-{round}-{step}-{number}");
                    store.append(record(&id, step * 25 + number), None).await.unwrap();
                    expected.push(id);
                }
                store.seal(step % 3 == 0).await.unwrap();
                import(&store, imports).await;
                imports += 1;
                if step % 4 == 1 {
                    while store.move_up().await.unwrap().is_some() {}
                    store.delete_unread_objects().await.unwrap();
                }
                if step % 4 == 3 {
                    while store.compact().await.unwrap() {}
                }
            }
        };
        tokio::select! {
            () = life => {}
            // Never comes back.
            () = break_connections(&address, &mut breaks) => {}
        }
        expected.retain(|id| id.starts_with("event-"));
        expected.extend((0..imports * 5 + 3).map(|number| format!("imported-{number}")));
        check_that_each_is_there_once(&store, expected.clone()).await;
        store.close().await;
    }
    assert!(breaks > 3, "{breaks}");
    let store = open(folder.path(), &address, &bucket).await;
    check_that_each_is_there_once(&store, expected).await;
    store.delete_unread_objects().await.unwrap();
    let in_bucket = store.status().bucket.unwrap().segment_count;
    assert!(in_bucket > 0 && bucket.keys().len() as u64 == in_bucket, "{:?}", store.status());
    assert!(store.imported_files(&[b"file-0"]).await.unwrap().len() == 1);
}

/// Ends the connections of the manifest, now and then in the middle of a commit.
async fn break_connections(address: &str, breaks: &mut usize) {
    let mut connection = connect(address).await;
    for pause in (0..).map(|number: u64| number * 7 % 23) {
        tokio::time::sleep(Duration::from_millis(3 + pause)).await;
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND application_name NOT LIKE 'opentrail %' AND state <> 'idle'",
        );
        *breaks += ended.fetch_all(&mut connection).await.unwrap().len();
    }
}
