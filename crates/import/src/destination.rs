//! What the importer asks of whoever keeps the records: the only place where it meets the store.
//!
//! The order of one batch, which a crash may cut anywhere:
//! 1. records are pushed; nothing of it is durable,
//! 2. [`Destination::commit`] makes them durable **together with** the ledger entries of the files that ended among
//!    them. This is the commit point. It may come a little later than the call returns, so that nobody waits for a disk, but
//!    never after that of the worker's next batch, and [`Destination::settle`] waits for it.
//!
//! After a crash before 2 the records are read again from their files. A file whose records are partly in an earlier
//! batch is read again from its start, and the destination finds those records to be duplicates. So deduplication by
//! event id is what makes an import exact, and the ledger only saves work.

use std::error::Error;

use crate::file_key::{FileKey, Fingerprint};
use crate::reject::RejectReason;

/// Where imported records go and which files are known: what one run of the importer needs.
pub trait Destinations: Sync {
    /// A destination for one worker thread.
    ///
    /// # Errors
    /// The run ends before anything is read.
    fn open(&self) -> Result<Box<dyn Destination + '_>, DestinationError>;

    /// The fingerprints with which the files of these keys were last entered in the ledger, one for each key in their
    /// order; `None` for a file that never was. At most [`crate::limits::LEDGER_KEYS_MAX`] keys at once. The importer
    /// compares: a file that has another fingerprint now is read again and its known records are found to be
    /// duplicates.
    ///
    /// # Errors
    /// The run ends.
    fn recorded_fingerprints(&self, keys: &[FileKey]) -> Result<Vec<Option<Fingerprint>>, DestinationError>;
}

/// Where the records of one worker thread go.
pub trait Destination: Send {
    /// Takes one record: the bytes of one JSON object as they stand in the file, maybe with whitespace, at most
    /// [`crate::limits::RECORD_BYTES_MAX`]. They have balanced braces and nothing else is known of them: the
    /// destination says whether they are JSON and a CloudTrail record. In memory until [`Destination::commit`].
    ///
    /// # Errors
    /// The record is refused and counted as rejected; the run goes on.
    fn push(&mut self, record: &[u8]) -> Result<Taken, RejectReason>;

    /// Takes the record that some bytes begin with, if it is whole and sound, and says how many of the bytes it has; else
    /// nothing is changed, and the record comes through [`Destination::push`] once it is known where it ends. An object
    /// with a list under one of the names `lists` is no record. For destinations that read a record once and not twice.
    fn push_first(&mut self, bytes: &[u8], lists: &[&[u8]]) -> Option<(Taken, usize)> {
        let _ = (bytes, lists);
        None
    }

    /// Bytes that wait for a commit, by which the importer decides when to commit. Whatever measure the destination
    /// finds fit, as long as it grows with what was pushed and is 0 after a commit.
    fn pending_bytes(&self) -> usize;

    /// Brings down what waits, without a commit, where the destination has a way to; says whether it did. Asked when a commit
    /// is due, which then is due no more.
    ///
    /// # Errors
    /// Nothing of the batch may be counted as stored, and the run ends.
    fn make_room(&mut self) -> Result<bool, DestinationError> {
        Ok(false)
    }

    /// Makes all pushed records durable together with the ledger entries of the files that ended among them, now or soon:
    /// commits land in their order, and all have landed once [`Destination::settle`] returns. With nothing pushed and nothing
    /// finished it does nothing.
    ///
    /// # Errors
    /// Nothing of the batch, or nothing of the one before it, may be counted as stored, and the run ends.
    fn commit(&mut self, finished: &[FinishedFile]) -> Result<CommitCounts, DestinationError>;

    /// Waits until what was committed is durable. Called before the run tells anybody that it is.
    ///
    /// # Errors
    /// Nothing of the last batch may be counted as stored, and the run ends.
    fn settle(&mut self) -> Result<(), DestinationError> {
        Ok(())
    }
}

/// What became of a record that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It will be stored with the next commit, unless that finds another worker's copy.
    Stored,
    /// It is there already, durable or earlier in this batch.
    Duplicate,
}

/// A file that was read to its end: one entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedFile {
    /// Which file.
    pub key: FileKey,
    /// What its bytes were.
    pub fingerprint: Fingerprint,
    /// Records that were found in it, whatever became of them.
    pub records: u64,
    /// Records of it that were rejected.
    pub rejected: u64,
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitCounts {
    /// Records of this batch that are durable, now or soon.
    pub stored: u64,
    /// Those that [`Destination::push`] called [`Taken::Stored`] and that turned out to be duplicates, because
    /// another worker committed the same record in between. Each is the place among the stored pushes of this batch,
    /// from 0, in rising order: so the importer corrects the counts of the right files.
    ///
    /// `stored + late_duplicates.len()` is the number of pushes since the last commit that said `Stored`; the importer
    /// checks it.
    pub late_duplicates: Vec<usize>,
}

/// The destination cannot go on: disk full, lock lost, database gone.
#[derive(Debug, thiserror::Error)]
#[error("{tried}")]
pub struct DestinationError {
    /// What was tried, and on what.
    pub tried: String,
    /// Why it did not work.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl DestinationError {
    /// An error with its cause.
    pub fn new(tried: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { tried: tried.into(), source: source.into() }
    }
}
