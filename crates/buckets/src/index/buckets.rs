//! Buckets and their settings.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Index, IndexError};

/// A bucket.
#[derive(Debug, Clone)]
pub(crate) struct BucketRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) owner: String,
    pub(crate) created_ms: i64,
}

/// Which document of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingKind {
    Policy,
    Tagging,
}

impl SettingKind {
    fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Tagging => "tagging",
        }
    }
}

const BUCKET_COLUMNS_BY_NAME: &str = "SELECT id, name, region, owner, created_ms FROM bucket WHERE name = ?";

fn bucket_from_row(row: &SqliteRow) -> Result<BucketRow, sqlx::Error> {
    Ok(BucketRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        region: row.try_get(2)?,
        owner: row.try_get(3)?,
        created_ms: row.try_get(4)?,
    })
}

pub(super) async fn bucket_id(connection: &mut SqliteConnection, name: &str) -> Result<i64, IndexError> {
    let id = sqlx::query_scalar("SELECT id FROM bucket WHERE name = ?").bind(name).fetch_optional(connection).await?;
    id.ok_or(IndexError::NoSuchBucket)
}

impl Index {
    pub(crate) async fn bucket(&self, name: &str) -> Result<BucketRow, IndexError> {
        let row = sqlx::query(BUCKET_COLUMNS_BY_NAME).bind(name).fetch_optional(&self.readers).await?;
        Ok(bucket_from_row(&row.ok_or(IndexError::NoSuchBucket)?)?)
    }

    /// Buckets of one owner with names after `after`, in name order, `limit` at most.
    pub(crate) async fn buckets(
        &self,
        owner: &str,
        prefix: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<BucketRow>, IndexError> {
        let rows = sqlx::query(
            "SELECT id, name, region, owner, created_ms FROM bucket \
             WHERE owner = ? AND name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
        )
        .bind(owner)
        .bind(after)
        .bind(prefix)
        .bind(prefix)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.iter().map(bucket_from_row).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn create_bucket(
        &self,
        name: String,
        region: String,
        owner: String,
        created_ms: i64,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let existing: Option<String> = sqlx::query_scalar("SELECT owner FROM bucket WHERE name = ?")
                .bind(&name)
                .fetch_optional(&mut *transaction)
                .await?;
            match existing {
                Some(found) if found == owner => return Err(IndexError::BucketOwnedByCaller),
                Some(_) => return Err(IndexError::BucketExists),
                None => {}
            }
            sqlx::query("INSERT INTO bucket (name, region, owner, created_ms) VALUES (?, ?, ?, ?)")
                .bind(&name)
                .bind(&region)
                .bind(&owner)
                .bind(created_ms)
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, ()))
        })
        .await
    }

    /// Removes an empty bucket, with its settings and the uploads that were never completed.
    pub(crate) async fn delete_bucket(&self, name: String) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let id = bucket_id(&mut transaction, &name).await?;
            let object: Option<i64> = sqlx::query_scalar("SELECT 1 FROM object WHERE bucket_id = ? LIMIT 1")
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?;
            if object.is_some() {
                return Err(IndexError::BucketNotEmpty);
            }
            sqlx::query(
                "UPDATE file SET doomed = 1 WHERE id IN \
                 (SELECT file_id FROM part JOIN upload ON upload.id = part.upload_id WHERE upload.bucket_id = ?)",
            )
            .bind(id)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("DELETE FROM upload WHERE bucket_id = ?").bind(id).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM bucket WHERE id = ?").bind(id).execute(&mut *transaction).await?;
            Ok((transaction, ()))
        })
        .await
    }

    /// The document, `None` when the bucket has none.
    pub(crate) async fn setting(&self, bucket: &str, kind: SettingKind) -> Result<Option<String>, IndexError> {
        let row = sqlx::query(
            "SELECT setting.body FROM bucket LEFT JOIN bucket_setting AS setting \
             ON setting.bucket_id = bucket.id AND setting.kind = ? WHERE bucket.name = ?",
        )
        .bind(kind.name())
        .bind(bucket)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.ok_or(IndexError::NoSuchBucket)?.try_get(0)?)
    }

    /// Sets the document, or removes it (`None`).
    pub(crate) async fn set_setting(
        &self,
        bucket: String,
        kind: SettingKind,
        body: Option<String>,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let id = bucket_id(&mut transaction, &bucket).await?;
            let query = match body {
                Some(body) => sqlx::query(
                    "INSERT INTO bucket_setting (bucket_id, kind, body) VALUES (?, ?, ?) \
                     ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body",
                )
                .bind(id)
                .bind(kind.name())
                .bind(body),
                None => sqlx::query("DELETE FROM bucket_setting WHERE bucket_id = ? AND kind = ?")
                    .bind(id)
                    .bind(kind.name()),
            };
            query.execute(&mut *transaction).await?;
            Ok((transaction, ()))
        })
        .await
    }
}
