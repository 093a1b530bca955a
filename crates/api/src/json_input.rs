//! Reading an input of the JSON protocol, strictly typed.
//!
//! Absent and `null` are the same, unknown members are ignored, and a member of another JSON type than the model says
//! is a `SerializationException`, before any bound is looked at. The texts are those of sibling JSON services.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::timestamp::RequestedTime;

/// The members of a structure.
#[derive(Debug, Clone)]
pub struct Members(Map<String, Value>);

/// Reads a body: one JSON object, or nothing, which counts as an empty one.
///
/// # Errors
/// [`ApiError::Serialization`] for a body that is not JSON, is not an object, or nests deeper than the 128 levels that serde_json bears.
pub fn parse_body(body: &[u8]) -> Result<Members, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(Members(Map::new()));
    }
    structure(serde_json::from_slice(body).map_err(|_| not_json())?)
}

/// The refusal of a body that is not JSON.
pub fn not_json() -> ApiError {
    ApiError::Serialization("The request body is not valid JSON.".to_owned())
}

fn structure(value: Value) -> Result<Members, ApiError> {
    match value {
        Value::Object(members) => Ok(Members(members)),
        other => Err(unexpected(&other, "a structure")),
    }
}

impl Members {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text member.
    ///
    /// # Errors
    /// Another JSON type.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(unexpected(&other, "a String")),
        }
    }

    /// A boolean member.
    ///
    /// # Errors
    /// Another JSON type.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(other) => Err(unexpected(&other, "a Boolean")),
        }
    }

    /// A member that is a list of texts.
    ///
    /// # Errors
    /// Another JSON type, of the list or of an item.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let text = |item: Value| match item {
            Value::String(text) => Ok(text),
            other => Err(unexpected(&other, "a String")),
        };
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items.into_iter().map(text).collect::<Result<_, _>>().map(Some),
            Some(other) => Err(unexpected(&other, "a List")),
        }
    }

    /// An integer member of 32 bits.
    ///
    /// # Errors
    /// Another JSON type, a fraction, or a number that does not fit.
    pub fn integer(&mut self, name: &str) -> Result<Option<i32>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => number
                .as_i64()
                .and_then(|number| i32::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| ApiError::Serialization(format!("{number} can not be converted to an Integer"))),
            Some(other) => Err(unexpected(&other, "an Integer")),
        }
    }

    /// A timestamp member: a number, or leniently a text.
    ///
    /// # Errors
    /// Another JSON type. A text or number that is no time is not an error here: see [`RequestedTime`].
    pub fn timestamp(&mut self, name: &str) -> Result<Option<RequestedTime>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => RequestedTime::read(&value).map(Some).ok_or_else(|| unexpected(&value, "a Timestamp")),
        }
    }

    /// A member that is a list of structures; absent is an empty list.
    ///
    /// # Errors
    /// Another JSON type, of the list or of an item.
    pub fn structures(&mut self, name: &str) -> Result<Vec<Members>, ApiError> {
        Ok(self.structures_if_given(name)?.unwrap_or_default())
    }

    /// A member that is a list of structures.
    ///
    /// # Errors
    /// Another JSON type, of the list or of an item.
    pub fn structures_if_given(&mut self, name: &str) -> Result<Option<Vec<Members>>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items.into_iter().map(structure).collect::<Result<_, _>>().map(Some),
            Some(other) => Err(unexpected(&other, "a List")),
        }
    }
}

fn unexpected(found: &Value, wanted: &str) -> ApiError {
    let kind = match found {
        Value::Object(_) => {
            return ApiError::Serialization("Start of structure or map found where not expected.".to_owned());
        }
        Value::Array(_) => return ApiError::Serialization("Start of list found where not expected.".to_owned()),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    ApiError::Serialization(format!("{kind} can not be converted to {wanted}"))
}
