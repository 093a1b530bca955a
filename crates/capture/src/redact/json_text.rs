//! Texts that are JSON: a secret in them stands under its name as anywhere else.
//!
//! The text is read as it stands and keeps its spelling, but for the values of names that look secret. Names of conditions
//! in policies (`secretsmanager:ForceDeleteWithoutRecovery`) are no names of secrets.

use crate::redact::looks_secret;

/// The text with `hide` applied to each secret in it; `None` when it holds none, or is no JSON.
pub(crate) fn hide_in_text(text: &str, hide: impl Fn(&str) -> String) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut shown = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(key) = next_literal(text, at) {
        at = key.end + 1;
        let Some(colon) = after_blanks(text, at).filter(|&place| text.as_bytes()[place] == b':') else { continue };
        let Some(value) = after_blanks(text, colon + 1).and_then(|place| value_at(text, place)) else { continue };
        at = (value.end + 1).min(text.len());
        let name = &text[key.start..key.end];
        if !name.contains([':', '/']) && !value.is_empty() && looks_secret(name) {
            shown.push_str(&text[copied..value.start]);
            shown.push_str(&hide(&text[value.start..value.end]));
            copied = value.end;
        }
    }
    (copied > 0).then(|| shown + &text[copied..])
}

/// What stands between the quotes of the next string at or after a place.
fn next_literal(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let quote = from + text.get(from..)?.find('"')?;
    literal_at(text, quote)
}

/// The same of a value; one without an end goes to the end of the text.
fn value_at(text: &str, place: usize) -> Option<std::ops::Range<usize>> {
    let begins = text.as_bytes().get(place) == Some(&b'"');
    literal_at(text, place).or_else(|| begins.then_some(place + 1..text.len()))
}

/// What stands between the quotes of the string that begins at a place, if one does.
fn literal_at(text: &str, place: usize) -> Option<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    if bytes.get(place) != Some(&b'"') {
        return None;
    }
    let mut end = place + 1;
    loop {
        match bytes.get(end)? {
            b'"' => return Some(place + 1..end),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

fn after_blanks(text: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    rest.iter().position(|byte| !byte.is_ascii_whitespace()).map(|blanks| from + blanks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever a text breaks off, whatever stands around it: a secret of which all is there is not shown.
        #[test]
        fn no_secret_is_shown(before in "[a-z\"\\\\:, ]{0,12}", behind: String, cut in 0_usize..200) {
            let secret = "{\"password\":\"hunter2\"";
            let text = format!("{secret},{before}{behind}");
            let cut = (secret.len()..=text.len()).filter(|at| text.is_char_boundary(*at)).nth(cut).unwrap_or(text.len());
            let shown = hide_in_text(&text[..cut], |_| "X".to_owned()).expect("a secret");
            prop_assert!(!shown.starts_with(secret) && shown.starts_with("{\"password\":\"X\""), "{}", shown);
        }

        #[test]
        fn any_text_gets_an_answer(text in "[{\\[][\"\\\\:, a-zé]{0,40}") {
            let _ = hide_in_text(&text, |_| String::new());
            let _ = hide_in_text(&format!("{{\"secret\":{text}"), |_| String::new());
        }
    }

    #[test]
    fn secrets_are_hidden_where_they_stand() {
        for (text, expected) in [
            (r#"{"user":"ana", "password" : "hunter2"}"#, Some(r#"{"user":"ana", "password" : "X"}"#)),
            (
                r#" [{"a":{"apiKey":"k\"1\\","b":1}},{"Secret":"s"}] "#,
                Some(r#" [{"a":{"apiKey":"X","b":1}},{"Secret":"X"}] "#),
            ),
            // Half of a document hides as much.
            (r#"{"password":"hunter2","a":"b"#, Some(r#"{"password":"X","a":"b"#)),
            (r#"{"é":"ü","token":"ß"}"#, Some(r#"{"é":"ü","token":"X"}"#)),
            (r#"{"password":["hunter2"],"password":5,"password":""}"#, None),
            (r#"{"Condition":{"Bool":{"secretsmanager:ForceDeleteWithoutRecovery":"true"}}}"#, None),
            (r#"{"Version":"2012-10-17","Statement":[{"Action":"secretsmanager:GetSecretValue"}]}"#, None),
            (r#"password: "hunter2""#, None),
            (r#"{"password":"#, None),
            (r#"{"password""#, None),
            // What breaks off hides as much, and nothing that stood before it is shown.
            (r#"{"password":"x\"#, Some(r#"{"password":"X"#)),
            (r#"{"password":"hunter2","a":"#, Some(r#"{"password":"X","a":"#)),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(hide_in_text(text, |_| "X".to_owned()).as_deref(), expected, "{text}");
        }
    }
}
