//! A queue of SQS that tells of new objects.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use access::RootKey;
use anyhow::{Context, bail};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Uri};
use import::notices::{Message, Notices};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::signed_client::{SignedCall, SignedClient};

/// Messages of one answer. Source: Amazon SQS API reference, ReceiveMessage.
const MESSAGES_MAX: usize = 10;
const REGION_DEFAULT: &str = "us-east-1";

/// A queue, by its URL.
pub(super) struct Queue {
    url: String,
    endpoint: String,
    region: String,
    key: RootKey,
    runtime: Handle,
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Queue {
    /// The service is where `AWS_ENDPOINT_URL_SQS` or `AWS_ENDPOINT_URL` say, else where the queue's URL says.
    pub(super) fn new(url: &str, key: RootKey, runtime: Handle) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("--queue {url} is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            bail!(
                "--queue {url}: expected the URL of a queue, such as https://sqs.us-east-1.amazonaws.com/123456789012/logs"
            );
        };
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("AWS_ENDPOINT_URL_SQS").or_else(|| variable("AWS_ENDPOINT_URL"));
        let of_host = authority.host().strip_prefix("sqs.").and_then(|rest| rest.split('.').next());
        let region = of_host.map(str::to_owned).or_else(|| variable("AWS_REGION"));
        Ok(Self {
            url: url.to_owned(),
            endpoint: endpoint.unwrap_or_else(|| format!("{scheme}://{authority}")),
            region: region.unwrap_or_else(|| REGION_DEFAULT.to_owned()),
            key,
            runtime,
        })
    }

    fn call(&self, operation: &str, mut members: Value) -> anyhow::Result<Value> {
        members["QueueUrl"] = self.url.as_str().into();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        headers.insert("x-amz-target", HeaderValue::from_str(&format!("AmazonSQS.{operation}")).context("a name")?);
        let call = SignedCall {
            service: "sqs",
            region: &self.region,
            method: Method::POST,
            path: "/",
            query: None,
            headers,
            body: members.to_string().into_bytes(),
        };
        let client = SignedClient::new(&self.endpoint, &self.key)?;
        let (status, body) = self.runtime.block_on(client.call(call))?;
        if !status.is_success() {
            bail!("SQS answers {status} to {operation}: {}", String::from_utf8_lossy(&body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).with_context(|| format!("the answer to {operation} is no JSON"))
    }
}

impl Notices for Queue {
    fn receive(&self, wait: Duration) -> Result<Vec<Message>, Box<dyn Error + Send + Sync>> {
        let members = json!({"MaxNumberOfMessages": MESSAGES_MAX, "WaitTimeSeconds": wait.as_secs().min(20)});
        let answer = self.call("ReceiveMessage", members)?;
        let messages = answer.get("Messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |message: &Value, name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = |message: &Value| {
            Some(Message { receipt: text(message, "ReceiptHandle")?, body: text(message, "Body").unwrap_or_default() })
        };
        Ok(messages.iter().filter_map(message).collect())
    }

    fn remove(&self, receipts: &[String]) -> Result<(), Box<dyn Error + Send + Sync>> {
        for receipts in receipts.chunks(MESSAGES_MAX) {
            let entries: Vec<Value> = (0..)
                .zip(receipts)
                .map(|(number, receipt): (u32, _)| json!({"Id": number.to_string(), "ReceiptHandle": receipt}))
                .collect();
            self.call("DeleteMessageBatch", json!({ "Entries": entries }))?;
        }
        Ok(())
    }
}
