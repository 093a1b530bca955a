//! Any text as a message of a queue tells of objects, or of none, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &str| {
    let _ = import::notices::objects_of(body);
});
