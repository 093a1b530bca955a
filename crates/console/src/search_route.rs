//! `POST /api/v1/events/search`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use control::Position;
use control::authentication::View;
use http::StatusCode;
use model::EventTime;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::archive::{ArchiveError, ArchiveQuery, ArchivedEvent, EventArchive};
use crate::cursor::Cursor;
use crate::refusal::Refusal;
use crate::router::Console;
use crate::search::{Filter, Search, SearchRequest};
use crate::signed::SignedCaller;

/// Most events read at once while searching.
const PAGE_EVENTS: usize = 500;
/// Most events read for one answer: a search that finds little answers what it has and a cursor, so that no call holds
/// the store for long. At some 2 KB a record that is about 40 MB.
const SCANNED_EVENTS_MAX: usize = 20_000;

/// A page of records.
#[derive(Debug, Serialize)]
struct FoundEvents {
    /// The records, each as stored.
    events: Vec<Box<RawValue>>,
    /// What the next call gives as its `cursor`; absent when everything was looked at. It may be there although no
    /// event was found yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) async fn search(
    State(console): State<Console>,
    Extension(caller): Extension<SignedCaller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let search = read(&body, caller)?;
    let plan = plan(search, console.now())?;
    let found = find(&**console.archive(), plan).await.map_err(|error| Refusal::of_archive(&error))?;
    Ok(Json(found).into_response())
}

fn read(body: &[u8], caller: SignedCaller) -> Result<Search, Refusal> {
    let body = match body.trim_ascii() {
        [] => b"{}",
        // Serde would take a list for the members in their order, which nobody means.
        [b'{', ..] => body,
        _ => return Err(Refusal::of_body(&"expected one JSON object")),
    };
    let request: SearchRequest = serde_json::from_slice(body).map_err(|error| Refusal::of_body(&error))?;
    let mut search = request.check().map_err(|error| Refusal::of_search(&error))?;
    restrict(&mut search.filter, caller)?;
    Ok(search)
}

/// A caller sees the records of their own account, and the installation's root user those of all: what was imported may
/// be of any number of accounts, and calls through the gateway as well.
pub(crate) fn restrict(filter: &mut Filter, caller: SignedCaller) -> Result<(), Refusal> {
    match caller.view {
        View::AllAccounts => Ok(()),
        View::OwnAccount if filter.account.is_some_and(|asked| asked != caller.account) => {
            Err(Refusal::foreign_account())
        }
        View::OwnAccount => {
            filter.account = Some(caller.account);
            Ok(())
        }
    }
}

/// A search with its time range and place.
struct Plan {
    query: ArchiveQuery,
    limit: usize,
}

/// Refuses a range that ends before it begins: an empty answer would say that nothing happened.
pub(crate) fn check_range(start: EventTime, end: EventTime) -> Result<(), Refusal> {
    if start <= end {
        return Ok(());
    }
    let message = format!("The search ends before it begins: since is {start}, until is {end}.");
    Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidSearch", message))
}

fn plan(search: Search, now: EventTime) -> Result<Plan, Refusal> {
    let (start, end, after, order) = match &search.cursor {
        Some(text) => {
            let cursor = Cursor::decode(text).filter(|cursor| cursor.order == search.order);
            let cursor = cursor.ok_or_else(Refusal::cursor)?;
            (cursor.start, cursor.end, Some(cursor.after), cursor.order)
        }
        None => {
            let start = search.since.map_or(EventTime::from_micros(i64::MIN), |since| since.resolve(now));
            let end = search.until.map_or(now, |until| until.resolve(now));
            check_range(start, end)?;
            (start, end, None, search.order)
        }
    };
    // No more than the answer shows: of what is rare, more may be in parts of the history that nobody needs to look into.
    let asked = search.limit.min(PAGE_EVENTS);
    let query = ArchiveQuery { filter: Arc::new(search.filter), start, end, order, after, limit: asked };
    Ok(Plan { query, limit: search.limit })
}

async fn find(archive: &dyn EventArchive, plan: Plan) -> Result<FoundEvents, ArchiveError> {
    let Plan { mut query, limit } = plan;
    let mut events = Vec::new();
    let mut scanned = 0;
    let cursor = |query: &ArchiveQuery, after: Position| {
        Cursor { order: query.order, start: query.start, end: query.end, after }.encode()
    };
    loop {
        let page = archive.page(query.clone()).await?;
        let (scanned_before, found_before) = (scanned, events.len());
        let mut page_events = page.events.into_iter();
        while let Some(event) = page_events.next() {
            scanned += 1;
            if !query.filter.fits(&event.index, &event.record) {
                continue;
            }
            let position = event.position;
            events.push(raw(event)?);
            if events.len() == limit {
                let has_more = page_events.len() > 0 || page.next.is_some();
                return Ok(FoundEvents { events, next: has_more.then(|| cursor(&query, position)) });
            }
        }
        let Some(next) = page.next else { return Ok(FoundEvents { events, next: None }) };
        if scanned >= SCANNED_EVENTS_MAX {
            return Ok(FoundEvents { events, next: Some(cursor(&query, next)) });
        }
        query.after = Some(next);
        let all_fit = scanned - scanned_before == events.len() - found_before;
        // An archive that gives others as well is asked for many, and one that need not for what is missing.
        query.limit = if all_fit { (limit - events.len()).min(PAGE_EVENTS) } else { PAGE_EVENTS };
    }
}

/// The stored text, checked to be one JSON value so that the answer as a whole is JSON.
fn raw(event: ArchivedEvent) -> Result<Box<RawValue>, ArchiveError> {
    let text = String::from_utf8(event.record.into()).map_err(|error| ArchiveError(Box::new(error)))?;
    RawValue::from_string(text).map_err(|error| ArchiveError(Box::new(error)))
}
