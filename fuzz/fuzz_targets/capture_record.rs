//! Every exchange becomes a record: whole JSON within the size limits, the same from the same, and the note before the
//! call tells the same story as the record after it.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use aws_wire::catalog::Catalog;
use aws_wire::classify::{Classification, HostNames, classify};
use aws_wire::sigv4;
use capture::{Asked, Authentication, BodyCapture, Exchange, Outcome, Subject};
use libfuzzer_sys::fuzz_target;
use model::limits::EVENT_BYTES_MAX;
use model::{AccountId, EventTime, Region, UserIdentity};
use opentrail_fuzz::RawRequest;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let Some(request) = RawRequest::parse(rest) else { return };
    let head = request.head();
    let presented = sigv4::parse(&head).ok();
    let scope = presented.as_ref().and_then(|presented| presented.service());
    // The body of the request stands for that of the answer too, so that both decoders see bytes of one kind.
    let body = match choice % 3 {
        0 => BodyCapture::Complete(request.body),
        1 => BodyCapture::Prefix { bytes: request.body, total_bytes: request.body.len() as u64 + 1 },
        _ => BodyCapture::Streamed { total_bytes: 1 << 40 },
    };
    let status = [200, 204, 304, 400, 403, 404, 500, 503][usize::from(choice / 3) % 8];
    let own = ["s3.localhost".to_owned()];
    let found = classify(Catalog::embedded(), &head, &HostNames { own: &own }, scope, Some(request.body));
    let subject = match &found {
        Classification::Call(call) => Subject::Call(call),
        Classification::ServiceOnly { service, protocol } => Subject::UnknownOperation { service, protocol: *protocol },
        Classification::NeedsBody | Classification::NotAws => return,
    };
    let final_record =
        record_of(&request, subject, body, Outcome::Answered { status, headers: &request.headers, body });
    assert_eq!(
        final_record,
        record_of(&request, subject, body, Outcome::Answered { status, headers: &request.headers, body })
    );
    let note = record_of(&request, subject, body, Outcome::Unknown);
    for member in ["eventID", "eventName", "eventSource", "readOnly", "eventCategory", "userIdentity"] {
        assert_eq!(note[member], final_record[member], "{member}");
    }
    // Of a call that its service has not read, the record does not tell what was asked.
    if !final_record["requestParameters"].is_null() || final_record["errorCode"].is_null() {
        assert_eq!(note["requestParameters"], final_record["requestParameters"]);
    }
    assert_eq!(note["errorCode"], "OutcomeUnknown");
});

fn record_of(
    request: &RawRequest<'_>,
    subject: Subject<'_>,
    body: BodyCapture<'_>,
    outcome: Outcome<'_>,
) -> serde_json::Value {
    let (Ok(account), Ok(region)) = (AccountId::parse("123456789012"), Region::parse("us-east-1")) else {
        panic!("constants parse")
    };
    let caller = std::sync::Arc::new(UserIdentity::default());
    let record = capture::record(&Exchange {
        subject,
        head: request.head(),
        request_body: body,
        caller: &caller,
        authentication: Authentication::SigV4Header,
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: None,
        recipient_account: account,
        region: &region,
        event_id: "0d6a2d1e-2222-4b4b-8d8d-000000000002",
        request_id: "5b0a7e0c-1111-4a4a-9c9c-000000000001",
        event_time: EventTime::from_seconds(1_700_000_000),
        outcome,
        redaction_key: None,
        asked: &Asked::default(),
    });
    let Ok(text) = serde_json::to_string(&record) else { panic!("a record is JSON") };
    assert!(text.len() <= EVENT_BYTES_MAX, "{} bytes", text.len());
    let Ok(value) = serde_json::from_str(&text) else { panic!("what was written can be read") };
    value
}
