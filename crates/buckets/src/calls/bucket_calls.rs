//! Buckets.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{answer_with_status, owner, owner_of, timestamp};
use super::refusals::no_access_lists;
use super::{Backend, caller, now_ms};

/// Buckets in one page. Source: Amazon S3 API reference, ListBuckets.
const BUCKETS_MAX: i32 = 10_000;

impl Backend {
    pub(super) async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let account = caller(&request)?;
        let input = request.input;
        let limit = input.max_buckets.unwrap_or(BUCKETS_MAX).clamp(1, BUCKETS_MAX);
        let prefix = input.prefix.as_deref().unwrap_or("");
        let after = input.continuation_token.as_deref().unwrap_or("");
        let mut rows = self.index.buckets(account.as_str(), prefix, after, i64::from(limit) + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let continuation_token = rows.last().filter(|_| has_more).map(|row| row.name.clone());
        let buckets =
            rows.into_iter().filter(|row| input.bucket_region.as_ref().is_none_or(|wanted| *wanted == row.region));
        let buckets = buckets.map(|row| Bucket {
            bucket_region: Some(row.region),
            creation_date: Some(timestamp(row.created_ms)),
            name: Some(row.name),
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            continuation_token,
            owner: Some(owner_of(&account)),
            prefix: input.prefix,
        }))
    }

    pub(super) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let account = caller(&request)?;
        let input = request.input;
        let has_grants = input.grant_full_control.is_some()
            || input.grant_read.is_some()
            || input.grant_read_acp.is_some()
            || input.grant_write.is_some()
            || input.grant_write_acp.is_some();
        if has_grants || input.acl.as_ref().is_some_and(|acl| acl.as_str() != BucketCannedACL::PRIVATE) {
            return Err(s3_error!(
                InvalidBucketAclWithObjectOwnership,
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
            ));
        }
        let has_object_lock = input.object_lock_enabled_for_bucket == Some(true);
        let constraint = input.create_bucket_configuration.and_then(|configuration| configuration.location_constraint);
        let region = match constraint.as_ref().map(BucketLocationConstraint::as_str) {
            None | Some("") => self.config.region.as_str().to_owned(),
            // The old name of a region.
            Some("EU") => "eu-west-1".to_owned(),
            Some(region) => region.to_owned(),
        };
        let (bucket, owner) = (input.bucket.clone(), account.as_str().to_owned());
        self.index.create_bucket(bucket, region, owner, now_ms(), has_object_lock).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) }))
    }

    pub(super) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.index.delete_bucket(request.input.bucket).await?;
        self.readers.ring();
        Ok(answer_with_status(DeleteBucketOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        let bucket = self.index.bucket(&request.input.bucket).await?;
        let output = HeadBucketOutput { bucket_region: Some(bucket.region), ..Default::default() };
        Ok(S3Response::new(output))
    }

    /// The first region of AWS has no name here, as ever.
    pub(super) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let bucket = self.index.bucket(&request.input.bucket).await?;
        let region = if bucket.region == "us-east-1" { String::new() } else { bucket.region };
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: Some(region.into()) }))
    }

    pub(super) async fn get_bucket_acl(
        &self,
        request: S3Request<GetBucketAclInput>,
    ) -> S3Result<S3Response<GetBucketAclOutput>> {
        let bucket = self.index.bucket(&request.input.bucket).await?;
        let owner = owner(&bucket.owner);
        Ok(S3Response::new(GetBucketAclOutput { grants: Some(full_control(&owner)), owner: Some(owner) }))
    }

    pub(super) async fn put_bucket_acl(
        &self,
        request: S3Request<PutBucketAclInput>,
    ) -> S3Result<S3Response<PutBucketAclOutput>> {
        self.index.bucket(&request.input.bucket).await?;
        Err(no_access_lists())
    }

    pub(super) async fn get_object_acl(
        &self,
        request: S3Request<GetObjectAclInput>,
    ) -> S3Result<S3Response<GetObjectAclOutput>> {
        let input = request.input;
        self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let owner = owner(&self.index.bucket(&input.bucket).await?.owner);
        let grants = Some(full_control(&owner));
        Ok(S3Response::new(GetObjectAclOutput { grants, owner: Some(owner), request_charged: None }))
    }

    pub(super) async fn put_object_acl(
        &self,
        request: S3Request<PutObjectAclInput>,
    ) -> S3Result<S3Response<PutObjectAclOutput>> {
        let input = request.input;
        self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        Err(no_access_lists())
    }
}

fn full_control(owner: &Owner) -> Grants {
    let grantee = Grantee {
        display_name: None,
        email_address: None,
        id: owner.id.clone(),
        type_: Type::from_static(Type::CANONICAL_USER),
        uri: None,
    };
    vec![Grant { grantee: Some(grantee), permission: Some(Permission::from_static(Permission::FULL_CONTROL)) }]
}
