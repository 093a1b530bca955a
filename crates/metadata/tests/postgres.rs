//! Metadata in a real PostgreSQL. Skipped where there is none; `make test` starts one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::path::Path;
use std::time::Duration;

use metadata::test_database::{connect, new_test_database};
use metadata::{Metadata, MetadataError, is_connection_lost};
use sqlx::Row;
use sqlx::migrate::Migrator;
use tokio::time::{sleep, timeout};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/migrations");

/// How long a claim may take to find out that it was lost.
const NOTICE: Duration = Duration::from_secs(20);

async fn claim(address: &str, folder: &Path) -> Result<Metadata, MetadataError> {
    Metadata::in_postgres(address, folder).await
}

#[tokio::test]
async fn what_was_committed_is_there_for_the_next_process() {
    let Some(address) = new_test_database().await else { return };
    let folder = tempfile::tempdir().unwrap();
    for start in 1..=3_i64 {
        let metadata = claim(&address, folder.path()).await.unwrap();
        // Two databases of ours, each with its own history of migrations.
        for name in ["first", "second"] {
            let pool = metadata.open(name, &MIGRATIONS, 2).await.unwrap();
            let insert = sqlx::query("INSERT INTO things (key, size) VALUES ($1, $2)");
            insert.bind(vec![0_u8, 255, start as u8]).bind(start << 40).execute(&pool).await.unwrap();
            let rows = sqlx::query("SELECT key, size FROM things ORDER BY size").fetch_all(&pool).await.unwrap();
            assert_eq!(rows.len() as i64, start);
            assert_eq!(rows[0].get::<Vec<u8>, _>(0), [0, 255, 1]);
            assert_eq!(rows[0].get::<i64, _>(1), 1 << 40);
            pool.close().await;
        }
    }
}

#[tokio::test]
async fn one_process_and_one_folder_have_it() {
    let Some(address) = new_test_database().await else { return };
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let held = claim(&address, folder.path()).await.unwrap();
    assert!(matches!(claim(&address, folder.path()).await, Err(MetadataError::InUse)));
    drop(held);
    drop(claim(&address, folder.path()).await.unwrap());
    let error = claim(&address, other.path()).await.unwrap_err();
    assert!(matches!(error, MetadataError::OtherInstallation { .. }), "{error}");

    // Whoever forgets where the metadata is must not begin a new manifest.
    let forgotten = Metadata::in_folder(folder.path()).open("first", &MIGRATIONS, 1).await.unwrap_err();
    assert!(matches!(forgotten, MetadataError::InPostgres(_)), "{forgotten}");

    // Nor may a folder with a history go to a database that knows nothing of it.
    let Some(empty) = new_test_database().await else { return };
    std::fs::create_dir(folder.path().join("segments")).unwrap();
    std::fs::write(folder.path().join("segments/one.segment"), b"").unwrap();
    let error = claim(&empty, folder.path()).await.unwrap_err();
    assert!(matches!(error, MetadataError::Unknown(_)), "{error}");
    drop(claim(&address, folder.path()).await.unwrap());
}

#[tokio::test]
async fn a_broken_connection_is_made_again() {
    let Some(address) = new_test_database().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let held = claim(&address, folder.path()).await.unwrap();
    let pool = held.open("first", &MIGRATIONS, 1).await.unwrap();
    end_all_others(&address).await;
    let error = sqlx::query("SELECT 1").execute(&pool).await;
    assert!(error.is_ok() || error.is_err_and(|error| is_connection_lost(&error)));
    assert!(timeout(Duration::from_secs(6), held.lost()).await.is_err(), "nobody took it");
    assert!(matches!(claim(&address, folder.path()).await, Err(MetadataError::InUse)));
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
}

#[tokio::test]
async fn a_claim_that_another_process_had_is_lost() {
    let Some(address) = new_test_database().await else { return };
    for stays in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let Some(address) = (if stays { Some(address.clone()) } else { new_test_database().await }) else { return };
        let held = claim(&address, folder.path()).await.unwrap();
        // Again, should the first one notice before.
        let second = loop {
            end_all_others(&address).await;
            if let Ok(second) = claim(&address, folder.path()).await {
                break second;
            }
        };
        let kept = stays.then_some(second);
        timeout(NOTICE, held.lost()).await.unwrap();
        drop(kept);
    }
}

/// Ends all connections to a database but the one that says so.
async fn end_all_others(address: &str) {
    let mut connection = connect(address).await;
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid()",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sleep(Duration::from_millis(50)).await;
}
