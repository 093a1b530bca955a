//! Segments: immutable Parquet files of events, sorted by event time.
//!
//! One set of files for lookups now and for SQL later: the searchable facts are columns, the record is kept byte for
//! byte. Small row groups with bloom filters on the facts that are looked up exactly, so that a rare value costs a few
//! filter checks and not a scan.

mod columns;
mod reader;
mod writer;

use std::path::PathBuf;

pub(crate) use reader::SegmentReader;
pub(crate) use writer::write_segment;

use crate::StoreError;

/// Version of the columns; a reader refuses others by number.
pub(crate) const FORMAT_VERSION: i64 = 1;

/// A segment failed.
pub(crate) fn failed(path: impl Into<PathBuf>) -> impl Fn(parquet::errors::ParquetError) -> StoreError {
    let path = path.into();
    move |source| StoreError::Segment { path: path.clone(), source }
}
