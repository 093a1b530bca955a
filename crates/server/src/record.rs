//! `opentrail record`: runs a program and records its AWS calls.

mod arguments;
mod child;
mod output;

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use gateway::caller::{CallerDirectory, KnownKey};
use gateway::exchange::Surroundings;
use gateway::metrics::GatewayMetrics;
use gateway::{Destination, Detours, Gateway, GatewaySettings, ParentProxy, RecordingFailure, Routes};
use intercept::authority::EphemeralAuthority;
use intercept::environment::{self, Change, Endpoint, EndpointVariable, Wiring};
use intercept::intercepted_hosts::InterceptedHosts;
use intercept::policy::PolicyBuilder;
use intercept::proxy::InterceptProxy;
use intercept::record_file::RecordFile;
use intercept::recorder::RunRecorder;
use intercept::server_verifier::UntrustedServers;
use intercept::trust::TrustedCertificates;
use jiff::Timestamp;
use model::{AccessKeyId, AccountId, EventTime, Region};
use uuid::Uuid;

pub(crate) use arguments::RecordArguments;

/// Exit code when this program fails and not the one that it runs; the codes of `env` and `timeout`.
const OWN_FAILURE: u8 = 125;
/// Time that calls under way get once the program has ended: a call of a process that it left behind, or one whose
/// answer nobody waits for.
const LAST_CALLS_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between looks at whether calls are under way.
const LAST_CALLS_PAUSE: Duration = Duration::from_millis(10);
/// Account of records when neither the command line nor anything else names one.
const ASSUMED_ACCOUNT: &str = "123456789012";

/// No keys are known: the service at the other end judges signatures.
struct NoKeys;

impl CallerDirectory for NoKeys {
    fn find(&self, _: &AccessKeyId) -> Option<KnownKey> {
        None
    }
}

/// Runs the program to its end. Gives its exit code, or 125 to 127 when it could not be run or recorded.
pub(crate) fn run(arguments: RecordArguments) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .and_then(|runtime| runtime.block_on(record(arguments)));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::logging::complain(&format!("opentrail record: {error:#}"));
            ExitCode::from(OWN_FAILURE)
        }
    }
}

async fn record(arguments: RecordArguments) -> anyhow::Result<u8> {
    let variables = Variables::of_process();
    let output_dir = output::make_folder(arguments.output_dir.as_deref(), Timestamp::now())?;
    let (account, is_assumed) = match arguments.account_id {
        Some(account) => (account, false),
        None => (AccountId::parse(ASSUMED_ACCOUNT)?, true),
    };
    let file = RecordFile::create(&output_dir).with_context(|| format!("write into {}", output_dir.display()))?;
    let policy = PolicyBuilder::new(is_assumed.then_some(account));
    let recorder = Arc::new(RunRecorder::new(file, policy, arguments.live_form(), Box::new(std::io::stderr())));

    let trusted = trusted_certificates(&variables, &arguments.upstream_ca)?;
    let untrusted = UntrustedServers::default();
    let metrics = GatewayMetrics::default();
    let settings = GatewaySettings {
        upstream_tls: Some(trusted.client_config(&untrusted)?),
        detours: Detours::parse(arguments.resolve.iter().map(String::as_str))?,
        parent_proxy: parent_proxy(&variables),
        // A full disk must not break the program; the summary says what is missing.
        recording_failure: RecordingFailure::Open,
        ..GatewaySettings::default()
    };
    let surroundings = Surroundings {
        default_account: account,
        default_region: region(&arguments, &variables)?,
        clock: Arc::new(|| EventTime::from_micros(Timestamp::now().as_microsecond())),
        new_id: Arc::new(Uuid::new_v4),
        directory: Arc::new(NoKeys),
        sink: recorder.clone(),
        identities: None,
        observer: Some(recorder.clone()),
    };
    let routes = Routes::new(HashMap::new(), Destination::Origin);
    let gateway = Gateway::new(settings, surroundings, routes, metrics.clone());

    let authority = EphemeralAuthority::new(Timestamp::now())?;
    let endpoints = environment::endpoint_variables(variables.iter());
    let hosts = intercepted_hosts(&arguments.intercept, &endpoints)?;
    let proxy = InterceptProxy::new(Arc::clone(&gateway), authority, hosts);
    let certificates = trusted.write_with(&proxy.certificate_pem())?;
    let node_script = node_script().context("write a temporary file")?;
    let led: &[EndpointVariable] = if arguments.keep_endpoints { &[] } else { &endpoints };
    let changes = lead_here(&proxy, led, certificates.path(), node_script.path(), &variables).await?;

    let began = Instant::now();
    let exit_code = match child::run(&arguments.command, &changes).await? {
        child::End::Ran(exit_code) => exit_code,
        child::End::NotStarted(exit_code) => {
            recorder.discard();
            // Only if nothing else is in it.
            let _ = std::fs::remove_dir(&output_dir);
            return Ok(exit_code);
        }
    };
    let duration = began.elapsed();
    let_last_calls_end(&gateway, &metrics).await;
    drop((certificates, node_script));

    let finished = recorder.finish().with_context(|| format!("finish the records in {}", output_dir.display()))?;
    let unrecorded = proxy.take_unrecorded();
    let around = intercept::summary::Surroundings {
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        exit_code: i32::from(exit_code),
        tunnelled: unrecorded.tunnelled,
        distrusted: unrecorded.distrusted,
        untrusted: untrusted.take(),
        other_requests: metrics.unrecognised.get(),
        unrecorded: metrics.unrecorded.get(),
        unfinished: finished.unfinished,
    };
    output::write_files(&output_dir, &arguments, &finished, &around)?;
    output::show_summary(&output_dir, &arguments, &finished, &around);
    Ok(exit_code)
}

/// Variables of this process that are texts.
struct Variables(Vec<(String, String)>);

impl Variables {
    fn of_process() -> Self {
        let as_text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(as_text).collect())
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, value)| *own == name && !value.is_empty()).map(|(_, value)| value)
    }
}

/// The region of calls that name none: the option, else what the SDKs read.
fn region(arguments: &RecordArguments, variables: &Variables) -> anyhow::Result<Region> {
    if let Some(region) = &arguments.region {
        return Ok(region.clone());
    }
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| variables.get(name));
    named.map_or_else(|| Region::parse("us-east-1"), Region::parse).context("the region in AWS_REGION")
}

/// What the system trusts, what variables name, and what the command line adds.
fn trusted_certificates(variables: &Variables, upstream_ca: &[PathBuf]) -> anyhow::Result<TrustedCertificates> {
    let mut trusted = TrustedCertificates::of_system();
    for path in environment::certificate_files(variables.iter()) {
        // A stale variable is the program's affair; it is told all the same.
        if let Err(error) = trusted.add_file(path) {
            crate::logging::complain(&format!("opentrail record: {:#}", anyhow::Error::from(error)));
        }
    }
    for path in upstream_ca {
        trusted.add_file(path).context("--upstream-ca")?;
    }
    Ok(trusted)
}

/// The proxy that the program would have used without us.
fn parent_proxy(variables: &Variables) -> Option<ParentProxy> {
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| variables.get(name));
    let url = first(["https_proxy", "HTTPS_PROXY"])?;
    match ParentProxy::parse(url, first(["no_proxy", "NO_PROXY"]).unwrap_or_default()) {
        Ok(proxy) => Some(proxy),
        Err(error) => {
            crate::logging::complain(&format!("opentrail record: HTTPS_PROXY: {error}; connections are direct"));
            None
        }
    }
}

/// AWS endpoints, hosts of the command line, and hosts of endpoint variables.
fn intercepted_hosts(named: &[String], endpoints: &[EndpointVariable]) -> anyhow::Result<InterceptedHosts> {
    let mut hosts = InterceptedHosts::default();
    for text in named {
        hosts.add(text).context("--intercept")?;
    }
    for variable in endpoints {
        hosts.add(&variable.endpoint.target.to_string()).with_context(|| variable.name.clone())?;
    }
    Ok(hosts)
}

/// Writes the script for Node to a temporary file, which goes with the value.
fn node_script() -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("opentrail-record-").suffix(".cjs").tempfile()?;
    file.write_all(environment::NODE_SCRIPT.as_bytes())?;
    Ok(file)
}

/// Starts the listeners, and says what the program's environment must be for its calls to come to them.
async fn lead_here(
    proxy: &Arc<InterceptProxy>,
    endpoints: &[EndpointVariable],
    certificates: &Path,
    node_script: &Path,
    variables: &Variables,
) -> anyhow::Result<Vec<Change>> {
    let proxy_port = proxy.listen().await.context("listen on 127.0.0.1")?;
    let mut listeners: Vec<(Endpoint, u16)> = Vec::new();
    for EndpointVariable { name, endpoint } in endpoints.iter().filter(|variable| variable.endpoint.is_local()) {
        if listeners.iter().any(|(known, _)| known.has_the_place_of(endpoint)) {
            continue;
        }
        let port =
            proxy.listen_before(endpoint).await.with_context(|| format!("listen before the endpoint of {name}"))?;
        listeners.push((endpoint.clone(), port));
    }
    let wiring = Wiring { proxy_port, certificates, node_script };
    Ok(environment::changes(&wiring, endpoints, variables.get("NODE_OPTIONS"), |endpoint| {
        listeners.iter().find(|(known, _)| known.has_the_place_of(endpoint)).map(|(_, port)| *port)
    }))
}

/// Gives calls under way a moment to get their answers written down.
async fn let_last_calls_end(gateway: &Gateway, metrics: &GatewayMetrics) {
    let last_calls = async {
        while metrics.calls_in_flight.get() > 0 {
            tokio::time::sleep(LAST_CALLS_PAUSE).await;
        }
        gateway.finish_records().await;
    };
    if tokio::time::timeout(LAST_CALLS_TIMEOUT, last_calls).await.is_err() {
        tracing::debug!("some calls did not end in time");
    }
}
