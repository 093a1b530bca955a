//! A record taken apart, once, into what stays and what changes, so that an event costs no more than its bytes.
//!
//! What changes is found in two steps. First the record is asked what it is about: who called with which key from
//! where, which bucket and object and other resources it names, its ids and times. Then each of these texts is looked
//! for in every string of the record, wherever it stands, so that an event made from it agrees with itself: the user's
//! name in the ARN is the one in `userName`, the bucket in the host name the one among the resources.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use anyhow::{Context, Result};
use model::{EventCategory, LookupIndex};
use serde_json::Value;

use crate::json_strings::{StringValue, string_values};
use crate::population::{ResourceKind, generated_id, resource_kind};
use crate::shape::{Shape, UUID_BYTES, is_uuid};

/// Shorter texts are words of the language by chance.
const TEXT_BYTES_MIN: usize = 3;
/// Longer names are documents, not names.
const NAME_BYTES_MAX: usize = 200;
/// Words from this length on are encoded bytes: tokens, and reasons of refusals.
const TOKEN_BYTES_MIN: usize = 80;
/// Strings that say what kind of thing a record is, and stay.
const KEPT: &[&str] = &[
    "apiVersion",
    "cipherSuite",
    "errorCode",
    "eventCategory",
    "eventName",
    "eventSource",
    "eventType",
    "eventVersion",
    "instanceType",
    "tlsVersion",
    "type",
];
/// Strings that are random as a whole, whatever they look like.
const RANDOM: &[&str] = &["x-amz-id-2", "sharedEventID", "sessionToken", "clientToken", "nextToken", "encodedMessage"];
/// Services that exist once for the whole world and record in the first region.
const WORLD_WIDE: &[&str] =
    &["iam", "organizations", "route53", "cloudfront", "signin", "account", "support", "health"];

/// What stands where a text of the source record stood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    Account,
    Region,
    Time,
    SessionStart,
    UserName,
    UserId,
    UserKey,
    RoleName,
    RoleId,
    SessionName,
    SessionKey,
    Address,
    Agent,
    /// The key of an object in a bucket, with the ending of its name.
    ObjectKey(String),
    Resource {
        class: usize,
        /// The name alone finds the event.
        is_looked_up: bool,
    },
    EventId,
    Random(Shape),
}

/// Who calls in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    User,
    Role,
    /// The root user, a service, or one who is not known.
    Other,
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Range<usize>),
    Slot(usize),
}

/// A record that events are made from.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) weight: f64,
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) caller: Caller,
    pub(crate) facts: LookupIndex,
    /// The slot whose value is the name of the caller in lookups, if it changes.
    pub(crate) username_slot: Option<usize>,
    /// The slot whose value is the caller's key in lookups, if it changes.
    pub(crate) access_key_slot: Option<usize>,
    pub(crate) is_world_wide: bool,
}

impl Template {
    pub(crate) fn is_management(&self) -> bool {
        self.facts.category == EventCategory::Management
    }
}

/// The kinds of resources of all templates, by number.
#[derive(Debug, Default)]
pub(crate) struct ResourceClasses {
    pub(crate) kinds: Vec<ResourceKind>,
    numbers: HashMap<String, usize>,
}

impl ResourceClasses {
    fn number(&mut self, kind: ResourceKind, resource_type: &str) -> usize {
        let key = match &kind {
            // Generated ids are the same thing wherever they stand; given names only among their own.
            ResourceKind::Id { .. } | ResourceKind::Bucket | ResourceKind::Uuid => format!("{kind:?}"),
            ResourceKind::Name { .. } => format!("{kind:?} {resource_type}"),
        };
        let kinds = &mut self.kinds;
        *self.numbers.entry(key).or_insert_with(|| {
            kinds.push(match kind {
                // Names of different kinds of things differ.
                ResourceKind::Name { lead } => ResourceKind::Name { lead: format!("{lead}{}", short(resource_type)) },
                other => other,
            });
            kinds.len() - 1
        })
    }
}

/// `AWS::Lambda::Function` as the beginning of a name: `function-`.
fn short(resource_type: &str) -> String {
    match resource_type.rsplit("::").next() {
        Some(kind) if !kind.is_empty() => format!("{}-", kind.to_ascii_lowercase()),
        _ => "thing-".to_owned(),
    }
}

/// What is looked for in a record, and what stands there in events.
#[derive(Default)]
struct Replacements {
    found: Vec<(String, Slot)>,
}

impl Replacements {
    fn add(&mut self, text: &str, slot: Slot) {
        let known = self.found.iter().any(|(other, _)| other == text);
        // Text that is written with escapes stays: it would have to be escaped again.
        if text.len() >= TEXT_BYTES_MIN && !known && !text.contains(['"', '\\']) && text.bytes().all(|b| b >= b' ') {
            self.found.push((text.to_owned(), slot));
        }
    }

    fn add_value(&mut self, value: &Value, slot: Slot) {
        if let Some(text) = value.as_str() {
            self.add(text, slot);
        }
    }

    fn number_of(&self, text: Option<&str>) -> Option<usize> {
        let text = text?;
        self.found.iter().position(|(other, _)| other == text)
    }
}

/// Takes a record apart.
///
/// # Errors
/// Text that is no event record.
pub(crate) fn compile(weight: f64, text: String, classes: &mut ResourceClasses) -> Result<Template> {
    let facts = LookupIndex::derive(text.as_bytes())?;
    let record: Value = serde_json::from_str(&text).context("read the record")?;
    let values = string_values(&text);
    let mut replacements = Replacements::default();
    add_ids(&record, &text, &values, &mut replacements);
    let caller = add_caller(&record, &mut replacements);
    add_bucket(&record, &text, &values, &mut replacements, classes);
    add_resources(&facts, &mut replacements, classes);
    add_generated(&text, &values, &mut replacements, classes);
    for account in [&record["recipientAccountId"], &record["userIdentity"]["accountId"]] {
        replacements.add_value(account, Slot::Account);
    }
    replacements.add_value(&record["awsRegion"], Slot::Region);
    let is_service = facts.source_ip.as_deref().is_none_or(|address| address.parse::<IpAddr>().is_err());
    if !is_service {
        replacements.add_value(&record["sourceIPAddress"], Slot::Address);
        replacements.add_value(&record["userAgent"], Slot::Agent);
    }
    let username_slot = replacements.number_of(facts.username.as_deref());
    let access_key_slot = replacements.number_of(facts.access_key_id.as_deref());
    let pieces = cut(&text, &values, &replacements);
    let service = facts.event_source.split('.').next().unwrap_or_default();
    let is_world_wide = WORLD_WIDE.contains(&service);
    let slots = replacements.found.into_iter().map(|(_, slot)| slot).collect();
    Ok(Template { weight, pieces, slots, caller, username_slot, access_key_slot, is_world_wide, facts, text })
}

fn add_ids(record: &Value, text: &str, values: &[StringValue<'_>], replacements: &mut Replacements) {
    replacements.add_value(&record["eventTime"], Slot::Time);
    replacements.add_value(&record["eventID"], Slot::EventId);
    if let Some(request) = record["requestID"].as_str() {
        replacements.add(request, Slot::Random(Shape::of(request)));
    }
    for value in values.iter().filter(|value| RANDOM.contains(&value.name)) {
        // Tokens may end in escaped equal signs, which stay.
        let sample = text[value.range.clone()].split('\\').next().unwrap_or_default();
        replacements.add(sample, Slot::Random(Shape::of(sample)));
    }
}

fn add_caller(record: &Value, replacements: &mut Replacements) -> Caller {
    let identity = &record["userIdentity"];
    let session = &identity["sessionContext"];
    let key = |replacements: &mut Replacements| {
        let is_lasting = identity["accessKeyId"].as_str().is_some_and(|key| key.starts_with("AKIA"));
        replacements.add_value(&identity["accessKeyId"], if is_lasting { Slot::UserKey } else { Slot::SessionKey });
        replacements.add_value(&session["attributes"]["creationDate"], Slot::SessionStart);
    };
    match identity["type"].as_str() {
        Some("IAMUser") => {
            replacements.add_value(&identity["principalId"], Slot::UserId);
            key(replacements);
            replacements.add_value(&identity["userName"], Slot::UserName);
            Caller::User
        }
        Some("AssumedRole") => {
            let principal = identity["principalId"].as_str().unwrap_or_default();
            if let Some((role, name)) = principal.split_once(':') {
                replacements.add(role, Slot::RoleId);
                replacements.add(name, Slot::SessionName);
            }
            key(replacements);
            replacements.add_value(&session["sessionIssuer"]["userName"], Slot::RoleName);
            Caller::Role
        }
        _ => Caller::Other,
    }
}

fn add_bucket(
    record: &Value,
    text: &str,
    values: &[StringValue<'_>],
    replacements: &mut Replacements,
    classes: &mut ResourceClasses,
) {
    let mut bucket = |name: &str, replacements: &mut Replacements| {
        // It is looked up by name where `bucketName` has it, which is known only after the resources are.
        let class = classes.number(ResourceKind::Bucket, "");
        replacements.add(name, Slot::Resource { class, is_looked_up: false });
    };
    if let Some(name) = record["requestParameters"]["bucketName"].as_str() {
        bucket(name, replacements);
        if let Some(key) = record["requestParameters"]["key"].as_str() {
            replacements.add(key, Slot::ObjectKey(ending(key)));
        }
    }
    for value in values.iter().filter(|value| !value.name.is_empty()) {
        let Some(path) = text[value.range.clone()].strip_prefix("arn:aws:s3:::") else { continue };
        let (name, key) = path.split_once('/').unwrap_or((path, ""));
        if !name.contains('*') {
            bucket(name, replacements);
        }
        if key.len() > TEXT_BYTES_MIN && !key.contains('*') {
            replacements.add(key, Slot::ObjectKey(ending(key)));
        }
    }
}

/// The ending of an object's name, with its dot; at most eight letters.
fn ending(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or(key);
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 9 && name.is_ascii() => name[at..].to_owned(),
        _ => String::new(),
    }
}

fn add_resources(facts: &LookupIndex, replacements: &mut Replacements, classes: &mut ResourceClasses) {
    for resource in &facts.resources {
        let name = resource.resource_name.as_str();
        let known = replacements.found.iter_mut().find(|(text, _)| text == name);
        if let Some((_, slot)) = known {
            if let Slot::Resource { is_looked_up, .. } = slot {
                *is_looked_up = true;
            }
            continue;
        }
        // Policies of AWS itself are the same everywhere.
        if name.starts_with("arn:aws:iam::aws:") || name.len() > NAME_BYTES_MAX || name.contains("/*") {
            continue;
        }
        let last = if name.starts_with("arn:") { name.rsplit(['/', ':']).next().unwrap_or(name) } else { name };
        let is_name = last.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./@+=".contains(&byte));
        let is_account = last.len() == 12 && last.bytes().all(|byte| byte.is_ascii_digit());
        if last.len() <= TEXT_BYTES_MIN || !is_name || is_account || last.starts_with("http") {
            continue;
        }
        if is_unique_id(last) {
            replacements.add(last, Slot::Random(Shape::of_unique_id(last)));
            continue;
        }
        let resource_type = resource.resource_type.as_deref().unwrap_or_default();
        let class = classes.number(resource_kind(last), resource_type);
        replacements.add(last, Slot::Resource { class, is_looked_up: last == name });
    }
}

/// Ids that tell by their form what they are, wherever they stand.
fn add_generated(
    text: &str,
    values: &[StringValue<'_>],
    replacements: &mut Replacements,
    classes: &mut ResourceClasses,
) {
    for value in values.iter().filter(|value| !KEPT.contains(&value.name)) {
        let string = &text[value.range.clone()];
        for token in string.split(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_')) {
            if token.len() >= TOKEN_BYTES_MIN && is_mixed(token) {
                replacements.add(token, Slot::Random(Shape::of(token)));
            }
        }
        for token in string.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-') {
            if is_uuid(token.as_bytes()) {
                replacements.add(token, Slot::Random(Shape::Uuid));
            } else if token.len() > UUID_BYTES && is_uuid(&token.as_bytes()[..UUID_BYTES]) {
                replacements.add(&token[..UUID_BYTES], Slot::Random(Shape::Uuid));
            } else if generated_id(token).is_some() {
                let class = classes.number(resource_kind(token), "");
                replacements.add(token, Slot::Resource { class, is_looked_up: false });
            } else if is_unique_id(token) {
                replacements.add(token, Slot::Random(Shape::of_unique_id(token)));
            }
        }
    }
}

/// Letters of both cases and digits, as encoded bytes have and names of this length have not.
fn is_mixed(token: &str) -> bool {
    let has = |test: fn(&u8) -> bool| token.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// Access keys and unique ids of principals: `AKIA`, `ASIA`, `AIDA`, `AROA` and their kin.
fn is_unique_id(token: &str) -> bool {
    (16..=24).contains(&token.len())
        && token.starts_with('A')
        && token[1..].starts_with(['K', 'S', 'I', 'R', 'N', 'G'])
        && token.as_bytes()[2..4].iter().all(u8::is_ascii_uppercase)
        && token.as_bytes()[3] == b'A'
        && token.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Cuts the text at every occurrence of what is replaced.
fn cut(text: &str, values: &[StringValue<'_>], replacements: &Replacements) -> Vec<Piece> {
    let mut order: Vec<usize> = (0..replacements.found.len()).collect();
    order.sort_by_key(|&number| std::cmp::Reverse(replacements.found[number].0.len()));
    let mut pieces = Vec::new();
    let mut done = 0;
    for value in values.iter().filter(|value| !KEPT.contains(&value.name)) {
        let mut at = value.range.start;
        while at < value.range.end {
            let found = order.iter().find(|&&number| {
                let (old, slot) = &replacements.found[number];
                stands_at(text, &value.range, at, old, slot, value)
            });
            match found {
                Some(&number) => {
                    if done < at {
                        pieces.push(Piece::Text(done..at));
                    }
                    pieces.push(Piece::Slot(number));
                    at += replacements.found[number].0.len();
                    done = at;
                }
                None => at += 1,
            }
        }
    }
    if done < text.len() {
        pieces.push(Piece::Text(done..text.len()));
    }
    pieces
}

/// Whether the old text stands there as a word of its own.
fn stands_at(text: &str, string: &Range<usize>, at: usize, old: &str, slot: &Slot, value: &StringValue<'_>) -> bool {
    let bytes = text.as_bytes();
    let end = at + old.len();
    if end > string.end || bytes[at..end] != *old.as_bytes() {
        return false;
    }
    // Programs have their names in one place; elsewhere the same text means something else.
    if *slot == Slot::Agent {
        return value.name == "userAgent" && value.depth == 1 && *string == (at..end);
    }
    let begins = at == string.start || !bytes[at - 1].is_ascii_alphanumeric();
    let is_end = |at: usize| at == string.end || !bytes[at].is_ascii_alphanumeric();
    // The letter of an availability zone belongs to its region.
    begins && (is_end(end) || (*slot == Slot::Region && bytes[end].is_ascii_lowercase() && is_end(end + 1)))
}

#[cfg(test)]
mod tests;
