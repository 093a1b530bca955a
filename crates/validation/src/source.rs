//! Where files are.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use digest::Place;
use flate2::read::GzDecoder;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::{Attribute, ObjectStore, ObjectStoreExt};

/// Name of the metadata with the signature of a digest.
const SIGNATURE: &str = "signature";
/// Files of a folder that are listed at most: ten years of a busy trail.
const FOLDER_FILES_MAX: usize = 20_000_000;

/// A file as it was found.
#[derive(Debug, Clone)]
pub struct FoundFile {
    /// Its bytes.
    pub packed: Vec<u8>,
    /// The signature in its metadata.
    pub signature: Option<String>,
}

/// Files cannot be listed or read; nothing can be said of them then.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A bucket.
    #[error("cannot {tried} s3://{bucket}/{key}")]
    Bucket {
        /// What was tried.
        tried: &'static str,
        /// Bucket.
        bucket: String,
        /// Key or prefix.
        key: String,
        /// Why it failed.
        source: Box<object_store::Error>,
    },
    /// A folder.
    #[error("cannot read {path}")]
    Folder {
        /// Path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// There are more files than can be.
    #[error("{path} has more than {FOLDER_FILES_MAX} files")]
    TooMany {
        /// Path.
        path: PathBuf,
    },
    /// A folder without a digest: nobody can say which bucket it is of.
    #[error("{path} has no digest file in it: expected a folder with AWSLogs/… as it was downloaded from the bucket")]
    NoDigests {
        /// Path.
        path: PathBuf,
    },
}

/// Lists and reads files.
#[async_trait]
pub trait FileSource: Send + Sync + 'static {
    /// The bucket that was asked for.
    fn bucket(&self) -> &str;

    /// All keys of the bucket that begin with this and a slash, or all if it is empty; in any order.
    ///
    /// # Errors
    /// See [`SourceError`].
    async fn keys(&self, prefix: &str) -> Result<Vec<String>, SourceError>;

    /// A file, of this bucket or another; `None` when it is not there.
    ///
    /// # Errors
    /// See [`SourceError`].
    async fn read(&self, place: &Place) -> Result<Option<FoundFile>, SourceError>;
}

/// A bucket of AWS or anything that speaks its protocol.
pub struct BucketSource {
    bucket: String,
    builder: AmazonS3Builder,
    /// Clients of buckets that were asked.
    stores: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
}

impl std::fmt::Debug for BucketSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BucketSource").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl BucketSource {
    /// A bucket, reached as `builder` says: endpoint, region and credentials.
    pub fn new(bucket: &str, builder: AmazonS3Builder) -> Self {
        Self { bucket: bucket.to_owned(), builder, stores: Mutex::default() }
    }

    fn store(&self, bucket: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = stores.get(bucket) {
            return Ok(Arc::clone(known));
        }
        let store: Arc<dyn ObjectStore> = Arc::new(self.builder.clone().with_bucket_name(bucket).build()?);
        stores.insert(bucket.to_owned(), Arc::clone(&store));
        Ok(store)
    }
}

#[async_trait]
impl FileSource for BucketSource {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, SourceError> {
        let failed = |source: object_store::Error| SourceError::Bucket {
            tried: "list",
            bucket: self.bucket.clone(),
            key: prefix.to_owned(),
            source: Box::new(source),
        };
        let store = self.store(&self.bucket).map_err(failed)?;
        let path = object_store::path::Path::parse(prefix).map_err(|error| failed(error.into()))?;
        let listed = store.list((!prefix.is_empty()).then_some(&path));
        listed.map_ok(|object| object.location.to_string()).try_collect().await.map_err(failed)
    }

    async fn read(&self, place: &Place) -> Result<Option<FoundFile>, SourceError> {
        let failed = |source: object_store::Error| SourceError::Bucket {
            tried: "read",
            bucket: place.bucket.clone(),
            key: place.key.clone(),
            source: Box::new(source),
        };
        let store = self.store(&place.bucket).map_err(failed)?;
        let path = object_store::path::Path::parse(&place.key).map_err(|error| failed(error.into()))?;
        let object = match store.get(&path).await {
            Ok(object) => object,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let signature = object.attributes.get(&Attribute::Metadata(SIGNATURE.into())).map(|text| text.to_string());
        let packed = object.bytes().await.map_err(failed)?.to_vec();
        Ok(Some(FoundFile { packed, signature }))
    }
}

/// A folder that was downloaded, such as by `aws s3 sync`. Signatures are not in it, but each digest repeats that of the
/// one before; that of the newest can be put beside it, in a file with `.signature` behind its name.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    bucket: String,
    /// What the keys of the bucket have before the paths of the folder.
    before: String,
    files: Vec<String>,
}

impl FolderSource {
    /// Lists a folder, and reads one of its digests to know which bucket it is of. Blocks.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub fn open(root: &Path) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        let mut waiting = vec![root.to_owned()];
        while let Some(folder) = waiting.pop() {
            let failed = |source| SourceError::Folder { path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let path = entry.path();
                // A link is not followed: it could lead out of the folder, or in a circle.
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    waiting.push(path);
                } else if kind.is_file()
                    && let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str)
                {
                    files.push(path.to_owned());
                }
                if files.len() > FOLDER_FILES_MAX {
                    return Err(SourceError::TooMany { path: root.to_owned() });
                }
            }
        }
        files.sort();
        let is_digest = |path: &&String| path.contains("CloudTrail-Digest/") && path.ends_with(".json.gz");
        let origin = files.iter().rev().filter(is_digest).find_map(|path| origin_of(root, path));
        let Some((bucket, before)) = origin else { return Err(SourceError::NoDigests { path: root.to_owned() }) };
        Ok(Self { root: root.to_owned(), bucket, before, files })
    }

    fn path_of(&self, place: &Place) -> Option<PathBuf> {
        let path = place.key.strip_prefix(&self.before).filter(|_| place.bucket == self.bucket)?;
        // Keys come from digests, which may be forged: none leads out of the folder.
        let is_inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        is_inside.then(|| self.root.join(path))
    }
}

/// Bucket, and the part of its keys that paths lack, as the digest at a path says.
fn origin_of(root: &Path, path: &str) -> Option<(String, String)> {
    /// Enough for any digest.
    const BYTES_MAX: u64 = 64 * 1024 * 1024;
    let file = std::fs::File::open(root.join(path)).ok()?;
    let mut text = Vec::new();
    GzDecoder::new(file).take(BYTES_MAX).read_to_end(&mut text).ok()?;
    let digest: digest::Digest = serde_json::from_slice(&text).ok()?;
    let before = digest.digest_s3_object.strip_suffix(path)?;
    (before.is_empty() || before.ends_with('/')).then(|| (digest.digest_s3_bucket.clone(), before.to_owned()))
}

#[async_trait]
impl FileSource for FolderSource {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, SourceError> {
        let folder = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_end_matches('/')) };
        let keys = self.files.iter().map(|path| format!("{}{path}", self.before));
        Ok(keys.filter(|key| key.starts_with(&folder)).collect())
    }

    async fn read(&self, place: &Place) -> Result<Option<FoundFile>, SourceError> {
        let Some(path) = self.path_of(place) else { return Ok(None) };
        let read = |path: &Path| match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SourceError::Folder { path: path.to_owned(), source }),
        };
        let Some(packed) = read(&path)? else { return Ok(None) };
        let mut beside = path.into_os_string();
        beside.push(".signature");
        let signature = if place.key.contains("/CloudTrail-Digest/") { read(Path::new(&beside))? } else { None };
        let signature = signature.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
        Ok(Some(FoundFile { packed, signature }))
    }
}
