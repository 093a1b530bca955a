//! Keys in a file that its owner alone reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{DigestKeysError, KeptKey};

/// Name of the file in the data folder.
pub(super) const FILE_NAME: &str = "digest-keys.json";

/// The file.
#[derive(Debug)]
pub(super) struct KeyFile(PathBuf);

impl KeyFile {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        Self(data_dir.join(FILE_NAME))
    }

    pub(super) fn read(&self) -> Result<Vec<KeptKey>, DigestKeysError> {
        let path = &self.0;
        match std::fs::read(path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|source| DigestKeysError::Damaged { path: path.clone(), source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(DigestKeysError::File { path: path.clone(), source }),
        }
    }

    /// Puts a new file in the place of the old one, in one step.
    pub(super) fn write(&self, keys: &[KeptKey]) -> Result<(), DigestKeysError> {
        let path = &self.0;
        let failed = |source| DigestKeysError::File { path: path.clone(), source };
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
}
