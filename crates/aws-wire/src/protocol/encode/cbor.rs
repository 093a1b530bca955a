//! CBOR bodies (RFC 8949) of Smithy RPC v2.

use serde_json::{Number, Value as Json};

use crate::catalog::{Member, Service, ShapeKind};
use crate::value::{FieldKey, StructureValue, Timestamp, Value};

const MAJOR_UNSIGNED: u8 = 0;
const MAJOR_NEGATIVE: u8 = 1;
const MAJOR_BYTES: u8 = 2;
const MAJOR_TEXT: u8 = 3;
const MAJOR_ARRAY: u8 = 4;
const MAJOR_MAP: u8 = 5;
const MAJOR_TAG: u8 = 6;
const TAG_EPOCH_TIME: u64 = 1;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

/// The members of a structure as a map.
pub(super) fn structure(service: &Service, value: &StructureValue) -> Vec<u8> {
    let mut out = Vec::new();
    write_structure(service, value, &mut out);
    out
}

/// A map of texts, such as an error.
pub(crate) fn texts(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    head(&mut out, MAJOR_MAP, pairs.len() as u64);
    for (key, value) in pairs {
        text(&mut out, key);
        text(&mut out, value);
    }
    out
}

fn write_structure(service: &Service, value: &StructureValue, out: &mut Vec<u8>) {
    let members = service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
    head(out, MAJOR_MAP, value.fields.len() as u64);
    for field in &value.fields {
        match &field.key {
            FieldKey::Member(index) => {
                let member = members.get(usize::from(*index));
                text(out, member.map_or("", |member| &member.name));
                write(service, member, &field.value, out);
            }
            FieldKey::Unknown(name) => {
                text(out, name);
                write(service, None, &field.value, out);
            }
        }
    }
}

fn write(service: &Service, member: Option<&Member>, value: &Value, out: &mut Vec<u8>) {
    let kind = member.map(|member| &service.shape(member.shape).kind);
    match value {
        Value::Null => out.push(NULL),
        Value::Boolean(truth) => out.push(if *truth { TRUE } else { FALSE }),
        Value::Number(value) => number(out, value, matches!(kind, Some(ShapeKind::Float))),
        Value::String(value) => text(out, value),
        Value::Timestamp(value) => time(out, *value),
        Value::Blob(bytes) => {
            head(out, MAJOR_BYTES, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Value::List(items) => {
            let member = match kind {
                Some(ShapeKind::List { member, .. }) => Some(member),
                _ => None,
            };
            head(out, MAJOR_ARRAY, items.len() as u64);
            items.iter().for_each(|item| write(service, member, item, out));
        }
        Value::Map(entries) => {
            let member = match kind {
                Some(ShapeKind::Map { value, .. }) => Some(value),
                _ => None,
            };
            head(out, MAJOR_MAP, entries.len() as u64);
            for (key, value) in entries {
                text(out, key);
                write(service, member, value, out);
            }
        }
        Value::Structure(value) => write_structure(service, value, out),
        Value::Document(value) => json(out, value),
    }
}

fn json(out: &mut Vec<u8>, value: &Json) {
    match value {
        Json::Null => out.push(NULL),
        Json::Bool(truth) => out.push(if *truth { TRUE } else { FALSE }),
        Json::Number(value) => number(out, value, false),
        Json::String(value) => text(out, value),
        Json::Array(items) => {
            head(out, MAJOR_ARRAY, items.len() as u64);
            items.iter().for_each(|item| json(out, item));
        }
        Json::Object(members) => {
            head(out, MAJOR_MAP, members.len() as u64);
            for (key, value) in members {
                text(out, key);
                json(out, value);
            }
        }
    }
}

/// The head of an item, in its shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (info, from) = match argument {
        0..=23 => (bytes[7], 8),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(&bytes[from..]);
}

fn text(out: &mut Vec<u8>, value: &str) {
    head(out, MAJOR_TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

fn number(out: &mut Vec<u8>, value: &Number, is_float: bool) {
    match (value.as_u64(), value.as_i64()) {
        (Some(value), _) if !is_float => head(out, MAJOR_UNSIGNED, value),
        (None, Some(value)) if !is_float => head(out, MAJOR_NEGATIVE, !value.cast_unsigned()),
        _ => double(out, value.as_f64().unwrap_or(f64::NAN)),
    }
}

fn double(out: &mut Vec<u8>, value: f64) {
    out.push(DOUBLE);
    out.extend_from_slice(&value.to_be_bytes());
}

fn time(out: &mut Vec<u8>, value: Timestamp) {
    head(out, MAJOR_TAG, TAG_EPOCH_TIME);
    match (value.micros.div_euclid(1_000_000), value.micros.rem_euclid(1_000_000)) {
        (seconds @ 0.., 0) => head(out, MAJOR_UNSIGNED, seconds.unsigned_abs()),
        (seconds, 0) => head(out, MAJOR_NEGATIVE, !seconds.cast_unsigned()),
        _ => double(out, super::text::seconds_number(value)),
    }
}
