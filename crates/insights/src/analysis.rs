//! All series, and their minutes.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use model::{AccountId, EventTime, InsightSubject};
use serde::{Deserialize, Serialize};

use crate::counts::{Calls, Names};
use crate::insight_event::{InsightEvent, Told};
use crate::judgement::levels;
use crate::observation::Observation;
use crate::series::{HISTORY_MINUTES, OpenInsight, RECENT_MINUTES, Series, SeriesKey, WINDOW_MINUTES};

/// Most operations, accounts, regions and error codes that are watched: those that were quiet for longest make room.
const SERIES_MAX: usize = 20_000;
/// How many make room at once.
const SERIES_DROPPED: usize = SERIES_MAX / 20;
/// How long after its end a minute is judged, seconds: calls are recorded when they end.
const LATENESS_SECONDS: i64 = 30;
/// How often what is old is forgotten, minutes.
const TIDY_MINUTES: i64 = 60;

/// Gives a new UUID each time.
pub type IdSource = Arc<dyn Fn() -> String + Send + Sync>;

/// What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long is learned before anything is called unusual, minutes.
    pub learning_minutes: i64,
}

impl Settings {
    /// A day has been seen once then. The original takes up to 36 hours.
    pub const LEARNING_DEFAULT: Duration = Duration::from_secs(24 * 3600);

    /// Settings with so much time to learn, in whole minutes.
    pub fn learning(time: Duration) -> Self {
        Self { learning_minutes: i64::try_from(time.as_secs() / 60).unwrap_or(i64::MAX) }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::learning(Self::LEARNING_DEFAULT)
    }
}

/// What was learned of all operations.
///
/// It is fed with events in any order ([`Analysis::observe`]), and judges minutes one after another
/// ([`Analysis::close_minutes`]).
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Analysis {
    #[serde(with = "as_pairs")]
    series: HashMap<SeriesKey, Series>,
    /// The last minute that was judged.
    closed: i64,
    /// The oldest minute with an event.
    learned_since: Option<i64>,
    #[serde(skip)]
    names: Names,
}

impl Analysis {
    /// One that knows nothing, and judges the minutes behind this time.
    pub fn begin(now: EventTime) -> Self {
        Self { closed: last_over(now), ..Self::default() }
    }

    /// Brings texts that are the same together, after it was read.
    pub(crate) fn intern(&mut self) {
        for series in self.series.values_mut() {
            series.intern(&mut self.names);
        }
    }

    /// Number of operations that are watched.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Counts an event.
    pub fn observe(&mut self, seen: &Observation<'_>) {
        if seen.minute <= self.closed - HISTORY_MINUTES {
            return;
        }
        self.learned_since = Some(self.learned_since.map_or(seen.minute, |since| since.min(seen.minute)));
        let mut key = SeriesKey {
            account: seen.account,
            region: self.names.intern(seen.region),
            event_source: self.names.intern(seen.event_source),
            event_name: self.names.intern(seen.event_name),
            error_code: None,
        };
        let arn = seen.user_identity_arn.as_deref().map(|arn| self.names.intern(arn));
        let agent = seen.user_agent.as_deref().map(|agent| self.names.intern(agent));
        let code = seen.error_code.map(|code| self.names.intern(code));
        let add = |calls: &mut Calls, outcome: Option<&Arc<str>>| {
            calls.total = calls.total.saturating_add(1);
            if let Some(arn) = &arn {
                calls.user_identity_arns.add(arn, 1);
            }
            if let Some(agent) = &agent {
                calls.user_agents.add(agent, 1);
            }
            if let Some(outcome) = outcome {
                calls.error_codes.add(outcome, 1);
            }
        };
        if seen.is_write {
            let outcome = code.clone().unwrap_or_else(|| self.names.intern("null"));
            self.count(key.clone(), seen.minute, |calls| add(calls, Some(&outcome)));
        }
        if code.is_some() {
            key.error_code = code;
            self.count(key, seen.minute, |calls| add(calls, None));
        }
    }

    fn count(&mut self, key: SeriesKey, minute: i64, add: impl FnOnce(&mut Calls)) {
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            self.make_room();
        }
        let series = self.series.entry(key).or_default();
        if minute > self.closed - RECENT_MINUTES {
            add(series.recent_minute(minute));
        } else {
            let mut calls = Calls::default();
            add(&mut calls);
            series.add_to_history(minute, &calls);
        }
    }

    fn make_room(&mut self) {
        let mut quiet: Vec<(i64, SeriesKey)> = self
            .series
            .iter()
            .filter(|(_, series)| series.open.is_none())
            .map(|(key, series)| (series.newest(), key.clone()))
            .collect();
        quiet.sort_unstable();
        for (_, key) in quiet.into_iter().take(SERIES_DROPPED) {
            self.series.remove(&key);
        }
    }

    /// Judges the minutes that are over. Everything that was recorded until `now` must have been observed. `wants` says
    /// whether anybody wants to be told of unusual activity that began at a time.
    pub fn close_minutes(
        &mut self,
        now: EventTime,
        settings: Settings,
        new_id: &IdSource,
        wants: &dyn Fn(AccountId, &str, &InsightSubject, EventTime) -> bool,
    ) -> Vec<InsightEvent> {
        let mut told = Vec::new();
        while self.closed < last_over(now) {
            if self.series.values().all(|series| series.recent.is_empty() && series.open.is_none()) {
                // Nothing can be said of minutes without calls.
                self.closed = last_over(now);
                break;
            }
            self.closed += 1;
            let minute = self.closed;
            let learned_since = self.learned_since.unwrap_or(minute);
            let may_begin = minute - learned_since >= settings.learning_minutes;
            for (key, series) in &mut self.series {
                if series.recent.is_empty() && series.open.is_none() {
                    continue;
                }
                series.fold(minute - RECENT_MINUTES);
                let event = match series.open {
                    Some(_) => end(key, series, minute, new_id),
                    None if may_begin => begin(key, series, minute, learned_since, new_id, wants),
                    None => None,
                };
                told.extend(event);
            }
            if minute % TIDY_MINUTES == 0 {
                self.series.retain(|_, series| series.tidy(minute));
                self.names.tidy();
            }
        }
        told
    }
}

/// The last minute that is over at a time.
fn last_over(now: EventTime) -> i64 {
    (now.as_seconds() - LATENESS_SECONDS).div_euclid(60) - 1
}

/// The first record of an Insight, if the minutes up to this one are unusual.
fn begin(
    key: &SeriesKey,
    series: &mut Series,
    minute: i64,
    learned_since: i64,
    new_id: &IdSource,
    wants: &dyn Fn(AccountId, &str, &InsightSubject, EventTime) -> bool,
) -> Option<InsightEvent> {
    let first = minute - WINDOW_MINUTES + 1;
    let total = f64::from(series.total_between(first, minute));
    // The levels are never lower than for an operation that was never called.
    if total <= levels(&Series::default(), minute, 0.0).begin {
        return None;
    }
    let average = series.baseline(first, learned_since).average;
    let levels = levels(series, minute, average);
    if total <= levels.begin {
        return None;
    }
    let unusual = minutes_above(series, first, minute, levels.end);
    let (start, last_unusual) = (unusual.first().copied()?, unusual.last().copied()?);
    if !wants(key.account, &key.region, &key.subject(), EventTime::from_seconds(start * 60)) {
        return None;
    }
    let open = OpenInsight {
        shared_event_id: new_id(),
        start,
        baseline: series.baseline(start, learned_since),
        last_unusual,
        calls: series.calls_between(start, last_unusual),
    };
    let average = per_minute(total, WINDOW_MINUTES);
    let told = Told {
        key,
        state: "Start",
        event_id: new_id(),
        shared_event_id: &open.shared_event_id,
        minute: start,
        baseline: &open.baseline,
        average,
        minutes: WINDOW_MINUTES,
        attributions: &series.calls_between(first, minute).attributions(average),
    };
    let event = told.into_event();
    series.open = Some(open);
    Some(event)
}

/// The last record of an Insight, if the minutes up to this one are normal again.
fn end(key: &SeriesKey, series: &mut Series, minute: i64, new_id: &IdSource) -> Option<InsightEvent> {
    let mut open = series.open.take()?;
    let first = minute - WINDOW_MINUTES + 1;
    let levels = levels(series, minute, open.baseline.average);
    if let Some(last) = minutes_above(series, open.last_unusual + 1, minute, levels.end).last() {
        open.calls.merge(&series.calls_between(open.last_unusual + 1, *last));
        open.last_unusual = *last;
    }
    if f64::from(series.total_between(first, minute)) > levels.end {
        series.open = Some(open);
        return None;
    }
    let minutes = open.last_unusual - open.start + 1;
    let average = per_minute(f64::from(open.calls.total), minutes);
    let told = Told {
        key,
        state: "End",
        event_id: new_id(),
        shared_event_id: &open.shared_event_id,
        minute: open.last_unusual + 1,
        baseline: &open.baseline,
        average,
        minutes,
        attributions: &open.calls.attributions(average),
    };
    Some(told.into_event())
}

/// The minutes with more calls than a number in five minutes allows each.
fn minutes_above(series: &Series, first: i64, last: i64, calls_of_window: f64) -> Vec<i64> {
    let above = calls_of_window / per_minute_divisor(WINDOW_MINUTES);
    let minutes = series.recent.iter().filter(|(minute, _)| (first..=last).contains(minute));
    minutes.filter(|(_, calls)| f64::from(calls.total) > above).map(|(minute, _)| *minute).collect()
}

fn per_minute(calls: f64, minutes: i64) -> f64 {
    calls / per_minute_divisor(minutes)
}

#[expect(clippy::cast_precision_loss, reason = "minutes of days are far below 2^53")]
fn per_minute_divisor(minutes: i64) -> f64 {
    minutes.max(1) as f64
}

/// A map whose keys are no texts, as a list of pairs.
mod as_pairs {
    use hashbrown::HashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Series, SeriesKey};

    pub(super) fn serialize<S: Serializer>(map: &HashMap<SeriesKey, Series>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs: Vec<_> = map.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        pairs.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashMap<SeriesKey, Series>, D::Error> {
        Ok(Vec::<(SeriesKey, Series)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
