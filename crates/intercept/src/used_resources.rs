//! The ARNs that a call's permission is about, from its record.
//!
//! First what the record's `resources` say, then ARNs of the same service among the parameters, then names that make an
//! ARN by one table. Nothing means that the record does not tell, and the policy says `*`.

use model::EventRecord;
use serde_json::Value;

/// Parameters that name a resource: IAM prefix, key of `requestParameters`, and the resource part of the ARN, where `{}`
/// stands for the name. Of a service, the first row that fits wins.
///
/// Source: Service Authorization Reference, "resource types" of each service's page.
const NAMED: &[(&str, &str, &str)] = &[
    ("codebuild", "projectName", "project/{}"),
    ("codepipeline", "pipelineName", "{}"),
    ("dynamodb", "tableName", "table/{}"),
    ("ecr", "repositoryName", "repository/{}"),
    ("eks", "clusterName", "cluster/{}"),
    ("firehose", "deliveryStreamName", "deliverystream/{}"),
    ("iam", "roleName", "role/{}"),
    ("iam", "userName", "user/{}"),
    ("iam", "groupName", "group/{}"),
    ("iam", "instanceProfileName", "instance-profile/{}"),
    ("iam", "policyArn", "{}"),
    ("kinesis", "streamName", "stream/{}"),
    ("lambda", "functionName", "function:{}"),
    ("lambda", "layerName", "layer:{}"),
    ("logs", "logGroupName", "log-group:{}:*"),
    // Six random characters follow the name.
    ("secretsmanager", "secretId", "secret:{}-??????"),
    ("sns", "topicArn", "{}"),
    ("sqs", "queueUrl", "{}"),
    ("sqs", "queueName", "{}"),
    ("ssm", "name", "parameter/{}"),
    ("states", "stateMachineArn", "{}"),
];

/// Services whose resources belong to no region. Source: as above.
const WITHOUT_REGION: [&str; 2] = ["iam", "sts"];

/// The ARNs that an action of this prefix was used on; empty when the record does not tell.
pub(crate) fn arns(prefix: &str, action: &str, record: &EventRecord) -> Vec<String> {
    let from_record: Vec<String> = record
        .resources
        .iter()
        .filter_map(|resource| resource.arn.clone().or_else(|| Some(format!("{}*", resource.arn_prefix.as_ref()?))))
        .filter(|arn| is_of_level(action, arn))
        .collect();
    if !from_record.is_empty() {
        return from_record;
    }
    let named = if prefix == "s3" { bucket(record) } else { named(prefix, record) };
    named.filter(|arn| is_of_level(action, arn)).into_iter().collect()
}

/// S3's actions are either about buckets or about objects. Source: Service Authorization Reference, S3 actions.
fn is_of_level(action: &str, arn: &str) -> bool {
    let Some(name) = action.strip_prefix("s3:") else { return true };
    let is_of_objects = name.contains("Object") && !name.contains("Bucket")
        || matches!(name, "AbortMultipartUpload" | "ListMultipartUploadParts");
    is_of_objects == arn.contains('/')
}

/// The bucket of an S3 call; records of CreateBucket name it in no other place.
fn bucket(record: &EventRecord) -> Option<String> {
    let name = record.request_parameters.as_ref()?.get("bucketName")?.as_str()?;
    Some(format!("arn:{}:s3:::{name}", partition(&record.aws_region)))
}

fn named(prefix: &str, record: &EventRecord) -> Option<String> {
    let parameters = record.request_parameters.as_ref()?.as_object()?;
    let text = |key: &str| parameters.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let row = NAMED
        .iter()
        .filter(|(service, _, _)| *service == prefix)
        .find_map(|(_, key, resource)| text(key).map(|name| (name, *resource)));
    if let Some((name, resource)) = row {
        return Some(arn(prefix, name, resource, record));
    }
    // An ARN of the service itself, such as clusterArn; a role or a key that the call passes on is another service's.
    let own = format!(":{prefix}:");
    let mut found = parameters.values().filter_map(Value::as_str).filter(|text| text.starts_with("arn:"));
    found.find(|text| text.contains(&own)).map(str::to_owned)
}

fn arn(prefix: &str, name: &str, resource: &str, record: &EventRecord) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let name = match prefix {
        // The URL of a queue ends with its name.
        "sqs" => name.rsplit('/').next().unwrap_or(name),
        // A path begins with a slash, which is not doubled in the ARN.
        "ssm" => name.trim_start_matches('/'),
        _ => name,
    };
    let partition = partition(&record.aws_region);
    let region = if WITHOUT_REGION.contains(&prefix) { "" } else { record.aws_region.as_str() };
    let account = &record.recipient_account_id;
    format!("arn:{partition}:{prefix}:{region}:{account}:{}", resource.replace("{}", name))
}

fn partition(region: &str) -> &'static str {
    model::Region::parse(region).map_or("aws", |region| region.partition())
}

/// Object that an S3 copy reads, as an ARN.
pub(crate) fn copy_source(record: &EventRecord) -> Option<String> {
    let source = record.request_parameters.as_ref()?.get("x-amz-copy-source")?.as_str()?;
    if source.starts_with("arn:") {
        return Some(source.to_owned());
    }
    let object = source.trim_start_matches('/').split('?').next().filter(|object| object.contains('/'))?;
    Some(format!("arn:{}:s3:::{object}", partition(&record.aws_region)))
}

/// Roles that a call hands to a service, which takes `iam:PassRole`.
///
/// Source: IAM user guide, "Grant a user permissions to pass a role to an AWS service".
pub(crate) fn passed_roles(record: &EventRecord) -> Vec<String> {
    let takes_roles = !matches!(record.event_source.as_str(), "iam.amazonaws.com" | "sts.amazonaws.com");
    let mut roles = Vec::new();
    if takes_roles && !record.read_only {
        collect_roles(record.request_parameters.as_ref(), DEPTH_MAX, &mut roles);
    }
    roles
}

/// Most levels of nesting that are looked at.
const DEPTH_MAX: usize = 8;

fn collect_roles(value: Option<&Value>, depth: usize, roles: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Some(Value::Object(object)) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(text) if is_role(text) && key.to_ascii_lowercase().contains("role") => {
                        roles.push(text.to_owned());
                    }
                    _ => collect_roles(Some(value), depth, roles),
                }
            }
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| collect_roles(Some(item), depth, roles)),
        _ => {}
    }
}

fn is_role(text: &str) -> bool {
    model::Arn::parse(text).is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))
}
