//! `GET /api/v1/status`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::archive::ArchiveStatus;
use crate::refusal::Refusal;
use crate::router::Console;

/// What the server says of itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerStatus {
    version: &'static str,
    endpoint: String,
    is_serving: bool,
    now: String,
    store: ArchiveStatus,
}

pub(crate) async fn status(State(console): State<Console>) -> Result<Json<ServerStatus>, Refusal> {
    let store = console.archive().status().await.map_err(|error| Refusal::of_archive(&error))?;
    Ok(Json(ServerStatus {
        version: env!("CARGO_PKG_VERSION"),
        endpoint: console.endpoint().to_owned(),
        is_serving: console.readiness().reason().is_none(),
        now: console.now().to_string(),
        store,
    }))
}
