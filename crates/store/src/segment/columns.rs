//! The columns of a segment.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use model::{EventCategory, EventTime, LookupIndex, LookupResource};

use crate::query::StoredEvent;

/// Columns of facts that are looked up exactly and so have bloom filters; names of leaf columns in the file.
pub(super) const BLOOM_COLUMNS: [&str; 8] = [
    "event_id",
    "event_name",
    "event_source",
    "username",
    "access_key_id",
    "source_ip",
    "resource_types",
    "resource_names",
];

/// Name of the column with the records.
pub(super) const RECORD: &str = "record";
/// Name of the column with the sequence numbers.
pub(super) const SEQUENCE: &str = "sequence";
/// Name of the column with the event times, microseconds since 1970.
pub(super) const EVENT_TIME: &str = "event_time";

const TEXT_COLUMNS: [&str; 10] = [
    "event_id",
    "event_name",
    "event_source",
    "username",
    "access_key_id",
    "region",
    "account",
    "category",
    "error_code",
    "source_ip",
];

/// The schema of every segment.
pub(super) fn schema() -> SchemaRef {
    let list = || DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let mut fields = vec![Field::new(SEQUENCE, DataType::Int64, false), Field::new(EVENT_TIME, DataType::Int64, false)];
    fields.extend(TEXT_COLUMNS.map(|name| Field::new(name, DataType::Utf8, true)));
    fields.push(Field::new("read_only", DataType::Boolean, true));
    fields.push(Field::new("resource_types", list(), false));
    fields.push(Field::new("resource_names", list(), false));
    fields.push(Field::new(RECORD, DataType::Binary, false));
    Arc::new(Schema::new(fields))
}

/// Events as one batch, in their order.
pub(super) fn to_batch(events: &[Arc<StoredEvent>]) -> Result<RecordBatch, ArrowError> {
    let mut numbers = [Int64Builder::new(), Int64Builder::new()];
    let mut texts: [StringBuilder; 10] = Default::default();
    let mut read_only = BooleanBuilder::new();
    let mut types = ListBuilder::new(StringBuilder::new());
    let mut names = ListBuilder::new(StringBuilder::new());
    let mut records = BinaryBuilder::new();
    for event in events {
        let index = &event.index;
        numbers[0].append_value(event.sequence.cast_signed());
        numbers[1].append_value(event.position().event_time.as_micros());
        let values: [Option<&str>; 10] = [
            Some(&index.event_id),
            Some(&index.event_name),
            Some(&index.event_source),
            index.username.as_deref(),
            index.access_key_id.as_deref(),
            index.region.as_deref(),
            index.account.as_deref(),
            Some(index.category.as_str()),
            index.error_code.as_deref(),
            index.source_ip.as_deref(),
        ];
        for (builder, value) in texts.iter_mut().zip(values) {
            builder.append_option(value);
        }
        read_only.append_option(index.read_only);
        for resource in &index.resources {
            types.values().append_option(resource.resource_type.as_deref());
            names.values().append_value(&resource.resource_name);
        }
        types.append(true);
        names.append(true);
        records.append_value(&event.record);
    }
    let mut columns: Vec<ArrayRef> = Vec::new();
    columns.extend(numbers.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
    columns.extend(texts.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
    columns.push(Arc::new(read_only.finish()));
    columns.push(Arc::new(types.finish()));
    columns.push(Arc::new(names.finish()));
    columns.push(Arc::new(records.finish()));
    RecordBatch::try_new(schema(), columns)
}

/// The facts of a row, and its sequence number.
pub(super) struct Facts<'a> {
    sequence: &'a [i64],
    event_time: &'a [i64],
    texts: Vec<&'a arrow::array::StringArray>,
    read_only: &'a arrow::array::BooleanArray,
    types: &'a arrow::array::ListArray,
    names: &'a arrow::array::ListArray,
}

impl<'a> Facts<'a> {
    /// The columns of a batch; `None` when one of them is missing or of another type.
    pub(super) fn of(batch: &'a RecordBatch) -> Option<Self> {
        let column = |name: &str| batch.column_by_name(name);
        let texts = TEXT_COLUMNS.iter().map(|name| column(name)?.as_string_opt::<i32>()).collect::<Option<_>>()?;
        Some(Self {
            sequence: column(SEQUENCE)?.as_primitive_opt::<Int64Type>()?.values(),
            event_time: column(EVENT_TIME)?.as_primitive_opt::<Int64Type>()?.values(),
            texts,
            read_only: column("read_only")?.as_boolean_opt()?,
            types: column("resource_types")?.as_list_opt::<i32>()?,
            names: column("resource_names")?.as_list_opt::<i32>()?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.sequence.len()
    }

    pub(super) fn sequence(&self, row: usize) -> u64 {
        self.sequence[row].cast_unsigned()
    }

    pub(super) fn event_time(&self, row: usize) -> EventTime {
        EventTime::from_micros(self.event_time[row])
    }

    /// Everything that a row is looked up by.
    pub(super) fn index(&self, row: usize) -> LookupIndex {
        let text = |column: usize| {
            let values = self.texts[column];
            values.is_valid(row).then(|| values.value(row).to_owned())
        };
        LookupIndex {
            event_time: self.event_time(row),
            event_id: text(0).unwrap_or_default(),
            event_name: text(1).unwrap_or_default(),
            event_source: text(2).unwrap_or_default(),
            username: text(3),
            access_key_id: text(4),
            region: text(5),
            account: text(6),
            category: category(text(7).as_deref()),
            error_code: text(8),
            source_ip: text(9),
            read_only: self.read_only.is_valid(row).then(|| self.read_only.value(row)),
            resources: self.resources(row),
        }
    }

    fn resources(&self, row: usize) -> Vec<LookupResource> {
        let (types, names) = (self.types.value(row), self.names.value(row));
        let (Some(types), Some(names)) = (types.as_string_opt::<i32>(), names.as_string_opt::<i32>()) else {
            return Vec::new();
        };
        let pairs = types.iter().zip(names.iter());
        pairs
            .map(|(kind, name)| LookupResource {
                resource_type: kind.map(str::to_owned),
                resource_name: name.unwrap_or_default().to_owned(),
            })
            .collect()
    }
}

fn category(text: Option<&str>) -> EventCategory {
    use EventCategory::{Data, Insight, Management, NetworkActivity};
    let known = [Management, Data, NetworkActivity, Insight];
    known.into_iter().find(|category| Some(category.as_str()) == text).unwrap_or(Management)
}
