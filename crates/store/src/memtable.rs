//! Durable events that are not yet in a segment, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::EventTime;
use parking_lot::RwLock;

use crate::fact_bits::FactBits;
use crate::query::{Order, Position, Scan, StoredEvent, sort};

/// Events looked at under one lock, so that a long search does not hold up the journal.
const EVENTS_PER_LOCK: usize = 512;
/// The same of bits of events.
const BITS_PER_LOCK: usize = 32 * 1024;

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
    /// Of the events in that order.
    facts: Vec<FactBits>,
    bytes: usize,
}

impl Memtable {
    /// Adds events whose numbers follow those that are there.
    pub(crate) fn push(&self, events: Vec<Arc<StoredEvent>>) {
        let facts: Vec<FactBits> = events.iter().map(|event| FactBits::of_event(&event.index)).collect();
        let mut rows = self.rows.write();
        rows.facts.extend(facts);
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
        match self.candidates(scan) {
            Some(candidates) => self.fitting(scan, &candidates),
            None => self.scan_in_order(scan),
        }
    }

    /// Places by number of the events that may fit, where they are so few that looking at all of them takes less than
    /// looking for the first ones in the order of the scan.
    fn candidates(&self, scan: &Scan<'_>) -> Option<Vec<usize>> {
        let wanted = FactBits::wanted(&scan.query.attributes);
        if wanted == FactBits::default() {
            return None;
        }
        let (mut candidates, mut start) = (Vec::new(), 0);
        loop {
            let rows = self.rows.read();
            let bits = &rows.facts[start..rows.facts.len().min(start + BITS_PER_LOCK)];
            let may_have = bits.iter().enumerate().filter(|(_, facts)| facts.may_have(wanted));
            candidates.extend(may_have.map(|(place, _)| start + place));
            start += bits.len();
            // In order, one in `start / candidates.len()` fits, until there are as many as are wanted.
            if candidates.len().saturating_mul(candidates.len()) > scan.limit.saturating_mul(rows.facts.len()) {
                return None;
            }
            if start == rows.facts.len() {
                return Some(candidates);
            }
        }
    }

    /// Those of some events that fit a scan, in its order, as many as it wants.
    fn fitting(&self, scan: &Scan<'_>, places: &[usize]) -> Vec<Arc<StoredEvent>> {
        let (low, high) = scan.key_range();
        let mut found = Vec::new();
        for places in places.chunks(EVENTS_PER_LOCK) {
            let rows = self.rows.read();
            let fits = |event: &&Arc<StoredEvent>| {
                let position = event.position();
                (low..=high).contains(&(position.event_time, position.sequence)) && scan.query.fits(event)
            };
            found.extend(places.iter().map(|place| &rows.by_sequence[*place]).filter(fits).cloned());
        }
        sort(scan.query.order, &mut found);
        found.truncate(scan.limit);
        found
    }

    fn scan_in_order(&self, scan: &Scan<'_>) -> Vec<Arc<StoredEvent>> {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::LookupIndex;
    use proptest::prelude::*;

    use super::*;
    use crate::query::{AttributeFilter, EventQuery};

    fn event(sequence: u64, second: u8, user: u8, name: u8) -> Arc<StoredEvent> {
        let record = format!(
            r#"{{"eventTime":"2026-11-23T10:00:{second:02}Z","eventID":"id-{sequence}","eventName":"Name{name}","eventSource":"s3.amazonaws.com",
            "readOnly":true,"userIdentity":{{"type":"IAMUser","userName":"user-{user}"}}}}"#
        );
        let index = LookupIndex::derive(record.as_bytes()).expect("a record");
        Arc::new(StoredEvent { sequence, index, record: Bytes::from(record) })
    }

    fn query(user: Option<u8>, name: Option<u8>, order: Order, after: Option<Position>, limit: usize) -> EventQuery {
        let user = user.map(|user| AttributeFilter::Username(format!("user-{user}")));
        let name = name.map(|name| AttributeFilter::EventName(format!("Name{name}")));
        EventQuery { attributes: user.into_iter().chain(name).collect(), order, after, limit, ..EventQuery::default() }
    }

    proptest! {
        /// Whether by bits or in order, a scan gives the same.
        #[test]
        fn a_scan_gives_the_first_events_that_fit(
            events in prop::collection::vec((0..20_u8, 0..12_u8, 0..2_u8), 0..200),
            user in prop::option::of(0..14_u8),
            name in prop::option::of(0..3_u8),
            after in prop::option::of(0..200_usize),
            is_newest_first: bool,
            limit in 1..20_usize,
        ) {
            let events: Vec<_> = (1..).zip(&events).map(|(number, (second, user, name))| event(number, *second, *user, *name)).collect();
            let memtable = Memtable::default();
            events.chunks(7).for_each(|events| memtable.push(events.to_vec()));
            let order = if is_newest_first { Order::NewestFirst } else { Order::OldestFirst };
            let after = after.and_then(|place| events.get(place)).map(|event| event.position());
            let query = query(user, name, order, after, limit);
            let scan = Scan::new(&query);
            let (low, high) = scan.key_range();
            let is_in_range = |event: &&Arc<StoredEvent>| {
                let position = event.position();
                low <= (position.event_time, position.sequence) && (position.event_time, position.sequence) <= high
            };
            let mut expected: Vec<_> = events.iter().filter(is_in_range).filter(|event| query.fits(event)).cloned().collect();
            sort(order, &mut expected);
            expected.truncate(scan.limit);
            prop_assert_eq!(memtable.scan(&scan), expected.clone());
            prop_assert_eq!(memtable.scan_in_order(&scan), expected);
        }
    }

    #[test]
    fn rare_values_are_found_by_bits_and_frequent_ones_in_order() {
        let memtable = Memtable::default();
        memtable.push((1..=10_000).map(|number| event(number, 0, (number % 5000 == 7).into(), 1)).collect());
        let is_by_bits = |query: &EventQuery| memtable.candidates(&Scan::new(query)).is_some();
        assert!(is_by_bits(&query(Some(1), None, Order::NewestFirst, None, 50)));
        assert!(is_by_bits(&query(Some(9), None, Order::NewestFirst, None, 50)));
        assert!(!is_by_bits(&query(Some(0), None, Order::NewestFirst, None, 50)));
        assert!(!is_by_bits(&query(None, None, Order::NewestFirst, None, 50)));
        assert_eq!(memtable.scan(&Scan::new(&query(Some(1), None, Order::NewestFirst, None, 50))).len(), 2);
    }
}
