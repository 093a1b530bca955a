//! Errors of our own, in the shape that the caller's protocol expects.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use quick_xml::escape::escape;
use serde_json::json;

use crate::catalog::{Protocol, Service};
use crate::protocol::encode::cbor_texts;

/// An error to be told to a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// Code that SDKs decide by.
    pub code: String,
    /// Text for people.
    pub message: String,
    /// Id of the request.
    pub request_id: String,
    /// What it is about; written for S3 only.
    pub resource: Option<String>,
}

/// An error as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFault {
    /// HTTP status.
    pub status: u16,
    /// Headers, the content type among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
}

/// Writes an error as the protocol has it.
pub fn encode(service: &Service, protocol: Protocol, fault: &Fault) -> EncodedFault {
    let side = if fault.status < 500 { "Sender" } else { "Receiver" };
    let (code, message, id) = (escape(&*fault.code), escape(&*fault.message), escape(&*fault.request_id));
    let (content_type, body) = match protocol {
        Protocol::Query => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>{id}</RequestId></ErrorResponse>"
            )
            .into_bytes(),
        ),
        Protocol::Ec2 => (
            "text/xml;charset=UTF-8",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
                 <Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
            )
            .into_bytes(),
        ),
        Protocol::RestXml if service.id == "s3" => {
            let resource = fault
                .resource
                .as_deref()
                .map_or(String::new(), |resource| format!("<Resource>{}</Resource>", escape(resource)));
            (
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                     {resource}<RequestId>{id}</RequestId></Error>"
                )
                .into_bytes(),
            )
        }
        Protocol::RestXml => (
            "application/xml",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error><Type>{side}</Type>\
                 <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
            )
            .into_bytes(),
        ),
        Protocol::Json10 => ("application/x-amz-json-1.0", json_body(fault)),
        Protocol::Json11 => ("application/x-amz-json-1.1", json_body(fault)),
        Protocol::RestJson => ("application/json", json_body(fault)),
        Protocol::RpcV2Cbor => ("application/cbor", cbor_body(fault)),
    };
    let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    let mut add = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.push((HeaderName::from_static(name), value));
        }
    };
    match protocol {
        Protocol::RestXml if service.id == "s3" => add("x-amz-request-id", &fault.request_id),
        _ => add("x-amzn-requestid", &fault.request_id),
    }
    match protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => add("x-amzn-errortype", &fault.code),
        Protocol::RpcV2Cbor => add("smithy-protocol", "rpc-v2-cbor"),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {}
    }
    EncodedFault { status: fault.status, headers, body: Bytes::from(body) }
}

/// SDKs read the one spelling of the message or the other.
fn json_body(fault: &Fault) -> Vec<u8> {
    json!({ "__type": fault.code, "message": fault.message, "Message": fault.message }).to_string().into_bytes()
}

fn cbor_body(fault: &Fault) -> Vec<u8> {
    cbor_texts(&[("__type", &fault.code), ("message", &fault.message)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::protocol::decode_error;
    use http::HeaderMap;

    #[test]
    fn every_protocol_reads_back_what_was_written() {
        let fault = Fault {
            status: 503,
            code: "ServiceUnavailable".to_owned(),
            message: "no \"upstream\" for <b> & \u{e4}".to_owned(),
            request_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            resource: Some("/b/k".to_owned()),
        };
        for (id, protocol) in [
            ("iam", Protocol::Query),
            ("ec2", Protocol::Ec2),
            ("s3", Protocol::RestXml),
            ("route53", Protocol::RestXml),
            ("dynamodb", Protocol::Json10),
            ("kms", Protocol::Json11),
            ("lambda", Protocol::RestJson),
            ("cloudwatch", Protocol::RpcV2Cbor),
        ] {
            let service = Catalog::embedded().service(id).expect(id);
            let encoded = encode(service, protocol, &fault);
            let headers: HeaderMap = encoded.headers.iter().cloned().collect();
            let error = decode_error(service, protocol, encoded.status, &headers, &encoded.body).expect(id);
            assert_eq!((error.code.as_str(), error.message.as_deref()), ("ServiceUnavailable", Some(&*fault.message)));
            assert!(!error.is_sender_fault);
            let id_found = crate::protocol::request_id(protocol, &headers, &encoded.body);
            assert_eq!(id_found.as_deref(), Some(&*fault.request_id), "{id}");
        }
    }
}
