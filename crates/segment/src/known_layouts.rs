//! Layouts of records that were read before, so that a record of one of them is read without looking at its keys.
//!
//! Nearly all records are laid out like earlier ones: what stands between their leaves is the same, byte for byte. A tree
//! has these bytes. To read a record is then to walk down: compare what is between two leaves, which is one comparison of
//! some twenty bytes, find the end of the next leaf, choose the branch that goes on. Where no branch does, the record is
//! read by [`Scan`], which also decides what is sound: the tree has nothing but what came out of it.
//!
//! **Same result**: what the tree says of a text is what [`Scan`] says of it. Between the leaves it only takes bytes that
//! were read so before; leaves are checked by the same code.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap, HashSet};
use model::EventCategory;

use crate::cells::{parse_time, parse_uuid};
use crate::scan::{EVENT_ID_MARK, Field, Leaf, Reader, STRING_MARK, Scan, TIME_MARK};

/// Steps that are kept, 20 bytes each, and bytes of them and of layouts: most layouts have some two thousand. With more, all
/// are forgotten: who sends records of ever new layouts gains nothing from the tree.
const STEPS_MAX: usize = 128 * 1024;
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Shapes of a layout that is learnt, bytes. Longer ones are lists of hundreds of things, of which no two are alike.
const SHAPES_BYTES_MAX: usize = 64 * 1024;
/// What may come at one place. With more, where keys are names of things, the records are read the other way.
const ALTERNATIVES_MAX: usize = 64;
/// Hashes of layouts that came once.
const ONCE_MAX: usize = 64 * 1024;
/// Keys whose texts are part of the shape and of many kinds: they are looked up. Those of few kinds belong to what is between
/// leaves.
const WORD_KEYS: [&[u8]; 3] = [b"eventSource", b"eventName", b"errorCode"];

/// The layouts. The steps of one, and the bytes of these, lie behind one another, as they are read.
#[derive(Debug)]
pub(crate) struct KnownLayouts {
    steps: Vec<Step>,
    bytes: Vec<u8>,
    words: HashMap<Word, u32>,
    layouts: Vec<KnownLayout>,
    /// Memory of the layouts, bytes, about.
    layout_bytes: usize,
    /// Tells the numbers of these layouts from those of others, and of those that were forgotten.
    generation: u64,
    /// Layouts that came once: most of those that are odd never come again.
    once: HashSet<u64>,
    hasher: DefaultHashBuilder,
}

/// What all records of a layout share.
#[derive(Debug)]
pub(crate) struct KnownLayout {
    pub(crate) shapes: Vec<u8>,
    /// Places in the text are those of the first record.
    pub(crate) fields: Vec<Field>,
    /// Keys of lists.
    pub(crate) list_keys: Vec<Box<[u8]>>,
    pub(crate) caller: Option<CallerPlace>,
    pub(crate) category: EventCategory,
}

/// Where the caller of a record is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerPlace {
    /// Number of its field.
    pub(crate) field: u32,
    pub(crate) leaves_start: u32,
    pub(crate) leaves_end: u32,
    /// Bytes of its value before its first leaf and behind its last.
    pub(crate) bytes_before: u32,
    pub(crate) bytes_behind: u32,
}

/// Number of a layout, with the generation that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayoutNumber {
    pub(crate) generation: u64,
    pub(crate) number: u32,
}

/// A record that was found in the tree. Its leaves are in the list that was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) number: u32,
    pub(crate) size: usize,
    pub(crate) seconds: i64,
    pub(crate) id: [u8; 16],
}

/// What may come behind a leaf: bytes up to the next one, its opening quote included, and that.
#[derive(Debug, Clone, Copy)]
struct Step {
    start: u32,
    length: u32,
    kind: Kind,
    /// What comes behind; of [`Kind::End`] the number of the layout.
    next: u32,
    /// What may come instead of this.
    instead: u32,
}

/// Stands for no step.
const NONE: u32 = u32::MAX;

/// A text that is part of a shape, behind a step.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Word {
    step: u32,
    text: Box<[u8]>,
}

/// The same, in the text that is read.
#[derive(Hash)]
struct WordHere<'a> {
    step: u32,
    text: &'a [u8],
}

impl Equivalent<Word> for WordHere<'_> {
    fn equivalent(&self, word: &Word) -> bool {
        self.step == word.step && *self.text == *word.text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// The event time, where it is stored as a number.
    Time,
    /// The event id, where it is stored as a number.
    Id,
    /// A text that is part of the shape: see [`WORD_KEYS`].
    Word,
    End,
}

impl Default for KnownLayouts {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            bytes: Vec::new(),
            words: HashMap::new(),
            layouts: Vec::new(),
            layout_bytes: 0,
            generation: next_generation(),
            once: HashSet::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl KnownLayouts {
    pub(crate) fn layout(&self, number: u32) -> &KnownLayout {
        &self.layouts[number as usize]
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Reads the record that a text begins with, if its layout is known. Leaves are those of [`Scan`], but for the event's
    /// time and id.
    pub(crate) fn walk(&self, text: &[u8], leaves: &mut Vec<Leaf>) -> Option<Walk> {
        leaves.clear();
        u32::try_from(text.len()).ok()?;
        let mut reader = Reader::new(text);
        let (mut step, mut seconds, mut id) = (0_u32, None, None);
        loop {
            let found = self.fitting(step, &text[reader.at..])?;
            let Step { length, kind, next, .. } = self.steps[found as usize];
            let start = reader.at + length as usize;
            reader.at = start;
            step = next;
            match kind {
                Kind::Text => {
                    let end = reader.string_rest().ok()?;
                    leaves.push(Leaf { start: start as u32, end: end as u32 });
                    // The quote is the first byte of what comes behind.
                    reader.at = end;
                }
                Kind::Number => {
                    reader.number().ok()?;
                    leaves.push(Leaf { start: start as u32, end: reader.at as u32 });
                }
                Kind::Time => {
                    reader.at = start + 20;
                    seconds = Some(parse_time(text.get(start..reader.at)?)?);
                }
                Kind::Id => {
                    reader.at = start + 36;
                    id = Some(parse_uuid(text.get(start..reader.at)?)?);
                }
                Kind::Word => {
                    reader.at = reader.string_rest().ok()?;
                    step = *self.words.get(&WordHere { step: found, text: &text[start..reader.at] })?;
                }
                Kind::End => return Some(Walk { number: next, size: start, seconds: seconds?, id: id? }),
            }
        }
    }

    /// The step that goes on with some bytes, of one and those that may come instead.
    fn fitting(&self, mut number: u32, rest: &[u8]) -> Option<u32> {
        while let Some(step) = self.steps.get(number as usize) {
            let between = &self.bytes[step.start as usize..(step.start + step.length) as usize];
            if begins_with(rest, between)
                // What is before a number may also be before other values.
                && (step.kind != Kind::Number || matches!(rest.get(between.len()), Some(b'-' | b'0'..=b'9')))
            {
                return Some(number);
            }
            number = step.instead;
        }
        None
    }

    /// Notes the layout of a record that was read, if it came before.
    pub(crate) fn learn(&mut self, text: &[u8], scan: &Scan, caller: Option<CallerPlace>, category: EventCategory) {
        if scan.shapes.len() > SHAPES_BYTES_MAX {
            return;
        }
        let hash = self.hasher.hash_one(&scan.shapes);
        if self.once.len() >= ONCE_MAX {
            self.once.clear();
        }
        if self.once.insert(hash) {
            return;
        }
        if self.steps.len() >= STEPS_MAX || self.bytes.len() + self.layout_bytes >= BYTES_MAX {
            *self = Self::default();
        }
        let Some(places) = places_of(text, scan) else { return };
        let (mut at, mut behind) = (0, Behind::Root);
        for (kind, start, end) in places {
            let Some(step) = self.step(behind, &text[at..start], kind) else { return };
            behind = match kind {
                Kind::Word => Behind::Word(Word { step, text: text[start..end].into() }),
                _ => Behind::Step(step),
            };
            at = end;
        }
        let Some(end) = self.step(behind, &text[at..scan.end], Kind::End) else { return };
        let end = &mut self.steps[end as usize];
        if end.next != NONE {
            return;
        }
        end.next = self.layouts.len() as u32;
        self.layout_bytes += scan.shapes.len() + scan.fields.len() * size_of::<Field>();
        let is_list = |field: &&Field| text[field.value_start as usize] == b'[';
        let key = |field: &Field| text[field.key_start as usize..field.key_end as usize].into();
        self.layouts.push(KnownLayout {
            shapes: scan.shapes.clone(),
            fields: scan.fields.clone(),
            list_keys: scan.fields.iter().filter(is_list).map(key).collect(),
            caller,
            category,
        });
    }

    /// The step with these bytes behind another, made if it is not there and there is room for it.
    fn step(&mut self, behind: Behind, between: &[u8], kind: Kind) -> Option<u32> {
        let new = self.steps.len() as u32;
        let mut number = match &behind {
            Behind::Root => 0,
            Behind::Step(step) => self.steps[*step as usize].next,
            Behind::Word(word) => self.words.get(word).copied().unwrap_or(NONE),
        };
        let (mut last, mut alternatives) = (None, 0);
        while let Some(step) = self.steps.get(number as usize) {
            let known = &self.bytes[step.start as usize..(step.start + step.length) as usize];
            if known == between && step.kind == kind {
                return Some(number);
            }
            (last, alternatives) = (Some(number), alternatives + 1);
            number = step.instead;
        }
        if alternatives >= ALTERNATIVES_MAX {
            return None;
        }
        match (last, behind) {
            (Some(last), _) => self.steps[last as usize].instead = new,
            (None, Behind::Root) => {}
            (None, Behind::Step(step)) => self.steps[step as usize].next = new,
            (None, Behind::Word(word)) => drop(self.words.insert(word, new)),
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(between);
        self.steps.push(Step { start, length: between.len() as u32, kind, next: NONE, instead: NONE });
        Some(new)
    }
}

/// What a step comes behind.
enum Behind {
    Root,
    Step(u32),
    Word(Word),
}

/// Whether bytes begin with some. Eight at a time, because most of what stands between two leaves is short.
fn begins_with(bytes: &[u8], beginning: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..beginning.len()) else { return false };
    let word = |eight: &[u8; 8]| u64::from_le_bytes(*eight);
    match (bytes.last_chunk::<8>(), beginning.last_chunk::<8>()) {
        (Some(last), Some(expected)) => {
            // The last eight may have been compared in part before.
            let (eights, expected_eights) = (bytes.as_chunks::<8>().0, beginning.as_chunks::<8>().0);
            eights.iter().zip(expected_eights).all(|(left, right)| word(left) == word(right))
                && word(last) == word(expected)
        }
        _ => bytes.iter().zip(beginning).all(|(left, right)| left == right),
    }
}

/// Leaves and words in the order of the text; `None` for a record without the usual time and id.
fn places_of(text: &[u8], scan: &Scan) -> Option<Vec<(Kind, usize, usize)>> {
    let of_leaf = |leaf: &Leaf| {
        let kind = if text[leaf.start as usize - 1] == b'"' { Kind::Text } else { Kind::Number };
        (kind, leaf.start as usize, leaf.end as usize)
    };
    let of_field = |field: &Field| {
        let kind = match scan.shapes[field.shape_end as usize - 2] {
            TIME_MARK => Kind::Time,
            EVENT_ID_MARK => Kind::Id,
            STRING_MARK => return None,
            _ if WORD_KEYS.contains(&&text[field.key_start as usize..field.key_end as usize]) => Kind::Word,
            _ => return None,
        };
        Some((kind, field.value_start as usize + 1, field.value_end as usize - 1))
    };
    let is_text = |field: &&Field| text[field.value_start as usize] == b'"';
    let mut places: Vec<_> = scan.leaves.iter().map(of_leaf).collect();
    places.extend(scan.fields.iter().filter(is_text).filter_map(of_field));
    places.sort_unstable_by_key(|(_, start, _)| *start);
    let has_one = |wanted| places.iter().filter(|(kind, ..)| *kind == wanted).count() == 1;
    (has_one(Kind::Time) && has_one(Kind::Id)).then_some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::RecordReader;

    /// What a reader makes of a text: seconds, id, shapes, fields' places in them, leaves and the caller's text.
    type Parts = (i64, [u8; 16], Vec<u8>, Vec<[u32; 4]>, Vec<Vec<u8>>, Option<Vec<u8>>);

    fn parts(reader: &mut RecordReader, text: &[u8]) -> Result<Parts, String> {
        let record = reader.read(text).map_err(|error| error.to_string())?;
        let places =
            |field: &crate::scan::Field| [field.shape_start, field.shape_end, field.leaves_start, field.leaves_end];
        Ok((
            record.seconds,
            record.id,
            record.shapes.to_vec(),
            record.fields.iter().map(places).collect(),
            record.leaves.iter().map(|leaf| text[leaf.start as usize..leaf.end as usize].to_vec()).collect(),
            record.caller.map(|caller| text[caller.start as usize..caller.end as usize].to_vec()),
        ))
    }

    fn record() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            "[a-z0-9]{0,3}".prop_map(|text| format!("\"{text}\"")),
            Just(r#""a\"b\\""#.to_owned()),
            (-9..9_i32).prop_map(|number| number.to_string()),
            Just("0.5e1".to_owned()),
            Just("[]".to_owned()),
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        let list = prop::collection::vec(value.clone(), 0..3).prop_map(|values| format!("[{}]", values.join(",")));
        let object = (value.clone(), value.clone()).prop_map(|(a, b)| format!("{{\"a\": {a},\"b\":{b}}}"));
        let any = prop_oneof![value, list, object];
        let id = prop_oneof![
            Just("3038ebd2-c98a-4c65-9b6e-e22506292313"),
            Just("00000000-0000-0000-0000-000000000001"),
            Just("odd"),
        ];
        let time =
            prop_oneof![Just("2026-01-02T03:04:05Z"), Just("2026-01-02T03:04:06Z"), Just("2026-01-02T03:04:05.5Z")];
        let name = prop_oneof![Just("PutObject"), Just("Get\\u0041"), Just("")];
        (any.clone(), any, name, time, id, prop_oneof![Just(""), Just(" ")]).prop_map(|(a, b, name, time, id, space)| {
            format!(
                r#"{{"eventVersion":"1.08","userIdentity":{a},{space}"eventName":"{name}","eventTime":"{time}","b":{b},"eventID":"{id}"}}{space}"#
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever a reader read before, it reads a text as one that read nothing.
        #[test]
        fn known_layouts_change_nothing(
            records in prop::collection::vec(record(), 1..40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..40),
        ) {
            let mut reader = RecordReader::default();
            let mut texts: Vec<Vec<u8>> = records.into_iter().map(String::into_bytes).collect();
            // Each layout comes twice before it is known.
            texts.extend_from_within(..);
            for (which, place, byte) in changes {
                let mut text = which.get(&texts).clone();
                let place = place.index(text.len());
                text[place] = byte;
                texts.push(text);
            }
            texts.extend_from_within(..);
            for text in &texts {
                let fresh = parts(&mut RecordReader::default(), text);
                prop_assert_eq!(parts(&mut reader, text), fresh, "{}", String::from_utf8_lossy(text));
            }
        }
    }

    /// A form feed is a space of ASCII, and none of JSON.
    #[test]
    fn what_follows_a_record_of_a_known_layout_is_looked_at_as_behind_any_other() {
        let mut reader = RecordReader::default();
        let record = r#"{"eventName":"PutObject","eventTime":"2026-01-02T03:04:05Z","eventID":"3038ebd2-c98a-4c65-9b6e-e22506292313"}"#;
        for _ in 0..3 {
            assert!(reader.read(format!("{record} \t\r\n").as_bytes()).is_ok());
        }
        for behind in ["\x0C", "\x0B", "}", " x"] {
            let text = format!("{record}{behind}");
            assert!(reader.read(text.as_bytes()).is_err(), "{behind:?}");
        }
    }

    /// Records of ever new layouts do not fill the memory.
    #[test]
    fn what_is_known_is_bounded() {
        let mut reader = RecordReader::default();
        let mut read_thrice = |name: u32, key: u32| {
            let key = format!("{key:0>20000}");
            let text = format!(
                r#"{{"eventTime":"2026-01-02T03:04:05Z","eventID":"3038ebd2-c98a-4c65-9b6e-e22506292313","eventName":"{name}","n":{{"{key}":1}}}}"#
            );
            let mut is_known = false;
            for _ in 0..3 {
                is_known = reader.read(text.as_bytes()).is_ok_and(|record| record.layout.is_some());
            }
            let known = &reader.known;
            assert!(known.bytes.len() + known.layout_bytes < super::BYTES_MAX + 64 * 1024, "{name}");
            is_known
        };
        assert!((0..600).all(|name| read_thrice(name, name)));
        // Nor do those with ever new keys at one place take ever longer.
        assert_eq!((0..100).filter(|key| read_thrice(1_000, *key)).count(), super::ALTERNATIVES_MAX);
    }

    #[test]
    fn a_layout_that_came_twice_is_known() {
        let mut reader = RecordReader::default();
        let text = |name: &str, number: u32| {
            format!(
                r#"{{"userIdentity":{{"type":"{name}"}},"eventTime":"2026-01-02T03:04:05Z","eventID":"3038ebd2-c98a-4c65-9b6e-e22506292313","n":{number}}}"#
            )
        };
        let known: Vec<bool> = ["a", "b", "c"]
            .iter()
            .zip(7..)
            .map(|(name, number)| {
                reader.read(text(name, number).as_bytes()).is_ok_and(|record| record.layout.is_some())
            })
            .collect();
        assert_eq!(known, [false, false, true]);
    }
}
