//! Journal, Parquet segments, manifest, lookup, retention and recovery of events.
