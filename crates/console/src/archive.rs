//! What the console asks of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use control::Position;
use model::{EventTime, LookupIndex};
use serde::Serialize;

use crate::search::{Filter, Order};

/// Stored and arriving events.
///
/// Every event has a sequence number, given in the order in which events became durable, and a position in the order of
/// event times. Both stay the same across restarts.
#[async_trait]
pub trait EventArchive: Send + Sync + 'static {
    /// One page in the order of event times. Everything that fits the filter is on one of the pages; events that do not
    /// fit it may be as well, so whoever asks applies it again. A page may be empty and still have a next one.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    async fn page(&self, query: ArchiveQuery) -> Result<ArchivePage, ArchiveError>;

    /// Numbers of events that fit.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    async fn count(&self, request: CountRequest) -> Result<ArchiveCounts, ArchiveError>;

    /// The events that became durable after this sequence number, in the order of their numbers, at most `limit`. Empty
    /// when there is none.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    async fn arrived_after(&self, sequence: u64, limit: usize) -> Result<Vec<ArchivedEvent>, ArchiveError>;

    /// The sequence number of the newest durable event; 0 when there is none.
    fn newest_sequence(&self) -> u64;

    /// Waits until an event is durable whose number is higher than this. May be dropped at any point.
    async fn arrival_after(&self, sequence: u64);

    /// What the store holds and how it fares.
    ///
    /// # Errors
    /// See [`ArchiveError`].
    async fn status(&self) -> Result<ArchiveStatus, ArchiveError>;
}

/// Which events a page is made of.
#[derive(Debug, Clone)]
pub struct ArchiveQuery {
    /// What is looked for; an archive may use of it what makes it faster.
    pub filter: Arc<Filter>,
    /// Earliest event time, inclusive.
    pub start: EventTime,
    /// Latest event time, inclusive.
    pub end: EventTime,
    /// Direction of the pages.
    pub order: Order,
    /// Only events behind this position, in the direction of the pages.
    pub after: Option<Position>,
    /// Most events of the page, at least 1.
    pub limit: usize,
}

/// What is counted.
#[derive(Debug, Clone)]
pub struct CountRequest {
    /// What an event must fit.
    pub filter: Arc<Filter>,
    /// Earliest event time, inclusive.
    pub start: EventTime,
    /// Latest event time, inclusive.
    pub end: EventTime,
    /// By which field.
    pub by: Option<CountField>,
    /// By intervals of so many seconds, above 0, which begin at multiples of them.
    pub interval_seconds: Option<i64>,
}

/// Numbers of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveCounts {
    /// All.
    pub total: u64,
    /// By value; `None` for events without one.
    pub by_value: BTreeMap<Option<String>, u64>,
    /// By the start of an interval, seconds since 1970.
    pub by_time: BTreeMap<i64, u64>,
}

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
    UserName,
    /// Access key of the caller.
    AccessKeyId,
    /// Address of the caller.
    SourceIp,
}

impl CountField {
    /// All fields, by the names that they have in searches.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("eventName", Self::EventName),
        ("eventSource", Self::EventSource),
        ("readOnly", Self::ReadOnly),
        ("errorCode", Self::ErrorCode),
        ("region", Self::Region),
        ("account", Self::Account),
        ("category", Self::Category),
        ("userName", Self::UserName),
        ("accessKeyId", Self::AccessKeyId),
        ("sourceIp", Self::SourceIp),
    ];

    /// The field of a name, in whatever case.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, field)| *field)
    }
}

/// Some events, and where the next ones are.
#[derive(Debug, Clone, Default)]
pub struct ArchivePage {
    /// In the direction of the query.
    pub events: Vec<ArchivedEvent>,
    /// Where to go on; `None` at the end.
    pub next: Option<Position>,
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct ArchivedEvent {
    /// Place in the order of durability.
    pub sequence: u64,
    /// Place in the order of event times.
    pub position: Position,
    /// What filters look at.
    pub index: LookupIndex,
    /// The record as stored: UTF-8 JSON on one line.
    pub record: Bytes,
}

/// State of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchiveStatus {
    /// Number of the newest durable event.
    pub newest_sequence: u64,
    /// Durable events that are not yet in a segment.
    pub backlog_events: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Bytes of all segments on disk.
    pub segment_bytes: u64,
    /// Calls whose outcome is still open.
    pub open_notes: u64,
    /// Days that events are kept.
    pub history_days: u32,
}

/// The store gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("the event archive cannot be read")]
pub struct ArchiveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
