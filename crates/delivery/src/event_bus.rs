//! What EventBridge gets: records as events of the services that they are of.
//!
//! Source: EventBridge user guide, events from AWS services via CloudTrail; limits: EventBridge API reference, PutEvents.

use serde::Deserialize;
use store::StoredEvent;

use crate::log_entries::EVENT_BYTES_MAX;
use crate::sink::BusEvent;

/// Most events of a request.
const EVENTS_MAX: usize = 10;
/// Largest request, bytes.
const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// What the time of an event counts, bytes.
const TIME_BYTES: usize = 14;

/// What the envelope is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordHead<'a> {
    /// Insights events have none, and come from CloudTrail.
    #[serde(default = "cloud_trail")]
    event_source: &'a str,
    #[serde(default)]
    event_type: Option<&'a str>,
    #[serde(default)]
    event_category: Option<&'a str>,
    #[serde(default)]
    read_only: Option<bool>,
}

/// The event of a record; `None` where EventBridge gets none: calls that only read, which rules ask for in a way that
/// nobody outside of EventBridge sees, and records that are too large.
pub(crate) fn bus_event(event: &StoredEvent) -> Option<BusEvent> {
    let head: RecordHead<'_> = serde_json::from_slice(&event.record).ok()?;
    let is_management = head.event_category.is_none_or(|category| category == "Management");
    if is_management && head.read_only == Some(true) {
        return None;
    }
    let event = BusEvent {
        source: format!("aws.{}", head.event_source.split('.').next().unwrap_or_default()),
        detail_type: detail_type(head.event_type.unwrap_or_default()),
        time: event.index.event_time,
        detail: event.record.clone(),
    };
    (size(&event) <= EVENT_BYTES_MAX).then_some(event)
}

fn cloud_trail() -> &'static str {
    "cloudtrail.amazonaws.com"
}

fn detail_type(event_type: &str) -> &'static str {
    match event_type {
        "AwsConsoleSignIn" => "AWS Console Sign In via CloudTrail",
        "AwsConsoleAction" => "AWS Console Action via CloudTrail",
        "AwsServiceEvent" => "AWS Service Event via CloudTrail",
        "AwsVpceEvents" => "AWS Network Activity Event via CloudTrail",
        "AwsCloudTrailInsight" => "AWS Insight via CloudTrail",
        _ => "AWS API Call via CloudTrail",
    }
}

fn size(event: &BusEvent) -> usize {
    TIME_BYTES + event.source.len() + event.detail_type.len() + event.detail.len()
}

/// Events in requests, within the limits and in their order.
pub(crate) fn requests(events: Vec<BusEvent>) -> Vec<Vec<BusEvent>> {
    let mut requests: Vec<Vec<BusEvent>> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let size = size(&event);
        match requests.last_mut() {
            Some(request) if request.len() < EVENTS_MAX && bytes + size <= REQUEST_BYTES_MAX => request.push(event),
            _ => {
                bytes = 0;
                requests.push(vec![event]);
            }
        }
        bytes += size;
    }
    requests
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::EventTime;

    use super::*;

    fn stored(record: &str) -> StoredEvent {
        let record = Bytes::copy_from_slice(record.as_bytes());
        let index = model::LookupIndex::derive(&record).unwrap();
        StoredEvent { sequence: 1, index, record }
    }

    #[test]
    fn envelopes_name_the_service_and_the_kind() {
        let record = |rest: &str| {
            let head = r#""eventTime":"2025-03-01T12:00:05Z","eventName":"N","eventID":"11111111-2222-3333-4444-555555555555","userIdentity":{"type":"Root"}"#;
            stored(&format!("{{{head},{rest}}}"))
        };
        let call = record(r#""eventSource":"s3.amazonaws.com","eventType":"AwsApiCall","readOnly":false"#);
        let event = bus_event(&call).unwrap();
        assert_eq!((event.source.as_str(), event.detail_type), ("aws.s3", "AWS API Call via CloudTrail"));
        assert_eq!((event.time, &event.detail), (call.index.event_time, &call.record));
        let sign_in = record(r#""eventSource":"signin.amazonaws.com","eventType":"AwsConsoleSignIn""#);
        assert_eq!(bus_event(&sign_in).unwrap().detail_type, "AWS Console Sign In via CloudTrail");
        let insight = record(r#""eventType":"AwsCloudTrailInsight","eventCategory":"Insight""#);
        let event = bus_event(&insight).unwrap();
        assert_eq!((event.source.as_str(), event.detail_type), ("aws.cloudtrail", "AWS Insight via CloudTrail"));
        assert_eq!(bus_event(&record(r#""eventSource":"s3.amazonaws.com","readOnly":true"#)), None);
        let data = r#""eventSource":"s3.amazonaws.com","readOnly":true,"eventCategory":"Data""#;
        assert!(bus_event(&record(data)).is_some(), "data events come only where they were asked for");
        let large = format!(
            r#""eventSource":"s3.amazonaws.com","requestParameters":{{"x":"{}"}}"#,
            "x".repeat(EVENT_BYTES_MAX)
        );
        assert_eq!(bus_event(&record(&large)), None);
    }

    #[test]
    fn requests_keep_the_limits() {
        let event = |bytes: usize| BusEvent {
            source: "aws.s3".to_owned(),
            detail_type: "AWS API Call via CloudTrail",
            time: EventTime::from_seconds(0),
            detail: Bytes::from(vec![b'x'; bytes]),
        };
        let lengths = |events| requests(events).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(vec![event(10); 25]), [10, 10, 5]);
        assert_eq!(lengths(vec![event(100_000); 5]), [2, 2, 1]);
    }
}
