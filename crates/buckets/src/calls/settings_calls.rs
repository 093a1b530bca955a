//! Policies and tags.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::Backend;
use super::answers::{answer_with_status, internal};
use super::tags::{BUCKET_TAGS_MAX, OBJECT_TAGS_MAX, tag_set, tags_of_set};
use crate::attributes::Attributes;
use crate::index::{BucketRules, SettingKind};

/// Longest policy, in bytes. Source: Amazon S3 user guide, "Bucket policies".
const POLICY_BYTES_MAX: usize = 20 * 1024;

impl Backend {
    pub(super) async fn get_bucket_policy(
        &self,
        request: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        let policy = self.index.setting(&request.input.bucket, SettingKind::Policy).await?;
        let policy = policy.ok_or_else(|| s3_error!(NoSuchBucketPolicy, "The bucket policy does not exist"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(S3Response::with_headers(GetBucketPolicyOutput { policy: Some(policy) }, headers))
    }

    /// The policy is kept as it came; it must be a JSON object with statements. Nothing here evaluates it.
    pub(super) async fn put_bucket_policy(
        &self,
        request: S3Request<PutBucketPolicyInput>,
    ) -> S3Result<S3Response<PutBucketPolicyOutput>> {
        let policy = request.input.policy;
        let document: Option<serde_json::Value> = serde_json::from_str(&policy).ok();
        let has_statement = document.as_ref().and_then(|document| document.get("Statement")).is_some();
        if policy.len() > POLICY_BYTES_MAX || !has_statement {
            return Err(s3_error!(MalformedPolicy, "This policy contains invalid Json"));
        }
        self.index.set_setting(request.input.bucket, SettingKind::Policy, Some(policy)).await?;
        Ok(S3Response::new(PutBucketPolicyOutput::default()))
    }

    pub(super) async fn delete_bucket_policy(
        &self,
        request: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        self.index.set_setting(request.input.bucket, SettingKind::Policy, None).await?;
        Ok(answer_with_status(DeleteBucketPolicyOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn get_bucket_tagging(
        &self,
        request: S3Request<GetBucketTaggingInput>,
    ) -> S3Result<S3Response<GetBucketTaggingOutput>> {
        let text = self.index.setting(&request.input.bucket, SettingKind::Tagging).await?;
        let text = text.ok_or_else(|| s3_error!(NoSuchTagSet, "The TagSet does not exist"))?;
        let tags = serde_json::from_str(&text).map_err(internal)?;
        Ok(S3Response::new(GetBucketTaggingOutput { tag_set: tag_set(tags) }))
    }

    pub(super) async fn put_bucket_tagging(
        &self,
        request: S3Request<PutBucketTaggingInput>,
    ) -> S3Result<S3Response<PutBucketTaggingOutput>> {
        let tags = tags_of_set(request.input.tagging.tag_set, BUCKET_TAGS_MAX)?;
        let text = serde_json::to_string(&tags).map_err(internal)?;
        self.index.set_setting(request.input.bucket, SettingKind::Tagging, Some(text)).await?;
        Ok(answer_with_status(PutBucketTaggingOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn delete_bucket_tagging(
        &self,
        request: S3Request<DeleteBucketTaggingInput>,
    ) -> S3Result<S3Response<DeleteBucketTaggingOutput>> {
        self.index.set_setting(request.input.bucket, SettingKind::Tagging, None).await?;
        Ok(answer_with_status(DeleteBucketTaggingOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let input = request.input;
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let tag_set = tag_set(object.attributes.tags);
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: object.version_id }))
    }

    pub(super) async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        let input = request.input;
        let tags = tags_of_set(input.tagging.tag_set, OBJECT_TAGS_MAX)?;
        let version_id = self.set_object_tags(input.bucket, input.key, input.version_id, tags).await?;
        Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
    }

    pub(super) async fn delete_object_tagging(
        &self,
        request: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        let input = request.input;
        let version_id = self.set_object_tags(input.bucket, input.key, input.version_id, Vec::new()).await?;
        Ok(answer_with_status(DeleteObjectTaggingOutput { version_id }, http::StatusCode::NO_CONTENT))
    }

    /// Returns the id of the version.
    async fn set_object_tags(
        &self,
        bucket: String,
        key: String,
        version: Option<String>,
        tags: Vec<(String, String)>,
    ) -> S3Result<Option<String>> {
        let change = move |_: &BucketRules, attributes: &mut Attributes| {
            attributes.tags = tags;
            Ok(())
        };
        Ok(self.index.change_attributes(bucket, key, version, change).await?)
    }
}
