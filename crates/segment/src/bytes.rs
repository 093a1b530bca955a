//! Numbers and texts as bytes.

/// Bytes are not what the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the segment is damaged: {0}")]
pub struct Damage(pub &'static str);

/// Appends a number in base 128, low digits first.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number that may be negative; small ones of either sign are short.
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Appends a text with its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Reads from the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, Damage> {
        match *self.bytes {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(byte))
            }
            [low, high, ref rest @ ..] if high < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for (index, &byte) in self.bytes.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.bytes = &self.bytes[index + 1..];
                return Ok(number);
            }
        }
        Err(Damage("a number is cut"))
    }

    #[inline]
    pub(crate) fn index(&mut self) -> Result<usize, Damage> {
        usize::try_from(self.number()?).map_err(|_| Damage("a number is too large"))
    }

    #[inline]
    pub(crate) fn code(&mut self) -> Result<u32, Damage> {
        u32::try_from(self.number()?).map_err(|_| Damage("a code is too large"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Damage> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Damage("bytes are missing"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], Damage> {
        let count = self.index()?;
        self.take(count)
    }
}

/// A list of ascending numbers, as the steps between them.
pub(crate) fn put_ascending(out: &mut Vec<u8>, numbers: &[u32]) {
    put_steps_between(out, numbers.iter().copied());
}

/// The same of numbers that come from elsewhere.
pub(crate) fn put_steps_between(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    let mut next = 0;
    for number in numbers {
        put_number(out, u64::from(number - next));
        next = number + 1;
    }
}

/// Reads what [`put_ascending`] wrote, to the end of the bytes.
pub(crate) fn read_ascending(bytes: &[u8]) -> Result<Vec<u32>, Damage> {
    let mut cursor = Cursor::new(bytes);
    let mut numbers = Vec::with_capacity(bytes.len());
    let mut next = 0_u32;
    while !cursor.is_empty() {
        numbers.push(read_step(&mut cursor, &mut next)?);
    }
    Ok(numbers)
}

/// Reads so many of the numbers that [`put_steps_between`] wrote.
pub(crate) fn read_steps_between(cursor: &mut Cursor<'_>, count: usize, numbers: &mut Vec<u32>) -> Result<(), Damage> {
    let mut next = 0_u32;
    for _ in 0..count {
        numbers.push(read_step(cursor, &mut next)?);
    }
    Ok(())
}

fn read_step(cursor: &mut Cursor<'_>, next: &mut u32) -> Result<u32, Damage> {
    let number = next.checked_add(cursor.code()?).ok_or(Damage("a list does not ascend"))?;
    *next = number.saturating_add(1);
    Ok(number)
}

/// Takes the checksum from the end of bytes, if it is theirs.
pub(crate) fn checked(bytes: &[u8]) -> Result<&[u8], Damage> {
    let (bytes, checksum) = bytes.split_last_chunk::<4>().ok_or(Damage("a part is cut"))?;
    if crc32c::crc32c(bytes) == u32::from_le_bytes(*checksum) { Ok(bytes) } else { Err(Damage("a checksum is wrong")) }
}

/// Whether two texts are the same. Eight bytes at a time, because most are too short to be worth a call.
#[inline]
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    const EIGHTS_MAX: usize = 8;
    if left.len() != right.len() {
        return false;
    }
    let word = |eight: &[u8; 8]| u64::from_le_bytes(*eight);
    match (left.last_chunk::<8>(), right.last_chunk::<8>()) {
        (Some(_), Some(_)) if left.len() > EIGHTS_MAX * 8 => left == right,
        (Some(left_end), Some(right_end)) => {
            // The last eight may have been compared in part before.
            let eights = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
            let differing = eights.fold(0, |bits, (left, right)| bits | (word(left) ^ word(right)));
            differing | (word(left_end) ^ word(right_end)) == 0
        }
        _ => {
            let four = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
            match (left.first_chunk::<4>(), right.first_chunk::<4>(), left.last_chunk::<4>(), right.last_chunk::<4>()) {
                (Some(a), Some(b), Some(c), Some(d)) => (four(a) ^ four(b)) | (four(c) ^ four(d)) == 0,
                _ => left.iter().zip(right).all(|(left, right)| left == right),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Cursor, Damage, equal, put_number};

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec((any::<u64>(), 0..64_u32), 0..20), cut: prop::sample::Index) {
            let numbers: Vec<u64> = numbers.into_iter().map(|(number, shift)| number >> shift).collect();
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| put_number(&mut bytes, *number));
            let mut cursor = Cursor::new(&bytes);
            for number in &numbers {
                prop_assert_eq!(cursor.number(), Ok(*number));
            }
            prop_assert!(cursor.is_empty());
            let mut cursor = Cursor::new(&bytes[..cut.index(bytes.len() + 1)]);
            let whole = numbers.iter().take_while(|number| cursor.number() == Ok(**number)).count();
            prop_assert!(whole == numbers.len() || cursor.number() == Err(Damage("a number is cut")));
        }

        #[test]
        fn texts_are_equal_where_all_bytes_are(text in prop::collection::vec(any::<u8>(), 0..100), place: prop::sample::Index, bit in 0..8_u32) {
            prop_assert!(equal(&text, &text.clone()));
            prop_assert!(!equal(&text, &[&text[..], b"x"].concat()));
            let mut other = text.clone();
            if let Some(byte) = other.get_mut(place.index(text.len().max(1))) {
                *byte ^= 1_u8 << bit;
                prop_assert!(!equal(&text, &other));
            }
        }
    }
}
