//! CloudTrail log files in folders and buckets, read into whatever keeps records.
//!
//! Invariants, cited by name where the code relies on them:
//! - **The identity**: for each file and for the run, records read = stored + duplicates + rejected. The two sides are
//!   counted in different places, and a run in which they differ fails.
//! - **No marker**: where to go on after a crash is known from the ledger of whole files and from event ids alone.
//! - **Nothing is lost**: what is not stored is named with its file, its number and the reason, and kept aside.
//!
//! What it refuses: to look into a record (that is the destination's part), to trust a file's name (formats are told
//! by content), and to hold a file in memory because it is small now.
//!
//! Modules in reading order: [`limits`], [`file_key`], [`reject`], [`destination`], [`splitter`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod destination;
pub mod file_key;
pub mod limits;
pub mod reject;
pub mod splitter;

pub use destination::{CommitCounts, Destination, DestinationError, Destinations, FinishedFile, Taken};
pub use file_key::{FileKey, Fingerprint};
pub use reject::RejectReason;
