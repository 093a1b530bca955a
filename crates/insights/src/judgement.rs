//! What is unusual.
//!
//! The calls of the last five minutes are compared with what is **normal**, the largest of
//! - the most that any five minutes had at this time of the day, half an hour before to half an hour behind it, on any of
//!   the seven days before: what runs every night, or every Sunday, is no news;
//! - the third highest of the daily peaks of the last seven days: what happens on three days of a week at whatever time is
//!   no news either;
//! - the average of the baseline.
//!
//! Unusual is what is more than twice that, by more than chance makes of such a number, and five calls: an operation that
//! was never called must come six times.

use crate::series::{BUCKET_MINUTES, DAY_MINUTES, Series};

/// How many times of what is normal is unusual.
const FACTOR: f64 = 2.0;
/// Standard deviations of a number of calls that come by chance.
const DEVIATIONS: f64 = 3.0;
/// Calls that are never unusual.
const CALLS_MIN: f64 = 5.0;
/// Buckets before and behind the same time of another day.
const AROUND_BUCKETS: i64 = 30 / BUCKET_MINUTES;
const DAY_BUCKETS: i64 = DAY_MINUTES / BUCKET_MINUTES;
/// Which of the daily peaks is normal, highest first.
const NORMAL_PEAK: usize = 2;
const DAYS: i64 = 7;

/// Numbers of calls in five minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Levels {
    /// An Insight begins above this.
    pub(crate) begin: f64,
    /// It has ended below this.
    pub(crate) end: f64,
}

/// The levels for the five minutes that end with a minute; `average` is that of the baseline, a minute.
pub(crate) fn levels(series: &Series, minute: i64, average: f64) -> Levels {
    let normal = normal_calls(series, minute.div_euclid(BUCKET_MINUTES)).max(average * BUCKET_MINUTES as f64);
    let begin = FACTOR * normal + DEVIATIONS * normal.sqrt() + CALLS_MIN;
    Levels { begin, end: normal + (begin - normal) / 3.0 }
}

fn normal_calls(series: &Series, now: i64) -> f64 {
    let mut at_this_time = 0;
    let mut peaks = [0; DAYS as usize];
    for (bucket, calls) in &series.history {
        let age = now - bucket;
        // Today's own buckets are no other day's.
        let to_same_time = (age + DAY_BUCKETS / 2).rem_euclid(DAY_BUCKETS) - DAY_BUCKETS / 2;
        let is_other_day = (DAY_BUCKETS / 2..=DAYS * DAY_BUCKETS + AROUND_BUCKETS).contains(&age);
        if is_other_day && to_same_time.abs() <= AROUND_BUCKETS {
            at_this_time = at_this_time.max(*calls);
        }
        if let Some(peak) = usize::try_from(age / DAY_BUCKETS).ok().and_then(|day| peaks.get_mut(day)) {
            *peak = (*peak).max(*calls);
        }
    }
    peaks.sort_unstable_by(|left, right| right.cmp(left));
    f64::from(at_this_time.max(peaks[NORMAL_PEAK]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 20_000 * DAY_MINUTES + 12 * 60;

    /// The level above which an Insight begins, with calls so many minutes ago.
    fn begin(history: &[(i64, u32)]) -> f64 {
        let mut series = Series::default();
        for (ago, calls) in history {
            let calls = crate::counts::Calls { total: *calls, ..Default::default() };
            series.add_to_history(NOW - ago, &calls);
        }
        levels(&series, NOW, 0.0).begin
    }

    #[test]
    fn an_operation_that_was_never_called_must_come_six_times() {
        assert_eq!(begin(&[]), 5.0);
    }

    #[test]
    fn the_same_time_of_another_day_is_normal_and_other_times_are_not() {
        let day = DAY_MINUTES;
        let normal = FACTOR * 100.0 + DEVIATIONS * 10.0 + CALLS_MIN;
        for ago in [day, day - 30, day + 30, 7 * day, 7 * day + 30, 4 * day - 25] {
            assert_eq!(begin(&[(ago, 100)]), normal, "{ago}");
        }
        for ago in [20, day / 2, day - 40, 3 * day + 40, 7 * day + 40] {
            assert_eq!(begin(&[(ago, 100)]), 5.0, "{ago}");
        }
    }

    #[test]
    fn what_happens_on_three_days_is_normal() {
        let on_days = |count: i64| (0..count).map(|day| (day * DAY_MINUTES + 300, 100)).collect::<Vec<_>>();
        assert_eq!(begin(&on_days(2)), 5.0);
        assert_eq!(begin(&on_days(3)), FACTOR * 100.0 + DEVIATIONS * 10.0 + CALLS_MIN);
    }
}
