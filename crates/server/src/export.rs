//! `opentrail export`: events out of the history, as files that others read.
//!
//! A client of the console's search, page by page, so that it works beside a running server. The crate `export` writes.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use console::search::LIMIT_MAX;
use export::{CsvFile, JsonLinesFile, LogFileFolder, ParquetFile, RecordWriter, Written};
use model::{AccountId, Region};
use serde::Deserialize;

use crate::events::arguments::SearchArguments;
use crate::events::client::ConsoleClient;
use crate::events::credentials;

/// How often the progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Where an event goes that does not say where it happened.
const ACCOUNT_ELSEWHERE: &str = "000000000000";
const REGION_ELSEWHERE: &str = "us-east-1";

/// Form of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// CloudTrail log files in a folder, laid out as AWS does
    LogFiles,
    /// One record a line
    Jsonl,
    /// A table with a line of names; values that a spreadsheet would take for a formula get an apostrophe
    Csv,
    /// A table with typed columns, packed with zstd
    Parquet,
}

/// Write the events that fit into files: CloudTrail log files, JSON lines, CSV or Parquet
///
/// The query and the filters are those of `opentrail events`. Records come as they were stored, oldest
/// first. A file has its name only when it is whole, and is durable then.
///
/// A year for the auditors, as Parquet:
///   opentrail export --since 365d --format parquet --to 2026.parquet
/// What changed this week, for a spreadsheet:
///   opentrail export 'readOnly=false' --since 7d --format csv --to changes.csv
/// Log files for another tool:
///   opentrail export --format log-files --to ./log-files
/// Records through a pipe:
///   opentrail export 'errorCode=*' --format jsonl --to - | jq -r .eventName | sort | uniq -c
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    search: SearchArguments,
    /// Form of the files [default: by the name in --to: .jsonl, .csv, .parquet, else log files]
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<ExportFormat>,
    /// File, or folder for log files; - is the standard output; jsonl and csv are packed where the name ends with .gz
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Write over a file that is there, or into a folder that is not empty
    #[arg(long)]
    force: bool,
    /// The closing account as JSON, on the standard error
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    event_time: String,
}

/// Runs the command.
///
/// # Errors
/// No access key, no server, a refusal, a target that is there, or a file that cannot be written.
pub(crate) fn run(arguments: ExportArguments) -> anyhow::Result<ExitCode> {
    arguments.search.request().check()?;
    let format = arguments.format.unwrap_or_else(|| format_of(&arguments.to));
    check_target(&arguments.to, format, arguments.force)?;
    let key = credentials::find(arguments.search.data_dir.as_deref())?;
    let client = ConsoleClient::new(&arguments.search.endpoint, key)?;
    let writer = open(&arguments.to, format)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let begin = Instant::now();
    let (events, Written { files, bytes }) = runtime.block_on(export(&client, &arguments, writer))?;
    let seconds = begin.elapsed().as_secs_f64();
    let account = match arguments.json {
        true => serde_json::json!({ "events": events, "files": files, "bytes": bytes, "seconds": seconds }).to_string(),
        false => format!("{events} events in {files} files, {bytes} bytes, {seconds:.1} s"),
    };
    let _ = writeln!(io::stderr(), "{account}");
    Ok(ExitCode::SUCCESS)
}

fn format_of(path: &Path) -> ExportFormat {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((_, "jsonl" | "ndjson")) => ExportFormat::Jsonl,
        Some((_, "csv")) => ExportFormat::Csv,
        Some((_, "parquet")) => ExportFormat::Parquet,
        _ if name == "-" => ExportFormat::Jsonl,
        _ => ExportFormat::LogFiles,
    }
}

/// Nothing is written over unless that is wanted.
fn check_target(path: &Path, format: ExportFormat, force: bool) -> anyhow::Result<()> {
    if path == Path::new("-") {
        if matches!(format, ExportFormat::LogFiles | ExportFormat::Parquet) {
            bail!("log files and Parquet need a path: --to - is for jsonl and csv");
        }
        return Ok(());
    }
    let is_empty_folder = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    match format {
        ExportFormat::LogFiles if path.is_file() => bail!("{} is a file: log files need a folder", path.display()),
        ExportFormat::LogFiles if path.exists() && !is_empty_folder() && !force => {
            bail!("{} is not empty: choose another folder, or add --force", path.display())
        }
        ExportFormat::LogFiles => Ok(()),
        _ if path.is_dir() => bail!("{} is a folder: name a file in it", path.display()),
        _ if path.exists() && !force => bail!("{} is there: choose another name, or add --force", path.display()),
        _ => Ok(()),
    }
}

fn open(path: &Path, format: ExportFormat) -> anyhow::Result<Box<dyn RecordWriter>> {
    Ok(match format {
        ExportFormat::LogFiles => {
            let account = AccountId::parse(ACCOUNT_ELSEWHERE).context("the account of events without one")?;
            let region = Region::parse(REGION_ELSEWHERE).context("the region of events without one")?;
            Box::new(LogFileFolder::new(path, account, region))
        }
        ExportFormat::Jsonl => Box::new(JsonLinesFile::create(path)?),
        ExportFormat::Csv => Box::new(CsvFile::create(path)?),
        ExportFormat::Parquet => Box::new(ParquetFile::create(path)?),
    })
}

/// Gives the number of events, and what was written.
async fn export(
    client: &ConsoleClient,
    arguments: &ExportArguments,
    mut writer: Box<dyn RecordWriter>,
) -> anyhow::Result<(u64, Written)> {
    let mut request = arguments.search.request();
    request.order = Some(console::search::Order::OldestFirst);
    request.limit = Some(LIMIT_MAX);
    let shows = io::stderr().is_terminal();
    let (mut events, mut shown) = (0, Instant::now());
    loop {
        let page = client.search(&request).await?;
        for event in &page.events {
            writer.write(event.get())?;
        }
        events += page.events.len() as u64;
        if shows && shown.elapsed() >= PROGRESS_INTERVAL {
            shown = Instant::now();
            let head = page.events.last().and_then(|event| serde_json::from_str::<Head>(event.get()).ok());
            let at = head.map(|head| format!(", at {}", head.event_time)).unwrap_or_default();
            let _ = write!(io::stderr(), "\r\x1b[K{events} events{at}");
        }
        match page.next {
            Some(next) => request.cursor = Some(next),
            None => break,
        }
    }
    if shows {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok((events, writer.finish()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_form() {
        for (name, format) in [
            ("a.jsonl", ExportFormat::Jsonl),
            ("a.ndjson.gz", ExportFormat::Jsonl),
            ("x/a.CSV", ExportFormat::Csv),
            ("a.parquet", ExportFormat::Parquet),
            ("folder", ExportFormat::LogFiles),
            ("-", ExportFormat::Jsonl),
        ] {
            assert_eq!(format_of(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        check_target(&file, ExportFormat::Csv, false).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(check_target(&file, ExportFormat::Csv, false).is_err());
        check_target(&file, ExportFormat::Csv, true).unwrap();
        assert!(check_target(folder.path(), ExportFormat::LogFiles, false).is_err());
        assert!(check_target(folder.path(), ExportFormat::Csv, true).is_err());
        assert!(check_target(Path::new("-"), ExportFormat::Parquet, false).is_err());
    }
}
