//! What anyone may ask.

use crate::world::*;

#[tokio::test]
async fn ready_says_why_not() {
    let world = World::new();
    let response = world.get("/-/ready").await;
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (200, "ready\n"));
    world.readiness.not_serving("stopping");
    let response = world.get("/-/ready").await;
    assert_eq!((response.status().as_u16(), text(response).await.as_str()), (503, "not ready: stopping\n"));
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let response = World::new().get("/-/metrics").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = text(response).await;
    assert!(text.contains("calls_total 1\n") && text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn the_page_says_what_is_running_and_what_is_not_built() {
    let world = World::new();
    world.readiness.not_serving("<recovering>");
    let response = world.get("/").await;
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let text = text(response).await;
    for part in ["http://127.0.0.1:4600", "not built yet", "opentrail events --follow", "&lt;recovering&gt;"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("{endpoint}") && !text.contains("{state}"));
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let response = World::new().get("/nothing").await;
    assert_eq!(response.status(), 404);
    assert!(text(response).await.contains("GET / says what is"));
}
