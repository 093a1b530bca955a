//! Signatures in the `Authorization` header.

use std::borrow::Cow;

use http::header::{DATE, HeaderName, HeaderValue};
use model::AccessKeyId;

use super::error::{MissingPart, SigV4Error};
use super::payload::{CONTENT_SHA256_HEADER, PayloadDeclaration};
use super::presented::{Authorization, Placement, Presented, check_scope};
use super::scope::{parse_credential, parse_regionless_credential};
use super::string_to_sign::{ALGORITHM, ALGORITHM_SIGV4A};
use super::timestamp::AmzDate;
use crate::{RequestHead, header_text};

// Made once: a name that is given as a text is read anew at each look.
static X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
static X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static(CONTENT_SHA256_HEADER);

/// Reads the header by its scheme.
pub(super) fn parse<'a>(head: &RequestHead<'a>, header: &'a HeaderValue) -> Result<Presented<'a>, SigV4Error> {
    let unsupported =
        || SigV4Error::UnsupportedScheme { header: String::from_utf8_lossy(header.as_bytes()).into_owned() };
    let text = header_text(header).ok_or_else(unsupported)?.trim();
    let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    match scheme {
        ALGORITHM => parse_v4(head, text, rest).map(Presented::Header),
        ALGORITHM_SIGV4A => parse_v4a(text, rest),
        "AWS" => parse_v2(rest.trim()).ok_or_else(unsupported),
        _ if scheme.eq_ignore_ascii_case("bearer") => Ok(Presented::Bearer),
        _ if scheme.starts_with("AWS4-") => {
            Err(SigV4Error::UnsupportedAlgorithm { algorithm: scheme.to_owned(), placement: Placement::Header })
        }
        _ => Err(unsupported()),
    }
}

/// The three parameters of the header.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

fn parse_v4<'a>(head: &RequestHead<'a>, text: &'a str, rest: &'a str) -> Result<Authorization<'a>, SigV4Error> {
    let parameters = parse_parameters(text, rest)?;
    let date_text = date_text(head);
    let (Some(credential), Some(signature), Some(signed_headers), Some(date_text)) =
        (parameters.credential, parameters.signature, parameters.signed_headers, date_text)
    else {
        return Err(incomplete(&parameters, date_text.is_none(), text));
    };
    let placement = Placement::Header;
    let credential = parse_credential(Cow::Borrowed(credential))
        .ok_or_else(|| SigV4Error::MalformedCredential { credential: credential.to_owned(), placement })?;
    let date = AmzDate::parse_date_header(date_text)
        .ok_or_else(|| SigV4Error::MalformedDate { text: date_text.to_owned(), placement })?;
    check_scope(&credential.scope, &credential.terminator, date, placement)?;
    Ok(Authorization {
        placement,
        access_key_id: credential.access_key_id,
        scope: credential.scope,
        signed_headers: Cow::Borrowed(signed_headers),
        signature: Cow::Borrowed(signature),
        date,
        session_token: session_token(head),
        payload: payload(head),
        expires_seconds: None,
    })
}

/// Splits `Credential=…, SignedHeaders=…, Signature=…`; the space after the comma is optional, other names are ignored.
fn parse_parameters<'a>(text: &str, rest: &'a str) -> Result<Parameters<'a>, SigV4Error> {
    let mut parameters = Parameters::default();
    let mut rest = Some(rest);
    while let Some(pairs) = rest {
        let pair = match split_at(pairs, b',') {
            Some((pair, others)) => {
                rest = Some(others);
                pair.trim()
            }
            None => {
                rest = None;
                pairs.trim()
            }
        };
        if pair.is_empty() {
            continue;
        }
        let malformed = || SigV4Error::MalformedPair { pair: pair.to_owned(), header: text.to_owned() };
        let (name, value) = split_at(pair, b'=').ok_or_else(malformed)?;
        let slot = match name {
            "Credential" => &mut parameters.credential,
            "SignedHeaders" => &mut parameters.signed_headers,
            "Signature" => &mut parameters.signature,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(malformed());
        }
    }
    Ok(parameters)
}

/// `split_once` for an ASCII character, which looks at sixteen and more bytes at a time: the header is long.
fn split_at(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = memchr::memchr(separator, text.as_bytes())?;
    Some((&text[..place], &text[place + 1..]))
}

fn incomplete(parameters: &Parameters<'_>, date_missing: bool, text: &str) -> SigV4Error {
    let missing = [
        (parameters.credential.is_none(), MissingPart::Credential),
        (parameters.signature.is_none(), MissingPart::Signature),
        (parameters.signed_headers.is_none(), MissingPart::SignedHeaders),
        (date_missing, MissingPart::Date),
    ];
    let missing = missing.into_iter().filter(|(absent, _)| *absent).map(|(_, part)| part).collect();
    SigV4Error::IncompleteHeader { missing, header: text.to_owned() }
}

/// `X-Amz-Date` wins over `Date`, which clients and proxies set on their own.
fn date_text<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    let value = head.headers.get(&X_AMZ_DATE).or_else(|| head.headers.get(DATE))?;
    Some(header_text(value).unwrap_or_default().trim())
}

pub(super) fn session_token<'a>(head: &RequestHead<'a>) -> Option<Cow<'a, str>> {
    head.headers.get(&X_AMZ_SECURITY_TOKEN).and_then(header_text).map(Cow::Borrowed)
}

pub(super) fn payload(head: &RequestHead<'_>) -> PayloadDeclaration {
    match head.headers.get(&X_AMZ_CONTENT_SHA256) {
        None => PayloadDeclaration::Absent,
        Some(value) => PayloadDeclaration::parse(header_text(value).unwrap_or_default().trim()),
    }
}

fn parse_v4a<'a>(text: &'a str, rest: &'a str) -> Result<Presented<'a>, SigV4Error> {
    let placement = Placement::Header;
    let parameters = parse_parameters(text, rest)?;
    let credential = parameters.credential.ok_or_else(|| incomplete(&parameters, false, text))?;
    let (access_key_id, service) = parse_regionless_credential(credential)
        .ok_or_else(|| SigV4Error::MalformedCredential { credential: credential.to_owned(), placement })?;
    Ok(Presented::SigV4A { access_key_id, service: Cow::Borrowed(service), placement })
}

/// `AWS id:signature`.
fn parse_v2(rest: &str) -> Option<Presented<'static>> {
    let (id, _signature) = rest.rsplit_once(':')?;
    Some(Presented::SigV2 { access_key_id: AccessKeyId::parse(id).ok()?, placement: Placement::Header })
}
