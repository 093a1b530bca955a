//! Where files go.

use async_trait::async_trait;
use bytes::Bytes;
use model::AccountId;

/// An object to be written.
#[derive(Debug, Clone)]
pub struct PutObject {
    /// Account of the trail.
    pub account: AccountId,
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Content.
    pub content: Bytes,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: Vec<(&'static str, String)>,
    /// Key of KMS to encrypt with.
    pub kms_key_id: Option<String>,
}

/// Why an object was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PutError {
    /// S3's error code, such as `NoSuchBucket`; what GetTrailStatus shows.
    pub code: String,
    /// For the log.
    pub message: String,
}

/// Writes objects.
#[async_trait]
pub trait ObjectSink: Send + Sync + 'static {
    /// Writes an object, whole and durable, over one that is there. May be repeated.
    ///
    /// # Errors
    /// See [`PutError`]; it may have been written all the same.
    async fn put(&self, object: PutObject) -> Result<(), PutError>;
}

/// Tells topics of files.
#[async_trait]
pub trait TopicSink: Send + Sync + 'static {
    /// Publishes a message.
    ///
    /// # Errors
    /// See [`PutError`], with SNS's code; it may have been published all the same.
    async fn publish(&self, topic_arn: &str, message: String) -> Result<(), PutError>;
}
