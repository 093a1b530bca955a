//! Observation of concluded calls, for what a record does not tell: how long a call took, and how much it moved.

use std::time::Duration;

use aws_wire::catalog::Service;
use model::EventRecord;

/// A call whose final record is made.
#[derive(Debug)]
pub struct ConcludedCall<'a> {
    /// The service.
    pub service: &'static Service,
    /// Name of the operation in the published model; `None` when the catalog does not know it.
    pub operation: Option<&'static str>,
    /// The record, as it was written.
    pub record: &'a EventRecord,
    /// Status of the answer; `None` when the gateway does not know it.
    pub status: Option<u16>,
    /// Bytes of the request's body that came.
    pub request_bytes: u64,
    /// Bytes of the answer's body that left, or are about to.
    pub response_bytes: u64,
    /// From the request's head to the last byte of a streamed answer, or to the record of a held one.
    pub duration: Duration,
}

/// Is told of every call that is concluded.
pub trait CallObserver: Send + Sync + 'static {
    /// Called once a call, after its final record was handed to the sink, in the task of the call: it must not block.
    fn concluded(&self, call: &ConcludedCall<'_>);
}
