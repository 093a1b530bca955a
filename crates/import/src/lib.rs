//! CloudTrail log files in folders and buckets, read into whatever keeps records.
//!
//! ```text
//! place ─▶ listing ─▶ worker: unpack ─▶ split ─▶ take out of envelopes ─▶ destination ─▶ commit with the ledger
//!            (largest first)                └─ what is no record ─▶ file of rejects
//! ```
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
//! Modules in reading order: [`mod@run`], [`destination`], [`file_key`], [`source`], [`unpack`], [`utf16`], [`splitter`],
//! [`envelope`], [`worker`], [`reject`], [`reject_file`], [`counts`], [`report`], [`progress`], [`stop`], [`limits`],
//! [`notices`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod counts;
mod destination;
mod envelope;
mod file_key;
pub mod limits;
pub mod notices;
mod progress;
mod reject;
mod reject_file;
mod report;
mod run;
mod source;
pub mod splitter;
mod stop;
#[cfg(test)]
mod tests;
mod unpack;
mod utf16;
mod worker;

pub use counts::{FileCounts, FileOutcome, RecordCounts};
pub use destination::{CommitCounts, Destination, DestinationError, Destinations, FinishedFile, Taken};
pub use file_key::{FileKey, Fingerprint};
pub use progress::ProgressStyle;
pub use reject::RejectReason;
pub use report::{ImportReport, NamedFile};
pub use run::{ImportError, ImportOptions, run};
pub use source::{Place, PlaceError};
pub use stop::Stop;
