//! Delivers what trails select: log files and signed digests, and feeds of log groups and event buses.
//!
//! A delivery is a plan first, stored before its first step: which events, under which keys. It is carried out as often as
//! it takes, the same bytes under the same keys each time, and the place from which the next one goes on moves with the
//! commit that ends it. So no event is left out or delivered twice, whatever ends the process between any two lines, and
//! no chain of digests forks.
//!
//! [`worker`] goes over the trails; [`selection`] says which events are a trail's; [`log_files`] and [`digests`] plan and
//! carry out; [`backoff`] says when a refusing bucket is tried again; [`digest_keys`] keeps what digests are signed with;
//! [`sink`] is where everything goes.
//!
//! Feeds ([`feeds`]) send events one after another as they are recorded. Their receivers have no keys under which to
//! repeat something, so that after a crash or a lost answer an event may come twice, and never not at all.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod backoff;
mod digest_ends;
pub mod digest_keys;
mod digests;
mod event_bus;
pub mod feeds;
mod log_entries;
mod log_files;
pub mod selection;
pub mod sink;
pub mod worker;

pub use digest_ends::DigestEnds;
pub use digest_keys::{DigestKeys, DigestKeysError, KeyVault, PublicDigestKey, VaultError};
pub use feeds::Feeds;
pub use sink::{BusEvent, EventBusSink, LogEntry, LogGroupSink, ObjectSink, PutError, PutObject, TopicSink};
pub use worker::{Delivery, DeliverySettings, DeliveryState};
