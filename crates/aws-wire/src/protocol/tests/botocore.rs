//! Requests that botocore wrote, decoded and compared with what they were made from.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value as Json;

use super::plain::plain;
use crate::RequestHead;
use crate::catalog::{Catalog, Protocol};
use crate::protocol::decode_request;

/// Differences that are printed before the test gives up.
const SHOWN_MAX: usize = 10;

pub(super) fn protocol(name: &str) -> Protocol {
    match name {
        "Query" => Protocol::Query,
        "Ec2" => Protocol::Ec2,
        "Json10" => Protocol::Json10,
        "Json11" => Protocol::Json11,
        "RestJson" => Protocol::RestJson,
        "RestXml" => Protocol::RestXml,
        "RpcV2Cbor" => Protocol::RpcV2Cbor,
        other => panic!("no protocol {other}"),
    }
}

fn decoded(case: &Json) -> Result<Json, String> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let service = Catalog::embedded().service(text("service")).ok_or("no such service")?;
    let operation = service.operation_named(text("operation")).ok_or("no such operation")?;
    let headers: HeaderMap = case["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            Ok((
                HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?,
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| error.to_string())?,
            ))
        })
        .collect::<Result<_, String>>()?;
    let body = match case["body64"].as_str() {
        Some(body) => STANDARD.decode(body).map_err(|error| error.to_string())?,
        None => text("body").as_bytes().to_vec(),
    };
    let (path, query) =
        text("target").split_once('?').map_or((text("target"), None), |(path, query)| (path, Some(query)));
    let head = RequestHead { method: &Method::POST, path, query, headers: &headers };
    let decoded = decode_request(service, operation, protocol(text("protocol")), &head, &body);
    decoded.map(|value| plain(service, &value)).map_err(|error| error.to_string())
}

/// Whether two values say the same: numbers by value, and what a protocol cannot write (empty structures, maps
/// and lists in forms) as absent.
fn is_same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            expected.iter().all(|(name, value)| match found.get(name) {
                Some(found) => is_same(value, found),
                None => is_nothing(value),
            }) && found.keys().all(|name| expected.contains_key(name))
        }
        (Json::Array(expected), Json::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_same(expected, found))
        }
        (Json::Number(expected), Json::Number(found)) => expected
            .as_i64()
            .zip(found.as_i64())
            .map_or(expected.as_f64() == found.as_f64(), |(left, right)| left == right),
        _ => expected == found,
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Object(members) => members.values().all(is_nothing),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// `OPENTRAIL_REQUESTS` names a larger file of the same form, such as one of every operation of AWS.
#[test]
fn requests_of_botocore_say_what_they_were_made_from() {
    let file = std::env::var_os("OPENTRAIL_REQUESTS").map(PathBuf::from);
    let file = file.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/requests.jsonl")));
    let lines = std::fs::read_to_string(&file).expect("the cases");
    let (mut differences, mut count) = (Vec::new(), 0);
    for line in lines.lines().skip(1) {
        let case: Json = serde_json::from_str(line).expect("a case");
        count += 1;
        let found = decoded(&case);
        if !found.as_ref().is_ok_and(|found| is_same(&case["expected"], found)) {
            let found = found.unwrap_or_else(Json::String);
            differences.push(format!("expected {}\nfound    {found}\nof {line}", case["expected"]));
        }
    }
    assert!(count > 0, "no cases");
    let shown = &differences[..differences.len().min(SHOWN_MAX)];
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), shown.join("\n\n"));
}
