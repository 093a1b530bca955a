//! Which events are a trail's, also those that are delivered after it was changed, stopped or started.

use model::selectors::EventSelectors;
use model::{EventTime, InsightSelector};
use serde::{Deserialize, Serialize};

/// Most pauses and past scopes that are kept of a trail whose delivery is stuck. One change a second is what the original
/// takes; behind so many, the oldest go.
const KEPT_MAX: usize = 1000;

/// What of a trail's definition decides which events it takes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Selectors in force.
    pub selectors: EventSelectors,
    /// Whether events of global services are taken.
    pub includes_global_service_events: bool,
    /// Whether events of all regions are taken.
    pub is_multi_region: bool,
    /// Whether events of all accounts of the organization are taken.
    pub is_organization: bool,
    /// Which Insights events are taken.
    #[serde(default)]
    pub insights: Vec<InsightSelector>,
}

/// What a trail took before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastScope {
    /// Number of the newest recorded event when it was changed: the last one that this decides on.
    pub to: u64,
    /// What it took.
    pub scope: Scope,
}

/// A time in which a trail did not log, from a stop to the start behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Time of the stop; `None` for the time before the first start.
    pub stopped: Option<EventTime>,
    /// Number of the newest recorded event at the start.
    pub behind: u64,
    /// Number of that start; see [`crate::Logging::starts`].
    pub start: u64,
}

/// Events that were delivered with an earlier stop, and are looked at again for those that belong to the start behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// Time of that stop.
    pub until: EventTime,
    /// Number of the last event that was looked at then.
    pub to: u64,
}

/// Everything that decides which recorded events are a trail's. A plan keeps its own, so that it is the same plan however
/// often the trail is changed while it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taking {
    /// What is taken now.
    pub scope: Scope,
    /// What was taken before, oldest first, as far as it is still to be delivered.
    pub past: Vec<PastScope>,
    /// When nothing was taken, oldest first, as far as it is still to be passed.
    pub pauses: Vec<Pause>,
    /// Latest event time, where the trail is stopped.
    pub until: Option<EventTime>,
    /// What was delivered before.
    pub overlap: Option<Overlap>,
}

impl Taking {
    /// Whether an event lies in a time in which the trail logs, and was not delivered before a restart. Stops count by
    /// event time, as calls end and are recorded after they began; starts count by number.
    pub fn is_logged(&self, sequence: u64, event_time: EventTime) -> bool {
        let is_behind = |stop: EventTime| event_time.as_seconds() > stop.as_seconds();
        let is_paused = |pause: &Pause| sequence <= pause.behind && pause.stopped.is_none_or(is_behind);
        let is_delivered = |overlap: &Overlap| sequence <= overlap.to && !is_behind(overlap.until);
        !self.until.is_some_and(is_behind)
            && !self.pauses.iter().any(is_paused)
            && !self.overlap.as_ref().is_some_and(is_delivered)
    }
}

/// Adds to what is kept of the past, within its bound.
pub(crate) fn keep<T>(kept: &mut Vec<T>, new: T) {
    if kept.len() >= KEPT_MAX {
        kept.remove(0);
    }
    kept.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_count_by_time_and_starts_by_number() {
        let at = EventTime::from_seconds;
        let taking = Taking {
            pauses: vec![
                Pause { stopped: None, behind: 10, start: 1 },
                Pause { stopped: Some(at(100)), behind: 20, start: 2 },
            ],
            until: Some(at(200)),
            overlap: Some(Overlap { until: at(100), to: 25 }),
            ..Taking::default()
        };
        for (sequence, time, is_logged, why) in [
            (5, 50, false, "before the first start"),
            (15, 50, false, "delivered with the first stop"),
            (15, 150, false, "between stop and start"),
            (22, 100, false, "recorded late, and delivered with the first stop all the same"),
            (26, 100, true, "recorded too late for the first stop"),
            (22, 101, true, "behind the second start"),
            (30, 200, true, "in the second of the last stop"),
            (30, 201, false, "behind the last stop"),
        ] {
            assert_eq!(taking.is_logged(sequence, at(time)), is_logged, "{why}");
        }
    }
}
