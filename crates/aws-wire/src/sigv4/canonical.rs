//! The canonical request: the one text that signer and verifier must both arrive at.

use std::borrow::Cow;

use http::HeaderMap;

use super::percent::{decode_path, decode_query, decode_query_text, encode_into};
use super::presented::Placement;
use crate::RequestHead;

/// How a service makes the path canonical.
///
/// Source: AWS IAM user guide, "Create a signed AWS API request", canonical URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UriRules {
    /// Whether the path as sent, which is encoded already, is encoded once more.
    pub encode_twice: bool,
    /// Whether `.`, `..` and empty segments are resolved first.
    pub normalize: bool,
}

impl UriRules {
    /// S3 takes object keys as they are: encoded once, and `..` is a name like any other.
    pub const S3: Self = Self { encode_twice: false, normalize: false };
    /// Every other service.
    pub const OTHERS: Self = Self { encode_twice: true, normalize: true };

    /// The rules of the service with this signing name.
    pub fn for_service(signing_name: &str) -> Self {
        if is_s3(signing_name) { Self::S3 } else { Self::OTHERS }
    }
}

/// Whether a signing name belongs to the S3 family, which signs paths and bodies by rules of its own.
pub fn is_s3(signing_name: &str) -> bool {
    matches!(signing_name, "s3" | "s3express" | "s3-outposts" | "s3-object-lambda")
}

/// What a canonical request is made from.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalParts<'a> {
    /// The request as received.
    pub head: &'a RequestHead<'a>,
    /// Canonical path.
    pub path: &'a str,
    /// Where the signature stands: a query signature does not cover its own parameter.
    pub placement: Placement,
    /// Names of the signed headers, joined by `;`, in the order that the signer gave.
    pub signed_headers: &'a str,
    /// Last line: hash of the body, or the name that stands for it.
    pub payload: &'a str,
}

/// The canonical request. Bytes, for header values need not be UTF-8.
pub fn canonical_request(parts: &CanonicalParts<'_>) -> Vec<u8> {
    let head = parts.head;
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(parts.path.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(canonical_query(head.query.unwrap_or_default(), parts.placement).as_bytes());
    out.push(b'\n');
    for name in parts.signed_headers.split(';') {
        push_canonical_header(&mut out, head.headers, name);
    }
    out.push(b'\n');
    out.extend_from_slice(parts.signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(parts.payload.as_bytes());
    out
}

/// The canonical form of a path as sent.
pub fn canonical_path(raw: &str, rules: UriRules) -> String {
    let path = if rules.normalize { normalize(raw) } else { Cow::Borrowed(raw) };
    let mut out = String::with_capacity(path.len() + 16);
    if rules.encode_twice {
        encode_into(&mut out, path.bytes(), b"/");
    } else {
        encode_into(&mut out, decode_path(&path), b"/");
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

/// Resolves `.`, `..` and empty segments as RFC 3986, section 5.2.4; a slash at the end stays, and a dot segment at the
/// end leaves one.
fn normalize(path: &str) -> Cow<'_, str> {
    let plain = !path.contains("//") && !path.contains("/.") && path.starts_with('/');
    if plain {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    Cow::Owned(format!("/{}{end}", segments.join("/")))
}

/// The canonical query: names and values decoded and encoded again, sorted by encoded name, then by encoded value; a
/// name without `=` gets one. A raw `+` is the space that every service reads it as.
pub fn canonical_query(raw: &str, placement: Placement) -> String {
    if raw.is_empty() {
        return String::new();
    }
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| placement == Placement::Header || decode_query_text(name) != "X-Amz-Signature")
        .map(|(name, value)| (encode_again(name), encode_again(value)))
        .collect();
    pairs.sort_unstable();
    let mut out = String::with_capacity(raw.len() + 16);
    for (name, value) in &pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    out
}

fn encode_again(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, decode_query(text), b"");
    out
}

/// One line: name, colon, values in their order joined by commas, each trimmed and with runs of spaces made one. Only
/// spaces count: S3 leaves tabs alone, as the official signers know.
/// A signed header that did not arrive has an empty line, so that the signature cannot match by leaving it out.
fn push_canonical_header(out: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let words = value.as_bytes().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_s3_are_encoded_once_and_never_resolved() {
        for (raw, expected) in [
            ("", "/"),
            ("/a/../b//c/./", "/a/../b//c/./"),
            ("/test$file.text", "/test%24file.text"),
            ("/a%20b+c%2Bd", "/a%20b%2Bc%2Bd"),
            ("/ሴ", "/%E1%88%B4"),
            ("/100%", "/100%25"),
        ] {
            assert_eq!(canonical_path(raw, UriRules::S3), expected, "{raw}");
        }
    }

    #[test]
    fn paths_of_others_are_resolved_and_encoded_twice() {
        for (raw, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/../..", "/"),
            ("/a/../b//c/./", "/b/c/"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/a/b..", "/a/b.."),
            ("/f/arn%3Aaws/x", "/f/arn%253Aaws/x"),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            assert_eq!(canonical_path(raw, UriRules::OTHERS), expected, "{raw}");
        }
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_then_value() {
        for (raw, expected) in [
            ("", ""),
            ("&&", ""),
            ("b=2&a=1&a=0", "a=0&a=1&b=2"),
            ("lifecycle", "lifecycle="),
            ("=v", "=v"),
            ("a=b=c", "a=b%3Dc"),
            ("q=a+b&r=a%2Bb", "q=a%20b&r=a%2Bb"),
            // Sorting the encoded names puts `%3A` before `A`; sorting decoded ones would not.
            ("A=1&%3a=2", "%3A=2&A=1"),
            ("a-b=1&a=2", "a=2&a-b=1"),
        ] {
            assert_eq!(canonical_query(raw, Placement::Header), expected, "{raw}");
        }
        assert_eq!(canonical_query("a=1&X-Amz-Signature=00&X-Amz%2DSignature=1", Placement::Query), "a=1");
    }
}
