//! What answers of IAM and STS teach about who owns which key.
//!
//! A lesson is made from a successful answer alone: what a caller asks for proves nothing. It holds no secret. Sessions
//! are described here as their records will name them, because nobody tells of them again; users, roles and long-term
//! keys are facts that the keeper of lessons puts together.
//!
//! Sources: IAM and STS API references; CloudTrail user guide, userIdentity element; IAM user guide, "Logging IAM and
//! STS API calls with CloudTrail"; records.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_wire::catalog::Service;
use aws_wire::classify::Call;
use aws_wire::value::{StructureValue, Value};
use model::identity::{SessionAttributes, WebIdFederationData};
use model::{AccessKeyId, Arn, EventTime, IamPrincipal, IdentityLesson, SessionContext, SessionIssuer, UserIdentity};

use crate::asked::Asked;
use crate::exchange::Exchange;
use crate::operation_facts::OperationFacts;
use crate::parameters::decode_output;
use crate::record::success;
use crate::resources::{member_of, structure_of, text_of};

/// How a call teaches, by catalog id of its service and operation.
const TEACHERS: &[(&str, &str, Teacher)] = &[
    ("iam", "CreateUser", user_in_answer),
    ("iam", "GetUser", user_in_answer),
    ("iam", "ListUsers", users_in_answer),
    ("iam", "UpdateUser", updated_user),
    ("iam", "DeleteUser", deleted_user),
    ("iam", "CreateRole", role_in_answer),
    ("iam", "GetRole", role_in_answer),
    ("iam", "DeleteRole", deleted_role),
    ("iam", "CreateAccessKey", created_key),
    ("iam", "ListAccessKeys", listed_keys),
    ("iam", "GetAccessKeyLastUsed", last_used_key),
    ("iam", "UpdateAccessKey", updated_key),
    ("iam", "DeleteAccessKey", deleted_key),
    ("sts", "AssumeRole", assumed_role),
    ("sts", "AssumeRoleWithSAML", assumed_role_with_saml),
    ("sts", "AssumeRoleWithWebIdentity", assumed_role_with_web_identity),
    ("sts", "AssumeRoot", assumed_root),
    ("sts", "GetSessionToken", session_token),
    ("sts", "GetFederationToken", federation_token),
    ("sts", "GetDelegatedAccessToken", delegated_access_token),
    ("sts", "GetCallerIdentity", caller_identity),
    ("sso", "GetRoleCredentials", portal_credentials),
];

/// Longest life of a session whose end nobody told: that of GetSessionToken, 36 hours.
const SESSION_SECONDS_MAX: i64 = 36 * 60 * 60;

/// Codes with which services refuse credentials: the call was not made by whoever the key belongs to, as far as anyone
/// knows. Source: service authorization reference, "Common errors"; Amazon S3 API reference, "Error responses"; EC2 API
/// reference, "Error codes".
const REFUSED_CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "Client.AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "InvalidTokenId",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Makes lessons of a successful exchange.
pub(crate) type Teacher = fn(&Lecture<'_>) -> Option<Vec<IdentityLesson>>;

/// Whether answers of a call teach anything.
pub fn is_teacher(call: &Call) -> bool {
    OperationFacts::of(call).teacher.is_some()
}

/// Whether an error code says that the credentials of the call were not accepted.
pub fn refuses_credentials(error_code: &str) -> bool {
    REFUSED_CREDENTIALS.contains(&error_code)
}

/// What an exchange teaches: nothing, unless it succeeded and is of the right kind.
pub fn identity_lessons(exchange: &Exchange<'_>) -> Vec<IdentityLesson> {
    let lessons = exchange.subject.call().and_then(|call| {
        let teach = OperationFacts::of(call).teacher?;
        teach(&Lecture::of(exchange, call)?)
    });
    lessons.unwrap_or_default()
}

/// The caller of an exchange that only its answer names: who assumes a role with a token of a provider has signed
/// nothing, and the record names the person that the provider vouched for.
pub(crate) fn federated_caller(exchange: &Exchange<'_>) -> Option<Arc<UserIdentity>> {
    let call = exchange.subject.call().filter(|call| call.service.id == "sts")?;
    let caller: fn(&Lecture<'_>) -> Option<UserIdentity> = match call.operation_name() {
        "AssumeRoleWithWebIdentity" => web_identity_user,
        "AssumeRoleWithSAML" => saml_user,
        _ => return None,
    };
    let lecture = Lecture::of(exchange, call)?;
    caller(&lecture).map(Arc::new)
}

/// How the answers of an operation teach, if they do.
pub(crate) fn teacher_of(service: &Service, operation: &str) -> Option<Teacher> {
    TEACHERS.iter().find(|(id, name, _)| *id == service.id && *name == operation).map(|(_, _, teach)| *teach)
}

/// A successful exchange, decoded.
pub(crate) struct Lecture<'a> {
    service: &'static Service,
    caller: &'a UserIdentity,
    account: String,
    partition: &'static str,
    now: EventTime,
    input: Option<&'a StructureValue>,
    output: Option<StructureValue>,
}

/// A structure with its names.
#[derive(Clone, Copy)]
struct Members<'a> {
    service: &'a Service,
    value: &'a StructureValue,
}

impl<'a> Members<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        text_of(self.service, self.value, name)
    }

    fn structure(self, name: &str) -> Option<Members<'a>> {
        Some(Members { value: structure_of(self.service, self.value, name)?, ..self })
    }

    fn list(self, name: &str) -> Vec<Members<'a>> {
        let Some(Value::List(items)) = member_of(self.service, self.value, name) else { return Vec::new() };
        let structures = items.iter().filter_map(|item| match item {
            Value::Structure(value) => Some(Members { value, ..self }),
            _ => None,
        });
        structures.collect()
    }

    fn time(self, name: &str) -> Option<EventTime> {
        match member_of(self.service, self.value, name)? {
            Value::Timestamp(time) => Some(EventTime::from_seconds(time.micros.div_euclid(1_000_000))),
            // The access portal gives milliseconds as a number.
            Value::Number(number) => number.as_i64().map(|millis| EventTime::from_seconds(millis / 1000)),
            _ => None,
        }
    }

    fn key_id(self) -> Option<AccessKeyId> {
        AccessKeyId::parse(self.text("AccessKeyId").or_else(|| self.text("accessKeyId"))?).ok()
    }

    fn principal(self, name: &str, id: &str) -> Option<IamPrincipal> {
        Some(IamPrincipal {
            name: self.text(name)?.to_owned(),
            principal_id: self.text(id).map(str::to_owned),
            arn: self.text("Arn").map(str::to_owned),
        })
    }
}

impl<'a> Lecture<'a> {
    fn of(exchange: &Exchange<'a>, call: &Call) -> Option<Self> {
        let answer = success(exchange)?;
        let account = exchange.caller.account_id.clone();
        Some(Self {
            service: call.service,
            caller: exchange.caller,
            account: account.unwrap_or_else(|| exchange.recipient_account.to_string()),
            partition: exchange.region.partition(),
            now: exchange.event_time,
            input: Asked::input(exchange, call).value(),
            output: decode_output(call, &answer),
        })
    }

    fn input(&self) -> Option<Members<'_>> {
        Some(Members { service: self.service, value: self.input? })
    }

    fn output(&self) -> Option<Members<'_>> {
        Some(Members { service: self.service, value: self.output.as_ref()? })
    }

    fn asked(&self, name: &str) -> Option<&str> {
        self.input()?.text(name)
    }

    fn caller_key(&self) -> Option<AccessKeyId> {
        AccessKeyId::parse(self.caller.access_key_id.as_deref()?).ok()
    }

    /// The account of an ARN, else the caller's.
    fn account_of(&self, arn: Option<&str>) -> String {
        let account = arn.and_then(|arn| Arn::parse(arn).ok()).map(|arn| arn.account().to_owned());
        account.filter(|account| !account.is_empty()).unwrap_or_else(|| self.account.clone())
    }

    /// The session that an answer gives the keys of.
    fn session(&self, mut identity: UserIdentity, context: SessionContext) -> Option<Vec<IdentityLesson>> {
        let credentials = self.output()?.structure("Credentials")?;
        let access_key_id = credentials.key_id()?;
        identity.access_key_id = Some(access_key_id.to_string());
        identity.session_context = Some(context);
        let expires_at = credentials.time("Expiration").unwrap_or_else(|| self.longest_session());
        Some(vec![IdentityLesson::Session { access_key_id, identity: Box::new(identity), expires_at }])
    }

    fn longest_session(&self) -> EventTime {
        EventTime::from_seconds(self.now.as_seconds().saturating_add(SESSION_SECONDS_MAX))
    }

    fn attributes(&self, has_mfa: bool) -> Option<SessionAttributes> {
        let creation_date = EventTime::from_seconds(self.now.as_seconds()).to_string();
        Some(SessionAttributes { creation_date, mfa_authenticated: Some(has_mfa.to_string()) })
    }

    /// Whether the caller proved possession of a device: the service refuses a device without a right code.
    fn used_device(&self) -> bool {
        self.asked("SerialNumber").is_some() && self.asked("TokenCode").is_some()
    }

    /// The identity and the issuer of a session of a role.
    fn role_session(&self) -> Option<(UserIdentity, SessionIssuer)> {
        let session = self.output()?.structure("AssumedRoleUser")?;
        let (id, arn) = (session.text("AssumedRoleId")?, session.text("Arn")?);
        let role_arn = self.asked("RoleArn")?;
        let account_id = self.account_of(Some(arn));
        let issuer = SessionIssuer {
            issuer_type: "Role".to_owned(),
            principal_id: id.split(':').next().unwrap_or(id).to_owned(),
            arn: role_arn.to_owned(),
            account_id: account_id.clone(),
            user_name: role_arn.rsplit('/').next().map(str::to_owned),
        };
        Some((role_identity(id, arn, account_id), issuer))
    }

    /// The source identity: of this call, else the one that the caller's own session carries on. A service that
    /// succeeds has set the one that was asked for, whether it says so or not.
    fn source_identity(&self) -> Option<String> {
        let told = self.output().and_then(|output| output.text("SourceIdentity"));
        let told = told.or_else(|| self.asked("SourceIdentity")).map(str::to_owned);
        told.or_else(|| self.caller.session_context.as_ref()?.source_identity.clone())
    }
}

fn role_identity(id: &str, arn: &str, account_id: String) -> UserIdentity {
    UserIdentity {
        identity_type: Some("AssumedRole".to_owned()),
        principal_id: Some(id.to_owned()),
        arn: Some(arn.to_owned()),
        account_id: Some(account_id),
        ..UserIdentity::default()
    }
}

fn user_in_answer(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let user = lecture.output()?.structure("User")?.principal("UserName", "UserId")?;
    let account = lecture.account_of(user.arn.as_deref());
    let mut lessons = Vec::new();
    // Who asks without a name asks about themselves.
    if lecture.asked("UserName").is_none()
        && let Some(access_key_id) = lecture.caller_key()
        && !access_key_id.is_temporary()
    {
        let identity = Box::new(UserIdentity::iam_user(&account, &user, access_key_id.as_str()));
        lessons.push(IdentityLesson::KeyOwner { access_key_id, identity, expires_at: None });
    }
    lessons.push(IdentityLesson::User { account, user });
    Some(lessons)
}

fn users_in_answer(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let users = lecture.output()?.list("Users").into_iter();
    let users = users.filter_map(|user| user.principal("UserName", "UserId"));
    Some(users.map(|user| IdentityLesson::User { account: lecture.account_of(user.arn.as_deref()), user }).collect())
}

fn updated_user(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    Some(vec![IdentityLesson::UserRenamed {
        account: lecture.account.clone(),
        name: lecture.asked("UserName")?.to_owned(),
        new_name: lecture.asked("NewUserName").map(str::to_owned),
        new_path: lecture.asked("NewPath").map(str::to_owned),
    }])
}

fn deleted_user(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let name = lecture.asked("UserName")?.to_owned();
    Some(vec![IdentityLesson::UserDeleted { account: lecture.account.clone(), name }])
}

fn role_in_answer(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let role = lecture.output()?.structure("Role")?.principal("RoleName", "RoleId")?;
    Some(vec![IdentityLesson::Role { account: lecture.account_of(role.arn.as_deref()), role }])
}

fn deleted_role(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let name = lecture.asked("RoleName")?.to_owned();
    Some(vec![IdentityLesson::RoleDeleted { account: lecture.account.clone(), name }])
}

fn key_of_user(lecture: &Lecture<'_>, key: Members<'_>) -> Option<IdentityLesson> {
    Some(IdentityLesson::UserKey {
        account: lecture.account.clone(),
        user_name: key.text("UserName")?.to_owned(),
        access_key_id: key.key_id()?,
        is_active: key.text("Status").map(|status| status == "Active"),
    })
}

fn created_key(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    key_of_user(lecture, lecture.output()?.structure("AccessKey")?).map(|lesson| vec![lesson])
}

fn listed_keys(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let keys = lecture.output()?.list("AccessKeyMetadata");
    Some(keys.into_iter().filter_map(|key| key_of_user(lecture, key)).collect())
}

fn last_used_key(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    Some(vec![IdentityLesson::UserKey {
        account: lecture.account.clone(),
        user_name: lecture.output()?.text("UserName")?.to_owned(),
        access_key_id: AccessKeyId::parse(lecture.asked("AccessKeyId")?).ok()?,
        is_active: None,
    }])
}

fn updated_key(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let access_key_id = AccessKeyId::parse(lecture.asked("AccessKeyId")?).ok()?;
    Some(vec![IdentityLesson::KeyStatus { access_key_id, is_active: lecture.asked("Status")? == "Active" }])
}

fn deleted_key(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let access_key_id = AccessKeyId::parse(lecture.asked("AccessKeyId")?).ok()?;
    Some(vec![IdentityLesson::KeyDeleted { access_key_id }])
}

fn assumed_role(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let (identity, issuer) = lecture.role_session()?;
    let context = SessionContext {
        session_issuer: Some(issuer),
        attributes: lecture.attributes(lecture.used_device()),
        source_identity: lecture.source_identity(),
        ..SessionContext::default()
    };
    lecture.session(identity, context)
}

fn assumed_role_with_saml(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let (identity, issuer) = lecture.role_session()?;
    let context = SessionContext {
        session_issuer: Some(issuer),
        attributes: lecture.attributes(false),
        source_identity: lecture.source_identity(),
        ..SessionContext::default()
    };
    lecture.session(identity, context)
}

fn assumed_role_with_web_identity(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let (identity, issuer) = lecture.role_session()?;
    let provider = lecture.output()?.text("Provider").map(|name| federated_provider(lecture, name, &issuer.account_id));
    let context = SessionContext {
        session_issuer: Some(issuer),
        web_id_federation_data: provider
            .map(|federated_provider| WebIdFederationData { federated_provider, attributes: BTreeMap::new() }),
        attributes: lecture.attributes(false),
        source_identity: lecture.source_identity(),
        ..SessionContext::default()
    };
    lecture.session(identity, context)
}

/// The provider as records name it. Providers that are built in have names; those of an account have ARNs, and answers
/// tell either the ARN or the issuer that it is made of. Source: records; STS API reference, `Provider`.
fn federated_provider(lecture: &Lecture<'_>, told: &str, account: &str) -> String {
    const BUILT_IN: [&str; 4] =
        ["cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com"];
    let issuer = told.strip_prefix("https://").unwrap_or(told).trim_end_matches('/');
    if told.starts_with("arn:") || BUILT_IN.contains(&issuer) {
        return issuer.to_owned();
    }
    format!("arn:{}:iam::{account}:oidc-provider/{issuer}", lecture.partition)
}

fn assumed_root(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let target = lecture.asked("TargetPrincipal")?;
    let account = Arn::parse(target).map_or_else(|_| target.to_owned(), |arn| arn.account().to_owned());
    let identity = UserIdentity::root(model::AccountId::parse(&account).ok()?, None);
    let context = SessionContext {
        attributes: lecture.attributes(false),
        source_identity: lecture.source_identity(),
        assumed_root: Some("true".to_owned()),
        ..SessionContext::default()
    };
    lecture.session(identity, context)
}

/// Credentials of a principal that someone let act for them, known by its ARN alone: the id of a role is not told;
/// GetCallerIdentity completes it. Source: STS API reference.
fn delegated_access_token(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let answer = lecture.output()?;
    let principal = answer.text("AssumedPrincipal")?;
    let arn = Arn::parse(principal).ok()?;
    let identity_type = match arn.resource().split('/').next()? {
        "role" | "assumed-role" => "AssumedRole",
        "user" => "IAMUser",
        "root" => "Root",
        _ => return None,
    };
    let identity = UserIdentity {
        identity_type: Some(identity_type.to_owned()),
        arn: Some(principal.to_owned()),
        account_id: Some(arn.account().to_owned()),
        user_name: (identity_type == "IAMUser").then(|| arn.resource().rsplit('/').next()).flatten().map(str::to_owned),
        ..UserIdentity::default()
    };
    let context = SessionContext { attributes: lecture.attributes(false), ..SessionContext::default() };
    lecture.session(identity, context)
}

/// A session of the caller itself: an IAM user or the root user, who alone may ask for one.
fn session_token(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let caller = lecture.caller;
    matches!(caller.identity_type.as_deref()?, "IAMUser" | "Root").then_some(())?;
    let context = SessionContext { attributes: lecture.attributes(lecture.used_device()), ..SessionContext::default() };
    lecture.session(UserIdentity { invoked_by: None, ..caller.clone() }, context)
}

fn federation_token(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let user = lecture.output()?.structure("FederatedUser")?;
    let (id, arn) = (user.text("FederatedUserId")?, user.text("Arn")?);
    let caller = lecture.caller;
    let issuer = match (caller.identity_type.as_deref(), &caller.principal_id, &caller.arn) {
        (Some(issuer_type @ ("IAMUser" | "Root")), Some(principal_id), Some(arn)) => Some(SessionIssuer {
            issuer_type: issuer_type.to_owned(),
            principal_id: principal_id.clone(),
            arn: arn.clone(),
            account_id: lecture.account.clone(),
            user_name: caller.user_name.clone(),
        }),
        _ => None,
    };
    let identity = UserIdentity {
        identity_type: Some("FederatedUser".to_owned()),
        principal_id: Some(id.to_owned()),
        arn: Some(arn.to_owned()),
        account_id: Some(lecture.account_of(Some(arn))),
        ..UserIdentity::default()
    };
    let context =
        SessionContext { session_issuer: issuer, attributes: lecture.attributes(false), ..SessionContext::default() };
    lecture.session(identity, context)
}

/// STS tells every caller who they are, by ARN.
fn caller_identity(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let answer = lecture.output()?;
    let (id, arn_text) = (answer.text("UserId")?, answer.text("Arn")?);
    let arn = Arn::parse(arn_text).ok()?;
    let access_key_id = lecture.caller_key()?;
    let account = arn.account().to_owned();
    let identity = match (arn.service(), arn.resource().split('/').collect::<Vec<_>>().as_slice()) {
        ("iam", ["root"]) => UserIdentity::root(model::AccountId::parse(&account).ok()?, Some(access_key_id.as_str())),
        ("iam", ["user", .., name]) => {
            let user = IamPrincipal {
                name: (*name).to_owned(),
                principal_id: Some(id.to_owned()),
                arn: Some(arn_text.to_owned()),
            };
            UserIdentity::iam_user(&account, &user, access_key_id.as_str())
        }
        ("sts", ["assumed-role", role, _]) => {
            let issuer = SessionIssuer {
                issuer_type: "Role".to_owned(),
                principal_id: id.split(':').next().unwrap_or(id).to_owned(),
                arn: format!("arn:{}:iam::{account}:role/{role}", arn.partition()),
                account_id: account.clone(),
                user_name: Some((*role).to_owned()),
            };
            let context = SessionContext { session_issuer: Some(issuer), ..SessionContext::default() };
            let identity = role_identity(id, arn_text, account);
            UserIdentity { access_key_id: Some(access_key_id.to_string()), session_context: Some(context), ..identity }
        }
        ("sts", ["federated-user", _]) => UserIdentity {
            identity_type: Some("FederatedUser".to_owned()),
            principal_id: Some(id.to_owned()),
            arn: Some(arn_text.to_owned()),
            account_id: Some(account),
            access_key_id: Some(access_key_id.to_string()),
            ..UserIdentity::default()
        },
        _ => return None,
    };
    let expires_at = access_key_id.is_temporary().then(|| lecture.longest_session());
    Some(vec![IdentityLesson::KeyOwner { access_key_id, identity: Box::new(identity), expires_at }])
}

/// The access portal gives credentials of a role that it knows by the name of a permission set. Name and id of the role
/// itself are not told; GetCallerIdentity completes them.
fn portal_credentials(lecture: &Lecture<'_>) -> Option<Vec<IdentityLesson>> {
    let credentials = lecture.output()?.structure("roleCredentials")?;
    let access_key_id = credentials.key_id()?;
    let identity = UserIdentity {
        identity_type: Some("AssumedRole".to_owned()),
        account_id: lecture.asked("accountId").map(str::to_owned),
        access_key_id: Some(access_key_id.to_string()),
        session_context: Some(SessionContext { attributes: lecture.attributes(false), ..SessionContext::default() }),
        ..UserIdentity::default()
    };
    let expires_at = credentials.time("expiration").unwrap_or_else(|| lecture.longest_session());
    Some(vec![IdentityLesson::Session { access_key_id, identity: Box::new(identity), expires_at }])
}

fn web_identity_user(lecture: &Lecture<'_>) -> Option<UserIdentity> {
    let answer = lecture.output()?;
    let subject = answer.text("SubjectFromWebIdentityToken")?;
    let provider = answer.text("Provider").unwrap_or_default();
    let account = lecture.account_of(answer.structure("AssumedRoleUser").and_then(|session| session.text("Arn")));
    let provider = federated_provider(lecture, provider, &account);
    let parts = [Some(provider.as_str()), answer.text("Audience"), Some(subject)];
    Some(UserIdentity {
        identity_type: Some("WebIdentityUser".to_owned()),
        principal_id: Some(parts.into_iter().flatten().collect::<Vec<_>>().join(":")),
        user_name: Some(subject.to_owned()),
        identity_provider: Some(provider),
        ..UserIdentity::default()
    })
}

fn saml_user(lecture: &Lecture<'_>) -> Option<UserIdentity> {
    let answer = lecture.output()?;
    let subject = answer.text("Subject")?;
    let qualifier = answer.text("NameQualifier");
    Some(UserIdentity {
        identity_type: Some("SAMLUser".to_owned()),
        principal_id: Some(qualifier.into_iter().chain([subject]).collect::<Vec<_>>().join(":")),
        user_name: Some(subject.to_owned()),
        identity_provider: answer.text("Issuer").or_else(|| lecture.asked("PrincipalArn")).map(str::to_owned),
        ..UserIdentity::default()
    })
}

#[cfg(test)]
mod tests;
