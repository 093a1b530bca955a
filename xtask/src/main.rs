//! Chores and drift checks of this repository.
fn main() {}
