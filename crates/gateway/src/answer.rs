//! Answers on their way to a client, and those that the gateway gives itself.

use aws_wire::catalog::{Protocol, Service};
use aws_wire::fault::{self, Fault};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::body::AnswerBody;
use crate::http1::head::{AnswerHead, MessageHead};

/// An answer on its way to a client.
pub(crate) struct Answered {
    pub(crate) head: AnswerHead,
    pub(crate) body: AnswerBody,
}

impl Answered {
    /// The same for a library, which makes lines of its own.
    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        Response::from_parts(self.head.parts, self.body)
    }
}

impl From<Response<AnswerBody>> for Answered {
    fn from(response: Response<AnswerBody>) -> Self {
        let (parts, body) = response.into_parts();
        Self { head: MessageHead::without_lines(parts), body }
    }
}

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
