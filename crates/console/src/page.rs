//! The one page: what is running, and what to try.

use axum::extract::State;
use axum::response::Html;

use crate::router::Console;

/// Everything that is not the endpoint; `{endpoint}` and `{state}` are put in.
const PAGE: &str = include_str!("page.html");

pub(crate) async fn index(State(console): State<Console>) -> Html<String> {
    let state = match console.readiness().reason() {
        None => "It is serving.".to_owned(),
        Some(reason) => format!("It is not serving yet: {}.", escape(&reason)),
    };
    Html(PAGE.replace("{endpoint}", &escape(console.endpoint())).replace("{state}", &state))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
