//! Size limits of CloudTrail records, in bytes.
//!
//! Source: CloudTrail user guide, record contents; the same figures stand in the service quotas.

/// Whole event; larger ones never go to CloudWatch Logs or EventBridge.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// `userAgent`, `errorCode`, `errorMessage` and `requestID` are cut here, at a character boundary.
pub const SHORT_TEXT_BYTES_MAX: usize = 1024;
/// `requestParameters`, `responseElements` and `serviceEventDetails` are left out above this size of their JSON.
pub const PARAMETERS_BYTES_MAX: usize = 100 * 1024;
/// `additionalEventData` is left out above this size of its JSON.
pub const ADDITIONAL_DATA_BYTES_MAX: usize = 28 * 1024;

/// The longest prefix of `text` of at most `bytes_max` bytes that ends at a character boundary.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_character_boundaries() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("é", 1), "");
    }
}
