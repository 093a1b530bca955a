//! Following what arrives.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt;
use serde_json::Value;

use crate::world::*;

const FOLLOW: &str = "/api/v1/events/follow";

/// The lines of a stream.
struct Lines {
    stream: BodyDataStream,
    rest: String,
}

impl Lines {
    async fn open(world: &World, query: &str) -> Self {
        let response = world.signed_get(&format!("{FOLLOW}?{query}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let mut lines = Self { stream: response.into_body().into_data_stream(), rest: String::new() };
        assert_eq!(lines.next_line().await.as_deref(), Some(""), "the first line is empty");
        lines
    }

    /// The next line, or nothing at the end of the stream.
    async fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let line = line.to_owned();
                self.rest = rest.to_owned();
                return Some(line);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.stream.next()).await.expect("in time")?;
            self.rest.push_str(std::str::from_utf8(&chunk.expect("a chunk")).expect("text"));
        }
    }

    /// The next line that is not empty.
    async fn next_record(&mut self) -> String {
        loop {
            let line = self.next_line().await.expect("not the end");
            if !line.is_empty() {
                return line;
            }
        }
    }

    async fn next_name(&mut self) -> String {
        let record: Value = serde_json::from_str(&self.next_record().await).expect("JSON");
        record["eventName"].as_str().expect("a name").to_owned()
    }
}

#[tokio::test]
async fn new_records_come_as_stored_and_filtered() {
    let world = World::new();
    world.archive.push("Before", 1, |_| {});
    let mut lines = Lines::open(&world, "eventName=A*&eventName=B&userName=ana").await;
    world.archive.push("C", 0, |_| {});
    world.archive.push("A1", 0, |index| index.username = Some("bo".into()));
    world.archive.push("A2", 0, |_| {});
    assert_eq!(lines.next_record().await, r#"{"eventID": "e-4",  "eventName":"A2","b":1,"a":1.0}"#);
    world.archive.push("B", 0, |index| index.account = Some("444455556666".into()));
    world.archive.push("B", 99_999, |_| {});
    assert_eq!(lines.next_record().await, r#"{"eventID": "e-6",  "eventName":"B","b":1,"a":1.0}"#);
}

#[tokio::test]
async fn a_quiet_stream_shows_that_it_lives() {
    let world = World::new();
    let mut lines = Lines::open(&world, "").await;
    let start = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(lines.next_line().await.as_deref(), Some(""));
    }
    assert!(start.elapsed() >= 3 * KEEP_ALIVE, "{:?}", start.elapsed());
    world.archive.push("A", 0, |_| {});
    assert_eq!(lines.next_name().await, "A");
}

#[tokio::test]
async fn a_reader_that_falls_behind_misses_nothing_and_gets_nothing_twice() {
    let world = World::new();
    let mut lines = Lines::open(&world, "").await;
    for number in 0..3000 {
        world.archive.push(&format!("N{number}"), number % 50, |_| {});
    }
    for number in 0..3000 {
        assert_eq!(lines.next_name().await, format!("N{number}"));
    }
}

#[tokio::test]
async fn the_past_comes_first_and_every_event_once_while_others_arrive() {
    let world = World::new();
    world.archive.push("TooOld", 7200, |_| {});
    for number in 0..30 {
        world.archive.push(&format!("Past{number:02}"), 1800 - number, |_| {});
    }
    let mut lines = Lines::open(&world, "since=1h").await;
    let mut found = Vec::new();
    for number in 0..10 {
        found.push(lines.next_name().await);
        // Arrives while the past is read, with times before, within and after what was read already.
        world.archive.push(&format!("Late{number}a"), 1900, |_| {});
        world.archive.push(&format!("Late{number}b"), 1785, |_| {});
        world.archive.push(&format!("Late{number}c"), 0, |_| {});
        world.archive.push("TooOld", 7200, |_| {});
    }
    while found.len() < 60 {
        found.push(lines.next_name().await);
    }
    let expected_past: Vec<String> = (0..30).map(|number| format!("Past{number:02}")).collect();
    let expected_late: Vec<String> =
        (0..10).flat_map(|number| ["a", "b", "c"].map(|letter| format!("Late{number}{letter}"))).collect();
    assert_eq!(found, [expected_past, expected_late].concat());
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_and_breaks_when_the_store_does() {
    let world = World::new();
    let mut lines = Lines::open(&world, "").await;
    world.readiness.not_serving("stopping");
    assert_eq!(lines.next_line().await, None);

    let world = World::new();
    let mut lines = Lines::open(&world, "").await;
    *world.archive.is_broken.lock().unwrap() = true;
    assert!(lines.stream.next().await.expect("something").is_err(), "the reader must see that the stream is not whole");
}

#[tokio::test]
async fn a_stream_takes_filters_only() {
    let world = World::new();
    for query in ["limit=1", "cursor=x", "until=1h", "order=oldestFirst", "colour=red", "readOnly=1"] {
        assert_eq!(world.signed_get(&format!("{FOLLOW}?{query}")).await.status(), 400, "{query}");
    }
    assert_eq!(world.signed_get(&format!("{FOLLOW}?account=444455556666")).await.status(), 403);
}
