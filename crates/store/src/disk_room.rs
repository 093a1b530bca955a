//! Whether there is room for more: a refusal that comes early and loud, instead of a disk that is full.
//!
//! A full disk stops more than the history: the databases, the buckets, other programs. So nothing new is taken when the
//! free space falls to a reserve, or when journal and segments reach a budget. Records of calls that are already noted
//! are still taken, because those calls have happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::StoreError;
use crate::event_store::EventStore;

/// How much room the history may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskLimits {
    /// Free bytes that must be left on the disk of the data folder. Default 256 MiB.
    pub reserve_bytes: u64,
    /// Most bytes of the journal and of segments in the folder together. Default none.
    pub budget_bytes: Option<u64>,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self { reserve_bytes: 256 * 1024 * 1024, budget_bytes: None }
    }
}

/// The room as it was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes of the journal and of segments in the folder.
    pub used_bytes: u64,
    /// Bytes that are free on the disk of the data folder.
    pub free_bytes: u64,
    /// Why nothing new is taken; `None` when there is room.
    pub refusal: Option<Arc<str>>,
}

/// What the last measurement said.
#[derive(Debug, Default)]
pub(crate) struct RoomGate {
    /// Read for each record, so that the common case costs nothing.
    is_closed: AtomicBool,
    reason: RwLock<Option<Arc<str>>>,
}

impl RoomGate {
    /// Why nothing new is taken.
    pub(crate) fn refusal(&self) -> Option<Arc<str>> {
        if self.is_closed.load(Ordering::Relaxed) { self.reason.read().clone() } else { None }
    }

    fn set(&self, reason: Option<Arc<str>>) {
        let is_closed = reason.is_some();
        *self.reason.write() = reason;
        self.is_closed.store(is_closed, Ordering::Relaxed);
    }
}

impl EventStore {
    /// Measures the room; from then on records are taken or refused by what it says. Takes microseconds.
    ///
    /// # Errors
    /// The system does not say how much is free.
    pub fn measure_room(&self) -> Result<DiskRoom, StoreError> {
        let folder = &self.config().data_dir;
        let disk = rustix::fs::statvfs(folder)
            .map_err(|error| StoreError::io("ask for the free space of", folder)(error.into()))?;
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        let status = self.status();
        let used_bytes = status.journal_bytes + status.local_segment_bytes;
        let refusal = refusal(self.config().disk_limits, used_bytes, free_bytes).map(Arc::from);
        self.room().set(refusal.clone());
        if let Some(remote) = self.remote() {
            // What can be fetched again takes no room from what cannot.
            remote.let_cache_grow(free_bytes / 2 >= self.config().disk_limits.reserve_bytes);
        }
        Ok(DiskRoom { used_bytes, free_bytes, refusal })
    }
}

fn refusal(limits: DiskLimits, used_bytes: u64, free_bytes: u64) -> Option<String> {
    if free_bytes < limits.reserve_bytes {
        let (free, reserve) = (shown(free_bytes), shown(limits.reserve_bytes));
        return Some(format!(
            "{free} are free on the disk and {reserve} are kept in reserve: make room, or keep fewer days"
        ));
    }
    let budget = limits.budget_bytes.filter(|budget| used_bytes >= *budget)?;
    let (used, budget) = (shown(used_bytes), shown(budget));
    Some(format!("the history takes {used} of a budget of {budget}: raise it, or keep fewer days"))
}

/// A size for people, in the largest unit of which it has at least ten.
fn shown(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, shift)| bytes >> shift >= 10);
    let (name, shift) = unit.unwrap_or(("KiB", 10));
    format!("{} {name}", bytes >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserve_and_budget_refuse() {
        const MIB: u64 = 1024 * 1024;
        let limits = DiskLimits { reserve_bytes: 100 * MIB, budget_bytes: Some(50 * MIB) };
        assert_eq!(refusal(limits, 49 * MIB, 100 * MIB), None);
        assert!(refusal(limits, 0, 99 * MIB).unwrap().starts_with("99 MiB are free"));
        assert!(refusal(limits, 50 * MIB, 100 * MIB).unwrap().contains("a budget of 50 MiB"));
        assert_eq!(refusal(DiskLimits { budget_bytes: None, ..limits }, u64::MAX, 100 * MIB), None);
    }
}
