//! Timestamps of requests and answers.

use model::EventTime;
use serde_json::Value;

/// A timestamp member as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedTime {
    /// A time.
    At(EventTime),
    /// A text that is not ISO 8601, or a number beyond the years that we count.
    Unreadable,
}

/// Seconds of the first and last moment that [`EventTime`] can write: years -9999 and 9999.
const SECONDS_RANGE: std::ops::RangeInclusive<f64> = -377_705_023_201.0..=253_402_207_200.0;

impl RequestedTime {
    /// Reads a timestamp: epoch seconds as a number, fractions allowed, or ISO 8601 as a text, which shells and
    /// skeletons send. A date alone and a time without offset count as UTC.
    ///
    /// `None` when the value is neither number nor text: that is a wrong JSON type, not a wrong time.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(number.as_f64().map_or(Self::Unreadable, from_seconds)),
            Value::String(text) => Some(parse_iso8601(text).map_or(Self::Unreadable, Self::At)),
            _ => None,
        }
    }
}

fn from_seconds(seconds: f64) -> RequestedTime {
    if !SECONDS_RANGE.contains(&seconds) {
        return RequestedTime::Unreadable;
    }
    // In range, so the product fits; a float holds the microseconds of our century to within one.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    RequestedTime::At(EventTime::from_micros((seconds * 1e6).round() as i64))
}

fn parse_iso8601(text: &str) -> Option<EventTime> {
    let text = text.trim();
    EventTime::parse(text)
        .or_else(|_| EventTime::parse(&format!("{text}Z")))
        .or_else(|_| EventTime::parse(&format!("{text}T00:00:00Z")))
        .ok()
}

/// Epoch seconds, as answers write times. Event times have whole seconds.
pub fn epoch_seconds(time: EventTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a float counts whole seconds exactly for 285 million years")]
    let seconds = time.as_seconds() as f64;
    seconds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: Value, expected: Option<&str>) {
        let read = RequestedTime::read(&value).map(|time| match time {
            RequestedTime::At(time) => format!("{time} {}", time.as_micros().rem_euclid(1_000_000)),
            RequestedTime::Unreadable => "unreadable".to_owned(),
        });
        assert_eq!(read.as_deref(), expected, "{value}");
    }

    #[test]
    fn numbers_and_texts_are_times() {
        check(json!(1424476529), Some("2015-02-20T23:55:29Z 0"));
        check(json!(1424476529.123), Some("2015-02-20T23:55:29Z 123000"));
        check(json!("2015-02-20T23:55:29Z"), Some("2015-02-20T23:55:29Z 0"));
        check(json!("2015-02-20T23:55:29+01:00"), Some("2015-02-20T22:55:29Z 0"));
        check(json!("2015-02-20T23:55:29"), Some("2015-02-20T23:55:29Z 0"));
        check(json!("2015-02-20"), Some("2015-02-20T00:00:00Z 0"));
        check(json!(-1), Some("1969-12-31T23:59:59Z 0"));
    }

    #[test]
    fn other_values_are_not() {
        check(json!("yesterday"), Some("unreadable"));
        check(json!(""), Some("unreadable"));
        check(json!(1e300), Some("unreadable"));
        check(json!(u64::MAX), Some("unreadable"));
        check(json!(true), None);
        check(json!([1]), None);
    }
}
