//! The one table of AWS's answers to a signature that is not accepted.
//!
//! Source: AWS IAM user guide, "Troubleshoot Signature Version 4 request signing"; Amazon S3 API reference, "Error
//! responses"; texts as observed from the services. CloudTrail answers like the other services that speak JSON.

use model::EventTime;

use crate::catalog::{Protocol, Service};

use super::chunked::ChunkedError;
use super::error::{ExpiresProblem, MissingPart, SigV4Error};
use super::presented::Placement;
use super::timestamp::AmzDate;

/// Whose words are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionStyle {
    /// Services that speak AWS JSON: codes end in `Exception`, the status is 400.
    Json,
    /// S3.
    S3,
}

/// An error answer in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// HTTP status.
    pub status: u16,
    /// Error code.
    pub code: &'static str,
    /// Text for the caller.
    pub message: String,
    /// Elements that S3 puts beside code and message, in order; empty for other services.
    pub details: Vec<(&'static str, String)>,
}

impl SigV4Error {
    /// The answer of a service that speaks this protocol.
    pub fn rejection_of(&self, service: &Service, protocol: Protocol) -> Rejection {
        if super::canonical::is_s3(&service.signing_name) {
            return s3(self);
        }
        let rejection = json(self);
        // Source: service authorization reference, "Common errors" (query services); EC2 API reference, "Error codes".
        let (status, code) = match (protocol, rejection.code) {
            (Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor, code) => (rejection.status, code),
            (Protocol::RestJson, code) => (if rejection.status == 400 { 403 } else { rejection.status }, code),
            (Protocol::Ec2, "UnrecognizedClientException" | "InvalidSignatureException") => {
                let message = "AWS was not able to validate the provided access credentials";
                return Rejection::plain(401, "AuthFailure", message);
            }
            (_, "UnrecognizedClientException") => (403, "InvalidClientTokenId"),
            (_, "InvalidSignatureException") => (403, "SignatureDoesNotMatch"),
            (_, "MissingAuthenticationTokenException") => (403, "MissingAuthenticationToken"),
            (_, "IncompleteSignatureException") => (400, "IncompleteSignature"),
            (_, code) => (rejection.status, code),
        };
        Rejection { status, code, ..rejection }
    }

    /// The answer to the caller.
    pub fn rejection(&self, style: RejectionStyle) -> Rejection {
        match style {
            RejectionStyle::Json => json(self),
            RejectionStyle::S3 => s3(self),
        }
    }
}

impl ChunkedError {
    /// The answer of S3, the only service with chunked bodies.
    pub fn rejection(&self) -> Rejection {
        match self {
            Self::Signature { .. } => Rejection::plain(403, "SignatureDoesNotMatch", S3_MISMATCH),
            Self::DecodedLength { .. } | Self::Incomplete => Rejection::plain(
                400,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
            Self::Trailer { .. } => Rejection::plain(
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our published schema.",
            ),
            Self::Header { .. } | Self::TooLong { .. } | Self::Delimiter { .. } => {
                Rejection::plain(400, "InvalidRequest", self.to_string())
            }
        }
    }
}

const S3_MISMATCH: &str =
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

fn json(error: &SigV4Error) -> Rejection {
    const INCOMPLETE: &str = "IncompleteSignatureException";
    const INVALID: &str = "InvalidSignatureException";
    let (code, message) = match error {
        SigV4Error::MissingToken => ("MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()),
        SigV4Error::UnknownKey { .. } => {
            ("UnrecognizedClientException", "The security token included in the request is invalid.".to_owned())
        }
        SigV4Error::TwoMechanisms => {
            (INVALID, "Only one of the Authorization header and the query string may carry the signature.".to_owned())
        }
        SigV4Error::UnsupportedScheme { header } => (INCOMPLETE, missing_parts(&ALL_PARTS, header)),
        SigV4Error::IncompleteHeader { missing, header } => (INCOMPLETE, missing_parts(missing, header)),
        SigV4Error::IncompleteQuery { missing } => (INCOMPLETE, missing_parameters(missing)),
        SigV4Error::UnsupportedAlgorithm { algorithm, .. } => {
            (INCOMPLETE, format!("Unsupported AWS 'algorithm': '{algorithm}'."))
        }
        SigV4Error::Unverifiable { algorithm } => (INCOMPLETE, format!("Unsupported AWS 'algorithm': '{algorithm}'.")),
        SigV4Error::MalformedPair { pair, header } => (
            INCOMPLETE,
            format!("'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."),
        ),
        SigV4Error::MalformedCredential { credential, .. } => (
            INCOMPLETE,
            format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            ),
        ),
        SigV4Error::MalformedDate { text, .. } => (
            INCOMPLETE,
            format!("Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"),
        ),
        SigV4Error::ScopeTerminator { found, .. } => {
            (INVALID, format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{found}'."))
        }
        SigV4Error::ScopeDate { found, date, .. } => (
            INVALID,
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{found}' != '{}', from '{date}'.",
                date.day()
            ),
        ),
        SigV4Error::ScopeRegion { found, .. } => {
            (INVALID, format!("Credential should be scoped to a valid region, not '{found}'."))
        }
        SigV4Error::ScopeService { expected, .. } => {
            (INVALID, format!("Credential should be scoped to correct service: '{expected}'."))
        }
        SigV4Error::Expires(problem) => (INVALID, expires_text(*problem).to_owned()),
        SigV4Error::HostNotSigned => {
            (INVALID, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned())
        }
        SigV4Error::HeadersNotSigned { names } => {
            (INVALID, format!("Headers present in the request were not signed: {}.", names.join(", ")))
        }
        SigV4Error::TooOld { signed, now, skew_seconds } => (INVALID, too_old(*signed, *now, *skew_seconds)),
        SigV4Error::UrlExpired { signed, expires_seconds, now } => {
            (INVALID, too_old(*signed, *now, u64::from(*expires_seconds)))
        }
        SigV4Error::NotYetCurrent { signed, now, skew_seconds, .. } => {
            (INVALID, not_yet_current(*signed, *now, *skew_seconds))
        }
        SigV4Error::PayloadDeclarationMissing
        | SigV4Error::PayloadDeclarationMalformed
        | SigV4Error::PayloadMismatch { .. }
        | SigV4Error::V2Expires { .. }
        | SigV4Error::V2UrlExpired { .. }
        | SigV4Error::Mismatch(_) => (INVALID, MISMATCH.to_owned()),
        SigV4Error::PayloadHashNeeded => return Rejection::plain(500, "InternalFailure", String::new()),
    };
    Rejection::plain(400, code, message)
}

impl Rejection {
    fn plain(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    fn with(mut self, details: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.details.extend(details);
        self
    }
}

const ALL_PARTS: [MissingPart; 4] =
    [MissingPart::Credential, MissingPart::Signature, MissingPart::SignedHeaders, MissingPart::Date];

fn missing_parts(missing: &[MissingPart], header: &str) -> String {
    let sentences = missing.iter().map(|part| match part {
        MissingPart::Credential => "Authorization header requires 'Credential' parameter. ",
        MissingPart::Signature => "Authorization header requires 'Signature' parameter. ",
        MissingPart::SignedHeaders => "Authorization header requires 'SignedHeaders' parameter. ",
        MissingPart::Date => "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    });
    format!("{}Authorization={header}", sentences.collect::<String>())
}

fn missing_parameters(missing: &[&str]) -> String {
    let sentences: Vec<String> =
        missing.iter().map(|name| format!("AWS query-string parameters must include '{name}'.")).collect();
    format!("{} Re-examine the query-string parameters.", sentences.join(" "))
}

fn expires_text(problem: ExpiresProblem) -> &'static str {
    match problem {
        ExpiresProblem::NotANumber => "X-Amz-Expires should be a number",
        ExpiresProblem::Negative => "X-Amz-Expires must be non-negative",
        ExpiresProblem::TooLong => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
        }
    }
}

/// `Signature expired: A is now earlier than B (C - 15 min.)`.
fn too_old(signed: AmzDate, now: EventTime, seconds: u64) -> String {
    let oldest = basic(now.as_seconds().saturating_sub_unsigned(seconds));
    format!(
        "Signature expired: {signed} is now earlier than {oldest} ({} - {})",
        basic(now.as_seconds()),
        duration_text(seconds)
    )
}

/// `Signature not yet current: A is still later than B (C + 15 min.)`.
fn not_yet_current(signed: AmzDate, now: EventTime, seconds: u64) -> String {
    let newest = basic(now.as_seconds().saturating_add_unsigned(seconds));
    format!(
        "Signature not yet current: {signed} is still later than {newest} ({} + {})",
        basic(now.as_seconds()),
        duration_text(seconds)
    )
}

fn duration_text(seconds: u64) -> String {
    if seconds.is_multiple_of(60) { format!("{} min.", seconds / 60) } else { format!("{seconds} sec.") }
}

fn basic(seconds: i64) -> String {
    AmzDate::from_time(EventTime::from_seconds(seconds)).map(|date| date.to_string()).unwrap_or_default()
}

fn iso(time: EventTime) -> String {
    time.to_string()
}

const CREDENTIAL_FORM: &str =
    "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

fn s3(error: &SigV4Error) -> Rejection {
    match error {
        SigV4Error::MissingToken => Rejection::plain(403, "AccessDenied", "Access Denied"),
        SigV4Error::UnknownKey { access_key_id } => Rejection::plain(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with([("AWSAccessKeyId", access_key_id.clone())]),
        SigV4Error::TwoMechanisms => Rejection::plain(
            400,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
        ),
        SigV4Error::UnsupportedScheme { header } => {
            Rejection::plain(400, "InvalidArgument", "Unsupported Authorization Type")
                .with([("ArgumentName", "Authorization".to_owned()), ("ArgumentValue", header.clone())])
        }
        SigV4Error::UnsupportedAlgorithm { placement: Placement::Query, .. } => query_error(
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"".to_owned(),
        ),
        SigV4Error::UnsupportedAlgorithm { .. } | SigV4Error::Unverifiable { .. } => Rejection::plain(
            400,
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        SigV4Error::IncompleteHeader { missing, .. } => s3_incomplete(missing),
        SigV4Error::IncompleteQuery { .. } => query_error(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.".to_owned(),
        ),
        SigV4Error::MalformedPair { pair, .. } => {
            header_error(format!("The authorization header is malformed; '{pair}' is not a key=value pair."))
        }
        SigV4Error::MalformedDate { placement: Placement::Header, .. } => no_valid_date(),
        SigV4Error::MalformedDate { placement: Placement::Query, .. } => {
            query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".to_owned())
        }
        SigV4Error::Expires(problem) => query_error(expires_text(*problem).to_owned()),
        SigV4Error::MalformedCredential { .. }
        | SigV4Error::ScopeTerminator { .. }
        | SigV4Error::ScopeDate { .. }
        | SigV4Error::ScopeRegion { .. }
        | SigV4Error::ScopeService { .. } => s3_scope(error),
        SigV4Error::HostNotSigned => s3_not_signed("host".to_owned()),
        SigV4Error::HeadersNotSigned { names } => s3_not_signed(names.join(", ")),
        SigV4Error::TooOld { signed, now, skew_seconds }
        | SigV4Error::NotYetCurrent { signed, now, skew_seconds, placement: Placement::Header } => {
            s3_skewed(*signed, *now, *skew_seconds)
        }
        SigV4Error::NotYetCurrent { signed, now, placement: Placement::Query, .. } => {
            Rejection::plain(403, "AccessDenied", "Request is not yet valid")
                .with([("X-Amz-Date", signed.to_string()), ("ServerTime", iso(*now))])
        }
        SigV4Error::UrlExpired { signed, expires_seconds, now } => {
            let expires = signed.time().as_seconds().saturating_add(i64::from(*expires_seconds));
            Rejection::plain(403, "AccessDenied", "Request has expired").with([
                ("X-Amz-Expires", expires_seconds.to_string()),
                ("Expires", iso(EventTime::from_seconds(expires))),
                ("ServerTime", iso(*now)),
            ])
        }
        SigV4Error::V2Expires { text: None } => Rejection::plain(
            403,
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        ),
        SigV4Error::V2Expires { text: Some(text) } => Rejection::plain(
            403,
            "AccessDenied",
            format!("Invalid date (should be seconds since epoch): {text}"),
        ),
        SigV4Error::V2UrlExpired { expires, now } => Rejection::plain(403, "AccessDenied", "Request has expired")
            .with([("Expires", iso(*expires)), ("ServerTime", iso(*now))]),
        SigV4Error::PayloadDeclarationMissing => {
            Rejection::plain(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        }
        SigV4Error::PayloadDeclarationMalformed => Rejection::plain(
            400,
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        )
        .with([("ArgumentName", "x-amz-content-sha256".to_owned())]),
        SigV4Error::PayloadMismatch { declared, actual } => Rejection::plain(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
        .with([
            ("ClientComputedContentSHA256", hex::encode(declared)),
            ("S3ComputedContentSHA256", hex::encode(actual)),
        ]),
        SigV4Error::PayloadHashNeeded => Rejection::plain(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
        SigV4Error::Mismatch(mismatch) => Rejection::plain(
            403,
            "SignatureDoesNotMatch",
            S3_MISMATCH,
        )
        .with([
            ("AWSAccessKeyId", mismatch.access_key_id.clone()),
            ("StringToSign", mismatch.string_to_sign.clone()),
            ("SignatureProvided", mismatch.signature.clone()),
            ("StringToSignBytes", spaced_hex(mismatch.string_to_sign.as_bytes())),
        ])
        .with(Some(&mismatch.canonical_request).filter(|request| !request.is_empty()).into_iter().flat_map(|request| {
            [
                ("CanonicalRequest", String::from_utf8_lossy(request).into_owned()),
                ("CanonicalRequestBytes", spaced_hex(request)),
            ]
        })),
    }
}

fn header_error(message: String) -> Rejection {
    Rejection::plain(400, "AuthorizationHeaderMalformed", message)
}

fn query_error(message: String) -> Rejection {
    Rejection::plain(400, "AuthorizationQueryParametersError", message)
}

fn no_valid_date() -> Rejection {
    Rejection::plain(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
}

fn s3_incomplete(missing: &[MissingPart]) -> Rejection {
    match missing.first() {
        Some(MissingPart::Credential) => {
            header_error("The authorization header is malformed; missing Credential.".to_owned())
        }
        Some(MissingPart::Signature) => {
            header_error("The authorization header is malformed; missing Signature.".to_owned())
        }
        Some(MissingPart::SignedHeaders) => {
            header_error("The authorization header is malformed; missing SignedHeaders.".to_owned())
        }
        Some(MissingPart::Date) | None => no_valid_date(),
    }
}

/// Errors of the scope: one sentence, under the code and prefix of the place where the credential stood.
fn s3_scope(error: &SigV4Error) -> Rejection {
    let (placement, sentence, region) = match error {
        SigV4Error::ScopeTerminator { found, placement } => {
            (*placement, format!("incorrect terminal \"{found}\". This endpoint uses \"aws4_request\"."), None)
        }
        SigV4Error::ScopeDate { found, date, placement } => (
            *placement,
            format!(
                "Invalid credential date \"{found}\". This date is not the same as X-Amz-Date: \"{}\".",
                date.day()
            ),
            None,
        ),
        SigV4Error::ScopeRegion { found, expected, placement } => {
            (*placement, format!("the region '{found}' is wrong; expecting '{expected}'"), Some(expected.clone()))
        }
        SigV4Error::ScopeService { found, expected, placement } => {
            (*placement, format!("incorrect service \"{found}\". This endpoint belongs to \"{expected}\"."), None)
        }
        SigV4Error::MalformedCredential { placement, .. } => (*placement, CREDENTIAL_FORM.to_owned(), None),
        _ => (Placement::Header, String::new(), None),
    };
    let rejection = match placement {
        Placement::Header => header_error(format!("The authorization header is malformed; {sentence}")),
        Placement::Query => query_error(format!("Error parsing the X-Amz-Credential parameter; {sentence}")),
    };
    rejection.with(region.map(|region| ("Region", region)))
}

fn s3_not_signed(names: String) -> Rejection {
    Rejection::plain(403, "AccessDenied", "There were headers present in the request which were not signed")
        .with([("HeadersNotSigned", names)])
}

fn s3_skewed(signed: AmzDate, now: EventTime, skew_seconds: u64) -> Rejection {
    Rejection::plain(
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    )
    .with([
        ("RequestTime", signed.to_string()),
        ("ServerTime", iso(now)),
        ("MaxAllowedSkewMilliseconds", skew_seconds.saturating_mul(1000).to_string()),
    ])
}

/// `41 57 53 …`, the form of S3's `…Bytes` elements.
fn spaced_hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
