//! Records the AWS calls of one program.
//!
//! The program runs with proxy and certificate variables that lead its calls here ([`environment`]). A forward proxy
//! ([`proxy`]) tells connections to AWS endpoints from others ([`intercepted_hosts`]): the former are opened with
//! certificates of an authority that lives in memory only ([`authority`]) and go through the gateway, which records and
//! forwards them over verified TLS; the latter are tunnelled unread. The [`recorder`] is the gateway's sink and observer:
//! records go to a file at once ([`record_file`]), and what stays in memory is bounded: the [`summary`] and the
//! [`policy`].
//!
//! What it refuses: it never writes a private key, never weakens the TLS towards AWS, and sends nothing anywhere but to
//! where the program was sending it.
//!
//! Modules in reading order: [`environment`], [`trust`], [`server_verifier`], [`authority`], [`intercepted_hosts`], [`tunnel_target`],
//! [`proxy`], [`record_file`], [`recorder`], [`live`], [`summary`], [`policy`], [`iam_actions`], [`used_resources`],
//! [`arn_set`], [`denial`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod arn_set;
pub mod authority;
pub mod denial;
pub mod environment;
pub mod iam_actions;
pub mod intercepted_hosts;
pub mod live;
pub mod policy;
pub mod proxy;
pub mod record_file;
pub mod recorder;
mod replayed;
pub mod server_verifier;
pub mod summary;
pub mod trust;
pub mod tunnel_target;
mod used_resources;
