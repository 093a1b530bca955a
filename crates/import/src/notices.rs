//! Messages that tell of new objects: notifications of S3, also through SNS and EventBridge, and CloudTrail's own.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Where messages come from.
pub trait Notices: Debug + Send + Sync {
    /// Takes messages, waiting for some time at most where there are none.
    ///
    /// # Errors
    /// They cannot be had now; they are asked for again.
    fn receive(&self, wait: Duration) -> Result<Vec<Message>, Box<dyn Error + Send + Sync>>;

    /// Removes messages; those that are not removed come again.
    ///
    /// # Errors
    /// They stay, and come again.
    fn remove(&self, receipts: &[String]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is removed with.
    pub receipt: String,
    /// Its text.
    pub body: String,
}

/// An object that a message tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticedObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// The objects that a message says were made: none for one that tells of something else, such as the test message that
/// S3 begins with. `None` if it is no such message at all.
pub fn objects_of(body: &str) -> Option<Vec<NoticedObject>> {
    let message: Value = serde_json::from_str(body).ok()?;
    // SNS puts the text of a message into one of its own.
    let wrapped = message.get("Message").and_then(Value::as_str);
    let inner = wrapped.and_then(|text| serde_json::from_str::<Value>(text).ok());
    objects_in(inner.as_ref().unwrap_or(&message))
}

fn objects_in(message: &Value) -> Option<Vec<NoticedObject>> {
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if let Some(records) = message.get("Records").and_then(Value::as_array) {
        let object = |record: &Value| {
            let event = text(record, "/eventName")?;
            let (bucket, key) = (text(record, "/s3/bucket/name")?, text(record, "/s3/object/key")?);
            event.contains("ObjectCreated:").then(|| NoticedObject { bucket, key: decoded(&key) })
        };
        return Some(records.iter().filter_map(object).collect());
    }
    if let Some((bucket, keys)) = text(message, "/s3Bucket").zip(message.get("s3ObjectKey").and_then(Value::as_array)) {
        let keys = keys.iter().filter_map(Value::as_str);
        return Some(keys.map(|key| NoticedObject { bucket: bucket.clone(), key: key.to_owned() }).collect());
    }
    if text(message, "/Event").as_deref() == Some("s3:TestEvent") {
        return Some(Vec::new());
    }
    let kind = text(message, "/detail-type").filter(|kind| kind.starts_with("Object "))?;
    let object = text(message, "/detail/bucket/name").zip(text(message, "/detail/object/key"));
    let object = object.filter(|_| kind == "Object Created");
    Some(object.map(|(bucket, key)| NoticedObject { bucket, key }).into_iter().collect())
}

/// S3 writes keys into its messages as forms are written.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(message: &Value, keys: Option<&[&str]>) {
        let plain = message.to_string();
        let wrapped = json!({"Type": "Notification", "Message": plain}).to_string();
        for body in [plain, wrapped] {
            let found = objects_of(&body);
            let found = found.as_ref().map(|found| found.iter().map(|object| &*object.key).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), keys, "{body}");
        }
    }

    #[test]
    fn messages_of_every_kind_are_read() {
        let s3 = |event: &str, key: &str| json!({"eventName": event, "s3": {"bucket": {"name": "b"}, "object": {"key": key}}});
        let records = json!({"Records": [
            s3("ObjectCreated:Put", "AWSLogs/a+b%2Bc.gz"),
            s3("s3:ObjectCreated:CompleteMultipartUpload", "d"),
            s3("ObjectRemoved:Delete", "e"),
        ]});
        check(&records, Some(&["AWSLogs/a b+c.gz", "d"]));
        check(&json!({"s3Bucket": "b", "s3ObjectKey": ["x+y", "z"]}), Some(&["x+y", "z"]));
        let bridge =
            |kind: &str| json!({"detail-type": kind, "detail": {"bucket": {"name": "b"}, "object": {"key": "k+"}}});
        check(&bridge("Object Created"), Some(&["k+"]));
        check(&bridge("Object Deleted"), Some(&[]));
        check(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}), Some(&[]));
        check(&json!({"hello": "world"}), None);
        assert_eq!(objects_of("no JSON"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(body: String, key in "[ -~]{0,20}") {
            let _ = objects_of(&body);
            let message = json!({"s3Bucket": "b", "s3ObjectKey": [key]}).to_string();
            prop_assert_eq!(objects_of(&message), Some(vec![NoticedObject { bucket: "b".to_owned(), key }]));
        }
    }
}
