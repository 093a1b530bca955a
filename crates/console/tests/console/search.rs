//! Searching what is stored.

use http::Method;
use serde_json::{Value, json};

use crate::world::*;

#[tokio::test]
async fn records_come_back_as_stored() {
    let world = World::new();
    world.archive.push("A", 1, |_| {});
    let response = world.send(Signing::default().sign(Method::POST, SEARCH, "")).await;
    assert_eq!(text(response).await, r#"{"events":[{"eventID": "e-1",  "eventName":"A","b":1,"a":1.0}]}"#);
}

#[tokio::test]
async fn filters_times_and_order_decide() {
    let world = World::new();
    for (name, seconds_ago) in [("CreateUser", 7200), ("DeleteUser", 600), ("PutRolePolicy", 60), ("GetUser", 1)] {
        world.archive.push(name, seconds_ago, |index| {
            index.read_only = Some(name.starts_with("Get"));
            index.error_code = (name == "DeleteUser").then(|| "AccessDenied".into());
        });
    }
    world.archive.push("Foreign", 1, |index| index.account = Some("444455556666".into()));
    for (body, expected) in [
        (json!({}), vec!["GetUser", "PutRolePolicy", "DeleteUser", "CreateUser"]),
        (json!({"order": "oldestFirst"}), vec!["CreateUser", "DeleteUser", "PutRolePolicy", "GetUser"]),
        (json!({"eventName": ["*User"], "readOnly": false}), vec!["DeleteUser", "CreateUser"]),
        (json!({"denied": true}), vec!["DeleteUser"]),
        (json!({"errorCode": "any"}), vec!["DeleteUser"]),
        (json!({"since": "10m"}), vec!["GetUser", "PutRolePolicy", "DeleteUser"]),
        (json!({"since": "1h", "until": "2025-03-01T11:59:00Z"}), vec!["PutRolePolicy", "DeleteUser"]),
        (json!({"account": ACCOUNT, "limit": 1}), vec!["GetUser"]),
    ] {
        assert_eq!(names(&world.search(&body).await), expected, "{body}");
    }
}

async fn all_pages(world: &World, mut body: Value) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let answer = world.search(&body).await;
        found.extend(names(&answer).into_iter().map(str::to_owned));
        let Some(next) = answer.get("next") else { return found };
        body["cursor"] = next.clone();
    }
}

#[tokio::test]
async fn pages_hold_everything_once_in_both_directions() {
    let world = World::new();
    for number in 0..40 {
        world.archive.push(&format!("N{number:02}"), 100 - number / 3, |index| {
            index.username = Some(if number % 2 == 0 { "even" } else { "odd" }.into());
        });
    }
    let all: Vec<String> = (0..40).map(|number| format!("N{number:02}")).collect();
    let even: Vec<String> = all.iter().step_by(2).cloned().collect();
    for limit in [1, 5, 39, 40, 41] {
        let forward = json!({"order": "oldestFirst", "limit": limit});
        assert_eq!(all_pages(&world, forward).await, all, "{limit}");
        let mut backward = all_pages(&world, json!({"limit": limit})).await;
        backward.reverse();
        assert_eq!(backward, all, "{limit}");
        let filtered = json!({"order": "oldestFirst", "limit": limit, "userName": "even"});
        assert_eq!(all_pages(&world, filtered).await, even, "{limit}");
    }
}

#[tokio::test]
async fn a_search_that_finds_little_answers_early_and_goes_on() {
    let world = World::with_pages(500);
    for _ in 0..20_600 {
        world.archive.push("Noise", 10, |_| {});
    }
    world.archive.push("Needle", 20, |_| {});
    let answer = world.search(&json!({"eventName": ["Needle"]})).await;
    assert_eq!((names(&answer).len(), answer["next"].is_string()), (0, true));
    assert_eq!(all_pages(&world, json!({"eventName": ["Needle"]})).await, ["Needle"]);
}

/// Of what is rare the events that nobody asked for may be far away.
#[tokio::test]
async fn an_archive_is_asked_for_no_more_than_is_shown_unless_others_are_among_it() {
    let world = World::with_pages(30);
    for number in 0..100 {
        world.archive.push("Needle", number, |_| {});
    }
    world.archive.push("Noise", 0, |_| {});
    let asked = async |body: Value| {
        world.archive.asked.lock().expect("not poisoned").clear();
        let found = names(&world.search(&body).await).len();
        (found, world.archive.asked.lock().expect("not poisoned").clone())
    };
    assert_eq!(asked(json!({"limit": 20})).await, (20, vec![20]));
    assert_eq!(asked(json!({"limit": 70})).await, (70, vec![70, 40, 10]));
    assert_eq!(asked(json!({"limit": 1000})).await, (101, vec![500, 500, 500, 500]));
    assert_eq!(asked(json!({"limit": 40, "eventName": ["Needle"]})).await, (40, vec![40, 500]));
}

#[tokio::test]
async fn the_root_user_of_the_installation_sees_all_accounts() {
    let world = World::new();
    world.archive.push("Own", 20, |_| {});
    world.archive.push("Foreign", 10, |index| index.account = Some("444455556666".into()));
    let root = Signing { key_id: ROOT_KEY_ID, ..Signing::default() };
    let ask = async |signing: &Signing, path: &str, body: &Value| {
        let response = world.send(signing.sign(Method::POST, path, &body.to_string())).await;
        assert_eq!(response.status(), 200);
        serde_json::from_str::<Value>(&text(response).await).expect("JSON")
    };
    for (signing, body, expected) in [
        (&root, json!({}), &["Foreign", "Own"][..]),
        (&root, json!({"account": "444455556666"}), &["Foreign"]),
        (&root, json!({"query": "account!=444455556666"}), &["Own"]),
        (&Signing::default(), json!({}), &["Own"]),
        (&Signing::default(), json!({"query": "account=444455556666"}), &[]),
    ] {
        assert_eq!(names(&ask(signing, SEARCH, &body).await), expected, "{body}");
        let counted = ask(signing, "/api/v1/events/count", &body).await;
        assert_eq!(counted["total"], expected.len(), "{body}");
    }
}

#[tokio::test]
async fn wrong_searches_are_refused_in_words() {
    let world = World::new();
    for (body, status, code, part) in [
        (json!({"limit": 0}), 400, "InvalidSearch", "limit must be between 1 and 1000"),
        (json!({"colour": "red"}), 400, "InvalidSearch", "unknown field `colour`"),
        (json!({"since": "soon"}), 400, "InvalidSearch", "since: 'soon' is not a time"),
        (json!([]), 400, "InvalidSearch", "The body is not a search"),
        (json!({"cursor": "x"}), 400, "InvalidCursor", "Start again without it"),
        (json!({"since": "5m", "until": "10m"}), 400, "InvalidSearch", "ends before it begins"),
        (json!({"account": "444455556666"}), 403, "AccessDenied", "another account"),
        (json!({"query": "x".repeat(600_000)}), 413, "BodyTooLarge", "send less at once"),
    ] {
        let response = world.send(Signing::default().sign(Method::POST, SEARCH, &body.to_string())).await;
        assert_eq!(response.status(), status, "{body}");
        let answer: Value = serde_json::from_str(&text(response).await).expect("JSON");
        assert_eq!(answer["error"]["code"], code);
        assert!(answer["error"]["message"].as_str().unwrap().contains(part), "{answer}");
    }
    *world.archive.is_broken.lock().unwrap() = true;
    let response = world.send(Signing::default().sign(Method::POST, SEARCH, "{}")).await;
    assert_eq!(response.status(), 503);
}
