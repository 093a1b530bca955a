//! The live view: one line a call.

use std::time::Duration;

use model::{EventRecord, LookupIndex};
use serde::Serialize;

/// Longest text of a resource in a line, in characters.
const RESOURCE_CHARACTERS_MAX: usize = 80;

/// A call, as a line shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCall {
    /// Completion time of the call.
    pub time: String,
    /// Service and event, such as `s3:PutObject`.
    pub call: String,
    /// What it was about, where the record names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// From the request's head to the end of the answer.
    pub duration_ms: u64,
}

impl LiveCall {
    /// What a line shows of a call.
    pub fn of(record: &EventRecord, status: Option<u16>, duration: Duration) -> Self {
        Self {
            time: record.event_time.to_string(),
            call: call_name(record),
            resource: resource(record),
            status,
            error: record.error_code.as_deref().map(str::to_owned),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The line for people: time of day, call, resource, status or error, duration.
    pub fn text(&self) -> String {
        let time = self.time.split_once('T').map_or(self.time.as_str(), |(_, time)| time.trim_end_matches('Z'));
        let status = self.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let outcome = match &self.error {
            Some(error) => format!("{status} {error}"),
            None => status,
        };
        let resource = self.resource.as_deref().map(|resource| format!(" {resource}")).unwrap_or_default();
        printable(&format!("{time} {}{resource}  {outcome}  {} ms", self.call, self.duration_ms))
    }
}

/// `service:Event` of a record.
pub fn call_name(record: &EventRecord) -> String {
    let service = record.event_source.split('.').next().unwrap_or_default();
    format!("{service}:{}", record.event_name)
}

/// The first resource that a record names, shortened for a line.
fn resource(record: &EventRecord) -> Option<String> {
    let first = record.resources.first();
    let named = first.and_then(|resource| resource.arn.clone().or_else(|| resource.arn_prefix.clone()));
    let name = named
        .or_else(|| LookupIndex::of(record).resources.into_iter().next().map(|resource| resource.resource_name))?;
    let short = name.strip_prefix("arn:aws:s3:::").map_or(name.as_str(), |path| path);
    let mut cut: String = short.chars().take(RESOURCE_CHARACTERS_MAX).collect();
    if cut.len() < short.len() {
        cut.push('…');
    }
    Some(cut)
}

/// A text without characters that a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::tests::record;

    #[test]
    fn lines() {
        let duration = Duration::from_micros(12_900);
        let object = record("s3", json!({}), &["arn:aws:s3:::b/k", "arn:aws:s3:::b"], None);
        assert_eq!(LiveCall::of(&object, Some(200), duration).text(), "00:00:00 s3:Call b/k  200  12 ms");
        let refused = record("iam", json!({"userName": "ana\u{1b}[2J"}), &[], Some("AccessDenied"));
        let line = LiveCall::of(&refused, Some(403), duration).text();
        assert_eq!(line, "00:00:00 iam:Call ana\u{fffd}[2J  403 AccessDenied  12 ms");
        let lost = record("ec2", json!({}), &[], Some("ServiceUnavailable"));
        assert_eq!(LiveCall::of(&lost, None, duration).text(), "00:00:00 ec2:Call  - ServiceUnavailable  12 ms");
        let long = record("s3", json!({}), &[&format!("arn:aws:s3:::{}", "k".repeat(200))], None);
        assert!(LiveCall::of(&long, Some(200), duration).text().contains("k…  200"));
    }
}
