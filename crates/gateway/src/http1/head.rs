//! Heads of requests and answers: read strictly, written as they came.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
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

/// The head of a message: what it says, and the lines in which that came. In a box where it is passed on, for it is large
/// and moves through every step of an exchange.
#[derive(Debug)]
pub(crate) struct MessageHead<Parts> {
    /// What it says.
    pub(crate) parts: Parts,
    /// Its lines, if it came over HTTP/1.
    pub(crate) lines: Option<HeaderLines>,
}

/// The head of a request.
pub(crate) type IncomingHead = Box<MessageHead<request::Parts>>;
/// The head of an answer.
pub(crate) type AnswerHead = Box<MessageHead<response::Parts>>;

impl<Parts> MessageHead<Parts> {
    /// A head that came in other ways than as lines, or was made here.
    pub(crate) fn without_lines(parts: Parts) -> Box<Self> {
        Box::new(Self { parts, lines: None })
    }
}

impl<Parts> std::ops::Deref for MessageHead<Parts> {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// Header lines as they came: order and spelling of names. Kept beside the header map, which says what is true.
#[derive(Debug)]
pub(crate) struct HeaderLines {
    head: Bytes,
    lines: Vec<Line>,
    /// The reason phrase of an answer.
    reason: Place,
    /// Whether one of them is `Connection`.
    has_connection: bool,
}

/// A part of a head: offset of its first byte and of the one behind its last.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u32,
    end: u32,
}

/// A header: the places of its name and of its value.
#[derive(Debug, Clone, Copy)]
struct Line {
    name: Place,
    value: Place,
}

impl HeaderLines {
    fn bytes(&self, place: Place) -> &[u8] {
        self.head.get(place.start as usize..place.end as usize).unwrap_or_default()
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.bytes(line.name), self.bytes(line.value)))
    }

    /// Where a line stands with its end, if it stands as we would write it.
    fn as_written(&self, line: &Line) -> Option<Place> {
        let end = line.value.end + 2;
        let is_usual = line.value.start == line.name.end + 2
            && self.bytes(Place { start: line.name.end, end: line.value.start }) == b": "
            && self.bytes(Place { start: line.value.end, end }) == b"\r\n";
        is_usual.then_some(Place { start: line.name.start, end })
    }

    /// Appends the lines whose names are wanted. Neighbours that stand as we would write them are copied as one.
    fn write(&self, out: &mut BytesMut, is_wanted: impl Fn(&[u8]) -> bool) {
        let mut run = Place::default();
        for line in self.lines.iter().filter(|line| is_wanted(self.bytes(line.name))) {
            match self.as_written(line) {
                Some(place) if place.start == run.end => run.end = place.end,
                place => {
                    out.extend_from_slice(self.bytes(run));
                    run = place.unwrap_or_default();
                    if place.is_none() {
                        self::line(out, self.bytes(line.name), self.bytes(line.value));
                    }
                }
            }
        }
        out.extend_from_slice(self.bytes(run));
    }
}

/// Most names that are remembered of a connection. Few messages have more headers.
const KNOWN_NAMES_MAX: usize = 24;

/// Names of the headers of a connection's last message, by their places. The next one has most often the same, and to
/// recognise a name costs a comparison instead of reading and copying it.
#[derive(Debug, Default)]
pub(crate) struct KnownNames(Vec<(Box<[u8]>, HeaderName)>);

impl KnownNames {
    fn at(&mut self, index: usize, spelled: &[u8]) -> Result<HeaderName, HeadError> {
        if let Some((known, name)) = self.0.get(index)
            && **known == *spelled
        {
            return Ok(name.clone());
        }
        let name = HeaderName::from_bytes(spelled).map_err(|_| HeadError::Malformed("header name"))?;
        let entry = (spelled.into(), name.clone());
        if let Some(place) = self.0.get_mut(index) {
            *place = entry;
        } else if index == self.0.len() && index < KNOWN_NAMES_MAX {
            self.0.push(entry);
        }
        Ok(name)
    }
}

/// Takes the head of a request from the front of `input`, once all of it is there.
///
/// # Errors
/// See [`HeadError`]. The connection is of no more use then.
pub(crate) fn take_request(input: &mut BytesMut, names: &mut KnownNames) -> Result<Option<IncomingHead>, HeadError> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let size = match parsed.parse_with_uninit_headers(input, &mut headers) {
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
    let lines = lines(base, parsed.headers);
    let head = input.split_to(size).freeze();
    let uri = Uri::from_maybe_shared(slice(&head, target)).map_err(|_| malformed("target"))?;
    let mut lines = HeaderLines { head, lines, reason: Place::default(), has_connection: false };
    let (mut parts, ()) = Request::new(()).into_parts();
    (parts.method, parts.uri, parts.version) = (method, uri, version);
    parts.headers = map_of(&mut lines, names)?;
    Ok(Some(Box::new(MessageHead { parts, lines: Some(lines) })))
}

/// Takes the head of an answer from the front of `input`, once all of it is there.
///
/// # Errors
/// See [`HeadError`].
pub(crate) fn take_response(input: &mut BytesMut, names: &mut KnownNames) -> Result<Option<AnswerHead>, HeadError> {
    if input.is_empty() {
        return Ok(None);
    }
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let size = match config.parse_response_with_uninit_headers(&mut parsed, input, &mut headers) {
        Ok(httparse::Status::Complete(size)) if size <= HEAD_BYTES_MAX => size,
        Ok(httparse::Status::Partial) if input.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(_) => return Err(HeadError::TooLarge),
        Err(error) => return Err(refused(error)),
    };
    let status =
        StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| HeadError::Malformed("status code"))?;
    let version = version_of(parsed.version);
    let base = input.as_ptr() as usize;
    // An empty reason is a text outside the buffer.
    let reason = parsed.reason.filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| place(base, reason.as_bytes())).unwrap_or_default();
    let lines = lines(base, parsed.headers);
    let mut lines = HeaderLines { head: input.split_to(size).freeze(), lines, reason, has_connection: false };
    let (mut parts, ()) = Response::new(()).into_parts();
    (parts.status, parts.version) = (status, version);
    parts.headers = map_of(&mut lines, names)?;
    Ok(Some(Box::new(MessageHead { parts, lines: Some(lines) })))
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

/// Where a part of the buffer lies in it. Heads are far shorter than what a `u32` counts.
fn place(base: usize, part: &[u8]) -> Place {
    let start = (part.as_ptr() as usize).wrapping_sub(base);
    let offset = |offset: usize| u32::try_from(offset).unwrap_or_default();
    Place { start: offset(start), end: offset(start.wrapping_add(part.len())) }
}

fn lines(base: usize, headers: &[httparse::Header<'_>]) -> Vec<Line> {
    let line = |header: &httparse::Header<'_>| Line {
        name: place(base, header.name.as_bytes()),
        value: if header.value.is_empty() { Place::default() } else { place(base, header.value) },
    };
    headers.iter().map(line).collect()
}

fn slice(head: &Bytes, place: Place) -> Bytes {
    if place.start == place.end { Bytes::new() } else { head.slice(place.start as usize..place.end as usize) }
}

fn map_of(lines: &mut HeaderLines, names: &mut KnownNames) -> Result<HeaderMap, HeadError> {
    let mut map = HeaderMap::with_capacity(lines.lines.len());
    let mut has_connection = false;
    for (index, line) in lines.lines.iter().enumerate() {
        let name = names.at(index, lines.bytes(line.name))?;
        has_connection |= name == CONNECTION;
        let value = HeaderValue::from_maybe_shared(slice(&lines.head, line.value));
        map.append(name, value.map_err(|_| HeadError::Malformed("header value"))?);
    }
    lines.has_connection = has_connection;
    Ok(map)
}

/// Headers that belong to one connection only (RFC 9110, section 7.6.1), but those that `Connection` names.
fn is_hop_by_hop(name: &[u8]) -> bool {
    // Most names are told apart by their length.
    let names: &[&[u8]] = match name.len() {
        2 => &[b"te"],
        7 => &[b"upgrade", b"trailer"],
        10 => &[b"connection", b"keep-alive"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        _ => &[],
    };
    names.iter().any(|hop| hop.eq_ignore_ascii_case(name))
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

/// The head of a request on its way to an upstream.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) head: &'a request::Parts,
    /// The lines in which its headers came, if it came over HTTP/1.
    pub(crate) lines: Option<&'a HeaderLines>,
    /// Host for a request that names none.
    pub(crate) host: &'a str,
}

/// Writes a request's head, with room for as many bytes of its body behind it.
pub(crate) fn write_request(outgoing: &Outgoing<'_>, framing: Framing, room: usize) -> BytesMut {
    let head = outgoing.head;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut out = BytesMut::with_capacity(room_for(&head.headers, outgoing.lines) + target.len() + room);
    for part in [head.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_headers(&mut out, &head.headers, outgoing.lines, framing);
    if !head.headers.contains_key(HOST) {
        line(&mut out, b"host", outgoing.host.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Writes an answer's head, with room for as many bytes of its body behind it. `lines` are those in which its headers
/// came, if it came over HTTP/1; `connection` is the value of that header, if it is to be sent.
pub(crate) fn write_response(
    head: &response::Parts,
    lines: Option<&HeaderLines>,
    framing: Framing,
    connection: Option<&str>,
    room: usize,
) -> BytesMut {
    let mut out = BytesMut::with_capacity(room_for(&head.headers, lines) + room);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    match lines {
        Some(lines) => out.extend_from_slice(lines.bytes(lines.reason)),
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
    out
}

/// About as many bytes as a head takes.
fn room_for(headers: &HeaderMap, lines: Option<&HeaderLines>) -> usize {
    128 + lines.map_or_else(|| 64 * headers.len(), |lines| lines.head.len())
}

fn line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Writes headers as they came if nothing changed them, without those of the connection, and what tells the body's
/// length.
fn write_headers(out: &mut BytesMut, headers: &HeaderMap, lines: Option<&HeaderLines>, framing: Framing) {
    // The length stays as it was told where it may: the answer to a HEAD, and a body that is as long as was said.
    let keeps_length = match framing {
        Framing::Bodiless => true,
        Framing::Sized(size) => told_length(headers) == Some(size),
        Framing::Chunked | Framing::UntilClose => false,
    };
    let lines = lines.filter(|lines| says_the_same(headers, lines));
    let has_connection = lines.is_none_or(|lines| lines.has_connection);
    let named = if has_connection { named_by_connection(headers) } else { Vec::new() };
    let is_wanted = |name: &[u8]| {
        let is_of_connection =
            is_hop_by_hop(name) || named.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(name));
        let is_length = || name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes());
        !is_of_connection && (keeps_length || !is_length())
    };
    match lines {
        Some(lines) => lines.write(out, is_wanted),
        None => {
            let headers = headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
            headers.filter(|(name, _)| is_wanted(name)).for_each(|(name, value)| line(out, name, value));
        }
    }
    match framing {
        Framing::Sized(size) if !keeps_length => line(out, b"Content-Length", size.to_string().as_bytes()),
        Framing::Chunked => line(out, b"Transfer-Encoding", b"chunked"),
        Framing::Bodiless | Framing::Sized(_) | Framing::UntilClose => {}
    }
}

/// Headers that `Connection` names as its own; the words that are no names of headers do no harm.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let is_usual =
        |word: &&str| word.is_empty() || ["keep-alive", "close"].iter().any(|usual| usual.eq_ignore_ascii_case(word));
    values.flat_map(|text| text.split(',')).map(str::trim).filter(|word| !is_usual(word)).collect()
}

/// The length that a head tells.
pub(super) fn told_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the lines say exactly what the map says.
fn says_the_same(headers: &HeaderMap, lines: &HeaderLines) -> bool {
    if headers.len() != lines.lines.len() {
        return false;
    }
    // A map that was made of these lines, and in which no name stands twice, has the same values in the same order.
    if headers.values().zip(lines.iter()).all(|(value, (_, line))| std::ptr::eq(value.as_bytes(), line)) {
        return true;
    }
    lines.iter().all(|(name, value)| {
        let Ok(name) = std::str::from_utf8(name) else { return false };
        headers.get_all(name).iter().any(|found| found.as_bytes() == value)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: &str = "PUT /b/a%20key?x-id=PutObject HTTP/1.1\r\nHost: h:80\r\nX-Amz-Meta-One:  1 \r\n\
                           x-aMz-meta-TWO: \r\nConnection: keep-alive\r\nX-Amz-Meta-One: again\r\n\r\n";

    fn taken(input: &mut BytesMut) -> Result<Option<IncomingHead>, HeadError> {
        take_request(input, &mut KnownNames::default())
    }

    fn request(text: &str) -> IncomingHead {
        let mut input = BytesMut::from(text);
        let taken = taken(&mut input).expect("a head").expect("a whole head");
        assert!(input.is_empty());
        taken
    }

    fn forwarded(head: IncomingHead, framing: Framing) -> String {
        let outgoing = Outgoing { head: &head, lines: head.lines.as_ref(), host: "upstream" };
        String::from_utf8(write_request(&outgoing, framing, 0).to_vec()).expect("ASCII")
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
        let mut changed = request(REQUEST);
        changed.parts.headers.insert(HOST, HeaderValue::from_static("other"));
        let text = forwarded(changed, Framing::Bodiless);
        assert!(text.contains("host: other\r\n") && !text.contains("h:80"), "{text}");
        let mut changed = request(REQUEST);
        changed.parts.headers.remove("x-amz-meta-two");
        assert!(!forwarded(changed, Framing::Bodiless).to_lowercase().contains("two"));
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
        let names = &mut KnownNames::default();
        let head = take_response(&mut input, names).expect("a head").expect("a whole head");
        assert_eq!(input, "body");
        let text = write_response(&head, head.lines.as_ref(), Framing::Sized(4), Some("close"), 0);
        let expected =
            "HTTP/1.1 200 Fine by me\r\nETag: \"e\"\r\nServer: S\r\nContent-Length: 4\r\nconnection: close\r\n\r\n";
        assert_eq!(text, expected);
        let mut input = BytesMut::from("HTTP/1.1 404 \r\n\r\n");
        take_response(&mut input, names).expect("a head").expect("an answer without a reason");
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
            taken(&mut BytesMut::from(text)).expect_err(text);
        }
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(taken(&mut BytesMut::from(long.as_str())).err(), Some(HeadError::TooLarge));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: 1\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(taken(&mut BytesMut::from(many.as_str())).err(), Some(HeadError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>) {
            let _ = taken(&mut BytesMut::from(bytes.as_slice()));
            let _ = take_response(&mut BytesMut::from(bytes.as_slice()), &mut KnownNames::default());
        }

        /// Whether lines stand as we write them or not, and whichever are left out, what goes on is each line by itself.
        #[test]
        fn lines_go_on_one_by_one_or_together(
            lines in prop::collection::vec(("(A|Te|Keep-Alive|Content-Length|X-[a-z]{1,9})", "[ \t]{0,2}",
                "([!-~]{1,9}( [!-~]{1,9})?)?", "[ \t]{0,2}", "\r?\n"), 0..12)
        ) {
            let section: String = lines.iter().map(|(n, a, v, b, end)| format!("{n}:{a}{v}{b}{end}")).collect();
            let head = request(&format!("GET / HTTP/1.1\r\n{section}\r\n"));
            let mut out = BytesMut::new();
            let is_wanted = |name: &[u8]| !is_hop_by_hop(name) && name != b"A";
            head.lines.as_ref().unwrap().write(&mut out, is_wanted);
            let wanted = lines.iter().filter(|(name, ..)| is_wanted(name.as_bytes()));
            let expected: String = wanted.map(|(name, _, value, ..)| format!("{name}: {value}\r\n")).collect();
            prop_assert_eq!(String::from_utf8_lossy(&out), expected);
        }

        #[test]
        fn a_head_is_taken_only_when_it_is_whole(cut in 0..REQUEST.len()) {
            let mut input = BytesMut::from(&REQUEST[..cut]);
            prop_assert!(matches!(taken(&mut input), Ok(None)));
            input.extend_from_slice(&REQUEST.as_bytes()[cut..]);
            let head = taken(&mut input).expect("a head").expect("a whole head");
            prop_assert_eq!(head.headers.len(), 5);
        }
    }

    #[test]
    fn names_of_the_last_message_are_known_only_where_they_are_the_same() {
        let mut names = KnownNames::default();
        for lines in [
            "Host: h\r\nX-One: 1\r\nX-Two: 2\r\n",
            "Host: h\r\nX-Two: 2\r\nx-one: 1\r\n",
            "X-One: 1\r\nX-Two: 2\r\n",
            "X-One: 1\r\nX-Two: 2\r\nHost: h\r\nX-Three: 3\r\n",
        ] {
            let text = format!("GET / HTTP/1.1\r\n{lines}\r\n");
            let known = take_request(&mut BytesMut::from(text.as_str()), &mut names).expect("a head").expect("whole");
            assert_eq!(known.headers, request(&text).headers, "{text}");
        }
    }

    #[test]
    fn headers_that_the_connection_names_are_not_passed_on() {
        let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Drop: 1\r\nConnection: Keep-Alive, x-drop\r\nTE: trailers\r\n\r\n";
        assert_eq!(forwarded(request(text), Framing::Bodiless), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let text = "GET / HTTP/1.1\r\nA: 1\r\n\r\n";
        assert_eq!(forwarded(request(text), Framing::Bodiless), "GET / HTTP/1.1\r\nA: 1\r\nhost: upstream\r\n\r\n");
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
