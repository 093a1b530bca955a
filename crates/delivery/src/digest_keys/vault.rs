//! A key management service that private keys are encrypted by, so that neither data folder nor database can read them.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::DigestKeysError;

/// What the text of an encrypted private key begins with; those in the clear are in base 64.
const SEALED: &str = "kms ";

/// Encrypts and decrypts by a key that is elsewhere.
#[async_trait]
pub trait KeyVault: Send + Sync + 'static {
    /// Name of the key, without spaces. What was encrypted under another name is not decrypted any more.
    fn key_name(&self) -> &str;

    /// Encrypts a private key, to be decrypted only beside the same public key.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    async fn seal(&self, private_key: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError>;

    /// Decrypts what [`KeyVault::seal`] gave.
    ///
    /// # Errors
    /// The service does not answer, or refuses.
    async fn open(&self, sealed: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError>;
}

/// Why a vault did not do what it was asked.
pub type VaultError = Box<dyn std::error::Error + Send + Sync>;

/// The text under which a private key is kept: in base 64, or encrypted, with the name of the key that did it.
pub(super) async fn kept_text(
    vault: Option<&dyn KeyVault>,
    private_key: &[u8],
    fingerprint: &str,
) -> Result<String, DigestKeysError> {
    let Some(vault) = vault else { return Ok(STANDARD.encode(private_key)) };
    let sealed = vault.seal(private_key, fingerprint).await.map_err(DigestKeysError::Vault)?;
    Ok(format!("{SEALED}{} {}", vault.key_name(), STANDARD.encode(sealed)))
}

/// Whether a kept text is of a place: encrypted under the vault's key, or in the clear where there is no vault.
pub(super) fn is_kept_by(vault: Option<&dyn KeyVault>, text: &str) -> bool {
    match (vault, text.strip_prefix(SEALED)) {
        (None, sealed) => sealed.is_none(),
        (Some(vault), Some(sealed)) => sealed.split_once(' ').is_some_and(|(name, _)| name == vault.key_name()),
        (Some(_), None) => false,
    }
}

/// The private key of a kept text, for which [`is_kept_by`] holds.
pub(super) async fn private_key(
    vault: Option<&dyn KeyVault>,
    text: &str,
    fingerprint: &str,
) -> Result<Vec<u8>, DigestKeysError> {
    let sealed = text.strip_prefix(SEALED).and_then(|sealed| sealed.split_once(' '));
    let bytes = STANDARD.decode(sealed.map_or(text, |(_, sealed)| sealed)).map_err(|_| digest::KeyError::Read)?;
    match vault.filter(|_| sealed.is_some()) {
        Some(vault) => vault.open(&bytes, fingerprint).await.map_err(DigestKeysError::Vault),
        None => Ok(bytes),
    }
}
