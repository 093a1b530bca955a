//! Lists of objects.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::Backend;
use super::answers::{etag, owner, timestamp};
use crate::index::{BucketRow, ObjectSummary};
use crate::listing::{ListEntry, ListPage, ListQuery, Listed, Position};

/// Entries of one page, for keys and for uploads. Source: Amazon S3 API reference, ListObjectsV2.
pub(super) const ENTRIES_MAX: i32 = 1000;

/// What `encoding-type=url` leaves as it is.
const URL_UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// How names are written into an answer.
#[derive(Debug, Clone)]
pub(super) struct NameEncoding(Option<EncodingType>);

impl NameEncoding {
    pub(super) fn of(encoding: Option<EncodingType>) -> S3Result<Self> {
        match encoding.as_ref().map(EncodingType::as_str) {
            None | Some(EncodingType::URL) => Ok(Self(encoding)),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn write(&self, name: &str) -> String {
        match self.0 {
            Some(_) => utf8_percent_encode(name, URL_UNESCAPED).to_string(),
            None => name.to_owned(),
        }
    }

    pub(super) fn into_type(self) -> Option<EncodingType> {
        self.0
    }
}

/// The size of a page as the caller wants it, at most the greatest.
pub(super) fn page_size(wanted: Option<i32>, name: &str) -> S3Result<i32> {
    match wanted.unwrap_or(ENTRIES_MAX) {
        negative if negative < 0 => {
            Err(s3_error!(InvalidArgument, "Argument {name} must be an integer between 0 and 2147483647"))
        }
        size => Ok(size.min(ENTRIES_MAX)),
    }
}

impl Listed for ObjectSummary {
    fn key(&self) -> &str {
        &self.key
    }

    fn successor(&self) -> Position {
        Position::after_key(&self.key)
    }
}

/// The name of the last entry, behind which the next page starts.
pub(super) fn last_name<Row: Listed>(page: &ListPage<Row>) -> Option<&str> {
    page.entries.last().map(|entry| match entry {
        ListEntry::Item(row) => row.key(),
        ListEntry::CommonPrefix(prefix) => prefix,
    })
}

/// Items and common prefixes apart, as answers have them.
pub(super) fn split_entries<Row>(entries: Vec<ListEntry<Row>>, names: &NameEncoding) -> (Vec<Row>, Vec<CommonPrefix>) {
    let (mut rows, mut prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            ListEntry::Item(row) => rows.push(row),
            ListEntry::CommonPrefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(names.write(&prefix)) }),
        }
    }
    (rows, prefixes)
}

fn object_line(row: ObjectSummary, names: &NameEncoding, owner: Option<&Owner>) -> Object {
    Object {
        e_tag: Some(etag(&row.etag)),
        key: Some(names.write(&row.key)),
        last_modified: Some(timestamp(row.modified_ms)),
        owner: owner.cloned(),
        size: Some(row.size as i64),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Default::default()
    }
}

impl Backend {
    async fn page_of_objects(&self, bucket: &BucketRow, query: &ListQuery) -> S3Result<ListPage<ObjectSummary>> {
        let (index, id) = (&self.index, bucket.id);
        let read = |from: Position, below: Vec<u8>, limit: usize| async move {
            index.objects(id, &from.key, &below, limit as i64).await
        };
        Ok(query.page(None, read).await?)
    }

    pub(super) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let names = NameEncoding::of(input.encoding_type)?;
        let max_keys = page_size(input.max_keys, "maxKeys")?;
        let bucket = self.index.bucket(&input.bucket).await?;
        let query = ListQuery {
            prefix: input.prefix.unwrap_or_default(),
            delimiter: input.delimiter.filter(|delimiter| !delimiter.is_empty()),
            after: input.marker.clone().filter(|marker| !marker.is_empty()),
            entries_max: max_keys as usize,
        };
        let page = self.page_of_objects(&bucket, &query).await?;
        // Without a delimiter the last key itself is the next marker.
        let has_marker = page.is_truncated && query.delimiter.is_some();
        let next_marker = last_name(&page).filter(|_| has_marker).map(|name| names.write(name));
        let is_truncated = page.is_truncated;
        let owner = owner(&bucket.owner);
        let (rows, prefixes) = split_entries(page.entries, &names);
        let contents = rows.into_iter().map(|row| object_line(row, &names, Some(&owner))).collect();
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(bucket.name),
            prefix: Some(names.write(&query.prefix)),
            marker: Some(names.write(input.marker.as_deref().unwrap_or(""))),
            max_keys: Some(max_keys),
            is_truncated: Some(is_truncated),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            delimiter: query.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            next_marker,
            encoding_type: names.into_type(),
            request_charged: None,
        }))
    }

    pub(super) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let names = NameEncoding::of(input.encoding_type)?;
        let max_keys = page_size(input.max_keys, "maxKeys")?;
        let bucket = self.index.bucket(&input.bucket).await?;
        let after = match &input.continuation_token {
            Some(token) => Some(read_token(token)?),
            None => input.start_after.clone().filter(|after| !after.is_empty()),
        };
        let query = ListQuery {
            prefix: input.prefix.unwrap_or_default(),
            delimiter: input.delimiter.filter(|delimiter| !delimiter.is_empty()),
            after,
            entries_max: max_keys as usize,
        };
        let page = self.page_of_objects(&bucket, &query).await?;
        let next_continuation_token =
            last_name(&page).filter(|_| page.is_truncated).map(|name| BASE64.encode(name.as_bytes()));
        let key_count = i32::try_from(page.entries.len()).ok();
        let is_truncated = page.is_truncated;
        let owner = input.fetch_owner.unwrap_or(false).then(|| owner(&bucket.owner));
        let (rows, prefixes) = split_entries(page.entries, &names);
        let contents = rows.into_iter().map(|row| object_line(row, &names, owner.as_ref())).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(bucket.name),
            prefix: Some(names.write(&query.prefix)),
            max_keys: Some(max_keys),
            key_count,
            continuation_token: input.continuation_token,
            is_truncated: Some(is_truncated),
            next_continuation_token,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            delimiter: query.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            start_after: input.start_after.map(|after| names.write(&after)),
            encoding_type: names.into_type(),
            request_charged: None,
        }))
    }
}

fn read_token(token: &str) -> S3Result<String> {
    let bytes = BASE64.decode(token).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
