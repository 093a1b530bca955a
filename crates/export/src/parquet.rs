//! A table as Parquet, packed with zstd.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::EventTime;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use tempfile::NamedTempFile;

use crate::columns::{COLUMNS, ColumnKind, RECORD_COLUMN, values};
use crate::target::{keep, temporary};
use crate::{ExportError, RecordWriter, Written};

/// Rows of a group: what is held in memory at once.
const GROUP_ROWS: usize = 65_536;
/// Bytes of records after which a group ends early.
const GROUP_BYTES: usize = 128 * 1024 * 1024;

/// A Parquet file.
pub struct ParquetFile {
    path: PathBuf,
    writer: SerializedFileWriter<NamedTempFile>,
    /// By columns, the record last.
    cells: Vec<Vec<Option<Box<str>>>>,
    bytes: usize,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ParquetFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Begins a file.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        let failed = |source| ExportError::Table { path: path.to_owned(), source };
        let file = temporary(path).map_err(ExportError::write(path))?;
        let level = ZstdLevel::try_new(3).map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema().map_err(failed)?), Arc::new(properties))
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), writer, cells: vec![Vec::new(); COLUMNS.len() + 1], bytes: 0 })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.bytes == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        let kinds = COLUMNS.iter().map(|column| column.kind).chain([ColumnKind::Text]);
        for (kind, cells) in kinds.zip(&mut self.cells) {
            let Some(mut column) = group.next_column()? else { break };
            match kind {
                ColumnKind::Text => {
                    let (levels, found) = split(cells, |text| Some(ByteArray::from(text)));
                    column.typed::<ByteArrayType>().write_batch(&found, Some(&levels), None)?;
                }
                ColumnKind::Time => {
                    let (levels, found) = split(cells, |text| EventTime::parse(text).ok().map(EventTime::as_micros));
                    column.typed::<Int64Type>().write_batch(&found, Some(&levels), None)?;
                }
                ColumnKind::Truth => {
                    let (levels, found) = split(cells, |text| text.parse::<bool>().ok());
                    column.typed::<BoolType>().write_batch(&found, Some(&levels), None)?;
                }
            }
            column.close()?;
            cells.clear();
        }
        group.close()?;
        self.bytes = 0;
        Ok(())
    }
}

/// For each cell whether it has a value, and the values that there are.
fn split<T>(cells: &[Option<Box<str>>], read: impl Fn(&str) -> Option<T>) -> (Vec<i16>, Vec<T>) {
    let (mut levels, mut found) = (Vec::with_capacity(cells.len()), Vec::with_capacity(cells.len()));
    for cell in cells {
        let value = cell.as_deref().and_then(&read);
        levels.push(i16::from(value.is_some()));
        found.extend(value);
    }
    (levels, found)
}

fn schema() -> Result<Type, ParquetError> {
    let column = |name: &str, kind: ColumnKind| {
        let (physical, logical) = match kind {
            ColumnKind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            ColumnKind::Time => {
                let unit = TimeUnit::MICROS;
                (PhysicalType::INT64, Some(LogicalType::Timestamp { is_adjusted_to_u_t_c: true, unit }))
            }
            ColumnKind::Truth => (PhysicalType::BOOLEAN, None),
        };
        let column = Type::primitive_type_builder(name, physical);
        column.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build().map(Arc::new)
    };
    let columns = COLUMNS.iter().map(|known| column(known.name, known.kind));
    let columns = columns.chain([column(RECORD_COLUMN, ColumnKind::Text)]).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("cloudtrail").with_fields(columns).build()
}

impl RecordWriter for ParquetFile {
    fn write(&mut self, record: &str) -> Result<(), ExportError> {
        let values = values(record)?;
        let values = values.iter().map(Option::as_deref).chain([Some(record)]);
        for (cells, value) in self.cells.iter_mut().zip(values) {
            cells.push(value.map(Box::from));
        }
        self.bytes += 2 * record.len();
        let rows = self.cells.first().map_or(0, Vec::len);
        if rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group().map_err(|source| ExportError::Table { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, ExportError> {
        let path = self.path.clone();
        let failed = |source| ExportError::Table { path: path.clone(), source };
        self.write_group().map_err(failed)?;
        let file = self.writer.into_inner().map_err(failed)?;
        let bytes = file.as_file().metadata().map_err(ExportError::write(&path))?.len();
        keep(file, &path).map_err(ExportError::write(&path))?;
        Ok(Written { files: 1, bytes })
    }
}
