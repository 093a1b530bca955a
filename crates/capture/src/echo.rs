//! Error messages that repeat what the request said and the record hides.
//!
//! Services name the value that they refuse: `Value 'hunter2' at 'password' failed to satisfy constraint`. What was sent
//! and is not among the written parameters is hidden, whatever rule hid it there, and so is what proves a signature.

use aws_wire::value::{StructureValue, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::Value as Json;

use crate::redact::{holds_signed_url, looks_secret};
use crate::redaction_key::{RedactionKey, hidden_text};
use crate::s3::query_parameters;
use crate::service_rules::HIDDEN_TEXT;

/// Shortest text that is looked for: shorter ones stand in any message by chance.
const ECHO_BYTES_MIN: usize = 4;

/// What a request said, where texts that a message may repeat are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// Its decoded input.
    pub(crate) input: Option<&'a StructureValue>,
    /// Its body, where the input is not known.
    pub(crate) body: Option<&'a [u8]>,
    /// Its query string.
    pub(crate) query: Option<&'a str>,
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
    /// The parameters that the record shows.
    pub(crate) written: Option<&'a Json>,
    /// With a key, what is hidden carries its hash.
    pub(crate) redaction_key: Option<&'a RedactionKey>,
}

impl Said<'_> {
    /// A message without what the record hides.
    pub(crate) fn hide_in(&self, message: &str) -> String {
        if holds_signed_url(message) {
            return hidden_text(self.redaction_key, HIDDEN_TEXT, message);
        }
        let mut hidden = Vec::new();
        self.for_each_text(&mut |text| {
            if text.len() >= ECHO_BYTES_MIN && message.contains(text) && !self.is_written(text) {
                hidden.push(text.to_owned());
            }
        });
        // A text may hold another: the longer is replaced first.
        hidden.sort_by_key(|text: &String| std::cmp::Reverse(text.len()));
        hidden.iter().fold(message.to_owned(), |message, text| {
            message.replace(text, &hidden_text(self.redaction_key, HIDDEN_TEXT, text))
        })
    }

    /// Hides in every text of an answer that is written as it came.
    pub(crate) fn hide_in_json(&self, json: &mut Json) {
        match json {
            Json::String(text) => *text = self.hide_in(text),
            Json::Array(values) => values.iter_mut().for_each(|value| self.hide_in_json(value)),
            Json::Object(object) => object.values_mut().for_each(|value| self.hide_in_json(value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn is_written(&self, text: &str) -> bool {
        self.written.is_some_and(|json| has_text(json, text))
    }

    fn for_each_text(&self, found: &mut dyn FnMut(&str)) {
        match self.input {
            Some(input) => texts_of_structure(input, found),
            None => texts_of_body(self.body.unwrap_or_default(), found),
        }
        for (name, value) in query_parameters(self.query) {
            if is_of_proof(&name) || (looks_secret(&name) && !is_of_protocol(&name)) {
                found(&value);
            }
        }
        for (name, value) in self.headers {
            let Ok(value) = value.to_str() else { continue };
            if looks_secret(name.as_str()) || name.as_str().ends_with("customer-key") {
                found(value);
                // The proof at the end of an Authorization header.
                if let Some((_, signature)) = value.rsplit_once("Signature=") {
                    found(signature);
                }
            }
        }
    }
}

fn texts_of_structure(structure: &StructureValue, found: &mut dyn FnMut(&str)) {
    structure.fields.iter().for_each(|field| texts_of_value(&field.value, found));
}

fn texts_of_value(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Blob(bytes) => {
            found(&String::from_utf8_lossy(bytes));
            found(&STANDARD.encode(bytes));
        }
        Value::List(values) => values.iter().for_each(|value| texts_of_value(value, found)),
        Value::Map(entries) => {
            for (key, value) in entries {
                found(key);
                texts_of_value(value, found);
            }
        }
        Value::Structure(structure) => texts_of_structure(structure, found),
        Value::Document(json) => texts_of_json(json, found),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Timestamp(_) => {}
    }
}

/// Whether a parameter of a query proves a signature.
fn is_of_proof(name: &str) -> bool {
    ["X-Amz-Signature", "X-Amz-Security-Token", "Signature"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a parameter is the protocol's: a denial names the action, which no record has among the parameters.
fn is_of_protocol(name: &str) -> bool {
    matches!(name, "Action" | "Version")
}

/// The texts of a body of JSON or of a form.
fn texts_of_body(body: &[u8], found: &mut dyn FnMut(&str)) {
    match serde_json::from_slice::<Json>(body) {
        Ok(json) => texts_of_json(&json, found),
        Err(_) => {
            let form = std::str::from_utf8(body).ok();
            query_parameters(form).filter(|(name, _)| !is_of_protocol(name)).for_each(|(_, value)| found(&value));
        }
    }
}

fn texts_of_json(json: &Json, found: &mut dyn FnMut(&str)) {
    match json {
        Json::String(text) => found(text),
        Json::Array(values) => values.iter().for_each(|value| texts_of_json(value, found)),
        Json::Object(object) => {
            for (key, value) in object {
                found(key);
                texts_of_json(value, found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether a text stands somewhere in JSON, as a value, a key or a part of one.
fn has_text(json: &Json, text: &str) -> bool {
    match json {
        Json::String(value) => value.contains(text),
        Json::Array(values) => values.iter().any(|value| has_text(value, text)),
        Json::Object(object) => object.iter().any(|(key, value)| key.contains(text) || has_text(value, text)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
