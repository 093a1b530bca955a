//! What S3 does that its model does not say.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{Call, is_prefix_ignoring_case};
use crate::RequestHead;
use crate::catalog::{Catalog, Protocol};

/// Signing name of requests to directory buckets and their endpoints.
pub(super) const EXPRESS_SIGNING_NAME: &str = "s3express";

/// The call that the same request is at the endpoint of directory buckets.
///
/// Source: ListDirectoryBuckets of the S3 API reference, the one operation whose request differs from another (that of
/// ListBuckets) in its endpoint alone.
pub(super) fn of_directory_buckets(call: Call) -> Call {
    if call.operation_name() != "ListBuckets" {
        return call;
    }
    match call.service.operation_named("ListDirectoryBuckets") {
        Some(operation) => Call { operation, ..call },
        None => call,
    }
}

/// Whether what stands before S3's name in the host is no bucket but the route of an Object Lambda answer.
///
/// Source: `hostPrefix` of WriteGetObjectResponse in S3's model, which also requires this header.
pub(super) fn has_route_in_host(head: &RequestHead<'_>) -> bool {
    head.path == "/WriteGetObjectResponse" && head.headers.contains_key("x-amz-request-route")
}

/// A form that a browser posts to a bucket, the body of which is the new object: `PutObject` by another way.
///
/// Source: "POST Object" of the S3 API reference. It is in no model, and needs the permission `s3:PutObject`.
pub(super) fn browser_upload(catalog: &'static Catalog, head: &RequestHead<'_>, bucket: Option<&str>) -> Option<Call> {
    let content_type = head.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let path = head.path.trim_matches('/');
    let is_bucket = if bucket.is_some() { path.is_empty() } else { !path.is_empty() && !path.contains('/') };
    if head.method != Method::POST || !is_bucket || !is_prefix_ignoring_case(content_type, "multipart/form-data") {
        return None;
    }
    let service = catalog.service("s3")?;
    let operation = service.operation_named("PutObject")?;
    Some(Call { service, operation, protocol: Protocol::RestXml, bucket_in_host: bucket.map(str::to_owned) })
}

/// Whether a form has the field that every upload has and other forms hardly have in this place: the key of the object.
///
/// Source: "POST Object" of the S3 API reference: `key` is required, and the fields before the file take 20 KB at most.
pub(super) fn has_field_of_upload(body: &[u8]) -> bool {
    const FIELDS_BYTES_MAX: usize = 20 * 1024;
    let fields = body.get(..FIELDS_BYTES_MAX).unwrap_or(body);
    memchr::memmem::find(fields, b"form-data; name=\"key\"").is_some()
}

/// Whether a request is signed with version 2 in a header, in the form that is S3's alone.
///
/// Source: "Signing and authenticating REST requests" of the S3 user guide: `Authorization: AWS {key id}:{signature}`.
pub(super) fn has_version_2_header(head: &RequestHead<'_>) -> bool {
    head.headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS "))
}

/// Whether a request is signed with version 2 in its query string, without an action: so S3's.
///
/// Source: "Query string request authentication alternative" of the same page.
pub(super) fn has_version_2_query(head: &RequestHead<'_>) -> bool {
    let query = head.query.unwrap_or("");
    let has = |name| query.split('&').any(|pair| pair.split_once('=').is_some_and(|(found, _)| found == name));
    has("AWSAccessKeyId") && has("Signature") && has("Expires")
}
