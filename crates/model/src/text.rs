//! Texts of records.

/// A text that is short more often than not: up to 24 bytes lie in the value itself, and cost no allocation. Regions,
/// account ids, key ids, addresses and most names of services, operations and resource types are that short.
pub use compact_str::CompactString as Text;
