//! Errors in S3's words, and values as answers have them.

use std::time::{Duration, UNIX_EPOCH};

use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, StatusCode};
use model::AccountId;
use s3s::dto::{ETag, Owner, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Response, s3_error};
use sha2::{Digest, Sha256};

use crate::content::ReceiveError;
use crate::index::IndexError;
use crate::outbound::AnswerStatus;

impl From<IndexError> for S3Error {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::NoSuchBucket => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            IndexError::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            IndexError::NoSuchVersion => s3_error!(NoSuchVersion, "The specified version does not exist."),
            IndexError::DeleteMarker { version_id, is_current } => is_delete_marker(&version_id, is_current),
            IndexError::Locked => {
                s3_error!(AccessDenied, "Access Denied because object protected by object lock.")
            }
            IndexError::NoObjectLock => s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"),
            IndexError::VersioningIsLocked => s3_error!(
                InvalidBucketState,
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
            ),
            IndexError::NotVersioned => s3_error!(
                InvalidBucketState,
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            ),
            IndexError::MfaNeeded => {
                s3_error!(AccessDenied, "Mfa Authentication must be used for this request")
            }
            IndexError::NoSuchUpload => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                 aborted or completed."
            ),
            IndexError::PreconditionFailed => precondition_failed(),
            IndexError::BucketOwnedByCaller => s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ),
            IndexError::BucketExists => s3_error!(
                BucketAlreadyExists,
                "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                 system. Please select a different name and try again."
            ),
            IndexError::BucketNotEmpty => {
                s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")
            }
            IndexError::InvalidPart { .. } => s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            ),
            IndexError::PartTooSmall { .. } => {
                s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
            }
            IndexError::SizeMismatch { .. } => {
                s3_error!(InvalidRequest, "The provided 'x-amz-mp-object-size' header value {error}")
            }
            IndexError::ChecksumMismatch => bad_digest("checksum"),
            error => internal(error),
        }
    }
}

impl From<ReceiveError> for S3Error {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::TooLarge { .. } => {
                s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
            }
            // The service says what was wrong with the body; this text does not go out.
            ReceiveError::Body(source) => S3Error::with_source(S3ErrorCode::IncompleteBody, source),
            error => internal(error),
        }
    }
}

/// An object that was deleted, or a delete marker that was asked for as if it were an object.
fn is_delete_marker(version_id: &str, is_current: bool) -> S3Error {
    let mut error = if is_current {
        s3_error!(NoSuchKey, "The specified key does not exist.")
    } else {
        s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.")
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(version_id) = HeaderValue::from_str(version_id) {
        headers.insert("x-amz-version-id", version_id);
    }
    if !is_current {
        headers.insert(ALLOW, HeaderValue::from_static("DELETE"));
    }
    error.set_headers(headers);
    error
}

/// Our fault; the chain goes to the log and not to the caller.
pub(super) fn internal<E: std::error::Error + Send + Sync + 'static>(error: E) -> S3Error {
    tracing::error!(error = &error as &dyn std::error::Error, "a bucket operation failed");
    let mut answer = s3_error!(InternalError, "We encountered an internal error. Please try again.");
    answer.set_source(Box::new(error));
    answer
}

/// A bucket that lacks the setting that was asked for. The framework has no status for most of these codes.
pub(super) fn not_set(code: S3ErrorCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(StatusCode::NOT_FOUND);
    error
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

pub(super) fn bad_digest(what: &str) -> S3Error {
    s3_error!(BadDigest, "The {what} you specified did not match the calculated checksum.")
}

/// An answer with a status that differs from the framework's.
pub(super) fn answer_with_status<T>(output: T, status: StatusCode) -> S3Response<T> {
    let mut answer = S3Response::new(output);
    answer.extensions.insert(AnswerStatus(status));
    answer
}

pub(super) fn timestamp(ms: i64) -> Timestamp {
    let after = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Timestamp::from(UNIX_EPOCH + after)
}

/// Milliseconds since 1970; 0 for times before.
pub(super) fn timestamp_ms(time: &Timestamp) -> i64 {
    let mut text = Vec::new();
    let parsed = time.format(TimestampFormat::EpochSeconds, &mut text).ok();
    let seconds = parsed.and_then(|()| String::from_utf8(text).ok()).and_then(|text| text.parse::<f64>().ok());
    (seconds.unwrap_or(0.0).max(0.0) * 1000.0).round() as i64
}

pub(super) fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

/// The canonical id of an account: 64 hexadecimal digits, as AWS has them, made from the account id.
pub(super) fn owner(account: &str) -> Owner {
    Owner { id: Some(hex::encode(Sha256::digest(account.as_bytes()))), display_name: None }
}

pub(super) fn owner_of(account: &AccountId) -> Owner {
    owner(account.as_str())
}
