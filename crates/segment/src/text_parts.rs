//! Parts of a text that lie inside of one leaf or one name, wherever in a record the text is.
//!
//! A record is compact JSON, in which a bracket, a colon or a comma stands between tokens only beside few other bytes: a colon
//! between a quote and the begin of a value, for one. That of `06:71:c7` or of `arn:aws:s3:::` is inside of a string, and no
//! border. A quote always is one.

/// Whether a value may begin with a byte, or what is behind the text, which nobody knows.
fn may_begin_value(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'))
}

/// Whether a value may end with a byte, or what is before the text.
fn may_end_value(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b'"' | b'}' | b']' | b'0'..=b'9' | b'e' | b'l'))
}

/// Whether what stands behind a value may begin with a byte.
fn may_be_behind_value(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b',' | b'}' | b']'))
}

/// Whether what stands before a value may end with a byte.
fn may_be_before_value(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b':' | b',' | b'['))
}

/// Whether the byte at a place may stand between tokens, or be a quote.
fn may_be_border(text: &[u8], at: usize) -> bool {
    let (before, behind) = neighbours(text, at);
    match text[at] {
        b'"' => true,
        b':' => matches!(before, None | Some(b'"')) && may_begin_value(behind),
        b',' => may_end_value(before) && may_begin_value(behind),
        b'{' => may_be_before_value(before) && matches!(behind, None | Some(b'"' | b'}')),
        b'[' => may_be_before_value(before) && (may_begin_value(behind) || behind == Some(b']')),
        b'}' => (may_end_value(before) || before == Some(b'{')) && may_be_behind_value(behind),
        b']' => (may_end_value(before) || before == Some(b'[')) && may_be_behind_value(behind),
        _ => false,
    }
}

/// The bytes before and behind a place, as far as the text has them.
fn neighbours(text: &[u8], at: usize) -> (Option<u8>, Option<u8>) {
    (at.checked_sub(1).map(|before| text[before]), text.get(at + 1).copied())
}

/// Whether a quote may be where it is: it begins a string, ends one, or stands in one behind a backslash.
fn may_be_quote(text: &[u8], at: usize) -> bool {
    let (before, behind) = neighbours(text, at);
    let begins = matches!(before, None | Some(b'{' | b'[' | b',' | b':'));
    let ends = matches!(behind, None | Some(b',' | b':' | b'}' | b']'));
    begins || ends || before == Some(b'\\')
}

/// The parts of a text; `None` if no record has it.
pub(crate) fn parts_of(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in 0..text.len() {
        if text[at] == b'"' && !may_be_quote(text, at) {
            return None;
        }
        if may_be_border(text, at) {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parts_of;
    use crate::scan::Scan;

    fn parts(text: &str) -> Option<Vec<String>> {
        let owned = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        parts_of(text.as_bytes()).map(|parts| parts.into_iter().map(owned).collect())
    }

    #[test]
    fn borders_are_where_tokens_may_end() {
        let check = |text: &str, expected: &[&str]| assert_eq!(parts(text).expect(text), expected, "{text}");
        check("06:71:c7", &["06:71:c7"]);
        check("arn:aws:s3:::a", &["arn:aws:s3:::a"]);
        check(":::a", &[":::a"]);
        check(r#""bucketName":"f"#, &["bucketName", "f"]);
        // What is behind the last bracket is not known.
        check(r#"x","userAgent":"[a, b{c}]"#, &["x", "userAgent", "[a, b{c}"]);
        check("443,", &["443"]);
        check("read, write", &["read, write"]);
        check(r#"{"a":[1,2],"#, &["a", "1", "2"]);
        check(r#"\"Version\":\"2012"#, &["\\", "Version\\", ":\\", "2012"]);
        assert_eq!(parts(r#"date="Sat"#), None);
        assert_eq!(parts(r#""a": "b"#), None);
    }

    /// JSON of any kind, with everything inside of strings that also stands between tokens.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let text = r#"[a:,{}"\[\]\\1 -]{0,6}"#;
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            (-200..200_i64).prop_map(serde_json::Value::from),
            (-20_i32..20).prop_map(|number| serde_json::Value::from(f64::from(number) * 1e19)),
            text.prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(text, inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// Each part of any text of a record is in one of its leaves or in its shapes.
        #[test]
        fn parts_are_in_one_leaf_or_shape(value in json(), from in 0..400_usize, length in 1..30_usize) {
            let record = serde_json::json!({ "a": value, "eventName": "b:c" }).to_string();
            let from = from % record.len();
            let text = &record.as_bytes()[from..record.len().min(from + length)];
            let parts = parts_of(text);
            prop_assert!(parts.is_some(), "{} of {record}", String::from_utf8_lossy(text));
            let mut scan = Scan::default();
            scan.read(record.as_bytes()).expect("a record");
            let leaves = scan.leaves.iter().map(|leaf| &record.as_bytes()[leaf.start as usize..leaf.end as usize]);
            let places: Vec<&[u8]> = leaves.chain([&scan.shapes[..]]).collect();
            for part in parts.unwrap_or_default() {
                let is_there = places.iter().any(|place| memchr::memmem::find(place, part).is_some());
                prop_assert!(is_there, "{} of {record}", String::from_utf8_lossy(part));
            }
        }
    }
}
