//! Whole exchanges, as bytes, and the elements that their records must have.

use std::sync::Arc;

use aws_wire::RequestHead;
use aws_wire::catalog::{Catalog, Protocol};
use aws_wire::classify::Call;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{AccountId, EventTime, LookupIndex, Region, TlsDetails, UserIdentity};
use serde_json::{Value as Json, json};

use super::{address_text, record};
use crate::asked::Asked;
use crate::exchange::{Authentication, BodyCapture, Exchange, Outcome, Subject};
use crate::redaction_key::RedactionKey;

mod content;
mod data_events;
mod newer_services;
mod secrets;
mod services;

/// One exchange; what a test does not name is empty.
struct Case<'a> {
    service: &'a str,
    /// `None`: an operation that the catalog does not know.
    operation: Option<&'a str>,
    protocol: Option<Protocol>,
    method: Method,
    path: &'a str,
    query: Option<&'a str>,
    headers: &'a [(&'a str, &'a str)],
    body: BodyCapture<'a>,
    status: u16,
    answer_headers: &'a [(&'a str, &'a str)],
    answer: BodyCapture<'a>,
    /// In place of the answer.
    outcome: Option<Outcome<'a>>,
    redaction_key: Option<&'a RedactionKey>,
    caller_type: &'a str,
    invoked_by: Option<&'a str>,
}

impl<'a> Case<'a> {
    fn new(service: &'a str, operation: &'a str, body: &'a str, answer: &'a str) -> Self {
        Self {
            service,
            operation: Some(operation),
            protocol: None,
            method: Method::POST,
            path: "/",
            query: None,
            headers: &[],
            body: BodyCapture::Complete(body.as_bytes()),
            status: 200,
            answer_headers: &[],
            answer: BodyCapture::Complete(answer.as_bytes()),
            outcome: None,
            redaction_key: None,
            caller_type: "Unknown",
            invoked_by: None,
        }
    }
}

fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let parse = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        (name, HeaderValue::from_str(value).expect("a header value"))
    };
    pairs.iter().map(parse).collect()
}

fn recorded(case: &Case<'_>) -> Json {
    let service = Catalog::embedded().service(case.service).expect("a service");
    let protocol = case.protocol.unwrap_or(service.protocols[0]);
    let call = case.operation.map(|name| Call {
        service,
        operation: service.operation_named(name).expect("an operation"),
        protocol,
        bucket_in_host: None,
    });
    let subject = match &call {
        Some(call) => Subject::Call(call),
        None => Subject::UnknownOperation { service, protocol },
    };
    let (headers, answer_headers) = (header_map(case.headers), header_map(case.answer_headers));
    let region = Region::parse("eu-west-1").expect("a region");
    let account = AccountId::parse("111122223333").expect("digits");
    let caller = UserIdentity {
        identity_type: Some(case.caller_type.to_owned()),
        invoked_by: case.invoked_by.map(str::to_owned),
        ..UserIdentity::unknown_key(account, "AKIAEXAMPLE")
    };
    let caller = Arc::new(caller);
    let tls = TlsDetails { cipher_suite: Some("TLS_AES_128_GCM_SHA256".to_owned()), ..TlsDetails::default() };
    let exchange = Exchange {
        subject,
        head: RequestHead { method: &case.method, path: case.path, query: case.query, headers: &headers },
        request_body: case.body,
        caller: &caller,
        authentication: Authentication::SigV4Header,
        source_ip: std::net::IpAddr::from([192, 0, 2, 1]),
        tls: Some(&tls),
        recipient_account: AccountId::parse("111122223333").expect("digits"),
        region: &region,
        event_id: "e-1",
        request_id: "r-1",
        event_time: EventTime::from_seconds(1_740_830_405),
        redaction_key: case.redaction_key,
        asked: &Asked::default(),
        outcome: case.outcome.unwrap_or(Outcome::Answered {
            status: case.status,
            headers: &answer_headers,
            body: case.answer,
        }),
    };
    let record = record(&exchange);
    let mut bytes = Vec::new();
    record.write_json(&mut bytes).expect("JSON");
    assert_eq!(
        LookupIndex::of(&record),
        LookupIndex::derive(&bytes).expect("a record"),
        "both ways to the index agree"
    );
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Checks the elements that `expected` names; `null` also stands for an absent one.
fn check(case: &Case<'_>, expected: &Json) -> Json {
    let record = recorded(case);
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&record[key], value, "{key} of {record:#}");
    }
    record
}

#[test]
fn query_services_lower_the_first_letter_and_drop_the_wrapper() {
    let case = Case::new(
        "iam",
        "CreateUser",
        "Action=CreateUser&Version=2010-05-08&UserName=ana&Path=%2Fa%2F&Tags.member.1.Key=k&Tags.member.1.Value=v",
        "<CreateUserResponse><CreateUserResult><User><Path>/a/</Path><UserName>ana</UserName><UserId>AIDA1</UserId>\
         <Arn>arn:aws:iam::111122223333:user/a/ana</Arn><CreateDate>2024-08-01T13:33:28Z</CreateDate></User>\
         </CreateUserResult><ResponseMetadata><RequestId>q-1</RequestId></ResponseMetadata></CreateUserResponse>",
    );
    check(
        &case,
        &json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "CreateUser",
            "awsRegion": "us-east-1",
            "requestID": "q-1",
            "readOnly": false,
            "managementEvent": true,
            "eventCategory": "Management",
            "requestParameters": { "userName": "ana", "path": "/a/", "tags": [{ "key": "k", "value": "v" }] },
            "responseElements": { "user": {
                "path": "/a/", "userName": "ana", "userId": "AIDA1", "arn": "arn:aws:iam::111122223333:user/a/ana",
                "createDate": "Aug 1, 2024 1:33:28 PM",
            } },
        }),
    );
}

#[test]
fn policy_documents_of_iam_answers_are_encoded() {
    let case = Case::new(
        "iam",
        "CreateRole",
        "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%22a%22%3A1%7D",
        "<CreateRoleResponse><CreateRoleResult><Role><RoleName>r</RoleName>\
         <AssumeRolePolicyDocument>{\"a\": 1}</AssumeRolePolicyDocument></Role></CreateRoleResult></CreateRoleResponse>",
    );
    let record = check(&case, &json!({ "requestID": "r-1" }));
    assert_eq!(record["requestParameters"]["assumeRolePolicyDocument"], r#"{"a":1}"#);
    assert_eq!(record["responseElements"]["role"]["assumeRolePolicyDocument"], "%7B%22a%22%3A%201%7D");
}

#[test]
fn sessions_are_written_without_their_secret_key() {
    let case = Case::new(
        "sts",
        "AssumeRole",
        "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2Fci%2FDeploy&RoleSessionName=b7&TokenCode=123456",
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
         <SecretAccessKey>hush</SecretAccessKey><SessionToken>tok</SessionToken>\
         <Expiration>2024-11-30T20:43:17Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    );
    let record = check(
        &case,
        &json!({
            "readOnly": true,
            "awsRegion": "eu-west-1",
            "requestParameters": { "roleArn": "arn:aws:iam::444455556666:role/ci/Deploy", "roleSessionName": "b7" },
            "responseElements": { "credentials": {
                "accessKeyId": "ASIA1", "sessionToken": "tok", "expiration": "Nov 30, 2024, 8:43:17 PM",
            } },
            "resources": [{
                "accountId": "444455556666", "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::444455556666:role/ci/Deploy",
            }],
        }),
    );
    assert!(!record.to_string().contains("hush"));
}

#[test]
fn classic_ec2_calls_have_sets() {
    let case = Case::new(
        "ec2",
        "RunInstances",
        "Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=2&SecurityGroupId.1=sg-1&SecurityGroup.1=web\
         &UserData=aHVzaA%3D%3D&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name\
         &TagSpecification.1.Tag.1.Value=web&Placement.Tenancy=default&DryRun=false",
        "<RunInstancesResponse><requestId>q-1</requestId><reservationId>r-0</reservationId><groupSet/><instancesSet>\
         <item><instanceId>i-0</instanceId><instanceState><code>0</code><name>pending</name></instanceState>\
         <dnsName/><launchTime>2023-07-10T11:55:21.000Z</launchTime></item></instancesSet></RunInstancesResponse>",
    );
    let record = check(
        &case,
        &json!({
            "requestID": "q-1",
            "requestParameters": {
                "instancesSet": { "items": [{ "imageId": "ami-1", "minCount": 1, "maxCount": 2 }] },
                "groupSet": { "items": [{ "groupId": "sg-1" }, { "groupName": "web" }] },
                "userData": "<sensitiveDataRemoved>",
                "tagSpecificationSet": { "items": [
                    { "resourceType": "instance", "tags": [{ "key": "Name", "value": "web" }] },
                ] },
                "tenancy": "default",
                "blockDeviceMapping": {},
                "monitoring": { "enabled": false },
                "disableApiTermination": false,
                "disableApiStop": false,
            },
            "responseElements": {
                "requestId": "q-1",
                "reservationId": "r-0",
                "groupSet": {},
                "instancesSet": { "items": [{
                    "instanceId": "i-0", "instanceState": { "code": 0, "name": "pending" }, "launchTime": 1_688_990_121_000_i64,
                    "blockDeviceMapping": {}, "productCodes": {},
                }] },
            },
        }),
    );
    assert!(!record.to_string().contains("aHVzaA"));
}

#[test]
fn classic_ec2_reads_write_the_sets_that_were_not_given() {
    let body = "Action=DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1";
    check(
        &Case::new("ec2", "DescribeInstances", body, "<DescribeInstancesResponse/>"),
        &json!({
            "readOnly": true,
            "responseElements": null,
            "requestParameters": {
                "instancesSet": {},
                "filterSet": { "items": [{ "name": "vpc-id", "valueSet": { "items": [{ "value": "vpc-1" }] } }] },
            },
        }),
    );
}

#[test]
fn classic_ec2_rules_have_all_their_ranges() {
    let body = "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22\
                &IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0";
    let answer = "<AuthorizeSecurityGroupIngressResponse><requestId>q-1</requestId><return>true</return>\
                  </AuthorizeSecurityGroupIngressResponse>";
    check(
        &Case::new("ec2", "AuthorizeSecurityGroupIngress", body, answer),
        &json!({
            "requestParameters": { "groupId": "sg-1", "ipPermissions": { "items": [{
                "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {}, "prefixListIds": {}, "ipv6Ranges": {},
                "ipRanges": { "items": [{ "cidrIp": "0.0.0.0/0" }] },
            }] } },
            "responseElements": { "requestId": "q-1", "_return": true },
        }),
    );
}

#[test]
fn later_ec2_calls_are_raw() {
    let case = Case::new(
        "ec2",
        "CreateNatGateway",
        "Action=CreateNatGateway&SubnetId=subnet-1&TagSpecification.1.ResourceType=natgateway\
         &TagSpecification.1.Tag.1.Key=Test&TagSpecification.1.Tag.1.Value=true",
        "<CreateNatGatewayResponse><requestId>q-1</requestId><natGateway><natGatewayId>nat-1</natGatewayId>\
         <createTime>2023-07-10T11:55:14.000Z</createTime><tagSet><item><key>Test</key><value>true</value></item></tagSet>\
         </natGateway></CreateNatGatewayResponse>",
    );
    check(
        &case,
        &json!({
            "requestParameters": { "CreateNatGatewayRequest": {
                "SubnetId": "subnet-1",
                "TagSpecification": { "ResourceType": "natgateway", "tag": 1, "Tag": { "Value": true, "tag": 1, "Key": "Test" } },
            } },
            "responseElements": { "CreateNatGatewayResponse": {
                "xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/",
                "requestId": "q-1",
                "natGateway": {
                    "natGatewayId": "nat-1",
                    "createTime": "2023-07-10T11:55:14.000Z",
                    "tagSet": { "item": { "key": "Test", "value": true } },
                },
            } },
        }),
    );
}

#[test]
fn ec2_failures_say_whose_fault_they_are() {
    let answer = "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no</Message></Error></Errors>\
                  <RequestID>q-1</RequestID></Response>";
    for (status, code) in [(400, "Client.InvalidVpcID.NotFound"), (503, "Server.InvalidVpcID.NotFound")] {
        let case = Case { status, ..Case::new("ec2", "DeleteVpc", "Action=DeleteVpc&VpcId=vpc-1", answer) };
        check(
            &case,
            &json!({
                "errorCode": code, "errorMessage": "no", "requestID": "q-1", "responseElements": null,
                "requestParameters": { "vpcId": "vpc-1" },
            }),
        );
    }
}

#[test]
fn failures_have_the_name_of_their_exception() {
    let xml = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
        )
    };
    for (service, operation, answer, code) in [
        ("iam", "GetUser", xml("NoSuchEntity"), "NoSuchEntityException"),
        ("iam", "GetUser", xml("AccessDenied"), "AccessDenied"),
        ("rds", "DeleteDBInstance", xml("DBInstanceNotFound"), "DBInstanceNotFoundFault"),
        ("kms", "DisableKey", r#"{"__type":"NotFoundException","message":"m"}"#.to_owned(), "NotFoundException"),
        ("kms", "DisableKey", r#"{"__type":"AccessDeniedException","Message":"m"}"#.to_owned(), "AccessDenied"),
        ("sns", "ListTopics", xml("AuthorizationError"), "AccessDenied"),
        ("autoscaling", "DescribeAutoScalingGroups", xml("ValidationError"), "ValidationException"),
        // Another error of the service has the name that this one has as its code.
        ("cloudwatch", "GetDashboard", xml("ResourceNotFound"), "DashboardNotFoundError"),
        // An error that the operation's model does not list, but its service's.
        ("iam", "ListUsers", xml("NoSuchEntity"), "NoSuchEntityException"),
    ] {
        let protocol = answer.starts_with('<').then_some(Protocol::Query);
        let case = Case { status: 400, protocol, ..Case::new(service, operation, "", &answer) };
        check(&case, &json!({ "errorCode": code, "errorMessage": "m", "responseElements": null }));
    }
}

#[test]
fn calls_that_their_service_has_not_read_are_named_alone() {
    let denial =
        "User: arn:aws:iam::111122223333:user/ana is not authorized to perform: it because no policy allows it";
    let query = |code: &str, message: &str| {
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
    };
    let json_of = |code: &str, message: &str| json!({ "__type": code, "message": message }).to_string();
    let refused = |service, operation, body: &str, answer: &str, expected: &Json| {
        let protocol = answer.starts_with('<').then_some(Protocol::Query);
        check(&Case { status: 403, protocol, ..Case::new(service, operation, body, answer) }, expected)
    };
    let passed = query("AccessDenied", "Cross-account pass role is not allowed.");
    for (service, operation, body, answer) in [
        ("iam", "DeleteUser", "Action=DeleteUser&UserName=ben", query("AccessDenied", denial)),
        ("ses", "DeleteIdentity", "Action=DeleteIdentity&Identity=a.example", query("AccessDenied", denial)),
        ("kms", "CreateKey", "{}", json_of("AccessDeniedException", denial)),
        ("ecr", "SetRepositoryPolicy", r#"{"repositoryName":"r"}"#, json_of("AccessDeniedException", denial)),
        ("logs", "DeleteLogGroup", r#"{"logGroupName":"g"}"#, json_of("AccessDeniedException", denial)),
        ("rds", "StartExportTask", "Action=StartExportTask&ExportTaskIdentifier=e", passed),
        ("ssm", "PutParameter", r#"{"Name":"/a"}"#, json_of("ThrottlingException", "Rate exceeded")),
    ] {
        let nothing = json!({ "requestParameters": null, "responseElements": null });
        let record = refused(service, operation, body, &answer, &nothing);
        for element in ["apiVersion", "resources", "additionalEventData"] {
            assert!(record.get(element).is_none(), "{element} in {record}");
        }
    }
    // Services that ask IAM themselves, data events, and denials that do not speak as AWS does, tell what was asked.
    let ec2 = format!(
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>{denial}</Message></Error></Errors></Response>"
    );
    let ec2 = Case { status: 403, ..Case::new("ec2", "DeleteVpc", "Action=DeleteVpc&VpcId=vpc-1", &ec2) };
    check(&ec2, &json!({ "errorCode": "Client.UnauthorizedOperation", "requestParameters": { "vpcId": "vpc-1" } }));
    refused(
        "dynamodb",
        "GetItem",
        r#"{"TableName":"t"}"#,
        &json_of("AccessDeniedException", denial),
        &json!({ "requestParameters": { "tableName": "t" }, "apiVersion": "2012-08-10" }),
    );
    refused(
        "iam",
        "DeleteUser",
        "Action=DeleteUser&UserName=ben",
        &query("AccessDenied", "Access Denied."),
        &json!({ "requestParameters": { "userName": "ben" } }),
    );
}

#[test]
fn s3_object_calls_are_written_as_they_were_sent() {
    let case = Case {
        method: Method::PUT,
        path: "/bucket-a/in/a%20b.csv",
        headers: &[
            ("host", "s3.eu-west-1.amazonaws.com"),
            ("user-agent", "aws-cli/2.15.0"),
            ("x-amz-acl", "private"),
            ("x-amz-meta-owner", "hush"),
            ("x-amz-security-token", "hush"),
            ("x-amz-server-side-encryption-customer-key", "hush"),
            ("x-amz-server-side-encryption-customer-key-md5", "md5"),
            ("authorization", "hush"),
        ],
        body: BodyCapture::Streamed { total_bytes: 1024 },
        answer_headers: &[
            ("x-amz-request-id", "8E96D97216030000"),
            ("x-amz-id-2", "id2="),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-version-id", "v1"),
            ("etag", "\"e\""),
        ],
        ..Case::new("s3", "PutObject", "", "")
    };
    let record = check(
        &case,
        &json!({
            "eventName": "PutObject",
            "userAgent": "[aws-cli/2.15.0]",
            "requestID": "8E96D97216030000",
            "eventCategory": "Data",
            "managementEvent": false,
            "requestParameters": {
                "bucketName": "bucket-a", "Host": "s3.eu-west-1.amazonaws.com", "key": "in/a b.csv", "x-amz-acl": "private",
                "x-amz-server-side-encryption-customer-key-MD5": "md5",
            },
            "responseElements": { "x-amz-server-side-encryption": "AES256", "x-amz-version-id": "v1" },
            "additionalEventData": {
                "SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256", "bytesTransferredIn": 1024.0,
                "SSEApplied": "Default_SSE_S3", "AuthenticationMethod": "AuthHeader", "x-amz-id-2": "id2=",
                "bytesTransferredOut": 0.0,
            },
            "resources": [
                { "type": "AWS::S3::Object", "ARN": "arn:aws:s3:::bucket-a/in/a b.csv" },
                { "accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::bucket-a" },
            ],
        }),
    );
    assert!(!record.to_string().contains("hush"));
}

#[test]
fn s3_settings_are_written_with_their_body() {
    let tagging = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>a</Key><Value>true</Value>\
                   </Tag></TagSet></Tagging>";
    for (operation, name, query, body, key, value) in [
        (
            "PutBucketTagging",
            "PutBucketTagging",
            "tagging",
            tagging,
            "Tagging",
            json!({ "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "TagSet": { "Tag": { "Key": "a", "Value": true } } }),
        ),
        (
            "PutBucketLifecycleConfiguration",
            "PutBucketLifecycle",
            "lifecycle=",
            "<LifecycleConfiguration><Rule><ID>x</ID><Filter/></Rule><Rule><Days>3</Days></Rule></LifecycleConfiguration>",
            "LifecycleConfiguration",
            json!({ "Rule": [{ "ID": "x", "Filter": "" }, { "Days": 3 }] }),
        ),
        (
            "PutBucketPolicy",
            "PutBucketPolicy",
            "policy",
            r#"{"Version":"1"}"#,
            "bucketPolicy",
            json!({ "Version": "1" }),
        ),
    ] {
        let case = Case {
            method: Method::PUT,
            path: "/bucket-a",
            query: Some(query),
            headers: &[("host", "h")],
            ..Case::new("s3", operation, body, "")
        };
        let sub_resource = query.trim_end_matches('=');
        check(
            &case,
            &json!({
                "eventName": name,
                "requestParameters": { "bucketName": "bucket-a", "Host": "h", sub_resource: "", key: value },
                "responseElements": null,
                "resources": [{ "accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::bucket-a" }],
            }),
        );
    }
}

#[test]
fn a_service_stands_in_place_of_address_and_tls() {
    let mut case = Case::new("sts", "GetCallerIdentity", "", "");
    check(&case, &json!({"sourceIPAddress": "192.0.2.1", "tlsDetails": {"cipherSuite": "TLS_AES_128_GCM_SHA256"}}));
    case.invoked_by = Some("ec2.amazonaws.com");
    check(&case, &json!({"sourceIPAddress": "ec2.amazonaws.com", "tlsDetails": null}));
}

/// Source: records and guides (2022 to 2026); see the rules of services behind API Gateway.
#[test]
fn a_gateway_hides_the_connection() {
    let tls = json!({"cipherSuite": "TLS_AES_128_GCM_SHA256"});
    for (service, operation, path, expected) in [
        ("eks", "ListClusters", "/clusters", &Json::Null),
        ("guardduty", "ListDetectors", "/detector", &Json::Null),
        ("connect", "ListInstances", "/instance", &Json::Null),
        // Without a row.
        ("ram", "GetResourcePolicies", "/getresourcepolicies", &Json::Null),
        ("apigateway", "GetRestApis", "/restapis", &Json::Null),
        ("account", "GetContactInformation", "/getContactInformation", &Json::Null),
        ("notifications", "ListNotificationHubs", "/notification-hubs", &Json::Null),
        // Of REST and JSON, and not behind one.
        ("lambda", "ListFunctions", "/2015-03-31/functions/", &tls),
        ("quicksight", "ListIngestions", "/accounts/111122223333/data-sets/d/ingestions", &tls),
        ("bedrock", "ListGuardrails", "/guardrails", &tls),
        ("rolesanywhere", "ListProfiles", "/profiles", &tls),
    ] {
        let case = Case { method: Method::GET, path, ..Case::new(service, operation, "", "{}") };
        check(&case, &json!({ "tlsDetails": expected }));
    }
}

#[test]
fn forms_of_browsers_are_uploads_with_their_key_alone() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nup/f.txt\r\n--b\r\n\
        Content-Disposition: form-data; name=\"x-amz-security-token\"\r\n\r\nof-the-form\r\n--b--\r\n";
    let mut case = Case::new("s3", "PutObject", form, "");
    case.path = "/bucket";
    case.headers = &[("host", "127.0.0.1"), ("content-type", "multipart/form-data; boundary=b")];
    case.status = 204;
    let record = check(
        &case,
        &json!({
            "eventName": "PostObject",
            "eventCategory": "Data",
            "readOnly": false,
            "requestParameters": {"bucketName": "bucket", "Host": "127.0.0.1", "key": "up/f.txt"},
            "resources": [
                {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::bucket/up/f.txt"},
                {"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::bucket"},
            ],
        }),
    );
    assert!(!record.to_string().contains("of-the-form"), "{record:#}");
}

#[test]
fn presigned_urls_keep_no_proof() {
    let case = Case {
        method: Method::GET,
        path: "/bucket-a/k",
        query: Some(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20250301&X-Amz-Date=20250301T120000Z\
             &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=hush&X-Amz-Security-Token=hush",
        ),
        ..Case::new("s3", "GetObject", "", "")
    };
    check(
        &case,
        &json!({ "requestParameters": {
            "bucketName": "bucket-a", "key": "k", "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": "20250301T120000Z", "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host",
        } }),
    );
}

#[test]
fn heads_without_a_body_still_fail_by_name() {
    for (operation, path, code) in
        [("HeadObject", "/bucket-a/k", "NoSuchKey"), ("HeadBucket", "/bucket-a", "NoSuchBucket")]
    {
        let case = Case { method: Method::HEAD, path, status: 404, ..Case::new("s3", operation, "", "") };
        check(&case, &json!({ "errorCode": code, "errorMessage": null, "readOnly": true, "eventCategory": "Data" }));
    }
}

#[test]
fn copies_can_fail_after_their_status() {
    let case = |answer| Case {
        method: Method::PUT,
        path: "/b/k",
        headers: &[("x-amz-copy-source", "/a/k")],
        ..Case::new("s3", "CopyObject", "", answer)
    };
    check(
        &case("<Error><Code>InternalError</Code><Message>m</Message></Error>"),
        &json!({ "errorCode": "InternalError", "errorMessage": "m", "responseElements": null }),
    );
    check(
        &case("<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"),
        &json!({ "errorCode": null, "responseElements": null }),
    );
}

#[test]
fn long_answers_are_left_out() {
    let answer = BodyCapture::Streamed { total_bytes: 5_000_000 };
    let case = Case { answer, ..Case::new("iam", "CreateUser", "Action=CreateUser&UserName=a", "") };
    check(&case, &json!({ "responseElements": { "omitted": true }, "errorCode": null }));
}

#[test]
fn item_calls_hold_keys_and_names_but_no_values() {
    let get = r#"{"TableName":"T","Key":{"pk":{"S":"x"},"n":{"N":"1"}}}"#;
    let query =
        r#"{"TableName":"T","KeyConditionExpression":"k = :v","ExpressionAttributeValues":{":v":{"S":"hush"}}}"#;
    let put = r#"{"TableName":"T","Item":{"pk":{"S":"hush"},"b":{"B":"aHVzaA=="}}}"#;
    let sql = r#"{"Statement":"SELECT * FROM T WHERE pk='hush'","Parameters":[{"S":"hush"}]}"#;
    for (operation, body, read_only, parameters) in [
        ("GetItem", get, true, json!({ "tableName": "T", "key": { "pk": "x", "n": "1" } })),
        ("Query", query, true, json!({ "tableName": "T", "keyConditionExpression": "k = :v" })),
        ("PutItem", put, false, json!({ "tableName": "T", "item": ["pk", "b"] })),
        (
            "TransactWriteItems",
            r#"{"TransactItems":[{"Put":{"TableName":"T","Item":{"pk":{"S":"hush"}}}},{"Delete":{"TableName":"T","Key":{"pk":{"S":"y"}}}}]}"#,
            false,
            json!({ "requestItems": [
                { "operation": "Put", "tableName": "T", "items": ["pk"] },
                { "operation": "Delete", "tableName": "T", "key": { "pk": "y" } },
            ] }),
        ),
        (
            "BatchExecuteStatement",
            r#"{"Statements":[{"Statement":"DELETE FROM T WHERE n=17"}]}"#,
            false,
            json!({ "requestItems": [{ "statement": "DELETE FROM T WHERE n=***(Redacted)" }] }),
        ),
        ("ExecuteStatement", sql, false, json!({ "statement": "SELECT * FROM T WHERE pk=***(Redacted)" })),
    ] {
        let record = check(
            &Case::new("dynamodb", operation, body, r#"{"Item":{"pk":{"S":"hush"}}}"#),
            &json!({
                "apiVersion": "2012-08-10", "eventCategory": "Data", "readOnly": read_only, "requestParameters": parameters,
                "responseElements": null,
            }),
        );
        assert!(!record.to_string().contains("hush") && !record.to_string().contains("aHVz"), "{record}");
    }
}

/// A row for each replacement: service, operation, request, answer, key, and what it becomes. `hush` and its base64
/// never stay.
#[test]
fn lambda_names_are_dated_and_environments_empty() {
    let body =
        r#"{"FunctionName":"f","Code":{"ZipFile":"aHVzaA==","S3Bucket":"b"},"Environment":{"Variables":{"A":"hush"}}}"#;
    let case = Case { path: "/2015-03-31/functions", status: 201, ..Case::new("lambda", "CreateFunction", body, body) };
    let record = check(
        &case,
        &json!({
            "eventName": "CreateFunction20150331",
            "requestParameters": {
                "functionName": "f", "code": { "s3Bucket": "b" }, "environment": {}, "publish": false,
            },
            "responseElements": { "functionName": "f", "environment": {} },
        }),
    );
    assert!(!record.to_string().contains("hush"));
    let path = "/2015-03-31/functions/f/invocations";
    let invoke =
        Case { path, headers: &[("x-amz-invocation-type", "Event")], ..Case::new("lambda", "Invoke", "hush", "hush") };
    let record = check(
        &invoke,
        &json!({
            "eventName": "Invoke",
            "eventCategory": "Data",
            "requestParameters": { "functionName": "f", "invocationType": "Event" },
            "responseElements": null,
            "resources": [{
                "accountId": "111122223333", "type": "AWS::Lambda::Function",
                "ARN": "arn:aws:lambda:eu-west-1:111122223333:function:f",
            }],
        }),
    );
    assert!(!record.to_string().contains("hush"));
}

#[test]
fn keys_of_kms_are_resources() {
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/k1";
    let resource = json!([{ "accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": arn }]);
    let answer = format!(r#"{{"KeyId":"{arn}","Plaintext":"aHVzaA=="}}"#);
    let case = Case::new("kms", "Decrypt", r#"{"CiphertextBlob":"aHVzaA==","EncryptionContext":{"a":"b"}}"#, &answer);
    check(
        &case,
        &json!({
            "readOnly": true,
            "requestParameters": { "encryptionContext": { "a": "b" }, "encryptionAlgorithm": "SYMMETRIC_DEFAULT" },
            "responseElements": null,
            "resources": resource,
        }),
    );
    check(&Case::new("kms", "DisableKey", r#"{"KeyId":"k1"}"#, ""), &json!({ "resources": resource }));
    let both = r#"{"SourceKeyId":"arn:aws:kms:eu-west-1:111122223333:key/k0","KeyId":"arn:aws:kms:eu-west-1:111122223333:key/k1"}"#;
    let record = recorded(&Case::new("kms", "ReEncrypt", r#"{"DestinationKeyId":"alias/x"}"#, both));
    assert_eq!(record["resources"].as_array().map(Vec::len), Some(2), "{record:#}");
    assert_eq!(record["resources"][1]["ARN"], arn);
}

#[test]
fn rest_services_merge_path_query_and_body() {
    let case = Case {
        path: "/restapis/abc/stages",
        status: 201,
        ..Case::new("apigateway", "CreateStage", r#"{"stageName":"s","tracingEnabled":false}"#, r#"{"stageName":"s"}"#)
    };
    check(
        &case,
        &json!({
            "requestParameters": {
                "restApiId": "abc", "createStageInput": { "stageName": "s", "tracingEnabled": false }, "template": false,
            },
            "responseElements": { "stageName": "s" },
        }),
    );
    let case = Case {
        method: Method::GET,
        path: "/members",
        query: Some("maxResults=1&onlyAssociated=true"),
        ..Case::new("macie2", "ListMembers", "", "{}")
    };
    check(&case, &json!({ "requestParameters": { "maxResults": "1", "onlyAssociated": "true" } }));
    let xml = "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet>\
               <TTL>60</TTL></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    let case =
        Case { path: "/2013-04-01/hostedzone/Z1/rrset/", ..Case::new("route53", "ChangeResourceRecordSets", xml, "") };
    check(
        &case,
        &json!({
            "awsRegion": "us-east-1",
            "requestParameters": {
                "hostedZoneId": "Z1",
                "changeBatch": { "changes": [{ "action": "CREATE", "resourceRecordSet": { "tTL": 60 } }] },
            },
            "additionalEventData": { "Note": "Do not use to reconstruct hosted zone" },
        }),
    );
}

#[test]
fn calls_without_a_body_have_no_parameters() {
    for (service, operation) in
        [("kms", "ListKeys"), ("iam", "ListUsers"), ("eks", "ListClusters"), ("route53", "ListHostedZones")]
    {
        let case = Case { method: Method::GET, ..Case::new(service, operation, "", "") };
        check(&case, &json!({ "requestParameters": null, "readOnly": true }));
    }
}

#[test]
fn nothing_is_null() {
    check(
        &Case::new("iam", "ListRoles", "Action=ListRoles&Version=2010-05-08", ""),
        &json!({ "requestParameters": null, "responseElements": null, "readOnly": true }),
    );
    let case = Case::new("cloudtrail", "StopLogging", r#"{"Name":"main"}"#, "{}");
    let record = check(&case, &json!({ "requestParameters": { "name": "main" }, "responseElements": null }));
    // The two parameter elements stand even when they hold nothing.
    assert!(record.as_object().expect("an object").contains_key("responseElements"));
}

#[test]
fn notes_and_failures_of_the_recorder_say_so() {
    let note =
        Case { outcome: Some(Outcome::Unknown), ..Case::new("iam", "CreateUser", "Action=CreateUser&UserName=a", "") };
    check(
        &note,
        &json!({
            "errorCode": "OutcomeUnknown",
            "errorMessage": crate::OUTCOME_UNKNOWN_MESSAGE,
            "requestParameters": { "userName": "a" },
            "responseElements": null,
            "requestID": "r-1",
            "eventID": "e-1",
        }),
    );
    let outcome = Outcome::Failed { code: "ServiceUnavailable", message: "no upstream" };
    let failed = Case { outcome: Some(outcome), ..Case::new("iam", "CreateUser", "Action=CreateUser", "") };
    check(&failed, &json!({ "errorCode": "ServiceUnavailable", "errorMessage": "no upstream" }));
}

#[test]
fn long_bodies_leave_what_the_head_says() {
    let prefix = BodyCapture::Prefix { bytes: b"{\"FunctionName\":", total_bytes: 9_000_000 };
    let case = Case { body: prefix, ..Case::new("kms", "CreateKey", "", "") };
    check(&case, &json!({ "requestParameters": { "omitted": true } }));
    let case = Case {
        method: Method::PUT,
        path: "/2015-03-31/functions/f/code",
        body: prefix,
        ..Case::new("lambda", "UpdateFunctionCode", "", "")
    };
    let record = recorded(&case);
    assert_eq!(record["requestParameters"]["functionName"], "f");
    assert_eq!(record["requestParameters"]["omitted"], true);
}

#[test]
fn what_is_too_long_is_cut_or_left_out() {
    let name = "n".repeat(101 * 1024);
    let body = format!(r#"{{"Description":"{name}"}}"#);
    let record = recorded(&Case::new("kms", "CreateKey", &body, "{}"));
    let omitted = record["requestParameters"].as_object().expect("an object");
    assert_eq!(omitted["reason"], "requestParameters too large");
    assert_eq!(omitted["omitted"], "true");
    let size: usize = omitted["originalSize"].as_str().and_then(|size| size.parse().ok()).expect("a number as a text");
    assert!((name.len()..name.len() + 200).contains(&size), "{size}");
    assert_eq!(omitted.len(), 3);
    // What a long escape might take is counted, not feared.
    let body = format!(r#"{{"Description":"{}"}}"#, "n".repeat(99 * 1024));
    let record = recorded(&Case::new("kms", "CreateKey", &body, "{}"));
    assert_eq!(record["requestParameters"]["description"].as_str().map(str::len), Some(99 * 1024));
    let answer = format!(r#"{{"TrainingJobArn":"{name}"}}"#);
    let record = recorded(&Case::new("sagemaker", "CreateTrainingJob", "{}", &answer));
    assert_eq!(record["responseElements"]["reason"], "responseElements too large");
    let agent = "a".repeat(2000);
    let case = Case { headers: &[("user-agent", &agent)], ..Case::new("kms", "CreateKey", "{}", "{}") };
    assert_eq!(recorded(&case)["userAgent"].as_str().map(str::len), Some(1024));
}

#[test]
fn unreadable_bodies_show_nothing() {
    let case = Case::new("secretsmanager", "CreateSecret", r#"{"SecretString":"hush""#, "{}");
    let record = check(&case, &json!({ "requestParameters": { "omitted": true } }));
    assert!(!record.to_string().contains("hush"));
}

#[test]
fn members_newer_than_the_catalog_are_named_in_requests_alone() {
    let body = r#"{"Description":"d","NewThing":{"a":"hush"},"NewCount":3}"#;
    let record = check(
        &Case::new("kms", "CreateCustomKeyStore", body, r#"{"CustomKeyStoreId":"c","NewThing":"hush"}"#),
        &json!({
            "requestParameters": { "description": "HIDDEN_DUE_TO_SECURITY_REASONS", "newThing": "HIDDEN_DUE_TO_SECURITY_REASONS", "newCount": 3 },
            "responseElements": { "customKeyStoreId": "c" },
        }),
    );
    assert!(!record.to_string().contains("hush"));
}

#[test]
fn operations_newer_than_the_catalog_are_recorded() {
    let body = r#"{"TableName":"T","NewThing":{"Password":"hush","Inner":[{"AuthToken":"hush","Size":3}]}}"#;
    let case = Case {
        operation: None,
        headers: &[("x-amz-target", "DynamoDB_20120810.MakeNewThing")],
        ..Case::new("dynamodb", "", body, "{}")
    };
    let record = check(
        &case,
        &json!({
            "eventSource": "dynamodb.amazonaws.com",
            "eventName": "MakeNewThing",
            "readOnly": false,
            "requestParameters": { "tableName": "T", "newThing": {
                "password": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "inner": [{ "authToken": "HIDDEN_DUE_TO_SECURITY_REASONS", "size": 3 }],
            } },
        }),
    );
    assert!(!record.to_string().contains("hush"));
    let case = Case { operation: None, ..Case::new("iam", "", "Action=GetNewThing&Name=n&Password=hush", "") };
    let record =
        check(&case, &json!({ "eventName": "GetNewThing", "readOnly": true, "requestParameters": { "name": "n" } }));
    assert!(!record.to_string().contains("hush"));
    let case = Case { operation: None, method: Method::PUT, path: "/v9/things/a", ..Case::new("eks", "", "", "") };
    check(&case, &json!({ "eventName": "PUT /v9/things/a", "readOnly": false, "requestParameters": null }));
}

#[test]
fn addresses_are_written_as_the_library_writes_them() {
    for text in ["0.0.0.0", "127.0.0.1", "10.20.109.255", "100.9.10.99", "2001:db8::1"] {
        let address: std::net::IpAddr = text.parse().expect(text);
        assert_eq!(address_text(address), address.to_string());
    }
}
