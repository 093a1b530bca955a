//! Calls whose operation the catalog does not know: recorded from what the protocol shows, with secrets told by their
//! names alone.

use aws_wire::catalog::Protocol;
use aws_wire::protocol::xml_tree::parse_xml;
use http::Method;
use model::limits::{SHORT_TEXT_BYTES_MAX, cut};
use serde_json::{Map, Value as Json};

use crate::exchange::Exchange;
use crate::read_only::name_reads;
use crate::redact::{Treatment, looks_secret};
use crate::render::{hide_by_name, lower_first};
use crate::s3::{self, query_parameters};
use crate::service_rules::{HIDDEN, Layout, ServiceRules};
use crate::xml_json::element_json;

/// What the request itself says of its operation: its target, its action, the end of its RPC path, or its method and
/// path.
pub(crate) fn operation_name(exchange: &Exchange<'_>) -> String {
    let head = &exchange.head;
    // Source: S3 guide, CloudTrail events.
    if *head.method == Method::OPTIONS && exchange.subject.service().id == "s3" {
        return "PreflightRequest".to_owned();
    }
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return cut(operation, SHORT_TEXT_BYTES_MAX).to_owned();
    }
    let is_query = matches!(exchange.subject.protocol(), Protocol::Query | Protocol::Ec2);
    if is_query && let Some(action) = form_value(exchange, "Action") {
        return cut(&action, SHORT_TEXT_BYTES_MAX).to_owned();
    }
    if let Some((_, operation)) = head.path.rsplit_once("/operation/") {
        return cut(operation, SHORT_TEXT_BYTES_MAX).to_owned();
    }
    cut(&format!("{} {}", head.method, head.path), SHORT_TEXT_BYTES_MAX).to_owned()
}

/// Whether the call changes nothing: by the verb of its name, else by its method.
pub(crate) fn is_read_only(exchange: &Exchange<'_>, name: &str) -> bool {
    name_reads(name)
        || ((exchange.head.method == Method::GET || exchange.head.method == Method::HEAD) && name.contains(' '))
}

/// The `requestParameters` of the call; `None` when there are none.
pub(crate) fn request_parameters(exchange: &Exchange<'_>) -> Option<Json> {
    let service = exchange.subject.service();
    if ServiceRules::of(service).layout == Layout::S3 {
        return Some(s3::request(exchange, None));
    }
    let mut object = Map::new();
    match exchange.subject.protocol() {
        Protocol::Query | Protocol::Ec2 => {
            for (name, value) in form(exchange) {
                if !matches!(name.as_str(), "Action" | "Version") {
                    object.insert(name, Json::String(value));
                }
            }
        }
        _ => {
            for (name, value) in query_parameters(exchange.head.query) {
                object.insert(name.into_owned(), Json::String(value.into_owned()));
            }
            add_body(&mut object, exchange);
        }
    }
    object.retain(|name, _| !name.starts_with("X-Amz-"));
    let mut json = Json::Object(object);
    let treatment = Treatment::from(HIDDEN);
    hide_by_name(&mut json, treatment, exchange.redaction_key, true);
    (json.as_object().is_some_and(|object| !object.is_empty())).then_some(json)
}

fn add_body(object: &mut Map<String, Json>, exchange: &Exchange<'_>) {
    let Some(body) = exchange.request_body.complete() else {
        object.insert("omitted".to_owned(), Json::Bool(true));
        return;
    };
    match exchange.subject.protocol() {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => {
            if let Ok(Json::Object(members)) = serde_json::from_slice(body) {
                object.extend(members);
            }
        }
        Protocol::RestXml => {
            if let Ok(root) = parse_xml(body) {
                object.insert(root.name.clone(), element_json(&root));
            }
        }
        Protocol::RpcV2Cbor | Protocol::Query | Protocol::Ec2 => {}
    }
}

fn form(exchange: &Exchange<'_>) -> Vec<(String, String)> {
    let body = exchange.request_body.complete().and_then(|body| std::str::from_utf8(body).ok());
    query_parameters(exchange.head.query)
        .chain(query_parameters(body))
        // The last part of a dotted name tells what it holds: `Credentials.1.Password`.
        .filter(|(name, _)| !name.split('.').any(looks_secret))
        .map(|(name, value)| (lower_first(&name), value.into_owned()))
        .map(|(name, value)| if name == "action" { ("Action".to_owned(), value) } else { (name, value) })
        .map(|(name, value)| if name == "version" { ("Version".to_owned(), value) } else { (name, value) })
        .collect()
}

fn form_value(exchange: &Exchange<'_>, name: &str) -> Option<String> {
    form(exchange).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
