//! The event history, as `LookupEvents` needs it.

use api::lookup_events::Attribute;
use async_trait::async_trait;
use bytes::Bytes;
use model::{AccountId, EventCategory, EventTime, LookupIndex, Region};

/// Stored events, newest first.
#[async_trait]
pub trait EventHistory: Send + Sync + 'static {
    /// One page of the events that fit, newest event time first, and within one second in a stable order of the
    /// history's own choice.
    ///
    /// Sees every event that was durable when the call began. May be called at the same time from many tasks, may be
    /// dropped at any point, and changes nothing. Page after page of one query neither repeats nor skips an event that
    /// was there when the first page was made.
    ///
    /// # Errors
    /// See [`HistoryError`].
    async fn page(&self, query: HistoryQuery) -> Result<HistoryPage, HistoryError>;
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only records of this account.
    pub account: AccountId,
    /// Only records of this region.
    pub region: Region,
    /// Only records of these categories.
    pub categories: Vec<EventCategory>,
    /// Only records that this attribute fits, exactly.
    pub attribute: Option<Attribute>,
    /// Earliest event time, inclusive.
    pub start: EventTime,
    /// Latest event time, inclusive.
    pub end: EventTime,
    /// Only events that come after this position, in the order of the history.
    pub after: Option<Position>,
    /// Most events on the page, at least 1.
    pub limit: usize,
}

/// A place between two events of the history, which stays valid across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Time of the last event before the place.
    pub event_time: EventTime,
    /// What orders it among the events of the same time; means something to the history alone.
    pub tie_break: u64,
}

/// Some events, and where the next ones are.
#[derive(Debug, Clone, Default)]
pub struct HistoryPage {
    /// Newest first; at most the limit of the query.
    pub events: Vec<HistoryEvent>,
    /// Where to go on; `None` when nothing more fits the query.
    pub next: Option<Position>,
}

/// An event with what was derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// What is looked up in the record.
    pub index: LookupIndex,
    /// The record as stored: UTF-8 JSON on one line.
    pub record: Bytes,
}

/// Why the history gave no page.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Not able to serve right now; the caller may try again.
    #[error("the event history cannot be read right now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stored data cannot be read, or a defect of ours.
    #[error("the event history failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
