//! Which events are a trail's.

use std::collections::BTreeMap;
use std::sync::Arc;

use digest::LogKind;
use model::selectors::{EventFacts, Matcher};
use model::{AccountId, EventCategory, InsightSubject, InsightType};
use store::{EventStore, StoreError, StoredEvent};
use trails::{Organization, Scope, Taking, Trail};

/// Events that are asked for at once.
const EVENTS_AT_ONCE: usize = 4096;
/// Services whose events are global: they are recorded in one region of the partition.
///
/// Source: CloudTrail user guide, about global service events.
const GLOBAL_SOURCES: [&str; 8] = [
    "iam.amazonaws.com",
    "sts.amazonaws.com",
    "cloudfront.amazonaws.com",
    "route53.amazonaws.com",
    "organizations.amazonaws.com",
    "globalaccelerator.amazonaws.com",
    "waf.amazonaws.com",
    "shield.amazonaws.com",
];

/// The file that an event goes to: one for each account, region and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePlace {
    /// Account whose events are in it.
    pub account: AccountId,
    /// Region whose events are in it.
    pub region: String,
    /// Insights events have files of their own.
    pub kind: LogKind,
}

/// Decides which events a trail takes.
#[derive(Debug)]
pub struct Selection {
    trail: Arc<Trail>,
    taking: Taking,
    /// One for each past scope, then the one for what is taken now.
    matchers: Vec<Matcher>,
    organization: Option<Arc<Organization>>,
}

impl Selection {
    /// The selection of a trail. What is taken is an argument, since a plan that was stored keeps its own.
    pub fn new(trail: &Arc<Trail>, taking: Taking, organization: Option<&Arc<Organization>>) -> Self {
        let scopes = taking.past.iter().map(|past| &past.scope).chain([&taking.scope]);
        Self {
            matchers: scopes.map(|scope| Matcher::new(&scope.selectors)).collect(),
            taking,
            trail: Arc::clone(trail),
            organization: organization.cloned(),
        }
    }

    /// What a plan of this selection keeps.
    pub(crate) fn taking(&self) -> &Taking {
        &self.taking
    }

    /// The file that an event goes to, if the trail takes it.
    pub fn place_of(&self, event: &StoredEvent) -> Option<FilePlace> {
        let index = &event.index;
        if !self.taking.is_logged(event.sequence, index.event_time) {
            return None;
        }
        let past = &self.taking.past;
        let era = past.partition_point(|past| past.to < event.sequence);
        let scope = past.get(era).map_or(&self.taking.scope, |past| &past.scope);
        let account = AccountId::parse(index.account.as_deref()?).ok()?;
        let region = index.region.as_deref()?;
        let matcher = self.matchers.get(era)?;
        let place = |kind| FilePlace { account, region: region.to_owned(), kind };
        if index.category == EventCategory::Insight {
            let subject = InsightSubject::read(&event.record)?;
            return self.takes_insight(scope, matcher, account, region, &subject).then(|| place(LogKind::Insights));
        }
        if !self.covers(scope, account, region, &index.event_source) {
            return None;
        }
        let facts = EventFacts::read(&event.record).ok()?;
        matcher.fits(&facts).then(|| place(LogKind::Events))
    }

    /// Whether the trail would be told of unusual activity by what it takes now.
    pub fn wants_insight(&self, account: AccountId, region: &str, subject: &InsightSubject) -> bool {
        let matcher = self.matchers.last();
        matcher.is_some_and(|matcher| self.takes_insight(&self.taking.scope, matcher, account, region, subject))
    }

    /// Insights events go to trails that want their kind and log the calls that they are about. Of an error rate it is not
    /// known whether the calls change something.
    fn takes_insight(
        &self,
        scope: &Scope,
        matcher: &Matcher,
        account: AccountId,
        region: &str,
        subject: &InsightSubject,
    ) -> bool {
        let read_only = (subject.insight_type == InsightType::CallRate).then_some(false);
        let calls = EventFacts::of_management_call(read_only, Some(&subject.event_source), Some(&subject.event_name));
        scope.insights.iter().any(|selector| selector.insight_type == subject.insight_type)
            && self.covers(scope, account, region, &subject.event_source)
            && matcher.may_fit(&calls)
    }

    /// Whether events of an account, region and service are the trail's.
    fn covers(&self, scope: &Scope, account: AccountId, region: &str, event_source: &str) -> bool {
        let organization = self.organization.as_ref().filter(|_| scope.is_organization);
        let is_of_account = account == self.trail.account
            || organization.is_some_and(|organization| organization.accounts.contains(&account));
        let home = &self.trail.home_region;
        let is_of_region = scope.is_multi_region || region == home.as_str();
        let is_left_out = !scope.includes_global_service_events
            && GLOBAL_SOURCES.contains(&event_source)
            && region == home.global_service_home().as_str();
        is_of_account && is_of_region && !is_left_out
    }
}

/// Events of a trail, each in its file, in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) files: BTreeMap<FilePlace, Vec<Arc<StoredEvent>>>,
    /// Number of the last event that was looked at; the one it began behind when there was none.
    pub(crate) to: u64,
}

/// Where a look at events ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// With this event: the end of a plan that was stored.
    Event(u64),
    /// With the newest, or when the records that were taken have so many bytes.
    Bytes(usize),
}

/// Looks at events behind a number.
pub(crate) async fn select(
    store: &EventStore,
    selection: &Selection,
    after: u64,
    until: Until,
) -> Result<Selected, StoreError> {
    let mut selected = Selected { to: after, ..Selected::default() };
    let mut bytes = 0;
    loop {
        let events = store.after_sequence(selected.to, EVENTS_AT_ONCE).await?;
        let count = events.len();
        for event in events {
            if matches!(until, Until::Event(last) if event.sequence > last) {
                return Ok(selected);
            }
            selected.to = event.sequence;
            if let Some(place) = selection.place_of(&event) {
                bytes += event.record.len();
                selected.files.entry(place).or_default().push(event);
            }
            if matches!(until, Until::Bytes(most) if bytes >= most) {
                return Ok(selected);
            }
        }
        if count < EVENTS_AT_ONCE {
            return Ok(selected);
        }
    }
}
