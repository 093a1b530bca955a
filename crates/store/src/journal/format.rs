//! The bytes of a journal file. See docs/formats/journal.md.
//!
//! ```text
//! file  = header entry*
//! header= "OTJRNL01" ordinal:u64 next_sequence:u64 crc32c:u32
//! entry = size:u32 kind:u8 number:u64 supersedes:u64 batch_start:u32 crc32c:u32 payload[size]
//! ```
//! Little-endian. A checksum covers everything of its part but itself.

/// Begins every file; the last two digits are the format version.
pub const MAGIC: &[u8; 8] = b"OTJRNL01";
/// Size of a file's header, bytes.
pub const HEADER_BYTES: usize = 8 + 8 + 8 + 4;
/// Size of an entry without its payload, bytes.
pub const ENTRY_HEAD_BYTES: usize = 4 + 1 + 8 + 8 + 4 + 4;
/// Where in an entry its kind stands: 1 or 2.
pub const KIND_OFFSET: usize = 4;
/// Largest payload, bytes: far above any record (256 KiB), so that a larger size can only be damage.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// Place of the file among all files of its journal, from 1.
    pub ordinal: u64,
    /// Number that the first event in the file has.
    pub next_sequence: u64,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A note: its number is a note id.
    Note,
    /// An event: its number is a sequence number.
    Event,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Note id or sequence number.
    pub number: u64,
    /// Note that it takes the place of.
    pub supersedes: Option<u64>,
    /// Offset in the file at which the batch begins that it was written and synced with. A sound entry says by this
    /// that everything before its batch was durable before it was written.
    pub batch_start: u32,
    /// Record.
    pub payload: &'a [u8],
}

/// Why bytes are no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes end inside it.
    #[error("an entry of {needed} bytes ends after {there}")]
    Cut {
        /// Bytes that it needs, as far as they are known.
        needed: usize,
        /// Bytes that are there.
        there: usize,
    },
    /// The checksum does not fit.
    #[error("checksum {expected:08x} expected, {found:08x} found")]
    Checksum {
        /// As written.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// A kind or size that is never written.
    #[error("{what} {value} is never written")]
    Nonsense {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u64,
    },
}

impl FileHeader {
    /// The bytes of the header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.ordinal.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.next_sequence.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// The bytes are too few, of another format, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() < HEADER_BYTES {
            return Err(EntryError::Cut { needed: HEADER_BYTES, there: bytes.len() });
        }
        if &bytes[..8] != MAGIC {
            return Err(EntryError::Nonsense { what: "file mark", value: u64_at(bytes, 0) });
        }
        let (expected, found) = (u32_at(bytes, 24), crc32c::crc32c(&bytes[..24]));
        if expected != found {
            return Err(EntryError::Checksum { expected, found });
        }
        Ok(Self { ordinal: u64_at(bytes, 8), next_sequence: u64_at(bytes, 16) })
    }
}

/// Appends an entry to a buffer.
pub fn encode_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    // Assert before writing durable bytes: a larger payload could not be told from damage when it is read.
    assert!(entry.payload.len() <= PAYLOAD_BYTES_MAX, "callers check the size of a payload");
    let start = out.len();
    #[expect(clippy::cast_possible_truncation, reason = "bounded by PAYLOAD_BYTES_MAX")]
    out.extend_from_slice(&(entry.payload.len() as u32).to_le_bytes());
    out.push(match entry.kind {
        EntryKind::Note => 1,
        EntryKind::Event => 2,
    });
    out.extend_from_slice(&entry.number.to_le_bytes());
    // Notes are numbered from 1, so 0 is none.
    out.extend_from_slice(&entry.supersedes.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&entry.batch_start.to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), entry.payload);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(entry.payload);
}

/// Reads the entry at the start of some bytes, and says how many it has.
///
/// # Errors
/// No whole, sound entry is there.
pub fn decode_entry(bytes: &[u8]) -> Result<(Entry<'_>, usize), EntryError> {
    if bytes.len() < ENTRY_HEAD_BYTES {
        return Err(EntryError::Cut { needed: ENTRY_HEAD_BYTES, there: bytes.len() });
    }
    let payload_bytes = u32_at(bytes, 0) as usize;
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(EntryError::Nonsense { what: "size", value: payload_bytes as u64 });
    }
    let size = ENTRY_HEAD_BYTES + payload_bytes;
    if bytes.len() < size {
        return Err(EntryError::Cut { needed: size, there: bytes.len() });
    }
    let payload = &bytes[ENTRY_HEAD_BYTES..size];
    let found = crc32c::crc32c_append(crc32c::crc32c(&bytes[..ENTRY_HEAD_BYTES - 4]), payload);
    let expected = u32_at(bytes, ENTRY_HEAD_BYTES - 4);
    if expected != found {
        return Err(EntryError::Checksum { expected, found });
    }
    let kind = match bytes[KIND_OFFSET] {
        1 => EntryKind::Note,
        2 => EntryKind::Event,
        other => return Err(EntryError::Nonsense { what: "kind", value: u64::from(other) }),
    };
    let supersedes = Some(u64_at(bytes, 13)).filter(|note| *note != 0);
    Ok((Entry { kind, number: u64_at(bytes, 5), supersedes, batch_start: u32_at(bytes, 21), payload }, size))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_come_back(
            is_event: bool, number: u64, supersedes: u64, batch_start: u32, payload: Vec<u8>, flip: usize
        ) {
            let kind = if is_event { EntryKind::Event } else { EntryKind::Note };
            let supersedes = Some(supersedes).filter(|note| *note != 0);
            let entry = Entry { kind, number, supersedes, batch_start, payload: &payload };
            let mut bytes = Vec::new();
            encode_entry(&mut bytes, &entry);
            prop_assert_eq!(decode_entry(&bytes), Ok((entry, bytes.len())));
            let flip = flip % (bytes.len() * 8);
            bytes[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(decode_entry(&bytes).is_err());
        }

        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>) {
            let _ = decode_entry(&bytes);
            let _ = FileHeader::decode(&bytes);
        }
    }

    #[test]
    fn headers_come_back() {
        let header = FileHeader { ordinal: 7, next_sequence: 1_000_000 };
        assert_eq!(FileHeader::decode(&header.encode()), Ok(header));
    }
}
