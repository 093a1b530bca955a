//! The routes of the console address.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use control::KeyDirectory;
use http::{StatusCode, header};
use model::EventTime;
use prometheus_client::registry::Registry;

use crate::archive::EventArchive;
use crate::intake::{ImportIntake, RecordIntake};
use crate::intake_route::{self, Intake};
use crate::readiness::Readiness;
use crate::refusal::Refusal;
use crate::{count_route, follow_route, page, search_route, signed, status_route};

/// Content type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Console(Arc<Parts>);

struct Parts {
    archive: Arc<dyn EventArchive>,
    keys: Arc<dyn KeyDirectory>,
    readiness: Readiness,
    metrics: Arc<Registry>,
    clock: Box<dyn Fn() -> EventTime + Send + Sync>,
    endpoint: String,
    keep_alive: Duration,
}

/// Pause after which an empty line shows that a stream lives; below the idle limits of usual proxies.
pub const KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(15);

impl Console {
    /// A console over this archive for callers with these keys.
    ///
    /// `clock` gives the time of each request. `endpoint` is the URL that AWS clients are given, for the page and the
    /// status. `keep_alive` is usually [`KEEP_ALIVE_DEFAULT`].
    pub fn new(
        archive: Arc<dyn EventArchive>,
        keys: Arc<dyn KeyDirectory>,
        readiness: Readiness,
        metrics: Arc<Registry>,
        clock: impl Fn() -> EventTime + Send + Sync + 'static,
        endpoint: String,
        keep_alive: Duration,
    ) -> Self {
        Self(Arc::new(Parts { archive, keys, readiness, metrics, clock: Box::new(clock), endpoint, keep_alive }))
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        self.0.keep_alive
    }

    pub(crate) fn archive(&self) -> &Arc<dyn EventArchive> {
        &self.0.archive
    }

    pub(crate) fn keys(&self) -> &dyn KeyDirectory {
        &*self.0.keys
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(crate) fn now(&self) -> EventTime {
        (self.0.clock)()
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.0.endpoint
    }
}

/// The service of the console address. Records that are brought go to `intake`, those of imports to `import`.
pub fn router(console: Console, intake: Arc<dyn RecordIntake>, import: Arc<dyn ImportIntake>) -> Router {
    let signed_routes = Router::new()
        .route("/api/v1/events/search", post(search_route::search))
        .route("/api/v1/events/count", post(count_route::count))
        .route("/api/v1/events/follow", get(follow_route::follow))
        .route("/api/v1/status", get(status_route::status))
        .route_layer(middleware::from_fn_with_state(console.clone(), signed::require_signature));
    let intake = Intake::new(intake, import);
    // The turn is outside of the signature, which needs the body.
    let intake_route = Router::new()
        .route(signed::RECORDS_PATH, post(intake_route::take))
        .route(signed::IMPORT_PATH, post(intake_route::import))
        .route(signed::KNOWN_FILES_PATH, post(intake_route::known_files))
        .layer(DefaultBodyLimit::max(intake_route::BODY_BYTES_MAX))
        .route_layer(middleware::from_fn_with_state(console.clone(), signed::require_signature))
        .route_layer(middleware::from_fn_with_state(intake.clone(), intake_route::wait_for_turn))
        .with_state(intake);
    Router::new()
        .route("/", get(page::index))
        .route("/-/ready", get(ready))
        .route("/-/metrics", get(metrics))
        .merge(signed_routes)
        .merge(intake_route)
        .fallback(not_found)
        .with_state(console)
}

async fn ready(State(console): State<Console>) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    match console.readiness().reason() {
        None => (StatusCode::OK, plain, "ready\n".to_owned()).into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, plain, format!("not ready: {reason}\n")).into_response(),
    }
}

async fn metrics(State(console): State<Console>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &console.0.metrics) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "Nothing is here. GET / says what is.")
}
