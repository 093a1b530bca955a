//! Versioning of buckets, and lists of versions.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::Backend;
use super::answers::{etag, owner, timestamp};
use super::list_calls::{NameEncoding, page_size, split_entries};
use crate::index::{BucketRules, VersionSummary, VersioningChange};
use crate::listing::{ListEntry, ListPage, ListQuery, Listed, Position};
use crate::versioning::VersioningStatus;

impl Listed for VersionSummary {
    fn key(&self) -> &str {
        &self.key
    }

    fn successor(&self) -> Position {
        behind(&self.key, self.ordinal)
    }
}

/// The position behind a version: its key once more, after its ordinal.
fn behind(key: &str, ordinal: i64) -> Position {
    Position { key: key.as_bytes().to_vec(), after_id: ordinal.to_string() }
}

impl Backend {
    pub(super) async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let versioning = self.index.rules(&request.input.bucket).await?.versioning;
        let status = match versioning.status {
            VersioningStatus::Off => None,
            VersioningStatus::Enabled => Some(BucketVersioningStatus::ENABLED),
            VersioningStatus::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        let mfa_delete = versioning.has_mfa_delete.then_some(MFADeleteStatus::ENABLED);
        Ok(S3Response::new(GetBucketVersioningOutput {
            mfa_delete: mfa_delete.map(MFADeleteStatus::from_static),
            status: status.map(BucketVersioningStatus::from_static),
        }))
    }

    pub(super) async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let input = request.input;
        let illegal = || s3_error!(IllegalVersioningConfigurationException, "The Versioning element must be specified");
        let status = input.versioning_configuration.status;
        let status = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => VersioningStatus::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => VersioningStatus::Suspended,
            _ => return Err(illegal()),
        };
        let has_mfa_delete = match input.versioning_configuration.mfa_delete.as_ref().map(MFADelete::as_str) {
            None => None,
            Some(MFADelete::ENABLED) => Some(true),
            Some(MFADelete::DISABLED) => Some(false),
            Some(_) => return Err(illegal()),
        };
        let is_with_mfa = self.is_right_code(input.mfa.as_deref());
        let change = VersioningChange { status, has_mfa_delete, is_with_mfa };
        self.index.set_versioning(input.bucket, change).await?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    pub(super) async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = request.input;
        let names = NameEncoding::of(input.encoding_type)?;
        let max_keys = page_size(input.max_keys, "maxKeys")?;
        let bucket = self.index.bucket(&input.bucket).await?;
        let rules = self.index.rules(&input.bucket).await?;
        let key_marker = input.key_marker.filter(|marker| !marker.is_empty());
        let version_marker = input.version_id_marker.filter(|marker| !marker.is_empty());
        let start = self.start_of_versions(&rules, key_marker.as_deref(), version_marker.as_deref()).await?;
        let query = ListQuery {
            prefix: input.prefix.unwrap_or_default(),
            delimiter: input.delimiter.filter(|delimiter| !delimiter.is_empty()),
            after: key_marker.clone(),
            entries_max: max_keys as usize,
        };
        let page = self.page_of_versions(&rules, &query, start).await?;
        let is_truncated = page.is_truncated;
        let (next_key_marker, next_version_id_marker) = next_markers(&page, &names);
        let owner = owner(&bucket.owner);
        let (rows, prefixes) = split_entries(page.entries, &names);
        let (markers, versions): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_delete_marker);
        Ok(S3Response::new(ListObjectVersionsOutput {
            common_prefixes: Some(prefixes),
            delete_markers: Some(markers.into_iter().map(|row| marker_line(row, &names, &owner)).collect()),
            delimiter: query.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            is_truncated: Some(is_truncated),
            key_marker: Some(names.write(key_marker.as_deref().unwrap_or(""))),
            max_keys: Some(max_keys),
            name: Some(bucket.name),
            next_key_marker,
            next_version_id_marker,
            prefix: Some(names.write(&query.prefix)),
            version_id_marker: Some(version_marker.unwrap_or_default()),
            versions: Some(versions.into_iter().map(|row| version_line(row, &names, &owner)).collect()),
            encoding_type: names.into_type(),
            request_charged: None,
        }))
    }

    /// Where a page starts that names the last version of the page before it.
    async fn start_of_versions(
        &self,
        rules: &BucketRules,
        key: Option<&str>,
        version: Option<&str>,
    ) -> S3Result<Option<Position>> {
        let (key, version) = match (key, version) {
            (_, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(s3_error!(
                    InvalidArgument,
                    "A version-id marker cannot be specified without a key marker."
                ));
            }
            (Some(key), Some(version)) => (key, version),
        };
        let ordinal = self.index.version_ordinal(rules.id, key, version).await?;
        // Where the version was removed since then, its key is listed once more: better twice than not at all.
        Ok(Some(ordinal.map_or_else(|| Position::at_key(key.as_bytes().to_vec()), |ordinal| behind(key, ordinal))))
    }

    async fn page_of_versions(
        &self,
        rules: &BucketRules,
        query: &ListQuery,
        start: Option<Position>,
    ) -> S3Result<ListPage<VersionSummary>> {
        let (index, id) = (&self.index, rules.id);
        let read = |from: Position, below: Vec<u8>, limit: usize| async move {
            index.versions(id, &from.key, from.after_id.parse().ok(), &below, limit as i64).await
        };
        Ok(query.page(start, read).await?)
    }
}

/// Key and version behind which the next page starts; a common prefix has no version.
fn next_markers(page: &ListPage<VersionSummary>, names: &NameEncoding) -> (Option<String>, Option<String>) {
    match page.entries.last().filter(|_| page.is_truncated) {
        Some(ListEntry::Item(row)) => (Some(names.write(&row.key)), Some(row.version_id.clone())),
        Some(ListEntry::CommonPrefix(prefix)) => (Some(names.write(prefix)), None),
        None => (None, None),
    }
}

fn version_line(row: VersionSummary, names: &NameEncoding, owner: &Owner) -> ObjectVersion {
    ObjectVersion {
        e_tag: Some(etag(&row.etag)),
        is_latest: Some(row.is_latest),
        key: Some(names.write(&row.key)),
        last_modified: Some(timestamp(row.modified_ms)),
        owner: Some(owner.clone()),
        size: Some(row.size as i64),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        version_id: Some(row.version_id),
        ..Default::default()
    }
}

fn marker_line(row: VersionSummary, names: &NameEncoding, owner: &Owner) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        is_latest: Some(row.is_latest),
        key: Some(names.write(&row.key)),
        last_modified: Some(timestamp(row.modified_ms)),
        owner: Some(owner.clone()),
        version_id: Some(row.version_id),
    }
}
