//! Who may not see a bucket whatever its policy says, and who owns its objects.
//!
//! Nothing in an embedded bucket is ever public, and its owner owns all objects, so every block of public access holds from the
//! beginning, and of the rules of ownership only `BucketOwnerEnforced` can be promised.

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::Backend;
use super::answers::{answer_with_status, internal, not_set};
use crate::index::SettingKind;

/// The four switches, as they are stored.
///
/// A bucket without a stored setting has all four on, as new buckets of AWS have; a setting that was deleted is stored as `null`.
/// Source: Amazon S3 API reference, PublicAccessBlockConfiguration: what is not named is off.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PublicAccessBlock {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    const ALL: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}

impl From<PublicAccessBlockConfiguration> for PublicAccessBlock {
    fn from(asked: PublicAccessBlockConfiguration) -> Self {
        Self {
            block_public_acls: asked.block_public_acls == Some(true),
            ignore_public_acls: asked.ignore_public_acls == Some(true),
            block_public_policy: asked.block_public_policy == Some(true),
            restrict_public_buckets: asked.restrict_public_buckets == Some(true),
        }
    }
}

impl From<PublicAccessBlock> for PublicAccessBlockConfiguration {
    fn from(stored: PublicAccessBlock) -> Self {
        Self {
            block_public_acls: Some(stored.block_public_acls),
            ignore_public_acls: Some(stored.ignore_public_acls),
            block_public_policy: Some(stored.block_public_policy),
            restrict_public_buckets: Some(stored.restrict_public_buckets),
        }
    }
}

impl Backend {
    pub(super) async fn get_public_access_block(
        &self,
        request: S3Request<GetPublicAccessBlockInput>,
    ) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
        let stored = self.index.setting(&request.input.bucket, SettingKind::PublicAccessBlock).await?;
        let block = match stored {
            None => Some(PublicAccessBlock::ALL),
            Some(text) => serde_json::from_str(&text).map_err(internal)?,
        };
        let block = block.ok_or_else(|| {
            let code = S3ErrorCode::Custom("NoSuchPublicAccessBlockConfiguration".into());
            not_set(code, "The public access block configuration was not found")
        })?;
        Ok(S3Response::new(GetPublicAccessBlockOutput { public_access_block_configuration: Some(block.into()) }))
    }

    pub(super) async fn put_public_access_block(
        &self,
        request: S3Request<PutPublicAccessBlockInput>,
    ) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
        let input = request.input;
        let block = PublicAccessBlock::from(input.public_access_block_configuration);
        self.set_public_access_block(input.bucket, Some(block)).await?;
        Ok(S3Response::new(PutPublicAccessBlockOutput::default()))
    }

    pub(super) async fn delete_public_access_block(
        &self,
        request: S3Request<DeletePublicAccessBlockInput>,
    ) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
        self.set_public_access_block(request.input.bucket, None).await?;
        Ok(answer_with_status(DeletePublicAccessBlockOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn set_public_access_block(&self, bucket: String, block: Option<PublicAccessBlock>) -> S3Result<()> {
        let text = serde_json::to_string(&block).map_err(internal)?;
        Ok(self.index.set_setting(bucket, SettingKind::PublicAccessBlock, Some(text)).await?)
    }

    /// No policy makes anything public here.
    pub(super) async fn get_bucket_policy_status(
        &self,
        request: S3Request<GetBucketPolicyStatusInput>,
    ) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
        let policy = self.index.setting(&request.input.bucket, SettingKind::Policy).await?;
        policy.ok_or_else(|| s3_error!(NoSuchBucketPolicy, "The bucket policy does not exist"))?;
        let policy_status = Some(PolicyStatus { is_public: Some(false) });
        Ok(S3Response::new(GetBucketPolicyStatusOutput { policy_status }))
    }

    pub(super) async fn get_bucket_ownership_controls(
        &self,
        request: S3Request<GetBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
        let stored = self.index.setting(&request.input.bucket, SettingKind::OwnershipControls).await?;
        let ownership = match stored {
            None => Some(ObjectOwnership::BUCKET_OWNER_ENFORCED.to_owned()),
            Some(text) => serde_json::from_str::<Option<String>>(&text).map_err(internal)?,
        };
        let ownership = ownership.ok_or_else(|| {
            not_set(S3ErrorCode::OwnershipControlsNotFoundError, "The bucket ownership controls were not found")
        })?;
        let rules = vec![OwnershipControlsRule { object_ownership: ownership.into() }];
        Ok(S3Response::new(GetBucketOwnershipControlsOutput { ownership_controls: Some(OwnershipControls { rules }) }))
    }

    pub(super) async fn put_bucket_ownership_controls(
        &self,
        request: S3Request<PutBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
        let input = request.input;
        let [rule] = input.ownership_controls.rules.as_slice() else {
            return Err(s3_error!(MalformedXML, "The ownership controls must have exactly one rule."));
        };
        match rule.object_ownership.as_str() {
            ObjectOwnership::BUCKET_OWNER_ENFORCED => {}
            ObjectOwnership::BUCKET_OWNER_PREFERRED | ObjectOwnership::OBJECT_WRITER => {
                return Err(s3_error!(
                    NotImplemented,
                    "Objects of embedded buckets always belong to the bucket's owner: use BucketOwnerEnforced."
                ));
            }
            _ => return Err(s3_error!(MalformedXML, "The object ownership is none that S3 defines.")),
        }
        self.set_ownership_controls(input.bucket, Some(rule.object_ownership.as_str())).await?;
        Ok(S3Response::new(PutBucketOwnershipControlsOutput::default()))
    }

    pub(super) async fn delete_bucket_ownership_controls(
        &self,
        request: S3Request<DeleteBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<DeleteBucketOwnershipControlsOutput>> {
        self.set_ownership_controls(request.input.bucket, None).await?;
        Ok(answer_with_status(DeleteBucketOwnershipControlsOutput::default(), http::StatusCode::NO_CONTENT))
    }

    /// `None` is stored as `null`, as of [`PublicAccessBlock`].
    async fn set_ownership_controls(&self, bucket: String, ownership: Option<&str>) -> S3Result<()> {
        let text = serde_json::to_string(&ownership).map_err(internal)?;
        Ok(self.index.set_setting(bucket, SettingKind::OwnershipControls, Some(text)).await?)
    }
}
