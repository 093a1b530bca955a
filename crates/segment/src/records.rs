//! Records put together from their parts.

use std::sync::Arc;

use model::LookupIndex;

use crate::block::{FIRST_VALUE_CODE, Facts, ReadCell, RowFacts, TEXT_CODE, UUID_CODE};
use crate::block_rows::{BlockRows, RowCells};
use crate::builder::{ACCOUNT_COLUMN, ADDRESS_COLUMN, REGION_COLUMN};
use crate::bytes::{Cursor, Damage};
use crate::cache::{CachedPart, Part};
use crate::cells::{format_time, format_uuid};
use crate::classes::ClassesAtHand;
use crate::few_rows::{FEW_ROWS_MAX, FewRows};
use crate::scan::{EVENT_ID_MARK, TIME_MARK};
use crate::segment::{Segment, SegmentError};
use crate::table::ChunksAtHand;

impl Segment {
    /// The records of some rows, in their order. Neighbours cost less than rows that are far from one another.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn records(&self, rows: &[u32]) -> Result<Vec<Vec<u8>>, SegmentError> {
        let mut places: Vec<usize> = (0..rows.len()).collect();
        places.sort_unstable_by_key(|place| rows[*place]);
        let mut records = vec![Vec::new(); rows.len()];
        let mut parts = RecordParts::new(self);
        let block_of = |place: usize| rows[place] / self.index.block_rows;
        for places in places.chunk_by(|left, right| block_of(*left) == block_of(*right)) {
            let wanted: Vec<u32> = places.iter().map(|place| rows[*place] % self.index.block_rows).collect();
            let found = parts.records_of_block(block_of(places[0]), &wanted)?;
            for (place, record) in places.iter().zip(found) {
                records[*place] = record;
            }
        }
        Ok(records)
    }

    /// Makes the records of some rows, which ascend, without keeping what is of these rows alone: then what other records need
    /// as well is at hand.
    pub(crate) fn read_as_samples(&self, rows: impl Iterator<Item = u32>) -> Result<(), SegmentError> {
        let mut parts = RecordParts::new(self);
        for number in rows {
            let (block, row) = (number / self.index.block_rows, number % self.index.block_rows);
            let facts = self.facts_once(block)?;
            if row as usize >= facts.len() {
                return Err(Damage("a row is missing").into());
            }
            let cells = FewRows::read(self, block, &facts, &[row], &mut parts.classes)?;
            parts.record(number, &facts.row(row as usize), cells.cells_of(row as usize)?)?;
        }
        Ok(())
    }

    /// What the records of a class share.
    pub(crate) fn index_of_class(&self, class: u32) -> Result<LookupIndex, SegmentError> {
        let group = self.class_group(class)?;
        let class = group.class(class)?;
        let mut fields = Vec::new();
        for shape in class.shapes.iter().filter_map(|shape| shape.checked_sub(1)) {
            self.with_item(self.index.first_shape + shape, |shape| {
                // A field with leaves is not shared.
                if shape.iter().all(|byte| *byte > EVENT_ID_MARK) {
                    fields.push(b',');
                    fields.extend_from_slice(shape);
                }
            })?;
        }
        for (column, key) in [(REGION_COLUMN, "awsRegion"), (ACCOUNT_COLUMN, "recipientAccountId")] {
            if let Some(number) = class.places[column as usize].checked_sub(1) {
                fields.extend_from_slice(format!(",\"{key}\":\"").as_bytes());
                RecordParts::new(self).put_cell(column, ReadCell::Value(number), &mut fields)?;
                fields.push(b'"');
            }
        }
        Ok(index_of(&fields)?)
    }

    /// What the records of a caller share.
    pub(crate) fn index_of_caller(&self, caller: u32) -> Result<LookupIndex, SegmentError> {
        let mut fields = vec![b','];
        RecordParts::new(self).caller_text(caller, &mut fields)?;
        Ok(index_of(&fields)?)
    }
}

/// What a record with some fields, each behind a comma, is looked up by.
pub(crate) fn index_of(fields: &[u8]) -> Result<LookupIndex, Damage> {
    let record = [br#"{"eventTime":"1970-01-01T00:00:00Z","eventID":"-""#, fields, b"}"].concat();
    LookupIndex::derive(&record).map_err(|_| Damage("what records share is no part of a record"))
}

/// Where the cells of some rows of a block are.
enum RowsAtHand {
    OfBlock(Arc<BlockRows>),
    Few(Arc<FewRows>),
}

impl Segment {
    /// The cells of some rows of a block, which ascend and come once each: of all its rows where many are wanted, now and
    /// before.
    fn cells_of_rows(
        &self,
        block: u32,
        facts: &Facts,
        wanted: &[u32],
        classes: &mut ClassesAtHand,
    ) -> Result<RowsAtHand, SegmentError> {
        if let Some(CachedPart::Rows(rows)) = self.at_hand(Part::Rows(block)) {
            return Ok(RowsAtHand::OfBlock(rows));
        }
        let mut all = wanted.to_vec();
        if let Some(CachedPart::FewRows(before)) = self.at_hand(Part::FewRows(block)) {
            all.retain(|row| !before.numbers().contains(row));
            if all.is_empty() {
                return Ok(RowsAtHand::Few(before));
            }
            all.extend_from_slice(before.numbers());
            all.sort_unstable();
        }
        if all.len() > FEW_ROWS_MAX || self.index.version < 3 {
            return Ok(RowsAtHand::OfBlock(self.block_rows(block, classes)?));
        }
        let rows = Arc::new(FewRows::read(self, block, facts, &all, classes)?);
        self.keep(Part::FewRows(block), CachedPart::FewRows(Arc::clone(&rows)));
        Ok(RowsAtHand::Few(rows))
    }
}

/// Parts of a segment that records are put together from, those at hand that were used before.
struct RecordParts<'a> {
    segment: &'a Segment,
    classes: ClassesAtHand,
    chunks: ChunksAtHand,
}

impl<'a> RecordParts<'a> {
    fn new(segment: &'a Segment) -> Self {
        Self { segment, classes: ClassesAtHand::default(), chunks: ChunksAtHand::default() }
    }

    /// Records of rows of a block, which ascend and are counted from the block's first.
    fn records_of_block(&mut self, block: u32, wanted: &[u32]) -> Result<Vec<Vec<u8>>, SegmentError> {
        let facts = self.segment.facts(block)?;
        let mut distinct = wanted.to_vec();
        distinct.dedup();
        let rows = self.segment.cells_of_rows(block, &facts, &distinct, &mut self.classes)?;
        let mut records: Vec<Vec<u8>> = Vec::with_capacity(wanted.len());
        let mut wanted = wanted.iter().peekable();
        for &index in &distinct {
            if index as usize >= facts.len() {
                return Err(Damage("a row is missing").into());
            }
            let number = block * self.segment.index.block_rows + index;
            let cells = match &rows {
                RowsAtHand::OfBlock(rows) => rows.cells_of(index as usize)?,
                RowsAtHand::Few(rows) => rows.cells_of(index as usize)?,
            };
            let record = self.record(number, &facts.row(index as usize), cells)?;
            wanted.next();
            // A row may be wanted more than once.
            while wanted.next_if(|wanted| **wanted == index).is_some() {
                records.push(record.clone());
            }
            records.push(record);
        }
        Ok(records)
    }

    fn record(&mut self, number: u32, row: &RowFacts, mut cells: RowCells<'_>) -> Result<Vec<u8>, SegmentError> {
        let group = Arc::clone(self.classes.group(self.segment, row.class)?);
        let class = group.class(row.class)?;
        let mut text = Vec::with_capacity(2048);
        let mut columns = class.columns.iter();
        // Where the texts of this row stand in the record.
        let mut texts = Vec::new();
        for &shape in class.shapes {
            text.push(if text.is_empty() { b'{' } else { b',' });
            let Some(shape) = shape.checked_sub(1) else {
                self.caller_text(row.caller.checked_sub(1).ok_or(Damage("a caller is missing"))?, &mut text)?;
                continue;
            };
            let shape = self.segment.index.first_shape + shape;
            let chunk = self.chunks.of(self.segment, shape)?;
            fill(chunk.item(shape)?, &mut text, |mark, text| {
                match mark {
                    TIME_MARK => text.extend_from_slice(&format_time(row.seconds)),
                    EVENT_ID_MARK => text.extend_from_slice(&format_uuid(&self.segment.event_id(number)?)),
                    _ => {
                        let column = *columns.next().ok_or(Damage("a column is missing"))?;
                        let cell = match column {
                            REGION_COLUMN | ACCOUNT_COLUMN => stored_value(class.places[column as usize])?,
                            ADDRESS_COLUMN => stored_value(row.address)?,
                            _ => cells.next_cell()?,
                        };
                        let start = text.len();
                        if let ReadCell::Ending { texts_between, before } = cell {
                            let place = texts.len().checked_sub(texts_between as usize + 1);
                            let place = place.and_then(|place| texts.get(place)).cloned();
                            text.extend_from_slice(before);
                            text.extend_from_within(place.ok_or(Damage("an earlier text is missing"))?);
                        } else {
                            self.put_cell(column, cell, text)?;
                        }
                        if let ReadCell::Text(_) | ReadCell::Ending { .. } = cell {
                            texts.push(start..text.len());
                        }
                    }
                }
                Ok(())
            })?;
        }
        text.push(b'}');
        Ok(text)
    }

    fn caller_text(&mut self, caller: u32, text: &mut Vec<u8>) -> Result<(), SegmentError> {
        let caller = self.segment.index.first_caller + caller;
        let callers = self.chunks.of(self.segment, caller)?;
        let mut cursor = Cursor::new(callers.item(caller)?);
        let shape = self.segment.index.first_shape + cursor.code()?;
        let shapes = self.chunks.of(self.segment, shape)?;
        fill(shapes.item(shape)?, text, |_, text| {
            let (column, cell) = caller_cell(&mut cursor)?;
            self.put_cell(column, cell, text)
        })
    }

    fn put_cell(&mut self, column: u32, cell: ReadCell<'_>, text: &mut Vec<u8>) -> Result<(), SegmentError> {
        match cell {
            ReadCell::Text(content) => text.extend_from_slice(content),
            ReadCell::Uuid(uuid) => text.extend_from_slice(&format_uuid(uuid)),
            ReadCell::Ending { .. } => return Err(Damage("a caller has no earlier text").into()),
            ReadCell::Value(number) => {
                let first = self.segment.index.first_values.get(column as usize);
                let item = first.and_then(|first| first.checked_add(number)).ok_or(Damage("a column is missing"))?;
                text.extend_from_slice(self.chunks.of(self.segment, item)?.item(item)?);
            }
        }
        Ok(())
    }
}

/// A cell of a caller, with its column.
pub(crate) fn caller_cell<'a>(cursor: &mut Cursor<'a>) -> Result<(u32, ReadCell<'a>), Damage> {
    let column = cursor.code()?;
    let cell = match cursor.code()? {
        TEXT_CODE => ReadCell::Text(cursor.text()?),
        UUID_CODE => ReadCell::Uuid(cursor.take(16)?.try_into().map_err(|_| Damage("a UUID is cut"))?),
        code => ReadCell::Value(code.checked_sub(FIRST_VALUE_CODE).ok_or(Damage("a caller has no earlier text"))?),
    };
    Ok((column, cell))
}

/// A cell whose value's number, with 1 added, stands elsewhere.
fn stored_value(number: u32) -> Result<ReadCell<'static>, Damage> {
    number.checked_sub(1).map(ReadCell::Value).ok_or(Damage("a cell is missing"))
}

/// Copies a shape, with something in the place of each mark.
fn fill(
    shape: &[u8],
    text: &mut Vec<u8>,
    mut put: impl FnMut(u8, &mut Vec<u8>) -> Result<(), SegmentError>,
) -> Result<(), SegmentError> {
    let mut rest = shape;
    while let Some(at) = rest.iter().position(|byte| *byte <= EVENT_ID_MARK) {
        text.extend_from_slice(&rest[..at]);
        put(rest[at], text)?;
        rest = &rest[at + 1..];
    }
    text.extend_from_slice(rest);
    Ok(())
}
