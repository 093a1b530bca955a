//! What is in a log file.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use model::EventTime;
use sha2::{Digest as _, Sha256};

/// Most bytes of a log file before it is compressed. Source: CloudTrail user guide, log files.
pub const LOG_FILE_BYTES_MAX: usize = 50 * 1024 * 1024;

/// A log file being made.
#[derive(Debug, Default)]
pub struct LogFile {
    text: Vec<u8>,
    times: Option<(EventTime, EventTime)>,
}

/// A log file as it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedLogFile {
    /// One gzip member.
    pub packed: Vec<u8>,
    /// SHA-256 of what is in it, hexadecimal.
    pub hash: String,
    /// Time of the oldest event.
    pub oldest: EventTime,
    /// Time of the newest event.
    pub newest: EventTime,
}

impl LogFile {
    /// Adds a record: its JSON text. Whitespace between its tokens is left out, since a store may keep a record without.
    pub fn push(&mut self, record: &[u8], time: EventTime) {
        self.text.extend_from_slice(if self.text.is_empty() { b"{\"Records\":[" } else { b"," });
        push_compact(&mut self.text, record);
        let (oldest, newest) = self.times.unwrap_or((time, time));
        self.times = Some((oldest.min(time), newest.max(time)));
    }

    /// Bytes so far, not compressed.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether no record is in it.
    pub fn is_empty(&self) -> bool {
        self.times.is_none()
    }

    /// The file; `None` when no record is in it. The same records give the same bytes.
    ///
    /// # Errors
    /// The compression fails.
    pub fn finish(mut self) -> std::io::Result<Option<FinishedLogFile>> {
        let Some((oldest, newest)) = self.times else { return Ok(None) };
        self.text.extend_from_slice(b"]}");
        let packed = pack(&self.text)?;
        Ok(Some(FinishedLogFile { packed, hash: hash(&self.text), oldest, newest }))
    }
}

/// Adds a JSON text without whitespace between its tokens.
fn push_compact(text: &mut Vec<u8>, json: &[u8]) {
    let (mut is_in_string, mut is_escaped) = (false, false);
    for &byte in json {
        if is_in_string {
            is_in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            is_in_string = byte == b'"';
        }
        text.push(byte);
    }
}

/// One gzip member, without time and name.
pub(crate) fn pack(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish()
}

/// SHA-256, hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stand_in_a_list() {
        let mut file = LogFile::default();
        assert_eq!(LogFile::default().finish().unwrap(), None);
        file.push(br#"{"a":1}"#, EventTime::from_seconds(7));
        file.push(
            br#"{ "b \" \\" : [2,
            " "] }"#,
            EventTime::from_seconds(5),
        );
        let file = file.finish().unwrap().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&file.packed[..]), &mut text).unwrap();
        assert_eq!(text, r#"{"Records":[{"a":1},{"b \" \\":[2," "]}]}"#);
        assert_eq!((file.oldest, file.newest), (EventTime::from_seconds(5), EventTime::from_seconds(7)));
        assert_eq!(file.hash, hash(text.as_bytes()));
    }
}
