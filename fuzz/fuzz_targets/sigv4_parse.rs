//! Whatever a request presents as its signature: it is parsed or refused, and what is refused has a code and a text.
#![no_main]

use aws_wire::sigv2::SignedByV2;
use aws_wire::sigv4::{self, CLOCK_SKEW_MAX, Presented, SecretAccessKey};
use libfuzzer_sys::fuzz_target;
use model::EventTime;
use opentrail_fuzz::RawRequest;

fuzz_target!(|input: &[u8]| {
    let Some(request) = RawRequest::parse(input) else { return };
    match sigv4::parse(&request.head()) {
        Ok(presented) => {
            let _ = presented.service();
            if let Some(authorization) = presented.authorization() {
                assert!(!authorization.access_key_id.as_str().is_empty());
            }
            if let Presented::SigV2 { access_key_id, placement } = &presented {
                let head = request.head();
                let signed = SignedByV2 { head: &head, bucket_in_host: None, access_key_id, placement: *placement };
                let secret = SecretAccessKey::parse("secret").expect("a secret");
                assert!(signed.verify(&secret, EventTime::from_seconds(1_175_000_000), CLOCK_SKEW_MAX).is_err());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
