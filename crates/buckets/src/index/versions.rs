//! Versions of objects: what stays of an object that is overwritten or deleted, and delete markers.
//!
//! The newest version of a key is in `object`, unless it is a delete marker; all others are in `past_version`.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::buckets::{BucketRules, bucket_rules};
use super::files::release_content;
use super::objects::{Existing, check_condition, existing};
use super::{Index, IndexError, from_json, key_text, size_from_row};
use crate::attributes::Attributes;
use crate::conditions::WriteCondition;
use crate::object_lock::LockAccess;
use crate::versioning::{NULL_VERSION, VersioningStatus, is_version_id};

/// One object or version of a deletion.
#[derive(Debug, Clone)]
pub(crate) struct Deletion {
    pub(crate) key: String,
    /// `None` deletes the object: where versioning is on, a delete marker says so.
    pub(crate) version: Option<String>,
    pub(crate) condition: WriteCondition,
}

/// What a caller may remove.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeletionAccess {
    pub(crate) lock: LockAccess,
    /// Whether the caller has shown a code of the device of the root user.
    pub(crate) is_with_mfa: bool,
}

/// What was removed, or the delete marker that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeletionOutcome {
    /// As callers see it.
    pub(crate) version_id: Option<String>,
    pub(crate) is_delete_marker: bool,
}

/// A version as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionSummary {
    pub(crate) key: String,
    pub(crate) ordinal: i64,
    pub(crate) version_id: String,
    pub(crate) is_latest: bool,
    pub(crate) is_delete_marker: bool,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
}

struct ExistingVersion {
    ordinal: i64,
    is_current: bool,
    found: Option<Existing>,
    attributes: String,
}

async fn existing_version(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    version: &str,
) -> Result<Option<ExistingVersion>, IndexError> {
    let row = sqlx::query(
        "SELECT ordinal, is_current, attributes, content_id, etag, size, modified_ms FROM version \
         WHERE bucket_id = ? AND key = ? AND version_id = ?",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .bind(version)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let content_id: Option<i64> = row.try_get(3)?;
    let found = match content_id {
        None => None,
        Some(content_id) => Some(Existing {
            etag: row.try_get(4)?,
            size: row.try_get(5)?,
            modified_ms: row.try_get(6)?,
            content_id,
            version_id: version.to_owned(),
        }),
    };
    Ok(Some(ExistingVersion {
        ordinal: row.try_get(0)?,
        is_current: row.try_get(1)?,
        attributes: row.try_get(2)?,
        found,
    }))
}

/// Why there is no such object to read.
pub(super) async fn missing_object(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    key: &str,
    version: Option<&str>,
) -> Result<IndexError, IndexError> {
    // Callers get here only where no version with content fits, so a row is a delete marker.
    let marker: Option<String> = sqlx::query_scalar(
        "SELECT version_id FROM past_version WHERE bucket_id = ? AND key = ? AND content_id IS NULL \
         AND version_id = ifnull(?3, version_id) ORDER BY ordinal DESC LIMIT 1",
    )
    .bind(rules.id)
    .bind(key.as_bytes())
    .bind(version)
    .fetch_optional(connection)
    .await?;
    Ok(match (marker, version) {
        (Some(version_id), _) => IndexError::DeleteMarker { version_id, is_current: version.is_none() },
        (None, Some(_)) => IndexError::NoSuchVersion,
        (None, None) => IndexError::NoSuchKey,
    })
}

/// Clears the place of a key for a new version, which gets the ordinal that is returned.
pub(super) async fn make_room(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    key: &str,
    before: Option<Existing>,
) -> Result<i64, IndexError> {
    if rules.versioning.status == VersioningStatus::Off {
        if let Some(before) = before {
            remove_current(connection, rules.id, key, before.content_id).await?;
        }
        return Ok(0);
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(ordinal) FROM version WHERE bucket_id = ? AND key = ?")
        .bind(rules.id)
        .bind(key.as_bytes())
        .fetch_one(&mut *connection)
        .await?;
    let is_replaced = rules.versioning.status == VersioningStatus::Suspended;
    match before {
        Some(before) if is_replaced && before.version_id == NULL_VERSION => {
            remove_current(connection, rules.id, key, before.content_id).await?;
        }
        Some(_) => set_aside(connection, rules.id, key).await?,
        None => {}
    }
    if is_replaced {
        remove_past(connection, rules.id, key, NULL_VERSION).await?;
    }
    Ok(newest.map_or(0, |newest| newest + 1))
}

/// Makes the current object a past version.
async fn set_aside(connection: &mut SqliteConnection, bucket: i64, key: &str) -> Result<(), IndexError> {
    sqlx::query(
        "INSERT INTO past_version \
         (bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes) \
         SELECT bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes FROM object \
         WHERE bucket_id = ? AND key = ?",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .execute(&mut *connection)
    .await?;
    delete_current(connection, bucket, key).await
}

/// Makes the newest past version the current object again, unless that is a delete marker.
async fn promote(connection: &mut SqliteConnection, bucket: i64, key: &str) -> Result<(), IndexError> {
    let newest: Option<(i64, Option<i64>)> = sqlx::query_as(
        "SELECT ordinal, content_id FROM past_version WHERE bucket_id = ? AND key = ? ORDER BY ordinal DESC LIMIT 1",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((ordinal, Some(_))) = newest else { return Ok(()) };
    sqlx::query(
        "INSERT INTO object (bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes) \
         SELECT bucket_id, key, ordinal, version_id, size, etag, modified_ms, content_id, attributes \
         FROM past_version WHERE bucket_id = ? AND key = ? AND ordinal = ?",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .bind(ordinal)
    .execute(&mut *connection)
    .await?;
    delete_past(connection, bucket, key, ordinal).await
}

async fn delete_current(connection: &mut SqliteConnection, bucket: i64, key: &str) -> Result<(), IndexError> {
    sqlx::query("DELETE FROM object WHERE bucket_id = ? AND key = ?")
        .bind(bucket)
        .bind(key.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

async fn delete_past(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    ordinal: i64,
) -> Result<(), IndexError> {
    sqlx::query("DELETE FROM past_version WHERE bucket_id = ? AND key = ? AND ordinal = ?")
        .bind(bucket)
        .bind(key.as_bytes())
        .bind(ordinal)
        .execute(connection)
        .await?;
    Ok(())
}

async fn remove_current(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    content_id: i64,
) -> Result<(), IndexError> {
    delete_current(connection, bucket, key).await?;
    release_content(connection, content_id).await
}

/// Removes a past version, if there is one of this id.
async fn remove_past(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    version: &str,
) -> Result<(), IndexError> {
    let contents: Vec<Option<i64>> = sqlx::query_scalar(
        "DELETE FROM past_version WHERE bucket_id = ? AND key = ? AND version_id = ? RETURNING content_id",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .bind(version)
    .fetch_all(&mut *connection)
    .await?;
    for content in contents.into_iter().flatten() {
        release_content(connection, content).await?;
    }
    Ok(())
}

/// Deletes an object; with versioning a delete marker of this id takes its place.
async fn delete_object(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    deletion: &Deletion,
    marker_id: String,
    now_ms: i64,
) -> Result<DeletionOutcome, IndexError> {
    let before = existing(connection, rules.id, &deletion.key).await?;
    check_condition(&deletion.condition, before.as_ref())?;
    let ordinal = make_room(connection, rules, &deletion.key, before).await?;
    let marker_id = match rules.versioning.status {
        VersioningStatus::Off => return Ok(DeletionOutcome::default()),
        VersioningStatus::Enabled => marker_id,
        VersioningStatus::Suspended => NULL_VERSION.to_owned(),
    };
    sqlx::query(
        "INSERT INTO past_version (bucket_id, key, ordinal, version_id, size, etag, modified_ms, attributes) \
         VALUES (?, ?, ?, ?, 0, '', ?, '{}')",
    )
    .bind(rules.id)
    .bind(deletion.key.as_bytes())
    .bind(ordinal)
    .bind(&marker_id)
    .bind(now_ms)
    .execute(connection)
    .await?;
    Ok(DeletionOutcome { version_id: Some(marker_id), is_delete_marker: true })
}

/// Removes a version for good, if nothing holds it. One that is not there is removed already.
async fn remove_version(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    deletion: &Deletion,
    version: &str,
    access: DeletionAccess,
) -> Result<DeletionOutcome, IndexError> {
    if rules.versioning.has_mfa_delete && !access.is_with_mfa {
        return Err(IndexError::MfaNeeded);
    }
    let found = existing_version(connection, rules.id, &deletion.key, version).await?;
    check_condition(&deletion.condition, found.as_ref().and_then(|version| version.found.as_ref()))?;
    let shown = |is_delete_marker| DeletionOutcome { version_id: rules.versioning.shown_id(version), is_delete_marker };
    let Some(found) = found else {
        return if is_version_id(version) { Ok(shown(false)) } else { Err(IndexError::NoSuchVersion) };
    };
    let attributes: Attributes = from_json(&found.attributes, "attributes")?;
    if !attributes.lock.unwrap_or_default().allows_removal(access.lock) {
        return Err(IndexError::Locked);
    }
    match (&found.found, found.is_current) {
        (Some(object), true) => remove_current(connection, rules.id, &deletion.key, object.content_id).await?,
        (object, _) => {
            delete_past(connection, rules.id, &deletion.key, found.ordinal).await?;
            if let Some(object) = object {
                release_content(connection, object.content_id).await?;
            }
        }
    }
    if existing(connection, rules.id, &deletion.key).await?.is_none() {
        promote(connection, rules.id, &deletion.key).await?;
    }
    Ok(shown(found.found.is_none()))
}

impl Index {
    /// Removes objects in one transaction. Each has its own outcome: an object that is not there is removed already, a
    /// condition or a lock that does not allow it keeps its object.
    pub(crate) async fn delete_objects(
        &self,
        bucket: String,
        deletions: Vec<Deletion>,
        access: DeletionAccess,
    ) -> Result<Vec<Result<DeletionOutcome, IndexError>>, IndexError> {
        let index = self.clone();
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &bucket).await?;
            let mut outcomes = Vec::with_capacity(deletions.len());
            for deletion in &deletions {
                let outcome = match &deletion.version {
                    Some(version) => remove_version(&mut transaction, &rules, deletion, version, access).await,
                    None => {
                        let (id, now_ms) = (index.new_version_id(), access.lock.now_ms);
                        delete_object(&mut transaction, &rules, deletion, id, now_ms).await
                    }
                };
                match outcome {
                    // What the database or its content says is no outcome of one object: the transaction is undone.
                    Err(error @ (IndexError::Database(_) | IndexError::Corrupt { .. })) => return Err(error),
                    outcome => outcomes.push(outcome),
                }
            }
            Ok((transaction, outcomes))
        })
        .await
    }

    /// Versions in the order of their keys, the newest of a key first, with `from <= key < below`; of the key `from`
    /// itself only those older than the ordinal `before`.
    pub(crate) async fn versions(
        &self,
        bucket: i64,
        from: &[u8],
        before: Option<i64>,
        below: &[u8],
        limit: i64,
    ) -> Result<Vec<VersionSummary>, IndexError> {
        let rows = sqlx::query(
            "SELECT key, ordinal, version_id, content_id, size, etag, modified_ms, is_current OR NOT EXISTS ( \
             SELECT 1 FROM version AS newer WHERE newer.bucket_id = version.bucket_id AND newer.key = version.key \
             AND newer.ordinal > version.ordinal) FROM version \
             WHERE bucket_id = ?1 AND key >= ?2 AND key < ?4 AND (key > ?2 OR ?3 IS NULL OR ordinal < ?3) \
             ORDER BY key, ordinal DESC LIMIT ?5",
        )
        .bind(bucket)
        .bind(from)
        .bind(before)
        .bind(below)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(version_from_row).collect()
    }

    /// The ordinal of a version, `None` when there is none.
    pub(crate) async fn version_ordinal(
        &self,
        bucket: i64,
        key: &str,
        version: &str,
    ) -> Result<Option<i64>, IndexError> {
        let ordinal =
            sqlx::query_scalar("SELECT ordinal FROM version WHERE bucket_id = ? AND key = ? AND version_id = ?")
                .bind(bucket)
                .bind(key.as_bytes())
                .bind(version)
                .fetch_optional(&self.readers)
                .await?;
        Ok(ordinal)
    }
}

fn version_from_row(row: &SqliteRow) -> Result<VersionSummary, IndexError> {
    Ok(VersionSummary {
        key: key_text(row.try_get(0)?)?,
        ordinal: row.try_get(1)?,
        version_id: row.try_get(2)?,
        is_latest: row.try_get(7)?,
        is_delete_marker: row.try_get::<Option<i64>, _>(3)?.is_none(),
        size: size_from_row(row.try_get(4)?)?,
        etag: row.try_get(5)?,
        modified_ms: row.try_get(6)?,
    })
}
