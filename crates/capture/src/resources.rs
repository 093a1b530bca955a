//! The `resources` element, for the services that write one.
//!
//! Sources: records (S3, KMS, STS, SSM, ECR, EBS, CodeCommit) and the services' CloudTrail chapters (DynamoDB, Lambda,
//! SQS, SNS, Kinesis). Data events of other services: `data_arns`; management events of newer ones: `managed_arns`.

use aws_wire::catalog::Service;
use aws_wire::value::{FieldKey, StructureValue, Value};
use http::{HeaderMap, HeaderName};
use model::{AccountId, Arn, EventCategory, EventResource, Text};

use crate::category::types_of;
use crate::exchange::Exchange;
use crate::functions::function_arn;
use crate::s3::{self, Address};
use data_arns::{DATA_ARNS, filled};
use managed_arns::{MANAGED_ARNS, Side};

mod data_arns;
mod managed_arns;

// Made once: a name that is given as a text is read anew at each look.
static EXPECTED_BUCKET_OWNER: HeaderName = HeaderName::from_static("x-amz-expected-bucket-owner");
static SOURCE_EXPECTED_BUCKET_OWNER: HeaderName = HeaderName::from_static("x-amz-source-expected-bucket-owner");

/// What is known of a call when its resources are named.
pub(crate) struct Known<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    pub(crate) service: &'static Service,
    pub(crate) operation: &'a str,
    pub(crate) category: EventCategory,
    pub(crate) region: &'a str,
    pub(crate) input: Option<&'a StructureValue>,
    pub(crate) output: Option<&'a StructureValue>,
}

/// S3 calls on a bucket that list what is in it.
const S3_LISTINGS: &[&str] = &["HeadBucket", "ListObjectVersions", "ListObjects", "ListObjectsV2", "DeleteObjects"];

/// The resources of a call.
///
/// Selectors find data events by the types of their resources. What a call touches without a name that it says is
/// therefore there by its type alone. Source: X-Ray guide, log entry of a data event.
pub(crate) fn resources(known: &Known<'_>) -> Vec<EventResource> {
    let named = named_resources(known);
    // What goes to a phone number goes to no topic.
    if !named.is_empty() || known.category != EventCategory::Data || known.service.id == "sns" {
        return named;
    }
    types_of(&known.service.id, known.operation).unwrap_or_default().iter().map(|name| of_type(name)).collect()
}

fn of_type(name: &'static str) -> EventResource {
    EventResource { resource_type: Some(Text::const_new(name)), ..EventResource::default() }
}

fn named_resources(known: &Known<'_>) -> Vec<EventResource> {
    match (known.service.id.as_str(), known.category) {
        ("s3", _) => known.s3(),
        ("kms", _) => known.kms(),
        ("sts", _) => known.roles(),
        ("ssm", _) => known.ssm(),
        ("ecr", _) => known.named("repositoryName", None, "repository/"),
        ("ecr-public", _) => known.public_repositories(),
        ("comprehend", _) => known.models(),
        ("acm", _) => known.acme(),
        // Guide (2024), of every call.
        ("ds-data", _) => known.directories(),
        ("sso-oidc", _) => known.application(),
        ("sso-admin", _) => known.applications(),
        ("logs", EventCategory::Management) => known.filtered_group(),
        ("mpa", _) => known.approvals(),
        ("agent-registry", EventCategory::Data) => known.registries(),
        ("cloudwatch", EventCategory::Data) => vec![metrics()],
        ("events", EventCategory::Data) => known.buses(),
        ("iotsitewise", EventCategory::Data) => known.assets(),
        ("pinpoint-sms-voice-v2", EventCategory::Data) => known.originations(),
        ("ses" | "sesv2", EventCategory::Data) => known.emails(),
        ("cognito-identity", EventCategory::Data) => known.identity_pools(),
        ("codecommit", _) => known.named("repositoryName", Some("AWS::CodeCommit::Repository"), ""),
        ("ebs", EventCategory::Data) => known.snapshots(),
        // Data and, since 2022, management events. Source: records (github.com/rubysoho07/cloudtrail-watcher,
        // CreateTable and CreateQueue).
        ("dynamodb", _) => known.tables(),
        ("sqs", _) => known.queues(),
        ("dynamodbstreams", EventCategory::Data) => known.stream_of_table(),
        ("lambda", EventCategory::Data) => known.functions(),
        ("kinesis", EventCategory::Data) => known.streams(),
        ("sns", EventCategory::Data) => known.topics(),
        // Also management events. Source: guide.
        ("verifiedpermissions", _) => known.policy_stores(),
        ("s3vectors", EventCategory::Data) => known.vectors(),
        ("security-ir", _) => known.cases(),
        ("partnercentral-account" | "partnercentral-channel", _) => known.answered(),
        (_, EventCategory::Data) => known.of_data(),
        _ => known.of_management(),
    }
}

impl Known<'_> {
    fn text(&self, member: &str) -> Option<&str> {
        text_of(self.service, self.input?, member)
    }

    fn partition(&self) -> &'static str {
        self.exchange.region.partition()
    }

    fn account(&self) -> Text {
        Text::new(self.exchange.recipient_account.as_str())
    }

    /// A regional ARN of the recipient's account; a text that is an ARN already stays.
    fn arn(&self, service: &str, resource_prefix: &str, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        let account = self.exchange.recipient_account;
        let parts = [
            "arn:",
            self.partition(),
            ":",
            service,
            ":",
            self.region,
            ":",
            account.as_str(),
            ":",
            resource_prefix,
            name,
        ];
        parts.concat()
    }

    fn resource(&self, resource_type: Option<&str>, arn: String) -> EventResource {
        let owner = Arn::parse(&arn).ok().map(|arn| Text::new(arn.account())).filter(|account| !account.is_empty());
        EventResource {
            account_id: Some(owner.unwrap_or_else(|| self.account())),
            resource_type: resource_type.map(Text::new),
            arn: Some(arn.into()),
            arn_prefix: None,
        }
    }

    /// The resource of a data event, where the call says which it is.
    fn of_data(&self) -> Vec<EventResource> {
        self.of_types(types_of(&self.service.id, self.operation).unwrap_or_default())
    }

    fn policy_stores(&self) -> Vec<EventResource> {
        self.of_types(&["AWS::VerifiedPermissions::PolicyStore"])
    }

    /// The case, or any when one is made. Source: Security Incident Response guide, log entries.
    fn cases(&self) -> Vec<EventResource> {
        let id = self.text("caseId").or((self.operation == "CreateCase").then_some("*"));
        let arn = |id| self.arn("security-ir", "case/", id);
        id.map(|id| self.resource(Some("AWS::SecurityResponder::Case"), arn(id))).into_iter().collect()
    }

    /// What the calls on ACME name, and what one of them makes. Source: Certificate Manager guide (2026), log entries.
    fn acme(&self) -> Vec<EventResource> {
        const MEMBERS: [(&str, &str); 3] = [
            ("AcmeEndpointArn", "AWS::CertificateManager::AcmeEndpoint"),
            ("AcmeDomainValidationArn", "AWS::CertificateManager::AcmeDomainValidation"),
            ("AcmeExternalAccountBindingArn", "AWS::CertificateManager::AcmeExternalAccountBinding"),
        ];
        if !self.operation.contains("Acme") {
            return Vec::new();
        }
        let answered =
            self.output.map(|output| structure_of(self.service, output, "ExternalAccountBinding").unwrap_or(output));
        let named = |member| {
            let answered = answered.and_then(|answer| text_of(self.service, answer, member));
            self.text(member).or(answered)
        };
        let found = MEMBERS.into_iter().filter_map(|(member, kind)| Some((kind, named(member)?)));
        found.map(|(kind, arn)| self.resource(Some(kind), arn.to_owned())).collect()
    }

    /// The resources of a management event, for the services that name them.
    fn of_management(&self) -> Vec<EventResource> {
        let rows = match MANAGED_ARNS.binary_search_by(|(id, _)| (*id).cmp(&self.service.id)) {
            Ok(index) => MANAGED_ARNS[index].1,
            Err(_) => return Vec::new(),
        };
        let mut found: Vec<EventResource> = Vec::new();
        for row in rows {
            let is_known = found.iter().any(|known| known.resource_type.as_deref() == Some(row.resource_type));
            let value = |name: &str| {
                self.of_call(name).or_else(|| match row.side {
                    Side::Asked => self.text(name),
                    Side::Answered => self.answered_text(name),
                })
            };
            if !is_known && let Some(arn) = filled(row.template, value) {
                found.push(self.resource(Some(row.resource_type), arn));
            }
        }
        // One that is made has no name yet. Source: Connect Health guide, log entry of `CreateSubscription`.
        if self.service.id == "connecthealth"
            && self.operation == "CreateSubscription"
            && let Some(domain) = self.text("domainId")
        {
            let arn = self.arn("health-agent", "domain/", &[domain, "/subscription/*"].concat());
            found.push(self.resource(Some("AWS::HealthAgent::Subscription"), arn));
        }
        found
    }

    /// What a template of an ARN may say of the call itself.
    fn of_call(&self, name: &str) -> Option<&str> {
        match name {
            "partition" => Some(self.partition()),
            "region" => Some(self.region),
            "account" => Some(self.exchange.recipient_account.as_str()),
            _ => None,
        }
    }

    /// A text of the answer, or of its only structure.
    fn answered_text(&self, member: &str) -> Option<&str> {
        let output = self.output?;
        text_of(self.service, output, member).or_else(|| match output.fields.as_slice() {
            [field] => match &field.value {
                Value::Structure(inner) => text_of(self.service, inner, member),
                _ => None,
            },
            _ => None,
        })
    }

    /// Teams, sessions and sources of identities of Multi-party approval, by the kind that is in the ARN; a session comes
    /// after its team, and calls on tags name nothing. Source: its guide (2025), log entries.
    fn approvals(&self) -> Vec<EventResource> {
        if matches!(self.operation, "ListTagsForResource" | "TagResource" | "UntagResource") {
            return Vec::new();
        }
        let made = self.answered_text("Arn").filter(|_| self.operation == "CreateApprovalTeam");
        let members = ["Arn", "ResourceArn", "ApprovalTeamArn", "SessionArn", "IdentitySourceArn"];
        let arns = members.iter().filter_map(|member| self.text(member)).chain(made);
        let mut found = Vec::new();
        for text in arns {
            let Ok(arn) = Arn::parse(text) else { continue };
            let mut add = |kind, arn: String| found.push(self.resource(Some(kind), arn));
            match arn.resource().split_once('/') {
                Some(("approval-team", _)) => add("AWS::MPA::ApprovalTeam", text.to_owned()),
                Some(("identity-source", _)) => add("AWS::MPA::IdentitySource", text.to_owned()),
                Some(("session", name)) => {
                    let team = name.split('/').next().unwrap_or(name);
                    add("AWS::MPA::ApprovalTeam", self.arn("mpa", "approval-team/", team));
                    add("AWS::MPA::Session", text.to_owned());
                }
                _ => {}
            }
        }
        found
    }

    /// The registries that are asked. Source: Agent Registry guide (2026), log entry of a data event.
    fn registries(&self) -> Vec<EventResource> {
        let one = self.text("registryId");
        let several = match self.input.and_then(|input| member_of(self.service, input, "registryIds")) {
            Some(Value::List(ids)) => ids.as_slice(),
            _ => &[],
        };
        let ids = one.into_iter().chain(several.iter().filter_map(Value::as_str));
        let arn = |id| self.arn("agent-registry", "registry/", id);
        ids.map(|id| self.resource(Some("AWS::AgentRegistry::Registry"), arn(id))).collect()
    }

    fn directories(&self) -> Vec<EventResource> {
        let kind = Some("AWS::DirectoryService::MicrosoftAD");
        let arn = |id| self.arn("ds", "directory/", id);
        self.text("DirectoryId").map(|id| self.resource(kind, arn(id))).into_iter().collect()
    }

    /// The application that a token is for, without its account. Source: a record (2026).
    fn application(&self) -> Vec<EventResource> {
        let arn = self.text("clientId").filter(|id| self.operation == "CreateTokenWithIAM" && id.starts_with("arn:"));
        let application = |arn: &str| EventResource {
            resource_type: Some(Text::const_new("AWS::SSO::Application")),
            arn: Some(arn.to_owned().into()),
            ..EventResource::default()
        };
        arn.map(application).into_iter().collect()
    }

    /// The application that a call changes, after the instance that it is in; of one that is made, the instance alone.
    /// Source: Multi-party approval guide (2025), log entries of its calls on Identity Center.
    fn applications(&self) -> Vec<EventResource> {
        let instance = |arn: String| self.resource(Some("AWS::SSO::Instance"), arn);
        let is_change = ["Create", "Delete", "Put", "Update"].iter().any(|verb| self.operation.starts_with(verb));
        match self.text("ApplicationArn") {
            Some(arn) if is_change => {
                let parsed = Arn::parse(arn).ok();
                let parts =
                    parsed.as_ref().and_then(|arn| arn.resource().strip_prefix("application/")?.split_once('/'));
                let of_parts = parts.map(|(id, _)| ["arn:", self.partition(), ":sso:::instance/", id].concat());
                let application = self.resource(Some("AWS::SSO::Application"), arn.to_owned());
                of_parts.map(instance).into_iter().chain([application]).collect()
            }
            None if self.operation == "CreateApplication" => {
                self.text("InstanceArn").map(|arn| instance(arn.to_owned())).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The log group whose events a filter sends on, which no other call on log groups names. Source: a record (2026).
    fn filtered_group(&self) -> Vec<EventResource> {
        let name = self.text("logGroupName").filter(|_| self.operation == "PutSubscriptionFilter");
        let arn = |name| self.arn("logs", "log-group:", name);
        name.map(|name| self.resource(Some("AWS::Logs::LogGroup"), arn(name))).into_iter().collect()
    }

    /// What was made, by its ARN in the answer. Source: Partner Central guides, log entries.
    fn answered(&self) -> Vec<EventResource> {
        let found = self.output.and_then(|output| match self.operation {
            "CreatePartner" => Some(("AWS::PartnerCentral::Partner", text_of(self.service, output, "Arn")?)),
            "CreateProgramManagementAccount" => {
                let detail = structure_of(self.service, output, "programManagementAccountDetail")?;
                let resource_type = "AWS::PartnerCentralChannel::ProgramManagementAccount";
                Some((resource_type, text_of(self.service, detail, "arn")?))
            }
            _ => None,
        });
        found.map(|(kind, arn)| self.resource(Some(kind), arn.to_owned())).into_iter().collect()
    }

    /// The bucket and the index. Source: S3 guide, log entries of S3 Vectors.
    fn vectors(&self) -> Vec<EventResource> {
        let indexes = self.of_data();
        let of_index = |index: &EventResource| Some(index.arn.as_ref()?.split_once("/index/")?.0.to_owned());
        let bucket = indexes.first().and_then(of_index);
        let bucket = bucket.map(|arn| self.resource(Some("AWS::S3Vectors::VectorBucket"), arn));
        bucket.into_iter().chain(indexes).collect()
    }

    fn of_types(&self, types: &[&str]) -> Vec<EventResource> {
        let rows = match DATA_ARNS.binary_search_by(|(id, _)| (*id).cmp(&self.service.id)) {
            Ok(index) => DATA_ARNS[index].1,
            Err(_) => return Vec::new(),
        };
        let value = |name: &str| self.of_call(name).or_else(|| self.text(name));
        let mut found: Vec<EventResource> = Vec::new();
        for row in rows.iter().filter(|row| types.contains(&row.resource_type)) {
            let is_known = found.iter().any(|known| known.resource_type.as_deref() == Some(row.resource_type));
            if !is_known && let Some(arn) = filled(row.template, value) {
                found.push(self.resource(Some(row.resource_type), arn));
            }
        }
        found
    }

    /// The buses that events go to, the default one where none is named.
    fn buses(&self) -> Vec<EventResource> {
        const BUS: Option<&str> = Some("AWS::Events::EventBus");
        let Some(Value::List(entries)) = self.input.and_then(|input| member_of(self.service, input, "Entries")) else {
            return Vec::new();
        };
        // Events of partners name their source, which is no bus of the caller.
        if self.operation != "PutEvents" {
            return Vec::new();
        }
        let mut names: Vec<&str> = Vec::new();
        for entry in entries {
            let Value::Structure(entry) = entry else { continue };
            let name = text_of(self.service, entry, "EventBusName").unwrap_or("default");
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| self.resource(BUS, self.arn("events", "event-bus/", name))).collect()
    }

    /// The asset, or a time series where none is named. Source: IoT SiteWise guide, logging API calls.
    fn assets(&self) -> Vec<EventResource> {
        const TIME_SERIES: &str = "AWS::IoTSiteWise::TimeSeries";
        let assets = self.of_data();
        let types = types_of(&self.service.id, self.operation).unwrap_or_default();
        if assets.is_empty() && types.contains(&TIME_SERIES) { vec![of_type(TIME_SERIES)] } else { assets }
    }

    /// What a message comes from, where its id tells what it is. Source: End User Messaging SMS guide, log entries.
    fn originations(&self) -> Vec<EventResource> {
        const ORIGINATION: &str = "AWS::SMSVoice::OriginationIdentity";
        let types = types_of(&self.service.id, self.operation).unwrap_or_default();
        let Some(id) = self.text("OriginationIdentity").filter(|_| types.contains(&ORIGINATION)) else {
            return Vec::new();
        };
        let prefix = match id.split_once('-') {
            Some(("phone", _)) => "phone-number/",
            Some(("pool", _)) => "pool/",
            _ if id.starts_with("arn:") => "",
            _ => return Vec::new(),
        };
        vec![self.resource(Some(ORIGINATION), self.arn("sms-voice", prefix, id))]
    }

    /// Who sends, what the email is made of and how it is sent. Source: SES guide, log entries of `SendEmail`.
    fn emails(&self) -> Vec<EventResource> {
        let address = self.text("Source").or_else(|| self.text("FromEmailAddress"));
        // `Name <address>` names the sender as well.
        let address = address.map(|text| text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>')));
        let identity = self.text("SourceArn").or_else(|| self.text("FromEmailAddressIdentityArn")).or(address);
        let content = ["Content", "DefaultContent"].iter().find_map(|name| {
            let content = structure_of(self.service, self.input?, name)?;
            let template = structure_of(self.service, content, "Template")?;
            text_of(self.service, template, "TemplateArn").or_else(|| text_of(self.service, template, "TemplateName"))
        });
        let template = self.text("TemplateArn").or_else(|| self.text("Template")).or(content);
        [
            ("AWS::SES::EmailIdentity", "identity/", identity),
            ("AWS::SES::Template", "template/", template),
            ("AWS::SES::ConfigurationSet", "configuration-set/", self.text("ConfigurationSetName")),
        ]
        .into_iter()
        .filter_map(|(kind, prefix, name)| Some(self.resource(Some(kind), self.arn("ses", prefix, name?))))
        .collect()
    }

    fn named(&self, member: &str, resource_type: Option<&str>, prefix: &str) -> Vec<EventResource> {
        let name = self.text(member);
        name.map(|name| self.resource(resource_type, self.arn(&self.service.id, prefix, name))).into_iter().collect()
    }

    /// The function, whichever of its versions was asked for.
    fn functions(&self) -> Vec<EventResource> {
        let arn = |name| function_arn(name, self.exchange.region, self.exchange.recipient_account);
        let name = self.text("FunctionName");
        name.map(|name| self.resource(Some("AWS::Lambda::Function"), arn(name))).into_iter().collect()
    }

    fn s3(&self) -> Vec<EventResource> {
        if matches!(self.operation, "CreateBucket" | "ListBuckets" | "ListDirectoryBuckets") {
            return Vec::new();
        }
        let bucket_in_host = self.exchange.subject.call().and_then(|call| call.bucket_in_host.as_deref());
        let address = Address::of(self.exchange.head.path, bucket_in_host);
        let Some(bucket) = address.bucket else { return Vec::new() };
        match s3::Recorder::of(self.exchange) {
            s3::Recorder::Express => return self.directory_bucket(&bucket),
            // The bucket does not tell which table lies in it. Source: S3 guide, log entries of S3 Tables.
            s3::Recorder::Tables => {
                return ["AWS::S3Tables::TableBucket", "AWS::S3Tables::Table"]
                    .map(|name| EventResource { account_id: Some(self.account()), ..of_type(name) })
                    .into();
            }
            s3::Recorder::S3 => {}
        }
        let bucket_arn = ["arn:", self.partition(), ":s3:::", &bucket].concat();
        let mut resources = Vec::with_capacity(2);
        let object =
            EventResource { resource_type: Some(Text::const_new("AWS::S3::Object")), ..EventResource::default() };
        if self.category == EventCategory::Data {
            match address.key.or_else(|| s3::key_of_upload(self.exchange).map(Into::into)) {
                Some(key) => {
                    resources.push(EventResource { arn: Some([&bucket_arn, "/", &key].concat().into()), ..object })
                }
                None if S3_LISTINGS.contains(&self.operation) => {
                    resources.push(EventResource { arn_prefix: Some([&bucket_arn, "/"].concat().into()), ..object });
                }
                None => {}
            }
        }
        let headers = self.exchange.head.headers;
        let owner_of = |header: &HeaderName| expected_owner(headers, header).unwrap_or_else(|| self.account());
        let bucket_of = |arn: String, owner_header: &HeaderName| EventResource {
            account_id: Some(owner_of(owner_header)),
            resource_type: Some(Text::const_new("AWS::S3::Bucket")),
            arn: Some(arn.into()),
            arn_prefix: None,
        };
        resources.push(bucket_of(bucket_arn, &EXPECTED_BUCKET_OWNER));
        // The source of a copy follows, the other way round; a bucket that has both is named once, which it was not in
        // 2021. Source: records (github.com/splunk/security_content; 2024, github.com/elastic/integrations).
        if let Some((source_bucket, key)) = s3::copy_source(headers) {
            let bucket_arn = format!("arn:{}:s3:::{source_bucket}", self.partition());
            let object =
                EventResource { resource_type: Some(Text::const_new("AWS::S3::Object")), ..EventResource::default() };
            if source_bucket != bucket {
                resources.push(bucket_of(bucket_arn.clone(), &SOURCE_EXPECTED_BUCKET_OWNER));
            }
            resources.push(EventResource { arn: Some(format!("{bucket_arn}/{key}").into()), ..object });
        }
        resources
    }

    /// A directory bucket, after what is in it for data events: those name no object by its key. Source: S3 guide, log
    /// entries of directory buckets.
    fn directory_bucket(&self, bucket: &str) -> Vec<EventResource> {
        let arn = self.arn("s3express", "bucket/", bucket);
        let objects = EventResource {
            resource_type: Some(Text::const_new("AWS::S3Express::Object")),
            arn_prefix: Some(format!("{arn}/").into()),
            ..EventResource::default()
        };
        let bucket = self.resource(Some("AWS::S3Express::DirectoryBucket"), arn);
        if self.category == EventCategory::Data { vec![objects, bucket] } else { vec![bucket] }
    }

    fn kms(&self) -> Vec<EventResource> {
        const KEY: Option<&str> = Some("AWS::KMS::Key");
        let alias = self.text("AliasName").map(|alias| self.arn("kms", "", alias));
        let key = self.kms_key();
        let answered = |member: &str| self.output.and_then(|output| text_of(self.service, output, member));
        if let Some(source) = answered("SourceKeyId") {
            let source = Some(self.arn("kms", "key/", source));
            return [source, key].into_iter().flatten().map(|arn| self.resource(KEY, arn)).collect();
        }
        // Aliases follow the key when they are made, and precede it when they change. Source: KMS guide.
        let arns = match self.operation {
            "CreateAlias" => [key, alias],
            _ => [alias, key],
        };
        arns.into_iter().flatten().map(|arn| self.resource(KEY, arn)).collect()
    }

    /// The ARN of the key: what the answer calls it, else what the request does; a request may name it by an alias,
    /// which is not the key.
    fn kms_key(&self) -> Option<String> {
        let answered = self.output.and_then(|output| {
            text_of(self.service, output, "KeyId").or_else(|| {
                let metadata = structure_of(self.service, output, "KeyMetadata")?;
                text_of(self.service, metadata, "Arn")
            })
        });
        let key = answered.or_else(|| self.text("KeyId")).or_else(|| self.text("TargetKeyId"))?;
        (!key.contains("alias/")).then(|| self.arn("kms", "key/", key))
    }

    fn roles(&self) -> Vec<EventResource> {
        let role = self.text("RoleArn").filter(|_| self.operation.starts_with("AssumeRole"));
        let role = role.map(|role| self.resource(Some("AWS::IAM::Role"), role.to_owned()));
        // Source: records of AssumeRoleWithSAML (github.com/splunk/security_content).
        let provider = self.text("PrincipalArn").filter(|_| self.operation == "AssumeRoleWithSAML");
        let provider = provider.map(|arn| self.resource(Some("AWS::IAM::SAMLProvider"), arn.to_owned()));
        role.into_iter().chain(provider).collect()
    }

    fn ssm(&self) -> Vec<EventResource> {
        let parameter = |name: &str| self.resource(None, self.arn("ssm", "parameter/", name.trim_start_matches('/')));
        match self.operation {
            "PutParameter" | "GetParameter" | "DeleteParameter" | "GetParameterHistory" | "LabelParameterVersion" => {
                self.text("Name").map(parameter).into_iter().collect()
            }
            "GetParameters" | "DeleteParameters" => {
                let Some(Value::List(names)) = self.input.and_then(|input| member_of(self.service, input, "Names"))
                else {
                    return Vec::new();
                };
                names.iter().filter_map(Value::as_str).map(parameter).collect()
            }
            "CreateDocument" | "DeleteDocument" | "UpdateDocument" => self.named("Name", None, "document/"),
            "ListInstanceAssociations" => self.instance().into_iter().collect(),
            "PutInventory" => {
                let inventory = self.text("InstanceId").map(|id| self.arn("ssm", "managed-instance-inventory/", id));
                self.instance().into_iter().chain(inventory.map(|arn| self.resource(None, arn))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn instance(&self) -> Option<EventResource> {
        let arn = self.text("InstanceId").map(|id| self.arn("ec2", "instance/", id));
        arn.map(|arn| self.resource(None, arn))
    }

    fn snapshots(&self) -> Vec<EventResource> {
        let ids = ["SnapshotId", "FirstSnapshotId", "SecondSnapshotId"];
        ids.iter()
            .filter_map(|member| self.text(member))
            .map(|id| {
                let arn = format!("arn:{}:ec2:{}::snapshot/{id}", self.partition(), self.region);
                self.resource(Some("AWS::EC2::Snapshot"), arn)
            })
            .collect()
    }

    fn tables(&self) -> Vec<EventResource> {
        let table = |name: &str| self.resource(Some("AWS::DynamoDB::Table"), self.arn("dynamodb", "table/", name));
        if let Some(name) = self.text("TableName") {
            return vec![table(name)];
        }
        let items = |member: &str| self.input.and_then(|input| member_of(self.service, input, member));
        match (items("RequestItems"), items("TransactItems")) {
            (Some(Value::Map(tables)), _) => tables.iter().map(|(name, _)| table(name)).collect(),
            (_, Some(Value::List(parts))) => {
                let mut names: Vec<&str> = parts.iter().filter_map(|part| self.table_of_part(part)).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().map(table).collect()
            }
            _ => {
                let mut names: Vec<&str> = self.statements().into_iter().filter_map(table_of_statement).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().map(table).collect()
            }
        }
    }

    /// The texts of PartiQL of a call: its own, or those of its parts.
    fn statements(&self) -> Vec<&str> {
        if let Some(statement) = self.text("Statement") {
            return vec![statement];
        }
        let parts = |member| match self.input.and_then(|input| member_of(self.service, input, member)) {
            Some(Value::List(parts)) => parts.as_slice(),
            _ => &[],
        };
        let all = parts("Statements").iter().chain(parts("TransactStatements"));
        all.filter_map(|part| match part {
            Value::Structure(part) => text_of(self.service, part, "Statement"),
            _ => None,
        })
        .collect()
    }

    /// A stream, by its ARN or by the iterator into it, which begins with the ARN.
    fn stream_of_table(&self) -> Vec<EventResource> {
        let iterator = self.text("ShardIterator").and_then(|iterator| iterator.split('|').next());
        let arn = self.text("StreamArn").or(iterator).filter(|arn| arn.starts_with("arn:"));
        let Some(arn) = arn else { return Vec::new() };
        // Both are named. Source: user guide, logging data events.
        let table = arn.split_once("/stream/").map_or(arn, |(table, _)| table);
        vec![
            self.resource(Some("AWS::DynamoDB::Table"), table.to_owned()),
            self.resource(Some("AWS::DynamoDB::Stream"), arn.to_owned()),
        ]
    }

    /// The table of one part of a transaction: `{"Put":{"TableName":…}}`.
    fn table_of_part<'v>(&self, part: &'v Value) -> Option<&'v str> {
        let Value::Structure(part) = part else { return None };
        match &part.fields.first()?.value {
            Value::Structure(operation) => text_of(self.service, operation, "TableName"),
            _ => None,
        }
    }

    /// Repositories of public images belong to no region. Source: ECR Public guide.
    fn public_repositories(&self) -> Vec<EventResource> {
        let name = self.text("repositoryName");
        let arn = |name| format!("arn:{}:ecr-public::{}:repository/{name}", self.partition(), self.account());
        name.map(|name| self.resource(None, arn(name))).into_iter().collect()
    }

    /// What a call of Comprehend touches: its own models, by answer and request, with the type that is in the ARN
    /// (`entity-recognizer/x` is an `EntityRecognizer`), then keys, objects and roles. Source: Comprehend guide.
    fn models(&self) -> Vec<EventResource> {
        let mut texts = Vec::new();
        for value in [self.output, self.input].into_iter().flatten() {
            add_texts(self.service, value, &mut texts);
        }
        let mut resources = Vec::new();
        for (_, text) in &texts {
            if let Ok(arn) = Arn::parse(text)
                && arn.service() == "comprehend"
            {
                let kind = arn.resource().split(['/', ':']).next().unwrap_or_default();
                let kind: String = kind.split('-').map(upper_first).collect();
                resources.push(self.resource(Some(&format!("AWS::Comprehend::{kind}")), (*text).to_owned()));
            }
        }
        for (end, kind) in
            [("KmsKeyId", "AWS::KMS::Key"), ("S3Uri", "AWS::S3::Object"), ("DataAccessRoleArn", "AWS::IAM::Role")]
        {
            let named = texts.iter().filter(|(name, _)| name.ends_with(end));
            resources.extend(named.map(|(_, text)| self.resource(Some(kind), (*text).to_owned())));
        }
        resources.dedup();
        resources
    }

    /// The pool that a call names. One that names an identity alone does not tell its pool. Source: Cognito guide.
    fn identity_pools(&self) -> Vec<EventResource> {
        self.named("IdentityPoolId", Some("AWS::Cognito::IdentityPool"), "identitypool/")
    }

    fn streams(&self) -> Vec<EventResource> {
        const STREAM: Option<&str> = Some("AWS::Kinesis::Stream");
        if let Some(arn) = self.text("ConsumerARN") {
            return vec![self.resource(Some("AWS::Kinesis::StreamConsumer"), arn.to_owned())];
        }
        match self.text("StreamARN") {
            Some(arn) => vec![self.resource(STREAM, arn.to_owned())],
            None => self.named("StreamName", STREAM, "stream/"),
        }
    }

    fn topics(&self) -> Vec<EventResource> {
        let topic = self.text("TopicArn").or_else(|| self.text("TargetArn"));
        topic
            .map(|arn| {
                let kind = if arn.contains(":endpoint/") { "AWS::SNS::PlatformEndpoint" } else { "AWS::SNS::Topic" };
                self.resource(Some(kind), arn.to_owned())
            })
            .into_iter()
            .collect()
    }

    /// Queues by the last two parts of their URL: owner and name. A listing names all queues.
    fn queues(&self) -> Vec<EventResource> {
        const QUEUE: Option<&str> = Some("AWS::SQS::Queue");
        let mut parts = self.text("QueueUrl").unwrap_or_default().rsplit('/');
        if let (Some(name), Some(owner)) = (parts.next(), parts.next())
            && let Ok(owner) = AccountId::parse(owner)
        {
            return vec![self.resource(QUEUE, format!("arn:{}:sqs:{}:{owner}:{name}", self.partition(), self.region))];
        }
        let name = match (self.text("QueueUrl"), self.operation) {
            (Some(url), _) => url.rsplit('/').next(),
            (None, "ListQueues") => Some("*"),
            (None, _) => self.text("QueueName"),
        };
        name.map(|name| self.resource(QUEUE, self.arn("sqs", "", name))).into_iter().collect()
    }
}

/// The table of a text of PartiQL: the name after `FROM`, `INTO` or `UPDATE`, without its quotes and without an index.
fn table_of_statement(statement: &str) -> Option<&str> {
    let mut words = statement.split_ascii_whitespace();
    words.by_ref().find(|word| ["FROM", "INTO", "UPDATE"].iter().any(|key| word.eq_ignore_ascii_case(key)))?;
    let name = words.next()?;
    match name.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => name.split(['.', ';']).next(),
    }
    .filter(|name| !name.is_empty())
}

/// The account that a caller expects to own a bucket: S3 refuses the call when it is another's.
fn expected_owner(headers: &HeaderMap, name: &HeaderName) -> Option<Text> {
    let owner = headers.get(name)?.to_str().ok()?;
    AccountId::parse(owner).ok().map(|owner| Text::new(owner.as_str()))
}

/// Metrics are data without a name of their own. Source: records (2025).
fn metrics() -> EventResource {
    EventResource { resource_type: Some(Text::const_new("AWS::CloudWatch::Metric")), ..EventResource::default() }
}

/// Names and values of the texts of a structure, at every depth but in lists and maps.
fn add_texts<'v>(service: &'v Service, value: &'v StructureValue, texts: &mut Vec<(&'v str, &'v str)>) {
    let members = service.structure(value.shape).map_or(&[][..], |structure| &structure.members);
    for field in &value.fields {
        let FieldKey::Member(index) = &field.key else { continue };
        match (&field.value, members.get(usize::from(*index))) {
            (Value::String(text), Some(member)) => texts.push((member.name.as_str(), text)),
            (Value::Structure(inner), _) => add_texts(service, inner, texts),
            _ => {}
        }
    }
}

fn upper_first(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

/// The value of a member by its name in the model.
pub(crate) fn member_of<'v>(service: &Service, value: &'v StructureValue, name: &str) -> Option<&'v Value> {
    let members = &service.structure(value.shape)?.members;
    value.fields.iter().find_map(|field| match &field.key {
        FieldKey::Member(index) if members.get(usize::from(*index))?.name == name => Some(&field.value),
        _ => None,
    })
}

pub(crate) fn text_of<'v>(service: &Service, value: &'v StructureValue, name: &str) -> Option<&'v str> {
    member_of(service, value, name)?.as_str()
}

pub(crate) fn structure_of<'v>(service: &Service, value: &'v StructureValue, name: &str) -> Option<&'v StructureValue> {
    match member_of(service, value, name)? {
        Value::Structure(structure) => Some(structure),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_their_table() {
        for (statement, table) in [
            (r#"SELECT * FROM "Music" WHERE Artist = 'x'"#, Some("Music")),
            (r#"select * from "Music"."ByYear" where Year = 1"#, Some("Music")),
            ("INSERT INTO Music VALUE {'a': 1}", Some("Music")),
            ("UPDATE Music.x SET a=1", Some("Music")),
            ("DELETE FROM Music", Some("Music")),
            ("EXISTS", None),
            ("SELECT * FROM \"", None),
        ] {
            assert_eq!(table_of_statement(statement), table, "{statement}");
        }
    }
}
