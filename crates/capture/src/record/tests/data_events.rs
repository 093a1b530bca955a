//! What data events name, each case after a guide or a public record.

use http::Method;
use serde_json::{Value as Json, json};

use super::{Case, check, recorded};
use crate::category::every_data_event;

/// Source: SWF, AppConfig and Verified Permissions guides; Service Authorization Reference.
#[test]
fn data_events_name_what_they_touch() {
    for (service, operation, body, kind, arn) in [
        (
            "swf",
            "CountClosedWorkflowExecutions",
            r#"{"domain":"nsg-domain"}"#,
            "AWS::SWF::Domain",
            "arn:aws:swf:eu-west-1:111122223333:/domain/nsg-domain",
        ),
        (
            "verifiedpermissions",
            "IsAuthorized",
            r#"{"policyStoreId":"PS1"}"#,
            "AWS::VerifiedPermissions::PolicyStore",
            "arn:aws:verifiedpermissions::111122223333:policy-store/PS1",
        ),
        (
            "socialmessaging",
            "SendWhatsAppMessage",
            r#"{"originationPhoneNumberId":"phone-number-id-aa01","metaApiVersion":"v20.0"}"#,
            "AWS::SocialMessaging::PhoneNumberId",
            "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/phone-number-id-aa01",
        ),
        (
            "stepfunctions",
            "StartSyncExecution",
            r#"{"stateMachineArn":"arn:aws:states:eu-west-1:111122223333:stateMachine:m"}"#,
            "AWS::StepFunctions::StateMachine",
            "arn:aws:states:eu-west-1:111122223333:stateMachine:m",
        ),
    ] {
        check(
            &Case::new(service, operation, body, "{}"),
            &json!({
                "eventCategory": "Data",
                "managementEvent": false,
                "resources": [{ "accountId": "111122223333", "type": kind, "ARN": arn }],
            }),
        );
    }
    // Those of Verified Permissions name it in management events too. Source: guide.
    check(
        &Case::new("verifiedpermissions", "GetSchema", r#"{"policyStoreId":"PS1"}"#, "{}"),
        &json!({
            "eventCategory": "Management",
            "resources": [{ "accountId": "111122223333", "type": "AWS::VerifiedPermissions::PolicyStore",
                            "ARN": "arn:aws:verifiedpermissions::111122223333:policy-store/PS1" }],
        }),
    );
    check(&Case::new("verifiedpermissions", "ListPolicyStores", "{}", "{}"), &json!({ "resources": null }));
    // So do others. Source: guides of Security Incident Response (2024) and Partner Central (2025).
    let partner = "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/partner/p";
    let case = |path, name| Case { path, ..Case::new("security-ir", name, "{}", r#"{"caseId":"1"}"#) };
    for (case, kind, arn) in [
        (
            case("/v1/create-case", "CreateCase"),
            "AWS::SecurityResponder::Case",
            "arn:aws:security-ir:eu-west-1:111122223333:case/*",
        ),
        (
            case("/v1/cases/7/close-case", "CloseCase"),
            "AWS::SecurityResponder::Case",
            "arn:aws:security-ir:eu-west-1:111122223333:case/7",
        ),
        (
            Case::new("partnercentral-account", "CreatePartner", "{}", &json!({ "Arn": partner }).to_string()),
            "AWS::PartnerCentral::Partner",
            partner,
        ),
        (
            Case::new(
                "partnercentral-channel",
                "CreateProgramManagementAccount",
                "{}",
                &json!({ "programManagementAccountDetail": { "arn": partner } }).to_string(),
            ),
            "AWS::PartnerCentralChannel::ProgramManagementAccount",
            partner,
        ),
    ] {
        check(&case, &json!({ "resources": [{ "accountId": "111122223333", "type": kind, "ARN": arn }] }));
    }
    // A call that does not say what it touches has the types alone, which selectors look for.
    for (service, operation, input, types) in [
        ("swf", "PollForDecisionTask", "{}", &["AWS::SWF::Domain"][..]),
        ("xray", "GetTraceSummaries", "{}", &["AWS::XRay::Trace"]),
        ("kinesis", "GetRecords", r#"{"ShardIterator":"AAA"}"#, &["AWS::Kinesis::Stream"]),
        (
            "pinpoint-sms-voice-v2",
            "SendTextMessage",
            r#"{"DestinationPhoneNumber":"+1"}"#,
            &["AWS::SMSVoice::OriginationIdentity"],
        ),
        ("iotsitewise", "BatchGetAssetPropertyValue", "{}", &["AWS::IoTSiteWise::TimeSeries"]),
        ("iotsitewise", "InvokeAssistant", "{}", &["AWS::SitewiseAssistant::Conversation"]),
        (
            "servicediscovery",
            "DiscoverInstances",
            "{}",
            &["AWS::ServiceDiscovery::Namespace", "AWS::ServiceDiscovery::Service"],
        ),
    ] {
        let types: Vec<_> = types.iter().map(|name| json!({ "type": name })).collect();
        check(&Case::new(service, operation, input, "{}"), &json!({ "managementEvent": false, "resources": types }));
    }
    // No topic is told of what goes to a phone.
    check(&Case::new("sns", "Publish", "Action=Publish&PhoneNumber=%2B1&Message=m", ""), &json!({ "resources": null }));
}

/// No data event is out of reach of selectors, whatever its call does not say.
#[test]
fn every_data_event_has_a_type() {
    for (id, operation, types) in every_data_event() {
        if id != "sns" && !types.is_empty() {
            let record = recorded(&Case::new(id, operation, "{}", "{}"));
            let resources = record["resources"].as_array().unwrap_or_else(|| panic!("{id} {operation} {record}"));
            let is_of_types = |resource: &Json| types.iter().any(|name| resource["type"] == *name);
            assert!(resources.iter().any(is_of_types), "{id} {operation} {resources:?}");
        }
    }
}

#[test]
fn data_events_name_all_that_they_touch() {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:111122223333:{rest}");
    for (case, resources) in [
        (
            Case::new("firehose", "PutRecord", r#"{"DeliveryStreamName":"d"}"#, "{}"),
            vec![("AWS::KinesisFirehose::DeliveryStream", arn("firehose", "deliverystream/d"))],
        ),
        (
            Case::new(
                "events",
                "PutEvents",
                r#"{"Entries":[{"Source":"a"},{"EventBusName":"b"},{"EventBusName":"b"}]}"#,
                "{}",
            ),
            vec![
                ("AWS::Events::EventBus", arn("events", "event-bus/default")),
                ("AWS::Events::EventBus", arn("events", "event-bus/b")),
            ],
        ),
        (
            Case::new("pinpoint-sms-voice-v2", "SendTextMessage", r#"{"OriginationIdentity":"phone-1"}"#, "{}"),
            vec![("AWS::SMSVoice::OriginationIdentity", arn("sms-voice", "phone-number/phone-1"))],
        ),
        (
            Case {
                method: Method::POST,
                path: "/streamgroups/sg-1/streamsessions",
                ..Case::new("gameliftstreams", "StartStreamSession", r#"{"ApplicationIdentifier":"a-1"}"#, "{}")
            },
            vec![
                ("AWS::GameLiftStreams::StreamGroup", arn("gameliftstreams", "streamgroup/sg-1")),
                ("AWS::GameLiftStreams::Application", arn("gameliftstreams", "application/a-1")),
            ],
        ),
        (
            Case::new(
                "kinesis",
                "SubscribeToShard",
                r#"{"ConsumerARN":"arn:aws:kinesis:eu-west-1:111122223333:c"}"#,
                "{}",
            ),
            vec![("AWS::Kinesis::StreamConsumer", arn("kinesis", "c"))],
        ),
    ] {
        let resources: Vec<_> = resources
            .into_iter()
            .map(|(kind, arn)| json!({ "accountId": "111122223333", "type": kind, "ARN": arn }))
            .collect();
        check(&case, &json!({ "managementEvent": false, "resources": resources }));
    }
}

#[test]
fn streams_are_named_with_their_table() {
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/Music/stream/2025-01-01T00:00:00.000";
    let body = json!({ "ShardIterator": format!("{arn}|1|AAAA") }).to_string();
    let record = check(&Case::new("dynamodbstreams", "GetRecords", &body, "{}"), &json!({ "managementEvent": false }));
    assert_eq!(record["resources"][0]["ARN"], "arn:aws:dynamodb:eu-west-1:111122223333:table/Music");
    assert_eq!(record["resources"][1]["type"], "AWS::DynamoDB::Stream");
}

#[test]
fn objects_of_tables_are_of_s3_tables() {
    let host = "1a-b2--table-s3.s3.eu-west-1.amazonaws.com";
    check(
        &Case {
            method: Method::GET,
            path: "/1a-b2--table-s3/data/part-0.parquet",
            headers: &[("host", host), ("user-agent", "cli/1")],
            ..Case::new("s3", "GetObject", "", "nine byte")
        },
        &json!({
            "eventSource": "s3tables.amazonaws.com",
            "eventCategory": "Data",
            "userAgent": "[cli/1]",
            "requestParameters": { "Host": host, "key": "data/part-0.parquet" },
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "bytesTransferredIn": 0.0,
                "AuthenticationMethod": "AuthHeader",
                "bytesTransferredOut": 9.0,
            },
            "resources": [
                { "accountId": "111122223333", "type": "AWS::S3Tables::TableBucket" },
                { "accountId": "111122223333", "type": "AWS::S3Tables::Table" },
            ],
        }),
    );
}

#[test]
fn directory_buckets_are_of_s3_express() {
    let bucket = "base--usw2-az1--x-s3";
    let host = "base--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com";
    let arn = format!("arn:aws:s3express:eu-west-1:111122223333:bucket/{bucket}");
    let path = format!("/{bucket}/in/a.csv");
    let headers = [("host", host), ("user-agent", "cli/1"), ("x-amz-checksum-mode", "ENABLED")];
    let object = |operation| Case {
        method: Method::GET,
        path: &path,
        headers: &headers,
        ..Case::new("s3", operation, "", "nine byte")
    };
    check(
        &object("GetObject"),
        &json!({
            "eventSource": "s3express.amazonaws.com",
            "eventCategory": "Data",
            "userAgent": "cli/1",
            "requestParameters": {
                "bucketName": bucket, "Host": host, "x-amz-checksum-mode": "ENABLED", "key": "in/a.csv",
            },
            "additionalEventData": {
                "SignatureVersion": "Sigv4",
                "CipherSuite": "TLS_AES_128_GCM_SHA256",
                "bytesTransferredIn": 0.0,
                "AuthenticationMethod": "AuthHeader",
                "bytesTransferredOut": 9.0,
                "availabilityZone": "usw2-az1",
            },
            "resources": [
                { "type": "AWS::S3Express::Object", "ARNPrefix": format!("{arn}/") },
                { "accountId": "111122223333", "type": "AWS::S3Express::DirectoryBucket", "ARN": arn },
            ],
        }),
    );
    // Operations keep the names of the API.
    check(&object("ListObjectsV2"), &json!({ "eventName": "ListObjectsV2" }));
    let path = format!("/{bucket}");
    check(
        &Case {
            method: Method::GET,
            path: &path,
            query: Some("encryption"),
            ..Case::new("s3", "GetBucketEncryption", "", "")
        },
        &json!({
            "eventSource": "s3express.amazonaws.com",
            "managementEvent": true,
            "resources": [{ "accountId": "111122223333", "type": "AWS::S3Express::DirectoryBucket", "ARN": arn }],
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "CipherSuite": "TLS_AES_128_GCM_SHA256",
                "AuthenticationMethod": "AuthHeader",
            },
        }),
    );
    check(
        &Case {
            method: Method::GET,
            headers: &[("host", "s3express-control.eu-west-1.amazonaws.com")],
            ..Case::new("s3", "ListDirectoryBuckets", "", "")
        },
        &json!({
            "eventSource": "s3express.amazonaws.com",
            "requestParameters": { "Host": "s3express-control.eu-west-1.amazonaws.com" },
        }),
    );
}
