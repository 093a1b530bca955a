//! Times as people write them.

use model::EventTime;

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A time.
    At(EventTime),
    /// So many seconds before now.
    SecondsAgo(i64),
}

/// The text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not a time: expected how long ago (90d, 12h, 30m, 15s), a date (2025-03-01), or a time (2025-03-01T12:00:05Z)"
)]
pub struct MomentError {
    text: String,
}

/// Units of "how long ago", with their seconds.
const UNITS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

impl Moment {
    /// Parses `now`, a number with one of the units `s m h d w`, a date, or a time. What has no offset is UTC.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        let text = text.trim();
        if text == "now" {
            return Ok(Self::SecondsAgo(0));
        }
        parse_ago(text)
            .map(Self::SecondsAgo)
            .or_else(|| parse_iso8601(text).map(Self::At))
            .ok_or_else(|| MomentError { text: model::limits::cut(text, 64).to_owned() })
    }

    /// The time that is meant.
    pub fn resolve(self, now: EventTime) -> EventTime {
        match self {
            Self::At(time) => time,
            Self::SecondsAgo(seconds) => {
                EventTime::from_micros(now.as_micros().saturating_sub(seconds.saturating_mul(1_000_000)))
            }
        }
    }
}

fn parse_ago(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let digits = &text[..text.len() - unit.len_utf8()];
    // `i64::from_str` takes a sign, which "how long ago" has not.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(seconds)
}

fn parse_iso8601(text: &str) -> Option<EventTime> {
    EventTime::parse(text)
        .or_else(|_| EventTime::parse(&format!("{text}Z")))
        .or_else(|_| EventTime::parse(&format!("{text}T00:00:00Z")))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let now = EventTime::parse("2025-03-01T12:00:00Z").expect("a time");
        let resolved = Moment::parse(text).ok().map(|moment| moment.resolve(now).to_string());
        assert_eq!(resolved.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_read() {
        check("now", Some("2025-03-01T12:00:00Z"));
        check("15s", Some("2025-03-01T11:59:45Z"));
        check("30m", Some("2025-03-01T11:30:00Z"));
        check("12h", Some("2025-03-01T00:00:00Z"));
        check("90d", Some("2024-12-01T12:00:00Z"));
        check("1w", Some("2025-02-22T12:00:00Z"));
        check(" 2025-02-28 ", Some("2025-02-28T00:00:00Z"));
        check("2025-02-28T01:02:03", Some("2025-02-28T01:02:03Z"));
        check("2025-02-28T01:02:03+01:00", Some("2025-02-28T00:02:03Z"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "d", "-1d", "+1d", "1.5h", "1y", "yesterday", "99999999999999999999d", "9223372036854775807w", "1é"]
        {
            check(text, None);
        }
    }
}
