//! Writing records.

use std::io::{self, Write};

use clap::ValueEnum;

use super::table;

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people: one line an event
    #[default]
    Table,
    /// One JSON array of whole records
    Json,
    /// One whole JSON record a line
    Jsonl,
}

/// The output cannot be written; a type of its own, so that a closed pipe is told from a broken connection.
#[derive(Debug, thiserror::Error)]
#[error("write the output")]
pub(super) struct WriteError(#[source] pub(super) io::Error);

/// Writes records one after the other.
pub(super) struct RecordWriter<W: Write> {
    out: io::BufWriter<W>,
    format: OutputFormat,
    has_written: bool,
}

impl<W: Write> RecordWriter<W> {
    pub(super) fn new(out: W, format: OutputFormat) -> Self {
        Self { out: io::BufWriter::new(out), format, has_written: false }
    }

    /// What stands before all records.
    pub(super) fn begin(&mut self) -> Result<(), WriteError> {
        match self.format {
            OutputFormat::Table => self.text(&format!("{}\n", table::header())),
            OutputFormat::Json => self.text("["),
            OutputFormat::Jsonl => Ok(()),
        }
    }

    /// A record, as stored.
    pub(super) fn write(&mut self, record: &str) -> Result<(), WriteError> {
        let text = match self.format {
            OutputFormat::Table => format!("{}\n", table::row(record)),
            OutputFormat::Json if self.has_written => format!(",\n{record}"),
            OutputFormat::Json => format!("\n{record}"),
            OutputFormat::Jsonl => format!("{record}\n"),
        };
        self.has_written = true;
        self.text(&text)
    }

    /// What stands after all records. Left out after an error, so that half an array does not look like a whole one.
    pub(super) fn end(&mut self) -> Result<(), WriteError> {
        match self.format {
            OutputFormat::Table if !self.has_written => self.text("No events fit.\n")?,
            OutputFormat::Table | OutputFormat::Jsonl => {}
            OutputFormat::Json if self.has_written => self.text("\n]\n")?,
            OutputFormat::Json => self.text("]\n")?,
        }
        self.flush()
    }

    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        self.out.flush().map_err(WriteError)
    }

    fn text(&mut self, text: &str) -> Result<(), WriteError> {
        self.out.write_all(text.as_bytes()).map_err(WriteError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: OutputFormat, records: &[&str]) -> String {
        let mut bytes = Vec::new();
        let mut writer = RecordWriter::new(&mut bytes, format);
        writer.begin().expect("written");
        for record in records {
            writer.write(record).expect("written");
        }
        writer.end().expect("written");
        drop(writer);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn json_is_one_array_and_jsonl_one_record_a_line() {
        assert_eq!(written(OutputFormat::Json, &[]), "[]\n");
        assert_eq!(written(OutputFormat::Json, &["{}", "{ }"]), "[\n{},\n{ }\n]\n");
        assert_eq!(written(OutputFormat::Jsonl, &["{}", "{ }"]), "{}\n{ }\n");
        assert_eq!(written(OutputFormat::Jsonl, &[]), "");
        assert!(written(OutputFormat::Table, &[]).ends_with("No events fit.\n"));
    }
}
