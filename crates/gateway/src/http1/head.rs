//! Heads of requests and answers: read strictly, written as they came.

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, request, response};

/// Most bytes of a head. AWS allows 8 KiB of query and 8 KiB of user metadata; presigned URLs add tokens.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most headers of a message.
const HEADERS_MAX: usize = 128;

/// A head cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadError {
    /// Not HTTP/1.
    #[error("the head is not one of HTTP/1: {0}")]
    Malformed(&'static str),
    /// Too long, or too many headers.
    #[error("the head is longer than {HEAD_BYTES_MAX} bytes or has more than {HEADERS_MAX} headers")]
    TooLarge,
}

/// Header lines as they came: order and spelling of names. Kept beside the header map, which says what is true.
#[derive(Debug, Clone)]
pub(crate) struct HeaderLines {
    lines: std::sync::Arc<[Line]>,
    /// The reason phrase of an answer.
    reason: Bytes,
}

#[derive(Debug, Clone)]
struct Line {
    name: Bytes,
    value: Bytes,
}

/// Takes the head of a request from the front of `input`, once all of it is there.
///
/// # Errors
/// See [`HeadError`]. The connection is of no more use then.
pub(crate) fn take_request(input: &mut BytesMut) -> Result<Option<request::Parts>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let size = match parsed.parse(input) {
        Ok(httparse::Status::Complete(size)) if size <= HEAD_BYTES_MAX => size,
        Ok(httparse::Status::Partial) if input.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(_) => return Err(HeadError::TooLarge),
        Err(error) => return Err(refused(error)),
    };
    let malformed = HeadError::Malformed;
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes()).map_err(|_| malformed("method"))?;
    let version = version_of(parsed.version);
    let base = input.as_ptr() as usize;
    let target = place(base, parsed.path.unwrap_or_default().as_bytes());
    let places = places(base, parsed.headers);
    let head = input.split_to(size).freeze();
    let uri = Uri::from_maybe_shared(head.slice(target)).map_err(|_| malformed("target"))?;
    let (map, lines) = collect(&head, &places)?;
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri, parts.version, parts.headers) = (method, uri, version, map);
    parts.extensions.insert(HeaderLines { lines, reason: Bytes::new() });
    Ok(Some(parts))
}

/// Takes the head of an answer from the front of `input`, once all of it is there.
///
/// # Errors
/// See [`HeadError`].
pub(crate) fn take_response(input: &mut BytesMut) -> Result<Option<response::Parts>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let size = match parsed.parse(input) {
        Ok(httparse::Status::Complete(size)) if size <= HEAD_BYTES_MAX => size,
        Ok(httparse::Status::Partial) if input.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(_) => return Err(HeadError::TooLarge),
        Err(error) => return Err(refused(error)),
    };
    let status =
        StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| HeadError::Malformed("status code"))?;
    let version = version_of(parsed.version);
    let base = input.as_ptr() as usize;
    let reason = place(base, parsed.reason.unwrap_or_default().as_bytes());
    let places = places(base, parsed.headers);
    let head = input.split_to(size).freeze();
    let (map, lines) = collect(&head, &places)?;
    // An empty reason is a text outside the buffer.
    let reason = if reason.end <= head.len() { head.slice(reason) } else { Bytes::new() };
    let (mut parts, ()) = Response::new(()).into_parts();
    (parts.status, parts.version, parts.headers) = (status, version, map);
    parts.extensions.insert(HeaderLines { lines, reason });
    Ok(Some(parts))
}

fn refused(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::HeaderName => HeadError::Malformed("header name"),
        httparse::Error::HeaderValue => HeadError::Malformed("header value"),
        httparse::Error::NewLine => HeadError::Malformed("line end"),
        httparse::Error::Status => HeadError::Malformed("status line"),
        httparse::Error::Token => HeadError::Malformed("request line"),
        httparse::Error::Version => HeadError::Malformed("version"),
    }
}

fn version_of(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 }
}

type Place = std::ops::Range<usize>;

/// Where a part of the buffer lies in it.
fn place(base: usize, part: &[u8]) -> Place {
    let start = (part.as_ptr() as usize).wrapping_sub(base);
    start..start.wrapping_add(part.len())
}

fn places(base: usize, headers: &[httparse::Header<'_>]) -> Vec<(Place, Place)> {
    headers.iter().map(|header| (place(base, header.name.as_bytes()), place(base, header.value))).collect()
}

fn collect(head: &Bytes, places: &[(Place, Place)]) -> Result<(HeaderMap, std::sync::Arc<[Line]>), HeadError> {
    let slice = |place: &Place| if place.is_empty() { Bytes::new() } else { head.slice(place.clone()) };
    let mut map = HeaderMap::with_capacity(places.len());
    let mut lines = Vec::with_capacity(places.len());
    for (name, value) in places {
        let line = Line { name: slice(name), value: slice(value) };
        let name = HeaderName::from_bytes(&line.name).map_err(|_| HeadError::Malformed("header name"))?;
        let value =
            HeaderValue::from_maybe_shared(line.value.clone()).map_err(|_| HeadError::Malformed("header value"))?;
        map.append(name, value);
        lines.push(line);
    }
    Ok((map, lines.into()))
}

/// Headers that belong to one connection only (RFC 9110, section 7.6.1), but those that `Connection` names.
fn is_hop_by_hop(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] =
        [b"connection", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"keep-alive", b"proxy-connection"];
    NAMES.iter().any(|hop| hop.eq_ignore_ascii_case(name))
}

/// Removes the headers that belong to one connection only (RFC 9110, section 7.6.1).
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [TRANSFER_ENCODING, UPGRADE, TE, TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

/// How the length of the body that follows a head is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none, and its length is not told (HEAD, 204, 304, a request without a body).
    Bodiless,
    /// `Content-Length`.
    Sized(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

/// Writes a request's head.
pub(crate) fn write_request(head: &request::Parts, framing: Framing) -> Bytes {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut out = BytesMut::with_capacity(256 + 64 * head.headers.len() + target.len());
    for part in [head.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_headers(&mut out, &head.headers, head.extensions.get(), framing);
    out.extend_from_slice(b"\r\n");
    out.freeze()
}

/// Writes an answer's head. `connection` is the value of that header, if it is to be sent.
pub(crate) fn write_response(head: &response::Parts, framing: Framing, connection: Option<&str>) -> Bytes {
    let lines: Option<&HeaderLines> = head.extensions.get();
    let mut out = BytesMut::with_capacity(256 + 64 * head.headers.len());
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    match lines {
        Some(lines) => out.extend_from_slice(&lines.reason),
        None => out.extend_from_slice(head.status.canonical_reason().unwrap_or_default().as_bytes()),
    }
    out.extend_from_slice(b"\r\n");
    write_headers(&mut out, &head.headers, lines, framing);
    if let Some(connection) = connection {
        line(&mut out, b"connection", connection.as_bytes());
    }
    if lines.is_none() && !head.headers.contains_key(http::header::DATE) {
        line(&mut out, b"date", httpdate::fmt_http_date(std::time::SystemTime::now()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.freeze()
}

fn line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Writes headers as they came if nothing changed them, and what tells the body's length.
fn write_headers(out: &mut BytesMut, headers: &HeaderMap, lines: Option<&HeaderLines>, framing: Framing) {
    let is_length = |name: &[u8]| name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes());
    // The length stays as it was told where it may: the answer to a HEAD, and a body that is as long as was said.
    let keeps_length = match framing {
        Framing::Bodiless => true,
        Framing::Sized(size) => told_length(headers) == Some(size),
        Framing::Chunked | Framing::UntilClose => false,
    };
    let mut write = |name: &[u8], value: &[u8]| {
        if keeps_length || !is_length(name) {
            line(out, name, value);
        }
    };
    match lines.and_then(|lines| unchanged(headers, lines)) {
        Some(lines) => lines.for_each(|line| write(&line.name, &line.value)),
        None => headers.iter().for_each(|(name, value)| write(name.as_str().as_bytes(), value.as_bytes())),
    }
    match framing {
        Framing::Sized(size) if !keeps_length => line(out, b"Content-Length", size.to_string().as_bytes()),
        Framing::Chunked => line(out, b"Transfer-Encoding", b"chunked"),
        Framing::Bodiless | Framing::Sized(_) | Framing::UntilClose => {}
    }
}

fn told_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The lines without those of the connection, if they say exactly what the map says.
fn unchanged<'a>(headers: &HeaderMap, lines: &'a HeaderLines) -> Option<impl Iterator<Item = &'a Line>> {
    let kept = |line: &&Line| !is_hop_by_hop(&line.name);
    let says = |line: &Line| {
        let Ok(name) = std::str::from_utf8(&line.name) else { return false };
        headers.get_all(name).iter().any(|value| value.as_bytes() == line.value)
    };
    let mut count = 0;
    for line in lines.lines.iter().filter(kept) {
        if !says(line) {
            return None;
        }
        count += 1;
    }
    (count == headers.len()).then(|| lines.lines.iter().filter(kept))
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &str = "PUT /b/a%20key?x-id=PutObject HTTP/1.1\r\nHost: h:80\r\nX-Amz-Meta-One:  1 \r\n\
                           x-aMz-meta-TWO: \r\nConnection: keep-alive\r\nX-Amz-Meta-One: again\r\n\r\n";

    fn request(text: &str) -> request::Parts {
        let mut input = BytesMut::from(text);
        let parts = take_request(&mut input).expect("a head").expect("a whole head");
        assert!(input.is_empty());
        parts
    }

    fn forwarded(mut parts: request::Parts, framing: Framing) -> String {
        remove_hop_by_hop(&mut parts.headers);
        String::from_utf8(write_request(&parts, framing).to_vec()).expect("ASCII")
    }

    #[test]
    fn a_request_goes_on_in_the_lines_that_it_came_in() {
        let expected = "PUT /b/a%20key?x-id=PutObject HTTP/1.1\r\nHost: h:80\r\nX-Amz-Meta-One: 1\r\n\
                        x-aMz-meta-TWO: \r\nX-Amz-Meta-One: again\r\n";
        assert_eq!(forwarded(request(REQUEST), Framing::Bodiless), format!("{expected}\r\n"));
        assert_eq!(forwarded(request(REQUEST), Framing::Sized(3)), format!("{expected}Content-Length: 3\r\n\r\n"));
        let chunked = format!("{expected}Transfer-Encoding: chunked\r\n\r\n");
        assert_eq!(forwarded(request(REQUEST), Framing::Chunked), chunked);
    }

    #[test]
    fn what_was_changed_goes_on_as_it_was_changed() {
        let mut parts = request(REQUEST);
        parts.headers.insert(HOST, HeaderValue::from_static("other"));
        let text = forwarded(parts, Framing::Bodiless);
        assert!(text.contains("host: other\r\n") && !text.contains("h:80"), "{text}");
        let mut parts = request(REQUEST);
        parts.headers.remove("x-amz-meta-two");
        assert!(!forwarded(parts, Framing::Bodiless).to_lowercase().contains("two"));
    }

    #[test]
    fn a_length_is_told_once_and_true() {
        let text = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
        for (framing, expected) in [
            (Framing::Sized(5), "Content-Length: 5\r\n"),
            (Framing::Sized(6), "Content-Length: 6\r\n"),
            (Framing::Chunked, "Transfer-Encoding: chunked\r\n"),
        ] {
            let written = forwarded(request(text), framing);
            assert_eq!(written, format!("POST / HTTP/1.1\r\nHost: h\r\n{expected}\r\n"));
        }
    }

    #[test]
    fn an_answer_keeps_its_reason_and_its_lines() {
        let mut input = BytesMut::from("HTTP/1.1 200 Fine by me\r\nETag: \"e\"\r\nServer: S\r\n\r\nbody");
        let parts = take_response(&mut input).expect("a head").expect("a whole head");
        assert_eq!(input, "body");
        let text = write_response(&parts, Framing::Sized(4), Some("close"));
        let expected =
            "HTTP/1.1 200 Fine by me\r\nETag: \"e\"\r\nServer: S\r\nContent-Length: 4\r\nconnection: close\r\n\r\n";
        assert_eq!(text, expected);
        let mut input = BytesMut::from("HTTP/1.1 404 \r\n\r\n");
        take_response(&mut input).expect("a head").expect("an answer without a reason");
    }

    #[test]
    fn heads_that_two_readers_may_take_differently_are_refused() {
        for text in [
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nA: 1\r\n B: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nA\x00: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1\r\n: 1\r\n\r\n",
            "\u{16}\u{3}\u{1}\r\n\r\n",
        ] {
            take_request(&mut BytesMut::from(text)).expect_err(text);
        }
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(take_request(&mut BytesMut::from(long.as_str())).err(), Some(HeadError::TooLarge));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: 1\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(take_request(&mut BytesMut::from(many.as_str())).err(), Some(HeadError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>) {
            let _ = take_request(&mut BytesMut::from(bytes.as_slice()));
            let _ = take_response(&mut BytesMut::from(bytes.as_slice()));
        }

        #[test]
        fn a_head_is_taken_only_when_it_is_whole(cut in 0..REQUEST.len()) {
            let mut input = BytesMut::from(&REQUEST[..cut]);
            prop_assert!(matches!(take_request(&mut input), Ok(None)));
            input.extend_from_slice(&REQUEST.as_bytes()[cut..]);
            let parts = take_request(&mut input).expect("a head").expect("a whole head");
            prop_assert_eq!(parts.headers.len(), 5);
        }
    }

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Drop"),
            ("x-drop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("host", "h"),
            ("x-amz-date", "d"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-amz-date"]);
    }
}
