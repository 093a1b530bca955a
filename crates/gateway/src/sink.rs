//! Where records go: what the gateway asks of a journal.

use async_trait::async_trait;
use bytes::Bytes;
use model::LookupIndex;

/// Names a durable note until an event supersedes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoteId(pub u64);

/// A record could not be made durable. Nothing of it is visible, and nothing of it will be after a restart, unless the
/// failure happened after the bytes reached the disk: then the record may appear once.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the record could not be made durable: {reason}")]
pub struct SinkError {
    /// Why, in words for the operator.
    pub reason: String,
}

/// A record to be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkEntry {
    /// Its complete JSON text.
    pub record: Bytes,
    /// Whether it is final.
    pub kind: EntryKind,
    /// Note that it takes the place of.
    pub supersedes: Option<NoteId>,
}

/// Whether a record is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Of a call about to be forwarded, or of an answer about to be streamed. It becomes an event if the process ends
    /// before another note or an event supersedes it.
    Note,
    /// The record of a call that is over, with what is looked up in it. It is visible to readers once it is durable.
    Event(Box<LookupIndex>),
}

/// A durable, ordered sink of event records.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Makes records durable, with as few syncs as can be, and gives an outcome for each in their order: the name of a
    /// note, `None` for an event. Returns when the bytes are on disk (or have failed to get there).
    ///
    /// May be called from many tasks at once. A call that is cancelled may or may not have been carried out. A record
    /// that failed is not durable, and a note that it was to supersede stays in force; retrying is allowed.
    async fn commit(&self, entries: Vec<SinkEntry>) -> Vec<Result<Option<NoteId>, SinkError>>;
}
