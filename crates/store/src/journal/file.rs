//! A journal file that is open for writing: how its bytes get to disk, and how its room is made beforehand.
//!
//! A sync of bytes that lie in room which the file already has costs the device one write. A sync of a file that grew
//! must also commit the file system's own journal, waits for whatever else is in that commit, and costs twice as much
//! (measured: docs/benchmarks.md). So a *spare* file full of zeros is made in the background while the one before it
//! fills; zeros behind the last entry are room that was not used. The first file of a process has no one before it: it
//! grows until a spare is there, and the spare follows it at once, however little is in it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::format::{FileHeader, HEADER_BYTES};
use super::reader::file_path;
use crate::StoreError;

/// Zeros are written and synced in pieces, so that the syncs of the journal between them are short.
const ZEROS_BYTES: usize = 256 * 1024;
/// Name of the file in the making. Its ending is not that of journal files: a crash leaves nothing that counts.
const SPARE_NAME: &str = "spare.tmp";

/// A file that takes entries.
pub(super) struct OpenFile {
    file: File,
    pub(super) path: PathBuf,
    pub(super) ordinal: u64,
    /// Bytes that are durable, which is where the next batch begins.
    pub(super) bytes: u64,
    /// Whether it has no room made beforehand.
    pub(super) grows: bool,
}

impl OpenFile {
    /// Makes a file with its header, from the spare if there is one.
    pub(super) fn create(folder: &Path, header: FileHeader, spare: Option<Spare>) -> Result<Self, StoreError> {
        let path = file_path(folder, header.ordinal);
        let grows = spare.is_none();
        // A file of this name can only be one whose making failed before; nothing in it was acknowledged.
        let file = match spare {
            Some(spare) => {
                spare.file.write_all_at(&header.encode(), 0).map_err(StoreError::io("write", &spare.path))?;
                spare.file.sync_all().map_err(StoreError::io("sync", &spare.path))?;
                std::fs::rename(&spare.path, &path).map_err(StoreError::io("rename", &spare.path))?;
                spare.file
            }
            None => {
                let mut options = File::options();
                let file = options.write(true).create(true).truncate(true).open(&path);
                let file = file.map_err(StoreError::io("create", &path))?;
                let made = file.write_all_at(&header.encode(), 0).and_then(|()| file.sync_all());
                made.map_err(StoreError::io("begin", &path))?;
                file
            }
        };
        sync_folder(folder)?;
        Ok(Self { file, path, ordinal: header.ordinal, bytes: HEADER_BYTES as u64, grows })
    }

    /// Writes a batch behind what is there and makes it durable. After an error nobody may rely on what the page cache
    /// says of the file.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        write_durably(&self.file, bytes, self.bytes).map_err(StoreError::io("write", &self.path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind the durable bytes.
    pub(super) fn cut(&self) -> std::io::Result<()> {
        self.file.set_len(self.bytes)
    }
}

/// One system call that returns when the bytes are on disk, where the system has it.
#[cfg(target_os = "linux")]
fn write_durably(file: &File, mut bytes: &[u8], mut offset: u64) -> std::io::Result<()> {
    use rustix::io::{Errno, ReadWriteFlags, pwritev2};
    while !bytes.is_empty() {
        match pwritev2(file, &[std::io::IoSlice::new(bytes)], offset, ReadWriteFlags::DSYNC) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            // File systems of other kernels and of containers that do not know the call or its flag.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return write_and_sync(file, bytes, offset),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn write_durably(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    write_and_sync(file, bytes, offset)
}

fn write_and_sync(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    file.write_all_at(bytes, offset)?;
    file.sync_data()
}

/// A file full of zeros, to become the next journal file.
pub(super) struct Spare {
    file: File,
    path: PathBuf,
}

/// A spare in the making, on a thread of its own.
pub(super) struct SpareMaker {
    thread: JoinHandle<std::io::Result<Spare>>,
}

impl SpareMaker {
    /// Begins to make a spare of so many bytes; `None` when there is no thread to be had.
    pub(super) fn start(folder: &Path, bytes: u64) -> Option<Self> {
        let path = folder.join(SPARE_NAME);
        let thread = std::thread::Builder::new().name("journal-spare".to_owned());
        thread.spawn(move || make_spare(path, bytes)).ok().map(|thread| Self { thread })
    }

    /// Whether taking it would not wait.
    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// The spare, unless it could not be made: the journal then goes on with a file that grows.
    pub(super) fn take(self) -> Option<Spare> {
        match self.thread.join() {
            Ok(Ok(spare)) => Some(spare),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no room was made beforehand for the next journal file; it grows as it fills");
                None
            }
            Err(_) => None,
        }
    }
}

fn make_spare(path: PathBuf, bytes: u64) -> std::io::Result<Spare> {
    let file = File::options().write(true).create(true).truncate(true).open(&path)?;
    let zeros = vec![0; ZEROS_BYTES];
    let mut offset = 0;
    while offset < bytes {
        let piece = usize::try_from(bytes - offset).map_or(ZEROS_BYTES, |left| left.min(ZEROS_BYTES));
        let written = file.write_all_at(&zeros[..piece], offset).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // A full disk needs every byte back.
            drop(std::fs::remove_file(&path));
            return Err(error);
        }
        offset += piece as u64;
    }
    file.sync_all()?;
    Ok(Spare { file, path })
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("sync", folder))
}
