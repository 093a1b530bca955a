//! Records come back byte for byte, and are found by what they are found by.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test may panic, a skipped one says so")]

#[path = "round_trip/invented_records.rs"]
mod invented_records;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::LookupIndex;
use proptest::prelude::*;
use segment::{
    Builder, Fact, FoundRow, IndexTest, ReadAt, RecordReader, Refusal, Segment, SegmentError, Sequences, SharedPart,
    Wanted, cache,
};

use invented_records::{caller_records, digit_records, framed_records, sample_records, token_records};

fn segment_of(records: &[Vec<u8>]) -> (Segment, Vec<Vec<u8>>) {
    let mut builder = Builder::default();
    let mut taken = Vec::new();
    for (number, record) in (1..).zip(records) {
        let is_event = LookupIndex::derive(record).is_ok();
        let pushed = push(&mut builder, record, number);
        assert_eq!(pushed.is_ok(), is_event, "{:?}: {}", pushed, String::from_utf8_lossy(record));
        if is_event {
            taken.push(record.clone());
        }
    }
    let (bytes, summary) = builder.finish(Sequences::Given).unwrap().expect("records");
    assert_eq!(summary.event_count as usize, taken.len());
    (Segment::open(1, Box::new(bytes), cache(1 << 20)).unwrap(), taken)
}

fn push(builder: &mut Builder, record: &[u8], sequence: u64) -> Result<(), Refusal> {
    builder.push(RecordReader::default().read(record)?, sequence)
}

fn compact(record: &[u8]) -> Vec<u8> {
    let mut compact = Vec::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in record {
        if !in_string && byte.is_ascii_whitespace() {
            continue;
        }
        compact.push(byte);
        if is_escaped {
            is_escaped = false;
        } else if byte == b'\\' {
            is_escaped = in_string;
        } else if byte == b'"' {
            in_string = !in_string;
        }
    }
    compact
}

fn all(segment: &Segment, facts: &[Fact<'_>], is_descending: bool) -> Vec<FoundRow> {
    visit(segment, facts, &[], is_descending)
}

fn visit(segment: &Segment, facts: &[Fact<'_>], texts: &[&str], is_descending: bool) -> Vec<FoundRow> {
    let mut found = Vec::new();
    let everything = ((i64::MIN, 0), (i64::MAX, u64::MAX));
    let mut rows = segment.rows(&Wanted { facts, texts, ..Wanted::default() }).unwrap();
    rows.visit::<SegmentError>(is_descending, everything, |row| {
        found.push(row);
        Ok(true)
    })
    .unwrap();
    found
}

/// Records read a few at a time, which unpacks no block as a whole, and all at once.
fn read_both_ways(segment: &Segment, numbers: &[u32]) -> Vec<Vec<u8>> {
    let step = numbers.len().div_ceil(400).max(1);
    let groups: Vec<Vec<u32>> = (0..numbers.len())
        .step_by(step)
        .map(|at| match at / step % 3 {
            0 => vec![numbers[at]],
            // Neighbours, in another order, and one of them twice.
            1 => vec![numbers[at], numbers[at - 1], numbers[at]],
            _ => numbers[at..].iter().step_by(11).take(5).copied().collect(),
        })
        .collect();
    let few: Vec<Vec<Vec<u8>>> = groups.iter().map(|group| segment.records(group).unwrap()).collect();
    let records = segment.records(numbers).unwrap();
    let place = |number: u32| numbers.iter().position(|other| *other == number).unwrap();
    for (group, few) in groups.iter().zip(few) {
        let expected: Vec<&Vec<u8>> = group.iter().map(|number| &records[place(*number)]).collect();
        assert_eq!(few.iter().collect::<Vec<_>>(), expected, "{group:?}");
    }
    records
}

fn check(records: &[Vec<u8>]) {
    let (segment, taken) = segment_of(records);
    let rows = all(&segment, &[], false);
    assert_eq!(rows.len(), taken.len());
    assert!(rows.is_sorted_by_key(|row| (row.seconds, row.sequence)));
    let numbers: Vec<u32> = rows.iter().map(|row| row.row).collect();
    let texts: BTreeMap<u64, Vec<u8>> =
        rows.iter().map(|row| row.sequence).zip(read_both_ways(&segment, &numbers)).collect();
    let expected: Vec<(u64, &Vec<u8>)> =
        (1..).zip(records).filter(|(_, record)| LookupIndex::derive(record).is_ok()).collect();
    for (sequence, record) in &expected {
        let (there, here) = (compact(record), &texts[sequence]);
        assert_eq!(String::from_utf8_lossy(&there), String::from_utf8_lossy(here));
    }
    // Every fact of every record leads to it.
    for (sequence, record) in expected.iter().step_by(expected.len().div_ceil(60)) {
        let index = LookupIndex::derive(record).unwrap();
        let mut facts = vec![
            Fact::EventId(&index.event_id),
            Fact::EventName(&index.event_name),
            Fact::EventSource(&index.event_source),
            Fact::Category(index.category.as_str()),
        ];
        facts.extend(index.read_only.map(Fact::ReadOnly));
        facts.extend(index.username.as_deref().map(Fact::Username));
        facts.extend(index.access_key_id.as_deref().map(Fact::AccessKeyId));
        facts.extend(index.region.as_deref().map(Fact::Region));
        facts.extend(index.account.as_deref().map(Fact::Account));
        facts.extend(index.error_code.as_deref().map(Fact::ErrorCode));
        facts.extend(index.source_ip.as_deref().map(Fact::SourceIp));
        for resource in &index.resources {
            facts.push(Fact::ResourceName(&resource.resource_name));
            facts.extend(resource.resource_type.as_deref().map(Fact::ResourceType));
        }
        for fact in facts.iter().map(std::slice::from_ref).chain([&facts[..]]) {
            let found = all(&segment, fact, true);
            assert!(found.iter().any(|row| row.sequence == *sequence), "{fact:?} of {sequence}");
            assert!(found.is_sorted_by_key(|row| std::cmp::Reverse((row.seconds, row.sequence))));
        }
    }
    // What classes and callers share decides as the records do.
    let decide = |class_test: &IndexTest<'_>, caller_test: &IndexTest<'_>| -> Vec<u64> {
        let wanted = Wanted { class_test: Some(class_test), caller_test: Some(caller_test), ..Wanted::default() };
        let mut found = Vec::new();
        let mut rows = segment.rows(&wanted).unwrap();
        let everything = ((i64::MIN, 0), (i64::MAX, u64::MAX));
        rows.visit::<SegmentError>(false, everything, |row| {
            found.push(row.sequence);
            Ok(true)
        })
        .unwrap();
        found.sort_unstable();
        found
    };
    let of_class = |index: &LookupIndex| {
        index.event_name.len().is_multiple_of(2)
            && index.event_source.len() % 3 != 1
            && index.region.as_deref() != Some("us-west-2")
            && index.account.as_deref().is_none_or(|account| account.len() % 5 != 1)
            && index.error_code.as_deref().is_none_or(|code| !code.contains('A'))
            && index.read_only != Some(true)
            && index.category.as_str().len() != 4
    };
    let of_caller = |index: &LookupIndex| {
        index.username.as_deref().is_none_or(|name| name.len().is_multiple_of(2))
            && index.access_key_id.as_deref().is_none_or(|key| !key.ends_with('E'))
    };
    let plain = |class: bool, caller: bool| -> Vec<u64> {
        let fits = |index: &LookupIndex| (!class || of_class(index)) && (!caller || of_caller(index));
        let fitting = expected.iter().filter(|(_, record)| fits(&LookupIndex::derive(record).unwrap()));
        fitting.map(|(sequence, _)| *sequence).collect()
    };
    assert_eq!(decide(&of_class, &of_caller), plain(true, true));
    assert_eq!(decide(&of_class, &|_| true), plain(true, false));
    assert_eq!(decide(&|_| true, &of_caller), plain(false, true));
    check_tallies(&segment, expected.iter().map(|(_, record)| LookupIndex::derive(record).unwrap()).collect());
    // Every part of a record's text leads to it.
    // Of many records fewer: each text is looked for in all of them.
    let (sampled, starts) = if expected.len() > 1_000 { (3, 4) } else { (8, 12) };
    for (sequence, record) in expected.iter().step_by(expected.len().div_ceil(sampled)) {
        let text = String::from_utf8(compact(record)).unwrap();
        let characters: Vec<char> = text.chars().collect();
        for start in (0..characters.len()).step_by(characters.len().div_ceil(starts)) {
            for length in [3, 11, 40] {
                let part: String = characters[start..].iter().take(length).collect();
                check_text(&segment, &texts, &part);
                assert!(texts[sequence].windows(part.len()).any(|window| window == part.as_bytes()));
            }
        }
    }
    for (_, record) in expected.iter().step_by(expected.len().div_ceil(sampled)) {
        let text = String::from_utf8(compact(record)).unwrap();
        let parts = keys_with_begins(&text);
        for part in parts.iter().step_by(parts.len().div_ceil(2 * starts)) {
            check_text(&segment, &texts, part);
        }
    }
    for absent in [Fact::EventName("NoSuchCall"), Fact::Username("nobody"), Fact::EventId("no-such-id")] {
        // A hash may say "perhaps" for nothing, but seldom.
        let found = all(&segment, &[absent], true).len();
        assert!(found <= 2 + taken.len() / 8, "{absent:?}: {found} of {}", taken.len());
    }
}

/// Keys of a record, whole and without their first quotes, with the beginnings of what is behind them, and these changed.
fn keys_with_begins(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (colon, _) in text.match_indices("\":") {
        let key = text[..colon].rfind('"').unwrap_or(0);
        let value: Vec<char> = text[colon + 2..].chars().collect();
        for length in [1, 2, 3, 5, 9, 45] {
            let begin: String = value.iter().take(length).collect();
            parts.push(format!("{}{begin}", &text[key..colon + 2]));
            let end_of_key: String = text[key..colon].chars().skip(2).collect();
            parts.push(format!("{end_of_key}\":{begin}"));
            let other = begin.replace(['a', '1'], "b");
            parts.push(format!("{}{other}", &text[key..colon + 2]));
        }
    }
    parts
}

/// A text leads to the records that have it, and to no others.
fn check_text(segment: &Segment, texts: &BTreeMap<u64, Vec<u8>>, part: &str) {
    let found: Vec<u64> = visit(segment, &[], &[part], false).iter().map(|row| row.sequence).collect();
    let has_part = |text: &[u8]| memchr::memmem::find(text, part.as_bytes()).is_some();
    // Of a text without anything but punctuation nothing may be known here.
    if part.bytes().all(|byte| b"{}[]\":,".contains(&byte)) && found.len() == texts.len() {
        return;
    }
    let mut expected: Vec<u64> =
        texts.iter().filter(|(_, text)| has_part(text)).map(|(sequence, _)| *sequence).collect();
    let mut found = found;
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{part:?}");
}

/// What is counted without records is what the records say.
fn check_tallies(segment: &Segment, indexes: Vec<LookupIndex>) {
    type Value = fn(&LookupIndex) -> Option<model::Text>;
    let fields: [(SharedPart, Value); 10] = [
        (SharedPart::Class, |index| Some(index.event_name.clone())),
        (SharedPart::Class, |index| Some(index.event_source.clone())),
        (SharedPart::Class, |index| index.region.clone()),
        (SharedPart::Class, |index| index.account.clone()),
        (SharedPart::Class, |index| index.read_only.map(|truth| truth.to_string().into())),
        (SharedPart::Class, |index| index.error_code.clone()),
        (SharedPart::Class, |index| Some(index.category.as_str().into())),
        (SharedPart::Caller, |index| index.username.clone()),
        (SharedPart::Caller, |index| index.access_key_id.clone()),
        (SharedPart::Address, |index| index.source_ip.clone()),
    ];
    let everything = ((i64::MIN, 0), (i64::MAX, u64::MAX));
    let rows = segment.rows(&Wanted::default()).unwrap();
    for (number, (part, value)) in fields.into_iter().enumerate() {
        let tally = rows.tally(everything, Some(part), Some(3600)).unwrap();
        let (mut found, mut plain) = (BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
        tally.by_part.iter().for_each(|(index, count)| *found.entry(value(index)).or_default() += count);
        indexes.iter().for_each(|index| *plain.entry(value(index)).or_default() += 1);
        assert_eq!(found, plain, "field {number}");
        let mut times = BTreeMap::<i64, u64>::new();
        for index in &indexes {
            *times.entry(index.event_time.as_seconds().div_euclid(3600) * 3600).or_default() += 1;
        }
        assert_eq!((tally.total, tally.by_time), (indexes.len() as u64, times));
    }
}

#[test]
fn real_records_come_back() {
    let Some(folder) = std::env::var_os("OPENTRAIL_CORPUS") else {
        println!("skipped: OPENTRAIL_CORPUS names no folder with real records");
        return;
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".jsonl.zst") {
            let text = zstd::stream::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
            let records: Vec<Vec<u8>> =
                text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
            if records.iter().any(|record| LookupIndex::derive(record).is_ok()) {
                check(&records);
            }
        }
    }
}

#[test]
fn ids_that_hardly_ever_come_twice_come_back() {
    let record = |number: u64| {
        // From 3,000 on each comes four times.
        let shared = if number < 3_000 { number } else { number / 4 };
        let id = |kind: u64| {
            let hash = (shared * 31 + kind + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            format!("{:08x}-0000-4000-8000-{:012x}", hash >> 32, shared)
        };
        format!(
            r#"{{"eventTime":"2025-03-01T{:02}:{:02}:00Z","eventID":"{}","sharedEventID":"{}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","requestParameters":{{"token":"token {} of it","bucketName":"b-{}"}}}}"#,
            number / 60 % 24, number % 60, format_args!("9b7e1c1e-0000-4000-8000-{number:012x}"), id(1), id(2), id(3),
        )
        .into_bytes()
    };
    check(&(0..5_000).map(record).collect::<Vec<_>>());
}

/// Whether each of some questions about callers finds the records that a look at all of them finds.
fn check_callers(segment: &Segment, records: &[Vec<u8>]) {
    let indexes: Vec<LookupIndex> = records.iter().map(|record| LookupIndex::derive(record).unwrap()).collect();
    for asked in indexes.iter().step_by(records.len() / 25) {
        let (region, account) = (asked.region.as_deref().unwrap(), asked.account.as_deref().unwrap());
        let category = asked.category.as_str();
        let place = [Fact::Region(region), Fact::Account(account), Fact::Category(category)];
        let callers = asked.username.as_deref().map(Fact::Username).into_iter();
        for caller in callers.chain(asked.access_key_id.as_deref().map(Fact::AccessKeyId)) {
            for others in [&place[..], &place[..1], &place[1..2], &place[2..], &[]] {
                let facts = [&[caller], others].concat();
                let fits = |index: &LookupIndex| {
                    facts.iter().all(|fact| match fact {
                        Fact::Region(text) => index.region.as_deref() == Some(*text),
                        Fact::Account(text) => index.account.as_deref() == Some(*text),
                        Fact::Category(text) => index.category.as_str() == *text,
                        Fact::Username(text) => index.username.as_deref() == Some(*text),
                        Fact::AccessKeyId(text) => index.access_key_id.as_deref() == Some(*text),
                        _ => false,
                    })
                };
                let expected: Vec<u32> =
                    (0..).zip(&indexes).filter(|(_, index)| fits(index)).map(|(row, _)| row).collect();
                let found: Vec<u32> = all(segment, &facts, false).iter().map(|row| row.row).collect();
                assert_eq!(found, expected, "{facts:?}");
            }
        }
    }
}

#[test]
fn callers_are_found_in_their_places() {
    let records = caller_records(30_000);
    let (segment, _) = segment_of(&records);
    check_callers(&segment, &records);
    let rows: Vec<u32> = (0..30_000).step_by(331).collect();
    let expected: Vec<&Vec<u8>> = rows.iter().map(|row| &records[*row as usize]).collect();
    assert_eq!(segment.records(&rows).unwrap().iter().collect::<Vec<_>>(), expected);
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records.iter().cloned()).collect();
    for part in ["session-59", "role-3/session-", "ASIA0000000200000017", "7d1e5b0a-0000-4000-8000-00000000000c"] {
        check_text(&segment, &texts, part);
    }
}

/// What is asked for decides how many blocks are looked at, of which each costs a read.
#[test]
fn blocks_without_a_record_of_the_place_are_left_out() {
    let records = caller_records(30_000);
    let mut builder = Builder::default();
    for (number, record) in (1..).zip(&records) {
        push(&mut builder, record, number).unwrap();
    }
    let (bytes, _) = builder.finish(Sequences::From(1)).unwrap().unwrap();
    let reads = Arc::new(AtomicUsize::new(0));
    let reads_of = |facts: &[Fact<'_>]| {
        let place = Counted(bytes.clone(), Arc::clone(&reads));
        let segment = Segment::open(1, Box::new(place), cache(8 << 20)).unwrap();
        let before = reads.load(Ordering::Relaxed);
        let rows = all(&segment, facts, false);
        (rows.len(), reads.load(Ordering::Relaxed) - before)
    };
    let key = Fact::AccessKeyId("ASIA0000000100000042");
    let (all_rows, all_reads) = reads_of(&[key]);
    let (rows, reads) =
        reads_of(&[key, Fact::Region("us-east-1"), Fact::Account("111122223333"), Fact::Category("Management")]);
    assert!(rows > 0 && rows * 6 < all_rows, "{rows} of {all_rows}");
    // A page of terms for each fact, and a list.
    assert!(reads <= rows + 5 && reads < all_reads, "{reads} reads for {rows} rows, {all_reads} for all {all_rows}");
}

/// Leaves of every way in which they are stored, by their keys: stored values, texts, ids, times, tokens, digits, texts that
/// end with an earlier one, callers, and words that shapes have.
#[test]
fn leaves_are_found_by_their_keys() {
    for records in [sample_records(), digit_records(), framed_records(), caller_records(600)] {
        let (segment, _) = segment_of(&records);
        let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records.iter().cloned()).collect();
        for record in records.iter().step_by(records.len() / 3) {
            for part in keys_with_begins(std::str::from_utf8(record).unwrap()).iter().step_by(2) {
                check_text(&segment, &texts, part);
            }
        }
        for absent in [
            r#""type":"Q"#,
            r#""eventName":"Get""#,
            r#""eventID":"zz"#,
            r#""eventTime":"2024"#,
            r#""key":"q"#,
            r#""size":0"#,
        ] {
            check_text(&segment, &texts, absent);
        }
    }
}

/// Where no value of a key begins as a text says, no record is made, though each has the key: that takes a read for each.
#[test]
fn a_key_with_a_begin_that_is_nowhere_makes_no_records() {
    let records = caller_records(5_000);
    let mut builder = Builder::default();
    for (number, record) in (1..).zip(&records) {
        push(&mut builder, record, number).unwrap();
    }
    let (bytes, _) = builder.finish(Sequences::From(1)).unwrap().unwrap();
    for text in
        [r#""bucketName":"q"#, r#""eventName":"Zz"#, r#""type":"Z"#, r#""eventTime":"2024"#, r#""awsRegion":"q"#]
    {
        let reads = Arc::new(AtomicUsize::new(0));
        let place = Counted(bytes.clone(), Arc::clone(&reads));
        let segment = Segment::open(1, Box::new(place), cache(8 << 20)).unwrap();
        assert!(visit(&segment, &[], &[text], false).is_empty());
        let reads = reads.load(Ordering::Relaxed);
        assert!(reads < 200, "{text}: {reads} reads");
    }
}

/// A text whose begin and whose rest are in many records, but no rest as a whole in one text, is in no block.
#[test]
fn a_text_that_could_only_go_over_in_parts_of_several_is_nowhere() {
    let record = |number: usize| {
        format!(
            r#"{{"eventTime":"2025-03-01T12:{:02}:{:02}Z","eventID":"9b7e1c1e-0000-4000-8000-{number:012x}","requestParameters":{{"key":"User{number:05}","name":"is not authorized, {number}"}},"resources":[{{"ARN":"for User{number:05}"}}],"errorMessage":"role Disallow {number} is at work"}}"#,
            number / 60 % 60,
            number % 60,
        )
        .into_bytes()
    };
    let records: Vec<Vec<u8>> = (0..2_000).map(record).collect();
    let mut builder = Builder::default();
    for (number, record) in (1..).zip(&records) {
        push(&mut builder, record, number).unwrap();
    }
    let (bytes, _) = builder.finish(Sequences::From(1)).unwrap().unwrap();
    let reads = Arc::new(AtomicUsize::new(0));
    let segment = Segment::open(1, Box::new(Counted(bytes, Arc::clone(&reads))), cache(8 << 20)).unwrap();
    let reads_for = |text: &str| {
        let before = reads.load(Ordering::Relaxed);
        let found = visit(&segment, &[], &[text], false).len();
        (found, reads.load(Ordering::Relaxed) - before)
    };
    assert_eq!(reads_for("for User01234").0, 1);
    // One column has "User0", another "is not", a third "Disallow".
    let (found, reads) = reads_for("for User01234 Disallow 17 is not authorized");
    assert!(found == 0 && reads < 16, "{reads} reads");
}

#[test]
fn texts_are_found_in_tokens() {
    let records = token_records();
    let (segment, _) = segment_of(&records);
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records.iter().cloned()).collect();
    for (number, record) in records.iter().enumerate().step_by(131) {
        let text = std::str::from_utf8(record).unwrap();
        for start in (number % 7..text.len()).step_by(23) {
            for length in [2, 3, 4, 9, 30] {
                check_text(&segment, &texts, &text[start..(start + length).min(text.len())]);
            }
        }
    }
    for part in
        ["AdministratorAccess", "0.0.0.0/0", "no token", "Encoded: ", "=\"", "logs-1/data", "==", "é", "\\u00e9"]
    {
        check_text(&segment, &texts, part);
    }
}

/// Digits of base 16 are found wherever they are: in ids and keys that they are taken out of, in UUIDs, at the borders of all
/// these, at odd places, in messages, in callers and among values that came before; and capitals are others.
#[test]
fn digits_are_found_wherever_they_stand() {
    let records = digit_records();
    let (segment, _) = segment_of(&records);
    check_digits(&segment, &records);
}

fn check_digits(segment: &Segment, records: &[Vec<u8>]) {
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records.iter().cloned()).collect();
    for (number, record) in records.iter().enumerate().step_by(190) {
        let text = std::str::from_utf8(record).unwrap();
        for start in (number % 11..text.len()).step_by(19) {
            for length in [3, 4, 5, 6, 8, 12, 17] {
                let part = &text[start..(start + length).min(text.len())];
                check_text(segment, &texts, part);
                if length == 8 {
                    check_text(segment, &texts, &part.to_uppercase());
                }
            }
        }
        // All of the places where an id, a key and a UUID begin and end.
        for (mark, length) in [("\"key\":\"", 40), ("key/", 38), ("vpc-", 14), ("\"volume\":\"", 24)] {
            let from = text.find(mark).unwrap();
            for start in from..from + length {
                for length in [3, 4, 9] {
                    check_text(segment, &texts, &text[start..start + length]);
                }
            }
        }
    }
    // The inside of a UUID from one dash to another.
    let text = std::str::from_utf8(&records[50]).unwrap();
    let uuid = &text[text.find("key/").unwrap() + 4..][..36];
    for range in [8..14, 13..19, 8..19, 8..24] {
        check_text(segment, &texts, &uuid[range]);
    }
    for absent in
        ["deadbeef", "DEADBEEF", "c0ffee0", "0-0a1b2c", "-0a1b-", "vol-0000000", "ffffffffffff", "0123456789ab"]
    {
        check_text(segment, &texts, absent);
    }
}

/// A UUID that is whole is looked for by its number: as an event id, in cells, in callers, and where it is part of a text.
#[test]
fn whole_uuids_are_found_wherever_they_stand() {
    let uuid = |number: usize| format!("9b7e1c1e-{:04x}-4000-8000-{number:012x}", number * 7 % 65_536);
    let record = |number: usize| {
        let of_caller = if number.is_multiple_of(50) { uuid(90_000 + number) } else { format!("session {number}") };
        let message = if number.is_multiple_of(37) {
            format!(r#","errorMessage":"The key with id {} is not in use any more""#, uuid(70_000 + number))
        } else {
            String::new()
        };
        format!(
            r#"{{"eventTime":"2025-03-01T{:02}:{:02}:00Z","eventID":"{}","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"us-east-1","userIdentity":{{"type":"AssumedRole","session":"{of_caller}"}},"requestID":"{}","requestParameters":{{"keyId":"arn:aws:kms:us-east-1:111122223333:key/{}"}}{message}}}"#,
            number / 60 % 24, number % 60, uuid(number), uuid(number / 2 + 40_000), uuid(number % 3 + 80_000),
        )
        .into_bytes()
    };
    let records: Vec<Vec<u8>> = (0..1_000).map(record).collect();
    let (segment, _) = segment_of(&records);
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records).collect();
    for number in [7, 700, 40_007, 40_499, 70_037, 70_777, 80_001, 90_050, 90_950, 95_000] {
        check_text(&segment, &texts, &uuid(number));
        check_text(&segment, &texts, &uuid(number)[..35]);
    }
    for part in ["any more", "The key with id 9b7e", "KMS", "session 17"] {
        check_text(&segment, &texts, part);
    }
}

/// Bytes that count how often they are read.
#[derive(Debug)]
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl ReadAt for Counted {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(offset, buffer)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

#[test]
fn a_segment_that_was_warmed_up_has_at_hand_what_records_share() {
    let mut builder = Builder::default();
    let records = token_records();
    for (number, record) in (1..).zip(&records) {
        push(&mut builder, record, number).unwrap();
    }
    let (bytes, _) = builder.finish(Sequences::Given).unwrap().unwrap();
    let reads = Arc::new(AtomicUsize::new(0));
    let open = |id| Segment::open(id, Box::new(Counted(bytes.clone(), Arc::clone(&reads))), cache(8 << 20)).unwrap();
    let reads_of = |segment: &Segment, row: u32| {
        let before = reads.load(Ordering::Relaxed);
        assert_eq!(segment.records(&[row]).unwrap(), [records[row as usize].clone()]);
        reads.load(Ordering::Relaxed) - before
    };
    let (cold, warm) = (open(1), open(2));
    warm.warm_up().unwrap();
    // Facts of the block, its cells, and the event id.
    assert_eq!(reads_of(&warm, 700), 3);
    assert!(reads_of(&cold, 700) > 3);
}

#[test]
fn what_is_not_there_is_told_from_memory_once_the_terms_were_read() {
    let (mut builder, records) = (Builder::default(), token_records());
    for (number, record) in (1..).zip(&records) {
        push(&mut builder, record, number).unwrap();
    }
    let (bytes, _) = builder.finish(Sequences::Given).unwrap().unwrap();
    let reads = Arc::new(AtomicUsize::new(0));
    let open = |id| Segment::open(id, Box::new(Counted(bytes.clone(), Arc::clone(&reads))), cache(8 << 20)).unwrap();
    let (plain, filtered) = (open(1), open(2));
    filtered.read_term_filter().unwrap();
    assert!(filtered.term_filter_bytes() > 0 && plain.term_filter_bytes() == 0);
    let mut names: Vec<String> = (0..1000).map(|number| format!("nobody-{number}")).collect();
    for record in &records {
        names.extend(LookupIndex::derive(record).unwrap().username.map(|name| name.to_string()));
    }
    names.sort_unstable();
    names.dedup();
    let mut passed_over = 0;
    for name in &names {
        let expected = all(&plain, &[Fact::Username(name)], true);
        let before = reads.load(Ordering::Relaxed);
        assert_eq!(all(&filtered, &[Fact::Username(name)], true), expected, "{name}");
        passed_over += usize::from(reads.load(Ordering::Relaxed) == before);
    }
    assert!(passed_over > 800, "{passed_over} of {}", names.len());
}

/// Files that were written by each version of the format, kept for ever.
#[test]
fn samples_of_every_version_are_read() {
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(token_records()).collect();
    for bytes in [&include_bytes!("samples/version-04.segment")[..], include_bytes!("samples/version-03.segment")] {
        let segment = Segment::open(2, Box::new(bytes.to_vec()), cache(1 << 20)).unwrap();
        let rows: Vec<u32> = (0..1_200).collect();
        assert_eq!(read_both_ways(&segment, &rows), token_records());
        check_text(&segment, &texts, "Encoded");
        check_text(&segment, &texts, std::str::from_utf8(&texts[&77][500..520]).unwrap());
    }
    let digits = include_bytes!("samples/version-06.segment").to_vec();
    let digits = Segment::open(2, Box::new(digits), cache(1 << 20)).unwrap();
    let rows: Vec<u32> = (0..900).collect();
    assert_eq!(read_both_ways(&digits, &rows), digit_records());
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(digit_records()).collect();
    for (at, mark) in [(77, "\"key\":\""), (303, "key/"), (401, "vpc-"), (500, "session\":\"")] {
        let text = std::str::from_utf8(&texts[&at]).unwrap();
        let from = text.find(mark).unwrap() + mark.len();
        check_text(&digits, &texts, &text[from + 1..from + 9]);
        check_text(&digits, &texts, &text[from - 2..from + 9]);
    }
    for framed in
        [&include_bytes!("samples/version-05-frames.segment")[..], include_bytes!("samples/version-06-frames.segment")]
    {
        let framed = Segment::open(2, Box::new(framed.to_vec()), cache(1 << 20)).unwrap();
        let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(framed_records()).collect();
        let rows: Vec<u32> = (0..1_200).collect();
        assert_eq!(read_both_ways(&framed, &rows), framed_records());
        for at in [77, 777] {
            let text = std::str::from_utf8(&texts[&at]).unwrap();
            let token = &text[text.find("x-amz-id-2").unwrap() + 20..][..20];
            let request = &text[text.find("requestID").unwrap() + 15..][..9];
            for part in ["not. Encoded", token, request] {
                check_text(&framed, &texts, part);
            }
        }
    }
    let segment = include_bytes!("samples/version-05.segment").to_vec();
    let segment = Segment::open(2, Box::new(segment), cache(1 << 20)).unwrap();
    let rows: Vec<u32> = (0..3_000).collect();
    assert_eq!(read_both_ways(&segment, &rows), caller_records(3_000));
    check_callers(&segment, &caller_records(3_000));
    let bytes = include_bytes!("samples/version-02.segment").to_vec();
    let segment = Segment::open(1, Box::new(bytes), cache(1 << 20)).unwrap();
    let rows: Vec<u32> = (0..600).collect();
    segment.warm_up().unwrap();
    assert_eq!(read_both_ways(&segment, &rows), sample_records());
    let (other, _) = segment_of(&sample_records());
    for fact in [Fact::Username("user-3"), Fact::ResourceName("arn:aws:s3:::bucket/k/5"), Fact::EventId("id 33")] {
        let found = all(&segment, &[fact], true);
        assert!(!found.is_empty(), "{fact:?}");
        assert_eq!(found, all(&other, &[fact], true), "{fact:?}");
    }
    let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(sample_records()).collect();
    for part in ["user-3", "k/59", "id 333", "9b7e1c1e-0000", "nowhere"] {
        check_text(&segment, &texts, part);
    }
}

/// Any JSON value, with keys and texts that have a meaning among them.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        text().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map(key(), inner, 0..4)
                .prop_map(|map| { serde_json::Value::Object(map.into_iter().collect()) }),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,2}",
        any::<String>(),
        Just("arn:aws:s3:::bucket/key".to_owned()),
        Just("9b7e1c1e-1111-4222-8333-123456789abc".to_owned()),
        Just("2024-02-03T04:05:06Z".to_owned()),
        "[a-z/]{0,3}-?[0-9a-f]{7,18}[A-F/-]{0,2}",
        "[:/]?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[:/g]?",
    ]
}

fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 10] =
        ["bucketName", "key", "userName", "roleArn", "type", "ARN", "accountId", "accessKeyId", "items", ""];
    prop_oneof![prop::sample::select(&KNOWN[..]).prop_map(str::to_owned), "[a-z]{1,3}", any::<String>()]
}

fn record() -> impl Strategy<Value = serde_json::Value> {
    const FIELDS: [&str; 13] = [
        "userIdentity",
        "requestParameters",
        "responseElements",
        "resources",
        "awsRegion",
        "recipientAccountId",
        "sourceIPAddress",
        "requestID",
        "eventName",
        "eventSource",
        "readOnly",
        "errorCode",
        "additionalEventData",
    ];
    let field = (prop::sample::select(&FIELDS[..]).prop_map(str::to_owned), value());
    let string =
        (prop::sample::select(&FIELDS[4..10]).prop_map(str::to_owned), text().prop_map(serde_json::Value::from));
    let fields = prop::collection::vec(prop_oneof![field, string], 0..10);
    (fields, 0_i64..4_000_000_000, prop_oneof![4 => "[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}", 1 => text()]).prop_map(
        |(fields, seconds, id)| {
            let mut record = serde_json::Map::new();
            record.insert("eventTime".to_owned(), time(seconds).into());
            record.insert("eventID".to_owned(), id.into());
            record.extend(fields);
            record.into()
        },
    )
}

fn time(seconds: i64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    format!(
        "19{:02}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        70 + days % 30,
        1 + days % 12,
        1 + days % 28,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_records_come_back(records in prop::collection::vec(record(), 1..40), is_pretty: bool) {
        let write = if is_pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
        let texts: Vec<Vec<u8>> = records.iter().map(|record| write(record).unwrap()).collect();
        if texts.iter().any(|text| LookupIndex::derive(text).is_ok()) {
            check(&texts);
        }
    }

    /// Over the places where a text goes over into an earlier one of its record, and this into another one.
    #[test]
    fn texts_are_found_where_they_go_over_into_earlier_ones(
        rows in prop::collection::vec(
            ("[a-c:/]{0,6}", "[a-c:/]{0,9}", "[a-c]{0,3}[0-9a-f]{8,12}|[a-c/0-9]{8,20}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/?"),
            1..5,
        ),
        other in "[a-c:/]{4,9}",
    ) {
        let record = |(number, (outer, inner, key)): (usize, &(String, String, String))| {
            format!(
                r#"{{"eventTime":"2025-03-01T12:00:{number:02}Z","eventID":"9b7e1c1e-0000-4000-8000-{number:012x}","requestParameters":{{"key":"{number}{key}"}},"resources":[{{"ARN":"{inner}{number}{key}"}}],"serviceEventDetails":{{"of":"{outer}{inner}{number}{key}"}}}}"#
            )
        };
        let records: Vec<String> = rows.iter().enumerate().map(record).collect();
        let (segment, _) = segment_of(&records.iter().map(|record| record.clone().into_bytes()).collect::<Vec<_>>());
        let texts: BTreeMap<u64, Vec<u8>> = (1..).zip(records.iter().map(|record| record.clone().into_bytes())).collect();
        for record in &records {
            let of = record.find("\"of\":\"").unwrap() + 6;
            let whole = &record[of..record.len() - 3];
            for start in 0..whole.len() {
                for end in [start + 3, start + 5, start + 8, whole.len()] {
                    check_text(&segment, &texts, &whole[start..end.clamp(start + 1, whole.len())]);
                }
            }
            for begin in 1..whole.len().min(14) {
                check_text(&segment, &texts, &format!("\"of\":\"{}", &whole[..begin]));
                check_text(&segment, &texts, &format!("\"of\":\"{}\"", &whole[..begin]));
            }
        }
        check_text(&segment, &texts, &other);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes: Vec<u8>, text in "[\\[\\]{}\":,0-9eEtrufalsn \\\\.-]{0,60}") {
        let mut builder = Builder::default();
        let _ = push(&mut builder, &bytes, 1);
        let wrapped = format!("{{\"eventTime\":\"2025-03-01T12:00:05Z\",\"eventID\":\"e\",\"requestParameters\":{text}}}");
        let is_event = serde_json::from_str::<serde_json::Value>(&wrapped).is_ok();
        let is_taken = push(&mut builder, wrapped.as_bytes(), 1).is_ok();
        // Numbers too large for a float are JSON, though not everybody reads them.
        prop_assert!(is_taken || !is_event, "{wrapped}");
    }

    #[test]
    fn damage_is_never_taken_for_records(at: prop::sample::Index, bit in 0..8_u8) {
        let text = br#"{"eventTime":"2025-03-01T12:00:05Z","eventID":"e","eventName":"n","requestParameters":{"a":"b"}}"#;
        let mut builder = Builder::default();
        for number in 1..20 {
            push(&mut builder, text, number).unwrap();
        }
        let (mut bytes, _) = builder.finish(Sequences::Given).unwrap().unwrap();
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let Ok(segment) = Segment::open(1, Box::new(bytes), cache(1 << 20)) else { return Ok(()) };
        if let Ok(records) = segment.records(&[0, 18]) {
            // Only event ids have no checksum of their own.
            prop_assert!(records.iter().all(|record| record == text));
        }
    }
}
