//! Answers that the gateway gives itself.

use aws_wire::catalog::{Protocol, Service};
use aws_wire::fault::{self, Fault};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::body::AnswerBody;

/// An error in the shape that the caller's protocol expects.
pub fn fault(
    service: &Service,
    protocol: Protocol,
    status: u16,
    code: &str,
    message: &str,
    request_id: &str,
) -> Response<AnswerBody> {
    let fault = Fault {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: request_id.to_owned(),
        resource: None,
    };
    let encoded = fault::encode(service, protocol, &fault);
    let mut response = Response::new(AnswerBody::whole(encoded.body, None));
    *response.status_mut() = StatusCode::from_u16(encoded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().extend(encoded.headers);
    response
}

/// A plain text, for requests that are no AWS calls.
pub fn plain(status: u16, text: &str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(Bytes::copy_from_slice(text.as_bytes()), None));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
