//! Every refusal that this version gives, with its code, status and text.
//!
//! SDKs decide by the code alone, so codes are exact. Texts follow observed answers of CloudTrail or of its sibling JSON
//! services. All refusals that are the caller's fault answer 400, as JSON services do, also where the published list of
//! common errors says 403.

use aws_wire::sigv4::{RejectionStyle, SigV4Error};
use http::StatusCode;

use crate::error_code::ErrorCode;
use crate::lookup_events::{ATTRIBUTE_VALUE_LENGTH_MAX, MAX_RESULTS_MAX};
use crate::operation::Operation;

/// Largest request body that an operation takes, in bytes. `PutAuditEvents` may carry 1 MB, every other body is small.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// The signature is missing, malformed, of an unknown key, or not right. Codes and texts of these stand in
    /// [`aws_wire::sigv4::rejection`].
    #[error("{}", .0.rejection(RejectionStyle::Json).message)]
    Signature(SigV4Error),
    /// A session token that does not belong to the key, such as any token with a long-term key.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// Temporary credentials past their end.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// Too many calls.
    #[error("Rate exceeded")]
    Throttling,
    /// The operation exists in CloudTrail but not here, yet.
    #[error("{operation} is not offered by this version of OpenTrail yet. LookupEvents and trails are.")]
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
    /// A rule of trails, selectors or tags is broken; rule, code and text stand together where it is checked.
    #[error("{message}")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// The text.
        message: String,
    },
    /// Our own fault; what went wrong is for the operator's log, not for the caller.
    #[error("An internal error occurred.")]
    Internal,
    /// A part that is needed is not there right now; the caller may try again.
    #[error("Service is unavailable. Please try again.")]
    Unavailable,
}

impl ApiError {
    /// A refusal with a code and a text of its own.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    /// The code on the wire: the one place where it is chosen.
    pub fn code(&self) -> &'static str {
        let code = match self {
            Self::Signature(error) => return error.rejection(RejectionStyle::Json).code,
            Self::RequestTooLarge => ErrorCode::RequestEntityTooLargeException,
            Self::UnknownOperation { .. } | Self::UnknownUrl { .. } => ErrorCode::UnknownOperationException,
            Self::Serialization(_) => ErrorCode::SerializationException,
            Self::MissingMember { .. } => ErrorCode::ValidationException,
            Self::UnrecognizedClient => ErrorCode::UnrecognizedClientException,
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
            Self::Refused { code, .. } => *code,
            Self::Internal => ErrorCode::InternalFailure,
            Self::Unavailable => ErrorCode::ServiceUnavailable,
        };
        code.as_str()
    }

    /// The HTTP status: 400 for what the caller did, but for a wrong URL and a body that is too large.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Signature(error) => StatusCode::from_u16(error.rejection(RejectionStyle::Json).status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: ApiError, code: &str, status: u16, message: &str) {
        assert_eq!((error.code(), error.status().as_u16(), error.to_string().as_str()), (code, status, message));
    }

    #[test]
    fn refusals_say_what_clients_know() {
        check(
            ApiError::Signature(SigV4Error::MissingToken),
            "MissingAuthenticationTokenException",
            400,
            "Missing Authentication Token",
        );
        check(ApiError::MaxResults, "InvalidMaxResultsException", 400, "Max results must be between 1 and 50.");
        check(ApiError::Throttling, "ThrottlingException", 400, "Rate exceeded");
        check(ApiError::Unavailable, "ServiceUnavailable", 503, "Service is unavailable. Please try again.");
        check(
            ApiError::UnsupportedOperation { operation: Operation::CreateChannel },
            "UnsupportedOperationException",
            400,
            "CreateChannel is not offered by this version of OpenTrail yet. LookupEvents and trails are.",
        );
    }
}
