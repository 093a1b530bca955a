//! Selectors over any record, policies and digests of any bytes: an answer, and never a panic.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use model::selectors::{EventFacts, EventSelectors, Matcher};

fuzz_target!(|input: &[u8]| {
    if let Ok(facts) = EventFacts::read(input) {
        Matcher::new(&EventSelectors::default()).fits(&facts);
    }
    if let Ok(members) = api::json_input::parse_body(input)
        && let Ok(put) = api::event_selectors::PutEventSelectorsInput::read(members)
        && let Some(selectors) = put.selectors
        && let Ok(facts) = EventFacts::read(br#"{"eventCategory":"Data","resources":[{"type":"AWS::S3::Object"}]}"#)
    {
        Matcher::new(&selectors).fits(&facts);
    }
    let _ = digest::Digest::check(input, "b", "k", "00", |_| Some(input.to_vec()));
    if let Ok(text) = std::str::from_utf8(input) {
        let context = HashMap::from([("aws:sourcearn", "arn".to_owned())]);
        let request = access::bucket_policy::PolicyRequest {
            service: "cloudtrail.amazonaws.com",
            action: "s3:PutObject",
            resource: "arn:aws:s3:::b/k",
            context: &context,
        };
        access::bucket_policy::decide(text, &request);
    }
});
