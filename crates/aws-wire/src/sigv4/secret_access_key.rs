//! Secret access keys.

use std::fmt;
use std::sync::Arc;

/// Longest secret accepted, in bytes. AWS makes 40; other stores make up to 128.
pub const SECRET_BYTES_MAX: usize = 256;

/// The secret half of an access key. It prints nothing, compares only through signatures, and its text leaves through
/// [`SecretAccessKey::expose`] alone.
#[derive(Clone)]
pub struct SecretAccessKey(Arc<str>);

/// The text cannot be a secret access key. The text itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a secret access key: expected 1 to 256 visible ASCII characters")]
pub struct SecretAccessKeyError;

impl SecretAccessKey {
    /// Parses a secret: 1 to 256 visible ASCII characters.
    ///
    /// # Errors
    /// An empty or over-long text, a space, a control character or anything beyond ASCII: such a text is a slip of copy
    /// and paste, and would only show as signatures that never match.
    pub fn parse(text: &str) -> Result<Self, SecretAccessKeyError> {
        let fits = (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(SecretAccessKeyError) }
    }

    /// The secret text: for deriving keys, for the file that keeps it, and for showing it once to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints_itself_and_refuses_slips() {
        let secret = SecretAccessKey::parse("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").expect("a secret");
        assert_eq!(format!("{secret:?}"), "SecretAccessKey(..)");
        for text in ["", "a b", "a\n", "é", &"x".repeat(SECRET_BYTES_MAX + 1)] {
            assert!(SecretAccessKey::parse(text).is_err(), "{text:?}");
        }
    }
}
