//! Asks the upstream whose a key is that no call has told of yet.
//!
//! A key that was made before OpenTrail stood in front of its upstream is in no answer that passed. With credentials
//! that may read IAM, its owner is asked for: `GetAccessKeyLastUsed` names the user, `GetUser` describes them. Both
//! answers are lessons like those of callers. It happens in the background, so that no call waits: the first records of
//! such a key name the key only. These two calls are OpenTrail's own, go to the upstream directly and are not recorded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_wire::RequestHead;
use aws_wire::catalog::Catalog;
use aws_wire::classify::{Call, Classification, HostNames, classify};
use aws_wire::sigv4::Credentials;
use bytes::Bytes;
use capture::{Asked, Authentication, BodyCapture, Outcome, Subject};
use http::request;
use model::{AccessKeyId, AccountId, EventTime, IdentityLesson, Region, UserIdentity};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::identities::IdentityBook;
use crate::settings::GatewaySettings;
use crate::upstream::UpstreamUrl;
use crate::upstream_caller::{UpstreamCallError, UpstreamCaller, form};

/// Time after which a key is asked for again: its owner may have been made or let in since.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);
/// Most keys that are remembered as asked for. A flood of made-up keys makes the oldest forgotten, and costs no more.
const ASKED_KEYS_MAX: usize = 10_000;
/// Most keys that wait to be asked for; further ones are asked for at a later call.
const WAITING_KEYS_MAX: usize = 256;
/// Time for both questions about a key.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Prefix of the ids of long-term keys. IAM knows nothing of the others.
const LONG_TERM: &str = "AKIA";

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub struct KeyResolverSettings {
    /// The upstream of IAM.
    pub upstream: Arc<UpstreamUrl>,
    /// Credentials that may call `iam:GetAccessKeyLastUsed` and `iam:GetUser`.
    pub credentials: Credentials,
    /// Region to sign for.
    pub region: Region,
    /// Account that answers speak of where they do not say.
    pub account: AccountId,
}

/// A book that asks for what it does not know.
pub struct KeyResolver {
    book: Arc<dyn IdentityBook>,
    asked: Mutex<HashMap<AccessKeyId, EventTime>>,
    waiting: mpsc::Sender<AccessKeyId>,
}

impl KeyResolver {
    /// Puts a resolver before a book, and starts its task on the current runtime. The task ends with the resolver.
    pub fn start(
        book: Arc<dyn IdentityBook>,
        settings: KeyResolverSettings,
        gateway: &GatewaySettings,
        clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
    ) -> Arc<Self> {
        let (waiting, queue) = mpsc::channel(WAITING_KEYS_MAX);
        let caller = UpstreamCaller::new(Arc::clone(&settings.upstream), settings.credentials.clone(), gateway);
        let asker = Asker { book: Arc::clone(&book), caller, settings, clock };
        tokio::spawn(asker.run(queue));
        Arc::new(Self { book, asked: Mutex::default(), waiting })
    }

    fn ask(&self, key_id: &AccessKeyId, now: EventTime) {
        if !key_id.as_str().starts_with(LONG_TERM) {
            return;
        }
        let mut asked = self.asked.lock();
        let again_after = i64::try_from(ASK_AGAIN_AFTER.as_micros()).unwrap_or(i64::MAX);
        if asked.get(key_id).is_some_and(|at| now.as_micros() - at.as_micros() < again_after) {
            return;
        }
        if asked.len() >= ASKED_KEYS_MAX {
            asked.retain(|_, at| now.as_micros() - at.as_micros() < again_after);
            if asked.len() >= ASKED_KEYS_MAX {
                asked.clear();
            }
        }
        if self.waiting.try_send(key_id.clone()).is_ok() {
            asked.insert(key_id.clone(), now);
        }
    }
}

#[async_trait]
impl IdentityBook for KeyResolver {
    fn find(&self, access_key_id: &AccessKeyId, now: EventTime) -> Option<Arc<UserIdentity>> {
        let found = self.book.find(access_key_id, now);
        if found.is_none() {
            self.ask(access_key_id, now);
        }
        found
    }

    async fn learn(&self, lessons: Vec<IdentityLesson>, now: EventTime) {
        self.book.learn(lessons, now).await;
    }
}

struct Asker {
    book: Arc<dyn IdentityBook>,
    caller: UpstreamCaller,
    settings: KeyResolverSettings,
    clock: Arc<dyn Fn() -> EventTime + Send + Sync>,
}

/// A question got no useful answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the question cannot be made: {0}")]
    Question(String),
    #[error(transparent)]
    Upstream(#[from] UpstreamCallError),
    #[error("the upstream answered with status {0}")]
    Refused(u16),
}

impl Asker {
    async fn run(self, mut queue: mpsc::Receiver<AccessKeyId>) {
        while let Some(key_id) = queue.recv().await {
            match tokio::time::timeout(ANSWER_TIMEOUT, self.resolve(&key_id)).await {
                Ok(Ok(())) => tracing::debug!(%key_id, "the upstream was asked for the owner of a key"),
                // An unknown key is an everyday thing; what its calls do is for the upstream to decide.
                Ok(Err(error)) => {
                    tracing::debug!(%key_id, error = &error as &dyn std::error::Error, "a key has no name")
                }
                Err(_) => tracing::debug!(%key_id, "the upstream did not say in time whose a key is"),
            }
        }
    }

    async fn resolve(&self, key_id: &AccessKeyId) -> Result<(), AskError> {
        let lessons = self.ask("GetAccessKeyLastUsed", "AccessKeyId", key_id.as_str()).await?;
        let user = lessons.iter().find_map(|lesson| match lesson {
            IdentityLesson::UserKey { user_name, .. } => Some(user_name.clone()),
            _ => None,
        });
        self.book.learn(lessons, (self.clock)()).await;
        let Some(user) = user else { return Ok(()) };
        let lessons = self.ask("GetUser", "UserName", &user).await?;
        self.book.learn(lessons, (self.clock)()).await;
        Ok(())
    }

    /// One question with one parameter, and what its answer teaches.
    async fn ask(&self, action: &str, parameter: &str, value: &str) -> Result<Vec<IdentityLesson>, AskError> {
        let now = (self.clock)();
        let body = form(&[("Action", action), ("Version", "2010-05-08"), (parameter, value)]);
        let mut head = self.caller.query_head("iam", self.settings.region.as_str(), &body, now)?;
        let call = call_of(&head, &body)?;
        let (parts, bytes) = self.caller.send(&mut head, body.clone()).await?;
        if !parts.status.is_success() {
            return Err(AskError::Refused(parts.status.as_u16()));
        }
        let caller = Arc::new(UserIdentity::default());
        Ok(capture::identity_lessons(&capture::Exchange {
            subject: Subject::Call(&call),
            head: request_head(&head),
            request_body: BodyCapture::Complete(&body),
            caller: &caller,
            authentication: Authentication::SigV4Header,
            source_ip: std::net::IpAddr::from([127, 0, 0, 1]),
            tls: None,
            recipient_account: self.settings.account,
            region: &self.settings.region,
            event_id: "",
            request_id: "",
            event_time: now,
            redaction_key: None,
            asked: &Asked::default(),
            outcome: Outcome::Answered {
                status: parts.status.as_u16(),
                headers: &parts.headers,
                body: BodyCapture::Complete(&bytes),
            },
        }))
    }
}

fn request_head(head: &request::Parts) -> RequestHead<'_> {
    RequestHead { method: &head.method, path: head.uri.path(), query: head.uri.query(), headers: &head.headers }
}

fn call_of(head: &request::Parts, body: &Bytes) -> Result<Call, AskError> {
    match classify(Catalog::embedded(), &request_head(head), &HostNames { own: &[] }, Some("iam"), Some(body)) {
        Classification::Call(call) => Ok(call),
        _ => Err(AskError::Question("the catalog does not know it".to_owned())),
    }
}
