//! How lessons change what is known.

use std::sync::Arc;

use model::{AccessKeyId, EventTime, IamPrincipal, IdentityLesson, UserIdentity};

use super::disk::Change;
use super::{Key, Memory, PrincipalName, PrincipalType, later};

impl Memory {
    /// Takes one lesson in and notes what changed.
    pub(super) fn learn(&mut self, lesson: IdentityLesson, changes: &mut Vec<Change>) {
        match lesson {
            IdentityLesson::User { account, user } => self.put_user(account, user, changes),
            IdentityLesson::Role { account, role } => {
                let name = PrincipalName { account, kind: PrincipalType::Role, name: role.name.clone() };
                self.put_principal(name, role, changes);
            }
            IdentityLesson::UserRenamed { account, name, new_name, new_path } => {
                self.rename_user(account, &name, new_name, new_path.as_deref(), changes);
            }
            IdentityLesson::UserDeleted { account, name } => {
                for id in self.keys_of_user(&account, &name) {
                    self.remove_key(&id, changes);
                }
                self.remove_principal(PrincipalName { account, kind: PrincipalType::User, name }, changes);
            }
            IdentityLesson::RoleDeleted { account, name } => {
                self.remove_principal(PrincipalName { account, kind: PrincipalType::Role, name }, changes);
            }
            IdentityLesson::UserKey { account, user_name, access_key_id, is_active } => {
                let known = self.keys.get(&access_key_id);
                let is_active = is_active.or(known.map(|key| key.is_active)).unwrap_or(true);
                self.put_user_key(account, user_name, access_key_id, is_active, changes);
            }
            IdentityLesson::KeyStatus { access_key_id, is_active } => {
                if let Some(key) = self.keys.get(&access_key_id) {
                    let key = Key { is_active, ..key.clone() };
                    self.put_key(access_key_id, key, changes);
                }
            }
            IdentityLesson::KeyDeleted { access_key_id } => self.remove_key(&access_key_id, changes),
            IdentityLesson::Session { access_key_id, identity, expires_at } => {
                let identity = Arc::new(self.with_role(*identity));
                let key = Key { identity, user: None, is_active: true, expires_at: Some(expires_at) };
                self.put_key(access_key_id, key, changes);
            }
            IdentityLesson::KeyOwner { access_key_id, identity, expires_at } => {
                self.put_owner(access_key_id, *identity, expires_at, changes);
            }
        }
    }

    /// Forgets sessions that ended more than the grace time ago, and those that end first when there are too many.
    pub(super) fn forget_sessions(&mut self, now: EventTime, sessions_max: usize, changes: &mut Vec<Change>) {
        while let Some((end, id)) = self.sessions.first().cloned() {
            if now <= later(end) && self.sessions.len() <= sessions_max {
                break;
            }
            self.remove_key(&id, changes);
        }
    }

    fn put_user(&mut self, account: String, user: IamPrincipal, changes: &mut Vec<Change>) {
        let name = PrincipalName { account: account.clone(), kind: PrincipalType::User, name: user.name.clone() };
        let user_name = user.name.clone();
        if self.put_principal(name, user, changes) {
            self.rename_keys(&account, &user_name, &user_name, changes);
        }
    }

    /// Whether it was not known so before.
    fn put_principal(&mut self, name: PrincipalName, principal: IamPrincipal, changes: &mut Vec<Change>) -> bool {
        if self.principals.get(&name) == Some(&principal) {
            return false;
        }
        changes.push(Change::PutPrincipal(name.clone(), principal.clone()));
        self.principals.insert(name, principal);
        true
    }

    fn remove_principal(&mut self, name: PrincipalName, changes: &mut Vec<Change>) -> Option<IamPrincipal> {
        let removed = self.principals.remove(&name)?;
        changes.push(Change::RemovePrincipal(name));
        Some(removed)
    }

    fn rename_user(
        &mut self,
        account: String,
        name: &str,
        new_name: Option<String>,
        new_path: Option<&str>,
        changes: &mut Vec<Change>,
    ) {
        let before = PrincipalName { account: account.clone(), kind: PrincipalType::User, name: name.to_owned() };
        let after = new_name.unwrap_or_else(|| name.to_owned());
        if let Some(user) = self.remove_principal(before, changes) {
            let arn = user.arn.as_deref().and_then(|arn| renamed_arn(arn, &after, new_path));
            let user = IamPrincipal { name: after.clone(), arn, principal_id: user.principal_id };
            let name = PrincipalName { account: account.clone(), kind: PrincipalType::User, name: after.clone() };
            self.put_principal(name, user, changes);
        }
        self.rename_keys(&account, name, &after, changes);
    }

    /// Gives the keys of a user what is known of the user under another name, or of the same name anew.
    fn rename_keys(&mut self, account: &str, name: &str, new_name: &str, changes: &mut Vec<Change>) {
        for id in self.keys_of_user(account, name) {
            let is_active = self.keys.get(&id).is_some_and(|key| key.is_active);
            self.put_user_key(account.to_owned(), new_name.to_owned(), id, is_active, changes);
        }
    }

    /// Rare enough for a look at every key: users are renamed and deleted by hand.
    fn keys_of_user(&self, account: &str, name: &str) -> Vec<AccessKeyId> {
        let is_theirs = |key: &Key| key.user.as_ref().is_some_and(|user| user.0 == account && user.1 == name);
        self.keys.iter().filter(|(_, key)| is_theirs(key)).map(|(id, _)| id.clone()).collect()
    }

    fn put_user_key(
        &mut self,
        account: String,
        user_name: String,
        id: AccessKeyId,
        is_active: bool,
        changes: &mut Vec<Change>,
    ) {
        let name = PrincipalName { account, kind: PrincipalType::User, name: user_name };
        let unknown = IamPrincipal { name: name.name.clone(), principal_id: None, arn: None };
        let user = self.principals.get(&name).unwrap_or(&unknown);
        let identity = Arc::new(UserIdentity::iam_user(&name.account, user, id.as_str()));
        let key = Key { identity, user: Some((name.account, name.name)), is_active, expires_at: None };
        self.put_key(id, key, changes);
    }

    fn put_key(&mut self, id: AccessKeyId, key: Key, changes: &mut Vec<Change>) {
        let known = self.keys.get(&id);
        if known == Some(&key) {
            return;
        }
        if let Some(end) = known.and_then(|key| key.expires_at) {
            self.sessions.remove(&(end, id.clone()));
        }
        if let Some(end) = key.expires_at {
            self.sessions.insert((end, id.clone()));
        }
        changes.push(Change::PutKey(id.clone(), key.clone()));
        self.keys.insert(id, key);
    }

    fn remove_key(&mut self, id: &AccessKeyId, changes: &mut Vec<Change>) {
        let Some(key) = self.keys.remove(id) else { return };
        if let Some(end) = key.expires_at {
            self.sessions.remove(&(end, id.clone()));
        }
        changes.push(Change::RemoveKey(id.clone()));
    }

    /// What a service tells of a caller says less than the answer that gave the key out, so that it counts only where
    /// no principal is known for the key.
    fn put_owner(
        &mut self,
        id: AccessKeyId,
        identity: UserIdentity,
        expires_at: Option<EventTime>,
        changes: &mut Vec<Change>,
    ) {
        let known = self.keys.get(&id);
        if known.is_some_and(|key| key.identity.principal_id.is_some()) {
            return;
        }
        let is_active = known.is_none_or(|key| key.is_active);
        let expires_at = known.map_or(expires_at, |key| key.expires_at);
        let mut identity = self.with_role(identity);
        // The portal tells when a session began, STS does not.
        if let (Some(context), Some(told)) =
            (&mut identity.session_context, known.and_then(|key| key.identity.session_context.as_ref()))
        {
            context.attributes = context.attributes.take().or_else(|| told.attributes.clone());
        }
        let user = match (identity.identity_type.as_deref(), &identity.account_id, &identity.user_name, expires_at) {
            (Some("IAMUser"), Some(account), Some(name), None) => Some((account.clone(), name.clone())),
            _ => None,
        };
        if let Some((account, name)) = &user {
            let user = IamPrincipal {
                name: name.clone(),
                principal_id: identity.principal_id.clone(),
                arn: identity.arn.clone(),
            };
            let name = PrincipalName { account: account.clone(), kind: PrincipalType::User, name: name.clone() };
            self.put_principal(name, user, changes);
        }
        self.put_key(id, Key { identity: Arc::new(identity), user, is_active, expires_at }, changes);
    }

    /// The ARN of a role in a session may lack its path; the role itself has it.
    fn with_role(&self, mut identity: UserIdentity) -> UserIdentity {
        let Some(issuer) = identity.session_context.as_mut().and_then(|context| context.session_issuer.as_mut()) else {
            return identity;
        };
        if issuer.issuer_type == "Role"
            && let Some(name) = &issuer.user_name
        {
            let name =
                PrincipalName { account: issuer.account_id.clone(), kind: PrincipalType::Role, name: name.clone() };
            if let Some(arn) = self.principals.get(&name).and_then(|role| role.arn.clone()) {
                issuer.arn = arn;
            }
        }
        identity
    }
}

/// The ARN of a user with another name, path or both.
fn renamed_arn(arn: &str, name: &str, path: Option<&str>) -> Option<String> {
    let (head, rest) = arn.split_once(":user/")?;
    let kept = rest.rsplit_once('/').map_or("", |(path, _)| path);
    let path = path.unwrap_or(kept).trim_matches('/');
    Some(if path.is_empty() { format!("{head}:user/{name}") } else { format!("{head}:user/{path}/{name}") })
}
