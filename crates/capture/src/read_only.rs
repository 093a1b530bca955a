//! Whether a call changes anything.
//!
//! CloudTrail's `readOnly` follows the verb of the operation's name; where a service decides otherwise, the operation
//! stands in [`EXCEPTIONS`] with the source of that knowledge.

use aws_wire::catalog::Operation;
use aws_wire::classify::Call;

use crate::operation_facts::OperationFacts;

/// Verbs of operations that change nothing. A verb ends where an upper-case letter follows. Verbs that change something
/// in some service (`Verify`, `Test`, `Export`, `Retrieve`, `Resolve`) are not here: a change taken for a read would be
/// forwarded without a note.
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
    "Count",
    "View",
];

/// Verbs of operations that change something although a model calls them read-only (a stop of a query, a revocation).
const CHANGING_VERBS: &[&str] = &["Start", "BatchStart", "Stop", "Delete"];

/// Operations whose `readOnly` does not follow from their verb: service id, operation, value.
///
/// Sources: "records" are real records; "guide" is the service's own CloudTrail chapter; "access level" is the
/// read/write level of the service authorization reference, where no record was seen.
const EXCEPTIONS: &[(&str, &str, bool)] = &[
    // Generates a report of what exists (access level: Read).
    ("iam", "GenerateCredentialReport", true),
    ("iam", "GenerateServiceLastAccessedDetails", true),
    ("iam", "GenerateOrganizationsAccessReport", true),
    // Guide (2026).
    ("bedrock-runtime", "ApplyGuardrail", true),
    // Records.
    ("bedrock-agent-runtime", "Retrieve", true),
    ("bedrock-agent-runtime", "RetrieveAndGenerate", true),
    ("bedrock-agent-runtime", "RetrieveAndGenerateStream", true),
    ("bedrock-runtime", "Converse", true),
    ("bedrock-runtime", "ConverseStream", true),
    ("bedrock-runtime", "InvokeModel", true),
    ("bedrock-runtime", "InvokeModelWithResponseStream", true),
    // Starts a job (access level: Write).
    ("cloudformation", "DetectStackDrift", false),
    ("cloudformation", "DetectStackResourceDrift", false),
    ("cloudformation", "DetectStackSetDrift", false),
    // Guide: hands out credentials.
    ("codeartifact", "GetAuthorizationToken", false),
    // Guide (2024): what is asked of syncs counts as a write, and its answer is written. The second is the first under
    // its older name.
    ("codeconnections", "GetRepositoryLink", false),
    ("codeconnections", "GetRepositorySyncStatus", false),
    ("codeconnections", "GetResourceSyncStatus", false),
    ("codeconnections", "GetSyncBlockerSummary", false),
    ("codeconnections", "GetSyncConfiguration", false),
    ("codeconnections", "ListRepositoryLinks", false),
    ("codeconnections", "ListRepositorySyncDefinitions", false),
    ("codeconnections", "ListSyncConfigurations", false),
    ("codestar-connections", "GetRepositoryLink", false),
    ("codestar-connections", "GetRepositorySyncStatus", false),
    ("codestar-connections", "GetResourceSyncStatus", false),
    ("codestar-connections", "GetSyncBlockerSummary", false),
    ("codestar-connections", "GetSyncConfiguration", false),
    ("codestar-connections", "ListRepositoryLinks", false),
    ("codestar-connections", "ListRepositorySyncDefinitions", false),
    ("codestar-connections", "ListSyncConfigurations", false),
    // Records in the guide (2020).
    ("comprehend", "ClassifyDocument", true),
    // Guide: an identity is made where there is none, and credentials are handed out.
    ("cognito-identity", "GetCredentialsForIdentity", false),
    ("cognito-identity", "GetId", false),
    ("cognito-identity", "GetOpenIdToken", false),
    ("cognito-identity", "GetOpenIdTokenForDeveloperIdentity", false),
    // Guide: the SQL text may write, so all three are writes.
    ("dynamodb", "BatchExecuteStatement", false),
    ("dynamodb", "ExecuteStatement", false),
    ("dynamodb", "ExecuteTransaction", false),
    // Records (2023, 2024): credentials are handed out, as by STS.
    ("eks-auth", "AssumeRoleForPodIdentity", true),
    // Access level: Read.
    ("events", "TestEventPattern", true),
    ("license-manager", "CheckInLicense", false),
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
    ("kms", "Verify", true),
    ("kms", "VerifyMac", true),
    // Access level: Read.
    ("logs", "StartLiveTail", true),
    ("logs", "StartQuery", true),
    ("logs", "TestMetricFilter", true),
    ("logs", "TestTransformer", true),
    ("route53", "TestDNSAnswer", true),
    // Guide (2025), of both: what is sent changes nothing in the account.
    ("ses", "SendEmail", true),
    ("sesv2", "SendEmail", true),
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

/// Services whose `readOnly` follows the method: what is asked for by POST counts as a write, and its answer is written.
///
/// Records: `connect` (`GetMetricDataV2`, `ListRealtimeContactAnalysisSegmentsV2` by POST `false`,
/// `GetContactAttributes` by GET `true`). Guide (2021): `amplifybackend` (`ListBackendJobs` by POST `false`). Other
/// services go by the verb: 23 operations of 15 services that ask by POST have records with `true`.
const READING_BY_GET: &[&str] = &["amplifybackend", "connect"];

/// Services that change nothing: they compute with keys that another service keeps. Source: Payment Cryptography guide
/// (2024), as the operations of KMS.
const READING_ALWAYS: &[&str] = &["payment-cryptography-data"];

/// Whether the call changes nothing, as CloudTrail's `readOnly` says it.
pub fn is_read_only(call: &Call) -> bool {
    OperationFacts::of(call).read_only
}

pub(crate) fn operation_is_read_only(service: &str, operation: &Operation) -> bool {
    EXCEPTIONS.iter().find(|(id, name, _)| *name == operation.name && *id == service).map_or_else(
        || {
            READING_ALWAYS.contains(&service)
                || (reads_by_name_or_model(operation)
                    && !(READING_BY_GET.contains(&service) && operation.http_method == "POST"))
        },
        |(_, _, value)| *value,
    )
}

fn reads_by_name_or_model(operation: &Operation) -> bool {
    name_reads(&operation.name)
        || (operation.is_readonly_by_model && !starts_with_verb(&operation.name, CHANGING_VERBS))
}

/// Whether the name of an operation starts with a verb that reads.
pub(crate) fn name_reads(name: &str) -> bool {
    starts_with_verb(name, READING_VERBS)
}

fn starts_with_verb(name: &str, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| {
        name.strip_prefix(verb)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

#[cfg(test)]
mod tests {
    use aws_wire::catalog::Catalog;

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
            ("VerifyEmailIdentity", false),
            ("ExportImage", false),
        ] {
            assert_eq!(name_reads(name), reads, "{name}");
        }
    }

    /// Every operation of the catalog that changes nothing although its verb is not one of asking: each was looked at.
    #[test]
    fn unusual_reads_are_few() {
        let catalog = Catalog::embedded();
        let mut unusual = 0;
        for summary in catalog.summaries() {
            let service = catalog.service(&summary.id).expect("a service");
            for operation in &service.operations {
                let reads = operation_is_read_only(&service.id, operation);
                unusual += usize::from(reads && !name_reads(&operation.name));
                let deletes = ["Delete", "Create", "Put", "Update", "Terminate", "Stop", "Attach", "Revoke"];
                assert!(!(reads && starts_with_verb(&operation.name, &deletes)), "{} {}", service.id, operation.name);
            }
        }
        assert!(unusual < 100, "{unusual}");
    }

    #[test]
    fn some_services_go_by_the_method() {
        for (id, name, reads) in [
            ("connect", "GetMetricDataV2", false),
            ("connect", "SearchUsers", false),
            ("connect", "GetContactAttributes", true),
            ("amplifybackend", "ListBackendJobs", false),
            ("guardduty", "GetFindings", true),
        ] {
            let service = Catalog::embedded().service(id).expect(id);
            let operation = service.operation(service.operation_named(name).expect(name));
            assert_eq!(operation_is_read_only(id, operation), reads, "{id} {name}");
        }
    }

    #[test]
    fn exceptions_are_operations() {
        for (id, name, _) in EXCEPTIONS {
            let service = Catalog::embedded().service(id).expect(id);
            assert!(service.operation_named(name).is_some(), "{id} {name}");
        }
    }
}
