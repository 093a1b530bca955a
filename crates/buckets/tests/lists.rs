//! Lists through the whole service.

mod site;

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use site::{Answer, Site};

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn decoded(names: Vec<String>) -> Vec<String> {
    names.iter().map(|name| percent_decode_str(name).decode_utf8().expect("text").into_owned()).collect()
}

/// Keys and common prefixes of a page, in order.
fn names(answer: &Answer) -> Vec<String> {
    let mut names = decoded(answer.elements("Key"));
    for piece in answer.text().split("<CommonPrefixes><Prefix>").skip(1) {
        let (prefix, _) = piece.split_once("</Prefix>").expect("an end");
        names.extend(decoded(vec![prefix.to_owned()]));
    }
    names.sort();
    names
}

#[tokio::test]
async fn pages_of_random_keys_are_whole_and_in_order() {
    let site = Site::with_bucket().await;
    let seed = rand::random();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let pieces = ["a", "b", "/", "+", " ", "é", "%", "&", "<", "\u{10ffff}", "\r", "\u{1}", "Z"];
    let mut keys = BTreeSet::new();
    while keys.len() < 150 {
        let length = random.random_range(1..6);
        let key: String = (0..length).map(|_| *pieces.choose(&mut random).expect("some")).collect();
        site.call("PUT", &format!("/bucket/{}", encode(&key)), &[], "x").await.expect(200);
        keys.insert(key);
    }
    for round in 0..30 {
        let prefix = if random.random_bool(0.5) { "" } else { *pieces.choose(&mut random).expect("some") };
        let delimiter = if random.random_bool(0.5) { "" } else { *pieces.choose(&mut random).expect("some") };
        let size = random.random_range(1..40);
        let mut expected: Vec<String> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let end = key[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty());
            let name = end.map_or(key.as_str(), |at| &key[..prefix.len() + at + delimiter.len()]);
            if expected.last().map(String::as_str) != Some(name) {
                expected.push(name.to_owned());
            }
        }
        let version = if round % 2 == 0 { "&list-type=2" } else { "" };
        let base = format!(
            "/bucket?encoding-type=url&max-keys={size}&prefix={}&delimiter={}{version}",
            encode(prefix),
            encode(delimiter)
        );
        let (mut found, mut target) = (Vec::new(), base.clone());
        loop {
            let page = site.call("GET", &target, &[], "").await.expect(200);
            let page_names = names(&page);
            assert!(page_names.len() <= size);
            found.extend(page_names);
            if page.element("IsTruncated") == "false" {
                break;
            }
            target = if round % 2 == 0 {
                assert_eq!(page.element("KeyCount"), size.to_string());
                format!("{base}&continuation-token={}", page.element("NextContinuationToken"))
            } else {
                let next = decoded(page.elements("NextMarker")).pop();
                format!("{base}&marker={}", encode(&next.unwrap_or_else(|| found.last().expect("some").clone())))
            };
        }
        assert_eq!(found, expected, "seed {seed}, prefix {prefix:?}, delimiter {delimiter:?}, pages of {size}");
    }
}

#[tokio::test]
async fn what_a_list_says() {
    let site = Site::with_bucket().await;
    for key in ["a", "b/1", "b/2", "c d"] {
        site.call("PUT", &format!("/bucket/{}", encode(key)), &[], "xy").await.expect(200);
    }
    let list = async |query: &str| site.call("GET", &format!("/bucket?{query}"), &[], "").await;
    let all = list("").await.expect(200);
    assert_eq!(all.elements("Key"), ["a", "b/1", "b/2", "c d"]);
    assert_eq!((all.element("Size"), all.element("StorageClass")), ("2".into(), "STANDARD".into()));
    assert_eq!((all.element("Name"), all.element("MaxKeys")), ("bucket".into(), "1000".into()));
    assert!(all.text().contains("<Owner>"));
    let second = list("list-type=2&start-after=b%2F1").await.expect(200);
    assert_eq!((second.elements("Key"), second.element("KeyCount")), (vec!["b/2".into(), "c d".into()], "2".into()));
    assert!(!second.text().contains("<Owner>"));
    assert!(list("list-type=2&fetch-owner=true").await.expect(200).text().contains("<Owner>"));
    let none = list("list-type=2&max-keys=0").await.expect(200);
    assert_eq!((none.element("KeyCount"), none.element("IsTruncated")), ("0".into(), "false".into()));
    assert_eq!(list("list-type=2&max-keys=5000").await.expect(200).element("MaxKeys"), "1000");
    list("list-type=2&max-keys=-1").await.expect_error(400, "InvalidArgument");
    list("list-type=2&continuation-token=%21").await.expect_error(400, "InvalidArgument");
    list("encoding-type=rot13").await.expect_error(400, "InvalidArgument");
    let marked = list("delimiter=%2F&max-keys=2").await.expect(200);
    assert_eq!((marked.element("NextMarker"), marked.element("IsTruncated")), ("b/".into(), "true".into()));
    assert_eq!(list("delimiter=%2F&marker=b%2F").await.expect(200).elements("Key"), ["c d"]);
    assert!(list("max-keys=2").await.expect(200).elements("NextMarker").is_empty(), "only with a delimiter");
}
