//! Names of the query protocol that the published models no longer give.
//!
//! SQS moved from the query protocol to JSON, and its model lost the names that its lists and maps have in forms and XML.
//! Clients from before the move still write them, and the service still answers in them.
//! Source: the SQS API reference, examples of the query protocol
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html> and its siblings),
//! and the service model of botocore 1.29.

use crate::catalog::{Service, ShapeId};

/// How a list or map without an element around it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueryNames {
    /// Name of the shape.
    shape: &'static str,
    /// Name of each element or entry.
    pub(super) item: &'static str,
    /// Names of key and value in an entry.
    pub(super) pair: (&'static str, &'static str),
}

const fn list(shape: &'static str, item: &'static str) -> QueryNames {
    QueryNames { shape, item, pair: ("key", "value") }
}

const fn map(shape: &'static str, item: &'static str, pair: (&'static str, &'static str)) -> QueryNames {
    QueryNames { shape, item, pair }
}

const SQS: [QueryNames; 21] = [
    list("AWSAccountIdList", "AWSAccountId"),
    list("ActionNameList", "ActionName"),
    list("AttributeNameList", "AttributeName"),
    list("BatchResultErrorEntryList", "BatchResultErrorEntry"),
    list("BinaryList", "BinaryListValue"),
    list("ChangeMessageVisibilityBatchRequestEntryList", "ChangeMessageVisibilityBatchRequestEntry"),
    list("ChangeMessageVisibilityBatchResultEntryList", "ChangeMessageVisibilityBatchResultEntry"),
    list("DeleteMessageBatchRequestEntryList", "DeleteMessageBatchRequestEntry"),
    list("DeleteMessageBatchResultEntryList", "DeleteMessageBatchResultEntry"),
    list("ListMessageMoveTasksResultEntryList", "ListMessageMoveTasksResultEntry"),
    list("MessageAttributeNameList", "MessageAttributeName"),
    map("MessageBodyAttributeMap", "MessageAttribute", ("Name", "Value")),
    map("MessageBodySystemAttributeMap", "MessageSystemAttribute", ("Name", "Value")),
    list("MessageList", "Message"),
    map("MessageSystemAttributeMap", "Attribute", ("Name", "Value")),
    map("QueueAttributeMap", "Attribute", ("Name", "Value")),
    list("QueueUrlList", "QueueUrl"),
    list("SendMessageBatchRequestEntryList", "SendMessageBatchRequestEntry"),
    list("SendMessageBatchResultEntryList", "SendMessageBatchResultEntry"),
    list("TagKeyList", "TagKey"),
    map("TagMap", "Tag", ("Key", "Value")),
];

/// The names of a list or map shape in forms and XML, where the model does not give them.
pub(super) fn of(service: &Service, shape: ShapeId) -> Option<&'static QueryNames> {
    if service.id != "sqs" {
        return None;
    }
    let name = &service.shape(shape).name;
    SQS.iter().find(|names| names.shape == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_row_names_a_shape_of_the_model() {
        let service = Catalog::embedded().service("sqs").expect("SQS");
        for names in &SQS {
            assert!(service.shapes.iter().any(|shape| shape.name == names.shape), "{}", names.shape);
        }
    }
}
