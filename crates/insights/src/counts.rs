//! Who called, with what, how it failed, and how often.

use std::sync::Arc;

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

/// Most values that are counted apart. Beyond it the rarest makes room and leaves its count to the newcomer (the
/// space-saving algorithm), so that a value that makes up more than one call in so many is always among them.
const VALUES_MAX: usize = 128;
/// Values that are shown. Source: CloudTrail user guide, attributions.
const VALUES_SHOWN: usize = 5;

/// Texts, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Arc<str> {
        self.0.get_or_insert_with(text, |text| Arc::from(text)).clone()
    }

    /// Forgets those that nothing holds any more.
    pub(crate) fn tidy(&mut self) {
        self.0.retain(|name| Arc::strong_count(name) > 1);
    }
}

/// How often each value came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Counts(Vec<(Arc<str>, u32)>);

impl Counts {
    pub(crate) fn add(&mut self, value: &Arc<str>, count: u32) {
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| known == value) {
            *known = known.saturating_add(count);
        } else if self.0.len() < VALUES_MAX {
            self.0.push((Arc::clone(value), count));
        } else if let Some(rarest) = self.0.iter_mut().min_by_key(|(_, known)| *known) {
            *rarest = (Arc::clone(value), rarest.1.saturating_add(count));
        }
    }

    /// Those that came most often, with their counts.
    fn most(&self) -> Vec<(Arc<str>, u32)> {
        let mut sorted = self.0.clone();
        sorted.sort_by(|(left, left_count), (right, right_count)| right_count.cmp(left_count).then(left.cmp(right)));
        sorted.truncate(VALUES_SHOWN);
        sorted
    }

    fn merge(&mut self, other: &Self) {
        for (value, count) in &other.0 {
            self.add(value, *count);
        }
    }

    fn intern(&mut self, names: &mut Names) {
        for (value, _) in &mut self.0 {
            *value = names.intern(value);
        }
    }
}

/// A value with its average a minute.
pub(crate) type Average = (Arc<str>, f64);

/// Calls, and who and what made them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// All of them.
    pub(crate) total: u32,
    /// ARNs of callers.
    pub(crate) user_identity_arns: Counts,
    /// User agents.
    pub(crate) user_agents: Counts,
    /// Error codes; `null` stands for success.
    pub(crate) error_codes: Counts,
}

/// The values of each attribute that came most often.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Attributions {
    pub(crate) user_identity_arns: Vec<Average>,
    pub(crate) user_agents: Vec<Average>,
    pub(crate) error_codes: Vec<Average>,
}

impl Calls {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.user_identity_arns.merge(&other.user_identity_arns);
        self.user_agents.merge(&other.user_agents);
        self.error_codes.merge(&other.error_codes);
    }

    /// Averages of the values, where all calls together have this average.
    pub(crate) fn attributions(&self, average: f64) -> Attributions {
        let total = f64::from(self.total.max(1));
        let averages = |counts: &Counts| {
            counts.most().into_iter().map(|(value, count)| (value, average * f64::from(count) / total)).collect()
        };
        Attributions {
            user_identity_arns: averages(&self.user_identity_arns),
            user_agents: averages(&self.user_agents),
            error_codes: averages(&self.error_codes),
        }
    }

    pub(crate) fn intern(&mut self, names: &mut Names) {
        self.user_identity_arns.intern(names);
        self.user_agents.intern(names);
        self.error_codes.intern(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_values_are_never_lost_among_rare_ones() {
        let (mut names, mut calls) = (Names::default(), Calls::default());
        let often = names.intern("often");
        for number in 0..10_000 {
            let value = if number % 50 == 7 { Arc::clone(&often) } else { names.intern(&format!("once-{number}")) };
            calls.user_agents.add(&value, 1);
            calls.total += 1;
        }
        let most = calls.attributions(100.0).user_agents;
        assert_eq!((most.len(), &*most[0].0), (VALUES_SHOWN, "often"));
        drop((calls, most));
        names.tidy();
        assert_eq!(names.0.len(), 1);
    }
}
