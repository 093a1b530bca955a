//! Makes one segment of several small ones, so that a lookup asks few, or two: what lookups show apart from events of high
//! volume, so that it stands in few blocks and a lookup does not ask for the others at all.
//!
//! Only neighbours by number are joined: what follows the journal reads segments in the order of their numbers.

use std::path::Path;
use std::sync::Arc;

use segment::{Builder, ReadRecord, RecordReader, Refusal, Sequences};

use crate::StoreError;
use crate::event_store::{EventStore, run_blocking};
use crate::import::IMPORTED_SEQUENCE_MIN;
use crate::known_ids::day_of;
use crate::manifest::SegmentRow;
use crate::segment_file::{MadeSegment, StoredSegment, write_segment};

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
        let rows = run_blocking(move || join(&folder, &joined)).await?;
        self.replace_segments(&group, &rows).await?;
        Ok(true)
    }
}

/// The first run of small neighbours that is worth it; empty if there is none.
fn group(mut segments: Vec<Arc<StoredSegment>>) -> Vec<Arc<StoredSegment>> {
    segments.sort_by_key(|stored| {
        // Nothing reads imported segments in the order of their numbers.
        let time = is_imported(stored).then(|| stored.time_range());
        (time.is_some(), stored.is_of_high_volume(), time, stored.row.min_sequence)
    });
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
        && left.is_of_high_volume() == right.is_of_high_volume()
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

/// Writes the events of several segments into one, or into two if some are of high volume and others are not.
fn join(folder: &Path, segments: &[Arc<StoredSegment>]) -> Result<Vec<SegmentRow>, StoreError> {
    let mut builders = [Builder::default(), Builder::default()];
    for_each_record(
        segments,
        |_| true,
        |record, sequence| {
            let builder = &mut builders[usize::from(record.category().is_of_high_volume())];
            builder.push(record, sequence)
        },
    )?;
    let mut rows = Vec::new();
    for builder in &builders {
        if let Some(made) = MadeSegment::of(builder, Sequences::Given, folder)? {
            rows.push(write_segment(folder, &made)?);
        }
    }
    Ok(rows)
}

/// Writes those events of a segment that are kept, by their times in seconds, into another; `None` if none is.
pub(crate) fn rewrite(
    folder: &Path,
    segment: &Arc<StoredSegment>,
    sequences: Sequences,
    is_kept: impl Fn(i64) -> bool,
) -> Result<Option<SegmentRow>, StoreError> {
    let mut builder = Builder::default();
    for_each_record(std::slice::from_ref(segment), is_kept, |record, sequence| builder.push(record, sequence))?;
    let made = MadeSegment::of(&builder, sequences, folder)?;
    made.map(|made| write_segment(folder, &made)).transpose()
}

/// Reads those records of some segments that are kept, by their times in seconds, with their numbers.
fn for_each_record(
    segments: &[Arc<StoredSegment>],
    is_kept: impl Fn(i64) -> bool,
    mut take: impl FnMut(ReadRecord<'_>, u64) -> Result<(), Refusal>,
) -> Result<(), StoreError> {
    let mut reader = RecordReader::default();
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
                take(reader.read(record)?, row.sequence)?;
            }
        }
    }
    Ok(())
}
