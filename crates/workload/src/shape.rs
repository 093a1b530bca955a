//! Random texts of the shape of a given one: the same length, the same alphabet, the same marks between.

use crate::random::Random;

const HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Positions of the hyphens of a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Bytes of a UUID's text.
pub(crate) const UUID_BYTES: usize = 36;
/// Bytes of the kind at the front of AWS's unique ids and access keys: AKIA, AIDA, AROA and others.
const KIND_BYTES: usize = 4;

/// How a random text looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A UUID of version 4.
    Uuid,
    /// A first part that stays, then letters of an alphabet where the sample has letters and digits.
    Text { sample: Box<[u8]>, kept_bytes: usize, alphabet: &'static [u8] },
}

impl Shape {
    /// The shape of a request id, a host id, a token.
    pub(crate) fn of(sample: &str) -> Self {
        Self::keeping(sample, 0)
    }

    /// The shape of an access key or unique id, whose first four letters tell what it is.
    pub(crate) fn of_unique_id(sample: &str) -> Self {
        Self::keeping(sample, KIND_BYTES.min(sample.len()))
    }

    fn keeping(sample: &str, kept_bytes: usize) -> Self {
        if is_uuid(sample.as_bytes()) {
            return Self::Uuid;
        }
        let bytes = sample.as_bytes();
        let letters = || bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
        let alphabet: &'static [u8] = if letters().all(u8::is_ascii_digit) {
            &HEX[..10]
        } else if letters().all(|byte| HEX.contains(byte)) {
            HEX
        } else if letters().all(|byte| !byte.is_ascii_lowercase()) {
            UPPER
        } else if bytes.iter().any(|byte| matches!(byte, b'+' | b'/')) {
            BASE64
        } else {
            ALPHANUMERIC
        };
        Self::Text { sample: bytes.into(), kept_bytes, alphabet }
    }

    pub(crate) fn write(&self, random: &mut Random, out: &mut Vec<u8>) {
        match self {
            Self::Uuid => write_uuid(random, out),
            Self::Text { sample, kept_bytes, alphabet } => {
                let (kept, rest) = sample.split_at(*kept_bytes);
                out.extend_from_slice(kept);
                let has_base64 = alphabet.len() == BASE64.len();
                let mut bits = 0;
                let mut bits_left = 0;
                for &byte in rest {
                    let varies = byte.is_ascii_alphanumeric() || (has_base64 && matches!(byte, b'+' | b'/'));
                    if !varies {
                        out.push(byte);
                        continue;
                    }
                    if bits_left == 0 {
                        bits = random.next();
                        bits_left = 6;
                    }
                    out.push(alphabet[(((bits & 0x3ff) * alphabet.len() as u64) >> 10) as usize]);
                    bits >>= 10;
                    bits_left -= 1;
                }
            }
        }
    }
}

/// Appends `count` hexadecimal digits of a number, the lowest first.
pub(crate) fn write_hex(mut bits: u64, count: usize, out: &mut Vec<u8>) {
    for _ in 0..count.min(16) {
        out.push(HEX[(bits & 15) as usize]);
        bits >>= 4;
    }
}

/// Appends `count` capital letters and digits.
pub(crate) fn write_upper(random: &mut Random, count: usize, out: &mut Vec<u8>) {
    for _ in 0..count {
        out.push(UPPER[random.below(36) as usize]);
    }
}

/// Appends `count` letters and digits.
pub(crate) fn write_alphanumeric(random: &mut Random, count: usize, out: &mut Vec<u8>) {
    for _ in 0..count {
        out.push(ALPHANUMERIC[random.below(62) as usize]);
    }
}

pub(crate) fn write_uuid(random: &mut Random, out: &mut Vec<u8>) {
    let mut text = [b'-'; UUID_BYTES];
    let mut halves = [random.next(), random.next()];
    let mut digit = 0;
    for (at, letter) in text.iter_mut().enumerate() {
        if HYPHENS.contains(&at) {
            continue;
        }
        let half = &mut halves[digit / 16];
        *letter = HEX[(*half & 15) as usize];
        *half >>= 4;
        digit += 1;
    }
    text[14] = b'4';
    text[19] = HEX[8 + usize::from(text[19] & 3)];
    out.extend_from_slice(&text);
}

pub(crate) fn is_uuid(text: &[u8]) -> bool {
    text.len() == UUID_BYTES
        && text.iter().enumerate().all(|(at, byte)| {
            if HYPHENS.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase() }
        })
}

#[cfg(test)]
mod tests {
    use super::{Shape, is_uuid};
    use crate::random::Random;

    fn one(shape: &Shape) -> String {
        let mut out = Vec::new();
        shape.write(&mut Random::new(3), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn random_texts_look_like_their_samples() {
        assert!(is_uuid(one(&Shape::of("f6e5a1c0-1111-4222-8333-abcdefabcdef")).as_bytes()));
        let request = one(&Shape::of("6CMDFG82FYGHNE65"));
        assert!(request.len() == 16 && request.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        let host = one(&Shape::of("OtAKQjW6deMu/59ZrbXhqqJRuz55nIb5aR/Dqh18iz2DxVloK4m1Nfre+2xVDwihvkLpRIujsdE="));
        assert!(host.len() == 76 && host.ends_with('='), "{host}");
        let key = one(&Shape::of_unique_id("ASIAIOSFODNN7EXAMPLE"));
        assert!(key.len() == 20 && key.starts_with("ASIA") && !key.contains("EXAMPLE"));
    }
}
