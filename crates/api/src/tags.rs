//! `AddTags`, `RemoveTags`, `ListTags`: shapes and bounds.
//!
//! Source: CloudTrail API reference, Tag and the three operations; user guide, tag restrictions.

use serde::Serialize;

use crate::error::ApiError;
use crate::error_code::ErrorCode;
use crate::json_input::Members;

/// Most tags of one resource.
pub const TAGS_MAX: usize = 50;
/// Most resources of one `ListTags`.
pub const RESOURCES_MAX: usize = 20;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;
const LIST_MAX: usize = 200;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Key.
    pub key: String,
    /// Value, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What `AddTags` and `RemoveTags` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagsInput {
    /// ARN of the resource.
    pub resource_id: String,
    /// Tags, checked.
    pub tags: Vec<Tag>,
}

/// What `ListTags` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTagsInput {
    /// ARNs.
    pub resource_ids: Vec<String>,
}

/// What `ListTags` gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsOutput {
    /// In the order of the request.
    pub resource_tag_list: Vec<ResourceTag>,
}

/// The tags of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    /// ARN.
    pub resource_id: String,
    /// Its tags.
    pub tags_list: Vec<Tag>,
}

impl TagsInput {
    /// Reads and checks.
    ///
    /// # Errors
    /// A wrong JSON type, a missing member, or a tag out of bounds.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let resource_id = members.text("ResourceId")?.ok_or(ApiError::MissingMember { member: "resourceId" })?;
        let tags = read_tags(&mut members)?.ok_or(ApiError::MissingMember { member: "tagsList" })?;
        check_tags(&tags)?;
        Ok(Self { resource_id, tags })
    }
}

impl ListTagsInput {
    /// Reads and checks.
    ///
    /// # Errors
    /// A wrong JSON type, a missing member, too many resources, or a token, of which none was given out.
    pub fn read(mut members: Members) -> Result<Self, ApiError> {
        let ids = members.texts("ResourceIdList")?.ok_or(ApiError::MissingMember { member: "resourceIdList" })?;
        if ids.len() > RESOURCES_MAX {
            return Err(ApiError::refused(
                ErrorCode::ValidationException,
                format!(
                    "1 validation error detected: Value at 'resourceIdList' failed to satisfy constraint: Member must \
                     have length less than or equal to {RESOURCES_MAX}"
                ),
            ));
        }
        refuse_token(&mut members)?;
        Ok(Self { resource_ids: ids })
    }
}

/// Lists that fit one page give out no token, so none can come back.
pub(crate) fn refuse_token(members: &mut Members) -> Result<(), ApiError> {
    match members.text("NextToken")? {
        Some(_) => Err(ApiError::refused(ErrorCode::InvalidTokenException, "Invalid token.")),
        None => Ok(()),
    }
}

/// Reads `TagsList`.
pub(crate) fn read_tags(members: &mut Members) -> Result<Option<Vec<Tag>>, ApiError> {
    let Some(items) = members.structures_if_given("TagsList")? else { return Ok(None) };
    let mut tags: Vec<Tag> = Vec::with_capacity(items.len());
    for mut item in items {
        let key = item.text("Key")?.ok_or(ApiError::MissingMember { member: "tagsList.1.member.key" })?;
        tags.push(Tag { key, value: item.text("Value")? });
    }
    Ok(Some(tags))
}

/// Checks each tag of a request.
///
/// # Errors
/// `InvalidTagParameterException` with the first rule that is broken.
pub fn check_tags(tags: &[Tag]) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::refused(ErrorCode::InvalidTagParameterException, message));
    if tags.len() > LIST_MAX {
        return invalid(format!("A request may have {LIST_MAX} tags, not {}.", tags.len()));
    }
    for (index, tag) in tags.iter().enumerate() {
        let key = model::limits::cut(&tag.key, KEY_LENGTH_MAX);
        if !(1..=KEY_LENGTH_MAX).contains(&tag.key.chars().count()) || !tag.key.chars().all(is_tag_character) {
            return invalid(format!("The tag key '{key}' is not valid."));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return invalid(format!("The tag key '{key}' is reserved: keys must not begin with aws:."));
        }
        let value = tag.value.as_deref().unwrap_or_default();
        if value.chars().count() > VALUE_LENGTH_MAX || !value.chars().all(is_tag_character) {
            return invalid(format!("The value of the tag '{key}' is not valid."));
        }
        if tags[..index].iter().any(|other| other.key == tag.key) {
            return invalid(format!("The tag key '{key}' is given twice."));
        }
    }
    Ok(())
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || " _./=+-@:".contains(character)
}

/// The refusal of more tags than a resource may have.
pub fn too_many(resource: &str) -> ApiError {
    let message = format!("The number of tags per resource has exceeded the limit of {TAGS_MAX}: {resource}");
    ApiError::refused(ErrorCode::TagsLimitExceededException, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_input::parse_body;

    #[track_caller]
    fn check(tags: &str, code: Option<&str>) {
        let body = format!(r#"{{"ResourceId":"r","TagsList":{tags}}}"#);
        let read = TagsInput::read(parse_body(body.as_bytes()).unwrap());
        assert_eq!(read.err().map(|error| error.code()), code, "{tags}");
    }

    #[test]
    fn tags_are_checked() {
        check(r#"[{"Key":"team","Value":"blue"},{"Key":"cost"}]"#, None);
        check(r#"[{"Key":"größe","Value":""}]"#, None);
        check(r#"[{"Key":""}]"#, Some("InvalidTagParameterException"));
        check(r#"[{"Key":"aws:x"}]"#, Some("InvalidTagParameterException"));
        check(r#"[{"Key":"a"},{"Key":"a"}]"#, Some("InvalidTagParameterException"));
        check(r#"[{"Key":"a","Value":"*"}]"#, Some("InvalidTagParameterException"));
        check(r#"[{"Value":"a"}]"#, Some("ValidationException"));
        check(r#"{"Key":"a"}"#, Some("SerializationException"));
    }
}
