//! Copies.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{etag, timestamp};
use super::lock_calls::LockHeaders;
use super::object_calls::{KeptHeaders, check_read_condition, seconds};
use super::refusals::Extras;
use super::tags::parse_tag_header;
use super::{Backend, now_ms};
use crate::attributes::{Algorithm, Attributes};
use crate::conditions::{ReadCondition, ReadVerdict, WriteCondition};
use crate::index::{IndexError, NewContent, NewObject, StoredObject};

/// How often a copy is begun anew because its source was replaced under it.
const ATTEMPTS_MAX: usize = 5;

/// What is copied.
pub(super) struct Source<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) version: Option<&'a str>,
}

pub(super) fn source_of(source: &CopySource) -> S3Result<Source<'_>> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => Ok(Source { bucket, key, version: version_id.as_deref() }),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "Access points are not implemented."))
        }
    }
}

/// A condition on the source of a copy that does not hold is always a failure.
pub(super) fn check_source_condition(condition: &ReadCondition, object: &StoredObject) -> S3Result<()> {
    match condition.judge(&object.etag, object.modified_ms) {
        ReadVerdict::NotModified => Err(IndexError::PreconditionFailed.into()),
        ReadVerdict::Proceed | ReadVerdict::Failed => check_read_condition(condition, object),
    }
}

impl Backend {
    /// Copies by sharing: no byte is moved.
    pub(super) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
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
        let from = source_of(&input.copy_source)?;
        let replaces_metadata = directive(input.metadata_directive.as_ref().map(MetadataDirective::as_str))?;
        let replaces_tags = directive(input.tagging_directive.as_ref().map(TaggingDirective::as_str))?;
        let is_itself = (from.bucket, from.key, from.version) == (&*input.bucket, &*input.key, None);
        if is_itself && !replaces_metadata && !replaces_tags {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let condition = ReadCondition {
            if_match: input.copy_source_if_match.clone(),
            if_none_match: input.copy_source_if_none_match.clone(),
            modified_since_seconds: seconds(input.copy_source_if_modified_since.clone()),
            unmodified_since_seconds: seconds(input.copy_source_if_unmodified_since.clone()),
        };
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
        let replacement = headers.into_attributes(None)?;
        let tags = replaces_tags.then(|| parse_tag_header(input.tagging.as_deref())).transpose()?;
        for _ in 0..ATTEMPTS_MAX {
            let source = self.index.object(from.bucket, from.key, from.version).await?;
            check_source_condition(&condition, &source)?;
            let mut attributes = source.attributes.clone();
            if replaces_metadata {
                let Attributes { tags, checksums, checksum_type, parts_count, .. } = attributes;
                attributes = Attributes { tags, checksums, checksum_type, parts_count, ..replacement.clone() };
            }
            if let Some(tags) = &tags {
                attributes.tags = tags.clone();
            }
            // A lock is of a version, and not copied with it.
            attributes.lock = lock;
            let (tag, modified_ms) = (source.etag.clone(), now_ms());
            let result = copy_result(&attributes, &tag, modified_ms);
            let content = NewContent::SharedWith { content_id: source.content_id };
            let object = NewObject { content, size: source.size, etag: tag, modified_ms, attributes };
            let target = (input.bucket.clone(), input.key.clone());
            match self.index.put_object(target.0, target.1, object, WriteCondition::default()).await {
                Ok(version_id) => {
                    self.readers.ring();
                    return Ok(S3Response::new(CopyObjectOutput {
                        copy_object_result: Some(result),
                        copy_source_version_id: source.version_id,
                        version_id,
                        ..Default::default()
                    }));
                }
                // The source changed between the look and the copy.
                Err(IndexError::NoSuchKey) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(s3_error!(SlowDown, "Please reduce your request rate."))
    }
}

fn copy_result(attributes: &Attributes, tag: &str, modified_ms: i64) -> CopyObjectResult {
    let sums = &attributes.checksums;
    CopyObjectResult {
        checksum_crc32: sums.get(Algorithm::Crc32),
        checksum_crc32c: sums.get(Algorithm::Crc32c),
        checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
        checksum_sha1: sums.get(Algorithm::Sha1),
        checksum_sha256: sums.get(Algorithm::Sha256),
        checksum_type: attributes.checksum_type.map(|kind| kind.name().to_owned().into()),
        e_tag: Some(etag(tag)),
        last_modified: Some(timestamp(modified_ms)),
    }
}

/// Whether a directive says `REPLACE`.
fn directive(text: Option<&str>) -> S3Result<bool> {
    match text {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "Unknown metadata directive.")),
    }
}
