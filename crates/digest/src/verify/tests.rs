//! A chain of five digests with a log file each, and everything that can be done to it.

use super::*;
use crate::digest_file::{DigestParts, HASH_ALGORITHM, SignedDigest};
use crate::keys::SigningKey;
use crate::log_file::LogFile;

const HOUR_SECONDS: i64 = 3600;

struct Bucket {
    keys: PublicKeys,
    digests: BTreeMap<String, FoundDigest>,
    logs: BTreeMap<String, Vec<u8>>,
}

fn digest_key(number: i64) -> String {
    format!("d{number:04}.json.gz")
}

fn chain(key: &SigningKey, count: i64) -> Bucket {
    let mut bucket = Bucket { keys: PublicKeys::new(), digests: BTreeMap::new(), logs: BTreeMap::new() };
    bucket.keys.insert(key.fingerprint(), key.public_key());
    let mut previous: Option<[String; 4]> = None;
    for number in 0..count {
        let time = EventTime::from_seconds(number * HOUR_SECONDS);
        let mut log = LogFile::default();
        log.push(format!(r#"{{"n":{number}}}"#).as_bytes(), time);
        let log = log.finish().unwrap().unwrap();
        let log_key = format!("l{number}");
        let entry = LogFileEntry {
            s3_bucket: "logs".to_owned(),
            s3_object: log_key.clone(),
            hash_value: log.hash,
            hash_algorithm: HASH_ALGORITHM.to_owned(),
            newest_event_time: time.to_string(),
            oldest_event_time: time.to_string(),
        };
        bucket.logs.insert(log_key, log.packed);
        let at = digest_key(number);
        let parts = DigestParts {
            account: "111122223333",
            start: time,
            end: EventTime::from_seconds((number + 1) * HOUR_SECONDS),
            bucket: "logs",
            key: &at,
            previous: previous.as_ref().map(|texts| texts.each_ref().map(String::as_str)),
            log_files: vec![entry],
        };
        let signed = SignedDigest::new(parts, key).unwrap();
        let packed = SignedDigest::pack(&signed.text).unwrap();
        previous = Some(["logs".to_owned(), at.clone(), signed.hash, signed.signature.clone()]);
        bucket.digests.insert(at, FoundDigest { packed, signature: Some(signed.signature) });
    }
    bucket
}

/// Everything that is said of a bucket, one line each.
fn report(bucket: &Bucket) -> Vec<String> {
    let listed =
        bucket.digests.keys().enumerate().map(|(index, key)| (EventTime::from_seconds(index as i64), key.clone()));
    let mut check = ChainCheck::new(&bucket.keys, "logs", listed.collect(), EventTime::from_seconds(0));
    let mut lines = Vec::new();
    while let Some(place) = check.wanted().cloned() {
        for finding in check.take(bucket.digests.get(&place.key)) {
            match finding {
                Finding::Wrong(place, fault) => lines.push(format!("{} {fault}", place.key)),
                Finding::Gap { .. } => lines.push("gap".to_owned()),
                Finding::Unproved(place, _) => lines.push(format!("{} unproved", place.key)),
                Finding::Proved(_, digest) => {
                    lines.extend(digest.log_files.iter().filter_map(|entry| {
                        let fault =
                            check_log_file(entry, bucket.logs.get(&entry.s3_object).map(Vec::as_slice)).err()?;
                        Some(format!("{} {fault}", entry.s3_object))
                    }));
                }
            }
        }
    }
    lines
}

#[track_caller]
fn check(key: &SigningKey, tamper: impl FnOnce(&mut Bucket), expected: &[&str]) {
    let mut bucket = chain(key, 5);
    tamper(&mut bucket);
    let lines = report(&bucket);
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line} does not start with {expected}");
    }
}

#[test]
fn every_tampering_is_named() {
    let key = SigningKey::generate().unwrap();
    let other = SigningKey::generate().unwrap();
    check(&key, |_| {}, &[]);
    check(&key, |bucket| drop(bucket.logs.remove("l2")), &["l2 deleted"]);
    check(&key, |bucket| bucket.logs.get_mut("l2").unwrap().push(0), &["l2 changed: something was appended"]);
    check(&key, |bucket| bucket.logs.get_mut("l2").unwrap().truncate(9), &["l2 changed: it is not one gzip"]);
    let swap = |bucket: &mut Bucket| {
        let log = bucket.logs["l1"].clone();
        bucket.logs.insert("l2".to_owned(), log);
    };
    check(&key, swap, &["l2 changed: its content has the hash"]);
    check(&key, |bucket| drop(bucket.digests.remove(&digest_key(2))), &["d0002.json.gz deleted"]);
    let cut = |bucket: &mut Bucket| bucket.digests.get_mut(&digest_key(2)).unwrap().packed.truncate(20);
    check(&key, cut, &["d0002.json.gz it is not a digest file"]);
    let unsigned = |bucket: &mut Bucket| bucket.digests.get_mut(&digest_key(4)).unwrap().signature = None;
    check(&key, unsigned, &["d0004.json.gz unproved"]);
    let known_from_successor = |bucket: &mut Bucket| bucket.digests.get_mut(&digest_key(2)).unwrap().signature = None;
    check(&key, known_from_successor, &[]);
    let moved = |bucket: &mut Bucket| {
        let digest = bucket.digests[&digest_key(1)].clone();
        bucket.digests.insert(digest_key(2), digest);
    };
    check(&key, moved, &["d0002.json.gz it was moved from s3://logs/d0001.json.gz"]);
    let forged = |bucket: &mut Bucket| {
        let digest = chain(&other, 5).digests.remove(&digest_key(2)).unwrap();
        bucket.digests.insert(digest_key(2), digest);
    };
    check(&key, forged, &["d0002.json.gz it was signed with a key of the fingerprint"]);
    // The same key signs a digest with another content: only its successor tells.
    let signed_again = |bucket: &mut Bucket| {
        let start = EventTime::from_seconds(2 * HOUR_SECONDS);
        let at = digest_key(2);
        let parts = DigestParts {
            account: "111122223333",
            start,
            end: EventTime::from_seconds(3 * HOUR_SECONDS),
            bucket: "logs",
            key: &at,
            previous: None,
            log_files: Vec::new(),
        };
        let signed = SignedDigest::new(parts, &key).unwrap();
        let packed = SignedDigest::pack(&signed.text).unwrap();
        bucket.digests.insert(at, FoundDigest { packed, signature: Some(signed.signature) });
    };
    check(&key, signed_again, &["d0002.json.gz replaced"]);
    check(&key, |bucket| drop(bucket.digests.remove(&digest_key(0))), &["d0000.json.gz deleted"]);
}

#[test]
fn a_chain_that_begins_anew_leaves_a_gap() {
    let key = SigningKey::generate().unwrap();
    let mut bucket = chain(&key, 2);
    let at = digest_key(9);
    let parts = DigestParts {
        account: "111122223333",
        start: EventTime::from_seconds(9 * HOUR_SECONDS),
        end: EventTime::from_seconds(10 * HOUR_SECONDS),
        bucket: "logs",
        key: &at,
        previous: None,
        log_files: Vec::new(),
    };
    let signed = SignedDigest::new(parts, &key).unwrap();
    let packed = SignedDigest::pack(&signed.text).unwrap();
    bucket.digests.insert(at, FoundDigest { packed, signature: Some(signed.signature) });
    assert_eq!(report(&bucket), ["gap"]);
}
