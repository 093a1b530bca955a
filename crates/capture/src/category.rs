//! Management or data: which class of event a call is, and the types of the resources whose data it touches.
//!
//! The list is data, in `data_events`: what does not stand there is a management event.

use aws_wire::classify::Call;
use data_events::DATA_EVENTS;
use model::EventCategory;

use crate::operation_facts::OperationFacts;

mod data_events;

/// The class of an operation's events.
pub(crate) fn event_category(service: &str, operation: &str) -> EventCategory {
    if types_of(service, operation).is_some() { EventCategory::Data } else { EventCategory::Management }
}

/// The values of `resources.type` by which selectors ask for events of a call: empty for management events.
///
/// Most data events have one. A call that says itself which it is (S3: an access point or a bucket) has all that are
/// possible; its record then names the type in `resources`.
pub fn data_resource_types(call: &Call) -> &'static [&'static str] {
    OperationFacts::of(call).data_types.unwrap_or_default()
}

/// Types of the resources whose data an operation touches; `None`: its events are management events.
pub(crate) fn types_of(service: &str, operation: &str) -> Option<&'static [&'static str]> {
    let index = DATA_EVENTS.binary_search_by(|(id, _)| (*id).cmp(service)).ok()?;
    let events = DATA_EVENTS[index].1.iter().find(|events| events.operations.contains(&operation))?;
    Some(events.types)
}

/// Service id, operation and types of every data event.
#[cfg(test)]
pub(crate) fn every_data_event() -> impl Iterator<Item = (&'static str, &'static str, &'static [&'static str])> {
    DATA_EVENTS.iter().flat_map(|(id, events)| {
        events.iter().flat_map(move |row| row.operations.iter().map(move |name| (*id, *name, row.types)))
    })
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
    fn operations_have_types() {
        for (service, operation, types) in [
            ("s3", "GetObject", &["AWS::S3::Object", "AWS::S3::AccessPoint", "AWS::S3Tables::Table"][..]),
            ("s3", "CreateSession", &["AWS::S3Express::Object"]),
            ("lambda", "Invoke", &["AWS::Lambda::Function"]),
            ("dynamodb", "GetItem", &["AWS::DynamoDB::Table"]),
            ("dynamodbstreams", "GetRecords", &["AWS::DynamoDB::Stream", "AWS::DynamoDB::Table"]),
            ("sns", "PublishBatch", &["AWS::SNS::Topic"]),
            ("kinesis", "SubscribeToShard", &["AWS::Kinesis::StreamConsumer"]),
            ("iotsitewise", "GetAssetPropertyValue", &["AWS::IoTSiteWise::Asset", "AWS::IoTSiteWise::TimeSeries"]),
            ("deadline", "SearchJobs", &["AWS::Deadline::Queue"]),
            ("machinelearning", "Predict", &["AWS::MachineLearning::MlModel"]),
            ("networkflowmonitor", "StartQueryMonitorTopContributors", &["AWS::NetworkFlowMonitor::Monitor"]),
            ("lexv2-runtime", "RecognizeText", &["AWS::Lex::BotAlias"]),
            ("keyspacesstreams", "GetRecords", &["AWS::Cassandra::Stream"]),
            ("qbusiness", "ChatSync", &["AWS::QBusiness::Application"]),
            ("stepfunctions", "StartSyncExecution", &["AWS::StepFunctions::StateMachine"]),
            (
                "bedrock-agent-runtime",
                "StartFlowExecution",
                &["AWS::Bedrock::FlowAlias", "AWS::Bedrock::FlowExecution"],
            ),
            ("sagemakerjobruntime", "Sample", &["AWS::SageMaker::Job"]),
            ("bedrock-agentcore", "Evaluate", &["AWS::BedrockAgentCore::Evaluator"]),
        ] {
            let found = types_of(service, operation).expect(operation);
            assert!(types.iter().all(|name| found.contains(name)), "{service}:{operation} {found:?}");
        }
        for (service, operation) in [
            ("s3", "CreateBucket"),
            ("lambda", "CreateFunction"),
            ("iam", "CreateUser"),
            ("stepfunctions", "StartExecution"),
            ("bedrock-runtime", "InvokeModel"),
            ("machinelearning", "CreateMLModel"),
            ("networkflowmonitor", "CreateMonitor"),
            ("s3tables", "GetTableMetadataLocation"),
        ] {
            assert_eq!(types_of(service, operation), None, "{service}:{operation}");
        }
    }

    #[test]
    fn types_are_those_of_the_guide() {
        for (id, events) in DATA_EVENTS {
            for name in events.iter().flat_map(|events| events.types) {
                assert!(model::is_data_resource_type(name), "{id} {name}");
            }
        }
    }

    #[test]
    fn data_events_are_operations() {
        for (id, events) in DATA_EVENTS {
            let service = Catalog::embedded().service(id).expect(id);
            let mut names: Vec<&str> = events.iter().flat_map(|events| events.operations).copied().collect();
            for name in &names {
                assert!(service.operation_named(name).is_some(), "{id} {name}");
            }
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{id} names an operation twice");
        }
    }
}
