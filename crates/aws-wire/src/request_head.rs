//! The head of a request, as it came over the wire.

use http::{HeaderMap, Method};

/// Method, target and headers of a request, untouched.
///
/// Path and query stay percent-encoded: a signature covers the bytes that were sent, and two encodings of one name are
/// two different requests to it. With HTTP/2 the gateway puts the `:authority` into `headers` as `host`, so that a
/// reader never asks which version a request came in.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, still percent-encoded, with its leading `/`.
    pub path: &'a str,
    /// Query without its `?`, still percent-encoded; `None` when there was no `?`.
    pub query: Option<&'a str>,
    /// Headers in the order of the wire, repeated ones repeated.
    pub headers: &'a HeaderMap,
}
