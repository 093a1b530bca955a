//! Bytes of objects: small ones in the index, others in files that are written once and never changed.
//!
//! ```text
//! blobs/<run>/<group>/<number>     all in hexadecimal digits
//! ```
//!
//! A name comes from a counter alone, so nothing that a caller says can lead out of the folder. A file takes effect in
//! this order; the commit is the point where the object changes, before it nobody can see the file:
//! 1. the file is created, filled and fsynced,
//! 2. its directory is fsynced (and the directories above, when they are new),
//! 3. the index commits a transaction that names the file.
//!
//! A crash before 3 leaves a file that nothing names; the next start removes it ([`crate::cleaning`]).

mod reading;
mod receiving;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

pub(crate) use reading::Reading;
pub(crate) use receiving::{ReceiveError, Received, ReceivedBytes};

/// Bytes read, hashed or written in one go.
const BLOCK_BYTES: usize = 128 * 1024;

/// Longest content kept in the index. SQLite serves blobs of this size faster than a file system does, and a small
/// object then costs one fsync in place of three.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// Bits of a file id below its run.
const NUMBER_BITS: u32 = 40;

/// Files in one directory, as bits of the number.
const GROUP_BITS: u32 = 12;

/// The folder of files.
#[derive(Debug)]
pub(crate) struct ContentFolder {
    root: PathBuf,
    run: i64,
    next_number: AtomicI64,
    /// Groups of this run whose directories are durable.
    durable_groups: Mutex<BTreeSet<i64>>,
}

impl ContentFolder {
    /// Creates the folder where it is missing.
    pub(crate) fn open(root: PathBuf, run: i64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        if let Some(parent) = root.parent() {
            sync_directory(parent)?;
        }
        Ok(Self { root, run, next_number: AtomicI64::new(0), durable_groups: Mutex::default() })
    }

    fn path(&self, id: i64) -> PathBuf {
        let number = id & ((1 << NUMBER_BITS) - 1);
        let group = number >> GROUP_BITS;
        self.root.join(format!("{:08x}", id >> NUMBER_BITS)).join(format!("{group:07x}")).join(format!("{number:010x}"))
    }

    /// A new empty file. It is removed again unless it is kept.
    fn create(self: &Arc<Self>) -> io::Result<NewFile> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let id = self.run << NUMBER_BITS | number;
        let path = self.path(id);
        self.make_group(number >> GROUP_BITS, &path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(NewFile { file, kept: KeptFile { id, path: Some(path) } })
    }

    fn make_group(&self, group: i64, file: &Path) -> io::Result<()> {
        let mut durable = self.durable_groups.lock();
        if durable.contains(&group) {
            return Ok(());
        }
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
            for above in directory.ancestors().skip(1).take_while(|above| above.starts_with(&self.root)) {
                sync_directory(above)?;
            }
        }
        durable.insert(group);
        Ok(())
    }

    fn open_file(&self, id: i64) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Removes files durably; one that is gone already is no error.
    pub(crate) fn remove(&self, ids: &[i64]) -> io::Result<()> {
        let mut directories = BTreeSet::new();
        for id in ids {
            let path = self.path(*id);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            directories.extend(path.parent().map(Path::to_path_buf));
        }
        directories.iter().try_for_each(|directory| sync_directory(directory))
    }

    /// Ids of the files of a run, by directory. Names that this code does not write are left alone.
    pub(crate) fn files_of_run(&self, run: i64) -> io::Result<Vec<Vec<i64>>> {
        let directory = self.root.join(format!("{run:08x}"));
        let mut groups = Vec::new();
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(groups),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let mut ids = Vec::new();
            for file in fs::read_dir(entry?.path())? {
                let name = file?.file_name();
                let number = name.to_str().and_then(|name| i64::from_str_radix(name, 16).ok());
                ids.extend(number.map(|number| run << NUMBER_BITS | number));
            }
            groups.push(ids);
        }
        Ok(groups)
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A file being written.
#[derive(Debug)]
struct NewFile {
    file: File,
    kept: KeptFile,
}

impl NewFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Steps 1 and 2 of the order above.
    fn make_durable(self) -> io::Result<KeptFile> {
        self.file.sync_all()?;
        if let Some(directory) = self.kept.path.as_deref().and_then(Path::parent) {
            sync_directory(directory)?;
        }
        Ok(self.kept)
    }
}

/// The duty to remove a file that nothing names. It ends with [`KeptFile::hand_over`].
#[derive(Debug)]
pub(crate) struct KeptFile {
    id: i64,
    path: Option<PathBuf>,
}

impl KeptFile {
    /// Gives the file to a transaction of the index. From here on it stays: whether the transaction is committed is not
    /// always known here, and a file without a name is removed at the next start.
    pub(crate) fn hand_over(mut self) -> i64 {
        self.path = None;
        self.id
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove the file of an upload that failed");
        }
    }
}
