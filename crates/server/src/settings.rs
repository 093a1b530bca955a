//! Settings: flags, then `OPENTRAIL_…` variables, then the TOML file, then defaults.
//!
//! One struct, [`SettingsLayer`], is read from all three sources, so that every setting has the same name everywhere:
//! `--console-listen`, `OPENTRAIL_CONSOLE_LISTEN`, `console_listen = "…"`. Layers are laid over each other and checked
//! once, into [`Settings`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_wire::sigv4::{Credentials, SecretAccessKey};
use clap::Args;
use delivery::DeliverySettings;
use gateway::TrustedProxies;
use gateway::trusted_proxies::Network;
use gateway::upstream::UpstreamUrl;
use gateway::{GatewaySettings, RecordingFailure};
use model::{AccessKeyId, AccountId, Region};
use serde::Deserialize;
use store::DiskLimits;
use trails::Organization;

use crate::quantity::{ByteSize, HumanDuration};

/// Name of the prefix of all variables.
const VARIABLE_PREFIX: &str = "OPENTRAIL_";
/// Variables that start with the prefix and are no settings of the server.
const OTHER_VARIABLES: [&str; 5] =
    ["OPENTRAIL_CONFIG", "OPENTRAIL_CORPUS", "OPENTRAIL_CONSOLE_URL", "OPENTRAIL_BINARY", "OPENTRAIL_TEST_POSTGRES"];

/// Folder for everything that is kept, where no setting names one.
/// Longest that events stay searchable, days: a century.
pub(crate) const HISTORY_DAYS_MAX: u32 = 36_500;
const ACCOUNT_ID_DEFAULT: &str = "123456789012";
const DATA_DIR_DEFAULT: &str = "data";

/// One layer of settings; what is absent is left to the layer below.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsLayer {
    /// Folder for everything that is kept: journal, segments, buckets, keys [default: data]
    #[arg(long, env = "OPENTRAIL_DATA_DIR", value_name = "DIR", help_heading = "Basics")]
    data_dir: Option<PathBuf>,
    /// PostgreSQL for manifest, trails, digest keys and identities, postgres://user@host/database [default: SQLite]
    #[arg(long, env = "OPENTRAIL_METADATA", hide_env_values = true, value_name = "URL", help_heading = "Basics")]
    metadata: Option<String>,
    /// Bucket of S3 for the history's segments, s3://bucket/prefix, reached with the usual AWS variables
    /// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL); segments that are in the data folder
    /// move there by themselves. Journal and databases stay in the folder [default: segments stay in the data folder]
    #[arg(long, env = "OPENTRAIL_SEGMENTS", value_name = "URL", help_heading = "Basics")]
    segments: Option<String>,
    /// Most that parts of segments which are in a bucket take in the data folder, to be read again without asking the
    /// bucket; at least 16MiB [default: 1GiB]
    #[arg(long, env = "OPENTRAIL_SEGMENT_CACHE", value_name = "SIZE", help_heading = "Basics")]
    segment_cache: Option<ByteSize>,
    /// Address of the AWS endpoint (AWS_ENDPOINT_URL points here) [default: 127.0.0.1:4600]
    #[arg(long, env = "OPENTRAIL_LISTEN", value_name = "ADDRESS:PORT", help_heading = "Basics")]
    listen: Option<SocketAddr>,
    /// Address of the console, health and metrics [default: 127.0.0.1:4601]
    #[arg(long, env = "OPENTRAIL_CONSOLE_LISTEN", value_name = "ADDRESS:PORT", help_heading = "Basics")]
    console_listen: Option<SocketAddr>,
    /// Where calls of all services go but S3 and CloudTrail, such as http://127.0.0.1:5000 [default: nowhere]
    #[arg(long, env = "OPENTRAIL_UPSTREAM", value_name = "URL", help_heading = "Basics")]
    upstream: Option<String>,
    /// Upstreams of single services, such as s3=http://127.0.0.1:8333,iam=http://127.0.0.1:5000
    #[arg(
        long,
        env = "OPENTRAIL_UPSTREAMS",
        value_name = "SERVICE=URL",
        value_parser = parse_pairs,
        help_heading = "Basics"
    )]
    upstreams: Option<BTreeMap<String, String>>,
    /// Account of callers that nothing is known of, 12 digits [default: 123456789012]
    #[arg(long, env = "OPENTRAIL_ACCOUNT_ID", value_name = "DIGITS", help_heading = "Basics")]
    account_id: Option<AccountId>,
    /// Region of calls that name none [default: us-east-1]
    #[arg(long, env = "OPENTRAIL_REGION", value_name = "REGION", help_heading = "Basics")]
    region: Option<Region>,

    /// PEM file with the certificate chain; the AWS endpoint then speaks TLS only [default: no TLS]
    #[arg(long, env = "OPENTRAIL_TLS_CERTIFICATE", value_name = "FILE", help_heading = "TLS")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, env = "OPENTRAIL_TLS_PRIVATE_KEY", value_name = "FILE", help_heading = "TLS")]
    tls_private_key: Option<PathBuf>,
    /// PEM file with authorities, or servers' own certificates, to trust at upstreams beside Mozilla's [default: none]
    #[arg(long, env = "OPENTRAIL_UPSTREAM_CA", value_name = "FILE", help_heading = "TLS")]
    upstream_ca: Option<PathBuf>,

    /// When the journal cannot take a record: closed (503, nothing unrecorded happens) or open [default: closed]
    #[arg(
        long,
        env = "OPENTRAIL_RECORDING_FAILURE",
        value_name = "closed|open",
        value_parser = parse_recording_failure,
        help_heading = "Recording"
    )]
    #[serde(default, deserialize_with = "recording_failure_from_text")]
    recording_failure: Option<RecordingFailure>,
    /// The same for single services, such as s3=open,iam=closed
    #[arg(
        long,
        env = "OPENTRAIL_RECORDING_FAILURE_BY_SERVICE",
        value_name = "SERVICE=RULE",
        value_parser = parse_pairs,
        help_heading = "Recording"
    )]
    recording_failure_by_service: Option<BTreeMap<String, String>>,
    /// Most bytes of a body that parameters are read from; the rest streams through [default: 1MiB]
    #[arg(long, env = "OPENTRAIL_CAPTURED_BODY_MAX", value_name = "SIZE", help_heading = "Recording")]
    captured_body_max: Option<ByteSize>,
    /// Days that events stay searchable, 1 to 36500 [default: 90]
    #[arg(long, env = "OPENTRAIL_HISTORY_DAYS", value_name = "DAYS", help_heading = "Recording")]
    history_days: Option<u32>,
    /// Whether LookupEvents also shows data events, which AWS's never does: true or false [default: false]
    #[arg(long, env = "OPENTRAIL_LOOKUP_DATA_EVENTS", value_name = "BOOL", help_heading = "Recording")]
    lookup_data_events: Option<bool>,
    /// Whether hidden values are recorded with a keyed hash to search for: true or false [default: false]
    #[arg(long, env = "OPENTRAIL_HASH_REDACTED_VALUES", value_name = "BOOL", help_heading = "Recording")]
    hash_redacted_values: Option<bool>,
    /// Free space on the disk of the data folder below which nothing new is recorded [default: 256MiB]
    #[arg(long, env = "OPENTRAIL_DISK_RESERVE", value_name = "SIZE", help_heading = "Recording")]
    disk_reserve: Option<ByteSize>,
    /// Most that journal and segments may take together in the data folder, such as 200GiB [default: no limit]
    #[arg(long, env = "OPENTRAIL_DISK_BUDGET", value_name = "SIZE", help_heading = "Recording")]
    disk_budget: Option<ByteSize>,
    /// Events that are held in memory before they are sealed into a segment [default: 50000]
    #[arg(long, env = "OPENTRAIL_SEGMENT_EVENTS_MAX", value_name = "COUNT", help_heading = "Recording")]
    segment_events_max: Option<usize>,
    /// Size of the events that are held in memory before they are sealed [default: 64MiB]
    #[arg(long, env = "OPENTRAIL_SEGMENT_SIZE_MAX", value_name = "SIZE", help_heading = "Recording")]
    segment_size_max: Option<ByteSize>,
    /// Age of the oldest event in memory at which all are sealed [default: 1h]
    #[arg(long, env = "OPENTRAIL_SEGMENT_AGE_MAX", value_name = "DURATION", help_heading = "Recording")]
    segment_age_max: Option<HumanDuration>,

    /// Longest time that an event waits for its trail's next log file, such as 2s [default: 60s]
    #[arg(long, env = "OPENTRAIL_DELIVERY_INTERVAL", value_name = "DURATION", help_heading = "Trails")]
    delivery_interval: Option<HumanDuration>,
    /// Time that one digest of log files covers, at least 1s [default: 1h]
    #[arg(long, env = "OPENTRAIL_DIGEST_INTERVAL", value_name = "DURATION", help_heading = "Trails")]
    digest_interval: Option<HumanDuration>,
    /// How long Insights learn what is usual before anything is called unusual [default: 24h]
    #[arg(long, env = "OPENTRAIL_INSIGHTS_LEARNING", value_name = "DURATION", help_heading = "Trails")]
    insights_learning: Option<HumanDuration>,
    /// Key of the upstream's KMS that encrypts what digests are signed with: ARN, id or alias/name [default: none]
    #[arg(long, env = "OPENTRAIL_DIGEST_KMS_KEY", value_name = "KEY", help_heading = "Trails")]
    digest_kms_key: Option<String>,
    /// Whether a trail's bucket needs a policy that lets CloudTrail write, as at AWS: true or false [default: false]
    #[arg(long, env = "OPENTRAIL_REQUIRE_BUCKET_POLICY", value_name = "BOOL", help_heading = "Trails")]
    require_bucket_policy: Option<bool>,
    /// Buckets of trails that are folders or elsewhere, such as audit=file:///var/audit,cold=gs://bucket [default: none]
    #[arg(
        long,
        env = "OPENTRAIL_TRAIL_BUCKETS",
        value_name = "NAME=URL",
        value_parser = parse_pairs,
        help_heading = "Trails"
    )]
    trail_buckets: Option<BTreeMap<String, String>>,
    /// Whether events of trails go to the event buses of the upstream's EventBridge: true or false [default: true]
    #[arg(long, env = "OPENTRAIL_EVENT_BUS", value_name = "BOOL", help_heading = "Trails")]
    event_bus: Option<bool>,
    /// Most trails of an account in a region [default: 5]
    #[arg(long, env = "OPENTRAIL_TRAILS_MAX", value_name = "COUNT", help_heading = "Trails")]
    trails_max: Option<usize>,
    /// Id of the organization for organization trails, such as o-exampleorgid [default: none]
    #[arg(long, env = "OPENTRAIL_ORGANIZATION_ID", value_name = "ID", help_heading = "Trails")]
    organization_id: Option<String>,
    /// Accounts of the organization, its management account first [default: none]
    #[arg(
        long,
        env = "OPENTRAIL_ORGANIZATION_ACCOUNTS",
        value_name = "ACCOUNT,…",
        value_delimiter = ',',
        help_heading = "Trails"
    )]
    organization_accounts: Option<Vec<AccountId>>,

    /// Host names under which virtual-host style buckets are served [default: localhost,s3.localhost]
    #[arg(
        long,
        env = "OPENTRAIL_BUCKET_HOSTS",
        value_name = "HOST,…",
        value_delimiter = ',',
        help_heading = "Gateway"
    )]
    bucket_hosts: Option<Vec<String>>,
    /// Proxies whose X-Forwarded-For counts: addresses and ranges, such as 10.0.0.7,fd00::/8 [default: none]
    #[arg(
        long,
        env = "OPENTRAIL_TRUSTED_PROXIES",
        value_name = "ADDRESS[/BITS],…",
        value_delimiter = ',',
        help_heading = "Gateway"
    )]
    trusted_proxies: Option<Vec<String>>,
    /// Whether connections of trusted proxies begin with a PROXY header: true or false [default: false]
    #[arg(long, env = "OPENTRAIL_PROXY_PROTOCOL", value_name = "BOOL", help_heading = "Gateway")]
    proxy_protocol: Option<bool>,
    /// Whether the account of an unknown caller is read from its access key id: true or false [default: true]
    #[arg(long, env = "OPENTRAIL_ACCOUNT_FROM_KEY_ID", value_name = "BOOL", help_heading = "Gateway")]
    account_from_key_id: Option<bool>,
    /// Time to open a connection to an upstream [default: 5s]
    #[arg(long, env = "OPENTRAIL_CONNECT_TIMEOUT", value_name = "DURATION", help_heading = "Gateway")]
    connect_timeout: Option<HumanDuration>,
    /// Time that an upstream has to begin its answer [default: 900s]
    #[arg(long, env = "OPENTRAIL_RESPONSE_TIMEOUT", value_name = "DURATION", help_heading = "Gateway")]
    response_timeout: Option<HumanDuration>,
    /// Longest silence inside a body, either way [default: 300s]
    #[arg(long, env = "OPENTRAIL_BODY_IDLE_TIMEOUT", value_name = "DURATION", help_heading = "Gateway")]
    body_idle_timeout: Option<HumanDuration>,
    /// Most connections served at once [default: 20000]
    #[arg(long, env = "OPENTRAIL_CONNECTIONS_MAX", value_name = "COUNT", help_heading = "Gateway")]
    connections_max: Option<usize>,
    /// Threads that serve connections [default: one for each core]
    #[arg(long, env = "OPENTRAIL_WORKERS", value_name = "COUNT", help_heading = "Gateway")]
    workers: Option<usize>,
    /// Time that open calls get to finish at shutdown [default: 20s]
    #[arg(long, env = "OPENTRAIL_SHUTDOWN_GRACE", value_name = "DURATION", help_heading = "Gateway")]
    shutdown_grace: Option<HumanDuration>,

    /// What is logged, as a tracing filter such as info or opentrail=debug [default: info]
    #[arg(long, env = "OPENTRAIL_LOG", value_name = "FILTER", help_heading = "Log")]
    log: Option<String>,
    /// Form of the log: text or json [default: text]
    #[arg(long, env = "OPENTRAIL_LOG_FORMAT", value_name = "text|json", help_heading = "Log")]
    log_format: Option<LogFormat>,

    // Secrets have no flag: command lines are visible to every user of a machine.
    #[arg(skip)]
    root_access_key_id: Option<String>,
    #[arg(skip)]
    root_secret_access_key: Option<String>,
    #[arg(skip)]
    upstream_access_key_id: Option<String>,
    #[arg(skip)]
    upstream_secret_access_key: Option<String>,
    #[arg(skip)]
    upstream_session_token: Option<String>,
    #[arg(skip)]
    upstreams_credentials: Option<BTreeMap<String, CredentialsLayer>>,
    #[arg(skip)]
    identity_access_key_id: Option<String>,
    #[arg(skip)]
    identity_secret_access_key: Option<String>,
    #[arg(skip)]
    identity_session_token: Option<String>,
}

/// Names of the settings that have no flag, in the file and, in capitals, as variables.
const SECRET_KEYS: [&str; 8] = [
    "root_access_key_id",
    "root_secret_access_key",
    "upstream_access_key_id",
    "upstream_secret_access_key",
    "upstream_session_token",
    "identity_access_key_id",
    "identity_secret_access_key",
    "identity_session_token",
];
/// The setting that is a table of tables, and only in the file.
const CREDENTIALS_TABLE: &str = "upstreams_credentials";

/// Credentials for the upstream of a service.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialsLayer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl std::fmt::Debug for CredentialsLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialsLayer({})", self.access_key_id)
    }
}

impl CredentialsLayer {
    fn check(self) -> anyhow::Result<Credentials> {
        Ok(Credentials {
            access_key_id: AccessKeyId::parse(&self.access_key_id)?,
            secret: SecretAccessKey::parse(&self.secret_access_key)?,
            session_token: self.session_token,
        })
    }
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Folder for everything that is kept.
    pub(crate) data_dir: PathBuf,
    /// Address of the PostgreSQL that the metadata is in, if it is not in the folder.
    pub(crate) metadata: Option<String>,
    /// The bucket that segments are kept in, if they do not stay in the folder.
    pub(crate) segments: Option<String>,
    /// Bytes of the cache in front of it.
    pub(crate) segment_cache_bytes: Option<u64>,
    /// Address of the AWS endpoint.
    pub(crate) listen: SocketAddr,
    /// Address of the console.
    pub(crate) console_listen: SocketAddr,
    /// Upstream of all services that have none of their own.
    pub(crate) upstream: Option<UpstreamUrl>,
    /// Upstreams of single services.
    pub(crate) upstreams: BTreeMap<String, UpstreamUrl>,
    /// Credentials that calls to the general upstream are signed with anew.
    pub(crate) upstream_credentials: Option<Credentials>,
    /// The same for upstreams of single services.
    pub(crate) upstreams_credentials: BTreeMap<String, Credentials>,
    /// What IAM of the upstream is asked with for the owners of keys.
    pub(crate) identity_credentials: Option<Credentials>,
    /// Account of callers that nothing is known of.
    pub(crate) account_id: AccountId,
    /// Region of calls that name none.
    pub(crate) region: Region,
    /// Certificate and key files.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Certificates to trust at upstreams.
    pub(crate) upstream_ca: Option<PathBuf>,
    /// Limits and time-outs of the gateway.
    pub(crate) gateway: GatewaySettings,
    /// Days that events stay searchable.
    pub(crate) history_days: u32,
    pub(crate) disk_limits: DiskLimits,
    /// Whether LookupEvents also shows data events.
    pub(crate) lookup_data_events: bool,
    /// Whether hidden values are recorded with a keyed hash.
    pub(crate) hash_redacted_values: bool,
    /// Events held in memory before they are sealed.
    pub(crate) segment_events_max: usize,
    /// Bytes of events held in memory before they are sealed.
    pub(crate) segment_bytes_max: usize,
    /// Age of the oldest event in memory at which all are sealed.
    pub(crate) segment_age_max: Duration,
    /// What trails do.
    pub(crate) trails: TrailRules,
    /// Filter of the log.
    pub(crate) log: String,
    /// Form of the log.
    pub(crate) log_format: LogFormat,
    /// Root access key of the default account for the first start: id and secret.
    pub(crate) root_key: Option<(String, String)>,
}

/// What an operator says of trails.
#[derive(Debug, Clone)]
pub(crate) struct TrailRules {
    /// When log files and digests are written.
    pub(crate) delivery: DeliverySettings,
    /// How Insights are learned.
    pub(crate) insights: insights::Settings,
    /// Key of KMS that encrypts what digests are signed with.
    pub(crate) digest_kms_key: Option<String>,
    /// Whether a bucket needs a policy that lets CloudTrail write.
    pub(crate) requires_bucket_policy: bool,
    /// URLs of buckets that are not those of the installation, by their names.
    pub(crate) buckets: BTreeMap<String, String>,
    /// Whether events go to the event buses of the upstream.
    pub(crate) sends_to_event_bus: bool,
    /// Most trails of an account in a region.
    pub(crate) trails_max: usize,
    /// The organization, if there is one.
    pub(crate) organization: Option<Arc<Organization>>,
}

impl SettingsLayer {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, has a value of the wrong kind, or a key that is no setting; the error
    /// names the file, the key and the nearest known one.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        Self::from_toml(&text).with_context(|| format!("in the configuration file {}", path.display()))
    }

    fn from_toml(text: &str) -> anyhow::Result<Self> {
        let table: toml::Table = text.parse().context("it is not valid TOML")?;
        let known = known_keys();
        for key in table.keys() {
            if !known.contains(key) {
                bail!("unknown key '{key}'{}", did_you_mean(key, known.iter().map(String::as_str)));
            }
        }
        Ok(toml::from_str(text)?)
    }

    /// The variables with secrets, which have no flag.
    pub(crate) fn with_secrets_from(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        self.root_access_key_id = variable("OPENTRAIL_ROOT_ACCESS_KEY_ID").or(self.root_access_key_id);
        self.root_secret_access_key = variable("OPENTRAIL_ROOT_SECRET_ACCESS_KEY").or(self.root_secret_access_key);
        self.upstream_access_key_id = variable("OPENTRAIL_UPSTREAM_ACCESS_KEY_ID").or(self.upstream_access_key_id);
        self.upstream_secret_access_key =
            variable("OPENTRAIL_UPSTREAM_SECRET_ACCESS_KEY").or(self.upstream_secret_access_key);
        self.upstream_session_token = variable("OPENTRAIL_UPSTREAM_SESSION_TOKEN").or(self.upstream_session_token);
        self.identity_access_key_id = variable("OPENTRAIL_IDENTITY_ACCESS_KEY_ID").or(self.identity_access_key_id);
        self.identity_secret_access_key =
            variable("OPENTRAIL_IDENTITY_SECRET_ACCESS_KEY").or(self.identity_secret_access_key);
        self.identity_session_token = variable("OPENTRAIL_IDENTITY_SESSION_TOKEN").or(self.identity_session_token);
        self
    }

    /// Lays this layer over another one.
    pub(crate) fn over(self, below: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(below.data_dir),
            metadata: self.metadata.or(below.metadata),
            segments: self.segments.or(below.segments),
            segment_cache: self.segment_cache.or(below.segment_cache),
            listen: self.listen.or(below.listen),
            console_listen: self.console_listen.or(below.console_listen),
            upstream: self.upstream.or(below.upstream),
            upstreams: self.upstreams.or(below.upstreams),
            account_id: self.account_id.or(below.account_id),
            region: self.region.or(below.region),
            tls_certificate: self.tls_certificate.or(below.tls_certificate),
            tls_private_key: self.tls_private_key.or(below.tls_private_key),
            upstream_ca: self.upstream_ca.or(below.upstream_ca),
            recording_failure: self.recording_failure.or(below.recording_failure),
            recording_failure_by_service: self.recording_failure_by_service.or(below.recording_failure_by_service),
            captured_body_max: self.captured_body_max.or(below.captured_body_max),
            history_days: self.history_days.or(below.history_days),
            lookup_data_events: self.lookup_data_events.or(below.lookup_data_events),
            hash_redacted_values: self.hash_redacted_values.or(below.hash_redacted_values),
            segment_events_max: self.segment_events_max.or(below.segment_events_max),
            disk_reserve: self.disk_reserve.or(below.disk_reserve),
            disk_budget: self.disk_budget.or(below.disk_budget),
            segment_size_max: self.segment_size_max.or(below.segment_size_max),
            segment_age_max: self.segment_age_max.or(below.segment_age_max),
            delivery_interval: self.delivery_interval.or(below.delivery_interval),
            digest_interval: self.digest_interval.or(below.digest_interval),
            insights_learning: self.insights_learning.or(below.insights_learning),
            digest_kms_key: self.digest_kms_key.or(below.digest_kms_key),
            require_bucket_policy: self.require_bucket_policy.or(below.require_bucket_policy),
            trail_buckets: self.trail_buckets.or(below.trail_buckets),
            event_bus: self.event_bus.or(below.event_bus),
            trails_max: self.trails_max.or(below.trails_max),
            organization_id: self.organization_id.or(below.organization_id),
            organization_accounts: self.organization_accounts.or(below.organization_accounts),
            bucket_hosts: self.bucket_hosts.or(below.bucket_hosts),
            trusted_proxies: self.trusted_proxies.or(below.trusted_proxies),
            proxy_protocol: self.proxy_protocol.or(below.proxy_protocol),
            account_from_key_id: self.account_from_key_id.or(below.account_from_key_id),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            response_timeout: self.response_timeout.or(below.response_timeout),
            body_idle_timeout: self.body_idle_timeout.or(below.body_idle_timeout),
            connections_max: self.connections_max.or(below.connections_max),
            workers: self.workers.or(below.workers),
            shutdown_grace: self.shutdown_grace.or(below.shutdown_grace),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
            root_access_key_id: self.root_access_key_id.or(below.root_access_key_id),
            root_secret_access_key: self.root_secret_access_key.or(below.root_secret_access_key),
            upstream_access_key_id: self.upstream_access_key_id.or(below.upstream_access_key_id),
            upstream_secret_access_key: self.upstream_secret_access_key.or(below.upstream_secret_access_key),
            upstream_session_token: self.upstream_session_token.or(below.upstream_session_token),
            upstreams_credentials: self.upstreams_credentials.or(below.upstreams_credentials),
            identity_access_key_id: self.identity_access_key_id.or(below.identity_access_key_id),
            identity_secret_access_key: self.identity_secret_access_key.or(below.identity_secret_access_key),
            identity_session_token: self.identity_session_token.or(below.identity_session_token),
        }
    }

    /// The data folder that this layer names, or the default one.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR_DEFAULT))
    }

    /// The account that this layer names, or the default one.
    ///
    /// # Errors
    /// The default is no account, which is a defect.
    pub(crate) fn account_id(&self) -> anyhow::Result<AccountId> {
        match &self.account_id {
            Some(account) => Ok(*account),
            None => Ok(AccountId::parse(ACCOUNT_ID_DEFAULT)?),
        }
    }

    /// Checks the layer and fills in defaults.
    ///
    /// # Errors
    /// A value that does not fit, or two that do not fit each other; the error names the setting.
    pub(crate) fn check(self) -> anyhow::Result<Settings> {
        let account_id = self.account_id()?;
        let upstream = self.upstream.as_deref().map(UpstreamUrl::parse).transpose().context("upstream")?;
        let upstreams: BTreeMap<String, UpstreamUrl> = self
            .upstreams
            .unwrap_or_default()
            .into_iter()
            .map(|(service, url)| {
                check_service(&service).context("upstreams")?;
                let url = UpstreamUrl::parse(&url).with_context(|| format!("upstreams, service {service}"))?;
                Ok((service, url))
            })
            .collect::<anyhow::Result<_>>()?;
        let tls = match (self.tls_certificate, self.tls_private_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => bail!("tls_certificate and tls_private_key go together: set both or none"),
        };
        let root_key = match (self.root_access_key_id, self.root_secret_access_key) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            _ => bail!("root_access_key_id and root_secret_access_key go together: set both or none"),
        };
        let upstream_credentials = match (self.upstream_access_key_id, self.upstream_secret_access_key) {
            (Some(access_key_id), Some(secret_access_key)) => {
                let session_token = self.upstream_session_token;
                let credentials = CredentialsLayer { access_key_id, secret_access_key, session_token };
                Some(credentials.check().context("upstream_access_key_id, upstream_secret_access_key")?)
            }
            (None, None) => None,
            _ => bail!("upstream_access_key_id and upstream_secret_access_key go together: set both or none"),
        };
        if upstream_credentials.is_some() && upstream.is_none() {
            bail!(
                "upstream_access_key_id is set and upstream is not: credentials of single services go to the table {CREDENTIALS_TABLE}"
            );
        }
        let identity_credentials = match (self.identity_access_key_id, self.identity_secret_access_key) {
            (Some(access_key_id), Some(secret_access_key)) => {
                let session_token = self.identity_session_token;
                let credentials = CredentialsLayer { access_key_id, secret_access_key, session_token };
                Some(credentials.check().context("identity_access_key_id, identity_secret_access_key")?)
            }
            (None, None) => None,
            _ => bail!("identity_access_key_id and identity_secret_access_key go together: set both or none"),
        };
        if identity_credentials.is_some() && upstream.is_none() && !upstreams.contains_key("iam") {
            bail!("identity_access_key_id is set, and there is no upstream for IAM to ask: set upstream or upstreams");
        }
        let upstreams_credentials = check_credentials(self.upstreams_credentials.unwrap_or_default(), &upstreams)?;
        let history_days = self.history_days.unwrap_or(90);
        if !(1..=HISTORY_DAYS_MAX).contains(&history_days) {
            bail!("history_days is {history_days}, and must be from 1 to {HISTORY_DAYS_MAX}");
        }
        let trusted_proxies = self.trusted_proxies.unwrap_or_default();
        let trusted_proxies: Vec<Network> = trusted_proxies
            .iter()
            .map(|text| Network::parse(text))
            .collect::<Result<_, _>>()
            .context("trusted_proxies")?;
        if self.proxy_protocol == Some(true) && trusted_proxies.is_empty() {
            bail!("proxy_protocol is set and trusted_proxies is not: name the proxies that send the header");
        }
        let digest_kms_key = self.digest_kms_key.filter(|key| !key.is_empty());
        if let Some(key) = &digest_kms_key {
            if key.contains(char::is_whitespace) {
                bail!("digest_kms_key is '{key}', and must be an ARN, an id or alias/name");
            }
            if upstream.is_none() && !upstreams.contains_key("kms") {
                bail!("digest_kms_key is set and no upstream has KMS: name one with upstreams, kms=URL");
            }
        }
        let organization = organization(self.organization_id, self.organization_accounts.unwrap_or_default())?;
        let defaults = GatewaySettings::default();
        let duration = |value: Option<HumanDuration>, default| value.map_or(default, HumanDuration::get);
        let gateway = GatewaySettings {
            captured_body_bytes_max: self.captured_body_max.map_or(defaults.captured_body_bytes_max, ByteSize::get),
            connect_timeout: duration(self.connect_timeout, defaults.connect_timeout),
            response_timeout: duration(self.response_timeout, defaults.response_timeout),
            body_idle_timeout: duration(self.body_idle_timeout, defaults.body_idle_timeout),
            connections_max: self.connections_max.unwrap_or(defaults.connections_max).max(1),
            workers: self.workers.unwrap_or(defaults.workers).max(1),
            shutdown_grace: duration(self.shutdown_grace, defaults.shutdown_grace),
            recording_failure: self.recording_failure.unwrap_or_default(),
            recording_failure_by_service: check_rules(self.recording_failure_by_service.unwrap_or_default())?,
            trusted_proxies: TrustedProxies::new(trusted_proxies),
            // Read from the data folder once that is known to exist.
            redaction_key: None,
            expects_proxy_header: self.proxy_protocol.unwrap_or(false),
            reads_account_of_key_id: self.account_from_key_id.unwrap_or(defaults.reads_account_of_key_id),
            member_accounts: organization.as_ref().map(|known| known.accounts.clone()).unwrap_or_default(),
            bucket_host_names: self.bucket_hosts.unwrap_or(defaults.bucket_host_names),
            held_stream_bytes_max: defaults.held_stream_bytes_max,
            // Read at the start, like the certificate of the endpoint.
            upstream_tls: None,
            detours: gateway::Detours::default(),
            parent_proxy: None,
        };
        Ok(Settings {
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR_DEFAULT)),
            metadata: self.metadata,
            segments: self.segments.filter(|url| !url.is_empty()),
            segment_cache_bytes: self.segment_cache.map(|size| size.get() as u64),
            listen: self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4600))),
            console_listen: self.console_listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 4601))),
            upstream,
            upstreams,
            upstream_credentials,
            upstreams_credentials,
            identity_credentials,
            account_id,
            region: self.region.map_or_else(|| Region::parse("us-east-1"), Ok)?,
            tls,
            upstream_ca: self.upstream_ca,
            gateway,
            history_days,
            disk_limits: DiskLimits {
                reserve_bytes: self
                    .disk_reserve
                    .map_or(DiskLimits::default().reserve_bytes, |reserve| reserve.get() as u64),
                budget_bytes: self.disk_budget.map(|budget| budget.get() as u64),
            },
            lookup_data_events: self.lookup_data_events.unwrap_or(false),
            hash_redacted_values: self.hash_redacted_values.unwrap_or(false),
            segment_events_max: self.segment_events_max.unwrap_or(50_000).max(1),
            segment_bytes_max: self.segment_size_max.map_or(64 * 1024 * 1024, ByteSize::get),
            segment_age_max: duration(self.segment_age_max, Duration::from_secs(3600)),
            trails: TrailRules {
                delivery: DeliverySettings {
                    // A timer of no time at all would never let go.
                    delivery_interval: duration(self.delivery_interval, Duration::from_secs(60))
                        .max(Duration::from_millis(100)),
                    digest_interval: duration(self.digest_interval, Duration::from_secs(3600)),
                },
                insights: insights::Settings::learning(duration(
                    self.insights_learning,
                    insights::Settings::LEARNING_DEFAULT,
                )),
                digest_kms_key,
                requires_bucket_policy: self.require_bucket_policy.unwrap_or(false),
                buckets: self.trail_buckets.unwrap_or_default(),
                sends_to_event_bus: self.event_bus.unwrap_or(true),
                trails_max: self.trails_max.unwrap_or(control::trails::TRAILS_MAX),
                organization: organization.map(Arc::new),
            },
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            log_format: self.log_format.unwrap_or_default(),
            root_key,
        })
    }
}

/// Names of all settings, as in the TOML file.
fn known_keys() -> Vec<String> {
    let command = SettingsLayer::augment_args(clap::Command::new("settings"));
    let flags = command.get_arguments().map(|argument| argument.get_id().to_string());
    flags.chain(SECRET_KEYS.into_iter().chain([CREDENTIALS_TABLE]).map(str::to_owned)).collect()
}

/// Variables that look like settings and are none, each with a hint.
pub(crate) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let known: Vec<String> =
        known_keys().iter().map(|key| format!("{VARIABLE_PREFIX}{}", key.to_uppercase())).collect();
    names
        .filter(|name| name.starts_with(VARIABLE_PREFIX))
        .filter(|name| !known.contains(name) && !OTHER_VARIABLES.contains(&name.as_str()))
        .map(|name| format!("{name}{}", did_you_mean(&name, known.iter().map(String::as_str))))
        .collect()
}

/// `; did you mean 'x'?` for the nearest of some names, if one is near.
fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map_or_else(String::new, |(_, candidate)| format!("; the nearest known one is '{candidate}'"))
}

fn check_service(service: &str) -> anyhow::Result<()> {
    let catalog = aws_wire::catalog::Catalog::embedded();
    if catalog.is_service_name(service) {
        return Ok(());
    }
    bail!("'{service}' is no AWS service{}", did_you_mean(service, catalog.service_names()));
}

fn check_credentials(
    table: BTreeMap<String, CredentialsLayer>,
    upstreams: &BTreeMap<String, UpstreamUrl>,
) -> anyhow::Result<BTreeMap<String, Credentials>> {
    table
        .into_iter()
        .map(|(service, credentials)| {
            check_service(&service).context(CREDENTIALS_TABLE)?;
            if !upstreams.contains_key(&service) {
                bail!("{CREDENTIALS_TABLE}: the service {service} has no upstream of its own in the table upstreams");
            }
            let credentials = credentials.check().with_context(|| format!("{CREDENTIALS_TABLE}, service {service}"))?;
            Ok((service, credentials))
        })
        .collect()
}

fn check_rules(rules: BTreeMap<String, String>) -> anyhow::Result<BTreeMap<String, RecordingFailure>> {
    rules
        .into_iter()
        .map(|(service, rule)| {
            check_service(&service).context("recording_failure_by_service")?;
            let rule = parse_recording_failure(&rule)
                .map_err(|error| anyhow::anyhow!("recording_failure_by_service, service {service}: {error}"))?;
            Ok((service, rule))
        })
        .collect()
}

fn parse_recording_failure(text: &str) -> Result<RecordingFailure, String> {
    match text {
        "closed" => Ok(RecordingFailure::Closed),
        "open" => Ok(RecordingFailure::Open),
        _ => Err(format!("'{text}' is neither closed nor open")),
    }
}

fn recording_failure_from_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RecordingFailure>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_recording_failure(&text).map(Some).map_err(serde::de::Error::custom)
}

fn parse_pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(format!("'{pair}' is not of the form NAME=VALUE")),
        })
        .collect()
}

fn organization(id: Option<String>, accounts: Vec<AccountId>) -> anyhow::Result<Option<Organization>> {
    match (id, accounts.first()) {
        (None, None) => Ok(None),
        (Some(id), Some(management_account)) => {
            if !id.starts_with("o-")
                || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            {
                bail!("organization_id is '{id}', and must look like o-exampleorgid");
            }
            let management_account = *management_account;
            Ok(Some(Organization { id, management_account, accounts: accounts.into_iter().collect() }))
        }
        _ => bail!("organization_id and organization_accounts go together: set both or none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Settings, String> {
        SettingsLayer::from_toml(text).and_then(SettingsLayer::check).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let settings = check("").expect("defaults");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:4600");
        assert_eq!(settings.console_listen.to_string(), "127.0.0.1:4601");
        assert_eq!(settings.region.as_str(), "us-east-1");
        assert_eq!(settings.history_days, 90);
        assert_eq!(settings.gateway.recording_failure, RecordingFailure::Closed);
    }

    #[test]
    fn help_states_the_default_of_every_setting_that_has_one() {
        let command = SettingsLayer::augment_args(clap::Command::new("settings"));
        let without_default = ["upstreams", "tls_private_key", "recording_failure_by_service"];
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let name = argument.get_id().as_str();
            assert_eq!(help.contains("[default: "), !without_default.contains(&name), "{name}: {help}");
            let variable = argument.get_env().and_then(|name| name.to_str()).expect(name);
            assert_eq!(variable, format!("OPENTRAIL_{}", name.to_uppercase()));
        }
    }

    #[test]
    fn every_flag_is_a_key_of_the_file() {
        for key in known_keys() {
            let error = check(&format!("{key} = {{ nonsense = [] }}")).err().unwrap_or_default();
            assert!(!error.contains("unknown key") && !error.contains("unknown field"), "{key}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = check("upstraem = 'http://127.0.0.1:5000'").expect_err("an unknown key");
        assert!(error.contains("unknown key 'upstraem'") && error.contains("'upstream'"), "{error}");
        let error = check("[upstreams]\ndynamod = 'http://127.0.0.1:5000'").expect_err("an unknown service");
        assert!(error.contains("'dynamodb'"), "{error}");
        let unknown = unknown_variables(["OPENTRAIL_LISTN".to_owned(), "OPENTRAIL_LISTEN".to_owned()].into_iter());
        assert_eq!(unknown, ["OPENTRAIL_LISTN; the nearest known one is 'OPENTRAIL_LISTEN'"]);
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        for (text, part) in [
            ("listen = 'nowhere'", "listen"),
            ("upstream = 'http://h/path'", "upstream"),
            ("account_id = '12'", "12 digits"),
            ("history_days = 0", "history_days"),
            ("tls_certificate = 'cert.pem'", "go together"),
            ("root_access_key_id = 'AKIAIOSFODNN7EXAMPLE'", "go together"),
            ("trusted_proxies = ['10.0.0.0/33']", "10.0.0.0/33"),
            ("proxy_protocol = true", "trusted_proxies"),
            ("upstream_access_key_id = 'AKIAIOSFODNN7EXAMPLE'", "go together"),
            ("upstream_access_key_id = 'AKIAIOSFODNN7EXAMPLE'\nupstream_secret_access_key = 's'", "upstream is not"),
            (
                "[upstreams_credentials.s3]\naccess_key_id = 'AKIAIOSFODNN7EXAMPLE'\nsecret_access_key = 's'",
                "no upstream of its own",
            ),
            ("recording_failure = 'ajar'", "neither closed nor open"),
            ("connect_timeout = 'soon'", "soon"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn upper_layers_win() {
        let file = SettingsLayer::from_toml("region = 'eu-west-1'\nhistory_days = 30").expect("a layer");
        let flags = SettingsLayer { history_days: Some(7), ..SettingsLayer::default() };
        let settings = flags.over(file).check().expect("settings");
        assert_eq!((settings.region.as_str(), settings.history_days), ("eu-west-1", 7));
    }
}
