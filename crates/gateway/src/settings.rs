//! What an operator may set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use capture::RedactionKey;
use model::AccountId;

use crate::connector::Detours;
use crate::parent_proxy::ParentProxy;
use crate::trusted_proxies::TrustedProxies;

/// What happens to a call when its record cannot be made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordingFailure {
    /// The caller gets 503 and nothing unrecorded happens.
    #[default]
    Closed,
    /// The call goes on; the gap is counted, reported, and recorded as an event once recording works again.
    Open,
}

/// Limits and time-outs of the gateway.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Most bytes of a request or answer body that are held to read parameters from. Default 1 MiB: ten times the
    /// 100 KiB above which CloudTrail leaves parameters out anyway.
    pub captured_body_bytes_max: usize,
    /// Most bytes of a streamed answer (an object) that are held so that one record, instead of a provisional and a
    /// final one, is enough. Default 64 KiB.
    pub held_stream_bytes_max: usize,
    /// Time to open a connection to an upstream. Default 5 s.
    pub connect_timeout: Duration,
    /// Time from the request's last byte to the head of the answer. Default 900 s, the longest that AWS itself lets a
    /// call take (a Lambda invocation).
    pub response_timeout: Duration,
    /// Longest silence inside a body, either way. Default 300 s.
    pub body_idle_timeout: Duration,
    /// Most connections served at once; further ones wait in the listen queue. Default 20,000.
    pub connections_max: usize,
    /// Threads that serve connections. Default: as many as the machine has cores.
    pub workers: usize,
    /// Time that open exchanges get to finish at shutdown. Default 20 s.
    pub shutdown_grace: Duration,
    /// What happens when the journal cannot take a record.
    pub recording_failure: RecordingFailure,
    /// The same for single services, by catalog id or signing name.
    pub recording_failure_by_service: BTreeMap<String, RecordingFailure>,
    /// TLS towards upstreams. Default: the certificate authorities that Mozilla trusts.
    pub upstream_tls: Option<Arc<rustls::ClientConfig>>,
    /// Upstreams that are reached elsewhere than their URL says. Default: none.
    pub detours: Detours,
    /// A proxy through whose tunnels upstreams with TLS are reached. Default: none.
    pub parent_proxy: Option<ParentProxy>,
    /// Whether the account of a caller of whom only the key id is known is read from that id. Default true.
    pub reads_account_of_key_id: bool,
    /// Accounts beside the default one whose callers' records are theirs, such as those of an organization. Default: none.
    pub member_accounts: BTreeSet<AccountId>,
    /// Proxies whose word about the address of a caller counts. Default: none.
    pub trusted_proxies: TrustedProxies,
    /// Whether connections of trusted proxies begin with a PROXY header. Default false.
    pub expects_proxy_header: bool,
    /// With a key, hidden texts are recorded with a keyed hash of their value. Default: none.
    pub redaction_key: Option<RedactionKey>,
    /// Host names under which virtual-host style buckets are served, such as `s3.localhost`.
    pub bucket_host_names: Vec<String>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            captured_body_bytes_max: 1024 * 1024,
            held_stream_bytes_max: 64 * 1024,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(900),
            body_idle_timeout: Duration::from_secs(300),
            connections_max: 20_000,
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            shutdown_grace: Duration::from_secs(20),
            recording_failure: RecordingFailure::Closed,
            recording_failure_by_service: BTreeMap::new(),
            upstream_tls: None,
            detours: Detours::default(),
            parent_proxy: None,
            reads_account_of_key_id: true,
            member_accounts: BTreeSet::new(),
            trusted_proxies: TrustedProxies::default(),
            expects_proxy_header: false,
            redaction_key: None,
            bucket_host_names: vec!["localhost".to_owned(), "s3.localhost".to_owned()],
        }
    }
}

impl GatewaySettings {
    /// The rule for a service: its own, else the general one.
    pub fn recording_failure_for(&self, service_id: &str, signing_name: &str) -> RecordingFailure {
        if self.recording_failure_by_service.is_empty() {
            return self.recording_failure;
        }
        self.recording_failure_by_service
            .get(service_id)
            .or_else(|| self.recording_failure_by_service.get(signing_name))
            .copied()
            .unwrap_or(self.recording_failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_rule_wins_over_the_general_one() {
        let settings = GatewaySettings {
            recording_failure_by_service: BTreeMap::from([("s3".to_owned(), RecordingFailure::Open)]),
            ..GatewaySettings::default()
        };
        assert_eq!(settings.recording_failure_for("s3", "s3"), RecordingFailure::Open);
        assert_eq!(settings.recording_failure_for("iam", "iam"), RecordingFailure::Closed);
    }
}
