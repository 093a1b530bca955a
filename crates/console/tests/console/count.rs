//! Numbers of events.

use http::Method;
use serde_json::{Value, json};

use crate::world::*;

async fn count(world: &World, body: &str) -> (u16, Value) {
    let response = world.send(Signing::default().sign(Method::POST, "/api/v1/events/count", body)).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&text(response).await).unwrap())
}

#[tokio::test]
async fn events_are_counted_by_value_and_time() {
    let world = World::new();
    for (name, seconds_ago) in [("Get", 7200), ("Put", 3600), ("Get", 3600), ("Get", 60), ("List", 60)] {
        world.archive.push(name, seconds_ago, |_| {});
    }
    world.archive.push("Foreign", 1, |index| index.account = Some("444455556666".into()));
    assert_eq!(count(&world, "").await, (200, json!({"total": 5})));
    let (_, by_name) = count(&world, r#"{"by": "eventname", "top": 2}"#).await;
    let values = json!([{"value": "Get", "count": 3}, {"value": "List", "count": 1}]);
    assert_eq!(by_name, json!({"total": 5, "values": values, "others": 1}));
    let (_, by_time) = count(&world, r#"{"interval": "1h", "eventName": ["Get"]}"#).await;
    let times: Vec<&str> =
        by_time["times"].as_array().unwrap().iter().map(|time| time["start"].as_str().unwrap()).collect();
    assert_eq!((by_time["total"].as_u64(), times.len()), (Some(3), 2));
    assert!(times.is_sorted() && times.iter().all(|time| time.ends_with(":00:00Z")), "{times:?}");
    for wrong in [
        r#"{"by": "colour"}"#,
        r#"{"interval": "soon"}"#,
        r#"{"interval": "0s"}"#,
        r#"{"top": 0}"#,
        "[]",
        r#"{"x": 1}"#,
    ] {
        assert_eq!(count(&world, wrong).await.0, 400, "{wrong}");
    }
}
