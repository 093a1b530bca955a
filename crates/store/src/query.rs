//! What can be asked of the store, and what fits.
//!
//! One [`EventQuery::fits`] decides for memory and segments alike; segments only leave out what cannot fit.

use std::sync::Arc;

use bytes::Bytes;
use model::{AccountId, EventCategory, EventTime, LookupIndex, Region};

/// A durable event with what was derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number in the order of the journal, from 1 without a hole.
    pub sequence: u64,
    /// What it is looked up by.
    pub index: LookupIndex,
    /// The record as it was appended.
    pub record: Bytes,
}

impl StoredEvent {
    /// Its place in the order of event times.
    pub fn position(&self) -> Position {
        Position { event_time: whole_second(self.index.event_time), sequence: self.sequence }
    }
}

/// A place in the order of event times: whole seconds, then sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Event time in whole seconds.
    pub event_time: EventTime,
    /// Sequence number.
    pub sequence: u64,
}

impl Position {
    /// The largest key below this place.
    pub(crate) fn key_before(self) -> Option<(EventTime, u64)> {
        match self.sequence.checked_sub(1) {
            Some(sequence) => Some((self.event_time, sequence)),
            None => Some((EventTime::from_micros(self.event_time.as_micros().checked_sub(1)?), u64::MAX)),
        }
    }

    /// The smallest key above this place.
    pub(crate) fn key_behind(self) -> (EventTime, u64) {
        (self.event_time, self.sequence.saturating_add(1))
    }
}

/// Times are compared in the precision that records are written in.
pub(crate) fn whole_second(time: EventTime) -> EventTime {
    EventTime::from_seconds(time.as_seconds())
}

/// Direction of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Latest event time first.
    #[default]
    NewestFirst,
    /// Earliest event time first.
    OldestFirst,
}

/// An exact value of a searchable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeFilter {
    /// `eventID`.
    EventId(String),
    /// `eventName`.
    EventName(String),
    /// `readOnly`.
    ReadOnly(bool),
    /// Derived name of the caller.
    Username(String),
    /// Type of any resource.
    ResourceType(String),
    /// Name, id or ARN of any resource.
    ResourceName(String),
    /// `eventSource`.
    EventSource(String),
    /// Access key of the caller.
    AccessKeyId(String),
    /// `sourceIPAddress`.
    SourceIp(String),
}

impl AttributeFilter {
    /// Whether an event has this value.
    pub fn fits(&self, index: &LookupIndex) -> bool {
        match self {
            Self::EventId(id) => index.event_id == *id,
            Self::EventName(name) => index.event_name == *name,
            Self::ReadOnly(read_only) => index.read_only == Some(*read_only),
            Self::Username(name) => index.username.as_deref() == Some(name),
            Self::ResourceType(kind) => {
                index.resources.iter().any(|found| found.resource_type.as_deref() == Some(kind))
            }
            Self::ResourceName(name) => index.resources.iter().any(|found| found.resource_name == *name),
            Self::EventSource(source) => index.event_source == *source,
            Self::AccessKeyId(id) => index.access_key_id.as_deref() == Some(id),
            Self::SourceIp(ip) => index.source_ip.as_deref() == Some(ip),
        }
    }
}

/// A condition that the store cannot use to leave out segments, only to judge events by what they are looked up by and
/// the text of their record.
pub type Condition = Arc<dyn Fn(&LookupIndex, &[u8]) -> bool + Send + Sync>;

/// A condition on what many events share, by which whole groups of them are left out: it must hold for every event that
/// fits, and the query's own condition says so as well.
pub type SharedTest = Arc<dyn Fn(&LookupIndex) -> bool + Send + Sync>;

/// What is looked for. Everything that is set must fit.
#[derive(Clone)]
pub struct EventQuery {
    /// Only records of this account.
    pub account: Option<AccountId>,
    /// Only records of this region.
    pub region: Option<Region>,
    /// Only records of these categories; all when empty.
    pub categories: Vec<EventCategory>,
    /// Exact values, all of which an event must have.
    pub attributes: Vec<AttributeFilter>,
    /// Texts, all of which the record must have in it.
    pub texts: Vec<String>,
    /// What event name and source, read-only, category, error code, region and account must be.
    pub class_test: Option<SharedTest>,
    /// What the caller's name and access key must be.
    pub caller_test: Option<SharedTest>,
    /// Anything else.
    pub condition: Option<Condition>,
    /// Earliest event time, inclusive.
    pub start: EventTime,
    /// Latest event time, inclusive.
    pub end: EventTime,
    /// Direction.
    pub order: Order,
    /// Only events behind this place, in the direction of the query.
    pub after: Option<Position>,
    /// Most events of the page, at least 1.
    pub limit: usize,
}

impl std::fmt::Debug for EventQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventQuery")
            .field("account", &self.account)
            .field("region", &self.region)
            .field("categories", &self.categories)
            .field("attributes", &self.attributes)
            .field("texts", &self.texts)
            .field("has_condition", &self.condition.is_some())
            .field("start", &self.start)
            .field("end", &self.end)
            .field("order", &self.order)
            .field("after", &self.after)
            .field("limit", &self.limit)
            .finish()
    }
}

impl Default for EventQuery {
    /// Everything, newest first, 50 a page.
    fn default() -> Self {
        Self {
            account: None,
            region: None,
            categories: Vec::new(),
            attributes: Vec::new(),
            texts: Vec::new(),
            class_test: None,
            caller_test: None,
            condition: None,
            start: EventTime::from_micros(i64::MIN),
            end: EventTime::from_micros(i64::MAX),
            order: Order::NewestFirst,
            after: None,
            limit: 50,
        }
    }
}

impl EventQuery {
    /// Whether an event fits, its place aside.
    pub fn fits(&self, event: &StoredEvent) -> bool {
        let index = &event.index;
        self.account.is_none_or(|account| index.account.as_deref() == Some(account.as_str()))
            && self.region.as_ref().is_none_or(|region| index.region.as_deref() == Some(region.as_str()))
            && (self.categories.is_empty() || self.categories.contains(&index.category))
            && self.attributes.iter().all(|attribute| attribute.fits(index))
            && self.texts.iter().all(|text| memchr::memmem::find(&event.record, text.as_bytes()).is_some())
            && self.condition.as_ref().is_none_or(|condition| condition(index, &event.record))
    }
}

/// One page of a query.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In the direction of the query; at most its limit.
    pub events: Vec<Arc<StoredEvent>>,
    /// Where to go on; `None` when nothing more fits.
    pub next: Option<Position>,
}

/// A query as each source of events carries it out: one event more than the page shows tells whether there is a next.
pub(crate) struct Scan<'a> {
    pub(crate) query: &'a EventQuery,
    pub(crate) limit: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(query: &'a EventQuery) -> Self {
        Self { query, limit: query.limit.saturating_add(1) }
    }

    /// Lowest and highest key that may fit, both inclusive.
    pub(crate) fn key_range(&self) -> ((EventTime, u64), (EventTime, u64)) {
        // A record's time is its whole second, so a start inside a second leaves out that second.
        let start = self.query.start;
        let first = if whole_second(start) == start {
            start
        } else {
            EventTime::from_micros(whole_second(start).as_micros().saturating_add(1_000_000))
        };
        let (mut low, mut high) = ((first, 0), (self.query.end, u64::MAX));
        if let Some(after) = self.query.after {
            match self.query.order {
                Order::NewestFirst => {
                    let before = after.key_before().unwrap_or((EventTime::from_micros(i64::MIN), 0));
                    high = high.min(before);
                }
                Order::OldestFirst => low = low.max(after.key_behind()),
            }
        }
        (low, high)
    }
}

/// Joins what several sources found into a page.
pub(crate) fn join(query: &EventQuery, mut found: Vec<Arc<StoredEvent>>) -> Page {
    sort(query.order, &mut found);
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| has_more).map(|event| event.position());
    Page { events: found, next }
}

pub(crate) fn sort(order: Order, events: &mut [Arc<StoredEvent>]) {
    match order {
        Order::NewestFirst => events.sort_by_key(|event| std::cmp::Reverse(event.position())),
        Order::OldestFirst => events.sort_by_key(|event| event.position()),
    }
}
