//! Calls of our own to an upstream, signed with credentials that were configured for it.

use std::sync::Arc;
use std::time::Duration;

use aws_wire::RequestHead;
use aws_wire::sigv4::{Credentials, PayloadDeclaration, SigningIdentity, payload_hash, sign_headers};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, request, response};
use model::EventTime;

use crate::body::{Held, RequestBody, hold};
use crate::settings::GatewaySettings;
use crate::upstream::{UpstreamClient, UpstreamUrl};

/// Time that the upstream has for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why a call of our own has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamCallError {
    /// It cannot be made.
    #[error("the call cannot be made: {0}")]
    Call(String),
    /// The upstream does not answer.
    #[error("the upstream did not answer")]
    Upstream(#[from] crate::upstream::UpstreamError),
    /// It takes too long.
    #[error("the answer did not come in time")]
    TimedOut,
    /// The answer is not one that can be used.
    #[error("the answer cannot be read: {0}")]
    Answer(String),
}

/// Calls an upstream.
pub struct UpstreamCaller {
    client: UpstreamClient,
    upstream: Arc<UpstreamUrl>,
    credentials: Credentials,
}

impl std::fmt::Debug for UpstreamCaller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UpstreamCaller").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl UpstreamCaller {
    /// A caller of an upstream.
    pub fn new(upstream: Arc<UpstreamUrl>, credentials: Credentials, gateway: &GatewaySettings) -> Self {
        Self { client: UpstreamClient::new(gateway), upstream, credentials }
    }

    /// The head of a call of the query protocol, signed.
    ///
    /// # Errors
    /// [`UpstreamCallError::Call`].
    pub fn query_head(
        &self,
        service: &str,
        region: &str,
        body: &Bytes,
        now: EventTime,
    ) -> Result<request::Parts, UpstreamCallError> {
        self.head(service, region, "application/x-www-form-urlencoded; charset=utf-8", None, body, now)
    }

    fn head(
        &self,
        service: &str,
        region: &str,
        content_type: &str,
        target: Option<&str>,
        body: &Bytes,
        now: EventTime,
    ) -> Result<request::Parts, UpstreamCallError> {
        let failed = |error: &dyn std::fmt::Display| UpstreamCallError::Call(error.to_string());
        let host = HeaderValue::from_str(self.upstream.authority()).map_err(|error| failed(&error))?;
        let mut request =
            Request::builder().method(Method::POST).uri("/").header(HOST, host).header(CONTENT_TYPE, content_type);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let (mut head, ()) = request.body(()).map_err(|error| failed(&error))?.into_parts();
        let identity = self.identity(service, region);
        let declared = PayloadDeclaration::Exact(payload_hash(body));
        let view = RequestHead { method: &head.method, path: "/", query: None, headers: &head.headers };
        let signed = sign_headers(&view, &identity, declared, now).map_err(|error| failed(&error))?;
        head.headers.extend(signed);
        Ok(head)
    }

    /// Sends a call and reads the answer, whatever its status.
    ///
    /// # Errors
    /// The upstream does not answer in time, or with more than 64 KiB.
    pub async fn send(
        &self,
        head: &mut request::Parts,
        body: Bytes,
    ) -> Result<(response::Parts, Bytes), UpstreamCallError> {
        let answer = async {
            let body = RequestBody::whole(body, None);
            let (answered, answer) = self.client.send(&self.upstream, head, None, body).await?;
            match hold(answer, ANSWER_BYTES_MAX, ANSWER_TIMEOUT).await {
                Ok(Held::Whole { bytes, .. }) => Ok((answered.parts, bytes)),
                Ok(Held::Longer { .. }) => Err(UpstreamCallError::Answer("it is too long".to_owned())),
                Err(error) => Err(UpstreamCallError::Answer(error.to_string())),
            }
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(UpstreamCallError::TimedOut),
        }
    }

    /// A call of the query protocol: status and body of the answer.
    ///
    /// # Errors
    /// See [`UpstreamCallError`]; a refusal by the upstream is an answer.
    pub async fn query(
        &self,
        service: &str,
        region: &str,
        parameters: &[(&str, &str)],
        now: EventTime,
    ) -> Result<(u16, Bytes), UpstreamCallError> {
        let body = form(parameters);
        let mut head = self.query_head(service, region, &body, now)?;
        let (parts, bytes) = self.send(&mut head, body).await?;
        Ok((parts.status.as_u16(), bytes))
    }

    /// Writes an object of S3: status and body of the answer. The path is that of bucket and key, escaped as signatures want
    /// it; without a region the request is not signed.
    ///
    /// # Errors
    /// See [`UpstreamCallError`]; a refusal by the upstream is an answer.
    pub async fn put_object(
        &self,
        region: Option<&str>,
        path: &str,
        headers: HeaderMap,
        content: Bytes,
        now: EventTime,
    ) -> Result<(u16, Bytes), UpstreamCallError> {
        let failed = |error: &dyn std::fmt::Display| UpstreamCallError::Call(error.to_string());
        let host = HeaderValue::from_str(self.upstream.authority()).map_err(|error| failed(&error))?;
        let request = Request::builder().method(Method::PUT).uri(path).header(HOST, host);
        let (mut head, ()) = request.body(()).map_err(|error| failed(&error))?.into_parts();
        head.headers.extend(headers);
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        if let Some(region) = region {
            let declared = PayloadDeclaration::Exact(payload_hash(&content));
            let view = RequestHead { method: &head.method, path, query: None, headers: &head.headers };
            let identity = self.identity("s3", region);
            let signed = sign_headers(&view, &identity, declared, now).map_err(|error| failed(&error))?;
            head.headers.extend(signed);
        }
        let (parts, bytes) = self.send(&mut head, content).await?;
        Ok((parts.status.as_u16(), bytes))
    }

    fn identity<'a>(&'a self, service: &'a str, region: &'a str) -> SigningIdentity<'a> {
        SigningIdentity {
            access_key_id: &self.credentials.access_key_id,
            secret: &self.credentials.secret,
            session_token: self.credentials.session_token.as_deref(),
            region,
            service,
        }
    }

    /// A call of AWS JSON 1.1: status and body of the answer. The target is such as `Logs_20140328.PutLogEvents`.
    ///
    /// # Errors
    /// See [`UpstreamCallError`]; a refusal by the upstream is an answer.
    pub async fn json(
        &self,
        service: &str,
        region: &str,
        target: &str,
        body: Bytes,
        now: EventTime,
    ) -> Result<(u16, Bytes), UpstreamCallError> {
        let mut head = self.head(service, region, "application/x-amz-json-1.1", Some(target), &body, now)?;
        let (parts, bytes) = self.send(&mut head, body).await?;
        Ok((parts.status.as_u16(), bytes))
    }
}

/// Parameters as a form.
pub(crate) fn form(parameters: &[(&str, &str)]) -> Bytes {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", form_encoded(value))).collect();
    Bytes::from(pairs.join("&"))
}

fn form_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
