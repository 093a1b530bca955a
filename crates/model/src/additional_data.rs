//! The `additionalEventData` of a record.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// Names and values, in the order in which they are written. The names are known when the project is built, so that none
/// is copied or hashed for a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdditionalData(Vec<(&'static str, AdditionalValue)>);

/// What a service adds under a name.
#[derive(Debug, Clone, PartialEq)]
pub enum AdditionalValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number, written without a fraction.
    Count(u64),
    /// A number that is written as a double.
    Double(f64),
    /// A truth.
    Truth(bool),
    /// What has members of its own: only few services add such.
    Json(Box<Value>),
}

impl AdditionalData {
    /// Nothing, with room for what most services add.
    pub fn new() -> Self {
        Self(Vec::with_capacity(8))
    }

    /// Adds a value. No name may be added twice.
    pub fn add(&mut self, name: &'static str, value: impl Into<AdditionalValue>) {
        self.0.push((name, value.into()));
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<AdditionalValue>) -> Self {
        self.add(name, value);
        self
    }

    /// No fewer bytes than its JSON text has, without writing it.
    pub fn bytes_at_most(&self) -> usize {
        // The longest escape is that of a control character: six bytes for one.
        let text = |text: &str| 2 + 6 * text.len();
        let value = |value: &AdditionalValue| match value {
            AdditionalValue::Text(value) => text(value),
            AdditionalValue::Count(_) | AdditionalValue::Double(_) | AdditionalValue::Truth(_) => 32,
            AdditionalValue::Json(value) => value.to_string().len(),
        };
        2 + self.0.iter().map(|(name, inner)| 2 + text(name) + value(inner)).sum::<usize>()
    }
}

impl Serialize for AdditionalData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            match value {
                AdditionalValue::Text(text) => map.serialize_entry(name, &**text)?,
                AdditionalValue::Count(count) => map.serialize_entry(name, count)?,
                AdditionalValue::Double(number) => map.serialize_entry(name, number)?,
                AdditionalValue::Truth(truth) => map.serialize_entry(name, truth)?,
                AdditionalValue::Json(json) => map.serialize_entry(name, json)?,
            }
        }
        map.end()
    }
}

impl From<&'static str> for AdditionalValue {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for AdditionalValue {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for AdditionalValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for AdditionalValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<Value> for AdditionalValue {
    fn from(json: Value) -> Self {
        Self::Json(Box::new(json))
    }
}

impl From<bool> for AdditionalValue {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_in_the_order_in_which_it_was_added() {
        let data = AdditionalData::new()
            .with("SignatureVersion", "SigV4")
            .with("bytesTransferredIn", 0.0)
            .with("key", "a\"b\u{1}".to_owned())
            .with("count", 7_u64)
            .with("omitted", true)
            .with("results", serde_json::json!([{ "decision": "ALLOW" }]));
        let text = serde_json::to_string(&data).expect("JSON");
        let expected = concat!(
            r#"{"SignatureVersion":"SigV4","bytesTransferredIn":0.0,"key":"a\"b\u0001","count":7,"omitted":true,"#,
            r#""results":[{"decision":"ALLOW"}]}"#
        );
        assert_eq!(text, expected);
        assert!(data.bytes_at_most() >= text.len());
    }
}
