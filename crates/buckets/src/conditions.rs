//! Conditions of a request, as RFC 9110 section 13 and the S3 pages on conditional requests define them.

use s3s::dto::{ETag, ETagCondition};

/// What a conditional write asks of the object before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WriteCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    /// Size in bytes that the object must have.
    pub(crate) size: Option<i64>,
    /// When the object must have been written, in seconds since 1970.
    pub(crate) modified_seconds: Option<i64>,
}

impl WriteCondition {
    /// `found` is ETag, size in bytes and time in milliseconds of the object that is there, if any.
    pub(crate) fn holds(&self, found: Option<(&str, i64, i64)>) -> bool {
        let Some((etag, size, modified_ms)) = found else { return !self.needs_object() };
        self.if_match.as_ref().is_none_or(|condition| matches_etag(condition, etag))
            && self.if_none_match.as_ref().is_none_or(|condition| !matches_etag(condition, etag))
            && self.size.is_none_or(|expected| expected == size)
            && self.modified_seconds.is_none_or(|expected| expected == modified_ms.div_euclid(1000))
    }

    /// Whether the condition can only hold for an object that exists.
    pub(crate) fn needs_object(&self) -> bool {
        self.if_match.is_some() || self.size.is_some() || self.modified_seconds.is_some()
    }
}

/// What a conditional read asks; times in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReadCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) modified_since_seconds: Option<i64>,
    pub(crate) unmodified_since_seconds: Option<i64>,
}

/// What to do with a conditional read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadVerdict {
    Proceed,
    NotModified,
    Failed,
}

impl ReadCondition {
    /// A tag outweighs the time beside it: `If-Match` that holds over `If-Unmodified-Since`, `If-None-Match` over
    /// `If-Modified-Since`.
    pub(crate) fn judge(&self, etag: &str, modified_ms: i64) -> ReadVerdict {
        let modified_seconds = modified_ms.div_euclid(1000);
        match (&self.if_match, self.unmodified_since_seconds) {
            (Some(condition), _) if !matches_etag(condition, etag) => return ReadVerdict::Failed,
            (None, Some(limit)) if modified_seconds > limit => return ReadVerdict::Failed,
            _ => {}
        }
        match (&self.if_none_match, self.modified_since_seconds) {
            (Some(condition), _) if matches_etag(condition, etag) => ReadVerdict::NotModified,
            (None, Some(limit)) if modified_seconds <= limit => ReadVerdict::NotModified,
            _ => ReadVerdict::Proceed,
        }
    }
}

fn matches_etag(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(value) | ETag::Weak(value)) => value == etag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: &str) -> Option<ETagCondition> {
        Some(ETagCondition::ETag(ETag::Strong(value.to_owned())))
    }

    #[test]
    fn tags_outweigh_times() {
        let check =
            |condition: ReadCondition, verdict| assert_eq!(condition.judge("a", 5_500), verdict, "{condition:?}");
        let none = ReadCondition::default();
        check(none.clone(), ReadVerdict::Proceed);
        check(ReadCondition { if_match: tag("b"), ..none.clone() }, ReadVerdict::Failed);
        check(
            ReadCondition { if_match: tag("a"), unmodified_since_seconds: Some(1), ..none.clone() },
            ReadVerdict::Proceed,
        );
        check(ReadCondition { unmodified_since_seconds: Some(4), ..none.clone() }, ReadVerdict::Failed);
        check(ReadCondition { unmodified_since_seconds: Some(5), ..none.clone() }, ReadVerdict::Proceed);
        check(ReadCondition { if_none_match: tag("a"), ..none.clone() }, ReadVerdict::NotModified);
        check(ReadCondition { if_none_match: Some(ETagCondition::Any), ..none.clone() }, ReadVerdict::NotModified);
        check(
            ReadCondition { if_none_match: tag("b"), modified_since_seconds: Some(9), ..none.clone() },
            ReadVerdict::Proceed,
        );
        check(ReadCondition { modified_since_seconds: Some(5), ..none.clone() }, ReadVerdict::NotModified);
        check(ReadCondition { modified_since_seconds: Some(4), ..none }, ReadVerdict::Proceed);
    }

    #[test]
    fn writes_look_at_what_is_there() {
        let there = Some(("a", 3, 7_000));
        let none = WriteCondition::default();
        let create = WriteCondition { if_none_match: Some(ETagCondition::Any), ..none.clone() };
        let update = WriteCondition { if_match: tag("a"), ..none.clone() };
        assert!(none.holds(None) && none.holds(there));
        assert!(create.holds(None) && !create.holds(there));
        assert!(!update.holds(None) && update.holds(there) && !update.holds(Some(("b", 3, 7_000))));
        assert!(!WriteCondition { size: Some(4), ..none.clone() }.holds(there));
        assert!(WriteCondition { modified_seconds: Some(7), ..none }.holds(there));
    }
}
