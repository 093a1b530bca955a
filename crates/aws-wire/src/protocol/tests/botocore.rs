//! Requests that botocore wrote, decoded and compared with what they were made from.

use std::path::PathBuf;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value as Json, json};

use super::plain::plain;
use crate::RequestHead;
use crate::catalog::{Catalog, Protocol};
use crate::protocol::{decode_error, decode_request, decode_response};

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

/// `OPENTRAIL_CATALOG` names another catalog file, such as one of made-up services that show the corners of protocols.
fn catalog() -> &'static Catalog {
    static OTHER: OnceLock<Option<Catalog>> = OnceLock::new();
    let other = OTHER.get_or_init(|| {
        let file = std::fs::read(std::env::var_os("OPENTRAIL_CATALOG")?).expect("a file");
        Some(Catalog::open(file.leak()).expect("a catalog"))
    });
    other.as_ref().unwrap_or_else(|| Catalog::embedded())
}

fn decoded(case: &Json) -> Result<Json, String> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let service = catalog().service(text("service")).ok_or("no such service")?;
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
    let protocol = protocol(text("protocol"));
    if case["error"].is_object() {
        let status = case["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
        let error = decode_error(service, protocol, status, &headers, &body).ok_or("no error")?;
        return Ok(json!({ "code": error.code, "message": error.message }));
    }
    let value = match case["status"].as_u64() {
        Some(status) => {
            let status = u16::try_from(status).map_err(|error| error.to_string())?;
            decode_response(service, operation, protocol, status, &headers, &body).map_err(|error| error.to_string())?
        }
        None => {
            let target = text("target");
            let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
            let head = RequestHead { method: &Method::POST, path, query, headers: &headers };
            Some(decode_request(service, operation, protocol, &head, &body).map_err(|error| error.to_string())?)
        }
    };
    Ok(value.map_or_else(|| Json::Object(serde_json::Map::new()), |value| plain(service, &value)))
}

/// Whether two values say the same: numbers by value, and what a protocol cannot write (empty structures, maps
/// and lists in forms) as absent.
pub(super) fn is_same(expected: &Json, found: &Json) -> bool {
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

/// Decodes all cases of a file beside this crate, or of the file that a variable names.
fn check(file: &str, variable: &str) {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata")).join(file);
    let file = std::env::var_os(variable).map_or(beside, PathBuf::from);
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

#[test]
fn requests_of_botocore_say_what_they_were_made_from() {
    check("requests.jsonl", "OPENTRAIL_REQUESTS");
}

#[test]
fn answers_say_what_botocore_reads_in_them() {
    check("responses.jsonl", "OPENTRAIL_RESPONSES");
}
