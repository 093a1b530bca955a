//! Which event ids are in the store, while an import goes on.
//!
//! An import asks for the id of every record, so the ids of the days that it touches are in memory: read from the
//! segments when a day is first touched, and followed from there. A day that no uncommitted record belongs to may be
//! forgotten and read again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashSet;
use parking_lot::Mutex;

use crate::StoreError;

/// Ids in memory above which days are forgotten: some 30 bytes each.
const IDS_MAX: usize = 16 * 1024 * 1024;
/// Parts of a day, so that several workers seldom wait for one another.
const SHARDS: usize = 16;
const DAY_SECONDS: i64 = 86_400;

/// The day that a time belongs to, counted from 1970.
pub(crate) fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY_SECONDS)
}

/// First and last second of a day.
pub(crate) fn seconds_of(day: i64) -> (i64, i64) {
    (day * DAY_SECONDS, day * DAY_SECONDS + DAY_SECONDS - 1)
}

/// Event ids by the day of their event.
#[derive(Debug, Default)]
pub(crate) struct KnownIds {
    days: Mutex<HashMap<i64, Arc<Day>>>,
}

/// The ids of one day.
#[derive(Debug, Default)]
pub(crate) struct Day {
    shards: [Mutex<HashSet<[u8; 16]>>; SHARDS],
    /// Whether the ids that were there before are in it.
    is_loaded: Mutex<bool>,
    /// Records that are not yet committed, and workers that look at the day.
    users: AtomicUsize,
    count: AtomicUsize,
}

impl KnownIds {
    /// A day with all its ids; `load` gives those that the store has. The day stays until [`KnownIds::release`].
    pub(crate) fn hold(
        &self,
        day: i64,
        load: impl FnOnce(&Day) -> Result<(), StoreError>,
    ) -> Result<Arc<Day>, StoreError> {
        let held = {
            let mut days = self.days.lock();
            let held = Arc::clone(days.entry(day).or_default());
            // Under the lock, so that it is not forgotten between being found and being held.
            held.users.fetch_add(1, Ordering::Relaxed);
            held
        };
        let mut is_loaded = held.is_loaded.lock();
        if !*is_loaded {
            if let Err(error) = load(&held) {
                held.users.fetch_sub(1, Ordering::Relaxed);
                return Err(error);
            }
            *is_loaded = true;
            self.forget_some();
        }
        drop(is_loaded);
        Ok(held)
    }

    /// Gives back what [`KnownIds::hold`] gave, `count` times.
    pub(crate) fn release(day: &Day, count: usize) {
        day.users.fetch_sub(count, Ordering::Relaxed);
    }

    /// Adds the id of an event that was recorded meanwhile, if its day is in memory.
    pub(crate) fn note(&self, day: i64, id: [u8; 16]) {
        let held = self.days.lock().get(&day).cloned();
        if let Some(held) = held {
            held.claim(id);
        }
    }

    fn forget_some(&self) {
        let mut days = self.days.lock();
        let mut total: usize = days.values().map(|day| day.count.load(Ordering::Relaxed)).sum();
        days.retain(|_, day| {
            let is_kept = total <= IDS_MAX || day.users.load(Ordering::Relaxed) > 0;
            if !is_kept {
                total -= day.count.load(Ordering::Relaxed);
            }
            is_kept
        });
    }
}

impl Day {
    /// Takes an id; says whether nobody had it.
    pub(crate) fn claim(&self, id: [u8; 16]) -> bool {
        let is_new = self.shard(id).lock().insert(id);
        if is_new {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        is_new
    }

    /// Gives an id back whose record was refused.
    pub(crate) fn unclaim(&self, id: [u8; 16]) {
        if self.shard(id).lock().remove(&id) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, id: [u8; 16]) -> &Mutex<HashSet<[u8; 16]>> {
        &self.shards[usize::from(id[15]) % SHARDS]
    }
}
