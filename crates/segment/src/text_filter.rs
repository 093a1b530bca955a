//! Where in a segment a text may be, by the groups of four bytes that are in it.
//!
//! A group is one bit of a set, by its hash. There are sets for the texts in frames, for those that stand loose in blocks
//! and for stored values, one for a column or for some that are rare; one for what callers have of their own; and one
//! for the places where a text goes over into an earlier one of its row. Names that are put together of the same parts
//! have the same groups: the columns tell where they may be. Random tokens have nearly every group: of them only the
//! columns and their characters are known.

use std::collections::{BTreeMap, BTreeSet};

use crate::block::{ENDING_CODE, TEXT_CODE};
use crate::bytes::{Cursor, Damage, put_ascending, put_number, put_text, read_ascending};
use crate::frame_probe::FrameProbe;
use crate::hex_digits::{BESIDE, BesideDigits, are_digits};
use crate::segment::{Segment, SegmentError};
use crate::table::TableWriter;
use crate::token_runs::{RUN_BYTES, RunKind, visit_runs};

pub(crate) const GROUP_BYTES: usize = 4;
/// Bits of a set while it is filled, as a power of two: of all columns, of one, and of some that are rare.
const FULL_BITS: u32 = 20;
const OWN_BITS: u32 = 18;
const SHARED_BITS: u32 = 16;
/// Columns that have sets of their own: the first ones, which are the most used. The others share as many as here say.
const OWN_SETS: u32 = 96;
const SHARED_SETS: u32 = 160;
/// Fewest bits of a set, as a power of two.
const BITS_MIN: u32 = 10;
/// A set is made smaller as long as at most this part of its bits is set then: 1 of this number.
const CROWDED_PART: u64 = 4;
/// The same of sets of runs: of a word or a number that is looked for there are one or two.
const CROWDED_PART_OF_DIGITS: u64 = 16;
const CROWDED_PART_OF_LETTERS: u64 = 4;
/// Blocks with frames of random tokens of a column are not listed where they are this part of all, or more.
const MANY_BLOCKS_PART: (usize, usize) = (3, 4);
/// Bytes of an item of the table, as a power of two.
const ITEM_BYTES: u32 = 12;

/// Where the texts of a column are in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In a frame.
    Framed,
    /// In a frame of random tokens alone.
    Tokens,
    /// In a frame with random tokens in its texts.
    Random,
    /// In no frame.
    Loose,
}

/// Bytes that occur, as one bit each.
type Characters = [u64; 4];

/// Place of a group in a set with as many bits as there are. The first bits of the hash say it, so that a set is halved
/// by putting neighbours together.
fn place_of(group: &[u8], bits: u32) -> usize {
    let group = u32::from_le_bytes(group.try_into().unwrap_or_default());
    place_of_number(u64::from(group), bits)
}

/// The same of characters in a row.
fn place_of_run(run: &[u8; RUN_BYTES], bits: u32) -> usize {
    let [first, second, third, fourth, fifth, sixth] = *run;
    let number = u64::from_le_bytes([first, second, third, fourth, fifth, sixth, 0, 0]);
    // Of the product only the highest bits depend on all bytes.
    place_of_number(number ^ number >> 20, bits)
}

fn place_of_number(number: u64, bits: u32) -> usize {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)) as usize
}

/// A set that is being filled.
#[derive(Debug)]
struct GroupSet {
    words: Vec<u64>,
    bits: u32,
}

/// The set that a column's texts are in.
fn set_of(column: u32) -> usize {
    match column {
        0..OWN_SETS => column as usize,
        _ => (OWN_SETS + column % SHARED_SETS) as usize,
    }
}

/// Sets of columns that are being filled, and one of all.
#[derive(Debug)]
struct ColumnSets {
    all: GroupSet,
    sets: Vec<GroupSet>,
}

impl Default for ColumnSets {
    fn default() -> Self {
        let bits = |set| if set < OWN_SETS { OWN_BITS } else { SHARED_BITS };
        let sets = (0..OWN_SETS + SHARED_SETS).map(|set| GroupSet::new(bits(set))).collect();
        Self { all: GroupSet::new(FULL_BITS), sets }
    }
}

impl ColumnSets {
    fn add(&mut self, column: u32, text: &[u8]) {
        self.all.add(text);
        self.sets[set_of(column)].add(text);
    }

    fn write(self, table: &mut TableWriter) -> std::io::Result<ColumnSetPlaces> {
        let all = self.all.write_small(table)?;
        let sets = self.sets.into_iter().map(|set| set.write_small(table)).collect::<Result<_, _>>()?;
        Ok(ColumnSetPlaces { all, sets })
    }
}

impl GroupSet {
    fn new(bits: u32) -> Self {
        Self { words: Vec::new(), bits }
    }

    fn add(&mut self, text: &[u8]) {
        if text.len() < GROUP_BYTES {
            return;
        }
        if self.words.is_empty() {
            self.words.resize(1 << (self.bits - 6), 0);
        }
        for group in text.windows(GROUP_BYTES) {
            let place = place_of(group, self.bits);
            self.words[place / 64] |= 1 << (place % 64);
        }
    }

    fn add_run(&mut self, run: &[u8; RUN_BYTES]) {
        if self.words.is_empty() {
            self.words.resize(1 << (self.bits - 6), 0);
        }
        let place = place_of_run(run, self.bits);
        self.words[place / 64] |= 1 << (place % 64);
    }

    /// Makes the set as small as it may be, and writes it into the table.
    fn write_small(self, table: &mut TableWriter) -> std::io::Result<GroupSetPlace> {
        self.write_crowded(CROWDED_PART, table)
    }

    fn write_crowded(mut self, part: u64, table: &mut TableWriter) -> std::io::Result<GroupSetPlace> {
        while !self.words.is_empty() && self.bits > BITS_MIN {
            let halved = halve(&self.words);
            let set: u64 = halved.iter().map(|word| u64::from(word.count_ones())).sum();
            if set * part > 1 << (self.bits - 1) {
                break;
            }
            (self.words, self.bits) = (halved, self.bits - 1);
        }
        self.write(table)
    }

    fn write(self, table: &mut TableWriter) -> std::io::Result<GroupSetPlace> {
        let first_item = table.next_item();
        if self.words.is_empty() {
            return Ok(GroupSetPlace { first_item, bits: 0 });
        }
        let mut item = Vec::with_capacity(1 << ITEM_BYTES);
        for words in self.words.chunks(1 << (ITEM_BYTES - 3)) {
            item.clear();
            words.iter().for_each(|word| item.extend_from_slice(&word.to_le_bytes()));
            table.push(&item)?;
        }
        Ok(GroupSetPlace { first_item, bits: self.bits })
    }
}

/// Puts neighbouring bits together.
fn halve(words: &[u64]) -> Vec<u64> {
    let half = |word: u64| {
        let mut even = (word | word >> 1) & 0x5555_5555_5555_5555;
        even = (even | even >> 1) & 0x3333_3333_3333_3333;
        even = (even | even >> 2) & 0x0F0F_0F0F_0F0F_0F0F;
        even = (even | even >> 4) & 0x00FF_00FF_00FF_00FF;
        even = (even | even >> 8) & 0x0000_FFFF_0000_FFFF;
        (even | even >> 16) & 0xFFFF_FFFF
    };
    words.chunks_exact(2).map(|pair| half(pair[0]) | half(pair[1]) << 32).collect()
}

/// Collects the texts of a segment.
#[derive(Debug)]
pub(crate) struct TextFilterWriter {
    framed: ColumnSets,
    loose: ColumnSets,
    values: ColumnSets,
    callers: GroupSet,
    joints: GroupSet,
    /// By column, and whether there is more in the frames than tokens: such frames are few, but any character is in them.
    random: BTreeMap<(u32, bool), RandomTexts>,
    /// Columns with texts that digits were taken out of.
    without_digits: BTreeSet<u32>,
    /// Characters in a row of random texts, by their kind.
    runs_of_digits: GroupSet,
    runs_of_letters: GroupSet,
    /// The block that is written.
    block: u32,
}

/// Frames of random tokens of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RandomTexts {
    characters: Characters,
    /// Blocks that have such frames, ascending; none if many have.
    blocks: Vec<u32>,
}

impl RandomTexts {
    fn may_have(&self, text: &[u8]) -> bool {
        text.iter().all(|byte| self.characters[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1)
    }
}

impl Default for TextFilterWriter {
    fn default() -> Self {
        Self {
            framed: ColumnSets::default(),
            loose: ColumnSets::default(),
            values: ColumnSets::default(),
            callers: GroupSet::new(OWN_BITS),
            joints: GroupSet::new(FULL_BITS),
            random: BTreeMap::new(),
            without_digits: BTreeSet::new(),
            runs_of_digits: GroupSet::new(FULL_BITS),
            runs_of_letters: GroupSet::new(FULL_BITS),
            block: 0,
        }
    }
}

impl TextFilterWriter {
    /// Says that what is added from now on is of a block.
    pub(crate) fn begin_block(&mut self, block: u32) {
        self.block = block;
    }

    pub(crate) fn add(&mut self, column: u32, kept: Kept, text: &[u8]) {
        match kept {
            Kept::Framed => self.framed.add(column, text),
            Kept::Loose => self.loose.add(column, text),
            Kept::Tokens | Kept::Random => {
                let RandomTexts { characters, blocks } = self.random.entry((column, kept == Kept::Random)).or_default();
                text.iter().for_each(|byte| characters[usize::from(byte >> 6)] |= 1 << (byte & 63));
                if blocks.last() != Some(&self.block) {
                    blocks.push(self.block);
                }
            }
        }
    }

    /// Adds the texts of a column in a block.
    pub(crate) fn add_texts(&mut self, column: u32, kept: Kept, codes: &[u8], texts: &[u8]) {
        let (mut codes, mut texts) = (Cursor::new(codes), Cursor::new(texts));
        while let Ok(code) = codes.code() {
            if code != TEXT_CODE && code != ENDING_CODE {
                continue;
            }
            if code == ENDING_CODE && texts.code().is_err() {
                return;
            }
            let Ok(text) = texts.text() else { return };
            self.add(column, kept, text);
        }
    }

    /// Adds the characters of random texts.
    pub(crate) fn add_runs(&mut self, characters: &[u8]) {
        visit_runs(characters, |kind, run| match kind {
            RunKind::Digits => self.runs_of_digits.add_run(run),
            RunKind::Letters => self.runs_of_letters.add_run(run),
        });
    }

    /// Adds the texts of a column in a block that digits were taken out of: all groups but those of these digits alone.
    /// `parts` are those beside the digits.
    pub(crate) fn add_beside_digits(&mut self, column: u32, kept: Kept, parts: &[u8]) {
        const { assert!(BESIDE + 1 == GROUP_BYTES, "all groups but those of digits are in the parts") };
        self.without_digits.insert(column);
        let mut parts = Cursor::new(parts);
        while let Ok(part) = parts.text() {
            self.add(column, kept, part);
        }
    }

    /// Adds a stored value of a column.
    pub(crate) fn add_value(&mut self, column: u32, text: &[u8]) {
        self.values.add(column, text);
    }

    /// Adds what a caller has of its own.
    pub(crate) fn add_of_caller(&mut self, text: &[u8]) {
        self.callers.add(text);
    }

    /// Adds the place where a text goes over into an earlier one, of which nothing is stored again.
    pub(crate) fn add_joint(&mut self, before: &[u8], earlier: &[u8]) {
        let mut joint = before[before.len().saturating_sub(GROUP_BYTES - 1)..].to_vec();
        joint.extend_from_slice(&earlier[..earlier.len().min(GROUP_BYTES - 1)]);
        self.joints.add(&joint);
    }

    /// Writes the sets into the table.
    pub(crate) fn write(self, block_count: usize, table: &mut TableWriter) -> std::io::Result<TextFilter> {
        let mut random: Vec<(u32, RandomTexts)> =
            self.random.into_iter().map(|((column, _), texts)| (column, texts)).collect();
        for (_, texts) in &mut random {
            if texts.blocks.len() * MANY_BLOCKS_PART.1 >= block_count * MANY_BLOCKS_PART.0 {
                texts.blocks.clear();
            }
        }
        Ok(TextFilter {
            framed: self.framed.write(table)?,
            loose: self.loose.write(table)?,
            values: self.values.write(table)?,
            callers: self.callers.write_small(table)?,
            // One group that is in it tells: it stays large, and as it is nearly empty it compresses.
            joints: self.joints.write(table)?,
            random,
            without_digits: self.without_digits.into_iter().collect(),
            runs: Some(TokenRuns {
                digits: self.runs_of_digits.write_crowded(CROWDED_PART_OF_DIGITS, table)?,
                letters: self.runs_of_letters.write_crowded(CROWDED_PART_OF_LETTERS, table)?,
            }),
        })
    }
}

/// Where a set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GroupSetPlace {
    first_item: u32,
    /// As a power of two; 0 if nothing is in the set.
    bits: u32,
}

impl GroupSetPlace {
    fn put(self, out: &mut Vec<u8>) {
        put_number(out, u64::from(self.first_item));
        put_number(out, u64::from(self.bits));
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
        match (cursor.code()?, cursor.code()?) {
            (_, FULL_BITS_OVER..) => Err(Damage("a filter of texts is too large")),
            (first_item, bits) => Ok(Self { first_item, bits }),
        }
    }

    fn has(self, segment: &Segment, group: &[u8]) -> Result<bool, SegmentError> {
        if self.bits == 0 {
            return Ok(false);
        }
        self.has_place(segment, place_of(group, self.bits))
    }

    fn has_run(self, segment: &Segment, run: &[u8; RUN_BYTES]) -> Result<bool, SegmentError> {
        if self.bits == 0 { Ok(false) } else { self.has_place(segment, place_of_run(run, self.bits)) }
    }

    fn has_place(self, segment: &Segment, place: usize) -> Result<bool, SegmentError> {
        let (item, byte) = (place >> (ITEM_BYTES + 3), (place >> 3) & ((1 << ITEM_BYTES) - 1));
        let bit = segment.with_item(self.first_item.saturating_add(item as u32), |bytes| {
            bytes.get(byte).map(|byte| byte >> (place & 7) & 1).ok_or(Damage("a filter of texts is cut"))
        })?;
        Ok(bit? == 1)
    }

    fn has_all(self, segment: &Segment, text: &[u8]) -> Result<bool, SegmentError> {
        for group in text.windows(GROUP_BYTES) {
            if !self.has(segment, group)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_groups(self, segment: &Segment, groups: &[&[u8]]) -> Result<bool, SegmentError> {
        for group in groups {
            if !self.has(segment, group)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Where the sets of columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ColumnSetPlaces {
    /// That of all. Short texts have so few groups that some set of a column has them by chance.
    all: GroupSetPlace,
    /// By [`set_of`]; none before version 4.
    sets: Vec<GroupSetPlace>,
}

impl ColumnSetPlaces {
    fn put(&self, out: &mut Vec<u8>) {
        self.all.put(out);
        self.sets.iter().for_each(|place| place.put(out));
    }

    fn read(cursor: &mut Cursor<'_>, version: u16) -> Result<Self, Damage> {
        let count = if version >= 4 { OWN_SETS + SHARED_SETS } else { 0 };
        let all = GroupSetPlace::read(cursor)?;
        Ok(Self { all, sets: (0..count).map(|_| GroupSetPlace::read(cursor)).collect::<Result<_, _>>()? })
    }

    /// Whether there is a column whose texts may have some groups.
    fn has_column_with(&self, segment: &Segment, groups: &[&[u8]]) -> Result<bool, SegmentError> {
        if !self.all.has_groups(segment, groups)? {
            return Ok(false);
        }
        for set in &self.sets {
            if set.has_groups(segment, groups)? {
                return Ok(true);
            }
        }
        Ok(self.sets.is_empty())
    }

    /// Columns whose texts may have a text.
    fn columns_with(&self, segment: &Segment, text: &[u8]) -> Result<Columns, SegmentError> {
        if !self.all.has_all(segment, text)? {
            return Ok(Columns::Of(Vec::new()));
        }
        if self.sets.is_empty() {
            return Ok(Columns::All);
        }
        let mut may_have = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            may_have.push(set.has_all(segment, text)?);
        }
        let columns = 0..segment.index.first_values.len() as u32;
        Ok(Columns::Of(columns.filter(|column| may_have[set_of(*column)]).collect()))
    }
}

/// The sets of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFilter {
    framed: ColumnSetPlaces,
    loose: ColumnSetPlaces,
    values: ColumnSetPlaces,
    callers: GroupSetPlace,
    joints: GroupSetPlace,
    /// Columns with frames of random tokens, ascending; twice those with two kinds of them.
    random: Vec<(u32, RandomTexts)>,
    /// None before version 6.
    runs: Option<TokenRuns>,
    /// Columns with texts that digits were taken out of, ascending; none before version 6.
    without_digits: Vec<u32>,
}

/// Characters in a row of random texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TokenRuns {
    digits: GroupSetPlace,
    letters: GroupSetPlace,
}

impl TokenRuns {
    /// Whether random texts may have a text.
    fn may_have(self, segment: &Segment, text: &[u8]) -> Result<bool, SegmentError> {
        let mut runs = Vec::new();
        visit_runs(text, |kind, run| runs.push((kind, *run)));
        for (kind, run) in runs {
            let set = if kind == RunKind::Digits { self.digits } else { self.letters };
            if !set.has_run(segment, &run)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Columns whose texts may have a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    /// Ascending.
    Of(Vec<u32>),
}

/// Frames that may have a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frames {
    All,
    Of {
        /// Their columns, ascending.
        columns: Vec<u32>,
        /// Their blocks, ascending; `None` for all.
        blocks: Option<Vec<u32>>,
    },
}

impl Frames {
    /// Whether a column has any of them.
    pub(crate) fn has(&self, column: u32) -> bool {
        match self {
            Self::All => true,
            Self::Of { columns, .. } => columns.binary_search(&column).is_ok(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of { columns, .. } if columns.is_empty())
    }

    /// These and those of other columns.
    pub(crate) fn and(&self, others: &[Vec<u32>]) -> Self {
        let Self::Of { columns, .. } = self else { return Self::All };
        let mut columns = columns.clone();
        columns.extend(others.iter().flatten());
        columns.sort_unstable();
        columns.dedup();
        Self::Of { columns, blocks: None }
    }
}

/// Where a text may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextReach {
    /// In frames.
    pub(crate) frames: Frames,
    /// Columns whose loose texts may have it.
    pub(crate) loose: Columns,
    /// Whether all of it may be among digits that were taken out of texts.
    pub(crate) is_of_digits: bool,
    /// For each way in which a part of it may be among such digits the columns, ascending, in whose texts it may be.
    pub(crate) beside_digits: Vec<Vec<u32>>,
    /// Columns whose stored values may have it.
    pub(crate) values: Columns,
    /// Whether what callers have of their own may.
    pub(crate) is_of_callers: bool,
    /// Whether it may be where a text goes over into an earlier one.
    pub(crate) is_divided: bool,
}

impl TextFilter {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        [&self.framed, &self.loose, &self.values].iter().for_each(|places| places.put(out));
        self.callers.put(out);
        self.joints.put(out);
        put_number(out, self.random.len() as u64);
        for (column, texts) in &self.random {
            put_number(out, u64::from(*column));
            texts.characters.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
            let mut blocks = Vec::new();
            put_ascending(&mut blocks, &texts.blocks);
            put_text(out, &blocks);
        }
        let mut columns = Vec::new();
        put_ascending(&mut columns, &self.without_digits);
        put_text(out, &columns);
        for place in self.runs.iter().flat_map(|runs| [runs.digits, runs.letters]) {
            place.put(out);
        }
    }

    /// Reads the places of the sets. `version` is that of the format: before version 4 there was one set for all columns,
    /// and callers shared that of the values.
    pub(crate) fn read(cursor: &mut Cursor<'_>, version: u16) -> Result<Self, Damage> {
        let mut places = || ColumnSetPlaces::read(cursor, version);
        let (framed, loose, values) = (places()?, places()?, places()?);
        let callers = if version >= 4 { GroupSetPlace::read(cursor)? } else { values.all };
        let joints = GroupSetPlace::read(cursor)?;
        let count = cursor.index()?;
        let mut random = Vec::with_capacity(count.min(cursor.bytes.len()));
        for _ in 0..count {
            let column = cursor.code()?;
            let mut characters = [0; 4];
            for word in &mut characters {
                *word = u64::from_le_bytes(cursor.take(8)?.try_into().unwrap_or_default());
            }
            random.push((column, RandomTexts { characters, blocks: read_ascending(cursor.text()?)? }));
        }
        let without_digits = if version >= 6 { read_ascending(cursor.text()?)? } else { Vec::new() };
        let mut place = || GroupSetPlace::read(cursor);
        let runs = if version >= 6 { Some(TokenRuns { digits: place()?, letters: place()? }) } else { None };
        Ok(Self { framed, loose, values, callers, joints, random, without_digits, runs })
    }

    /// Where a text may be, which is looked for by `probe`; `None` if it is too short to tell.
    pub(crate) fn reach_of(
        &self,
        segment: &Segment,
        text: &[u8],
        probe: &FrameProbe,
    ) -> Result<Option<TextReach>, SegmentError> {
        if text.len() < GROUP_BYTES {
            return self.reach_of_short(segment, text, probe);
        }
        Ok(Some(TextReach {
            frames: self.frames_of(segment, text)?,
            loose: self.loose.columns_with(segment, text)?,
            is_of_digits: !self.without_digits.is_empty() && are_digits(text),
            beside_digits: probe
                .beside_digits()
                .iter()
                .map(|way| self.columns_beside_digits(segment, text, way))
                .collect::<Result<_, _>>()?,
            values: self.values.columns_with(segment, text)?,
            is_of_callers: self.callers.has_all(segment, text)?,
            is_divided: self.may_be_divided(segment, text)?,
        }))
    }

    /// Where a text may be that is a byte shorter than a group: anywhere, but with digits put back, and over a joint, only where
    /// it may be. `None` if it is shorter still.
    fn reach_of_short(
        &self,
        segment: &Segment,
        text: &[u8],
        probe: &FrameProbe,
    ) -> Result<Option<TextReach>, SegmentError> {
        if text.len() + 1 < GROUP_BYTES {
            return Ok(None);
        }
        let is_of_digits = are_digits(text);
        let beside = if is_of_digits { &[] } else { &self.without_digits[..] };
        Ok(Some(TextReach {
            frames: Frames::All,
            loose: Columns::All,
            is_of_digits: is_of_digits && !self.without_digits.is_empty(),
            beside_digits: probe.beside_digits().iter().map(|_| beside.to_vec()).collect(),
            values: Columns::All,
            is_of_callers: true,
            is_divided: self.short_may_be_divided(segment, text)?,
        }))
    }

    /// Whether there may be a joint with a text that is a byte shorter than a group: one more stands behind it there.
    fn short_may_be_divided(&self, segment: &Segment, text: &[u8]) -> Result<bool, SegmentError> {
        let mut group = [text, &[0]].concat();
        for byte in 0..=u8::MAX {
            group[GROUP_BYTES - 1] = byte;
            if self.joints.has(segment, &group)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn frames_of(&self, segment: &Segment, text: &[u8]) -> Result<Frames, SegmentError> {
        let framed = match self.framed.columns_with(segment, text)? {
            Columns::All => return Ok(Frames::All),
            Columns::Of(columns) => columns,
        };
        Ok(match self.random_frames(segment, text)? {
            random if framed.is_empty() => random,
            Frames::Of { mut columns, .. } => {
                columns.extend(framed);
                columns.sort_unstable();
                columns.dedup();
                Frames::Of { columns, blocks: None }
            }
            Frames::All => Frames::All,
        })
    }

    /// Columns with texts that digits were taken out of, where these and what is beside them may be the text. Of a text that
    /// is all of digits no part is beside them: they were taken out as far as there are any.
    fn columns_beside_digits(
        &self,
        segment: &Segment,
        text: &[u8],
        way: &BesideDigits,
    ) -> Result<Vec<u32>, SegmentError> {
        if self.without_digits.is_empty() || are_digits(text) {
            return Ok(Vec::new());
        }
        let groups = text.windows(GROUP_BYTES).enumerate();
        let groups: Vec<&[u8]> =
            groups.filter(|(at, _)| way.has_beside(&(*at..at + GROUP_BYTES))).map(|(_, group)| group).collect();
        let may_have = |places: &ColumnSetPlaces, column: u32| -> Result<bool, SegmentError> {
            let Some(set) = places.sets.get(set_of(column)) else { return Ok(true) };
            for group in &groups {
                if !places.all.has(segment, group)? || !set.has(segment, group)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        // Frames of random texts have all their digits.
        let mut columns = Vec::new();
        for &column in &self.without_digits {
            if may_have(&self.framed, column)? || may_have(&self.loose, column)? {
                columns.push(column);
            }
        }
        Ok(columns)
    }

    fn random_frames(&self, segment: &Segment, text: &[u8]) -> Result<Frames, SegmentError> {
        let may_have_runs = match self.runs {
            Some(runs) => runs.may_have(segment, text)?,
            None => true,
        };
        let columns: Vec<_> = self.random.iter().filter(|(_, texts)| may_have_runs && texts.may_have(text)).collect();
        let blocks = columns.iter().all(|(_, texts)| !texts.blocks.is_empty()).then(|| {
            let mut blocks: Vec<u32> = columns.iter().flat_map(|(_, texts)| texts.blocks.iter().copied()).collect();
            blocks.sort_unstable();
            blocks.dedup();
            blocks
        });
        Ok(Frames::Of { columns: columns.into_iter().map(|(column, _)| *column).collect(), blocks })
    }

    /// Whether there is a place where it may go over: all groups that have bytes before and behind it are at joints, all before
    /// it are in texts of one column, and so are all behind it, unless the earlier text ends with another one.
    fn may_be_divided(&self, segment: &Segment, text: &[u8]) -> Result<bool, SegmentError> {
        let mut at_joints = Vec::with_capacity(text.len());
        for group in text.windows(GROUP_BYTES) {
            at_joints.push(self.joints.has(segment, group)?);
        }
        let may_be_joint = |place: &usize| {
            let over = place.saturating_sub(GROUP_BYTES - 1)..(*place).min(at_joints.len());
            at_joints[over].iter().all(|is_there| *is_there)
        };
        let joints: Vec<usize> = (1..text.len()).filter(may_be_joint).collect();
        for (number, &place) in joints.iter().enumerate() {
            let (before, behind) = text.split_at(place);
            if self.may_be_in_one_text(segment, before)?
                && (number + 1 < joints.len() || self.may_be_in_one_text(segment, behind)?)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a text that stands in blocks may have a part: the groups of one are all of one column. Digits that were taken out
    /// are in no set.
    fn may_be_in_one_text(&self, segment: &Segment, part: &[u8]) -> Result<bool, SegmentError> {
        let is_known = |group: &&[u8]| self.without_digits.is_empty() || !are_digits(group);
        let groups: Vec<&[u8]> = part.windows(GROUP_BYTES).filter(is_known).collect();
        let is_random = || -> Result<bool, SegmentError> {
            let may_have_runs = self.runs.map_or(Ok(true), |runs| runs.may_have(segment, part))?;
            Ok(may_have_runs && self.random.iter().any(|(_, texts)| texts.may_have(part)))
        };
        Ok(self.framed.has_column_with(segment, &groups)?
            || self.loose.has_column_with(segment, &groups)?
            || is_random()?)
    }
}

/// More bits than a set can have.
const FULL_BITS_OVER: u32 = FULL_BITS + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_the_bits_of_both() {
        let mut set = GroupSet::new(FULL_BITS);
        let words = ["eventName", "PutObject", "0.0.0.0/0", "café"];
        words.iter().for_each(|word| set.add(word.as_bytes()));
        let mut bits = FULL_BITS;
        let mut words_of_set = set.words.clone();
        while bits > BITS_MIN {
            (words_of_set, bits) = (halve(&words_of_set), bits - 1);
            for group in words.iter().flat_map(|word| word.as_bytes().windows(GROUP_BYTES)) {
                let place = place_of(group, bits);
                assert_eq!(words_of_set[place / 64] >> (place % 64) & 1, 1, "{bits}");
            }
        }
        let set: u32 = words_of_set.iter().map(|word| word.count_ones()).sum();
        assert!(set <= 21, "{set}");
    }
}
