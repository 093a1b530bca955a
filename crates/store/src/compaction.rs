//! Makes one segment of several small ones, so that a lookup asks few.
//!
//! Only neighbours by number are joined: what follows the journal reads segments in the order of their numbers.

use std::path::Path;
use std::sync::Arc;

use segment::{Builder, RecordReader, Sequences};

use crate::StoreError;
use crate::event_store::{EventStore, run_blocking};
use crate::import::IMPORTED_SEQUENCE_MIN;
use crate::known_ids::day_of;
use crate::manifest::{Change, SegmentRow};
use crate::segment_file::{StoredSegment, write_segment};

/// Segments below this many events are worth joining: those of the journal come by fifty thousand and without end.
const SMALL_EVENTS: i64 = 128 * 1024;
/// The same for imported ones, of which a day has a few: to ask one more costs microseconds, to join them a third of the
/// time of the import.
const SMALL_IMPORTED_EVENTS: i64 = 32 * 1024;
/// Most events of a segment that is made so: what a few hundred megabytes of memory hold while it is made.
const JOINED_EVENTS_MAX: i64 = 512 * 1024;
/// Least number of segments that are joined: each event is then written a few times in its life, not at every step.
const SEGMENTS_MIN: usize = 4;
/// Records read at once.
const RECORDS_AT_ONCE: u32 = 4096;

impl EventStore {
    /// Joins one group of small segments of a day, if there is one. Says whether it did.
    ///
    /// # Errors
    /// A segment or the manifest cannot be read or written. Nothing is lost: the old segments stay.
    pub async fn compact(&self) -> Result<bool, StoreError> {
        let _alone = self.upkeep().await;
        let group = group(self.all_segments());
        if group.is_empty() {
            return Ok(false);
        }
        let (folder, joined) = (self.segment_folder(), group.clone());
        let row = run_blocking(move || join(&folder, &joined)).await?;
        let names: Vec<String> = group.iter().map(|stored| stored.row.file_name.clone()).collect();
        // Commit point.
        let change = Change { removed: &names, added: std::slice::from_ref(&row), ..Change::default() };
        self.manifest().commit(&change).await?;
        let (folder, cache) = (self.segment_folder(), Arc::clone(self.cache()));
        let segment = run_blocking(move || StoredSegment::open(&folder, row, &cache)).await?;
        self.replace_segments(&group, Arc::new(segment));
        for name in names {
            let path = self.segment_folder().join(name);
            // Readers that have the file open go on reading it.
            std::fs::remove_file(&path).map_err(StoreError::io("delete", &path))?;
        }
        Ok(true)
    }
}

/// The first run of small neighbours of one day that is long enough; empty if there is none.
fn group(mut segments: Vec<Arc<StoredSegment>>) -> Vec<Arc<StoredSegment>> {
    segments.sort_by_key(|stored| stored.row.min_sequence);
    let day = |stored: &StoredSegment| {
        let (earliest, latest) = stored.time_range();
        let (first, last) = (day_of(earliest.as_seconds()), day_of(latest.as_seconds()));
        (first == last).then_some(first)
    };
    let is_imported = |stored: &StoredSegment| stored.row.min_sequence.unsigned_abs() >= IMPORTED_SEQUENCE_MIN;
    // Imported segments of a day need not be neighbours: nothing reads them in the order of their numbers.
    let key = |stored: &StoredSegment| (is_imported(stored), day(stored));
    let imported_from = segments.partition_point(|stored| !is_imported(stored));
    segments[imported_from..].sort_by_key(|stored| (day(stored), stored.row.min_sequence));
    let mut run: Vec<Arc<StoredSegment>> = Vec::new();
    let mut events = 0;
    for stored in segments {
        let is_small = stored.row.event_count < if is_imported(&stored) { SMALL_IMPORTED_EVENTS } else { SMALL_EVENTS };
        let fits = is_small
            && day(&stored).is_some()
            && run.last().is_none_or(|last| key(last) == key(&stored))
            && events + stored.row.event_count <= JOINED_EVENTS_MAX;
        if !fits {
            if run.len() >= SEGMENTS_MIN {
                return run;
            }
            run.clear();
            events = 0;
            if !is_small || day(&stored).is_none() {
                continue;
            }
        }
        events += stored.row.event_count;
        run.push(stored);
    }
    if run.len() >= SEGMENTS_MIN { run } else { Vec::new() }
}

/// Writes the events of several segments into one.
fn join(folder: &Path, segments: &[Arc<StoredSegment>]) -> Result<SegmentRow, StoreError> {
    let (mut reader, mut builder) = (RecordReader::default(), Builder::default());
    for stored in segments {
        let rows = stored.segment.all_rows().map_err(stored.failed())?;
        for rows in rows.chunks(RECORDS_AT_ONCE as usize) {
            let numbers: Vec<u32> = rows.iter().map(|row| row.row).collect();
            let records = stored.segment.records(&numbers).map_err(stored.failed())?;
            for (row, record) in rows.iter().zip(&records) {
                builder.push(reader.read(record)?, row.sequence)?;
            }
        }
    }
    let finished = builder.finish(Sequences::Given).map_err(StoreError::io("build a segment in", folder))?;
    let (bytes, summary) = finished.ok_or_else(|| StoreError::Task("joining empty segments".to_owned()))?;
    write_segment(folder, &bytes, summary)
}
