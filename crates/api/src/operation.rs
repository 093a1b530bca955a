//! The names of the operations, and how a request says which one it wants.

use std::fmt;

/// Target prefix that botocore and the newer SDKs send.
const TARGET_PREFIX_LONG: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
/// Target prefix that some SDK generations and hand-written clients send.
const TARGET_PREFIX_SHORT: &str = "CloudTrail_20131101";
/// The one path of the data service.
const PUT_AUDIT_EVENTS_PATH: &str = "/PutAuditEvents";

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation of CloudTrail (2013-11-01), or the one of CloudTrail Data (2021-08-11).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is the operation of that name in the CloudTrail API reference")]
        pub enum Operation {
            $($name,)+
            PutAuditEvents,
        }

        impl Operation {
            /// The operations of CloudTrail itself; `PutAuditEvents` belongs to CloudTrail Data and is not among them.
            pub const CLOUDTRAIL: &'static [Self] = &[$(Self::$name),+];

            /// The name, as in the API reference and in `eventName`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::PutAuditEvents => "PutAuditEvents",
                }
            }

            /// The CloudTrail operation of this name; names are case-sensitive.
            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

operations! {
    AddTags,
    CancelQuery,
    CreateChannel,
    CreateDashboard,
    CreateEventDataStore,
    CreateTrail,
    DeleteChannel,
    DeleteDashboard,
    DeleteEventDataStore,
    DeleteResourcePolicy,
    DeleteTrail,
    DeregisterOrganizationDelegatedAdmin,
    DescribeQuery,
    DescribeTrails,
    DisableFederation,
    EnableFederation,
    GenerateQuery,
    GetChannel,
    GetDashboard,
    GetEventConfiguration,
    GetEventDataStore,
    GetEventSelectors,
    GetImport,
    GetInsightSelectors,
    GetQueryResults,
    GetResourcePolicy,
    GetTrail,
    GetTrailStatus,
    ListChannels,
    ListDashboards,
    ListEventDataStores,
    ListImportFailures,
    ListImports,
    ListInsightsData,
    ListInsightsMetricData,
    ListPublicKeys,
    ListQueries,
    ListTags,
    ListTrails,
    LookupEvents,
    PutEventConfiguration,
    PutEventSelectors,
    PutInsightSelectors,
    PutResourcePolicy,
    RegisterOrganizationDelegatedAdmin,
    RemoveTags,
    RestoreEventDataStore,
    SearchSampleQueries,
    StartDashboardRefresh,
    StartEventDataStoreIngestion,
    StartImport,
    StartLogging,
    StartQuery,
    StopEventDataStoreIngestion,
    StopImport,
    StopLogging,
    UpdateChannel,
    UpdateDashboard,
    UpdateEventDataStore,
    UpdateTrail,
}

/// The service that an operation belongs to: it decides the SigV4 service name and the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `cloudtrail`: AWS JSON 1.1.
    CloudTrail,
    /// `cloudtrail-data`: REST JSON.
    CloudTrailData,
}

impl Endpoint {
    /// The name that a credential scope must carry.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::CloudTrail => "cloudtrail",
            Self::CloudTrailData => "cloudtrail-data",
        }
    }

    /// The content type of requests and answers.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::CloudTrail => "application/x-amz-json-1.1",
            Self::CloudTrailData => "application/json",
        }
    }

    /// The endpoint that a path belongs to. Whatever is not the one path of the data service is CloudTrail's.
    pub fn of_path(path: &str) -> Self {
        if path == PUT_AUDIT_EVENTS_PATH { Self::CloudTrailData } else { Self::CloudTrail }
    }
}

impl Operation {
    /// Reads an `X-Amz-Target`: one of the two known prefixes, a dot, and the name.
    ///
    /// `None` for anything else, names of other cases and other services included.
    pub fn from_target(target: &str) -> Option<Self> {
        let (prefix, name) = target.rsplit_once('.')?;
        let known = prefix == TARGET_PREFIX_LONG || prefix == TARGET_PREFIX_SHORT;
        known.then(|| Self::from_name(name)).flatten()
    }

    /// The service that offers the operation.
    pub const fn endpoint(self) -> Endpoint {
        match self {
            Self::PutAuditEvents => Endpoint::CloudTrailData,
            _ => Endpoint::CloudTrail,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixty_and_each_is_found_by_both_prefixes() {
        assert_eq!(Operation::CLOUDTRAIL.len(), 60);
        for operation in Operation::CLOUDTRAIL {
            for prefix in [TARGET_PREFIX_LONG, TARGET_PREFIX_SHORT] {
                assert_eq!(Operation::from_target(&format!("{prefix}.{operation}")), Some(*operation));
            }
        }
    }

    #[test]
    fn other_targets_are_unknown() {
        for target in [
            "",
            "LookupEvents",
            ".LookupEvents",
            "CloudTrail_20131101.",
            "CloudTrail_20131101.lookupEvents",
            "CloudTrail_20131101.LookupEvents ",
            "CloudTrail_20131101.PutAuditEvents",
            "DynamoDB_20120810.ListTables",
            "x.CloudTrail_20131101.LookupEvents",
        ] {
            assert_eq!(Operation::from_target(target), None, "{target}");
        }
    }
}
