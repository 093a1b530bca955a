//! The `sharedEventID` of an action that more than one account has a record of.
//!
//! The recorder writes the record of the caller's account. Its shared id follows from its event id, so that a note and
//! the record that supersedes it have the same one, and whoever makes the copy for the other account can find it.
//! Source: user guide, sharedEventID: the id is in every copy of an action that several accounts have records of. Real
//! records (16,000) have it as well in every call that a service of AWS makes as itself, and all of calls on S3
//! without credentials (23, 2018 and 2024): their caller is of no account, so that each owner is another.

use model::{AccountId, EventResource, Text, UserIdentity};
use sha2::{Digest, Sha256};

/// What stands in place of the account of a caller without credentials.
const ANONYMOUS: &str = "anonymous";

/// The shared id of a successful call, if it touches another account than the one that the record is for.
pub(crate) fn shared_event_id(
    event_id: &str,
    caller: &UserIdentity,
    recipient: &str,
    resources: &[EventResource],
) -> Option<Text> {
    let is_shared = match caller.identity_type.as_deref() {
        Some("AWSService") => true,
        // Whose call it was is not known, so that nothing is known to be another's.
        None | Some("Unknown") => false,
        Some(_) if caller.account_id.as_deref() == Some(ANONYMOUS) => {
            resources.iter().filter_map(|resource| resource.account_id.as_deref()).any(is_account)
        }
        // A resource that is named without its owner is taken for the recipient's, which proves nothing.
        Some(_) => resources
            .iter()
            .filter_map(|resource| resource.account_id.as_deref())
            .any(|owner| is_account(owner) && owner != recipient && Some(owner) != caller.account_id.as_deref()),
    };
    is_shared.then(|| derived(event_id))
}

/// Whether the owner of a resource is an account: what AWS owns itself has another word, or none, in its place.
fn is_account(owner: &str) -> bool {
    AccountId::parse(owner).is_ok()
}

/// A UUID of version 8 (RFC 9562: from a hash of one's own choice) of the event's id.
fn derived(event_id: &str) -> Text {
    let hash = Sha256::new().chain_update(b"opentrail shared event ").chain_update(event_id.as_bytes()).finalize();
    let mut hex = String::with_capacity(36);
    for (index, byte) in hash[..16].iter().enumerate() {
        let byte = match index {
            6 => 0x80 | (byte & 0x0f),
            8 => 0x80 | (byte & 0x3f),
            _ => *byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        hex.push_str(&format!("{byte:02x}"));
    }
    hex.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(identity_type: &str, owner: Option<&str>, is_shared: bool) {
        let caller = UserIdentity {
            identity_type: Some(identity_type.to_owned()),
            account_id: Some("777788889999".to_owned()),
            ..UserIdentity::default()
        };
        let resource = EventResource { account_id: owner.map(Text::new), ..EventResource::default() };
        let found = shared_event_id("e-1", &caller, "111122223333", &[resource]);
        assert_eq!(found.is_some(), is_shared, "{identity_type} {owner:?}");
    }

    #[test]
    fn another_owner_or_a_service_shares_the_event() {
        check("IAMUser", Some("444455556666"), true);
        check("AssumedRole", Some("444455556666"), true);
        check("IAMUser", Some("111122223333"), false);
        check("IAMUser", Some("777788889999"), false);
        check("IAMUser", Some(""), false);
        check("IAMUser", Some("aws"), false);
        check("IAMUser", None, false);
        check("Unknown", Some("444455556666"), false);
        check("AWSService", Some("111122223333"), true);
    }

    #[test]
    fn who_has_no_account_shares_the_event_with_the_owner() {
        let shared_by = |owner: Option<&str>| {
            let resource = EventResource { account_id: owner.map(Text::new), ..EventResource::default() };
            shared_event_id("e-1", &UserIdentity::anonymous(), "111122223333", &[resource]).is_some()
        };
        assert!(shared_by(Some("111122223333")));
        assert!(!shared_by(None));
        assert!(shared_event_id("e-1", &UserIdentity::anonymous(), "111122223333", &[]).is_none());
    }

    #[test]
    fn ids_are_uuids_that_follow_from_the_event() {
        let id = derived("e-1");
        assert_eq!(id, derived("e-1"));
        assert_ne!(id, derived("e-2"));
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
    }
}
