//! Values to the bytes of a request or an answer: what the decoders read, written.
//!
//! Used to rebuild calls and to answer as a service does; and it is how the decoders are tested, for what is written must
//! be read back as it was.

mod cbor;
mod form;
mod json;
mod rest;
mod text;
mod xml;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::catalog::{OperationId, Protocol, Service};
use crate::value::StructureValue;

pub(crate) use cbor::texts as cbor_texts;

/// A request as it goes over the wire, without host and signature.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedRequest {
    /// Method.
    pub method: Method,
    /// Path, percent-encoded.
    pub path: String,
    /// Query without its `?`, percent-encoded.
    pub query: Option<String>,
    /// Headers that the protocol asks for and those that are members.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

/// An answer as it goes over the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedResponse {
    /// Status.
    pub status: u16,
    /// Headers that the protocol asks for and those that are members.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

/// A value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the member '{member}' cannot be written: {reason}")]
pub struct EncodeError {
    /// Name of the member in the model.
    pub member: String,
    /// Why not.
    pub reason: &'static str,
}

impl EncodeError {
    fn new(member: &str, reason: &'static str) -> Self {
        Self { member: member.to_owned(), reason }
    }
}

/// Writes a request of an operation. Of S3 in path style.
///
/// Members that the catalog does not know are written where the protocol has a place for them: in JSON, CBOR, XML and
/// forms, not in paths and headers.
///
/// # Errors
/// A member of the path is missing or empty, or a text cannot be a header.
pub fn encode_request(
    service: &Service,
    operation: OperationId,
    protocol: Protocol,
    value: &StructureValue,
) -> Result<EncodedRequest, EncodeError> {
    let operation = service.operation(operation);
    let mut request = EncodedRequest {
        method: Method::POST,
        path: "/".to_owned(),
        query: None,
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    match protocol {
        Protocol::Query | Protocol::Ec2 => {
            set(&mut request.headers, CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8");
            request.body = form::request(service, operation, protocol, value).into_bytes();
        }
        Protocol::Json10 | Protocol::Json11 => {
            set(&mut request.headers, CONTENT_TYPE, json_type(protocol));
            let target = format!("{}.{}", service.target_prefix, operation.name);
            set(&mut request.headers, HeaderName::from_static("x-amz-target"), &target);
            request.body = json::structure(service, value);
        }
        Protocol::RpcV2Cbor => {
            request.path = format!("/service/{}/operation/{}", service.target_prefix, operation.name);
            set(&mut request.headers, HeaderName::from_static("smithy-protocol"), "rpc-v2-cbor");
            if operation.input.is_some() {
                set(&mut request.headers, CONTENT_TYPE, "application/cbor");
                request.body = cbor::structure(service, value);
            }
        }
        Protocol::RestJson | Protocol::RestXml => rest::request(service, operation, protocol, value, &mut request)?,
    }
    Ok(request)
}

/// Writes the answer of an operation that did what it was asked for.
///
/// # Errors
/// A text cannot be a header.
pub fn encode_response(
    service: &Service,
    operation: OperationId,
    protocol: Protocol,
    request_id: &str,
    value: Option<&StructureValue>,
) -> Result<EncodedResponse, EncodeError> {
    let operation = service.operation(operation);
    let mut response = EncodedResponse { status: 200, headers: HeaderMap::new(), body: Vec::new() };
    let headers = &mut response.headers;
    let is_s3 = service.id == "s3" && protocol == Protocol::RestXml;
    let id_header = if is_s3 { "x-amz-request-id" } else { "x-amzn-requestid" };
    set(headers, HeaderName::from_static(id_header), request_id);
    match protocol {
        Protocol::Query => {
            set(headers, CONTENT_TYPE, "text/xml");
            response.body = xml::query_response(service, operation, request_id, value).into_bytes();
        }
        Protocol::Ec2 => {
            set(headers, CONTENT_TYPE, "text/xml;charset=UTF-8");
            response.body = xml::ec2_response(service, operation, request_id, value).into_bytes();
        }
        Protocol::Json10 | Protocol::Json11 => {
            set(headers, CONTENT_TYPE, json_type(protocol));
            response.body = value.map(|value| json::structure(service, value)).unwrap_or_default();
        }
        Protocol::RpcV2Cbor => {
            set(headers, HeaderName::from_static("smithy-protocol"), "rpc-v2-cbor");
            if let Some(value) = value {
                set(headers, CONTENT_TYPE, "application/cbor");
                response.body = cbor::structure(service, value);
            }
        }
        Protocol::RestJson | Protocol::RestXml => {
            if let Some(value) = value {
                rest::response(service, protocol, value, &mut response)?;
            }
        }
    }
    Ok(response)
}

fn json_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

/// Sets a header of the protocol; a text that cannot be a header is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
