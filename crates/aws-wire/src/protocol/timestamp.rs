//! The forms of time on the wire.

use crate::catalog::TimestampFormat;
use crate::value::Timestamp;

/// Latest and earliest time that is taken: the years -9999 to 9999, as RFC 3339 can write them.
const MICROS_MAX: f64 = 253_402_300_800.0 * 1e6;

/// Reads a time. The form that is expected is tried first, then the others: services are as lenient.
pub fn parse(text: &str, format: Option<TimestampFormat>) -> Option<Timestamp> {
    let text = text.trim();
    match format {
        Some(TimestampFormat::UnixTimestamp) => from_text_seconds(text).or_else(|| from_iso8601(text)),
        Some(TimestampFormat::Rfc822) => from_rfc822(text).or_else(|| from_iso8601(text)),
        Some(TimestampFormat::Iso8601) | None => {
            from_iso8601(text).or_else(|| from_rfc822(text)).or_else(|| from_text_seconds(text))
        }
    }
}

/// A time from seconds since 1970, fractions kept to the microsecond.
pub fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (micros.abs() < MICROS_MAX).then_some(Timestamp::from_micros(micros as i64))
}

fn from_text_seconds(text: &str) -> Option<Timestamp> {
    from_seconds(text.parse().ok()?)
}

fn from_iso8601(text: &str) -> Option<Timestamp> {
    let zoned: Result<jiff::Timestamp, _> = text.parse();
    let time = match zoned {
        Ok(time) => time,
        // Without an offset: UTC, as the services take it. A date alone is its first moment.
        Err(_) => text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
    };
    let nanos = time.as_nanosecond();
    Some(Timestamp {
        micros: i64::try_from(nanos.div_euclid(1000)).ok()?,
        nanos: u16::try_from(nanos.rem_euclid(1000)).ok()?,
    })
}

fn from_rfc822(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_one_moment() {
        for (text, format) in [
            ("2025-03-01T12:00:05Z", None),
            ("2025-03-01T12:00:05.000Z", Some(TimestampFormat::Iso8601)),
            ("2025-03-01T13:00:05+01:00", None),
            ("2025-03-01T12:00:05", None),
            ("Sat, 01 Mar 2025 12:00:05 GMT", Some(TimestampFormat::Rfc822)),
            ("1740830405", Some(TimestampFormat::UnixTimestamp)),
            ("1.740830405E9", Some(TimestampFormat::UnixTimestamp)),
            ("1740830405.0", None),
        ] {
            assert_eq!(parse(text, format).expect(text).micros, 1_740_830_405_000_000, "{text}");
        }
        assert_eq!(parse("2025-03-01", None).expect("a date").micros, 1_740_787_200_000_000);
        for (text, micros, nanos) in [
            ("2025-03-01T12:00:05.123456789Z", 1_740_830_405_123_456, 789),
            ("1969-12-31T23:59:59.999999999Z", -1, 999),
        ] {
            assert_eq!(parse(text, None), Some(Timestamp { micros, nanos }), "{text}");
        }
        for text in ["", "soon", "NaN", "1e300", "2025-13-01T00:00:00Z"] {
            assert_eq!(parse(text, None), None, "{text}");
        }
    }
}
