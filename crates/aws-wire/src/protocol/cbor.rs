//! CBOR bodies (RFC 8949) of Smithy RPC v2.

use serde_json::{Number, Value as Json};

use super::member_lookup::MemberLookup;
use super::{DEPTH_MAX, DecodeError, timestamp};
use crate::catalog::{Service, ShapeId, ShapeKind};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Tag of a time in seconds since 1970.
const TAG_EPOCH_TIME: u64 = 1;
/// Tags of integers of any size.
const TAGS_BIG_INTEGER: [u64; 2] = [2, 3];

/// A CBOR item without a shape.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Null,
    Boolean(bool),
    Unsigned(u64),
    /// `-1 - n`.
    Negative(u64),
    Float(f64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    Map(Vec<(String, Item)>),
    Time(f64),
}

/// Decodes a CBOR map as a structure; an empty body is an empty structure.
///
/// # Errors
/// The body is not one well-formed CBOR map with texts for keys.
pub fn decode_structure(service: &Service, shape: ShapeId, body: &[u8]) -> Result<StructureValue, DecodeError> {
    if body.is_empty() {
        return Ok(StructureValue { shape, fields: Vec::new() });
    }
    match decode(body)? {
        Item::Map(entries) => Ok(structure(service, shape, entries)),
        _ => Err(DecodeError::new("CBOR", "it is no map")),
    }
}

/// A CBOR body as JSON, for errors and for what the catalog does not know.
///
/// # Errors
/// The body is not well-formed CBOR.
pub fn to_json(body: &[u8]) -> Result<Json, DecodeError> {
    decode(body).map(json)
}

fn structure(service: &Service, shape: ShapeId, entries: Vec<(String, Item)>) -> StructureValue {
    let mut lookup = MemberLookup::new(service.structure(shape));
    let mut fields: Vec<Field> = Vec::with_capacity(entries.len());
    for (name, item) in entries {
        let Some(found) = lookup.find(fields.len(), |member| member.name == name) else {
            fields.push(Field { key: FieldKey::Unknown(name), value: Value::Document(json(item)) });
            continue;
        };
        let value = value(service, found.member.shape, item);
        match found.field.and_then(|index| fields.get_mut(index)) {
            Some(field) => field.value = value,
            None => fields.push(Field { key: FieldKey::Member(found.index), value }),
        }
    }
    StructureValue { shape, fields }
}

fn value(service: &Service, shape: ShapeId, item: Item) -> Value {
    match (&service.shape(shape).kind, item) {
        (_, Item::Null) => Value::Null,
        (ShapeKind::Structure(_), Item::Map(entries)) => Value::Structure(structure(service, shape, entries)),
        (ShapeKind::List { member, .. }, Item::Array(items)) => {
            Value::List(items.into_iter().map(|item| value(service, member.shape, item)).collect())
        }
        (ShapeKind::Map { value: member, .. }, Item::Map(entries)) => {
            Value::Map(entries.into_iter().map(|(key, item)| (key, value(service, member.shape, item))).collect())
        }
        (ShapeKind::Timestamp(_), item) => {
            let seconds = match &item {
                Item::Time(seconds) | Item::Float(seconds) => Some(*seconds),
                #[expect(clippy::cast_precision_loss, reason = "seconds of any event fit a double")]
                Item::Unsigned(seconds) => Some(*seconds as f64),
                _ => None,
            };
            let time = seconds.and_then(timestamp::from_seconds);
            time.map_or_else(|| Value::Document(json(item)), Value::Timestamp)
        }
        (_, Item::Bytes(bytes)) => Value::Blob(bytes),
        (_, Item::Boolean(truth)) => Value::Boolean(truth),
        (_, Item::Text(text)) => Value::String(text),
        (_, item) => match json(item) {
            Json::Number(number) => Value::Number(number),
            Json::String(text) => Value::String(text),
            other => Value::Document(other),
        },
    }
}

fn json(item: Item) -> Json {
    match item {
        Item::Null => Json::Null,
        Item::Boolean(truth) => Json::Bool(truth),
        Item::Unsigned(number) => Json::Number(number.into()),
        Item::Negative(number) => match i64::try_from(number) {
            Ok(number) => Json::Number((-1 - number).into()),
            Err(_) => Json::String(format!("-{}", u128::from(number) + 1)),
        },
        Item::Float(number) | Item::Time(number) => {
            Number::from_f64(number).map_or_else(|| Json::from(not_a_json_number(number)), Json::Number)
        }
        Item::Bytes(bytes) => Json::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)),
        Item::Text(text) => Json::String(text),
        Item::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Item::Map(entries) => Json::Object(entries.into_iter().map(|(key, item)| (key, json(item))).collect()),
    }
}

/// What has no form among the numbers of JSON, by the names that the protocols over JSON and XML have for it.
fn not_a_json_number(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => "NaN",
        number if number.is_sign_negative() => "-Infinity",
        _ => "Infinity",
    }
}

fn decode(body: &[u8]) -> Result<Item, DecodeError> {
    let mut reader = Reader { bytes: body, at: 0 };
    let item = reader.item(DEPTH_MAX)?;
    if reader.at == body.len() { Ok(item) } else { Err(reader.failed("bytes after its end")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The head of an item.
struct Head {
    major: u8,
    info: u8,
    argument: u64,
}

/// Lengths, and the additional information that says that there is none.
const INDEFINITE: u8 = 31;

impl Reader<'_> {
    fn failed(&self, reason: &str) -> DecodeError {
        DecodeError::new("CBOR", format!("{reason} at byte {}", self.at))
    }

    fn take(&mut self, size: usize) -> Result<&[u8], DecodeError> {
        let end = self.at.checked_add(size).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.failed("it ends too early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, DecodeError> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => self.take(1 << (info - 24))?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
            INDEFINITE => 0,
            _ => return Err(self.failed("a reserved length")),
        };
        Ok(Head { major, info, argument })
    }

    /// Whether the next byte ends an item of indefinite length; takes it if so.
    fn is_break(&mut self) -> Result<bool, DecodeError> {
        match self.bytes.get(self.at) {
            Some(0xff) => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err(self.failed("it ends too early")),
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, DecodeError> {
        let head = self.head()?;
        self.item_of(&head, depth)
    }

    fn item_of(&mut self, head: &Head, depth: usize) -> Result<Item, DecodeError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(self.failed("it nests too deeply")) };
        match head.major {
            0 if head.info != INDEFINITE => Ok(Item::Unsigned(head.argument)),
            1 if head.info != INDEFINITE => Ok(Item::Negative(head.argument)),
            2 => self.string(head).map(Item::Bytes),
            3 => {
                let bytes = self.string(head)?;
                String::from_utf8(bytes).map(Item::Text).map_err(|_| self.failed("a text that is not UTF-8"))
            }
            4 => self.array(head, depth),
            5 => self.map(head, depth),
            6 if head.info != INDEFINITE => self.tagged(head.argument, depth),
            7 => self.simple(head),
            _ => Err(self.failed("a malformed head")),
        }
    }

    fn string(&mut self, head: &Head) -> Result<Vec<u8>, DecodeError> {
        let size = |argument| usize::try_from(argument).unwrap_or(usize::MAX);
        if head.info != INDEFINITE {
            return Ok(self.take(size(head.argument))?.to_vec());
        }
        let mut joined = Vec::new();
        while !self.is_break()? {
            let part = self.head()?;
            if part.major != head.major || part.info == INDEFINITE {
                return Err(self.failed("a part of another kind in a string"));
            }
            joined.extend_from_slice(self.take(size(part.argument))?);
        }
        Ok(joined)
    }

    fn array(&mut self, head: &Head, depth: usize) -> Result<Item, DecodeError> {
        let mut items = Vec::new();
        let mut left = head.argument;
        while if head.info == INDEFINITE { !self.is_break()? } else { left > 0 } {
            items.push(self.item(depth)?);
            left = left.saturating_sub(1);
        }
        Ok(Item::Array(items))
    }

    fn map(&mut self, head: &Head, depth: usize) -> Result<Item, DecodeError> {
        let mut entries = Vec::new();
        let mut left = head.argument;
        while if head.info == INDEFINITE { !self.is_break()? } else { left > 0 } {
            let Item::Text(key) = self.item(depth)? else { return Err(self.failed("a key that is no text")) };
            entries.push((key, self.item(depth)?));
            left = left.saturating_sub(1);
        }
        Ok(Item::Map(entries))
    }

    fn tagged(&mut self, tag: u64, depth: usize) -> Result<Item, DecodeError> {
        let item = self.item(depth)?;
        Ok(match item {
            #[expect(clippy::cast_precision_loss, reason = "seconds of any event fit a double")]
            Item::Unsigned(seconds) if tag == TAG_EPOCH_TIME => Item::Time(seconds as f64),
            #[expect(clippy::cast_precision_loss, reason = "seconds of any event fit a double")]
            Item::Negative(seconds) if tag == TAG_EPOCH_TIME => Item::Time(-1.0 - seconds as f64),
            Item::Float(seconds) if tag == TAG_EPOCH_TIME => Item::Time(seconds),
            Item::Bytes(bytes) if TAGS_BIG_INTEGER.contains(&tag) => big_integer(tag, &bytes),
            other => other,
        })
    }

    fn simple(&mut self, head: &Head) -> Result<Item, DecodeError> {
        #[expect(clippy::cast_possible_truncation, reason = "the argument has as many bits as the float")]
        Ok(match head.info {
            20 => Item::Boolean(false),
            21 => Item::Boolean(true),
            22 | 23 => Item::Null,
            25 => Item::Float(half(head.argument as u16)),
            26 => Item::Float(f64::from(f32::from_bits(head.argument as u32))),
            27 => Item::Float(f64::from_bits(head.argument)),
            _ => return Err(self.failed("an unknown simple value")),
        })
    }
}

/// An integer of any size: as a number if it fits 64 bits, else as its digits in hexadecimal.
fn big_integer(tag: u64, bytes: &[u8]) -> Item {
    let significant = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    if significant.len() > 8 {
        let sign = if tag == 3 { "-1-" } else { "" };
        return Item::Text(format!("{sign}0x{}", hex::encode(significant)));
    }
    let number = significant.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if tag == 3 { Item::Negative(number) } else { Item::Unsigned(number) }
}

/// An IEEE 754 half-precision float.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(hexadecimal: &str, expected: &str) {
        let bytes = hex::decode(hexadecimal).expect("hexadecimal");
        assert_eq!(to_json(&bytes).expect(hexadecimal).to_string(), expected, "{hexadecimal}");
    }

    #[test]
    fn reads_the_examples_of_the_standard() {
        // Source: RFC 8949, appendix A.
        for (bytes, expected) in [
            ("1903e8", "1000"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3903e7", "-1000"),
            ("f93c00", "1.0"),
            ("f97bff", "65504.0"),
            ("f90001", "5.960464477539063e-8"),
            ("fa47c35000", "100000.0"),
            ("fb3ff199999999999a", "1.1"),
            ("f5", "true"),
            ("f6", "null"),
            ("c11a514b67b0", "1363896240.0"),
            ("c24101", "1"),
            ("4401020304", "\"AQIDBA==\""),
            ("62c3bc", "\"ü\""),
            ("83010203", "[1,2,3]"),
            ("9f0102ff", "[1,2]"),
            ("a26161016162820203", "{\"a\":1,\"b\":[2,3]}"),
            ("bf6346756ef563416d7421ff", "{\"Fun\":true,\"Amt\":-2}"),
            ("7f657374726561646d696e67ff", "\"streaming\""),
        ] {
            check(bytes, expected);
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        for bytes in ["", "19", "ff", "1c", "a101", "a10101", "5f6161ff", "62c3", "0000", "9bffffffffffffffff"] {
            let bytes = hex::decode(bytes).expect("hexadecimal");
            to_json(&bytes).expect_err("malformed");
        }
        to_json(&vec![0x81; 100_000]).expect_err("too deep");
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>) {
            let _ = to_json(&bytes);
        }
    }
}
