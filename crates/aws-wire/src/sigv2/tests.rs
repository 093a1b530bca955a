//! The worked examples of the Amazon S3 user guide, and what must not pass.

use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::sigv4::{Presented, parse};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SKEW: Duration = Duration::from_secs(15 * 60);
const URL: &str = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&\
                   Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";

/// What a request is told, at the time of its `Date` or at `now`.
fn check(
    (method, target): (&str, &str),
    bucket_in_host: Option<&str>,
    headers: &[(&str, &str)],
    now: Option<i64>,
) -> Result<(), SigV4Error> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).expect("a name"), HeaderValue::from_str(value).expect("a value"));
    }
    let method = Method::try_from(method).expect("a method");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let head = RequestHead { method: &method, path, query, headers: &map };
    let presented = parse(&head).expect("readable");
    let Presented::SigV2 { access_key_id, placement } = &presented else { panic!("{presented:?}") };
    let date = map.get(DATE).and_then(|date| AmzDate::parse_date_header(date.to_str().ok()?));
    let now = now.map(EventTime::from_seconds).or_else(|| date.map(|date| date.time())).expect("a time");
    let secret = SecretAccessKey::parse(SECRET).expect("a secret");
    SignedByV2 { head: &head, bucket_in_host, access_key_id, placement: *placement }.verify(&secret, now, SKEW)
}

fn authorization(signature: &str) -> String {
    format!("AWS AKIAIOSFODNN7EXAMPLE:{signature}")
}

#[test]
fn the_guides_examples_are_true() {
    type Example =
        (&'static str, &'static str, Option<&'static str>, &'static [(&'static str, &'static str)], &'static str);
    let examples: &[Example] = &[
        (
            "GET",
            "/photos/puppy.jpg",
            Some("johnsmith"),
            &[("date", "Tue, 27 Mar 2007 19:36:42 +0000")],
            "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
        ),
        (
            "PUT",
            "/photos/puppy.jpg",
            Some("johnsmith"),
            &[("date", "Tue, 27 Mar 2007 21:15:45 +0000"), ("content-type", "image/jpeg")],
            "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
        ),
        (
            "GET",
            "/?prefix=photos&max-keys=50&marker=puppy",
            Some("johnsmith"),
            &[("date", "Tue, 27 Mar 2007 19:42:41 +0000")],
            "htDYFYduRNen8P9ZfE/s9SuKy0U=",
        ),
        (
            "GET",
            "/?acl",
            Some("johnsmith"),
            &[("date", "Tue, 27 Mar 2007 19:44:46 +0000")],
            "c2WLPFtWHVgbEmeEG93a4cG37dM=",
        ),
        (
            "PUT",
            "/db-backup.dat.gz",
            Some("static.johnsmith.net"),
            &[
                ("date", "Tue, 27 Mar 2007 21:06:08 +0000"),
                ("x-amz-acl", "public-read"),
                ("content-type", "application/x-download"),
                ("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
                ("x-amz-meta-reviewedby", "joe@johnsmith.net"),
                ("x-amz-meta-reviewedby", "jane@johnsmith.net"),
                ("x-amz-meta-filechecksum", "0x02661779"),
                ("x-amz-meta-checksumalgorithm", "crc32"),
            ],
            "ilyl83RwaSoYIEdixDQcA4OnAnc=",
        ),
        ("GET", "/", None, &[("date", "Wed, 28 Mar 2007 01:29:59 +0000")], "qGdzdERIC03wnaRNKh6OqZehG9s="),
        (
            "GET",
            "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
            None,
            &[("date", "Wed, 28 Mar 2007 01:49:49 +0000")],
            "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
        ),
    ];
    for (method, target, bucket, headers, signature) in examples {
        let authorization = authorization(signature);
        let headers = [*headers, &[("authorization", &authorization)]].concat();
        assert_eq!(check((method, target), *bucket, &headers, None), Ok(()), "{method} {target}");
        let other_method = if *method == "GET" { "DELETE" } else { "GET" };
        let refused = check((other_method, target), *bucket, &headers, None);
        assert!(matches!(refused, Err(SigV4Error::Mismatch(_))), "{refused:?}");
        let other_bucket = check((method, target), Some("another"), &headers, None);
        assert!(matches!(other_bucket, Err(SigV4Error::Mismatch(_))), "{other_bucket:?}");
    }
}

#[test]
fn a_parameter_without_a_value_may_be_sent_with_an_equals_sign() {
    let authorization = authorization("c2WLPFtWHVgbEmeEG93a4cG37dM=");
    let headers = [("date", "Tue, 27 Mar 2007 19:44:46 +0000"), ("authorization", authorization.as_str())];
    for target in ["/?acl", "/?acl="] {
        assert_eq!(check(("GET", target), Some("johnsmith"), &headers, None), Ok(()), "{target}");
    }
    for target in ["/?acl=a", "/?acl=&versioning=", "/"] {
        let refused = check(("GET", target), Some("johnsmith"), &headers, None);
        assert!(matches!(refused, Err(SigV4Error::Mismatch(_))), "{target}: {refused:?}");
    }
}

#[test]
fn a_url_holds_until_it_expires() {
    let bucket = Some("johnsmith");
    assert_eq!(check(("GET", URL), bucket, &[], Some(1_175_139_620)), Ok(()));
    let late = check(("GET", URL), bucket, &[], Some(1_175_139_621));
    assert!(matches!(late, Err(SigV4Error::V2UrlExpired { .. })), "{late:?}");
    // A parameter that changes what is read is covered, one that does not is not.
    let other_version = check(("GET", &format!("{URL}&versionId=1")), bucket, &[], Some(1_175_139_620));
    assert!(matches!(other_version, Err(SigV4Error::Mismatch(_))), "{other_version:?}");
    assert_eq!(check(("GET", &format!("{URL}&x-id=GetObject")), bucket, &[], Some(1_175_139_620)), Ok(()));
    for (headers, is_fine) in
        [(("x-amz-acl", "public-read"), false), (("content-type", "a/b"), false), (("range", "bytes=0-1"), true)]
    {
        assert_eq!(check(("GET", URL), bucket, &[headers], Some(1_175_139_620)).is_ok(), is_fine, "{headers:?}");
    }
}

#[test]
fn times_are_judged() {
    let header = authorization("bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
    let headers = [("authorization", header.as_str()), ("date", "Tue, 27 Mar 2007 19:36:42 +0000")];
    let signed_at = 1_175_024_202;
    let at = |now| check(("GET", "/photos/puppy.jpg"), Some("johnsmith"), &headers, Some(now));
    assert_eq!((at(signed_at + 900), at(signed_at - 900)), (Ok(()), Ok(())));
    assert!(matches!(at(signed_at + 901), Err(SigV4Error::TooOld { .. })));
    assert!(matches!(at(signed_at - 901), Err(SigV4Error::NotYetCurrent { .. })));
    let dateless = check(("GET", "/"), None, &headers[..1], Some(signed_at));
    assert!(matches!(dateless, Err(SigV4Error::MalformedDate { .. })), "{dateless:?}");
    for (expires, text) in
        [("", None), ("&Expires=soon", Some("soon")), ("&Expires=9999999999999999999", Some("9999999999999999999"))]
    {
        let url = format!("/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=a{expires}");
        let refused = check(("GET", &url), None, &[], Some(signed_at));
        assert_eq!(refused, Err(SigV4Error::V2Expires { text: text.map(str::to_owned) }), "{url}");
    }
}

#[test]
fn the_table_is_sorted() {
    assert!(SIGNED_PARAMETERS.is_sorted());
}

proptest! {
    /// Whatever stands in a URL, it is read without a panic, and no signature that was not made with the secret passes.
    #[test]
    fn any_url_gets_an_answer(path in "/[ -~]{0,20}", extra in "[ -~]{0,40}", signature in "[ -~]{0,30}") {
        prop_assume!(!path.contains('?') && !signature.contains('&'));
        let url = format!("{path}?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=9999999999&Signature={signature}&{extra}");
        if !extra.contains("X-Amz-") && !signature.is_empty() {
            prop_assert!(check(("GET", &url), Some("b"), &[], Some(0)).is_err());
        }
    }
}
