//! Folders named by days, as CloudTrail makes them: `…/2026/11/23/…`.

use std::time::{Duration, SystemTime};

use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day, in UTC, from which on files are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(Date);

impl Day {
    /// The day of `now`, less some days.
    pub(crate) fn before(now: SystemTime, days: u32) -> Self {
        let instant = now - Duration::from_secs(24 * 60 * 60) * days;
        let timestamp = jiff::Timestamp::try_from(instant).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self(timestamp.to_zoned(TimeZone::UTC).date())
    }

    /// Whether everything below this folder is of earlier days. The folder's last names count: a year, a year and a
    /// month, or all three. A folder of any other name is not.
    pub(super) fn is_after_all_of<'a>(self, names_from_last: impl Iterator<Item = &'a str>) -> bool {
        let numbers: Vec<&str> = names_from_last.take(3).take_while(|name| is_number(name)).collect();
        let parse = |name: &str| name.parse::<i16>().unwrap_or(i16::MAX);
        let (year, month, day) = (self.0.year(), i16::from(self.0.month()), i16::from(self.0.day()));
        match numbers.as_slice() {
            [d, m, y] if d.len() == 2 && m.len() == 2 && y.len() == 4 => {
                (parse(y), parse(m), parse(d)) < (year, month, day)
            }
            [m, y, ..] if m.len() == 2 && y.len() == 4 => (parse(y), parse(m)) < (year, month),
            [y, ..] if y.len() == 4 => parse(y) < year,
            _ => false,
        }
    }
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.len() <= 4 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The day that a path names, as its eight digits.
pub(super) type DeliveryDay = [u8; 8];

/// The day that the folders of a path name, `…/2026/11/23/…`, or else the name of the file, `…_20261123T0410Z_…`. Only
/// an order is made of it, so that a wrong guess does no harm.
pub(super) fn delivery_day(path: &[u8]) -> Option<DeliveryDay> {
    let is_day = |shape: &[u8], text: &[u8]| {
        shape.iter().zip(text).all(|(shape, byte)| if *shape == b'0' { byte.is_ascii_digit() } else { shape == byte })
    };
    let digits = |text: &[u8]| -> Option<DeliveryDay> {
        text.iter().copied().filter(u8::is_ascii_digit).collect::<Vec<u8>>().try_into().ok()
    };
    for shape in [&b"/0000/00/00/"[..], b"_00000000T"] {
        if let Some(found) = path.windows(shape.len()).find(|text| is_day(shape, text)) {
            return digits(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_day() {
        let name = "111122223333_CloudTrail_eu-west-1_20261123T0410Z_abcdefghijklmnop.json.gz";
        assert_eq!(delivery_day(name.as_bytes()), Some(*b"20261123"));
        assert_eq!(delivery_day(format!("s3://b/x/2025/01/02/{name}").as_bytes()), Some(*b"20250102"));
        assert_eq!(delivery_day(b"/2025/1/2/x"), None);
    }

    #[test]
    fn earlier_days_are_told_by_their_folders() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_430_000);
        let day = Day::before(now, 2);
        assert_eq!(day.0.to_string(), "2026-11-21");
        let is_earlier = |path: &str| day.is_after_all_of(path.rsplit('/'));
        for path in ["x/2025", "x/2026/10", "x/2026/11/20", "2026/11/01", "x/1111/2026/10"] {
            assert!(is_earlier(path), "{path}");
        }
        for path in ["x", "", "x/2026", "x/2026/11", "x/2026/11/21", "x/2027/01/01", "x/11/20", "x/202", "x/20a5"] {
            assert!(!is_earlier(path), "{path}");
        }
    }
}
