//! Trails: what they are, where they deliver to, and how far they are.
//!
//! [`TrailRegistry`] keeps them in a SQLite file and in memory: reads never wait, a change is durable when it returns.
//! What a trail is ([`Trail`]) belongs to its owner's calls, how far its delivery is ([`Progress`]) to the delivery; the
//! two are written apart, so that neither overwrites the other. So are the feeds ([`FeedProgress`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

#[cfg(feature = "faults")]
pub mod faults;
mod feed;
mod progress;
mod registry;
mod taking;
mod trail;

pub use feed::{EVENT_BUS_FEED, FeedProgress, log_group_feed};
pub use progress::{Chain, ChainFile, DeliveryPlan, PlannedDigest, PlannedFile, PreviousDigest, Progress, Status};
pub use registry::{RegistryError, TrailRegistry};
pub use taking::{Overlap, PastScope, Pause, Scope, Taking};
pub use trail::{Logging, Organization, Passed, Tag, Topic, Trail};
