//! Agreement with real records.
//!
//! Reads the records in the folder that `OPENTRAIL_CORPUS` names, rebuilds each call from its record by inverting the
//! rendering, renders it again and compares. Without the folder the tests say so and pass.

mod invert;
mod invert_ec2;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::OnceLock;

use aws_wire::RequestHead;
use aws_wire::catalog::{Catalog, OperationId, Protocol, Service};
use aws_wire::classify::Call;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{AccountId, EventTime, Region, UserIdentity};
use serde_json::{Map, Value as Json};

use crate::category::event_category;
use crate::ec2;
use crate::event_name::{api_version, name_of, source_of};
use crate::exchange::{Authentication, BodyCapture, Exchange, Outcome, Subject};
use crate::parameters::{Answer, Input, is_answer_written, request_parameters, response_elements};
use crate::read_only::operation_is_read_only;
use crate::resources::{Known, resources};
use crate::service_rules::{Layout, ServiceRules};
use crate::timestamp::TimeStyle;

/// Files whose records are delivered or real; the others passed products that changed them.
const FILES: &[&str] = &[
    "aws-docs-2023",
    "cloud-custodian-events",
    "flaws-cloud-excerpt",
    "invictus",
    "opensearch-catalog",
    "otrf-ec2-proxy-s3-exfiltration",
    "panther-analysis-tests",
    "sans504",
    "small-fixtures",
    "stratus-red-team",
];

/// All API call records of the corpus, each once, read once for all tests; `None` without a corpus.
fn records() -> Option<&'static [Json]> {
    static RECORDS: OnceLock<Option<Vec<Json>>> = OnceLock::new();
    RECORDS.get_or_init(read_records).as_deref()
}

fn read_records() -> Option<Vec<Json>> {
    let Ok(folder) = std::env::var("OPENTRAIL_CORPUS") else {
        #[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
        {
            eprintln!("skipped: OPENTRAIL_CORPUS names no folder with records");
        }
        return None;
    };
    let mut seen = HashSet::new();
    let mut records = Vec::new();
    for name in FILES {
        let file = std::fs::File::open(format!("{folder}/{name}.jsonl.zst")).expect("a file of the corpus");
        let text = zstd::decode_all(file).expect("zstd");
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mut record: Json = serde_json::from_slice(line).expect("one record a line");
            record["_file"] = Json::from(*name);
            let is_call = record["eventType"].as_str().is_none_or(|kind| kind == "AwsApiCall");
            if is_call && seen.insert(record["eventID"].to_string()) {
                records.push(record);
            }
        }
    }
    Some(records)
}

type Operations = HashMap<(String, String), Vec<(&'static Service, OperationId)>>;

/// Operations by event source and event name, of the services that the records come from.
fn operations(records: &[Json]) -> &'static Operations {
    static OPERATIONS: OnceLock<Operations> = OnceLock::new();
    OPERATIONS.get_or_init(|| find_operations(records))
}

fn find_operations(records: &[Json]) -> Operations {
    let sources: HashSet<&str> = records.iter().filter_map(|record| record["eventSource"].as_str()).collect();
    let mut operations = Operations::new();
    for summary in Catalog::embedded().summaries() {
        let service = Catalog::embedded().service(&summary.id).expect("a service of the index");
        let source = source_of(service);
        if !sources.contains(source.as_str()) {
            continue;
        }
        for (index, operation) in service.operations.iter().enumerate() {
            let id = OperationId(u16::try_from(index).expect("few operations"));
            operations
                .entry((source.to_string(), name_of(service, operation).to_string()))
                .or_default()
                .push((service, id));
        }
    }
    operations
}

fn candidates<'o>(operations: &'o Operations, record: &Json) -> &'o [(&'static Service, OperationId)] {
    let text = |key: &str| record[key].as_str().unwrap_or_default().trim().to_owned();
    operations.get(&(text("eventSource"), text("eventName"))).map_or(&[], Vec::as_slice)
}

#[derive(Default)]
struct Tally {
    same: u32,
    other: u32,
}

impl Tally {
    fn count(&mut self, is_same: bool) {
        if is_same { self.same += 1 } else { self.other += 1 }
    }

    fn share(&self) -> f64 {
        f64::from(self.same) / f64::from((self.same + self.other).max(1))
    }
}

#[test]
fn names_classes_and_versions_agree() {
    let Some(records) = records() else { return };
    let operations = operations(records);
    let (mut known, mut read_only, mut category, mut version) = <(Tally, Tally, Tally, Tally)>::default();
    let mut disagreements = std::collections::BTreeSet::new();
    for record in records {
        let found = candidates(operations, record);
        known.count(!found.is_empty());
        let Some(&(service, id)) = found.first() else {
            disagreements.insert(format!("unknown {} {}", record["eventSource"], record["eventName"]));
            continue;
        };
        let operation = service.operation(id);
        if let Some(value) = record["readOnly"].as_bool() {
            let is_same = operation_is_read_only(&service.id, operation) == value;
            read_only.count(is_same);
            if !is_same {
                disagreements.insert(format!("readOnly {} {} {value}", service.id, operation.name));
            }
        }
        if let Some(value) = record["eventCategory"].as_str() {
            let is_same = event_category(&service.id, &operation.name).as_str() == value;
            category.count(is_same);
            if !is_same {
                disagreements.insert(format!("category {} {} {value}", service.id, operation.name));
            }
        }
        let versions = found.iter().map(|(service, _)| api_version(service)).collect::<Vec<_>>();
        let written = record["apiVersion"].as_str().map(model::Text::new);
        let is_same = versions.contains(&written);
        version.count(is_same);
        if !is_same {
            disagreements.insert(format!("apiVersion {} {written:?} for {versions:?}", service.id));
        }
    }
    let mut report = String::new();
    for (what, tally) in
        [("known", &known), ("readOnly", &read_only), ("category", &category), ("apiVersion", &version)]
    {
        writeln!(report, "{what}: {} of {}", tally.same, tally.same + tally.other).expect("text");
    }
    for line in &disagreements {
        writeln!(report, "  {line}").expect("text");
    }
    show(&report);
    assert!(known.share() > 0.99, "operations known");
    assert!(read_only.share() > 0.999, "readOnly");
    assert!(category.share() > 0.999, "category");
    assert!(version.share() > 0.999, "apiVersion");
}

#[test]
fn parameters_agree() {
    let Some(records) = records() else { return };
    let operations = operations(records);
    let mut requests: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut responses: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut samples: BTreeMap<String, String> = BTreeMap::new();
    for record in records {
        let found = candidates(operations, record);
        let Some(&(first, _)) = found.first() else { continue };
        let request = &record["requestParameters"];
        let mut best = Difference::all();
        for &(service, id) in found {
            best = best.min(compare_request(service, id, request));
        }
        requests.entry(&first.id).or_default().count(best.is_none());
        if !best.is_none() {
            samples.entry(format!("{} {} request {}", first.id, record["eventName"], best.count)).or_insert(best.text);
        }
        if record.get("errorCode").is_some() {
            continue;
        }
        let response = &record["responseElements"];
        let request_id = record["requestID"].as_str().unwrap_or_default();
        let mut best = Difference::all();
        for &(service, id) in found {
            best = best.min(compare_response(service, id, response, request_id));
        }
        responses.entry(&first.id).or_default().count(best.is_none());
        if !best.is_none() {
            samples.entry(format!("{} {} response {}", first.id, record["eventName"], best.count)).or_insert(best.text);
        }
    }
    let mut report = String::from("service: request parameters, response elements\n");
    let (mut all_requests, mut all_responses) = (Tally::default(), Tally::default());
    for (service, tally) in &requests {
        let response = responses.get(service);
        let (same, total) = response.map_or((0, 0), |tally| (tally.same, tally.same + tally.other));
        writeln!(report, "{service}: {}/{}, {same}/{total}", tally.same, tally.same + tally.other).expect("text");
        all_requests.same += tally.same;
        all_requests.other += tally.other;
        if let Some(tally) = response {
            all_responses.same += tally.same;
            all_responses.other += tally.other;
        }
    }
    for (what, sample) in &samples {
        writeln!(report, "  {what}: {sample}").expect("text");
    }
    writeln!(report, "all: {:.4}, {:.4}", all_requests.share(), all_responses.share()).expect("text");
    show(&report);
    assert!(all_requests.share() >= REQUEST_FLOOR, "request parameters: {}", all_requests.share());
    assert!(all_responses.share() >= RESPONSE_FLOOR, "response elements: {}", all_responses.share());
}

/// Least share of records whose request parameters come out the same, by what is reached.
const REQUEST_FLOOR: f64 = 0.994;
/// The same of response elements.
const RESPONSE_FLOOR: f64 = 0.994;

#[expect(clippy::print_stdout, reason = "the report is what the test is for")]
fn show(report: &str) {
    println!("{report}");
}

/// How a rendering differs from the record.
struct Difference {
    count: usize,
    text: String,
}

impl Difference {
    fn all() -> Self {
        Self { count: usize::MAX, text: String::new() }
    }

    fn is_none(&self) -> bool {
        self.count == 0
    }

    fn min(self, other: Self) -> Self {
        if other.count < self.count { other } else { self }
    }

    fn between(expected: &Json, got: &Json) -> Self {
        let mut paths = Vec::new();
        differing("", expected, got, &mut paths);
        Self { count: paths.len(), text: paths.into_iter().take(4).collect::<Vec<_>>().join("; ") }
    }
}

fn differing(path: &str, expected: &Json, got: &Json, paths: &mut Vec<String>) {
    match (expected, got) {
        (Json::Object(expected), Json::Object(got)) => {
            for (key, value) in expected {
                match got.get(key) {
                    Some(other) => differing(&format!("{path}.{key}"), value, other, paths),
                    None => paths.push(format!("{path}.{key} missing ({})", short(value))),
                }
            }
            for (key, value) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                paths.push(format!("{path}.{key} added ({})", short(value)));
            }
        }
        (Json::Array(expected), Json::Array(got)) if expected.len() == got.len() => {
            for (index, (value, other)) in expected.iter().zip(got).enumerate() {
                differing(&format!("{path}[{index}]"), value, other, paths);
            }
        }
        (Json::Number(one), Json::Number(other)) if one.as_f64() == other.as_f64() => {}
        (expected, got) if expected == got => {}
        (Json::String(one), Json::String(other)) if is_same_time(one, other) => {}
        (expected, got) => paths.push(format!("{path} {} is {}", short(expected), short(got))),
    }
}

/// Whether two texts are one time in one form, but for what the years changed in Java's form and for digits that the
/// wire does not carry. The forms themselves are compared with the newest record of each service.
fn is_same_time(one: &str, other: &str) -> bool {
    let time = |text: &str| invert::time(&Json::from(text));
    one.contains('T') == other.contains('T') && time(one).is_some() && time(one) == time(other)
}

#[test]
fn times_have_the_form_of_the_newest_records() {
    let Some(records) = records() else { return };
    let operations = operations(records);
    let mut newest: BTreeMap<&str, (&str, bool, String)> = BTreeMap::new();
    for record in records {
        let Some(&(service, _)) = candidates(operations, record).first() else { continue };
        // Times of parameters come from callers in some services; those of answers are the service's own.
        let Some(comma) = java_comma(&record["responseElements"]) else { continue };
        let when = record["eventTime"].as_str().unwrap_or_default();
        let entry = newest.entry(&service.id).or_insert(("", false, String::new()));
        if when > entry.0 {
            *entry = (when, comma, record["eventName"].to_string());
        }
    }
    for (id, (when, comma, name)) in newest {
        let service = Catalog::embedded().service(id).expect("a service");
        let style = ServiceRules::of(service).time_style(protocol(service));
        let is_right = match style {
            TimeStyle::Java => !comma,
            TimeStyle::JavaComma | TimeStyle::JavaCommaUnlessIso => comma,
            _ => false,
        };
        assert!(is_right, "{id} {name} {when}: comma {comma}, {style:?}");
    }
}

/// Whether the first time in Java's form inside has a comma after the year; `None` without any.
fn java_comma(json: &Json) -> Option<bool> {
    match json {
        Json::Array(values) => values.iter().find_map(java_comma),
        Json::Object(object) => object.values().find_map(java_comma),
        Json::String(text) if text.ends_with("AM") || text.ends_with("PM") => {
            invert::time(json).map(|_| text.matches(',').count() == 2)
        }
        _ => None,
    }
}

fn short(json: &Json) -> String {
    model::limits::cut(&json.to_string(), 80).to_owned()
}

fn protocol(service: &Service) -> Protocol {
    service.protocols[0]
}

fn call(service: &'static Service, operation: OperationId, bucket_in_host: Option<String>) -> Call {
    Call { service, operation, protocol: protocol(service), bucket_in_host }
}

fn compare_request(service: &'static Service, id: OperationId, request: &Json) -> Difference {
    let operation = service.operation(id);
    let rules = ServiceRules::of(service);
    let empty = Map::new();
    let parameters = request.as_object().unwrap_or(&empty);
    let got = if rules.layout == Layout::S3 {
        s3_request(service, id, parameters)
    } else {
        let input = match rules.layout {
            Layout::Ec2 if ec2::is_classic(&operation.name) => {
                invert_ec2::classic_request(service, operation, parameters)
            }
            Layout::Ec2 => invert_ec2::raw_request(service, operation, request),
            Layout::ApiGateway => {
                let mut flat = parameters.clone();
                let body = format!("{}Input", crate::render::lower_first(&operation.name));
                if let Some(Json::Object(body)) = flat.shift_remove(&body) {
                    flat.extend(body);
                }
                invert::structure(service, protocol(service), operation.input, &flat)
            }
            _ => invert::structure(service, protocol(service), operation.input, parameters),
        };
        let (headers, caller, region) = (HeaderMap::new(), Arc::new(UserIdentity::default()), region());
        let call = call(service, id, None);
        let exchange = exchange(&call, &headers, "/", None, &caller, &region, b"");
        request_parameters(&exchange, &call, &Input::Decoded(input))
    };
    Difference::between(request, &got.unwrap_or(Json::Null))
}

/// Resources of the records that have some, of services that are rebuilt from parameters alone.
#[test]
fn resources_agree() {
    let Some(records) = records() else { return };
    let operations = operations(records);
    let mut tally: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut samples: BTreeMap<String, String> = BTreeMap::new();
    for record in records.iter().filter(|record| record.get("errorCode").is_none()) {
        let Some(&(service, id)) = candidates(operations, record).first() else { continue };
        let written = record["resources"].as_array().cloned().unwrap_or_default();
        // Records made for print or passed through a product have other regions and keys.
        if matches!(record["_file"].as_str(), Some("aws-docs-2023" | "panther-analysis-tests" | "small-fixtures")) {
            continue;
        }
        if ServiceRules::of(service).layout == Layout::S3 || (written.is_empty() && service.id != "ssm") {
            continue;
        }
        let operation = service.operation(id);
        let empty = Map::new();
        let object = |key: &str| record[key].as_object().unwrap_or(&empty).clone();
        let input = invert::structure(service, protocol(service), operation.input, &object("requestParameters"));
        let output = invert::structure(service, protocol(service), operation.output, &object("responseElements"));
        let (headers, caller) = (HeaderMap::new(), Arc::new(UserIdentity::default()));
        let region = Region::parse(record["awsRegion"].as_str().expect("a region")).expect("a region");
        let call = call(service, id, None);
        let mut exchange = exchange(&call, &headers, "/", None, &caller, &region, b"");
        let account = record["recipientAccountId"].as_str().and_then(|account| AccountId::parse(account).ok());
        exchange.recipient_account = account.unwrap_or(exchange.recipient_account);
        let known = Known {
            exchange: &exchange,
            service,
            operation: &operation.name,
            category: event_category(&service.id, &operation.name),
            region: region.as_str(),
            input: Some(&input),
            output: Some(&output),
        };
        let got = arns(&serde_json::to_value(resources(&known)).expect("JSON"));
        let expected = arns(&Json::Array(written));
        tally.entry(&service.id).or_default().count(got == expected);
        if got != expected {
            let sample = format!("{expected:?} is {got:?}");
            samples.entry(format!("{} {}", service.id, operation.name)).or_insert(sample);
        }
    }
    let mut report = String::from("resources\n");
    for (service, tally) in &tally {
        writeln!(report, "{service}: {}/{}", tally.same, tally.same + tally.other).expect("text");
    }
    for (what, sample) in &samples {
        writeln!(report, "  {what}: {sample}").expect("text");
    }
    show(&report);
    // The keys of KMS's reads are named by answers, which their records do not have.
    for service in ["ssm", "sts"] {
        assert!(tally[service].share() >= 0.98, "resources of {service}");
    }
}

/// Account and ARN of each resource.
fn arns(resources: &Json) -> Vec<(String, String)> {
    let text = |resource: &Json, key: &str| resource[key].as_str().unwrap_or_default().to_owned();
    let list = resources.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|resource| (text(resource, "accountId"), text(resource, "ARN"))).collect()
}

fn region() -> Region {
    Region::parse("us-east-1").expect("a region")
}

fn exchange<'a>(
    call: &'a Call,
    headers: &'a HeaderMap,
    path: &'a str,
    query: Option<&'a str>,
    caller: &'a Arc<UserIdentity>,
    region: &'a Region,
    body: &'a [u8],
) -> Exchange<'a> {
    Exchange {
        subject: Subject::Call(call),
        head: RequestHead { method: &Method::GET, path, query, headers },
        request_body: BodyCapture::Complete(body),
        caller,
        authentication: Authentication::SigV4Header,
        source_ip: std::net::IpAddr::from([192, 0, 2, 1]),
        tls: None,
        recipient_account: AccountId::parse("111122223333").expect("digits"),
        region,
        event_id: "e",
        request_id: "r",
        event_time: EventTime::from_seconds(0),
        outcome: Outcome::Unknown,
        redaction_key: None,
        asked: Box::leak(Box::default()),
    }
}

/// Rebuilds the request of S3 that a record describes: path style, headers, query and body.
fn s3_request(service: &'static Service, id: OperationId, parameters: &Map<String, Json>) -> Option<Json> {
    let (mut headers, mut query, mut body) = (HeaderMap::new(), Vec::new(), String::new());
    for (key, value) in parameters {
        match (key.as_str(), value) {
            ("bucketName" | "key", _) => {}
            ("Host", Json::String(host)) => {
                headers.insert("host", HeaderValue::from_str(host).expect("a host"));
            }
            ("bucketPolicy", policy) => body = policy.to_string(),
            (name, Json::String(value)) if name.starts_with("x-amz-") => {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a header");
                headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            (name, Json::String(value)) => query.push(format!("{name}={}", escape(value))),
            (name, value) => body = invert::xml(name, value),
        }
    }
    let text = |key: &str| parameters.get(key).and_then(Json::as_str).unwrap_or_default();
    let path = match (text("bucketName"), text("key")) {
        ("", "") => "/".to_owned(),
        (bucket, "") => format!("/{bucket}"),
        (bucket, key) => format!("/{bucket}/{}", escape(key)),
    };
    let call = call(service, id, None);
    let (query, caller, region) = (query.join("&"), Arc::new(UserIdentity::default()), region());
    let exchange = exchange(&call, &headers, &path, Some(&query), &caller, &region, body.as_bytes());
    request_parameters(&exchange, &call, &Input::HeadOnly(None))
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        write!(escaped, "%{byte:02X}").expect("text");
        escaped
    })
}

fn compare_response(service: &'static Service, id: OperationId, response: &Json, request_id: &str) -> Difference {
    let operation = service.operation(id);
    let read_only = operation_is_read_only(&service.id, operation);
    let got = if is_answer_written(service, operation, read_only) {
        rendered_response(service, id, response, request_id)
    } else {
        None
    };
    Difference::between(response, &got.unwrap_or(Json::Null))
}

fn rendered_response(service: &'static Service, id: OperationId, response: &Json, request_id: &str) -> Option<Json> {
    let operation = service.operation(id);
    let empty = Map::new();
    let elements = response.as_object().unwrap_or(&empty);
    let mut headers = HeaderMap::new();
    let output = match ServiceRules::of(service).layout {
        Layout::S3 => {
            for (name, value) in elements {
                if let (Ok(name), Some(Ok(value))) =
                    (HeaderName::from_bytes(name.as_bytes()), value.as_str().map(HeaderValue::from_str))
                {
                    headers.insert(name, value);
                }
            }
            None
        }
        Layout::Ec2 if ec2::is_classic(&operation.name) => {
            Some(invert_ec2::classic_response(service, operation, elements))
        }
        Layout::Ec2 => Some(invert_ec2::raw_response(service, operation, response)),
        Layout::UnwrappedAnswer => {
            Some(invert::unwrapped_answer(service, protocol(service), operation.output, elements))
        }
        _ => Some(invert::structure(service, protocol(service), operation.output, elements)),
    };
    let call = call(service, id, None);
    let answer = Answer { status: 200, headers: &headers, body: BodyCapture::Complete(b"") };
    response_elements(&call, &answer, output.as_ref(), request_id, None)
}
