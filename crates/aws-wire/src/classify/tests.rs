use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

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
fn other_requests_are_no_aws_calls() {
    for (method, target) in [("GET", "/moto-api/data.json"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/b/k")] {
        assert_eq!(check(None, method, target, &[("host", "127.0.0.1:4600")], ""), "not AWS", "{target}");
    }
}

/// A path that a client would send for a URI template.
fn sample_path(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').expect("a closed label") + open;
        path.push_str(&rest[..open]);
        path.push_str(if rest[..close].ends_with('+') { "label/with-more" } else { "label" });
        rest = &rest[close + 1..];
    }
    path + rest
}

/// Every operation of the catalog is found from the least that its request must hold.
#[test]
fn every_operation_is_found() {
    let catalog = Catalog::embedded();
    let mut missed = Vec::new();
    let mut count = 0;
    for summary in catalog.summaries() {
        let service = catalog.service(&summary.id).expect("a service");
        for operation in &service.operations {
            let scope = Some(service.signing_name.as_str());
            let name = &operation.name;
            let found = match service.protocols[0] {
                Protocol::Json10 | Protocol::Json11 => {
                    let target = format!("{}.{name}", service.target_prefix);
                    check(scope, "POST", "/", &[("x-amz-target", &target)], "{}")
                }
                Protocol::Query | Protocol::Ec2 => {
                    check(scope, "POST", "/", &[FORM], &format!("Action={name}&Version={}", service.api_version))
                }
                Protocol::RpcV2Cbor => {
                    let path = format!("/service/{}/operation/{name}", service.target_prefix);
                    check(scope, "POST", &path, &[("smithy-protocol", "rpc-v2-cbor")], "")
                }
                Protocol::RestJson | Protocol::RestXml => {
                    let mut target = sample_path(&operation.http_uri);
                    let mut headers = Vec::new();
                    for member in
                        operation.input.and_then(|input| service.structure(input)).into_iter().flat_map(|s| &s.members)
                    {
                        if member.is_required && member.location == crate::catalog::Location::QueryString {
                            target.push(if target.contains('?') { '&' } else { '?' });
                            target.push_str(&format!("{}=x", member.wire_name()));
                        } else if member.is_required && member.location == crate::catalog::Location::Header {
                            headers.push((member.wire_name().to_ascii_lowercase(), "x"));
                        }
                    }
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                    check(scope, &operation.http_method, &target, &headers, "")
                }
            };
            count += 1;
            // Some services sign alike and have the same operations on the same paths, or actions in the same version:
            // nothing in a request tells them apart, and CloudTrail writes the same source for them.
            let is_twin = |id: &str| {
                catalog.service(id).is_some_and(|twin| {
                    twin.signing_name == service.signing_name && twin.operation_named(name).is_some()
                })
            };
            let same_operation = found
                .split_once('.')
                .is_some_and(|(id, rest)| rest.starts_with(&format!("{name} ")) && (id == service.id || is_twin(id)));
            if !same_operation && !operation.is_deprecated {
                missed
                    .push(format!("{}.{name} {} {} -> {found}", service.id, operation.http_method, operation.http_uri));
            }
        }
    }
    assert!(missed.len() * 500 < count, "{} of {count}:\n{}", missed.len(), missed.join("\n"));
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
    let target = [("x-amz-target", "DynamoDB_20120810.GetItem"), ("host", "127.0.0.1:4600")];
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 4] = [
        ("dynamodb", "POST", "/", &target, "{}"),
        ("s3", "GET", "/bucket/a/b/c", &[("host", "127.0.0.1:4600")], ""),
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
        let head = RequestHead { method: &method, path, query: None, headers: &map };
        let hosts = HostNames { own: &["localhost".to_owned()] };
        let began = std::time::Instant::now();
        for _ in 0..100_000 {
            std::hint::black_box(classify(Catalog::embedded(), &head, &hosts, Some(scope), Some(body.as_bytes())));
        }
        println!("{scope}: {:?} each", began.elapsed() / 100_000);
    }
}

fn name_of(name: &str) -> &'static str {
    ["x-amz-target", "host", "content-type"].into_iter().find(|known| *known == name).expect("a known name")
}
