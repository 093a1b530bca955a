//! Pages and their tokens.

use std::sync::Arc;

use control::{ControlSettings, EventHistory};
use model::EventTime;
use serde_json::{Value, json};

use crate::world::*;

fn world_of(count: i64) -> World {
    let world = World::new();
    for number in 0..count {
        // Five events share each second, so that ties are met.
        world.history.push(stored(&format!("{number:03}"), "A", 1 + number / 5));
    }
    world
}

fn token(answer: &Value) -> Option<&str> {
    answer.get("NextToken").map(|token| token.as_str().expect("a text"))
}

async fn check_bad_token(world: &World, asked: &Asked) {
    check_refused(&world.ask(asked).await, 400, "InvalidNextTokenException", "Invalid next token.");
}

#[tokio::test]
async fn pages_hold_everything_once_and_the_last_has_no_token() {
    for (count, size, pages) in [(0, 10, 1), (9, 10, 1), (10, 10, 1), (11, 10, 2), (120, 50, 3), (7, 1, 7)] {
        let world = world_of(count);
        let (mut found, mut body, mut made) = (Vec::new(), json!({"MaxResults": size}), 0);
        loop {
            let answer = world.lookup(&body).await;
            found.extend(ids(&answer));
            made += 1;
            let Some(next) = token(&answer) else { break };
            body["NextToken"] = json!(next);
        }
        let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!((found.len() as i64, distinct.len() as i64, made), (count, count, pages), "{count} by {size}");
    }
}

#[tokio::test]
async fn new_events_between_pages_shift_nothing() {
    let world = world_of(30);
    let before = ids(&world.lookup("{}").await);
    let (mut found, mut body, mut number) = (Vec::new(), json!({"MaxResults": 4}), 0);
    let mut time = now();
    loop {
        let response = world.ask_at(&Asked { signed_at: time, ..Asked::lookup(&body) }, time).await;
        let answer = answer(&response);
        found.extend(ids(&answer));
        let Some(next) = token(&answer) else { break };
        body["NextToken"] = json!(next);
        // Between two pages time goes on, and events arrive: some newer than the first page, some in its first second.
        time = EventTime::from_seconds(time.as_seconds() + 60);
        number += 1;
        world.history.push(stored(&format!("new-{number}"), "A", -30 * number));
        world.history.push(stored(&format!("tie-{number}"), "A", 1));
    }
    assert_eq!(found, before);
}

#[tokio::test]
async fn the_page_size_may_change_between_pages() {
    let world = world_of(20);
    let first = world.lookup(json!({"MaxResults": 3})).await;
    let second = world.lookup(json!({"MaxResults": 50, "NextToken": token(&first)})).await;
    assert_eq!((ids(&first).len(), ids(&second).len(), token(&second)), (3, 17, None));
}

#[tokio::test]
async fn tokens_hold_across_restarts_with_the_same_key_only() {
    let world = world_of(20);
    let first = world.lookup(json!({"MaxResults": 15})).await;
    let asked = Asked::lookup(json!({"NextToken": token(&first)}));
    for (key, status) in [(1, 200), (2, 400)] {
        let plane = plane(Arc::clone(&world.history) as Arc<dyn EventHistory>, key, ControlSettings::default());
        assert_eq!(handle(&plane, &asked, &asked.signed_headers(), now()).await.status, status);
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_query_only() {
    let world = world_of(20);
    let (start, end) = (ago(3600).as_seconds(), now().as_seconds());
    let query = json!({
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "A"}],
        "StartTime": start, "EndTime": end, "MaxResults": 5,
    });
    let first = world.lookup(&query).await;
    let next = token(&first).expect("more");
    let with = |member: &str, value: Value| {
        let mut changed = query.clone();
        changed["NextToken"] = json!(next);
        changed[member] = value;
        Asked::lookup(changed)
    };
    let good = with("MaxResults", json!(6));
    assert_eq!(world.ask(&good).await.status, 200);
    for (member, value) in [
        ("StartTime", json!(start + 1)),
        ("StartTime", Value::Null),
        ("EndTime", json!(end - 1)),
        ("EndTime", Value::Null),
        ("EventCategory", json!("insight")),
        ("LookupAttributes", json!([])),
        ("LookupAttributes", json!([{"AttributeKey": "EventName", "AttributeValue": "B"}])),
        ("LookupAttributes", json!([{"AttributeKey": "EventId", "AttributeValue": "A"}])),
    ] {
        check_bad_token(&world, &with(member, value)).await;
    }
    check_bad_token(&world, &Asked { region: "eu-west-1", ..good.clone() }).await;
    check_bad_token(&world, &Asked { key_id: OTHER_KEY_ID, ..good.clone() }).await;
    let mut damaged = next.to_owned();
    let last = if damaged.pop() == Some('A') { 'B' } else { 'A' };
    damaged.push(last);
    for text in [damaged.as_str(), "", "x", &"A".repeat(5000)] {
        check_bad_token(&world, &with("NextToken", json!(text))).await;
    }
}
