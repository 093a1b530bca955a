//! The root access key as a value.

use aws_wire::sigv4::SecretAccessKey;
use model::AccessKeyId;
use serde::{Deserialize, Serialize};

/// Random bytes that a new key takes: one for each character that is not fixed.
pub const RANDOM_BYTES: usize = ID_RANDOM_CHARS + SECRET_CHARS;

const ID_PREFIX: &str = "AKIA";
const ID_RANDOM_CHARS: usize = 16;
const SECRET_CHARS: usize = 40;

const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Version of the file's form that this code writes and reads.
const FORMAT_VERSION: u32 = 1;

/// An access key with its secret.
#[derive(Debug, Clone)]
pub struct RootKey {
    /// Key id.
    pub access_key_id: AccessKeyId,
    /// Secret.
    pub secret: SecretAccessKey,
}

/// Why stored bytes are no root key. No variant holds text of the file, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyFormatError {
    /// Not JSON, or other members than expected.
    #[error("not JSON of the expected form (line {line}, column {column})")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Written by a newer release.
    #[error("format version {found}, this release reads version {FORMAT_VERSION}")]
    Version {
        /// Version in the file.
        found: u32,
    },
    /// A member whose value cannot be what it should be.
    #[error("the value of {member} is not valid")]
    Value {
        /// Name of the member.
        member: &'static str,
    },
}

/// The file's form, version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
}

/// The version alone, which every form has.
#[derive(Deserialize)]
struct StoredVersion {
    version: u32,
}

impl RootKey {
    /// Makes a key from random bytes: `AKIA` and 16 characters of base 32, and a secret of 40 characters of base 64,
    /// as AWS makes them. Each character takes one byte, of which it uses 5 or 6 bits, so all are equally likely.
    pub fn from_random(random: &[u8; RANDOM_BYTES]) -> Result<Self, RootKeyFormatError> {
        let (id, secret) = random.split_at(ID_RANDOM_CHARS);
        let id: String = id.iter().map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)])).collect();
        let secret: String = secret.iter().map(|byte| char::from(SECRET_ALPHABET[usize::from(byte % 64)])).collect();
        Self::parse(&format!("{ID_PREFIX}{id}"), &secret)
    }

    /// Whether both keys have the same id and secret.
    pub fn is_same(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id && self.secret.expose() == other.secret.expose()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            version: FORMAT_VERSION,
            access_key_id: self.access_key_id.to_string(),
            secret_access_key: self.secret.expose().to_owned(),
        };
        #[expect(clippy::expect_used, reason = "a structure of texts and a number always has a JSON form")]
        let mut bytes = serde_json::to_vec_pretty(&stored).expect("texts and a number have a JSON form");
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`RootKey::encode`] wrote.
    ///
    /// # Errors
    /// Any other bytes; see [`RootKeyFormatError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RootKeyFormatError> {
        let json = |error: serde_json::Error| RootKeyFormatError::Json { line: error.line(), column: error.column() };
        let StoredVersion { version } = serde_json::from_slice(bytes).map_err(json)?;
        if version != FORMAT_VERSION {
            return Err(RootKeyFormatError::Version { found: version });
        }
        let stored: Stored = serde_json::from_slice(bytes).map_err(json)?;
        Self::parse(&stored.access_key_id, &stored.secret_access_key)
    }

    fn parse(access_key_id: &str, secret: &str) -> Result<Self, RootKeyFormatError> {
        Ok(Self {
            access_key_id: AccessKeyId::parse(access_key_id)
                .map_err(|_| RootKeyFormatError::Value { member: "access_key_id" })?,
            secret: SecretAccessKey::parse(secret)
                .map_err(|_| RootKeyFormatError::Value { member: "secret_access_key" })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_have_the_form_of_aws() {
        let mut random = [0_u8; RANDOM_BYTES];
        for (index, byte) in random.iter_mut().enumerate() {
            *byte = u8::try_from(index * 5).unwrap_or(255);
        }
        let key = RootKey::from_random(&random).expect("a key");
        let id = key.access_key_id.as_str();
        assert_eq!((id.len(), key.secret.expose().len()), (20, 40));
        assert!(
            id.starts_with("AKIA") && id.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
        );
        assert!(key.secret.expose().bytes().all(|byte| SECRET_ALPHABET.contains(&byte)));
    }

    #[test]
    fn reads_what_it_writes_and_every_stored_version() {
        let key = RootKey::from_random(&[7; RANDOM_BYTES]).expect("a key");
        assert!(RootKey::decode(&key.encode()).expect("its own bytes").is_same(&key));
        // Frozen: files of version 1 stay readable for ever.
        let version_1 = br#"{"version": 1, "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#;
        let key = RootKey::decode(version_1).expect("version 1");
        assert_eq!(key.access_key_id.as_str(), "AKIAIOSFODNN7EXAMPLE");
    }

    #[test]
    fn says_what_is_wrong_without_the_secret() {
        for (text, expected) in [
            ("", "not JSON of the expected form (line 1, column 0)"),
            ("{\"version\": 1, \"access_key_id\": \"AK", "not JSON of the expected form (line 1, column 35)"),
            (r#"{"version": 2}"#, "format version 2, this release reads version 1"),
            (
                r#"{"version": 1, "access_key_id": "AKIA", "secret_access_key": 12345}"#,
                "not JSON of the expected form (line 1, column 66)",
            ),
            (
                r#"{"version": 1, "access_key_id": "a b", "secret_access_key": "x"}"#,
                "the value of access_key_id is not valid",
            ),
            (
                r#"{"version": 1, "access_key_id": "AKIA", "secret_access_key": ""}"#,
                "the value of secret_access_key is not valid",
            ),
        ] {
            assert_eq!(RootKey::decode(text.as_bytes()).expect_err(text).to_string(), expected);
        }
        let key = RootKey::from_random(&[7; RANDOM_BYTES]).expect("a key");
        assert!(!format!("{key:?}").contains(key.secret.expose()));
    }
}
