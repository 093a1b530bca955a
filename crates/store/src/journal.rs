//! The journal: the one place where an event becomes real.
//!
//! [`mod@format`] is the bytes, [`reader`] reads a folder of them back, [`writer`] owns the file that is written.

pub mod format;
pub mod reader;
pub mod writer;

/// Names a durable note until an event or another note supersedes it. Unique among the notes that are pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteId(pub u64);
