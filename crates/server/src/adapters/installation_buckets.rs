//! The embedded buckets, or those of the upstream that has S3.

use std::collections::HashMap;
use std::sync::Arc;

use access::bucket_policy::{PolicyDecision, PolicyRequest, decide};
use async_trait::async_trait;
use aws_wire::sigv4::Credentials;
use buckets::{Access, BucketService, CallerAccess};
use bytes::Bytes;
use control::{BucketQuestion, DestinationProblem};
use delivery::{ObjectSink, PutError, PutObject};
use gateway::upstream_caller::{UpstreamCallError, UpstreamCaller};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use model::{EventTime, Region};
use object_store::ObjectStoreExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;

use crate::adapters::named_buckets::{no_retries, put_error};
use crate::adapters::upstream_service::code_of;
use crate::object_keys::encode_key;

/// Most bytes of a refusal that are read for its code.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// The canned ACL that CloudTrail puts on its files. Source: CloudTrail user guide, bucket policy.
const ACL: &str = "bucket-owner-full-control";
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// The buckets of an installation.
#[derive(Clone)]
pub(crate) enum InstallationBuckets {
    /// Those of our own.
    Embedded {
        /// The service.
        service: BucketService,
        /// Whether a bucket needs a policy that lets CloudTrail write.
        requires_policy: bool,
    },
    /// Those of the upstream that has S3.
    Upstream {
        /// URL.
        url: String,
        /// Region that requests are signed for.
        region: Region,
        /// What requests are signed with.
        credentials: Option<Credentials>,
        /// Writes objects. The client of object stores has no word for the ACL that CloudTrail's files have.
        caller: Arc<UpstreamCaller>,
        /// Tells the time.
        clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
    },
    /// There are none.
    Nowhere,
}

impl InstallationBuckets {
    fn upstream_bucket(&self, bucket: &str) -> Result<AmazonS3, PutError> {
        let Self::Upstream { url, region, credentials, .. } = self else { return Err(no_buckets()) };
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(url)
            .with_allow_http(true)
            .with_bucket_name(bucket)
            .with_region(region.as_str())
            .with_virtual_hosted_style_request(false)
            .with_retry(no_retries());
        builder = match credentials {
            Some(credentials) => builder
                .with_access_key_id(credentials.access_key_id.as_str())
                .with_secret_access_key(credentials.secret.expose()),
            None => builder.with_skip_signature(true),
        };
        if let Some(token) = credentials.as_ref().and_then(|credentials| credentials.session_token.as_ref()) {
            builder = builder.with_token(token);
        }
        builder.build().map_err(|error| put_error(&error))
    }
}

impl InstallationBuckets {
    /// Whether files are encrypted with keys of KMS where that is asked for.
    pub(crate) fn can_encrypt(&self) -> bool {
        matches!(self, Self::Upstream { .. })
    }
}

fn no_buckets() -> PutError {
    PutError {
        code: "NoSuchBucket".to_owned(),
        message: "this installation has no buckets and no upstream for S3".to_owned(),
    }
}

#[async_trait]
impl ObjectSink for InstallationBuckets {
    async fn put(&self, object: PutObject) -> Result<(), PutError> {
        match self {
            Self::Embedded { service, .. } => put_embedded(service, object).await,
            Self::Upstream { region, credentials, caller, clock, .. } => {
                let region = credentials.is_some().then(|| region.as_str());
                put_upstream(caller, region, clock(), object).await
            }
            Self::Nowhere => Err(no_buckets()),
        }
    }
}

async fn put_upstream(
    caller: &UpstreamCaller,
    region: Option<&str>,
    now: EventTime,
    object: PutObject,
) -> Result<(), PutError> {
    let (path, headers) = (path_of(&object), headers_of(&object)?);
    match caller.put_object(region, &path, headers, object.content, now).await {
        Ok((200, _)) => Ok(()),
        Ok((status, body)) => {
            let text = String::from_utf8_lossy(&body).into_owned();
            let code = code_of(&text).map_or_else(|| code_of_status(status).to_owned(), str::to_owned);
            Err(PutError { code, message: text })
        }
        Err(error) => {
            let code = match error {
                UpstreamCallError::TimedOut => PutError::TIMED_OUT,
                _ => "ServiceUnavailable",
            };
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            Err(PutError { code: code.to_owned(), message: format!("{error}{cause}") })
        }
    }
}

/// For answers without a code, as proxies give them.
fn code_of_status(status: u16) -> &'static str {
    match status {
        401 | 403 => "AccessDenied",
        404 => "NoSuchBucket",
        _ => "ServiceUnavailable",
    }
}

fn path_of(object: &PutObject) -> String {
    format!("/{}/{}", object.bucket, encode_key(&object.key))
}

fn unusable(message: String) -> PutError {
    PutError { code: "InvalidRequest".to_owned(), message }
}

/// What CloudTrail says of a file.
fn headers_of(object: &PutObject) -> Result<HeaderMap, PutError> {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-acl", HeaderValue::from_static(ACL));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    for (name, value) in &object.metadata {
        let name = HeaderName::try_from(format!("x-amz-meta-{name}")).map_err(|error| unusable(error.to_string()))?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| unusable(error.to_string()))?);
    }
    if let Some(key) = &object.kms_key_id {
        // Embedded buckets refuse it: a file that is to be encrypted is never stored in the clear.
        headers.insert("x-amz-server-side-encryption", HeaderValue::from_static("aws:kms"));
        let key = HeaderValue::try_from(key).map_err(|error| unusable(error.to_string()))?;
        headers.insert("x-amz-server-side-encryption-aws-kms-key-id", key);
    }
    Ok(headers)
}

async fn put_embedded(service: &BucketService, object: PutObject) -> Result<(), PutError> {
    let (path, mut headers) = (path_of(&object), headers_of(&object)?);
    headers.insert("content-length", HeaderValue::from(object.content.len()));
    let mut request = Request::new(Full::new(object.content));
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = path.parse().map_err(|error: http::uri::InvalidUri| unusable(error.to_string()))?;
    *request.headers_mut() = headers;
    let caller =
        CallerAccess { access: Access::Allowed, account: object.account, bucket_in_host: None, chunk_seed: None };
    let answer = service.handle(request, caller).await;
    if answer.status() == StatusCode::OK {
        return Ok(());
    }
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), REFUSAL_BYTES_MAX).collect().await;
    let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    let code = code_of(&text).unwrap_or(status.as_str()).to_owned();
    Err(PutError { code, message: text })
}

impl InstallationBuckets {
    /// See [`control::DestinationCheck::check_bucket`].
    pub(crate) async fn check_bucket(&self, question: BucketQuestion<'_>) -> Result<(), DestinationProblem> {
        match self {
            Self::Embedded { service, requires_policy } => check_embedded(service, *requires_policy, question).await,
            Self::Upstream { .. } => self.check_upstream(question).await,
            Self::Nowhere => Err(DestinationProblem::NoSuchBucket),
        }
    }
}

impl InstallationBuckets {
    /// Writes a test object and removes it.
    async fn check_upstream(&self, question: BucketQuestion<'_>) -> Result<(), DestinationProblem> {
        let problem = |error: PutError| match error.code.as_str() {
            "NoSuchBucket" => DestinationProblem::NoSuchBucket,
            "AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => DestinationProblem::Refused,
            _ => DestinationProblem::Unavailable(Box::new(error)),
        };
        let bucket = self.upstream_bucket(question.bucket).map_err(problem)?;
        let (account, folder) = (question.account.as_str(), question.folder);
        let key = format!("{}AWSLogs/{account}/{folder}write-test", prefix(&question));
        let object = PutObject {
            account: question.account,
            bucket: question.bucket.to_owned(),
            key: key.clone(),
            content: Bytes::new(),
            metadata: Vec::new(),
            kms_key_id: None,
        };
        if let Err(error) = self.put(object).await {
            let has_credentials = matches!(self, Self::Upstream { credentials: Some(_), .. });
            tracing::warn!(
                %error, bucket = question.bucket, has_credentials,
                "a trail's bucket does not take a test object; see upstreams_credentials, s3"
            );
            return Err(problem(error));
        }
        if let Err(error) = bucket.delete(&Path::from(key)).await {
            tracing::debug!(%error, bucket = question.bucket, "the test object stays");
        }
        Ok(())
    }
}

fn prefix(question: &BucketQuestion<'_>) -> String {
    question.prefix.map_or_else(String::new, |prefix| format!("{prefix}/"))
}

async fn check_embedded(
    service: &BucketService,
    requires_policy: bool,
    question: BucketQuestion<'_>,
) -> Result<(), DestinationProblem> {
    let unavailable = |error: buckets::BucketSettingError| DestinationProblem::Unavailable(Box::new(error));
    if !service.has_bucket(question.bucket).await.map_err(unavailable)? {
        return Err(DestinationProblem::NoSuchBucket);
    }
    let policy = service.bucket_policy(question.bucket).await.map_err(unavailable)?;
    let Some(policy) = policy else {
        return if requires_policy { Err(DestinationProblem::Refused) } else { Ok(()) };
    };
    let bucket = format!("arn:{}:s3:::{}", question.region.partition(), question.bucket);
    let context = HashMap::from([
        ("aws:sourcearn", question.trail_arn.to_owned()),
        ("aws:sourceaccount", question.account.as_str().to_owned()),
        ("aws:securetransport", "true".to_owned()),
        ("s3:x-amz-acl", ACL.to_owned()),
    ]);
    let folders = std::iter::once(question.account.as_str()).chain(question.organization_id);
    let folders = folders.map(|folder| format!("{bucket}/{}AWSLogs/{folder}/{}", prefix(&question), question.folder));
    let asked = folders.map(|folder| ("s3:PutObject", folder)).chain([("s3:GetBucketAcl", bucket.clone())]);
    for (action, resource) in asked {
        let request = PolicyRequest { service: CLOUDTRAIL, action, resource: &resource, context: &context };
        match decide(&policy, &request) {
            PolicyDecision::Allowed => {}
            PolicyDecision::NotMentioned if !requires_policy => {}
            PolicyDecision::Denied | PolicyDecision::NotMentioned => return Err(DestinationProblem::Refused),
        }
    }
    Ok(())
}
