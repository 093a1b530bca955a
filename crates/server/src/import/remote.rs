//! A running server as the importer knows it: batches go to its console, and are durable there before they count.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use console::{ImportHead, KnownFilesRequest, LedgerFile};
use import::{
    CommitCounts, Destination, DestinationError, Destinations, FileKey, Fingerprint, FinishedFile, RejectReason, Taken,
};
use model::EventTime;
use store::{RecordReader, SegmentBuilder};
use tokio::runtime::Handle;

use super::destination::reason;
use crate::events::client::ConsoleClient;

/// Bytes of records that go in one request: with the largest record behind them they stay below what a console takes.
pub(super) const COMMIT_BYTES: usize = 12 * 1024 * 1024;

/// Destinations behind the console of a server.
pub(super) struct RemoteDestinations {
    client: ConsoleClient,
    runtime: Handle,
    /// Time of the oldest record that was stored, seconds since 1970.
    oldest_seconds: AtomicI64,
}

impl RemoteDestinations {
    pub(super) fn new(client: ConsoleClient, runtime: Handle) -> Self {
        Self { client, runtime, oldest_seconds: AtomicI64::new(i64::MAX) }
    }

    /// Time of the oldest record that was stored.
    pub(super) fn oldest(&self) -> Option<EventTime> {
        let seconds = self.oldest_seconds.load(Ordering::Relaxed);
        (seconds != i64::MAX).then(|| EventTime::from_seconds(seconds))
    }

    /// Days that the server keeps events.
    pub(super) fn history_days(&self) -> anyhow::Result<u32> {
        self.runtime.block_on(self.client.history_days())
    }
}

impl Destinations for RemoteDestinations {
    fn open(&self) -> Result<Box<dyn Destination + '_>, DestinationError> {
        let reader = RecordReader::default();
        let (checked, ids) = (SegmentBuilder::default(), HashSet::new());
        Ok(Box::new(RemoteDestination { destinations: self, reader, checked, ids, lines: Vec::new() }))
    }

    fn recorded_fingerprints(&self, keys: &[FileKey]) -> Result<Vec<Option<Fingerprint>>, DestinationError> {
        let keys = keys.iter().map(|key| STANDARD.encode(key.as_bytes())).collect();
        let known = self.runtime.block_on(self.client.known_files(&KnownFilesRequest { keys }));
        let known = known.map_err(|error| DestinationError::new("look files up in the server's ledger", error))?;
        let fingerprint = |file: console::KnownFile| Fingerprint { size_bytes: file.size_bytes, tag: file.tag };
        Ok(known.files.into_iter().map(|file| file.map(fingerprint)).collect())
    }
}

struct RemoteDestination<'a> {
    destinations: &'a RemoteDestinations,
    reader: RecordReader,
    /// Says of each record whether a segment takes it, as the server's does; what is in it is thrown away.
    checked: SegmentBuilder,
    /// Of the records that wait.
    ids: HashSet<[u8; 16]>,
    lines: Vec<u8>,
}

impl Destination for RemoteDestination<'_> {
    fn push(&mut self, record: &[u8]) -> Result<Taken, RejectReason> {
        let read = self.reader.read(record).map_err(|refusal| reason(&refusal))?;
        let id = read.id();
        if self.ids.contains(&id) {
            return Ok(Taken::Duplicate);
        }
        let seconds = read.seconds();
        self.checked.push(read, self.ids.len() as u64).map_err(|refusal| reason(&refusal))?;
        self.destinations.oldest_seconds.fetch_min(seconds, Ordering::Relaxed);
        self.ids.insert(id);
        // Ends of lines stand between tokens only: inside of strings they are escaped.
        self.lines.extend(record.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        self.lines.push(b'\n');
        Ok(Taken::Stored)
    }

    fn pending_bytes(&self) -> usize {
        self.lines.len()
    }

    fn commit(&mut self, finished: &[FinishedFile]) -> Result<CommitCounts, DestinationError> {
        if self.lines.is_empty() && finished.is_empty() {
            return Ok(CommitCounts::default());
        }
        let failed = |error: anyhow::Error| DestinationError::new("store the records on the server", error);
        let head = ImportHead { files: finished.iter().map(ledger_file).collect() };
        let mut body = serde_json::to_vec(&head).map_err(|error| failed(error.into()))?;
        body.push(b'\n');
        body.append(&mut self.lines);
        self.checked = SegmentBuilder::default();
        self.ids.clear();
        let RemoteDestinations { client, runtime, .. } = self.destinations;
        let answer = runtime.block_on(client.import(body)).map_err(failed)?;
        Ok(CommitCounts { stored: answer.stored, late_duplicates: answer.duplicates })
    }
}

fn ledger_file(file: &FinishedFile) -> LedgerFile {
    LedgerFile {
        key: STANDARD.encode(file.key.as_bytes()),
        size_bytes: file.fingerprint.size_bytes,
        tag: file.fingerprint.tag.clone(),
        records: file.records,
        rejected: file.rejected,
    }
}
