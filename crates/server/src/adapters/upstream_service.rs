//! A service of AWS that an upstream has, called by OpenTrail itself.

use std::sync::Arc;

use bytes::Bytes;
use control::destinations::Cause;
use delivery::PutError;
use gateway::upstream_caller::UpstreamCaller;
use model::EventTime;
use serde_json::Value;

/// A service, if an upstream has it.
#[derive(Clone)]
pub(crate) struct UpstreamService {
    /// Endpoint prefix, such as `sns`.
    pub(crate) service: &'static str,
    /// `None` where no upstream has it.
    pub(crate) caller: Option<Arc<UpstreamCaller>>,
    /// Tells the time.
    pub(crate) clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
}

impl UpstreamService {
    fn caller(&self) -> Result<&UpstreamCaller, Cause> {
        self.caller.as_deref().ok_or_else(|| format!("there is no upstream that has {}", self.service).into())
    }

    /// Calls an operation of the query protocol; status and body of the answer.
    pub(crate) async fn query(&self, region: &str, parameters: &[(&str, &str)]) -> Result<(u16, Bytes), Cause> {
        Ok(self.caller()?.query(self.service, region, parameters, (self.clock)()).await?)
    }

    /// Calls an operation of AWS JSON. The answer, or what was refused.
    pub(crate) async fn json(&self, region: &str, target: &str, body: Bytes) -> Result<Value, JsonError> {
        let (status, body) = self.answer(region, target, body).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if (200..300).contains(&status) && answer.is_object() { Ok(answer) } else { Err(refusal(status, answer)) }
    }

    /// Calls an operation of AWS JSON that has no output, whose answer has an empty body.
    pub(crate) async fn json_without_output(&self, region: &str, target: &str, body: Bytes) -> Result<(), JsonError> {
        let (status, body) = self.answer(region, target, body).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_done = (200..300).contains(&status) && (body.is_empty() || answer.is_object());
        if is_done { Ok(()) } else { Err(refusal(status, answer)) }
    }

    async fn answer(&self, region: &str, target: &str, body: Bytes) -> Result<(u16, Bytes), JsonError> {
        let caller = self.caller().map_err(JsonError::NoAnswer)?;
        let answer = caller.json(self.service, region, target, body, (self.clock)()).await;
        answer.map_err(|error| JsonError::NoAnswer(error.into()))
    }
}

fn refusal(status: u16, answer: Value) -> JsonError {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| answer.get(name)?.as_str()).unwrap_or_default();
    let code = text(["__type", "code"]);
    let code = code.rsplit('#').next().unwrap_or(code).to_owned();
    let message = text(["message", "Message"]).to_owned();
    JsonError::Refused { status, code, message, answer }
}

/// Why an operation of AWS JSON did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    /// There is no upstream, or it does not answer.
    #[error("no answer")]
    NoAnswer(#[source] Cause),
    /// The service refused.
    #[error("{status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Such as `ResourceNotFoundException`; empty when the answer is none of AWS JSON.
        code: String,
        /// What it says.
        message: String,
        /// All of it.
        answer: Value,
    },
}

impl JsonError {
    /// Whether this is the code of the refusal.
    pub(crate) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

impl From<JsonError> for PutError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::NoAnswer(cause) => Self { code: "ServiceUnavailable".to_owned(), message: cause.to_string() },
            JsonError::Refused { status, code, message, .. } => {
                Self { code: if code.is_empty() { status.to_string() } else { code }, message }
            }
        }
    }
}

/// The text between `<Code>` and `</Code>`.
pub(crate) fn code_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found() {
        assert_eq!(code_of("<Error><Code>NoSuchBucket</Code></Error>"), Some("NoSuchBucket"));
        assert_eq!(code_of("<html>"), None);
    }
}
