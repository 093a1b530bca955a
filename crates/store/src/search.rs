//! Carries a query out over memory and segments.
//!
//! Every source gives places of events that may fit, in the order of the query; the places are merged, and only then are
//! records read and looked at: as many as the page needs, and a few more where a segment said "perhaps" for nothing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{EventTime, LookupIndex};
use segment::{Fact, FoundRow, IndexTest, KeyRange, Rows, SegmentError, Wanted};

use crate::StoreError;
use crate::memtable::Memtable;
use crate::query::{AttributeFilter, EventQuery, Order, Page, Position, Scan, StoredEvent, join};
use crate::recent_events::RecentEvents;
use crate::segment_file::StoredSegment;
use crate::shared_work::for_each_part;

/// Places that a segment is asked for at once: the rows of a block or so.
const PLACES_AT_ONCE: usize = 256;
/// Most places that are those of a page somebody looks at, whose events are kept: who reads more reads on.
const PLACES_OF_PAGE: usize = 128;
/// Most records that are read before they are looked at.
const RECORDS_AT_ONCE: usize = 4096;
/// Most rows of a segment that one thread reads before it looks for others: some blocks.
const ROWS_OF_PART: usize = 16;
/// Rows for which a helper is worth being called: some 30 us against 60 us for each row whose block is not at hand.
const ROWS_OF_THREAD: usize = 8;
/// Segments that are asked one after another before it is told whether many more must be asked.
const ASKED_BEFORE: u32 = 2;
/// Time of asking a segment from which on several are asked at once: with what they need at hand, most take less than it
/// takes to call a helper.
const SLOW_ANSWER: Duration = Duration::from_micros(12);
/// Segments that are asked at once by several threads: at least, or nobody is called, and at most.
const ASKED_AT_ONCE_MIN: usize = 4;
const ASKED_AT_ONCE_MAX: usize = 64;
/// Time of asking a segment from which on no more are asked at once than were asked before, so that at most half of the work
/// is for nothing: looking through texts takes milliseconds, and a few rows say little about how many segments have more.
const COSTLY_ANSWER: Duration = Duration::from_micros(200);

/// The same of rows whose parts have to come from a bucket, which is waiting and no work.
const COLD_ROWS_OF_THREAD: usize = 4;
/// Segments of a bucket that are asked at once, and threads that read their records.
const COLD_THREADS: usize = 16;

/// The key of an event in the direction of a query: the largest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(i64, u64);

fn rank(order: Order, seconds: i64, sequence: u64) -> Rank {
    match order {
        Order::NewestFirst => Rank(seconds, sequence),
        Order::OldestFirst => Rank(!seconds, !sequence),
    }
}

/// The events of a segment that may fit, from one end to the other.
struct Source<'a> {
    stored: &'a Arc<StoredSegment>,
    /// `None` as long as it was not asked, or was by another thread.
    rows: Option<Rows<'a>>,
    /// Asked for and not yet taken.
    ahead: VecDeque<FoundRow>,
    /// What is left of the key range, both inclusive; `None` at the end.
    left: Option<KeyRange>,
    at_once: usize,
}

/// One page of the events that fit. Those of a page of segments that somebody looks at may be kept in `recent`.
pub(crate) fn search<'a>(
    query: &Arc<EventQuery>,
    memtables: impl Iterator<Item = &'a Arc<Memtable>>,
    segments: &[Arc<StoredSegment>],
    recent: Option<&RecentEvents>,
) -> Result<Page, StoreError> {
    let scan = Scan::new(query);
    let mut found: Vec<Arc<StoredEvent>> = memtables.flat_map(|memtable| memtable.scan(&scan)).collect();
    crate::query::sort(query.order, &mut found);
    found.truncate(scan.limit);
    let mut merge = Merge::new(query, &scan, segments);
    let mut wanted = scan.limit.min(RECORDS_AT_ONCE);
    let mut of_segments = 0;
    while of_segments < scan.limit {
        // Nothing behind the last event of a full page is asked for.
        let worst = (found.len() >= scan.limit).then(|| position_rank(query.order, &found[scan.limit - 1]));
        let places = merge.take(wanted, worst)?;
        if places.is_empty() {
            break;
        }
        let fitting = merge.read(&places, recent)?;
        // Where few fit, more are read at once, because neighbours cost less.
        wanted = if fitting.len() * 4 < places.len() {
            more_at_once(wanted)
        } else {
            (scan.limit - of_segments).min(RECORDS_AT_ONCE)
        };
        of_segments += fitting.len();
        found.extend(fitting);
        crate::query::sort(query.order, &mut found);
        found.truncate(scan.limit);
    }
    Ok(join(query, found))
}

/// How many records to read next where few of so many fitted. Bounded at each step: a search that goes through millions
/// of records takes hundreds of steps.
fn more_at_once(wanted: usize) -> usize {
    wanted.saturating_mul(4).min(RECORDS_AT_ONCE)
}

fn position_rank(order: Order, event: &StoredEvent) -> Rank {
    let position = event.position();
    rank(order, position.event_time.as_seconds(), position.sequence)
}

struct Merge<'a> {
    query: &'a Arc<EventQuery>,
    facts: Vec<Fact<'a>>,
    texts: Vec<&'a str>,
    sources: Vec<Source<'a>>,
    /// The best place that each source may have, and the source.
    heads: BinaryHeap<(Rank, Reverse<usize>)>,
    /// Reads that waited for the bucket before this search began.
    misses_before: u64,
    /// Segments to ask at once, if they have to come from the bucket: one, and more where those asked before had nothing.
    asked_at_once: usize,
    /// What asking segments took so far, those that are files.
    answers: Answers,
}

/// How segments answered so far.
#[derive(Default)]
struct Answers {
    segments: u32,
    /// Rows that they had to begin with.
    rows: usize,
    time: Duration,
}

impl Answers {
    /// How many segments may have to be asked until so many rows are found, by those before; 1 where that costs too little to
    /// ask for help.
    fn segments_for(&self, rows: usize) -> usize {
        if self.segments < ASKED_BEFORE || self.time / self.segments < SLOW_ANSWER {
            return 1;
        }
        let left = rows.saturating_sub(self.rows);
        let more = left.saturating_mul(self.segments as usize) / self.rows.max(1);
        let is_costly = self.time / self.segments >= COSTLY_ANSWER;
        let most = if is_costly { (self.segments as usize).max(ASKED_AT_ONCE_MIN) } else { ASKED_AT_ONCE_MAX };
        if more < ASKED_AT_ONCE_MIN { 1 } else { more.min(most).min(ASKED_AT_ONCE_MAX) }
    }
}

impl<'a> Merge<'a> {
    fn new(query: &'a Arc<EventQuery>, scan: &Scan<'_>, segments: &'a [Arc<StoredSegment>]) -> Self {
        let (low, high) = scan.key_range();
        let seconds = |time: EventTime| time.as_micros().div_euclid(1_000_000);
        let range = ((seconds(low.0), low.1), (seconds(high.0), high.1));
        let in_range = |stored: &&Arc<StoredSegment>| {
            let (earliest, latest) = stored.time_range();
            latest >= low.0 && earliest <= high.0 && stored.may_have(&query.categories)
        };
        let sources: Vec<Source<'a>> = segments
            .iter()
            .filter(in_range)
            .map(|stored| {
                let left = Some((range.0.max((stored.kept_from(), 0)), range.1));
                Source { stored, rows: None, ahead: VecDeque::new(), left, at_once: scan.limit }
            })
            .collect();
        let head = |(index, source): (usize, &Source<'_>)| {
            let (earliest, latest) = source.stored.time_range();
            let best = match query.order {
                Order::NewestFirst => rank(query.order, latest.as_seconds(), u64::MAX),
                Order::OldestFirst => rank(query.order, earliest.as_seconds(), 0),
            };
            (best, Reverse(index))
        };
        let heads = sources.iter().enumerate().map(head).collect();
        let texts = query.texts.iter().map(String::as_str).collect();
        let misses_before = misses(&sources);
        let answers = Answers::default();
        Self { query, facts: facts(query), texts, sources, heads, misses_before, asked_at_once: 1, answers }
    }

    /// Whether parts of segments have to be waited for: then many are waited for at once.
    fn is_cold(&self) -> bool {
        misses(&self.sources) > self.misses_before
    }

    /// Asks a segment for places and, where that takes long and rows are few or it is in a bucket that has to be waited for,
    /// the next ones as well.
    fn refill(&mut self, first: usize, worst: Option<Rank>) -> Result<(), StoreError> {
        if self.sources[first].is_unasked_file() {
            return self.refill_from_files(first, worst);
        }
        let mut chosen = vec![first];
        if self.sources[first].is_unasked_in_bucket() && self.is_cold() {
            while chosen.len() < self.asked_at_once
                && let Some((best, Reverse(index))) = self.heads.peek()
                && worst.is_none_or(|worst| *best >= worst)
                && self.sources[*index].is_unasked_in_bucket()
            {
                chosen.push(*index);
                self.heads.pop();
            }
        }
        let (query, facts, texts, enough) = (self.query, &self.facts, &self.texts, self.enough());
        if chosen.len() == 1 {
            self.sources[first].refill(query, facts, texts, enough)?;
        } else {
            let sources = self.sources.iter_mut().enumerate().filter(|(index, _)| chosen.contains(index));
            std::thread::scope(|scope| {
                let asked: Vec<_> =
                    sources.map(|(_, source)| scope.spawn(|| source.refill(query, facts, texts, enough))).collect();
                // A defect in a thread is one here.
                let join = |asked: std::thread::ScopedJoinHandle<'_, Result<(), StoreError>>| {
                    asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                asked.into_iter().try_for_each(join)
            })?;
        }
        self.asked_at_once = (self.asked_at_once * 2).min(COLD_THREADS);
        for index in chosen {
            if self.push_head(index) {
                self.asked_at_once = 1;
            }
        }
        Ok(())
    }

    /// Asks segments that are files and were not asked before.
    fn refill_from_files(&mut self, first: usize, worst: Option<Rank>) -> Result<(), StoreError> {
        let count = self.answers.segments_for(self.query.limit);
        let mut chosen = vec![first];
        while chosen.len() < count
            && let Some((best, Reverse(index))) = self.heads.peek()
            && worst.is_none_or(|worst| *best >= worst)
            && self.sources[*index].is_unasked_file()
        {
            chosen.push(*index);
            self.heads.pop();
        }
        let (begun, enough) = (Instant::now(), self.enough());
        if chosen.len() == 1 {
            self.sources[first].refill(self.query, &self.facts, &self.texts, enough)?;
        } else {
            let part = |index: &usize| {
                let source = &mut self.sources[*index];
                (Arc::clone(source.stored), source.left.take(), source.at_once)
            };
            let (parts, query) = (chosen.iter().map(part).collect(), Arc::clone(self.query));
            let answers = for_each_part(parts, cores() - 1, move |(stored, left, at_once)| {
                let mut source = Source { stored: &stored, rows: None, ahead: VecDeque::new(), left, at_once };
                let texts: Vec<&str> = query.texts.iter().map(String::as_str).collect();
                source.refill(&query, &facts(&query), &texts, enough)?;
                Ok((source.ahead, source.left, source.at_once))
            })?;
            for (index, (ahead, left, at_once)) in chosen.iter().zip(answers) {
                let source = &mut self.sources[*index];
                (source.ahead, source.left, source.at_once) = (ahead, left, at_once);
            }
            // Others did a part of it: what one alone would have taken is not known, but that it was slow.
            self.answers.time += SLOW_ANSWER * chosen.len() as u32;
        }
        self.answers.time += begun.elapsed();
        self.answers.segments += chosen.len() as u32;
        for index in chosen {
            self.answers.rows += self.sources[index].ahead.len();
            self.push_head(index);
        }
        Ok(())
    }

    /// Notes the best place that a source may have after it was asked. Says whether it had any.
    fn push_head(&mut self, index: usize) -> bool {
        let source = &self.sources[index];
        let order = self.query.order;
        let next = source.ahead.front().map(|next| rank(order, next.seconds, next.sequence));
        let best_left = || source.left.map(|(low, high)| if order == Order::NewestFirst { high } else { low });
        let best = next.or_else(|| best_left().map(|(seconds, sequence)| rank(order, seconds, sequence)));
        self.heads.extend(best.map(|best| (best, Reverse(index))));
        next.is_some()
    }

    /// The rank of the last place that a page needs among those that are known, one more than it has: a segment need not be
    /// asked for what is behind it.
    /// Only where texts are looked for: they were found in the records, and to look for more of them costs most.
    fn enough(&self) -> Option<Rank> {
        if self.texts.is_empty() {
            return None;
        }
        let order = self.query.order;
        let ahead = self.sources.iter().flat_map(|source| &source.ahead);
        let mut ranks: Vec<Rank> = ahead.map(|row| rank(order, row.seconds, row.sequence)).collect();
        let last = ranks.len().checked_sub(self.query.limit.saturating_add(1))?;
        Some(*ranks.select_nth_unstable(last).1)
    }

    /// The next places in the order of the query, none of them behind `worst`.
    fn take(&mut self, count: usize, worst: Option<Rank>) -> Result<Vec<(usize, FoundRow)>, StoreError> {
        let mut places = Vec::new();
        while places.len() < count
            && let Some((best, Reverse(index))) = self.heads.pop()
        {
            if worst.is_some_and(|worst| best < worst) {
                // It and all others are behind.
                self.heads.clear();
                break;
            }
            if self.sources[index].ahead.is_empty() {
                self.refill(index, worst)?;
                continue;
            }
            let source = &mut self.sources[index];
            // All that come before the next source's best.
            let limit = self.heads.peek().map(|(best, _)| *best);
            while places.len() < count
                && let Some(next) = source.ahead.front()
                && limit.is_none_or(|limit| rank(self.query.order, next.seconds, next.sequence) >= limit)
            {
                places.extend(source.ahead.pop_front().map(|row| (index, row)));
            }
            match source.ahead.front() {
                Some(next) => self.heads.push((rank(self.query.order, next.seconds, next.sequence), Reverse(index))),
                None => {
                    if let Some((_, last)) = places.last().filter(|_| source.left.is_some()) {
                        self.heads.push((rank(self.query.order, last.seconds, last.sequence), Reverse(index)));
                    }
                }
            }
        }
        Ok(places)
    }

    /// The events at some places, as far as they fit. In any order.
    fn read(
        &self,
        places: &[(usize, FoundRow)],
        recent: Option<&RecentEvents>,
    ) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        let Some(recent) = recent.filter(|_| places.len() <= PLACES_OF_PAGE) else {
            return self.read_segments(places);
        };
        let (mut fitting, mut missing) = (Vec::with_capacity(places.len()), Vec::new());
        for place in places {
            match recent.get(place.1.sequence) {
                Some(event) => fitting.extend(Some(event).filter(|event| self.query.fits(event))),
                None => missing.push(*place),
            }
        }
        if missing.is_empty() {
            return Ok(fitting);
        }
        let read = self.read_segments(&missing)?;
        read.iter().for_each(|event| recent.keep(event));
        fitting.extend(read);
        Ok(fitting)
    }

    fn read_segments(&self, places: &[(usize, FoundRow)]) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        let mut of_source: Vec<Vec<FoundRow>> = vec![Vec::new(); self.sources.len()];
        for (index, row) in places {
            of_source[*index].push(*row);
        }
        if !self.is_cold() {
            let rows = self.sources.iter().zip(&of_source).flat_map(|(source, rows)| {
                rows.chunks(ROWS_OF_PART).map(|rows| (Arc::clone(source.stored), rows.to_vec()))
            });
            let helpers = cores().min(places.len() / ROWS_OF_THREAD).saturating_sub(1);
            let query = Arc::clone(self.query);
            let read = for_each_part(rows.collect(), helpers, move |(stored, rows)| {
                let mut fitting = Vec::with_capacity(rows.len());
                read_rows(&query, &stored, &rows, &mut fitting)?;
                Ok(fitting)
            })?;
            return Ok(read.into_iter().flatten().collect());
        }
        let parts: Vec<(&StoredSegment, &[FoundRow])> = self
            .sources
            .iter()
            .zip(&of_source)
            .flat_map(|(source, rows)| rows.chunks(COLD_ROWS_OF_THREAD).map(|rows| (&**source.stored, rows)))
            .collect();
        let helpers = COLD_THREADS.min(places.len() / COLD_ROWS_OF_THREAD).saturating_sub(1);
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<Arc<StoredEvent>>, StoreError> {
            let mut fitting = Vec::new();
            while let Some((stored, rows)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                read_rows(self.query, stored, rows, &mut fitting)?;
            }
            Ok(fitting)
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut fitting = work()?;
            for helper in helpers {
                // A defect in a helper is one here.
                fitting.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(fitting)
        })
    }
}

/// To ask the system costs as much as some records.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

fn read_rows(
    query: &EventQuery,
    stored: &StoredSegment,
    rows: &[FoundRow],
    fitting: &mut Vec<Arc<StoredEvent>>,
) -> Result<(), StoreError> {
    let numbers: Vec<u32> = rows.iter().map(|row| row.row).collect();
    let records = stored.segment()?.records(&numbers).map_err(stored.failed())?;
    for (row, record) in rows.iter().zip(records) {
        let event = event(row.sequence, record)?;
        if query.fits(&event) {
            fitting.push(Arc::new(event));
        }
    }
    Ok(())
}

/// Reads of segments that had to wait for the bucket, of all searches.
fn misses(sources: &[Source<'_>]) -> u64 {
    sources.iter().find_map(|source| source.stored.bucket_misses()).unwrap_or_default()
}

impl Source<'_> {
    fn is_unasked_in_bucket(&self) -> bool {
        self.rows.is_none() && self.left.is_some() && !self.stored.is_local()
    }

    fn is_unasked_file(&self) -> bool {
        self.rows.is_none() && self.left.is_some() && self.ahead.is_empty() && self.stored.is_local()
    }

    /// Asks the segment for more places, none of them behind `enough`.
    fn refill(
        &mut self,
        query: &EventQuery,
        facts: &[Fact<'_>],
        texts: &[&str],
        enough: Option<Rank>,
    ) -> Result<(), StoreError> {
        let order = query.order;
        let Some(range) = self.left.take() else { return Ok(()) };
        let (asked, behind) = divide(order, range, enough);
        let mut rows = match self.rows.take() {
            Some(rows) => rows,
            None => {
                let wanted = Wanted {
                    facts,
                    texts,
                    class_test: query.class_test.as_deref().map(|test| test as &IndexTest<'_>),
                    caller_test: query.caller_test.as_deref().map(|test| test as &IndexTest<'_>),
                };
                self.stored.segment()?.rows(&wanted).map_err(self.stored.failed())?
            }
        };
        let (ahead, at_once) = (&mut self.ahead, self.at_once);
        let visited = rows.visit::<SegmentError>(order == Order::NewestFirst, asked, |row| {
            ahead.push_back(row);
            Ok(ahead.len() < at_once)
        });
        visited.map_err(self.stored.failed())?;
        self.left = behind;
        if self.ahead.len() >= at_once
            && let Some(last) = self.ahead.back()
        {
            let position = Position { event_time: EventTime::from_seconds(last.seconds), sequence: last.sequence };
            self.left = match order {
                Order::NewestFirst => position
                    .key_before()
                    .map(|(time, sequence)| (range.0, (time.as_micros().div_euclid(1_000_000), sequence))),
                Order::OldestFirst => Some(((last.seconds, last.sequence.saturating_add(1)), range.1)),
            };
        }
        self.at_once = (self.at_once * 2).min(PLACES_AT_ONCE.max(self.at_once));
        self.rows = Some(rows);
        Ok(())
    }
}

/// Divides what is left of a key range into what is not behind a place, at least the best of it, and what is.
fn divide(order: Order, (low, high): KeyRange, place: Option<Rank>) -> (KeyRange, Option<KeyRange>) {
    match (order, place) {
        (Order::NewestFirst, Some(Rank(seconds, sequence))) if low < (seconds, sequence) => {
            let from = high.min((seconds, sequence));
            ((from, high), key_before(from).map(|end| (low, end)))
        }
        (Order::OldestFirst, Some(Rank(seconds, sequence))) if (!seconds, !sequence) < high => {
            let end = low.max((!seconds, !sequence));
            ((low, end), Some(((end.0, end.1.saturating_add(1)), high)))
        }
        _ => ((low, high), None),
    }
}

/// The key before another; `None` before the first.
fn key_before((seconds, sequence): (i64, u64)) -> Option<(i64, u64)> {
    match sequence.checked_sub(1) {
        Some(sequence) => Some((seconds, sequence)),
        None => Some((seconds.checked_sub(1)?, u64::MAX)),
    }
}

/// An event whose record was read back.
pub(crate) fn event(sequence: u64, record: Vec<u8>) -> Result<StoredEvent, StoreError> {
    let index = LookupIndex::derive(&record)?;
    Ok(StoredEvent { sequence, index, record: Bytes::from(record) })
}

/// What a query says that segments can leave rows out by.
fn facts(query: &EventQuery) -> Vec<Fact<'_>> {
    let mut facts: Vec<Fact<'_>> = query
        .attributes
        .iter()
        .map(|attribute| match attribute {
            AttributeFilter::EventId(text) => Fact::EventId(text),
            AttributeFilter::EventName(text) => Fact::EventName(text),
            AttributeFilter::ReadOnly(truth) => Fact::ReadOnly(*truth),
            AttributeFilter::Username(text) => Fact::Username(text),
            AttributeFilter::ResourceType(text) => Fact::ResourceType(text),
            AttributeFilter::ResourceName(text) => Fact::ResourceName(text),
            AttributeFilter::EventSource(text) => Fact::EventSource(text),
            AttributeFilter::AccessKeyId(text) => Fact::AccessKeyId(text),
            AttributeFilter::SourceIp(text) => Fact::SourceIp(text),
        })
        .collect();
    facts.extend(query.account.as_ref().map(|account| Fact::Account(account.as_str())));
    facts.extend(query.region.as_ref().map(|region| Fact::Region(region.as_str())));
    if let [category] = &query.categories[..] {
        facts.push(Fact::Category(category.as_str()));
    }
    facts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{ASKED_AT_ONCE_MAX, ASKED_AT_ONCE_MIN, Answers, RECORDS_AT_ONCE, divide, more_at_once, rank};
    use crate::query::Order;

    proptest! {
        /// What is asked for and what is left are all keys, each once; and something is asked for.
        #[test]
        fn a_range_is_divided_at_a_place(
            keys in prop::array::uniform2((0..4_i64, 0..4_u64)),
            place in prop::option::of((0..4_i64, 0..4_u64)),
            is_newest_first: bool,
        ) {
            let (low, high) = (keys[0].min(keys[1]), keys[0].max(keys[1]));
            let order = if is_newest_first { Order::NewestFirst } else { Order::OldestFirst };
            let rank_of = |(seconds, sequence)| rank(order, seconds, sequence);
            let (asked, left) = divide(order, (low, high), place.map(rank_of));
            let is_in = |range: ((i64, u64), (i64, u64)), key| range.0 <= key && key <= range.1;
            let best = if is_newest_first { high } else { low };
            prop_assert!(is_in(asked, best));
            for key in (0..4).flat_map(|seconds| (0..5).map(move |sequence| (seconds, sequence))) {
                let is_left = left.is_some_and(|left| is_in(left, key));
                prop_assert_eq!(is_in((low, high), key), is_in(asked, key) ^ is_left);
                prop_assert!(!(is_in(asked, key) && is_left));
                let is_behind = place.is_some_and(|place| rank_of(key) < rank_of(place));
                prop_assert!(!is_in(asked, key) || !is_behind || key == best);
                prop_assert!(!is_left || is_behind);
            }
        }
    }

    #[test]
    fn many_segments_are_asked_at_once_where_answers_are_slow_and_rows_few() {
        let segments_for =
            |segments, rows, micros| Answers { segments, rows, time: Duration::from_micros(micros) }.segments_for(51);
        assert_eq!(segments_for(1, 0, 3_000), 1, "too early to tell");
        assert_eq!(segments_for(20, 0, 40), 1, "quick answers");
        assert_eq!(segments_for(20, 50, 2_000), 1, "nearly all is there");
        assert_eq!(segments_for(10, 30, 2_000), 7);
        assert_eq!(segments_for(10, 0, 1_900), ASKED_AT_ONCE_MAX);
        assert_eq!(segments_for(2, 0, 2_000), ASKED_AT_ONCE_MIN, "costly answers");
        assert_eq!(segments_for(10, 0, 2_000), 10);
        assert_eq!(segments_for(300, 0, 600_000), ASKED_AT_ONCE_MAX);
        assert_eq!(segments_for(20, 20, 40_000), 20);
    }

    /// A search that came to read none at all took that for the end of the history, after some hundred thousand records.
    #[test]
    fn a_long_search_never_comes_to_read_nothing() {
        for limit in [1, 2, 51, 501, RECORDS_AT_ONCE] {
            let mut wanted = limit;
            for step in 0..1_000 {
                wanted = more_at_once(wanted);
                assert!((1..=RECORDS_AT_ONCE).contains(&wanted), "{wanted} at step {step} from {limit}");
            }
        }
    }
}
