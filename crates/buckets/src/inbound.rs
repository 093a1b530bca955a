//! From a request as it came in to one that says only what is to be done.
//!
//! Signature, framing and addressing are settled before: what describes them is taken off, the bucket of a
//! virtual-hosted request moves from the host into the path, and headers that a presigned URL carries in its query
//! become headers.

use aws_wire::sigv4::chunked::DECODED_LENGTH_HEADER;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::request::Parts;
use http::uri::{InvalidUri, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use s3s::dto::Range;

/// Query parameters of signatures, in lower case.
const SIGNATURE_PARAMETERS: [&str; 10] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "awsaccesskeyid",
    "signature",
];

/// Headers of signatures and framing.
const SETTLED_HEADERS: [&str; 7] = [
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    DECODED_LENGTH_HEADER,
    "transfer-encoding",
    "expect",
];

/// Rewrites the head. `decoded_length` is the size of the payload where the body is framed.
pub(crate) fn settle_head(
    head: &mut Parts,
    bucket_in_host: Option<&str>,
    is_chunked: bool,
    decoded_length: Option<u64>,
) -> Result<(), InvalidUri> {
    let mut moved = HeaderMap::new();
    let query = head.uri.query().map(|query| settle_query(query, &mut moved)).unwrap_or_default();
    let path = head.uri.path();
    let mut target = match bucket_in_host {
        Some(bucket) => format!("/{bucket}{path}"),
        None => path.to_owned(),
    };
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    head.uri = PathAndQuery::try_from(target)?.into();
    for name in SETTLED_HEADERS {
        head.headers.remove(name);
    }
    for (name, value) in &moved {
        if !head.headers.contains_key(name) {
            head.headers.insert(name, value.clone());
        }
    }
    if is_chunked {
        settle_framing(&mut head.headers, decoded_length);
    }
    drop_unusable_range(&mut head.headers);
    debug_assert!(!head.headers.contains_key(AUTHORIZATION));
    Ok(())
}

/// Takes out what belongs to a signature, and moves out `x-amz-` parameters, which stand for headers.
fn settle_query(query: &str, moved: &mut HeaderMap) -> String {
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
        if SIGNATURE_PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        // `x-id` only repeats the operation's name.
        if name == "x-id" {
            continue;
        }
        let header = name.strip_prefix("x-amz-").and_then(|_| HeaderName::from_bytes(name.as_bytes()).ok());
        let value = HeaderValue::from_bytes(&percent_decode_str(value).collect::<Vec<u8>>());
        match (header, value) {
            (Some(header), Ok(value)) => {
                moved.insert(header, value);
            }
            _ => kept.push(pair),
        }
    }
    kept.join("&")
}

/// The body is not framed any more from here on.
fn settle_framing(headers: &mut HeaderMap, decoded_length: Option<u64>) {
    match decoded_length {
        Some(length) => headers.insert(CONTENT_LENGTH, length.into()),
        None => headers.remove(CONTENT_LENGTH),
    };
    let Some(encoding) = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()) else { return };
    let rest: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|name| !name.eq_ignore_ascii_case("aws-chunked")).collect();
    match HeaderValue::from_str(&rest.join(", ")) {
        Ok(value) if !rest.is_empty() => headers.insert(CONTENT_ENCODING, value),
        _ => headers.remove(CONTENT_ENCODING),
    };
}

/// S3 answers a range that it does not understand, such as several at once, with the whole object.
fn drop_unusable_range(headers: &mut HeaderMap) {
    let usable = |value: &HeaderValue| value.to_str().is_ok_and(|text| Range::parse(text).is_ok());
    if headers.get(RANGE).is_some_and(|value| !usable(value)) {
        headers.remove(RANGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, bucket: Option<&str>, expected: &str) -> HeaderMap {
        let request = http::Request::builder().uri(target).header("authorization", "x").body(()).expect("a request");
        let (mut head, ()) = request.into_parts();
        settle_head(&mut head, bucket, false, None).expect("settles");
        assert_eq!(head.uri.to_string(), expected);
        assert!(!head.headers.contains_key("authorization"));
        head.headers
    }

    #[test]
    fn signature_and_host_are_taken_off() {
        check("/b/k?X-Amz-Signature=1&versions&X-Amz-Date=2", None, "/b/k?versions");
        check("/k%20a/../?x-id=GetObject", Some("b"), "/b/k%20a/../");
        check("http://host:1/", Some("b"), "/b/");
        check(
            "/b/k?AWSAccessKeyId=1&Signature=2&response-content-type=a%2Fb",
            None,
            "/b/k?response-content-type=a%2Fb",
        );
        let headers = check("/b/k?x-amz-meta-a=b%20c&X-Amz-SignedHeaders=host", None, "/b/k");
        assert_eq!(headers["x-amz-meta-a"], "b c");
    }

    #[test]
    fn framing_is_taken_off() {
        let check = |encoding: &'static str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            headers.insert(CONTENT_LENGTH, 99.into());
            settle_framing(&mut headers, Some(7));
            let found = headers.get(CONTENT_ENCODING).map(|value| value.to_str().expect("text"));
            assert_eq!(found, expected, "{encoding}");
            assert_eq!(headers[CONTENT_LENGTH], "7");
        };
        check("aws-chunked", None);
        check("aws-chunked,gzip", Some("gzip"));
        check("gzip", Some("gzip"));
    }
}
