//! Where a piece stops being JSON. Only asked of pieces that somebody found broken, so that it may be plain.

use super::scan::is_space;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    /// A value, or the end of an empty array.
    ValueOrEnd,
    Key,
    /// A key, or the end of an empty object.
    KeyOrEnd,
    Colon,
    /// A comma, or the end of what is open.
    CommaOrEnd,
    Nothing,
}

/// The first byte that cannot be there, whatever follows. `None` when the piece is JSON or the beginning of some.
///
/// It knows values, strings, nesting and separators. Numbers and words are taken by their first byte, and the contents
/// of strings are free but for control characters: sound JSON that some parser does not like (lone surrogates, deep
/// nesting, odd numbers) must not look broken here.
pub(super) fn first_violation(bytes: &[u8]) -> Option<usize> {
    let mut expected = Expected::Value;
    let mut open_objects = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if is_space(byte) {
            at += 1;
            continue;
        }
        let is_value = matches!(expected, Expected::Value | Expected::ValueOrEnd);
        let may_close = |is_object: bool| {
            let is_empty = if is_object { Expected::KeyOrEnd } else { Expected::ValueOrEnd };
            (expected == is_empty || expected == Expected::CommaOrEnd) && open_objects.last() == Some(&is_object)
        };
        match byte {
            b'{' | b'[' if is_value => {
                open_objects.push(byte == b'{');
                expected = if byte == b'{' { Expected::KeyOrEnd } else { Expected::ValueOrEnd };
            }
            b'}' | b']' if may_close(byte == b'}') => {
                open_objects.pop();
                expected = after_value(&open_objects);
            }
            b'"' => {
                at = match end_of_string(bytes, at + 1)? {
                    Ok(end) => end,
                    Err(violation) => return Some(violation),
                };
                expected = match expected {
                    Expected::Value | Expected::ValueOrEnd => after_value(&open_objects),
                    Expected::Key | Expected::KeyOrEnd => Expected::Colon,
                    _ => return Some(at),
                };
            }
            b':' if expected == Expected::Colon => expected = Expected::Value,
            b',' if expected == Expected::CommaOrEnd => {
                expected = if open_objects.last() == Some(&true) { Expected::Key } else { Expected::Value };
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if is_value => {
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                at += bytes[at..].iter().take_while(|byte| is_word(byte)).count() - 1;
                expected = after_value(&open_objects);
            }
            _ => return Some(at),
        }
        at += 1;
    }
    None
}

fn after_value(open_objects: &[bool]) -> Expected {
    if open_objects.is_empty() { Expected::Nothing } else { Expected::CommaOrEnd }
}

/// Place of the closing quote, or of the byte that no string may hold; `None` when the string does not end.
fn end_of_string(bytes: &[u8], from: usize) -> Option<Result<usize, usize>> {
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(Ok(at)),
            b'\\' => at += 2,
            0..=0x1f => return Some(Err(at)),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_violation;

    #[test]
    fn sound_json_and_its_beginnings_are_whole() {
        let text = br#" {"a":[1,-2.5e3,{"b":null},[],{}],"c":"x\"\\\ud800","d":{"e":true}} "#;
        for end in 0..=text.len() {
            assert_eq!(first_violation(&text[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_first_wrong_byte_is_found() {
        for (text, at) in [
            (r#"{"a":"x,"b":1}"#, 9),
            (r#"{"a":1 {"#, 7),
            (r#"{"a":1,{"#, 7),
            (r#"{"a" 1}"#, 5),
            (r#"[1,]"#, 3),
            (r#"{"a":[1}"#, 7),
            (r#"{} {}"#, 3),
            ("{\"a\":\"x\ny\"}", 7),
            (r#"{a:1}"#, 1),
        ] {
            assert_eq!(first_violation(text.as_bytes()), Some(at), "{text}");
        }
    }
}
