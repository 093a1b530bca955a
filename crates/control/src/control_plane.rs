//! One request in, one answer out.

use std::num::NonZeroU32;
use std::sync::Arc;

use api::error::REQUEST_BYTES_MAX;
use api::lookup_events::LookupEventsInput;
use api::{Answer, ApiError, Endpoint, Operation, json_input};
use aws_wire::RequestHead;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use model::EventTime;
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::authentication::{Authenticated, KeyDirectory, ResolvedCaller, authenticate};
use crate::history::EventHistory;
use crate::lookup::{LookupScope, lookup_events};
use crate::page_token::PageTokenKey;
use crate::throttle::Throttle;
use crate::trails::{TrailCall, TrailServices, is_trail_operation};

/// What an operator may set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ControlSettings {
    /// Whether `LookupEvents` finds data events too. The original never does, so the default is `false`.
    pub lookup_includes_data_events: bool,
    /// Most `LookupEvents` calls a second for each account and region; the original allows 2. None by default.
    pub lookups_per_second: Option<NonZeroU32>,
}

/// The CloudTrail API over an event history and trails.
pub struct ControlPlane {
    history: Arc<dyn EventHistory>,
    directory: Arc<dyn KeyDirectory>,
    token_key: PageTokenKey,
    includes_data_events: bool,
    lookup_throttle: Option<Throttle>,
    trails: Option<TrailServices>,
}

/// A whole request.
#[derive(Debug, Clone, Copy)]
pub struct ControlRequest<'a> {
    /// Method, target and headers, as received.
    pub head: RequestHead<'a>,
    /// Body, as received.
    pub body: &'a [u8],
    /// Time of the request.
    pub now: EventTime,
    /// Id of the request, which the answer and the event record carry.
    pub request_id: &'a str,
}

/// A whole answer, and what the event record of the call needs to know.
#[derive(Debug, Clone)]
pub struct ControlResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers, but for `Date` and `Content-Length`.
    pub headers: HeaderMap,
    /// JSON text.
    pub body: Bytes,
    /// Operation that was asked for, if it was said.
    pub operation: Option<Operation>,
    /// Who called.
    pub caller: ResolvedCaller,
    /// Whether the signature was right. A known caller without this is only claimed.
    pub is_authenticated: bool,
    /// Why the request was refused.
    pub error: Option<ApiError>,
}

impl ControlResponse {
    /// Whether the call is an event. Calls that fail before the caller is known are none; refused ones of a known key
    /// are.
    pub fn is_recorded(&self) -> bool {
        matches!(self.caller, ResolvedCaller::Known(_))
    }
}

/// What is learned of a request on its way.
struct Progress {
    operation: Option<Operation>,
    caller: ResolvedCaller,
    is_authenticated: bool,
}

impl ControlPlane {
    /// An API over this history for callers with these keys. `token_key` is kept with the installation, so that page
    /// tokens hold across restarts.
    pub fn new(
        history: Arc<dyn EventHistory>,
        directory: Arc<dyn KeyDirectory>,
        token_key: PageTokenKey,
        settings: ControlSettings,
    ) -> Self {
        let ControlSettings { lookup_includes_data_events: includes_data_events, lookups_per_second } = settings;
        let lookup_throttle = lookups_per_second.map(Throttle::new);
        Self { history, directory, token_key, includes_data_events, lookup_throttle, trails: None }
    }

    /// The same with trails; without, the operations on trails are refused.
    #[must_use]
    pub fn with_trails(self, trails: TrailServices) -> Self {
        Self { trails: Some(trails), ..self }
    }

    /// Answers a request, whatever it is.
    ///
    /// The order of checks is that of the original: size and framing of the body, then the target, then the caller and their rate,
    /// then the input, then what the operation itself checks. A change of a trail is durable before its answer; dropped before, it
    /// happens whole or not at all.
    pub async fn handle(&self, request: ControlRequest<'_>) -> ControlResponse {
        let endpoint = Endpoint::of_path(request.head.path);
        let mut progress = Progress { operation: None, caller: ResolvedCaller::Nobody, is_authenticated: false };
        let (answer, error) = match self.answer(&request, endpoint, &mut progress).await {
            Ok(answer) => (answer, None),
            Err(error) => (Answer::error(endpoint, request.request_id, &error), Some(error)),
        };
        let Progress { operation, caller, is_authenticated } = progress;
        ControlResponse {
            status: answer.status,
            headers: answer.headers,
            body: answer.body.into(),
            operation,
            caller,
            is_authenticated,
            error,
        }
    }

    async fn answer(
        &self,
        request: &ControlRequest<'_>,
        endpoint: Endpoint,
        progress: &mut Progress,
    ) -> Result<Answer, ApiError> {
        check_framing(request.body)?;
        let operation = find_operation(&request.head, endpoint)?;
        progress.operation = Some(operation);
        let service = endpoint.signing_name();
        let (caller, proof) = authenticate(&*self.directory, &request.head, request.body, service, request.now);
        progress.caller = caller;
        let authenticated = proof?;
        progress.is_authenticated = true;
        match (operation, &self.trails) {
            (Operation::LookupEvents, _) => {
                let output = self.lookup_events(request, &authenticated).await?;
                success(endpoint, request.request_id, &output)
            }
            (operation, Some(services)) if is_trail_operation(operation) => {
                let account = authenticated.caller().account;
                let call = TrailCall { services, account, region: authenticated.region(), now: request.now };
                let output = call.answer(operation, json_input::parse_body(request.body)?).await?;
                success(endpoint, request.request_id, &output)
            }
            _ => Err(ApiError::UnsupportedOperation { operation }),
        }
    }

    async fn lookup_events(
        &self,
        request: &ControlRequest<'_>,
        authenticated: &Authenticated,
    ) -> Result<impl Serialize, ApiError> {
        let scope = LookupScope { account: authenticated.caller().account, region: authenticated.region().clone() };
        if let Some(throttle) = &self.lookup_throttle {
            throttle.take(scope.account, &scope.region, request.now)?;
        }
        let input = LookupEventsInput::read(json_input::parse_body(request.body)?)?;
        let includes_data_events = self.includes_data_events;
        lookup_events(&*self.history, &self.token_key, includes_data_events, &scope, input, request.now).await
    }
}

/// The body is not too large, and JSON or nothing. What it holds is not kept: nobody is known yet, and a tree of it takes
/// many times its size.
fn check_framing(body: &[u8]) -> Result<(), ApiError> {
    if body.len() > REQUEST_BYTES_MAX {
        return Err(ApiError::RequestTooLarge);
    }
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(body).map(|_| ()).map_err(|_| json_input::not_json())
}

fn find_operation(head: &RequestHead<'_>, endpoint: Endpoint) -> Result<Operation, ApiError> {
    let is_root = matches!(head.path, "/" | "");
    if head.method != Method::POST || (endpoint == Endpoint::CloudTrail && !is_root) {
        return Err(ApiError::UnknownUrl {
            method: head.method.to_string(),
            path: model::limits::cut(head.path, 256).to_owned(),
        });
    }
    if endpoint == Endpoint::CloudTrailData {
        return Ok(Operation::PutAuditEvents);
    }
    let target = head.headers.get("x-amz-target").map(|target| String::from_utf8_lossy(target.as_bytes()));
    let operation = target.as_deref().and_then(Operation::from_target);
    operation.ok_or_else(|| ApiError::UnknownOperation { target: target.map(|target| target.into_owned()) })
}

fn success(endpoint: Endpoint, request_id: &str, output: &impl Serialize) -> Result<Answer, ApiError> {
    Answer::success(endpoint, request_id, output).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        ApiError::Internal
    })
}
