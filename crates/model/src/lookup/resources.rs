//! The resources that a record speaks of.
//!
//! LookupEvents finds events by the name and type of a resource, and real records seldom have a `resources` element. So
//! names are mined from the parameters and the answer by one table of keys: most services call a thing by one key
//! wherever it stands. Source of the pairs: the parameter names of the services' API references, and CloudFormation's
//! resource types.

use serde_json::Value;

use crate::{EventRecord, EventResource, Text};

/// A resource in a record: its type where it is known, and its name, id or ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupResource {
    /// `AWS::Service::Kind`.
    pub resource_type: Option<Text>,
    /// Name, id or ARN.
    pub resource_name: Text,
}

/// Most resources of one record: a call on a thousand instances is found by each, a hostile record costs no more.
const RESOURCES_MAX: usize = 1024;
/// Longest name that is taken, in bytes: the longest ARN that AWS documents.
const NAME_BYTES_MAX: usize = 2048;
/// Most levels of nesting that are looked at.
const DEPTH_MAX: usize = 24;

/// Keys that name a resource, by event source. A key is compared without regard to the case of its first letter.
const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "ec2.amazonaws.com",
        &[
            ("instanceId", "AWS::EC2::Instance"),
            ("groupId", "AWS::EC2::SecurityGroup"),
            ("groupName", "AWS::EC2::SecurityGroup"),
            ("securityGroupId", "AWS::EC2::SecurityGroup"),
            ("imageId", "AWS::EC2::Image"),
            ("subnetId", "AWS::EC2::Subnet"),
            ("vpcId", "AWS::EC2::VPC"),
            ("volumeId", "AWS::EC2::Volume"),
            ("snapshotId", "AWS::EC2::Snapshot"),
            ("keyName", "AWS::EC2::KeyPair"),
            ("keyPairId", "AWS::EC2::KeyPair"),
            ("networkInterfaceId", "AWS::EC2::NetworkInterface"),
            ("allocationId", "AWS::EC2::EIP"),
            ("publicIp", "AWS::EC2::EIP"),
            ("routeTableId", "AWS::EC2::RouteTable"),
            ("internetGatewayId", "AWS::EC2::InternetGateway"),
            ("natGatewayId", "AWS::EC2::NatGateway"),
            ("networkAclId", "AWS::EC2::NetworkAcl"),
            ("vpcEndpointId", "AWS::EC2::VPCEndpoint"),
            ("vpcPeeringConnectionId", "AWS::EC2::VPCPeeringConnection"),
            ("transitGatewayId", "AWS::EC2::TransitGateway"),
            ("customerGatewayId", "AWS::EC2::CustomerGateway"),
            ("vpnGatewayId", "AWS::EC2::VPNGateway"),
            ("vpnConnectionId", "AWS::EC2::VPNConnection"),
            ("dhcpOptionsId", "AWS::EC2::DHCPOptions"),
            ("launchTemplateId", "AWS::EC2::LaunchTemplate"),
            ("launchTemplateName", "AWS::EC2::LaunchTemplate"),
            ("flowLogId", "AWS::EC2::FlowLog"),
            ("hostId", "AWS::EC2::Host"),
            ("placementGroupName", "AWS::EC2::PlacementGroup"),
            ("resourceId", ""),
        ],
    ),
    (
        "iam.amazonaws.com",
        &[
            ("userName", "AWS::IAM::User"),
            ("userId", "AWS::IAM::User"),
            ("roleName", "AWS::IAM::Role"),
            ("roleId", "AWS::IAM::Role"),
            ("groupName", "AWS::IAM::Group"),
            ("groupId", "AWS::IAM::Group"),
            ("policyName", "AWS::IAM::Policy"),
            ("policyId", "AWS::IAM::Policy"),
            ("policyArn", "AWS::IAM::Policy"),
            ("instanceProfileName", "AWS::IAM::InstanceProfile"),
            ("instanceProfileId", "AWS::IAM::InstanceProfile"),
            ("accessKeyId", "AWS::IAM::AccessKey"),
            ("serialNumber", "AWS::IAM::MfaDevice"),
            ("virtualMFADeviceName", "AWS::IAM::VirtualMFADevice"),
            ("openIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
            ("sAMLProviderArn", "AWS::IAM::SAMLProvider"),
            ("serverCertificateName", "AWS::IAM::ServerCertificate"),
        ],
    ),
    (
        "sts.amazonaws.com",
        &[
            ("roleArn", "AWS::IAM::Role"),
            ("roleSessionName", "AWS::STS::AssumedRole"),
            ("accessKeyId", "AWS::IAM::AccessKey"),
        ],
    ),
    ("s3.amazonaws.com", &[("bucketName", "AWS::S3::Bucket")]),
    ("s3express.amazonaws.com", &[("bucketName", "AWS::S3Express::DirectoryBucket")]),
    (
        "lambda.amazonaws.com",
        &[
            ("functionName", "AWS::Lambda::Function"),
            ("functionArn", "AWS::Lambda::Function"),
            ("layerName", "AWS::Lambda::LayerVersion"),
            ("uUID", "AWS::Lambda::EventSourceMapping"),
        ],
    ),
    (
        "dynamodb.amazonaws.com",
        &[
            ("tableName", "AWS::DynamoDB::Table"),
            ("tableArn", "AWS::DynamoDB::Table"),
            ("backupArn", "AWS::DynamoDB::Backup"),
            ("globalTableName", "AWS::DynamoDB::GlobalTable"),
        ],
    ),
    ("sqs.amazonaws.com", &[("queueName", "AWS::SQS::Queue"), ("queueUrl", "AWS::SQS::Queue")]),
    (
        "sns.amazonaws.com",
        &[
            ("topicArn", "AWS::SNS::Topic"),
            ("targetArn", "AWS::SNS::Topic"),
            ("subscriptionArn", "AWS::SNS::Subscription"),
            ("name", "AWS::SNS::Topic"),
        ],
    ),
    (
        "kms.amazonaws.com",
        &[("keyId", "AWS::KMS::Key"), ("targetKeyId", "AWS::KMS::Key"), ("aliasName", "AWS::KMS::Alias")],
    ),
    (
        "secretsmanager.amazonaws.com",
        &[
            ("secretId", "AWS::SecretsManager::Secret"),
            ("name", "AWS::SecretsManager::Secret"),
            ("aRN", "AWS::SecretsManager::Secret"),
        ],
    ),
    (
        "ssm.amazonaws.com",
        &[
            ("name", "AWS::SSM::Parameter"),
            ("names", "AWS::SSM::Parameter"),
            ("documentName", "AWS::SSM::Document"),
            ("instanceId", "AWS::EC2::Instance"),
            ("instanceIds", "AWS::EC2::Instance"),
            ("target", "AWS::EC2::Instance"),
        ],
    ),
    (
        "cloudtrail.amazonaws.com",
        &[
            ("name", "AWS::CloudTrail::Trail"),
            ("trailName", "AWS::CloudTrail::Trail"),
            ("trailARN", "AWS::CloudTrail::Trail"),
            ("s3BucketName", "AWS::S3::Bucket"),
            ("eventDataStore", "AWS::CloudTrail::EventDataStore"),
            ("eventDataStoreArn", "AWS::CloudTrail::EventDataStore"),
            ("channel", "AWS::CloudTrail::Channel"),
        ],
    ),
    (
        "rds.amazonaws.com",
        &[
            ("dBInstanceIdentifier", "AWS::RDS::DBInstance"),
            ("dBClusterIdentifier", "AWS::RDS::DBCluster"),
            ("dBSnapshotIdentifier", "AWS::RDS::DBSnapshot"),
            ("dBClusterSnapshotIdentifier", "AWS::RDS::DBClusterSnapshot"),
            ("dBParameterGroupName", "AWS::RDS::DBParameterGroup"),
            ("dBSubnetGroupName", "AWS::RDS::DBSubnetGroup"),
            ("dBSecurityGroupName", "AWS::RDS::DBSecurityGroup"),
            ("optionGroupName", "AWS::RDS::OptionGroup"),
            ("resourceName", ""),
        ],
    ),
    (
        "cloudformation.amazonaws.com",
        &[
            ("stackName", "AWS::CloudFormation::Stack"),
            ("stackId", "AWS::CloudFormation::Stack"),
            ("stackSetName", "AWS::CloudFormation::StackSet"),
            ("changeSetName", "AWS::CloudFormation::ChangeSet"),
        ],
    ),
    (
        "monitoring.amazonaws.com",
        &[
            ("alarmName", "AWS::CloudWatch::Alarm"),
            ("alarmNames", "AWS::CloudWatch::Alarm"),
            ("dashboardName", "AWS::CloudWatch::Dashboard"),
            ("dashboardNames", "AWS::CloudWatch::Dashboard"),
        ],
    ),
    (
        "logs.amazonaws.com",
        &[
            ("logGroupName", "AWS::Logs::LogGroup"),
            ("logStreamName", "AWS::Logs::LogStream"),
            ("destinationName", "AWS::Logs::Destination"),
        ],
    ),
    (
        "events.amazonaws.com",
        &[("eventBusName", "AWS::Events::EventBus"), ("name", "AWS::Events::Rule"), ("rule", "AWS::Events::Rule")],
    ),
    (
        "eks.amazonaws.com",
        &[
            ("clusterName", "AWS::EKS::Cluster"),
            ("name", "AWS::EKS::Cluster"),
            ("nodegroupName", "AWS::EKS::Nodegroup"),
            ("addonName", "AWS::EKS::Addon"),
        ],
    ),
    (
        "ecs.amazonaws.com",
        &[
            ("cluster", "AWS::ECS::Cluster"),
            ("clusterName", "AWS::ECS::Cluster"),
            ("clusterArn", "AWS::ECS::Cluster"),
            ("service", "AWS::ECS::Service"),
            ("serviceName", "AWS::ECS::Service"),
            ("serviceArn", "AWS::ECS::Service"),
            ("taskDefinition", "AWS::ECS::TaskDefinition"),
            ("taskDefinitionArn", "AWS::ECS::TaskDefinition"),
            ("family", "AWS::ECS::TaskDefinition"),
        ],
    ),
    ("ecr.amazonaws.com", &[("repositoryName", "AWS::ECR::Repository")]),
    (
        "route53.amazonaws.com",
        &[("hostedZoneId", "AWS::Route53::HostedZone"), ("healthCheckId", "AWS::Route53::HealthCheck")],
    ),
    (
        "cloudfront.amazonaws.com",
        &[("distributionId", "AWS::CloudFront::Distribution"), ("id", "AWS::CloudFront::Distribution")],
    ),
    (
        "elasticloadbalancing.amazonaws.com",
        &[
            ("loadBalancerName", "AWS::ElasticLoadBalancing::LoadBalancer"),
            ("loadBalancerArn", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
            ("targetGroupArn", "AWS::ElasticLoadBalancingV2::TargetGroup"),
            ("targetGroupName", "AWS::ElasticLoadBalancingV2::TargetGroup"),
            ("listenerArn", "AWS::ElasticLoadBalancingV2::Listener"),
            ("ruleArn", "AWS::ElasticLoadBalancingV2::ListenerRule"),
        ],
    ),
    (
        "autoscaling.amazonaws.com",
        &[
            ("autoScalingGroupName", "AWS::AutoScaling::AutoScalingGroup"),
            ("autoScalingGroupNames", "AWS::AutoScaling::AutoScalingGroup"),
            ("launchConfigurationName", "AWS::AutoScaling::LaunchConfiguration"),
            ("policyName", "AWS::AutoScaling::ScalingPolicy"),
        ],
    ),
    (
        "states.amazonaws.com",
        &[
            ("stateMachineArn", "AWS::StepFunctions::StateMachine"),
            ("executionArn", "AWS::StepFunctions::Execution"),
            ("name", "AWS::StepFunctions::StateMachine"),
        ],
    ),
    ("kinesis.amazonaws.com", &[("streamName", "AWS::Kinesis::Stream"), ("streamARN", "AWS::Kinesis::Stream")]),
    ("firehose.amazonaws.com", &[("deliveryStreamName", "AWS::KinesisFirehose::DeliveryStream")]),
    (
        "elasticache.amazonaws.com",
        &[
            ("cacheClusterId", "AWS::ElastiCache::CacheCluster"),
            ("replicationGroupId", "AWS::ElastiCache::ReplicationGroup"),
        ],
    ),
    ("redshift.amazonaws.com", &[("clusterIdentifier", "AWS::Redshift::Cluster")]),
    (
        "elasticfilesystem.amazonaws.com",
        &[("fileSystemId", "AWS::EFS::FileSystem"), ("mountTargetId", "AWS::EFS::MountTarget")],
    ),
    (
        "glue.amazonaws.com",
        &[("databaseName", "AWS::Glue::Database"), ("tableName", "AWS::Glue::Table"), ("jobName", "AWS::Glue::Job")],
    ),
    ("athena.amazonaws.com", &[("workGroup", "AWS::Athena::WorkGroup")]),
    ("acm.amazonaws.com", &[("certificateArn", "AWS::CertificateManager::Certificate")]),
    ("apigateway.amazonaws.com", &[("restApiId", "AWS::ApiGateway::RestApi"), ("apiId", "AWS::ApiGatewayV2::Api")]),
    (
        "cognito-idp.amazonaws.com",
        &[("userPoolId", "AWS::Cognito::UserPool"), ("clientId", "AWS::Cognito::UserPoolClient")],
    ),
    ("guardduty.amazonaws.com", &[("detectorId", "AWS::GuardDuty::Detector")]),
    (
        "config.amazonaws.com",
        &[
            ("configRuleName", "AWS::Config::ConfigRule"),
            ("configurationRecorderName", "AWS::Config::ConfigurationRecorder"),
        ],
    ),
    (
        "organizations.amazonaws.com",
        &[
            ("accountId", "AWS::Organizations::Account"),
            ("policyId", "AWS::Organizations::Policy"),
            ("organizationalUnitId", "AWS::Organizations::OrganizationalUnit"),
        ],
    ),
    ("codebuild.amazonaws.com", &[("projectName", "AWS::CodeBuild::Project")]),
    ("codepipeline.amazonaws.com", &[("pipelineName", "AWS::CodePipeline::Pipeline")]),
    (
        "sagemaker.amazonaws.com",
        &[
            ("endpointName", "AWS::SageMaker::Endpoint"),
            ("notebookInstanceName", "AWS::SageMaker::NotebookInstance"),
            ("modelName", "AWS::SageMaker::Model"),
        ],
    ),
    ("es.amazonaws.com", &[("domainName", "AWS::OpenSearchService::Domain")]),
    (
        "backup.amazonaws.com",
        &[("backupVaultName", "AWS::Backup::BackupVault"), ("backupPlanId", "AWS::Backup::BackupPlan")],
    ),
];

/// Type of the resource of an ARN, by service and the kind that the resource part begins with.
const ARN_KINDS: &[(&str, &str, &str)] = &[
    ("iam", "user", "AWS::IAM::User"),
    ("iam", "role", "AWS::IAM::Role"),
    ("iam", "group", "AWS::IAM::Group"),
    ("iam", "policy", "AWS::IAM::Policy"),
    ("iam", "instance-profile", "AWS::IAM::InstanceProfile"),
    ("iam", "oidc-provider", "AWS::IAM::OIDCProvider"),
    ("iam", "saml-provider", "AWS::IAM::SAMLProvider"),
    ("iam", "mfa", "AWS::IAM::VirtualMFADevice"),
    ("sts", "assumed-role", "AWS::STS::AssumedRole"),
    ("lambda", "function", "AWS::Lambda::Function"),
    ("lambda", "layer", "AWS::Lambda::LayerVersion"),
    ("dynamodb", "table", "AWS::DynamoDB::Table"),
    ("kms", "key", "AWS::KMS::Key"),
    ("kms", "alias", "AWS::KMS::Alias"),
    ("secretsmanager", "secret", "AWS::SecretsManager::Secret"),
    ("ssm", "parameter", "AWS::SSM::Parameter"),
    ("cloudtrail", "trail", "AWS::CloudTrail::Trail"),
    ("cloudtrail", "eventdatastore", "AWS::CloudTrail::EventDataStore"),
    ("cloudtrail", "channel", "AWS::CloudTrail::Channel"),
    ("rds", "db", "AWS::RDS::DBInstance"),
    ("rds", "cluster", "AWS::RDS::DBCluster"),
    ("rds", "snapshot", "AWS::RDS::DBSnapshot"),
    ("ec2", "instance", "AWS::EC2::Instance"),
    ("ec2", "security-group", "AWS::EC2::SecurityGroup"),
    ("ec2", "vpc", "AWS::EC2::VPC"),
    ("ec2", "subnet", "AWS::EC2::Subnet"),
    ("ec2", "volume", "AWS::EC2::Volume"),
    ("ec2", "snapshot", "AWS::EC2::Snapshot"),
    ("eks", "cluster", "AWS::EKS::Cluster"),
    ("ecs", "cluster", "AWS::ECS::Cluster"),
    ("ecs", "service", "AWS::ECS::Service"),
    ("ecs", "task-definition", "AWS::ECS::TaskDefinition"),
    ("ecr", "repository", "AWS::ECR::Repository"),
    ("logs", "log-group", "AWS::Logs::LogGroup"),
    ("cloudformation", "stack", "AWS::CloudFormation::Stack"),
    ("cloudwatch", "alarm", "AWS::CloudWatch::Alarm"),
    ("states", "stateMachine", "AWS::StepFunctions::StateMachine"),
    ("events", "rule", "AWS::Events::Rule"),
    ("kinesis", "stream", "AWS::Kinesis::Stream"),
    ("cloudfront", "distribution", "AWS::CloudFront::Distribution"),
    ("acm", "certificate", "AWS::CertificateManager::Certificate"),
];

/// Services whose ARNs have a bare name.
const BARE_ARNS: &[(&str, &str)] =
    &[("sns", "AWS::SNS::Topic"), ("sqs", "AWS::SQS::Queue"), ("states", "AWS::StepFunctions::StateMachine")];

/// Collects the resources of a record's text. Parts that are no JSON are passed over.
pub(super) fn mine(
    event_source: &str,
    resources: Option<&str>,
    request_parameters: Option<&str>,
    response_elements: Option<&str>,
) -> Vec<LookupResource> {
    let mut found = Found::new(event_source);
    if let Some(Value::Array(listed)) = parse(resources) {
        let text = |resource: &Value, name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
        for resource in &listed {
            let arn = ["ARN", "arn", "ARNPrefix"].iter().find_map(|name| text(resource, name));
            found.listed(text(resource, "type").as_deref(), arn.as_deref());
        }
    }
    for part in [request_parameters, response_elements] {
        found.part(parse(part).as_ref());
    }
    found.resources
}

/// Collects the resources of a record that was just made: the same as [`mine`] finds in its text.
pub(super) fn of_record(record: &EventRecord) -> Vec<LookupResource> {
    let mut found = Found::new(&record.event_source);
    for EventResource { resource_type, arn, arn_prefix, .. } in &record.resources {
        found.listed(resource_type.as_deref(), arn.as_deref().or(arn_prefix.as_deref()));
    }
    found.part(record.request_parameters.as_deref());
    found.part(record.response_elements.as_ref());
    found.resources
}

fn parse(part: Option<&str>) -> Option<Value> {
    part.filter(|text| *text != "null").and_then(|text| serde_json::from_str(text).ok())
}

fn keys_of(event_source: &str) -> &'static [(&'static str, &'static str)] {
    KEYS.iter().find(|(source, _)| *source == event_source).map_or(&[], |(_, keys)| keys)
}

struct Found<'a> {
    keys: &'static [(&'static str, &'static str)],
    event_source: &'a str,
    resources: Vec<LookupResource>,
}

impl<'a> Found<'a> {
    fn new(event_source: &'a str) -> Self {
        Self { keys: keys_of(event_source), event_source, resources: Vec::new() }
    }

    /// Parameters or an answer.
    fn part(&mut self, value: Option<&Value>) {
        if let Some(value) = value {
            self.walk(value, DEPTH_MAX);
            self.s3_object(value);
        }
    }

    fn add(&mut self, resource_type: Option<&str>, name: &str) {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && self.resources.len() < RESOURCES_MAX;
        let is_same = |known: &LookupResource| {
            known.resource_name == name && (resource_type.is_none() || known.resource_type.as_deref() == resource_type)
        };
        // Looking for the same one again is quadratic, so only the last few are looked at: repetition is near.
        if fits && !self.resources.iter().rev().take(64).any(is_same) {
            self.resources
                .push(LookupResource { resource_type: resource_type.map(Text::new), resource_name: Text::new(name) });
        }
    }

    /// An entry of the record's own `resources`: its ARN, and the name at the end of it.
    fn listed(&mut self, kind: Option<&str>, arn: Option<&str>) {
        if let Some(arn) = arn {
            listed_resources(kind, arn, &mut |kind, name| self.add(kind, name));
        }
    }

    fn walk(&mut self, value: &Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    self.keyed(key, inner);
                    self.walk(inner, depth);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, depth)),
            _ => {}
        }
    }

    fn keyed(&mut self, key: &str, value: &Value) {
        let Some(naming) = naming_key(self.keys, key) else { return };
        let mut named = |text: &str| naming.resources(text, &mut |kind, name| self.add(kind, name));
        match value {
            Value::String(text) => named(text),
            Value::Array(items) => items.iter().filter_map(Value::as_str).for_each(named),
            _ => {}
        }
    }

    /// S3 names the object beside its bucket.
    fn s3_object(&mut self, parameters: &Value) {
        if self.event_source != "s3.amazonaws.com" {
            return;
        }
        let Some(parameters) = parameters.as_object() else { return };
        // There are few, so that going through them costs less than two hashes.
        let text = |name: &str| parameters.iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.as_str());
        if let (Some(bucket), Some(key)) = (text("bucketName"), text("key")) {
            self.add(Some(S3_OBJECT), &s3_object_arn(bucket, key));
        }
    }
}

/// How a text under one key names resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamingKey {
    /// The type of what it names, empty where the text itself tells; `None` where only an ARN is a name.
    known: Option<&'static str>,
}

impl NamingKey {
    /// How a key of requests to a service and of its answers names resources; `None` if no text under it does.
    pub fn of(event_source: &str, key: &str) -> Option<Self> {
        naming_key(keys_of(event_source), key)
    }

    /// The types and names that a text under the key gives.
    pub fn resources(self, text: &str, found: &mut dyn FnMut(Option<&'static str>, &str)) {
        let is_arn = text.starts_with("arn:");
        match self.known {
            Some(kind) => found(Some(kind).filter(|kind| !kind.is_empty()).or_else(|| arn_kind(text)), text),
            None if is_arn => found(arn_kind(text), text),
            None => return,
        }
        if is_arn && let Some(name) = arn_name(text) {
            found(arn_kind(text), name);
        }
    }
}

/// The type of an object in a bucket.
pub const S3_OBJECT: &str = "AWS::S3::Object";

/// The ARN of an object in a bucket.
pub fn s3_object_arn(bucket: &str, key: &str) -> String {
    ["arn:aws:s3:::", bucket, "/", key].concat()
}

/// The types and names that an entry of a record's own `resources` gives: its ARN, and the name at the end of it.
pub fn listed_resources<'a>(kind: Option<&'a str>, arn: &'a str, found: &mut dyn FnMut(Option<&'a str>, &'a str)) {
    let kind = kind.or_else(|| arn_kind(arn));
    found(kind, arn);
    if let Some(name) = arn_name(arn) {
        found(kind, name);
    }
}

fn naming_key(keys: &'static [(&'static str, &'static str)], key: &str) -> Option<NamingKey> {
    let known = keys.iter().find(|(name, _)| same_key(name, key)).map(|(_, kind)| *kind);
    (known.is_some() || ends_as_arn(key)).then_some(NamingKey { known })
}

fn same_key(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    left.len() == right.len() && left[0].eq_ignore_ascii_case(&right[0]) && left[1..] == right[1..]
}

fn ends_as_arn(key: &str) -> bool {
    ["arn", "Arn", "ARN", "Arns", "ARNs", "aRN"].iter().any(|end| key.ends_with(end))
}

/// The type of an ARN's resource, where it is known.
fn arn_kind(arn: &str) -> Option<&'static str> {
    let (service, resource) = service_and_resource(arn)?;
    if service == "s3" {
        return Some(if resource.contains('/') { "AWS::S3::Object" } else { "AWS::S3::Bucket" });
    }
    let kind = resource.bytes().position(is_between_parts).map_or(resource, |end| &resource[..end]);
    let known = ARN_KINDS.iter().find(|(of, name, _)| *of == service && *name == kind).map(|(_, _, kind)| *kind);
    known.or_else(|| {
        let is_bare = !resource.bytes().any(is_between_parts);
        BARE_ARNS.iter().find(|(of, _)| is_bare && *of == service).map(|(_, kind)| *kind)
    })
}

/// The third part of an ARN, and what is behind the fifth: its parts are divided by colons.
fn service_and_resource(arn: &str) -> Option<(&str, &str)> {
    // Byte by byte, because the parts are shorter than it takes to begin a search for the next colon.
    let mut colons = (0..).zip(arn.bytes()).filter(|(_, byte)| *byte == b':').map(|(at, _)| at);
    let (second, third, fifth) = (colons.nth(1)?, colons.next()?, colons.nth(1)?);
    Some((&arn[second + 1..third], &arn[fifth + 1..]))
}

fn is_between_parts(byte: u8) -> bool {
    matches!(byte, b'/' | b':')
}

/// The name at the end of an ARN, but for objects of S3, whose names only mean something with their bucket.
fn arn_name(arn: &str) -> Option<&str> {
    let (_, resource) = service_and_resource(arn)?;
    if arn.starts_with("arn:aws:s3:") && resource.contains('/') {
        return None;
    }
    let name = resource.bytes().rposition(is_between_parts).map_or(resource, |before| &resource[before + 1..]);
    (!name.is_empty() && name != "*").then_some(name)
}
