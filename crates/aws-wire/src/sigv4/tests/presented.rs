//! What requests present.

use super::*;
use crate::sigv4::error::{ExpiresProblem, MissingPart};

const CREDENTIAL: &str = "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request";
const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");

fn with_header(authorization: &str) -> Request {
    Request::new("GET", "/", &[("host", "h"), DATE, ("authorization", authorization)])
}

fn read(request: &Request) -> Result<Presented<'_>, SigV4Error> {
    // The head borrows from the request, so that what is read outlives this call.
    parse(&request.head())
}

fn error_of(request: &Request) -> SigV4Error {
    read(request).expect_err("refused")
}

fn presigned(change: impl Fn(&str) -> Option<String>) -> Request {
    let parameters = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fs3%2Faws4_request"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("X-Amz-Expires", "60"),
        ("X-Amz-SignedHeaders", "host%3Brange"),
        ("X-Amz-Security-Token", "a%2Bb%3D"),
        ("X-Amz-Signature", "00ff"),
    ];
    let query: Vec<String> = parameters
        .iter()
        .filter_map(|(name, value)| match change(name) {
            Some(other) if other.is_empty() => None,
            Some(other) => Some(format!("{name}={other}")),
            None => Some(format!("{name}={value}")),
        })
        .collect();
    Request::new("GET", &format!("/?{}", query.join("&")), &[("host", "h")])
}

fn presigned_with(name: &str, value: &str) -> Request {
    presigned(|parameter| (parameter == name).then(|| value.to_owned()))
}

#[test]
fn a_signature_that_is_refused_still_names_its_service() {
    let claimed = |request: &Request| claimed_service(&request.head());
    let undated = format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=00ff");
    let request = Request::new("GET", "/", &[("host", "h"), ("authorization", &undated)]);
    error_of(&request);
    assert_eq!(claimed(&request).as_deref(), Some("iam"));
    assert_eq!(claimed(&with_header(&format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}"))).as_deref(), Some("iam"));
    assert_eq!(claimed(&with_header("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/iam")), None);
    assert_eq!(claimed(&with_header("AWS4-HMAC-SHA256 nonsense")), None);
    let request = presigned_with("X-Amz-Date", "");
    error_of(&request);
    assert_eq!(claimed(&request).as_deref(), Some("s3"));
    assert_eq!(claimed(&Request::new("GET", "/?a=b&c", &[("host", "h")])), None);
}

#[test]
fn header_signatures_with_and_without_blanks() {
    for separator in [", ", ",", " , ", ",\t"] {
        let request = with_header(&format!(
            "AWS4-HMAC-SHA256  Credential={CREDENTIAL}{separator}SignedHeaders=host;x-amz-date{separator}Signature=00ff"
        ));
        let presented = read(&request).expect("a signature");
        assert_eq!(presented.service(), Some("iam"));
        assert_eq!(presented.access_key_id(), Some(&key_id("AKIDEXAMPLE")));
        let Presented::Header(authorization) = presented else { panic!("not a header signature") };
        assert_eq!(authorization.scope.to_string(), "20150830/us-east-1/iam/aws4_request");
        assert_eq!((&*authorization.signed_headers, &*authorization.signature), ("host;x-amz-date", "00ff"));
        assert_eq!((authorization.payload, authorization.expires_seconds), (PayloadDeclaration::Absent, None));
        assert!(authorization.session_token.is_none());
    }
}

#[test]
fn presigned_urls() {
    let request = presigned(|_| None);
    let Ok(Presented::PresignedQuery(authorization)) = read(&request) else { panic!("not a presigned URL") };
    assert_eq!(authorization.scope.to_string(), "20150830/us-east-1/s3/aws4_request");
    assert_eq!((&*authorization.signed_headers, &*authorization.signature), ("host;range", "00ff"));
    assert_eq!(authorization.session_token.as_deref(), Some("a+b="));
    assert_eq!(authorization.expires_seconds, Some(60));
}

#[test]
fn other_kinds_are_recognised() {
    let anonymous = Request::new("GET", "/?acl", &[("host", "h")]);
    assert_eq!(read(&anonymous), Ok(Presented::Anonymous));
    assert_eq!(read(&with_header("Bearer abc")), Ok(Presented::Bearer));

    let v2 = |placement| Presented::SigV2 { access_key_id: key_id("AKIDEXAMPLE"), placement };
    assert_eq!(read(&with_header("AWS AKIDEXAMPLE:c2ln")), Ok(v2(Placement::Header)));
    let query = Request::new("GET", "/k?AWSAccessKeyId=AKIDEXAMPLE&Expires=1&Signature=c2ln%3D", &[]);
    assert_eq!(read(&query), Ok(v2(Placement::Query)));

    let request = with_header(
        "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/s3/aws4_request, SignedHeaders=host, Signature=30",
    );
    let v4a = read(&request).expect("recognised");
    assert_eq!((v4a.service(), v4a.access_key_id()), (Some("s3"), Some(&key_id("AKIDEXAMPLE"))));
    let query = Request::new(
        "GET",
        "/?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fs3%2Faws4_request",
        &[],
    );
    assert_eq!(read(&query).expect("recognised").service(), Some("s3"));
    assert!(v4a.authorization().is_none());
}

#[test]
fn one_mechanism_at_a_time() {
    let mut request = presigned(|_| None);
    request.push_header("authorization", "Bearer abc");
    assert_eq!(error_of(&request), SigV4Error::TwoMechanisms);
    let mut request = with_header("Bearer abc");
    request.push_header("authorization", "Bearer def");
    assert_eq!(error_of(&request), SigV4Error::TwoMechanisms);
}

#[test]
fn every_missing_part_of_a_header_is_named() {
    use MissingPart::{Credential, Date, Signature, SignedHeaders};
    let mut request = Request::new("GET", "/", &[("authorization", "AWS4-HMAC-SHA256 x=y")]);
    let header = "AWS4-HMAC-SHA256 x=y".to_owned();
    let missing = vec![Credential, Signature, SignedHeaders, Date];
    assert_eq!(error_of(&request), SigV4Error::IncompleteHeader { missing, header: header.clone() });
    request.push_header("date", "Sun, 30 Aug 2015 12:36:00 GMT");
    let missing = vec![Credential, Signature, SignedHeaders];
    assert_eq!(error_of(&request), SigV4Error::IncompleteHeader { missing, header });
}

#[test]
fn malformed_headers() {
    let placement = Placement::Header;
    let complete = |credential: &str| {
        with_header(&format!("AWS4-HMAC-SHA256 Credential={credential},SignedHeaders=host,Signature=00"))
    };
    let malformed = |text: &str| SigV4Error::MalformedCredential { credential: text.to_owned(), placement };
    for credential in ["AKID", "AKID/20150830/us-east-1/aws4_request", "/20150830/us-east-1/iam/aws4_request"] {
        assert_eq!(error_of(&complete(credential)), malformed(credential));
    }
    let found = "aws4".to_owned();
    let error = error_of(&complete("AKID/20150830/us-east-1/iam/aws4"));
    assert_eq!(error, SigV4Error::ScopeTerminator { found, placement });
    let error = error_of(&complete("AKID/20150831/us-east-1/iam/aws4_request"));
    assert!(matches!(error, SigV4Error::ScopeDate { found, .. } if found == "20150831"));

    let error = error_of(&with_header("AWS4-HMAC-SHA256 Credential"));
    assert!(matches!(error, SigV4Error::MalformedPair { pair, .. } if pair == "Credential"));
    let error = error_of(&with_header("AWS4-HMAC-SHA256 Signature=1,Signature=2"));
    assert!(matches!(error, SigV4Error::MalformedPair { pair, .. } if pair == "Signature=2"));
    let algorithm = "AWS4-HMAC-SHA1".to_owned();
    assert_eq!(error_of(&with_header("AWS4-HMAC-SHA1 a=b")), SigV4Error::UnsupportedAlgorithm { algorithm, placement });
    for header in ["", "Basic YTpi", "AWS AKIDEXAMPLE", "AWS4"] {
        assert_eq!(error_of(&with_header(header)), SigV4Error::UnsupportedScheme { header: header.to_owned() });
    }

    let mut request = complete(CREDENTIAL);
    request.headers.insert("x-amz-date", HeaderValue::from_static("2015-08-30"));
    assert_eq!(error_of(&request), SigV4Error::MalformedDate { text: "2015-08-30".to_owned(), placement });
}

#[test]
fn malformed_queries() {
    for name in ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"] {
        let error = error_of(&presigned_with(name, ""));
        assert_eq!(error, SigV4Error::IncompleteQuery { missing: vec![name] });
    }
    for (value, problem) in [
        ("x", ExpiresProblem::NotANumber),
        ("0", ExpiresProblem::Negative),
        ("-1", ExpiresProblem::Negative),
        ("604801", ExpiresProblem::TooLong),
        ("9999999999999", ExpiresProblem::TooLong),
    ] {
        assert_eq!(error_of(&presigned_with("X-Amz-Expires", value)), SigV4Error::Expires(problem));
    }
    read(&presigned_with("X-Amz-Expires", "604800")).expect("seven days");
    assert!(matches!(error_of(&presigned_with("X-Amz-Date", "today")), SigV4Error::MalformedDate { .. }));
    assert!(matches!(error_of(&presigned_with("X-Amz-Credential", "a")), SigV4Error::MalformedCredential { .. }));
    assert!(matches!(error_of(&presigned_with("X-Amz-Algorithm", "MD5")), SigV4Error::UnsupportedAlgorithm { .. }));
    // Elsewhere than on S3 the life may be left out: it is then that of a header signature.
    let elsewhere = presigned(|name| match name {
        "X-Amz-Expires" => Some(String::new()),
        "X-Amz-Credential" => Some(CREDENTIAL.replace('/', "%2F")),
        _ => None,
    });
    let presented = read(&elsewhere).expect("complete");
    assert_eq!(presented.authorization().and_then(|authorization| authorization.expires_seconds), None);
}

#[test]
fn scopes_are_required_by_whoever_serves_them() {
    let request = suite::signed_json_request();
    let presented = read(&request).expect("a signature");
    let authorization = presented.authorization().expect("a signature");
    authorization.require_scope("cloudtrail", Some("us-east-1")).expect("its own scope");
    authorization.require_scope("cloudtrail", None).expect("any region");
    let region = authorization.require_scope("iam", Some("eu-west-1")).expect_err("other region");
    assert!(matches!(region, SigV4Error::ScopeRegion { found, .. } if found == "us-east-1"));
    let service = authorization.require_scope("iam", Some("us-east-1")).expect_err("other service");
    assert!(matches!(service, SigV4Error::ScopeService { found, .. } if found == "cloudtrail"));
}
