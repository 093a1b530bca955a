//! Implements the CloudTrail API over the store.
