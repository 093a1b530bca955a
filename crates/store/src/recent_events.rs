//! Events of segments that pages showed lately, whole.
//!
//! To put a record together from its parts takes some 20 us though all parts are at hand, and a page of fifty a millisecond.
//! Whoever asks the same again, or for another page that shows the same events, gets them from here. Sequence numbers are
//! never given twice, so that an event's stays right when its segment is joined with others.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::query::StoredEvent;

/// What an event takes beside its record, about: what it is looked up by, in texts of their own.
const INDEX_BYTES: usize = 768;

/// By sequence number; bounded in memory.
pub(crate) struct RecentEvents(Cache<u64, Arc<StoredEvent>, Weight>);

#[derive(Debug, Clone, Copy)]
struct Weight;

impl Weighter<u64, Arc<StoredEvent>> for Weight {
    fn weight(&self, _: &u64, event: &Arc<StoredEvent>) -> u64 {
        (event.record.len() + INDEX_BYTES) as u64
    }
}

impl RecentEvents {
    /// Of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        const EVENT_BYTES: u64 = 2048;
        let events = usize::try_from(bytes / EVENT_BYTES).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(events, bytes, Weight))
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<Arc<StoredEvent>> {
        self.0.get(&sequence)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.weight()
    }

    pub(crate) fn keep(&self, event: &Arc<StoredEvent>) {
        self.0.insert(event.sequence, Arc::clone(event));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::LookupIndex;

    use super::*;

    #[test]
    fn what_is_kept_stays_within_its_bytes() {
        let record = format!(
            r#"{{"eventTime":"2026-11-23T10:00:00Z","eventID":"an-id","eventName":"Name","eventSource":"s3.amazonaws.com","padding":"{}"}}"#,
            "x".repeat(2000)
        );
        let index = LookupIndex::derive(record.as_bytes()).expect("a record");
        let recent = RecentEvents::new(1 << 20);
        for sequence in 1..=2000 {
            let record = Bytes::from(record.clone());
            recent.keep(&Arc::new(StoredEvent { sequence, index: index.clone(), record }));
        }
        let kept: Vec<_> =
            (1..=2000).filter_map(|sequence| recent.get(sequence).map(|event| (sequence, event))).collect();
        assert!((50..400).contains(&kept.len()), "{} events", kept.len());
        assert!(recent.bytes() <= 1 << 20);
        assert!(kept.iter().all(|(sequence, event)| *sequence == event.sequence));
    }
}
