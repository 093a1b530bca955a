//! Any bytes as a segment are refused or read without a panic; any text as a record comes back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use segment::{Builder, Fact, RecordReader, Segment, SegmentError, Sequences, Wanted, cache};

fuzz_target!(|input: &[u8]| {
    if let Ok(segment) = Segment::open(1, Box::new(input.to_vec()), cache(1 << 20)) {
        let _ = read(&segment);
    }
    let mut builder = Builder::default();
    let mut reader = RecordReader::default();
    if reader.read(input).and_then(|record| builder.push(record, 1)).is_err() {
        return;
    }
    let Ok(Some((bytes, _))) = builder.finish(Sequences::Given) else {
        panic!("a record that was taken is not written")
    };
    let segment = Segment::open(2, Box::new(bytes), cache(1 << 20)).expect("a sound segment");
    let records = segment.records(&[0]).expect("a record");
    let same =
        |text: &[u8]| serde_json::from_slice::<Box<serde_json::value::RawValue>>(text).map(|raw| squeeze(raw.get()));
    assert_eq!(same(&records[0]).ok(), same(input).ok());
});

fn read(segment: &Segment) -> Result<(), SegmentError> {
    for fact in [Fact::EventName("PutObject"), Fact::EventId("e"), Fact::ResourceName("b"), Fact::Account("1")] {
        let mut rows = segment.rows(&Wanted { facts: &[fact], ..Wanted::default() })?;
        rows.visit::<SegmentError>(true, ((i64::MIN, 0), (i64::MAX, u64::MAX)), |row| {
            segment.records(&[row.row])?;
            Ok(false)
        })?;
    }
    for text in ["AdministratorAccess", "0.0.0.0/0", "9b7e1c1e", "{"] {
        let mut rows = segment.rows(&Wanted { texts: &[text], ..Wanted::default() })?;
        rows.visit::<SegmentError>(false, ((i64::MIN, 0), (i64::MAX, u64::MAX)), |_| Ok(true))?;
    }
    segment.warm_up()?;
    let rows: Vec<u32> = segment.all_rows()?.iter().map(|row| row.row).take(64).collect();
    segment.event_ids_between(0, i64::MAX)?;
    // A few at a time, which unpacks no block as a whole, and all at once: never two answers.
    let few = rows.chunks(3).map(|rows| segment.records(rows)).collect::<Result<Vec<_>, _>>();
    if let (Ok(few), Ok(all)) = (few, segment.records(&rows)) {
        assert_eq!(few.concat(), all);
    }
    Ok(())
}

/// The text without whitespace between tokens.
fn squeeze(text: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    text.chars()
        .filter(|&character| {
            let is_kept = in_string || !character.is_ascii_whitespace();
            if is_escaped {
                is_escaped = false;
            } else if in_string && character == '\\' {
                is_escaped = true;
            } else if character == '"' {
                in_string = !in_string;
            }
            is_kept
        })
        .collect()
}
