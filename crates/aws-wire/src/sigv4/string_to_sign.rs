//! The text that is signed.

use sha2::{Digest, Sha256};

use super::scope::CredentialScope;
use super::timestamp::AmzDate;

/// Signature Version 4.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Signature Version 4A.
pub const ALGORITHM_SIGV4A: &str = "AWS4-ECDSA-P256-SHA256";

/// SHA-256 of nothing, in hexadecimal digits.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The string to sign of a request: algorithm, time, scope and the hash of the canonical request, one a line.
pub fn string_to_sign(date: AmzDate, scope: &CredentialScope<'_>, canonical_request: &[u8]) -> String {
    format!("{ALGORITHM}\n{date}\n{scope}\n{}", sha256_hex(canonical_request))
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
