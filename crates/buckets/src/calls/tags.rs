//! Tags of objects and buckets.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use s3s::dto::{Tag, TagSet};
use s3s::{S3Result, s3_error};

/// Tags of an object, of a bucket. Source: Amazon S3 user guide, "Object tagging" and "Bucket tagging".
pub(super) const OBJECT_TAGS_MAX: usize = 10;
pub(super) const BUCKET_TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// Reads `x-amz-tagging`: tags as a query string.
pub(super) fn parse_tag_header(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).map_err(|_| invalid())
    };
    let pairs = header.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
    let tags = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(key)?, decode(value)?))
    });
    check_tags(tags.collect::<S3Result<_>>()?, OBJECT_TAGS_MAX)
}

/// Reads the tags of a request's body.
pub(super) fn tags_of_set(set: TagSet, tags_max: usize) -> S3Result<Vec<(String, String)>> {
    let tags = set.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    check_tags(tags.collect(), tags_max)
}

pub(super) fn tag_set(tags: Vec<(String, String)>) -> TagSet {
    tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect()
}

fn check_tags(tags: Vec<(String, String)>, tags_max: usize) -> S3Result<Vec<(String, String)>> {
    if tags.len() > tags_max {
        return Err(s3_error!(InvalidTag, "There can be at most {tags_max} tags"));
    }
    let mut keys = BTreeSet::new();
    for (key, value) in &tags {
        let fits = !key.is_empty() && key.chars().count() <= KEY_CHARS_MAX && value.chars().count() <= VALUE_CHARS_MAX;
        if !fits {
            return Err(invalid());
        }
        if !keys.insert(key) {
            return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}

fn invalid() -> s3s::S3Error {
    s3_error!(InvalidTag, "The TagKey or TagValue you have provided is invalid")
}
