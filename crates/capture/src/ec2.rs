//! EC2 writes its calls in two ways.
//!
//! Calls that existed in the API of 2015-03-01 are *classic*: lower-case names from EC2's own schema, lists as sets
//! with `items`. All later calls are *raw*: request and answer as the generic JSON of their XML, under the name of the
//! request. Every EC2 record at hand (60 operations) obeys this split.

mod classic;
mod classic_operations;
mod raw;
mod sets;

use aws_wire::catalog::{Operation, Service};
use aws_wire::value::StructureValue;
use serde_json::{Map, Value as Json};

use crate::render::{Direction, Renderer};

/// Whether calls of the operation are written the classic way.
pub(crate) fn is_classic(operation: &str) -> bool {
    classic_operations::OPERATIONS.binary_search(&operation).is_ok()
}

/// The `requestParameters` of a call.
pub(crate) fn request(renderer: &Renderer<'_>, operation: &Operation, input: &StructureValue) -> Json {
    if is_classic(&operation.name) {
        Json::Object(classic::request(renderer, &operation.name, input))
    } else {
        raw::request(renderer, &operation.name, input)
    }
}

/// The `responseElements` of a successful call that changes something.
pub(crate) fn response(
    renderer: &Renderer<'_>,
    service: &Service,
    operation: &Operation,
    output: Option<&StructureValue>,
    request_id: &str,
) -> Json {
    debug_assert_eq!(renderer.direction, Direction::Response);
    if !is_classic(&operation.name) {
        return raw::response(renderer, service, &operation.name, output, request_id);
    }
    let mut object = Map::new();
    object.insert("requestId".to_owned(), Json::String(request_id.to_owned()));
    match output {
        Some(output) if !output.fields.is_empty() => {
            // The model has left the plain success out of an answer that says more. Source: records.
            if operation.name == "CreateSecurityGroup" {
                object.insert("_return".to_owned(), Json::Bool(true));
            }
            object.extend(classic::response(renderer, &operation.name, output));
        }
        _ => {
            object.insert("_return".to_owned(), Json::Bool(true));
        }
    }
    Json::Object(object)
}

/// The keys that a member may be written under in a classic call.
#[cfg(test)]
pub(crate) fn member_keys(
    service: &Service,
    operation: &str,
    shape_name: &str,
    member: &aws_wire::catalog::Member,
    is_request: bool,
) -> Vec<String> {
    classic::test_names(service, operation, shape_name, member, is_request).0
}

/// The key of an element of a list that is a plain text, in a classic call.
#[cfg(test)]
pub(crate) fn set_element(
    service: &Service,
    operation: &str,
    shape_name: &str,
    member: &aws_wire::catalog::Member,
    is_request: bool,
) -> String {
    classic::test_names(service, operation, shape_name, member, is_request).1
}
