//! What single services write in their own way, each case after a public record.

use aws_wire::catalog::Protocol;
use http::Method;
use serde_json::{Value as Json, json};

use super::{Case, check};

#[test]
fn refusals_behind_api_gateway_are_answers() {
    let refused = |status, body| Case {
        method: Method::DELETE,
        path: "/detector/123",
        status,
        answer_headers: &[("x-amzn-errortype", "BadRequestException")],
        ..Case::new("guardduty", "DeleteDetector", "", body)
    };
    check(
        &refused(400, r#"{"message":"invalid value.","__type":"InvalidInputException"}"#),
        &json!({
            "errorCode": "BadRequestException",
            "errorMessage": null,
            "responseElements": { "message": "invalid value.", "__type": "InvalidInputException" },
        }),
    );
    // Denials too (github.com/adanalvarez/TrailDiscover).
    check(
        &refused(403, r#"{"message":"not authorized"}"#),
        &json!({ "errorMessage": null, "responseElements": { "message": "not authorized" } }),
    );
    // Reads have no answer, and no message either.
    check(
        &Case {
            method: Method::GET,
            path: "/detector/123",
            status: 403,
            answer_headers: &[("x-amzn-errortype", "AccessDeniedException")],
            ..Case::new("guardduty", "GetDetector", "", r#"{"message":"not authorized"}"#)
        },
        &json!({ "errorCode": "AccessDenied", "errorMessage": null, "responseElements": null }),
    );
    // What is no JSON is no answer, and nothing tells more.
    check(&refused(502, "bad gateway"), &json!({ "errorCode": "BadRequestException", "responseElements": null }));
    // A service of the other kind.
    check(
        &Case {
            path: "/TraceSummaries",
            status: 403,
            answer_headers: &[("x-amzn-errortype", "AccessDeniedException")],
            ..Case::new("xray", "GetTraceSummaries", "{}", r#"{"message":"no"}"#)
        },
        &json!({ "errorMessage": "no", "responseElements": null }),
    );
}

/// Source: records (GuardDuty, EKS, Security Hub, Data Lifecycle Manager) and guides (Billing Conductor, Clean Rooms,
/// Ground Station, Location, DataBrew).
#[test]
fn services_behind_api_gateway_write_what_travelled() {
    // Keys, whatever the row: a service without one, and headers among the parameters.
    check(
        &Case {
            path: "/create-billing-group",
            headers: &[("x-amzn-client-token", "t")],
            answer_headers: &[("access-control-expose-headers", "x-amzn-RequestId,Date")],
            ..Case::new("billingconductor", "CreateBillingGroup", r#"{"PrimaryAccountId":"1"}"#, r#"{"Arn":"arn:x"}"#)
        },
        &json!({
            "requestParameters": { "X-Amzn-Client-Token": "t", "PrimaryAccountId": "1" },
            "responseElements": { "Arn": "arn:x", "Access-Control-Expose-Headers": "x-amzn-RequestId,Date" },
        }),
    );
    check(
        &Case { path: "/tracking/v0/trackers", ..Case::new("location", "CreateTracker", r#"{"TrackerName":"t"}"#, "") },
        &json!({ "requestParameters": { "TrackerName": "t" } }),
    );
    // Times as the model has them: seconds where it says nothing, else ISO.
    check(
        &Case {
            path: "/contact",
            ..Case::new("groundstation", "ReserveContact", r#"{"startTime":1558356107,"groundStation":"Ohio 1"}"#, "")
        },
        &json!({ "requestParameters": { "startTime": 1_558_356_107, "groundStation": "Ohio 1" } }),
    );
    check(
        &Case {
            path: "/v2/apis",
            ..Case::new("apigatewayv2", "CreateApi", "{}", r#"{"createdDate":"2025-05-24T13:29:00Z"}"#)
        },
        &json!({ "responseElements": { "createdDate": "2025-05-24T13:29:00Z" } }),
    );
    // Query values as texts, and a list of one as its element.
    check(
        &Case {
            method: Method::GET,
            path: "/policies",
            query: Some("resourceTypes=INSTANCE&targetTags=Name%3Da&targetTags=Name%3Db"),
            ..Case::new("dlm", "GetLifecyclePolicies", "", "{}")
        },
        &json!({ "requestParameters": { "resourceTypes": "INSTANCE", "targetTags": ["Name=a", "Name=b"] } }),
    );
    check(
        &Case {
            method: Method::GET,
            path: "/detector",
            query: Some("maxResults=50"),
            ..Case::new("guardduty", "ListDetectors", "", "{}")
        },
        &json!({ "requestParameters": { "maxResults": "50" } }),
    );
    // Labels of the path as they stand in it, under the name that they had before the model lost it.
    check(
        &Case {
            method: Method::GET,
            path: "/clusters/c/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fr",
            ..Case::new("eks", "DescribeAccessEntry", "", "{}")
        },
        &json!({
            "requestParameters": { "name": "c", "principalArn": "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fr" },
        }),
    );
    check(
        &Case { method: Method::DELETE, path: "/detector/12", ..Case::new("guardduty", "DeleteDetector", "", "{}") },
        &json!({ "requestParameters": { "detectorId": "12" } }),
    );
    // The other kind decodes them.
    check(
        &Case {
            method: Method::GET,
            path: "/tags/arn%3Aaws%3Arbin%3Aus-west-2%3A1%3Arule%2Fr",
            ..Case::new("rbin", "ListTagsForResource", "", "{}")
        },
        &json!({ "requestParameters": { "resourceArn": "arn:aws:rbin:us-west-2:1:rule/r" } }),
    );
}

/// Source: guides, log entries (PCS 2024, B2B Data Interchange 2023, Partner Central Selling 2023, OpenSearch Ingestion
/// 2023, Redshift Serverless 2022, S3 Vectors 2024).
/// Source: Developer Tools guide (2024), Directory Service guide (2024), Certificate Manager guide (2026), records of Budgets
/// (2026), CloudWatch (2021 to 2023) and of a token (2026).
#[test]
fn what_a_fifth_set_of_records_shows() {
    // What is asked of syncs is a write with an answer; hosts are read.
    let connections = |operation, body, answer, expected: Json| {
        check(
            &Case { protocol: Some(Protocol::Json10), ..Case::new("codeconnections", operation, body, answer) },
            &expected,
        );
    };
    connections(
        "ListRepositoryLinks",
        r#"{"MaxResults":50}"#,
        r#"{"RepositoryLinks":[{"OwnerId":"o"}]}"#,
        json!({ "readOnly": false, "responseElements": { "repositoryLinks": [{ "ownerId": "o" }] } }),
    );
    connections(
        "ListHosts",
        r#"{"MaxResults":50}"#,
        r#"{"Hosts":[]}"#,
        json!({ "readOnly": true, "responseElements": null }),
    );
    connections(
        "UpdateRepositoryLink",
        r#"{"RepositoryLinkId":"l"}"#,
        "{}",
        json!({ "additionalEventData": { "providerAction": "UpdateRepositoryLink" } }),
    );
    check(
        &Case {
            path: "/Users/CreateUser?DirectoryId=d-1",
            query: Some("DirectoryId=d-1"),
            ..Case::new(
                "ds-data",
                "CreateUser",
                r#"{"SAMAccountName":"ana"}"#,
                r#"{"SID":"S-1-5","DirectoryId":"d-1"}"#,
            )
        },
        &json!({
            "eventSource": "ds.amazonaws.com",
            "requestParameters": { "directoryId": "d-1", "sAMAccountName": "ana" },
            "additionalEventData": { "SID": "S-1-5" },
            "resources": [{
                "accountId": "111122223333",
                "type": "AWS::DirectoryService::MicrosoftAD",
                "ARN": "arn:aws:ds:eu-west-1:111122223333:directory/d-1",
            }],
        }),
    );
    check(
        &Case {
            path: "/Users/ListUsers?DirectoryId=d-1",
            query: Some("DirectoryId=d-1"),
            ..Case::new("ds-data", "ListUsers", r#"{"MaxResults":1,"NextToken":"n"}"#, "{}")
        },
        &json!({ "requestParameters": { "directoryId": "d-1", "nextToken": "REDACTED", "maxResults": 1 } }),
    );
    let (endpoint, binding) =
        ("arn:aws:acm:us-east-1:111122223333:acme-endpoint/e", "arn:aws:acm:us-east-1:111122223333:b");
    let request = json!({ "AcmeEndpointArn": endpoint }).to_string();
    let answer = json!({ "ExternalAccountBinding": {
        "AcmeExternalAccountBindingArn": binding, "AcmeEndpointArn": endpoint, "ExpiresAt": 1781209725,
    } });
    check(
        &Case::new("acm", "CreateAcmeExternalAccountBinding", &request, &answer.to_string()),
        &json!({
            "responseElements": { "externalAccountBinding": {
                "acmeExternalAccountBindingArn": binding, "acmeEndpointArn": endpoint, "expiresAt": "2026-06-11T20:28:45Z",
            } },
            "resources": [
                { "accountId": "111122223333", "type": "AWS::CertificateManager::AcmeEndpoint", "ARN": endpoint },
                {
                    "accountId": "111122223333",
                    "type": "AWS::CertificateManager::AcmeExternalAccountBinding",
                    "ARN": binding,
                },
            ],
        }),
    );
    check(
        &Case::new("budgets", "DescribeBudgets", r#"{"AccountId":"111122223333"}"#, "{}"),
        &json!({ "requestParameters": { "AccountId": "111122223333" } }),
    );
    check(
        &Case {
            protocol: Some(Protocol::Query),
            ..Case::new("cloudwatch", "GetDashboard", "Action=GetDashboard&DashboardName=d", "<GetDashboardResponse/>")
        },
        &json!({ "requestParameters": null }),
    );
    check(
        &Case::new(
            "support",
            "CreateCase",
            r#"{"serviceCode":"s","subject":"dire","communicationBody":"straits"}"#,
            "{}",
        ),
        &json!({ "requestParameters": { "serviceCode": "s" } }),
    );
}

#[test]
fn guides_of_young_services_are_followed() {
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    // Times of a service of JSON whose model says ISO.
    check(
        &Case::new("pcs", "CreateQueue", "{}", r#"{"queue":{"createdAt":"2024-07-16T17:13:09.276069393Z"}}"#),
        &json!({ "responseElements": { "queue": { "createdAt": "2024-07-16T17:13:09.276069393Z" } } }),
    );
    check(
        &Case::new(
            "redshift-serverless",
            "CreateNamespace",
            "{}",
            r#"{"namespace":{"creationDate":"2022-03-21T23:15:40Z"}}"#,
        ),
        &json!({ "responseElements": { "namespace": { "creationDate": "Mar 21, 2022, 11:15:40 PM" } } }),
    );
    check(
        &Case::new(
            "b2bi",
            "CreateCapability",
            r#"{"name":"n","configuration":{"edi":{"type":{"x12Details":{"version":"VERSION_4010"}},
                "inputLocation":{"bucketName":"b","key":"k"},"transformerId":"tr-1"}}}"#,
            r#"{"createdAt":"2023-11-24T17:27:05.196Z"}"#,
        ),
        &json!({
            "requestParameters": { "name": "n", "configuration": { "edi": {
                "type": { "x12Details": { "version": hidden } },
                "inputLocation": { "bucketName": hidden, "key": hidden },
                "transformerId": hidden,
            } } },
            "responseElements": { "createdAt": "2023-11-24T17:27:05.196Z" },
        }),
    );
    // A record (2026): the tokens of applications have a source of their own.
    check(
        &Case {
            path: "/token?aws_iam=t",
            ..Case::new(
                "sso-oidc",
                "CreateTokenWithIAM",
                r#"{"clientId":"c","assertion":"a"}"#,
                r#"{"accessToken":"t"}"#,
            )
        },
        &json!({
            "eventSource": "sso-oauth.amazonaws.com",
            "requestParameters": { "clientId": "c", "assertion": hidden },
            "responseElements": { "accessToken": hidden },
        }),
    );
    check(
        &Case {
            path: "/token?aws_iam=t",
            ..Case::new("sso-oidc", "CreateTokenWithIAM", r#"{"clientId":"arn:aws:sso::1:a"}"#, "{}")
        },
        &json!({ "resources": [{ "type": "AWS::SSO::Application", "ARN": "arn:aws:sso::1:a" }] }),
    );
    check(
        &Case::new("partnercentral-selling", "ListOpportunities", r#"{"MaxResults":20}"#, "{}"),
        &json!({ "requestParameters": { "MaxResults": 20 } }),
    );
    check(
        &Case {
            method: Method::PUT,
            path: "/2022-01-01/osis/updatePipeline/my-pipeline",
            ..Case::new("osis", "UpdatePipeline", r#"{"MinUnits":1}"#, r#"{"Pipeline":{"CreatedAt":1680095024}}"#)
        },
        &json!({
            "requestParameters": { "pipelineName": "my-pipeline", "minUnits": 1 },
            "responseElements": { "pipeline": { "createdAt": "Mar 29, 2023, 1:03:44 PM" } },
        }),
    );
    check(
        &Case::new(
            "s3vectors",
            "GetVectors",
            r#"{"vectorBucketName":"b","indexName":"i","keys":["k"],"returnData":false,"returnMetadata":true}"#,
            "{}",
        ),
        &json!({
            "requestParameters": {
                "vectorBucketName": "b", "indexName": "i", "returnData": "false", "returnMetadata": "true",
            },
            "resources": [
                { "accountId": "111122223333", "type": "AWS::S3Vectors::VectorBucket",
                  "ARN": "arn:aws:s3vectors:eu-west-1:111122223333:bucket/b" },
                { "accountId": "111122223333", "type": "AWS::S3Vectors::Index",
                  "ARN": "arn:aws:s3vectors:eu-west-1:111122223333:bucket/b/index/i" },
            ],
        }),
    );
}

/// Source: Verified Permissions guide, log entries. What was asked for stays hidden, as the model says.
#[test]
fn decisions_are_told_with_the_call() {
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    for (operation, body, answer, expected) in [
        (
            "IsAuthorized",
            r#"{"policyStoreId":"PS1"}"#,
            r#"{"decision":"ALLOW","determiningPolicies":[{"policyId":"SP1"}],"errors":[]}"#,
            json!({ "decision": "ALLOW" }),
        ),
        (
            "BatchIsAuthorized",
            r#"{"policyStoreId":"PS1","requests":[]}"#,
            r#"{"results":[{"request":{"action":{"actionType":"A","actionId":"View"}},"decision":"DENY",
                "determiningPolicies":[],"errors":[]}]}"#,
            json!({ "results": [{
                "request": { "action": { "actionType": hidden, "actionId": hidden } }, "decision": "DENY",
            }] }),
        ),
    ] {
        check(
            &Case::new("verifiedpermissions", operation, body, answer),
            &json!({ "responseElements": null, "additionalEventData": expected }),
        );
    }
}

/// Source: the rows of `service_rules`.
#[test]
fn sources_of_planes_are_those_of_their_service() {
    for (service, operation, body, source) in [
        ("bedrock-agentcore-control", "CreateMemory", "{}", "bedrock-agentcore.amazonaws.com"),
        ("memorydb", "CreateCluster", "{}", "memorydb.amazonaws.com"),
        ("meteringmarketplace", "BatchMeterUsage", "{}", "metering-marketplace.amazonaws.com"),
        ("mgh", "DescribeApplicationState", "{}", "migrationhub.amazonaws.com"),
        ("appconfigdata", "StartConfigurationSession", "{}", "appconfig.amazonaws.com"),
        ("lexv2-models", "CreateBot", "{}", "lex.amazonaws.com"),
        ("chime-sdk-meetings", "CreateMeeting", "{}", "chime.amazonaws.com"),
    ] {
        check(&Case::new(service, operation, body, ""), &json!({ "eventSource": source }));
    }
}

#[test]
fn keys_follow_the_wire_or_the_operation() {
    check(
        &Case {
            path: "/getRegionOptStatus",
            ..Case::new("account", "GetRegionOptStatus", r#"{"RegionName":"x"}"#, "")
        },
        &json!({ "requestParameters": { "RegionName": "x" } }),
    );
    let contact = r#"{"AlternateContactType":"SECURITY"}"#;
    check(
        &Case { path: "/getAlternateContact", ..Case::new("account", "GetAlternateContact", contact, "") },
        &json!({ "requestParameters": { "alternateContactType": "SECURITY" } }),
    );
    check(
        &Case {
            path: "/appmonitor",
            ..Case::new("rum", "CreateAppMonitor", r#"{"Name":"n","CwLogEnabled":true}"#, "")
        },
        &json!({ "requestParameters": { "Name": "n", "CwLogEnabled": true } }),
    );
}

#[test]
fn copies_name_their_source() {
    let case = Case {
        method: Method::PUT,
        path: "/new/b.csv",
        headers: &[("x-amz-copy-source", "old/in/a%20b.csv?versionId=1"), ("user-agent", "cli/1")],
        ..Case::new("s3", "CopyObject", "", "")
    };
    let (new, old) =
        (["arn:aws:s3:::new", "arn:aws:s3:::new/b.csv"], ["arn:aws:s3:::old", "arn:aws:s3:::old/in/a b.csv"]);
    let account = "111122223333";
    check(
        &case,
        &json!({ "userAgent": "[cli/1]", "resources": [
            { "type": "AWS::S3::Object", "ARN": new[1] },
            { "accountId": account, "type": "AWS::S3::Bucket", "ARN": new[0] },
            { "accountId": account, "type": "AWS::S3::Bucket", "ARN": old[0] },
            { "type": "AWS::S3::Object", "ARN": old[1] },
        ] }),
    );
    let inside = Case { headers: &[("x-amz-copy-source", "new/a.csv")], ..case };
    check(
        &inside,
        &json!({ "resources": [
            { "type": "AWS::S3::Object", "ARN": new[1] },
            { "accountId": account, "type": "AWS::S3::Bucket", "ARN": new[0] },
            { "type": "AWS::S3::Object", "ARN": "arn:aws:s3:::new/a.csv" },
        ] }),
    );
}

#[test]
fn grants_are_one_list_and_services_have_no_brackets() {
    let grant = "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
    let case = Case {
        method: Method::PUT,
        path: "/b",
        query: Some("acl"),
        headers: &[
            ("host", "s3.eu-west-1.amazonaws.com"),
            ("x-amz-grant-read", grant),
            ("user-agent", "cloudtrail.amazonaws.com"),
        ],
        ..Case::new("s3", "PutBucketAcl", "", "")
    };
    check(
        &case,
        &json!({ "userAgent": "cloudtrail.amazonaws.com", "requestParameters": {
            "bucketName": "b",
            "Host": "s3.eu-west-1.amazonaws.com",
            "acl": "",
            "accessControlList": { "x-amz-grant-read": grant },
        } }),
    );
}

#[test]
fn statements_and_models_are_resources() {
    let statement = r#"{"Statement":"SELECT * FROM \"Music\" WHERE Artist = 'x'"}"#;
    check(
        &Case::new("dynamodb", "ExecuteStatement", statement, "{}"),
        &json!({ "managementEvent": false, "resources": [{
            "accountId": "111122223333",
            "type": "AWS::DynamoDB::Table",
            "ARN": "arn:aws:dynamodb:eu-west-1:111122223333:table/Music",
        }] }),
    );
    let arn = "arn:aws:comprehend:eu-west-1:111122223333:entity-recognizer/e";
    let body = json!({ "EntityRecognizerArn": arn }).to_string();
    let protocol = Some(Protocol::Json11);
    check(
        &Case { protocol, ..Case::new("comprehend", "DeleteEntityRecognizer", &body, "{}") },
        &json!({ "resources": [
            { "accountId": "111122223333", "type": "AWS::Comprehend::EntityRecognizer", "ARN": arn },
        ] }),
    );
}

#[test]
fn calls_on_resources_of_others_are_shared() {
    let queue =
        |owner: &str| format!(r#"{{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/{owner}/q","MessageBody":"m"}}"#);
    let arn = |owner: &str| format!("arn:aws:sqs:eu-west-1:{owner}:q");
    for owner in ["111122223333", "444455556666"] {
        let body = queue(owner);
        let protocol = Some(Protocol::Json10);
        check(
            &Case { protocol, ..Case::new("sqs", "SendMessage", &body, "{}") },
            &json!({ "recipientAccountId": "111122223333", "resources": [
                { "accountId": owner, "type": "AWS::SQS::Queue", "ARN": arn(owner) },
            ] }),
        );
    }
    let case = Case {
        method: Method::GET,
        path: "/theirs/k",
        headers: &[("x-amz-expected-bucket-owner", "444455556666")],
        caller_type: "IAMUser",
        ..Case::new("s3", "GetObject", "", "")
    };
    let record = check(&case, &json!({ "errorCode": null }));
    assert_eq!(record["resources"][1]["accountId"], "444455556666");
    assert!(record["sharedEventID"].is_string(), "{record:#}");
    let refused = Case { status: 403, ..case };
    assert!(check(&refused, &json!({}))["sharedEventID"].is_null());
}

#[test]
fn calls_on_content_show_what_they_address() {
    let protocol = Some(Protocol::Json11);
    let endpoint = "arn:aws:comprehend:eu-west-1:111122223333:document-classifier-endpoint/e";
    let body = json!({ "EndpointArn": endpoint, "Text": "private" }).to_string();
    check(
        &Case { protocol, ..Case::new("comprehend", "ClassifyDocument", &body, r#"{"Classes":[]}"#) },
        &json!({ "requestParameters": { "endpointArn": endpoint }, "responseElements": null, "readOnly": true }),
    );
    let body = r#"{"LanguageCode":"en","Text":"private"}"#;
    check(
        &Case { protocol, ..Case::new("comprehend", "DetectEntities", body, "{}") },
        &json!({ "requestParameters": null }),
    );
    let body = r#"{"IdentityId":"eu-west-1:i","Logins":{"cognito-idp.example":"token"}}"#;
    let answer = r#"{"IdentityId":"eu-west-1:i","Token":"t"}"#;
    check(
        &Case { protocol, ..Case::new("cognito-identity", "GetOpenIdToken", body, answer) },
        &json!({
            "readOnly": false,
            "eventCategory": "Data",
            "requestParameters": {
                "identityId": "eu-west-1:i",
                "logins": { "cognito-idp.example": "HIDDEN_DUE_TO_SECURITY_REASONS" },
            },
            "responseElements": { "identityId": "eu-west-1:i" },
        }),
    );
}

/// One row a rule that a service has alone: service, operation, method and path, request, answer, and what it makes.
#[test]
fn rules_of_single_services_hold() {
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/Music";
    let queue = "arn:aws:sqs:eu-west-1:111122223333:q";
    let rows = [
        // Sets that stand for nothing are written, but for some of filters.
        (
            "ec2",
            "DescribeSpotPriceHistory",
            (Method::POST, "/"),
            "Action=DescribeSpotPriceHistory&Version=2016-11-15&MaxResults=5",
            "",
            json!({
                "requestParameters": { "maxResults": 5, "instanceTypeSet": {}, "productDescriptionSet": {} },
            }),
        ),
        (
            "ec2",
            "DescribeReservedInstancesModifications",
            (Method::POST, "/"),
            "Action=DescribeReservedInstancesModifications&Version=2016-11-15",
            "",
            json!({ "requestParameters": { "filterSet": {}, "reservedInstancesModificationSet": {} } }),
        ),
        // The date of the API in the names of functions.
        (
            "cloudfront",
            "PublishFunction",
            (Method::POST, "/2020-05-31/function/f/publish"),
            "",
            "",
            json!({ "eventName": "PublishFunction2020_05_31", "awsRegion": "us-east-1" }),
        ),
        (
            "cloudfront",
            "GetDistribution",
            (Method::GET, "/2020-05-31/distribution/d"),
            "",
            "",
            json!({
                "eventName": "GetDistribution",
            }),
        ),
        // The listing of configurations is recorded as the call for one.
        (
            "s3",
            "ListBucketInventoryConfigurations",
            (Method::GET, "/b"),
            "",
            "",
            json!({ "eventName": "GetBucketInventoryConfiguration" }),
        ),
        // Members as on the wire, and three asterisks.
        (
            "mwaa",
            "CreateEnvironment",
            (Method::PUT, "/environments/e"),
            r#"{"MaxWorkers":2,"AirflowConfigurationOptions":{"a":"b"}}"#,
            r#"{"Arn":"arn:e"}"#,
            json!({
                "eventSource": "airflow.amazonaws.com",
                "requestParameters": { "Name": "e", "MaxWorkers": 2, "AirflowConfigurationOptions": "***" },
                "responseElements": { "Arn": "arn:e" },
            }),
        ),
        // The label of the path, which is not the name of the member.
        (
            "eks",
            "CreateAccessEntry",
            (Method::POST, "/clusters/c/access-entries"),
            r#"{"principalArn":"arn:p"}"#,
            r#"{"accessEntry":{"clusterName":"c"}}"#,
            json!({
                "requestParameters": { "name": "c", "principalArn": "arn:p" },
                "responseElements": { "accessEntry": { "clusterName": "c" } },
            }),
        ),
        (
            "fsx",
            "TagResource",
            (Method::POST, "/"),
            r#"{"ResourceARN":"r"}"#,
            "{}",
            json!({ "apiVersion": "2018-03-01" }),
        ),
        // What is hidden is one text, whatever it is made of.
        (
            "cloud9",
            "TagResource",
            (Method::POST, "/"),
            r#"{"ResourceARN":"r","Tags":[{"Key":"k","Value":"v"}]}"#,
            "{}",
            json!({ "requestParameters": { "resourceARN": "r", "tags": "HIDDEN_DUE_TO_SECURITY_REASONS" } }),
        ),
        // One operation whose times have no comma.
        (
            "ssm",
            "CreateDocument",
            (Method::POST, "/"),
            r#"{"Name":"d","Content":"c"}"#,
            r#"{"DocumentDescription":{"CreatedDate":1730320199.0}}"#,
            json!({ "responseElements": { "documentDescription": { "createdDate": "Oct 30, 2024 8:29:59 PM" } } }),
        ),
        (
            "rolesanywhere",
            "CreateProfile",
            (Method::POST, "/profiles"),
            r#"{"name":"p"}"#,
            r#"{"profile":{"createdAt":"2024-08-01T13:56:39.832628281Z"}}"#,
            json!({ "responseElements": { "profile": { "createdAt": "2024-08-01T13:56:39.832628281Z" } } }),
        ),
        // The status of the answer is not part of it.
        (
            "lambda",
            "DeleteFunction",
            (Method::DELETE, "/2015-03-31/functions/f"),
            "",
            "",
            json!({ "eventName": "DeleteFunction20150331", "responseElements": null }),
        ),
        (
            "sns",
            "Subscribe",
            (Method::POST, "/"),
            "Action=Subscribe&TopicArn=t&Protocol=email",
            "",
            json!({ "requestParameters": { "topicArn": "t", "protocol": "email", "returnSubscriptionArn": false } }),
        ),
        (
            "rds",
            "CopyDBSnapshot",
            (Method::POST, "/"),
            "Action=CopyDBSnapshot&PreSignedUrl=https%3A%2F%2Fx%3FX-Amz-Signature%3D1",
            "",
            json!({ "requestParameters": { "preSignedUrl": "" } }),
        ),
        // Management events that name what they manage.
        (
            "dynamodb",
            "DescribeTable",
            (Method::POST, "/"),
            r#"{"TableName":"Music"}"#,
            "{}",
            json!({ "managementEvent": true, "resources": [
                { "accountId": "111122223333", "type": "AWS::DynamoDB::Table", "ARN": table },
            ] }),
        ),
        (
            "sqs",
            "CreateQueue",
            (Method::POST, "/"),
            r#"{"QueueName":"q"}"#,
            "{}",
            json!({ "managementEvent": true, "resources": [
                { "accountId": "111122223333", "type": "AWS::SQS::Queue", "ARN": queue },
            ] }),
        ),
    ];
    for (service, operation, (method, path), body, answer, expected) in rows {
        let protocol = (service == "sqs").then_some(Protocol::Json10);
        check(&Case { protocol, method, path, ..Case::new(service, operation, body, answer) }, &expected);
    }
    let query = Some("maxResults=100");
    let list = Case::new("servicecatalog-appregistry", "ListApplications", "", "{}");
    check(
        &Case { method: Method::GET, path: "/applications", query, ..list },
        &json!({ "requestParameters": { "maxResults": "100" } }),
    );
}

/// Source: records (2018, 2023, github.com/aidansteele/aidansteele.github.io).
#[test]
fn an_invocation_names_its_function_and_the_version_that_ran() {
    let function = "arn:aws:lambda:eu-west-1:111122223333:function:f";
    for path in [
        "/2015-03-31/functions/f/invocations",
        "/2015-03-31/functions/f%3Alive/invocations",
        "/2015-03-31/functions/111122223333%3Afunction%3Af/invocations",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Af%3Alive/invocations",
    ] {
        let case = Case {
            path,
            answer_headers: &[("x-amz-executed-version", "14")],
            ..Case::new("lambda", "Invoke", r#"{"secret":1}"#, "{}")
        };
        check(
            &case,
            &json!({
                "eventCategory": "Data",
                "additionalEventData": { "functionVersion": format!("{function}:14") },
                "resources": [{ "accountId": "111122223333", "type": "AWS::Lambda::Function", "ARN": function }],
            }),
        );
    }
    // The function of another account, which the caller names by its ARN.
    let other = "arn:aws:lambda:eu-west-1:444455556666:function:f";
    let path = format!("/2015-03-31/functions/{}/invocations", other.replace(':', "%3A"));
    let case = Case { path: &path, ..Case::new("lambda", "Invoke", "{}", "{}") };
    check(
        &case,
        &json!({
            "additionalEventData": null,
            "resources": [{ "accountId": "444455556666", "type": "AWS::Lambda::Function", "ARN": other }],
        }),
    );
}

/// Source: Identity Center guide; records (2026, github.com/aidansteele).
#[test]
fn calls_on_the_access_portal_are_events_of_the_service() {
    for (operation, path, query, details) in [
        ("ListAccounts", "/assignment/accounts", Some("max_result=5&next_token=n"), Json::Null),
        (
            "ListAccountRoles",
            "/assignment/roles",
            Some("account_id=444455556666&max_result=5"),
            json!({ "account_id": "444455556666" }),
        ),
        (
            "GetRoleCredentials",
            "/federation/credentials",
            Some("account_id=444455556666&role_name=Admin"),
            json!({ "role_name": "Admin", "account_id": "444455556666" }),
        ),
    ] {
        let case = Case {
            method: Method::GET,
            path,
            query,
            headers: &[("x-amz-sso_bearer_token", "hunter2")],
            ..Case::new("sso", operation, "", r#"{"roleCredentials":{"secretAccessKey":"hunter2"}}"#)
        };
        let record = check(
            &case,
            &json!({
                "eventSource": "sso.amazonaws.com",
                "eventName": operation,
                "eventType": "AwsServiceEvent",
                "readOnly": true,
                "requestParameters": null,
                "responseElements": null,
                "serviceEventDetails": details,
                "tlsDetails": null,
            }),
        );
        assert!(!record.to_string().contains("hunter2"), "{record:#}");
    }
    // The administration of Identity Center is called.
    let case = Case::new("sso-admin", "ListInstances", "{}", "{}");
    check(&case, &json!({ "eventType": "AwsApiCall", "serviceEventDetails": null }));
}

/// Source: KMS guide, log entries.
#[test]
fn a_retired_grant_is_named_beside_the_call() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/k";
    let retired = |body: &str, grant: Json, resources: Json| {
        check(
            &Case::new("kms", "RetireGrant", body, ""),
            &json!({
                "readOnly": false,
                "requestParameters": null,
                "additionalEventData": grant,
                "resources": resources,
            }),
        )
    };
    retired(
        &format!(r#"{{"KeyId":"{key}","GrantId":"g-1"}}"#),
        json!({ "grantId": "g-1" }),
        json!([{ "accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": key }]),
    );
    let record = retired(r#"{"GrantToken":"hush"}"#, Json::Null, Json::Null);
    assert!(!record.to_string().contains("hush"), "{record:#}");
}
