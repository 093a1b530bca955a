//! The CloudTrail API: who may ask, and what is answered.
//!
//! [`ControlPlane::handle`] takes one whole request and gives one whole answer, in AWS's words. `LookupEvents` and the
//! operations on trails are built; every other operation is refused by name, after the same checks. The history is behind
//! [`EventHistory`], the keys are behind [`KeyDirectory`], destinations behind [`DestinationCheck`], and the time is an argument, so nothing here names a socket, a file or a clock.
//!
//! Read in this order: [`control_plane`] (the order of checks), [`authentication`], [`lookup`], [`page_token`],
//! [`history`], [`trails`], [`destinations`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod authentication;
pub mod control_plane;
pub mod destinations;
pub mod history;
pub mod lookup;
pub mod page_token;
mod throttle;
pub mod trails;

pub use authentication::{KeyDirectory, KnownKey, ResolvedCaller};
pub use control_plane::{ControlPlane, ControlRequest, ControlResponse, ControlSettings};
pub use destinations::{
    BucketQuestion, DestinationCheck, DestinationProblem, KeyProblem, LogGroupProblem, PublicKeys, TopicProblem,
};
pub use history::{EventHistory, HistoryError, HistoryEvent, HistoryPage, HistoryQuery, Position};
pub use page_token::PageTokenKey;
pub use trails::TrailServices;
