//! Log files: planned, then carried out.

use bytes::Bytes;
use digest::log_file::FinishedLogFile;
use digest::names::Root;
use digest::{LogFile, LogKind};
use model::{AccountId, EventTime, Region};
use trails::{Chain, ChainFile, DeliveryPlan, PlannedFile, Progress, Taking, Trail};

use crate::selection::{FilePlace, Selected, Selection, Until, select};
use crate::sink::PutObject;
use crate::worker::{Delivery, DeliveryError};

/// Length of the random part of a log file's name. Source: CloudTrail user guide, log file names.
const RANDOM_LENGTH: usize = 16;
/// Bytes of records after which a delivery is full: files stay below the size that the original has, and memory flat.
pub(crate) const RECORD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a delivery that fails is tried again, seconds. Source: CloudTrail user guide, delivery to a bucket that
/// refuses.
pub(crate) const RETRY_SECONDS_MAX: i64 = 30 * 24 * 60 * 60;
/// What a bucket says when it has not taken an object, whatever happened on the way.
pub(crate) const REFUSALS_FOR_SURE: [&str; 2] = ["AccessDenied", "NoSuchBucket"];

/// The plan for what was selected; `None` when there are no files to be written.
pub(crate) fn plan(
    trail: &Trail,
    files: Vec<PlannedFile>,
    selected: &Selected,
    after: u64,
    taking: &Taking,
    now: EventTime,
) -> Option<DeliveryPlan> {
    (!files.is_empty()).then(|| DeliveryPlan {
        after,
        to: selected.to,
        taking: taking.clone(),
        bucket: trail.bucket.clone(),
        files,
        since: now,
    })
}

impl Delivery {
    /// Files for what is of some accounts, regions and kinds, each with a key of its own.
    pub(crate) fn name_files<'a>(
        &self,
        trail: &Trail,
        places: impl Iterator<Item = &'a FilePlace>,
    ) -> Vec<PlannedFile> {
        let now = self.now();
        let file = |FilePlace { account, region, kind }: &FilePlace| {
            let root = self.root(trail, *account);
            let key = root.log_file(*kind, &Region::parse(region).ok()?, now, &self.random_name());
            let (account, region) = (account.as_str().to_owned(), region.clone());
            Some(PlannedFile { account, region, is_insights: *kind == LogKind::Insights, key, is_written: false })
        };
        places.filter_map(file).collect()
    }

    /// Where files of an account lie.
    pub(crate) fn root<'a>(&'a self, trail: &'a Trail, account: AccountId) -> Root<'a> {
        let organization = self.organization.as_ref().filter(|_| trail.is_organization);
        Root {
            prefix: trail.prefix.as_deref(),
            organization_id: organization.map(|organization| organization.id.as_str()),
            account,
        }
    }

    /// Moves what is left of a plan to where the trail delivers now, if that is elsewhere and the old place refuses: a
    /// bucket that is gone for good must not keep a trail waiting whose owner has given it another one. A file that the old
    /// bucket took and said that it did not may be in both then. In one bucket, files are moved only where nothing was
    /// taken for sure.
    fn move_plan(&self, trail: &Trail, progress: &mut Progress, plan: &mut DeliveryPlan) {
        let Some(error) = &progress.status.latest_delivery_error else { return };
        let is_elsewhere = plan.bucket != trail.bucket;
        let is_refused_for_sure = REFUSALS_FOR_SURE.contains(&error.as_str());
        for file in plan.files.iter_mut().filter(|file| !file.is_written) {
            let (Ok(account), Ok(region)) = (AccountId::parse(&file.account), Region::parse(&file.region)) else {
                continue;
            };
            let root = self.root(trail, account);
            let kind = kind_of(file);
            let has_moved = !file.key.starts_with(&root.log_folder(kind, &region));
            if is_elsewhere || (has_moved && is_refused_for_sure) {
                file.key = root.log_file(kind, &region, self.now(), &self.random_name());
            }
        }
        plan.bucket.clone_from(&trail.bucket);
        progress.plan = Some(plan.clone());
    }

    /// Carries a plan out, and notes in the progress that it is done.
    pub(crate) async fn carry_out(
        &self,
        trail: &std::sync::Arc<Trail>,
        progress: &mut Progress,
        mut plan: DeliveryPlan,
        selected: Option<Selected>,
    ) -> Result<(), DeliveryError> {
        let before = plan.clone();
        self.move_plan(trail, progress, &mut plan);
        if plan != before {
            // From here on the files are delivered under these keys.
            self.note(trail, progress).await?;
        }
        let plan = &plan;
        let now = self.now();
        if now.as_seconds() - plan.since.as_seconds() > RETRY_SECONDS_MAX {
            tracing::error!(
                trail = trail.arn,
                files = plan.files.len(),
                "log files were given up after 30 days of failures"
            );
            progress.cursor = plan.to;
            progress.plan = None;
            return self.note(trail, progress).await;
        }
        let selected = match selected {
            Some(selected) => selected,
            None => {
                let selection = Selection::new(trail, plan.taking.clone(), self.organization.as_ref());
                select(&self.store, &selection, plan.after, Until::Event(plan.to)).await?
            }
        };
        let mut is_refused = false;
        for (index, file) in plan.files.iter().enumerate().filter(|(_, file)| !file.is_written) {
            let account = AccountId::parse(&file.account).map_err(|_| DeliveryError::Plan)?;
            let place = FilePlace { account, region: file.region.clone(), kind: kind_of(file) };
            let events = selected.files.get(&place);
            // Retention may have taken the events of a delivery that failed for longer than the history lasts.
            let Some(events) = events.cloned() else { continue };
            let finished =
                tokio::task::spawn_blocking(move || render(&events)).await.map_err(|_| DeliveryError::Plan)??;
            let Some(mut finished) = finished else { continue };
            progress.status.latest_delivery_attempt = Some(self.now());
            let object = PutObject {
                account: trail.account,
                bucket: plan.bucket.clone(),
                key: file.key.clone(),
                content: Bytes::from(std::mem::take(&mut finished.packed)),
                metadata: Vec::new(),
                kms_key_id: trail.kms_key_id.clone(),
            };
            if let Err(error) = self.sink.put(object).await {
                tracing::warn!(%error, trail = trail.arn, bucket = plan.bucket, "a log file cannot be delivered; it is tried again");
                error.tell(&mut progress.status.latest_delivery_error);
                is_refused = true;
                continue;
            }
            progress.status.latest_delivery = Some(self.now());
            if let Some(file) = progress.plan.as_mut().and_then(|plan| plan.files.get_mut(index)) {
                file.is_written = true;
            }
            self.tell_topic(trail, progress, &plan.bucket, &file.key).await;
            if trail.validates_log_files {
                add_to_chain(progress, trail, plan, file, finished, now);
            }
        }
        if is_refused {
            // What was written stays written, so that a bucket that refuses now and then is filled all the same.
            self.note(trail, progress).await?;
            return Err(DeliveryError::Refused);
        }
        progress.status.latest_delivery_error = None;
        // The commit point: from here on the files are delivered and named by the next digest.
        progress.cursor = plan.to;
        progress.plan = None;
        self.note(trail, progress).await
    }

    /// Tells the trail's topic of a file. A message that fails is not sent again: the file is there, and so is the status.
    async fn tell_topic(&self, trail: &Trail, progress: &mut Progress, bucket: &str, key: &str) {
        let Some(topic) = &trail.topic else { return };
        let message = serde_json::json!({ "s3Bucket": bucket, "s3ObjectKey": [key] }).to_string();
        let status = &mut progress.status;
        status.latest_notification_attempt = Some(self.now());
        match self.topics.publish(&topic.arn, message).await {
            Ok(()) => {
                status.latest_notification = Some(self.now());
                status.latest_notification_error = None;
            }
            Err(error) => {
                tracing::warn!(%error, trail = trail.arn, topic = topic.arn, "a topic cannot be told of a log file");
                error.tell(&mut status.latest_notification_error);
            }
        }
    }

    pub(crate) fn random_name(&self) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut bytes = [0; RANDOM_LENGTH];
        (self.random)(&mut bytes);
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
    }
}

fn kind_of(file: &PlannedFile) -> LogKind {
    if file.is_insights { LogKind::Insights } else { LogKind::Events }
}

fn add_to_chain(
    progress: &mut Progress,
    trail: &Trail,
    plan: &DeliveryPlan,
    file: &PlannedFile,
    finished: FinishedLogFile,
    now: EventTime,
) {
    let FinishedLogFile { hash, oldest, newest, .. } = finished;
    let entry = ChainFile { bucket: plan.bucket.clone(), key: file.key.clone(), hash, newest, oldest };
    let name = format!("{}/{}", file.account, file.region);
    let start = trail.chain_start(progress, &name).unwrap_or(now);
    let chain = progress.chains.entry(name);
    let chain = chain.or_insert_with(|| Chain { start, previous: None, files: Vec::new(), planned: None });
    chain.files.push(entry);
}

/// The name of a chain.
pub(crate) fn chain_name(account: AccountId, region: &str) -> String {
    format!("{}/{region}", account.as_str())
}

fn render(events: &[std::sync::Arc<store::StoredEvent>]) -> std::io::Result<Option<FinishedLogFile>> {
    let mut file = LogFile::default();
    for event in events {
        file.push(&event.record, event.index.event_time);
    }
    file.finish()
}
