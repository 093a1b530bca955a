//! Numbers of events, for people and for programs.

use std::io::{self, Write};

use anyhow::Context;
use console::EventCounts;
use serde_json::{Value, json};

use super::arguments::EventsArguments;
use super::client::ConsoleClient;
use super::output::OutputFormat;

/// Length of the longest bar of a histogram.
const BAR_COLUMNS: u64 = 40;

/// Whether events are to be counted and not given.
pub(super) fn is_asked(arguments: &EventsArguments) -> bool {
    arguments.count_by.is_some() || arguments.histogram.is_some()
}

/// Asks for the numbers and writes them.
///
/// # Errors
/// No server, a refusal, or an output that cannot be written.
pub(super) async fn give(
    client: &ConsoleClient,
    arguments: &EventsArguments,
    mut out: impl Write,
) -> anyhow::Result<()> {
    let mut request = serde_json::to_value(arguments.search.request()).context("write the search")?;
    let own = [
        ("by", arguments.count_by.as_ref().map(|by| json!(by))),
        ("interval", arguments.histogram.as_ref().map(|interval| json!(interval))),
        ("top", arguments.limit.map(|limit| json!(limit))),
    ];
    if let Value::Object(members) = &mut request {
        members.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    let counts = client.count(&request).await?;
    match arguments.output {
        OutputFormat::Table => write_table(&counts, &mut out),
        OutputFormat::Json | OutputFormat::Jsonl => {
            serde_json::to_writer(&mut out, &counts).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
    }
    .context("write the output")
}

fn write_table(counts: &EventCounts, out: &mut impl Write) -> io::Result<()> {
    for value in counts.values.iter().flatten() {
        writeln!(out, "{:>12}  {}", value.count, value.value.as_deref().unwrap_or("(none)"))?;
    }
    if counts.others > 0 {
        writeln!(out, "{:>12}  (others; --limit gives more)", counts.others)?;
    }
    let times = || counts.times.iter().flatten();
    let most = times().map(|time| time.count).max().unwrap_or(1);
    for time in times() {
        let bar = "#".repeat((time.count * BAR_COLUMNS).div_ceil(most) as usize);
        writeln!(out, "{:>12}  {}  {bar}", time.count, time.start)?;
    }
    writeln!(out, "{:>12}  in all", counts.total)
}

#[cfg(test)]
mod tests {
    use console::{TimeCount, ValueCount};

    use super::*;

    #[test]
    fn numbers_are_readable() {
        let counts = EventCounts {
            total: 7,
            values: Some(vec![
                ValueCount { value: Some("ana".to_owned()), count: 4 },
                ValueCount { value: None, count: 2 },
            ]),
            others: 1,
            times: Some(vec![TimeCount { start: "2025-03-01T12:00:00Z".to_owned(), count: 7 }]),
        };
        let mut out = Vec::new();
        write_table(&counts, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..3], ["4  ana", "2  (none)", "1  (others; --limit gives more)"]);
        assert!(lines[3].starts_with("7  2025-03-01T12:00:00Z  ####") && lines[4] == "7  in all");
    }
}
