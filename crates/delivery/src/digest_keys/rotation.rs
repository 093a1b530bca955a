//! Keys that an operator wants to be used no longer: those that began before the time in a file.
//!
//! A file and no call, so that it works whether the service runs or not, wherever the keys are kept. It is read for each
//! digest.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::EventTime;

use super::DigestKeysError;

/// Name of the file in the data folder.
const FILE_NAME: &str = "digest-keys-rotated";

/// Where it is kept since when keys are to be used.
#[derive(Debug)]
pub(super) struct Rotation(PathBuf);

impl Rotation {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        Self(data_dir.join(FILE_NAME))
    }

    /// The time before which no key that is to be used began; `None` where nobody asked for that.
    pub(super) fn read(&self) -> Result<Option<EventTime>, DigestKeysError> {
        let failed = |source| DigestKeysError::File { path: self.0.clone(), source };
        match std::fs::read_to_string(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
            Ok(text) => match EventTime::parse(text.trim()) {
                Ok(time) => Ok(Some(time)),
                Err(error) => Err(failed(io::Error::new(io::ErrorKind::InvalidData, error))),
            },
        }
    }
}

/// Lets digests be signed with keys that begin at this time or later, and no others; durable on return. Keys begin with
/// whole seconds, and so must the time: it must not be in the future, nor in a second in which keys may have been made.
///
/// # Errors
/// The file cannot be written; keys are used as before then.
pub fn rotate(data_dir: &Path, time: EventTime) -> Result<(), DigestKeysError> {
    let (path, new) = (data_dir.join(FILE_NAME), data_dir.join(format!("{FILE_NAME}.new")));
    let write = || {
        let mut file = File::create(&new)?;
        writeln!(file, "{time}")?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        File::open(data_dir)?.sync_all()
    };
    write().map_err(|source| DigestKeysError::File { path: path.clone(), source })
}
