//! Writes a segment.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::columns::{BLOOM_COLUMNS, RECORD, schema, to_batch};
use super::{FORMAT_VERSION, failed};
use crate::StoreError;
use crate::journal::file::sync_folder;
use crate::manifest::SegmentRow;
use crate::query::StoredEvent;

/// Rows of a row group: what a lookup reads at least. Some 8,000 records are about 10 MB before compression.
const ROW_GROUP_ROWS: usize = 8192;
/// Chance that a bloom filter says "perhaps" of a value that is not there.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Writes events, sorted by time, to a new file, durably. The file does not exist for anybody before the manifest says
/// so.
///
/// # Errors
/// The file cannot be written; a part of it may be left, without a row in the manifest.
pub(crate) fn write_segment(folder: &Path, events: &[Arc<StoredEvent>]) -> Result<SegmentRow, StoreError> {
    let sequences = || events.iter().map(|event| event.sequence.cast_signed());
    let (min_sequence, max_sequence) = (sequences().min().unwrap_or(0), sequences().max().unwrap_or(0));
    let times = || events.iter().map(|event| event.position().event_time.as_micros());
    let file_name = format!("{min_sequence:020}-{max_sequence:020}.parquet");
    let path = folder.join(&file_name);
    let unfinished = folder.join(format!("{file_name}.unfinished"));

    let file = File::create(&unfinished).map_err(StoreError::io("create", &unfinished))?;
    let copy = file.try_clone().map_err(StoreError::io("open", &unfinished))?;
    let mut writer = ArrowWriter::try_new(copy, schema(), Some(properties())).map_err(failed(&unfinished))?;
    for events in events.chunks(ROW_GROUP_ROWS) {
        let batch = to_batch(events).map_err(|error| failed(&unfinished)(error.into()))?;
        writer.write(&batch).map_err(failed(&unfinished))?;
        writer.flush().map_err(failed(&unfinished))?;
    }
    writer.close().map_err(failed(&unfinished))?;
    file.sync_all().map_err(StoreError::io("sync", &unfinished))?;
    let file_bytes = file.metadata().map_err(StoreError::io("measure", &unfinished))?.len();
    std::fs::rename(&unfinished, &path).map_err(StoreError::io("rename", &unfinished))?;
    sync_folder(folder)?;
    Ok(SegmentRow {
        file_name,
        event_count: events.len() as i64,
        min_time_micros: times().min().unwrap_or(0),
        max_time_micros: times().max().unwrap_or(0),
        min_sequence,
        max_sequence,
        file_bytes: file_bytes.cast_signed(),
        format_version: FORMAT_VERSION,
    })
}

fn properties() -> WriterProperties {
    let version = KeyValue::new("opentrail.segment.version".to_owned(), FORMAT_VERSION.to_string());
    let mut builder = WriterProperties::builder()
        .set_created_by("opentrail".to_owned())
        .set_key_value_metadata(Some(vec![version]))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // Records repeat nothing as a whole; zstd finds what they share.
        .set_column_dictionary_enabled(ColumnPath::from(RECORD), false);
    for name in BLOOM_COLUMNS {
        let path = leaf(name);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_ndv(path, ROW_GROUP_ROWS as u64);
    }
    builder.build()
}

/// The path of a column's values: those of a list are two levels down.
pub(super) fn leaf(name: &str) -> ColumnPath {
    if name.starts_with("resource_") {
        ColumnPath::from(vec![name.to_owned(), "list".to_owned(), "item".to_owned()])
    } else {
        ColumnPath::from(name)
    }
}
