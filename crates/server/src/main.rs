//! The opentrail binary: command line, configuration and wiring.
fn main() {}
