use metadata::Metadata;
use model::identity::{SessionContext, SessionIssuer};
use tempfile::TempDir;

use super::*;

const ACCOUNT: &str = "111122223333";
const NOON: EventTime = EventTime::from_seconds(1_740_830_400);

fn key(id: &str) -> AccessKeyId {
    AccessKeyId::parse(id).expect("a key id")
}

fn user(name: &str, path: &str) -> IdentityLesson {
    let user = IamPrincipal {
        name: name.to_owned(),
        principal_id: Some("AIDA1".to_owned()),
        arn: Some(format!("arn:aws:iam::{ACCOUNT}:user{path}{name}")),
    };
    IdentityLesson::User { account: ACCOUNT.to_owned(), user }
}

fn user_key(name: &str, id: &str) -> IdentityLesson {
    IdentityLesson::UserKey {
        account: ACCOUNT.to_owned(),
        user_name: name.to_owned(),
        access_key_id: key(id),
        is_active: Some(true),
    }
}

fn role_session(id: &str, expires_at: EventTime) -> IdentityLesson {
    let issuer = SessionIssuer {
        issuer_type: "Role".to_owned(),
        principal_id: "AROA1".to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/Deploy"),
        account_id: ACCOUNT.to_owned(),
        user_name: Some("Deploy".to_owned()),
    };
    let identity = UserIdentity {
        identity_type: Some("AssumedRole".to_owned()),
        principal_id: Some("AROA1:s".to_owned()),
        session_context: Some(SessionContext { session_issuer: Some(issuer), ..SessionContext::default() }),
        ..UserIdentity::default()
    };
    IdentityLesson::Session { access_key_id: key(id), identity: Box::new(identity), expires_at }
}

/// What two keys' owners are called after some lessons, now and after a restart.
async fn check(lessons: Vec<IdentityLesson>, expected: [Option<&str>; 2]) {
    let folder = TempDir::new().expect("a folder");
    let known = KnownIdentities::open(&Metadata::in_folder(folder.path())).await.expect("a database");
    for lesson in lessons.clone() {
        known.learn(vec![lesson], NOON).await.expect("durable");
    }
    let again = KnownIdentities::open(&Metadata::in_folder(folder.path())).await.expect("the database");
    for known in [&known, &again] {
        let found = ["AKIA1", "AKIA2"].map(|id| known.find(&key(id), NOON));
        let names = found.each_ref().map(|found| {
            found.as_ref().map(|identity| {
                let identity = &**identity;
                identity.arn.as_deref().or(identity.user_name.as_deref()).unwrap_or_default()
            })
        });
        assert_eq!(names, expected, "{lessons:?}");
    }
}

#[tokio::test]
async fn keys_have_the_names_of_their_users() {
    let rename = |new_name: Option<&str>, new_path: Option<&str>| IdentityLesson::UserRenamed {
        account: ACCOUNT.to_owned(),
        name: "ana".to_owned(),
        new_name: new_name.map(str::to_owned),
        new_path: new_path.map(str::to_owned),
    };
    let arn = Some("arn:aws:iam::111122223333:user/a/ana");
    let known = || vec![user("ana", "/a/"), user_key("ana", "AKIA1")];
    let with = |more: Vec<IdentityLesson>| known().into_iter().chain(more).collect::<Vec<_>>();
    check(known(), [arn, None]).await;
    check(with(vec![user_key("ana", "AKIA2")]), [arn, arn]).await;
    // The order does not matter, and a user whom nobody told of has a name all the same.
    check(vec![user_key("ana", "AKIA1"), user("ana", "/a/"), user_key("bo", "AKIA2")], [arn, Some("bo")]).await;
    let renamed = Some("arn:aws:iam::111122223333:user/a/eve");
    check(with(vec![rename(Some("eve"), None)]), [renamed, None]).await;
    check(with(vec![rename(None, Some("/"))]), [Some("arn:aws:iam::111122223333:user/ana"), None]).await;
    check(with(vec![IdentityLesson::KeyDeleted { access_key_id: key("AKIA1") }]), [None, None]).await;
    let status = |is_active| IdentityLesson::KeyStatus { access_key_id: key("AKIA1"), is_active };
    check(with(vec![status(false)]), [None, None]).await;
    check(with(vec![status(false), status(true)]), [arn, None]).await;
    let deleted = IdentityLesson::UserDeleted { account: ACCOUNT.to_owned(), name: "ana".to_owned() };
    check(with(vec![deleted]), [None, None]).await;
}

#[tokio::test]
async fn a_name_of_another_account_is_another_user() {
    let other = IdentityLesson::UserDeleted { account: "444455556666".to_owned(), name: "ana".to_owned() };
    check(vec![user("ana", "/"), user_key("ana", "AKIA1"), other], [Some("arn:aws:iam::111122223333:user/ana"), None])
        .await;
}

#[tokio::test]
async fn a_session_is_known_until_an_hour_after_its_end() {
    let folder = TempDir::new().expect("a folder");
    let known = KnownIdentities::open(&Metadata::in_folder(folder.path())).await.expect("a database");
    let minutes = |minutes: i64| EventTime::from_seconds(NOON.as_seconds() + 60 * minutes);
    known.learn(vec![role_session("ASIA1", minutes(15))], NOON).await.expect("durable");
    for (minute, is_known) in [(0, true), (15, true), (75, true), (76, false)] {
        assert_eq!(known.find(&key("ASIA1"), minutes(minute)).is_some(), is_known, "{minute}");
    }
    known.learn(Vec::new(), minutes(76)).await.expect("durable");
    assert!(known.memory.read().keys.is_empty());
    assert!(
        KnownIdentities::open(&Metadata::in_folder(folder.path()))
            .await
            .expect("the database")
            .memory
            .read()
            .keys
            .is_empty()
    );
}

#[test]
fn the_sessions_that_end_first_make_room() {
    let mut memory = Memory::default();
    let mut changes = Vec::new();
    for (number, minutes) in [(1, 40), (2, 20), (3, 30)] {
        let end = EventTime::from_seconds(NOON.as_seconds() + 60 * minutes);
        memory.learn(role_session(&format!("ASIA{number}"), end), &mut changes);
    }
    memory.forget_sessions(NOON, 2, &mut changes);
    assert_eq!(memory.keys.len(), 2);
    assert!(!memory.keys.contains_key(&key("ASIA2")));
    assert_eq!(changes.last(), Some(&Change::RemoveKey(key("ASIA2"))));
}

#[test]
fn what_is_known_better_stays() {
    let mut memory = Memory::default();
    let mut changes = Vec::new();
    let told = |principal_id: &str| IdentityLesson::KeyOwner {
        access_key_id: key("ASIA1"),
        identity: Box::new(UserIdentity { principal_id: Some(principal_id.to_owned()), ..UserIdentity::default() }),
        expires_at: Some(NOON),
    };
    memory.learn(told("first"), &mut changes);
    memory.learn(told("second"), &mut changes);
    assert_eq!(memory.keys[&key("ASIA1")].identity.principal_id.as_deref(), Some("first"));
    assert_eq!(changes.len(), 1, "what is known costs no write");
}

#[test]
fn a_session_takes_the_path_of_its_role() {
    let mut memory = Memory::default();
    let role = IamPrincipal {
        name: "Deploy".to_owned(),
        principal_id: Some("AROA1".to_owned()),
        arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/ci/Deploy")),
    };
    memory.learn(IdentityLesson::Role { account: ACCOUNT.to_owned(), role }, &mut Vec::new());
    memory.learn(role_session("ASIA1", NOON), &mut Vec::new());
    let identity = Arc::clone(&memory.keys[&key("ASIA1")].identity);
    let issuer = identity.session_context.as_ref().and_then(|context| context.session_issuer.as_ref());
    assert_eq!(issuer.expect("an issuer").arn, "arn:aws:iam::111122223333:role/ci/Deploy");
}
