//! Writing records as minified JSON text: the same bytes as serde_json's.
//!
//! Names of fields are written as they stand, for no name in our types needs an escape; texts are looked through sixteen
//! bytes at a time. Every recorded call is written once or twice, and writing was an eighth of a worker's instructions.

use std::fmt;

use serde::ser::{self, Impossible, Serialize};

/// A value has no JSON text here: a map whose keys are not texts, or a kind of value that records do not have.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonTextError(String);

impl ser::Error for JsonTextError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Done = Result<(), JsonTextError>;

/// Appends the text of a value.
pub(crate) fn write(out: &mut Vec<u8>, value: &impl Serialize) -> Done {
    value.serialize(&mut JsonText { out })
}

struct JsonText<'a> {
    out: &'a mut Vec<u8>,
}

impl JsonText<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Done {
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// A word of our own, which needs no escape.
    fn word(&mut self, word: &'static str) {
        self.out.push(b'"');
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    /// Numbers in the form that serde_json gives them.
    fn number(&mut self, number: impl Serialize) -> Done {
        serde_json::to_writer(&mut *self.out, &number).map_err(ser::Error::custom)
    }
}

fn unsupported<T>(kind: &str) -> Result<T, JsonTextError> {
    Err(JsonTextError(format!("a record holds no {kind}")))
}

/// Whether a byte stands in a text otherwise than as itself: a control character, a quotation mark or a backslash.
const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Looks at sixteen bytes at once: without a branch among them, the compiler compares them in one register.
fn needs_escapes(bytes: &[u8]) -> bool {
    let (sixteens, rest) = bytes.as_chunks::<16>();
    let any = |bytes: &[u8; 16]| bytes.iter().fold(false, |any, byte| any | is_escaped(*byte));
    if sixteens.iter().any(any) {
        return true;
    }
    let mut last = [b' '; 16];
    last[..rest.len()].copy_from_slice(rest);
    any(&last)
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if needs_escapes(bytes) {
        write_escaped(out, bytes)
    } else {
        out.extend_from_slice(bytes)
    }
    out.push(b'"');
}

#[cold]
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}

impl<'a, 'o> ser::Serializer for &'a mut JsonText<'o> {
    type Ok = ();
    type Error = JsonTextError;
    type SerializeSeq = Parts<'a, 'o>;
    type SerializeTuple = Impossible<(), JsonTextError>;
    type SerializeTupleStruct = Impossible<(), JsonTextError>;
    type SerializeTupleVariant = Impossible<(), JsonTextError>;
    type SerializeMap = Parts<'a, 'o>;
    type SerializeStruct = Parts<'a, 'o>;
    type SerializeStructVariant = Impossible<(), JsonTextError>;

    fn serialize_bool(self, truth: bool) -> Done {
        self.bytes(if truth { b"true" } else { b"false" })
    }

    fn serialize_i8(self, number: i8) -> Done {
        self.number(number)
    }

    fn serialize_i16(self, number: i16) -> Done {
        self.number(number)
    }

    fn serialize_i32(self, number: i32) -> Done {
        self.number(number)
    }

    fn serialize_i64(self, number: i64) -> Done {
        self.number(number)
    }

    fn serialize_u8(self, number: u8) -> Done {
        self.number(number)
    }

    fn serialize_u16(self, number: u16) -> Done {
        self.number(number)
    }

    fn serialize_u32(self, number: u32) -> Done {
        self.number(number)
    }

    fn serialize_u64(self, number: u64) -> Done {
        self.number(number)
    }

    fn serialize_f32(self, number: f32) -> Done {
        self.number(number)
    }

    fn serialize_f64(self, number: f64) -> Done {
        self.number(number)
    }

    fn serialize_char(self, character: char) -> Done {
        self.serialize_str(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Done {
        write_text(self.out, text);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Done {
        unsupported("bytes")
    }

    fn serialize_none(self) -> Done {
        self.bytes(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.bytes(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.bytes(b"null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.word(variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Done {
        unsupported("variants with values")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, JsonTextError> {
        self.out.push(b'[');
        Ok(Parts { text: self, is_first: true })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, JsonTextError> {
        unsupported("tuples")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, JsonTextError> {
        unsupported("tuples")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, JsonTextError> {
        unsupported("variants with values")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, JsonTextError> {
        self.out.push(b'{');
        Ok(Parts { text: self, is_first: true })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, JsonTextError> {
        self.out.push(b'{');
        Ok(Parts { text: self, is_first: true })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, JsonTextError> {
        unsupported("variants with values")
    }
}

/// The elements of an array, or the members of an object.
struct Parts<'a, 'o> {
    text: &'a mut JsonText<'o>,
    is_first: bool,
}

impl Parts<'_, '_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.text.out.push(b',');
        }
    }
}

impl ser::SerializeSeq for Parts<'_, '_> {
    type Ok = ();
    type Error = JsonTextError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.comma();
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.text.bytes(b"]")
    }
}

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = JsonTextError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.comma();
        let start = self.text.out.len();
        key.serialize(&mut *self.text)?;
        match self.text.out.get(start) {
            Some(b'"') => Ok(()),
            _ => unsupported("keys that are not texts"),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.text.out.push(b':');
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.text.bytes(b"}")
    }
}

impl ser::SerializeStruct for Parts<'_, '_> {
    type Ok = ();
    type Error = JsonTextError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        self.comma();
        self.text.word(key);
        self.text.out.push(b':');
        value.serialize(&mut *self.text)
    }

    fn end(self) -> Done {
        self.text.bytes(b"}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn text_of(value: &impl Serialize) -> Result<String, JsonTextError> {
        let mut out = Vec::new();
        write(&mut out, value).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    proptest! {
        #[test]
        fn texts_are_those_of_serde_json(text: String, short in "[ -~\\x00-\\x1f\u{80}\u{1f512}]{0,20}") {
            for text in [text, short] {
                prop_assert_eq!(text_of(&text).expect("JSON"), serde_json::to_string(&text).expect("JSON"));
            }
        }
    }

    #[test]
    fn every_byte_is_escaped_as_it_must_at_every_place() {
        for byte in 0..=127u8 {
            for before in 0..18 {
                let text = format!("{}{}{}", "x".repeat(before), char::from(byte), "y".repeat(17 - before));
                assert_eq!(
                    text_of(&text).expect("JSON"),
                    serde_json::to_string(&text).expect("JSON"),
                    "{byte} {before}"
                );
            }
        }
    }

    #[test]
    fn keys_that_are_no_texts_are_refused() {
        text_of(&BTreeMap::from([(1, 2)])).expect_err("a number as a key");
        assert_eq!(text_of(&BTreeMap::from([("a", 2)])).expect("JSON"), r#"{"a":2}"#);
    }
}
