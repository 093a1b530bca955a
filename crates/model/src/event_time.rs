//! Times of events.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time, UTC, in microseconds since 1970. Records write it in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

/// The text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a time: expected a form such as 2025-03-01T12:00:05Z")]
pub struct EventTimeError {
    text: String,
}

impl EventTime {
    /// A time from microseconds since 1970, any sign.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A time from whole seconds since 1970; saturates at the ends of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: the precision that records are written in.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Parses RFC 3339 (`2025-03-01T12:00:05Z`, fractions and offsets accepted). A text without an offset
    /// (`2025-03-01 12:00:05.000`, as exports of event data stores have it) is in UTC, like every time of CloudTrail.
    ///
    /// # Errors
    /// Any other text, or a time outside the years -9999 to 9999.
    pub fn parse(text: &str) -> Result<Self, EventTimeError> {
        let without_offset = || {
            let time = text.parse::<jiff::civil::DateTime>()?;
            jiff::tz::Offset::UTC.to_timestamp(time)
        };
        text.parse::<jiff::Timestamp>()
            .or_else(|_| without_offset())
            .map(|time| Self(time.as_microsecond()))
            .map_err(|_: jiff::Error| EventTimeError { text: text.to_owned() })
    }
}

impl EventTime {
    /// The form of its `Display` for the years of four digits, without the cost of formatting: every record is
    /// written with it.
    fn digits(self) -> Option<[u8; 20]> {
        let time = jiff::Timestamp::from_second(self.as_seconds()).ok()?;
        let at = jiff::tz::Offset::UTC.to_datetime(time);
        let year = u16::try_from(at.year()).ok()?;
        let mut text = *b"0000-00-00T00:00:00Z";
        let parts = [
            (0, (year / 100) as u8),
            (2, (year % 100) as u8),
            (5, at.month().unsigned_abs()),
            (8, at.day().unsigned_abs()),
            (11, at.hour().unsigned_abs()),
            (14, at.minute().unsigned_abs()),
            (17, at.second().unsigned_abs()),
        ];
        for (place, value) in parts {
            text[place] += value / 10;
            text[place + 1] += value % 10;
        }
        Some(text)
    }
}

impl fmt::Display for EventTime {
    /// `YYYY-MM-DDTHH:MM:SSZ`, the form of every CloudTrail record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The range of jiff is wider than any event; a value beyond it can only come from a hostile import.
        let time = jiff::Timestamp::from_second(self.as_seconds()).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        let at = jiff::tz::Offset::UTC.to_datetime(time);
        let (year, month, day, hour, minute, second) =
            (at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for EventTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.digits() {
            Some(digits) => serializer.serialize_str(std::str::from_utf8(&digits).unwrap_or_default()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_whole_seconds_and_reads_them_back() {
        let time = EventTime::from_micros(1_740_830_405_999_999);
        assert_eq!(time.to_string(), "2025-03-01T12:00:05Z");
        assert_eq!(EventTime::parse("2025-03-01T12:00:05Z").expect("a time").as_seconds(), time.as_seconds());
    }

    #[test]
    fn a_time_without_an_offset_is_in_utc() {
        for text in
            ["2022-11-15 22:58:13.000", "2022-11-15 22:58:13", "2022-11-15T22:58:13", "2022-11-15T23:58:13+01:00"]
        {
            assert_eq!(EventTime::parse(text).expect(text).to_string(), "2022-11-15T22:58:13Z", "{text}");
        }
        for text in ["", "soon", "22:58:13", "2022-11-15 25:00:00"] {
            EventTime::parse(text).expect_err(text);
        }
    }

    #[test]
    fn json_has_the_same_form() {
        for seconds in
            [0, 1, 951_827_696, 1_740_830_405, 253_402_300_799, -1, -62_135_596_800, -62_200_000_000, i64::MAX]
        {
            let time = EventTime::from_seconds(seconds);
            assert_eq!(serde_json::to_string(&time).expect("JSON"), format!("\"{time}\""));
        }
    }

    #[test]
    fn rounds_down_before_1970() {
        assert_eq!(EventTime::from_micros(-1).as_seconds(), -1);
    }
}
