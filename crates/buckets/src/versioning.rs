//! Versioning of a bucket, as the Amazon S3 user guide, "Retaining multiple versions", defines it.

use serde::{Deserialize, Serialize};

/// The version id of what is written while versioning is not on.
pub(crate) const NULL_VERSION: &str = "null";

/// Bytes of randomness in the id of any other version.
pub(crate) const VERSION_ID_BYTES: usize = 24;

/// Whether this can be the id of a version.
pub(crate) fn is_version_id(id: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id == NULL_VERSION || (id.len() == VERSION_ID_BYTES.div_ceil(3) * 4 && id.bytes().all(is_letter))
}

/// What becomes of the object that a write or a deletion finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum VersioningStatus {
    /// It goes: versioning was never on.
    #[default]
    Off,
    /// It stays as a version.
    Enabled,
    /// It stays if versioning was on when it was written.
    Suspended,
}

/// Versioning of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Versioning {
    pub(crate) status: VersioningStatus,
    /// Whether versions are removed only with a code of the device of the root user.
    pub(crate) has_mfa_delete: bool,
}

impl Versioning {
    /// The id that callers see.
    pub(crate) fn shown_id(self, id: &str) -> Option<String> {
        (self.status != VersioningStatus::Off).then(|| id.to_owned())
    }
}
