#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]
//! The embedded S3 bucket service.
//!
//! [`BucketService`] answers S3 requests from a folder. It believes what it is told about the caller: signatures and
//! permissions are checked before a request comes here, only the body is still checked here, because it streams.
//!
//! Reading order: [`service`] takes a request, [`inbound`] and [`payload`] settle what signing and framing put on it,
//! the `s3s` framework parses it, [`calls`] does it on [`index`] (what there is, in SQLite) and [`content`] (bytes, in
//! files), [`cleaning`] removes files later, [`outbound`] finishes the answer. [`listing`], [`conditions`],
//! [`checksum`], [`versioning`] and [`object_lock`] are rules without any input or output of their own.
//!
//! Invariants:
//! - A caller's words never become part of a path.
//! - A change is in effect exactly when its transaction in the index is committed, and durable then.
//! - Memory in use does not grow with the size of a body.

mod attributes;
mod calls;
mod checksum;
mod cleaning;
mod conditions;
mod content;
mod error_messages;
mod inbound;
mod index;
mod listing;
mod object_lock;
mod outbound;
mod payload;
mod service;
mod versioning;

pub use outbound::ResponseBody;
pub use service::{
    Access, BucketConfig, BucketService, BucketSettingError, CallerAccess, MfaCheck, OpenError, RandomSource,
};
