//! What a Host header says: a bucket, S3, another service of AWS, or nothing.

use super::HostNames;

/// Domains under which AWS serves its APIs.
///
/// Source: `dnsSuffix` and `dualStackDnsSuffix` of botocore's `partitions.json`.
const AWS_DOMAINS: [&str; 14] = [
    "amazonaws.com",
    "api.aws",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "api.aws.ic.gov",
    "sc2s.sgov.gov",
    "api.aws.scloud",
    "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws.hci.ic.gov",
];

/// Longest name that is looked at, in bytes: that of a DNS name in text.
const NAME_BYTES_MAX: usize = 253;

/// Most labels of an endpoint prefix, such as `data.jobs.iot`. A test holds the catalog to it.
pub(super) const PREFIX_LABELS_MAX: usize = 3;

/// What a Host header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// S3 in virtual-host style: `{bucket}.s3.{region}.amazonaws.com`, or `{bucket}.{own name}`.
    Bucket(&'a str),
    /// S3 itself; the path names the bucket.
    S3 {
        /// The endpoint of directory buckets, `s3express-control`.
        is_express: bool,
    },
    /// Another host of AWS: its labels before the domain, such as `api.ecr.us-east-1`.
    Aws(&'a str),
    /// Nothing: an address, one of our own names, or a name that means nothing to us.
    Other,
}

impl<'a> Host<'a> {
    /// Reads the value of a Host header.
    pub(super) fn parse(value: &'a str, hosts: &HostNames<'_>) -> Self {
        let name = match value.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => value,
        };
        let is_address = name.starts_with('[') || name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if is_address || name.len() > NAME_BYTES_MAX || hosts.own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Self::Other;
        }
        let of_own = hosts.own.iter().filter_map(|own| labels_before(name, own));
        if let Some(bucket) = of_own.min_by_key(|bucket| bucket.len()) {
            return Self::Bucket(bucket);
        }
        match AWS_DOMAINS.iter().find_map(|domain| labels_before(name, domain)) {
            Some(labels) => Self::of_aws(labels),
            None => Self::Other,
        }
    }

    /// The last label that is S3's decides: bucket names may hold dots, and labels that look like S3's.
    fn of_aws(labels: &'a str) -> Self {
        let mut end = labels.len();
        loop {
            let start = labels[..end].rfind('.').map_or(0, |dot| dot + 1);
            let label = &labels[start..end];
            if label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-") {
                // Before `s3-control` stands an account.
                return match start.checked_sub(1) {
                    Some(end) if end > 0 && label != "s3-control" => Self::Bucket(&labels[..end]),
                    _ => Self::S3 { is_express: label == "s3express-control" },
                };
            }
            match start.checked_sub(1) {
                Some(dot) => end = dot,
                None => return Self::Aws(labels),
            }
        }
    }
}

/// Whether a host name is one under which AWS serves its APIs.
pub fn is_aws_host(name: &str) -> bool {
    AWS_DOMAINS.iter().any(|domain| labels_before(name, domain).is_some())
}

/// Runs of whole labels, the earliest first, and of those the longest: the endpoint prefix of a service is one of them,
/// after labels of the caller (an account, an API) and before the region. FIPS endpoints add a suffix to it.
pub(super) fn label_runs(labels: &str) -> impl Iterator<Item = &str> {
    let starts = std::iter::once(0).chain(labels.match_indices('.').map(|(dot, _)| dot + 1));
    starts.flat_map(move |start| {
        let rest = &labels[start..];
        (1..=PREFIX_LABELS_MAX).rev().filter_map(move |count| {
            let mut ends = rest.match_indices('.').map(|(dot, _)| dot).chain(std::iter::once(rest.len()));
            let run = &rest[..ends.nth(count - 1)?];
            Some(run.strip_suffix("-fips").unwrap_or(run))
        })
    })
}

/// What stands before a domain, without the dot between; `None` when nothing does.
fn labels_before<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let dot = name.len().checked_sub(domain.len() + 1).filter(|dot| *dot > 0)?;
    let is_under = name.as_bytes()[dot] == b'.' && name.as_bytes()[dot + 1..].eq_ignore_ascii_case(domain.as_bytes());
    is_under.then(|| &name[..dot])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let own = ["localhost".to_owned(), "s3.localhost".to_owned(), "S3.example.org".to_owned()];
        for (value, expected) in [
            ("bucket.localhost:4600", Host::Bucket("bucket")),
            ("a.b.s3.localhost", Host::Bucket("a.b")),
            ("bucket.s3.EXAMPLE.org", Host::Bucket("bucket")),
            ("localhost:4600", Host::Other),
            ("s3.localhost", Host::Other),
            ("127.0.0.1:4600", Host::Other),
            ("[::1]:4600", Host::Other),
            ("example.com", Host::Other),
            ("", Host::Other),
            (".localhost", Host::Other),
            ("amazonaws.com", Host::Other),
            ("s3.amazonaws.com", Host::S3 { is_express: false }),
            ("s3-us-west-2.amazonaws.com", Host::S3 { is_express: false }),
            ("s3.dualstack.eu-west-1.amazonaws.com", Host::S3 { is_express: false }),
            ("my.bucket.s3.eu-west-1.amazonaws.com", Host::Bucket("my.bucket")),
            ("my.s3.bucket.s3-eu-west-1.amazonaws.com:443", Host::Bucket("my.s3.bucket")),
            ("s3-logs.s3.dualstack.eu-west-1.amazonaws.com", Host::Bucket("s3-logs")),
            ("b.s3.cn-north-1.amazonaws.com.cn", Host::Bucket("b")),
            ("ap-111122223333.s3-accesspoint.us-west-2.amazonaws.com", Host::Bucket("ap-111122223333")),
            ("ap-111122223333.op-1.s3-outposts.us-west-2.amazonaws.com", Host::Bucket("ap-111122223333.op-1")),
            ("b--use1-az5--x-s3.s3express-use1-az5.us-east-1.amazonaws.com", Host::Bucket("b--use1-az5--x-s3")),
            ("s3express-control.us-east-1.amazonaws.com", Host::S3 { is_express: true }),
            ("111122223333.s3-control.us-east-1.amazonaws.com", Host::S3 { is_express: false }),
            ("iam.amazonaws.com", Host::Aws("iam")),
            ("lambda.us-east-1.api.aws", Host::Aws("lambda.us-east-1")),
        ] {
            assert_eq!(Host::parse(value, &HostNames { own: &own }), expected, "{value}");
        }
    }

    #[test]
    fn runs_of_labels() {
        let runs: Vec<_> = label_runs("x.api.ecr-fips.r").collect();
        assert_eq!(runs, ["x.api.ecr", "x.api", "x", "api.ecr-fips.r", "api.ecr", "api", "ecr-fips.r", "ecr", "r"]);
    }
}
