//! Segments as those read them that follow the journal: each once, from old to new, in portions.
//!
//! A follower that is behind (a delivery, the count of what is usual) would fill the memory of lookups with parts that
//! nobody asks for again, a quarter of a gigabyte in minutes of full load. So it reads through a small memory of its own,
//! which lasts from one portion to the next.

use std::sync::Arc;

use parking_lot::Mutex;
use segment::Cache;

use crate::segment_file::StoredSegment;

/// Memory for parts of the segments that are followed, bytes: those of a segment of the journal and some of the next.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Segments that are open for followers, who are seldom at the same place.
const OPEN_MAX: usize = 4;

/// Segments that followers are in.
pub(crate) struct Followed {
    cache: Arc<Cache>,
    /// The one that was asked for last is the last.
    open: Mutex<Vec<Arc<StoredSegment>>>,
}

impl Followed {
    pub(crate) fn new() -> Self {
        Self { cache: segment::cache(CACHE_BYTES), open: Mutex::default() }
    }

    /// The same segment through the memory of followers.
    pub(crate) fn reader(&self, stored: &Arc<StoredSegment>) -> Arc<StoredSegment> {
        let mut open = self.open.lock();
        let place = open.iter().position(|known| known.row.file_name == stored.row.file_name);
        let reader = match place {
            Some(place) => open.remove(place),
            None => Arc::new(stored.apart(&self.cache)),
        };
        if open.len() == OPEN_MAX {
            open.remove(0);
        }
        open.push(Arc::clone(&reader));
        reader
    }

    /// Lets go of segments that are no longer in the view: what they take on the disk or in a bucket goes with the last
    /// reader. A follower that still has an older view may take one up again, until others come.
    pub(crate) fn forget(&self, file_names: &[String]) {
        self.open.lock().retain(|known| !file_names.contains(&known.row.file_name));
    }
}
