//! What the tables say of an operation, worked out at its first call.
//!
//! The tables are written for readers, and searched by names. A call asks a dozen of them, most of them more than once;
//! the answers are the same for every call of the operation.

use std::sync::OnceLock;

use aws_wire::catalog::{Catalog, OperationId, Service};
use aws_wire::classify::Call;
use model::{EventCategory, Text};

use crate::category::types_of;
use crate::defaults::Defaults;
use crate::event_name::{api_version, name_of, operation_source};
use crate::identity_lessons::{Teacher, teacher_of};
use crate::parameters::{is_answer_written, is_content_call, is_request_unwritten};
use crate::read_only::operation_is_read_only;
use crate::streaming::streams;

/// What holds for every call of an operation.
pub(crate) struct OperationFacts {
    /// `eventSource`.
    pub(crate) event_source: Text,
    /// `eventName`.
    pub(crate) event_name: Text,
    /// `apiVersion`.
    pub(crate) api_version: Option<Text>,
    /// `readOnly`.
    pub(crate) read_only: bool,
    /// Types of the resources whose data it touches; `None`: it is no data event.
    pub(crate) data_types: Option<&'static [&'static str]>,
    /// Whether the answer of a successful call is written.
    pub(crate) writes_answer: bool,
    /// Whether of the parameters only ARNs are written.
    pub(crate) writes_arns_alone: bool,
    /// Whether none of the parameters is.
    pub(crate) writes_no_request: bool,
    /// What the service fills in.
    pub(crate) defaults: Defaults,
    /// Whether the request's body is content of any length.
    pub(crate) streams_request: bool,
    /// Whether the answer's body is.
    pub(crate) streams_answer: bool,
    /// How its answers teach who owns which key.
    pub(crate) teacher: Option<Teacher>,
}

/// One place for each service of the catalog, or each operation of a service.
type Places<T> = Box<[OnceLock<T>]>;

fn places<T>(count: usize) -> Places<T> {
    (0..count).map(|_| OnceLock::new()).collect()
}

impl OperationFacts {
    /// The facts of a call's operation.
    pub(crate) fn of(call: &Call) -> &'static Self {
        static FACTS: OnceLock<Places<Places<OperationFacts>>> = OnceLock::new();
        let service = call.service;
        let services = FACTS.get_or_init(|| places(Catalog::embedded().service_count()));
        let operations = services[service.place].get_or_init(|| places(service.operations.len()));
        operations[usize::from(call.operation.0)].get_or_init(|| Self::work_out(service, call.operation))
    }

    fn work_out(service: &Service, operation: OperationId) -> Self {
        let operation = service.operation(operation);
        let read_only = operation_is_read_only(&service.id, operation);
        Self {
            event_source: operation_source(service, operation),
            event_name: name_of(service, operation),
            api_version: api_version(service),
            read_only,
            data_types: types_of(&service.id, &operation.name),
            writes_answer: is_answer_written(service, operation, read_only),
            writes_arns_alone: is_content_call(&service.id, &operation.name),
            writes_no_request: is_request_unwritten(&service.id, &operation.name),
            defaults: Defaults::of(service, operation),
            streams_request: streams(service, operation.input),
            streams_answer: streams(service, operation.output),
            teacher: teacher_of(service, &operation.name),
        }
    }

    /// `eventCategory`.
    pub(crate) fn category(&self) -> EventCategory {
        if self.data_types.is_some() { EventCategory::Data } else { EventCategory::Management }
    }
}
