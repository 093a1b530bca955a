//! Segments as files of the data folder, and as objects of a bucket.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use model::{EventCategory, EventTime};
use parking_lot::{Mutex, RwLock};
use segment::{Builder, Cache, ReadAt, Segment, SegmentError, Sequences, Summary};
use uuid::Uuid;

use crate::StoreError;
use crate::category_set::CategorySet;
use crate::journal::file::sync_folder;
use crate::manifest::SegmentRow;
use crate::remote_segments::{RemoteSegment, RemoteSegments};

/// A segment that the manifest has.
#[derive(Debug)]
pub(crate) struct StoredSegment {
    pub(crate) row: SegmentRow,
    /// Open at once if it is a file; else when it is first read, so that a start needs no bucket.
    opened: OnceLock<Segment>,
    opening: Mutex<()>,
    place: Arc<SwitchingPlace>,
    cache: Arc<Cache>,
    /// The file, or where it was.
    path: PathBuf,
    /// See [`StoredSegment::kept_from`]; one for all who read the segment.
    kept_from: Arc<AtomicI64>,
    /// Whether [`StoredSegment::warm_up`] has been tried.
    is_warm: AtomicBool,
    /// The same of [`StoredSegment::read_term_filter`].
    is_filtered: AtomicBool,
}

/// Where the bytes of a segment are. They never change, but they move from the folder to the bucket while others read.
#[derive(Debug, Clone)]
enum Place {
    Folder(Arc<File>),
    Bucket(Arc<RemoteSegment>),
}

#[derive(Debug)]
struct SwitchingPlace {
    place: RwLock<Place>,
    size: u64,
}

/// The same for the format, which wants a box of its own.
#[derive(Debug)]
struct SegmentBytes(Arc<SwitchingPlace>);

impl ReadAt for SegmentBytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        // Not under the lock: a bucket may take its time.
        let place = self.0.place.read().clone();
        match place {
            Place::Folder(file) => file.read_exact_at(buffer, offset),
            Place::Bucket(remote) => remote.read_at(offset, buffer),
        }
    }

    fn size(&self) -> u64 {
        self.0.size
    }
}

impl StoredSegment {
    /// Opens a segment of the manifest. One in a bucket is read later.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another format version.
    pub(crate) fn open(
        folder: &Path,
        row: SegmentRow,
        cache: &Arc<Cache>,
        remote: Option<&Arc<RemoteSegments>>,
    ) -> Result<Self, StoreError> {
        let path = folder.join(&row.file_name);
        let read = segment::FORMAT_VERSIONS_READ;
        if !u16::try_from(row.format_version).is_ok_and(|version| read.contains(&version)) {
            let (first, last) = (read.start(), read.end());
            let found = format!("format version {}, and this program reads {first} to {last}", row.format_version);
            return Err(StoreError::Damaged { path, offset: 0, found });
        }
        let (place, size) = match &row.in_bucket {
            None => {
                let file = File::open(&path).map_err(StoreError::io("open", &path))?;
                let size = file.metadata().map_err(StoreError::io("measure", &path))?.len();
                (Place::Folder(Arc::new(file)), size)
            }
            Some(place) => {
                let elsewhere =
                    || StoreError::SegmentsElsewhere { count: 1, url: place.url.clone(), asked: String::new() };
                let remote = remote.filter(|remote| remote.url() == place.url).ok_or_else(elsewhere)?;
                let size = row.file_bytes.unsigned_abs();
                let segment = remote.segment(&row.file_name, size, place.page_checksums.clone());
                (Place::Bucket(Arc::new(segment)), size)
            }
        };
        let stored = Self {
            opened: OnceLock::new(),
            opening: Mutex::new(()),
            place: Arc::new(SwitchingPlace { place: RwLock::new(place), size }),
            cache: Arc::clone(cache),
            path,
            row,
            kept_from: Arc::new(AtomicI64::new(i64::MIN)),
            is_warm: AtomicBool::new(false),
            is_filtered: AtomicBool::new(false),
        };
        if stored.is_local() {
            stored.segment()?;
        }
        Ok(stored)
    }

    /// The segment, for reading.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(crate) fn segment(&self) -> Result<&Segment, StoreError> {
        /// Tells the parts of one open segment from those of another in the cache.
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let _alone = self.opening.lock();
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let source = Box::new(SegmentBytes(Arc::clone(&self.place)));
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let segment = Segment::open(id, source, Arc::clone(&self.cache)).map_err(self.failed())?;
        Ok(self.opened.get_or_init(|| segment))
    }

    /// The same segment, wherever it is and goes, with another memory for its parts: for who reads all of it once.
    pub(crate) fn apart(&self, cache: &Arc<Cache>) -> Self {
        Self {
            opened: OnceLock::new(),
            opening: Mutex::new(()),
            place: Arc::clone(&self.place),
            cache: Arc::clone(cache),
            path: self.path.clone(),
            row: self.row.clone(),
            kept_from: Arc::clone(&self.kept_from),
            is_warm: AtomicBool::new(false),
            is_filtered: AtomicBool::new(false),
        }
    }

    /// Whether [`StoredSegment::warm_up`] has been tried.
    pub(crate) fn is_warm(&self) -> bool {
        self.is_warm.load(Ordering::Relaxed)
    }

    /// Reads what most of its records need into memory, once. What fails here fails again, loudly, when it is asked.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub(crate) fn warm_up(&self) -> Result<(), StoreError> {
        self.is_warm.store(true, Ordering::Relaxed);
        self.segment()?.warm_up().map_err(self.failed())
    }

    /// Whether [`StoredSegment::read_term_filter`] has been tried.
    pub(crate) fn is_filtered(&self) -> bool {
        self.is_filtered.load(Ordering::Relaxed)
    }

    /// Reads which terms it has into memory, once; see [`Segment::read_term_filter`].
    ///
    /// # Errors
    /// The segment cannot be read.
    pub(crate) fn read_term_filter(&self) -> Result<(), StoreError> {
        self.is_filtered.store(true, Ordering::Relaxed);
        self.segment()?.read_term_filter().map_err(self.failed())
    }

    /// Memory of that, bytes.
    pub(crate) fn term_filter_bytes(&self) -> u64 {
        self.opened.get().map_or(0, |segment| segment.term_filter_bytes() as u64)
    }

    /// Whether it is a file of the data folder.
    pub(crate) fn is_local(&self) -> bool {
        matches!(&*self.place.place.read(), Place::Folder(_))
    }

    /// Reads that had to wait for the bucket, of all segments that are there; `None` if this one is not.
    pub(crate) fn bucket_misses(&self) -> Option<u64> {
        match &*self.place.place.read() {
            Place::Folder(_) => None,
            Place::Bucket(remote) => Some(remote.misses()),
        }
    }

    /// All its bytes.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; self.place.size as usize];
        let read = SegmentBytes(Arc::clone(&self.place)).read_at(0, &mut bytes);
        read.map_err(|error| self.failed()(error.into()))?;
        Ok(bytes)
    }

    /// From now on it is read from the bucket; who is reading the file goes on.
    pub(crate) fn is_now_in_bucket(&self, remote: RemoteSegment) {
        *self.place.place.write() = Place::Bucket(Arc::new(remote));
    }

    /// From now on it is read from its file.
    ///
    /// # Errors
    /// There is no such file.
    pub(crate) fn is_now_in_folder(&self) -> Result<(), StoreError> {
        let file = File::open(&self.path).map_err(StoreError::io("open", &self.path))?;
        let before = std::mem::replace(&mut *self.place.place.write(), Place::Folder(Arc::new(file)));
        if let Place::Bucket(remote) = before {
            remote.doom();
        }
        Ok(())
    }

    /// The manifest has forgotten it: its file goes, whose readers go on, or its object once the last reader is done.
    ///
    /// # Errors
    /// The file cannot be deleted.
    pub(crate) fn remove(&self, remote: Option<&Arc<RemoteSegments>>) -> Result<(), StoreError> {
        match &*self.place.place.read() {
            Place::Folder(_) => {
                if let Some(remote) = remote {
                    // It may have been put, by this process or by one that was killed after that.
                    remote.doom(&self.row.file_name);
                }
                std::fs::remove_file(&self.path).map_err(StoreError::io("delete", &self.path))
            }
            Place::Bucket(remote) => {
                remote.doom();
                Ok(())
            }
        }
    }

    /// Whether it may have events of one of these categories; of all if there are none.
    pub(crate) fn may_have(&self, categories: &[EventCategory]) -> bool {
        categories.is_empty() || self.row.categories.is_none_or(|known| known.has_any(categories))
    }

    /// Whether its events are all of [high volume](EventCategory::is_of_high_volume), or all not; `None` where it has both,
    /// or that is not known.
    pub(crate) fn is_of_high_volume(&self) -> Option<bool> {
        self.row.categories.and_then(CategorySet::is_of_high_volume)
    }

    /// Earliest and latest event time.
    pub(crate) fn time_range(&self) -> (EventTime, EventTime) {
        (EventTime::from_micros(self.row.min_time_micros), EventTime::from_micros(self.row.max_time_micros))
    }

    /// Seconds since 1970 from which on its events are kept. Earlier ones are found no more, though they may still be in it.
    pub(crate) fn kept_from(&self) -> i64 {
        self.kept_from.load(Ordering::Relaxed)
    }

    /// Hides the events from before a time, seconds since 1970.
    pub(crate) fn keep_from(&self, seconds: i64) {
        self.kept_from.store(seconds, Ordering::Relaxed);
    }

    /// What an error of this segment is to callers of the store.
    pub(crate) fn failed(&self) -> impl FnOnce(SegmentError) -> StoreError + use<> {
        let path = match &*self.place.place.read() {
            Place::Folder(_) => self.path.clone(),
            Place::Bucket(remote) => PathBuf::from(remote.url()),
        };
        move |source| StoreError::Segment { path, source }
    }
}

/// A segment that was made and is not yet written.
#[derive(Debug)]
pub(crate) struct MadeSegment {
    bytes: Vec<u8>,
    summary: Summary,
    categories: CategorySet,
}

impl MadeSegment {
    /// Of what was collected; `None` if that is nothing.
    ///
    /// # Errors
    /// Memory or compression fails. `folder` is named in the error.
    pub(crate) fn of(builder: &Builder, sequences: Sequences, folder: &Path) -> Result<Option<Self>, StoreError> {
        let finished = builder.finish(sequences).map_err(StoreError::io("build a segment in", folder))?;
        let categories = builder.categories().collect();
        Ok(finished.map(|(bytes, summary)| Self { bytes, summary, categories }))
    }
}

/// Writes a segment to a new file, durably. It does not exist for anybody before the manifest says so.
///
/// # Errors
/// The file cannot be written; a part of it may be left, without a row in the manifest.
pub(crate) fn write_segment(folder: &Path, made: &MadeSegment) -> Result<SegmentRow, StoreError> {
    let MadeSegment { bytes, summary, categories } = made;
    // The last part tells a joined segment from one of its parts with the same numbers at both ends.
    let tag = Uuid::new_v4().simple().to_string();
    let file_name = format!("{:020}-{:020}-{}.segment", summary.min_sequence, summary.max_sequence, &tag[..8]);
    write_file(folder, &file_name, bytes)?;
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
        categories: Some(*categories),
        in_bucket: None,
    })
}

/// Writes a file of the segments folder whole and durably, its name included.
///
/// # Errors
/// It cannot be written; a part of it may be left.
pub(crate) fn write_file(folder: &Path, file_name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    use std::io::Write;
    /// Bytes given to the kernel at once. With all of a segment at once it looks for the largest pages there are, and to
    /// fill these took ten times as long.
    const PIECE_BYTES: usize = 256 * 1024;
    let path = folder.join(file_name);
    let unfinished = folder.join(format!("{file_name}.unfinished"));
    let mut file = File::create(&unfinished).map_err(StoreError::io("create", &unfinished))?;
    for piece in bytes.chunks(PIECE_BYTES) {
        file.write_all(piece).map_err(StoreError::io("write", &unfinished))?;
    }
    file.sync_all().map_err(StoreError::io("sync", &unfinished))?;
    std::fs::rename(&unfinished, &path).map_err(StoreError::io("rename", &unfinished))?;
    sync_folder(folder)
}
