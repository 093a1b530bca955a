//! Reads the text of a record: what a segment orders and tells events by.

use model::EventTime;
use model::lookup::LookupIndexError;

use crate::cells::{parse_time, parse_uuid};
use crate::hash::term_hash;
use crate::scan::{EVENT_ID_MARK, Field, Scan, ScanError, TIME_MARK, check_utf8};

/// A record that no segment takes.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The text is no JSON object.
    #[error(transparent)]
    NotJson(#[from] ScanError),
    /// The object is no event record.
    #[error(transparent)]
    NotARecord(#[from] LookupIndexError),
}

/// Reads records one after another. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct RecordReader(Scan);

/// A record that was read.
#[derive(Debug)]
pub struct ReadRecord<'a> {
    pub(crate) scan: &'a Scan,
    pub(crate) text: &'a [u8],
    pub(crate) seconds: i64,
    pub(crate) id: [u8; 16],
}

impl RecordReader {
    /// Reads the text of one JSON object, with or without whitespace.
    ///
    /// # Errors
    /// It is no JSON object, or has no event id or no time. Whether the other fields are those of a record is seen when
    /// a segment takes it.
    pub fn read<'a>(&'a mut self, text: &'a [u8]) -> Result<ReadRecord<'a>, Refusal> {
        self.0.read(text)?;
        let (seconds, id) = time_and_id(&mut self.0, text)?;
        Ok(ReadRecord { scan: &self.0, text, seconds, id })
    }

    /// Reads the record that a text begins with, if it is whole and sound, and says how many bytes it has. An object with
    /// a list under one of some names is a list of records and none itself.
    pub fn read_first<'a>(&'a mut self, text: &'a [u8], lists: &[&[u8]]) -> Option<(ReadRecord<'a>, usize)> {
        let size = self.0.read_first(text).ok()?;
        let text = &text[..size];
        check_utf8(text).ok()?;
        let is_list = |field: &Field| {
            text[field.value_start as usize] == b'['
                && lists.contains(&&text[field.key_start as usize..field.key_end as usize])
        };
        if self.0.fields.iter().any(is_list) {
            return None;
        }
        let (seconds, id) = time_and_id(&mut self.0, text).ok()?;
        Some((ReadRecord { scan: &self.0, text, seconds, id }, size))
    }
}

impl ReadRecord<'_> {
    /// Event time, seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The number that stands for the event's id: see [`id_number`].
    pub fn id(&self) -> [u8; 16] {
        self.id
    }
}

/// The number that stands for an event id: its own 16 bytes if it is a UUID in lower case, else a hash of its text.
pub fn id_number(text: &str) -> [u8; 16] {
    parse_uuid(text.as_bytes()).unwrap_or_else(|| id_of_text(text.as_bytes()))
}

fn id_of_text(text: &[u8]) -> [u8; 16] {
    let mut number = [0; 16];
    number[..8].copy_from_slice(&term_hash(0, text).to_le_bytes());
    number[8..].copy_from_slice(&term_hash(u8::MAX, text).to_le_bytes());
    number
}

/// Finds time and id, and marks their shapes where they are stored as numbers.
fn time_and_id(scan: &mut Scan, text: &[u8]) -> Result<(i64, [u8; 16]), Refusal> {
    let (mut seconds, mut id) = (None, None);
    for index in 0..scan.fields.len() {
        let field = scan.fields[index];
        let key = &text[field.key_start as usize..field.key_end as usize];
        let is_string = text.get(field.value_start as usize) == Some(&b'"');
        if !is_string || field.leaves_end - field.leaves_start != 1 {
            continue;
        }
        let leaf = scan.leaves[field.leaves_start as usize];
        let content = &text[leaf.start as usize..leaf.end as usize];
        let mark = match key {
            b"eventTime" => match parse_time(content) {
                Some(parsed) => {
                    seconds = Some(parsed);
                    TIME_MARK
                }
                None => {
                    let parsed = EventTime::parse(&unescaped(content)).map_err(LookupIndexError::from)?;
                    seconds = Some(parsed.as_seconds());
                    continue;
                }
            },
            b"eventID" => match parse_uuid(content) {
                Some(uuid) => {
                    id = Some(uuid);
                    EVENT_ID_MARK
                }
                None => {
                    id = (!content.is_empty()).then(|| id_number(&unescaped(content)));
                    continue;
                }
            },
            _ => continue,
        };
        scan.shapes[field.shape_end as usize - 2] = mark;
        scan.fields[index].leaves_end = field.leaves_start;
    }
    let seconds = seconds.ok_or(LookupIndexError::Missing { field: "eventTime" })?;
    let id = id.ok_or(LookupIndexError::Missing { field: "eventID" })?;
    Ok((seconds, id))
}

/// The text that the content of a JSON string stands for.
pub(crate) fn unescaped(content: &[u8]) -> String {
    if !content.contains(&b'\\') {
        return String::from_utf8_lossy(content).into_owned();
    }
    let quoted = [b"\"", content, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(content).into_owned())
}
