//! The default event buses of the upstream that has EventBridge.

use async_trait::async_trait;
use bytes::Bytes;
use delivery::{BusEvent, EventBusSink, PutError};
use serde_json::{Value, json};

use crate::adapters::upstream_service::UpstreamService;

/// The default event buses of the upstream that has EventBridge.
pub(crate) struct EventBuses(pub(crate) UpstreamService);

#[async_trait]
impl EventBusSink for EventBuses {
    async fn put_events(&self, region: &str, events: &[BusEvent]) -> Result<(), PutError> {
        let entry = |event: &BusEvent| {
            json!({
                "Source": event.source,
                "DetailType": event.detail_type,
                "Time": event.time.as_seconds(),
                "Resources": [],
                "Detail": String::from_utf8_lossy(&event.detail),
            })
        };
        let body = json!({ "Entries": events.iter().map(entry).collect::<Vec<_>>() });
        let answer = self.0.json(region, "AWSEvents.PutEvents", Bytes::from(body.to_string())).await?;
        let entries = answer.get("Entries").and_then(Value::as_array);
        let failed = entries.into_iter().flatten().find_map(|entry| Some((entry.get("ErrorCode")?.as_str()?, entry)));
        match failed {
            Some((code, entry)) => {
                let message = entry.get("ErrorMessage").and_then(Value::as_str).unwrap_or_default();
                Err(PutError { code: code.to_owned(), message: message.to_owned() })
            }
            None => Ok(()),
        }
    }
}
