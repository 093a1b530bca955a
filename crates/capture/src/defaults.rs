//! Values that a service fills in when the caller leaves them out. Source of every row: records in which the caller is
//! known to leave them out (several callers, same value).

use aws_wire::catalog::{Operation, Service};
use serde_json::{Map, Value as Json};

use crate::render::lower_first;
use crate::service_rules::ServiceRules;

/// A default: service id, operation, key, value.
type Row = (&'static str, &'static str, &'static str, Default);

/// All defaults, sorted.
static DEFAULTS: &[Row] = &[
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

/// What a service fills in for one operation.
pub(crate) struct Defaults {
    /// Keys of the truth values that cannot be absent.
    certain_booleans: Vec<String>,
    rows: &'static [Row],
}

impl Defaults {
    /// The defaults of an operation.
    pub(crate) fn of(service: &Service, operation: &Operation) -> Self {
        let entry = (service.id.as_str(), operation.name.as_str());
        let start = DEFAULTS.partition_point(|(id, name, ..)| (*id, *name) < entry);
        let end = DEFAULTS.partition_point(|(id, name, ..)| (*id, *name) <= entry);
        Self { certain_booleans: certain_booleans(service, operation), rows: &DEFAULTS[start..end] }
    }

    /// Adds those that the caller left out.
    pub(crate) fn add(&self, object: &mut Map<String, Json>) {
        for key in &self.certain_booleans {
            object.entry(key).or_insert(Json::Bool(false));
        }
        for (_, _, key, value) in self.rows {
            object.entry(*key).or_insert_with(|| match value {
                Default::False => Json::Bool(false),
                Default::Zero => Json::from(0),
                Default::Text(text) => Json::from(*text),
            });
        }
    }
}

fn certain_booleans(service: &Service, operation: &Operation) -> Vec<String> {
    let Some(boolean) = ServiceRules::of(service).certain_boolean else { return Vec::new() };
    let Some(input) = operation.input.and_then(|shape| service.structure(shape)) else { return Vec::new() };
    let certain = input.members.iter().filter(|member| service.shape(member.shape).name == boolean);
    certain.map(|member| lower_first(&member.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted() {
        assert!(DEFAULTS.is_sorted_by_key(|(id, name, key, _)| (*id, *name, *key)));
    }
}
