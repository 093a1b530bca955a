//! Bodies in `aws-chunked` framing.
//!
//! ```text
//! 10000;chunk-signature=<64 hex>\r\n <65536 bytes> \r\n … 0;chunk-signature=<64 hex>\r\n
//! x-amz-checksum-crc32c:sOO8/Q==\r\n x-amz-trailer-signature:<64 hex>\r\n \r\n
//! ```
//!
//! Source: Amazon S3 API reference, "Transferring payload in multiple chunks (chunked upload)" and "Signature
//! calculations for trailing headers".

mod resign;

pub use resign::{ChunkResigner, RESIGNED_CHUNK_BYTES_MAX};

use hmac::digest::Digest;
use http::HeaderMap;
use sha2::Sha256;

use super::payload::parse_lower_hex;
use super::scope::CredentialScope;
use super::signing_key::SigningKey;
use super::string_to_sign::{EMPTY_SHA256, sha256_hex};
use super::timestamp::AmzDate;

/// Longest line in front of a chunk, in bytes: a size, an extension and a signature take about 100.
pub const CHUNK_LINE_BYTES_MAX: usize = 512;
/// Longest trailer, all lines together, in bytes.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Header with the size of the body without its framing.
pub const DECODED_LENGTH_HEADER: &str = "x-amz-decoded-content-length";

const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Where a chain of chunk signatures starts: key, time and scope of the request, and its own signature.
#[derive(Debug, Clone)]
pub struct ChunkSeed {
    key: SigningKey,
    /// Time and scope, one a line: the same in every string to sign.
    date_and_scope: String,
    signature: String,
    has_trailer: bool,
}

impl ChunkSeed {
    pub(super) fn new(
        key: SigningKey,
        date: AmzDate,
        scope: &CredentialScope<'_>,
        signature: String,
        has_trailer: bool,
    ) -> Self {
        Self { key, date_and_scope: format!("{date}\n{scope}"), signature, has_trailer }
    }

    /// A body in this chain.
    #[cfg(test)]
    pub(super) fn framed(mut self, chunks: &[&[u8]], trailer: Option<(&str, &str)>) -> Vec<u8> {
        let mut body = Vec::new();
        for chunk in chunks.iter().copied().chain([&b""[..]]) {
            let text = self.chunk_string(&sha256_hex(chunk));
            self.signature = hex::encode(self.key.sign(&text));
            body.extend(format!("{:x};chunk-signature={}\r\n", chunk.len(), self.signature).bytes());
            body.extend_from_slice(chunk);
            if !chunk.is_empty() || trailer.is_none() {
                body.extend_from_slice(b"\r\n");
            }
        }
        if let Some((name, value)) = trailer {
            let text = self.trailer_string(&sha256_hex(format!("{name}:{value}\n").as_bytes()));
            let signature = hex::encode(self.key.sign(&text));
            body.extend(format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n").bytes());
        }
        body
    }

    /// The string to sign of the next chunk.
    fn chunk_string(&self, chunk_sha256: &str) -> String {
        let Self { date_and_scope, signature, .. } = self;
        format!("AWS4-HMAC-SHA256-PAYLOAD\n{date_and_scope}\n{signature}\n{EMPTY_SHA256}\n{chunk_sha256}")
    }

    /// The string to sign of the trailer.
    fn trailer_string(&self, trailer_sha256: &str) -> String {
        let Self { date_and_scope, signature, .. } = self;
        format!("AWS4-HMAC-SHA256-TRAILER\n{date_and_scope}\n{signature}\n{trailer_sha256}")
    }
}

/// A field of the trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// Name, lower case.
    pub name: String,
    /// Value, trimmed.
    pub value: String,
}

/// Why a chunked body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedError {
    /// The line in front of a chunk is no size with extensions.
    #[error("malformed chunk header at byte {offset} of the body")]
    Header {
        /// Where the line starts, in bytes as sent.
        offset: u64,
    },
    /// A line is longer than [`CHUNK_LINE_BYTES_MAX`], or the trailer longer than [`TRAILER_BYTES_MAX`].
    #[error("chunk header or trailer too long at byte {offset} of the body")]
    TooLong {
        /// Where it starts, in bytes as sent.
        offset: u64,
    },
    /// The line break after a chunk is missing.
    #[error("chunk without its line break at byte {offset} of the body")]
    Delimiter {
        /// Where it should be, in bytes as sent.
        offset: u64,
    },
    /// A trailer line is not `name:value`, or bytes follow the end of the body.
    #[error("malformed trailer at byte {offset} of the body")]
    Trailer {
        /// Where it is, in bytes as sent.
        offset: u64,
    },
    /// The signature of a chunk or of the trailer does not match.
    #[error("the signature of the chunk that ends at byte {offset} of the body does not match")]
    Signature {
        /// End of the chunk or trailer, in bytes as sent.
        offset: u64,
    },
    /// The body is longer or shorter than `x-amz-decoded-content-length` says.
    #[error("the decoded body has {found} bytes or more, x-amz-decoded-content-length says {expected}")]
    DecodedLength {
        /// As declared.
        expected: u64,
        /// As found; where the body is longer, the size at which that was clear.
        found: u64,
    },
    /// The body ended inside the framing.
    #[error("the body ends inside a chunk or before its last one")]
    Incomplete,
}

/// The size that `x-amz-decoded-content-length` declares; `None` when it is absent or no number.
pub fn decoded_content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(DECODED_LENGTH_HEADER)?.to_str().ok()?.trim().parse().ok()
}

/// An incremental decoder: bytes as they come in, payload out, nothing buffered but the line being read.
///
/// The signature of a chunk covers bytes that come after it, so payload is handed out before it is proved. What is
/// decoded must not take effect before [`ChunkedDecoder::finish`] has returned without error. After an error the
/// decoder stays in error.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    verifier: Option<Verifier>,
    expects_trailer: bool,
    decoded_length: Option<u64>,
    /// Bytes taken from the input so far.
    offset: u64,
    /// Payload bytes announced by chunk headers so far.
    announced: u64,
    /// The line being read, or the trailer up to here.
    line: Vec<u8>,
    trailer_bytes: usize,
    trailers: Vec<Trailer>,
}

#[derive(Debug)]
struct Verifier {
    seed: ChunkSeed,
    hash: Sha256,
    /// Signature that the current chunk's header presents.
    presented: Option<[u8; 32]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// In the line in front of a chunk.
    Header,
    /// In the bytes of a chunk.
    Data { remaining: u64 },
    /// At the line break after a chunk; `seen_return` after its first half.
    Delimiter { seen_return: bool },
    /// In the trailer, at the start of a line or in it.
    Trailer,
    /// After the last line.
    Done,
    /// Broken before.
    Failed(ChunkedError),
}

impl ChunkedDecoder {
    /// A decoder that verifies every chunk and, where the request declares one, the trailer.
    ///
    /// `decoded_length` is what [`decoded_content_length`] found; the body must have exactly that size.
    pub fn signed(seed: ChunkSeed, decoded_length: Option<u64>) -> Self {
        let expects_trailer = seed.has_trailer;
        let verifier = Verifier { seed, hash: Sha256::new(), presented: None };
        Self::with(Some(verifier), expects_trailer, decoded_length)
    }

    /// A decoder that verifies nothing: for unsigned bodies, and for reading what someone else verifies. Signatures, if
    /// present, are skipped, and a trailer may be there or not.
    pub fn unsigned(decoded_length: Option<u64>) -> Self {
        Self::with(None, true, decoded_length)
    }

    fn with(verifier: Option<Verifier>, expects_trailer: bool, decoded_length: Option<u64>) -> Self {
        Self {
            state: State::Header,
            verifier,
            expects_trailer,
            decoded_length,
            offset: 0,
            announced: 0,
            line: Vec::new(),
            trailer_bytes: 0,
            trailers: Vec::new(),
        }
    }

    /// Takes bytes from the front of `input` and returns the next piece of payload among them, which is never empty.
    /// `None` means that all of `input` was taken and more is needed, or that the body is over.
    ///
    /// # Errors
    /// See [`ChunkedError`]. The same error comes back from every later call.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, ChunkedError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = self.advance(input);
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        }
        result
    }

    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, ChunkedError> {
        while !input.is_empty() {
            match self.state.clone() {
                State::Failed(error) => return Err(error),
                State::Done => return Err(ChunkedError::Trailer { offset: self.offset }),
                State::Data { remaining } => return Ok(Some(self.take_data(input, remaining))),
                State::Delimiter { seen_return } => self.take_delimiter(input, seen_return)?,
                State::Header => {
                    if self.take_line(input, CHUNK_LINE_BYTES_MAX)? {
                        self.begin_chunk()?;
                    }
                }
                State::Trailer => {
                    if self.take_line(input, TRAILER_BYTES_MAX)? {
                        self.end_trailer_line()?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// Ends the body: checks that it was whole, and returns its trailer.
    ///
    /// # Errors
    /// [`ChunkedError::Incomplete`] when the framing was not over, or the error that stopped the decoder before.
    pub fn finish(self) -> Result<Vec<Trailer>, ChunkedError> {
        match self.state {
            State::Done => Ok(self.trailers),
            State::Failed(error) => Err(error),
            State::Header | State::Data { .. } | State::Delimiter { .. } | State::Trailer => {
                Err(ChunkedError::Incomplete)
            }
        }
    }

    /// Whether the last byte of the framing was taken.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn take<'i>(&mut self, input: &mut &'i [u8], count: usize) -> &'i [u8] {
        let (taken, rest) = input.split_at(count.min(input.len()));
        *input = rest;
        self.offset += taken.len() as u64;
        taken
    }

    fn take_data<'i>(&mut self, input: &mut &'i [u8], remaining: u64) -> &'i [u8] {
        let data = self.take(input, usize::try_from(remaining).unwrap_or(usize::MAX));
        if let Some(verifier) = &mut self.verifier {
            verifier.hash.update(data);
        }
        let remaining = remaining - data.len() as u64;
        self.state = if remaining == 0 { State::Delimiter { seen_return: false } } else { State::Data { remaining } };
        data
    }

    fn take_delimiter(&mut self, input: &mut &[u8], seen_return: bool) -> Result<(), ChunkedError> {
        let expected = if seen_return { b"\n" } else { b"\r" };
        if self.take(input, 1) != expected {
            return Err(ChunkedError::Delimiter { offset: self.offset - 1 });
        }
        if !seen_return {
            self.state = State::Delimiter { seen_return: true };
            return Ok(());
        }
        self.verify_chunk()?;
        self.state = State::Header;
        Ok(())
    }

    /// Takes bytes into `line` up to its line break; whether the line is whole. The break is not kept.
    fn take_line(&mut self, input: &mut &[u8], bytes_max: usize) -> Result<bool, ChunkedError> {
        let end = memchr::memchr(b'\n', input);
        let taken = self.take(input, end.map_or(input.len(), |index| index + 1));
        // Checked before the copy, so that a hostile line costs no memory; the same limit holds however it is split.
        if self.line.len() + taken.len() > bytes_max {
            return Err(ChunkedError::TooLong { offset: self.line_offset(taken.len()) });
        }
        self.line.extend_from_slice(taken);
        if end.is_none() {
            return Ok(false);
        }
        self.line.pop();
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(true)
    }

    fn line_offset(&self, just_taken: usize) -> u64 {
        self.offset - (self.line.len() + just_taken) as u64
    }

    /// Reads `size;extensions`, and goes on to the data or, after size 0, to the trailer.
    fn begin_chunk(&mut self) -> Result<(), ChunkedError> {
        let line = std::mem::take(&mut self.line);
        let malformed = ChunkedError::Header { offset: self.offset.saturating_sub(line.len() as u64 + 2) };
        let text = std::str::from_utf8(&line).map_err(|_| malformed.clone())?;
        let mut parts = text.split(';');
        let size = parts.next().and_then(parse_size).ok_or_else(|| malformed.clone())?;
        if let Some(verifier) = &mut self.verifier {
            let signature = parts.find_map(|part| part.trim().strip_prefix("chunk-signature="));
            verifier.presented = signature.and_then(parse_lower_hex);
        }
        self.announced = self.announced.checked_add(size).ok_or(malformed)?;
        self.check_length(size == 0)?;
        if size > 0 {
            self.state = State::Data { remaining: size };
            return Ok(());
        }
        self.verify_chunk()?;
        self.state = State::Trailer;
        Ok(())
    }

    /// A body that is too long is refused as soon as a chunk announces it, before its bytes are taken.
    fn check_length(&self, is_last: bool) -> Result<(), ChunkedError> {
        match self.decoded_length {
            Some(expected) if self.announced > expected || (is_last && self.announced != expected) => {
                Err(ChunkedError::DecodedLength { expected, found: self.announced })
            }
            _ => Ok(()),
        }
    }

    fn verify_chunk(&mut self) -> Result<(), ChunkedError> {
        let Some(verifier) = &mut self.verifier else { return Ok(()) };
        let chunk_sha256 = hex::encode(verifier.hash.finalize_reset());
        let text = verifier.seed.chunk_string(&chunk_sha256);
        verifier.accept(&text, ChunkedError::Signature { offset: self.offset })
    }

    /// An empty line ends the body. A signed trailer is over only after its signature; some clients put an empty line
    /// before that, as the example of the documentation does.
    fn end_trailer_line(&mut self) -> Result<(), ChunkedError> {
        let line = std::mem::take(&mut self.line);
        let start = self.offset.saturating_sub(line.len() as u64 + 2);
        self.trailer_bytes += line.len() + 2;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(ChunkedError::TooLong { offset: start });
        }
        let signature_due = self.expects_trailer && self.verifier.as_ref().is_some_and(|verifier| !verifier.is_over());
        if line.is_empty() {
            if !signature_due {
                self.state = State::Done;
            }
            return Ok(());
        }
        let trailer = parse_trailer(&line).ok_or(ChunkedError::Trailer { offset: start })?;
        if trailer.name == TRAILER_SIGNATURE {
            return self.verify_trailer(&trailer.value);
        }
        if !self.expects_trailer || (self.verifier.is_some() && !signature_due) {
            return Err(ChunkedError::Trailer { offset: start });
        }
        self.trailers.push(trailer);
        Ok(())
    }

    fn verify_trailer(&mut self, signature: &str) -> Result<(), ChunkedError> {
        let Some(verifier) = &mut self.verifier else { return Ok(()) };
        let mut canonical = String::new();
        for trailer in &self.trailers {
            canonical.push_str(&format!("{}:{}\n", trailer.name, trailer.value));
        }
        let text = verifier.seed.trailer_string(&sha256_hex(canonical.as_bytes()));
        verifier.presented = parse_lower_hex(signature);
        verifier.accept(&text, ChunkedError::Signature { offset: self.offset })?;
        verifier.seed.has_trailer = false;
        Ok(())
    }
}

impl Verifier {
    /// Compares the presented signature, and makes it the one that the next is chained to.
    fn accept(&mut self, text: &str, refusal: ChunkedError) -> Result<(), ChunkedError> {
        let presented = self.presented.take().ok_or_else(|| refusal.clone())?;
        if !self.seed.key.verify(text, &presented) {
            return Err(refusal);
        }
        self.seed.signature = hex::encode(presented);
        Ok(())
    }

    /// Whether the signature of the trailer was seen.
    fn is_over(&self) -> bool {
        !self.seed.has_trailer
    }
}

/// Hexadecimal digits alone: neither a sign nor an empty text is a size.
fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

fn parse_trailer(line: &[u8]) -> Option<Trailer> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let name = http::HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    Some(Trailer { name: name.as_str().to_owned(), value: value.trim().to_owned() })
}
