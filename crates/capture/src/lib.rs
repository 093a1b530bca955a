//! One HTTP exchange in, one CloudTrail event record out.
//!
//! [`fn@record`] is the whole of it: a pure function of an [`Exchange`]. What the call was comes from the catalog, what it
//! said from the decoders of `aws_wire`; this crate knows how CloudTrail writes it. The general rules are in `render`,
//! and everything that one service does differently is a row of a table with its source:
//!
//! - `service_rules`: event source, record version, key style, time style, layout, replacement of secrets.
//! - `event_name`, `read_only`, `category`: what CloudTrail calls the call and how it classes it.
//! - `operation_facts`: what these tables say of one operation, worked out once.
//! - `parameters`: request parameters and response elements; `ec2`, `s3`, `dynamodb` have layouts of their own.
//! - `redact`: what a record must never hold. The default is to hide. `redaction_key`: the keyed hash that can stand
//!   beside it.
//! - `echo`: error messages that repeat what is hidden.
//! - `resources`, `additional`, `failure`, `shared_event`: the other elements; `functions`: the names that Lambda takes.
//! - `access_portal`: calls of people on their portal, which are recorded as events of the service.
//! - `identity_lessons`: what answers of IAM and STS teach about who owns which key; the callers that only they name.
//! - `unknown_operation`: calls that are newer than the catalog.
//!
//! It refuses nothing: every exchange becomes a record.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod access_portal;
mod additional;
mod asked;
mod category;
#[cfg(test)]
mod corpus;
mod defaults;
mod dynamodb;
mod ec2;
mod echo;
mod event_name;
mod exchange;
mod failure;
mod functions;
mod identity_lessons;
mod loose_value;
mod operation_facts;
mod parameters;
mod read_only;
mod record;
mod redact;
mod redaction_key;
mod render;
mod resources;
mod s3;
#[cfg(test)]
mod secrecy;
mod service_rules;
mod shared_event;
mod streaming;
mod timestamp;
mod unknown_operation;
mod xml_json;

pub use asked::Asked;
pub use category::data_resource_types;
pub use event_name::{event_name, event_source};
pub use exchange::{Authentication, BodyCapture, Exchange, Outcome, Subject};
pub use failure::{OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_MESSAGE};
pub use identity_lessons::{identity_lessons, is_teacher, refuses_credentials};
pub use read_only::is_read_only;
pub use record::record;
pub use redaction_key::RedactionKey;
pub use s3::{FORM_FIELDS_BYTES_MAX, is_form_upload};
pub use streaming::{is_streaming_request, is_streaming_response};
