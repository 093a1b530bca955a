//! A destination in memory that behaves like a store: it deduplicates by event id, finds late duplicates at the commit,
//! keeps a ledger, and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::Value;

use crate::destination::{CommitCounts, Destination, DestinationError, Destinations, FinishedFile, Taken};
use crate::file_key::{FileKey, Fingerprint};
use crate::reject::RejectReason;

#[derive(Default)]
pub(super) struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ids: BTreeSet<String>,
    /// Counted apart from `ids`, so that a double shows.
    stored: usize,
    ledger: BTreeMap<FileKey, FinishedFile>,
    commits_left: Option<usize>,
}

impl Memory {
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().ids.clone()
    }

    pub(super) fn stored(&self) -> usize {
        self.state.lock().unwrap().stored
    }

    pub(super) fn ledger(&self) -> BTreeMap<FileKey, FinishedFile> {
        self.state.lock().unwrap().ledger.clone()
    }

    pub(super) fn fail_after_commits(&self, commits: usize) {
        self.state.lock().unwrap().commits_left = Some(commits);
    }

    pub(super) fn heal(&self) {
        self.state.lock().unwrap().commits_left = None;
    }
}

impl Destinations for Memory {
    fn open(&self) -> Result<Box<dyn Destination + '_>, DestinationError> {
        Ok(Box::new(Batch { memory: self, ids: Vec::new(), bytes: 0 }))
    }

    fn recorded_fingerprints(&self, keys: &[FileKey]) -> Result<Vec<Option<Fingerprint>>, DestinationError> {
        let state = self.state.lock().unwrap();
        Ok(keys.iter().map(|key| state.ledger.get(key).map(|file| file.fingerprint.clone())).collect())
    }
}

struct Batch<'a> {
    memory: &'a Memory,
    ids: Vec<String>,
    bytes: usize,
}

impl Destination for Batch<'_> {
    fn push(&mut self, record: &[u8]) -> Result<Taken, RejectReason> {
        let value: Value =
            serde_json::from_slice(record).map_err(|error| RejectReason::NotJson { detail: error.to_string() })?;
        let id =
            value["eventID"].as_str().ok_or_else(|| RejectReason::NotARecord { detail: "no eventID".to_owned() })?;
        if self.memory.state.lock().unwrap().ids.contains(id) || self.ids.iter().any(|known| known == id) {
            return Ok(Taken::Duplicate);
        }
        self.ids.push(id.to_owned());
        self.bytes += record.len();
        Ok(Taken::Stored)
    }

    fn pending_bytes(&self) -> usize {
        self.bytes
    }

    fn commit(&mut self, finished: &[FinishedFile]) -> Result<CommitCounts, DestinationError> {
        let mut state = self.memory.state.lock().unwrap();
        if let Some(left) = &mut state.commits_left {
            *left = left.checked_sub(1).ok_or_else(|| DestinationError::new("commit", "the disk is gone"))?;
        }
        let mut counts = CommitCounts::default();
        for (place, id) in self.ids.drain(..).enumerate() {
            if state.ids.insert(id) {
                counts.stored += 1;
                state.stored += 1;
            } else {
                counts.late_duplicates.push(place);
            }
        }
        for file in finished {
            state.ledger.insert(file.key.clone(), file.clone());
        }
        self.bytes = 0;
        Ok(counts)
    }
}
