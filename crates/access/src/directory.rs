//! The directory of this installation: which access key belongs to whom.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_wire::sigv4::SecretAccessKey;
use model::{AccessKeyId, AccountId};
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::principal::Principal;
use crate::root_key::{RANDOM_BYTES, RootKey, RootKeyFormatError};
use crate::root_key_file::{self, RootKeyFileError};

/// What the directory starts from.
#[derive(Debug, Clone)]
pub struct DirectoryConfig {
    /// The account that calls are recorded under.
    pub default_account: AccountId,
    /// Root access key id to take at first start; needs the secret beside it.
    pub root_access_key_id: Option<AccessKeyId>,
    /// Root secret to take at first start; needs the id beside it.
    pub root_secret_access_key: Option<SecretAccessKey>,
}

/// Access keys and their owners.
#[derive(Debug)]
pub struct Directory {
    default_account: AccountId,
    root: Arc<Principal>,
}

/// Where the root key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKeyOrigin {
    /// Made now: its owner must be told, once.
    CreatedNow,
    /// First start with a key in the configuration.
    FromConfiguration,
    /// Stored by an earlier start.
    Kept,
    /// Stored by an earlier start, while the configuration names another key, which is not used.
    KeptDespiteConfiguration(IgnoredRootKey),
}

/// A warning: the configured root key is not the one in use. Its text says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredRootKey {
    /// The file that keeps the key in use.
    pub file: PathBuf,
    /// Id of the key in use.
    pub kept: AccessKeyId,
    /// Id of the key in the configuration. The same as `kept` when only the secrets differ.
    pub configured: AccessKeyId,
}

impl fmt::Display for IgnoredRootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, kept, configured } = self;
        let file = file.display();
        write!(
            f,
            "the configured root access key {configured} is not used: the settings for it apply at first start only, and {kept} is kept in {file}. Remove the settings, or delete that file to take the configured key at the next start"
        )
    }
}

/// Why the directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Half a key in the configuration.
    #[error("the configuration sets the root {present} without the root {missing}: set both or none")]
    HalfKey {
        /// What is set.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// The key file.
    #[error(transparent)]
    File(#[from] RootKeyFileError),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for a root access key")]
    Random(#[source] rand::rand_core::OsError),
    /// Our bug: random bytes made no key.
    #[error("a root access key could not be made")]
    Make(#[source] RootKeyFormatError),
}

impl Directory {
    /// Opens the directory in the data folder, which the caller owns alone. At the first start it takes the configured
    /// root key or makes one; the key is durable on return. Later starts keep it, whatever the configuration says.
    ///
    /// Blocks on file reads and, at the first start, on syncs.
    ///
    /// # Errors
    /// See [`DirectoryError`]: each names what to change.
    pub fn open(data_dir: &Path, config: DirectoryConfig) -> Result<(Self, RootKeyOrigin), DirectoryError> {
        let configured = configured_key(&config)?;
        let (key, origin) = match (root_key_file::read(data_dir)?, configured) {
            (Some(kept), configured) => {
                let origin = kept_origin(data_dir, &kept, configured.as_ref());
                (kept, origin)
            }
            (None, Some(configured)) => {
                root_key_file::write(data_dir, &configured)?;
                (configured, RootKeyOrigin::FromConfiguration)
            }
            (None, None) => {
                let made = make_key()?;
                root_key_file::write(data_dir, &made)?;
                (made, RootKeyOrigin::CreatedNow)
            }
        };
        let root = Arc::new(Principal::root(config.default_account, key.access_key_id, key.secret));
        Ok((Self { default_account: config.default_account, root }, origin))
    }

    /// The owner of an access key; `None` when nothing is known of it.
    pub fn find(&self, access_key_id: &AccessKeyId) -> Option<Arc<Principal>> {
        (self.root.access_key_id == *access_key_id).then(|| Arc::clone(&self.root))
    }

    /// The account that calls are recorded under when nothing better is known.
    pub fn default_account(&self) -> AccountId {
        self.default_account
    }

    /// The root user of the default account.
    pub fn root(&self) -> &Arc<Principal> {
        &self.root
    }
}

fn configured_key(config: &DirectoryConfig) -> Result<Option<RootKey>, DirectoryError> {
    const ID: &str = "access key id";
    const SECRET: &str = "secret access key";
    match (&config.root_access_key_id, &config.root_secret_access_key) {
        (Some(id), Some(secret)) => Ok(Some(RootKey { access_key_id: id.clone(), secret: secret.clone() })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(DirectoryError::HalfKey { present: ID, missing: SECRET }),
        (None, Some(_)) => Err(DirectoryError::HalfKey { present: SECRET, missing: ID }),
    }
}

fn kept_origin(data_dir: &Path, kept: &RootKey, configured: Option<&RootKey>) -> RootKeyOrigin {
    match configured {
        Some(configured) if !configured.is_same(kept) => RootKeyOrigin::KeptDespiteConfiguration(IgnoredRootKey {
            file: root_key_file::path(data_dir),
            kept: kept.access_key_id.clone(),
            configured: configured.access_key_id.clone(),
        }),
        _ => RootKeyOrigin::Kept,
    }
}

fn make_key() -> Result<RootKey, DirectoryError> {
    let mut random = [0_u8; RANDOM_BYTES];
    OsRng.try_fill_bytes(&mut random).map_err(DirectoryError::Random)?;
    RootKey::from_random(&random).map_err(DirectoryError::Make)
}

#[cfg(test)]
mod tests;
