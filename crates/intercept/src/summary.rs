//! What a run did, in numbers. Its size depends on how many operations there are, not on how many calls.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use model::EventRecord;
use serde::Serialize;

use crate::denial::is_denial;
use crate::live::{LiveCall, call_name, printable};

/// How many of the slowest calls are kept.
const SLOWEST_MAX: usize = 10;
/// Most kinds of errors that are told apart.
const ERROR_KINDS_MAX: usize = 256;
/// Most hosts that are told apart.
const HOSTS_MAX: usize = 64;
/// Most operations that the text names; the file names all.
const OPERATIONS_SHOWN_MAX: usize = 30;
/// Most lines of any other list in the text.
const LINES_SHOWN_MAX: usize = 10;
/// Characters of the message that is kept for a kind of error.
const MESSAGE_CHARACTERS_MAX: usize = 200;

/// Numbers of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationCounts {
    /// Calls.
    pub calls: u64,
    /// Calls with an error, denied ones included.
    pub errors: u64,
    /// Calls that were denied.
    pub denied: u64,
    /// Bytes of the requests' bodies.
    pub request_bytes: u64,
    /// Bytes of the answers' bodies.
    pub response_bytes: u64,
    /// Time of all calls together, ms.
    pub total_ms: u64,
    /// Time of the slowest, ms.
    pub slowest_ms: u64,
    #[serde(skip)]
    total: Duration,
}

/// One kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorCount {
    /// Service and event.
    pub call: String,
    /// Error code.
    pub code: String,
    /// Message of the first.
    pub message: Option<String>,
    /// Whether it is a denial.
    pub is_denial: bool,
    /// How many.
    pub count: u64,
}

/// What was counted of a call beside its record.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Status of the answer.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// From the request's head to the end of the answer.
    pub duration: Duration,
}

/// Connections that were not recorded, by host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HostCounts(BTreeMap<String, u64>);

impl HostCounts {
    /// Counts one; hosts beyond the bound are counted together.
    pub fn count(&mut self, host: &str) {
        let known = self.0.contains_key(host) || self.0.len() < HOSTS_MAX;
        *self.0.entry(if known { host.to_owned() } else { "(others)".to_owned() }).or_default() += 1;
    }

    /// How many connections.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// What the recorder cannot see in records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Surroundings {
    /// Time that the program ran, ms.
    pub duration_ms: u64,
    /// Exit code that the program left.
    pub exit_code: i32,
    /// Connections to other hosts, tunnelled unread.
    pub tunnelled: HostCounts,
    /// Hosts whose connections the program broke off because it does not trust the run's certificates.
    pub distrusted: HostCounts,
    /// Real endpoints whose certificates are not trusted here: calls to them failed.
    pub untrusted: HostCounts,
    /// Requests that came through and were no AWS calls.
    pub other_requests: u64,
    /// Calls that went on although they could not be written down.
    pub unrecorded: u64,
    /// Calls whose outcome is not known: the program was gone before their answer.
    pub unfinished: u64,
}

/// Numbers of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All calls together.
    pub total: OperationCounts,
    /// By service and event.
    pub operations: BTreeMap<String, OperationCounts>,
    /// By service, event and error code.
    pub errors: Vec<ErrorCount>,
    /// The slowest calls, slowest first.
    pub slowest: Vec<LiveCall>,
}

impl Summary {
    /// Counts a call.
    pub fn add(&mut self, record: &EventRecord, measured: &Measured) {
        let call = call_name(record);
        let is_denied = record.error_code.as_deref().is_some_and(is_denial);
        for counts in [&mut self.total, self.operations.entry(call.clone()).or_default()] {
            counts.add(record.error_code.is_some(), is_denied, measured);
        }
        if let Some(code) = &record.error_code {
            self.count_error(call, code, record.error_message.as_deref(), is_denied);
        }
        self.keep_if_slow(record, measured);
    }

    fn count_error(&mut self, call: String, code: &str, message: Option<&str>, is_denial: bool) {
        if let Some(known) = self.errors.iter_mut().find(|error| error.call == call && error.code == code) {
            known.count += 1;
        } else if self.errors.len() < ERROR_KINDS_MAX {
            let message = message.map(|text| text.chars().take(MESSAGE_CHARACTERS_MAX).collect());
            self.errors.push(ErrorCount { call, code: code.to_owned(), message, is_denial, count: 1 });
        }
    }

    fn keep_if_slow(&mut self, record: &EventRecord, measured: &Measured) {
        let duration_ms = millis(measured.duration);
        let at = self.slowest.partition_point(|slow| slow.duration_ms >= duration_ms);
        if at < SLOWEST_MAX {
            self.slowest.insert(at, LiveCall::of(record, measured.status, measured.duration));
            self.slowest.truncate(SLOWEST_MAX);
        }
    }

    /// The summary for people.
    pub fn text(&self, surroundings: &Surroundings) -> String {
        let mut text = String::new();
        let total = &self.total;
        let mut line = |line: &str| {
            text.push_str(&printable(line));
            text.push('\n');
        };
        let seconds = Duration::from_millis(surroundings.duration_ms).as_secs_f64();
        line(&format!(
            "{} in {seconds:.1} s, {} failed, {} denied; {} sent, {} received",
            plural(total.calls, "call"),
            total.errors,
            total.denied,
            bytes(total.request_bytes),
            bytes(total.response_bytes)
        ));
        if !self.operations.is_empty() {
            self.operation_lines().iter().for_each(|one| line(one));
        }
        if total.errors > 0 {
            line("errors:");
            self.error_lines().iter().for_each(|one| line(one));
        }
        if total.calls > 1 {
            line("slowest:");
            for slow in self.slowest.iter().take(3) {
                line(&format!("  {}", slow.text()));
            }
        }
        let others = surroundings.lines();
        others.iter().for_each(|one| line(one));
        if total.calls == 0 && others.is_empty() {
            line(
                "nothing came through the recorder: a program that reads neither HTTPS_PROXY nor AWS_ENDPOINT_URL goes \
                 past it",
            );
        }
        text
    }

    fn operation_lines(&self) -> Vec<String> {
        let mut operations: Vec<_> = self.operations.iter().collect();
        operations.sort_by(|a, b| b.1.calls.cmp(&a.1.calls).then(a.0.cmp(b.0)));
        let mut lines =
            vec![format!("{:>8} {:>7} {:>7} {:>9} {:>9}  call", "calls", "failed", "denied", "mean", "slowest")];
        for (name, counts) in operations.iter().take(OPERATIONS_SHOWN_MAX) {
            let mean = mean(counts.total, counts.calls);
            let slowest = format!("{} ms", counts.slowest_ms);
            lines.push(format!(
                "{:>8} {:>7} {:>7} {mean:>9} {slowest:>9}  {name}",
                counts.calls, counts.errors, counts.denied
            ));
        }
        lines.extend(more(operations.len(), OPERATIONS_SHOWN_MAX, "operations"));
        lines
    }

    fn error_lines(&self) -> Vec<String> {
        let mut errors: Vec<_> = self.errors.iter().collect();
        errors.sort_by_key(|error| std::cmp::Reverse((error.is_denial, error.count)));
        let line = |error: &&ErrorCount| {
            let mut line = format!("  {}x {} {}", error.count, error.call, error.code);
            if let Some(message) = &error.message {
                let _ = write!(line, ": {message}");
            }
            line
        };
        let mut lines: Vec<_> = errors.iter().take(LINES_SHOWN_MAX).map(line).collect();
        lines.extend(more(errors.len(), LINES_SHOWN_MAX, "kinds of errors"));
        lines
    }
}

impl OperationCounts {
    fn add(&mut self, has_error: bool, is_denied: bool, measured: &Measured) {
        self.calls += 1;
        self.errors += u64::from(has_error);
        self.denied += u64::from(is_denied);
        self.request_bytes += measured.request_bytes;
        self.response_bytes += measured.response_bytes;
        self.total += measured.duration;
        self.total_ms = millis(self.total);
        self.slowest_ms = self.slowest_ms.max(millis(measured.duration));
    }
}

impl Surroundings {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.unrecorded > 0 {
            lines.push(format!(
                "NOT RECORDED: {} went on while the disk took no record",
                plural(self.unrecorded, "call")
            ));
        }
        if self.unfinished > 0 {
            let calls = plural(self.unfinished, "call");
            lines.push(format!("{calls} had no answer when the program ended; recorded as OutcomeUnknown"));
        }
        if self.distrusted.total() > 0 {
            let hosts = self.distrusted.list();
            lines.push(format!("NOT RECORDED: the program does not trust the run's certificates for {hosts}"));
        }
        if self.untrusted.total() > 0 {
            let hosts = self.untrusted.list();
            lines.push(format!(
                "NOT SENT: nobody who is trusted vouches for the certificate of {hosts}: name its authority, or itself, \
                 with --upstream-ca FILE or AWS_CA_BUNDLE"
            ));
        }
        if self.tunnelled.total() > 0 {
            let connections = plural(self.tunnelled.total(), "connection");
            lines.push(format!("not recorded: {connections} to other hosts: {}", self.tunnelled.list()));
        }
        if self.other_requests > 0 {
            let requests = plural(self.other_requests, "request");
            lines.push(format!(
                "not recorded: {requests} that {} no AWS calls",
                if self.other_requests == 1 { "was" } else { "were" }
            ));
        }
        lines
    }
}

impl HostCounts {
    fn list(&self) -> String {
        let mut hosts: Vec<_> = self.0.iter().collect();
        hosts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let shown: Vec<_> =
            hosts.iter().take(LINES_SHOWN_MAX).map(|(host, count)| format!("{host} ({count})")).collect();
        let rest = if hosts.len() > LINES_SHOWN_MAX { ", …" } else { "" };
        format!("{}{rest}", shown.join(", "))
    }
}

/// The mean time of calls, with a tenth where it is short.
fn mean(total: Duration, calls: u64) -> String {
    let mean_ms = total.as_secs_f64() * 1_000.0 / calls.max(1) as f64;
    if mean_ms < 10.0 { format!("{mean_ms:.1} ms") } else { format!("{mean_ms:.0} ms") }
}

fn more(all: usize, shown: usize, what: &str) -> Option<String> {
    (all > shown).then(|| format!("  and {} more {what}, see summary.json", all - shown))
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A size for people, in powers of 1,000.
fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::tests::record;

    fn measured(status: u16, duration_ms: u64) -> Measured {
        Measured {
            status: Some(status),
            request_bytes: 1_000,
            response_bytes: 2_500,
            duration: Duration::from_millis(duration_ms),
        }
    }

    #[test]
    fn a_run_in_words() {
        let mut summary = Summary::default();
        let object = ["arn:aws:s3:::b/k"];
        summary.add(&record("s3", json!({}), &object, None), &measured(200, 12));
        summary.add(&record("s3", json!({}), &object, None), &measured(200, 40));
        summary.add(&record("iam", json!({"userName": "ana"}), &[], Some("AccessDenied")), &measured(403, 7));
        summary.add(&record("s3", json!({}), &object, Some("NoSuchKey")), &measured(404, 3));
        let mut surroundings = Surroundings { duration_ms: 1_250, unfinished: 1, ..Surroundings::default() };
        surroundings.tunnelled.count("pypi.org");
        let expected = "\
4 calls in 1.2 s, 2 failed, 1 denied; 4.0 kB sent, 10.0 kB received
   calls  failed  denied      mean   slowest  call
       3       1       0     18 ms     40 ms  s3:Call
       1       1       1    7.0 ms      7 ms  iam:Call
errors:
  1x iam:Call AccessDenied
  1x s3:Call NoSuchKey
slowest:
  00:00:00 s3:Call b/k  200  40 ms
  00:00:00 s3:Call b/k  200  12 ms
  00:00:00 iam:Call ana  403 AccessDenied  7 ms
1 call had no answer when the program ended; recorded as OutcomeUnknown
not recorded: 1 connection to other hosts: pypi.org (1)
";
        assert_eq!(summary.text(&surroundings), expected);
        assert_eq!(summary.operations["s3:Call"].calls, 3);
    }

    #[test]
    fn a_run_without_a_call_says_how_that_may_be() {
        let text = Summary::default().text(&Surroundings::default());
        assert!(text.contains("nothing came through the recorder"), "{text}");
        let mut surroundings = Surroundings::default();
        surroundings.tunnelled.count("pypi.org");
        let text = Summary::default().text(&surroundings);
        assert!(!text.contains("nothing came through"), "{text}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut summary = Summary::default();
        let mut hosts = HostCounts::default();
        for number in 0..2_000_u64 {
            let failed = record("s3", json!({}), &[], Some(&format!("Error{number}")));
            summary.add(&failed, &measured(400, number % 97));
            hosts.count(&format!("host{number}"));
        }
        assert_eq!(summary.slowest.len(), SLOWEST_MAX);
        assert!(summary.slowest.iter().all(|slow| slow.duration_ms == 96), "{:?}", summary.slowest);
        assert_eq!(summary.errors.len(), ERROR_KINDS_MAX);
        assert_eq!((hosts.0.len(), hosts.total()), (HOSTS_MAX + 1, 2_000));
    }

    #[test]
    fn sizes() {
        for (count, text) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (2_500_000, "2.5 MB"), (7_000_000_000, "7.0 GB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
