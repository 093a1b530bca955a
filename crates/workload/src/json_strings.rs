//! Where the strings of a JSON text stand, and under which name, without changing a byte of it.

use std::ops::Range;

/// A string that is a value, not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StringValue<'a> {
    /// What stands between the quotes, escapes as they are.
    pub(crate) range: Range<usize>,
    /// The name that it stands under; elements of an array have the array's.
    pub(crate) name: &'a str,
    /// Objects around it: 1 for a member of the record itself.
    pub(crate) depth: usize,
}

/// Lists the string values of a JSON text that is known to be well formed.
pub(crate) fn string_values(text: &str) -> Vec<StringValue<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    // For every open bracket: the name of what it holds, and whether it is an object.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let mut name = "";
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let end = string_end(bytes, at + 1);
                let range = at + 1..end;
                at = end;
                if is_name(bytes, end + 1) && open.last().is_some_and(|(_, is_object)| *is_object) {
                    name = &text[range];
                } else {
                    let depth = open.iter().filter(|(_, is_object)| *is_object).count();
                    found.push(StringValue { range, name, depth });
                }
            }
            b'{' => open.push((name, true)),
            b'[' => open.push((name, false)),
            b'}' | b']' => {
                open.pop();
            }
            b',' => {
                // In an array the next value has the array's name again.
                if let Some((array, false)) = open.last() {
                    name = array;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn is_name(bytes: &[u8], after: usize) -> bool {
    bytes[after.min(bytes.len())..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::string_values;

    #[test]
    fn values_have_the_names_that_they_stand_under() {
        let text = r#"{"a": "x:", "b": {"c": ["y", {"d": "z\"}"}, "w"]}, "e": 1, "f": "q"}"#;
        let found: Vec<_> =
            string_values(text).iter().map(|value| (value.name, &text[value.range.clone()], value.depth)).collect();
        assert_eq!(found, [("a", "x:", 1), ("c", "y", 2), ("d", "z\\\"}", 3), ("c", "w", 2), ("f", "q", 1)]);
    }
}
