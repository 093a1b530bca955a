//! Values that a service fills in when the caller leaves them out. Source of every row: records in which the caller is
//! known to leave them out (several callers, same value).

use aws_wire::catalog::{Operation, Service};
use serde_json::{Map, Value as Json};

use crate::render::lower_first;
use crate::service_rules::ServiceRules;

/// Service id, operation, key, value. Sorted.
const DEFAULTS: &[(&str, &str, &str, Default)] = &[
    ("config", "DescribePendingAggregationRequests", "limit", Default::Zero),
    ("config", "GetResourceConfigHistory", "limit", Default::Zero),
    ("ebs", "ListChangedBlocks", "startingBlockIndex", Default::Zero),
    ("ebs", "ListSnapshotBlocks", "startingBlockIndex", Default::Zero),
    ("ec2-instance-connect", "SendSerialConsoleSSHPublicKey", "serialPort", Default::Zero),
    ("ecr", "SetRepositoryPolicy", "force", Default::False),
    ("es", "DescribeReservedElasticsearchInstances", "maxResults", Default::Zero),
    ("iot", "ListStreams", "ascendingOrder", Default::False),
    ("kms", "CreateKey", "customerMasterKeySpec", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "CreateKey", "description", Default::Text("")),
    ("kms", "CreateKey", "keySpec", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "CreateKey", "keyUsage", Default::Text("ENCRYPT_DECRYPT")),
    ("kms", "CreateKey", "origin", Default::Text("AWS_KMS")),
    ("kms", "Decrypt", "encryptionAlgorithm", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "Encrypt", "encryptionAlgorithm", Default::Text("SYMMETRIC_DEFAULT")),
    // github.com/elastic/integrations (2024).
    ("sns", "Subscribe", "returnSubscriptionArn", Default::False),
    ("ssm", "DescribeParameters", "shared", Default::False),
    ("ssm", "PutParameter", "overwrite", Default::False),
    ("ssm", "SendCommand", "interactive", Default::False),
];

enum Default {
    False,
    Zero,
    Text(&'static str),
}

/// Adds what the service fills in.
pub(crate) fn add(object: &mut Map<String, Json>, service: &Service, operation: &Operation) {
    add_certain_booleans(object, service, operation);
    let entry = (service.id.as_str(), operation.name.as_str());
    let start = DEFAULTS.partition_point(|(id, name, ..)| (*id, *name) < entry);
    for (id, name, key, value) in &DEFAULTS[start..] {
        if (*id, *name) != entry {
            break;
        }
        object.entry(*key).or_insert_with(|| match value {
            Default::False => Json::Bool(false),
            Default::Zero => Json::from(0),
            Default::Text(text) => Json::from(*text),
        });
    }
}

/// Truth values that cannot be absent.
fn add_certain_booleans(object: &mut Map<String, Json>, service: &Service, operation: &Operation) {
    let Some(boolean) = ServiceRules::of(service).certain_boolean else { return };
    let Some(input) = operation.input.and_then(|shape| service.structure(shape)) else { return };
    for member in input.members.iter().filter(|member| service.shape(member.shape).name == boolean) {
        object.entry(lower_first(&member.name)).or_insert(Json::Bool(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted() {
        assert!(DEFAULTS.is_sorted_by_key(|(id, name, key, _)| (*id, *name, *key)));
    }
}
