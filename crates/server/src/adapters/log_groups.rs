//! The log groups of the upstream that has CloudWatch Logs.

use async_trait::async_trait;
use bytes::Bytes;
use control::LogGroupProblem;
use delivery::{LogEntry, LogGroupSink, PutError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::adapters::upstream_service::{JsonError, UpstreamService};

/// Version of the API of IAM.
const IAM_VERSION: &str = "2010-05-08";
/// Requests for one portion of entries: the stream may have to be made, and older servers want a token.
const ATTEMPTS: usize = 4;
/// Who takes the role.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// The log groups of the upstream that has CloudWatch Logs, and the roles of the one that has IAM.
pub(crate) struct LogGroups {
    pub(crate) logs: UpstreamService,
    pub(crate) iam: UpstreamService,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PutLogEvents<'a> {
    log_group_name: &'a str,
    log_stream_name: &'a str,
    log_events: Vec<InputLogEvent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_token: Option<String>,
}

#[derive(Serialize)]
struct InputLogEvent<'a> {
    /// Milliseconds since 1970.
    timestamp: i64,
    message: std::borrow::Cow<'a, str>,
}

/// Region and name of a log group.
fn parse(log_group_arn: &str) -> Option<(String, String)> {
    let arn = model::Arn::parse(log_group_arn).ok()?;
    let name = arn.resource().strip_prefix("log-group:")?.strip_suffix(":*")?;
    Some((arn.region().to_owned(), name.to_owned()))
}

fn body(request: &impl Serialize) -> Result<Bytes, PutError> {
    let failed = |error: serde_json::Error| PutError { code: "InternalFailure".to_owned(), message: error.to_string() };
    serde_json::to_vec(request).map(Bytes::from).map_err(failed)
}

impl LogGroups {
    /// See [`control::DestinationCheck::check_log_group`].
    pub(crate) async fn check(&self, log_group_arn: &str, role_arn: &str) -> Result<(), LogGroupProblem> {
        let Some((region, group)) = parse(log_group_arn).filter(|_| self.logs.caller.is_some()) else {
            return Err(LogGroupProblem::NoSuchGroup);
        };
        let question = Bytes::from(json!({ "logGroupNamePrefix": group }).to_string());
        match self.logs.json(&region, "Logs_20140328.DescribeLogGroups", question).await {
            Ok(answer) => {
                let groups = answer.get("logGroups").and_then(Value::as_array);
                let is_it = |found: &Value| found.get("logGroupName").and_then(Value::as_str) == Some(&group);
                // The shortest name comes first, so that it is on the first page.
                if !groups.is_some_and(|groups| groups.iter().any(is_it)) {
                    return Err(LogGroupProblem::NoSuchGroup);
                }
            }
            // The credentials of this installation may not ask; whether CloudTrail may write is seen at the first event.
            Err(JsonError::Refused { status: 401 | 403, .. }) => {}
            Err(JsonError::Refused { status: 400..500, code, .. }) if code != "AccessDeniedException" => {
                return Err(LogGroupProblem::NoSuchGroup);
            }
            Err(JsonError::Refused { status: 400..500, .. }) => {}
            Err(error) => return Err(LogGroupProblem::Unavailable(error.into())),
        }
        self.check_role(&region, role_arn).await
    }

    /// There is a role, and it trusts CloudTrail.
    async fn check_role(&self, region: &str, role_arn: &str) -> Result<(), LogGroupProblem> {
        let role = model::Arn::parse(role_arn).ok();
        let name = role.as_ref().and_then(|arn| arn.resource().strip_prefix("role/")?.rsplit('/').next());
        let Some(name) = name else { return Err(LogGroupProblem::RoleRefused) };
        if self.iam.caller.is_none() {
            return Ok(());
        }
        let parameters = [("Action", "GetRole"), ("Version", IAM_VERSION), ("RoleName", name)];
        let (status, body) = self.iam.query(region, &parameters).await.map_err(LogGroupProblem::Unavailable)?;
        match status {
            200..300 if String::from_utf8_lossy(&body).contains(CLOUDTRAIL) => Ok(()),
            // The credentials of this installation may not ask.
            401 | 403 => Ok(()),
            200..500 => Err(LogGroupProblem::RoleRefused),
            _ => Err(LogGroupProblem::Unavailable(format!("IAM answered with status {status}").into())),
        }
    }

    async fn make_stream(&self, region: &str, group: &str, stream: &str) -> Result<(), PutError> {
        let request = json!({ "logGroupName": group, "logStreamName": stream });
        match self.logs.json_without_output(region, "Logs_20140328.CreateLogStream", body(&request)?).await {
            Err(error) if !error.has_code("ResourceAlreadyExistsException") => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl LogGroupSink for LogGroups {
    async fn put_entries(&self, log_group_arn: &str, stream: &str, entries: &[LogEntry]) -> Result<(), PutError> {
        let Some((region, group)) = parse(log_group_arn) else {
            let message = format!("{log_group_arn} is not the ARN of a log group");
            return Err(PutError { code: "InvalidParameterException".to_owned(), message });
        };
        let event = |entry: &'_ LogEntry| InputLogEvent {
            timestamp: entry.time.as_micros().div_euclid(1000),
            message: String::from_utf8_lossy(&entry.message).into_owned().into(),
        };
        let mut request = PutLogEvents {
            log_group_name: &group,
            log_stream_name: stream,
            log_events: entries.iter().map(event).collect(),
            sequence_token: None,
        };
        for attempt in 1.. {
            let answer = self.logs.json(&region, "Logs_20140328.PutLogEvents", body(&request)?).await;
            let error = match answer {
                Ok(answer) => {
                    if let Some(rejected) = answer.get("rejectedLogEventsInfo").filter(|info| !is_empty(info)) {
                        tracing::warn!(%rejected, log_group = group, "a log group did not take all events: too old or too new");
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            if error.has_code("DataAlreadyAcceptedException") {
                return Ok(());
            }
            if attempt == ATTEMPTS {
                return Err(error.into());
            }
            match &error {
                JsonError::Refused { code, .. } if code == "ResourceNotFoundException" => {
                    self.make_stream(&region, &group, stream).await?;
                }
                JsonError::Refused { code, answer, .. } if code == "InvalidSequenceTokenException" => {
                    let expected = answer.get("expectedSequenceToken").and_then(Value::as_str);
                    request.sequence_token = expected.map(str::to_owned);
                }
                _ => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn is_empty(info: &Value) -> bool {
    info.as_object().is_none_or(serde_json::Map::is_empty)
}
