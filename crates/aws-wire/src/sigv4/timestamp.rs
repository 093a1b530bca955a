//! The time of a signature.

use std::fmt;

use model::EventTime;

/// The time that a signer states, in the basic ISO form `YYYYMMDD'T'HHMMSS'Z'`, whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AmzDate {
    text: [u8; 16],
    time: EventTime,
}

impl AmzDate {
    /// Parses the basic ISO form; `None` for any other text and for days that do not exist.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = <[u8; 16]>::try_from(text.as_bytes()).ok()?;
        let shaped = bytes.iter().enumerate().all(|(index, byte)| match index {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
        if !shaped {
            return None;
        }
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_i16, |value, digit| value * 10 + i16::from(digit - b'0'))
        };
        let small = |range| i8::try_from(number(range)).ok();
        let civil = jiff::civil::DateTime::new(
            number(0..4),
            small(4..6)?,
            small(6..8)?,
            small(9..11)?,
            small(11..13)?,
            small(13..15)?,
            0,
        )
        .ok()?;
        let seconds = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?.as_second();
        Some(Self { text: bytes, time: EventTime::from_seconds(seconds) })
    }

    /// Parses the `Date` header, which is the fallback when there is no `X-Amz-Date`: the basic ISO form, or the form of
    /// HTTP (`Fri, 24 May 2013 00:00:00 GMT`).
    pub fn parse_date_header(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
            Self::from_time(EventTime::from_seconds(zoned.timestamp().as_second()))
        })
    }

    /// The whole second that `time` falls in; `None` outside the years 0 to 9999.
    pub fn from_time(time: EventTime) -> Option<Self> {
        let stamp = jiff::Timestamp::from_second(time.as_seconds()).ok()?;
        Self::parse(&stamp.strftime("%Y%m%dT%H%M%SZ").to_string())
    }

    /// The time.
    pub fn time(&self) -> EventTime {
        self.time
    }

    /// The sixteen characters.
    pub fn as_str(&self) -> &str {
        // Only `parse` makes a value, and it checks that every byte is ASCII.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The day, `YYYYMMDD`, that a credential scope must name.
    pub fn day(&self) -> &str {
        &self.as_str()[..8]
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AmzDate({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_basic_form() {
        let date = AmzDate::parse("20150830T123600Z").expect("a date");
        assert_eq!(date.time().to_string(), "2015-08-30T12:36:00Z");
        assert_eq!((date.day(), date.to_string().as_str()), ("20150830", "20150830T123600Z"));
        assert_eq!(AmzDate::from_time(date.time()), Some(date));
    }

    #[test]
    fn refuses_other_forms_and_days_that_do_not_exist() {
        for text in
            ["", "2015-08-30T12:36:00Z", "20150830T123600", "20150231T000000Z", "20150830T246000Z", "2015083éT12360Z"]
        {
            assert_eq!(AmzDate::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn takes_the_date_header_of_http() {
        let date = AmzDate::parse_date_header("Fri, 24 May 2013 00:00:00 GMT").expect("a date");
        assert_eq!(date.as_str(), "20130524T000000Z");
        assert!(AmzDate::parse_date_header("yesterday").is_none());
    }
}
