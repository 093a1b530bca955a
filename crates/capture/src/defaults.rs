//! Values that a service fills in when the caller leaves them out. Source of every row: records in which the caller is
//! known to leave them out (several callers, same value).

use serde_json::{Map, Value as Json};

/// Service id, operation, key, value.
const DEFAULTS: &[(&str, &str, &str, Default)] = &[
    ("kms", "CreateKey", "bypassPolicyLockoutSafetyCheck", Default::Truth(false)),
    ("kms", "CreateKey", "customerMasterKeySpec", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "CreateKey", "description", Default::Text("")),
    ("kms", "CreateKey", "keySpec", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "CreateKey", "keyUsage", Default::Text("ENCRYPT_DECRYPT")),
    ("kms", "CreateKey", "origin", Default::Text("AWS_KMS")),
    ("kms", "Decrypt", "encryptionAlgorithm", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "Encrypt", "encryptionAlgorithm", Default::Text("SYMMETRIC_DEFAULT")),
    ("kms", "PutKeyPolicy", "bypassPolicyLockoutSafetyCheck", Default::Truth(false)),
    ("lambda", "UpdateFunctionCode", "dryRun", Default::Truth(false)),
    ("ssm", "DescribeParameters", "shared", Default::Truth(false)),
    ("ssm", "PutParameter", "overwrite", Default::Truth(false)),
    ("ssm", "SendCommand", "interactive", Default::Truth(false)),
];

enum Default {
    Truth(bool),
    Text(&'static str),
}

/// Adds what the service fills in.
pub(crate) fn add(object: &mut Map<String, Json>, service: &str, operation: &str) {
    let start = DEFAULTS.partition_point(|(id, name, ..)| (*id, *name) < (service, operation));
    for (id, name, key, value) in &DEFAULTS[start..] {
        if (*id, *name) != (service, operation) {
            break;
        }
        object.entry(*key).or_insert_with(|| match value {
            Default::Truth(truth) => Json::Bool(*truth),
            Default::Text(text) => Json::from(*text),
        });
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
