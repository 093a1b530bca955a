//! Segments as files of the data folder.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::EventTime;
use segment::{Cache, ReadAt, Segment, SegmentError, Summary};
use uuid::Uuid;

use crate::StoreError;
use crate::journal::file::sync_folder;
use crate::manifest::SegmentRow;

/// A segment that the manifest has, open.
#[derive(Debug)]
pub(crate) struct StoredSegment {
    pub(crate) row: SegmentRow,
    pub(crate) segment: Segment,
    path: PathBuf,
}

/// A file, with the size that it had when it was opened: segments never change.
#[derive(Debug)]
struct SegmentFile {
    file: File,
    size: u64,
}

impl ReadAt for SegmentFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl StoredSegment {
    /// Opens a file of the manifest.
    ///
    /// # Errors
    /// It is missing, damaged, or of another format version.
    pub(crate) fn open(folder: &Path, row: SegmentRow, cache: &Arc<Cache>) -> Result<Self, StoreError> {
        /// Tells the parts of one open file from those of another in the cache.
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let path = folder.join(&row.file_name);
        let read = segment::FORMAT_VERSIONS_READ;
        if !u16::try_from(row.format_version).is_ok_and(|version| read.contains(&version)) {
            let (first, last) = (read.start(), read.end());
            let found = format!("format version {}, and this program reads {first} to {last}", row.format_version);
            return Err(StoreError::Damaged { path, offset: 0, found });
        }
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let size = file.metadata().map_err(StoreError::io("measure", &path))?.len();
        let source = Box::new(SegmentFile { file, size });
        let segment =
            Segment::open(NEXT_ID.fetch_add(1, Ordering::Relaxed), source, Arc::clone(cache)).map_err(failed(&path))?;
        Ok(Self { row, segment, path })
    }

    /// Earliest and latest event time.
    pub(crate) fn time_range(&self) -> (EventTime, EventTime) {
        (EventTime::from_micros(self.row.min_time_micros), EventTime::from_micros(self.row.max_time_micros))
    }

    /// What an error of this segment is to callers of the store.
    pub(crate) fn failed(&self) -> impl FnOnce(SegmentError) -> StoreError {
        failed(&self.path)
    }
}

fn failed(path: &Path) -> impl FnOnce(SegmentError) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Segment { path, source }
}

/// Writes the bytes of a segment to a new file, durably but for its name: see [`sync_folder`]. The segment does not
/// exist for anybody before the manifest says so.
///
/// # Errors
/// The file cannot be written; a part of it may be left, without a row in the manifest.
pub(crate) fn write_segment(folder: &Path, bytes: &[u8], summary: Summary) -> Result<SegmentRow, StoreError> {
    use std::io::Write;
    // The last part tells a joined segment from one of its parts with the same numbers at both ends.
    let tag = Uuid::new_v4().simple().to_string();
    let file_name = format!("{:020}-{:020}-{}.segment", summary.min_sequence, summary.max_sequence, &tag[..8]);
    let path = folder.join(&file_name);
    let unfinished = folder.join(format!("{file_name}.unfinished"));
    let mut file = File::create(&unfinished).map_err(StoreError::io("create", &unfinished))?;
    file.write_all(bytes).map_err(StoreError::io("write", &unfinished))?;
    file.sync_all().map_err(StoreError::io("sync", &unfinished))?;
    std::fs::rename(&unfinished, &path).map_err(StoreError::io("rename", &unfinished))?;
    sync_folder(folder)?;
    let micros = |seconds: i64| EventTime::from_seconds(seconds).as_micros();
    Ok(SegmentRow {
        file_name,
        event_count: i64::from(summary.event_count),
        min_time_micros: micros(summary.min_seconds),
        max_time_micros: micros(summary.max_seconds),
        min_sequence: summary.min_sequence.cast_signed(),
        max_sequence: summary.max_sequence.cast_signed(),
        file_bytes: bytes.len() as i64,
        format_version: i64::from(segment::FORMAT_VERSION),
    })
}
