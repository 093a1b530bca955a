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
use crate::manifest::SegmentRow;
use crate::segment_file::{StoredSegment, write_segment};

/// Segments below this many events are worth joining: those of the journal come by fifty thousand and without end.
const SMALL_EVENTS: i64 = 128 * 1024;
/// The same for imported ones: of an import only the last ones are as small, unless it was stopped or follows a bucket.
const SMALL_IMPORTED_EVENTS: i64 = 32 * 1024;
/// Most events of a segment that is made so: what a few hundred megabytes of memory hold while it is made.
const JOINED_EVENTS_MAX: i64 = 512 * 1024;
/// Least number of segments that are joined: each event is then written a few times in its life, not at every step.
const SEGMENTS_MIN: usize = 4;
/// Records read at once.
const RECORDS_AT_ONCE: u32 = 4096;
/// Memory for parts of segments that are written anew, bytes. They are read once, in their order, so that little is kept.
const READ_ONCE_CACHE_BYTES: u64 = 16 * 1024 * 1024;

impl EventStore {
    /// Joins one group of small segments, if there is one. Says whether it did.
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
        self.replace_segments(&group, Some(row)).await?;
        Ok(true)
    }
}

/// The first run of small neighbours that is worth it; empty if there is none.
fn group(mut segments: Vec<Arc<StoredSegment>>) -> Vec<Arc<StoredSegment>> {
    segments.sort_by_key(|stored| stored.row.min_sequence);
    let imported_from = segments.partition_point(|stored| !is_imported(stored));
    // Nothing reads imported segments in the order of their numbers.
    segments[imported_from..].sort_by_key(|stored| (stored.time_range(), stored.row.min_sequence));
    let mut run: Vec<Arc<StoredSegment>> = Vec::new();
    for stored in segments {
        if !run.last().is_none_or(|last| are_alike(last, &stored)) || !is_small(&stored) || !has_room(&run, &stored) {
            if let Some(worthy) = worthy_part(&run) {
                return worthy.to_vec();
            }
            run.clear();
        }
        if is_small(&stored) {
            run.push(stored);
        }
    }
    worthy_part(&run).map_or_else(Vec::new, <[_]>::to_vec)
}

fn is_imported(stored: &StoredSegment) -> bool {
    stored.row.min_sequence.unsigned_abs() >= IMPORTED_SEQUENCE_MIN
}

fn is_small(stored: &StoredSegment) -> bool {
    stored.row.event_count < if is_imported(stored) { SMALL_IMPORTED_EVENTS } else { SMALL_EVENTS }
}

/// What is recorded here is joined by days, so that what retention drops is whole segments. Imported segments have many
/// days already.
fn are_alike(left: &StoredSegment, right: &StoredSegment) -> bool {
    let days = |stored: &StoredSegment| {
        let (earliest, latest) = stored.time_range();
        (day_of(earliest.as_seconds()), day_of(latest.as_seconds()))
    };
    let (left_days, right_days) = (days(left), days(right));
    is_imported(left) == is_imported(right)
        && (is_imported(left) || (left_days == right_days && left_days.0 == left_days.1))
}

fn has_room(run: &[Arc<StoredSegment>], stored: &StoredSegment) -> bool {
    events_of(run) + stored.row.event_count <= JOINED_EVENTS_MAX
}

/// The longest part of a run, up to its end, that is worth joining: with less than twice the events of its largest, a few
/// new events would make all the others be written again.
fn worthy_part(run: &[Arc<StoredSegment>]) -> Option<&[Arc<StoredSegment>]> {
    let is_worth_it = |part: &&[Arc<StoredSegment>]| {
        let largest = part.iter().map(|stored| stored.row.event_count).max();
        part.len() >= SEGMENTS_MIN && largest.is_some_and(|largest| events_of(part) >= largest * 2)
    };
    (0..run.len()).map(|start| &run[start..]).find(is_worth_it)
}

fn events_of(run: &[Arc<StoredSegment>]) -> i64 {
    run.iter().map(|stored| stored.row.event_count).sum()
}

/// Writes the events of several segments into one.
fn join(folder: &Path, segments: &[Arc<StoredSegment>]) -> Result<SegmentRow, StoreError> {
    let row = rewrite(folder, segments, Sequences::Given, |_| true)?;
    row.ok_or_else(|| StoreError::Task("joining empty segments".to_owned()))
}

/// Writes those events of some segments that are kept, by their times in seconds, into one; `None` if none is.
pub(crate) fn rewrite(
    folder: &Path,
    segments: &[Arc<StoredSegment>],
    sequences: Sequences,
    is_kept: impl Fn(i64) -> bool,
) -> Result<Option<SegmentRow>, StoreError> {
    let (mut reader, mut builder) = (RecordReader::default(), Builder::default());
    // Not through the cache of lookups: what is read here would push out what they use, and then nobody asks for it again.
    let cache = segment::cache(READ_ONCE_CACHE_BYTES);
    for stored in segments {
        let stored = stored.apart(&cache);
        let opened = stored.segment()?;
        let mut rows = opened.all_rows().map_err(stored.failed())?;
        rows.retain(|row| is_kept(row.seconds));
        for rows in rows.chunks(RECORDS_AT_ONCE as usize) {
            let numbers: Vec<u32> = rows.iter().map(|row| row.row).collect();
            let records = opened.records(&numbers).map_err(stored.failed())?;
            for (row, record) in rows.iter().zip(&records) {
                builder.push(reader.read(record)?, row.sequence)?;
            }
        }
    }
    let finished = builder.finish(sequences).map_err(StoreError::io("build a segment in", folder))?;
    finished.map(|(bytes, summary)| write_segment(folder, &bytes, summary)).transpose()
}
