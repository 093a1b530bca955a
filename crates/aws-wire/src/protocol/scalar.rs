//! Scalars that travel as text: in forms, XML, paths, query strings and headers.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Number;

use super::timestamp;
use crate::catalog::{Service, ShapeId, ShapeKind, TimestampFormat};
use crate::value::Value;

/// Base64 as services take it: with or without its padding.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The value of a text by its shape; a text that does not fit its shape stays a text.
pub(super) fn from_text(service: &Service, shape: ShapeId, text: &str, format: Option<TimestampFormat>) -> Value {
    let as_text = || Value::String(text.to_owned());
    match &service.shape(shape).kind {
        ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float => number(text).map_or_else(as_text, Value::Number),
        ShapeKind::Boolean => match text.trim() {
            "true" | "True" | "TRUE" => Value::Boolean(true),
            "false" | "False" | "FALSE" => Value::Boolean(false),
            _ => as_text(),
        },
        ShapeKind::Timestamp(of_shape) => {
            timestamp::parse(text, format.or(*of_shape)).map_or_else(as_text, Value::Timestamp)
        }
        ShapeKind::Blob { .. } => base64(text).map_or_else(as_text, Value::Blob),
        _ => as_text(),
    }
}

/// The bytes of a base64 text, line breaks allowed.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        return LENIENT_BASE64.decode(dense).ok();
    }
    LENIENT_BASE64.decode(text).ok()
}

/// A number from its text, if the text is one as JSON writes them.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    Number::from_f64(text.parse().ok()?)
}
