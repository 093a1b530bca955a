//! What is in a digest file, how it is signed, and what can be wrong with one.

use model::EventTime;
use serde::{Deserialize, Serialize};

use crate::keys::{KeyError, SigningKey, is_signed};
use crate::log_file::{hash, pack};

/// Hash algorithm of files, as digests name it.
pub const HASH_ALGORITHM: &str = "SHA-256";
/// Signature algorithm of digests, as they name it.
pub const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";

/// A digest, in the order in which it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// Account whose log files it names.
    pub aws_account_id: String,
    /// Start of its window, in delivery time.
    pub digest_start_time: String,
    /// End of its window, and start of the next one's.
    pub digest_end_time: String,
    /// Bucket that it lies in.
    #[serde(rename = "digestS3Bucket")]
    pub digest_s3_bucket: String,
    /// Key that it lies under.
    #[serde(rename = "digestS3Object")]
    pub digest_s3_object: String,
    /// Name of the key that signed it.
    pub digest_public_key_fingerprint: String,
    /// [`SIGNATURE_ALGORITHM`].
    pub digest_signature_algorithm: String,
    /// Time of the newest event of all log files.
    pub newest_event_time: Option<String>,
    /// Time of the oldest event of all log files.
    pub oldest_event_time: Option<String>,
    /// Bucket of the digest before; the five members are null at the start of a chain.
    #[serde(rename = "previousDigestS3Bucket")]
    pub previous_digest_s3_bucket: Option<String>,
    /// Key of the digest before.
    #[serde(rename = "previousDigestS3Object")]
    pub previous_digest_s3_object: Option<String>,
    /// Hash of the digest before.
    pub previous_digest_hash_value: Option<String>,
    /// [`HASH_ALGORITHM`].
    pub previous_digest_hash_algorithm: Option<String>,
    /// Signature of the digest before.
    pub previous_digest_signature: Option<String>,
    /// Log files of the window.
    pub log_files: Vec<LogFileEntry>,
}

/// A log file in a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFileEntry {
    /// Bucket.
    #[serde(rename = "s3Bucket")]
    pub s3_bucket: String,
    /// Key.
    #[serde(rename = "s3Object")]
    pub s3_object: String,
    /// Hash of the file as unpacked.
    pub hash_value: String,
    /// [`HASH_ALGORITHM`].
    pub hash_algorithm: String,
    /// Time of the newest event.
    pub newest_event_time: String,
    /// Time of the oldest event.
    pub oldest_event_time: String,
}

/// What a digest is made of.
#[derive(Debug, Clone)]
pub struct DigestParts<'a> {
    /// Account.
    pub account: &'a str,
    /// Start of the window.
    pub start: EventTime,
    /// End of the window.
    pub end: EventTime,
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// The digest before: bucket, key, hash and signature.
    pub previous: Option<[&'a str; 4]>,
    /// Log files.
    pub log_files: Vec<LogFileEntry>,
}

/// A digest and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDigest {
    /// JSON, exactly as it was hashed.
    pub text: String,
    /// SHA-256 of the text, hexadecimal.
    pub hash: String,
    /// Hexadecimal.
    pub signature: String,
}

impl SignedDigest {
    /// Makes and signs a digest.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn new(parts: DigestParts<'_>, key: &SigningKey) -> Result<Self, KeyError> {
        let previous = |index: usize| parts.previous.map(|previous| previous[index].to_owned());
        let digest = Digest {
            aws_account_id: parts.account.to_owned(),
            digest_start_time: parts.start.to_string(),
            digest_end_time: parts.end.to_string(),
            digest_s3_bucket: parts.bucket.to_owned(),
            digest_s3_object: parts.key.to_owned(),
            digest_public_key_fingerprint: key.fingerprint(),
            digest_signature_algorithm: SIGNATURE_ALGORITHM.to_owned(),
            // Times of this form are ordered like their texts.
            newest_event_time: parts.log_files.iter().map(|file| file.newest_event_time.clone()).max(),
            oldest_event_time: parts.log_files.iter().map(|file| file.oldest_event_time.clone()).min(),
            previous_digest_s3_bucket: previous(0),
            previous_digest_s3_object: previous(1),
            previous_digest_hash_value: previous(2),
            previous_digest_hash_algorithm: parts.previous.map(|_| HASH_ALGORITHM.to_owned()),
            previous_digest_signature: previous(3),
            log_files: parts.log_files,
        };
        let text = serde_json::to_string(&digest).map_err(|_| KeyError::Sign)?;
        let hash = hash(text.as_bytes());
        let signature = key.sign(string_to_sign(&digest, &hash).as_bytes())?;
        Ok(Self { text, hash, signature })
    }

    /// The file: one gzip member.
    ///
    /// # Errors
    /// The compression fails.
    pub fn pack(text: &str) -> std::io::Result<Vec<u8>> {
        pack(text.as_bytes())
    }
}

fn string_to_sign(digest: &Digest, hash: &str) -> String {
    let Digest { digest_end_time, digest_s3_bucket, digest_s3_object, .. } = digest;
    let previous = digest.previous_digest_signature.as_deref().unwrap_or("null");
    format!("{digest_end_time}\n{digest_s3_bucket}/{digest_s3_object}\n{hash}\n{previous}")
}

/// What is wrong with a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestFault {
    /// It is no digest.
    #[error("it is not a digest file")]
    Format,
    /// It lies elsewhere than it says.
    #[error("it was moved from s3://{bucket}/{key}")]
    Moved {
        /// Bucket that it names.
        bucket: String,
        /// Key that it names.
        key: String,
    },
    /// Its key is not known.
    #[error("it was signed with a key of the fingerprint {fingerprint}, which is not known")]
    UnknownKey {
        /// Name of the key.
        fingerprint: String,
    },
    /// Its signature is wrong.
    #[error("its signature is wrong: it was changed, or signed by somebody else")]
    Signature,
}

impl Digest {
    /// Reads a digest and checks only that it lies where it says; its signature is another question.
    ///
    /// # Errors
    /// [`DigestFault::Format`] or [`DigestFault::Moved`].
    pub fn read(text: &[u8], bucket: &str, key: &str) -> Result<Self, DigestFault> {
        let digest: Self = serde_json::from_slice(text).map_err(|_| DigestFault::Format)?;
        if digest.digest_s3_bucket != bucket || digest.digest_s3_object != key {
            return Err(DigestFault::Moved { bucket: digest.digest_s3_bucket, key: digest.digest_s3_object });
        }
        Ok(digest)
    }

    /// Reads and checks a digest: its text as unpacked, where it was found, the signature that was found with it, and a
    /// look-up of public keys by their fingerprints.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn check(
        text: &[u8],
        bucket: &str,
        key: &str,
        signature: &str,
        public_key: impl FnOnce(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, DigestFault> {
        let digest = Self::read(text, bucket, key)?;
        let fingerprint = &digest.digest_public_key_fingerprint;
        let known = public_key(fingerprint);
        let public_key = known.ok_or_else(|| DigestFault::UnknownKey { fingerprint: fingerprint.clone() })?;
        if !is_signed(&public_key, string_to_sign(&digest, &hash(text)).as_bytes(), signature) {
            return Err(DigestFault::Signature);
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> LogFileEntry {
        LogFileEntry {
            s3_bucket: "logs".to_owned(),
            s3_object: "AWSLogs/f.json.gz".to_owned(),
            hash_value: "00".repeat(32),
            hash_algorithm: HASH_ALGORITHM.to_owned(),
            newest_event_time: "2025-03-01T12:00:05Z".to_owned(),
            oldest_event_time: "2025-03-01T11:59:00Z".to_owned(),
        }
    }

    fn parts<'a>(previous: Option<[&'a str; 4]>) -> DigestParts<'a> {
        DigestParts {
            account: "111122223333",
            start: EventTime::from_seconds(1_740_826_891),
            end: EventTime::from_seconds(1_740_830_491),
            bucket: "logs",
            key: "AWSLogs/d.json.gz",
            previous,
            log_files: vec![entry()],
        }
    }

    #[test]
    fn a_signed_digest_is_checked() {
        let key = SigningKey::generate().unwrap();
        let signed = SignedDigest::new(parts(None), &key).unwrap();
        let find = |fingerprint: &str| (fingerprint == key.fingerprint()).then(|| key.public_key());
        let check = |text: &str, at: &str, signature: &str| Digest::check(text.as_bytes(), "logs", at, signature, find);
        let at = "AWSLogs/d.json.gz";
        let digest = check(&signed.text, at, &signed.signature).unwrap();
        assert_eq!(digest.log_files, [entry()]);
        assert_eq!(digest.newest_event_time.as_deref(), Some("2025-03-01T12:00:05Z"));
        assert!(matches!(check(&signed.text, "x", &signed.signature), Err(DigestFault::Moved { .. })));
        assert_eq!(check("{}", at, &signed.signature), Err(DigestFault::Format));
        let changed = signed.text.replace("00000000", "00000001");
        assert_eq!(check(&changed, at, &signed.signature), Err(DigestFault::Signature));
        let other = SigningKey::from_pkcs8(&SigningKey::generate().unwrap().to_pkcs8().unwrap()).unwrap();
        let forged = SignedDigest::new(parts(None), &other).unwrap();
        assert!(matches!(check(&forged.text, at, &forged.signature), Err(DigestFault::UnknownKey { .. })));
        let next = SignedDigest::new(parts(Some(["logs", "k", &signed.hash, &signed.signature])), &key).unwrap();
        let next = check(&next.text, at, &next.signature).unwrap();
        assert_eq!(next.previous_digest_signature.as_deref(), Some(&*signed.signature));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>, signature: String) {
            prop_assert!(Digest::check(&bytes, "b", "k", &signature, |_| None).is_err());
        }
    }
}
