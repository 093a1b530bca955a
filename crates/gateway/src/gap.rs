//! Gaps: calls that went on although they could not be recorded (`open` mode).

use std::sync::Arc;

use model::{AccountId, EventCategory, EventRecord, EventTime, EventType, Region, Text, UserIdentity};
use parking_lot::Mutex;
use serde_json::json;

/// What makes the record of a gap.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// Calls that went unrecorded since the last time recording worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Completion time of the first of them.
    pub first: EventTime,
    /// Completion time of the last of them.
    pub last: EventTime,
    /// How many.
    pub call_count: u64,
}

/// Collects gaps until they can be recorded.
#[derive(Debug, Default)]
pub struct GapTracker {
    open: Mutex<Option<Gap>>,
}

impl GapTracker {
    /// Counts one unrecorded call.
    pub fn count(&self, now: EventTime) {
        let mut open = self.open.lock();
        let gap = open.get_or_insert(Gap { first: now, last: now, call_count: 0 });
        gap.last = gap.last.max(now);
        gap.call_count += 1;
    }

    /// Takes the gap to record it; the caller gives it back with [`Self::put_back`] if that fails.
    pub fn take(&self) -> Option<Gap> {
        self.open.lock().take()
    }

    /// Puts back a gap that could not be recorded, joined with what came since.
    pub fn put_back(&self, gap: Gap) {
        let mut open = self.open.lock();
        *open = Some(match *open {
            None => gap,
            Some(newer) => Gap {
                first: gap.first.min(newer.first),
                last: gap.last.max(newer.last),
                call_count: gap.call_count + newer.call_count,
            },
        });
    }

    /// Whether a gap waits to be recorded.
    pub fn is_open(&self) -> bool {
        self.open.lock().is_some()
    }
}

/// The service event that tells of a gap: `RecordingGap` of CloudTrail itself.
pub fn gap_record(
    gap: &Gap,
    account: AccountId,
    region: &Region,
    event_id: String,
    event_time: EventTime,
) -> EventRecord {
    EventRecord {
        event_version: "1.11",
        user_identity: Arc::new(UserIdentity {
            account_id: Some(account.to_string()),
            invoked_by: Some(CLOUDTRAIL.to_owned()),
            ..UserIdentity::default()
        }),
        event_time,
        event_source: Text::const_new(CLOUDTRAIL),
        event_name: Text::const_new("RecordingGap"),
        aws_region: Text::new(region.as_str()),
        source_ip_address: Text::const_new(CLOUDTRAIL),
        user_agent: Some(Text::const_new(CLOUDTRAIL)),
        error_code: None,
        error_message: None,
        request_parameters: None,
        response_elements: None,
        additional_event_data: None,
        request_id: None,
        event_id: event_id.into(),
        read_only: false,
        resources: Vec::new(),
        event_type: EventType::AwsServiceEvent,
        api_version: None,
        management_event: true,
        recipient_account_id: Text::new(account.as_str()),
        shared_event_id: None,
        service_event_details: Some(json!({
            "firstUnrecordedCall": gap.first.to_string(),
            "lastUnrecordedCall": gap.last.to_string(),
            "unrecordedCallCount": gap.call_count,
        })),
        event_category: EventCategory::Management,
        tls_details: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_put_back_joins_what_came_since() {
        let tracker = GapTracker::default();
        tracker.count(EventTime::from_seconds(10));
        tracker.count(EventTime::from_seconds(12));
        let taken = tracker.take().expect("a gap");
        tracker.count(EventTime::from_seconds(15));
        tracker.put_back(taken);
        assert_eq!(
            tracker.take(),
            Some(Gap { first: EventTime::from_seconds(10), last: EventTime::from_seconds(15), call_count: 3 })
        );
        assert!(!tracker.is_open());
    }
}
