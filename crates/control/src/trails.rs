//! The operations on trails.
//!
//! Checks come in the order that the original has them: form, then what is there already, then the destinations. Writes go
//! through the registry, one after another for each trail, so that no answer ever is a `ConflictException`.

mod insight_selectors;

use std::collections::BTreeSet;
use std::sync::Arc;

use api::event_selectors::{EventSelectorsOutput, PutEventSelectorsInput};
use api::insight_selectors::PutInsightSelectorsInput;
use api::json_input::Members;
use api::public_keys::{ListPublicKeysInput, ListPublicKeysOutput};
use api::tags::{ListTagsInput, ListTagsOutput, ResourceTag, TAGS_MAX, Tag, TagsInput, check_tags, too_many};
use api::trail_name::{TrailReference, check_name, trail_arn};
use api::trails::{
    DescribeTrailsInput, DescribeTrailsOutput, GetTrailOutput, ListTrailsOutput, TrailDescription, TrailInfo,
    TrailInput, TrailSettings, TrailStatusOutput, check_log_pair, read_list_trails, read_name,
};
use api::{ApiError, ErrorCode, Operation};
use model::selectors::EventSelectors;
use model::{AccountId, EventTime, Region};
use serde::Serialize;
use trails::{Logging, Organization, RegistryError, Topic, Trail, TrailRegistry, log_group_feed};

use crate::destinations::{
    BucketQuestion, DestinationCheck, DestinationProblem, KeyProblem, LogGroupProblem, PublicKeys, TopicProblem,
};

/// Most trails of an account in a region, those counted that take the events of all regions. Source: CloudTrail user
/// guide, quotas.
pub const TRAILS_MAX: usize = 5;

/// Files go to all folders of an account.
const ALL_FOLDERS: &str = "";

/// What the operations on trails need.
#[derive(Clone)]
pub struct TrailServices {
    /// The trails.
    pub registry: Arc<TrailRegistry>,
    /// Asked whether a bucket can be delivered to.
    pub destinations: Arc<dyn DestinationCheck>,
    /// The keys of digests.
    pub keys: Arc<dyn PublicKeys>,
    /// Number of the newest recorded event.
    pub newest_event: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The organization of this installation, if it has one.
    pub organization: Option<Arc<Organization>>,
    /// Most trails of an account in a region; [`TRAILS_MAX`] at AWS.
    pub trails_max: usize,
}

/// Who asks for what, and when.
pub(crate) struct TrailCall<'a> {
    pub(crate) services: &'a TrailServices,
    pub(crate) account: AccountId,
    pub(crate) region: &'a Region,
    pub(crate) now: EventTime,
}

/// An answer, whatever its shape.
pub(crate) type Output = serde_json::Value;

#[derive(Serialize)]
struct Nothing {}

/// Whether an operation is one of these.
pub(crate) fn is_trail_operation(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateTrail
            | Operation::UpdateTrail
            | Operation::DeleteTrail
            | Operation::GetTrail
            | Operation::DescribeTrails
            | Operation::ListTrails
            | Operation::GetTrailStatus
            | Operation::StartLogging
            | Operation::StopLogging
            | Operation::PutEventSelectors
            | Operation::GetEventSelectors
            | Operation::PutInsightSelectors
            | Operation::GetInsightSelectors
            | Operation::AddTags
            | Operation::RemoveTags
            | Operation::ListTags
            | Operation::ListPublicKeys
    )
}

fn output(answer: &impl Serialize) -> Result<Output, ApiError> {
    serde_json::to_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        ApiError::Internal
    })
}

fn failed(error: RegistryError) -> ApiError {
    tracing::error!(error = &error as &dyn std::error::Error, "the trails cannot be changed");
    ApiError::Internal
}

fn not_found(shown: &str, account: AccountId) -> ApiError {
    let shown = model::limits::cut(shown, 512);
    let message = format!("Unknown trail: {shown} for the user: {}", account.as_str());
    ApiError::refused(ErrorCode::TrailNotFoundException, message)
}

impl TrailCall<'_> {
    /// Answers one of the operations of [`is_trail_operation`].
    pub(crate) async fn answer(&self, operation: Operation, members: Members) -> Result<Output, ApiError> {
        match operation {
            Operation::CreateTrail => self.create(TrailInput::read(members)?).await,
            Operation::UpdateTrail => self.update(TrailInput::read(members)?).await,
            Operation::DeleteTrail => self.delete(&read_name(members, "Name")?).await,
            Operation::GetTrail => self.get(&read_name(members, "Name")?),
            Operation::DescribeTrails => self.describe(&DescribeTrailsInput::read(members)?),
            Operation::ListTrails => self.list(members),
            Operation::GetTrailStatus => self.status(&read_name(members, "Name")?),
            Operation::StartLogging => self.set_logging(&read_name(members, "Name")?, true).await,
            Operation::StopLogging => self.set_logging(&read_name(members, "Name")?, false).await,
            Operation::PutEventSelectors => self.put_selectors(PutEventSelectorsInput::read(members)?).await,
            Operation::GetEventSelectors => self.get_selectors(&read_name(members, "TrailName")?),
            Operation::PutInsightSelectors => {
                self.put_insight_selectors(PutInsightSelectorsInput::read(members)?).await
            }
            Operation::GetInsightSelectors => self.get_insight_selectors(members),
            Operation::AddTags => self.add_tags(TagsInput::read(members)?).await,
            Operation::RemoveTags => self.remove_tags(TagsInput::read(members)?).await,
            Operation::ListTags => self.list_tags(&ListTagsInput::read(members)?),
            Operation::ListPublicKeys => self.list_keys(ListPublicKeysInput::read(members, self.now)?).await,
            _ => Err(ApiError::UnsupportedOperation { operation }),
        }
    }

    async fn create(&self, input: TrailInput) -> Result<Output, ApiError> {
        if input.name.is_empty() {
            check_name(&input.name)?;
        }
        let bucket = input.bucket.clone().unwrap_or_default();
        if bucket.is_empty() {
            return Err(ApiError::refused(ErrorCode::InvalidS3BucketNameException, "Bucket name cannot be blank!"));
        }
        let is_multi_region = input.is_multi_region.unwrap_or(false);
        let includes_global_service_events = input.includes_global_service_events.unwrap_or(true);
        check_combination(is_multi_region, includes_global_service_events)?;
        check_name(&input.name)?;
        input.check_forms()?;
        let (log_group_arn, log_role_arn) = (given(&input.log_group_arn), given(&input.log_role_arn));
        check_log_pair(log_group_arn.as_deref(), log_role_arn.as_deref())?;
        check_tags(&input.tags)?;
        if input.tags.len() > TAGS_MAX {
            return Err(too_many(&input.name));
        }
        let is_organization = input.is_organization.unwrap_or(false);
        let arn = trail_arn(self.region.partition(), self.region, self.account, &input.name);
        // A name that is taken is refused before the bucket is asked for; what counts is the check with the insertion.
        self.check_free(&self.services.registry.all(), &input.name, &arn, is_multi_region)?;
        if is_organization {
            self.check_may_have_organization_trails()?;
        }
        let prefix = given(&input.prefix);
        self.check_bucket(&bucket, prefix.as_deref(), &arn, is_organization, ALL_FOLDERS).await?;
        let topic = given(&input.topic).map(|topic| self.topic(topic));
        self.check_topic(topic.as_ref(), &arn).await?;
        self.check_log_group(log_group_arn.as_deref(), log_role_arn.as_deref()).await?;
        let kms_key_id = self.find_key(&bucket, given(&input.kms_key_id)).await?;
        let trail = Trail {
            account: self.account,
            home_region: self.region.clone(),
            created: Some(self.now),
            bucket,
            prefix,
            topic,
            includes_global_service_events,
            is_multi_region,
            validates_log_files: input.validates_log_files.unwrap_or(false),
            validates_since: None,
            log_group_behind: (self.services.newest_event)(),
            log_group_arn,
            log_role_arn,
            kms_key_id,
            is_organization,
            logs_recursively: input.logs_recursively,
            tags: input.tags.into_iter().map(kept_tag).collect(),
            selectors: None,
            insights: Vec::new(),
            insights_since: None,
            past: Vec::new(),
            logging: Logging::default(),
            ended: None,
            birth: 0,
            name: input.name,
            arn,
        };
        let (name, arn) = (trail.name.clone(), trail.arn.clone());
        let check = |all: &[Arc<Trail>]| self.check_free(all, &name, &arn, is_multi_region);
        let trail = self.services.registry.add(trail, check).await.map_err(failed)??;
        output(&settings(&trail))
    }

    async fn update(&self, input: TrailInput) -> Result<Output, ApiError> {
        let trail = self.find_to_write(&input.name)?;
        let is_multi_region = input.is_multi_region.unwrap_or(trail.is_multi_region);
        let includes_global = input.includes_global_service_events.unwrap_or(trail.includes_global_service_events);
        check_combination(is_multi_region, includes_global)?;
        input.check_forms()?;
        let log_group_arn = updated(&input.log_group_arn, &trail.log_group_arn);
        let log_role_arn = updated(&input.log_role_arn, &trail.log_role_arn);
        check_log_pair(log_group_arn.as_deref(), log_role_arn.as_deref())?;
        let is_organization = input.is_organization.unwrap_or(trail.is_organization);
        if is_organization != trail.is_organization {
            self.check_may_have_organization_trails()?;
        }
        if is_multi_region && !trail.is_multi_region {
            let mut others = self.services.registry.all();
            others.retain(|other| other.arn != trail.arn);
            self.check_free(&others, &trail.name, &trail.arn, true)?;
        }
        let bucket = input.bucket.clone().unwrap_or_else(|| trail.bucket.clone());
        let prefix = updated(&input.prefix, &trail.prefix);
        let has_new_key = given(&input.kms_key_id).is_some_and(|key| Some(&key) != trail.kms_key_id.as_ref());
        let is_elsewhere = bucket != trail.bucket || prefix != trail.prefix;
        if is_elsewhere || has_new_key || is_organization != trail.is_organization {
            self.check_bucket(&bucket, prefix.as_deref(), &trail.arn, is_organization, ALL_FOLDERS).await?;
        }
        let topic = match &input.topic {
            Some(_) => given(&input.topic).map(|topic| self.topic(topic)),
            None => trail.topic.clone(),
        };
        if topic != trail.topic {
            self.check_topic(topic.as_ref(), &trail.arn).await?;
        }
        if log_group_arn != trail.log_group_arn || log_role_arn != trail.log_role_arn {
            self.check_log_group(log_group_arn.as_deref(), log_role_arn.as_deref()).await?;
        }
        let kms_key_id = match &input.kms_key_id {
            Some(_) => self.find_key(&bucket, given(&input.kms_key_id)).await?,
            None => trail.kms_key_id.clone(),
        };
        if bucket != trail.bucket {
            self.check_encryption(&bucket, kms_key_id.as_deref())?;
        }
        let newest_event = (self.services.newest_event)();
        let changed = self
            .change(&trail.arn, |trail| {
                trail.bucket = bucket;
                trail.prefix = prefix;
                trail.topic = topic;
                trail.includes_global_service_events = includes_global;
                trail.is_multi_region = is_multi_region;
                let validates = input.validates_log_files.unwrap_or(trail.validates_log_files);
                if validates && !trail.validates_log_files {
                    trail.validates_since = Some(self.now);
                }
                trail.validates_log_files = validates;
                if trail.log_group_arn.is_none() {
                    trail.log_group_behind = newest_event;
                }
                trail.log_group_arn = log_group_arn;
                trail.log_role_arn = log_role_arn;
                trail.kms_key_id = kms_key_id;
                trail.is_organization = is_organization;
                trail.logs_recursively = input.logs_recursively.or(trail.logs_recursively);
                Ok(())
            })
            .await?;
        output(&settings(&changed))
    }

    async fn delete(&self, name: &str) -> Result<Output, ApiError> {
        let trail = self.find_to_write(name)?;
        if !self.services.registry.end(&trail.arn, self.now).await.map_err(failed)? {
            return Err(not_found(&trail.arn, self.account));
        }
        output(&Nothing {})
    }

    fn get(&self, name: &str) -> Result<Output, ApiError> {
        let reference = self.reference(name)?;
        let trail = self.find_to_read(&reference).ok_or_else(|| not_found(name, self.account))?;
        output(&GetTrailOutput { trail: description(&trail) })
    }

    fn describe(&self, input: &DescribeTrailsInput) -> Result<Output, ApiError> {
        let mut found = Vec::new();
        if input.names.is_empty() {
            found.extend(self.services.registry.all().into_iter().filter(|trail| self.sees(trail)));
        }
        for name in &input.names {
            let reference = self.reference(name)?;
            found.extend(self.find_to_read(&reference));
        }
        if !input.includes_shadow_trails {
            found.retain(|trail| trail.home_region == *self.region && trail.account == self.account);
        }
        sort(&mut found);
        output(&DescribeTrailsOutput { trail_list: found.iter().map(|trail| description(trail)).collect() })
    }

    fn list(&self, members: Members) -> Result<Output, ApiError> {
        read_list_trails(members)?;
        let mut found = self.services.registry.all();
        found.retain(|trail| trail.account == self.account || self.is_of_organization(trail));
        sort(&mut found);
        let info = |trail: &Arc<Trail>| TrailInfo {
            trail_arn: trail.arn.clone(),
            name: trail.name.clone(),
            home_region: trail.home_region.as_str().to_owned(),
        };
        output(&ListTrailsOutput { trails: found.iter().map(info).collect() })
    }

    fn status(&self, name: &str) -> Result<Output, ApiError> {
        let reference = self.reference(name)?;
        let trail = self.find_to_read(&reference).ok_or_else(|| not_found(&reference.arn, self.account))?;
        let status = self.services.registry.progress(&trail.arn).map(|progress| progress.status.clone());
        let status = status.unwrap_or_default();
        let feed = self.services.registry.feed(&log_group_feed(&trail.arn)).unwrap_or_default();
        let text = |time: Option<EventTime>| time.map_or_else(String::new, |time| time.to_string());
        output(&TrailStatusOutput {
            is_logging: trail.logging.is_on,
            start_logging_time: trail.logging.started,
            stop_logging_time: trail.logging.stopped,
            time_logging_started: text(trail.logging.started),
            time_logging_stopped: text(trail.logging.stopped),
            latest_delivery_time: status.latest_delivery,
            latest_delivery_attempt_time: text(status.latest_delivery_attempt),
            latest_delivery_attempt_succeeded: text(status.latest_delivery),
            latest_delivery_error: status.latest_delivery_error,
            latest_notification_time: status.latest_notification,
            latest_notification_attempt_time: text(status.latest_notification_attempt),
            latest_notification_attempt_succeeded: text(status.latest_notification),
            latest_notification_error: status.latest_notification_error,
            latest_cloud_watch_logs_delivery_time: feed.latest_delivery,
            latest_cloud_watch_logs_delivery_error: feed.latest_error.clone(),
            latest_digest_delivery_time: status.latest_digest_delivery,
            latest_digest_delivery_error: status.latest_digest_error,
        })
    }

    async fn set_logging(&self, name: &str, is_on: bool) -> Result<Output, ApiError> {
        let trail = self.find_to_write(name)?;
        let (newest_event, passed) = ((self.services.newest_event)(), self.services.registry.passed(&trail.arn));
        self.change(&trail.arn, |trail| {
            let logging = &mut trail.logging;
            if logging.is_on == is_on {
                return Ok(());
            }
            match is_on {
                true => logging.start(self.now, newest_event, &passed),
                false => logging.stop(self.now),
            }
            Ok(())
        })
        .await?;
        output(&Nothing {})
    }

    async fn put_selectors(&self, input: PutEventSelectorsInput) -> Result<Output, ApiError> {
        let trail = self.find_to_write(&input.trail_name)?;
        let changed = self
            .change(&trail.arn, |trail| {
                trail.selectors = input.selectors;
                Ok(())
            })
            .await?;
        output(&EventSelectorsOutput::new(changed.arn.clone(), changed.selectors_in_force()))
    }

    fn get_selectors(&self, name: &str) -> Result<Output, ApiError> {
        let reference = self.reference(name)?;
        let trail = self.find_to_read(&reference).ok_or_else(|| not_found(&reference.arn, self.account))?;
        let selectors: EventSelectors = trail.selectors_in_force();
        output(&EventSelectorsOutput::new(trail.arn.clone(), selectors))
    }

    async fn add_tags(&self, input: TagsInput) -> Result<Output, ApiError> {
        let trail = self.find_to_tag(&input.resource_id)?;
        self.change(&trail.arn, |trail| {
            for tag in input.tags {
                match trail.tags.iter_mut().find(|known| known.key == tag.key) {
                    Some(known) => known.value = tag.value,
                    None => trail.tags.push(kept_tag(tag)),
                }
            }
            if trail.tags.len() > TAGS_MAX { Err(too_many(&trail.arn)) } else { Ok(()) }
        })
        .await?;
        output(&Nothing {})
    }

    async fn remove_tags(&self, input: TagsInput) -> Result<Output, ApiError> {
        let trail = self.find_to_tag(&input.resource_id)?;
        self.change(&trail.arn, |trail| {
            trail.tags.retain(|known| !input.tags.iter().any(|tag| tag.key == known.key));
            Ok(())
        })
        .await?;
        output(&Nothing {})
    }

    fn list_tags(&self, input: &ListTagsInput) -> Result<Output, ApiError> {
        let mut resource_tag_list = Vec::with_capacity(input.resource_ids.len());
        for resource_id in &input.resource_ids {
            let reference = tagged_reference(resource_id)?;
            let trail = self.find_to_read(&reference).ok_or_else(|| resource_not_found(resource_id))?;
            let shown = |tag: &trails::Tag| Tag { key: tag.key.clone(), value: tag.value.clone() };
            let tags_list = trail.tags.iter().map(shown).collect();
            resource_tag_list.push(ResourceTag { resource_id: resource_id.clone(), tags_list });
        }
        output(&ListTagsOutput { resource_tag_list })
    }

    async fn list_keys(&self, input: ListPublicKeysInput) -> Result<Output, ApiError> {
        let keys = self.services.keys.keys(self.region, input.start, input.end).await;
        let public_key_list = keys.map_err(|error| {
            tracing::error!(error = &*error, "the public keys of digests cannot be read");
            ApiError::Unavailable
        })?;
        output(&ListPublicKeysOutput { public_key_list })
    }

    fn reference(&self, name: &str) -> Result<TrailReference, ApiError> {
        TrailReference::parse(name, self.account, self.region)
    }

    fn is_of_organization(&self, trail: &Trail) -> bool {
        trail.is_organization
            && self.services.organization.as_ref().is_some_and(|organization| {
                organization.management_account == trail.account && organization.accounts.contains(&self.account)
            })
    }

    /// Whether the caller sees a trail in this region.
    fn sees(&self, trail: &Trail) -> bool {
        (trail.account == self.account || self.is_of_organization(trail)) && trail.is_seen_in(self.region)
    }

    fn find_to_read(&self, reference: &TrailReference) -> Option<Arc<Trail>> {
        self.services.registry.get(&reference.arn).filter(|trail| self.sees(trail))
    }

    /// A trail that the caller may change from here.
    fn find_to_write(&self, name: &str) -> Result<Arc<Trail>, ApiError> {
        let reference = self.reference(name)?;
        let known = self.services.registry.get(&reference.arn);
        let known = known.filter(|trail| trail.account == self.account || self.is_of_organization(trail));
        let trail = known.ok_or_else(|| not_found(&reference.arn, self.account))?;
        self.check_writable(&trail)?;
        Ok(trail)
    }

    fn find_to_tag(&self, resource_id: &str) -> Result<Arc<Trail>, ApiError> {
        let reference = tagged_reference(resource_id)?;
        let known = self.services.registry.get(&reference.arn);
        let known = known.filter(|trail| trail.account == self.account || self.is_of_organization(trail));
        let trail = known.ok_or_else(|| resource_not_found(resource_id))?;
        self.check_writable(&trail)?;
        Ok(trail)
    }

    fn check_writable(&self, trail: &Trail) -> Result<(), ApiError> {
        if trail.account != self.account {
            return Err(not_management_account());
        }
        if trail.home_region != *self.region {
            let (arn, home) = (&trail.arn, trail.home_region.as_str());
            let message = format!("Trail {arn} can only be modified from its home region {home}.");
            return Err(ApiError::refused(ErrorCode::InvalidHomeRegionException, message));
        }
        Ok(())
    }

    async fn change(
        &self,
        arn: &str,
        change: impl FnOnce(&mut Trail) -> Result<(), ApiError>,
    ) -> Result<Arc<Trail>, ApiError> {
        let (newest_event, passed) = ((self.services.newest_event)(), self.services.registry.passed(arn));
        let change = |trail: &mut Trail| {
            let before = trail.scope();
            change(trail)?;
            // What was recorded until now is delivered by what the trail was then.
            trail.keep_past(before, newest_event, &passed);
            Ok(())
        };
        // A trail that was found may be deleted by now.
        let changed = self.services.registry.change(arn, change).await.map_err(failed)?;
        changed.ok_or_else(|| not_found(arn, self.account))?
    }

    /// The name is free, and the account may have one more trail in each region where it will be seen.
    fn check_free(&self, all: &[Arc<Trail>], name: &str, arn: &str, is_multi_region: bool) -> Result<(), ApiError> {
        let of_account = || all.iter().filter(|trail| trail.account == self.account);
        // A shadow trail has its name in every region.
        let is_taken = of_account()
            .any(|trail| trail.arn == arn || (trail.name == name && (trail.is_multi_region || is_multi_region)));
        if is_taken {
            return Err(already_exists(name, self.account));
        }
        // Regions that no trail was made in have the shadow trails that all others have too.
        let counted = || all.iter().filter(|trail| trail.account == self.account || self.is_of_organization(trail));
        let homes: BTreeSet<&Region> = counted().map(|trail| &trail.home_region).chain([self.region]).collect();
        let max = self.services.trails_max;
        let is_full = |region: &&&Region| counted().filter(|trail| trail.is_seen_in(region)).count() >= max;
        let is_seen_there = |region: &&&Region| is_multi_region || **region == self.region;
        if let Some(full) = homes.iter().filter(is_seen_there).find(is_full) {
            let (account, region) = (self.account.as_str(), full.as_str());
            let message = format!("User: {account} already has {max} trails in {region}.");
            return Err(ApiError::refused(ErrorCode::MaximumNumberOfTrailsExceededException, message));
        }
        Ok(())
    }

    fn check_may_have_organization_trails(&self) -> Result<(), ApiError> {
        match &self.services.organization {
            None => Err(ApiError::refused(
                ErrorCode::OrganizationsNotInUseException,
                "The account is not a member of an organization.",
            )),
            Some(organization) if organization.management_account != self.account => Err(not_management_account()),
            Some(_) => Ok(()),
        }
    }

    async fn check_bucket(
        &self,
        bucket: &str,
        prefix: Option<&str>,
        trail_arn: &str,
        is_organization: bool,
        folder: &str,
    ) -> Result<(), ApiError> {
        let organization = self.services.organization.as_ref().filter(|_| is_organization);
        let question = BucketQuestion {
            bucket,
            prefix,
            account: self.account,
            region: self.region,
            trail_arn,
            folder,
            organization_id: organization.map(|organization| organization.id.as_str()),
        };
        self.services.destinations.check_bucket(question).await.map_err(|problem| match problem {
            DestinationProblem::NoSuchBucket => ApiError::refused(
                ErrorCode::S3BucketDoesNotExistException,
                format!("S3 bucket {bucket} does not exist!"),
            ),
            DestinationProblem::Refused => ApiError::refused(
                ErrorCode::InsufficientS3BucketPolicyException,
                format!("Incorrect S3 bucket policy is detected for bucket: {bucket}"),
            ),
            DestinationProblem::Unavailable(error) => {
                tracing::warn!(error = &*error, bucket, "a bucket cannot be checked");
                ApiError::Unavailable
            }
        })
    }

    async fn check_topic(&self, topic: Option<&Topic>, trail_arn: &str) -> Result<(), ApiError> {
        let Some(topic) = topic else { return Ok(()) };
        let checked = self.services.destinations.check_topic(&topic.arn, trail_arn).await;
        checked.map_err(|problem| match problem {
            TopicProblem::Refused => ApiError::refused(
                ErrorCode::InsufficientSnsTopicPolicyException,
                "SNS Topic does not exist or the topic policy is incorrect!",
            ),
            TopicProblem::Unavailable(error) => {
                tracing::warn!(error = &*error, topic = topic.arn, "a topic cannot be checked");
                ApiError::Unavailable
            }
        })
    }

    /// Whatever is no ARN is a name of a stand-in of AWS, which nobody can be asked for.
    async fn check_log_group(&self, group: Option<&str>, role: Option<&str>) -> Result<(), ApiError> {
        let (Some(group), Some(role)) = (group, role) else { return Ok(()) };
        let Ok(arn) = model::Arn::parse(group) else { return Ok(()) };
        let not_valid = || {
            let message = "Check the log group ARN: CloudTrail can't validate it.";
            ApiError::refused(ErrorCode::InvalidCloudWatchLogsLogGroupArnException, message)
        };
        if arn.region() != self.region.as_str() || arn.account() != self.account.as_str() {
            return Err(not_valid());
        }
        let checked = self.services.destinations.check_log_group(group, role).await;
        checked.map_err(|problem| match problem {
            LogGroupProblem::NoSuchGroup => not_valid(),
            LogGroupProblem::RoleRefused => ApiError::refused(
                ErrorCode::InvalidCloudWatchLogsRoleArnException,
                "Access denied. Check the trust relationships for your role.",
            ),
            LogGroupProblem::Unavailable(error) => {
                tracing::warn!(error = &*error, log_group = group, "a log group cannot be checked");
                ApiError::Unavailable
            }
        })
    }

    /// The ARN of a key, and whether the bucket can have it.
    async fn find_key(&self, bucket: &str, key: Option<String>) -> Result<Option<String>, ApiError> {
        let Some(given) = key else { return Ok(None) };
        let is_id = is_key_id(&given);
        let key = self.key_arn(given.clone());
        let found = self.services.destinations.find_key(&key).await.map_err(|problem| match problem {
            KeyProblem::NoSuchKey if !is_id => {
                ApiError::refused(ErrorCode::InvalidKmsKeyIdException, format!("KMS key ID is not valid: {given}"))
            }
            KeyProblem::NoSuchKey => ApiError::refused(
                ErrorCode::KmsKeyNotFoundException,
                format!("The KMS key {key} does not exist, or it and the S3 bucket {bucket} are not in one region."),
            ),
            KeyProblem::Disabled => ApiError::refused(
                ErrorCode::KmsException,
                format!("The KMS key {key} is disabled or is to be deleted."),
            ),
            KeyProblem::Unavailable(error) => {
                tracing::warn!(error = &*error, key, "a key cannot be checked");
                ApiError::Unavailable
            }
        })?;
        // Where nobody can be asked, a name that is of no form that KMS has is kept as it is.
        let found = found.unwrap_or(if is_id { key } else { given });
        self.check_encryption(bucket, Some(&found))?;
        Ok(Some(found))
    }

    fn check_encryption(&self, bucket: &str, key: Option<&str>) -> Result<(), ApiError> {
        match key {
            Some(key) if !self.services.destinations.can_encrypt(bucket) => Err(ApiError::refused(
                ErrorCode::InsufficientEncryptionPolicyException,
                format!("Insufficient permissions to access S3 bucket {bucket} or KMS key {key}."),
            )),
            _ => Ok(()),
        }
    }

    fn topic(&self, given: String) -> Topic {
        let arn = if given.starts_with("arn:") {
            given.clone()
        } else {
            let (partition, region) = (self.region.partition(), self.region.as_str());
            format!("arn:{partition}:sns:{region}:{}:{given}", self.account.as_str())
        };
        Topic { given, arn }
    }

    fn key_arn(&self, key: String) -> String {
        if key.starts_with("arn:") {
            return key;
        }
        let (partition, region) = (self.region.partition(), self.region.as_str());
        let resource = if key.starts_with("alias/") { key } else { format!("key/{key}") };
        format!("arn:{partition}:kms:{region}:{}:{resource}", self.account.as_str())
    }
}

/// Whether a text has a form that KMS gives to keys and aliases: an ARN, an alias, a UUID, or the id of a key in several
/// regions.
fn is_key_id(text: &str) -> bool {
    let is_hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_uuid = || {
        let parts: Vec<&str> = text.split('-').collect();
        parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| is_hex(part, length))
    };
    text.starts_with("arn:") || text.starts_with("alias/") || text.starts_with("mrk-") || is_uuid()
}

/// An ARN of a resource that can have tags here.
fn tagged_reference(resource_id: &str) -> Result<TrailReference, ApiError> {
    let Ok(arn) = model::Arn::parse(resource_id) else { return TrailReference::parse_arn(resource_id) };
    let kind = arn.resource().split_once('/').map_or("", |(kind, _)| kind);
    let shown = model::limits::cut(resource_id, 512);
    // Of the other kinds of CloudTrail's resources there are none.
    let code = match kind {
        _ if arn.service() != "cloudtrail" => ErrorCode::ResourceTypeNotSupportedException,
        "trail" => return TrailReference::parse_arn(resource_id),
        "eventdatastore" => ErrorCode::EventDataStoreNotFoundException,
        "channel" => ErrorCode::ChannelNotFoundException,
        "dashboard" => return Err(resource_not_found(resource_id)),
        _ => ErrorCode::ResourceTypeNotSupportedException,
    };
    let message = match code {
        ErrorCode::ResourceTypeNotSupportedException => format!("The resource type of {shown} is not supported."),
        _ => format!("Unknown resource: {shown}"),
    };
    Err(ApiError::refused(code, message))
}

fn resource_not_found(resource_id: &str) -> ApiError {
    let message = format!("Unknown resource: {}", model::limits::cut(resource_id, 512));
    ApiError::refused(ErrorCode::ResourceNotFoundException, message)
}

fn not_management_account() -> ApiError {
    ApiError::refused(
        ErrorCode::NotOrganizationMasterAccountException,
        "The account is not the management account of the organization.",
    )
}

fn already_exists(name: &str, account: AccountId) -> ApiError {
    let message = format!("Trail {name} already exists for customer: {}", account.as_str());
    ApiError::refused(ErrorCode::TrailAlreadyExistsException, message)
}

fn check_combination(is_multi_region: bool, includes_global_service_events: bool) -> Result<(), ApiError> {
    if is_multi_region && !includes_global_service_events {
        return Err(ApiError::refused(
            ErrorCode::InvalidParameterCombinationException,
            "Multi-Region trail must include global service events.",
        ));
    }
    Ok(())
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// What is there after an update: absent leaves it, an empty text clears it.
fn updated(new: &Option<String>, old: &Option<String>) -> Option<String> {
    if new.is_some() { given(new) } else { old.clone() }
}

fn kept_tag(tag: Tag) -> trails::Tag {
    trails::Tag { key: tag.key, value: tag.value }
}

/// In the order in which they were made.
fn sort(trails: &mut Vec<Arc<Trail>>) {
    trails.sort_by(|left, right| (left.created, &left.name, &left.arn).cmp(&(right.created, &right.name, &right.arn)));
    trails.dedup_by(|left, right| left.arn == right.arn);
}

fn settings(trail: &Trail) -> TrailSettings {
    TrailSettings {
        name: trail.name.clone(),
        s3_bucket_name: trail.bucket.clone(),
        s3_key_prefix: trail.prefix.clone(),
        sns_topic_name: trail.topic.as_ref().map(|topic| topic.given.clone()),
        sns_topic_arn: trail.topic.as_ref().map(|topic| topic.arn.clone()),
        include_global_service_events: trail.includes_global_service_events,
        is_multi_region_trail: trail.is_multi_region,
        trail_arn: trail.arn.clone(),
        log_file_validation_enabled: trail.validates_log_files,
        cloud_watch_logs_log_group_arn: trail.log_group_arn.clone(),
        cloud_watch_logs_role_arn: trail.log_role_arn.clone(),
        kms_key_id: trail.kms_key_id.clone(),
        is_organization_trail: trail.is_organization,
        recursive_logging: trail.logs_recursively,
    }
}

fn description(trail: &Trail) -> TrailDescription {
    TrailDescription {
        settings: settings(trail),
        home_region: trail.home_region.as_str().to_owned(),
        has_custom_event_selectors: trail.has_custom_selectors(),
        has_insight_selectors: !trail.insights.is_empty(),
    }
}
