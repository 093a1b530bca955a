//! The index: what buckets, objects, uploads and files there are. It is the truth; a file that it does not name does
//! not exist for callers.
//!
//! It is one SQLite database in WAL mode, whose commits are fsynced. All writers share one connection, so a transaction
//! never meets another; readers have their own and see the last commit. A transaction runs in a task of its own: a
//! caller that goes away cannot leave one half done, nor make its outcome unknown to the code that cleans up.

mod buckets;
mod files;
mod objects;
mod uploads;
mod versions;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub(crate) use buckets::{BucketRow, BucketRules, SettingKind, VersioningChange};
pub(crate) use objects::{NewContent, NewObject, ObjectSummary, StoredContent, StoredObject};
pub(crate) use uploads::{CompletedPart, CompletedUpload, Completion, NewPart, UploadSummary};
pub(crate) use versions::{Deletion, DeletionAccess, DeletionOutcome, VersionSummary};

use crate::service::RandomSource;
use crate::versioning::VERSION_ID_BYTES;

/// Connections that read. Queries are short; more would only wait for the same two or four cores.
const READ_CONNECTIONS_MAX: u32 = 4;

/// How long a statement waits for a lock. Only a checkpoint can hold one, for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The layout that this code reads and writes, kept in SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 2;

/// The first makes layout 1 of an empty database, each further one the next layout of the one before it. They note the
/// layout themselves.
const LAYOUTS: [&str; 2] = [include_str!("index/schema.sql"), include_str!("index/versions.sql")];

/// Why the index did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("no such bucket")]
    NoSuchBucket,
    #[error("no such key")]
    NoSuchKey,
    #[error("no such version")]
    NoSuchVersion,
    #[error("version {version_id} is a delete marker")]
    DeleteMarker {
        /// As callers see it.
        version_id: String,
        /// Whether it is the newest version and was not asked for by its id.
        is_current: bool,
    },
    #[error("the version is locked")]
    Locked,
    #[error("the bucket has no Object Lock")]
    NoObjectLock,
    #[error("the bucket has Object Lock, so its versioning stays on")]
    VersioningIsLocked,
    #[error("Object Lock needs a bucket whose versioning is on")]
    NotVersioned,
    #[error("the request needs a code of the device of the root user")]
    MfaNeeded,
    #[error("no such upload")]
    NoSuchUpload,
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
    #[error("the bucket exists and belongs to the caller")]
    BucketOwnedByCaller,
    #[error("the bucket exists and belongs to another account")]
    BucketExists,
    #[error("the bucket has objects")]
    BucketNotEmpty,
    #[error("part {number} is missing or its ETag differs")]
    InvalidPart { number: i32 },
    #[error("part {number} has {size} bytes, less than the smallest allowed")]
    PartTooSmall { number: i32, size: u64 },
    #[error("the parts have {found} bytes, the request says {expected}")]
    SizeMismatch { expected: u64, found: u64 },
    #[error("checksum of the whole object differs")]
    ChecksumMismatch,
    #[error("the index failed")]
    Database(#[from] sqlx::Error),
    #[error("the index holds {what} that cannot be read")]
    Corrupt { what: &'static str },
    #[error("the index was written by a newer program: layout {found}, this program reads {SCHEMA_VERSION}")]
    TooNew { found: i64 },
    #[error("a write to the index was stopped in the middle of shutting down")]
    Stopped,
}

/// A handle; clones share the database.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    readers: SqlitePool,
    writer: SqlitePool,
    random: Random,
}

/// Where version ids come from.
#[derive(Clone)]
struct Random(RandomSource);

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random")
    }
}

impl Index {
    /// Opens or creates the database, and begins the next run: its number is durable on return.
    pub(crate) async fn open(file: &Path, random: RandomSource) -> Result<(Self, i64), IndexError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let run = begin_run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READ_CONNECTIONS_MAX)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await?;
        Ok((Self { readers, writer, random: Random(random) }, run))
    }

    fn new_version_id(&self) -> String {
        let mut random = [0; VERSION_ID_BYTES];
        (self.random.0)(&mut random);
        URL_SAFE_NO_PAD.encode(random)
    }

    /// Runs a transaction to its end, whatever becomes of the caller.
    async fn write<T, F, W>(&self, work: F) -> Result<T, IndexError>
    where
        T: Send + 'static,
        F: FnOnce(WriteTransaction) -> W + Send + 'static,
        W: Future<Output = Result<(WriteTransaction, T), IndexError>> + Send + 'static,
    {
        let writer = self.writer.clone();
        let task = tokio::spawn(async move {
            let (transaction, value) = work(writer.begin().await?).await?;
            transaction.commit().await?;
            Ok(value)
        });
        task.await.map_err(|_| IndexError::Stopped)?
    }
}

/// A transaction of the one writer; dropped without commit, it is undone.
type WriteTransaction = sqlx::Transaction<'static, sqlx::Sqlite>;

async fn begin_run(writer: &SqlitePool) -> Result<i64, IndexError> {
    let mut transaction = writer.begin().await?;
    prepare_schema(&mut transaction).await?;
    let run = sqlx::query_scalar("UPDATE meta SET value = value + 1 WHERE name = 'run' RETURNING value")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(run)
}

async fn prepare_schema(connection: &mut SqliteConnection) -> Result<(), IndexError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let missing = LAYOUTS.get(done..).ok_or(IndexError::TooNew { found })?;
    for layout in missing {
        sqlx::raw_sql(*layout).execute(&mut *connection).await?;
    }
    Ok(())
}

fn to_json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, IndexError> {
    serde_json::to_string(value).map_err(|_| IndexError::Corrupt { what })
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, IndexError> {
    serde_json::from_str(text).map_err(|_| IndexError::Corrupt { what })
}

fn key_text(bytes: Vec<u8>) -> Result<String, IndexError> {
    String::from_utf8(bytes).map_err(|_| IndexError::Corrupt { what: "a key" })
}

fn size_from_row(size: i64) -> Result<u64, IndexError> {
    u64::try_from(size).map_err(|_| IndexError::Corrupt { what: "a size" })
}

fn size_to_row(size: u64) -> Result<i64, IndexError> {
    i64::try_from(size).map_err(|_| IndexError::Corrupt { what: "a size" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A store of the first layout with an object in it.
    const LAYOUT_1: &str = "
        INSERT INTO bucket (id, name, region, owner, created_ms) VALUES (1, 'old', 'us-east-1', '123456789012', 5);
        INSERT INTO content (id, reference_count, inline_data) VALUES (7, 1, x'6F6C64');
        INSERT INTO object (bucket_id, key, size, etag, modified_ms, content_id, attributes)
            VALUES (1, x'6B6579', 3, '149603e6c03516362a8da23f624db945', 6, 7, '{}');
        UPDATE meta SET value = 3 WHERE name = 'run';
    ";

    #[tokio::test]
    async fn a_store_of_the_first_layout_opens() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.sqlite");
        let old = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file).create_if_missing(true));
        let old = old.await.unwrap();
        sqlx::raw_sql(LAYOUTS[0]).execute(&old).await.unwrap();
        sqlx::raw_sql(LAYOUT_1).execute(&old).await.unwrap();
        old.close().await;
        for run in [4, 5] {
            let random: RandomSource = Arc::new(|_: &mut [u8]| {});
            let (index, found) = Index::open(&file, random).await.unwrap();
            assert_eq!(found, run);
            let object = index.object("old", "key", None).await.unwrap();
            assert_eq!((object.size, object.version_id), (3, None));
            assert_eq!(index.object("old", "key", Some("null")).await.unwrap().etag, object.etag);
        }
    }

    #[tokio::test]
    async fn a_newer_store_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.sqlite");
        let newer = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file).create_if_missing(true));
        sqlx::raw_sql("PRAGMA user_version = 9").execute(&newer.await.unwrap()).await.unwrap();
        let opened = Index::open(&file, Arc::new(|_: &mut [u8]| {})).await;
        assert!(matches!(opened, Err(IndexError::TooNew { found: 9 })));
    }
}
