//! Who calls, proved by Signature Version 4.

use api::ApiError;
use aws_wire::RequestHead;
use aws_wire::sigv4::{self, Authorization, CLOCK_SKEW_MAX, Presented, SecretAccessKey, SigV4Error};
use model::{AccessKeyId, AccountId, EventTime, Region, UserIdentity};
use sha2::{Digest, Sha256};

/// Access keys of the installation.
pub trait KeyDirectory: Send + Sync + 'static {
    /// The key of this id, if there is one and it is active. Reads memory only: it is asked once a request.
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey>;
}

/// A long-term key and its owner.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// Account of the owner.
    pub account: AccountId,
    /// The owner, as event records name them.
    pub identity: UserIdentity,
    /// What signatures are checked with.
    pub secret: SecretAccessKey,
    /// Whose events the owner may see.
    pub view: View,
}

/// Whose events a caller may see where OpenTrail gives more than AWS's API, which always keeps to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Those of the caller's own account.
    OwnAccount,
    /// Those of all accounts. Whoever has the installation's root key has its data folder, or was trusted with as much.
    AllAccounts,
}

impl KeyDirectory for access::Directory {
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey> {
        let principal = Self::find(self, access_key_id)?;
        Some(KnownKey {
            account: principal.account,
            identity: UserIdentity::clone(&principal.identity),
            secret: principal.secret.clone(),
            view: if principal.access_key_id == self.root().access_key_id {
                View::AllAccounts
            } else {
                View::OwnAccount
            },
        })
    }
}

/// Who called, as far as the request says.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedCaller {
    /// The request names nobody, or cannot be read.
    Nobody,
    /// A key that is not ours.
    UnknownKey {
        /// Its id.
        access_key_id: AccessKeyId,
    },
    /// A key of ours. Whether its owner really signed is what [`Authenticated`] proves.
    Known(Box<Caller>),
}

/// The owner of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Account of the owner.
    pub account: AccountId,
    /// The owner, as event records name them, with the key that was used.
    pub identity: UserIdentity,
    /// Whose events the owner may see.
    pub view: View,
}

/// Proof that a caller signed a request for one service in one region; only [`authenticate`] makes one.
#[derive(Debug, Clone)]
pub struct Authenticated {
    caller: Caller,
    region: Region,
}

impl Authenticated {
    /// Who signed.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Region of the credential scope.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

/// Proves who calls `service`: credentials there, complete, of a known key, for this service and a region, not too old,
/// and right, in this order.
///
/// Gives besides who the request says that it is from, which a refused request says as well.
pub fn authenticate(
    directory: &dyn KeyDirectory,
    head: &RequestHead<'_>,
    body: &[u8],
    service: &'static str,
    now: EventTime,
) -> (ResolvedCaller, Result<Authenticated, ApiError>) {
    let presented = match sigv4::parse(head) {
        Ok(presented) => presented,
        Err(error) => return (ResolvedCaller::Nobody, Err(ApiError::Signature(error))),
    };
    let authorization = match presented_authorization(&presented) {
        Ok(authorization) => authorization,
        Err(error) => {
            let caller = presented.access_key_id().map_or(ResolvedCaller::Nobody, unknown);
            return (caller, Err(ApiError::Signature(error)));
        }
    };
    let Some(key) = directory.find(&authorization.access_key_id) else {
        let access_key_id = authorization.access_key_id.to_string();
        let error = ApiError::Signature(SigV4Error::UnknownKey { access_key_id });
        return (unknown(&authorization.access_key_id), Err(error));
    };
    let mut identity = key.identity;
    identity.access_key_id = Some(authorization.access_key_id.to_string());
    let caller = Caller { account: key.account, identity, view: key.view };
    let proof = prove(authorization, &key.secret, head, body, service, now);
    let proof = proof.map(|region| Authenticated { caller: caller.clone(), region });
    (ResolvedCaller::Known(Box::new(caller)), proof)
}

fn unknown(access_key_id: &AccessKeyId) -> ResolvedCaller {
    ResolvedCaller::UnknownKey { access_key_id: access_key_id.clone() }
}

fn presented_authorization<'p, 'a>(presented: &'p Presented<'a>) -> Result<&'p Authorization<'a>, SigV4Error> {
    match presented {
        Presented::Header(authorization) | Presented::PresignedQuery(authorization) => Ok(authorization),
        Presented::Anonymous => Err(SigV4Error::MissingToken),
        Presented::SigV4A { .. } => Err(SigV4Error::Unverifiable { algorithm: "AWS4-ECDSA-P256-SHA256" }),
        Presented::SigV2 { .. } => Err(SigV4Error::Unverifiable { algorithm: "SigV2" }),
        Presented::Bearer => Err(SigV4Error::Unverifiable { algorithm: "Bearer" }),
    }
}

fn prove(
    authorization: &Authorization<'_>,
    secret: &SecretAccessKey,
    head: &RequestHead<'_>,
    body: &[u8],
    service: &'static str,
    now: EventTime,
) -> Result<Region, ApiError> {
    // The directory holds long-term keys only, and no session token belongs to one of those.
    if authorization.session_token.is_some() {
        return Err(ApiError::UnrecognizedClient);
    }
    let region = Region::parse(&authorization.scope.region).map_err(|_| {
        ApiError::Signature(SigV4Error::ScopeRegion {
            found: authorization.scope.region.to_string(),
            expected: "a region".to_owned(),
            placement: authorization.placement,
        })
    })?;
    authorization.require_scope(service, None).map_err(ApiError::Signature)?;
    let hash: [u8; 32] = Sha256::digest(body).into();
    // With the hash of the whole body given, a signature for another service than S3 always covers the body.
    sigv4::verify(head, authorization, secret, Some(hash), now, CLOCK_SKEW_MAX).map_err(ApiError::Signature)?;
    Ok(region)
}
