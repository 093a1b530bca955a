//! What of an event counts.

use std::borrow::Cow;

use model::{AccountId, EventCategory, LookupIndex};
use serde::Deserialize;
use store::StoredEvent;

/// What of an event counts for Insights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation<'a> {
    /// Account whose event it is.
    pub account: AccountId,
    /// Region.
    pub region: &'a str,
    /// Service.
    pub event_source: &'a str,
    /// Operation.
    pub event_name: &'a str,
    /// Whether the call changes something: those that do not count for rates of errors only.
    pub is_write: bool,
    /// How it failed.
    pub error_code: Option<&'a str>,
    /// Minute since 1970.
    pub minute: i64,
    /// ARN of the caller, that of the role for sessions of roles.
    pub user_identity_arn: Option<Cow<'a, str>>,
    /// User agent.
    pub user_agent: Option<Cow<'a, str>>,
}

/// What is not in the index of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, default)]
    user_agent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_identity: Option<Identity<'a>>,
}

#[derive(Deserialize)]
struct Identity<'a> {
    #[serde(borrow, default)]
    arn: Option<Cow<'a, str>>,
}

impl<'a> Observation<'a> {
    /// What of an event counts; `None` where nothing does: only management events do, and of those that change nothing only
    /// the failed ones.
    pub fn of(event: &'a StoredEvent) -> Option<Self> {
        let LookupIndex { category, read_only, error_code, region, account, .. } = &event.index;
        let (is_write, error_code) = (*read_only == Some(false), error_code.as_deref());
        if *category != EventCategory::Management || (!is_write && error_code.is_none()) {
            return None;
        }
        let record: Record<'_> = serde_json::from_slice(&event.record).ok()?;
        Some(Self {
            account: AccountId::parse(account.as_deref()?).ok()?,
            region: region.as_deref()?,
            event_source: &event.index.event_source,
            event_name: &event.index.event_name,
            is_write,
            error_code,
            minute: event.index.event_time.as_seconds().div_euclid(60),
            user_identity_arn: record.user_identity.and_then(|identity| identity.arn).map(without_session),
            user_agent: record.user_agent,
        })
    }
}

/// `arn:aws:sts::111122223333:assumed-role/Role/session` without the session.
fn without_session(arn: Cow<'_, str>) -> Cow<'_, str> {
    let role = arn.split_once(":assumed-role/").and_then(|(_, name)| name.rsplit_once('/'));
    let length = role.map(|(_, session)| arn.len() - session.len() - 1);
    match (length, arn) {
        (None, arn) => arn,
        (Some(length), Cow::Borrowed(arn)) => Cow::Borrowed(&arn[..length]),
        (Some(length), Cow::Owned(mut arn)) => {
            arn.truncate(length);
            Cow::Owned(arn)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(rest: &str) -> StoredEvent {
        let record = format!(
            r#"{{"eventTime":"2025-03-01T12:01:05Z","eventID":"1","eventSource":"ec2.amazonaws.com","eventName":"N","awsRegion":"eu-west-1","recipientAccountId":"111122223333",{rest}}}"#
        );
        let index = LookupIndex::derive(record.as_bytes()).unwrap();
        StoredEvent { sequence: 1, index, record: record.into() }
    }

    #[test]
    fn what_changes_something_or_fails_counts() {
        let event = stored(
            r#""readOnly":false,"userAgent":"cli","userIdentity":{"arn":"arn:aws:sts::111122223333:assumed-role/Admin/me"}"#,
        );
        let seen = Observation::of(&event).unwrap();
        assert_eq!(seen.user_identity_arn.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/Admin"));
        assert_eq!((seen.user_agent.as_deref(), seen.error_code, seen.is_write), (Some("cli"), None, true));
        assert_eq!(seen.minute * 60, event.index.event_time.as_seconds() - 5);
        let failed = stored(r#""readOnly":true,"errorCode":"AccessDenied""#);
        let seen = Observation::of(&failed).unwrap();
        assert_eq!((seen.error_code, seen.is_write, seen.user_identity_arn), (Some("AccessDenied"), false, None));
        assert_eq!(Observation::of(&stored(r#""readOnly":true"#)), None);
        assert_eq!(Observation::of(&stored(r#""readOnly":false,"eventCategory":"Data""#)), None);
    }

    #[test]
    fn only_sessions_are_folded() {
        for (arn, folded) in [
            ("arn:aws:iam::111122223333:user/a/b", "arn:aws:iam::111122223333:user/a/b"),
            ("arn:aws:sts::111122223333:assumed-role/R", "arn:aws:sts::111122223333:assumed-role/R"),
            ("arn:aws:sts::111122223333:assumed-role/R/s@x", "arn:aws:sts::111122223333:assumed-role/R"),
        ] {
            assert_eq!(without_session(Cow::Borrowed(arn)), folded);
            assert_eq!(without_session(Cow::Owned(arn.to_owned())), folded);
        }
    }
}
