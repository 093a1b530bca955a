//! The wish to stop, from a signal handler or another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use std::sync::{Condvar, Mutex, PoisonError};

/// The wish to stop: workers see it between two portions of a file, commit what they have, and end.
#[derive(Debug, Default)]
pub struct Stop {
    is_requested: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    /// Asks for the end. It cannot be taken back.
    pub fn request(&self) {
        self.is_requested.store(true, Ordering::Relaxed);
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Relaxed)
    }

    /// Waits, at most for this long, for the end to be asked for.
    pub fn wait(&self, timeout: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let still = |_: &mut ()| !self.is_requested();
        // What is under the lock is nothing: a poisoned one is as good.
        drop(self.changed.wait_timeout_while(guard, timeout, still));
    }
}
