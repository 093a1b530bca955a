//! Any bytes as a stored record: what is looked up is derived or refused, and is what the record says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::LookupIndex;

fuzz_target!(|input: &[u8]| {
    let Ok(index) = LookupIndex::derive(input) else { return };
    assert!(!index.event_id.is_empty());
    let Ok(record) = serde_json::from_slice::<serde_json::Value>(input) else {
        panic!("an index was derived from what is no JSON")
    };
    assert_eq!(record["eventID"], index.event_id.as_str());
});
