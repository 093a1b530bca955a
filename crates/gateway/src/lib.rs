//! The recording proxy: every call goes on to where it belongs, and none goes unrecorded.
//!
//! One request becomes one [`exchange`]: the head is classified, the caller is learned from the signature, a call that
//! changes something is *noted* durably, the call is forwarded, and the answer leaves only when its record is durable.
//!
//! Invariants, cited by name where the code relies on them:
//! - **Intent before forward**: no call that changes something is forwarded before its note is durable.
//! - **Outcome before release**: no byte of an answer leaves before a record that tells of it is durable.
//! - **Bytes as received**: method, path, query, Host and body are forwarded exactly, so that upstream signature
//!   checks still pass; only hop-by-hop headers (RFC 9110, section 7.6.1) are the gateway's own.
//! - **Flat memory**: at most [`settings::GatewaySettings::captured_body_bytes_max`] of a body is held; the rest
//!   streams through.
//!
//! Modules in reading order: [`settings`], [`sink`] and [`route`] (what the gateway needs from others), [`caller`], [`trusted_proxies`], [`proxy_protocol`], [`identities`],
//! [`body`], [`parent_proxy`], [`connector`], [`upstream`], [`resigning`], [`recorder`], [`received`], [`exchange`], [`observer`], [`worker`], [`listener`], [`tls`],
//! [`metrics`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod answer;
pub mod body;
pub mod caller;
pub mod connector;
pub mod exchange;
mod failure;
pub mod gap;
mod host_region;
#[cfg(feature = "fuzzing")]
pub mod http1;
#[cfg(not(feature = "fuzzing"))]
mod http1;
pub mod identities;
pub mod key_resolver;
pub mod listener;
pub mod metrics;
pub mod observer;
pub mod parent_proxy;
pub mod proxy_protocol;
mod received;
mod recorder;
pub mod resigning;
pub mod route;
pub mod settings;
pub mod sink;
pub mod tls;
pub mod trusted_proxies;
mod unstoppable;
pub mod upstream;
pub mod upstream_caller;
mod worker;

pub use connector::{DetourError, Detours};
pub use exchange::Gateway;
pub use identities::IdentityBook;
pub use listener::Listener;
pub use observer::{CallObserver, ConcludedCall};
pub use parent_proxy::{ParentProxy, ParentProxyError};
pub use resigning::ResignedUpstream;
pub use route::{Destination, LocalAnswer, LocalCall, LocalService, Routes};
pub use settings::{GatewaySettings, RecordingFailure};
pub use sink::{EntryKind, EventSink, NoteId, SinkEntry, SinkError};
pub use trusted_proxies::TrustedProxies;
pub use worker::http_builder;
