//! Looks for a text in the records of a segment without making the records.
//!
//! A text that is looked for may go over the borders of leaves: `"key":"val`. Its longest part without such borders lies
//! inside of one leaf or one shape wherever the text is, so it is looked for in the stored values, the shapes and the texts
//! of blocks. What is found is a row that may have the text; none is left out.
//!
//! The filter of a segment says where the text may be. Where it is not in blocks, no block is read; where it can only be
//! in frames, those are.

mod keyed;

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem::Finder;

use crate::block::{Cells, Facts, ReadCell, RowFacts};
use crate::block_rows::BlockRows;
use crate::builder::FACT_COLUMNS;
use crate::bytes::Cursor;
use crate::classes::ClassesAtHand;
use crate::footer::{ADDRESS_LISTS, CALLER_LISTS, CLASS_LISTS, Index};
use crate::frame_probe::FrameProbe;
use crate::hex_digits::{BesideDigits, DigitsProbe};
use crate::keyed_leaf::KeysOf;
use crate::leaf_place::LeafPlace;
use crate::packed_cells::{CellParts, LooseCells, PackedCells};
use crate::rows::NumberSet;
use crate::segment::{ColumnsUsed, Segment, SegmentError};
use crate::text_filter::{Columns, Frames, GROUP_BYTES, TextReach};
use crate::text_parts::parts_of;
use crate::time_parts::TimeParts;

use self::keyed::{KeyedCells, RowTexts};

/// The part of a text that is looked for.
#[derive(Debug)]
struct Probe {
    finder: Finder<'static>,
    /// Where it must be in its leaf.
    place: LeafPlace,
    in_frames: FrameProbe,
    /// Whether it may be a part of a UUID, which is stored as a number.
    is_like_uuid: bool,
    uuids: UuidParts,
    /// As a part of a time, which is stored as a number.
    times: TimeParts,
}

impl Probe {
    fn new(part: &[u8], place: LeafPlace) -> Self {
        let uuids = UuidParts::of(part, place.starts(part.len(), UuidParts::TEXT_BYTES));
        Self {
            place,
            is_like_uuid: !uuids.places.is_empty(),
            uuids,
            times: TimeParts::of(part, place.starts(part.len(), TimeParts::TEXT_BYTES)),
            in_frames: FrameProbe::new(part),
            finder: Finder::new(part).into_owned(),
        }
    }

    /// Shapes that have it.
    fn shapes(&self, segment: &Segment) -> Result<NumberSet, SegmentError> {
        let first = segment.index.first_shape;
        let found = segment.items_with(first..segment.index.first_skeleton, &self.finder, |_| true)?;
        Ok(NumberSet::of(&found.into_iter().map(|item| item - first).collect::<Vec<_>>()))
    }

    /// Blocks with rows whose event id it may be in; `None` if each must be looked at.
    fn id_blocks(&self, segment: &Segment) -> Result<Option<NumberSet>, SegmentError> {
        Ok(match (self.is_like_uuid, self.uuids.whole()) {
            (false, _) => Some(NumberSet::default()),
            (true, None) => None,
            (true, Some(id)) => {
                let blocks = segment.rows_of_id(id)?.into_iter().map(|row| row / segment.index.block_rows);
                Some(NumberSet::of(&blocks.collect::<Vec<_>>()))
            }
        })
    }

    /// Adds the blocks whose times it may be in; whether there are any.
    fn add_blocks_of_time(&self, segment: &Segment, blocks: &mut BlockSet) -> bool {
        let mut has_any = false;
        for (number, block) in (0..).zip(&segment.index.blocks) {
            if self.times.may_be_between(block.first_seconds, block.last_seconds) {
                has_any = true;
                blocks.insert(number);
            }
        }
        has_any
    }

    /// Whether it is somewhere among some bytes.
    fn is_in(&self, bytes: &[u8]) -> bool {
        self.finder.find(bytes).is_some()
    }

    /// Whether it is in a leaf, where it must be.
    fn is_in_leaf(&self, text: &[u8]) -> bool {
        match self.place {
            LeafPlace::Anywhere => self.is_in(text),
            place => place.has(text, self.finder.needle()),
        }
    }

    fn is_in_uuid(&self, uuid: &[u8; 16]) -> bool {
        self.uuids.are_in(uuid)
    }

    /// Whether it may be in a leaf that begins with some bytes and goes on with an earlier text: in these bytes, or from there on
    /// in what follows.
    fn may_begin_in(&self, before: &[u8]) -> bool {
        let needle = self.finder.needle();
        match self.place {
            LeafPlace::Anywhere => self.is_in(before) || (1..needle.len()).any(|at| before.ends_with(&needle[..at])),
            LeafPlace::Begin | LeafPlace::Whole => before.starts_with(needle) || needle.starts_with(before),
        }
    }

    /// Whether it may begin at the end of what is before an earlier text of a row, and go on in that, which may end with another
    /// one.
    fn may_be_joined(&self, cells: &Cells) -> Result<bool, crate::Damage> {
        let needle = self.finder.needle();
        let beginnings = cells.beginnings()?;
        // For each place whether a text that begins with what is behind it may be there; none as long as nobody asked.
        let mut may_follow = vec![None; needle.len()];
        let begins_in_one = |at: &usize| beginnings.iter().any(|before| before.ends_with(&needle[..*at]));
        Ok((1..needle.len())
            .filter(begins_in_one)
            .any(|at| may_go_on(cells.texts(), &beginnings, needle, at, &mut may_follow)))
    }
}

/// Whether a text may be there that begins with what a needle has from a place on: in one piece, or over what is before an
/// earlier text.
fn may_go_on(texts: &[u8], beginnings: &[&[u8]], needle: &[u8], at: usize, known: &mut [Option<bool>]) -> bool {
    let Some(rest) = needle.get(at..).filter(|rest| !rest.is_empty()) else { return true };
    if let Some(known) = known[at] {
        return known;
    }
    let goes_over = |before: &&&[u8]| !before.is_empty() && rest.starts_with(before);
    let may = memchr::memmem::find(texts, rest).is_some()
        || beginnings
            .iter()
            .filter(goes_over)
            .any(|before| may_go_on(texts, beginnings, needle, at + before.len(), known));
    known[at] = Some(may);
    may
}

/// A part of a UUID's text, for each place in the text where it may stand: which bits of the UUID it tells, and what
/// they are. Millions are compared, and to write each out costs ten times as much.
#[derive(Debug)]
struct UuidParts {
    /// For each place.
    places: Vec<(u128, u128)>,
    /// All of its digits, by which most are left out together. `None` if they are too few to be rare.
    digits: Option<DigitsProbe>,
}

impl UuidParts {
    const TEXT_BYTES: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    /// Fewest digits of which there is more than one whole byte in every place.
    const DIGITS_MIN: usize = 5;

    /// `starts` are the places where it may begin; each must leave room for it.
    fn of(part: &[u8], starts: Range<usize>) -> Self {
        let places: Vec<_> = starts.filter_map(|start| Self::at(part, start)).collect();
        let digits: Vec<u8> = part.iter().copied().filter(|byte| *byte != b'-').collect();
        let are_rare = !places.is_empty() && digits.len() >= Self::DIGITS_MIN;
        Self { places, digits: if are_rare { DigitsProbe::new(&digits) } else { None } }
    }

    fn at(part: &[u8], start: usize) -> Option<(u128, u128)> {
        let (mut bits, mut value) = (0, 0);
        for (place, byte) in (start..).zip(part) {
            if Self::DASHES.contains(&place) {
                if *byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                _ => return None,
            };
            let dashes = Self::DASHES.iter().filter(|dash| **dash < place).count();
            let shift = 4 * (31 - (place - dashes));
            bits |= 0xF_u128 << shift;
            value |= u128::from(digit) << shift;
        }
        Some((bits, value))
    }

    /// The UUID, if the part is all of one.
    fn whole(&self) -> Option<[u8; 16]> {
        match self.places[..] {
            [(u128::MAX, uuid)] => Some(uuid.to_be_bytes()),
            _ => None,
        }
    }

    fn are_in(&self, uuid: &[u8; 16]) -> bool {
        let uuid = u128::from_be_bytes(*uuid);
        self.places.iter().any(|(bits, value)| uuid & bits == *value)
    }

    /// Whether a UUID that stands in some bytes may have it.
    fn may_be_among(&self, bytes: &[u8]) -> bool {
        !self.places.is_empty() && self.digits.as_ref().is_none_or(|digits| digits.is_in(bytes))
    }

    fn are_in_any(&self, uuids: &[[u8; 16]]) -> bool {
        self.may_be_among(uuids.as_flattened()) && uuids.iter().any(|uuid| self.are_in(uuid))
    }
}

/// A row of a block that is at hand.
pub(crate) struct TextRow<'a> {
    /// Number in the segment.
    pub(crate) number: u32,
    /// Number in the block.
    pub(crate) index: u32,
    pub(crate) facts: RowFacts,
    pub(crate) cells: &'a BlockRows,
}

/// Where in a segment a text may be.
#[derive(Debug)]
pub(crate) struct TextPlaces {
    /// The whole text.
    text: Finder<'static>,
    probe: Probe,
    classes: NumberSet,
    callers: NumberSet,
    addresses: NumberSet,
    /// Values that have it, by column, of columns that rows have cells of.
    values: BTreeMap<u32, NumberSet>,
    /// Blocks whose rows may have cells of such columns.
    value_blocks: BlockSet,
    /// Blocks with rows whose event id the text may be in; `None` if each must be looked at.
    id_blocks: Option<NumberSet>,
    /// Blocks whose facts may tell of it.
    fact_blocks: BlockSet,
    /// Whether it is in the time of no block.
    has_no_time: bool,
    in_cells: InCells,
    /// Columns whose cells are looked at; `None` for all.
    columns: Option<NumberSet>,
}

/// Some blocks of a segment.
#[derive(Debug)]
enum BlockSet {
    All,
    Of(NumberSet),
}

/// Most lists of blocks that are read for a text: looking into a block for one costs as much as reading ten.
const LISTS_OF_TEXT_MAX: usize = 2048;

impl BlockSet {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Of(blocks) if blocks.is_empty())
    }

    fn contains(&self, block: u32) -> bool {
        match self {
            Self::All => true,
            Self::Of(blocks) => blocks.contains(block),
        }
    }

    fn insert(&mut self, block: u32) {
        if let Self::Of(blocks) = self {
            blocks.insert(block);
        }
    }

    /// Blocks that any of some lists name. With too many lists, reading them costs more than looking at the blocks.
    fn of_lists(segment: &Segment, lists: &[(usize, &NumberSet)]) -> Result<Self, SegmentError> {
        let mut found = NumberSet::default();
        for (list, numbers) in lists {
            let listed = match numbers.len() {
                0..=LISTS_OF_TEXT_MAX => segment.blocks_of(*list, &numbers.numbers())?,
                _ => None,
            };
            let Some(blocks) = listed else { return Ok(Self::All) };
            blocks.into_iter().for_each(|block| found.insert(block));
        }
        Ok(Self::Of(found))
    }
}

const NO_FRAMES: Frames = Frames::Of { columns: Vec::new(), blocks: None };

/// Where among the cells of blocks a text may be.
#[derive(Debug)]
enum InCells {
    /// Anywhere.
    Anywhere,
    /// In columns that a key leads to.
    Keyed(KeyedCells),
    /// In frames of some blocks, and in what is in no frame of some; among digits that were taken out of texts; and, in texts
    /// of some columns in some blocks, in part among such digits.
    Parts {
        frames: Frames,
        frame_blocks: BlockSet,
        loose_blocks: BlockSet,
        is_of_digits: bool,
        beside_digits: Vec<Vec<u32>>,
        beside_blocks: BlockSet,
    },
}

impl InCells {
    /// Where the filter says that a text may be. `loose` and `framed` are the columns that it names, as far as rows have cells
    /// of them.
    fn of(
        segment: &Segment,
        reach: Option<TextReach>,
        loose: &ColumnsUsed,
        framed: &ColumnsUsed,
        beside: &ColumnsUsed,
    ) -> Result<Self, SegmentError> {
        let Some(TextReach { frames, loose: reach_of_loose, is_divided: false, is_of_digits, beside_digits, .. }) =
            reach
        else {
            return Ok(Self::Anywhere);
        };
        let blocks_of = |used: &ColumnsUsed| BlockSet::of_lists(segment, &[(CLASS_LISTS, &used.classes)]);
        let loose_blocks = match &reach_of_loose {
            Columns::All => BlockSet::All,
            Columns::Of(_) => blocks_of(loose)?,
        };
        let frame_blocks = match &frames {
            Frames::All => BlockSet::All,
            Frames::Of { blocks: Some(blocks), .. } => BlockSet::Of(NumberSet::of(blocks)),
            Frames::Of { blocks: None, .. } => blocks_of(framed)?,
        };
        let beside_blocks = blocks_of(beside)?;
        Ok(Self::Parts { frames, frame_blocks, loose_blocks, is_of_digits, beside_digits, beside_blocks })
    }

    fn is_nowhere(&self) -> bool {
        match self {
            Self::Anywhere => false,
            Self::Keyed(cells) => cells.are_none(),
            Self::Parts { frame_blocks, loose_blocks, is_of_digits, beside_blocks, .. } => {
                frame_blocks.is_empty() && loose_blocks.is_empty() && !is_of_digits && beside_blocks.is_empty()
            }
        }
    }
}

/// What is known of a text before any block is looked at.
#[derive(Debug)]
pub(crate) enum FoundText {
    /// No row has it.
    Nowhere,
    /// Any row may have it.
    Anywhere,
    In(Box<TextPlaces>),
}

impl TextPlaces {
    /// Looks for a text among what the segment stores once.
    pub(crate) fn find(segment: &Segment, text: &str) -> Result<FoundText, SegmentError> {
        let Some(mut parts) = parts_of(text.as_bytes()) else { return Ok(FoundText::Nowhere) };
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let Some(longest) = parts.first() else { return Ok(FoundText::Anywhere) };
        let KeysOf { keys, leaf } = KeysOf::new(text.as_bytes());
        // Before version 3 the columns of a block are not told apart by what is in frames.
        let leaf = leaf.filter(|_| segment.index.version >= 3);
        // A part of another value that is longer than the leaf of a key tells more.
        let least = leaf.map_or(0, |leaf| leaf.content.len() + 1).max(GROUP_BYTES);
        let (mut found, mut first) = (None, None);
        for part in parts.iter().filter(|part| part.len() >= least && !(leaf.is_some() && keys.contains(part))) {
            let probe = Probe::new(part, LeafPlace::Anywhere);
            let shapes = probe.shapes(segment)?;
            if shapes.is_empty() {
                found = Some((probe, shapes));
                break;
            }
            // Keys are in many records: where there is a part of a value as well, that tells more.
            first = first.or(Some((probe, shapes)));
        }
        let places = match (found, leaf) {
            (Some((probe, shapes)), _) => Self::of(segment, text, probe, &shapes)?,
            (None, Some(leaf)) => Self::of_keyed_leaf(segment, text, &leaf)?,
            (None, None) => {
                let (probe, shapes) = match first {
                    Some(first) => first,
                    None => {
                        let probe = Probe::new(longest, LeafPlace::Anywhere);
                        let shapes = probe.shapes(segment)?;
                        (probe, shapes)
                    }
                };
                Self::of(segment, text, probe, &shapes)?
            }
        };
        Ok(if places.is_nowhere() { FoundText::Nowhere } else { FoundText::In(Box::new(places)) })
    }

    fn of(segment: &Segment, text: &str, probe: Probe, shapes: &NumberSet) -> Result<Self, SegmentError> {
        let index = &segment.index;
        let (mut callers, mut values) = (Vec::new(), BTreeMap::<u32, Vec<u32>>::new());
        let reach = match &index.text_filter {
            Some(filter) => filter.reach_of(segment, probe.finder.needle(), &probe.in_frames)?,
            None => None,
        };
        for items in items_of(index, reach.as_ref()) {
            for item in segment.items_with(items, &probe.finder, |_| true)? {
                if item < index.first_values[0] {
                    callers.push(item - index.first_caller);
                } else {
                    let (column, number) = column_of(index, item);
                    values.entry(column).or_default().push(number);
                }
            }
        }
        let mut values: BTreeMap<u32, NumberSet> =
            values.into_iter().map(|(column, numbers)| (column, NumberSet::of(&numbers))).collect();
        let mut callers = NumberSet::of(&callers);
        // Before version 6 the filter does not know UUIDs of callers.
        let may_have_uuid = || index.version < 6 || reach.as_ref().is_none_or(|reach| reach.is_of_callers);
        if !shapes.is_empty() || !values.is_empty() || (probe.is_like_uuid && may_have_uuid()) {
            // All that a caller has to do with a part of a UUID is that its bytes are in it.
            let is_uuid_alone = shapes.is_empty() && values.is_empty();
            let may_have = |bytes: &[u8]| !is_uuid_alone || probe.uuids.may_be_among(bytes);
            segment.visit_callers(may_have, |number, item| {
                if caller_has(item, shapes, &values, &probe).unwrap_or(true) {
                    callers.insert(number);
                }
            })?;
        }
        let classes = if shapes.is_empty() && !values.keys().any(|column| *column < 2) {
            NumberSet::of(&[])
        } else {
            segment.classes_with(shapes, values.get(&0), values.get(&1))?
        };
        let addresses = values.get(&2).cloned().unwrap_or_default();
        let (in_cells, value_blocks) = Self::in_parts(segment, &mut values, reach)?;
        let lists = [(CLASS_LISTS, &classes), (CALLER_LISTS, &callers), (ADDRESS_LISTS, &addresses)];
        let mut fact_blocks = BlockSet::of_lists(segment, &lists)?;
        let has_no_time = !probe.add_blocks_of_time(segment, &mut fact_blocks);
        let id_blocks = probe.id_blocks(segment)?;
        let text = Finder::new(text).into_owned();
        Ok(Self {
            text,
            probe,
            classes,
            callers,
            addresses,
            values,
            value_blocks,
            id_blocks,
            fact_blocks,
            has_no_time,
            in_cells,
            columns: None,
        })
    }

    /// Where a text may be among cells, by what the filter says. Values are left that cells may have, with their blocks.
    fn in_parts(
        segment: &Segment,
        values: &mut BTreeMap<u32, NumberSet>,
        reach: Option<TextReach>,
    ) -> Result<(InCells, BlockSet), SegmentError> {
        let [of_values, loose, framed, beside] = segment.classes_with_columns(&columns_of(values, reach.as_ref()))?;
        values.retain(|column, _| of_values.columns.contains(*column));
        let in_cells = InCells::of(segment, reach, &loose, &framed, &beside)?;
        Ok((in_cells, BlockSet::of_lists(segment, &[(CLASS_LISTS, &of_values.classes)])?))
    }

    /// Whether no row of the segment has the text.
    pub(crate) fn is_nowhere(&self) -> bool {
        self.is_in_cells_alone() && self.is_in_no_cells()
    }

    /// Whether a record has the text.
    pub(crate) fn is_in_record(&self, record: &[u8]) -> bool {
        self.text.find(record).is_some()
    }

    /// What it costs to look into a block, in no unit.
    pub(crate) fn cost(&self) -> u8 {
        match &self.in_cells {
            InCells::Anywhere => 3,
            InCells::Parts { frames: Frames::All, .. } => 2,
            InCells::Keyed(_) => 1,
            InCells::Parts { .. } if !self.is_in_no_cells() => 1,
            InCells::Parts { .. } => 0,
        }
    }

    /// Whether at most random texts may have it.
    pub(crate) fn is_seldom(&self) -> bool {
        self.is_in_cells_alone()
            && self.values.is_empty()
            && self.cost() <= 1
            && matches!(&self.in_cells, InCells::Parts { loose_blocks, beside_blocks, .. } if loose_blocks.is_empty() && beside_blocks.is_empty())
    }

    fn is_in_no_cells(&self) -> bool {
        let may_be_uuid = match &self.in_cells {
            InCells::Keyed(_) => self.may_be_event_id(),
            InCells::Anywhere | InCells::Parts { .. } => self.probe.is_like_uuid,
        };
        self.in_cells.is_nowhere() && self.values.is_empty() && !may_be_uuid
    }

    /// Whether it may be in an event id.
    fn may_be_event_id(&self) -> bool {
        self.probe.is_like_uuid && self.id_blocks.as_ref().is_none_or(|blocks| !blocks.is_empty())
    }

    /// Whether the facts of rows do not tell of the text.
    pub(crate) fn is_in_cells_alone(&self) -> bool {
        self.classes.is_empty() && self.callers.is_empty() && self.addresses.is_empty() && self.has_no_time
    }

    /// Whether the facts of a block's rows may tell of the text; if not, only its cells do.
    pub(crate) fn may_be_in_facts(&self, block: u32) -> bool {
        self.fact_blocks.contains(block)
    }

    /// Whether cells of a block may have one of the stored values.
    fn may_have_values(&self, block: u32) -> bool {
        !self.values.is_empty() && self.value_blocks.contains(block)
    }

    /// Whether a row of a block may have the text.
    pub(crate) fn may_be_in(&self, segment: &Segment, block: u32, facts: &Facts) -> Result<bool, SegmentError> {
        let has = |set: &NumberSet, numbers: &[u32], added: u32| {
            !set.is_empty() && numbers.iter().any(|number| set.contains(number.wrapping_sub(added)))
        };
        if has(&self.classes, facts.classes(), 0)
            || has(&self.callers, facts.callers(), 1)
            || has(&self.addresses, facts.addresses(), 1)
            || (!self.has_no_time && facts.seconds().any(|seconds| self.probe.times.are_in(seconds)))
        {
            return Ok(true);
        }
        self.may_be_in_cells(segment, block)
    }

    /// Whether a row may have the text, by its cells and facts.
    pub(crate) fn may_be_in_row(
        &self,
        segment: &Segment,
        row: &TextRow<'_>,
        classes: &mut ClassesAtHand,
    ) -> Result<bool, SegmentError> {
        let has = |set: &NumberSet, number: u32| number.checked_sub(1).is_some_and(|number| set.contains(number));
        let facts = &row.facts;
        if self.classes.contains(facts.class)
            || has(&self.callers, facts.caller)
            || has(&self.addresses, facts.address)
            || self.probe.times.are_in(facts.seconds)
            || (self.may_be_event_id() && self.probe.is_in_uuid(&segment.event_id(row.number)?))
        {
            return Ok(true);
        }
        let class = classes.group(segment, facts.class)?.class(facts.class)?;
        let mut cells = row.cells.cells_of(row.index as usize)?;
        let mut texts = self.columns.is_some().then(RowTexts::default);
        for &column in class.columns.iter().filter(|column| **column >= FACT_COLUMNS) {
            let cell = cells.next_cell()?;
            let is_looked_at = self.columns.as_ref().is_none_or(|columns| columns.contains(column));
            let whole = texts.as_mut().map(|texts| texts.add(cell)).transpose()?;
            let has_it = match cell {
                ReadCell::Value(number) => self.values.get(&column).is_some_and(|numbers| numbers.contains(number)),
                ReadCell::Text(text) => self.probe.is_in_leaf(text),
                ReadCell::Uuid(uuid) => self.probe.is_in_uuid(uuid),
                // What is behind it is a text of the same row, which is looked at as well.
                ReadCell::Ending { before, .. } => match whole {
                    Some(text) => self.probe.is_in_leaf(text),
                    None => self.probe.may_begin_in(before),
                },
            };
            if has_it && is_looked_at {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the cells of a block may have the text.
    pub(crate) fn may_be_in_cells(&self, segment: &Segment, block: u32) -> Result<bool, SegmentError> {
        match &self.in_cells {
            InCells::Anywhere => self.may_be_anywhere(segment, block),
            InCells::Keyed(cells) => {
                Ok(self.is_in_event_ids(segment, block)? || self.may_be_in_keyed(cells, segment, block)?)
            }
            _ if self.is_in_no_cells() => Ok(false),
            InCells::Parts { frames, frame_blocks, loose_blocks, is_of_digits, beside_digits, beside_blocks } => {
                let beside_digits = if beside_blocks.contains(block) { &beside_digits[..] } else { &[] };
                let (is_loose, may_have_values) = (loose_blocks.contains(block), self.may_have_values(block));
                let frames = if frame_blocks.contains(block) { frames } else { &NO_FRAMES };
                let is_outside = is_loose || may_have_values || *is_of_digits || !beside_digits.is_empty();
                if frames.is_empty() && !is_outside && !self.probe.is_like_uuid {
                    return Ok(false);
                }
                // Where the digits do not tell, texts are read that these were taken out of; else only where they do.
                let is_always = self.ways_with(beside_digits).any(|(way, _)| way.is_always());
                let frames_and_beside = if is_always { &frames.and(beside_digits) } else { frames };
                let wanted = CellParts {
                    frames: frames_and_beside,
                    has_loose: is_loose || may_have_values || is_always,
                    has_digits: *is_of_digits || !beside_digits.is_empty(),
                    has_uuids: self.probe.is_like_uuid,
                };
                let probe = &self.probe.in_frames;
                let mut ways = Vec::new();
                let is_in_texts = segment.with_cell_parts(block, &wanted, |cells| {
                    if !beside_digits.is_empty() {
                        let digits = cells.digits()?;
                        ways = self.ways_with(beside_digits).filter(|(way, _)| way.may_be_in(digits)).collect();
                    }
                    let mut loose = None;
                    let ways_now = if is_always { &ways[..] } else { &[] };
                    Ok((*is_of_digits && probe.is_in_digits(cells.digits()?))
                        || cells.texts_may_have(frames, ways_now, probe, &mut loose)?
                        || self.is_outside_frames(cells, &mut loose, is_loose, may_have_values)?
                        || (self.probe.is_like_uuid && self.is_in_uuids(cells.uuids()?)))
                })?;
                if is_in_texts || self.is_in_event_ids(segment, block)? {
                    return Ok(true);
                }
                if is_always || ways.is_empty() {
                    return Ok(false);
                }
                let frames = NO_FRAMES.and(beside_digits);
                let wanted = CellParts { frames: &frames, has_loose: true, has_digits: true, has_uuids: false };
                segment
                    .with_cell_parts(block, &wanted, |cells| cells.texts_may_have(&NO_FRAMES, &ways, probe, &mut None))
            }
        }
    }

    /// Ways in which a part of the text may be among digits that were taken out, with the columns of each.
    fn ways_with<'a>(&'a self, beside_digits: &'a [Vec<u32>]) -> impl Iterator<Item = (&'a BesideDigits, &'a [u32])> {
        let ways = self.probe.in_frames.beside_digits().iter().zip(beside_digits);
        ways.filter(|(_, columns)| !columns.is_empty()).map(|(way, columns)| (way, &columns[..]))
    }

    fn is_outside_frames(
        &self,
        cells: &PackedCells<'_>,
        loose: &mut Option<LooseCells>,
        is_loose: bool,
        may_have_values: bool,
    ) -> Result<bool, crate::Damage> {
        if !is_loose && !may_have_values {
            return Ok(false);
        }
        let loose = cells.loose_at_hand(loose)?;
        Ok((is_loose && self.probe.is_in(loose.texts())) || (may_have_values && loose.has_value(&self.values)?))
    }

    fn may_be_anywhere(&self, segment: &Segment, block: u32) -> Result<bool, SegmentError> {
        let cells = segment.cells_once(block)?;
        Ok(self.probe.is_in(cells.texts())
            || self.probe.may_be_joined(&cells)?
            || (self.probe.is_like_uuid && self.is_in_uuids(cells.uuids()))
            || self.is_in_event_ids(segment, block)?
            || self.is_among_values(&cells)?)
    }

    fn is_in_uuids(&self, uuids: &[[u8; 16]]) -> bool {
        self.probe.uuids.are_in_any(uuids)
    }

    fn is_in_event_ids(&self, segment: &Segment, block: u32) -> Result<bool, SegmentError> {
        if let Some(blocks) = &self.id_blocks {
            return Ok(blocks.contains(block));
        }
        let ids = segment.event_ids_of_block(block, segment.rows_of_block(block))?;
        Ok(self.is_in_uuids(ids.as_chunks::<16>().0))
    }

    fn is_among_values(&self, cells: &Cells) -> Result<bool, crate::Damage> {
        for (column, numbers) in &self.values {
            let Some(mut reader) = cells.column(*column) else { continue };
            while !reader.is_empty() {
                if let ReadCell::Value(number) = reader.next()?
                    && numbers.contains(number)
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Items of callers and values that may have a text, neighbours together.
fn items_of(index: &Index, reach: Option<&TextReach>) -> Vec<Range<u32>> {
    let all = index.first_caller..index.first_lists[0];
    let Some(reach) = reach else { return vec![all] };
    let of_callers = reach.is_of_callers.then(|| index.first_caller..index.first_values[0]);
    let Columns::Of(columns) = &reach.values else { return vec![all] };
    neighbours_together(of_callers.into_iter().chain(columns.iter().map(|column| values_of(index, *column))))
}

/// Items of the stored values of a column.
fn values_of(index: &Index, column: u32) -> Range<u32> {
    let of = |column: usize| *index.first_values.get(column).unwrap_or(&index.first_lists[0]);
    of(column as usize)..of(column as usize + 1)
}

fn neighbours_together(items: impl Iterator<Item = Range<u32>>) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for range in items {
        match ranges.last_mut().filter(|last| last.end == range.start) {
            Some(last) => last.end = range.end,
            None => ranges.push(range),
        }
    }
    ranges
}

fn column_of(index: &Index, item: u32) -> (u32, u32) {
    let column = index.first_values.partition_point(|first| *first <= item) - 1;
    (column as u32, item - index.first_values[column])
}

fn ascending_of(columns: &[Vec<u32>]) -> Vec<u32> {
    let mut all = columns.concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// Columns whose rows are to be found: of stored values that cells may have, of loose texts, and of frames of which the
/// blocks are not known, and of texts that digits were taken out of.
fn columns_of(values: &BTreeMap<u32, NumberSet>, reach: Option<&TextReach>) -> [NumberSet; 4] {
    // Many columns are of callers alone.
    let of_values: Vec<u32> = values.keys().copied().filter(|column| *column >= FACT_COLUMNS).collect();
    let (loose, framed, beside) = match reach {
        Some(TextReach { loose, frames, is_divided: false, beside_digits, .. }) => (
            if let Columns::Of(columns) = loose { &columns[..] } else { &[] },
            if let Frames::Of { columns, blocks: None } = frames { &columns[..] } else { &[] },
            ascending_of(beside_digits),
        ),
        _ => (&[][..], &[][..], Vec::new()),
    };
    [NumberSet::of(&of_values), NumberSet::of(loose), NumberSet::of(framed), NumberSet::of(&beside)]
}

/// Whether a caller's text may have the probe.
fn caller_has(
    item: &[u8],
    shapes: &NumberSet,
    values: &BTreeMap<u32, NumberSet>,
    probe: &Probe,
) -> Result<bool, crate::Damage> {
    let mut cursor = Cursor::new(item);
    if shapes.contains(cursor.code()?) {
        return Ok(true);
    }
    while !cursor.is_empty() {
        let (column, cell) = crate::records::caller_cell(&mut cursor)?;
        let is_in = match cell {
            ReadCell::Value(number) => values.get(&column).is_some_and(|numbers| numbers.contains(number)),
            ReadCell::Uuid(uuid) => probe.is_in_uuid(uuid),
            ReadCell::Text(_) | ReadCell::Ending { .. } => false,
        };
        if is_in {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::UuidParts;
    use crate::cells::format_uuid;

    fn anywhere(part: &[u8]) -> UuidParts {
        UuidParts::of(part, 0..(UuidParts::TEXT_BYTES + 1).saturating_sub(part.len()))
    }

    proptest! {
        #[test]
        fn parts_of_uuids_are_found_where_their_texts_have_them(
            uuid: [u8; 16],
            other: [u8; 16],
            start in 0..36_usize,
            length in 1..37_usize,
            odd in "[0-9a-g-]{1,5}",
        ) {
            let text = format_uuid(&uuid);
            let part = &text[start..36.min(start + length)];
            prop_assert!(anywhere(part).are_in(&uuid));
            for part in [part, odd.as_bytes()] {
                let is_there = memchr::memmem::find(&format_uuid(&other), part).is_some();
                prop_assert_eq!(anywhere(part).are_in(&other), is_there);
                prop_assert_eq!(anywhere(part).are_in_any(&[other]), is_there);
            }
        }
    }
}
