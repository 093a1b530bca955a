//! Percent-decoding.

use std::borrow::Cow;

/// Decodes `%XX`, and `+` to a blank where `plus_is_blank`. What is not UTF-8 afterwards is replaced, so that a record
/// stays valid JSON.
pub(crate) fn decode(text: &str, plus_is_blank: bool) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || (plus_is_blank && byte == b'+')) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        match (byte, hex_pair(bytes.get(index + 1..index + 3))) {
            (b'%', Some(value)) => {
                decoded.push(value);
                index += 2;
            }
            (b'+', _) if plus_is_blank => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        index += 1;
    }
    match String::from_utf8(decoded) {
        Ok(text) => Cow::Owned(text),
        Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

fn hex_pair(pair: Option<&[u8]>) -> Option<u8> {
    let [high, low] = pair? else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes() {
        for (text, plus, expected) in [
            ("a", true, "a"),
            ("a%20b", false, "a b"),
            ("a+b", false, "a+b"),
            ("a+b", true, "a b"),
            ("%", false, "%"),
            ("%2", false, "%2"),
            ("%zz", false, "%zz"),
            ("%C3%A9", false, "é"),
            ("%FF", false, "\u{fffd}"),
        ] {
            assert_eq!(decode(text, plus), expected, "{text}");
        }
    }
}
