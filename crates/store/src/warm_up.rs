//! Reads what most lookups need of segments before anybody asks.
//!
//! The first record of a segment costs some 0.4 ms of processor time, later ones a tenth of it, and a rare value has its records
//! in dozens of segments: without this, who asks first after a start, or after an import, waits for all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::event_store::{EventStore, run_blocking};
use crate::segment_file::StoredSegment;

/// What a segment holds in the cache after its warm-up, bytes, about.
const WARM_BYTES: u64 = 2 * 1024 * 1024;

impl EventStore {
    /// Warms up the newest segment that was not yet; says how long that took, or nothing if there is none. Only as many of the
    /// newest segments as half of the cache holds, and only files: a bucket would be asked for all that is read.
    ///
    /// # Errors
    /// The segment cannot be read. It is not tried again.
    pub async fn warm_up(&self) -> Result<Option<Duration>, StoreError> {
        let segments_max = usize::try_from(self.config().segment_cache_bytes / 2 / WARM_BYTES).unwrap_or(usize::MAX);
        let Some(stored) = newest_cold(self.all_segments(), segments_max) else { return Ok(None) };
        let warm_up = move || {
            let begun = Instant::now();
            stored.warm_up().map(|()| Some(begun.elapsed()))
        };
        run_blocking(warm_up).await
    }

    /// Reads which terms the newest segment has of which that is not known yet, so that lookups of other values pass it over;
    /// says how long that took, or nothing if there is none. Only what LookupEvents shows, and only files, until they take as
    /// much memory as the cache of lookups may.
    ///
    /// # Errors
    /// The segment cannot be read. It is not tried again.
    pub async fn read_term_filter(&self) -> Result<Option<Duration>, StoreError> {
        let mut segments = self.all_segments();
        let bytes: u64 = segments.iter().map(|stored| stored.term_filter_bytes()).sum();
        if bytes >= self.config().segment_cache_bytes {
            return Ok(None);
        }
        segments
            .retain(|stored| stored.is_local() && !stored.is_filtered() && stored.is_of_high_volume() != Some(true));
        let Some(stored) = segments.into_iter().max_by_key(|stored| stored.time_range().1) else { return Ok(None) };
        let read = move || {
            let begun = Instant::now();
            stored.read_term_filter().map(|()| Some(begun.elapsed()))
        };
        run_blocking(read).await
    }

    /// Waits until there may be segments to warm up.
    pub async fn until_new_segments(&self) {
        self.new_segments().notified().await;
    }
}

fn newest_cold(mut segments: Vec<Arc<StoredSegment>>, segments_max: usize) -> Option<Arc<StoredSegment>> {
    segments.retain(|stored| stored.is_local());
    // What lookups never show is asked for less often.
    segments.sort_unstable_by_key(|stored| {
        (stored.is_of_high_volume() == Some(true), std::cmp::Reverse(stored.time_range().1))
    });
    segments.truncate(segments_max);
    segments.into_iter().find(|stored| !stored.is_warm())
}
