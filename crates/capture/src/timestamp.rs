//! The forms in which services write times into parameters and answers.

use aws_wire::catalog::{Location, TimestampFormat};
use aws_wire::value::Timestamp;
use serde_json::Value;

/// A form of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeStyle {
    /// `Jul 10, 2023 12:25:04 PM`: Java's default until version 8.
    Java,
    /// `Jul 10, 2023, 12:25:04 PM`: Java's default from version 9 on.
    JavaComma,
    /// The form before, but ISO where the model says that the time travels so.
    JavaCommaUnlessIso,
    /// `2024-08-01T13:56:39.832628281Z`, as many digits as there are, in threes.
    Iso,
    /// `2023-07-10T11:55:14.000Z`, always milliseconds.
    IsoMilliseconds,
    /// `1688990121000`
    EpochMilliseconds,
    /// `1527535003.208`
    EpochSeconds,
    /// As the model says that it travels: one of the two forms before, or the first with as many digits as there are.
    Wire,
}

impl TimeStyle {
    /// The form of one time: `format` is what the model says of it, `None` where it leaves that to the protocol.
    pub(crate) fn of(self, format: Option<TimestampFormat>, location: Location) -> Self {
        match (self, format, location) {
            (Self::Wire, Some(TimestampFormat::Iso8601 | TimestampFormat::Rfc822), _)
            | (Self::Wire, None, Location::QueryString | Location::Uri | Location::Header) => Self::Iso,
            (Self::Wire, ..) => Self::EpochSeconds,
            (Self::JavaCommaUnlessIso, Some(TimestampFormat::Iso8601), _) => Self::Iso,
            (Self::JavaCommaUnlessIso, ..) => Self::JavaComma,
            (style, ..) => style,
        }
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Writes a time in a form.
pub(crate) fn write_time(time: Timestamp, style: TimeStyle) -> Value {
    match style {
        TimeStyle::EpochMilliseconds => Value::from(time.micros.div_euclid(1000)),
        TimeStyle::EpochSeconds | TimeStyle::Wire => epoch_seconds(time),
        TimeStyle::Java => Value::String(java(time, false)),
        TimeStyle::JavaComma | TimeStyle::JavaCommaUnlessIso => Value::String(java(time, true)),
        TimeStyle::Iso => Value::String(iso(time, false)),
        TimeStyle::IsoMilliseconds => Value::String(iso(time, true)),
    }
}

/// A time split into its calendar parts, UTC.
struct Civil {
    year: i64,
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    nanos: u16,
}

impl Civil {
    /// Days to a date by the era arithmetic of the proleptic Gregorian calendar; valid for every `i64` of
    /// microseconds.
    fn of(time: Timestamp) -> Self {
        let seconds = time.micros.div_euclid(1_000_000);
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: usize::try_from(month).unwrap_or(1),
            day: day_of_year - (153 * month_index + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros: time.micros.rem_euclid(1_000_000),
            nanos: time.nanos,
        }
    }
}

fn java(time: Timestamp, comma: bool) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = Civil::of(time);
    let month = MONTHS[month - 1];
    let comma = if comma { "," } else { "" };
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, if hour % 12 == 0 { 12 } else { hour % 12 });
    format!("{month} {day}, {year}{comma} {hour}:{minute:02}:{second:02} {half}")
}

fn iso(time: Timestamp, always_milliseconds: bool) -> String {
    let Civil { year, month, day, hour, minute, second, micros, nanos } = Civil::of(time);
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match (micros, nanos) {
        _ if always_milliseconds => format!("{date}.{:03}Z", micros / 1000),
        (0, 0) => format!("{date}Z"),
        (_, 0) if micros % 1000 == 0 => format!("{date}.{:03}Z", micros / 1000),
        (_, 0) => format!("{date}.{micros:06}Z"),
        _ => format!("{date}.{micros:06}{nanos:03}Z"),
    }
}

fn epoch_seconds(time: Timestamp) -> Value {
    if time.micros % 1_000_000 == 0 {
        return Value::from(time.micros / 1_000_000);
    }
    // Whole milliseconds stay exact in a double for any date of this era.
    Value::from(time.micros as f64 / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(micros: i64, style: TimeStyle, expected: &str) {
        assert_eq!(write_time(Timestamp::from_micros(micros), style).to_string(), expected);
    }

    #[test]
    fn writes_every_form() {
        let time = 1_688_991_904_000_000;
        check(time, TimeStyle::Java, r#""Jul 10, 2023 12:25:04 PM""#);
        check(time, TimeStyle::JavaComma, r#""Jul 10, 2023, 12:25:04 PM""#);
        check(time, TimeStyle::Iso, r#""2023-07-10T12:25:04Z""#);
        check(time, TimeStyle::IsoMilliseconds, r#""2023-07-10T12:25:04.000Z""#);
        check(time, TimeStyle::EpochMilliseconds, "1688991904000");
        check(time, TimeStyle::EpochSeconds, "1688991904");
    }

    #[test]
    fn writes_fractions_midnight_and_leap_days() {
        check(1_527_535_003_208_000, TimeStyle::EpochSeconds, "1527535003.208");
        check(1_722_520_599_832_628, TimeStyle::Iso, r#""2024-08-01T13:56:39.832628Z""#);
        check(1_722_520_599_830_000, TimeStyle::Iso, r#""2024-08-01T13:56:39.830Z""#);
        check(1_709_164_800_000_000, TimeStyle::Java, r#""Feb 29, 2024 12:00:00 AM""#);
        check(0, TimeStyle::JavaComma, r#""Jan 1, 1970, 12:00:00 AM""#);
        check(-1_000_000, TimeStyle::Iso, r#""1969-12-31T23:59:59Z""#);
        let nanos = Timestamp { micros: 1_722_520_599_832_628, nanos: 281 };
        assert_eq!(write_time(nanos, TimeStyle::Iso).to_string(), r#""2024-08-01T13:56:39.832628281Z""#);
        assert_eq!(write_time(nanos, TimeStyle::IsoMilliseconds).to_string(), r#""2024-08-01T13:56:39.832Z""#);
    }
}
