//! The topics of the upstream that has SNS.

use std::collections::HashMap;

use access::bucket_policy::{PolicyDecision, PolicyRequest, decide};
use async_trait::async_trait;
use bytes::Bytes;
use control::TopicProblem;
use control::destinations::Cause;
use delivery::{PutError, TopicSink};

use crate::adapters::upstream_service::{UpstreamService, code_of};

/// Version of the API.
const VERSION: &str = "2010-03-31";
/// Who publishes.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// The topics of the upstream that has SNS.
#[derive(Clone)]
pub(crate) struct TrailTopics(pub(crate) UpstreamService);

impl TrailTopics {
    /// Asks SNS; status and body of its answer.
    async fn ask(&self, topic_arn: &str, parameters: &[(&str, &str)]) -> Result<(u16, Bytes), Cause> {
        let arn = model::Arn::parse(topic_arn)?;
        self.0.query(arn.region(), parameters).await
    }

    /// See [`control::DestinationCheck::check_topic`].
    pub(crate) async fn check(&self, topic_arn: &str, trail_arn: &str) -> Result<(), TopicProblem> {
        if self.0.caller.is_none() {
            return Err(TopicProblem::Refused);
        }
        let parameters = [("Action", "GetTopicAttributes"), ("Version", VERSION), ("TopicArn", topic_arn)];
        let (status, body) = self.ask(topic_arn, &parameters).await.map_err(TopicProblem::Unavailable)?;
        let text = String::from_utf8_lossy(&body);
        match status {
            200..300 if is_denied(&text, topic_arn, trail_arn) => Err(TopicProblem::Refused),
            200..300 => Ok(()),
            // The credentials of this installation may not ask; whether CloudTrail may publish is seen at the first file.
            401 | 403 if code_of(&text) != Some("NotFound") => Ok(()),
            400..500 => Err(TopicProblem::Refused),
            _ => Err(TopicProblem::Unavailable(format!("SNS answered with status {status}").into())),
        }
    }
}

/// Whether the policy among the attributes of a topic denies CloudTrail to publish for a trail.
fn is_denied(attributes: &str, topic_arn: &str, trail_arn: &str) -> bool {
    let policy = || {
        let (_, rest) = attributes.split_once("<key>Policy</key>")?;
        let (_, rest) = rest.split_once("<value>")?;
        let (value, _) = rest.split_once("</value>")?;
        quick_xml::escape::unescape(value).ok()
    };
    let account = model::Arn::parse(trail_arn).map(|arn| arn.account().to_owned()).unwrap_or_default();
    let context = HashMap::from([("aws:sourcearn", trail_arn.to_owned()), ("aws:sourceaccount", account)]);
    let request = PolicyRequest { service: CLOUDTRAIL, action: "SNS:Publish", resource: topic_arn, context: &context };
    policy().is_some_and(|policy| decide(&policy, &request) == PolicyDecision::Denied)
}

#[async_trait]
impl TopicSink for TrailTopics {
    async fn publish(&self, topic_arn: &str, message: String) -> Result<(), PutError> {
        let parameters = [("Action", "Publish"), ("Version", VERSION), ("TopicArn", topic_arn), ("Message", &message)];
        let answer = self.ask(topic_arn, &parameters).await;
        let (status, body) =
            answer.map_err(|error| PutError { code: "ServiceUnavailable".to_owned(), message: error.to_string() })?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let code = code_of(&text).map_or_else(|| status.to_string(), str::to_owned);
        Err(PutError { code, message: text })
    }
}
