//! `LookupEvents`: from a checked request to a page of the history.

use api::ApiError;
use api::lookup_events::{
    Category, Event, HISTORY_SECONDS, LookupEventsInput, LookupEventsOutput, LookupEventsRequest, Resource,
};
use model::{AccountId, EventCategory, EventTime, InsightSubject, LookupResource, Region, Text};

use crate::history::{EventHistory, HistoryError, HistoryEvent, HistoryQuery};
use crate::page_token::{PageToken, PageTokenKey, QueryDigest};

/// Who asks, and where.
#[derive(Debug, Clone)]
pub struct LookupScope {
    /// Account of the caller: only its records are seen.
    pub account: AccountId,
    /// Region of the credential scope: only its records are seen.
    pub region: Region,
}

/// The time range and place of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start: EventTime,
    end: EventTime,
}

/// Answers a request.
///
/// # Errors
/// A broken bound, a token that does not fit, or a history that cannot be read.
pub(crate) async fn lookup_events(
    history: &dyn EventHistory,
    token_key: &PageTokenKey,
    includes_data_events: bool,
    scope: &LookupScope,
    input: LookupEventsInput,
    now: EventTime,
) -> Result<LookupEventsOutput, ApiError> {
    let request = input.check()?;
    let digest = QueryDigest::new(&request, scope.account, &scope.region);
    let token = request.next_token.as_deref().map(|text| read_token(text, token_key, digest)).transpose()?;
    let window = window(&request, token.as_ref(), now);

    let nothing = LookupEventsOutput { events: Vec::new(), next_token: None };
    if window.start > window.end {
        return Ok(nothing);
    }
    let categories = match request.category {
        Category::Insight => vec![EventCategory::Insight],
        Category::Management if includes_data_events => vec![EventCategory::Management, EventCategory::Data],
        Category::Management => vec![EventCategory::Management],
    };
    let query = HistoryQuery {
        account: scope.account,
        region: scope.region.clone(),
        categories,
        attribute: request.attribute,
        start: window.start,
        end: window.end,
        after: token.map(|token| token.after),
        limit: request.max_results,
    };
    let page = history.page(query).await.map_err(report)?;
    let next_token = page.next.map(|after| PageToken { query: digest, end: window.end, after }.encode(token_key));
    Ok(LookupEventsOutput { events: page.events.into_iter().map(render).collect::<Result<_, _>>()?, next_token })
}

fn read_token(text: &str, key: &PageTokenKey, query: QueryDigest) -> Result<PageToken, ApiError> {
    let token = PageToken::decode(text, key).map_err(|_| ApiError::NextToken)?;
    if token.query == query { Ok(token) } else { Err(ApiError::NextToken) }
}

/// The history reaches back 90 days: what was asked before that is clipped, not refused. Without an end, the end is the
/// time of the call that made the first page.
fn window(request: &LookupEventsRequest, token: Option<&PageToken>, now: EventTime) -> Window {
    let earliest = EventTime::from_micros(now.as_micros().saturating_sub(HISTORY_SECONDS * 1_000_000));
    let start = request.start_time.map_or(earliest, |start| start.max(earliest));
    let end = token.map(|token| token.end).or(request.end_time).unwrap_or(now);
    Window { start, end }
}

fn render(event: HistoryEvent) -> Result<Event, ApiError> {
    let HistoryEvent { mut index, record } = event;
    if index.category == EventCategory::Insight
        && let Some(subject) = InsightSubject::read(&record)
    {
        (index.event_name, index.event_source) = (subject.event_name.into(), subject.event_source.into());
    }
    let cloud_trail_event = String::from_utf8(record.into()).map_err(|_| {
        tracing::error!(event_id = index.event_id.as_str(), "a stored record is not UTF-8");
        ApiError::Internal
    })?;
    Ok(Event {
        event_id: given(index.event_id),
        event_name: given(index.event_name),
        read_only: index.read_only.map(|read_only| read_only.to_string()),
        access_key_id: index.access_key_id.map(Text::into_string),
        event_time: index.event_time,
        event_source: given(index.event_source),
        username: index.username.map(Text::into_string),
        resources: index.resources.into_iter().map(resource).collect(),
        cloud_trail_event,
    })
}

/// Absent members are left out, never empty.
fn given(text: Text) -> Option<String> {
    Some(text.into_string()).filter(|text| !text.is_empty())
}

fn resource(found: LookupResource) -> Resource {
    Resource {
        resource_type: found.resource_type.map(Text::into_string),
        resource_name: found.resource_name.into_string(),
    }
}

/// The caller learns whether to try again, the log learns why.
fn report(error: HistoryError) -> ApiError {
    let chain = error_chain(&error);
    match error {
        HistoryError::Unavailable(_) => {
            tracing::warn!(error = chain, "LookupEvents could not read the history");
            ApiError::Unavailable
        }
        HistoryError::Failed(_) => {
            tracing::error!(error = chain, "LookupEvents could not read the history");
            ApiError::Internal
        }
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
