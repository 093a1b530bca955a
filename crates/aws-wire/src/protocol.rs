//! Request and response bytes to values, driven by the shapes of the catalog.
//!
//! Decoding is lenient, as the services themselves are: a member that the catalog does not know is kept as
//! [`crate::value::FieldKey::Unknown`], a scalar of the wrong kind is kept as what it is, and only bytes that are not of
//! the protocol at all are an error. All decoders are bounded in depth and total: any bytes give a value or an error.
//!
//! One module per kind of bytes: [`json`], [`query`] (with EC2's dialect), [`xml`] over [`xml_tree`], [`cbor`]; [`rest`]
//! takes requests and responses apart into path, query, headers and body; [`error`] reads failures; [`timestamp`] the
//! forms of time.

pub mod cbor;
pub mod error;
pub mod json;
mod member_lookup;
pub mod query;
pub mod rest;
mod scalar;
pub mod timestamp;
pub mod xml;
pub mod xml_tree;

use http::HeaderMap;

use crate::RequestHead;
use crate::catalog::{OperationId, Protocol, Service, ShapeId};
use crate::classify::Call;
use crate::value::StructureValue;

pub use error::{WireError, decode_error, request_id};

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
    match protocol {
        Protocol::Query | Protocol::Ec2 => Ok(query::decode_request(service, input, protocol, head, body)),
        Protocol::Json10 | Protocol::Json11 => json::decode_structure(service, input, body),
        Protocol::RpcV2Cbor => cbor::decode_structure(service, input, body),
        Protocol::RestJson | Protocol::RestXml => rest::decode_request(service, operation, input, protocol, head, body),
    }
}

/// Decodes a response that tells of success. `None` for an operation without an output.
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
    match protocol {
        Protocol::Query => {
            let root = xml_tree::parse_xml(body)?;
            // Look-alikes of AWS leave the wrapper out.
            let result = operation.result_wrapper.as_ref().and_then(|wrapper| root.child(wrapper)).unwrap_or(&root);
            Ok(Some(xml::structure(service, output, result, DEPTH_MAX)))
        }
        Protocol::Ec2 => {
            let root = xml_tree::parse_xml(body)?;
            Ok(Some(xml::structure(service, output, &root, DEPTH_MAX)))
        }
        Protocol::Json10 | Protocol::Json11 => json::decode_structure(service, output, body).map(Some),
        Protocol::RpcV2Cbor => cbor::decode_structure(service, output, body).map(Some),
        Protocol::RestJson | Protocol::RestXml => {
            rest::decode_response(service, output, protocol, status, headers, body).map(Some)
        }
    }
}

#[cfg(test)]
mod tests;
