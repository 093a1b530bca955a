//! What a record must never hold.
//!
//! A value is hidden when the model marks it, when its name looks like a secret, or when a service is known to hide
//! it; it is shown in spite of its name only where real records show it. The default is to hide.

use aws_wire::catalog::{Member, Service, ShapeId, ShapeKind};

use crate::service_rules::{HIDDEN_TEXT, Replacement, ServiceRules};

/// What to do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Write it.
    Show,
    /// Leave its key out.
    Omit,
    /// Write this text in its place.
    Text(&'static str),
}

impl From<Replacement> for Treatment {
    fn from(replacement: Replacement) -> Self {
        match replacement {
            Replacement::Omit => Self::Omit,
            Replacement::Text(text) => Self::Text(text),
        }
    }
}

use Treatment::{Omit, Show};

const HIDE: Treatment = Treatment::Text(HIDDEN_TEXT);

/// Members that a service treats otherwise than the rules below, by service id and name in the model, wherever the
/// member stands. Sorted. Sources: *records* are real records, *guide* is the service's own CloudTrail chapter,
/// *content* marks what callers send as content, which no audit record may copy.
const MEMBERS: &[(&str, &str, Treatment)] = &[
    // The ARN of a role, whatever the name.
    ("apigateway", "authorizerCredentials", Show),
    ("apigateway", "credentials", Show),
    // Records: code and notebooks hidden.
    ("athena", "CodeBlock", Treatment::Text("HIDDEN_FOR_SECURITY_REASONS")),
    ("athena", "Payload", Treatment::Text("HIDDEN_FOR_SECURITY_REASONS")),
    // Guide: values of stack parameters dropped, template bodies absent.
    ("cloudformation", "ParameterValue", Omit),
    ("cloudformation", "StackPolicyBody", Omit),
    ("cloudformation", "TemplateBody", Omit),
    // Guide: the token of temporary credentials is written, that of an identity is not.
    ("cognito-identity", "SessionToken", Show),
    ("cognito-identity", "Token", Omit),
    // Records: part of the paging of snapshot blocks.
    ("ebs", "BlockToken", Show),
    // Records: the public half of a key pair.
    ("ec2", "PublicKeyMaterial", Show),
    // Content.
    ("events", "Detail", HIDE),
    ("firehose", "Data", Omit),
    // Records: the assertion is named by its id alone.
    ("kinesis", "Data", Omit),
    ("lambda", "ClientContext", Omit),
    // Content.
    ("logs", "logEvents", HIDE),
    // Records (2022, github.com/rubysoho07/cloudtrail-watcher).
    ("rds", "PreSignedUrl", Treatment::Text("")),
    // Guide: SQL text and its parameters.
    ("rds-data", "parameterSets", Treatment::Text("**********")),
    ("rds-data", "parameters", Treatment::Text("**********")),
    // Records.
    ("redshift-data", "Parameters", Treatment::Text("***OMITTED***")),
    ("redshift-data", "Sql", Treatment::Text("***OMITTED***")),
    ("redshift-data", "Sqls", Treatment::Text("***OMITTED***")),
    // Records: all tags of the service are hidden.
    ("rolesanywhere", "key", HIDE),
    ("rolesanywhere", "value", HIDE),
    // Records: ids of versions, chosen by the caller.
    ("secretsmanager", "ClientRequestToken", Show),
    // Content.
    ("ses", "Message", HIDE),
    ("ses", "RawMessage", HIDE),
    ("ses", "TemplateData", HIDE),
    ("sesv2", "Content", HIDE),
    ("sesv2", "TemplateData", HIDE),
    // Guide.
    ("sns", "Message", HIDE),
    ("sns", "MessageAttributes", HIDE),
    ("sns", "Subject", HIDE),
    ("sqs", "MessageAttributes", HIDE),
    ("sqs", "MessageBody", HIDE),
    ("sqs", "MessageSystemAttributes", HIDE),
    // Records.
    ("ssm", "TokenValue", Treatment::Text("Value hidden due to security reasons.")),
    // Records: the whole of what makes the session usable but the secret key is written.
    ("sts", "SAMLAssertion", Omit),
    ("sts", "SessionToken", Show),
    // Records: who the token is of.
    ("sts", "SubjectFromWebIdentityToken", Show),
    ("sts", "TokenCode", Omit),
    ("sts", "WebIdentityToken", Omit),
];

/// Members of one structure whose name says nothing, by service id, structure and member.
const OWNED_MEMBERS: &[(&str, &str, &str, Treatment)] = &[
    // The key itself; the caller may choose it.
    ("apigateway", "ApiKey", "value", HIDE),
    ("apigateway", "CreateApiKeyRequest", "value", HIDE),
    // Variables of an environment, where callers put secrets.
    ("batch", "KeyValuePair", "value", HIDE),
    ("codebuild", "EnvironmentVariable", "value", HIDE),
    ("elasticbeanstalk", "ConfigurationOptionSetting", "Value", HIDE),
];

/// Members that hold the variables of an environment as a map: names are shown and values are not, whatever the
/// service.
pub(crate) fn is_environment(member: &str) -> bool {
    matches!(member, "Environment" | "environment" | "EnvironmentVariables" | "environmentVariables")
}

/// What to do with a member of a structure.
pub(crate) fn member_treatment(
    service: &Service,
    rules: &ServiceRules,
    structure: ShapeId,
    member: &Member,
) -> Treatment {
    if let Some(treatment) = listed(&service.id, &member.name) {
        return treatment;
    }
    if let Some((.., treatment)) = OWNED_MEMBERS.iter().find(|(id, owner, name, _)| {
        *id == service.id && *name == member.name && *owner == service.shape(structure).name
    }) {
        return *treatment;
    }
    let shape = service.shape(member.shape);
    if shape.is_sensitive {
        return rules.secrets.into();
    }
    match &shape.kind {
        // Bytes are content, not parameters.
        ShapeKind::Blob { .. } => Omit,
        ShapeKind::String if looks_secret(&member.name) => rules.secrets.into(),
        ShapeKind::List { member: element, .. } if holds_text(service, element) && looks_secret(&member.name) => {
            rules.secrets.into()
        }
        _ => Show,
    }
}

fn holds_text(service: &Service, element: &Member) -> bool {
    matches!(service.shape(element.shape).kind, ShapeKind::String | ShapeKind::Blob { .. })
}

fn listed(service: &str, member: &str) -> Option<Treatment> {
    let index = MEMBERS.binary_search_by(|(id, name, _)| (*id, *name).cmp(&(service, member))).ok()?;
    Some(MEMBERS[index].2)
}

/// Words that make a name look like that of a secret, in lower case.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "privatekey",
    "keymaterial",
    "apikey",
    "credential",
    "authtoken",
    "userdata",
];

/// Ends of names that are about a secret and are not it (`secretId`, `passwordLastUsed`, `apiKeySourceType`).
const HARMLESS_ENDS: &[&str] = &[
    "id",
    "ids",
    "arn",
    "arns",
    "name",
    "names",
    "type",
    "types",
    "version",
    "versions",
    "status",
    "state",
    "states",
    "required",
    "length",
    "days",
    "date",
    "enabled",
    "policy",
    "stage",
    "stages",
    "used",
    "source",
    "mode",
    "format",
    "count",
    "description",
    "location",
    "region",
    "scope",
    "scopes",
    "action",
    "target",
    "path",
    "prefix",
    "time",
    "method",
    "expression",
    "strategy",
    "provider",
    "vendor",
    "identifier",
    "parameter",
    "param",
    "typeoverride",
    "idlist",
    "arnlist",
    "alias",
    "filter",
    "algorithm",
    "role",
];

/// Words that make a token one of paging, of idempotency or of optimistic locking.
const HARMLESS_TOKENS: &[&str] = &[
    "next",
    "client",
    "request",
    "idempotency",
    "pagination",
    "paging",
    "page",
    "continuation",
    "creation",
    "creator",
    "sequence",
    "lock",
    "change",
    "update",
    "start",
    "starting",
    "exclusive",
    "forward",
    "backward",
    "caller",
    "conversation",
    "version",
    "delete",
    "resume",
    "subscription",
    "http",
    "dkim",
    "lifecycle",
];

/// Whether a name looks like that of a secret. Tokens are secret unless their name says what harmless thing they are.
pub(crate) fn looks_secret(name: &str) -> bool {
    let mut buffer = [0u8; 64];
    let lower = match buffer.get_mut(..name.len()) {
        Some(lower) => lower,
        // No member of any model has a longer name that holds a secret; a hostile name is hidden.
        None => return true,
    };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    let Ok(lower) = std::str::from_utf8(lower) else { return true };
    if lower.ends_with("token") || lower.ends_with("tokens") {
        return !HARMLESS_TOKENS.iter().any(|word| lower.contains(word)) || lower.contains("secret");
    }
    SECRET_WORDS.iter().any(|word| lower.contains(word)) && !HARMLESS_ENDS.iter().any(|end| lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use aws_wire::catalog::Catalog;

    use super::*;

    #[test]
    fn table_is_sorted() {
        for pair in MEMBERS.windows(2) {
            assert!((pair[0].0, pair[0].1) < (pair[1].0, pair[1].1), "{:?} after {:?}", pair[1], pair[0]);
        }
    }

    #[test]
    fn names_tell_secrets() {
        for (name, secret) in [
            ("MasterUserPassword", true),
            ("SecretString", true),
            ("SecretAccessKey", true),
            ("PrivateKey", true),
            ("ApiKeyValue", true),
            ("AccessToken", true),
            ("Token", true),
            ("refreshToken", true),
            ("AuthToken", true),
            ("Passphrase", true),
            ("UserData", true),
            ("HttpTokens", false),
            ("ApiKeySelectionExpression", false),
            ("SecretId", false),
            ("secretArn", false),
            ("SecretName", false),
            ("NextToken", false),
            ("nextToken", false),
            ("ClientToken", false),
            ("ClientRequestToken", false),
            ("idempotencyToken", false),
            ("ContinuationToken", false),
            ("uploadSequenceToken", false),
            ("PasswordResetRequired", false),
            ("KeyId", false),
            ("UserName", false),
            ("FunctionName", false),
        ] {
            assert_eq!(looks_secret(name), secret, "{name}");
        }
    }

    #[test]
    fn rows_are_members_of_services() {
        for (id, name, _) in MEMBERS {
            let service = Catalog::embedded().service(id).expect(id);
            let mut structures = service.shapes.iter().filter_map(|shape| match &shape.kind {
                ShapeKind::Structure(structure) => Some(structure),
                _ => None,
            });
            let found = structures.any(|structure| structure.members.iter().any(|member| member.name == *name));
            assert!(found, "{id} {name}");
        }
    }
}
