//! Insights events as records.
//!
//! Source: CloudTrail user guide, insightDetails and its examples.

use std::sync::Arc;

use model::EventTime;
use serde_json::{Number, Value, json};

use crate::counts::{Attributions, Average};
use crate::series::{Baseline, SeriesKey};

/// Version of the records, the first with `sourceEventCategory`.
const EVENT_VERSION: &str = "1.09";
/// Averages are written with ten digits behind the point.
const AVERAGE_UNIT: f64 = 1e10;

/// An Insights event that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InsightEvent {
    /// `eventID`.
    pub event_id: String,
    /// Its complete record.
    pub record: String,
}

/// What an Insights event tells.
pub(crate) struct Told<'a> {
    pub(crate) key: &'a SeriesKey,
    /// `Start` or `End`.
    pub(crate) state: &'static str,
    pub(crate) event_id: String,
    pub(crate) shared_event_id: &'a str,
    /// Minute of the start, or the one behind the last.
    pub(crate) minute: i64,
    pub(crate) baseline: &'a Baseline,
    /// Calls a minute.
    pub(crate) average: f64,
    /// Minutes that it is the average of.
    pub(crate) minutes: i64,
    pub(crate) attributions: &'a Attributions,
}

impl Told<'_> {
    pub(crate) fn into_event(self) -> InsightEvent {
        let Self { key, baseline, .. } = self;
        let mut details = json!({
            "state": self.state,
            "eventSource": key.event_source,
            "eventName": key.event_name,
            "insightType": key.subject().insight_type,
        });
        if let Some(code) = &key.error_code {
            details["errorCode"] = json!(code);
        }
        details["sourceEventCategory"] = json!("Management");
        details["insightContext"] = json!({
            "statistics": {
                "baseline": {"average": number(baseline.average)},
                "insight": {"average": number(self.average)},
                "insightDuration": self.minutes,
                "baselineDuration": baseline.minutes,
            },
            "attributions": self.attributions(),
        });
        let record = json!({
            "eventVersion": EVENT_VERSION,
            "eventTime": EventTime::from_seconds(self.minute * 60).to_string(),
            "awsRegion": key.region,
            "eventID": self.event_id,
            "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": key.account.as_str(),
            "sharedEventID": self.shared_event_id,
            "insightDetails": details,
            "eventCategory": "Insight",
        });
        InsightEvent { event_id: self.event_id, record: record.to_string() }
    }

    fn attributions(&self) -> Vec<Value> {
        let (insight, baseline) = (self.attributions, &self.baseline.attributions);
        let mut attributions = vec![
            attribution("userIdentityArn", &insight.user_identity_arns, &baseline.user_identity_arns),
            attribution("userAgent", &insight.user_agents, &baseline.user_agents),
        ];
        // All failures of an error rate have one code.
        if self.key.error_code.is_none() {
            attributions.push(attribution("errorCode", &insight.error_codes, &baseline.error_codes));
        }
        attributions
    }
}

fn attribution(name: &str, insight: &[Average], baseline: &[Average]) -> Value {
    let value = |(value, average): &(Arc<str>, f64)| json!({"value": value, "average": number(*average)});
    let shown = |values: &[Average]| values.iter().map(value).collect::<Vec<_>>();
    json!({"attribute": name, "insight": shown(insight), "baseline": shown(baseline)})
}

/// An average as records have it: whole numbers without a point.
fn number(average: f64) -> Value {
    let rounded = (average * AVERAGE_UNIT).round() / AVERAGE_UNIT;
    #[expect(clippy::cast_possible_truncation, reason = "calls a minute are far below 2^53")]
    let number = if rounded.fract() == 0.0 { Some(Number::from(rounded as i64)) } else { Number::from_f64(rounded) };
    number.map_or(Value::Null, Value::Number)
}
