//! Where a call came from, when proxies stand in front.
//!
//! Nobody is believed unless listed: an address that a stranger claims would make the record a lie.

use std::net::IpAddr;

use http::HeaderMap;

/// Networks of proxies whose word about the address of a caller counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// The text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no network: expected an address such as 10.0.0.7, or a range such as 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError {
    text: String,
}

impl Network {
    /// Parses `address` or `address/bits`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError { text: text.to_owned() };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(bits_max), |bits| bits.parse().map_err(|_| error()))?;
        if prefix_bits > bits_max {
            return Err(error());
        }
        Ok(Self { address, prefix_bits })
    }

    fn contains(self, ip: IpAddr) -> bool {
        let (mine, theirs, width) = match (self.address, ip) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => (u128::from(mine.to_bits()), u128::from(theirs.to_bits()), 32),
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => (mine.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        (mine ^ theirs).checked_shr(width - u32::from(self.prefix_bits)).unwrap_or(0) == 0
    }
}

impl TrustedProxies {
    /// The proxies of these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }

    /// The address of the caller: the last one in `X-Forwarded-For`, from right to left, that is no trusted proxy.
    /// What stands left of it was written by strangers. An entry that is no address ends the search: whoever wrote it
    /// knows no better than the one before.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer;
        if !self.contains(peer) {
            return source;
        }
        let values = headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>();
        let entries = values.iter().rev().filter_map(|value| value.to_str().ok()).flat_map(|text| text.rsplit(','));
        for entry in entries {
            let Some(ip) = forwarded_address(entry.trim()) else { break };
            source = ip;
            if !self.contains(ip) {
                break;
            }
        }
        source
    }
}

/// An address as proxies write it: bare, in brackets, with or without a port.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn trusted() -> TrustedProxies {
        TrustedProxies::new(
            ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|text| Network::parse(text).expect(text)).to_vec(),
        )
    }

    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).expect("a value"));
        }
        let source = trusted().source(peer.parse().expect("an address"), &headers);
        assert_eq!(source.to_string(), expected, "{peer} {forwarded:?}");
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_caller() {
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("10.9.9.9", &["192.0.2.66, 192.0.2.1, 10.1.1.1"], "192.0.2.1");
        check("10.9.9.9", &["192.0.2.66", "192.0.2.1,10.1.1.1 "], "192.0.2.1");
        check("10.9.9.9", &["10.2.2.2, 10.1.1.1"], "10.2.2.2");
        check("fd00::1", &["[2001:db8::1]:443"], "2001:db8::1");
        check("10.9.9.9", &["192.0.2.1:5000"], "192.0.2.1");
        check("10.9.9.9", &["::ffff:192.0.2.1"], "192.0.2.1");
    }

    #[test]
    fn a_stranger_is_not_believed() {
        check("192.0.2.9", &["192.0.2.1"], "192.0.2.9");
        check("2001:db8::9", &["192.0.2.1"], "2001:db8::9");
        check("10.9.9.9", &["192.0.2.1, unknown, 10.1.1.1"], "10.1.1.1");
        check("10.9.9.9", &[""], "10.9.9.9");
    }

    #[test]
    fn networks_are_addresses_or_ranges() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/", "host", "10.0.0.0/-1"] {
            Network::parse(text).expect_err(text);
        }
        for (text, ip, is_in) in [
            ("0.0.0.0/0", "192.0.2.1", true),
            ("::/0", "192.0.2.1", false),
            ("::/0", "::1", true),
            ("192.0.2.0/31", "192.0.2.1", true),
            ("192.0.2.0/31", "192.0.2.2", false),
        ] {
            let network = Network::parse(text).expect(text);
            assert_eq!(network.contains(ip.parse().expect("an address")), is_in, "{text} {ip}");
        }
    }
}
