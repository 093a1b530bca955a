//! What digests are signed with, kept in a file that its owner alone reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest::keys::fingerprint;
use digest::{KeyError, SigningKey};
use model::{EventTime, Region};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// Name of the file in the data folder.
const FILE_NAME: &str = "digest-keys.json";
/// How long digests may be signed with a key, seconds. Source: validity of the keys in CloudTrail's documentation.
const VALIDITY_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long before its end a key is no longer used, seconds.
const OVERLAP_SECONDS: i64 = 24 * 60 * 60;

/// Why keys cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum DigestKeysError {
    /// The file.
    #[error("the file of digest keys {path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("the file of digest keys {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A key as it is kept. Old ones stay for ever: their digests must be checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptKey {
    region: Region,
    /// DER of the RSAPublicKey, in base 64.
    public_key: String,
    /// PKCS#8, in base 64.
    private_key: String,
    start: EventTime,
    end: EventTime,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicDigestKey {
    /// DER of the RSAPublicKey of PKCS#1.
    pub value: Vec<u8>,
    /// First moment of its validity.
    pub start: EventTime,
    /// Last moment.
    pub end: EventTime,
    /// Name.
    pub fingerprint: String,
}

/// The keys of an installation, some for each region.
#[derive(Debug)]
pub struct DigestKeys {
    path: PathBuf,
    keys: Mutex<Vec<KeptKey>>,
}

impl DigestKeys {
    /// Reads the file in a data folder, if it is there.
    ///
    /// # Errors
    /// See [`DigestKeysError`].
    pub fn open(data_dir: &Path) -> Result<Self, DigestKeysError> {
        let path = data_dir.join(FILE_NAME);
        let keys = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|source| DigestKeysError::Damaged { path: path.clone(), source })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(DigestKeysError::File { path, source }),
        };
        Ok(Self { path, keys: Mutex::new(keys) })
    }

    /// The key that a region's digests are signed with now. A new one is on disk before it is given out.
    pub(crate) async fn signer(&self, region: &Region, now: EventTime) -> Result<Arc<SigningKey>, DigestKeysError> {
        let mut keys = self.keys.lock().await;
        let is_in_use = |key: &&KeptKey| {
            key.region == *region
                && key.start <= now
                && now.as_seconds() < key.end.as_seconds().saturating_sub(OVERLAP_SECONDS)
        };
        if let Some(known) = keys.iter().rev().find(is_in_use) {
            let der = STANDARD.decode(&known.private_key).map_err(|_| KeyError::Read)?;
            return Ok(Arc::new(SigningKey::from_pkcs8(&der)?));
        }
        let made = tokio::task::spawn_blocking(SigningKey::generate).await.map_err(|_| KeyError::Make)??;
        let start = EventTime::from_seconds(now.as_seconds());
        let kept = KeptKey {
            region: region.clone(),
            public_key: STANDARD.encode(made.public_key()),
            private_key: STANDARD.encode(made.to_pkcs8()?),
            start,
            end: EventTime::from_seconds(start.as_seconds() + VALIDITY_SECONDS),
        };
        let mut with_it = keys.clone();
        with_it.push(kept);
        write(&self.path, &with_it)?;
        *keys = with_it;
        Ok(Arc::new(made))
    }

    /// Public keys of a region that are valid at any time of a range, both ends inclusive.
    pub async fn public_keys(&self, region: &Region, start: EventTime, end: EventTime) -> Vec<PublicDigestKey> {
        let keys = self.keys.lock().await;
        let found = keys.iter().filter(|key| key.region == *region && key.start <= end && key.end >= start);
        found
            .filter_map(|key| {
                let value = STANDARD.decode(&key.public_key).ok()?;
                let fingerprint = fingerprint(&value);
                Some(PublicDigestKey { value, start: key.start, end: key.end, fingerprint })
            })
            .collect()
    }
}

/// Puts a new file in the place of the old one, in one step.
fn write(path: &Path, keys: &[KeptKey]) -> Result<(), DigestKeysError> {
    let failed = |source| DigestKeysError::File { path: path.to_owned(), source };
    let text = serde_json::to_vec(keys).map_err(|error| failed(io::Error::other(error)))?;
    let temporary = path.with_extension("json.new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn keys_are_kept_and_follow_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let region = Region::parse("eu-west-1").unwrap();
        let at = |day: i64| EventTime::from_seconds(1_700_000_000 + day * 86_400);
        let keys = DigestKeys::open(folder.path()).unwrap();
        let first = keys.signer(&region, at(0)).await.unwrap().fingerprint();
        assert_eq!(keys.signer(&region, at(28)).await.unwrap().fingerprint(), first);
        let second = keys.signer(&region, at(29)).await.unwrap().fingerprint();
        assert_ne!(first, second);
        assert_ne!(keys.signer(&Region::parse("us-east-1").unwrap(), at(29)).await.unwrap().fingerprint(), second);
        let mode = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(keys);

        let keys = DigestKeys::open(folder.path()).unwrap();
        let names = async |start, end| {
            let found = keys.public_keys(&region, at(start), at(end)).await;
            found.into_iter().map(|key| key.fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(names(0, 1).await, std::slice::from_ref(&first));
        assert_eq!(names(29, 29).await, [first, second.clone()]);
        assert_eq!(names(40, 400).await, [second]);
        assert!(names(-9, -1).await.is_empty());
    }
}
