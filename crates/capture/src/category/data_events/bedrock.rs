//! The data events of Bedrock, whose parts have most of the types.

use super::DataEvents;

pub(super) const AGENT_RUNTIME: &[DataEvents] = &[
    DataEvents {
        types: &["AWS::Bedrock::FlowExecution"],
        operations: &[
            "GetExecutionFlowSnapshot",
            "GetFlowExecution",
            "ListFlowExecutionEvents",
            "ListFlowExecutions",
            "StopFlowExecution",
        ],
    },
    DataEvents {
        types: &["AWS::Bedrock::FlowAlias", "AWS::Bedrock::FlowExecution"],
        operations: &["StartFlowExecution"],
    },
    DataEvents {
        types: &["AWS::Bedrock::Session"],
        operations: &[
            "CreateInvocation",
            "CreateSession",
            "DeleteSession",
            "EndSession",
            "GetInvocationStep",
            "GetSession",
            "ListInvocationSteps",
            "ListInvocations",
            "PutInvocationStep",
            "UpdateSession",
        ],
    },
    DataEvents { types: &["AWS::Bedrock::AgentAlias"], operations: &["InvokeAgent"] },
    DataEvents { types: &["AWS::Bedrock::FlowAlias"], operations: &["InvokeFlow"] },
    DataEvents { types: &["AWS::Bedrock::InlineAgent"], operations: &["InvokeInlineAgent"] },
    DataEvents {
        types: &["AWS::Bedrock::KnowledgeBase"],
        operations: &["Retrieve", "RetrieveAndGenerate", "RetrieveAndGenerateStream"],
    },
];

pub(super) const AGENTCORE: &[DataEvents] = &[
    DataEvents {
        types: &["AWS::BedrockAgentCore::ABTest"],
        operations: &["CreateABTest", "DeleteABTest", "GetABTest", "ListABTests", "UpdateABTest"],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::BatchEvaluate"],
        operations: &[
            "DeleteBatchEvaluation",
            "GetBatchEvaluation",
            "ListBatchEvaluations",
            "StartBatchEvaluation",
            "StopBatchEvaluation",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Browser", "AWS::BedrockAgentCore::BrowserCustom"],
        operations: &["InvokeBrowser"],
    },
    DataEvents { types: &["AWS::BedrockAgentCore::BrowserProfile"], operations: &["SaveBrowserSessionProfile"] },
    DataEvents { types: &["AWS::BedrockAgentCore::CapacityProvider"], operations: &["DeleteCapacityProviderSession"] },
    DataEvents { types: &["AWS::BedrockAgentCore::Evaluator"], operations: &["Evaluate"] },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Memory"],
        operations: &[
            "BatchCreateMemoryRecords",
            "BatchDeleteMemoryRecords",
            "BatchUpdateMemoryRecords",
            "ListMemoryExtractionJobs",
            "StartMemoryExtractionJob",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Payments"],
        operations: &[
            "CreatePaymentInstrument",
            "CreatePaymentSession",
            "DeletePaymentInstrument",
            "DeletePaymentSession",
            "GetPaymentInstrument",
            "GetPaymentInstrumentBalance",
            "GetPaymentSession",
            "GetResourcePaymentToken",
            "ListPaymentInstruments",
            "ListPaymentSessions",
            "ProcessPayment",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Recommendation"],
        operations: &["DeleteRecommendation", "GetRecommendation", "ListRecommendations", "StartRecommendation"],
    },
    DataEvents { types: &["AWS::BedrockAgentCore::Registry"], operations: &["SearchRegistryRecords"] },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Runtime", "AWS::BedrockAgentCore::RuntimeEndpoint"],
        operations: &["GetAgentCard", "InvokeAgentRuntimeCommand", "StopRuntimeSession"],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::APIKeyCredentialProvider", "AWS::BedrockAgentCore::TokenVault"],
        operations: &["GetResourceApiKey"],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Browser", "AWS::BedrockAgentCore::BrowserCustom"],
        operations: &[
            "GetBrowserSession",
            "ListBrowserSessions",
            "StartBrowserSession",
            "StopBrowserSession",
            "UpdateBrowserStream",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::CodeInterpreter", "AWS::BedrockAgentCore::CodeInterpreterCustom"],
        operations: &[
            "GetCodeInterpreterSession",
            "InvokeCodeInterpreter",
            "ListCodeInterpreterSessions",
            "StartCodeInterpreterSession",
            "StopCodeInterpreterSession",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Memory"],
        operations: &[
            "CreateEvent",
            "DeleteEvent",
            "DeleteMemoryRecord",
            "GetEvent",
            "GetMemoryRecord",
            "ListActors",
            "ListEvents",
            "ListMemoryRecords",
            "ListSessions",
            "RetrieveMemoryRecords",
        ],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::OAuth2CredentialProvider", "AWS::BedrockAgentCore::TokenVault"],
        operations: &["GetResourceOauth2Token"],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::Runtime", "AWS::BedrockAgentCore::RuntimeEndpoint"],
        operations: &["InvokeAgentRuntime"],
    },
    DataEvents {
        types: &["AWS::BedrockAgentCore::WorkloadIdentity", "AWS::BedrockAgentCore::WorkloadIdentityDirectory"],
        operations: &["GetWorkloadAccessToken", "GetWorkloadAccessTokenForJWT", "GetWorkloadAccessTokenForUserId"],
    },
];

pub(super) const DATA_AUTOMATION_RUNTIME: &[DataEvents] = &[
    DataEvents { types: &["AWS::Bedrock::DataAutomationInvocation"], operations: &["GetDataAutomationStatus"] },
    DataEvents {
        types: &["AWS::Bedrock::DataAutomationProfile", "AWS::Bedrock::DataAutomationProject"],
        operations: &["InvokeDataAutomationAsync"],
    },
];

pub(super) const RUNTIME: &[DataEvents] = &[
    DataEvents { types: &["AWS::Bedrock::AsyncInvoke"], operations: &["GetAsyncInvoke", "ListAsyncInvokes"] },
    DataEvents { types: &["AWS::Bedrock::Guardrail"], operations: &["ApplyGuardrail"] },
    DataEvents { types: &["AWS::Bedrock::Model"], operations: &["InvokeModelWithBidirectionalStream"] },
    DataEvents { types: &["AWS::Bedrock::AsyncInvoke", "AWS::Bedrock::Model"], operations: &["StartAsyncInvoke"] },
];
