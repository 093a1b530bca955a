//! What stands between a body and its protocol: compression, and event streams that have no end to wait for.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::DecodeError;
use crate::catalog::{Service, ShapeId, ShapeKind};

/// Most bytes that a compressed body may have inside. Services take requests of a few megabytes.
pub const INFLATED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// First bytes of gzip.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A body without its compression. SDKs compress long requests (Smithy `requestCompression`, such as CloudWatch's
/// PutMetricData), and services their answers where the caller takes gzip. A body whose headers speak of gzip and which
/// is none is left as it is.
///
/// # Errors
/// The gzip is damaged, or holds more than [`INFLATED_BYTES_MAX`].
pub fn inflated<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, DecodeError> {
    if !body.starts_with(&GZIP_MAGIC) || !is_gzip(headers) {
        return Ok(Cow::Borrowed(body));
    }
    let mut inside = Vec::with_capacity(body.len().saturating_mul(4));
    let mut reader = MultiGzDecoder::new(body).take(INFLATED_BYTES_MAX + 1);
    reader.read_to_end(&mut inside).map_err(|error| DecodeError::new("gzip", error.to_string()))?;
    if inside.len() as u64 > INFLATED_BYTES_MAX {
        return Err(DecodeError::new("gzip", format!("more than {INFLATED_BYTES_MAX} bytes inside")));
    }
    Ok(Cow::Owned(inside))
}

fn is_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"))
}

/// Whether a body is a stream of events.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"application/vnd.amazon.eventstream"))
}

/// Whether a structure has a member that is a stream of events.
pub(super) fn has_event_stream(service: &Service, shape: ShapeId) -> bool {
    service.structure(shape).is_some_and(|structure| {
        structure.members.iter().any(|member| {
            let inner = service.structure(member.shape);
            inner.is_some_and(|inner| inner.is_event_stream)
        })
    })
}

/// Whether the body of a structure is one member as it is, whose bytes no protocol looks into.
pub(super) fn is_raw(service: &Service, shape: ShapeId) -> bool {
    let payload = service.structure(shape).and_then(|structure| {
        let member = structure.members.get(usize::from(structure.payload?))?;
        Some(&service.shape(member.shape).kind)
    });
    matches!(payload, Some(ShapeKind::Blob { .. } | ShapeKind::String))
}
