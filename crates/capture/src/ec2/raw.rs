//! Raw EC2 calls: the XML of request and answer as generic JSON, under the name of the request.
//!
//! Elements of a list carry their index as `tag`, counted from 1; a list of one is not a list; the type of a text is
//! guessed. Source: records.

use std::borrow::Cow;

use aws_wire::catalog::{Member, Service, ShapeId, ShapeKind};
use aws_wire::value::{FieldKey, StructureValue, Value};
use serde_json::{Map, Value as Json, json};

use crate::loose_value::guess;
use crate::redact::{Treatment, holds_signed_url, member_treatment};
use crate::render::Renderer;
use crate::timestamp::{TimeStyle, write_time};

const REMOVED: &str = "<sensitiveDataRemoved>";

/// Names of requests that are not `{operation}Request`. Source: records.
const REQUEST_NAMES: &[(&str, &str)] = &[("DeleteTransitGatewayVpcAttachment", "DelTGwVpcAttachReq")];

/// The parameters of a raw call.
pub(super) fn request(renderer: &Renderer<'_>, operation: &str, input: &StructureValue) -> Json {
    let name = REQUEST_NAMES
        .iter()
        .find(|(name, _)| *name == operation)
        .map_or_else(|| format!("{operation}Request"), |(_, request)| (*request).to_owned());
    let writer = Writer { renderer, is_request: true };
    json!({ name: writer.structure_or_text(input) })
}

/// The answer of a raw call.
pub(super) fn response(
    renderer: &Renderer<'_>,
    service: &Service,
    operation: &str,
    output: Option<&StructureValue>,
    request_id: &str,
) -> Json {
    let mut object = Map::new();
    object.insert("xmlns".to_owned(), Json::String(format!("http://ec2.amazonaws.com/doc/{}/", service.api_version)));
    object.insert("requestId".to_owned(), Json::String(request_id.to_owned()));
    match output {
        Some(output) if !output.fields.is_empty() => {
            object.extend(Writer { renderer, is_request: false }.structure(output));
        }
        _ => {
            object.insert("return".to_owned(), Json::Bool(true));
        }
    }
    json!({ format!("{operation}Response"): object })
}

struct Writer<'a> {
    renderer: &'a Renderer<'a>,
    is_request: bool,
}

impl Writer<'_> {
    fn structure_or_text(&self, value: &StructureValue) -> Json {
        let object = self.structure(value);
        if object.is_empty() { Json::String(String::new()) } else { Json::Object(object) }
    }

    fn structure(&self, value: &StructureValue) -> Map<String, Json> {
        let mut object = Map::with_capacity(value.fields.len());
        let members = self.renderer.service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
        for field in &value.fields {
            match &field.key {
                FieldKey::Member(index) => {
                    if let Some(member) = members.get(usize::from(*index)) {
                        self.member(&mut object, value.shape, member, &field.value);
                    }
                }
                FieldKey::Unknown(name) => {
                    if let Some(json) = self.renderer.unknown(&field.value) {
                        object.insert(name.clone(), json);
                    }
                }
            }
        }
        object
    }

    fn member(&self, object: &mut Map<String, Json>, structure: ShapeId, member: &Member, value: &Value) {
        let json = match member_treatment(self.renderer.service, self.renderer.rules, structure, member) {
            Treatment::Omit => match self.renderer.omitted_value(value) {
                Some(json) => json,
                None => return,
            },
            Treatment::Text(text) => self.renderer.hidden_value(text, value),
            Treatment::Each(remainder) => self.renderer.remainder(remainder, value),
            Treatment::Show => self.value(member.shape, value),
        };
        object.insert(self.name(member).into_owned(), json);
    }

    /// The name in the XML: of a request the name of the query protocol, of an answer that of its element.
    fn name<'m>(&self, member: &'m Member) -> Cow<'m, str> {
        if !self.is_request {
            return Cow::Borrowed(member.wire_name());
        }
        if let Some(name) = &member.query_name {
            return Cow::Borrowed(name);
        }
        let name = member.wire_name();
        if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let mut name = name.to_owned();
            name[..1].make_ascii_uppercase();
            return Cow::Owned(name);
        }
        Cow::Borrowed(name)
    }

    fn value(&self, shape: ShapeId, value: &Value) -> Json {
        match value {
            Value::Structure(structure) => self.structure_or_text(structure),
            Value::List(values) => self.list(shape, values),
            Value::String(text) if holds_signed_url(text) => Json::from(REMOVED),
            Value::String(text) => guess(text),
            Value::Timestamp(time) => write_time(*time, TimeStyle::IsoMilliseconds),
            value => self.renderer.value(shape, value),
        }
    }

    fn list(&self, shape: ShapeId, values: &[Value]) -> Json {
        let ShapeKind::List { member: element, .. } = &self.renderer.service.shape(shape).kind else {
            return Json::String(String::new());
        };
        let is_sensitive = self.renderer.service.shape(element.shape).is_sensitive;
        let mut elements: Vec<Json> = values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let json = if is_sensitive { Json::from(REMOVED) } else { self.value(element.shape, value) };
                if self.is_request { tagged(json, index + 1) } else { json }
            })
            .collect();
        let all = if elements.len() == 1 { elements.remove(0) } else { Json::Array(elements) };
        match all {
            Json::Array(none) if none.is_empty() => Json::String(String::new()),
            all if self.is_request => all,
            all => json!({ element.wire_name(): all }),
        }
    }
}

/// An element of a list of a request with its index.
fn tagged(json: Json, index: usize) -> Json {
    match json {
        Json::Object(mut object) => {
            object.insert("tag".to_owned(), Json::from(index));
            Json::Object(object)
        }
        content => json!({ "tag": index, "content": content }),
    }
}
