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
    ///
    /// Of repeated parameters the first counts, as it does for the servers that we know.
    pub(super) fn find(form: &'a [u8]) -> Option<Self> {
        let mut name = None;
        let mut version = None;
        for pair in form.split(|byte| *byte == b'&') {
            if let Some(value) = pair.strip_prefix(b"Action=") {
                name = name.or(Some(value));
            } else if let Some(value) = pair.strip_prefix(b"Version=") {
                version = version.or(Some(value));
            }
            if name.is_some() && version.is_some() {
                break;
            }
        }
        // A form that was sent from a file ends with the file's line end.
        let name = percent_decode(name?.trim_ascii_end()).decode_utf8().ok()?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        Some(Self { name, version: version.and_then(|value| std::str::from_utf8(value.trim_ascii_end()).ok()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_action_wherever_it_stands() {
        for form in [
            &b"Version=2010-05-08&UserName=a%26Action%3DX&Action=CreateUser"[..],
            b"Action=CreateUser&Action=DeleteUser&Version=2010-05-08&Version=2015-12-01",
            b"Action=Create%55ser&Version=2010-05-08\r\n",
            b"Version=2010-05-08&Action=CreateUser\n",
        ] {
            let action = QueryAction::find(form).expect("one");
            assert_eq!((&*action.name, action.version), ("CreateUser", Some("2010-05-08")));
        }
        for form in [&b""[..], b"Action=", b"Action=a%00b", b"action=X", b"{\"Action\":\"X\"}"] {
            assert_eq!(QueryAction::find(form), None, "{form:?}");
        }
    }
}
