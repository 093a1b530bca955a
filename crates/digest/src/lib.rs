//! Log files and digest files of trails: names, contents, hashes, signatures.
//!
//! [`names`] says where files lie, [`log_file`] what is in a log file, [`digest_file`] what is in a digest and how it is
//! signed and checked, [`keys`] what it is signed with, [`key_wrap`] how such keys are encrypted, [`verify`] what can be wrong with a whole
//! chain. Pure: bytes in, bytes out; times and random texts are arguments.
//! Whatever is made here is made the same again from the same arguments, so that a delivery can be repeated after a crash.
//!
//! Source: CloudTrail user guide, log file names, digest file structure, custom implementations of validation.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod digest_file;
pub mod key_wrap;
pub mod keys;
pub mod log_file;
pub mod names;
pub mod verify;

pub use digest_file::{Digest, DigestFault, DigestParts, LogFileEntry, SignedDigest};
pub use keys::{KeyError, SigningKey};
pub use log_file::{FinishedLogFile, LogFile};
pub use names::{DigestNames, DigestPlace, LogKind, Root};
pub use verify::{ChainCheck, FileFault, Finding, FoundDigest, Place, check_log_file};
