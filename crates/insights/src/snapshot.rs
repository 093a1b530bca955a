//! What is kept of what was learned: one file, replaced as a whole.
//!
//! It can be lost: everything but Insights that have not ended is learned again from the recorded events of a week.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::analysis::Analysis;
use crate::insight_event::InsightEvent;

/// Name of the file in the data folder.
const FILE: &str = "insights-baselines.json.zst";
/// Stored first, so that a later build knows what it reads.
const VERSION: u32 = 1;
/// The file is written often and read seldom.
const COMPRESSION_LEVEL: i32 = 1;

/// Why what was learned cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file.
    #[error("the file {path} cannot be used")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is in it.
    #[error("the file {path} is damaged, or of another version; delete it, and all is learned again from the history")]
    Content {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    version: u32,
    /// Number of the last event that was observed.
    pub(crate) cursor: u64,
    /// Insights events that may not be in the store yet.
    pub(crate) outbox: Vec<InsightEvent>,
    pub(crate) analysis: Analysis,
}

impl Snapshot {
    pub(crate) fn new(cursor: u64, analysis: Analysis) -> Self {
        Self { version: VERSION, cursor, outbox: Vec::new(), analysis }
    }

    /// What was written last; `None` when nothing was.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, SnapshotError> {
        let path = folder.join(FILE);
        let failed = |source| SnapshotError::File { path: path.clone(), source };
        let packed = match std::fs::read(&path) {
            Ok(packed) => packed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let text = zstd::decode_all(&*packed).map_err(failed)?;
        let content = |source| SnapshotError::Content { path: path.clone(), source };
        let mut snapshot: Self = serde_json::from_slice(&text).map_err(content)?;
        if snapshot.version != VERSION {
            return Err(content(serde::de::Error::custom("an unknown version")));
        }
        snapshot.analysis.intern();
        Ok(Some(snapshot))
    }

    /// Replaces what was written before; durable on return.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), SnapshotError> {
        let (path, new) = (folder.join(FILE), folder.join(format!("{FILE}.new")));
        let write = || {
            let mut encoder = zstd::Encoder::new(File::create(&new)?, COMPRESSION_LEVEL)?;
            serde_json::to_writer(&mut encoder, self)?;
            let mut file = encoder.finish()?;
            file.flush()?;
            file.sync_all()?;
            // The commit point.
            std::fs::rename(&new, &path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| SnapshotError::File { path: path.clone(), source })
    }

    /// Forgets what was written.
    pub(crate) fn remove(folder: &Path) -> Result<(), SnapshotError> {
        let path = folder.join(FILE);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(SnapshotError::File { path, source }),
            _ => Ok(()),
        }
    }
}
