//! A request that was understood: what it asks for, who sent it, and what is held of it. Owned, so that it can outlive the
//! head of its answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aws_wire::RequestHead;
use aws_wire::catalog::{Protocol, Service};
use aws_wire::classify::Call;
use bytes::Bytes;
use capture::{Asked, BodyCapture, Outcome, RedactionKey, Subject};
use http::Method;
use model::{EventRecord, EventTime, Region, TlsDetails};

use crate::answer::{self, Answered};
use crate::caller::Caller;
use crate::exchange::Connection;
use crate::failure::Failure;
use crate::http1::head::IncomingHead;

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Target {
    /// An operation of the catalog.
    Known(Call),
    /// A service of the catalog, and an operation that the catalog does not know.
    UnknownOperation { service: &'static Service, protocol: Protocol },
}

impl Target {
    pub(crate) fn service(&self) -> &'static Service {
        match self {
            Self::Known(call) => call.service,
            Self::UnknownOperation { service, .. } => service,
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Known(call) => call.protocol,
            Self::UnknownOperation { protocol, .. } => *protocol,
        }
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        match self {
            Self::Known(call) => Subject::Call(call),
            Self::UnknownOperation { service, protocol } => Subject::UnknownOperation { service, protocol: *protocol },
        }
    }

    pub(crate) fn call(&self) -> Option<&Call> {
        match self {
            Self::Known(call) => Some(call),
            Self::UnknownOperation { .. } => None,
        }
    }

    /// Whether the call changes nothing. Of an unknown operation only the method tells.
    pub(crate) fn is_read_only(&self, method: &Method) -> bool {
        match self {
            Self::Known(call) => capture::is_read_only(call),
            Self::UnknownOperation { .. } => method == Method::GET || method == Method::HEAD,
        }
    }
}

/// What was held of a request's body.
#[derive(Debug)]
pub(crate) enum HeldRequest {
    Whole(Bytes),
    Prefix(Bytes),
    Streamed,
}

/// Everything that a record needs to know of a request. Owned, so that it can outlive the answer's head.
pub(crate) struct Received {
    pub(crate) connection: Arc<Connection>,
    pub(crate) head: IncomingHead,
    pub(crate) target: Target,
    pub(crate) held: HeldRequest,
    /// Bytes of a streamed body that went on so far.
    pub(crate) streamed_bytes: Arc<AtomicU64>,
    pub(crate) caller: Caller,
    pub(crate) region: Region,
    pub(crate) source_ip: IpAddr,
    pub(crate) event_id: String,
    pub(crate) request_id: String,
    pub(crate) began: Instant,
    pub(crate) tls: Option<TlsDetails>,
    pub(crate) redaction_key: Option<RedactionKey>,
    pub(crate) asked: Asked,
}

impl Received {
    pub(crate) fn record(&self, outcome: Outcome<'_>, event_time: EventTime) -> EventRecord {
        let mut record = capture::record(&self.exchange(outcome, event_time));
        if self.caller.is_claimed && record.error_code.as_deref().is_some_and(capture::refuses_credentials) {
            record.user_identity = self.caller.without_claim();
        }
        record
    }

    pub(crate) fn exchange<'a>(&'a self, outcome: Outcome<'a>, event_time: EventTime) -> capture::Exchange<'a> {
        capture::Exchange {
            subject: self.target.subject(),
            head: request_head(&self.head),
            request_body: match &self.held {
                HeldRequest::Whole(bytes) => BodyCapture::Complete(bytes),
                HeldRequest::Prefix(bytes) => {
                    let total_bytes = self.streamed_bytes.load(Ordering::Relaxed);
                    BodyCapture::Prefix { bytes, total_bytes }
                }
                HeldRequest::Streamed => {
                    BodyCapture::Streamed { total_bytes: self.streamed_bytes.load(Ordering::Relaxed) }
                }
            },
            caller: &self.caller.identity,
            authentication: self.caller.authentication,
            source_ip: self.source_ip,
            tls: self.tls.as_ref(),
            recipient_account: self.caller.account,
            region: &self.region,
            event_id: &self.event_id,
            request_id: &self.request_id,
            event_time,
            outcome,
            redaction_key: self.redaction_key.as_ref(),
            asked: &self.asked,
        }
    }

    /// The gateway's own error, in the shape of the caller's protocol.
    pub(crate) fn fault(&self, failure: &Failure) -> Answered {
        let response = answer::fault(
            self.target.service(),
            self.target.protocol(),
            failure.status,
            failure.code,
            &failure.message,
            &self.request_id,
        );
        response.into()
    }
}

pub(crate) fn request_head(head: &http::request::Parts) -> RequestHead<'_> {
    RequestHead { method: &head.method, path: head.uri.path(), query: head.uri.query(), headers: &head.headers }
}
