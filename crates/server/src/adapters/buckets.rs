//! The embedded buckets behind the gateway.

use async_trait::async_trait;
use aws_wire::catalog::{Catalog, Protocol};
use aws_wire::fault::{self, Fault};
use aws_wire::sigv4::{BodyProof, RejectionStyle, SigV4Error};
use buckets::{Access, BucketService, CallerAccess};
use gateway::body::LocalBody;
use gateway::caller::Proof;
use gateway::{LocalAnswer, LocalCall, LocalService};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};

/// Answers calls of `s3`, for callers with a key of this installation.
pub(crate) struct EmbeddedBuckets(pub(crate) BucketService);

#[async_trait]
impl LocalService for EmbeddedBuckets {
    async fn answer(&self, call: LocalCall<'_>) -> LocalAnswer {
        let (access, chunk_seed) = match &call.caller.proof {
            Proof::Verified(BodyProof::SignedChunks(seed)) => (Access::Allowed, Some(seed.clone())),
            Proof::Verified(_) => (Access::Allowed, None),
            Proof::Anonymous => (Access::Denied, None),
            Proof::Refuted(error) | Proof::Malformed(error) => return refuse_signature(&call, error),
            Proof::UnknownKey => {
                let message = "The AWS Access Key Id you provided does not exist in our records.";
                return refuse(&call, 403, "InvalidAccessKeyId", message);
            }
            Proof::Unchecked => {
                let message = "The authorization mechanism you have provided is not supported. Please use \
                               AWS4-HMAC-SHA256.";
                return refuse(&call, 400, "InvalidRequest", message);
            }
        };
        let caller = CallerAccess {
            access,
            account: call.caller.account,
            bucket_in_host: call.call.and_then(|call| call.bucket_in_host.clone()),
            chunk_seed,
        };
        let mut request = Request::new(call.body);
        *request.method_mut() = call.head.method.clone();
        *request.uri_mut() = call.head.uri.clone();
        *request.headers_mut() = call.head.headers.clone();
        let response = self.0.handle(request, caller).await;
        LocalAnswer { response: response.map(|body| LocalBody::new(body.map_err(Into::into))) }
    }

    fn records_unknown_callers(&self) -> bool {
        true
    }
}

fn refuse_signature(call: &LocalCall<'_>, error: &SigV4Error) -> LocalAnswer {
    let rejection = error.rejection(RejectionStyle::S3);
    refuse(call, rejection.status, rejection.code, &rejection.message)
}

fn refuse(call: &LocalCall<'_>, status: u16, code: &str, message: &str) -> LocalAnswer {
    let fault = Fault {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: s3_request_id(call.request_id),
        resource: Some(call.head.uri.path().to_owned()),
    };
    let mut response = Response::new(LocalBody::new(Full::new(bytes::Bytes::new()).map_err(|never| match never {})));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    if let Some(service) = Catalog::embedded().service("s3") {
        let encoded = fault::encode(service, Protocol::RestXml, &fault);
        response.headers_mut().extend(encoded.headers);
        *response.body_mut() = LocalBody::new(Full::new(encoded.body).map_err(|never| match never {}));
    }
    LocalAnswer { response }
}

/// S3 writes its request ids as 16 hexadecimal digits.
fn s3_request_id(uuid: &str) -> String {
    uuid.chars().filter(char::is_ascii_hexdigit).take(16).collect::<String>().to_ascii_uppercase()
}
