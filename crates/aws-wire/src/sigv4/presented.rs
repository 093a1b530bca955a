//! What a request presents as proof of its sender.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use model::AccessKeyId;

use super::error::SigV4Error;
use super::payload::PayloadDeclaration;
use super::percent::decode_query_text;
use super::scope::CredentialScope;
use super::timestamp::AmzDate;
use super::{header_form, query_form};
use crate::RequestHead;

/// Credentials as presented: read, not proved.
#[derive(Debug, Clone, PartialEq)]
pub enum Presented<'a> {
    /// None.
    Anonymous,
    /// Signature Version 4 in the `Authorization` header.
    Header(Authorization<'a>),
    /// Signature Version 4 in the query: a presigned URL.
    PresignedQuery(Authorization<'a>),
    /// Signature Version 4A (`AWS4-ECDSA-P256-SHA256`), whose scope has no region. Recognised, never verified.
    SigV4A {
        /// The key.
        access_key_id: AccessKeyId,
        /// Signing name of the service.
        service: Cow<'a, str>,
        /// Where it stood.
        placement: Placement,
    },
    /// Signature Version 2 (`AWS id:signature`, or `AWSAccessKeyId` in the query); see [`crate::sigv2`].
    SigV2 {
        /// The key.
        access_key_id: AccessKeyId,
        /// Where it stood.
        placement: Placement,
    },
    /// A bearer token.
    Bearer,
}

/// A Signature Version 4 and everything that it says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorization<'a> {
    /// Header or query.
    pub placement: Placement,
    /// The key that claims to have signed.
    pub access_key_id: AccessKeyId,
    /// Day, region and service.
    pub scope: CredentialScope<'a>,
    /// Names of the signed headers, joined by `;`, as presented.
    pub signed_headers: Cow<'a, str>,
    /// 64 hexadecimal digits, as presented.
    pub signature: Cow<'a, str>,
    /// Time of the signature.
    pub date: AmzDate,
    /// Token of a temporary session.
    pub session_token: Option<Cow<'a, str>>,
    /// What is said about the body.
    pub payload: PayloadDeclaration,
    /// Life of a presigned URL in seconds, 1 to 604,800. `None` in header signatures, and in URLs for services other
    /// than S3 that leave it out: they live as long as a header signature.
    pub expires_seconds: Option<u32>,
}

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query,
}

/// Reads what a request presents.
///
/// # Errors
/// Two mechanisms at once, or a Signature Version 4 that is incomplete, malformed, or scoped to another day than its
/// own. The absence of credentials is no error: it is [`Presented::Anonymous`].
pub fn parse<'a>(head: &RequestHead<'a>) -> Result<Presented<'a>, SigV4Error> {
    let mut headers = head.headers.get_all(AUTHORIZATION).iter();
    let query = query_form::find(head.query);
    match (headers.next(), headers.next(), query) {
        (None, _, None) => Ok(Presented::Anonymous),
        (None, _, Some(query)) => query_form::parse(head, &query),
        (Some(header), None, None) => header_form::parse(head, header),
        (Some(_), _, _) => Err(SigV4Error::TwoMechanisms),
    }
}

/// The service that a signature names which [`parse`] refuses: the last part but one of its credential scope, as it stands.
///
/// Servers that check no signatures read no more than this and carry the call out, so that it must be known as one.
pub fn claimed_service(head: &RequestHead<'_>) -> Option<String> {
    /// Key, day, region, service, and the word that ends a scope.
    const SCOPE_PARTS: usize = 5;
    fn in_header(value: &http::HeaderValue) -> Option<Cow<'_, str>> {
        let (_, credential) = value.to_str().ok()?.split_once("Credential=")?;
        credential.split([',', ' ']).next().map(Cow::Borrowed)
    }
    let in_query = || {
        let pairs = head.query?.split('&').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(name, _)| decode_query_text(name).eq_ignore_ascii_case("X-Amz-Credential"));
        named.next().map(|(_, value)| decode_query_text(value))
    };
    let credential = head.headers.get_all(AUTHORIZATION).iter().find_map(in_header).or_else(in_query)?;
    let parts: Vec<&str> = credential.split('/').collect();
    (parts.len() >= SCOPE_PARTS).then(|| parts[parts.len() - 2].to_owned())
}

impl<'a> Presented<'a> {
    /// The Signature Version 4, if there is one.
    pub fn authorization(&self) -> Option<&Authorization<'a>> {
        match self {
            Self::Header(authorization) | Self::PresignedQuery(authorization) => Some(authorization),
            Self::Anonymous | Self::SigV4A { .. } | Self::SigV2 { .. } | Self::Bearer => None,
        }
    }

    /// The key that claims to have signed.
    pub fn access_key_id(&self) -> Option<&AccessKeyId> {
        match self {
            Self::Header(authorization) | Self::PresignedQuery(authorization) => Some(&authorization.access_key_id),
            Self::SigV4A { access_key_id, .. } | Self::SigV2 { access_key_id, .. } => Some(access_key_id),
            Self::Anonymous | Self::Bearer => None,
        }
    }

    /// The signing name of the service that the signature is for.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Header(authorization) | Self::PresignedQuery(authorization) => Some(&authorization.scope.service),
            Self::SigV4A { service, .. } => Some(service),
            Self::SigV2 { .. } | Self::Anonymous | Self::Bearer => None,
        }
    }
}

impl Authorization<'_> {
    /// Requires the scope to be for this service and, if given, this region.
    ///
    /// # Errors
    /// [`SigV4Error::ScopeRegion`] or [`SigV4Error::ScopeService`]; the region is looked at first, as AWS does.
    pub fn require_scope(&self, service: &str, region: Option<&str>) -> Result<(), SigV4Error> {
        if let Some(expected) = region
            && self.scope.region != expected
        {
            return Err(SigV4Error::ScopeRegion {
                found: self.scope.region.to_string(),
                expected: expected.to_owned(),
                placement: self.placement,
            });
        }
        if self.scope.service != service {
            return Err(SigV4Error::ScopeService {
                found: self.scope.service.to_string(),
                expected: service.to_owned(),
                placement: self.placement,
            });
        }
        Ok(())
    }
}

/// The checks that both forms share: the scope ends as it must, and is for the day of the signature.
pub(super) fn check_scope(
    scope: &CredentialScope<'_>,
    terminator: &str,
    date: AmzDate,
    placement: Placement,
) -> Result<(), SigV4Error> {
    if terminator != super::scope::TERMINATOR {
        return Err(SigV4Error::ScopeTerminator { found: terminator.to_owned(), placement });
    }
    if scope.date != date.day() {
        return Err(SigV4Error::ScopeDate { found: scope.date.to_string(), date, placement });
    }
    Ok(())
}
