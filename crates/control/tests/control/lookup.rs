//! What `LookupEvents` finds, and how it looks.

use std::sync::Arc;

use control::{ControlSettings, EventHistory, HistoryError};
use model::EventCategory;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn events_come_newest_first_in_the_observed_shape() {
    let world = World::new();
    world.history.push(stored("old", "CreateUser", 60));
    world.history.push(stored("new", "DeleteUser", 5));
    let answer = world.lookup("{}").await;
    assert_eq!(ids(&answer), ["new", "old"]);
    let event = serde_json::to_string(&answer["Events"][0]).unwrap();
    assert_eq!(
        event,
        r#"{"EventId":"new","EventName":"DeleteUser","ReadOnly":"false","AccessKeyId":"AKIAIOSFODNN7EXAMPLE","EventTime":1740830395.0,"EventSource":"iam.amazonaws.com","Username":"ana","Resources":[{"ResourceType":"AWS::IAM::User","ResourceName":"user-of-new"}],"CloudTrailEvent":"{\"eventID\":\"new\",\"eventName\":\"DeleteUser\",\"eventTime\":\"2025-03-01T11:59:55Z\"}"}"#
    );
    assert!(answer.get("NextToken").is_none());
}

#[tokio::test]
async fn absent_members_are_left_out() {
    let world = World::new();
    let mut bare = stored("bare", "ServiceEvent", 5);
    bare.event.index.access_key_id = None;
    bare.event.index.username = None;
    bare.event.index.read_only = None;
    bare.event.index.resources.clear();
    world.history.push(bare);
    let answer = world.lookup("{}").await;
    let event = answer["Events"][0].as_object().unwrap();
    let keys: Vec<&str> = event.keys().map(String::as_str).collect();
    assert_eq!(keys, ["EventId", "EventName", "EventTime", "EventSource", "Resources", "CloudTrailEvent"]);
    assert_eq!(event["Resources"], json!([]));
}

#[tokio::test]
async fn each_attribute_finds_its_event() {
    let world = World::new();
    let mut wanted = stored("wanted", "RunInstances", 10);
    wanted.event.index.event_source = "ec2.amazonaws.com".into();
    wanted.event.index.read_only = Some(true);
    wanted.event.index.access_key_id = Some("ASIAWANTED".into());
    wanted.event.index.username = Some("session".into());
    wanted.event.index.resources[0].resource_type = Some("AWS::EC2::Instance".into());
    world.history.push(wanted);
    world.history.push(stored("other", "CreateUser", 9));
    for (key, value) in [
        ("EventId", "wanted"),
        ("EventName", "RunInstances"),
        ("ReadOnly", "true"),
        ("Username", "session"),
        ("ResourceType", "AWS::EC2::Instance"),
        ("ResourceName", "user-of-wanted"),
        ("EventSource", "ec2.amazonaws.com"),
        ("AccessKeyId", "ASIAWANTED"),
    ] {
        let body = json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]});
        assert_eq!(ids(&world.lookup(body).await), ["wanted"], "{key}");
    }
}

#[tokio::test]
async fn only_the_callers_account_and_the_called_region_are_seen() {
    let world = World::new();
    world.history.push(stored("mine", "A", 3));
    world.history.push(Stored { account: OTHER_ACCOUNT, ..stored("theirs", "A", 2) });
    world.history.push(Stored { region: "eu-west-1", ..stored("elsewhere", "A", 1) });
    assert_eq!(ids(&world.lookup("{}").await), ["mine"]);
    let asked = Asked { key_id: OTHER_KEY_ID, ..Asked::lookup("{}") };
    assert_eq!(ids(&answer(&world.ask(&asked).await)), ["theirs"]);
    let asked = Asked { region: "eu-west-1", ..Asked::lookup("{}") };
    assert_eq!(ids(&answer(&world.ask(&asked).await)), ["elsewhere"]);
}

#[tokio::test]
async fn data_events_are_found_only_where_the_operator_says_so() {
    let world = World::new();
    world.history.push(stored("management", "A", 2));
    world.history.push(Stored { category: EventCategory::Data, ..stored("data", "PutObject", 1) });
    world.history.push(Stored { category: EventCategory::NetworkActivity, ..stored("network", "A", 1) });
    assert_eq!(ids(&world.lookup("{}").await), ["management"]);
    let settings = ControlSettings { lookup_includes_data_events: true, ..ControlSettings::default() };
    let plane = plane(Arc::clone(&world.history) as Arc<dyn EventHistory>, 1, settings);
    let asked = Asked::lookup("{}");
    let response = handle(&plane, &asked, &asked.signed_headers(), now()).await;
    assert_eq!(ids(&answer(&response)), ["data", "management"]);
}

#[tokio::test]
async fn both_ends_of_the_range_are_inclusive() {
    let world = World::new();
    for seconds in [30, 20, 10] {
        world.history.push(stored(&seconds.to_string(), "A", seconds));
    }
    let (start, end) = (ago(30).as_seconds(), ago(20).as_seconds());
    assert_eq!(ids(&world.lookup(json!({"StartTime": start, "EndTime": end})).await), ["20", "30"]);
    assert_eq!(ids(&world.lookup(json!({"StartTime": start + 1, "EndTime": end - 1})).await), [""; 0]);
    let text = json!({"StartTime": ago(10).to_string()});
    assert_eq!(ids(&world.lookup(text).await), ["10"]);
}

#[tokio::test]
async fn ninety_days_are_kept_and_older_starts_are_clipped() {
    let world = World::new();
    world.history.push(stored("too old", "A", 90 * DAY + 1));
    world.history.push(stored("just in", "A", 90 * DAY));
    assert_eq!(ids(&world.lookup("{}").await), ["just in"]);
    assert_eq!(ids(&world.lookup(json!({"StartTime": 0})).await), ["just in"]);
    let ended = json!({"StartTime": 0, "EndTime": ago(91 * DAY).as_seconds()});
    assert_eq!(world.lookup(ended).await, json!({"Events": []}));
}

#[tokio::test]
async fn insight_events_are_none_yet() {
    let world = World::new();
    world.history.push(stored("management", "A", 2));
    assert_eq!(world.lookup(json!({"EventCategory": "insight"})).await, json!({"Events": []}));
}

#[tokio::test]
async fn bounds_are_refused_through_the_api() {
    let world = World::new();
    let two = json!({"AttributeKey": "EventId", "AttributeValue": "x"});
    for (body, code, message) in [
        (
            json!({"LookupAttributes": [two, two]}),
            "InvalidLookupAttributesException",
            "You can only specify one lookup attribute.",
        ),
        (
            json!({"LookupAttributes": [{"AttributeKey": "Colour", "AttributeValue": "x"}]}),
            "InvalidLookupAttributesException",
            "Colour is not a valid attribute key.",
        ),
        (json!({"StartTime": 2, "EndTime": 1}), "InvalidTimeRangeException", "Start time must be before end time."),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException", "Max results must be between 1 and 50."),
        (json!({"EventCategory": "data"}), "InvalidEventCategoryException", "data is not a valid event category."),
        (json!({"NextToken": ""}), "InvalidNextTokenException", "Invalid next token."),
        (json!({"MaxResults": "5"}), "SerializationException", "STRING_VALUE can not be converted to an Integer"),
    ] {
        let response = world.ask(&Asked::lookup(&body)).await;
        check_refused(&response, 400, code, message);
        assert!(response.is_recorded() && response.is_authenticated, "{body}");
    }
}

#[tokio::test]
async fn a_history_that_fails_is_our_fault_and_says_nothing_more() {
    let world = World::new();
    for (error, status, code, message) in [
        (
            HistoryError::Unavailable("secret detail".into()),
            503,
            "ServiceUnavailable",
            "Service is unavailable. Please try again.",
        ),
        (HistoryError::Failed("secret detail".into()), 500, "InternalFailure", "An internal error occurred."),
    ] {
        *world.history.fails.lock().unwrap() = Some(error);
        check_refused(&world.ask(&Asked::lookup("{}")).await, status, code, message);
    }
}

#[tokio::test]
async fn a_rate_is_kept_where_the_operator_sets_one() {
    let world = World::new();
    let settings = ControlSettings { lookups_per_second: std::num::NonZeroU32::new(2), ..ControlSettings::default() };
    let plane = plane(Arc::clone(&world.history) as Arc<dyn EventHistory>, 1, settings);
    // The rate comes before the input: even a call that cannot be read is counted.
    for (body, status) in [("{}", 200), ("[]", 400), ("{}", 400)] {
        let asked = Asked::lookup(body);
        assert_eq!(handle(&plane, &asked, &asked.signed_headers(), now()).await.status, status);
    }
    let asked = Asked::lookup("[]");
    let response = handle(&plane, &asked, &asked.signed_headers(), now()).await;
    check_refused(&response, 400, "ThrottlingException", "Rate exceeded");
    assert!(response.is_recorded() && response.is_authenticated);
}
