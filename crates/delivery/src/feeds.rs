//! Sends events as they are recorded: to the log groups of trails, and to event buses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use model::EventTime;
use store::EventStore;
use tokio::time::{Instant, MissedTickBehavior};
use trails::{
    EVENT_BUS_FEED, FeedProgress, Logging, Organization, RegistryError, Trail, TrailRegistry, log_group_feed,
};

use crate::event_bus;
use crate::log_entries;
use crate::selection::{Selection, Until, select};
use crate::sink::{BusEvent, EventBusSink, LogGroupSink, PutError};
use crate::worker::until_of;

/// How often it is looked whether there is something to send: a receiver has it well within the seconds in which the
/// original is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of records that are sent between two notes: most of a request to a log group.
const LOG_GROUP_BYTES: usize = 768 * 1024;
/// Events that are looked at between two notes of the event buses.
const BUS_EVENTS: usize = 512;
/// Requests to event buses that are under way at once.
const BUS_REQUESTS: usize = 4;
/// How long a trail that was stopped still counts for the event buses: events from before its stop come behind it.
const STOPPED_SECONDS: i64 = 60;
/// Wait after a failure; it doubles with each that follows.
const RETRY_WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait after a failure.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);
/// Said by AWS's own EventBridge, which has these events from AWS's own CloudTrail.
const NOT_AUTHORIZED_FOR_SOURCE: &str = "NotAuthorizedForSourceException";

/// Feeds of an installation.
pub struct Feeds {
    /// Recorded events.
    pub store: EventStore,
    /// The trails.
    pub registry: Arc<TrailRegistry>,
    /// Log groups.
    pub log_groups: Arc<dyn LogGroupSink>,
    /// Event buses, where there are some.
    pub event_bus: Option<Arc<dyn EventBusSink>>,
    /// The organization of this installation, if it has one.
    pub organization: Option<Arc<Organization>>,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Feeds").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("the events cannot be read")]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Refused(#[from] PutError),
}

/// When a feed that failed is tried again.
#[derive(Debug, Default)]
struct Retries(BTreeMap<String, (Instant, Duration)>);

impl Retries {
    fn is_due(&self, name: &str) -> bool {
        self.0.get(name).is_none_or(|(at, _)| *at <= Instant::now())
    }

    /// Takes the outcome of a feed.
    fn note(&mut self, name: &str, outcome: Result<(), FeedError>) {
        let Err(error) = outcome else {
            self.0.remove(name);
            return;
        };
        let wait = self.0.get(name).map_or(RETRY_WAIT_MIN, |(_, wait)| (*wait * 2).min(RETRY_WAIT_MAX));
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, feed = name, wait_seconds = wait.as_secs(), "events cannot be sent; it is tried again");
        self.0.insert(name.to_owned(), (Instant::now() + wait, wait));
    }
}

impl Feeds {
    /// Sends until it is dropped; everything that it does is safe to break off.
    pub async fn run(&self) {
        let log_groups = async {
            let (mut retries, mut timer) = (Retries::default(), timer());
            loop {
                timer.tick().await;
                self.feed_log_groups(&mut retries).await;
            }
        };
        let event_buses = async {
            let (mut retries, mut timer) = (Retries::default(), timer());
            loop {
                timer.tick().await;
                self.feed_event_buses(&mut retries).await;
            }
        };
        tokio::join!(log_groups, event_buses);
    }

    /// Sends once what is there to be sent. What fails is reported and tried again the next time.
    pub async fn send_once(&self) {
        self.feed_log_groups(&mut Retries::default()).await;
        self.feed_event_buses(&mut Retries::default()).await;
    }

    async fn feed_log_groups(&self, retries: &mut Retries) {
        for trail in self.registry.with_ended() {
            let name = log_group_feed(&trail.key());
            if let Some(group) = trail.log_group_arn.as_deref().filter(|_| retries.is_due(&name)) {
                let outcome = self.feed_log_group(&trail, group, &name).await;
                retries.note(&name, outcome);
            }
        }
    }

    async fn feed_event_buses(&self, retries: &mut Retries) {
        if let Some(sink) = self.event_bus.as_ref().filter(|_| retries.is_due(EVENT_BUS_FEED)) {
            let outcome = self.feed_event_bus(&**sink).await;
            retries.note(EVENT_BUS_FEED, outcome);
        }
    }

    fn now(&self) -> EventTime {
        (self.clock)()
    }

    async fn feed_log_group(&self, trail: &Arc<Trail>, group: &str, name: &str) -> Result<(), FeedError> {
        let known = self.registry.feed(name);
        // A group that was given to a trail has what is recorded behind that, from the start that holds then.
        let mut progress = known.map_or_else(
            || FeedProgress {
                is_stopped: true,
                start: trail.logging.starts.saturating_sub(1),
                ..FeedProgress::default()
            },
            |progress| FeedProgress::clone(&progress),
        );
        begin(&mut progress, &trail.logging);
        progress.cursor = progress.cursor.max(trail.log_group_behind);
        let Some(until) = until_of(&trail.logging, self.now()).filter(|_| !progress.is_stopped) else { return Ok(()) };
        let newest = self.store.newest_sequence();
        while progress.cursor < newest {
            let taking = trail.taking(until, progress.overlap.clone());
            let selection = Selection::new(trail, taking, self.organization.as_ref());
            let looked = select(&self.store, &selection, progress.cursor, Until::Bytes(LOG_GROUP_BYTES)).await?;
            if looked.to == progress.cursor {
                break;
            }
            for (stream, entries) in log_entries::requests(trail, self.organization.as_deref(), &looked) {
                if let Err(refusal) = self.log_groups.put_entries(group, &stream, &entries).await {
                    progress.latest_error = Some(refusal.to_string());
                    self.registry.note_feed(name, progress).await?;
                    return Err(refusal.into());
                }
                progress.latest_delivery = Some(self.now());
                progress.latest_error = None;
            }
            progress.cursor = looked.to;
            self.registry.note_feed(name, progress.clone()).await?;
        }
        if until.is_some() {
            progress.is_stopped = true;
            progress.stopped = until;
            self.registry.note_feed(name, progress).await?;
        }
        Ok(())
    }

    async fn feed_event_bus(&self, sink: &dyn EventBusSink) -> Result<(), FeedError> {
        let newest = self.store.newest_sequence();
        let Some(known) = self.registry.feed(EVENT_BUS_FEED) else {
            // What was recorded before there was this feed is no news to anybody.
            let progress = FeedProgress { cursor: newest, ..FeedProgress::default() };
            return Ok(self.registry.note_feed(EVENT_BUS_FEED, progress).await?);
        };
        let mut progress = FeedProgress::clone(&known);
        let coverage = self.coverage();
        if coverage.is_empty() {
            // No trail selected what is there by now, and one that starts later takes what is recorded behind that.
            progress.cursor = progress.cursor.max(newest);
        }
        while progress.cursor < newest {
            let events = self.store.after_sequence(progress.cursor, BUS_EVENTS).await?;
            let Some(last) = events.last().map(|event| event.sequence) else { break };
            let mut regions: BTreeMap<String, Vec<_>> = BTreeMap::new();
            for event in &events {
                let covers = |(behind, selection): &&(u64, Selection)| {
                    event.sequence > *behind && selection.place_of(event).is_some()
                };
                if let (Some(region), Some(_)) = (&event.index.region, coverage.iter().find(covers))
                    && let Some(bus_event) = event_bus::bus_event(event)
                {
                    regions.entry(region.to_string()).or_default().push(bus_event);
                }
            }
            let sends = regions.into_iter().flat_map(|(region, events)| {
                event_bus::requests(events).into_iter().map(move |request| (region.clone(), request))
            });
            let sends: Vec<_> = sends.collect();
            if !sends.is_empty() {
                match send_all(sink, &sends).await {
                    Ok(()) => progress.latest_delivery = Some(self.now()),
                    Err(refusal) if refusal.code == NOT_AUTHORIZED_FOR_SOURCE => {}
                    Err(refusal) => return Err(refusal.into()),
                }
                progress.cursor = last;
                self.registry.note_feed(EVENT_BUS_FEED, progress.clone()).await?;
            }
            progress.cursor = last;
        }
        if progress.cursor != known.cursor {
            self.registry.note_feed(EVENT_BUS_FEED, progress).await?;
        }
        Ok(())
    }

    /// The trails that log: EventBridge gets what at least one of them selects.
    fn coverage(&self) -> Vec<(u64, Selection)> {
        let now = self.now().as_seconds();
        let covers = |trail: &Arc<Trail>| {
            let until = trail.logging.stopped.filter(|_| !trail.logging.is_on);
            let is_running =
                trail.logging.is_on || until.is_some_and(|until| now - until.as_seconds() < STOPPED_SECONDS);
            is_running.then(|| {
                let selection = Selection::new(trail, trail.taking(until, None), self.organization.as_ref());
                // Pauses that are known tell it more exactly.
                let is_known = !trail.logging.pauses.is_empty();
                (if is_known { 0 } else { trail.logging.started_behind }, selection)
            })
        };
        self.registry.with_ended().iter().filter_map(covers).collect()
    }
}

async fn send_all(sink: &dyn EventBusSink, sends: &[(String, Vec<BusEvent>)]) -> Result<(), PutError> {
    let sends: Vec<_> = sends.iter().map(|(region, events)| sink.put_events(region, events)).collect();
    futures::stream::iter(sends).buffer_unordered(BUS_REQUESTS).try_collect().await
}

fn timer() -> tokio::time::Interval {
    let mut timer = tokio::time::interval(LOOK_INTERVAL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// Begins after a start that was not seen yet. A trail that was stopped and started again between two looks goes on where
/// it was, and leaves out what lies between the two.
fn begin(progress: &mut FeedProgress, logging: &Logging) {
    if progress.start == logging.starts {
        return;
    }
    if progress.is_stopped {
        progress.is_stopped = false;
        (progress.cursor, progress.overlap) = logging.resume(progress.start, progress.cursor, progress.stopped);
    }
    progress.start = logging.starts;
}
