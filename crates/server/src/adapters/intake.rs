//! Records that are brought to the console, into the store.

use std::sync::OnceLock;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use console::{
    ImportAnswer, ImportIntake, ImportRefusal, IntakeError, IntakeReport, KnownFile, LedgerFile, RecordIntake,
    RejectedLine,
};
use import::limits::RECORD_BYTES_MAX;
use store::{EventStore, ImportError, Imported, ImportedFile, Importer, StoreError};
use tokio::runtime::Handle;

/// What may begin a text in UTF-8 and is no part of it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Takes records with importers of the store.
pub(crate) struct StoreIntake {
    store: EventStore,
    /// Keeps the ids of the days at hand in memory from the first call on.
    kept: OnceLock<Importer>,
}

impl StoreIntake {
    pub(crate) fn new(store: EventStore) -> Self {
        Self { store, kept: OnceLock::new() }
    }

    fn importer(&self) -> Importer {
        let runtime = Handle::current();
        self.kept.get_or_init(|| self.store.importer(runtime.clone()));
        self.store.importer(runtime)
    }
}

#[async_trait]
impl RecordIntake for StoreIntake {
    async fn take(&self, lines: Bytes) -> Result<IntakeReport, IntakeError> {
        let mut importer = self.importer();
        let taken = tokio::task::spawn_blocking(move || take(&mut importer, &lines)).await;
        match taken {
            Ok(taken) => taken.map_err(|error| IntakeError(error.into())),
            Err(error) => Err(IntakeError(error.into())),
        }
    }
}

#[async_trait]
impl ImportIntake for StoreIntake {
    async fn import(&self, files: Vec<LedgerFile>, lines: Bytes) -> Result<ImportAnswer, ImportRefusal> {
        let files = files.into_iter().map(imported_file).collect::<Result<Vec<_>, _>>()?;
        let mut importer = self.importer();
        let imported = tokio::task::spawn_blocking(move || import(&mut importer, &files, &lines)).await;
        imported.unwrap_or_else(|error| Err(IntakeError(error.into()).into()))
    }

    async fn imported_files(&self, keys: Vec<String>) -> Result<Vec<Option<KnownFile>>, ImportRefusal> {
        let keys = keys.iter().map(|key| decoded(key)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
        let mut found = self.store.imported_files(&keys).await.map_err(|error| IntakeError(error.into()))?;
        let known = |(size_bytes, tag)| KnownFile { size_bytes, tag };
        Ok(keys.into_iter().map(|key| found.remove(key).map(known)).collect())
    }
}

fn decoded(key: &str) -> Result<Vec<u8>, ImportRefusal> {
    STANDARD.decode(key).map_err(|error| ImportRefusal::Body(format!("the key of a file is not base64: {error}")))
}

fn imported_file(file: LedgerFile) -> Result<ImportedFile, ImportRefusal> {
    let LedgerFile { key, size_bytes, tag, records, rejected } = file;
    Ok(ImportedFile { key: decoded(&key)?, size_bytes, tag, records, rejected })
}

fn import(importer: &mut Importer, files: &[ImportedFile], lines: &[u8]) -> Result<ImportAnswer, ImportRefusal> {
    let failed = |error: StoreError| ImportRefusal::Store(IntakeError(error.into()));
    let mut answer = ImportAnswer::default();
    let records = lines.split(|byte| *byte == b'\n').filter(|record| !record.is_empty());
    for (place, record) in records.enumerate() {
        match importer.push(record) {
            Ok(Imported::New) => {}
            Ok(Imported::Duplicate) => answer.duplicates.push(place),
            Err(ImportError::Refused(refusal)) => {
                return Err(ImportRefusal::Body(format!("record {place} is refused: {}", with_cause(&refusal))));
            }
            Err(ImportError::Store(error)) => return Err(failed(error)),
        }
    }
    answer.stored = importer.commit(files).map_err(failed)?;
    Ok(answer)
}

fn take(importer: &mut Importer, lines: &[u8]) -> Result<IntakeReport, StoreError> {
    let mut report = IntakeReport::default();
    let lines = lines.strip_prefix(BYTE_ORDER_MARK).unwrap_or(lines);
    let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for (line, record) in (1..).zip(lines).filter(|(_, record)| !record.is_empty()) {
        // The bound of files: else what is exported from here could not be imported there.
        if record.len() > RECORD_BYTES_MAX {
            let reason = format!("larger than {RECORD_BYTES_MAX} bytes");
            report.rejected.push(RejectedLine { line, reason });
            continue;
        }
        match importer.push(record) {
            Ok(Imported::New) => {}
            Ok(Imported::Duplicate) => report.duplicates += 1,
            Err(ImportError::Refused(refusal)) => {
                report.rejected.push(RejectedLine { line, reason: with_cause(&refusal) });
            }
            Err(ImportError::Store(error)) => return Err(error),
        }
    }
    report.stored = importer.commit(&[])?;
    Ok(report)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
