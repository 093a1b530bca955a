//! Unpacks ahead what most records of a segment need.
//!
//! Of a segment that nobody has asked yet, the first record costs ten times what a later one does, because classes, shapes and
//! common values stand in compressed chunks. A lookup of a rare value has the first record of dozens of segments.

use std::ops::Range;

use crate::classes::GROUP_CLASSES;
use crate::segment::{Segment, SegmentError};

/// Most classes that are read; the most used ones have the lowest numbers.
const CLASSES_MAX: u32 = 1024;
/// Most chunks of shapes that are unpacked. Records that are alike need the first ones.
const SHAPE_CHUNKS_MAX: usize = 128;
/// Most chunks of lists of blocks that are unpacked, of a kilobyte each: half of what it takes to find the rows of a caller
/// whom nobody has asked for.
const LIST_CHUNKS_MAX: usize = 1024;
/// Records that are made, to have at hand what they need besides: common callers and values. More add ever less.
const SAMPLES: u64 = 24;

impl Segment {
    /// Reads what most records need into the cache, as if some records had been asked for.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn warm_up(&self) -> Result<(), SegmentError> {
        for class in (0..self.class_count().min(CLASSES_MAX)).step_by(GROUP_CLASSES as usize) {
            self.class_group(class)?;
        }
        let index = &self.index;
        self.warm_up_items(index.first_shape..index.first_skeleton, SHAPE_CHUNKS_MAX)?;
        self.warm_up_items(index.first_lists[0]..index.first_term_page, LIST_CHUNKS_MAX)?;
        // Single rows are not read of older versions.
        if self.index.version < 3 {
            return Ok(());
        }
        let rows = u64::from(self.summary().event_count);
        let samples = SAMPLES.min(rows);
        self.read_as_samples((0..samples).map(|sample| ((sample * 2 + 1) * rows / (samples * 2)) as u32))
    }

    /// Unpacks the first chunks of some items.
    fn warm_up_items(&self, items: Range<u32>, chunks_max: usize) -> Result<(), SegmentError> {
        if items.is_empty() {
            return Ok(());
        }
        let table = &self.index.table;
        let chunks = table.chunk_of(items.start)?..=table.chunk_of(items.end - 1)?;
        chunks.take(chunks_max).try_for_each(|chunk| self.chunk(chunk).map(drop))
    }
}
