//! Begin and end of a segment's bytes, and what is kept in memory of it.

use crate::bytes::{Cursor, Damage, checked, put_number, put_signed};
use crate::table::TableIndex;
use crate::terms::TermIndex;
use crate::text_filter::TextFilter;

/// First bytes of a segment; the last two digits are the format version.
pub(crate) const MAGIC: &[u8; 8] = b"OTSEGM06";
/// Version of the format that is written.
pub const FORMAT_VERSION: u16 = 6;
/// Versions of the format that are read. Before version 3 there were no filter of texts and no list of frames, before
/// version 4 one set of the filter for all columns, before version 5 the blocks of a caller were not told apart by scope,
/// before version 6 digits stood in their texts.
pub const FORMAT_VERSIONS_READ: std::ops::RangeInclusive<u16> = 2..=FORMAT_VERSION;
/// Last bytes of a segment.
const END: &[u8; 8] = b"OTSEGEND";
/// Size of the tail: offset, size and unpacked size of the index, checksum, last bytes.
pub(crate) const TAIL_BYTES: usize = 8 + 4 + 4 + 4 + 8;
const LEVEL: i32 = 3;

/// What a segment holds, for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Events.
    pub event_count: u32,
    /// Earliest event time, seconds since 1970.
    pub min_seconds: i64,
    /// Latest event time, seconds since 1970.
    pub max_seconds: i64,
    /// Lowest sequence number.
    pub min_sequence: u64,
    /// Highest sequence number.
    pub max_sequence: u64,
}

/// A block: some hundred neighbouring rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPlace {
    pub(crate) offset: u64,
    /// Size of the part with the facts of the rows, bytes.
    pub(crate) facts_bytes: u32,
    /// Size of the part with all other cells, bytes.
    pub(crate) cells_bytes: u32,
    pub(crate) first_seconds: i64,
    pub(crate) last_seconds: i64,
}

/// Lists of blocks of classes, among the first items of lists.
pub(crate) const CLASS_LISTS: usize = 0;
/// Lists of blocks of callers.
pub(crate) const CALLER_LISTS: usize = 1;
/// Lists of blocks of source addresses.
pub(crate) const ADDRESS_LISTS: usize = 2;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    /// Version of the format.
    pub(crate) version: u16,
    pub(crate) summary: Summary,
    /// Number of the first row, if rows are numbered in the order of time.
    pub(crate) sequence_base: Option<u64>,
    pub(crate) block_rows: u32,
    pub(crate) blocks: Vec<BlockPlace>,
    pub(crate) ids_offset: u64,
    pub(crate) id_buckets_offset: u64,
    /// Buckets of ids, as a power of two.
    pub(crate) id_bucket_bits: u32,
    pub(crate) table_offset: u64,
    pub(crate) table: TableIndex,
    pub(crate) first_shape: u32,
    pub(crate) first_skeleton: u32,
    pub(crate) first_class: u32,
    pub(crate) first_caller: u32,
    /// First item of each column's values; the values of the last end where the first lists of blocks begin.
    pub(crate) first_values: Vec<u32>,
    /// First lists of blocks: of classes, callers, and values of the column of source addresses.
    pub(crate) first_lists: [u32; 3],
    pub(crate) first_term_page: u32,
    pub(crate) terms: TermIndex,
    pub(crate) text_filter: Option<TextFilter>,
}

fn put_steps(out: &mut Vec<u8>, numbers: impl ExactSizeIterator<Item = u32>) {
    put_number(out, numbers.len() as u64);
    let mut previous = 0;
    for number in numbers {
        put_number(out, u64::from(number - previous));
        previous = number;
    }
}

fn read_steps(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, Damage> {
    let count = cursor.index()?;
    let mut previous = 0_u32;
    let mut numbers = Vec::with_capacity(count.min(cursor.bytes.len()));
    for _ in 0..count {
        previous = previous.checked_add(cursor.code()?).ok_or(Damage("a list does not ascend"))?;
        numbers.push(previous);
    }
    Ok(numbers)
}

impl Index {
    /// Appends the index and the tail to a segment's bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let mut plain = Vec::new();
        let summary = &self.summary;
        put_number(&mut plain, u64::from(summary.event_count));
        put_signed(&mut plain, summary.min_seconds);
        put_signed(&mut plain, summary.max_seconds);
        put_number(&mut plain, summary.min_sequence);
        put_number(&mut plain, summary.max_sequence);
        put_number(&mut plain, self.sequence_base.map_or(0, |base| base.saturating_add(1)));
        put_number(&mut plain, u64::from(self.block_rows));
        put_number(&mut plain, self.blocks.len() as u64);
        let mut seconds = summary.min_seconds;
        for block in &self.blocks {
            put_number(&mut plain, u64::from(block.facts_bytes));
            put_number(&mut plain, u64::from(block.cells_bytes));
            put_signed(&mut plain, block.first_seconds.wrapping_sub(seconds));
            put_signed(&mut plain, block.last_seconds.wrapping_sub(block.first_seconds));
            seconds = block.first_seconds;
        }
        for number in [self.ids_offset, self.id_buckets_offset, u64::from(self.id_bucket_bits), self.table_offset] {
            put_number(&mut plain, number);
        }
        put_number(&mut plain, u64::from(self.table.item_count));
        put_steps(&mut plain, self.table.first_items.iter().copied());
        put_steps(&mut plain, self.table.offsets.iter().copied());
        for number in [self.first_shape, self.first_skeleton, self.first_class, self.first_caller] {
            put_number(&mut plain, u64::from(number));
        }
        put_steps(&mut plain, self.first_values.iter().copied());
        put_steps(&mut plain, self.first_lists.iter().copied());
        put_number(&mut plain, u64::from(self.first_term_page));
        put_number(&mut plain, u64::from(self.terms.hash_bits));
        put_steps(&mut plain, self.terms.pages.iter().copied());
        if let Some(filter) = &self.text_filter {
            filter.put(&mut plain);
        }

        let packed = zstd::bulk::compress(&plain, LEVEL)?;
        let mut tail = (out.len() as u64).to_le_bytes().to_vec();
        tail.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        tail.extend_from_slice(&(plain.len() as u32).to_le_bytes());
        out.extend_from_slice(&packed);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&packed), &tail);
        tail.extend_from_slice(&checksum.to_le_bytes());
        tail.extend_from_slice(END);
        out.extend_from_slice(&tail);
        Ok(())
    }

    /// Reads what [`Index::write`] wrote. `read` gives bytes at an offset.
    pub(crate) fn read<E: From<Damage>>(
        size: u64,
        mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let begin_bytes = MAGIC.len() + TAIL_BYTES;
        if size < begin_bytes as u64 {
            return Err(Damage("it is too short").into());
        }
        let version = read_version(&read(0, MAGIC.len())?)?;
        let tail = read(size - TAIL_BYTES as u64, TAIL_BYTES)?;
        let (offset, packed_bytes, plain_bytes) = read_tail(&tail)?;
        if offset + packed_bytes as u64 + TAIL_BYTES as u64 != size {
            return Err(Damage("its index is not where it should be").into());
        }
        let packed = read(offset, packed_bytes)?;
        let mut all = packed;
        all.extend_from_slice(&tail[..20]);
        let checked = checked(&all)?;
        let plain = zstd::bulk::decompress(&checked[..packed_bytes], plain_bytes)
            .map_err(|_| Damage("its index does not decompress"))?;
        Ok(Self::parse(&plain, version)?)
    }

    fn parse(plain: &[u8], version: u16) -> Result<Self, Damage> {
        let mut cursor = Cursor::new(plain);
        let summary = Summary {
            event_count: cursor.code()?,
            min_seconds: cursor.signed()?,
            max_seconds: cursor.signed()?,
            min_sequence: cursor.number()?,
            max_sequence: cursor.number()?,
        };
        let sequence_base = cursor.number()?.checked_sub(1);
        let block_rows = cursor.code()?;
        let block_count = cursor.index()?;
        let mut blocks = Vec::with_capacity(block_count.min(plain.len()));
        let (mut offset, mut seconds) = (MAGIC.len() as u64, summary.min_seconds);
        for _ in 0..block_count {
            let (facts_bytes, cells_bytes) = (cursor.code()?, cursor.code()?);
            seconds = seconds.wrapping_add(cursor.signed()?);
            let last_seconds = seconds.wrapping_add(cursor.signed()?);
            blocks.push(BlockPlace { offset, facts_bytes, cells_bytes, first_seconds: seconds, last_seconds });
            offset += u64::from(facts_bytes) + u64::from(cells_bytes);
        }
        let (ids_offset, id_buckets_offset) = (cursor.number()?, cursor.number()?);
        let (id_bucket_bits, table_offset) = (cursor.code()?, cursor.number()?);
        let table = TableIndex::new(cursor.code()?, read_steps(&mut cursor)?, read_steps(&mut cursor)?);
        let index = Self {
            version,
            summary,
            sequence_base,
            block_rows,
            blocks,
            ids_offset,
            id_buckets_offset,
            id_bucket_bits,
            table_offset,
            table,
            first_shape: cursor.code()?,
            first_skeleton: cursor.code()?,
            first_class: cursor.code()?,
            first_caller: cursor.code()?,
            first_values: read_steps(&mut cursor)?,
            first_lists: read_steps(&mut cursor)?.try_into().map_err(|_| Damage("lists are missing"))?,
            first_term_page: cursor.code()?,
            terms: TermIndex { hash_bits: cursor.code()?, pages: read_steps(&mut cursor)? },
            text_filter: if version >= 3 { Some(TextFilter::read(&mut cursor, version)?) } else { None },
        };
        index.check()?;
        Ok(index)
    }

    /// Numbers that are used without a look must fit one another.
    fn check(&self) -> Result<(), Damage> {
        let rows = u64::from(self.summary.event_count);
        let is_sound = self.block_rows > 0
            && rows.div_ceil(u64::from(self.block_rows)) == self.blocks.len() as u64
            && self.table.offsets.len() == self.table.first_items.len() + 1
            && self.table.first_items.first().is_none_or(|first| *first == 0)
            && self.first_values.len() >= 4
            && self.id_bucket_bits < 32
            && (1..=32).contains(&self.terms.hash_bits);
        if is_sound { Ok(()) } else { Err(Damage("its index contradicts itself")) }
    }
}

fn read_version(magic: &[u8]) -> Result<u16, Damage> {
    let digits = magic.strip_prefix(&MAGIC[..6]).ok_or(Damage("no segment"))?;
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    version.filter(|version| FORMAT_VERSIONS_READ.contains(version)).ok_or(Damage("another version of the format"))
}

fn read_tail(tail: &[u8]) -> Result<(u64, usize, usize), Damage> {
    let mut cursor = Cursor::new(tail);
    let offset = u64::from_le_bytes(cursor.take(8)?.try_into().unwrap_or_default());
    let mut number = || cursor.take(4).map(|four| u32::from_le_bytes(four.try_into().unwrap_or_default()) as usize);
    let (packed, plain) = (number()?, number()?);
    if tail.ends_with(END) { Ok((offset, packed, plain)) } else { Err(Damage("its end is missing")) }
}
