//! `ListPublicKeys`: shapes and bounds.
//!
//! Source: CloudTrail API reference, ListPublicKeys and PublicKey.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::EventTime;
use serde::{Serialize, Serializer};

use crate::error::ApiError;
use crate::json_input::Members;
use crate::tags::refuse_token;
use crate::timestamp::{RequestedTime, epoch_seconds};

/// The time range that is asked for, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPublicKeysInput {
    /// Now, where nothing was said.
    pub start: EventTime,
    /// Now, where nothing was said.
    pub end: EventTime,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPublicKeysOutput {
    /// Keys that are valid at any time of the range.
    pub public_key_list: Vec<PublicKey>,
}

/// A key that digests are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicKey {
    /// DER of the RSAPublicKey of PKCS#1.
    #[serde(serialize_with = "in_base64")]
    pub value: Vec<u8>,
    /// First second in which digests may be signed with it.
    #[serde(serialize_with = "in_seconds")]
    pub validity_start_time: EventTime,
    /// Last second.
    #[serde(serialize_with = "in_seconds")]
    pub validity_end_time: EventTime,
    /// MD5 of the value, hexadecimal: only a name.
    pub fingerprint: String,
}

fn in_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn in_seconds<S: Serializer>(time: &EventTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(epoch_seconds(*time))
}

impl ListPublicKeysInput {
    /// Reads and checks.
    ///
    /// # Errors
    /// A wrong JSON type, a time that is none, a start behind the end or in the future, or a token, of which none was given
    /// out.
    pub fn read(mut members: Members, now: EventTime) -> Result<Self, ApiError> {
        let mut time = |member: &'static str| match members.timestamp(member)? {
            None => Ok(now),
            Some(RequestedTime::At(time)) => Ok(time),
            Some(RequestedTime::Unreadable) => Err(ApiError::TimeRangeValue { member }),
        };
        let (start, end) = (time("StartTime")?, time("EndTime")?);
        refuse_token(&mut members)?;
        if start > end || start > now {
            return Err(ApiError::TimeRangeOrder);
        }
        Ok(Self { start, end })
    }
}
