//! The query protocol: forms in, XML out.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::Query, &["iam", "rds", "sns", "cloudformation"], input));
