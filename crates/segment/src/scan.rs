//! Reads the text of one record into shapes and leaves, without building values.
//!
//! A *leaf* is the content of a string, or a number. A *shape* is what is left of a field when its leaves are taken out:
//! its key, its brackets, inner keys, literals, with a mark where each leaf stood. Whitespace between tokens is dropped,
//! every other byte is kept, so that shapes and leaves together give the compact text back.

/// Stands for the content of a string in a shape. No byte of a valid text is below 0x20 inside a string.
pub(crate) const STRING_MARK: u8 = 0;
/// Stands for a number in a shape.
pub(crate) const NUMBER_MARK: u8 = 1;
/// Stands for the event time in a shape, where it is written as `2026-01-02T03:04:05Z`.
pub(crate) const TIME_MARK: u8 = 2;
/// Stands for the event id in a shape, where it is a UUID in lower case.
pub(crate) const EVENT_ID_MARK: u8 = 3;

/// Fields whose texts are part of the shape: they say what kind of call it was, and have few values.
const SHAPE_FIELDS: [&[u8]; 9] = [
    b"eventVersion",
    b"eventSource",
    b"eventName",
    b"eventType",
    b"eventCategory",
    b"readOnly",
    b"managementEvent",
    b"apiVersion",
    b"errorCode",
];

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no JSON object: {what} at byte {offset}")]
pub struct ScanError {
    /// What was found.
    pub what: &'static str,
    /// Where, in bytes from the start of the text.
    pub offset: usize,
}

/// A leaf: where its content stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A field of the outermost object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) key_start: u32,
    pub(crate) key_end: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
    /// Its part of [`Scan::shapes`].
    pub(crate) shape_start: u32,
    pub(crate) shape_end: u32,
    /// Its part of [`Scan::leaves`].
    pub(crate) leaves_start: u32,
    pub(crate) leaves_end: u32,
}

/// The parts of a record's text. Kept from record to record, for its memory.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) fields: Vec<Field>,
    pub(crate) shapes: Vec<u8>,
    pub(crate) leaves: Vec<Leaf>,
    /// Where the record ends in its text.
    pub(crate) end: usize,
    stack: Vec<u8>,
}

/// Reads a text byte by byte.
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    pub(crate) at: usize,
}

/// Whether a byte may stand between the tokens of JSON: fewer may than between words of ASCII.
pub(crate) fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

pub(crate) fn check_utf8(text: &[u8]) -> Result<(), ScanError> {
    // Nearly all texts are, and to see that costs a third.
    if text.is_ascii() {
        return Ok(());
    }
    std::str::from_utf8(text)
        .map(drop)
        .map_err(|error| ScanError { what: "text that is no UTF-8", offset: error.valid_up_to() })
}

impl Scan {
    /// Reads a text, which must be one JSON object.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<(), ScanError> {
        check_utf8(text)?;
        let mut reader = Reader { text, at: self.read_first(text)? };
        reader.skip_space();
        if reader.at == text.len() { Ok(()) } else { Err(reader.error("more behind the object")) }
    }

    /// Reads the JSON object that a text begins with, and says where it ends. Whether it is UTF-8 is not looked at.
    pub(crate) fn read_first(&mut self, text: &[u8]) -> Result<usize, ScanError> {
        self.fields.clear();
        self.shapes.clear();
        self.leaves.clear();
        if u32::try_from(text.len()).is_err() {
            return Err(ScanError { what: "a text of over 4 GiB", offset: 0 });
        }
        let mut reader = Reader::new(text);
        reader.skip_space();
        reader.expect(b'{', "something else than an object")?;
        reader.skip_space();
        if reader.peek() == Some(b'}') {
            reader.at += 1;
        } else {
            loop {
                self.field(&mut reader)?;
                reader.skip_space();
                match reader.next() {
                    Some(b',') => reader.skip_space(),
                    Some(b'}') => break,
                    _ => return Err(reader.error_before("no comma or end of the object")),
                }
            }
        }
        self.end = reader.at;
        Ok(reader.at)
    }

    fn field(&mut self, reader: &mut Reader<'_>) -> Result<(), ScanError> {
        let (shape_start, leaves_start) = (self.shapes.len(), self.leaves.len());
        let (key_start, key_end) = reader.string("no name of a field")?;
        self.shapes.extend_from_slice(&reader.text[key_start - 1..=key_end]);
        reader.colon()?;
        self.shapes.push(b':');
        reader.skip_space();
        let value_start = reader.at;
        let is_shape = SHAPE_FIELDS.contains(&&reader.text[key_start..key_end]);
        if is_shape && reader.peek() == Some(b'"') {
            let (start, end) = reader.string("no string")?;
            self.shapes.extend_from_slice(&reader.text[start - 1..=end]);
        } else {
            self.value(reader)?;
        }
        self.fields.push(Field {
            key_start: key_start as u32,
            key_end: key_end as u32,
            value_start: value_start as u32,
            value_end: reader.at as u32,
            shape_start: shape_start as u32,
            shape_end: self.shapes.len() as u32,
            leaves_start: leaves_start as u32,
            leaves_end: self.leaves.len() as u32,
        });
        Ok(())
    }

    /// Reads one value of any depth: `stack` holds the closing bracket of each open one.
    fn value(&mut self, reader: &mut Reader<'_>) -> Result<(), ScanError> {
        self.stack.clear();
        loop {
            // A value begins here.
            match reader.peek() {
                Some(b'"') => {
                    let (start, end) = reader.string("no string")?;
                    self.shapes.extend_from_slice(&[b'"', STRING_MARK, b'"']);
                    self.leaves.push(Leaf { start: start as u32, end: end as u32 });
                }
                Some(open @ (b'{' | b'[')) => {
                    reader.at += 1;
                    self.shapes.push(open);
                    reader.skip_space();
                    let close = if open == b'{' { b'}' } else { b']' };
                    if reader.peek() == Some(close) {
                        reader.at += 1;
                        self.shapes.push(close);
                    } else {
                        self.stack.push(close);
                        if open == b'{' {
                            self.key(reader)?;
                        }
                        continue;
                    }
                }
                Some(b't') => self.literal(reader, b"true")?,
                Some(b'f') => self.literal(reader, b"false")?,
                Some(b'n') => self.literal(reader, b"null")?,
                Some(b'-' | b'0'..=b'9') => {
                    let start = reader.at;
                    reader.number()?;
                    self.shapes.push(NUMBER_MARK);
                    self.leaves.push(Leaf { start: start as u32, end: reader.at as u32 });
                }
                _ => return Err(reader.error("no value")),
            }
            // A value has ended; so may have those around it.
            loop {
                let Some(&close) = self.stack.last() else { return Ok(()) };
                reader.skip_space();
                match reader.next() {
                    Some(b',') => {
                        self.shapes.push(b',');
                        reader.skip_space();
                        if close == b'}' {
                            self.key(reader)?;
                        }
                        break;
                    }
                    Some(byte) if byte == close => {
                        self.shapes.push(close);
                        self.stack.pop();
                    }
                    _ => return Err(reader.error_before("no comma or closing bracket")),
                }
            }
        }
    }

    fn key(&mut self, reader: &mut Reader<'_>) -> Result<(), ScanError> {
        let (start, end) = reader.string("no name of a field")?;
        self.shapes.extend_from_slice(&reader.text[start - 1..=end]);
        reader.colon()?;
        self.shapes.push(b':');
        reader.skip_space();
        Ok(())
    }

    fn literal(&mut self, reader: &mut Reader<'_>, word: &'static [u8]) -> Result<(), ScanError> {
        if !reader.text[reader.at..].starts_with(word) {
            return Err(reader.error("no value"));
        }
        reader.at += word.len();
        self.shapes.extend_from_slice(word);
        Ok(())
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn error(&self, what: &'static str) -> ScanError {
        ScanError { what, offset: self.at }
    }

    fn error_before(&self, what: &'static str) -> ScanError {
        ScanError { what, offset: self.at - 1 }
    }

    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), ScanError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn colon(&mut self) -> Result<(), ScanError> {
        self.skip_space();
        self.expect(b':', "no colon behind a name")
    }

    /// Reads a string and gives the range of its content, without the quotes.
    fn string(&mut self, what: &'static str) -> Result<(usize, usize), ScanError> {
        self.expect(b'"', what)?;
        let start = self.at;
        Ok((start, self.string_rest()?))
    }

    /// Reads a string behind its opening quote and gives the place of its closing one.
    pub(crate) fn string_rest(&mut self) -> Result<usize, ScanError> {
        loop {
            self.at = plain_end(self.text, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(self.at - 1);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("a string without end")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            // Halves of characters are kept as they are, like everything else inside of a string.
            Some(b'u') => self.hex(),
            _ => Err(self.error_before("an unknown escape")),
        }
    }

    fn hex(&mut self) -> Result<(), ScanError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if digits.is_none() {
            return Err(self.error("an escape that is cut"));
        }
        self.at += 4;
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.error("a number without digits")) }
    }

    pub(crate) fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }
}

/// Where the run of plain bytes ends: at a quote, a backslash, a control character, or the end of the text.
///
/// Eight bytes at a time, because most strings are short and there are eighty of them in a record.
fn plain_end(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    while let Some(eight) = text.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
        let word = u64::from_le_bytes(eight);
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslashes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        // Exact for the lowest hit, which is the one that counts.
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let hits = quotes | backslashes | controls;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&byte) = text.get(at)
        && byte != b'"'
        && byte != b'\\'
        && byte >= 0x20
    {
        at += 1;
    }
    at
}
