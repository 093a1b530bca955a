//! Cursors: where the next page of a search starts.
//!
//! A cursor is base64url of a fixed layout: version 1, order 1, start 8, end 8, position time 8, position tie break 8.
//! It keeps the time range of the first page, so that "the last hour" means the same hour on every page. It is not
//! authenticated: whoever changes one only moves within the records that they may see anyway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::Position;
use model::EventTime;

use crate::search::Order;

const VERSION: u8 = 1;
const CURSOR_BYTES: usize = 2 + 4 * 8;

/// What a cursor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) order: Order,
    pub(crate) start: EventTime,
    pub(crate) end: EventTime,
    pub(crate) after: Position,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(CURSOR_BYTES);
        bytes.push(VERSION);
        bytes.push(match self.order {
            Order::NewestFirst => 0,
            Order::OldestFirst => 1,
        });
        for time in [self.start, self.end, self.after.event_time] {
            bytes.extend_from_slice(&time.as_micros().to_be_bytes());
        }
        bytes.extend_from_slice(&self.after.tie_break.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for a text that is not a cursor.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        if text.len() > 2 * CURSOR_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().ok()?;
        let order = match (bytes[0], bytes[1]) {
            (VERSION, 0) => Order::NewestFirst,
            (VERSION, 1) => Order::OldestFirst,
            _ => return None,
        };
        let (numbers, _) = bytes[2..].as_chunks::<8>();
        let [start, end, time, tie_break] = numbers.try_into().ok()?;
        let time_of = |bytes| EventTime::from_micros(i64::from_be_bytes(bytes));
        let after = Position { event_time: time_of(time), tie_break: u64::from_be_bytes(tie_break) };
        Some(Self { order, start: time_of(start), end: time_of(end), after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_other_texts_are_none() {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let time = EventTime::from_micros;
            let after = Position { event_time: time(-3), tie_break: u64::MAX };
            let cursor = Cursor { order, start: time(i64::MIN), end: time(i64::MAX), after };
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
            assert_eq!(Cursor::decode(&cursor.encode()[1..]), None);
        }
        for text in ["", "x", "====", &"A".repeat(46), &"A".repeat(10_000)] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
