//! Records out of the history, as files that others read.
//!
//! [`log_files`] are those of CloudTrail, in AWS's folders; [`json_lines`] one record a line; [`csv`] and [`parquet`] are
//! tables with the [`columns`] that AWS's own tables have. Each takes records one after another, in any number, with flat
//! memory, and what is written has its name only when it is whole ([`target`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod columns;
pub mod csv;
pub mod json_lines;
pub mod log_files;
pub mod parquet;
pub mod target;

use std::path::PathBuf;

pub use csv::CsvFile;
pub use json_lines::JsonLinesFile;
pub use log_files::LogFileFolder;
pub use parquet::ParquetFile;

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server sent something that is no record.
    #[error("a record cannot be read: {text}")]
    Record {
        /// Its beginning.
        text: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A table cannot be written.
    #[error("cannot write {}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ::parquet::errors::ParquetError,
    },
}

impl ExportError {
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    pub(crate) fn record(record: &str) -> impl FnOnce(serde_json::Error) -> Self {
        let text: String = record.chars().take(80).collect();
        move |source| Self::Record { text, source }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Takes records and makes files of them.
pub trait RecordWriter {
    /// Takes a record: the text of one JSON object.
    ///
    /// # Errors
    /// See [`ExportError`]; nothing of the file that it belongs to stays.
    fn write(&mut self, record: &str) -> Result<(), ExportError>;

    /// Ends what is open; only now have the files their names.
    ///
    /// # Errors
    /// See [`ExportError`].
    fn finish(self: Box<Self>) -> Result<Written, ExportError>;
}
