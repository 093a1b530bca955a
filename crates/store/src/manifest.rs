//! The manifest: which segments exist, and up to which number events are in them.
//!
//! **Manifest commits**: a row and the new sealed number are one transaction.

use std::collections::HashMap;
use std::time::Duration;

use metadata::{Metadata, is_connection_lost};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Row};

use crate::StoreError;
use crate::category_set::CategorySet;
use crate::import::ImportedFile;

/// A segment as the manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentRow {
    /// File name in the segments folder.
    pub(crate) file_name: String,
    /// Number of events.
    pub(crate) event_count: i64,
    /// Earliest event time, microseconds since 1970.
    pub(crate) min_time_micros: i64,
    /// Latest event time, microseconds since 1970.
    pub(crate) max_time_micros: i64,
    /// Lowest sequence number.
    pub(crate) min_sequence: i64,
    /// Highest sequence number.
    pub(crate) max_sequence: i64,
    /// Size of the file, bytes.
    pub(crate) file_bytes: i64,
    /// Version of the file's format.
    pub(crate) format_version: i64,
    /// Categories of its events; `None` where they were not noted.
    pub(crate) categories: Option<CategorySet>,
    /// Where it is if it is no file of the folder.
    pub(crate) in_bucket: Option<BucketPlace>,
}

/// A segment's place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BucketPlace {
    /// The bucket.
    pub(crate) url: String,
    /// CRC-32C of each page of the segment.
    pub(crate) page_checksums: Vec<u32>,
}

/// A segment that is in another place now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved<'a> {
    /// Name of the segment.
    pub(crate) file_name: &'a str,
    /// The bucket that it is in; `None` for the folder.
    pub(crate) to: Option<&'a BucketPlace>,
}

/// What one transaction changes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change<'a> {
    /// Names of segments that are no more.
    pub(crate) removed: &'a [String],
    /// The bucket that may have objects of those that are no more, or that came back into the folder.
    pub(crate) bucket_url: Option<&'a str>,
    /// Segments that are new.
    pub(crate) added: &'a [SegmentRow],
    /// A segment that went from the folder to a bucket, or back.
    pub(crate) moved: Option<Moved<'a>>,
    /// Files of imports whose records are all in segments now.
    pub(crate) files: &'a [ImportedFile],
    /// Number of the last event that is in a segment now, when it moves on.
    pub(crate) sealed_sequence: Option<i64>,
    /// Latest time of the events that retention deletes with this, microseconds since 1970, when it moves on.
    pub(crate) expired_until: Option<i64>,
}

/// The manifest database.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pool: AnyPool,
}

/// Files of one statement on the ledger: five values each, far below what a statement may have.
const LEDGER_ROWS_MAX: usize = 500;
const CONNECTIONS_MAX: u32 = 4;
const AGAIN_AFTER: Duration = Duration::from_millis(500);
const SEALED_SEQUENCE: &str = "sealed_sequence";
const EXPIRED_UNTIL: &str = "expired_until";
const INSTALLATION: &str = "installation";

impl Manifest {
    /// Opens or makes the database, and brings its tables up to date.
    pub(crate) async fn open(metadata: &Metadata) -> Result<Self, StoreError> {
        Ok(Self { pool: metadata.open("manifest", &sqlx::migrate!(), CONNECTIONS_MAX).await? })
    }

    /// All segments, in the order of their numbers.
    pub(crate) async fn segments(&self) -> Result<Vec<SegmentRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT file_name, event_count, min_time_micros, max_time_micros, min_sequence, max_sequence, file_bytes, \
             format_version, categories FROM segments ORDER BY min_sequence",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut in_buckets = self.segments_in_buckets().await?;
        rows.into_iter()
            .map(|row| {
                let file_name: String = row.try_get(0)?;
                Ok(SegmentRow {
                    in_bucket: in_buckets.remove(&file_name),
                    file_name,
                    event_count: row.try_get(1)?,
                    min_time_micros: row.try_get(2)?,
                    max_time_micros: row.try_get(3)?,
                    min_sequence: row.try_get(4)?,
                    max_sequence: row.try_get(5)?,
                    file_bytes: row.try_get(6)?,
                    format_version: row.try_get(7)?,
                    categories: row.try_get::<Option<String>, _>(8)?.as_deref().and_then(CategorySet::from_text),
                })
            })
            .collect()
    }

    async fn segments_in_buckets(&self) -> Result<HashMap<String, BucketPlace>, StoreError> {
        let rows = sqlx::query("SELECT file_name, bucket_url, page_checksums FROM segments_in_buckets")
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter()
            .map(|row| {
                let checksums: Vec<u8> = row.try_get(2)?;
                let number = |four: &[u8]| u32::from_le_bytes(four.try_into().unwrap_or_default());
                let page_checksums = checksums.chunks_exact(4).map(number).collect();
                Ok((row.try_get(0)?, BucketPlace { url: row.try_get(1)?, page_checksums }))
            })
            .collect()
    }

    /// Names of segments whose objects in a bucket are to be deleted.
    pub(crate) async fn objects_to_delete(&self, bucket_url: &str) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT file_name FROM objects_to_delete WHERE bucket_url = $1 ORDER BY file_name")
            .bind(bucket_url)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// An object is not to be deleted any more: it is gone, or wanted again.
    pub(crate) async fn forget_object(&self, bucket_url: &str, file_name: &str) -> Result<(), StoreError> {
        loop {
            let forget = sqlx::query("DELETE FROM objects_to_delete WHERE bucket_url = $1 AND file_name = $2");
            match forget.bind(bucket_url).bind(file_name).execute(&self.pool).await {
                Err(error) if is_connection_lost(&error) => self.wait_for_database(&error).await,
                done => return Ok(done.map(drop)?),
            }
        }
    }

    /// A number that tells this installation from all others, made when it is first asked for.
    pub(crate) async fn installation(&self) -> Result<u64, StoreError> {
        if self.state(INSTALLATION).await?.is_none() {
            let number = (uuid::Uuid::new_v4().as_u64_pair().1 >> 2).cast_signed();
            sqlx::query("INSERT INTO store_state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
                .bind(INSTALLATION)
                .bind(number)
                .execute(&self.pool)
                .await?;
        }
        Ok(self.state(INSTALLATION).await?.unwrap_or_default().cast_unsigned())
    }

    /// Number of the last event that is in a segment, or was in one that retention deleted; 0 at first.
    pub(crate) async fn sealed_sequence(&self) -> Result<u64, StoreError> {
        Ok(self.state(SEALED_SEQUENCE).await?.unwrap_or_default().unsigned_abs())
    }

    /// Latest time of the events that retention deleted, microseconds since 1970; `None` when it deleted none.
    pub(crate) async fn expired_until(&self) -> Result<Option<i64>, StoreError> {
        self.state(EXPIRED_UNTIL).await
    }

    async fn state(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let row =
            sqlx::query("SELECT value FROM store_state WHERE name = $1").bind(name).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Forgets which files were imported, and that retention deleted anything, in one step.
    pub(crate) async fn forget_imported_files(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM imported_files").execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM store_state WHERE name = $1").bind(EXPIRED_UNTIL).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Commits a change.
    ///
    /// A connection that breaks leaves open whether the change was committed, and whoever was told of an error would write
    /// the same events into another segment. So the same change is made again until it is known: made twice, it is the
    /// same.
    ///
    /// # Errors
    /// The database refused it: nothing is changed.
    pub(crate) async fn commit(&self, change: &Change<'_>) -> Result<(), StoreError> {
        loop {
            match self.try_commit(change).await {
                Err(error) if is_connection_lost(&error) => self.wait_for_database(&error).await,
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn wait_for_database(&self, error: &sqlx::Error) {
        tracing::warn!(%error, "the manifest's database does not answer; it is asked again");
        tokio::time::sleep(AGAIN_AFTER).await;
    }

    async fn try_commit(&self, change: &Change<'_>) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for file_name in change.removed {
            sqlx::query("DELETE FROM segments WHERE file_name = $1").bind(file_name).execute(&mut *transaction).await?;
            set_place(&mut transaction, Moved { file_name, to: None }, change.bucket_url).await?;
        }
        for segment in change.added {
            insert_segment(&mut transaction, segment).await?;
        }
        if let Some(moved) = change.moved {
            set_place(&mut transaction, moved, change.bucket_url).await?;
        }
        for part in change.files.chunks(LEDGER_ROWS_MAX) {
            insert_files(&mut transaction, part).await?;
        }
        for (name, value) in [(SEALED_SEQUENCE, change.sealed_sequence), (EXPIRED_UNTIL, change.expired_until)] {
            let Some(value) = value else { continue };
            sqlx::query(
                "INSERT INTO store_state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = \
                 excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }

    /// Sizes and tags of those files that are in the ledger.
    pub(crate) async fn imported_files(&self, keys: &[&[u8]]) -> Result<HashMap<Vec<u8>, (u64, String)>, StoreError> {
        let mut found = HashMap::new();
        for part in keys.chunks(LEDGER_ROWS_MAX) {
            let places = placeholders(1, part.len());
            let statement =
                format!("SELECT file_key, size_bytes, tag FROM imported_files WHERE file_key IN ({places})");
            let rows = loop {
                let select = sqlx::query(AssertSqlSafe(statement.clone()));
                let select = part.iter().fold(select, |select, key| select.bind(key.to_vec()));
                match select.fetch_all(&self.pool).await {
                    Err(error) if is_connection_lost(&error) => self.wait_for_database(&error).await,
                    rows => break rows?,
                }
            };
            for row in rows {
                let size_bytes: i64 = row.try_get(1)?;
                found.insert(row.try_get(0)?, (size_bytes.cast_unsigned(), row.try_get(2)?));
            }
        }
        Ok(found)
    }

    /// Closes the database; what was committed is on disk already.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn insert_segment(connection: &mut AnyConnection, segment: &SegmentRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO segments (file_name, event_count, min_time_micros, max_time_micros, min_sequence, max_sequence, \
         file_bytes, format_version, categories) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (file_name) DO NOTHING",
    )
    .bind(&segment.file_name)
    .bind(segment.event_count)
    .bind(segment.min_time_micros)
    .bind(segment.max_time_micros)
    .bind(segment.min_sequence)
    .bind(segment.max_sequence)
    .bind(segment.file_bytes)
    .bind(segment.format_version)
    .bind(segment.categories.map(CategorySet::to_text))
    .execute(connection)
    .await?;
    Ok(())
}

async fn set_place(
    connection: &mut AnyConnection,
    moved: Moved<'_>,
    bucket_url: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM segments_in_buckets WHERE file_name = $1")
        .bind(moved.file_name)
        .execute(&mut *connection)
        .await?;
    if let (None, Some(bucket_url)) = (moved.to, bucket_url) {
        sqlx::query("INSERT INTO objects_to_delete (bucket_url, file_name) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(bucket_url)
            .bind(moved.file_name)
            .execute(&mut *connection)
            .await?;
    }
    if let Some(place) = moved.to {
        let checksums: Vec<u8> = place.page_checksums.iter().flat_map(|checksum| checksum.to_le_bytes()).collect();
        sqlx::query("INSERT INTO segments_in_buckets (file_name, bucket_url, page_checksums) VALUES ($1, $2, $3)")
            .bind(moved.file_name)
            .bind(&place.url)
            .bind(checksums)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn insert_files(connection: &mut AnyConnection, files: &[ImportedFile]) -> Result<(), sqlx::Error> {
    let rows: Vec<String> = (0..files.len()).map(|row| format!("({})", placeholders(row * 5 + 1, 5))).collect();
    let statement = format!(
        "INSERT INTO imported_files (file_key, size_bytes, tag, records, rejected) VALUES {} ON CONFLICT (file_key) DO \
         UPDATE SET size_bytes = excluded.size_bytes, tag = excluded.tag, records = excluded.records, rejected = \
         excluded.rejected",
        rows.join(", ")
    );
    let insert = files.iter().fold(sqlx::query(AssertSqlSafe(statement)), |insert, file| {
        insert
            .bind(&file.key)
            .bind(file.size_bytes.cast_signed())
            .bind(&file.tag)
            .bind(file.records.cast_signed())
            .bind(file.rejected.cast_signed())
    });
    insert.execute(connection).await?;
    Ok(())
}

/// `$4, $5, $6`, from a number on.
fn placeholders(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    places.join(", ")
}
