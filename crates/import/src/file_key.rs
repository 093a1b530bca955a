//! Which file it is, and what its bytes were: the two columns of the ledger.

use std::borrow::Cow;

/// Names a file for ever: the bytes of an absolute path, or `s3://bucket/key`. Paths need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey(Vec<u8>);

impl FileKey {
    /// A key of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, as the ledger keeps them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people; bytes that are not UTF-8 show as replacement characters.
    pub fn display(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// What the bytes of a file were: their number and a tag that says how they are told from others, `sha256:HEX` for
/// files and `etag:TEXT` for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Size as it lies there, compressed or not.
    pub size_bytes: u64,
    /// Scheme and value.
    pub tag: String,
}
