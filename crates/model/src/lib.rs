//! The words of the trade, as types: account ids, regions, ARNs, times, the CloudTrail event record and what is
//! looked up in it.
//!
//! This crate is pure. It names no async runtime, socket, file or clock: the time is always an argument.
//! Every identifier is a newtype with a private field that only a parse makes, so that a value which exists is a
//! value that was checked. Identifiers accept what real records hold (unknown regions, odd key ids), not only what
//! the documentation promises.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod access_key;
pub mod account;
pub mod additional_data;
pub mod arn;
pub mod data_resource_types;
pub mod event_time;
pub mod identity;
pub mod insights;
pub mod json_text;
pub mod lesson;
pub mod limits;
pub mod lookup;
pub mod record;
pub mod region;
pub mod selectors;
pub mod text;

pub use access_key::AccessKeyId;
pub use account::AccountId;
pub use additional_data::{AdditionalData, AdditionalValue};
pub use arn::Arn;
pub use data_resource_types::{BASIC_DATA_RESOURCE_TYPES, DATA_RESOURCE_TYPES, is_data_resource_type};
pub use event_time::EventTime;
pub use identity::{IamPrincipal, SessionContext, SessionIssuer, UserIdentity};
pub use insights::{InsightSelector, InsightSubject, InsightType};
pub use lesson::IdentityLesson;
pub use lookup::{LookupIndex, LookupResource};
pub use record::{EventCategory, EventRecord, EventResource, EventType, TlsDetails};
pub use region::Region;
pub use text::Text;
