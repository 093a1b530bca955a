//! One exchange: a request in, an answer out, a durable record between them.
//!
//! ```text
//! head ─▶ classify ─▶ hold body ─▶ caller ─▶ note (fsync) ─▶ forward ─▶ hold answer ─▶ record (fsync) ─▶ release
//!                                            └ changing calls only        └ or: provisional note (fsync) ─▶ stream
//!                                                                              ─▶ final record at the end
//! ```
//!
//! A client that goes away cancels neither the call nor its record: see [`crate::unstoppable`].

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aws_wire::catalog::Catalog;
use aws_wire::classify::{Call, Classification, HostNames, classify};
use aws_wire::sigv4::{self, Presented, SigV4Error};
use bytes::Bytes;
use capture::{Asked, BodyCapture, Outcome};
use http::header::HOST;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use model::{AccountId, EventRecord, EventTime, Region, Text, TlsDetails};
use tokio::sync::{RwLock, oneshot};
use uuid::Uuid;

use crate::answer::{self, Answered};
use crate::body::{AnswerBody, AnswerSource, ClientBody, Held, RequestBody, StreamEnd, StreamReport, hold};
use crate::caller::{Caller, CallerDirectory, CallerLearner, S3Request};
use crate::failure::Failure;
use crate::gap::{GapTracker, gap_record};
use crate::host_region::region_of_host;
use crate::http1::head::{AnswerHead, IncomingHead, MessageHead, remove_hop_by_hop};
use crate::identities::IdentityBook;
use crate::metrics::{CallCounters, CallOutcome, GatewayMetrics};
use crate::observer::{CallObserver, ConcludedCall};
use crate::received::{HeldRequest, Received, Target, request_head};
use crate::recorder::Recorder;
use crate::resigning::{Proved, RESIGNED_BODY_BYTES_MAX, ResignedUpstream};
use crate::route::{Destination, LocalCall, Routes};
use crate::settings::{GatewaySettings, RecordingFailure};
use crate::sink::{EventSink, NoteId, SinkError};
use crate::unstoppable::Unstoppable;
use crate::upstream::{UpstreamBody, UpstreamClient, UpstreamUrl};

/// The other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Its address; behind a proxy with a PROXY header, that of whom the proxy names.
    pub ip: IpAddr,
    /// The address that the connection came from.
    pub connected_ip: IpAddr,
    /// TLS parameters, if the connection has TLS.
    pub tls: Option<TlsDetails>,
    /// Where the other end believes that it is connected to; [`Destination::Origin`] goes there. `None` when that is the
    /// gateway itself.
    pub origin: Option<Arc<UpstreamUrl>>,
}

/// What the connections of one runtime share: upstream connections and a way to the journal, so that a call stays on
/// one thread from its first byte to its last.
#[derive(Clone)]
pub struct Lane {
    client: UpstreamClient,
    recorder: Recorder,
}

/// A client's connection.
pub struct Connection {
    /// The other end.
    pub peer: Peer,
    /// What it shares with others.
    pub lane: Lane,
}

/// What an installation gives its gateway, beside settings.
pub struct Surroundings {
    /// Account of callers that nothing is known of.
    pub default_account: AccountId,
    /// Region of calls that name none.
    pub default_region: Region,
    /// The time.
    pub clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
    /// Fresh ids for events and requests.
    pub new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
    /// Keys that are known.
    pub directory: Arc<dyn CallerDirectory>,
    /// Where records go.
    pub sink: Arc<dyn EventSink>,
    /// Who keeps what is known of keys of upstreams, if anyone.
    pub identities: Option<Arc<dyn IdentityBook>>,
    /// Who is told of concluded calls, if anyone.
    pub observer: Option<Arc<dyn CallObserver>>,
}

/// The recording proxy.
pub struct Gateway {
    settings: GatewaySettings,
    surroundings: Surroundings,
    catalog: &'static Catalog,
    routes: Routes,
    callers: CallerLearner,
    metrics: GatewayMetrics,
    call_counters: CallCounters,
    gaps: GapTracker,
    /// Held for reading by every record that is still to be written after its answer began to leave.
    open_records: Arc<RwLock<()>>,
}

/// The head of an answer, and where its body comes from.
struct Answer {
    head: AnswerHead,
    source: AnswerSource,
}

impl From<(AnswerHead, UpstreamBody)> for Answer {
    fn from((head, body): (AnswerHead, UpstreamBody)) -> Self {
        Self { head, source: AnswerSource::Upstream(body) }
    }
}

/// A request that was understood, and what is to be done with it.
struct Understood {
    received: Box<Received>,
    destination: Destination,
    rest: RequestBody,
}

impl Gateway {
    /// A gateway over the embedded catalog.
    pub fn new(
        settings: GatewaySettings,
        surroundings: Surroundings,
        routes: Routes,
        metrics: GatewayMetrics,
    ) -> Arc<Self> {
        let callers = CallerLearner::new(
            Arc::clone(&surroundings.directory),
            surroundings.default_account,
            settings.reads_account_of_key_id,
        );
        Arc::new(Self {
            settings,
            surroundings,
            catalog: Catalog::embedded(),
            routes,
            callers,
            call_counters: CallCounters::new(&metrics),
            metrics,
            gaps: GapTracker::default(),
            open_records: Arc::new(RwLock::new(())),
        })
    }

    /// The settings.
    pub fn settings(&self) -> &GatewaySettings {
        &self.settings
    }

    /// The counters.
    pub fn metrics(&self) -> &GatewayMetrics {
        &self.metrics
    }

    /// A lane for connections that are served on the current runtime. It lives as long as they do.
    pub fn lane(&self) -> Lane {
        Lane {
            client: UpstreamClient::new(&self.settings),
            recorder: Recorder::start(Arc::clone(&self.surroundings.sink)),
        }
    }

    /// Waits until the records of all streamed answers are written. For shutdown, when no new request comes.
    pub async fn finish_records(&self) {
        drop(self.open_records.write().await);
    }

    /// Serves one request that a library read. Cancelling it (the client went away) does not cancel the call or its record.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<Connection>,
    ) -> Response<AnswerBody> {
        let (parts, body) = request.into_parts();
        let answered = self.answer_to(MessageHead::without_lines(parts), body.into(), connection).await;
        let mut response = answered.into_response();
        remove_hop_by_hop(response.headers_mut());
        response
    }

    /// Answers one request; see [`Self::serve`].
    pub(crate) async fn answer_to(
        self: Arc<Self>,
        head: IncomingHead,
        body: ClientBody,
        connection: Arc<Connection>,
    ) -> Answered {
        self.metrics.calls_in_flight.inc();
        let gateway = self;
        Unstoppable::new(async move {
            let answered = Arc::clone(&gateway).exchange(head, body, connection).await;
            gateway.metrics.calls_in_flight.dec();
            answered
        })
        .await
    }

    /// Passes on one request as what is no AWS call: untouched and unrecorded, but counted.
    pub async fn serve_unrecorded(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<Connection>,
    ) -> Response<AnswerBody> {
        let (mut parts, body) = request.into_parts();
        put_host_header(&mut parts);
        let body = Held::Longer { prefix: Bytes::new(), rest: body.into() };
        let answered = self.pass_on(&connection, &MessageHead { parts, lines: None }, body).await;
        let mut response = answered.into_response();
        remove_hop_by_hop(response.headers_mut());
        response
    }

    async fn exchange(self: Arc<Self>, head: IncomingHead, body: ClientBody, connection: Arc<Connection>) -> Answered {
        let Understood { received, destination, rest } = match self.understand(head, body, connection).await {
            Ok(understood) => understood,
            Err(answered) => return answered,
        };
        if let Destination::Local(service) = &destination
            && !service.records_unknown_callers()
            && !received.caller.proof.is_of_known_key()
        {
            self.metrics.unrecorded_unknown_callers.inc();
            return match Box::pin(self.forward(&received, &destination, rest)).await {
                Ok(answer) => self.pass_back(answer),
                Err(failure) => received.fault(&failure),
            };
        }
        self.record_exchange(received, destination, rest).await
    }

    /// What a request is, and who sends it. What is no AWS call, or cannot be read, is answered at once.
    async fn understand(
        &self,
        mut head: IncomingHead,
        body: ClientBody,
        connection: Arc<Connection>,
    ) -> Result<Understood, Answered> {
        let began = Instant::now();
        put_host_header(&mut head.parts);
        let presented = sigv4::parse(&request_head(&head));
        let (target, held, rest) = match self.identify(&head, &presented, body).await {
            Ok(Identified::Aws { target, held, rest }) => (target, held, rest),
            Ok(Identified::NotAws { body }) => return Err(Box::pin(self.pass_on(&connection, &head, body)).await),
            Err(message) => return Err(answer::plain(400, &message).into()),
        };
        let now = (self.surroundings.clock)();
        let sender = self.sender(&presented, &head, &target, &held.0, now);
        drop(presented);
        let mut received = self.receive(connection, head, target, held, sender, began);
        let destination = self.routes.for_service(received.target.service()).clone();
        if let Destination::Upstream(_) | Destination::Origin = &destination {
            received.caller.claim_no_more_than_proved();
            if let Some(identities) = &self.surroundings.identities {
                received.caller.claim(&**identities, now);
            }
        }
        // A proxy that passes a stranger's call on passes the stranger's `User-Agent` on as well.
        let trusted = &self.settings.trusted_proxies;
        if trusted.contains(received.connection.peer.connected_ip) && trusted.contains(received.source_ip) {
            received.caller.note_service(&received.head.headers);
        }
        Ok(Understood { received, destination, rest })
    }

    /// **Intent before forward**, then **outcome before release**.
    async fn record_exchange(
        self: Arc<Self>,
        received: Box<Received>,
        destination: Destination,
        rest: RequestBody,
    ) -> Answered {
        let mut note = None;
        if !received.target.is_read_only(&received.head.method) {
            match self.note(&received, Outcome::Unknown, None).await {
                Ok(id) => note = Some(id),
                Err(error) if self.is_closed(&received) => {
                    self.metrics.refused_unrecordable.inc();
                    return received.fault(&Failure::unrecordable(&error, "it was not carried out"));
                }
                // Open: the call goes on; its final record may still find a working journal, else it is counted there.
                Err(error) => tracing::error!(%error, "a call goes on without a note of it"),
            }
        }
        match self.forward(&received, &destination, rest).await {
            Ok(answer) => self.answer(received, answer, note).await,
            Err(failure) => Box::pin(self.fail(received, failure, note)).await,
        }
    }

    /// Which call a request is, with its body held as far as its kind asks for.
    async fn identify(
        &self,
        head: &http::request::Parts,
        presented: &Result<Presented<'_>, SigV4Error>,
        body: ClientBody,
    ) -> Result<Identified, String> {
        let hosts = HostNames { own: &self.settings.bucket_host_names };
        let claimed = if presented.is_err() { sigv4::claimed_service(&request_head(head)) } else { None };
        let scope_service = claimed.as_deref().or_else(|| presented.as_ref().ok().and_then(Presented::service));
        let classified = classify(self.catalog, &request_head(head), &hosts, scope_service, None);
        let (classified, held) = match classified {
            Classification::NeedsBody => {
                let held = self.hold_request(body, self.settings.captured_body_bytes_max).await?;
                let bytes = match &held {
                    Held::Whole { bytes, .. } | Held::Longer { prefix: bytes, .. } => bytes,
                };
                (classify(self.catalog, &request_head(head), &hosts, scope_service, Some(bytes)), held)
            }
            Classification::Call(Call { service, .. }) | Classification::ServiceOnly { service, .. }
                if self.routes.signs_bodies_of(service) =>
            {
                (classified, self.hold_request(body, RESIGNED_BODY_BYTES_MAX).await?)
            }
            // The fields of a form say which object it uploads.
            Classification::Call(ref call) if capture::is_form_upload(call, &head.method) => {
                (classified, self.hold_request(body, capture::FORM_FIELDS_BYTES_MAX).await?)
            }
            Classification::Call(ref call) if capture::is_streaming_request(call) => {
                (classified, Held::Longer { prefix: Bytes::new(), rest: body })
            }
            Classification::NotAws => {
                return Ok(Identified::NotAws { body: Held::Longer { prefix: Bytes::new(), rest: body } });
            }
            Classification::Call(_) | Classification::ServiceOnly { .. } => {
                (classified, self.hold_request(body, self.settings.captured_body_bytes_max).await?)
            }
        };
        let target = match classified {
            Classification::Call(call) => Target::Known(call),
            Classification::ServiceOnly { service, protocol } => Target::UnknownOperation { service, protocol },
            Classification::NotAws | Classification::NeedsBody => return Ok(Identified::NotAws { body: held }),
        };
        Ok(self.split_body(target, held))
    }

    async fn hold_request(&self, body: ClientBody, bytes_max: usize) -> Result<Held<ClientBody>, String> {
        hold(body, bytes_max, self.settings.body_idle_timeout)
            .await
            .map_err(|error| format!("The request's body could not be read: {error}.\n"))
    }

    /// Divides a body into what the record reads and what goes on.
    fn split_body(&self, target: Target, held: Held<ClientBody>) -> Identified {
        let counted = Arc::new(AtomicU64::new(0));
        let (seen, rest) = match held {
            Held::Whole { bytes, trailers } => {
                counted.store(bytes.len() as u64, Ordering::Relaxed);
                (HeldRequest::Whole(bytes.clone()), RequestBody::whole(bytes, trailers))
            }
            Held::Longer { prefix, rest } => {
                let seen = if prefix.is_empty() { HeldRequest::Streamed } else { HeldRequest::Prefix(prefix.clone()) };
                let idle = self.settings.body_idle_timeout;
                (seen, RequestBody::streamed(prefix, rest, Arc::clone(&counted), idle))
            }
        };
        Identified::Aws { target, held: (seen, counted), rest }
    }

    /// Who sent a request, and the region that they address.
    fn sender(
        &self,
        presented: &Result<Presented<'_>, SigV4Error>,
        head: &http::request::Parts,
        target: &Target,
        held: &HeldRequest,
        now: EventTime,
    ) -> (Caller, Region) {
        let s3 = (target.service().id == "s3")
            .then(|| S3Request { bucket_in_host: target.call().and_then(|call| call.bucket_in_host.as_deref()) });
        let payload_hash = || match held {
            HeldRequest::Whole(bytes) => Some(sigv4::payload_hash(bytes)),
            HeldRequest::Prefix(_) | HeldRequest::Streamed => None,
        };
        let caller = self.callers.learn(presented, &request_head(head), payload_hash, s3, now);
        let region = presented
            .as_ref()
            .ok()
            .and_then(Presented::authorization)
            .and_then(|authorization| Region::parse(&authorization.scope.region).ok())
            .or_else(|| region_of_host(&head.headers))
            .unwrap_or_else(|| self.surroundings.default_region.clone());
        (caller, region)
    }

    fn receive(
        &self,
        connection: Arc<Connection>,
        head: IncomingHead,
        target: Target,
        (held, streamed_bytes): (HeldRequest, Arc<AtomicU64>),
        (mut caller, region): (Caller, Region),
        began: Instant,
    ) -> Box<Received> {
        caller.belong_to(&self.settings.member_accounts);
        let surroundings = &self.surroundings;
        let source_ip = self.settings.trusted_proxies.source(connection.peer.ip, &head.headers);
        let tls = connection.peer.tls.as_ref().map(|details| TlsDetails {
            client_provided_host_header: head.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
            ..details.clone()
        });
        // In a box, because it moves through every step of the exchange.
        Box::new(Received {
            connection,
            head,
            target,
            held,
            streamed_bytes,
            caller,
            region,
            source_ip,
            event_id: id_text((surroundings.new_id)()),
            request_id: id_text((surroundings.new_id)()),
            began,
            tls,
            redaction_key: self.settings.redaction_key.clone(),
            asked: Asked::default(),
        })
    }

    async fn forward(
        &self,
        received: &Received,
        destination: &Destination,
        body: RequestBody,
    ) -> Result<Answer, Failure> {
        match destination {
            Destination::Upstream(_) | Destination::Origin => {
                let Some(url) = upstream_of(destination, &received.connection.peer) else {
                    return Err(Failure::no_origin());
                };
                let client = &received.connection.lane.client;
                match client.send(&url, &received.head, received.head.lines.as_ref(), body).await {
                    Ok(response) => Ok(response.into()),
                    Err(error) => {
                        self.metrics.upstream_failures.inc();
                        tracing::warn!(%error, service = received.target.service().id, "an upstream did not answer");
                        Err(Failure::upstream(&error))
                    }
                }
            }
            Destination::Resigned(upstream) => Box::pin(self.forward_resigned(received, upstream, body)).await,
            Destination::Local(service) => {
                let call = LocalCall {
                    head: &received.head,
                    body,
                    call: received.target.call(),
                    caller: &received.caller,
                    source_ip: received.source_ip,
                    now: (self.surroundings.clock)(),
                    request_id: &received.request_id,
                };
                let (parts, body) = service.answer(call).await.response.into_parts();
                Ok(Answer { head: MessageHead::without_lines(parts), source: AnswerSource::Local(body) })
            }
            Destination::Nowhere => {
                let service = &received.target.service().id;
                Err(Failure {
                    status: 501,
                    code: "NotImplemented",
                    message: format!(
                        "OpenTrail has no upstream for '{service}'. Start it with --upstream URL, or name one for this \
                         service in the [upstreams] table of its configuration."
                    ),
                })
            }
        }
    }

    /// Sends a call on with another signature.
    async fn forward_resigned(
        &self,
        received: &Received,
        upstream: &ResignedUpstream,
        body: RequestBody,
    ) -> Result<Answer, Failure> {
        let payload_hash = match &received.held {
            HeldRequest::Whole(bytes) => Some(sigv4::payload_hash(bytes)),
            HeldRequest::Prefix(_) | HeldRequest::Streamed => None,
        };
        let proved = Proved {
            head: &received.head,
            service: received.target.service(),
            protocol: received.target.protocol(),
            call: received.target.call(),
            proof: &received.caller.proof,
            region: &received.region,
            payload_hash,
            now: (self.surroundings.clock)(),
        };
        let request = upstream.resign(&proved, body).map_err(Failure::refused)?;
        match received.connection.lane.client.send(&upstream.url, &request.head, None, request.body).await {
            Ok(response) => Ok(response.into()),
            Err(error) => match request.chunk_error.get() {
                Some(error) => Err(Failure::rejected(error.rejection())),
                None => {
                    self.metrics.upstream_failures.inc();
                    tracing::warn!(%error, service = received.target.service().id, "an upstream did not answer");
                    Err(Failure::upstream(&error))
                }
            },
        }
    }

    async fn answer(
        self: Arc<Self>,
        received: Box<Received>,
        Answer { head, source }: Answer,
        note: Option<NoteId>,
    ) -> Answered {
        let is_streaming = received.target.call().is_some_and(capture::is_streaming_response);
        let hold_bytes_max =
            if is_streaming { self.settings.held_stream_bytes_max } else { self.settings.captured_body_bytes_max };
        let has_body = received.head.method != Method::HEAD;
        let length = if has_body { source.size_hint().exact() } else { Some(0) };
        let streams_at_once = match length {
            Some(length) => length > hold_bytes_max as u64,
            None => is_streaming,
        };
        let held = if streams_at_once {
            Held::Longer { prefix: Bytes::new(), rest: source }
        } else {
            match hold(source, hold_bytes_max, self.settings.body_idle_timeout).await {
                Ok(held) => held,
                Err(error) => {
                    let failure = Failure {
                        status: 503,
                        code: "ServiceUnavailable",
                        message: format!("OpenTrail got only a part of the upstream's answer: {error}."),
                    };
                    return Box::pin(self.fail(received, failure, note)).await;
                }
            }
        };
        match held {
            Held::Whole { bytes, trailers } => {
                let outcome = Outcome::Answered {
                    status: head.status.as_u16(),
                    headers: &head.headers,
                    body: BodyCapture::Complete(&bytes),
                };
                if received.target.call().is_some_and(capture::is_teacher) {
                    Box::pin(self.learn(&received, outcome)).await;
                }
                if let Err(failure) = self.append(&received, outcome, note, Some(head.status.as_u16())).await {
                    return received.fault(&failure);
                }
                Answered { head, body: AnswerBody::whole(bytes, trailers) }
            }
            Held::Longer { prefix, rest } => {
                let answer = Answer { head, source: rest };
                Box::pin(self.stream(received, answer, prefix, note)).await
            }
        }
    }

    /// Learns what an answer teaches about keys, before it is released.
    async fn learn(&self, received: &Received, outcome: Outcome<'_>) {
        let Some(identities) = &self.surroundings.identities else { return };
        let now = (self.surroundings.clock)();
        let lessons = capture::identity_lessons(&received.exchange(outcome, now));
        if !lessons.is_empty() {
            identities.learn(lessons, now).await;
        }
    }

    /// Streams an answer: a provisional record is durable before its first byte, the final one follows its last.
    async fn stream(
        self: Arc<Self>,
        received: Box<Received>,
        Answer { head, source: rest }: Answer,
        prefix: Bytes,
        note: Option<NoteId>,
    ) -> Answered {
        let provisional = Outcome::Answered {
            status: head.status.as_u16(),
            headers: &head.headers,
            body: BodyCapture::Streamed { total_bytes: 0 },
        };
        let note = match self.note(&received, provisional, note).await {
            Ok(id) => Some(id),
            Err(error) if self.is_closed(&received) => {
                self.metrics.refused_unrecordable.inc();
                let what_happened = "its answer is withheld; it may have taken effect";
                return received.fault(&Failure::unrecordable(&error, what_happened));
            }
            Err(error) => {
                tracing::error!(%error, "an answer is streamed without a provisional record");
                note
            }
        };
        let (sender, receiver) = oneshot::channel();
        let body = AnswerBody::streamed(prefix, rest, self.settings.body_idle_timeout, Some(sender));
        let (status, headers) = (head.status.as_u16(), head.headers.clone());
        let open_record = Arc::clone(&self.open_records).read_owned().await;
        tokio::spawn(async move {
            let report = receiver
                .await
                .unwrap_or(StreamReport { sent_bytes: 0, end: StreamEnd::SourceFailed("it was lost".to_owned()) });
            let body = BodyCapture::Streamed { total_bytes: report.sent_bytes };
            let outcome = Outcome::Answered { status, headers: &headers, body };
            let mut record = received.record(outcome, (self.surroundings.clock)());
            if let StreamEnd::SourceFailed(reason) = &report.end
                && record.error_code.is_none()
            {
                record.error_code = Some(Text::const_new("IncompleteBody"));
                record.error_message =
                    Some(format!("The answer broke off after {} bytes: {reason}.", report.sent_bytes).into());
            }
            // The answer has left: nobody is there to be refused. A failure leaves the provisional record in force.
            let appended = received.connection.lane.recorder.append(&record, note);
            let observed = self.keep_for_observer(record);
            if let Err(error) = self.until_durable(appended).await {
                self.gaps.count((self.surroundings.clock)());
                tracing::error!(%error, "the final record of a streamed answer is lost; its provisional one stands");
            }
            self.conclude(&received, Some(status), observed.as_deref(), report.sent_bytes);
            drop(open_record);
        });
        Answered { head, body }
    }

    /// Records a call that the gateway itself answers with an error, and answers it.
    async fn fail(&self, received: Box<Received>, failure: Failure, note: Option<NoteId>) -> Answered {
        let outcome = Outcome::Failed { code: failure.code, message: &failure.message };
        match self.append(&received, outcome, note, Some(failure.status)).await {
            Ok(()) => received.fault(&failure),
            Err(unrecordable) => received.fault(&unrecordable),
        }
    }

    async fn note(
        &self,
        received: &Received,
        outcome: Outcome<'_>,
        supersedes: Option<NoteId>,
    ) -> Result<NoteId, SinkError> {
        let noted = {
            let record = received.record(outcome, (self.surroundings.clock)());
            received.connection.lane.recorder.note(&record, supersedes)
        };
        self.until_durable(noted).await
    }

    /// Appends the final record of a call. An error is what the caller gets in place of the answer (`closed`); in
    /// `open` mode the gap is counted and the answer may leave.
    async fn append(
        &self,
        received: &Received,
        outcome: Outcome<'_>,
        note: Option<NoteId>,
        status: Option<u16>,
    ) -> Result<(), Failure> {
        let response_bytes = match outcome {
            Outcome::Answered { body, .. } => body.total_bytes(),
            Outcome::Unknown | Outcome::Failed { .. } => 0,
        };
        let (appended, observed) = {
            let record = received.record(outcome, (self.surroundings.clock)());
            let appended = received.connection.lane.recorder.append(&record, note);
            (appended, self.keep_for_observer(record))
        };
        let appended = self.until_durable(appended).await;
        self.conclude(received, status, observed.as_deref(), response_bytes);
        let Err(error) = appended else {
            if self.gaps.is_open() {
                Box::pin(self.record_gap(&received.connection.lane)).await;
            }
            return Ok(());
        };
        if self.is_closed(received) {
            self.metrics.refused_unrecordable.inc();
            return Err(Failure::unrecordable(&error, "its answer is withheld; it may have taken effect"));
        }
        self.metrics.unrecorded.inc();
        self.gaps.count((self.surroundings.clock)());
        tracing::error!(%error, "a call went on unrecorded");
        Ok(())
    }

    /// Waits for a record to be durable, and measures how long.
    async fn until_durable<T>(&self, committed: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let outcome = committed.await;
        self.metrics.durable_seconds.0.observe(began.elapsed().as_secs_f64());
        outcome
    }

    /// The record, if somebody is to be told of it; it is too large to wait with every call.
    fn keep_for_observer(&self, record: EventRecord) -> Option<Box<EventRecord>> {
        self.surroundings.observer.is_some().then(|| Box::new(record))
    }

    /// Tells of calls that went unrecorded, once recording works again.
    async fn record_gap(&self, lane: &Lane) {
        let Some(gap) = self.gaps.take() else { return };
        let surroundings = &self.surroundings;
        let record = gap_record(
            &gap,
            surroundings.default_account,
            &surroundings.default_region,
            (surroundings.new_id)().to_string(),
            (surroundings.clock)(),
        );
        match self.until_durable(lane.recorder.append(&record, None)).await {
            Ok(()) => {
                tracing::warn!(calls = gap.call_count, first = %gap.first, last = %gap.last, "a gap was recorded")
            }
            Err(_) => self.gaps.put_back(gap),
        }
    }

    fn is_closed(&self, received: &Received) -> bool {
        let service = received.target.service();
        self.settings.recording_failure_for(&service.id, &service.signing_name) == RecordingFailure::Closed
    }

    /// Counts a call, and tells the observer of it.
    fn conclude(&self, received: &Received, status: Option<u16>, record: Option<&EventRecord>, response_bytes: u64) {
        self.count_call(received, status);
        let (Some(observer), Some(record)) = (&self.surroundings.observer, record) else { return };
        observer.concluded(&ConcludedCall {
            service: received.target.service(),
            operation: received.target.call().map(Call::operation_name),
            record,
            status,
            request_bytes: received.streamed_bytes.load(Ordering::Relaxed),
            response_bytes,
            duration: received.began.elapsed(),
        });
    }

    fn count_call(&self, received: &Received, status: Option<u16>) {
        let outcome = match status {
            Some(status) if status < 400 => CallOutcome::Ok,
            Some(status) if status < 500 => CallOutcome::ClientError,
            _ => CallOutcome::ServerError,
        };
        self.call_counters.count(received.target.service(), outcome);
    }

    /// Passes on what is no AWS call, untouched and unrecorded, but counted.
    async fn pass_on(
        &self,
        connection: &Connection,
        head: &MessageHead<http::request::Parts>,
        body: Held<ClientBody>,
    ) -> Answered {
        self.metrics.unrecognised.inc();
        let Some(url) = upstream_of(self.routes.default_destination(), &connection.peer) else {
            let text = "This is not a request of any AWS service, and no upstream is configured to pass it on to.\n";
            return answer::plain(404, text).into();
        };
        let body = match body {
            Held::Whole { bytes, trailers } => RequestBody::whole(bytes, trailers),
            Held::Longer { prefix, rest } => {
                let idle = self.settings.body_idle_timeout;
                RequestBody::streamed(prefix, rest, Arc::new(AtomicU64::new(0)), idle)
            }
        };
        match connection.lane.client.send(&url, head, head.lines.as_ref(), body).await {
            Ok(answer) => self.pass_back(answer.into()),
            Err(error) => {
                self.metrics.upstream_failures.inc();
                let failure = Failure::upstream(&error);
                answer::plain(failure.status, &format!("{}\n", failure.message)).into()
            }
        }
    }
}

impl Gateway {
    /// An answer of which nothing is recorded.
    fn pass_back(&self, Answer { head, source }: Answer) -> Answered {
        Answered { head, body: AnswerBody::streamed(Bytes::new(), source, self.settings.body_idle_timeout, None) }
    }
}

/// The text of an id, without the cost of formatting.
fn id_text(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

enum Identified {
    Aws { target: Target, held: (HeldRequest, Arc<AtomicU64>), rest: RequestBody },
    NotAws { body: Held<ClientBody> },
}

/// The upstream of a destination that is one, for a connection.
fn upstream_of(destination: &Destination, peer: &Peer) -> Option<Arc<UpstreamUrl>> {
    match destination {
        Destination::Upstream(url) => Some(Arc::clone(url)),
        Destination::Origin => peer.origin.clone(),
        Destination::Resigned(upstream) => Some(Arc::clone(&upstream.url)),
        Destination::Local(_) | Destination::Nowhere => None,
    }
}

/// HTTP/2 and absolute-form requests name the host in the URI; signatures and upstreams look for it in the header.
fn put_host_header(head: &mut http::request::Parts) {
    if head.headers.contains_key(HOST) {
        return;
    }
    if let Some(authority) = head.uri.authority()
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(HOST, value);
    }
}
