//! Signatures in the query: presigned URLs.

use std::borrow::Cow;

use model::AccessKeyId;

use super::canonical::is_s3;
use super::error::{ExpiresProblem, SigV4Error};
use super::header_form;
use super::payload::PayloadDeclaration;
use super::percent::decode_query_text;
use super::presented::{Authorization, Placement, Presented, check_scope};
use super::scope::{parse_credential, parse_regionless_credential};
use super::string_to_sign::{ALGORITHM, ALGORITHM_SIGV4A};
use super::timestamp::AmzDate;
use crate::RequestHead;

/// Longest life of a presigned URL: seven days.
pub(super) const EXPIRES_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// The parameters of a signature, decoded.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    session_token: Option<Cow<'a, str>>,
    payload: Option<Cow<'a, str>>,
    v2_access_key_id: Option<Cow<'a, str>>,
    v2_signature: Option<Cow<'a, str>>,
}

/// The parameters of a signature, if the query has one: the first of each name counts.
pub(super) fn find(query: Option<&str>) -> Option<Parameters<'_>> {
    // Most requests have no signature in their query; they pay one search.
    let query = query.filter(|query| query.contains("X-Amz-") || query.contains("AWSAccessKeyId"))?;
    let mut found = Parameters::default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = match &*decode_query_text(name) {
            "X-Amz-Algorithm" => &mut found.algorithm,
            "X-Amz-Credential" => &mut found.credential,
            "X-Amz-Signature" => &mut found.signature,
            "X-Amz-Date" => &mut found.date,
            "X-Amz-SignedHeaders" => &mut found.signed_headers,
            "X-Amz-Expires" => &mut found.expires,
            "X-Amz-Security-Token" => &mut found.session_token,
            "X-Amz-Content-Sha256" => &mut found.payload,
            "AWSAccessKeyId" => &mut found.v2_access_key_id,
            "Signature" => &mut found.v2_signature,
            _ => continue,
        };
        slot.get_or_insert_with(|| decode_query_text(value));
    }
    let is_v4 = found.algorithm.is_some() || found.credential.is_some() || found.signature.is_some();
    let is_v2 = found.v2_access_key_id.is_some() && found.v2_signature.is_some();
    (is_v4 || is_v2).then_some(found)
}

/// Reads the parameters by their algorithm.
pub(super) fn parse<'a>(head: &RequestHead<'a>, found: &Parameters<'a>) -> Result<Presented<'a>, SigV4Error> {
    let placement = Placement::Query;
    if let (None, Some(id)) = (&found.algorithm, &found.v2_access_key_id) {
        let access_key_id = AccessKeyId::parse(id)
            .map_err(|_| SigV4Error::MalformedCredential { credential: id.to_string(), placement })?;
        return Ok(Presented::SigV2 { access_key_id, placement });
    }
    match found.algorithm.as_deref() {
        Some(ALGORITHM) | None => parse_v4(head, found).map(Presented::PresignedQuery),
        Some(ALGORITHM_SIGV4A) => parse_v4a(found),
        Some(other) => Err(SigV4Error::UnsupportedAlgorithm { algorithm: other.to_owned(), placement }),
    }
}

fn parse_v4<'a>(head: &RequestHead<'a>, found: &Parameters<'a>) -> Result<Authorization<'a>, SigV4Error> {
    let placement = Placement::Query;
    let (Some(_), Some(credential), Some(signature), Some(date), Some(signed_headers)) =
        (&found.algorithm, &found.credential, &found.signature, &found.date, &found.signed_headers)
    else {
        return Err(SigV4Error::IncompleteQuery { missing: missing(found) });
    };
    let parsed = parse_credential(credential.clone())
        .ok_or_else(|| SigV4Error::MalformedCredential { credential: credential.to_string(), placement })?;
    if found.expires.is_none() && is_s3(&parsed.scope.service) {
        return Err(SigV4Error::IncompleteQuery { missing: missing(found) });
    }
    let expires_seconds = found.expires.as_deref().map(parse_expires).transpose().map_err(SigV4Error::Expires)?;
    let date = AmzDate::parse(date).ok_or_else(|| SigV4Error::MalformedDate { text: date.to_string(), placement })?;
    check_scope(&parsed.scope, &parsed.terminator, date, placement)?;
    Ok(Authorization {
        placement,
        access_key_id: parsed.access_key_id,
        scope: parsed.scope,
        signed_headers: signed_headers.clone(),
        signature: signature.clone(),
        date,
        session_token: found.session_token.clone().or_else(|| header_form::session_token(head)),
        payload: found.payload.as_deref().map_or_else(|| header_form::payload(head), PayloadDeclaration::parse),
        expires_seconds,
    })
}

fn missing(found: &Parameters<'_>) -> Vec<&'static str> {
    let all = [
        ("X-Amz-Algorithm", &found.algorithm),
        ("X-Amz-Credential", &found.credential),
        ("X-Amz-Signature", &found.signature),
        ("X-Amz-Date", &found.date),
        ("X-Amz-SignedHeaders", &found.signed_headers),
        ("X-Amz-Expires", &found.expires),
    ];
    all.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
}

fn parse_expires(text: &str) -> Result<u32, ExpiresProblem> {
    match text.parse::<i64>() {
        Err(_) => Err(ExpiresProblem::NotANumber),
        Ok(..=0) => Err(ExpiresProblem::Negative),
        Ok(seconds) => {
            u32::try_from(seconds).ok().filter(|seconds| *seconds <= EXPIRES_SECONDS_MAX).ok_or(ExpiresProblem::TooLong)
        }
    }
}

fn parse_v4a<'a>(found: &Parameters<'a>) -> Result<Presented<'a>, SigV4Error> {
    let placement = Placement::Query;
    let Some(credential) = &found.credential else {
        return Err(SigV4Error::IncompleteQuery { missing: missing(found) });
    };
    let (access_key_id, service) = parse_regionless_credential(credential)
        .ok_or_else(|| SigV4Error::MalformedCredential { credential: credential.to_string(), placement })?;
    Ok(Presented::SigV4A { access_key_id, service: Cow::Owned(service.to_owned()), placement })
}
