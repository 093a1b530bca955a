//! Parts of the texts of times, which are stored as numbers.

use std::ops::{Range, RangeInclusive};

use crate::cells::format_time;

/// What is the same in all times; a 0 stands for a digit.
const LAYOUT: &[u8; 20] = b"0000-00-00T00:00:00Z";
/// Stands for a digit that a part says nothing of.
const ANY: u8 = b'?';
const DAY_SECONDS: i64 = 86_400;
/// Most days between two times that are looked at one by one.
const DAYS_MAX: i64 = 400;
/// Times whose texts have this layout, seconds since 1970: those of the years 0 to 9999.
const WRITTEN: RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A part of a time's text, for each place in the text where it may stand: what it says of the time.
#[derive(Debug)]
pub(crate) struct TimeParts {
    /// Texts of times with [`ANY`] in them.
    patterns: Vec<[u8; 20]>,
}

impl TimeParts {
    /// Bytes of a time's text.
    pub(crate) const TEXT_BYTES: usize = LAYOUT.len();

    /// `starts` are the places where it may begin; each must leave room for it.
    pub(crate) fn of(part: &[u8], starts: Range<usize>) -> Self {
        Self { patterns: starts.filter_map(|start| pattern(part, start)).collect() }
    }

    /// Whether no time has it.
    pub(crate) fn are_none(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a time, in seconds since 1970, has it.
    pub(crate) fn are_in(&self, seconds: i64) -> bool {
        // To write a time costs more than to see that there is nothing to look for.
        !self.are_none() && {
            let text = format_time(seconds);
            self.patterns.iter().any(|pattern| fits(pattern, &text))
        }
    }

    /// Whether a time between two others, both inclusive, may have it.
    pub(crate) fn may_be_between(&self, first: i64, last: i64) -> bool {
        let days = first.div_euclid(DAY_SECONDS)..=last.div_euclid(DAY_SECONDS);
        let are_many = days.end() - days.start() > DAYS_MAX || !WRITTEN.contains(&first) || !WRITTEN.contains(&last);
        !self.are_none() && (are_many || days.into_iter().any(|day| self.may_be_on(day * DAY_SECONDS, first, last)))
    }

    fn may_be_on(&self, day: i64, first: i64, last: i64) -> bool {
        let date = format_time(day);
        let (low, high) = (first.max(day) - day, last.min(day + DAY_SECONDS - 1) - day);
        let mut patterns = self.patterns.iter().filter(|pattern| fits(&pattern[..10], &date[..10]));
        patterns.any(|pattern| has_time(pattern, low, high))
    }
}

fn pattern(part: &[u8], start: usize) -> Option<[u8; 20]> {
    let mut pattern = LAYOUT.map(|byte| if byte == b'0' { ANY } else { byte });
    for (place, byte) in pattern[start..].iter_mut().zip(part) {
        let is_the_same = if *place == ANY { byte.is_ascii_digit() } else { byte == place };
        *place = is_the_same.then_some(*byte)?;
    }
    Some(pattern)
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    pattern.iter().zip(text).all(|(pattern, byte)| *pattern == ANY || pattern == byte)
}

/// Whether a pattern has a time between two of one day, both inclusive, in seconds since its begin.
fn has_time(pattern: &[u8; 20], low: i64, high: i64) -> bool {
    let fits_number =
        |at: usize, number: i64| fits(&pattern[at..at + 2], &[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
    // The numbers of units of a size that are in a unit around them and between the two.
    let units = |start: i64, size: i64, count: i64| -> RangeInclusive<i64> {
        let of = |second: i64| (second - start).div_euclid(size);
        of(low).max(0)..=of(high).min(count - 1)
    };
    units(0, 3_600, 24).filter(|hour| fits_number(11, *hour)).any(|hour| {
        let hour = hour * 3_600;
        units(hour, 60, 60)
            .filter(|minute| fits_number(14, *minute))
            .any(|minute| units(hour + minute * 60, 1, 60).any(|second| fits_number(17, second)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anywhere(part: &[u8]) -> TimeParts {
        TimeParts::of(part, 0..(TimeParts::TEXT_BYTES + 1).saturating_sub(part.len()))
    }

    proptest! {
        #[test]
        fn parts_are_found_where_texts_have_them(
            seconds in 1_790_000_000..1_800_000_000_i64,
            other in 1_790_000_000..1_800_000_000_i64,
            start in 0..20_usize,
            length in 1..21_usize,
            odd in "[0-9T:Z-]{1,4}",
            before in 0..200_000_i64,
            behind in 0..200_000_i64,
        ) {
            let text = format_time(seconds);
            let part = &text[start..20.min(start + length)];
            prop_assert!(anywhere(part).are_in(seconds));
            prop_assert!(anywhere(part).may_be_between(seconds - before, seconds + behind));
            for part in [part, odd.as_bytes()] {
                let is_there = memchr::memmem::find(&format_time(other), part).is_some();
                prop_assert_eq!(anywhere(part).are_in(other), is_there);
                prop_assert_eq!(anywhere(part).may_be_between(other, other), is_there);
            }
        }

        #[test]
        fn parts_are_not_found_where_no_time_has_them(
            first in 1_790_000_000..1_790_100_000_i64,
            length in 0..300_i64,
            part in "[0-2][0-9]:[0-5][0-9](:[0-5])?|2026-09-2[0-9](T[01])?|[0-9]:0[0-9]Z",
        ) {
            let is_there = (first..=first + length)
                .any(|time| memchr::memmem::find(&format_time(time), part.as_bytes()).is_some());
            prop_assert_eq!(anywhere(part.as_bytes()).may_be_between(first, first + length), is_there, "{}", part);
        }
    }
}
