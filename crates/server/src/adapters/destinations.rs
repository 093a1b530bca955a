//! Where trails deliver to.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::public_keys::PublicKey;
use async_trait::async_trait;
use control::destinations::Cause;
use control::{
    BucketQuestion, DestinationCheck, DestinationProblem, KeyProblem, LogGroupProblem, PublicKeys, TopicProblem,
};
use delivery::{DigestKeys, ObjectSink, PutError, PutObject};
use model::{EventTime, Region};

use crate::adapters::encryption_keys::EncryptionKeys;
use crate::adapters::installation_buckets::InstallationBuckets;
use crate::adapters::log_groups::LogGroups;
use crate::adapters::named_buckets::NamedBucket;
use crate::adapters::topics::TrailTopics;

/// All buckets that a trail may name.
#[derive(Clone)]
pub(crate) struct TrailBuckets {
    /// Those that the settings name: folders, and buckets elsewhere.
    pub(crate) named: Arc<BTreeMap<String, NamedBucket>>,
    /// All others.
    pub(crate) others: InstallationBuckets,
}

impl TrailBuckets {
    async fn check_bucket(&self, question: BucketQuestion<'_>) -> Result<(), DestinationProblem> {
        match self.named.get(question.bucket) {
            Some(bucket) => bucket.check().await,
            None => self.others.check_bucket(question).await,
        }
    }
}

#[async_trait]
impl ObjectSink for TrailBuckets {
    async fn put(&self, object: PutObject) -> Result<(), PutError> {
        match self.named.get(&object.bucket) {
            Some(bucket) => bucket.put(object).await,
            None => self.others.put(object).await,
        }
    }
}

/// Everything that a trail can name, asked whether it is there.
pub(crate) struct TrailDestinations {
    pub(crate) buckets: TrailBuckets,
    pub(crate) topics: TrailTopics,
    pub(crate) log_groups: LogGroups,
    pub(crate) keys: EncryptionKeys,
}

#[async_trait]
impl DestinationCheck for TrailDestinations {
    async fn check_bucket(&self, question: BucketQuestion<'_>) -> Result<(), DestinationProblem> {
        self.buckets.check_bucket(question).await
    }

    async fn check_topic(&self, topic_arn: &str, trail_arn: &str) -> Result<(), TopicProblem> {
        self.topics.check(topic_arn, trail_arn).await
    }

    async fn check_log_group(&self, log_group_arn: &str, role_arn: &str) -> Result<(), LogGroupProblem> {
        self.log_groups.check(log_group_arn, role_arn).await
    }

    async fn find_key(&self, key_arn: &str) -> Result<Option<String>, KeyProblem> {
        self.keys.find(key_arn).await
    }

    fn can_encrypt(&self, bucket: &str) -> bool {
        let can_encrypt = match self.buckets.named.get(bucket) {
            Some(bucket) => bucket.can_encrypt(),
            None => self.buckets.others.can_encrypt(),
        };
        if !can_encrypt {
            tracing::warn!(bucket, "this bucket does not encrypt with keys of KMS: use one of an S3 that does");
        }
        can_encrypt
    }
}

/// The public keys of digests, as the API shows them.
pub(crate) struct DigestKeyList(pub(crate) Arc<DigestKeys>);

#[async_trait]
impl PublicKeys for DigestKeyList {
    async fn keys(&self, region: &Region, start: EventTime, end: EventTime) -> Result<Vec<PublicKey>, Cause> {
        let keys = self.0.public_keys(region, start, end);
        let shown = keys.into_iter().map(|key| PublicKey {
            value: key.value,
            validity_start_time: key.start,
            validity_end_time: key.end,
            fingerprint: key.fingerprint,
        });
        Ok(shown.collect())
    }
}
