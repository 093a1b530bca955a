//! REST with JSON bodies: path, query, headers and body together.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::RestJson, &["lambda", "apigateway", "eks"], input));
