//! Writes that are lost, and writes that land and are reported as lost, for tests.

use parking_lot::Mutex;

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Nothing,
    /// It does not reach the database, and its caller is told so.
    Lost,
    /// It is durable, and its caller is told that it failed.
    ReportedLost,
}

/// Says what happens to each write.
pub type FaultSource = Box<dyn FnMut() -> Fault + Send>;

/// Faults of a registry.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Option<FaultSource>>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    pub(crate) fn set(&self, source: FaultSource) {
        *self.0.lock() = Some(source);
    }

    pub(crate) fn next(&self) -> Fault {
        self.0.lock().as_mut().map_or(Fault::Nothing, |source| source())
    }
}

/// What the caller of a write with a fault is told.
pub(crate) fn broken() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("a fault of a test"))
}
