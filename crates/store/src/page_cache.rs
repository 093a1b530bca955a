//! Parts of segments that are in a bucket, kept in the data folder: pages of one size in one file, the least recently
//! used one gives way.
//!
//! Nothing here is trusted. Who reads a page says which checksum it has, from the manifest, and a page that this process
//! did not write itself is checked before its first use; so nothing is synced, and whatever a crash leaves behind is at
//! worst fetched again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::StoreError;

/// Bytes of a page; the last one of a segment has fewer. Small enough that a lookup which wants a few hundred bytes does not
/// wait for many, large enough that a request for one is worth its way.
pub(crate) const PAGE_BYTES: usize = 64 * 1024;
/// Less would not hold what a single lookup reads.
const PAGES_MIN: u64 = 256;
/// Segment, page, checksum.
const ENTRY_BYTES: usize = 16;
const NOBODY: u32 = u32::MAX;

/// A page of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    /// Names the segment for ever; see [`segment_tag`].
    pub(crate) segment: u64,
    pub(crate) page: u32,
}

/// A number for the name of a segment: FNV-1a. Pages of two segments with the same number would still be told apart by
/// their checksums.
pub(crate) fn segment_tag(file_name: &str) -> u64 {
    file_name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The cache.
#[derive(Debug)]
pub(crate) struct PageCache {
    pages: File,
    /// What each slot of the other file holds.
    entries: File,
    slots_max: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    by_page: HashMap<PageKey, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    /// Whether slots that the file does not have yet may be added.
    may_grow: bool,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// `None` while it is free or being filled; it is in no order then.
    key: Option<PageKey>,
    checksum: u32,
    /// Whether its bytes were checked, or written by this process.
    is_checked: bool,
    /// Grows before its bytes change: a reader who sees the same number behind as before has read what was there.
    generation: u64,
    newer: u32,
    older: u32,
}

impl PageCache {
    /// Opens the cache of a folder, or makes it, with what is left in it of segments that are still there.
    ///
    /// # Errors
    /// A file cannot be made or read.
    pub(crate) fn open(folder: &Path, bytes: u64, is_known: impl Fn(u64) -> bool) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        let open = |name: &str| {
            let path = folder.join(name);
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            file.map_err(StoreError::io("open", &path))
        };
        let slots_max = (bytes / PAGE_BYTES as u64).clamp(PAGES_MIN, u64::from(NOBODY - 1)) as u32;
        let (pages, entries) = (open("pages")?, open("entries")?);
        let failed = StoreError::io("read", folder.join("entries"));
        let cut = |file: &File, bytes: u64| match file.metadata()?.len() {
            size if size > bytes => file.set_len(bytes),
            _ => Ok(()),
        };
        // A budget that became smaller gives the room back.
        let cut_both = cut(&pages, u64::from(slots_max) * PAGE_BYTES as u64)
            .and_then(|()| cut(&entries, u64::from(slots_max) * ENTRY_BYTES as u64));
        cut_both.map_err(StoreError::io("shorten", folder))?;
        let mut stored = vec![0; entries.metadata().map_err(StoreError::io("measure", folder))?.len() as usize];
        entries.read_exact_at(&mut stored, 0).map_err(failed)?;
        let mut state = State {
            by_page: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            newest: NOBODY,
            oldest: NOBODY,
            may_grow: true,
        };
        for entry in stored.chunks_exact(ENTRY_BYTES) {
            state.adopt(entry, &is_known);
        }
        Ok(Self { pages, entries, slots_max, state: Mutex::new(state) })
    }

    /// Fills a buffer from a page that has `page_bytes` bytes; says whether it could.
    pub(crate) fn read(
        &self,
        key: PageKey,
        checksum: u32,
        page_bytes: usize,
        offset: usize,
        buffer: &mut [u8],
    ) -> bool {
        let Some((number, slot)) = self.state.lock().find(key, checksum) else { return false };
        let place = u64::from(number) * PAGE_BYTES as u64;
        if slot.is_checked {
            let is_read = self.pages.read_exact_at(buffer, place + offset as u64).is_ok();
            return is_read && self.state.lock().slots[number as usize].generation == slot.generation;
        }
        let mut page = vec![0; page_bytes];
        let is_sound = self.pages.read_exact_at(&mut page, place).is_ok() && crc32c::crc32c(&page) == checksum;
        let mut state = self.state.lock();
        let is_same = state.slots[number as usize].generation == slot.generation;
        if is_same && is_sound {
            state.slots[number as usize].is_checked = true;
        } else if is_same {
            state.forget(key);
        }
        let wanted = page.get(offset..offset + buffer.len()).filter(|_| is_sound);
        wanted.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    }

    /// Whether a page seems to be there.
    pub(crate) fn has(&self, key: PageKey) -> bool {
        self.state.lock().by_page.contains_key(&key)
    }

    /// Keeps a page, as the one that was used last. A disk that does not take it is no error: it is fetched again then.
    pub(crate) fn insert(&self, key: PageKey, checksum: u32, bytes: &[u8]) {
        let Some(number) = self.state.lock().slot_for(key, self.slots_max) else { return };
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&key.segment.to_le_bytes());
        entry[8..12].copy_from_slice(&key.page.to_le_bytes());
        entry[12..].copy_from_slice(&checksum.to_le_bytes());
        let written = self.pages.write_all_at(bytes, u64::from(number) * PAGE_BYTES as u64);
        let written = written.and_then(|()| self.entries.write_all_at(&entry, u64::from(number) * ENTRY_BYTES as u64));
        let mut state = self.state.lock();
        match written {
            Ok(()) if !state.by_page.contains_key(&key) => state.put(number, key, checksum, true),
            // Two have fetched the same page.
            Ok(()) => state.free.push(number),
            Err(error) => {
                tracing::debug!(%error, "a page of a segment is not kept");
                state.free.push(number);
            }
        }
    }

    /// Forgets the pages of a segment that is no more.
    pub(crate) fn forget(&self, segment: u64, page_count: u32) {
        let mut state = self.state.lock();
        (0..page_count).for_each(|page| state.forget(PageKey { segment, page }));
    }

    /// Whether its file may grow; where not, what is kept gives way to what is new.
    pub(crate) fn let_grow(&self, may_grow: bool) {
        self.state.lock().may_grow = may_grow;
    }

    /// Whether a page can be kept for which no other gives way.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.state.lock();
        !state.free.is_empty() || (state.may_grow && (state.slots.len() as u32) < self.slots_max)
    }

    /// Bytes on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().slots.len() as u64 * PAGE_BYTES as u64
    }
}

impl State {
    /// Takes over the next slot as an earlier process has left it.
    fn adopt(&mut self, entry: &[u8], is_known: &impl Fn(u64) -> bool) {
        let number = self.slots.len() as u32;
        let half = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().unwrap_or_default());
        let segment = u64::from_le_bytes(entry[..8].try_into().unwrap_or_default());
        let key = PageKey { segment, page: half(8) };
        self.slots.push(Slot::EMPTY);
        if is_known(segment) && !self.by_page.contains_key(&key) {
            self.put(number, key, half(12), false);
        } else {
            self.free.push(number);
        }
    }

    /// The slot of a page, which counts as used.
    fn find(&mut self, key: PageKey, checksum: u32) -> Option<(u32, Slot)> {
        let number = *self.by_page.get(&key)?;
        if self.slots[number as usize].checksum != checksum {
            self.forget(key);
            return None;
        }
        self.unlink(number);
        self.link(number);
        Some((number, self.slots[number as usize]))
    }

    /// A slot to fill for a page; `None` if the page is there, or all slots are being filled.
    fn slot_for(&mut self, key: PageKey, slots_max: u32) -> Option<u32> {
        if self.by_page.contains_key(&key) {
            return None;
        }
        let number = if let Some(free) = self.free.pop() {
            free
        } else if self.may_grow && (self.slots.len() as u32) < slots_max {
            self.slots.push(Slot::EMPTY);
            self.slots.len() as u32 - 1
        } else {
            let oldest = self.slots.get(self.oldest as usize)?.key?;
            self.forget(oldest);
            self.free.pop()?
        };
        self.slots[number as usize].generation += 1;
        Some(number)
    }

    fn put(&mut self, number: u32, key: PageKey, checksum: u32, is_checked: bool) {
        let slot = &mut self.slots[number as usize];
        (slot.key, slot.checksum, slot.is_checked) = (Some(key), checksum, is_checked);
        self.by_page.insert(key, number);
        self.link(number);
    }

    fn forget(&mut self, key: PageKey) {
        if let Some(number) = self.by_page.remove(&key) {
            self.unlink(number);
            self.slots[number as usize].key = None;
            self.free.push(number);
        }
    }

    /// Makes a slot the newest.
    fn link(&mut self, number: u32) {
        let newest = std::mem::replace(&mut self.newest, number);
        let slot = &mut self.slots[number as usize];
        (slot.newer, slot.older) = (NOBODY, newest);
        match self.slots.get_mut(newest as usize) {
            Some(newest) => newest.newer = number,
            None => self.oldest = number,
        }
    }

    fn unlink(&mut self, number: u32) {
        let Slot { newer, older, .. } = self.slots[number as usize];
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

impl Slot {
    const EMPTY: Self = Self { key: None, checksum: 0, is_checked: false, generation: 0, newer: NOBODY, older: NOBODY };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(page: u32) -> PageKey {
        PageKey { segment: segment_tag("a.segment"), page }
    }

    fn page(number: u32) -> Vec<u8> {
        vec![number as u8; PAGE_BYTES]
    }

    fn insert(cache: &PageCache, number: u32) {
        cache.insert(key(number), crc32c::crc32c(&page(number)), &page(number));
    }

    fn read(cache: &PageCache, number: u32) -> Option<u8> {
        let mut byte = [0];
        let checksum = crc32c::crc32c(&page(number));
        cache.read(key(number), checksum, PAGE_BYTES, 77, &mut byte).then_some(byte[0])
    }

    #[test]
    fn the_least_recently_used_page_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        let count = PAGES_MIN as u32;
        (0..count).for_each(|number| insert(&cache, number));
        assert_eq!(read(&cache, 0), Some(0));
        insert(&cache, count);
        assert_eq!((read(&cache, 0), read(&cache, 1), read(&cache, count)), (Some(0), None, Some(count as u8)));
        assert_eq!(cache.bytes(), PAGES_MIN * PAGE_BYTES as u64, "the budget holds");
        cache.forget(key(0).segment, count + 1);
        assert_eq!(read(&cache, 0), None);
    }

    #[test]
    fn a_restart_finds_pages_and_believes_none_that_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        (0..3).for_each(|number| insert(&cache, number));
        drop(cache);
        let pages = File::options().write(true).open(folder.path().join("pages")).unwrap();
        pages.write_all_at(b"x", PAGE_BYTES as u64 + 5).unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        assert_eq!([0, 1, 2].map(|number| read(&cache, number)), [Some(0), None, Some(2)]);
        assert_eq!(read(&cache, 0), Some(0), "checked once");
        insert(&cache, 1);
        assert_eq!(read(&cache, 1), Some(1));
        drop(cache);
        // An entry that was cut off by a crash, and segments that are no more.
        let entries = File::options().write(true).open(folder.path().join("entries")).unwrap();
        entries.set_len(ENTRY_BYTES as u64 * 2 + 3).unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        assert_eq!([0, 1, 2].map(|number| read(&cache, number)), [Some(0), Some(1), None]);
        assert_eq!(read(&PageCache::open(folder.path(), 0, |_| false).unwrap(), 0), None);
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_not_filled_further() {
        let folder = tempfile::tempdir().unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        (0..3).for_each(|number| insert(&cache, number));
        cache.let_grow(false);
        (3..9).for_each(|number| insert(&cache, number));
        assert_eq!(cache.bytes(), 3 * PAGE_BYTES as u64);
        assert_eq!([5, 6, 8].map(|number| read(&cache, number)), [None, Some(6), Some(8)]);
    }

    #[test]
    fn readers_never_see_a_page_of_another_kind_while_pages_give_way() {
        let folder = tempfile::tempdir().unwrap();
        let cache = PageCache::open(folder.path(), 0, |_| true).unwrap();
        std::thread::scope(|scope| {
            for start in 0..4_u32 {
                let cache = &cache;
                scope.spawn(move || {
                    for step in 0..4_000_u32 {
                        let number = step.wrapping_mul(2_654_435_761).wrapping_add(start) % 400;
                        match read(cache, number) {
                            Some(byte) => assert_eq!(byte, number as u8),
                            None => insert(cache, number),
                        }
                    }
                });
            }
        });
    }
}
