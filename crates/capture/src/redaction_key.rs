//! A keyed hash of what a record hides, so that one can search for a value without storing it.
//!
//! Whoever knows a value and the key can tell where it was used; whoever has the records alone can tell only that two
//! hidden values are the same. A value that can be guessed, such as a short password, is safe as long as the key is.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Size of a key, bytes.
const KEY_BYTES: usize = 32;

/// Bytes of the hash that are written: two values of an installation are taken for each other once in 2^64.
const WRITTEN_BYTES: usize = 8;

/// The secret of an installation that its hidden values are hashed with.
#[derive(Clone)]
pub struct RedactionKey([u8; KEY_BYTES]);

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedactionKey(…)")
    }
}

impl RedactionKey {
    /// A key of these bytes, which must be random and secret.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The word that stands for a value in records: `hmac-sha256:` and 16 hexadecimal digits, the beginning of the
    /// HMAC-SHA256 of the value's UTF-8 bytes.
    pub fn term(&self, value: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(value.as_bytes());
        let hash = mac.finalize().into_bytes();
        let mut term = String::from("hmac-sha256:");
        for byte in &hash[..WRITTEN_BYTES] {
            term.push_str(&format!("{byte:02x}"));
        }
        term
    }
}

/// What stands in place of a hidden text: the service's own words, and with a key the term of the value behind them.
pub(crate) fn hidden_text(key: Option<&RedactionKey>, words: &str, value: &str) -> String {
    match key {
        None => words.to_owned(),
        // Of nothing there is nothing to search for.
        Some(_) if value.is_empty() => words.to_owned(),
        Some(key) if words.is_empty() => key.term(value),
        Some(key) => format!("{words} {}", key.term(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_the_hmac_of_the_value() {
        // Computed with `openssl dgst -sha256 -mac HMAC`.
        let key = RedactionKey::new([7; KEY_BYTES]);
        assert_eq!(key.term("hunter2"), "hmac-sha256:326eb4f6783e519f");
        assert_ne!(RedactionKey::new([8; KEY_BYTES]).term("hunter2"), key.term("hunter2"));
        assert_eq!(format!("{key:?}"), "RedactionKey(…)");
    }

    #[test]
    fn the_words_of_the_service_stay() {
        let key = RedactionKey::new([7; KEY_BYTES]);
        assert_eq!(hidden_text(None, "****", "hunter2"), "****");
        assert_eq!(hidden_text(Some(&key), "****", "hunter2"), format!("**** {}", key.term("hunter2")));
        assert_eq!(hidden_text(Some(&key), "", "hunter2"), key.term("hunter2"));
        assert_eq!(hidden_text(Some(&key), "****", ""), "****");
    }
}
