//! Which bodies stream: of any length, never held whole.

use aws_wire::catalog::{Service, ShapeId, ShapeKind};
use aws_wire::classify::Call;

use crate::operation_facts::OperationFacts;

/// Whether the request body of the call is content of any length.
pub fn is_streaming_request(call: &Call) -> bool {
    OperationFacts::of(call).streams_request
}

/// Whether the answer's body is content of any length, or a stream of events.
pub fn is_streaming_response(call: &Call) -> bool {
    OperationFacts::of(call).streams_answer
}

/// Whether a structure has content of any length, or is a stream of events.
pub(crate) fn streams(service: &Service, shape: Option<ShapeId>) -> bool {
    let Some(structure) = shape.and_then(|shape| service.structure(shape)) else { return false };
    structure.members.iter().any(|member| {
        member.is_streaming
            || match &service.shape(member.shape).kind {
                ShapeKind::Blob { is_streaming } => *is_streaming,
                ShapeKind::Structure(structure) => structure.is_event_stream,
                _ => false,
            }
    })
}
