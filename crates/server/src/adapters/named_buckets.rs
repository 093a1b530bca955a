//! Buckets that the settings name: folders, and buckets of S3, Google Cloud Storage and Azure.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Component, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use control::DestinationProblem;
use delivery::{PutError, PutObject};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutOptions, PutPayload, RetryConfig,
};

use url::Url;

use crate::adapters::upstream_service::code_of;

/// Name of the metadata of a digest that a folder keeps, in a file with this behind the digest's name.
const SIGNATURE: &str = "signature";
/// What is written and removed to see whether a bucket takes files.
const TEST_OBJECT: &str = "AWSLogs/write-test";

/// A bucket that the settings name.
#[derive(Clone)]
pub(crate) enum NamedBucket {
    /// A folder: each object is a file, durable before it is reported as written.
    Folder(PathBuf),
    /// A bucket elsewhere.
    Store {
        /// Its client.
        store: Arc<dyn ObjectStore>,
        /// What makes clients that encrypt with a key of KMS, where it is a bucket of S3.
        encrypting: Option<Box<AmazonS3Builder>>,
        /// What the keys begin with.
        prefix: Path,
        /// How it names metadata.
        names: MetadataNames,
    },
}

/// How a service wants metadata to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetadataNames {
    /// As they are.
    AsGiven,
    /// As identifiers of a programming language, so that a hyphen is none: Azure refuses others.
    Identifiers,
}

impl MetadataNames {
    fn name(self, name: &'static str) -> Cow<'static, str> {
        match self {
            Self::AsGiven => Cow::Borrowed(name),
            Self::Identifiers => Cow::Owned(name.replace('-', "_")),
        }
    }
}

impl NamedBucket {
    /// Opens the bucket of a URL: `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
    /// Credentials and endpoints come from the variables that the tools of these services have.
    ///
    /// # Errors
    /// The URL is of no known kind, or something that the kind needs is missing.
    pub(crate) fn open(url: &str) -> anyhow::Result<Self> {
        let parsed = url
            .parse::<Url>()
            .with_context(|| format!("'{url}' is no URL such as file:///var/audit or gs://bucket"))?;
        if let Some(folder) = url.strip_prefix("file://") {
            let folder = PathBuf::from(folder);
            if !folder.is_absolute() {
                bail!("'{url}': the folder must be absolute, such as file:///var/audit");
            }
            return Ok(Self::Folder(folder));
        }
        open_store(&parsed).with_context(|| format!("open the bucket of '{url}'"))
    }

    /// Writes an object.
    pub(crate) async fn put(&self, object: PutObject) -> Result<(), PutError> {
        match self {
            Self::Folder(_) if object.kms_key_id.is_some() => Err(cannot_encrypt()),
            Self::Folder(root) => {
                let root = root.clone();
                let written = tokio::task::spawn_blocking(move || write_files(&root, &object)).await;
                let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                written.map_err(|error| PutError { code: folder_code(&error).to_owned(), message: error.to_string() })
            }
            Self::Store { store, encrypting, prefix, names } => match (&object.kms_key_id, encrypting) {
                (None, _) => put_object(&**store, prefix, *names, object).await,
                (Some(key), Some(builder)) => {
                    let store = builder.as_ref().clone().with_sse_kms_encryption(key).build();
                    put_object(&store.map_err(|error| put_error(&error))?, prefix, *names, object).await
                }
                (Some(_), None) => Err(cannot_encrypt()),
            },
        }
    }

    /// Whether files are encrypted with keys of KMS where that is asked for.
    pub(crate) fn can_encrypt(&self) -> bool {
        matches!(self, Self::Store { encrypting: Some(_), .. })
    }

    /// Writes a test object and removes it.
    pub(crate) async fn check(&self) -> Result<(), DestinationProblem> {
        match self {
            Self::Folder(root) => {
                let path = root.join(TEST_OBJECT);
                let checked = tokio::task::spawn_blocking(move || {
                    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                    std::fs::write(&path, b"")?;
                    std::fs::remove_file(&path)
                });
                let checked = checked.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                checked.map_err(|error| match error.kind() {
                    std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                        DestinationProblem::Refused
                    }
                    _ => DestinationProblem::Unavailable(error.into()),
                })
            }
            Self::Store { store, prefix, .. } => {
                let key = key_of(prefix, TEST_OBJECT).map_err(|error| DestinationProblem::Unavailable(error.into()))?;
                match store.put(&key, PutPayload::new()).await {
                    Ok(_) => {}
                    Err(object_store::Error::NotFound { .. }) => return Err(DestinationProblem::NoSuchBucket),
                    Err(object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) => {
                        return Err(DestinationProblem::Refused);
                    }
                    Err(error) => return Err(DestinationProblem::Unavailable(error.into())),
                }
                if let Err(error) = store.delete(&key).await {
                    tracing::debug!(%error, %key, "the test object stays");
                }
                Ok(())
            }
        }
    }
}

/// A file that is to be encrypted is never stored in the clear.
fn cannot_encrypt() -> PutError {
    let message = "this bucket does not encrypt with keys of KMS".to_owned();
    PutError { code: "NotImplemented".to_owned(), message }
}

/// A client of a service in the making, with what the variables of the service's own tools say. What the service does not
/// know is no setting of its.
macro_rules! builder {
    ($builder:ty, $url:expr) => {
        std::env::vars()
            .fold(<$builder>::new().with_url($url.as_str()), |builder, (name, value)| {
                match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                }
            })
            .with_retry(no_retries())
    };
}

/// A client of a bucket of S3 in the making.
pub(crate) fn s3_builder(url: &Url) -> AmazonS3Builder {
    builder!(AmazonS3Builder, url)
}

/// Opens a bucket elsewhere, with what the variables of its service's own tools say.
fn open_store(url: &Url) -> object_store::Result<NamedBucket> {
    let (scheme, prefix) = ObjectStoreScheme::parse(url)?;
    let mut encrypting = None;
    let names = match scheme {
        ObjectStoreScheme::MicrosoftAzure => MetadataNames::Identifiers,
        _ => MetadataNames::AsGiven,
    };
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = s3_builder(url);
            encrypting = Some(Box::new(builder.clone()));
            Arc::new(builder.build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => Arc::new(builder!(GoogleCloudStorageBuilder, url).build()?),
        ObjectStoreScheme::MicrosoftAzure => Arc::new(builder!(MicrosoftAzureBuilder, url).build()?),
        _ => Arc::from(object_store::parse_url(url)?.0),
    };
    Ok(NamedBucket::Store { store, encrypting, prefix, names })
}

/// A request is tried once: the delivery tries again by itself, and until then its status tells what is wrong.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn folder_code(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => "AccessDenied",
        std::io::ErrorKind::NotFound => "NoSuchBucket",
        _ => "ServiceUnavailable",
    }
}

/// The object and, of a digest, its signature, which is first: no digest is ever there without it.
fn write_files(root: &std::path::Path, object: &PutObject) -> std::io::Result<()> {
    let inside = std::path::Path::new(&object.key);
    if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(std::io::Error::other(format!("the key {} leads out of the folder", object.key)));
    }
    let path = root.join(inside);
    if let Some((_, signature)) = object.metadata.iter().find(|(name, _)| *name == SIGNATURE) {
        let mut beside = path.clone().into_os_string();
        beside.push(".");
        beside.push(SIGNATURE);
        write_file(root, &PathBuf::from(beside), signature.as_bytes())?;
    }
    write_file(root, &path, &object.content)
}

/// Writes a file whole and durable, over one that is there.
fn write_file(root: &std::path::Path, path: &std::path::Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes an object with what CloudTrail says of it.
pub(crate) async fn put_object(
    store: &dyn ObjectStore,
    prefix: &Path,
    names: MetadataNames,
    object: PutObject,
) -> Result<(), PutError> {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, "application/json".into());
    attributes.insert(Attribute::ContentEncoding, "gzip".into());
    for (name, value) in object.metadata {
        attributes.insert(Attribute::Metadata(names.name(name)), value.into());
    }
    let key = key_of(prefix, &object.key)
        .map_err(|error| PutError { code: "InvalidURI".to_owned(), message: error.to_string() })?;
    let options = PutOptions { attributes, ..PutOptions::default() };
    let written = store.put_opts(&key, PutPayload::from(object.content), options).await;
    written.map(|_| ()).map_err(|error| put_error(&error))
}

/// A key behind what all keys begin with.
fn key_of(prefix: &Path, key: &str) -> Result<Path, object_store::path::Error> {
    Path::parse(format!("{prefix}/{key}").trim_start_matches('/'))
}

/// S3's code for what an object store said.
pub(crate) fn put_error(error: &object_store::Error) -> PutError {
    let text = error.to_string();
    let code = match error {
        object_store::Error::NotFound { .. } => "NoSuchBucket",
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => "AccessDenied",
        _ if has_timed_out(error) => PutError::TIMED_OUT,
        _ => code_of(&text).unwrap_or("ServiceUnavailable"),
    };
    PutError { code: code.to_owned(), message: text }
}

fn has_timed_out(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return error.kind() == HttpErrorKind::Timeout;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::AccountId;

    use super::*;

    fn object(key: &str, content: &'static [u8]) -> PutObject {
        PutObject {
            account: AccountId::parse("111122223333").unwrap(),
            bucket: "b".to_owned(),
            key: key.to_owned(),
            content: Bytes::from_static(content),
            metadata: vec![("signature", "abc".to_owned())],
            kms_key_id: None,
        }
    }

    #[tokio::test]
    async fn a_folder_has_objects_and_signatures_as_files() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = NamedBucket::open(&format!("file://{}/audit", folder.path().display())).unwrap();
        bucket.check().await.unwrap();
        for content in [&b"one"[..], b"two"] {
            bucket.put(object("AWSLogs/x/y.json.gz", content)).await.unwrap();
        }
        let read = |name: &str| std::fs::read(folder.path().join("audit/AWSLogs/x").join(name)).unwrap();
        assert_eq!((read("y.json.gz"), read("y.json.gz.signature")), (b"two".to_vec(), b"abc".to_vec()));
        assert!(bucket.put(object("../out", b"")).await.is_err());
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn urls_are_checked() {
        for url in ["audit", "file://audit", "ftp://host/x"] {
            assert!(NamedBucket::open(url).is_err(), "{url}");
        }
    }
}
