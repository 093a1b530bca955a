//! Records that are brought to the console, into the store.

use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
use console::{IntakeError, IntakeReport, RecordIntake, RejectedLine};
use store::{EventStore, ImportError, Imported, Importer, StoreError};
use tokio::runtime::Handle;

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
}

#[async_trait]
impl RecordIntake for StoreIntake {
    async fn take(&self, lines: Bytes) -> Result<IntakeReport, IntakeError> {
        let runtime = Handle::current();
        self.kept.get_or_init(|| self.store.importer(runtime.clone()));
        let mut importer = self.store.importer(runtime);
        let taken = tokio::task::spawn_blocking(move || take(&mut importer, &lines)).await;
        match taken {
            Ok(taken) => taken.map_err(|error| IntakeError(error.into())),
            Err(error) => Err(IntakeError(error.into())),
        }
    }
}

fn take(importer: &mut Importer, lines: &[u8]) -> Result<IntakeReport, StoreError> {
    let mut report = IntakeReport::default();
    let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for (line, record) in (1..).zip(lines).filter(|(_, record)| !record.is_empty()) {
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
