//! Journal, segments, manifest, lookup, retention and recovery of events.
//!
//! ```text
//! append ─▶ journal (fsync, many callers share one) ─▶ memory ─▶ segment ─▶ manifest ─▶ journal is trimmed
//!                                                        └──────── lookups read both with the same code
//! ```
//!
//! Invariants, cited by name where the code relies on them:
//! - **Durable before visible**: nothing is answered or found before the journal's fsync that covers it.
//! - **Gapless sequence**: events are numbered from 1 without a hole, in the order of the journal.
//! - **Manifest commits**: a segment exists when the manifest says so; files without a row are leftovers of a crash.
//! - **Trim behind**: a journal file goes only when every event in it is in a committed segment, no note in it is
//!   pending, and every older file is gone.
//!
//! What is trusted: the journal until it is trimmed, segments and manifest after. See docs/formats/journal.md.
//!
//! Modules in reading order: [`config`], [`journal`], [`memtable`], [`segment_file`], [`manifest`], [`query`],
//! [`search`], [`event_store`], [`compaction`], [`retention`], [`known_ids`], [`import`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod compaction;
pub mod config;
mod count;
mod disk_room;
pub mod error;
pub mod event_store;
mod folder_lock;
pub mod import;
pub mod journal;
mod known_ids;
mod manifest;
mod memtable;
pub mod query;
mod retention;
mod search;
mod segment_file;

pub use config::StoreConfig;
pub use count::{CountField, CountQuery, Counts};
pub use disk_room::{DiskLimits, DiskRoom};
pub use error::StoreError;
pub use event_store::{EventStore, NewRecord, RecordKind, StoreStatus};
pub use import::{ImportError, Imported, ImportedFile, Importer};
pub use journal::{Committed, NoteId};
pub use query::{AttributeFilter, EventQuery, Page, Position, SharedTest, StoredEvent};
pub use segment::{Builder as SegmentBuilder, RecordReader, Refusal};
