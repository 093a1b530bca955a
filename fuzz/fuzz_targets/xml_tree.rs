//! The generic XML tree of EC2's raw rendering and of S3's bodies.
#![no_main]

use aws_wire::protocol::xml_tree::parse_xml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(tree) = parse_xml(input) {
        assert!(!tree.name.is_empty());
    }
});
