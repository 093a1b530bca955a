//! What digests are signed with: RSA keys of 2,048 bits, PKCS#1 v1.5, SHA-256.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use md5::{Digest as _, Md5};

/// Why a key cannot be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It cannot be made.
    #[error("a key for digests cannot be made")]
    Make,
    /// Its bytes are no RSA key.
    #[error("a key for digests cannot be read")]
    Read,
    /// It cannot sign.
    #[error("a digest cannot be signed")]
    Sign,
}

/// A private key.
pub struct SigningKey {
    pair: KeyPair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKey").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key from the system's randomness; takes a tenth of a second or more.
    ///
    /// # Errors
    /// [`KeyError::Make`].
    pub fn generate() -> Result<Self, KeyError> {
        KeyPair::generate(KeySize::Rsa2048).map(|pair| Self { pair }).map_err(|_| KeyError::Make)
    }

    /// Reads a key from PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Read`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der).map(|pair| Self { pair }).map_err(|_| KeyError::Read)
    }

    /// The key as PKCS#8, for a file that its owner alone reads.
    ///
    /// # Errors
    /// [`KeyError::Make`].
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Make)?;
        Ok(der.as_ref().to_vec())
    }

    /// DER of the RSAPublicKey of PKCS#1.
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// The name of the key in digests.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public_key())
    }

    /// Signs; the signature is hexadecimal.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| KeyError::Sign)?;
        Ok(hex::encode(signature))
    }
}

/// The name of a public key: MD5 of its DER, hexadecimal. Only a name.
pub fn fingerprint(public_key: &[u8]) -> String {
    hex::encode(Md5::digest(public_key))
}

/// Whether a hexadecimal signature of a message was made with a public key.
pub fn is_signed(public_key: &[u8], message: &[u8], signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key).verify(message, &signature).is_ok()
}
