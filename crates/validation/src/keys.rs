//! Public keys as ListPublicKeys gives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest::verify::PublicKeys;
use serde::Deserialize;

/// A text that is no list of public keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyListError {
    /// No JSON of the shape.
    #[error("it is not an answer of ListPublicKeys")]
    Format(#[from] serde_json::Error),
    /// A key is not base64.
    #[error("the key {fingerprint} is not base64")]
    Base64 {
        /// Name of the key.
        fingerprint: String,
        /// Why.
        source: base64::DecodeError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyList {
    public_key_list: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    value: String,
    fingerprint: String,
}

/// Reads an answer of ListPublicKeys, as the API gives it and as the AWS CLI prints it.
///
/// # Errors
/// See [`KeyListError`].
pub fn parse_key_list(text: &[u8]) -> Result<PublicKeys, KeyListError> {
    let list: KeyList = serde_json::from_slice(text)?;
    list.public_key_list
        .into_iter()
        .map(|Key { value, fingerprint }| match STANDARD.decode(value.trim()) {
            Ok(der) => Ok((fingerprint, der)),
            Err(source) => Err(KeyListError::Base64 { fingerprint, source }),
        })
        .collect()
}
