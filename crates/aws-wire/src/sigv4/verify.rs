//! Proving a signature.

use std::time::Duration;

use model::{AccessKeyId, EventTime};

use super::canonical::{CanonicalParts, UriRules, canonical_path, canonical_request, is_s3};
use super::chunked::ChunkSeed;
use super::error::{SigV4Error, SignatureMismatch};
use super::payload::{CONTENT_SHA256_HEADER, PayloadDeclaration, parse_lower_hex};
use super::presented::{Authorization, Placement};
use super::secret_access_key::SecretAccessKey;
use super::signing_key::SigningKey;
use super::string_to_sign::{EMPTY_SHA256, string_to_sign};
use crate::RequestHead;

/// How far the clocks of caller and service may differ, by AWS's rule.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// Proof that the owner of a key signed a request; only [`verify`] and [`verify_with_key`] make one.
#[derive(Debug, Clone)]
pub struct VerifiedRequest {
    access_key_id: AccessKeyId,
    body: BodyProof,
}

/// What the signature proves about the body.
#[derive(Debug, Clone)]
pub enum BodyProof {
    /// The signature covers the body whose hash was given.
    Matched,
    /// The signature covers this SHA-256: whoever reads the body must compare, and refuse it with
    /// [`SigV4Error::PayloadMismatch`] before it takes effect.
    HashOwed([u8; 32]),
    /// The body is not covered.
    Unsigned,
    /// Each chunk is signed: read the body through [`super::ChunkedDecoder::signed`].
    SignedChunks(ChunkSeed),
    /// The body is chunked and not covered: read it through [`super::ChunkedDecoder::unsigned`].
    UnsignedChunks,
}

impl VerifiedRequest {
    /// The key that signed.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// What is proved about the body.
    pub fn body(&self) -> &BodyProof {
        &self.body
    }

    /// What is proved about the body, taken out.
    pub fn into_body(self) -> BodyProof {
        self.body
    }
}

/// Verifies a signature with the secret of its key; see [`verify_with_key`].
///
/// # Errors
/// As [`verify_with_key`].
pub fn verify(
    head: &RequestHead<'_>,
    authorization: &Authorization<'_>,
    secret: &SecretAccessKey,
    actual_payload_hash: Option<[u8; 32]>,
    now: EventTime,
    skew: Duration,
) -> Result<VerifiedRequest, SigV4Error> {
    let key = SigningKey::derive(secret, &authorization.scope);
    verify_with_key(head, authorization, &key, actual_payload_hash, now, skew)
}

/// Verifies a signature with a key derived for its scope.
///
/// `actual_payload_hash` is the SHA-256 of the whole body, if it was read before. S3 may leave it out: its requests
/// declare the hash themselves, and the answer then says that a comparison is owed. For other services the signature
/// covers the hash of the body, so leaving it out works only where the request declares one; what such a request
/// declares beyond a hash (`UNSIGNED-PAYLOAD`) is ignored when the hash is given, so that no body slips in unsigned.
///
/// `now` and `skew` judge the time; [`CLOCK_SKEW_MAX`] is AWS's skew. Region and service of the scope are not judged
/// here: see [`Authorization::require_scope`].
///
/// # Errors
/// The time first, then coverage (host, headers, declaration of the body), then [`SigV4Error::Mismatch`], then
/// [`SigV4Error::PayloadMismatch`].
pub fn verify_with_key(
    head: &RequestHead<'_>,
    authorization: &Authorization<'_>,
    key: &SigningKey,
    actual_payload_hash: Option<[u8; 32]>,
    now: EventTime,
    skew: Duration,
) -> Result<VerifiedRequest, SigV4Error> {
    check_time(authorization, now, skew)?;
    check_coverage(head, authorization)?;
    let payload = payload_line(authorization, actual_payload_hash)?;
    check_signature(head, authorization, key, &payload)?;
    let body = body_proof(authorization, key, actual_payload_hash)?;
    Ok(VerifiedRequest { access_key_id: authorization.access_key_id.clone(), body })
}

fn check_time(authorization: &Authorization<'_>, now: EventTime, skew: Duration) -> Result<(), SigV4Error> {
    let signed = authorization.date;
    let skew_seconds = skew.as_secs();
    let skew_micros = i64::try_from(skew.as_micros()).unwrap_or(i64::MAX);
    let age_micros = now.as_micros().saturating_sub(signed.time().as_micros());
    if age_micros < skew_micros.saturating_neg() {
        return Err(SigV4Error::NotYetCurrent { signed, now, skew_seconds, placement: authorization.placement });
    }
    match authorization.expires_seconds {
        Some(expires_seconds) if age_micros > i64::from(expires_seconds) * 1_000_000 => {
            Err(SigV4Error::UrlExpired { signed, expires_seconds, now })
        }
        None if age_micros > skew_micros => Err(SigV4Error::TooOld { signed, now, skew_seconds }),
        _ => Ok(()),
    }
}

/// The host must be signed, and on S3 every `x-amz-…` header. Two are covered without being listed: the time stands in
/// the string to sign, the declaration of the body in the canonical request.
fn check_coverage(head: &RequestHead<'_>, authorization: &Authorization<'_>) -> Result<(), SigV4Error> {
    let is_signed = |name: &str| authorization.signed_headers.split(';').any(|signed| signed == name);
    if !is_signed("host") {
        return Err(SigV4Error::HostNotSigned);
    }
    if !is_s3(&authorization.scope.service) {
        return Ok(());
    }
    let names: Vec<String> = head
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && *name != CONTENT_SHA256_HEADER && *name != "x-amz-date")
        .filter(|name| !is_signed(name))
        .map(str::to_owned)
        .collect();
    if names.is_empty() { Ok(()) } else { Err(SigV4Error::HeadersNotSigned { names }) }
}

/// The last line of the canonical request.
fn payload_line(authorization: &Authorization<'_>, actual: Option<[u8; 32]>) -> Result<String, SigV4Error> {
    let declared = authorization.payload.header_value();
    if is_s3(&authorization.scope.service) {
        return match (authorization.payload, authorization.placement) {
            (PayloadDeclaration::Unrecognised, _) => Err(SigV4Error::PayloadDeclarationMalformed),
            (PayloadDeclaration::StreamingEcdsa | PayloadDeclaration::StreamingEcdsaTrailer, _) => {
                Err(SigV4Error::Unverifiable { algorithm: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" })
            }
            (PayloadDeclaration::Absent, Placement::Header) => Err(SigV4Error::PayloadDeclarationMissing),
            (PayloadDeclaration::Absent, Placement::Query) => Ok("UNSIGNED-PAYLOAD".to_owned()),
            _ => declared.ok_or(SigV4Error::PayloadDeclarationMissing),
        };
    }
    match (actual, authorization.payload, authorization.placement) {
        (Some(actual), _, _) => Ok(hex::encode(actual)),
        (None, PayloadDeclaration::Exact(declared), _) => Ok(hex::encode(declared)),
        // A presigned URL is made before there is a body, hence for none.
        (None, _, Placement::Query) => Ok(EMPTY_SHA256.to_owned()),
        (None, _, Placement::Header) => Err(SigV4Error::PayloadHashNeeded),
    }
}

fn check_signature(
    head: &RequestHead<'_>,
    authorization: &Authorization<'_>,
    key: &SigningKey,
    payload: &str,
) -> Result<(), SigV4Error> {
    let rules = UriRules::for_service(&authorization.scope.service);
    let path = canonical_path(head.path, rules);
    let attempt = |path: &str| {
        let parts = CanonicalParts {
            head,
            path,
            placement: authorization.placement,
            signed_headers: &authorization.signed_headers,
            payload,
        };
        let canonical_request = canonical_request(&parts);
        let text = string_to_sign(authorization.date, &authorization.scope, &canonical_request);
        (canonical_request, text)
    };
    let presented = parse_lower_hex(&authorization.signature);
    let fits = |text: &str| presented.as_ref().is_some_and(|presented| key.verify(text, presented));
    let (canonical_request, string_to_sign) = attempt(&path);
    if fits(&string_to_sign) {
        return Ok(());
    }
    // Several S3 clients sign the path exactly as they send it, even where their encoding is not the canonical one.
    // Both texts decode to the same key, so accepting either says nothing that the signer did not say.
    if rules == UriRules::S3 && path != head.path && fits(&attempt(head.path).1) {
        return Ok(());
    }
    Err(SigV4Error::Mismatch(Box::new(SignatureMismatch {
        access_key_id: authorization.access_key_id.to_string(),
        signature: authorization.signature.to_string(),
        placement: authorization.placement,
        string_to_sign,
        canonical_request,
    })))
}

fn body_proof(
    authorization: &Authorization<'_>,
    key: &SigningKey,
    actual: Option<[u8; 32]>,
) -> Result<BodyProof, SigV4Error> {
    let of_s3 = is_s3(&authorization.scope.service);
    Ok(match (authorization.payload, actual) {
        (PayloadDeclaration::Exact(declared), Some(actual)) if declared != actual => {
            return Err(SigV4Error::PayloadMismatch { declared, actual });
        }
        (PayloadDeclaration::Exact(_), Some(_)) => BodyProof::Matched,
        (PayloadDeclaration::Exact(declared), None) => BodyProof::HashOwed(declared),
        (_, Some(_)) if !of_s3 => BodyProof::Matched,
        (_, None) if !of_s3 => BodyProof::HashOwed(parse_lower_hex(EMPTY_SHA256).unwrap_or_default()),
        (PayloadDeclaration::StreamingSigned | PayloadDeclaration::StreamingSignedTrailer, _) => {
            BodyProof::SignedChunks(ChunkSeed::new(
                key.clone(),
                authorization.date,
                &authorization.scope,
                authorization.signature.to_string(),
                authorization.payload == PayloadDeclaration::StreamingSignedTrailer,
            ))
        }
        (PayloadDeclaration::StreamingUnsignedTrailer, _) => BodyProof::UnsignedChunks,
        (PayloadDeclaration::Absent | PayloadDeclaration::Unsigned, _) => BodyProof::Unsigned,
        // Refused by `payload_line` before a signature is looked at.
        (
            PayloadDeclaration::StreamingEcdsa
            | PayloadDeclaration::StreamingEcdsaTrailer
            | PayloadDeclaration::Unrecognised,
            _,
        ) => return Err(SigV4Error::PayloadDeclarationMalformed),
    })
}
