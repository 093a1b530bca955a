//! Digests: planned, then written.

use std::sync::Arc;

use bytes::Bytes;
use digest::digest_file::{HASH_ALGORITHM, SIGNATURE_ALGORITHM};
use digest::names::DigestNames;
use digest::{DigestParts, LogFileEntry, SignedDigest};
use model::{AccountId, EventTime, Region};
use trails::{Chain, PlannedDigest, PreviousDigest, Progress, Trail};

use crate::log_files::{REFUSALS_FOR_SURE, chain_name};
use crate::sink::PutObject;
use crate::worker::{Delivery, DeliveryError};

/// Most log files of one digest. The next one follows at once.
const LOG_FILES_MAX: usize = 10_000;

impl Delivery {
    /// Writes the digests that are due, or, at a stop, the last ones.
    pub(crate) async fn write_digests(
        &self,
        trail: &Arc<Trail>,
        progress: &mut Progress,
        is_last: bool,
    ) -> Result<(), DeliveryError> {
        // Where validation was switched off, the chain ends with what was delivered until then.
        let is_last = is_last || !trail.validates_log_files;
        if trail.validates_log_files {
            // Also without activity there is a digest each hour.
            let home = chain_name(trail.account, trail.home_region.as_str());
            let start = trail.chain_start(progress, &home).unwrap_or_else(|| self.now());
            progress.chains.entry(home).or_insert_with(|| Chain {
                start,
                previous: None,
                files: Vec::new(),
                planned: None,
            });
        }
        let mut refused = None;
        for name in progress.chains.keys().cloned().collect::<Vec<_>>() {
            // A digest that a bucket refuses keeps those of other regions waiting no more than its own successors.
            match self.write_digest(trail, progress, &name, is_last).await {
                Err(DeliveryError::Refused) => refused = progress.status.latest_digest_error.clone(),
                written => written?,
            }
        }
        if refused.is_none() {
            return Ok(());
        }
        // Another region's success does not take back what was refused.
        progress.status.latest_digest_error = refused;
        self.note(trail, progress).await?;
        Err(DeliveryError::Refused)
    }

    async fn write_digest(
        &self,
        trail: &Arc<Trail>,
        progress: &mut Progress,
        name: &str,
        is_last: bool,
    ) -> Result<(), DeliveryError> {
        let Some((account, region)) = name.split_once('/') else { return Err(DeliveryError::Plan) };
        let account = AccountId::parse(account).map_err(|_| DeliveryError::Plan)?;
        let region = Region::parse(region).map_err(|_| DeliveryError::Plan)?;
        loop {
            let Some(chain) = progress.chains.get(name) else { return Ok(()) };
            let planned = match &chain.planned {
                Some(planned) if !self.is_misplaced(trail, planned, account, &region) => planned.clone(),
                _ => {
                    let Some(end) = self.end_of_window(chain.start, is_last) else { return Ok(()) };
                    let end = self.state.digest_ends.give(&trail.arn, name, end);
                    let planned = self.plan_digest(trail, chain, account, &region, end, is_last).await?;
                    if let Some(chain) = progress.chains.get_mut(name) {
                        chain.planned = Some(planned.clone());
                    }
                    progress.digest_ends.insert(name.to_owned(), end);
                    // From here on this digest is written and no other.
                    self.note(trail, progress).await?;
                    planned
                }
            };
            self.put_digest(trail, progress, name, &planned).await?;
            settle(progress, name, planned);
            progress.status.latest_digest_delivery = Some(self.now());
            progress.status.latest_digest_error = None;
            self.note(trail, progress).await?;
        }
    }

    /// Whether a digest that was planned is refused where it should go, and the trail delivers elsewhere by now; see
    /// [`Delivery::move_plan`] for log files.
    fn is_misplaced(&self, trail: &Trail, planned: &PlannedDigest, account: AccountId, region: &Region) -> bool {
        let Some(error) = &planned.refused else { return false };
        let names = DigestNames {
            root: self.root(trail, account),
            region,
            trail_name: &trail.name,
            home_region: &trail.home_region,
        };
        planned.bucket != trail.bucket
            || (REFUSALS_FOR_SURE.contains(&error.as_str()) && !planned.key.starts_with(&names.folder()))
    }

    /// The end of a window that is over, in whole seconds. The last one ends now.
    fn end_of_window(&self, start: EventTime, is_last: bool) -> Option<EventTime> {
        let now = self.now().as_seconds();
        let interval = i64::try_from(self.settings.digest_interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let end = start.as_seconds().saturating_add(interval);
        if end <= now {
            // Windows that nobody was there to close are one: their log files were delivered afterwards as well.
            return Some(EventTime::from_seconds(now));
        }
        is_last.then(|| EventTime::from_seconds(now.max(start.as_seconds() + 1)))
    }

    async fn plan_digest(
        &self,
        trail: &Arc<Trail>,
        chain: &Chain,
        account: AccountId,
        region: &Region,
        end: EventTime,
        is_last: bool,
    ) -> Result<PlannedDigest, DeliveryError> {
        let signer = self.keys.signer(region, end).await?;
        let key = self.root(trail, account).digest_file(region, &trail.name, &trail.home_region, end);
        let log_files: Vec<LogFileEntry> = chain.files.iter().take(LOG_FILES_MAX).map(entry).collect();
        let (file_count, bucket) = (log_files.len(), trail.bucket.clone());
        let previous = chain.previous.as_ref();
        let parts = DigestParts {
            account: account.as_str(),
            start: chain.start,
            end,
            bucket: &bucket,
            key: &key,
            previous: previous.map(|digest| [&*digest.bucket, &*digest.key, &*digest.hash, &*digest.signature]),
            log_files,
        };
        let signed = SignedDigest::new(parts, &signer)?;
        let is_last = is_last && file_count == chain.files.len();
        Ok(PlannedDigest {
            bucket,
            key,
            text: signed.text,
            hash: signed.hash,
            signature: signed.signature,
            end,
            file_count,
            is_last,
            refused: None,
        })
    }

    async fn put_digest(
        &self,
        trail: &Arc<Trail>,
        progress: &mut Progress,
        name: &str,
        planned: &PlannedDigest,
    ) -> Result<(), DeliveryError> {
        let object = PutObject {
            account: trail.account,
            bucket: planned.bucket.clone(),
            key: planned.key.clone(),
            content: Bytes::from(SignedDigest::pack(&planned.text)?),
            metadata: vec![
                ("signature", planned.signature.clone()),
                ("signature-algorithm", SIGNATURE_ALGORITHM.to_owned()),
            ],
            kms_key_id: trail.kms_key_id.clone(),
        };
        match self.sink.put(object).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, trail = trail.arn, bucket = planned.bucket, "a digest cannot be delivered; it is tried again");
                if let Some(planned) = progress.chains.get_mut(name).and_then(|chain| chain.planned.as_mut()) {
                    planned.refused = Some(error.code.clone());
                }
                error.tell(&mut progress.status.latest_digest_error);
                self.note(trail, progress).await?;
                Err(DeliveryError::Refused)
            }
        }
    }
}

fn settle(progress: &mut Progress, name: &str, planned: PlannedDigest) {
    if planned.is_last {
        progress.chains.remove(name);
    } else if let Some(chain) = progress.chains.get_mut(name) {
        chain.files.drain(..planned.file_count.min(chain.files.len()));
        chain.start = planned.end;
        let PlannedDigest { bucket, key, hash, signature, .. } = planned;
        chain.previous = Some(PreviousDigest { bucket, key, hash, signature });
        chain.planned = None;
    }
}

fn entry(file: &trails::ChainFile) -> LogFileEntry {
    LogFileEntry {
        s3_bucket: file.bucket.clone(),
        s3_object: file.key.clone(),
        hash_value: file.hash.clone(),
        hash_algorithm: HASH_ALGORITHM.to_owned(),
        newest_event_time: file.newest.to_string(),
        oldest_event_time: file.oldest.to_string(),
    }
}
