//! The words of the answers, against the behaviour reference and the S3 error list.

use super::*;
use crate::sigv4::error::MissingPart;

const NOW: &str = "20150830T130000Z";

/// The error that a signed call of an SDK meets after `change`, at `now`.
fn error_of(now: &str, change: impl FnOnce(&mut Request)) -> SigV4Error {
    let mut request = suite::signed_json_request();
    change(&mut request);
    let secret = secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    check(&request, &secret, Some(sha256(b"{}")), at(now)).expect_err("refused")
}

fn check_json(error: &SigV4Error, code: &str, message: &str) {
    let rejection = error.rejection(RejectionStyle::Json);
    assert_eq!((rejection.status, rejection.code, &*rejection.message), (400, code, message));
    assert!(rejection.details.is_empty());
}

fn check_s3(error: &SigV4Error, status: u16, code: &str, message: &str) -> Rejection {
    let rejection = error.rejection(RejectionStyle::S3);
    assert_eq!((rejection.status, rejection.code, &*rejection.message), (status, code, message));
    rejection
}

fn detail<'a>(rejection: &'a Rejection, name: &str) -> &'a str {
    rejection.details.iter().find(|(detail, _)| *detail == name).map(|(_, value)| &**value).expect(name)
}

#[test]
fn callers_without_a_key_of_ours() {
    check_json(&SigV4Error::MissingToken, "MissingAuthenticationTokenException", "Missing Authentication Token");
    check_s3(&SigV4Error::MissingToken, 403, "AccessDenied", "Access Denied");
    let unknown = SigV4Error::UnknownKey { access_key_id: "AKIA".to_owned() };
    let message = "The security token included in the request is invalid.";
    check_json(&unknown, "UnrecognizedClientException", message);
    let message = "The AWS Access Key Id you provided does not exist in our records.";
    let rejection = check_s3(&unknown, 403, "InvalidAccessKeyId", message);
    assert_eq!(detail(&rejection, "AWSAccessKeyId"), "AKIA");
}

#[test]
fn incomplete_headers() {
    let header = "AWS4-HMAC-SHA256 Credential=a".to_owned();
    let missing = vec![MissingPart::Signature, MissingPart::SignedHeaders, MissingPart::Date];
    let error = SigV4Error::IncompleteHeader { missing, header };
    check_json(
        &error,
        "IncompleteSignatureException",
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Credential=a",
    );
    let message = "The authorization header is malformed; missing Signature.";
    check_s3(&error, 400, "AuthorizationHeaderMalformed", message);
}

#[test]
fn clocks() {
    let too_old = error_of(NOW, |_| ());
    check_json(
        &too_old,
        "InvalidSignatureException",
        "Signature expired: 20150830T123600Z is now earlier than 20150830T124500Z (20150830T130000Z - 15 min.)",
    );
    let message = "The difference between the request time and the current time is too large.";
    let rejection = check_s3(&too_old, 403, "RequestTimeTooSkewed", message);
    assert_eq!(detail(&rejection, "RequestTime"), "20150830T123600Z");
    assert_eq!(detail(&rejection, "ServerTime"), "2015-08-30T13:00:00Z");
    assert_eq!(detail(&rejection, "MaxAllowedSkewMilliseconds"), "900000");

    let early = error_of("20150830T120000Z", |_| ());
    check_json(
        &early,
        "InvalidSignatureException",
        "Signature not yet current: 20150830T123600Z is still later than 20150830T121500Z (20150830T120000Z + 15 min.)",
    );
    check_s3(&early, 403, "RequestTimeTooSkewed", message);

    let signed = AmzDate::parse("20150830T123600Z").expect("a date");
    let expired = SigV4Error::UrlExpired { signed, expires_seconds: 90, now: at(NOW) };
    let rejection = check_s3(&expired, 403, "AccessDenied", "Request has expired");
    assert_eq!(detail(&rejection, "Expires"), "2015-08-30T12:37:30Z");
    check_json(
        &expired,
        "InvalidSignatureException",
        "Signature expired: 20150830T123600Z is now earlier than 20150830T125830Z (20150830T130000Z - 90 sec.)",
    );
}

#[test]
fn the_edges_of_the_clock_are_inside() {
    let request = suite::signed_json_request();
    let secret = secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    for (now, fits) in [
        ("20150830T122100Z", true),
        ("20150830T122059Z", false),
        ("20150830T125100Z", true),
        ("20150830T125101Z", false),
    ] {
        assert_eq!(check(&request, &secret, Some(sha256(b"{}")), at(now)).is_ok(), fits, "{now}");
    }
}

#[test]
fn scopes() {
    let (found, placement) = ("mars".to_owned(), Placement::Header);
    let region = SigV4Error::ScopeRegion { found: found.clone(), expected: "us-east-1".to_owned(), placement };
    check_json(&region, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'mars'.");
    let message = "The authorization header is malformed; the region 'mars' is wrong; expecting 'us-east-1'";
    let rejection = check_s3(&region, 400, "AuthorizationHeaderMalformed", message);
    assert_eq!(detail(&rejection, "Region"), "us-east-1");

    let service = SigV4Error::ScopeService { found, expected: "cloudtrail".to_owned(), placement: Placement::Query };
    let message = "Credential should be scoped to correct service: 'cloudtrail'.";
    check_json(&service, "InvalidSignatureException", message);
    let message = "Error parsing the X-Amz-Credential parameter; incorrect service \"mars\". This endpoint belongs to \"cloudtrail\".";
    check_s3(&service, 400, "AuthorizationQueryParametersError", message);
}

#[test]
fn mismatches() {
    let error = error_of("20150830T123600Z", |request| request.path = "/other".to_owned());
    check_json(
        &error,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    let rejection = check_s3(&error, 403, "SignatureDoesNotMatch", message);
    assert_eq!(detail(&rejection, "AWSAccessKeyId"), "AKIDEXAMPLE");
    assert!(detail(&rejection, "CanonicalRequest").starts_with("POST\n/other\n\n"));
    assert!(detail(&rejection, "CanonicalRequestBytes").starts_with("50 4f 53 54 0a 2f"));
    assert!(detail(&rejection, "StringToSign").starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n"));

    let not_signed = error_of("20150830T123600Z", |request| {
        let header = request.headers["authorization"].to_str().expect("ASCII").replace(";host;", ";");
        request.headers.insert("authorization", HeaderValue::from_str(&header).expect("ASCII"));
    });
    assert_eq!(not_signed, SigV4Error::HostNotSigned);
    let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    check_json(&not_signed, "InvalidSignatureException", message);
}

#[test]
fn bodies_of_ordinary_services_cannot_be_declared_away() {
    let (id, secret) = (key_id("AKIDEXAMPLE"), secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
    let (access_key_id, now) = (&id, at("20150830T123600Z"));
    let identity = SigningIdentity { access_key_id, secret: &secret, session_token: None, region: "r", service: "iam" };
    let mut unsigned = Request::new("POST", "/", &[("host", "h")]);
    let added = sign_headers(&unsigned.head(), &identity, PayloadDeclaration::Unsigned, now).expect("headers");
    unsigned.headers.extend(added);
    let refused = check(&unsigned, &secret, Some(sha256(b"{}")), now);
    assert!(matches!(refused, Err(SigV4Error::Mismatch(_))));

    let request = suite::signed_json_request();
    let other_body = check(&request, &secret, Some(sha256(b"{\"a\":1}")), now);
    assert!(matches!(other_body, Err(SigV4Error::Mismatch(_))));
    let no_hash = check(&request, &secret, None, now).expect_err("needed");
    assert_eq!(no_hash, SigV4Error::PayloadHashNeeded);
    assert_eq!(no_hash.rejection(RejectionStyle::Json).status, 500);
}

#[test]
fn chunked_bodies() {
    for (error, status, code) in [
        (ChunkedError::Signature { offset: 9 }, 403, "SignatureDoesNotMatch"),
        (ChunkedError::Incomplete, 400, "IncompleteBody"),
        (ChunkedError::DecodedLength { expected: 1, found: 2 }, 400, "IncompleteBody"),
        (ChunkedError::Trailer { offset: 9 }, 400, "MalformedTrailerError"),
        (ChunkedError::Delimiter { offset: 9 }, 400, "InvalidRequest"),
    ] {
        let rejection = error.rejection();
        assert_eq!((rejection.status, rejection.code), (status, code));
    }
}
