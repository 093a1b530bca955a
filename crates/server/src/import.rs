//! `opentrail import`: CloudTrail log files of folders and buckets into the history.
//!
//! The crate `import` reads and counts, the store keeps; [`destination`] introduces them to one another, and [`remote`]
//! does where a server has the store.

mod destination;
mod queue;
mod remote;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use import::{ImportOptions, Place, ProgressStyle, Stop};
use metadata::MetadataError;
use model::EventTime;
use store::{BucketConfig, EventStore, StoreConfig, StoreError};

use crate::adapters::bucket_config;
use crate::events::client::ConsoleClient;
use crate::events::credentials;
use crate::logging;
use crate::serve::{open_metadata, raise_file_limit};
use crate::settings::{HISTORY_DAYS_MAX, LogFormat};
use destination::StoreDestinations;
use queue::Queue;
use remote::RemoteDestinations;

/// Console of a server with defaults.
const CONSOLE_DEFAULT: &str = "http://127.0.0.1:4601";
/// Columns of a terminal that does not say how many it has.
const COLUMNS_DEFAULT: usize = 80;
/// Days that a server keeps events unless it is told otherwise.
const HISTORY_DAYS_DEFAULT: u32 = 90;
const SECONDS_PER_DAY: i64 = 86_400;

/// Read CloudTrail log files into the history: every event once, however often they are read
///
/// Takes folders, files and s3://bucket/prefix, with any layout beneath: AWS's own, of organizations, or none. Formats are
/// told by content: gzip, zstd or plain; {"Records": [...]}, arrays, one record a line, EventBridge events, answers of
/// LookupEvents. What was read before is known by a ledger and by event ids, so an import that was cut off is simply run
/// again. What is not taken is named and kept aside.
///
/// For s3:// the usual AWS variables count: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and
/// AWS_ENDPOINT_URL.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Folders, files or s3://bucket/prefix
    #[arg(required = true, value_name = "PATH")]
    places: Vec<OsString>,
    /// Data folder of the installation. When a server is running on it, the records go through that server
    #[arg(long, env = "OPENTRAIL_DATA_DIR", default_value = "data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// PostgreSQL that the folder's metadata is in, postgres://user@host/database  [default: none, it is in the folder]
    #[arg(long, env = "OPENTRAIL_METADATA", hide_env_values = true, value_name = "URL")]
    metadata: Option<String>,
    /// Bucket that the folder's segments are in, s3://bucket/prefix  [default: none, they are in the folder]
    #[arg(long, env = "OPENTRAIL_SEGMENTS", value_name = "URL")]
    segments: Option<String>,
    /// URL of the console of a server that takes the records  [default: http://127.0.0.1:4601 if one has the folder]
    #[arg(long, value_name = "URL", env = "OPENTRAIL_CONSOLE_URL")]
    endpoint: Option<String>,
    /// Where to name and keep what is not taken  [default: rejects in the data folder]
    #[arg(long, value_name = "FOLDER")]
    rejects: Option<PathBuf>,
    /// Files that are read at the same time  [default: one a core]
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Keep looking for new files until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Seconds between two looks of --follow
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    follow_interval: u64,
    /// URL of an SQS queue that is told of new files: by S3, also through SNS or EventBridge, or by CloudTrail. Between
    /// two looks of --follow what its messages name is read at once; one is deleted once its files are in the history
    #[arg(long, value_name = "URL", requires = "follow")]
    queue: Option<String>,
    /// End with an error if any record is rejected or any file is no log file
    #[arg(long)]
    strict: bool,
    /// How the closing report is written, on standard output
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    output: ReportFormat,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}

async fn open_store(arguments: &ImportArguments, bucket: Option<BucketConfig>) -> Result<EventStore, StoreError> {
    let metadata = open_metadata(arguments.metadata.as_deref(), &arguments.data_dir).await?;
    let (store, _) =
        EventStore::open(StoreConfig { metadata, bucket, ..StoreConfig::new(&arguments.data_dir) }).await?;
    Ok(store)
}

/// Moves segments to the bucket while the import goes on, and what is left behind it. What the bucket does not take stays
/// in the folder, and the next server moves it.
async fn move_to_bucket(store: EventStore, mut imported: tokio::sync::oneshot::Receiver<()>) -> anyhow::Result<()> {
    /// Pause after a failure while the import goes on.
    const PAUSE: Duration = Duration::from_secs(5);
    loop {
        let is_last = tokio::select! {
            () = store.until_bucket_work() => false,
            _ = &mut imported => true,
        };
        let moved = async {
            while store.move_up().await?.is_some() {}
            store.delete_unread_objects().await
        };
        match moved.await {
            Ok(_) if is_last => return Ok(()),
            Err(error) if is_last => return Err(error.into()),
            Ok(_) => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Runs the command. The exit code is 1 if a file or place failed or the accounts are not even, and with --strict if
/// anything was not taken.
///
/// # Errors
/// A path that cannot be meant, a data folder that is in use, or a store that cannot go on.
pub(crate) fn run(arguments: ImportArguments) -> anyhow::Result<ExitCode> {
    logging::start("warn", LogFormat::Text)?;
    raise_file_limit();
    let places = arguments.places.iter().map(|text| Place::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let rejects = arguments.rejects.clone().unwrap_or_else(|| arguments.data_dir.join("rejects"));
    let mut options = ImportOptions::new(places, rejects);
    options.progress = progress_style(arguments.quiet);
    options.follow = arguments.follow.then(|| Duration::from_secs(arguments.follow_interval.max(1)));
    if let Some(workers) = arguments.workers {
        options.workers = workers;
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    if let Some(url) = &arguments.queue {
        let queue = Queue::new(url, credentials::find(None)?, runtime.handle().clone())?;
        options.notices = Some(Arc::new(queue));
    }
    let stop = Arc::new(Stop::default());
    runtime.spawn(stop_at_signal(Arc::clone(&stop)));
    let bucket = arguments.segments.as_deref().filter(|url| !url.is_empty());
    let bucket = bucket.map(|url| bucket_config(url, None)).transpose()?;
    let opened = match &arguments.endpoint {
        Some(endpoint) => Err(format!("import through the server at {endpoint}")),
        None => match runtime.block_on(open_store(&arguments, bucket)) {
            Ok(store) => Ok(store),
            Err(error @ (StoreError::FolderInUse { .. } | StoreError::Metadata(MetadataError::InUse))) => {
                Err(format!("{error}: import through the server at {CONSOLE_DEFAULT}"))
            }
            Err(error) => return Err(error.into()),
        },
    };
    let (report, oldest, history_days) = match opened {
        Ok(store) => {
            let destinations = StoreDestinations::new(store.clone(), runtime.handle().clone());
            let (end, ended) = tokio::sync::oneshot::channel();
            let mover = runtime.spawn(move_to_bucket(store.clone(), ended));
            let outcome = import::run(&options, &destinations, &stop, &mut io::stderr());
            let joined = runtime.block_on(join_small_segments(&store));
            drop(end);
            if let Err(error) = runtime.block_on(mover).context("move segments to the bucket")? {
                logging::complain(&format!(
                    "WARNING: {} segments wait in the data folder for the bucket, and the next server moves them: {error:#}",
                    store.status().local_segment_count
                ));
            }
            runtime.block_on(store.close());
            joined?;
            (outcome?, store.oldest_segment_time(), HISTORY_DAYS_DEFAULT)
        }
        Err(way) => {
            let endpoint = arguments.endpoint.as_deref().unwrap_or(CONSOLE_DEFAULT);
            let in_folder = arguments.data_dir.exists().then_some(&*arguments.data_dir);
            let client = ConsoleClient::new(endpoint, credentials::find(in_folder)?)?;
            options.commit_bytes = options.commit_bytes.min(remote::COMMIT_BYTES);
            let destinations = RemoteDestinations::new(client, runtime.handle().clone());
            let outcome = import::run(&options, &destinations, &stop, &mut io::stderr());
            let report = outcome.context(way)?;
            (report, destinations.oldest(), destinations.history_days()?)
        }
    };
    let mut out = io::stdout().lock();
    match arguments.output {
        ReportFormat::Text => write!(out, "{report}")?,
        ReportFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
    }
    let now = EventTime::from_micros(jiff::Timestamp::now().as_microsecond());
    if let Some(warning) = oldest.and_then(|oldest| too_old(oldest, now, history_days)) {
        logging::complain(&warning);
    }
    let is_success = report.is_success(arguments.strict) && !report.interrupted;
    Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What to say when retention will drop what was imported: the account of the import calls it stored.
fn too_old(oldest: EventTime, now: EventTime, history_days: u32) -> Option<String> {
    let days = now.as_seconds().saturating_sub(oldest.as_seconds()) / SECONDS_PER_DAY;
    (days >= i64::from(history_days)).then(|| {
        let keeping = days.saturating_add(2);
        let advice = if keeping <= i64::from(HISTORY_DAYS_MAX) {
            format!("Keep them with opentrail serve --history-days {keeping} or more")
        } else {
            format!("The most that opentrail serve --history-days takes is {HISTORY_DAYS_MAX}, which does not keep that one")
        };
        format!(
            "WARNING: a server drops events older than {history_days} days, and the oldest here is of {oldest}. {advice}"
        )
    })
}

fn progress_style(is_quiet: bool) -> ProgressStyle {
    if is_quiet {
        return ProgressStyle::Silent;
    }
    if !io::stderr().is_terminal() {
        return ProgressStyle::Lines;
    }
    let size = rustix::termios::tcgetwinsize(io::stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    ProgressStyle::Bar { columns: if columns == 0 { COLUMNS_DEFAULT } else { columns } }
}

/// The first Ctrl-C ends the import after what is at hand; what was committed stays.
async fn stop_at_signal(stop: Arc<Stop>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.request();
    }
}

async fn join_small_segments(store: &EventStore) -> anyhow::Result<()> {
    while store.compact().await? {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_retention_would_drop_is_said_with_what_keeps_it() {
        let time = |text: &str| EventTime::parse(text).expect("a time");
        let now = time("2026-11-30T12:00:00Z");
        let warning = |oldest: &str, days| too_old(time(oldest), now, days);
        assert_eq!(warning("2026-09-02T12:00:00Z", 90), None);
        let text = warning("2026-09-01T12:00:00Z", 90).expect("90 days old");
        assert!(text.contains("--history-days 92"), "{text}");
        assert_eq!(warning("2026-09-01T12:00:00Z", 92), None);
        assert!(warning("2017-02-12T00:00:00Z", 3650).is_none());
        // A number that serve refuses is no advice.
        let text = warning("0001-01-01T00:00:00Z", 90).expect("older than anything can be kept");
        assert!(text.contains("takes is 36500, which does not keep"), "{text}");
    }
}
