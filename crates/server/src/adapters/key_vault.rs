//! Keys of digests, encrypted by the upstream that has KMS.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use delivery::{KeyVault, VaultError};
use model::Region;
use serde_json::{Value, json};

use crate::adapters::upstream_service::UpstreamService;

/// Name of the encryption context: a private key is decrypted for its own public key alone.
const CONTEXT: &str = "opentrail:digest-key";

/// A key of KMS.
pub(crate) struct KmsVault {
    /// KMS.
    pub(crate) kms: UpstreamService,
    /// Region that it is asked in.
    pub(crate) region: Region,
    /// ARN, id or alias of the key.
    pub(crate) key: String,
}

impl KmsVault {
    async fn ask(&self, target: &str, question: Value, answer: &str) -> Result<Vec<u8>, VaultError> {
        let arn = model::Arn::parse(&self.key);
        let region = arn.as_ref().map_or(self.region.as_str(), |arn| arn.region());
        let answered = self.kms.json(region, target, Bytes::from(question.to_string())).await?;
        let text = answered.get(answer).and_then(Value::as_str).ok_or_else(|| format!("KMS gave no {answer}"))?;
        Ok(STANDARD.decode(text)?)
    }
}

#[async_trait]
impl KeyVault for KmsVault {
    fn key_name(&self) -> &str {
        &self.key
    }

    async fn seal(&self, private_key: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError> {
        let question = json!({
            "KeyId": self.key,
            "Plaintext": STANDARD.encode(private_key),
            "EncryptionContext": { CONTEXT: fingerprint },
        });
        self.ask("TrentService.Encrypt", question, "CiphertextBlob").await
    }

    async fn open(&self, sealed: &[u8], fingerprint: &str) -> Result<Vec<u8>, VaultError> {
        let question = json!({
            "KeyId": self.key,
            "CiphertextBlob": STANDARD.encode(sealed),
            "EncryptionContext": { CONTEXT: fingerprint },
        });
        self.ask("TrentService.Decrypt", question, "Plaintext").await
    }
}
