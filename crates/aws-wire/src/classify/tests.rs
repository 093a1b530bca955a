use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

mod every_operation;
mod sdk_requests;

/// Classifies one request and says what it is: `service.Operation protocol`, with the bucket of the host.
fn check(scope: Option<&str>, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let method: Method = method.parse().expect("a method");
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let map: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).expect("a name"), HeaderValue::from_str(value).expect("a value"))
        })
        .collect();
    let head = RequestHead { method: &method, path, query, headers: &map };
    let own = ["localhost".to_owned(), "s3.localhost".to_owned()];
    let hosts = HostNames { own: &own };
    match classify(Catalog::embedded(), &head, &hosts, scope, Some(body.as_bytes())) {
        Classification::Call(call) => {
            let bucket = call.bucket_in_host.as_deref().map_or(String::new(), |bucket| format!(" of {bucket}"));
            format!("{}.{} {:?}{bucket}", call.service.id, call.operation_name(), call.protocol)
        }
        Classification::ServiceOnly { service, protocol } => format!("{}.? {protocol:?}", service.id),
        Classification::NeedsBody => "body".to_owned(),
        Classification::NotAws => "not AWS".to_owned(),
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

#[test]
fn json_by_target() {
    let target = |text| [("x-amz-target", text)];
    for (scope, text, expected) in [
        (Some("dynamodb"), "DynamoDB_20120810.GetItem", "dynamodb.GetItem Json10"),
        (Some("dynamodb"), "DynamoDBStreams_20120810.GetRecords", "dynamodbstreams.GetRecords Json10"),
        (Some("kms"), "TrentService.Decrypt", "kms.Decrypt Json11"),
        (
            Some("cloudtrail"),
            "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
            "cloudtrail.LookupEvents Json11",
        ),
        (Some("cloudtrail"), "CloudTrail_20131101.LookupEvents", "cloudtrail.LookupEvents Json11"),
        (Some("kms"), "TrentService.Enfold", "kms.? Json11"),
        (Some("sqs"), "AmazonSQS.SendMessage", "sqs.SendMessage Json10"),
        (None, "AWSCognitoIdentityProviderService.InitiateAuth", "cognito-idp.InitiateAuth Json11"),
    ] {
        assert_eq!(check(scope, "POST", "/", &target(text), "{}"), expected, "{text}");
    }
}

#[test]
fn query_by_action_and_version() {
    for (scope, body, expected) in [
        (Some("iam"), "Action=CreateUser&Version=2010-05-08&UserName=a", "iam.CreateUser Query"),
        (Some("ec2"), "Action=RunInstances&Version=2016-11-15", "ec2.RunInstances Ec2"),
        (Some("rds"), "Action=CreateDBCluster&Version=2014-10-31", "rds.CreateDBCluster Query"),
        (Some("elasticloadbalancing"), "Action=CreateLoadBalancer&Version=2012-06-01", "elb.CreateLoadBalancer Query"),
        (
            Some("elasticloadbalancing"),
            "Action=CreateLoadBalancer&Version=2015-12-01",
            "elbv2.CreateLoadBalancer Query",
        ),
        (Some("sqs"), "Action=SendMessage&Version=2012-11-05", "sqs.SendMessage Query"),
        (Some("iam"), "Action=CreateGhost&Version=2010-05-08", "iam.? Query"),
        (None, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "sts.AssumeRoleWithWebIdentity Query"),
        (None, "Action=Jump&Version=2011-06-15", "not AWS"),
    ] {
        assert_eq!(check(scope, "POST", "/", &[FORM], body), expected, "{body}");
    }
    assert_eq!(
        check(Some("sts"), "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", &[], ""),
        "sts.GetCallerIdentity Query"
    );
}

#[test]
fn the_body_is_asked_for_when_the_action_is_in_it() {
    let headers: HeaderMap = [(CONTENT_TYPE, HeaderValue::from_static(FORM.1))].into_iter().collect();
    let head = RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers };
    let found = classify(Catalog::embedded(), &head, &HostNames { own: &[] }, Some("iam"), None);
    assert!(matches!(found, Classification::NeedsBody));
}

#[test]
fn rest_by_path() {
    for (scope, method, target, expected) in [
        ("lambda", "POST", "/2015-03-31/functions", "lambda.CreateFunction RestJson"),
        ("lambda", "POST", "/2015-03-31/functions/", "lambda.CreateFunction RestJson"),
        ("lambda", "GET", "/2015-03-31/functions/f", "lambda.GetFunction RestJson"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda.Invoke RestJson"),
        (
            "lambda",
            "GET",
            "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A111122223333%3Afunction%3Af",
            "lambda.ListTags RestJson",
        ),
        ("route53", "POST", "/2013-04-01/hostedzone/Z1/rrset/", "route53.ChangeResourceRecordSets RestXml"),
        ("cloudfront", "GET", "/2020-05-31/distribution", "cloudfront.ListDistributions RestXml"),
        ("apigateway", "GET", "/restapis/abc/stages/prod", "apigateway.GetStage RestJson"),
        ("apigateway", "GET", "/v2/apis/abc", "apigatewayv2.GetApi RestJson"),
        ("eks", "POST", "/clusters", "eks.CreateCluster RestJson"),
        ("cloudtrail-data", "POST", "/PutAuditEvents?channelArn=arn", "cloudtrail-data.PutAuditEvents RestJson"),
        ("lambda", "GET", "/1999-01-01/nothing", "lambda.? RestJson"),
        ("lambda", "GET", "/2015%2D03%2D31/functions/f", "lambda.GetFunction RestJson"),
        // A slash at the end is all that tells these two apart.
        ("bedrock", "POST", "/agents/a/", "bedrock-agent.PrepareAgent RestJson"),
        ("bedrock", "POST", "/agents/a", "bedrock-agent-runtime.InvokeInlineAgent RestJson"),
        // A literal is more specific than a label, also when a required parameter is missing.
        ("apigateway", "POST", "/restapis?mode=import", "apigateway.ImportRestApi RestJson"),
        ("apigateway", "POST", "/restapis", "apigateway.CreateRestApi RestJson"),
        (
            "workspaces-web",
            "PUT",
            "/portals/arn:a/b/browserSettings?x=y",
            "workspaces-web.AssociateBrowserSettings RestJson",
        ),
        ("workspaces-web", "GET", "/portals/arn:a/b", "workspaces-web.GetPortal RestJson"),
        ("cloudsearch", "POST", "/2013-01-01/search", "cloudsearchdomain.Search RestJson"),
        ("cloudsearch", "GET", "/2013-01-01/search?q=x", "cloudsearchdomain.Search RestJson"),
        ("execute-api", "GET", "/my/own/api", "apigatewaymanagementapi.? RestJson"),
    ] {
        assert_eq!(check(Some(scope), method, target, &[], ""), expected, "{target}");
    }
}

#[test]
fn s3_by_path_query_and_headers() {
    for (method, target, headers, expected) in [
        ("GET", "/", &[][..], "ListBuckets"),
        ("GET", "/b", &[], "ListObjects"),
        ("GET", "/b/", &[], "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a%2Fb", &[], "ListObjectsV2"),
        ("GET", "/b?location", &[], "GetBucketLocation"),
        ("GET", "/b?policy=", &[], "GetBucketPolicy"),
        ("GET", "/b?versions&prefix=x", &[], "ListObjectVersions"),
        ("GET", "/b?uploads", &[], "ListMultipartUploads"),
        ("PUT", "/b", &[], "CreateBucket"),
        ("HEAD", "/b", &[], "HeadBucket"),
        ("DELETE", "/b", &[], "DeleteBucket"),
        ("PUT", "/b?lifecycle", &[], "PutBucketLifecycleConfiguration"),
        ("POST", "/b?delete", &[], "DeleteObjects"),
        ("GET", "/b/k", &[], "GetObject"),
        ("GET", "/b/k?x-id=GetObject", &[], "GetObject"),
        ("GET", "/b/a/b//c%20d", &[], "GetObject"),
        ("GET", "/b//k", &[], "GetObject"),
        ("GET", "/b/k?acl", &[], "GetObjectAcl"),
        ("GET", "/b/k?uploadId=1", &[], "ListParts"),
        ("HEAD", "/b/k", &[], "HeadObject"),
        ("PUT", "/b/k", &[], "PutObject"),
        ("PUT", "/b/k", &[("x-amz-copy-source", "/b/o")], "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", &[], "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", &[("x-amz-copy-source", "/b/o")], "UploadPartCopy"),
        ("POST", "/b/k?uploads", &[], "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", &[], "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=u", &[], "AbortMultipartUpload"),
        ("DELETE", "/b/k", &[], "DeleteObject"),
        ("PUT", "/b/k?tagging", &[], "PutObjectTagging"),
        ("GET", "/b/folder/", &[], "GetObject"),
        ("GET", "/b//", &[], "GetObject"),
        ("GET", "/b/k?X-Amz-Signature=1&X-Amz-Credential=a%2Fb&x-id=GetObject", &[], "GetObject"),
        ("GET", "/b?list%2Dtype=2", &[], "ListObjectsV2"),
        ("GET", "/b?list-type=1", &[], "ListObjects"),
        ("GET", "/b?session", &[], "CreateSession"),
        ("GET", "/b?inventory", &[], "ListBucketInventoryConfigurations"),
        ("GET", "/b?inventory&id=1", &[], "GetBucketInventoryConfiguration"),
        // Refused by S3 for what they lack, and still what they say they are.
        ("PUT", "/b?inventory", &[], "PutBucketInventoryConfiguration"),
        ("GET", "/b/k?attributes", &[], "GetObjectAttributes"),
        ("GET", "/b/k?attributes&versionId=v", &[("x-amz-object-attributes", "ETag")], "GetObjectAttributes"),
        ("GET", "/b/k?torrent", &[], "GetObjectTorrent"),
        ("PUT", "/b/k?legal-hold", &[], "PutObjectLegalHold"),
        ("PUT", "/b/k?retention&x-id=PutObjectRetention", &[], "PutObjectRetention"),
        ("POST", "/b/k?restore&versionId=1", &[], "RestoreObject"),
        ("POST", "/b/k?select&select-type=2", &[], "SelectObjectContent"),
        ("PUT", "/b?acl", &[], "PutBucketAcl"),
        ("PUT", "/b/k?acl", &[], "PutObjectAcl"),
        ("DELETE", "/b?policy", &[], "DeleteBucketPolicy"),
        ("DELETE", "/b/k?versionId=v", &[], "DeleteObject"),
        ("POST", "/b", &[("content-type", "multipart/form-data; boundary=x")], "PutObject"),
        ("POST", "/b", &[], "?"),
        ("POST", "/b/k", &[], "?"),
        ("OPTIONS", "/b/k", &[], "?"),
        (
            "POST",
            "/WriteGetObjectResponse",
            &[("x-amz-request-route", "r"), ("x-amz-request-token", "t")],
            "WriteGetObjectResponse",
        ),
    ] {
        assert_eq!(
            check(Some("s3"), method, target, headers, ""),
            format!("s3.{expected} RestXml"),
            "{method} {target}"
        );
    }
    let control = [("x-amz-account-id", "111122223333")];
    assert_eq!(
        check(Some("s3"), "GET", "/v20180820/configuration/publicAccessBlock", &control, ""),
        "s3control.GetPublicAccessBlock RestXml"
    );
    // Without the account that S3 Control requires, it is a key in a bucket of that name.
    assert_eq!(check(Some("s3"), "GET", "/v20180820/configuration/publicAccessBlock", &[], ""), "s3.GetObject RestXml");
}

#[test]
fn signing_names_of_special_buckets() {
    for (scope, method, target, headers, expected) in [
        ("s3express", "GET", "/", &[][..], "s3.ListDirectoryBuckets RestXml"),
        ("s3express", "GET", "/b?session", &[], "s3.CreateSession RestXml"),
        (
            "s3-object-lambda",
            "GET",
            "/k",
            &[("host", "p-1.s3-object-lambda.us-east-1.amazonaws.com")],
            "s3.GetObject RestXml of p-1",
        ),
        (
            "s3-object-lambda",
            "POST",
            "/WriteGetObjectResponse",
            &[
                ("host", "route.s3-object-lambda.us-east-1.amazonaws.com"),
                ("x-amz-request-route", "route"),
                ("x-amz-request-token", "t"),
            ],
            "s3.WriteGetObjectResponse RestXml",
        ),
        ("s3-outposts", "GET", "/b/k", &[], "s3.GetObject RestXml"),
        (
            "s3-outposts",
            "GET",
            "/v20180820/bucket",
            &[("x-amz-account-id", "1")],
            "s3control.ListRegionalBuckets RestXml",
        ),
        ("s3-outposts", "POST", "/S3Outposts/CreateEndpoint", &[], "s3outposts.CreateEndpoint RestJson"),
    ] {
        assert_eq!(check(Some(scope), method, target, headers, ""), expected, "{scope} {target}");
    }
}

#[test]
fn s3_buckets_in_host_names() {
    for (host, target, expected) in [
        ("my.bucket.s3.eu-west-1.amazonaws.com", "/k", "s3.GetObject RestXml of my.bucket"),
        ("bucket.s3-us-west-2.amazonaws.com", "/?acl", "s3.GetBucketAcl RestXml of bucket"),
        ("bucket.localhost:4600", "/", "s3.ListObjects RestXml of bucket"),
        ("bucket.s3.localhost:4600", "/a/b", "s3.GetObject RestXml of bucket"),
        ("localhost:4600", "/bucket", "s3.ListObjects RestXml"),
        ("127.0.0.1:4600", "/bucket/k", "s3.GetObject RestXml"),
        ("s3.amazonaws.com", "/bucket/k", "s3.GetObject RestXml"),
    ] {
        assert_eq!(check(Some("s3"), "GET", target, &[("host", host)], ""), expected, "{host}");
    }
    assert_eq!(check(None, "GET", "/k", &[("host", "b.s3.amazonaws.com")], ""), "s3.GetObject RestXml of b");
}

#[test]
fn rpc_v2_cbor_by_path() {
    let headers = [("smithy-protocol", "rpc-v2-cbor")];
    let path = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
    assert_eq!(check(Some("monitoring"), "POST", path, &headers, ""), "cloudwatch.PutMetricData RpcV2Cbor");
    assert_eq!(check(None, "POST", path, &headers, ""), "cloudwatch.PutMetricData RpcV2Cbor");
}

#[test]
fn protocols_of_one_service() {
    for (headers, body, expected) in [
        (
            &[("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")][..],
            "{}",
            "cloudwatch.PutMetricData Json10",
        ),
        (&[FORM], "Action=PutMetricData&Version=2010-08-01", "cloudwatch.PutMetricData Query"),
        (&[FORM], "Action=Ghost&Version=2010-08-01", "cloudwatch.? Query"),
        (&[("smithy-protocol", "rpc-v2-cbor")], "", "cloudwatch.? RpcV2Cbor"),
        // A form without its content type, where nothing else can be meant.
        (&[], "Action=PutMetricData&Version=2010-08-01", "cloudwatch.PutMetricData Query"),
    ] {
        assert_eq!(check(Some("monitoring"), "POST", "/", headers, body), expected, "{headers:?}");
    }
    // A form is a form, whatever target it claims; and one without an action is what its target says.
    let both = [FORM, ("x-amz-target", "AmazonSQS.ListQueues")];
    assert_eq!(
        check(Some("sqs"), "POST", "/", &both, "Action=DeleteQueue&Version=2012-11-05"),
        "sqs.DeleteQueue Query"
    );
    assert_eq!(check(Some("sqs"), "POST", "/", &both, "{}"), "sqs.ListQueues Json10");
    assert_eq!(check(None, "POST", "/", &both, "Action=DeleteQueue&Version=2012-11-05"), "sqs.DeleteQueue Query");
    let upper = [("content-type", "Application/X-WWW-Form-URLencoded")];
    assert_eq!(check(Some("ses"), "POST", "/", &upper, "Action=SendEmail"), "ses.SendEmail Query");
    assert_eq!(check(Some("ses"), "POST", "/v2/email/outbound-emails", &[], "{}"), "sesv2.SendEmail RestJson");
    assert_eq!(
        check(Some("aws-marketplace"), "POST", "/service/AWSMPEntitlementService/operation/GetEntitlements", &[], ""),
        "marketplace-entitlement.GetEntitlements RpcV2Cbor"
    );
}

#[test]
fn services_by_host_name() {
    for (host, method, target, expected) in [
        ("portal.sso.us-east-1.amazonaws.com", "GET", "/assignment/accounts", "sso.ListAccounts RestJson"),
        ("lambda-fips.us-east-1.api.aws", "GET", "/2015-03-31/functions/f", "lambda.GetFunction RestJson"),
        ("111122223333.s3-control.us-east-1.amazonaws.com", "GET", "/v20180820/accesspoint", "s3.GetObject RestXml"),
        ("s3express-control.us-east-1.amazonaws.com", "GET", "/", "s3.ListDirectoryBuckets RestXml"),
        ("streams.dynamodb.us-east-1.amazonaws.com", "POST", "/", "dynamodbstreams.? Json10"),
        ("unheard-of.us-east-1.amazonaws.com", "GET", "/", "not AWS"),
    ] {
        assert_eq!(check(None, method, target, &[("host", host)], ""), expected, "{host}");
    }
    // Twins that sign alike are told apart by the host, where it says something.
    let at = |host| {
        check(
            Some("timestream"),
            "POST",
            "/",
            &[("x-amz-target", "Timestream_20181101.DescribeEndpoints"), ("host", host)],
            "",
        )
    };
    assert_eq!(at("ingest.timestream.us-east-1.amazonaws.com"), "timestream-write.DescribeEndpoints Json10");
    assert_eq!(at("127.0.0.1:4600"), "timestream-query.DescribeEndpoints Json10");
}

#[test]
fn calls_without_a_signature_at_an_address_that_says_nothing() {
    let sdk = ("amz-sdk-invocation-id", "1f9a");
    let bearer = ("authorization", "Bearer t");
    let session = ("x-amz-sso_bearer_token", "t");
    for (method, target, headers, expected) in [
        ("POST", "/token", &[sdk][..], "sso-oidc.CreateToken RestJson"),
        ("POST", "/token", &[], "not AWS"),
        ("GET", "/federation/credentials?role_name=r&account_id=1", &[sdk, session], "sso.GetRoleCredentials RestJson"),
        ("GET", "/bucket/key", &[sdk], "s3.GetObject RestXml"),
        ("PUT", "/bucket/key", &[sdk], "s3.PutObject RestXml"),
        ("GET", "/bucket/key", &[sdk, bearer], "not AWS"),
        ("POST", "/model/m/converse", &[sdk, bearer], "bedrock-runtime.Converse RestJson"),
        ("POST", "/model/m/converse", &[bearer], "not AWS"),
        ("GET", "/bucket/key", &[("authorization", "AWS AKIA:c2ln")], "s3.GetObject RestXml"),
        ("GET", "/bucket/key", &[("authorization", "Basic YTpi"), sdk], "not AWS"),
        ("GET", "/bucket/key?AWSAccessKeyId=AKIA&Expires=1&Signature=s", &[], "s3.GetObject RestXml"),
        (
            "GET",
            "/?Action=ListDomains&Version=2009-04-15&AWSAccessKeyId=AKIA&Expires=1&Signature=s",
            &[],
            "sdb.ListDomains Query",
        ),
    ] {
        assert_eq!(check(None, method, target, headers, ""), expected, "{method} {target}");
    }
}

#[test]
fn other_requests_are_no_aws_calls() {
    for (method, target) in [("GET", "/moto-api/data.json"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/b/k")] {
        assert_eq!(check(None, method, target, &[("host", "127.0.0.1:4600")], ""), "not AWS", "{target}");
    }
}

#[test]
fn forms_that_browsers_post_to_buckets_are_uploads() {
    let form = ("content-type", "multipart/form-data; boundary=b");
    let own = ("host", "127.0.0.1:4600");
    let upload = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b--\r\n";
    let other = "--b\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nk\r\n--b--\r\n";
    for (target, headers, body, expected) in [
        ("/bucket", &[own, form], upload, "s3.PutObject RestXml"),
        ("/", &[("host", "bucket.s3.amazonaws.com"), form], upload, "s3.PutObject RestXml of bucket"),
        ("/bucket", &[own, form], other, "not AWS"),
        ("/bucket/more", &[own, form], upload, "not AWS"),
        ("/bucket", &[own, FORM], "key=k", "not AWS"),
    ] {
        assert_eq!(check(None, "POST", target, headers, body), expected, "{target} {body}");
    }
}

proptest! {
    #[test]
    fn any_request_gets_an_answer(
        scope in prop::option::of(prop::sample::select(vec!["s3", "iam", "lambda", "dynamodb", "monitoring", "none"])),
        method in prop::sample::select(vec!["GET", "PUT", "POST", "HEAD"]),
        target in "(/[a-z%{}+.0-9-]{0,6}){0,80}(\\?[ -~]{0,40})?",
        host in "[a-z.:0-9]{0,30}", body in "[ -~]{0,60}",
    ) {
        check(scope, method, &target, &[("host", &host), FORM], &body);
    }
}

/// Prints what a classification costs: `cargo test -p opentrail-aws-wire --release -- --ignored --nocapture costs`.
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::print_stdout, reason = "it is there to print")]
fn costs() {
    const ROUND: u32 = 500;
    let target = [("x-amz-target", "DynamoDB_20120810.GetItem"), ("host", "127.0.0.1:4600")];
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 6] = [
        ("dynamodb", "POST", "/", &target, "{}"),
        ("s3", "GET", "/bucket/a/b/c", &[("host", "127.0.0.1:4600")], ""),
        ("s3", "GET", "/?list-type=2&prefix=a%2Fb&delimiter=%2F", &[("host", "bucket.s3.eu-west-1.amazonaws.com")], ""),
        ("s3", "PUT", "/bucket/key?partNumber=7&uploadId=abc", &[("host", "127.0.0.1:4600")], ""),
        ("ec2", "POST", "/", &[FORM], "Action=RunInstances&Version=2016-11-15&ImageId=ami-1"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", &[], ""),
    ];
    for (scope, method, path, headers, body) in cases {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name_of(name)), HeaderValue::from_str(value).expect("a value"))
            })
            .collect();
        let method: Method = method.parse().expect("a method");
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let head = RequestHead { method: &method, path, query, headers: &map };
        let hosts = HostNames { own: &["localhost".to_owned()] };
        // The fastest of many short rounds: other work on the machine only ever adds.
        let round = |_| {
            let began = std::time::Instant::now();
            for _ in 0..ROUND {
                std::hint::black_box(classify(Catalog::embedded(), &head, &hosts, Some(scope), Some(body.as_bytes())));
            }
            began.elapsed()
        };
        let fastest = (0..200).map(round).min().expect("rounds");
        println!("{scope} {path}: {:?} each", fastest / ROUND);
    }
}

fn name_of(name: &str) -> &'static str {
    ["x-amz-target", "host", "content-type"].into_iter().find(|known| *known == name).expect("a known name")
}
