//! REST with XML bodies, S3 among them.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::RestXml, &["s3", "route53", "cloudfront"], input));
