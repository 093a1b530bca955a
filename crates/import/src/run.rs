//! An import from its options to its report.

use std::collections::HashMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::counts::{FileOutcome, RecordCounts};
use crate::destination::{DestinationError, Destinations};
use crate::file_key::{FileKey, Fingerprint};
use crate::limits::{COMMIT_BYTES, LEDGER_KEYS_MAX};
use crate::notices::{Message, NoticedObject, Notices, objects_of};
use crate::progress::{Progress, ProgressStyle};
use crate::reject_file::RejectFile;
use crate::report::ImportReport;
use crate::source::{Day, Found, FoundFile, Listing, Locator, Place, Source, SourceError, is_digest};
use crate::stop::Stop;
use crate::worker::{Job, Worker, chain};

/// Files that wait for a worker. Objects of a bucket are on their way by then, so this hides the time of a request.
const WAITING_JOBS_MAX: usize = 32;
/// Days before today that are looked at again when following: AWS delivers late, and clocks differ.
const FOLLOWED_DAYS: u32 = 2;
/// How long messages are waited for at once; a stop waits as long.
const NOTICES_WAIT: Duration = Duration::from_secs(5);
/// Files that following remembers, so as not to look at them again; some 200 MB.
const REMEMBERED_FILES_MAX: usize = 1_000_000;

/// What to import and how.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Read one after the other.
    pub places: Vec<Place>,
    /// Folder for what is not taken; a file is made in it when there is something.
    pub rejects_folder: PathBuf,
    /// Files read at the same time.
    pub workers: NonZeroUsize,
    /// A worker commits when this much waits, by the destination's own measure.
    pub commit_bytes: usize,
    /// Look for new files at this interval until stopped.
    pub follow: Option<Duration>,
    /// Read what messages tell of, between two looks when following.
    pub notices: Option<Arc<dyn Notices>>,
    /// How progress is shown.
    pub progress: ProgressStyle,
}

impl ImportOptions {
    /// One worker a core, nothing shown, no following.
    pub fn new(places: Vec<Place>, rejects_folder: PathBuf) -> Self {
        Self {
            places,
            rejects_folder,
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            commit_bytes: COMMIT_BYTES,
            follow: None,
            notices: None,
            progress: ProgressStyle::Silent,
        }
    }
}

/// Why an import ended before its end. What was committed stays; the same import again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The destination cannot go on.
    #[error("the import cannot go on")]
    Destination(#[source] DestinationError),
    /// What is not taken cannot be kept aside, and nothing may be lost.
    #[error("cannot write to the folder of rejects {}", .folder.display())]
    Rejects {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The destination stored another number of records than it was given: a bug.
    #[error("records are lost between the importer and its destination: this is a bug")]
    Miscounted,
}

/// Why a worker gave up.
#[derive(Debug)]
pub(crate) enum Abort {
    Destination(DestinationError),
    Rejects(io::Error),
    Miscounted,
}

impl From<DestinationError> for Abort {
    fn from(error: DestinationError) -> Self {
        Self::Destination(error)
    }
}

/// Imports all places. Blocks: one thread lists, the options' number of threads reads, and one shows progress on
/// `out`. Follows until `stop`, where the options say so.
///
/// # Errors
/// See [`ImportError`]. Files and places that cannot be read are in the report and no errors.
pub fn run(
    options: &ImportOptions,
    destinations: &dyn Destinations,
    stop: &Stop,
    out: &mut (dyn Write + Send),
) -> Result<ImportReport, ImportError> {
    let started = Instant::now();
    let progress = Progress::default();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("rejects-{}-{}.jsonl", since_epoch.as_secs(), std::process::id());
    let books = Books {
        report: Mutex::new(ImportReport { identity_holds: true, ..ImportReport::default() }),
        rejects: Mutex::new(RejectFile::new(&options.rejects_folder, &name)),
        remembered: Mutex::new(HashMap::new()),
    };
    let shown = Stop::default();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| progress.show(options.progress, out, &shown));
        let outcome = passes(options, destinations, stop, &progress, &books);
        shown.request();
        outcome
    });
    let mut report = lock(&books.report).clone();
    let mut rejects = lock(&books.rejects);
    let synced = rejects.sync().map_err(Abort::Rejects);
    outcome.and(synced).map_err(|abort| match abort {
        Abort::Destination(error) => ImportError::Destination(error),
        Abort::Rejects(source) => ImportError::Rejects { folder: options.rejects_folder.clone(), source },
        Abort::Miscounted => ImportError::Miscounted,
    })?;
    report.rejects_file = rejects.path().map(PathBuf::from);
    report.identity_holds &= report.records.is_whole() && report.files.is_whole();
    report.seconds = started.elapsed().as_secs_f64();
    // Following only ever ends by being stopped.
    report.interrupted = stop.is_requested() && options.follow.is_none();
    Ok(report)
}

/// What all passes of a run write to.
struct Books {
    report: Mutex<ImportReport>,
    rejects: Mutex<RejectFile>,
    /// Files that are settled, with size and version, when following.
    remembered: Mutex<HashMap<FileKey, (u64, String)>>,
}

/// One pass over all places, or one and then another at every interval.
fn passes(
    options: &ImportOptions,
    destinations: &dyn Destinations,
    stop: &Stop,
    progress: &Progress,
    books: &Books,
) -> Result<(), Abort> {
    let mut since = None;
    loop {
        let mut failed_places = Vec::new();
        for place in &options.places {
            let source = match Source::open(place) {
                Ok(source) => source,
                Err(error) => {
                    failed_places.push(chain(&error));
                    continue;
                }
            };
            let aborting = AtomicBool::new(false);
            let shared = Shared {
                options,
                destinations,
                source: &source,
                progress,
                stop,
                aborting,
                books,
                since,
                objects: None,
            };
            let found_before = lock(&books.report).files.found;
            match shared.pass()? {
                Err(error) => failed_places.push(chain(&error)),
                // A wrong path must not look like an import of nothing. What is followed may come later.
                Ok(())
                    if options.follow.is_none()
                        && !stop.is_requested()
                        && lock(&books.report).files.found == found_before =>
                {
                    failed_places.push(format!("no file in {place}"));
                }
                Ok(()) => {}
            }
            if stop.is_requested() {
                break;
            }
        }
        progress.is_listed.store(true, Ordering::Relaxed);
        if since.is_some() {
            // A bucket that cannot be reached now may be reached at the next interval.
            failed_places.drain(..).for_each(|place| tracing::warn!("{place}; the next look may succeed"));
        }
        lock(&books.report).failed_places.append(&mut failed_places);
        let Some(interval) = options.follow else { return Ok(()) };
        match &options.notices {
            None => stop.wait(interval),
            Some(notices) => {
                let run = Run { options, destinations, stop, progress, books };
                run.heed(&**notices, Instant::now() + interval)?;
            }
        }
        if stop.is_requested() {
            return Ok(());
        }
        since = Some(Day::before(SystemTime::now(), FOLLOWED_DAYS));
    }
}

/// What the threads of one pass share.
pub(crate) struct Shared<'a> {
    pub(crate) options: &'a ImportOptions,
    pub(crate) destinations: &'a dyn Destinations,
    pub(crate) source: &'a Source,
    pub(crate) progress: &'a Progress,
    stop: &'a Stop,
    /// A worker gave up: the others end too.
    aborting: AtomicBool,
    books: &'a Books,
    /// Only these days are looked at, and known files go without saying.
    since: Option<Day>,
    /// Only these objects are looked at.
    objects: Option<&'a [String]>,
}

/// What a run has at hand between its passes.
struct Run<'a> {
    options: &'a ImportOptions,
    destinations: &'a dyn Destinations,
    stop: &'a Stop,
    progress: &'a Progress,
    books: &'a Books,
}

impl Run<'_> {
    /// Reads what messages tell of, until a time. A message is removed once all of its objects are settled.
    fn heed(&self, notices: &dyn Notices, until: Instant) -> Result<(), Abort> {
        while Instant::now() < until && !self.stop.is_requested() {
            let wait = NOTICES_WAIT.min(until.saturating_duration_since(Instant::now()));
            let messages = match notices.receive(wait) {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(error = &*error as &dyn std::error::Error, "no messages of new files can be had");
                    self.stop.wait(wait);
                    continue;
                }
            };
            let told: Vec<(Message, Vec<NoticedObject>)> = messages.into_iter().filter_map(with_objects).collect();
            for place in &self.options.places {
                let objects = told.iter().flat_map(|(_, objects)| objects).filter(|object| place.has(object));
                let keys: Vec<String> = objects.map(|object| object.key.clone()).collect();
                if !keys.is_empty() {
                    self.read(place, &keys)?;
                }
            }
            let settled = told.into_iter().filter(|(_, objects)| objects.iter().all(|object| self.is_settled(object)));
            let receipts: Vec<String> = settled.map(|(message, _)| message.receipt).collect();
            if !receipts.is_empty()
                && let Err(error) = notices.remove(&receipts)
            {
                let error = &*error as &dyn std::error::Error;
                tracing::warn!(error, "messages of files that were read stay in their queue, and come again");
            }
        }
        Ok(())
    }

    fn read(&self, place: &Place, keys: &[String]) -> Result<(), Abort> {
        let Self { options, destinations, stop, progress, books } = *self;
        let read = Source::open(place).map(|source| {
            let shared = Shared {
                options,
                destinations,
                source: &source,
                progress,
                stop,
                aborting: AtomicBool::new(false),
                books,
                since: Some(Day::before(SystemTime::now(), FOLLOWED_DAYS)),
                objects: Some(keys),
            };
            shared.pass()
        });
        let failure = match read {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Err(abort)) => return Err(abort),
            Ok(Ok(Err(error))) | Err(error) => error,
        };
        tracing::warn!("{}; the message comes again", chain(&failure));
        Ok(())
    }

    /// Whether an object was read, or never is: a digest.
    fn is_settled(&self, object: &NoticedObject) -> bool {
        let key = FileKey::new(format!("s3://{}/{}", object.bucket, object.key));
        is_digest(&object.key) || lock(&self.books.remembered).contains_key(&key)
    }
}

/// Messages that tell of something else are left where they are: somebody else may want them.
fn with_objects(message: Message) -> Option<(Message, Vec<NoticedObject>)> {
    match objects_of(&message.body) {
        Some(objects) => Some((message, objects)),
        None => {
            tracing::warn!("a message in the queue tells of no objects, and is left there");
            None
        }
    }
}

impl Shared<'_> {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_requested() || self.aborting.load(Ordering::Relaxed)
    }

    pub(crate) fn rejects(&self) -> MutexGuard<'_, RejectFile> {
        lock(&self.books.rejects)
    }

    pub(crate) fn count_bytes(&self, packed: u64, unpacked: u64) {
        let mut report = lock(&self.books.report);
        report.packed_bytes += packed;
        report.unpacked_bytes += unpacked;
    }

    /// Enters what was committed of a file into the report: the new records, and with its end the file itself.
    pub(crate) fn count(
        &self,
        key: FileKey,
        new: &RecordCounts,
        all: &RecordCounts,
        end: Option<&(FileOutcome, Option<Fingerprint>)>,
    ) {
        let mut report = lock(&self.books.report);
        report.records.add(new);
        if let Some((outcome, _)) = end {
            // The identity of this file.
            report.identity_holds &= all.is_whole();
            report.count_file(&key, outcome);
        }
    }

    /// Remembers a file that need not be looked at again until it changes.
    pub(crate) fn settle(&self, file: &FoundFile, outcome: &FileOutcome) {
        if self.options.follow.is_none() || *outcome == FileOutcome::Unread {
            return;
        }
        let mut remembered = lock(&self.books.remembered);
        if remembered.len() >= REMEMBERED_FILES_MAX {
            // Forgetting costs another look at the ledger and nothing else.
            remembered.clear();
        }
        remembered.insert(file.key.clone(), (file.size_bytes, file.version.clone()));
    }

    fn is_settled(&self, file: &FoundFile) -> bool {
        let settled = lock(&self.books.remembered);
        settled.get(&file.key).is_some_and(|(size, version)| *size == file.size_bytes && *version == file.version)
    }

    /// Lists and reads a source to its end. The inner error is the source's.
    fn pass(&self) -> Result<Result<(), SourceError>, Abort> {
        let (sender, receiver) = mpsc::sync_channel(WAITING_JOBS_MAX);
        let jobs = Arc::new(Mutex::new(receiver));
        thread::scope(|scope| {
            let lister = scope.spawn(move || self.list(&sender));
            let workers: Vec<_> = (0..self.options.workers.get())
                .map(|_| {
                    let jobs = Arc::clone(&jobs);
                    scope.spawn(move || self.work(&jobs))
                })
                .collect();
            // The channel must break when the last worker ends, or the lister would wait for ever.
            drop(jobs);
            let mut worked = Ok(());
            for worker in workers {
                worked = worked.and(worker.join().unwrap_or(Err(Abort::Miscounted)));
            }
            let listed = lister.join().unwrap_or(Err(Abort::Miscounted));
            worked.and(listed)
        })
    }

    fn work(&self, jobs: &Arc<Mutex<Receiver<Job>>>) -> Result<(), Abort> {
        let outcome = Worker::new(self).and_then(|mut worker| worker.run(jobs));
        if outcome.is_err() {
            self.aborting.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Lists the source and hands out jobs.
    fn list(&self, jobs: &SyncSender<Job>) -> Result<Result<(), SourceError>, Abort> {
        let mut abort = None;
        let mut take = |mut portion: Vec<Found>| {
            self.announce(&mut portion);
            let mut portion = portion.into_iter();
            loop {
                let part: Vec<Found> = portion.by_ref().take(LEDGER_KEYS_MAX).collect();
                if part.is_empty() {
                    break;
                }
                if let Err(error) = self.hand_out_part(part, jobs) {
                    abort = Some(error);
                    self.aborting.store(true, Ordering::Relaxed);
                }
            }
            if self.is_stopping() { Listing::Stop } else { Listing::GoOn }
        };
        let listed = match self.objects {
            None => self.source.list(self.since, &mut take),
            Some(keys) => self.source.find(keys, &mut take),
        };
        match abort {
            Some(error) => Err(error),
            None => Ok(listed),
        }
    }

    /// Counts what was found, and leaves out what following has seen before.
    fn announce(&self, portion: &mut Vec<Found>) {
        if self.options.follow.is_some() {
            portion.retain(|found| match found {
                Found::File(file) => !self.is_settled(file),
                Found::Digest | Found::Failure { .. } => self.since.is_none(),
            });
        }
        let bytes = portion.iter().map(|found| match found {
            Found::File(file) => file.size_bytes,
            Found::Digest | Found::Failure { .. } => 0,
        });
        Progress::add(&self.progress.bytes_found, bytes.sum());
        Progress::add(&self.progress.files_found, portion.len() as u64);
        lock(&self.books.report).files.found += portion.len() as u64;
    }

    /// Asks the ledger for some files at once and hands them out.
    fn hand_out_part(&self, part: Vec<Found>, jobs: &SyncSender<Job>) -> Result<(), Abort> {
        let is_file = |found: &Found| matches!(found, Found::File(_));
        let keys: Vec<FileKey> = part
            .iter()
            .filter_map(|found| match found {
                Found::File(file) => Some(file.key.clone()),
                Found::Digest | Found::Failure { .. } => None,
            })
            .collect();
        let asked = if self.is_stopping() { Ok(Vec::new()) } else { self.destinations.recorded_fingerprints(&keys) };
        if asked.is_err() {
            self.aborting.store(true, Ordering::Relaxed);
        }
        let mut recorded = asked.as_deref().unwrap_or_default().iter().cloned();
        for found in part {
            let recorded = if is_file(&found) { recorded.next().flatten() } else { None };
            self.hand_out(found, recorded, jobs)?;
        }
        asked.map(drop).map_err(Abort::from)
    }

    fn hand_out(&self, found: Found, recorded: Option<Fingerprint>, jobs: &SyncSender<Job>) -> Result<(), Abort> {
        let (key, outcome) = match found {
            Found::File(file) if self.is_stopping() => (file.key, FileOutcome::Unread),
            Found::File(file) => match self.open_early(&file, recorded.as_ref()) {
                Early::Known => {
                    self.settle(&file, &FileOutcome::Known);
                    Progress::add(&self.progress.bytes_done, file.size_bytes);
                    (file.key, FileOutcome::Known)
                }
                Early::Job(body) => {
                    let unsent = jobs.send(Job { file, recorded, body }).err();
                    // Without workers nobody reads it.
                    let Some(mpsc::SendError(job)) = unsent else { return Ok(()) };
                    (job.file.key, FileOutcome::Unread)
                }
            },
            Found::Digest => (FileKey::new([]), FileOutcome::Digest),
            Found::Failure { key, error } => {
                let reason = chain(&error);
                self.rejects().file(&key, &reason).map_err(Abort::Rejects)?;
                (key, FileOutcome::Failed(reason))
            }
        };
        Progress::add(&self.progress.files_done, 1);
        lock(&self.books.report).count_file(&key, &outcome);
        Ok(())
    }

    /// Objects are compared with the ledger, and their bytes set on their way, before a worker waits for them. Files are
    /// the worker's part, because comparing them may take reading them.
    fn open_early(&self, file: &FoundFile, recorded: Option<&Fingerprint>) -> Early {
        let Some(fingerprint) = file.fingerprint().filter(|_| matches!(file.locator, Locator::Object(_))) else {
            return Early::Job(None);
        };
        if recorded == Some(&fingerprint) {
            return Early::Known;
        }
        let is_empty = file.size_bytes == 0;
        Early::Job(if is_empty { None } else { self.source.read(file).ok() })
    }
}

/// What is known of a file before a worker has it.
enum Early {
    Known,
    Job(Option<crate::source::Body>),
}

/// No lock is held while anything can panic but a broken invariant, and the counts under it are whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
