//! Requests to log groups: which entries go into which stream, in which portions.
//!
//! Limits: CloudWatch Logs API reference, PutLogEvents. Names of streams: CloudTrail user guide, role policy document for
//! CloudWatch Logs monitoring.

use std::collections::BTreeMap;

use model::AccountId;
use trails::{Organization, Trail};

use crate::selection::Selected;
use crate::sink::LogEntry;

/// Largest event that is sent, bytes.
pub(crate) const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Most entries of a request.
const ENTRIES_MAX: usize = 10_000;
/// Largest request: the bytes of its messages and [`ENTRY_OVERHEAD`] for each.
const REQUEST_BYTES_MAX: usize = 1_048_576;
/// What an entry counts besides its message.
const ENTRY_OVERHEAD: usize = 26;
/// Longest time between the first and the last entry of a request, seconds.
const SPAN_SECONDS_MAX: i64 = 24 * 60 * 60;

/// A request: the name of its stream, and its entries in the order of their times.
pub(crate) type Request = (String, Vec<LogEntry>);

/// The requests for what was selected.
pub(crate) fn requests(trail: &Trail, organization: Option<&Organization>, selected: &Selected) -> Vec<Request> {
    let mut streams: BTreeMap<String, Vec<LogEntry>> = BTreeMap::new();
    for (place, events) in &selected.files {
        let entries = streams.entry(stream_name(trail, organization, place.account)).or_default();
        for event in events.iter().filter(|event| event.record.len() <= EVENT_BYTES_MAX) {
            entries.push(LogEntry { time: event.index.event_time, message: event.record.clone() });
        }
    }
    let mut requests = Vec::new();
    for (stream, mut entries) in streams {
        // Calls end in another order than they begin.
        entries.sort_by_key(|entry| entry.time);
        requests.extend(portions(entries).into_iter().map(|portion| (stream.clone(), portion)));
    }
    requests
}

fn stream_name(trail: &Trail, organization: Option<&Organization>, account: AccountId) -> String {
    let (account, region) = (account.as_str(), trail.home_region.as_str());
    match organization.filter(|_| trail.is_organization) {
        Some(organization) => format!("{}_{account}_CloudTrail_{region}", organization.id),
        None => format!("{account}_CloudTrail_{region}"),
    }
}

fn portions(entries: Vec<LogEntry>) -> Vec<Vec<LogEntry>> {
    let mut portions: Vec<Vec<LogEntry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry.message.len() + ENTRY_OVERHEAD;
        let fits = |portion: &Vec<LogEntry>| {
            let first = portion.first().map_or(entry.time, |first| first.time);
            let span = entry.time.as_seconds() - first.as_seconds();
            portion.len() < ENTRIES_MAX && bytes + size <= REQUEST_BYTES_MAX && span < SPAN_SECONDS_MAX
        };
        match portions.last_mut() {
            Some(portion) if fits(portion) => portion.push(entry),
            _ => {
                bytes = 0;
                portions.push(vec![entry]);
            }
        }
        bytes += size;
    }
    portions
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::EventTime;

    use super::*;

    fn entry(seconds: i64, bytes: usize) -> LogEntry {
        LogEntry { time: EventTime::from_seconds(seconds), message: Bytes::from(vec![b'x'; bytes]) }
    }

    fn lengths(entries: Vec<LogEntry>) -> Vec<usize> {
        portions(entries).iter().map(Vec::len).collect()
    }

    #[test]
    fn requests_keep_the_limits() {
        assert!(portions(Vec::new()).is_empty());
        assert_eq!(lengths(vec![entry(0, 10); 10_001]), [10_000, 1]);
        assert_eq!(lengths(vec![entry(0, 262_144 - 26); 9]), [4, 4, 1], "four of them are 1 MiB");
        assert_eq!(lengths(vec![entry(0, 1), entry(86_399, 1), entry(86_400, 1)]), [2, 1]);
    }
}
