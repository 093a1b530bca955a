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
//! Segments are files of the data folder. With a [`bucket`] they are moved there behind everything else's back: the store
//! asks for no bucket to take an event, to seal, or to start.
//!
//! Modules in reading order: [`config`], [`journal`], [`memtable`], [`category_set`], [`segment_file`], [`manifest`], [`query`],
//! [`search`], [`shared_work`], [`core_threads`], [`followed`], [`event_store`], [`compaction`], [`retention`], [`known_ids`], [`import`]; of buckets [`bucket`],
//! [`page_cache`], [`remote_segments`], [`move_up`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::print_stderr,
        reason = "a failed test may panic, and a skipped one says so"
    )
)]

mod bucket;
mod category_set;
mod compaction;
pub mod config;
mod core_threads;
mod count;
mod disk_room;
pub mod error;
pub mod event_store;
mod fact_bits;
mod folder_lock;
mod followed;
pub mod import;
pub mod journal;
mod known_ids;
mod manifest;
mod memtable;
mod move_up;
mod page_cache;
pub mod query;
mod recent_events;
mod remote_segments;
mod retention;
mod search;
mod segment_file;
mod shared_work;
mod warm_up;

pub use bucket::{BucketConfig, BucketError, SegmentBucket};
pub use config::StoreConfig;
pub use count::{CountField, CountQuery, Counts};
pub use disk_room::{DiskLimits, DiskRoom};
pub use error::StoreError;
pub use event_store::{EventStore, NewRecord, RecordKind, StoreStatus};
pub use import::{ImportError, Imported, ImportedFile, Importer};
pub use journal::{Committed, NoteId};
pub use move_up::MovedSegment;
pub use query::{AttributeFilter, EventQuery, Page, Position, SharedTest, StoredEvent};
pub use remote_segments::BucketStatus;
pub use segment::{Builder as SegmentBuilder, RecordReader, Refusal};
