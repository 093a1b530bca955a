//! Walks all chains of a bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use digest::names::log_file_minute;
use digest::verify::PublicKeys;
use digest::{ChainCheck, DigestPlace, FileFault, Finding, FoundDigest, LogFileEntry, LogKind, Place, check_log_file};
use futures::{StreamExt, TryStreamExt};
use model::EventTime;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::report::{Fault, FileKind, QuietTime, Report};
use crate::source::{FileSource, SourceError};

/// How late a digest may be at least, seconds: windows of tests are shorter.
const LATENESS_SECONDS_MIN: i64 = 10;

/// What is to be proved.
#[derive(Debug, Clone)]
pub struct Scope {
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
    /// Trails that deliver to the same folders and write no digests: their files cannot be told from added ones.
    pub trails_without_digests: Vec<String>,
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
    covered: Covered,
}

/// What digests say of a folder of log files; those of several trails may say it together.
#[derive(Default)]
struct Covered {
    /// Keys that they name.
    named: BTreeSet<String>,
    /// Their windows, in seconds since 1970.
    windows: Vec<(i64, i64)>,
}

/// A log file and what is wrong with it.
type JudgedLog = (Place, Result<(), FileFault>);

/// Files are read here, no more at once than is allowed.
#[derive(Clone)]
struct Reader {
    source: Arc<dyn FileSource>,
    permits: Arc<Semaphore>,
}

impl Reader {
    fn place(&self, key: &str) -> Place {
        Place { bucket: self.source.bucket().to_owned(), key: key.to_owned() }
    }

    async fn digest(&self, place: &Place) -> Result<Option<FoundDigest>, SourceError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let found = self.source.read(place).await?;
        Ok(found.map(|file| FoundDigest { packed: file.packed, signature: file.signature }))
    }

    async fn judged_log(self, entry: LogFileEntry) -> Result<JudgedLog, SourceError> {
        let place = Place { bucket: entry.s3_bucket.clone(), key: entry.s3_object.clone() };
        let _permit = self.permits.acquire().await;
        let found = self.source.read(&place).await?;
        // Unpacking and hashing is what takes the time: on threads of its own, several at once.
        let judge = move || check_log_file(&entry, found.as_ref().map(|file| &*file.packed));
        Ok((place, finished(tokio::task::spawn_blocking(judge).await)))
    }
}

/// The outcome of work on another thread; a panic there goes on here.
fn finished<T>(outcome: Result<T, JoinError>) -> T {
    outcome.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The digests and log files that are there.
#[derive(Debug, Default)]
pub struct Listing {
    chains: BTreeMap<DigestPlace, Vec<(EventTime, String)>>,
    logs: Vec<String>,
}

impl Listing {
    /// Lists what is below a prefix, which stands before `AWSLogs` in the keys; all of the bucket if it is empty.
    ///
    /// # Errors
    /// Files cannot be listed.
    pub async fn read(source: &dyn FileSource, prefix: &str) -> Result<Self, SourceError> {
        let root = match prefix.trim_end_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/AWSLogs"),
        };
        let mut listing = Self::default();
        for key in source.keys(&root).await? {
            match DigestPlace::parse(&key) {
                Some((place, end)) => listing.chains.entry(place).or_default().push((end, key)),
                None if log_file_minute(&key).is_some() => listing.logs.push(key),
                None => {}
            }
        }
        listing.logs.sort_unstable();
        Ok(listing)
    }

    /// Regions of the digests: each signs with keys of its own.
    pub fn regions(&self) -> BTreeSet<&str> {
        self.chains.keys().map(|place| &*place.region).collect()
    }
}

/// Proves everything in a scope. Public keys are of all regions.
///
/// # Errors
/// Files cannot be read. What is missing or wrong is no error, but in the report.
pub async fn validate(
    source: Arc<dyn FileSource>,
    listing: Listing,
    keys: Arc<PublicKeys>,
    scope: &Scope,
    progress: &Progress,
) -> Result<Report, SourceError> {
    let Listing { chains: listed, logs } = listing;
    let mut chains: BTreeMap<DigestPlace, Vec<(EventTime, String)>> = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for (place, mut digests) in listed {
        if is_wanted(scope, &place) {
            digests.retain(|(end, _)| (scope.start..=scope.end).contains(end));
            chains.insert(place, digests);
        } else {
            left_out.extend(LogKind::ALL.map(|kind| place.log_folder(kind)));
        }
    }
    progress.digests_listed.store(chains.values().map(|chain| chain.len() as u64).sum(), Ordering::Relaxed);
    let mut report = Report { chains: chains.len(), ..Report::default() };
    let is_home =
        |(place, digests): (&DigestPlace, &Vec<_>)| !digests.is_empty() && last_delivery(scope, place).is_some();
    if let Some(last) = scope.last_delivery.filter(|last| *last <= scope.end && !chains.iter().any(is_home)) {
        let everything = Place { bucket: source.bucket().to_owned(), key: "CloudTrail-Digest/".to_owned() };
        report.faults.push(end_removed(&everything, last, "none"));
    }
    let workers = scope.workers.max(1);
    let reader = Reader { source: Arc::clone(&source), permits: Arc::new(Semaphore::new(workers)) };
    let walks = chains.into_iter().map(|(place, digests)| {
        let (reader, keys) = (reader.clone(), &keys);
        async move {
            let last = last_delivery(scope, &place);
            let newest = digests.iter().max().map(|(end, key)| (*end, reader.place(key)));
            let mut outcome = walk(&reader, keys, scope, progress, &place, digests).await?;
            if let (Some(last), Some(newest)) = (last, newest) {
                outcome.report.faults.extend(end_fault(last, newest, &outcome.covered.windows));
            }
            Ok::<_, SourceError>((place, outcome))
        }
    });
    // Several at once, and in the report in their order.
    let mut walks = futures::stream::iter(walks).buffered(workers);
    let mut folders: BTreeMap<String, Covered> = BTreeMap::new();
    while let Some((place, outcome)) = walks.try_next().await? {
        let ChainOutcome { report: found, covered } = outcome;
        report.valid_digests += found.valid_digests;
        report.valid_logs += found.valid_logs;
        report.unproved_digests.extend(found.unproved_digests);
        report.faults.extend(found.faults);
        report.quiet_times.extend(found.quiet_times);
        for kind in LogKind::ALL {
            let folder = place.log_folder(kind);
            let named: Vec<_> = covered.named.iter().filter(|key| key.starts_with(&folder)).cloned().collect();
            // Digests that name no Insights events at all may be by somebody who leaves them out of digests.
            if kind == LogKind::Events || !named.is_empty() {
                let folder = folders.entry(folder).or_default();
                folder.named.extend(named);
                folder.windows.extend(&covered.windows);
            }
        }
    }
    // Files of trails that were left out cannot be told from added ones.
    folders.retain(|folder, _| !left_out.contains(folder));
    if scope.trails_without_digests.is_empty() {
        report.faults.extend(added(source.bucket(), &logs, folders));
    }
    report.trails_without_digests.clone_from(&scope.trails_without_digests);
    Ok(report)
}

/// Log files in times that digests cover, and that none of them names.
fn added(bucket: &str, logs: &[String], folders: BTreeMap<String, Covered>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (folder, Covered { named, windows }) in folders {
        let windows = joined(windows);
        let is_covered = |minute: EventTime| {
            let seconds = minute.as_seconds();
            windows.iter().any(|(start, end)| *start <= seconds && seconds + 60 <= *end)
        };
        let first = logs.partition_point(|key| *key < folder);
        let inside = logs[first..].iter().take_while(|key| key.starts_with(&folder));
        for key in inside.filter(|key| !named.contains(*key)) {
            if log_file_minute(key).is_some_and(is_covered) {
                let place = Place { bucket: bucket.to_owned(), key: key.clone() };
                faults.push(fault(FileKind::Log, &place, &FileFault::Unexpected));
            }
        }
    }
    faults
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

/// When the last digest was delivered, where that says something of this chain.
fn last_delivery(scope: &Scope, place: &DigestPlace) -> Option<EventTime> {
    let is_home = place.region == place.home_region && !place.is_backfill;
    scope.last_delivery.filter(|last| is_home && *last <= scope.end)
}

/// What is said when the newest digest is older than the last that was delivered. The windows of the chain tell how long
/// one is: a digest may be delivered as late as the next one is due.
fn end_fault(last: EventTime, newest: (EventTime, Place), windows: &[(i64, i64)]) -> Option<Fault> {
    let (end, place) = newest;
    let newest_window = windows.iter().max_by_key(|(_, end)| *end)?;
    let length = (newest_window.1 - newest_window.0).max(LATENESS_SECONDS_MIN);
    let is_late = last.as_seconds() - end.as_seconds() > length;
    is_late.then(|| end_removed(&place, last, &end.to_string()))
}

fn end_removed(place: &Place, last: EventTime, found: &str) -> Fault {
    let wrong = FileFault::EndRemoved { expected: last.to_string(), found: found.to_owned() };
    fault(FileKind::Digest, place, &wrong)
}

async fn walk(
    reader: &Reader,
    keys: &PublicKeys,
    scope: &Scope,
    progress: &Progress,
    place: &DigestPlace,
    mut digests: Vec<(EventTime, String)>,
) -> Result<ChainOutcome, SourceError> {
    digests.sort();
    let bucket = reader.source.bucket();
    // The walk almost always wants the next of the list, so that it is read before it is asked for.
    let ahead: Vec<_> = digests.iter().rev().map(|(_, key)| reader.place(key)).collect();
    let ahead = ahead.into_iter().map(|place| async move { (reader.digest(&place).await, place) });
    let mut ahead = std::pin::pin!(futures::stream::iter(ahead).buffered(scope.workers.max(1)).peekable());
    let mut logs = LogChecks { reader, progress, running: JoinSet::new(), running_max: 2 * scope.workers.max(1) };
    let mut outcome = ChainOutcome::default();
    let mut check = ChainCheck::new(keys, bucket, digests, scope.start);
    while let Some(wanted) = check.wanted().cloned() {
        while ahead
            .as_mut()
            .next_if(|(_, place)| place.bucket == wanted.bucket && place.key > wanted.key)
            .await
            .is_some()
        {}
        let found = match ahead.as_mut().next_if(|(_, place)| *place == wanted).await {
            Some((found, _)) => found?,
            None => reader.digest(&wanted).await?,
        };
        progress.digests.fetch_add(1, Ordering::Relaxed);
        for finding in check.take(found.as_ref()) {
            let digest = match finding {
                Finding::Wrong(place, wrong) => {
                    outcome.report.faults.push(fault(FileKind::Digest, &place, &wrong));
                    continue;
                }
                Finding::Gap { after, until } => {
                    outcome.report.quiet_times.push(QuietTime {
                        chain: place.log_folder(LogKind::Events),
                        after,
                        until,
                    });
                    continue;
                }
                Finding::Proved(_, digest) => {
                    outcome.report.valid_digests += 1;
                    let seconds = |text: &str| EventTime::parse(text).map(EventTime::as_seconds);
                    let window = (seconds(&digest.digest_start_time), seconds(&digest.digest_end_time));
                    if let (Ok(start), Ok(end)) = window {
                        outcome.covered.windows.push((start, end));
                    }
                    digest
                }
                Finding::Unproved(place, digest) => {
                    outcome.report.unproved_digests.push(place.to_string());
                    digest
                }
            };
            for entry in digest.log_files {
                logs.begin(entry, &mut outcome).await?;
            }
        }
    }
    logs.end(&mut outcome).await?;
    outcome.report.faults.sort_by(|one, other| other.file.cmp(&one.file));
    Ok(outcome)
}

/// Log files of a chain that are being read and judged.
struct LogChecks<'a> {
    reader: &'a Reader,
    progress: &'a Progress,
    running: JoinSet<Result<JudgedLog, SourceError>>,
    running_max: usize,
}

impl LogChecks<'_> {
    async fn begin(&mut self, entry: LogFileEntry, outcome: &mut ChainOutcome) -> Result<(), SourceError> {
        self.running.spawn(self.reader.clone().judged_log(entry));
        if self.running.len() > self.running_max { self.take_one(outcome).await } else { Ok(()) }
    }

    async fn end(&mut self, outcome: &mut ChainOutcome) -> Result<(), SourceError> {
        while !self.running.is_empty() {
            self.take_one(outcome).await?;
        }
        Ok(())
    }

    async fn take_one(&mut self, outcome: &mut ChainOutcome) -> Result<(), SourceError> {
        let Some(judged) = self.running.join_next().await else { return Ok(()) };
        let (place, judged) = finished(judged)?;
        self.progress.logs.fetch_add(1, Ordering::Relaxed);
        match judged {
            Ok(()) => outcome.report.valid_logs += 1,
            Err(wrong) => outcome.report.faults.push(fault(FileKind::Log, &place, &wrong)),
        }
        outcome.covered.named.insert(place.key);
        Ok(())
    }
}

fn fault(kind: FileKind, place: &Place, wrong: &FileFault) -> Fault {
    Fault { kind, file: place.to_string(), problem: wrong.to_string() }
}

#[cfg(test)]
mod tests;
