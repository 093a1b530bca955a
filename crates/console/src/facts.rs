//! What a filter looks at in an event.

use model::{EventCategory, EventTime};

use crate::search::pattern::Pattern;
use crate::search::{DENIED_CODES, ErrorFilter, Filter};

/// The searchable facts of a stored record; what a record does not have is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// `eventTime`.
    pub event_time: EventTime,
    /// `eventID`.
    pub event_id: Option<String>,
    /// `eventName`.
    pub event_name: Option<String>,
    /// `eventSource`.
    pub event_source: Option<String>,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// Derived name of the caller.
    pub user_name: Option<String>,
    /// `userIdentity.accessKeyId`.
    pub access_key_id: Option<String>,
    /// `errorCode`.
    pub error_code: Option<String>,
    /// `sourceIPAddress`.
    pub source_ip: Option<String>,
    /// `awsRegion`.
    pub region: Option<String>,
    /// `recipientAccountId`.
    pub account: Option<String>,
    /// `eventCategory`.
    pub category: EventCategory,
    /// Derived resources: type, where known, and name.
    pub resources: Vec<(Option<String>, String)>,
}

impl Filter {
    /// Whether an event fits all of the filter.
    pub fn fits(&self, facts: &EventFacts) -> bool {
        let name = facts.event_name.as_deref().unwrap_or_default();
        (self.event_names.is_empty() || self.event_names.iter().any(|pattern| pattern.fits(name)))
            && equals(self.event_source.as_deref(), facts.event_source.as_deref())
            && equals(self.user_name.as_deref(), facts.user_name.as_deref())
            && equals(self.access_key_id.as_deref(), facts.access_key_id.as_deref())
            && equals(self.event_id.as_deref(), facts.event_id.as_deref())
            && equals(self.source_ip.as_deref(), facts.source_ip.as_deref())
            && equals(self.region.as_ref().map(model::Region::as_str), facts.region.as_deref())
            && equals(self.account.as_ref().map(model::AccountId::as_str), facts.account.as_deref())
            && self.read_only.is_none_or(|read_only| facts.read_only == Some(read_only))
            && self.category.is_none_or(|category| facts.category == category)
            && self.fits_resources(facts)
            && self.fits_error(facts.error_code.as_deref())
    }

    /// One and the same resource has both the name and the type that are asked for.
    fn fits_resources(&self, facts: &EventFacts) -> bool {
        if self.resource_name.is_none() && self.resource_type.is_none() {
            return true;
        }
        facts.resources.iter().any(|(kind, name)| {
            equals(self.resource_type.as_deref(), kind.as_deref())
                && equals(self.resource_name.as_deref(), Some(name.as_str()))
        })
    }

    fn fits_error(&self, code: Option<&str>) -> bool {
        let fits_code = match (&self.error, code) {
            (None, _) | (Some(ErrorFilter::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(ErrorFilter::Code(pattern)), Some(code)) => pattern.fits(code),
        };
        fits_code && (!self.denied || code.is_some_and(is_denied))
    }
}

fn is_denied(code: &str) -> bool {
    DENIED_CODES.iter().any(|pattern| Pattern::new(pattern).fits(code))
}

fn equals(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::SearchRequest;

    fn facts() -> EventFacts {
        EventFacts {
            event_time: EventTime::from_seconds(1),
            event_id: Some("e-1".to_owned()),
            event_name: Some("PutRolePolicy".to_owned()),
            event_source: Some("iam.amazonaws.com".to_owned()),
            read_only: Some(false),
            user_name: Some("ana".to_owned()),
            access_key_id: Some("AKIAEXAMPLE".to_owned()),
            error_code: Some("AccessDenied".to_owned()),
            source_ip: Some("203.0.113.7".to_owned()),
            region: Some("us-east-1".to_owned()),
            account: Some("111122223333".to_owned()),
            category: EventCategory::Management,
            resources: vec![
                (Some("AWS::IAM::Role".to_owned()), "admin".to_owned()),
                (Some("AWS::IAM::Policy".to_owned()), "inline".to_owned()),
                (None, "odd".to_owned()),
            ],
        }
    }

    #[track_caller]
    fn check(filter: &str, facts: &EventFacts, fits: bool) {
        let request: SearchRequest = serde_json::from_str(filter).expect(filter);
        assert_eq!(request.check().expect(filter).filter.fits(facts), fits, "{filter}");
    }

    #[test]
    fn every_filter_decides() {
        let facts = facts();
        check("{}", &facts, true);
        for (member, fitting, other) in [
            ("eventName", r#"["GetRole","Put*Policy"]"#, r#"["GetRole","Put*s"]"#),
            ("eventSource", r#""iam.amazonaws.com""#, r#""sts.amazonaws.com""#),
            ("eventSource", r#""iam""#, r#""sts""#),
            ("userName", r#""ana""#, r#""Ana""#),
            ("resourceName", r#""inline""#, r#""in""#),
            ("resourceType", r#""AWS::IAM::Role""#, r#""AWS::IAM::User""#),
            ("accessKeyId", r#""AKIAEXAMPLE""#, r#""AKIA""#),
            ("eventId", r#""e-1""#, r#""e-2""#),
            ("readOnly", "false", "true"),
            ("errorCode", r#""any""#, r#""Throttling""#),
            ("errorCode", r#""Access*""#, r#""access*""#),
            ("sourceIp", r#""203.0.113.7""#, r#""203.0.113.8""#),
            ("region", r#""us-east-1""#, r#""us-west-1""#),
            ("account", r#""111122223333""#, r#""111122223334""#),
            ("category", r#""management""#, r#""Data""#),
        ] {
            check(&format!(r#"{{"{member}":{fitting}}}"#), &facts, true);
            check(&format!(r#"{{"{member}":{other}}}"#), &facts, false);
        }
    }

    #[test]
    fn name_and_type_are_of_one_resource() {
        check(r#"{"resourceName":"admin","resourceType":"AWS::IAM::Role"}"#, &facts(), true);
        check(r#"{"resourceName":"admin","resourceType":"AWS::IAM::Policy"}"#, &facts(), false);
        check(r#"{"resourceName":"odd"}"#, &facts(), true);
    }

    #[test]
    fn the_denied_family_is_known() {
        let with = |code: Option<&str>| EventFacts { error_code: code.map(str::to_owned), ..facts() };
        for code in [
            "AccessDenied",
            "AccessDeniedException",
            "Client.UnauthorizedOperation",
            "UnauthorizedOperation",
            "AuthorizationErrorException",
            "NotAuthorizedException",
            "ForbiddenException",
        ] {
            check(r#"{"denied":true}"#, &with(Some(code)), true);
        }
        for code in [Some("NoSuchEntity"), Some("InvalidClientTokenId"), None] {
            check(r#"{"denied":true}"#, &with(code), false);
        }
        check(r#"{"errorCode":"any"}"#, &with(None), false);
        check(r#"{"readOnly":true}"#, &EventFacts { read_only: None, ..facts() }, false);
    }
}
