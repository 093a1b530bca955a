//! Random requests: what we sign we accept, the official signer signs the same, and nothing else is accepted.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningParams,
    SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use proptest::prelude::*;

use super::*;
use crate::sigv4::canonical::is_s3;
use crate::sigv4::percent::encode_into;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Debug, Clone)]
struct Case {
    request: Request,
    service: &'static str,
    region: &'static str,
    token: Option<String>,
    body: Vec<u8>,
    unsigned_body: bool,
    seconds: i64,
    expires_seconds: u32,
}

impl Case {
    fn now(&self) -> EventTime {
        EventTime::from_seconds(self.seconds)
    }

    fn payload(&self) -> PayloadDeclaration {
        if self.unsigned_body && is_s3(self.service) {
            PayloadDeclaration::Unsigned
        } else {
            PayloadDeclaration::Exact(sha256(&self.body))
        }
    }

    fn identity<'a>(&'a self, id: &'a AccessKeyId, secret: &'a SecretAccessKey) -> SigningIdentity<'a> {
        let session_token = self.token.as_deref();
        SigningIdentity { access_key_id: id, secret, session_token, region: self.region, service: self.service }
    }

    /// The request signed by us, in its headers.
    fn signed_by_us(&self) -> Request {
        let (id, secret) = (key_id(ID), secret(SECRET));
        let mut request = self.request.clone();
        let added = sign_headers(&request.head(), &self.identity(&id, &secret), self.payload(), self.now());
        request.headers.extend(added.expect("signed"));
        request
    }

    /// The request signed by us, in its query.
    fn presigned_by_us(&self) -> Request {
        let (id, secret) = (key_id(ID), secret(SECRET));
        let mut request = self.request.clone();
        let query = sign_query(&request.head(), &self.identity(&id, &secret), self.expires_seconds, self.now());
        request.query = Some(query.expect("signed"));
        request
    }

    /// The request signed by the official signer.
    fn signed_officially(&self, location: SignatureLocation) -> Request {
        let identity = Credentials::new(ID, SECRET, self.token.clone(), None, "test").into();
        let seconds = u64::try_from(self.seconds).expect("after 1970");
        let params: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(self.official_settings(location))
            .build()
            .expect("all parameters")
            .into();
        let mut request = self.request.clone();
        let host = request.headers.get("host").and_then(|host| host.to_str().ok()).expect("a host");
        let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = format!("https://{host}{}{query}", request.path);
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")));
        let body = match (location, self.payload()) {
            (SignatureLocation::QueryParams, _) if is_s3(self.service) => SignableBody::UnsignedPayload,
            (SignatureLocation::QueryParams, _) => SignableBody::Bytes(&[]),
            (_, PayloadDeclaration::Unsigned) => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(&self.body),
        };
        let signable = SignableRequest::new(request.method.as_str(), uri, headers, body).expect("signable");
        let output = aws_sigv4::http_request::sign(signable, &params).expect("signed");
        let (headers, parameters) = output.into_parts().0.into_parts();
        for header in headers {
            request.push_header(header.name(), header.value());
        }
        let mut query = request.query.take().unwrap_or_default();
        for (name, value) in parameters {
            query.push_str(if query.is_empty() { "" } else { "&" });
            query.push_str(&format!("{name}="));
            encode_into(&mut query, value.bytes(), b"");
        }
        request.query = Some(query).filter(|query| !query.is_empty());
        request
    }

    fn official_settings(&self, location: SignatureLocation) -> SigningSettings {
        let mut settings = SigningSettings::default();
        settings.signature_location = location;
        if location == SignatureLocation::QueryParams {
            settings.expires_in = Some(Duration::from_secs(u64::from(self.expires_seconds)));
        } else if is_s3(self.service) {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if is_s3(self.service) {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        settings
    }

    fn check(&self, request: &Request) -> Result<VerifiedRequest, SigV4Error> {
        check(request, &secret(SECRET), Some(sha256(&self.body)), self.now())
    }
}

fn signature(request: &Request) -> String {
    let head = request.head();
    parse(&head).expect("a signature").authorization().expect("a signature").signature.to_string()
}

/// Paths as clients send them: encoded as the rules say, a slash in a name left as it is.
fn encoded_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just(".".to_owned()), Just("..".to_owned()), Just(String::new()), "\\PC{1,6}"];
    proptest::collection::vec(segment, 0..5).prop_map(|segments| {
        let mut path = String::new();
        for segment in &segments {
            path.push('/');
            encode_into(&mut path, segment.bytes(), b"/");
        }
        if path.is_empty() { "/".to_owned() } else { path }
    })
}

/// Paths as odd clients send them: reserved characters raw, needless and lower-case escapes.
fn odd_path() -> impl Strategy<Value = String> {
    "(/|[a-z.~$&+,;=:@!*'()-]|%2f|%41|%7E|%e1%88%b4){0,12}".prop_map(|path| format!("/{path}"))
}

fn query() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("([a-cA-C=&+~*/.-]|%2B|%20|%3d|%E1%88%B4|%zz|%26){0,14}")
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![Just("x-amz-meta-a"), Just("x-amz-meta-b"), Just("content-type"), Just("my-header")];
    proptest::collection::vec((name.prop_map(str::to_owned), "[ -~]{0,12}"), 0..4)
}

fn case(path: impl Strategy<Value = String>) -> impl Strategy<Value = Case> {
    let method = prop_oneof![Just("GET"), Just("PUT"), Just("POST"), Just("DELETE"), Just("HEAD")];
    let service = prop_oneof![Just("s3"), Just("cloudtrail"), Just("execute-api")];
    let region = prop_oneof![Just("us-east-1"), Just("eu-central-1")];
    let token = proptest::option::of("[A-Za-z0-9/+=]{1,40}");
    let times = (946_684_800_i64..2_208_988_800, 1_u32..=604_800);
    let body = (proptest::collection::vec(any::<u8>(), 0..20), any::<bool>());
    (method, path, query(), headers(), (service, region), token, body, times).prop_map(
        |(
            method,
            path,
            query,
            headers,
            (service, region),
            token,
            (body, unsigned_body),
            (seconds, expires_seconds),
        )| {
            let mut request = Request::new(method, &path, &[("host", "example.amazonaws.com:8443")]);
            request.query = query;
            for (name, value) in &headers {
                request.push_header(name, value);
            }
            Case { request, service, region, token, body, unsigned_body, seconds, expires_seconds }
        },
    )
}

/// A request of letters alone: changing any bit of it changes what it means.
fn plain_case() -> impl Strategy<Value = Case> {
    let path = "(/[a-z]{1,6}){1,3}";
    (case(path), "[a-z]{1,4}=[a-z]{1,4}", "[a-z]{1,8}", "[a-z]{1,30}").prop_map(|(mut case, query, value, token)| {
        case.request.query = Some(query);
        case.request.headers.clear();
        case.request.push_header("host", "example");
        case.request.push_header("x-amz-meta-a", &value);
        case.token = Some(token);
        case
    })
}

/// Flips one bit; `None` when the result is not ASCII and could not be in a request at all.
fn flipped(text: &str, position: usize, bit: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let index = position % bytes.len();
    bytes[index] ^= 1 << (bit % 7);
    String::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
}

fn set_header(request: &mut Request, name: &'static str, change: impl FnOnce(&str) -> Option<String>) -> Option<()> {
    let old = request.headers.get(name)?.to_str().ok()?.to_owned();
    let new = HeaderValue::from_str(&change(&old)?).ok()?;
    request.headers.insert(name, new);
    Some(())
}

/// Changes one bit of one part of a request; `None` when the part cannot hold the change.
fn tampered(request: &Request, part: usize, position: usize, bit: u8) -> Option<Request> {
    let mut request = request.clone();
    let flip = |text: &str| flipped(text, position, bit);
    match part {
        0 => request.method = Method::from_bytes(flip(request.method.as_str())?.as_bytes()).ok()?,
        1 => request.path = format!("/{}", flip(&request.path[1..])?),
        2 => request.query = Some(flip(request.query.as_deref()?)?),
        3 => set_header(&mut request, "host", flip)?,
        4 => set_header(&mut request, "x-amz-meta-a", flip)?,
        5 => set_header(&mut request, "x-amz-date", flip)?,
        6 => set_header(&mut request, "x-amz-security-token", flip)?,
        7 => set_header(&mut request, "x-amz-content-sha256", flip)?,
        // The key id of a header is not under the signature: a changed one names another key, with another secret.
        _ => set_header(&mut request, "authorization", |text| {
            let (start, rest) = text.split_at(text.find(ID)? + ID.len());
            Some(format!("{start}{}", flip(rest)?))
        })?,
    }
    Some(request)
}

proptest! {
    #[test]
    fn the_official_signer_signs_the_same(case in case(encoded_path())) {
        let ours = case.signed_by_us();
        let theirs = case.signed_officially(SignatureLocation::Headers);
        prop_assert_eq!(signature(&ours), signature(&theirs));
        case.check(&ours).expect("our own signature");
        case.check(&theirs).expect("the official signature");
    }

    #[test]
    fn the_official_signer_presigns_the_same(case in case(encoded_path())) {
        let case = Case { body: Vec::new(), ..case };
        let ours = case.presigned_by_us();
        let theirs = case.signed_officially(SignatureLocation::QueryParams);
        prop_assert_eq!(signature(&ours), signature(&theirs));
        case.check(&ours).expect("our own signature");
        case.check(&theirs).expect("the official signature");
    }

    #[test]
    fn odd_paths_of_the_official_signer_are_accepted(case in case(odd_path())) {
        case.check(&case.signed_officially(SignatureLocation::Headers)).expect("the official signature");
        case.check(&case.signed_by_us()).expect("our own signature");
    }

    #[test]
    fn any_changed_bit_is_refused(case in plain_case(), part in 0_usize..9, position in any::<usize>(), bit in any::<u8>()) {
        let signed = case.signed_by_us();
        case.check(&signed).expect("our own signature");
        if let Some(tampered) = tampered(&signed, part, position, bit) {
            prop_assert!(case.check(&tampered).is_err(), "{:?}", tampered);
        }
        let body = [&case.body[..], b"!"].concat();
        let other_body = check(&signed, &secret(SECRET), Some(sha256(&body)), case.now());
        prop_assert_eq!(other_body.is_err(), matches!(case.payload(), PayloadDeclaration::Exact(_)));
    }

    #[test]
    fn any_changed_bit_of_a_presigned_url_is_refused(case in plain_case(), part in 0_usize..5, position in any::<usize>(), bit in any::<u8>()) {
        let case = Case { body: Vec::new(), ..case };
        let signed = case.presigned_by_us();
        case.check(&signed).expect("our own signature");
        if let Some(tampered) = tampered(&signed, part, position, bit) {
            // Within the query, `%2F` and `%2f` are one text: what counts is whether the parameters changed.
            let decoded = |request: &Request| {
                let query = request.query.as_deref().unwrap_or_default();
                query.split('&').map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (percent::decode_query_text(name).into_owned(), percent::decode_query_text(value).into_owned())
                }).collect::<Vec<_>>()
            };
            if part != 2 || decoded(&signed) != decoded(&tampered) {
                prop_assert!(case.check(&tampered).is_err(), "{:?}", tampered);
            }
        }
    }

    #[test]
    fn reading_never_panics(authorization in "\\PC{0,60}|AWS4-HMAC-SHA256 (Credential=|Signature=|SignedHeaders=|,|/|a|;|[ -~]){0,12}", query in "(X-Amz-[A-Za-z]{0,9}|=|&|%[0-9a-f]{0,2}|/|[ -~]){0,12}", date in "[0-9TZ]{16}|[ -~]{0,30}") {
        let mut request = Request::new("GET", "/", &[("x-amz-date", &date)]);
        request.query = Some(query);
        let _ = parse(&request.head());
        if let Ok(value) = HeaderValue::from_str(&authorization) {
            request.query = None;
            request.headers.insert("authorization", value);
            if let Err(error) = parse(&request.head()) {
                let _ = (error.to_string(), error.rejection(RejectionStyle::Json), error.rejection(RejectionStyle::S3));
            }
        }
    }
}
