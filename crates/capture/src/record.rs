//! One exchange in, one event record out.

use std::net::IpAddr;
use std::sync::Arc;

use aws_wire::classify::Call;
use aws_wire::protocol::{WireError, decode_error, request_id};
use http::header::USER_AGENT;
use model::limits::{ADDITIONAL_DATA_BYTES_MAX, PARAMETERS_BYTES_MAX, SHORT_TEXT_BYTES_MAX, cut};
use model::{AdditionalData, EventCategory, EventRecord, EventType, Text};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::access_portal;
use crate::additional::additional_event_data;
use crate::asked::{Asked, REQUEST_PARAMETERS};
use crate::category::event_category;
use crate::echo::Said;
use crate::event_name::{api_version, aws_region, source_of};
use crate::exchange::{Exchange, Outcome};
use crate::failure::{Failure, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_MESSAGE, error_body, failure};
use crate::identity_lessons::federated_caller;
use crate::operation_facts::OperationFacts;
use crate::parameters::{Answer, decode_output, response_elements};
use crate::render::hide_by_name;
use crate::resources::{Known, resources};
use crate::s3;
use crate::service_rules::{Layout, ServiceRules};
use crate::shared_event::shared_event_id;
use crate::unknown_operation;

/// Makes the record of an exchange.
///
/// It never fails: what cannot be decoded is left out and said to be, for a call that is not recorded is worse than one
/// that is recorded with a gap.
pub fn record(exchange: &Exchange<'_>) -> EventRecord {
    let service = exchange.subject.service();
    let rules = ServiceRules::of(service);
    let mut parts = match exchange.subject.call() {
        Some(call) => known_parts(exchange, call),
        None => unknown_parts(exchange),
    };
    let refusal = refusal_as_answer(exchange, rules, &parts);
    let failure = outcome_failure(exchange);
    let is_unread = failure.as_ref().is_some_and(Failure::is_before_the_service)
        && parts.category == EventCategory::Management
        && !rules.tells_what_was_refused;
    let (error_code, error_message) = match failure {
        // What is written as the answer is not written as the message; and services that do so have none of reads.
        Some(Failure { code, .. }) if refusal.is_some() || is_refused_silently(exchange, rules, parts.read_only) => {
            (Some(short(&code)), None)
        }
        Some(Failure { code, message }) => {
            let message = message.map(|message| match exchange.outcome {
                // Our own words, of every note of a change: nothing of the request is in them.
                Outcome::Unknown => short(&message),
                Outcome::Answered { .. } | Outcome::Failed { .. } => short(&said(exchange, &parts).hide_in(&message)),
            });
            (Some(short(&code)), message)
        }
        None => (None, None),
    };
    let is_of_portal = access_portal::is_portal(service);
    if is_unread || is_of_portal {
        parts.forget_what_was_asked();
    }
    let tells_of_tls = rules.writes_tls && !is_of_portal;
    let user_identity = federated_caller(exchange).unwrap_or_else(|| Arc::clone(exchange.caller));
    let recipient = Text::new(exchange.recipient_account.as_str());
    let shared_event_id = match success(exchange) {
        Some(_) => shared_event_id(exchange.event_id, &user_identity, &recipient, &parts.resources),
        None => None,
    };
    EventRecord {
        event_version: rules.event_version,
        user_identity,
        event_time: exchange.event_time,
        event_source: parts.event_source,
        event_name: parts.event_name,
        aws_region: aws_region(service, exchange.region),
        // A service that calls for someone stands in place of an address. Source: user guide, sourceIPAddress.
        source_ip_address: match &exchange.caller.invoked_by {
            Some(service) => Text::new(service),
            None => address_text(exchange.source_ip),
        },
        user_agent: user_agent(exchange, rules),
        error_code,
        error_message,
        request_parameters: parts.request_parameters,
        response_elements: parts.response_elements.or(refusal).map(|json| within(json, "responseElements")),
        additional_event_data: parts.additional_event_data.map(additional_within),
        request_id: Some(cut(&parts.request_id, SHORT_TEXT_BYTES_MAX).into()),
        event_id: Text::new(exchange.event_id),
        read_only: parts.read_only,
        resources: parts.resources,
        event_type: if is_of_portal { EventType::AwsServiceEvent } else { EventType::AwsApiCall },
        api_version: parts.api_version,
        management_event: parts.category == EventCategory::Management,
        recipient_account_id: recipient,
        shared_event_id,
        service_event_details: if is_of_portal { access_portal::details(exchange) } else { None },
        event_category: parts.category,
        // Source: 18,000 real records with `invokedBy`, of which none has it.
        tls_details: exchange.tls.filter(|_| exchange.caller.invoked_by.is_none() && tells_of_tls).cloned(),
    }
}

/// What depends on the operation.
struct Parts {
    event_source: Text,
    event_name: Text,
    api_version: Option<Text>,
    read_only: bool,
    category: EventCategory,
    request_parameters: Option<Arc<Json>>,
    response_elements: Option<Json>,
    additional_event_data: Option<AdditionalData>,
    request_id: Text,
    resources: Vec<model::EventResource>,
}

impl Parts {
    /// Leaves the name of the call alone, as in the record of one that its service has not read, or does not record as a
    /// call.
    fn forget_what_was_asked(&mut self) {
        self.api_version = None;
        self.request_parameters = None;
        self.additional_event_data = None;
        self.resources.clear();
    }
}

fn known_parts(exchange: &Exchange<'_>, call: &Call) -> Parts {
    let service = call.service;
    let operation = service.operation(call.operation);
    let facts = OperationFacts::of(call);
    let category = facts.category();
    let input = Asked::input(exchange, call);
    let request_id = answered_request_id(exchange);
    let answer = success(exchange);
    let output = answer
        .as_ref()
        .filter(|_| needs_output(call, facts.writes_answer))
        .and_then(|answer| decode_output(call, answer));
    let response = match &answer {
        Some(answer) if facts.writes_answer => {
            response_elements(call, answer, output.as_ref(), &request_id, exchange.redaction_key)
        }
        _ => None,
    };
    let region = aws_region(service, exchange.region);
    let known = Known {
        exchange,
        service,
        operation: &operation.name,
        category,
        region: &region,
        input: input.value(),
        output: output.as_ref(),
    };
    let (event_source, event_name) = if let Some(source) = s3::Recorder::of(exchange).source() {
        (Text::const_new(source), Text::new(&operation.name))
    } else if s3::is_form_upload(call, exchange.head.method) {
        (facts.event_source.clone(), Text::const_new(s3::BROWSER_UPLOAD_NAME))
    } else {
        (facts.event_source.clone(), facts.event_name.clone())
    };
    Parts {
        event_source,
        event_name,
        api_version: facts.api_version.clone(),
        read_only: facts.read_only,
        category,
        request_parameters: Asked::parameters(exchange, call),
        response_elements: response,
        additional_event_data: additional_event_data(exchange, &operation.name, category, output.as_ref()),
        request_id,
        resources: resources(&known),
    }
}

/// The answers of KMS name the key, those of Verified Permissions the decision and those of SES what was sent, also those
/// that are not written.
fn needs_output(call: &Call, writes_answer: bool) -> bool {
    matches!(call.service.id.as_str(), "kms" | "ses" | "sesv2" | "verifiedpermissions")
        || (writes_answer && ServiceRules::of(call.service).layout != Layout::S3)
}

fn unknown_parts(exchange: &Exchange<'_>) -> Parts {
    let event_name = unknown_operation::operation_name(exchange);
    let read_only = unknown_operation::is_read_only(exchange, &event_name);
    let service = exchange.subject.service();
    let category = event_category(&service.id, &event_name);
    Parts {
        event_source: s3::Recorder::of(exchange).source().map_or_else(|| source_of(service), Text::const_new),
        api_version: api_version(service),
        read_only,
        category,
        request_parameters: unknown_operation::request_parameters(exchange)
            .map(|json| Arc::new(within(json, REQUEST_PARAMETERS))),
        response_elements: None,
        additional_event_data: additional_event_data(exchange, &event_name, category, None),
        request_id: answered_request_id(exchange),
        resources: Vec::new(),
        event_name: event_name.into(),
    }
}

/// The id that the service gave the request, else the recorder's own.
fn answered_request_id(exchange: &Exchange<'_>) -> Text {
    let Outcome::Answered { headers, body, .. } = exchange.outcome else { return Text::new(exchange.request_id) };
    let given = request_id(exchange.subject.protocol(), headers, error_body(body));
    given.filter(|id| !id.is_empty()).map_or_else(|| Text::new(exchange.request_id), Text::from)
}

pub(crate) fn success<'a>(exchange: &Exchange<'a>) -> Option<Answer<'a>> {
    match exchange.outcome {
        Outcome::Answered { status, headers, body } if status < 300 && late_error(exchange).is_none() => {
            Some(Answer { status, headers, body })
        }
        Outcome::Answered { .. } | Outcome::Unknown | Outcome::Failed { .. } => None,
    }
}

fn outcome_failure(exchange: &Exchange<'_>) -> Option<Failure> {
    match exchange.outcome {
        Outcome::Unknown => {
            Some(Failure { code: OUTCOME_UNKNOWN.to_owned(), message: Some(OUTCOME_UNKNOWN_MESSAGE.to_owned()) })
        }
        Outcome::Failed { code, message } => Some(Failure { code: code.to_owned(), message: Some(message.to_owned()) }),
        Outcome::Answered { status, .. } if status < 300 => {
            late_error(exchange).map(|error| failure(exchange.subject, status, Some(error)))
        }
        // Not modified is an answer to a condition, and no failure.
        Outcome::Answered { status: 304, .. } => None,
        Outcome::Answered { status, headers, body } => {
            let service = exchange.subject.service();
            let error = decode_error(service, exchange.subject.protocol(), status, headers, error_body(body));
            Some(failure(exchange.subject, status, error))
        }
    }
}

/// The JSON of a failed change's answer, for the services that write it; reads have no answer. Source: records.
fn refusal_as_answer(exchange: &Exchange<'_>, rules: &ServiceRules, parts: &Parts) -> Option<Json> {
    let Outcome::Answered { status, body, .. } = exchange.outcome else { return None };
    if !rules.errors_are_answers || parts.read_only || status < 400 {
        return None;
    }
    let mut json: Json = serde_json::from_slice(body.complete()?).ok()?;
    hide_by_name(&mut json, rules.secrets.into(), exchange.redaction_key, false);
    said(exchange, parts).hide_in_json(&mut json);
    json.as_object().is_some_and(|object| !object.is_empty()).then_some(json)
}

/// What the request said, for messages that may repeat it.
fn said<'a>(exchange: &Exchange<'a>, parts: &'a Parts) -> Said<'a> {
    Said {
        input: exchange.subject.call().and_then(|call| Asked::input(exchange, call).value()),
        body: exchange.request_body.complete(),
        query: exchange.head.query,
        headers: exchange.head.headers,
        written: parts.request_parameters.as_deref(),
        redaction_key: exchange.redaction_key,
    }
}

/// Whether a failure is one that the service records without a message.
fn is_refused_silently(exchange: &Exchange<'_>, rules: &ServiceRules, read_only: bool) -> bool {
    rules.errors_are_answers && read_only && matches!(exchange.outcome, Outcome::Answered { .. })
}

/// The error of an S3 call that failed after its status had been sent: a copy can answer 200 with an error as its body.
/// Source: S3 API reference, CopyObject.
fn late_error(exchange: &Exchange<'_>) -> Option<WireError> {
    let call = exchange.subject.call().filter(|call| call.service.id == "s3")?;
    let Outcome::Answered { status, headers, body } = exchange.outcome else { return None };
    if !s3::answers_in_body(&call.service.operation(call.operation).name) {
        return None;
    }
    decode_error(call.service, call.protocol, status, headers, body.complete()?)
}

/// The text of an address: that of its `Display`, without the cost of formatting for the usual kind.
fn address_text(address: IpAddr) -> Text {
    let IpAddr::V4(address) = address else { return address.to_string().into() };
    let mut text = Text::const_new("");
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// S3 writes the agent in brackets, unless it is a service of AWS. Source: 13,000 records. S3 Express does not; S3
/// Tables and S3 Vectors do. Source: S3 guide, log entries of the three.
fn user_agent(exchange: &Exchange<'_>, rules: &ServiceRules) -> Option<Text> {
    let agent = exchange.head.headers.get(USER_AGENT)?;
    let agent = String::from_utf8_lossy(agent.as_bytes());
    let is_service = agent == "AWS Internal" || (agent.ends_with(".amazonaws.com") && !agent.contains(['/', ' ']));
    let is_of_s3 = rules.layout == Layout::S3 || exchange.subject.service().id == "s3vectors";
    let is_bracketed = is_of_s3 && !is_service && s3::Recorder::of(exchange) != s3::Recorder::Express;
    let agent = if is_bracketed { ["[", &agent, "]"].concat().into() } else { agent };
    Some(short(&agent))
}

fn short(text: &str) -> Text {
    cut(text, SHORT_TEXT_BYTES_MAX).into()
}

/// The JSON of an element of the record, or what AWS writes in its place when it is too large: all of it as texts.
///
/// Source: a detection of Elastic (github.com/elastic/detection-rules, 2025), a write-up of Permiso (2025) and a public
/// tool that reads such records, of `requestParameters`; `responseElements` by analogy.
pub(crate) fn within(json: Json, element: &str) -> Json {
    if bytes_at_most(&json) <= PARAMETERS_BYTES_MAX {
        return json;
    }
    let size = written_bytes(&json);
    if size <= PARAMETERS_BYTES_MAX {
        return json;
    }
    json!({ "reason": format!("{element} too large"), "omitted": "true", "originalSize": size.to_string() })
}

/// The extras, or the mark that they were left out for their size.
fn additional_within(data: AdditionalData) -> AdditionalData {
    let is_too_large =
        data.bytes_at_most() > ADDITIONAL_DATA_BYTES_MAX && written_bytes(&data) > ADDITIONAL_DATA_BYTES_MAX;
    if is_too_large { AdditionalData::new().with("omitted", true) } else { data }
}

/// More than what the JSON takes when it is written, without writing it. Most are far below any bound.
fn bytes_at_most(json: &Json) -> usize {
    // The longest escape is that of a control character: six bytes for one.
    let text = |text: &str| 2 + 6 * text.len();
    match json {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 32,
        Json::String(value) => text(value),
        Json::Array(items) => 2 + items.iter().map(|item| 1 + bytes_at_most(item)).sum::<usize>(),
        Json::Object(members) => {
            2 + members.iter().map(|(key, value)| 2 + text(key) + bytes_at_most(value)).sum::<usize>()
        }
    }
}

/// Bytes of the written JSON.
fn written_bytes(json: &impl Serialize) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be written has a size that nobody knows, and is too large.
    if serde_json::to_writer(&mut count, json).is_ok() { count.0 } else { usize::MAX }
}

#[cfg(test)]
mod tests;
