//! The trails that want to be told of unusual activity.

use std::sync::Arc;

use delivery::selection::Selection;
use insights::Watch;
use model::{AccountId, EventTime, InsightSubject};
use trails::{Organization, Trail, TrailRegistry};

/// All trails of an installation, asked for what they want.
pub(crate) struct InsightTrails {
    pub(crate) registry: Arc<TrailRegistry>,
    pub(crate) organization: Option<Arc<Organization>>,
}

impl Watch for InsightTrails {
    fn is_needed(&self) -> bool {
        // A trail that was stopped may be started again, and what is usual is known then.
        self.registry.all().iter().any(|trail| !trail.insights.is_empty())
    }

    fn wants(&self, account: AccountId, region: &str, subject: &InsightSubject, began: EventTime) -> bool {
        let logs = |trail: &Arc<Trail>| {
            let since = trail.insights_since.max(trail.logging.started);
            trail.logging.is_on && since.is_none_or(|since| began >= since)
        };
        self.registry.all().iter().filter(|trail| logs(trail)).any(|trail| {
            let selection = Selection::new(trail, trail.taking(None, None), self.organization.as_ref());
            selection.wants_insight(account, region, subject)
        })
    }
}
