//! Segments that are in a bucket, read a page at a time through a cache in the data folder.
//!
//! Invariants, cited by name where the code relies on them:
//! - **Own folder**: an installation writes and deletes below a number of its own, so that two with the same bucket and
//!   prefix do not meet.
//! - **Written once**: the key of an object is the name of its segment, which is never used for other bytes.
//! - **Known objects**: an object is put for a segment that the manifest has, and the transaction that takes the segment out
//!   of the manifest enters the object there as one to be deleted. So nothing has to be looked for, and nothing that this
//!   manifest does not know is ever deleted.
//! - **Proved pages**: the manifest has the checksum of every page; no other bytes reach a reader.
//! - **Deleted when unread**: an object goes after the manifest has forgotten it and its last reader is done.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::StoreError;
use crate::bucket::{BucketConfig, BucketError, SegmentBucket};
use crate::manifest::SegmentRow;
use crate::page_cache::{PAGE_BYTES, PageCache, PageKey, segment_tag};

/// Longest time that a reader waits for bytes, all tries together: clients of AWS give up after a minute.
const FETCH_TIME_MAX: Duration = Duration::from_secs(20);
/// The same for what is moved and deleted behind everything else's back; who does that waits longer by itself.
const UPKEEP_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause before the second try; it doubles with each further one.
const TRY_PAUSE: Duration = Duration::from_millis(50);
const TRY_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Time in which nobody asks again after a reader has waited in vain: each would hold a thread for as long.
const AWAY_PAUSE: Duration = Duration::from_secs(3);
/// Most pages of one request: what is fetched ahead of a reader that goes through a segment from its begin to its end.
const PAGES_AT_ONCE: u32 = 64;
/// Jumps in a segment for which one page more is fetched, the most pages for this, and the rest after which they are
/// counted anew.
const JUMPS_OF_PAGE: u32 = 4;
const PAGES_OF_JUMP_MAX: u32 = 15;
const JUMPS_PAUSE: Duration = Duration::from_secs(1);
const _: () = assert!(PAGES_OF_JUMP_MAX < PAGES_AT_ONCE, "the page that is wanted is among those of one request");
/// Cache in the data folder.
const CACHE_FOLDER: &str = "segment-cache";
/// Smallest cache, bytes.
const CACHE_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// What all segments of a bucket share.
#[derive(Debug)]
pub(crate) struct RemoteSegments {
    bucket: Arc<dyn SegmentBucket>,
    /// **Own folder**.
    folder: String,
    cache: PageCache,
    /// Segments whose objects may be deleted now. The manifest has them too, and those that are still read.
    doomed: Mutex<Vec<String>>,
    /// Until when nobody asks, and why.
    away: Mutex<Option<(Instant, BucketError)>>,
    is_closing: AtomicBool,
    /// Tells that there is something to move or to delete.
    pub(crate) to_do: Notify,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    requests: AtomicU64,
    fetched_bytes: AtomicU64,
    failures: AtomicU64,
}

/// How reading from the bucket goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketStatus {
    /// Segments that are in the bucket.
    pub segment_count: u64,
    /// Bytes of them.
    pub segment_bytes: u64,
    /// Reads that the cache in the data folder answered.
    pub cache_hits: u64,
    /// Reads that needed the bucket.
    pub cache_misses: u64,
    /// Bytes of the cache.
    pub cache_bytes: u64,
    /// Requests for parts of segments.
    pub requests: u64,
    /// Bytes that came from the bucket.
    pub fetched_bytes: u64,
    /// Requests that failed, whether or not another try did not.
    pub failures: u64,
    /// Objects that wait to be deleted.
    pub to_delete: u64,
    /// Whether the bucket is not asked at the moment because it did not serve.
    pub is_away: bool,
}

/// A segment in the bucket.
#[derive(Debug)]
pub(crate) struct RemoteSegment {
    shared: Arc<RemoteSegments>,
    file_name: String,
    key: String,
    tag: u64,
    size: u64,
    /// **Proved pages**.
    checksums: Vec<u32>,
    /// Page behind the last one that was fetched, and how many to fetch when a reader comes to it.
    next_page: AtomicU32,
    pages_ahead: AtomicU32,
    /// Reader that jumps about: how often in a row without a rest, and when the last time.
    jumps: Mutex<(Instant, u32)>,
    /// Whether the object goes with the last reader.
    is_doomed: AtomicBool,
}

impl RemoteSegments {
    /// Opens what a data folder has of a bucket.
    ///
    /// # Errors
    /// The cache cannot be made or read.
    pub(crate) fn open(
        config: &BucketConfig,
        data_dir: &Path,
        installation: u64,
        rows: &[SegmentRow],
        to_delete: Vec<String>,
    ) -> Result<Self, StoreError> {
        let known: HashSet<u64> = rows.iter().map(|row| segment_tag(&row.file_name)).collect();
        let bytes = config.cache_bytes.max(CACHE_BYTES_MIN);
        Ok(Self {
            bucket: Arc::clone(&config.bucket),
            folder: format!("{installation:016x}"),
            cache: PageCache::open(&data_dir.join(CACHE_FOLDER), bytes, |tag| known.contains(&tag))?,
            // At a start nobody reads anything.
            doomed: Mutex::new(to_delete),
            away: Mutex::default(),
            is_closing: AtomicBool::new(false),
            to_do: Notify::new(),
            counters: Counters::default(),
        })
    }

    pub(crate) fn url(&self) -> &str {
        self.bucket.url()
    }

    /// A segment that is in the bucket.
    pub(crate) fn segment(self: &Arc<Self>, file_name: &str, size: u64, checksums: Vec<u32>) -> RemoteSegment {
        RemoteSegment {
            shared: Arc::clone(self),
            file_name: file_name.to_owned(),
            key: self.key_of(file_name),
            tag: segment_tag(file_name),
            size,
            checksums,
            next_page: AtomicU32::new(u32::MAX),
            pages_ahead: AtomicU32::new(0),
            jumps: Mutex::new((Instant::now(), 0)),
            is_doomed: AtomicBool::new(false),
        }
    }

    /// **Written once**.
    fn key_of(&self, file_name: &str) -> String {
        format!("{}/{file_name}", self.folder)
    }

    /// Puts a segment into the bucket, looks whether it is there, and keeps its pages here. Gives the checksums of its pages.
    ///
    /// A place that says yes to everything, such as a proxy that wants a login, would cost the segment: so its end is read
    /// back.
    pub(crate) fn put(&self, file_name: &str, bytes: &Bytes) -> Result<Vec<u32>, BucketError> {
        let checksums: Vec<u32> = bytes.chunks(PAGE_BYTES).map(crc32c::crc32c).collect();
        let key = self.key_of(file_name);
        self.with_tries(UPKEEP_TIME_MAX, || self.bucket.put(&key, bytes.clone()))?;
        let end = bytes.len().saturating_sub(1) / PAGE_BYTES * PAGE_BYTES;
        let stored = self.with_tries(UPKEEP_TIME_MAX, || self.bucket.get(&key, end as u64..bytes.len() as u64))?;
        if stored != bytes.slice(end..) {
            return Err(BucketError::Refused(format!("{key} was written, and other bytes are read back")));
        }
        let segment = segment_tag(file_name);
        for (page, (part, checksum)) in bytes.chunks(PAGE_BYTES).zip(&checksums).enumerate() {
            self.cache.insert(PageKey { segment, page: page as u32 }, *checksum, part);
        }
        Ok(checksums)
    }

    /// The object of a segment may be deleted: nobody reads it any more.
    pub(crate) fn doom(&self, file_name: &str) {
        self.doomed.lock().push(file_name.to_owned());
        self.to_do.notify_one();
    }

    /// The segment of an object that may be deleted, if there is one.
    pub(crate) fn next_doomed(&self) -> Option<String> {
        self.doomed.lock().last().cloned()
    }

    pub(crate) fn is_doomed(&self, file_name: &str) -> bool {
        self.doomed.lock().iter().any(|doomed| doomed == file_name)
    }

    /// The object of a segment is gone, or is not to be deleted any more.
    pub(crate) fn is_not_doomed(&self, file_name: &str) {
        self.doomed.lock().retain(|doomed| doomed != file_name);
    }

    /// Deletes the object of a segment.
    pub(crate) fn delete(&self, file_name: &str) -> Result<(), BucketError> {
        let key = self.key_of(file_name);
        self.with_tries(UPKEEP_TIME_MAX, || self.bucket.delete(&key))
    }

    /// Whether the cache may take more of the disk.
    pub(crate) fn let_cache_grow(&self, may_grow: bool) {
        self.cache.let_grow(may_grow);
    }

    /// Readers that wait for the bucket give up.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// How reading goes; numbers of segments are not in it.
    pub(crate) fn status(&self) -> BucketStatus {
        let counters = &self.counters;
        BucketStatus {
            segment_count: 0,
            segment_bytes: 0,
            cache_hits: counters.hits.load(Ordering::Relaxed),
            cache_misses: counters.misses.load(Ordering::Relaxed),
            cache_bytes: self.cache.bytes(),
            requests: counters.requests.load(Ordering::Relaxed),
            fetched_bytes: counters.fetched_bytes.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
            to_delete: self.doomed.lock().len() as u64,
            is_away: self.away.lock().as_ref().is_some_and(|(until, _)| Instant::now() < *until),
        }
    }

    /// Gets a part of an object, with as many tries as fit into the time that a reader waits.
    fn fetch(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes, BucketError> {
        if let Some((until, error)) = &mut *self.away.lock() {
            if Instant::now() < *until {
                return Err(error.clone());
            }
            // One looks whether it is back; the others do not wait with it.
            *until = Instant::now() + FETCH_TIME_MAX;
        }
        let wanted = range.end - range.start;
        let fetched = self.with_tries(FETCH_TIME_MAX, || {
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            let got = match self.bucket.get(key, range.clone()) {
                Ok(bytes) if bytes.len() as u64 != wanted => {
                    Err(BucketError::Unavailable(format!("{} of {wanted} bytes of {key} arrived", bytes.len())))
                }
                got => got,
            };
            let counter = if got.is_ok() { &self.counters.fetched_bytes } else { &self.counters.failures };
            counter.fetch_add(got.as_ref().map_or(1, |bytes| bytes.len() as u64), Ordering::Relaxed);
            got
        });
        let away = match &fetched {
            Err(error @ BucketError::Unavailable(_)) => {
                tracing::warn!(bucket = self.url(), %error, "segments cannot be read from the bucket");
                Some((Instant::now() + AWAY_PAUSE, error.clone()))
            }
            Ok(_) | Err(_) => None,
        };
        *self.away.lock() = away;
        fetched
    }

    /// Tries something again while the bucket does not serve and there is time.
    fn with_tries<T>(&self, time_max: Duration, work: impl Fn() -> Result<T, BucketError>) -> Result<T, BucketError> {
        let (started, mut pause) = (Instant::now(), TRY_PAUSE);
        loop {
            match work() {
                Err(BucketError::Unavailable(_))
                    if started.elapsed() + pause <= time_max && !self.is_closing.load(Ordering::Relaxed) =>
                {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(TRY_PAUSE_MAX);
                }
                Err(error) => return Err(error),
                Ok(done) => {
                    *self.away.lock() = None;
                    return Ok(done);
                }
            }
        }
    }
}

impl RemoteSegment {
    /// Bucket and key, for messages.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.shared.url(), self.key)
    }

    /// Reads that had to wait for the bucket, of all segments.
    pub(crate) fn misses(&self) -> u64 {
        self.shared.counters.misses.load(Ordering::Relaxed)
    }

    /// **Deleted when unread**: called once the manifest has forgotten it.
    pub(crate) fn doom(&self) {
        self.is_doomed.store(true, Ordering::Relaxed);
    }

    /// Fills a buffer from the cache or, where it has not all, from the bucket.
    ///
    /// # Errors
    /// The bucket does not serve, which is a [`BucketError`] inside, or the object is damaged.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut at = offset;
        while at < end {
            let page = (at / PAGE_BYTES as u64) as u32;
            let page_end = self.range_of(page).end.min(end);
            let part = &mut buffer[(at - offset) as usize..(page_end - offset) as usize];
            let inside = (at % PAGE_BYTES as u64) as usize;
            if self.shared.cache.read(self.cache_key(page), self.checksum(page)?, self.page_bytes(page), inside, part) {
                self.shared.counters.hits.fetch_add(1, Ordering::Relaxed);
                at = page_end;
                continue;
            }
            self.shared.counters.misses.fetch_add(1, Ordering::Relaxed);
            let last_page = ((end - 1) / PAGE_BYTES as u64) as u32;
            let (first_byte, bytes) = self.fetch_pages(page, last_page)?;
            let have = (first_byte + bytes.len() as u64).min(end);
            let part = &mut buffer[(at - offset) as usize..(have - offset) as usize];
            part.copy_from_slice(&bytes[(at - first_byte) as usize..(have - first_byte) as usize]);
            at = have;
        }
        Ok(())
    }

    /// Fetches a page and those around it that are wanted and not there; gives where their bytes begin, and them.
    fn fetch_pages(&self, page: u32, last_wanted: u32) -> io::Result<(u64, Bytes)> {
        let page_count = self.checksums.len() as u32;
        let (before, behind) = self.pages_around(page);
        let is_missing = |page: &u32| !self.shared.cache.has(self.cache_key(*page));
        let first = page - (page.saturating_sub(before)..page).rev().take_while(is_missing).count() as u32;
        let last_possible = last_wanted.max(page + behind).min(page_count - 1).min(first + PAGES_AT_ONCE - 1);
        let count = page - first + 1 + (page + 1..=last_possible).take_while(is_missing).count() as u32;
        self.next_page.store(first + count, Ordering::Relaxed);
        let range = self.range_of(first).start..self.range_of(first + count - 1).end;
        let mut bytes = self.shared.fetch(&self.key, range.clone()).map_err(io::Error::other)?;
        if self.first_wrong(first, &bytes).is_some() {
            // What was damaged on its way is right the second time.
            bytes = self.shared.fetch(&self.key, range.clone()).map_err(io::Error::other)?;
        }
        if let Some(wrong) = self.first_wrong(first, &bytes) {
            let (url, wrong) = (self.url(), self.range_of(wrong));
            let text = format!(
                "{url} is damaged: its bytes {} to {} are not those that were written; restore the object from a \
                 version or a copy of the bucket",
                wrong.start, wrong.end
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        for (page, part) in (first..).zip(bytes.chunks(PAGE_BYTES)) {
            self.shared.cache.insert(self.cache_key(page), self.checksum(page)?, part);
        }
        Ok((range.start, bytes))
    }

    /// How many pages before and behind a page are fetched with it: the more, the longer a reader goes straight on.
    fn pages_around(&self, page: u32) -> (u32, u32) {
        let goes_on = self.next_page.load(Ordering::Relaxed) == page;
        let ahead = if goes_on { self.pages_ahead.load(Ordering::Relaxed).saturating_mul(2).max(1) } else { 0 };
        self.pages_ahead.store(ahead.min(PAGES_AT_ONCE), Ordering::Relaxed);
        if goes_on { (0, ahead.min(PAGES_AT_ONCE)) } else { self.pages_around_jump() }
    }

    /// The same after a jump. Who jumps about in a segment many times wants much of it, and each time waits for the bucket:
    /// as long as nothing has to give way for it, more is fetched each time.
    fn pages_around_jump(&self) -> (u32, u32) {
        let mut jumps = self.jumps.lock();
        let count = if jumps.0.elapsed() < JUMPS_PAUSE { jumps.1.saturating_add(1) } else { 0 };
        *jumps = (Instant::now(), count);
        let more = if self.shared.cache.has_room() { (count / JUMPS_OF_PAGE).min(PAGES_OF_JUMP_MAX) } else { 0 };
        (more / 2, more.div_ceil(2))
    }

    /// The first page of some that has not the bytes that were written.
    fn first_wrong(&self, first: u32, bytes: &[u8]) -> Option<u32> {
        let pages = (first..).zip(bytes.chunks(PAGE_BYTES));
        let mut wrong = pages.filter(|(page, part)| self.checksums.get(*page as usize) != Some(&crc32c::crc32c(part)));
        wrong.next().map(|(page, _)| page)
    }

    fn range_of(&self, page: u32) -> std::ops::Range<u64> {
        let start = u64::from(page) * PAGE_BYTES as u64;
        start..(start + PAGE_BYTES as u64).min(self.size)
    }

    fn page_bytes(&self, page: u32) -> usize {
        let range = self.range_of(page);
        (range.end - range.start) as usize
    }

    fn checksum(&self, page: u32) -> io::Result<u32> {
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "the manifest has no checksum of a page");
        self.checksums.get(page as usize).copied().ok_or_else(missing)
    }

    fn cache_key(&self, page: u32) -> PageKey {
        PageKey { segment: self.tag, page }
    }
}

impl Drop for RemoteSegment {
    fn drop(&mut self) {
        if self.is_doomed.load(Ordering::Relaxed) {
            self.shared.cache.forget(self.tag, self.checksums.len() as u32);
            self.shared.doom(&self.file_name);
        }
    }
}

#[cfg(test)]
mod tests;
