use super::*;
use crate::json_input::parse_body;

fn request(body: &str) -> Result<LookupEventsRequest, ApiError> {
    parse_body(body.as_bytes()).and_then(LookupEventsInput::read).and_then(LookupEventsInput::check)
}

#[track_caller]
fn check_refused(body: &str, code: &str, message: &str) {
    let error = request(body).expect_err(body);
    assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{body}");
}

#[test]
fn everything_is_optional() {
    for body in ["", " \n", "{}", r#"{"LookupAttributes":[],"MaxResults":null,"Unknown":[1]}"#] {
        let request = request(body).expect(body);
        assert_eq!((request.attribute, request.max_results, request.category), (None, 50, Category::Management));
    }
}

#[test]
fn a_full_request_is_read() {
    let request = request(
        r#"{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"RunInstances"}],
            "StartTime":1704067200,"EndTime":"2024-01-02T00:00:00Z","EventCategory":"insight","MaxResults":1,"NextToken":"t"}"#,
    )
    .expect("a request");
    assert_eq!(
        request,
        LookupEventsRequest {
            attribute: Some(Attribute { key: AttributeKey::EventName, value: "RunInstances".to_owned() }),
            start_time: Some(EventTime::from_seconds(1_704_067_200)),
            end_time: Some(EventTime::from_seconds(1_704_153_600)),
            category: Category::Insight,
            max_results: 1,
            next_token: Some("t".to_owned()),
        }
    );
}

#[test]
fn json_types_are_strict() {
    let code = "SerializationException";
    check_refused("[]", code, "Start of list found where not expected.");
    check_refused("{", code, "The request body is not valid JSON.");
    check_refused("\"x\"", code, "STRING_VALUE can not be converted to a structure");
    check_refused(r#"{"MaxResults":"5"}"#, code, "STRING_VALUE can not be converted to an Integer");
    check_refused(r#"{"MaxResults":5.5}"#, code, "5.5 can not be converted to an Integer");
    check_refused(r#"{"MaxResults":99999999999}"#, code, "99999999999 can not be converted to an Integer");
    check_refused(r#"{"MaxResults":{}}"#, code, "Start of structure or map found where not expected.");
    check_refused(r#"{"StartTime":true}"#, code, "TRUE_VALUE can not be converted to a Timestamp");
    check_refused(r#"{"EndTime":[]}"#, code, "Start of list found where not expected.");
    check_refused(r#"{"NextToken":1}"#, code, "NUMBER_VALUE can not be converted to a String");
    check_refused(r#"{"EventCategory":false}"#, code, "FALSE_VALUE can not be converted to a String");
    check_refused(r#"{"LookupAttributes":{}}"#, code, "Start of structure or map found where not expected.");
    check_refused(r#"{"LookupAttributes":[null]}"#, code, "NULL_VALUE can not be converted to a structure");
    let attribute = r#"{"LookupAttributes":[{"AttributeKey":"ReadOnly","AttributeValue":true}]}"#;
    check_refused(attribute, code, "TRUE_VALUE can not be converted to a String");
    check_refused(&"[".repeat(100_000), code, "The request body is not valid JSON.");
}

#[test]
fn required_members_are_missed() {
    check_refused(
        r#"{"LookupAttributes":[{"AttributeKey":"EventId"}]}"#,
        "ValidationException",
        "1 validation error detected: Value null at 'lookupAttributes.1.member.attributeValue' failed to satisfy constraint: Member must not be null",
    );
    check_refused(
        r#"{"LookupAttributes":[{"AttributeKey":null,"AttributeValue":"x"}]}"#,
        "ValidationException",
        "1 validation error detected: Value null at 'lookupAttributes.1.member.attributeKey' failed to satisfy constraint: Member must not be null",
    );
}

fn attribute(key: &str, value: &str) -> String {
    serde_json::json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}).to_string()
}

#[test]
fn attributes_have_bounds() {
    let code = "InvalidLookupAttributesException";
    let two = r#"{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"a"},{"AttributeKey":"EventId","AttributeValue":"a"}]}"#;
    check_refused(two, code, "You can only specify one lookup attribute.");
    check_refused(&attribute("eventName", "x"), code, "eventName is not a valid attribute key.");
    check_refused(&attribute("", "x"), code, " is not a valid attribute key.");
    let length = "The value of a lookup attribute must have 1 to 2000 characters.";
    for value in ["", &"x".repeat(2001), &"_".repeat(1001), &format!("{}, ", "x".repeat(1997)), &"é".repeat(2001)] {
        check_refused(&attribute("EventName", value), code, length);
    }
    for value in ["x", &"x".repeat(2000), &"_".repeat(1000), &format!("{},\n", "x".repeat(1996)), &"é".repeat(2000)] {
        request(&attribute("EventName", value)).expect("within bounds");
    }
    for value in ["True", "yes", "1"] {
        let message = format!("{value} is not a valid value of the attribute key ReadOnly: it must be true or false.");
        check_refused(&attribute("ReadOnly", value), code, &message);
    }
    for key in AttributeKey::ALL {
        request(&attribute(key.as_str(), "true")).expect("one of the eight");
    }
}

#[test]
fn insight_knows_three_keys() {
    for key in AttributeKey::ALL {
        let body = serde_json::json!({
            "EventCategory": "insight",
            "LookupAttributes": [{"AttributeKey": key.as_str(), "AttributeValue": "true"}],
        })
        .to_string();
        if matches!(key.as_str(), "EventId" | "EventName" | "EventSource") {
            request(&body).expect("known to insight");
        } else {
            let message = format!("{} is not a valid attribute key for the insight event category.", key.as_str());
            check_refused(&body, "InvalidLookupAttributesException", &message);
        }
    }
}

#[test]
fn times_pages_and_categories_have_bounds() {
    let time = "InvalidTimeRangeException";
    check_refused(r#"{"StartTime":2,"EndTime":1}"#, time, "Start time must be before end time.");
    check_refused(r#"{"StartTime":"soon"}"#, time, "StartTime is not a valid time.");
    check_refused(r#"{"EndTime":1e30}"#, time, "EndTime is not a valid time.");
    request(r#"{"StartTime":1,"EndTime":1}"#).expect("both ends are inclusive");
    for size in ["0", "51", "-1", "2147483647"] {
        let body = format!(r#"{{"MaxResults":{size}}}"#);
        check_refused(&body, "InvalidMaxResultsException", "Max results must be between 1 and 50.");
    }
    for size in [1, 50] {
        assert_eq!(request(&format!(r#"{{"MaxResults":{size}}}"#)).expect("in bounds").max_results, size);
    }
    for category in ["Insight", "management", ""] {
        let body = format!(r#"{{"EventCategory":"{category}"}}"#);
        check_refused(&body, "InvalidEventCategoryException", &format!("{category} is not a valid event category."));
    }
}

#[test]
fn events_are_written_as_observed() {
    let output = LookupEventsOutput {
        events: vec![Event {
            event_id: Some("0ebb".to_owned()),
            event_name: Some("ConsoleLogin".to_owned()),
            read_only: Some("false".to_owned()),
            access_key_id: None,
            event_time: EventTime::from_micros(1_424_476_529_999_999),
            event_source: Some("signin.amazonaws.com".to_owned()),
            username: Some("root".to_owned()),
            resources: vec![
                Resource { resource_type: Some("AWS::S3::Bucket".to_owned()), resource_name: "b".to_owned() },
                Resource { resource_type: None, resource_name: "c".to_owned() },
            ],
            cloud_trail_event: r#"{"eventVersion":"1.11"}"#.to_owned(),
        }],
        next_token: None,
    };
    assert_eq!(
        serde_json::to_string(&output).expect("json"),
        r#"{"Events":[{"EventId":"0ebb","EventName":"ConsoleLogin","ReadOnly":"false","EventTime":1424476529.0,"EventSource":"signin.amazonaws.com","Username":"root","Resources":[{"ResourceType":"AWS::S3::Bucket","ResourceName":"b"},{"ResourceName":"c"}],"CloudTrailEvent":"{\"eventVersion\":\"1.11\"}"}]}"#
    );
}
