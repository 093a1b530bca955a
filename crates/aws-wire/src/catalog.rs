//! Every service, operation, protocol and shape of AWS.

pub mod shape;

pub use shape::{
    Location, Member, Operation, OperationId, Protocol, Service, Shape, ShapeId, ShapeKind, Structure, TimestampFormat,
};
