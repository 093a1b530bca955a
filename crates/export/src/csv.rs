//! A table as comma-separated values, as RFC 4180 has them, with a line of names.
//!
//! Whoever is recorded may choose names and values, so that a spreadsheet must not take one for a formula: a value that
//! begins with `=`, `+`, `-`, `@` (or their full-width forms), a tab or the end of a line has an apostrophe before it.
//! Source: OWASP, CSV injection.

use std::path::Path;

use crate::columns::{COLUMNS, RECORD_COLUMN, values};
use crate::target::Target;
use crate::{ExportError, RecordWriter, Written};

/// A CSV file.
#[derive(Debug)]
pub struct CsvFile {
    target: Target,
    line: Vec<u8>,
}

impl CsvFile {
    /// Begins a file; `-` is the standard output, and `.gz` at the end packs it.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        let mut file = Self { target: Target::create(path)?, line: Vec::new() };
        let names = COLUMNS.iter().map(|column| column.name).chain([RECORD_COLUMN]);
        file.line(names.map(Some))?;
        Ok(file)
    }

    fn line<'a>(&mut self, cells: impl Iterator<Item = Option<&'a str>>) -> Result<(), ExportError> {
        self.line.clear();
        for (number, cell) in cells.enumerate() {
            if number > 0 {
                self.line.push(b',');
            }
            if let Some(cell) = cell {
                push_cell(&mut self.line, cell);
            }
        }
        self.line.extend_from_slice(b"\r\n");
        self.target.write(&self.line)
    }
}

/// What a value begins with that some spreadsheet takes for a formula.
const FORMULA_BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn push_cell(line: &mut Vec<u8>, cell: &str) {
    line.push(b'"');
    if cell.starts_with(FORMULA_BEGINNINGS) {
        line.push(b'\'');
    }
    for byte in cell.bytes() {
        line.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
    }
    line.push(b'"');
}

impl RecordWriter for CsvFile {
    fn write(&mut self, record: &str) -> Result<(), ExportError> {
        let values = values(record)?;
        self.line(values.iter().map(Option::as_deref).chain([Some(record)]))
    }

    fn finish(self: Box<Self>) -> Result<Written, ExportError> {
        self.target.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let cell = |text: &str| {
            let mut line = Vec::new();
            push_cell(&mut line, text);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(cell("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
    }
}
