//! Which event ids are in the store, while an import goes on.
//!
//! An import asks for the id of every record. Of the days that it touches two things are in memory: the ids that no
//! segment has yet, and a filter of those that segments have, two bytes each, read when a day is first touched and followed
//! from there. Where the filter says "perhaps", the segments are asked. A day that no uncommitted record belongs to may be
//! forgotten and read again.
//!
//! **Never unknown**: from the moment that an id is claimed it is among the ids of the first kind, or the filter has it and
//! a segment that readers see has it. So what was committed goes into the filter, and leaves the others, only once its
//! segment is in the view.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashSet;
use parking_lot::Mutex;

use crate::StoreError;

/// Ids in memory above which days are forgotten: some two bytes each.
const IDS_MAX: usize = 64 * 1024 * 1024;
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
    shards: [Mutex<Shard>; SHARDS],
    /// Whether the ids that were there before are in it.
    is_loaded: Mutex<bool>,
    /// Records that are not yet committed, and workers that look at the day.
    users: AtomicUsize,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    /// Ids that no segment has yet, and those of events that were recorded meanwhile.
    open: HashSet<[u8; 16]>,
    /// Ids that segments have.
    stored: IdFilter,
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
            held.note_open(id);
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
    /// Takes an id; says whether nobody had it. `is_stored` looks for it in the segments.
    ///
    /// # Errors
    /// Those of `is_stored`.
    pub(crate) fn claim(
        &self,
        id: [u8; 16],
        is_stored: impl FnOnce() -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut shard = self.shard(id).lock();
        if !shard.open.insert(id) {
            return Ok(false);
        }
        if shard.stored.may_have(&id) {
            // Under the lock, so that nobody sees it claimed meanwhile.
            let is_stored = is_stored();
            if !matches!(is_stored, Ok(false)) {
                shard.open.remove(&id);
                return is_stored.map(|_| false);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Gives an id back whose record was refused.
    pub(crate) fn unclaim(&self, id: [u8; 16]) {
        if self.shard(id).lock().open.remove(&id) {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Says that segments in the view have some ids that were claimed.
    pub(crate) fn settle(&self, ids: &[[u8; 16]]) {
        // Each part once: its set and filter are then at hand.
        for (number, shard) in self.shards.iter().enumerate() {
            let mut shard = shard.lock();
            for id in ids.iter().filter(|id| shard_of(id) == number) {
                shard.stored.add(id);
                shard.open.remove(id);
            }
            if shard.open.is_empty() {
                // A set that is empty keeps its memory, and days are many.
                shard.open = HashSet::default();
            }
        }
    }

    /// Adds an id of an event that is in no segment.
    pub(crate) fn note_open(&self, id: [u8; 16]) {
        if self.shard(id).lock().open.insert(id) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds an id that a segment has.
    pub(crate) fn note_stored(&self, id: [u8; 16]) {
        self.shard(id).lock().stored.add(&id);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn shard(&self, id: [u8; 16]) -> &Mutex<Shard> {
        &self.shards[shard_of(&id)]
    }
}

fn shard_of(id: &[u8; 16]) -> usize {
    usize::from(id[15]) % SHARDS
}

/// A set that may say "perhaps" of an id that it has not, of one in a hundred; it never forgets one. It grows by layers,
/// each twice as large as the one before.
#[derive(Debug, Default)]
struct IdFilter {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    blocks: Vec<[u64; BLOCK_WORDS]>,
    room: usize,
}

/// The bits of an id lie within one cache line.
const BLOCK_WORDS: usize = 8;
const BITS_OF_ID: u32 = 5;
const IDS_OF_BLOCK: usize = 40;
const FIRST_BLOCKS: usize = 64;

impl IdFilter {
    fn add(&mut self, id: &[u8; 16]) {
        if self.layers.last().is_none_or(|layer| layer.room == 0) {
            let blocks = self.layers.last().map_or(FIRST_BLOCKS, |layer| layer.blocks.len() * 2);
            self.layers.push(Layer { blocks: vec![[0; BLOCK_WORDS]; blocks], room: blocks * IDS_OF_BLOCK });
        }
        let hash = spread(id);
        if let Some(layer) = self.layers.last_mut() {
            layer.room -= 1;
            let block = layer.block_of(hash);
            bits_of(hash).for_each(|bit| layer.blocks[block][bit / 64] |= 1 << (bit % 64));
        }
    }

    fn may_have(&self, id: &[u8; 16]) -> bool {
        let hash = spread(id);
        // The last layers are the large ones.
        self.layers.iter().rev().any(|layer| {
            let block = &layer.blocks[layer.block_of(hash)];
            bits_of(hash).all(|bit| block[bit / 64] >> (bit % 64) & 1 == 1)
        })
    }
}

impl Layer {
    fn block_of(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }
}

/// Ids are mostly random, but for bits that tell their kind, and for those that somebody made up.
fn spread(id: &[u8; 16]) -> u64 {
    let number = u128::from_le_bytes(*id);
    let product =
        u128::from(number as u64 ^ 0x9E37_79B9_7F4A_7C15) * u128::from((number >> 64) as u64 ^ 0xD1B5_4A32_D192_ED03);
    (product as u64 ^ (product >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn bits_of(hash: u64) -> impl Iterator<Item = usize> {
    let bits = hash.wrapping_mul(0xD1B5_4A32_D192_ED03);
    (0..BITS_OF_ID).map(move |bit| (bits >> (9 * bit + 19)) as usize % (BLOCK_WORDS * 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> [u8; 16] {
        // As ids look that somebody counts up: alike but for some bits.
        (u128::from(number) << 40 | 0x4000_8000).to_le_bytes()
    }

    #[test]
    fn the_filter_forgets_none_and_seldom_errs() {
        let mut filter = IdFilter::default();
        (0..100_000).for_each(|number| filter.add(&id(number)));
        assert!((0..100_000).all(|number| filter.may_have(&id(number))));
        let wrong = (100_000..200_000).filter(|number| filter.may_have(&id(*number))).count();
        assert!(wrong < 4_000, "{wrong} of 100,000");
        let bytes: usize = filter.layers.iter().map(|layer| layer.blocks.len() * BLOCK_WORDS * 8).sum();
        assert!(bytes < 400_000, "{bytes} bytes for 100,000");
    }

    #[test]
    fn an_id_is_claimed_once_and_stays_known() {
        let day = Day::default();
        let unasked = || -> Result<bool, StoreError> { panic!("nothing is stored yet") };
        assert!(day.claim(id(1), unasked).unwrap());
        assert!(!day.claim(id(1), unasked).unwrap());
        day.unclaim(id(1));
        assert!(day.claim(id(1), unasked).unwrap());
        day.settle(&[id(1)]);
        assert!(!day.claim(id(1), || Ok(true)).unwrap());
        day.note_open(id(2));
        assert!(!day.claim(id(2), unasked).unwrap());
        day.note_stored(id(3));
        assert!(!day.claim(id(3), || Ok(true)).unwrap());
        // The filter was wrong.
        assert!(day.claim(id(3), || Ok(false)).unwrap());
    }
}
