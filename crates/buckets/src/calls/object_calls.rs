//! Objects: put, get, head, delete.

use std::collections::HashMap;
use std::ops::Range as ByteRange;

use http::HeaderMap;
use http::header::{ETAG, HeaderValue, LAST_MODIFIED};
use s3s::dto::*;
use s3s::{Body, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::answers::{answer_with_status, etag, internal, precondition_failed, timestamp, timestamp_ms};
use super::lock_calls::LockHeaders;
use super::refusals::Extras;
use super::tags::parse_tag_header;
use super::uploaded_body::Promises;
use super::{Backend, now_ms};
use crate::attributes::{Algorithm, Attributes, Checksums};
use crate::cleaning::ReadPermit;
use crate::conditions::{ReadCondition, ReadVerdict, WriteCondition};
use crate::content::{Reading, ReceivedBytes};
use crate::index::{Deletion, DeletionOutcome, NewContent, NewObject, StoredContent, StoredObject};

/// Longest user metadata, names and values together, in bytes. Source: Amazon S3 user guide, "Object metadata".
const METADATA_BYTES_MAX: usize = 2 * 1024;

/// Objects in one DeleteObjects. Source: Amazon S3 API reference, DeleteObjects.
const DELETIONS_MAX: usize = 1000;

/// The headers that an object keeps.
#[derive(Debug, Default)]
pub(super) struct KeptHeaders {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) website_redirect_location: Option<String>,
    pub(super) metadata: Option<HashMap<String, String>>,
}

impl KeptHeaders {
    pub(super) fn into_attributes(self, tagging: Option<&str>) -> S3Result<Attributes> {
        let metadata = self.metadata.unwrap_or_default();
        let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > METADATA_BYTES_MAX {
            return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
        }
        Ok(Attributes {
            content_type: self.content_type,
            content_encoding: self.content_encoding,
            content_language: self.content_language,
            content_disposition: self.content_disposition,
            cache_control: self.cache_control,
            expires_ms: self.expires.as_ref().map(timestamp_ms),
            website_redirect_location: self.website_redirect_location,
            metadata: metadata.into_iter().collect(),
            tags: parse_tag_header(tagging)?,
            ..Attributes::default()
        })
    }
}

pub(super) fn seconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| timestamp_ms(&time).div_euclid(1000))
}

impl Backend {
    pub(super) async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let promises = Promises::of(&request, Algorithm::Crc64Nvme)?;
        let input = request.input;
        Extras {
            acl: input.acl.as_ref(),
            has_grants: input.grant_full_control.is_some()
                || input.grant_read.is_some()
                || input.grant_read_acp.is_some()
                || input.grant_write_acp.is_some(),
            storage_class: input.storage_class.as_ref().map(StorageClass::as_str),
            has_encryption: input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some(),
        }
        .check()?;
        if input.write_offset_bytes.is_some() {
            return Err(s3_error!(NotImplemented, "Appending to objects is not implemented."));
        }
        self.index.bucket(&input.bucket).await?;
        let lock = LockHeaders {
            mode: input.object_lock_mode,
            until: input.object_lock_retain_until_date,
            legal_hold: input.object_lock_legal_hold_status,
        }
        .read()?;
        let headers = KeptHeaders {
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            content_disposition: input.content_disposition,
            cache_control: input.cache_control,
            expires: input.expires,
            website_redirect_location: input.website_redirect_location,
            metadata: input.metadata,
        };
        let mut attributes = headers.into_attributes(input.tagging.as_deref())?;
        attributes.lock = lock;
        let received = self.receive_body(input.body, &promises, true).await?;
        attributes.checksums = received.checksums.clone();
        attributes.checksum_type = Some(crate::attributes::ChecksumKind::FullObject);
        let tag = hex::encode(received.md5);
        let content = match received.bytes {
            ReceivedBytes::Inline(bytes) => NewContent::Inline(bytes),
            ReceivedBytes::File(file) => NewContent::File { id: file.hand_over() },
        };
        let object = NewObject { content, size: received.size, etag: tag.clone(), modified_ms: now_ms(), attributes };
        let condition =
            WriteCondition { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let version_id = self.index.put_object(input.bucket, input.key, object, condition).await?;
        self.readers.ring();
        let sums = received.checksums;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag(&tag)),
            checksum_crc32: sums.get(Algorithm::Crc32),
            checksum_crc32c: sums.get(Algorithm::Crc32c),
            checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
            checksum_sha1: sums.get(Algorithm::Sha1),
            checksum_sha256: sums.get(Algorithm::Sha256),
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            version_id,
            ..Default::default()
        }))
    }

    pub(super) async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let permit = self.readers.permit();
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            modified_since_seconds: seconds(input.if_modified_since),
            unmodified_since_seconds: seconds(input.if_unmodified_since),
        };
        check_read_condition(&condition, &object)?;
        let selection = select(&object, input.range, input.part_number)?;
        let mut output = describe(&object, &selection, input.checksum_mode.is_some());
        let body = self.body_of(&object, selection.range, permit).await?;
        output.body = Some(StreamingBlob::from(body));
        output.cache_control = input.response_cache_control.or(output.cache_control);
        output.content_disposition = input.response_content_disposition.or(output.content_disposition);
        output.content_encoding = input.response_content_encoding.or(output.content_encoding);
        output.content_language = input.response_content_language.or(output.content_language);
        output.content_type = input.response_content_type.or(output.content_type);
        output.expires = input.response_expires.or(output.expires);
        Ok(S3Response::new(output))
    }

    pub(super) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            modified_since_seconds: seconds(input.if_modified_since),
            unmodified_since_seconds: seconds(input.if_unmodified_since),
        };
        check_read_condition(&condition, &object)?;
        let selection = select(&object, input.range, input.part_number)?;
        let status =
            if selection.content_range.is_some() { http::StatusCode::PARTIAL_CONTENT } else { http::StatusCode::OK };
        let described = describe(&object, &selection, input.checksum_mode.is_some());
        let output = HeadObjectOutput {
            accept_ranges: described.accept_ranges,
            cache_control: input.response_cache_control.or(described.cache_control),
            checksum_crc32: described.checksum_crc32,
            checksum_crc32c: described.checksum_crc32c,
            checksum_crc64nvme: described.checksum_crc64nvme,
            checksum_sha1: described.checksum_sha1,
            checksum_sha256: described.checksum_sha256,
            checksum_type: described.checksum_type,
            content_disposition: input.response_content_disposition.or(described.content_disposition),
            content_encoding: input.response_content_encoding.or(described.content_encoding),
            content_language: input.response_content_language.or(described.content_language),
            content_length: described.content_length,
            content_range: described.content_range,
            content_type: input.response_content_type.or(described.content_type),
            e_tag: described.e_tag,
            expires: input.response_expires.or(described.expires),
            last_modified: described.last_modified,
            metadata: described.metadata,
            object_lock_legal_hold_status: described.object_lock_legal_hold_status,
            object_lock_mode: described.object_lock_mode,
            object_lock_retain_until_date: described.object_lock_retain_until_date,
            parts_count: described.parts_count,
            version_id: described.version_id,
            website_redirect_location: described.website_redirect_location,
            ..Default::default()
        };
        Ok(answer_with_status(output, status))
    }

    /// The bytes of an object, or of a range. `permit` was taken before the object was looked up.
    pub(super) async fn body_of(
        &self,
        object: &StoredObject,
        range: ByteRange<u64>,
        permit: ReadPermit,
    ) -> S3Result<Body> {
        let extents = match &object.content {
            StoredContent::Inline(bytes) => {
                return Ok(Body::from(bytes.slice(range.start as usize..range.end as usize)));
            }
            StoredContent::Files(extents) => extents,
        };
        let folder = std::sync::Arc::clone(&self.folder);
        let reading = Reading::begin(folder, extents, range, permit).await.map_err(internal)?;
        match reading.into_only_block() {
            Ok(block) => Ok(Body::from(block)),
            Err(reading) => {
                let frames = futures::TryStreamExt::map_ok(reading, http_body::Frame::data);
                Ok(Body::http_body_unsync(http_body_util::StreamBody::new(frames)))
            }
        }
    }

    pub(super) async fn get_object_attributes(
        &self,
        request: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        let input = request.input;
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        // One header may carry several names.
        let named: Vec<&str> =
            input.object_attributes.iter().flat_map(|names| names.as_str().split(',')).map(str::trim).collect();
        let wants = |name: &str| named.contains(&name);
        let sums = &object.attributes.checksums;
        let output = GetObjectAttributesOutput {
            checksum: wants(ObjectAttributes::CHECKSUM).then(|| Checksum {
                checksum_crc32: sums.get(Algorithm::Crc32),
                checksum_crc32c: sums.get(Algorithm::Crc32c),
                checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
                checksum_sha1: sums.get(Algorithm::Sha1),
                checksum_sha256: sums.get(Algorithm::Sha256),
                checksum_type: object.attributes.checksum_type.map(|kind| kind.name().to_owned().into()),
            }),
            e_tag: wants(ObjectAttributes::ETAG).then(|| etag(&object.etag)),
            last_modified: Some(timestamp(object.modified_ms)),
            object_parts: object.attributes.parts_count.filter(|_| wants(ObjectAttributes::OBJECT_PARTS)).map(
                |count| GetObjectAttributesParts { total_parts_count: i32::try_from(count).ok(), ..Default::default() },
            ),
            object_size: wants(ObjectAttributes::OBJECT_SIZE).then_some(object.size as i64),
            storage_class: wants(ObjectAttributes::STORAGE_CLASS)
                .then(|| StorageClass::from_static(StorageClass::STANDARD)),
            version_id: object.version_id,
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    pub(super) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        let condition = WriteCondition {
            if_match: input.if_match,
            size: input.if_match_size,
            modified_seconds: seconds(input.if_match_last_modified_time),
            ..Default::default()
        };
        let access = self.deletion_access(input.bypass_governance_retention, input.mfa.as_deref());
        let deletion = Deletion { key: input.key, version: input.version_id, condition };
        let outcomes = self.index.delete_objects(input.bucket, vec![deletion], access).await?;
        self.readers.ring();
        let outcome = outcomes.into_iter().next().transpose()?.unwrap_or_default();
        Ok(S3Response::new(DeleteObjectOutput {
            delete_marker: outcome.is_delete_marker.then_some(true),
            version_id: outcome.version_id,
            request_charged: None,
        }))
    }

    pub(super) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let (objects, quiet) = (input.delete.objects, input.delete.quiet.unwrap_or(false));
        if objects.is_empty() || objects.len() > DELETIONS_MAX {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            ));
        }
        let access = self.deletion_access(input.bypass_governance_retention, input.mfa.as_deref());
        let deletions: Vec<Deletion> = objects.into_iter().map(deletion).collect();
        let asked: Vec<_> = deletions.iter().map(|deletion| (deletion.key.clone(), deletion.version.clone())).collect();
        let outcomes = self.index.delete_objects(input.bucket, deletions, access).await?;
        self.readers.ring();
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ((key, version), outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                Ok(outcome) => deleted.push(deleted_object(key, version, outcome)),
                Err(error) => errors.push(deletion_error(key, version, &S3Error::from(error))),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        }))
    }
}

fn deletion(object: ObjectIdentifier) -> Deletion {
    let condition = WriteCondition {
        if_match: object.e_tag.map(ETagCondition::ETag),
        size: object.size,
        modified_seconds: seconds(object.last_modified_time),
        ..Default::default()
    };
    Deletion { key: object.key, version: object.version_id, condition }
}

fn deleted_object(key: String, asked: Option<String>, outcome: DeletionOutcome) -> DeletedObject {
    let is_marker = outcome.is_delete_marker;
    DeletedObject {
        delete_marker: is_marker.then_some(true),
        delete_marker_version_id: outcome.version_id.filter(|_| is_marker),
        key: Some(key),
        version_id: asked,
    }
}

fn deletion_error(key: String, version_id: Option<String>, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id,
    }
}

pub(super) fn check_read_condition(condition: &ReadCondition, object: &StoredObject) -> S3Result<()> {
    match condition.judge(&object.etag, object.modified_ms) {
        ReadVerdict::Proceed => Ok(()),
        ReadVerdict::Failed => Err(precondition_failed()),
        ReadVerdict::NotModified => Err(not_modified(object)),
    }
}

fn not_modified(object: &StoredObject) -> S3Error {
    let mut headers = HeaderMap::new();
    let mut date = Vec::new();
    let formatted = timestamp(object.modified_ms).format(TimestampFormat::HttpDate, &mut date);
    if let (Ok(()), Ok(date)) = (formatted, HeaderValue::from_bytes(&date)) {
        headers.insert(LAST_MODIFIED, date);
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(ETAG, tag);
    }
    let mut error = s3_error!(NotModified, "Not Modified");
    error.set_headers(headers);
    error
}

/// Which bytes of an object are asked for.
struct Selection {
    range: ByteRange<u64>,
    /// `Content-Range`, unless all bytes are asked for.
    content_range: Option<String>,
}

fn select(object: &StoredObject, range: Option<Range>, part_number: Option<i32>) -> S3Result<Selection> {
    let unsatisfiable = || s3_error!(InvalidRange, "The requested range is not satisfiable");
    let range = match (range, part_number) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"));
        }
        (None, None) => return Ok(Selection { range: 0..object.size, content_range: None }),
        (Some(range), None) => range.check(object.size).map_err(|_| unsatisfiable())?,
        (None, Some(number)) => part_range(object, number)?,
    };
    if range.is_empty() && object.size > 0 {
        return Err(unsatisfiable());
    }
    if range.is_empty() {
        return Ok(Selection { range, content_range: None });
    }
    let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, object.size);
    Ok(Selection { range, content_range: Some(content_range) })
}

/// The bytes of a part. An object that was put whole is its own first part.
fn part_range(object: &StoredObject, number: i32) -> S3Result<ByteRange<u64>> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let missing = || {
        let mut error = s3_error!(InvalidPart, "The requested partnumber is not satisfiable");
        error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
        error
    };
    let index = index.ok_or_else(missing)?;
    match (&object.content, object.attributes.parts_count) {
        (StoredContent::Files(extents), Some(_)) => {
            let part = extents.get(index).ok_or_else(missing)?;
            let start: u64 = extents.iter().take(index).map(|extent| extent.size).sum();
            Ok(start..start + part.size)
        }
        _ if index == 0 => Ok(0..object.size),
        _ => Err(missing()),
    }
}

/// Everything an answer says about an object, but its bytes.
fn describe(object: &StoredObject, selection: &Selection, with_checksums: bool) -> GetObjectOutput {
    let attributes = &object.attributes;
    // A checksum covers the whole object, so it says nothing about a part of it.
    let none = Checksums::default();
    let shows_checksums = with_checksums && selection.content_range.is_none();
    let sums = if shows_checksums { &attributes.checksums } else { &none };
    let metadata: HashMap<String, String> = attributes.metadata.clone().into_iter().collect();
    let shown = LockHeaders::showing(attributes.lock);
    GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: attributes.cache_control.clone(),
        checksum_crc32: sums.get(Algorithm::Crc32),
        checksum_crc32c: sums.get(Algorithm::Crc32c),
        checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
        checksum_sha1: sums.get(Algorithm::Sha1),
        checksum_sha256: sums.get(Algorithm::Sha256),
        checksum_type: attributes.checksum_type.filter(|_| shows_checksums).map(|kind| kind.name().to_owned().into()),
        content_disposition: attributes.content_disposition.clone(),
        content_encoding: attributes.content_encoding.clone(),
        content_language: attributes.content_language.clone(),
        content_length: Some((selection.range.end - selection.range.start) as i64),
        content_range: selection.content_range.clone(),
        content_type: Some(attributes.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())),
        e_tag: Some(etag(&object.etag)),
        expires: attributes.expires_ms.map(timestamp),
        last_modified: Some(timestamp(object.modified_ms)),
        metadata: (!metadata.is_empty()).then_some(metadata),
        parts_count: attributes
            .parts_count
            .filter(|_| selection.content_range.is_some())
            .and_then(|count| i32::try_from(count).ok()),
        object_lock_legal_hold_status: shown.legal_hold,
        object_lock_mode: shown.mode,
        object_lock_retain_until_date: shown.until,
        tag_count: i32::try_from(attributes.tags.len()).ok().filter(|count| *count > 0),
        version_id: object.version_id.clone(),
        website_redirect_location: attributes.website_redirect_location.clone(),
        ..Default::default()
    }
}
