//! What CloudTrail calls a service and an operation.

use aws_wire::catalog::{Catalog, Operation, Service};
use aws_wire::classify::Call;
use model::{Region, Text};

use crate::operation_facts::OperationFacts;
use crate::service_rules::{ApiVersion, ServiceRules};

/// Operations of Lambda whose dated name has the revision `v2`.
///
/// Sources: records (AddPermission, UpdateFunctionCode, UpdateFunctionConfiguration) and the Lambda guide.
const LAMBDA_REVISION_2: &[&str] = &[
    "AddPermission",
    "GetFunction",
    "GetFunctionConfiguration",
    "GetPolicy",
    "RemovePermission",
    "TagResource",
    "UntagResource",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
];

/// Operations with a dated path whose name stays plain. Source: Lambda guide.
const LAMBDA_PLAIN: &[&str] = &["Invoke", "InvokeAsync", "InvokeWithResponseStream"];

/// Names of S3 that differ from the API's. Source: S3 guide, CloudTrail events; records.
const S3_NAMES: &[(&str, &str)] = &[
    ("DeletePublicAccessBlock", "DeleteBucketPublicAccessBlock"),
    ("GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"),
    ("GetBucketLifecycleConfiguration", "GetBucketLifecycle"),
    ("GetBucketNotificationConfiguration", "GetBucketNotification"),
    ("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    // The listing of configurations is the call for one without its id. Records (2023, 2024,
    // github.com/Permiso-io-tools/CloudConsoleCartographer) of all but the metrics.
    ("ListBucketAnalyticsConfigurations", "GetBucketAnalyticsConfiguration"),
    ("ListBucketIntelligentTieringConfigurations", "GetBucketIntelligentTieringConfiguration"),
    ("ListBucketInventoryConfigurations", "GetBucketInventoryConfiguration"),
    ("ListBucketMetricsConfigurations", "GetBucketMetricsConfiguration"),
    ("ListObjectsV2", "ListObjects"),
    ("PutBucketAccelerateConfiguration", "PutAccelerateConfiguration"),
    ("PutBucketLifecycleConfiguration", "PutBucketLifecycle"),
    ("PutBucketNotificationConfiguration", "PutBucketNotification"),
    ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
];

/// Names of the account-level S3 API that differ from the API's. Source: records.
const S3_CONTROL_NAMES: &[(&str, &str)] = &[
    ("DeletePublicAccessBlock", "DeleteAccountPublicAccessBlock"),
    ("GetPublicAccessBlock", "GetAccountPublicAccessBlock"),
    ("PutPublicAccessBlock", "PutAccountPublicAccessBlock"),
];

/// Operations that have a source of their own, with its name before `.amazonaws.com`. Source: record (2026,
/// trusted token issuers).
const OPERATION_SOURCES: &[(&str, &str, &str)] = &[("sso-oidc", "CreateTokenWithIAM", "sso-oauth")];

/// The `eventSource` of a call.
pub fn event_source(call: &Call) -> Text {
    OperationFacts::of(call).event_source.clone()
}

/// The `eventName` of a call.
pub fn event_name(call: &Call) -> Text {
    OperationFacts::of(call).event_name.clone()
}

/// The source of an operation.
pub(crate) fn operation_source(service: &Service, operation: &Operation) -> Text {
    let row = OPERATION_SOURCES.iter().find(|(id, name, _)| *id == service.id && *name == operation.name);
    row.map_or_else(|| source_of(service), |(_, _, source)| [*source, ".amazonaws.com"].concat().into())
}

pub(crate) fn source_of(service: &Service) -> Text {
    let label = ServiceRules::of(service).source.unwrap_or_else(|| {
        // Endpoint prefixes with dots put the plane first: `api.ecr`, `runtime.sagemaker`, `streams.dynamodb`.
        let label = service.endpoint_prefix.rsplit('.').next().unwrap_or(&service.endpoint_prefix);
        if is_part_of_another(service) { &service.signing_name } else { label }
    });
    [label, ".amazonaws.com"].concat().into()
}

/// Whether a service is a part of another one, whose name its requests are signed for: a data plane (`bedrock-runtime`
/// signs as `bedrock`), a second generation (`cloudhsmv2`) or a product beside it (`lexv2-models`). Such a part writes the
/// name of the whole. Source: records and guides of the parts of AppConfig, Bedrock, AgentCore, CloudHSM, Chime, Lex and
/// Agent Registry; two that do not have rows.
fn is_part_of_another(service: &Service) -> bool {
    let is_its_name = |prefix: &str| prefix.rsplit('.').next() == Some(&service.signing_name);
    !is_its_name(&service.endpoint_prefix)
        && Catalog::embedded().summaries().any(|other| is_its_name(&other.endpoint_prefix))
}

pub(crate) fn name_of(service: &Service, operation: &Operation) -> Text {
    match service.id.as_str() {
        "lambda" => lambda_name(operation),
        "cloudfront" => cloudfront_name(operation),
        "s3" => renamed(S3_NAMES, &operation.name),
        "s3control" => renamed(S3_CONTROL_NAMES, &operation.name),
        _ => Text::new(&operation.name),
    }
}

fn renamed(table: &[(&str, &str)], name: &str) -> Text {
    let index = table.binary_search_by(|(model, _)| (*model).cmp(name));
    index.map_or(name, |index| table[index].1).into()
}

/// Lambda appends the date of the path: `/2015-03-31/functions` makes `CreateFunction20150331`. Paths from 2019 on
/// keep the plain name.
fn lambda_name(operation: &Operation) -> Text {
    let name = &operation.name;
    let date = operation.http_uri.strip_prefix('/').and_then(|path| path.get(..10));
    match date {
        Some(date) if date < "2019" && date.as_bytes()[4] == b'-' && !LAMBDA_PLAIN.contains(&name.as_str()) => {
            let revision = if LAMBDA_REVISION_2.contains(&name.as_str()) { "v2" } else { "" };
            format!("{name}{}{}{}{revision}", &date[..4], &date[5..7], &date[8..]).into()
        }
        _ => Text::new(name),
    }
}

/// CloudFront's functions keep the name that their operations have inside the service, with the date of the API; what is
/// older has lost it. Source: records (2024, github.com/adanalvarez/TrailDiscover) of CreateFunction and PublishFunction,
/// and of fourteen others without it.
fn cloudfront_name(operation: &Operation) -> Text {
    let (date, path) = operation.http_uri.trim_start_matches('/').split_once('/').unwrap_or_default();
    if path == "function" || path.starts_with("function/") {
        return [&operation.name, &*date.replace('-', "_")].concat().into();
    }
    Text::new(&operation.name)
}

/// The `apiVersion` of a service's records, for the services that write one.
pub(crate) fn api_version(service: &Service) -> Option<Text> {
    match ServiceRules::of(service).api_version {
        ApiVersion::Absent => None,
        ApiVersion::Model => Some(Text::new(&service.api_version)),
        ApiVersion::Underscores => Some(service.api_version.replace('-', "_").into()),
        ApiVersion::Fixed(version) => Some(Text::const_new(version)),
        ApiVersion::Digits => Some(service.api_version.replace('-', "").into()),
    }
}

/// The region that a call is recorded in: its own, or the partition's home for a service with one endpoint for all
/// regions. The credential scope of such a service names the home region already; a caller that signs with another
/// region is moved there. STS and S3 are recorded where they are called.
pub(crate) fn aws_region(service: &Service, region: &Region) -> Text {
    // The one global service whose home is elsewhere. Source: service endpoints reference.
    if service.id == "networkmanager" && region.partition() == "aws" {
        return Text::const_new("us-west-2");
    }
    let is_global = ServiceRules::of(service).is_global
        || (service.is_global && !matches!(service.id.as_str(), "s3" | "s3control" | "sts"));
    if is_global { Text::new(region.global_service_home().as_str()) } else { Text::new(region.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_source_of_the_whole() {
        for (id, source) in [
            ("bedrock-runtime", "bedrock"),
            ("chime-sdk-voice", "chime"),
            ("chime-sdk-media-pipelines", "chime-sdk-media-pipelines"),
            ("cloudhsmv2", "cloudhsm"),
            ("lexv2-runtime", "lex"),
            ("personalize-events", "personalize"),
            ("servicecatalog-appregistry", "servicecatalog-appregistry"),
            ("dynamodbstreams", "dynamodb"),
            ("ecr", "ecr"),
            // No service has the name that these sign for.
            ("marketplace-deployment", "deployment-marketplace"),
            ("partnercentral-channel", "partnercentral-channel"),
        ] {
            let service = Catalog::embedded().service(id).expect(id);
            assert_eq!(source_of(service), format!("{source}.amazonaws.com"), "{id}");
        }
    }
}
