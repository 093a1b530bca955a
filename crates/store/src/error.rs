//! What can go wrong, by what a caller can do about it.

use std::path::PathBuf;

use metadata::MetadataError;
use model::lookup::LookupIndexError;

/// An operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder.
    #[error("the data folder {} is in use by another process{}", path.display(), holder.as_ref().map_or(String::new(), |pid| format!(" (process {pid})")))]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// Process id, if it is known.
        holder: Option<String>,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what was written to it. Nothing is repaired: an operator must decide.
    #[error("{} is damaged at byte {offset}: {found}; restore it from a copy, or move it away to go on without it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Expected and found.
        found: String,
    },
    /// The journal did not take an entry. It is not durable; trying again is allowed.
    #[error("the journal cannot take more: {reason}")]
    JournalUnavailable {
        /// Why, for the operator.
        reason: String,
    },
    /// There is no room for more. Nothing was stored; trying again is allowed.
    #[error("the history takes nothing new: {reason}")]
    NoRoom {
        /// Why, for the operator.
        reason: String,
    },
    /// The text is no event record, so it was not appended.
    #[error("the record was not appended")]
    NotAnEvent(#[from] LookupIndexError),
    /// The manifest database failed.
    #[error("the manifest failed")]
    Manifest(#[from] sqlx::Error),
    /// The manifest database cannot be opened.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A segment cannot be written or read.
    #[error("segment {} failed", path.display())]
    Segment {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: segment::SegmentError,
    },
    /// A record that is in the journal has no place in a segment. This is a defect; nothing is lost.
    #[error("a record of the journal has no place in a segment")]
    Unsealable(#[from] segment::Refusal),
    /// A task of the store ended by a defect.
    #[error("a task of the store ended early: {0}")]
    Task(String),
}

impl StoreError {
    /// An IO error with what was tried.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
