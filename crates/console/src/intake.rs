//! Records that others made and bring here.

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;

/// Takes records that were made elsewhere.
#[async_trait]
pub trait RecordIntake: Send + Sync {
    /// Stores the records of a body, one JSON object a line. On return those that are counted as stored are durable and
    /// can be found; whether they were there before is told by their event ids.
    ///
    /// # Errors
    /// Nothing of the body is stored.
    async fn take(&self, lines: Bytes) -> Result<IntakeReport, IntakeError>;
}

/// What became of the lines of a body: their number is `stored + duplicates + rejected.len()`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IntakeReport {
    /// Records that are durable now and were not there before.
    pub stored: u64,
    /// Records whose event id was there, or came before in the same body.
    pub duplicates: u64,
    /// Lines that are no records.
    pub rejected: Vec<RejectedLine>,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedLine {
    /// Its number, from 1; empty lines count.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// The store does not take records now.
#[derive(Debug, thiserror::Error)]
#[error("records could not be stored")]
pub struct IntakeError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
