//! Durations and sizes as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A duration such as `500ms`, `2s`, `15m`, `1h`, `90d`; a bare number counts seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HumanDuration(Duration);

/// A size such as `512KiB`, `1MiB`, `2GB`; a bare number counts bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(usize);

/// The text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuantityError(String);

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QuantityError {}

impl HumanDuration {
    /// The duration.
    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

impl ByteSize {
    /// The number of bytes.
    pub(crate) fn get(self) -> usize {
        self.0
    }
}

/// Divides `15m` into 15 and `m`.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

impl FromStr for HumanDuration {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || QuantityError(format!("'{text}' is no duration: write it as 500ms, 2s, 15m, 1h or 90d"));
        let (number, unit) = split(text).ok_or_else(error)?;
        let millis = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(error()),
        };
        number.checked_mul(millis).map(Duration::from_millis).map(Self).ok_or_else(error)
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || QuantityError(format!("'{text}' is no size: write it as 65536, 512KiB, 1MiB or 2GiB"));
        let (number, unit) = split(text).ok_or_else(error)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => 1 << 20,
            "gib" | "g" => 1 << 30,
            _ => return Err(error()),
        };
        let bytes = number.checked_mul(factor).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(error)
    }
}

/// Texts and whole numbers, as a TOML file may hold either.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(u64),
}

impl TextOrNumber {
    fn parse<T: FromStr<Err = QuantityError>, E: serde::de::Error>(self) -> Result<T, E> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Number(number) => number.to_string().parse(),
        }
        .map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TextOrNumber::deserialize(deserializer)?.parse()
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TextOrNumber::deserialize(deserializer)?.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("500ms", 500), ("2s", 2_000), ("2", 2_000), ("15m", 900_000), ("90d", 7_776_000_000)] {
            assert_eq!(text.parse::<HumanDuration>().expect(text).get(), Duration::from_millis(millis));
        }
        for text in ["", "s", "1w", "-1s", "1.5s", "99999999999999999999d"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("65536", 65_536), ("512KiB", 524_288), ("1 MiB", 1_048_576), ("2gb", 2_000_000_000)] {
            assert_eq!(text.parse::<ByteSize>().expect(text).get(), bytes);
        }
        for text in ["", "MiB", "1TB", "-1"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
