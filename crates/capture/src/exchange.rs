//! What the recorder saw of one call.

use std::net::IpAddr;
use std::sync::Arc;

use aws_wire::RequestHead;
use aws_wire::catalog::{Protocol, Service};
use aws_wire::classify::Call;
use http::HeaderMap;
use model::{AccountId, EventTime, Region, TlsDetails, UserIdentity};

use crate::asked::Asked;
use crate::redaction_key::RedactionKey;

/// One HTTP exchange, complete or still without its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// Which operation was called.
    pub subject: Subject<'a>,
    /// Method, target and headers of the request.
    pub head: RequestHead<'a>,
    /// Body of the request.
    pub request_body: BodyCapture<'a>,
    /// Who called.
    pub caller: &'a Arc<UserIdentity>,
    /// How the caller proved it.
    pub authentication: Authentication,
    /// Where the call came from.
    pub source_ip: IpAddr,
    /// TLS parameters of the connection; `None` for plain HTTP.
    pub tls: Option<&'a TlsDetails>,
    /// Account that the record belongs to.
    pub recipient_account: AccountId,
    /// Region of the credential scope, or the default one. Global services are moved to the partition's home region.
    pub region: &'a Region,
    /// Fresh id of the event, a UUID. A note and the record that supersedes it share it.
    pub event_id: &'a str,
    /// The recorder's own id of the request, written when the answer gives none.
    pub request_id: &'a str,
    /// Completion time of the call; for a note, the time of its arrival.
    pub event_time: EventTime,
    /// What came of the call.
    pub outcome: Outcome<'a>,
    /// With a key, hidden texts are written with a keyed hash of their value.
    pub redaction_key: Option<&'a RedactionKey>,
    /// Where what was asked is kept for the next record of the same call.
    pub asked: &'a Asked,
}

/// Which operation a request calls.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An operation of the catalog.
    Call(&'a Call),
    /// The service is known and the operation is not: the caller's model is newer than the catalog.
    UnknownOperation {
        /// The service.
        service: &'static Service,
        /// The protocol that the request speaks.
        protocol: Protocol,
    },
}

impl<'a> Subject<'a> {
    /// The service.
    pub fn service(self) -> &'static Service {
        match self {
            Self::Call(call) => call.service,
            Self::UnknownOperation { service, .. } => service,
        }
    }

    /// The protocol that the request speaks.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Call(call) => call.protocol,
            Self::UnknownOperation { protocol, .. } => protocol,
        }
    }

    /// The call, when its operation is in the catalog.
    pub fn call(self) -> Option<&'a Call> {
        match self {
            Self::Call(call) => Some(call),
            Self::UnknownOperation { .. } => None,
        }
    }
}

/// What is held of a body.
#[derive(Debug, Clone, Copy)]
pub enum BodyCapture<'a> {
    /// All of it.
    Complete(&'a [u8]),
    /// The beginning of a body that is longer than what the recorder holds.
    Prefix {
        /// The bytes held.
        bytes: &'a [u8],
        /// Length of the whole body, as far as it is known.
        total_bytes: u64,
    },
    /// Nothing but its length.
    Streamed {
        /// Length of the whole body, as far as it went.
        total_bytes: u64,
    },
}

impl<'a> BodyCapture<'a> {
    /// The body, if all of it is held.
    pub fn complete(self) -> Option<&'a [u8]> {
        match self {
            Self::Complete(bytes) => Some(bytes),
            Self::Prefix { .. } | Self::Streamed { .. } => None,
        }
    }

    /// Length of the whole body in bytes, as far as it is known.
    pub fn total_bytes(self) -> u64 {
        match self {
            Self::Complete(bytes) => bytes.len() as u64,
            Self::Prefix { total_bytes, .. } | Self::Streamed { total_bytes } => total_bytes,
        }
    }
}

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Signature Version 4 in the `Authorization` header.
    SigV4Header,
    /// Signature Version 4 in the query string.
    SigV4Query,
    /// Signature Version 2 in the `Authorization` header.
    SigV2Header,
    /// Signature Version 2 in the query string.
    SigV2Query,
    /// Not at all.
    Anonymous,
    /// A bearer token.
    Bearer,
}

/// What came of a call.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// Not known: this is the note that is written before the call is forwarded. It becomes the event when the
    /// recorder stops before the answer is recorded.
    Unknown,
    /// The upstream answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// Headers of the answer.
        headers: &'a HeaderMap,
        /// Body of the answer.
        body: BodyCapture<'a>,
    },
    /// The recorder answered with an error of its own, or failed to get an answer.
    Failed {
        /// Error code.
        code: &'a str,
        /// Error text.
        message: &'a str,
    },
}
