//! Scalars as text: in forms, XML, paths, query strings and headers.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::{Member, Service, ShapeKind, TimestampFormat};
use crate::value::{Timestamp, Value};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The form of time of a member: its own, that of its shape, or that of the place.
pub(super) fn time_format(service: &Service, member: &Member, of_place: TimestampFormat) -> TimestampFormat {
    let of_shape = match service.shape(member.shape).kind {
        ShapeKind::Timestamp(format) => format,
        _ => None,
    };
    member.timestamp_format.or(of_shape).unwrap_or(of_place)
}

/// A value as text. What is no scalar is written as JSON: the decoders take it for a text then.
pub(super) fn text(value: &Value, format: TimestampFormat) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Boolean(true) => Cow::Borrowed("true"),
        Value::Boolean(false) => Cow::Borrowed("false"),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::String(text) => Cow::Borrowed(text),
        Value::Timestamp(time) => Cow::Owned(time_text(*time, format)),
        Value::Blob(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Value::Document(serde_json::Value::String(text)) => Cow::Borrowed(text),
        Value::Document(json) => Cow::Owned(json.to_string()),
        Value::List(_) | Value::Map(_) | Value::Structure(_) => Cow::Borrowed(""),
    }
}

/// A time as text.
pub(super) fn time_text(time: Timestamp, format: TimestampFormat) -> String {
    let (seconds, fraction) = (time.micros.div_euclid(MICROS_PER_SECOND), time.micros.rem_euclid(MICROS_PER_SECOND));
    if format == TimestampFormat::UnixTimestamp {
        return match fraction {
            0 => seconds.to_string(),
            _ => seconds_number(time).to_string(),
        };
    }
    let nanos = i128::from(time.micros) * 1000 + i128::from(time.nanos);
    let instant = jiff::Timestamp::from_nanosecond(nanos).unwrap_or(if time.micros < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    match format {
        TimestampFormat::Rfc822 => instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        TimestampFormat::Iso8601 | TimestampFormat::UnixTimestamp => match fraction {
            _ if time.nanos != 0 => instant.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
            0 => instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            _ if fraction % 1000 == 0 => instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            _ => instant.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        },
    }
}

/// A time as seconds since 1970 with a fraction.
#[expect(clippy::cast_precision_loss, reason = "microseconds of the years -9999 to 9999 lose less than one of them")]
pub(super) fn seconds_number(time: Timestamp) -> f64 {
    time.micros as f64 / MICROS_PER_SECOND as f64
}
