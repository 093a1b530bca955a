//! The percent-encoding that signatures use.

use std::borrow::Cow;

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `bytes`, everything but `A-Z a-z 0-9 - . _ ~` and the bytes in `kept` as `%XY` with upper-case digits.
pub(super) fn encode_into(out: &mut String, bytes: impl IntoIterator<Item = u8>, kept: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(UPPER_HEX[usize::from(byte >> 4)]));
            out.push(char::from(UPPER_HEX[usize::from(byte & 15)]));
        }
    }
}

/// Decodes one name or value of a query, where `+` is a space. Bytes that are no UTF-8 become U+FFFD: the parameters
/// read this way are ASCII, and the signature is computed from bytes and never from this.
pub(crate) fn decode_query_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = decode_query(text).collect();
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a path: `%XY` decoded, everything else as it is.
pub(super) fn decode_path(text: &str) -> impl Iterator<Item = u8> + '_ {
    decode(text, b'+')
}

/// The bytes of one name or value of a query, where `+` is a space, as every AWS service reads it.
pub(super) fn decode_query(text: &str) -> impl Iterator<Item = u8> + '_ {
    decode(text, b' ')
}

/// Decodes `%XY`, and a raw plus into `plus`: a literal one arrives as `%2B`, so they can be told apart only here.
/// A `%` without two digits stays as it is.
fn decode(text: &str, plus: u8) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text.as_bytes().iter();
    std::iter::from_fn(move || {
        let byte = *rest.next()?;
        if byte == b'+' {
            return Some(plus);
        }
        if byte != b'%' {
            return Some(byte);
        }
        let [high, low, ..] = rest.as_slice() else { return Some(byte) };
        let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) else {
            return Some(byte);
        };
        rest.nth(1);
        u8::try_from(high * 16 + low).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_upper_case_and_keeps_what_it_is_told() {
        let mut out = String::new();
        encode_into(&mut out, "a b/ሴ~%".bytes(), b"/");
        assert_eq!(out, "a%20b/%E1%88%B4~%25");
    }

    #[test]
    fn decodes_what_is_encoded_and_leaves_the_rest() {
        let text = |text: &str| String::from_utf8(decode_query(text).collect()).expect("utf-8");
        assert_eq!(text("a+b%2Bc%20d"), "a b+c d");
        assert_eq!(text("100%"), "100%");
        assert_eq!(text("%4"), "%4");
        assert_eq!(text("%zz%41"), "%zzA");
        assert_eq!(text("%e1%88%B4"), "ሴ");
    }
}
