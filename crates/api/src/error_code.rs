//! The error codes that a client can meet.

use std::fmt;

macro_rules! codes {
    ($($name:ident),+ $(,)?) => {
        /// A code as it stands in `__type`; SDKs decide by it what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is the exception of that name in the service model or among its common errors")]
        pub enum ErrorCode {
            $($name,)+
        }

        impl ErrorCode {
            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

// First the common errors of the front end (those of signatures stand in `aws_wire::sigv4::rejection`), then what the two service models declare, in their order.
codes! {
    UnknownOperationException,
    SerializationException,
    ValidationException,
    UnrecognizedClientException,
    ExpiredTokenException,
    RequestEntityTooLargeException,
    InternalFailure,
    ServiceUnavailable,
    AccessDeniedException,
    AccountHasOngoingImportException,
    AccountNotFoundException,
    AccountNotRegisteredException,
    AccountRegisteredException,
    CannotDelegateManagementAccountException,
    ChannelARNInvalidException,
    ChannelAlreadyExistsException,
    ChannelExistsForEDSException,
    ChannelMaxLimitExceededException,
    ChannelNotFoundException,
    CloudTrailARNInvalidException,
    CloudTrailAccessNotEnabledException,
    CloudTrailInvalidClientTokenIdException,
    CloudWatchLogsDeliveryUnavailableException,
    ConcurrentModificationException,
    ConflictException,
    DelegatedAdminAccountLimitExceededException,
    EventDataStoreARNInvalidException,
    EventDataStoreAlreadyExistsException,
    EventDataStoreFederationEnabledException,
    EventDataStoreHasOngoingImportException,
    EventDataStoreMaxLimitExceededException,
    EventDataStoreNotFoundException,
    EventDataStoreTerminationProtectedException,
    GenerateResponseException,
    ImportNotFoundException,
    InactiveEventDataStoreException,
    InactiveQueryException,
    InsightNotEnabledException,
    InsufficientDependencyServiceAccessPermissionException,
    InsufficientEncryptionPolicyException,
    InsufficientIAMAccessPermissionException,
    InsufficientS3BucketPolicyException,
    InsufficientSnsTopicPolicyException,
    InvalidCloudWatchLogsLogGroupArnException,
    InvalidCloudWatchLogsRoleArnException,
    InvalidDateRangeException,
    InvalidEventCategoryException,
    InvalidEventDataStoreCategoryException,
    InvalidEventDataStoreStatusException,
    InvalidEventSelectorsException,
    InvalidHomeRegionException,
    InvalidImportSourceException,
    InvalidInsightSelectorsException,
    InvalidKmsKeyIdException,
    InvalidLookupAttributesException,
    InvalidMaxResultsException,
    InvalidNextTokenException,
    InvalidParameterCombinationException,
    InvalidParameterException,
    InvalidQueryStatementException,
    InvalidQueryStatusException,
    InvalidS3BucketNameException,
    InvalidS3PrefixException,
    InvalidSnsTopicNameException,
    InvalidSourceException,
    InvalidTagParameterException,
    InvalidTimeRangeException,
    InvalidTokenException,
    InvalidTrailNameException,
    KmsException,
    KmsKeyDisabledException,
    KmsKeyNotFoundException,
    MaxConcurrentQueriesException,
    MaximumNumberOfTrailsExceededException,
    NoManagementAccountSLRExistsException,
    NotOrganizationManagementAccountException,
    NotOrganizationMasterAccountException,
    OperationNotPermittedException,
    OrganizationNotInAllFeaturesModeException,
    OrganizationsNotInUseException,
    QueryIdNotFoundException,
    ResourceARNNotValidException,
    ResourceNotFoundException,
    ResourcePolicyNotFoundException,
    ResourcePolicyNotValidException,
    ResourceTypeNotSupportedException,
    S3BucketDoesNotExistException,
    ServiceQuotaExceededException,
    TagsLimitExceededException,
    ThrottlingException,
    TrailAlreadyExistsException,
    TrailNotFoundException,
    TrailNotProvidedException,
    UnsupportedOperationException,
    ChannelInsufficientPermission,
    ChannelNotFound,
    ChannelUnsupportedSchema,
    DuplicatedAuditEventId,
    InvalidChannelARN,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
