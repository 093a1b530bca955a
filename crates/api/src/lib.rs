//! The CloudTrail operations: names, shapes, bounds and errors, as clients meet them on the wire.
//!
//! This crate says what may be asked and how it is answered; what happens then is the affair of the crate `control`. It is pure: no
//! runtime, socket, file or clock. Facts come from the published service models (cloudtrail 2013-11-01,
//! cloudtrail-data 2021-08-11) and the CloudTrail API reference.
//!
//! Read in this order: [`operation`] (what is asked), [`lookup_events`], [`trails`], [`event_selectors`], [`tags`] and
//! [`public_keys`] (the shapes and bounds of the operations that are built), [`error`] (every refusal with its code,
//! status and text), [`answer`] (how either goes out).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod answer;
pub mod error;
pub mod error_code;
pub mod event_selectors;
pub mod insight_selectors;
pub mod json_input;
pub mod lookup_events;
pub mod operation;
pub mod public_keys;
pub mod tags;
pub mod timestamp;
pub mod trail_name;
pub mod trails;

pub use answer::Answer;
pub use error::ApiError;
pub use error_code::ErrorCode;
pub use lookup_events::{LookupEventsInput, LookupEventsOutput};
pub use operation::{Endpoint, Operation};
