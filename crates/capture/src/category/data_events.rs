//! Which operations are data events, and of which types of resources.
//!
//! Source: CloudTrail user guide, logging data events, and the chapter on CloudTrail of each service's own guide, which
//! has the operations. A type is listed where an operation on it can be called over HTTP with an SDK; types of services
//! that have no such operations (CQL, GraphQL, agents) have no row. A row without types is of operations on data that
//! CloudTrail does not log at all: they belong to no history of management, and no selector asks for them.
//!
//! Of what follows the guides were not at hand, or do not say it: the rows have the operations of the model that read,
//! write or use what the type is, and no operation that makes or configures it. AgentCore (A/B tests, evaluations, browser
//! profiles, capacity providers, payments, recommendations, registries, batches of memory records), Application Signals,
//! AWS Backup search, Bedrock (flow executions, sessions), CodeGuru Profiler, Connect Health, Data Exchange, HealthImaging,
//! IoT TwinMaker, Keyspaces streams, Kinesis Video signalling, Lambda MicroVMs, Lex V2, Amazon ML, Managed Blockchain
//! Query, MWAA, Nova Act, Q Apps, QuickSight automation jobs, SageMaker training sessions, SMS (carriers,
//! notifications), Supply Chain, Systems Manager previews, Timestream endpoints and User Experience Customization.

mod bedrock;

/// Operations on the data of resources of some types.
#[derive(Debug)]
pub(super) struct DataEvents {
    /// Values of `resources.type`. More than one where the call itself does not tell which.
    pub(super) types: &'static [&'static str],
    /// Names in the model.
    pub(super) operations: &'static [&'static str],
}

/// By service id, sorted.
pub(super) const DATA_EVENTS: &[(&str, &[DataEvents])] = &[
    (
        "agent-registry",
        &[DataEvents {
            types: &["AWS::AgentRegistry::Registry"],
            operations: &[
                "BatchGetDiscoverableRegistryRecord",
                "ListDiscoverableRegistryRecords",
                "SearchDiscoverableRegistryRecords",
            ],
        }],
    ),
    (
        "appconfigdata",
        &[DataEvents {
            types: &["AWS::AppConfig::Configuration"],
            operations: &["GetLatestConfiguration", "StartConfigurationSession"],
        }],
    ),
    (
        "application-signals",
        &[DataEvents {
            types: &["AWS::ApplicationSignals::InstrumentationConfig"],
            operations: &["ReportInstrumentationConfigurationStatus"],
        }],
    ),
    (
        "b2bi",
        &[DataEvents { types: &["AWS::B2BI::Transformer"], operations: &["GetTransformerJob", "StartTransformerJob"] }],
    ),
    (
        "backupsearch",
        &[DataEvents {
            types: &["AWS::Backup::SearchJob"],
            operations: &["ListSearchJobBackups", "ListSearchJobResults"],
        }],
    ),
    ("bedrock-agent-runtime", bedrock::AGENT_RUNTIME),
    ("bedrock-agentcore", bedrock::AGENTCORE),
    ("bedrock-data-automation-runtime", bedrock::DATA_AUTOMATION_RUNTIME),
    ("bedrock-runtime", bedrock::RUNTIME),
    (
        "cloudfront-keyvaluestore",
        &[DataEvents {
            types: &["AWS::CloudFront::KeyValueStore"],
            operations: &["DeleteKey", "DescribeKeyValueStore", "GetKey", "ListKeys", "PutKey", "UpdateKeys"],
        }],
    ),
    ("cloudtrail-data", &[DataEvents { types: &["AWS::CloudTrail::Channel"], operations: &["PutAuditEvents"] }]),
    (
        "cloudwatch",
        &[DataEvents {
            types: &["AWS::CloudWatch::Metric"],
            operations: &[
                "GetMetricData",
                "GetMetricStatistics",
                "GetMetricWidgetImage",
                "ListMetrics",
                "PutMetricData",
            ],
        }],
    ),
    (
        "codeguruprofiler",
        &[DataEvents {
            types: &["AWS::CodeGuruProfiler::ProfilingGroup"],
            operations: &["ConfigureAgent", "PostAgentProfile"],
        }],
    ),
    (
        "cognito-identity",
        &[DataEvents {
            types: &["AWS::Cognito::IdentityPool"],
            operations: &[
                "GetCredentialsForIdentity",
                "GetId",
                "GetOpenIdToken",
                "GetOpenIdTokenForDeveloperIdentity",
                "UnlinkIdentity",
            ],
        }],
    ),
    (
        "connecthealth",
        &[
            DataEvents {
                types: &["AWS::HealthAgent::PatientInsightsJob"],
                operations: &["GetPatientInsightsJob", "StartPatientInsightsJob"],
            },
            DataEvents {
                types: &["AWS::HealthAgent::Session"],
                operations: &["GetMedicalScribeListeningSession", "StartMedicalScribeListeningSession"],
            },
        ],
    ),
    ("dataexchange", &[DataEvents { types: &["AWS::DataExchange::Asset"], operations: &["SendApiAsset"] }]),
    (
        "deadline",
        &[
            DataEvents { types: &["AWS::Deadline::Fleet"], operations: &["SearchWorkers"] },
            DataEvents {
                types: &["AWS::Deadline::Job"],
                operations: &[
                    "CopyJobTemplate",
                    "CreateJob",
                    "GetJob",
                    "GetSession",
                    "GetSessionAction",
                    "GetStep",
                    "GetTask",
                    "ListJobParameterDefinitions",
                    "ListJobs",
                    "ListSessionActions",
                    "ListSessions",
                    "ListStepConsumers",
                    "ListStepDependencies",
                    "ListSteps",
                    "ListTasks",
                    "SearchSteps",
                    "SearchTasks",
                    "UpdateJob",
                    "UpdateSession",
                    "UpdateStep",
                    "UpdateTask",
                ],
            },
            DataEvents { types: &["AWS::Deadline::Queue"], operations: &["SearchJobs"] },
            DataEvents {
                types: &["AWS::Deadline::Worker"],
                operations: &[
                    "BatchGetJobEntity",
                    "GetWorker",
                    "ListSessionsForWorker",
                    "ListWorkers",
                    "UpdateWorkerSchedule",
                ],
            },
        ],
    ),
    (
        "dynamodb",
        &[DataEvents {
            types: &["AWS::DynamoDB::Table"],
            operations: &[
                "BatchExecuteStatement",
                "BatchGetItem",
                "BatchWriteItem",
                "DeleteItem",
                "ExecuteStatement",
                "ExecuteTransaction",
                "GetItem",
                "PutItem",
                "Query",
                "Scan",
                "TransactGetItems",
                "TransactWriteItems",
                "UpdateItem",
            ],
        }],
    ),
    (
        "dynamodbstreams",
        &[DataEvents {
            types: &["AWS::DynamoDB::Stream", "AWS::DynamoDB::Table"],
            operations: &["GetRecords", "GetShardIterator"],
        }],
    ),
    (
        "ebs",
        &[DataEvents {
            types: &["AWS::EC2::Snapshot"],
            operations: &["GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"],
        }],
    ),
    (
        "events",
        &[
            DataEvents { types: &["AWS::Events::Endpoint", "AWS::Events::EventBus"], operations: &["PutEvents"] },
            DataEvents { types: &["AWS::Events::EventSource"], operations: &["PutPartnerEvents"] },
        ],
    ),
    (
        "firehose",
        &[DataEvents {
            types: &["AWS::KinesisFirehose::DeliveryStream"],
            operations: &["PutRecord", "PutRecordBatch"],
        }],
    ),
    (
        "gameliftstreams",
        &[
            DataEvents {
                types: &["AWS::GameLiftStreams::StreamGroup", "AWS::GameLiftStreams::Application"],
                operations: &["CreateStreamUrl", "GetStreamUrl", "RevokeStreamUrl", "StartStreamSession"],
            },
            DataEvents {
                types: &["AWS::GameLiftStreams::StreamGroup"],
                operations: &[
                    "CreateStreamSessionAdminShell",
                    "CreateStreamSessionConnection",
                    "ExportStreamSessionFiles",
                    "GetStreamSession",
                    "ListStreamSessions",
                    "ListStreamSessionsByAccount",
                    "ListStreamUrls",
                    "TerminateStreamSession",
                ],
            },
        ],
    ),
    ("geo-maps", &[DataEvents { types: &["AWS::GeoMaps::Provider"], operations: &["GetStaticMap", "GetTile"] }]),
    (
        "geo-places",
        &[DataEvents {
            types: &["AWS::GeoPlaces::Provider"],
            operations: &[
                "Autocomplete",
                "Geocode",
                "GetPlace",
                "ReverseGeocode",
                "SearchNearby",
                "SearchText",
                "Suggest",
            ],
        }],
    ),
    (
        "geo-routes",
        &[DataEvents {
            types: &["AWS::GeoRoutes::Provider"],
            operations: &[
                "CalculateIsolines",
                "CalculateRouteMatrix",
                "CalculateRoutes",
                "OptimizeWaypoints",
                "SnapToRoads",
            ],
        }],
    ),
    (
        "greengrassv2",
        &[DataEvents { types: &["AWS::GreengrassV2::ComponentVersion"], operations: &["ResolveComponentCandidates"] }],
    ),
    (
        "iot-data",
        &[DataEvents {
            types: &["AWS::IoT::Thing"],
            operations: &[
                "DeleteThingShadow",
                "GetThingShadow",
                "ListNamedShadowsForThing",
                "Publish",
                "UpdateThingShadow",
            ],
        }],
    ),
    (
        "iotsitewise",
        &[
            DataEvents {
                types: &["AWS::IoTSiteWise::Asset", "AWS::IoTSiteWise::TimeSeries"],
                operations: &[
                    "BatchGetAssetPropertyAggregates",
                    "BatchGetAssetPropertyValue",
                    "BatchGetAssetPropertyValueHistory",
                    "BatchPutAssetPropertyValue",
                    "GetAssetPropertyAggregates",
                    "GetAssetPropertyValue",
                    "GetAssetPropertyValueHistory",
                    "GetInterpolatedAssetPropertyValues",
                ],
            },
            DataEvents { types: &["AWS::SitewiseAssistant::Conversation"], operations: &["InvokeAssistant"] },
        ],
    ),
    (
        "iottwinmaker",
        &[DataEvents {
            types: &["AWS::IoTTwinMaker::Entity", "AWS::IoTTwinMaker::Workspace"],
            operations: &["BatchPutPropertyValues", "GetPropertyValue", "GetPropertyValueHistory"],
        }],
    ),
    ("kendra-ranking", &[DataEvents { types: &["AWS::KendraRanking::ExecutionPlan"], operations: &["Rescore"] }]),
    (
        "keyspacesstreams",
        &[DataEvents { types: &["AWS::Cassandra::Stream"], operations: &["GetRecords", "GetShardIterator"] }],
    ),
    (
        "kinesis",
        &[
            DataEvents {
                types: &["AWS::Kinesis::Stream"],
                operations: &["GetRecords", "GetShardIterator", "PutRecord", "PutRecords"],
            },
            DataEvents { types: &["AWS::Kinesis::StreamConsumer"], operations: &["SubscribeToShard"] },
        ],
    ),
    (
        "kinesis-video-archived-media",
        &[DataEvents {
            types: &["AWS::KinesisVideo::Stream"],
            operations: &[
                "GetClip",
                "GetDASHStreamingSessionURL",
                "GetHLSStreamingSessionURL",
                "GetImages",
                "GetMediaForFragmentList",
                "ListFragments",
            ],
        }],
    ),
    ("kinesis-video-media", &[DataEvents { types: &["AWS::KinesisVideo::Stream"], operations: &["GetMedia"] }]),
    (
        "kinesis-video-signaling",
        &[DataEvents {
            types: &["AWS::KinesisVideo::SignalingChannel"],
            operations: &["GetIceServerConfig", "SendAlexaOfferToMaster"],
        }],
    ),
    (
        "kinesis-video-webrtc-storage",
        &[DataEvents {
            types: &["AWS::KinesisVideo::SignalingChannel"],
            operations: &["JoinStorageSession", "JoinStorageSessionAsViewer"],
        }],
    ),
    (
        "lambda",
        &[DataEvents {
            types: &["AWS::Lambda::Function"],
            operations: &["Invoke", "InvokeAsync", "InvokeWithResponseStream"],
        }],
    ),
    ("lambda-microvms", &[DataEvents { types: &["AWS::Lambda::MicrovmImage"], operations: &["RunMicrovm"] }]),
    (
        "lexv2-runtime",
        &[DataEvents {
            types: &["AWS::Lex::Bot", "AWS::Lex::BotAlias"],
            operations: &["RecognizeText", "RecognizeUtterance", "StartConversation"],
        }],
    ),
    ("logs", &[DataEvents { types: &[], operations: &["PutLogEvents"] }]),
    ("machinelearning", &[DataEvents { types: &["AWS::MachineLearning::MlModel"], operations: &["Predict"] }]),
    (
        "managedblockchain-query",
        &[DataEvents {
            types: &["AWS::ManagedBlockchainQuery::QueryAPI"],
            operations: &[
                "BatchGetTokenBalance",
                "GetAssetContract",
                "GetTokenBalance",
                "GetTransaction",
                "ListAssetContracts",
                "ListFilteredTransactionEvents",
                "ListTokenBalances",
                "ListTransactionEvents",
                "ListTransactions",
            ],
        }],
    ),
    (
        "medical-imaging",
        &[
            DataEvents { types: &["AWS::MedicalImaging::Datastore"], operations: &["SearchImageSets"] },
            DataEvents {
                types: &["AWS::MedicalImaging::Imageset"],
                operations: &["GetImageFrame", "GetImageSet", "GetImageSetMetadata", "ListImageSetVersions"],
            },
        ],
    ),
    ("mwaa", &[DataEvents { types: &["AWS::MWAA::Environment"], operations: &["InvokeRestApi"] }]),
    (
        "neptune-graph",
        &[DataEvents {
            types: &["AWS::NeptuneGraph::Graph"],
            operations: &["CancelQuery", "ExecuteQuery", "GetGraphSummary", "GetQuery", "ListQueries"],
        }],
    ),
    (
        "networkflowmonitor",
        &[
            DataEvents {
                types: &["AWS::NetworkFlowMonitor::Monitor"],
                operations: &[
                    "GetQueryResultsMonitorTopContributors",
                    "GetQueryStatusMonitorTopContributors",
                    "StartQueryMonitorTopContributors",
                    "StopQueryMonitorTopContributors",
                ],
            },
            DataEvents {
                types: &["AWS::NetworkFlowMonitor::Scope"],
                operations: &[
                    "GetQueryResultsWorkloadInsightsTopContributors",
                    "GetQueryResultsWorkloadInsightsTopContributorsData",
                    "GetQueryStatusWorkloadInsightsTopContributors",
                    "GetQueryStatusWorkloadInsightsTopContributorsData",
                    "StartQueryWorkloadInsightsTopContributors",
                    "StartQueryWorkloadInsightsTopContributorsData",
                    "StopQueryWorkloadInsightsTopContributors",
                    "StopQueryWorkloadInsightsTopContributorsData",
                ],
            },
        ],
    ),
    (
        "nova-act",
        &[
            DataEvents {
                types: &["AWS::NovaAct::WorkflowDefinition"],
                operations: &["CreateWorkflowRun", "ListWorkflowRuns"],
            },
            DataEvents {
                types: &["AWS::NovaAct::WorkflowRun"],
                operations: &[
                    "CreateAct",
                    "CreateSession",
                    "DeleteWorkflowRun",
                    "GetWorkflowRun",
                    "InvokeActStep",
                    "ListActs",
                    "ListSessions",
                    "UpdateAct",
                    "UpdateWorkflowRun",
                ],
            },
        ],
    ),
    (
        "payment-cryptography-data",
        &[DataEvents {
            types: &["AWS::PaymentCryptography::Alias", "AWS::PaymentCryptography::Key"],
            operations: &[
                "DecryptData",
                "EncryptData",
                "GenerateCardValidationData",
                "GenerateMac",
                "GeneratePinData",
                "ReEncryptData",
                "TranslatePinData",
                "VerifyAuthRequestCryptogram",
                "VerifyCardValidationData",
                "VerifyMac",
                "VerifyPinData",
            ],
        }],
    ),
    (
        "pinpoint-sms-voice-v2",
        &[
            DataEvents { types: &["AWS::SMSVoice::CarrierLookup"], operations: &["CarrierLookup"] },
            DataEvents {
                types: &["AWS::SMSVoice::NotifyConfiguration"],
                operations: &["SendNotifyTextMessage", "SendNotifyVoiceMessage"],
            },
            DataEvents { types: &["AWS::SMSVoice::Message"], operations: &["PutMessageFeedback"] },
            DataEvents {
                types: &["AWS::SMSVoice::OriginationIdentity"],
                operations: &["SendMediaMessage", "SendTextMessage", "SendVoiceMessage"],
            },
        ],
    ),
    (
        "qapps",
        &[
            DataEvents { types: &["AWS::QApps::QApp"], operations: &["ImportDocument", "PredictQApp"] },
            DataEvents {
                types: &["AWS::QApps::QAppSession"],
                operations: &[
                    "ExportQAppSessionData",
                    "GetQAppSession",
                    "GetQAppSessionMetadata",
                    "ListQAppSessionData",
                    "StartQAppSession",
                    "StopQAppSession",
                    "UpdateQAppSession",
                    "UpdateQAppSessionMetadata",
                ],
            },
        ],
    ),
    (
        "qbusiness",
        &[
            DataEvents {
                types: &["AWS::QBusiness::Application"],
                operations: &[
                    "Chat",
                    "ChatSync",
                    "CreateUser",
                    "DeleteConversation",
                    "DeleteUser",
                    "GetUser",
                    "ListConversations",
                    "ListMessages",
                    "PutFeedback",
                    "UpdateUser",
                ],
            },
            DataEvents {
                types: &["AWS::QBusiness::Application", "AWS::QBusiness::Index"],
                operations: &[
                    "BatchDeleteDocument",
                    "BatchPutDocument",
                    "DeleteGroup",
                    "GetGroup",
                    "ListDocuments",
                    "ListGroups",
                    "PutGroup",
                ],
            },
            DataEvents {
                types: &["AWS::QBusiness::Application", "AWS::QBusiness::DataSource"],
                operations: &["ListDataSourceSyncJobs", "StartDataSourceSyncJob", "StopDataSourceSyncJob"],
            },
        ],
    ),
    (
        "quicksight",
        &[DataEvents {
            types: &["AWS::QuickSight::AutomationJob"],
            operations: &["DescribeAutomationJob", "StartAutomationJob"],
        }],
    ),
    (
        "rds-data",
        &[DataEvents {
            types: &["AWS::RDS::DBCluster"],
            operations: &[
                "BatchExecuteStatement",
                "BeginTransaction",
                "CommitTransaction",
                "ExecuteStatement",
                "RollbackTransaction",
            ],
        }],
    ),
    ("rum", &[DataEvents { types: &["AWS::RUM::AppMonitor"], operations: &["PutRumEvents"] }]),
    (
        "s3",
        &[
            DataEvents {
                types: &[
                    "AWS::S3::Object",
                    "AWS::S3::AccessPoint",
                    "AWS::S3Express::Object",
                    "AWS::S3Outposts::Object",
                    "AWS::S3Tables::Table",
                    "AWS::S3Tables::TableBucket",
                ],
                operations: &[
                    "AbortMultipartUpload",
                    "CompleteMultipartUpload",
                    "CreateMultipartUpload",
                    "GetObject",
                    "HeadObject",
                    "ListParts",
                    "PutObject",
                    "UploadPart",
                ],
            },
            DataEvents {
                types: &[
                    "AWS::S3::Object",
                    "AWS::S3::AccessPoint",
                    "AWS::S3Express::Object",
                    "AWS::S3Outposts::Object",
                ],
                operations: &[
                    "CopyObject",
                    "DeleteObject",
                    "DeleteObjectTagging",
                    "DeleteObjects",
                    "GetObjectAcl",
                    "GetObjectAttributes",
                    "GetObjectLegalHold",
                    "GetObjectRetention",
                    "GetObjectTagging",
                    "GetObjectTorrent",
                    "HeadBucket",
                    "ListObjectVersions",
                    "ListObjects",
                    "ListObjectsV2",
                    "PutObjectAcl",
                    "PutObjectLegalHold",
                    "PutObjectRetention",
                    "PutObjectTagging",
                    "RenameObject",
                    "RestoreObject",
                    "SelectObjectContent",
                    "UpdateObjectEncryption",
                    "UploadPartCopy",
                ],
            },
            DataEvents { types: &["AWS::S3Express::Object"], operations: &["CreateSession"] },
            DataEvents { types: &["AWS::S3ObjectLambda::AccessPoint"], operations: &["WriteGetObjectResponse"] },
        ],
    ),
    (
        "s3vectors",
        &[DataEvents {
            types: &["AWS::S3Vectors::VectorBucket", "AWS::S3Vectors::Index"],
            operations: &["DeleteVectors", "GetVectors", "ListVectors", "PutVectors", "QueryVectors"],
        }],
    ),
    (
        "sagemaker-featurestore-runtime",
        &[DataEvents {
            types: &["AWS::SageMaker::FeatureGroup"],
            operations: &["BatchGetRecord", "DeleteRecord", "GetRecord", "PutRecord"],
        }],
    ),
    (
        "sagemaker-metrics",
        &[DataEvents { types: &["AWS::SageMaker::ExperimentTrialComponent"], operations: &["BatchPutMetrics"] }],
    ),
    (
        "sagemaker-runtime",
        &[DataEvents {
            types: &["AWS::SageMaker::Endpoint"],
            operations: &["InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"],
        }],
    ),
    (
        "sagemakerjobruntime",
        &[DataEvents {
            types: &["AWS::SageMaker::Job"],
            operations: &["CompleteRollout", "Sample", "SampleWithResponseStream", "UpdateReward"],
        }],
    ),
    (
        "sagemakertrainingsessionruntime",
        &[DataEvents {
            types: &["AWS::SageMaker::TrainingSession"],
            operations: &[
                "ExecuteSamplingOperation",
                "ExecuteTrainingOperation",
                "GetSamplingOperationResult",
                "GetTrainingOperationResult",
                "SampleTrainingSession",
                "SampleTrainingSessionWithResponseStream",
            ],
        }],
    ),
    (
        "sdb",
        &[DataEvents {
            types: &["AWS::SDB::Domain"],
            operations: &[
                "BatchDeleteAttributes",
                "BatchPutAttributes",
                "DeleteAttributes",
                "GetAttributes",
                "PutAttributes",
                "Select",
            ],
        }],
    ),
    (
        "servicediscovery",
        &[DataEvents {
            types: &["AWS::ServiceDiscovery::Namespace", "AWS::ServiceDiscovery::Service"],
            operations: &["DiscoverInstances", "DiscoverInstancesRevision"],
        }],
    ),
    (
        "ses",
        &[DataEvents {
            types: &["AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity", "AWS::SES::Template"],
            operations: &[
                "SendBounce",
                "SendBulkTemplatedEmail",
                "SendCustomVerificationEmail",
                "SendEmail",
                "SendRawEmail",
                "SendTemplatedEmail",
            ],
        }],
    ),
    (
        "sesv2",
        &[DataEvents {
            types: &["AWS::SES::ConfigurationSet", "AWS::SES::EmailIdentity", "AWS::SES::Template"],
            operations: &["SendBulkEmail", "SendCustomVerificationEmail", "SendEmail"],
        }],
    ),
    (
        "signer",
        &[
            DataEvents { types: &["AWS::Signer::SigningJob"], operations: &["GetRevocationStatus"] },
            DataEvents { types: &["AWS::Signer::SigningProfile"], operations: &["SignPayload"] },
        ],
    ),
    (
        "sns",
        &[
            DataEvents { types: &["AWS::SNS::PlatformEndpoint", "AWS::SNS::Topic"], operations: &["Publish"] },
            DataEvents { types: &["AWS::SNS::Topic"], operations: &["PublishBatch"] },
        ],
    ),
    (
        "socialmessaging",
        &[DataEvents {
            types: &["AWS::SocialMessaging::PhoneNumberId"],
            operations: &[
                "DeleteWhatsAppMessageMedia",
                "GetWhatsAppMessageMedia",
                "PostWhatsAppMessageMedia",
                "SendWhatsAppMessage",
            ],
        }],
    ),
    (
        "sqs",
        &[DataEvents {
            types: &["AWS::SQS::Queue"],
            operations: &[
                "ChangeMessageVisibility",
                "ChangeMessageVisibilityBatch",
                "DeleteMessage",
                "DeleteMessageBatch",
                "GetQueueAttributes",
                "GetQueueUrl",
                "ListDeadLetterSourceQueues",
                "ListQueueTags",
                "ListQueues",
                "ReceiveMessage",
                "SendMessage",
                "SendMessageBatch",
            ],
        }],
    ),
    (
        "ssm",
        &[DataEvents {
            types: &["AWS::SSM::ExecutionPreview"],
            operations: &["GetExecutionPreview", "StartExecutionPreview"],
        }],
    ),
    (
        "stepfunctions",
        &[
            DataEvents { types: &["AWS::StepFunctions::Activity"], operations: &["GetActivityTask"] },
            DataEvents { types: &["AWS::StepFunctions::StateMachine"], operations: &["StartSyncExecution"] },
        ],
    ),
    (
        "supplychain",
        &[DataEvents {
            types: &["AWS::SCN::Instance"],
            operations: &["GetDataIntegrationEvent", "ListDataIntegrationEvents", "SendDataIntegrationEvent"],
        }],
    ),
    (
        "swf",
        &[DataEvents {
            types: &["AWS::SWF::Domain"],
            operations: &[
                "CountClosedWorkflowExecutions",
                "CountOpenWorkflowExecutions",
                "CountPendingActivityTasks",
                "CountPendingDecisionTasks",
                "DescribeWorkflowExecution",
                "GetWorkflowExecutionHistory",
                "ListClosedWorkflowExecutions",
                "ListOpenWorkflowExecutions",
                "PollForActivityTask",
                "PollForDecisionTask",
                "RecordActivityTaskHeartbeat",
                "RequestCancelWorkflowExecution",
                "RespondActivityTaskCanceled",
                "RespondActivityTaskCompleted",
                "RespondActivityTaskFailed",
                "RespondDecisionTaskCompleted",
                "SignalWorkflowExecution",
                "StartWorkflowExecution",
                "TerminateWorkflowExecution",
            ],
        }],
    ),
    (
        "timestream-query",
        &[
            DataEvents { types: &["AWS::Timestream::RegionalEndpoint"], operations: &["DescribeEndpoints"] },
            DataEvents { types: &["AWS::Timestream::Database", "AWS::Timestream::Table"], operations: &["Query"] },
        ],
    ),
    (
        "timestream-write",
        &[
            DataEvents { types: &["AWS::Timestream::RegionalEndpoint"], operations: &["DescribeEndpoints"] },
            DataEvents {
                types: &["AWS::Timestream::Database", "AWS::Timestream::Table"],
                operations: &["WriteRecords"],
            },
        ],
    ),
    (
        "uxc",
        &[DataEvents {
            types: &["AWS::UXC::AccountCustomization"],
            operations: &["GetAccountCustomizations", "UpdateAccountCustomizations"],
        }],
    ),
    (
        "verifiedpermissions",
        &[DataEvents {
            types: &["AWS::VerifiedPermissions::PolicyStore"],
            operations: &["BatchIsAuthorized", "BatchIsAuthorizedWithToken", "IsAuthorized", "IsAuthorizedWithToken"],
        }],
    ),
    (
        "xray",
        &[DataEvents {
            types: &["AWS::XRay::Trace"],
            operations: &[
                "BatchGetTraces",
                "GetSamplingTargets",
                "GetServiceGraph",
                "GetTimeSeriesServiceStatistics",
                "GetTraceGraph",
                "GetTraceSummaries",
                "PutTelemetryRecords",
                "PutTraceSegments",
            ],
        }],
    ),
];
