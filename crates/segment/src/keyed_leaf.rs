//! A key with the begin of its value, or with all of it: `"bucketName":"f`, `"port":22,`.
//!
//! The value is too short to be looked for wherever it may stand, and the key is in nearly every record. But the key leads to
//! a few columns, and of these alone the values are compared.

use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;
use memchr::memmem::Finder;

use crate::block::ReadCell;
use crate::bytes::{Cursor, Damage};
use crate::classes::ClassesAtHand;
use crate::leaf_place::LeafPlace;
use crate::rows::NumberSet;
use crate::scan::{EVENT_ID_MARK, NUMBER_MARK, STRING_MARK, TIME_MARK};
use crate::segment::{Segment, SegmentError};

/// A leaf that a text tells the key of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyedLeaf<'a> {
    /// The key, or its end if the text begins inside of it, its colon, and the quote of a string: all of it is in one shape.
    before: &'a [u8],
    /// What the text has of the leaf, from its begin on.
    pub(crate) content: &'a [u8],
    /// Whether that is all of it.
    pub(crate) place: LeafPlace,
    is_string: bool,
}

/// With what the shape of a caller begins.
const CALLER_FIELD: &[u8] = b"\"userIdentity\":";

/// Keys of a text, and leaves behind them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeysOf<'a> {
    /// Keys, as far as the text has them.
    pub(crate) keys: Vec<&'a [u8]>,
    /// The leaf of which the text tells most.
    pub(crate) leaf: Option<KeyedLeaf<'a>>,
}

impl<'a> KeysOf<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut found = Self::default();
        for quote in (1..text.len().saturating_sub(1)).filter(|quote| ends_key(text, *quote)) {
            let start = key_start(text, quote);
            found.keys.push(text[start..quote].strip_prefix(b"\"").unwrap_or(&text[start..quote]));
            let leaf = leaf_at(text, start, quote + 2);
            let length = |leaf: &Option<KeyedLeaf<'_>>| leaf.map_or(0, |leaf| leaf.content.len());
            if leaf.is_some() && (found.leaf.is_none() || length(&leaf) > length(&found.leaf)) {
                found.leaf = leaf;
            }
        }
        found
    }
}

/// Whether a quote is the one behind a key. One that nothing but a string's content may stand before ends a string, and only a
/// key has a colon behind it.
fn ends_key(text: &[u8], quote: usize) -> bool {
    let begins_string = matches!(text[quote - 1], b'{' | b'[' | b',' | b':');
    text[quote] == b'"' && text[quote + 1] == b':' && !begins_string && text[quote - 1] != b'\\'
}

/// Where a key begins, with its quote, or the part of it that is certain: a quote behind a backslash may be in the key or not.
fn key_start(text: &[u8], end: usize) -> usize {
    match memchr::memrchr(b'"', &text[..end]) {
        Some(quote) if quote > 0 && text[quote - 1] == b'\\' => quote + 1,
        Some(quote) => quote,
        None => 0,
    }
}

/// The leaf that is the value at a place; `None` if there is none, or nothing is known of it.
fn leaf_at(text: &[u8], key: usize, value: usize) -> Option<KeyedLeaf<'_>> {
    let is_string = *text.get(value)? == b'"';
    let start = if is_string { value + 1 } else { value };
    let rest = &text[start..];
    let length = if is_string { string_length(rest) } else { number_length(rest) };
    let content = &rest[..length.unwrap_or(rest.len())];
    let place = if length.is_some() { LeafPlace::Whole } else { LeafPlace::Begin };
    // Without content it is an empty string, or else an object, a list, a word, or what is behind the text.
    let is_leaf = !content.is_empty() || (is_string && place == LeafPlace::Whole);
    is_leaf.then_some(KeyedLeaf { before: &text[key..start], content, place, is_string })
}

/// Where a string's content ends; `None` if it goes on behind the text.
fn string_length(content: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = content.get(at) {
        match byte {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

fn number_length(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
}

impl KeyedLeaf<'_> {
    /// What stands in the place of the leaf in shapes that have the key before it.
    fn marks_in(&self, shape: &[u8]) -> MarksOfShape {
        let mut marks = MarksOfShape::default();
        let mut before = 0;
        for (at, byte) in shape.iter().enumerate().filter(|(_, byte)| **byte <= EVENT_ID_MARK) {
            let is_of_key = shape[..at].ends_with(self.before);
            match *byte {
                TIME_MARK => marks.has_time |= is_of_key,
                EVENT_ID_MARK => marks.has_event_id |= is_of_key,
                mark => {
                    if is_of_key && (mark == STRING_MARK) == self.is_string {
                        marks.of_key.push(before);
                    }
                    before += 1;
                }
            }
        }
        if self.is_string {
            let mut whole = [self.before, self.content].concat();
            whole.extend((self.place == LeafPlace::Whole).then_some(b'"'));
            marks.has_text = memchr::memmem::find(shape, &whole).is_some();
        }
        marks
    }
}

/// Where a shape may have a leaf that a key stands before.
#[derive(Debug, Default)]
struct MarksOfShape {
    /// Numbers of marks, those of time and event id not counted.
    of_key: Vec<usize>,
    has_time: bool,
    has_event_id: bool,
    /// Whether the shape itself has the text.
    has_text: bool,
}

/// Where in a segment leaves are that a key stands before.
#[derive(Debug, Default)]
pub(crate) struct PlacesOfKey {
    /// Columns of rows.
    pub(crate) columns: NumberSet,
    /// Classes of rows with such columns.
    pub(crate) classes: NumberSet,
    /// Shapes that have key and leaf in them.
    pub(crate) shapes: NumberSet,
    /// Whether it is the key of the event time or of the event id.
    pub(crate) has_time: bool,
    pub(crate) has_event_id: bool,
    /// Whether callers have it.
    pub(crate) is_of_callers: bool,
    /// For each shape with the key the marks that it stands before, those of time and event id not counted.
    marks: MarksOfShapes,
}

type MarksOfShapes = HashMap<u32, Vec<usize>, DefaultHashBuilder>;

impl PlacesOfKey {
    pub(crate) fn find(segment: &Segment, leaf: &KeyedLeaf<'_>) -> Result<Self, SegmentError> {
        let first = segment.index.first_shape;
        let with_key = segment.items_with(first..segment.index.first_skeleton, &Finder::new(leaf.before), |_| true)?;
        let mut found = Self::default();
        for item in with_key {
            let (marks, is_of_caller) =
                segment.with_item(item, |shape| (leaf.marks_in(shape), shape.starts_with(CALLER_FIELD)))?;
            found.is_of_callers |= is_of_caller;
            found.has_time |= marks.has_time;
            found.has_event_id |= marks.has_event_id;
            if marks.has_text {
                found.shapes.insert(item - first);
            }
            if !marks.of_key.is_empty() {
                found.marks.insert(item - first, marks.of_key);
            }
        }
        if !found.marks.is_empty() {
            found.find_columns(segment)?;
        }
        Ok(found)
    }

    fn find_columns(&mut self, segment: &Segment) -> Result<(), SegmentError> {
        let mut classes = ClassesAtHand::default();
        let mut mark_counts: HashMap<u32, usize, DefaultHashBuilder> = HashMap::default();
        for number in 0..segment.class_count() {
            let class = classes.group(segment, number)?.class(number)?;
            let is_of_key = |shape: &u32| shape.checked_sub(1).is_some_and(|shape| self.marks.contains_key(&shape));
            let Some(last) = class.shapes.iter().rposition(is_of_key) else { continue };
            let mut first_column = 0;
            for shape in class.shapes[..=last].iter().filter_map(|shape| shape.checked_sub(1)) {
                for mark in self.marks.get(&shape).into_iter().flatten() {
                    if let Some(column) = class.columns.get(first_column + mark) {
                        self.columns.insert(*column);
                        self.classes.insert(number);
                    }
                }
                first_column += match mark_counts.get(&shape) {
                    Some(count) => *count,
                    None => {
                        let count = segment.with_item(segment.index.first_shape + shape, mark_count)?;
                        mark_counts.insert(shape, count);
                        count
                    }
                };
            }
        }
        Ok(())
    }

    /// Columns of callers that have the key.
    pub(crate) fn columns_of_callers(&self, segment: &Segment) -> Result<NumberSet, SegmentError> {
        let mut columns = NumberSet::default();
        self.visit_callers(segment, |_, cells| cells.iter().for_each(|(column, _)| columns.insert(*column)))?;
        Ok(columns)
    }

    /// Visits callers that have the key: their numbers, and the cells that it stands before.
    pub(crate) fn visit_callers(
        &self,
        segment: &Segment,
        mut visitor: impl FnMut(u32, &[(u32, ReadCell<'_>)]),
    ) -> Result<(), SegmentError> {
        let mut damage = None;
        segment.visit_callers(
            |_| true,
            |number, item| match self.cells_of_caller(item) {
                Ok(cells) if cells.is_empty() => {}
                Ok(cells) => visitor(number, &cells),
                Err(found) => damage = Some(found),
            },
        )?;
        damage.map_or(Ok(()), |damage| Err(damage.into()))
    }

    fn cells_of_caller<'a>(&self, item: &'a [u8]) -> Result<Vec<(u32, ReadCell<'a>)>, Damage> {
        let mut cursor = Cursor::new(item);
        let mut cells = Vec::new();
        let Some(marks) = self.marks.get(&cursor.code()?) else { return Ok(cells) };
        for mark in 0..=marks.last().copied().unwrap_or_default() {
            let cell = crate::records::caller_cell(&mut cursor)?;
            if marks.contains(&mark) {
                cells.push(cell);
            }
        }
        Ok(cells)
    }

    /// Callers whose shapes have key and leaf in them.
    pub(crate) fn callers_with_shapes(&self, segment: &Segment) -> Result<Vec<u32>, SegmentError> {
        let mut callers = Vec::new();
        if self.is_of_callers && !self.shapes.is_empty() {
            segment.visit_callers(
                |_| true,
                |number, item| {
                    if Cursor::new(item).code().is_ok_and(|shape| self.shapes.contains(shape)) {
                        callers.push(number);
                    }
                },
            )?;
        }
        Ok(callers)
    }
}

/// Marks that columns stand for.
fn mark_count(shape: &[u8]) -> usize {
    shape.iter().filter(|byte| matches!(**byte, STRING_MARK | NUMBER_MARK)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::Scan;

    #[test]
    fn a_leaf_is_known_by_its_key() {
        let check = |text: &str, expected: Option<(&str, &str, bool)>| {
            let leaf = KeysOf::new(text.as_bytes()).leaf.map(|leaf| {
                let words = [leaf.before, leaf.content].map(|part| String::from_utf8_lossy(part).into_owned());
                (words, leaf.place == LeafPlace::Whole)
            });
            let expected = expected.map(|(before, content, is_whole)| ([before, content].map(str::to_owned), is_whole));
            assert_eq!(leaf, expected, "{text}");
        };
        check(r#""bucketName":"f"#, Some((r#""bucketName":""#, "f", false)));
        check(r#"Name":"f"#, Some((r#"Name":""#, "f", false)));
        check(r#""port":22"#, Some((r#""port":"#, "22", false)));
        check(r#""port":22,"#, Some((r#""port":"#, "22", true)));
        check(r#""a":"","b":"x\"y","c"#, Some((r#""b":""#, r#"x\"y"#, true)));
        check(r#"x\\":"f"#, None);
        check(r#"\"a":"f"#, Some((r#"a":""#, "f", false)));
        // It may begin a string: `{":":"f"}`.
        check(r#"":"f"#, None);
        check(r#"{":"f"#, None);
        check(r#""a":"#, None);
        check(r#""a":""#, None);
        check(r#""a":["f"#, None);
        check(r#""a":null,"b":true"#, None);
        check("arn:aws:s3:::a", None);
    }

    /// JSON with everything inside of strings that also stands between tokens.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let text = r#"[a:,{}"\[\]\\1 -]{0,5}"#;
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            (-20..200_i64).prop_map(serde_json::Value::from),
            text.prop_map(serde_json::Value::from),
            text.prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
                prop::collection::btree_map(text, inner, 0..5)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Wherever a record has a text, a shape has the key and a leaf that fits in its place, or both.
        #[test]
        fn a_keyed_leaf_is_where_its_shape_says(value in json(), from in 0..300_usize, length in 1..30_usize) {
            let record = serde_json::json!({ "eventID": "9b7e1c1e-0000-4000-8000-123456789abc", "a": value, "eventName": "b:c" });
            let record = record.to_string();
            let from = from % record.len();
            let text = &record.as_bytes()[from..record.len().min(from + length)];
            let Some(leaf) = KeysOf::new(text).leaf else { return Ok(()) };
            let mut scan = Scan::default();
            scan.read(record.as_bytes()).expect("a record");
            let is_found = scan.fields.iter().any(|field| {
                let shape = &scan.shapes[field.shape_start as usize..field.shape_end as usize];
                let leaves = &scan.leaves[field.leaves_start as usize..field.leaves_end as usize];
                let marks = leaf.marks_in(shape);
                let content = |mark: &usize| &record.as_bytes()[leaves[*mark].start as usize..leaves[*mark].end as usize];
                marks.has_text || marks.of_key.iter().any(|mark| leaf.place.has(content(mark), leaf.content))
            });
            prop_assert!(is_found, "{} of {record}: {leaf:?}", String::from_utf8_lossy(text));
        }
    }
}
