//! Keeps events for a number of whole days.
//!
//! A segment whose days have all passed is dropped as it is. In one that has younger days as well, which only what was
//! imported has, events of days that passed are found no more; it is written again without them once they are a good part of
//! it, so that an event is written again a few times in its life and not on each of ninety days.

use std::sync::Arc;

use model::EventTime;
use segment::Sequences;

use crate::StoreError;
use crate::compaction::rewrite;
use crate::event_store::{EventStore, run_blocking};
use crate::known_ids::{day_of, seconds_of};
use crate::manifest::Change;
use crate::segment_file::StoredSegment;

const DAY_MICROS: i64 = 86_400_000_000;
/// A segment is written again when this part of its events is too old: 1 of this number. What is not yet dropped then takes
/// a third of the room of what is kept at most.
const DROPPED_ONE_IN: i64 = 4;

impl EventStore {
    /// Drops the events of days that are older than the retention, counted from `now`: whole segments, and days of
    /// segments. What is too old in other segments is found no more. Gives the number of segments that were changed.
    ///
    /// # Errors
    /// A segment, the manifest or a file cannot be read or changed; what was dropped stays dropped.
    pub async fn drop_expired(&self, now: EventTime) -> Result<usize, StoreError> {
        let _alone = self.upkeep().await;
        let kept_micros = i64::from(self.config().retention_days) * DAY_MICROS;
        let oldest = EventTime::from_micros(now.as_micros().saturating_sub(kept_micros));
        let first_day = day_of(oldest.as_seconds());
        let (first_second, _) = seconds_of(first_day);
        self.note_expiry(oldest, first_second).await?;
        let mut changed = 0;
        for stored in self.all_segments() {
            let (earliest, latest) = stored.time_range();
            let old = [Arc::clone(&stored)];
            stored.keep_from(first_second);
            if latest < oldest {
                self.replace_segments(&old, &[]).await?;
            } else if day_of(earliest.as_seconds()) < first_day {
                let asked = Arc::clone(&stored);
                let old_events =
                    run_blocking(move || asked.segment()?.events_before(first_second).map_err(asked.failed())).await?;
                if i64::from(old_events) * DROPPED_ONE_IN < stored.row.event_count {
                    continue;
                }
                let folder = self.segment_folder();
                let row = run_blocking(move || {
                    let sequences = sequences_from(&stored, first_second)?;
                    rewrite(&folder, &stored, sequences, |seconds| seconds >= first_second)
                })
                .await?;
                self.replace_segments(&old, row.as_slice()).await?;
            } else {
                continue;
            }
            changed += 1;
        }
        Ok(changed)
    }

    /// Notes up to which time events are about to go, before they do: a crash in between only makes an import read files
    /// again. When the retention has become longer than it was, and would keep what went, the ledger of imports is
    /// forgotten first.
    async fn note_expiry(&self, oldest: EventTime, first_second: i64) -> Result<(), StoreError> {
        let noted = self.manifest().expired_until().await?;
        let is_longer = noted.is_some_and(|until| until >= oldest.as_micros());
        if is_longer {
            self.manifest().forget_imported_files().await?;
        }
        let last_gone = |stored: Arc<StoredSegment>| {
            let (earliest, latest) = stored.time_range();
            let goes_whole = latest < oldest;
            let loses_days = earliest.as_seconds() < first_second;
            (goes_whole || loses_days)
                .then(|| if goes_whole { latest.as_micros() } else { first_second * 1_000_000 - 1 })
        };
        let expired_until = self.all_segments().into_iter().filter_map(last_gone).max();
        let noted = if is_longer { None } else { noted };
        if expired_until > noted {
            self.manifest().commit(&Change { expired_until, ..Change::default() }).await?;
        }
        Ok(())
    }
}

/// How the events from a time on are numbered: in the order of their times without a hole, as imported ones are, or not.
fn sequences_from(stored: &StoredSegment, first_second: i64) -> Result<Sequences, StoreError> {
    let rows = stored.segment()?.all_rows().map_err(stored.failed())?;
    let kept = &rows[rows.partition_point(|row| row.seconds < first_second)..];
    let is_without_hole = kept.windows(2).all(|pair| pair[0].sequence.checked_add(1) == Some(pair[1].sequence));
    Ok(match kept.first() {
        Some(first) if is_without_hole => Sequences::From(first.sequence),
        _ => Sequences::Given,
    })
}
