//! Names and ARNs of trails.
//!
//! Source: CloudTrail user guide, naming requirements; API reference, CreateTrail. The texts of the first five rules
//! are those of the original.

use model::{AccountId, Arn, Region};

use crate::error::ApiError;
use crate::error_code::ErrorCode;

const LENGTH_MIN: usize = 3;
const LENGTH_MAX: usize = 128;

/// A trail as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailReference {
    /// What was given.
    pub given: String,
    /// The ARN, given or made of the name with the caller's region and account.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Account of the ARN.
    pub account: AccountId,
    /// Region of the ARN.
    pub region: Region,
    /// Whether an ARN was given.
    pub is_arn: bool,
}

/// The ARN of a trail.
pub fn trail_arn(partition: &str, region: &Region, account: AccountId, name: &str) -> String {
    format!("arn:{partition}:cloudtrail:{}:{}:trail/{name}", region.as_str(), account.as_str())
}

impl TrailReference {
    /// Reads a name or an ARN.
    ///
    /// # Errors
    /// `InvalidTrailNameException` or `CloudTrailARNInvalidException`.
    pub fn parse(given: &str, account: AccountId, region: &Region) -> Result<Self, ApiError> {
        if given.starts_with("arn:") {
            return Self::parse_arn(given);
        }
        check_name(given)?;
        Ok(Self {
            given: given.to_owned(),
            arn: trail_arn(region.partition(), region, account, given),
            name: given.to_owned(),
            account,
            region: region.clone(),
            is_arn: false,
        })
    }

    /// Reads an ARN.
    ///
    /// # Errors
    /// `CloudTrailARNInvalidException`, or `InvalidTrailNameException` for the name in it.
    pub fn parse_arn(given: &str) -> Result<Self, ApiError> {
        let invalid = || {
            let text = model::limits::cut(given, 256);
            ApiError::refused(ErrorCode::CloudTrailARNInvalidException, format!("Trail ARN is not valid. {text}"))
        };
        let arn = Arn::parse(given).map_err(|_| invalid())?;
        let name =
            arn.resource().strip_prefix("trail/").filter(|_| arn.service() == "cloudtrail").ok_or_else(invalid)?;
        let account = AccountId::parse(arn.account()).map_err(|_| invalid())?;
        let region = Region::parse(arn.region()).map_err(|_| invalid())?;
        check_name(name)?;
        Ok(Self {
            given: given.to_owned(),
            arn: given.to_owned(),
            name: name.to_owned(),
            account,
            region,
            is_arn: true,
        })
    }
}

/// Checks a name.
///
/// # Errors
/// `InvalidTrailNameException` with the first rule that is broken.
pub fn check_name(name: &str) -> Result<(), ApiError> {
    let refused = |message: String| Err(ApiError::refused(ErrorCode::InvalidTrailNameException, message));
    let length = name.chars().count();
    if length < LENGTH_MIN {
        return refused(format!(
            "Trail name too short. Minimum allowed length: {LENGTH_MIN} characters. Specified name length: {length} \
             characters."
        ));
    }
    if length > LENGTH_MAX {
        return refused(format!(
            "Trail name too long. Maximum allowed length: {LENGTH_MAX} characters. Specified name length: {length} \
             characters."
        ));
    }
    let is_plain = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    if !is_plain(name.chars().next()) {
        return refused("Trail name must starts with a letter or number.".to_owned());
    }
    if !is_plain(name.chars().next_back()) {
        return refused("Trail name must ends with a letter or number.".to_owned());
    }
    let is_separator = |byte: u8| matches!(byte, b'.' | b'_' | b'-');
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_separator(byte)) {
        return refused(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), \
             and underscores (_)."
                .to_owned(),
        );
    }
    if name.as_bytes().windows(2).any(|pair| pair.iter().all(|byte| is_separator(*byte))) {
        return refused("Trail name cannot have adjacent periods, hyphens, or underscores.".to_owned());
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return refused("Trail name cannot be in IP address format.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, message: Option<&str>) {
        let refusal = check_name(name).err();
        assert_eq!(refusal.as_ref().map(ToString::to_string).as_deref(), message, "{name}");
        assert!(refusal.is_none_or(|refusal| refusal.code() == "InvalidTrailNameException"));
    }

    #[test]
    fn names_are_checked_in_order() {
        check("main", None);
        check("A.b-c_9", None);
        check(
            "?",
            Some("Trail name too short. Minimum allowed length: 3 characters. Specified name length: 1 characters."),
        );
        check(
            &"a".repeat(129),
            Some("Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters."),
        );
        check("-abc", Some("Trail name must starts with a letter or number."));
        check("trail!", Some("Trail name must ends with a letter or number."));
        check(
            "my#trail",
            Some(
                "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens \
                 (-), and underscores (_).",
            ),
        );
        check("my-_trail", Some("Trail name cannot have adjacent periods, hyphens, or underscores."));
        check("10.0.0.1", Some("Trail name cannot be in IP address format."));
    }

    #[test]
    fn names_and_arns_name_trails() {
        let (account, region) = (AccountId::parse("111122223333").unwrap(), Region::parse("eu-west-1").unwrap());
        let named = TrailReference::parse("main", account, &region).unwrap();
        assert_eq!(named.arn, "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main");
        let other =
            TrailReference::parse("arn:aws:cloudtrail:us-east-1:444455556666:trail/x-y", account, &region).unwrap();
        assert_eq!((other.name.as_str(), other.region.as_str(), other.is_arn), ("x-y", "us-east-1", true));
        for wrong in [
            "arn:aws:s3:::b",
            "arn:aws:cloudtrail:us-east-1:1:trail/abc",
            "arn:aws:cloudtrail:us-east-1:444455556666:channel/x",
        ] {
            let refusal = TrailReference::parse(wrong, account, &region).unwrap_err();
            assert_eq!(refusal.code(), "CloudTrailARNInvalidException", "{wrong}");
        }
    }
}
