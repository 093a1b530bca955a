//! Words and digits that stand in random tokens by chance.
//!
//! A token has any letters, so that the groups of four bytes of a word are in the tokens of every segment. But six random
//! characters of base 64 are letters of one case one time in 230, and digits of base 16 one time in 4,096: those that are can
//! be listed. A word or a number that is looked for has some in a row; where they are not listed, it is in no token.

/// Characters in a row that are listed.
pub(crate) const RUN_BYTES: usize = 6;
/// Of both cases apart: each is a kind of its own.
const LOWER_DIGITS: u8 = 1;
const UPPER_DIGITS: u8 = 2;
const LOWER_LETTERS: u8 = 4;

/// What characters in a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunKind {
    /// Digits of base 16, all letters of one case. Letters may be that as well.
    Digits,
    /// Letters, lower case.
    Letters,
}

/// The kinds that a byte belongs to. Without a branch, which compilers make one instruction for many bytes of.
fn kinds_of(byte: u8) -> u8 {
    let is_number = u8::from(byte.wrapping_sub(b'0') < 10);
    let is_lower_digit = u8::from(byte.wrapping_sub(b'a') < 6) | is_number;
    let is_upper_digit = u8::from(byte.wrapping_sub(b'A') < 6) | is_number;
    let is_lower = u8::from(byte.wrapping_sub(b'a') < 26);
    (is_lower_digit * LOWER_DIGITS) | (is_upper_digit * UPPER_DIGITS) | (is_lower * LOWER_LETTERS)
}

/// Bytes that are looked at together.
const BYTES_AT_ONCE: usize = 256;

/// Visits all characters in a row of one kind.
pub(crate) fn visit_runs(text: &[u8], mut visit: impl FnMut(RunKind, &[u8; RUN_BYTES])) {
    const BESIDE: usize = RUN_BYTES - 1;
    let mut kinds = [0_u8; BYTES_AT_ONCE + BESIDE];
    let mut runs = [0_u8; BYTES_AT_ONCE];
    let mut start = 0;
    while start + RUN_BYTES <= text.len() {
        let part = &text[start..text.len().min(start + BYTES_AT_ONCE + BESIDE)];
        kinds.fill(0);
        for (kinds, byte) in kinds.iter_mut().zip(part) {
            *kinds = kinds_of(*byte);
        }
        for (at, run) in runs.iter_mut().enumerate() {
            *run = kinds[at] & kinds[at + 1] & kinds[at + 2] & kinds[at + 3] & kinds[at + 4] & kinds[at + 5];
        }
        for (eight, many) in runs.as_chunks::<8>().0.iter().enumerate() {
            if u64::from_ne_bytes(*many) == 0 {
                continue;
            }
            for (one, run) in many.iter().enumerate().filter(|(_, run)| **run != 0) {
                let Some(bytes) = part.get(eight * 8 + one..).and_then(<[u8]>::first_chunk) else { return };
                if run & (LOWER_DIGITS | UPPER_DIGITS) != 0 {
                    visit(RunKind::Digits, bytes);
                }
                if run & LOWER_LETTERS != 0 {
                    visit(RunKind::Letters, bytes);
                }
            }
        }
        start += BYTES_AT_ONCE;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_those_of_one_kind(text in "([a-g]{3,9}|[A-G0-2]{3,9}|[0-9a-f/]{5,7}|[a-zA-Z0-9+/]{0,30}){0,30}") {
            let mut found = Vec::new();
            visit_runs(text.as_bytes(), |kind, run| found.push((kind, run.to_vec())));
            let mut expected = Vec::new();
            for run in text.as_bytes().windows(RUN_BYTES) {
                let is_each = |test: fn(&u8) -> bool| run.iter().all(test);
                if is_each(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                    || is_each(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
                {
                    expected.push((RunKind::Digits, run.to_vec()));
                }
                if is_each(u8::is_ascii_lowercase) {
                    expected.push((RunKind::Letters, run.to_vec()));
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
