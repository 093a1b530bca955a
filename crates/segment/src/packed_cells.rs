//! The parts of a block's cells as they are stored: who looks for something unpacks those alone that may have it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::block::{
    BETWEEN_PARTS_MAX, CHECKSUM_BYTES, Directory, ENDING_CODE, FIRST_VALUE_CODE, ReadCell, TEXT_CODE, UUID_CODE, unpack,
};
use crate::bytes::{Cursor, Damage, checked};
use crate::frame_probe::FrameProbe;
use crate::frames::{FramePlace, Method, digits_of, read_frames};
use crate::hex_digits::BesideDigits;
use crate::rows::NumberSet;
use crate::text_filter::Frames;

/// The parts of a block's cells, still packed.
#[derive(Debug)]
pub(crate) struct PackedCells<'a> {
    version: u16,
    pub(crate) frames: Vec<FramePlace>,
    size: usize,
    packed: &'a [u8],
    /// Frames, digits and UUIDs behind them.
    pub(crate) rest: &'a [u8],
}

/// Parts of a block's cells that somebody looks at.
#[derive(Debug)]
pub(crate) struct CellParts<'a> {
    pub(crate) frames: &'a Frames,
    pub(crate) has_loose: bool,
    pub(crate) has_digits: bool,
    pub(crate) has_uuids: bool,
}

/// Where the parts of a block's cells are. Only where frames are listed, from version 3 on.
#[derive(Debug)]
pub(crate) struct CellPlaces {
    frames: Vec<FramePlace>,
    size: usize,
    packed: Range<usize>,
}

impl CellPlaces {
    /// Finds them at the beginning of the cells, which must be proved.
    pub(crate) fn read(head: &[u8]) -> Result<Self, Damage> {
        let mut cursor = Cursor::new(head);
        let frames = read_frames(&mut cursor)?;
        let (size, packed_bytes) = (cursor.index()?, cursor.index()?);
        let start = head.len() - cursor.bytes.len();
        Ok(Self { frames, size, packed: start..start.saturating_add(packed_bytes) })
    }

    /// Where some parts are in cells of a size, in bytes; neighbours together, and what is nearly that.
    pub(crate) fn ranges_of(&self, wanted: &CellParts<'_>, size: usize) -> Result<Vec<Range<usize>>, Damage> {
        let first_frame = self.packed.end;
        let digits = digits_of(&self.frames);
        let (digits, frames_end) = (first_frame + digits.start..first_frame + digits.end, first_frame + digits.end);
        let end = size.checked_sub(CHECKSUM_BYTES).filter(|end| frames_end <= *end);
        let end = end.ok_or(Damage("a block has another size than it says"))?;
        let mut ranges: Vec<Range<usize>> = wanted.has_loose.then(|| self.packed.clone()).into_iter().collect();
        let wanted_frames = self.frames.iter().filter(|frame| wanted.frames.has(frame.column));
        let frames = wanted_frames.map(|frame| first_frame + frame.bytes.start..first_frame + frame.bytes.end);
        let behind = [wanted.has_digits.then_some(digits), wanted.has_uuids.then_some(frames_end..end)];
        for range in frames.chain(behind.into_iter().flatten()) {
            match ranges.last_mut().filter(|last| range.start - last.end <= BETWEEN_PARTS_MAX) {
                Some(last) => last.end = range.end,
                None => ranges.push(range),
            }
        }
        Ok(ranges)
    }

    /// The cells, of which those parts alone may be looked at that were read.
    pub(crate) fn cells(self, part: &[u8], version: u16) -> Result<PackedCells<'_>, Damage> {
        let cut = || Damage("a part is cut");
        let end = part.len().checked_sub(CHECKSUM_BYTES).ok_or_else(cut)?;
        let packed = part.get(self.packed.clone()).ok_or_else(cut)?;
        let rest = part.get(self.packed.end..end).ok_or_else(cut)?;
        Ok(PackedCells { version, frames: self.frames, size: self.size, packed, rest })
    }
}

impl<'a> PackedCells<'a> {
    /// Finds the parts. `version` is that of the format.
    pub(crate) fn read(part: &'a [u8], version: u16) -> Result<Self, Damage> {
        let mut cursor = Cursor::new(checked(part)?);
        let frames = if version >= 3 { read_frames(&mut cursor)? } else { Vec::new() };
        let size = cursor.index()?;
        Ok(Self { version, frames, size, packed: cursor.text()?, rest: cursor.bytes })
    }

    /// Whether a text may be in one of some frames, or, in one of some ways, in texts that digits were taken out of. These are put
    /// back only where the rest is. Loose cells are kept for who needs them next.
    pub(crate) fn texts_may_have(
        &self,
        frames: &Frames,
        ways: &[(&BesideDigits, &[u32])],
        text: &FrameProbe,
        loose: &mut Option<LooseCells>,
    ) -> Result<bool, Damage> {
        for frame in &self.frames {
            let is_of_digits = frame.method == Method::Digits;
            let of_frame = || ways.iter().filter(|(_, columns)| columns.binary_search(&frame.column).is_ok());
            if !is_of_digits || of_frame().next().is_none() {
                if frames.has(frame.column) && frame.may_have(self.rest, text)? {
                    return Ok(true);
                }
                continue;
            }
            let marked = match frame.size {
                0 => Cow::Borrowed(self.loose_at_hand(loose)?.texts_of(frame.column)?),
                _ => Cow::Owned(frame.characters(self.rest)?),
            };
            if frames.has(frame.column) && frame.size > 0 && text.is_in(&marked) {
                return Ok(true);
            }
            if of_frame().any(|(way, _)| way.may_be_beside(&marked)) {
                let mut texts = Vec::new();
                frame.put_back_digits(self.rest, &marked, &mut texts)?;
                if text.is_in(&texts) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What is in no frame, unpacked once.
    pub(crate) fn loose_at_hand<'b>(&self, at_hand: &'b mut Option<LooseCells>) -> Result<&'b LooseCells, Damage> {
        match at_hand {
            Some(loose) => Ok(loose),
            none => Ok(none.insert(self.loose()?)),
        }
    }

    /// The digits that were taken out of texts.
    pub(crate) fn digits(&self) -> Result<&'a [u8], Damage> {
        self.rest.get(digits_of(&self.frames)).ok_or(Damage("digits are missing"))
    }

    /// Whether a cell of a column fits. UUIDs are looked at only if it is said so.
    pub(crate) fn has_cell(
        &self,
        column: &LooseColumn<'_>,
        has_uuids: bool,
        fits: impl Fn(ReadCell<'_>) -> bool,
    ) -> Result<bool, Damage> {
        let has_code = |code: u32| memchr::memchr(code as u8, column.codes).is_some();
        let mut texts = Vec::new();
        if has_code(TEXT_CODE) || has_code(ENDING_CODE) {
            match self.frames.iter().find(|frame| frame.column == column.column) {
                Some(frame) => frame.put_texts(self.rest, column.texts, &mut texts)?,
                None => texts.extend_from_slice(column.texts),
            }
        }
        let uuids = if has_uuids { self.uuids()?.get(column.uuids_before..).unwrap_or_default() } else { &[] };
        let (mut codes, mut texts, mut uuids) = (Cursor::new(column.codes), Cursor::new(&texts), uuids.iter());
        while !codes.is_empty() {
            let cell = match codes.code()? {
                TEXT_CODE => ReadCell::Text(texts.text()?),
                ENDING_CODE => ReadCell::Ending { texts_between: texts.code()?, before: texts.text()? },
                UUID_CODE if has_uuids => ReadCell::Uuid(uuids.next().ok_or(Damage("a UUID is missing"))?),
                code => match code.checked_sub(FIRST_VALUE_CODE) {
                    Some(number) => ReadCell::Value(number),
                    None => continue,
                },
            };
            if fits(cell) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is in no frame.
    pub(crate) fn loose(&self) -> Result<LooseCells, Damage> {
        let plain = unpack(self.packed, self.size)?;
        let directory = Directory::read(&plain, self.version)?;
        Ok(LooseCells { plain, directory })
    }

    /// All UUIDs that stand in the block. Only where frames are listed, from version 3 on.
    pub(crate) fn uuids(&self) -> Result<&'a [[u8; 16]], Damage> {
        let start = digits_of(&self.frames).end;
        Ok(self.rest.get(start..).ok_or(Damage("a frame is missing"))?.as_chunks::<16>().0)
    }
}

/// What of a block's cells is in no frame: codes and loose texts.
#[derive(Debug)]
pub(crate) struct LooseCells {
    pub(crate) plain: Vec<u8>,
    pub(crate) directory: Directory,
}

/// What of a column is in no frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LooseColumn<'a> {
    pub(crate) column: u32,
    pub(crate) codes: &'a [u8],
    /// Texts, or what stands beside a frame of tokens.
    pub(crate) texts: &'a [u8],
    /// UUIDs of the columns before it.
    pub(crate) uuids_before: usize,
}

impl LooseCells {
    /// What there is of each column, ascending. Only where frames are listed, from version 3 on.
    pub(crate) fn columns(&self) -> Result<Vec<LooseColumn<'_>>, Damage> {
        let places = &self.directory.columns;
        let codes_bytes: usize = places.iter().map(|place| place.codes.len()).sum();
        let (mut codes, mut uuids_before) = (Cursor::new(self.plain.get(self.directory.end..).unwrap_or_default()), 0);
        let mut texts = codes;
        texts.take(codes_bytes)?;
        let mut columns = Vec::with_capacity(places.len());
        for place in places {
            let (codes, texts) = (codes.take(place.codes.len())?, texts.take(place.texts.len())?);
            columns.push(LooseColumn { column: place.column, codes, texts, uuids_before });
            uuids_before += place.uuid_count;
        }
        Ok(columns)
    }

    /// The loose texts of a column.
    fn texts_of(&self, column: u32) -> Result<&[u8], Damage> {
        let columns = &self.directory.columns;
        let place = columns.binary_search_by_key(&column, |place| place.column);
        let place = place.map_err(|_| Damage("a frame is of no column"))?;
        let codes: usize = columns.iter().map(|column| column.codes.len()).sum();
        let before: usize = columns[..place].iter().map(|column| column.texts.len()).sum();
        let start = self.directory.end + codes + before;
        self.plain.get(start..start + columns[place].texts.len()).ok_or(Damage("texts are missing"))
    }

    /// All loose texts, and other bytes between them.
    pub(crate) fn texts(&self) -> &[u8] {
        &self.plain
    }

    /// Whether a cell of a column has one of some stored values.
    pub(crate) fn has_value(&self, values: &BTreeMap<u32, NumberSet>) -> Result<bool, Damage> {
        let mut start = self.directory.end;
        for column in &self.directory.columns {
            let codes = start..start + column.codes.len();
            start = codes.end;
            let Some(numbers) = values.get(&column.column) else { continue };
            let mut codes = Cursor::new(self.plain.get(codes).ok_or(Damage("codes are missing"))?);
            while !codes.is_empty() {
                if codes.code()?.checked_sub(FIRST_VALUE_CODE).is_some_and(|number| numbers.contains(number)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
