//! Where files, messages and events go.

use async_trait::async_trait;
use bytes::Bytes;
use model::{AccountId, EventTime};

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

impl PutError {
    /// Code for requests that were not answered in time.
    pub const TIMED_OUT: &str = "RequestTimeout";

    /// Puts the code where GetTrailStatus shows it. Requests that time out are no errors there: they say nothing of the
    /// destination. Source: CloudTrail API reference, GetTrailStatus, LatestDeliveryError.
    pub(crate) fn tell(self, status: &mut Option<String>) {
        if self.code != Self::TIMED_OUT {
            *status = Some(self.code);
        }
    }
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

/// An entry of a log stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Time of the event.
    pub time: EventTime,
    /// The record.
    pub message: Bytes,
}

/// Writes to log groups.
#[async_trait]
pub trait LogGroupSink: Send + Sync + 'static {
    /// Writes entries to a stream, which is made if it is not there; within the limits of one request, and in the order of
    /// their times.
    ///
    /// # Errors
    /// See [`PutError`], with CloudWatch Logs' code; they may have been written all the same.
    async fn put_entries(&self, log_group_arn: &str, stream: &str, entries: &[LogEntry]) -> Result<(), PutError>;
}

/// An event of EventBridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusEvent {
    /// Such as `aws.s3`.
    pub source: String,
    /// Such as `AWS API Call via CloudTrail`.
    pub detail_type: &'static str,
    /// Time of the event.
    pub time: EventTime,
    /// The record.
    pub detail: Bytes,
}

/// Sends events to the default event buses of an account.
#[async_trait]
pub trait EventBusSink: Send + Sync + 'static {
    /// Sends events to the bus of a region, within the limits of one request.
    ///
    /// # Errors
    /// See [`PutError`], with EventBridge's code; some may have been sent all the same.
    async fn put_events(&self, region: &str, events: &[BusEvent]) -> Result<(), PutError>;
}
