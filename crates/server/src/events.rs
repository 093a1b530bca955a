//! `opentrail events`: search recorded events, or follow them as they come.
//!
//! A client of the console's JSON API, and of nothing else: what it does, any script can do. [`arguments`] is the command
//! line, [`credentials`] finds an access key, [`client`] speaks to the server, [`output`] writes records, [`table`] makes
//! them readable, [`counts`] gives numbers instead.

pub(crate) mod arguments;
pub(crate) mod client;
mod counts;
pub(crate) mod credentials;
mod output;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use console::search::LIMIT_MAX;

pub(crate) use arguments::EventsArguments;
use client::{ConsoleClient, FoundPage};
use output::{OutputFormat, RecordWriter};

/// Exit code of a command line that cannot be meant.
const USAGE_ERROR: u8 = 2;
/// Events of a table when nothing is asked for; the other outputs, made for programs, give all.
const TABLE_LIMIT_DEFAULT: usize = 100;

/// Runs the command. The exit code is 0 also where nothing was found, and 2 for arguments that cannot be meant.
///
/// # Errors
/// No access key, no server, a refusal, or an output that cannot be written.
pub(crate) fn run(arguments: EventsArguments) -> anyhow::Result<ExitCode> {
    if let Err(problem) = check_usage(&arguments) {
        let _ = writeln!(io::stderr(), "opentrail: {problem}\nTry 'opentrail events --help'.");
        return Ok(ExitCode::from(USAGE_ERROR));
    }
    let key = credentials::find(arguments.search.data_dir.as_deref())?;
    let client = ConsoleClient::new(&arguments.search.endpoint, key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    match runtime.block_on(give(&client, &arguments, io::stdout().lock())) {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

async fn give<W: Write>(client: &ConsoleClient, arguments: &EventsArguments, out: W) -> anyhow::Result<()> {
    if counts::is_asked(arguments) {
        return counts::give(client, arguments, out).await;
    }
    let mut writer = RecordWriter::new(out, arguments.output);
    if arguments.follow {
        follow(client, arguments, &mut writer).await
    } else {
        search(client, arguments, &mut writer).await
    }
}

/// Everything that can be known to be wrong without asking the server.
fn check_usage(arguments: &EventsArguments) -> Result<(), String> {
    if arguments.follow && arguments.output == OutputFormat::Json {
        return Err("--follow never ends, and --output json is one array: use --output jsonl".to_owned());
    }
    arguments.search.request().check().map(|_| ()).map_err(|error| error.to_string())
}

async fn search<W: Write>(
    client: &ConsoleClient,
    arguments: &EventsArguments,
    writer: &mut RecordWriter<W>,
) -> anyhow::Result<()> {
    let default = (arguments.output == OutputFormat::Table).then_some(TABLE_LIMIT_DEFAULT);
    let limit = arguments.limit.or(default).unwrap_or(usize::MAX);
    let mut request = arguments.search.request();
    let mut written = 0;
    loop {
        request.limit = Some((limit - written).min(LIMIT_MAX));
        let FoundPage { events, next } = client.search(&request).await?;
        // Only now: a refusal needs no titles above it.
        if request.cursor.is_none() {
            writer.begin()?;
        }
        for event in &events {
            writer.write(event.get())?;
        }
        written += events.len();
        writer.flush()?;
        match next {
            Some(_) if written >= limit => {
                writer.end()?;
                if arguments.limit.is_none() {
                    let _ = writeln!(io::stderr(), "The newest {written} events; --limit gives more.");
                }
                return Ok(());
            }
            Some(next) => request.cursor = Some(next),
            None => return Ok(writer.end()?),
        }
    }
}

async fn follow<W: Write>(
    client: &ConsoleClient,
    arguments: &EventsArguments,
    writer: &mut RecordWriter<W>,
) -> anyhow::Result<()> {
    let mut lines = client.follow(&arguments.search.request()).await?;
    writer.begin()?;
    writer.flush()?;
    while let Some(line) = lines.next().await? {
        writer.write(&line)?;
        // Someone looks on: a line is shown when it comes.
        writer.flush()?;
    }
    anyhow::bail!("the server at {} stopped, and the stream with it", client.endpoint())
}

/// Whoever read our output has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let source = error.chain().find_map(|error| error.downcast_ref::<output::WriteError>());
    source.is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
