//! Region names.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A region name such as `eu-west-1`: 1 to 64 characters of `a-z`, `0-9` and `-`.
///
/// Unknown names are accepted on purpose: private clouds invent regions, and anonymised records hold invented ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Region(Arc<str>);

/// The text is not a region name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a region name: expected 1 to 64 characters of a-z, 0-9 and -")]
pub struct RegionError {
    text: String,
}

impl Region {
    /// Parses a region name.
    ///
    /// # Errors
    /// An empty or over-long text, or a character other than `a-z`, `0-9`, `-`.
    pub fn parse(text: &str) -> Result<Self, RegionError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits { Ok(Self(text.into())) } else { Err(RegionError { text: text.to_owned() }) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that the name belongs to: `aws-cn`, `aws-us-gov`, `aws-iso…`, or `aws` for all others.
    pub fn partition(&self) -> &'static str {
        match &*self.0 {
            name if name.starts_with("cn-") => "aws-cn",
            name if name.starts_with("us-gov-") => "aws-us-gov",
            name if name.starts_with("us-isob-") => "aws-iso-b",
            name if name.starts_with("us-iso-") => "aws-iso",
            _ => "aws",
        }
    }

    /// The region in which the partition records its global services (IAM, the global STS endpoint, CloudFront).
    ///
    /// Source: CloudTrail user guide, global service events.
    pub fn global_service_home(&self) -> Region {
        let name = match self.partition() {
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-iso" => "us-iso-east-1",
            "aws-iso-b" => "us-isob-east-1",
            _ => "us-east-1",
        };
        Region(name.into())
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_invented_names() {
        for name in ["us-east-1", "us-north-2r", "sagov-westsouth-1r", "garage"] {
            assert_eq!(Region::parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn knows_partitions_and_their_global_home() {
        for (name, partition, home) in [
            ("eu-west-1", "aws", "us-east-1"),
            ("cn-northwest-1", "aws-cn", "cn-north-1"),
            ("us-gov-east-1", "aws-us-gov", "us-gov-west-1"),
        ] {
            let region = Region::parse(name).expect(name);
            assert_eq!((region.partition(), region.global_service_home().as_str()), (partition, home));
        }
    }
}
