//! Chunked bodies that get new signatures on their way.
//!
//! The framing stays as it came but for the signatures, which are as long as the old ones, so that the length of the
//! body does not change. A chunk goes on only when its old signature is proved.

use sha2::{Digest, Sha256};

use super::{CHUNK_LINE_BYTES_MAX, ChunkSeed, ChunkedDecoder, ChunkedError, State, TRAILER_BYTES_MAX};
use crate::sigv4::string_to_sign::sha256_hex;

/// Longest chunk that is held until its signature is proved, in bytes. SDKs send 64 KiB to 1 MiB.
pub const RESIGNED_CHUNK_BYTES_MAX: u64 = 16 * 1024 * 1024;

const SIGNATURE_EXTENSION: &str = "chunk-signature=";
const SIGNATURE_DIGITS: usize = 64;

/// Takes a chunked body signed by one key and gives the same signed by another.
#[derive(Debug)]
pub struct ChunkResigner {
    decoder: ChunkedDecoder,
    signer: ChunkSeed,
    /// Header line of the chunk being read, without its line break.
    header: Vec<u8>,
    chunk: Vec<u8>,
    /// Lines of the trailer as they are signed.
    trailer: String,
}

impl ChunkResigner {
    /// `decoder` verifies what comes ([`ChunkedDecoder::signed`]); `signer` starts the new chain: it is the seed of the
    /// request that goes on.
    pub fn new(decoder: ChunkedDecoder, signer: ChunkSeed) -> Self {
        Self { decoder, signer, header: Vec::new(), chunk: Vec::new(), trailer: String::new() }
    }

    /// Takes bytes as they come and appends to `out` what may go on.
    ///
    /// # Errors
    /// See [`ChunkedError`]; also a chunk of more than [`RESIGNED_CHUNK_BYTES_MAX`] bytes. Nothing more goes on then.
    pub fn take(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkedError> {
        while !input.is_empty() {
            match self.decoder.state.clone() {
                State::Failed(error) => return Err(error),
                State::Done => return Err(ChunkedError::Trailer { offset: self.decoder.offset }),
                State::Data { remaining } => {
                    let data = self.decoder.take_data(&mut input, remaining);
                    self.chunk.extend_from_slice(data);
                }
                State::Delimiter { seen_return } => {
                    self.decoder.take_delimiter(&mut input, seen_return)?;
                    if self.decoder.state == State::Header {
                        self.push_chunk(out);
                        out.extend_from_slice(b"\r\n");
                    }
                }
                State::Header => {
                    if self.decoder.take_line(&mut input, CHUNK_LINE_BYTES_MAX)? {
                        self.header.clone_from(&self.decoder.line);
                        self.decoder.begin_chunk()?;
                        match self.decoder.state {
                            State::Data { remaining } if remaining > RESIGNED_CHUNK_BYTES_MAX => {
                                return Err(ChunkedError::TooLong { offset: self.decoder.offset });
                            }
                            State::Trailer => self.push_chunk(out),
                            _ => {}
                        }
                    }
                }
                State::Trailer => {
                    if self.decoder.take_line(&mut input, TRAILER_BYTES_MAX)? {
                        let line = self.decoder.line.clone();
                        let known = self.decoder.trailers.len();
                        self.decoder.end_trailer_line()?;
                        self.push_trailer_line(&line, known, out);
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`ChunkedError::Incomplete`] when the framing was not over, or the error that stopped it before.
    pub fn finish(self) -> Result<(), ChunkedError> {
        self.decoder.finish().map(|_| ())
    }

    /// Writes the chunk that was just proved, with a new signature.
    fn push_chunk(&mut self, out: &mut Vec<u8>) {
        let text = self.signer.chunk_string(&hex::encode(Sha256::digest(&self.chunk)));
        self.signer.signature = hex::encode(self.signer.key.sign(&text));
        let start = memchr::memmem::find(&self.header, SIGNATURE_EXTENSION.as_bytes())
            .map_or(self.header.len(), |index| index + SIGNATURE_EXTENSION.len());
        let end = (start + SIGNATURE_DIGITS).min(self.header.len());
        out.extend_from_slice(&self.header[..start]);
        out.extend_from_slice(self.signer.signature.as_bytes());
        out.extend_from_slice(&self.header[end..]);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.chunk);
        self.chunk.clear();
    }

    /// Writes a line of the trailer; the one with its signature gets a new one.
    fn push_trailer_line(&mut self, line: &[u8], trailers_before: usize, out: &mut Vec<u8>) {
        if let Some(trailer) = self.decoder.trailers.get(trailers_before) {
            self.trailer.push_str(&format!("{}:{}\n", trailer.name, trailer.value));
            out.extend_from_slice(line);
        } else if line.is_empty() {
            // The end, or the empty line that some put in front of the signature.
        } else {
            let text = self.signer.trailer_string(&sha256_hex(self.trailer.as_bytes()));
            self.signer.signature = hex::encode(self.signer.key.sign(&text));
            let name_end = memchr::memchr(b':', line).map_or(line.len(), |index| index + 1);
            out.extend_from_slice(&line[..name_end]);
            out.extend_from_slice(self.signer.signature.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}
