//! The file that keeps the root access key: `root-access-key.json` in the data folder.
//!
//! Trusted and not reconstructible: without it the key is lost, and deleting it makes a new key at the next start.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::root_key::{RootKey, RootKeyFormatError};

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "root-access-key.json";
const TEMPORARY_NAME: &str = "root-access-key.json.new";

/// Mode of the file: its owner reads and writes it, nobody else does anything.
const FILE_MODE: u32 = 0o600;
/// Mode of the data folder, where we create it.
const FOLDER_MODE: u32 = 0o700;
/// Permission bits of everybody but the owner.
const OTHERS_MASK: u32 = 0o077;
/// More than any key file has, in bytes; what is longer is not read to its end.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why the key could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyFileError {
    /// Others than its owner may read or write the file.
    #[error(
        "{} holds the root secret and is open to others (mode {mode:04o}). Close it with `chmod 600 {}` and start again; if someone may have read it, delete it instead, and a new key is made", .path.display(), .path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not one that we wrote.
    #[error(
        "{} is damaged: {problem}. Restore it from a copy, or delete it: a new key is made at the next start, and the old one stops working", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: RootKeyFormatError,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What we tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// The path of the file.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

/// Reads the key; `None` when there is no file yet.
///
/// # Errors
/// See [`RootKeyFileError`]. The mode is that of the opened file, so that no other file can be checked than the one read.
pub fn read(data_dir: &Path) -> Result<Option<RootKey>, RootKeyFileError> {
    let path = path(data_dir);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RootKeyFileError::Io { action: "open", path, source }),
    };
    let metadata = file.metadata().map_err(|source| io_error("read the mode of", &path, source))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS_MASK != 0 {
        return Err(RootKeyFileError::OpenToOthers { path, mode });
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|source| io_error("read", &path, source))?;
    RootKey::decode(&bytes).map(Some).map_err(|problem| RootKeyFileError::Damaged { path, problem })
}

/// Stores the key; durable on return.
///
/// A crash before the commit point leaves no key file, and at most a temporary one that the next start replaces: the
/// key in it was never told to anyone. A crash after it leaves the whole file. Never called with a key file in place,
/// and the caller owns the data folder alone.
///
/// # Errors
/// [`RootKeyFileError::Io`] names the step that failed.
pub fn write(data_dir: &Path, key: &RootKey) -> Result<(), RootKeyFileError> {
    STEPS.iter().try_for_each(|step| apply(*step, data_dir, key))
}

/// The steps of [`fn@write`]. Their order is what makes it safe: nothing gets the final name before its bytes are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Makes the data folder, if there is none, and its entry in each parent durable.
    CreateFolder,
    /// Removes what a crash may have left under the temporary name.
    RemoveTemporary,
    /// Writes the bytes to a file that nobody else could open at any moment.
    WriteTemporary,
    /// Makes the bytes durable.
    SyncTemporary,
    /// Commit point: gives the file its name.
    Rename,
    /// Makes the name durable.
    SyncFolder,
}

const STEPS: [Step; 6] = [
    Step::CreateFolder,
    Step::RemoveTemporary,
    Step::WriteTemporary,
    Step::SyncTemporary,
    Step::Rename,
    Step::SyncFolder,
];

fn apply(step: Step, data_dir: &Path, key: &RootKey) -> Result<(), RootKeyFileError> {
    let temporary = data_dir.join(TEMPORARY_NAME);
    let path = path(data_dir);
    match step {
        Step::CreateFolder => create_folder(data_dir),
        Step::RemoveTemporary => match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &temporary, error)),
            _ => Ok(()),
        },
        Step::WriteTemporary => write_new(&temporary, &key.encode()),
        Step::SyncTemporary => sync("sync", &temporary),
        Step::Rename => {
            fs::rename(&temporary, &path).map_err(|source| io_error("move the new key into place as", &path, source))
        }
        Step::SyncFolder => sync("sync the folder", data_dir),
    }
}

fn create_folder(folder: &Path) -> Result<(), RootKeyFileError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    DirBuilder::new()
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(|source| io_error("create the folder", folder, source))?;
    sync("sync the folder", parent)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), RootKeyFileError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|source| io_error("create", path, source))?;
    file.write_all(bytes).map_err(|source| io_error("write", path, source))
}

/// Makes a file's bytes, or a folder's entries, durable. What was written through another handle counts too.
fn sync(action: &'static str, path: &Path) -> Result<(), RootKeyFileError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| io_error(action, path, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> RootKeyFileError {
    RootKeyFileError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root_key::RANDOM_BYTES;

    #[test]
    fn a_stop_after_any_step_leaves_no_key_or_the_whole_key() {
        let commit = STEPS.iter().position(|step| *step == Step::Rename).expect("a commit point");
        for stop in 0..=STEPS.len() {
            let temporary = tempfile::TempDir::new().expect("a folder");
            let folder = temporary.path().join("a/b");
            let first = RootKey::from_random(&[1; RANDOM_BYTES]).expect("a key");
            STEPS[..stop].iter().try_for_each(|step| apply(*step, &folder, &first)).expect("steps");

            let found = read(&folder).expect("readable");
            assert_eq!(found.is_some(), stop > commit, "after {stop} steps");
            if let Some(found) = found {
                assert!(found.is_same(&first));
                continue;
            }
            let second = RootKey::from_random(&[2; RANDOM_BYTES]).expect("a key");
            write(&folder, &second).expect("the next start goes on");
            assert!(read(&folder).expect("readable").expect("a key").is_same(&second));
        }
    }

    #[test]
    fn bytes_are_durable_before_they_get_their_name() {
        let position = |step: Step| STEPS.iter().position(|other| *other == step).expect("a step");
        assert!(position(Step::WriteTemporary) < position(Step::SyncTemporary));
        assert!(position(Step::SyncTemporary) < position(Step::Rename));
        assert!(position(Step::Rename) < position(Step::SyncFolder));
    }
}
