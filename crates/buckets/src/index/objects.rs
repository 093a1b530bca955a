//! Objects.

use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::buckets::bucket_id;
use super::files::{insert_content, insert_file, release_content};
use super::{Index, IndexError, from_json, key_text, size_from_row, size_to_row, to_json};
use crate::attributes::{Attributes, Extent};
use crate::conditions::WriteCondition;

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
}

/// An object as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectSummary {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified_ms: i64,
}

/// One object of a deletion.
#[derive(Debug, Clone)]
pub(crate) struct Deletion {
    pub(crate) key: String,
    pub(crate) condition: WriteCondition,
}

struct Existing {
    etag: String,
    size: i64,
    modified_ms: i64,
    content_id: i64,
}

async fn existing(connection: &mut SqliteConnection, bucket: i64, key: &str) -> Result<Option<Existing>, IndexError> {
    let row = sqlx::query("SELECT etag, size, modified_ms, content_id FROM object WHERE bucket_id = ? AND key = ?")
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
    }))
}

/// Puts an object in its place and releases what was there, if the condition holds.
pub(super) async fn replace_object(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    object: &NewObject,
    content_id: i64,
    condition: &WriteCondition,
) -> Result<(), IndexError> {
    let before = existing(connection, bucket, key).await?;
    check_condition(condition, before.as_ref())?;
    sqlx::query(
        "INSERT INTO object (bucket_id, key, size, etag, modified_ms, content_id, attributes) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bucket_id, key) DO UPDATE SET size = excluded.size, \
         etag = excluded.etag, modified_ms = excluded.modified_ms, content_id = excluded.content_id, \
         attributes = excluded.attributes",
    )
    .bind(bucket)
    .bind(key.as_bytes())
    .bind(size_to_row(object.size)?)
    .bind(&object.etag)
    .bind(object.modified_ms)
    .bind(content_id)
    .bind(to_json(&object.attributes, "attributes")?)
    .execute(&mut *connection)
    .await?;
    match before {
        Some(before) => release_content(connection, before.content_id).await,
        None => Ok(()),
    }
}

fn check_condition(condition: &WriteCondition, before: Option<&Existing>) -> Result<(), IndexError> {
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
    /// Makes an object, durable on return, in place of any before it.
    pub(crate) async fn put_object(
        &self,
        bucket: String,
        key: String,
        object: NewObject,
        condition: WriteCondition,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            let content_id = add_content(&mut transaction, &object).await?;
            replace_object(&mut transaction, bucket, &key, &object, content_id, &condition).await?;
            Ok((transaction, ()))
        })
        .await
    }

    pub(crate) async fn object(&self, bucket: &str, key: &str) -> Result<StoredObject, IndexError> {
        let row = sqlx::query(
            "SELECT object.size, object.etag, object.modified_ms, object.attributes, content.id, content.inline_data, \
             content.extents FROM bucket \
             LEFT JOIN object ON object.bucket_id = bucket.id AND object.key = ? \
             LEFT JOIN content ON content.id = object.content_id WHERE bucket.name = ?",
        )
        .bind(key.as_bytes())
        .bind(bucket)
        .fetch_optional(&self.readers)
        .await?;
        let row = row.ok_or(IndexError::NoSuchBucket)?;
        let size: Option<i64> = row.try_get(0)?;
        let size = size_from_row(size.ok_or(IndexError::NoSuchKey)?)?;
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
        Ok(StoredObject {
            size,
            etag: row.try_get(1)?,
            modified_ms: row.try_get(2)?,
            attributes: from_json(row.try_get::<&str, _>(3)?, "attributes")?,
            content_id: row.try_get(4)?,
            content,
        })
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

    /// Removes objects in one transaction. Each has its own outcome: an object that is not there is removed already, a
    /// condition that fails keeps its object.
    pub(crate) async fn delete_objects(
        &self,
        bucket: String,
        deletions: Vec<Deletion>,
    ) -> Result<Vec<Result<(), IndexError>>, IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            let mut outcomes = Vec::with_capacity(deletions.len());
            for deletion in &deletions {
                let before = existing(&mut transaction, bucket, &deletion.key).await?;
                let allowed = check_condition(&deletion.condition, before.as_ref());
                if let (Ok(()), Some(before)) = (&allowed, before) {
                    sqlx::query("DELETE FROM object WHERE bucket_id = ? AND key = ?")
                        .bind(bucket)
                        .bind(deletion.key.as_bytes())
                        .execute(&mut *transaction)
                        .await?;
                    release_content(&mut transaction, before.content_id).await?;
                }
                outcomes.push(allowed);
            }
            Ok((transaction, outcomes))
        })
        .await
    }

    /// Changes the tags of an object, and nothing else of it.
    pub(crate) async fn set_object_tags(
        &self,
        bucket: String,
        key: String,
        tags: Vec<(String, String)>,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            let attributes: Option<String> =
                sqlx::query_scalar("SELECT attributes FROM object WHERE bucket_id = ? AND key = ?")
                    .bind(bucket)
                    .bind(key.as_bytes())
                    .fetch_optional(&mut *transaction)
                    .await?;
            let mut attributes: Attributes = from_json(&attributes.ok_or(IndexError::NoSuchKey)?, "attributes")?;
            attributes.tags = tags;
            sqlx::query("UPDATE object SET attributes = ? WHERE bucket_id = ? AND key = ?")
                .bind(to_json(&attributes, "attributes")?)
                .bind(bucket)
                .bind(key.as_bytes())
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, ()))
        })
        .await
    }
}
