//! A small world to ask in: two accounts with a key each, a history in memory, and a clock that stands still.

use std::sync::{Arc, Mutex};

use api::lookup_events::AttributeKey;
use async_trait::async_trait;
use aws_wire::RequestHead;
use aws_wire::sigv4::{PayloadDeclaration, SecretAccessKey, SigningIdentity, sign_headers};
use control::authentication::View;
use control::{
    ControlPlane, ControlRequest, ControlResponse, ControlSettings, EventHistory, HistoryError, HistoryEvent,
    HistoryPage, HistoryQuery, KeyDirectory, KnownKey, PageTokenKey, Position,
};
use http::{HeaderMap, Method};
use model::{AccessKeyId, AccountId, EventCategory, EventTime, LookupIndex, LookupResource, UserIdentity};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const OTHER_KEY_ID: &str = "AKIAI44QH8DHBEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER_ACCOUNT: &str = "444455556666";
pub(crate) const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn now() -> EventTime {
    EventTime::parse("2025-03-01T12:00:00Z").expect("a time")
}

pub(crate) fn ago(seconds: i64) -> EventTime {
    EventTime::from_seconds(now().as_seconds() - seconds)
}

/// Two keys: one of each account, with the same secret.
struct Keys;

impl KeyDirectory for Keys {
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey> {
        let account = match access_key_id.as_str() {
            KEY_ID => ACCOUNT,
            OTHER_KEY_ID => OTHER_ACCOUNT,
            _ => return None,
        };
        let account = AccountId::parse(account).expect("an account");
        let secret = SecretAccessKey::parse(SECRET).expect("a secret");
        Some(KnownKey { account, identity: UserIdentity::root(account, None), secret, view: View::OwnAccount })
    }
}

/// An event of the history in memory.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) category: EventCategory,
    pub(crate) event: HistoryEvent,
}

/// An event of account [`ACCOUNT`] in `us-east-1`, so many seconds before now.
pub(crate) fn stored(id: &str, name: &str, seconds_ago: i64) -> Stored {
    let time = ago(seconds_ago);
    let record = format!(r#"{{"eventID":"{id}","eventName":"{name}","eventTime":"{time}"}}"#);
    Stored {
        account: ACCOUNT,
        region: "us-east-1",
        category: EventCategory::Management,
        event: HistoryEvent {
            index: LookupIndex {
                event_time: time,
                event_id: id.into(),
                event_name: name.into(),
                event_source: "iam.amazonaws.com".into(),
                read_only: Some(false),
                username: Some("ana".into()),
                access_key_id: Some(KEY_ID.into()),
                region: None,
                account: None,
                category: EventCategory::Management,
                error_code: None,
                source_ip: None,
                resources: vec![LookupResource {
                    resource_type: Some("AWS::IAM::User".into()),
                    resource_name: format!("user-of-{id}").into(),
                }],
            },
            record: record.into(),
        },
    }
}

/// A history that is a list: the slow, plain reference of what a page is. An event's place in the list breaks ties.
#[derive(Default)]
pub(crate) struct ListHistory {
    pub(crate) events: Mutex<Vec<Stored>>,
    pub(crate) fails: Mutex<Option<HistoryError>>,
}

impl ListHistory {
    pub(crate) fn push(&self, event: Stored) {
        self.events.lock().expect("not poisoned").push(event);
    }
}

fn fits(stored: &Stored, query: &HistoryQuery) -> bool {
    let event = &stored.event.index;
    let attribute_fits = query.attribute.as_ref().is_none_or(|attribute| {
        let value = Some(attribute.value.as_str());
        match attribute.key {
            AttributeKey::EventId => Some(event.event_id.as_str()) == value,
            AttributeKey::EventName => Some(event.event_name.as_str()) == value,
            AttributeKey::ReadOnly => event.read_only.map(|read_only| read_only.to_string()).as_deref() == value,
            AttributeKey::Username => event.username.as_deref() == value,
            AttributeKey::ResourceType => event.resources.iter().any(|found| found.resource_type.as_deref() == value),
            AttributeKey::ResourceName => {
                event.resources.iter().any(|found| Some(found.resource_name.as_str()) == value)
            }
            AttributeKey::EventSource => Some(event.event_source.as_str()) == value,
            AttributeKey::AccessKeyId => event.access_key_id.as_deref() == value,
        }
    });
    attribute_fits
        && stored.account == query.account.as_str()
        && stored.region == query.region.as_str()
        && query.categories.contains(&stored.category)
        && (query.start..=query.end).contains(&event.event_time)
}

#[async_trait]
impl EventHistory for ListHistory {
    async fn page(&self, query: HistoryQuery) -> Result<HistoryPage, HistoryError> {
        if let Some(error) = self.fails.lock().expect("not poisoned").take() {
            return Err(error);
        }
        let events = self.events.lock().expect("not poisoned");
        let mut found: Vec<(EventTime, u64, &Stored)> = events
            .iter()
            .zip(0..)
            .filter(|(stored, _)| fits(stored, &query))
            .map(|(stored, place)| (stored.event.index.event_time, place, stored))
            .filter(|(time, place, _)| {
                query.after.is_none_or(|after| (*time, *place) < (after.event_time, after.tie_break))
            })
            .collect();
        found.sort_by_key(|(time, place, _)| std::cmp::Reverse((*time, *place)));
        let has_more = found.len() > query.limit;
        found.truncate(query.limit);
        let last = found.last().map(|(time, place, _)| Position { event_time: *time, tie_break: *place });
        Ok(HistoryPage {
            events: found.iter().map(|(_, _, stored)| stored.event.clone()).collect(),
            next: last.filter(|_| has_more),
        })
    }
}

/// A request before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) target: Option<&'static str>,
    pub(crate) body: String,
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) session_token: Option<&'static str>,
    pub(crate) signed_at: EventTime,
}

impl Asked {
    /// `LookupEvents` with this input, well signed.
    pub(crate) fn lookup(body: impl ToString) -> Self {
        Self {
            method: Method::POST,
            path: "/",
            target: Some(TARGET),
            body: body.to_string(),
            key_id: KEY_ID,
            secret: SECRET,
            region: "us-east-1",
            service: "cloudtrail",
            session_token: None,
            signed_at: now(),
        }
    }

    /// Headers without a signature.
    pub(crate) fn unsigned_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:4600".parse().expect("a value"));
        headers.insert("content-type", "application/x-amz-json-1.1".parse().expect("a value"));
        if let Some(target) = self.target {
            headers.insert("x-amz-target", target.parse().expect("a value"));
        }
        headers
    }

    pub(crate) fn head<'a>(&'a self, headers: &'a HeaderMap) -> RequestHead<'a> {
        RequestHead { method: &self.method, path: self.path, query: None, headers }
    }

    /// Headers with a signature.
    pub(crate) fn signed_headers(&self) -> HeaderMap {
        let mut headers = self.unsigned_headers();
        let access_key_id = AccessKeyId::parse(self.key_id).expect("a key id");
        let secret = SecretAccessKey::parse(self.secret).expect("a secret");
        let identity = SigningIdentity {
            access_key_id: &access_key_id,
            secret: &secret,
            session_token: self.session_token,
            region: self.region,
            service: self.service,
        };
        let payload = PayloadDeclaration::Exact(Sha256::digest(&self.body).into());
        let added = sign_headers(&self.head(&headers), &identity, payload, self.signed_at).expect("signed");
        headers.extend(added);
        headers
    }
}

/// The API over a list.
pub(crate) struct World {
    pub(crate) history: Arc<ListHistory>,
    pub(crate) plane: ControlPlane,
}

pub(crate) fn plane(history: Arc<dyn EventHistory>, token_key: u8, settings: ControlSettings) -> ControlPlane {
    ControlPlane::new(history, Arc::new(Keys), PageTokenKey::new([token_key; 32]), settings)
}

impl World {
    pub(crate) fn new() -> Self {
        let history = Arc::new(ListHistory::default());
        let plane = plane(Arc::clone(&history) as Arc<dyn EventHistory>, 1, ControlSettings::default());
        Self { history, plane }
    }

    pub(crate) async fn ask(&self, asked: &Asked) -> ControlResponse {
        self.ask_at(asked, now()).await
    }

    pub(crate) async fn ask_at(&self, asked: &Asked, now: EventTime) -> ControlResponse {
        handle(&self.plane, asked, &asked.signed_headers(), now).await
    }

    /// A well signed `LookupEvents` that must succeed.
    pub(crate) async fn lookup(&self, body: impl ToString) -> Value {
        answer(&self.ask(&Asked::lookup(body)).await)
    }
}

pub(crate) async fn handle(
    plane: &ControlPlane,
    asked: &Asked,
    headers: &HeaderMap,
    now: EventTime,
) -> ControlResponse {
    let request = ControlRequest { head: asked.head(headers), body: asked.body.as_bytes(), now, request_id: "r-1" };
    plane.handle(request).await
}

#[track_caller]
pub(crate) fn answer(response: &ControlResponse) -> Value {
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(response.status, 200, "{body}");
    assert_eq!(response.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(response.headers["x-amzn-requestid"], "r-1");
    body
}

#[track_caller]
pub(crate) fn check_refused(response: &ControlResponse, status: u16, code: &str, message: &str) {
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(
        (response.status.as_u16(), body["__type"].as_str(), body["Message"].as_str(), body["message"].as_str()),
        (status, Some(code), Some(message), Some(message))
    );
    assert_eq!(response.headers["x-amzn-errortype"], code);
    assert_eq!(response.headers["x-amzn-requestid"], "r-1");
    assert_eq!(response.error.as_ref().map(api::ApiError::code), Some(code));
}

/// Ids of the events of an answer.
pub(crate) fn ids(answer: &Value) -> Vec<String> {
    let events = answer["Events"].as_array().expect("a list");
    events.iter().map(|event| event["EventId"].as_str().expect("an id").to_owned()).collect()
}
