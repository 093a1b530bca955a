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

    /// Hands a note over, in place of another one if one is given; it is durable when the future says so. That keeps
    /// nothing of the record, which is large.
    pub(crate) fn note(
        &self,
        record: &EventRecord,
        supersedes: Option<NoteId>,
    ) -> impl Future<Output = Result<NoteId, SinkError>> + use<> {
        let committed = self.commit(record, EntryKind::Note, supersedes);
        async {
            let named = committed.await?;
            named.ok_or_else(|| SinkError { reason: "a note got no name; this is a defect".to_owned() })
        }
    }

    /// Hands an event over, in place of a note if one is given; it is durable when the future says so.
    pub(crate) fn append(
        &self,
        record: &EventRecord,
        supersedes: Option<NoteId>,
    ) -> impl Future<Output = Result<(), SinkError>> + use<> {
        let committed = self.commit(record, EntryKind::Event(Box::new(LookupIndex::of(record))), supersedes);
        async { committed.await.map(|_| ()) }
    }

    fn commit(
        &self,
        record: &EventRecord,
        kind: EntryKind,
        supersedes: Option<NoteId>,
    ) -> impl Future<Output = Outcome> + use<> {
        let stopping = || SinkError { reason: "the recorder is stopping".to_owned() };
        let handed_over = to_json(record).and_then(|record| {
            let (reply, outcome) = oneshot::channel();
            let waiting = Waiting { entry: SinkEntry { record, kind, supersedes }, reply };
            self.queue.send(waiting).map(|()| outcome).map_err(|_| stopping())
        });
        async move { handed_over?.await.map_err(|_| stopping())? }
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
