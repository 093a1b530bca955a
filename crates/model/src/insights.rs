//! CloudTrail Insights: what a trail wants to be told of, and what an Insights event is about.
//!
//! Source: CloudTrail API reference, InsightSelector; user guide, insightDetails.

use serde::{Deserialize, Serialize};

/// A kind of unusual activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InsightType {
    /// More calls of an operation that changes something than is usual.
    #[serde(rename = "ApiCallRateInsight")]
    CallRate,
    /// More failures of an operation with one error code than is usual.
    #[serde(rename = "ApiErrorRateInsight")]
    ErrorRate,
}

impl InsightType {
    /// Its name in the API and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallRate => "ApiCallRateInsight",
            Self::ErrorRate => "ApiErrorRateInsight",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::CallRate, Self::ErrorRate].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An `InsightSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsightSelector {
    /// What is wanted.
    pub insight_type: InsightType,
    /// Categories of the events that are watched, as they were put; empty stands for management events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_categories: Vec<String>,
}

/// What an Insights event is about: its record names operation and service in `insightDetails` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightSubject {
    /// Kind of the unusual activity.
    pub insight_type: InsightType,
    /// Service that was called.
    pub event_source: String,
    /// Operation that was called.
    pub event_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    insight_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    event_source: String,
    event_name: String,
    insight_type: InsightType,
}

impl InsightSubject {
    /// Reads the record of an Insights event; `None` for other records.
    pub fn read(record: &[u8]) -> Option<Self> {
        let Record { insight_details } = serde_json::from_slice(record).ok()?;
        let Details { event_source, event_name, insight_type } = insight_details;
        Some(Self { insight_type, event_source, event_name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_read_from_the_details() {
        let record = br#"{"eventID":"1","insightDetails":{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","insightType":"ApiCallRateInsight","insightContext":{}},"eventCategory":"Insight"}"#;
        let subject = InsightSubject::read(record).unwrap();
        assert_eq!((subject.event_source.as_str(), subject.event_name.as_str()), ("ec2.amazonaws.com", "RunInstances"));
        assert_eq!(subject.insight_type, InsightType::CallRate);
        assert_eq!(InsightSubject::read(br#"{"eventID":"1","eventName":"RunInstances"}"#), None);
        assert_eq!(InsightType::parse("ApiErrorRateInsight"), Some(InsightType::ErrorRate));
        assert_eq!(InsightType::parse("apierrorrateinsight"), None);
    }
}
