//! The resources of a data event, by their types and by what the call says of them.
//!
//! Source: Service Authorization Reference, "resource types" of each service's page, for the ARNs; the models for the
//! members. For AppConfig, GameLift Streams and SWF also the log entries of their guides.

/// How the ARN of a resource is made of a call.
#[derive(Debug)]
pub(super) struct DataArn {
    /// Value of `resources.type`.
    pub(super) resource_type: &'static str,
    /// The ARN, with `{Member}` for texts of the call and `{partition}`, `{region}` and `{account}`. Only a member: its
    /// text is the ARN.
    pub(super) template: &'static str,
}

const fn arn(resource_type: &'static str, template: &'static str) -> DataArn {
    DataArn { resource_type, template }
}

/// By service id, sorted; of several of one type the first whose members are all there.
pub(super) const DATA_ARNS: &[(&str, &[DataArn])] = &[
    (
        "appconfigdata",
        &[arn(
            "AWS::AppConfig::Configuration",
            "arn:{partition}:appconfig:{region}:{account}:application/{ApplicationIdentifier}/environment/\
             {EnvironmentIdentifier}/configuration/{ConfigurationProfileIdentifier}",
        )],
    ),
    ("b2bi", &[arn("AWS::B2BI::Transformer", "arn:{partition}:b2bi:{region}:{account}:transformer/{transformerId}")]),
    (
        "backupsearch",
        &[arn(
            "AWS::Backup::SearchJob",
            "arn:{partition}:backup-search:{region}:{account}:search-job/{SearchJobIdentifier}",
        )],
    ),
    (
        "bedrock-agent-runtime",
        &[
            arn(
                "AWS::Bedrock::AgentAlias",
                "arn:{partition}:bedrock:{region}:{account}:agent-alias/{agentId}/{agentAliasId}",
            ),
            arn(
                "AWS::Bedrock::FlowAlias",
                "arn:{partition}:bedrock:{region}:{account}:flow/{flowIdentifier}/alias/{flowAliasIdentifier}",
            ),
            arn(
                "AWS::Bedrock::KnowledgeBase",
                "arn:{partition}:bedrock:{region}:{account}:knowledge-base/{knowledgeBaseId}",
            ),
            arn("AWS::Bedrock::Session", "arn:{partition}:bedrock:{region}:{account}:session/{sessionIdentifier}"),
        ],
    ),
    (
        "bedrock-agentcore",
        &[
            arn(
                "AWS::BedrockAgentCore::Memory",
                "arn:{partition}:bedrock-agentcore:{region}:{account}:memory/{memoryId}",
            ),
            arn("AWS::BedrockAgentCore::Runtime", "{agentRuntimeArn}"),
            // AWS's blog on its consent portals (2026) shows the first; the second by its pattern.
            arn(
                "AWS::BedrockAgentCore::OAuth2CredentialProvider",
                "arn:{partition}:bedrock-agentcore:{region}:{account}:token-vault/default/oauth2credentialprovider/\
                 {resourceCredentialProviderName}",
            ),
            arn(
                "AWS::BedrockAgentCore::APIKeyCredentialProvider",
                "arn:{partition}:bedrock-agentcore:{region}:{account}:token-vault/default/apikeycredentialprovider/\
                 {resourceCredentialProviderName}",
            ),
        ],
    ),
    (
        "bedrock-runtime",
        &[
            arn(
                "AWS::Bedrock::Guardrail",
                "arn:{partition}:bedrock:{region}:{account}:guardrail/{guardrailIdentifier}",
            ),
            arn("AWS::Bedrock::AsyncInvoke", "{invocationArn}"),
        ],
    ),
    ("cloudfront-keyvaluestore", &[arn("AWS::CloudFront::KeyValueStore", "{KvsARN}")]),
    ("cloudtrail-data", &[arn("AWS::CloudTrail::Channel", "{channelArn}")]),
    (
        "codeguruprofiler",
        &[arn(
            "AWS::CodeGuruProfiler::ProfilingGroup",
            "arn:{partition}:codeguru-profiler:{region}:{account}:profilingGroup/{profilingGroupName}",
        )],
    ),
    (
        "dataexchange",
        &[arn(
            "AWS::DataExchange::Asset",
            "arn:{partition}:dataexchange:{region}:{account}:data-sets/{DataSetId}/revisions/{RevisionId}/assets/\
             {AssetId}",
        )],
    ),
    (
        "deadline",
        &[
            arn(
                "AWS::Deadline::Worker",
                "arn:{partition}:deadline:{region}:{account}:farm/{farmId}/fleet/{fleetId}/worker/{workerId}",
            ),
            arn(
                "AWS::Deadline::Job",
                "arn:{partition}:deadline:{region}:{account}:farm/{farmId}/queue/{queueId}/job/{jobId}",
            ),
        ],
    ),
    (
        "firehose",
        &[arn(
            "AWS::KinesisFirehose::DeliveryStream",
            "arn:{partition}:firehose:{region}:{account}:deliverystream/{DeliveryStreamName}",
        )],
    ),
    (
        "gameliftstreams",
        &[
            arn(
                "AWS::GameLiftStreams::StreamGroup",
                "arn:{partition}:gameliftstreams:{region}:{account}:streamgroup/{Identifier}",
            ),
            arn(
                "AWS::GameLiftStreams::Application",
                "arn:{partition}:gameliftstreams:{region}:{account}:application/{ApplicationIdentifier}",
            ),
        ],
    ),
    ("geo-maps", &[arn("AWS::GeoMaps::Provider", "arn:{partition}:geo-maps:{region}::provider/default")]),
    // As its guide's log entry has it.
    ("geo-places", &[arn("AWS::GeoPlaces::Provider", "arn:{partition}:geoplaces:{region}:{account}:provider")]),
    ("geo-routes", &[arn("AWS::GeoRoutes::Provider", "arn:{partition}:geo-routes:{region}::provider/default")]),
    ("iot-data", &[arn("AWS::IoT::Thing", "arn:{partition}:iot:{region}:{account}:thing/{thingName}")]),
    (
        "iotsitewise",
        &[arn("AWS::IoTSiteWise::Asset", "arn:{partition}:iotsitewise:{region}:{account}:asset/{assetId}")],
    ),
    (
        "iottwinmaker",
        &[
            arn(
                "AWS::IoTTwinMaker::Entity",
                "arn:{partition}:iottwinmaker:{region}:{account}:workspace/{workspaceId}/entity/{entityId}",
            ),
            arn(
                "AWS::IoTTwinMaker::Workspace",
                "arn:{partition}:iottwinmaker:{region}:{account}:workspace/{workspaceId}",
            ),
        ],
    ),
    (
        "kendra-ranking",
        &[arn(
            "AWS::KendraRanking::ExecutionPlan",
            "arn:{partition}:kendra-ranking:{region}:{account}:rescore-execution-plan/{RescoreExecutionPlanId}",
        )],
    ),
    ("keyspacesstreams", &[arn("AWS::Cassandra::Stream", "{streamArn}")]),
    ("kinesis-video-archived-media", &[arn("AWS::KinesisVideo::Stream", "{StreamARN}")]),
    ("kinesis-video-media", &[arn("AWS::KinesisVideo::Stream", "{StreamARN}")]),
    ("kinesis-video-signaling", &[arn("AWS::KinesisVideo::SignalingChannel", "{ChannelARN}")]),
    ("kinesis-video-webrtc-storage", &[arn("AWS::KinesisVideo::SignalingChannel", "{channelArn}")]),
    (
        "lexv2-runtime",
        &[arn("AWS::Lex::BotAlias", "arn:{partition}:lex:{region}:{account}:bot-alias/{botId}/{botAliasId}")],
    ),
    (
        "machinelearning",
        &[arn(
            "AWS::MachineLearning::MlModel",
            "arn:{partition}:machinelearning:{region}:{account}:mlmodel/{MLModelId}",
        )],
    ),
    (
        "medical-imaging",
        &[
            arn(
                "AWS::MedicalImaging::Imageset",
                "arn:{partition}:medical-imaging:{region}:{account}:datastore/{datastoreId}/imageset/{imageSetId}",
            ),
            arn(
                "AWS::MedicalImaging::Datastore",
                "arn:{partition}:medical-imaging:{region}:{account}:datastore/{datastoreId}",
            ),
        ],
    ),
    ("mwaa", &[arn("AWS::MWAA::Environment", "arn:{partition}:airflow:{region}:{account}:environment/{Name}")]),
    (
        "neptune-graph",
        &[arn("AWS::NeptuneGraph::Graph", "arn:{partition}:neptune-graph:{region}:{account}:graph/{graphIdentifier}")],
    ),
    (
        "networkflowmonitor",
        &[
            arn(
                "AWS::NetworkFlowMonitor::Monitor",
                "arn:{partition}:networkflowmonitor:{region}:{account}:monitor/{monitorName}",
            ),
            arn(
                "AWS::NetworkFlowMonitor::Scope",
                "arn:{partition}:networkflowmonitor:{region}:{account}:scope/{scopeId}",
            ),
        ],
    ),
    (
        "payment-cryptography-data",
        &[
            arn(
                "AWS::PaymentCryptography::Key",
                "arn:{partition}:payment-cryptography:{region}:{account}:key/{KeyIdentifier}",
            ),
            arn(
                "AWS::PaymentCryptography::Key",
                "arn:{partition}:payment-cryptography:{region}:{account}:key/{IncomingKeyIdentifier}",
            ),
            arn(
                "AWS::PaymentCryptography::Key",
                "arn:{partition}:payment-cryptography:{region}:{account}:key/{EncryptionKeyIdentifier}",
            ),
        ],
    ),
    (
        "qbusiness",
        &[
            arn(
                "AWS::QBusiness::DataSource",
                "arn:{partition}:qbusiness:{region}:{account}:application/{applicationId}/index/{indexId}/data-source/\
                 {dataSourceId}",
            ),
            arn(
                "AWS::QBusiness::Index",
                "arn:{partition}:qbusiness:{region}:{account}:application/{applicationId}/index/{indexId}",
            ),
            arn(
                "AWS::QBusiness::Application",
                "arn:{partition}:qbusiness:{region}:{account}:application/{applicationId}",
            ),
        ],
    ),
    ("rds-data", &[arn("AWS::RDS::DBCluster", "{resourceArn}")]),
    (
        "s3vectors",
        &[
            arn("AWS::S3Vectors::Index", "{indexArn}"),
            arn(
                "AWS::S3Vectors::Index",
                "arn:{partition}:s3vectors:{region}:{account}:bucket/{vectorBucketName}/index/{indexName}",
            ),
        ],
    ),
    (
        "sagemaker-featurestore-runtime",
        &[arn(
            "AWS::SageMaker::FeatureGroup",
            "arn:{partition}:sagemaker:{region}:{account}:feature-group/{FeatureGroupName}",
        )],
    ),
    (
        "sagemaker-metrics",
        &[arn(
            "AWS::SageMaker::ExperimentTrialComponent",
            "arn:{partition}:sagemaker:{region}:{account}:experiment-trial-component/{TrialComponentName}",
        )],
    ),
    (
        "sagemaker-runtime",
        &[arn("AWS::SageMaker::Endpoint", "arn:{partition}:sagemaker:{region}:{account}:endpoint/{EndpointName}")],
    ),
    ("sdb", &[arn("AWS::SDB::Domain", "arn:{partition}:sdb:{region}:{account}:domain/{DomainName}")]),
    (
        "signer",
        &[arn(
            "AWS::Signer::SigningProfile",
            "arn:{partition}:signer:{region}:{account}:/signing-profiles/{profileName}",
        )],
    ),
    (
        "socialmessaging",
        &[arn(
            "AWS::SocialMessaging::PhoneNumberId",
            "arn:{partition}:social-messaging:{region}:{account}:phone-number-id/{originationPhoneNumberId}",
        )],
    ),
    (
        "stepfunctions",
        &[
            arn("AWS::StepFunctions::Activity", "{activityArn}"),
            arn("AWS::StepFunctions::StateMachine", "{stateMachineArn}"),
        ],
    ),
    ("supplychain", &[arn("AWS::SCN::Instance", "arn:{partition}:scn:{region}:{account}:instance/{instanceId}")]),
    ("swf", &[arn("AWS::SWF::Domain", "arn:{partition}:swf:{region}:{account}:/domain/{domain}")]),
    (
        "timestream-write",
        &[arn(
            "AWS::Timestream::Table",
            "arn:{partition}:timestream:{region}:{account}:database/{DatabaseName}/table/{TableName}",
        )],
    ),
    (
        "verifiedpermissions",
        &[arn(
            "AWS::VerifiedPermissions::PolicyStore",
            "arn:{partition}:verifiedpermissions::{account}:policy-store/{policyStoreId}",
        )],
    ),
];

/// Fills a template in; `None` when the call does not say something of it.
pub(super) fn filled<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, name, after)) = next_member(rest) {
        let value = value(name).filter(|value| !value.is_empty())?;
        // A caller may name what it means by its ARN already.
        if value.starts_with("arn:") && !after.contains('{') {
            return Some(value.to_owned());
        }
        text.push_str(before);
        text.push_str(value);
        rest = after;
    }
    text.push_str(rest);
    text.starts_with("arn:").then_some(text)
}

/// What stands before, in and after the next braces.
fn next_member(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use aws_wire::catalog::Catalog;

    use super::*;
    use crate::category::types_of;

    #[test]
    fn table_is_sorted() {
        assert!(DATA_ARNS.is_sorted_by_key(|(id, _)| *id));
    }

    #[test]
    fn members_and_types_are_those_of_operations() {
        let mut unfit = Vec::new();
        for (id, arns) in DATA_ARNS {
            let service = Catalog::embedded().service(id).expect(id);
            for row in *arns {
                let fits = service.operations.iter().any(|operation| {
                    let members =
                        operation.input.and_then(|shape| service.structure(shape)).map(|input| &input.members);
                    let has = |name: &str| {
                        matches!(name, "partition" | "region" | "account")
                            || members.is_some_and(|members| members.iter().any(|member| member.name == name))
                    };
                    let mut rest = row.template;
                    let mut all = true;
                    while let Some((_, name, after)) = next_member(rest) {
                        all &= has(name);
                        rest = after;
                    }
                    all && types_of(id, &operation.name).is_some_and(|types| types.contains(&row.resource_type))
                });
                if !fits {
                    unfit.push((*id, row));
                }
            }
        }
        assert!(unfit.is_empty(), "{unfit:#?}");
    }

    #[test]
    fn templates_are_filled_or_left() {
        let value = |name: &str| match name {
            "account" => Some("1"),
            "graph" => Some("g-1"),
            "arn" => Some("arn:aws:x:::y"),
            "empty" => Some(""),
            _ => None,
        };
        for (template, expected) in [
            ("arn:aws:g::{account}:graph/{graph}", Some("arn:aws:g::1:graph/g-1")),
            ("arn:aws:g::{account}:graph/{arn}", Some("arn:aws:x:::y")),
            ("{arn}", Some("arn:aws:x:::y")),
            ("{graph}", None),
            ("arn:aws:g:{absent}", None),
            ("arn:aws:g:{empty}", None),
        ] {
            assert_eq!(filled(template, value).as_deref(), expected, "{template}");
        }
    }
}
