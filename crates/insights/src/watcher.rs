//! Observes what is recorded, and records what is unusual.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{AccountId, EventCategory, EventTime, InsightSubject};
use store::{AttributeFilter, EventQuery, EventStore, StoreError};
use tokio::time::{Instant, MissedTickBehavior};

use crate::analysis::{Analysis, IdSource, Settings};
use crate::insight_event::InsightEvent;
use crate::observation::Observation;
use crate::series::HISTORY_MINUTES;
use crate::snapshot::{Snapshot, SnapshotError};

/// How often it is looked whether there is something to observe.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Events that are observed at once.
const EVENTS_AT_ONCE: usize = 4096;
/// How often what was learned is kept although nothing unusual happened, seconds: what comes behind it is observed again
/// after a restart.
const SNAPSHOT_SECONDS: i64 = 15 * 60;

/// Who wants to be told.
pub trait Watch: Send + Sync + 'static {
    /// Whether anybody wants to be told of anything.
    fn is_needed(&self) -> bool;

    /// Whether somebody wants to be told of unusual activity in an account and region that began at a time.
    fn wants(&self, account: AccountId, region: &str, subject: &InsightSubject, began: EventTime) -> bool;
}

/// Watches over a store as long as anybody wants it to, and learns nothing at other times.
pub struct Watcher {
    /// Recorded events; Insights events are appended to it.
    pub store: EventStore,
    /// Who wants to be told.
    pub watch: Arc<dyn Watch>,
    /// Where what was learned is kept: the data folder of the store, whose numbers it speaks of.
    pub folder: PathBuf,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
    /// Gives ids to Insights events.
    pub new_id: IdSource,
    /// Settings.
    pub settings: Settings,
    /// What was learned, once it was read.
    pub learned: Learned,
}

/// What a watcher knows.
#[derive(Debug, Default)]
pub struct Learned {
    snapshot: Option<Snapshot>,
    /// Time of the last snapshot.
    kept: Option<EventTime>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watcher").field("folder", &self.folder).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("the events cannot be read or appended")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("an observation ended by a defect")]
    Task(#[from] tokio::task::JoinError),
}

impl Watcher {
    /// Watches until it is dropped; everything that it does is safe to break off.
    pub async fn run(mut self) {
        let mut timer = tokio::time::interval(LOOK_INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_failed = false;
        loop {
            timer.tick().await;
            let outcome = self.look().await;
            if let Err(error) = &outcome
                && !has_failed
            {
                let error = error as &dyn std::error::Error;
                tracing::error!(error, "Insights cannot be told; it is tried again");
            }
            has_failed = outcome.is_err();
        }
    }

    /// Observes what was recorded until now, and records what is unusual in it. What fails is reported, and tried again the
    /// next time.
    ///
    /// # Errors
    /// The store or the snapshot cannot be used. Nothing is lost or recorded twice because of it.
    pub async fn look_once(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.look().await?)
    }

    async fn look(&mut self) -> Result<(), WatchError> {
        if !self.watch.is_needed() {
            if self.learned.snapshot.take().is_some() || self.learned.kept.is_none() {
                Snapshot::remove(&self.folder)?;
                self.learned.kept = Some((self.clock)());
            }
            return Ok(());
        }
        let mut snapshot = match self.learned.snapshot.take() {
            Some(snapshot) => snapshot,
            None => self.begin().await?,
        };
        let outcome = self.observe_and_tell(&mut snapshot).await;
        // What was observed was observed, whatever failed behind it; a snapshot that was lost on the way is read again.
        self.learned.snapshot = Some(snapshot).filter(|_| !matches!(outcome, Err(WatchError::Task(_))));
        outcome
    }

    /// What was kept, or a beginning: with the events of a week that were recorded before.
    async fn begin(&mut self) -> Result<Snapshot, WatchError> {
        let now = (self.clock)();
        self.learned.kept = Some(now);
        let newest = self.store.newest_sequence();
        if let Some(snapshot) = Snapshot::read(&self.folder)?.filter(|snapshot| snapshot.cursor <= newest) {
            return Ok(snapshot);
        }
        let start = EventTime::from_seconds(now.as_seconds() - HISTORY_MINUTES * 60);
        let cursor = self.cursor_at(start, newest).await?;
        tracing::info!(events = newest - cursor, "Insights learn what is usual from the recorded events");
        Ok(Snapshot::new(cursor, Analysis::begin(now)))
    }

    /// About the number of the last event before a time: numbers go up with time, but for calls that took long. Imported
    /// events have numbers of their own, and are none of what happens here.
    async fn cursor_at(&self, time: EventTime, newest: u64) -> Result<u64, StoreError> {
        let (mut before, mut behind) = (0, newest);
        while before < behind {
            let middle = before.midpoint(behind);
            match self.store.after_sequence(middle, 1).await?.first() {
                Some(event) if event.index.event_time < time => before = event.sequence,
                _ => behind = middle,
            }
        }
        Ok(before.min(newest))
    }

    async fn observe_and_tell(&mut self, snapshot: &mut Snapshot) -> Result<(), WatchError> {
        let now = (self.clock)();
        self.observe(snapshot).await?;
        let wants =
            |account, region: &str, subject: &InsightSubject, began| self.watch.wants(account, region, subject, began);
        let told = snapshot.analysis.close_minutes(now, self.settings, &self.new_id, &wants);
        let is_due = self.learned.kept.is_none_or(|kept| now.as_seconds() - kept.as_seconds() >= SNAPSHOT_SECONDS);
        if !told.is_empty() || is_due {
            snapshot.outbox.extend(told);
            // The commit point: from here on these events come to be, once.
            self.keep(snapshot).await?;
            self.learned.kept = Some(now);
        }
        while let Some(event) = snapshot.outbox.first() {
            self.record(event).await?;
            snapshot.outbox.remove(0);
        }
        Ok(())
    }

    async fn observe(&self, snapshot: &mut Snapshot) -> Result<(), WatchError> {
        let newest = self.store.newest_sequence();
        while snapshot.cursor < newest {
            let began = Instant::now();
            let events = self.store.after_sequence(snapshot.cursor, EVENTS_AT_ONCE).await?;
            let Some(last) = events.last().map(|event| event.sequence) else { break };
            let (is_full, mut analysis) = (events.len() == EVENTS_AT_ONCE, std::mem::take(&mut snapshot.analysis));
            snapshot.analysis = tokio::task::spawn_blocking(move || {
                for event in &events {
                    if let Some(seen) = Observation::of(event) {
                        analysis.observe(&seen);
                    }
                }
                analysis
            })
            .await?;
            snapshot.cursor = last;
            if is_full {
                // Whoever records comes first: no more than half of a core goes into a long history.
                tokio::time::sleep(began.elapsed()).await;
            }
        }
        Ok(())
    }

    async fn keep(&self, snapshot: &mut Snapshot) -> Result<(), WatchError> {
        let (folder, kept) = (self.folder.clone(), std::mem::take(snapshot));
        let (kept, written) = tokio::task::spawn_blocking(move || {
            let written = kept.write(&folder);
            (kept, written)
        })
        .await?;
        *snapshot = kept;
        Ok(written?)
    }

    /// Appends an event, if it is not in the store since before a crash or an answer that was lost.
    async fn record(&self, event: &InsightEvent) -> Result<(), WatchError> {
        let query = EventQuery {
            categories: vec![EventCategory::Insight],
            attributes: vec![AttributeFilter::EventId(event.event_id.clone())],
            limit: 1,
            ..EventQuery::default()
        };
        if self.store.lookup(query).await?.events.is_empty() {
            self.store.append(Bytes::from(event.record.clone()), None).await?;
        }
        Ok(())
    }
}
