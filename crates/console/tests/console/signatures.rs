//! Who may ask the JSON API.

use axum::body::Body;
use http::{Method, Request};
use model::EventTime;
use serde_json::Value;

use crate::world::*;

async fn check(world: &World, request: Request<Body>, status: u16, code: &str) {
    let uri = request.uri().clone();
    let response = world.send(request).await;
    assert_eq!(response.status(), status, "{uri} {code}");
    let body: Value = serde_json::from_str(&text(response).await).expect("JSON");
    assert_eq!(body["error"]["code"], code, "{uri}");
    let message = body["error"]["message"].as_str().expect("a text");
    assert!(message.contains("Sign the request") && message.contains("opentrail"), "{message}");
}

#[tokio::test]
async fn every_call_must_be_signed_by_a_key_of_ours() {
    let world = World::new();
    let good = Signing::default;
    for (method, uri) in [
        (Method::POST, SEARCH),
        (Method::POST, RECORDS),
        (Method::GET, "/api/v1/events/follow?eventName=A"),
        (Method::GET, "/api/v1/status"),
    ] {
        let unsigned = Request::builder().method(method.clone()).uri(uri).body(Body::empty()).unwrap();
        check(&world, unsigned, 401, "MissingAuthenticationTokenException").await;
        let sign = |signing: Signing| signing.sign(method.clone(), uri, "");
        check(&world, sign(Signing { key_id: "AKIAOTHER", ..good() }), 401, "UnrecognizedClientException").await;
        check(&world, sign(Signing { secret: "wrong", ..good() }), 401, "InvalidSignatureException").await;
        check(&world, sign(Signing { service: "cloudtrail", ..good() }), 401, "InvalidSignatureException").await;
        let old = EventTime::from_seconds(now().as_seconds() - 3600);
        check(&world, sign(Signing { signed_at: old, ..good() }), 401, "InvalidSignatureException").await;
    }
}

#[tokio::test]
async fn the_body_and_the_query_are_covered() {
    let world = World::new();
    let mut request = Signing::default().sign(Method::POST, SEARCH, "{}");
    *request.body_mut() = Body::from(r#"{"limit":1}"#);
    check(&world, request, 401, "InvalidSignatureException").await;
    let mut request = Signing::default().sign(Method::GET, "/api/v1/events/follow?eventName=A", "");
    *request.uri_mut() = "/api/v1/events/follow?eventName=B".parse().unwrap();
    check(&world, request, 401, "InvalidSignatureException").await;
}

#[tokio::test]
async fn the_status_is_for_signed_callers() {
    let world = World::new();
    world.archive.push("A", 1, |_| {});
    let body: Value = serde_json::from_str(&text(world.signed_get("/api/v1/status").await).await).expect("JSON");
    assert_eq!(
        (&body["store"]["newestSequence"], &body["isServing"], &body["endpoint"], &body["now"]),
        (&1.into(), &true.into(), &"http://127.0.0.1:4600".into(), &"2025-03-01T12:00:00Z".into())
    );
    *world.archive.is_broken.lock().unwrap() = true;
    let response = world.signed_get("/api/v1/status").await;
    assert_eq!(response.status(), 503);
    assert!(!text(response).await.contains("fire"), "what went wrong is for the log");
}
