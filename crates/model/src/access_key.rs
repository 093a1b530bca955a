//! Access key ids.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// An access key id: 1 to 128 characters of `A-Z a-z 0-9 _ - . = + @ /`.
///
/// AWS's own ids have 20 characters (`AKIA…` long-term, `ASIA…` temporary); other S3 stores make ids of other
/// lengths and alphabets, so only what could break a header or a log line is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccessKeyId(Arc<str>);

/// The text is not an access key id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an access key id: expected 1 to 128 letters, digits or _-.=+@/ characters")]
pub struct AccessKeyIdError;

impl AccessKeyId {
    /// Parses an access key id.
    ///
    /// # Errors
    /// An empty or over-long text, or a character outside the set above.
    pub fn parse(text: &str) -> Result<Self, AccessKeyIdError> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.=+@/".contains(&byte));
        if fits { Ok(Self(text.into())) } else { Err(AccessKeyIdError) }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether AWS's naming says that this key belongs to a temporary session.
    pub fn is_temporary(&self) -> bool {
        self.0.starts_with("ASIA")
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_foreign_ids_and_refuses_separators() {
        assert!(AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").is_ok());
        assert!(AccessKeyId::parse("GK31c2f218a2e44f485b94239e").is_ok());
        for text in ["", "a b", "a\n", "a,b", &"x".repeat(129)] {
            assert!(AccessKeyId::parse(text).is_err(), "{text:?}");
        }
    }
}
