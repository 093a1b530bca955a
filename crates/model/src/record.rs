//! The CloudTrail event record, as written.
//!
//! [`EventRecord`] is what we write: its fields stand in the order that real records have, and absent fields are left
//! out, except `requestParameters` and `responseElements`, which are `null` when there is nothing. What we *read* may
//! be any version and shape, and is never forced into this type: readers keep the bytes and pick what they need.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::json_text::{self, JsonTextError};
use crate::{AdditionalData, EventTime, Text, UserIdentity};

/// One event record, ready to be written as minified JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRecord {
    /// `major.minor` of the record format.
    pub event_version: &'static str,
    /// Who made the call.
    pub user_identity: Arc<UserIdentity>,
    /// Completion time of the call.
    pub event_time: EventTime,
    /// `service.amazonaws.com`.
    pub event_source: Text,
    /// API action as CloudTrail names it.
    pub event_name: Text,
    /// Region that served the call.
    pub aws_region: Text,
    /// Address of the caller, or a service name.
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: Text,
    /// Agent of the caller; cut at [`crate::limits::SHORT_TEXT_BYTES_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text>,
    /// Error code of a failed call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<Text>,
    /// Error text of a failed call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<Text>,
    /// What was asked; `null` when nothing.
    pub request_parameters: Option<Arc<Value>>,
    /// What a changing call answered; `null` for reads, failures and empty answers.
    pub response_elements: Option<Value>,
    /// Extras of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_event_data: Option<AdditionalData>,
    /// Request id that the service gave.
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
    /// Unique id of this record (UUID).
    #[serde(rename = "eventID")]
    pub event_id: Text,
    /// Whether the call changes nothing.
    pub read_only: bool,
    /// Resources that the service names itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<EventResource>,
    /// Kind of event.
    pub event_type: EventType,
    /// API version, written by some services only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Text>,
    /// `true` for management events, `false` for data events.
    pub management_event: bool,
    /// Account that this record belongs to.
    pub recipient_account_id: Text,
    /// Same in every copy of one action that several accounts received.
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    pub shared_event_id: Option<Text>,
    /// Details of a service event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_event_details: Option<Value>,
    /// Class of event.
    pub event_category: EventCategory,
    /// TLS parameters of a direct call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_details: Option<TlsDetails>,
}

impl EventRecord {
    /// Appends the minified JSON text of the record.
    ///
    /// # Errors
    /// None in practice: the record holds no map with keys that are not texts. Serde's interface asks for the result.
    pub fn write_json(&self, text: &mut Vec<u8>) -> Result<(), JsonTextError> {
        json_text::write(text, self)
    }
}

/// The `eventType` of events that this project makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EventType {
    /// A public API was called.
    AwsApiCall,
    /// The service did something by itself.
    AwsServiceEvent,
    /// A sign-in to the console.
    AwsConsoleSignIn,
}

/// The `eventCategory` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum EventCategory {
    /// Control plane: IAM, configuration, sign-in.
    Management,
    /// Operations on or in a resource.
    Data,
    /// Calls through a VPC endpoint.
    NetworkActivity,
    /// Unusual activity found.
    Insight,
}

impl EventCategory {
    /// The text as records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Management => "Management",
            Self::Data => "Data",
            Self::NetworkActivity => "NetworkActivity",
            Self::Insight => "Insight",
        }
    }

    /// The category of a record with these fields: the content of `eventCategory`, and `managementEvent`.
    ///
    /// Records older than version 1.07 have no category; before 1.06 nothing tells, and nearly all were management events.
    pub fn of_record(named: Option<&str>, management_event: Option<bool>) -> Self {
        match (named, management_event) {
            (Some("Data"), _) | (None, Some(false)) => Self::Data,
            (Some("NetworkActivity"), _) => Self::NetworkActivity,
            (Some("Insight"), _) => Self::Insight,
            _ => Self::Management,
        }
    }

    /// Whether it is one of those that are often of high volume, and that `LookupEvents` never shows: data events and
    /// network activity events.
    pub const fn is_of_high_volume(self) -> bool {
        matches!(self, Self::Data | Self::NetworkActivity)
    }
}

/// One entry of `resources`, in the key order of real records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventResource {
    /// Owner of the resource.
    #[serde(rename = "accountId", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Text>,
    /// `AWS::Service::Type`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<Text>,
    /// Full ARN.
    #[serde(rename = "ARN", skip_serializing_if = "Option::is_none")]
    pub arn: Option<Text>,
    /// Prefix of ARNs, in place of the ARN, for list operations.
    #[serde(rename = "ARNPrefix", skip_serializing_if = "Option::is_none")]
    pub arn_prefix: Option<Text>,
}

/// The `tlsDetails` element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails {
    /// `TLSv1.2` or `TLSv1.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<String>,
    /// `TLS_AES_128_GCM_SHA256`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher_suite: Option<String>,
    /// Host header that the caller sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_provided_host_header: Option<String>,
    /// `x25519`, `X25519MLKEM768`, `secp256r1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_exchange: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Number};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            any::<f64>().prop_filter_map("JSON has no infinity", Number::from_f64),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            number.prop_map(Value::Number),
            any::<String>().prop_map(Value::String),
            "[\\x00-\\x7f\u{2028}\u{1f512}]{0,80}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    fn record(parameters: Value, agent: String) -> EventRecord {
        EventRecord {
            event_version: "1.11",
            user_identity: Arc::new(UserIdentity::anonymous()),
            event_time: EventTime::from_seconds(1_795_419_952),
            event_source: "s3.amazonaws.com".into(),
            event_name: "GetObject".into(),
            aws_region: "us-east-1".into(),
            source_ip_address: "192.0.2.1".into(),
            user_agent: Some(agent.into()),
            error_code: None,
            error_message: None,
            request_parameters: Some(Arc::new(parameters)),
            response_elements: None,
            additional_event_data: None,
            request_id: None,
            event_id: "e".into(),
            read_only: true,
            resources: Vec::new(),
            event_type: EventType::AwsApiCall,
            api_version: None,
            management_event: false,
            recipient_account_id: "123456789012".into(),
            shared_event_id: None,
            service_event_details: None,
            event_category: EventCategory::Data,
            tls_details: None,
        }
    }

    proptest! {
        /// What is on disk must not depend on who writes it.
        #[test]
        fn the_text_is_that_of_serde_json(parameters in any_json(), agent: String) {
            let record = record(parameters, agent);
            let expected = serde_json::to_string(&record).expect("JSON");
            let mut written = Vec::new();
            record.write_json(&mut written).expect("JSON");
            prop_assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
        }
    }
}
