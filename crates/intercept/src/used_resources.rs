//! The ARNs that a call's permission is about, from its record.
//!
//! First what the record's `resources` say, then names that make an ARN by one table. Nothing means that the record does
//! not tell, and the policy says `*`.

use model::EventRecord;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A parameter that names the resource which an action's permission is about.
struct NamedBy {
    /// IAM prefix.
    prefix: &'static str,
    /// What the action's name must contain.
    action: &'static str,
    /// Key of `requestParameters`.
    key: &'static str,
    /// Resource part of the ARN; `{}` stands for the name.
    resource: &'static str,
}

const fn named_by(prefix: &'static str, action: &'static str, key: &'static str, resource: &'static str) -> NamedBy {
    NamedBy { prefix, action, key, resource }
}

/// The first row that fits wins. What has no row is allowed on everything: a resource on an action that knows no
/// resources allows nothing.
///
/// Source: Service Authorization Reference, "resource types" and "actions" of each service's page.
const NAMED: &[NamedBy] = &[
    named_by("codebuild", "", "projectName", "project/{}"),
    named_by("dynamodb", "Table", "tableName", "table/{}"),
    named_by("dynamodb", "TimeToLive", "tableName", "table/{}"),
    named_by("dynamodb", "ContinuousBackups", "tableName", "table/{}"),
    named_by("ecr", "", "repositoryName", "repository/{}"),
    named_by("firehose", "", "deliveryStreamName", "deliverystream/{}"),
    // Membership is a matter of the group and of the instance profile, not of who is put into them.
    named_by("iam", "Group", "groupName", "group/{}"),
    named_by("iam", "InstanceProfile", "instanceProfileName", "instance-profile/{}"),
    named_by("iam", "", "roleName", "role/{}"),
    named_by("iam", "", "userName", "user/{}"),
    named_by("iam", "Policy", "policyArn", "{}"),
    named_by("kinesis", "", "streamName", "stream/{}"),
    named_by("lambda", "Function", "functionName", "function:{}"),
    named_by("lambda", "Alias", "functionName", "function:{}"),
    named_by("lambda", "Permission", "functionName", "function:{}"),
    named_by("lambda", "Policy", "functionName", "function:{}"),
    named_by("logs", "Log", "logGroupName", "log-group:{}:*"),
    named_by("logs", "RetentionPolicy", "logGroupName", "log-group:{}:*"),
    // Six random characters follow the name.
    named_by("secretsmanager", "Secret", "secretId", "secret:{}-??????"),
    named_by("secretsmanager", "CreateSecret", "name", "secret:{}-??????"),
    named_by("sns", "", "topicArn", "{}"),
    named_by("sqs", "", "queueUrl", "{}"),
    named_by("sqs", "Queue", "queueName", "{}"),
    named_by("ssm", "Parameter", "name", "parameter/{}"),
    named_by("states", "", "stateMachineArn", "{}"),
    // Tags of any service's resource.
    named_by("*", "Tag", "resourceArn", "{}"),
    named_by("*", "Tag", "resourceARN", "{}"),
    named_by("*", "Tag", "ResourceArn", "{}"),
    named_by("*", "Tag", "ResourceARN", "{}"),
];

/// Actions that know no resources, though the record names what they made: only `*` allows them.
///
/// Source: Service Authorization Reference, actions without an entry under "resource types".
const WITHOUT_RESOURCES: [&str; 1] = ["kms:CreateKey"];

/// Services whose resources belong to no region. Source: as above.
const WITHOUT_REGION: [&str; 2] = ["iam", "sts"];

/// The ARNs that an action of this prefix was used on; empty when the record does not tell.
pub(crate) fn arns(prefix: &str, action: &str, record: &EventRecord) -> Vec<String> {
    if WITHOUT_RESOURCES.contains(&action) {
        return Vec::new();
    }
    let from_record: Vec<String> = record
        .resources
        .iter()
        .filter_map(|resource| {
            let arn = resource.arn.as_deref().map(str::to_owned);
            arn.or_else(|| Some(format!("{}*", resource.arn_prefix.as_ref()?)))
        })
        .filter(|arn| is_of_level(action, arn))
        .collect();
    if !from_record.is_empty() {
        return on_index(prefix, record, from_record);
    }
    let named = if prefix == "s3" { bucket(record) } else { named(prefix, action, record) };
    named.filter(|arn| is_of_level(action, arn)).into_iter().collect()
}

/// S3's actions are either about buckets or about objects. Source: Service Authorization Reference, S3 actions.
fn is_of_level(action: &str, arn: &str) -> bool {
    let Some(name) = action.strip_prefix("s3:") else { return true };
    let is_of_objects = name.contains("Object") && !name.contains("Bucket")
        || matches!(name, "AbortMultipartUpload" | "ListMultipartUploadParts");
    is_of_objects == arn.contains('/')
}

/// A query of an index takes permission on the index alone. Source: Service Authorization Reference, DynamoDB.
fn on_index(prefix: &str, record: &EventRecord, arns: Vec<String>) -> Vec<String> {
    let parameters = record.request_parameters.as_deref().filter(|_| prefix == "dynamodb");
    match parameters.and_then(|parameters| parameters.get("indexName")).and_then(Value::as_str) {
        Some(index) => arns.into_iter().map(|arn| format!("{arn}/index/{index}")).collect(),
        None => arns,
    }
}

/// The bucket of an S3 call; records of CreateBucket name it in no other place.
fn bucket(record: &EventRecord) -> Option<String> {
    let name = record.request_parameters.as_deref()?.get("bucketName")?.as_str()?;
    Some(format!("arn:{}:s3:::{name}", partition(&record.aws_region)))
}

fn named(prefix: &str, action: &str, record: &EventRecord) -> Option<String> {
    let parameters = record.request_parameters.as_deref()?.as_object()?;
    let text = |key: &str| parameters.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let fits = |row: &&NamedBy| (row.prefix == prefix || row.prefix == "*") && action.contains(row.action);
    let (name, resource) = NAMED.iter().filter(fits).find_map(|row| text(row.key).map(|name| (name, row.resource)))?;
    // Users and roles may be made under a path, which is a part of their ARN.
    let path = text("path").filter(|path| prefix == "iam" && path.len() > 1).map(|path| path.trim_start_matches('/'));
    Some(match path {
        Some(path) => arn(prefix, &format!("{path}{name}"), resource, record),
        None => arn(prefix, name, resource, record),
    })
}

fn arn(prefix: &str, name: &str, resource: &str, record: &EventRecord) -> String {
    // Services behind API Gateway record what stands in the path as it stands there.
    let decoded = percent_decode_str(name).decode_utf8_lossy();
    if decoded.starts_with("arn:") {
        return decoded.into_owned();
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
    let source = record.request_parameters.as_deref()?.get("x-amz-copy-source")?.as_str()?;
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
        collect_roles(record.request_parameters.as_deref(), DEPTH_MAX, &mut roles);
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
