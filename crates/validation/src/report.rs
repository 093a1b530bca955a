//! What is said at the end.

use std::fmt::Write;

use serde::Serialize;

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// A digest.
    Digest,
    /// A log file.
    Log,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What it is wrong with.
    pub kind: FileKind,
    /// `s3://BUCKET/KEY`.
    pub file: String,
    /// What is wrong, in words.
    pub problem: String,
}

/// A time in which nothing was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuietTime {
    /// Folder of the chain's log files.
    pub chain: String,
    /// End of the digest before.
    pub after: String,
    /// Start of the digest behind.
    pub until: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Chains of digests: one for each trail, account and region.
    pub chains: usize,
    /// Digests that prove themselves.
    pub valid_digests: usize,
    /// Digests that nothing speaks against and that nothing proves, because their signatures are not there.
    pub unproved_digests: Vec<String>,
    /// Log files that are as they were delivered.
    pub valid_logs: usize,
    /// Everything that is wrong, by file.
    pub faults: Vec<Fault>,
    /// Times in which nothing was delivered.
    pub quiet_times: Vec<QuietTime>,
    /// Trails that deliver to the same folders without digests, so that added log files were not looked for.
    pub trails_without_digests: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong, and there was something to be proved.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.valid_digests + self.unproved_digests.len() > 0
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            let kind = match fault.kind {
                FileKind::Digest => "Digest file",
                FileKind::Log => "Log file",
            };
            let _ = writeln!(text, "{kind}\t{}\tINVALID: {}", fault.file, fault.problem);
        }
        for file in &self.unproved_digests {
            let _ = writeln!(text, "Digest file\t{file}\tnot proved: its signature is not with it");
        }
        for quiet in &self.quiet_times {
            let QuietTime { chain, after, until } = quiet;
            let _ = writeln!(text, "No digests cover {chain} between {after} and {until}: the trail did not log");
        }
        for trail in &self.trails_without_digests {
            let _ =
                writeln!(text, "Added log files were not looked for: {trail} delivers here too, and writes no digests");
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let invalid = |kind: FileKind| self.faults.iter().filter(|fault| fault.kind == kind).count();
        let unproved = match self.unproved_digests.len() {
            0 => String::new(),
            count => format!(", {count} not proved"),
        };
        let _ = writeln!(
            text,
            "{} chains: {} digest files valid, {} INVALID{unproved}; {} log files valid, {} INVALID",
            self.chains,
            self.valid_digests,
            invalid(FileKind::Digest),
            self.valid_logs,
            invalid(FileKind::Log)
        );
        if self.chains == 0 {
            text.push_str("No digests found\n");
        }
        text
    }
}
