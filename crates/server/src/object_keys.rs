//! Keys of objects in paths and queries.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What S3's signatures leave as it is.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// In a query a slash is escaped as well.
const UNESCAPED_IN_QUERY: &AsciiSet = &UNESCAPED.add(b'/');

/// A key in a path: all but letters, digits and `-._~/` as `%XX`.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, UNESCAPED).to_string()
}

/// A key, or anything else, as the value of a query parameter.
pub(crate) fn encode_value(value: &str) -> String {
    utf8_percent_encode(value, UNESCAPED_IN_QUERY).to_string()
}

/// A key as a list with `encoding-type=url` has it: AWS writes a space as a plus sign.
pub(crate) fn decode_listed(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read() {
        assert_eq!(encode_key("a(b)/AWSLogs/x y.gz"), "a%28b%29/AWSLogs/x%20y.gz");
        assert_eq!(encode_value("a/b=c~"), "a%2Fb%3Dc~");
        assert_eq!(decode_listed("a/x+y%2Bz%20").as_deref(), Some("a/x y+z "));
        assert_eq!(decode_listed("%FF"), None);
    }
}
