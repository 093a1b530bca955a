//! Object Lock: of buckets, and of versions.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::answers::{timestamp, timestamp_ms};
use super::{Backend, now_ms};
use crate::attributes::Attributes;
use crate::index::{BucketRules, DeletionAccess, IndexError};
use crate::object_lock::{
    BucketLock, DefaultRetention as LockDefault, LockAccess, LockMode, ObjectLock, Retention, RetentionPeriod,
};

/// The lock of a version as headers have it.
#[derive(Debug, Default)]
pub(super) struct LockHeaders {
    pub(super) mode: Option<ObjectLockMode>,
    pub(super) until: Option<Timestamp>,
    pub(super) legal_hold: Option<ObjectLockLegalHoldStatus>,
}

impl LockHeaders {
    /// What a request to write an object says; `None` where it says nothing.
    pub(super) fn read(self) -> S3Result<Option<ObjectLock>> {
        let retention = match (self.mode, self.until) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(Retention { mode: mode_of(mode.as_str())?, until_ms: future(&until)? }),
            _ => {
                return Err(s3_error!(
                    InvalidArgument,
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
                ));
            }
        };
        let legal_hold = self.legal_hold.as_ref().map(is_on).transpose()?;
        if retention.is_none() && legal_hold.is_none() {
            return Ok(None);
        }
        Ok(Some(ObjectLock { retention, legal_hold: legal_hold.unwrap_or(false) }))
    }

    /// What an answer says of a version.
    pub(super) fn showing(lock: Option<ObjectLock>) -> Self {
        let Some(lock) = lock else { return Self::default() };
        Self {
            mode: lock.retention.map(|retention| ObjectLockMode::from_static(retention.mode.name())),
            until: lock.retention.map(|retention| timestamp(retention.until_ms)),
            legal_hold: lock.legal_hold.then(|| ObjectLockLegalHoldStatus::from_static(ObjectLockLegalHoldStatus::ON)),
        }
    }
}

fn mode_of(name: &str) -> S3Result<LockMode> {
    LockMode::from_name(name).ok_or_else(|| s3_error!(InvalidArgument, "Unknown wormMode directive."))
}

fn future(until: &Timestamp) -> S3Result<i64> {
    let until_ms = timestamp_ms(until);
    if until_ms <= now_ms() {
        return Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"));
    }
    Ok(until_ms)
}

fn is_on(status: &ObjectLockLegalHoldStatus) -> S3Result<bool> {
    match status.as_str() {
        ObjectLockLegalHoldStatus::ON => Ok(true),
        ObjectLockLegalHoldStatus::OFF => Ok(false),
        _ => Err(s3_error!(InvalidArgument, "Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

fn malformed() -> s3s::S3Error {
    s3_error!(MalformedXML, "The XML you provided was not well-formed or did not validate against our published schema")
}

fn lock_of(configuration: ObjectLockConfiguration) -> S3Result<BucketLock> {
    let is_enabled =
        configuration.object_lock_enabled.is_some_and(|enabled| enabled.as_str() == ObjectLockEnabled::ENABLED);
    if !is_enabled {
        return Err(malformed());
    }
    let Some(rule) = configuration.rule else { return Ok(BucketLock::default()) };
    let retention = rule.default_retention.ok_or_else(malformed)?;
    let mode = retention.mode.as_ref().and_then(|mode| LockMode::from_name(mode.as_str())).ok_or_else(malformed)?;
    let period = match (retention.days, retention.years) {
        (Some(days), None) => RetentionPeriod::Days(days),
        (None, Some(years)) => RetentionPeriod::Years(years),
        _ => return Err(malformed()),
    };
    let period = period.checked().ok_or_else(|| {
        s3_error!(InvalidArgument, "Default retention period must be a positive integer value, of 100 years at most")
    })?;
    Ok(BucketLock { default_retention: Some(LockDefault { mode, period }) })
}

fn configuration_of(lock: BucketLock) -> ObjectLockConfiguration {
    let default = lock.default_retention.map(|LockDefault { mode, period }| {
        let (days, years) = match period {
            RetentionPeriod::Days(days) => (Some(days), None),
            RetentionPeriod::Years(years) => (None, Some(years)),
        };
        DefaultRetention { days, mode: Some(ObjectLockRetentionMode::from_static(mode.name())), years }
    });
    ObjectLockConfiguration {
        object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
        rule: default.map(|default| ObjectLockRule { default_retention: Some(default) }),
    }
}

fn is_locked_bucket(rules: &BucketRules) -> Result<(), IndexError> {
    if rules.lock.is_some() { Ok(()) } else { Err(IndexError::NoObjectLock) }
}

fn lock_access(bypass: Option<bool>) -> LockAccess {
    LockAccess { now_ms: now_ms(), bypasses_governance: bypass.unwrap_or(false) }
}

impl Backend {
    /// What a caller may remove, by the headers of the request.
    pub(super) fn deletion_access(&self, bypass: Option<bool>, mfa: Option<&str>) -> DeletionAccess {
        DeletionAccess { lock: lock_access(bypass), is_with_mfa: self.is_right_code(mfa) }
    }

    /// Whether the header has a code of the device of the root user. A code is right once.
    pub(super) fn is_right_code(&self, header: Option<&str>) -> bool {
        header.zip(self.config.mfa.as_ref()).is_some_and(|(header, check)| check(header))
    }

    pub(super) async fn get_object_lock_configuration(
        &self,
        request: S3Request<GetObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
        let lock = self.index.rules(&request.input.bucket).await?.lock;
        let lock = lock.ok_or_else(|| {
            s3_error!(ObjectLockConfigurationNotFoundError, "Object Lock configuration does not exist for this bucket")
        })?;
        let object_lock_configuration = Some(configuration_of(lock));
        Ok(S3Response::new(GetObjectLockConfigurationOutput { object_lock_configuration }))
    }

    pub(super) async fn put_object_lock_configuration(
        &self,
        request: S3Request<PutObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<PutObjectLockConfigurationOutput>> {
        let lock = lock_of(request.input.object_lock_configuration.ok_or_else(malformed)?)?;
        self.index.set_object_lock(request.input.bucket, lock).await?;
        Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
    }

    pub(super) async fn get_object_retention(
        &self,
        request: S3Request<GetObjectRetentionInput>,
    ) -> S3Result<S3Response<GetObjectRetentionOutput>> {
        let input = request.input;
        is_locked_bucket(&self.index.rules(&input.bucket).await?)?;
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let retention = object.attributes.lock.and_then(|lock| lock.retention).ok_or_else(no_lock_of_object)?;
        let retention = ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::from_static(retention.mode.name())),
            retain_until_date: Some(timestamp(retention.until_ms)),
        };
        Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
    }

    /// A retention grows; it ends early only where its mode lets the caller.
    pub(super) async fn put_object_retention(
        &self,
        request: S3Request<PutObjectRetentionInput>,
    ) -> S3Result<S3Response<PutObjectRetentionOutput>> {
        let input = request.input;
        let wanted = input.retention.unwrap_or_default();
        let new = match (&wanted.mode, &wanted.retain_until_date) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(Retention { mode: mode_of(mode.as_str())?, until_ms: future(until)? }),
            _ => return Err(malformed()),
        };
        let access = lock_access(input.bypass_governance_retention);
        let change = move |rules: &BucketRules, attributes: &mut Attributes| {
            is_locked_bucket(rules)?;
            let lock = attributes.lock.unwrap_or_default();
            if !lock.allows_retention(new.as_ref(), access) {
                return Err(IndexError::Locked);
            }
            attributes.lock = Some(ObjectLock { retention: new, ..lock });
            Ok(())
        };
        self.index.change_attributes(input.bucket, input.key, input.version_id, change).await?;
        Ok(S3Response::new(PutObjectRetentionOutput::default()))
    }

    pub(super) async fn get_object_legal_hold(
        &self,
        request: S3Request<GetObjectLegalHoldInput>,
    ) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
        let input = request.input;
        is_locked_bucket(&self.index.rules(&input.bucket).await?)?;
        let object = self.index.object(&input.bucket, &input.key, input.version_id.as_deref()).await?;
        let lock = object.attributes.lock.ok_or_else(no_lock_of_object)?;
        let status = if lock.legal_hold { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF };
        let status = Some(ObjectLockLegalHoldStatus::from_static(status));
        Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold: Some(ObjectLockLegalHold { status }) }))
    }

    pub(super) async fn put_object_legal_hold(
        &self,
        request: S3Request<PutObjectLegalHoldInput>,
    ) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
        let input = request.input;
        let status = input.legal_hold.and_then(|hold| hold.status).ok_or_else(malformed)?;
        let legal_hold = is_on(&status).map_err(|_| malformed())?;
        let change = move |rules: &BucketRules, attributes: &mut Attributes| {
            is_locked_bucket(rules)?;
            attributes.lock = Some(ObjectLock { legal_hold, ..attributes.lock.unwrap_or_default() });
            Ok(())
        };
        self.index.change_attributes(input.bucket, input.key, input.version_id, change).await?;
        Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
    }
}

fn no_lock_of_object() -> s3s::S3Error {
    s3_error!(NoSuchObjectLockConfiguration, "The specified object does not have a ObjectLock configuration")
}
