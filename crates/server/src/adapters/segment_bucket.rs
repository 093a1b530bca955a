//! The bucket of S3, AWS's or any other, that the store keeps its segments in.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStoreExt, ObjectStoreScheme, PutPayload};
use store::{BucketConfig, BucketError, SegmentBucket};
use tokio::runtime::Runtime;
use url::Url;

use crate::adapters::named_buckets::s3_builder;

/// Time for a request and a few bytes.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(8);
/// Least bytes a second with which a request is not given up.
const BYTES_PER_SECOND_MIN: u64 = 256 * 1024;
/// The client's own limit, above all of these.
const CLIENT_TIME_MAX: &str = "1 day";
const CONNECT_TIME_MAX: &str = "3 seconds";

/// A bucket, asked by threads that wait.
///
/// It has a runtime of its own. The threads that wait for it are those of the store's queries, which the server's runtime
/// has only so many of; what they wait for must not be work of the same runtime, or a stop would leave them waiting.
pub(crate) struct S3SegmentBucket {
    url: String,
    store: AmazonS3,
    prefix: Path,
    /// Some until it is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for S3SegmentBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3SegmentBucket").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The bucket that a setting names, and the size of its cache in the data folder.
///
/// # Errors
/// See [`S3SegmentBucket::open`].
pub(crate) fn bucket_config(url: &str, cache_bytes: Option<u64>) -> anyhow::Result<BucketConfig> {
    let bucket = S3SegmentBucket::open(url).context("segments")?;
    Ok(BucketConfig { bucket: Arc::new(bucket), cache_bytes: cache_bytes.unwrap_or(BucketConfig::CACHE_BYTES_DEFAULT) })
}

impl S3SegmentBucket {
    /// Opens the bucket of `s3://bucket/prefix`, with endpoint, region and credentials of the usual AWS variables. Asks it
    /// for nothing yet.
    ///
    /// # Errors
    /// It is no such URL, or a variable cannot be meant.
    fn open(url: &str) -> anyhow::Result<Self> {
        let url = url.trim_end_matches('/');
        let parsed: Url = url.parse().with_context(|| format!("'{url}' is no URL such as s3://bucket/prefix"))?;
        let scheme = ObjectStoreScheme::parse(&parsed).ok().filter(|_| parsed.scheme() == "s3");
        let Some((ObjectStoreScheme::AmazonS3, prefix)) = scheme else {
            bail!("'{url}' is no bucket of S3: write s3://bucket or s3://bucket/prefix");
        };
        let mut builder = s3_builder(&parsed)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), CLIENT_TIME_MAX)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIME_MAX);
        let address = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        if let Some(address) = address.iter().find_map(|key| builder.get_config_value(key)) {
            // Whoever writes http:// means it.
            builder = builder.with_allow_http(address.starts_with("http://"));
        }
        let store = builder.build().with_context(|| format!("open the bucket of '{url}'"))?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("segment-bucket").enable_all().build();
        Ok(Self { url: url.to_owned(), store, prefix, runtime: Some(runtime.context("start a runtime")?) })
    }

    fn path_of(&self, key: &str) -> Result<Path, BucketError> {
        let key = format!("{}/{key}", self.prefix);
        Path::parse(key.trim_start_matches('/')).map_err(|error| BucketError::Refused(error.to_string()))
    }

    /// Waits for an answer.
    fn wait<T>(
        &self,
        time_max: Duration,
        key: &str,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, BucketError> {
        let Some(runtime) = &self.runtime else {
            return Err(BucketError::Unavailable("the program is ending".to_owned()));
        };
        let answer = runtime.block_on(async { tokio::time::timeout(time_max, work).await });
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(bucket_error(key, &error)),
            Err(_) => Err(BucketError::Unavailable(format!("no answer within {} s", time_max.as_secs()))),
        }
    }
}

fn time_for(bytes: u64) -> Duration {
    REQUEST_TIME_MAX + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN)
}

fn bucket_error(key: &str, error: &object_store::Error) -> BucketError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    match error {
        // A bucket that is not there answers with the same status as an object that is not.
        NotFound { .. } if error.to_string().contains("NoSuchBucket") => BucketError::Refused(error.to_string()),
        NotFound { .. } => BucketError::Missing(key.to_owned()),
        PermissionDenied { .. } | Unauthenticated { .. } => BucketError::Refused(error.to_string()),
        _ => BucketError::Unavailable(error.to_string()),
    }
}

impl SegmentBucket for S3SegmentBucket {
    fn url(&self) -> &str {
        &self.url
    }

    fn put(&self, key: &str, bytes: Bytes) -> Result<(), BucketError> {
        let path = self.path_of(key)?;
        let time_max = time_for(bytes.len() as u64);
        self.wait(time_max, key, self.store.put(&path, PutPayload::from_bytes(bytes))).map(drop)
    }

    fn get(&self, key: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        let path = self.path_of(key)?;
        let time_max = time_for(range.end.saturating_sub(range.start));
        self.wait(time_max, key, self.store.get_range(&path, range))
    }

    fn delete(&self, key: &str) -> Result<(), BucketError> {
        let path = self.path_of(key)?;
        match self.wait(REQUEST_TIME_MAX, key, self.store.delete(&path)) {
            Err(BucketError::Missing(_)) => Ok(()),
            done => done,
        }
    }
}

impl Drop for S3SegmentBucket {
    fn drop(&mut self) {
        // A runtime that is dropped in the ordinary way waits for its work, which a thread of another one must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_buckets_of_s3_are_taken() {
        assert_eq!(S3SegmentBucket::open("s3://bucket/a/b/").unwrap().url(), "s3://bucket/a/b");
        for url in ["bucket", "gs://bucket", "file:///folder", "https://bucket.s3.amazonaws.com", ""] {
            let error = S3SegmentBucket::open(url).expect_err(url).to_string();
            assert!(error.contains("s3://bucket"), "{error}");
        }
    }
}
