//! Calls of S3: what was asked is written as it stood in the request, not as the model names it.
//!
//! Bucket, host and key, query parameters under their own names (a sub-resource without a value is the empty text),
//! request headers, and the XML body under the name of its root. Source: S3 user guide, CloudTrail log entries, and
//! 13,000 records.

use std::borrow::Cow;

use aws_wire::catalog::{Location, Operation, Service};
use aws_wire::classify::Call;
use aws_wire::protocol::xml_tree::parse_xml;
use aws_wire::value::{FieldKey, StructureValue, Value};
pub use form_upload::FORM_FIELDS_BYTES_MAX;
use form_upload::key_of_form;
use http::header::HOST;
use http::{HeaderMap, HeaderName, Method};
use percent_decode::decode;
use serde_json::{Map, Value as Json};

use crate::exchange::{BodyCapture, Exchange};
use crate::redact::looks_secret;
use crate::xml_json::element_json;

mod form_upload;
pub(crate) mod percent_decode;

// Made once: a name that is given as a text is read anew at each look.
static COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");

/// Request headers that are written. Those of user data, of signing and of the SDK are not, nor keys that callers
/// provide (their MD5 is).
const REQUEST_HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-bypass-governance-retention",
    "x-amz-confirm-remove-self-bucket-access",
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-range",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
    "x-amz-expected-bucket-owner",
    "x-amz-metadata-directive",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-ownership",
    "x-amz-request-payer",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-source-expected-bucket-owner",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-tagging-directive",
    "x-amz-website-redirect-location",
];

/// Further headers that are written of requests to directory buckets. Source: S3 guide, log entries of directory
/// buckets.
const DIRECTORY_REQUEST_HEADERS: &[&str] = &["x-amz-checksum-mode", "x-amz-create-session-mode"];

/// Request headers that are written as the list that they make. Source: records (PutBucketAcl,
/// github.com/splunk/security_content).
const GRANT_HEADERS: &[&str] = &[
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
];

/// Headers of answers that are written as `responseElements`. Source: records (PutObject) and the guide.
const ANSWER_HEADERS: &[&str] = &[
    "x-amz-abort-date",
    "x-amz-abort-rule-id",
    "x-amz-copy-source-version-id",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-storage-class",
    "x-amz-version-id",
];

/// Object calls whose answer has headers worth a `responseElements`.
const ANSWERED_IN_HEADERS: &[&str] = &[
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjects",
    "PutObject",
    "PutObjectAcl",
    "PutObjectTagging",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Object calls whose answer is an XML body.
const ANSWERED_IN_BODY: &[&str] = &["CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "UploadPartCopy"];

/// Of these, the one whose body is not written. Source: records (github.com/splunk/security_content).
const ANSWERED_IN_HEADERS_ALONE: &str = "CopyObject";

/// Headers of a signature, which are in no list.
const SIGNING_HEADERS: &[&str] = &["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

/// Parameters of a pre-signed URL that prove who signed and are never written.
const SIGNING_PARAMETERS: &[&str] =
    &["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Signature", "AWSAccessKeyId", "x-id"];

/// A bucket and a key, as a request addresses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) bucket: Option<Cow<'a, str>>,
    pub(crate) key: Option<Cow<'a, str>>,
}

impl<'a> Address<'a> {
    /// Splits the path, or takes the bucket from the host where the request has it there.
    pub(crate) fn of(path: &'a str, bucket_in_host: Option<&'a str>) -> Self {
        let (bucket, key) = Self::parts(path, bucket_in_host);
        let present = |text: &'a str| (!text.is_empty()).then(|| decode(text, false));
        Self { bucket: present(bucket), key: present(key) }
    }

    /// The bucket alone.
    fn bucket_of(path: &'a str, bucket_in_host: Option<&'a str>) -> Option<Cow<'a, str>> {
        let (bucket, _) = Self::parts(path, bucket_in_host);
        (!bucket.is_empty()).then(|| decode(bucket, false))
    }

    fn parts(path: &'a str, bucket_in_host: Option<&'a str>) -> (&'a str, &'a str) {
        let path = path.strip_prefix('/').unwrap_or(path);
        match bucket_in_host {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        }
    }
}

/// The zone of a directory bucket, which its name ends with: `base--usw2-az1--x-s3`.
pub(crate) fn directory_zone(bucket: &str) -> Option<&str> {
    bucket.strip_suffix("--x-s3")?.rsplit_once("--").map(|(_, zone)| zone)
}

/// Which service records a call of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorder {
    /// S3 itself.
    S3,
    /// S3 Express: calls on directory buckets, whose operations keep the names of the API. The bucket tells, or the host
    /// that lists all of them. Source: S3 guide, log entries of directory buckets.
    Express,
    /// S3 Tables: calls on the objects of tables, which lie in buckets that no caller can make. Source: S3 guide, log
    /// entries of S3 Tables and rules of names of buckets.
    Tables,
}

impl Recorder {
    pub(crate) fn of(exchange: &Exchange<'_>) -> Self {
        if exchange.subject.service().id != "s3" {
            return Self::S3;
        }
        let bucket_in_host = exchange.subject.call().and_then(|call| call.bucket_in_host.as_deref());
        match Address::bucket_of(exchange.head.path, bucket_in_host) {
            Some(bucket) if directory_zone(&bucket).is_some() => Self::Express,
            Some(bucket) if bucket.ends_with("--table-s3") => Self::Tables,
            Some(_) => Self::S3,
            None => {
                let host = exchange.head.headers.get(HOST).and_then(|host| host.to_str().ok());
                let is_express = host.is_some_and(|host| host.starts_with("s3express-control."));
                if is_express { Self::Express } else { Self::S3 }
            }
        }
    }

    /// The `eventSource`, where it is not that of S3.
    pub(crate) fn source(self) -> Option<&'static str> {
        match self {
            Self::S3 => None,
            Self::Express => Some("s3express.amazonaws.com"),
            Self::Tables => Some("s3tables.amazonaws.com"),
        }
    }
}

/// Name of events of forms that browsers post: a `PutObject` but for method and body. Source: S3 guide (2020), list of data events.
pub(crate) const BROWSER_UPLOAD_NAME: &str = "PostObject";

/// Whether a call is the post of a form, whose fields have to be read before the rest streams.
pub fn is_form_upload(call: &Call, method: &Method) -> bool {
    *method == Method::POST && call.service.id == "s3" && call.service.operation(call.operation).name == "PutObject"
}

/// The key of the object that a form uploads, where the call is one and what is held of it tells.
pub(crate) fn key_of_upload(exchange: &Exchange<'_>) -> Option<String> {
    let call = exchange.subject.call()?;
    if !is_form_upload(call, exchange.head.method) {
        return None;
    }
    match exchange.request_body {
        BodyCapture::Complete(bytes) | BodyCapture::Prefix { bytes, .. } => {
            key_of_form(exchange.head.headers, bytes.get(..FORM_FIELDS_BYTES_MAX).unwrap_or(bytes))
        }
        BodyCapture::Streamed { .. } => None,
    }
}

/// Bucket and key that a copy reads from: `bucket/key`, percent-encoded, with or without a slash before and a version
/// after. A source that is the ARN of an access point names neither.
pub(crate) fn copy_source(headers: &HeaderMap) -> Option<(String, String)> {
    let source = headers.get(&COPY_SOURCE)?.to_str().ok()?;
    let source = source.split_once("?versionId=").map_or(source, |(source, _)| source);
    let source = decode(source.strip_prefix('/').unwrap_or(source), false);
    if source.starts_with("arn:") {
        return None;
    }
    let (bucket, key) = source.split_once('/')?;
    Some((bucket.to_owned(), key.to_owned()))
}

/// The `requestParameters` of an S3 call.
pub(crate) fn request(exchange: &Exchange<'_>, operation: Option<&Operation>) -> Json {
    let call = exchange.subject.call();
    let bucket_in_host = call.and_then(|call| call.bucket_in_host.as_deref());
    let address = Address::of(exchange.head.path, bucket_in_host);
    let mut object = Map::with_capacity(8);
    if let Some(bucket) = address.bucket
        && Recorder::of(exchange) != Recorder::Tables
    {
        object.insert("bucketName".to_owned(), Json::String(bucket.into_owned()));
    }
    add_wire(&mut object, exchange, operation.map(|operation| operation.name.as_str()));
    if let Some(key) = address.key.map(Cow::into_owned).or_else(|| key_of_upload(exchange)) {
        object.insert("key".to_owned(), Json::String(key));
    }
    Json::Object(object)
}

/// The `requestParameters` of a call of the account-level API: labels of the path under their model's names, and the
/// rest as S3 itself.
pub(crate) fn control_request(
    exchange: &Exchange<'_>,
    service: &Service,
    operation: &Operation,
    input: Option<&StructureValue>,
) -> Json {
    let mut object = Map::new();
    if let Some(input) = input {
        let members = service.structure(input.shape).map_or(&[][..], |structure| &structure.members);
        for field in &input.fields {
            if let (FieldKey::Member(index), Value::String(text)) = (&field.key, &field.value)
                && let Some(member) = members.get(usize::from(*index))
                && member.location == Location::Uri
            {
                object.insert(member.wire_name().to_owned(), Json::String(text.clone()));
            }
        }
    }
    add_wire(&mut object, exchange, Some(&operation.name));
    Json::Object(object)
}

/// Host, query parameters, headers and body.
fn add_wire(object: &mut Map<String, Json>, exchange: &Exchange<'_>, operation: Option<&str>) {
    let headers = exchange.head.headers;
    if let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) {
        object.insert("Host".to_owned(), Json::from(host));
    }
    for (name, value) in query_parameters(exchange.head.query) {
        let is_of_signature = SIGNING_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known));
        if !is_of_signature && !looks_secret_here(&name) {
            object.insert(name.into_owned(), Json::String(value.into_owned()));
        }
    }
    add_headers(object, headers, REQUEST_HEADERS);
    if Recorder::of(exchange) == Recorder::Express {
        add_headers(object, headers, DIRECTORY_REQUEST_HEADERS);
    }
    let mut grants = Map::new();
    add_headers(&mut grants, headers, GRANT_HEADERS);
    if !grants.is_empty() {
        object.insert("accessControlList".to_owned(), Json::Object(grants));
    }
    if let Some(operation) = operation
        && !matches!(operation, "PutObject" | "UploadPart" | "WriteGetObjectResponse")
    {
        add_body(object, operation, exchange.request_body);
    }
}

fn add_body(object: &mut Map<String, Json>, operation: &str, body: BodyCapture<'_>) {
    let Some(body) = body.complete() else {
        object.insert("omitted".to_owned(), Json::Bool(true));
        return;
    };
    if body.is_empty() {
        return;
    }
    if operation == "PutBucketPolicy" {
        if let Ok(policy) = serde_json::from_slice(body) {
            object.insert("bucketPolicy".to_owned(), policy);
        }
        return;
    }
    if let Ok(root) = parse_xml(body) {
        object.insert(root.name.clone(), element_json(&root));
    }
}

/// Whether the answer of the operation is an XML body.
pub(crate) fn answers_in_body(operation: &str) -> bool {
    ANSWERED_IN_BODY.contains(&operation)
}

/// The `responseElements` of a successful S3 call that changes something; `None` when S3 writes none.
pub(crate) fn response(operation: &str, headers: &HeaderMap, body: BodyCapture<'_>) -> Option<Json> {
    if !ANSWERED_IN_HEADERS.contains(&operation) {
        return None;
    }
    let mut object = Map::new();
    add_headers(&mut object, headers, ANSWER_HEADERS);
    if ANSWERED_IN_BODY.contains(&operation)
        && operation != ANSWERED_IN_HEADERS_ALONE
        && let Some(body) = body.complete()
        && let Ok(root) = parse_xml(body)
    {
        object.insert(root.name.clone(), element_json(&root));
    }
    (!object.is_empty()).then_some(Json::Object(object))
}

/// Adds the headers of a list. The MD5 of a key is written as S3 spells it.
fn add_headers(object: &mut Map<String, Json>, headers: &HeaderMap, names: &[&str]) {
    // Most headers of a request are none of Amazon's own or are those of the signature, and no list has these.
    let may_be_listed = |name: &str| name.starts_with("x-amz-") && !SIGNING_HEADERS.contains(&name);
    for (name, value) in headers.iter().filter(|(name, _)| may_be_listed(name.as_str())) {
        if let Ok(index) = names.binary_search(&name.as_str())
            && let Ok(text) = value.to_str()
        {
            let key = match names[index].strip_suffix("-md5") {
                Some(start) => format!("{start}-MD5"),
                None => names[index].to_owned(),
            };
            object.insert(key, Json::from(text));
        }
    }
}

/// Names and values of a query string, decoded.
pub(crate) fn query_parameters(query: Option<&str>) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name, true), decode(value, true))
    })
}

/// Query parameters of S3 that only page through a listing.
fn looks_secret_here(name: &str) -> bool {
    looks_secret(name) && !matches!(name, "continuation-token" | "token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_tables_are_sorted() {
        assert!(REQUEST_HEADERS.is_sorted());
        assert!(DIRECTORY_REQUEST_HEADERS.is_sorted());
        assert!(GRANT_HEADERS.is_sorted());
        assert!(ANSWER_HEADERS.is_sorted());
        for names in [REQUEST_HEADERS, DIRECTORY_REQUEST_HEADERS, GRANT_HEADERS, ANSWER_HEADERS] {
            assert!(names.iter().all(|name| name.starts_with("x-amz-") && !SIGNING_HEADERS.contains(name)));
        }
    }

    #[test]
    fn names_tell_directory_buckets() {
        for (bucket, zone) in [
            ("base--usw2-az1--x-s3", Some("usw2-az1")),
            ("a--b--usw2-az1--x-s3", Some("usw2-az1")),
            ("base--x-s3", None),
            ("base", None),
        ] {
            assert_eq!(directory_zone(bucket), zone, "{bucket}");
        }
    }

    #[test]
    fn addresses_have_bucket_and_key() {
        for (path, host, bucket, key) in [
            ("/", None, None, None),
            ("/b", None, Some("b"), None),
            ("/b/", None, Some("b"), None),
            ("/b/in/a%20b.csv", None, Some("b"), Some("in/a b.csv")),
            ("/b//x", None, Some("b"), Some("/x")),
            ("/", Some("b"), Some("b"), None),
            ("/in/a+b", Some("b"), Some("b"), Some("in/a+b")),
        ] {
            let address = Address::of(path, host);
            assert_eq!((address.bucket.as_deref(), address.key.as_deref()), (bucket, key), "{path}");
        }
    }
}
