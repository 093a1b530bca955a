//! Uploads in parts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::answers::{answer_with_status, etag, owner, timestamp};
use super::copy_calls::{check_source_condition, source_of};
use super::list_calls::{NameEncoding, last_name, page_size, split_entries};
use super::lock_calls::LockHeaders;
use super::object_calls::{KeptHeaders, seconds};
use super::refusals::Extras;
use super::uploaded_body::Promises;
use super::{Backend, now_ms};
use crate::attributes::{Algorithm, ChecksumKind, Checksums};
use crate::conditions::{ReadCondition, WriteCondition};
use crate::content::{Received, ReceivedBytes};
use crate::index::{CompletedPart as NamedPart, CompletedUpload, Completion, IndexError, NewPart, UploadSummary};
use crate::listing::{ListEntry, ListQuery, Listed, Position};

/// Greatest number of a part. Source: Amazon S3 user guide, "Multipart upload limits".
const PART_NUMBER_MAX: i32 = 10_000;

/// Bytes of randomness in an upload id.
const UPLOAD_ID_BYTES: usize = 48;

impl Listed for UploadSummary {
    fn key(&self) -> &str {
        &self.key
    }

    fn successor(&self) -> Position {
        Position { key: self.key.clone().into_bytes(), after_id: self.id.clone() }
    }
}

fn check_part_number(number: i32) -> S3Result<()> {
    if (1..=PART_NUMBER_MAX).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

fn algorithm_of(algorithm: Option<&ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    let read = |name: &ChecksumAlgorithm| {
        let found = Algorithm::from_name(name.as_str());
        found.ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))
    };
    algorithm.map(read).transpose()
}

/// The two types do not go with every algorithm.
fn kind_of(kind: Option<&ChecksumType>, algorithm: Option<Algorithm>) -> S3Result<Option<ChecksumKind>> {
    let kind = match kind.map(ChecksumType::as_str) {
        None => return Ok(None),
        Some(ChecksumType::FULL_OBJECT) => ChecksumKind::FullObject,
        Some(ChecksumType::COMPOSITE) => ChecksumKind::Composite,
        Some(_) => return Err(s3_error!(InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    };
    let is_refused = matches!(
        (kind, algorithm),
        (_, None)
            | (ChecksumKind::FullObject, Some(Algorithm::Sha1 | Algorithm::Sha256))
            | (ChecksumKind::Composite, Some(Algorithm::Crc64Nvme))
    );
    if is_refused {
        let algorithm = algorithm.map_or("null", Algorithm::name);
        return Err(s3_error!(
            InvalidRequest,
            "The {} checksum type cannot be used with the {algorithm} checksum algorithm.",
            kind.name()
        ));
    }
    Ok(Some(kind))
}

impl Backend {
    pub(super) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
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
        let algorithm = algorithm_of(input.checksum_algorithm.as_ref())?;
        let kind = kind_of(input.checksum_type.as_ref(), algorithm)?;
        let lock = LockHeaders {
            mode: input.object_lock_mode,
            until: input.object_lock_retain_until_date,
            legal_hold: input.object_lock_legal_hold_status,
        }
        .read()?;
        if lock.is_some() && self.index.rules(&input.bucket).await?.lock.is_none() {
            return Err(IndexError::NoObjectLock.into());
        }
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
        attributes.upload_algorithm = algorithm;
        attributes.checksum_type = kind;
        let mut random = [0; UPLOAD_ID_BYTES];
        (self.config.random)(&mut random);
        let id = BASE64.encode(random);
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        self.index.create_upload(bucket, key, id.clone(), attributes, now_ms()).await?;
        let default = match algorithm {
            None => None,
            Some(Algorithm::Crc64Nvme) => Some(ChecksumKind::FullObject),
            Some(_) => Some(ChecksumKind::Composite),
        };
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: kind.or(default).map(|kind| kind.name().to_owned().into()),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = &request.input;
        check_part_number(input.part_number)?;
        let upload = self.index.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let default = upload.attributes.upload_algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let mut promises = Promises::of(&request, default)?;
        // What the whole object's checksum will be made of.
        promises.also_compute(default);
        let input = request.input;
        let received = self.receive_body(input.body, &promises, false).await?;
        let (tag, sums) = (hex::encode(received.md5), received.checksums.clone());
        self.keep_part(input.bucket, input.key, input.upload_id, input.part_number, received).await?;
        Ok(S3Response::new(UploadPartOutput {
            checksum_crc32: sums.get(Algorithm::Crc32),
            checksum_crc32c: sums.get(Algorithm::Crc32c),
            checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
            checksum_sha1: sums.get(Algorithm::Sha1),
            checksum_sha256: sums.get(Algorithm::Sha256),
            e_tag: Some(etag(&tag)),
            ..Default::default()
        }))
    }

    /// Returns when the part was written, in milliseconds since 1970.
    async fn keep_part(
        &self,
        bucket: String,
        key: String,
        upload_id: String,
        number: i32,
        received: Received,
    ) -> S3Result<i64> {
        let ReceivedBytes::File(file) = received.bytes else {
            return Err(s3_error!(InternalError, "a part is not in a file"));
        };
        let modified_ms = now_ms();
        let part = NewPart {
            number,
            file_id: file.hand_over(),
            size: received.size,
            md5: hex::encode(received.md5),
            modified_ms,
            checksums: received.checksums,
        };
        self.index.put_part(bucket, key, upload_id, part).await?;
        self.readers.ring();
        Ok(modified_ms)
    }

    /// A part from the bytes of an object. They are read and written again: a part has an MD5 of its own.
    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        check_part_number(input.part_number)?;
        let upload = self.index.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let from = source_of(&input.copy_source)?;
        let permit = self.readers.permit();
        let source = self.index.object(from.bucket, from.key, from.version).await?;
        let condition = ReadCondition {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            modified_since_seconds: seconds(input.copy_source_if_modified_since),
            unmodified_since_seconds: seconds(input.copy_source_if_unmodified_since),
        };
        check_source_condition(&condition, &source)?;
        let range = match &input.copy_source_range {
            None => 0..source.size,
            Some(text) => {
                let range = Range::parse(text).ok().filter(|range| matches!(range, Range::Int { last: Some(_), .. }));
                let range = range.ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                         are the zero-based offsets of the first and last bytes to copy"
                    )
                })?;
                range.check(source.size).map_err(|_| {
                    s3_error!(InvalidRange, "The requested range is not valid for the source of size: {}", source.size)
                })?
            }
        };
        let body = self.body_of(&source, range, permit).await?;
        let default = upload.attributes.upload_algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let promises = Promises::computing(default);
        let received = self.receive_body(Some(StreamingBlob::from(body)), &promises, false).await?;
        let (tag, sums) = (hex::encode(received.md5), received.checksums.clone());
        let (bucket, key) = (input.bucket, input.key);
        let modified_ms = self.keep_part(bucket, key, input.upload_id, input.part_number, received).await?;
        let result = CopyPartResult {
            checksum_crc32: sums.get(Algorithm::Crc32),
            checksum_crc32c: sums.get(Algorithm::Crc32c),
            checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
            checksum_sha1: sums.get(Algorithm::Sha1),
            checksum_sha256: sums.get(Algorithm::Sha256),
            e_tag: Some(etag(&tag)),
            last_modified: Some(timestamp(modified_ms)),
        };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            copy_source_version_id: source.version_id,
            ..Default::default()
        }))
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let location = format!("/{}/{}", request.input.bucket, request.input.key);
        let input = request.input;
        let parts = named_parts(input.multipart_upload)?;
        let checksums = checksums_of([
            (Algorithm::Crc32, input.checksum_crc32),
            (Algorithm::Crc32c, input.checksum_crc32c),
            (Algorithm::Crc64Nvme, input.checksum_crc64nvme),
            (Algorithm::Sha1, input.checksum_sha1),
            (Algorithm::Sha256, input.checksum_sha256),
        ]);
        let condition =
            WriteCondition { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let completion = Completion {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            upload_id: input.upload_id,
            parts,
            condition,
            checksums,
            size: input.mpu_object_size.and_then(|size| u64::try_from(size).ok()),
            modified_ms: now_ms(),
        };
        let CompletedUpload { etag: tag, attributes, version_id } = self.index.complete_upload(completion).await?;
        self.readers.ring();
        let sums = attributes.checksums;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            checksum_crc32: sums.get(Algorithm::Crc32),
            checksum_crc32c: sums.get(Algorithm::Crc32c),
            checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
            checksum_sha1: sums.get(Algorithm::Sha1),
            checksum_sha256: sums.get(Algorithm::Sha256),
            checksum_type: attributes.checksum_type.map(|kind| kind.name().to_owned().into()),
            e_tag: Some(etag(&tag)),
            key: Some(input.key),
            location: Some(location),
            version_id,
            ..Default::default()
        }))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.index.abort_upload(input.bucket, input.key, input.upload_id).await?;
        self.readers.ring();
        Ok(answer_with_status(AbortMultipartUploadOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let max_parts = page_size(input.max_parts, "max-parts")?;
        let marker = input.part_number_marker.unwrap_or(0).max(0);
        let bucket = self.index.bucket(&input.bucket).await?;
        let upload = self.index.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let mut rows = self.index.parts(&input.upload_id, marker, i64::from(max_parts) + 1).await?;
        let is_truncated = rows.len() > max_parts as usize;
        rows.truncate(max_parts as usize);
        let next_part_number_marker = rows.last().map(|row| row.number).or(Some(0));
        let parts = rows.into_iter().map(|row| Part {
            checksum_crc32: row.checksums.get(Algorithm::Crc32),
            checksum_crc32c: row.checksums.get(Algorithm::Crc32c),
            checksum_crc64nvme: row.checksums.get(Algorithm::Crc64Nvme),
            checksum_sha1: row.checksums.get(Algorithm::Sha1),
            checksum_sha256: row.checksums.get(Algorithm::Sha256),
            e_tag: Some(etag(&row.md5)),
            last_modified: Some(timestamp(row.modified_ms)),
            part_number: Some(row.number),
            size: Some(row.size as i64),
        });
        let owner = owner(&bucket.owner);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            checksum_algorithm: upload.attributes.upload_algorithm.map(|algorithm| algorithm.name().to_owned().into()),
            checksum_type: upload.attributes.checksum_type.map(|kind| kind.name().to_owned().into()),
            initiator: Some(Initiator { display_name: None, id: owner.id.clone() }),
            is_truncated: Some(is_truncated),
            key: Some(input.key),
            max_parts: Some(max_parts),
            next_part_number_marker,
            owner: Some(owner),
            part_number_marker: Some(marker),
            parts: Some(parts.collect()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(input.upload_id),
            ..Default::default()
        }))
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        let names = NameEncoding::of(input.encoding_type)?;
        let max_uploads = page_size(input.max_uploads, "max-uploads")?;
        let bucket = self.index.bucket(&input.bucket).await?;
        let key_marker = input.key_marker.unwrap_or_default();
        let id_marker = input.upload_id_marker.filter(|_| !key_marker.is_empty()).unwrap_or_default();
        let query = ListQuery {
            prefix: input.prefix.unwrap_or_default(),
            delimiter: input.delimiter.filter(|delimiter| !delimiter.is_empty()),
            after: Some(key_marker.clone()).filter(|marker| !marker.is_empty()),
            entries_max: max_uploads as usize,
        };
        let start = (!id_marker.is_empty())
            .then(|| Position { key: key_marker.clone().into_bytes(), after_id: id_marker.clone() });
        let (index, id) = (&self.index, bucket.id);
        let read = |from: Position, below: Vec<u8>, limit: usize| async move {
            index.uploads(id, &from.key, &from.after_id, &below, limit as i64).await
        };
        let page = query.page(start, read).await.map_err(S3Error::from)?;
        let next_key_marker = last_name(&page).filter(|_| page.is_truncated).map(|name| names.write(name));
        let next_upload_id_marker = match page.entries.last() {
            Some(ListEntry::Item(row)) if page.is_truncated => Some(row.id.clone()),
            _ => None,
        };
        let is_truncated = page.is_truncated;
        let (rows, prefixes) = split_entries(page.entries, &names);
        let owner = owner(&bucket.owner);
        let uploads = rows.into_iter().map(|row| MultipartUpload {
            checksum_algorithm: row.attributes.upload_algorithm.map(|algorithm| algorithm.name().to_owned().into()),
            checksum_type: row.attributes.checksum_type.map(|kind| kind.name().to_owned().into()),
            initiated: Some(timestamp(row.created_ms)),
            initiator: Some(Initiator { display_name: None, id: owner.id.clone() }),
            key: Some(names.write(&row.key)),
            owner: Some(owner.clone()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(row.id),
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(bucket.name),
            common_prefixes: Some(prefixes),
            delimiter: query.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            is_truncated: Some(is_truncated),
            key_marker: Some(names.write(&key_marker)),
            max_uploads: Some(max_uploads),
            next_key_marker,
            next_upload_id_marker,
            prefix: Some(names.write(&query.prefix)),
            upload_id_marker: Some(id_marker),
            uploads: Some(uploads.collect()),
            encoding_type: names.into_type(),
            request_charged: None,
        }))
    }
}

fn checksums_of(values: [(Algorithm, Option<String>); 5]) -> Checksums {
    Checksums(values.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?))).collect())
}

fn named_parts(upload: Option<CompletedMultipartUpload>) -> S3Result<Vec<NamedPart>> {
    let malformed = || {
        s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        )
    };
    let parts = upload.and_then(|upload| upload.parts).filter(|parts| !parts.is_empty()).ok_or_else(malformed)?;
    let mut named: Vec<NamedPart> = Vec::with_capacity(parts.len());
    for part in parts {
        let number = part.part_number.ok_or_else(malformed)?;
        check_part_number(number)?;
        if named.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let checksums = checksums_of([
            (Algorithm::Crc32, part.checksum_crc32),
            (Algorithm::Crc32c, part.checksum_crc32c),
            (Algorithm::Crc64Nvme, part.checksum_crc64nvme),
            (Algorithm::Sha1, part.checksum_sha1),
            (Algorithm::Sha256, part.checksum_sha256),
        ]);
        named.push(NamedPart { number, etag: part.e_tag.ok_or_else(malformed)?.into_value(), checksums });
    }
    Ok(named)
}
