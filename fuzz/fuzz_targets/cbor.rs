//! Smithy RPC v2: CBOR bodies.
#![no_main]

use aws_wire::catalog::Protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| opentrail_fuzz::decode(Protocol::RpcV2Cbor, &["cloudwatch"], input));
