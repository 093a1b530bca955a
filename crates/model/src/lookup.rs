//! What an event is looked up by.
//!
//! [`LookupIndex::derive`] reads a complete record, of any version and any producer, and picks the fields that searches
//! compare, the derived user name, and the resources that the record speaks of. It keeps the record's own words and
//! refuses only what is not an event at all.

mod resources;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{EventCategory, EventRecord, EventTime, Text};

pub use resources::{LookupResource, NamingKey, S3_OBJECT, listed_resources, s3_object_arn};

/// The searchable facts of a record; what a record does not have is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupIndex {
    /// `eventTime`.
    pub event_time: EventTime,
    /// `eventID`.
    pub event_id: Text,
    /// `eventName`; empty in Insights events, which name theirs in `insightDetails`.
    pub event_name: Text,
    /// `eventSource`.
    pub event_source: Text,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// Name of the caller: the user's, the role session's, `root`, or the service that called.
    pub username: Option<Text>,
    /// `userIdentity.accessKeyId`.
    pub access_key_id: Option<Text>,
    /// `awsRegion`.
    pub region: Option<Text>,
    /// `recipientAccountId`, else the account of the caller.
    pub account: Option<Text>,
    /// `eventCategory`, derived where old records have none.
    pub category: EventCategory,
    /// `errorCode`.
    pub error_code: Option<Text>,
    /// `sourceIPAddress`.
    pub source_ip: Option<Text>,
    /// Resources that the record names.
    pub resources: Vec<LookupResource>,
}

/// What a caller is looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallerIndex {
    /// Name of the caller, as in [`LookupIndex::username`].
    pub username: Option<Text>,
    /// `accessKeyId`.
    pub access_key_id: Option<Text>,
    /// `accountId`.
    pub account: Option<Text>,
}

/// A text is no event record.
#[derive(Debug, thiserror::Error)]
pub enum LookupIndexError {
    /// No JSON object.
    #[error("not an event record: it is no JSON object")]
    NotAnObject,
    /// Text that is no UTF-8, be it in a field that nobody looks at.
    #[error("not an event record: it is no UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// Not a JSON object with the fields of a record.
    #[error("not an event record")]
    NotARecord(#[source] serde_json::Error),
    /// A field that every event has is not there.
    #[error("the record has no {field}")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// The time cannot be read.
    #[error("the record's eventTime cannot be read")]
    Time(#[from] crate::event_time::EventTimeError),
}

/// The fields of a record that are compared; all others are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, default)]
    event_time: Option<Cow<'a, str>>,
    #[serde(rename = "eventID", borrow, default)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    event_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    event_source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    aws_region: Option<Cow<'a, str>>,
    #[serde(rename = "sourceIPAddress", borrow, default)]
    source_ip_address: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    read_only: Option<&'a RawValue>,
    #[serde(borrow, default)]
    management_event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event_category: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recipient_account_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_identity: Option<&'a RawValue>,
    #[serde(borrow, default)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response_elements: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resources: Option<&'a RawValue>,
}

/// The fields of `userIdentity` that are compared.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity<'a> {
    #[serde(rename = "type", borrow)]
    identity_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    account_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    access_key_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    principal_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    invoked_by: Option<Cow<'a, str>>,
}

impl LookupIndex {
    /// Takes the facts from a record that was just made: the same that [`LookupIndex::derive`] reads from its text, for
    /// a third of the cost.
    pub fn of(record: &EventRecord) -> Self {
        fn borrowed(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|text| Cow::Borrowed(text.as_str()))
        }
        let caller = &record.user_identity;
        let identity = Identity {
            identity_type: borrowed(caller.identity_type.as_ref()),
            user_name: borrowed(caller.user_name.as_ref()),
            arn: borrowed(caller.arn.as_ref()),
            account_id: None,
            access_key_id: None,
            principal_id: borrowed(caller.principal_id.as_ref()),
            invoked_by: borrowed(caller.invoked_by.as_ref()),
        };
        Self {
            // Records write whole seconds.
            event_time: EventTime::from_seconds(record.event_time.as_seconds()),
            event_id: record.event_id.clone(),
            event_name: record.event_name.clone(),
            event_source: record.event_source.clone(),
            read_only: Some(record.read_only),
            username: username(&identity),
            access_key_id: caller.access_key_id.as_deref().filter(|id| !id.is_empty()).map(Text::new),
            region: Some(record.aws_region.clone()),
            account: Some(record.recipient_account_id.clone()),
            category: record.event_category,
            error_code: record.error_code.clone(),
            source_ip: Some(record.source_ip_address.clone()),
            resources: resources::of_record(record),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The text is no UTF-8 or no JSON object, or has no event id or no readable time.
    pub fn derive(record: &[u8]) -> Result<Self, LookupIndexError> {
        // Serde would take an array for the fields in their order.
        if record.trim_ascii_start().first() != Some(&b'{') {
            return Err(LookupIndexError::NotAnObject);
        }
        // Serde does not look at the bytes of values that it passes over.
        let record = std::str::from_utf8(record).map_err(LookupIndexError::NotUtf8)?;
        let record: Record<'_> = serde_json::from_str(record).map_err(LookupIndexError::NotARecord)?;
        let event_time = record.event_time.as_deref().ok_or(LookupIndexError::Missing { field: "eventTime" })?;
        let event_id = record.event_id.as_deref().filter(|id| !id.is_empty());
        let caller = record.user_identity.map(|raw| CallerIndex::derive(raw.get())).unwrap_or_default();
        let event_source = text(record.event_source).unwrap_or_default();
        let resources = resources::mine(
            &event_source,
            record.resources.map(RawValue::get),
            record.request_parameters.map(RawValue::get),
            record.response_elements.map(RawValue::get),
        );
        Ok(Self {
            event_time: EventTime::parse(event_time)?,
            event_id: event_id.ok_or(LookupIndexError::Missing { field: "eventID" })?.into(),
            event_name: text(record.event_name).unwrap_or_default(),
            event_source,
            read_only: record.read_only.and_then(truth),
            username: caller.username,
            access_key_id: caller.access_key_id,
            region: text(record.aws_region),
            account: text(record.recipient_account_id).or(caller.account),
            category: EventCategory::of_record(
                record.event_category.as_deref(),
                record.management_event.and_then(truth),
            ),
            error_code: text(record.error_code),
            source_ip: text(record.source_ip_address),
            resources,
        })
    }
}

impl CallerIndex {
    /// Reads the text of a record's `userIdentity`. What is no object is no caller.
    pub fn derive(identity: &str) -> Self {
        // Serde would take an array for the fields in their order.
        let object = Some(identity).filter(|text| text.starts_with('{'));
        let identity: Identity<'_> = object.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self {
            username: username(&identity),
            access_key_id: text(identity.access_key_id).filter(|id| !id.is_empty()),
            account: text(identity.account_id),
        }
    }
}

fn text(found: Option<Cow<'_, str>>) -> Option<Text> {
    found.map(Text::from)
}

/// Booleans, which some products rewrite as texts.
fn truth(raw: &RawValue) -> Option<bool> {
    match raw.get() {
        "true" | "\"true\"" => Some(true),
        "false" | "\"false\"" => Some(false),
        _ => None,
    }
}

/// Source: CloudTrail API reference, LookupEvents, and observed answers: the user's name, the name of a role session,
/// `root`, or the service.
fn username(identity: &Identity<'_>) -> Option<Text> {
    if identity.identity_type.as_deref() == Some("Root") {
        return Some(Text::const_new("root"));
    }
    let given = |name: &Option<Cow<'_, str>>| name.as_deref().filter(|name| !name.is_empty()).map(Text::new);
    if let Some(name) = given(&identity.user_name) {
        return Some(name);
    }
    let session = || Some(Text::new(identity.principal_id.as_deref()?.split_once(':')?.1));
    let of_arn = || Some(Text::new(identity.arn.as_deref()?.rsplit_once('/')?.1));
    of_arn().or_else(session).filter(|name| !name.is_empty()).or_else(|| given(&identity.invoked_by))
}

#[cfg(test)]
mod tests;
