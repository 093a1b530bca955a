//! The journal: the one place where an event becomes real.
//!
//! [`mod@format`] is the bytes, [`reader`] reads a folder of them back, [`writer`] owns the [`mod@file`] that is written.

pub(crate) mod file;
pub mod format;
pub mod reader;
pub mod writer;

/// Names a durable note until an event or another note supersedes it. Unique among the notes that are pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteId(pub u64);

/// What became of a record: durable, under this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// A note.
    Note(NoteId),
    /// An event, with its sequence number.
    Event(u64),
}
