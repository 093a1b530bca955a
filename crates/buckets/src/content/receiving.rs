//! From a body to durable bytes, with memory for two blocks.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use s3s::StdError;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{BLOCK_BYTES, ContentFolder, INLINE_BYTES_MAX, KeptFile, NewFile};
use crate::attributes::{Algorithm, Checksums};
use crate::checksum::BodyHasher;

/// Bytes after which a file being written is synced beside the writing, so that the last sync of a large one is short:
/// a client waits for it with a time-out. It also bounds the pages that wait to be written.
const SYNC_INTERVAL_BYTES: u64 = 64 * 1024 * 1024;

/// Why a body was not received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error("the body broke off or failed its check")]
    Body(#[source] StdError),
    #[error("the body is longer than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("cannot write the file of a body")]
    File(#[from] io::Error),
    #[error("writing was stopped in the middle of shutting down")]
    Stopped,
}

/// A body that was received whole.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: ReceivedBytes,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Checksums,
}

/// Where it is.
#[derive(Debug)]
pub(crate) enum ReceivedBytes {
    Inline(Bytes),
    /// Durable.
    File(KeptFile),
}

/// The side that hashes and writes, on threads that may block.
struct Sink {
    folder: Arc<ContentFolder>,
    file: Option<NewFile>,
    hasher: BodyHasher,
    size: u64,
    /// Bytes that were synced, or are being.
    synced: u64,
}

impl Sink {
    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        self.hasher.update(block);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.folder.create()?),
        };
        file.write_at(block, self.size)?;
        self.size += block.len() as u64;
        Ok(())
    }

    /// The file, when it is time to sync it.
    fn due_for_sync(&mut self) -> io::Result<Option<File>> {
        match &self.file {
            Some(file) if self.size - self.synced >= SYNC_INTERVAL_BYTES => {
                self.synced = self.size;
                Ok(Some(file.file.try_clone()?))
            }
            _ => Ok(None),
        }
    }

    fn finish(mut self, last: &[u8]) -> io::Result<Received> {
        self.write(last)?;
        let (md5, checksums) = self.hasher.finish();
        let file = self.file.ok_or_else(|| io::Error::other("no file after a write"))?;
        Ok(Received { bytes: ReceivedBytes::File(file.make_durable()?), size: self.size, md5, checksums })
    }

    fn finish_inline(mut self, bytes: Vec<u8>) -> Received {
        self.hasher.update(&bytes);
        let (md5, checksums) = self.hasher.finish();
        Received { size: bytes.len() as u64, bytes: ReceivedBytes::Inline(bytes.into()), md5, checksums }
    }
}

type PendingWrite = JoinHandle<io::Result<(Box<Sink>, Vec<u8>)>>;

/// One block is filled from the body while the one before it is hashed and written.
enum Writing {
    Idle(Box<Sink>, Vec<u8>),
    Pending(PendingWrite),
}

impl Writing {
    async fn settle(self) -> Result<(Box<Sink>, Vec<u8>), ReceiveError> {
        match self {
            Self::Idle(sink, spare) => Ok((sink, spare)),
            Self::Pending(task) => Ok(task.await.map_err(|_| ReceiveError::Stopped)??),
        }
    }
}

/// Moves bytes into a block until it is full, and returns the others. A first piece gets only the room it needs, since
/// most bodies are small.
fn fill<'b>(block: &mut Vec<u8>, bytes: &'b [u8]) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - block.len()));
    if block.capacity() - block.len() < taken.len() {
        block.reserve_exact(if block.is_empty() { taken.len() } else { BLOCK_BYTES - block.len() });
    }
    block.extend_from_slice(taken);
    rest
}

impl ContentFolder {
    /// Receives a body. `may_be_inline` is false where the bytes must be in a file.
    ///
    /// Dropping the future, or an error, leaves nothing behind.
    pub(crate) async fn receive<S>(
        self: &Arc<Self>,
        mut body: S,
        algorithms: &BTreeSet<Algorithm>,
        bytes_max: u64,
        may_be_inline: bool,
    ) -> Result<Received, ReceiveError>
    where
        S: Stream<Item = Result<Bytes, StdError>> + Unpin,
    {
        let hasher = BodyHasher::new(algorithms);
        let sink = Sink { folder: Arc::clone(self), file: None, hasher, size: 0, synced: 0 };
        let mut writing = Writing::Idle(Box::new(sink), Vec::new());
        let mut syncing: Option<JoinHandle<io::Result<()>>> = None;
        let mut block = Vec::new();
        let mut total = 0_u64;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(ReceiveError::Body)?;
            total += bytes.len() as u64;
            if total > bytes_max {
                return Err(ReceiveError::TooLarge { bytes_max });
            }
            let mut rest = bytes.as_ref();
            while !rest.is_empty() {
                rest = fill(&mut block, rest);
                if block.len() < BLOCK_BYTES {
                    continue;
                }
                let (mut sink, spare) = writing.settle().await?;
                if let Some(file) = sink.due_for_sync()? {
                    if let Some(before) = syncing.take() {
                        before.await.map_err(|_| ReceiveError::Stopped)??;
                    }
                    syncing = Some(spawn_blocking(move || file.sync_data()));
                }
                let mut full = std::mem::replace(&mut block, spare);
                writing = Writing::Pending(spawn_blocking(move || {
                    sink.write(&full)?;
                    full.clear();
                    Ok((sink, full))
                }));
            }
        }
        let (sink, _) = writing.settle().await?;
        if let Some(last) = syncing {
            last.await.map_err(|_| ReceiveError::Stopped)??;
        }
        if may_be_inline && sink.file.is_none() && block.len() <= INLINE_BYTES_MAX {
            return Ok(sink.finish_inline(block));
        }
        let received = spawn_blocking(move || sink.finish(&block)).await.map_err(|_| ReceiveError::Stopped)??;
        Ok(received)
    }
}
