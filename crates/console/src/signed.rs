//! Callers of the JSON API, proved by their signature.

use aws_wire::RequestHead;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::authentication::{View, authenticate};
use http::header::{CONTENT_ENCODING, HOST};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::AccountId;

use crate::intake_route;
use crate::refusal::Refusal;
use crate::router::Console;

/// Name that signatures for the JSON API carry as their service.
pub const SIGNING_NAME: &str = "opentrail";
/// Largest body of a call, in bytes. A search with every filter at its bound stays below it.
const BODY_BYTES_MAX: usize = 512 * 1024;

/// Where records are brought: a call with a larger body.
pub(crate) const RECORDS_PATH: &str = "/api/v1/records";
/// Where `opentrail import` brings records, with as large a body.
pub const IMPORT_PATH: &str = "/api/v1/import";
/// Where `opentrail import` asks for files that were read before.
pub const KNOWN_FILES_PATH: &str = "/api/v1/import/files";

/// The account of the signed caller of a request, and whose events the caller may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedCaller {
    pub(crate) account: AccountId,
    pub(crate) view: View,
}

/// Lets a request pass that is signed by a key of the installation; its body has been read by then.
pub(crate) async fn require_signature(State(console): State<Console>, request: Request, next: Next) -> Response {
    match check(&console, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn check(console: &Console, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let is_intake = [RECORDS_PATH, IMPORT_PATH].contains(&parts.uri.path());
    let bytes_max = if is_intake { intake_route::BODY_BYTES_MAX } else { BODY_BYTES_MAX };
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let message = format!("The body is larger than {bytes_max} bytes: send less at once.");
            return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge", message);
        }
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidBody", "The body could not be read whole.")
    })?;
    let body = body.to_bytes();
    // HTTP/2 carries the host in `:authority`; signatures cover it as `host` whatever the version.
    if !parts.headers.contains_key(HOST)
        && let Some(host) = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok())
    {
        parts.headers.insert(HOST, host);
    }
    let head = RequestHead {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
    };
    let (_, proof) = authenticate(console.keys(), &head, &body, SIGNING_NAME, console.now());
    let authenticated = proof.map_err(|error| Refusal::of_signature(error.code(), &error.to_string()))?;
    if let Some(encoding) = parts.headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        // Packed lines are no lines: taken as they are, all of them would be rejected under a 200.
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        let message = format!("The body has Content-Encoding {encoding}: send it unpacked, without this header.");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedContentEncoding", message));
    }
    let caller = authenticated.caller();
    parts.extensions.insert(SignedCaller { account: caller.account, view: caller.view });
    Ok(Request::from_parts(parts, Body::from(body)))
}
