//! `opentrail-workload`: CloudTrail records in any number, made from real or invented ones.
//!
//! For benchmarks and tests that need more history than anybody gives away. Records keep their service, operation,
//! parameters and errors; who calls, from where, when and on what is drawn from a population with habits: a few callers
//! and resources make most of the calls, sessions expire, nights and weekends are quiet. The same seed gives the same
//! bytes on any number of cores. It refuses to invent services: what is in no source record is in no event.
//!
//! In reading order: [`source`] reads records, [`template`] takes them apart, [`population`] says who there is,
//! [`mix`] how often what happens, [`calendar`] when, [`plan`] in which file; [`render`] writes an event, [`tally`]
//! counts it, [`output`] writes files, [`generate`] does it on all cores, [`manifest`] says what there is to find.
//! [`random`], [`shape`] and [`json_strings`] serve them.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]
#![cfg_attr(test, allow(clippy::print_stderr, reason = "a test that is skipped says so"))]

mod calendar;
mod generate;
mod json_strings;
mod manifest;
mod mix;
mod output;
mod plan;
mod population;
mod random;
mod render;
mod shape;
mod source;
mod tally;
mod template;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use generate::Request;
use output::Format;

/// Makes CloudTrail records in any number from real or invented ones
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(GenerateArguments),
}

/// Make files of records, and print a manifest with values to look for
#[derive(Debug, Args)]
struct GenerateArguments {
    /// Files and folders of records to make more of: log files or JSON lines, plain, gzip or zstd  [default: invented ones]
    #[arg(long, num_args = 1.., value_name = "PATH")]
    from: Vec<PathBuf>,
    /// Events to make: 5000, 200k, 10M
    #[arg(long, default_value = "1M", value_parser = count, value_name = "COUNT")]
    events: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of the period
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// End of the period, such as 2026-11-23T14:00:00Z  [default: the last full hour]
    #[arg(long, value_name = "TIME")]
    until: Option<jiff::Timestamp>,
    /// Accounts; the first has most events
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=1000))]
    accounts: u16,
    /// Regions; the first has most events
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=8))]
    regions: u16,
    /// Folder for the files
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Form of the files
    #[arg(long, value_enum, default_value = "log-files")]
    format: Format,
    /// How hard log files are compressed, from 1 to 9
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=9), value_name = "LEVEL")]
    gzip_level: u32,
    /// Most events of a file
    #[arg(long, default_value_t = 5000, value_name = "COUNT")]
    events_per_file: u64,
    /// Share of records that stand in a second file too, as trails that overlap deliver them
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    duplicates: f64,
    /// Threads  [default: one a core]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
}

/// A number with `k`, `M` or `G` after it.
fn count(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G']) {
        Some(digits) if text.ends_with(['k', 'K']) => (digits, 1_000),
        Some(digits) if text.ends_with(['m', 'M']) => (digits, 1_000_000),
        Some(digits) => (digits, 1_000_000_000),
        None => (text, 1),
    };
    let number = digits.parse::<u64>().map_err(|_| format!("not a count: {text}"))?;
    number.checked_mul(factor).ok_or_else(|| format!("too many: {text}"))
}

fn main() -> Result<()> {
    let Command::Generate(arguments) = CommandLine::parse().command;
    let request = Request {
        from: arguments.from,
        events: arguments.events,
        seed: arguments.seed,
        days: arguments.days,
        until: arguments.until.unwrap_or_else(jiff::Timestamp::now).as_second(),
        accounts: usize::from(arguments.accounts),
        regions: usize::from(arguments.regions),
        folder: arguments.out,
        format: arguments.format,
        gzip_level: arguments.gzip_level,
        events_per_file: arguments.events_per_file,
        duplicates: arguments.duplicates,
        threads: arguments
            .threads
            .map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |threads| threads.max(1)),
    };
    let start = Instant::now();
    let manifest = generate::generate(&request)?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(io::stderr(), "{} records in {seconds:.1} s", manifest.records).context("tell how long it took")?;
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &manifest).context("print the manifest")?;
    writeln!(out).context("print the manifest")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_have_letters() {
        assert_eq!(count("10M"), Ok(10_000_000));
        assert_eq!(count("5000"), Ok(5000));
        assert!(count("M").is_err() && count("-1").is_err() && count("99999999999G").is_err());
    }
}
