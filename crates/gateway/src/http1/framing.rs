//! Where a body ends: decided strictly, because two readers that disagree about it let requests be smuggled.

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::head::Framing;

/// Most bytes of a chunk's size line, its extensions included.
const SIZE_LINE_BYTES_MAX: usize = 4096;
/// Most bytes of all trailers of a body.
const TRAILER_BYTES_MAX: usize = 16 * 1024;
/// Most trailers of a body.
const TRAILERS_MAX: usize = 64;

/// The length of a body cannot be told, or the body breaks its own rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramingError {
    /// The headers contradict each other or themselves.
    #[error("the headers do not tell where the body ends: {0}")]
    Ambiguous(&'static str),
    /// Chunks that are none.
    #[error("the chunked body is broken: {0}")]
    BrokenChunk(&'static str),
    /// The connection ended before the body did.
    #[error("the connection ended before the body did")]
    Cut,
}

/// How the body of a request is told (RFC 9112, section 6.3).
///
/// # Errors
/// Two ways at once, lengths that differ, or another coding than `chunked`.
pub(crate) fn of_request(headers: &HeaderMap, version: Version) -> Result<Framing, FramingError> {
    let length = length(headers)?;
    match (is_chunked(headers)?, length) {
        (true, Some(_)) => Err(FramingError::Ambiguous("it is chunked and has a length")),
        (true, None) if version == Version::HTTP_10 => Err(FramingError::Ambiguous("HTTP/1.0 knows no chunks")),
        (true, None) => Ok(Framing::Chunked),
        (false, Some(0) | None) => Ok(Framing::Bodiless),
        (false, Some(length)) => Ok(Framing::Sized(length)),
    }
}

/// How the body of an answer is told.
///
/// # Errors
/// As for requests.
pub(crate) fn of_response(method: &Method, status: StatusCode, headers: &HeaderMap) -> Result<Framing, FramingError> {
    let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if method == Method::HEAD || bodiless {
        return Ok(Framing::Bodiless);
    }
    match (is_chunked(headers)?, length(headers)?) {
        (true, Some(_)) => Err(FramingError::Ambiguous("it is chunked and has a length")),
        (true, None) => Ok(Framing::Chunked),
        (false, Some(length)) => Ok(Framing::Sized(length)),
        (false, None) => Ok(Framing::UntilClose),
    }
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, FramingError> {
    let mut found = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let digits = value.as_bytes();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(FramingError::Ambiguous("its length is no number"));
        }
        let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let length = length.ok_or(FramingError::Ambiguous("its length is out of all bounds"))?;
        if found.is_some_and(|found| found != length) {
            return Err(FramingError::Ambiguous("it has two lengths"));
        }
        found = Some(length);
    }
    Ok(found)
}

fn is_chunked(headers: &HeaderMap) -> Result<bool, FramingError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(FramingError::Ambiguous("its transfer coding is another than chunked")),
    }
}

/// Reads a body out of the bytes of its connection.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// So many bytes are to come.
    Sized(u64),
    Chunked(ChunkState),
    UntilClose,
    /// The end was reached.
    Ended,
}

#[derive(Debug)]
pub(crate) enum ChunkState {
    SizeLine,
    /// So many bytes of a chunk are to come.
    Data(u64),
    /// The line end behind a chunk.
    DataEnd,
    Trailers,
}

/// What a decoder found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Data(Bytes),
    /// The last part of a chunked body, if there is any.
    Trailers(Box<HeaderMap>),
    End,
    /// Nothing more can be said without more bytes.
    NeedsMore,
}

impl Decoder {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Bodiless | Framing::Sized(0) => Self::Ended,
            Framing::Sized(length) => Self::Sized(length),
            Framing::Chunked => Self::Chunked(ChunkState::SizeLine),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Takes what it can from the front of `input`.
    ///
    /// # Errors
    /// The bytes are no chunks.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, FramingError> {
        match self {
            Self::Ended => Ok(Decoded::End),
            _ if input.is_empty() => Ok(Decoded::NeedsMore),
            Self::UntilClose => Ok(Decoded::Data(input.split().freeze())),
            Self::Sized(left) => {
                let data = take(input, left);
                if *left == 0 {
                    *self = Self::Ended;
                }
                Ok(Decoded::Data(data))
            }
            Self::Chunked(state) => match state.decode(input)? {
                Decoded::End => {
                    *self = Self::Ended;
                    Ok(Decoded::End)
                }
                Decoded::Trailers(trailers) => {
                    *self = Self::Ended;
                    Ok(Decoded::Trailers(trailers))
                }
                other => Ok(other),
            },
        }
    }

    /// To be told that the connection ended.
    ///
    /// # Errors
    /// The body had not.
    pub(crate) fn connection_ended(&mut self) -> Result<(), FramingError> {
        match self {
            Self::UntilClose | Self::Ended => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Sized(_) | Self::Chunked(_) => Err(FramingError::Cut),
        }
    }
}

fn take(input: &mut BytesMut, left: &mut u64) -> Bytes {
    let size = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= size as u64;
    if size == input.len() { input.split().freeze() } else { input.split_to(size).freeze() }
}

impl ChunkState {
    fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, FramingError> {
        loop {
            match self {
                Self::SizeLine => {
                    let Some(size) = size_line(input)? else { return Ok(Decoded::NeedsMore) };
                    *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                }
                Self::Data(_) if input.is_empty() => return Ok(Decoded::NeedsMore),
                Self::Data(left) => {
                    let data = take(input, left);
                    if *left == 0 {
                        *self = Self::DataEnd;
                    }
                    return Ok(Decoded::Data(data));
                }
                Self::DataEnd => {
                    if input.len() < 2 {
                        return Ok(Decoded::NeedsMore);
                    }
                    if &input[..2] != b"\r\n" {
                        return Err(FramingError::BrokenChunk("a chunk is longer than it says"));
                    }
                    input.advance(2);
                    *self = Self::SizeLine;
                }
                Self::Trailers => return trailers(input),
            }
        }
    }
}

/// The size that a chunk begins with; `None` until its line is complete. Extensions are passed over.
fn size_line(input: &mut BytesMut) -> Result<Option<u64>, FramingError> {
    let Some(end) = input.iter().take(SIZE_LINE_BYTES_MAX).position(|byte| *byte == b'\n') else {
        if input.len() >= SIZE_LINE_BYTES_MAX {
            return Err(FramingError::BrokenChunk("the line of a chunk's size does not end"));
        }
        return Ok(None);
    };
    let line = input[..end].strip_suffix(b"\r").ok_or(FramingError::BrokenChunk("a line ends without a CR"))?;
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let is_size = (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(digits).ok().filter(|_| is_size).and_then(|text| u64::from_str_radix(text, 16).ok());
    let size = size.ok_or(FramingError::BrokenChunk("the size of a chunk is no number"))?;
    input.advance(end + 1);
    Ok(Some(size))
}

fn trailers(input: &mut BytesMut) -> Result<Decoded, FramingError> {
    let mut lines = [httparse::EMPTY_HEADER; TRAILERS_MAX];
    let broken = |_| FramingError::BrokenChunk("its trailers are no headers");
    match httparse::parse_headers(input, &mut lines).map_err(broken)? {
        httparse::Status::Complete((size, lines)) if size <= TRAILER_BYTES_MAX => {
            let mut map = HeaderMap::with_capacity(lines.len());
            for line in lines {
                let name = HeaderName::from_bytes(line.name.as_bytes());
                let value = HeaderValue::from_bytes(line.value);
                if let (Ok(name), Ok(value)) = (name, value) {
                    map.append(name, value);
                }
            }
            input.advance(size);
            Ok(if map.is_empty() { Decoded::End } else { Decoded::Trailers(Box::new(map)) })
        }
        httparse::Status::Partial if input.len() < TRAILER_BYTES_MAX => Ok(Decoded::NeedsMore),
        _ => Err(FramingError::BrokenChunk("its trailers are too long")),
    }
}

/// Writes a chunked body.
#[derive(Debug, Default)]
pub(crate) struct ChunkWriter {
    /// The last chunk still needs its line end.
    is_open: bool,
}

impl ChunkWriter {
    /// What goes before the bytes of a chunk, which must not be empty: that would end the body.
    pub(crate) fn begin(&mut self, size: usize) -> Bytes {
        let line_end = if std::mem::replace(&mut self.is_open, true) { "\r\n" } else { "" };
        format!("{line_end}{size:x}\r\n").into()
    }

    /// What ends the body.
    pub(crate) fn end(&self, trailers: Option<&HeaderMap>) -> Bytes {
        let mut out = BytesMut::from(if self.is_open { &b"\r\n0\r\n"[..] } else { &b"0\r\n"[..] });
        for (name, value) in trailers.into_iter().flatten() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"\r\n");
        out.freeze()
    }
}

#[cfg(test)]
mod tests;
