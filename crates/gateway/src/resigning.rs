//! Re-signing: callers are verified here, and the upstream sees credentials of its own.
//!
//! For real AWS, or for an upstream without users of its own. **Proved before signed**: what goes on with our signature
//! was signed by a key of the directory; the rest is refused in AWS's words. Two things are proved while they stream:
//! chunks, each before it goes on, and a hash that the caller declared, which goes on as declared and is compared by
//! the upstream. A call without credentials goes on without any, and the upstream decides.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use aws_wire::RequestHead;
use aws_wire::catalog::{Protocol, Service};
use aws_wire::classify::Call;
use aws_wire::sigv4::{
    self, BodyProof, ChunkResigner, ChunkedDecoder, ChunkedError, Credentials, PayloadDeclaration, Presented,
    Rejection, SigV4Error, SignError, TakenOver, chunked,
};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body::{Body, Frame, SizeHint};
use model::{EventTime, Region};

use crate::body::{BodyError, RequestBody};
use crate::caller::Proof;
use crate::http1::head::remove_hop_by_hop;
use crate::upstream::UpstreamUrl;

/// Most bytes of a request body that are held when its hash must be signed and the caller did not declare it: above the
/// largest body of a service other than S3, 70 MB of base64 in a Lambda function's code.
pub const RESIGNED_BODY_BYTES_MAX: usize = 80 * 1024 * 1024;

/// An upstream and the credentials to call it with.
#[derive(Debug, Clone)]
pub struct ResignedUpstream {
    /// Where it is; its host is the host that is signed.
    pub url: Arc<UpstreamUrl>,
    /// What to sign with.
    pub credentials: Credentials,
}

/// What a request is, for its new signature.
pub(crate) struct Proved<'a> {
    pub(crate) head: &'a http::request::Parts,
    pub(crate) service: &'static Service,
    pub(crate) protocol: Protocol,
    pub(crate) call: Option<&'a Call>,
    pub(crate) proof: &'a Proof,
    /// The region that the caller addressed; the older signatures do not say.
    pub(crate) region: &'a Region,
    /// SHA-256 of the body, if all of it is held.
    pub(crate) payload_hash: Option<[u8; 32]>,
    pub(crate) now: EventTime,
}

/// A request with its new signature.
pub(crate) struct ResignedRequest {
    pub(crate) head: http::request::Parts,
    pub(crate) body: RequestBody,
    /// Why the body broke off, if its chunks are not what the caller signed.
    pub(crate) chunk_error: Arc<OnceLock<ChunkedError>>,
}

/// Why a request does not go on.
pub(crate) enum Refusal {
    /// In the service's words.
    Rejected(Rejection),
    /// It cannot be signed.
    Unsignable(SignError),
}

impl ResignedUpstream {
    /// Signs a request anew.
    pub(crate) fn resign(&self, request: &Proved<'_>, body: RequestBody) -> Result<ResignedRequest, Refusal> {
        let rejected = |error: &SigV4Error| Refusal::Rejected(error.rejection_of(request.service, request.protocol));
        let mut head = request.head.clone();
        remove_hop_by_hop(&mut head.headers);
        let chunk_error = Arc::new(OnceLock::new());
        let wire_head = RequestHead {
            method: &request.head.method,
            path: request.head.uri.path(),
            query: request.head.uri.query(),
            headers: &head.headers,
        };
        let presented = sigv4::parse(&wire_head).map_err(|error| rejected(&error))?;
        let bucket = request.call.and_then(|call| call.bucket_in_host.as_deref());
        let host = self.url.authority();
        let old = match &presented {
            // Only those of S3 are proved, and they say nothing of the body and the region.
            Presented::SigV2 { placement, .. } => Some(TakenOver {
                placement: *placement,
                region: request.region.as_str(),
                service: "s3",
                payload: PayloadDeclaration::Unsigned,
            }),
            presented => presented.authorization().map(Into::into),
        };
        let (Proof::Verified(proof), Some(old)) = (request.proof, old) else {
            if let Proof::Anonymous = request.proof {
                let target = bucket.map(|bucket| format!("/{bucket}{}", path_and_query(&head.uri)));
                set_target(&mut head, target.as_deref(), host)?;
                return Ok(ResignedRequest { head, body, chunk_error });
            }
            return Err(rejected(&refusal_of(request.proof, &presented)));
        };
        // The directory holds long-term keys only, and no session token belongs to one of those.
        if let Some(authorization) = presented.authorization()
            && authorization.session_token.is_some()
        {
            let access_key_id = authorization.access_key_id.to_string();
            return Err(rejected(&SigV4Error::UnknownKey { access_key_id }));
        }
        let resigned =
            sigv4::resign(&wire_head, old, request.payload_hash, &self.credentials, (host, bucket), request.now);
        let resigned = resigned.map_err(Refusal::Unsignable)?;
        let body = match (proof, resigned.chunk_seed) {
            (BodyProof::SignedChunks(seed), Some(signer)) => {
                let decoded_length = chunked::decoded_content_length(&head.headers);
                let resigner = ChunkResigner::new(ChunkedDecoder::signed(seed.clone(), decoded_length), signer);
                RequestBody::Resigned(Box::new(ResignedChunks {
                    body,
                    resigner: Some(resigner),
                    chunk_error: Arc::clone(&chunk_error),
                }))
            }
            _ => body,
        };
        head.headers = resigned.headers;
        set_target(&mut head, Some(&resigned.target), host)?;
        Ok(ResignedRequest { head, body, chunk_error })
    }
}

fn refusal_of(proof: &Proof, presented: &Presented<'_>) -> SigV4Error {
    match proof {
        Proof::Refuted(error) | Proof::Malformed(error) => error.clone(),
        Proof::UnknownKey => {
            let access_key_id = presented.access_key_id().map(ToString::to_string).unwrap_or_default();
            SigV4Error::UnknownKey { access_key_id }
        }
        Proof::Unchecked => match presented {
            Presented::SigV2 { .. } => SigV4Error::Unverifiable { algorithm: "SigV2" },
            Presented::Bearer => SigV4Error::Unverifiable { algorithm: "Bearer" },
            _ => SigV4Error::Unverifiable { algorithm: "AWS4-ECDSA-P256-SHA256" },
        },
        Proof::Anonymous | Proof::Verified(_) => SigV4Error::MissingToken,
    }
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

fn set_target(head: &mut http::request::Parts, target: Option<&str>, host: &str) -> Result<(), Refusal> {
    if let Some(target) = target {
        head.uri = target.parse().map_err(|_| Refusal::Unsignable(SignError::NoHost))?;
    }
    let host = HeaderValue::from_str(host).map_err(|_| Refusal::Unsignable(SignError::NoHost))?;
    head.headers.insert(HOST, host);
    Ok(())
}

/// A body in signed chunks on its way to new signatures.
#[derive(Debug)]
pub struct ResignedChunks {
    body: RequestBody,
    /// Taken at the end.
    resigner: Option<ChunkResigner>,
    chunk_error: Arc<OnceLock<ChunkedError>>,
}

impl ResignedChunks {
    fn fail(&mut self, error: ChunkedError) -> BodyError {
        self.resigner = None;
        // Set once: a body fails once.
        let _ = self.chunk_error.set(error.clone());
        error.into()
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let ended = self.resigner.take().map_or(Ok(()), ChunkResigner::finish);
                    return Poll::Ready(ended.err().map(|error| Err(self.fail(error))));
                }
            };
            let (Some(data), Some(resigner)) = (frame.data_ref(), &mut self.resigner) else { continue };
            let mut out = Vec::with_capacity(data.len());
            if let Err(error) = resigner.take(data, &mut out) {
                return Poll::Ready(Some(Err(self.fail(error))));
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.resigner.is_none()
    }

    /// The length stays what it was.
    pub(crate) fn hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
