//! HTTP/1.1, both ends of a proxy.
//!
//! A proxy has both ends of a message in one hand, which a general server and a general client cannot use: here a call
//! stays in one task, its head is read once and goes on as it came (order and spelling of headers included), and no body
//! passes through a queue. Measured against the general ones in docs/benchmarks.md. HTTP/2 is left to the library.
//!
//! - [`io`]: a connection and what was read from it.
//! - [`head`]: heads of requests and answers.
//! - [`framing`]: where a body ends.
//! - [`body`]: a body on its connection.
//! - [`patience`]: how long an end waits.
//! - [`server`], [`client`]: the two ends.

pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod io;
mod patience;
pub(crate) mod server;

/// Reads bytes as heads and as bodies, for the fuzz target; whatever they are, there is an answer and no panic.
#[cfg(feature = "fuzzing")]
pub fn read_anything(bytes: &[u8]) {
    use bytes::BytesMut;

    let mut input = BytesMut::from(bytes);
    let names = &mut head::KnownNames::default();
    while let Ok(Some(head)) = head::take_request(&mut input, names) {
        let Ok(framing) = framing::of_request(&head.headers, head.version) else { break };
        let outgoing = head::Outgoing { head: &head, lines: head.lines.as_ref(), host: "h" };
        let _ = head::write_request(&outgoing, framing, 0);
        let mut decoder = framing::Decoder::new(framing);
        while let Ok(framing::Decoded::Data(_)) = decoder.decode(&mut input) {}
        if !decoder.is_ended() {
            break;
        }
    }
    if let Ok(Some(head)) = head::take_response(&mut BytesMut::from(bytes), names) {
        let _ = framing::of_response(&http::Method::GET, head.status, &head.headers);
        let _ = head::write_response(&head, head.lines.as_ref(), head::Framing::Chunked, None, 0);
    }
    let mut chunks = framing::Decoder::new(head::Framing::Chunked);
    let mut input = BytesMut::from(bytes);
    while let Ok(framing::Decoded::Data(_)) = chunks.decode(&mut input) {}
}
