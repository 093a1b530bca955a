//! The order of checks, and each refusal before an operation is asked.

use api::Operation;
use aws_wire::sigv4::{SecretAccessKey, SigningIdentity, sign_query};
use control::{ControlRequest, ResolvedCaller};
use http::Method;
use model::AccessKeyId;

use crate::world::*;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const UNKNOWN: &str = "The security token included in the request is invalid.";

#[tokio::test]
async fn a_signed_request_is_answered_and_recorded() {
    let world = World::new();
    let response = world.ask(&Asked::lookup("{}")).await;
    assert_eq!(answer(&response), serde_json::json!({"Events": []}));
    assert!(response.is_authenticated && response.is_recorded());
    let ResolvedCaller::Known(caller) = &response.caller else { panic!("{:?}", response.caller) };
    assert_eq!(caller.account.as_str(), ACCOUNT);
    assert_eq!(caller.identity.access_key_id.as_deref(), Some(KEY_ID));
    assert_eq!(caller.identity.identity_type.as_deref(), Some("Root"));
}

#[tokio::test]
async fn the_short_target_and_an_empty_body_are_taken() {
    let world = World::new();
    let asked = Asked { target: Some("CloudTrail_20131101.LookupEvents"), ..Asked::lookup("") };
    answer(&world.ask(&asked).await);
}

#[tokio::test]
async fn a_presigned_request_is_answered() {
    let world = World::new();
    let asked = Asked::lookup("");
    let headers = asked.unsigned_headers();
    let (access_key_id, secret) = (AccessKeyId::parse(KEY_ID).unwrap(), SecretAccessKey::parse(SECRET).unwrap());
    let identity = SigningIdentity {
        access_key_id: &access_key_id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "cloudtrail",
    };
    let query = sign_query(&asked.head(&headers), &identity, 60, now()).expect("signed");
    for (query, status) in [(query.clone(), 200), (format!("{query}0"), 400)] {
        let mut head = asked.head(&headers);
        head.query = Some(&query);
        let request = ControlRequest { head, body: b"", now: now(), request_id: "r-1" };
        assert_eq!(world.plane.handle(request).await.status, status, "{query}");
    }
}

/// Refusals of requests that are signed as they say.
#[tokio::test]
async fn refusals_have_their_code_and_text() {
    let world = World::new();
    let good = Asked::lookup("{}");
    let rows: [(Asked, u16, &str, &str, bool); 15] = [
        (Asked { secret: "wrong", ..good.clone() }, 400, "InvalidSignatureException", MISMATCH, true),
        (Asked { key_id: "AKIAUNKNOWN", ..good.clone() }, 400, "UnrecognizedClientException", UNKNOWN, false),
        (Asked { session_token: Some("token"), ..good.clone() }, 400, "UnrecognizedClientException", UNKNOWN, true),
        (
            Asked { signed_at: ago(901), ..good.clone() },
            400,
            "InvalidSignatureException",
            "Signature expired: 20250301T114459Z is now earlier than 20250301T114500Z (20250301T120000Z - 15 min.)",
            true,
        ),
        (
            Asked { signed_at: ago(-901), ..good.clone() },
            400,
            "InvalidSignatureException",
            "Signature not yet current: 20250301T121501Z is still later than 20250301T121500Z (20250301T120000Z + 15 min.)",
            true,
        ),
        (
            Asked { service: "s3", ..good.clone() },
            400,
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'cloudtrail'.",
            true,
        ),
        (
            Asked { region: "US_EAST", ..good.clone() },
            400,
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'US_EAST'.",
            true,
        ),
        (
            Asked { target: None, ..good.clone() },
            400,
            "UnknownOperationException",
            "The request has no X-Amz-Target header.",
            false,
        ),
        (
            Asked { target: Some("CloudTrail_20131101.Lookup"), ..good.clone() },
            400,
            "UnknownOperationException",
            "Unknown operation: CloudTrail_20131101.Lookup",
            false,
        ),
        (
            Asked { method: Method::GET, ..good.clone() },
            404,
            "UnknownOperationException",
            "The CloudTrail API takes POST requests to / only, not GET /.",
            false,
        ),
        (
            Asked { path: "/x", ..good.clone() },
            404,
            "UnknownOperationException",
            "The CloudTrail API takes POST requests to / only, not POST /x.",
            false,
        ),
        (Asked::lookup("{"), 400, "SerializationException", "The request body is not valid JSON.", false),
        (Asked::lookup("[]"), 400, "SerializationException", "Start of list found where not expected.", true),
        (
            Asked::lookup(format!("\"{}\"", "x".repeat(1024 * 1024))),
            413,
            "RequestEntityTooLargeException",
            "The request body is larger than 1048576 bytes.",
            false,
        ),
        (
            Asked { path: "/PutAuditEvents", target: None, service: "cloudtrail-data", ..good.clone() },
            400,
            "UnsupportedOperationException",
            "PutAuditEvents is not offered by this version of OpenTrail yet. LookupEvents and trails are.",
            true,
        ),
    ];
    for (asked, status, code, message, is_recorded) in rows {
        let response = world.ask(&asked).await;
        check_refused(&response, status, code, message);
        assert_eq!(response.is_recorded(), is_recorded, "{asked:?}");
    }
}

/// Refusals of requests whose credentials are not there, or not whole.
#[tokio::test]
async fn incomplete_credentials_are_refused() {
    let world = World::new();
    let asked = Asked::lookup("{}");
    let bare = asked.unsigned_headers();
    let response = handle(&world.plane, &asked, &bare, now()).await;
    check_refused(&response, 400, "MissingAuthenticationTokenException", "Missing Authentication Token");
    assert!(!response.is_recorded());

    let mut partial = bare.clone();
    partial.insert("authorization", "AWS4-HMAC-SHA256 SignedHeaders=host".parse().unwrap());
    let response = handle(&world.plane, &asked, &partial, now()).await;
    check_refused(
        &response,
        400,
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 SignedHeaders=host",
    );
    for scheme in [format!("AWS {KEY_ID}:c2ln"), "Bearer token".to_owned(), "Basic eDp5".to_owned()] {
        let mut other = bare.clone();
        other.insert("authorization", scheme.parse().unwrap());
        let response = handle(&world.plane, &asked, &other, now()).await;
        assert_eq!(response.headers["x-amzn-errortype"], "IncompleteSignatureException", "{scheme}");
        assert!(!response.is_recorded() && !response.is_authenticated);
    }
}

#[tokio::test]
async fn a_changed_body_is_refused() {
    let world = World::new();
    let asked = Asked::lookup("{}");
    let headers = asked.signed_headers();
    let changed = Asked::lookup(r#"{"MaxResults":1}"#);
    let response = handle(&world.plane, &changed, &headers, now()).await;
    check_refused(&response, 400, "InvalidSignatureException", MISMATCH);
}

#[tokio::test]
async fn what_is_not_built_is_refused_by_name_after_authentication() {
    let world = World::new();
    for operation in Operation::CLOUDTRAIL.iter().filter(|operation| **operation != Operation::LookupEvents) {
        let target: &'static str = Box::leak(format!("CloudTrail_20131101.{operation}").into_boxed_str());
        let asked = Asked { target: Some(target), ..Asked::lookup("{}") };
        let response = world.ask(&asked).await;
        let message =
            format!("{operation} is not offered by this version of OpenTrail yet. LookupEvents and trails are.");
        check_refused(&response, 400, "UnsupportedOperationException", &message);
        assert!(response.is_recorded());
        assert_eq!(response.operation, Some(*operation));
        let response = world.ask(&Asked { secret: "wrong", ..asked }).await;
        check_refused(&response, 400, "InvalidSignatureException", MISMATCH);
    }
}

/// Each row breaks two rules; the one that comes first decides.
#[tokio::test]
async fn checks_run_in_order() {
    let world = World::new();
    let good = Asked::lookup("{}");
    let rows = [
        (Asked { target: None, ..Asked::lookup("{") }, "SerializationException"),
        (Asked { target: None, secret: "wrong", ..good.clone() }, "UnknownOperationException"),
        (Asked { key_id: "AKIAUNKNOWN", secret: "wrong", ..good.clone() }, "UnrecognizedClientException"),
        (Asked { secret: "wrong", ..Asked::lookup("[]") }, "InvalidSignatureException"),
        (Asked { secret: "wrong", ..Asked::lookup(r#"{"MaxResults":0}"#) }, "InvalidSignatureException"),
        (Asked::lookup(r#"{"MaxResults":0,"NextToken":1}"#), "SerializationException"),
    ];
    for (asked, code) in rows {
        let response = world.ask(&asked).await;
        assert_eq!(response.headers["x-amzn-errortype"], code, "{asked:?}");
    }
}
