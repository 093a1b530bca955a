//! The CloudTrail operations: shapes, bounds and errors, without behaviour.
