//! The PROXY protocol, versions 1 and 2: a header in front of a connection in which a proxy tells who is behind it.
//!
//! Pure: bytes in, header out. Source: "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most bytes of a header. Version 1 has 107 at most; version 2 has 16 and what it announces, of which addresses take
/// 216 and extensions some hundreds.
pub const PROXY_HEADER_BYTES_MAX: usize = 4096;

const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_FIXED_BYTES: usize = 16;
const V1_SIGNATURE: &[u8; 6] = b"PROXY ";
const V1_BYTES_MAX: usize = 107;

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its size in bytes; what follows belongs to the connection.
    pub header_bytes: usize,
    /// Who is behind the proxy; `None` when the proxy speaks for itself (health checks) or does not know.
    pub source: Option<IpAddr>,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// They start like neither version.
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    /// Not as the version has it.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
    /// Longer than [`PROXY_HEADER_BYTES_MAX`].
    #[error("the PROXY header is longer than {PROXY_HEADER_BYTES_MAX} bytes")]
    TooLong,
}

/// Reads the header at the start of `bytes`; `None` when more of it is to come.
///
/// # Errors
/// See [`ProxyHeaderError`]. The same bytes with more behind them give the same error.
pub fn parse(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    if starts_alike(bytes, V2_SIGNATURE) {
        return if bytes.len() < V2_FIXED_BYTES { Ok(None) } else { parse_v2(bytes) };
    }
    if starts_alike(bytes, V1_SIGNATURE) {
        return parse_v1(bytes);
    }
    Err(ProxyHeaderError::NoHeader)
}

fn starts_alike(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(byte, expected)| byte == expected)
}

fn parse_v2(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let [version_and_command, family, high, low] = bytes[12..V2_FIXED_BYTES] else { return Ok(None) };
    if version_and_command >> 4 != 2 {
        return Err(ProxyHeaderError::Malformed("its version is not 2"));
    }
    let size = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if size > PROXY_HEADER_BYTES_MAX {
        return Err(ProxyHeaderError::TooLong);
    }
    let Some(addresses) = bytes.get(V2_FIXED_BYTES..size) else { return Ok(None) };
    let source = match (version_and_command & 0xf, family >> 4) {
        (0, _) => None,
        (1, 1) => Some(IpAddr::from(first::<4>(addresses, 12)?)),
        (1, 2) => Some(IpAddr::from(first::<16>(addresses, 36)?)),
        // Unspecified, or a Unix socket.
        (1, 0 | 3) => None,
        (1, _) => return Err(ProxyHeaderError::Malformed("its address family is unknown")),
        _ => return Err(ProxyHeaderError::Malformed("its command is neither LOCAL nor PROXY")),
    };
    Ok(Some(ProxyHeader { header_bytes: size, source: source.map(|ip| ip.to_canonical()) }))
}

/// The first address of a block of two addresses and two ports.
fn first<const SIZE: usize>(addresses: &[u8], block_bytes: usize) -> Result<[u8; SIZE], ProxyHeaderError> {
    let malformed = ProxyHeaderError::Malformed("its addresses are cut short");
    let block = addresses.get(..block_bytes).ok_or(malformed)?;
    block.first_chunk().copied().ok_or(malformed)
}

fn parse_v1(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let window = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < V1_BYTES_MAX {
            Ok(None)
        } else {
            Err(ProxyHeaderError::Malformed("its line does not end"))
        };
    };
    let malformed = ProxyHeaderError::Malformed("its line is no version 1");
    let line = window[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok()).ok_or(malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    let source = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", family, source, destination, from, to] => {
            let ports = [from, to].iter().all(|port| port.parse::<u16>().is_ok());
            let source = match *family {
                "TCP4" => both::<Ipv4Addr>(source, destination),
                "TCP6" => both::<Ipv6Addr>(source, destination),
                _ => None,
            };
            Some(source.filter(|_| ports).ok_or(malformed)?)
        }
        _ => return Err(malformed),
    };
    Ok(Some(ProxyHeader { header_bytes: end + 1, source: source.map(|ip| ip.to_canonical()) }))
}

fn both<A: std::str::FromStr + Into<IpAddr>>(source: &str, destination: &str) -> Option<IpAddr> {
    let source = source.parse::<A>().ok()?;
    destination.parse::<A>().ok().map(|_| source.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut bytes = V2_SIGNATURE.to_vec();
        bytes.extend([0x20 | command, family]);
        bytes.extend((addresses.len() as u16).to_be_bytes());
        bytes.extend(addresses);
        bytes
    }

    fn check(bytes: &[u8], expected: Result<Option<&str>, &str>) {
        let mut with_more = bytes.to_vec();
        with_more.extend(b"GET / HTTP/1.1\r\n");
        let found = parse(&with_more);
        match expected {
            Ok(source) => {
                let source = source.map(|ip| ip.parse().expect("an address"));
                assert_eq!(found, Ok(Some(ProxyHeader { header_bytes: bytes.len(), source })), "{bytes:?}");
            }
            Err(part) => assert!(found.expect_err("no header").to_string().contains(part), "{bytes:?}"),
        }
    }

    #[test]
    fn version_1_is_a_line() {
        check(b"PROXY TCP4 192.0.2.1 10.0.0.1 5000 443\r\n", Ok(Some("192.0.2.1")));
        check(b"PROXY TCP6 2001:db8::1 ::1 5000 443\r\n", Ok(Some("2001:db8::1")));
        check(b"PROXY UNKNOWN\r\n", Ok(None));
        check(b"PROXY UNKNOWN anything at all\r\n", Ok(None));
        for line in
            ["TCP4 192.0.2.1 10.0.0.1 5000", "TCP4 ::1 ::1 1 2", "TCP4 h 10.0.0.1 1 2", "TCP4 1.1.1.1 1.1.1.1 1 70000"]
        {
            check(format!("PROXY {line}\r\n").as_bytes(), Err("no version 1"));
        }
        check(b"PROXY UNKNOWN\n", Err("no version 1"));
        check(&[b"PROXY ", [b'x'; 110].as_slice()].concat(), Err("does not end"));
    }

    #[test]
    fn version_2_is_binary() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0x13, 0x88, 1, 0xbb];
        check(&v2(1, 0x11, &v4), Ok(Some("192.0.2.1")));
        check(&v2(1, 0x11, &[&v4[..], &[4, 0, 1, 0]].concat()), Ok(Some("192.0.2.1")));
        let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets();
        check(&v2(1, 0x21, &[&mapped[..], &[0; 20]].concat()), Ok(Some("192.0.2.1")));
        check(&v2(0, 0, &[]), Ok(None));
        check(&v2(1, 0x31, &[0; 216]), Ok(None));
        check(&v2(1, 0x11, &v4[..11]), Err("cut short"));
        check(&v2(2, 0x11, &v4), Err("neither LOCAL nor PROXY"));
        check(&v2(1, 0x41, &v4), Err("family"));
        check(&v2(1, 0, &[0; 5000]), Err("longer than"));
        let mut old = v2(1, 0x11, &v4);
        old[12] = 0x11;
        check(&old, Err("version is not 2"));
        check(b"GET / HTTP/1.1\r\n", Err("does not begin"));
        check(b"\x16\x03\x01\x02\x00", Err("does not begin"));
    }

    proptest! {
        #[test]
        fn any_bytes_get_the_same_answer_however_they_come(version in 0..3, bytes: Vec<u8>) {
            let start: &[u8] = match version { 0 => b"", 1 => V1_SIGNATURE, _ => V2_SIGNATURE };
            let bytes = [start, &bytes].concat();
            let whole = parse(&bytes);
            if let Ok(Some(header)) = whole {
                prop_assert!(header.header_bytes <= bytes.len());
            }
            for end in 0..bytes.len() {
                match parse(&bytes[..end]) {
                    Ok(None) => {}
                    settled => prop_assert_eq!(settled, whole),
                }
            }
        }
    }
}
