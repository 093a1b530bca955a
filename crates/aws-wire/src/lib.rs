//! The wire of AWS: which call a request is, who signed it, and what it says.
//!
//! - [`catalog`]: every service, operation, protocol and shape of AWS, read from one compact generated file.
//! - [`classify`]: from a request head (and, for the query protocols, its body) to one operation of the catalog.
//! - [`sigv4`]: parse, verify and sign Signature Version 4, in headers, query strings and chunked bodies.
//! - [`sigv2`]: verify Signature Version 2 of S3.
//! - [`protocol`]: request and response bytes to [`value::Value`]s, driven by the shapes of the catalog.
//! - [`fault`]: an error of ours in the shape that the caller's protocol expects.
//!
//! This crate is pure: bytes in, values out. It names no async runtime, socket, file or clock. It never decides how
//! CloudTrail writes a call; that is the business of `capture`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod catalog;
pub mod classify;
pub mod fault;
pub mod protocol;
pub mod request_head;
pub mod sigv2;
pub mod sigv4;
pub mod value;

pub use request_head::{RequestHead, header_text};
