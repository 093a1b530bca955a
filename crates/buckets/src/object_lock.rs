//! Object Lock: until when nobody removes a version, as the Amazon S3 user guide, "Locking objects", defines it.

use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Who may end a retention before its time.
///
/// The stricter one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LockMode {
    /// Callers that ask to bypass it.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    /// As in `x-amz-object-lock-mode`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.name() == name)
    }
}

/// A version stays until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: LockMode,
    /// In milliseconds since 1970.
    pub(crate) until_ms: i64,
}

/// What holds a version in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectLock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Without an end, until it is taken off.
    pub(crate) legal_hold: bool,
}

/// How a caller comes to a lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockAccess {
    /// Now, in milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// Whether governance mode is to be bypassed.
    pub(crate) bypasses_governance: bool,
}

impl ObjectLock {
    /// Whether the version may be removed.
    pub(crate) fn allows_removal(&self, access: LockAccess) -> bool {
        !self.legal_hold && self.retention.is_none_or(|retention| retention.allows_end(access))
    }

    /// Whether a retention may take the place of the one that is there; `None` takes it off.
    pub(crate) fn allows_retention(&self, new: Option<&Retention>, access: LockAccess) -> bool {
        let Some(old) = self.retention else { return true };
        let is_stricter = new.is_some_and(|new| new.until_ms >= old.until_ms && new.mode >= old.mode);
        is_stricter || old.allows_end(access)
    }
}

impl Retention {
    fn allows_end(&self, access: LockAccess) -> bool {
        self.until_ms <= access.now_ms || (self.mode == LockMode::Governance && access.bypasses_governance)
    }
}

/// How long versions stay that are written without a word about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DefaultRetention {
    pub(crate) mode: LockMode,
    pub(crate) period: RetentionPeriod,
}

/// Days or years, as it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RetentionPeriod {
    /// At least 1.
    Days(i32),
    /// At least 1, of 365 days.
    Years(i32),
}

/// The longest period. Source: Amazon S3 user guide, "Object Lock considerations".
const PERIOD_DAYS_MAX: i64 = 36_500;

impl RetentionPeriod {
    /// `None` for a period that is not positive or longer than a hundred years.
    pub(crate) fn checked(self) -> Option<Self> {
        (1..=PERIOD_DAYS_MAX).contains(&self.days()).then_some(self)
    }

    fn days(self) -> i64 {
        match self {
            Self::Days(days) => i64::from(days),
            Self::Years(years) => i64::from(years) * 365,
        }
    }
}

/// Object Lock of a bucket; once on, it stays on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketLock {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_retention: Option<DefaultRetention>,
}

impl BucketLock {
    /// The retention of a version that is written at `now_ms`.
    pub(crate) fn retention_at(&self, now_ms: i64) -> Option<Retention> {
        let DefaultRetention { mode, period } = self.default_retention?;
        Some(Retention { mode, until_ms: now_ms.saturating_add(period.days() * DAY_MS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: LockAccess = LockAccess { now_ms: 1_000, bypasses_governance: false };
    const BYPASSING: LockAccess = LockAccess { bypasses_governance: true, ..NOW };

    fn lock(mode: LockMode, until_ms: i64) -> ObjectLock {
        ObjectLock { retention: Some(Retention { mode, until_ms }), legal_hold: false }
    }

    #[test]
    fn versions_stay_until_their_time() {
        assert!(ObjectLock::default().allows_removal(NOW));
        assert!(!lock(LockMode::Compliance, 1_001).allows_removal(BYPASSING));
        assert!(lock(LockMode::Compliance, 1_000).allows_removal(NOW));
        assert!(!lock(LockMode::Governance, 1_001).allows_removal(NOW));
        assert!(lock(LockMode::Governance, 1_001).allows_removal(BYPASSING));
        assert!(!ObjectLock { retention: None, legal_hold: true }.allows_removal(BYPASSING));
    }

    #[test]
    fn retentions_only_grow() {
        let compliance = lock(LockMode::Compliance, 2_000);
        let new = |mode, until_ms| Retention { mode, until_ms };
        let allows = |lock: &ObjectLock, new: Option<Retention>, access| lock.allows_retention(new.as_ref(), access);
        assert!(allows(&compliance, Some(new(LockMode::Compliance, 2_000)), NOW));
        assert!(allows(&compliance, Some(new(LockMode::Compliance, 3_000)), NOW));
        assert!(!allows(&compliance, Some(new(LockMode::Compliance, 1_999)), BYPASSING));
        assert!(!allows(&compliance, Some(new(LockMode::Governance, 3_000)), BYPASSING));
        assert!(!allows(&compliance, None, BYPASSING));
        let governance = lock(LockMode::Governance, 2_000);
        assert!(allows(&governance, Some(new(LockMode::Compliance, 2_000)), NOW));
        assert!(!allows(&governance, None, NOW) && allows(&governance, None, BYPASSING));
        assert!(allows(&ObjectLock::default(), None, NOW));
    }

    #[test]
    fn a_bucket_has_a_default() {
        let default =
            |period| BucketLock { default_retention: Some(DefaultRetention { mode: LockMode::Compliance, period }) };
        let until = |lock: BucketLock| lock.retention_at(5).map(|retention| retention.until_ms);
        assert_eq!(until(default(RetentionPeriod::Days(2))), Some(2 * DAY_MS + 5));
        assert_eq!(until(default(RetentionPeriod::Years(1))), Some(365 * DAY_MS + 5));
        assert_eq!(until(BucketLock::default()), None);
        assert!(RetentionPeriod::Days(0).checked().is_none() && RetentionPeriod::Years(101).checked().is_none());
        assert!(RetentionPeriod::Years(100).checked().is_some());
    }
}
