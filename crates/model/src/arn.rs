//! Amazon Resource Names.

use std::fmt;

/// An ARN, split once: `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    text: Box<str>,
    /// Byte offsets of the five separating colons.
    colons: [usize; 5],
}

/// The text is not an ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an ARN: expected arn:partition:service:region:account:resource")]
pub struct ArnError {
    text: String,
}

impl Arn {
    /// Splits an ARN. Region and account may be empty, the resource may not.
    ///
    /// # Errors
    /// A text that does not start with `arn:`, has fewer than six parts, or an empty resource.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let error = || ArnError { text: text.to_owned() };
        if !text.starts_with("arn:") {
            return Err(error());
        }
        let mut found = text.bytes().enumerate().filter(|(_, byte)| *byte == b':').map(|(offset, _)| offset);
        let mut colons = [0; 5];
        for colon in &mut colons {
            *colon = found.next().ok_or_else(error)?;
        }
        if colons[4] + 1 == text.len() || colons[0] + 1 == colons[1] {
            return Err(error());
        }
        Ok(Self { text: text.into(), colons })
    }

    fn part(&self, index: usize) -> &str {
        &self.text[self.colons[index] + 1..self.colons[index + 1]]
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        self.part(0)
    }

    /// The service namespace, such as `iam`.
    pub fn service(&self) -> &str {
        self.part(1)
    }

    /// The region; empty for global resources.
    pub fn region(&self) -> &str {
        self.part(2)
    }

    /// The account; empty for S3 buckets and AWS-owned resources.
    pub fn account(&self) -> &str {
        self.part(3)
    }

    /// Everything after the account, such as `user/path/ana` or `function:f:1`.
    pub fn resource(&self) -> &str {
        &self.text[self.colons[4] + 1..]
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arn({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_once() {
        let arn = Arn::parse("arn:aws:lambda:eu-west-1:111122223333:function:f:1").expect("an ARN");
        assert_eq!(
            (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()),
            ("aws", "lambda", "eu-west-1", "111122223333", "function:f:1")
        );
        assert_eq!(Arn::parse("arn:aws:s3:::b/k").expect("an ARN").resource(), "b/k");
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "arn", "arn:aws:s3:::", "urn:aws:s3:::b", "arn:aws:s3::b"] {
            assert!(Arn::parse(text).is_err(), "{text}");
        }
    }
}
