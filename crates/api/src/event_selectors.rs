//! `PutEventSelectors`, `GetEventSelectors`: shapes and rules.
//!
//! Source: CloudTrail API reference, PutEventSelectors, EventSelector, AdvancedEventSelector; user guide, logging data
//! events.

use model::selectors::{
    AdvancedSelector, BasicSelector, DataResource, EventSelectors, FieldSelector, ReadWriteType, all_resources_value,
};
use serde::Serialize;

use crate::error::ApiError;
use crate::error_code::ErrorCode;
use crate::json_input::Members;

/// Most basic selectors of a trail.
pub const BASIC_SELECTORS_MAX: usize = 5;
/// Most data resources of a trail's basic selectors, those that mean all resources not counted.
pub const DATA_RESOURCES_MAX: usize = 250;
/// Most values of a trail's advanced selectors. Those that name resources by their whole ARNs count for
/// [`DATA_RESOURCES_MAX`] as well.
pub const ADVANCED_VALUES_MAX: usize = 500;
const NAME_LENGTH_MAX: usize = 1000;
const VALUE_LENGTH_MAX: usize = 2048;
const EXCLUDABLE_SOURCES: [&str; 2] = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];

/// What `PutEventSelectors` takes, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutEventSelectorsInput {
    /// Name or ARN.
    pub trail_name: String,
    /// Selectors; `None` for an empty advanced list, which brings the first ones back.
    pub selectors: Option<EventSelectors>,
}

/// What both operations answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventSelectorsOutput {
    /// ARN of the trail.
    #[serde(rename = "TrailARN")]
    pub trail_arn: String,
    /// Basic selectors, where those are in force.
    #[serde(rename = "EventSelectors", skip_serializing_if = "Option::is_none")]
    pub basic: Option<Vec<BasicSelector>>,
    /// Advanced selectors, where those are in force.
    #[serde(rename = "AdvancedEventSelectors", skip_serializing_if = "Option::is_none")]
    pub advanced: Option<Vec<AdvancedSelector>>,
}

impl EventSelectorsOutput {
    /// The answer for a trail.
    pub fn new(trail_arn: String, selectors: EventSelectors) -> Self {
        match selectors {
            EventSelectors::Basic(basic) => Self { trail_arn, basic: Some(basic), advanced: None },
            EventSelectors::Advanced(advanced) => Self { trail_arn, basic: None, advanced: Some(advanced) },
        }
    }
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::refused(ErrorCode::InvalidEventSelectorsException, message)
}

impl PutEventSelectorsInput {
    /// Reads and checks.
    ///
    /// # Errors
    /// A wrong JSON type, or `InvalidEventSelectorsException` with the first rule that is broken.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let trail_name = members.text("TrailName")?.unwrap_or_default();
        let basic = members.structures_if_given("EventSelectors")?;
        let advanced = members.structures_if_given("AdvancedEventSelectors")?;
        let selectors = match (basic, advanced) {
            (Some(basic), Some(advanced)) if !basic.is_empty() && !advanced.is_empty() => {
                return Err(refused("EventSelectors and AdvancedEventSelectors cannot both be specified."));
            }
            (None, None) => return Err(refused("Either EventSelectors or AdvancedEventSelectors must be specified.")),
            (None | Some(_), Some(advanced)) if !advanced.is_empty() => {
                Some(EventSelectors::Advanced(read_advanced(advanced)?))
            }
            (Some(basic), _) => Some(EventSelectors::Basic(read_basic(basic)?)),
            (None, Some(_)) => None,
        };
        Ok(Self { trail_name, selectors })
    }
}

fn read_basic(items: Vec<Members>) -> Result<Vec<BasicSelector>, ApiError> {
    let selectors = items.into_iter().map(read_basic_selector).collect::<Result<Vec<_>, _>>()?;
    if !(1..=BASIC_SELECTORS_MAX).contains(&selectors.len()) {
        return Err(refused(format!(
            "A trail can have 1 to {BASIC_SELECTORS_MAX} event selectors, not {}.",
            selectors.len()
        )));
    }
    let is_named = |resource: &DataResource, value: &String| {
        !all_resources_value(&resource.resource_type).is_some_and(|all| all.contains(&value.as_str()))
    };
    let resources = selectors.iter().flat_map(|selector| &selector.data_resources);
    let named = resources.map(|resource| resource.values.iter().filter(|value| is_named(resource, value)).count());
    let named: usize = named.sum();
    if named > DATA_RESOURCES_MAX {
        return Err(refused(format!("A trail can name {DATA_RESOURCES_MAX} data resources, not {named}.")));
    }
    Ok(selectors)
}

fn read_basic_selector(mut members: Members) -> Result<BasicSelector, ApiError> {
    let read_write_type = match members.text("ReadWriteType")?.as_deref() {
        None | Some("All") => ReadWriteType::All,
        Some("ReadOnly") => ReadWriteType::ReadOnly,
        Some("WriteOnly") => ReadWriteType::WriteOnly,
        Some(other) => {
            let text = model::limits::cut(other, 256);
            return Err(refused(format!("Value {text} for ReadWriteType is invalid.")));
        }
    };
    let include_management_events = members.boolean("IncludeManagementEvents")?.unwrap_or(true);
    let excluded = members.texts("ExcludeManagementEventSources")?.unwrap_or_default();
    if let Some(other) = excluded.iter().find(|source| !EXCLUDABLE_SOURCES.contains(&source.as_str())) {
        let text = model::limits::cut(other, 256);
        return Err(refused(format!("Value {text} for ExcludeManagementEventSources is invalid.")));
    }
    if !excluded.is_empty() && !include_management_events {
        return Err(refused("ExcludeManagementEventSources needs IncludeManagementEvents to be true."));
    }
    let mut data_resources = Vec::new();
    for mut resource in members.structures("DataResources")? {
        let resource_type = resource.text("Type")?.unwrap_or_default();
        let values = resource.texts("Values")?.unwrap_or_default();
        check_data_resource(&resource_type, &values)?;
        data_resources.push(DataResource { resource_type, values });
    }
    Ok(BasicSelector {
        read_write_type,
        include_management_events,
        data_resources,
        exclude_management_event_sources: excluded,
    })
}

fn check_data_resource(resource_type: &str, values: &[String]) -> Result<(), ApiError> {
    let Some(all) = all_resources_value(resource_type) else {
        let text = model::limits::cut(resource_type, 256);
        return Err(refused(format!("Value {text} for DataResources.Type is invalid.")));
    };
    if values.is_empty() {
        return Err(refused(format!("DataResources.Values of {resource_type} has no value.")));
    }
    for value in values {
        let is_right = all.contains(&value.as_str())
            || (!value.contains('*')
                && model::Arn::parse(value).is_ok_and(|arn| match resource_type {
                    "AWS::S3::Object" => {
                        arn.service() == "s3"
                            && arn.resource().split_once('/').is_some_and(|(bucket, _)| !bucket.is_empty())
                    }
                    "AWS::Lambda::Function" => arn.service() == "lambda" && arn.resource().starts_with("function:"),
                    _ => arn.service() == "dynamodb" && arn.resource().starts_with("table/"),
                }));
        if !is_right {
            let text = model::limits::cut(value, 256);
            return Err(refused(format!("Value {text} for DataResources.Values is invalid.")));
        }
    }
    Ok(())
}

fn read_advanced(items: Vec<Members>) -> Result<Vec<AdvancedSelector>, ApiError> {
    let mut selectors = Vec::with_capacity(items.len());
    for (index, mut item) in items.into_iter().enumerate() {
        let name = item.text("Name")?;
        if name.as_ref().is_some_and(|name| name.chars().count() > NAME_LENGTH_MAX) {
            return Err(refused(format!(
                "The name of advanced event selector {index} has over {NAME_LENGTH_MAX} characters."
            )));
        }
        let fields = item.structures("FieldSelectors")?;
        let field_selectors = fields.into_iter().map(read_field).collect::<Result<Vec<_>, _>>()?;
        let selector = AdvancedSelector { name, field_selectors };
        check_advanced(&selector)
            .map_err(|problem| refused(format!("Advanced event selector {index} is not valid: {problem}")))?;
        selectors.push(selector);
    }
    let values: usize =
        selectors.iter().flat_map(|selector| &selector.field_selectors).map(FieldSelector::value_count).sum();
    if values > ADVANCED_VALUES_MAX {
        return Err(refused(format!(
            "A trail can have {ADVANCED_VALUES_MAX} values in advanced event selectors, not {values}."
        )));
    }
    let fields = selectors.iter().flat_map(|selector| &selector.field_selectors);
    let named: usize = fields.filter(|field| field.field == "resources.ARN").map(|field| field.equals.len()).sum();
    if named > DATA_RESOURCES_MAX {
        return Err(refused(format!("A trail can name {DATA_RESOURCES_MAX} data resources, not {named}.")));
    }
    Ok(selectors)
}

fn read_field(mut members: Members) -> Result<FieldSelector, ApiError> {
    Ok(FieldSelector {
        field: members.text("Field")?.unwrap_or_default(),
        equals: members.texts("Equals")?.unwrap_or_default(),
        starts_with: members.texts("StartsWith")?.unwrap_or_default(),
        ends_with: members.texts("EndsWith")?.unwrap_or_default(),
        not_equals: members.texts("NotEquals")?.unwrap_or_default(),
        not_starts_with: members.texts("NotStartsWith")?.unwrap_or_default(),
        not_ends_with: members.texts("NotEndsWith")?.unwrap_or_default(),
    })
}

/// Operators of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operators {
    Any,
    Equality,
    Equals,
    NotEquals,
}

/// The fields of each category that a trail may select, with their operators. Event data stores have more of management
/// events. Source: CloudTrail API reference, AdvancedFieldSelector.
const FIELDS: [(&str, &[(&str, Operators)]); 3] = [
    (
        "Management",
        &[("eventCategory", Operators::Equals), ("readOnly", Operators::Equals), ("eventSource", Operators::NotEquals)],
    ),
    (
        "Data",
        &[
            ("eventCategory", Operators::Equals),
            ("resources.type", Operators::Equals),
            ("readOnly", Operators::Equals),
            ("eventName", Operators::Any),
            ("resources.ARN", Operators::Any),
            ("eventSource", Operators::Any),
            ("eventType", Operators::Any),
            ("sessionCredentialFromConsole", Operators::Equality),
            ("userIdentity.arn", Operators::Any),
        ],
    ),
    (
        "NetworkActivity",
        &[
            ("eventCategory", Operators::Equals),
            ("eventSource", Operators::Equals),
            ("eventName", Operators::Any),
            ("errorCode", Operators::Equals),
            ("vpcEndpointId", Operators::Any),
        ],
    ),
];

/// Checks a selector; the text says what is wrong with it.
fn check_advanced(selector: &AdvancedSelector) -> Result<(), String> {
    let find = |name: &str| selector.field_selectors.iter().find(|field| field.field == name);
    let category = match find("eventCategory").map(|field| &field.equals[..]) {
        Some([category]) => category,
        Some(_) => return Err("eventCategory must equal one value.".to_owned()),
        None => return Err("a field selector for eventCategory is required.".to_owned()),
    };
    let Some((_, fields)) = FIELDS.iter().find(|(known, _)| known == category) else {
        return Err(format!("{} is no event category that a trail can log.", model::limits::cut(category, 256)));
    };
    for (index, field) in selector.field_selectors.iter().enumerate() {
        let name = model::limits::cut(&field.field, 256);
        let Some((_, operators)) = fields.iter().find(|(known, _)| *known == field.field) else {
            return Err(format!("the field {name} cannot be used with the event category {category}."));
        };
        if selector.field_selectors[..index].iter().any(|other| other.field == field.field) {
            return Err(format!("the field {name} is given twice."));
        }
        check_operators(field, *operators)?;
        check_values(category, field)?;
    }
    match category.as_str() {
        "Data" => match find("resources.type").map(|field| &field.equals[..]) {
            Some([resource_type]) if resource_type.starts_with("AWS::") => {}
            Some([resource_type]) => {
                return Err(format!("{} is no resource type.", model::limits::cut(resource_type, 256)));
            }
            Some(_) => return Err("resources.type must equal one value.".to_owned()),
            None => return Err("a field selector for resources.type is required.".to_owned()),
        },
        "NetworkActivity" if find("eventSource").is_none_or(|field| field.equals.len() != 1) => {
            return Err("eventSource must equal one value.".to_owned());
        }
        _ => {}
    }
    Ok(())
}

/// Checks the values of fields that take only some.
fn check_values(category: &str, field: &FieldSelector) -> Result<(), String> {
    let values = || field.operators().into_iter().flat_map(|(_, values)| values);
    let refused = match (category, field.field.as_str()) {
        ("Management", "eventSource") => values().find(|value| !EXCLUDABLE_SOURCES.contains(&value.as_str())),
        ("NetworkActivity", "errorCode") => values().find(|value| *value != "VpceAccessDenied"),
        (_, "sessionCredentialFromConsole") => values().find(|value| *value != "true"),
        (_, "resources.ARN") => {
            let whole = field.equals.iter().chain(&field.not_equals);
            whole.into_iter().find(|value| model::Arn::parse(value).is_err())
        }
        _ => None,
    };
    match refused {
        Some(value) => Err(format!("{} is no value of the field {}.", model::limits::cut(value, 256), field.field)),
        None => Ok(()),
    }
}

fn check_operators(field: &FieldSelector, allowed: Operators) -> Result<(), String> {
    let name = &field.field;
    if field.value_count() == 0 {
        return Err(format!("the field {name} has no operator with a value."));
    }
    for (operator, values) in field.operators() {
        let is_allowed = match allowed {
            Operators::Any => true,
            Operators::Equality => matches!(operator, "Equals" | "NotEquals"),
            Operators::Equals => operator == "Equals",
            Operators::NotEquals => operator == "NotEquals",
        };
        if !values.is_empty() && !is_allowed {
            return Err(format!("the operator {operator} cannot be used with the field {name}."));
        }
        if values.iter().any(|value| !(1..=VALUE_LENGTH_MAX).contains(&value.chars().count())) {
            return Err(format!("a value of {name} does not have 1 to {VALUE_LENGTH_MAX} characters."));
        }
    }
    if name == "readOnly" && !matches!(&field.equals[..], [truth] if truth == "true" || truth == "false") {
        return Err("readOnly must equal true or false.".to_owned());
    }
    if field.equals.iter().any(|value| field.not_equals.contains(value)) {
        return Err(format!("the field {name} is to equal and not to equal the same value."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_input::parse_body;

    #[track_caller]
    fn check(lists: &str, problem: Option<&str>) {
        let body = format!(r#"{{"TrailName":"main",{lists}}}"#);
        let read = PutEventSelectorsInput::read(parse_body(body.as_bytes()).unwrap());
        let message = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
        match problem {
            None => assert!(read.is_ok(), "{lists}: {message}"),
            Some(part) => assert!(message.contains(part), "{lists}: {message}"),
        }
    }

    fn basic(selector: &str) -> String {
        format!(r#""EventSelectors":[{selector}]"#)
    }

    fn advanced(fields: &str) -> String {
        format!(r#""AdvancedEventSelectors":[{{"FieldSelectors":[{fields}]}}]"#)
    }

    #[test]
    fn basic_selectors_are_checked() {
        check(&basic("{}"), None);
        check(r#""X":1"#, Some("must be specified"));
        check(r#""EventSelectors":[]"#, Some("1 to 5"));
        check(&basic("{},{},{},{},{},{}"), Some("1 to 5"));
        check(&basic(r#"{"ReadWriteType":"Some"}"#), Some("Value Some for ReadWriteType is invalid."));
        check(&basic(r#"{"ExcludeManagementEventSources":["s3.amazonaws.com"]}"#), Some("is invalid"));
        let data = |kind: &str, value: &str| {
            basic(&format!(r#"{{"DataResources":[{{"Type":"{kind}","Values":["{value}"]}}]}}"#))
        };
        check(&data("AWS::S3::Object", "arn:aws:s3:::"), None);
        check(&data("AWS::S3::Object", "arn:aws:s3:::b/"), None);
        check(
            &data("AWS::S3::Object", "arn:aws:s3:::b"),
            Some("Value arn:aws:s3:::b for DataResources.Values is invalid."),
        );
        check(
            &data("AWS::S3::Object", "arn:aws:s3:::*"),
            Some("Value arn:aws:s3:::* for DataResources.Values is invalid."),
        );
        check(&data("AWS::Lambda::Function", "arn:aws:lambda"), None);
        check(&data("AWS::Lambda::Function", "arn:aws:lambda:*"), Some("is invalid."));
        check(&data("AWS::EC2::Snapshot", "arn:aws:ec2"), Some("DataResources.Type is invalid."));
    }

    #[test]
    fn advanced_selectors_are_checked() {
        let management = r#"{"Field":"eventCategory","Equals":["Management"]}"#;
        let data =
            r#"{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::S3::Object"]}"#;
        check(&advanced(management), None);
        check(&advanced(data), None);
        check(r#""AdvancedEventSelectors":[]"#, None);
        for (fields, problem) in [
            (r#"{"Field":"readOnly","Equals":["true"]}"#.to_owned(), "eventCategory is required"),
            (r#"{"Field":"eventCategory","Equals":["Insight"]}"#.to_owned(), "Insight is no event category"),
            (r#"{"Field":"eventCategory","Equals":["Data"]}"#.to_owned(), "resources.type is required"),
            (format!(r#"{management},{{"Field":"x","Equals":["y"]}}"#), "the field x cannot be used"),
            (format!(r#"{management},{{"Field":"readOnly","Equals":["maybe"]}}"#), "true or false"),
            (
                format!(r#"{management},{{"Field":"eventSource","Equals":["s3.amazonaws.com"]}}"#),
                "operator Equals cannot",
            ),
            (
                format!(r#"{management},{{"Field":"eventSource","NotEquals":["s3.amazonaws.com"]}}"#),
                "s3.amazonaws.com is no value of the field eventSource",
            ),
            (format!(r#"{management},{{"Field":"eventName","Equals":["a"]}}"#), "the field eventName cannot be used"),
            (format!(r#"{data},{{"Field":"resources.ARN","Equals":["b/k"]}}"#), "b/k is no value"),
            (format!(r#"{data},{{"Field":"sessionCredentialFromConsole","Equals":["no"]}}"#), "no is no value"),
            (
                r#"{"Field":"eventCategory","Equals":["NetworkActivity"]},{"Field":"eventSource","Equals":["s3.amazonaws.com"]},
                   {"Field":"errorCode","Equals":["AccessDenied"]}"#
                    .to_owned(),
                "AccessDenied is no value",
            ),
            (format!("{management},{management}"), "given twice"),
            (format!(r#"{data},{{"Field":"eventName"}}"#), "no operator"),
            (format!(r#"{data},{{"Field":"eventName","Equals":["a"],"NotEquals":["a"]}}"#), "the same value"),
        ] {
            check(&advanced(&fields), Some(problem));
        }
        let many: Vec<String> = (0..501).map(|number| format!("\"n{number}\"")).collect();
        check(
            &advanced(&format!(r#"{data},{{"Field":"eventName","Equals":[{}]}}"#, many.join(","))),
            Some("500 values"),
        );
        let arns: Vec<String> = (0..251).map(|number| format!("\"arn:aws:s3:::b/{number}\"")).collect();
        let named = |operator: &str| {
            advanced(&format!(r#"{data},{{"Field":"resources.ARN","{operator}":[{}]}}"#, arns.join(",")))
        };
        check(&named("Equals"), Some("250 data resources"));
        check(&named("StartsWith"), None);
    }
}
