//! What was made, with values to look for: frequent, rare and absent ones of every lookup attribute, exactly counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::population::{Population, Resource, ResourceKind};
use crate::random::{Random, hash};
use crate::shape;
use crate::tally::{Count, Tally};
use crate::template::Template;

/// Most values of a kind.
const VALUES_MAX: usize = 40;
/// A rare value has at least and at most so many events.
const RARE: std::ops::RangeInclusive<u64> = 10..=100;

/// The manifest, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest {
    pub(crate) seed: u64,
    /// Different events.
    pub(crate) events: u64,
    /// Records in the files: more than events if some stand there twice.
    pub(crate) records: u64,
    pub(crate) files: u64,
    pub(crate) json_bytes: u64,
    pub(crate) file_bytes: u64,
    /// End of the period, RFC 3339.
    pub(crate) until: String,
    pub(crate) days: u32,
    pub(crate) home: Home,
    /// By lookup attribute.
    pub(crate) values: BTreeMap<&'static str, Values>,
}

/// The account and region with most events, whose lookups are counted.
#[derive(Debug, Serialize)]
pub(crate) struct Home {
    pub(crate) account: String,
    pub(crate) region: &'static str,
    pub(crate) events: u64,
    pub(crate) lookups: u64,
}

/// Values to look for, by how many lookups find them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Values {
    frequent: Vec<Value>,
    rare: Vec<Value>,
    absent: Vec<String>,
}

/// A value and its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Value {
    pub(crate) value: String,
    pub(crate) events: u64,
    pub(crate) lookups: u64,
}

impl Values {
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.frequent.iter().chain(&self.rare)
    }

    /// `counts` with a number each, and how a number is written as a value.
    fn choose<T: Clone>(mut counts: Vec<(T, Count)>, write: impl Fn(&T) -> String, absent: Vec<String>) -> Self {
        counts.retain(|(_, count)| count.lookups > 0);
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(count.lookups));
        let value =
            |(what, count): &(T, Count)| Value { value: write(what), events: count.events, lookups: count.lookups };
        let frequent = counts.iter().take(VALUES_MAX / 2).filter(|(_, count)| count.lookups > *RARE.end());
        let rare: Vec<_> = counts.iter().filter(|(_, count)| RARE.contains(&count.lookups)).collect();
        let step = rare.len().div_ceil(VALUES_MAX).max(1);
        Self {
            frequent: frequent.map(value).collect(),
            rare: rare.into_iter().step_by(step).map(value).collect(),
            absent,
        }
    }
}

/// Picks the values of every attribute.
pub(crate) fn values(
    population: &Population,
    templates: &[Template],
    kinds: &[ResourceKind],
    tally: &Tally,
) -> BTreeMap<&'static str, Values> {
    let mut values = BTreeMap::new();
    let absent = |write: &dyn Fn(usize) -> String| (0..VALUES_MAX).map(write).collect::<Vec<String>>();
    let random = |number: usize| Random::new(hash(&[population.seed, 20, number as u64]));
    let by_text = |text: &dyn Fn(&Template) -> Vec<String>| by_template(templates, tally, text);

    let names = by_text(&|template| vec![template.facts.event_name.to_string()]);
    values.insert("EventName", Values::choose(names, String::clone, absent(&|n| format!("DescribeAbsence{n}"))));
    let sources = by_text(&|template| vec![template.facts.event_source.to_string()]);
    values
        .insert("EventSource", Values::choose(sources, String::clone, absent(&|n| format!("absent{n}.amazonaws.com"))));
    let read_only = by_text(&|template| template.facts.read_only.iter().map(bool::to_string).collect());
    values.insert("ReadOnly", Values::choose(read_only, String::clone, Vec::new()));
    let resource_types = by_text(&|template| {
        let mut types: Vec<_> =
            template.facts.resources.iter().filter_map(|found| found.resource_type.as_deref()).collect();
        types.sort();
        types.dedup();
        types.retain(|found| !found.is_empty());
        types.into_iter().map(str::to_owned).collect()
    });
    let absent_types = absent(&|n| format!("AWS::Absent::Thing{n}"));
    values.insert("ResourceType", Values::choose(resource_types, String::clone, absent_types));

    let mut usernames = by_text(&|template| match template.username_slot {
        None => template.facts.username.iter().map(|name| name.to_string()).collect(),
        Some(_) => Vec::new(),
    });
    let named = |counts: &[Count], name: &dyn Fn(usize) -> String| -> Vec<(String, Count)> {
        counts.iter().enumerate().filter(|(_, count)| count.events > 0).map(|(n, count)| (name(n), *count)).collect()
    };
    usernames.extend(named(&tally.users, &|n| population.users[n].name.clone()));
    usernames.extend(named(&tally.programs, &|n| population.roles[n].program.clone()));
    usernames.extend(named(&tally.people, &|n| population.people[n].name.clone()));
    let nobody = absent(&|n| format!("nobody{n}@example.com"));
    values.insert("Username", Values::choose(usernames, String::clone, nobody));

    let keys = named(&tally.user_keys, &|n| population.users[n].access_key.clone());
    let absent_keys = absent(&|n| {
        let mut out = b"AKIA".to_vec();
        shape::write_upper(&mut random(n), 16, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    });
    values.insert("AccessKeyId", Values::choose(keys, String::clone, absent_keys));

    let resources: Vec<((usize, u32), Count)> = tally
        .resources
        .iter()
        .enumerate()
        .flat_map(|(class, counts)| counts.iter().zip(0..).map(move |(count, number)| ((class, number), *count)))
        .collect();
    let write = |(class, number): &(usize, u32)| {
        let mut out = Vec::new();
        population.write_resource(&kinds[*class], Resource::Known(*number), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    values.insert("ResourceName", Values::choose(resources, write, absent(&|n| format!("absent-prod-{n:05}"))));

    let mut ids = tally.event_ids.clone();
    ids.sort();
    let step = ids.len().div_ceil(VALUES_MAX).max(1);
    let once = |value: String| Value { value, events: 1, lookups: 1 };
    let absent_ids = absent(&|n| {
        let mut out = Vec::new();
        shape::write_uuid(&mut random(n), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    });
    let rare = ids.into_iter().step_by(step).map(once).collect();
    values.insert("EventId", Values { frequent: Vec::new(), rare, absent: absent_ids });
    values
}

fn by_template(
    templates: &[Template],
    tally: &Tally,
    texts: &dyn Fn(&Template) -> Vec<String>,
) -> Vec<(String, Count)> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for (template, count) in templates.iter().zip(&tally.templates) {
        for text in texts(template) {
            counts.entry(text).or_default().merge(*count);
        }
    }
    counts.into_iter().collect()
}
