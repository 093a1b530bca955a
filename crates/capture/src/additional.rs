//! The `additionalEventData` of services that write one.

use aws_wire::catalog::Member;
use aws_wire::header_text;
use aws_wire::value::{StructureValue, Value};
use http::HeaderName;
use model::{AdditionalData, AdditionalValue, EventCategory};
use serde_json::Value as Json;

use crate::asked::Asked;
use crate::exchange::{Authentication, Exchange, Outcome};
use crate::functions::function_arn;
use crate::render::{Direction, Renderer};
use crate::resources::{member_of, text_of};
use crate::s3;

// Made once: a name that is given as a text is read anew at each look.
static X_AMZ_ID_2: HeaderName = HeaderName::from_static("x-amz-id-2");
static DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
static SERVER_SIDE_ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
static CUSTOMER_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");

/// Calls that SES writes the version of the signature of, by records.
const SIGNED_SES_READS: &[&str] =
    &["GetIdentityVerificationAttributes", "GetSendQuota", "GetSendStatistics", "ListIdentities"];

/// The extras of a call; `None` for services that write none.
pub(crate) fn additional_event_data(
    exchange: &Exchange<'_>,
    operation: &str,
    category: EventCategory,
    output: Option<&StructureValue>,
) -> Option<AdditionalData> {
    let service = exchange.subject.service();
    match service.id.as_str() {
        "s3" | "s3control" | "s3outposts" => Some(of_s3(exchange, operation, category)),
        // Source: Developer Tools guide, CloudTrail log entries (2024).
        "codeconnections" | "codestar-connections" if operation == "UpdateRepositoryLink" => {
            Some(AdditionalData::new().with("providerAction", "UpdateRepositoryLink"))
        }
        // Source: Directory Service guide, CloudTrail log entries (2024).
        "ds-data" => {
            let sid = text_of(service, output?, "SID")?;
            Some(AdditionalData::new().with("SID", sid.to_owned()))
        }
        // Source: Application Auto Scaling guide, CloudTrail log entries.
        "application-autoscaling" => Some(AdditionalData::new().with("service", "application-autoscaling")),
        // In place of the parameters, which are not written. Source: KMS guide.
        "kms" if operation == "RetireGrant" => {
            let call = exchange.subject.call()?;
            let grant = text_of(service, Asked::input(exchange, call).value()?, "GrantId")?;
            Some(AdditionalData::new().with("grantId", grant.to_owned()))
        }
        // Which material of the key was used. Source: KMS guide, since 2025.
        "kms" => {
            let material = member_of(service, output?, "KeyMaterialId")?.as_str()?;
            Some(AdditionalData::new().with("keyMaterialId", material.to_owned()))
        }
        // Source: Lambda guide, data events.
        "lambda" if operation == "Invoke" => function_version(exchange),
        // Source: Route 53 guide, CloudTrail log entries.
        "route53" if operation == "ChangeResourceRecordSets" => {
            Some(AdditionalData::new().with("Note", "Do not use to reconstruct hosted zone"))
        }
        // Source: SES guide (2025), log entries of `SendEmail` by both APIs.
        "ses" | "sesv2" if operation.starts_with("Send") => {
            let id = text_of(service, output?, "MessageId")?;
            Some(AdditionalData::new().with("sesMessageId", id.to_owned()))
        }
        // Source: records (2025, github.com/panther-labs/panther-analysis; 2024). No call that changes something has it.
        "ses" if SIGNED_SES_READS.contains(&operation) => match exchange.authentication {
            Authentication::SigV4Header | Authentication::SigV4Query => {
                Some(AdditionalData::new().with("SignatureVersion", "4"))
            }
            _ => None,
        },
        "s3vectors" => Some(of_vectors(exchange)),
        "verifiedpermissions" => decisions(exchange, operation, output?),
        _ => None,
    }
}

/// Source: S3 guide, log entries of S3 Vectors.
fn of_vectors(exchange: &Exchange<'_>) -> AdditionalData {
    let mut data = AdditionalData::new();
    if matches!(exchange.authentication, Authentication::SigV4Header | Authentication::SigV4Query) {
        data.add("SignatureVersion", "SigV4");
    }
    if let Some(suite) = exchange.tls.and_then(|tls| tls.cipher_suite.as_deref()) {
        data.add("cipherSuite", suite.to_owned());
    }
    data
}

/// What was decided, and for what where several were asked for. Source: Verified Permissions guide, log entries.
fn decisions(exchange: &Exchange<'_>, operation: &str, output: &StructureValue) -> Option<AdditionalData> {
    let call = exchange.subject.call()?;
    match operation {
        "IsAuthorized" | "IsAuthorizedWithToken" => {
            let decision = text_of(call.service, output, "decision")?;
            Some(AdditionalData::new().with("decision", decision.to_owned()))
        }
        "BatchIsAuthorized" | "BatchIsAuthorizedWithToken" => {
            let Value::List(results) = member_of(call.service, output, "results")? else { return None };
            let renderer = Renderer::new(call.service, call.protocol, Direction::Response)
                .of(operation)
                .hashing(exchange.redaction_key);
            let is_told = |member: &Member| matches!(&*member.name, "request" | "decision");
            let results = results.iter().filter_map(|result| match result {
                Value::Structure(result) => Some(renderer.members_where(result, |member| member.is_some_and(is_told))),
                _ => None,
            });
            let results: Vec<_> = results.map(Json::Object).collect();
            Some(AdditionalData::new().with("results", Json::from(results)))
        }
        _ => None,
    }
}

/// The version of the function that an invocation ran, by its ARN.
fn function_version(exchange: &Exchange<'_>) -> Option<AdditionalData> {
    let Outcome::Answered { headers, .. } = exchange.outcome else { return None };
    let version = headers.get("x-amz-executed-version")?.to_str().ok()?;
    let call = exchange.subject.call()?;
    let name = text_of(call.service, Asked::input(exchange, call).value()?, "FunctionName")?;
    let function = function_arn(name, exchange.region, exchange.recipient_account);
    Some(AdditionalData::new().with("functionVersion", format!("{function}:{version}")))
}

/// Order of keys and types of numbers: records. Data events write the byte counts as doubles. S3 Express spells the
/// signature in its own way, adds the zone, and counts no bytes of calls on buckets. S3 Tables spells two keys in its own
/// way. Source: S3 guide, log entries of directory buckets and of S3 Tables, and records (2025,
/// github.com/elastic/integrations).
fn of_s3(exchange: &Exchange<'_>, operation: &str, category: EventCategory) -> AdditionalData {
    let bytes = |count: u64| match category {
        EventCategory::Data => AdditionalValue::Double(count as f64),
        _ => AdditionalValue::Count(count),
    };
    let mut data = AdditionalData::new();
    let recorder = s3::Recorder::of(exchange);
    let is_express = recorder == s3::Recorder::Express;
    let (suite_key, id_key) = match recorder {
        s3::Recorder::Tables => ("cipherSuite", "xAmzId2"),
        s3::Recorder::S3 | s3::Recorder::Express => ("CipherSuite", "x-amz-id-2"),
    };
    let counts_bytes = !is_express || category == EventCategory::Data;
    let signature = match exchange.authentication {
        Authentication::SigV4Header if is_express && category == EventCategory::Data => Some(("Sigv4", "AuthHeader")),
        Authentication::SigV4Header => Some(("SigV4", "AuthHeader")),
        Authentication::SigV4Query => Some(("SigV4", "QueryString")),
        Authentication::SigV2Header => Some(("SigV2", "AuthHeader")),
        Authentication::SigV2Query => Some(("SigV2", "QueryString")),
        Authentication::Anonymous | Authentication::Bearer => None,
    };
    if let Some((version, _)) = signature {
        data.add("SignatureVersion", version);
    }
    if let Some(suite) = exchange.tls.and_then(|tls| tls.cipher_suite.as_deref()) {
        data.add(suite_key, suite.to_owned());
    }
    if counts_bytes {
        data.add("bytesTransferredIn", bytes(received_bytes(exchange)));
    }
    let (headers, sent) = match exchange.outcome {
        Outcome::Answered { headers, body, .. } => (Some(headers), body.total_bytes()),
        Outcome::Unknown | Outcome::Failed { .. } => (None, 0),
    };
    let header = |name: &HeaderName| headers.and_then(|headers| headers.get(name)).and_then(header_text);
    if matches!(
        operation,
        "PutObject" | "GetObject" | "CopyObject" | "CompleteMultipartUpload" | "CreateMultipartUpload"
    ) && let Some(applied) = sse_applied(exchange, &header)
    {
        data.add("SSEApplied", applied);
    }
    if let Some((_, method)) = signature {
        data.add("AuthenticationMethod", method);
    }
    if let Some(id) = header(&X_AMZ_ID_2) {
        data.add(id_key, id.to_owned());
    }
    if counts_bytes {
        data.add("bytesTransferredOut", bytes(sent));
    }
    if is_express && category == EventCategory::Data {
        let bucket_in_host = exchange.subject.call().and_then(|call| call.bucket_in_host.as_deref());
        let bucket = s3::Address::of(exchange.head.path, bucket_in_host).bucket;
        if let Some(zone) = bucket.as_deref().and_then(s3::directory_zone) {
            data.add("availabilityZone", zone.to_owned());
        }
    }
    data
}

/// Bytes of content received. A chunked upload says how many of its bytes are content.
fn received_bytes(exchange: &Exchange<'_>) -> u64 {
    let declared = exchange.head.headers.get(&DECODED_CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    declared.unwrap_or_else(|| exchange.request_body.total_bytes())
}

/// Which encryption was applied: asked for by the request, or the bucket's default. Source: S3 guide.
fn sse_applied<'a>(exchange: &Exchange<'_>, answer: &impl Fn(&HeaderName) -> Option<&'a str>) -> Option<&'static str> {
    let asked = exchange.head.headers.contains_key(&SERVER_SIDE_ENCRYPTION);
    if answer(&CUSTOMER_ALGORITHM).is_some() {
        return Some("SSE_C");
    }
    match (answer(&SERVER_SIDE_ENCRYPTION)?, asked) {
        ("AES256", true) => Some("SSE_S3"),
        ("AES256", false) => Some("Default_SSE_S3"),
        (kms, true) if kms.starts_with("aws:kms") => Some("SSE_KMS"),
        (kms, false) if kms.starts_with("aws:kms") => Some("Default_SSE_KMS"),
        _ => None,
    }
}
