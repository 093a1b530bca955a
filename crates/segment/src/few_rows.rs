//! The cells of a few rows of a block.
//!
//! A lookup of a rare value wants one row of each of fifty blocks. Of these blocks only what that row needs is unpacked and
//! kept: to find the places of all cells, as [`crate::block_rows`] does, costs more than the row is worth, and the memory of
//! fifty blocks drives out what the next lookup needs.

use std::ops::Range;

use crate::block::{ENDING_CODE, FIRST_VALUE_CODE, Facts, ReadCell, TEXT_CODE, UUID_CODE};
use crate::block_rows::RowCells;
use crate::builder::FACT_COLUMNS;
use crate::bytes::{Cursor, Damage};
use crate::classes::ClassesAtHand;
use crate::packed_cells::{LooseColumn, PackedCells};
use crate::segment::{Segment, SegmentError};

/// More rows are found faster in a block whose places are all known.
pub(crate) const FEW_ROWS_MAX: usize = 8;

/// The cells of some rows of a block.
#[derive(Debug, Default)]
pub(crate) struct FewRows {
    /// Ascending, counted from the block's first.
    numbers: Vec<u32>,
    /// The cells of each row.
    rows: Vec<Range<usize>>,
    cells: Vec<FewCell>,
    texts: Vec<u8>,
}

/// A cell, with the place of its text among those of [`FewRows`].
#[derive(Debug, Clone)]
pub(crate) enum FewCell {
    Value(u32),
    Text(Range<usize>),
    Uuid([u8; 16]),
    Ending { texts_between: u32, before: Range<usize> },
}

impl FewRows {
    /// Reads the cells of some rows, which ascend, come once each and are counted from the block's first.
    pub(crate) fn read(
        segment: &Segment,
        block: u32,
        facts: &Facts,
        wanted: &[u32],
        classes: &mut ClassesAtHand,
    ) -> Result<Self, SegmentError> {
        let counts = CellCounts::of(segment, facts, wanted, classes)?;
        segment.with_packed_cells(block, |packed| {
            let loose = packed.loose()?;
            let columns = loose.columns()?;
            let mut reader = FewReader { packed, columns, unpacked: Vec::new(), rows: Self::default() };
            for &(column, number) in &counts.cells {
                reader.read(column, number)?;
            }
            Ok(Self { numbers: wanted.to_vec(), rows: counts.rows, ..reader.rows })
        })
    }

    /// Rows that it has, ascending and counted from the block's first.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The cells of a row.
    pub(crate) fn cells_of(&self, row: usize) -> Result<RowCells<'_>, Damage> {
        let place = self.numbers.iter().position(|number| *number as usize == row);
        let cells = place.and_then(|place| self.cells.get(self.rows.get(place)?.clone()));
        Ok(RowCells::Few(self, cells.ok_or(Damage("a row is missing"))?.iter()))
    }

    pub(crate) fn memory(&self) -> usize {
        self.texts.len() + self.cells.len() * size_of::<FewCell>() + self.rows.len() * 20
    }

    pub(crate) fn cell<'a>(&'a self, cell: &'a FewCell) -> ReadCell<'a> {
        match cell {
            FewCell::Value(number) => ReadCell::Value(*number),
            FewCell::Text(place) => ReadCell::Text(&self.texts[place.clone()]),
            FewCell::Uuid(uuid) => ReadCell::Uuid(uuid),
            FewCell::Ending { texts_between, before } => {
                ReadCell::Ending { texts_between: *texts_between, before: &self.texts[before.clone()] }
            }
        }
    }
}

/// Which cells of their columns the cells of some rows are.
struct CellCounts {
    /// Columns, and numbers of cells in them.
    cells: Vec<(u32, u32)>,
    /// The cells of each row.
    rows: Vec<Range<usize>>,
}

impl CellCounts {
    /// Counts the cells of the rows before each wanted one.
    fn of(segment: &Segment, facts: &Facts, wanted: &[u32], classes: &mut ClassesAtHand) -> Result<Self, SegmentError> {
        let missing = Damage("a row is missing");
        let mut counts = vec![0_u32; segment.index.first_values.len()];
        let mut found = Self { cells: Vec::new(), rows: Vec::with_capacity(wanted.len()) };
        let (mut counted, mut between) = (0, Vec::new());
        let mut rows_of_class = vec![0_u32; segment.class_count() as usize];
        for &row in wanted {
            let row = row as usize;
            // Rows of one class have cells of the same columns, and of a block's rows many are of one class.
            between.clear();
            for &class in facts.classes().get(counted..=row).ok_or(missing)? {
                let rows = rows_of_class.get_mut(class as usize).ok_or(Damage("a class is missing"))?;
                if *rows == 0 {
                    classes.group(segment, class)?;
                    between.push(class);
                }
                *rows += 1;
            }
            // The row itself is not before itself.
            rows_of_class[facts.classes()[row] as usize] -= 1;
            let of_class =
                |class: &u32| Ok((classes.known(*class)?.columns, std::mem::take(&mut rows_of_class[*class as usize])));
            let columns: Vec<(&[u32], u32)> = between.iter().map(of_class).collect::<Result<_, Damage>>()?;
            // No cache of the processor has these numbers. Nothing depends on this look at them, so that they all come at
            // once: one after another they take as long as to unpack the block.
            std::hint::black_box(columns.iter().fold(0, |sum, (columns, _)| sum ^ columns.last().unwrap_or(&0)));
            for (columns, rows) in columns {
                for &column in columns.iter().filter(|column| **column >= FACT_COLUMNS) {
                    *counts.get_mut(column as usize).ok_or(Damage("a column is missing"))? += rows;
                }
            }
            let (class, start) = (facts.classes()[row], found.cells.len());
            let class = classes.known(class)?;
            for &column in class.columns.iter().filter(|column| **column >= FACT_COLUMNS) {
                let count = counts.get_mut(column as usize).ok_or(Damage("a column is missing"))?;
                found.cells.push((column, *count));
                *count += 1;
            }
            found.rows.push(start..found.cells.len());
            counted = row + 1;
        }
        Ok(found)
    }
}

struct FewReader<'a> {
    packed: &'a PackedCells<'a>,
    /// By column, ascending.
    columns: Vec<LooseColumn<'a>>,
    /// Frames that were unpacked for an earlier cell, by column.
    unpacked: Vec<(u32, Vec<u8>)>,
    rows: FewRows,
}

impl FewReader<'_> {
    /// Reads a cell of a column, by its number in it.
    fn read(&mut self, column: u32, number: u32) -> Result<(), Damage> {
        let index = self.columns.binary_search_by_key(&column, |parts| parts.column);
        let parts = self.columns[index.map_err(|_| Damage("a column is missing"))?];
        let mut rest = Cursor::new(skip_codes(parts.codes, number as usize)?);
        let before = &parts.codes[..parts.codes.len() - rest.bytes.len()];
        let cell = match rest.code()? {
            code @ (TEXT_CODE | ENDING_CODE) => self.text(parts, before, code)?,
            UUID_CODE => {
                let place = parts.uuids_before + codes(before).filter(|code| *code == UUID_CODE).count();
                FewCell::Uuid(*self.packed.uuids()?.get(place).ok_or(Damage("a UUID is missing"))?)
            }
            code => FewCell::Value(code - FIRST_VALUE_CODE),
        };
        self.rows.cells.push(cell);
        Ok(())
    }

    /// Reads the text that stands behind those of the codes before.
    fn text(&mut self, parts: LooseColumn<'_>, before: &[u8], code: u32) -> Result<FewCell, Damage> {
        let Self { packed, unpacked, rows, .. } = self;
        let start = rows.texts.len();
        let frames = &packed.frames;
        let index = frames.binary_search_by_key(&parts.column, |frame| frame.column);
        let frame = index.ok().map(|index| &frames[index]);
        let mut entry = match frame {
            None => skip_texts(before, parts.texts)?,
            Some(frame) if !frame.method.is_of_tokens() => {
                let known = unpacked.iter().position(|(known, _)| *known == parts.column);
                let place = match known {
                    Some(place) => place,
                    None => {
                        let mut texts = Vec::new();
                        frame.put_texts(packed.rest, parts.texts, &mut texts)?;
                        unpacked.push((parts.column, texts));
                        unpacked.len() - 1
                    }
                };
                skip_texts(before, &unpacked[place].1)?
            }
            Some(frame) => {
                let number = codes(before).filter(|code| matches!(*code, TEXT_CODE | ENDING_CODE)).count();
                match frame.put_token(packed.rest, parts.texts, number, &mut rows.texts)? {
                    Some(verbatim) => Cursor::new(verbatim),
                    None if code == TEXT_CODE => return Ok(FewCell::Text(start..rows.texts.len())),
                    None => return Err(Damage("a text is whole where it should end with another")),
                }
            }
        };
        let texts_between = if code == ENDING_CODE { entry.code()? } else { 0 };
        rows.texts.extend_from_slice(entry.text()?);
        let text = start..rows.texts.len();
        Ok(if code == ENDING_CODE { FewCell::Ending { texts_between, before: text } } else { FewCell::Text(text) })
    }
}

/// What is behind so many codes.
fn skip_codes(codes: &[u8], count: usize) -> Result<&[u8], Damage> {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (mut rest, mut left) = (codes, count);
    // A code ends with the byte whose highest bit is not set. The last of eight bytes may be inside of one.
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let ends = (!u64::from_le_bytes(*eight) & HIGHS).count_ones() as usize;
        if ends >= left {
            break;
        }
        (rest, left) = (behind, left - ends);
    }
    let mut cursor = Cursor::new(rest);
    for _ in 0..left {
        cursor.number()?;
    }
    Ok(cursor.bytes)
}

fn codes(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let mut cursor = Cursor::new(bytes);
    std::iter::from_fn(move || cursor.code().ok())
}

/// What is behind the texts of some codes.
fn skip_texts<'a>(before: &[u8], texts: &'a [u8]) -> Result<Cursor<'a>, Damage> {
    let mut cursor = Cursor::new(texts);
    for code in codes(before) {
        if code == ENDING_CODE {
            cursor.code()?;
        }
        if code == TEXT_CODE || code == ENDING_CODE {
            cursor.text()?;
        }
    }
    Ok(cursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::skip_codes;
    use crate::bytes::{Damage, put_number};

    proptest! {
        #[test]
        fn codes_are_skipped_as_if_they_were_read(
            codes in prop::collection::vec(prop_oneof![0..4_u64, 100..300_u64, 10_000..5_000_000_u64], 0..80),
            count in 0..80_usize,
        ) {
            let put = |codes: &[u64]| {
                let mut bytes = Vec::new();
                codes.iter().for_each(|code| put_number(&mut bytes, *code));
                bytes
            };
            let bytes = put(&codes);
            match codes.get(count..) {
                Some(rest) => prop_assert_eq!(skip_codes(&bytes, count), Ok(&put(rest)[..])),
                None => prop_assert_eq!(skip_codes(&bytes, count), Err(Damage("a number is cut"))),
            }
        }

        #[test]
        fn any_bytes_are_skipped_or_damaged(bytes: Vec<u8>, count: usize) {
            let _ = skip_codes(&bytes, count);
        }
    }
}
