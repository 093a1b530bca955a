//! How often every value occurs, counted while events are made, so that a benchmark knows the right answers.

use crate::population::{PEOPLE, Population, Resource};
use crate::template::Template;

/// Event ids that are kept for lookups.
pub(crate) const EVENT_IDS_MAX: u64 = 100;

/// Events that have some value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// All of them.
    pub(crate) events: u64,
    /// Management events of the home account and region: what LookupEvents finds there.
    pub(crate) lookups: u64,
}

impl Count {
    pub(crate) fn add(&mut self, is_lookup: bool) {
        self.events += 1;
        self.lookups += u64::from(is_lookup);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.lookups += other.lookups;
    }
}

/// Counts of one worker, or of all.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) templates: Vec<Count>,
    /// By user, for names.
    pub(crate) users: Vec<Count>,
    /// By user, for keys: calls with keys of a session do not count.
    pub(crate) user_keys: Vec<Count>,
    /// By role, for the name of its program.
    pub(crate) programs: Vec<Count>,
    pub(crate) people: Vec<Count>,
    /// By class and number, as far as any was met.
    pub(crate) resources: Vec<Vec<Count>>,
    /// Ids of management events at home.
    pub(crate) event_ids: Vec<String>,
    /// Records written, those that occur twice twice.
    pub(crate) records: u64,
    pub(crate) json_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) files: u64,
}

impl Tally {
    pub(crate) fn new(population: &Population, templates: &[Template], classes: usize) -> Self {
        Self {
            templates: vec![Count::default(); templates.len()],
            users: vec![Count::default(); population.users.len()],
            user_keys: vec![Count::default(); population.users.len()],
            programs: vec![Count::default(); population.roles.len()],
            people: vec![Count::default(); PEOPLE],
            resources: vec![Vec::new(); classes],
            event_ids: Vec::new(),
            records: 0,
            json_bytes: 0,
            file_bytes: 0,
            files: 0,
        }
    }

    pub(crate) fn add_resource(&mut self, class: usize, resource: Resource, is_lookup: bool) {
        // One that is met only once needs no count.
        let Resource::Known(number) = resource else { return };
        let counts = &mut self.resources[class];
        let number = number as usize;
        if counts.len() <= number {
            counts.resize(number + 1, Count::default());
        }
        counts[number].add(is_lookup);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        merge_counts(&mut self.templates, &other.templates);
        merge_counts(&mut self.users, &other.users);
        merge_counts(&mut self.user_keys, &other.user_keys);
        merge_counts(&mut self.programs, &other.programs);
        merge_counts(&mut self.people, &other.people);
        for (counts, others) in self.resources.iter_mut().zip(&other.resources) {
            merge_counts(counts, others);
        }
        self.event_ids.extend(other.event_ids);
        self.records += other.records;
        self.json_bytes += other.json_bytes;
        self.file_bytes += other.file_bytes;
        self.files += other.files;
    }
}

fn merge_counts(counts: &mut Vec<Count>, others: &[Count]) {
    if counts.len() < others.len() {
        counts.resize(others.len(), Count::default());
    }
    for (count, other) in counts.iter_mut().zip(others) {
        count.merge(*other);
    }
}
