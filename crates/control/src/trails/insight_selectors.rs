//! The operations on Insights of trails.

use api::insight_selectors::{InsightSelectorsOutput, PutInsightSelectorsInput, read_insights_source};
use api::json_input::Members;
use api::{ApiError, ErrorCode};
use model::InsightType;
use model::selectors::{EventFacts, Matcher};
use trails::Trail;

use super::{Output, TrailCall, not_found, output};

impl TrailCall<'_> {
    pub(super) async fn put_insight_selectors(&self, input: PutInsightSelectorsInput) -> Result<Output, ApiError> {
        let trail = self.find_to_write(&input.trail_name)?;
        let selectors = input.selectors;
        for selector in &selectors {
            check_logged(&trail, selector.insight_type)?;
        }
        if !selectors.is_empty() {
            // Insights events have a folder of their own, which a policy may leave out.
            let (prefix, is_organization) = (trail.prefix.as_deref(), trail.is_organization);
            self.check_bucket(&trail.bucket, prefix, &trail.arn, is_organization, "CloudTrail-Insight/").await?;
        }
        let changed = self
            .change(&trail.arn, |trail| {
                let since = trail.insights_since.filter(|_| !trail.insights.is_empty());
                trail.insights_since = (!selectors.is_empty()).then(|| since.unwrap_or(self.now));
                trail.insights = selectors;
                Ok(())
            })
            .await?;
        output(&answer(&changed))
    }

    pub(super) fn get_insight_selectors(&self, members: Members) -> Result<Output, ApiError> {
        let reference = self.reference(&read_insights_source(members)?)?;
        let trail = self.find_to_read(&reference).ok_or_else(|| not_found(&reference.arn, self.account))?;
        if trail.insights.is_empty() {
            let name = &trail.name;
            let message = format!(
                "Trail {name} does not have Insights enabled. Edit the trail settings to enable Insights, and then try \
                 the operation again."
            );
            return Err(ApiError::refused(ErrorCode::InsightNotEnabledException, message));
        }
        output(&answer(&trail))
    }
}

fn answer(trail: &Trail) -> InsightSelectorsOutput {
    InsightSelectorsOutput { trail_arn: trail.arn.clone(), insight_selectors: trail.insights.clone() }
}

/// A trail must log what is to be watched: for the rate of calls those that change something, for the rate of errors any.
fn check_logged(trail: &Trail, insight_type: InsightType) -> Result<(), ApiError> {
    let (read_only, wanted) = match insight_type {
        InsightType::CallRate => (Some(false), "write management events"),
        InsightType::ErrorRate => (None, "read or write management events"),
    };
    let matcher = Matcher::new(&trail.selectors_in_force());
    if matcher.may_fit(&EventFacts::of_management_call(read_only, None, None)) {
        return Ok(());
    }
    let (kind, name) = (insight_type.as_str(), &trail.name);
    let message = format!("{kind} needs a trail that logs {wanted}, and the trail {name} does not.");
    Err(ApiError::refused(ErrorCode::InvalidInsightSelectorsException, message))
}
