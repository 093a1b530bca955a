//! Bounds of an import, in bytes unless the name says otherwise.

use model::limits::EVENT_BYTES_MAX;

/// A single record as it stands in a file, with whitespace and envelope. CloudTrail's own are at most 256 KiB in
/// trails and 1 MiB in event data stores for large events; twice that leaves room for pretty-printing.
pub const RECORD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a worker collects before it commits, unless the options say otherwise. Large enough that the sync of a commit
/// costs nothing per record, small enough that a crash repeats a second's work; a few seconds' where the destination makes
/// room without a commit.
pub const COMMIT_BYTES: usize = 32 * 1024 * 1024;

/// Files that are looked up in the ledger at once: asking for one costs nearly as much as asking for many, and trails
/// have millions of small files.
pub const LEDGER_KEYS_MAX: usize = 500;
/// What is kept aside of a piece that was rejected: more than CloudTrail's largest record of a trail, so that only what
/// is surely no such record is cut.
pub const REJECT_BYTES_KEPT_MAX: usize = 2 * EVENT_BYTES_MAX;

const _: () = assert!(RECORD_BYTES_MAX > EVENT_BYTES_MAX && COMMIT_BYTES > RECORD_BYTES_MAX);
const _: () = assert!(REJECT_BYTES_KEPT_MAX < RECORD_BYTES_MAX);
