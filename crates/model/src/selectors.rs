//! Event selectors: which events a trail takes.
//!
//! The shapes are those of the API, so that they are kept and given back as they were put. Basic selectors are
//! translated into advanced ones, and one matcher decides for both.
//!
//! Source: CloudTrail API reference, EventSelector and AdvancedEventSelector; user guide, filtering by advanced selectors.

mod facts;
mod matcher;

use serde::{Deserialize, Serialize};

pub use facts::EventFacts;
pub use matcher::Matcher;

/// The selectors of a trail: one list or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventSelectors {
    /// `EventSelectors`.
    Basic(Vec<BasicSelector>),
    /// `AdvancedEventSelectors`.
    Advanced(Vec<AdvancedSelector>),
}

impl Default for EventSelectors {
    /// All management events: what a trail takes before anything was put.
    fn default() -> Self {
        Self::Basic(vec![BasicSelector::default()])
    }
}

/// Which calls a basic selector means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReadWriteType {
    /// Those with `readOnly` true.
    ReadOnly,
    /// All others.
    WriteOnly,
    /// Both.
    #[default]
    All,
}

/// An `EventSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BasicSelector {
    /// Which calls, of management and data events alike.
    pub read_write_type: ReadWriteType,
    /// Whether management events are taken.
    pub include_management_events: bool,
    /// Which data events are taken.
    pub data_resources: Vec<DataResource>,
    /// Services whose management events are left out.
    pub exclude_management_event_sources: Vec<String>,
}

impl Default for BasicSelector {
    fn default() -> Self {
        Self {
            read_write_type: ReadWriteType::All,
            include_management_events: true,
            data_resources: Vec::new(),
            exclude_management_event_sources: Vec::new(),
        }
    }
}

/// A `DataResource`: data events of some resources of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataResource {
    /// Such as `AWS::S3::Object`.
    #[serde(rename = "Type")]
    pub resource_type: String,
    /// ARNs, or beginnings of them.
    pub values: Vec<String>,
}

/// An `AdvancedEventSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdvancedSelector {
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All of these must fit.
    pub field_selectors: Vec<FieldSelector>,
}

/// An `AdvancedFieldSelector`: what one field of an event must be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FieldSelector {
    /// Such as `eventName` or `resources.ARN`.
    pub field: String,
    /// Any of these, or of the beginnings or ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equals: Vec<String>,
    /// Beginnings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts_with: Vec<String>,
    /// Ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends_with: Vec<String>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_equals: Vec<String>,
    /// None of these beginnings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_starts_with: Vec<String>,
    /// None of these ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ends_with: Vec<String>,
}

impl FieldSelector {
    /// A field that must have one of some values.
    pub fn equals(field: &str, values: &[&str]) -> Self {
        let equals = values.iter().map(|value| (*value).to_owned()).collect();
        Self { field: field.to_owned(), equals, ..Self::default() }
    }

    /// Number of values of all operators.
    pub fn value_count(&self) -> usize {
        self.operators().iter().map(|(_, values)| values.len()).sum()
    }

    /// The operators by their names, with their values: first the three that want, then the three that refuse.
    pub fn operators(&self) -> [(&'static str, &[String]); 6] {
        [
            ("Equals", &self.equals),
            ("StartsWith", &self.starts_with),
            ("EndsWith", &self.ends_with),
            ("NotEquals", &self.not_equals),
            ("NotStartsWith", &self.not_starts_with),
            ("NotEndsWith", &self.not_ends_with),
        ]
    }
}

/// The value of a [`DataResource`] that means all resources of its type, for each type that basic selectors know.
pub fn all_resources_value(resource_type: &str) -> Option<&'static [&'static str]> {
    match resource_type {
        "AWS::S3::Object" => Some(&["arn:aws:s3", "arn:aws:s3:::"]),
        "AWS::Lambda::Function" => Some(&["arn:aws:lambda"]),
        "AWS::DynamoDB::Table" => Some(&["arn:aws:dynamodb"]),
        _ => None,
    }
}

impl BasicSelector {
    /// The same as advanced selectors.
    fn to_advanced(&self) -> Vec<AdvancedSelector> {
        let read_only = match self.read_write_type {
            ReadWriteType::ReadOnly => Some(FieldSelector::equals("readOnly", &["true"])),
            ReadWriteType::WriteOnly => Some(FieldSelector::equals("readOnly", &["false"])),
            ReadWriteType::All => None,
        };
        let selector = |category: &str, others: Vec<FieldSelector>| {
            let mut field_selectors = vec![FieldSelector::equals("eventCategory", &[category])];
            field_selectors.extend(read_only.clone());
            field_selectors.extend(others);
            AdvancedSelector { name: None, field_selectors }
        };
        let mut selectors = Vec::new();
        if self.include_management_events {
            let excluded = &self.exclude_management_event_sources;
            let not_equals = FieldSelector {
                field: "eventSource".to_owned(),
                not_equals: excluded.clone(),
                ..FieldSelector::default()
            };
            selectors.push(selector("Management", if excluded.is_empty() { Vec::new() } else { vec![not_equals] }));
        }
        for resource in &self.data_resources {
            let is_all = |value: &String| {
                all_resources_value(&resource.resource_type).is_some_and(|all| all.contains(&value.as_str()))
            };
            let mut fields = vec![FieldSelector::equals("resources.type", &[&resource.resource_type])];
            if !resource.values.iter().any(is_all) {
                let field = "resources.ARN".to_owned();
                fields.push(if resource.resource_type == "AWS::S3::Object" {
                    FieldSelector { field, starts_with: resource.values.clone(), ..FieldSelector::default() }
                } else {
                    FieldSelector { field, equals: resource.values.clone(), ..FieldSelector::default() }
                });
            }
            selectors.push(selector("Data", fields));
        }
        selectors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(text: &str) -> EventSelectors {
        EventSelectors::Advanced(serde_json::from_str(text).unwrap())
    }

    #[track_caller]
    fn check(selectors: &EventSelectors, record: &str, fits: bool) {
        let facts = EventFacts::read(record.as_bytes()).unwrap();
        assert_eq!(Matcher::new(selectors).fits(&facts), fits, "{record}");
    }

    const PUT: &str = r#"{"eventCategory":"Data","eventName":"PutObject","eventSource":"s3.amazonaws.com","readOnly":false,
        "userIdentity":{"arn":"arn:aws:sts::111122223333:assumed-role/backup/i"},
        "resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::a/in/x"},{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::a"}]}"#;
    const DECRYPT: &str =
        r#"{"eventCategory":"Management","eventName":"Decrypt","eventSource":"kms.amazonaws.com","readOnly":true}"#;

    #[test]
    fn the_default_takes_management_events() {
        check(&EventSelectors::default(), DECRYPT, true);
        check(&EventSelectors::default(), r#"{"eventName":"Old"}"#, true);
        check(&EventSelectors::default(), PUT, false);
    }

    #[test]
    fn basic_selectors_decide() {
        let basic = |text: &str| EventSelectors::Basic(vec![serde_json::from_str(text).unwrap()]);
        let data = |values: &str| {
            basic(&format!(
                r#"{{"ReadWriteType":"All","IncludeManagementEvents":false,"ExcludeManagementEventSources":[],
                "DataResources":[{{"Type":"AWS::S3::Object","Values":{values}}}]}}"#
            ))
        };
        check(&data(r#"["arn:aws:s3"]"#), PUT, true);
        check(&data(r#"["arn:aws:s3:::a/"]"#), PUT, true);
        check(&data(r#"["arn:aws:s3:::a/in"]"#), PUT, true);
        check(&data(r#"["arn:aws:s3:::a/out","arn:aws:s3:::b/"]"#), PUT, false);
        check(&data(r#"["arn:aws:s3"]"#), DECRYPT, false);
        let management = |kind: &str, excluded: &str| {
            basic(&format!(
                r#"{{"ReadWriteType":"{kind}","IncludeManagementEvents":true,"DataResources":[],
                "ExcludeManagementEventSources":{excluded}}}"#
            ))
        };
        check(&management("ReadOnly", "[]"), DECRYPT, true);
        check(&management("WriteOnly", "[]"), DECRYPT, false);
        check(&management("All", r#"["kms.amazonaws.com"]"#), DECRYPT, false);
    }

    #[test]
    fn advanced_selectors_decide() {
        let with = |field: &str| {
            selectors(&format!(
                r#"[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},
                {{"Field":"resources.type","Equals":["AWS::S3::Object"]}},{field}]}}]"#
            ))
        };
        for (field, fits) in [
            (r#"{"Field":"readOnly","Equals":["false"]}"#, true),
            (r#"{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::b/","arn:aws:s3:::a/"]}"#, true),
            (r#"{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::a/"]}"#, false),
            (r#"{"Field":"resources.ARN","Equals":["arn:aws:s3:::a"]}"#, false),
            (r#"{"Field":"resources.ARN","EndsWith":["/x"],"NotEquals":["arn:aws:s3:::a/in/y"]}"#, true),
            (r#"{"Field":"userIdentity.arn","NotEndsWith":["/i"]}"#, false),
            (r#"{"Field":"eventName","NotEquals":["GetObject"]}"#, true),
            (r#"{"Field":"errorCode","Equals":["AccessDenied"]}"#, false),
            (r#"{"Field":"errorCode","NotEquals":["AccessDenied"]}"#, true),
            (r#"{"Field":"unknown","NotEquals":["x"]}"#, false),
        ] {
            check(&with(field), PUT, fits);
        }
    }
}
