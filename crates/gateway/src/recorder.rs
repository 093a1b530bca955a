//! One worker's way to the journal: records that come while a commit is under way go together with the next.
//!
//! Every wake of another thread is a system call or two. The calls of a worker share them: one hand-over to the journal
//! for all of its records, and one wake when they are durable; from there each call is woken on its own thread.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use model::{EventRecord, LookupIndex};
use tokio::sync::{mpsc, oneshot};

use crate::sink::{EntryKind, EventSink, NoteId, SinkEntry, SinkError};

/// Most records of one commit; the journal bounds their bytes itself.
const COMMIT_ENTRIES_MAX: usize = 1024;

/// How often a commit lets the other tasks of its worker go on before it is handed over, so that what they have to record
/// goes with it. Where nothing else is to be done, this takes a microsecond; where much is, it halves the number of
/// syncs and wakes (measured: docs/benchmarks.md).
const ROUNDS_OF_GATHERING: usize = 4;

type Outcome = Result<Option<NoteId>, SinkError>;

struct Waiting {
    entry: SinkEntry,
    reply: oneshot::Sender<Outcome>,
}

/// The callers' end. Cheap to clone; for tasks of one runtime.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::UnboundedSender<Waiting>,
}

impl Recorder {
    /// Starts the task that commits, on the current runtime. It ends with the last recorder.
    pub(crate) fn start(sink: Arc<dyn EventSink>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(commit_all(sink, waiting));
        Self { queue }
    }

    /// Makes a note durable, in place of another one if one is given.
    pub(crate) async fn note(&self, record: &EventRecord, supersedes: Option<NoteId>) -> Result<NoteId, SinkError> {
        let named = self.commit(SinkEntry { record: to_json(record)?, kind: EntryKind::Note, supersedes }).await?;
        named.ok_or_else(|| SinkError { reason: "a note got no name; this is a defect".to_owned() })
    }

    /// Makes an event durable, in place of a note if one is given.
    pub(crate) async fn append(&self, record: &EventRecord, supersedes: Option<NoteId>) -> Result<(), SinkError> {
        let kind = EntryKind::Event(Box::new(LookupIndex::of(record)));
        self.commit(SinkEntry { record: to_json(record)?, kind, supersedes }).await.map(|_| ())
    }

    async fn commit(&self, entry: SinkEntry) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let gone = |()| SinkError { reason: "the recorder is stopping".to_owned() };
        self.queue.send(Waiting { entry, reply }).map_err(|_| gone(()))?;
        outcome.await.map_err(|_| gone(()))?
    }
}

async fn commit_all(sink: Arc<dyn EventSink>, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let mut taken = Vec::new();
    while waiting.recv_many(&mut taken, COMMIT_ENTRIES_MAX).await > 0 {
        gather(&mut taken, &mut waiting).await;
        let (entries, replies): (Vec<_>, Vec<_>) = taken.drain(..).map(|one| (one.entry, one.reply)).unzip();
        for (outcome, reply) in sink.commit(entries).await.into_iter().zip(replies) {
            // A call that was given up does not ask; its record is durable all the same.
            drop(reply.send(outcome));
        }
    }
}

async fn gather(taken: &mut Vec<Waiting>, waiting: &mut mpsc::UnboundedReceiver<Waiting>) {
    for _ in 0..ROUNDS_OF_GATHERING {
        tokio::task::yield_now().await;
        while taken.len() < COMMIT_ENTRIES_MAX
            && let Ok(next) = waiting.try_recv()
        {
            taken.push(next);
        }
    }
}

/// First room for the text of a record, bytes. Nearly all are shorter.
const RECORD_BYTES: usize = 4 * 1024;
/// Longest text for which the room is kept.
const RECORD_BYTES_KEPT: usize = 256 * 1024;

thread_local! {
    /// Where texts are written. Each is then copied into as many bytes as it has: it stays in memory for a while.
    static TEXT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(RECORD_BYTES));
}

fn to_json(record: &EventRecord) -> Result<Bytes, SinkError> {
    TEXT.with_borrow_mut(|text| {
        text.clear();
        let written = record.write_json(text);
        let bytes = Bytes::copy_from_slice(text);
        if text.capacity() > RECORD_BYTES_KEPT {
            *text = Vec::with_capacity(RECORD_BYTES);
        }
        written.map(|()| bytes).map_err(|error| SinkError { reason: format!("it is not writable: {error}") })
    })
}
