//! One worker: takes files, reads them into its destination, commits, and keeps the accounts of each file.

use std::error::Error;
use std::io::{self, Read};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use crate::counts::{FileOutcome, RecordCounts};
use crate::destination::{Destination, FinishedFile, Taken};
use crate::envelope::{self, Content};
use crate::file_key::{FileKey, Fingerprint};
use crate::progress::Progress;
use crate::reject::RejectReason;
use crate::run::{Abort, Shared};
use crate::source::{Body, FoundFile, Locator};
use crate::splitter::{Ending, Sink, Splitter, Verdict};
use crate::unpack::{RawFile, UnpackError, Unpacked, Unpacker};

/// Pieces that are no records, with none that is, after which a file is no log file.
const STRANGE_PIECES_MAX: usize = 1000;
/// Bytes at the beginning of a file in which a byte 0 tells that it is no text: an image, an archive, a database.
const BINARY_BYTES_LOOKED_AT: usize = 8 * 1024;
/// Bytes of such pieces that are held in memory until it is clear what the file is.
const STRANGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A file to read, and its bytes where they are on their way.
pub(crate) struct Job {
    pub(crate) file: FoundFile,
    /// What the ledger says of it.
    pub(crate) recorded: Option<Fingerprint>,
    pub(crate) body: Option<Body>,
}

/// The accounts of a file that has records in the present batch.
struct Account {
    key: FileKey,
    /// Committed.
    settled: RecordCounts,
    /// Not yet; what it calls stored may yet turn out to be duplicate.
    open: RecordCounts,
    /// Records of this batch stored before this file's.
    stored_from: usize,
    end: Option<(FileOutcome, Option<Fingerprint>)>,
}

pub(crate) struct Worker<'a> {
    shared: &'a Shared<'a>,
    destination: Box<dyn Destination + 'a>,
    unpacker: Unpacker,
    /// The last is the one that is being read.
    accounts: Vec<Account>,
    stored_in_batch: usize,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(shared: &'a Shared<'a>) -> Result<Self, Abort> {
        let destination = shared.destinations.open()?;
        Ok(Self { shared, destination, unpacker: Unpacker::default(), accounts: Vec::new(), stored_in_batch: 0 })
    }

    /// Reads files until there are none, or the import is to stop.
    pub(crate) fn run(&mut self, jobs: &Arc<Mutex<Receiver<Job>>>) -> Result<(), Abort> {
        loop {
            // Waiting under the lock is fine: whoever else waits, waits for the same thing.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { break };
            self.take(job)?;
            self.commit_if_due()?;
        }
        self.commit()?;
        Ok(self.destination.settle()?)
    }

    fn take(&mut self, job: Job) -> Result<(), Abort> {
        let (key, size_bytes) = (job.file.key.clone(), job.file.size_bytes);
        let account = Account {
            key: key.clone(),
            settled: RecordCounts::default(),
            open: RecordCounts::default(),
            stored_from: self.stored_in_batch,
            end: None,
        };
        self.accounts.push(account);
        let mut shown_bytes = 0;
        let end = if self.shared.is_stopping() {
            (FileOutcome::Unread, None)
        } else {
            self.read(&job.file, job.recorded.as_ref(), job.body, &mut shown_bytes)?
        };
        if let FileOutcome::Failed(reason) = &end.0 {
            self.shared.rejects().file(&key, reason).map_err(Abort::Rejects)?;
        }
        let progress = self.shared.progress;
        Progress::add(&progress.bytes_done, size_bytes.saturating_sub(shown_bytes));
        Progress::add(&progress.files_done, 1);
        self.shared.settle(&job.file, &end.0);
        if let Some(account) = self.accounts.last_mut() {
            account.end = Some(end);
        }
        Ok(())
    }

    /// Reads one file to its end. Errors are the destination's; the file's own are its outcome.
    fn read(
        &mut self,
        file: &FoundFile,
        recorded: Option<&Fingerprint>,
        body: Option<Body>,
        shown_bytes: &mut u64,
    ) -> Result<(FileOutcome, Option<Fingerprint>), Abort> {
        let failed = |error: &dyn Error| (FileOutcome::Failed(chain(error)), None);
        if file.size_bytes == 0 {
            return Ok((FileOutcome::Empty, None));
        }
        let body = match body {
            Some(body) => body,
            None => {
                match self.is_known(file, recorded) {
                    Ok(true) => return Ok((FileOutcome::Known, None)),
                    Ok(false) => {}
                    Err(error) => return Ok(failed(&error)),
                }
                match self.shared.source.read(file) {
                    Ok(body) => body,
                    Err(error) => return Ok(failed(&error)),
                }
            }
        };
        let is_hashed = file.fingerprint().is_none();
        let mut unpacker = std::mem::take(&mut self.unpacker);
        let end = self.read_body(file, RawFile::new(body, is_hashed), &mut unpacker, shown_bytes);
        self.unpacker = unpacker;
        end
    }

    fn read_body<'b>(
        &mut self,
        file: &FoundFile,
        raw: RawFile<Body>,
        unpacker: &'b mut Unpacker,
        shown_bytes: &mut u64,
    ) -> Result<(FileOutcome, Option<Fingerprint>), Abort> {
        let failed = |error: &dyn Error| (FileOutcome::Failed(chain(error)), None);
        let mut unpacked = match Unpacked::<'b, _>::open(raw, unpacker) {
            Ok(unpacked) => unpacked,
            Err(error) => return Ok(failed(&error)),
        };
        let outcome = self.split(&mut unpacked, shown_bytes)?;
        self.shared.count_bytes(unpacked.raw_bytes(), unpacked.unpacked_bytes());
        if outcome != FileOutcome::Imported {
            return Ok((outcome, None));
        }
        match (file.fingerprint(), unpacked.into_raw()) {
            (Some(fingerprint), _) => Ok((outcome, Some(fingerprint))),
            (None, Some(raw)) => match raw.fingerprint() {
                Ok(fingerprint) => Ok((outcome, Some(fingerprint))),
                Err(error) => Ok(failed(&error)),
            },
            (None, None) => Ok((outcome, None)),
        }
    }

    /// Whether the ledger has this file as it is now. Its bytes are only hashed when the ledger has one of its name and
    /// size.
    fn is_known(&self, file: &FoundFile, recorded: Option<&Fingerprint>) -> io::Result<bool> {
        let Some(recorded) = recorded else { return Ok(false) };
        if recorded.size_bytes != file.size_bytes || !matches!(file.locator, Locator::Path(_)) {
            return Ok(false);
        }
        let fingerprint = RawFile::new(self.shared.source.read(file)?, true).fingerprint()?;
        Ok(fingerprint == *recorded)
    }

    fn split<'b, R: Read + 'b>(
        &mut self,
        unpacked: &mut Unpacked<'b, R>,
        shown_bytes: &mut u64,
    ) -> Result<FileOutcome, Abort> {
        let mut splitter = Splitter::default();
        let mut strangers = Strangers::default();
        let (mut counted, mut has_begun) = (0, false);
        let damage = loop {
            match unpacked.next_portion() {
                Ok([]) => break None,
                Ok(portion) if !has_begun => {
                    has_begun = true;
                    strangers.is_binary = portion.iter().take(BINARY_BYTES_LOOKED_AT).any(|byte| *byte == 0);
                    self.with_sink(&mut strangers, |sink| splitter.feed(portion, sink))?;
                }
                Ok(portion) => self.with_sink(&mut strangers, |sink| splitter.feed(portion, sink))?,
                Err(error) => break Some(error),
            }
            self.count_read(&splitter, &strangers, &mut counted);
            let raw_bytes = unpacked.raw_bytes();
            Progress::add(&self.shared.progress.bytes_done, raw_bytes - *shown_bytes);
            *shown_bytes = raw_bytes;
            if strangers.is_enough() {
                return Ok(FileOutcome::NotALog);
            }
            if self.shared.is_stopping() {
                self.keep_strangers(&mut strangers)?;
                self.count_read(&splitter, &strangers, &mut counted);
                return Ok(FileOutcome::Unread);
            }
            self.commit_if_due()?;
        };
        let ending = self.with_sink(&mut strangers, |sink| splitter.finish(sink))?;
        let is_whole = damage.is_none() && ending == Ending::Complete;
        if strangers.are_all() && (is_whole || damage.is_none() && strangers.is_binary) {
            return Ok(FileOutcome::NotALog);
        }
        self.keep_strangers(&mut strangers)?;
        self.count_read(&splitter, &strangers, &mut counted);
        Ok(match damage {
            Some(UnpackError::Damaged(error)) => FileOutcome::Failed(format!("damaged or cut: {}", chain(&error))),
            Some(error) => FileOutcome::Failed(chain(&error)),
            None if !is_whole => FileOutcome::Failed("cut: it ends inside of a list of records".to_owned()),
            None if unpacked.unpacked_bytes() == 0 => FileOutcome::Empty,
            None if strangers.digests > 0 && splitter.pieces() == strangers.digests => FileOutcome::Digest,
            None => FileOutcome::Imported,
        })
    }

    /// Lends the destination and the accounts of the present file to the splitter.
    fn with_sink<T>(
        &mut self,
        strangers: &mut Strangers,
        work: impl FnOnce(&mut FileSink<'_, 'a>) -> T,
    ) -> Result<T, Abort> {
        let Self { shared, destination, accounts, stored_in_batch, .. } = self;
        let Some(account) = accounts.last_mut() else { return Err(Abort::Miscounted) };
        let mut sink =
            FileSink { shared, destination: destination.as_mut(), account, stored_in_batch, strangers, error: None };
        let result = work(&mut sink);
        match sink.error {
            None => Ok(result),
            Some(error) => Err(Abort::Rejects(error)),
        }
    }

    /// Counts what the splitter found since the last time, without what nobody has decided about yet.
    fn count_read(&mut self, splitter: &Splitter, strangers: &Strangers, counted: &mut u64) {
        let read = splitter.pieces() - strangers.digests - strangers.held.len() as u64;
        Progress::add(&self.shared.progress.records, read - *counted);
        if let Some(account) = self.accounts.last_mut() {
            account.open.read += read - *counted;
        }
        *counted = read;
    }

    /// What was held back because the file might be no log file counts as rejected.
    fn keep_strangers(&mut self, strangers: &mut Strangers) -> Result<(), Abort> {
        self.with_sink(strangers, |sink| sink.keep_strangers())
    }

    fn commit_if_due(&mut self) -> Result<(), Abort> {
        if self.destination.pending_bytes() < self.shared.options.commit_bytes || self.destination.make_room()? {
            return Ok(());
        }
        self.commit()
    }

    /// The commit point: see [`crate::destination`]. Rejects are durable before it, because the ledger says that the
    /// file is done. What is counted here is told once all is settled, and if that fails, never.
    fn commit(&mut self) -> Result<(), Abort> {
        let finished: Vec<FinishedFile> = self.accounts.iter().filter_map(Account::finished).collect();
        self.shared.rejects().sync().map_err(Abort::Rejects)?;
        let counts = self.destination.commit(&finished)?;
        if counts.stored as usize + counts.late_duplicates.len() != self.stored_in_batch {
            return Err(Abort::Miscounted);
        }
        for place in counts.late_duplicates {
            let behind = self.accounts.partition_point(|account| account.stored_from <= place);
            let Some(account) = behind.checked_sub(1).and_then(|index| self.accounts.get_mut(index)) else {
                return Err(Abort::Miscounted);
            };
            let Some(stored) = account.open.stored.checked_sub(1) else { return Err(Abort::Miscounted) };
            account.open.stored = stored;
            account.open.duplicates += 1;
        }
        self.stored_in_batch = 0;
        self.accounts.retain_mut(|account| {
            account.stored_from = 0;
            account.settled.add(&account.open);
            self.shared.count(account.key.clone(), &account.open, &account.settled, account.end.as_ref());
            account.open = RecordCounts::default();
            account.end.is_none()
        });
        Ok(())
    }
}

impl Account {
    fn finished(&self) -> Option<FinishedFile> {
        let (FileOutcome::Imported, Some(fingerprint)) = self.end.as_ref()? else { return None };
        Some(FinishedFile {
            key: self.key.clone(),
            fingerprint: fingerprint.clone(),
            records: self.settled.read + self.open.read,
            rejected: self.settled.rejected + self.open.rejected,
        })
    }
}

/// Pieces of a file in which no record was found so far. A file that holds nothing else is no log file, and its lines
/// are no rejects.
#[derive(Default)]
struct Strangers {
    held: Vec<(Vec<u8>, u64, RejectReason)>,
    held_bytes: usize,
    has_records: bool,
    digests: u64,
    /// The file begins with what no text has: braces in it begin no objects.
    is_binary: bool,
}

impl Strangers {
    fn is_enough(&self) -> bool {
        self.held.len() >= STRANGE_PIECES_MAX || (self.is_binary && self.held_bytes > STRANGE_BYTES_MAX)
    }

    /// Nothing in the file was even an object.
    fn are_all(&self) -> bool {
        let is_no_object =
            |(_, _, reason): &(_, _, RejectReason)| self.is_binary || *reason == RejectReason::NotAnObject;
        !self.has_records && !self.held.is_empty() && self.held.iter().all(is_no_object)
    }
}

/// Takes the pieces of one file.
struct FileSink<'s, 'a> {
    shared: &'s Shared<'a>,
    destination: &'s mut (dyn Destination + 'a),
    account: &'s mut Account,
    stored_in_batch: &'s mut usize,
    strangers: &'s mut Strangers,
    /// Why the file of rejects could not be written.
    error: Option<io::Error>,
}

impl FileSink<'_, '_> {
    fn count_taken(&mut self, taken: Taken) {
        if !self.strangers.has_records {
            self.keep_strangers();
        }
        match taken {
            Taken::Stored => {
                self.account.open.stored += 1;
                *self.stored_in_batch += 1;
            }
            Taken::Duplicate => self.account.open.duplicates += 1,
        }
    }

    fn keep_strangers(&mut self) {
        self.strangers.has_records = true;
        self.strangers.held_bytes = 0;
        for (bytes, size_bytes, reason) in std::mem::take(&mut self.strangers.held) {
            self.reject(&bytes, size_bytes, &reason);
        }
    }

    fn reject(&mut self, bytes: &[u8], size_bytes: u64, reason: &RejectReason) {
        let Account { key, settled, open, .. } = &mut *self.account;
        // The number of this record: all before it have been stored, found to be duplicates, or rejected.
        let before = |counts: &RecordCounts| counts.stored + counts.duplicates + counts.rejected;
        let number = before(settled) + before(open) + 1;
        open.rejected += 1;
        let kept = self.shared.rejects().record(key, number, &reason.to_string(), bytes, size_bytes);
        if let Err(error) = kept {
            self.error.get_or_insert(error);
        }
    }
}

impl Sink for FileSink<'_, '_> {
    fn sound_record(&mut self, bytes: &[u8], lists: &[&[u8]]) -> Option<usize> {
        if !envelope::is_usual_beginning(bytes) {
            return None;
        }
        let (taken, size) = self.destination.push_first(bytes, lists)?;
        self.count_taken(taken);
        Some(size)
    }

    fn record(&mut self, bytes: &[u8]) -> Verdict {
        let record = match envelope::open(bytes) {
            Content::Record(record) => record,
            Content::Digest => {
                self.strangers.digests += 1;
                return Verdict::Done;
            }
        };
        match self.destination.push(&record) {
            Ok(taken) => self.count_taken(taken),
            Err(RejectReason::NotJson { detail }) => return Verdict::NotJson { detail },
            Err(reason) => self.refuse(bytes, bytes.len() as u64, reason),
        }
        Verdict::Done
    }

    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason) {
        if self.strangers.has_records {
            return self.reject(bytes, size_bytes, &reason);
        }
        self.strangers.held_bytes += bytes.len();
        self.strangers.held.push((bytes.to_vec(), size_bytes, reason));
        if self.strangers.held_bytes > STRANGE_BYTES_MAX && !self.strangers.is_binary {
            self.keep_strangers();
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    // Servers answer in several lines.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
