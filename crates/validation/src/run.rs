//! Walks all chains of a bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use digest::digest_file::Digest;
use digest::names::log_file_minute;
use digest::verify::PublicKeys;
use digest::{ChainCheck, DigestPlace, FileFault, Finding, FoundDigest, LogFileEntry, Place, check_log_file};
use futures::{StreamExt, TryStreamExt};
use model::EventTime;

use crate::report::{Fault, FileKind, QuietTime, Report};
use crate::source::{FileSource, SourceError};

/// What is to be proved.
#[derive(Debug, Clone)]
pub struct Scope {
    /// What stands before `AWSLogs` in the keys; empty for all.
    pub prefix: String,
    /// Only digests of the trail of this name.
    pub trail_name: Option<String>,
    /// Only digests of trails that were made in this region.
    pub home_region: Option<String>,
    /// Digests that end before this are left out.
    pub start: EventTime,
    /// Digests that end after this are left out.
    pub end: EventTime,
    /// When the last digest of the trail's home region was delivered, if that is known: the newest that is there must not
    /// be older.
    pub last_delivery: Option<EventTime>,
    /// Files that are read at once, at least 1.
    pub workers: usize,
}

/// How far it is, for a progress bar.
#[derive(Debug, Default)]
pub struct Progress {
    /// Digests that were looked at.
    pub digests: AtomicU64,
    /// Log files that were looked at.
    pub logs: AtomicU64,
    /// Digests that were listed.
    pub digests_listed: AtomicU64,
}

/// What one chain brought.
#[derive(Default)]
struct ChainOutcome {
    report: Report,
    /// Keys of log files that its digests name.
    named: BTreeSet<String>,
    /// Windows that are covered, in seconds since 1970.
    windows: Vec<(i64, i64)>,
}

/// Proves everything in a scope. Public keys are of all regions.
///
/// # Errors
/// Files cannot be listed or read. What is missing or wrong is no error, but in the report.
pub async fn validate(
    source: Arc<dyn FileSource>,
    keys: Arc<PublicKeys>,
    scope: &Scope,
    progress: &Progress,
) -> Result<Report, SourceError> {
    let root = match &*scope.prefix {
        "" => String::new(),
        prefix => format!("{}/AWSLogs", prefix.trim_end_matches('/')),
    };
    let listed = source.keys(&root).await?;
    let mut chains: BTreeMap<DigestPlace, Vec<(EventTime, String)>> = BTreeMap::new();
    let (mut left_out, mut logs) = (BTreeSet::new(), Vec::new());
    for key in listed {
        match DigestPlace::parse(&key) {
            Some((place, end)) if is_wanted(scope, &place) => {
                let chain = chains.entry(place).or_default();
                if (scope.start..=scope.end).contains(&end) {
                    chain.push((end, key));
                }
            }
            Some((place, _)) => drop(left_out.insert(place.log_folder())),
            None if log_file_minute(&key).is_some() => logs.push(key),
            None => {}
        }
    }
    progress.digests_listed.store(chains.values().map(|chain| chain.len() as u64).sum(), Ordering::Relaxed);
    let mut report = Report { chains: chains.len(), ..Report::default() };
    // By folder of log files: several trails may share one.
    let mut covered: BTreeMap<String, (BTreeSet<String>, Vec<(i64, i64)>)> = BTreeMap::new();
    for (place, digests) in chains {
        let end_fault = end_fault(source.bucket(), &place, &digests, scope);
        let outcome = walk(&source, &keys, scope, progress, &place, digests).await?;
        let ChainOutcome { report: found, named, windows } = outcome;
        report.valid_digests += found.valid_digests;
        report.valid_logs += found.valid_logs;
        report.unproved_digests.extend(found.unproved_digests);
        report.faults.extend(end_fault(&windows));
        report.faults.extend(found.faults);
        report.quiet_times.extend(found.quiet_times);
        let folder = covered.entry(place.log_folder()).or_default();
        folder.0.extend(named);
        folder.1.extend(windows);
    }
    for (folder, (named, windows)) in covered {
        // Files of trails that were left out cannot be told from added ones.
        if left_out.contains(&folder) {
            continue;
        }
        let windows = joined(windows);
        let is_added = |key: &&String| {
            let is_covered = |minute: EventTime| {
                let seconds = minute.as_seconds();
                windows.iter().any(|(start, end)| *start <= seconds && seconds + 60 <= *end)
            };
            key.starts_with(&folder) && !named.contains(*key) && log_file_minute(key).is_some_and(is_covered)
        };
        report.faults.extend(logs.iter().filter(is_added).map(|key| {
            fault(
                FileKind::Log,
                &Place { bucket: source.bucket().to_owned(), key: key.clone() },
                &FileFault::Unexpected,
            )
        }));
    }
    Ok(report)
}

fn is_wanted(scope: &Scope, place: &DigestPlace) -> bool {
    scope.trail_name.as_ref().is_none_or(|name| *name == place.trail_name)
        && scope.home_region.as_ref().is_none_or(|region| *region == place.home_region)
}

/// Windows that touch or overlap, as one.
fn joined(mut windows: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    windows.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, end) in windows {
        match joined.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// What is said when the newest digest is older than the last that was delivered. The windows of the chain tell how long
/// one is: a digest may be delivered as late as the next one is due.
fn end_fault(
    bucket: &str,
    place: &DigestPlace,
    digests: &[(EventTime, String)],
    scope: &Scope,
) -> impl FnOnce(&[(i64, i64)]) -> Option<Fault> + use<> {
    let is_home = place.region == place.home_region && !place.is_backfill;
    let last = scope.last_delivery.filter(|last| is_home && *last <= scope.end);
    let newest = digests.iter().max().cloned();
    let folder =
        Place { bucket: bucket.to_owned(), key: place.log_folder().replace("/CloudTrail/", "/CloudTrail-Digest/") };
    move |windows| {
        let last = last?;
        let (found, place) = match newest {
            None => ("none".to_owned(), folder),
            Some((end, key)) => {
                let newest_window = windows.iter().max_by_key(|(_, end)| *end)?;
                let length = (newest_window.1 - newest_window.0).max(1);
                if last.as_seconds() - end.as_seconds() <= length {
                    return None;
                }
                (end.to_string(), Place { key, ..folder })
            }
        };
        Some(fault(FileKind::Digest, &place, &FileFault::EndRemoved { expected: last.to_string(), found }))
    }
}

async fn walk(
    source: &Arc<dyn FileSource>,
    keys: &Arc<PublicKeys>,
    scope: &Scope,
    progress: &Progress,
    place: &DigestPlace,
    digests: Vec<(EventTime, String)>,
) -> Result<ChainOutcome, SourceError> {
    let mut outcome = ChainOutcome::default();
    let mut check = ChainCheck::new(keys, source.bucket(), digests, scope.start);
    while let Some(wanted) = check.wanted().cloned() {
        let found = source.read(&wanted).await?;
        let found = found.map(|file| FoundDigest { packed: file.packed, signature: file.signature });
        progress.digests.fetch_add(1, Ordering::Relaxed);
        for finding in check.take(found.as_ref()) {
            match finding {
                Finding::Wrong(place, wrong) => outcome.report.faults.push(fault(FileKind::Digest, &place, &wrong)),
                Finding::Gap { after, until } => {
                    outcome.report.quiet_times.push(QuietTime { chain: place.log_folder(), after, until });
                }
                Finding::Proved(_, digest) => {
                    outcome.report.valid_digests += 1;
                    let seconds = |text: &str| EventTime::parse(text).map(EventTime::as_seconds);
                    let window = (seconds(&digest.digest_start_time), seconds(&digest.digest_end_time));
                    if let (Ok(start), Ok(end)) = window {
                        outcome.windows.push((start, end));
                    }
                    check_logs(source, scope, progress, digest, &mut outcome).await?;
                }
                Finding::Unproved(place, digest) => {
                    outcome.report.unproved_digests.push(place.to_string());
                    check_logs(source, scope, progress, digest, &mut outcome).await?;
                }
            }
        }
    }
    Ok(outcome)
}

async fn check_logs(
    source: &Arc<dyn FileSource>,
    scope: &Scope,
    progress: &Progress,
    digest: Digest,
    outcome: &mut ChainOutcome,
) -> Result<(), SourceError> {
    let checks = digest.log_files.into_iter().map(|entry| check_log(Arc::clone(source), entry));
    let mut checks = futures::stream::iter(checks).buffer_unordered(scope.workers.max(1));
    while let Some((place, judged)) = checks.try_next().await? {
        progress.logs.fetch_add(1, Ordering::Relaxed);
        match judged {
            Ok(()) => outcome.report.valid_logs += 1,
            Err(wrong) => outcome.report.faults.push(fault(FileKind::Log, &place, &wrong)),
        }
        outcome.named.insert(place.key);
    }
    Ok(())
}

async fn check_log(
    source: Arc<dyn FileSource>,
    entry: LogFileEntry,
) -> Result<(Place, Result<(), FileFault>), SourceError> {
    let place = Place { bucket: entry.s3_bucket.clone(), key: entry.s3_object.clone() };
    let found = source.read(&place).await?;
    // Unpacking and hashing is what takes the time: on threads of its own, several at once.
    let judge = move || check_log_file(&entry, found.as_ref().map(|file| &*file.packed));
    let judged = tokio::task::spawn_blocking(judge).await;
    // A panic there would be a defect; a file that nobody could judge is not valid.
    Ok((place, judged.unwrap_or(Err(FileFault::NotGzip))))
}

fn fault(kind: FileKind, place: &Place, wrong: &FileFault) -> Fault {
    Fault { kind, file: place.to_string(), problem: wrong.to_string() }
}

#[cfg(test)]
mod tests;
