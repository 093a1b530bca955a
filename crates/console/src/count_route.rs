//! `POST /api/v1/events/count`.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use model::EventTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::archive::{CountField, CountRequest};
use crate::refusal::Refusal;
use crate::router::Console;
use crate::search::SearchRequest;
use crate::search::moment::Moment;
use crate::search_route::{check_range, restrict};
use crate::signed::SignedCaller;

/// Values that are given when nothing is asked for, and at most.
const TOP_DEFAULT: usize = 100;
const TOP_MAX: usize = 10_000;
/// Intervals that are given at most.
const TIMES_MAX: usize = 100_000;

/// Numbers of events, as they travel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventCounts {
    /// All events that fit.
    pub total: u64,
    /// By the values of a field, where one was asked for: the most frequent first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<ValueCount>>,
    /// Events with values that are not listed, because there are more than were asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: u64,
    /// By time, where intervals were asked for, ascending; those without events are not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<TimeCount>>,
}

/// Events with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueCount {
    /// The value; null for events without one.
    pub value: Option<String>,
    /// How many.
    pub count: u64,
}

/// Events of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeCount {
    /// Its start, as in `2025-03-01T12:00:00Z`.
    pub start: String,
    /// How many.
    pub count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What is asked besides the search.
#[derive(Debug, Default, Deserialize)]
struct Grouping {
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    interval: Option<String>,
    #[serde(default)]
    top: Option<usize>,
}

pub(crate) async fn count(
    State(console): State<Console>,
    Extension(caller): Extension<SignedCaller>,
    body: Bytes,
) -> Result<Json<EventCounts>, Refusal> {
    let (request, grouping) = read(&body)?;
    let mut search = request.check().map_err(|error| Refusal::of_search(&error))?;
    restrict(&mut search.filter, caller)?;
    let top = grouping.top.unwrap_or(TOP_DEFAULT);
    if !(1..=TOP_MAX).contains(&top) {
        return Err(Refusal::of_count(&format_args!("top must be between 1 and {TOP_MAX}")));
    }
    let now = console.now();
    let (start, end) = (
        search.since.map_or(EventTime::from_micros(i64::MIN), |since| since.resolve(now)),
        search.until.map_or(now, |until| until.resolve(now)),
    );
    check_range(start, end)?;
    let request = CountRequest {
        filter: Arc::new(search.filter),
        start,
        end,
        by: grouping.by.as_deref().map(field).transpose()?,
        interval_seconds: grouping.interval.as_deref().map(interval).transpose()?,
    };
    let found = console.archive().count(request).await.map_err(|error| Refusal::of_archive(&error))?;
    let mut values: Vec<ValueCount> =
        found.by_value.into_iter().map(|(value, count)| ValueCount { value, count }).collect();
    values.sort_by(|one, other| (Reverse(one.count), &one.value).cmp(&(Reverse(other.count), &other.value)));
    let others = values.iter().skip(top).map(|value| value.count).sum();
    values.truncate(top);
    if found.by_time.len() > TIMES_MAX {
        return Err(Refusal::of_count(&format_args!(
            "there would be more than {TIMES_MAX} intervals: take longer ones"
        )));
    }
    let time = |(start, count)| TimeCount { start: EventTime::from_seconds(start).to_string(), count };
    let times = grouping.interval.map(|_| found.by_time.into_iter().map(time).collect());
    let values = grouping.by.map(|_| values);
    Ok(Json(EventCounts { total: found.total, values, others, times }))
}

fn read(body: &[u8]) -> Result<(SearchRequest, Grouping), Refusal> {
    let of_body = |error: serde_json::Error| Refusal::of_body(&error);
    let mut members = match body.trim_ascii() {
        [] => serde_json::Map::new(),
        body => serde_json::from_slice(body).map_err(of_body)?,
    };
    let own = ["by", "interval", "top"].into_iter().filter_map(|name| members.remove_entry(name)).collect();
    let grouping = serde_json::from_value(Value::Object(own)).map_err(of_body)?;
    Ok((serde_json::from_value(Value::Object(members)).map_err(of_body)?, grouping))
}

fn field(name: &str) -> Result<CountField, Refusal> {
    CountField::named(name).ok_or_else(|| {
        let names = CountField::NAMES.map(|(name, _)| name).join(", ");
        Refusal::of_count(&format_args!("events cannot be counted by '{name}', only by {names}"))
    })
}

fn interval(text: &str) -> Result<i64, Refusal> {
    match Moment::parse(text) {
        Ok(Moment::SecondsAgo(seconds)) if seconds > 0 => Ok(seconds),
        _ => Err(Refusal::of_count(&format_args!("'{text}' is not an interval such as 5m, 1h or 1d"))),
    }
}
