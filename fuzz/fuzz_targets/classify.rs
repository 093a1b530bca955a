//! Any request head is some call, some service, or none of ours; with its body it is never asked for again.
#![no_main]

use aws_wire::catalog::Catalog;
use aws_wire::classify::{Classification, HostNames, classify};
use aws_wire::sigv4;
use libfuzzer_sys::fuzz_target;
use opentrail_fuzz::RawRequest;

fuzz_target!(|input: &[u8]| {
    let Some(request) = RawRequest::parse(input) else { return };
    let head = request.head();
    let own = ["localhost".to_owned(), "s3.localhost".to_owned()];
    let hosts = HostNames { own: &own };
    let presented = sigv4::parse(&head).ok();
    let scope = presented.as_ref().and_then(|presented| presented.service());
    let catalog = Catalog::embedded();
    let without_body = classify(catalog, &head, &hosts, scope, None);
    let with_body = classify(catalog, &head, &hosts, scope, Some(request.body));
    assert!(!matches!(with_body, Classification::NeedsBody));
    if let (Classification::Call(early), Classification::Call(late)) = (&without_body, &with_body) {
        assert_eq!(early.operation_name(), late.operation_name(), "the body changed what the head had settled");
    }
    if let Classification::Call(call) = &with_body {
        assert!(!call.operation_name().is_empty());
    }
});
