//! The format of event segments: many records, immutable, sorted by event time.
//!
//! A record is taken apart by [`scan`] into *shapes* (keys and brackets) and *leaves* (contents of strings, numbers).
//! The shapes of its fields make its *skeleton*; few skeletons serve many records. Leaves of the same path share a
//! column, and values that occur again are stored once. Who called is one number for the whole of `userIdentity`. So a
//! record costs little more than what is new in it, and it is given back byte for byte, without whitespace.
//!
//! [`RecordReader`] reads records, [`Builder`] takes them and makes the bytes of a segment; [`Segment`] finds rows in them and gives records back. It
//! reads through [`ReadAt`], so that files, memory and object stores serve alike. Nothing here opens a file.
//!
//! docs/formats/segments.md has the bytes.

mod block;
mod block_rows;
mod builder;
mod bytes;
mod cache;
mod cells;
mod classes;
mod column_habit;
mod facts;
mod few_rows;
mod footer;
mod frame_probe;
mod frames;
mod hash;
mod hex_digits;
mod intern;
mod keyed_leaf;
mod known_layouts;
mod leaf_place;
mod packed_cells;
mod reader;
mod records;
mod rows;
mod scan;
mod scopes;
mod segment;
mod table;
mod tally;
mod term_filter;
mod terms;
mod text;
mod text_filter;
mod text_parts;
mod time_parts;
mod token_runs;
mod warm_up;
mod write;

pub use builder::Builder;
pub use bytes::Damage;
pub use cache::{Cache, cache};
pub use cells::{format_uuid, parse_uuid};
pub use footer::{FORMAT_VERSION, FORMAT_VERSIONS_READ, Summary};
pub use reader::{ReadRecord, RecordReader, Refusal, id_number};
pub use rows::{Fact, FoundRow, IndexTest, KeyRange, Rows, Wanted};
pub use scan::ScanError;
pub use segment::{ReadAt, Segment, SegmentError};
pub use tally::{SharedPart, Tally};
pub use write::Sequences;
