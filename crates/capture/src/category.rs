//! Management or data: which class of event a call is.
//!
//! Source: CloudTrail user guide, logging data events, and the services' own CloudTrail chapters. The list is data:
//! what does not stand here is a management event.

use model::EventCategory;

/// Operations that are data events, by service id.
const DATA_EVENTS: &[(&str, &[&str])] = &[
    ("appconfigdata", &["GetLatestConfiguration", "StartConfigurationSession"]),
    ("b2bi", &["GetTransformerJob", "StartTransformerJob"]),
    (
        "bedrock-agent-runtime",
        &[
            "InvokeAgent",
            "InvokeFlow",
            "InvokeInlineAgent",
            "Retrieve",
            "RetrieveAndGenerate",
            "RetrieveAndGenerateStream",
        ],
    ),
    (
        "bedrock-runtime",
        &["GetAsyncInvoke", "InvokeModelWithBidirectionalStream", "ListAsyncInvokes", "StartAsyncInvoke"],
    ),
    ("cloudtrail-data", &["PutAuditEvents"]),
    ("cloudwatch", &["GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics", "PutMetricData"]),
    (
        "cognito-identity",
        &[
            "GetCredentialsForIdentity",
            "GetId",
            "GetOpenIdToken",
            "GetOpenIdTokenForDeveloperIdentity",
            "UnlinkIdentity",
        ],
    ),
    (
        "dynamodb",
        &[
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ],
    ),
    ("dynamodbstreams", &["GetRecords", "GetShardIterator"]),
    ("ebs", &["GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"]),
    ("events", &["PutEvents", "PutPartnerEvents"]),
    ("firehose", &["PutRecord", "PutRecordBatch"]),
    ("iot-data", &["DeleteThingShadow", "GetThingShadow", "ListNamedShadowsForThing", "Publish", "UpdateThingShadow"]),
    ("kinesis", &["GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"]),
    ("kinesis-video-media", &["GetMedia"]),
    ("lambda", &["Invoke", "InvokeAsync", "InvokeWithResponseStream"]),
    ("logs", &["PutLogEvents"]),
    (
        "rds-data",
        &["BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "ExecuteStatement", "RollbackTransaction"],
    ),
    (
        "s3",
        &[
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "CreateSession",
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjects",
            "GetObject",
            "GetObjectAcl",
            "GetObjectAttributes",
            "GetObjectLegalHold",
            "GetObjectRetention",
            "GetObjectTagging",
            "GetObjectTorrent",
            "HeadBucket",
            "HeadObject",
            "ListObjectVersions",
            "ListObjects",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
            "PutObjectAcl",
            "PutObjectLegalHold",
            "PutObjectRetention",
            "PutObjectTagging",
            "RenameObject",
            "RestoreObject",
            "SelectObjectContent",
            "UpdateObjectEncryption",
            "UploadPart",
            "UploadPartCopy",
            "WriteGetObjectResponse",
        ],
    ),
    ("sagemaker-featurestore-runtime", &["BatchGetRecord", "DeleteRecord", "GetRecord", "PutRecord"]),
    ("sagemaker-runtime", &["InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"]),
    ("servicediscovery", &["DiscoverInstances", "DiscoverInstancesRevision"]),
    (
        "ses",
        &[
            "SendBounce",
            "SendBulkTemplatedEmail",
            "SendCustomVerificationEmail",
            "SendEmail",
            "SendRawEmail",
            "SendTemplatedEmail",
        ],
    ),
    ("sesv2", &["SendBulkEmail", "SendCustomVerificationEmail", "SendEmail"]),
    ("sns", &["Publish", "PublishBatch"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "GetQueueAttributes",
            "GetQueueUrl",
            "ListDeadLetterSourceQueues",
            "ListQueueTags",
            "ListQueues",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
    (
        "swf",
        &[
            "CountPendingActivityTasks",
            "CountPendingDecisionTasks",
            "PollForActivityTask",
            "PollForDecisionTask",
            "RecordActivityTaskHeartbeat",
            "RequestCancelWorkflowExecution",
            "RespondActivityTaskCanceled",
            "RespondActivityTaskCompleted",
            "RespondActivityTaskFailed",
            "RespondDecisionTaskCompleted",
            "SignalWorkflowExecution",
            "StartWorkflowExecution",
            "TerminateWorkflowExecution",
        ],
    ),
    ("timestream-query", &["Query"]),
    ("timestream-write", &["WriteRecords"]),
    (
        "verifiedpermissions",
        &["BatchIsAuthorized", "BatchIsAuthorizedWithToken", "IsAuthorized", "IsAuthorizedWithToken"],
    ),
    ("xray", &["BatchGetTraces", "GetServiceGraph", "GetTraceGraph", "GetTraceSummaries", "PutTraceSegments"]),
];

/// The class of an operation's events.
pub(crate) fn event_category(service: &str, operation: &str) -> EventCategory {
    let is_data = DATA_EVENTS
        .binary_search_by(|(id, _)| (*id).cmp(service))
        .is_ok_and(|index| DATA_EVENTS[index].1.contains(&operation));
    if is_data { EventCategory::Data } else { EventCategory::Management }
}

#[cfg(test)]
mod tests {
    use aws_wire::catalog::Catalog;

    use super::*;

    #[test]
    fn table_is_sorted() {
        assert!(DATA_EVENTS.is_sorted_by_key(|(id, _)| *id));
    }

    #[test]
    fn knows_both_classes() {
        for (service, operation, category) in [
            ("s3", "GetObject", EventCategory::Data),
            ("s3", "HeadBucket", EventCategory::Data),
            ("s3", "CreateBucket", EventCategory::Management),
            ("s3", "GetObjectLockConfiguration", EventCategory::Management),
            ("dynamodb", "PutItem", EventCategory::Data),
            ("dynamodb", "CreateTable", EventCategory::Management),
            ("sqs", "CreateQueue", EventCategory::Management),
            ("sns", "Publish", EventCategory::Data),
            ("lambda", "Invoke", EventCategory::Data),
            ("iam", "CreateUser", EventCategory::Management),
        ] {
            assert_eq!(event_category(service, operation), category, "{service}:{operation}");
        }
    }

    #[test]
    fn data_events_are_operations() {
        for (id, names) in DATA_EVENTS {
            let service = Catalog::embedded().service(id).expect(id);
            for name in *names {
                assert!(service.operation_named(name).is_some(), "{id} {name}");
            }
        }
    }
}
