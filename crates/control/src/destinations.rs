//! What the operations on trails ask of others.

use api::public_keys::PublicKey;
use async_trait::async_trait;
use model::{AccountId, EventTime, Region};

/// A failure of what was asked.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A bucket that a trail is to deliver to.
#[derive(Debug, Clone, Copy)]
pub struct BucketQuestion<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// What comes before `AWSLogs/`.
    pub prefix: Option<&'a str>,
    /// Account of the trail.
    pub account: AccountId,
    /// Home region of the trail.
    pub region: &'a Region,
    /// ARN of the trail.
    pub trail_arn: &'a str,
    /// Folder of the account that files go to, such as `CloudTrail-Insight/`; all of them if it is empty.
    pub folder: &'a str,
    /// Id of the organization whose events go there as well.
    pub organization_id: Option<&'a str>,
}

/// Why a bucket cannot be delivered to.
#[derive(Debug, thiserror::Error)]
pub enum DestinationProblem {
    /// There is no such bucket.
    #[error("there is no such bucket")]
    NoSuchBucket,
    /// Its policy does not let CloudTrail write.
    #[error("the policy of the bucket does not let CloudTrail write")]
    Refused,
    /// Whoever has the bucket does not answer.
    #[error("the bucket cannot be checked right now")]
    Unavailable(#[source] Cause),
}

/// Why a topic cannot be told of files.
#[derive(Debug, thiserror::Error)]
pub enum TopicProblem {
    /// There is no such topic, or its policy does not let CloudTrail publish.
    #[error("there is no such topic, or its policy is incorrect")]
    Refused,
    /// Whoever has the topic does not answer.
    #[error("the topic cannot be checked right now")]
    Unavailable(#[source] Cause),
}

/// Why a log group cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum LogGroupProblem {
    /// There is no such group.
    #[error("there is no such log group")]
    NoSuchGroup,
    /// There is no such role, or CloudTrail may not take it.
    #[error("there is no such role, or CloudTrail may not assume it")]
    RoleRefused,
    /// Whoever has the group does not answer.
    #[error("the log group cannot be checked right now")]
    Unavailable(#[source] Cause),
}

/// Why a key cannot be encrypted with.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// There is no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// It is disabled, or is to be deleted.
    #[error("the key is disabled or is to be deleted")]
    Disabled,
    /// Whoever has the key does not answer.
    #[error("the key cannot be checked right now")]
    Unavailable(#[source] Cause),
}

/// Says whether a trail can deliver somewhere.
#[async_trait]
pub trait DestinationCheck: Send + Sync + 'static {
    /// Whether log files can be written to a bucket. Changes nothing but perhaps a test object, and may be dropped.
    ///
    /// # Errors
    /// See [`DestinationProblem`].
    async fn check_bucket(&self, question: BucketQuestion<'_>) -> Result<(), DestinationProblem>;

    /// Whether a topic can be told of files of a trail. Changes nothing, and may be dropped.
    ///
    /// # Errors
    /// See [`TopicProblem`].
    async fn check_topic(&self, topic_arn: &str, trail_arn: &str) -> Result<(), TopicProblem>;

    /// Whether events can be written to a log group with a role. Changes nothing, and may be dropped.
    ///
    /// # Errors
    /// See [`LogGroupProblem`].
    async fn check_log_group(&self, log_group_arn: &str, role_arn: &str) -> Result<(), LogGroupProblem>;

    /// The ARN of a key that is given by the ARN of the key or of an alias; `None` where nobody can be asked. Changes
    /// nothing, and may be dropped.
    ///
    /// # Errors
    /// See [`KeyProblem`].
    async fn find_key(&self, key_arn: &str) -> Result<Option<String>, KeyProblem>;

    /// Whether files in a bucket can be encrypted with a key of KMS.
    fn can_encrypt(&self, bucket: &str) -> bool;
}

/// The public keys of digests.
#[async_trait]
pub trait PublicKeys: Send + Sync + 'static {
    /// Keys of a region that are valid at any time of a range, both ends inclusive.
    ///
    /// # Errors
    /// They cannot be read.
    async fn keys(&self, region: &Region, start: EventTime, end: EventTime) -> Result<Vec<PublicKey>, Cause>;
}
