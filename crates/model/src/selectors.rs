//! Event selectors: which events a trail takes.
//!
//! The shapes are those of the API, so that they are kept and given back as they were put. Basic selectors are
//! translated into advanced ones, and one matcher decides for both.
//!
//! Source: CloudTrail API reference, EventSelector and AdvancedEventSelector; user guide, filtering by advanced selectors.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

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

    /// The operators by their names, with their values.
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

/// What selectors look at in a record, read once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EventFacts<'a> {
    #[serde(borrow, rename = "eventCategory")]
    category: Option<Cow<'a, str>>,
    #[serde(rename = "managementEvent")]
    is_management: Option<bool>,
    #[serde(borrow, rename = "eventName")]
    event_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventType")]
    event_type: Option<Cow<'a, str>>,
    #[serde(rename = "readOnly")]
    read_only: Option<bool>,
    #[serde(borrow, rename = "errorCode")]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "vpcEndpointId")]
    vpc_endpoint_id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "sessionCredentialFromConsole")]
    session_credential_from_console: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "userIdentity")]
    caller: CallerFacts<'a>,
    #[serde(borrow)]
    resources: Option<Vec<ResourceFacts<'a>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct CallerFacts<'a> {
    #[serde(borrow)]
    arn: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ResourceFacts<'a> {
    #[serde(borrow, rename = "type")]
    resource_type: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ARN")]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ARNPrefix")]
    arn_prefix: Option<Cow<'a, str>>,
}

impl<'a> EventFacts<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// The text is no record.
    pub fn read(record: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(record)
    }

    /// The name of the service that was called.
    pub fn event_source(&self) -> Option<&str> {
        self.event_source.as_deref()
    }

    /// The category; records older than version 1.07 have none, and say it by `managementEvent`.
    fn category(&self) -> &str {
        match (&self.category, self.is_management) {
            (Some(category), _) => category,
            (None, Some(false)) => "Data",
            (None, _) => "Management",
        }
    }

    fn field(&self, field: Field) -> Option<&str> {
        let truth = |truth: bool| if truth { "true" } else { "false" };
        match field {
            Field::Category => Some(self.category()),
            Field::EventName => self.event_name.as_deref(),
            Field::EventSource => self.event_source.as_deref(),
            Field::EventType => self.event_type.as_deref(),
            Field::ReadOnly => self.read_only.map(truth),
            Field::ErrorCode => self.error_code.as_deref(),
            Field::VpcEndpointId => self.vpc_endpoint_id.as_deref(),
            Field::SessionCredentialFromConsole => self.session_credential_from_console.as_deref(),
            Field::CallerArn => self.caller.arn.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Category,
    EventName,
    EventSource,
    EventType,
    ReadOnly,
    ErrorCode,
    VpcEndpointId,
    SessionCredentialFromConsole,
    CallerArn,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eventCategory" => Self::Category,
            "eventName" => Self::EventName,
            "eventSource" => Self::EventSource,
            "eventType" => Self::EventType,
            "readOnly" => Self::ReadOnly,
            "errorCode" => Self::ErrorCode,
            "vpcEndpointId" => Self::VpcEndpointId,
            "sessionCredentialFromConsole" => Self::SessionCredentialFromConsole,
            "userIdentity.arn" => Self::CallerArn,
            _ => return None,
        })
    }
}

/// Decides whether events are selected.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    selectors: Vec<CompiledSelector>,
}

#[derive(Debug, Clone, Default)]
struct CompiledSelector {
    fields: Vec<(Field, Test)>,
    resource_type: Option<Test>,
    resource_arn: Option<Test>,
    /// A field that no event has: never fits.
    is_impossible: bool,
}

/// What a text must be: one of the positive operators where there are any, and none of the negative ones.
#[derive(Debug, Clone, Default)]
struct Test {
    wanted: Texts,
    refused: Texts,
}

#[derive(Debug, Clone, Default)]
struct Texts {
    equal: HashSet<Box<str>>,
    /// Ascending, none of which begins with another.
    beginnings: Vec<Box<str>>,
    /// Reversed, ascending, none of which begins with another.
    ends: Vec<Box<[u8]>>,
}

impl Texts {
    fn new(equal: &[String], beginnings: &[String], ends: &[String]) -> Self {
        let mut beginnings: Vec<Box<str>> = beginnings.iter().map(|text| text.as_str().into()).collect();
        beginnings.sort_unstable();
        beginnings.dedup_by(|later, earlier| later.starts_with(&**earlier));
        let mut ends: Vec<Box<[u8]>> = ends.iter().map(|text| text.bytes().rev().collect()).collect();
        ends.sort_unstable();
        ends.dedup_by(|later, earlier| later.starts_with(earlier));
        Self { equal: equal.iter().map(|text| text.as_str().into()).collect(), beginnings, ends }
    }

    fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.beginnings.is_empty() && self.ends.is_empty()
    }

    fn has(&self, text: &str) -> bool {
        if self.equal.contains(text) {
            return true;
        }
        // The last that is not behind the text is the only one that the text can begin with.
        let before = self.beginnings.partition_point(|beginning| **beginning <= *text);
        if before > 0 && text.starts_with(&*self.beginnings[before - 1]) {
            return true;
        }
        if self.ends.is_empty() {
            return false;
        }
        let behind = |end: &[u8]| end.iter().copied().cmp(text.bytes().rev()).is_gt();
        let before = self.ends.partition_point(|end| !behind(end));
        before > 0 && {
            let end = &self.ends[before - 1];
            text.bytes().rev().take(end.len()).eq(end.iter().copied())
        }
    }
}

impl Test {
    fn new(selector: &FieldSelector) -> Self {
        Self {
            wanted: Texts::new(&selector.equals, &selector.starts_with, &selector.ends_with),
            refused: Texts::new(&selector.not_equals, &selector.not_starts_with, &selector.not_ends_with),
        }
    }

    fn fits(&self, text: Option<&str>) -> bool {
        match text {
            Some(text) => (self.wanted.is_empty() || self.wanted.has(text)) && !self.refused.has(text),
            None => self.wanted.is_empty(),
        }
    }
}

impl CompiledSelector {
    fn new(selector: &AdvancedSelector) -> Self {
        let mut compiled = Self::default();
        for field in &selector.field_selectors {
            let test = Test::new(field);
            match (field.field.as_str(), Field::named(&field.field)) {
                (_, Some(known)) => compiled.fields.push((known, test)),
                ("resources.type", _) => compiled.resource_type = Some(test),
                ("resources.ARN", _) => compiled.resource_arn = Some(test),
                _ => compiled.is_impossible = true,
            }
        }
        compiled
    }

    fn fits(&self, facts: &EventFacts<'_>) -> bool {
        !self.is_impossible
            && self.fields.iter().all(|(field, test)| test.fits(facts.field(*field)))
            && self.fits_resources(facts.resources.as_deref().unwrap_or_default())
    }

    /// One resource has both the type and the ARN that are wanted, and none of the type has an ARN that is refused.
    fn fits_resources(&self, resources: &[ResourceFacts<'_>]) -> bool {
        let is_of_type = |resource: &&ResourceFacts<'_>| {
            self.resource_type.as_ref().is_none_or(|test| test.fits(resource.resource_type.as_deref()))
        };
        let mut of_type = resources.iter().filter(is_of_type).peekable();
        if self.resource_type.is_some() && of_type.peek().is_none() {
            return false;
        }
        let Some(arn) = &self.resource_arn else { return true };
        let (mut is_wanted, mut is_refused) = (arn.wanted.is_empty(), false);
        for resource in of_type {
            if let Some(text) = resource.arn.as_deref().or(resource.arn_prefix.as_deref()) {
                is_wanted |= arn.wanted.has(text);
                is_refused |= arn.refused.has(text);
            }
        }
        is_wanted && !is_refused
    }
}

impl Matcher {
    /// Compiles selectors.
    pub fn new(selectors: &EventSelectors) -> Self {
        let advanced = match selectors {
            EventSelectors::Advanced(advanced) => Cow::Borrowed(&advanced[..]),
            EventSelectors::Basic(basic) => Cow::Owned(basic.iter().flat_map(BasicSelector::to_advanced).collect()),
        };
        Self { selectors: advanced.iter().map(CompiledSelector::new).collect() }
    }

    /// Whether any selector fits an event.
    pub fn fits(&self, facts: &EventFacts<'_>) -> bool {
        self.selectors.iter().any(|selector| selector.fits(facts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn sets_of_texts_decide_like_a_plain_look(
            texts in proptest::collection::vec("[ab/]{0,4}", 0..12), equal in 0_usize..4, starts in 0_usize..6, text in "[ab/]{0,6}",
        ) {
            let (equals, rest) = texts.split_at(equal.min(texts.len()));
            let (starts, ends) = rest.split_at(starts.min(rest.len()));
            let plain = equals.contains(&text)
                || starts.iter().any(|start| text.starts_with(start.as_str()))
                || ends.iter().any(|end| text.ends_with(end.as_str()));
            prop_assert_eq!(Texts::new(equals, starts, ends).has(&text), plain);
        }
    }
}
