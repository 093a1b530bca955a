//! Reads a segment: row groups that may hold a fitting event, facts first, records only of events that fit.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use bytes::Bytes;
use model::{EventTime, LookupIndex};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;

use super::columns::{EVENT_TIME, Facts, RECORD};
use super::failed;
use super::writer::leaf;
use crate::StoreError;
use crate::manifest::SegmentRow;
use crate::query::{AttributeFilter, Order, Position, Scan, StoredEvent};

/// An open segment. Its metadata is kept; its columns are read when they are asked for.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    pub(crate) row: SegmentRow,
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
}

impl SegmentReader {
    /// Opens a file of the manifest.
    ///
    /// # Errors
    /// It is missing, damaged, or of another format version.
    pub(crate) fn open(folder: &Path, row: SegmentRow) -> Result<Self, StoreError> {
        let path = folder.join(&row.file_name);
        if row.format_version != super::FORMAT_VERSION {
            let found =
                format!("format version {}, and this program reads {}", row.format_version, super::FORMAT_VERSION);
            return Err(StoreError::Damaged { path, offset: 0, found });
        }
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(failed(&path))?;
        Ok(Self { row, path, file, metadata })
    }

    /// Earliest and latest event time.
    pub(crate) fn time_range(&self) -> (EventTime, EventTime) {
        (EventTime::from_micros(self.row.min_time_micros), EventTime::from_micros(self.row.max_time_micros))
    }

    /// The first events that fit a scan, in its order.
    pub(crate) fn scan(&self, scan: &Scan<'_>) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        self.try_scan(scan).map_err(failed(&self.path))
    }

    /// Events with numbers above this one, in their order.
    pub(crate) fn after_sequence(&self, sequence: u64, limit: usize) -> Result<Vec<Arc<StoredEvent>>, StoreError> {
        self.try_after_sequence(sequence, limit).map_err(failed(&self.path))
    }

    fn try_scan(&self, scan: &Scan<'_>) -> Result<Vec<Arc<StoredEvent>>, ParquetError> {
        let mut found = Vec::new();
        let count = self.metadata.metadata().num_row_groups();
        // Rows are sorted by time, so the row groups follow one another as the scan goes.
        let groups: Box<dyn Iterator<Item = usize>> = match scan.query.order {
            Order::NewestFirst => Box::new((0..count).rev()),
            Order::OldestFirst => Box::new(0..count),
        };
        for group in groups {
            if found.len() >= scan.limit {
                break;
            }
            if self.may_fit(group, scan)? {
                found.extend(self.scan_group(group, scan, scan.limit - found.len())?);
            }
        }
        Ok(found)
    }

    fn try_after_sequence(&self, sequence: u64, limit: usize) -> Result<Vec<Arc<StoredEvent>>, ParquetError> {
        let mut rows = Vec::new();
        for group in 0..self.metadata.metadata().num_row_groups() {
            for batch in self.batches(group, self.facts_mask(), None)? {
                let facts = facts_of(&batch)?;
                let fitting = (0..facts.len()).filter(|row| facts.sequence(*row) > sequence);
                rows.extend(fitting.map(|row| (facts.sequence(row), group, row, facts.index(row))));
            }
        }
        rows.sort_by_key(|(number, ..)| *number);
        rows.truncate(limit);
        rows.into_iter()
            .map(|(number, group, row, index)| {
                let record = self.records(group, &[row])?.pop().ok_or_else(missing_record)?;
                Ok(Arc::new(StoredEvent { sequence: number, index, record }))
            })
            .collect()
    }

    /// Whether a row group may hold a fitting event, by its times and its bloom filters.
    fn may_fit(&self, group: usize, scan: &Scan<'_>) -> Result<bool, ParquetError> {
        let metadata = self.metadata.metadata().row_group(group);
        let (low, high) = scan.key_range();
        let times = metadata.columns().iter().find(|column| column.column_path().string() == EVENT_TIME);
        if let Some(Statistics::Int64(times)) = times.and_then(|column| column.statistics())
            && let (Some(min), Some(max)) = (times.min_opt(), times.max_opt())
            && (*max < low.0.as_micros() || *min > high.0.as_micros())
        {
            return Ok(false);
        }
        for attribute in &scan.query.attributes {
            let (column, value) = match attribute {
                AttributeFilter::EventId(value) => ("event_id", value),
                AttributeFilter::EventName(value) => ("event_name", value),
                AttributeFilter::Username(value) => ("username", value),
                AttributeFilter::ResourceType(value) => ("resource_types", value),
                AttributeFilter::ResourceName(value) => ("resource_names", value),
                AttributeFilter::EventSource(value) => ("event_source", value),
                AttributeFilter::AccessKeyId(value) => ("access_key_id", value),
                AttributeFilter::SourceIp(value) => ("source_ip", value),
                AttributeFilter::ReadOnly(_) => continue,
            };
            let path = leaf(column);
            let Some(column) = metadata.columns().iter().position(|column| *column.column_path() == path) else {
                continue;
            };
            let file = self.file.try_clone()?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            if let Some(filter) = builder.get_row_group_column_bloom_filter(group, column)?
                && !filter.check(value.as_str())
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn scan_group(&self, group: usize, scan: &Scan<'_>, limit: usize) -> Result<Vec<Arc<StoredEvent>>, ParquetError> {
        let mut fitting: Vec<(usize, u64, LookupIndex)> = Vec::new();
        let mut first_row = 0;
        for batch in self.batches(group, self.facts_mask(), None)? {
            let facts = facts_of(&batch)?;
            for row in 0..facts.len() {
                let position = Position { event_time: facts.event_time(row), sequence: facts.sequence(row) };
                if !scan.contains(position) {
                    continue;
                }
                let index = facts.index(row);
                if scan.query.fits(&index) {
                    fitting.push((first_row + row, facts.sequence(row), index));
                }
            }
            first_row += facts.len();
        }
        // Rows ascend; the scan takes its first ones from its own end.
        if scan.query.order == Order::NewestFirst {
            fitting.drain(..fitting.len().saturating_sub(limit));
        } else {
            fitting.truncate(limit);
        }
        let rows: Vec<usize> = fitting.iter().map(|(row, ..)| *row).collect();
        let records = self.records(group, &rows)?;
        let mut events: Vec<Arc<StoredEvent>> = fitting
            .into_iter()
            .zip(records)
            .map(|((_, sequence, index), record)| Arc::new(StoredEvent { sequence, index, record }))
            .collect();
        if scan.query.order == Order::NewestFirst {
            events.reverse();
        }
        Ok(events)
    }

    /// The records of some rows of a row group, which ascend.
    fn records(&self, group: usize, rows: &[usize]) -> Result<Vec<Bytes>, ParquetError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut selectors = Vec::new();
        let mut at = 0;
        for &row in rows {
            if row > at {
                selectors.push(RowSelector::skip(row - at));
            }
            selectors.push(RowSelector::select(1));
            at = row + 1;
        }
        let mask = ProjectionMask::columns(self.metadata.metadata().file_metadata().schema_descr(), [RECORD]);
        let mut records = Vec::with_capacity(rows.len());
        for batch in self.batches(group, mask, Some(RowSelection::from(selectors)))? {
            let column = batch.column_by_name(RECORD).and_then(|column| column.as_binary_opt::<i32>());
            let column = column.ok_or_else(missing_record)?;
            records.extend(column.iter().flatten().map(Bytes::copy_from_slice));
        }
        if records.len() == rows.len() { Ok(records) } else { Err(missing_record()) }
    }

    fn facts_mask(&self) -> ProjectionMask {
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        let is_fact = |column: &usize| schema.column(*column).path().string() != RECORD;
        ProjectionMask::leaves(schema, (0..schema.num_columns()).filter(is_fact))
    }

    fn batches(
        &self,
        group: usize,
        mask: ProjectionMask,
        selection: Option<RowSelection>,
    ) -> Result<Vec<RecordBatch>, ParquetError> {
        let file = self.file.try_clone()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(batches)
    }
}

fn facts_of(batch: &RecordBatch) -> Result<Facts<'_>, ParquetError> {
    Facts::of(batch).ok_or_else(|| ParquetError::General("a column is missing or of another type".to_owned()))
}

fn missing_record() -> ParquetError {
    ParquetError::General("a record is missing".to_owned())
}
