//! What can go wrong, by what a caller can do about it.

use std::path::PathBuf;

use metadata::MetadataError;
use model::lookup::LookupIndexError;

use crate::bucket::BucketError;

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
        /// The file, or the URL of the object.
        path: PathBuf,
        /// Why.
        #[source]
        source: segment::SegmentError,
    },
    /// Segments of this history are in a bucket that was not named, so that the history would have holes.
    #[error("{count} of the history's segments are in {url}, and {}: start with --segments {url} (OPENTRAIL_SEGMENTS); opentrail segments-to-folder brings them back into the folder", if asked.is_empty() { "no bucket is configured".to_owned() } else { format!("{asked} is configured") })]
    SegmentsElsewhere {
        /// How many.
        count: usize,
        /// The bucket that they are in.
        url: String,
        /// The bucket that is configured; empty if none is.
        asked: String,
    },
    /// The bucket did not do what it was asked. Nothing is lost; trying again is allowed.
    #[error("the segments in {url} cannot be reached")]
    Bucket {
        /// The bucket.
        url: String,
        /// Why.
        #[source]
        source: BucketError,
    },
    /// A record that is in the journal has no place in a segment. This is a defect; nothing is lost.
    #[error("a record of the journal has no place in a segment")]
    Unsealable(#[from] segment::Refusal),
    /// A task of the store ended by a defect.
    #[error("a task of the store ended early: {0}")]
    Task(String),
}

impl StoreError {
    /// Whether it is the bucket's doing, and may be over soon: who asked is told to ask again.
    pub fn is_passing(&self) -> bool {
        let error = match self {
            Self::Segment { source: segment::SegmentError::Io(error), .. } => {
                error.get_ref().and_then(|error| error.downcast_ref::<BucketError>())
            }
            Self::Bucket { source, .. } => Some(source),
            _ => None,
        };
        matches!(error, Some(BucketError::Unavailable(_) | BucketError::Refused(_)))
    }

    /// An IO error with what was tried.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
