//! Tests of the module as a whole: published vectors, an independent signer as oracle, properties, speed.

mod chunked;
mod presented;
mod properties;
mod rejections;
mod s3_examples;
mod speed;
mod suite;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{AccessKeyId, EventTime};

use super::*;
use crate::RequestHead;

/// A request that owns its parts.
#[derive(Debug, Clone)]
struct Request {
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
}

impl Request {
    fn new(method: &str, target: &str, headers: &[(&str, &str)]) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let mut request = Self {
            method: Method::from_bytes(method.as_bytes()).expect("a method"),
            path: path.to_owned(),
            query,
            headers: HeaderMap::new(),
        };
        for (name, value) in headers {
            request.push_header(name, value);
        }
        request
    }

    fn push_header(&mut self, name: &str, value: &str) {
        let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).expect("a header name");
        self.headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).expect("a header value"));
    }

    fn head(&self) -> RequestHead<'_> {
        RequestHead { method: &self.method, path: &self.path, query: self.query.as_deref(), headers: &self.headers }
    }
}

/// Parses, takes the signature, and verifies it.
fn check(
    request: &Request,
    secret: &SecretAccessKey,
    hash: Option<[u8; 32]>,
    now: EventTime,
) -> Result<VerifiedRequest, SigV4Error> {
    let head = request.head();
    let presented = parse(&head)?;
    let authorization = presented.authorization().ok_or(SigV4Error::MissingToken)?;
    verify(&head, authorization, secret, hash, now, CLOCK_SKEW_MAX)
}

fn secret(text: &str) -> SecretAccessKey {
    SecretAccessKey::parse(text).expect("a secret")
}

fn key_id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).expect("a key id")
}

fn at(text: &str) -> EventTime {
    AmzDate::parse(text).expect("a date").time()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    payload_hash(bytes)
}
