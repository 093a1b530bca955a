//! What fuzz targets share: raw bytes read as an HTTP request, and that request decoded.

mod decoding;

pub use decoding::decode;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Most header lines of one input; more would make inputs large and find nothing new.
const HEADERS_MAX: usize = 32;

/// A request as a fuzzer writes it: `METHOD TARGET`, header lines, an empty line, and the body.
#[derive(Debug)]
pub struct RawRequest<'a> {
    /// Method.
    pub method: Method,
    /// Path, percent-encoded.
    pub path: &'a str,
    /// Query, percent-encoded.
    pub query: Option<&'a str>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: &'a [u8],
}

impl<'a> RawRequest<'a> {
    /// Reads an input. `None` when it is not what an HTTP server would let through: bad methods, targets and header
    /// values never reach the code under test.
    pub fn parse(input: &'a [u8]) -> Option<Self> {
        let (head, body) = match input.windows(2).position(|window| window == b"\n\n") {
            Some(end) => (&input[..end], &input[end + 2..]),
            None => (input, &[][..]),
        };
        let mut lines = std::str::from_utf8(head).ok()?.lines();
        let (method, target) = lines.next()?.split_once(' ')?;
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let mut headers = HeaderMap::new();
        for line in lines.take(HEADERS_MAX) {
            let (name, value) = line.split_once(':')?;
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?);
        }
        Some(Self { method: Method::from_bytes(method.as_bytes()).ok()?, path, query, headers, body })
    }

    /// The head as the wire crate takes it.
    pub fn head(&self) -> aws_wire::RequestHead<'_> {
        aws_wire::RequestHead { method: &self.method, path: self.path, query: self.query, headers: &self.headers }
    }
}
