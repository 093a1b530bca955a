//! Proves the log files and digests of trails, as `aws cloudtrail validate-logs` does, and says more: files that were
//! added, digests that were replaced, and the end of a chain that was removed.
//!
//! [`source`] is where files are (a bucket, a downloaded folder), [`keys`] the public keys, [`run`] walks all chains,
//! [`report`] is what is said at the end. What is right and wrong is decided in the crate `digest`; nothing here judges.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod keys;
pub mod report;
pub mod run;
pub mod source;

pub use keys::{KeyListError, parse_key_list};
pub use report::{Fault, FileKind, Report};
pub use run::{Listing, Progress, Scope, validate};
pub use source::{BucketSource, FileSource, FolderSource, SourceError};
