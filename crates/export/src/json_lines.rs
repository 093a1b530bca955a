//! One record a line, as it is stored.

use std::path::Path;

use crate::target::Target;
use crate::{ExportError, RecordWriter, Written};

/// A file of JSON lines.
#[derive(Debug)]
pub struct JsonLinesFile(Target);

impl JsonLinesFile {
    /// Begins a file; `-` is the standard output, and `.gz` at the end packs it.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        Ok(Self(Target::create(path)?))
    }
}

impl RecordWriter for JsonLinesFile {
    fn write(&mut self, record: &str) -> Result<(), ExportError> {
        self.0.write(record.as_bytes())?;
        self.0.write(b"\n")
    }

    fn finish(self: Box<Self>) -> Result<Written, ExportError> {
        self.0.finish()
    }
}
