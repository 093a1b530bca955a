//! Everything that can be wrong with a signature.

use model::EventTime;

use super::presented::Placement;
use super::timestamp::AmzDate;

/// Why a request is not proved to be from the owner of a key.
///
/// Each variant carries the facts that AWS names in its answer; the codes and texts themselves are chosen in
/// [`super::rejection`]. All of them are the caller's fault, except [`SigV4Error::PayloadHashNeeded`], which is ours.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SigV4Error {
    /// The request carries no credentials at all. [`super::parse`] never returns this: it is for callers that need some.
    #[error("the request is not signed")]
    MissingToken,
    /// The key is not known here. For callers: nothing in this crate knows keys.
    #[error("the access key id {access_key_id} is not known")]
    UnknownKey {
        /// As presented.
        access_key_id: String,
    },
    /// The request carries two kinds of credentials, so that it is not clear which one speaks.
    #[error("more than one authentication mechanism in one request")]
    TwoMechanisms,
    /// The `Authorization` header does not start with a scheme of AWS.
    #[error("the Authorization header has a scheme that is not AWS's")]
    UnsupportedScheme {
        /// The whole header.
        header: String,
    },
    /// The algorithm is not one that exists.
    #[error("unsupported signature algorithm '{algorithm}'")]
    UnsupportedAlgorithm {
        /// As presented.
        algorithm: String,
        /// Where it stood.
        placement: Placement,
    },
    /// The signature may be right, but is of a kind that is not verified here.
    #[error("{algorithm} signatures cannot be verified here")]
    Unverifiable {
        /// `SigV4A`, `SigV2`, or the payload declaration.
        algorithm: &'static str,
    },
    /// A part of the `Authorization` header is not `key=value`, or comes twice.
    #[error("'{pair}' is not a valid key=value pair of the Authorization header")]
    MalformedPair {
        /// The part.
        pair: String,
        /// The whole header.
        header: String,
    },
    /// The `Authorization` header or the date beside it lacks something.
    #[error("the Authorization header is incomplete: {} missing", .missing.len())]
    IncompleteHeader {
        /// What is missing, in the order that AWS names it.
        missing: Vec<MissingPart>,
        /// The whole header.
        header: String,
    },
    /// A presigned URL lacks parameters.
    #[error("the signed query lacks {}", .missing.join(", "))]
    IncompleteQuery {
        /// Names of the missing parameters.
        missing: Vec<&'static str>,
    },
    /// The credential has not five elements, or the key id has characters that no key id has.
    #[error("the credential '{credential}' is malformed")]
    MalformedCredential {
        /// As presented.
        credential: String,
        /// Where it stood.
        placement: Placement,
    },
    /// The time of the signature cannot be read.
    #[error("'{text}' is not a signature time")]
    MalformedDate {
        /// As presented.
        text: String,
        /// Where it stood.
        placement: Placement,
    },
    /// The scope does not end in `aws4_request`.
    #[error("the credential scope ends in '{found}'")]
    ScopeTerminator {
        /// As presented.
        found: String,
        /// Where it stood.
        placement: Placement,
    },
    /// The day of the scope is not the day of the signature's time.
    #[error("the credential scope is for the day '{found}', the signature is of {date}")]
    ScopeDate {
        /// Day in the scope.
        found: String,
        /// Time of the signature.
        date: AmzDate,
        /// Where it stood.
        placement: Placement,
    },
    /// The scope names another region.
    #[error("the credential scope is for the region '{found}', expected '{expected}'")]
    ScopeRegion {
        /// As presented.
        found: String,
        /// What is served here.
        expected: String,
        /// Where it stood.
        placement: Placement,
    },
    /// The scope names another service.
    #[error("the credential scope is for the service '{found}', expected '{expected}'")]
    ScopeService {
        /// As presented.
        found: String,
        /// Signing name of the service.
        expected: String,
        /// Where it stood.
        placement: Placement,
    },
    /// `X-Amz-Expires` is not a number of seconds from 1 to 604,800.
    #[error("X-Amz-Expires is out of range: {0:?}")]
    Expires(ExpiresProblem),
    /// The `host` is not covered by the signature, so that it would hold for any server.
    #[error("the signature does not cover the host")]
    HostNotSigned,
    /// S3 refuses `x-amz-…` headers that the signature does not cover.
    #[error("headers present but not signed: {}", .names.join(", "))]
    HeadersNotSigned {
        /// Their names, lower case.
        names: Vec<String>,
    },
    /// The header signature is older than the allowed difference of clocks.
    #[error("the signature of {signed} is too old at {now}")]
    TooOld {
        /// Time of the signature.
        signed: AmzDate,
        /// Time of the check.
        now: EventTime,
        /// Allowed difference, in seconds.
        skew_seconds: u64,
    },
    /// The signature is from further in the future than clocks may differ.
    #[error("the signature of {signed} is from the future at {now}")]
    NotYetCurrent {
        /// Time of the signature.
        signed: AmzDate,
        /// Time of the check.
        now: EventTime,
        /// Allowed difference, in seconds.
        skew_seconds: u64,
        /// Whether it was a header or a URL.
        placement: Placement,
    },
    /// The presigned URL has expired.
    #[error("the presigned URL of {signed} expired {expires_seconds} s later, it is now {now}")]
    UrlExpired {
        /// Time of the signature.
        signed: AmzDate,
        /// Its life, in seconds.
        expires_seconds: u32,
        /// Time of the check.
        now: EventTime,
    },
    /// A URL that is signed with Version 2 does not say when it expires.
    #[error("the URL's time of expiry is missing or is no number of seconds")]
    V2Expires {
        /// As presented, if it was.
        text: Option<String>,
    },
    /// A URL that is signed with Version 2 has expired.
    #[error("the URL expired at {expires}, it is now {now}")]
    V2UrlExpired {
        /// When it expired.
        expires: EventTime,
        /// Time of the check.
        now: EventTime,
    },
    /// S3 requires `x-amz-content-sha256`.
    #[error("x-amz-content-sha256 is missing")]
    PayloadDeclarationMissing,
    /// `x-amz-content-sha256` is no hash and none of the known names.
    #[error("x-amz-content-sha256 has a value that is neither a hash nor a known name")]
    PayloadDeclarationMalformed,
    /// The signature is right, the body is another one.
    #[error("the body is not the one that x-amz-content-sha256 declares")]
    PayloadMismatch {
        /// Declared SHA-256.
        declared: [u8; 32],
        /// SHA-256 of what came.
        actual: [u8; 32],
    },
    /// Our fault: this signature covers the hash of the body, and the caller of `verify` did not give it.
    #[error("the hash of the body is needed to verify this signature")]
    PayloadHashNeeded,
    /// The signature does not fit.
    #[error("the signature does not match")]
    Mismatch(Box<SignatureMismatch>),
}

/// What was compared when a signature did not match. S3 sends these back to help the caller; none is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureMismatch {
    /// As presented.
    pub access_key_id: String,
    /// As presented.
    pub signature: String,
    /// Where the signature stood.
    pub placement: Placement,
    /// What we think should have been signed.
    pub string_to_sign: String,
    /// The canonical request behind it; empty where a version has none. Bytes, for headers need not be UTF-8.
    pub canonical_request: Vec<u8>,
}

/// A part that a header signature needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPart {
    /// `Credential=`.
    Credential,
    /// `Signature=`.
    Signature,
    /// `SignedHeaders=`.
    SignedHeaders,
    /// Header `X-Amz-Date` or `Date`.
    Date,
}

/// What is wrong with `X-Amz-Expires`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiresProblem {
    /// Not a number.
    NotANumber,
    /// Negative, or zero, which could never be used.
    Negative,
    /// More than a week.
    TooLong,
}
