//! Goes over the trails, again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::EventTime;
use store::EventStore;
use tokio::time::MissedTickBehavior;
use trails::{Logging, Organization, Progress, RegistryError, Trail, TrailRegistry, log_group_feed};

use crate::backoff::Backoff;
use crate::digest_ends::DigestEnds;
use crate::digest_keys::{DigestKeys, DigestKeysError};
use crate::log_files::{RECORD_BYTES_MAX, RETRY_SECONDS_MAX, plan};
use crate::selection::{Selection, Until, select};
use crate::sink::{ObjectSink, TopicSink};

/// Time after a stop in which calls that ended before it may still be recorded, seconds.
const STOP_GRACE_SECONDS: i64 = 2;

/// How long the log group of a deleted trail is tried, seconds.
const FEED_SECONDS_MAX: i64 = 10 * 60;

/// What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliverySettings {
    /// Longest time that an event waits for its log file.
    pub delivery_interval: Duration,
    /// Window of a digest, at least a second.
    pub digest_interval: Duration,
}

/// Fills a buffer with random bytes. Nothing secret is made of it.
pub type RandomSource = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Delivers for all trails of an installation.
pub struct Delivery {
    /// Recorded events.
    pub store: EventStore,
    /// The trails.
    pub registry: Arc<TrailRegistry>,
    /// What digests are signed with.
    pub keys: Arc<DigestKeys>,
    /// Where files go.
    pub sink: Arc<dyn ObjectSink>,
    /// Told of each log file, where a trail has a topic.
    pub topics: Arc<dyn TopicSink>,
    /// The organization of this installation, if it has one.
    pub organization: Option<Arc<Organization>>,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
    /// Where file names come from.
    pub random: RandomSource,
    /// Settings.
    pub settings: DeliverySettings,
    /// Which digests were planned, and which trails wait.
    pub state: DeliveryState,
}

/// What a process knows of its deliveries beside what is stored.
#[derive(Debug)]
pub struct DeliveryState {
    pub(crate) digest_ends: DigestEnds,
    pub(crate) backoff: Backoff,
}

impl DeliveryState {
    /// That of a process that begins now.
    pub fn new(now: EventTime) -> Self {
        Self { digest_ends: DigestEnds::since(now), backoff: Backoff::default() }
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Delivery").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a delivery did not come to its end; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("the events cannot be read")]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Keys(#[from] DigestKeysError),
    #[error(transparent)]
    Sign(#[from] digest::KeyError),
    #[error("a file cannot be compressed")]
    Pack(#[from] std::io::Error),
    #[error("a stored plan cannot be carried out")]
    Plan,
    /// Was reported where it happened.
    #[error("the bucket refused")]
    Refused,
    /// The trail was deleted, and what is left of it is delivered under another key, or somebody else delivers.
    #[error("the trail was deleted, or another process delivers for it")]
    TakenOver,
}

impl Delivery {
    /// Delivers until it is dropped; everything that it does is safe to break off. A trail whose bucket takes long keeps no
    /// other waiting.
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(self.settings.delivery_interval);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut running, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
        loop {
            tokio::select! {
                _ = timer.tick() => {
                    for trail in self.registry.with_ended() {
                        if busy.insert(trail.key()) {
                            running.push(self.deliver_and_report(trail));
                        }
                    }
                }
                Some(key) = running.next() => {
                    busy.remove(&key);
                }
            }
        }
    }

    /// Delivers once for each trail. What fails is reported and tried again the next time.
    pub async fn deliver_all(&self) {
        for trail in self.registry.with_ended() {
            self.deliver_and_report(trail).await;
        }
    }

    /// Gives back the trail's key.
    async fn deliver_and_report(&self, trail: Arc<Trail>) -> String {
        match self.deliver(&trail).await {
            Ok(()) | Err(DeliveryError::Refused | DeliveryError::TakenOver) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, trail = trail.arn, "a delivery failed; it is tried again");
            }
        }
        trail.key()
    }

    pub(crate) fn now(&self) -> EventTime {
        (self.clock)()
    }

    pub(crate) async fn note(&self, trail: &Trail, progress: &Progress) -> Result<(), DeliveryError> {
        if self.registry.note_progress(trail, progress.clone(), self.now()).await? {
            Ok(())
        } else {
            Err(DeliveryError::TakenOver)
        }
    }

    async fn deliver(&self, trail: &Arc<Trail>) -> Result<(), DeliveryError> {
        if !self.state.backoff.is_due(trail, self.now()) {
            return Ok(());
        }
        let Some(progress) = self.registry.lease(trail, self.now()).await? else { return Ok(()) };
        // What is recorded now is delivered by what the trail is now, and later events by what it is later.
        let newest = self.store.newest_sequence();
        let current = self.registry.get(&trail.key()).filter(|current| current.birth == trail.birth);
        let Some(trail) = &current else { return Err(DeliveryError::TakenOver) };
        let before = progress.status.clone();
        let delivered = self.deliver_what_is_due(trail, Progress::clone(&progress), newest).await;
        if matches!(delivered, Err(DeliveryError::TakenOver)) {
            return delivered;
        }
        let progress = self.registry.progress(&trail.key());
        let after = progress.as_ref().map(|progress| &progress.status);
        let has_written = after.is_some_and(|after| {
            (after.latest_delivery, after.latest_digest_delivery)
                != (before.latest_delivery, before.latest_digest_delivery)
        });
        match (&delivered, has_written) {
            (Err(DeliveryError::Refused), false) => {
                self.state.backoff.refused(trail, self.now(), self.settings.delivery_interval);
            }
            _ => self.state.backoff.taken(trail),
        }
        let is_stopped = progress.is_some_and(|progress| progress.is_stopped);
        let is_through = is_stopped && self.is_fed(trail);
        if trail.ended.is_some() && (is_through || self.is_given_up(trail, &delivered)) {
            self.registry.forget(trail).await?;
        }
        delivered
    }

    /// Whether the log group of a trail that was deleted has everything, or does not take it. A feed that is not known has
    /// not begun yet.
    fn is_fed(&self, trail: &Trail) -> bool {
        if trail.log_group_arn.is_none() {
            return true;
        }
        let feed = self.registry.feed(&log_group_feed(&trail.key()));
        let stopped = trail.logging.stopped.unwrap_or_else(|| self.now());
        let is_late = self.now().as_seconds() - stopped.as_seconds() > FEED_SECONDS_MAX;
        feed.is_some_and(|feed| feed.is_stopped && feed.start == trail.logging.starts) || is_late
    }

    /// Whether the bucket of a trail that was deleted has refused the last files for as long as any is tried.
    fn is_given_up(&self, trail: &Trail, delivered: &Result<(), DeliveryError>) -> bool {
        let stopped = trail.logging.stopped.unwrap_or_else(|| self.now());
        let is_given_up = matches!(delivered, Err(DeliveryError::Refused))
            && self.now().as_seconds() - stopped.as_seconds() > RETRY_SECONDS_MAX;
        if is_given_up {
            tracing::error!(
                trail = trail.arn,
                bucket = trail.bucket,
                "the last files of a deleted trail cannot be delivered, and are given up"
            );
        }
        is_given_up
    }

    /// Delivers what is due, of log files up to an event number: a trail that is always busy must not keep the others
    /// waiting.
    async fn deliver_what_is_due(
        &self,
        trail: &Arc<Trail>,
        mut progress: Progress,
        newest: u64,
    ) -> Result<(), DeliveryError> {
        if begin(&mut progress, &trail.logging) {
            self.note(trail, &progress).await?;
        }
        if progress.is_stopped {
            return Ok(());
        }
        let Some(until) = until_of(&trail.logging, self.now()) else { return Ok(()) };
        let delivered = self.deliver_log_files(trail, &mut progress, until, newest).await;
        if let Err(error) = &delivered
            && (until.is_some() || !matches!(error, DeliveryError::Refused))
        {
            return delivered;
        }
        // Digests of what is there are written also while a log file waits.
        self.write_digests(trail, &mut progress, until.is_some()).await?;
        delivered?;
        if until.is_some() {
            progress.is_stopped = true;
            progress.stopped = until;
            self.note(trail, &progress).await?;
        }
        Ok(())
    }

    async fn deliver_log_files(
        &self,
        trail: &Arc<Trail>,
        progress: &mut Progress,
        until: Option<EventTime>,
        newest: u64,
    ) -> Result<(), DeliveryError> {
        if let Some(plan) = progress.plan.clone() {
            self.carry_out(trail, progress, plan, None).await?;
        }
        while progress.cursor < newest {
            let taking = trail.taking(until, progress.overlap.clone());
            let selection = Selection::new(trail, taking, self.organization.as_ref());
            let selected = select(&self.store, &selection, progress.cursor, Until::Bytes(RECORD_BYTES_MAX)).await?;
            if selected.to == progress.cursor {
                break;
            }
            let files = self.name_files(trail, selected.files.keys());
            let Some(plan) = plan(trail, files, &selected, progress.cursor, selection.taking(), self.now()) else {
                progress.cursor = selected.to;
                self.note(trail, progress).await?;
                continue;
            };
            progress.plan = Some(plan.clone());
            // From here on these files are delivered, and no others for these events.
            self.note(trail, progress).await?;
            self.carry_out(trail, progress, plan, Some(selected)).await?;
        }
        Ok(())
    }
}

/// Up to which event time something is sent now: inside `None` as long as the trail logs. `None` in the moments after a
/// stop, in which events of calls that ended before it may still come.
pub(crate) fn until_of(logging: &Logging, now: EventTime) -> Option<Option<EventTime>> {
    let until = logging.stopped.filter(|_| !logging.is_on);
    let is_early = until.is_some_and(|until| now.as_seconds() <= until.as_seconds() + STOP_GRACE_SECONDS);
    (!is_early).then_some(until)
}

/// Begins after a start that was not seen yet; says whether anything changed. A trail that was stopped and started again
/// between two looks goes on where it was, and leaves out what lies between the two.
fn begin(progress: &mut Progress, logging: &Logging) -> bool {
    if progress.start == logging.starts {
        return false;
    }
    if progress.is_stopped {
        progress.is_stopped = false;
        (progress.cursor, progress.overlap) = logging.resume(progress.start, progress.cursor, progress.stopped);
        progress.chains.clear();
    }
    progress.start = logging.starts;
    true
}
