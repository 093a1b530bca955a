//! Texts that are stored as numbers: UUIDs and times.

/// The bytes of a UUID in the one form that is given back the same: lower case, with dashes.
pub fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let text: &[u8; 36] = text.try_into().ok()?;
    if DASHES.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    // All digits at once and without a branch, which compilers make a handful of instructions of.
    let mut digits = [0; 32];
    let parts = [(0..8, 0..8), (9..13, 8..12), (14..18, 12..16), (19..23, 16..20), (24..36, 20..32)];
    for (from, to) in parts {
        digits[to].copy_from_slice(&text[from]);
    }
    let mut are_digits = true;
    for digit in &mut digits {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        are_digits &= (number < 10) | (letter < 6);
        *digit = if number < 10 { number } else { letter.wrapping_add(10) };
    }
    are_digits.then(|| std::array::from_fn(|byte| digits[2 * byte] << 4 | digits[2 * byte + 1]))
}

/// The text of a UUID.
pub fn format_uuid(uuid: &[u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// Seconds since 1970 of a time in the one form that is given back the same: `2026-01-02T03:04:05Z`.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    let text: &[u8; 20] = text.try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if separators.iter().any(|(at, separator)| text[*at] != *separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0_i64, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_of(year, month, day);
    if day < 1 || date_of(days) != (year, month, day) {
        return None;
    }
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// The text of a time that [`parse_time`] gave.
pub(crate) fn format_time(seconds: i64) -> [u8; 20] {
    let (year, month, day) = date_of(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let mut text = *b"0000-00-00T00:00:00Z";
    let mut put = |at: usize, digits: usize, mut value: i64| {
        for place in (at..at + digits).rev() {
            text[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, second / 3_600);
    put(14, 2, second / 60 % 60);
    put(17, 2, second % 60);
    text
}

/// Days since 1970 of a date of the Gregorian calendar; years begin in March, so that leap days come last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_comes_back_the_same_is_a_number() {
        for text in ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z", ""]
        {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
        for text in ["2024-02-29T23:59:59Z", "1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            let seconds = parse_time(text.as_bytes()).expect(text);
            assert_eq!(format_time(seconds), text.as_bytes(), "{text}");
        }
        assert_eq!(parse_time(b"2026-11-23T12:15:59Z"), Some(1_795_436_159));
        assert_eq!(parse_uuid(b"0123ABCD-0000-0000-0000-000000000000"), None);
    }

    proptest! {
        #[test]
        fn uuids_come_back(uuid: [u8; 16]) {
            prop_assert_eq!(parse_uuid(&format_uuid(&uuid)), Some(uuid));
        }

        #[test]
        fn times_come_back(seconds in -62_167_219_200_i64..253_402_300_800) {
            prop_assert_eq!(parse_time(&format_time(seconds)), Some(seconds));
        }

        #[test]
        fn any_text_is_taken_or_not(text in "[0-9a-f:TZ-]{0,40}") {
            if let Some(uuid) = parse_uuid(text.as_bytes()) {
                prop_assert_eq!(&format_uuid(&uuid)[..], text.as_bytes());
            }
            if let Some(seconds) = parse_time(text.as_bytes()) {
                prop_assert_eq!(&format_time(seconds)[..], text.as_bytes());
            }
        }
    }
}
