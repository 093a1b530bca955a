//! Which IAM actions a call needs.
//!
//! The rule: the action is the service's IAM prefix and the name of the operation. Everything else is a row here.

use aws_wire::catalog::Service;
use serde_json::Value;

/// IAM prefixes of services whose signing name is another.
///
/// Source: Service Authorization Reference, the "service prefix" line of each service's page.
const PREFIXES: &[(&str, &str)] = &[
    ("IoTSecuredTunneling", "iot"),
    ("awsssoportal", "sso"),
    ("cloudcontrolapi", "cloudformation"),
    ("iot-jobs-data", "iotjobsdata"),
    ("iotdata", "iot"),
    ("monitoring", "cloudwatch"),
    ("mturk-requester", "mechanicalturk"),
    ("tagging", "tag"),
];

/// Operations that need no permission: they cannot be allowed, and mostly not be denied.
///
/// Source: API references of STS and Cognito identity pools ("No permissions are required", "public API").
const WITHOUT_PERMISSION: &[(&str, &str)] = &[
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    ("cognito-identity", "GetId"),
    ("cognito-identity", "GetOpenIdToken"),
    ("cognito-identity", "GetCredentialsForIdentity"),
    ("sso-oidc", "CreateToken"),
    ("sso-oidc", "RegisterClient"),
    ("sso-oidc", "StartDeviceAuthorization"),
    ("sso", "GetRoleCredentials"),
];

/// Operations of a service (catalog id) whose actions have other names, with the prefix where it is not the service's.
///
/// Sources: S3 user guide, "Required permissions for Amazon S3 API operations"; Lambda developer guide, permissions of
/// Invoke; SQS developer guide, "Amazon SQS API permissions"; DynamoDB guide, PartiQL and transactions with IAM;
/// Bedrock guide, permissions of Converse; budgets, CloudSearch, Timestream, API Gateway management and SNS pages of the
/// Service Authorization Reference.
const ACTIONS: &[(&str, &str, &[&str])] = &[
    ("apigatewaymanagementapi", "*", &["ManageConnections"]),
    ("bedrock-runtime", "Converse", &["InvokeModel"]),
    ("bedrock-runtime", "ConverseStream", &["InvokeModelWithResponseStream"]),
    ("budgets", "CreateBudget", &["ModifyBudget"]),
    ("budgets", "CreateNotification", &["ModifyBudget"]),
    ("budgets", "CreateSubscriber", &["ModifyBudget"]),
    ("budgets", "DeleteBudget", &["ModifyBudget"]),
    ("budgets", "DeleteNotification", &["ModifyBudget"]),
    ("budgets", "DeleteSubscriber", &["ModifyBudget"]),
    ("budgets", "DescribeBudget", &["ViewBudget"]),
    ("budgets", "DescribeBudgetPerformanceHistory", &["ViewBudget"]),
    ("budgets", "DescribeBudgets", &["ViewBudget"]),
    ("budgets", "DescribeNotificationsForBudget", &["ViewBudget"]),
    ("budgets", "DescribeSubscribersForNotification", &["ViewBudget"]),
    ("budgets", "UpdateBudget", &["ModifyBudget"]),
    ("budgets", "UpdateNotification", &["ModifyBudget"]),
    ("budgets", "UpdateSubscriber", &["ModifyBudget"]),
    ("cloudsearchdomain", "Search", &["search"]),
    ("cloudsearchdomain", "Suggest", &["suggest"]),
    ("cloudsearchdomain", "UploadDocuments", &["document"]),
    ("dynamodb", "TransactGetItems", &["GetItem"]),
    ("lambda", "GetLayerVersionByArn", &["GetLayerVersion"]),
    ("lambda", "Invoke", &["InvokeFunction"]),
    ("lambda", "InvokeAsync", &["InvokeFunction"]),
    ("lambda", "InvokeWithResponseStream", &["InvokeFunction"]),
    ("s3", "CompleteMultipartUpload", &["PutObject"]),
    ("s3", "CopyObject", &["PutObject"]),
    ("s3", "CreateMultipartUpload", &["PutObject"]),
    ("s3", "CreateSession", &["s3express:CreateSession"]),
    ("s3", "DeleteBucketAnalyticsConfiguration", &["PutAnalyticsConfiguration"]),
    ("s3", "DeleteBucketCors", &["PutBucketCORS"]),
    ("s3", "DeleteBucketEncryption", &["PutEncryptionConfiguration"]),
    ("s3", "DeleteBucketIntelligentTieringConfiguration", &["PutIntelligentTieringConfiguration"]),
    ("s3", "DeleteBucketInventoryConfiguration", &["PutInventoryConfiguration"]),
    ("s3", "DeleteBucketLifecycle", &["PutLifecycleConfiguration"]),
    ("s3", "DeleteBucketMetricsConfiguration", &["PutMetricsConfiguration"]),
    ("s3", "DeleteBucketOwnershipControls", &["PutBucketOwnershipControls"]),
    ("s3", "DeleteBucketReplication", &["PutReplicationConfiguration"]),
    ("s3", "DeleteBucketTagging", &["PutBucketTagging"]),
    ("s3", "DeleteObjects", &["DeleteObject"]),
    ("s3", "DeletePublicAccessBlock", &["PutBucketPublicAccessBlock"]),
    ("s3", "GetBucketAccelerateConfiguration", &["GetAccelerateConfiguration"]),
    ("s3", "GetBucketAnalyticsConfiguration", &["GetAnalyticsConfiguration"]),
    ("s3", "GetBucketCors", &["GetBucketCORS"]),
    ("s3", "GetBucketEncryption", &["GetEncryptionConfiguration"]),
    ("s3", "GetBucketIntelligentTieringConfiguration", &["GetIntelligentTieringConfiguration"]),
    ("s3", "GetBucketInventoryConfiguration", &["GetInventoryConfiguration"]),
    ("s3", "GetBucketLifecycle", &["GetLifecycleConfiguration"]),
    ("s3", "GetBucketLifecycleConfiguration", &["GetLifecycleConfiguration"]),
    ("s3", "GetBucketMetricsConfiguration", &["GetMetricsConfiguration"]),
    ("s3", "GetBucketNotificationConfiguration", &["GetBucketNotification"]),
    ("s3", "GetBucketReplication", &["GetReplicationConfiguration"]),
    ("s3", "GetObjectAttributes", &["GetObject", "GetObjectAttributes"]),
    ("s3", "GetObjectLockConfiguration", &["GetBucketObjectLockConfiguration"]),
    ("s3", "GetPublicAccessBlock", &["GetBucketPublicAccessBlock"]),
    ("s3", "HeadBucket", &["ListBucket"]),
    ("s3", "HeadObject", &["GetObject"]),
    ("s3", "ListBucketAnalyticsConfigurations", &["GetAnalyticsConfiguration"]),
    ("s3", "ListBucketIntelligentTieringConfigurations", &["GetIntelligentTieringConfiguration"]),
    ("s3", "ListBucketInventoryConfigurations", &["GetInventoryConfiguration"]),
    ("s3", "ListBucketMetricsConfigurations", &["GetMetricsConfiguration"]),
    ("s3", "ListBuckets", &["ListAllMyBuckets"]),
    ("s3", "ListDirectoryBuckets", &["s3express:ListAllMyDirectoryBuckets"]),
    ("s3", "ListMultipartUploads", &["ListBucketMultipartUploads"]),
    ("s3", "ListObjectVersions", &["ListBucketVersions"]),
    ("s3", "ListObjects", &["ListBucket"]),
    ("s3", "ListObjectsV2", &["ListBucket"]),
    ("s3", "ListParts", &["ListMultipartUploadParts"]),
    ("s3", "PutBucketAccelerateConfiguration", &["PutAccelerateConfiguration"]),
    ("s3", "PutBucketAnalyticsConfiguration", &["PutAnalyticsConfiguration"]),
    ("s3", "PutBucketCors", &["PutBucketCORS"]),
    ("s3", "PutBucketEncryption", &["PutEncryptionConfiguration"]),
    ("s3", "PutBucketIntelligentTieringConfiguration", &["PutIntelligentTieringConfiguration"]),
    ("s3", "PutBucketInventoryConfiguration", &["PutInventoryConfiguration"]),
    ("s3", "PutBucketLifecycle", &["PutLifecycleConfiguration"]),
    ("s3", "PutBucketLifecycleConfiguration", &["PutLifecycleConfiguration"]),
    ("s3", "PutBucketMetricsConfiguration", &["PutMetricsConfiguration"]),
    ("s3", "PutBucketNotificationConfiguration", &["PutBucketNotification"]),
    ("s3", "PutBucketReplication", &["PutReplicationConfiguration"]),
    ("s3", "PutObjectLockConfiguration", &["PutBucketObjectLockConfiguration"]),
    ("s3", "PutPublicAccessBlock", &["PutBucketPublicAccessBlock"]),
    ("s3", "SelectObjectContent", &["GetObject"]),
    ("s3", "UploadPart", &["PutObject"]),
    ("s3", "UploadPartCopy", &["PutObject"]),
    ("s3", "WriteGetObjectResponse", &["s3-object-lambda:WriteGetObjectResponse"]),
    ("sns", "PublishBatch", &["Publish"]),
    ("sqs", "ChangeMessageVisibilityBatch", &["ChangeMessageVisibility"]),
    ("sqs", "DeleteMessageBatch", &["DeleteMessage"]),
    ("sqs", "SendMessageBatch", &["SendMessage"]),
    ("timestream-query", "Query", &["Select"]),
];

/// S3 actions that have another name when a version of the object is named. Source: the S3 page above.
const OF_VERSIONS: &[(&str, &str)] = &[
    ("DeleteObject", "DeleteObjectVersion"),
    ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    ("GetObject", "GetObjectVersion"),
    ("GetObjectAcl", "GetObjectVersionAcl"),
    ("GetObjectTagging", "GetObjectVersionTagging"),
    ("PutObjectAcl", "PutObjectVersionAcl"),
    ("PutObjectTagging", "PutObjectVersionTagging"),
];

/// Parts of a DynamoDB write transaction, and the action of each.
const TRANSACTION_PARTS: [(&str, &str); 4] =
    [("conditioncheck", "ConditionCheckItem"), ("delete", "DeleteItem"), ("put", "PutItem"), ("update", "UpdateItem")];

/// Verbs of PartiQL, and the action of each.
const STATEMENT_VERBS: [(&str, &str); 4] = [
    ("delete", "PartiQLDelete"),
    ("insert", "PartiQLInsert"),
    ("select", "PartiQLSelect"),
    ("update", "PartiQLUpdate"),
];

/// The IAM prefix of a service.
pub fn prefix(service: &Service) -> &str {
    let signing_name = service.signing_name.as_str();
    PREFIXES.iter().find(|(name, _)| *name == signing_name).map_or(signing_name, |(_, prefix)| prefix)
}

/// The actions that a call needs, with their prefix (`s3:GetObject`); empty when it needs no permission.
///
/// `parameters` are the `requestParameters` of its record.
pub fn actions(service: &Service, operation: &str, parameters: Option<&Value>) -> Vec<String> {
    let id = service.id.as_str();
    if WITHOUT_PERMISSION.contains(&(id, operation)) {
        return Vec::new();
    }
    if service.signing_name == "apigateway" {
        return http_method(service, operation).map(|method| format!("apigateway:{method}")).into_iter().collect();
    }
    let names: Vec<&str> = match (id, operation) {
        ("dynamodb", "TransactWriteItems") => transaction_actions(parameters),
        ("dynamodb", "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction") => {
            statement_actions(parameters)
        }
        _ => named_actions(id, operation),
    };
    let names_version = id == "s3" && parameters.is_some_and(|parameters| parameters.get("versionId").is_some());
    let prefix = prefix(service);
    let versioned =
        |name| OF_VERSIONS.iter().find(|(plain, _)| *plain == name).map_or(name, |(_, versioned)| *versioned);
    names
        .into_iter()
        .map(|name| if names_version { versioned(name) } else { name })
        .map(|name| if name.contains(':') { name.to_owned() } else { format!("{prefix}:{name}") })
        .collect()
}

fn named_actions<'a>(id: &str, operation: &'a str) -> Vec<&'a str> {
    let row = ACTIONS.iter().find(|(service, name, _)| *service == id && (*name == operation || *name == "*"));
    row.map_or_else(|| vec![without_date(operation)], |(_, _, actions)| actions.to_vec())
}

/// CloudFront's operations bear the date of their API (`CreateDistribution2020_05_31`), its actions do not.
fn without_date(operation: &str) -> &str {
    match operation.len().checked_sub(10).and_then(|at| operation.split_at_checked(at)) {
        Some((name, date))
            if date.starts_with("20") && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') =>
        {
            name
        }
        _ => operation,
    }
}

/// API Gateway's actions are HTTP methods. Source: Service Authorization Reference, API Gateway Management.
fn http_method<'a>(service: &'a Service, operation: &str) -> Option<&'a str> {
    service.operations.iter().find(|one| one.name == operation).map(|one| one.http_method.as_str())
}

fn transaction_actions(parameters: Option<&Value>) -> Vec<&'static str> {
    let parts = parameters.and_then(|parameters| parameters.get("transactItems")).and_then(Value::as_array);
    let is_named = |part: &str| {
        parts.is_some_and(|parts| {
            parts.iter().filter_map(Value::as_object).any(|one| one.keys().any(|key| key.eq_ignore_ascii_case(part)))
        })
    };
    found_or_all(&TRANSACTION_PARTS, is_named)
}

fn statement_actions(parameters: Option<&Value>) -> Vec<&'static str> {
    let mut verbs = Vec::new();
    if let Some(parameters) = parameters {
        collect_verbs(parameters, &mut verbs);
    }
    found_or_all(&STATEMENT_VERBS, |verb| verbs.iter().any(|one| one == verb))
}

/// First words of all texts under a `statement` key.
fn collect_verbs(value: &Value, verbs: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_verbs(item, verbs)),
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key.eq_ignore_ascii_case("statement") => {
                        verbs.extend(text.split_whitespace().next().map(str::to_ascii_lowercase));
                    }
                    _ => collect_verbs(value, verbs),
                }
            }
        }
        _ => {}
    }
}

/// The actions whose key was found; all of them where the record does not tell.
fn found_or_all(table: &[(&'static str, &'static str)], is_found: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let found: Vec<_> = table.iter().filter(|(key, _)| is_found(key)).map(|(_, action)| *action).collect();
    if found.is_empty() { table.iter().map(|(_, action)| *action).collect() } else { found }
}

#[cfg(test)]
mod tests {
    use aws_wire::catalog::Catalog;
    use serde_json::json;

    use super::*;

    fn check(service: &str, operation: &str, parameters: Value, expected: &[&str]) {
        let service = Catalog::embedded().service(service).expect(service);
        assert_eq!(actions(service, operation, Some(&parameters)), expected, "{}:{operation}", service.id);
    }

    #[test]
    fn the_name_of_the_operation_is_the_rule() {
        check("ec2", "RunInstances", json!({}), &["ec2:RunInstances"]);
        check("dynamodb", "PutItem", json!({}), &["dynamodb:PutItem"]);
        check("cloudwatch", "PutMetricData", json!({}), &["cloudwatch:PutMetricData"]);
        check("sesv2", "SendEmail", json!({}), &["ses:SendEmail"]);
        check("stepfunctions", "StartExecution", json!({}), &["states:StartExecution"]);
        check("elbv2", "DescribeLoadBalancers", json!({}), &["elasticloadbalancing:DescribeLoadBalancers"]);
        check("resourcegroupstaggingapi", "GetResources", json!({}), &["tag:GetResources"]);
        check("iot-data", "Publish", json!({}), &["iot:Publish"]);
    }

    #[test]
    fn exceptions() {
        for (operation, action) in [
            ("ListBuckets", "s3:ListAllMyBuckets"),
            ("ListObjectsV2", "s3:ListBucket"),
            ("HeadBucket", "s3:ListBucket"),
            ("HeadObject", "s3:GetObject"),
            ("UploadPart", "s3:PutObject"),
            ("DeleteObjects", "s3:DeleteObject"),
            ("GetBucketLocation", "s3:GetBucketLocation"),
            ("PutObject", "s3:PutObject"),
            ("CreateSession", "s3express:CreateSession"),
        ] {
            check("s3", operation, json!({"bucketName": "b"}), &[action]);
        }
        check("s3", "GetObject", json!({"versionId": "v"}), &["s3:GetObjectVersion"]);
        check("s3", "HeadObject", json!({"versionId": "v"}), &["s3:GetObjectVersion"]);
        check("s3", "GetObjectTagging", json!({"versionId": "v"}), &["s3:GetObjectVersionTagging"]);
        check("lambda", "Invoke", json!({}), &["lambda:InvokeFunction"]);
        check("sqs", "SendMessageBatch", json!({}), &["sqs:SendMessage"]);
        check("sts", "GetCallerIdentity", json!({}), &[]);
        check("sts", "AssumeRole", json!({}), &["sts:AssumeRole"]);
        check("apigateway", "GetRestApis", json!({}), &["apigateway:GET"]);
        check("apigatewaymanagementapi", "PostToConnection", json!({}), &["execute-api:ManageConnections"]);
    }

    #[test]
    fn what_a_transaction_does() {
        let parts = json!({"transactItems": [{"put": {}}, {"update": {}}]});
        check("dynamodb", "TransactWriteItems", parts, &["dynamodb:PutItem", "dynamodb:UpdateItem"]);
        let all = ["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
        check("dynamodb", "TransactWriteItems", json!(null), &all);
        let select = json!({"statement": "SELECT * FROM t"});
        check("dynamodb", "ExecuteStatement", select, &["dynamodb:PartiQLSelect"]);
        let both = json!({"statements": [{"statement": "INSERT INTO t"}, {"statement": "delete from t"}]});
        check("dynamodb", "BatchExecuteStatement", both, &["dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert"]);
    }

    /// A row that names no operation of the catalog helps nobody.
    #[test]
    fn every_row_is_of_the_catalog() {
        let catalog = Catalog::embedded();
        for (id, operation, _) in ACTIONS {
            let service = catalog.service(id).expect(id);
            let is_known = *operation == "*" || service.operations.iter().any(|one| one.name == *operation);
            assert!(is_known, "{id}:{operation}");
        }
        for (signing_name, _) in PREFIXES {
            assert!(!catalog.services_signing_as(signing_name).is_empty(), "{signing_name}");
        }
        for (id, operation) in WITHOUT_PERMISSION {
            let service = catalog.service(id).expect(id);
            assert!(service.operations.iter().any(|one| one.name == *operation), "{id}:{operation}");
        }
    }
}
