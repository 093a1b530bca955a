//! Who is calling: from the signature, and from what the directory knows of its key.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_wire::RequestHead;
use aws_wire::sigv2::SignedByV2;
use aws_wire::sigv4::{
    BodyProof, CLOCK_SKEW_MAX, Placement, Presented, SecretAccessKey, SigV4Error, SigningKeyCache, VerifiedRequest,
    verify_with_key,
};
use capture::Authentication;
use http::HeaderMap;
use http::header::USER_AGENT;
use model::{AccessKeyId, AccountId, EventTime, UserIdentity};
use parking_lot::Mutex;

use crate::identities::IdentityBook;

/// A key that this installation knows.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// Account of its owner.
    pub account: AccountId,
    /// Identity that records name.
    pub identity: Arc<UserIdentity>,
    /// The secret, to check signatures with.
    pub secret: SecretAccessKey,
}

/// What the gateway asks of a directory of keys.
pub trait CallerDirectory: Send + Sync + 'static {
    /// The key with this id, if it is known and active.
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey>;
}

/// What is proved about a caller.
#[derive(Debug)]
pub enum Proof {
    /// The signature is that of a key we know; what it says about the body is with it.
    Verified(BodyProof),
    /// The key is known, and the signature is not right.
    Refuted(SigV4Error),
    /// The signature names a key that nothing is known of; the upstream decides whether to believe it.
    UnknownKey,
    /// Another kind of credential (SigV4A, bearer token, SigV2 of another service than S3), not checked here.
    Unchecked,
    /// No credentials.
    Anonymous,
    /// Credentials that cannot be read.
    Malformed(SigV4Error),
}

impl Proof {
    /// Whether the key is one that we know, its signature right or wrong.
    pub fn is_of_known_key(&self) -> bool {
        matches!(self, Self::Verified(_) | Self::Refuted(_))
    }
}

/// A caller, as far as it is known.
#[derive(Debug)]
pub struct Caller {
    /// What the record says of them.
    pub identity: Arc<UserIdentity>,
    /// Whether the identity was learned and the signature is for the upstream to check: should it refuse the
    /// credentials, nobody is named.
    pub is_claimed: bool,
    /// Account whose record this is.
    pub account: AccountId,
    /// What is proved.
    pub proof: Proof,
    /// How they presented themselves.
    pub authentication: Authentication,
}

impl Caller {
    /// Of a key with a wrong signature, leaves only the key. Our own services refuse such calls, and their records name
    /// the owner of the key with the refusal; an upstream may let them pass, and then nobody must be named for them.
    pub fn claim_no_more_than_proved(&mut self) {
        if let (Proof::Refuted(_), Some(key_id)) = (&self.proof, &self.identity.access_key_id) {
            self.identity = Arc::new(UserIdentity::unknown_key(self.account, key_id));
        }
    }

    /// Names the caller by what is known of a key that no directory of ours has the secret of.
    pub fn claim(&mut self, identities: &dyn IdentityBook, now: EventTime) {
        if !matches!(self.proof, Proof::UnknownKey | Proof::Unchecked) {
            return;
        }
        let key_id = self.identity.access_key_id.as_deref().and_then(|id| AccessKeyId::parse(id).ok());
        if let Some(identity) = key_id.and_then(|id| identities.find(&id, now)) {
            self.identity = identity;
            self.is_claimed = true;
        }
    }

    /// Gives the record to the caller's own account, where it is one of some whose records are kept apart.
    pub fn belong_to(&mut self, accounts: &BTreeSet<AccountId>) {
        if accounts.is_empty() || !matches!(self.proof, Proof::UnknownKey | Proof::Unchecked) {
            return;
        }
        let account = self.identity.account_id.as_deref().and_then(|account| AccountId::parse(account).ok());
        if let Some(account) = account.filter(|account| accounts.contains(account)) {
            self.account = account;
        }
    }

    /// Notes that a service calls, if the agent is the name of one: for the caller whose credentials it has, or as itself
    /// where there are none. Only for requests that come from trusted addresses, and not for those that trusted proxies
    /// pass on: anyone can send a name, and the record then has it in place of an address.
    pub fn note_service(&mut self, headers: &HeaderMap) {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let Some(service) = agent.filter(|agent| is_service_principal(agent)) else { return };
        if matches!(self.proof, Proof::Anonymous) {
            self.identity = Arc::new(UserIdentity::service(service));
        } else {
            Arc::make_mut(&mut self.identity).invoked_by = Some(service.to_owned());
        }
    }

    /// The identity of a claim that was refused: the key, who called with it, and no more.
    pub fn without_claim(&self) -> Arc<UserIdentity> {
        match &self.identity.access_key_id {
            Some(key_id) if self.is_claimed => Arc::new(UserIdentity {
                invoked_by: self.identity.invoked_by.clone(),
                ..UserIdentity::unknown_key(self.account, key_id)
            }),
            _ => Arc::clone(&self.identity),
        }
    }
}

/// What a request for S3 needs to be known by for its caller to be proved.
#[derive(Debug, Clone, Copy)]
pub struct S3Request<'a> {
    /// The bucket, where the name of the host has it.
    pub bucket_in_host: Option<&'a str>,
}

/// Learns who calls.
pub struct CallerLearner {
    directory: Arc<dyn CallerDirectory>,
    default_account: AccountId,
    reads_accounts: bool,
    signing_keys: Mutex<SigningKeyCache>,
}

impl CallerLearner {
    /// A learner over a directory; records of callers that it does not know belong to `default_account`. Their
    /// identities are of the account that their key id was made for, if `reads_accounts` and it tells one.
    pub fn new(directory: Arc<dyn CallerDirectory>, default_account: AccountId, reads_accounts: bool) -> Self {
        Self { directory, default_account, reads_accounts, signing_keys: Mutex::default() }
    }

    fn unknown_key(&self, id: &AccessKeyId) -> Arc<UserIdentity> {
        let account = Some(id).filter(|_| self.reads_accounts).and_then(AccessKeyId::account);
        Arc::new(UserIdentity::unknown_key(account.unwrap_or(self.default_account), id.as_str()))
    }

    /// Learns who sent a request. `payload_hash` gives the SHA-256 of the body where all of it is at hand; it is asked
    /// only when a signature is to be verified. `s3` is for requests for S3.
    pub fn learn(
        &self,
        presented: &Result<Presented<'_>, SigV4Error>,
        head: &RequestHead<'_>,
        payload_hash: impl FnOnce() -> Option<[u8; 32]>,
        s3: Option<S3Request<'_>>,
        now: EventTime,
    ) -> Caller {
        match presented {
            Ok(Presented::Header(authorization) | Presented::PresignedQuery(authorization)) => {
                let authentication = sigv4_at(authorization.placement);
                self.signed(&authorization.access_key_id, authentication, |secret| {
                    let key = self.signing_keys.lock().signing_key(secret, &authorization.scope);
                    let verified = verify_with_key(head, authorization, &key, payload_hash(), now, CLOCK_SKEW_MAX);
                    verified.map(VerifiedRequest::into_body)
                })
            }
            Ok(Presented::SigV4A { access_key_id, placement, .. }) => {
                self.unchecked(Some(access_key_id), sigv4_at(*placement))
            }
            Ok(Presented::SigV2 { access_key_id, placement }) => match s3 {
                Some(S3Request { bucket_in_host }) => {
                    let request = SignedByV2 { head, bucket_in_host, access_key_id, placement: *placement };
                    self.signed(access_key_id, sigv2_at(*placement), |secret| {
                        request.verify(secret, now, CLOCK_SKEW_MAX).map(|()| BodyProof::Unsigned)
                    })
                }
                None => self.unchecked(Some(access_key_id), sigv2_at(*placement)),
            },
            Ok(Presented::Bearer) => self.unchecked(None, Authentication::Bearer),
            Ok(Presented::Anonymous) => self.nobody(Proof::Anonymous),
            Err(error) => self.nobody(Proof::Malformed(error.clone())),
        }
    }

    fn signed(
        &self,
        key_id: &AccessKeyId,
        authentication: Authentication,
        prove: impl FnOnce(&SecretAccessKey) -> Result<BodyProof, SigV4Error>,
    ) -> Caller {
        let Some(known) = self.directory.find(key_id) else {
            return Caller {
                identity: self.unknown_key(key_id),
                is_claimed: false,
                account: self.default_account,
                proof: Proof::UnknownKey,
                authentication,
            };
        };
        // A wrong signature proves nothing about its sender, but the key is known: the record names its owner, as
        // AWS's does, and its error code says that the call was refused.
        let proof = match prove(&known.secret) {
            Ok(body) => Proof::Verified(body),
            Err(error) => Proof::Refuted(error),
        };
        Caller { identity: known.identity, is_claimed: false, account: known.account, proof, authentication }
    }

    fn unchecked(&self, key_id: Option<&AccessKeyId>, authentication: Authentication) -> Caller {
        let identity = key_id.map_or_else(|| Arc::new(UserIdentity::anonymous()), |id| self.unknown_key(id));
        let account = self.default_account;
        Caller { identity, is_claimed: false, account, proof: Proof::Unchecked, authentication }
    }

    fn nobody(&self, proof: Proof) -> Caller {
        Caller {
            identity: Arc::new(UserIdentity::anonymous()),
            is_claimed: false,
            account: self.default_account,
            proof,
            authentication: Authentication::Anonymous,
        }
    }
}

/// Whether a text is the name of a service, as `cloudformation.amazonaws.com` is.
fn is_service_principal(text: &str) -> bool {
    let labels = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    labels.is_some_and(|labels| {
        let is_label_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        !labels.is_empty() && labels.bytes().all(is_label_byte)
    })
}

fn sigv2_at(placement: Placement) -> Authentication {
    match placement {
        Placement::Header => Authentication::SigV2Header,
        Placement::Query => Authentication::SigV2Query,
    }
}

fn sigv4_at(placement: Placement) -> Authentication {
    match placement {
        Placement::Header => Authentication::SigV4Header,
        Placement::Query => Authentication::SigV4Query,
    }
}
