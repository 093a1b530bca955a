//! Checksums of bodies, and of objects that were made from parts.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};

use crate::attributes::{Algorithm, ChecksumKind, Checksums};

/// MD5 and whichever other checksums are wanted, over one pass of the bytes.
pub(crate) struct BodyHasher {
    md5: Md5,
    crc32: Option<Crc32>,
    crc32c: Option<Crc32c>,
    crc64nvme: Option<Crc64Nvme>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl BodyHasher {
    pub(crate) fn new(algorithms: &BTreeSet<Algorithm>) -> Self {
        let wants = |algorithm| algorithms.contains(&algorithm);
        Self {
            md5: Md5::new(),
            crc32: wants(Algorithm::Crc32).then(Crc32::new),
            crc32c: wants(Algorithm::Crc32c).then(Crc32c::new),
            crc64nvme: wants(Algorithm::Crc64Nvme).then(Crc64Nvme::new),
            sha1: wants(Algorithm::Sha1).then(Sha1::new),
            sha256: wants(Algorithm::Sha256).then(Sha256::new),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc32.iter_mut().for_each(|sum| sum.update(bytes));
        self.crc32c.iter_mut().for_each(|sum| sum.update(bytes));
        self.crc64nvme.iter_mut().for_each(|sum| sum.update(bytes));
        self.sha1.iter_mut().for_each(|sum| sum.update(bytes));
        self.sha256.iter_mut().for_each(|sum| sum.update(bytes));
    }

    /// MD5, and the others by algorithm.
    pub(crate) fn finish(self) -> ([u8; 16], Checksums) {
        let mut sums = Checksums::default();
        let mut add = |algorithm, value: Option<String>| {
            if let Some(value) = value {
                sums.0.insert(algorithm, value);
            }
        };
        add(Algorithm::Crc32, self.crc32.map(|sum| BASE64.encode(sum.finalize())));
        add(Algorithm::Crc32c, self.crc32c.map(|sum| BASE64.encode(sum.finalize())));
        add(Algorithm::Crc64Nvme, self.crc64nvme.map(|sum| BASE64.encode(sum.finalize())));
        add(Algorithm::Sha1, self.sha1.map(|sum| BASE64.encode(sum.finalize())));
        add(Algorithm::Sha256, self.sha256.map(|sum| BASE64.encode(sum.finalize())));
        (self.md5.finalize(), sums)
    }
}

/// What is known of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartDigest<'a> {
    /// In bytes.
    pub(crate) size: u64,
    /// In hexadecimal digits.
    pub(crate) md5: &'a str,
    pub(crate) checksums: &'a Checksums,
}

/// The ETag of an object made from parts: MD5 of their MD5s, and their number. `None` when a part's MD5 is malformed.
pub(crate) fn multipart_etag(parts: &[PartDigest<'_>]) -> Option<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(part.md5).ok()?);
    }
    Some(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}

/// The checksum of an object made from parts, `None` when not all parts have the algorithm.
///
/// Without an algorithm of the caller's choice it is CRC64NVME over the full object. Without a type of the caller's
/// choice, CRC64NVME is over the full object and the others are composite.
/// Source: Amazon S3 user guide, "Checking object integrity", table of full object and composite checksum types.
pub(crate) fn combine_parts(
    parts: &[PartDigest<'_>],
    algorithm: Option<Algorithm>,
    kind: Option<ChecksumKind>,
) -> Option<(ChecksumKind, Algorithm, String)> {
    let algorithm = algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let default = if algorithm == Algorithm::Crc64Nvme { ChecksumKind::FullObject } else { ChecksumKind::Composite };
    let kind = kind.unwrap_or(default);
    let values: Vec<(u64, Vec<u8>)> = parts
        .iter()
        .map(|part| Some((part.size, BASE64.decode(part.checksums.get(algorithm)?).ok()?)))
        .collect::<Option<_>>()?;
    let value = match kind {
        ChecksumKind::FullObject => BASE64.encode(combine_crcs(crc_of(algorithm)?, &values)),
        ChecksumKind::Composite => {
            let mut hasher = BodyHasher::new(&BTreeSet::from([algorithm]));
            values.iter().for_each(|(_, value)| hasher.update(value));
            format!("{}-{}", hasher.finish().1.get(algorithm)?, values.len())
        }
    };
    Some((kind, algorithm, value))
}

/// A reflected cyclic redundancy check.
#[derive(Debug, Clone, Copy)]
struct Crc {
    width_bytes: usize,
    /// Bits in reflected order.
    polynomial: u64,
}

/// `None` for hashes, which cannot be combined.
fn crc_of(algorithm: Algorithm) -> Option<Crc> {
    match algorithm {
        Algorithm::Crc32 => Some(Crc { width_bytes: 4, polynomial: 0xEDB8_8320 }),
        Algorithm::Crc32c => Some(Crc { width_bytes: 4, polynomial: 0x82F6_3B78 }),
        Algorithm::Crc64Nvme => Some(Crc { width_bytes: 8, polynomial: 0x9A6C_9329_AC4B_C9B5 }),
        Algorithm::Sha1 | Algorithm::Sha256 => None,
    }
}

/// A linear map over bits; column `i` is what bit `i` becomes.
type BitMap = [u64; 64];

fn apply(map: &BitMap, mut bits: u64) -> u64 {
    let mut result = 0;
    while bits != 0 {
        result ^= map[bits.trailing_zeros() as usize];
        bits &= bits - 1;
    }
    result
}

fn compose(after: &BitMap, before: &BitMap) -> BitMap {
    before.map(|column| apply(after, column))
}

impl Crc {
    /// What `bytes` zero bytes make of a checksum: one zero bit, squared and multiplied as the number says.
    fn zeros(self, bytes: u64) -> BitMap {
        let mut result: BitMap = std::array::from_fn(|bit| 1 << bit);
        let mut power: BitMap = std::array::from_fn(|bit| if bit == 0 { self.polynomial } else { 1 << (bit - 1) });
        for _ in 0..3 {
            power = compose(&power, &power);
        }
        let mut count = bytes;
        while count != 0 {
            if count & 1 == 1 {
                result = compose(&power, &result);
            }
            power = compose(&power, &power);
            count >>= 1;
        }
        result
    }
}

/// The checksum of the pieces one after the other, from size and checksum of each.
fn combine_crcs(crc: Crc, pieces: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut total = 0_u64;
    // Parts mostly have one size, so the map of the last one is kept.
    let mut shift: Option<(u64, BitMap)> = None;
    for (size, value) in pieces {
        let map = match shift {
            Some((for_size, map)) if for_size == *size => map,
            _ => crc.zeros(*size),
        };
        shift = Some((*size, map));
        let piece = value.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        total = apply(&map, total) ^ piece;
    }
    total.to_be_bytes()[8 - crc.width_bytes..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(bytes: &[u8]) -> Checksums {
        let mut hasher = BodyHasher::new(&Algorithm::ALL.into());
        hasher.update(bytes);
        hasher.finish().1
    }

    #[test]
    fn combined_checksums_equal_those_of_the_whole() {
        let whole: Vec<u8> = (0..5000_u32).map(|i| (i * 31 % 251) as u8).collect();
        for cuts in [vec![0, 5000], vec![0, 1, 5000], vec![0, 1000, 2000, 3000, 5000], vec![0, 4999, 5000]] {
            let pieces: Vec<(usize, Checksums)> =
                cuts.windows(2).map(|cut| (cut[1] - cut[0], sums(&whole[cut[0]..cut[1]]))).collect();
            let parts: Vec<PartDigest<'_>> =
                pieces.iter().map(|(size, checksums)| PartDigest { size: *size as u64, md5: "", checksums }).collect();
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let (_, _, value) =
                    combine_parts(&parts, Some(algorithm), Some(ChecksumKind::FullObject)).expect("combines");
                assert_eq!(Some(value), sums(&whole).get(algorithm), "{algorithm:?} {cuts:?}");
            }
            assert!(combine_parts(&parts, Some(Algorithm::Sha1), Some(ChecksumKind::FullObject)).is_none());
        }
    }

    #[test]
    fn composite_checksums_hash_those_of_the_parts() {
        let (first, second) = (sums(b"one"), sums(b"two"));
        let parts =
            [PartDigest { size: 3, md5: "", checksums: &first }, PartDigest { size: 3, md5: "", checksums: &second }];
        let (kind, _, value) = combine_parts(&parts, Some(Algorithm::Sha256), None).expect("combines");
        let mut both = Sha256::checksum(b"one").to_vec();
        both.extend(Sha256::checksum(b"two"));
        assert_eq!(kind, ChecksumKind::Composite);
        assert_eq!(value, format!("{}-2", BASE64.encode(Sha256::checksum(&both))));
    }

    #[test]
    fn known_values() {
        let check = sums(b"123456789");
        let expected = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
        ];
        for (algorithm, hexadecimal) in expected {
            let value = BASE64.decode(check.get(algorithm).expect("wanted")).expect("base64");
            assert_eq!(hex::encode(value), hexadecimal, "{algorithm:?}");
        }
    }
}
