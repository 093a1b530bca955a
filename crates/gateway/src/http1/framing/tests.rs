use proptest::prelude::*;

use super::*;

/// A header: its name and its value.
type Line = (&'static str, &'static str);

fn headers(lines: &[Line]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn a_request_tells_its_length_in_one_way_or_is_refused() {
    const LENGTH: &str = "content-length";
    const CODING: &str = "transfer-encoding";
    let cases: &[(&[Line], Option<Framing>)] = &[
        (&[], Some(Framing::Bodiless)),
        (&[(LENGTH, "0")], Some(Framing::Bodiless)),
        (&[(LENGTH, "12")], Some(Framing::Sized(12))),
        (&[(LENGTH, "12"), (LENGTH, "12")], Some(Framing::Sized(12))),
        (&[(LENGTH, "12"), (LENGTH, "13")], None),
        (&[(LENGTH, "12, 12")], None),
        (&[(LENGTH, "+12")], None),
        (&[(LENGTH, "-1")], None),
        (&[(LENGTH, "0x10")], None),
        (&[(LENGTH, "")], None),
        (&[(LENGTH, "99999999999999999999999")], None),
        (&[(CODING, "chunked")], Some(Framing::Chunked)),
        (&[(CODING, "Chunked")], Some(Framing::Chunked)),
        (&[(CODING, "gzip, chunked")], None),
        (&[(CODING, "identity")], None),
        (&[(CODING, "chunked"), (CODING, "chunked")], None),
        (&[(CODING, "xchunked")], None),
        (&[(CODING, "chunked"), (LENGTH, "12")], None),
    ];
    for (lines, expected) in cases {
        assert_eq!(of_request(&headers(lines), Version::HTTP_11).ok(), *expected, "{lines:?}");
    }
    of_request(&headers(&[(CODING, "chunked")]), Version::HTTP_10).expect_err("HTTP/1.0 knows no chunks");
}

#[test]
fn an_answer_may_have_no_body_whatever_it_says() {
    let sized = headers(&[("content-length", "5")]);
    for (method, status, lines, expected) in [
        (Method::GET, 200, &sized, Framing::Sized(5)),
        (Method::HEAD, 200, &sized, Framing::Bodiless),
        (Method::GET, 204, &sized, Framing::Bodiless),
        (Method::GET, 304, &sized, Framing::Bodiless),
        (Method::GET, 200, &headers(&[]), Framing::UntilClose),
        (Method::GET, 200, &headers(&[("transfer-encoding", "chunked")]), Framing::Chunked),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(of_response(&method, status, lines), Ok(expected), "{method} {status}");
    }
}

/// Feeds a body in parts. Gives its bytes, its trailers, whether it ended, and what is left behind it.
fn decode(framing: Framing, wire: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, HeaderMap, bool, Vec<u8>), FramingError> {
    let mut decoder = Decoder::new(framing);
    let mut input = BytesMut::new();
    let (mut data, mut trailers) = (Vec::new(), HeaderMap::new());
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
    bounds.extend([0, wire.len()]);
    bounds.sort_unstable();
    for pair in bounds.windows(2) {
        input.extend_from_slice(&wire[pair[0]..pair[1]]);
        while !decoder.is_ended() {
            match decoder.decode(&mut input)? {
                Decoded::Data(more) => data.extend_from_slice(&more),
                Decoded::Trailers(map) => trailers = *map,
                Decoded::End => {}
                Decoded::NeedsMore => break,
            }
        }
    }
    Ok((data, trailers, decoder.is_ended(), input.to_vec()))
}

#[test]
fn broken_chunks_are_refused() {
    for wire in [
        &b"x\r\n"[..],
        b"\r\n",
        b"5\n12345\r\n",
        b"-5\r\n",
        b"+5\r\n",
        b"0x5\r\n",
        b" 5\r\n",
        b"11111111111111111\r\n",
        b"5\r\n123456\r\n",
        b"5\r\n12345\n0\r\n\r\n",
        b"0\r\nbad trailer\r\n\r\n",
    ] {
        decode(Framing::Chunked, wire, &[]).expect_err(&String::from_utf8_lossy(wire));
    }
    let endless = vec![b'1'; SIZE_LINE_BYTES_MAX];
    decode(Framing::Chunked, &endless, &[]).expect_err("a size line without an end");
}

#[test]
fn what_follows_a_body_stays() {
    let next = b"GET / HTTP/1.1\r\n";
    for (framing, wire) in [
        (Framing::Sized(5), &b"12345"[..]),
        (Framing::Chunked, b"2;ext=1\r\n12\r\n3\r\n345\r\n0\r\n\r\n"),
        (Framing::Chunked, b"5 \r\n12345\r\n000\r\nX-Sum: 1\r\n\r\n"),
    ] {
        let (data, _, is_ended, rest) = decode(framing, &[wire, next].concat(), &[]).expect("a body");
        assert_eq!((data.as_slice(), is_ended, rest.as_slice()), (&b"12345"[..], true, &next[..]));
    }
}

proptest! {
    #[test]
    fn chunks_come_back_however_they_are_cut(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..8),
        has_trailer: bool,
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let trailers = has_trailer.then(|| headers(&[("x-amz-checksum-crc32", "AAAAAA==")]));
        let mut writer = ChunkWriter::default();
        let mut wire = Vec::new();
        for part in &parts {
            wire.extend_from_slice(&writer.begin(part.len()));
            wire.extend_from_slice(part);
        }
        wire.extend_from_slice(&writer.end(trailers.as_ref()));
        let (data, found, is_ended, rest) = decode(Framing::Chunked, &wire, &cuts).expect("a body");
        prop_assert_eq!(data, parts.concat());
        prop_assert_eq!(found, trailers.unwrap_or_default());
        prop_assert!(is_ended && rest.is_empty());
        let (_, _, is_ended, _) = decode(Framing::Chunked, &wire[..wire.len() - 1], &cuts).expect("a part");
        prop_assert!(!is_ended);
    }

    #[test]
    fn any_bytes_get_an_answer(wire: Vec<u8>, length: u64, cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        for framing in [Framing::Chunked, Framing::Sized(length), Framing::UntilClose, Framing::Bodiless] {
            let _ = decode(framing, &wire, &cuts);
        }
    }
}
