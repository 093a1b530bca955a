//! The worked examples of the Amazon S3 API reference: "Signature calculations for the Authorization header",
//! "… in multiple chunks", "… for trailing headers", "Authenticating requests: using query parameters".

use super::*;
use crate::sigv4::string_to_sign::EMPTY_SHA256;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
const DATE: (&str, &str) = ("x-amz-date", "20130524T000000Z");

fn signed(method: &str, target: &str, headers: &[(&str, &str)], signature: &str) -> Request {
    let mut request = Request::new(method, target, headers);
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders={},Signature={signature}",
        names.join(";")
    );
    request.push_header("authorization", &authorization);
    request
}

fn check_example(request: &Request) -> BodyProof {
    let verified = check(request, &secret(SECRET), None, at("20130524T000000Z")).expect("a true signature");
    assert_eq!(verified.access_key_id().as_str(), "AKIAIOSFODNN7EXAMPLE");
    verified.into_body()
}

#[test]
fn get_object_with_a_range() {
    let headers = [HOST, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY_SHA256), DATE];
    let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    let body = check_example(&signed("GET", "/test.txt", &headers, signature));
    assert!(matches!(body, BodyProof::HashOwed(hash) if hash == sha256(b"")));
}

#[test]
fn put_object_signs_a_path_that_was_sent_unencoded() {
    let hash = hex::encode(sha256(b"Welcome to Amazon S3."));
    let headers = [
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        HOST,
        ("x-amz-content-sha256", hash.as_str()),
        DATE,
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    let signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
    for path in ["/test$file.text", "/test%24file.text", "/test%24file%2etext"] {
        check_example(&signed("PUT", path, &headers, signature));
    }
    let other_body = check(
        &signed("PUT", "/test$file.text", &headers, signature),
        &secret(SECRET),
        Some(sha256(b"Goodbye.")),
        at(DATE.1),
    );
    assert!(matches!(other_body, Err(SigV4Error::PayloadMismatch { .. })));
}

#[test]
fn get_bucket_lifecycle_and_list_objects() {
    let headers = [HOST, ("x-amz-content-sha256", EMPTY_SHA256), DATE];
    let signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    check_example(&signed("GET", "/?lifecycle", &headers, signature));
    let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    for target in ["/?max-keys=2&prefix=J", "/?prefix=J&max-keys=2", "/?prefix=%4A&max%2dkeys=2"] {
        check_example(&signed("GET", target, &headers, signature));
    }
}

#[test]
fn a_client_that_signs_the_path_as_sent() {
    // The path is `/a$b%2Fc`, whose canonical form is `/a%24b/c`: a signer that does not know this signs it raw.
    let headers = [HOST, ("x-amz-content-sha256", EMPTY_SHA256), DATE];
    let mut request = Request::new("GET", "/a$b%2Fc", &headers);
    let canonical = format!(
        "GET\n/a$b%2Fc\n\nhost:{}\nx-amz-content-sha256:{EMPTY_SHA256}\nx-amz-date:{}\n\nhost;x-amz-content-sha256;x-amz-date\n{EMPTY_SHA256}",
        HOST.1, DATE.1
    );
    let scope = CredentialScope { date: "20130524".into(), region: "us-east-1".into(), service: "s3".into() };
    let text = string_to_sign::string_to_sign(AmzDate::parse(DATE.1).expect("a date"), &scope, canonical.as_bytes());
    let signature = hex::encode(SigningKey::derive(&secret(SECRET), &scope).sign(&text));
    request.push_header(
        "authorization",
        &format!("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"),
    );
    check_example(&request);
}

fn presigned(signature: &str) -> Request {
    let target = format!(
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    );
    Request::new("GET", &target, &[HOST])
}

#[test]
fn presigned_get_object() {
    let request = presigned("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert!(matches!(check_example(&request), BodyProof::Unsigned));

    let judge = |now: &str| check(&request, &secret(SECRET), None, at(now));
    judge("20130525T000000Z").expect("valid to its last second");
    assert!(matches!(judge("20130525T000001Z"), Err(SigV4Error::UrlExpired { expires_seconds: 86400, .. })));
    judge("20130523T234500Z").expect("clocks may differ");
    assert!(matches!(judge("20130523T234459Z"), Err(SigV4Error::NotYetCurrent { .. })));

    let mut with_header = request.clone();
    with_header.push_header("x-amz-acl", "public-read");
    let refused = check(&with_header, &secret(SECRET), None, at(DATE.1));
    assert_eq!(refused.expect_err("not signed"), SigV4Error::HeadersNotSigned { names: vec!["x-amz-acl".into()] });
}

#[test]
fn our_presigned_url_is_the_one_of_the_documentation() {
    let (access_key_id, secret) = (key_id("AKIAIOSFODNN7EXAMPLE"), secret(SECRET));
    let identity = SigningIdentity {
        access_key_id: &access_key_id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    let request = Request::new("GET", "/test.txt", &[HOST]);
    let query = sign_query(&request.head(), &identity, 86400, at(DATE.1)).expect("a query");
    let expected = presigned("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_eq!(Some(query), expected.query);
}

/// The chunked upload of the documentation, framed: 64 KiB and 1 KiB of `a`.
pub(super) struct ChunkedExample {
    pub(super) request: Request,
    pub(super) body: Vec<u8>,
}

pub(super) fn chunked_example() -> ChunkedExample {
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("content-length", "66824"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        DATE,
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ];
    let signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let mut body = Vec::new();
    for (size, signature) in [
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        push_chunk(&mut body, size, signature);
    }
    body.extend_from_slice(b"\r\n");
    ChunkedExample { request: signed("PUT", "/examplebucket/chunkObject.txt", &headers, signature), body }
}

pub(super) fn trailer_example() -> ChunkedExample {
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        DATE,
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-trailer", "x-amz-checksum-crc32c"),
    ];
    let signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let mut body = Vec::new();
    for (size, signature) in [
        (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
        (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
        (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
    ] {
        push_chunk(&mut body, size, signature);
    }
    body.extend_from_slice(
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    );
    ChunkedExample { request: signed("PUT", "/examplebucket/chunkObject.txt", &headers, signature), body }
}

fn push_chunk(body: &mut Vec<u8>, size: usize, signature: &str) {
    body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
    if size > 0 {
        body.extend(std::iter::repeat_n(b'a', size));
        body.extend_from_slice(b"\r\n");
    }
}

impl ChunkedExample {
    pub(super) fn decoder(&self) -> ChunkedDecoder {
        let length = super::super::chunked::decoded_content_length(&self.request.headers);
        match check_example(&self.request) {
            BodyProof::SignedChunks(seed) => ChunkedDecoder::signed(seed, length),
            other => panic!("expected signed chunks, found {other:?}"),
        }
    }
}

#[test]
fn chunked_uploads() {
    let example = chunked_example();
    assert_eq!(example.body.len(), 66824);
    for example in [example, trailer_example()] {
        let decoded = chunked::decode(example.decoder(), &[&example.body]).expect("true signatures");
        assert_eq!(decoded.payload, vec![b'a'; 66560]);
    }
}
