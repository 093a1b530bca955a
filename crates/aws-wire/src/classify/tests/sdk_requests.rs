//! Requests that an SDK really makes: each is found, and can be decoded.
//!
//! `catalog/sdk_requests.py` writes them; `SDK_REQUESTS` names its output.

use serde::Deserialize;

use super::every_operation::{SAME_REQUEST_WITHOUT_HOST, SAME_REQUESTS, TWINS, TWINS_WITHOUT_HOST};
use super::*;

/// A twin of real hosts alone: one host name ends with the other's.
const TWIN_AT_HOST: (&str, &str) = ("signer", "signer-data");

#[derive(Deserialize)]
struct SdkRequest {
    service: String,
    operation: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// What a request is found to be, as `service.Operation`, and what went wrong with it afterwards.
fn found(request: &SdkRequest) -> (String, Option<String>) {
    let (_, rest) = request.url.split_once("://").expect("a scheme");
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    headers.insert(HOST, HeaderValue::from_str(host).expect("a value"));
    let method: Method = request.method.parse().expect("a method");
    let path = if path.is_empty() { "/" } else { path };
    let head = RequestHead { method: &method, path, query, headers: &headers };
    // The script writes one character for each byte.
    let body: Vec<u8> = request.body.chars().filter_map(|character| u8::try_from(character).ok()).collect();
    let presented = crate::sigv4::parse(&head).expect("a signature, or none");
    let hosts = HostNames { own: &["localhost".to_owned()] };
    match classify(Catalog::embedded(), &head, &hosts, presented.service(), Some(&body)) {
        Classification::Call(call) => {
            let decoded = crate::protocol::decode_request(call.service, call.operation, call.protocol, &head, &body);
            let trouble = decoded.err().map(|error| error.to_string());
            (format!("{}.{}", call.service.id, call.operation_name()), trouble)
        }
        other => (format!("{other:?}").chars().take(80).collect(), None),
    }
}

fn is_twin(expected: &str, found: &str) -> bool {
    let (expected_service, operation) = expected.split_once('.').unwrap_or((expected, ""));
    let mut twins = TWINS.iter().chain(&TWINS_WITHOUT_HOST).chain([&TWIN_AT_HOST]);
    let is_row = |row: &(&str, &str)| {
        let name = |text: &str| text.split(' ').next().unwrap_or("").to_owned();
        (name(row.0), name(row.1)) == (expected.to_owned(), found.to_owned())
    };
    twins.any(|(id, twin)| *id == expected_service && found == format!("{twin}.{operation}"))
        || SAME_REQUESTS.iter().chain([&SAME_REQUEST_WITHOUT_HOST]).any(is_row)
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
fn sdk_requests_are_found() {
    let Ok(file) = std::env::var("SDK_REQUESTS") else {
        eprintln!("skipped: SDK_REQUESTS names no file with requests");
        return;
    };
    let text = std::fs::read_to_string(file).expect("the file of requests");
    let mut wrong = Vec::new();
    for line in text.lines() {
        let request: SdkRequest = serde_json::from_str(line).expect("a request");
        let expected = format!("{}.{}", request.service, request.operation);
        let (found, trouble) = found(&request);
        if found != expected && !is_twin(&expected, &found) || trouble.is_some() {
            wrong.push(format!("{expected} -> {found} {trouble:?} {} {}", request.method, request.url));
        }
    }
    eprintln!("{} requests", text.lines().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
