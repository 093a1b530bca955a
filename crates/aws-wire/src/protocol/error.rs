//! Answers that tell of failure.

use http::header::{HeaderMap, HeaderName};
use serde_json::Value as Json;

use super::xml_tree::{XmlElement, parse_xml};
use super::{cbor, content, json};
use crate::catalog::{Protocol, Service};

/// An error as an answer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Code, without a namespace: `NoSuchEntity`, `ResourceNotFoundException`.
    pub code: String,
    /// Code of the query protocol that a JSON or CBOR answer gives beside its own (`x-amzn-query-error`).
    pub query_code: Option<String>,
    /// Text.
    pub message: Option<String>,
    /// Whether it is the sender's fault; by the answer if it says so, else by its status.
    pub is_sender_fault: bool,
}

/// Reads an error answer (status 300 and above). `None` when it names no code: an answer without a body, or one of no
/// AWS service.
pub fn decode_error(
    _service: &Service,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<WireError> {
    let by_status = status < 500;
    let body = &*content::inflated(headers, body).ok()?;
    match protocol {
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => xml_error(body, by_status),
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => {
            json_error(&json::parse(body).unwrap_or(Json::Null), headers, by_status)
        }
        Protocol::RpcV2Cbor => json_error(&cbor::to_json(body).unwrap_or(Json::Null), headers, by_status),
    }
}

/// `<ErrorResponse><Error>…`, `<Response><Errors><Error>…` and S3's bare `<Error>…`.
fn xml_error(body: &[u8], by_status: bool) -> Option<WireError> {
    let root = parse_xml(body).ok()?;
    let error = match root.name.as_str() {
        "Error" => &root,
        "Response" => root.child("Errors")?.child("Error")?,
        _ => root.child("Error").or_else(|| root.child("Errors")?.child("Error"))?,
    };
    let text = |name: &str| error.child_text(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_sender_fault = match error.child_text("Type") {
        Some("Sender") => true,
        Some("Receiver") => false,
        _ => by_status,
    };
    let message = text("Message").or_else(|| text("message"));
    Some(WireError { code: text("Code")?, query_code: None, message, is_sender_fault })
}

fn json_error(body: &Json, headers: &HeaderMap, by_status: bool) -> Option<WireError> {
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = header("x-amzn-errortype").or_else(|| text("__type")).or_else(|| text("code")).or_else(|| text("Code"));
    let code = bare(named?);
    if code.is_empty() {
        return None;
    }
    let query = header("x-amzn-query-error").and_then(|value| value.split_once(';'));
    let is_sender_fault = match query {
        Some((_, "Sender")) => true,
        Some((_, "Receiver")) => false,
        _ => by_status,
    };
    let message = ["message", "Message", "errorMessage"].into_iter().find_map(text).map(str::to_owned);
    Some(WireError { code, query_code: query.map(|(code, _)| code.to_owned()), message, is_sender_fault })
}

/// `namespace#Code:url` without namespace and URL.
fn bare(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).trim().to_owned()
}

/// Headers that hold a request id. Made once: a name that is given as a text is read anew at each look.
static REQUEST_ID_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("x-amzn-requestid"),
    HeaderName::from_static("x-amz-request-id"),
    HeaderName::from_static("x-amzn-request-id"),
    HeaderName::from_static("x-amz-requestid"),
];

/// The request id that the service gave, from the headers, else from the body.
pub fn request_id(protocol: Protocol, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let in_headers = REQUEST_ID_HEADERS.iter().find_map(|name| headers.get(name)?.to_str().ok());
    if let Some(id) = in_headers.filter(|id| !id.is_empty()) {
        return Some(id.to_owned());
    }
    match protocol {
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            let root = parse_xml(&content::inflated(headers, body).ok()?).ok()?;
            let metadata = root.child("ResponseMetadata").unwrap_or(&root);
            let id = |element: &XmlElement| {
                ["RequestId", "requestId", "RequestID"]
                    .into_iter()
                    .find_map(|name| element.child_text(name).map(str::to_owned))
            };
            id(metadata).or_else(|| id(&root)).filter(|id| !id.is_empty())
        }
        _ => None,
    }
}
