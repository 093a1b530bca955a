//! Where records go: what the gateway asks of a journal.

use async_trait::async_trait;
use bytes::Bytes;

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

/// A durable, ordered sink of event records.
///
/// Both methods return when the bytes are on disk (or have failed to get there); many callers at once share one
/// `fsync`. Both may be called from any task. A call that is cancelled may or may not have been carried out.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Notes a record that is not final: of a call about to be forwarded, or of an answer about to be streamed. It
    /// becomes an event if the process ends before another note or an event supersedes it.
    ///
    /// # Errors
    /// The note is not durable; it must be taken as not written. Retrying is allowed.
    async fn note(&self, record: Bytes, supersedes: Option<NoteId>) -> Result<NoteId, SinkError>;

    /// Appends a final record, in place of a note if one is given. It is visible to readers when this returns.
    ///
    /// # Errors
    /// The event is not durable; a superseded note stays in force. Retrying is allowed.
    async fn append(&self, record: Bytes, supersedes: Option<NoteId>) -> Result<(), SinkError>;
}
