//! Every operation of the catalog is found from the least that its request must hold.

use std::collections::BTreeSet;

use super::*;
use crate::catalog::{Location, Operation};

/// Services that sign alike at one host and have requests in common: nothing in a request tells them apart. The first
/// is taken for the second.
pub(super) const TWINS: [(&str, &str); 6] = [
    // Managed through the API of RDS, and written as RDS by CloudTrail.
    ("docdb", "rds"),
    ("neptune", "rds"),
    // Tags and the service role have the same paths in both generations.
    ("greengrassv2", "greengrass"),
    // Tags have the same paths.
    ("lambda-microvms", "lambda"),
    // Two models of one API.
    ("pinpoint-sms-voice", "sms-voice"),
    // A new name of the same service.
    ("qconnect", "wisdom"),
];

/// Twins that an AWS host name tells apart, and an address does not. They share paths for tags, phone numbers and the
/// like.
pub(super) const TWINS_WITHOUT_HOST: [(&str, &str); 11] = [
    ("bedrock-agent-runtime", "bedrock-agent"),
    ("bedrock-data-automation", "bedrock"),
    ("chime-sdk-media-pipelines", "chime-sdk-identity"),
    ("chime-sdk-meetings", "chime-sdk-identity"),
    ("chime-sdk-messaging", "chime-sdk-identity"),
    ("chime-sdk-voice", "chime"),
    ("chime-sdk-voice", "chime-sdk-identity"),
    ("ivs-realtime", "ivs"),
    ("lex-models", "lexv2-models"),
    ("signer-data", "signer"),
    ("timestream-write", "timestream-query"),
];

/// Operations with the request of another one.
pub(super) const SAME_REQUESTS: [(&str, &str); 5] = [
    // The older generation of an operation.
    ("s3.GetBucketLifecycle RestXml", "s3.GetBucketLifecycleConfiguration RestXml"),
    ("s3.GetBucketNotification RestXml", "s3.GetBucketNotificationConfiguration RestXml"),
    ("s3.PutBucketLifecycle RestXml", "s3.PutBucketLifecycleConfiguration RestXml"),
    ("s3.PutBucketNotification RestXml", "s3.PutBucketNotificationConfiguration RestXml"),
    // Told apart by the signing name s3express, which real requests bear.
    ("s3.ListDirectoryBuckets RestXml", "s3.ListBuckets RestXml"),
];

/// The same, where the host says nothing: method and path are alike, and both services sign as `lex`.
pub(super) const SAME_REQUEST_WITHOUT_HOST: (&str, &str) =
    ("lex-models.StartImport RestJson", "lexv2-models.ListImports RestJson");

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

/// The least that a request for an operation must hold, in one of the protocols of its service.
struct SampleRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn sample_request(service: &Service, operation: &Operation, protocol: Protocol) -> SampleRequest {
    let name = &operation.name;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let post = |target: &str, headers, body: &str| SampleRequest {
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers,
        body: body.to_owned(),
    };
    match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            post("/", vec![header("x-amz-target", &format!("{}.{name}", service.target_prefix))], "{}")
        }
        Protocol::Query | Protocol::Ec2 => {
            post("/", vec![header(FORM.0, FORM.1)], &format!("Action={name}&Version={}", service.api_version))
        }
        Protocol::RpcV2Cbor => {
            let path = format!("/service/{}/operation/{name}", service.target_prefix);
            post(&path, vec![header("smithy-protocol", "rpc-v2-cbor")], "")
        }
        Protocol::RestJson | Protocol::RestXml => {
            let mut target = sample_path(&operation.http_uri);
            let mut headers = Vec::new();
            let input = operation.input.and_then(|input| service.structure(input));
            for member in input.into_iter().flat_map(|input| &input.members).filter(|member| member.is_required) {
                if member.location == Location::QueryString {
                    target.push(if target.contains('?') { '&' } else { '?' });
                    target.push_str(&format!("{}=x", member.wire_name()));
                } else if member.location == Location::Header {
                    headers.push(header(&member.wire_name().to_ascii_lowercase(), "x"));
                }
            }
            SampleRequest { method: operation.http_method.clone(), target, headers, body: String::new() }
        }
    }
}

/// Every operation of the catalog that is not found, in each protocol of its service, from the least that its request
/// must hold. Each as `service.Operation protocol` and what was found.
fn not_found(host_of: impl Fn(&Service) -> String) -> Vec<(String, String)> {
    let catalog = Catalog::embedded();
    let mut missed = Vec::new();
    for summary in catalog.summaries() {
        let service = catalog.service(&summary.id).expect("a service");
        for operation in &service.operations {
            for &protocol in &service.protocols {
                let request = sample_request(service, operation, protocol);
                let host = host_of(service);
                let mut headers = vec![("host", host.as_str())];
                headers.extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
                let scope = Some(service.signing_name.as_str());
                let found = check(scope, &request.method, &request.target, &headers, &request.body);
                let expected = format!("{}.{} {protocol:?}", service.id, operation.name);
                if found != expected {
                    missed.push((expected, found));
                }
            }
        }
    }
    missed
}

/// Compares what is not found with what cannot be, row by row: a row that is not needed fails too.
fn check_not_found(host_of: impl Fn(&Service) -> String, twins: &[(&str, &str)], same_requests: &[(&str, &str)]) {
    let mut needed = BTreeSet::new();
    let mut unexplained = Vec::new();
    for (expected, found) in not_found(host_of) {
        let same = same_requests.iter().find(|row| **row == (expected.as_str(), found.as_str()));
        let (service, operation) = expected.split_once('.').expect("a service");
        let twin = twins.iter().find(|(id, twin)| *id == service && found == format!("{twin}.{operation}"));
        match same.or(twin) {
            Some(row) => _ = needed.insert(*row),
            None => unexplained.push(format!("{expected} -> {found}")),
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let stale: Vec<_> = twins.iter().chain(same_requests).filter(|row| !needed.contains(row)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

#[test]
fn at_the_host_of_its_service() {
    let host_of = |service: &Service| format!("{}.us-east-1.amazonaws.com", service.endpoint_prefix);
    check_not_found(host_of, &TWINS, &SAME_REQUESTS);
}

#[test]
fn at_an_address() {
    let twins = [&TWINS[..], &TWINS_WITHOUT_HOST].concat();
    let same_requests = [&SAME_REQUESTS[..], &[SAME_REQUEST_WITHOUT_HOST]].concat();
    check_not_found(|_| "127.0.0.1:4600".to_owned(), &twins, &same_requests);
}

/// What routes ask for is a set of bits; see `ParameterSet`.
#[test]
fn parameters_of_every_service_have_a_bit() {
    let catalog = Catalog::embedded();
    for summary in catalog.summaries().filter(|summary| summary.is_rest()) {
        let routes = rest::RestRoutes::compile(catalog.service(&summary.id).expect("a service"));
        assert!(routes.parameter_count() <= 128, "{}: {}", summary.id, routes.parameter_count());
    }
}

#[test]
fn endpoint_prefixes_have_few_labels() {
    for summary in Catalog::embedded().summaries() {
        assert!(summary.endpoint_prefix.split('.').count() <= host::PREFIX_LABELS_MAX, "{}", summary.endpoint_prefix);
    }
}
