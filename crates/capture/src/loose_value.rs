//! Texts of a generic XML document to JSON: `true` and `false` become truth values and digits become numbers.

use serde_json::Value as Json;

/// The JSON of a text, its type guessed as the services' generic XML-to-JSON conversion guesses it.
pub(crate) fn guess(text: &str) -> Json {
    match text {
        "true" => return Json::Bool(true),
        "false" => return Json::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts_as_number = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if !starts_as_number || has_leading_zero || text == "-0" {
        return Json::String(text.to_owned());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().map_or_else(|_| Json::String(text.to_owned()), Json::from);
    }
    let is_decimal = digits.bytes().filter(|byte| *byte == b'.').count() == 1
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && !digits.ends_with('.');
    match text.parse::<f64>() {
        Ok(number) if is_decimal && number.is_finite() => Json::from(number),
        _ => Json::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_types() {
        for (text, json) in [
            ("true", "true"),
            ("false", "false"),
            ("True", r#""True""#),
            ("100", "100"),
            ("-5", "-5"),
            ("0", "0"),
            ("007", r#""007""#),
            ("1.5", "1.5"),
            ("10.0.0.0", r#""10.0.0.0""#),
            ("10.0.0.0/16", r#""10.0.0.0/16""#),
            ("2023-07-10", r#""2023-07-10""#),
            ("98765432109876543210", r#""98765432109876543210""#),
            ("", r#""""#),
            ("vpc-1", r#""vpc-1""#),
        ] {
            assert_eq!(guess(text).to_string(), json, "{text}");
        }
    }
}
