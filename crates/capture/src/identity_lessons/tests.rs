use aws_wire::RequestHead;
use aws_wire::catalog::Catalog;
use http::{HeaderMap, Method};
use model::{AccountId, Region};

use super::*;
use crate::exchange::{Authentication, BodyCapture, Outcome, Subject};

const CREDENTIALS: &str = "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>never-kept</SecretAccessKey>\
     <SessionToken>never-kept-either</SessionToken><Expiration>2025-03-01T13:00:05Z</Expiration></Credentials>";
const ROLE_USER: &str = "<AssumedRoleUser><AssumedRoleId>AROA1:s-1</AssumedRoleId>\
     <Arn>arn:aws:sts::111122223333:assumed-role/Deploy/s-1</Arn></AssumedRoleUser>";

fn ana() -> UserIdentity {
    let user = IamPrincipal {
        name: "ana".to_owned(),
        principal_id: Some("AIDA1".to_owned()),
        arn: Some("arn:aws:iam::111122223333:user/ana".to_owned()),
    };
    UserIdentity::iam_user("111122223333", &user, "AKIAANA")
}

/// The lessons of a call and the caller that its record names, for a query service.
fn taught(caller: UserIdentity, status: u16, request: &str, result: &str) -> (Vec<IdentityLesson>, UserIdentity) {
    let action = request.split('&').next().expect("an action").strip_prefix("Action=").expect("an action");
    let id = if ["Assume", "GetS", "GetF", "GetCaller", "GetDelegated"].iter().any(|start| action.starts_with(start)) {
        "sts"
    } else {
        "iam"
    };
    let service = Catalog::embedded().service(id).expect("a service");
    let operation = service.operation_named(action).expect("an operation");
    let call = Call { service, operation, protocol: service.protocols[0], bucket_in_host: None };
    let answer = format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>");
    let (headers, caller) = (HeaderMap::new(), Arc::new(caller));
    let region = Region::parse("eu-west-1").expect("a region");
    let exchange = Exchange {
        subject: Subject::Call(&call),
        head: RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers },
        request_body: BodyCapture::Complete(request.as_bytes()),
        caller: &caller,
        authentication: Authentication::SigV4Header,
        source_ip: std::net::IpAddr::from([192, 0, 2, 1]),
        tls: None,
        recipient_account: AccountId::parse("111122223333").expect("digits"),
        region: &region,
        event_id: "e-1",
        request_id: "r-1",
        event_time: EventTime::from_seconds(1_740_830_405),
        redaction_key: None,
        asked: &Asked::default(),
        outcome: Outcome::Answered { status, headers: &headers, body: BodyCapture::Complete(answer.as_bytes()) },
    };
    assert!(is_teacher(&call), "{action}");
    (identity_lessons(&exchange), UserIdentity::clone(&crate::record(&exchange).user_identity))
}

fn lessons(request: &str, result: &str) -> Vec<IdentityLesson> {
    let (lessons, caller) = taught(ana(), 200, request, result);
    assert_eq!(caller, ana(), "the record of the call names its caller");
    lessons
}

/// The identity of the session that a call starts, as JSON text.
fn check_session(caller: UserIdentity, request: &str, result: &str, expected: &str) {
    let (lessons, _) = taught(caller, 200, request, result);
    let [IdentityLesson::Session { access_key_id, identity, expires_at }] = lessons.as_slice() else {
        panic!("one session, not {lessons:?}")
    };
    assert_eq!(access_key_id.as_str(), "ASIAEXAMPLE");
    assert_eq!(expires_at.to_string(), "2025-03-01T13:00:05Z");
    let json = serde_json::to_string(identity).expect("JSON");
    assert!(!json.contains("never-kept"), "{json}");
    assert_eq!(json, expected);
}

fn key(id: &str) -> AccessKeyId {
    AccessKeyId::parse(id).expect("a key id")
}

#[test]
fn answers_about_users_and_keys_are_facts() {
    let user = |id: Option<&str>, arn: Option<&str>| IamPrincipal {
        name: "bo".to_owned(),
        principal_id: id.map(str::to_owned),
        arn: arn.map(str::to_owned),
    };
    let account = || "111122223333".to_owned();
    let (name, arn) = ("bo".to_owned(), "arn:aws:iam::444455556666:user/a/bo");
    let in_answer = format!("<User><UserName>bo</UserName><UserId>AIDA2</UserId><Arn>{arn}</Arn></User>");
    let found = IdentityLesson::User { account: "444455556666".to_owned(), user: user(Some("AIDA2"), Some(arn)) };
    let access_key = "<UserName>bo</UserName><AccessKeyId>AKIABO</AccessKeyId><Status>Active</Status>";
    let has_key = |is_active| IdentityLesson::UserKey {
        account: account(),
        user_name: "bo".to_owned(),
        access_key_id: key("AKIABO"),
        is_active,
    };
    for (request, result, expected) in [
        ("Action=CreateUser&UserName=bo", in_answer.as_str(), vec![found.clone()]),
        ("Action=GetUser&UserName=bo", &in_answer, vec![found]),
        (
            "Action=UpdateUser&UserName=bo&NewUserName=cy",
            "",
            vec![IdentityLesson::UserRenamed {
                account: account(),
                name: name.clone(),
                new_name: Some("cy".to_owned()),
                new_path: None,
            }],
        ),
        ("Action=DeleteUser&UserName=bo", "", vec![IdentityLesson::UserDeleted { account: account(), name }]),
        (
            "Action=CreateAccessKey&UserName=bo",
            &format!("<AccessKey>{access_key}<SecretAccessKey>s</SecretAccessKey></AccessKey>"),
            vec![has_key(Some(true))],
        ),
        (
            "Action=ListAccessKeys&UserName=bo",
            &format!("<AccessKeyMetadata><member>{access_key}</member></AccessKeyMetadata>"),
            vec![has_key(Some(true))],
        ),
        ("Action=GetAccessKeyLastUsed&AccessKeyId=AKIABO", "<UserName>bo</UserName>", vec![has_key(None)]),
        (
            "Action=UpdateAccessKey&AccessKeyId=AKIABO&Status=Inactive",
            "",
            vec![IdentityLesson::KeyStatus { access_key_id: key("AKIABO"), is_active: false }],
        ),
        (
            "Action=DeleteAccessKey&AccessKeyId=AKIABO",
            "",
            vec![IdentityLesson::KeyDeleted { access_key_id: key("AKIABO") }],
        ),
    ] {
        assert_eq!(lessons(request, result), expected, "{request}");
    }
}

#[test]
fn refused_calls_teach_nothing() {
    for status in [400, 403, 500] {
        let (lessons, _) = taught(ana(), status, "Action=DeleteAccessKey&AccessKeyId=AKIABO", "");
        assert_eq!(lessons, []);
    }
}

#[test]
fn a_role_is_assumed_with_device_and_source_identity() {
    let assume = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fci%2FDeploy&RoleSessionName=s-1";
    let expected = |mfa: &str, source: &str| {
        format!(
            r#"{{"type":"AssumedRole","principalId":"AROA1:s-1","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/s-1","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA1","arn":"arn:aws:iam::111122223333:role/ci/Deploy","accountId":"111122223333","userName":"Deploy"}},"attributes":{{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"{mfa}"}}{source}}}}}"#
        )
    };
    let answer = format!("{CREDENTIALS}{ROLE_USER}");
    check_session(ana(), assume, &answer, &expected("false", ""));
    let device = format!("{assume}&SerialNumber=arn%3Amfa&TokenCode=123456");
    let told = format!("{answer}<SourceIdentity>ana@example</SourceIdentity>");
    check_session(ana(), &device, &told, &expected("true", r#","sourceIdentity":"ana@example""#));
    // It stays with the sessions that a session starts.
    let mut chained = ana();
    chained.session_context =
        Some(SessionContext { source_identity: Some("first".to_owned()), ..SessionContext::default() });
    check_session(chained, assume, &answer, &expected("false", r#","sourceIdentity":"first""#));
}

#[test]
fn a_web_identity_names_its_provider_in_the_call_and_in_the_session() {
    let request = "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FDeploy\
                   &RoleSessionName=s-1&WebIdentityToken=eyJ";
    let answer = format!(
        "{CREDENTIALS}{ROLE_USER}<Provider>https://issuer.example/</Provider><Audience>sts.amazonaws.com</Audience>\
         <SubjectFromWebIdentityToken>repo:a/b</SubjectFromWebIdentityToken>"
    );
    let provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example";
    check_session(
        UserIdentity::anonymous(),
        request,
        &answer,
        &format!(
            r#"{{"type":"AssumedRole","principalId":"AROA1:s-1","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/s-1","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA1","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"}},"webIdFederationData":{{"federatedProvider":"{provider}","attributes":{{}}}},"attributes":{{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"false"}}}}}}"#
        ),
    );
    let (_, caller) = taught(UserIdentity::anonymous(), 200, request, &answer);
    assert_eq!(
        serde_json::to_string(&caller).expect("JSON"),
        format!(
            r#"{{"type":"WebIdentityUser","principalId":"{provider}:sts.amazonaws.com:repo:a/b","userName":"repo:a/b","identityProvider":"{provider}"}}"#
        )
    );
}

#[test]
fn a_saml_assertion_names_its_subject() {
    let request = "Action=AssumeRoleWithSAML&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FDeploy\
                   &PrincipalArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Asaml-provider%2Fidp&SAMLAssertion=PHNhbWw";
    let answer = format!(
        "{CREDENTIALS}{ROLE_USER}<Subject>ana</Subject><NameQualifier>q=</NameQualifier>\
         <Issuer>https://idp.example/saml</Issuer>"
    );
    let (_, caller) = taught(UserIdentity::anonymous(), 200, request, &answer);
    assert_eq!(
        serde_json::to_string(&caller).expect("JSON"),
        r#"{"type":"SAMLUser","principalId":"q=:ana","userName":"ana","identityProvider":"https://idp.example/saml"}"#
    );
}

#[test]
fn own_sessions_and_federated_users_keep_who_asked() {
    check_session(
        ana(),
        "Action=GetSessionToken",
        CREDENTIALS,
        r#"{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","userName":"ana","sessionContext":{"attributes":{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"false"}}}"#,
    );
    check_session(
        ana(),
        "Action=GetFederationToken&Name=fed",
        &format!(
            "{CREDENTIALS}<FederatedUser><FederatedUserId>111122223333:fed</FederatedUserId>\
             <Arn>arn:aws:sts::111122223333:federated-user/fed</Arn></FederatedUser>"
        ),
        r#"{"type":"FederatedUser","principalId":"111122223333:fed","arn":"arn:aws:sts::111122223333:federated-user/fed","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333","userName":"ana"},"attributes":{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"false"}}}"#,
    );
    check_session(
        ana(),
        "Action=AssumeRoot&TargetPrincipal=444455556666",
        CREDENTIALS,
        r#"{"type":"Root","principalId":"444455556666","arn":"arn:aws:iam::444455556666:root","accountId":"444455556666","accessKeyId":"ASIAEXAMPLE","sessionContext":{"attributes":{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"false"},"assumedRoot":"true"}}"#,
    );
    check_session(
        ana(),
        "Action=GetDelegatedAccessToken&TradeInToken=t",
        &format!("{CREDENTIALS}<AssumedPrincipal>arn:aws:iam::444455556666:role/Partner</AssumedPrincipal>"),
        r#"{"type":"AssumedRole","arn":"arn:aws:iam::444455556666:role/Partner","accountId":"444455556666","accessKeyId":"ASIAEXAMPLE","sessionContext":{"attributes":{"creationDate":"2025-03-01T12:00:05Z","mfaAuthenticated":"false"}}}"#,
    );
    let (lessons, _) = taught(
        UserIdentity::unknown_key(AccountId::parse("111122223333").expect("digits"), "AKIAX"),
        200,
        "Action=GetSessionToken",
        CREDENTIALS,
    );
    assert_eq!(lessons, [], "a session of nobody is nobody's");
}

#[test]
fn a_caller_is_told_who_they_are() {
    for (arn, id, expected) in [
        ("arn:aws:iam::111122223333:root", "111122223333", Some(("Root", None))),
        ("arn:aws:iam::111122223333:user/a/bo", "AIDA2", Some(("IAMUser", Some("bo")))),
        ("arn:aws:sts::111122223333:assumed-role/R/s", "AROA1:s", Some(("AssumedRole", None))),
        ("arn:aws:sts::111122223333:federated-user/fed", "111122223333:fed", Some(("FederatedUser", None))),
        // An emulator that knows nobody.
        ("arn:aws:sts::123456789012:user/moto", "AKIAIOSFODNN7EXAMPLE", None),
    ] {
        let result = format!("<UserId>{id}</UserId><Account>111122223333</Account><Arn>{arn}</Arn>");
        let found = lessons("Action=GetCallerIdentity", &result);
        let found: Vec<_> = found
            .iter()
            .map(|lesson| match lesson {
                IdentityLesson::KeyOwner { identity, .. } => {
                    (identity.identity_type.as_deref().unwrap_or_default(), identity.user_name.as_deref())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{arn}");
    }
}
