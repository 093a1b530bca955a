//! The identity of an import: records read = stored + duplicates + rejected.

use serde::Serialize;

/// What became of records. `read` is counted where records are found, the rest where they end up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RecordCounts {
    /// Records found, and pieces between records that are none.
    pub read: u64,
    /// Durable.
    pub stored: u64,
    /// Known before, by their event id.
    pub duplicates: u64,
    /// Neither: each is named in the file of rejects.
    pub rejected: u64,
}

impl RecordCounts {
    /// Whether the identity holds.
    pub fn is_whole(&self) -> bool {
        self.read == self.stored + self.duplicates + self.rejected
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.stored += other.stored;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
    }
}

/// What became of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FileCounts {
    /// Files that the listing found.
    pub found: u64,
    /// Read to their end.
    pub imported: u64,
    /// Skipped: the ledger has them with the same fingerprint.
    pub known: u64,
    /// Skipped: digests.
    pub digests: u64,
    /// Nothing in them.
    pub empty: u64,
    /// Neither records nor anything like them: no log files.
    pub not_logs: u64,
    /// Damaged, cut, unreadable, or given up. What was before the damage is imported.
    pub failed: u64,
    /// Not looked at, or not read to the end, because the import was stopped.
    pub unread: u64,
}

impl FileCounts {
    /// Whether every file is accounted for.
    pub fn is_whole(&self) -> bool {
        let Self { found, imported, known, digests, empty, not_logs, failed, unread } = *self;
        found == imported + known + digests + empty + not_logs + failed + unread
    }
}

/// How the reading of one file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// Read to its end.
    Imported,
    /// The ledger has it.
    Known,
    /// A digest file.
    Digest,
    /// No bytes, or only space.
    Empty,
    /// No records in it.
    NotALog,
    /// Why it could not be read to its end.
    Failed(String),
    /// The import was stopped before.
    Unread,
}

impl FileCounts {
    pub(crate) fn count(&mut self, outcome: &FileOutcome) {
        let place = match outcome {
            FileOutcome::Imported => &mut self.imported,
            FileOutcome::Known => &mut self.known,
            FileOutcome::Digest => &mut self.digests,
            FileOutcome::Empty => &mut self.empty,
            FileOutcome::NotALog => &mut self.not_logs,
            FileOutcome::Failed(_) => &mut self.failed,
            FileOutcome::Unread => &mut self.unread,
        };
        *place += 1;
    }
}
