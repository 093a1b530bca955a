//! Whether an event fits a filter.

use model::LookupIndex;

use super::pattern::Pattern;
use super::text::{FieldOwner, Term};
use super::{DENIED_CODES, ErrorFilter, Filter};

impl Filter {
    /// Whether an event fits all of the filter, with its record's text.
    pub fn fits(&self, index: &LookupIndex, record: &[u8]) -> bool {
        let fits = |term: &Term| term.owner().is_some() || term.fits(index, record);
        self.fits_index(index) && self.terms.iter().all(fits)
    }

    /// Whether an event can fit, by what it shares with all events of the same kind in the same place: name, source,
    /// read-only, category, error code, region and account. Looks at nothing else of the index.
    pub fn fits_kind(&self, index: &LookupIndex) -> bool {
        (self.event_names.is_empty() || self.event_names.iter().any(|pattern| pattern.fits(&index.event_name)))
            && equals(self.event_source.as_deref(), Some(&index.event_source))
            && equals(self.region.as_ref().map(model::Region::as_str), index.region.as_deref())
            && equals(self.account.as_ref().map(model::AccountId::as_str), index.account.as_deref())
            && self.read_only.is_none_or(|read_only| index.read_only == Some(read_only))
            && self.category.is_none_or(|category| index.category == category)
            && self.fits_error(index.error_code.as_deref())
            && self.fits_terms_of(FieldOwner::Kind, index)
    }

    /// Whether an event can fit, by its caller's name and access key. Looks at nothing else of the index.
    pub fn fits_caller(&self, index: &LookupIndex) -> bool {
        equals(self.user_name.as_deref(), index.username.as_deref())
            && equals(self.access_key_id.as_deref(), index.access_key_id.as_deref())
            && self.fits_terms_of(FieldOwner::Caller, index)
    }

    /// Whether [`Filter::fits_kind`] says more than the exact values do.
    pub fn has_kind_conditions(&self) -> bool {
        let is_exact_name = matches!(&self.event_names[..], [only] if only.as_exact().is_some());
        (!self.event_names.is_empty() && !is_exact_name)
            || self.category.is_some()
            || self.error.is_some()
            || self.denied
            || self.terms.iter().any(|term| term.owner() == Some(FieldOwner::Kind))
    }

    /// Whether a term asks about the caller.
    pub fn has_caller_terms(&self) -> bool {
        self.terms.iter().any(|term| term.owner() == Some(FieldOwner::Caller))
    }

    /// Whether [`Filter::fits_kind`] and [`Filter::fits_caller`] say everything.
    pub fn is_of_kind_and_caller(&self) -> bool {
        self.event_id.is_none()
            && self.source_ip.is_none()
            && self.resource_name.is_none()
            && self.resource_type.is_none()
            && self.terms.iter().all(|term| term.owner().is_some())
    }

    /// Whether [`Filter::fits_caller`] says more than the exact values do.
    pub fn has_caller_conditions(&self) -> bool {
        self.terms.iter().any(|term| term.owner() == Some(FieldOwner::Caller) && term.exact().is_none())
    }

    fn fits_terms_of(&self, owner: FieldOwner, index: &LookupIndex) -> bool {
        self.terms.iter().filter(|term| term.owner() == Some(owner)).all(|term| term.fits(index, b""))
    }

    fn fits_index(&self, index: &LookupIndex) -> bool {
        self.fits_kind(index)
            && self.fits_caller(index)
            && equals(self.event_id.as_deref(), Some(&index.event_id))
            && equals(self.source_ip.as_deref(), index.source_ip.as_deref())
            && self.fits_resources(index)
    }

    /// One and the same resource has both the name and the type that are asked for.
    fn fits_resources(&self, index: &LookupIndex) -> bool {
        if self.resource_name.is_none() && self.resource_type.is_none() {
            return true;
        }
        index.resources.iter().any(|found| {
            equals(self.resource_type.as_deref(), found.resource_type.as_deref())
                && equals(self.resource_name.as_deref(), Some(&found.resource_name))
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
    use model::{EventCategory, EventTime, LookupResource};

    use super::*;
    use crate::search::SearchRequest;

    fn index() -> LookupIndex {
        LookupIndex {
            event_time: EventTime::from_seconds(1),
            event_id: "e-1".into(),
            event_name: "PutRolePolicy".into(),
            event_source: "iam.amazonaws.com".into(),
            read_only: Some(false),
            username: Some("ana".into()),
            access_key_id: Some("AKIAEXAMPLE".into()),
            error_code: Some("AccessDenied".into()),
            source_ip: Some("203.0.113.7".into()),
            region: Some("us-east-1".into()),
            account: Some("111122223333".into()),
            category: EventCategory::Management,
            resources: [(Some("AWS::IAM::Role"), "admin"), (Some("AWS::IAM::Policy"), "inline"), (None, "odd")]
                .map(|(kind, name)| LookupResource { resource_type: kind.map(Into::into), resource_name: name.into() })
                .into(),
        }
    }

    #[track_caller]
    fn check(filter: &str, index: &LookupIndex, fits: bool) {
        let request: SearchRequest = serde_json::from_str(filter).expect(filter);
        assert_eq!(request.check().expect(filter).filter.fits(index, b""), fits, "{filter}");
    }

    #[test]
    fn every_filter_decides() {
        let index = index();
        check("{}", &index, true);
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
            check(&format!(r#"{{"{member}":{fitting}}}"#), &index, true);
            check(&format!(r#"{{"{member}":{other}}}"#), &index, false);
        }
    }

    #[test]
    fn kind_and_caller_decide_by_their_own_fields() {
        let filter = |text: &str| serde_json::from_str::<SearchRequest>(text).expect(text).check().expect(text).filter;
        let index = index();
        let of_kind = filter(r#"{"query":"eventName=Get*,Put* errorCode!=Throttling","userName":"other"}"#);
        assert!(of_kind.has_kind_conditions() && of_kind.fits_kind(&index) && !of_kind.fits_caller(&index));
        assert!(!of_kind.has_caller_conditions(), "the name is an exact value");
        let of_caller = filter(r#"{"query":"userName!=ci-*","eventName":["GetRole"]}"#);
        assert!(of_caller.has_caller_conditions() && of_caller.fits_caller(&index) && !of_caller.fits_kind(&index));
        assert!(!of_caller.has_kind_conditions(), "the name is an exact value");
        assert!(filter(r#"{"denied":true}"#).has_kind_conditions());
    }

    #[test]
    fn name_and_type_are_of_one_resource() {
        check(r#"{"resourceName":"admin","resourceType":"AWS::IAM::Role"}"#, &index(), true);
        check(r#"{"resourceName":"admin","resourceType":"AWS::IAM::Policy"}"#, &index(), false);
        check(r#"{"resourceName":"odd"}"#, &index(), true);
    }

    #[test]
    fn the_denied_family_is_known() {
        let with = |code: Option<&str>| LookupIndex { error_code: code.map(Into::into), ..index() };
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
        check(r#"{"readOnly":true}"#, &LookupIndex { read_only: None, ..index() }, false);
    }
}
