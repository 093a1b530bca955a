//! What is known of one operation in one account and region: how often it was called, and by whom.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{AccountId, InsightSubject, InsightType};
use serde::{Deserialize, Serialize};

use crate::counts::{Attributions, Calls, Names};

/// Minutes that an Insight is begun and ended by.
pub(crate) const WINDOW_MINUTES: i64 = 5;
/// Minutes in a bucket of the history: as many as in a window, so that the two compare.
pub(crate) const BUCKET_MINUTES: i64 = WINDOW_MINUTES;
/// Length of the baseline. Source: CloudTrail user guide, baselineDuration.
pub(crate) const BASELINE_MINUTES: i64 = 7 * DAY_MINUTES;
pub(crate) const DAY_MINUTES: i64 = 24 * 60;
/// How long the history is: the same time of day a week ago is compared, with what is around it.
pub(crate) const HISTORY_MINUTES: i64 = 8 * DAY_MINUTES;
/// Minutes that are kept apart, with their callers: the window, and what may come late.
pub(crate) const RECENT_MINUTES: i64 = 2 * WINDOW_MINUTES;
/// Minutes whose callers are counted together in the history.
const BLOCK_MINUTES: i64 = 6 * 60;

/// Which operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SeriesKey {
    pub(crate) account: AccountId,
    pub(crate) region: Arc<str>,
    pub(crate) event_source: Arc<str>,
    pub(crate) event_name: Arc<str>,
    /// Where failures with this code are counted, and not calls.
    pub(crate) error_code: Option<Arc<str>>,
}

impl SeriesKey {
    pub(crate) fn subject(&self) -> InsightSubject {
        InsightSubject {
            insight_type: if self.error_code.is_some() { InsightType::ErrorRate } else { InsightType::CallRate },
            event_source: self.event_source.to_string(),
            event_name: self.event_name.to_string(),
        }
    }
}

/// What is known of one operation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Series {
    /// Calls in buckets, oldest first; those without calls are left out. Numbered by their minutes over
    /// [`BUCKET_MINUTES`].
    pub(crate) history: VecDeque<(i64, u32)>,
    /// Callers of the history, oldest first, numbered by their minutes over [`BLOCK_MINUTES`].
    blocks: VecDeque<(i64, Calls)>,
    /// The last minutes, oldest first; those without calls are left out.
    pub(crate) recent: VecDeque<(i64, Calls)>,
    /// Unusual activity that goes on.
    pub(crate) open: Option<OpenInsight>,
}

/// Unusual activity that was told of and has not ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenInsight {
    /// What its start and its end have in common.
    pub(crate) shared_event_id: String,
    /// First minute.
    pub(crate) start: i64,
    pub(crate) baseline: Baseline,
    /// Last minute so far that was unusual.
    pub(crate) last_unusual: i64,
    /// Calls from the first to that minute.
    pub(crate) calls: Calls,
}

/// What was usual before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// Calls a minute.
    pub(crate) average: f64,
    /// Minutes that it is the average of.
    pub(crate) minutes: i64,
    pub(crate) attributions: Attributions,
}

impl Series {
    /// The calls of a minute, to be added to.
    pub(crate) fn recent_minute(&mut self, minute: i64) -> &mut Calls {
        let place = self.recent.partition_point(|(known, _)| *known < minute);
        if self.recent.get(place).is_none_or(|(known, _)| *known != minute) {
            self.recent.insert(place, (minute, Calls::default()));
        }
        &mut self.recent[place].1
    }

    /// The history's calls of a minute, to be added to: their number, and who made them.
    pub(crate) fn add_to_history(&mut self, minute: i64, calls: &Calls) {
        let bucket = minute.div_euclid(BUCKET_MINUTES);
        let place = self.history.partition_point(|(known, _)| *known < bucket);
        match self.history.get_mut(place) {
            Some((known, total)) if *known == bucket => *total = total.saturating_add(calls.total),
            _ => self.history.insert(place, (bucket, calls.total)),
        }
        let block = minute.div_euclid(BLOCK_MINUTES);
        let place = self.blocks.partition_point(|(known, _)| *known < block);
        if self.blocks.get(place).is_none_or(|(known, _)| *known != block) {
            self.blocks.insert(place, (block, Calls::default()));
        }
        self.blocks[place].1.merge(calls);
    }

    /// Puts minutes up to this one into the history.
    pub(crate) fn fold(&mut self, up_to: i64) {
        while let Some((minute, calls)) = self.recent.pop_front_if(|(minute, _)| *minute <= up_to) {
            self.add_to_history(minute, &calls);
        }
    }

    /// Forgets what is older than the history goes; says whether anything is left.
    pub(crate) fn tidy(&mut self, now: i64) -> bool {
        let oldest = now - HISTORY_MINUTES;
        while self.history.pop_front_if(|(bucket, _)| *bucket * BUCKET_MINUTES < oldest).is_some() {}
        while self.blocks.pop_front_if(|(block, _)| (*block + 1) * BLOCK_MINUTES <= oldest).is_some() {}
        !self.history.is_empty() || !self.recent.is_empty() || self.open.is_some()
    }

    /// Newest minute with calls, or about that.
    pub(crate) fn newest(&self) -> i64 {
        let recent = self.recent.back().map(|(minute, _)| *minute);
        recent.or_else(|| self.history.back().map(|(bucket, _)| bucket * BUCKET_MINUTES)).unwrap_or(i64::MIN)
    }

    /// Calls of some minutes, both ends inclusive.
    pub(crate) fn calls_between(&self, first: i64, last: i64) -> Calls {
        let mut calls = Calls::default();
        for (_, other) in self.recent_between(first, last) {
            calls.merge(other);
        }
        calls
    }

    /// The number of calls of some minutes, both ends inclusive.
    pub(crate) fn total_between(&self, first: i64, last: i64) -> u32 {
        self.recent_between(first, last).map(|(_, calls)| calls.total).sum()
    }

    fn recent_between(&self, first: i64, last: i64) -> impl Iterator<Item = &(i64, Calls)> {
        self.recent.iter().filter(move |(minute, _)| (first..=last).contains(minute))
    }

    /// What was usual in the week before a minute, as far as is known: nothing is from before `learned_since`.
    pub(crate) fn baseline(&self, start: i64, learned_since: i64) -> Baseline {
        let from = (start - BASELINE_MINUTES).max(learned_since).div_euclid(BUCKET_MINUTES) * BUCKET_MINUTES;
        let minutes = (start - from).max(1);
        let folded: u64 = self
            .history
            .iter()
            .filter(|(bucket, _)| *bucket * BUCKET_MINUTES >= from)
            .map(|(_, total)| u64::from(*total))
            .sum();
        let mut calls = self.calls_between(from, start - 1);
        let total = folded + u64::from(calls.total);
        for (block, other) in &self.blocks {
            if (block + 1) * BLOCK_MINUTES > from {
                calls.merge(other);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "calls of a week are far below 2^53")]
        let average = total as f64 / minutes as f64;
        Baseline { average, minutes, attributions: calls.attributions(average) }
    }

    pub(crate) fn intern(&mut self, names: &mut Names) {
        for (_, calls) in self.blocks.iter_mut().chain(&mut self.recent) {
            calls.intern(names);
        }
        if let Some(open) = &mut self.open {
            open.calls.intern(names);
        }
    }
}
