//! Blocks: the cells of some hundred neighbouring rows, column by column.
//!
//! ```text
//! block  = facts checksum cells uuids checksum
//! facts  = size:number zstd( times sequences? classes callers addresses )
//! cells  = frames:list size:number packed:number zstd( directory codes* texts* ) frame*
//! ```
//! A code is 0 for a text that stands in the block, 1 for a UUID that does, 2 for a text that ends with an earlier one of
//! its row, and else the number of a stored value, from 3.

use std::cell::RefCell;
use std::ops::Range;

use crate::bytes::{Cursor, Damage, checked, put_number, put_signed};
use crate::frames::{FramePlace, Method, digits_of, make_frame, put_frame, verbatim_of};
use crate::packed_cells::{LooseCells, PackedCells};
use crate::text_filter::{Kept, TextFilterWriter};

/// Rows of a block. More compress better, fewer are opened faster: a lookup of a rare value opens one for each event.
pub(crate) const BLOCK_ROWS: usize = 128;
/// The same in a segment with events of high volume, most of which nobody looks up.
pub(crate) const BLOCK_ROWS_OF_HIGH_VOLUME: usize = 256;
/// Code of a text that stands in the block.
pub(crate) const TEXT_CODE: u32 = 0;
/// Code of a UUID that stands in the block.
pub(crate) const UUID_CODE: u32 = 1;
/// Code of a text that ends with an earlier text of its row, as the ARN of an object does with its key. Where the texts
/// of the column stand, there are how many texts of the row are between the two, and the part before.
pub(crate) const ENDING_CODE: u32 = 2;
/// Code of the first stored value of a column.
pub(crate) const FIRST_VALUE_CODE: u32 = 3;
const LEVEL: i32 = 1;
pub(crate) const CHECKSUM_BYTES: usize = 4;
/// Bytes between two parts that are read with them: another read takes longer.
pub(crate) const BETWEEN_PARTS_MAX: usize = 1024;
/// Largest part of a block, bytes, unpacked: more is damage. 256 records of the largest size that is accepted.
pub(crate) const PART_BYTES_MAX: usize = 1 << 30;

/// What every row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RowFacts {
    pub(crate) seconds: i64,
    pub(crate) sequence: u64,
    pub(crate) class: u32,
    /// Number of the caller and 1, or 0.
    pub(crate) caller: u32,
    /// Number of the source address among the values of its column, and 1; or 0.
    pub(crate) address: u32,
}

/// What the rows of a block have, each kind together: most rows are left out by one of them. In one piece, because lookups
/// of values that nobody has asked for yet keep dozens of these, in memory that is fresh.
#[derive(Debug)]
pub(crate) struct Facts {
    times: Times,
    sequences: RowSequences,
    /// Seconds after the first where times are [`Times::Near`], classes, callers and addresses, of all rows each.
    numbers: Box<[u32]>,
    len: usize,
}

#[derive(Debug)]
enum Times {
    /// Within a century.
    Near {
        first_seconds: i64,
    },
    Far(Box<[i64]>),
}

#[derive(Debug)]
enum RowSequences {
    From(u64),
    Given(Box<[u64]>),
}

impl Facts {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn memory(&self) -> usize {
        let times = if let Times::Far(seconds) = &self.times { seconds.len() * 8 } else { 0 };
        let sequences = if let RowSequences::Given(sequences) = &self.sequences { sequences.len() * 8 } else { 0 };
        size_of::<Self>() + self.numbers.len() * 4 + times + sequences
    }

    pub(crate) fn row(&self, index: usize) -> RowFacts {
        RowFacts {
            seconds: self.seconds_of(index),
            sequence: self.sequence_of(index),
            class: self.classes()[index],
            caller: self.callers()[index],
            address: self.addresses()[index],
        }
    }

    /// Event time of a row.
    pub(crate) fn seconds_of(&self, index: usize) -> i64 {
        match &self.times {
            Times::Near { first_seconds } => first_seconds.wrapping_add(i64::from(self.numbers[index])),
            Times::Far(seconds) => seconds[index],
        }
    }

    /// Event times of the rows.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = i64> {
        (0..self.len).map(|index| self.seconds_of(index))
    }

    /// Sequence number of a row.
    pub(crate) fn sequence_of(&self, index: usize) -> u64 {
        match &self.sequences {
            RowSequences::From(base) => base.wrapping_add(index as u64),
            RowSequences::Given(sequences) => sequences[index],
        }
    }

    /// Classes of the rows.
    pub(crate) fn classes(&self) -> &[u32] {
        self.kind(1)
    }

    /// Callers of the rows, with 1 added; or 0.
    pub(crate) fn callers(&self) -> &[u32] {
        self.kind(2)
    }

    /// Source addresses of the rows, with 1 added; or 0.
    pub(crate) fn addresses(&self) -> &[u32] {
        self.kind(3)
    }

    fn kind(&self, kind: usize) -> &[u32] {
        &self.numbers[kind * self.len..(kind + 1) * self.len]
    }
}

/// A cell that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Value(u32),
    Text(&'a [u8]),
    Uuid([u8; 16]),
    Ending { texts_between: u32, before: &'a [u8] },
}

/// Collects rows of a block.
#[derive(Debug, Default)]
pub(crate) struct BlockWriter {
    columns: Vec<ColumnWriter>,
    /// Columns that have cells.
    used: Vec<u32>,
    rows: Vec<RowFacts>,
    plain: Vec<u8>,
    frames: Vec<u8>,
    /// Digits that were taken out of texts.
    digits: Vec<u8>,
    /// Texts of the column at hand.
    texts: Vec<u8>,
}

#[derive(Debug, Default, Clone)]
struct ColumnWriter {
    count: u32,
    codes: Vec<u8>,
    texts: Vec<u8>,
    uuids: Vec<u8>,
}

impl BlockWriter {
    pub(crate) fn row(&mut self, facts: RowFacts) {
        self.rows.push(facts);
    }

    pub(crate) fn cell(&mut self, column: u32, cell: Cell<'_>) {
        if self.columns.len() <= column as usize {
            self.columns.resize(column as usize + 1, ColumnWriter::default());
        }
        let writer = &mut self.columns[column as usize];
        if writer.count == 0 {
            self.used.push(column);
        }
        writer.count += 1;
        match cell {
            Cell::Value(number) => put_number(&mut writer.codes, u64::from(number) + u64::from(FIRST_VALUE_CODE)),
            Cell::Text(text) => {
                writer.codes.push(TEXT_CODE as u8);
                put_number(&mut writer.texts, text.len() as u64);
                writer.texts.extend_from_slice(text);
            }
            Cell::Ending { texts_between, before } => {
                writer.codes.push(ENDING_CODE as u8);
                put_number(&mut writer.texts, u64::from(texts_between));
                put_number(&mut writer.texts, before.len() as u64);
                writer.texts.extend_from_slice(before);
            }
            Cell::Uuid(uuid) => {
                writer.codes.push(UUID_CODE as u8);
                writer.uuids.extend_from_slice(&uuid);
            }
        }
    }

    /// Appends the block and begins another; its texts go into the filter. Gives the sizes of its two parts.
    pub(crate) fn finish(
        &mut self,
        has_sequences: bool,
        filter: &mut TextFilterWriter,
        out: &mut Vec<u8>,
    ) -> std::io::Result<(u32, u32)> {
        let start = out.len();
        self.plain.clear();
        put_facts(&self.rows, has_sequences, &mut self.plain);
        put_number(out, self.plain.len() as u64);
        out.extend_from_slice(&pack(&self.plain, LEVEL)?);
        put_checksum(out, start);
        let middle = out.len();

        self.used.sort_unstable();
        self.put_frames(filter, out)?;
        self.plain.clear();
        put_number(&mut self.plain, self.used.len() as u64);
        let mut previous = 0;
        for &column in &self.used {
            let writer = &self.columns[column as usize];
            put_number(&mut self.plain, u64::from(column - previous));
            previous = column;
            for number in [writer.codes.len(), writer.texts.len(), writer.uuids.len() / 16] {
                put_number(&mut self.plain, number as u64);
            }
        }
        for &column in &self.used {
            self.plain.extend_from_slice(&self.columns[column as usize].codes);
        }
        for &column in &self.used {
            self.plain.extend_from_slice(&self.columns[column as usize].texts);
        }
        let packed = pack(&self.plain, LEVEL)?;
        put_number(out, self.plain.len() as u64);
        put_number(out, packed.len() as u64);
        out.extend_from_slice(&packed);
        out.extend_from_slice(&self.frames);
        out.extend_from_slice(&self.digits);
        for &column in &self.used {
            let writer = &mut self.columns[column as usize];
            out.extend_from_slice(&writer.uuids);
            writer.count = 0;
            writer.codes.clear();
            writer.texts.clear();
            writer.uuids.clear();
        }
        put_checksum(out, middle);
        self.used.clear();
        self.rows.clear();
        Ok(((middle - start) as u32, (out.len() - middle) as u32))
    }

    /// Makes the frames, and appends the list of them; texts without a frame stay where they are.
    fn put_frames(&mut self, filter: &mut TextFilterWriter, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.frames.clear();
        self.digits.clear();
        self.plain.clear();
        let (mut count, mut previous) = (0_u64, 0);
        for &column in &self.used {
            let writer = &mut self.columns[column as usize];
            if writer.texts.is_empty() {
                continue;
            }
            self.texts.clear();
            self.texts.extend_from_slice(&writer.texts);
            let texts = &self.texts;
            let frame = make_frame(&writer.codes, &mut writer.texts)?;
            match &frame {
                None => filter.add_texts(column, Kept::Loose, &writer.codes, texts),
                Some(frame) if frame.method.is_of_tokens() => {
                    filter.add(column, Kept::Tokens, frame.method.characters());
                    filter.add_runs(&frame.plain);
                    verbatim_of(&writer.texts).for_each(|bytes| filter.add(column, Kept::Loose, bytes));
                }
                Some(frame) if frame.method == Method::Digits => {
                    let kept = if frame.size > 0 { Kept::Framed } else { Kept::Loose };
                    filter.add_beside_digits(column, kept, &frame.plain);
                }
                Some(frame) => {
                    let kept = if frame.is_random { Kept::Random } else { Kept::Framed };
                    filter.add_texts(column, kept, &writer.codes, texts);
                    if frame.is_random {
                        filter.add_runs(texts);
                    }
                }
            }
            let Some(frame) = frame else { continue };
            put_frame(&mut self.plain, column, previous, &frame);
            self.frames.extend_from_slice(&frame.bytes);
            self.digits.extend_from_slice(&frame.digits);
            (count, previous) = (count + 1, column);
        }
        put_number(out, count);
        out.extend_from_slice(&self.plain);
        Ok(())
    }
}

fn put_checksum(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

fn put_facts(rows: &[RowFacts], has_sequences: bool, plain: &mut Vec<u8>) {
    let mut previous = rows.first().map_or(0, |row| row.seconds);
    for row in rows {
        put_signed(plain, row.seconds.wrapping_sub(previous));
        previous = row.seconds;
    }
    if has_sequences {
        let mut previous = 0_u64;
        for row in rows {
            put_signed(plain, row.sequence.wrapping_sub(previous).cast_signed());
            previous = row.sequence;
        }
    }
    rows.iter().for_each(|row| put_number(plain, u64::from(row.class)));
    rows.iter().for_each(|row| put_number(plain, u64::from(row.caller)));
    rows.iter().for_each(|row| put_number(plain, u64::from(row.address)));
}

thread_local! {
    /// One for each thread, because to make one costs more than most blocks.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Packs bytes.
pub(crate) fn pack(plain: &[u8], level: i32) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::default()),
        };
        compressor.set_compression_level(level)?;
        compressor.compress(plain)
    })
}

/// Unpacks bytes whose size is known.
pub(crate) fn unpack(packed: &[u8], size: usize) -> Result<Vec<u8>, Damage> {
    if size > PART_BYTES_MAX {
        return Err(Damage("a part is too large"));
    }
    let plain = DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(packed, size)
    });
    match plain {
        Ok(plain) if plain.len() == size => Ok(plain),
        _ => Err(Damage("a part does not decompress")),
    }
}

/// Reads the times of a block's rows; those that are near one another go to the numbers.
fn read_times(
    cursor: &mut Cursor<'_>,
    row_count: usize,
    first_seconds: i64,
    numbers: &mut Vec<u32>,
) -> Result<Times, Damage> {
    let (mut far, mut seconds) = (Vec::new(), first_seconds);
    for row in 0..row_count {
        seconds = seconds.wrapping_add(cursor.signed()?);
        match u32::try_from(seconds.wrapping_sub(first_seconds)) {
            Ok(after) if far.is_empty() => numbers.push(after),
            _ => {
                if far.is_empty() {
                    far.reserve_exact(row_count);
                    far.extend(numbers.iter().map(|after| first_seconds.wrapping_add(i64::from(*after))));
                    numbers.resize(row_count, 0);
                }
                far.push(seconds);
            }
        }
        debug_assert!(far.is_empty() || far.len() == row + 1, "all times are at one place");
    }
    Ok(if far.is_empty() { Times::Near { first_seconds } } else { Times::Far(far.into_boxed_slice()) })
}

/// Reads the facts of a block's rows.
pub(crate) fn read_facts(
    part: &[u8],
    row_count: usize,
    first_seconds: i64,
    base: Option<u64>,
) -> Result<Facts, Damage> {
    let mut cursor = Cursor::new(checked(part)?);
    let size = cursor.index()?;
    let plain = unpack(cursor.bytes, size)?;
    let mut cursor = Cursor::new(&plain);
    // Each row has a byte of each kind.
    if row_count > plain.len() {
        return Err(Damage("a number is cut"));
    }
    let mut numbers = Vec::with_capacity(row_count * 4);
    let times = read_times(&mut cursor, row_count, first_seconds, &mut numbers)?;
    let sequences = match base {
        Some(base) => RowSequences::From(base),
        None => {
            let mut sequence = 0_u64;
            let mut next = || {
                sequence = sequence.wrapping_add(cursor.signed()?.cast_unsigned());
                Ok(sequence)
            };
            RowSequences::Given((0..row_count).map(|_| next()).collect::<Result<_, Damage>>()?)
        }
    };
    for _ in 0..row_count * 3 {
        numbers.push(cursor.code()?);
    }
    Ok(Facts { times, sequences, numbers: numbers.into_boxed_slice(), len: row_count })
}

/// The cells of a block.
#[derive(Debug)]
pub(crate) struct Cells {
    plain: Vec<u8>,
    uuids: Vec<u8>,
    /// By column, ascending.
    columns: Vec<ColumnPlace>,
}

/// Where the cells of a column are.
#[derive(Debug, Clone)]
pub(crate) struct ColumnPlace {
    pub(crate) column: u32,
    pub(crate) codes: Range<usize>,
    pub(crate) texts: Range<usize>,
    pub(crate) uuid_count: usize,
    uuids_start: usize,
}

/// The columns of a block with the sizes of their parts, each as if it began at 0.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) columns: Vec<ColumnPlace>,
    /// Frames, where the directory has them: before version 3.
    frames: Vec<FramePlace>,
    /// Where the directory ends.
    pub(crate) end: usize,
}

impl Directory {
    pub(crate) fn read(plain: &[u8], version: u16) -> Result<Self, Damage> {
        let mut cursor = Cursor::new(plain);
        let count = cursor.index()?;
        let mut columns = Vec::with_capacity(count.min(plain.len()));
        let mut frames = Vec::new();
        let (mut column, mut frames_end) = (0_u32, 0);
        // A part is at most [`PART_BYTES_MAX`], so that no sum of sizes overflows.
        let size = |cursor: &mut Cursor<'_>| match cursor.index()? {
            PART_BYTES_MAX.. => Err(Damage("a column is too large")),
            size => Ok(size),
        };
        for _ in 0..count {
            column = column.checked_add(cursor.code()?).ok_or(Damage("a column is too large"))?;
            let (codes, mut texts, uuid_count) = (size(&mut cursor)?, size(&mut cursor)?, size(&mut cursor)?);
            let frame_bytes = if version >= 3 { 0 } else { size(&mut cursor)? };
            if frame_bytes > 0 {
                let bytes = frames_end..frames_end + frame_bytes;
                frames_end = bytes.end;
                let digits = frames_end..frames_end;
                frames.push(FramePlace { column, method: Method::Packed, size: texts, bytes, digit_count: 0, digits });
                texts = 0;
            }
            columns.push(ColumnPlace { column, codes: 0..codes, texts: 0..texts, uuid_count, uuids_start: 0 });
        }
        Ok(Self { columns, frames, end: plain.len() - cursor.bytes.len() })
    }
}

/// A cell that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadCell<'a> {
    Value(u32),
    Text(&'a [u8]),
    Uuid(&'a [u8; 16]),
    Ending { texts_between: u32, before: &'a [u8] },
}

impl Cells {
    /// Reads the cells of a block. `version` is that of the format.
    pub(crate) fn read(part: &[u8], version: u16) -> Result<Self, Damage> {
        let parts = PackedCells::read(part, version)?;
        let LooseCells { mut plain, directory } = parts.loose()?;
        let Directory { mut columns, frames, end } = directory;
        let frames = if version >= 3 { parts.frames } else { frames };
        let (mut codes, mut texts, mut uuids) = (end, end, 0_usize);
        columns.iter().for_each(|column| texts += column.codes.len());
        for column in &mut columns {
            column.codes = codes..codes + column.codes.len();
            codes = column.codes.end;
            column.texts = texts..texts + column.texts.len();
            texts = column.texts.end;
            column.uuids_start = uuids;
            uuids += column.uuid_count * 16;
        }
        if texts != plain.len() {
            return Err(Damage("a block has another size than it says"));
        }
        for frame in &frames {
            let column = columns.binary_search_by_key(&frame.column, |column| column.column);
            let column = &mut columns[column.map_err(|_| Damage("a frame is of no column"))?];
            let loose = plain.get(column.texts.clone()).unwrap_or_default().to_vec();
            let start = plain.len();
            frame.put_texts(parts.rest, &loose, &mut plain)?;
            column.texts = start..plain.len();
        }
        let frames_end = digits_of(&frames).end;
        let uuid_bytes = parts.rest.get(frames_end..).ok_or(Damage("a frame is missing"))?;
        if uuids != uuid_bytes.len() {
            return Err(Damage("a block has another size than it says"));
        }
        Ok(Self { plain, uuids: uuid_bytes.to_vec(), columns })
    }

    /// All texts that stand in the block, with other bytes between them.
    pub(crate) fn texts(&self) -> &[u8] {
        &self.plain
    }

    /// What is before the texts that end with earlier ones of their rows; neighbours that are the same come once.
    pub(crate) fn beginnings(&self) -> Result<Vec<&[u8]>, Damage> {
        let mut beginnings: Vec<&[u8]> = Vec::new();
        let has_code =
            |place: &&ColumnPlace| memchr::memchr(ENDING_CODE as u8, &self.plain[place.codes.clone()]).is_some();
        for place in self.columns.iter().filter(has_code) {
            let mut reader = self.reader(place);
            while !reader.is_empty() {
                if let ReadCell::Ending { before, .. } = reader.next()?
                    && beginnings.last() != Some(&before)
                {
                    beginnings.push(before);
                }
            }
        }
        Ok(beginnings)
    }

    /// All UUIDs that stand in the block.
    pub(crate) fn uuids(&self) -> &[[u8; 16]] {
        self.uuids.as_chunks::<16>().0
    }

    /// A reader of a column's cells, from the first.
    pub(crate) fn column(&self, column: u32) -> Option<ColumnReader<'_>> {
        let index = self.columns.binary_search_by_key(&column, |place| place.column).ok()?;
        Some(self.reader(&self.columns[index]))
    }

    fn reader(&self, place: &ColumnPlace) -> ColumnReader<'_> {
        ColumnReader {
            codes: Cursor::new(&self.plain[place.codes.clone()]),
            texts: Cursor::new(&self.plain[place.texts.clone()]),
            uuids: self.uuids.get(place.uuids_start..).unwrap_or_default(),
            texts_end: place.texts.end,
            first_uuid: place.uuids_start / 16,
        }
    }

    /// The cell at a place.
    pub(crate) fn cell_at(&self, CellPlace { code, place }: CellPlace) -> Result<ReadCell<'_>, Damage> {
        let texts = || Ok(Cursor::new(self.plain.get(place as usize..).ok_or(Damage("a text is missing"))?));
        Ok(match code {
            TEXT_CODE => ReadCell::Text(texts()?.text()?),
            UUID_CODE => ReadCell::Uuid(self.uuids().get(place as usize).ok_or(Damage("a UUID is missing"))?),
            ENDING_CODE => {
                let mut texts = texts()?;
                ReadCell::Ending { texts_between: texts.code()?, before: texts.text()? }
            }
            code => ReadCell::Value(code - FIRST_VALUE_CODE),
        })
    }

    pub(crate) fn memory(&self) -> usize {
        self.plain.len() + self.uuids.len() + self.columns.len() * 80
    }
}

/// Reads the cells of one column in their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnReader<'a> {
    codes: Cursor<'a>,
    texts: Cursor<'a>,
    uuids: &'a [u8],
    /// Where the texts end in the block.
    texts_end: usize,
    /// Number of the first of `uuids` in the block.
    first_uuid: usize,
}

/// Where a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellPlace {
    code: u32,
    /// Of a text the offset in the block, of a UUID its number; else nothing.
    place: u32,
}

impl<'a> ColumnReader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Reads over the next cell, and tells where it is.
    pub(crate) fn next_place(&mut self) -> Result<CellPlace, Damage> {
        let code = self.codes.code()?;
        let place = match code {
            UUID_CODE => {
                self.first_uuid += 1;
                self.uuids = self.uuids.get(16..).ok_or(Damage("a UUID is missing"))?;
                self.first_uuid - 1
            }
            TEXT_CODE | ENDING_CODE => {
                let place = self.texts_end - self.texts.bytes.len();
                if code == ENDING_CODE {
                    self.texts.code()?;
                }
                self.texts.text()?;
                place
            }
            _ => 0,
        };
        Ok(CellPlace { code, place: u32::try_from(place).map_err(|_| Damage("a part is too large"))? })
    }

    pub(crate) fn next(&mut self) -> Result<ReadCell<'a>, Damage> {
        match self.codes.code()? {
            TEXT_CODE => Ok(ReadCell::Text(self.texts.text()?)),
            UUID_CODE => {
                let (uuid, rest) = self.uuids.split_first_chunk::<16>().ok_or(Damage("a UUID is missing"))?;
                self.uuids = rest;
                Ok(ReadCell::Uuid(uuid))
            }
            ENDING_CODE => Ok(ReadCell::Ending { texts_between: self.texts.code()?, before: self.texts.text()? }),
            code => Ok(ReadCell::Value(code - FIRST_VALUE_CODE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds() -> impl Strategy<Value = i64> {
        let from = 1_700_000_000_i64;
        prop_oneof![8 => from..from + 1_000, 1 => from..from + (1 << 33), 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn facts_come_back(
            rows in prop::collection::vec((seconds(), any::<u64>(), any::<[u32; 3]>()), 1..40),
            base in prop::option::of(0..u64::MAX / 2),
            is_near: bool,
        ) {
            let first = rows[0].0;
            let rows: Vec<RowFacts> = (0..)
                .zip(rows)
                .map(|(place, (seconds, sequence, [class, caller, address]))| RowFacts {
                    seconds: if is_near { first.wrapping_add(seconds.rem_euclid(1_000)) } else { seconds },
                    sequence: base.map_or(sequence, |base| base + place),
                    class,
                    caller,
                    address,
                })
                .collect();
            let first_seconds = rows[0].seconds;
            let (mut plain, mut part) = (Vec::new(), Vec::new());
            put_facts(&rows, base.is_none(), &mut plain);
            put_number(&mut part, plain.len() as u64);
            part.extend_from_slice(&pack(&plain, LEVEL).expect("memory"));
            put_checksum(&mut part, 0);
            let facts = read_facts(&part, rows.len(), first_seconds, base).expect("sound");
            let found: Vec<RowFacts> = (0..facts.len()).map(|index| facts.row(index)).collect();
            prop_assert_eq!(&found, &rows);
            prop_assert!(facts.seconds().eq(rows.iter().map(|row| row.seconds)));
            prop_assert!(read_facts(&part, plain.len() + 1, first_seconds, base).is_err());
        }
    }
}
