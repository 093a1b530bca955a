//! Measures the format: `cargo run --release -p opentrail-segment --example measure -- COPIES FILE.jsonl...`
//!
//! Each copy of the records has event ids, request ids and times of its own.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the person at the terminal")]

use std::time::Instant;

use segment::{Builder, Fact, RecordReader, Segment, Sequences, Wanted, cache, format_uuid};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let copies: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut records: Vec<Vec<u8>> = Vec::new();
    for path in arguments {
        let text = std::fs::read(path).unwrap();
        records.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    let mut texts = Vec::new();
    let mut state = 7_u64;
    for copy in 0..copies {
        for record in &records {
            let mut text = record.clone();
            if copy > 0 {
                for key in [&b"\"eventID\":\""[..], b"\"requestID\":\""] {
                    if let Some(at) = memchr::memmem::find(&text, key)
                        && text.get(at + key.len() + 36) == Some(&b'"')
                    {
                        let (high, low) = (next(&mut state), next(&mut state));
                        let uuid = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
                        text[at + key.len()..][..36].copy_from_slice(&format_uuid(&uuid));
                    }
                }
                if let Some(at) = memchr::memmem::find(&text, b"\"eventTime\":\"") {
                    let hour = format!("{:02}", copy % 24);
                    text[at + 24..at + 26].copy_from_slice(hour.as_bytes());
                }
            }
            texts.push(text);
        }
    }
    let bytes: usize = texts.iter().map(Vec::len).sum();
    let (mut reader, mut builder) = (RecordReader::default(), Builder::default());
    let started = Instant::now();
    let mut refused = 0;
    for (number, text) in (1..).zip(&texts) {
        let pushed = reader.read(text).and_then(|record| builder.push(record, number));
        refused += usize::from(pushed.is_err());
    }
    let pushed = started.elapsed();
    let (count, memory) = (builder.len(), builder.memory());
    let started = Instant::now();
    let (file, summary) = builder.finish(Sequences::From(1)).unwrap().unwrap();
    let finished = started.elapsed();
    let each = |seconds: f64| seconds * 1e6 / count as f64;
    println!("{count} events, {} bytes of text each, {refused} refused", bytes / texts.len());
    println!("push   {:.2} µs each, {} bytes of memory each", each(pushed.as_secs_f64()), memory / count);
    println!("finish {:.2} µs each", each(finished.as_secs_f64()));
    println!("size   {:.1} bytes each", file.len() as f64 / count as f64);

    // With so little memory no block is at hand when it is asked for.
    let cold = Segment::open(2, Box::new(file.clone()), cache(4 << 20)).unwrap();
    let segment = Segment::open(1, Box::new(file), cache(256 << 20)).unwrap();
    println!("{}", segment.describe());
    let started = Instant::now();
    let rows: Vec<u32> = (0..summary.event_count).collect();
    let mut total = 0;
    for rows in rows.chunks(256) {
        total += segment.records(rows).unwrap().iter().map(Vec::len).sum::<usize>();
    }
    println!("read all {:.2} µs each, {total} bytes", each(started.elapsed().as_secs_f64()));
    for facts in [
        vec![Fact::EventName("PutObject")],
        vec![Fact::EventName("AssumeRole")],
        vec![Fact::Username("nobody")],
        vec![Fact::ReadOnly(true), Fact::Region("us-east-1")],
        vec![Fact::ResourceType("AWS::S3::Bucket")],
    ] {
        for _ in 0..2 {
            let started = Instant::now();
            let mut found = Vec::new();
            let all = ((i64::MIN, 0), (i64::MAX, u64::MAX));
            let mut rows = segment.rows(&Wanted { facts: &facts, ..Wanted::default() }).unwrap();
            rows.visit::<segment::SegmentError>(true, all, |row| {
                found.push(row.row);
                Ok(found.len() < 50)
            })
            .unwrap();
            let looked = started.elapsed();
            let records = segment.records(&found).unwrap();
            println!("{facts:?}: {} in {looked:?}, records in {:?}", records.len(), started.elapsed() - looked);
        }
    }
    for (segment, which) in [(&segment, "at hand"), (&cold, "not at hand")] {
        let mut state = 7;
        let started = Instant::now();
        for _ in 0..1000 {
            segment.records(&[(next(&mut state) % u64::from(summary.event_count)) as u32]).unwrap();
        }
        println!("a record of a block that is {which} {:.1} µs", started.elapsed().as_secs_f64() * 1e3);
    }
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
