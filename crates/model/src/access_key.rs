//! Access key ids.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::AccountId;

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

/// Which bytes may stand in a key id: asked for each byte of each call's.
static IS_OF_KEY_ID: [bool; 256] = {
    let mut is_of_key_id = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        is_of_key_id[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'=' | b'+' | b'@' | b'/');
        byte += 1;
    }
    is_of_key_id
};

impl AccessKeyId {
    /// Parses an access key id.
    ///
    /// # Errors
    /// An empty or over-long text, or a character outside the set above.
    pub fn parse(text: &str) -> Result<Self, AccessKeyIdError> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| IS_OF_KEY_ID[usize::from(byte)]);
        if fits { Ok(Self(text.into())) } else { Err(AccessKeyIdError) }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account that the id was made for, where it tells.
    ///
    /// Ids of 20 characters with the prefixes `AKIA` and `ASIA` (LocalStack: `LKIA`, `LSIA`) are base32 after the
    /// prefix: a bit that is set in ids made since 2019, then 40 bits with the account, then bits that mean nothing to
    /// us. Older ids, ids with characters outside of base32 and numbers beyond twelve digits tell nothing. An id of the
    /// right form that was made up by hand does decode to something; who has such ids turns the use of this off.
    ///
    /// Source: observed by many, and what moto and LocalStack do to imitate it; AWS itself offers it as
    /// GetAccessKeyInfo.
    pub fn account(&self) -> Option<AccountId> {
        const PREFIXES: [&str; 4] = ["AKIA", "ASIA", "LKIA", "LSIA"];
        let digits = self.0.get(4..).filter(|digits| digits.len() == 16)?;
        if !PREFIXES.contains(&self.0.get(..4)?) {
            return None;
        }
        let bits = digits.bytes().try_fold(0_u128, |bits, byte| {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return None,
            };
            Some(bits << 5 | u128::from(value))
        })?;
        // 16 characters of 5 bits: the marker is the highest of 80 bits, the account the 40 after it.
        let account = (bits >> 39) & 0xff_ffff_ffff;
        let is_marked = bits >> 79 == 1;
        (is_marked && account > 0).then(|| AccountId::parse(&format!("{account:012}")).ok()).flatten()
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
    fn tells_the_account_that_an_id_was_made_for() {
        for (id, account) in [
            // Published with its account in the research that described the scheme.
            ("ASIAQNZGKIQY56JQ7WML", Some("029608264753")),
            ("AKIAQAAAAAAAAAAAAAAA", None),
            ("AKIAQAAAAAAAQAAAAAAA", Some("000000000001")),
            ("LKIAQAAAAAAAQAAAAAAA", Some("000000000001")),
            ("GKIAQAAAAAAAQAAAAAAA", None),
            // Made before 2019, of the documentation, made up, too large a number, other lengths.
            ("AKIAIOSFODNN7EXAMPLE", None),
            ("AKIAI44QH8DHBEXAMPLE", None),
            ("AKIAE2ESTRANGER00000", None),
            ("AKIA7777777777777777", None),
            ("AKIAQAAAAAAAQAAAAAAAA", None),
            ("AKIA", None),
            ("minio", None),
        ] {
            let found = AccessKeyId::parse(id).expect(id).account();
            assert_eq!(found.as_ref().map(AccountId::as_str), account, "{id}");
        }
    }

    #[test]
    fn takes_foreign_ids_and_refuses_separators() {
        assert!(AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").is_ok());
        assert!(AccessKeyId::parse("GK31c2f218a2e44f485b94239e").is_ok());
        for text in ["", "a b", "a\n", "a,b", &"x".repeat(129)] {
            assert!(AccessKeyId::parse(text).is_err(), "{text:?}");
        }
    }
}
