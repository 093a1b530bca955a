//! Decoded values as JSON, to be compared and read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::catalog::Service;
use crate::value::{FieldKey, StructureValue, Value};

/// A decoded structure as JSON, by the names of the model.
pub(super) fn plain(service: &Service, structure: &StructureValue) -> Json {
    let members = service.structure(structure.shape).map_or(&[][..], |shape| &shape.members);
    let fields = structure.fields.iter().map(|field| {
        let name = match &field.key {
            FieldKey::Member(index) => members[usize::from(*index)].name.clone(),
            FieldKey::Unknown(name) => format!("?{name}"),
        };
        (name, plain_value(service, &field.value))
    });
    Json::Object(fields.collect())
}

fn plain_value(service: &Service, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => json!(truth),
        Value::Number(number) => json!(number),
        Value::String(text) => json!(text),
        Value::Timestamp(time) => json!(format!("@{}", time.micros)),
        Value::Blob(bytes) => json!(format!("b:{}", STANDARD.encode(bytes))),
        Value::List(items) => items.iter().map(|item| plain_value(service, item)).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), plain_value(service, value))).collect())
        }
        Value::Structure(structure) => plain(service, structure),
        Value::Document(document) => document.clone(),
    }
}
