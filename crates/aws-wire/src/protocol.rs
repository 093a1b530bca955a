//! Request and response bytes to values, driven by the shapes of the catalog.
//!
//! Decoding is lenient, as the services themselves are: a member that the catalog does not know is kept as
//! [`crate::value::FieldKey::Unknown`], a scalar of the wrong kind is kept as what it is, and only bytes that are not of
//! the protocol at all are an error. All decoders are bounded in depth and total: any bytes give a value or an error.
//!
//! One module per kind of bytes: [`json`], [`query`] (with EC2's dialect), [`xml`] over [`xml_tree`], [`cbor`]; [`rest`]
//! takes requests and responses apart into path, query, headers and body; [`error`] reads failures; [`timestamp`] the
//! forms of time.

mod binding;
pub mod cbor;
pub mod content;
pub mod encode;
pub mod error;
pub mod json;
mod member_lookup;
pub mod query;
mod query_names;
pub mod rest;
mod scalar;
pub mod timestamp;
pub mod xml;
pub mod xml_tree;

use std::borrow::Cow;

use http::HeaderMap;

use crate::RequestHead;
use crate::catalog::{Operation, OperationId, Protocol, Service, ShapeId};
use crate::classify::Call;
use crate::value::StructureValue;

use binding::Binding;
pub use error::{WireError, decode_error, request_id};
pub use rest::raw_labels;
use xml_tree::XmlElement;

/// Most levels of nesting that a decoder follows. Real parameters have fewer than twenty.
pub const DEPTH_MAX: usize = 64;

/// Bytes that are not of the protocol that they should be of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {protocol} body: {reason}")]
pub struct DecodeError {
    /// The protocol: `JSON`, `XML`, `CBOR`, …
    pub protocol: &'static str,
    /// What is wrong, with the offset where it is known.
    pub reason: String,
}

impl DecodeError {
    pub(crate) fn new(protocol: &'static str, reason: impl Into<String>) -> Self {
        Self { protocol, reason: reason.into() }
    }
}

/// Decodes the request of a call as [`decode_request`] does, with the bucket that an S3 request names in its host.
///
/// # Errors
/// The body is not of the protocol.
pub fn decode_call(call: &Call, head: &RequestHead<'_>, body: &[u8]) -> Result<StructureValue, DecodeError> {
    let Some(bucket) = &call.bucket_in_host else {
        return decode_request(call.service, call.operation, call.protocol, head, body);
    };
    // Path style says the same, and is what the templates of the model describe.
    let path = format!("/{bucket}{}", head.path);
    let head = RequestHead { path: &path, ..*head };
    decode_request(call.service, call.operation, call.protocol, &head, body)
}

/// Decodes a request: members of path, query, headers and body, in one structure. An operation without an input gives
/// an empty one.
///
/// Of S3 it takes path-style requests; [`decode_call`] takes the others too.
///
/// # Errors
/// The body is not of the protocol. Members outside the body are then lost too; they are in the head.
pub fn decode_request(
    service: &Service,
    operation: OperationId,
    protocol: Protocol,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<StructureValue, DecodeError> {
    let operation = service.operation(operation);
    let Some(input) = operation.input else {
        return Ok(StructureValue { shape: ShapeId(0), fields: Vec::new() });
    };
    let is_rest = matches!(protocol, Protocol::RestJson | Protocol::RestXml);
    if is_rest && content::is_raw(service, input) {
        return rest::decode_request(service, operation, input, protocol, head, body);
    }
    let body =
        if content::is_event_stream(head.headers) { Cow::default() } else { content::inflated(head.headers, body)? };
    match protocol {
        Protocol::Query | Protocol::Ec2 => Ok(query::decode_request(service, input, protocol, head, &body)),
        Protocol::Json10 | Protocol::Json11 => json::decode_structure(service, input, Binding::All, &body),
        Protocol::RpcV2Cbor => cbor::decode_structure(service, input, &body),
        Protocol::RestJson | Protocol::RestXml => {
            rest::decode_request(service, operation, input, protocol, head, &body)
        }
    }
}

/// Decodes a response that tells of success. `None` for an operation without an output, and for a stream of events; of a
/// REST operation with such a stream, its headers.
///
/// # Errors
/// The body is not of the protocol.
pub fn decode_response(
    service: &Service,
    operation: OperationId,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<StructureValue>, DecodeError> {
    let operation = service.operation(operation);
    let Some(output) = operation.output else { return Ok(None) };
    let is_rest = matches!(protocol, Protocol::RestJson | Protocol::RestXml);
    if is_rest && content::is_raw(service, output) {
        return rest::decode_response(service, output, protocol, status, headers, body).map(Some);
    }
    let is_stream = content::is_event_stream(headers) || content::has_event_stream(service, output);
    if is_stream && !is_rest {
        return Ok(None);
    }
    let body = if is_stream { Cow::default() } else { content::inflated(headers, body)? };
    let body = &*body;
    match protocol {
        Protocol::Query | Protocol::Ec2 if body.is_empty() => {
            Ok(Some(StructureValue { shape: output, fields: Vec::new() }))
        }
        Protocol::Query => {
            let root = xml_tree::parse_xml(body)?;
            let result = query_result(operation, &root);
            Ok(Some(xml::structure(service, output, Binding::All, result, DEPTH_MAX)))
        }
        Protocol::Ec2 => {
            let root = xml_tree::parse_xml(body)?;
            Ok(Some(xml::structure(service, output, Binding::All, &root, DEPTH_MAX)))
        }
        Protocol::Json10 | Protocol::Json11 => json::decode_structure(service, output, Binding::All, body).map(Some),
        Protocol::RpcV2Cbor => cbor::decode_structure(service, output, body).map(Some),
        Protocol::RestJson | Protocol::RestXml => {
            rest::decode_response(service, output, protocol, status, headers, body).map(Some)
        }
    }
}

/// The element that holds the members of a query answer: the wrapper that the model names, else `XResult` inside
/// `XResponse`. Some look-alikes of AWS write no wrapper; then it is the root.
fn query_result<'a>(operation: &Operation, root: &'a XmlElement) -> &'a XmlElement {
    let named = operation.result_wrapper.as_ref().and_then(|wrapper| root.child(wrapper));
    let by_rule = || root.child(&format!("{}Result", root.name.strip_suffix("Response")?));
    named.or_else(by_rule).unwrap_or(root)
}

#[cfg(test)]
mod tests;
