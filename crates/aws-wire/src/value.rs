//! Decoded values of any protocol, still tied to the shapes that describe them.

use crate::catalog::ShapeId;

/// A decoded value.
///
/// Structures keep the index of each member in the model, so that whoever renders them can ask the catalog for the
/// model's name, the wire's name, and whether the value is secret. Order is that of the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An explicit null.
    Null,
    /// Truth value.
    Boolean(bool),
    /// Number, with the text that the wire had (`0.0` stays `0.0`).
    Number(serde_json::Number),
    /// Text.
    String(String),
    /// A point in time.
    Timestamp(Timestamp),
    /// Bytes, decoded from base64 where the protocol encodes them.
    Blob(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Keys chosen by the caller, in order.
    Map(Vec<(String, Value)>),
    /// Members by name.
    Structure(StructureValue),
    /// JSON without a shape: a document member, or a member that the catalog does not know.
    Document(serde_json::Value),
}

/// A decoded structure.
#[derive(Debug, Clone, PartialEq)]
pub struct StructureValue {
    /// Its shape.
    pub shape: ShapeId,
    /// Members present, in the order of the wire.
    pub fields: Vec<Field>,
}

/// A member of a decoded structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Which member it is.
    pub key: FieldKey,
    /// Its value.
    pub value: Value,
}

/// Which member a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKey {
    /// Index in [`crate::catalog::Structure::members`].
    Member(u16),
    /// A name that the catalog does not know: the caller's model is newer. Its value is a [`Value::Document`] or,
    /// where the protocol has no types, a [`Value::String`].
    Unknown(String),
}

/// A decoded time, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Microseconds since 1970; negative before.
    pub micros: i64,
    /// Nanoseconds of the microsecond that has begun, 0 to 999: some services answer with nine digits.
    pub nanos: u16,
}

impl Timestamp {
    /// A time of whole microseconds since 1970.
    pub fn from_micros(micros: i64) -> Self {
        Self { micros, nanos: 0 }
    }
}

impl Value {
    /// The text, if this is a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl StructureValue {
    /// The value of the member with this index.
    pub fn member(&self, index: u16) -> Option<&Value> {
        self.fields.iter().find(|field| field.key == FieldKey::Member(index)).map(|field| &field.value)
    }
}
