//! Uploads in parts.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::buckets::{bucket_id, bucket_rules};
use super::files::{doom_file, insert_content, insert_file};
use super::objects::{NewContent, NewObject, replace_object};
use super::{Index, IndexError, from_json, key_text, size_from_row, size_to_row, to_json};
use crate::attributes::{Algorithm, Attributes, Checksums, Extent};
use crate::checksum::{PartDigest, combine_parts, multipart_etag};
use crate::conditions::WriteCondition;

/// The smallest part that is not the last, in bytes. Source: Amazon S3 user guide, "Multipart upload limits".
pub(crate) const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) attributes: Attributes,
}

/// An upload as a list shows it.
#[derive(Debug, Clone)]
pub(crate) struct UploadSummary {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) created_ms: i64,
    pub(crate) attributes: Attributes,
}

/// A part to be; its file is durable already.
#[derive(Debug)]
pub(crate) struct NewPart {
    pub(crate) number: i32,
    pub(crate) file_id: i64,
    pub(crate) size: u64,
    /// In hexadecimal digits.
    pub(crate) md5: String,
    pub(crate) modified_ms: i64,
    pub(crate) checksums: Checksums,
}

/// A part.
#[derive(Debug, Clone)]
pub(crate) struct PartRow {
    pub(crate) number: i32,
    pub(crate) file_id: i64,
    pub(crate) size: u64,
    pub(crate) md5: String,
    pub(crate) modified_ms: i64,
    pub(crate) checksums: Checksums,
}

/// A part as the caller names it when completing.
#[derive(Debug, Clone)]
pub(crate) struct CompletedPart {
    pub(crate) number: i32,
    pub(crate) etag: String,
    /// Must equal those of the part, where both have the algorithm.
    pub(crate) checksums: Checksums,
}

/// What makes an object of an upload.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload_id: String,
    /// In ascending order.
    pub(crate) parts: Vec<CompletedPart>,
    pub(crate) condition: WriteCondition,
    /// Checksums that the whole object must have.
    pub(crate) checksums: Checksums,
    pub(crate) size: Option<u64>,
    pub(crate) modified_ms: i64,
}

/// The object that an upload became.
#[derive(Debug)]
pub(crate) struct CompletedUpload {
    pub(crate) etag: String,
    pub(crate) attributes: Attributes,
    /// As callers see it.
    pub(crate) version_id: Option<String>,
}

const PART_COLUMNS: &str = "SELECT number, file_id, size, md5, modified_ms, checksums FROM part \
                            WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?";

fn part_from_row(row: &SqliteRow) -> Result<PartRow, IndexError> {
    Ok(PartRow {
        number: row.try_get(0)?,
        file_id: row.try_get(1)?,
        size: size_from_row(row.try_get(2)?)?,
        md5: row.try_get(3)?,
        modified_ms: row.try_get(4)?,
        checksums: from_json(row.try_get::<&str, _>(5)?, "checksums")?,
    })
}

async fn upload_attributes(
    connection: &mut SqliteConnection,
    bucket: i64,
    key: &str,
    id: &str,
) -> Result<Attributes, IndexError> {
    let attributes: Option<String> =
        sqlx::query_scalar("SELECT attributes FROM upload WHERE id = ? AND bucket_id = ? AND key = ?")
            .bind(id)
            .bind(bucket)
            .bind(key.as_bytes())
            .fetch_optional(connection)
            .await?;
    from_json(&attributes.ok_or(IndexError::NoSuchUpload)?, "attributes")
}

/// Finds the parts that were named, in their order.
async fn named_parts(
    connection: &mut SqliteConnection,
    upload_id: &str,
    named: &[CompletedPart],
) -> Result<Vec<PartRow>, IndexError> {
    let rows = sqlx::query(PART_COLUMNS).bind(upload_id).bind(0_i64).bind(i64::MAX).fetch_all(&mut *connection).await?;
    let stored: Vec<PartRow> = rows.iter().map(part_from_row).collect::<Result<_, _>>()?;
    let mut parts = Vec::with_capacity(named.len());
    for (index, wanted) in named.iter().enumerate() {
        let number = wanted.number;
        let found = stored.binary_search_by_key(&number, |part| part.number);
        let part = found.ok().and_then(|at| stored.get(at)).filter(|part| part.md5 == wanted.etag);
        let part = part.ok_or(IndexError::InvalidPart { number })?;
        let differs = |(algorithm, value): (&Algorithm, &String)| {
            part.checksums.get(*algorithm).is_some_and(|stored| stored != *value)
        };
        if wanted.checksums.0.iter().any(differs) {
            return Err(IndexError::InvalidPart { number });
        }
        if index + 1 < named.len() && part.size < PART_BYTES_MIN {
            return Err(IndexError::PartTooSmall { number, size: part.size });
        }
        parts.push(part.clone());
    }
    Ok(parts)
}

fn assemble(completion: &Completion, mut attributes: Attributes, parts: &[PartRow]) -> Result<NewObject, IndexError> {
    let size = parts.iter().map(|part| part.size).sum();
    if let Some(expected) = completion.size.filter(|expected| *expected != size) {
        return Err(IndexError::SizeMismatch { expected, found: size });
    }
    let digests: Vec<PartDigest<'_>> =
        parts.iter().map(|part| PartDigest { size: part.size, md5: &part.md5, checksums: &part.checksums }).collect();
    let corrupt = IndexError::Corrupt { what: "the digest of a part" };
    let etag = multipart_etag(&digests).ok_or(corrupt)?;
    let algorithm = attributes.upload_algorithm.take();
    if let Some((kind, algorithm, value)) = combine_parts(&digests, algorithm, attributes.checksum_type) {
        // A composite value is announced with or without the number of parts behind it.
        let bare = value.split('-').next().unwrap_or(&value);
        if completion.checksums.get(algorithm).is_some_and(|expected| expected != value && expected != bare) {
            return Err(IndexError::ChecksumMismatch);
        }
        attributes.checksum_type = Some(kind);
        attributes.checksums.0.insert(algorithm, value);
    }
    attributes.parts_count = u32::try_from(parts.len()).ok();
    let content = NewContent::Inline(bytes::Bytes::new());
    Ok(NewObject { content, size, etag, modified_ms: completion.modified_ms, attributes })
}

impl Index {
    pub(crate) async fn create_upload(
        &self,
        bucket: String,
        key: String,
        upload_id: String,
        attributes: Attributes,
        created_ms: i64,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            sqlx::query("INSERT INTO upload (id, bucket_id, key, created_ms, attributes) VALUES (?, ?, ?, ?, ?)")
                .bind(&upload_id)
                .bind(bucket)
                .bind(key.as_bytes())
                .bind(created_ms)
                .bind(to_json(&attributes, "attributes")?)
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, ()))
        })
        .await
    }

    pub(crate) async fn upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<UploadRow, IndexError> {
        let mut connection = self.readers.acquire().await?;
        let bucket = bucket_id(&mut connection, bucket).await?;
        Ok(UploadRow { attributes: upload_attributes(&mut connection, bucket, key, upload_id).await? })
    }

    /// Adds a part, in place of one with the same number.
    pub(crate) async fn put_part(
        &self,
        bucket: String,
        key: String,
        upload_id: String,
        part: NewPart,
    ) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            upload_attributes(&mut transaction, bucket, &key, &upload_id).await?;
            let before: Option<i64> = sqlx::query_scalar("SELECT file_id FROM part WHERE upload_id = ? AND number = ?")
                .bind(&upload_id)
                .bind(part.number)
                .fetch_optional(&mut *transaction)
                .await?;
            insert_file(&mut transaction, part.file_id).await?;
            sqlx::query(
                "INSERT OR REPLACE INTO part (upload_id, number, file_id, size, md5, modified_ms, checksums) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&upload_id)
            .bind(part.number)
            .bind(part.file_id)
            .bind(size_to_row(part.size)?)
            .bind(&part.md5)
            .bind(part.modified_ms)
            .bind(to_json(&part.checksums, "checksums")?)
            .execute(&mut *transaction)
            .await?;
            if let Some(before) = before {
                doom_file(&mut transaction, before).await?;
            }
            Ok((transaction, ()))
        })
        .await
    }

    /// Parts with numbers above `after`, `limit` at most.
    pub(crate) async fn parts(&self, upload_id: &str, after: i32, limit: i64) -> Result<Vec<PartRow>, IndexError> {
        let rows = sqlx::query(PART_COLUMNS).bind(upload_id).bind(after).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(part_from_row).collect()
    }

    /// Makes an object of the parts. No byte is copied: the object takes over their files; parts that were not named
    /// are doomed.
    pub(crate) async fn complete_upload(&self, completion: Completion) -> Result<CompletedUpload, IndexError> {
        let version_id = self.new_version_id();
        self.write(move |mut transaction| async move {
            let rules = bucket_rules(&mut *transaction, &completion.bucket).await?;
            let id = &completion.upload_id;
            let attributes = upload_attributes(&mut transaction, rules.id, &completion.key, id).await?;
            let parts = named_parts(&mut transaction, id, &completion.parts).await?;
            let mut object = assemble(&completion, attributes, &parts)?;
            let extents: Vec<Extent> =
                parts.iter().map(|part| Extent { file_id: part.file_id, size: part.size }).collect();
            let content_id = insert_content(&mut transaction, None, &extents).await?;
            let (key, condition) = (&completion.key, &completion.condition);
            let replaced =
                replace_object(&mut transaction, &rules, key, &mut object, content_id, condition, version_id);
            let version_id = replaced.await?;
            sqlx::query(
                "UPDATE file SET doomed = 1 WHERE id IN (SELECT file_id FROM part WHERE upload_id = ?) \
                 AND id NOT IN (SELECT json_extract(extent.value, '$[0]') FROM json_each(?) AS extent)",
            )
            .bind(id)
            .bind(to_json(&extents, "extents")?)
            .execute(&mut *transaction)
            .await?;
            sqlx::query("DELETE FROM upload WHERE id = ?").bind(id).execute(&mut *transaction).await?;
            Ok((transaction, CompletedUpload { etag: object.etag, attributes: object.attributes, version_id }))
        })
        .await
    }

    pub(crate) async fn abort_upload(&self, bucket: String, key: String, upload_id: String) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let bucket = bucket_id(&mut transaction, &bucket).await?;
            upload_attributes(&mut transaction, bucket, &key, &upload_id).await?;
            sqlx::query("UPDATE file SET doomed = 1 WHERE id IN (SELECT file_id FROM part WHERE upload_id = ?)")
                .bind(&upload_id)
                .execute(&mut *transaction)
                .await?;
            sqlx::query("DELETE FROM upload WHERE id = ?").bind(&upload_id).execute(&mut *transaction).await?;
            Ok((transaction, ()))
        })
        .await
    }

    /// Uploads in the order of key and id, from `(from, after_id)` exclusive where the key is `from` itself, to keys
    /// below `below`.
    pub(crate) async fn uploads(
        &self,
        bucket: i64,
        from: &[u8],
        after_id: &str,
        below: &[u8],
        limit: i64,
    ) -> Result<Vec<UploadSummary>, IndexError> {
        let rows = sqlx::query(
            "SELECT id, key, created_ms, attributes FROM upload WHERE bucket_id = ? AND (key, id) > (?, ?) \
             AND key < ? ORDER BY key, id LIMIT ?",
        )
        .bind(bucket)
        .bind(from)
        .bind(after_id)
        .bind(below)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let summary = |row: &SqliteRow| -> Result<UploadSummary, IndexError> {
            Ok(UploadSummary {
                id: row.try_get(0)?,
                key: key_text(row.try_get(1)?)?,
                created_ms: row.try_get(2)?,
                attributes: from_json(row.try_get::<&str, _>(3)?, "attributes")?,
            })
        };
        rows.iter().map(summary).collect()
    }
}
