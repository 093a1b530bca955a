//! Reads the text of a record: what a segment orders and tells events by.

use std::borrow::Cow;

use model::lookup::LookupIndexError;
use model::{EventCategory, EventTime};

use crate::cells::{parse_time, parse_uuid};
use crate::hash::term_hash;
use crate::known_layouts::{CallerPlace, KnownLayouts, LayoutNumber, Walk};
use crate::scan::{EVENT_ID_MARK, Field, Leaf, Scan, ScanError, TIME_MARK, check_utf8, is_space};

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

/// Reads records one after another. Keeps its memory from one to the next, and knows how earlier ones were laid out.
#[derive(Debug, Default)]
pub struct RecordReader {
    scan: Scan,
    pub(crate) known: KnownLayouts,
}

/// A record that was read.
#[derive(Debug)]
pub struct ReadRecord<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) shapes: &'a [u8],
    /// Their places in the text are those of another record, if the layout has a number.
    pub(crate) fields: &'a [Field],
    /// Without those of time and id, where these are stored as numbers.
    pub(crate) leaves: &'a [Leaf],
    pub(crate) caller: Option<CallerText>,
    pub(crate) layout: Option<LayoutNumber>,
    pub(crate) seconds: i64,
    pub(crate) id: [u8; 16],
    pub(crate) category: EventCategory,
}

/// Where who called stands in a text: the whole of `userIdentity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallerText {
    /// Number of its field.
    pub(crate) field: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl RecordReader {
    /// Reads the text of one JSON object, with or without whitespace.
    ///
    /// # Errors
    /// It is no JSON object, or has no event id or no time. Whether the other fields are those of a record is seen when
    /// a segment takes it.
    pub fn read<'a>(&'a mut self, text: &'a [u8]) -> Result<ReadRecord<'a>, Refusal> {
        check_utf8(text)?;
        if let Some(walk) = self.known.walk(text, &mut self.scan.leaves)
            && text[walk.size..].iter().all(is_space)
        {
            return Ok(self.known_record(text, walk));
        }
        self.scan.read(text)?;
        self.new_record(text)
    }

    /// Reads the record that a text begins with, if it is whole and sound, and says how many bytes it has. An object with
    /// a list under one of some names is a list of records and none itself.
    pub fn read_first<'a>(&'a mut self, text: &'a [u8], lists: &[&[u8]]) -> Option<(ReadRecord<'a>, usize)> {
        if let Some(walk) = self.known.walk(text, &mut self.scan.leaves) {
            let (text, size) = (&text[..walk.size], walk.size);
            check_utf8(text).ok()?;
            let keys = &self.known.layout(walk.number).list_keys;
            let is_list = keys.iter().any(|key| lists.contains(&&**key));
            return (!is_list).then(|| (self.known_record(text, walk), size));
        }
        let size = self.scan.read_first(text).ok()?;
        let text = &text[..size];
        check_utf8(text).ok()?;
        let is_list = |field: &Field| {
            text[field.value_start as usize] == b'['
                && lists.contains(&&text[field.key_start as usize..field.key_end as usize])
        };
        if self.scan.fields.iter().any(is_list) {
            return None;
        }
        Some((self.new_record(text).ok()?, size))
    }

    /// What [`KnownLayouts::walk`] found, as a record.
    fn known_record<'a>(&'a self, text: &'a [u8], walk: Walk) -> ReadRecord<'a> {
        let layout = self.known.layout(walk.number);
        let caller = layout.caller.map(|place| CallerText {
            field: place.field,
            start: self.scan.leaves[place.leaves_start as usize].start - place.bytes_before,
            end: self.scan.leaves[place.leaves_end as usize - 1].end + place.bytes_behind,
        });
        ReadRecord {
            text,
            shapes: &layout.shapes,
            fields: &layout.fields,
            leaves: &self.scan.leaves,
            caller,
            layout: Some(LayoutNumber { generation: self.known.generation(), number: walk.number }),
            seconds: walk.seconds,
            id: walk.id,
            category: layout.category,
        }
    }

    /// What [`Scan`] found, as a record. Its layout may be known from now on.
    fn new_record<'a>(&'a mut self, text: &'a [u8]) -> Result<ReadRecord<'a>, Refusal> {
        let (seconds, id) = time_and_id(&mut self.scan, text)?;
        let place = caller_place(&self.scan, text);
        let category = category(&self.scan);
        self.known.learn(text, &self.scan, place, category);
        let Scan { fields, shapes, leaves, .. } = &self.scan;
        let caller = place.map(|place| {
            let Field { value_start: start, value_end: end, .. } = fields[place.field as usize];
            CallerText { field: place.field, start, end }
        });
        Ok(ReadRecord { text, shapes, fields, leaves, caller, layout: None, seconds, id, category })
    }
}

/// The category as the shapes have it: fields that tell it keep their texts there.
fn category(scan: &Scan) -> EventCategory {
    let value = |key: &[u8]| {
        let shape = |field: &Field| &scan.shapes[field.shape_start as usize..field.shape_end as usize];
        scan.fields.iter().find_map(|field| shape(field).strip_prefix(key))
    };
    let named = value(b"\"eventCategory\":").and_then(|value| value.strip_prefix(b"\"")?.strip_suffix(b"\""));
    let management_event = match value(b"\"managementEvent\":") {
        Some(b"true" | b"\"true\"") => Some(true),
        Some(b"false" | b"\"false\"") => Some(false),
        _ => None,
    };
    EventCategory::of_record(named.and_then(|named| std::str::from_utf8(named).ok()), management_event)
}

/// Where who called is: the first `userIdentity` that is an object with leaves.
fn caller_place(scan: &Scan, text: &[u8]) -> Option<CallerPlace> {
    let is_caller = |field: &Field| {
        field.leaves_end > field.leaves_start
            && text[field.value_start as usize] == b'{'
            && text[field.key_start as usize..field.key_end as usize] == *b"userIdentity"
    };
    let field = scan.fields.iter().position(is_caller)?;
    let Field { leaves_start, leaves_end, value_start, value_end, .. } = scan.fields[field];
    Some(CallerPlace {
        field: field as u32,
        leaves_start,
        leaves_end,
        bytes_before: scan.leaves[leaves_start as usize].start - value_start,
        bytes_behind: value_end - scan.leaves[leaves_end as usize - 1].end,
    })
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

    /// Category, as far as the text has it in the usual way: for who puts records in order before a segment takes them.
    /// What the record is found by is in its index.
    pub fn category(&self) -> EventCategory {
        self.category
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

/// Finds time and id. Where they are stored as numbers their shapes are marked, and they are no leaves any more.
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
        scan.leaves.remove(field.leaves_start as usize);
        scan.fields[index].leaves_end -= 1;
        for later in &mut scan.fields[index + 1..] {
            later.leaves_start -= 1;
            later.leaves_end -= 1;
        }
    }
    let seconds = seconds.ok_or(LookupIndexError::Missing { field: "eventTime" })?;
    let id = id.ok_or(LookupIndexError::Missing { field: "eventID" })?;
    Ok((seconds, id))
}

/// The text that the content of a JSON string stands for.
pub(crate) fn unescaped(content: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', content).is_none()
        && let Ok(text) = std::str::from_utf8(content)
    {
        return Cow::Borrowed(text);
    }
    let quoted = [b"\"", content, b"\""].concat();
    serde_json::from_slice(&quoted).map_or_else(|_| String::from_utf8_lossy(content), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use model::LookupIndex;

    use super::*;

    #[test]
    fn the_category_is_that_of_the_index_for_new_layouts_and_known_ones() {
        let fields = [
            r#""eventCategory":"Management","#,
            r#""eventCategory":"Data","managementEvent":false,"#,
            r#""eventCategory" : "NetworkActivity","#,
            r#""eventCategory":"Insight","#,
            r#""eventCategory":"Later","#,
            r#""managementEvent":false,"#,
            r#""managementEvent":"false","#,
            r#""managementEvent":true,"#,
            r#""managementEvent":null,"#,
            r#""requestParameters":{"eventCategory":"Data"},"#,
            "",
        ];
        let mut reader = RecordReader::default();
        for fields in fields {
            let record = format!(
                r#"{{"eventTime":"2026-01-02T03:04:05Z",{fields}"eventID":"4dc36a52-1b1a-4a2b-9f8b-3a1cb1a8f6e0","eventSource":"s3.amazonaws.com"}}"#
            );
            let expected = LookupIndex::derive(record.as_bytes()).expect("a record").category;
            // A layout is known once it came twice.
            for _ in 0..3 {
                assert_eq!(reader.read(record.as_bytes()).expect("a record").category(), expected, "{record}");
            }
        }
    }
}
