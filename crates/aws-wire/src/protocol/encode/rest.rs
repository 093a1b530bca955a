//! REST requests and answers: members in path, query, headers, status and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::form::RESERVED;
use super::text::{text, time_format};
use super::xml::Direction;
use super::{EncodeError, EncodedRequest, EncodedResponse, json, set, xml};
use crate::catalog::{Location, Member, Operation, Protocol, Service, ShapeKind, Structure, TimestampFormat};
use crate::protocol::binding::Binding;
use crate::value::{FieldKey, StructureValue, Value};

/// What is percent-encoded in a label that may hold slashes.
const RESERVED_BUT_SLASH: &AsciiSet = &RESERVED.remove(b'/');

/// The members of a value that are known, with their values.
fn known<'a>(
    structure: Option<&'a Structure>,
    value: &'a StructureValue,
) -> impl Iterator<Item = (&'a Member, &'a Value)> {
    let members = structure.map_or(&[][..], |structure| &structure.members);
    value.fields.iter().filter(|field| field.value != Value::Null).filter_map(move |field| match field.key {
        FieldKey::Member(index) => Some((members.get(usize::from(index))?, &field.value)),
        FieldKey::Unknown(_) => None,
    })
}

pub(super) fn request(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    value: &StructureValue,
    out: &mut EncodedRequest,
) -> Result<(), EncodeError> {
    out.method = Method::from_bytes(operation.http_method.as_bytes()).unwrap_or(Method::POST);
    let structure = operation.input.and_then(|input| service.structure(input));
    let (path, fixed) = operation.http_uri.split_once('?').unwrap_or((&operation.http_uri, ""));
    let mut query: Vec<String> = fixed.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    for (member, value) in known(structure, value) {
        match member.location {
            Location::QueryString => query_pairs(service, member, value, &mut query),
            Location::Header => header(service, member, value, &mut out.headers)?,
            Location::Headers => prefixed_headers(member, value, &mut out.headers)?,
            Location::Uri | Location::Body | Location::StatusCode => {}
        }
    }
    out.path = path_of(service, path, structure, value)?;
    out.query = (!query.is_empty()).then(|| query.join("&"));
    if let Some(structure) = structure {
        let root = match operation.input_root.as_deref() {
            Some(root) => (root, service.xml_namespace.as_deref()),
            None => (operation.name.as_str(), service.xml_namespace.as_deref()),
        };
        let body = Body { service, structure, protocol, root, direction: Direction::Request };
        out.body = body.write(value, &mut out.headers);
    }
    Ok(())
}

pub(super) fn response(
    service: &Service,
    protocol: Protocol,
    value: &StructureValue,
    out: &mut EncodedResponse,
) -> Result<(), EncodeError> {
    let Some(structure) = service.structure(value.shape) else { return Ok(()) };
    for (member, value) in known(Some(structure), value) {
        match (member.location, value) {
            (Location::Header, _) => header(service, member, value, &mut out.headers)?,
            (Location::Headers, _) => prefixed_headers(member, value, &mut out.headers)?,
            (Location::StatusCode, Value::Number(number)) => {
                out.status = number.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(out.status);
            }
            _ => {}
        }
    }
    let root = structure.location_name.as_deref().unwrap_or(&service.shape(value.shape).name);
    let root = (root, service.xml_namespace.as_deref());
    let body = Body { service, structure, protocol, root, direction: Direction::Response };
    out.body = body.write(value, &mut out.headers);
    Ok(())
}

/// The path of a template with its labels filled in.
fn path_of(
    service: &Service,
    template: &str,
    structure: Option<&Structure>,
    value: &StructureValue,
) -> Result<String, EncodeError> {
    let mut path = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (label, after) = after.split_once('}').unwrap_or((after, ""));
        let (name, reserved) = label.strip_suffix('+').map_or((label, RESERVED), |greedy| (greedy, RESERVED_BUT_SLASH));
        let found = known(structure, value)
            .find(|(member, _)| member.location == Location::Uri && member.wire_name() == name)
            .map(|(member, value)| text(value, time_format(service, member, TimestampFormat::Iso8601)));
        let label =
            found.filter(|text| !text.is_empty()).ok_or_else(|| EncodeError::new(name, "it is part of the path"))?;
        path.push_str(before);
        path.extend(utf8_percent_encode(&label, reserved));
        rest = after;
    }
    path.push_str(rest);
    Ok(path)
}

fn query_pairs(service: &Service, member: &Member, value: &Value, query: &mut Vec<String>) {
    let pair = |name: &str, member: &Member, value: &Value| {
        let text = text(value, time_format(service, member, TimestampFormat::Iso8601));
        format!("{}={}", utf8_percent_encode(name, RESERVED), utf8_percent_encode(&text, RESERVED))
    };
    match (value, &service.shape(member.shape).kind) {
        (Value::List(items), ShapeKind::List { member: item, .. }) => {
            query.extend(items.iter().map(|value| pair(member.wire_name(), item, value)));
        }
        (Value::Map(entries), ShapeKind::Map { value: item, .. }) => {
            for (name, value) in entries {
                match value {
                    Value::List(values) => query.extend(values.iter().map(|value| pair(name, item, value))),
                    value => query.push(pair(name, item, value)),
                }
            }
        }
        _ => query.push(pair(member.wire_name(), member, value)),
    }
}

fn header(service: &Service, member: &Member, value: &Value, headers: &mut HeaderMap) -> Result<(), EncodeError> {
    let format = |member| time_format(service, member, TimestampFormat::Rfc822);
    let text = match (value, &service.shape(member.shape).kind) {
        (value, _) if member.is_json_text => STANDARD.encode(match value {
            Value::Document(json) => json.to_string(),
            value => text(value, TimestampFormat::Rfc822).into_owned(),
        }),
        (Value::List(items), _) if items.is_empty() => return Ok(()),
        (Value::List(items), ShapeKind::List { member: item, .. }) => {
            let is_time = matches!(service.shape(item.shape).kind, ShapeKind::Timestamp(_));
            let texts = items.iter().map(|value| text(value, format(item)));
            let texts: Vec<String> =
                texts.map(|text| if is_time { text.into_owned() } else { quoted(&text) }).collect();
            texts.join(", ")
        }
        (value, _) => text(value, format(member)).into_owned(),
    };
    let value = HeaderValue::from_bytes(text.as_bytes());
    let value = value.map_err(|_| EncodeError::new(&member.name, "a header cannot hold it"))?;
    headers.insert(header_name(member, member.wire_name())?, value);
    Ok(())
}

fn header_name(member: &Member, name: &str) -> Result<HeaderName, EncodeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| EncodeError::new(&member.name, "its name cannot be a header's"))
}

/// An item of a list in a header, in quotes where it needs them.
fn quoted(item: &str) -> String {
    let is_plain = !item.is_empty() && !item.contains([',', '"']) && item.trim_ascii() == item;
    if is_plain {
        return item.to_owned();
    }
    format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
}

fn prefixed_headers(member: &Member, value: &Value, headers: &mut HeaderMap) -> Result<(), EncodeError> {
    let Value::Map(entries) = value else { return Ok(()) };
    let prefix = member.location_name.as_deref().unwrap_or("");
    for (name, value) in entries {
        let value = HeaderValue::from_bytes(text(value, TimestampFormat::Rfc822).as_bytes());
        let value = value.map_err(|_| EncodeError::new(&member.name, "a header cannot hold it"))?;
        headers.insert(header_name(member, &format!("{prefix}{name}"))?, value);
    }
    Ok(())
}

/// How the body of a request or an answer is written.
struct Body<'a> {
    service: &'a Service,
    structure: &'a Structure,
    protocol: Protocol,
    root: (&'a str, Option<&'a str>),
    direction: Direction,
}

impl Body<'_> {
    fn write(&self, value: &StructureValue, headers: &mut HeaderMap) -> Vec<u8> {
        let (body, content_type) = match self.structure.payload {
            Some(index) => self.payload(index, value),
            None => self.members(value),
        };
        if let Some(content_type) = content_type
            && !headers.contains_key(CONTENT_TYPE)
        {
            set(headers, CONTENT_TYPE, content_type);
        }
        body
    }

    fn content_type(&self) -> &'static str {
        if self.protocol == Protocol::RestXml { "application/xml" } else { "application/json" }
    }

    fn payload(&self, index: u16, value: &StructureValue) -> (Vec<u8>, Option<&'static str>) {
        let member = self.structure.members.get(usize::from(index));
        let Some((member, value)) = member.zip(value.member(index)) else { return (Vec::new(), None) };
        match (value, &self.service.shape(member.shape).kind) {
            (Value::Null, _) => (Vec::new(), None),
            (Value::Blob(bytes), ShapeKind::Blob { .. }) => (bytes.clone(), Some("application/octet-stream")),
            (Value::String(text), ShapeKind::String | ShapeKind::Blob { .. }) => {
                (text.clone().into_bytes(), Some("text/plain"))
            }
            (Value::Structure(inner), _) if self.protocol == Protocol::RestXml => {
                let of_shape =
                    self.service.structure(inner.shape).and_then(|structure| structure.location_name.as_deref());
                let shape_name = &self.service.shape(inner.shape).name;
                let root = member.location_name.as_deref().or(of_shape).unwrap_or(shape_name);
                let namespace = member.xml_namespace.as_deref().or(self.service.xml_namespace.as_deref());
                let body = xml::body(self.service, self.direction, (root, namespace), inner, &|_| true);
                (body.into_bytes(), Some(self.content_type()))
            }
            _ if self.protocol == Protocol::RestXml => {
                let body = xml::payload(self.service, self.direction, member, value);
                (body.into_bytes(), Some(self.content_type()))
            }
            _ => (json::member(self.service, member, value), Some(self.content_type())),
        }
    }

    /// All members that travel in the body. A request that could have some has an empty object without any, as SDKs
    /// write it; XML has no body then.
    fn members(&self, value: &StructureValue) -> (Vec<u8>, Option<&'static str>) {
        let binding = match self.direction {
            Direction::Request => Binding::RestRequest,
            Direction::Response => Binding::RestResponse,
        };
        let is_wanted = |member: &Member| binding.is_in_body(member);
        let is_any_possible = self.structure.members.iter().any(is_wanted);
        let is_any_there = known(Some(self.structure), value).any(|(member, _)| is_wanted(member))
            || value.fields.iter().any(|field| matches!(field.key, FieldKey::Unknown(_)));
        match self.protocol {
            Protocol::RestXml if is_any_there => {
                let body = xml::body(self.service, self.direction, self.root, value, &is_wanted);
                (body.into_bytes(), Some(self.content_type()))
            }
            Protocol::RestJson if is_any_possible || is_any_there => {
                (json::structure_where(self.service, value, &is_wanted), Some(self.content_type()))
            }
            _ => (Vec::new(), None),
        }
    }
}
