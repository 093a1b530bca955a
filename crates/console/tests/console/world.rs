//! An archive in memory and signed requests to a router over it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_wire::RequestHead;
use aws_wire::sigv4::{PayloadDeclaration, SecretAccessKey, SigningIdentity, sign_headers};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use console::search::Order;
use console::{
    ArchiveCounts, ArchiveError, ArchivePage, ArchiveQuery, ArchiveStatus, ArchivedEvent, Console, CountField,
    CountRequest, EventArchive, ImportAnswer, ImportIntake, ImportRefusal, IntakeError, IntakeReport, KnownFile,
    LedgerFile, ReadinessSwitch, RecordIntake, readiness, router,
};
use control::authentication::View;
use control::{KeyDirectory, KnownKey, Position};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use model::{AccessKeyId, AccountId, EventCategory, EventTime, LookupIndex, UserIdentity};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) const KEEP_ALIVE: Duration = Duration::from_millis(200);
pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// The root key of the installation; the secret is the same.
pub(crate) const ROOT_KEY_ID: &str = "AKIAI44QH8DHBEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const RECORDS: &str = "/api/v1/records";
pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn now() -> EventTime {
    EventTime::parse("2025-03-01T12:00:00Z").expect("a time")
}

struct Keys;

impl KeyDirectory for Keys {
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey> {
        let account = AccountId::parse(ACCOUNT).expect("an account");
        let view = match access_key_id.as_str() {
            KEY_ID => View::OwnAccount,
            ROOT_KEY_ID => View::AllAccounts,
            _ => return None,
        };
        let secret = SecretAccessKey::parse(SECRET).expect("a secret");
        Some(KnownKey { account, identity: UserIdentity::root(account, None), secret, view })
    }
}

/// An intake that keeps the bodies that it was given, and waits as long as it is told to.
#[derive(Default)]
pub(crate) struct ListIntake {
    pub(crate) bodies: Mutex<Vec<axum::body::Bytes>>,
    pub(crate) is_broken: Mutex<bool>,
    pub(crate) busy: tokio::sync::Mutex<()>,
}

#[async_trait]
impl ImportIntake for ListIntake {
    async fn import(&self, files: Vec<LedgerFile>, lines: axum::body::Bytes) -> Result<ImportAnswer, ImportRefusal> {
        if files.iter().any(|file| file.key.is_empty()) {
            return Err(ImportRefusal::Body("a file has no key".to_owned()));
        }
        self.bodies.lock().expect("not poisoned").push(lines);
        Ok(ImportAnswer { stored: files.len() as u64, duplicates: vec![1, 5] })
    }

    async fn imported_files(&self, keys: Vec<String>) -> Result<Vec<Option<KnownFile>>, ImportRefusal> {
        let known = |key: String| (key == "a").then(|| KnownFile { size_bytes: 7, tag: "t".to_owned() });
        Ok(keys.into_iter().map(known).collect())
    }
}

#[async_trait]
impl RecordIntake for ListIntake {
    async fn take(&self, lines: axum::body::Bytes) -> Result<IntakeReport, IntakeError> {
        let _free = self.busy.lock().await;
        if *self.is_broken.lock().expect("a lock") {
            return Err(IntakeError("the disk is full".into()));
        }
        self.bodies.lock().expect("a lock").push(lines);
        Ok(IntakeReport { stored: 1, ..IntakeReport::default() })
    }
}

/// An archive that is a list; an event's sequence number is its place in it, from 1.
pub(crate) struct ListArchive {
    events: Mutex<Vec<ArchivedEvent>>,
    newest: watch::Sender<u64>,
    pub(crate) is_broken: Mutex<bool>,
    /// Pages and batches are cut to this, to have many of them.
    page_events: usize,
    /// How many events each page was asked for.
    pub(crate) asked: Mutex<Vec<usize>>,
}

impl ListArchive {
    fn new(page_events: usize) -> Self {
        let (newest, _) = watch::channel(0);
        Self { events: Mutex::default(), newest, is_broken: Mutex::new(false), page_events, asked: Mutex::default() }
    }

    /// Adds an event with this name, so many seconds before now; its record has spaces that no encoder of ours writes.
    pub(crate) fn push(&self, name: &str, seconds_ago: i64, change: impl FnOnce(&mut LookupIndex)) {
        let mut events = self.events.lock().expect("not poisoned");
        let sequence = events.len() as u64 + 1;
        let event_time = EventTime::from_seconds(now().as_seconds() - seconds_ago);
        let mut index = LookupIndex {
            event_time,
            event_id: format!("e-{sequence}").into(),
            event_name: name.into(),
            event_source: "iam.amazonaws.com".into(),
            read_only: Some(false),
            username: Some("ana".into()),
            access_key_id: None,
            error_code: None,
            source_ip: None,
            region: Some("us-east-1".into()),
            account: Some(ACCOUNT.into()),
            category: EventCategory::Management,
            resources: Vec::new(),
        };
        change(&mut index);
        let record = format!(r#"{{"eventID": "e-{sequence}",  "eventName":"{name}","b":1,"a":1.0}}"#);
        let position = Position { event_time, tie_break: sequence };
        events.push(ArchivedEvent { sequence, position, index, record: record.into() });
        self.newest.send_replace(sequence);
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if *self.is_broken.lock().expect("not poisoned") {
            return Err(ArchiveError("disk on fire".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl EventArchive for ListArchive {
    async fn page(&self, query: ArchiveQuery) -> Result<ArchivePage, ArchiveError> {
        self.check()?;
        let events = self.events.lock().expect("not poisoned");
        let key = |event: &ArchivedEvent| (event.position.event_time, event.position.tie_break);
        let mut found: Vec<ArchivedEvent> = events.clone();
        found.sort_by_key(key);
        if query.order == Order::NewestFirst {
            found.reverse();
        }
        found.retain(|event| (query.start..=query.end).contains(&event.index.event_time));
        if let Some(after) = query.after.map(|after| (after.event_time, after.tie_break)) {
            found.retain(|event| match query.order {
                Order::NewestFirst => key(event) < after,
                Order::OldestFirst => key(event) > after,
            });
        }
        self.asked.lock().expect("not poisoned").push(query.limit);
        let limit = query.limit.min(self.page_events);
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok(ArchivePage { next: found.last().map(|last| last.position).filter(|_| has_more), events: found })
    }

    async fn arrived_after(&self, sequence: u64, limit: usize) -> Result<Vec<ArchivedEvent>, ArchiveError> {
        self.check()?;
        let events = self.events.lock().expect("not poisoned");
        Ok(events.iter().filter(|event| event.sequence > sequence).take(limit.min(self.page_events)).cloned().collect())
    }

    async fn count(&self, request: CountRequest) -> Result<ArchiveCounts, ArchiveError> {
        self.check()?;
        let events = self.events.lock().expect("not poisoned");
        let range = request.start..=request.end;
        let fits = |event: &&ArchivedEvent| {
            request.filter.fits(&event.index, &event.record) && range.contains(&event.index.event_time)
        };
        let mut counts = ArchiveCounts::default();
        for event in events.iter().filter(fits) {
            counts.total += 1;
            if request.by == Some(CountField::EventName) {
                *counts.by_value.entry(Some(event.index.event_name.to_string())).or_default() += 1;
            }
            if let Some(interval) = request.interval_seconds {
                let start = event.index.event_time.as_seconds().div_euclid(interval) * interval;
                *counts.by_time.entry(start).or_default() += 1;
            }
        }
        Ok(counts)
    }

    fn newest_sequence(&self) -> u64 {
        *self.newest.borrow()
    }

    async fn arrival_after(&self, sequence: u64) {
        let mut newest = self.newest.subscribe();
        newest.wait_for(|newest| *newest > sequence).await.expect("the archive lives");
    }

    async fn status(&self) -> Result<ArchiveStatus, ArchiveError> {
        self.check()?;
        Ok(ArchiveStatus { newest_sequence: self.newest_sequence(), ..ArchiveStatus::default() })
    }
}

pub(crate) struct World {
    pub(crate) archive: Arc<ListArchive>,
    pub(crate) intake: Arc<ListIntake>,
    pub(crate) readiness: ReadinessSwitch,
    router: Router,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_pages(7)
    }

    pub(crate) fn with_pages(page_events: usize) -> Self {
        let archive = Arc::new(ListArchive::new(page_events));
        let (switch, readiness) = readiness::readiness("recovering the journal");
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        registry.register("calls", "Calls seen", counter.clone());
        counter.inc();
        let events = Arc::clone(&archive) as Arc<dyn EventArchive>;
        let endpoint = "http://127.0.0.1:4600".to_owned();
        let console = Console::new(events, Arc::new(Keys), readiness, Arc::new(registry), now, endpoint, KEEP_ALIVE);
        switch.serving();
        let intake = Arc::new(ListIntake::default());
        let router =
            router(console, Arc::clone(&intake) as Arc<dyn RecordIntake>, Arc::clone(&intake) as Arc<dyn ImportIntake>);
        Self { archive, intake, readiness: switch, router }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("the router answers everything")
    }

    pub(crate) async fn get(&self, uri: &str) -> Response {
        self.send(Request::get(uri).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn signed_get(&self, uri: &str) -> Response {
        self.send(Signing::default().sign(Method::GET, uri, "")).await
    }

    /// A search that must succeed.
    pub(crate) async fn search(&self, body: &Value) -> Value {
        let response = self.send(Signing::default().sign(Method::POST, SEARCH, &body.to_string())).await;
        assert_eq!(response.status(), 200);
        serde_json::from_str(&text(response).await).expect("JSON")
    }
}

pub(crate) const SEARCH: &str = "/api/v1/events/search";

/// How a request is signed.
pub(crate) struct Signing {
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) service: &'static str,
    pub(crate) signed_at: EventTime,
}

impl Default for Signing {
    fn default() -> Self {
        Self { key_id: KEY_ID, secret: SECRET, service: console::SIGNING_NAME, signed_at: now() }
    }
}

impl Signing {
    pub(crate) fn sign(&self, method: Method, uri: &str, body: &str) -> Request<Body> {
        let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:4601".parse().expect("a value"));
        let access_key_id = AccessKeyId::parse(self.key_id).expect("a key id");
        let secret = SecretAccessKey::parse(self.secret).expect("a secret");
        let identity = SigningIdentity {
            access_key_id: &access_key_id,
            secret: &secret,
            session_token: None,
            region: "eu-west-1",
            service: self.service,
        };
        let payload = PayloadDeclaration::Exact(Sha256::digest(body).into());
        let head = RequestHead { method: &method, path, query, headers: &headers };
        let added = sign_headers(&head, &identity, payload, self.signed_at).expect("signed");
        headers.extend(added);
        let mut request =
            Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).expect("a request");
        *request.headers_mut() = headers;
        request
    }
}

pub(crate) async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(body.into()).expect("text")
}

/// Names of the events of an answer.
pub(crate) fn names(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().expect("a list");
    events.iter().map(|event| event["eventName"].as_str().expect("a name")).collect()
}
