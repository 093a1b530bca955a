//! The keys of the upstream that has KMS.

use bytes::Bytes;
use control::KeyProblem;
use serde_json::{Value, json};

use crate::adapters::upstream_service::{JsonError, UpstreamService};

/// The keys of the upstream that has KMS.
pub(crate) struct EncryptionKeys(pub(crate) UpstreamService);

impl EncryptionKeys {
    /// See [`control::DestinationCheck::find_key`].
    pub(crate) async fn find(&self, key_arn: &str) -> Result<Option<String>, KeyProblem> {
        let Some(arn) = model::Arn::parse(key_arn).ok().filter(|_| self.0.caller.is_some()) else { return Ok(None) };
        let question = Bytes::from(json!({ "KeyId": key_arn }).to_string());
        match self.0.json(arn.region(), "TrentService.DescribeKey", question).await {
            Ok(answer) => {
                let text = |name: &str| answer.pointer(&format!("/KeyMetadata/{name}")).and_then(Value::as_str);
                match text("KeyState") {
                    Some("Disabled" | "PendingDeletion") => Err(KeyProblem::Disabled),
                    _ => Ok(text("Arn").map(str::to_owned)),
                }
            }
            Err(error) if error.has_code("NotFoundException") => Err(KeyProblem::NoSuchKey),
            Err(JsonError::NoAnswer(cause)) => Err(KeyProblem::Unavailable(cause)),
            // The upstream has no KMS, or the credentials of this installation may not ask. A bucket with keys of its own
            // says at the first file whether it takes this one.
            Err(refusal) => {
                tracing::warn!(%refusal, key = key_arn, "a trail's key is not checked");
                Ok(None)
            }
        }
    }
}
