//! Looks for a text in frames.

use aho_corasick::packed::Searcher;
use memchr::memmem::Finder;

use crate::bytes::Damage;
use crate::frames::{ALPHABETS, Method};
use crate::hex_digits::{BesideDigits, DigitsProbe};

/// A text that is looked for in frames.
#[derive(Debug)]
pub(crate) struct FrameProbe {
    finder: Finder<'static>,
    /// The same without the `=` at its end, which is not in a frame of tokens.
    part: Finder<'static>,
    /// Alphabets that all of the part is in, as their bits.
    alphabets: u8,
    shifted: [Option<ShiftedToken>; 2],
    digits: Option<DigitsProbe>,
    beside_digits: Vec<BesideDigits>,
}

impl FrameProbe {
    pub(crate) fn new(text: &[u8]) -> Self {
        let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
        let part = &text[..end];
        let alphabets = part.iter().fold(u8::MAX, |all, byte| all & ALPHABETS[usize::from(*byte)]);
        let shifted = |method: Method| {
            (alphabets & method.alphabet_bit() != 0).then(|| ShiftedToken::new(part, method)).flatten()
        };
        let shifted = [shifted(Method::Base64), shifted(Method::Base64Url)];
        Self {
            finder: Finder::new(text).into_owned(),
            part: Finder::new(part).into_owned(),
            alphabets,
            shifted,
            digits: DigitsProbe::new(text),
            beside_digits: BesideDigits::ways_of(text),
        }
    }

    /// Whether a frame's texts have it.
    pub(crate) fn is_in(&self, texts: &[u8]) -> bool {
        self.finder.find(texts).is_some()
    }

    /// Whether it may be among digits that were taken out of texts.
    pub(crate) fn is_in_digits(&self, digits: &[u8]) -> bool {
        self.digits.as_ref().is_some_and(|probe| probe.is_in(digits))
    }

    /// Ways in which a part of it may be among digits that were taken out of texts.
    pub(crate) fn beside_digits(&self) -> &[BesideDigits] {
        &self.beside_digits
    }

    /// Whether it may be in a frame of tokens, or go on in its neighbour: among the first characters, as many as `size`, that
    /// some bytes stand for. These are written out only where there is no other way.
    pub(crate) fn is_in_tokens(
        &self,
        method: Method,
        bytes: &[u8],
        size: usize,
        characters: impl FnOnce() -> Result<Vec<u8>, Damage>,
    ) -> Result<bool, Damage> {
        if self.alphabets & method.alphabet_bit() == 0 {
            return Ok(false);
        }
        let shifted = match method {
            Method::Base64 => self.shifted[0].as_ref(),
            Method::Base64Url => self.shifted[1].as_ref(),
            _ => None,
        };
        match shifted {
            Some(shifted) => Ok(shifted.is_in(bytes, size)),
            None => Ok(self.part.find(&characters()?).is_some()),
        }
    }
}

/// A part of a token in base 64 as the bytes that it stands for, for each place in a group of four characters where it
/// may begin. To look for these in what is stored costs half of writing its characters out.
#[derive(Debug)]
struct ShiftedToken {
    part: Vec<u8>,
    method: Method,
    searcher: Searcher,
}

impl ShiftedToken {
    /// Fewest characters: shorter ones are all of hardly more than a byte, which is everywhere.
    const CHARACTERS_MIN: usize = 4;
    /// For each place of its first character in a group, the first byte that it has for itself, from the group's first.
    const FIRST_BYTES: [usize; 4] = [0, 1, 2, 3];

    /// `None` if it is too short, or the machine has no quick way to look for it.
    fn new(part: &[u8], method: Method) -> Option<Self> {
        if part.len() < Self::CHARACTERS_MIN {
            return None;
        }
        let whole_bytes = |place: usize| {
            let mut characters = vec![b'A'; place];
            characters.extend_from_slice(part);
            let end = characters.len() * 6 / 8;
            characters.resize(characters.len().next_multiple_of(4), b'A');
            let bytes = method.base64().decode_to_vec(&characters).ok()?;
            bytes.get(Self::FIRST_BYTES[place]..end).map(<[u8]>::to_vec)
        };
        let patterns = (0..4).map(whole_bytes).collect::<Option<Vec<_>>>()?;
        Some(Self { part: part.to_vec(), method, searcher: Searcher::new(patterns)? })
    }

    /// Whether it is among the first characters, as many as `size`, that some bytes stand for.
    fn is_in(&self, bytes: &[u8], size: usize) -> bool {
        let mut from = 0;
        while let Some(found) = self.searcher.find_in(bytes, (from..bytes.len()).into()) {
            if (0..4).any(|place| self.is_at(bytes, size, found.start(), place)) {
                return true;
            }
            from = found.start() + 1;
        }
        false
    }

    /// Whether it begins at a place of a group, and its first whole byte is at `at`.
    fn is_at(&self, bytes: &[u8], size: usize, at: usize, place: usize) -> bool {
        let Some(group) = at.checked_sub(Self::FIRST_BYTES[place]).filter(|group| group % 3 == 0) else { return false };
        let end = place + self.part.len();
        let Some(groups) = bytes.get(group..group + end.div_ceil(4) * 3) else { return false };
        let characters = self.method.base64().encode_to_string(groups);
        group / 3 * 4 + end <= size && characters.as_bytes().get(place..end) == Some(&self.part)
    }
}
