//! Makes all files, on all cores, the same however many there are.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};

use crate::calendar::{Calendar, Date, HOUR_SECONDS};
use crate::manifest::{self, Home, Manifest};
use crate::mix::Mix;
use crate::output::{FileText, Format, Output};
use crate::plan::{self, FilePlan};
use crate::population::{Population, REGIONS};
use crate::random::{Random, hash};
use crate::render::{Moment, Renderer};
use crate::source;
use crate::tally::{EVENT_IDS_MAX, Tally};
use crate::template::{self, ResourceClasses, Template};

/// Most programs that are taken from the source records.
const AGENTS_MAX: usize = 200;

/// What to make.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) from: Vec<PathBuf>,
    pub(crate) events: u64,
    pub(crate) seed: u64,
    pub(crate) days: u32,
    /// Seconds since 1970; cut to the hour.
    pub(crate) until: i64,
    pub(crate) accounts: usize,
    pub(crate) regions: usize,
    pub(crate) folder: PathBuf,
    pub(crate) format: Format,
    pub(crate) gzip_level: u32,
    pub(crate) events_per_file: u64,
    /// Share of records that stand in a second file too.
    pub(crate) duplicates: f64,
    pub(crate) threads: usize,
}

/// What all workers read.
struct Workload<'a> {
    request: &'a Request,
    output: Output,
    templates: Vec<Template>,
    classes: ResourceClasses,
    population: Population,
    calendar: Calendar,
    mix: Mix,
    plan: Vec<FilePlan>,
    /// Of the events at home, the manifest is told the id of the first that lookups find after each so many.
    id_every_events: u64,
}

/// Makes the files.
///
/// # Errors
/// Sources that cannot be read or have no event, a disk that does not take the files.
pub(crate) fn generate(request: &Request) -> Result<Manifest> {
    ensure!((0.0..=1.0).contains(&request.duplicates), "the share of duplicates is from 0 to 1");
    let mut classes = ResourceClasses::default();
    let records = source::read(&request.from)?;
    // What is no event record is passed over: digests, Insights events and other people's additions lie beside them.
    let templates: Vec<Template> = records
        .into_iter()
        .filter_map(|record| template::compile(record.weight, record.text, &mut classes).ok())
        .collect();
    ensure!(!templates.is_empty(), "none of the records is an event");
    let population = Population::new(request.seed, request.accounts, agents(&templates));
    let until = request.until.div_euclid(HOUR_SECONDS) * HOUR_SECONDS;
    let regions = request.regions.clamp(1, REGIONS.len());
    let plan = plan::files(request.events, population.accounts.len(), regions, request.events_per_file.max(1));
    let home_events: u64 = plan.iter().filter(|file| is_home(file)).map(|file| file.count).sum();
    let workload = Workload {
        output: Output { folder: request.folder.clone(), format: request.format, gzip_level: request.gzip_level },
        mix: Mix::new(&templates, request.events, regions, request.seed),
        calendar: Calendar::new(until, request.days),
        id_every_events: home_events.div_ceil(EVENT_IDS_MAX).max(1),
        request,
        templates,
        classes,
        population,
        plan,
    };
    let tally = workload.run()?;
    Ok(Manifest {
        seed: request.seed,
        events: request.events,
        records: tally.records,
        files: tally.files,
        json_bytes: tally.json_bytes,
        file_bytes: tally.file_bytes,
        until: Date::of(until)?.format("%Y-%m-%dT%H:%M:%SZ"),
        days: request.days,
        home: Home {
            account: workload.population.accounts[0].clone(),
            region: REGIONS[0],
            events: home_events,
            lookups: tally.templates.iter().map(|count| count.lookups).sum(),
        },
        values: manifest::values(&workload.population, &workload.templates, &workload.classes.kinds, &tally),
    })
}

fn is_home(file: &FilePlan) -> bool {
    file.account == 0 && file.region == 0
}

/// Programs of the source records, each once.
fn agents(templates: &[Template]) -> Vec<String> {
    let mut agents: Vec<String> = templates
        .iter()
        .filter_map(|template| serde_json::from_str::<serde_json::Value>(&template.text).ok())
        .filter_map(|record| Some(record["userAgent"].as_str()?.to_owned()))
        .filter(|agent| !agent.ends_with(".amazonaws.com") && !agent.contains(['"', '\\']) && agent.is_ascii())
        .collect();
    agents.sort();
    agents.dedup();
    let step = agents.len().div_ceil(AGENTS_MAX).max(1);
    agents.into_iter().step_by(step).collect()
}

impl Workload<'_> {
    fn run(&self) -> Result<Tally> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Tally> {
            let mut tally = self.tally();
            let mut text = FileText::new(self.request.format);
            let mut again = FileText::new(self.request.format);
            while let Some(plan) = self.plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.make_file(plan, &mut text, &mut again, &mut tally)?;
            }
            Ok(tally)
        };
        let mut all = self.tally();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.request.threads.max(1)).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let tally = worker.join().map_err(|_| anyhow::anyhow!("a worker stopped"))?;
                all.merge(tally.context("make the files")?);
            }
            Ok(all)
        })
    }

    fn tally(&self) -> Tally {
        Tally::new(&self.population, &self.templates, self.classes.kinds.len())
    }

    fn make_file(&self, plan: &FilePlan, text: &mut FileText, again: &mut FileText, tally: &mut Tally) -> Result<()> {
        text.clear();
        again.clear();
        let mut renderer = Renderer::new(&self.population, &self.classes.kinds, plan.number);
        // Apart from the events, which are the same with and without duplicates.
        let mut extra = Random::new(hash(&[self.request.seed, 6, plan.number]));
        let choice = self.mix.of_region(plan.region);
        let mut hour = 0;
        let mut wants_id = false;
        for event in plan.first..plan.first + plan.count {
            let share = (event as f64 + renderer.random.unit()) / plan.total as f64;
            let second = self.calendar.second_at(share, &mut hour);
            let number = choice.draw(&mut renderer.random) as usize;
            let region = REGIONS[plan.region];
            let moment = Moment { account: plan.account, region, second, is_home: is_home(plan) };
            text.begin_record(second);
            let start = text.bytes.len();
            let found = renderer.write(number, &self.templates[number], moment, tally, &mut text.bytes);
            wants_id |= event.is_multiple_of(self.id_every_events);
            if wants_id && let Some(id) = found {
                tally.event_ids.push(id);
                wants_id = false;
            }
            if self.request.duplicates > 0.0 && extra.unit() < self.request.duplicates {
                again.begin_record(second);
                again.bytes.extend_from_slice(&text.bytes[start..]);
                again.end_record();
            }
            text.end_record();
        }
        for text in [text, again] {
            if text.records == 0 {
                continue;
            }
            tally.json_bytes += text.bytes.len() as u64;
            tally.records += text.records;
            tally.files += 1;
            let account = &self.population.accounts[plan.account];
            tally.file_bytes += self.output.write(account, REGIONS[plan.region], text, &mut extra)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
