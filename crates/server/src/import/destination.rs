//! The store as the importer knows it.

use import::limits::COMMIT_BYTES;
use import::{
    CommitCounts, Destination, DestinationError, Destinations, FileKey, Fingerprint, FinishedFile, RejectReason, Taken,
};
use store::{EventStore, ImportError, Imported, ImportedFile, Importer, StoreError};
use tokio::runtime::Handle;

/// Memory of a part of what waits (management events, or events of high volume) at which it becomes a segment: large
/// segments are worth more memory than the importer would give. Both parts may grow as far, and some more is needed for the
/// segment while it is made.
const PART_BYTES: usize = 80 * 1024 * 1024;

/// Destinations in one store.
pub(super) struct StoreDestinations {
    store: EventStore,
    runtime: Handle,
    /// Keeps the ids of the days at hand in memory while workers come and go.
    _kept: Importer,
}

impl StoreDestinations {
    pub(super) fn new(store: EventStore, runtime: Handle) -> Self {
        let kept = store.importer(runtime.clone());
        Self { store, runtime, _kept: kept }
    }
}

impl Destinations for StoreDestinations {
    fn open(&self) -> Result<Box<dyn Destination + '_>, DestinationError> {
        let mut importer = self.store.importer(self.runtime.clone()).apart();
        importer.expect_bytes(PART_BYTES);
        Ok(Box::new(StoreDestination { importer, failed: None }))
    }

    fn recorded_fingerprints(&self, keys: &[FileKey]) -> Result<Vec<Option<Fingerprint>>, DestinationError> {
        let texts: Vec<&[u8]> = keys.iter().map(FileKey::as_bytes).collect();
        let found = self.runtime.block_on(self.store.imported_files(&texts));
        let mut found = found.map_err(|error| DestinationError::new("look files up in the ledger", error))?;
        let fingerprint = |(size_bytes, tag)| Fingerprint { size_bytes, tag };
        Ok(texts.into_iter().map(|key| found.remove(key).map(fingerprint)).collect())
    }
}

struct StoreDestination {
    importer: Importer,
    /// A failure of the store, which a push cannot tell: the next commit does.
    failed: Option<StoreError>,
}

impl Destination for StoreDestination {
    fn push(&mut self, record: &[u8]) -> Result<Taken, RejectReason> {
        match self.importer.push(record) {
            Ok(Imported::New) => Ok(Taken::Stored),
            Ok(Imported::Duplicate) => Ok(Taken::Duplicate),
            Err(ImportError::Refused(refusal)) => Err(reason(&refusal)),
            Err(ImportError::Store(error)) => {
                let detail = error.to_string();
                self.failed = Some(error);
                Err(RejectReason::NotARecord { detail })
            }
        }
    }

    fn push_first(&mut self, bytes: &[u8], lists: &[&[u8]]) -> Option<(Taken, usize)> {
        match self.importer.push_first(bytes, lists) {
            Ok(taken) => taken.map(|(imported, size)| match imported {
                Imported::New => (Taken::Stored, size),
                Imported::Duplicate => (Taken::Duplicate, size),
            }),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn pending_bytes(&self) -> usize {
        // As the importer counts, which commits at so many bytes unless its options say otherwise.
        (self.importer.pending_bytes() as u64 * COMMIT_BYTES as u64 / PART_BYTES as u64) as usize
    }

    fn make_room(&mut self) -> Result<bool, DestinationError> {
        self.importer.make_room().map_err(|error| DestinationError::new("store the records", error))
    }

    fn commit(&mut self, finished: &[FinishedFile]) -> Result<CommitCounts, DestinationError> {
        let failed = |error: StoreError| DestinationError::new("store the records", error);
        if let Some(error) = self.failed.take() {
            return Err(failed(error));
        }
        let files: Vec<ImportedFile> = finished.iter().map(imported_file).collect();
        let stored = self.importer.begin_commit(&files).map_err(failed)?;
        Ok(CommitCounts { stored, late_duplicates: Vec::new() })
    }

    fn settle(&mut self) -> Result<(), DestinationError> {
        self.importer.end_commit().map_err(|error| DestinationError::new("store the records", error))
    }
}

fn imported_file(file: &FinishedFile) -> ImportedFile {
    ImportedFile {
        key: file.key.as_bytes().to_vec(),
        size_bytes: file.fingerprint.size_bytes,
        tag: file.fingerprint.tag.clone(),
        records: file.records,
        rejected: file.rejected,
    }
}

pub(super) fn reason(refusal: &store::Refusal) -> RejectReason {
    match refusal {
        store::Refusal::NotJson(error) => RejectReason::NotJson { detail: error.to_string() },
        store::Refusal::NotARecord(error) => {
            let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
            RejectReason::NotARecord { detail: format!("{error}{cause}") }
        }
    }
}
