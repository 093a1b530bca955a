//! The columns of tables: those of the table that AWS's Athena has for CloudTrail, with the caller spread out, and the
//! whole record behind them.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::ExportError;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A text; of a member that is no string, its JSON.
    Text,
    /// A time in the form of RFC 3339.
    Time,
    /// `true` or `false`.
    Truth,
}

/// A column and the member of the record that it holds.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Member of `userIdentity`, else of the record.
    is_of_caller: bool,
    member: &'static str,
}

const fn text(name: &'static str, member: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text, is_of_caller: false, member }
}

const fn caller(name: &'static str, member: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text, is_of_caller: true, member }
}

const fn of_kind(name: &'static str, kind: ColumnKind, member: &'static str) -> Column {
    Column { name, kind, is_of_caller: false, member }
}

/// All columns but the last, which is the record.
pub const COLUMNS: [Column; 35] = [
    of_kind("eventtime", ColumnKind::Time, "eventTime"),
    text("eventid", "eventID"),
    text("eventsource", "eventSource"),
    text("eventname", "eventName"),
    text("awsregion", "awsRegion"),
    text("sourceipaddress", "sourceIPAddress"),
    text("useragent", "userAgent"),
    caller("useridentity_type", "type"),
    caller("useridentity_principalid", "principalId"),
    caller("useridentity_arn", "arn"),
    caller("useridentity_accountid", "accountId"),
    caller("useridentity_accesskeyid", "accessKeyId"),
    caller("useridentity_username", "userName"),
    caller("useridentity_invokedby", "invokedBy"),
    caller("useridentity_sessioncontext", "sessionContext"),
    text("errorcode", "errorCode"),
    text("errormessage", "errorMessage"),
    of_kind("readonly", ColumnKind::Truth, "readOnly"),
    of_kind("managementevent", ColumnKind::Truth, "managementEvent"),
    text("eventcategory", "eventCategory"),
    text("eventtype", "eventType"),
    text("eventversion", "eventVersion"),
    text("apiversion", "apiVersion"),
    text("requestid", "requestID"),
    text("sharedeventid", "sharedEventID"),
    text("vpcendpointid", "vpcEndpointId"),
    text("recipientaccountid", "recipientAccountId"),
    text("requestparameters", "requestParameters"),
    text("responseelements", "responseElements"),
    text("resources", "resources"),
    text("additionaleventdata", "additionalEventData"),
    text("serviceeventdetails", "serviceEventDetails"),
    text("insightdetails", "insightDetails"),
    text("addendum", "addendum"),
    text("tlsdetails", "tlsDetails"),
];

/// Name of the column with the record.
pub const RECORD_COLUMN: &str = "record";

/// The members of an object; of a name that is there twice the last.
pub(crate) type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// The values of the columns of a record, in their order; `None` where a member is absent or null.
///
/// # Errors
/// The text is no JSON object.
pub fn values(record: &str) -> Result<Vec<Option<Cow<'_, str>>>, ExportError> {
    let members: Members<'_> = serde_json::from_str(record).map_err(ExportError::record(record))?;
    let caller = members.get("userIdentity").and_then(|caller| serde_json::from_str::<Members<'_>>(caller.get()).ok());
    let caller = caller.unwrap_or_default();
    let value = |column: &Column| {
        let members = if column.is_of_caller { &caller } else { &members };
        members.get(column.member).copied().and_then(shown)
    };
    Ok(COLUMNS.iter().map(value).collect())
}

fn shown(value: &RawValue) -> Option<Cow<'_, str>> {
    let text = value.get();
    if text == "null" {
        return None;
    }
    // What is no valid string, such as half of a character, stays as it is written.
    Some(serde_json::from_str::<String>(text).map_or(Cow::Borrowed(text), Cow::Owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_and_absent_ones_are_none() {
        let record = r#"{"eventTime":"2025-03-01T12:00:05Z","readOnly":false,"userIdentity":{"type":"Root","arn":"a\"b"},"requestParameters":{"a":[1, 2]},"responseElements":null}"#;
        let values = values(record).unwrap();
        let value = |name: &str| {
            let place = COLUMNS.iter().position(|column| column.name == name).unwrap();
            values[place].as_deref()
        };
        assert_eq!(value("eventtime"), Some("2025-03-01T12:00:05Z"));
        assert_eq!(value("readonly"), Some("false"));
        assert_eq!(value("useridentity_arn"), Some("a\"b"));
        assert_eq!(value("requestparameters"), Some(r#"{"a":[1, 2]}"#));
        assert_eq!((value("responseelements"), value("errorcode")), (None, None));
        assert!(super::values("[]").is_err());
    }
}
