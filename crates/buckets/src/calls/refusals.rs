//! Requests whose meaning would be lost: they are refused rather than half done.

use s3s::dto::ObjectCannedACL;
use s3s::{S3Result, s3_error};

/// What a request to write an object asks for beside the object.
#[derive(Debug, Default)]
pub(super) struct Extras<'a> {
    pub(super) acl: Option<&'a ObjectCannedACL>,
    pub(super) has_grants: bool,
    pub(super) storage_class: Option<&'a str>,
    pub(super) has_encryption: bool,
}

impl Extras<'_> {
    /// Access lists answer as a bucket of AWS does by default, where the owner of the bucket owns all objects.
    pub(super) fn check(&self) -> S3Result<()> {
        let acl = self.acl.map(ObjectCannedACL::as_str);
        if self.has_grants || !matches!(acl, None | Some("private" | "bucket-owner-full-control")) {
            return Err(no_access_lists());
        }
        if !matches!(self.storage_class, None | Some("STANDARD")) {
            return Err(s3_error!(InvalidStorageClass, "The storage class you specified is not valid"));
        }
        if self.has_encryption {
            return Err(no_encryption());
        }
        Ok(())
    }
}

pub(super) fn no_access_lists() -> s3s::S3Error {
    s3_error!(AccessControlListNotSupported, "The bucket does not allow ACLs")
}

pub(super) fn no_encryption() -> s3s::S3Error {
    s3_error!(
        NotImplemented,
        "Embedded buckets do not encrypt: ask for no encryption and put the data folder on an encrypted disk, or use a \
         bucket that encrypts."
    )
}
