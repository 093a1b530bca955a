//! The store as others use it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use model::{EventTime, LookupIndex};
use parking_lot::{Mutex, RwLock};
use segment::Sequences;
use tokio::sync::{Notify, Semaphore, watch};

use crate::StoreError;
use crate::config::StoreConfig;
use crate::count::{CountQuery, Counts, count};
use crate::disk_room::RoomGate;
use crate::folder_lock::FolderLock;
use crate::followed::Followed;
use crate::import::IMPORTED_SEQUENCE_MIN;
use crate::journal::file::sync_folder;
use crate::journal::reader::{Recovered, give_back_room, read_journal};
use crate::journal::writer::{self, JournalHandle, JournalState, NewEntry, check_size};
use crate::journal::{Committed, NoteId};
use crate::known_ids::{KnownIds, day_of};
use crate::manifest::{Change, Manifest, SegmentRow};
use crate::memtable::Memtable;
use crate::query::{EventQuery, Page, StoredEvent};
use crate::recent_events::RecentEvents;
use crate::remote_segments::{BucketStatus, RemoteSegments};
use crate::search::{event, search};
use crate::segment_file::{MadeSegment, StoredSegment, write_segment};

/// Queries that are carried out at once where one may wait for a bucket: the threads that wait are those that also seal,
/// and those of other file work.
const READERS_MAX: usize = 8;

/// A durable, searchable store of events. Cheap to clone.
#[derive(Clone)]
pub struct EventStore {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore").field("data_dir", &self.shared.config.data_dir).finish_non_exhaustive()
    }
}

struct Shared {
    config: StoreConfig,
    journal: JournalHandle,
    journal_state: Arc<JournalState>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    sources: Arc<Sources>,
    manifest: Manifest,
    /// Parts of segments that lookups read.
    cache: Arc<segment::Cache>,
    /// The bucket that segments are kept in, if they are not to stay in the folder.
    remote: Option<Arc<RemoteSegments>>,
    readers: Semaphore,
    /// Segments that those read who follow the journal.
    followed: Arc<Followed>,
    /// Number of the next imported event.
    next_imported: AtomicU64,
    /// One sealing at a time.
    sealing: tokio::sync::Mutex<()>,
    /// One compaction or retention at a time. Both take segments away; sealing only adds one, and must not wait.
    upkeep: tokio::sync::Mutex<()>,
    /// Whether there is room for more.
    room: RoomGate,
    _lock: FolderLock,
}

/// Where events are read from. A reader takes a [`View`] and keeps it: sealing moves events from memory to a segment in
/// one step, so that no view misses or doubles one.
struct Sources {
    view: RwLock<View>,
    newest_sequence: watch::Sender<u64>,
    /// Ids of the days that an import looks at, while one goes on.
    known_ids: Mutex<Weak<KnownIds>>,
    /// Tells the sealing task that there is something to seal.
    to_seal: Notify,
    /// Tells who reads ahead that segments came.
    new_segments: Notify,
    segment_events_max: usize,
    segment_bytes_max: usize,
}

#[derive(Clone)]
struct View {
    /// Takes new events.
    active: Arc<Memtable>,
    /// Full, from old to new; each becomes one segment.
    frozen: Vec<Arc<Memtable>>,
    /// In any order.
    segments: Arc<Vec<Arc<StoredSegment>>>,
    recent: Arc<RecentEvents>,
}

/// What a record is to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKind {
    /// Not final: it becomes an event if the process ends before something supersedes it.
    Note,
    /// Final, with what is looked up in it where the caller has that at hand; else it is derived from the text.
    Event(Option<Box<LookupIndex>>),
}

/// A record to be made durable: its complete JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The text.
    pub record: Bytes,
    /// What it is.
    pub kind: RecordKind,
    /// Note that it takes the place of.
    pub supersedes: Option<NoteId>,
}

impl NewRecord {
    fn into_entry(self) -> Result<NewEntry, StoreError> {
        check_size(&self.record)?;
        let index = match self.kind {
            RecordKind::Note => None,
            RecordKind::Event(Some(index)) => Some(index),
            RecordKind::Event(None) => Some(Box::new(LookupIndex::derive(&self.record)?)),
        };
        Ok(NewEntry { record: self.record, supersedes: self.supersedes, index })
    }
}

/// State of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Number of the newest durable event; 0 when there is none.
    pub newest_sequence: u64,
    /// Durable events that are not yet in a segment.
    pub unsealed_events: u64,
    /// Notes of calls whose outcome is still open.
    pub pending_notes: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Segments.
    pub segment_count: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Segments that are files of the data folder; with a bucket, those that wait to be moved there.
    pub local_segment_count: u64,
    /// Bytes of these.
    pub local_segment_bytes: u64,
    /// How the bucket is used, if there is one.
    pub bucket: Option<BucketStatus>,
    /// Memory of events and parts of segments that lookups read, bytes.
    pub cache_bytes: u64,
    /// Days that events are kept.
    pub retention_days: u32,
}

/// What a start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// Events that came back from the journal into memory.
    pub replayed_events: u64,
    /// Notes without an outcome that became events.
    pub resolved_notes: u64,
    /// Bytes of torn writes that were passed over; none of them was acknowledged.
    pub torn_bytes: u64,
}

impl EventStore {
    /// Opens or makes the store in a folder: takes its lock, reads the journal back, and turns notes without an outcome
    /// into events.
    ///
    /// # Errors
    /// The folder is in use or unusable, a file is damaged, segments are in a bucket that is not configured, or the manifest
    /// fails. Nothing is changed then but torn tails.
    pub async fn open(config: StoreConfig) -> Result<(Self, RecoveryReport), StoreError> {
        let journal_folder = config.data_dir.join("journal");
        let segment_folder = config.data_dir.join("segments");
        for folder in [&config.data_dir, &journal_folder, &segment_folder] {
            std::fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        }
        sync_folder(&config.data_dir)?;
        let lock = FolderLock::take(&config.data_dir)?;
        let manifest = Manifest::open(&config.metadata).await?;
        let sealed_sequence = manifest.sealed_sequence().await?;
        let rows = manifest.segments().await?;
        let next_imported = rows.iter().map(|row| row.max_sequence.unsigned_abs() + 1).max();
        let next_imported = next_imported.unwrap_or(0).max(IMPORTED_SEQUENCE_MIN);
        check_places(&rows, config.bucket.as_ref().map(|bucket| bucket.bucket.url()))?;
        let remote = match &config.bucket {
            None => None,
            Some(bucket) => {
                let installation = manifest.installation().await?;
                let to_delete = manifest.objects_to_delete(bucket.bucket.url()).await?;
                Some(Arc::new(RemoteSegments::open(bucket, &config.data_dir, installation, &rows, to_delete)?))
            }
        };
        let recent_bytes = config.segment_cache_bytes / 4;
        let cache = segment::cache(config.segment_cache_bytes - recent_bytes);
        let followed = Arc::new(Followed::new());
        let (opening_cache, opening_remote) = (Arc::clone(&cache), remote.clone());
        let (recovered, segments) = run_blocking(move || {
            let recovered = read_journal(&journal_folder)?;
            sync_newest_file(&recovered)?;
            give_back_room(&recovered);
            remove_leftovers(&segment_folder, &rows)?;
            let segments = open_segments(&segment_folder, rows, &opening_cache, opening_remote.as_ref())?;
            Ok((recovered, segments))
        })
        .await?;

        let next_sequence = recovered.next_sequence.unwrap_or(1).max(sealed_sequence + 1);
        check_joint(&config.data_dir, &recovered, sealed_sequence)?;
        let events = replay(&recovered, sealed_sequence)?;
        let mut report = RecoveryReport {
            replayed_events: events.len() as u64,
            resolved_notes: 0,
            torn_bytes: recovered.torn_bytes,
        };
        let active = Arc::new(Memtable::default());
        active.push(events);
        let sources = Arc::new(Sources {
            view: RwLock::new(View {
                active,
                frozen: Vec::new(),
                segments: Arc::new(segments),
                recent: Arc::new(RecentEvents::new(recent_bytes)),
            }),
            newest_sequence: watch::Sender::new(next_sequence - 1),
            known_ids: Mutex::new(Weak::new()),
            to_seal: Notify::new(),
            new_segments: Notify::new(),
            segment_events_max: config.segment_events_max,
            segment_bytes_max: config.segment_bytes_max,
        });
        sources.freeze_if_full();
        let on_durable = {
            let sources = Arc::clone(&sources);
            Box::new(move |events| sources.take_in(events))
        };
        let folder = config.data_dir.join("journal");
        let (journal, journal_state, thread) =
            writer::start(folder, config.journal_file_bytes_max, &recovered, next_sequence, on_durable)?;
        let shared = Shared {
            config,
            journal,
            journal_state,
            thread: Mutex::new(Some(thread)),
            sources,
            manifest,
            cache,
            readers: Semaphore::new(if remote.is_some() { READERS_MAX } else { Semaphore::MAX_PERMITS }),
            remote,
            followed,
            next_imported: AtomicU64::new(next_imported),
            sealing: tokio::sync::Mutex::new(()),
            upkeep: tokio::sync::Mutex::new(()),
            room: RoomGate::default(),
            _lock: lock,
        };
        let store = Self { shared: Arc::new(shared) };
        for (note, (_, record)) in recovered.pending_notes {
            store.append(record, Some(NoteId(note))).await?;
            report.resolved_notes += 1;
        }
        Ok((store, report))
    }

    /// Makes records durable, many with one sync: notes, which become events if the process ends before something
    /// supersedes them, and events, which are visible on return. Gives an outcome for each, in their order. Dropping the
    /// future leaves open whether they are durable.
    ///
    /// # Errors
    /// Of each record: [`StoreError::NotAnEvent`], [`StoreError::NoRoom`], or [`StoreError::JournalUnavailable`]: it is not
    /// durable, and a note that it was to supersede stays in force. Trying again is allowed.
    pub async fn commit(&self, records: Vec<NewRecord>) -> Vec<Result<Committed, StoreError>> {
        // Derived here, and not in the journal's thread: callers are many and that thread is one.
        let mut outcomes = Vec::with_capacity(records.len());
        let mut entries = Vec::with_capacity(records.len());
        let no_room = self.shared.room.refusal();
        for record in records {
            // A call that is noted has happened: its record is taken all the same.
            if let Some(reason) = no_room.as_ref().filter(|_| record.supersedes.is_none()) {
                outcomes.push(Some(StoreError::NoRoom { reason: reason.to_string() }));
                continue;
            }
            match record.into_entry() {
                Ok(entry) => {
                    entries.push(entry);
                    outcomes.push(None);
                }
                Err(error) => outcomes.push(Some(error)),
            }
        }
        let written = if entries.is_empty() { Ok(Vec::new()) } else { self.shared.journal.write(entries).await };
        let mut written = written.map(Vec::into_iter);
        let outcome = |refused: Option<StoreError>| match (refused, &mut written) {
            (Some(error), _) => Err(error),
            (None, Ok(committed)) => committed.next().ok_or_else(|| StoreError::Task("journal".to_owned())),
            (None, Err(reason)) => Err(StoreError::JournalUnavailable { reason: reason.clone() }),
        };
        outcomes.into_iter().map(outcome).collect()
    }

    /// Makes one note durable; see [`EventStore::commit`].
    ///
    /// # Errors
    /// [`StoreError::JournalUnavailable`]: it is not durable. Trying again is allowed.
    pub async fn note(&self, record: Bytes, supersedes: Option<NoteId>) -> Result<NoteId, StoreError> {
        match self.commit_one(NewRecord { record, kind: RecordKind::Note, supersedes }).await? {
            Committed::Note(note) => Ok(note),
            Committed::Event(_) => Err(StoreError::Task("journal".to_owned())),
        }
    }

    /// Appends one event and gives its sequence number; see [`EventStore::commit`].
    ///
    /// # Errors
    /// [`StoreError::NotAnEvent`], or [`StoreError::JournalUnavailable`]: it is not durable, and a note stays in force.
    pub async fn append(&self, record: Bytes, supersedes: Option<NoteId>) -> Result<u64, StoreError> {
        match self.commit_one(NewRecord { record, kind: RecordKind::Event(None), supersedes }).await? {
            Committed::Event(sequence) => Ok(sequence),
            Committed::Note(_) => Err(StoreError::Task("journal".to_owned())),
        }
    }

    async fn commit_one(&self, record: NewRecord) -> Result<Committed, StoreError> {
        self.commit(vec![record]).await.pop().unwrap_or_else(|| Err(StoreError::Task("journal".to_owned())))
    }

    /// One page of the events that fit.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub async fn lookup(&self, query: EventQuery) -> Result<Page, StoreError> {
        let _turn = self.turn_to_read().await?;
        let view = self.shared.sources.view();
        run_blocking(move || view.lookup(&Arc::new(query))).await
    }

    /// Numbers of events.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub async fn count(&self, query: CountQuery) -> Result<Counts, StoreError> {
        let _turn = self.turn_to_read().await?;
        let view = self.shared.sources.view();
        run_blocking(move || count(&query, view.memtables(), &view.segments)).await
    }

    /// Events with numbers above this one, in the order of their numbers.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub async fn after_sequence(&self, sequence: u64, limit: usize) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        let _turn = self.turn_to_read().await?;
        let (view, followed) = (self.shared.sources.view(), Arc::clone(&self.shared.followed));
        run_blocking(move || view.after_sequence(sequence, limit, &followed)).await
    }

    /// Waits for one of the [`READERS_MAX`].
    async fn turn_to_read(&self) -> Result<tokio::sync::SemaphorePermit<'_>, StoreError> {
        self.shared.readers.acquire().await.map_err(|closed| StoreError::Task(closed.to_string()))
    }

    /// Number of the newest durable event; 0 when there is none.
    pub fn newest_sequence(&self) -> u64 {
        *self.shared.sources.newest_sequence.borrow()
    }

    /// Waits until an event with a higher number is durable. May be dropped at any point.
    pub async fn arrival_after(&self, sequence: u64) {
        let mut newest = self.shared.sources.newest_sequence.subscribe();
        // The sender lives as long as the store, so waiting ends with an arrival.
        let _ = newest.wait_for(|newest| *newest > sequence).await;
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.shared.config
    }

    pub(crate) fn room(&self) -> &RoomGate {
        &self.shared.room
    }

    /// State of the store.
    pub fn status(&self) -> StoreStatus {
        let view = self.shared.sources.view();
        let unsealed = view.memtables().map(|memtable| memtable.len() as u64).sum();
        let size = |segment: &Arc<StoredSegment>| segment.row.file_bytes.unsigned_abs();
        let segment_bytes = view.segments.iter().map(size).sum::<u64>();
        let (mut local_segment_count, mut local_segment_bytes) = (0, 0);
        for segment in view.segments.iter().filter(|segment| segment.is_local()) {
            local_segment_count += 1;
            local_segment_bytes += size(segment);
        }
        let filter_bytes: u64 = view.segments.iter().map(|segment| segment.term_filter_bytes()).sum();
        let segment_count = view.segments.len() as u64;
        let bucket = self.shared.remote.as_ref().map(|remote| BucketStatus {
            segment_count: segment_count - local_segment_count,
            segment_bytes: segment_bytes - local_segment_bytes,
            ..remote.status()
        });
        StoreStatus {
            newest_sequence: self.newest_sequence(),
            unsealed_events: unsealed,
            pending_notes: self.shared.journal_state.pending_notes(),
            journal_bytes: self.shared.journal_state.bytes(),
            segment_count,
            segment_bytes,
            local_segment_count,
            local_segment_bytes,
            bucket,
            cache_bytes: self.shared.cache.weight() + view.recent.bytes() + filter_bytes,
            retention_days: self.shared.config.retention_days,
        }
    }

    /// Time of the earliest event in a segment; `None` when there is no segment.
    pub fn oldest_segment_time(&self) -> Option<EventTime> {
        self.shared.sources.view().segments.iter().map(|segment| segment.time_range().0).min()
    }

    /// Waits until memory holds enough to be sealed.
    pub async fn until_full(&self) {
        self.shared.sources.to_seal.notified().await;
    }

    /// Seals what is in memory: full tables always, the one that takes new events only if `all`.
    ///
    /// # Errors
    /// A segment or the manifest cannot be written. Nothing is lost: the journal keeps what is not sealed.
    pub async fn seal(&self, all: bool) -> Result<(), StoreError> {
        let _alone = self.shared.sealing.lock().await;
        if all {
            self.shared.sources.freeze();
        }
        while let Some(memtable) = self.shared.sources.oldest_frozen() {
            let folder = self.segment_folder();
            let row = run_blocking(move || seal_memtable(&folder, &memtable)).await?;
            // Commit point: from here on the events are in the segment.
            let change = Change {
                added: std::slice::from_ref(&row),
                sealed_sequence: Some(row.max_sequence),
                ..Change::default()
            };
            self.shared.manifest.commit(&change).await?;
            let (folder, sealed_sequence) = (self.segment_folder(), row.max_sequence.unsigned_abs());
            let cache = Arc::clone(&self.shared.cache);
            let segment = run_blocking(move || StoredSegment::open(&folder, row, &cache, None)).await?;
            let sealed = self.shared.sources.replace_oldest_frozen(segment);
            // Not under the lock that the journal's thread needs: to free a hundred thousand texts takes a while.
            run_blocking(move || {
                drop(sealed);
                Ok(())
            })
            .await?;
            self.shared.journal_state.trim(sealed_sequence)?;
            self.tell_of_new_segments();
        }
        Ok(())
    }

    /// Ends the journal's thread after everything that was given to it, and closes the manifest.
    pub async fn close(&self) {
        if let Some(remote) = &self.shared.remote {
            remote.close();
        }
        self.shared.journal.stop().await;
        let thread = self.shared.thread.lock().take();
        if let Some(thread) = thread
            && run_blocking(move || thread.join().map_err(|_| StoreError::Task("journal".to_owned()))).await.is_err()
        {
            tracing::error!("the journal's thread ended by a defect");
        }
        self.shared.manifest.close().await;
    }

    /// The ids that imports of this moment share.
    pub(crate) fn known_ids(&self) -> Arc<KnownIds> {
        let mut kept = self.shared.sources.known_ids.lock();
        kept.upgrade().unwrap_or_else(|| {
            let known = Arc::new(KnownIds::default());
            *kept = Arc::downgrade(&known);
            known
        })
    }

    /// Tables in memory, and segments that reach into a range of seconds, both ends inclusive.
    pub(crate) fn sources_between(&self, first: i64, last: i64) -> (Vec<Arc<Memtable>>, Vec<Arc<StoredSegment>>) {
        let view = self.shared.sources.view();
        let reaches_in = |stored: &&Arc<StoredSegment>| {
            let (earliest, latest) = stored.time_range();
            latest.as_seconds() >= first && earliest.as_seconds() <= last
        };
        (view.memtables().cloned().collect(), view.segments.iter().filter(reaches_in).cloned().collect())
    }

    pub(crate) fn add_segments(&self, segments: Vec<Arc<StoredSegment>>) {
        Arc::make_mut(&mut self.shared.sources.view.write().segments).extend(segments);
        self.tell_of_new_segments();
    }

    /// There is something to read ahead, and to move to the bucket.
    fn tell_of_new_segments(&self) {
        self.shared.sources.new_segments.notify_one();
        if let Some(remote) = &self.shared.remote {
            remote.to_do.notify_one();
        }
    }

    pub(crate) fn new_segments(&self) -> &Notify {
        &self.shared.sources.new_segments
    }

    pub(crate) fn remote(&self) -> Option<&Arc<RemoteSegments>> {
        self.shared.remote.as_ref()
    }

    pub(crate) fn all_segments(&self) -> Vec<Arc<StoredSegment>> {
        self.shared.sources.view().segments.to_vec()
    }

    /// Puts some segments, or none, in the place of others: in the manifest, for every reader at once, and on the disk.
    ///
    /// # Errors
    /// The manifest or a file cannot be changed. Nothing is lost: what the manifest has stays.
    pub(crate) async fn replace_segments(
        &self,
        old: &[Arc<StoredSegment>],
        new: &[SegmentRow],
    ) -> Result<(), StoreError> {
        let names: Vec<String> = old.iter().map(|stored| stored.row.file_name.clone()).collect();
        // Commit point.
        let bucket_url = self.remote().map(|remote| remote.url());
        let change = Change { removed: &names, added: new, bucket_url, ..Change::default() };
        self.manifest().commit(&change).await?;
        let (folder, cache, rows) = (self.segment_folder(), Arc::clone(self.cache()), new.to_vec());
        let open = move |row| StoredSegment::open(&folder, row, &cache, None).map(Arc::new);
        let new: Vec<_> = run_blocking(move || rows.into_iter().map(open).collect()).await?;
        {
            let mut view = self.shared.sources.view.write();
            let segments = Arc::make_mut(&mut view.segments);
            segments.retain(|kept| !old.iter().any(|replaced| Arc::ptr_eq(replaced, kept)));
            segments.extend(new);
        }
        for stored in old {
            stored.remove(self.remote())?;
        }
        self.shared.followed.forget(&names);
        self.tell_of_new_segments();
        Ok(())
    }

    /// Waits until no other upkeep goes on.
    pub(crate) async fn upkeep(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.upkeep.lock().await
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    pub(crate) fn cache(&self) -> &Arc<segment::Cache> {
        &self.shared.cache
    }

    pub(crate) fn next_imported(&self) -> &AtomicU64 {
        &self.shared.next_imported
    }

    pub(crate) fn segment_folder(&self) -> PathBuf {
        self.shared.config.data_dir.join("segments")
    }
}

/// Syncs the newest journal file, before anything that was read from it counts.
///
/// A killed process may leave entries that only the page cache holds. They become visible now, and the next file begins
/// with the number after them: were they lost to a power cut later, the journal would have a hole and be refused.
fn sync_newest_file(recovered: &Recovered) -> Result<(), StoreError> {
    let Some(newest) = recovered.files.last() else { return Ok(()) };
    File::open(&newest.path).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", &newest.path))
}

impl Sources {
    fn view(&self) -> View {
        self.view.read().clone()
    }

    /// Takes durable events in. Called by the journal's thread alone.
    fn take_in(&self, events: Vec<Arc<StoredEvent>>) {
        let Some(newest) = events.last().map(|event| event.sequence) else { return };
        let known = self.known_ids.lock().upgrade();
        if let Some(known) = known {
            for event in &events {
                known.note(day_of(event.index.event_time.as_seconds()), segment::id_number(&event.index.event_id));
            }
        }
        // Under the lock, so that no other thread sets the table aside between finding it and filling it.
        self.view.read().active.push(events);
        self.newest_sequence.send_replace(newest);
        self.freeze_if_full();
    }

    fn freeze_if_full(&self) {
        let is_full = {
            let view = self.view.read();
            view.active.len() >= self.segment_events_max || view.active.bytes() >= self.segment_bytes_max
        };
        if is_full {
            self.freeze();
            self.to_seal.notify_one();
        }
    }

    /// Sets the active table aside; it takes no event after that.
    fn freeze(&self) {
        let mut view = self.view.write();
        if view.active.len() > 0 {
            let full = std::mem::take(&mut view.active);
            view.frozen.push(full);
        }
    }

    fn oldest_frozen(&self) -> Option<Arc<Memtable>> {
        self.view.read().frozen.first().cloned()
    }

    /// Gives the table whose events are in the segment now.
    fn replace_oldest_frozen(&self, segment: StoredSegment) -> Arc<Memtable> {
        let mut view = self.view.write();
        Arc::make_mut(&mut view.segments).push(Arc::new(segment));
        view.frozen.remove(0)
    }
}

impl View {
    fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        self.frozen.iter().chain(std::iter::once(&self.active))
    }

    fn lookup(&self, query: &Arc<EventQuery>) -> Result<Page, StoreError> {
        search(query, self.memtables(), &self.segments, Some(&self.recent))
    }

    fn after_sequence(
        &self,
        sequence: u64,
        limit: usize,
        followed: &Followed,
    ) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        let mut found = Vec::new();
        let in_memory = self.memtables().filter_map(|memtable| memtable.first_sequence()).min();
        if in_memory.is_none_or(|first| first > sequence + 1) {
            let is_behind = |stored: &&Arc<StoredSegment>| {
                let numbers = stored.row.min_sequence.unsigned_abs()..=stored.row.max_sequence.unsigned_abs();
                *numbers.start() < IMPORTED_SEQUENCE_MIN && *numbers.end() > sequence
            };
            let behind = self.segments.iter().filter(is_behind).cloned().collect();
            found = segments_after_sequence(behind, sequence, limit, followed)?;
        }
        for memtable in self.memtables() {
            if found.len() >= limit {
                break;
            }
            found.extend(memtable.after_sequence(sequence, limit - found.len()));
        }
        Ok(found)
    }
}

/// The first events with numbers above this one, in their order. Segments of different categories have numbers of the same
/// range.
fn segments_after_sequence(
    mut segments: Vec<Arc<StoredSegment>>,
    sequence: u64,
    limit: usize,
    followed: &Followed,
) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
    segments.sort_by_key(|stored| stored.row.min_sequence);
    let mut readers = Vec::new();
    // Number, reader and row of each event.
    let mut places: Vec<(u64, usize, u32)> = Vec::new();
    for stored in segments {
        let first = stored.row.min_sequence.unsigned_abs();
        if limit.checked_sub(1).and_then(|last| places.get(last)).is_some_and(|(last, ..)| *last < first) {
            break;
        }
        let reader = followed.reader(&stored);
        let rows = reader.segment()?.all_rows().map_err(reader.failed())?;
        // A joined segment may hold imported events too, which are in no order with the others.
        let are_next = rows.iter().filter(|row| row.sequence > sequence && row.sequence < IMPORTED_SEQUENCE_MIN);
        places.extend(are_next.map(|row| (row.sequence, readers.len(), row.row)));
        if places.len() > limit {
            places.select_nth_unstable(limit);
            places.truncate(limit);
        }
        places.sort_unstable();
        readers.push(reader);
    }
    let mut events = Vec::with_capacity(places.len());
    for (number, stored) in readers.iter().enumerate() {
        let of_this = || places.iter().filter(|(_, reader, _)| *reader == number);
        let rows: Vec<u32> = of_this().map(|(.., row)| *row).collect();
        let records = stored.segment()?.records(&rows).map_err(stored.failed())?;
        for ((sequence, ..), record) in of_this().zip(records) {
            events.push(Arc::new(event(*sequence, record)?));
        }
    }
    events.sort_unstable_by_key(|event| event.sequence);
    Ok(events)
}

/// Opens the segments of the manifest, on all cores: a store of years has thousands.
fn open_segments(
    folder: &std::path::Path,
    rows: Vec<SegmentRow>,
    cache: &Arc<segment::Cache>,
    remote: Option<&Arc<RemoteSegments>>,
) -> Result<Vec<Arc<StoredSegment>>, StoreError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = rows.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let open_part = |rows: &[SegmentRow]| {
            let open = |row: &SegmentRow| StoredSegment::open(folder, row.clone(), cache, remote).map(Arc::new);
            rows.iter().map(open).collect::<Result<Vec<_>, _>>()
        };
        let parts: Vec<_> = rows.chunks(part).map(|rows| scope.spawn(move || open_part(rows))).collect();
        let mut segments = Vec::with_capacity(rows.len());
        for part in parts {
            segments.extend(part.join().map_err(|_| StoreError::Task("opening segments".to_owned()))??);
        }
        Ok(segments)
    })
}

/// Writes the events of a table into a segment.
fn seal_memtable(folder: &std::path::Path, memtable: &Memtable) -> Result<SegmentRow, StoreError> {
    let (mut reader, mut builder) = (segment::RecordReader::default(), segment::Builder::default());
    for event in memtable.in_order_of_time() {
        builder.push(reader.read(&event.record)?, event.sequence)?;
    }
    let made = MadeSegment::of(&builder, Sequences::Given, folder)?;
    write_segment(folder, &made.ok_or_else(|| StoreError::Task("sealing an empty table".to_owned()))?)
}

/// The journal must begin where the segments end, or before: a gap means that a file is missing.
fn check_joint(folder: &std::path::Path, recovered: &Recovered, sealed_sequence: u64) -> Result<(), StoreError> {
    let first = recovered.events.first().map(|(sequence, _)| *sequence);
    match first {
        Some(first) if first > sealed_sequence + 1 => {
            let found = format!("segments end with event {sealed_sequence}, and the journal begins with {first}");
            Err(StoreError::Damaged { path: folder.join("journal"), offset: 0, found })
        }
        _ => Ok(()),
    }
}

/// Events of the journal that are not yet in a segment.
fn replay(recovered: &Recovered, sealed_sequence: u64) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
    let unsealed = recovered.events.iter().filter(|(sequence, _)| *sequence > sealed_sequence);
    unsealed
        .map(|(sequence, record)| {
            let index = LookupIndex::derive(record)?;
            Ok(Arc::new(StoredEvent { sequence: *sequence, index, record: record.clone() }))
        })
        .collect()
}

/// Segments in another bucket than the one that is configured would be missing.
fn check_places(rows: &[SegmentRow], configured: Option<&str>) -> Result<(), StoreError> {
    let elsewhere = |row: &&SegmentRow| row.in_bucket.as_ref().is_some_and(|place| configured != Some(&*place.url));
    let count = rows.iter().filter(elsewhere).count();
    match rows.iter().find(elsewhere).and_then(|row| row.in_bucket.as_ref()) {
        None => Ok(()),
        Some(place) => {
            let asked = configured.unwrap_or_default().to_owned();
            Err(StoreError::SegmentsElsewhere { count, url: place.url.clone(), asked })
        }
    }
}

/// Deletes files that the manifest does not know, or knows to be in the bucket: a crash left them. **Manifest commits.**
fn remove_leftovers(folder: &std::path::Path, rows: &[SegmentRow]) -> Result<(), StoreError> {
    let files = rows.iter().filter(|row| row.in_bucket.is_none());
    let known: HashSet<&OsStr> = files.map(|row| OsStr::new(&row.file_name)).collect();
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        if !known.contains(&*entry.file_name()) {
            tracing::info!(path = %entry.path().display(), "a segment that was never committed, or is in the bucket, is deleted from the folder");
            std::fs::remove_file(entry.path()).map_err(StoreError::io("delete", entry.path()))?;
        }
    }
    Ok(())
}

pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Task(error.to_string())),
    }
}
