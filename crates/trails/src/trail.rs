//! What a trail is.

use std::collections::BTreeSet;

use model::selectors::EventSelectors;
use model::{AccountId, EventTime, InsightSelector, Region};
use serde::{Deserialize, Serialize};

use crate::progress::Progress;
use crate::taking::{Overlap, PastScope, Pause, Scope, Taking, keep};

/// A trail as its owner defined it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// `arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME`; tells trails apart.
    pub arn: String,
    /// Name, of 3 to 128 characters.
    pub name: String,
    /// Account that it belongs to.
    pub account: AccountId,
    /// Region in which it was made, and in which alone it can be changed.
    pub home_region: Region,
    /// When it was made, where that is known; lists have trails in this order.
    #[serde(default)]
    pub created: Option<EventTime>,
    /// Bucket that log files go to.
    pub bucket: String,
    /// What comes before `AWSLogs/` in the keys.
    pub prefix: Option<String>,
    /// Topic that is told of each file.
    pub topic: Option<Topic>,
    /// Whether events of global services are taken.
    pub includes_global_service_events: bool,
    /// Whether events of all regions are taken.
    pub is_multi_region: bool,
    /// Whether digest files are written.
    pub validates_log_files: bool,
    /// When that was switched on; absent where it was from the start. Chains of digests begin here.
    #[serde(default)]
    pub validates_since: Option<EventTime>,
    /// Log group that events go to as well.
    pub log_group_arn: Option<String>,
    /// Number of the newest recorded event when the log group was set: those behind it go there.
    #[serde(default)]
    pub log_group_behind: u64,
    /// Role for writing to the log group.
    pub log_role_arn: Option<String>,
    /// Key that log files are encrypted with.
    pub kms_key_id: Option<String>,
    /// Whether events of all accounts of the organization are taken.
    pub is_organization: bool,
    /// Whether events that the delivery itself causes are taken; absent as long as nobody said so.
    pub logs_recursively: Option<bool>,
    /// Tags, in the order in which they came.
    pub tags: Vec<Tag>,
    /// What was put as event selectors; absent as long as nothing was.
    pub selectors: Option<EventSelectors>,
    /// Which Insights events it takes; none while this is empty.
    #[serde(default)]
    pub insights: Vec<InsightSelector>,
    /// When it began to: unusual activity of before is not told to it.
    #[serde(default)]
    pub insights_since: Option<EventTime>,
    /// What it took before it was changed, oldest first; see [`Trail::keep_past`].
    #[serde(default)]
    pub past: Vec<PastScope>,
    /// Whether it delivers.
    pub logging: Logging,
    /// Number of its end, where it was deleted and its last files are still to be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// Tells it from other trails that had or will have its ARN, in this process; set by the registry.
    #[serde(skip)]
    pub birth: u64,
}

/// A topic, as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Name or ARN, as it was given.
    pub given: String,
    /// Its ARN.
    pub arn: String,
}

/// A tag of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key, once for each resource.
    pub key: String,
    /// Value; a tag may have none.
    pub value: Option<String>,
}

/// Whether a trail delivers, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Logging {
    /// Between StartLogging and StopLogging.
    pub is_on: bool,
    /// Time of the last StartLogging.
    pub started: Option<EventTime>,
    /// Time of the last StopLogging.
    pub stopped: Option<EventTime>,
    /// Number of the newest recorded event when it was started: those behind it are delivered.
    pub started_behind: u64,
    /// Counts the starts, so that the delivery sees a stop and a start between two of its looks.
    pub starts: u64,
    /// Times without logging, oldest first, as far as a delivery may still come to their events.
    #[serde(default)]
    pub pauses: Vec<Pause>,
}

/// Accounts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Such as `o-exampleorgid`.
    pub id: String,
    /// Owns the organization's trails.
    pub management_account: AccountId,
    /// All accounts, that one included.
    pub accounts: BTreeSet<AccountId>,
}

/// How far a delivery or a feed of a trail is: what is needed of it to forget what it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// The start of logging that it belongs to.
    pub start: u64,
    /// Number of the last event that it looked at.
    pub cursor: u64,
}

impl Logging {
    /// Starts. `newest` is the number of the newest recorded event; `passed` says how far deliveries and feeds are.
    pub fn start(&mut self, now: EventTime, newest: u64, passed: &[Passed]) {
        let is_over =
            |pause: &Pause| passed.iter().all(|passed| pause.start <= passed.start && pause.behind <= passed.cursor);
        self.pauses.retain(|pause| !is_over(pause));
        self.is_on = true;
        self.starts += 1;
        self.started = Some(now);
        self.started_behind = newest;
        keep(&mut self.pauses, Pause { stopped: self.stopped, behind: newest, start: self.starts });
    }

    /// Stops.
    pub fn stop(&mut self, now: EventTime) {
        self.is_on = false;
        self.stopped = Some(now);
    }

    /// Where a delivery goes on that was through with everything up to a stop: behind the start that followed it. What
    /// comes between the two may have been looked at already, if the start came before the delivery was through.
    pub fn resume(&self, start: u64, cursor: u64, stopped: Option<EventTime>) -> (u64, Option<Overlap>) {
        let next = self.pauses.iter().find(|pause| pause.start > start);
        let behind = next.map_or(self.started_behind, |pause| pause.behind);
        let until = stopped.filter(|_| cursor > behind);
        (behind, until.map(|until| Overlap { until, to: cursor }))
    }
}

impl Trail {
    /// What decides now which events it takes.
    pub fn scope(&self) -> Scope {
        Scope {
            selectors: self.selectors_in_force(),
            includes_global_service_events: self.includes_global_service_events,
            is_multi_region: self.is_multi_region,
            is_organization: self.is_organization,
            insights: self.insights.clone(),
        }
    }

    /// Keeps what it took until a change: what was recorded before that is delivered by it. `newest` is the number of the
    /// newest recorded event; `passed` says how far deliveries and feeds are.
    pub fn keep_past(&mut self, before: Scope, newest: u64, passed: &[Passed]) {
        let is_over = |past: &PastScope| passed.iter().all(|passed| past.to <= passed.cursor);
        self.past.retain(|past| !is_over(past));
        if before != self.scope() && self.logging.starts > 0 {
            keep(&mut self.past, PastScope { to: newest, scope: before });
        }
    }

    /// Everything that decides which events it takes, up to an event time where it is stopped.
    pub fn taking(&self, until: Option<EventTime>, overlap: Option<Overlap>) -> Taking {
        Taking { scope: self.scope(), past: self.past.clone(), pauses: self.logging.pauses.clone(), until, overlap }
    }

    /// When the chain of digests of a trail whose delivery is so far begins, at the earliest.
    pub fn chain_start(&self, progress: &Progress, chain: &str) -> Option<EventTime> {
        let before = progress.digest_ends.get(chain).copied();
        [self.logging.started, self.validates_since, before].into_iter().flatten().max()
    }

    /// What it is kept under: its ARN, which a trail that was deleted leaves to others.
    pub fn key(&self) -> String {
        match self.ended {
            None => self.arn.clone(),
            Some(number) => format!("{} ended {number}", self.arn),
        }
    }

    /// Whether the trail is seen in a region: in its own, and in all others as a shadow trail if it takes their events.
    pub fn is_seen_in(&self, region: &Region) -> bool {
        self.home_region == *region || self.is_multi_region
    }

    /// The selectors in force.
    pub fn selectors_in_force(&self) -> EventSelectors {
        self.selectors.clone().unwrap_or_default()
    }

    /// Whether the selectors are other than those that every trail has at first.
    pub fn has_custom_selectors(&self) -> bool {
        self.selectors.as_ref().is_some_and(|selectors| *selectors != EventSelectors::default())
    }
}
