//! The action and version of the query protocols.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// `Action` and `Version` of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryAction<'a> {
    /// Name of the operation.
    pub(super) name: Cow<'a, str>,
    /// Version of the API.
    pub(super) version: Option<&'a str>,
}

impl<'a> QueryAction<'a> {
    /// Finds the action in form-encoded bytes. Names of actions are letters and digits, so a value that is not is none.
    pub(super) fn find(form: &'a [u8]) -> Option<Self> {
        let mut name = None;
        let mut version = None;
        for pair in form.split(|byte| *byte == b'&') {
            if let Some(value) = pair.strip_prefix(b"Action=") {
                name = Some(percent_decode(value).decode_utf8().ok()?);
            } else if let Some(value) = pair.strip_prefix(b"Version=") {
                version = std::str::from_utf8(value).ok();
            }
            if name.is_some() && version.is_some() {
                break;
            }
        }
        let name = name.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
        Some(Self { name, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_action_wherever_it_stands() {
        let action = QueryAction::find(b"Version=2010-05-08&UserName=a%26Action%3DX&Action=CreateUser").expect("one");
        assert_eq!((&*action.name, action.version), ("CreateUser", Some("2010-05-08")));
        for form in [&b""[..], b"Action=", b"Action=a%00b", b"action=X", b"{\"Action\":\"X\"}"] {
            assert_eq!(QueryAction::find(form), None, "{form:?}");
        }
    }
}
