//! `requestParameters` and `responseElements` of calls of the catalog.

use aws_wire::catalog::{Location, Member, Operation, Protocol, Service, ShapeKind, Structure};
use aws_wire::classify::Call;
use aws_wire::protocol::{decode_call, decode_response, raw_labels};
use aws_wire::value::{StructureValue, Value};
use http::HeaderMap;
use model::Arn;
use serde_json::{Map, Value as Json, json};

use crate::ec2;
use crate::exchange::{BodyCapture, Exchange};
use crate::operation_facts::OperationFacts;
use crate::redaction_key::RedactionKey;
use crate::render::{Direction, Renderer, lower_first};
use crate::s3::{self, percent_decode::decode};
use crate::service_rules::{Layout, ServiceRules};

/// What became of the input of a call.
#[derive(Debug)]
pub(crate) enum Input {
    /// All of it.
    Decoded(StructureValue),
    /// What path, query and headers say. The body was too long to hold, or is not of the protocol: then nothing of it
    /// can be shown, for nothing tells which part is secret.
    HeadOnly(Option<StructureValue>),
}

impl Input {
    pub(crate) fn value(&self) -> Option<&StructureValue> {
        match self {
            Self::Decoded(value) => Some(value),
            Self::HeadOnly(value) => value.as_ref(),
        }
    }
}

/// Decodes the input of a call as far as it is held.
pub(crate) fn decode_input(exchange: &Exchange<'_>, call: &Call) -> Input {
    let decode = |body| decode_call(call, &exchange.head, body);
    if let BodyCapture::Complete(body) = exchange.request_body
        && let Ok(input) = decode(body)
    {
        return Input::Decoded(input);
    }
    // The members outside the body can be read without it, in the protocols that have any.
    match call.protocol {
        Protocol::RestJson | Protocol::RestXml => Input::HeadOnly(decode(&[]).ok()),
        _ => Input::HeadOnly(None),
    }
}

/// Calls that are content through and through, so that of their parameters only ARNs are written, by service id and
/// beginning of the operation's name. Source: Comprehend guide.
const CONTENT_CALLS: &[(&str, &[&str])] =
    &[("comprehend", &["BatchDetect", "ClassifyDocument", "ContainsPii", "Detect"])];

/// Calls whose parameters are never written, by service id and operation. Source: nine records (2021 to 2023), of answers
/// and of failures; KMS guide.
const UNWRITTEN_REQUESTS: &[(&str, &str)] = &[("cloudwatch", "GetDashboard"), ("kms", "RetireGrant")];

/// Whether an operation is such a call.
pub(crate) fn is_content_call(service: &str, operation: &str) -> bool {
    CONTENT_CALLS.iter().any(|(id, names)| *id == service && names.iter().any(|name| operation.starts_with(name)))
}

/// Whether the parameters of an operation are never written.
pub(crate) fn is_request_unwritten(service: &str, operation: &str) -> bool {
    UNWRITTEN_REQUESTS.contains(&(service, operation))
}

/// The `requestParameters` of a call; `None` when there are none.
pub(crate) fn request_parameters(exchange: &Exchange<'_>, call: &Call, input: &Input) -> Option<Json> {
    let (service, operation) = (call.service, call.service.operation(call.operation));
    let facts = OperationFacts::of(call);
    if facts.writes_no_request {
        return None;
    }
    let rules = ServiceRules::of(service);
    let json = match rules.layout {
        Layout::S3 if service.id == "s3" => s3::request(exchange, Some(operation)),
        Layout::S3 => s3::control_request(exchange, service, operation, input.value()),
        layout => {
            let Some(value) = input.value() else { return Some(json!({ "omitted": true })) };
            let renderer = Renderer::new(service, call.protocol, Direction::Request)
                .of(&operation.name)
                .hashing(exchange.redaction_key);
            match layout {
                Layout::Ec2 => ec2::request(&renderer, operation, value),
                Layout::ApiGateway => api_gateway_request(&renderer, operation, value),
                Layout::Members | Layout::UnwrappedAnswer | Layout::S3 => {
                    let mut object = renderer.members(value);
                    if rules.labels_are_encoded {
                        encode_labels(&renderer, operation, exchange.head.path, &mut object);
                    }
                    Json::Object(object)
                }
            }
        }
    };
    let Json::Object(mut object) = json else { return Some(json) };
    if facts.writes_arns_alone {
        object.retain(|key, _| key.ends_with("Arn"));
    }
    rename_keys(RENAMED_REQUEST_KEYS, &mut object, &service.id, &operation.name);
    facts.defaults.add(&mut object);
    if service.id == "lambda" && operation.name == "UpdateFunctionCode" {
        add_qualified_arn(exchange, &mut object);
    }
    let is_cut = rules.layout != Layout::S3 && matches!(input, Input::HeadOnly(_));
    if is_cut && !sends_content(service, operation) {
        object.insert("omitted".to_owned(), Json::Bool(true));
    }
    (!object.is_empty()).then_some(Json::Object(object))
}

/// Writes the labels of a path as they stand in it. What is hidden is not the label's text, and stays as it is.
fn encode_labels(renderer: &Renderer<'_>, operation: &Operation, path: &str, object: &mut Map<String, Json>) {
    let Some(input) = operation.input.and_then(|shape| renderer.service.structure(shape)) else { return };
    for (name, text) in raw_labels(&operation.http_uri, path).into_iter().filter(|(_, text)| text.contains('%')) {
        let is_label = |member: &&Member| member.location == Location::Uri && member.wire_name() == name;
        if let Some(member) = input.members.iter().find(is_label)
            && let Some(Json::String(value)) = object.get_mut(&renderer.key_of(member))
            && *value == decode(&text, false)
        {
            *value = text.into_owned();
        }
    }
}

/// Lambda writes which function it took the name for, in parts, when its code changes. Source: records.
fn add_qualified_arn(exchange: &Exchange<'_>, object: &mut Map<String, Json>) {
    let Some(name) = object.get("functionName").and_then(Json::as_str) else { return };
    let arn = Arn::parse(name).ok();
    let function = match &arn {
        Some(arn) => arn.resource().strip_prefix("function:").unwrap_or(arn.resource()),
        None => name,
    };
    let function = function.split(':').next().unwrap_or(function);
    let (region, account) = match &arn {
        Some(arn) => (arn.region().to_owned(), arn.account().to_owned()),
        None => (exchange.region.to_string(), exchange.recipient_account.to_string()),
    };
    let parts = json!({
        "arnPrefix": { "partition": exchange.region.partition(), "region": region, "account": account },
        "relativeId": { "functionName": function },
        "functionQualifier": {},
    });
    object.insert("fullyQualifiedArn".to_owned(), parts);
}

/// Whether the body of the operation is content, which is never written anyway.
fn sends_content(service: &Service, operation: &Operation) -> bool {
    let input = operation.input.and_then(|shape| service.structure(shape));
    input.is_some_and(|input| payload_is_content(service, input))
}

fn payload_is_content(service: &Service, structure: &Structure) -> bool {
    let payload = structure.payload.and_then(|index| structure.members.get(usize::from(index)));
    payload.is_some_and(|member| match &service.shape(member.shape).kind {
        ShapeKind::Blob { .. } => true,
        ShapeKind::Structure(structure) => structure.is_event_stream,
        _ => false,
    })
}

/// API Gateway: members of path and query at the top, those of the body under `{operation}Input`. Source: records.
fn api_gateway_request(renderer: &Renderer<'_>, operation: &Operation, value: &StructureValue) -> Json {
    let in_body = |member: Option<&Member>| member.is_none_or(|member| member.location == Location::Body);
    let mut object = renderer.members_where(value, |member| !in_body(member));
    let body = renderer.members_where(value, in_body);
    if !body.is_empty() {
        object.insert(format!("{}Input", lower_first(&operation.name)), Json::Object(body));
    }
    if !object.is_empty() {
        object.insert("template".to_owned(), Json::Bool(false));
    }
    Json::Object(object)
}

/// A successful answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: BodyCapture<'a>,
}

/// Decodes the output of a call, where its answer is held.
pub(crate) fn decode_output(call: &Call, answer: &Answer<'_>) -> Option<StructureValue> {
    let body = answer.body.complete()?;
    decode_response(call.service, call.operation, call.protocol, answer.status, answer.headers, body).ok().flatten()
}

/// Reads whose answer is written all the same, by service id and operation; `*` stands for all. Source: records, of
/// 2020 but for STS and Application Insights; none contradicts them. Those of ACM, Bedrock and Private CA: guides; of ECR:
/// github.com/splunk/security_content (2021).
const ANSWERED_READS: &[(&str, &str)] = &[
    ("acm", "GetCertificate"),
    ("acm-pca", "ListTags"),
    ("acm", "ListCertificates"),
    ("application-insights", "ListApplications"),
    ("athena", "ListWorkGroups"),
    ("bedrock-runtime", "ApplyGuardrail"),
    ("directconnect", "DescribeDirectConnectGateways"),
    ("directconnect", "DescribeLags"),
    ("ecr", "DescribeImageScanFindings"),
    ("redshift", "*"),
    ("sagemaker", "ListLabelingJobs"),
    ("sagemaker", "ListWorkteams"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "AssumeRoot"),
    ("sts", "GetSessionToken"),
];

/// Changes whose answer is not written, by service id and operation. Sources: guides and records, which have no answer
/// where the API gives one; of what is content (rows of a database, texts of documents) also those that ask for the same.
const UNANSWERED_CHANGES: &[(&str, &str)] = &[
    ("appconfigdata", "StartConfigurationSession"),
    ("application-autoscaling", "RegisterScalableTarget"),
    ("cloud9", "CreateEnvironmentEC2"),
    ("codebuild", "UpdateProjectVisibility"),
    ("kinesis", "PutRecord"),
    ("kinesis", "PutRecords"),
    ("lambda", "Invoke"),
    ("lambda", "InvokeAsync"),
    ("lambda", "InvokeWithResponseStream"),
    ("rds-data", "BatchExecuteStatement"),
    ("rds-data", "ExecuteStatement"),
    ("redshift", "DeleteCluster"),
    ("ssm", "PutInventory"),
    ("support", "RefreshTrustedAdvisorCheck"),
    ("textract", "AnalyzeDocument"),
    ("textract", "AnalyzeExpense"),
    ("textract", "AnalyzeID"),
    ("wickr", "CreateNetwork"),
];

/// Whether the answer of a successful call is written at all.
pub(crate) fn is_answer_written(service: &Service, operation: &Operation, read_only: bool) -> bool {
    let entry = (service.id.as_str(), operation.name.as_str());
    let is_answered = |(id, name): &(&str, &str)| *id == entry.0 && (*name == entry.1 || *name == "*");
    if read_only {
        ANSWERED_READS.iter().any(is_answered)
    } else {
        !UNANSWERED_CHANGES.contains(&entry) && !is_item_call(entry)
    }
}

/// Item calls of DynamoDB answer with items, which are never written.
fn is_item_call((service, operation): (&str, &str)) -> bool {
    service == "dynamodb" && crate::category::event_category(service, operation) == model::EventCategory::Data
}

/// The `responseElements` of a successful call whose answer is written; `None` when the answer is empty.
pub(crate) fn response_elements(
    call: &Call,
    answer: &Answer<'_>,
    output: Option<&StructureValue>,
    request_id: &str,
    key: Option<&RedactionKey>,
) -> Option<Json> {
    let (service, operation) = (call.service, call.service.operation(call.operation));
    let rules = ServiceRules::of(service);
    let renderer = Renderer::new(service, call.protocol, Direction::Response).of(&operation.name).hashing(key);
    if rules.layout != Layout::S3 && answer.body.complete().is_none() {
        return Some(json!({ "omitted": true }));
    }
    let object = match rules.layout {
        Layout::S3 => return s3::response(&operation.name, answer.headers, answer.body),
        Layout::Ec2 => {
            return Some(ec2::response(&renderer, service, operation, output, request_id));
        }
        Layout::UnwrappedAnswer => renderer.members(unwrapped(output?)),
        Layout::Members | Layout::ApiGateway => renderer.members(output?),
    };
    let mut object = object;
    if rules.writes_exposed_headers
        && let Some(names) = answer.headers.get(EXPOSED_HEADERS).and_then(|names| names.to_str().ok())
    {
        object.insert("Access-Control-Expose-Headers".to_owned(), Json::from(names));
    }
    rename_keys(RENAMED_ANSWER_KEYS, &mut object, &service.id, &operation.name);
    keep_answer_keys(&mut object, &service.id, &operation.name);
    (!object.is_empty()).then_some(Json::Object(object))
}

/// The header that API Gateway's records have among the members of an answer.
const EXPOSED_HEADERS: &str = "access-control-expose-headers";

/// The only structure of an answer, or the answer itself.
fn unwrapped(output: &StructureValue) -> &StructureValue {
    match output.fields.as_slice() {
        [field] => match &field.value {
            Value::Structure(structure) => structure,
            _ => output,
        },
        _ => output,
    }
}

/// Keys of answers that one operation writes in its own way: service id, operation, key by the rule, key written.
/// Source: records (CreateSecret and PutSecretValue write `arn`, DeleteSecret `aRN`), for PutResourcePolicy those of
/// github.com/panther-labs/panther-analysis.
const RENAMED_ANSWER_KEYS: &[(&str, &str, &str, &str)] = &[
    ("secretsmanager", "CreateSecret", "aRN", "arn"),
    ("secretsmanager", "PutResourcePolicy", "aRN", "arn"),
    ("secretsmanager", "PutSecretValue", "aRN", "arn"),
    ("secretsmanager", "UpdateSecret", "aRN", "arn"),
];

/// Keys of requests that one operation writes in its own way, as above. Source: SQS guide.
const RENAMED_REQUEST_KEYS: &[(&str, &str, &str, &str)] = &[("sqs", "AddPermission", "aWSAccountIds", "AWSAccountIds")];

/// Answers of which only some keys are written. Source: records; of guardrails, whose texts are content, the guide (2026).
const ONLY_ANSWER_KEYS: &[(&str, &str, &[&str])] = &[
    ("bedrock-runtime", "ApplyGuardrail", &["action", "assessments"]),
    ("secretsmanager", "CreateSecret", &["arn"]),
    ("secretsmanager", "PutSecretValue", &["arn"]),
    ("secretsmanager", "UpdateSecret", &["arn"]),
];

fn rename_keys(table: &[(&str, &str, &str, &str)], object: &mut Map<String, Json>, service: &str, operation: &str) {
    for (id, name, key, written) in table {
        if *id == service
            && *name == operation
            && let Some(value) = object.shift_remove(*key)
        {
            object.insert((*written).to_owned(), value);
        }
    }
}

fn keep_answer_keys(object: &mut Map<String, Json>, service: &str, operation: &str) {
    if let Some((_, _, keys)) = ONLY_ANSWER_KEYS.iter().find(|(id, name, _)| *id == service && *name == operation) {
        object.retain(|key, _| keys.contains(&key.as_str()));
    }
}
