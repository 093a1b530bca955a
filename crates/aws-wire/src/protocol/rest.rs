//! REST requests and responses: members in path, query, headers, status and body.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::binding::Binding;
use super::xml_tree::parse_xml;
use super::{DEPTH_MAX, DecodeError, json, query, scalar, xml};
use crate::RequestHead;
use crate::catalog::{Location, Member, Operation, Protocol, Service, ShapeId, ShapeKind, Structure, TimestampFormat};
use crate::value::{Field, FieldKey, StructureValue, Value};

/// Decodes a request.
///
/// # Errors
/// The body is not of the protocol.
pub(super) fn decode_request(
    service: &Service,
    operation: &Operation,
    input: ShapeId,
    protocol: Protocol,
    head: &RequestHead<'_>,
    body: &[u8],
) -> Result<StructureValue, DecodeError> {
    let Some(structure) = service.structure(input) else {
        return Err(DecodeError::new("REST", "the input is no structure"));
    };
    let mut fields = Vec::new();
    let labels = labels(&operation.http_uri, head.path);
    // What the template itself says in its query (`?mode=import`) is no parameter.
    let fixed = operation.http_uri.split_once('?').map_or("", |(_, query)| query);
    let fixed: Vec<_> = query::pairs(fixed.as_bytes()).collect();
    let query: Vec<_> =
        query::pairs(head.query.unwrap_or("").as_bytes()).filter(|pair| !fixed.contains(pair)).collect();
    for (index, member) in structure.members.iter().enumerate() {
        let Ok(index) = u16::try_from(index) else { break };
        let value = match member.location {
            Location::Uri => labels
                .iter()
                .find(|(name, _)| *name == member.wire_name())
                .map(|(_, text)| scalar::from_text(service, member.shape, text, iso_or(member))),
            Location::QueryString => query_value(service, structure, member, &query),
            Location::Header => header_value(service, member, head.headers),
            Location::Headers => prefixed_headers(member, head.headers),
            Location::Body | Location::StatusCode => None,
        };
        fields.extend(value.map(|value| Field { key: FieldKey::Member(index), value }));
    }
    fields.extend(body_fields(service, input, structure, (protocol, Binding::RestRequest), body)?);
    Ok(StructureValue { shape: input, fields })
}

/// Decodes a response.
///
/// # Errors
/// The body is not of the protocol.
pub(super) fn decode_response(
    service: &Service,
    output: ShapeId,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<StructureValue, DecodeError> {
    let Some(structure) = service.structure(output) else {
        return Err(DecodeError::new("REST", "the output is no structure"));
    };
    let mut fields = Vec::new();
    for (index, member) in structure.members.iter().enumerate() {
        let Ok(index) = u16::try_from(index) else { break };
        let value = match member.location {
            Location::Header => header_value(service, member, headers),
            Location::Headers => prefixed_headers(member, headers),
            Location::StatusCode => Some(Value::Number(status.into())),
            Location::Body | Location::Uri | Location::QueryString => None,
        };
        fields.extend(value.map(|value| Field { key: FieldKey::Member(index), value }));
    }
    fields.extend(body_fields(service, output, structure, (protocol, Binding::RestResponse), body)?);
    Ok(StructureValue { shape: output, fields })
}

/// The labels of a URI template with their decoded texts, as a path gives them.
fn labels<'a>(template: &'a str, path: &str) -> Vec<(&'a str, String)> {
    raw_labels(template, path).into_iter().map(|(name, text)| (name, decoded(&text))).collect()
}

/// The labels of a URI template with their texts as they stand in a path, percent-encoded.
pub fn raw_labels<'a, 'p>(template: &'a str, path: &'p str) -> Vec<(&'a str, Cow<'p, str>)> {
    let template = template.split('?').next().unwrap_or("");
    let parts: Vec<&'a str> = template.split('/').skip(1).collect();
    let segments: Vec<&'p str> = path.split('/').skip(1).collect();
    let mut found = Vec::new();
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        let Some((open, close)) = part.find('{').zip(part.rfind('}')) else {
            at += 1;
            continue;
        };
        let name = &part[open + 1..close];
        let Some(greedy) = name.strip_suffix('+') else {
            let (before, after) = (&part[..open], &part[close + 1..]);
            if let Some(segment) = segments.get(at) {
                let inner = segment.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or(segment);
                found.push((name, Cow::Borrowed(inner)));
            }
            at += 1;
            continue;
        };
        let following = parts.len() - index - 1;
        let end = segments.len().saturating_sub(following).max(at);
        if let Some(taken) = segments.get(at..end).filter(|taken| !taken.is_empty()) {
            found.push((greedy, Cow::Owned(taken.join("/"))));
        }
        at = end;
    }
    found
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn query_value(
    service: &Service,
    structure: &Structure,
    member: &Member,
    query: &[(Cow<'_, str>, Cow<'_, str>)],
) -> Option<Value> {
    let name = member.wire_name();
    let mut texts = query.iter().filter(|(found, _)| found == name).map(|(_, text)| text);
    match &service.shape(member.shape).kind {
        ShapeKind::List { member: item, .. } => {
            let items: Vec<_> = texts.map(|text| scalar::from_text(service, item.shape, text, iso_or(item))).collect();
            (!items.is_empty()).then_some(Value::List(items))
        }
        // A map takes every parameter that no other member has.
        ShapeKind::Map { value: item, .. } => {
            let is_taken = |name: &str| {
                structure.members.iter().any(|other| {
                    other.location == Location::QueryString
                        && other.wire_name() == name
                        && !matches!(service.shape(other.shape).kind, ShapeKind::Map { .. })
                })
            };
            let mut entries: Vec<(String, Value)> = Vec::new();
            for (name, text) in query.iter().filter(|(name, _)| !is_taken(name) && !name.starts_with("X-Amz-")) {
                let is_list = matches!(service.shape(item.shape).kind, ShapeKind::List { .. });
                let value = Value::String(text.to_string());
                match entries.iter_mut().find(|(known, _)| known == name) {
                    Some((_, Value::List(items))) => items.push(value),
                    Some(_) => {}
                    None if is_list => entries.push((name.to_string(), Value::List(vec![value]))),
                    None => entries.push((name.to_string(), value)),
                }
            }
            (!entries.is_empty()).then_some(Value::Map(entries))
        }
        _ => texts.next().map(|text| scalar::from_text(service, member.shape, text, iso_or(member))),
    }
}

/// In path and query, times are written in ISO 8601 unless the member says otherwise.
fn iso_or(member: &Member) -> Option<TimestampFormat> {
    member.timestamp_format.or(Some(TimestampFormat::Iso8601))
}

fn header_value(service: &Service, member: &Member, headers: &HeaderMap) -> Option<Value> {
    let text = headers.get(member.wire_name()).map(|value| String::from_utf8_lossy(value.as_bytes()))?;
    if member.is_json_text {
        let json = STANDARD.decode(&*text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        return Some(Value::Document(json.unwrap_or_else(|| Json::String(text.into_owned()))));
    }
    if let ShapeKind::List { member: item, .. } = &service.shape(member.shape).kind {
        let kind = &service.shape(item.shape).kind;
        let format = item.timestamp_format.or(header_time(kind));
        let has_commas = matches!(kind, ShapeKind::Timestamp(_)) && format == Some(TimestampFormat::Rfc822);
        let items = list_items(&text, has_commas).into_iter();
        return Some(Value::List(items.map(|text| scalar::from_text(service, item.shape, &text, format)).collect()));
    }
    let format = member.timestamp_format.or(header_time(&service.shape(member.shape).kind));
    Some(scalar::from_text(service, member.shape, &text, format))
}

/// In headers, times are written as in RFC 822 unless the shape says otherwise.
fn header_time(kind: &ShapeKind) -> Option<TimestampFormat> {
    match kind {
        ShapeKind::Timestamp(Some(format)) => Some(*format),
        _ => Some(TimestampFormat::Rfc822),
    }
}

/// The items of a list in one header: separated by commas, in quotes where they hold commas or quotes themselves.
/// Times of RFC 822 have one comma each and are not quoted. Empty text has no items.
fn list_items(text: &str, has_commas: bool) -> Vec<String> {
    let (mut items, mut item) = (Vec::new(), String::new());
    let (mut is_quoted, mut is_escaped, mut was_quoted, mut inner_commas) = (false, false, false, 0);
    let finished = |item: &mut String, was_quoted: bool| {
        let item = std::mem::take(item);
        if was_quoted { item } else { item.trim_ascii().to_owned() }
    };
    for character in text.chars() {
        match character {
            _ if is_escaped => {
                item.push(character);
                is_escaped = false;
            }
            '\\' if is_quoted => is_escaped = true,
            '"' if is_quoted => is_quoted = false,
            '"' if item.is_empty() => (is_quoted, was_quoted) = (true, true),
            ',' if !is_quoted && has_commas && inner_commas == 0 => {
                item.push(character);
                inner_commas = 1;
            }
            ',' if !is_quoted => {
                items.push(finished(&mut item, was_quoted));
                (was_quoted, inner_commas) = (false, 0);
            }
            // Blanks around quotes are no part of the item.
            ' ' | '\t' if !is_quoted && (item.is_empty() || was_quoted) => {}
            _ => item.push(character),
        }
    }
    if !items.is_empty() || was_quoted || !text.trim_ascii().is_empty() {
        items.push(finished(&mut item, was_quoted));
    }
    items
}

fn prefixed_headers(member: &Member, headers: &HeaderMap) -> Option<Value> {
    let prefix = member.location_name.as_deref().unwrap_or("").to_ascii_lowercase();
    let entries: Vec<(String, Value)> = headers
        .iter()
        .filter_map(|(name, value)| {
            let key = name.as_str().strip_prefix(&prefix)?;
            Some((key.to_owned(), Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned())))
        })
        .collect();
    (!entries.is_empty()).then_some(Value::Map(entries))
}

/// The members that travel in the body: one that is all of it, or all that have no other place.
fn body_fields(
    service: &Service,
    shape: ShapeId,
    structure: &Structure,
    (protocol, binding): (Protocol, Binding),
    body: &[u8],
) -> Result<Vec<Field>, DecodeError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let Some(index) = structure.payload else {
        let has_body = structure.members.iter().any(|member| binding.is_in_body(member));
        if !has_body {
            return Ok(Vec::new());
        }
        return match protocol {
            Protocol::RestXml => Ok(xml::structure(service, shape, binding, &parse_xml(body)?, DEPTH_MAX).fields),
            _ => Ok(json::decode_structure(service, shape, binding, body)?.fields),
        };
    };
    let Some(member) = structure.members.get(usize::from(index)) else { return Ok(Vec::new()) };
    let field = |value| vec![Field { key: FieldKey::Member(index), value }];
    Ok(match &service.shape(member.shape).kind {
        ShapeKind::Blob { .. } => field(Value::Blob(body.to_vec())),
        ShapeKind::String => field(Value::String(String::from_utf8_lossy(body).into_owned())),
        ShapeKind::Structure(inner) if inner.is_event_stream => Vec::new(),
        _ => match protocol {
            Protocol::RestXml => field(xml::value(service, member, &parse_xml(body)?, DEPTH_MAX)),
            _ => field(json::decode_member(service, member, body)?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{labels, list_items};

    #[test]
    fn items_of_a_header() {
        let times = "Sat, 01 Mar 2025 12:00:05 GMT, Sun, 02 Mar 2025 12:00:05 GMT";
        for (text, has_commas, expected) in [
            ("a, b,c", false, &["a", "b", "c"][..]),
            ("\"a,b\",\"c \\\"d\\\"\"", false, &["a,b", "c \"d\""]),
            ("a\"b", false, &["a\"b"]),
            (" one,two , \" three \" ", false, &["one", "two", " three "]),
            ("a,,b", false, &["a", "", "b"]),
            ("\"\"", false, &[""]),
            ("", false, &[]),
            (times, true, &["Sat, 01 Mar 2025 12:00:05 GMT", "Sun, 02 Mar 2025 12:00:05 GMT"]),
        ] {
            assert_eq!(list_items(text, has_commas), expected, "{text}");
        }
    }

    #[test]
    fn labels_of_a_path() {
        for (template, path, expected) in [
            ("/{Bucket}/{Key+}?acl", "/b/a/b%20c//d", &[("Bucket", "b"), ("Key", "a/b c//d")][..]),
            (
                "/2015-03-31/functions/{FunctionName}/code",
                "/2015-03-31/functions/f%3A1/code",
                &[("FunctionName", "f:1")],
            ),
            ("/tags/{arn+}/list", "/tags/a/b/list", &[("arn", "a/b")]),
            ("/x/{id}:run", "/x/7:run", &[("id", "7")]),
            ("/{Bucket}/{Key+}", "/b", &[("Bucket", "b")]),
        ] {
            let found = labels(template, path);
            let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (*name, text.as_str())).collect();
            assert_eq!(found, expected, "{path}");
        }
    }
}
