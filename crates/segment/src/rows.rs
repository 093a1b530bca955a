//! Rows of a segment that have some facts.

use std::borrow::Cow;

use crate::block::RowFacts;
use crate::facts::{TermKind, truth_text};
use crate::hash::term_hash;
use crate::segment::{Segment, SegmentError};
use crate::terms::{SPAN_ROW_BITS, Target, span_hash};

/// A fact that events are looked for by: an exact value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact<'a> {
    /// `eventID`.
    EventId(&'a str),
    /// `eventName`.
    EventName(&'a str),
    /// `eventSource`.
    EventSource(&'a str),
    /// `readOnly`.
    ReadOnly(bool),
    /// Name of the caller.
    Username(&'a str),
    /// Type of a resource.
    ResourceType(&'a str),
    /// Name of a resource.
    ResourceName(&'a str),
    /// Access key of the caller.
    AccessKeyId(&'a str),
    /// Category, as in `eventCategory`.
    Category(&'a str),
    /// `errorCode`.
    ErrorCode(&'a str),
    /// `awsRegion`.
    Region(&'a str),
    /// Account of the record.
    Account(&'a str),
    /// `sourceIPAddress`.
    SourceIp(&'a str),
}

impl<'a> Fact<'a> {
    fn term(self) -> Option<(TermKind, &'a str)> {
        Some(match self {
            Self::EventId(_) => return None,
            Self::EventName(text) => (TermKind::EventName, text),
            Self::EventSource(text) => (TermKind::EventSource, text),
            Self::ReadOnly(truth) => (TermKind::ReadOnly, truth_text(truth)),
            Self::Username(text) => (TermKind::Username, text),
            Self::ResourceType(text) => (TermKind::ResourceType, text),
            Self::ResourceName(text) => (TermKind::ResourceName, text),
            Self::AccessKeyId(text) => (TermKind::AccessKeyId, text),
            Self::Category(text) => (TermKind::Category, text),
            Self::ErrorCode(text) => (TermKind::ErrorCode, text),
            Self::Region(text) => (TermKind::Region, text),
            Self::Account(text) => (TermKind::Account, text),
            Self::SourceIp(text) => (TermKind::SourceIp, text),
        })
    }
}

/// A row that may fit: where it is in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundRow {
    /// Number of the row in its segment.
    pub row: u32,
    /// Event time, seconds since 1970.
    pub seconds: i64,
    /// Sequence number.
    pub sequence: u64,
}

/// Numbers of a few thousand, as bits.
#[derive(Debug)]
struct NumberSet(Vec<u64>);

impl NumberSet {
    fn of(numbers: &[u32]) -> Self {
        let mut bits = vec![0; numbers.last().map_or(0, |last| *last as usize / 64 + 1)];
        for number in numbers {
            bits[*number as usize / 64] |= 1_u64 << (number % 64);
        }
        Self(bits)
    }

    fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }
}

/// Rows that have a fact.
#[derive(Debug)]
enum RowSet {
    /// Ascending.
    List(Vec<u32>),
    /// Read span by span.
    Spans { hash: u64, spans: Vec<u32> },
}

/// Rows of a segment that may have some facts.
#[derive(Debug)]
pub struct Rows<'a> {
    segment: &'a Segment,
    is_empty: bool,
    /// Every row is in each of these.
    row_sets: Vec<RowSet>,
    /// Ascending.
    blocks: Option<Vec<u32>>,
    skeletons: Option<NumberSet>,
    callers: Option<NumberSet>,
    /// Values of the three searched columns.
    cells: [Option<NumberSet>; 3],
}

impl<'a> Rows<'a> {
    /// All rows of a segment.
    pub(crate) fn all(segment: &'a Segment) -> Self {
        Self {
            segment,
            is_empty: false,
            row_sets: Vec::new(),
            blocks: None,
            skeletons: None,
            callers: None,
            cells: [None, None, None],
        }
    }

    /// Whether no row is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Leaves out rows without a fact.
    pub(crate) fn narrow(&mut self, fact: Fact<'_>) -> Result<(), SegmentError> {
        let segment = self.segment;
        let Some((kind, text)) = fact.term() else {
            if let Fact::EventId(id) = fact {
                self.keep_rows(segment.rows_of_id(id)?);
            }
            return Ok(());
        };
        let (target, list) = match kind {
            TermKind::ResourceType | TermKind::ResourceName => (Target::Row, None),
            TermKind::Username | TermKind::AccessKeyId => (Target::Caller, Some(1)),
            TermKind::Region => (Target::Cell, Some(2)),
            TermKind::Account => (Target::Cell, None),
            TermKind::SourceIp => (Target::Cell, Some(4)),
            _ => (Target::Skeleton, Some(0)),
        };
        let numbers = segment.numbers(kind, text, target)?;
        if target == Target::Row {
            let spans = segment.numbers(kind, text, Target::Span)?;
            if spans.is_empty() {
                self.keep_rows(numbers);
            } else {
                self.row_sets.push(RowSet::Spans { hash: term_hash(kind as u8, text.as_bytes()), spans });
            }
            return Ok(());
        }
        self.is_empty |= numbers.is_empty();
        if let Some(list) = list
            && !self.is_empty
            && let Some(blocks) = segment.blocks_of(list, &numbers)?
        {
            self.keep_blocks(blocks);
        }
        let set = NumberSet::of(&numbers);
        let place = match target {
            Target::Skeleton => &mut self.skeletons,
            Target::Caller => &mut self.callers,
            _ => &mut self.cells[kind as usize - TermKind::Region as usize],
        };
        *place = Some(match place.take() {
            // Two facts of one kind: the narrower of the two is right, and the record is looked at anyway.
            Some(before) => NumberSet(before.0.iter().zip(&set.0).map(|(left, right)| left & right).collect()),
            None => set,
        });
        Ok(())
    }

    fn keep_rows(&mut self, rows: Vec<u32>) {
        self.is_empty |= rows.is_empty();
        self.row_sets.push(RowSet::List(rows));
    }

    fn keep_blocks(&mut self, blocks: Vec<u32>) {
        let kept = match self.blocks.take() {
            Some(before) => common(&before, &blocks),
            None => blocks,
        };
        self.is_empty |= kept.is_empty();
        self.blocks = Some(kept);
    }

    /// Visits the rows, latest first if `is_descending`, between two places in the order of events, both inclusive,
    /// until the visitor says to stop.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn visit<E: From<SegmentError>>(
        &mut self,
        is_descending: bool,
        (low, high): ((i64, u64), (i64, u64)),
        mut visitor: impl FnMut(FoundRow) -> Result<bool, E>,
    ) -> Result<(), E> {
        if self.is_empty {
            return Ok(());
        }
        let segment = self.segment;
        let blocks = &segment.index.blocks;
        let first = blocks.partition_point(|block| block.last_seconds < low.0) as u32;
        let end = blocks.partition_point(|block| block.first_seconds <= high.0) as u32;
        let candidates: Box<dyn DoubleEndedIterator<Item = u32>> = match self.candidates() {
            Some(listed) => Box::new(listed.into_iter().filter(move |block| (first..end).contains(block))),
            None => Box::new(first..end),
        };
        let mut candidates: Box<dyn Iterator<Item = u32>> =
            if is_descending { Box::new(candidates.rev()) } else { candidates };
        candidates
            .try_for_each(|block| match self.visit_block(block, is_descending, (low, high), &mut visitor) {
                Ok(true) => Ok(()),
                Ok(false) => Err(None),
                Err(error) => Err(Some(error)),
            })
            .or_else(|stop| stop.map_or(Ok(()), Err))
    }

    /// Blocks that may have rows, ascending; `None` for all.
    fn candidates(&self) -> Option<Vec<u32>> {
        let block_rows = self.segment.index.block_rows;
        let of_sets = self.row_sets.iter().map(|set| match set {
            RowSet::List(rows) => {
                let mut blocks: Vec<u32> = rows.iter().map(|row| row / block_rows).collect();
                blocks.dedup();
                blocks
            }
            RowSet::Spans { spans, .. } => {
                let first = |span: u32| (span << SPAN_ROW_BITS) / block_rows;
                spans.iter().flat_map(|span| first(*span)..first(span + 1)).collect()
            }
        });
        of_sets.chain(self.blocks.clone()).reduce(|left, right| common(&left, &right))
    }

    fn visit_block<E: From<SegmentError>>(
        &self,
        block: u32,
        is_descending: bool,
        (low, high): ((i64, u64), (i64, u64)),
        visitor: &mut impl FnMut(FoundRow) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let facts = self.segment.facts(block)?;
        let first_row = block * self.segment.index.block_rows;
        let listed = self.listed_rows(first_row >> SPAN_ROW_BITS)?;
        let mut visit = |index: usize| {
            let row = &facts[index];
            let number = first_row + index as u32;
            let key = (row.seconds, row.sequence);
            if key < low || key > high || !self.fits(number, row, &listed)? {
                return Ok(true);
            }
            visitor(FoundRow { row: number, seconds: row.seconds, sequence: row.sequence })
        };
        let indexes = 0..facts.len();
        if is_descending {
            for index in indexes.rev() {
                if !visit(index)? {
                    return Ok(false);
                }
            }
        } else {
            for index in indexes {
                if !visit(index)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The rows of each set; of sets in spans those of one span.
    fn listed_rows(&self, span: u32) -> Result<Vec<Cow<'_, [u32]>>, SegmentError> {
        let mut listed = Vec::with_capacity(self.row_sets.len());
        for set in &self.row_sets {
            listed.push(match set {
                RowSet::List(rows) => Cow::Borrowed(&rows[..]),
                RowSet::Spans { hash, .. } => Cow::Owned(self.segment.numbers_of(span_hash(*hash, span), Target::Row)?),
            });
        }
        Ok(listed)
    }

    fn fits(&self, number: u32, row: &RowFacts, listed: &[Cow<'_, [u32]>]) -> Result<bool, SegmentError> {
        let has = |set: &Option<NumberSet>, code: u32| match set {
            Some(set) => code.checked_sub(1).is_some_and(|number| set.contains(number)),
            None => true,
        };
        if listed.iter().any(|rows| rows.binary_search(&number).is_err())
            || !self.skeletons.as_ref().is_none_or(|set| set.contains(row.skeleton))
            || !has(&self.callers, row.caller)
            || !has(&self.cells[0], row.cells[0])
            || !has(&self.cells[2], row.cells[2])
        {
            return Ok(false);
        }
        if self.cells[1].is_none() || row.cells[1] != 0 {
            return Ok(has(&self.cells[1], row.cells[1]));
        }
        match row.caller.checked_sub(1) {
            Some(caller) => Ok(has(&self.cells[1], self.segment.account_of_caller(caller)?)),
            None => Ok(false),
        }
    }
}

/// Numbers of both of two ascending lists.
fn common(left: &[u32], right: &[u32]) -> Vec<u32> {
    let (short, long) = if left.len() < right.len() { (left, right) } else { (right, left) };
    short.iter().copied().filter(|number| long.binary_search(number).is_ok()).collect()
}
