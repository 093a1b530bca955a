//! What is around a record, where anything is: EventBridge's envelope, an entry of LookupEvents, a message of CloudWatch
//! Logs, a row of an event data store.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Envelopes in envelopes: an EventBridge event as a message of CloudWatch Logs has two.
const ENVELOPES_MAX: usize = 3;

/// How the key of an envelope holds its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    AsObject,
    /// As the text of a string.
    AsText,
}

/// Keys whose value is the record, and where they occur.
const ENVELOPE_KEYS: &[(&[u8], Held)] = &[
    // EventBridge: the event's `detail`.
    (b"detail", Held::AsObject),
    // LookupEvents: each of `Events`.
    (b"CloudTrailEvent", Held::AsText),
    // CloudWatch Logs: FilterLogEvents, GetLogEvents, subscriptions, exports through a stream.
    (b"message", Held::AsText),
    // Event data stores: the column with the record, as the schema writes it and as results do.
    (b"eventJson", Held::AsText),
    (b"eventjson", Held::AsText),
];
/// Keys that only a record has: what follows need not be looked at.
const RECORD_KEYS: &[&[u8]] = &[b"eventVersion", b"eventID", b"eventTime", b"userIdentity", b"eventName"];
/// A key that every digest file has, and nothing else.
const DIGEST_KEY: &[u8] = b"digestPublicKeyFingerprint";
/// How CloudTrail's own records begin: the quick way out.
const USUAL_BEGINNING: &[u8] = b"{\"eventVersion\"";

/// What an object turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A record, or what else nobody here knows: the destination will say.
    Record(Cow<'a, [u8]>),
    /// A digest file: its signatures are of no use for history.
    Digest,
}

/// Whether bytes begin like a record in no envelope.
pub(crate) fn is_usual_beginning(bytes: &[u8]) -> bool {
    bytes.starts_with(USUAL_BEGINNING)
}

/// Takes a record out of its envelopes.
pub(crate) fn open(object: &[u8]) -> Content<'_> {
    let mut content = Cow::Borrowed(object);
    for _ in 0..ENVELOPES_MAX {
        if content.starts_with(USUAL_BEGINNING) {
            break;
        }
        match look(&content) {
            Look::Record => break,
            Look::Digest => return Content::Digest,
            Look::Inside(start, end) => {
                content = match content {
                    Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..end]),
                    Cow::Owned(bytes) => Cow::Owned(bytes[start..end].to_vec()),
                };
            }
            Look::Text(text) => content = Cow::Owned(text.into_bytes()),
        }
    }
    Content::Record(content)
}

enum Look {
    Record,
    Digest,
    Inside(usize, usize),
    Text(String),
}

fn look(object: &[u8]) -> Look {
    for Member { key, start, end } in Members::of(object) {
        let (key, value) = (&object[key.0..key.1], &object[start..end]);
        if RECORD_KEYS.contains(&key) {
            return Look::Record;
        }
        if key == DIGEST_KEY {
            return Look::Digest;
        }
        let Some((_, held)) = ENVELOPE_KEYS.iter().find(|(known, _)| *known == key) else { continue };
        match held {
            Held::AsObject if value.starts_with(b"{") => return Look::Inside(start, end),
            Held::AsText if value.starts_with(b"\"") => {
                if let Ok(text) = serde_json::from_slice::<String>(value)
                    && text.trim_ascii_start().starts_with('{')
                {
                    return Look::Text(text);
                }
            }
            Held::AsObject | Held::AsText => {}
        }
    }
    Look::Record
}

/// One member of an object, as places in its bytes: the key without quotes, the value.
#[derive(Debug)]
struct Member {
    key: (usize, usize),
    start: usize,
    end: usize,
}

/// The members of an object, as far as it is sound.
struct Members<'a> {
    object: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    fn of(object: &'a [u8]) -> Self {
        let at = memchr(b'{', object).map_or(object.len(), |brace| brace + 1);
        Self { object, at }
    }

    fn next_significant(&self, from: usize) -> Option<usize> {
        let found = self.object.get(from..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some(from + found)
    }

    /// Behind the string that begins at `from`.
    fn end_of_string(&self, from: usize) -> Option<usize> {
        let mut at = from + 1;
        loop {
            at += memchr2(b'"', b'\\', self.object.get(at..)?)?;
            if self.object[at] == b'"' {
                return Some(at + 1);
            }
            at += 2;
        }
    }

    /// Behind the value that begins at `from`.
    fn end_of_value(&self, from: usize) -> Option<usize> {
        let (mut at, mut depth) = (from, 0_u32);
        loop {
            match *self.object.get(at)? {
                b'"' => at = self.end_of_string(at)?,
                b'{' | b'[' => {
                    depth += 1;
                    at += 1;
                    continue;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    at += 1;
                }
                b',' | b'}' | b']' if depth == 0 => return Some(at),
                _ => {
                    at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let mut key = self.next_significant(self.at)?;
        if self.object[key] == b',' {
            key = self.next_significant(key + 1)?;
        }
        if self.object[key] != b'"' {
            return None;
        }
        let key_end = self.end_of_string(key)?;
        let colon = self.next_significant(key_end)?;
        if self.object[colon] != b':' {
            return None;
        }
        let start = self.next_significant(colon + 1)?;
        let end = self.end_of_value(start)?;
        self.at = end;
        Some(Member { key: (key + 1, key_end - 1), start, end })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(object: &str, record: &str) {
        assert_eq!(open(object.as_bytes()), Content::Record(Cow::Borrowed(record.as_bytes())));
    }

    #[test]
    fn records_are_taken_out_of_their_envelopes() {
        let record = r#"{"eventVersion":"1.08","eventName":"x","p":{"detail":{"q":"}\"]"}}}"#;
        check(record, record);
        check(&format!("{{ \"version\":\"0\" , \"resources\":[1,{{}}], \"detail\" : {record} , \"z\":1 }}"), record);
        let lookup = json!({"EventId": "1", "Resources": [{"a": "]"}], "CloudTrailEvent": record}).to_string();
        check(&lookup, record);
        check(&serde_json::to_string_pretty(&json!({"EventId": "1", "CloudTrailEvent": record})).unwrap(), record);
        let bridge = format!(r#"{{"detail-type":"x","detail":{record}}}"#);
        check(&json!({"id": "1", "timestamp": 5, "message": bridge}).to_string(), record);
        check(&json!({"eventid": "1", "eventjson": record}).to_string(), record);
    }

    #[test]
    fn a_record_is_no_envelope() {
        for record in [
            r#"{"awsRegion":"x","eventID":"1","message":"{\"a\":1}"}"#,
            r#"{"additionalEventData":{"detail":{"a":1}},"eventTime":"x","detail":{}}"#,
            r#"{"message":"no record"}"#,
            r#"{"message":7,"detail":"x"}"#,
            r#"{}"#,
            r#"{"a"}"#,
            r#"{"a":"#,
            r#"{"a":"x"#,
        ] {
            check(record, record);
        }
    }

    #[test]
    fn digests_are_told_by_content() {
        assert_eq!(open(br#"{"awsAccountId":"1","digestPublicKeyFingerprint":"x"}"#), Content::Digest);
    }
}
