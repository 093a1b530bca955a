//! Records on their way to `cloudtrail.json`.
//!
//! While the program runs they are lines of a JSON lines file, so that a run that is killed leaves what it had. The note
//! of a call stands there until its final record is written; then the note's line is blanked, and blank lines mean
//! nothing. At the end the lines become one CloudTrail file, which takes its name only when it is complete.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use gateway::{EntryKind, NoteId, SinkEntry};

/// Name of the file while the program runs.
const PARTIAL_NAME: &str = "cloudtrail.partial.jsonl";
/// Name of the finished file.
const FINISHED_NAME: &str = "cloudtrail.json";

/// Where a note stands.
#[derive(Debug, Clone, Copy)]
struct Line {
    offset: u64,
    /// Bytes without the line's end.
    length: usize,
}

/// A file of records that grows.
#[derive(Debug)]
pub struct RecordFile {
    folder: PathBuf,
    file: File,
    end: u64,
    notes: HashMap<NoteId, Line>,
    next_note: u64,
}

impl RecordFile {
    /// Starts an empty file in a folder that exists.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(folder.join(PARTIAL_NAME))?;
        Ok(Self { folder: folder.to_owned(), file, end: 0, notes: HashMap::new(), next_note: 0 })
    }

    /// Writes a record; gives the name of a note.
    ///
    /// # Errors
    /// The disk is full or fails. The record is not in the file; the next one takes its place.
    pub fn write(&mut self, entry: &SinkEntry) -> io::Result<Option<NoteId>> {
        let line = Line { offset: self.end, length: entry.record.len() };
        let mut bytes = Vec::with_capacity(line.length + 1);
        bytes.extend_from_slice(&entry.record);
        bytes.push(b'\n');
        self.file.write_all_at(&bytes, line.offset)?;
        self.end += bytes.len() as u64;
        if let Some(note) = entry.supersedes.and_then(|id| self.notes.remove(&id)) {
            self.file.write_all_at(&vec![b' '; note.length], note.offset)?;
        }
        Ok((entry.kind == EntryKind::Note).then(|| {
            let id = NoteId(self.next_note);
            self.next_note += 1;
            self.notes.insert(id, line);
            id
        }))
    }

    /// How many calls have no final record: their outcome is not known.
    pub fn open_notes(&self) -> usize {
        self.notes.len()
    }

    /// Removes the lines.
    pub fn discard(self) {
        let partial = self.folder.join(PARTIAL_NAME);
        if let Err(error) = std::fs::remove_file(&partial) {
            tracing::warn!(%error, file = %partial.display(), "cannot be removed");
        }
    }

    /// Makes the CloudTrail file and removes the lines. Reads one line at a time, whatever the size of the run.
    ///
    /// # Errors
    /// The folder cannot be written; the lines stay.
    pub fn finish(self) -> io::Result<PathBuf> {
        // Bytes behind the end are those of a write that failed in the middle.
        self.file.set_len(self.end)?;
        let partial = self.folder.join(PARTIAL_NAME);
        let mut lines = BufReader::new(File::open(&partial)?);
        let mut out = BufWriter::new(tempfile::NamedTempFile::new_in(&self.folder)?);
        out.write_all(b"{\"Records\":[")?;
        let mut is_first = true;
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let record = line.trim_ascii();
            if !record.is_empty() {
                out.write_all(if is_first { b"\n" } else { b",\n" })?;
                out.write_all(record)?;
                is_first = false;
            }
            line.clear();
        }
        out.write_all(if is_first { b"]}\n" } else { b"\n]}\n" })?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let finished = self.folder.join(FINISHED_NAME);
        file.persist(&finished)?;
        std::fs::remove_file(&partial)?;
        Ok(finished)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::LookupIndex;

    use super::*;

    fn entry(text: &'static str, is_note: bool, supersedes: Option<NoteId>) -> SinkEntry {
        let json = format!(
            r#"{{"eventTime":"2025-01-01T00:00:00Z","eventName":"{text}","eventID":"1","eventSource":"s3.amazonaws.com"}}"#
        );
        let index = LookupIndex::derive(json.as_bytes()).expect("a record");
        let kind = if is_note { EntryKind::Note } else { EntryKind::Event(Box::new(index)) };
        SinkEntry { record: Bytes::from(json), kind, supersedes }
    }

    fn names(json: &str) -> Vec<String> {
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let records = value["Records"].as_array().expect("records");
        records.iter().map(|record| record["eventName"].as_str().expect("a name").to_owned()).collect()
    }

    #[test]
    fn final_records_take_the_place_of_notes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = RecordFile::create(folder.path()).expect("a file");
        let note = file.write(&entry("PutNote", true, None)).expect("written");
        let open = file.write(&entry("OpenNote", true, None)).expect("written");
        assert_eq!(file.write(&entry("Get", false, None)).expect("written"), None);
        let second = file.write(&entry("PutSecondNote", true, note)).expect("written");
        file.write(&entry("Put", false, second)).expect("written");
        assert!(open.is_some());
        assert_eq!(file.open_notes(), 1);

        let partial = std::fs::read_to_string(folder.path().join(PARTIAL_NAME)).expect("lines");
        let lines: Vec<_> = partial.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 3, "a run that is killed now leaves these");

        let finished = file.finish().expect("finished");
        assert_eq!(names(&std::fs::read_to_string(finished).expect("a text")), ["OpenNote", "Get", "Put"]);
        let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_run_without_calls_makes_an_empty_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let finished = RecordFile::create(folder.path()).expect("a file").finish().expect("finished");
        assert_eq!(std::fs::read_to_string(finished).expect("a text"), "{\"Records\":[]}\n");
    }
}
