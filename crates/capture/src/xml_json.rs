//! XML to JSON the way S3 writes the bodies of configuration calls.
//!
//! An element becomes a key, an attribute a plain key, a repeated element an array, a single one a bare value, an
//! empty one the empty text; the type of a text is guessed. Source: records.

use aws_wire::protocol::xml_tree::XmlElement;
use serde_json::{Map, Value as Json};

use crate::loose_value::guess;
use crate::redact::looks_secret;

/// Deepest nesting that is followed; bodies of real calls stay under ten.
const DEPTH_MAX: usize = 64;

/// The JSON of an element, without its name.
pub(crate) fn element_json(element: &XmlElement) -> Json {
    json_at(element, 0)
}

fn json_at(element: &XmlElement, depth: usize) -> Json {
    let text = element.text.trim();
    if element.children.is_empty() && element.attributes.is_empty() {
        return guess(text);
    }
    let mut object = Map::new();
    for (name, value) in &element.attributes {
        object.insert(name.clone(), Json::String(value.clone()));
    }
    if element.children.is_empty() && !text.is_empty() {
        object.insert("content".to_owned(), guess(text));
    }
    if depth < DEPTH_MAX {
        for child in &element.children {
            let json = json_at(child, depth + 1);
            if (json.is_string() || json.is_number()) && looks_secret(&child.name) {
                continue;
            }
            insert_repeated(&mut object, &child.name, json);
        }
    }
    Json::Object(object)
}

/// A second value under a name makes an array of both.
fn insert_repeated(object: &mut Map<String, Json>, name: &str, json: Json) {
    match object.get_mut(name) {
        None => {
            object.insert(name.to_owned(), json);
        }
        Some(Json::Array(values)) => values.push(json),
        Some(first) => {
            let first_value = first.take();
            *first = Json::Array(vec![first_value, json]);
        }
    }
}
