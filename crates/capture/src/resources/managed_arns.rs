//! The resources that management events of newer services name, by what the call and its answer say of them.
//!
//! Source: log entries of the guides of S3 Files, Interconnect, MWAA Serverless, SimpleDB and Connect Health (2025, 2026).

/// Where the members of a template stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// In what was asked.
    Asked,
    /// In the answer, or in its only structure.
    Answered,
}

/// How the ARN of a resource is made of a call.
#[derive(Debug)]
pub(super) struct ManagedArn {
    /// Value of `resources.type`.
    pub(super) resource_type: &'static str,
    /// Where its members are looked up.
    pub(super) side: Side,
    /// The ARN, as in `data_arns`.
    pub(super) template: &'static str,
}

const fn asked(resource_type: &'static str, template: &'static str) -> ManagedArn {
    ManagedArn { resource_type, side: Side::Asked, template }
}

const fn answered(resource_type: &'static str, template: &'static str) -> ManagedArn {
    ManagedArn { resource_type, side: Side::Answered, template }
}

/// By service id, sorted; in the order of the record, and of several of one type the first whose members are all there.
pub(super) const MANAGED_ARNS: &[(&str, &[ManagedArn])] = &[
    (
        "connecthealth",
        &[asked(
            "AWS::HealthAgent::Subscription",
            "arn:{partition}:health-agent:{region}:{account}:domain/{domainId}/subscription/{subscriptionId}",
        )],
    ),
    (
        "interconnect",
        &[
            answered("AWS::INTERCONNECT::Connection", "{arn}"),
            asked(
                "AWS::INTERCONNECT::Connection",
                "arn:{partition}:interconnect:{region}:{account}:connection/{identifier}",
            ),
        ],
    ),
    (
        "mwaa-serverless",
        &[
            asked("AWS::MWAAServerless::Workflow", "{WorkflowArn}"),
            answered("AWS::MWAAServerless::Workflow", "{WorkflowArn}"),
        ],
    ),
    (
        "s3files",
        &[
            asked("AWS::S3Files::FileSystem", "arn:{partition}:s3files:{region}:{account}:file-system/{fileSystemId}"),
            answered("AWS::S3Files::FileSystem", "{fileSystemArn}"),
            answered(
                "AWS::S3Files::MountTarget",
                "arn:{partition}:s3files:{region}:{account}:mount-target/{mountTargetId}",
            ),
            asked(
                "AWS::S3Files::MountTarget",
                "arn:{partition}:s3files:{region}:{account}:mount-target/{mountTargetId}",
            ),
            asked("AWS::EC2::Subnet", "arn:{partition}:ec2:{region}:{account}:subnet/{subnetId}"),
            answered(
                "AWS::EC2::NetworkInterface",
                "arn:{partition}:ec2:{region}:{account}:network-interface/{networkInterfaceId}",
            ),
        ],
    ),
    ("simpledbv2", &[asked("AWS::SDB::Domain", "arn:{partition}:sdb:{region}:{account}:domain/{domainName}")]),
];

#[cfg(test)]
mod tests {
    use aws_wire::catalog::{Catalog, Service, ShapeId};

    use super::*;

    #[test]
    fn table_is_sorted() {
        assert!(MANAGED_ARNS.is_sorted_by_key(|(id, _)| *id));
    }

    /// Names of the members of a shape, and of the structures right below it.
    fn names(service: &Service, shape: ShapeId) -> Vec<&str> {
        let Some(structure) = service.structure(shape) else { return Vec::new() };
        let below = structure.members.iter().filter_map(|member| service.structure(member.shape));
        let all = structure.members.iter().chain(below.flat_map(|below| &below.members));
        all.map(|member| member.name.as_str()).collect()
    }

    #[test]
    fn every_template_fits_an_operation() {
        for (id, arns) in MANAGED_ARNS {
            let service = Catalog::embedded().service(id).expect(id);
            for arn in *arns {
                let wanted: Vec<&str> =
                    arn.template.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
                let fits = service.operations.iter().any(|operation| {
                    let side = if arn.side == Side::Asked { operation.input } else { operation.output };
                    let names = side.map_or(Vec::new(), |shape| names(service, shape));
                    wanted
                        .iter()
                        .all(|name| matches!(*name, "partition" | "region" | "account") || names.contains(name))
                });
                assert!(fits, "{id} {}", arn.template);
            }
        }
    }
}
