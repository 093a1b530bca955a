//! When events happen: by day and by night, on working days and on weekends.

use anyhow::{Context, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Seconds of an hour.
pub(crate) const HOUR_SECONDS: i64 = 3600;
/// Hours of a day.
const DAY_HOURS: i64 = 24;
/// Share of the machines' calls, which never sleep, at the busiest hour.
const NIGHT: f64 = 0.3;
/// How much of a working day's human part is left on Saturdays and Sundays.
const WEEKEND: f64 = 0.25;

/// The hours of a period, with the share of all events that has happened before the end of each.
#[derive(Debug)]
pub(crate) struct Calendar {
    start: i64,
    ends: Vec<f64>,
}

impl Calendar {
    /// `days` days that end at `until`, in seconds since 1970.
    pub(crate) fn new(until: i64, days: u32) -> Self {
        let hours = i64::from(days.max(1)) * DAY_HOURS;
        let start = until - hours * HOUR_SECONDS;
        let mut total = 0.0;
        let mut ends: Vec<f64> = (0..hours)
            .map(|hour| {
                total += weight(start.div_euclid(HOUR_SECONDS) + hour);
                total
            })
            .collect();
        for end in &mut ends {
            *end /= total;
        }
        Self { start, ends }
    }

    /// The second at which this share of all events, from 0 to below 1, has happened. `hour` is where the search begins:
    /// shares that grow find their hour at once.
    pub(crate) fn second_at(&self, share: f64, hour: &mut usize) -> i64 {
        if *hour > 0 && self.ends[*hour - 1] > share {
            *hour = self.ends.partition_point(|end| *end <= share);
        }
        while *hour + 1 < self.ends.len() && self.ends[*hour] <= share {
            *hour += 1;
        }
        let before = if *hour == 0 { 0.0 } else { self.ends[*hour - 1] };
        let within = (share - before) / (self.ends[*hour] - before);
        let second = (within * HOUR_SECONDS as f64) as i64;
        self.start + *hour as i64 * HOUR_SECONDS + second.clamp(0, HOUR_SECONDS - 1)
    }
}

/// How busy an hour is, counted from 1970.
fn weight(hour: i64) -> f64 {
    // 1 January 1970 was a Thursday.
    let weekday = (hour.div_euclid(DAY_HOURS) + 3).rem_euclid(7);
    let people = if weekday >= 5 { WEEKEND } else { 1.0 };
    // Busiest at 14 o'clock, quietest twelve hours away.
    let angle = (hour.rem_euclid(DAY_HOURS) - 14) as f64 / DAY_HOURS as f64 * std::f64::consts::TAU;
    let day = (1.0 + angle.cos()) / 2.0;
    NIGHT + (1.0 - NIGHT) * people * day * day
}

/// Writes times as records have them. A day is taken apart once, however many events it has.
#[derive(Debug, Default)]
pub(crate) struct TimeText {
    day: Option<i64>,
    date: String,
}

impl TimeText {
    /// Appends `2026-11-23T14:05:09Z`.
    pub(crate) fn write(&mut self, second: i64, out: &mut Vec<u8>) {
        let day = second.div_euclid(DAY_HOURS * HOUR_SECONDS);
        if self.day != Some(day) {
            self.date = Date::of(second).map(|date| date.format("%Y-%m-%dT")).unwrap_or_default();
            self.day = Some(day);
        }
        out.extend_from_slice(self.date.as_bytes());
        let rest = second.rem_euclid(DAY_HOURS * HOUR_SECONDS);
        for (value, mark) in [(rest / HOUR_SECONDS, b':'), (rest / 60 % 60, b':'), (rest % 60, b'Z')] {
            out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8, mark]);
        }
    }
}

/// A time of the calendar that can be formatted.
pub(crate) struct Date(jiff::Zoned);

impl Date {
    /// # Errors
    /// A second outside of the years that a calendar has.
    pub(crate) fn of(second: i64) -> Result<Self> {
        let timestamp = Timestamp::from_second(second).with_context(|| format!("no such time: {second}"))?;
        Ok(Self(timestamp.to_zoned(TimeZone::UTC)))
    }

    pub(crate) fn format(&self, pattern: &str) -> String {
        self.0.strftime(pattern).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, TimeText};

    /// Monday, 23 November 2026, midnight.
    const MONDAY: i64 = 1_795_392_000;

    #[test]
    fn nights_and_weekends_are_quiet_and_times_never_run_back() {
        let calendar = Calendar::new(MONDAY, 7);
        let mut hour = 0;
        let times: Vec<i64> = (0..100_000).map(|n| calendar.second_at(f64::from(n) / 100_000.0, &mut hour)).collect();
        assert!(times.is_sorted());
        assert!(times[0] >= MONDAY - 7 * 86_400 && times[times.len() - 1] < MONDAY);
        let at = |hour: i64| times.iter().filter(|time| time.rem_euclid(86_400) / 3600 == hour).count();
        assert!(at(14) > 2 * at(2), "{} by day, {} by night", at(14), at(2));
        let sunday = times.iter().filter(|time| **time >= MONDAY - 86_400).count();
        assert!(sunday < 100_000 / 7, "{sunday} on Sunday");
    }

    #[test]
    fn times_are_written_as_records_have_them() {
        let mut out = Vec::new();
        TimeText::default().write(MONDAY + 50_709, &mut out);
        assert_eq!(out, b"2026-11-23T14:05:09Z");
    }
}
