//! What a file is packed in, told by its first bytes: gzip (also of several members), zstd (also of several frames),
//! one in the other, or nothing. Text in UTF-16 is made UTF-8.
//!
//! A gzip file of usual size is unpacked as a whole, which takes half the time of doing it piece by piece; where anything
//! about it is unusual it is done piece by piece.
//!
//! Memory is bounded by the windows of the formats and the buffers here. A packed file that grows beyond all reason is
//! given up ([`UnpackError::Bomb`]); one that is cut gives what is before the cut, then [`UnpackError::Damaged`].

use std::cell::RefCell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use libdeflater::Decompressor;
use memchr::memmem;
use sha2::{Digest, Sha256};

use crate::file_key::Fingerprint;
use crate::utf16::{Utf16Reader, has_mark};

/// Layers of packing: a gzip file that a store packed once more is all that was ever seen.
const LAYERS_MAX: u32 = 3;
/// Bytes that one packed byte may become. CloudTrail's own files have 10 to 30, the same file many times over with
/// zstd's long windows some hundreds.
const RATIO_MAX: u64 = 500;
/// Unpacked bytes before the ratio is looked at: small files have odd ratios and do no harm.
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Largest zstd window, as the power of two that the format speaks in: 128 MiB, what `zstd` itself takes unasked.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// Largest file that is unpacked as a whole, packed and unpacked. CloudTrail's own have at most 50 MB unpacked.
const WHOLE_PACKED_BYTES_MAX: usize = 16 * 1024 * 1024;
const WHOLE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Buffers up to this size are kept for the next file.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Unpacked bytes that are handed out at a time. Records in one portion are not copied, and it fits the second cache.
const PORTION_BYTES: usize = 256 * 1024;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// The same with the only method there is.
const GZIP_MEMBER: &[u8] = &[0x1f, 0x8b, 0x08];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// The file cannot be read, or is packed and cut or damaged.
    #[error("{0}")]
    Damaged(#[source] io::Error),
    /// A small file that becomes a huge one.
    #[error(
        "gives {unpacked_bytes} bytes out of {packed_bytes}, more than {RATIO_MAX} to 1: taken for a decompression bomb"
    )]
    Bomb {
        /// Bytes read of the file.
        packed_bytes: u64,
        /// Bytes that they became.
        unpacked_bytes: u64,
    },
}

/// The bytes of a file as they lie there, counted and hashed while they are read.
pub(crate) struct RawFile<R> {
    inner: R,
    hash: Option<Sha256>,
    bytes: u64,
}

impl<R: Read> RawFile<R> {
    /// A file whose bytes are counted, and hashed when its fingerprint will be asked for.
    pub(crate) fn new(inner: R, is_hashed: bool) -> Self {
        Self { inner, hash: is_hashed.then(Sha256::new), bytes: 0 }
    }

    /// Reads what is left and returns the fingerprint of the whole file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn fingerprint(mut self) -> io::Result<Fingerprint> {
        io::copy(&mut self, &mut io::sink())?;
        let hash = self.hash.unwrap_or_default().finalize();
        Ok(Fingerprint { size_bytes: self.bytes, tag: format!("sha256:{hash:x}") })
    }
}

impl<R: Read> Read for RawFile<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// A raw file that its unpacker and its owner both hold.
struct Shared<R>(Rc<RefCell<RawFile<R>>>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

/// What files are unpacked with, one after another.
pub(crate) struct Unpacker {
    inflater: Decompressor,
    packed: Vec<u8>,
    /// Unpacked bytes: a portion, or the whole file.
    plain: Vec<u8>,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self { inflater: Decompressor::new(), packed: Vec::new(), plain: Vec::new() }
    }
}

impl Unpacker {
    /// Reads a gzip file whose first bytes were read, and unpacks it if it is whole, sound, of usual size and one member.
    /// Gives its unpacked size; without one `packed` has what was read.
    fn inflate_whole(&mut self, raw: &mut impl Read) -> io::Result<Option<usize>> {
        raw.take((WHOLE_PACKED_BYTES_MAX - self.packed.len()) as u64).read_to_end(&mut self.packed)?;
        let packed = &self.packed[..];
        let Some(size) = packed.last_chunk::<4>().map(|size| u32::from_le_bytes(*size) as usize) else {
            return Ok(None);
        };
        // What looks like another member may be one.
        let is_one_member = !memmem::find_iter(&packed[1..], GZIP_MEMBER).any(|at| is_member(&packed[1 + at..]));
        if packed.len() >= WHOLE_PACKED_BYTES_MAX || size > WHOLE_BYTES_MAX || !is_one_member {
            return Ok(None);
        }
        if self.plain.len() < size {
            self.plain.resize(size, 0);
        }
        let inflated = self.inflater.gzip_decompress(packed, &mut self.plain[..size]);
        Ok(inflated.ok().filter(|inflated| *inflated == size))
    }

    fn give_up_large_buffers(&mut self) {
        for buffer in [&mut self.packed, &mut self.plain] {
            if buffer.len() > KEPT_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
    }
}

/// The unpacked bytes of a file.
pub(crate) struct Unpacked<'a, R> {
    raw: Rc<RefCell<RawFile<R>>>,
    content: Content<'a>,
    unpacker: &'a mut Unpacker,
    unpacked_bytes: u64,
}

enum Content<'a> {
    /// In the unpacker, of this size.
    Whole {
        size: usize,
        at: usize,
    },
    Stream(Box<dyn Read + 'a>),
}

impl<'a, R: Read + 'a> Unpacked<'a, R> {
    /// Looks at the beginning of the file.
    ///
    /// # Errors
    /// The file cannot be read, or its beginning is damaged.
    pub(crate) fn open(raw: RawFile<R>, unpacker: &'a mut Unpacker) -> Result<Self, UnpackError> {
        let raw = Rc::new(RefCell::new(raw));
        unpacker.give_up_large_buffers();
        let content = open_content(&raw, unpacker).map_err(UnpackError::Damaged)?;
        if matches!(content, Content::Stream(_)) && unpacker.plain.len() < PORTION_BYTES {
            unpacker.plain.resize(PORTION_BYTES, 0);
        }
        Ok(Self { raw, content, unpacker, unpacked_bytes: 0 })
    }

    /// The next bytes; none at the end of the file.
    ///
    /// # Errors
    /// The file is damaged here; what was before has been returned by earlier calls.
    pub(crate) fn next_portion(&mut self) -> Result<&[u8], UnpackError> {
        let portion = match &mut self.content {
            Content::Whole { size, at } => {
                let start = *at;
                *at = (*size).min(start + PORTION_BYTES);
                start..*at
            }
            Content::Stream(stream) => loop {
                match stream.read(&mut self.unpacker.plain[..PORTION_BYTES]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break 0..other.map_err(UnpackError::Damaged)?,
                }
            },
        };
        self.unpacked_bytes += portion.len() as u64;
        let (packed_bytes, unpacked_bytes) = (self.raw_bytes(), self.unpacked_bytes);
        if unpacked_bytes > RATIO_FREE_BYTES && unpacked_bytes / RATIO_MAX > packed_bytes {
            return Err(UnpackError::Bomb { packed_bytes, unpacked_bytes });
        }
        Ok(&self.unpacker.plain[portion])
    }

    /// Bytes read of the file as it lies there.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw.borrow().bytes
    }

    /// Bytes that they became.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// The raw file, read as far as it was needed. `None` never happens: the unpacker is gone by then.
    pub(crate) fn into_raw(self) -> Option<RawFile<R>> {
        drop(self.content);
        Rc::into_inner(self.raw).map(RefCell::into_inner)
    }
}

/// Whether bytes look like the head of a gzip member. Source: RFC 1952, section 2.3: three flags are reserved and 0, and the
/// system is one of the list or unknown. Without a look at these one file in ten has such bytes somewhere.
fn is_member(bytes: &[u8]) -> bool {
    let (flags, system) = (bytes.get(3), bytes.get(9));
    flags.is_none_or(|flags| *flags < 0x20) && system.is_none_or(|system| matches!(system, 0..=13 | 255))
}

fn open_content<'a, R: Read + 'a>(raw: &Rc<RefCell<RawFile<R>>>, unpacker: &mut Unpacker) -> io::Result<Content<'a>> {
    unpacker.packed.clear();
    raw.borrow_mut().by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut unpacker.packed)?;
    if unpacker.packed == GZIP_MAGIC
        && let Some(size) = unpacker.inflate_whole(&mut *raw.borrow_mut())?
    {
        let plain = &unpacker.plain[..size];
        // Something packed in it, or a text in UTF-16, goes the other way.
        if !plain.starts_with(GZIP_MAGIC) && !plain.starts_with(ZSTD_MAGIC) && !has_mark(plain) {
            return Ok(Content::Whole { size, at: 0 });
        }
    }
    let read = Cursor::new(std::mem::take(&mut unpacker.packed));
    let source = read.chain(Shared(Rc::clone(raw)));
    unpack(Box::new(source), LAYERS_MAX).map(Content::Stream)
}

fn unpack<'a>(mut source: Box<dyn Read + 'a>, layers_left: u32) -> io::Result<Box<dyn Read + 'a>> {
    let mut head = Vec::with_capacity(ZSTD_MAGIC.len());
    source.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut head)?;
    let is_gzip = head.starts_with(GZIP_MAGIC);
    let is_zstd = head == ZSTD_MAGIC;
    let mark: Vec<u8> = head.iter().take(2).copied().collect();
    let source = Cursor::new(head).chain(source);
    if layers_left == 0 || !(is_gzip || is_zstd) {
        return Ok(match Utf16Reader::for_mark(&mark, source) {
            Ok(text) => Box::new(text),
            Err(source) => Box::new(source),
        });
    }
    let source = BufReader::with_capacity(READ_BUFFER_BYTES, source);
    if is_gzip {
        return unpack(Box::new(flate2::bufread::MultiGzDecoder::new(source)), layers_left - 1);
    }
    let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    unpack(Box::new(decoder), layers_left - 1)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What comes out, and how it ends.
    fn read(bytes: &[u8]) -> (Vec<u8>, Result<Fingerprint, UnpackError>) {
        let mut unpacker = Unpacker::default();
        let mut unpacked = match Unpacked::open(RawFile::new(bytes, true), &mut unpacker) {
            Ok(unpacked) => unpacked,
            Err(error) => return (Vec::new(), Err(error)),
        };
        let mut all = Vec::new();
        loop {
            match unpacked.next_portion() {
                Ok([]) => break,
                Ok(portion) => all.extend_from_slice(portion),
                Err(error) => return (all, Err(error)),
            }
        }
        (all, Ok(unpacked.into_raw().unwrap().fingerprint().unwrap()))
    }

    #[test]
    fn formats_are_told_by_content() {
        let text = "{\"a\":1}\n".repeat(1000).into_bytes();
        let zstd = zstd::encode_all(&text[..], 3).unwrap();
        let packings = [
            text.clone(),
            gzip(&text),
            zstd.clone(),
            gzip(&gzip(&text)),
            gzip(&zstd),
            zstd::encode_all(&gzip(&text)[..], 3).unwrap(),
        ];
        for packed in packings {
            let (out, end) = read(&packed);
            assert_eq!(out, text);
            let fingerprint = end.unwrap();
            assert_eq!(fingerprint.size_bytes, packed.len() as u64);
            assert_eq!(fingerprint.tag, format!("sha256:{:x}", Sha256::digest(&packed)));
        }
        let wide: Vec<u8> =
            format!("\u{feff}{}", String::from_utf8_lossy(&text)).encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&gzip(&wide)).0[3..], text);
        for short in [&b""[..], b"{", b"\x1f"] {
            assert_eq!(read(short).0, short);
        }
    }

    #[test]
    fn members_and_frames_follow_one_another() {
        let (a, b) = (b"{\"a\":1}".repeat(500), b"{\"b\":1}".repeat(500));
        let both = [a.clone(), b.clone()].concat();
        assert_eq!(read(&[gzip(&a), gzip(&b)].concat()).0, both);
        let frames = [zstd::encode_all(&a[..], 1).unwrap(), zstd::encode_all(&b[..], 1).unwrap()].concat();
        assert_eq!(read(&frames).0, both);
    }

    #[test]
    fn what_is_before_a_cut_is_read() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for packed in [gzip(&text), zstd::encode_all(&text[..], 1).unwrap()] {
            let (out, end) = read(&packed[..packed.len() / 2]);
            assert!(out.len() > text.len() / 3 && text.starts_with(&out), "{}", out.len());
            assert!(matches!(end, Err(UnpackError::Damaged(_))));
        }
        // A checksum tells: gzip always has one.
        let mut damaged = gzip(&text);
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x55;
        assert!(matches!(read(&damaged).1, Err(UnpackError::Damaged(_))));
    }

    #[test]
    fn a_bomb_is_given_up() {
        // 256 MB of blanks; gzip reaches 1000 to 1 at best, zstd much more.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..256 {
            encoder.write_all(&[b' '; 1_000_000]).unwrap();
        }
        let packed = encoder.finish().unwrap();
        let (out, end) = read(&packed);
        assert!(matches!(end, Err(UnpackError::Bomb { .. })));
        let bytes_max = RATIO_FREE_BYTES.max((packed.len() as u64 + 1) * RATIO_MAX);
        assert!(out.len() as u64 <= bytes_max + PORTION_BYTES as u64);
    }
}
