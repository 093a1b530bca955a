//! Which bodies stream: of any length, never held whole.

use aws_wire::catalog::{Service, ShapeId, ShapeKind};
use aws_wire::classify::Call;

/// Whether the request body of the call is content of any length.
pub fn is_streaming_request(call: &Call) -> bool {
    streams(call.service, call.service.operation(call.operation).input)
}

/// Whether the answer's body is content of any length, or a stream of events.
pub fn is_streaming_response(call: &Call) -> bool {
    streams(call.service, call.service.operation(call.operation).output)
}

fn streams(service: &Service, shape: Option<ShapeId>) -> bool {
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
