//! `errorCode` and `errorMessage`, as each service writes them.

use aws_wire::catalog::{Operation, Protocol, Service, Shape, ShapeKind};
use aws_wire::protocol::WireError;

use crate::exchange::{BodyCapture, Subject};

/// Code and text of a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: Option<String>,
}

/// `errorCode` of a note that became the event.
pub const OUTCOME_UNKNOWN: &str = "OutcomeUnknown";

/// `errorMessage` of a note that became the event.
pub const OUTCOME_UNKNOWN_MESSAGE: &str = "The recorder stopped after forwarding this call and before its answer was \
                                           recorded; it may or may not have taken effect.";

/// Codes of the wire for a call that the caller may not make. Every denial in the records at hand, of any protocol and of
/// 40 services, is written as `AccessDenied`; the second of these is SNS's.
const DENIALS: &[&str] = &["AccessDeniedException", "AuthorizationError"];

/// Codes of the wire that query services write under the name of the exception behind them, where the model has none.
/// Source: the common errors of their API references, and records of CloudFormation, Auto Scaling (guides) and
/// CloudWatch (github.com/grycap/cloudtrail-tracker).
const UNMODELLED: &[(&str, &str)] = &[("ValidationError", "ValidationException")];

/// Refusals that come before the service: the code as it is written, and all that its message holds. The service has not read
/// the call by then, and the record tells neither what was asked nor the version of the API.
///
/// Source: records of 190 denials of 55 services (2018 to 2026) and of roles of another account that five of them were
/// to pass; records of Systems Manager and of `LookupEvents` (2021 to 2023) of calls that came too often.
const BEFORE_THE_SERVICE: &[(&str, &[&str])] = &[
    ("AccessDenied", &["User: ", " is not authorized to perform: "]),
    ("AccessDenied", &["Cross-account pass role is not allowed"]),
    ("ThrottlingException", &["Rate exceeded"]),
];

impl Failure {
    /// Whether the call was refused before the service had read it. The text of AWS decides: another service may say
    /// less in its message than AWS does, and then what was asked is all that there is.
    pub(crate) fn is_before_the_service(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        let holds = |texts: &[&str]| texts.iter().all(|text| message.contains(text));
        BEFORE_THE_SERVICE.iter().any(|(code, texts)| self.code == *code && holds(texts))
    }
}

/// The failure that an answer is, from its decoded error or, when it has none, from its status.
pub(crate) fn failure(subject: Subject<'_>, status: u16, error: Option<WireError>) -> Failure {
    let service = subject.service();
    let operation = subject.call().map(|call| service.operation(call.operation));
    let Some(error) = error else {
        return Failure { code: status_code_name(service, operation, subject.protocol(), status), message: None };
    };
    Failure {
        code: written_code(service, operation, subject.protocol(), status, &error.code),
        message: error.message.filter(|message| !message.is_empty()),
    }
}

fn written_code(
    service: &Service,
    operation: Option<&Operation>,
    protocol: Protocol,
    status: u16,
    wire: &str,
) -> String {
    if protocol == Protocol::Ec2 {
        let side = if status >= 500 { "Server" } else { "Client" };
        return if wire.starts_with("Client.") || wire.starts_with("Server.") {
            wire.to_owned()
        } else {
            format!("{side}.{wire}")
        };
    }
    if DENIALS.contains(&wire) {
        return "AccessDenied".to_owned();
    }
    if service.protocols.contains(&Protocol::Query)
        && let Some((_, name)) = UNMODELLED.iter().find(|(code, _)| *code == wire)
    {
        return (*name).to_owned();
    }
    exception_name(service, operation, wire).unwrap_or(wire).to_owned()
}

/// The name of the exception whose code on the wire is this one: `NoSuchEntity` is `NoSuchEntityException`.
fn exception_name<'a>(service: &'a Service, operation: Option<&Operation>, wire: &str) -> Option<&'a str> {
    let errors = &operation?.errors;
    if errors.iter().any(|&id| service.shape(id).name == wire) {
        return None;
    }
    let of_operation = errors.iter().find_map(|&id| name_if_coded(service.shape(id), wire));
    // Operations answer with errors that their models do not list.
    of_operation.or_else(|| {
        let is_name = service.shapes.iter().any(|shape| shape.name == wire);
        if is_name { None } else { service.shapes.iter().find_map(|shape| name_if_coded(shape, wire)) }
    })
}

/// The name of a shape that is an error with this code.
fn name_if_coded<'a>(shape: &'a Shape, wire: &str) -> Option<&'a str> {
    let ShapeKind::Structure(structure) = &shape.kind else { return None };
    (structure.error_code.as_deref() == Some(wire)).then_some(shape.name.as_str())
}

/// A name for a failure without a body: answers to `HEAD`, and broken ones.
fn status_code_name(service: &Service, operation: Option<&Operation>, protocol: Protocol, status: u16) -> String {
    let name = match status {
        301 => "PermanentRedirect",
        304 => "NotModified",
        400 => "BadRequest",
        401 | 403 => "AccessDenied",
        404 if operation.is_some_and(|operation| operation.name == "HeadBucket") => "NoSuchBucket",
        404 if service.id == "s3" => "NoSuchKey",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        416 => "InvalidRange",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ if status >= 500 => "InternalError",
        _ => "BadRequest",
    };
    match protocol {
        Protocol::Ec2 if status >= 500 => format!("Server.{name}"),
        Protocol::Ec2 => format!("Client.{name}"),
        _ => name.to_owned(),
    }
}

/// The body to read an error from.
pub(crate) fn error_body(body: BodyCapture<'_>) -> &[u8] {
    match body {
        BodyCapture::Complete(bytes) | BodyCapture::Prefix { bytes, .. } => bytes,
        BodyCapture::Streamed { .. } => &[],
    }
}
