//! What the store asks of a bucket that keeps its segments. The implementation is the server's.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// A bucket for segments.
///
/// Calls block until the answer is there, and are made by threads that may wait: never by one of an async runtime. Each is
/// one try with a time limit of its own; whether to try again is the store's decision. Objects are written once and never
/// changed; to write one again with the same bytes is allowed.
pub trait SegmentBucket: Debug + Send + Sync + 'static {
    /// What the manifest calls the bucket, always the same for the same place: `s3://bucket/prefix`, without a slash at
    /// the end.
    fn url(&self) -> &str;

    /// Writes an object. On return it is durable and whole, for every reader.
    ///
    /// # Errors
    /// See [`BucketError`]. The object may be there nevertheless.
    fn put(&self, key: &str, bytes: Bytes) -> Result<(), BucketError>;

    /// Reads some bytes of an object, all of them or none.
    ///
    /// # Errors
    /// See [`BucketError`].
    fn get(&self, key: &str, range: Range<u64>) -> Result<Bytes, BucketError>;

    /// Deletes an object. One that is not there counts as deleted.
    ///
    /// # Errors
    /// See [`BucketError`]. The object may be gone nevertheless.
    fn delete(&self, key: &str) -> Result<(), BucketError>;
}

/// A bucket did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// It does not answer, or says that it cannot now. Trying again is worth it.
    #[error("the bucket does not serve: {0}")]
    Unavailable(String),
    /// It does not let us, or is not there. Somebody has to change something first.
    #[error("the bucket refuses: {0}")]
    Refused(String),
    /// It has no such object.
    #[error("the bucket has no object {0}: restore it from a version or a copy of the bucket")]
    Missing(String),
}

/// A bucket for segments, and what is kept of it in the data folder.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// The bucket.
    pub bucket: Arc<dyn SegmentBucket>,
    /// Most bytes of segments that are kept in the data folder to be read again. At least 16 MiB are.
    pub cache_bytes: u64,
}

impl BucketConfig {
    /// Bytes that are kept where nothing else is said: the parts that lookups of a hundred million events read again.
    pub const CACHE_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
}
