//! What a request says about its body: `x-amz-content-sha256`.

use sha2::{Digest, Sha256};

/// The declaration of the body in `x-amz-content-sha256`.
///
/// Source: Amazon S3 API reference, "Common request headers" and the pages on transferring payload in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadDeclaration {
    /// No declaration. Services other than S3 then sign the hash of the body itself.
    Absent,
    /// SHA-256 of the whole body.
    Exact([u8; 32]),
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: aws-chunked, each chunk signed.
    StreamingSigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: each chunk and the trailer signed.
    StreamingSignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: aws-chunked with a trailer, nothing signed.
    StreamingUnsignedTrailer,
    /// `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD`: chunks signed with SigV4A.
    StreamingEcdsa,
    /// `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER`.
    StreamingEcdsaTrailer,
    /// Something else. Reading goes on, for a record can still be made of the call; verification refuses it.
    Unrecognised,
}

/// Name of the header that declares the body.
pub const CONTENT_SHA256_HEADER: &str = "x-amz-content-sha256";

const NAMED: [(PayloadDeclaration, &str); 6] = [
    (PayloadDeclaration::Unsigned, "UNSIGNED-PAYLOAD"),
    (PayloadDeclaration::StreamingSigned, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    (PayloadDeclaration::StreamingSignedTrailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
    (PayloadDeclaration::StreamingUnsignedTrailer, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    (PayloadDeclaration::StreamingEcdsa, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
    (PayloadDeclaration::StreamingEcdsaTrailer, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"),
];

impl PayloadDeclaration {
    /// Parses the value of the header: one of the names, or a SHA-256 in lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Self {
        match NAMED.iter().find(|(_, name)| *name == text) {
            Some((declaration, _)) => *declaration,
            None => parse_lower_hex(text).map_or(Self::Unrecognised, Self::Exact),
        }
    }

    /// The value of the header; `None` when there is none, or none that was understood.
    pub fn header_value(&self) -> Option<String> {
        match self {
            Self::Absent | Self::Unrecognised => None,
            Self::Exact(hash) => Some(hex::encode(hash)),
            named => NAMED.iter().find(|(declaration, _)| declaration == named).map(|(_, name)| (*name).to_owned()),
        }
    }

    /// Whether the body is framed as `aws-chunked`.
    pub fn is_chunked(&self) -> bool {
        !matches!(self, Self::Absent | Self::Exact(_) | Self::Unsigned | Self::Unrecognised)
    }
}

/// The SHA-256 of a whole body, as [`super::verify()`] and [`PayloadDeclaration::Exact`] take it.
pub fn payload_hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// 32 bytes from 64 lower-case hexadecimal digits. Upper case is refused: AWS never writes it, and a signature or hash
/// that can be written in two ways would not cover its own text.
pub(super) fn parse_lower_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    let mut seen = 0;
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = (LOWER_HEX[usize::from(digits[0])], LOWER_HEX[usize::from(digits[1])]);
        // What is no digit has bits above the lowest four.
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen < 0x10).then_some(bytes)
}

/// Values of the lower-case hexadecimal digits; 255 for every other byte.
const LOWER_HEX: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let exact = PayloadDeclaration::Exact([0xab; 32]);
        for declaration in NAMED.iter().map(|(declaration, _)| *declaration).chain([exact]) {
            let text = declaration.header_value().expect("not absent");
            assert_eq!(PayloadDeclaration::parse(&text), declaration);
        }
        for text in ["", "unsigned-payload", &"AB".repeat(32), &"a".repeat(63)] {
            assert_eq!(PayloadDeclaration::parse(text), PayloadDeclaration::Unrecognised, "{text}");
        }
    }
}
