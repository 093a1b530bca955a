//! Takes records apart and keeps their parts until a segment is written.

use std::borrow::Cow;
use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;
use model::lookup::{CallerIndex, LookupIndexError, NamingKey, S3_OBJECT, s3_object_arn};
use model::{EventCategory, LookupIndex, Text};

use crate::bytes::equal;
use crate::cells::{format_uuid, parse_uuid};
use crate::column_habit::{ColumnHabit, sketch};
use crate::facts::{ResourceRule, TermKind};
use crate::hash::term_hash;
use crate::intern::{Interner, TextHash};
use crate::known_layouts::LayoutNumber;
use crate::reader::{ReadRecord, Refusal, unescaped};
use crate::scan::{EVENT_ID_MARK, Leaf, NUMBER_MARK, STRING_MARK, TIME_MARK};

/// A cell of a row whose value is a UUID: its number among the UUIDs, with this bit.
pub(crate) const UUID_CELL: u32 = 1 << 31;

/// Number of the columns that are searched in every row: region, account and source address, with the first numbers.
/// Their cells are always numbers of stored values.
pub(crate) const FACT_COLUMNS: u32 = 3;
pub(crate) const REGION_COLUMN: u32 = 0;
pub(crate) const ACCOUNT_COLUMN: u32 = 1;
pub(crate) const ADDRESS_COLUMN: u32 = 2;
/// The column whose values hardly ever come twice, so that none is looked for among those that came before.
const REQUEST_ID_COLUMN: u32 = 3;
/// Paths of the columns with fixed numbers, in their order.
const FIXED_PATHS: [&str; 4] = ["awsRegion", "recipientAccountId", "sourceIPAddress", "requestID"];

/// Collects the records of a segment in memory, a few hundred bytes each.
#[derive(Debug)]
pub struct Builder {
    pub(crate) columns: Interner,
    pub(crate) shapes: Interner,
    shape_infos: Vec<ShapeInfo>,
    /// Numbers of shapes, four bytes each.
    pub(crate) skeletons: Interner,
    pub(crate) skeleton_infos: Vec<SkeletonInfo>,
    /// Shapes of all fields of a record in one text, with the skeleton of each and the shape of its caller.
    layouts: Interner,
    layout_infos: Vec<LayoutInfo>,
    layouts_of_reader: LayoutsOfReader,
    /// Number of the skeleton, and the values of region and account or [`NO_VALUE`], four bytes each.
    pub(crate) classes: Interner,
    /// Number of the shape and the cells, four bytes each.
    pub(crate) callers: Interner,
    pub(crate) caller_facts: Vec<CallerFacts>,
    /// The account of the last new caller that has one, and its value.
    last_account: Option<(Text, u32)>,
    /// Texts of `userIdentity` that came before, with their callers.
    caller_texts: Interner,
    caller_of_text: Vec<u32>,
    /// Texts of cells, tagged with their columns.
    pub(crate) values: Interner,
    /// What the values of each column were like so far.
    column_habits: Vec<ColumnHabit>,
    pub(crate) uuids: Vec<[u8; 16]>,
    pub(crate) rows: Vec<Row>,
    /// Event ids of the rows.
    pub(crate) event_ids: Vec<[u8; 16]>,
    /// Cells of the rows, one row behind another.
    pub(crate) cells: Vec<u32>,
    pub(crate) resources: ResourceTerms,
    /// For the parts of the record at hand.
    scratch: Vec<u8>,
    /// Values of the record at hand that are to be looked for.
    unknown: Vec<UnknownValue>,
}

/// A value that is to be looked for among those that came before, for a cell of the record at hand.
#[derive(Debug, Clone, Copy)]
struct UnknownValue {
    cell: u32,
    column: u32,
    leaf: Leaf,
    hash: TextHash,
    sketch: u64,
}

/// What a record's shapes say, caller included.
#[derive(Debug, Clone, Copy)]
struct LayoutInfo {
    skeleton: u32,
    caller: Option<CallerLeaves>,
}

/// Shape and leaves of the field that holds the caller.
#[derive(Debug, Clone, Copy)]
struct CallerLeaves {
    shape: u32,
    start: u32,
    end: u32,
}

/// The builder's numbers of layouts, by those of the reader that records come from.
#[derive(Debug, Default)]
struct LayoutsOfReader {
    generation: u64,
    numbers: Vec<u32>,
}

impl LayoutsOfReader {
    /// Stands for a layout that did not come yet.
    const UNKNOWN: u32 = u32::MAX;

    fn get(&self, layout: LayoutNumber) -> Option<u32> {
        let number = self.numbers.get(layout.number as usize).filter(|_| self.generation == layout.generation);
        number.copied().filter(|number| *number != Self::UNKNOWN)
    }

    fn note(&mut self, layout: LayoutNumber, number: u32) {
        if self.generation != layout.generation {
            *self = Self { generation: layout.generation, numbers: Vec::new() };
        }
        let place = layout.number as usize;
        if self.numbers.len() <= place {
            self.numbers.resize(place + 1, Self::UNKNOWN);
        }
        self.numbers[place] = number;
    }
}

/// A record in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) seconds: i64,
    pub(crate) sequence: u64,
    /// Number of the class: skeleton, region and account.
    pub(crate) class: u32,
    /// Number of the caller; [`NO_CALLER`] if `userIdentity` is no object with leaves.
    pub(crate) caller: u32,
    pub(crate) cells_start: u32,
}

/// Most callers that a value stands with. Most of those that are alike are in one chunk, where it costs little.
const CALLERS_OF_VALUE_MAX: u32 = 16;

/// Stands for no region or no account.
pub(crate) const NO_VALUE: u32 = u32::MAX;
/// Stands for no caller.
pub(crate) const NO_CALLER: u32 = u32::MAX;

/// What is known of a field's shape.
#[derive(Debug, Clone)]
pub(crate) struct ShapeInfo {
    /// Column of each leaf.
    pub(crate) columns: Vec<u32>,
    /// Key that each leaf stands under.
    keys: Vec<String>,
    /// Name of the field.
    field: String,
}

/// What all records of a skeleton share.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkeletonInfo {
    /// Column of each cell of a row.
    pub(crate) columns: Vec<u32>,
    /// Cells that tell of resources.
    resource_cells: Vec<(u32, ResourceRule, u32)>,
    /// Cells that are bucket and key of an object, for each part of the record that has both.
    objects: Vec<(u32, u32)>,
    /// Cells with region and account, where it has them.
    region_cell: Option<u32>,
    account_cell: Option<u32>,
    /// Facts of all its records: kinds of terms with their texts.
    pub(crate) facts: Vec<(TermKind, String)>,
    /// Region, account and class of its last record.
    last_class: Option<(u32, u32, u32)>,
    /// Category of its records; `None` if it was refused.
    pub(crate) category: Option<EventCategory>,
}

/// What all records of a caller share.
#[derive(Debug, Clone)]
pub(crate) struct CallerFacts {
    pub(crate) username: Option<Text>,
    pub(crate) access_key_id: Option<Text>,
    /// Value of the account column, for records without `recipientAccountId`.
    pub(crate) account: Option<u32>,
}

impl Default for Builder {
    fn default() -> Self {
        let mut columns = Interner::default();
        for path in FIXED_PATHS {
            columns.number(0, path.as_bytes());
        }
        Self {
            columns,
            shapes: Interner::default(),
            shape_infos: Vec::new(),
            skeletons: Interner::default(),
            skeleton_infos: Vec::new(),
            layouts: Interner::default(),
            layout_infos: Vec::new(),
            layouts_of_reader: LayoutsOfReader::default(),
            classes: Interner::default(),
            callers: Interner::default(),
            caller_facts: Vec::new(),
            last_account: None,
            caller_texts: Interner::default(),
            caller_of_text: Vec::new(),
            values: Interner::default(),
            column_habits: Vec::new(),
            uuids: Vec::new(),
            rows: Vec::new(),
            event_ids: Vec::new(),
            cells: Vec::new(),
            resources: ResourceTerms::default(),
            scratch: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

impl Builder {
    /// Takes a record under a number of the caller's, which orders events of one second.
    ///
    /// # Errors
    /// The record is no event record; nothing is kept of it.
    pub fn push(&mut self, record: ReadRecord<'_>, sequence: u64) -> Result<(), Refusal> {
        let LayoutInfo { skeleton, caller } = self.layout(&record)?;
        let ReadRecord { text, leaves, seconds, id, caller: caller_text, .. } = record;
        let (before, identity, behind) = match caller {
            None => (leaves, &[][..], &[][..]),
            Some(CallerLeaves { start, end, .. }) => {
                let (before, rest) = leaves.split_at(start as usize);
                let (identity, behind) = rest.split_at((end - start) as usize);
                (before, identity, behind)
            }
        };
        let identity_text = caller_text.map(|place| &text[place.start as usize..place.end as usize]);
        // The text of a caller is long: its memory comes while values are looked for.
        let identity_hash = identity_text.map(|text| self.caller_texts.hash(0, text));
        identity_hash.iter().for_each(|hash| self.caller_texts.fetch_slot(*hash));
        let row_number = self.rows.len() as u32;
        let cells_start = self.cells.len() as u32;
        let columns = std::mem::take(&mut self.skeleton_infos[skeleton as usize].columns);
        let mut unknown = std::mem::take(&mut self.unknown);
        unknown.clear();
        for (&leaf, &column) in before.iter().chain(behind).zip(&columns) {
            let content = &text[leaf.start as usize..leaf.end as usize];
            match self.cell_at_hand(column, content) {
                Ok(cell) => self.cells.push(cell),
                Err(sketch) => {
                    let (cell, hash) = (self.cells.len() as u32, self.values.hash(column, content));
                    unknown.push(UnknownValue { cell, column, leaf, hash, sketch });
                    self.cells.push(NO_VALUE);
                }
            }
        }
        self.values.fetch(unknown.iter().map(|value| value.hash));
        self.caller_texts.fetch(identity_hash.into_iter());
        for &UnknownValue { cell, column, leaf, hash, sketch } in &unknown {
            let content = &text[leaf.start as usize..leaf.end as usize];
            self.cells[cell as usize] = self.known_or_new_cell(column, content, hash, sketch);
        }
        self.unknown = unknown;
        let caller = match (caller, identity_text.zip(identity_hash)) {
            (Some(CallerLeaves { shape, .. }), Some(found)) => self.caller(text, found, identity, shape),
            _ => NO_CALLER,
        };
        self.skeleton_infos[skeleton as usize].columns = columns;
        self.event_ids.push(id);
        let class = self.class(skeleton, caller, cells_start);
        self.rows.push(Row { seconds, sequence, class, caller, cells_start });
        self.resources_of(row_number, skeleton);
        Ok(())
    }

    /// Records that were taken.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no record was taken.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Categories of what was taken, maybe several times each.
    pub fn categories(&self) -> impl Iterator<Item = EventCategory> {
        self.skeleton_infos.iter().filter_map(|info| info.category)
    }

    /// Memory that what was taken needs, bytes, about.
    pub fn memory(&self) -> usize {
        let interned = [
            &self.shapes,
            &self.layouts,
            &self.skeletons,
            &self.classes,
            &self.callers,
            &self.caller_texts,
            &self.values,
        ];
        interned.iter().map(|interner| interner.memory()).sum::<usize>()
            + self.rows.len() * (size_of::<Row>() + 16)
            + self.cells.len() * 4
            + self.uuids.len() * 16
            + self.resources.memory()
    }

    /// Takes the room for what so much memory holds, of records as they usually are.
    pub fn reserve(&mut self, bytes: usize) {
        /// Of 700 bytes of a record.
        const RECORD_BYTES: usize = 700;
        let records = bytes / RECORD_BYTES;
        self.rows.reserve(records);
        self.event_ids.reserve(records);
        self.cells.reserve(records * 24);
        self.uuids.reserve(records * 4);
        self.resources.pairs.reserve(records * 4);
        self.values.reserve(records * 10, records * 400);
    }

    /// Forgets what was taken, and keeps the memory for as much again.
    pub fn clear(&mut self) {
        let Self { values, cells, rows, event_ids, uuids, resources, caller_texts, .. } = self;
        let mut kept = Self::default();
        (kept.values, kept.caller_texts) = (std::mem::take(values), std::mem::take(caller_texts));
        (kept.cells, kept.rows) = (std::mem::take(cells), std::mem::take(rows));
        (kept.event_ids, kept.uuids) = (std::mem::take(event_ids), std::mem::take(uuids));
        kept.resources = std::mem::take(resources);
        kept.values.clear();
        kept.caller_texts.clear();
        kept.cells.clear();
        kept.rows.clear();
        kept.event_ids.clear();
        kept.uuids.clear();
        kept.resources.clear();
        *self = kept;
    }

    /// What every lookup asks for besides its own fact is region and account, so rows are told apart by these too: facts
    /// of a class are found together, and a class is in few blocks where each fact alone is in all.
    fn class(&mut self, skeleton: u32, caller: u32, cells_start: u32) -> u32 {
        let info = &self.skeleton_infos[skeleton as usize];
        let cell = |place: Option<u32>| place.map(|place| self.cells[(cells_start + place) as usize]);
        let of_caller = || self.caller_facts.get(caller as usize).and_then(|facts| facts.account);
        let region = cell(info.region_cell).unwrap_or(NO_VALUE);
        let account = cell(info.account_cell).or_else(of_caller).unwrap_or(NO_VALUE);
        match info.last_class {
            Some((last_region, last_account, class)) if (last_region, last_account) == (region, account) => {
                self.classes.count_again(class);
                class
            }
            _ => {
                let mut key = [0; 12];
                for (bytes, number) in key.chunks_exact_mut(4).zip([skeleton, region, account]) {
                    bytes.copy_from_slice(&number.to_le_bytes());
                }
                let class = self.classes.number(0, &key).0;
                self.skeleton_infos[skeleton as usize].last_class = Some((region, account, class));
                class
            }
        }
    }

    /// Whether a value belongs to a few callers and to no others: it stands with each of them, so that what a caller has is
    /// in one place.
    pub(crate) fn is_of_few_callers(&self, value: u32) -> bool {
        value & UUID_CELL == 0
            && (2..=CALLERS_OF_VALUE_MAX).contains(&self.values.count(value))
            && self.columns.text(self.values.tag(value)).starts_with(b"userIdentity.")
    }

    /// Columns of a shape's leaves.
    pub(crate) fn shape_columns(&self, shape: u32) -> &[u32] {
        &self.shape_infos[shape as usize].columns
    }

    /// The skeleton of a record, and what is known of its caller's place. Nearly all records have shapes that came
    /// before: these are told by the number that their reader gave them, or by one look at all of them.
    fn layout(&mut self, record: &ReadRecord<'_>) -> Result<LayoutInfo, Refusal> {
        let known = record.layout.and_then(|number| self.layouts_of_reader.get(number));
        let layout = match known {
            Some(layout) => layout,
            None => {
                let (layout, is_new) = self.layouts.number(0, record.shapes);
                if is_new {
                    let info = self.new_layout(record);
                    self.layout_infos.push(info);
                }
                if let Some(number) = record.layout {
                    self.layouts_of_reader.note(number, layout);
                }
                layout
            }
        };
        let info = self.layout_infos[layout as usize];
        if self.skeleton_infos[info.skeleton as usize].columns.first() == Some(&REFUSED) {
            return Err(LookupIndex::derive(record.text).err().map_or_else(not_a_record, Refusal::from));
        }
        Ok(info)
    }

    fn new_layout(&mut self, record: &ReadRecord<'_>) -> LayoutInfo {
        let mut of_all = Vec::with_capacity(record.fields.len() * 4);
        let mut caller = None;
        for (index, field) in (0..).zip(record.fields) {
            let shape = self.shape(&record.shapes[field.shape_start as usize..field.shape_end as usize]);
            let is_caller = record.caller.is_some_and(|caller| caller.field == index);
            if is_caller {
                caller = Some(CallerLeaves { shape, start: field.leaves_start, end: field.leaves_end });
            }
            of_all.extend_from_slice(&(if is_caller { CALLER_SHAPE } else { shape }).to_le_bytes());
        }
        let (skeleton, is_new) = self.skeletons.number(0, &of_all);
        if is_new {
            // It has an entry even if the record is refused, so that numbers and entries stay side by side.
            let info = self.skeleton_info(skeleton, record.text);
            self.skeleton_infos.push(info);
        }
        LayoutInfo { skeleton, caller }
    }

    fn shape(&mut self, shape: &[u8]) -> u32 {
        let (number, is_new) = self.shapes.number(0, shape);
        if is_new {
            let info = ShapeInfo::of(shape, &mut self.columns);
            self.shape_infos.push(info);
        }
        number
    }

    /// Reads what the records of a new skeleton share, from the first of them.
    fn skeleton_info(&mut self, skeleton: u32, text: &[u8]) -> SkeletonInfo {
        let mut info = SkeletonInfo::default();
        let Ok(index) = LookupIndex::derive(text) else {
            info.columns.push(REFUSED);
            return info;
        };
        for shape in numbers(self.skeletons.text(skeleton)).filter(|shape| *shape != CALLER_SHAPE) {
            let shape_info = &self.shape_infos[shape as usize];
            let first_cell = info.columns.len() as u32;
            info.columns.extend_from_slice(&shape_info.columns);
            shape_info.resource_cells(&index.event_source, first_cell, &mut self.resources, &mut info);
        }
        let cell_of = |column| info.columns.iter().position(|found| *found == column).map(|cell| cell as u32);
        (info.region_cell, info.account_cell) = (cell_of(REGION_COLUMN), cell_of(ACCOUNT_COLUMN));
        info.category = Some(index.category);
        info.facts = vec![
            (TermKind::EventName, index.event_name.into_string()),
            (TermKind::EventSource, index.event_source.into_string()),
            (TermKind::Category, crate::facts::category_text(index.category).to_owned()),
        ];
        info.facts.extend(index.error_code.map(|code| (TermKind::ErrorCode, code.into_string())));
        let read_only = index.read_only.map(crate::facts::truth_text);
        info.facts.extend(read_only.map(|text| (TermKind::ReadOnly, text.to_owned())));
        info
    }

    /// The caller whose text is `identity`, with its leaves.
    fn caller(&mut self, text: &[u8], (identity, hash): (&[u8], TextHash), leaves: &[Leaf], shape: u32) -> u32 {
        let (known, is_new) = self.caller_texts.number_of_hash(hash, 0, identity);
        if !is_new {
            return self.caller_of_text[known as usize];
        }
        let mut caller = std::mem::take(&mut self.scratch);
        caller.clear();
        caller.extend_from_slice(&shape.to_le_bytes());
        for (index, leaf) in leaves.iter().enumerate() {
            let column = self.shape_infos[shape as usize].columns[index];
            let cell = self.cell(column, &text[leaf.start as usize..leaf.end as usize]);
            caller.extend_from_slice(&cell.to_le_bytes());
        }
        let (number, is_new) = self.callers.number(0, &caller);
        self.scratch = caller;
        if is_new {
            let facts = self.facts_of_caller(identity);
            self.caller_facts.push(facts);
        }
        self.caller_of_text.push(number);
        number
    }

    fn facts_of_caller(&mut self, identity: &[u8]) -> CallerFacts {
        let CallerIndex { username, access_key_id, account } =
            std::str::from_utf8(identity).map(CallerIndex::derive).unwrap_or_default();
        let account = account.map(|account| match &self.last_account {
            Some((last, value)) if *last == account => *value,
            _ => {
                let value = self.values.number(ACCOUNT_COLUMN, &escaped(&account)).0;
                self.last_account = Some((account, value));
                value
            }
        });
        CallerFacts { username, access_key_id, account }
    }

    fn cell(&mut self, column: u32, content: &[u8]) -> u32 {
        self.cell_at_hand(column, content)
            .unwrap_or_else(|sketch| self.known_or_new_cell(column, content, self.values.hash(column, content), sketch))
    }

    /// The cell of a value that need not be looked for; else its [`sketch`].
    fn cell_at_hand(&mut self, column: u32, content: &[u8]) -> Result<u32, u64> {
        if column == REQUEST_ID_COLUMN
            && let Some(uuid) = parse_uuid(content)
        {
            self.uuids.push(uuid);
            return Ok((self.uuids.len() - 1) as u32 | UUID_CELL);
        }
        if self.column_habits.len() <= column as usize {
            self.column_habits.resize(self.columns.len(), ColumnHabit::default());
        }
        let sketch = sketch(content);
        let habit = &mut self.column_habits[column as usize];
        if let Some(recent) = habit.recent(sketch)
            && equal(self.values.text(recent), content)
        {
            habit.note_recent();
            self.values.count_again(recent);
            return Ok(recent);
        }
        if column >= FACT_COLUMNS
            && habit.is_random()
            && let Some(cell) = self.random_cell(column, content, sketch)
        {
            return Ok(cell);
        }
        Err(sketch)
    }

    /// Looks for a value among those that came before.
    fn known_or_new_cell(&mut self, column: u32, content: &[u8], hash: TextHash, sketch: u64) -> u32 {
        let (number, is_new) = self.values.number_of_hash(hash, column, content);
        self.column_habits[column as usize].note(sketch, number, is_new);
        number
    }

    /// A cell that is not looked for among those that came before. Some are all the same, always those with the same
    /// texts, so that a column in which texts begin to come again is found out.
    fn random_cell(&mut self, column: u32, content: &[u8], sketch: u64) -> Option<u32> {
        const LOOKED_FOR_ONE_IN: u64 = 8;
        if (sketch >> 25).is_multiple_of(LOOKED_FOR_ONE_IN) {
            return None;
        }
        if let Some(uuid) = parse_uuid(content) {
            self.uuids.push(uuid);
            return Some((self.uuids.len() - 1) as u32 | UUID_CELL);
        }
        Some(self.values.add_alone(column, content))
    }

    /// Notes what resources a row tells of.
    fn resources_of(&mut self, row_number: u32, skeleton: u32) {
        let row = self.rows[row_number as usize];
        let info = &self.skeleton_infos[skeleton as usize];
        let cells = &self.cells[row.cells_start as usize..];
        for &(cell, rule, rule_number) in &info.resource_cells {
            let cell = cells[cell as usize];
            if cell & UUID_CELL != 0 {
                let text = format_uuid(&self.uuids[(cell & !UUID_CELL) as usize]);
                self.resources.once(row_number, rule, &text);
            } else {
                self.resources.again(row_number, rule, rule_number, cell, &self.values);
            }
        }
        for &(bucket, key) in &info.objects {
            let text = |cell: u32| match cells[cell as usize] {
                uuid if uuid & UUID_CELL != 0 => {
                    let text = format_uuid(&self.uuids[(uuid & !UUID_CELL) as usize]);
                    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
                }
                value => unescaped(self.values.text(value)),
            };
            let arn = s3_object_arn(&text(bucket), &text(key));
            self.resources.add(row_number, TermKind::ResourceName, &arn);
            self.resources.add(row_number, TermKind::ResourceType, S3_OBJECT);
        }
    }
}

/// Stands for the field that holds the caller, among the shapes of a skeleton.
pub(crate) const CALLER_SHAPE: u32 = u32::MAX;
/// First column of a skeleton whose records are refused.
const REFUSED: u32 = u32::MAX;

/// Numbers that were written as four bytes each.
pub(crate) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap_or_default()))
}

/// The content of the JSON string that stands for a text.
fn escaped(text: &str) -> Vec<u8> {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

/// For a skeleton whose first record was refused, and another one of it was not: its values decide.
fn not_a_record() -> Refusal {
    Refusal::NotARecord(LookupIndexError::NotAnObject)
}

impl ShapeInfo {
    /// Finds the paths of a shape's leaves.
    fn of(shape: &[u8], columns: &mut Interner) -> Self {
        let mut info = Self { columns: Vec::new(), keys: Vec::new(), field: String::new() };
        let mut path = Path::default();
        let mut at = 0;
        while let Some(&byte) = shape.get(at) {
            at += 1;
            match byte {
                b'{' => path.open("."),
                b'[' => path.open("[]"),
                b'}' | b']' => path.close(),
                NUMBER_MARK | STRING_MARK => {
                    // Behind the mark of a string stands its closing quote.
                    at += usize::from(byte == STRING_MARK);
                    info.columns.push(columns.number(0, path.text.as_bytes()).0);
                    info.keys.push(String::from_utf8_lossy(path.key()).into_owned());
                }
                TIME_MARK | EVENT_ID_MARK => at += 1,
                b'"' if shape.get(at).is_some_and(|next| *next >= 0x20) => {
                    let end = string_end(shape, at);
                    if shape.get(end + 1) == Some(&b':') {
                        path.name(&shape[at..end]);
                        if info.field.is_empty() {
                            info.field.clone_from(&path.text);
                        }
                    }
                    at = end + 1;
                }
                _ => {}
            }
        }
        info
    }

    fn resource_cells(
        &self,
        event_source: &str,
        first_cell: u32,
        resources: &mut ResourceTerms,
        into: &mut SkeletonInfo,
    ) {
        let rule = |key: &str| match self.field.as_str() {
            "resources" => match key {
                "ARN" | "arn" | "ARNPrefix" => Some(ResourceRule::ListedArn),
                "type" => Some(ResourceRule::ListedType),
                _ => None,
            },
            "requestParameters" | "responseElements" => NamingKey::of(event_source, key).map(ResourceRule::Naming),
            _ => None,
        };
        for (cell, key) in (first_cell..).zip(&self.keys) {
            if let Some(rule) = rule(key) {
                into.resource_cells.push((cell, rule, resources.rule_number(rule)));
            }
        }
        if event_source == "s3.amazonaws.com" && matches!(self.field.as_str(), "requestParameters" | "responseElements")
        {
            let cell = |name| self.keys.iter().position(|key| key == name).map(|index| first_cell + index as u32);
            into.objects.extend(cell("bucketName").zip(cell("key")));
        }
    }
}

/// Longest path, bytes, and the most levels of it. What is deeper shares a column: the columns only gather values that
/// are alike, so a hostile record costs nothing but compression.
const PATH_BYTES_MAX: usize = 1024;
const PATH_LEVELS_MAX: usize = 64;

/// The path to a place in a shape.
#[derive(Default)]
struct Path<'a> {
    text: String,
    /// For each open bracket the length of the path outside of it, and the key that it stands under.
    open: Vec<(usize, &'a [u8])>,
    /// Length of the path without the key at hand.
    key_start: usize,
    key: &'a [u8],
}

impl<'a> Path<'a> {
    fn open(&mut self, bracket: &str) {
        self.open.push((self.text.len(), self.key));
        if self.has_room() {
            self.text.push_str(bracket);
        }
        self.key_start = self.text.len();
    }

    fn close(&mut self) {
        let (length, key) = self.open.pop().unwrap_or_default();
        self.text.truncate(length);
        self.key = key;
        // What comes next begins with a key, or is in a list and needs none.
        self.key_start = self.open.last().map_or(0, |(length, _)| (length + 1).min(self.text.len()));
    }

    fn name(&mut self, key: &'a [u8]) {
        self.text.truncate(self.key_start);
        self.key = key;
        if self.has_room() {
            self.text.push_str(&String::from_utf8_lossy(&key[..key.len().min(PATH_BYTES_MAX)]));
        }
    }

    fn has_room(&self) -> bool {
        self.text.len() < PATH_BYTES_MAX && self.open.len() <= PATH_LEVELS_MAX
    }

    /// The key of the value at hand, or of the list that it is in; its end, if it is longer than any that has a meaning.
    fn key(&self) -> &'a [u8] {
        const KEY_BYTES_MAX: usize = 256;
        &self.key[self.key.len().saturating_sub(KEY_BYTES_MAX)..]
    }
}

/// Where the string that begins at `at` ends: at its closing quote.
fn string_end(shape: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = shape.get(at) {
        match byte {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at.min(shape.len())
}

/// The resources that rows tell of, as terms.
#[derive(Debug, Default)]
pub(crate) struct ResourceTerms {
    rules: Vec<ResourceRule>,
    /// Terms that are no names, by their hashes.
    numbers: HashMap<u64, u32, DefaultHashBuilder>,
    /// Hash of each term; terms with the same hash are one.
    pub(crate) hashes: Vec<u64>,
    /// Terms with their rows, in the order of arrival.
    pub(crate) pairs: Vec<(u32, u32)>,
    /// Terms of each value under the rule that it came under first.
    known: Vec<KnownTerms>,
    known_terms: Vec<u32>,
}

/// Terms of a value: a part of [`ResourceTerms::known_terms`].
#[derive(Debug, Clone, Copy)]
struct KnownTerms {
    /// [`KnownTerms::NO_RULE`] if there are none yet.
    rule: u16,
    count: u16,
    start: u32,
}

impl KnownTerms {
    const NO_RULE: u16 = u16::MAX;
    const NONE: Self = Self { rule: Self::NO_RULE, count: 0, start: 0 };
}

impl ResourceTerms {
    fn memory(&self) -> usize {
        self.pairs.len() * 8
            + self.hashes.len() * 8
            + self.known.len() * size_of::<KnownTerms>()
            + self.known_terms.len() * 4
    }

    fn clear(&mut self) {
        self.rules.clear();
        self.numbers.clear();
        self.hashes.clear();
        self.pairs.clear();
        self.known.clear();
        self.known_terms.clear();
    }

    fn rule_number(&mut self, rule: ResourceRule) -> u32 {
        let number = self.rules.iter().position(|known| *known == rule).unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        });
        number as u32
    }

    /// The number of a term. A name of a resource has a new one each time: most names come once, and those that do not are
    /// put together when the segment is written.
    fn term(&mut self, kind: TermKind, text: &str) -> u32 {
        let hash = term_hash(kind as u8, text.as_bytes());
        let new = self.hashes.len() as u32;
        let number = if kind == TermKind::ResourceName { new } else { *self.numbers.entry(hash).or_insert(new) };
        if number == new {
            self.hashes.push(hash);
        }
        number
    }

    fn add(&mut self, row: u32, kind: TermKind, text: &str) {
        let term = self.term(kind, text);
        self.pairs.push((term, row));
    }

    /// Adds what a text tells that is not looked for among those that came before.
    fn once(&mut self, row: u32, rule: ResourceRule, text: &[u8]) {
        let text = unescaped(text);
        rule.terms(&text, &mut |kind, name| self.add(row, kind, name));
    }

    /// Adds what a stored value tells.
    fn again(&mut self, row: u32, rule: ResourceRule, rule_number: u32, value: u32, values: &Interner) {
        let place = value as usize;
        if self.known.len() <= place {
            self.known.resize(place + 1, KnownTerms::NONE);
        }
        let mut known = self.known[place];
        if u32::from(known.rule) != rule_number {
            let start = self.known_terms.len();
            let text = unescaped(values.text(value));
            let mut terms = std::mem::take(&mut self.known_terms);
            rule.terms(&text, &mut |kind, name| terms.push(self.term(kind, name)));
            self.known_terms = terms;
            let count = self.known_terms.len() - start;
            let numbers = (u16::try_from(rule_number), u16::try_from(count));
            let (Ok(rule), Ok(count)) = numbers else {
                // More than there are room for are not remembered.
                self.pairs.extend(self.known_terms.drain(start..).map(|term| (term, row)));
                return;
            };
            known = KnownTerms { rule, count, start: start as u32 };
            self.known[place] = known;
        }
        let start = known.start as usize;
        let terms = &self.known_terms[start..start + usize::from(known.count)];
        self.pairs.extend(terms.iter().map(|term| (*term, row)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scan;

    #[test]
    fn leaves_have_the_paths_that_lead_to_them() {
        let mut columns = Interner::default();
        let mut scan = Scan::default();
        let text = br#"{"a":{"b":[{"c":"x","d":[1,"y"]},{"e":{}}],"f\"g":"z"},"eventName":"n","h":"i"}"#;
        scan.read(text).expect("a record");
        let mut paths = Vec::new();
        for field in &scan.fields {
            let info = ShapeInfo::of(&scan.shapes[field.shape_start as usize..field.shape_end as usize], &mut columns);
            paths.extend(
                info.columns
                    .into_iter()
                    .zip(info.keys)
                    .map(|(column, key)| (String::from_utf8_lossy(columns.text(column)).into_owned(), key)),
            );
        }
        let expected = [("a.b[].c", "c"), ("a.b[].d[]", "d"), ("a.b[].d[]", "d"), ("a.f\\\"g", "f\\\"g"), ("h", "h")];
        assert_eq!(paths, expected.map(|(path, key)| (path.to_owned(), key.to_owned())));
    }
}
