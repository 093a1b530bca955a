//! The operations on trails: shapes and bounds.
//!
//! Source: CloudTrail API reference, CreateTrail, UpdateTrail, DescribeTrails, GetTrail, GetTrailStatus, ListTrails and
//! their data types.

use model::EventTime;
use serde::{Serialize, Serializer};

use crate::error::ApiError;
use crate::error_code::ErrorCode;
use crate::json_input::Members;
use crate::tags::{Tag, read_tags};
use crate::timestamp::epoch_seconds;

const PREFIX_LENGTH_MAX: usize = 200;
const TOPIC_LENGTH_MAX: usize = 256;

/// What `CreateTrail` and `UpdateTrail` take. Absent members are unchanged by an update; empty texts clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrailInput {
    /// `Name`; an update takes an ARN as well.
    pub name: String,
    /// `S3BucketName`.
    pub bucket: Option<String>,
    /// `S3KeyPrefix`.
    pub prefix: Option<String>,
    /// `SnsTopicName`: a name or an ARN.
    pub topic: Option<String>,
    /// `IncludeGlobalServiceEvents`.
    pub includes_global_service_events: Option<bool>,
    /// `IsMultiRegionTrail`.
    pub is_multi_region: Option<bool>,
    /// `EnableLogFileValidation`.
    pub validates_log_files: Option<bool>,
    /// `CloudWatchLogsLogGroupArn`.
    pub log_group_arn: Option<String>,
    /// `CloudWatchLogsRoleArn`.
    pub log_role_arn: Option<String>,
    /// `KmsKeyId`.
    pub kms_key_id: Option<String>,
    /// `IsOrganizationTrail`.
    pub is_organization: Option<bool>,
    /// `RecursiveLogging`.
    pub logs_recursively: Option<bool>,
    /// `TagsList`, which an update does not have.
    pub tags: Vec<Tag>,
}

impl TrailInput {
    /// Reads the members. [`TrailInput::check_forms`] and [`crate::tags::check_tags`] check them.
    ///
    /// # Errors
    /// A wrong JSON type, or a tag without a key.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let input = Self {
            name: members.text("Name")?.unwrap_or_default(),
            bucket: members.text("S3BucketName")?,
            prefix: members.text("S3KeyPrefix")?,
            topic: members.text("SnsTopicName")?,
            includes_global_service_events: members.boolean("IncludeGlobalServiceEvents")?,
            is_multi_region: members.boolean("IsMultiRegionTrail")?,
            validates_log_files: members.boolean("EnableLogFileValidation")?,
            log_group_arn: members.text("CloudWatchLogsLogGroupArn")?,
            log_role_arn: members.text("CloudWatchLogsRoleArn")?,
            kms_key_id: members.text("KmsKeyId")?,
            is_organization: members.boolean("IsOrganizationTrail")?,
            logs_recursively: members.boolean("RecursiveLogging")?,
            tags: Vec::new(),
        };
        Ok(Self { tags: read_tags(&mut members)?.unwrap_or_default(), ..input })
    }

    /// Checks the forms of prefix, topic, bucket, key, log group and role, in this order. Empty texts pass: an update
    /// clears with them.
    ///
    /// # Errors
    /// The first that is not well formed.
    pub fn check_forms(&self) -> Result<(), ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(prefix) = given(&self.prefix) {
            check_prefix(&prefix)?;
        }
        if let Some(topic) = given(&self.topic) {
            check_topic(&topic)?;
        }
        if let Some(bucket) = &self.bucket {
            check_bucket(bucket)?;
        }
        if let Some(key) = given(&self.kms_key_id) {
            check_key(&key)?;
        }
        if let Some(group) = given(&self.log_group_arn) {
            check_log_group(&group)?;
        }
        Ok(())
    }
}

fn refused(code: ErrorCode, message: String) -> Result<(), ApiError> {
    Err(ApiError::refused(code, message))
}

fn check_prefix(prefix: &str) -> Result<(), ApiError> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"!_.*'()/-".contains(&byte);
    if prefix.len() > PREFIX_LENGTH_MAX {
        let message = format!("The S3 prefix has {} characters, more than {PREFIX_LENGTH_MAX}.", prefix.len());
        return refused(ErrorCode::InvalidS3PrefixException, message);
    }
    if prefix.starts_with('/') || prefix.contains("AWSLogs/") || !prefix.bytes().all(is_safe) {
        return refused(ErrorCode::InvalidS3PrefixException, format!("The S3 prefix is not valid: {prefix}"));
    }
    Ok(())
}

fn check_topic(topic: &str) -> Result<(), ApiError> {
    let is_name = |name: &str| {
        (1..=TOPIC_LENGTH_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_right = if topic.starts_with("arn:") {
        model::Arn::parse(topic).is_ok_and(|arn| {
            arn.service() == "sns" && model::AccountId::parse(arn.account()).is_ok() && is_name(arn.resource())
        })
    } else {
        is_name(topic)
    };
    if is_right {
        return Ok(());
    }
    let text = model::limits::cut(topic, TOPIC_LENGTH_MAX);
    refused(ErrorCode::InvalidSnsTopicNameException, format!("SNS Topic name is not valid: {text}"))
}

fn check_bucket(bucket: &str) -> Result<(), ApiError> {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_right = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| is_plain(&byte) || b".-_".contains(&byte) || byte.is_ascii_uppercase())
        && bucket.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && bucket.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric)
        && !bucket.contains("..")
        && bucket.parse::<std::net::Ipv4Addr>().is_err();
    if is_right {
        return Ok(());
    }
    let text = model::limits::cut(bucket, 256);
    refused(ErrorCode::InvalidS3BucketNameException, format!("Bucket name is not valid: {text}"))
}

fn check_key(key: &str) -> Result<(), ApiError> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/:".contains(&byte))
    };
    let is_right = match key.strip_prefix("arn:") {
        Some(_) => model::Arn::parse(key).is_ok_and(|arn| {
            arn.service() == "kms" && (arn.resource().starts_with("key/") || arn.resource().starts_with("alias/"))
        }),
        None => is_name(key.strip_prefix("alias/").unwrap_or(key)),
    };
    if is_right {
        return Ok(());
    }
    let text = model::limits::cut(key, 256);
    refused(ErrorCode::InvalidKmsKeyIdException, format!("KMS key ID is not valid: {text}"))
}

/// Stand-ins of AWS name log groups as they like; only what is meant to be an ARN must be one.
fn check_log_group(group: &str) -> Result<(), ApiError> {
    let is_right = !group.starts_with("arn:")
        || model::Arn::parse(group).is_ok_and(|arn| {
            let name = arn.resource().strip_prefix("log-group:").and_then(|name| name.strip_suffix(":*"));
            arn.service() == "logs" && name.is_some_and(|name| !name.is_empty())
        });
    if is_right {
        return Ok(());
    }
    refused(
        ErrorCode::InvalidCloudWatchLogsLogGroupArnException,
        "Check the log group ARN: CloudTrail can't validate it.".to_owned(),
    )
}

/// Log group and role go together.
///
/// # Errors
/// One without the other.
pub fn check_log_pair(group: Option<&str>, role: Option<&str>) -> Result<(), ApiError> {
    match (group, role) {
        (Some(_), None) => refused(
            ErrorCode::InvalidCloudWatchLogsRoleArnException,
            "You must specify a role ARN as well as a log group.".to_owned(),
        ),
        (None, Some(_)) => refused(
            ErrorCode::InvalidCloudWatchLogsLogGroupArnException,
            "You must specify a log group ARN as well as a role ARN.".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// A trail, as `CreateTrail` and `UpdateTrail` answer; [`TrailDescription`] has more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailSettings {
    /// Name.
    pub name: String,
    /// Bucket.
    pub s3_bucket_name: String,
    /// Prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
    /// Topic, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sns_topic_name: Option<String>,
    /// Topic.
    #[serde(rename = "SnsTopicARN", skip_serializing_if = "Option::is_none")]
    pub sns_topic_arn: Option<String>,
    /// Whether events of global services are taken.
    pub include_global_service_events: bool,
    /// Whether events of all regions are taken.
    pub is_multi_region_trail: bool,
    /// ARN of the trail.
    #[serde(rename = "TrailARN")]
    pub trail_arn: String,
    /// Whether digests are written.
    pub log_file_validation_enabled: bool,
    /// Log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logs_log_group_arn: Option<String>,
    /// Role for the log group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch_logs_role_arn: Option<String>,
    /// Key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Whether events of the whole organization are taken.
    pub is_organization_trail: bool,
    /// Whether events that the delivery causes are taken, where it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recursive_logging: Option<bool>,
}

/// A trail, as `GetTrail` and `DescribeTrails` answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailDescription {
    /// Settings.
    #[serde(flatten)]
    pub settings: TrailSettings,
    /// Region in which it was made.
    pub home_region: String,
    /// Whether other selectors than the first ones are in force.
    pub has_custom_event_selectors: bool,
    /// Whether Insights are on.
    pub has_insight_selectors: bool,
}

/// What `GetTrail` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTrailOutput {
    /// The trail.
    pub trail: TrailDescription,
}

/// What `DescribeTrails` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeTrailsInput {
    /// Names or ARNs; empty for all.
    pub names: Vec<String>,
    /// Whether trails of other regions are shown, where they take the events of this one.
    pub includes_shadow_trails: bool,
}

impl DescribeTrailsInput {
    /// Reads the members.
    ///
    /// # Errors
    /// A wrong JSON type.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        Ok(Self {
            names: members.texts("trailNameList")?.unwrap_or_default(),
            includes_shadow_trails: members.boolean("includeShadowTrails")?.unwrap_or(true),
        })
    }
}

/// What `DescribeTrails` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeTrailsOutput {
    /// In the order in which they were made.
    pub trail_list: Vec<TrailDescription>,
}

/// What `ListTrails` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTrailsOutput {
    /// In the order in which they were made.
    pub trails: Vec<TrailInfo>,
}

/// A trail in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailInfo {
    /// ARN.
    #[serde(rename = "TrailARN")]
    pub trail_arn: String,
    /// Name.
    pub name: String,
    /// Region in which it was made.
    pub home_region: String,
}

/// Reads the name of the operations that take nothing else.
///
/// # Errors
/// A wrong JSON type.
pub fn read_name(mut members: Members, member: &str) -> Result<String, ApiError> {
    Ok(members.text(member)?.unwrap_or_default())
}

/// Checks that `ListTrails` was asked for a page that there is.
///
/// # Errors
/// A wrong JSON type, or a token, of which none was given out.
pub fn read_list_trails(mut members: Members) -> Result<(), ApiError> {
    crate::tags::refuse_token(&mut members)
}

/// What `GetTrailStatus` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "PascalCase")]
pub struct TrailStatusOutput {
    /// Whether the trail delivers.
    pub is_logging: bool,
    /// Code of the last failure to write a log file, where it was the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_delivery_error: Option<String>,
    /// Code of the last failure to tell the topic, where it was the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_notification_error: Option<String>,
    /// Last log file.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub latest_delivery_time: Option<EventTime>,
    /// Last message to the topic.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub latest_notification_time: Option<EventTime>,
    /// Last start.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub start_logging_time: Option<EventTime>,
    /// Last stop.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub stop_logging_time: Option<EventTime>,
    /// Last time that events were written to the log group.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub latest_cloud_watch_logs_delivery_time: Option<EventTime>,
    /// What CloudWatch Logs said, if the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_cloud_watch_logs_delivery_error: Option<String>,
    /// Last digest.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub latest_digest_delivery_time: Option<EventTime>,
    /// Code of the last failure to write a digest, where it was the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_digest_delivery_error: Option<String>,
    /// Twin of the last attempt.
    pub latest_delivery_attempt_time: String,
    /// Last attempt to tell the topic.
    pub latest_notification_attempt_time: String,
    /// Last success with the topic.
    pub latest_notification_attempt_succeeded: String,
    /// Twin of the last success.
    pub latest_delivery_attempt_succeeded: String,
    /// Twin of the last start.
    pub time_logging_started: String,
    /// Twin of the last stop.
    pub time_logging_stopped: String,
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn seconds<S: Serializer>(time: &Option<EventTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_f64(epoch_seconds(*time)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_input::parse_body;

    #[track_caller]
    fn check(members: &str, code: Option<&str>) {
        let body = format!(r#"{{"Name":"main",{members}}}"#);
        let checked = TrailInput::read(parse_body(body.as_bytes()).unwrap()).and_then(|input| input.check_forms());
        assert_eq!(checked.err().map(|error| error.code()), code, "{members}");
    }

    #[test]
    fn forms_are_checked() {
        check(r#""S3BucketName":"logs","S3KeyPrefix":"","SnsTopicName":"","KmsKeyId":"""#, None);
        check(r#""S3BucketName":"""#, Some("InvalidS3BucketNameException"));
        check(r#""S3BucketName":"a_b!""#, Some("InvalidS3BucketNameException"));
        check(r#""S3KeyPrefix":"/a""#, Some("InvalidS3PrefixException"));
        check(&format!(r#""S3KeyPrefix":"{}""#, "a".repeat(201)), Some("InvalidS3PrefixException"));
        check(r#""SnsTopicName":"a b""#, Some("InvalidSnsTopicNameException"));
        check(r#""SnsTopicName":"arn:aws:sns:us-east-1:111122223333:t""#, None);
        check(r#""KmsKeyId":"arn:aws:s3:::b""#, Some("InvalidKmsKeyIdException"));
        check(r#""KmsKeyId":"alias/a""#, None);
        let group = r#""CloudWatchLogsLogGroupArn":"arn:aws:logs:us-east-1:111122223333:log-group:g"#;
        check(&format!(r#"{group}:*""#), None);
        check(&format!(r#"{group}""#), Some("InvalidCloudWatchLogsLogGroupArnException"));
        check(r#""IsMultiRegionTrail":"yes""#, Some("SerializationException"));
    }
}
