//! What a record must never hold.
//!
//! A value is hidden when the model marks it, when its name looks like a secret, or when a service is known to hide
//! it; it is shown in spite of its name only where real records show it. The default is to hide.

use aws_wire::catalog::{Member, Service, ShapeId, ShapeKind};

use crate::service_rules::{HIDDEN_TEXT, Replacement, ServiceRules};

pub(crate) use json_text::hide_in_text;

mod json_text;

/// What to do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Write it.
    Show,
    /// Leave its key out.
    Omit,
    /// Write this text in its place.
    Text(&'static str),
    /// Write what is left of each of its texts.
    Each(Remainder),
}

/// What is left of a text that is content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remainder {
    /// That it was there.
    Nothing,
    /// The trace that a document of X-Ray belongs to.
    TraceId,
}

impl Remainder {
    /// What is written of a text; nothing of it if `None`.
    pub(crate) fn of(self, text: &str) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Segment {
            trace_id: String,
        }
        match self {
            Self::Nothing => None,
            Self::TraceId => {
                let segment: Segment = serde_json::from_str(text).ok()?;
                let is_id = segment.trace_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                is_id.then(|| ["trace_id:", &segment.trace_id].concat())
            }
        }
    }
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
const HIDE_EACH: Treatment = Treatment::Each(Remainder::Nothing);

/// Members that a service treats otherwise than the rules below, by service id and name in the model, wherever the
/// member stands. Sorted. Sources: *records* are real records, *guide* is the service's own CloudTrail chapter,
/// *content* marks what callers send as content, which no audit record may copy.
const MEMBERS: &[(&str, &str, Treatment)] = &[
    // The ARN of a role, whatever the name.
    ("apigateway", "authorizerCredentials", Show),
    ("apigateway", "credentials", Show),
    // Keys of the other service's API, whatever the name.
    ("appflow", "applicationKey", HIDE),
    ("appflow", "datakey", HIDE),
    // Records: code and notebooks hidden.
    ("athena", "CodeBlock", Treatment::Text("HIDDEN_FOR_SECURITY_REASONS")),
    ("athena", "Payload", Treatment::Text("HIDDEN_FOR_SECURITY_REASONS")),
    // Guide (2026).
    ("athena", "QueryString", Treatment::Text("***OMITTED***")),
    // Record (2024, github.com/panther-labs/panther-analysis).
    ("bedrock", "offerToken", Omit),
    // The model of its successor marks it; calls of both look the same.
    ("chime", "PersonalPIN", HIDE),
    ("chime", "PhoneNumberId", HIDE),
    // Guide: values of stack parameters dropped, template bodies absent.
    ("cloudformation", "ParameterValue", Omit),
    ("cloudformation", "StackPolicyBody", Omit),
    ("cloudformation", "TemplateBody", Omit),
    // Guide: the token of temporary credentials is written, that of an identity is not.
    ("cognito-identity", "SessionToken", Show),
    ("cognito-identity", "Token", Omit),
    // Content.
    ("dataexchange", "Body", HIDE),
    // Guide: both ends of a virtual interface.
    ("directconnect", "amazonAddress", Treatment::Text("[PROTECTED]")),
    // Guide: the key that BGP sessions are authenticated with.
    ("directconnect", "authKey", Treatment::Text("[PROTECTED]")),
    ("directconnect", "customerAddress", Treatment::Text("[PROTECTED]")),
    ("directconnect", "customerRouterConfig", Treatment::Text("[PROTECTED]")),
    // Guide.
    ("ds-data", "NextToken", Treatment::Text("REDACTED")),
    // Records: part of the paging of snapshot blocks.
    ("ebs", "BlockToken", Show),
    // Records: the public half of a key pair.
    ("ec2", "PublicKeyMaterial", Show),
    // Content.
    ("events", "Detail", HIDE),
    ("firehose", "Data", Omit),
    // Keys of a device, of its sessions and of its joins.
    ("iotwireless", "AppKey", HIDE),
    ("iotwireless", "AppSKey", HIDE),
    ("iotwireless", "FNwkSIntKey", HIDE),
    ("iotwireless", "GenAppKey", HIDE),
    ("iotwireless", "NwkKey", HIDE),
    ("iotwireless", "NwkSEncKey", HIDE),
    ("iotwireless", "NwkSKey", HIDE),
    ("iotwireless", "SNwkSIntKey", HIDE),
    // Records: the assertion is named by its id alone.
    ("kinesis", "Data", Omit),
    ("lambda", "ClientContext", Omit),
    // Content.
    ("logs", "logEvents", HIDE),
    // Guide, and records of what became of the call (2018, 2021, 2023, github.com/panther-labs/panther-analysis).
    ("organizations", "AccountName", Treatment::Text("****")),
    ("organizations", "Email", Treatment::Text("****")),
    // Guide (2024).
    ("pinpoint-sms-voice-v2", "MessageBody", HIDE),
    // Content.
    ("pinpoint-sms-voice-v2", "ResolvedMessageBody", HIDE),
    ("pinpoint-sms-voice-v2", "TemplateVariables", HIDE),
    // Guide.
    ("polly", "Text", Treatment::Text("**********")),
    // Content.
    ("qbusiness", "systemMessage", HIDE),
    ("qbusiness", "userMessage", HIDE),
    // Records (2022, github.com/rubysoho07/cloudtrail-watcher).
    ("rds", "PreSignedUrl", Treatment::Text("")),
    // Guide: SQL text and its parameters.
    ("rds-data", "database", Treatment::Text("**********")),
    ("rds-data", "parameterSets", Treatment::Text("**********")),
    ("rds-data", "parameters", Treatment::Text("**********")),
    ("rds-data", "schema", Treatment::Text("**********")),
    ("rds-data", "sql", Treatment::Text("**********")),
    ("rds-data", "sqlStatements", Treatment::Text("**********")),
    // Records.
    ("redshift-data", "Parameters", Treatment::Text("***OMITTED***")),
    ("redshift-data", "Sql", Treatment::Text("***OMITTED***")),
    ("redshift-data", "Sqls", Treatment::Text("***OMITTED***")),
    // Records: all tags of the service are hidden.
    ("rolesanywhere", "key", HIDE),
    ("rolesanywhere", "value", HIDE),
    // Guide: keys of vectors absent; content.
    ("s3vectors", "keys", Omit),
    ("s3vectors", "queryTexts", Omit),
    ("s3vectors", "queryVector", Omit),
    ("s3vectors", "vectors", Omit),
    // Records: ids of versions, chosen by the caller.
    ("secretsmanager", "ClientRequestToken", Show),
    // Guide (2025): whom an email goes to, and content.
    ("ses", "BccAddresses", HIDE_EACH),
    ("ses", "CcAddresses", HIDE_EACH),
    ("ses", "Data", HIDE),
    ("ses", "DefaultTemplateData", HIDE),
    ("ses", "Destinations", HIDE_EACH),
    ("ses", "RawMessage", HIDE),
    ("ses", "ReplacementTemplateData", HIDE),
    ("ses", "ReplyToAddresses", HIDE_EACH),
    ("ses", "TemplateData", HIDE),
    ("ses", "ToAddresses", HIDE_EACH),
    ("sesv2", "Attachments", HIDE),
    ("sesv2", "BccAddresses", HIDE_EACH),
    ("sesv2", "CcAddresses", HIDE_EACH),
    ("sesv2", "Data", HIDE),
    ("sesv2", "Headers", HIDE),
    ("sesv2", "ReplacementHeaders", HIDE),
    ("sesv2", "ReplacementTemplateData", HIDE),
    ("sesv2", "ReplyToAddresses", HIDE_EACH),
    ("sesv2", "TemplateData", HIDE),
    ("sesv2", "ToAddresses", HIDE_EACH),
    // Guide.
    ("sns", "Message", HIDE),
    ("sns", "MessageAttributes", HIDE),
    ("sns", "Subject", HIDE),
    // Guide: content.
    ("socialmessaging", "message", Omit),
    ("sqs", "MessageAttributes", HIDE),
    ("sqs", "MessageBody", HIDE),
    ("sqs", "MessageSystemAttributes", HIDE),
    // Records.
    ("ssm", "TokenValue", Treatment::Text("Value hidden due to security reasons.")),
    // A signed statement of another party.
    ("sts", "ContextAssertion", HIDE),
    // Records: the whole of what makes the session usable but the secret key is written.
    ("sts", "SAMLAssertion", Omit),
    ("sts", "SessionToken", Show),
    // Records: who the token is of.
    ("sts", "SubjectFromWebIdentityToken", Show),
    ("sts", "TokenCode", Omit),
    ("sts", "WebIdentityToken", Omit),
    // Guide: what a case is about.
    ("support", "communicationBody", Omit),
    ("support", "subject", Omit),
    // Guide.
    ("translate", "Text", HIDE),
    ("translate", "TranslatedText", HIDE),
    // Guide: policies and schemas are not copied.
    ("verifiedpermissions", "definition", Omit),
    ("verifiedpermissions", "statement", Omit),
    // Guide (2024): segments are content.
    ("xray", "TraceSegmentDocuments", Treatment::Each(Remainder::TraceId)),
];

/// Members of one structure whose name says nothing, by service id, structure and member.
const OWNED_MEMBERS: &[(&str, &str, &str, Treatment)] = &[
    // The key itself; the caller may choose it.
    ("apigateway", "ApiKey", "value", HIDE),
    ("apigateway", "CreateApiKeyRequest", "value", HIDE),
    // Guide: where files of partners lie and what kind they are of.
    ("b2bi", "EdiConfiguration", "transformerId", HIDE),
    ("b2bi", "S3Location", "bucketName", HIDE),
    ("b2bi", "S3Location", "key", HIDE),
    ("b2bi", "X12Details", "transactionSet", HIDE),
    ("b2bi", "X12Details", "version", HIDE),
    // Variables of an environment, where callers put secrets.
    ("batch", "KeyValuePair", "value", HIDE),
    // Guide (2026): what a guardrail judges is content.
    ("bedrock-runtime", "ApplyGuardrailRequest", "content", Omit),
    ("codebuild", "EnvironmentVariable", "value", HIDE),
    ("codebuild", "ExportedEnvironmentVariable", "value", HIDE),
    ("elasticbeanstalk", "ConfigurationOptionSetting", "Value", HIDE),
    // Record (2023); policies of other kinds are written.
    ("organizations", "PutResourcePolicyRequest", "Content", HIDE),
    ("organizations", "ResourcePolicy", "Content", HIDE),
    // Content of the email that it is sent with.
    ("sesv2", "Template", "TemplateContent", HIDE),
];

/// Members that hold the variables of an environment as a map or as a list of pairs: names are shown and values are not,
/// whatever the service.
pub(crate) fn is_environment(member: &str) -> bool {
    let ends_in = |end: &str| {
        let start = member.len().checked_sub(end.len()).and_then(|start| member.get(start..));
        start.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ["environment", "environmentvariables", "environmentoverride", "environmentvariablesoverride"]
        .into_iter()
        .any(ends_in)
}

/// Whether a text holds a URL that opens what it names to whoever reads it: with the proof of a signature in its query.
pub(crate) fn holds_signed_url(text: &str) -> bool {
    const SIGNATURES: [&str; 3] = ["X-Amz-Signature=", "?Signature=", "&Signature="];
    // No signature is shorter.
    text.len() > 64 && text.contains("://") && SIGNATURES.iter().any(|name| text.contains(name))
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
        // Bytes are content, not parameters, but for services whose rows say otherwise; there, too, no stream is written.
        ShapeKind::Blob { is_streaming: false }
            if rules.writes_bytes && !member.is_streaming && !is_payload(service, structure, member) =>
        {
            if looks_secret(&member.name) { rules.secrets.into() } else { Show }
        }
        ShapeKind::Blob { .. } => Omit,
        ShapeKind::String if looks_secret(&member.name) => rules.secrets.into(),
        ShapeKind::List { member: element, .. } if holds_text(service, element) && looks_secret(&member.name) => {
            rules.secrets.into()
        }
        // A list of structures that are all hidden is one text. Source: Invoicing guide (2026, contacts).
        ShapeKind::List { member: element, .. } if is_sensitive_structure(service, element) => rules.secrets.into(),
        _ => Show,
    }
}

fn is_sensitive_structure(service: &Service, element: &Member) -> bool {
    let shape = service.shape(element.shape);
    shape.is_sensitive && matches!(shape.kind, ShapeKind::Structure(_))
}

/// Whether a member is the whole body.
fn is_payload(service: &Service, structure: ShapeId, member: &Member) -> bool {
    let structure = service.structure(structure);
    let payload = structure.and_then(|structure| structure.members.get(usize::from(structure.payload?)));
    payload.is_some_and(|payload| payload.name == member.name)
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
    "presignedurl",
    "signedurl",
    "presharedkey",
    "passcode",
    "authcode",
    "authorizationcode",
    "confirmationcode",
    "verificationcode",
];

/// Names of secrets that are words of harmless names as well.
const SECRET_NAMES: &[&str] = &["authorization", "cookie", "otp", "proxyauthorization", "setcookie"];

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
    "codeurl",
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

/// Whether a name looks like that of a secret, however its words are put together (`apiKey`, `API_KEY`, `x-api-key`).
/// Tokens are secret unless their name says what harmless thing they are.
pub(crate) fn looks_secret(name: &str) -> bool {
    let mut buffer = [0u8; 64];
    if name.len() > buffer.len() {
        // No member of any model has a longer name that holds a secret; a hostile name is hidden.
        return true;
    }
    let mut length = 0;
    for byte in name.bytes().filter(|byte| !b"-_. ".contains(byte)) {
        buffer[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let Ok(lower) = std::str::from_utf8(&buffer[..length]) else { return true };
    if lower.ends_with("token") || lower.ends_with("tokens") {
        return !HARMLESS_TOKENS.iter().any(|word| lower.contains(word)) || lower.contains("secret");
    }
    SECRET_NAMES.contains(&lower)
        || (SECRET_WORDS.iter().any(|word| lower.contains(word))
            && !HARMLESS_ENDS.iter().any(|end| lower.ends_with(end)))
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
            ("API_KEY", true),
            ("x-api-key", true),
            ("Set-Cookie", true),
            ("authorization", true),
            ("db.auth_token", true),
            ("PreSignedUrl", true),
            ("Otp", true),
            ("SECRET_ID", false),
            ("next-token", false),
            ("authorizationType", false),
            ("cookieName", false),
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
    fn environments_are_told_by_their_names() {
        for (name, is_one) in [
            ("Environment", true),
            ("environmentVariables", true),
            ("additionalEnvironmentVariables", true),
            ("OverrideEnvironment", true),
            ("environmentVariablesOverride", true),
            ("environmentName", false),
            ("environments", false),
            ("ment", false),
        ] {
            assert_eq!(is_environment(name), is_one, "{name}");
        }
    }

    #[test]
    fn signed_urls_are_told_by_their_query() {
        let url = |query: &str| format!("https://bucket.s3.us-east-1.amazonaws.com/a/long/key/of/an/object?{query}");
        for (query, is_signed) in [
            ("X-Amz-Date=20261130T000000Z&X-Amz-Signature=0123", true),
            ("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=0123", true),
            ("Signature=0123&Key-Pair-Id=K2", true),
            ("versionId=1", false),
        ] {
            assert_eq!(holds_signed_url(&url(query)), is_signed, "{query}");
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
