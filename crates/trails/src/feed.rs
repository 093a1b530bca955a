//! How far the feeds are: what is sent as it is recorded, to log groups and event buses.

use model::EventTime;
use serde::{Deserialize, Serialize};

use crate::taking::Overlap;

/// Name of the feed of EventBridge, which all trails share.
pub const EVENT_BUS_FEED: &str = "event-bus";

/// Name of the feed of a trail's log group.
pub fn log_group_feed(trail_arn: &str) -> String {
    format!("log-group {trail_arn}")
}

/// How far a feed is: what a restart goes on from. What was sent behind it is sent again then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeedProgress {
    /// The start of logging that this belongs to; see [`crate::Logging::starts`].
    pub start: u64,
    /// Number of the last event that was sent or left out.
    pub cursor: u64,
    /// Whether everything up to the last stop was sent.
    pub is_stopped: bool,
    /// Time of the stop up to which everything was sent, where it is or was stopped.
    #[serde(default)]
    pub stopped: Option<EventTime>,
    /// What was sent with that stop although its number is behind the start that followed.
    #[serde(default)]
    pub overlap: Option<Overlap>,
    /// Last time that something was sent.
    pub latest_delivery: Option<EventTime>,
    /// What the receiver said, if the last attempt failed.
    pub latest_error: Option<String>,
}
