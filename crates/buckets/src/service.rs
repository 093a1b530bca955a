//! The service: one request in, one answer out.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_wire::sigv4::chunked::decoded_content_length;
use aws_wire::sigv4::payload::CONTENT_SHA256_HEADER;
use aws_wire::sigv4::{ChunkSeed, PayloadDeclaration};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use model::{AccountId, Region};
use s3s::StdError;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::task::spawn_blocking;

use crate::calls::Backend;
use crate::cleaning::{Cleaner, Readers};
use crate::content::{ContentFolder, sync_directory};
use crate::inbound::settle_head;
use crate::index::{Index, IndexError, SettingKind};
use crate::outbound::{ErrorAnswer, REQUEST_ID_BYTES, RequestIds, ResponseBody, error_response, finish};
use crate::payload::{PayloadBody, PayloadError};

/// Fills a buffer with random bytes.
pub type RandomSource = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Whether the text of an `x-amz-mfa` header, serial number and code with a space between them, is right now. A code is
/// right once.
pub type MfaCheck = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the service is told about its surroundings.
#[derive(Clone)]
pub struct BucketConfig {
    /// Region of buckets that are made without one.
    pub region: Region,
    /// Where ids of requests, uploads and versions come from. Nothing secret is made of it.
    pub random: RandomSource,
    /// Judges codes of the device of the root user; without it no code is right.
    pub mfa: Option<MfaCheck>,
}

impl fmt::Debug for BucketConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BucketConfig").field("region", &self.region).finish_non_exhaustive()
    }
}

/// Whether the caller may do what the request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Signature and permission were checked.
    Allowed,
    /// The answer is `AccessDenied`, and the body is not read.
    Denied,
}

/// What was found out about a request before it came here.
#[derive(Debug, Clone)]
pub struct CallerAccess {
    /// The decision.
    pub access: Access,
    /// Who asks. Buckets belong to the account that made them.
    pub account: AccountId,
    /// The bucket, where the host name carries it (virtual-hosted style) and not the path.
    pub bucket_in_host: Option<String>,
    /// Where the signatures of an `aws-chunked` body start. Without it they are not checked.
    pub chunk_seed: Option<ChunkSeed>,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be used.
    #[error("cannot use the bucket folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has the folder open.
    #[error("the bucket folder {path} is in use by another process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The index cannot be used.
    #[error("cannot open the bucket index {path}")]
    Index {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: StdError,
    },
}

/// Why a question about a bucket has no answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the settings of bucket {bucket}")]
pub struct BucketSettingError {
    /// The bucket.
    pub bucket: String,
    source: StdError,
}

/// The embedded S3 service. Clones share the same buckets.
#[derive(Clone)]
pub struct BucketService {
    inner: Arc<Inner>,
}

struct Inner {
    s3: S3Service,
    index: Index,
    random: RandomSource,
    _cleaner: Cleaner,
    /// Held as long as the service lives.
    _lock: File,
}

impl fmt::Debug for BucketService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BucketService").finish_non_exhaustive()
    }
}

impl BucketService {
    /// Opens the folder, or creates it. Must be called on a Tokio runtime, where the service then also cleans up.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(root: PathBuf, config: BucketConfig) -> Result<Self, OpenError> {
        let lock = prepare_folder(&root).await?;
        let file = root.join("index.sqlite");
        let opened = Index::open(&file, Arc::clone(&config.random)).await;
        let (index, run) = opened.map_err(|error| OpenError::Index { path: file, source: error.into() })?;
        let blobs = root.join("blobs");
        let folder = spawn_blocking(move || ContentFolder::open(blobs, run)).await.map_err(io::Error::other);
        let folder = folder.flatten().map_err(|source| OpenError::Folder { path: root, source })?;
        let (folder, readers) = (Arc::new(folder), Arc::new(Readers::new()));
        let cleaner = Cleaner::start(index.clone(), Arc::clone(&folder), &readers, run);
        let random = Arc::clone(&config.random);
        let s3 = S3ServiceBuilder::new(Backend::new(index.clone(), folder, readers, config)).build();
        Ok(Self { inner: Arc::new(Inner { s3, index, random, _cleaner: cleaner, _lock: lock }) })
    }

    /// Answers a request, streaming both bodies. Every answer has `x-amz-request-id` and `x-amz-id-2`.
    ///
    /// A change is durable before its answer. If the future is dropped, a change that was not yet committed does not
    /// happen, or happens whole.
    pub async fn handle<B>(&self, request: Request<B>, caller: CallerAccess) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let ids = self.request_ids();
        let method = request.method().clone();
        let resource = request.uri().path().to_owned();
        let response = match caller.access {
            Access::Denied => error_response(&access_denied()),
            Access::Allowed => self.call(request, caller).await,
        };
        finish(response, &ids, &method, &resource)
    }

    /// The policy document of a bucket as it was put, `None` when it has none or the bucket does not exist.
    ///
    /// # Errors
    /// [`BucketSettingError`] when the index cannot be read.
    pub async fn bucket_policy(&self, bucket: &str) -> Result<Option<String>, BucketSettingError> {
        match self.inner.index.setting(bucket, SettingKind::Policy).await {
            Ok(policy) => Ok(policy),
            Err(IndexError::NoSuchBucket) => Ok(None),
            Err(error) => Err(BucketSettingError { bucket: bucket.to_owned(), source: error.into() }),
        }
    }

    /// Whether there is such a bucket.
    ///
    /// # Errors
    /// [`BucketSettingError`] when the index cannot be read.
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, BucketSettingError> {
        match self.inner.index.bucket(bucket).await {
            Ok(_) => Ok(true),
            Err(IndexError::NoSuchBucket) => Ok(false),
            Err(error) => Err(BucketSettingError { bucket: bucket.to_owned(), source: error.into() }),
        }
    }

    /// A caller can say whose a bucket must be, here and where a copy is taken from. A bucket that is not there is the
    /// backend's to refuse.
    async fn check_expected_owner(&self, head: &http::request::Parts) -> Result<(), ErrorAnswer> {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let source = header("x-amz-copy-source").map(|source| format!("/{}", source.trim_start_matches('/')));
        let pairs = [
            (header("x-amz-expected-bucket-owner"), bucket_of(head.uri.path())),
            (header("x-amz-source-expected-bucket-owner"), source.as_deref().and_then(bucket_of)),
        ];
        for (expected, bucket) in pairs {
            let (Some(expected), Some(bucket)) = (expected, bucket) else { continue };
            match self.inner.index.bucket(bucket).await {
                Ok(found) if found.owner != expected => return Err(access_denied()),
                Ok(_) | Err(IndexError::NoSuchBucket) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot tell whose a bucket is");
                    return Err(internal_error());
                }
            }
        }
        Ok(())
    }

    fn request_ids(&self) -> RequestIds {
        let mut bytes = [0; REQUEST_ID_BYTES];
        (self.inner.random)(&mut bytes);
        RequestIds::from_random(&bytes)
    }

    async fn call<B>(&self, request: Request<B>, caller: CallerAccess) -> s3s::HttpResponse
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let (mut head, body) = request.into_parts();
        let declaration = declared_payload(&head.headers);
        let is_chunked = declaration.is_chunked();
        let decoded_length = decoded_content_length(&head.headers).filter(|_| is_chunked);
        if settle_head(&mut head, caller.bucket_in_host.as_deref(), is_chunked, decoded_length).is_err() {
            return error_response(&invalid_uri());
        }
        if let Err(refusal) = self.check_expected_owner(&head).await {
            return error_response(&refusal);
        }
        if is_form_upload(&head.method, &head.headers) {
            return error_response(&not_implemented());
        }
        let (body, report) = PayloadBody::new(body, declaration, caller.chunk_seed, decoded_length);
        head.extensions.insert(report.clone());
        head.extensions.insert(caller.account);
        let body = s3s::Body::http_body_unsync(body);
        let result = self.inner.s3.call(Request::from_parts(head, body)).await;
        if let Some(error) = report.error() {
            return error_response(&payload_answer(&error));
        }
        result.unwrap_or_else(|error| {
            tracing::error!(error = &*StdError::from(error) as &dyn std::error::Error, "no answer could be made");
            error_response(&internal_error())
        })
    }
}

/// The bucket in a path.
fn bucket_of(path: &str) -> Option<&str> {
    path.split('/').nth(1).filter(|bucket| !bucket.is_empty())
}

fn declared_payload(headers: &HeaderMap) -> PayloadDeclaration {
    let value = headers.get(CONTENT_SHA256_HEADER).and_then(|value| value.to_str().ok());
    value.map_or(PayloadDeclaration::Absent, PayloadDeclaration::parse)
}

/// Uploads from HTML forms have their signature in the form, which nobody here checks.
fn is_form_upload(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = |text: &str| text.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"));
    method == Method::POST && content_type.is_some_and(is_form)
}

fn payload_answer(error: &PayloadError) -> ErrorAnswer {
    match error {
        PayloadError::Chunked(error) => {
            let rejection = error.rejection();
            let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::BAD_REQUEST);
            ErrorAnswer { status, code: rejection.code.to_owned(), message: rejection.message }
        }
        PayloadError::Sha256Mismatch => ErrorAnswer {
            status: StatusCode::BAD_REQUEST,
            code: "XAmzContentSHA256Mismatch".to_owned(),
            message: "The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned(),
        },
        PayloadError::Transport => ErrorAnswer {
            status: StatusCode::BAD_REQUEST,
            code: "RequestTimeout".to_owned(),
            message: "Your socket connection to the server was not read from or written to within the timeout period. \
                      Idle connections will be closed."
                .to_owned(),
        },
    }
}

fn access_denied() -> ErrorAnswer {
    ErrorAnswer { status: StatusCode::FORBIDDEN, code: "AccessDenied".to_owned(), message: "Access Denied".to_owned() }
}

fn invalid_uri() -> ErrorAnswer {
    ErrorAnswer {
        status: StatusCode::BAD_REQUEST,
        code: "InvalidURI".to_owned(),
        message: "Couldn't parse the specified URI.".to_owned(),
    }
}

fn not_implemented() -> ErrorAnswer {
    ErrorAnswer {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "NotImplemented".to_owned(),
        message: "A header you provided implies functionality that is not implemented.".to_owned(),
    }
}

fn internal_error() -> ErrorAnswer {
    ErrorAnswer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "InternalError".to_owned(),
        message: "We encountered an internal error. Please try again.".to_owned(),
    }
}

/// Makes the folder and takes its lock, which goes with the process.
async fn prepare_folder(root: &Path) -> Result<File, OpenError> {
    let path = root.to_path_buf();
    let prepare = move || -> Result<File, TryLockError> {
        fs::create_dir_all(&path).map_err(TryLockError::Error)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent).map_err(TryLockError::Error)?;
        }
        let lock = File::create(path.join("lock")).map_err(TryLockError::Error)?;
        lock.try_lock()?;
        sync_directory(&path).map_err(TryLockError::Error)?;
        Ok(lock)
    };
    let result =
        spawn_blocking(prepare).await.unwrap_or_else(|error| Err(TryLockError::Error(io::Error::other(error))));
    result.map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse { path: root.to_path_buf() },
        TryLockError::Error(source) => OpenError::Folder { path: root.to_path_buf(), source },
    })
}
