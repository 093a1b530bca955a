//! From an answer of the backend to one that goes out: ids, and errors in S3's form.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;

use crate::error_messages::message_for;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// The body of an answer, streamed from disk where it is an object.
#[derive(Debug, Default)]
pub struct ResponseBody(s3s::Body);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The two ids of an answer. They are random, not proof of anything.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    /// 16 upper-case hexadecimal digits.
    id: String,
    extended: String,
}

/// Bytes of randomness in both ids together.
pub(crate) const REQUEST_ID_BYTES: usize = 8 + 56;

impl RequestIds {
    pub(crate) fn from_random(bytes: &[u8; REQUEST_ID_BYTES]) -> Self {
        let (id, extended) = bytes.split_at(8);
        Self { id: hex::encode_upper(id), extended: BASE64.encode(extended) }
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in [(REQUEST_ID, &self.id), (EXTENDED_REQUEST_ID, &self.extended)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        headers.insert(http::header::SERVER, HeaderValue::from_static("AmazonS3"));
    }
}

/// In the extensions of an answer: the status that it must have. The framework has its own idea of that for most
/// operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerStatus(pub(crate) StatusCode);

/// An error in S3's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Puts the ids on an answer, and into its body where that is an error.
pub(crate) fn finish(
    response: s3s::HttpResponse,
    ids: &RequestIds,
    method: &Method,
    resource: &str,
) -> Response<ResponseBody> {
    let (mut head, mut body) = response.into_parts();
    if let Some(AnswerStatus(status)) = head.extensions.remove() {
        head.status = status;
    }
    if head.status == StatusCode::NOT_MODIFIED || head.status == StatusCode::NO_CONTENT {
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(CONTENT_TYPE);
        body = s3s::Body::empty();
    } else if head.status.is_client_error() || head.status.is_server_error() {
        let text = body.bytes().unwrap_or_default();
        let text = with_ids(&String::from_utf8_lossy(&text), ids, resource).into_bytes();
        let text = escape_controls(&text).unwrap_or(text);
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        head.headers.remove(CONTENT_LENGTH);
        body = if method == Method::HEAD { s3s::Body::empty() } else { s3s::Body::from(text) };
    } else if method == Method::HEAD {
        body = s3s::Body::empty();
    } else if is_xml(&head.headers)
        && let Some(text) = body.bytes()
        && let Some(escaped) = escape_controls(&text)
    {
        head.headers.remove(CONTENT_LENGTH);
        body = s3s::Body::from(escaped);
    }
    ids.apply(&mut head.headers);
    Response::from_parts(head, ResponseBody(body))
}

/// An answer made here, without the backend.
pub(crate) fn error_response(error: &ErrorAnswer) -> s3s::HttpResponse {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
        escape(&error.code),
        escape(&error.message)
    );
    let mut response = Response::new(s3s::Body::from(text));
    *response.status_mut() = error.status;
    response
}

fn with_ids(text: &str, ids: &RequestIds, resource: &str) -> String {
    let Some(inside) = text.strip_suffix("</Error>") else { return text.to_owned() };
    let message = match (inside.split_once("<Code>"), inside.contains("<Message>")) {
        (Some((_, code)), false) => message_for(code.split('<').next().unwrap_or_default()),
        _ => "",
    };
    let message = if message.is_empty() { String::new() } else { format!("<Message>{message}</Message>") };
    format!(
        "{inside}{message}<Resource>{}</Resource><RequestId>{}</RequestId><HostId>{}</HostId></Error>",
        escape(resource),
        ids.id,
        ids.extended
    )
}

fn is_xml(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/xml")
}

/// Writes control characters, which keys may contain, as character references: as they are, most would make the answer
/// no XML, and a parser would turn a carriage return into a line feed. `None` when there are none.
///
/// It is for documents that were made here. An object's bytes never come by: they are streamed and not in memory.
fn escape_controls(text: &[u8]) -> Option<Vec<u8>> {
    let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n');
    if !text.iter().any(is_control) {
        return None;
    }
    let mut escaped = Vec::with_capacity(text.len() + 64);
    for byte in text {
        if is_control(byte) {
            escaped.extend_from_slice(format!("&#x{byte:X};").as_bytes());
        } else {
            escaped.push(*byte);
        }
    }
    Some(escaped)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
