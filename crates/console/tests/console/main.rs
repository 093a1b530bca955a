//! The console address, asked through its router.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

mod count;
mod follow;
mod intake;
mod open_routes;
mod search;
mod signatures;
mod world;
