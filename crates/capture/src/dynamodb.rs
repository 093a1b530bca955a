//! Item calls of DynamoDB: keys are written as plain values, items as the names of their attributes, and the values
//! of expressions not at all. Source: DynamoDB developer guide, logging with CloudTrail.

use aws_wire::catalog::{Member, ShapeId};
use aws_wire::value::{FieldKey, StructureValue, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use crate::render::{Renderer, lower_first};

/// What the guide writes in place of a literal of PartiQL.
const REDACTED: &str = "***(Redacted)";

/// The key and value of a member of an item call; the inner `None` leaves it out, the outer one says that the member
/// follows the general rules.
pub(crate) fn member(
    renderer: &Renderer<'_>,
    structure: ShapeId,
    member: &Member,
    value: &Value,
) -> Option<Option<(String, Json)>> {
    let key = || lower_first(&member.name);
    match (member.name.as_str(), value) {
        ("Key" | "ExclusiveStartKey", Value::Map(attributes)) => {
            Some(Some((key(), Json::Object(plain_map(renderer, attributes)))))
        }
        ("Keys", Value::List(keys)) => {
            let plain = keys.iter().filter_map(|key| match key {
                Value::Map(attributes) => Some(Json::Object(plain_map(renderer, attributes))),
                _ => None,
            });
            Some(Some((key(), plain.collect())))
        }
        // A single write has `item`, one of many has `items`.
        ("Item", Value::Map(attributes)) => {
            let is_single = renderer.service.shape(structure).name == "PutItemInput";
            Some(Some((if is_single { "item" } else { "items" }.to_owned(), names(attributes))))
        }
        ("AttributeUpdates" | "Expected" | "KeyConditions" | "QueryFilter" | "ScanFilter", Value::Map(attributes)) => {
            Some(Some((key(), names(attributes))))
        }
        ("ExpressionAttributeValues", _) | ("Parameters", Value::List(_)) => Some(None),
        ("Statement", Value::String(statement)) => Some(Some((key(), Json::String(redact_literals(statement))))),
        ("TransactItems", Value::List(items)) => {
            Some(Some((REQUEST_ITEMS.to_owned(), items.iter().filter_map(|item| operation(renderer, item)).collect())))
        }
        ("Statements" | "TransactStatements", value @ Value::List(_)) => {
            Some(Some((REQUEST_ITEMS.to_owned(), renderer.value(member.shape, value))))
        }
        _ => None,
    }
}

/// The key of the parts of a transaction or batch of statements.
const REQUEST_ITEMS: &str = "requestItems";

/// A part of a transaction: which operation it is, beside its members.
fn operation(renderer: &Renderer<'_>, item: &Value) -> Option<Json> {
    let Value::Structure(item) = item else { return None };
    let field = item.fields.first()?;
    let FieldKey::Member(index) = &field.key else { return None };
    let member = renderer.service.structure(item.shape)?.members.get(usize::from(*index))?;
    let Value::Structure(part) = &field.value else { return None };
    let mut object = Map::new();
    object.insert("operation".to_owned(), Json::from(member.name.as_str()));
    object.extend(renderer.members(part));
    Some(Json::Object(object))
}

fn names(attributes: &[(String, Value)]) -> Json {
    attributes.iter().map(|(name, _)| Json::String(name.clone())).collect()
}

fn plain_map(renderer: &Renderer<'_>, attributes: &[(String, Value)]) -> Map<String, Json> {
    attributes.iter().map(|(name, value)| (name.clone(), plain(renderer, value))).collect()
}

/// An attribute value without its type descriptor: `{"S":"x"}` becomes `"x"`.
fn plain(renderer: &Renderer<'_>, value: &Value) -> Json {
    let Value::Structure(StructureValue { shape, fields }) = value else { return Json::Null };
    let Some(field) = fields.first() else { return Json::Null };
    let FieldKey::Member(index) = &field.key else { return Json::Null };
    let members = renderer.service.structure(*shape).map_or(&[][..], |structure| &structure.members);
    let descriptor = members.get(usize::from(*index)).map_or("", |member| member.name.as_str());
    match (descriptor, &field.value) {
        ("NULL", _) => Json::Null,
        (_, Value::String(text)) => Json::String(text.clone()),
        (_, Value::Boolean(truth)) => Json::Bool(*truth),
        (_, Value::Number(number)) => Json::Number(number.clone()),
        (_, Value::Blob(bytes)) => Json::String(STANDARD.encode(bytes)),
        (_, Value::Map(entries)) => Json::Object(plain_map(renderer, entries)),
        (_, Value::List(values)) => values
            .iter()
            .map(|value| match value {
                Value::String(text) => Json::String(text.clone()),
                Value::Blob(bytes) => Json::String(STANDARD.encode(bytes)),
                value => plain(renderer, value),
            })
            .collect(),
        _ => Json::Null,
    }
}

/// PartiQL with its literals redacted. Quoted names (`"Table"`, `'Attribute':`) stay, quoted texts (`'value'`) and numbers go.
fn redact_literals(statement: &str) -> String {
    let mut redacted = String::with_capacity(statement.len());
    let mut rest = statement;
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                let length = text_length(rest);
                // A text before a colon is the name of an attribute. Source: DynamoDB guide, log entries of INSERT.
                let is_name = rest[length..].trim_start().starts_with(':');
                redacted.push_str(if is_name { &rest[..length] } else { REDACTED });
                length
            }
            '"' => {
                let length = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                redacted.push_str(&rest[..length]);
                length
            }
            '0'..='9' if !in_word => {
                redacted.push_str(REDACTED);
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".+-".contains(c))).unwrap_or(rest.len())
            }
            other => {
                redacted.push(other);
                other.len_utf8()
            }
        };
        in_word = first.is_alphanumeric() || "_#:$".contains(first);
        rest = &rest[length..];
    }
    redacted
}

/// Length in bytes of the quoted text at the start; a doubled quote is part of it.
fn text_length(text: &str) -> usize {
    let mut from = 1;
    while let Some(end) = text[from..].find('\'') {
        let after = from + end + 1;
        if !text[after..].starts_with('\'') {
            return after;
        }
        from = after + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_go_and_names_stay() {
        for (statement, expected) in [
            (
                r#"SELECT * FROM "Music" WHERE "Artist" = 'No One' AND Year > 1990"#,
                r#"SELECT * FROM "Music" WHERE "Artist" = ***(Redacted) AND Year > ***(Redacted)"#,
            ),
            (
                "INSERT INTO T1 VALUE {'a': 'it''s', 'n': -1.5e3}",
                "INSERT INTO T1 VALUE {'a': ***(Redacted), 'n': -***(Redacted)}",
            ),
            ("SELECT 'open", "SELECT ***(Redacted)"),
            ("DELETE FROM t2 WHERE k=?", "DELETE FROM t2 WHERE k=?"),
        ] {
            assert_eq!(redact_literals(statement), expected);
        }
    }
}
