//! The region that the host of a request names, for calls without a signature.

use http::HeaderMap;
use http::header::HOST;
use model::Region;

/// Ends of the host names of AWS's endpoints.
const ENDPOINT_ENDS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

/// The region in a host such as `sts.eu-west-1.amazonaws.com`; `None` for hosts that are not AWS's or name none.
pub(crate) fn region_of_host(headers: &HeaderMap) -> Option<Region> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let host = host.split(':').next().unwrap_or(host);
    let labels = ENDPOINT_ENDS.iter().find_map(|end| host.strip_suffix(end))?;
    // It is always the last one; a bucket before it may look like a region.
    let last = labels.rsplit('.').next().filter(|label| has_form_of_region(label))?;
    Region::parse(last).ok()
}

/// Whether a label is like `eu-west-1` or `us-gov-east-1`.
fn has_form_of_region(label: &str) -> bool {
    let mut parts = label.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let starts_short = words.last().is_some_and(|word| (2..=4).contains(&word.len()));
    matches!(number.as_bytes(), [b'0'..=b'9'])
        && (2..=3).contains(&words.len())
        && starts_short
        && words.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_name_their_region() {
        for (host, region) in [
            ("sts.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sts.us-gov-east-1.amazonaws.com:443", Some("us-gov-east-1")),
            ("b.s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("my-bucket-1.s3.amazonaws.com", None),
            ("sts.amazonaws.com", None),
            ("sts.eu-west-1.example.com", None),
            ("localhost:4600", None),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(region_of_host(&headers).as_ref().map(Region::as_str), region, "{host}");
        }
    }
}
