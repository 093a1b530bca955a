//! What is written is read back as it was: random values of the real shapes, in every protocol and both directions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Number, Value as Json, json};

use super::botocore::is_same;
use super::plain::plain;
use crate::RequestHead;
use crate::catalog::{
    Catalog, Location, Member, OperationId, Protocol, Service, ShapeId, ShapeKind, Structure, TimestampFormat,
};
use crate::fault::{Fault, encode};
use crate::protocol::encode::{encode_request, encode_response};
use crate::protocol::{decode_request, decode_response, request_id};
use crate::value::{Field, FieldKey, StructureValue, Timestamp, Value};

/// Levels below which no more structures, lists and maps are made.
const LEVELS_MAX: usize = 4;

/// Services with the widest variety of shapes in each protocol.
const SAMPLE: [(Protocol, &[&str]); 7] = [
    (Protocol::Query, &["iam", "rds", "sns", "cloudformation", "autoscaling", "elbv2", "sqs", "cloudwatch", "ses"]),
    (Protocol::Ec2, &["ec2"]),
    (Protocol::Json10, &["dynamodb", "sqs", "stepfunctions", "apprunner", "cloudwatch"]),
    (Protocol::Json11, &["kms", "ssm", "ecs", "glue", "sagemaker", "cloudtrail", "kinesis"]),
    (Protocol::RestJson, &["lambda", "apigateway", "iot", "glacier", "quicksight", "bedrock-agent", "mediaconvert"]),
    (Protocol::RestXml, &["s3", "route53", "cloudfront", "s3control"]),
    (Protocol::RpcV2Cbor, &["cloudwatch", "arc-region-switch"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Response,
}

/// A small generator of numbers, so that a value depends on its seed alone.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    fn one<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// Makes values that the protocol can say.
struct Maker<'a> {
    service: &'a Service,
    protocol: Protocol,
    way: Way,
    /// Whether lists may hold nulls.
    has_nulls: bool,
    chance: Chance,
}

const TEXTS: &[&str] = &[
    "",
    "a",
    " edges ",
    "a+b=c&d",
    "100%",
    "é 漢 🙂",
    "<a> & \"b\" 'c' ]]>",
    "a\\b,\"c",
    "l1\nl2\r\nl3\t",
    "a/b//c",
    "null",
];
const HEADER_TEXTS: &[&str] = &["a", "two words", "a,b", "\"q\"", "back\\slash", "é", ""];
const LABELS: &[&str] = &["a", "two words", "a/b", "100%", "a+b", "é?#", "7:8"];

impl Maker<'_> {
    fn is_form(&self) -> bool {
        self.way == Way::Request && matches!(self.protocol, Protocol::Query | Protocol::Ec2)
    }

    fn is_tree(&self) -> bool {
        matches!(self.protocol, Protocol::Json10 | Protocol::Json11 | Protocol::RestJson | Protocol::RpcV2Cbor)
    }

    fn is_rest(&self) -> bool {
        matches!(self.protocol, Protocol::RestJson | Protocol::RestXml)
    }

    /// The value of an input or output.
    fn top(&mut self, shape: ShapeId) -> StructureValue {
        let structure = self.service.structure(shape).expect("a structure");
        let mut fields = Vec::new();
        for (index, member) in structure.members.iter().enumerate() {
            let location = if self.is_rest() { member.location } else { Location::Body };
            let is_stream = self.service.structure(member.shape).is_some_and(|inner| inner.is_event_stream);
            let wire = member.wire_name().to_ascii_lowercase();
            // The writer sets these itself; EC2 answers have their request id among the members.
            let is_set_anyway = ["content-type", "x-amzn-requestid", "x-amz-request-id"].contains(&&*wire);
            let is_frame = self.protocol == Protocol::Ec2 && wire == "requestid";
            let is_needed = match location {
                Location::Uri => self.way == Way::Request,
                Location::StatusCode => self.way == Way::Response,
                Location::Header => is_set_anyway,
                _ => false,
            };
            let is_needed = is_needed || structure.payload == u16::try_from(index).ok();
            let is_of_other_way = match location {
                Location::StatusCode => self.way == Way::Request,
                _ => false,
            };
            // Without a prefix all headers are of the map, those of the writer too.
            let takes_all = location == Location::Headers && member.location_name.as_deref().is_none_or(str::is_empty);
            if takes_all || is_stream || is_frame || is_of_other_way || !is_alone(self.service, structure, member) {
                continue;
            }
            if !is_needed && self.chance.below(3) == 0 {
                continue;
            }
            let location = match (location, self.way) {
                (Location::Uri | Location::QueryString, Way::Response) => Location::Body,
                (location, _) => location,
            };
            let value = match location {
                Location::StatusCode => Some(Value::Number((200 + self.chance.below(100) as u64).into())),
                _ if structure.payload == u16::try_from(index).ok() => self.payload(member),
                _ => self.value(member, location, 0),
            };
            let Some(value) = value else { continue };
            fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("an index")), value });
        }
        StructureValue { shape, fields }
    }

    fn payload(&mut self, member: &Member) -> Option<Value> {
        match &self.service.shape(member.shape).kind {
            // What looks like gzip is kept as it is; botocore reads such payloads as text.
            ShapeKind::Blob { .. } if self.has_nulls => Some(Value::Blob(b"\x1f\x8b any bytes".to_vec())),
            ShapeKind::Blob { .. } => Some(Value::Blob(b"any bytes".to_vec())),
            ShapeKind::String => Some(Value::String("text & <more>".to_owned())),
            _ => self.value(member, Location::Body, 0),
        }
    }

    /// A value, or nothing where the protocol has no way to say what was drawn.
    fn value(&mut self, member: &Member, location: Location, level: usize) -> Option<Value> {
        let service = self.service;
        let is_body = location == Location::Body;
        Some(match &service.shape(member.shape).kind {
            _ if member.is_json_text && location == Location::Header => Value::Document(json!({ "k": [1, "v"] })),
            ShapeKind::Structure(structure) => {
                let value = self.structure(member.shape, structure, level);
                if self.is_form() && value.fields.is_empty() {
                    return None;
                }
                Value::Structure(value)
            }
            ShapeKind::List { member: item, is_flattened } => {
                let is_flattened =
                    *is_flattened || member.is_flattened || (self.is_form() && self.protocol == Protocol::Ec2);
                let count = if level >= LEVELS_MAX { 0 } else { self.chance.below(4) };
                let mut items = Vec::new();
                for _ in 0..count {
                    items.extend(self.value(item, location, level + 1));
                }
                if self.has_nulls && self.is_tree() && is_body && self.chance.below(8) == 0 {
                    items.push(Value::Null);
                }
                let can_be_empty = is_body
                    && !(is_flattened && !self.is_tree() && self.protocol != Protocol::Query)
                    && !(self.protocol == Protocol::Query && self.way == Way::Response && is_flattened);
                if items.is_empty() && !can_be_empty {
                    return None;
                }
                Value::List(items)
            }
            ShapeKind::Map { value: item, is_flattened, .. } => {
                let count = if level >= LEVELS_MAX { 0 } else { self.chance.below(3) };
                let keys = if is_body { ["Key 1", "key.2", "k&3"] } else { ["k-1", "k-2", "k-3"] };
                let entries: Vec<_> = (0..count)
                    .filter_map(|index| Some((keys[index].to_owned(), self.value(item, location, level + 1)?)))
                    .collect();
                let is_flattened = *is_flattened || member.is_flattened;
                if entries.is_empty() && (!is_body || self.is_form() || (is_flattened && !self.is_tree())) {
                    return None;
                }
                Value::Map(entries)
            }
            ShapeKind::String => Value::String(match location {
                Location::Uri => self.chance.one(LABELS).to_owned(),
                Location::Header | Location::Headers => self.chance.one(HEADER_TEXTS).to_owned(),
                _ => self.chance.one(TEXTS).to_owned(),
            }),
            ShapeKind::Integer => Value::Number((self.chance.below(70_000) as i64 - 35_000).into()),
            ShapeKind::Long => Value::Number(self.chance.next().cast_signed().into()),
            ShapeKind::Float => {
                let float = [0.0, -1.5, 0.1, 1e300, 5e-324, 3.0, 1_740_830_405.25][self.chance.below(7)];
                Value::Number(Number::from_f64(float).expect("finite"))
            }
            ShapeKind::Boolean => Value::Boolean(self.chance.below(2) == 0),
            ShapeKind::Timestamp(of_shape) => {
                let format = member.timestamp_format.or(*of_shape);
                let is_whole = format == Some(TimestampFormat::Rfc822)
                    || (format.is_none() && matches!(location, Location::Header | Location::Headers));
                let seconds = self.chance.below(4_000_000_000) as i64 - 1_000_000_000;
                let micros = if is_whole { 0 } else { [0, 500_000, 123_456][self.chance.below(3)] };
                Value::Timestamp(Timestamp::from_micros(seconds * 1_000_000 + micros))
            }
            ShapeKind::Blob { .. } => Value::Blob((0..self.chance.below(20)).map(|byte| byte as u8 ^ 0xa5).collect()),
            ShapeKind::Document if self.is_tree() => Value::Document(json!({ "a": [1, null, "x", { "b": true }] })),
            ShapeKind::Document => return None,
        })
    }

    fn structure(&mut self, shape: ShapeId, structure: &Structure, level: usize) -> StructureValue {
        let mut fields = Vec::new();
        for (index, member) in structure.members.iter().enumerate() {
            let kind = &self.service.shape(member.shape).kind;
            let is_nested = matches!(kind, ShapeKind::Structure(_) | ShapeKind::List { .. } | ShapeKind::Map { .. });
            let is_drawn = self.chance.below(if structure.members.len() > 12 { 4 } else { 2 }) == 0;
            if !is_drawn || (is_nested && level >= LEVELS_MAX) || !is_alone(self.service, structure, member) {
                continue;
            }
            if let Some(value) = self.value(member, Location::Body, level + 1) {
                fields.push(Field { key: FieldKey::Member(u16::try_from(index).expect("an index")), value });
            }
        }
        StructureValue { shape, fields }
    }
}

/// Whether no other member of a structure answers to the name of this one.
fn is_alone(service: &Service, structure: &Structure, member: &Member) -> bool {
    let names = |member: &Member| {
        let item = match &service.shape(member.shape).kind {
            ShapeKind::List { member: item, is_flattened } if *is_flattened || member.is_flattened => {
                item.location_name.clone()
            }
            _ => None,
        };
        [Some(member.wire_name().to_owned()), item]
    };
    let own = names(member);
    let is_shared =
        |other: &&Member| names(other).iter().flatten().any(|name| own.iter().flatten().any(|own| own == name));
    structure.members.iter().filter(is_shared).count() == 1
}

/// A value written and read back, or the reason why not, with both.
fn check(
    service: &'static Service,
    operation: OperationId,
    protocol: Protocol,
    way: Way,
    seed: u64,
) -> Result<(), String> {
    let description = service.operation(operation);
    let shape = if way == Way::Request { description.input } else { description.output };
    let Some(shape) = shape else { return Ok(()) };
    let mut maker = Maker { service, protocol, way, has_nulls: true, chance: Chance(seed) };
    let is_stream = |member: &Member| service.structure(member.shape).is_some_and(|inner| inner.is_event_stream);
    if service.structure(shape).is_none_or(|structure| structure.members.iter().any(is_stream)) {
        return Ok(());
    }
    let value = maker.top(shape);
    let (found, wire) = match way {
        Way::Request => {
            let wire = encode_request(service, operation, protocol, &value).map_err(|error| error.to_string())?;
            let head = RequestHead {
                method: &wire.method,
                path: &wire.path,
                query: wire.query.as_deref(),
                headers: &wire.headers,
            };
            let found = decode_request(service, operation, protocol, &head, &wire.body);
            (
                found,
                format!("{} {:?} {:?} {}", wire.path, wire.query, wire.headers, String::from_utf8_lossy(&wire.body)),
            )
        }
        Way::Response => {
            let wire = encode_response(service, operation, protocol, "id-1", Some(&value))
                .map_err(|error| error.to_string())?;
            assert_eq!(request_id(protocol, &wire.headers, &wire.body).as_deref(), Some("id-1"));
            let found = decode_response(service, operation, protocol, wire.status, &wire.headers, &wire.body);
            let found = found.map(|found| found.unwrap_or(StructureValue { shape, fields: Vec::new() }));
            (found, format!("{:?} {}", wire.headers, String::from_utf8_lossy(&wire.body)))
        }
    };
    let expected = plain(service, &value);
    let mut found = found.map(|found| plain(service, &found)).unwrap_or_else(|error| Json::String(error.to_string()));
    ignore_ids_of_the_writer(&expected, &mut found);
    if is_same(&expected, &found) {
        return Ok(());
    }
    Err(format!(
        "{}.{} {protocol:?} {way:?} seed {seed}\nexpected {expected}\nfound    {found}\nof {wire}",
        service.id, description.name
    ))
}

/// The request id and content type that the writer sets may be members that were not drawn.
fn ignore_ids_of_the_writer(expected: &Json, found: &mut Json) {
    if let (Json::Object(expected), Json::Object(found)) = (expected, found) {
        found.retain(|name, value| {
            expected.contains_key(name) || (*value != json!("id-1") && value["x-amzn-requestid"] != json!("id-1"))
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read_back(pick: prop::sample::Index, operation: prop::sample::Index, seed: u64) {
        for (protocol, services) in SAMPLE {
            let service = Catalog::embedded().service(services[pick.index(services.len())]).expect("a service");
            prop_assert!(service.protocols.contains(&protocol), "{} does not speak {protocol:?}", service.id);
            let operation = OperationId(u16::try_from(operation.index(service.operations.len())).expect("an index"));
            for way in [Way::Request, Way::Response] {
                if let Err(difference) = check(service, operation, protocol, way, seed) {
                    prop_assert!(false, "{}", difference);
                }
            }
        }
    }
}

/// Every operation of every service, in all of its protocols.
#[test]
fn all_that_is_written_is_read_back() {
    let (mut differences, mut count) = (Vec::new(), 0);
    for summary in Catalog::embedded().summaries() {
        let service = Catalog::embedded().service(&summary.id).expect("a service");
        for &protocol in &service.protocols {
            for index in 0..service.operations.len() {
                for way in [Way::Request, Way::Response] {
                    count += 1;
                    let operation = OperationId(u16::try_from(index).expect("an index"));
                    differences.extend(check(service, operation, protocol, way, index as u64 + 17).err());
                }
            }
        }
    }
    let shown = &differences[..differences.len().min(40)];
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), shown.join("\n\n"));
}

/// Writes answers for botocore to parse: `testdata/parse_responses.py` says how.
#[test]
#[ignore = "writes a file"]
fn answers_for_botocore() {
    let setting = |name: &str| std::env::var(name).ok();
    let file = setting("OPENTRAIL_ANSWERS").expect("OPENTRAIL_ANSWERS names the file to write");
    let each: usize = setting("OPENTRAIL_ANSWERS_EACH").map_or(usize::MAX, |each| each.parse().expect("a number"));
    let mut lines = String::new();
    let mut chance = Chance(20_250_301);
    for protocol in SAMPLE.map(|(protocol, _)| protocol) {
        let of_protocol = Catalog::embedded().summaries().filter(|summary| summary.protocols.contains(&protocol));
        let services: Vec<_> =
            of_protocol.map(|summary| Catalog::embedded().service(&summary.id).expect("one")).collect();
        let mut operations: Vec<_> = services
            .iter()
            .flat_map(|service| (0..service.operations.len()).map(move |index| (*service, index)))
            .collect();
        if each < operations.len() {
            operations = (0..each).map(|_| operations[chance.below(operations.len())]).collect();
        }
        for (service, index) in operations {
            let operation = OperationId(u16::try_from(index).expect("an index"));
            lines.extend(answer_line(service, operation, protocol, chance.next()));
        }
        let s3 = services.iter().find(|service| service.id == "s3").copied();
        for service in [Some(services[chance.below(services.len())]), Some(services[0]), s3].into_iter().flatten() {
            lines.push_str(&fault_line(service, protocol));
        }
    }
    std::fs::write(file, lines).expect("the file can be written");
}

fn answer_line(service: &'static Service, operation: OperationId, protocol: Protocol, seed: u64) -> Option<String> {
    let description = service.operation(operation);
    let structure = service.structure(description.output?)?;
    let is_stream = |member: &Member| service.structure(member.shape).is_some_and(|inner| inner.is_event_stream);
    if structure.members.iter().any(is_stream) {
        return None;
    }
    let mut maker = Maker { service, protocol, way: Way::Response, has_nulls: false, chance: Chance(seed) };
    let value = maker.top(description.output?);
    let wire = encode_response(service, operation, protocol, "id-1", Some(&value)).ok()?;
    let line = json!({"service": service.id, "operation": description.name, "protocol": format!("{protocol:?}"),
        "status": wire.status, "headers": header_texts(&wire.headers), "body64": STANDARD.encode(&wire.body),
        "expected": plain(service, &value)});
    Some(format!("{line}\n"))
}

fn fault_line(service: &'static Service, protocol: Protocol) -> String {
    let fault = Fault {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "no \"upstream\" for <b> & \u{e4}".to_owned(),
        request_id: "id-1".to_owned(),
        resource: Some("/b/k".to_owned()),
    };
    let wire = encode(service, protocol, &fault);
    let line = json!({"service": service.id, "operation": service.operations[0].name, "error": {},
        "protocol": format!("{protocol:?}"), "status": wire.status,
        "headers": header_texts(&wire.headers.into_iter().collect()), "body64": STANDARD.encode(&wire.body),
        "expected": {"code": fault.code, "message": fault.message}});
    format!("{line}\n")
}

fn header_texts(headers: &HeaderMap) -> Json {
    let texts =
        headers.iter().map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))));
    Json::Object(texts.collect())
}
