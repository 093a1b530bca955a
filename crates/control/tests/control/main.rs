//! The CloudTrail API, asked as clients ask it: signed requests in, answers out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

mod authentication;
mod lookup;
mod pages;
mod store;
mod world;
