//! The gateway over real sockets: an upstream that sees what arrives, a sink that remembers the order of things, and
//! clients that write raw HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a failed test may panic, and a test has no readers"
)]

mod world;

use std::time::Duration;

use gateway::{GatewaySettings, RecordingFailure};
use serde_json::Value;
use world::{Reply, World, signed_head};

const PUT_ITEM: &str = r#"{"TableName":"Music","Item":{"Artist":{"S":"x"}}}"#;

fn dynamodb(operation: &str, body: &str) -> String {
    let head = signed_head("POST", "/", "dynamodb");
    format!(
        "{head}X-Amz-Target: DynamoDB_20120810.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_changing_call_is_noted_before_it_is_forwarded_and_recorded_before_its_answer_leaves() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let answer = world.send(&dynamodb("CreateTable", r#"{"TableName":"Music"}"#)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(world.order(), ["note", "upstream", "event after note"]);
    let (note, event) = (world.records()[0].clone(), world.records()[1].clone());
    assert_eq!(note["eventName"], "CreateTable");
    assert_eq!(note["eventID"], event["eventID"]);
    assert!(note["errorCode"].is_string() && event["errorCode"].is_null());
}

#[tokio::test]
async fn a_read_is_recorded_once() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    world.send(&dynamodb("ListTables", "{}")).await;
    assert_eq!(world.order(), ["upstream", "event"]);
}

#[tokio::test]
async fn closed_refuses_before_anything_happens() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    world.break_sink();
    let answer = world.send(&dynamodb("CreateTable", r#"{"TableName":"Music"}"#)).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("ServiceUnavailable"), "{answer}");
    assert!(world.order().is_empty(), "{:?}", world.order());
}

#[tokio::test]
async fn closed_withholds_an_answer_that_cannot_be_recorded() {
    let world = World::start(GatewaySettings::default(), Reply::text(r#"{"TableNames":["secret-table"]}"#)).await;
    world.break_sink();
    let answer = world.send(&dynamodb("ListTables", "{}")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && !answer.contains("secret-table"), "{answer}");
}

#[tokio::test]
async fn open_lets_calls_go_on_and_records_the_gap() {
    let settings = GatewaySettings { recording_failure: RecordingFailure::Open, ..GatewaySettings::default() };
    let world = World::start(settings, Reply::text("{}")).await;
    world.break_sink();
    for _ in 0..3 {
        let answer = world.send(&dynamodb("CreateTable", r#"{"TableName":"Music"}"#)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    world.mend_sink();
    world.send(&dynamodb("ListTables", "{}")).await;
    let records = world.records();
    let gap = records.iter().find(|record| record["eventName"] == "RecordingGap").expect("the gap as an event");
    assert_eq!(gap["serviceEventDetails"]["unrecordedCallCount"], 3);
    assert_eq!(records.len(), 2, "{records:#?}");
}

#[tokio::test]
async fn bytes_go_on_as_received() {
    let world = World::start(GatewaySettings::default(), Reply::text("")).await;
    let target = "/bucket/a%2Fb%20c+d//e/../f?list-type=2&prefix=%C3%A4+&x=~!*'()";
    let request = format!("{}X-Odd-Case: V\r\n\r\n", signed_head("GET", target, "s3"));
    world.send(&request).await;
    let seen = world.seen();
    assert!(seen[0].starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{}", seen[0]);
    assert!(seen[0].contains("\r\nHost: original.example:1234\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("\r\nX-Odd-Case: V\r\n"), "{}", seen[0]);
}

#[tokio::test]
async fn a_streamed_answer_has_a_provisional_record_and_then_a_final_one() {
    let size = 3_000_000;
    let world = World::start(GatewaySettings::default(), Reply::bytes(size)).await;
    let answer = world.send(&format!("{}\r\n", signed_head("GET", "/bucket/big", "s3"))).await;
    assert!(answer.len() > size);
    world.until(|world| world.order().len() == 3).await;
    assert_eq!(world.order(), ["upstream", "note", "event after note"]);
    let event = world.records()[1].clone();
    assert_eq!(event["additionalEventData"]["bytesTransferredOut"].as_f64(), Some(size as f64), "{event:#}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_recorded_with_what_it_got() {
    let size = 64_000_000;
    let world = World::start(GatewaySettings::default(), Reply::bytes(size)).await;
    world.send_and_leave(&format!("{}\r\n", signed_head("GET", "/bucket/big", "s3")), 200_000).await;
    world.until(|world| world.order().last().is_some_and(|last| last == "event after note")).await;
    let event = world.records().last().cloned().expect("an event");
    let sent = event["additionalEventData"]["bytesTransferredOut"].as_f64().expect("a count");
    assert!(sent < size as f64, "{sent}");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_does_not_cancel_the_record() {
    let reply = Reply::text("{}").after(Duration::from_millis(300));
    let world = World::start(GatewaySettings::default(), reply).await;
    world.send_and_leave(&dynamodb("CreateTable", r#"{"TableName":"Music"}"#), 0).await;
    world.until(|world| world.order() == ["note", "upstream", "event after note"]).await;
}

#[tokio::test]
async fn an_upstream_that_is_slow_gives_504_and_a_record() {
    let settings = GatewaySettings { response_timeout: Duration::from_millis(100), ..GatewaySettings::default() };
    let world = World::start(settings, Reply::text("{}").after(Duration::from_secs(5))).await;
    let answer = world.send(&dynamodb("PutItem", PUT_ITEM)).await;
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("__type"), "{answer}");
    assert_eq!(world.records().last().expect("an event")["errorCode"], "GatewayTimeout");
}

#[tokio::test]
async fn an_upstream_that_is_down_gives_503_and_a_record() {
    let world = World::without_upstream(GatewaySettings::default()).await;
    let answer = world.send(&dynamodb("PutItem", PUT_ITEM)).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("no connection to the upstream"), "{answer}");
    assert_eq!(world.records().last().expect("an event")["errorCode"], "ServiceUnavailable");
}

#[tokio::test]
async fn what_is_no_aws_call_goes_on_untouched_and_unrecorded() {
    let world = World::start(GatewaySettings::default(), Reply::text("moto")).await;
    let answer = world.send("GET /moto-api/data.json HTTP/1.1\r\nHost: original.example:1234\r\n\r\n").await;
    assert!(answer.ends_with("moto"), "{answer}");
    assert_eq!(world.order(), ["upstream"]);
    assert!(world.metrics().contains("opentrail_gateway_unrecognised_requests_total 1"));
}

#[tokio::test]
async fn a_large_upload_streams_through_and_is_counted() {
    let world = World::start(GatewaySettings::default(), Reply::text("")).await;
    let body = "x".repeat(5_000_000);
    let head = signed_head("PUT", "/bucket/big", "s3");
    let answer = world.send(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(world.seen()[0].ends_with(&body[..1000]));
    let event = world.records().last().cloned().expect("an event");
    assert_eq!(event["additionalEventData"]["bytesTransferredIn"].as_f64(), Some(5_000_000.0), "{event:#}");
}

#[tokio::test]
async fn a_body_that_waits_for_100_continue_gets_it() {
    let world = World::start(GatewaySettings::default(), Reply::text("")).await;
    let head = signed_head("PUT", "/bucket/key", "s3");
    let answer = world.converse(&[&format!("{head}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"), "hello"]).await;
    assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_unknown_operation_of_a_known_service_is_recorded() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    world.send(&dynamodb("FoldTable", r#"{"TableName":"Music"}"#)).await;
    let event: Value = world.records().last().cloned().expect("an event");
    assert_eq!((&event["eventSource"], &event["eventName"]), (&"dynamodb.amazonaws.com".into(), &"FoldTable".into()));
    assert_eq!(world.order(), ["note", "upstream", "event after note"]);
}

#[tokio::test]
async fn one_connection_serves_many_requests_in_their_order() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let calls: String = ["ListTables", "PutItem", "GetItem"].map(|name| dynamodb(name, PUT_ITEM)).concat();
    let answer = world.send_until(&calls, |answer| answer.matches("HTTP/1.1 200").count() == 3).await;
    assert!(!answer.to_lowercase().contains("connection: close"), "{answer}");
    let names: Vec<_> = world.records().iter().filter(|record| record["errorCode"].is_null()).cloned().collect();
    let names: Vec<_> = names.iter().filter_map(|record| record["eventName"].as_str()).collect();
    assert_eq!(names, ["ListTables", "PutItem", "GetItem"]);
}

#[tokio::test]
async fn an_answer_keeps_the_spelling_of_its_headers() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let answer = world.send(&dynamodb("ListTables", "{}")).await;
    assert!(answer.contains("\r\nX-Amzn-RequestId: r-1\r\n"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_goes_on_and_what_follows_it_is_the_next_request() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let head = dynamodb("PutItem", "").replace("Content-Length: 0\r\n\r\n", "");
    let (first, second) = PUT_ITEM.split_at(10);
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x};x=y\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    let both = format!("{chunked}{}", dynamodb("ListTables", "{}"));
    world.send_until(&both, |answer| answer.matches("HTTP/1.1 200").count() == 2).await;
    let seen = world.seen();
    assert!(seen[0].contains(&format!("Content-Length: {}\r\n\r\n{PUT_ITEM}", PUT_ITEM.len())), "{}", seen[0]);
    assert!(seen[1].contains("ListTables"), "{}", seen[1]);
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_its_answer_and_the_end_of_the_connection() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let request = dynamodb("ListTables", "{}").replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n");
    let answer = world.send_until(&request, |_| false).await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("{}"), "{answer}");
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused_and_nothing_behind_them_is() {
    let smuggled = dynamodb("DeleteTable", "{}");
    let head = signed_head("POST", "/", "dynamodb");
    let long = "a".repeat(70_000);
    for (request, status) in [
        (format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{smuggled}"), "400"),
        (format!("{head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{head}Transfer-Encoding: gzip, chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{head}Bad Header: 1\r\n\r\n{smuggled}"), "400"),
        (format!("{head}X-Long: {long}\r\n\r\n{smuggled}"), "431"),
        (format!("NONSENSE\r\n\r\n{smuggled}"), "400"),
    ] {
        let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
        let answer = world.send_until(&request, |_| false).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(world.order().is_empty(), "{:?}", world.order());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_and_recorded() {
    let world = World::start(GatewaySettings::default(), Reply::text("{}")).await;
    let head = dynamodb("PutItem", "").replace("Content-Length: 0\r\n\r\n", "");
    let answer = world.send_until(&format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), |_| false).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(!world.order().contains(&"upstream".to_owned()));
}
