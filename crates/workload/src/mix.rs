//! How often each source record is made into an event.

use std::collections::HashMap;

use model::Text;

use crate::plan::first_region_share;
use crate::random::{Choice, hash};
use crate::template::Template;

/// Share of events that are errors: attack data sets and test runs have far more than a working account.
const ERROR_SHARE: f64 = 0.06;
/// One operation in so many is a rare one, of which there are some tens of events, however many there are in all.
const RARE_ONE_IN: usize = 4;
/// Events of a rare operation: at least, and up to how many more.
const RARE_EVENTS: (u64, u64) = (15, 55);
/// Share of all events that one rare operation never exceeds, so that small samples are still of usual events.
const RARE_SHARE_MAX: f64 = 0.002;

/// Draws templates: with all services in the first region, with those that have regions elsewhere.
#[derive(Debug)]
pub(crate) struct Mix {
    pub(crate) first_region: Choice,
    /// `None` if every source record is of a service that exists once for the world.
    elsewhere: Option<Choice>,
}

impl Mix {
    pub(crate) fn new(templates: &[Template], events: u64, regions: usize, seed: u64) -> Self {
        let rare = rare_operations(templates, seed);
        let operation = |template: &Template| (template.facts.event_source.clone(), template.facts.event_name.clone());
        let mut weights: Vec<f64> = templates.iter().map(|template| template.weight).collect();
        let is_rare: Vec<Option<u64>> =
            templates.iter().map(|template| rare.get(&operation(template)).copied()).collect();
        let is_error: Vec<bool> = templates.iter().map(|template| template.facts.error_code.is_some()).collect();
        let total = |weights: &[f64], wanted: bool| -> f64 {
            let chosen = weights.iter().enumerate().filter(|(n, _)| is_rare[*n].is_none() && is_error[*n] == wanted);
            chosen.map(|(_, weight)| weight).sum()
        };
        let (errors, others) = (total(&weights, true), total(&weights, false));
        if errors > 0.0 && others > 0.0 {
            let factor = ERROR_SHARE / (1.0 - ERROR_SHARE) * others / errors;
            for (weight, is_error) in weights.iter_mut().zip(&is_error) {
                *weight *= if *is_error { factor } else { 1.0 };
            }
        }
        let usual = total(&weights, true) + total(&weights, false);
        let mut of_operation: HashMap<(Text, Text), f64> = HashMap::new();
        for template in templates {
            *of_operation.entry(operation(template)).or_default() += template.weight;
        }
        for (n, template) in templates.iter().enumerate() {
            let Some(wanted) = is_rare[n] else { continue };
            let share = template.weight / of_operation[&operation(template)];
            let place = if template.is_world_wide { first_region_share(regions) } else { 1.0 };
            let wanted = (wanted as f64 / events.max(1) as f64).min(RARE_SHARE_MAX);
            weights[n] = wanted / place * usual.max(1.0) * share;
        }
        let regional: Vec<f64> = templates
            .iter()
            .zip(&weights)
            .map(|(template, weight)| if template.is_world_wide { 0.0 } else { *weight })
            .collect();
        let elsewhere = regional.iter().any(|weight| *weight > 0.0).then(|| Choice::new(&regional));
        Self { first_region: Choice::new(&weights), elsewhere }
    }

    pub(crate) fn of_region(&self, region: usize) -> &Choice {
        match &self.elsewhere {
            Some(choice) if region > 0 => choice,
            _ => &self.first_region,
        }
    }
}

/// The operations that the source has least of, with the events wanted of each.
fn rare_operations(templates: &[Template], seed: u64) -> HashMap<(Text, Text), u64> {
    let mut weights: HashMap<(Text, Text), f64> = HashMap::new();
    for template in templates {
        let facts = &template.facts;
        *weights.entry((facts.event_source.clone(), facts.event_name.clone())).or_default() += template.weight;
    }
    let mut order: Vec<_> = weights.into_iter().collect();
    order.sort_by(|(a, left), (b, right)| left.total_cmp(right).then_with(|| a.cmp(b)));
    let count = order.len() / RARE_ONE_IN;
    let wanted = |number: usize| RARE_EVENTS.0 + hash(&[seed, 11, number as u64]) % RARE_EVENTS.1;
    order.into_iter().take(count).enumerate().map(|(number, (operation, _))| (operation, wanted(number))).collect()
}
