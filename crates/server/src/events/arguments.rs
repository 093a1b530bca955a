//! The arguments of `opentrail events`, and of every command that searches.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use console::SearchRequest;

use super::output::OutputFormat;

/// Search recorded events, newest first, or follow them as they come.
///
/// QUERY has terms that must all fit: FIELD=VALUE, FIELD!=VALUE, and texts that the record must have
/// ("0.0.0.0/0") or must not have (!text). VALUE may be several, with commas between them, and *
/// stands for any characters. The fields are those of the options below, as in eventName, userName,
/// resourceName, errorCode, sourceIp, region, account.
///
/// All filters must fit; --event-name may be given several times, and one of them must fit.
///
/// The access key is the root key in --data-dir if that is given, else AWS_ACCESS_KEY_ID and
/// AWS_SECRET_ACCESS_KEY, else the root key in ./data.
///
/// Who changed a security group, and when:
///   opentrail events --event-name '*SecurityGroup*' --read-only false
/// The IAM policy changes of 90 days, for a script:
///   opentrail events --event-source iam --event-name 'Put*Policy' --since 90d --output json
/// Who deleted this:
///   opentrail events --event-name 'Delete*' --resource-name my-bucket
/// Who but the pipeline opened something to the world:
///   opentrail events 'readOnly=false userName!=ci-* "0.0.0.0/0"'
/// What was denied, and from where:
///   opentrail events --denied --since 7d
/// Who fails most, and when:
///   opentrail events --error-code any --count-by userName --histogram 1d
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct EventsArguments {
    #[command(flatten)]
    pub(crate) search: SearchArguments,
    /// Most events to give [default: 100 in a table, else all]
    #[arg(long, value_name = "COUNT", conflicts_with = "follow", value_parser = parse_limit)]
    pub(crate) limit: Option<usize>,
    /// Count instead: how many events have which value of a field such as eventName, userName or errorCode
    #[arg(long, value_name = "FIELD", conflicts_with = "follow")]
    pub(crate) count_by: Option<String>,
    /// Count instead: how many events there are in each interval, such as 5m, 1h or 1d
    #[arg(long, value_name = "INTERVAL", conflicts_with = "follow")]
    pub(crate) histogram: Option<String>,
    /// Stay, and give new events as they come; with --since, the events since then first
    #[arg(long, short, conflicts_with = "until")]
    pub(crate) follow: bool,
    /// How to write: a table, one JSON array, or one JSON record a line
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
}

/// What is searched for, and where.
#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// Terms such as 'eventName=Put* userName!=ci-* "0.0.0.0/0"'
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Event name such as RunInstances; * stands for any characters; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) event_name: Vec<String>,
    /// Service such as iam or iam.amazonaws.com
    #[arg(long, value_name = "SERVICE")]
    pub(crate) event_source: Option<String>,
    /// Name of the user or role session, or root
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Name, id or ARN of a resource
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_name: Option<String>,
    /// Type of a resource such as AWS::S3::Bucket
    #[arg(long, value_name = "TYPE")]
    pub(crate) resource_type: Option<String>,
    /// Access key of the caller
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: Option<String>,
    /// Id of the one event
    #[arg(long, value_name = "ID")]
    pub(crate) event_id: Option<String>,
    /// Only reads (true), or only changes (false)
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    pub(crate) read_only: Option<bool>,
    /// Error code such as NoSuchBucket, with * for any characters; any means any failed call
    #[arg(long, value_name = "PATTERN")]
    pub(crate) error_code: Option<String>,
    /// Only calls that were refused for lack of permission
    #[arg(long)]
    pub(crate) denied: bool,
    /// Address of the caller
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<String>,
    /// Region of the call
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Management, Data, NetworkActivity or Insight [default: all]
    #[arg(long, value_name = "CATEGORY")]
    pub(crate) category: Option<String>,
    /// Earliest time, inclusive: 90d, 12h, 30m, 15s ago, or 2025-03-01, or 2025-03-01T12:00:05Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Latest time, inclusive, in the same forms [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// URL of the server's console address
    #[arg(long, value_name = "URL", env = "OPENTRAIL_CONSOLE_URL", default_value = "http://127.0.0.1:4601")]
    pub(crate) endpoint: String,
    /// Data folder of the server, for its root access key
    #[arg(long, value_name = "DIR", env = "OPENTRAIL_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

fn parse_limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err("expected a number from 1".to_owned()),
    }
}

impl SearchArguments {
    /// The filters, as they travel.
    pub(crate) fn request(&self) -> SearchRequest {
        SearchRequest {
            query: Some(self.query.join(" ")).filter(|query| !query.trim().is_empty()),
            event_name: self.event_name.clone(),
            event_source: self.event_source.clone(),
            user_name: self.user.clone(),
            resource_name: self.resource_name.clone(),
            resource_type: self.resource_type.clone(),
            access_key_id: self.access_key_id.clone(),
            event_id: self.event_id.clone(),
            read_only: self.read_only,
            error_code: self.error_code.clone(),
            denied: self.denied,
            source_ip: self.source_ip.clone(),
            region: self.region.clone(),
            category: self.category.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            ..SearchRequest::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: EventsArguments,
    }

    fn parse(line: &str) -> Result<EventsArguments, String> {
        let words = std::iter::once("events").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn every_filter_travels() {
        let line = "readOnly=false !x --event-name Put* --event-name Delete* --event-source iam --user ana --resource-name r \
            --resource-type T --access-key-id K --event-id E --read-only false --error-code any --denied \
            --source-ip ::1 --region eu-west-1 --category Data --since 90d --until 1h";
        let json = serde_json::to_value(parse(line).expect("arguments").search.request()).expect("json");
        assert_eq!(
            json,
            serde_json::json!({
                "query": "readOnly=false !x", "eventName": ["Put*", "Delete*"], "eventSource": "iam", "userName": "ana", "resourceName": "r",
                "resourceType": "T", "accessKeyId": "K", "eventId": "E", "readOnly": false, "errorCode": "any",
                "denied": true, "sourceIp": "::1", "region": "eu-west-1", "category": "Data", "since": "90d",
                "until": "1h",
            })
        );
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["--read-only", "--read-only yes", "--limit 0", "--follow --limit 5", "--follow --until 1h"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
