//! Rows of a segment that have some facts.

use std::borrow::Cow;

use model::LookupIndex;

use crate::block::Facts;
use crate::classes::ClassesAtHand;
use crate::facts::{TermKind, truth_text};
use crate::footer::{ADDRESS_LISTS, CALLER_LISTS, CLASS_LISTS};
use crate::hash::term_hash;
use crate::reader::id_number;
use crate::segment::{Segment, SegmentError, in_parts};
use crate::terms::{SPAN_ROW_BITS, Target, span_hash};
use crate::text::{FoundText, TextPlaces, TextRow};

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
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberSet(Vec<u64>);

impl NumberSet {
    pub(crate) fn of(numbers: &[u32]) -> Self {
        let mut bits = vec![0; numbers.last().map_or(0, |last| *last as usize / 64 + 1)];
        for number in numbers {
            bits[*number as usize / 64] |= 1_u64 << (number % 64);
        }
        Self(bits)
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(left, right)| left & right).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(self.len());
        for (word, bits) in self.0.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                numbers.push((word * 64) as u32 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        numbers
    }

    pub(crate) fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.len() * 8
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }
}

/// What a class or a caller must be: asked with what its records are looked up by, as far as all of them share it.
pub type IndexTest<'a> = dyn Fn(&LookupIndex) -> bool + Send + Sync + 'a;

/// What is looked for in a segment, all of it. Rows that do not fit may be found, none that fits is left out.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Exact values.
    pub facts: &'a [Fact<'a>],
    /// Texts that the record must have in it.
    pub texts: &'a [&'a str],
    /// Asked with event name and source, read-only, category, error code, region and account.
    pub class_test: Option<&'a IndexTest<'a>>,
    /// Asked with the caller's name and access key.
    pub caller_test: Option<&'a IndexTest<'a>>,
}

/// Two places in the order of events, both inclusive: seconds and sequence number.
pub type KeyRange = ((i64, u64), (i64, u64));

/// Blocks that are searched for a text at once, at first and at most: a thread for fewer is not worth its start.
const BLOCKS_AT_ONCE_MIN: usize = 8;
const BLOCKS_AT_ONCE_MAX: usize = 512;

/// Most lists of blocks that are read for one kind of fact. With more, reading them costs more than looking at the blocks.
const LISTS_MAX: usize = 256;
/// So many blocks are looked at without a search for fewer.
const FEW_BLOCKS: usize = 2;

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
    classes: Option<NumberSet>,
    /// Scopes of the classes, as far as facts tell: see [`crate::scopes`].
    scopes: Option<NumberSet>,
    callers: Option<NumberSet>,
    /// Whether rows without a caller are among those of `callers`.
    has_rows_without_caller: bool,
    addresses: Option<NumberSet>,
    /// Texts that a record must have.
    texts: Vec<TextPlaces>,
}

impl<'a> Rows<'a> {
    /// All rows of a segment.
    pub(crate) fn all(segment: &'a Segment) -> Self {
        Self {
            segment,
            is_empty: false,
            row_sets: Vec::new(),
            blocks: None,
            classes: None,
            scopes: None,
            callers: None,
            has_rows_without_caller: false,
            addresses: None,
            texts: Vec::new(),
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
                self.keep_rows(segment.rows_of_id(id_number(id))?);
            }
            return Ok(());
        };
        let target = match kind {
            TermKind::ResourceType | TermKind::ResourceName => Target::Row,
            TermKind::Username | TermKind::AccessKeyId => Target::Caller,
            TermKind::SourceIp => Target::Address,
            _ => Target::Class,
        };
        if target == Target::Class {
            let found = segment.classes_of(kind, text)?;
            let found_of = |set: &Option<NumberSet>, found: &NumberSet| {
                set.as_ref().map_or_else(|| found.clone(), |before| before.and(found))
            };
            if matches!(kind, TermKind::Region | TermKind::Account | TermKind::Category) {
                self.scopes = Some(found_of(&self.scopes, &found.scopes));
            }
            let set = found_of(&self.classes, &found.classes);
            self.is_empty |= set.is_empty();
            self.classes = Some(set);
            return Ok(());
        }
        let hash = term_hash(kind as u8, text.as_bytes());
        if target == Target::Row {
            let [numbers, spans] = segment.numbers_of_each(hash, [Target::Row, Target::Span])?;
            if spans.is_empty() {
                self.keep_rows(numbers);
            } else {
                self.row_sets.push(RowSet::Spans { hash, spans });
            }
            return Ok(());
        }
        let numbers = segment.numbers_of(hash, target)?;
        let place = match target {
            Target::Caller => &mut self.callers,
            _ => &mut self.addresses,
        };
        let set = match place.take() {
            Some(before) => before.and(&NumberSet::of(&numbers)),
            None => NumberSet::of(&numbers),
        };
        self.is_empty |= set.is_empty();
        *place = Some(set);
        Ok(())
    }

    /// Leaves out rows of classes that do not fit.
    pub(crate) fn narrow_by_class(&mut self, test: &IndexTest<'_>) -> Result<(), SegmentError> {
        let mut fitting = NumberSet::default();
        for class in 0..self.segment.class_count() {
            if self.classes.as_ref().is_none_or(|set| set.contains(class)) && test(&self.segment.index_of_class(class)?)
            {
                fitting.insert(class);
            }
        }
        self.is_empty |= fitting.is_empty();
        self.classes = Some(fitting);
        Ok(())
    }

    /// Leaves out rows of callers that do not fit.
    pub(crate) fn narrow_by_caller(&mut self, test: &IndexTest<'_>) -> Result<(), SegmentError> {
        let mut fitting = NumberSet::default();
        for caller in 0..self.segment.caller_count() {
            if self.callers.as_ref().is_none_or(|set| set.contains(caller))
                && test(&self.segment.index_of_caller(caller)?)
            {
                fitting.insert(caller);
            }
        }
        self.has_rows_without_caller = self.callers.is_none() && test(&crate::records::index_of(b"")?);
        self.is_empty |= fitting.is_empty() && !self.has_rows_without_caller;
        self.callers = Some(fitting);
        Ok(())
    }

    /// Leaves out rows of blocks in which no record has a text.
    pub(crate) fn narrow_by_text(&mut self, text: &str) -> Result<(), SegmentError> {
        match TextPlaces::find(self.segment, text)? {
            FoundText::Nowhere => self.is_empty = true,
            FoundText::Anywhere => {}
            FoundText::In(places) => {
                self.texts.push(*places);
                // What is seldom found, and quickly looked for, leaves out most blocks.
                self.texts.sort_by_key(TextPlaces::cost);
            }
        }
        Ok(())
    }

    /// Finds the blocks that may have rows, once all facts are known.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub(crate) fn find_blocks(&mut self) -> Result<(), SegmentError> {
        // Rows without a caller are on no list.
        let callers = self.callers.as_ref().filter(|_| !self.has_rows_without_caller);
        let sets =
            [(CALLER_LISTS, callers), (ADDRESS_LISTS, self.addresses.as_ref()), (CLASS_LISTS, self.classes.as_ref())];
        let mut found: Option<Vec<u32>> = None;
        for (list, set) in sets {
            // Where few blocks are left, looking at them costs less than reading more lists.
            let are_few = self.has_few_rows() || found.as_ref().is_some_and(|blocks| blocks.len() <= FEW_BLOCKS);
            if let Some(set) = set
                && !are_few
                && set.len() <= LISTS_MAX
                && let Some(blocks) = self.segment.blocks_of_scopes(list, &set.numbers(), self.scopes.as_ref())?
            {
                found = Some(match found {
                    Some(before) => common(&before, &blocks),
                    None => blocks,
                });
            }
        }
        self.is_empty |= found.as_ref().is_some_and(Vec::is_empty);
        self.blocks = found;
        Ok(())
    }

    fn has_few_rows(&self) -> bool {
        self.row_sets.iter().any(|set| matches!(set, RowSet::List(rows) if rows.len() <= FEW_BLOCKS))
    }

    fn keep_rows(&mut self, rows: Vec<u32>) {
        self.is_empty |= rows.is_empty();
        self.row_sets.push(RowSet::List(rows));
    }

    /// Visits the rows, latest first if `is_descending`, between two places in the order of events, both inclusive,
    /// until the visitor says to stop.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn visit<E: From<SegmentError>>(
        &mut self,
        is_descending: bool,
        (low, high): KeyRange,
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
        // Few blocks first, because a text that is in many is found at once; what is only in random texts is not.
        let mut at_once = match self.texts.first().map(TextPlaces::is_seldom) {
            None => 1,
            Some(true) => BLOCKS_AT_ONCE_MAX,
            Some(false) => BLOCKS_AT_ONCE_MIN,
        };
        loop {
            let window: Vec<u32> = candidates.by_ref().take(at_once).collect();
            if window.is_empty() {
                return Ok(());
            }
            for (block, rows) in self.rows_of_blocks(window, (low, high))? {
                if !self.visit_block(block, rows, is_descending, &mut visitor)? {
                    return Ok(());
                }
            }
            if at_once > 1 {
                at_once = (at_once * 2).min(BLOCKS_AT_ONCE_MAX);
            }
        }
    }

    pub(crate) fn segment(&self) -> &'a Segment {
        self.segment
    }

    /// Visits the facts of the rows between two places in the order of events: those of a block, and the place of the row
    /// among them.
    pub(crate) fn visit_facts(
        &self,
        (low, high): KeyRange,
        mut visitor: impl FnMut(&Facts, usize),
    ) -> Result<(), SegmentError> {
        if self.is_empty {
            return Ok(());
        }
        let blocks = &self.segment.index.blocks;
        let first = blocks.partition_point(|block| block.last_seconds < low.0) as u32;
        let end = blocks.partition_point(|block| block.first_seconds <= high.0) as u32;
        let listed = self.candidates();
        let candidates = listed.unwrap_or_else(|| (first..end).collect());
        for block in candidates.into_iter().filter(|block| (first..end).contains(block)) {
            let facts = self.segment.facts(block)?;
            for row in self.fitting(block, &facts, (low, high))? {
                visitor(&facts, row as usize);
            }
        }
        Ok(())
    }

    /// Rows of some blocks that fit and whose records have all texts, counted from the first of their block; on all
    /// cores where there are texts. Blocks without any are left out.
    fn rows_of_blocks(&self, blocks: Vec<u32>, range: KeyRange) -> Result<Vec<(u32, Vec<u32>)>, SegmentError> {
        let search = |blocks: &[u32]| {
            let (mut found, mut classes) = (Vec::new(), ClassesAtHand::default());
            for &block in blocks {
                let rows = if self.texts.is_empty() {
                    let facts = self.segment.facts(block)?;
                    self.fitting(block, &facts, range)?
                } else {
                    self.rows_with_texts(block, range, &mut classes)?
                };
                if !rows.is_empty() {
                    found.push((block, rows));
                }
            }
            Ok::<_, SegmentError>(found)
        };
        if self.texts.is_empty() {
            return search(&blocks);
        }
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let part = blocks.len().div_ceil(threads).max(BLOCKS_AT_ONCE_MIN / 2);
        in_parts(&blocks, part, search)
    }

    fn rows_with_texts(
        &self,
        block: u32,
        range: KeyRange,
        classes: &mut ClassesAtHand,
    ) -> Result<Vec<u32>, SegmentError> {
        let (elsewhere, in_cells): (Vec<_>, Vec<_>) =
            self.texts.iter().partition(|places| places.may_be_in_facts(block));
        for text in in_cells {
            if !text.may_be_in_cells(self.segment, block)? {
                return Ok(Vec::new());
            }
        }
        let facts = self.segment.facts(block)?;
        let rows = self.fitting(block, &facts, range)?;
        if rows.is_empty() {
            return Ok(rows);
        }
        for text in elsewhere {
            if !text.may_be_in(self.segment, block, &facts)? {
                return Ok(Vec::new());
            }
        }
        let first_row = block * self.segment.index.block_rows;
        let cells = self.segment.block_rows(block, classes)?;
        let mut may_fit = Vec::with_capacity(rows.len());
        for index in rows {
            let row = TextRow { number: first_row + index, facts: facts.row(index as usize), cells: &cells, index };
            let mut has_all = true;
            for text in &self.texts {
                has_all = has_all && text.may_be_in_row(self.segment, &row, classes)?;
            }
            if has_all {
                may_fit.push(index);
            }
        }
        let mut rows = may_fit;
        // To make the records of neighbours is much cheaper than to make each when a caller looks at it.
        let numbers: Vec<u32> = rows.iter().map(|row| first_row + row).collect();
        let mut records = self.segment.records(&numbers)?.into_iter();
        rows.retain(|_| {
            records.next().is_some_and(|record| self.texts.iter().all(|places| places.is_in_record(&record)))
        });
        Ok(rows)
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
        mut rows: Vec<u32>,
        is_descending: bool,
        visitor: &mut impl FnMut(FoundRow) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let facts = self.segment.facts(block)?;
        let first_row = block * self.segment.index.block_rows;
        if is_descending {
            rows.reverse();
        }
        for index in rows {
            let (seconds, sequence) = (facts.seconds_of(index as usize), facts.sequence_of(index as usize));
            if !visitor(FoundRow { row: first_row + index, seconds, sequence })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Rows of a block that have all facts, counted from its first.
    fn fitting(&self, block: u32, facts: &Facts, (low, high): KeyRange) -> Result<Vec<u32>, SegmentError> {
        let first_row = block * self.segment.index.block_rows;
        let end = first_row + facts.len() as u32;
        let listed = self.listed_rows(first_row >> SPAN_ROW_BITS)?;
        let is_of_caller = |caller: u32| match (&self.callers, caller.checked_sub(1)) {
            (None, _) => true,
            (Some(set), Some(caller)) => set.contains(caller),
            (Some(_), None) => self.has_rows_without_caller,
        };
        let (classes, callers, addresses) = (facts.classes(), facts.callers(), facts.addresses());
        let fits = |index: &u32| {
            let at = *index as usize;
            let is_in_range = || {
                let key = (facts.seconds_of(at), facts.sequence_of(at));
                low <= key && key <= high
            };
            is_of_caller(callers[at])
                && self.classes.as_ref().is_none_or(|set| set.contains(classes[at]))
                && self.addresses.as_ref().is_none_or(|set| set.contains(addresses[at].wrapping_sub(1)))
                && is_in_range()
        };
        let Some((shortest, others)) = listed.split_first() else {
            return Ok((0..facts.len() as u32).filter(fits).collect());
        };
        let here = &shortest[shortest.partition_point(|row| *row < first_row)..];
        let here = here.iter().take_while(|row| **row < end);
        let is_on_all = |row: &&u32| others.iter().all(|rows| rows.binary_search(row).is_ok());
        Ok(here.filter(is_on_all).map(|row| row - first_row).filter(fits).collect())
    }

    /// The rows of each set, the shortest list first; of sets in spans those of one span.
    fn listed_rows(&self, span: u32) -> Result<Vec<Cow<'_, [u32]>>, SegmentError> {
        let mut listed = Vec::with_capacity(self.row_sets.len());
        for set in &self.row_sets {
            listed.push(match set {
                RowSet::List(rows) => Cow::Borrowed(&rows[..]),
                RowSet::Spans { hash, .. } => Cow::Owned(self.segment.numbers_of(span_hash(*hash, span), Target::Row)?),
            });
        }
        listed.sort_by_key(|rows| rows.len());
        Ok(listed)
    }
}

/// Numbers of both of two ascending lists.
fn common(left: &[u32], right: &[u32]) -> Vec<u32> {
    let (short, long) = if left.len() < right.len() { (left, right) } else { (right, left) };
    short.iter().copied().filter(|number| long.binary_search(number).is_ok()).collect()
}
