//! Signing requests of our own.

use http::{HeaderName, HeaderValue};
use model::{AccessKeyId, EventTime};

use super::canonical::{CanonicalParts, UriRules, canonical_path, canonical_request, is_s3};
use super::chunked::ChunkSeed;
use super::payload::{CONTENT_SHA256_HEADER, PayloadDeclaration};
use super::percent::encode_into;
use super::presented::Placement;
use super::query_form::EXPIRES_SECONDS_MAX;
use super::scope::CredentialScope;
use super::secret_access_key::SecretAccessKey;
use super::signing_key::SigningKey;
use super::string_to_sign::{ALGORITHM, EMPTY_SHA256, string_to_sign};
use super::timestamp::AmzDate;
use crate::RequestHead;

/// Who signs, and for what.
#[derive(Debug, Clone)]
pub struct SigningIdentity<'a> {
    /// Key.
    pub access_key_id: &'a AccessKeyId,
    /// Its secret.
    pub secret: &'a SecretAccessKey,
    /// Token of a temporary session.
    pub session_token: Option<&'a str>,
    /// Region of the scope.
    pub region: &'a str,
    /// Signing name of the service.
    pub service: &'a str,
}

/// Why a request could not be signed: each is a mistake of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A signature without the host would hold for any server.
    #[error("the request has no host header")]
    NoHost,
    /// The time has no basic ISO form.
    #[error("the time is outside the years 0 to 9999")]
    Time,
    /// The token cannot stand in a header.
    #[error("the session token has characters that no header can hold")]
    SessionToken,
    /// A presigned URL lives from 1 second to 7 days.
    #[error("a presigned URL lives from 1 to 604800 seconds")]
    Expires,
    /// The payload must be a hash, unsigned, or one of the HMAC or unsigned streaming forms.
    #[error("this declaration of the payload cannot be signed")]
    Payload,
}

/// Headers that proxies change or drop on their way, or that are no part of the message: never signed.
const NEVER_SIGNED: [&str; 9] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// Signs a request in its headers: returns the headers to set on it.
///
/// `head` must have its host and must not have the headers that are returned: `x-amz-date`, `authorization`, with a
/// session `x-amz-security-token`, and for S3 or when the payload is not a hash `x-amz-content-sha256`.
///
/// # Errors
/// See [`SignError`].
pub fn sign_headers(
    head: &RequestHead<'_>,
    identity: &SigningIdentity<'_>,
    payload: PayloadDeclaration,
    now: EventTime,
) -> Result<Vec<(HeaderName, HeaderValue)>, SignError> {
    sign_head(head, identity, payload, now).map(|signed| signed.headers)
}

/// A signature in headers.
#[derive(Debug)]
pub struct SignedHead {
    /// The headers to set on the request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Where the chain of chunk signatures starts, if the body is declared to be in signed chunks.
    pub chunk_seed: Option<ChunkSeed>,
}

/// As [`sign_headers`], with what chunks are signed with.
///
/// # Errors
/// See [`SignError`].
pub fn sign_head(
    head: &RequestHead<'_>,
    identity: &SigningIdentity<'_>,
    payload: PayloadDeclaration,
    now: EventTime,
) -> Result<SignedHead, SignError> {
    let date = AmzDate::from_time(now).ok_or(SignError::Time)?;
    let payload_line = payload.header_value().ok_or(SignError::Payload)?;
    let mut added = vec![(HeaderName::from_static("x-amz-date"), ascii_value(date.as_str()))];
    if is_s3(identity.service) || !matches!(payload, PayloadDeclaration::Exact(_)) {
        added.push((HeaderName::from_static(CONTENT_SHA256_HEADER), ascii_value(&payload_line)));
    }
    if let Some(token) = identity.session_token {
        let token = HeaderValue::from_str(token).map_err(|_| SignError::SessionToken)?;
        added.push((HeaderName::from_static("x-amz-security-token"), token));
    }
    let mut headers = head.headers.clone();
    headers.extend(added.iter().cloned());
    let head = RequestHead { headers: &headers, ..*head };
    let signed_headers = signed_headers(&head)?;
    let scope = scope(identity, date);
    let key = SigningKey::derive(identity.secret, &scope);
    let signature = signature(&head, &key, date, &scope, Placement::Header, &signed_headers, &payload_line);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
        identity.access_key_id
    );
    added.push((http::header::AUTHORIZATION, ascii_value(&authorization)));
    let chunk_seed = match payload {
        PayloadDeclaration::StreamingSigned | PayloadDeclaration::StreamingSignedTrailer => {
            let has_trailer = payload == PayloadDeclaration::StreamingSignedTrailer;
            Some(ChunkSeed::new(key, date, &scope, signature, has_trailer))
        }
        _ => None,
    };
    Ok(SignedHead { headers: added, chunk_seed })
}

/// Signs a request in its query: returns the whole query to use, which is the one of `head` with the parameters of the
/// signature after it.
///
/// The body is not covered on S3 and must be empty elsewhere. All headers of `head` are signed, so give only those that
/// whoever uses the URL will send.
///
/// # Errors
/// See [`SignError`].
pub fn sign_query(
    head: &RequestHead<'_>,
    identity: &SigningIdentity<'_>,
    expires_seconds: u32,
    now: EventTime,
) -> Result<String, SignError> {
    if !(1..=EXPIRES_SECONDS_MAX).contains(&expires_seconds) {
        return Err(SignError::Expires);
    }
    let date = AmzDate::from_time(now).ok_or(SignError::Time)?;
    let scope = scope(identity, date);
    let signed_headers = signed_headers(head)?;
    let mut query = head.query.unwrap_or_default().to_owned();
    push_parameter(&mut query, "X-Amz-Algorithm", ALGORITHM);
    push_parameter(&mut query, "X-Amz-Credential", &format!("{}/{scope}", identity.access_key_id));
    push_parameter(&mut query, "X-Amz-Date", date.as_str());
    push_parameter(&mut query, "X-Amz-Expires", &expires_seconds.to_string());
    push_parameter(&mut query, "X-Amz-SignedHeaders", &signed_headers);
    if let Some(token) = identity.session_token {
        push_parameter(&mut query, "X-Amz-Security-Token", token);
    }
    let payload = if is_s3(identity.service) { "UNSIGNED-PAYLOAD" } else { EMPTY_SHA256 };
    let head = RequestHead { query: Some(&query), ..*head };
    let key = SigningKey::derive(identity.secret, &scope);
    let signature = signature(&head, &key, date, &scope, Placement::Query, &signed_headers, payload);
    push_parameter(&mut query, "X-Amz-Signature", &signature);
    Ok(query)
}

fn scope<'a>(identity: &SigningIdentity<'a>, date: AmzDate) -> CredentialScope<'a> {
    CredentialScope {
        date: date.day().to_owned().into(),
        region: identity.region.into(),
        service: identity.service.into(),
    }
}

/// Names of all headers that are signed, sorted.
fn signed_headers(head: &RequestHead<'_>) -> Result<String, SignError> {
    let mut names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
    names.retain(|name| !NEVER_SIGNED.contains(name));
    names.sort_unstable();
    if names.contains(&"host") { Ok(names.join(";")) } else { Err(SignError::NoHost) }
}

fn signature(
    head: &RequestHead<'_>,
    key: &SigningKey,
    date: AmzDate,
    scope: &CredentialScope<'_>,
    placement: Placement,
    signed_headers: &str,
    payload: &str,
) -> String {
    let path = canonical_path(head.path, UriRules::for_service(&scope.service));
    let canonical = canonical_request(&CanonicalParts { head, path: &path, placement, signed_headers, payload });
    hex::encode(key.sign(&string_to_sign(date, scope, &canonical)))
}

fn push_parameter(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    encode_into(query, value.bytes(), b"");
}

fn ascii_value(text: &str) -> HeaderValue {
    // Made of key ids, scopes, header names and hexadecimal digits; a region or service name with other characters
    // makes a value that no server accepts, which is the right answer to it.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}
