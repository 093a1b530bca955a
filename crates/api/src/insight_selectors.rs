//! `PutInsightSelectors`, `GetInsightSelectors`: shapes and rules.
//!
//! Source: CloudTrail API reference, PutInsightSelectors, InsightSelector; user guide, logging Insights events.

use model::{InsightSelector, InsightType};
use serde::Serialize;

use crate::error::ApiError;
use crate::error_code::ErrorCode;
use crate::json_input::Members;

/// What `PutInsightSelectors` takes, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutInsightSelectorsInput {
    /// Name or ARN.
    pub trail_name: String,
    /// What is wanted; nothing switches Insights off.
    pub selectors: Vec<InsightSelector>,
}

/// What both operations answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightSelectorsOutput {
    /// ARN of the trail.
    #[serde(rename = "TrailARN")]
    pub trail_arn: String,
    /// What is wanted.
    pub insight_selectors: Vec<InsightSelector>,
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::refused(ErrorCode::InvalidInsightSelectorsException, message)
}

impl PutInsightSelectorsInput {
    /// Reads and checks.
    ///
    /// # Errors
    /// A wrong JSON type, no trail, something that is not offered, or `InvalidInsightSelectorsException` with the first rule
    /// that is broken.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let items = members.structures_if_given("InsightSelectors")?;
        let trail_name = read_insights_source(members)?;
        let items = items.ok_or(ApiError::MissingMember { member: "insightSelectors" })?;
        let mut selectors: Vec<InsightSelector> = Vec::new();
        for item in items {
            let selector = read_selector(item)?;
            if selectors.iter().any(|known| known.insight_type == selector.insight_type) {
                let name = selector.insight_type.as_str();
                return Err(refused(format!("The insight type {name} is specified more than once.")));
            }
            selectors.push(selector);
        }
        Ok(Self { trail_name, selectors })
    }
}

/// The trail whose Insights are meant: both operations can name an event data store in its place.
///
/// # Errors
/// A wrong JSON type, trail and event data store together, neither, or an event data store, of which there are none here.
pub fn read_insights_source(mut members: Members) -> Result<String, ApiError> {
    let trail = members.text("TrailName")?;
    let store = members.text("EventDataStore")?;
    let destination = members.text("InsightsDestination")?;
    match (trail, store.or(destination)) {
        (Some(_), Some(_)) => Err(ApiError::refused(
            ErrorCode::InvalidParameterCombinationException,
            "TrailName cannot be specified together with EventDataStore or InsightsDestination.",
        )),
        (None, Some(_)) => Err(ApiError::refused(
            ErrorCode::UnsupportedOperationException,
            "Insights of event data stores are not offered by this version of OpenTrail. Those of trails are: specify \
             TrailName.",
        )),
        (None, None) => Err(ApiError::refused(
            ErrorCode::InvalidParameterException,
            "Either TrailName or EventDataStore must be specified.",
        )),
        (Some(trail), None) => Ok(trail),
    }
}

fn read_selector(mut members: Members) -> Result<InsightSelector, ApiError> {
    let name = members.text("InsightType")?.ok_or_else(|| refused("InsightType must be specified."))?;
    let insight_type = InsightType::parse(&name)
        .ok_or_else(|| refused(format!("Value {} for InsightType is invalid.", model::limits::cut(&name, 256))))?;
    let event_categories = members.texts("EventCategories")?.unwrap_or_default();
    for category in &event_categories {
        match category.as_str() {
            "Management" => {}
            "Data" => {
                return Err(ApiError::refused(
                    ErrorCode::UnsupportedOperationException,
                    "Insights on data events are not offered by this version of OpenTrail. Those on management events \
                     are: leave EventCategories out, or specify Management.",
                ));
            }
            other => {
                let text = model::limits::cut(other, 256);
                return Err(refused(format!("Value {text} for EventCategories is invalid.")));
            }
        }
    }
    if event_categories.len() > 1 {
        return Err(refused("A value of EventCategories is specified more than once."));
    }
    Ok(InsightSelector { insight_type, event_categories })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_input::parse_body;

    fn read(body: &str) -> Result<PutInsightSelectorsInput, ApiError> {
        parse_body(body.as_bytes()).and_then(PutInsightSelectorsInput::read)
    }

    #[track_caller]
    fn check(body: &str, code: &str) {
        assert_eq!(read(body).map_err(|error| error.code().to_owned()), Err(code.to_owned()), "{body}");
    }

    #[test]
    fn selectors_are_kept_as_they_were_put() {
        let body = r#"{"TrailName":"main","InsightSelectors":[{"InsightType":"ApiErrorRateInsight"},{"InsightType":"ApiCallRateInsight","EventCategories":["Management"]}]}"#;
        let PutInsightSelectorsInput { trail_name, selectors } = read(body).unwrap();
        let output = InsightSelectorsOutput { trail_arn: trail_name, insight_selectors: selectors };
        assert_eq!(serde_json::to_string(&output).unwrap(), body.replace("TrailName", "TrailARN"));
        assert_eq!(read(r#"{"TrailName":"main","InsightSelectors":[]}"#).unwrap().selectors, []);
    }

    #[test]
    fn rules_are_checked() {
        let with = |selectors: &str| format!(r#"{{"TrailName":"main","InsightSelectors":{selectors}}}"#);
        let one = r#"{"InsightType":"ApiCallRateInsight"}"#;
        check(r#"{"TrailName":"main"}"#, "ValidationException");
        check(&format!(r#"{{"InsightSelectors":[{one}]}}"#), "InvalidParameterException");
        let both = format!(r#"{{"TrailName":"main","InsightsDestination":"arn","InsightSelectors":[{one}]}}"#);
        check(&both, "InvalidParameterCombinationException");
        check(&both.replace(r#""TrailName":"main","#, ""), "UnsupportedOperationException");
        check(&with(r#"{"InsightType":"ApiCallRateInsight"}"#), "SerializationException");
        check(&with(&format!("[{one},{one}]")), "InvalidInsightSelectorsException");
        for (selector, code) in [
            ("{}", "InvalidInsightSelectorsException"),
            (r#"{"InsightType":"CallRate"}"#, "InvalidInsightSelectorsException"),
            (r#"{"InsightType":1}"#, "SerializationException"),
            (
                r#"{"InsightType":"ApiCallRateInsight","EventCategories":["Network"]}"#,
                "InvalidInsightSelectorsException",
            ),
            (
                r#"{"InsightType":"ApiCallRateInsight","EventCategories":["Management","Management"]}"#,
                "InvalidInsightSelectorsException",
            ),
            (r#"{"InsightType":"ApiCallRateInsight","EventCategories":["Data"]}"#, "UnsupportedOperationException"),
        ] {
            check(&with(&format!("[{selector}]")), code);
        }
    }
}
