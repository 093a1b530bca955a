use std::collections::BTreeSet;
use std::convert::Infallible;

use futures::executor::block_on;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key(String);

impl Listed for Key {
    fn key(&self) -> &str {
        &self.0
    }

    fn successor(&self) -> Position {
        Position::after_key(&self.0)
    }
}

/// One page, read from an ordered set as the index is read; also how many rows were read.
fn page(keys: &BTreeSet<Vec<u8>>, query: &ListQuery) -> (Vec<String>, bool, usize) {
    let rows_read = std::cell::Cell::new(0);
    let read = |from: Position, below: Vec<u8>, limit: usize| {
        let rows: Vec<Key> = if from.key < below {
            let found = keys.range(from.key..below).take(limit);
            found.map(|key| Key(String::from_utf8(key.clone()).expect("keys are text"))).collect()
        } else {
            Vec::new()
        };
        rows_read.set(rows_read.get() + rows.len());
        std::future::ready(Ok::<_, Infallible>(rows))
    };
    let Ok(page) = block_on(query.page(None, read));
    let names = page.entries.into_iter().map(|entry| match entry {
        ListEntry::Item(Key(name)) | ListEntry::CommonPrefix(name) => name,
    });
    (names.collect(), page.is_truncated, rows_read.get())
}

/// What the definition says, without any cleverness: roll up every key, then drop what is not after the marker.
fn oracle(keys: &BTreeSet<Vec<u8>>, query: &ListQuery) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for key in keys {
        let key = String::from_utf8(key.clone()).expect("keys are text");
        let Some(behind) = key.strip_prefix(&query.prefix) else { continue };
        let after = query.after.as_deref().unwrap_or("");
        if query.after.is_some() && key.as_str() <= after {
            continue;
        }
        let found = query.delimiter.as_ref().and_then(|delimiter| Some((behind.find(delimiter.as_str())?, delimiter)));
        let name = match found {
            Some((at, delimiter)) => key[..query.prefix.len() + at + delimiter.len()].to_owned(),
            None => key.clone(),
        };
        let is_marker_itself = query.after.is_some() && name == after;
        if !is_marker_itself && names.last() != Some(&name) {
            names.push(name);
        }
    }
    names
}

fn key() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "/", "//", "0", "-", "é", "\u{7f}", "\u{10ffff}", "..", "A"]);
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

fn keys() -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    prop::collection::btree_set(key().prop_map(String::into_bytes), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pages_together_equal_the_oracle(
        keys in keys(),
        prefix in prop_oneof![Just(String::new()), key()],
        delimiter in prop::option::of(prop::sample::select(vec!["/", "a", "é", "//", "\u{10ffff}"])),
        after in prop::option::of(key()),
        entries_max in 1_usize..8,
    ) {
        let delimiter = delimiter.map(str::to_owned);
        let mut query = ListQuery { prefix, delimiter, after, entries_max };
        let expected = oracle(&keys, &query);
        let mut found = Vec::new();
        loop {
            let (names, is_truncated, _) = page(&keys, &query);
            prop_assert!(names.len() <= entries_max);
            prop_assert!(!is_truncated || names.len() == entries_max);
            found.extend(names);
            prop_assert_eq!(is_truncated, found.len() < expected.len());
            if !is_truncated {
                break;
            }
            query.after = found.last().cloned();
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn common_prefixes_do_not_read_what_is_under_them() {
    let keys: BTreeSet<Vec<u8>> = (0..20_000).map(|index| format!("{}/{index:05}", index % 4).into_bytes()).collect();
    let query = ListQuery { delimiter: Some("/".to_owned()), entries_max: 1000, ..ListQuery::default() };
    let (names, is_truncated, rows_read) = page(&keys, &query);
    assert_eq!(names, ["0/", "1/", "2/", "3/"]);
    assert!(!is_truncated);
    assert!(rows_read <= 5 * ROLL_UP_BATCH, "{rows_read} rows were read");
}

#[test]
fn nothing_is_asked_of_an_empty_page() {
    let keys = BTreeSet::from([b"a".to_vec()]);
    assert_eq!(page(&keys, &ListQuery::default()), (vec![], false, 0));
}
