//! JSON bodies with a target header.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::Json11, &["kms", "ssm", "ecs", "dynamodb"], input));
