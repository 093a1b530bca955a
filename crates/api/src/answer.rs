//! What goes out: status, headers and body of a success or a refusal.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::error::ApiError;
use crate::operation::Endpoint;

/// Carries the id of the request; the same id stands in `requestID` of the call's own event.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// Carries the error code. JSON 1.1 does not need it, REST JSON reads it first.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// An answer, ready to be sent; `Date` and `Content-Length` are the sender's.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Content type, request id and, for refusals, error code.
    pub headers: HeaderMap,
    /// JSON text.
    pub body: Vec<u8>,
}

/// Body of a refusal. Services write `Message`, their shared front end `message`; SDKs read either, so both are there.
#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "__type")]
    code: &'a str,
    #[serde(rename = "Message")]
    message: &'a str,
    #[serde(rename = "message")]
    message_lower: &'a str,
}

impl Answer {
    /// A success with the given output.
    ///
    /// # Errors
    /// An output whose JSON cannot be written; none of ours is.
    pub fn success(endpoint: Endpoint, request_id: &str, output: &impl Serialize) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(output)?;
        Ok(Self { status: StatusCode::OK, headers: headers(endpoint, request_id), body })
    }

    /// A refusal.
    pub fn error(endpoint: Endpoint, request_id: &str, error: &ApiError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let body = ErrorBody { code, message: &message, message_lower: &message };
        let mut headers = headers(endpoint, request_id);
        headers.insert(ERROR_TYPE, HeaderValue::from_static(code));
        // Three texts under fixed names cannot fail to be written; an empty object would still say the code in the header.
        let body = serde_json::to_vec(&body).unwrap_or_else(|_| b"{}".to_vec());
        Self { status: error.status(), headers, body }
    }
}

fn headers(endpoint: Endpoint, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(endpoint.content_type()));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_carry_code_and_both_messages() {
        let answer = Answer::error(Endpoint::CloudTrail, "r-1", &ApiError::MaxResults);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.headers["x-amzn-errortype"], "InvalidMaxResultsException");
        assert_eq!(answer.headers["x-amzn-requestid"], "r-1");
        assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.1");
        assert_eq!(
            String::from_utf8(answer.body).expect("text"),
            r#"{"__type":"InvalidMaxResultsException","Message":"Max results must be between 1 and 50.","message":"Max results must be between 1 and 50."}"#
        );
    }

    #[test]
    fn the_data_service_speaks_plain_json() {
        let answer = Answer::error(Endpoint::CloudTrailData, "r-1", &ApiError::UnrecognizedClient);
        assert_eq!(answer.headers["content-type"], "application/json");
    }
}
