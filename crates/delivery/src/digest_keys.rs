//! What digests are signed with: in a file that its owner alone reads, or encrypted in a database.

mod key_file;
mod key_table;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest::key_wrap::WRAPPING_KEY_BYTES;
use digest::keys::fingerprint;
use digest::{KeyError, SigningKey};
use metadata::{Metadata, MetadataError};
use model::{EventTime, Region};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::key_file::KeyFile;
use self::key_table::KeyTable;

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
    /// The database.
    #[error("the database of digest keys cannot be used")]
    Database(#[from] sqlx::Error),
    /// It cannot be opened.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
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
    /// PKCS#8, in base 64; `None` when it cannot be decrypted any more.
    private_key: Option<String>,
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
    home: Home,
    keys: Mutex<Vec<KeptKey>>,
}

#[derive(Debug)]
enum Home {
    File(KeyFile),
    Table(KeyTable),
}

impl DigestKeys {
    /// Reads the file in a data folder, if it is there.
    ///
    /// # Errors
    /// See [`DigestKeysError`].
    pub fn open(data_dir: &Path) -> Result<Self, DigestKeysError> {
        let file = KeyFile::in_folder(data_dir);
        Ok(Self { keys: Mutex::new(file.read()?), home: Home::File(file) })
    }

    /// Reads the keys in the metadata database, where private ones are encrypted with a key that is elsewhere.
    ///
    /// # Errors
    /// See [`DigestKeysError`].
    pub async fn open_encrypted(
        metadata: &Metadata,
        wrapping_key: [u8; WRAPPING_KEY_BYTES],
    ) -> Result<Self, DigestKeysError> {
        let table = KeyTable::open(metadata, wrapping_key).await?;
        Ok(Self { keys: Mutex::new(table.read().await?), home: Home::Table(table) })
    }

    /// The key that a region's digests are signed with now. A new one is durable before it is given out.
    pub(crate) async fn signer(&self, region: &Region, now: EventTime) -> Result<Arc<SigningKey>, DigestKeysError> {
        let mut keys = self.keys.lock().await;
        let is_in_use = |key: &&KeptKey| {
            key.region == *region
                && key.start <= now
                && now.as_seconds() < key.end.as_seconds().saturating_sub(OVERLAP_SECONDS)
        };
        let in_use = keys.iter().rev().filter(is_in_use).find_map(|key| key.private_key.as_ref());
        if let Some(private_key) = in_use {
            let der = STANDARD.decode(private_key).map_err(|_| KeyError::Read)?;
            return Ok(Arc::new(SigningKey::from_pkcs8(&der)?));
        }
        let made = tokio::task::spawn_blocking(SigningKey::generate).await.map_err(|_| KeyError::Make)??;
        let start = EventTime::from_seconds(now.as_seconds());
        let kept = KeptKey {
            region: region.clone(),
            public_key: STANDARD.encode(made.public_key()),
            private_key: Some(STANDARD.encode(made.to_pkcs8()?)),
            start,
            end: EventTime::from_seconds(start.as_seconds() + VALIDITY_SECONDS),
        };
        match &self.home {
            Home::File(file) => {
                let mut with_it = keys.clone();
                with_it.push(kept);
                file.write(&with_it)?;
                *keys = with_it;
            }
            Home::Table(table) => {
                table.insert(&made, &kept).await?;
                keys.push(kept);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::key_file::FILE_NAME;
    use super::*;

    #[tokio::test]
    async fn keys_in_a_database_can_be_read_with_their_wrapping_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = Metadata::in_folder(folder.path());
        let (region, now) = (Region::parse("eu-west-1").unwrap(), EventTime::from_seconds(1_700_000_000));
        let open =
            async |wrapping| DigestKeys::open_encrypted(&metadata, [wrapping; WRAPPING_KEY_BYTES]).await.unwrap();
        let first = open(1).await.signer(&region, now).await.unwrap();
        let private = first.to_pkcs8().unwrap();
        assert_eq!(open(1).await.signer(&region, now).await.unwrap().fingerprint(), first.fingerprint());
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(32).any(|part| part == &private[private.len() - 32..]), "the key is encrypted");
        }
        // The wrapping key was lost: a new key signs, and digests of before can still be checked.
        let keys = open(2).await;
        let second = keys.signer(&region, now).await.unwrap();
        let known = keys.public_keys(&region, now, now).await;
        assert_eq!(
            known.iter().map(|key| &*key.fingerprint).collect::<Vec<_>>(),
            [first.fingerprint(), second.fingerprint()]
        );
    }

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
