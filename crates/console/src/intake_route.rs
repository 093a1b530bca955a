//! `POST /api/v1/records`, and `POST /api/v1/import` with its ledger, which is what `opentrail import` speaks.
//!
//! A caller that sends faster than records become durable waits: its body is read when its turn comes. When too many
//! wait already, it is told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;

use crate::intake::{
    ImportAnswer, ImportHead, ImportIntake, ImportRefusal, IntakeReport, KnownFilesAnswer, KnownFilesRequest,
    RecordIntake,
};
use crate::refusal::Refusal;

/// Largest body, in bytes: some ten thousand records, which are durable in a fraction of a second.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies that are read and stored at the same time: one reads while another is written.
const AT_ONCE: usize = 2;
/// Calls that may wait for their turn.
const WAITING_MAX: usize = 64;
/// When a caller that was not let in shall come again, seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Where records go, and the turns of those who bring them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake(Arc<Parts>);

struct Parts {
    intake: Arc<dyn RecordIntake>,
    import: Arc<dyn ImportIntake>,
    places: Semaphore,
    inside: AtomicUsize,
}

impl Intake {
    pub(crate) fn new(intake: Arc<dyn RecordIntake>, import: Arc<dyn ImportIntake>) -> Self {
        Self(Arc::new(Parts { intake, import, places: Semaphore::new(AT_ONCE), inside: AtomicUsize::new(0) }))
    }
}

/// Counts a caller out when its call ends, however it ends.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a request in when it is its turn, before its body is read.
pub(crate) async fn wait_for_turn(State(Intake(parts)): State<Intake>, request: Request, next: Next) -> Response {
    let before = parts.inside.fetch_add(1, Ordering::Relaxed);
    let _inside = Inside(&parts.inside);
    if before >= AT_ONCE + WAITING_MAX {
        return slow_down();
    }
    match parts.places.acquire().await {
        Ok(_place) => next.run(request).await,
        Err(_) => slow_down(),
    }
}

fn slow_down() -> Response {
    let message = "Too many calls bring records at this moment. Wait a second and send the same body again.";
    let mut response = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", message).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
    response
}

pub(crate) async fn take(State(Intake(parts)): State<Intake>, lines: Bytes) -> Result<Json<IntakeReport>, Refusal> {
    parts.intake.take(lines).await.map(Json).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "records that were brought could not be stored");
        let message =
            "The records could not be stored; none of them is. The server's log says why. Send them again later.";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "StoreUnavailable", message)
    })
}

/// The first line is an [`ImportHead`], each other one a record.
pub(crate) async fn import(State(Intake(parts)): State<Intake>, body: Bytes) -> Result<Json<ImportAnswer>, Refusal> {
    let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
    let head: ImportHead = serde_json::from_slice(&body[..end])
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "InvalidImport", format!("The first line: {error}.")))?;
    let lines = body.slice((end + 1).min(body.len())..);
    parts.import.import(head.files, lines).await.map(Json).map_err(|error| of_import(&error))
}

pub(crate) async fn known_files(
    State(Intake(parts)): State<Intake>,
    body: Bytes,
) -> Result<Json<KnownFilesAnswer>, Refusal> {
    let request: KnownFilesRequest = serde_json::from_slice(&body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "InvalidImport", format!("The body: {error}.")))?;
    let files = parts.import.imported_files(request.keys).await.map_err(|error| of_import(&error))?;
    Ok(Json(KnownFilesAnswer { files }))
}

fn of_import(error: &ImportRefusal) -> Refusal {
    match error {
        ImportRefusal::Body(problem) => {
            Refusal::new(StatusCode::BAD_REQUEST, "InvalidImport", format!("{problem}. Nothing of it is stored."))
        }
        ImportRefusal::Store(cause) => {
            tracing::error!(error = cause as &dyn std::error::Error, "an import could not be stored");
            let cause = std::error::Error::source(cause).map_or_else(String::new, |cause| format!(": {cause}"));
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "StoreUnavailable",
                format!("Nothing of it is stored{cause}."),
            )
        }
    }
}
