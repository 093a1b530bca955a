//! What selectors look at in a record.

use std::borrow::Cow;

use serde::Deserialize;

/// What selectors look at in a record, read once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EventFacts<'a> {
    #[serde(borrow, rename = "eventCategory")]
    category: Option<Cow<'a, str>>,
    #[serde(rename = "managementEvent")]
    is_management: Option<bool>,
    #[serde(borrow, rename = "eventName")]
    event_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventType")]
    event_type: Option<Cow<'a, str>>,
    #[serde(rename = "readOnly")]
    read_only: Option<bool>,
    #[serde(borrow, rename = "errorCode")]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "vpcEndpointId")]
    vpc_endpoint_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "sessionCredentialFromConsole")]
    session_credential_from_console: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "userIdentity")]
    caller: CallerFacts<'a>,
    #[serde(borrow)]
    pub(super) resources: Option<Vec<ResourceFacts<'a>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct CallerFacts<'a> {
    #[serde(borrow)]
    arn: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResourceFacts<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) resource_type: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ARN")]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ARNPrefix")]
    arn_prefix: Option<Cow<'a, str>>,
}

impl<'a> EventFacts<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// The text is no record.
    pub fn read(record: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(record)
    }

    /// All that is known of management calls of which only this is known; see [`super::Matcher::may_fit`].
    pub fn of_management_call(
        read_only: Option<bool>,
        event_source: Option<&'a str>,
        event_name: Option<&'a str>,
    ) -> Self {
        Self {
            category: Some(Cow::Borrowed("Management")),
            read_only,
            event_source: event_source.map(Cow::Borrowed),
            event_name: event_name.map(Cow::Borrowed),
            ..Self::default()
        }
    }

    /// The name of the service that was called.
    pub fn event_source(&self) -> Option<&str> {
        self.event_source.as_deref()
    }

    /// The category; records older than version 1.07 have none, and say it by `managementEvent`.
    fn category(&self) -> &str {
        match (&self.category, self.is_management) {
            (Some(category), _) => category,
            (None, Some(false)) => "Data",
            (None, _) => "Management",
        }
    }

    pub(super) fn field(&self, field: Field) -> Option<&str> {
        let truth = |truth: bool| if truth { "true" } else { "false" };
        match field {
            Field::Category => Some(self.category()),
            Field::EventName => self.event_name.as_deref(),
            Field::EventSource => self.event_source.as_deref(),
            Field::EventType => self.event_type.as_deref(),
            Field::ReadOnly => self.read_only.map(truth),
            Field::ErrorCode => self.error_code.as_deref(),
            Field::VpcEndpointId => self.vpc_endpoint_id.as_deref(),
            Field::SessionCredentialFromConsole => self.session_credential_from_console.as_deref(),
            Field::CallerArn => self.caller.arn.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Category,
    EventName,
    EventSource,
    EventType,
    ReadOnly,
    ErrorCode,
    VpcEndpointId,
    SessionCredentialFromConsole,
    CallerArn,
}

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eventCategory" => Self::Category,
            "eventName" => Self::EventName,
            "eventSource" => Self::EventSource,
            "eventType" => Self::EventType,
            "readOnly" => Self::ReadOnly,
            "errorCode" => Self::ErrorCode,
            "vpcEndpointId" => Self::VpcEndpointId,
            "sessionCredentialFromConsole" => Self::SessionCredentialFromConsole,
            "userIdentity.arn" => Self::CallerArn,
            _ => return None,
        })
    }
}

impl ResourceFacts<'_> {
    /// Its ARN, or what the ARNs of many begin with.
    pub(super) fn any_arn(&self) -> Option<&str> {
        self.arn.as_deref().or(self.arn_prefix.as_deref())
    }
}
