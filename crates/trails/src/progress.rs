//! How far the delivery of a trail is.

use std::collections::BTreeMap;

use model::EventTime;
use serde::{Deserialize, Serialize};

use crate::Trail;
use crate::taking::{Overlap, Scope, Taking};

/// How far the delivery of a trail is: what a restart goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The start of logging that this belongs to; see [`crate::Logging::starts`].
    pub start: u64,
    /// Number of the last event that was looked at.
    pub cursor: u64,
    /// Whether everything up to the last stop was delivered.
    pub is_stopped: bool,
    /// Time of the stop up to which everything was delivered, where it is or was stopped.
    #[serde(default)]
    pub stopped: Option<EventTime>,
    /// What was delivered with that stop although its number is behind the start that followed.
    #[serde(default)]
    pub overlap: Option<Overlap>,
    /// What is being carried out: stored before its first step, gone with its last.
    pub plan: Option<DeliveryPlan>,
    /// Chains of digests, by account and region: `111122223333/eu-west-1`.
    pub chains: BTreeMap<String, Chain>,
    /// End of the newest digest of each chain, also of those that have ended: the next one begins there or later, so that
    /// no two digests have one name.
    #[serde(default)]
    pub digest_ends: BTreeMap<String, EventTime>,
    /// What GetTrailStatus tells.
    pub status: Status,
}

/// Log files to be written, whatever happens: the same bytes under the same keys each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPlan {
    /// Number of the event before the first.
    pub after: u64,
    /// Number of the last event.
    pub to: u64,
    /// Which of them are the trail's.
    pub taking: Taking,
    /// Bucket at the time of the plan, or the one that files were moved to.
    pub bucket: String,
    /// One for each account and region that has events in the range.
    pub files: Vec<PlannedFile>,
    /// Time of the first attempt.
    pub since: EventTime,
}

impl Progress {
    /// Reads what is kept of a trail. A plan of before 2026-12 has selectors and a stop in place of a [`Taking`]; the rest of
    /// what decided then is what the trail says.
    ///
    /// # Errors
    /// It is no progress.
    pub(crate) fn read(text: &str, trail: &Trail) -> Result<Self, serde_json::Error> {
        let mut json: serde_json::Value = serde_json::from_str(text)?;
        if let Some(plan) = json.get_mut("plan").and_then(serde_json::Value::as_object_mut)
            && let Some(selectors) = plan.remove("selectors")
        {
            let scope = Scope { selectors: serde_json::from_value(selectors)?, ..trail.scope() };
            let until = plan.remove("until").map(serde_json::from_value).transpose()?.flatten();
            let taking = Taking { scope, until, ..Taking::default() };
            plan.insert("taking".to_owned(), serde_json::to_value(taking)?);
        }
        serde_json::from_value(json)
    }
}

/// A log file of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Account whose events are in it.
    pub account: String,
    /// Region whose events are in it.
    pub region: String,
    /// Whether Insights events are in it, which have files and a folder of their own.
    #[serde(default)]
    pub is_insights: bool,
    /// Object key.
    pub key: String,
    /// Whether it is in the bucket, and in its chain of digests.
    pub is_written: bool,
}

/// The digests of one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Start of the next digest's window.
    pub start: EventTime,
    /// Digest before; `None` at the start of a chain.
    pub previous: Option<PreviousDigest>,
    /// Log files since.
    pub files: Vec<ChainFile>,
    /// A digest that is being written.
    pub planned: Option<PlannedDigest>,
}

/// A digest that the next one names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousDigest {
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// SHA-256 of its JSON, hexadecimal.
    pub hash: String,
    /// Signature, hexadecimal.
    pub signature: String,
}

/// A log file that a digest names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFile {
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// SHA-256 of the file as unpacked, hexadecimal.
    pub hash: String,
    /// Time of the newest event in it.
    pub newest: EventTime,
    /// Time of the oldest event in it.
    pub oldest: EventTime,
}

/// A digest to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDigest {
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Its JSON.
    pub text: String,
    /// SHA-256 of the JSON, hexadecimal.
    pub hash: String,
    /// Signature, hexadecimal.
    pub signature: String,
    /// End of its window, start of the next.
    pub end: EventTime,
    /// Number of log files that it names.
    pub file_count: usize,
    /// Whether the chain ends with it.
    pub is_last: bool,
    /// Code of the failure, if the last attempt to write it failed.
    #[serde(default)]
    pub refused: Option<String>,
}

/// What GetTrailStatus tells of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// Last log file that was written.
    pub latest_delivery: Option<EventTime>,
    /// Last time that one was tried.
    pub latest_delivery_attempt: Option<EventTime>,
    /// Code of the failure, if the last one failed.
    pub latest_delivery_error: Option<String>,
    /// Last message to the topic.
    #[serde(default)]
    pub latest_notification: Option<EventTime>,
    /// Last time that one was tried.
    #[serde(default)]
    pub latest_notification_attempt: Option<EventTime>,
    /// Code of the failure, if the last one failed.
    #[serde(default)]
    pub latest_notification_error: Option<String>,
    /// Last digest that was written.
    pub latest_digest_delivery: Option<EventTime>,
    /// Code of the failure, if the last one failed.
    pub latest_digest_error: Option<String>,
}
