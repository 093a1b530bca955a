//! Heads, chunks and where bodies end: any bytes get an answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gateway::http1::read_anything(bytes));
