//! Tests over real operations of the catalog.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::catalog::Catalog;
use plain::plain;

mod botocore;
mod costs;
mod plain;
mod round_trip;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).expect("a name"), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.iter().map(pair).collect()
}

/// Decodes a request of an operation: `service.Operation`.
fn request(operation: &str, protocol: Protocol, target: &str, head: &[(&str, &str)], body: &[u8]) -> Json {
    let (service, operation) = operation.split_once('.').expect("a name");
    let service = Catalog::embedded().service(service).expect("a service");
    let operation = service.operation_named(operation).expect("an operation");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let headers = headers(head);
    let head = RequestHead { method: &Method::POST, path, query, headers: &headers };
    plain(service, &decode_request(service, operation, protocol, &head, body).expect("a request"))
}

/// Decodes a response of an operation.
fn response(operation: &str, protocol: Protocol, head: &[(&str, &str)], body: &[u8]) -> Json {
    let (service, operation) = operation.split_once('.').expect("a name");
    let service = Catalog::embedded().service(service).expect("a service");
    let operation = service.operation_named(operation).expect("an operation");
    let decoded = decode_response(service, operation, protocol, 200, &headers(head), body).expect("a response");
    plain(service, &decoded.expect("an output"))
}

#[test]
fn query_requests() {
    let body = b"Action=CreateUser&Version=2010-05-08&UserName=a+b%2Bc&Tags.member.1.Key=k&Tags.member.1.Value=v&\
                 Tags.member.10.Key=z&Tags.member.2.Key=y&Ghost.1=g";
    assert_eq!(
        request("iam.CreateUser", Protocol::Query, "/", &[], body),
        json!({"UserName": "a b+c", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "y"}, {"Key": "z"}],
               "?Ghost": {"1": "g"}})
    );
    let body = b"QueueName=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=30&Attributes.entry.1.key=k";
    let decoded = request("sns.SetTopicAttributes", Protocol::Query, "/", &[], b"TopicArn=arn&AttributeName=n");
    assert_eq!(decoded, json!({"TopicArn": "arn", "AttributeName": "n"}));
    assert_eq!(
        request("sqs.CreateQueue", Protocol::Query, "/", &[], body),
        json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "30"}, "?Attributes": {"entry": {"1": {"key": "k"}}}})
    );
    let body = b"Name=t&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=d&Tags.member.1.Key=k";
    assert_eq!(
        request("sns.CreateTopic", Protocol::Query, "/", &[], body),
        json!({"Name": "t", "Attributes": {"DisplayName": "d"}, "Tags": [{"Key": "k"}]})
    );
    let body = b"DBInstanceIdentifier=d&AllocatedStorage=20&MultiAZ=true&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1";
    assert_eq!(
        request("rds.CreateDBInstance", Protocol::Query, "/", &[], body),
        json!({"DBInstanceIdentifier": "d", "AllocatedStorage": 20, "MultiAZ": true, "VpcSecurityGroupIds": ["sg-1"]})
    );
}

#[test]
fn ec2_requests_and_responses() {
    let body = b"Action=RunInstances&Version=2016-11-15&ImageId=ami-1&MinCount=1&MaxCount=2&SecurityGroupId.1=sg-1&\
                 TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&\
                 BlockDeviceMapping.1.Ebs.VolumeSize=8&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda";
    assert_eq!(
        request("ec2.RunInstances", Protocol::Ec2, "/", &[], body),
        json!({"ImageId": "ami-1", "MinCount": 1, "MaxCount": 2, "SecurityGroupIds": ["sg-1"],
               "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name"}]}],
               "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}]})
    );
    let body = b"<RunInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
                 <reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId>\
                 <launchTime>2025-03-01T12:00:05.000Z</launchTime><monitoring><state>disabled</state></monitoring>\
                 <groupSet/><instanceState><code>0</code><name>pending</name></instanceState></item></instancesSet>\
                 </RunInstancesResponse>";
    assert_eq!(
        response("ec2.RunInstances", Protocol::Ec2, &[], body),
        json!({"ReservationId": "r-1", "Instances": [{"InstanceId": "i-1", "LaunchTime": "@1740830405000000",
               "Monitoring": {"State": "disabled"}, "SecurityGroups": [], "State": {"Code": 0, "Name": "pending"}}]})
    );
}

#[test]
fn query_responses() {
    let body = b"<CreateUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateUserResult><User>\
                 <Path>/</Path><UserName>a</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::1:user/a</Arn>\
                 <CreateDate>2025-03-01T12:00:05Z</CreateDate><Tags><member><Key>k</Key><Value/></member></Tags></User>\
                 </CreateUserResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></CreateUserResponse>";
    assert_eq!(
        response("iam.CreateUser", Protocol::Query, &[], body),
        json!({"User": {"Path": "/", "UserName": "a", "UserId": "AIDA", "Arn": "arn:aws:iam::1:user/a",
               "CreateDate": "@1740830405000000", "Tags": [{"Key": "k", "Value": ""}]}})
    );
}

#[test]
fn sqs_as_it_was_before_json() {
    let body =
        b"Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=m&\
                 SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n&\
                 SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v";
    assert_eq!(
        request("sqs.SendMessageBatch", Protocol::Query, "/1/q", &[], body),
        json!({"Entries": [{"Id": "a", "MessageBody": "m", "MessageAttributes": {"n": {"StringValue": "v"}}}]})
    );
    let body = b"<ReceiveMessageResponse><ReceiveMessageResult><Message><Body>b</Body><Attribute><Name>SenderId</Name>\
                 <Value>s</Value></Attribute></Message><Message><Body>c</Body></Message></ReceiveMessageResult>\
                 <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>";
    assert_eq!(
        response("sqs.ReceiveMessage", Protocol::Query, &[], body),
        json!({"Messages": [{"Body": "b", "Attributes": {"SenderId": "s"}}, {"Body": "c"}]})
    );
}

#[test]
fn compressed_bodies() {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut writer, br#"{"TableName":"t"}"#).expect("memory");
    let body = writer.finish().expect("memory");
    let gzip = [("content-encoding", "gzip")];
    assert_eq!(request("dynamodb.DescribeTable", Protocol::Json10, "/", &gzip, &body), json!({"TableName": "t"}));
    assert_eq!(
        request("s3.PutObject", Protocol::RestXml, "/b/k", &gzip, &body)["Body"],
        json!(format!("b:{}", STANDARD.encode(&body)))
    );
    let service = Catalog::embedded().service("dynamodb").expect("DynamoDB");
    let operation = service.operation_named("DescribeTable").expect("an operation");
    let headers = headers(&gzip);
    let head = RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers };
    decode_request(service, operation, Protocol::Json10, &head, &body[..body.len() - 9]).expect_err("cut short");
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let size = usize::try_from(content::INFLATED_BYTES_MAX).expect("a size") + 1;
    std::io::Write::write_all(&mut writer, &vec![b' '; size]).expect("memory");
    let bomb = writer.finish().expect("memory");
    decode_request(service, operation, Protocol::Json10, &head, &bomb).expect_err("too large");
}

#[test]
fn what_a_body_cannot_override() {
    assert_eq!(
        request("lambda.Invoke", Protocol::RestJson, "/2015-03-31/functions/f/invocations", &[], b"{}")["FunctionName"],
        "f"
    );
    let body = br#"{"FunctionName":"other","Description":"d"}"#;
    let decoded = request(
        "lambda.UpdateFunctionConfiguration",
        Protocol::RestJson,
        "/2015-03-31/functions/f/configuration",
        &[],
        body,
    );
    assert_eq!(decoded, json!({"FunctionName": "f", "Description": "d"}));
    // Far indexes cost nothing, and deep names are cut.
    let deep = format!("A{}=x", ".B".repeat(10_000));
    let body = format!("UserName=u&UserName=v&Tags.member.4000000000.Key=k&{deep}");
    let decoded = request("iam.CreateUser", Protocol::Query, "/", &[], body.as_bytes());
    assert_eq!((&decoded["UserName"], &decoded["Tags"]), (&json!("u"), &json!([{"Key": "k"}])));
}

#[test]
fn streams_of_events_are_not_waited_for() {
    let service = Catalog::embedded().service("lambda").expect("Lambda");
    let operation = service.operation_named("InvokeWithResponseStream").expect("an operation");
    let headers = headers(&[("content-type", "application/vnd.amazon.eventstream"), ("x-amz-executed-version", "7")]);
    let found =
        decode_response(service, operation, Protocol::RestJson, 200, &headers, b"\0\0\0\x7e...").expect("headers");
    assert_eq!(
        plain(service, &found.expect("an output")),
        json!({"ExecutedVersion": "7", "StatusCode": 200,
               "ResponseStreamContentType": "application/vnd.amazon.eventstream"})
    );
}

#[test]
fn json_bodies() {
    let body = br#"{"TableName":"t","Key":{"id":{"S":"1"},"b":{"B":"aGk="}},"Limit":5,"NewMember":[1]}"#;
    assert_eq!(
        request("dynamodb.GetItem", Protocol::Json10, "/", &[], body),
        json!({"TableName": "t", "Key": {"id": {"S": "1"}, "b": {"B": "b:aGk="}}, "?Limit": 5, "?NewMember": [1]})
    );
    let body = br#"{"TableDescription":{"TableName":"t","CreationDateTime":1.740830405E9,"ItemCount":0,"Ghost":null}}"#;
    assert_eq!(
        response("dynamodb.CreateTable", Protocol::Json10, &[], body),
        json!({"TableDescription": {"TableName": "t", "CreationDateTime": "@1740830405000000", "ItemCount": 0, "?Ghost": null}})
    );
    assert_eq!(request("kms.ListKeys", Protocol::Json11, "/", &[], b""), json!({}));
}

#[test]
fn rest_requests_and_responses() {
    let body = br#"{"FunctionName":"f","Role":"r","Code":{"ZipFile":"aGk="},"Environment":{"Variables":{"A":"b"}}}"#;
    assert_eq!(
        request("lambda.CreateFunction", Protocol::RestJson, "/2015-03-31/functions", &[], body),
        json!({"FunctionName": "f", "Role": "r", "Code": {"ZipFile": "b:aGk="}, "Environment": {"Variables": {"A": "b"}}})
    );
    assert_eq!(
        request(
            "lambda.Invoke",
            Protocol::RestJson,
            "/2015-03-31/functions/f%3A1/invocations?Qualifier=q",
            &[("x-amz-invocation-type", "Event")],
            b"{}"
        ),
        json!({"FunctionName": "f:1", "InvocationType": "Event", "Qualifier": "q", "Payload": "b:e30="})
    );
    assert_eq!(
        request("eks.UntagResource", Protocol::RestJson, "/tags/arn%3Aaws?tagKeys=a&tagKeys=b", &[], b""),
        json!({"resourceArn": "arn:aws", "tagKeys": ["a", "b"]})
    );
    let body = b"<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>n</Name>\
                 <CallerReference>c</CallerReference><HostedZoneConfig><PrivateZone>false</PrivateZone>\
                 </HostedZoneConfig></CreateHostedZoneRequest>";
    assert_eq!(
        request("route53.CreateHostedZone", Protocol::RestXml, "/2013-04-01/hostedzone", &[], body),
        json!({"Name": "n", "CallerReference": "c", "HostedZoneConfig": {"PrivateZone": false}})
    );
    let put = [("x-amz-meta-k", "v"), ("content-type", "text/plain"), ("x-amz-acl", "private")];
    assert_eq!(
        request("s3.PutObject", Protocol::RestXml, "/b/a/b%20c", &put, b"hi"),
        json!({"ACL": "private", "Body": "b:aGk=", "Bucket": "b", "ContentType": "text/plain", "Key": "a/b c",
               "Metadata": {"k": "v"}})
    );
    let body = b"<Tagging xmlns=\"x\"><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    assert_eq!(
        request("s3.PutBucketTagging", Protocol::RestXml, "/b?tagging", &[], body),
        json!({"Bucket": "b", "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}})
    );
    let body = b"<ListBucketResult><Name>b</Name><MaxKeys>2</MaxKeys><Contents><Key>x</Key><Size>1</Size></Contents>\
                 <Contents><Key>y</Key></Contents></ListBucketResult>";
    assert_eq!(
        response("s3.ListObjectsV2", Protocol::RestXml, &[("x-amz-request-charged", "requester")], body),
        json!({"RequestCharged": "requester", "Name": "b", "MaxKeys": 2,
               "Contents": [{"Key": "x", "Size": 1}, {"Key": "y"}]})
    );
}

#[test]
fn buckets_in_the_host() {
    let service = Catalog::embedded().service("s3").expect("S3");
    for (name, path, expected) in [
        ("PutObjectTagging", "/a/b%20c", json!({"Bucket": "b", "Key": "a/b c"})),
        ("ListObjectsV2", "/", json!({"Bucket": "b"})),
    ] {
        let call = Call {
            service,
            operation: service.operation_named(name).expect(name),
            protocol: Protocol::RestXml,
            bucket_in_host: Some("b".to_owned()),
        };
        let headers = HeaderMap::new();
        let head = RequestHead { method: &Method::PUT, path, query: Some("tagging"), headers: &headers };
        assert_eq!(plain(service, &decode_call(&call, &head, b"").expect("a request")), expected, "{name}");
    }
}

#[test]
fn a_json_member_given_twice_counts_as_its_last() {
    let body = br#"{"TableName":"t","Key":{},"TableName":"u"}"#;
    assert_eq!(request("dynamodb.GetItem", Protocol::Json10, "/", &[], body), json!({"TableName": "u", "Key": {}}));
}

#[test]
fn cbor_bodies() {
    // {"Namespace": "n", "MetricData": [{"MetricName": "m", "Timestamp": 1(1740830405), "Value": 1.5}]}
    let body = hex::decode(
        "a2694e616d657370616365616e6a4d657472696344617461 81a36a4d65747269634e616d65616d6954696d657374616d70c11a67c2f6c5\
         6556616c7565f93e00"
            .replace(' ', ""),
    )
    .expect("hexadecimal");
    assert_eq!(
        request("cloudwatch.PutMetricData", Protocol::RpcV2Cbor, "/", &[], &body),
        json!({"Namespace": "n", "MetricData": [{"MetricName": "m", "Timestamp": "@1740830405000000", "Value": 1.5}]})
    );
}

#[test]
fn errors_of_every_protocol() {
    type Case<'a> = (&'a str, Protocol, u16, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 9] = [
        (
            "iam",
            Protocol::Query,
            404,
            &[],
            "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>m</Message></Error></ErrorResponse>",
            "NoSuchEntity m sender",
        ),
        (
            "ec2",
            Protocol::Ec2,
            400,
            &[],
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>m</Message></Error></Errors></Response>",
            "InvalidVpcID.NotFound m sender",
        ),
        (
            "s3",
            Protocol::RestXml,
            404,
            &[],
            "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>",
            "NoSuchKey m sender",
        ),
        (
            "dynamodb",
            Protocol::Json10,
            400,
            &[],
            "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\",\"message\":\"m\"}",
            "ResourceNotFoundException m sender",
        ),
        (
            "lambda",
            Protocol::RestJson,
            404,
            &[("x-amzn-errortype", "ResourceNotFoundException:http://x/")],
            "{\"Message\":\"m\"}",
            "ResourceNotFoundException m sender",
        ),
        (
            "sqs",
            Protocol::Json10,
            400,
            &[("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")],
            "{\"__type\":\"x#QueueDoesNotExist\",\"message\":\"m\"}",
            "QueueDoesNotExist m sender AWS.SimpleQueueService.NonExistentQueue",
        ),
        ("kms", Protocol::Json11, 500, &[], "{\"__type\":\"KMSInternalException\"}", "KMSInternalException - receiver"),
        ("s3", Protocol::RestXml, 404, &[], "", "none"),
        ("kms", Protocol::Json11, 502, &[], "<html>Bad Gateway</html>", "none"),
    ];
    for (service, protocol, status, head, body, expected) in cases {
        let service = Catalog::embedded().service(service).expect("a service");
        let error = decode_error(service, protocol, status, &headers(head), body.as_bytes());
        let found = error.map_or("none".to_owned(), |error| {
            let side = if error.is_sender_fault { "sender" } else { "receiver" };
            let query = error.query_code.map_or(String::new(), |code| format!(" {code}"));
            format!("{} {} {side}{query}", error.code, error.message.as_deref().unwrap_or("-"))
        });
        assert_eq!(found, expected, "{body}");
    }
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(body: Vec<u8>, form in "[A-Za-z.0-9=&%+]{0,120}", path in "(/[a-z%0-9]{0,5}){0,9}", query in "[a-zA-Z=&%+-]{0,60}") {
        for (name, protocol) in [
            ("iam.CreateUser", Protocol::Query), ("ec2.RunInstances", Protocol::Ec2), ("dynamodb.PutItem", Protocol::Json10),
            ("lambda.CreateFunction", Protocol::RestJson), ("s3.PutBucketTagging", Protocol::RestXml),
            ("route53.ChangeResourceRecordSets", Protocol::RestXml), ("cloudwatch.PutMetricData", Protocol::RpcV2Cbor),
        ] {
            let (service, operation) = name.split_once('.').expect("a name");
            let service = Catalog::embedded().service(service).expect("a service");
            let operation = service.operation_named(operation).expect("an operation");
            let headers = HeaderMap::new();
            let head = RequestHead { method: &Method::POST, path: &path, query: Some(&query), headers: &headers };
            for bytes in [&body[..], form.as_bytes()] {
                let _ = decode_request(service, operation, protocol, &head, bytes);
                let _ = decode_response(service, operation, protocol, 200, &headers, bytes);
                let _ = decode_error(service, protocol, 400, &headers, bytes);
            }
        }
    }
}
