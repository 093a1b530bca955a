//! Log files of any bytes: every piece is counted, chunks do not matter, and sound records are never torn.
#![no_main]

use import::RejectReason;
use import::splitter::{Ending, Sink, Splitter, Verdict};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[derive(Default, PartialEq, Debug)]
struct Pieces {
    records: Vec<Vec<u8>>,
    refused: Vec<(Vec<u8>, u64, RejectReason)>,
}

impl Sink for Pieces {
    fn record(&mut self, bytes: &[u8]) -> Verdict {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(_) => self.records.push(bytes.to_vec()),
            Err(error) => return Verdict::NotJson { detail: error.to_string() },
        }
        Verdict::Done
    }

    fn refuse(&mut self, bytes: &[u8], size_bytes: u64, reason: RejectReason) {
        assert!(bytes.len() as u64 <= size_bytes);
        self.refused.push((bytes.to_vec(), size_bytes, reason));
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, text)) = input.split_first() else { return };
    let (whole, ending) = split([text]);
    assert_eq!(split(text.chunks(usize::from(size) + 1)), (whole, ending));

    // Whatever is JSON by itself gives its records and nothing else, in a list as well.
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice::<Value>(text) {
        let list = serde_json::json!({ "Records": [value, value] }).to_string();
        let (pieces, ending) = split([list.as_bytes()]);
        let record = value.to_string().into_bytes();
        assert_eq!(pieces.records, [record.clone(), record]);
        assert_eq!((pieces.refused.len(), ending), (0, Ending::Complete));
    }
});

fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Pieces, Ending) {
    let (mut splitter, mut pieces) = (Splitter::default(), Pieces::default());
    for chunk in chunks {
        splitter.feed(chunk, &mut pieces);
    }
    let ending = splitter.finish(&mut pieces);
    assert_eq!(splitter.pieces() as usize, pieces.records.len() + pieces.refused.len());
    (pieces, ending)
}
