use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Takes what is JSON, like a destination.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    records: Vec<String>,
    refused: Vec<(String, RejectReason)>,
}

impl Sink for Collected {
    fn record(&mut self, bytes: &[u8]) -> Verdict {
        assert!(bytes.len() <= RECORD_BYTES_MAX);
        match serde_json::from_slice::<Value>(bytes) {
            Ok(_) => self.records.push(String::from_utf8_lossy(bytes).into_owned()),
            Err(_) => return Verdict::NotJson { detail: String::new() },
        }
        Verdict::Done
    }

    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason) {
        assert!(bytes.len() <= REJECT_BYTES_KEPT_MAX && bytes.len() as u64 <= size_bytes);
        self.refused.push((String::from_utf8_lossy(bytes).into_owned(), reason));
    }
}

/// The same, and takes whole records before they are looked at byte by byte.
#[derive(Debug, Default)]
struct Eager(Collected);

impl Sink for Eager {
    fn sound_record(&mut self, bytes: &[u8], lists: &[&[u8]]) -> Option<usize> {
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let size = values.byte_offset();
        let is_list = |(key, value): (&String, &Value)| value.is_array() && lists.contains(&key.as_bytes());
        if value.as_object()?.iter().any(is_list) {
            return None;
        }
        assert_eq!(self.0.record(&bytes[..size]), Verdict::Done);
        Some(size)
    }

    fn record(&mut self, bytes: &[u8]) -> Verdict {
        self.0.record(bytes)
    }

    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason) {
        self.0.refuse(bytes, size_bytes, reason);
    }
}

fn feed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, sink: &mut impl Sink) -> (u64, Ending) {
    let mut splitter = Splitter::default();
    for chunk in chunks {
        splitter.feed(chunk, sink);
    }
    let ending = splitter.finish(sink);
    (splitter.pieces(), ending)
}

/// Splits, and checks that it is the same for a sink that takes whole records at once.
fn split_chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>) -> (Collected, Ending) {
    let chunks = chunks.into_iter();
    let (mut collected, mut eager) = (Collected::default(), Eager::default());
    let (pieces, ending) = feed(chunks.clone(), &mut collected);
    assert_eq!(feed(chunks, &mut eager), (pieces, ending), "taken at once");
    assert_eq!(eager.0, collected, "taken at once");
    (collected, ending)
}

/// Splits whole, and checks that two chunks and single bytes give the same.
fn split(text: &[u8]) -> (Collected, Ending) {
    let whole = split_chunks([text]);
    assert_eq!(split_chunks(text.chunks(1)), whole, "single bytes");
    for cut in 0..text.len().min(300) {
        assert_eq!(split_chunks([&text[..cut], &text[cut..]]), whole, "cut at {cut}");
    }
    whole
}

#[track_caller]
fn check(text: &str, records: &[&str]) {
    let (collected, ending) = split(text.as_bytes());
    assert_eq!(collected.records, records, "{text}");
    assert_eq!(collected.refused, [], "{text}");
    assert_eq!(ending, Ending::Complete, "{text}");
}

#[track_caller]
fn check_broken(text: &str, records: &[&str], refused: &[&str]) {
    let (collected, _) = split(text.as_bytes());
    assert_eq!(collected.records, records, "{text}");
    let bytes: Vec<&str> = collected.refused.iter().map(|(bytes, _)| bytes.as_str()).collect();
    assert_eq!(bytes, refused, "{text}");
}

#[test]
fn every_shape_gives_its_records() {
    let (a, b) = (r#"{"a":{"x":[1,{}]}}"#, r#"{"b":"}\"{\\"}"#);
    let both = [a, b];
    check("", &[]);
    check(" \r\n\t", &[]);
    check(a, &[a]);
    check(&format!("\u{feff}{a}{b}"), &both);
    check(&format!("{a}\n{b}\n"), &both);
    check(&format!("{a}\r\n\r\n{b}"), &both);
    check(&format!("\u{1e}{a}\n\u{1e}{b}\n"), &both);
    check(&format!("[{a},{b}]"), &both);
    check(&format!("[\n  {a}\n, {b} ]"), &both);
    check(&format!("[[{a}],[[{b}]],[]]"), &both);
    check(&format!(r#"{{"Records":[{a},{b}]}}"#), &both);
    check(&format!("{{ \"Records\" :\n [\n{a},\n{b}\n]\n}}\n"), &both);
    check(&format!(r#"{{"Records":[{a}]}}{{"Records":[]}}{{"Records":[{b}]}}"#), &both);
    check(&format!("{{\"Records\":[{a}]}}\n{{\"Records\":[{b}]}}\n"), &both);
    check(&format!(r#"{{"x":[1],"Records":[{a},{b}],"y":{{"Records":[{a}]}}}}"#), &both);
    check(&format!(r#"{{"Events":[{a},{b}],"NextToken":"]}}"}}"#), &both);
    check(&format!(r#"[{{"Records":[{a}]}},{{"Records":[{b}]}}]"#), &both);
    // A key twice, with anything between.
    check(&format!(r#"{{"Records":[{a}],"Records":[{b}]}}"#), &both);
    check(&format!("{{\"Records\":[{a}],\"y\":[{{\"z\":[]}}] ,\n\"Records\" : [ {b} ] }}\n"), &both);
    check(&format!("[{},{}]", json!(a), json!(b)), &both);
    check(&format!("{}\n{}\n", json!(a), json!(b)), &both);
}

#[test]
fn a_list_of_records_inside_of_a_record_is_part_of_it() {
    for record in
        [r#"{"p":{"Records":[{"a":1}]}}"#, r#"{"p":[{"Records":[{"a":1}]}]}"#, r#"{"p":"\"Records\":[{\"a\":1}]"}"#]
    {
        check(record, &[record]);
        check(&format!(r#"{{"Records":[{record},{record}]}}"#), &[record, record]);
    }
    let inner = r#"{"Records":[{"a":1}]}"#;
    check(&format!(r#"{{"Records":[{inner}]}}"#), &[inner]);
}

#[test]
fn space_within_a_list_of_records_does_not_matter_wherever_chunks_end() {
    for spaces in [1, 30, 70] {
        // A key too far from its list is no key of a list, in any chunks.
        let space = " ".repeat(spaces);
        let text = format!("{{\"Records\"{space}:{space}[{{\"a\":1}}]}}");
        let (collected, _) = split(text.as_bytes());
        assert_eq!(collected.records.len(), 1);
    }
}

#[test]
fn broken_lines_take_no_neighbour_along() {
    let (a, b) = (r#"{"a":1}"#, r#"{"b":"y"}"#);
    for broken in [
        r#"{"x":"cut"#,
        r#"{"x":"cut\"#,
        r#"{"x":1"#,
        r#"{"x":1,"#,
        r#"{"x":{"y":[1,2]"#,
        r#"{"x""#,
        r#"{"#,
        r#"{"x":tru}"#,
        r#"{"x":"y}"#,
        r#"{"x":y"}"#,
        r#"{"x":y",{"}"#,
        r#"text and "a quote"#,
        r#"}"#,
        r#"]"#,
        r#"12"#,
        r#""a text"#,
        r#""a text""#,
        r#"[INFO]"#,
    ] {
        check_broken(&format!("{a}\n{broken}\n{b}\n{a}\n"), &[a, b, a], &[broken]);
        check_broken(&format!("{a}\n{b}\n{broken}"), &[a, b], &[broken]);
    }
    // Only in a file that proved to be lines: a list or a colon may go on in the next line.
    check_broken(&format!("{a}\n{{\"x\":[1,\n{b}\n"), &[a, b], &[r#"{"x":[1,"#]);
    check_broken(&format!("{{\"x\":1\n{a}\n{b}\n"), &[a, b], &[r#"{"x":1"#]);
    check_broken(&format!("2026-11-23 INFO got {a}\n"), &[a], &["2026-11-23 INFO got"]);
}

#[test]
fn broken_elements_take_no_neighbour_along() {
    let (a, b) = (r#"{"a":1}"#, r#"{"a":"y","c":[{"d":2},{"a":3}]}"#);
    for broken in
        [r#"{"a":1,"x":{"y":2}"#, r#"{"a":"x,"b":"z","c":3}"#, r#"{"a":x"}"#, r#"{"a":"x}"#, r#"nonsense"#, "7"]
    {
        let text = format!(r#"{{"Records":[{a},{broken},{b},{a}]}}"#);
        let (collected, ending) = split(text.as_bytes());
        assert_eq!(collected.records, [a, b, a], "{text}");
        assert_eq!(collected.refused.len(), 1, "{text}");
        assert_eq!(collected.refused[0].0.trim_end_matches(','), broken);
        assert_eq!(ending, Ending::Complete, "{text}");
    }
}

#[test]
fn pretty_printing_and_objects_in_column_zero_are_sound() {
    let value = json!({"Records": [{"a": [{"b": {}}, {"c": [{}]}]}, {"a": {"d": [[], {}]}}]});
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    for text in [pretty.clone(), pretty.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")] {
        let (collected, ending) = split(text.as_bytes());
        let parsed: Vec<Value> = collected.records.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(Value::from(parsed), value["Records"]);
        assert_eq!((collected.refused, ending), (vec![], Ending::Complete));
    }
}

#[test]
fn a_cut_list_is_noticed() {
    for text in [r#"{"Records":[{"a":1},{"b":"#, r#"{"Records":[{"a":1}"#, r#"{"Records":[{"a":1}]"#, r#"[{"a":1},"#] {
        let (collected, ending) = split(text.as_bytes());
        assert_eq!(collected.records, [r#"{"a":1}"#]);
        assert_eq!(ending, Ending::InsideList, "{text}");
    }
}

#[test]
fn nothing_inside_of_a_record_becomes_a_record() {
    // What a parser dislikes for its own reasons: a lone surrogate here.
    let inner = r#"{"a":"forged"}"#;
    let odd = format!(r#"{{"a":"\ud800","p":[1,{inner}]}}"#);
    let text = format!(r#"{{"Records":[{{"a":1}},{odd}]}}"#);
    check_broken(&text, &[r#"{"a":1}"#], &[&odd]);
    let cut = &text[..text.len() - 4];
    assert_eq!(split(cut.as_bytes()).0.records, [r#"{"a":1}"#]);
}

#[test]
fn a_record_over_size_costs_no_memory_and_no_neighbour() {
    let large = format!(r#"{{"x":"{}","y":{{}}}}"#, "z".repeat(2 * RECORD_BYTES_MAX));
    let text = format!(r#"{{"Records":[{{"a":1}},{large},{{"b":2}}]}}"#);
    for size in [1 << 12, 1 << 20, 1 << 30] {
        let (collected, ending) = split_chunks(text.as_bytes().chunks(size));
        assert_eq!(collected.records, [r#"{"a":1}"#, r#"{"b":2}"#]);
        assert_eq!(collected.refused.len(), 1);
        assert_eq!(collected.refused[0].1, RejectReason::TooLong { bytes_max: RECORD_BYTES_MAX });
        assert_eq!(ending, Ending::Complete);
    }
}

#[test]
fn a_record_without_its_end_is_found_out_by_its_size() {
    let good = format!(r#"{{"a":"{}"}}"#, "z".repeat(1000));
    let text = format!(r#"[{good},{{"a":"open,{}]"#, vec![good.as_str(); 3000].join(","));
    for size in [1000, 1 << 18, 1 << 30] {
        let (collected, _) = split_chunks(text.as_bytes().chunks(size));
        assert_eq!(collected.records.len(), 3001);
        assert_eq!(collected.refused.len(), 1);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z{}\\[\\]\"\\\\\n,: é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-z{}\"]{0,4}", inner), 0..5).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-zA-Z{}\"]{0,6}", any_json()), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// The records in one of the shapes of files.
fn write(records: &[Value], shape: u8) -> String {
    let pretty = shape & 1 == 1;
    let text = |value: &Value| {
        if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap()
    };
    match shape >> 1 {
        0 => text(&json!({ "Records": records })),
        1 => text(&Value::from(records)),
        2 => records.iter().map(|record| text(record) + "\n").collect(),
        3 => records.iter().map(|record| text(record) + " ").collect(),
        4 => records.iter().map(|record| text(&json!({ "x": 1, "Records": [record], "y": [{}] })) + "\r\n").collect(),
        _ => text(&records.iter().map(Value::to_string).collect::<Value>()),
    }
}

proptest! {
    #[test]
    fn any_records_in_any_shape_and_any_chunks_come_back(
        records in prop::collection::vec(any_record(), 0..6),
        shape in 0_u8..12,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = write(&records, shape);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        let (collected, ending) = split_chunks(chunks);
        let read: Vec<Value> = collected.records.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        prop_assert_eq!(read, records);
        prop_assert_eq!(collected.refused, vec![]);
        prop_assert_eq!(ending, Ending::Complete);
    }

    #[test]
    fn any_bytes_give_the_same_in_any_chunks(text in "[a{}\\[\\]\",:\\\\\n 1-]{0,60}", size in 1_usize..8) {
        let whole = split_chunks([text.as_bytes()]);
        prop_assert_eq!(split_chunks(text.as_bytes().chunks(size)), whole);
    }
}
