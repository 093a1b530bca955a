//! What an import came to.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::counts::{FileCounts, FileOutcome, RecordCounts};
use crate::file_key::FileKey;
use crate::progress::{Bytes, Grouped};

/// Files that are named in a report; all are named in the file of rejects.
const NAMED_FILES_MAX: usize = 1000;
/// Files that are named when a report is printed for people.
const PRINTED_FILES_MAX: usize = 20;

/// A file that is named in the report, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedFile {
    /// Path or address.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What an import came to. Its JSON is the output for machines; fields are only ever added.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ImportReport {
    /// Records, and where they ended up.
    pub records: RecordCounts,
    /// Files, and what became of them.
    pub files: FileCounts,
    /// Whether the accounts of every file and of the whole run are even.
    pub identity_holds: bool,
    /// Bytes of the files that were read, as they lie there.
    pub packed_bytes: u64,
    /// Bytes that they became.
    pub unpacked_bytes: u64,
    /// Wall-clock time.
    pub seconds: f64,
    /// The import was stopped before its end.
    pub interrupted: bool,
    /// Files that could not be read to their end, the first 1,000.
    pub failed_files: Vec<NamedFile>,
    /// Files without records, the first 1,000.
    pub not_logs: Vec<String>,
    /// Places that could not be read or listed to their end.
    pub failed_places: Vec<String>,
    /// Where rejected records and failed files are named, if there are any.
    pub rejects_file: Option<PathBuf>,
}

impl ImportReport {
    /// Whether everything that was there is accounted for: no file and no place failed and the identity holds. Rejected
    /// records and files that are no log files only count when `is_strict`.
    pub fn is_success(&self, is_strict: bool) -> bool {
        let is_sound = self.identity_holds && self.files.failed == 0 && self.failed_places.is_empty();
        is_sound && !(is_strict && (self.records.rejected > 0 || self.files.not_logs > 0))
    }

    /// Counts a file that came to its end.
    pub(crate) fn count_file(&mut self, key: &FileKey, outcome: &FileOutcome) {
        self.files.count(outcome);
        match outcome {
            FileOutcome::Failed(reason) if self.failed_files.len() < NAMED_FILES_MAX => {
                self.failed_files.push(NamedFile { file: key.display().into_owned(), reason: reason.clone() });
            }
            FileOutcome::NotALog if self.not_logs.len() < NAMED_FILES_MAX => {
                self.not_logs.push(key.display().into_owned());
            }
            _ => {}
        }
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecordCounts { read, stored, duplicates, rejected } = self.records;
        let is = if self.identity_holds { "=" } else { "is NOT" };
        writeln!(
            f,
            "{} events read {is} {} stored + {} duplicates + {} rejected",
            Grouped(read),
            Grouped(stored),
            Grouped(duplicates),
            Grouped(rejected),
        )?;
        let files = &self.files;
        write!(f, "{} files: {} imported", Grouped(files.found), Grouped(files.imported))?;
        let others = [
            (files.known, "known from before"),
            (files.digests, "digests"),
            (files.empty, "empty"),
            (files.not_logs, "no log files"),
            (files.failed, "FAILED"),
            (files.unread, "not read"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {} {what}", Grouped(count))?;
        }
        let rate = if self.seconds > 0.0 { (read as f64 / self.seconds) as u64 } else { 0 };
        writeln!(
            f,
            "\n{} read, {} unpacked, in {:.1} s: {} events/s",
            Bytes(self.packed_bytes),
            Bytes(self.unpacked_bytes),
            self.seconds,
            Grouped(rate),
        )?;
        for place in &self.failed_places {
            writeln!(f, "FAILED {place}")?;
        }
        for NamedFile { file, reason } in self.failed_files.iter().take(PRINTED_FILES_MAX) {
            writeln!(f, "FAILED {file}: {reason}")?;
        }
        for file in self.not_logs.iter().take(PRINTED_FILES_MAX) {
            writeln!(f, "no log file: {file}")?;
        }
        if let Some(path) = &self.rejects_file {
            writeln!(f, "what was not taken is named in {}", path.display())?;
        }
        if self.interrupted {
            writeln!(f, "interrupted; the same command goes on where this one ended")?;
        }
        Ok(())
    }
}
