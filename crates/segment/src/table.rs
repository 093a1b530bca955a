//! Items by number: texts of values, shapes, skeletons and so on, in compressed chunks of neighbours.

use std::sync::Arc;

use crate::block::{pack, unpack};
use crate::bytes::{Cursor, Damage, checked, put_number};
use crate::segment::{Segment, SegmentError};

/// Bytes of items that make a chunk. A smaller one is opened faster, a larger one compresses better.
const CHUNK_BYTES: usize = 8 * 1024;
/// The same of callers: nearly every record of a rare value has another one.
pub(crate) const CALLER_CHUNK_BYTES: usize = 4 * 1024;
/// The same of lists of blocks: they are short, so that thousands would have to be read over for one.
pub(crate) const LIST_CHUNK_BYTES: usize = 1024;
const LEVEL: i32 = 1;

/// Collects items; they get numbers from 0.
#[derive(Debug, Default)]
pub(crate) struct TableWriter {
    chunk: Vec<u8>,
    first_items: Vec<u32>,
    offsets: Vec<u32>,
    item_count: u32,
    out: Vec<u8>,
}

/// Where the chunks are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableIndex {
    /// Number of the first item of each chunk.
    pub(crate) first_items: Vec<u32>,
    /// Offset of each chunk in the table, and the table's size at the end.
    pub(crate) offsets: Vec<u32>,
    pub(crate) item_count: u32,
    /// The chunk that each [`STEP_ITEMS`]th item is in. A search from the middle would cost a dozen looks at memory that no
    /// cache of the processor has, for each of a record's fields.
    pub(crate) chunk_of_step: Vec<u32>,
}

const STEP_ITEMS: u32 = 64;

/// Items of one chunk, in memory.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) first_item: u32,
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl TableWriter {
    /// Adds an item and gives its number.
    pub(crate) fn push(&mut self, item: &[u8]) -> std::io::Result<u32> {
        self.push_in_chunk_of(CHUNK_BYTES, item)
    }

    /// Adds an item to a chunk of another size than usual.
    pub(crate) fn push_in_chunk_of(&mut self, chunk_bytes: usize, item: &[u8]) -> std::io::Result<u32> {
        if self.chunk.is_empty() {
            self.first_items.push(self.item_count);
        }
        put_number(&mut self.chunk, item.len() as u64);
        self.chunk.extend_from_slice(item);
        self.item_count += 1;
        if self.chunk.len() >= chunk_bytes {
            self.flush()?;
        }
        Ok(self.item_count - 1)
    }

    /// Adds an item as a chunk of its own, for items that are read one here and one there.
    pub(crate) fn push_alone(&mut self, item: &[u8]) -> std::io::Result<u32> {
        self.flush()?;
        let number = self.push(item)?;
        self.flush()?;
        Ok(number)
    }

    /// Number that the next item gets.
    pub(crate) fn next_item(&self) -> u32 {
        self.item_count
    }

    /// Ends a chunk.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let start = self.out.len();
        self.offsets.push(start as u32);
        let packed = pack(&self.chunk, LEVEL)?;
        let is_packed = packed.len() < self.chunk.len();
        put_number(&mut self.out, (self.chunk.len() as u64) << 1 | u64::from(is_packed));
        self.out.extend_from_slice(if is_packed { &packed } else { &self.chunk });
        let checksum = crc32c::crc32c(&self.out[start..]);
        self.out.extend_from_slice(&checksum.to_le_bytes());
        self.chunk.clear();
        Ok(())
    }

    /// The bytes of the table, and where its chunks are.
    pub(crate) fn finish(mut self) -> std::io::Result<(Vec<u8>, TableIndex)> {
        self.flush()?;
        self.offsets.push(self.out.len() as u32);
        Ok((self.out, TableIndex::new(self.item_count, self.first_items, self.offsets)))
    }
}

impl TableIndex {
    pub(crate) fn new(item_count: u32, first_items: Vec<u32>, offsets: Vec<u32>) -> Self {
        let (mut chunk_of_step, mut step) = (Vec::new(), 0_u32);
        for (chunk, end) in (0..).zip(first_items.iter().skip(1).copied().chain([item_count])) {
            while step < end && chunk_of_step.len() <= (item_count / STEP_ITEMS) as usize {
                chunk_of_step.push(chunk);
                step = step.saturating_add(STEP_ITEMS);
            }
        }
        Self { first_items, offsets, item_count, chunk_of_step }
    }

    /// The chunk that an item is in.
    pub(crate) fn chunk_of(&self, item: u32) -> Result<usize, Damage> {
        if item >= self.item_count {
            return Err(Damage("an item is missing"));
        }
        let step = (item / STEP_ITEMS) as usize;
        let bound = |step: usize| self.chunk_of_step.get(step).map_or(self.first_items.len(), |chunk| *chunk as usize);
        let (first, end) = (bound(step), (bound(step + 1) + 1).min(self.first_items.len()));
        let behind = self.first_items.get(first + 1..end).unwrap_or_default().partition_point(|first| *first <= item);
        Ok(first + behind)
    }

    /// Whether a chunk holds an item and nothing else.
    pub(crate) fn is_alone(&self, chunk: usize, item: u32) -> bool {
        let end = self.first_items.get(chunk + 1).copied().unwrap_or(self.item_count);
        self.first_items.get(chunk) == Some(&item) && end.checked_sub(1) == Some(item)
    }

    /// Where a chunk begins in the table, and its size.
    pub(crate) fn place_of(&self, chunk: usize) -> (u64, usize) {
        let (start, end) = (self.offsets[chunk], self.offsets[chunk + 1]);
        (u64::from(start), (end - start) as usize)
    }
}

/// Chunks of a segment's table that were used before, by the low bits of their numbers: the shared cache costs more than
/// to look here first.
#[derive(Debug)]
pub(crate) struct ChunksAtHand([Option<(usize, Arc<Chunk>)>; CHUNKS_AT_HAND]);

/// Enough for the shapes, the callers and the columns of records that are alike; a power of 2.
const CHUNKS_AT_HAND: usize = 64;

impl Default for ChunksAtHand {
    fn default() -> Self {
        Self([const { None }; CHUNKS_AT_HAND])
    }
}

impl ChunksAtHand {
    /// The chunk that an item is in.
    pub(crate) fn of(&mut self, segment: &Segment, item: u32) -> Result<Arc<Chunk>, SegmentError> {
        let number = segment.index.table.chunk_of(item)?;
        let at_hand = &mut self.0[number % CHUNKS_AT_HAND];
        if let Some((_, chunk)) = at_hand.as_ref().filter(|(known, _)| *known == number) {
            return Ok(Arc::clone(chunk));
        }
        let chunk = segment.chunk(number)?;
        *at_hand = Some((number, Arc::clone(&chunk)));
        Ok(chunk)
    }
}

/// The items of a chunk as it is stored, with their lengths between them.
pub(crate) fn unpack_items(stored: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut cursor = Cursor::new(checked(stored)?);
    let head = cursor.index()?;
    let bytes = if head & 1 == 1 { unpack(cursor.bytes, head >> 1)? } else { cursor.bytes.to_vec() };
    if bytes.len() != head >> 1 {
        return Err(Damage("a chunk has another size than it says"));
    }
    Ok(bytes)
}

impl Chunk {
    /// Opens the bytes of a chunk.
    pub(crate) fn open(first_item: u32, stored: &[u8]) -> Result<Self, Damage> {
        Self::of_items(first_item, unpack_items(stored)?)
    }

    /// A chunk of items with their lengths between them.
    pub(crate) fn of_items(first_item: u32, bytes: Vec<u8>) -> Result<Self, Damage> {
        /// About.
        const ITEM_BYTES: usize = 32;
        let mut ends = Vec::with_capacity(bytes.len() / ITEM_BYTES);
        let mut cursor = Cursor::new(&bytes);
        while !cursor.is_empty() {
            cursor.text()?;
            ends.push((bytes.len() - cursor.bytes.len()) as u32);
        }
        Ok(Self { first_item, ends, bytes })
    }

    /// An item of the chunk, by its number in the table.
    pub(crate) fn item(&self, item: u32) -> Result<&[u8], Damage> {
        let index = item.checked_sub(self.first_item).ok_or(Damage("an item is missing"))? as usize;
        let end = *self.ends.get(index).ok_or(Damage("an item is missing"))? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        let mut cursor = Cursor::new(&self.bytes[start..end]);
        cursor.text()
    }

    /// All items in their order.
    pub(crate) fn items(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let items = (0..self.ends.len() as u32).map(|index| self.first_item + index);
        items.filter_map(|item| Some((item, self.item(item).ok()?)))
    }

    /// All items with their lengths between them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4 + 64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_item_is_in_its_chunk(
            sizes in prop::collection::vec(prop_oneof![20 => 0..9_usize, 3 => 100..3_000_usize, 1 => Just(20_000)], 0..900),
            chunk_bytes in prop::sample::select(&[1, 64, LIST_CHUNK_BYTES, CHUNK_BYTES][..]),
            alone in 1..50_usize,
        ) {
            let mut table = TableWriter::default();
            let items: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(place, size)| vec![place as u8; *size]).collect();
            for (place, item) in items.iter().enumerate() {
                match place % alone {
                    0 => table.push_alone(item),
                    _ => table.push_in_chunk_of(chunk_bytes, item),
                }
                .expect("memory");
            }
            let (bytes, index) = table.finish().expect("memory");
            for (number, item) in (0..).zip(&items) {
                let chunk = index.chunk_of(number).expect("an item");
                prop_assert_eq!(chunk, index.first_items.partition_point(|first| *first <= number) - 1);
                let (offset, size) = index.place_of(chunk);
                let stored = &bytes[offset as usize..offset as usize + size];
                let chunk = Chunk::open(index.first_items[chunk], stored).expect("sound");
                prop_assert_eq!(chunk.item(number), Ok(&item[..]));
            }
            prop_assert!(index.chunk_of(items.len() as u32).is_err());
        }

        /// The numbers come from a file, and may be any that ascend.
        #[test]
        fn any_index_is_searched_or_damaged(mut firsts: Vec<u32>, item_count: u32, item: u32) {
            firsts.sort_unstable();
            firsts.insert(0, 0);
            let index = TableIndex::new(item_count.min(1 << 20), firsts.clone(), Vec::new());
            if let Ok(chunk) = index.chunk_of(item) {
                prop_assert_eq!(chunk, firsts.partition_point(|first| *first <= item) - 1);
            }
        }
    }
}
