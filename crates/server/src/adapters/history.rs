//! The store, as the gateway, the API and the console ask it.

use std::sync::Arc;

use api::lookup_events::{Attribute, AttributeKey};
use async_trait::async_trait;
use console::search::text::{Field, Term};
use console::search::{Filter, Order as SearchOrder};
use console::{
    ArchiveCounts, ArchiveError, ArchivePage, ArchiveQuery, ArchiveStatus, ArchivedEvent, CountRequest, EventArchive,
};
use control::{EventHistory, HistoryError, HistoryEvent, HistoryPage, HistoryQuery, Position};
use gateway::{EntryKind, EventSink, NoteId, SinkEntry, SinkError};
use model::{EventCategory, InsightSubject, LookupIndex};
use store::query::{Condition, Order};
use store::{
    AttributeFilter, Committed, CountField, CountQuery, Counts, EventQuery, EventStore, NewRecord, RecordKind,
    SharedTest, StoreError, StoredEvent,
};

/// The store behind the traits of others.
#[derive(Clone)]
pub(crate) struct StoreAdapter(pub(crate) EventStore);

#[async_trait]
impl EventSink for StoreAdapter {
    async fn commit(&self, entries: Vec<SinkEntry>) -> Vec<Result<Option<NoteId>, SinkError>> {
        let outcomes = self.0.commit(entries.into_iter().map(new_record).collect()).await;
        let name = |committed| match committed {
            Committed::Note(note) => Some(NoteId(note.0)),
            Committed::Event(_) => None,
        };
        outcomes.into_iter().map(|outcome| outcome.map(name).map_err(|error| sink_error(&error))).collect()
    }
}

fn new_record(entry: SinkEntry) -> NewRecord {
    NewRecord {
        record: entry.record,
        kind: match entry.kind {
            EntryKind::Note => RecordKind::Note,
            EntryKind::Event(index) => RecordKind::Event(Some(index)),
        },
        supersedes: entry.supersedes.map(|note| store::NoteId(note.0)),
    }
}

fn sink_error(error: &StoreError) -> SinkError {
    let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    SinkError { reason: format!("{error}{cause}") }
}

#[async_trait]
impl EventHistory for StoreAdapter {
    async fn page(&self, query: HistoryQuery) -> Result<HistoryPage, HistoryError> {
        let is_of_insights = query.categories == [EventCategory::Insight];
        let (attribute, condition) = match query.attribute {
            Some(wanted) if is_of_insights => of_insights(wanted),
            wanted => (wanted.and_then(attribute), None),
        };
        let query = EventQuery {
            account: Some(query.account),
            region: Some(query.region),
            categories: query.categories,
            attributes: attribute.into_iter().collect(),
            condition,
            start: query.start,
            end: query.end,
            order: Order::NewestFirst,
            after: query.after.map(from_position),
            limit: query.limit,
            ..EventQuery::default()
        };
        let page = self.0.lookup(query).await.map_err(history_error)?;
        Ok(HistoryPage {
            events: page.events.iter().map(|event| history_event(event)).collect(),
            next: page.next.map(to_position),
        })
    }
}

/// A bucket of segments that does not serve now may do so when the caller tries again.
fn history_error(error: StoreError) -> HistoryError {
    if error.is_passing() { HistoryError::Unavailable(error.into()) } else { HistoryError::Failed(error.into()) }
}

fn attribute(attribute: Attribute) -> Option<AttributeFilter> {
    let value = attribute.value;
    Some(match attribute.key {
        AttributeKey::EventId => AttributeFilter::EventId(value),
        AttributeKey::EventName => AttributeFilter::EventName(value),
        AttributeKey::ReadOnly => AttributeFilter::ReadOnly(value == "true"),
        AttributeKey::Username => AttributeFilter::Username(value),
        AttributeKey::ResourceType => AttributeFilter::ResourceType(value),
        AttributeKey::ResourceName => AttributeFilter::ResourceName(value),
        AttributeKey::EventSource => AttributeFilter::EventSource(value),
        AttributeKey::AccessKeyId => AttributeFilter::AccessKeyId(value),
    })
}

/// Insights events have operation and service in their details only, where the store does not look: they are few, so that
/// each can be read.
fn of_insights(wanted: Attribute) -> (Option<AttributeFilter>, Option<Condition>) {
    let value = wanted.value;
    let condition: Condition = match wanted.key {
        AttributeKey::EventName => {
            Arc::new(move |_, record| InsightSubject::read(record).is_some_and(|subject| subject.event_name == value))
        }
        AttributeKey::EventSource => {
            Arc::new(move |_, record| InsightSubject::read(record).is_some_and(|subject| subject.event_source == value))
        }
        key => return (attribute(Attribute { key, value }), None),
    };
    (None, Some(condition))
}

fn from_position(position: Position) -> store::Position {
    store::Position { event_time: position.event_time, sequence: position.tie_break }
}

fn to_position(position: store::Position) -> Position {
    Position { event_time: position.event_time, tie_break: position.sequence }
}

fn history_event(event: &StoredEvent) -> HistoryEvent {
    HistoryEvent { index: event.index.clone(), record: event.record.clone() }
}

#[async_trait]
impl EventArchive for StoreAdapter {
    async fn page(&self, query: ArchiveQuery) -> Result<ArchivePage, ArchiveError> {
        let query = EventQuery {
            start: query.start,
            end: query.end,
            order: match query.order {
                SearchOrder::NewestFirst => Order::NewestFirst,
                SearchOrder::OldestFirst => Order::OldestFirst,
            },
            after: query.after.map(from_position),
            limit: query.limit,
            ..event_query(&query.filter)
        };
        let page = self.0.lookup(query).await.map_err(archive_error)?;
        Ok(ArchivePage {
            events: page.events.iter().map(|event| archived(event)).collect(),
            next: page.next.map(to_position),
        })
    }

    async fn count(&self, request: CountRequest) -> Result<ArchiveCounts, ArchiveError> {
        let filter = &request.filter;
        let is_decided_by_tests = filter.is_of_kind_and_caller();
        let mut events = EventQuery { start: request.start, end: request.end, ..event_query(filter) };
        if is_decided_by_tests {
            events.class_test = Some(shared_test(filter, Filter::fits_kind));
            // A test that everyone passes costs a look at each caller.
            let has_caller = filter.user_name.is_some() || filter.access_key_id.is_some() || filter.has_caller_terms();
            events.caller_test = has_caller.then(|| shared_test(filter, Filter::fits_caller));
        }
        let query = CountQuery {
            events,
            is_decided_by_tests,
            by: request.by.map(count_field),
            interval_seconds: request.interval_seconds,
        };
        let Counts { total, by_value, by_time } = self.0.count(query).await.map_err(archive_error)?;
        Ok(ArchiveCounts { total, by_value, by_time })
    }

    async fn arrived_after(&self, sequence: u64, limit: usize) -> Result<Vec<ArchivedEvent>, ArchiveError> {
        let events = self.0.after_sequence(sequence, limit).await.map_err(archive_error)?;
        Ok(events.iter().map(|event| archived(event)).collect())
    }

    fn newest_sequence(&self) -> u64 {
        self.0.newest_sequence()
    }

    async fn arrival_after(&self, sequence: u64) {
        self.0.arrival_after(sequence).await;
    }

    async fn status(&self) -> Result<ArchiveStatus, ArchiveError> {
        let status = self.0.status();
        Ok(ArchiveStatus {
            newest_sequence: status.newest_sequence,
            backlog_events: status.unsealed_events,
            journal_bytes: status.journal_bytes,
            segment_bytes: status.segment_bytes,
            open_notes: status.pending_notes,
            history_days: status.retention_days,
        })
    }
}

/// Everything that a filter says, as the store asks it.
fn event_query(filter: &Arc<Filter>) -> EventQuery {
    let condition = Arc::clone(filter);
    EventQuery {
        account: filter.account,
        region: filter.region.clone(),
        categories: filter.category.into_iter().collect(),
        attributes: exact_values(filter),
        texts: filter.terms.iter().filter_map(Term::text).map(str::to_owned).collect(),
        class_test: filter.has_kind_conditions().then(|| shared_test(filter, Filter::fits_kind)),
        caller_test: filter.has_caller_conditions().then(|| shared_test(filter, Filter::fits_caller)),
        condition: Some(Arc::new(move |index, record| condition.fits(index, record))),
        ..EventQuery::default()
    }
}

fn count_field(field: console::CountField) -> CountField {
    use console::CountField as Asked;
    match field {
        Asked::EventName => CountField::EventName,
        Asked::EventSource => CountField::EventSource,
        Asked::ReadOnly => CountField::ReadOnly,
        Asked::ErrorCode => CountField::ErrorCode,
        Asked::Region => CountField::Region,
        Asked::Account => CountField::Account,
        Asked::Category => CountField::Category,
        Asked::UserName => CountField::Username,
        Asked::AccessKeyId => CountField::AccessKeyId,
        Asked::SourceIp => CountField::SourceIp,
    }
}

fn archive_error(error: StoreError) -> ArchiveError {
    ArchiveError(error.into())
}

fn shared_test(filter: &Arc<Filter>, fits: fn(&Filter, &LookupIndex) -> bool) -> SharedTest {
    let filter = Arc::clone(filter);
    Arc::new(move |index| fits(&filter, index))
}

/// The parts of a filter that the store can leave out segments by.
fn exact_values(filter: &Filter) -> Vec<AttributeFilter> {
    let name = match &filter.event_names[..] {
        [only] => only.as_exact().map(|name| AttributeFilter::EventName(name.to_owned())),
        _ => None,
    };
    let values = [
        name,
        filter.event_source.clone().map(AttributeFilter::EventSource),
        filter.user_name.clone().map(AttributeFilter::Username),
        filter.resource_name.clone().map(AttributeFilter::ResourceName),
        filter.resource_type.clone().map(AttributeFilter::ResourceType),
        filter.access_key_id.clone().map(AttributeFilter::AccessKeyId),
        filter.event_id.clone().map(AttributeFilter::EventId),
        filter.read_only.map(AttributeFilter::ReadOnly),
        filter.source_ip.clone().map(AttributeFilter::SourceIp),
    ];
    values.into_iter().flatten().chain(filter.terms.iter().filter_map(exact_term)).collect()
}

fn exact_term(term: &Term) -> Option<AttributeFilter> {
    let (field, text) = term.exact()?;
    let text = text.to_owned();
    Some(match field {
        Field::EventName => AttributeFilter::EventName(text),
        Field::EventSource => AttributeFilter::EventSource(text),
        Field::UserName => AttributeFilter::Username(text),
        Field::ResourceName => AttributeFilter::ResourceName(text),
        Field::ResourceType => AttributeFilter::ResourceType(text),
        Field::AccessKeyId => AttributeFilter::AccessKeyId(text),
        Field::EventId => AttributeFilter::EventId(text),
        Field::ReadOnly => AttributeFilter::ReadOnly(text.parse().ok()?),
        Field::SourceIp => AttributeFilter::SourceIp(text),
        Field::ErrorCode | Field::Region | Field::Account | Field::Category => return None,
    })
}

fn archived(event: &StoredEvent) -> ArchivedEvent {
    ArchivedEvent {
        sequence: event.sequence,
        position: to_position(event.position()),
        index: event.index.clone(),
        record: event.record.clone(),
    }
}
