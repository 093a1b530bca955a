//! Whether a call changes anything.
//!
//! CloudTrail's `readOnly` follows the verb of the operation's name; where a service decides otherwise, the operation
//! stands in [`EXCEPTIONS`] with the source of that knowledge.

use aws_wire::catalog::Operation;
use aws_wire::classify::Call;

/// Verbs of operations that change nothing. A verb ends where an upper-case letter follows.
const READING_VERBS: &[&str] = &[
    "Get",
    "List",
    "Describe",
    "Head",
    "BatchGet",
    "BatchDescribe",
    "BatchList",
    "Lookup",
    "Search",
    "Query",
    "Scan",
    "Select",
    "Filter",
    "TransactGet",
    "Check",
    "BatchCheck",
    "Validate",
    "Preview",
    "Estimate",
    "Simulate",
    "Detect",
    "BatchDetect",
    "Discover",
    "Retrieve",
    "Download",
    "Verify",
    "Resolve",
    "Test",
    "Count",
    "View",
    "Peek",
    "Export",
];

/// Operations whose `readOnly` does not follow from their verb: service id, operation, value.
///
/// Sources: "records" are real records; "guide" is the service's own CloudTrail chapter; "access level" is the
/// read/write level of the service authorization reference, where no record was seen.
const EXCEPTIONS: &[(&str, &str, bool)] = &[
    // Generates a report of what exists (access level: Read).
    ("iam", "GenerateCredentialReport", true),
    ("iam", "GenerateServiceLastAccessedDetails", true),
    ("iam", "GenerateOrganizationsAccessReport", true),
    // Records.
    ("bedrock-runtime", "Converse", true),
    ("bedrock-runtime", "ConverseStream", true),
    ("bedrock-runtime", "InvokeModel", true),
    ("bedrock-runtime", "InvokeModelWithResponseStream", true),
    // Starts a job (access level: Write).
    ("cloudformation", "DetectStackDrift", false),
    ("cloudformation", "DetectStackResourceDrift", false),
    ("cloudformation", "DetectStackSetDrift", false),
    // Guide: the SQL text may write, so all three are writes.
    ("dynamodb", "BatchExecuteStatement", false),
    ("dynamodb", "ExecuteStatement", false),
    ("dynamodb", "ExecuteTransaction", false),
    ("dynamodb", "ExportTableToPointInTime", false),
    // Access level: Write, they store something elsewhere.
    ("ec2", "ExportImage", false),
    ("ec2", "ExportTransitGatewayRoutes", false),
    ("ec2", "ExportVerifiedAccessInstanceClientConfiguration", true),
    ("events", "TestEventPattern", true),
    // Records (Decrypt, Encrypt, GenerateDataKey, ReEncrypt, Sign, Verify) and guide (the others).
    ("kms", "Decrypt", true),
    ("kms", "DeriveSharedSecret", true),
    ("kms", "Encrypt", true),
    ("kms", "GenerateDataKey", true),
    ("kms", "GenerateDataKeyPair", true),
    ("kms", "GenerateDataKeyPairWithoutPlaintext", true),
    ("kms", "GenerateDataKeyWithoutPlaintext", true),
    ("kms", "GenerateMac", true),
    ("kms", "GenerateRandom", true),
    ("kms", "ReEncrypt", true),
    ("kms", "Sign", true),
    // Access level: Read.
    ("logs", "StartLiveTail", true),
    ("logs", "StartQuery", true),
    ("sqs", "ReceiveMessage", true),
    ("kinesis", "SubscribeToShard", true),
    // Records, and guide for the last three.
    ("sts", "AssumeRole", true),
    ("sts", "AssumeRoleWithSAML", true),
    ("sts", "AssumeRoleWithWebIdentity", true),
    ("sts", "AssumeRoot", true),
    ("sts", "DecodeAuthorizationMessage", true),
    ("sts", "GetFederationToken", false),
];

/// Whether the call changes nothing, as CloudTrail's `readOnly` says it.
pub fn is_read_only(call: &Call) -> bool {
    operation_is_read_only(&call.service.id, call.service.operation(call.operation))
}

pub(crate) fn operation_is_read_only(service: &str, operation: &Operation) -> bool {
    EXCEPTIONS
        .iter()
        .find(|(id, name, _)| *name == operation.name && *id == service)
        .map_or_else(|| operation.is_readonly_by_model || name_reads(&operation.name), |(_, _, value)| *value)
}

/// Whether the name of an operation starts with a verb that reads.
pub(crate) fn name_reads(name: &str) -> bool {
    READING_VERBS.iter().any(|verb| {
        name.strip_prefix(verb)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_end_at_a_capital() {
        for (name, reads) in [
            ("GetObject", true),
            ("ListBuckets", true),
            ("Scan", true),
            ("BatchGetItem", true),
            ("TransactGetItems", true),
            ("Getaway", false),
            ("ListenRule", false),
            ("CreateUser", false),
            ("PutItem", false),
        ] {
            assert_eq!(name_reads(name), reads, "{name}");
        }
    }
}
