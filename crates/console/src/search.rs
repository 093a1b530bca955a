//! What can be searched for: the words that the JSON API, the command line and later the pages share.
//!
//! A [`SearchRequest`] is what travels: texts as a person or a script wrote them. [`SearchRequest::check`] turns it into a
//! [`Search`], in which every text is parsed. Whoever builds a request can check it before sending, so that a typing
//! error costs no round trip.

mod fit;
pub mod moment;
pub mod pattern;
mod query;
pub mod text;

use model::account::AccountIdError;
use model::region::RegionError;
use model::{AccountId, EventCategory, Region};
use serde::{Deserialize, Serialize};

use moment::{Moment, MomentError};
use pattern::Pattern;
use text::Term;

/// Events of one answer when nothing is asked for.
pub const LIMIT_DEFAULT: usize = 100;
/// Most events of one answer.
pub const LIMIT_MAX: usize = 1000;
/// Most patterns of event names in one search.
pub const EVENT_NAMES_MAX: usize = 100;
/// Longest text of any filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 2048;

/// A search as it travels. Every member may be absent; those that are there must all fit an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SearchRequest {
    /// Terms that must all fit, as one line; see [`text`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Event names, any of which may fit; `*` stands for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_name: Vec<String>,
    /// `iam.amazonaws.com`; `iam` alone means the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// Name of the user, the role session or `root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Name, id or ARN of a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// `AWS::Service::Kind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Access key of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Id of the one event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Only reads, or only changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Error code, `*` for any characters; the text `any` means any failed call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Only calls that were refused for lack of permission.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub denied: bool,
    /// Address of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// Region of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Account that the record belongs to; the caller's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `Management`, `Data`, `NetworkActivity` or `Insight`; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Earliest time, inclusive: ISO 8601, or how long ago (`90d`, `12h`, `30m`, `15s`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Latest time, inclusive, in the same forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Most events of the answer: 1 to [`LIMIT_MAX`], [`LIMIT_DEFAULT`] when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The `next` of the answer before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// Which events come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// The latest event time.
    #[default]
    NewestFirst,
    /// The earliest event time.
    OldestFirst,
}

impl Order {
    /// The text that travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewestFirst => "newestFirst",
            Self::OldestFirst => "oldestFirst",
        }
    }
}

/// A search in which every text is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What an event must fit.
    pub filter: Filter,
    /// Earliest event time, inclusive.
    pub since: Option<Moment>,
    /// Latest event time, inclusive.
    pub until: Option<Moment>,
    /// 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// The `next` of the answer before.
    pub cursor: Option<String>,
    /// Which events come first.
    pub order: Order,
}

/// What an event must fit, all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// All of these.
    pub terms: Vec<Term>,
    /// Any of these; no pattern at all fits everything.
    pub event_names: Vec<Pattern>,
    /// Exact.
    pub event_source: Option<String>,
    /// Exact.
    pub user_name: Option<String>,
    /// Exact.
    pub resource_name: Option<String>,
    /// Exact.
    pub resource_type: Option<String>,
    /// Exact.
    pub access_key_id: Option<String>,
    /// Exact.
    pub event_id: Option<String>,
    /// Exact.
    pub read_only: Option<bool>,
    /// What the error code must be.
    pub error: Option<ErrorFilter>,
    /// Whether the error code must be one of [`DENIED_CODES`].
    pub denied: bool,
    /// Exact.
    pub source_ip: Option<String>,
    /// Exact.
    pub region: Option<Region>,
    /// Exact.
    pub account: Option<AccountId>,
    /// Exact.
    pub category: Option<EventCategory>,
}

/// What an error code must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorFilter {
    /// The call failed, with whatever code.
    Any,
    /// The code fits.
    Code(Pattern),
}

/// Codes that say: the caller is known and may not do this. Services agree on the words but not on the whole code
/// (`AccessDenied`, `AccessDeniedException`, `Client.UnauthorizedOperation`, `KMS.NotAuthorizedException`).
///
/// Source: CIS AWS Foundations Benchmark, unauthorized API calls (`*UnauthorizedOperation`, `AccessDenied*`), and the
/// error lists of SNS, SQS and Cognito.
pub const DENIED_CODES: [&str; 5] =
    ["*AccessDenied*", "*Unauthorized*", "*NotAuthorized*", "*AuthorizationError*", "*Forbidden*"];

/// Why a search cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// A time that cannot be read.
    #[error("{member}: {problem}")]
    Moment {
        /// `since` or `until`.
        member: &'static str,
        /// What is wrong with it.
        problem: MomentError,
    },
    /// A filter that is empty or too long.
    #[error("{member} must have 1 to {FILTER_BYTES_MAX} bytes")]
    FilterLength {
        /// Name of the filter.
        member: &'static str,
    },
    /// Too many event names.
    #[error("eventName takes at most {EVENT_NAMES_MAX} patterns")]
    TooManyEventNames,
    /// Not a region.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// Not an account.
    #[error(transparent)]
    Account(#[from] AccountIdError),
    /// Not a category.
    #[error("'{0}' is not an event category: expected Management, Data, NetworkActivity or Insight")]
    Category(String),
    /// A page size out of bounds.
    #[error("limit must be between 1 and {LIMIT_MAX}")]
    Limit,
    /// A filter that travels twice in a query, or has a name that no filter has.
    #[error("{0}")]
    Query(String),
}

impl SearchRequest {
    /// Parses every text.
    ///
    /// # Errors
    /// The first text that cannot be read or is out of bounds.
    pub fn check(self) -> Result<Search, SearchError> {
        if self.event_name.len() > EVENT_NAMES_MAX {
            return Err(SearchError::TooManyEventNames);
        }
        let event_names =
            self.event_name.into_iter().map(|name| bounded("eventName", name).map(|name| Pattern::new(&name)));
        let query = optional("query", self.query)?;
        let filter = Filter {
            terms: query.map_or(Ok(Vec::new()), |query| text::parse(&query))?,
            event_names: event_names.collect::<Result<_, _>>()?,
            event_source: optional("eventSource", self.event_source)?.map(full_event_source),
            user_name: optional("userName", self.user_name)?,
            resource_name: optional("resourceName", self.resource_name)?,
            resource_type: optional("resourceType", self.resource_type)?,
            access_key_id: optional("accessKeyId", self.access_key_id)?,
            event_id: optional("eventId", self.event_id)?,
            read_only: self.read_only,
            error: optional("errorCode", self.error_code)?.map(|code| error_filter(&code)),
            denied: self.denied,
            source_ip: optional("sourceIp", self.source_ip)?.map(one_address).transpose()?,
            region: self.region.as_deref().map(Region::parse).transpose()?,
            account: self.account.as_deref().map(AccountId::parse).transpose()?,
            category: self.category.map(parse_category).transpose()?,
        };
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(SearchError::Limit);
        }
        Ok(Search {
            filter,
            since: moment("since", self.since)?,
            until: moment("until", self.until)?,
            limit,
            cursor: self.cursor,
            order: self.order.unwrap_or_default(),
        })
    }
}

/// An address, unless it is a range, which would fit nothing.
fn one_address(text: String) -> Result<String, SearchError> {
    if text.contains('/') {
        return Err(SearchError::Query(format!(
            "sourceIp takes addresses and no ranges: leave --source-ip out and write the part that they share and * in \
             the query, as in sourceIp=192.0.2.*, not '{}'",
            model::limits::cut(&text, 64)
        )));
    }
    Ok(text)
}

fn bounded(member: &'static str, text: String) -> Result<String, SearchError> {
    if (1..=FILTER_BYTES_MAX).contains(&text.len()) { Ok(text) } else { Err(SearchError::FilterLength { member }) }
}

fn optional(member: &'static str, text: Option<String>) -> Result<Option<String>, SearchError> {
    text.map(|text| bounded(member, text)).transpose()
}

fn moment(member: &'static str, text: Option<String>) -> Result<Option<Moment>, SearchError> {
    text.map(|text| Moment::parse(&text).map_err(|problem| SearchError::Moment { member, problem })).transpose()
}

fn full_event_source(name: String) -> String {
    if name.contains('.') { name } else { format!("{name}.amazonaws.com") }
}

fn error_filter(code: &str) -> ErrorFilter {
    if code == "any" { ErrorFilter::Any } else { ErrorFilter::Code(Pattern::new(code)) }
}

fn parse_category(text: String) -> Result<EventCategory, SearchError> {
    use EventCategory::{Data, Insight, Management, NetworkActivity};
    [Management, Data, NetworkActivity, Insight]
        .into_iter()
        .find(|category| category.as_str().eq_ignore_ascii_case(&text))
        .ok_or(SearchError::Category(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(request: &str, message: &str) {
        let request: SearchRequest = serde_json::from_str(request).expect("a request");
        assert_eq!(request.check().expect_err("out of bounds").to_string(), message);
    }

    #[test]
    fn bounds_are_named() {
        check_refused(r#"{"limit":0}"#, "limit must be between 1 and 1000");
        check_refused(r#"{"limit":1001}"#, "limit must be between 1 and 1000");
        check_refused(r#"{"eventName":[""]}"#, "eventName must have 1 to 2048 bytes");
        check_refused(r#"{"userName":""}"#, "userName must have 1 to 2048 bytes");
        check_refused(r#"{"account":"1"}"#, "'1' is not an account id: expected exactly 12 digits");
        check_refused(
            r#"{"category":"x"}"#,
            "'x' is not an event category: expected Management, Data, NetworkActivity or Insight",
        );
        check_refused(
            r#"{"sourceIp":"192.0.2.0/24"}"#,
            "sourceIp takes addresses and no ranges: leave --source-ip out and write the part that they share and * in \
             the query, as in sourceIp=192.0.2.*, not '192.0.2.0/24'",
        );
        let names = serde_json::json!({"eventName": vec!["x"; 101]}).to_string();
        check_refused(&names, "eventName takes at most 100 patterns");
        let request: SearchRequest = serde_json::from_str(r#"{"since":"soon"}"#).expect("a request");
        let text = request.check().expect_err("no time").to_string();
        assert!(text.starts_with("since: 'soon' is not a time"), "{text}");
    }

    #[test]
    fn unknown_members_are_refused_by_name() {
        let error = serde_json::from_str::<SearchRequest>(r#"{"eventname":["x"]}"#).expect_err("unknown");
        assert!(error.to_string().contains("unknown field `eventname`"), "{error}");
    }
}
