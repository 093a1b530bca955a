//! `opentrail validate`: proves the log files and digests of trails.
//!
//! The crate `validation` walks and judges. [`api`] asks CloudTrail for trails and public keys.

mod api;

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use access::RootKey;
use anyhow::{Context, bail};
use clap::Args;
use digest::verify::PublicKeys;
use model::EventTime;
use object_store::aws::AmazonS3Builder;
use serde::Serialize;
use validation::{BucketSource, FileSource, FolderSource, Listing, Progress, Report, Scope, validate};

use crate::events::credentials;
use crate::signed_client::session_token;
use api::{CloudTrailClient, FoundTrail};

/// Files that are read at once where nothing is said: most of the time is waiting for the bucket.
const WORKERS_DEFAULT: usize = 16;
/// How often the progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Prove that delivered log files are complete and unchanged, or say what is wrong with which
///
/// Does what `aws cloudtrail validate-logs` does, for all regions and accounts of a trail, in
/// parallel. It also names files that no digest knows, digests that were replaced, and the end of
/// a chain that was removed. The exit code is 0 when everything proves itself.
///
/// All trails of the installation:
///   opentrail validate
/// A folder that was downloaded, on a machine without a network:
///   aws s3 sync s3://audit-logs audit-logs
///   aws cloudtrail list-public-keys --start-time 2013-11-01 > keys.json
///   opentrail validate audit-logs --public-keys keys.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ValidateArguments {
    /// Folder that was downloaded from the bucket
    #[arg(value_name = "FOLDER", requires = "public_keys", conflicts_with = "trail_arn")]
    folder: Option<PathBuf>,
    /// Answer of ListPublicKeys, for a folder; may be given several times, such as for several regions
    #[arg(long, value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Trail to prove [default: all]
    #[arg(long, value_name = "ARN")]
    trail_arn: Option<String>,
    /// Only digests whose time ends at this time or later, such as 2026-03-01 or 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start_time: Option<EventTime>,
    /// Only digests whose time ends at this time or earlier [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end_time: Option<EventTime>,
    /// Files that are read at the same time [default: 16]
    #[arg(long, value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// CloudTrail's address
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4600", value_name = "URL")]
    endpoint: String,
    /// S3's address [default: that of --endpoint]
    #[arg(long, env = "AWS_ENDPOINT_URL_S3", value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Data folder whose root key is used [default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else ./data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Region to ask for trails, where no trail is named
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", value_name = "REGION")]
    region: String,
}

/// The report of one trail, or of a folder.
#[derive(Serialize)]
struct Proved {
    /// ARN of the trail, or the folder.
    subject: String,
    #[serde(flatten)]
    report: Report,
}

/// Runs the command: exit code 0 when everything proves itself, 1 when something does not or there is nothing to prove.
///
/// # Errors
/// Files, keys or trails cannot be read.
pub(crate) fn run(arguments: ValidateArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let proved = runtime.block_on(async {
        match &arguments.folder {
            Some(folder) => Ok(vec![prove_folder(&arguments, folder).await?]),
            None => prove_trails(&arguments).await,
        }
    })?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &proved).context("write the report")?;
        writeln!(out).context("write the report")?;
    } else {
        for one in &proved {
            writeln!(out, "{}\n{}", one.subject, one.report.text()).context("write the report")?;
        }
    }
    let is_clean = !proved.is_empty() && proved.iter().all(|one| one.report.is_clean());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn prove_folder(arguments: &ValidateArguments, folder: &Path) -> anyhow::Result<Proved> {
    let mut keys = PublicKeys::new();
    for path in &arguments.public_keys {
        let text = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        keys.extend(validation::parse_key_list(&text).with_context(|| format!("read {}", path.display()))?);
    }
    let source = FolderSource::open(folder)?;
    let listing = Listing::read(&source, "").await?;
    let scope = scope(arguments, None, None);
    let report = prove(Arc::new(source), listing, keys, &scope).await?;
    Ok(Proved { subject: folder.display().to_string(), report })
}

async fn prove_trails(arguments: &ValidateArguments) -> anyhow::Result<Vec<Proved>> {
    let key = credentials::find(arguments.data_dir.as_deref())?;
    let client = CloudTrailClient::new(&arguments.endpoint, &key)?;
    let region = match &arguments.trail_arn {
        Some(arn) => arn.split(':').nth(3).unwrap_or(&arguments.region).to_owned(),
        None => arguments.region.clone(),
    };
    let mut trails = client.trails(&region).await?;
    if let Some(arn) = &arguments.trail_arn {
        trails.retain(|trail| trail.trail_arn == *arn);
        if trails.is_empty() {
            bail!("a trail could not be found for {arn}");
        }
    }
    trails.retain(|trail| arguments.trail_arn.is_some() || trail.log_file_validation_enabled);
    if trails.is_empty() {
        bail!("no trail that is seen in {region} writes digests: enable log file validation, or name the region");
    }
    let without_digests = client.trails_without_digests(&region).await?;
    let mut proved = Vec::new();
    for trail in trails {
        let report = prove_trail(arguments, &client, &key, &trail, &without_digests).await;
        let report = report.with_context(|| format!("prove {}", trail.trail_arn))?;
        proved.push(Proved { subject: trail.trail_arn, report });
    }
    Ok(proved)
}

async fn prove_trail(
    arguments: &ValidateArguments,
    client: &CloudTrailClient<'_>,
    key: &RootKey,
    trail: &FoundTrail,
    without_digests: &[FoundTrail],
) -> anyhow::Result<Report> {
    let endpoint = arguments.s3_endpoint.as_ref().unwrap_or(&arguments.endpoint);
    let mut builder = AmazonS3Builder::new()
        .with_endpoint(endpoint.trim_end_matches('/'))
        .with_allow_http(endpoint.starts_with("http://"))
        .with_virtual_hosted_style_request(false)
        .with_region(&trail.home_region)
        .with_access_key_id(key.access_key_id.as_str())
        .with_secret_access_key(key.secret.expose());
    if let Some(token) = session_token() {
        builder = builder.with_token(token);
    }
    let source = BucketSource::new(&trail.s3_bucket_name, builder);
    // What was delivered while the bucket is listed is not in the list: the time is asked for first.
    let last_delivery = client.last_digest_delivery(trail).await?;
    let listing = Listing::read(&source, trail.s3_key_prefix.as_deref().unwrap_or_default()).await?;
    let mut keys = PublicKeys::new();
    for region in listing.regions() {
        keys.extend(client.public_keys(region).await?);
    }
    let place = |trail: &FoundTrail| (trail.s3_bucket_name.clone(), trail.s3_key_prefix.clone());
    let beside = without_digests.iter().filter(|other| place(other) == place(trail));
    let scope = Scope {
        trails_without_digests: beside.map(|other| other.trail_arn.clone()).collect(),
        ..scope(arguments, Some(trail), last_delivery)
    };
    prove(Arc::new(source), listing, keys, &scope).await
}

fn scope(arguments: &ValidateArguments, trail: Option<&FoundTrail>, last_delivery: Option<EventTime>) -> Scope {
    Scope {
        trail_name: trail.map(|trail| trail.name.clone()),
        home_region: trail.map(|trail| trail.home_region.clone()),
        start: arguments.start_time.unwrap_or(EventTime::from_seconds(0)),
        end: arguments.end_time.unwrap_or(EventTime::from_micros(i64::MAX)),
        last_delivery,
        trails_without_digests: Vec::new(),
        workers: arguments.workers.map_or(WORKERS_DEFAULT, NonZeroUsize::get),
    }
}

async fn prove(
    source: Arc<dyn FileSource>,
    listing: Listing,
    keys: PublicKeys,
    scope: &Scope,
) -> anyhow::Result<Report> {
    let progress = Arc::new(Progress::default());
    let shown = io::stderr().is_terminal().then(|| tokio::spawn(show(Arc::clone(&progress))));
    let report = validate(source, listing, Arc::new(keys), scope, &progress).await;
    if let Some(shown) = shown {
        shown.abort();
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(report?)
}

/// Shows how far it is, for ever.
async fn show(progress: Arc<Progress>) {
    loop {
        let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let (done, all) = (count(&progress.digests), count(&progress.digests_listed));
        let _ = write!(io::stderr(), "\r\x1b[K{done} of {all} digests, {} log files", count(&progress.logs));
        tokio::time::sleep(PROGRESS_INTERVAL).await;
    }
}

/// A time, or a day, which begins at midnight UTC.
fn parse_time(text: &str) -> Result<EventTime, String> {
    EventTime::parse(text)
        .or_else(|_| EventTime::parse(&format!("{text}T00:00:00Z")))
        .map_err(|_| format!("'{text}' is not a time: expected a form such as 2026-03-01 or 2026-03-01T12:00:00Z"))
}
