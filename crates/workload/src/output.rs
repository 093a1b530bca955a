//! How events lie in files: as CloudTrail delivers them, or one a line.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::calendar::Date;
use crate::random::Random;
use crate::shape;

/// CloudTrail delivers some minutes after the last event, at times that are multiples of so many seconds.
const DELIVERY_SECONDS: i64 = 300;
/// Letters at the end of the name of a log file, which make it unique.
const UNIQUE_LETTERS: usize = 16;

/// Form of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Log files as CloudTrail delivers them, with its folders and names
    LogFiles,
    /// One record a line, not compressed
    JsonLines,
}

/// Where a file goes and how.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) folder: PathBuf,
    pub(crate) format: Format,
    pub(crate) gzip_level: u32,
}

/// Records of one file, one after another.
#[derive(Debug)]
pub(crate) struct FileText {
    format: Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: u64,
    pub(crate) last_second: i64,
}

impl FileText {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, bytes: Vec::new(), records: 0, last_second: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records = 0;
    }

    /// Appends what stands before a record.
    pub(crate) fn begin_record(&mut self, second: i64) {
        match self.format {
            Format::LogFiles if self.records == 0 => self.bytes.extend_from_slice(br#"{"Records":["#),
            Format::LogFiles => self.bytes.push(b','),
            Format::JsonLines => {}
        }
        self.records += 1;
        self.last_second = second;
    }

    /// Appends what stands after a record.
    pub(crate) fn end_record(&mut self) {
        if self.format == Format::JsonLines {
            self.bytes.push(b'\n');
        }
    }

    fn end(&mut self) {
        if self.format == Format::LogFiles {
            self.bytes.extend_from_slice(b"]}");
        }
    }
}

impl Output {
    /// Writes a file; returns its bytes on disk.
    ///
    /// # Errors
    /// The disk is full, the folder cannot be written.
    pub(crate) fn write(&self, account: &str, region: &str, text: &mut FileText, random: &mut Random) -> Result<u64> {
        text.end();
        let mut unique = Vec::new();
        shape::write_alphanumeric(random, UNIQUE_LETTERS, &mut unique);
        let unique = String::from_utf8_lossy(&unique).into_owned();
        let delivery = (text.last_second.div_euclid(DELIVERY_SECONDS) + 1) * DELIVERY_SECONDS;
        let date = Date::of(delivery)?;
        let name = match self.format {
            Format::LogFiles => {
                let day = date.format("%Y/%m/%d");
                let time = date.format("%Y%m%dT%H%MZ");
                format!(
                    "AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{time}_{unique}.json.gz"
                )
            }
            Format::JsonLines => format!("{account}_{region}_{}_{unique}.jsonl", date.format("%Y%m%dT%H%MZ")),
        };
        let path = self.folder.join(name);
        let written = match self.format {
            Format::LogFiles => {
                let mut packer = GzEncoder::new(Vec::new(), Compression::new(self.gzip_level));
                packer.write_all(&text.bytes).and_then(|()| packer.finish()).context("compress")
            }
            Format::JsonLines => return write_file(&path, &text.bytes),
        };
        write_file(&path, &written?)
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<u64> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))?;
    Ok(bytes.len() as u64)
}
