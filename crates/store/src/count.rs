//! Numbers of events: in all, by the values of a field, by time.
//!
//! Where everything that is asked is decided by what events share, as with most questions, segments are counted without
//! reading a record, on all cores. Else the records are read and looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{EventTime, LookupIndex};
use segment::{IndexTest, SharedPart, Wanted};

use crate::StoreError;
use crate::memtable::Memtable;
use crate::query::{EventQuery, Scan, StoredEvent};
use crate::search::search;
use crate::segment_file::StoredSegment;

/// Events that are read at once where records must be.
const EVENTS_AT_ONCE: usize = 4096;

/// A field that events are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountField {
    /// `eventName`.
    EventName,
    /// `eventSource`.
    EventSource,
    /// `readOnly`.
    ReadOnly,
    /// `errorCode`.
    ErrorCode,
    /// `awsRegion`.
    Region,
    /// Account of the record.
    Account,
    /// Category.
    Category,
    /// Name of the caller.
    Username,
    /// Access key of the caller.
    AccessKeyId,
    /// `sourceIPAddress`.
    SourceIp,
}

impl CountField {
    fn part(self) -> SharedPart {
        match self {
            Self::Username | Self::AccessKeyId => SharedPart::Caller,
            Self::SourceIp => SharedPart::Address,
            _ => SharedPart::Class,
        }
    }

    /// The value of an event; `None` where it has none.
    pub fn value(self, index: &LookupIndex) -> Option<String> {
        let text = match self {
            Self::EventName => Some(index.event_name.as_str()),
            Self::EventSource => Some(index.event_source.as_str()),
            Self::ReadOnly => index.read_only.map(|read_only| if read_only { "true" } else { "false" }),
            Self::ErrorCode => index.error_code.as_deref(),
            Self::Region => index.region.as_deref(),
            Self::Account => index.account.as_deref(),
            Self::Category => Some(index.category.as_str()),
            Self::Username => index.username.as_deref(),
            Self::AccessKeyId => index.access_key_id.as_deref(),
            Self::SourceIp => index.source_ip.as_deref(),
        };
        text.map(str::to_owned)
    }
}

/// What is counted.
#[derive(Debug, Clone)]
pub struct CountQuery {
    /// The events; direction, place and limit mean nothing here.
    pub events: EventQuery,
    /// Whether the query's tests of classes and callers, with its times, decide all of it.
    pub is_decided_by_tests: bool,
    /// By which field.
    pub by: Option<CountField>,
    /// By intervals of so many seconds, above 0, which begin at multiples of them.
    pub interval_seconds: Option<i64>,
}

/// Numbers of events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// All.
    pub total: u64,
    /// By value; `None` for events without one.
    pub by_value: BTreeMap<Option<String>, u64>,
    /// By the start of an interval, seconds since 1970; intervals without events are not there.
    pub by_time: BTreeMap<i64, u64>,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        for (value, count) in other.by_value {
            *self.by_value.entry(value).or_default() += count;
        }
        for (time, count) in other.by_time {
            *self.by_time.entry(time).or_default() += count;
        }
    }

    fn add_event(&mut self, query: &CountQuery, event: &StoredEvent) {
        self.total += 1;
        if let Some(field) = query.by {
            *self.by_value.entry(field.value(&event.index)).or_default() += 1;
        }
        if let Some(interval) = query.interval_seconds.filter(|interval| *interval > 0) {
            let seconds = event.index.event_time.as_seconds();
            *self.by_time.entry(seconds.div_euclid(interval) * interval).or_default() += 1;
        }
    }
}

pub(crate) fn count<'a>(
    query: &CountQuery,
    memtables: impl Iterator<Item = &'a Arc<Memtable>>,
    segments: &[Arc<StoredSegment>],
) -> Result<Counts, StoreError> {
    if !query.is_decided_by_tests {
        return count_records(query, memtables, segments);
    }
    let events = EventQuery { after: None, limit: usize::MAX, ..query.events.clone() };
    let scan = Scan::new(&events);
    let mut counts = Counts::default();
    for memtable in memtables {
        memtable.scan(&scan).iter().for_each(|event| counts.add_event(query, event));
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        while let Some(stored) = segments.get(next.fetch_add(1, Ordering::Relaxed)) {
            counts.add(count_segment(query, stored)?);
        }
        Ok(counts)
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(segments.len());
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        counts.add(work()?);
        for helper in helpers {
            // A defect in a helper is one here.
            counts.add(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(counts)
    })
}

fn count_segment(query: &CountQuery, stored: &StoredSegment) -> Result<Counts, StoreError> {
    let seconds = |time: EventTime| time.as_micros().div_euclid(1_000_000);
    let (earliest, latest) = stored.time_range();
    let (start, end) = (query.events.start, query.events.end);
    if latest < start || earliest > end || !stored.may_have(&query.events.categories) {
        return Ok(Counts::default());
    }
    let events = &query.events;
    let wanted = Wanted {
        class_test: events.class_test.as_deref().map(|test| test as &IndexTest<'_>),
        caller_test: events.caller_test.as_deref().map(|test| test as &IndexTest<'_>),
        ..Wanted::default()
    };
    // Times have whole seconds; one within a second leaves out that second at the start.
    let first = seconds(start) + i64::from(start.as_micros().rem_euclid(1_000_000) > 0);
    let range = ((first.max(stored.kept_from()), 0), (seconds(end), u64::MAX));
    let tallied = stored
        .segment()?
        .rows(&wanted)
        .and_then(|rows| rows.tally(range, query.by.map(CountField::part), query.interval_seconds))
        .map_err(stored.failed())?;
    let mut counts = Counts { total: tallied.total, by_time: tallied.by_time, ..Counts::default() };
    if let Some(field) = query.by {
        for (index, count) in tallied.by_part {
            *counts.by_value.entry(field.value(&index)).or_default() += count;
        }
    }
    Ok(counts)
}

fn count_records<'a>(
    query: &CountQuery,
    memtables: impl Iterator<Item = &'a Arc<Memtable>>,
    segments: &[Arc<StoredSegment>],
) -> Result<Counts, StoreError> {
    let memtables: Vec<&Arc<Memtable>> = memtables.collect();
    let mut events = EventQuery { after: None, limit: EVENTS_AT_ONCE, ..query.events.clone() };
    let mut counts = Counts::default();
    loop {
        let page = search(&Arc::new(events.clone()), memtables.iter().copied(), segments, None)?;
        page.events.iter().for_each(|event| counts.add_event(query, event));
        match page.next {
            Some(next) => events.after = Some(next),
            None => return Ok(counts),
        }
    }
}
