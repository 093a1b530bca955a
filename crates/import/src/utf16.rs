//! Text in UTF-16, as some shells write the output of a command, read as UTF-8.

use std::io::{self, Read};

/// Marks at the beginning of such text: little and big endian.
const LITTLE_ENDIAN_MARK: [u8; 2] = [0xff, 0xfe];
const BIG_ENDIAN_MARK: [u8; 2] = [0xfe, 0xff];
const BUFFER_BYTES: usize = 64 * 1024;

/// Whether a text begins with a mark of UTF-16.
pub(crate) fn has_mark(text: &[u8]) -> bool {
    [LITTLE_ENDIAN_MARK, BIG_ENDIAN_MARK].iter().any(|mark| text.starts_with(mark))
}

/// Reads UTF-16 and gives UTF-8. What is no text becomes replacement characters, and its record a reject.
pub(crate) struct Utf16Reader<R> {
    inner: R,
    to_unit: fn([u8; 2]) -> u16,
    /// Read and not yet decoded: half a character at most, between two calls.
    raw: Vec<u8>,
    /// Decoded and not yet given.
    text: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16Reader<R> {
    /// A reader, if the first bytes of `inner` are a mark; they are among what it gives.
    pub(crate) fn for_mark(head: &[u8], inner: R) -> Result<Self, R> {
        let to_unit = match head.first_chunk() {
            Some(&LITTLE_ENDIAN_MARK) => u16::from_le_bytes,
            Some(&BIG_ENDIAN_MARK) => u16::from_be_bytes,
            _ => return Err(inner),
        };
        Ok(Self { inner, to_unit, raw: Vec::new(), text: Vec::new(), given: 0 })
    }

    /// Decodes the next bytes; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let read = self.inner.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut self.raw)?;
        self.text.clear();
        self.given = 0;
        let mut units: Vec<u16> = self.raw.as_chunks().0.iter().map(|bytes| (self.to_unit)(*bytes)).collect();
        // The second half of a pair may be in the next bytes.
        let is_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        if read > 0 && units.last().is_some_and(is_half) {
            units.pop();
        }
        self.raw.drain(..units.len() * 2);
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(read > 0)
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if !self.refill()? && self.text.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.text[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives few bytes at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(3);
            self.0.read(&mut buffer[..count])
        }
    }

    #[test]
    fn both_byte_orders_become_utf8() {
        let text = "\u{feff}{\"a\":\"é€😀\"}\r\n".repeat(20_000);
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let raw: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            let mut reader = Utf16Reader::for_mark(&raw[..2], Drops(&raw)).ok().unwrap();
            let mut out = String::new();
            reader.read_to_string(&mut out).unwrap();
            assert_eq!(out, text);
            let cut = &raw[..raw.len() - 41];
            let mut out = String::new();
            Utf16Reader::for_mark(&raw[..2], cut).ok().unwrap().read_to_string(&mut out).unwrap();
            assert!(text.starts_with(out.trim_end_matches(char::REPLACEMENT_CHARACTER)));
        }
        assert!(Utf16Reader::for_mark(b"{}", Drops(b"{}")).is_err());
    }
}
