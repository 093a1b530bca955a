//! The gateway's sink and observer for one run.

use std::io::{self, Write};
use std::path::PathBuf;

use async_trait::async_trait;
use gateway::{CallObserver, ConcludedCall, EventSink, NoteId, SinkEntry, SinkError};
use parking_lot::Mutex;
use serde_json::Value;

use crate::live::LiveCall;
use crate::policy::{PolicyBuilder, UsedCall};
use crate::record_file::RecordFile;
use crate::summary::{Measured, Summary};

/// How the live view is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveForm {
    /// Not at all.
    Off,
    /// A line of text a call.
    Text,
    /// A JSON object a line.
    Json,
}

/// Writes records down as they come, shows them, and counts.
pub struct RunRecorder {
    /// `None` once it is finished.
    file: Mutex<Option<RecordFile>>,
    counted: Mutex<Counted>,
    live: LiveForm,
    view: Mutex<Box<dyn Write + Send>>,
}

struct Counted {
    summary: Summary,
    policy: PolicyBuilder,
}

/// What a finished run left.
#[derive(Debug)]
pub struct FinishedRun {
    /// The CloudTrail file.
    pub records: PathBuf,
    /// Calls without an outcome.
    pub unfinished: u64,
    /// The numbers.
    pub summary: Summary,
    /// The policy document.
    pub policy: Value,
}

impl RunRecorder {
    /// A recorder that writes to a file and shows calls on `view`.
    pub fn new(file: RecordFile, policy: PolicyBuilder, live: LiveForm, view: Box<dyn Write + Send>) -> Self {
        Self {
            file: Mutex::new(Some(file)),
            counted: Mutex::new(Counted { summary: Summary::default(), policy }),
            live,
            view: Mutex::new(view),
        }
    }

    /// Finishes the file. Calls that end later are not recorded any more.
    ///
    /// # Errors
    /// The folder cannot be written; what was recorded stays as lines.
    pub fn finish(&self) -> io::Result<FinishedRun> {
        let file = self.file.lock().take().ok_or_else(|| io::Error::other("the run is finished already"))?;
        let unfinished = file.open_notes() as u64;
        let records = file.finish()?;
        let counted = self.counted.lock();
        Ok(FinishedRun { records, unfinished, summary: counted.summary.clone(), policy: counted.policy.document() })
    }

    /// Removes the file of a run that never began.
    pub fn discard(&self) {
        if let Some(file) = self.file.lock().take() {
            file.discard();
        }
    }

    fn write(&self, entry: &SinkEntry) -> Result<Option<NoteId>, SinkError> {
        let mut file = self.file.lock();
        let Some(file) = file.as_mut() else {
            return Err(SinkError { reason: "the run is over".to_owned() });
        };
        file.write(entry).map_err(|error| SinkError { reason: error.to_string() })
    }

    fn show(&self, call: &LiveCall) {
        let line = match self.live {
            LiveForm::Off => return,
            LiveForm::Text => call.text(),
            LiveForm::Json => serde_json::to_string(call).unwrap_or_default(),
        };
        // Nobody reads a closed terminal; the file has the record.
        let _ = writeln!(self.view.lock(), "{line}");
    }
}

#[async_trait]
impl EventSink for RunRecorder {
    async fn commit(&self, entries: Vec<SinkEntry>) -> Vec<Result<Option<NoteId>, SinkError>> {
        // Written to the system, not synced: what a power cut loses here, the program's own work loses too.
        entries.iter().map(|entry| self.write(entry)).collect()
    }
}

impl CallObserver for RunRecorder {
    fn concluded(&self, call: &ConcludedCall<'_>) {
        self.show(&LiveCall::of(call.record, call.status, call.duration));
        let measured = Measured {
            status: call.status,
            request_bytes: call.request_bytes,
            response_bytes: call.response_bytes,
            duration: call.duration,
        };
        let operation = call.operation.unwrap_or(&call.record.event_name);
        let used = UsedCall { service: call.service, operation, status: call.status, record: call.record };
        let mut counted = self.counted.lock();
        counted.summary.add(call.record, &measured);
        counted.policy.add(&used);
    }
}
