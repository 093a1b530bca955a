//! How far an import is, for people who watch.

use std::fmt::{self, Display};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stop::Stop;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// One line that is written over and over, for terminals of this many columns.
    Bar {
        /// Columns of the terminal.
        columns: usize,
    },
    /// A line every few seconds, for logs.
    Lines,
    /// Nothing.
    Silent,
}

const BAR_INTERVAL: Duration = Duration::from_millis(200);
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const BAR_CELLS: usize = 20;

/// Counters that workers raise while they read. They run ahead of what is durable.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) files_found: AtomicU64,
    pub(crate) bytes_found: AtomicU64,
    pub(crate) is_listed: AtomicBool,
    pub(crate) files_done: AtomicU64,
    pub(crate) bytes_done: AtomicU64,
    pub(crate) records: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    files_found: u64,
    bytes_found: u64,
    is_listed: bool,
    files_done: u64,
    bytes_done: u64,
    records: u64,
    seconds: f64,
}

impl Progress {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// Shows the progress until the end. A terminal that is gone stops nothing.
    pub(crate) fn show(&self, style: ProgressStyle, out: &mut dyn Write, ended: &Stop) {
        let started = Instant::now();
        let interval = match style {
            ProgressStyle::Silent => return,
            ProgressStyle::Bar { .. } => BAR_INTERVAL,
            ProgressStyle::Lines => LINE_INTERVAL,
        };
        let mut last_line = None;
        loop {
            ended.wait(interval);
            let moment = self.moment(started.elapsed());
            // Days of following must not fill a log with the same line.
            let is_news = last_line.replace(moment.done()) != Some(moment.done());
            let _ = match style {
                ProgressStyle::Bar { columns } => write!(out, "\r\x1b[2K{}", moment.bar(columns)),
                ProgressStyle::Lines | ProgressStyle::Silent if ended.is_requested() || !is_news => Ok(()),
                ProgressStyle::Lines | ProgressStyle::Silent => writeln!(out, "{}", moment.line()),
            };
            let _ = out.flush();
            if ended.is_requested() {
                if matches!(style, ProgressStyle::Bar { .. }) {
                    let _ = writeln!(out);
                }
                return;
            }
        }
    }

    fn moment(&self, elapsed: Duration) -> Moment {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Moment {
            files_found: read(&self.files_found),
            bytes_found: read(&self.bytes_found),
            is_listed: self.is_listed.load(Ordering::Relaxed),
            files_done: read(&self.files_done),
            bytes_done: read(&self.bytes_done),
            records: read(&self.records),
            seconds: elapsed.as_secs_f64(),
        }
    }
}

impl Moment {
    /// What changes while there is anything to do.
    fn done(&self) -> [u64; 4] {
        [self.files_found, self.files_done, self.bytes_done, self.records]
    }

    fn share(&self) -> f64 {
        if self.bytes_found == 0 {
            return 0.0;
        }
        (self.bytes_done as f64 / self.bytes_found as f64).min(1.0)
    }

    fn records_per_second(&self) -> u64 {
        if self.seconds <= 0.0 { 0 } else { (self.records as f64 / self.seconds) as u64 }
    }

    /// Seconds left, once the listing is complete and there is something to go by.
    fn seconds_left(&self) -> Option<u64> {
        let share = self.share();
        (self.is_listed && share > 0.0).then(|| (self.seconds * (1.0 - share) / share) as u64)
    }

    fn line(&self) -> String {
        let Self { files_done, files_found, bytes_done, bytes_found, records, .. } = *self;
        let more = if self.is_listed { "" } else { " so far" };
        let left = self.seconds_left().map(|left| format!(", {} left", Clock(left))).unwrap_or_default();
        format!(
            "{} of {} files{more}, {} of {}, {} events, {} events/s{left}",
            Grouped(files_done),
            Grouped(files_found),
            Bytes(bytes_done),
            Bytes(bytes_found),
            Grouped(records),
            Grouped(self.records_per_second()),
        )
    }

    fn bar(&self, columns: usize) -> String {
        let full = (self.share() * BAR_CELLS as f64) as usize;
        let bar = format!("[{}{}] ", "=".repeat(full), " ".repeat(BAR_CELLS - full));
        let mut text = if columns > 2 * BAR_CELLS { bar } else { String::new() };
        text += &self.line();
        // A line that wraps cannot be written over.
        text.truncate(columns.saturating_sub(1));
        text
    }
}

/// A number with its thousands apart.
pub(crate) struct Grouped(pub(crate) u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A size in units of 1,000.
pub(crate) struct Bytes(pub(crate) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
        let mut value = self.0 as f64 / 1000.0;
        let mut unit = 0;
        while value >= 999.95 && unit + 1 < units.len() {
            value /= 1000.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", units[unit])
    }
}

/// Hours, minutes and seconds.
struct Clock(u64);

impl Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        if hours > 0 { write!(f, "{hours}:{minutes:02}:{seconds:02}") } else { write!(f, "{minutes}:{seconds:02}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_one_line() {
        let mut moment = Moment {
            files_found: 52_000,
            bytes_found: 2_000_000_000,
            is_listed: true,
            files_done: 1_200,
            bytes_done: 500_000_000,
            records: 1_234_567,
            seconds: 10.0,
        };
        assert_eq!(
            moment.line(),
            "1,200 of 52,000 files, 500.0 MB of 2.0 GB, 1,234,567 events, 123,456 events/s, 0:30 left"
        );
        assert!(moment.bar(200).starts_with("[=====               ] 1,200 of"));
        assert_eq!(moment.bar(60).len(), 59);
        moment.is_listed = false;
        assert!(moment.line().starts_with("1,200 of 52,000 files so far"));
        assert_eq!(moment.seconds_left(), None);
    }

    #[test]
    fn quantities_are_readable() {
        assert_eq!(
            [0, 999, 1000, 1_000_000].map(|number| Grouped(number).to_string()),
            ["0", "999", "1,000", "1,000,000"]
        );
        assert_eq!(
            [0, 1500, 999_960, 3 << 40].map(|number| Bytes(number).to_string()),
            ["0.0 kB", "1.5 kB", "1.0 MB", "3.3 TB"]
        );
        assert_eq!(Clock(3_725).to_string(), "1:02:05");
    }
}
