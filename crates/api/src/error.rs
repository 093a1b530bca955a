//! Every refusal that this version gives, with its code, status and text.
//!
//! SDKs decide by the code alone, so codes are exact. Texts follow observed answers of CloudTrail or of its sibling JSON
//! services. All refusals that are the caller's fault answer 400, as JSON services do, also where the published list of
//! common errors says 403.

use http::StatusCode;
use model::EventTime;

use crate::error_code::ErrorCode;
use crate::lookup_events::{ATTRIBUTE_VALUE_LENGTH_MAX, MAX_RESULTS_MAX};
use crate::operation::Operation;

/// Largest request body that an operation takes, in bytes. `PutAuditEvents` may carry 1 MB, every other body is small.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The body is larger than [`REQUEST_BYTES_MAX`].
    #[error("The request body is larger than {REQUEST_BYTES_MAX} bytes.")]
    RequestTooLarge,
    /// `X-Amz-Target` is missing or names no operation.
    #[error("{}", target_text(.target.as_deref()))]
    UnknownOperation {
        /// What the header held.
        target: Option<String>,
    },
    /// The path or method is not the one that the protocol has.
    #[error("The CloudTrail API takes POST requests to / only, not {method} {path}.")]
    UnknownUrl {
        /// Method of the request.
        method: String,
        /// Path of the request.
        path: String,
    },
    /// The body is not JSON, or a member has another JSON type than the model says.
    #[error("{0}")]
    Serialization(String),
    /// A required member is absent.
    #[error(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )]
    MissingMember {
        /// Path of the member in lower camel case, as such texts write it.
        member: &'static str,
    },
    /// Neither an `Authorization` header nor a signature in the query.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// The `Authorization` header or the query signature lacks parts or cannot be read.
    #[error("{0}")]
    IncompleteSignature(String),
    /// Access key unknown or inactive, or a session token that does not belong to it.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// The signature does not match.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
    /// The date of the signature is too old.
    #[error("Signature expired: {} is now earlier than {} ({} - {} min.)", basic(*.signed_at), basic(minus(*.now, *.allowance_seconds)), basic(*.now), .allowance_seconds / 60)]
    SignatureExpired {
        /// When the request says that it was signed.
        signed_at: EventTime,
        /// Time of the check.
        now: EventTime,
        /// How old a signature may be.
        allowance_seconds: i64,
    },
    /// The date of the signature lies in the future.
    #[error("Signature not yet current: {} is still later than {} ({} + {} min.)", basic(*.signed_at), basic(minus(*.now, -*.allowance_seconds)), basic(*.now), .allowance_seconds / 60)]
    SignatureNotYetCurrent {
        /// When the request says that it was signed.
        signed_at: EventTime,
        /// Time of the check.
        now: EventTime,
        /// How far ahead a caller's clock may be.
        allowance_seconds: i64,
    },
    /// The credential scope names something that is not a region.
    #[error("Credential should be scoped to a valid region, not '{region}'.")]
    ScopeRegion {
        /// What the scope names.
        region: String,
    },
    /// The credential scope names another service.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    ScopeService {
        /// Signing name of the service that was called.
        expected: &'static str,
    },
    /// Temporary credentials past their end.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// Too many calls.
    #[error("Rate exceeded")]
    Throttling,
    /// The operation exists in CloudTrail but not here, yet.
    #[error("{operation} is not offered by this version of OpenTrail yet. LookupEvents is.")]
    UnsupportedOperation {
        /// What was asked for.
        operation: Operation,
    },
    /// More than one lookup attribute.
    #[error("You can only specify one lookup attribute.")]
    SeveralLookupAttributes,
    /// A key that is none of the eight.
    #[error("{key} is not a valid attribute key.")]
    LookupAttributeKey {
        /// What was given.
        key: String,
    },
    /// A key that Insights events cannot be looked up by.
    #[error("{key} is not a valid attribute key for the insight event category.")]
    LookupAttributeKeyForInsight {
        /// What was given.
        key: &'static str,
    },
    /// An attribute value that is empty or too long.
    #[error("The value of a lookup attribute must have 1 to {ATTRIBUTE_VALUE_LENGTH_MAX} characters.")]
    LookupAttributeValueLength,
    /// A `ReadOnly` value other than `true` and `false`.
    #[error("{value} is not a valid value of the attribute key ReadOnly: it must be true or false.")]
    LookupReadOnlyValue {
        /// What was given.
        value: String,
    },
    /// The start lies after the end.
    #[error("Start time must be before end time.")]
    TimeRangeOrder,
    /// A time that cannot be read, or that lies outside the years -9999 to 9999.
    #[error("{member} is not a valid time.")]
    TimeRangeValue {
        /// `StartTime` or `EndTime`.
        member: &'static str,
    },
    /// A page size outside 1 to 50.
    #[error("Max results must be between 1 and {MAX_RESULTS_MAX}.")]
    MaxResults,
    /// A token that we did not make, or made for other parameters.
    #[error("Invalid next token.")]
    NextToken,
    /// An event category other than `insight`.
    #[error("{category} is not a valid event category.")]
    EventCategory {
        /// What was given.
        category: String,
    },
    /// Our own fault; what went wrong is for the operator's log, not for the caller.
    #[error("An internal error occurred.")]
    Internal,
    /// A part that is needed is not there right now; the caller may try again.
    #[error("Service is unavailable. Please try again.")]
    Unavailable,
}

impl ApiError {
    /// The code on the wire: the one place where it is chosen.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::RequestTooLarge => ErrorCode::RequestEntityTooLargeException,
            Self::UnknownOperation { .. } | Self::UnknownUrl { .. } => ErrorCode::UnknownOperationException,
            Self::Serialization(_) => ErrorCode::SerializationException,
            Self::MissingMember { .. } => ErrorCode::ValidationException,
            Self::MissingAuthenticationToken => ErrorCode::MissingAuthenticationTokenException,
            Self::IncompleteSignature(_) => ErrorCode::IncompleteSignatureException,
            Self::UnrecognizedClient => ErrorCode::UnrecognizedClientException,
            Self::SignatureMismatch
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. }
            | Self::ScopeRegion { .. }
            | Self::ScopeService { .. } => ErrorCode::InvalidSignatureException,
            Self::ExpiredToken => ErrorCode::ExpiredTokenException,
            Self::Throttling => ErrorCode::ThrottlingException,
            Self::UnsupportedOperation { .. } => ErrorCode::UnsupportedOperationException,
            Self::SeveralLookupAttributes
            | Self::LookupAttributeKey { .. }
            | Self::LookupAttributeKeyForInsight { .. }
            | Self::LookupAttributeValueLength
            | Self::LookupReadOnlyValue { .. } => ErrorCode::InvalidLookupAttributesException,
            Self::TimeRangeOrder | Self::TimeRangeValue { .. } => ErrorCode::InvalidTimeRangeException,
            Self::MaxResults => ErrorCode::InvalidMaxResultsException,
            Self::NextToken => ErrorCode::InvalidNextTokenException,
            Self::EventCategory { .. } => ErrorCode::InvalidEventCategoryException,
            Self::Internal => ErrorCode::InternalFailure,
            Self::Unavailable => ErrorCode::ServiceUnavailable,
        }
    }

    /// The HTTP status: 400 for what the caller did, but for a wrong URL and a body that is too large.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownUrl { .. } => StatusCode::NOT_FOUND,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

fn target_text(target: Option<&str>) -> String {
    match target {
        Some(target) => format!("Unknown operation: {}", model::limits::cut(target, 256)),
        None => "The request has no X-Amz-Target header.".to_owned(),
    }
}

/// `YYYYMMDDTHHMMSSZ`, the form of `X-Amz-Date`.
fn basic(time: EventTime) -> String {
    time.to_string().replace(['-', ':'], "")
}

fn minus(time: EventTime, seconds: i64) -> EventTime {
    EventTime::from_micros(time.as_micros().saturating_sub(seconds.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: ApiError, code: &str, status: u16, message: &str) {
        assert_eq!(
            (error.code().as_str(), error.status().as_u16(), error.to_string().as_str()),
            (code, status, message)
        );
    }

    #[test]
    fn refusals_say_what_clients_know() {
        let now = EventTime::parse("2025-03-01T12:20:00Z").expect("a time");
        let at = |text| EventTime::parse(text).expect("a time");
        check(
            ApiError::SignatureExpired { signed_at: at("2025-03-01T12:00:05Z"), now, allowance_seconds: 900 },
            "InvalidSignatureException",
            400,
            "Signature expired: 20250301T120005Z is now earlier than 20250301T120500Z (20250301T122000Z - 15 min.)",
        );
        check(
            ApiError::SignatureNotYetCurrent { signed_at: at("2025-03-01T13:00:00Z"), now, allowance_seconds: 900 },
            "InvalidSignatureException",
            400,
            "Signature not yet current: 20250301T130000Z is still later than 20250301T123500Z (20250301T122000Z + 15 min.)",
        );
        check(
            ApiError::ScopeService { expected: "cloudtrail" },
            "InvalidSignatureException",
            400,
            "Credential should be scoped to correct service: 'cloudtrail'.",
        );
        check(ApiError::MaxResults, "InvalidMaxResultsException", 400, "Max results must be between 1 and 50.");
        check(ApiError::Throttling, "ThrottlingException", 400, "Rate exceeded");
        check(ApiError::Unavailable, "ServiceUnavailable", 503, "Service is unavailable. Please try again.");
        check(
            ApiError::UnsupportedOperation { operation: Operation::CreateTrail },
            "UnsupportedOperationException",
            400,
            "CreateTrail is not offered by this version of OpenTrail yet. LookupEvents is.",
        );
    }
}
