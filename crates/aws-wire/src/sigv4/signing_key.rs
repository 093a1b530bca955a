//! Keys derived from a secret for one day, region and service.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::scope::{CredentialScope, TERMINATOR};
use super::secret_access_key::SecretAccessKey;

type HmacSha256 = Hmac<Sha256>;

/// A derived key, ready to sign. It is worth as much as its secret within its scope, so it prints nothing.
#[derive(Clone)]
pub struct SigningKey(HmacSha256);

impl SigningKey {
    /// Derives the key of a scope: four chained HMACs over day, region, service and terminator.
    pub fn derive(secret: &SecretAccessKey, scope: &CredentialScope<'_>) -> Self {
        let start = keyed(format!("AWS4{}", secret.expose()).as_bytes());
        let steps = [&*scope.date, &*scope.region, &*scope.service, TERMINATOR];
        Self(steps.into_iter().fold(start, |mac, text| keyed(&mac.chain_update(text).finalize().into_bytes())))
    }

    /// Signs a string.
    pub fn sign(&self, string_to_sign: &str) -> [u8; 32] {
        self.0.clone().chain_update(string_to_sign).finalize().into_bytes().into()
    }

    /// Whether `signature` is the signature of a string, compared in constant time.
    pub fn verify(&self, string_to_sign: &str, signature: &[u8; 32]) -> bool {
        self.0.clone().chain_update(string_to_sign).verify(signature.into()).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length; its trait cannot say so")]
    <HmacSha256 as Mac>::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Keys derived lately, owned by whoever verifies: deriving takes about a third of a whole verification (1.2 of 3.8 µs
/// where it was measured with the test `speed`), finding a key here a twentieth of that.
///
/// Not shared between threads: a caller with several keeps one for each, or puts it behind a lock.
#[derive(Debug)]
pub struct SigningKeyCache {
    hasher: RandomState,
    entries: HashMap<u64, Entry>,
    entries_max: usize,
}

#[derive(Debug)]
struct Entry {
    secret: SecretAccessKey,
    scope: CredentialScope<'static>,
    key: SigningKey,
}

impl SigningKeyCache {
    /// A cache of at most `entries_max` keys (about 500 bytes each); 0 derives anew each time.
    pub fn new(entries_max: usize) -> Self {
        Self { hasher: RandomState::new(), entries: HashMap::new(), entries_max }
    }

    /// The key of a scope, derived or remembered.
    pub fn signing_key(&mut self, secret: &SecretAccessKey, scope: &CredentialScope<'_>) -> SigningKey {
        let hash = self.hasher.hash_one((secret.expose(), &scope.date, &scope.region, &scope.service));
        if let Some(entry) = self.entries.get(&hash)
            && entry.secret.expose() == secret.expose()
            && entry.scope == *scope
        {
            return entry.key.clone();
        }
        let key = SigningKey::derive(secret, scope);
        self.remember(hash, Entry { secret: secret.clone(), scope: scope.clone().into_owned(), key: key.clone() });
        key
    }

    /// When full, keys of other days go first, for they are not asked for again; if all are of this day, all go. Callers
    /// choose the scope, so no order of eviction would keep a hostile one from emptying the cache.
    fn remember(&mut self, hash: u64, entry: Entry) {
        if self.entries.len() >= self.entries_max {
            self.entries.retain(|_, kept| kept.scope.date == entry.scope.date);
        }
        if self.entries.len() >= self.entries_max {
            self.entries.clear();
        }
        if self.entries_max > 0 {
            self.entries.insert(hash, entry);
        }
    }
}

impl Default for SigningKeyCache {
    /// Room for 1,024 keys: the active scopes of a busy installation, in half a megabyte.
    fn default() -> Self {
        Self::new(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(date: &str, region: &str) -> CredentialScope<'static> {
        CredentialScope { date: date.to_owned().into(), region: region.to_owned().into(), service: "iam".into() }
    }

    #[test]
    fn derives_the_key_of_the_documentation() {
        // Source: AWS General Reference, "Examples of how to derive a signing key for Signature Version 4".
        let secret = SecretAccessKey::parse("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").expect("a secret");
        let key = SigningKey::derive(&secret, &scope("20150830", "us-east-1"));
        let signature = key.sign("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\nf536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
        assert_eq!(hex::encode(signature), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }

    #[test]
    fn the_cache_returns_what_deriving_returns_and_stays_bounded() {
        let mut cache = SigningKeyCache::new(4);
        for secret in ["one", "two"] {
            let secret = SecretAccessKey::parse(secret).expect("a secret");
            for _ in 0..2 {
                for date in ["20150830", "20150831"] {
                    for region in ["us-east-1", "us-east-2", "eu-west-1"] {
                        let scope = scope(date, region);
                        let cached = cache.signing_key(&secret, &scope).sign("x");
                        assert_eq!(cached, SigningKey::derive(&secret, &scope).sign("x"));
                        assert!(cache.entries.len() <= 4);
                    }
                }
            }
        }
    }
}
