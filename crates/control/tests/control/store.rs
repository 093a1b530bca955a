//! The API over the real store: what is appended is found, from memory and from segments, and after a restart.

use std::sync::Arc;

use ::store::{AttributeFilter, EventQuery, EventStore, StoreConfig, StoredEvent};
use api::lookup_events::AttributeKey;
use async_trait::async_trait;
use control::{ControlSettings, EventHistory, HistoryError, HistoryEvent, HistoryPage, HistoryQuery, Position};
use serde_json::{Value, json};

use crate::world::*;

/// The store as a history.
struct StoreHistory(EventStore);

#[async_trait]
impl EventHistory for StoreHistory {
    async fn page(&self, query: HistoryQuery) -> Result<HistoryPage, HistoryError> {
        let attribute = query.attribute.map(|attribute| match attribute.key {
            AttributeKey::EventId => AttributeFilter::EventId(attribute.value),
            AttributeKey::EventName => AttributeFilter::EventName(attribute.value),
            AttributeKey::ReadOnly => AttributeFilter::ReadOnly(attribute.value == "true"),
            AttributeKey::Username => AttributeFilter::Username(attribute.value),
            AttributeKey::ResourceType => AttributeFilter::ResourceType(attribute.value),
            AttributeKey::ResourceName => AttributeFilter::ResourceName(attribute.value),
            AttributeKey::EventSource => AttributeFilter::EventSource(attribute.value),
            AttributeKey::AccessKeyId => AttributeFilter::AccessKeyId(attribute.value),
        });
        let page = self.0.lookup(EventQuery {
            account: Some(query.account),
            region: Some(query.region),
            categories: query.categories,
            attributes: attribute.into_iter().collect(),
            start: query.start,
            end: query.end,
            after: query
                .after
                .map(|after| ::store::Position { event_time: after.event_time, sequence: after.tie_break }),
            limit: query.limit,
            ..EventQuery::default()
        });
        let page = page.await.map_err(|error| HistoryError::Failed(error.into()))?;
        Ok(HistoryPage {
            events: page.events.iter().map(|event| history_event(event)).collect(),
            next: page.next.map(|next| Position { event_time: next.event_time, tie_break: next.sequence }),
        })
    }
}

fn history_event(event: &StoredEvent) -> HistoryEvent {
    HistoryEvent { index: event.index.clone(), record: event.record.clone() }
}

/// A record of a bucket's creation; `number` makes it like no other.
fn record(number: i64) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": format!("AIDA{number}"),
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/user-{number}"), "accountId": ACCOUNT,
            "accessKeyId": format!("AKIA{number}"), "userName": format!("user-{number}"),
        },
        "eventTime": ago(1 + number / 5), "eventSource": "s3.amazonaws.com", "eventName": "CreateBucket",
        "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.7",
        "requestParameters": {"bucketName": format!("bucket-{number}")}, "responseElements": null,
        "eventID": format!("event-{number}"), "readOnly": false, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": ACCOUNT, "eventCategory": "Management",
    })
}

/// Asks the API over a store; a real `World` but for its history.
async fn lookup(events: &EventStore, body: Value) -> Value {
    let history = Arc::new(StoreHistory(events.clone())) as Arc<dyn EventHistory>;
    let plane = plane(history, 1, ControlSettings::default());
    let asked = Asked::lookup(body);
    answer(&handle(&plane, &asked, &asked.signed_headers(), now()).await)
}

async fn check_attributes(events: &EventStore) {
    for (key, value) in [
        ("EventId", "event-odd"),
        ("EventName", "DescribeInstances"),
        ("ReadOnly", "true"),
        ("Username", "ci-4711"),
        ("ResourceType", "AWS::EC2::Instance"),
        ("ResourceName", "i-0123456789abcdef0"),
        ("EventSource", "ec2.amazonaws.com"),
        ("AccessKeyId", "ASIAODD"),
    ] {
        let found = lookup(events, json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})).await;
        assert_eq!(ids(&found), ["event-odd"], "{key}");
    }
    let name = json!({"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": "bucket-7"}]});
    assert_eq!(ids(&lookup(events, name).await), ["event-7"]);
}

/// Two pages of 50 and the rest: every event once, newest first. Gives the token of the second page.
async fn check_pages(events: &EventStore, count: usize) -> Value {
    let first = lookup(events, json!({})).await;
    let second = lookup(events, json!({"NextToken": first["NextToken"]})).await;
    let third = lookup(events, json!({"NextToken": second["NextToken"]})).await;
    let pages = [&first, &second, &third];
    let mut found: Vec<String> = pages.iter().flat_map(|page| ids(page)).collect();
    let times = pages.iter().flat_map(|page| page["Events"].as_array().unwrap());
    let times: Vec<f64> = times.map(|event| event["EventTime"].as_f64().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    found.sort();
    found.dedup();
    assert_eq!((found.len(), times.len(), third.get("NextToken")), (count, count, None));
    first["NextToken"].clone()
}

#[tokio::test]
async fn what_is_appended_is_found_in_memory_in_segments_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (events, _) = EventStore::open(StoreConfig::new(folder.path())).await.expect("a store");
    let mut odd = record(7000);
    odd["eventID"] = json!("event-odd");
    odd["eventTime"] = json!(ago(20));
    odd["eventName"] = json!("DescribeInstances");
    odd["eventSource"] = json!("ec2.amazonaws.com");
    odd["readOnly"] = json!(true);
    odd["requestParameters"] = json!({"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}});
    odd["userIdentity"] = json!({
        "type": "AssumedRole", "principalId": "AROAX:ci-4711", "accountId": ACCOUNT, "accessKeyId": "ASIAODD",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci-4711"),
    });
    let mut data = record(8000);
    data["managementEvent"] = json!(false);
    data["eventCategory"] = json!("Data");
    let mut foreign = record(8001);
    foreign["recipientAccountId"] = json!(OTHER_ACCOUNT);
    let mut elsewhere = record(8002);
    elsewhere["awsRegion"] = json!("eu-west-1");
    for record in (0..119).map(record).chain([odd.clone(), data, foreign, elsewhere]) {
        events.append(record.to_string().into(), None).await.expect("durable");
    }

    check_attributes(&events).await;
    let token = check_pages(&events, 120).await;
    let found =
        lookup(&events, json!({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": "event-odd"}]}));
    assert_eq!(found.await["Events"][0]["CloudTrailEvent"], json!(odd.to_string()), "the record is as it was appended");

    events.seal(true).await.expect("sealed");
    check_attributes(&events).await;
    check_pages(&events, 120).await;

    events.close().await;
    drop(events);
    let (events, _) = EventStore::open(StoreConfig::new(folder.path())).await.expect("the store again");
    check_attributes(&events).await;
    let after_restart = lookup(&events, json!({"NextToken": token})).await;
    assert_eq!(ids(&after_restart).len(), 50, "a token holds across segments and restarts");
}
