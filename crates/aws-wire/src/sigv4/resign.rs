//! Requests that go on with another signature: proved with the caller's key, signed with ours.

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{AccessKeyId, EventTime};

use super::canonical::is_s3;
use super::chunked::ChunkSeed;
use super::payload::{CONTENT_SHA256_HEADER, PayloadDeclaration};
use super::percent::decode_query_text;
use super::presented::{Authorization, Placement};
use super::secret_access_key::SecretAccessKey;
use super::sign::{SignError, SigningIdentity, sign_head};
use crate::RequestHead;

/// Credentials to sign with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Key.
    pub access_key_id: AccessKeyId,
    /// Its secret.
    pub secret: SecretAccessKey,
    /// Token of a temporary session.
    pub session_token: Option<String>,
}

/// A request as it goes on.
#[derive(Debug)]
pub struct Resigned {
    /// Path and query, as they stand in the request line.
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Where the chain of chunk signatures starts, if the body is in signed chunks: they must be made anew.
    pub chunk_seed: Option<ChunkSeed>,
}

/// Headers that the signature covers, beside all that start with `x-amz-`: what servers require, and what changes the
/// meaning of a call. All else may be changed by whoever stands between.
const SIGNED: [&str; 4] = ["content-md5", "content-type", "host", "range"];

/// What belongs to the signature of a presigned URL, of Version 2 as well.
const QUERY_PARAMETERS: [&str; 11] = [
    "AWSAccessKeyId",
    "Expires",
    "Signature",
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// What a new signature takes over from the one that a request came with.
#[derive(Debug, Clone, Copy)]
pub struct TakenOver<'a> {
    /// Where the old one stands.
    pub placement: Placement,
    /// Region of the scope.
    pub region: &'a str,
    /// Signing name of the service.
    pub service: &'a str,
    /// What is said about the body.
    pub payload: PayloadDeclaration,
}

impl<'a> From<&'a Authorization<'_>> for TakenOver<'a> {
    fn from(authorization: &'a Authorization<'_>) -> Self {
        let Authorization { placement, scope, payload, .. } = authorization;
        Self { placement: *placement, region: &scope.region, service: &scope.service, payload: *payload }
    }
}

/// Signs a proved request anew, in its headers, whether it came with a header or as a presigned URL.
///
/// `old` is what stays of the signature that it came with. `actual_payload_hash` is the SHA-256 of
/// its body, if all of it is at hand; S3 does without. `host` takes the place of the host; a `bucket` that stood in the
/// old one moves to the path. Headers that belong to one connection must be gone already.
///
/// # Errors
/// See [`SignError`]; [`SignError::Payload`] when the service covers the body and its hash is not known.
pub fn resign(
    head: &RequestHead<'_>,
    old: TakenOver<'_>,
    actual_payload_hash: Option<[u8; 32]>,
    credentials: &Credentials,
    (host, bucket): (&str, Option<&str>),
    now: EventTime,
) -> Result<Resigned, SignError> {
    let is_query = old.placement == Placement::Query;
    let path = match bucket {
        Some(bucket) => format!("/{bucket}{}", head.path),
        None => head.path.to_owned(),
    };
    let query = match head.query {
        Some(query) if is_query => Some(without_signature(query)).filter(|query| !query.is_empty()),
        query => query.map(str::to_owned),
    };
    let mut headers = head.headers.clone();
    for name in ["x-amz-date", "x-amz-security-token", CONTENT_SHA256_HEADER] {
        headers.remove(name);
    }
    headers.remove(AUTHORIZATION);
    headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| SignError::NoHost)?);
    let payload = match (old.payload, actual_payload_hash) {
        (PayloadDeclaration::Absent, _) if is_s3(old.service) => PayloadDeclaration::Unsigned,
        (declared, _) if is_s3(old.service) => declared,
        (_, Some(actual)) => PayloadDeclaration::Exact(actual),
        (declared @ PayloadDeclaration::Exact(_), None) => declared,
        _ => return Err(SignError::Payload),
    };
    let covered: HeaderMap = headers
        .iter()
        .filter(|(name, _)| is_covered(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let identity = SigningIdentity {
        access_key_id: &credentials.access_key_id,
        secret: &credentials.secret,
        session_token: credentials.session_token.as_deref(),
        region: old.region,
        service: old.service,
    };
    let signed_head = RequestHead { path: &path, query: query.as_deref(), headers: &covered, ..*head };
    let signed = sign_head(&signed_head, &identity, payload, now)?;
    headers.extend(signed.headers);
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    Ok(Resigned { target, headers, chunk_seed: signed.chunk_seed })
}

fn is_covered(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-amz-") || SIGNED.contains(&name.as_str())
}

fn without_signature(query: &str) -> String {
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or(pair);
        !QUERY_PARAMETERS.contains(&&*decode_query_text(name))
    };
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::sigv4::{
        BodyProof, CLOCK_SKEW_MAX, ChunkResigner, ChunkedDecoder, ChunkedError, parse, payload_hash, sign_headers,
        sign_query, verify,
    };

    const NOW: EventTime = EventTime::from_seconds(1_740_830_405);

    fn credentials(id: &str, secret: &str) -> Credentials {
        Credentials {
            access_key_id: AccessKeyId::parse(id).expect("an id"),
            secret: SecretAccessKey::parse(secret).expect("a secret"),
            session_token: Some("token".to_owned()).filter(|_| id == "AKIAOURS"),
        }
    }

    fn header_map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// Signs a request as a caller does, signs it anew, and verifies that as an upstream does. Gives the request line's
    /// target, what is proved of the body, and both seeds of chunks.
    fn check(service: &str, placement: Placement, payload: PayloadDeclaration, body: &[u8]) -> (String, BodyProof) {
        let (target, proof, _) = pass(service, placement, payload, body, Some("bucket"));
        (target, proof)
    }

    fn pass(
        service: &str,
        placement: Placement,
        payload: PayloadDeclaration,
        body: &[u8],
        bucket: Option<&str>,
    ) -> (String, BodyProof, (BodyProof, Option<ChunkSeed>)) {
        let theirs = credentials("AKIATHEIRS", "their-secret");
        let ours = credentials("AKIAOURS", "our-secret");
        let identity = SigningIdentity {
            access_key_id: &theirs.access_key_id,
            secret: &theirs.secret,
            session_token: None,
            region: "eu-west-1",
            service,
        };
        let mut headers = header_map(&[("host", "bucket.localhost:4600"), ("content-type", "text/plain")]);
        let method = if placement == Placement::Query { Method::GET } else { Method::PUT };
        let mut query = "partNumber=1&x=a%20b".to_owned();
        fn head<'a>(method: &'a Method, headers: &'a HeaderMap, query: &'a str) -> RequestHead<'a> {
            RequestHead { method, path: "/a%20b", query: Some(query), headers }
        }
        match placement {
            Placement::Header => {
                let added = sign_headers(&head(&method, &headers, &query), &identity, payload, NOW).expect("signed");
                headers.extend(added);
            }
            Placement::Query => {
                query = sign_query(&head(&method, &headers, &query), &identity, 60, NOW).expect("signed");
            }
        }
        let head = head(&method, &headers, &query);
        let presented = parse(&head).expect("credentials");
        let authorization = presented.authorization().expect("a signature");
        let hash = (!payload.is_chunked() && !is_s3(service)).then(|| payload_hash(body));
        let theirs = verify(&head, authorization, &theirs.secret, hash, NOW, CLOCK_SKEW_MAX).expect("proved");
        let resigned =
            resign(&head, authorization.into(), hash, &ours, ("up.example", bucket), NOW).expect("signed anew");

        assert_eq!(resigned.headers[HOST], "up.example");
        let (path, query) = resigned.target.split_once('?').expect("a query");
        let head = RequestHead { method: &method, path, query: Some(query), headers: &resigned.headers };
        let presented = parse(&head).expect("credentials");
        let authorization = presented.authorization().expect("a signature");
        assert_eq!(authorization.access_key_id, ours.access_key_id);
        assert_eq!(authorization.session_token.as_deref(), Some("token"));
        let proof = verify(&head, authorization, &ours.secret, hash, NOW, CLOCK_SKEW_MAX).expect("proved");
        (resigned.target, proof.into_body(), (theirs.into_body(), resigned.chunk_seed))
    }

    #[test]
    fn an_upstream_accepts_what_a_caller_signed() {
        let exact = PayloadDeclaration::Exact(payload_hash(b"body"));
        let target = "/bucket/a%20b?partNumber=1&x=a%20b";
        for (service, placement, payload) in [
            ("s3", Placement::Header, exact),
            ("s3", Placement::Header, PayloadDeclaration::Unsigned),
            ("s3", Placement::Header, PayloadDeclaration::StreamingSigned),
            ("s3", Placement::Header, PayloadDeclaration::StreamingSignedTrailer),
            ("s3", Placement::Header, PayloadDeclaration::StreamingUnsignedTrailer),
            ("s3", Placement::Query, PayloadDeclaration::Unsigned),
            ("dynamodb", Placement::Header, exact),
        ] {
            let (found, proof) = check(service, placement, payload, b"body");
            assert_eq!(found, target, "{service} {placement:?} {payload:?}");
            match payload {
                PayloadDeclaration::Exact(hash) if service == "s3" => {
                    assert!(matches!(proof, BodyProof::HashOwed(owed) if owed == hash));
                }
                PayloadDeclaration::Exact(_) => assert!(matches!(proof, BodyProof::Matched)),
                PayloadDeclaration::Unsigned => assert!(matches!(proof, BodyProof::Unsigned)),
                PayloadDeclaration::StreamingUnsignedTrailer => assert!(matches!(proof, BodyProof::UnsignedChunks)),
                _ => assert!(matches!(proof, BodyProof::SignedChunks(_))),
            }
        }
    }

    /// Signs a body in chunks, signs it anew in pieces of some size, and decodes that as an upstream does.
    fn rechunk(has_trailer: bool, piece_bytes: usize, spoil: Option<usize>) -> Result<Vec<u8>, ChunkedError> {
        let payload =
            if has_trailer { PayloadDeclaration::StreamingSignedTrailer } else { PayloadDeclaration::StreamingSigned };
        let (_, upstream, (caller, seed)) = pass("s3", Placement::Header, payload, b"", None);
        let (BodyProof::SignedChunks(caller), BodyProof::SignedChunks(upstream)) = (caller, upstream) else {
            panic!("signed chunks")
        };
        let mut body =
            caller.clone().framed(&[b"hello ", b"world"], has_trailer.then_some(("x-amz-checksum-crc32", "AA==")));
        if let Some(index) = spoil {
            body[index] ^= 1;
        }
        let mut resigner = ChunkResigner::new(ChunkedDecoder::signed(caller, Some(11)), seed.expect("a seed"));
        let mut passed = Vec::new();
        for piece in body.chunks(piece_bytes) {
            resigner.take(piece, &mut passed)?;
        }
        resigner.finish()?;
        assert_eq!(passed.len(), body.len(), "the length stays");
        assert_ne!(passed, body, "the signatures do not");
        let mut decoder = ChunkedDecoder::signed(upstream, Some(11));
        let (mut input, mut decoded) = (passed.as_slice(), Vec::new());
        while let Some(data) = decoder.next(&mut input)? {
            decoded.extend_from_slice(data);
        }
        assert_eq!(decoder.finish()?.len(), usize::from(has_trailer));
        Ok(decoded)
    }

    #[test]
    fn chunks_get_new_signatures_and_nothing_else_changes() {
        for has_trailer in [false, true] {
            for piece_bytes in [1, 7, 90, 10_000] {
                let decoded = rechunk(has_trailer, piece_bytes, None);
                assert_eq!(decoded.as_deref(), Ok(b"hello world".as_slice()), "{has_trailer} {piece_bytes}");
            }
        }
    }

    #[test]
    fn a_chunk_that_was_changed_does_not_go_on() {
        // In the signature and in the data of the first chunk: `6;chunk-signature=` and 64 digits come before the data.
        for index in [30, 86] {
            let refused = rechunk(false, 10_000, Some(index));
            assert!(matches!(refused, Err(ChunkedError::Signature { .. })), "{index}: {refused:?}");
        }
    }
}
