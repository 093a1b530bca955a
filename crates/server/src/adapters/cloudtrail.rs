//! The CloudTrail API behind the gateway.

use std::time::Duration;

use api::error::REQUEST_BYTES_MAX;
use async_trait::async_trait;
use aws_wire::RequestHead;
use control::{ControlPlane, ControlRequest};
use gateway::body::{Held, LocalBody, hold};
use gateway::{LocalAnswer, LocalCall, LocalService};
use http::Response;
use http_body_util::{BodyExt, Full};

/// Longest silence inside a request body.
const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers calls of `cloudtrail` and `cloudtrail-data`.
pub(crate) struct CloudTrailApi(pub(crate) ControlPlane);

#[async_trait]
impl LocalService for CloudTrailApi {
    async fn answer(&self, call: LocalCall<'_>) -> LocalAnswer {
        let uri = &call.head.uri;
        // A body that is too long is given as far as it was read: its length is what is wrong with it. One that breaks
        // off is as good as empty; nobody waits for the answer.
        let body = match hold(call.body, REQUEST_BYTES_MAX, BODY_IDLE_TIMEOUT).await {
            Ok(Held::Whole { bytes, .. } | Held::Longer { prefix: bytes, .. }) => bytes,
            Err(_) => bytes::Bytes::new(),
        };
        let request = ControlRequest {
            head: RequestHead {
                method: &call.head.method,
                path: uri.path(),
                query: uri.query(),
                headers: &call.head.headers,
            },
            body: &body,
            now: call.now,
            request_id: call.request_id,
        };
        let answer = self.0.handle(request).await;
        let body = Full::new(answer.body).map_err(|never| match never {});
        let mut response = Response::new(LocalBody::new(body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        LocalAnswer { response }
    }

    fn records_unknown_callers(&self) -> bool {
        false
    }
}
