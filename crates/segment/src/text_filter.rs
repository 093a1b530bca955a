//! Where in a segment a text may be, by the groups of four bytes that are in it.
//!
//! A group is one bit of a set, by its hash. There is a set for the texts in frames, one for those that stand loose in
//! blocks, one for stored values and what
//! callers have of their own, and one for the places where a text goes over into an earlier one of its row. Random
//! tokens have nearly every group: of them only the columns and their characters are known.

use std::collections::BTreeMap;

use crate::block::{ENDING_CODE, TEXT_CODE};
use crate::bytes::{Cursor, Damage, put_ascending, put_number, put_text, read_ascending};
use crate::segment::{Segment, SegmentError};
use crate::table::TableWriter;

const GROUP_BYTES: usize = 4;
/// Bits of a set while it is filled, as a power of two.
const FULL_BITS: u32 = 20;
/// Fewest bits of a set, as a power of two.
const BITS_MIN: u32 = 10;
/// A set is made smaller as long as at most this part of its bits is set then: 1 of this number.
const CROWDED_PART: u64 = 2;
/// Bytes of an item of the table, as a power of two.
const ITEM_BYTES: u32 = 12;

/// Where the texts of a column are in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In a frame.
    Framed,
    /// In a frame of random tokens.
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
    (u64::from(group).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)) as usize
}

/// A set that is being filled.
#[derive(Debug, Default)]
struct GroupSet {
    words: Vec<u64>,
}

impl GroupSet {
    fn add(&mut self, text: &[u8]) {
        if self.words.is_empty() {
            self.words.resize(1 << (FULL_BITS - 6), 0);
        }
        for group in text.windows(GROUP_BYTES) {
            let place = place_of(group, FULL_BITS);
            self.words[place / 64] |= 1 << (place % 64);
        }
    }

    /// Makes the set as small as it may be, and writes it into the table.
    fn write_small(mut self, table: &mut TableWriter) -> std::io::Result<GroupSetPlace> {
        let mut bits = FULL_BITS;
        while !self.words.is_empty() && bits > BITS_MIN {
            let halved = halve(&self.words);
            let set: u64 = halved.iter().map(|word| u64::from(word.count_ones())).sum();
            if set * CROWDED_PART > 1 << (bits - 1) {
                break;
            }
            (self.words, bits) = (halved, bits - 1);
        }
        self.write(bits, table)
    }

    fn write(self, bits: u32, table: &mut TableWriter) -> std::io::Result<GroupSetPlace> {
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
        Ok(GroupSetPlace { first_item, bits })
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
#[derive(Debug, Default)]
pub(crate) struct TextFilterWriter {
    framed: GroupSet,
    loose: GroupSet,
    values: GroupSet,
    joints: GroupSet,
    random: BTreeMap<u32, RandomTexts>,
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

impl TextFilterWriter {
    /// Says that what is added from now on is of a block.
    pub(crate) fn begin_block(&mut self, block: u32) {
        self.block = block;
    }

    pub(crate) fn add(&mut self, column: u32, kept: Kept, text: &[u8]) {
        match kept {
            Kept::Framed => self.framed.add(text),
            Kept::Loose => self.loose.add(text),
            Kept::Random => {
                let RandomTexts { characters, blocks } = self.random.entry(column).or_default();
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

    /// Adds a stored value, or what a caller has of its own.
    pub(crate) fn add_value(&mut self, text: &[u8]) {
        self.values.add(text);
    }

    /// Adds the place where a text goes over into an earlier one, of which nothing is stored again.
    pub(crate) fn add_joint(&mut self, before: &[u8], earlier: &[u8]) {
        let mut joint = before[before.len().saturating_sub(GROUP_BYTES - 1)..].to_vec();
        joint.extend_from_slice(&earlier[..earlier.len().min(GROUP_BYTES - 1)]);
        self.joints.add(&joint);
    }

    /// Writes the sets into the table.
    pub(crate) fn write(self, block_count: usize, table: &mut TableWriter) -> std::io::Result<TextFilter> {
        let mut random: Vec<(u32, RandomTexts)> = self.random.into_iter().collect();
        for (_, texts) in &mut random {
            if texts.blocks.len() * 4 >= block_count {
                texts.blocks.clear();
            }
        }
        Ok(TextFilter {
            framed: self.framed.write_small(table)?,
            loose: self.loose.write_small(table)?,
            values: self.values.write_small(table)?,
            // One group that is in it tells: it stays large, and as it is nearly empty it compresses.
            joints: self.joints.write(FULL_BITS, table)?,
            random,
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
    fn has(self, segment: &Segment, group: &[u8]) -> Result<bool, SegmentError> {
        if self.bits == 0 {
            return Ok(false);
        }
        let place = place_of(group, self.bits);
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
}

/// The sets of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFilter {
    framed: GroupSetPlace,
    loose: GroupSetPlace,
    values: GroupSetPlace,
    joints: GroupSetPlace,
    /// Columns with frames of random tokens, ascending.
    random: Vec<(u32, RandomTexts)>,
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

    /// Whether a block has none of them.
    pub(crate) fn are_none_of(&self, block: u32) -> bool {
        matches!(self, Self::Of { blocks: Some(blocks), .. } if blocks.binary_search(&block).is_err())
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Of { columns, .. } if columns.is_empty())
    }
}

/// Where a text may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextReach {
    pub(crate) frames: Frames,
    pub(crate) is_loose: bool,
    /// Among stored values and callers.
    pub(crate) is_among_values: bool,
    /// Whether it may be where a text goes over into an earlier one.
    pub(crate) is_divided: bool,
}

impl TextFilter {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for place in [self.framed, self.loose, self.values, self.joints] {
            put_number(out, u64::from(place.first_item));
            put_number(out, u64::from(place.bits));
        }
        put_number(out, self.random.len() as u64);
        for (column, texts) in &self.random {
            put_number(out, u64::from(*column));
            texts.characters.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
            let mut blocks = Vec::new();
            put_ascending(&mut blocks, &texts.blocks);
            put_text(out, &blocks);
        }
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
        let mut place = || match (cursor.code()?, cursor.code()?) {
            (_, FULL_BITS_OVER..) => Err(Damage("a filter of texts is too large")),
            (first_item, bits) => Ok(GroupSetPlace { first_item, bits }),
        };
        let (framed, loose, values, joints) = (place()?, place()?, place()?, place()?);
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
        Ok(Self { framed, loose, values, joints, random })
    }

    /// Where a text may be; `None` if it is too short to tell.
    pub(crate) fn reach_of(&self, segment: &Segment, text: &[u8]) -> Result<Option<TextReach>, SegmentError> {
        if text.len() < GROUP_BYTES {
            return Ok(None);
        }
        let frames = if self.framed.has_all(segment, text)? { Frames::All } else { self.random_frames(text) };
        Ok(Some(TextReach {
            frames,
            is_loose: self.loose.has_all(segment, text)?,
            is_among_values: self.values.has_all(segment, text)?,
            is_divided: self.may_be_divided(segment, text)?,
        }))
    }

    fn random_frames(&self, text: &[u8]) -> Frames {
        let columns: Vec<_> = self.random.iter().filter(|(_, texts)| texts.may_have(text)).collect();
        let blocks = columns.iter().all(|(_, texts)| !texts.blocks.is_empty()).then(|| {
            let mut blocks: Vec<u32> = columns.iter().flat_map(|(_, texts)| texts.blocks.iter().copied()).collect();
            blocks.sort_unstable();
            blocks.dedup();
            blocks
        });
        Frames::Of { columns: columns.into_iter().map(|(column, _)| *column).collect(), blocks }
    }

    /// Whether one group is at a joint, and all others are anywhere.
    fn may_be_divided(&self, segment: &Segment, text: &[u8]) -> Result<bool, SegmentError> {
        let mut is_at_joint = false;
        for group in text.windows(GROUP_BYTES) {
            if self.joints.has(segment, group)? {
                is_at_joint = true;
                continue;
            }
            let is_random = || self.random.iter().any(|(_, texts)| texts.may_have(group));
            if !is_random() && !self.framed.has(segment, group)? && !self.loose.has(segment, group)? {
                return Ok(false);
            }
        }
        Ok(is_at_joint)
    }
}

/// More bits than a set can have.
const FULL_BITS_OVER: u32 = FULL_BITS + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_the_bits_of_both() {
        let mut set = GroupSet::default();
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
