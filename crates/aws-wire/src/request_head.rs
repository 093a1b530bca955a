//! The head of a request, as it came over the wire.

use http::{HeaderMap, HeaderValue, Method};

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

/// The text of a header, if it is ASCII: what [`HeaderValue::to_str`] gives, for a fraction of its cost. That looks at one
/// byte after the other, and a signature or a session token has hundreds.
pub fn header_text(value: &HeaderValue) -> Option<&str> {
    // Of ASCII, a value holds no control character but the tab.
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn texts_of_headers_are_those_of_the_library(bytes: Vec<u8>, text in "[\\t -~é]{0,40}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Ok(value) = HeaderValue::from_bytes(bytes) {
                    proptest::prop_assert_eq!(header_text(&value), value.to_str().ok());
                }
            }
        }
    }
}
