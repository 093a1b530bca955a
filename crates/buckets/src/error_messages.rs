//! A sentence for every error that the framework gives a code only. Clients show `Unknown` where there is none.

/// Codes and what they mean for whoever reads them. Source of the codes: S3 API reference, error responses.
const MESSAGES: &[(&str, &str)] = &[
    ("BadDigest", "The body that arrived does not have the checksum that was sent with it."),
    ("BucketAlreadyExists", "A bucket of this name exists already."),
    ("BucketAlreadyOwnedByYou", "You have a bucket of this name already."),
    ("BucketNotEmpty", "The bucket still holds objects; delete them first."),
    ("EntityTooLarge", "The object is larger than one request may carry."),
    ("EntityTooSmall", "A part is smaller than parts other than the last may be."),
    ("IncompleteBody", "Fewer bytes arrived than the length of the request says."),
    ("InternalError", "The bucket service failed; its log names the reason."),
    ("InvalidArgument", "An argument of the request has a value that is not allowed."),
    ("InvalidBucketName", "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens."),
    ("InvalidDigest", "The checksum that was sent is no checksum."),
    ("InvalidPart", "A part that was named was never uploaded, or has another ETag."),
    ("InvalidPartOrder", "Parts must be listed in the order of their numbers."),
    ("InvalidRange", "The range that was asked for lies outside the object."),
    ("InvalidRequest", "The request is not one that S3 defines."),
    ("InvalidURI", "The address of the request cannot be read."),
    ("KeyTooLongError", "A key has at most 1,024 bytes."),
    ("MalformedXML", "The document in the request is not well formed, or not of the form that the operation asks for."),
    ("MethodNotAllowed", "This resource does not allow the method."),
    ("MissingContentLength", "The request must say how long its body is."),
    ("NoSuchBucket", "There is no bucket of this name."),
    ("NoSuchKey", "There is no object of this key."),
    ("NoSuchUpload", "There is no multipart upload of this id; it may be complete or aborted."),
    ("NotImplemented", "The embedded buckets do not support this."),
    ("PreconditionFailed", "A condition of the request does not hold."),
    ("RequestTimeout", "The body did not arrive in time."),
];

/// What a code means.
pub(crate) fn message_for(code: &str) -> &'static str {
    MESSAGES
        .binary_search_by_key(&code, |(known, _)| known)
        .map_or("The request was refused.", |index| MESSAGES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(MESSAGES.is_sorted_by_key(|(code, _)| code));
        assert!(message_for("InvalidBucketName").contains("3 to 63"));
        assert_eq!(message_for("Nonsense"), "The request was refused.");
    }
}
