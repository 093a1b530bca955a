//! Why a record was not taken.

/// Why a record was not taken. The text is what people read in the list of rejects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// Braces are balanced, and still it is no JSON.
    #[error("not JSON: {detail}")]
    NotJson {
        /// What the parser said.
        detail: String,
    },
    /// JSON, but no CloudTrail record: no event id, no time, …
    #[error("not a CloudTrail record: {detail}")]
    NotARecord {
        /// What is missing or wrong.
        detail: String,
    },
    /// Larger than a record may be.
    #[error("larger than {bytes_max} bytes")]
    TooLong {
        /// The limit that it broke.
        bytes_max: usize,
    },
    /// The file ends, or another record begins, before this one ends.
    #[error("cut off: the record does not end")]
    CutOff,
    /// Something between records that is none.
    #[error("not a JSON object")]
    NotAnObject,
}
