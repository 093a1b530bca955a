//! The manifest: which segments exist, and up to which number events are in them.
//!
//! **Manifest commits**: a row and the new sealed number are one transaction.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Row, SqliteConnection, SqlitePool};

use crate::StoreError;
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
}

/// The manifest database.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pool: SqlitePool,
}

/// Files of one statement on the ledger: five values each, far below what a statement may have.
const LEDGER_ROWS_MAX: usize = 500;
const SEALED_SEQUENCE: &str = "sealed_sequence";

impl Manifest {
    /// Opens or makes the database, and brings its tables up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A committed row must survive power loss, because the journal is trimmed after it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// All segments, in the order of their numbers.
    pub(crate) async fn segments(&self) -> Result<Vec<SegmentRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT file_name, event_count, min_time_micros, max_time_micros, min_sequence, max_sequence, file_bytes, \
             format_version FROM segments ORDER BY min_sequence",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(SegmentRow {
                    file_name: row.try_get(0)?,
                    event_count: row.try_get(1)?,
                    min_time_micros: row.try_get(2)?,
                    max_time_micros: row.try_get(3)?,
                    min_sequence: row.try_get(4)?,
                    max_sequence: row.try_get(5)?,
                    file_bytes: row.try_get(6)?,
                    format_version: row.try_get(7)?,
                })
            })
            .collect()
    }

    /// Number of the last event that is in a segment, or was in one that retention deleted; 0 at first.
    pub(crate) async fn sealed_sequence(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT value FROM store_state WHERE name = $1")
            .bind(SEALED_SEQUENCE)
            .fetch_optional(&self.pool)
            .await?;
        let sealed: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        Ok(sealed.unsigned_abs())
    }

    /// Commits a segment.
    pub(crate) async fn add(&self, segment: &SegmentRow) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        insert_segment(&mut transaction, segment).await?;
        sqlx::query(
            "INSERT INTO store_state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = \
             excluded.value",
        )
        .bind(SEALED_SEQUENCE)
        .bind(segment.max_sequence)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Commits segments of imported events together with the files that they end.
    pub(crate) async fn add_imported(&self, segments: &[SegmentRow], files: &[ImportedFile]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for segment in segments {
            insert_segment(&mut transaction, segment).await?;
        }
        for part in files.chunks(LEDGER_ROWS_MAX) {
            let mut insert =
                QueryBuilder::new("INSERT INTO imported_files (file_key, size_bytes, tag, records, rejected) ");
            insert.push_values(part, |mut row, file| {
                row.push_bind(&file.key)
                    .push_bind(file.size_bytes.cast_signed())
                    .push_bind(&file.tag)
                    .push_bind(file.records.cast_signed())
                    .push_bind(file.rejected.cast_signed());
            });
            insert.push(
                " ON CONFLICT (file_key) DO UPDATE SET size_bytes = excluded.size_bytes, tag = excluded.tag, records = \
                 excluded.records, rejected = excluded.rejected",
            );
            insert.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Sizes and tags of those files that are in the ledger.
    pub(crate) async fn imported_files(&self, keys: &[&[u8]]) -> Result<HashMap<Vec<u8>, (u64, String)>, StoreError> {
        let mut found = HashMap::new();
        for part in keys.chunks(LEDGER_ROWS_MAX) {
            let mut select =
                QueryBuilder::new("SELECT file_key, size_bytes, tag FROM imported_files WHERE file_key IN (");
            let mut list = select.separated(", ");
            for key in part {
                list.push_bind(*key);
            }
            select.push(")");
            for row in select.build().fetch_all(&self.pool).await? {
                let size_bytes: i64 = row.try_get(1)?;
                found.insert(row.try_get(0)?, (size_bytes.cast_unsigned(), row.try_get(2)?));
            }
        }
        Ok(found)
    }

    /// Puts one segment in the place of several.
    pub(crate) async fn replace(&self, merged: &[String], segment: &SegmentRow) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for file_name in merged {
            sqlx::query("DELETE FROM segments WHERE file_name = $1").bind(file_name).execute(&mut *transaction).await?;
        }
        insert_segment(&mut transaction, segment).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a segment; its file may go after this.
    pub(crate) async fn remove(&self, file_name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM segments WHERE file_name = $1").bind(file_name).execute(&self.pool).await?;
        Ok(())
    }

    /// Closes the database; what was committed is on disk already.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn insert_segment(connection: &mut SqliteConnection, segment: &SegmentRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO segments (file_name, event_count, min_time_micros, max_time_micros, min_sequence, \
             max_sequence, file_bytes, format_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&segment.file_name)
    .bind(segment.event_count)
    .bind(segment.min_time_micros)
    .bind(segment.max_time_micros)
    .bind(segment.min_sequence)
    .bind(segment.max_sequence)
    .bind(segment.file_bytes)
    .bind(segment.format_version)
    .execute(connection)
    .await?;
    Ok(())
}
