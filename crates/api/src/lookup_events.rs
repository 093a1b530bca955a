//! `LookupEvents`: shapes and bounds.
//!
//! Source: CloudTrail API reference, LookupEvents and its data types; user guide, viewing recent management events.

use model::EventTime;
use serde::{Serialize, Serializer};

use crate::error::ApiError;
use crate::json_input::Members;
use crate::timestamp::{RequestedTime, epoch_seconds};

/// Most events on one page, and the size of a page when nothing is asked for.
pub const MAX_RESULTS_MAX: i32 = 50;
/// Longest attribute value in characters, where `_`, space, comma and newline count as two.
pub const ATTRIBUTE_VALUE_LENGTH_MAX: usize = 2000;
/// How far back the event history reaches, in seconds.
pub const HISTORY_SECONDS: i64 = 90 * 24 * 60 * 60;

/// What a caller asked, typed but not yet checked against bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupEventsInput {
    /// `LookupAttributes`; more than one is refused by [`LookupEventsInput::check`].
    pub attributes: Vec<AttributeInput>,
    /// `StartTime`, inclusive.
    pub start_time: Option<RequestedTime>,
    /// `EndTime`, inclusive.
    pub end_time: Option<RequestedTime>,
    /// `EventCategory`; only `insight` is known.
    pub event_category: Option<String>,
    /// `MaxResults`.
    pub max_results: Option<i32>,
    /// `NextToken`.
    pub next_token: Option<String>,
}

/// One item of `LookupAttributes` as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeInput {
    /// `AttributeKey`.
    pub key: String,
    /// `AttributeValue`.
    pub value: String,
}

/// What events can be looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeKey {
    /// `eventID` of the record.
    EventId,
    /// `eventName` of the record.
    EventName,
    /// `readOnly` of the record: `true` or `false`.
    ReadOnly,
    /// The derived user name.
    Username,
    /// Type of any derived resource.
    ResourceType,
    /// Name of any derived resource.
    ResourceName,
    /// `eventSource` of the record.
    EventSource,
    /// `userIdentity.accessKeyId` of the record.
    AccessKeyId,
}

impl AttributeKey {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::EventId,
        Self::EventName,
        Self::ReadOnly,
        Self::Username,
        Self::ResourceType,
        Self::ResourceName,
        Self::EventSource,
        Self::AccessKeyId,
    ];

    /// The key on the wire; case-sensitive.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventId => "EventId",
            Self::EventName => "EventName",
            Self::ReadOnly => "ReadOnly",
            Self::Username => "Username",
            Self::ResourceType => "ResourceType",
            Self::ResourceName => "ResourceName",
            Self::EventSource => "EventSource",
            Self::AccessKeyId => "AccessKeyId",
        }
    }

    /// Whether Insights events can be looked up by it.
    pub const fn is_for_insight(self) -> bool {
        matches!(self, Self::EventId | Self::EventName | Self::EventSource)
    }
}

/// A checked attribute: the value is within bounds and fits the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// What to compare.
    pub key: AttributeKey,
    /// The exact value.
    pub value: String,
}

/// What kind of events is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Management events: what is meant when nothing is said.
    Management,
    /// Insights events.
    Insight,
}

/// A request within bounds. Times are as asked: the window of the history is not applied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupEventsRequest {
    /// The one attribute, if any.
    pub attribute: Option<Attribute>,
    /// Earliest event time, inclusive.
    pub start_time: Option<EventTime>,
    /// Latest event time, inclusive.
    pub end_time: Option<EventTime>,
    /// Kind of events.
    pub category: Category,
    /// 1 to [`MAX_RESULTS_MAX`].
    pub max_results: usize,
    /// The token of the page before.
    pub next_token: Option<String>,
}

impl LookupEventsInput {
    /// Reads the members and checks that required ones are there.
    ///
    /// # Errors
    /// A wrong JSON type, or an attribute without key or value.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let attributes = members.structures("LookupAttributes")?;
        Ok(Self {
            attributes: attributes.into_iter().map(AttributeInput::read).collect::<Result<_, _>>()?,
            start_time: members.timestamp("StartTime")?,
            end_time: members.timestamp("EndTime")?,
            event_category: members.text("EventCategory")?,
            max_results: members.integer("MaxResults")?,
            next_token: members.text("NextToken")?,
        })
    }

    /// Checks the bounds, in the order: attributes, times, page size, category, and last whether the attribute fits the
    /// category.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(self) -> Result<LookupEventsRequest, ApiError> {
        if self.attributes.len() > 1 {
            return Err(ApiError::SeveralLookupAttributes);
        }
        let attribute = self.attributes.into_iter().next().map(AttributeInput::check).transpose()?;
        let start_time = check_time(self.start_time, "StartTime")?;
        let end_time = check_time(self.end_time, "EndTime")?;
        if let (Some(start), Some(end)) = (start_time, end_time)
            && start > end
        {
            return Err(ApiError::TimeRangeOrder);
        }
        let max_results = check_max_results(self.max_results)?;
        let category = check_category(self.event_category)?;
        if let (Category::Insight, Some(attribute)) = (category, &attribute)
            && !attribute.key.is_for_insight()
        {
            return Err(ApiError::LookupAttributeKeyForInsight { key: attribute.key.as_str() });
        }
        Ok(LookupEventsRequest { attribute, start_time, end_time, category, max_results, next_token: self.next_token })
    }
}

impl AttributeInput {
    fn read(mut members: Members) -> Result<Self, ApiError> {
        let key = members.text("AttributeKey")?;
        let value = members.text("AttributeValue")?;
        let missing = |member| ApiError::MissingMember { member };
        Ok(Self {
            key: key.ok_or_else(|| missing("lookupAttributes.1.member.attributeKey"))?,
            value: value.ok_or_else(|| missing("lookupAttributes.1.member.attributeValue"))?,
        })
    }

    fn check(self) -> Result<Attribute, ApiError> {
        let Some(key) = AttributeKey::ALL.into_iter().find(|key| key.as_str() == self.key) else {
            let key = model::limits::cut(&self.key, 256).to_owned();
            return Err(ApiError::LookupAttributeKey { key });
        };
        if !(1..=ATTRIBUTE_VALUE_LENGTH_MAX).contains(&counted_length(&self.value)) {
            return Err(ApiError::LookupAttributeValueLength);
        }
        if key == AttributeKey::ReadOnly && !matches!(self.value.as_str(), "true" | "false") {
            return Err(ApiError::LookupReadOnlyValue { value: model::limits::cut(&self.value, 256).to_owned() });
        }
        Ok(Attribute { key, value: self.value })
    }
}

fn counted_length(value: &str) -> usize {
    value.chars().map(|character| if matches!(character, '_' | ' ' | ',' | '\n') { 2 } else { 1 }).sum()
}

fn check_time(time: Option<RequestedTime>, member: &'static str) -> Result<Option<EventTime>, ApiError> {
    match time {
        None => Ok(None),
        Some(RequestedTime::At(time)) => Ok(Some(time)),
        Some(RequestedTime::Unreadable) => Err(ApiError::TimeRangeValue { member }),
    }
}

fn check_max_results(asked: Option<i32>) -> Result<usize, ApiError> {
    let asked = asked.unwrap_or(MAX_RESULTS_MAX);
    if !(1..=MAX_RESULTS_MAX).contains(&asked) {
        return Err(ApiError::MaxResults);
    }
    usize::try_from(asked).map_err(|_| ApiError::MaxResults)
}

fn check_category(asked: Option<String>) -> Result<Category, ApiError> {
    match asked.as_deref() {
        None => Ok(Category::Management),
        Some("insight") => Ok(Category::Insight),
        Some(other) => Err(ApiError::EventCategory { category: model::limits::cut(other, 256).to_owned() }),
    }
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LookupEventsOutput {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// Where the next page starts; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One event, its members in the order that real answers have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// `eventID` of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// `eventName` of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// The text `true` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,
    /// Access key of the caller; absent when the record has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Time of the event, whole seconds.
    #[serde(serialize_with = "write_epoch_seconds")]
    pub event_time: EventTime,
    /// `eventSource` of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// Derived name of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Derived resources; `[]` when there are none.
    pub resources: Vec<Resource>,
    /// The whole record as minified JSON text.
    pub cloud_trail_event: String,
}

/// A resource of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resource {
    /// `AWS::Service::Kind`, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Name, id or ARN.
    pub resource_name: String,
}

fn write_epoch_seconds<S: Serializer>(time: &EventTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(epoch_seconds(*time))
}

#[cfg(test)]
mod tests;
