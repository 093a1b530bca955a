//! The thread that owns the journal file: writes, syncs, and only then answers.
//!
//! Everything that waits when the thread is free is written and synced at once: the more callers, the fewer syncs for
//! each. After a failed write or sync the file is left for good, because the page cache can no longer be
//! trusted to say what is on disk; the next batch begins a new file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use model::LookupIndex;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::file::{OpenFile, Spare, SpareMaker};
use super::format::{ENTRY_HEAD_BYTES, Entry, EntryKind, FileHeader, HEADER_BYTES, PAYLOAD_BYTES_MAX, encode_entry};
use super::reader::{JournalFile, Recovered};
use super::{Committed, NoteId};
use crate::StoreError;
use crate::query::StoredEvent;

/// Most entries that wait for the thread; callers beyond wait to get into the queue.
const QUEUE_ENTRIES_MAX: usize = 8192;
/// Most bytes of one write. A batch of many large records is cut so that its first callers do not wait for all.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Room for the bytes of a batch that is kept for the next one, so that it need not grow anew. More, as a batch of large
/// records has, is given back.
const ROOM_KEPT_BYTES: usize = 256 * 1024;

/// Something to be written.
#[derive(Debug)]
pub(crate) struct NewEntry {
    pub(crate) record: Bytes,
    /// Note that it takes the place of.
    pub(crate) supersedes: Option<NoteId>,
    /// What was derived from the record of an event; `None` for a note.
    pub(crate) index: Option<Box<LookupIndex>>,
}

enum Command {
    /// Entries of one caller: all become durable, or none is acknowledged.
    Write { entries: Vec<NewEntry>, reply: oneshot::Sender<Result<Vec<Committed>, String>> },
    /// Ends the thread once everything before it is written.
    Stop,
}

/// Gets durable events, in order, before anybody is told that they are durable.
pub(crate) type DurableEvents = Box<dyn FnMut(Vec<Arc<StoredEvent>>) + Send>;

/// What others may see of the journal, and do to it.
#[derive(Debug)]
pub(crate) struct JournalState {
    files: Mutex<Files>,
    bytes: AtomicU64,
    pending_notes: AtomicU64,
}

#[derive(Debug, Default)]
struct Files {
    /// Files that are no longer written, from old to new.
    closed: Vec<JournalFile>,
    /// Oldest file that holds a pending note.
    oldest_pending: Option<u64>,
}

impl JournalState {
    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Notes that nothing superseded.
    pub(crate) fn pending_notes(&self) -> u64 {
        self.pending_notes.load(Ordering::Relaxed)
    }

    /// Deletes files whose events are all sealed, from the oldest on. **Trim behind.**
    pub(crate) fn trim(&self, sealed_sequence: u64) -> Result<(), StoreError> {
        loop {
            let path = {
                let mut files = self.files.lock();
                let oldest_pending = files.oldest_pending;
                match files.closed.first() {
                    Some(file)
                        if file.last_sequence <= sealed_sequence
                            && oldest_pending.is_none_or(|pending| pending > file.ordinal) =>
                    {
                        let file = files.closed.remove(0);
                        self.bytes.fetch_sub(file.sound_bytes, Ordering::Relaxed);
                        file.path
                    }
                    _ => return Ok(()),
                }
            };
            // A crash before this leaves a file of sealed events, which the next start passes over and trims again.
            std::fs::remove_file(&path).map_err(StoreError::io("delete", &path))?;
        }
    }
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(crate) struct JournalHandle {
    commands: mpsc::Sender<Command>,
}

impl JournalHandle {
    /// Makes entries durable together; gives their names in the order of the entries, or the reason why none is durable.
    pub(crate) async fn write(&self, entries: Vec<NewEntry>) -> Result<Vec<Committed>, String> {
        let gone = || "the recorder is stopping".to_owned();
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Write { entries, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(crate) async fn stop(&self) {
        // An error means that the thread is gone already.
        let _ = self.commands.send(Command::Stop).await;
    }
}

/// Whether a record is short enough for the journal.
pub(crate) fn check_size(record: &Bytes) -> Result<(), StoreError> {
    if record.len() <= PAYLOAD_BYTES_MAX {
        return Ok(());
    }
    let reason = format!("a record of {} bytes is above the limit of {PAYLOAD_BYTES_MAX}", record.len());
    Err(StoreError::JournalUnavailable { reason })
}

/// Starts the thread over a recovered journal.
pub(crate) fn start(
    folder: PathBuf,
    file_bytes_max: u64,
    recovered: &Recovered,
    next_sequence: u64,
    on_durable: DurableEvents,
) -> Result<(JournalHandle, Arc<JournalState>, std::thread::JoinHandle<()>), StoreError> {
    let state = Arc::new(JournalState {
        bytes: AtomicU64::new(recovered.files.iter().map(|file| file.sound_bytes).sum()),
        pending_notes: AtomicU64::new(recovered.pending_notes.len() as u64),
        files: Mutex::new(Files { closed: recovered.files.clone(), oldest_pending: None }),
    });
    let pending = recovered.pending_notes.iter().map(|(note, (file, _))| (*note, *file)).collect();
    let writer = Writer {
        folder,
        file_bytes_max,
        state: Arc::clone(&state),
        open: None,
        spare: None,
        spare_in_the_making: None,
        spare_was_begun: false,
        next_ordinal: recovered.files.last().map_or(1, |file| file.ordinal + 1),
        next_sequence,
        next_note: recovered.last_note + 1,
        pending,
        room: Vec::new(),
        on_durable,
    };
    writer.publish_pending();
    let (commands, queue) = mpsc::channel(QUEUE_ENTRIES_MAX);
    let thread = std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer.run(queue))
        .map_err(StoreError::io("start a thread for", &state_path(recovered)))?;
    Ok((JournalHandle { commands }, state, thread))
}

fn state_path(recovered: &Recovered) -> PathBuf {
    recovered.files.last().map_or_else(|| PathBuf::from("journal"), |file| file.path.clone())
}

struct Writer {
    folder: PathBuf,
    file_bytes_max: u64,
    state: Arc<JournalState>,
    open: Option<OpenFile>,
    /// Room for the file after the open one.
    spare: Option<Spare>,
    /// Who makes it.
    spare_in_the_making: Option<SpareMaker>,
    /// Whether its making was begun; once for each open file, so that a disk that has no room is not asked by every batch.
    spare_was_begun: bool,
    next_ordinal: u64,
    next_sequence: u64,
    next_note: u64,
    /// Notes that nothing superseded, and the files that hold them.
    pending: std::collections::BTreeMap<u64, u64>,
    /// Where the bytes of each batch are put together; empty between batches.
    room: Vec<u8>,
    on_durable: DurableEvents,
}

/// Who is to be told what when a batch is durable.
struct Reply {
    to: oneshot::Sender<Result<Vec<Committed>, String>>,
    committed: Vec<Committed>,
}

#[derive(Default)]
struct Batch {
    /// Where it begins in its file.
    start: u32,
    bytes: Vec<u8>,
    replies: Vec<Reply>,
    events: Vec<Arc<StoredEvent>>,
    new_notes: Vec<u64>,
    superseded: Vec<u64>,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut commands = Vec::new();
        let mut is_stopping = false;
        while !is_stopping {
            let Some(first) = queue.blocking_recv() else { break };
            commands.push(first);
            let mut bytes = 0;
            while bytes < BATCH_BYTES_MAX
                && let Ok(next) = queue.try_recv()
            {
                bytes += size_of_command(&next);
                commands.push(next);
            }
            is_stopping = self.write(commands.drain(..));
        }
        // Whoever still waits learns from the closed channel that nothing was written.
        self.give_back_room();
    }

    /// Cuts off what the open file has not used. What fails is done at the next start.
    fn give_back_room(&mut self) {
        if let Some(Err(error)) = self.open.take().map(|open| open.cut()) {
            tracing::debug!(%error, "the journal file keeps the room that it has not used");
        }
    }

    /// Writes a batch; says whether the thread shall end.
    fn write(&mut self, commands: impl Iterator<Item = Command>) -> bool {
        let mut is_stopping = false;
        self.take_spare();
        let has_spare = self.spare.is_some();
        if self.open.as_ref().is_some_and(|open| open.bytes >= self.file_bytes_max || (open.grows && has_spare)) {
            self.close();
        }
        let start = self.open.as_ref().map_or(HEADER_BYTES as u64, |open| open.bytes);
        let mut batch = Batch {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            bytes: std::mem::take(&mut self.room),
            ..Batch::default()
        };
        let (mut next_sequence, mut next_note) = (self.next_sequence, self.next_note);
        for command in commands {
            let Command::Write { entries, reply } = command else {
                is_stopping = true;
                continue;
            };
            let mut committed = Vec::with_capacity(entries.len());
            for NewEntry { record, supersedes, index } in entries {
                match index {
                    None => {
                        batch.entry(EntryKind::Note, next_note, supersedes, &record);
                        batch.new_notes.push(next_note);
                        committed.push(Committed::Note(NoteId(next_note)));
                        next_note += 1;
                    }
                    Some(index) => {
                        batch.entry(EntryKind::Event, next_sequence, supersedes, &record);
                        committed.push(Committed::Event(next_sequence));
                        batch.events.push(Arc::new(StoredEvent { sequence: next_sequence, index: *index, record }));
                        next_sequence += 1;
                    }
                }
            }
            batch.replies.push(Reply { to: reply, committed });
        }
        if batch.replies.is_empty() {
            return is_stopping;
        }
        // Commit point: when this returns without an error, the batch is durable.
        let persisted = self.persist(&batch.bytes);
        self.keep_room(batch.bytes);
        match persisted {
            Ok(ordinal) => {
                (self.next_sequence, self.next_note) = (next_sequence, next_note);
                self.pending.extend(batch.new_notes.iter().map(|note| (*note, ordinal)));
                for note in &batch.superseded {
                    self.pending.remove(note);
                }
                self.publish_pending();
                if !batch.events.is_empty() {
                    (self.on_durable)(batch.events);
                }
                for reply in batch.replies {
                    reply.succeed();
                }
            }
            Err(error) => {
                tracing::error!(%error, entries = batch.replies.len(), "the journal could not be written");
                let reason = chain(&error);
                for reply in batch.replies {
                    reply.fail(&reason);
                }
            }
        }
        is_stopping
    }

    fn keep_room(&mut self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= ROOM_KEPT_BYTES {
            bytes.clear();
            self.room = bytes;
        }
    }

    fn publish_pending(&self) {
        self.state.pending_notes.store(self.pending.len() as u64, Ordering::Relaxed);
        let oldest = self.pending.values().min().copied();
        let mut files = self.state.files.lock();
        files.oldest_pending = oldest;
    }

    /// Writes and syncs; gives the ordinal of the file.
    fn persist(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        // Until both steps succeed the file is taken out, so that a failure leaves it for good.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        if let Err(error) = open.append(bytes) {
            self.abandon(open);
            return Err(error);
        }
        self.state.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if open.grows || open.bytes >= self.file_bytes_max / 2 {
            self.begin_spare();
        }
        let ordinal = open.ordinal;
        self.open = Some(open);
        Ok(ordinal)
    }

    /// Makes the next file, durable with its name.
    fn create(&mut self) -> Result<OpenFile, StoreError> {
        let header = FileHeader { ordinal: self.next_ordinal, next_sequence: self.next_sequence };
        let open = OpenFile::create(&self.folder, header, self.spare.take())?;
        self.next_ordinal += 1;
        self.state.bytes.fetch_add(open.bytes, Ordering::Relaxed);
        self.spare_was_begun = false;
        Ok(open)
    }

    /// Begins to make room for the next file.
    fn begin_spare(&mut self) {
        if !self.spare_was_begun && self.spare_in_the_making.is_none() {
            self.spare_was_begun = true;
            self.spare_in_the_making = SpareMaker::start(&self.folder, self.file_bytes_max);
        }
    }

    /// Takes the spare over once it is made. One that is not done when a file is full is for the file after that one.
    fn take_spare(&mut self) {
        if let Some(made) = self.spare_in_the_making.take_if(|maker| maker.is_done()) {
            self.spare = made.take();
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.remember(open);
        }
    }

    fn remember(&self, open: OpenFile) {
        let last_sequence = self.next_sequence - 1;
        let OpenFile { path, ordinal, bytes, .. } = open;
        self.state.files.lock().closed.push(JournalFile { path, ordinal, last_sequence, sound_bytes: bytes });
    }

    /// Leaves a file after a failure. Cutting off what was not acknowledged is a courtesy to whoever reads it: the
    /// reader would pass over it all the same.
    fn abandon(&mut self, open: OpenFile) {
        if open.bytes == HEADER_BYTES as u64 && std::fs::remove_file(&open.path).is_ok() {
            // Nothing durable is in it. Its place is taken again, so that a full disk is not littered with empty files.
            self.next_ordinal = open.ordinal;
            self.state.bytes.fetch_sub(open.bytes, Ordering::Relaxed);
            return;
        }
        if let Err(error) = open.cut() {
            tracing::warn!(%error, path = %open.path.display(), "the tail of a failed write stays in the journal");
        }
        self.remember(open);
    }
}

impl Batch {
    fn entry(&mut self, kind: EntryKind, number: u64, supersedes: Option<NoteId>, payload: &[u8]) {
        let supersedes = supersedes.map(|note| note.0);
        let batch_start = self.start;
        encode_entry(&mut self.bytes, &Entry { kind, number, supersedes, batch_start, payload });
        self.superseded.extend(supersedes);
    }
}

impl Reply {
    // A caller that went away does not ask for its reply; the entries are durable all the same.
    fn succeed(self) {
        drop(self.to.send(Ok(self.committed)));
    }

    fn fail(self, reason: &str) {
        drop(self.to.send(Err(reason.to_owned())));
    }
}

fn size_of_command(command: &Command) -> usize {
    match command {
        Command::Write { entries, .. } => entries.iter().map(|entry| ENTRY_HEAD_BYTES + entry.record.len()).sum(),
        Command::Stop => 0,
    }
}

fn chain(error: &StoreError) -> String {
    let source = std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}")
}
