//! The header of the PROXY protocol: what was settled stays so when more bytes come.
#![no_main]

use gateway::proxy_protocol::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let whole = parse(input);
    if let Ok(Some(header)) = whole {
        assert!(header.header_bytes <= input.len());
        assert_eq!(parse(&input[..header.header_bytes]), whole);
    }
    for end in 0..input.len().min(256) {
        match parse(&input[..end]) {
            Ok(None) => {}
            settled => assert_eq!(settled, whole),
        }
    }
});
