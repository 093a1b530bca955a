//! Records as lines for people: 120 columns wide, except where the last column needs more.

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
    let Ok(record) = serde_json::from_str::<Value>(record) else {
        return "(a record that is not JSON; --output jsonl shows it)".to_owned();
    };
    line([
        time(&record),
        who(&record),
        event(&record),
        resource(&record),
        text(&record["sourceIPAddress"]).to_owned(),
        text(&record["errorCode"]).to_owned(),
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

/// The shortest name that says who it was.
fn who(record: &Value) -> String {
    let identity = &record["userIdentity"];
    let name = text(&identity["userName"]);
    let session = text(&identity["arn"]).rsplit_once('/').map(|(_, session)| session).unwrap_or_default();
    let candidates = match text(&identity["type"]) {
        "Root" => ["root", "", ""],
        "AWSService" => [text(&identity["invokedBy"]), "", ""],
        _ => [name, session, text(&identity["invokedBy"])],
    };
    let fallbacks = [text(&identity["accessKeyId"]), text(&identity["principalId"]), text(&identity["accountId"])];
    let found = candidates.into_iter().chain(fallbacks).find(|candidate| !candidate.is_empty());
    found.unwrap_or("-").to_owned()
}

/// `iam:CreateUser`.
fn event(record: &Value) -> String {
    let source = text(&record["eventSource"]);
    format!("{}:{}", source.strip_suffix(".amazonaws.com").unwrap_or(source), text(&record["eventName"]))
}

/// The last part of the first resource's ARN.
fn resource(record: &Value) -> String {
    let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let arn = resources.iter().map(|resource| text(&resource["ARN"])).find(|arn| !arn.is_empty()).unwrap_or_default();
    arn.splitn(6, ':').last().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &Value, expected: &str) {
        assert_eq!(row(&record.to_string()), expected);
    }

    #[test]
    fn a_row_fits_120_columns_and_says_who_did_what() {
        let record = serde_json::json!({
            "eventTime": "2025-03-01T12:00:05Z",
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
        let record = serde_json::json!({
            "eventTime": "2025-03-01T12:00:05Z",
            "userIdentity": {"type": "IAMUser", "userName": "\u{1b}[31mévil\n-and-much-too-long"},
            "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
        });
        let expected = "2025-03-01 12:00:05  \u{fffd}[31mévil\u{fffd}-and-…  s3:GetObject";
        check(&record, expected);
    }

    #[test]
    fn everyone_has_a_name() {
        for (identity, name) in [
            (serde_json::json!({"type": "Root", "accountId": "111122223333"}), "root"),
            (
                serde_json::json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}),
                "cloudtrail.amazonaws.com",
            ),
            (serde_json::json!({"type": "Unknown", "accessKeyId": "AKIAX", "accountId": "1"}), "AKIAX"),
            (serde_json::json!({"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}), "anonymous"),
            (Value::Null, "-"),
        ] {
            assert_eq!(who(&serde_json::json!({"userIdentity": identity})), name);
        }
    }

    #[test]
    fn what_cannot_be_read_has_a_line() {
        assert!(row("{").contains("not JSON"));
        check(&serde_json::json!({}), "                     -                 :");
    }
}
