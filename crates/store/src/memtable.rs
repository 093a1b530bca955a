//! Durable events that are not yet in a segment, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::EventTime;
use parking_lot::RwLock;

use crate::query::{Order, Position, Scan, StoredEvent};

/// Events looked at under one lock, so that a long search does not hold up the journal.
const EVENTS_PER_LOCK: usize = 512;

/// Events by time and by number. Written by one thread, read by many.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    rows: RwLock<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    by_time: BTreeMap<(EventTime, u64), Arc<StoredEvent>>,
    /// In the order of their numbers, without a hole.
    by_sequence: Vec<Arc<StoredEvent>>,
    bytes: usize,
}

impl Memtable {
    /// Adds events whose numbers follow those that are there.
    pub(crate) fn push(&self, events: Vec<Arc<StoredEvent>>) {
        let mut rows = self.rows.write();
        for event in events {
            rows.bytes += event.record.len();
            rows.by_time.insert((event.position().event_time, event.sequence), Arc::clone(&event));
            rows.by_sequence.push(event);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.read().by_sequence.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.read().bytes
    }

    /// Number of the first event.
    pub(crate) fn first_sequence(&self) -> Option<u64> {
        self.rows.read().by_sequence.first().map(|event| event.sequence)
    }

    /// Visits the ids of all events.
    pub(crate) fn event_ids(&self, mut visitor: impl FnMut(&str)) {
        self.rows.read().by_sequence.iter().for_each(|event| visitor(&event.index.event_id));
    }

    /// All events in the order of their times.
    pub(crate) fn in_order_of_time(&self) -> Vec<Arc<StoredEvent>> {
        self.rows.read().by_time.values().cloned().collect()
    }

    /// Events with numbers above this one, in their order.
    pub(crate) fn after_sequence(&self, sequence: u64, limit: usize) -> Vec<Arc<StoredEvent>> {
        let rows = self.rows.read();
        let start = rows.by_sequence.partition_point(|event| event.sequence <= sequence);
        rows.by_sequence[start..].iter().take(limit).cloned().collect()
    }

    /// The first events that fit a scan, in its order.
    pub(crate) fn scan(&self, scan: &Scan<'_>) -> Vec<Arc<StoredEvent>> {
        let (mut low, mut high) = scan.key_range();
        let mut found = Vec::new();
        while low <= high {
            let rows = self.rows.read();
            let mut last = None;
            let mut visit = |key: &(EventTime, u64), event: &Arc<StoredEvent>| {
                last = Some(*key);
                if scan.query.fits(event) {
                    found.push(Arc::clone(event));
                }
                found.len() < scan.limit
            };
            let range = rows.by_time.range(low..=high);
            let is_full = match scan.query.order {
                Order::NewestFirst => !range.rev().take(EVENTS_PER_LOCK).all(|(key, event)| visit(key, event)),
                Order::OldestFirst => !range.take(EVENTS_PER_LOCK).all(|(key, event)| visit(key, event)),
            };
            let Some((time, sequence)) = last.filter(|_| !is_full) else { break };
            let next = Position { event_time: time, sequence };
            match scan.query.order {
                Order::NewestFirst => match next.key_before() {
                    Some(key) => high = key,
                    None => break,
                },
                Order::OldestFirst => low = next.key_behind(),
            }
        }
        found
    }
}
