//! Records that are brought.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::world::*;

#[tokio::test]
async fn a_body_goes_to_the_intake_as_it_is() {
    let world = World::new();
    // Larger than any other call may be.
    let body = format!("{{\"a\":\"{}\"}}\n", "x".repeat(3 * 1024 * 1024));
    let response = world.send(Signing::default().sign(Method::POST, RECORDS, &body)).await;
    assert_eq!(response.status(), 200);
    let report: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(report, json!({"stored": 1, "duplicates": 0, "rejected": []}));
    assert_eq!(world.intake.bodies.lock().unwrap().len(), 1);
    assert_eq!(world.intake.bodies.lock().unwrap()[0], body);

    let too_large = "x".repeat(17 * 1024 * 1024);
    let response = world.send(Signing::default().sign(Method::POST, RECORDS, &too_large)).await;
    assert_eq!(response.status(), 413);

    *world.intake.is_broken.lock().unwrap() = true;
    let response = world.send(Signing::default().sign(Method::POST, RECORDS, "{}")).await;
    assert_eq!(response.status(), 503);
    assert!(text(response).await.contains("none of them is"));
}

#[tokio::test]
async fn a_packed_body_is_refused_and_not_taken_for_lines() {
    let world = World::new();
    let mut request = Signing::default().sign(Method::POST, RECORDS, "{}");
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let response = world.send(request).await;
    assert_eq!(response.status(), 415);
    assert!(text(response).await.contains("send it unpacked"));
    assert!(world.intake.bodies.lock().unwrap().is_empty());

    let mut request = Signing::default().sign(Method::POST, RECORDS, "{}");
    request.headers_mut().insert("content-encoding", "identity".parse().unwrap());
    assert_eq!(world.send(request).await.status(), 200);
}

#[tokio::test]
async fn callers_wait_for_their_turn_and_are_told_to_come_again_when_too_many_wait() {
    let world = Arc::new(World::new());
    let busy = world.intake.busy.lock().await;
    let send =
        |world: Arc<World>| async move { world.send(Signing::default().sign(Method::POST, RECORDS, "{}")).await };
    let waiting: Vec<_> = (0..66).map(|_| tokio::spawn(send(Arc::clone(&world)))).collect();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let refused = send(Arc::clone(&world)).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(text(refused).await.contains("SlowDown"));
    drop(busy);
    for answer in waiting {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(world.intake.bodies.lock().unwrap().len(), 66);
    assert_eq!(send(world).await.status(), 200, "places are free again");
}

#[tokio::test]
async fn an_import_brings_files_and_records_together() {
    let world = World::new();
    let post = async |path: &str, body: &str| {
        let response = world.send(Signing::default().sign(Method::POST, path, body)).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str::<Value>(&text(response).await).unwrap())
    };
    let head = r#"{"files":[{"key":"a","sizeBytes":7,"tag":"t","records":2,"rejected":0}]}"#;
    let answer = post(console::IMPORT_PATH, &format!("{head}\n{{\"a\":1}}\n{{\"a\":2}}\n")).await;
    assert_eq!(answer, (200, json!({"stored": 1, "duplicates": [1, 5]})));
    assert_eq!(world.intake.bodies.lock().unwrap()[0], "{\"a\":1}\n{\"a\":2}\n");
    for wrong in ["", "{}", &head.replace("\"a\"", "\"\"")] {
        assert_eq!(post(console::IMPORT_PATH, wrong).await.0, 400, "{wrong}");
    }
    let answer = post(console::KNOWN_FILES_PATH, r#"{"keys":["b","a"]}"#).await;
    assert_eq!(answer, (200, json!({"files": [null, {"sizeBytes": 7, "tag": "t"}]})));
    assert_eq!(post(console::KNOWN_FILES_PATH, "[1]").await.0, 400);
}
