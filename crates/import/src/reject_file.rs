//! What was not imported, kept aside: one JSON object a line, in a file of this run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::file_key::FileKey;

/// Bytes of records kept in one file of rejects. Beyond, rejects are named and their bytes left where they are: a disk
/// must not fill up with what is not wanted.
const KEPT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Records may hold what only auditors may read.
const FILE_MODE: u32 = 0o600;

/// The file of rejects of one run. It is made with the first reject.
pub(crate) struct RejectFile {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    is_synced: bool,
    kept_bytes: u64,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// Path or address; for people.
    file: &'a str,
    /// The path's bytes, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_base64: Option<String>,
    /// From 1, counting every record of the file; left out when the whole file failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    reason: &'a str,
    /// Size of the record in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// In place of `text`, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// What stands here is only the beginning of the record, or nothing of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl RejectFile {
    /// A file of this name, not made yet.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name), out: None, is_synced: true, kept_bytes: 0 }
    }

    /// Where it is, if anything was rejected.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.out.is_some().then_some(&self.path)
    }

    /// Keeps a record aside. `bytes` may be its beginning only.
    pub(crate) fn record(
        &mut self,
        file: &FileKey,
        number: u64,
        reason: &str,
        bytes: &[u8],
        size_bytes: u64,
    ) -> io::Result<()> {
        let kept = if self.kept_bytes + bytes.len() as u64 <= KEPT_BYTES_MAX { bytes } else { &[] };
        self.kept_bytes += kept.len() as u64;
        let text = std::str::from_utf8(kept);
        self.write(&Line {
            file: &file.display(),
            file_base64: not_utf8(file.as_bytes()),
            record: Some(number),
            reason,
            bytes: Some(size_bytes),
            text: text.ok(),
            base64: not_utf8(kept),
            cut: (kept.len() as u64) < size_bytes,
        })
    }

    /// Names a file that could not be read to its end.
    pub(crate) fn file(&mut self, file: &FileKey, reason: &str) -> io::Result<()> {
        self.write(&Line {
            file: &file.display(),
            file_base64: not_utf8(file.as_bytes()),
            record: None,
            reason,
            bytes: None,
            text: None,
            base64: None,
            cut: false,
        })
    }

    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        if self.out.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(&self.path)?;
            self.out = Some(BufWriter::new(file));
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        self.is_synced = false;
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    }

    /// Makes durable what was kept aside. Before the ledger says of a file that it is done, its rejects are on disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(out) = self.out.as_mut().filter(|_| !self.is_synced) else { return Ok(()) };
        out.flush()?;
        out.get_ref().sync_data()?;
        self.is_synced = true;
        Ok(())
    }
}

fn not_utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).is_err().then(|| STANDARD.encode(bytes))
}
