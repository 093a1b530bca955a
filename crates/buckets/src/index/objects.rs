//! Objects.

use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::buckets::{BucketRules, bucket_rules};
use super::files::{insert_content, insert_file};
use super::versions::{make_room, missing_object};
use super::{Index, IndexError, from_json, key_text, size_from_row, size_to_row, to_json};
use crate::attributes::{Attributes, Extent};
use crate::conditions::WriteCondition;
use crate::object_lock::ObjectLock;
use crate::versioning::{NULL_VERSION, VersioningStatus};

/// Bytes of an object to be.
#[derive(Debug)]
pub(crate) enum NewContent {
    /// Kept in the index itself.
    Inline(Bytes),
    /// In one file, durable already.
    File { id: i64 },
    /// The bytes of another object.
    SharedWith { content_id: i64 },
}

/// An object to be.
#[derive(Debug)]
pub(crate) struct NewObject {
    pub(crate) content: NewContent,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: Attributes,
}

/// Where the bytes of an object are.
#[derive(Debug, Clone)]
pub(crate) enum StoredContent {
    Inline(Bytes),
    Files(Vec<Extent>),
}

/// An object, with everything but the bytes that are in files.
#[derive(Debug, Clone)]
pub(crate) struct StoredObject {
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
    pub(crate) attributes: Attributes,
    pub(crate) content_id: i64,
    pub(crate) content: StoredContent,
    /// As callers see it; `None` where versioning was never on.
    pub(crate) version_id: Option<String>,
}

/// An object as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectSummary {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
}

/// What is known of an object that is in the way of a write.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) etag: String,
    pub(super) size: i64,
    pub(super) modified_ms: i64,
    pub(super) content_id: i64,
    pub(super) version_id: String,
}

pub(super) async fn existing(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
) -> Result<Option<Existing>, IndexError> {
    let row = sqlx::query(
        "SELECT etag, size, modified_ms, content_id, version_id FROM object WHERE bucket_id = ? AND key = ?",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Existing {
        etag: row.try_get(0)?,
        size: row.try_get(1)?,
        modified_ms: row.try_get(2)?,
        content_id: row.try_get(3)?,
        version_id: row.try_get(4)?,
    }))
}

/// Puts an object in its place if the condition holds; what was there goes or stays as a version, as the bucket has it.
/// `version_id` is the id of the new version where versioning is on. Returns the id as callers see it.
pub(super) async fn replace_object(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    key: &str,
    object: &mut NewObject,
    content_id: i64,
    condition: &WriteCondition,
    version_id: String,
) -> Result<Option<String>, IndexError> {
    let before = existing(connection, rules.id, key).await?;
    check_condition(condition, before.as_ref())?;
    lock_new_version(rules, object)?;
    let ordinal = make_room(connection, rules, key, before).await?;
    let version_id =
        if rules.versioning.status == VersioningStatus::Enabled { version_id } else { NULL_VERSION.to_owned() };
    sqlx::query(
        "INSERT INTO object (bucket_id, key, size, etag, modified_ms, content_id, attributes, ordinal, version_id) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(rules.id)
    .bind(key.as_bytes())
    .bind(size_to_row(object.size)?)
    .bind(&object.etag)
    .bind(object.modified_ms)
    .bind(content_id)
    .bind(to_json(&object.attributes, "attributes")?)
    .bind(ordinal)
    .bind(&version_id)
    .execute(&mut *connection)
    .await?;
    Ok(rules.versioning.shown_id(&version_id))
}

/// A version that is written without a word about retention gets the bucket's.
fn lock_new_version(rules: &BucketRules, object: &mut NewObject) -> Result<(), IndexError> {
    let asked = object.attributes.lock;
    match (rules.lock, asked) {
        (None, Some(_)) => Err(IndexError::NoObjectLock),
        (None, None) => Ok(()),
        (Some(rule), asked) => {
            let mut lock = asked.unwrap_or_default();
            lock.retention = lock.retention.or_else(|| rule.retention_at(object.modified_ms));
            object.attributes.lock = Some(lock).filter(|lock| *lock != ObjectLock::default());
            Ok(())
        }
    }
}

pub(super) fn check_condition(condition: &WriteCondition, before: Option<&Existing>) -> Result<(), IndexError> {
    let found = before.map(|before| (before.etag.as_str(), before.size, before.modified_ms));
    match (condition.holds(found), found, condition.needs_object()) {
        (true, ..) => Ok(()),
        (false, None, true) => Err(IndexError::NoSuchKey),
        (false, ..) => Err(IndexError::PreconditionFailed),
    }
}

async fn add_content(connection: &mut SqliteConnection, object: &NewObject) -> Result<i64, IndexError> {
    match &object.content {
        NewContent::Inline(bytes) => insert_content(connection, Some(bytes), &[]).await,
        NewContent::File { id } => {
            insert_file(connection, *id).await?;
            insert_content(connection, None, &[Extent { file_id: *id, size: object.size }]).await
        }
        NewContent::SharedWith { content_id } => {
            let found = sqlx::query_scalar(
                "UPDATE content SET reference_count = reference_count + 1 WHERE id = ? RETURNING id",
            )
            .bind(content_id)
            .fetch_optional(connection)
            .await?;
            // The source was replaced or removed since it was looked up.
            found.ok_or(IndexError::NoSuchKey)
        }
    }
}

impl Index {
    /// Makes an object, durable on return, in place of any before it. Returns the id of its version as callers see it.
    pub(crate) async fn put_object(
        &self,
        bucket: String,
        key: String,
        mut object: NewObject,
        condition: WriteCondition,
    ) -> Result<Option<String>, IndexError> {
        let version_id = self.new_version_id();
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &bucket).await?;
            let content_id = add_content(&mut transaction, &object).await?;
            let replaced =
                replace_object(&mut transaction, &rules, &key, &mut object, content_id, &condition, version_id);
            let version_id = replaced.await?;
            Ok((transaction, version_id))
        })
        .await
    }

    /// The newest version of an object, or the one that is named.
    pub(crate) async fn object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<StoredObject, IndexError> {
        let mut connection = self.readers.acquire().await?;
        let rules = bucket_rules(&mut *connection, bucket).await?;
        match stored_object(&mut connection, &rules, key, version).await? {
            Some(object) => Ok(object),
            None => Err(missing_object(&mut connection, &rules, key, version).await?),
        }
    }

    /// Objects with `from <= key < below`, in key order, `limit` at most.
    pub(crate) async fn objects(
        &self,
        bucket: i64,
        from: &[u8],
        below: &[u8],
        limit: i64,
    ) -> Result<Vec<ObjectSummary>, IndexError> {
        let rows = sqlx::query(
            "SELECT key, size, etag, modified_ms FROM object \
             WHERE bucket_id = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
        )
        .bind(bucket)
        .bind(from)
        .bind(below)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let summary = |row: &sqlx::sqlite::SqliteRow| -> Result<ObjectSummary, IndexError> {
            Ok(ObjectSummary {
                key: key_text(row.try_get(0)?)?,
                size: size_from_row(row.try_get(1)?)?,
                etag: row.try_get(2)?,
                modified_ms: row.try_get(3)?,
            })
        };
        rows.iter().map(summary).collect()
    }

    /// Changes what is kept beside the bytes of a version, and returns the version's id as callers see it. `change` sees
    /// the rules of the bucket.
    pub(crate) async fn change_attributes<C>(
        &self,
        bucket: String,
        key: String,
        version: Option<String>,
        change: C,
    ) -> Result<Option<String>, IndexError>
    where
        C: FnOnce(&BucketRules, &mut Attributes) -> Result<(), IndexError> + Send + 'static,
    {
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &bucket).await?;
            let row: Option<(String, String, bool, i64)> = sqlx::query_as(
                "SELECT version_id, attributes, is_current, ordinal FROM version WHERE bucket_id = ? AND key = ? \
                 AND content_id IS NOT NULL AND (is_current OR ?3 IS NOT NULL) AND version_id = ifnull(?3, version_id)",
            )
            .bind(rules.id)
            .bind(key.as_bytes())
            .bind(&version)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some((version_id, attributes, is_current, ordinal)) = row else {
                return Err(missing_object(&mut transaction, &rules, &key, version.as_deref()).await?);
            };
            let mut attributes: Attributes = from_json(&attributes, "attributes")?;
            change(&rules, &mut attributes)?;
            let update = match is_current {
                true => "UPDATE object SET attributes = ? WHERE bucket_id = ? AND key = ? AND ordinal = ?",
                false => "UPDATE past_version SET attributes = ? WHERE bucket_id = ? AND key = ? AND ordinal = ?",
            };
            sqlx::query(update)
                .bind(to_json(&attributes, "attributes")?)
                .bind(rules.id)
                .bind(key.as_bytes())
                .bind(ordinal)
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, rules.versioning.shown_id(&version_id)))
        })
        .await
    }
}

async fn stored_object(
    connection: &mut SqliteConnection,
    rules: &BucketRules,
    key: &str,
    version: Option<&str>,
) -> Result<Option<StoredObject>, IndexError> {
    let query = match version {
        None => {
            "SELECT object.size, object.etag, object.modified_ms, object.attributes, content.id, content.inline_data, \
             content.extents, object.version_id FROM object JOIN content ON content.id = object.content_id \
             WHERE object.bucket_id = ? AND object.key = ?"
        }
        Some(_) => {
            "SELECT version.size, version.etag, version.modified_ms, version.attributes, content.id, \
             content.inline_data, content.extents, version.version_id FROM version \
             JOIN content ON content.id = version.content_id \
             WHERE version.bucket_id = ? AND version.key = ? AND version.version_id = ?"
        }
    };
    let query = sqlx::query(query).bind(rules.id).bind(key.as_bytes());
    let query = if let Some(version) = version { query.bind(version) } else { query };
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    let size = size_from_row(row.try_get(0)?)?;
    let inline: Option<Vec<u8>> = row.try_get(5)?;
    let content = match inline {
        Some(bytes) => StoredContent::Inline(Bytes::from(bytes)),
        None => {
            let extents: Vec<Extent> = from_json(row.try_get::<&str, _>(6)?, "extents")?;
            if extents.iter().map(|extent| extent.size).sum::<u64>() != size {
                return Err(IndexError::Corrupt { what: "extents" });
            }
            StoredContent::Files(extents)
        }
    };
    Ok(Some(StoredObject {
        size,
        etag: row.try_get(1)?,
        modified_ms: row.try_get(2)?,
        attributes: from_json(row.try_get::<&str, _>(3)?, "attributes")?,
        content_id: row.try_get(4)?,
        content,
        version_id: rules.versioning.shown_id(row.try_get(7)?),
    }))
}
