//! The decoder of chunked bodies.

use proptest::prelude::*;

use super::s3_examples::{chunked_example, trailer_example};
use super::*;
use crate::sigv4::chunked::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

#[derive(Debug, PartialEq)]
pub(super) struct Decoded {
    pub(super) payload: Vec<u8>,
    pub(super) trailers: Vec<Trailer>,
}

/// Decodes a body that arrives in these pieces; on refusal, what was handed out before it.
fn run(mut decoder: ChunkedDecoder, pieces: &[&[u8]]) -> (Vec<u8>, Result<Vec<Trailer>, ChunkedError>) {
    let mut payload = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match decoder.next(&mut input) {
                Ok(Some(data)) => {
                    assert!(!data.is_empty());
                    payload.extend_from_slice(data);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(&mut &b"0\r\n\r\n"[..]), Err(error.clone()), "errors stay");
                    return (payload, Err(error));
                }
            }
        }
        assert!(input.is_empty());
    }
    (payload, decoder.finish())
}

pub(super) fn decode(decoder: ChunkedDecoder, pieces: &[&[u8]]) -> Result<Decoded, ChunkedError> {
    let (payload, trailers) = run(decoder, pieces);
    trailers.map(|trailers| Decoded { payload, trailers })
}

fn unsigned(body: &str) -> Result<Decoded, ChunkedError> {
    decode(ChunkedDecoder::unsigned(None), &[body.as_bytes()])
}

#[test]
fn reads_trailers() {
    let decoded =
        unsigned("5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nX-Amz-Checksum-CRC32: DUoRhQ==\r\n\r\n").expect("well-formed");
    assert_eq!(decoded.payload, b"hello!");
    let expected = Trailer { name: "x-amz-checksum-crc32".into(), value: "DUoRhQ==".into() };
    assert_eq!(decoded.trailers, [expected]);
    assert_eq!(unsigned("0\r\n\r\n").expect("empty"), Decoded { payload: vec![], trailers: vec![] });
}

#[test]
fn names_what_is_wrong_and_where() {
    for (body, expected) in [
        ("", ChunkedError::Incomplete),
        ("5", ChunkedError::Incomplete),
        ("5\r\nhel", ChunkedError::Incomplete),
        ("5\r\nhello", ChunkedError::Incomplete),
        ("5\r\nhello\r\n", ChunkedError::Incomplete),
        ("0\r\n", ChunkedError::Incomplete),
        ("0\r\na:b\r\n", ChunkedError::Incomplete),
        ("\r\n", ChunkedError::Header { offset: 0 }),
        ("+5\r\nhello", ChunkedError::Header { offset: 0 }),
        ("5\r\nhello\r\nx\r\n", ChunkedError::Header { offset: 10 }),
        ("fffffffffffffffff\r\n", ChunkedError::Header { offset: 0 }),
        ("5\r\nhello!", ChunkedError::Delimiter { offset: 8 }),
        ("5\r\nhello\r!", ChunkedError::Delimiter { offset: 9 }),
        ("0\r\nnothing\r\n", ChunkedError::Trailer { offset: 3 }),
        ("0\r\n\r\n\r\n", ChunkedError::Trailer { offset: 5 }),
    ] {
        assert_eq!(unsigned(body), Err(expected), "{body:?}");
    }
}

#[test]
fn lines_are_bounded() {
    let long = "5;".to_owned() + &"x".repeat(CHUNK_LINE_BYTES_MAX);
    assert_eq!(unsigned(&long), Err(ChunkedError::TooLong { offset: 0 }));
    let many = "0\r\n".to_owned() + &"a:b\r\n".repeat(TRAILER_BYTES_MAX / 5 + 1) + "\r\n";
    assert!(matches!(unsigned(&many), Err(ChunkedError::TooLong { .. })));
}

#[test]
fn the_declared_length_must_hold() {
    let body = b"5\r\nhello\r\n0\r\n\r\n";
    let with = |length| decode(ChunkedDecoder::unsigned(Some(length)), &[body]);
    with(5).expect("the right length");
    assert_eq!(with(6), Err(ChunkedError::DecodedLength { expected: 6, found: 5 }));
    assert_eq!(with(4), Err(ChunkedError::DecodedLength { expected: 4, found: 5 }));
}

#[test]
fn chunks_that_were_changed_dropped_or_moved_are_refused() {
    let example = chunked_example();
    let refused = |body: &[u8]| match decode(example.decoder(), &[body]) {
        Err(ChunkedError::Signature { .. } | ChunkedError::DecodedLength { .. }) => {}
        other => panic!("accepted: {:?}", other.map(|decoded| decoded.payload.len())),
    };
    let mut changed = example.body.clone();
    changed[40_000] = b'b';
    refused(&changed);
    let second_chunk = "10000;chunk-signature=\r\n\r\n".len() + 64 + 65536;
    assert!(example.body[second_chunk..].starts_with(b"400;"));
    refused(&example.body[second_chunk..]);
    let mut unsigned = b"10000\r\n".to_vec();
    unsigned
        .extend_from_slice(&example.body[example.body.iter().position(|byte| *byte == b'\n').expect("a line") + 1..]);
    refused(&unsigned);
}

#[test]
fn trailers_that_were_changed_or_left_out_are_refused() {
    let example = trailer_example();
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).expect("ASCII");
    let whole = text(&example.body);
    for (from, to) in [
        ("sOO8/Q==", "sOO8/A=="),
        ("x-amz-checksum-crc32c", "x-amz-checksum-crc32d"),
        ("x-amz-checksum-crc32c:sOO8/Q==\r\n", ""),
        ("trailer-signature:d8", "trailer-signature:d9"),
    ] {
        let result = decode(example.decoder(), &[whole.replace(from, to).as_bytes()]);
        assert!(matches!(result, Err(ChunkedError::Signature { .. })), "{from}: {:?}", result.map(|_| ()));
    }
    let (start, _) = whole.split_once("x-amz-trailer-signature").expect("a signature");
    let unsigned = format!("{start}\r\n");
    assert_eq!(decode(example.decoder(), &[unsigned.as_bytes()]).map(|_| ()), Err(ChunkedError::Incomplete));
    let after = whole.trim_end().to_owned() + "\r\nx-amz-more:1\r\n\r\n";
    assert!(matches!(decode(example.decoder(), &[after.as_bytes()]), Err(ChunkedError::Trailer { .. })));
    // The documentation's own example has a line break more before the signature.
    let spaced = whole.replace("x-amz-trailer-signature", "\r\nx-amz-trailer-signature");
    decode(example.decoder(), &[spaced.as_bytes()]).expect("an empty line before the signature");
}

#[test]
fn signed_bodies_without_trailer_take_none() {
    let example = chunked_example();
    let end = example.body.len() - 2;
    let body = [&example.body[..end], b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"].concat();
    assert!(matches!(decode(example.decoder(), &[&body]), Err(ChunkedError::Trailer { .. })));
}

/// Bodies near the grammar, so that chance reaches all states.
fn framed() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"1;chunk-signature=aa\r\n!\r\n".to_vec()),
        Just(b"0\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"a:b\r\n".to_vec()),
        Just(b"x-amz-trailer-signature:00\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_the_input_is_split_changes_nothing(body in framed(), size in 1_usize..16, length in proptest::option::of(0_u64..12)) {
        let whole = run(ChunkedDecoder::unsigned(length), &[&body]);
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        prop_assert_eq!(run(ChunkedDecoder::unsigned(length), &pieces), whole);
    }

    #[test]
    fn how_a_signed_body_is_split_changes_nothing(cut in 0_usize..67_000, byte in 0_usize..67_000, flip in 0_u8..=8) {
        let example = trailer_example();
        let mut body = example.body.clone();
        let byte = byte % body.len();
        if flip < 8 {
            body[byte] ^= 1 << flip;
        }
        let whole = run(example.decoder(), &[&body]);
        let (front, back) = body.split_at(cut % body.len());
        prop_assert_eq!(&run(example.decoder(), &[front, back]), &whole);
        prop_assert!(flip < 8 || whole.1.is_ok());
    }

    #[test]
    fn what_was_framed_is_read_back(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6)) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        let decoded = decode(ChunkedDecoder::unsigned(Some(chunks.concat().len() as u64)), &[&body]);
        prop_assert_eq!(decoded.expect("well-formed").payload, chunks.concat());
    }
}
