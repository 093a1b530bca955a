//! The framing of chunked uploads: however the bytes are cut, the payload and the verdict are the same.
#![no_main]

use aws_wire::sigv4::{ChunkedDecoder, ChunkedError, Trailer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&step, framed)) = input.split_first() else { return };
    let whole = decode(framed, framed.len().max(1));
    let pieces = decode(framed, usize::from(step).max(1));
    assert_eq!(whole.0, pieces.0, "the payload depends on how the bytes were cut");
    assert_eq!(whole.1.is_ok(), pieces.1.is_ok());
    assert!(whole.0.len() <= framed.len());
});

fn decode(framed: &[u8], step: usize) -> (Vec<u8>, Result<Vec<Trailer>, ChunkedError>) {
    let mut decoder = ChunkedDecoder::unsigned(None);
    let mut payload = Vec::new();
    for mut piece in framed.chunks(step) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(bytes)) => payload.extend_from_slice(bytes),
                Ok(None) => break,
                Err(error) => return (payload, Err(error)),
            }
        }
    }
    (payload, decoder.finish())
}
