//! What an operator may set.

use std::path::PathBuf;
use std::time::Duration;

use metadata::Metadata;

use crate::bucket::BucketConfig;
use crate::disk_room::DiskLimits;

/// Settings of the store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Folder for journal and segments. Made if it is missing.
    pub data_dir: PathBuf,
    /// Where the manifest is. In the same folder by default.
    pub metadata: Metadata,
    /// Events held in memory before they are sealed into a segment. Default 50,000: some 200 MB with what is
    /// derived from them.
    pub segment_events_max: usize,
    /// Bytes of events held in memory before they are sealed. Default 64 MiB.
    pub segment_bytes_max: usize,
    /// Age of the oldest event in memory at which all are sealed. Default one hour.
    pub segment_age_max: Duration,
    /// Bytes of a journal file after which the next one begins. Default 16 MiB.
    pub journal_file_bytes_max: u64,
    /// Memory for what lookups read of segments, bytes: a quarter of it for whole events, the rest for parts of segments.
    /// Default 256 MiB.
    pub segment_cache_bytes: u64,
    /// Days that events are kept, counted from their time. Default 90.
    pub retention_days: u32,
    /// How much room the history may take.
    pub disk_limits: DiskLimits,
    /// The bucket that segments are moved to as they are sealed. Default none: they stay in the folder.
    pub bucket: Option<BucketConfig>,
}

impl StoreConfig {
    /// The defaults over a folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            metadata: Metadata::in_folder(&data_dir),
            data_dir,
            segment_events_max: 50_000,
            segment_bytes_max: 64 * 1024 * 1024,
            segment_age_max: Duration::from_secs(3600),
            journal_file_bytes_max: 16 * 1024 * 1024,
            segment_cache_bytes: 256 * 1024 * 1024,
            retention_days: 90,
            disk_limits: DiskLimits::default(),
            bucket: None,
        }
    }
}
