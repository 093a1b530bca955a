use aws_wire::catalog::Catalog;
use model::{EventCategory, EventResource, EventTime, EventType, UserIdentity};

use super::*;

/// A record of a call, with what a policy reads of it.
pub(crate) fn record(service: &str, parameters: Value, arns: &[&str], error_code: Option<&str>) -> EventRecord {
    EventRecord {
        event_version: "1.11",
        user_identity: UserIdentity::default().into(),
        event_time: EventTime::from_seconds(0),
        event_source: format!("{service}.amazonaws.com").into(),
        event_name: "Call".into(),
        aws_region: "eu-west-1".into(),
        source_ip_address: "127.0.0.1".into(),
        user_agent: None,
        error_code: error_code.map(Into::into),
        error_message: None,
        request_parameters: Some(parameters.into()),
        response_elements: None,
        additional_event_data: None,
        request_id: None,
        event_id: "".into(),
        read_only: false,
        resources: arns
            .iter()
            .map(|arn| EventResource { arn: Some((*arn).into()), ..EventResource::default() })
            .collect(),
        event_type: EventType::AwsApiCall,
        api_version: None,
        management_event: true,
        recipient_account_id: "111122223333".into(),
        shared_event_id: None,
        service_event_details: None,
        event_category: EventCategory::Management,
        tls_details: None,
    }
}

struct Calls(PolicyBuilder);

impl Calls {
    fn new() -> Self {
        Self(PolicyBuilder::new(None))
    }

    fn call(mut self, service: &str, operation: &str, record: EventRecord) -> Self {
        let status = if record.error_code.is_some() { 403 } else { 200 };
        let service = Catalog::embedded().service(service).expect(service);
        self.0.add(&UsedCall { service, operation, status: Some(status), record: &record });
        self
    }

    fn check(self, expected: Value) {
        assert_eq!(self.0.document(), json!({"Version": "2012-10-17", "Statement": expected}));
    }
}

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/t";
const OBJECT: [&str; 2] = ["arn:aws:s3:::b/k", "arn:aws:s3:::b"];

#[test]
fn actions_of_a_service_on_the_same_resources_share_a_statement() {
    Calls::new()
        .call("s3", "GetObject", record("s3", json!({}), &OBJECT, None))
        .call("s3", "HeadObject", record("s3", json!({}), &OBJECT, None))
        .call("s3", "PutObject", record("s3", json!({}), &OBJECT, None))
        .call("s3", "ListObjectsV2", record("s3", json!({}), &["arn:aws:s3:::b"], None))
        .call("s3", "ListBuckets", record("s3", json!({}), &[], None))
        .call("sts", "GetCallerIdentity", record("sts", json!({}), &[], None))
        .check(json!([
            {"Sid": "UsedS3", "Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["*"]},
            {"Sid": "UsedS3No2", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b"]},
            {"Sid": "UsedS3No3", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": ["arn:aws:s3:::b/k"]},
        ]));
}

#[test]
fn what_was_denied_stands_apart_unless_it_was_allowed_later() {
    let denied = Some("AccessDenied");
    let other = ["arn:aws:s3:::other/k"];
    Calls::new()
        .call("s3", "GetObject", record("s3", json!({}), &OBJECT, denied))
        .call("s3", "GetObject", record("s3", json!({}), &OBJECT, None))
        .call("s3", "PutObject", record("s3", json!({}), &other, denied))
        .call("s3", "DeleteObject", record("s3", json!({}), &other, Some("NoSuchBucket")))
        .check(json!([
            {"Sid": "UsedS3", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/k"]},
            {"Sid": "UsedS3No2", "Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::other/k"]},
            {"Sid": "DeniedS3", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::other/k"]},
        ]));
}

#[test]
fn names_become_arns_and_unknown_resources_everything() {
    Calls::new()
        .call("iam", "CreateUser", record("iam", json!({"userName": "ana"}), &[], None))
        .call("sqs", "SendMessage", record("sqs", json!({"queueUrl": "http://localhost/1/q"}), &[], None))
        .call("ssm", "GetParameter", record("ssm", json!({"name": "/a/b"}), &[], None))
        .call("iam", "CreateRole", record("iam", json!({"roleName": "r", "path": "/app/"}), &[], None))
        .call("iam", "AddUserToGroup", record("iam", json!({"userName": "ana", "groupName": "g"}), &[], None))
        .call("ssm", "GetDocument", record("ssm", json!({"name": "doc"}), &[], None))
        .call("lambda", "CreateEventSourceMapping", record("lambda", json!({"functionName": "f"}), &[], None))
        .call("dynamodb", "Query", record("dynamodb", json!({"indexName": "i"}), &[TABLE], None))
        .call("s3", "CreateBucket", record("s3", json!({"bucketName": "new"}), &[], None))
        .call("ec2", "DescribeVpcs", record("ec2", json!({}), &[], None))
        // The record names the key that was made, and the action knows none.
        .call("kms", "CreateKey", record("kms", json!({}), &["arn:aws:kms:eu-west-1:111122223333:key/1"], None))
        .check(json!([
            {"Sid": "UsedDynamodb", "Effect": "Allow", "Action": ["dynamodb:Query"],
             "Resource": ["arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/i"]},
            {"Sid": "UsedEc2", "Effect": "Allow", "Action": ["ec2:DescribeVpcs"], "Resource": ["*"]},
            {"Sid": "UsedIam", "Effect": "Allow", "Action": ["iam:AddUserToGroup"],
             "Resource": ["arn:aws:iam::111122223333:group/g"]},
            {"Sid": "UsedIamNo2", "Effect": "Allow", "Action": ["iam:CreateRole"],
             "Resource": ["arn:aws:iam::111122223333:role/app/r"]},
            {"Sid": "UsedIamNo3", "Effect": "Allow", "Action": ["iam:CreateUser"],
             "Resource": ["arn:aws:iam::111122223333:user/ana"]},
            {"Sid": "UsedKms", "Effect": "Allow", "Action": ["kms:CreateKey"], "Resource": ["*"]},
            {"Sid": "UsedLambda", "Effect": "Allow", "Action": ["lambda:CreateEventSourceMapping"], "Resource": ["*"]},
            {"Sid": "UsedS3", "Effect": "Allow", "Action": ["s3:CreateBucket"], "Resource": ["arn:aws:s3:::new"]},
            {"Sid": "UsedSqs", "Effect": "Allow", "Action": ["sqs:SendMessage"],
             "Resource": ["arn:aws:sqs:eu-west-1:111122223333:q"]},
            {"Sid": "UsedSsm", "Effect": "Allow", "Action": ["ssm:GetDocument"], "Resource": ["*"]},
            {"Sid": "UsedSsmNo2", "Effect": "Allow", "Action": ["ssm:GetParameter"],
             "Resource": ["arn:aws:ssm:eu-west-1:111122223333:parameter/a/b"]},
        ]));
}

#[test]
fn arns_that_a_record_has_percent_encoded_are_arns() {
    let cluster = "arn:aws:eks:eu-west-1:111122223333:cluster/c";
    let encoded = "arn%3Aaws%3Aeks%3Aeu-west-1%3A111122223333%3Acluster%2Fc";
    Calls::new()
        .call("eks", "TagResource", record("eks", json!({"resourceArn": encoded}), &[], None))
        .check(json!([{"Sid": "UsedEks", "Effect": "Allow", "Action": ["eks:TagResource"], "Resource": [cluster]}]));
}

#[test]
fn copies_read_their_source_and_roles_are_passed() {
    let copy = json!({"bucketName": "b", "x-amz-copy-source": "/from/there?versionId=1"});
    let function = json!({"functionName": "f", "role": "arn:aws:iam::111122223333:role/run"});
    Calls::new()
        .call("s3", "CopyObject", record("s3", copy, &OBJECT, None))
        .call("lambda", "CreateFunction", record("lambda", function, &[], None))
        .check(json!([
            {"Sid": "UsedLambda", "Effect": "Allow", "Action": ["lambda:CreateFunction"],
             "Resource": ["arn:aws:lambda:eu-west-1:111122223333:function:f"]},
            {"Sid": "UsedS3", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::b/k"]},
            {"Sid": "UsedS3No2", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::from/there"]},
            {"Sid": "PassRoles", "Effect": "Allow", "Action": ["iam:PassRole"],
             "Resource": ["arn:aws:iam::111122223333:role/run"]},
        ]));
}

#[test]
fn an_account_that_is_only_assumed_is_left_open() {
    let mut calls = Calls(PolicyBuilder::new(Some(AccountId::parse("111122223333").expect("an account"))));
    calls = calls.call("lambda", "Invoke", record("lambda", json!({"functionName": "f"}), &[], None));
    calls.check(json!([
        {"Sid": "UsedLambda", "Effect": "Allow", "Action": ["lambda:InvokeFunction"],
         "Resource": ["arn:aws:lambda:eu-west-1:*:function:f"]},
    ]));
}

#[test]
fn a_failure_of_the_service_says_nothing() {
    let mut policy = PolicyBuilder::new(None);
    let service = Catalog::embedded().service("s3").expect("s3");
    let record = record("s3", json!({}), &OBJECT, Some("InternalError"));
    for status in [Some(500), Some(503), None] {
        policy.add(&UsedCall { service, operation: "GetObject", status, record: &record });
    }
    assert_eq!(policy.used_actions(), 0);
}
