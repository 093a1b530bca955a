//! Selectors over any record; policies, digests, keys and names of files of any bytes: an answer, and never a panic.
#![no_main]

use std::collections::HashMap;

use digest::verify::PublicKeys;
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
    let _ = validation::parse_key_list(input);
    let keys = PublicKeys::from([("f".to_owned(), input.to_vec())]);
    let time = model::EventTime::from_seconds(0);
    let mut chain = digest::ChainCheck::new(&keys, "b", vec![(time, "k".to_owned())], time);
    let signature = Some("00".to_owned());
    for _ in 0..4 {
        chain.take(Some(&digest::FoundDigest { packed: input.to_vec(), signature: signature.clone() }));
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = digest::DigestPlace::parse(text);
        let _ = digest::names::log_file_minute(text);
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
