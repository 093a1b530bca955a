//! A downloaded folder of two digests, and what is done to it.

use std::path::PathBuf;

use digest::{DigestParts, LogFile, LogKind, Root, SignedDigest, SigningKey};
use model::{AccountId, Region};

use super::*;
use crate::source::FolderSource;

const START_SECONDS: i64 = 1_740_830_400;
const HOUR_SECONDS: i64 = 3600;

struct Downloaded {
    folder: tempfile::TempDir,
    keys: PublicKeys,
    logs: Vec<PathBuf>,
    digests: Vec<PathBuf>,
    signatures: Vec<String>,
}

/// Downloaded without the prefix of the bucket's keys.
fn downloaded(count: i64) -> Downloaded {
    let key = SigningKey::generate().unwrap();
    let mut made = Downloaded {
        folder: tempfile::tempdir().unwrap(),
        keys: PublicKeys::from([(key.fingerprint(), key.public_key())]),
        logs: Vec::new(),
        digests: Vec::new(),
        signatures: Vec::new(),
    };
    let (account, region) = (AccountId::parse("111122223333").unwrap(), Region::parse("eu-west-1").unwrap());
    let root = Root { prefix: Some("audit"), organization_id: None, account };
    let write = |key: &str, bytes: &[u8]| {
        let path = made.folder.path().join(key.strip_prefix("audit/").unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut previous: Option<[String; 4]> = None;
    for number in 0..count {
        let start = EventTime::from_seconds(START_SECONDS + number * HOUR_SECONDS);
        let end = EventTime::from_seconds(START_SECONDS + (number + 1) * HOUR_SECONDS);
        let mut log = LogFile::default();
        log.push(format!(r#"{{"n":{number}}}"#).as_bytes(), start);
        let log = log.finish().unwrap().unwrap();
        let log_key = root.log_file(
            LogKind::Events,
            &region,
            EventTime::from_seconds(start.as_seconds() + 300),
            "AbCdEfGh12345678",
        );
        made.logs.push(write(&log_key, &log.packed));
        let entry = LogFileEntry {
            s3_bucket: "logs".to_owned(),
            s3_object: log_key,
            hash_value: log.hash,
            hash_algorithm: "SHA-256".to_owned(),
            newest_event_time: start.to_string(),
            oldest_event_time: start.to_string(),
        };
        let at = root.digest_file(&region, "main", &region, end);
        let parts = DigestParts {
            account: "111122223333",
            start,
            end,
            bucket: "logs",
            key: &at,
            previous: previous.as_ref().map(|texts| texts.each_ref().map(String::as_str)),
            log_files: vec![entry],
        };
        let signed = SignedDigest::new(parts, &key).unwrap();
        made.digests.push(write(&at, &SignedDigest::pack(&signed.text).unwrap()));
        made.signatures.push(signed.signature.clone());
        previous = Some(["logs".to_owned(), at, signed.hash, signed.signature]);
    }
    made
}

async fn report(made: &Downloaded, last_delivery: Option<EventTime>) -> Report {
    report_beside(made, last_delivery, &[]).await
}

/// The report where some trails deliver to the same folders without digests.
async fn report_beside(made: &Downloaded, last_delivery: Option<EventTime>, without_digests: &[&str]) -> Report {
    let source = Arc::new(FolderSource::open(made.folder.path()).unwrap());
    let scope = Scope {
        trail_name: None,
        home_region: None,
        start: EventTime::from_seconds(0),
        end: EventTime::from_seconds(START_SECONDS * 2),
        last_delivery,
        trails_without_digests: without_digests.iter().map(|arn| (*arn).to_owned()).collect(),
        workers: 4,
    };
    let listing = Listing::read(&*source, "").await.unwrap();
    assert_eq!(listing.regions(), BTreeSet::from(["eu-west-1"]));
    validate(source, listing, Arc::new(made.keys.clone()), &scope, &Progress::default()).await.unwrap()
}

fn problems(report: &Report) -> Vec<&str> {
    report.faults.iter().map(|fault| &*fault.problem).collect()
}

#[tokio::test]
async fn a_downloaded_folder_proves_itself_but_for_its_newest_digest() {
    let made = downloaded(3);
    let found = report(&made, None).await;
    assert_eq!((found.valid_digests, found.unproved_digests.len(), found.valid_logs), (2, 1, 3));
    assert!(found.is_clean());
    let beside = format!("{}.signature", made.digests[2].display());
    std::fs::write(beside, &made.signatures[2]).unwrap();
    let found = report(&made, None).await;
    assert_eq!((found.valid_digests, found.unproved_digests.len(), found.valid_logs), (3, 0, 3));
}

#[tokio::test]
async fn what_was_changed_deleted_or_added_is_said() {
    let made = downloaded(3);
    std::fs::remove_file(&made.logs[0]).unwrap();
    std::fs::copy(&made.logs[2], &made.logs[1]).unwrap();
    let added = made.logs[1].to_str().unwrap().replace("AbCdEfGh", "Zzzzzzzz");
    std::fs::copy(&made.logs[1], added).unwrap();
    let found = report(&made, None).await;
    let said = problems(&found);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].starts_with("changed: its content has the hash"), "{said:#?}");
    assert!(said[1].starts_with("deleted"), "{said:#?}");
    assert!(said[2].starts_with("added"), "{said:#?}");
    assert!(!found.is_clean());
    // Somebody else may have delivered it: that is said, and nothing else is spared.
    let found = report_beside(&made, None, &["another trail"]).await;
    assert_eq!((problems(&found).len(), found.trails_without_digests.len()), (2, 1));
    assert!(found.text().contains("Added log files were not looked for: another trail delivers here too"));
}

#[tokio::test]
async fn a_digest_that_the_chain_leads_past_is_said() {
    let made = downloaded(4);
    // The first hour's digest again, under a time between the second and the third: nobody signed that it belongs there.
    let between = made.digests[1].to_str().unwrap().replace("0000Z.json.gz", "3000Z.json.gz");
    std::fs::copy(&made.digests[0], between).unwrap();
    let found = report(&made, None).await;
    let said = problems(&found);
    assert!(said.len() == 1 && said[0].starts_with("added"), "{said:#?}");
    assert_eq!((found.valid_digests, found.valid_logs), (3, 4));
}

#[tokio::test]
async fn a_removed_end_is_known_by_the_time_of_the_last_delivery() {
    let made = downloaded(4);
    let delivered = Some(EventTime::from_seconds(START_SECONDS + 4 * HOUR_SECONDS + 2));
    std::fs::write(format!("{}.signature", made.digests[3].display()), &made.signatures[3]).unwrap();
    assert!(report(&made, delivered).await.is_clean());
    for number in 3..4 {
        std::fs::remove_file(&made.digests[number]).unwrap();
    }
    let found = report(&made, delivered).await;
    assert!(problems(&found)[0].starts_with("the end of the chain was removed"), "{found:#?}");
}
