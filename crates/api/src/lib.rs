//! The CloudTrail operations: names, shapes, bounds and errors, as clients meet them on the wire.
//!
//! This crate says what may be asked and how it is answered; what happens then is the affair of the crate `control`. It is pure: no
//! runtime, socket, file or clock. Facts come from the published service models (cloudtrail 2013-11-01,
//! cloudtrail-data 2021-08-11) and the CloudTrail API reference.
//!
//! Read in this order: [`operation`] (what is asked), [`lookup_events`] (the shapes and bounds of the one operation
//! that is built), [`error`] (every refusal with its code, status and text), [`answer`] (how either goes out).

pub mod answer;
pub mod error;
pub mod error_code;
pub mod json_input;
pub mod lookup_events;
pub mod operation;
pub mod timestamp;

pub use answer::Answer;
pub use error::ApiError;
pub use error_code::ErrorCode;
pub use lookup_events::{LookupEventsInput, LookupEventsOutput};
pub use operation::{Endpoint, Operation};
