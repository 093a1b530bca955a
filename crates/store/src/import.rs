//! Takes records from outside: straight into segments, each event once.
//!
//! The commit of a batch is one transaction of the manifest: its segments and the ledger entries of the files that ended
//! in it. What was read and is not committed is nowhere, even if it is in a segment that was written ahead: the next start
//! deletes that.
//!
//! **In order**: the commits of an importer land one after the other. Of a file that ends in a batch, earlier records may be
//! in the one before: were the ledger to know of the file first, a crash between the two would lose them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use segment::{Builder, ReadRecord, RecordReader, Refusal, Sequences};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::StoreError;
use crate::event_store::{EventStore, run_blocking};
use crate::known_ids::{Day, KnownIds, day_of, seconds_of};
use crate::manifest::{Change, SegmentRow};
use crate::segment_file::{MadeSegment, StoredSegment, write_segment};

/// First number of imported events. Those that are recorded here are numbered from 1 without a hole; what comes from
/// outside has numbers of its own, so that the hole-free ones stay so.
pub const IMPORTED_SEQUENCE_MIN: u64 = 1 << 62;

/// Takes records on one thread. Several may work at once: each id is stored by one of them. Its calls block, so it is
/// for threads that are not the runtime's.
#[derive(Debug)]
pub struct Importer {
    store: EventStore,
    runtime: Handle,
    known: Arc<KnownIds>,
    reader: RecordReader,
    batch: Batch,
    /// Whether events of high volume have segments of their own.
    is_apart: bool,
    /// The last commit, until it was waited for.
    on_its_way: Option<JoinHandle<Result<(), StoreError>>>,
}

/// What waits for a commit. It becomes as few segments as memory allows, whatever days they have: what the events of a
/// segment share is stored once, and to ask one segment more costs every lookup. Retention takes days out of a segment where
/// it must.
#[derive(Debug, Default)]
struct Batch {
    /// Events of high volume in the second, all others in the first; if they are not kept apart, all are there.
    builders: [Builder; 2],
    /// Segments that are made and on their way to the disk: those of a builder that was full before the other one.
    made: Vec<JoinHandle<Result<SegmentRow, StoreError>>>,
    /// Events in these.
    made_events: u64,
    /// By their numbers.
    days: HashMap<i64, DayBatch>,
}

/// Most segments of a batch that are made before its commit: what a crash would lose takes as long to import again.
const MADE_MAX: usize = 3;

#[derive(Debug)]
struct DayBatch {
    day: Arc<Day>,
    /// Claimed for the day's records in the builder.
    ids: Vec<[u8; 16]>,
}

impl Drop for DayBatch {
    /// What was not committed is nowhere: its ids are free again, or the records could never be stored.
    fn drop(&mut self) {
        self.ids.iter().for_each(|id| self.day.unclaim(*id));
        KnownIds::release(&self.day, 1);
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is stored with the next commit.
    New,
    /// An event with its id is there, or was pushed before.
    Duplicate,
}

/// A file that was read to its end, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// Names the file for ever.
    pub key: Vec<u8>,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// What tells its bytes from others of the same size.
    pub tag: String,
    /// Records in it.
    pub records: u64,
    /// Records of it that were not taken.
    pub rejected: u64,
}

/// A record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no event record. The next one may be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot say whether it is there already.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EventStore {
    /// An importer for the calling thread. `runtime` drives the manifest's transactions.
    pub fn importer(&self, runtime: Handle) -> Importer {
        Importer {
            store: self.clone(),
            runtime,
            known: self.known_ids(),
            reader: RecordReader::default(),
            batch: Batch::default(),
            is_apart: false,
            on_its_way: None,
        }
    }

    /// Whether a segment that reaches into a day has an event id.
    fn has_stored_id(&self, day: i64, id: &[u8; 16]) -> Result<bool, StoreError> {
        let (first, last) = seconds_of(day);
        for stored in self.sources_between(first, last).1 {
            if stored.segment()?.has_event_id(id).map_err(stored.failed())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Size and tag with which files were last entered in the ledger, by their keys. Files that never were are not there.
    ///
    /// # Errors
    /// The manifest cannot be read.
    pub async fn imported_files(&self, keys: &[&[u8]]) -> Result<HashMap<Vec<u8>, (u64, String)>, StoreError> {
        self.manifest().imported_files(keys).await
    }
}

impl Importer {
    /// The same, but events of high volume have segments of their own, so that lookups need not ask these: for batches that
    /// are large enough to make two good segments.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { is_apart: true, ..self }
    }

    /// Takes a record: the text of one JSON object, with or without whitespace. In memory until the next commit.
    ///
    /// # Errors
    /// It is no event record, or the store cannot be read.
    pub fn push(&mut self, text: &[u8]) -> Result<Imported, ImportError> {
        let record = self.reader.read(text)?;
        take(&self.store, &self.known, &mut self.batch, self.is_apart, record)
    }

    /// Takes the record that a text begins with, if it is whole and sound, and says how many bytes it has: see
    /// [`RecordReader::read_first`]. `None` where there is none; nothing is changed then.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn push_first(&mut self, text: &[u8], lists: &[&[u8]]) -> Result<Option<(Imported, usize)>, StoreError> {
        let Some((record, size)) = self.reader.read_first(text, lists) else { return Ok(None) };
        match take(&self.store, &self.known, &mut self.batch, self.is_apart, record) {
            Ok(imported) => Ok(Some((imported, size))),
            Err(ImportError::Refused(_)) => Ok(None),
            Err(ImportError::Store(error)) => Err(error),
        }
    }

    /// Takes the room for batches of so many bytes, as [`Importer::pending_bytes`] counts them, before it is needed: what
    /// grows step by step is copied at each, and leaves its former places behind.
    pub fn expect_bytes(&mut self, bytes: usize) {
        let used = if self.is_apart { 2 } else { 1 };
        self.batch.builders[..used].iter_mut().for_each(|builder| builder.reserve(bytes));
    }

    /// Memory of the larger of the segments that wait to be made, bytes, about.
    pub fn pending_bytes(&self) -> usize {
        self.batch.builders.iter().map(Builder::memory).max().unwrap_or_default()
    }

    /// Records that wait for a commit.
    pub fn pending_records(&self) -> u64 {
        self.batch.made_events + self.batch.builders.iter().map(|builder| builder.len() as u64).sum::<u64>()
    }

    /// Makes a segment of the larger part of what waits for a commit, if the smaller part is so small that it should still
    /// grow, and gives its memory free. Says whether it did; if not, a commit is due. The commit stays where it is: nothing of
    /// this counts before.
    ///
    /// # Errors
    /// It cannot be made, or a segment before it was not written. Nothing of the batch can be stored.
    pub fn make_room(&mut self) -> Result<bool, StoreError> {
        let [smaller, larger] = {
            let mut parts = [0, 1];
            parts.sort_by_key(|part| self.batch.builders[*part].memory());
            parts
        };
        let memory = |part: usize| self.batch.builders[part].memory();
        let is_worth_it = !self.batch.builders[smaller].is_empty() && memory(smaller) < memory(larger) / 2;
        if !is_worth_it || self.batch.made.len() == MADE_MAX {
            return Ok(false);
        }
        self.check_room()?;
        let builder = &mut self.batch.builders[larger];
        let events = builder.len() as u64;
        let made = make(&self.store, builder)?;
        builder.clear();
        if let Some(made) = made {
            let folder = self.store.segment_folder();
            let write = run_blocking(move || write_segment(&folder, &made));
            self.batch.made.push(self.runtime.spawn(write));
            self.batch.made_events += events;
        }
        Ok(true)
    }

    /// Makes what was pushed durable and visible, and the files known, all in one step. Gives the number of events.
    ///
    /// # Errors
    /// Nothing of it is stored.
    pub fn commit(&mut self, files: &[ImportedFile]) -> Result<u64, StoreError> {
        let stored = self.begin_commit(files)?;
        self.end_commit()?;
        Ok(stored)
    }

    /// The same, but the disk is waited for by others while the next batch is read: the commit has landed once the next one
    /// began, or [`Importer::end_commit`] says so.
    ///
    /// # Errors
    /// This commit cannot begin, or the one before did not land. Nothing of either is stored.
    pub fn begin_commit(&mut self, files: &[ImportedFile]) -> Result<u64, StoreError> {
        let stored = self.pending_records();
        // What fails drops the days, and with them the claims of their ids.
        let days = std::mem::take(&mut self.batch.days);
        let sent = self.send_batch(days, files);
        self.batch.builders.iter_mut().for_each(Builder::clear);
        self.batch.made.clear();
        self.batch.made_events = 0;
        sent.map(|()| stored)
    }

    /// Waits until the last commit has landed.
    ///
    /// # Errors
    /// It did not: nothing of it is stored.
    pub fn end_commit(&mut self) -> Result<(), StoreError> {
        let Some(landing) = self.on_its_way.take() else { return Ok(()) };
        self.runtime.block_on(landing).unwrap_or_else(|error| Err(StoreError::Task(error.to_string())))
    }

    fn send_batch(&mut self, days: HashMap<i64, DayBatch>, files: &[ImportedFile]) -> Result<(), StoreError> {
        let mut made = Vec::new();
        for builder in &self.batch.builders {
            made.extend(make(&self.store, builder)?);
        }
        // **In order**.
        self.end_commit()?;
        self.check_room()?;
        let on_their_way = std::mem::take(&mut self.batch.made);
        if !made.is_empty() || !on_their_way.is_empty() || !files.is_empty() {
            let landing = land(self.store.clone(), on_their_way, made, days, files.to_vec());
            self.on_its_way = Some(self.runtime.spawn(landing));
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), StoreError> {
        match self.store.measure_room()?.refusal {
            Some(reason) => Err(StoreError::NoRoom { reason: reason.to_string() }),
            None => Ok(()),
        }
    }
}

/// Makes a segment of what a builder has, if it has anything. Its events have the next numbers.
fn make(store: &EventStore, builder: &Builder) -> Result<Option<MadeSegment>, StoreError> {
    let first = store.next_imported().fetch_add(builder.len() as u64, Ordering::Relaxed);
    MadeSegment::of(builder, Sequences::From(first), &store.segment_folder())
}

/// Stores a batch whose segments are made, and some of them on their way to the disk.
async fn land(
    store: EventStore,
    on_their_way: Vec<JoinHandle<Result<SegmentRow, StoreError>>>,
    made: Vec<MadeSegment>,
    mut days: HashMap<i64, DayBatch>,
    files: Vec<ImportedFile>,
) -> Result<(), StoreError> {
    let folder = store.segment_folder();
    let write = move || made.iter().map(|made| write_segment(&folder, made)).collect::<Result<Vec<_>, _>>();
    let mut rows = run_blocking(write).await?;
    for written in on_their_way {
        rows.push(written.await.unwrap_or_else(|error| Err(StoreError::Task(error.to_string())))?);
    }
    // Commit point.
    let change = Change { added: &rows, files: &files, ..Change::default() };
    store.manifest().commit(&change).await?;
    let show = move || {
        let folder = store.segment_folder();
        let settled: Vec<Vec<[u8; 16]>> = days.values_mut().map(|day| std::mem::take(&mut day.ids)).collect();
        let open = |row| StoredSegment::open(&folder, row, store.cache(), None).map(Arc::new);
        let segments = rows.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        store.add_segments(segments);
        // **Never unknown**: the segments are in the view.
        for (held, ids) in days.values().zip(settled) {
            held.day.settle(&ids);
        }
        // Only now may the days be forgotten: whoever reads them again finds the segments.
        drop(days);
        Ok(())
    };
    run_blocking(show).await
}

fn take(
    store: &EventStore,
    known: &KnownIds,
    batch: &mut Batch,
    is_apart: bool,
    record: ReadRecord<'_>,
) -> Result<Imported, ImportError> {
    let (number, id) = (day_of(record.seconds()), record.id());
    let held = match batch.days.entry(number) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => {
            let day = known.hold(number, |day| load(store, number, day))?;
            entry.insert(DayBatch { day, ids: Vec::new() })
        }
    };
    if !held.day.claim(id, || store.has_stored_id(number, &id))? {
        return Ok(Imported::Duplicate);
    }
    let builder = &mut batch.builders[usize::from(is_apart && record.category().is_of_high_volume())];
    let place = builder.len() as u64;
    if let Err(refusal) = builder.push(record, place) {
        held.day.unclaim(id);
        return Err(refusal.into());
    }
    held.ids.push(id);
    Ok(Imported::New)
}

/// Notes the ids that the store has of a day, and some of its neighbours.
fn load(store: &EventStore, number: i64, day: &Day) -> Result<(), StoreError> {
    let (first, last) = seconds_of(number);
    let (memtables, segments) = store.sources_between(first, last);
    for memtable in memtables {
        memtable.event_ids(|id| {
            day.note_open(segment::id_number(id));
        });
    }
    for stored in segments {
        let ids = stored.segment()?.event_ids_between(first, last).map_err(stored.failed())?;
        for id in ids.chunks_exact(16) {
            day.note_stored(id.try_into().unwrap_or_default());
        }
    }
    Ok(())
}
