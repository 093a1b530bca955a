//! Who made a call: the `userIdentity` element.
//!
//! Field order and presence follow the CloudTrail user guide, userIdentity element, and observed records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `userIdentity` element of a record; absent fields are not written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    /// `Root`, `IAMUser`, `AssumedRole`, `FederatedUser`, `AWSAccount`, `AWSService`, `Unknown`, …
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<String>,
    /// `AIDA…`, `AROA…:session`, the account id for root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// ARN of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Account that owns the entity that granted the permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// `AKIA…` or `ASIA…`; the empty text on console sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Name of the IAM user; absent for sessions of roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Present for temporary credentials only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_context: Option<SessionContext>,
    /// Service principal that made the call for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<String>,
    /// The person of the identity centre behind the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalfOf>,
    /// Id of the bearer token of an identity centre session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// Provider of a SAML or web identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<String>,
}

/// The `onBehalfOf` of a session that the identity centre gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnBehalfOf {
    /// Id of the person in the identity store.
    pub user_id: String,
    /// ARN of the identity store.
    pub identity_store_arn: String,
}

/// The `sessionContext` of temporary credentials.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext {
    /// The role or user that the session was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_issuer: Option<SessionIssuer>,
    /// Provider of a web identity session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_id_federation_data: Option<WebIdFederationData>,
    /// Creation time and multi-factor state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<SessionAttributes>,
    /// Source identity set when the role was assumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// Version of the instance metadata service that gave the credentials: `1.0` or `2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_role_delivery: Option<String>,
    /// The text `true` in sessions of AssumeRoot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_root: Option<String>,
}

/// The `webIdFederationData` of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebIdFederationData {
    /// ARN of the OpenID Connect provider, or the name of one that is built in.
    pub federated_provider: String,
    /// What the provider said of the session.
    pub attributes: BTreeMap<String, String>,
}

/// The `attributes` of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAttributes {
    /// ISO time, whole seconds.
    pub creation_date: String,
    /// The text `true` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_authenticated: Option<String>,
}

/// The `sessionIssuer` of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionIssuer {
    /// `Role`, `IAMUser` or `Root`.
    #[serde(rename = "type")]
    pub issuer_type: String,
    /// Id of the issuer (`AROA…`).
    pub principal_id: String,
    /// IAM ARN of the issuer, with its path.
    pub arn: String,
    /// Account of the issuer.
    pub account_id: String,
    /// Role or user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

/// A user or role of IAM, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamPrincipal {
    /// Name without path.
    pub name: String,
    /// `AIDA…` or `AROA…`.
    pub principal_id: Option<String>,
    /// IAM ARN, with its path.
    pub arn: Option<String>,
}

impl UserIdentity {
    /// The root user of an account.
    pub fn root(account: crate::AccountId, access_key_id: Option<&str>) -> Self {
        Self {
            identity_type: Some("Root".to_owned()),
            principal_id: Some(account.to_string()),
            arn: Some(format!("arn:aws:iam::{account}:root")),
            account_id: Some(account.to_string()),
            access_key_id: access_key_id.map(str::to_owned),
            ..Self::default()
        }
    }

    /// A caller of whom only the access key id is known: the signature names it, and nothing proves more.
    pub fn unknown_key(account: crate::AccountId, access_key_id: &str) -> Self {
        Self {
            identity_type: Some("Unknown".to_owned()),
            account_id: Some(account.to_string()),
            access_key_id: Some(access_key_id.to_owned()),
            ..Self::default()
        }
    }

    /// An IAM user, as far as it is known, with one of its long-term keys.
    pub fn iam_user(account: &str, user: &IamPrincipal, access_key_id: &str) -> Self {
        Self {
            identity_type: Some("IAMUser".to_owned()),
            principal_id: user.principal_id.clone(),
            arn: user.arn.clone(),
            account_id: Some(account.to_owned()),
            access_key_id: Some(access_key_id.to_owned()),
            user_name: Some(user.name.clone()),
            ..Self::default()
        }
    }

    /// A caller who sent no credentials. S3 writes such calls with the type `AWSAccount` and the account
    /// `anonymous` (a record of 2024; those of 2018 have `ANONYMOUS_PRINCIPAL` and an empty principal).
    pub fn anonymous() -> Self {
        Self {
            identity_type: Some("AWSAccount".to_owned()),
            principal_id: Some(String::new()),
            account_id: Some("anonymous".to_owned()),
            ..Self::default()
        }
    }

    /// A service of AWS that calls as itself, by the name that roles trust it under (`ec2.amazonaws.com`). Source: user
    /// guide, userIdentity element, and real records, which have these two fields alone.
    pub fn service(principal: &str) -> Self {
        Self { identity_type: Some("AWSService".to_owned()), invoked_by: Some(principal.to_owned()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountId;

    #[test]
    fn root_is_written_as_aws_writes_it() {
        let account = AccountId::parse("111122223333").expect("digits");
        let json = serde_json::to_string(&UserIdentity::root(account, Some("AKIAIOSFODNN7EXAMPLE"))).expect("json");
        assert_eq!(
            json,
            r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#
        );
    }
}
