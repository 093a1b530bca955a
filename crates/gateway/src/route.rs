//! Routes: which service goes where.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_wire::catalog::Service;
use aws_wire::classify::Call;
use http::Response;
use model::EventTime;

use crate::body::{LocalBody, RequestBody};
use crate::caller::Caller;
use crate::resigning::ResignedUpstream;
use crate::upstream::UpstreamUrl;

/// A call for one of our own services.
#[derive(Debug)]
pub struct LocalCall<'a> {
    /// Head of the request, with a Host header whatever the HTTP version.
    pub head: &'a http::request::Parts,
    /// Its body, as received.
    pub body: RequestBody,
    /// The operation, unless the catalog does not know it.
    pub call: Option<&'a Call>,
    /// Who calls, and what is proved about it.
    pub caller: &'a Caller,
    /// Address of the caller.
    pub source_ip: IpAddr,
    /// Time of the request.
    pub now: EventTime,
    /// Request id for the answer, a UUID.
    pub request_id: &'a str,
}

/// An answer of one of our own services.
#[derive(Debug)]
pub struct LocalAnswer {
    /// What the caller gets.
    pub response: Response<LocalBody>,
}

/// One of our own services, behind the same recording as every upstream.
#[async_trait]
pub trait LocalService: Send + Sync + 'static {
    /// Answers a call. The answer is recorded and released by the gateway.
    async fn answer(&self, call: LocalCall<'_>) -> LocalAnswer;

    /// Whether calls whose caller is not known (no signature, or an unknown key) are recorded. CloudTrail's own API
    /// writes no event for them; S3 does.
    fn records_unknown_callers(&self) -> bool;
}

/// Where calls of a service go.
#[derive(Clone)]
pub enum Destination {
    /// To one of our own services.
    Local(Arc<dyn LocalService>),
    /// To an upstream.
    Upstream(Arc<UpstreamUrl>),
    /// To the place that the connection was opened for ([`crate::exchange::Peer::origin`]).
    Origin,
    /// To an upstream that sees our credentials in place of the caller's.
    Resigned(Arc<ResignedUpstream>),
    /// Nowhere: no upstream is configured.
    Nowhere,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(_) => f.write_str("Local"),
            Self::Upstream(url) => write!(f, "Upstream({url})"),
            Self::Origin => f.write_str("Origin"),
            Self::Resigned(upstream) => write!(f, "Resigned({})", upstream.url),
            Self::Nowhere => f.write_str("Nowhere"),
        }
    }
}

/// All routes.
#[derive(Debug)]
pub struct Routes {
    by_service: HashMap<String, Destination>,
    default: Destination,
    resigns: bool,
}

impl Routes {
    /// Routes by catalog id or signing name; what has no route of its own goes to `default`.
    pub fn new(by_service: HashMap<String, Destination>, default: Destination) -> Self {
        let is_resigned = |destination: &Destination| matches!(destination, Destination::Resigned(_));
        let resigns = by_service.values().chain([&default]).any(is_resigned);
        Self { by_service, default, resigns }
    }

    /// Where calls of this service go: the route of its catalog id, else of its signing name, else the default. A
    /// local service takes only the calls of its own catalog id (S3 Control signs as `s3` but is not S3).
    pub fn for_service(&self, service: &Service) -> &Destination {
        if let Some(destination) = self.by_service.get(&service.id) {
            return destination;
        }
        match self.by_service.get(&service.signing_name) {
            Some(upstream @ (Destination::Upstream(_) | Destination::Origin | Destination::Resigned(_))) => upstream,
            _ => &self.default,
        }
    }

    /// Whether calls of this service get another signature that covers their whole body.
    pub(crate) fn signs_bodies_of(&self, service: &Service) -> bool {
        self.resigns
            && !aws_wire::sigv4::canonical::is_s3(&service.signing_name)
            && matches!(self.for_service(service), Destination::Resigned(_))
    }

    /// Where requests go that are not AWS calls.
    pub fn default_destination(&self) -> &Destination {
        &self.default
    }
}
