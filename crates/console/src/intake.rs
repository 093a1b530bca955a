//! Records that others made and bring here.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

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

/// Takes what `opentrail import` reads: records together with the ledger of the files that they came from.
#[async_trait]
pub trait ImportIntake: Send + Sync {
    /// Stores records, one JSON object a line, and enters files in the ledger, in one step: all of it is durable on
    /// return, or nothing is.
    ///
    /// # Errors
    /// See [`ImportRefusal`]; nothing of it is stored.
    async fn import(&self, files: Vec<LedgerFile>, lines: Bytes) -> Result<ImportAnswer, ImportRefusal>;

    /// What is in the ledger of files, by the base64 of their keys, in the order of the keys.
    ///
    /// # Errors
    /// See [`ImportRefusal`].
    async fn imported_files(&self, keys: Vec<String>) -> Result<Vec<Option<KnownFile>>, ImportRefusal>;
}

/// A file that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerFile {
    /// What names it, base64: paths need not be text.
    pub key: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// What tells its bytes from others of the same size.
    pub tag: String,
    /// Records in it.
    pub records: u64,
    /// Records of it that were not taken.
    pub rejected: u64,
}

/// First line of the body of an import; the records follow, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportHead {
    /// Files that end with these records.
    pub files: Vec<LedgerFile>,
}

/// What became of the records of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportAnswer {
    /// Records that are durable now and were not there before.
    pub stored: u64,
    /// Places, from 0 and in rising order, of records that were there.
    pub duplicates: Vec<usize>,
}

/// Asks for files of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFilesRequest {
    /// What names them, base64.
    pub keys: Vec<String>,
}

/// What is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFilesAnswer {
    /// In the order of the keys; null for those that are not in it.
    pub files: Vec<Option<KnownFile>>,
}

/// A file of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownFile {
    /// Its size, bytes.
    pub size_bytes: u64,
    /// What tells its bytes from others of the same size.
    pub tag: String,
}

/// Nothing of an import was stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefusal {
    /// The body is not what `opentrail import` sends.
    #[error("{0}")]
    Body(String),
    /// The store does not take records now.
    #[error(transparent)]
    Store(#[from] IntakeError),
}
