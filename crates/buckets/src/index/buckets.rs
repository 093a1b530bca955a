//! Buckets and their settings.

use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row, SqliteExecutor};

use super::{Index, IndexError, from_json, to_json};
use crate::object_lock::BucketLock;
use crate::versioning::{Versioning, VersioningStatus};

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
    Versioning,
    ObjectLock,
    PublicAccessBlock,
    OwnershipControls,
}

impl SettingKind {
    fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Tagging => "tagging",
            Self::Versioning => "versioning",
            Self::ObjectLock => "object-lock",
            Self::PublicAccessBlock => "public-access-block",
            Self::OwnershipControls => "ownership-controls",
        }
    }
}

/// What is to become of versions in a bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketRules {
    pub(crate) id: i64,
    pub(crate) versioning: Versioning,
    /// `None` where Object Lock is off.
    pub(crate) lock: Option<BucketLock>,
}

/// What of the versioning of a bucket is to be changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersioningChange {
    pub(crate) status: VersioningStatus,
    /// `None` leaves it.
    pub(crate) has_mfa_delete: Option<bool>,
    /// Whether the caller has shown a code of the device of the root user.
    pub(crate) is_with_mfa: bool,
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

/// The bucket of a name and its rules.
pub(super) async fn bucket_rules(connection: impl SqliteExecutor<'_>, name: &str) -> Result<BucketRules, IndexError> {
    let row = sqlx::query(
        "SELECT bucket.id, versioning.body, object_lock.body FROM bucket \
         LEFT JOIN bucket_setting AS versioning \
         ON versioning.bucket_id = bucket.id AND versioning.kind = 'versioning' \
         LEFT JOIN bucket_setting AS object_lock \
         ON object_lock.bucket_id = bucket.id AND object_lock.kind = 'object-lock' WHERE bucket.name = ?",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    let row = row.ok_or(IndexError::NoSuchBucket)?;
    Ok(BucketRules {
        id: row.try_get(0)?,
        versioning: from_setting(row.try_get(1)?)?.unwrap_or_default(),
        lock: from_setting(row.try_get(2)?)?,
    })
}

fn from_setting<T: DeserializeOwned>(body: Option<&str>) -> Result<Option<T>, IndexError> {
    body.map(|body| from_json(body, "a setting of a bucket")).transpose()
}

/// Writes the document of a bucket, or removes it (`None`).
async fn write_setting(
    connection: &mut SqliteConnection,
    bucket: i64,
    kind: SettingKind,
    body: Option<String>,
) -> Result<(), IndexError> {
    let query = match body {
        Some(body) => sqlx::query(
            "INSERT INTO bucket_setting (bucket_id, kind, body) VALUES (?, ?, ?) \
             ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body",
        )
        .bind(bucket)
        .bind(kind.name())
        .bind(body),
        None => {
            sqlx::query("DELETE FROM bucket_setting WHERE bucket_id = ? AND kind = ?").bind(bucket).bind(kind.name())
        }
    };
    query.execute(connection).await?;
    Ok(())
}

async fn write_versioning(
    connection: &mut SqliteConnection,
    bucket: i64,
    versioning: Versioning,
) -> Result<(), IndexError> {
    let body = to_json(&versioning, "a setting of a bucket")?;
    write_setting(connection, bucket, SettingKind::Versioning, Some(body)).await
}

async fn write_lock(connection: &mut SqliteConnection, bucket: i64, lock: BucketLock) -> Result<(), IndexError> {
    let body = to_json(&lock, "a setting of a bucket")?;
    write_setting(connection, bucket, SettingKind::ObjectLock, Some(body)).await
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

    /// Makes a bucket; Object Lock brings versioning.
    pub(crate) async fn create_bucket(
        &self,
        name: String,
        region: String,
        owner: String,
        created_ms: i64,
        has_object_lock: bool,
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
            let id = sqlx::query_scalar(
                "INSERT INTO bucket (name, region, owner, created_ms) VALUES (?, ?, ?, ?) RETURNING id",
            )
            .bind(&name)
            .bind(&region)
            .bind(&owner)
            .bind(created_ms)
            .fetch_one(&mut *transaction)
            .await?;
            if has_object_lock {
                let versioning = Versioning { status: VersioningStatus::Enabled, has_mfa_delete: false };
                write_versioning(&mut transaction, id, versioning).await?;
                write_lock(&mut transaction, id, BucketLock::default()).await?;
            }
            Ok((transaction, ()))
        })
        .await
    }

    /// Removes an empty bucket, with its settings and the uploads that were never completed.
    pub(crate) async fn delete_bucket(&self, name: String) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let id = bucket_id(&mut transaction, &name).await?;
            let object: Option<i64> = sqlx::query_scalar("SELECT 1 FROM version WHERE bucket_id = ? LIMIT 1")
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
            write_setting(&mut transaction, id, kind, body).await?;
            Ok((transaction, ()))
        })
        .await
    }

    pub(crate) async fn rules(&self, bucket: &str) -> Result<BucketRules, IndexError> {
        bucket_rules(&self.readers, bucket).await
    }

    /// Switches versioning on or off. It stays on where there is Object Lock.
    pub(crate) async fn set_versioning(&self, bucket: String, change: VersioningChange) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &bucket).await?;
            if rules.lock.is_some() && change.status != VersioningStatus::Enabled {
                return Err(IndexError::VersioningIsLocked);
            }
            let needs_mfa = rules.versioning.has_mfa_delete || change.has_mfa_delete.is_some();
            if needs_mfa && !change.is_with_mfa {
                return Err(IndexError::MfaNeeded);
            }
            let has_mfa_delete = change.has_mfa_delete.unwrap_or(rules.versioning.has_mfa_delete);
            let versioning = Versioning { status: change.status, has_mfa_delete };
            write_versioning(&mut transaction, rules.id, versioning).await?;
            Ok((transaction, ()))
        })
        .await
    }

    /// Switches Object Lock on, where versioning is on, or changes the default of new versions.
    pub(crate) async fn set_object_lock(&self, bucket: String, lock: BucketLock) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &bucket).await?;
            if rules.versioning.status != VersioningStatus::Enabled {
                return Err(IndexError::NotVersioned);
            }
            write_lock(&mut transaction, rules.id, lock).await?;
            Ok((transaction, ()))
        })
        .await
    }
}
