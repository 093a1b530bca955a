//! The objects below a prefix of a bucket, of AWS or of anything that speaks its protocol.

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::path::Path;
use object_store::{ClientConfigKey, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::day_folders::Day;
use super::{DIGEST_FOLDER, Found, FoundFile, Listing, Locator, SourceError, is_digest};
use crate::file_key::FileKey;

/// Pieces of one object that may wait in memory; the client's pieces have some 16 KB.
const WAITING_PIECES_MAX: usize = 32;
/// A request for an object may take this long in all: many gigabytes, read as slowly as they are imported. Connections
/// that stand still are noticed by [`STALL_MAX`].
const FETCH_TIMEOUT: &str = "7 days";
/// Time without a byte from the server after which it is asked again.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Requests in a row that may bring nothing new.
const ATTEMPTS_MAX: u32 = 4;
/// Pause before the next request, times the failures so far.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const ETAG_SCHEME: &str = "etag:";

/// A bucket, and a runtime of its own for the requests to it.
pub(crate) struct Bucket {
    name: String,
    prefix: Option<Path>,
    /// For listings, whose answers come at once.
    store: AmazonS3,
    /// For objects, whose bytes wait for those who read them.
    patient_store: AmazonS3,
    runtime: Runtime,
}

impl Bucket {
    /// Reads the usual AWS variables: keys, region, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`. Without a region and an
    /// address, AWS is asked for the bucket's region.
    pub(super) fn open(name: &str, prefix: &str) -> Result<Self, SourceError> {
        Self::open_with(AmazonS3Builder::from_env(), name, prefix)
    }

    fn open_with(builder: AmazonS3Builder, name: &str, prefix: &str) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Bucket { tried: "open", bucket: name.to_owned(), source };
        let invalid = |source: object_store::path::Error| failed(source.into());
        let prefix = (!prefix.is_empty()).then(|| Path::parse(prefix)).transpose().map_err(invalid)?;
        // One thread moves the bytes of all downloads; unpacking them is what takes time.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime =
            runtime.map_err(|error| failed(object_store::Error::Generic { store: "S3", source: Box::new(error) }))?;
        let mut builder = builder.with_bucket_name(name);
        let address = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        let address = address.iter().find_map(|key| builder.get_config_value(key));
        if let Some(address) = &address {
            // Whoever writes http:// means it.
            builder = builder.with_allow_http(address.starts_with("http://"));
        } else if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
            let region = runtime.block_on(resolve_bucket_region(name, &ClientOptions::new())).map_err(failed)?;
            builder = builder.with_region(region);
        }
        let store = builder.clone().build().map_err(failed)?;
        let patient = builder.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), FETCH_TIMEOUT);
        let patient_store = patient.build().map_err(failed)?;
        Ok(Self { name: name.to_owned(), prefix, store, patient_store, runtime })
    }

    pub(super) fn list(&self, since: Option<Day>, take: &mut dyn FnMut(Found) -> Listing) -> Result<(), SourceError> {
        let listed = self.runtime.block_on(async {
            match since {
                None => self.list_all(take).await,
                Some(since) => self.list_days(since, take).await,
            }
        });
        listed.map_err(|source| SourceError::Bucket { tried: "list", bucket: self.name.clone(), source })
    }

    /// Some objects, without those that are not there.
    pub(super) fn find(&self, keys: &[String]) -> Result<Vec<Found>, SourceError> {
        let failed = |source| SourceError::Bucket { tried: "look into", bucket: self.name.clone(), source };
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            // Keys that are no paths are found by listing alone.
            let Ok(path) = Path::parse(key) else { continue };
            match self.runtime.block_on(self.store.head(&path)) {
                Ok(object) => found.push(self.found(object)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(found)
    }

    async fn list_all(&self, take: &mut dyn FnMut(Found) -> Listing) -> object_store::Result<()> {
        let mut roots = vec![self.prefix.clone()];
        let mut is_first = true;
        while let Some(root) = roots.pop() {
            let mut objects = self.store.list(root.as_ref());
            let mut is_empty = true;
            while let Some(object) = objects.next().await {
                is_empty = false;
                if take(self.found(object?)) == Listing::Stop {
                    return Ok(());
                }
            }
            if is_empty && std::mem::take(&mut is_first) {
                roots = self.beginnings(take).await?;
            }
        }
        Ok(())
    }

    /// Folder by folder, without those of earlier days.
    async fn list_days(&self, since: Day, take: &mut dyn FnMut(Found) -> Listing) -> object_store::Result<()> {
        let mut waiting = vec![self.prefix.clone()];
        let mut is_first = true;
        while let Some(prefix) = waiting.pop() {
            let listed = self.store.list_with_delimiter(prefix.as_ref()).await?;
            if std::mem::take(&mut is_first) && listed.objects.is_empty() && listed.common_prefixes.is_empty() {
                waiting = self.beginnings(take).await?;
                continue;
            }
            for object in listed.objects {
                if take(self.found(object)) == Listing::Stop {
                    return Ok(());
                }
            }
            let wanted = listed.common_prefixes.into_iter().filter(|folder| {
                let is_digests = folder.filename() == Some(DIGEST_FOLDER);
                !is_digests && !since.is_after_all_of(folder.as_ref().rsplit('/'))
            });
            waiting.extend(wanted.map(Some));
        }
        Ok(())
    }

    /// Where the prefix names no folder: the objects whose keys begin with it, and the folders whose names do.
    async fn beginnings(&self, take: &mut dyn FnMut(Found) -> Listing) -> object_store::Result<Vec<Option<Path>>> {
        let Some(prefix) = &self.prefix else { return Ok(Vec::new()) };
        let above = prefix.as_ref().rsplit_once('/').map(|(above, _)| Path::parse(above)).transpose()?;
        let listed = self.store.list_with_delimiter(above.as_ref()).await?;
        let begins = |path: &Path| path.as_ref().starts_with(prefix.as_ref());
        for object in listed.objects.into_iter().filter(|object| begins(&object.location)) {
            if take(self.found(object)) == Listing::Stop {
                return Ok(Vec::new());
            }
        }
        Ok(listed.common_prefixes.into_iter().filter(begins).map(Some).collect())
    }

    fn found(&self, object: ObjectMeta) -> Found {
        if is_digest(object.location.as_ref()) {
            return Found::Digest;
        }
        let version = match object.e_tag {
            Some(tag) => format!("{ETAG_SCHEME}{tag}"),
            None => format!("modified:{}", object.last_modified.to_rfc3339()),
        };
        Found::File(FoundFile {
            key: FileKey::new(format!("s3://{}/{}", self.name, object.location)),
            locator: Locator::Object(object.location),
            size_bytes: object.size,
            version,
        })
    }

    /// Starts to fetch an object, as it was when it was listed.
    pub(super) fn read(&self, object: &Path, size_bytes: u64, version: &str) -> ObjectReader {
        let (sender, pieces) = mpsc::channel(WAITING_PIECES_MAX);
        let fetch = Fetch {
            store: self.patient_store.clone(),
            object: object.clone(),
            if_match: version.strip_prefix(ETAG_SCHEME).map(str::to_owned),
            size_bytes,
            sender,
            fetched_bytes: 0,
        };
        self.runtime.spawn(fetch.run());
        ObjectReader { pieces, current: bytes::Bytes::new() }
    }
}

/// An object on its way.
struct Fetch {
    store: AmazonS3,
    object: Path,
    if_match: Option<String>,
    /// As listed. What arrives must be as much, or a part is missing or came twice.
    size_bytes: u64,
    sender: mpsc::Sender<object_store::Result<bytes::Bytes>>,
    fetched_bytes: u64,
}

impl Fetch {
    /// Fetches to the end. Where the connection breaks or stalls, it goes on behind what has arrived.
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let fetched_before = self.fetched_bytes;
            let Err(error) = self.attempt().await else { return };
            failures = if self.fetched_bytes > fetched_before { 1 } else { failures + 1 };
            // Without its tag an object may be another one by now.
            let can_go_on = self.fetched_bytes == 0 || self.if_match.is_some() && self.fetched_bytes < self.size_bytes;
            if failures >= ATTEMPTS_MAX || !can_go_on || is_final(&error) {
                let _ = self.sender.send(Err(error)).await;
                return;
            }
            tokio::time::sleep(RETRY_PAUSE * failures).await;
        }
    }

    async fn attempt(&mut self) -> object_store::Result<()> {
        let range = (self.fetched_bytes > 0).then_some(GetRange::Offset(self.fetched_bytes));
        let options = GetOptions { if_match: self.if_match.clone(), range, ..GetOptions::default() };
        let mut pieces = unless_stalled(self.store.get_opts(&self.object, options)).await??.into_stream();
        while let Some(piece) = unless_stalled(pieces.next()).await? {
            let piece = piece?;
            self.fetched_bytes += piece.len() as u64;
            if self.sender.send(Ok(piece)).await.is_err() {
                // The reader gave up.
                return Ok(());
            }
        }
        if self.fetched_bytes != self.size_bytes {
            let text = format!("{} bytes arrived of an object of {}", self.fetched_bytes, self.size_bytes);
            return Err(object_store::Error::Generic { store: "S3", source: text.into() });
        }
        Ok(())
    }
}

async fn unless_stalled<T>(step: impl Future<Output = T>) -> object_store::Result<T> {
    let stalled = |source| object_store::Error::Generic { store: "S3", source: Box::new(source) };
    tokio::time::timeout(STALL_MAX, step).await.map_err(stalled)
}

/// Whether asking again is no use.
fn is_final(error: &object_store::Error) -> bool {
    use object_store::Error::{NotFound, PermissionDenied, Precondition, Unauthenticated};
    matches!(error, NotFound { .. } | PermissionDenied { .. } | Precondition { .. } | Unauthenticated { .. })
}

/// The bytes of an object, as they arrive.
pub(crate) struct ObjectReader {
    pieces: mpsc::Receiver<object_store::Result<bytes::Bytes>>,
    current: bytes::Bytes,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
