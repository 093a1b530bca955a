//! Whatever a request presents as its signature: it is parsed or refused, and what is refused has a code and a text.
#![no_main]

use aws_wire::sigv4;
use libfuzzer_sys::fuzz_target;
use opentrail_fuzz::RawRequest;

fuzz_target!(|input: &[u8]| {
    let Some(request) = RawRequest::parse(input) else { return };
    match sigv4::parse(&request.head()) {
        Ok(presented) => {
            let _ = presented.service();
            if let Some(authorization) = presented.authorization() {
                assert!(!authorization.access_key_id.as_str().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
