//! Credentials and their scope.

use std::borrow::Cow;
use std::fmt;

use model::AccessKeyId;

/// What a signature is good for: a day, a region and a service, as the signer wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope<'a> {
    /// Day, `YYYYMMDD`. [`super::parse`] has checked that it is the day of the signature's time.
    pub date: Cow<'a, str>,
    /// Region.
    pub region: Cow<'a, str>,
    /// Signing name of the service.
    pub service: Cow<'a, str>,
}

/// The last element of every scope.
pub const TERMINATOR: &str = "aws4_request";

impl CredentialScope<'_> {
    /// The same scope, owning its texts.
    pub fn into_owned(self) -> CredentialScope<'static> {
        CredentialScope {
            date: Cow::Owned(self.date.into_owned()),
            region: Cow::Owned(self.region.into_owned()),
            service: Cow::Owned(self.service.into_owned()),
        }
    }
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// The value of a `Credential` parameter: a key id and the scope, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential<'a> {
    pub(super) access_key_id: AccessKeyId,
    pub(super) scope: CredentialScope<'a>,
    pub(super) terminator: Cow<'a, str>,
}

/// Splits `keyid/date/region/service/term`. Key ids of other stores may hold a slash, so the split starts at the end.
pub(super) fn parse_credential(text: Cow<'_, str>) -> Option<Credential<'_>> {
    let parts = match &text {
        Cow::Borrowed(text) => split(text)?.map(Cow::Borrowed),
        Cow::Owned(text) => split(text)?.map(|part| Cow::Owned(part.to_owned())),
    };
    let [access_key_id, date, region, service, terminator] = parts;
    let access_key_id = AccessKeyId::parse(&access_key_id).ok()?;
    Some(Credential { access_key_id, scope: CredentialScope { date, region, service }, terminator })
}

fn split(text: &str) -> Option<[&str; 5]> {
    let mut slashes = text.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'/').map(|(place, _)| place);
    let (fourth, third, second, first) = (slashes.next()?, slashes.next()?, slashes.next()?, slashes.next()?);
    let between = |slash: usize, next: usize| &text[slash + 1..next];
    let (date, region, service) = (between(first, second), between(second, third), between(third, fourth));
    Some([&text[..first], date, region, service, &text[fourth + 1..]])
}

/// The credential of SigV4A has no region: `keyid/date/service/term`.
pub(super) fn parse_regionless_credential(text: &str) -> Option<(AccessKeyId, &str)> {
    let mut parts = text.rsplitn(4, '/');
    let (_terminator, service, _date, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((AccessKeyId::parse(id).ok()?, service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_from_the_end() {
        let credential = parse_credential("a/b/20150830/us-east-1/iam/aws4_request".into()).expect("five elements");
        assert_eq!(credential.access_key_id.as_str(), "a/b");
        assert_eq!(credential.scope.to_string(), "20150830/us-east-1/iam/aws4_request");
        assert!(parse_credential("20150830/us-east-1/iam/aws4_request".into()).is_none());
        assert!(parse_credential("/20150830/us-east-1/iam/aws4_request".into()).is_none());
    }
}
