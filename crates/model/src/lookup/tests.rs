use proptest::prelude::*;
use serde_json::json;

use super::*;

fn derive(record: &serde_json::Value) -> LookupIndex {
    LookupIndex::derive(record.to_string().as_bytes()).expect("a record")
}

/// A small record with some fields replaced.
fn record(changes: serde_json::Value) -> serde_json::Value {
    let mut record = json!({
        "eventVersion": "1.08", "eventTime": "2025-03-01T12:00:05Z", "eventID": "e-1", "eventName": "X",
        "eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1", "readOnly": false,
        "userIdentity": {"type": "IAMUser", "userName": "ana", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        "requestParameters": null, "responseElements": null, "recipientAccountId": "111122223333",
        "eventCategory": "Management"
    });
    for (key, value) in changes.as_object().expect("an object") {
        record[key] = value.clone();
    }
    record
}

#[test]
fn user_names_of_every_kind_of_caller() {
    for (identity, expected) in [
        (json!({"type": "IAMUser", "userName": "ana"}), Some("ana")),
        (json!({"type": "Root", "arn": "arn:aws:iam::111122223333:root", "userName": "alias"}), Some("root")),
        (
            json!({"type": "AssumedRole", "principalId": "AROA:s-1", "arn": "arn:aws:sts::1:assumed-role/R/s-1"}),
            Some("s-1"),
        ),
        (json!({"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/bob"}), Some("bob")),
        (json!({"type": "AWSAccount", "principalId": "AROA:s-2", "accountId": "1"}), Some("s-2")),
        (json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}), Some("ec2.amazonaws.com")),
        (json!({"type": "Unknown", "accountId": "1"}), None),
        (json!(null), None),
    ] {
        assert_eq!(derive(&record(json!({"userIdentity": identity}))).username.as_deref(), expected, "{identity}");
    }
}

#[test]
fn categories_of_old_and_new_records() {
    for (named, management, expected) in [
        (json!("Data"), json!(null), EventCategory::Data),
        (json!("Management"), json!(true), EventCategory::Management),
        (json!("NetworkActivity"), json!(null), EventCategory::NetworkActivity),
        (json!("Insight"), json!(null), EventCategory::Insight),
        (json!(null), json!(false), EventCategory::Data),
        (json!(null), json!("false"), EventCategory::Data),
        (json!(null), json!(null), EventCategory::Management),
    ] {
        let changes = json!({"eventCategory": named, "managementEvent": management});
        assert_eq!(derive(&record(changes)).category, expected);
    }
}

fn check(source: &str, parameters: serde_json::Value, answer: serde_json::Value, expected: &[(&str, &str)]) {
    let changes = json!({"eventSource": source, "requestParameters": parameters, "responseElements": answer});
    let found = derive(&record(changes)).resources;
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|resource| (resource.resource_type.as_deref().unwrap_or("-"), resource.resource_name.as_str()))
        .collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn resources_are_named_by_parameters_and_answers() {
    check(
        "ec2.amazonaws.com",
        json!({"groupId": "sg-1", "ipPermissions": {"items": [{"groups": {"items": [{"groupId": "sg-2"}]}}]}}),
        json!({"requestId": "r", "_return": true}),
        &[("AWS::EC2::SecurityGroup", "sg-1"), ("AWS::EC2::SecurityGroup", "sg-2")],
    );
    check(
        "iam.amazonaws.com",
        json!({"userName": "ana"}),
        json!({"user": {"userName": "ana", "userId": "AIDA", "arn": "arn:aws:iam::111122223333:user/p/ana"}}),
        &[
            ("AWS::IAM::User", "ana"),
            ("AWS::IAM::User", "AIDA"),
            ("AWS::IAM::User", "arn:aws:iam::111122223333:user/p/ana"),
        ],
    );
    check(
        "s3.amazonaws.com",
        json!({"bucketName": "b", "key": "a/c"}),
        json!(null),
        &[("AWS::S3::Bucket", "b"), ("AWS::S3::Object", "arn:aws:s3:::b/a/c")],
    );
    check(
        "sns.amazonaws.com",
        json!({"topicArn": "arn:aws:sns:eu-west-1:111122223333:t"}),
        json!(null),
        &[("AWS::SNS::Topic", "arn:aws:sns:eu-west-1:111122223333:t"), ("AWS::SNS::Topic", "t")],
    );
    check(
        "ec2.amazonaws.com",
        json!({"CreateFlowLogsRequest": {"VpcId": "vpc-1"}}),
        json!(null),
        &[("AWS::EC2::VPC", "vpc-1")],
    );
    check(
        "new.amazonaws.com",
        json!({"thingArn": "arn:aws:new:eu-west-1:1:thing/t", "name": "n"}),
        json!(null),
        &[("-", "arn:aws:new:eu-west-1:1:thing/t"), ("-", "t")],
    );
}

#[test]
fn listed_resources_come_first() {
    let listed =
        json!([{"accountId": "1", "type": "AWS::KMS::Key", "ARN": "arn:aws:kms:eu-west-1:1:key/k"}, {"odd": 1}]);
    let index = derive(&record(json!({"resources": listed})));
    let names: Vec<&str> = index.resources.iter().map(|resource| resource.resource_name.as_str()).collect();
    assert_eq!(names, ["arn:aws:kms:eu-west-1:1:key/k", "k"]);
}

#[test]
fn what_is_no_event_is_refused_by_name() {
    for (text, expected) in [
        ("", "not an event record: it is no JSON object"),
        ("[]", "not an event record: it is no JSON object"),
        ("{", "not an event record"),
        ("{\"eventTime\":5}", "not an event record"),
        ("{}", "the record has no eventTime"),
        ("{\"eventTime\":\"2025-03-01T12:00:05Z\"}", "the record has no eventID"),
        ("{\"eventTime\":\"soon\",\"eventID\":\"e\"}", "the record's eventTime cannot be read"),
    ] {
        assert_eq!(LookupIndex::derive(text.as_bytes()).expect_err(text).to_string(), expected, "{text}");
    }
}

#[test]
fn text_that_is_no_utf8_is_refused_wherever_it_stands() {
    let text = b"{\"eventTime\":\"2025-03-01T12:00:05Z\",\"eventID\":\"e\",\"unknown\":\"a\xeb\"}";
    let refused = LookupIndex::derive(text).expect_err("no UTF-8");
    assert_eq!(refused.to_string(), "not an event record: it is no UTF-8");
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(bytes: Vec<u8>, text in "[\\[\\]{}\":,a-z0-9]{0,60}") {
        let _ = LookupIndex::derive(&bytes);
        let wrapped = format!("{{\"eventTime\":\"2025-03-01T12:00:05Z\",\"eventID\":\"e\",\"resources\":{text}}}");
        let _ = LookupIndex::derive(wrapped.as_bytes());
    }
}
