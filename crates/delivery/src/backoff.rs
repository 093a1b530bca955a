//! When a trail whose bucket refuses is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use model::EventTime;
use parking_lot::Mutex;
use trails::Trail;

/// Longest wait, unless the interval of deliveries is longer: a bucket that is mended is filled soon after.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Waits of the trails whose last delivery was refused. They double with each refusal that follows, and end with the first
/// file that is taken. They are in memory alone: a new process tries at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Mutex<BTreeMap<String, Wait>>);

#[derive(Debug)]
struct Wait {
    since: EventTime,
    wait: Duration,
    destination: Destination,
}

/// What was refused: another one is tried at once.
type Destination = (String, Option<String>, Option<String>);

fn destination(trail: &Trail) -> Destination {
    (trail.bucket.clone(), trail.prefix.clone(), trail.kms_key_id.clone())
}

impl Backoff {
    /// Whether a trail is to be tried now.
    pub(crate) fn is_due(&self, trail: &Trail, now: EventTime) -> bool {
        let waits = self.0.lock();
        let Some(wait) = waits.get(&trail.key()).filter(|wait| wait.destination == destination(trail)) else {
            return true;
        };
        let waited = u128::try_from(now.as_micros() - wait.since.as_micros());
        // A clock that was set back must not make a wait of it.
        waited.is_err() || waited.is_ok_and(|micros| micros >= wait.wait.as_micros())
    }

    /// Notes a refusal; the first wait is as long as the interval of deliveries.
    pub(crate) fn refused(&self, trail: &Trail, now: EventTime, interval: Duration) {
        let (mut waits, destination) = (self.0.lock(), destination(trail));
        let before = waits.get(&trail.key()).filter(|wait| wait.destination == destination);
        let wait = before.map_or(interval, |before| (before.wait * 2).min(WAIT_MAX.max(interval)));
        waits.insert(trail.key(), Wait { since: now, wait, destination });
    }

    /// Notes that something was taken.
    pub(crate) fn taken(&self, trail: &Trail) {
        self.0.lock().remove(&trail.key());
    }
}
