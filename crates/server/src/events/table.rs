//! Records as lines for people: 120 columns wide, except where the last column needs more.

use model::{Arn, LookupIndex};
use serde_json::Value;

/// Titles and widths in characters; the last column takes what it needs. With two blanks between, 120 columns hold an
/// error code of 12 characters, which `AccessDenied` has.
const COLUMNS: [(&str, usize); 6] =
    [("TIME (UTC)", 19), ("WHO", 16), ("EVENT", 28), ("RESOURCE", 20), ("SOURCE IP", 15), ("ERROR", 12)];

/// The titles.
pub(super) fn header() -> String {
    line(COLUMNS.map(|(title, _)| title.to_owned()))
}

/// The line of a record. A record that cannot be read has a line too: an event must not vanish from a list.
pub(super) fn row(record: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(record) else {
        return "(a record that is not JSON; --output jsonl shows it)".to_owned();
    };
    let index = LookupIndex::derive(record.as_bytes()).ok();
    line([
        time(&json),
        who(&json, index.as_ref()),
        event(&json),
        resource(&json, index.as_ref()),
        text(&json["sourceIPAddress"]).to_owned(),
        text(&json["errorCode"]).to_owned(),
    ])
}

fn line(cells: [String; 6]) -> String {
    let last = cells.len() - 1;
    let mut line = String::new();
    for (index, (cell, (_, width))) in cells.iter().zip(COLUMNS).enumerate() {
        let cell = printable(cell);
        if index == last {
            line.push_str(&cell);
        } else {
            line.push_str(&format!("{:width$}  ", shortened(&cell, width)));
        }
    }
    line.trim_end().to_owned()
}

/// Records hold what callers sent: control characters in it must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// At most `width` characters, the last of them an ellipsis where some are missing.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `2025-03-01T12:00:05Z` without its letters.
fn time(record: &Value) -> String {
    text(&record["eventTime"]).replace('T', " ").trim_end_matches('Z').to_owned()
}

/// The name that the event is found by; without one, what else says who it was.
fn who(record: &Value, index: Option<&LookupIndex>) -> String {
    let identity = &record["userIdentity"];
    let others = ["invokedBy", "accessKeyId", "principalId", "accountId"].map(|name| text(&identity[name]));
    let name = index.and_then(|index| index.username.as_deref()).unwrap_or_default();
    let found = std::iter::once(name).chain(others).find(|candidate| !candidate.is_empty());
    found.unwrap_or("-").to_owned()
}

/// `iam:CreateUser`.
fn event(record: &Value) -> String {
    let source = text(&record["eventSource"]);
    format!("{}:{}", source.strip_suffix(".amazonaws.com").unwrap_or(source), text(&record["eventName"]))
}

/// The first resource that the service names, else the first that the event is found by; of an ARN its last part.
fn resource(record: &Value, index: Option<&LookupIndex>) -> String {
    let named = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = named.iter().map(|resource| text(&resource["ARN"])).find(|arn| !arn.is_empty());
    let found = || index.and_then(|index| index.resources.first()).map(|resource| resource.resource_name.as_str());
    let name = named.or_else(found).unwrap_or_default();
    Arn::parse(name).map(|arn| arn.resource().to_owned()).unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(record: &Value, expected: &str) {
        assert_eq!(row(&record.to_string()), expected);
    }

    #[test]
    fn a_row_fits_120_columns_and_says_who_did_what() {
        let record = json!({
            "eventID": "e-1", "eventTime": "2025-03-01T12:00:05Z",
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci-4711"},
            "eventSource": "iam.amazonaws.com", "eventName": "PutRolePolicy",
            "sourceIPAddress": "203.0.113.7", "errorCode": "AccessDenied",
            "resources": [{"type": "AWS::IAM::Role", "ARN": "arn:aws:iam::111122223333:role/admin"}],
        });
        let expected = "2025-03-01 12:00:05  ci-4711           iam:PutRolePolicy             role/admin            203.0.113.7      AccessDenied";
        check(&record, expected);
        assert_eq!(expected.chars().count(), 120);
        assert!(header().starts_with("TIME (UTC)           WHO               EVENT "));
    }

    #[test]
    fn long_and_hostile_texts_stay_in_their_column() {
        let record = json!({
            "eventID": "e-1", "eventTime": "2025-03-01T12:00:05Z",
            "userIdentity": {"type": "IAMUser", "userName": "\u{1b}[31mévil\n-and-much-too-long"},
            "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
        });
        let expected = "2025-03-01 12:00:05  \u{fffd}[31mévil\u{fffd}-and-…  s3:GetObject";
        check(&record, expected);
    }

    #[test]
    fn everyone_has_a_name() {
        for (identity, name) in [
            (json!({"type": "Root", "accountId": "111122223333"}), "root"),
            (json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}), "cloudtrail.amazonaws.com"),
            (json!({"type": "Unknown", "accessKeyId": "AKIAX", "accountId": "1"}), "AKIAX"),
            (json!({"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}), "anonymous"),
            (Value::Null, "-"),
        ] {
            let record = json!({"eventID": "e-1", "eventTime": "2025-03-01T12:00:05Z", "userIdentity": identity});
            let index = LookupIndex::derive(record.to_string().as_bytes()).expect("a record");
            assert_eq!(who(&record, Some(&index)), name);
        }
    }

    #[test]
    fn a_resource_is_found_in_the_parameters_too() {
        let record = json!({
            "eventID": "e-1", "eventTime": "2025-03-01T12:00:05Z", "eventSource": "s3.amazonaws.com",
            "eventName": "DeleteBucket", "requestParameters": {"bucketName": "my-bucket"},
        });
        assert!(
            row(&record.to_string()).ends_with("s3:DeleteBucket               my-bucket"),
            "{}",
            row(&record.to_string())
        );
    }

    #[test]
    fn what_cannot_be_read_has_a_line() {
        assert!(row("{").contains("not JSON"));
        check(&json!({}), "                     -                 :");
    }
}
