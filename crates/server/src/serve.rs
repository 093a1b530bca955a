//! `opentrail serve`: puts everything together, and takes it apart in the right order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use access::{Directory, DirectoryConfig, KnownIdentities, RootKeyOrigin};
use anyhow::Context;
use aws_wire::sigv4::{Credentials, SecretAccessKey};
use buckets::{BucketConfig, BucketService};
use capture::RedactionKey;
use clap::Args;
use console::router::{KEEP_ALIVE_DEFAULT, router};
use console::{Console, ReadinessSwitch, RecordIntake};
use control::{ControlPlane, ControlSettings, PageTokenKey, TrailServices};
use gateway::exchange::Surroundings;
use gateway::key_resolver::{KeyResolver, KeyResolverSettings};
use gateway::metrics::GatewayMetrics;
use gateway::upstream::UpstreamUrl;
use gateway::{Destination, Gateway, IdentityBook, Listener, LocalService, ResignedUpstream, Routes, tls};
use intercept::server_verifier::UntrustedServers;
use intercept::trust::TrustedCertificates;
use metadata::{Metadata, MetadataError};
use model::{AccessKeyId, EventTime};
use prometheus_client::registry::Registry;
use rand::RngCore;
use store::{EventStore, StoreConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::adapters::{
    CloudTrailApi, EmbeddedBuckets, KnownCallers, LearnedIdentities, StoreAdapter, StoreIntake, bucket_config,
};
use crate::banner::Banner;
use crate::settings::{Settings, SettingsLayer, unknown_variables};
use crate::state_metrics::{HistoryState, TrailState};
use crate::trail_stack::TrailStack;
use crate::{installation_key, logging, mfa_device, redacted_hash, upkeep};

/// Stack of a worker, bytes.
const WORKER_STACK_BYTES: usize = 4 * 1024 * 1024;
/// Threads for file work. Each keeps freed memory of its own, so that more of them make large transfers less flat, and
/// a disk gains nothing from more.
const BLOCKING_THREADS_MAX: usize = 16;
/// Time that threads get at the end which wait for a disk or a bucket. What they do is safe to break off.
const BLOCKING_GRACE: Duration = Duration::from_secs(5);
/// Sent when a write would go over the process's file size limit; by default it ends the process.
const SIGXFSZ: i32 = 25;

/// Arguments of `opentrail serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// TOML file with settings; the keys are the names of the flags with _ for -
    #[arg(long, env = "OPENTRAIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsLayer,
}

type Clock = Arc<dyn Fn() -> EventTime + Send + Sync>;

/// Runs the server until it is told to stop.
///
/// # Errors
/// A setting that cannot be used, a folder or an address that cannot be had, or damaged data; the error says what to do.
pub(crate) fn run(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let file = arguments.config.as_deref().map(SettingsLayer::from_file).transpose()?.unwrap_or_default();
    let flags = arguments.settings.with_secrets_from(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let settings = flags.over(file).check()?;
    logging::start(&settings.log, settings.log_format)?;
    for hint in unknown_variables(std::env::vars().map(|(name, _)| name)) {
        tracing::warn!("the variable {hint}");
    }
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(WORKER_STACK_BYTES)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("start the runtime")?;
    let served = runtime.block_on(serve(settings));
    runtime.shutdown_timeout(BLOCKING_GRACE);
    served?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(mut settings: Settings) -> anyhow::Result<()> {
    // A journal that grows over a limit shall fail as a write, not end the process.
    let _file_size_signal = signal(SignalKind::from_raw(SIGXFSZ)).context("watch for signals")?;
    let clock: Clock = Arc::new(now);
    create_data_dir(&settings.data_dir)?;
    if settings.hash_redacted_values {
        let key = installation_key::read_or_make(&redacted_hash::key_file(&settings.data_dir))?;
        settings.gateway.redaction_key = Some(RedactionKey::new(key));
    }
    if let Some(path) = &settings.upstream_ca {
        let mut trusted = TrustedCertificates::default();
        trusted.add_file(path).context("upstream_ca")?;
        settings.gateway.upstream_tls = Some(trusted.client_config(&UntrustedServers::default())?);
    }
    let (switch, readiness) = console::readiness::readiness("the journal is being read");

    let metadata = open_metadata(settings.metadata.as_deref(), &settings.data_dir).await?;
    let (store, report) = EventStore::open(store_config(&settings, &metadata)?).await?;
    if report.resolved_notes > 0 || report.torn_bytes > 0 {
        let (notes, torn_bytes) = (report.resolved_notes, report.torn_bytes);
        tracing::warn!(
            notes,
            torn_bytes,
            "the last run ended in the middle of calls; their outcome is recorded as unknown"
        );
    }
    tracing::info!(events = report.replayed_events, newest = store.newest_sequence(), "the journal was read");
    let (directory, origin) = Directory::open(&settings.data_dir, directory_config(&settings)?)?;
    let directory = Arc::new(directory);
    if let RootKeyOrigin::KeptDespiteConfiguration(ignored) = &origin {
        tracing::warn!("{ignored}");
    }

    let identities = Arc::new(KnownIdentities::open(&metadata).await.context("open the identities")?);

    let mut registry = Registry::default();
    let metrics = GatewayMetrics::default();
    metrics.register(&mut registry);
    let adapter = StoreAdapter(store.clone());
    let buckets = embedded_buckets(&settings).await?;
    let TrailStack { services: trail_services, delivery, feeds, watcher } =
        TrailStack::open(&settings, &metadata, &store, buckets.as_ref(), &directory, &clock).await?;
    registry.register_collector(Box::new(HistoryState(store.clone())));
    let trail_registry = Arc::clone(&trail_services.registry);
    registry.register_collector(Box::new(TrailState { store: store.clone(), registry: trail_registry }));
    let routes = routes(&settings, &adapter, &directory, buckets, trail_services)?;
    let surroundings = Surroundings {
        default_account: settings.account_id,
        default_region: settings.region.clone(),
        clock: Arc::clone(&clock),
        new_id: Arc::new(Uuid::new_v4),
        directory: Arc::new(KnownCallers(Arc::clone(&directory))),
        sink: Arc::new(adapter.clone()),
        identities: Some(identity_book(&settings, identities, &clock)),
        observer: None,
    };
    let gateway = Gateway::new(settings.gateway.clone(), surroundings, routes, metrics);

    let tls = settings.tls.as_ref().map(|(certificate, key)| tls::server_config(certificate, key)).transpose()?;
    let listener =
        Listener::bind(settings.listen, tls).await.with_context(|| format!("listen on {}", settings.listen))?;
    let console_socket = TcpListener::bind(settings.console_listen)
        .await
        .with_context(|| format!("listen on {} for the console", settings.console_listen))?;
    let (endpoint, console_address) = (listener.local_address()?, console_socket.local_addr()?);
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let intake = Arc::new(StoreIntake::new(store.clone()));
    let console = Console::new(
        Arc::new(adapter),
        directory.clone(),
        readiness,
        Arc::new(registry),
        now,
        format!("{scheme}://{endpoint}"),
        KEEP_ALIVE_DEFAULT,
    );

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let wait = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let upkeep = tokio::spawn(upkeep::run(store.clone(), settings.segment_age_max, clock));
    let delivery = tokio::spawn(async move { tokio::join!(delivery.run(), feeds.run(), watcher.run()) });
    let mut gateway_task = tokio::spawn(listener.serve(gateway, wait(stopped.clone())));
    let console_shutdown = wait(stopped);
    let console_task = tokio::spawn(async move {
        axum::serve(console_socket, router(console, Arc::clone(&intake) as Arc<dyn RecordIntake>, intake))
            .with_graceful_shutdown(console_shutdown)
            .await
    });
    switch.serving();
    let root = directory.root();
    let is_new = matches!(origin, RootKeyOrigin::CreatedNow);
    let banner = Banner {
        endpoint,
        has_tls: settings.tls.is_some(),
        console: console_address,
        data_dir: &settings.data_dir,
        root_key_file: &access::root_key_file::path(&settings.data_dir),
        new_root_key: is_new.then(|| (root.access_key_id.as_str(), root.secret.expose())),
        region: settings.region.as_str(),
        account: settings.account_id.as_str(),
        program: &std::env::args().next().unwrap_or_else(|| "opentrail".to_owned()),
        upstream: settings.upstream.as_ref().map(ToString::to_string),
    };
    logging::say(&banner.text());

    tokio::select! {
        told = until_told_to_stop() => told?,
        ended = &mut gateway_task => {
            ended.context("the gateway ended by a defect")?.context("start the threads of the gateway")?;
            anyhow::bail!("the gateway ended before it was told to");
        }
        () = metadata.lost() => anyhow::bail!(
            "another process has taken the metadata in PostgreSQL; this one ends at once, before the two disagree"
        ),
    }
    shut_down(&switch, &stop, gateway_task, console_task).await;
    delivery.abort();
    upkeep.abort();
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Callers first, then the records of what they were given, then the journal.
async fn shut_down(
    switch: &ReadinessSwitch,
    stop: &tokio::sync::watch::Sender<bool>,
    gateway: tokio::task::JoinHandle<std::io::Result<()>>,
    console: tokio::task::JoinHandle<std::io::Result<()>>,
) {
    tracing::info!("stopping: open calls are finished first");
    switch.not_serving("the server is stopping");
    stop.send_replace(true);
    match gateway.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the gateway could not serve"),
        Err(_) => tracing::error!("the gateway ended by a defect"),
    }
    match console.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the console ended early"),
        Err(_) => tracing::error!("the console ended by a defect"),
    }
}

async fn until_told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watch for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for signals")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn now() -> EventTime {
    EventTime::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// Makes the data folder, closed to others: records tell who does what.
fn create_data_dir(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).with_context(|| format!("create the data folder {}", path.display()))
}

/// Where the metadata of a data folder is: in the folder, or in the PostgreSQL at an address.
pub(crate) async fn open_metadata(address: Option<&str>, data_dir: &Path) -> Result<Metadata, MetadataError> {
    match address {
        Some(address) => Metadata::in_postgres(address, data_dir).await,
        None => Ok(Metadata::in_folder(data_dir)),
    }
}

fn store_config(settings: &Settings, metadata: &Metadata) -> anyhow::Result<StoreConfig> {
    let bucket =
        settings.segments.as_deref().map(|url| bucket_config(url, settings.segment_cache_bytes)).transpose()?;
    Ok(StoreConfig {
        metadata: metadata.clone(),
        segment_events_max: settings.segment_events_max,
        segment_bytes_max: settings.segment_bytes_max,
        segment_age_max: settings.segment_age_max,
        retention_days: settings.history_days,
        disk_limits: settings.disk_limits,
        bucket,
        ..StoreConfig::new(&settings.data_dir)
    })
}

/// What is known of the owners of keys, and asked of the upstream where there are credentials for that.
fn identity_book(settings: &Settings, known: Arc<KnownIdentities>, clock: &Clock) -> Arc<dyn IdentityBook> {
    let book = Arc::new(LearnedIdentities(known));
    let upstream = settings.upstreams.get("iam").or(settings.upstream.as_ref());
    let (Some(credentials), Some(upstream)) = (&settings.identity_credentials, upstream) else { return book };
    let resolver = KeyResolverSettings {
        upstream: Arc::new(upstream.clone()),
        credentials: credentials.clone(),
        region: settings.region.clone(),
        account: settings.account_id,
    };
    KeyResolver::start(book, resolver, &settings.gateway, Arc::clone(clock))
}

fn directory_config(settings: &Settings) -> anyhow::Result<DirectoryConfig> {
    let (id, secret) = match &settings.root_key {
        None => (None, None),
        Some((id, secret)) => (
            Some(AccessKeyId::parse(id).context("OPENTRAIL_ROOT_ACCESS_KEY_ID")?),
            Some(SecretAccessKey::parse(secret).context("OPENTRAIL_ROOT_SECRET_ACCESS_KEY")?),
        ),
    };
    Ok(DirectoryConfig { default_account: settings.account_id, root_access_key_id: id, root_secret_access_key: secret })
}

/// The embedded buckets, unless an upstream is set for S3.
async fn embedded_buckets(settings: &Settings) -> anyhow::Result<Option<BucketService>> {
    if settings.upstreams.contains_key("s3") {
        return Ok(None);
    }
    let random: buckets::RandomSource = Arc::new(|buffer| rand::rng().fill_bytes(buffer));
    let mfa = mfa_device::check(&settings.data_dir, &settings.account_id);
    let config = BucketConfig { region: settings.region.clone(), random, mfa: Some(mfa) };
    Ok(Some(BucketService::open(settings.data_dir.join("buckets"), config).await?))
}

/// CloudTrail is ours; S3 is ours unless an upstream is set for it; everything else goes upstream.
fn routes(
    settings: &Settings,
    adapter: &StoreAdapter,
    directory: &Arc<Directory>,
    buckets: Option<BucketService>,
    trails: TrailServices,
) -> anyhow::Result<Routes> {
    let mut by_service: HashMap<String, Destination> = HashMap::new();
    if let Some(service) = buckets {
        by_service.insert("s3".to_owned(), Destination::Local(Arc::new(EmbeddedBuckets(service))));
    }
    for (service, url) in &settings.upstreams {
        by_service.insert(service.clone(), upstream(url, settings.upstreams_credentials.get(service)));
    }
    let token_key = installation_key::read_or_make(&settings.data_dir.join("page-token-key"))?;
    let control = ControlPlane::new(
        Arc::new(adapter.clone()),
        directory.clone(),
        PageTokenKey::new(token_key),
        ControlSettings { lookup_includes_data_events: settings.lookup_data_events, lookups_per_second: None },
    )
    .with_trails(trails);
    let api: Arc<dyn LocalService> = Arc::new(CloudTrailApi(control));
    for name in ["cloudtrail", "cloudtrail-data"] {
        by_service.insert(name.to_owned(), Destination::Local(Arc::clone(&api)));
    }
    let default = match &settings.upstream {
        Some(url) => upstream(url, settings.upstream_credentials.as_ref()),
        None => Destination::Nowhere,
    };
    Ok(Routes::new(by_service, default))
}

/// An upstream, with the credentials that it sees in place of the callers' own, if any.
fn upstream(url: &UpstreamUrl, credentials: Option<&Credentials>) -> Destination {
    let url = Arc::new(url.clone());
    match credentials {
        Some(credentials) => {
            Destination::Resigned(Arc::new(ResignedUpstream { url, credentials: credentials.clone() }))
        }
        None => Destination::Upstream(url),
    }
}

/// Many connections and segments need many file descriptors; the soft limit is often 1,024.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
