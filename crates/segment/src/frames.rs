//! How the texts of a column stand in a block.
//!
//! Few texts stand loose among the codes. Many have a frame of their own: compressed, or, where they are random tokens
//! in base 64, as the bytes that they stand for, which are read eight times as fast as they decompress. A frame is found
//! without reading anything else of the block.

use std::io;
use std::ops::Range;

use crate::block::{ENDING_CODE, PART_BYTES_MAX, TEXT_CODE, pack, unpack};
use crate::bytes::{Cursor, Damage, put_number, put_text};
use crate::frame_probe::FrameProbe;
use crate::hex_digits::{PutBack, TakenOut};

/// Texts from this size on are compressed apart from others, bytes: ids and file names do not share an alphabet.
const OWN_FRAME_BYTES: usize = 1024;
/// Characters from which on it can be told whether they are random.
const RANDOM_CHARACTERS_MIN: usize = 64;
const LEVEL: i32 = 1;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// The texts with their lengths, compressed.
    Packed = 0,
    /// The characters of all texts, one behind another, as the bytes that they stand for in base 64; the last group is
    /// filled up with `A`. How long each is stands among the loose texts.
    Base64 = 1,
    /// The same with `-` and `_`.
    Base64Url = 2,
    /// The same of digits and capitals, of which three are two bytes; the last group is filled up with `0`.
    Capitals = 3,
    /// The texts with their lengths as they are.
    Plain = 4,
    /// The texts without their digits of base 16, compressed; or nothing, and they stand among the loose texts. The digits are
    /// behind all frames.
    Digits = 5,
}

/// In the place of a frame's kind: it stands behind the size. Kinds before it need no byte of their own.
const KIND_BEHIND: u64 = 3;

impl Method {
    fn read(number: u64) -> Result<Self, Damage> {
        match number {
            0 => Ok(Self::Packed),
            1 => Ok(Self::Base64),
            2 => Ok(Self::Base64Url),
            3 => Ok(Self::Capitals),
            4 => Ok(Self::Plain),
            5 => Ok(Self::Digits),
            _ => Err(Damage("a frame of an unknown kind")),
        }
    }

    /// Whether it holds tokens, whose lengths stand among the loose texts.
    pub(crate) fn is_of_tokens(self) -> bool {
        self.alphabet_bit() != 0
    }

    /// All characters of texts of a kind of tokens.
    pub(crate) fn characters(self) -> &'static [u8] {
        match self {
            Self::Base64Url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=",
            Self::Capitals => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ=",
            _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
        }
    }

    /// Its bit among the alphabets that have a byte.
    pub(crate) fn alphabet_bit(self) -> u8 {
        match self {
            Self::Packed | Self::Plain | Self::Digits => 0,
            Self::Base64 => 1,
            Self::Base64Url => 2,
            Self::Capitals => 4,
        }
    }

    pub(crate) fn base64(self) -> base64_simd::Base64 {
        if self == Self::Base64Url { base64_simd::URL_SAFE_NO_PAD } else { base64_simd::STANDARD_NO_PAD }
    }

    /// Of two characters of random tokens at most this part is the same: 1 of so many.
    fn random_part(self) -> u64 {
        if self == Self::Capitals { RANDOM_CAPITALS_PART } else { RANDOM_BASE64_PART }
    }

    /// Characters of a group of tokens, and bytes that they stand for.
    fn group(self) -> (usize, usize) {
        if self == Self::Capitals { (CAPITALS_OF_GROUP, 2) } else { (4, 3) }
    }

    /// The bytes that some characters stand for, which must be of the alphabet.
    fn bytes_of(self, characters: &mut Vec<u8>) -> Option<Vec<u8>> {
        let size = characters.len().next_multiple_of(self.group().0);
        if self == Self::Capitals {
            characters.resize(size, b'0');
            return Some(bytes_of_capitals(characters));
        }
        characters.resize(size, b'A');
        self.base64().decode_to_vec(characters).ok()
    }

    /// Appends the characters that the bytes of whole groups stand for.
    fn put_characters(self, bytes: &[u8], out: &mut Vec<u8>) {
        if self == Self::Capitals {
            put_capitals(bytes, out);
        } else {
            self.base64().encode_append(bytes, out);
        }
    }
}

/// Digits and capitals that two bytes stand for: there are 36 of them, and 36 × 36 × 36 numbers are less than 65,536.
const CAPITALS_OF_GROUP: usize = 3;

/// The bytes of digits and capitals, whole groups.
fn bytes_of_capitals(characters: &[u8]) -> Vec<u8> {
    let digit = |character: u8| u16::from(if character < b'A' { character - b'0' } else { character - b'A' + 10 });
    let number = |group: &[u8; CAPITALS_OF_GROUP]| (digit(group[0]) * 36 + digit(group[1])) * 36 + digit(group[2]);
    characters.as_chunks().0.iter().flat_map(|group| number(group).to_le_bytes()).collect()
}

/// Appends the digits and capitals of bytes, whole groups. Of damaged bytes others may come.
fn put_capitals(bytes: &[u8], out: &mut Vec<u8>) {
    let character = |digit: u16| digit as u8 + if digit < 10 { b'0' } else { b'A' - 10 };
    let from = out.len();
    let pairs = bytes.as_chunks().0;
    out.resize(from + pairs.len() * CAPITALS_OF_GROUP, 0);
    for (group, pair) in out[from..].as_chunks_mut::<CAPITALS_OF_GROUP>().0.iter_mut().zip(pairs) {
        let number = u16::from_le_bytes(*pair);
        *group = [character(number / 1296), character(number / 36 % 36), character(number % 36)];
    }
}

/// Behind the length of a token, in its two lowest bits: how many `=` follow, or that as many bytes stand here
/// as they are.
const VERBATIM: u64 = 3;

/// A frame that was made.
#[derive(Debug)]
pub(crate) struct NewFrame {
    pub(crate) method: Method,
    /// Of the texts with their lengths, bytes; of base 64 the number of characters.
    pub(crate) size: usize,
    pub(crate) bytes: Vec<u8>,
    /// Digits that were taken out of the texts, two in a byte.
    pub(crate) digits: Vec<u8>,
    pub(crate) digit_count: usize,
    /// What the filter of texts is to know of it: characters of tokens, parts of texts beside their digits; else nothing.
    pub(crate) plain: Vec<u8>,
    /// Whether its texts are random: whatever is looked for may be in them, if only the characters fit.
    pub(crate) is_random: bool,
}

/// A frame in a block.
#[derive(Debug, Clone)]
pub(crate) struct FramePlace {
    pub(crate) column: u32,
    pub(crate) method: Method,
    pub(crate) size: usize,
    /// Behind the packed codes.
    pub(crate) bytes: Range<usize>,
    pub(crate) digit_count: usize,
    /// The same of the digits that were taken out of the texts.
    pub(crate) digits: Range<usize>,
}

impl NewFrame {
    fn new(method: Method, size: usize, bytes: Vec<u8>) -> Self {
        Self { method, size, bytes, digits: Vec::new(), digit_count: 0, plain: Vec::new(), is_random: false }
    }
}

/// Decides how the texts of a column are stored. `texts` are the texts with their lengths, in the order of the column's
/// codes; what is to stand loose is left in it.
pub(crate) fn make_frame(codes: &[u8], texts: &mut Vec<u8>) -> io::Result<Option<NewFrame>> {
    let spread = Spread::of(if texts.len() < RANDOM_CHARACTERS_MIN { &[] } else { texts });
    if let Some((frame, loose)) = token_frame(codes, texts, spread) {
        *texts = loose;
        return Ok(Some(frame));
    }
    let (has_sentence, is_random) = (has_sentence(codes, texts), spread.is_random(RANDOM_CAPITALS_PART));
    if texts.len() < OWN_FRAME_BYTES && has_sentence {
        // To unpack so little takes ten times as long as to look through it.
        return Ok(Some(NewFrame::new(Method::Plain, texts.len(), std::mem::take(texts))));
    }
    // Sentences have any words, and those that end with a digit would be looked for in whole texts alone. In random texts
    // there are digits by chance.
    if !has_sentence
        && !is_random
        && let Some(taken) = TakenOut::of(codes, texts)
    {
        *texts = taken.texts;
        let mut frame = NewFrame::new(Method::Digits, 0, Vec::new());
        (frame.digits, frame.digit_count, frame.plain) = (taken.digits, taken.digit_count, taken.parts_beside);
        if texts.len() >= OWN_FRAME_BYTES {
            (frame.size, frame.bytes) = (texts.len(), pack(texts, LEVEL)?);
            texts.clear();
        }
        return Ok(Some(frame));
    }
    if texts.len() < OWN_FRAME_BYTES {
        return Ok(None);
    }
    let mut frame = NewFrame::new(Method::Packed, texts.len(), pack(texts, LEVEL)?);
    frame.is_random = is_random;
    texts.clear();
    Ok(Some(frame))
}

/// Whether a text is a sentence. Messages have names of anything in them, and where they stand loose, whoever looks for a
/// name unpacks what is loose of every block.
fn has_sentence(codes: &[u8], texts: &[u8]) -> bool {
    /// Spaces between the words of a sentence, at least.
    const SPACES_MIN: usize = 4;
    let is_sentence = |entry: Entry<'_>| memchr::memchr_iter(b' ', entry.bytes).take(SPACES_MIN).count() == SPACES_MIN;
    memchr::memchr_iter(b' ', texts).take(SPACES_MIN).count() == SPACES_MIN && entries(codes, texts).any(is_sentence)
}

/// The frame of random tokens, and their lengths.
fn token_frame(codes: &[u8], texts: &[u8], spread: Spread) -> Option<(NewFrame, Vec<u8>)> {
    if !spread.is_random(RANDOM_CAPITALS_PART) {
        return None;
    }
    let mut sizes = [(Method::Base64, 0), (Method::Base64Url, 0), (Method::Capitals, 0)];
    for (part, alphabets) in entries(codes, texts).filter_map(|entry| token_part(entry.text?)) {
        for (method, size) in &mut sizes {
            *size += if alphabets & method.alphabet_bit() == 0 { 0 } else { part.len() };
        }
    }
    let [standard, url, capitals] = sizes;
    // What is in the small alphabet is in the large ones as well, but not as random as these would be.
    let (method, size) = match spread.is_random(RANDOM_BASE64_PART) {
        true if url.1 > standard.1 => url,
        true => standard,
        false => capitals,
    };
    // What does not fit stands loose: that must be the exception.
    if size < RANDOM_CHARACTERS_MIN || size * 4 < texts.len() * 3 {
        return None;
    }
    let (mut characters, mut loose) = (Vec::with_capacity(size + 3), Vec::new());
    for Entry { bytes, text } in entries(codes, texts) {
        let part = text.and_then(|text| Some((text, token_part(text)?)));
        match part.filter(|(_, (_, alphabets))| alphabets & method.alphabet_bit() != 0) {
            Some((text, (part, _))) => {
                put_number(&mut loose, (part.len() as u64) << 2 | (text.len() - part.len()) as u64);
                characters.extend_from_slice(part);
            }
            None => {
                put_number(&mut loose, (bytes.len() as u64) << 2 | VERBATIM);
                loose.extend_from_slice(bytes);
            }
        }
    }
    if !Spread::of(&characters).is_random(method.random_part()) {
        return None;
    }
    let bytes = method.bytes_of(&mut characters)?;
    Some((NewFrame { is_random: true, plain: characters, ..NewFrame::new(method, size, bytes) }, loose))
}

/// Of what stands loose beside a frame of tokens, what stands there as it is.
pub(crate) fn verbatim_of(loose: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lengths = Cursor::new(loose);
    std::iter::from_fn(move || {
        while !lengths.is_empty() {
            let number = lengths.index().ok()?;
            if (number & 3) as u64 == VERBATIM {
                return lengths.take(number >> 2).ok();
            }
        }
        None
    })
}

/// Of two random characters of base 64, 1 pair of 64 is the same; of random capitals and digits 1 of 36, of words 1 of 15.
/// With as many pairs or fewer, texts count as random.
const RANDOM_BASE64_PART: u64 = 47;
const RANDOM_CAPITALS_PART: u64 = 30;

/// How often two characters are the same: how random texts are.
#[derive(Debug, Clone, Copy)]
struct Spread {
    same: u64,
    pairs: u64,
}

impl Spread {
    /// Of some characters. The first ones tell.
    fn of(characters: &[u8]) -> Self {
        let characters = &characters[..characters.len().min(4 * OWN_FRAME_BYTES)];
        let mut counts = [0_u32; 256];
        characters.iter().for_each(|character| counts[usize::from(*character)] += 1);
        let same = counts.iter().map(|count| u64::from(*count) * u64::from(count.saturating_sub(1))).sum();
        let count = characters.len() as u64;
        Self { same, pairs: count * count.saturating_sub(1) }
    }

    /// Whether of two characters so small a part is the same: 1 of so many.
    fn is_random(self, part: u64) -> bool {
        self.same * part < self.pairs
    }
}

/// What stands among the texts of a column for one cell.
struct Entry<'a> {
    bytes: &'a [u8],
    /// `None` if it is not the whole text.
    text: Option<&'a [u8]>,
}

fn entries<'a>(codes: &'a [u8], texts: &'a [u8]) -> impl Iterator<Item = Entry<'a>> {
    let (mut codes, mut texts) = (Cursor::new(codes), Cursor::new(texts));
    std::iter::from_fn(move || {
        loop {
            let code = codes.code().ok()?;
            let start = texts.bytes;
            let text = match code {
                TEXT_CODE => Some(texts.text().ok()?),
                ENDING_CODE => {
                    texts.code().and_then(|_| texts.text()).ok()?;
                    None
                }
                _ => continue,
            };
            return Some(Entry { bytes: &start[..start.len() - texts.bytes.len()], text });
        }
    })
}

/// A text without the `=` at its end, and the alphabets that all of it is in, as their bits.
fn token_part(text: &[u8]) -> Option<(&[u8], u8)> {
    let mut part = text;
    while let Some(shorter) = part.strip_suffix(b"=")
        && text.len() - shorter.len() < VERBATIM as usize
    {
        part = shorter;
    }
    let alphabets = part.iter().fold(u8::MAX, |all, byte| all & ALPHABETS[usize::from(*byte)]);
    (!part.is_empty() && alphabets != 0).then_some((part, alphabets))
}

/// For each byte the alphabets that have it, as their bits.
pub(crate) const ALPHABETS: [u8; 256] = {
    let mut alphabets = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        alphabets[byte] = match byte as u8 {
            b'A'..=b'Z' | b'0'..=b'9' => 7,
            b'a'..=b'z' => 3,
            b'+' | b'/' => 1,
            b'-' | b'_' => 2,
            _ => 0,
        };
        byte += 1;
    }
    alphabets
};

/// Appends a frame to the list of a block's frames. `previous` is the column of the one before it.
pub(crate) fn put_frame(out: &mut Vec<u8>, column: u32, previous: u32, frame: &NewFrame) {
    put_number(out, u64::from(column - previous));
    let kind = frame.method as u64;
    put_number(out, (frame.size as u64) << 2 | kind.min(KIND_BEHIND));
    if kind >= KIND_BEHIND {
        put_number(out, kind);
    }
    if matches!(frame.method, Method::Packed | Method::Digits) {
        put_number(out, frame.bytes.len() as u64);
    }
    if frame.method == Method::Digits {
        put_number(out, frame.digit_count as u64);
    }
}

/// Reads the list of a block's frames.
pub(crate) fn read_frames(cursor: &mut Cursor<'_>) -> Result<Vec<FramePlace>, Damage> {
    let count = cursor.index()?;
    let mut frames = Vec::with_capacity(count.min(cursor.bytes.len()));
    let (mut column, mut start) = (0_u32, 0_usize);
    for place in 0..count {
        let step = cursor.code()?;
        column = column.checked_add(step).ok_or(Damage("a column is too large"))?;
        if place > 0 && step == 0 {
            return Err(Damage("a column has two frames"));
        }
        let number = cursor.index()?;
        let kind = match (number & 3) as u64 {
            KIND_BEHIND => cursor.number()?,
            kind => kind,
        };
        let (size, method) = (number >> 2, Method::read(kind)?);
        let length = match method {
            Method::Packed | Method::Digits => cursor.index()?,
            Method::Plain => size,
            tokens => size.div_ceil(tokens.group().0).saturating_mul(tokens.group().1),
        };
        let digit_count = if method == Method::Digits { cursor.index()? } else { 0 };
        if size > PART_BYTES_MAX || length > PART_BYTES_MAX || digit_count > PART_BYTES_MAX {
            return Err(Damage("a frame is too large"));
        }
        frames.push(FramePlace { column, method, size, bytes: start..start + length, digit_count, digits: 0..0 });
        start += length;
    }
    for frame in &mut frames {
        frame.digits = start..start + frame.digit_count.div_ceil(2);
        start = frame.digits.end;
    }
    Ok(frames)
}

/// Where the digits that were taken out of texts are, of all frames of a block.
pub(crate) fn digits_of(frames: &[FramePlace]) -> Range<usize> {
    match frames {
        [.., last] => last_end(frames)..last.digits.end,
        [] => 0..0,
    }
}

fn last_end(frames: &[FramePlace]) -> usize {
    frames.last().map_or(0, |frame| frame.bytes.end)
}

impl FramePlace {
    /// All characters of the frame, and others between them.
    pub(crate) fn characters(&self, frames: &[u8]) -> Result<Vec<u8>, Damage> {
        let bytes = frames.get(self.bytes.clone()).ok_or(Damage("a frame is missing"))?;
        match self.method {
            Method::Packed | Method::Digits => return unpack(bytes, self.size),
            Method::Plain => return Ok(bytes.to_vec()),
            _ => {}
        }
        let mut characters = Vec::with_capacity(self.size + 4);
        self.method.put_characters(bytes, &mut characters);
        characters.truncate(self.size);
        Ok(characters)
    }

    /// Appends the texts with their lengths. `loose` is what stands loose of the column.
    pub(crate) fn put_texts(&self, frames: &[u8], loose: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
        if self.method == Method::Digits {
            return self.put_whole_texts(frames, loose, out);
        }
        let characters = self.characters(frames)?;
        if !self.method.is_of_tokens() {
            out.extend_from_slice(&characters);
            return if loose.is_empty() { Ok(()) } else { Err(Damage("a column has texts in two places")) };
        }
        let (mut lengths, mut characters) = (Cursor::new(loose), Cursor::new(&characters));
        while !lengths.is_empty() {
            let number = lengths.index()?;
            let (length, kind) = (number >> 2, (number & 3) as u64);
            if kind == VERBATIM {
                out.extend_from_slice(lengths.take(length)?);
                continue;
            }
            put_number(out, length as u64 + kind);
            out.extend_from_slice(characters.take(length)?);
            out.extend_from_slice(&b"=="[..kind as usize]);
        }
        if characters.is_empty() { Ok(()) } else { Err(Damage("a frame has more texts than it says")) }
    }

    fn put_whole_texts(&self, frames: &[u8], loose: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
        let packed = match (self.size, loose.is_empty()) {
            (0, _) => Vec::new(),
            (_, true) => self.characters(frames)?,
            (_, false) => return Err(Damage("a column has texts in two places")),
        };
        let texts = if self.size == 0 { loose } else { &packed };
        self.put_back_digits(frames, texts, out)
    }

    /// Appends texts with their lengths, with the digits that were taken out of them.
    pub(crate) fn put_back_digits(&self, frames: &[u8], texts: &[u8], out: &mut Vec<u8>) -> Result<(), Damage> {
        let digits = frames.get(self.digits.clone()).ok_or(Damage("digits are missing"))?;
        let mut back = PutBack::new(texts, digits, self.digit_count);
        while let Some(whole) = back.next_text()? {
            whole.texts_between.into_iter().for_each(|count| put_number(out, count));
            put_text(out, whole.text);
        }
        Ok(())
    }

    /// Appends one of the texts of a frame of tokens, by its number, without the others. What stands beside the frame as
    /// it is, is given instead.
    pub(crate) fn put_token<'a>(
        &self,
        frames: &[u8],
        loose: &'a [u8],
        number: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, Damage> {
        let (mut lengths, mut start) = (Cursor::new(loose), 0_usize);
        for _ in 0..number {
            let entry = lengths.index()?;
            if (entry & 3) as u64 == VERBATIM {
                lengths.take(entry >> 2)?;
            } else {
                start = start.saturating_add(entry >> 2);
            }
        }
        let entry = lengths.index()?;
        let (length, kind) = (entry >> 2, (entry & 3) as u64);
        if kind == VERBATIM {
            return lengths.take(length).map(Some);
        }
        let end = start.checked_add(length).filter(|end| *end <= self.size).ok_or(Damage("a text is missing"))?;
        let (characters, of_group) = self.method.group();
        let range = start / characters * of_group..end.div_ceil(characters) * of_group;
        let bytes = frames.get(self.bytes.clone()).and_then(|bytes| bytes.get(range));
        let from = out.len();
        self.method.put_characters(bytes.ok_or(Damage("a frame is missing"))?, out);
        out.drain(from..from + start % characters);
        out.truncate(from + length);
        out.extend_from_slice(&b"=="[..kind as usize]);
        Ok(None)
    }

    /// Whether a text may be in the frame, or go on in its neighbour.
    pub(crate) fn may_have(&self, frames: &[u8], text: &FrameProbe) -> Result<bool, Damage> {
        let bytes = frames.get(self.bytes.clone()).ok_or(Damage("a frame is missing"))?;
        match self.method {
            Method::Digits if self.size == 0 => Ok(false),
            Method::Packed | Method::Digits => Ok(text.is_in(&unpack(bytes, self.size)?)),
            Method::Plain => Ok(text.is_in(bytes)),
            method => text.is_in_tokens(method, bytes, self.size, || self.characters(frames)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Codes and texts of a column; each fifth is a text that ends with an earlier one.
    fn column(texts: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
        let (mut codes, mut column) = (Vec::new(), Vec::new());
        for (number, text) in texts.iter().enumerate() {
            // A value between them has no text.
            codes.extend_from_slice(&[7, if number % 5 == 4 { ENDING_CODE as u8 } else { TEXT_CODE as u8 }]);
            if number % 5 == 4 {
                put_number(&mut column, 1);
            }
            put_text(&mut column, text);
        }
        (codes, column)
    }

    /// Random characters of an alphabet, the same ones each time.
    fn token(seed: u64, length: usize, alphabet: &[u8]) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[(state >> 11) as usize % alphabet.len()]
        };
        (0..length).map(|_| next()).collect()
    }

    const STANDARD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const CAPITALS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Stores texts and reads them again; gives the frame.
    fn store(texts: &[Vec<u8>]) -> Option<NewFrame> {
        let (codes, all) = column(texts);
        let mut loose = all.clone();
        let frame = make_frame(&codes, &mut loose).expect("makes a frame")?;
        let mut list = Vec::new();
        put_number(&mut list, 1);
        put_frame(&mut list, 7, 0, &frame);
        let place = read_frames(&mut Cursor::new(&list)).expect("a list").remove(0);
        let mut found = Vec::new();
        let stored = [&frame.bytes[..], &frame.digits].concat();
        place.put_texts(&stored, &loose, &mut found).expect("texts");
        assert_eq!(found, all);
        for text in texts.iter().filter(|text| !text.is_empty()) {
            let is_here = |bytes: &[u8]| memchr::memmem::find(bytes, text).is_some();
            let is_loose = frame.method.is_of_tokens() && verbatim_of(&loose).any(is_here);
            let probe = FrameProbe::new(text);
            let may_be_digits = probe.is_in_digits(&frame.digits)
                || probe.beside_digits().iter().any(|way| way.may_be_in(&frame.digits));
            let may_have = place.may_have(&stored, &probe).expect("a frame") || may_be_digits;
            assert!(is_loose || may_have || (frame.size == 0 && is_here(&loose)), "{text:?}");
        }
        Some(frame)
    }

    #[test]
    fn random_tokens_are_stored_as_bytes() {
        let tokens =
            |alphabet: &[u8], length| -> Vec<Vec<u8>> { (1..20).map(|seed| token(seed, length, alphabet)).collect() };
        let frame = store(&tokens(STANDARD, 75)).expect("a frame");
        assert_eq!((frame.method, frame.bytes.len()), (Method::Base64, (75_usize * 16).div_ceil(4) * 3));
        assert_eq!(store(&tokens(URL, 33)).expect("a frame").method, Method::Base64Url);
        let frame = store(&tokens(CAPITALS, 16)).expect("a frame");
        assert_eq!((frame.method, frame.bytes.len()), (Method::Capitals, (16_usize * 16).div_ceil(3) * 2));
        let mut mixed = tokens(CAPITALS, 17);
        mixed.push(b"5916da19-f172".to_vec());
        mixed.push(b"A=".to_vec());
        assert_eq!(store(&mixed).expect("a frame").method, Method::Capitals);
        let mut mixed = tokens(STANDARD, 76);
        mixed.iter_mut().for_each(|token| token.extend_from_slice(b"=="));
        mixed.push(b"not in base 64: \xFF".to_vec());
        mixed.push(b"===".to_vec());
        mixed.push(Vec::new());
        assert_eq!(store(&mixed).expect("a frame").method, Method::Base64);
        let frame = store(&tokens(b"0123456789abcdef", 75)).expect("a frame");
        assert_eq!((frame.method, frame.size, frame.digit_count), (Method::Digits, 0, 75 * 19));
        assert_eq!(store(&tokens(b"0123456789ghijkl", 75)).expect("a frame").method, Method::Packed);
        assert!(store(&tokens(b"0123456789ghijkl", 20)).is_none());
        assert!(store(&[b"user-1".to_vec(), b"user-2".to_vec()]).is_none());
    }

    #[test]
    fn sentences_have_a_frame_however_few_they_are() {
        let sentence = b"User: u is not authorized to perform: s3:PutObject".to_vec();
        let frame = store(&[b"no".to_vec(), sentence.clone()]).expect("a frame");
        assert_eq!((frame.method, frame.is_random), (Method::Plain, false));
        assert_eq!(store(&vec![sentence; 30]).expect("a frame").method, Method::Packed);
        assert!(store(&vec![b"Access Denied".to_vec(); 9]).is_none());
    }

    #[test]
    fn a_text_that_cannot_be_there_is_not() {
        let tokens: Vec<Vec<u8>> = (1..20).map(|seed| token(seed, 76, STANDARD)).collect();
        let frame = store(&tokens).expect("a frame");
        let place = FramePlace {
            column: 0,
            method: frame.method,
            size: frame.size,
            bytes: 0..frame.bytes.len(),
            digit_count: 0,
            digits: 0..0,
        };
        for absent in [&b"0.0.0.0/0"[..], b"no such text", b"a=b", b"Zeitgeist"] {
            assert!(!place.may_have(&frame.bytes, &FrameProbe::new(absent)).expect("a frame"), "{absent:?}");
        }
        let mut end = tokens[3][60..].to_vec();
        end.extend_from_slice(b"==");
        assert!(
            place.may_have(&frame.bytes, &FrameProbe::new(&end)).expect("a frame")
                && place.may_have(&frame.bytes, &FrameProbe::new(b"=")).expect("a frame")
        );
    }

    proptest! {
        #[test]
        fn any_texts_come_back(
            seeds in prop::collection::vec((any::<u64>(), 0..90_usize), 0..40),
            others in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5),
        ) {
            let mut texts: Vec<Vec<u8>> =
                seeds.iter().map(|(seed, length)| token(*seed, *length, if seed % 2 == 0 { STANDARD } else { URL })).collect();
            texts.extend(others);
            store(&texts);
        }

        #[test]
        fn capitals_come_back_among_others(
            seeds in prop::collection::vec((any::<u64>(), 1..60_usize), 5..40),
            others in prop::collection::vec("[a-z=]{0,3}", 0..3),
        ) {
            let mut texts: Vec<Vec<u8>> = seeds.iter().map(|(seed, length)| token(*seed, *length, CAPITALS)).collect();
            texts.extend(others.into_iter().map(String::into_bytes));
            store(&texts);
        }

        /// Tokens of few different characters, so that what is looked for begins in many places and mostly ends too early.
        #[test]
        fn parts_of_tokens_are_found_where_their_characters_have_them(
            token in "[Az/-]{0,90}",
            part in "[Az/-]{4,9}|[Az]{4,40}",
            from in 0..90_usize,
            length in 4..30_usize,
            (method, other) in prop_oneof![Just((Method::Base64, "-")), Just((Method::Base64Url, "/"))],
        ) {
            let token = token.replace(other, "z").into_bytes();
            let mut characters = token.clone();
            let bytes = method.bytes_of(&mut characters).expect("base 64");
            let place = FramePlace { column: 0, method, size: token.len(), bytes: 0..bytes.len(), digit_count: 0, digits: 0..0 };
            let own = token.get(from..(from + length).min(token.len())).unwrap_or_default();
            for part in [part.as_bytes(), own] {
                let is_there = memchr::memmem::find(&token, part).is_some();
                let found = place.may_have(&bytes, &FrameProbe::new(part)).expect("a frame");
                prop_assert_eq!(found, is_there, "{:?} in {:?}", part, token);
            }
        }

        #[test]
        fn damage_is_no_panic(bytes: Vec<u8>, loose: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            if let Ok(frames) = read_frames(&mut cursor) {
                for frame in frames.iter().filter(|frame| frame.size < 1 << 20) {
                    let _ = frame.put_texts(cursor.bytes, &loose, &mut Vec::new());
                    let _ = frame.may_have(cursor.bytes, &FrameProbe::new(b"text"));
                }
            }
        }
    }
}
