//! Removing files that are needed no more, while others still read them.
//!
//! A reader takes a [`ReadPermit`] before it looks an object up. Doomed files are removed in batches; a batch waits
//! until all readers are gone that began before it was closed, since only they can have seen objects with these files.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::content::ContentFolder;
use crate::index::{Index, IndexError};

/// Files removed in one batch.
const BATCH_FILES_MAX: i64 = 1000;

/// How long doomed files wait at most where nobody rang, and how long after a failure.
const INTERVAL: Duration = Duration::from_secs(60);

/// Readers since the last batch was closed. The sender is dropped with the last of them.
#[derive(Debug)]
struct Generation {
    _gone: oneshot::Sender<()>,
}

fn new_generation() -> (Arc<Generation>, oneshot::Receiver<()>) {
    let (sender, receiver) = oneshot::channel();
    (Arc::new(Generation { _gone: sender }), receiver)
}

/// Holds files in place that an object named at any time since it was taken.
#[derive(Debug, Clone)]
pub(crate) struct ReadPermit {
    _generation: Arc<Generation>,
}

/// Readers, and the bell of the cleaner.
#[derive(Debug)]
pub(crate) struct Readers {
    current: Mutex<(Arc<Generation>, oneshot::Receiver<()>)>,
    bell: Notify,
}

impl Readers {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::new(new_generation()), bell: Notify::new() }
    }

    pub(crate) fn permit(&self) -> ReadPermit {
        ReadPermit { _generation: Arc::clone(&self.current.lock().0) }
    }

    /// Says that files may be doomed.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits until every reader that began before this call is gone.
    async fn all_gone(&self) {
        let (generation, receiver) = std::mem::replace(&mut *self.current.lock(), new_generation());
        drop(generation);
        // Nothing is ever sent: the error that the sender is gone is what is waited for.
        let _ = receiver.await;
    }
}

/// Why cleaning stopped; it is tried again later.
#[derive(Debug, thiserror::Error)]
enum CleaningError {
    #[error("the index failed")]
    Index(#[from] IndexError),
    #[error("a file cannot be removed")]
    File(#[from] io::Error),
    #[error("cleaning was stopped")]
    Stopped,
}

/// The task that removes files. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Cleaner {
    task: JoinHandle<()>,
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cleaner {
    /// Starts on the current runtime.
    pub(crate) fn start(index: Index, folder: Arc<ContentFolder>, readers: &Arc<Readers>, run: i64) -> Self {
        let readers = Arc::clone(readers);
        Self { task: tokio::spawn(clean_for_ever(index, folder, readers, run)) }
    }
}

async fn clean_for_ever(index: Index, folder: Arc<ContentFolder>, readers: Arc<Readers>, run: i64) {
    if let Err(error) = sweep_earlier_runs(&index, &folder, run).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "left-over files of earlier runs stay for now");
    }
    loop {
        if let Err(error) = remove_doomed(&index, &folder, &readers).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "files of removed objects stay for now");
            tokio::time::sleep(INTERVAL).await;
        }
        // Time out or bell: both mean to look.
        let _ = tokio::time::timeout(INTERVAL, readers.bell.notified()).await;
    }
}

async fn remove_files(folder: &Arc<ContentFolder>, ids: Vec<i64>) -> Result<Vec<i64>, CleaningError> {
    let folder = Arc::clone(folder);
    let task = spawn_blocking(move || folder.remove(&ids).map(|()| ids));
    Ok(task.await.map_err(|_| CleaningError::Stopped)??)
}

async fn remove_doomed(index: &Index, folder: &Arc<ContentFolder>, readers: &Readers) -> Result<(), CleaningError> {
    loop {
        let ids = index.doomed_files(BATCH_FILES_MAX).await?;
        if ids.is_empty() {
            return Ok(());
        }
        readers.all_gone().await;
        let removed = remove_files(folder, ids).await?;
        index.forget_files(removed).await?;
    }
}

/// Removes files that an earlier run wrote and no transaction named: uploads that a crash cut off.
async fn sweep_earlier_runs(index: &Index, folder: &Arc<ContentFolder>, run: i64) -> Result<(), CleaningError> {
    for earlier in index.swept_through().await? + 1..run {
        let listing = Arc::clone(folder);
        let groups =
            spawn_blocking(move || listing.files_of_run(earlier)).await.map_err(|_| CleaningError::Stopped)??;
        for ids in groups {
            let unknown = index.unknown_files(&ids).await?;
            remove_files(folder, unknown).await?;
        }
        index.set_swept_through(earlier).await?;
    }
    Ok(())
}
