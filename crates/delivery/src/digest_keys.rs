//! What digests are signed with: in a file that its owner alone reads, or encrypted in a database; in both, encrypted by
//! a key management service where there is one.

mod key_file;
mod key_table;
mod rotation;
mod vault;

use std::collections::HashMap;
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
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::key_file::KeyFile;
use self::key_table::KeyTable;
use self::rotation::Rotation;
pub use self::rotation::rotate;
pub use self::vault::{KeyVault, VaultError};
use self::vault::{is_kept_by, kept_text, private_key};

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
    /// The key management service.
    #[error("the key management service does not encrypt or decrypt the keys of digests")]
    Vault(#[source] VaultError),
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
    /// PKCS#8, in base 64 or encrypted, see [`vault`]; `None` when it cannot be decrypted any more.
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
pub struct DigestKeys {
    home: Home,
    vault: Option<Arc<dyn KeyVault>>,
    /// Asked which keys are to be used no longer.
    rotation: Rotation,
    keys: RwLock<Keys>,
    /// Held while a key is made or decrypted, so that there is one of each; whoever only reads public keys waits for nobody.
    making: Mutex<()>,
}

impl std::fmt::Debug for DigestKeys {
    /// Without the keys.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DigestKeys").field("home", &self.home).finish_non_exhaustive()
    }
}

struct Keys {
    kept: Vec<KeptKey>,
    /// Those that were used, by their public keys: a key management service is not asked for each digest.
    ready: HashMap<String, Arc<SigningKey>>,
}

impl Keys {
    fn new(kept: Vec<KeptKey>) -> RwLock<Self> {
        RwLock::new(Self { kept, ready: HashMap::new() })
    }
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
        let keys = Keys::new(file.read()?);
        Ok(Self::new(Home::File(file), keys, data_dir))
    }

    /// Reads the keys in the metadata database, where private ones are encrypted with a key that is elsewhere. What an
    /// operator wants of them ([`rotate`]) is in the data folder all the same.
    ///
    /// # Errors
    /// See [`DigestKeysError`].
    pub async fn open_encrypted(
        metadata: &Metadata,
        wrapping_key: [u8; WRAPPING_KEY_BYTES],
        data_dir: &Path,
    ) -> Result<Self, DigestKeysError> {
        let table = KeyTable::open(metadata, wrapping_key).await?;
        let keys = Keys::new(table.read().await?);
        Ok(Self::new(Home::Table(table), keys, data_dir))
    }

    fn new(home: Home, keys: RwLock<Keys>, data_dir: &Path) -> Self {
        Self { home, vault: None, rotation: Rotation::in_folder(data_dir), keys, making: Mutex::new(()) }
    }

    /// Keys that a key management service encrypts beside whatever encrypts them already. From then on nothing is signed
    /// with those that were kept without it; their public halves stay.
    #[must_use]
    pub fn in_vault(self, vault: Arc<dyn KeyVault>) -> Self {
        Self { vault: Some(vault), ..self }
    }

    /// The key that a region's digests are signed with now. A new one is durable before it is given out.
    pub(crate) async fn signer(&self, region: &Region, now: EventTime) -> Result<Arc<SigningKey>, DigestKeysError> {
        let _making = self.making.lock().await;
        let vault = self.vault.as_deref();
        let rotated = self.rotation.read()?;
        let is_in_use = |key: &&KeptKey| {
            key.region == *region
                && rotated.is_none_or(|rotated| key.start >= rotated)
                && key.start <= now
                && now.as_seconds() < key.end.as_seconds().saturating_sub(OVERLAP_SECONDS)
        };
        let with_text = |key: &KeptKey| {
            let text = key.private_key.as_ref().filter(|text| is_kept_by(vault, text))?;
            Some((key.public_key.clone(), text.clone()))
        };
        let in_use = self.keys.read().kept.iter().rev().filter(is_in_use).find_map(with_text);
        if let Some((public_key, text)) = in_use {
            if let Some(ready) = self.keys.read().ready.get(&public_key) {
                return Ok(Arc::clone(ready));
            }
            let der = STANDARD.decode(&public_key).map_err(|_| KeyError::Read)?;
            let der = private_key(vault, &text, &fingerprint(&der)).await?;
            let ready = Arc::new(SigningKey::from_pkcs8(&der)?);
            self.keys.write().ready.insert(public_key, Arc::clone(&ready));
            return Ok(ready);
        }
        let made = tokio::task::spawn_blocking(SigningKey::generate).await.map_err(|_| KeyError::Make)??;
        let start = EventTime::from_seconds(now.as_seconds());
        let kept = KeptKey {
            region: region.clone(),
            public_key: STANDARD.encode(made.public_key()),
            private_key: Some(kept_text(vault, &made.to_pkcs8()?, &made.fingerprint()).await?),
            start,
            end: EventTime::from_seconds(start.as_seconds() + VALIDITY_SECONDS),
        };
        match &self.home {
            Home::File(file) => {
                let mut with_it = self.keys.read().kept.clone();
                with_it.push(kept);
                file.write(&with_it)?;
                self.keys.write().kept = with_it;
            }
            Home::Table(table) => {
                table.insert(&kept).await?;
                self.keys.write().kept.push(kept);
            }
        }
        let made = Arc::new(made);
        self.keys.write().ready.insert(STANDARD.encode(made.public_key()), Arc::clone(&made));
        Ok(made)
    }

    /// Public keys of a region that are valid at any time of a range, both ends inclusive.
    pub fn public_keys(&self, region: &Region, start: EventTime, end: EventTime) -> Vec<PublicDigestKey> {
        let keys = self.keys.read();
        let found = keys.kept.iter().filter(|key| key.region == *region && key.start <= end && key.end >= start);
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
        let open = async |wrapping| {
            DigestKeys::open_encrypted(&metadata, [wrapping; WRAPPING_KEY_BYTES], folder.path()).await.unwrap()
        };
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
        let known = keys.public_keys(&region, now, now);
        assert_eq!(
            known.iter().map(|key| &*key.fingerprint).collect::<Vec<_>>(),
            [first.fingerprint(), second.fingerprint()]
        );
    }

    /// Encrypts by turning all bits; refuses when it is told to, and another public key.
    struct Turning {
        name: &'static str,
        is_gone: std::sync::atomic::AtomicBool,
        opened: std::sync::atomic::AtomicU32,
    }

    impl Turning {
        fn new(name: &'static str) -> Arc<Self> {
            Arc::new(Self { name, is_gone: false.into(), opened: 0.into() })
        }

        fn answer(&self, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
            match self.is_gone.load(std::sync::atomic::Ordering::Relaxed) {
                true => Err("gone".into()),
                false => Ok(bytes.iter().map(|byte| !byte).collect()),
            }
        }
    }

    #[async_trait::async_trait]
    impl KeyVault for Turning {
        fn key_name(&self) -> &str {
            self.name
        }

        async fn seal(&self, private_key: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError> {
            self.answer(&[fingerprint.as_bytes(), private_key].concat())
        }

        async fn open(&self, sealed: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError> {
            self.opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let opened = self.answer(sealed)?;
            Ok(opened.strip_prefix(fingerprint.as_bytes()).ok_or("another key")?.to_vec())
        }
    }

    async fn check_vault(open: impl AsyncFn() -> DigestKeys, folder: &Path) {
        let (region, now) = (Region::parse("eu-west-1").unwrap(), EventTime::from_seconds(1_700_000_000));
        let clear = open().await.signer(&region, now).await.unwrap();
        let vault = Turning::new("key-1");
        let sealed = open().await.in_vault(Arc::clone(&vault) as Arc<dyn KeyVault>);
        let first = sealed.signer(&region, now).await.unwrap();
        assert_ne!(first.fingerprint(), clear.fingerprint(), "a key that was in the clear signs no more");
        let private = first.to_pkcs8().unwrap();
        let text = STANDARD.encode(&private);
        for entry in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let has = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
            assert!(!has(&private[private.len() - 32..]) && !has(&text.as_bytes()[text.len() - 40..]), "encrypted");
        }
        let again = open().await.in_vault(Arc::clone(&vault) as Arc<dyn KeyVault>);
        for _ in 0..3 {
            assert_eq!(again.signer(&region, now).await.unwrap().fingerprint(), first.fingerprint());
        }
        assert_eq!(vault.opened.load(std::sync::atomic::Ordering::Relaxed), 1, "it is asked once");
        // No other key takes its place while the service is away.
        vault.is_gone.store(true, std::sync::atomic::Ordering::Relaxed);
        let away = open().await.in_vault(Arc::clone(&vault) as Arc<dyn KeyVault>);
        assert!(matches!(away.signer(&region, now).await, Err(DigestKeysError::Vault(_))));
        assert_eq!(away.public_keys(&region, now, now).len(), 2);
        let other = open().await.in_vault(Turning::new("key-2"));
        assert_ne!(other.signer(&region, now).await.unwrap().fingerprint(), first.fingerprint());
        assert_eq!(other.public_keys(&region, now, now).len(), 3, "digests of before can be checked");
    }

    #[tokio::test]
    async fn a_vault_reads_what_it_encrypted_and_nobody_else_does() {
        let folder = tempfile::tempdir().unwrap();
        check_vault(async || DigestKeys::open(folder.path()).unwrap(), folder.path()).await;
        let folder = tempfile::tempdir().unwrap();
        let metadata = Metadata::in_folder(folder.path());
        let open =
            async || DigestKeys::open_encrypted(&metadata, [1; WRAPPING_KEY_BYTES], folder.path()).await.unwrap();
        check_vault(open, folder.path()).await;
    }

    async fn check_rotation(open: impl AsyncFn() -> DigestKeys, folder: &Path) {
        let (region, at) =
            (Region::parse("eu-west-1").unwrap(), |second: i64| EventTime::from_seconds(1_700_000_000 + second));
        let keys = open().await;
        let old = keys.signer(&region, at(0)).await.unwrap().fingerprint();
        rotate(folder, at(10)).unwrap();
        let new = keys.signer(&region, at(10)).await.unwrap().fingerprint();
        assert_ne!(new, old);
        for keys in [keys, open().await] {
            assert_eq!(keys.signer(&region, at(11)).await.unwrap().fingerprint(), new, "once is enough");
            let known: Vec<_> =
                keys.public_keys(&region, at(0), at(20)).into_iter().map(|key| key.fingerprint).collect();
            assert_eq!(known, [old.clone(), new.clone()]);
        }
        rotate(folder, at(20)).unwrap();
        assert_ne!(open().await.signer(&region, at(25)).await.unwrap().fingerprint(), new);
        std::fs::write(folder.join("digest-keys-rotated"), "soon").unwrap();
        assert!(open().await.signer(&region, at(26)).await.is_err(), "what cannot be read may forbid the key");
    }

    #[tokio::test]
    async fn an_operator_can_have_new_keys_at_once() {
        let folder = tempfile::tempdir().unwrap();
        check_rotation(async || DigestKeys::open(folder.path()).unwrap(), folder.path()).await;
        let folder = tempfile::tempdir().unwrap();
        let metadata = Metadata::in_folder(folder.path());
        let open =
            async || DigestKeys::open_encrypted(&metadata, [1; WRAPPING_KEY_BYTES], folder.path()).await.unwrap();
        check_rotation(open, folder.path()).await;
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
        let names = |start, end| {
            let found = keys.public_keys(&region, at(start), at(end));
            found.into_iter().map(|key| key.fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(names(0, 1), std::slice::from_ref(&first));
        assert_eq!(names(29, 29), [first, second.clone()]);
        assert_eq!(names(40, 400), [second]);
        assert!(names(-9, -1).is_empty());
    }
}
