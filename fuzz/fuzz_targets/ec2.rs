//! EC2's dialect of the query protocol.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::Ec2, &["ec2"], input));
