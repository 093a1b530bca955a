//! Refusals of the JSON API: `{"error":{"code":…,"message":…}}`, in words that say what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::archive::ArchiveError;
use crate::search::SearchError;

/// Why a call of the JSON API is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The signature is not accepted.
    pub(crate) fn of_signature(code: &'static str, text: &str) -> Self {
        let text = text.trim_end_matches('.');
        let message = format!(
            "{text}. Sign the request with Signature Version 4 for the service 'opentrail' and any region, with an access key of this installation. `opentrail events` does so with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or with the root access key in the data folder."
        );
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// The search cannot be made as asked.
    pub(crate) fn of_search(error: &SearchError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidSearch", error.to_string())
    }

    /// The body is no search at all.
    pub(crate) fn of_body(problem: &dyn std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidSearch", format!("The body is not a search: {problem}."))
    }

    /// The count cannot be made as asked.
    pub(crate) fn of_count(problem: &dyn std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidCount", format!("The count cannot be made: {problem}."))
    }

    /// Records of another account.
    pub(crate) fn foreign_account() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "This access key belongs to another account. Leave the account out, or sign with a key of the account.",
        )
    }

    /// A `cursor` that no answer gave.
    pub(crate) fn cursor() -> Self {
        let message = "The cursor is not one that an answer gave for this search. Start again without it.";
        Self::new(StatusCode::BAD_REQUEST, "InvalidCursor", message)
    }

    /// The store gave nothing: the log says why.
    pub(crate) fn of_archive(error: &ArchiveError) -> Self {
        tracing::error!(error = error as &dyn std::error::Error, "the console could not read the store");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "StoreUnavailable",
            "The store could not be read. The server's log says why.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": {"code": self.code, "message": self.message}}))).into_response()
    }
}
