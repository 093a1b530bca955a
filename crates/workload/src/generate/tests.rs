use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use model::{EventCategory, LookupIndex, Text};
use serde_json::Value;

use super::{Request, generate};
use crate::manifest::Manifest;
use crate::output::Format;

/// Monday, 23 November 2026, 14:00.
const UNTIL: i64 = 1_795_442_400;

fn request(folder: &Path) -> Request {
    Request {
        from: Vec::new(),
        events: 12_000,
        seed: 5,
        days: 10,
        until: UNTIL,
        accounts: 3,
        regions: 3,
        folder: folder.to_owned(),
        format: Format::LogFiles,
        gzip_level: 1,
        events_per_file: 900,
        duplicates: 0.0,
        threads: 3,
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn records(folder: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for (path, bytes) in files(folder) {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        let Some(Value::Array(records)) = file.get_mut("Records").map(Value::take) else { panic!("{path:?}") };
        // AWSLogs/ACCOUNT/CloudTrail/REGION/…
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        for record in &records {
            assert_eq!(record["recipientAccountId"], parts[1]);
            assert_eq!(record["awsRegion"], parts[3]);
        }
        all.extend(records);
    }
    all
}

/// Counts every value as lookups would, and compares with what the manifest says.
fn check_counts(manifest: &Manifest, records: &[Value]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<(&str, Text), (u64, u64)> = BTreeMap::new();
    let mut add = |attribute: &'static str, value: Option<Text>, is_lookup: bool| {
        if let Some(value) = value {
            let count = counts.entry((attribute, value)).or_default();
            count.0 += 1;
            count.1 += u64::from(is_lookup);
        }
    };
    for record in records {
        let index = LookupIndex::derive(record.to_string().as_bytes()).unwrap();
        let is_home = index.account.as_deref() == Some(&manifest.home.account)
            && index.region.as_deref() == Some(manifest.home.region);
        let is_lookup = is_home && index.category == EventCategory::Management;
        add("EventId", Some(index.event_id), is_lookup);
        add("EventName", Some(index.event_name), is_lookup);
        add("EventSource", Some(index.event_source), is_lookup);
        add("ReadOnly", index.read_only.map(|value| value.to_string().into()), is_lookup);
        add("Username", index.username, is_lookup);
        add("AccessKeyId", index.access_key_id, is_lookup);
        let names: HashSet<_> = index.resources.iter().map(|resource| resource.resource_name.clone()).collect();
        let types: HashSet<_> = index.resources.iter().filter_map(|resource| resource.resource_type.clone()).collect();
        for name in names {
            add("ResourceName", Some(name), is_lookup);
        }
        for resource_type in types {
            add("ResourceType", Some(resource_type), is_lookup);
        }
    }
    let mut checked = BTreeMap::new();
    for (attribute, values) in &manifest.values {
        for value in values.all() {
            let found = counts.get(&(*attribute, Text::new(&value.value))).copied();
            assert_eq!(found, Some((value.events, value.lookups)), "{attribute} {}", value.value);
            *checked.entry(*attribute).or_default() += 1;
        }
    }
    checked
}

#[test]
fn what_the_manifest_counts_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = generate(&request(folder.path())).unwrap();
    let records = records(folder.path());
    assert_eq!(records.len(), 12_000);
    let checked = check_counts(&manifest, &records);
    for attribute in ["EventId", "EventName", "EventSource", "ReadOnly", "Username", "AccessKeyId", "ResourceName"] {
        assert!(checked.get(attribute).copied().unwrap_or_default() > 1, "{attribute} has no values: {checked:?}");
    }
    let ids: HashSet<_> = records.iter().map(|record| record["eventID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), records.len());
    let errors = records.iter().filter(|record| record.get("errorCode").is_some()).count();
    assert!((300..1_200).contains(&errors), "{errors} errors");
}

#[test]
fn a_record_agrees_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    generate(&request(folder.path())).unwrap();
    let (mut users, mut roles, mut buckets) = (HashSet::new(), HashSet::new(), 0);
    for record in records(folder.path()) {
        let identity = &record["userIdentity"];
        let account = identity["accountId"].as_str().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match identity["type"].as_str().unwrap() {
            "IAMUser" => {
                let name = text(&identity["userName"]);
                assert_eq!(identity["arn"], format!("arn:aws:iam::{account}:user/{name}"));
                users.insert((name, text(&identity["principalId"])));
            }
            "AssumedRole" => {
                let issuer = &identity["sessionContext"]["sessionIssuer"];
                let (id, session) = identity["principalId"].as_str().unwrap().split_once(':').unwrap();
                assert_eq!(issuer["principalId"], id);
                let role = text(&issuer["userName"]);
                assert_eq!(identity["arn"], format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"));
                let start = text(&identity["sessionContext"]["attributes"]["creationDate"]);
                assert!(start <= text(&record["eventTime"]), "{record}");
                roles.insert((role, id.to_owned()));
            }
            _ => {}
        }
        if let Some(bucket) = record["requestParameters"]["bucketName"].as_str() {
            buckets += 1;
            let named = record["resources"].as_array().unwrap();
            assert!(named.iter().any(|resource| resource["ARN"] == format!("arn:aws:s3:::{bucket}")), "{record}");
            assert!(record["requestParameters"]["Host"].as_str().unwrap().starts_with(bucket), "{record}");
        }
        if let Some(request) = record["responseElements"]["requestId"].as_str() {
            assert_eq!(record["requestID"], request);
        }
    }
    assert!(users.len() > 100 && roles.len() > 100 && buckets > 100, "{} {} {buckets}", users.len(), roles.len());
    // A name has one id.
    assert_eq!(users.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), users.len());
    assert_eq!(roles.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), roles.len());
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let (one, three, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = generate(&Request { threads: 1, ..request(one.path()) }).unwrap();
    let second = generate(&request(three.path())).unwrap();
    assert_eq!(files(one.path()), files(three.path()));
    assert_eq!(serde_json::to_value(&first).unwrap(), serde_json::to_value(&second).unwrap());
    generate(&Request { seed: 6, ..request(other.path()) }).unwrap();
    assert_ne!(files(one.path()), files(other.path()));
}

#[test]
fn duplicates_are_whole_records_in_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = generate(&Request { duplicates: 0.2, ..request(folder.path()) }).unwrap();
    let records = records(folder.path());
    assert_eq!(records.len() as u64, manifest.records);
    assert!((14_000..14_800).contains(&manifest.records), "{}", manifest.records);
    let different: HashSet<_> = records.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 12_000);
}

/// Real records bring shapes that nobody invents.
#[test]
fn events_of_real_records_are_counted_rightly_too() {
    let Some(corpus) = std::env::var_os("OPENTRAIL_CORPUS") else {
        eprintln!("skipped: OPENTRAIL_CORPUS names no folder of records");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let from = vec![PathBuf::from(corpus).join("invictus.jsonl.zst")];
    let manifest = generate(&Request { from, ..request(folder.path()) }).unwrap();
    let checked = check_counts(&manifest, &records(folder.path()));
    assert!(checked.values().sum::<usize>() > 100, "{checked:?}");
}
