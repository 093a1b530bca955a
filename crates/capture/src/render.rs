//! Decoded values to the JSON of a record, by the rules that most services follow.
//!
//! A member becomes a key with its first letter in lower case; keys that callers choose stay as they are; lists are
//! arrays; times take the form of the service; what [`crate::redact`] hides is left out or replaced. EC2 and S3 have
//! renderings of their own.

use aws_wire::catalog::{Location, Member, Protocol, Service, ShapeId, ShapeKind, TimestampFormat};
use aws_wire::value::{Field, FieldKey, StructureValue, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::EventCategory;
use model::limits::PARAMETERS_BYTES_MAX;
use serde_json::{Map, Value as Json};

use crate::category::event_category;
use crate::dynamodb;
use crate::redact::{
    Remainder, Treatment, hide_in_text, holds_signed_url, is_environment, looks_secret, member_treatment,
};
use crate::redaction_key::{RedactionKey, hidden_text};
use crate::service_rules::{HIDDEN_TEXT, KeyStyle, ServiceRules};
use crate::timestamp::{TimeStyle, write_time};

/// Longest bytes that are written: in base64 they take three quarters of what all parameters may take.
const BLOB_BYTES_MAX: usize = PARAMETERS_BYTES_MAX / 16 * 9;

/// Whether parameters or an answer are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `requestParameters`
    Request,
    /// `responseElements`
    Response,
}

/// Renders the values of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renderer<'a> {
    pub(crate) service: &'a Service,
    pub(crate) rules: &'static ServiceRules,
    pub(crate) times: TimeStyle,
    pub(crate) direction: Direction,
    keys: KeyStyle,
    /// Whether bytes are written. Those of a data event are content, whatever the service.
    writes_bytes: bool,
    redaction_key: Option<&'a RedactionKey>,
    is_dynamodb: bool,
    is_iam: bool,
    /// Whether what is rendered are the variables of an environment: of a pair, the name is shown and the value is not.
    is_environment: bool,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(service: &'a Service, protocol: Protocol, direction: Direction) -> Self {
        let rules = ServiceRules::of(service);
        Self {
            service,
            rules,
            times: rules.time_style(protocol),
            direction,
            keys: rules.keys,
            writes_bytes: false,
            redaction_key: None,
            is_dynamodb: service.id == "dynamodb",
            is_iam: service.id == "iam",
            is_environment: false,
        }
    }

    /// The renderer for an operation, which may write its keys and times in its own way.
    pub(crate) fn of(self, operation: &str) -> Self {
        Self {
            keys: self.rules.keys_of(&self.service.id, operation),
            times: self.rules.times_of(&self.service.id, operation, self.times),
            writes_bytes: self.rules.writes_bytes
                && event_category(&self.service.id, operation) == EventCategory::Management,
            ..self
        }
    }

    /// The renderer that writes a hash of what it hides, if there is a key.
    pub(crate) fn hashing(self, redaction_key: Option<&'a RedactionKey>) -> Self {
        Self { redaction_key, ..self }
    }

    /// What stands in place of a hidden value.
    pub(crate) fn hidden_value(&self, words: &str, value: &Value) -> Json {
        match value {
            Value::String(text) => Json::String(hidden_text(self.redaction_key, words, text)),
            _ => Json::from(words),
        }
    }

    /// What is left of the texts of a value.
    pub(crate) fn remainder(&self, remainder: Remainder, value: &Value) -> Json {
        match value {
            Value::List(values) => values.iter().map(|value| self.remainder(remainder, value)).collect(),
            Value::String(text) => remainder.of(text).map_or_else(|| self.hidden_value(HIDDEN_TEXT, value), Json::from),
            _ => self.hidden_value(HIDDEN_TEXT, value),
        }
    }

    /// What stands in place of a value whose key the service leaves out: nothing, unless its hash is wanted.
    pub(crate) fn omitted_value(&self, value: &Value) -> Option<Json> {
        match value {
            Value::String(text) if self.redaction_key.is_some() && !text.is_empty() => {
                Some(self.hidden_value(HIDDEN_TEXT, value))
            }
            _ => None,
        }
    }

    /// The members of a structure.
    pub(crate) fn members(&self, value: &StructureValue) -> Map<String, Json> {
        self.members_where(value, |_| true)
    }

    /// The members of a structure that are `wanted`; unknown ones count as members of the body.
    pub(crate) fn members_where(
        &self,
        value: &StructureValue,
        wanted: impl Fn(Option<&Member>) -> bool,
    ) -> Map<String, Json> {
        let mut object = Map::with_capacity(value.fields.len());
        let structure = self.service.structure(value.shape);
        let members = structure.map_or(&[][..], |structure| &structure.members);
        let is_union = structure.is_some_and(|structure| structure.is_union);
        let hides_value = self.is_environment || is_secret_pair(value, members);
        // A member that an answer gives as null is absent.
        for field in value.fields.iter().filter(|field| field.value != Value::Null) {
            match &field.key {
                FieldKey::Member(index) => {
                    let Some(member) = members.get(usize::from(*index)).filter(|member| wanted(Some(member))) else {
                        continue;
                    };
                    // The status of an answer is no part of what was answered. Source: records (DeleteFunction).
                    if member.location == Location::StatusCode {
                        continue;
                    }
                    if hides_value && is_value_of_pair(member) {
                        if let Some(json) = self.secret_value(&field.value) {
                            object.insert(self.key_of(member), json);
                        }
                    } else if let Some((key, json)) = self.member(value.shape, member, &field.value) {
                        let is_variant = is_union && self.keys == KeyStyle::Snake;
                        object.insert(if is_variant { member.name.clone() } else { key }, json);
                    }
                }
                FieldKey::Unknown(name) => {
                    if wanted(None)
                        && let Some(json) = self.unknown(&field.value)
                    {
                        object.insert(self.key(name), json);
                    }
                }
            }
        }
        object
    }

    fn member(&self, structure: ShapeId, member: &Member, value: &Value) -> Option<(String, Json)> {
        if self.is_dynamodb
            && let Some(done) = dynamodb::member(self, structure, member, value)
        {
            return done;
        }
        let json = match member_treatment(self.service, self.rules, structure, member) {
            Treatment::Show if matches!(value, Value::Blob(bytes) if !self.has_room_for(bytes)) => return None,
            Treatment::Show => self.shown(member, value),
            Treatment::Omit => self.omitted_value(value)?,
            // Whatever it is made of: a list, a map or a structure that is hidden is one text. Source: records (SSM,
            // MWAA) and guide (Cloud9).
            Treatment::Text(text) => self.hidden_value(text, value),
            Treatment::Each(remainder) => self.remainder(remainder, value),
        };
        Some((self.key_of(member), json))
    }

    /// Whether bytes are written: where they are at all, those that leave room for the other parameters.
    fn has_room_for(&self, bytes: &[u8]) -> bool {
        (self.writes_bytes || !self.rules.writes_bytes) && bytes.len() <= BLOB_BYTES_MAX
    }

    fn shown(&self, member: &Member, value: &Value) -> Json {
        if self.is_iam && self.direction == Direction::Response && member.name.ends_with("Document") {
            return url_encoded(value);
        }
        match value {
            Value::Map(entries) if self.is_map_of_secrets(member) => {
                let hidden = |(name, value): &(String, Value)| (name.clone(), self.hidden_value(HIDDEN_TEXT, value));
                return entries.iter().map(hidden).collect();
            }
            Value::List(_) if is_environment(&member.name) => {
                return Self { is_environment: true, ..*self }.value(member.shape, value);
            }
            Value::Timestamp(time) => {
                let format = member.timestamp_format.or_else(|| self.format_of(member.shape));
                return write_time(*time, self.times.of(format, member.location));
            }
            _ => {}
        }
        let json = self.value(member.shape, value);
        let is_text = (self.rules.query_values_are_texts && member.location == Location::QueryString)
            || (self.rules.parameters_are_texts
                && self.direction == Direction::Request
                && !matches!(value, Value::List(_)));
        if is_text {
            return as_query_text(json);
        }
        json
    }

    /// The form that a shape of times names itself.
    fn format_of(&self, shape: ShapeId) -> Option<TimestampFormat> {
        match self.service.shape(shape).kind {
            ShapeKind::Timestamp(format) => format,
            _ => None,
        }
    }

    /// Whether a member is a map whose names are shown and whose values are not: an environment, or texts under a name
    /// that looks secret.
    fn is_map_of_secrets(&self, member: &Member) -> bool {
        let ShapeKind::Map { key, value, .. } = &self.service.shape(member.shape).kind else { return false };
        let holds_texts = matches!(self.service.shape(value.shape).kind, ShapeKind::String);
        !self.service.shape(key.shape).is_sensitive
            && (is_environment(&member.name) || (holds_texts && looks_secret(&member.name)))
    }

    /// What stands in place of a secret, in the service's way; nothing if it leaves its key out.
    fn secret_value(&self, value: &Value) -> Option<Json> {
        match self.rules.secrets.into() {
            Treatment::Text(text) => Some(self.hidden_value(text, value)),
            Treatment::Omit | Treatment::Show | Treatment::Each(_) => self.omitted_value(value),
        }
    }

    /// A value that is shown, by its shape.
    pub(crate) fn value(&self, shape: ShapeId, value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Boolean(truth) => Json::Bool(*truth),
            Value::Number(number) => match self.service.shape(shape).kind {
                // Services hold them as doubles: 50 is written 50.0.
                ShapeKind::Float => number.as_f64().map_or_else(|| Json::Number(number.clone()), Json::from),
                _ => Json::Number(number.clone()),
            },
            Value::String(text) if holds_signed_url(text) => self.hidden_value(HIDDEN_TEXT, value),
            Value::String(text) => {
                let hide = |secret: &str| hidden_text(self.redaction_key, HIDDEN_TEXT, secret);
                Json::String(hide_in_text(text, hide).unwrap_or_else(|| text.clone()))
            }
            Value::Timestamp(time) => write_time(*time, self.times.of(self.format_of(shape), Location::Body)),
            Value::Blob(bytes) => Json::String(STANDARD.encode(bytes)),
            Value::List(values) => match &self.service.shape(shape).kind {
                ShapeKind::List { member, .. } => self.elements(member.shape, values),
                _ => Json::Null,
            },
            Value::Map(entries) => match &self.service.shape(shape).kind {
                ShapeKind::Map { key, value, .. } => self.map(key, value, entries),
                _ => Json::Null,
            },
            Value::Structure(structure) => Json::Object(self.members(structure)),
            Value::Document(document) => self.document(document),
        }
    }

    fn elements(&self, shape: ShapeId, values: &[Value]) -> Json {
        let kind = self.service.shape(shape);
        if kind.is_sensitive {
            return match self.rules.secrets.into() {
                Treatment::Text(text) => values.iter().map(|value| self.hidden_value(text, value)).collect(),
                Treatment::Omit | Treatment::Show | Treatment::Each(_) => Json::Array(Vec::new()),
            };
        }
        if matches!(kind.kind, ShapeKind::Blob { .. }) {
            return Json::Array(Vec::new());
        }
        values.iter().map(|value| self.value(shape, value)).collect()
    }

    /// A map with keys of the caller's choice. Values under a key that looks secret are hidden: it is the only place
    /// where callers put secrets that the model cannot know of.
    fn map(&self, key: &Member, value: &Member, entries: &[(String, Value)]) -> Json {
        let value_shape = self.service.shape(value.shape);
        if self.service.shape(key.shape).is_sensitive {
            return match self.rules.secrets.into() {
                Treatment::Text(text) => Json::from(text),
                Treatment::Omit | Treatment::Show | Treatment::Each(_) => Json::Object(Map::new()),
            };
        }
        let is_blob = matches!(value_shape.kind, ShapeKind::Blob { .. });
        let mut object = Map::with_capacity(entries.len());
        for (name, entry) in entries {
            let json = if value_shape.is_sensitive || is_blob || looks_secret(name) {
                let Some(json) = self.secret_value(entry) else { continue };
                json
            } else {
                self.value(value.shape, entry)
            };
            object.insert(name.clone(), json);
        }
        Json::Object(object)
    }

    /// A member that the catalog does not know. Services write what they understood, so that an unknown member of an
    /// answer is no part of it. An unknown member of a request is named, for someone sent it; its value may be a secret
    /// that no model has marked yet, and only numbers and truth values are shown.
    pub(crate) fn unknown(&self, value: &Value) -> Option<Json> {
        let is_shown = self.direction == Direction::Request;
        let json = match value {
            Value::Number(number) | Value::Document(Json::Number(number)) => Json::Number(number.clone()),
            Value::Boolean(truth) | Value::Document(Json::Bool(truth)) => Json::Bool(*truth),
            Value::Null | Value::Document(Json::Null) => return None,
            Value::Document(Json::String(text)) => Json::String(hidden_text(self.redaction_key, HIDDEN_TEXT, text)),
            value => self.hidden_value(HIDDEN_TEXT, value),
        };
        is_shown.then_some(json)
    }

    /// JSON without a shape, with what looks secret hidden.
    pub(crate) fn document(&self, document: &Json) -> Json {
        let mut document = document.clone();
        hide_by_name(&mut document, self.rules.secrets.into(), self.redaction_key, false);
        document
    }

    /// The key of a member of the model.
    pub(crate) fn key_of(&self, member: &Member) -> String {
        self.key(match self.keys {
            KeyStyle::LowerFirst | KeyStyle::Snake => &member.name,
            KeyStyle::Wire | KeyStyle::WireLowerFirst => member.wire_name(),
        })
    }

    pub(crate) fn key(&self, name: &str) -> String {
        match self.keys {
            KeyStyle::LowerFirst | KeyStyle::WireLowerFirst => lower_first(name),
            KeyStyle::Wire => name.to_owned(),
            KeyStyle::Snake => in_words(name),
        }
    }
}

/// A value as it stands in a query string: a text, and one of a list that is alone as itself. Source: records (Data
/// Lifecycle Manager, GetLifecyclePolicies).
fn as_query_text(json: Json) -> Json {
    match json {
        Json::Number(number) => Json::String(number.to_string()),
        Json::Bool(truth) => Json::String(truth.to_string()),
        Json::Array(mut values) if values.len() == 1 => values.pop().map_or(Json::Null, as_query_text),
        json => json,
    }
}

/// Whether a structure is a name and its value, and the name looks like that of a secret (`DB_PASSWORD`): callers choose
/// both, so that no model knows.
fn is_secret_pair(value: &StructureValue, members: &[Member]) -> bool {
    /// Most members of a pair: name, value, and what kind of a pair it is.
    const PAIR_MEMBERS_MAX: usize = 4;
    let member = |field: &Field| match &field.key {
        FieldKey::Member(index) => members.get(usize::from(*index)),
        FieldKey::Unknown(_) => None,
    };
    (2..=PAIR_MEMBERS_MAX).contains(&value.fields.len())
        && value.fields.iter().any(|field| member(field).is_some_and(is_value_of_pair))
        && value.fields.iter().any(|field| match &field.value {
            Value::String(text) => member(field).is_some_and(is_name_of_pair) && looks_secret(text),
            _ => false,
        })
}

fn is_name_of_pair(member: &Member) -> bool {
    ["name", "key"].iter().any(|name| member.name.eq_ignore_ascii_case(name))
}

fn is_value_of_pair(member: &Member) -> bool {
    ["value", "values"].iter().any(|name| member.name.eq_ignore_ascii_case(name))
}

/// Hides in `json` every text under a name that looks secret; with `lower` also lowers the first letter of every key.
pub(crate) fn hide_by_name(json: &mut Json, treatment: Treatment, key: Option<&RedactionKey>, lower: bool) {
    match json {
        Json::Array(values) => values.iter_mut().for_each(|value| hide_by_name(value, treatment, key, lower)),
        Json::Object(object) => {
            let entries = std::mem::take(object);
            for (name, mut value) in entries {
                let is_text =
                    value.is_string() || value.as_array().is_some_and(|array| array.iter().any(Json::is_string));
                if is_text && looks_secret(&name) {
                    let secret = value.as_str().unwrap_or_default();
                    value = match treatment {
                        Treatment::Text(text) => Json::String(hidden_text(key, text, secret)),
                        Treatment::Omit | Treatment::Show | Treatment::Each(_)
                            if key.is_some() && !secret.is_empty() =>
                        {
                            Json::String(hidden_text(key, HIDDEN_TEXT, secret))
                        }
                        Treatment::Omit | Treatment::Show | Treatment::Each(_) => continue,
                    };
                } else {
                    hide_by_name(&mut value, treatment, key, lower);
                }
                object.insert(if lower { lower_first(&name) } else { name }, value);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A policy document of an IAM answer, percent-encoded as IAM sends it. A server that sends it plain is corrected.
fn url_encoded(value: &Value) -> Json {
    let Value::String(text) = value else { return Json::Null };
    if !text.contains(['{', '"', ' ']) {
        return Json::String(text.clone());
    }
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    Json::String(encoded)
}

/// The name in words with underscores: `PINBlock` becomes `pin_block`.
fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let mut letters = name.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(letter) = letters.next() {
        // A word begins with a capital after a small letter, and with the last capital of several.
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                !before.is_ascii_uppercase() || letters.peek().is_some_and(char::is_ascii_lowercase)
            });
        if begins {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
        before = Some(letter);
    }
    words
}

/// The name with its first letter in lower case, and nothing else changed: `DBInstance` becomes `dBInstance`.
pub(crate) fn lower_first(name: &str) -> String {
    let mut lowered = name.to_owned();
    if let Some(first) = lowered.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_words() {
        for (name, words) in [
            ("KeyIdentifier", "key_identifier"),
            ("keyIdentifier", "key_identifier"),
            ("PINBlock", "pin_block"),
            ("EMV2000", "emv2000"),
            ("Data", "data"),
        ] {
            assert_eq!(in_words(name), words, "{name}");
        }
    }
}
