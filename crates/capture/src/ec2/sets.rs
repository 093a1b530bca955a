//! Names of the sets in classic EC2 requests.
//!
//! Where the name in EC2's own schema differs from the one on the wire of the query protocol. Sources: records, and
//! the schema that EC2 published for its first protocol.

/// A list of a classic request: its name, the name of its element when that is a text, and what holds the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set {
    /// Key of the set.
    pub(super) name: &'static str,
    /// Key of each element that is a plain text.
    pub(super) element: &'static str,
    /// Key of the array inside the set.
    pub(super) holder: &'static str,
}

const fn set(name: &'static str, element: &'static str) -> Set {
    Set { name, element, holder: "items" }
}

/// Sets whose name depends on the operation, by operation and member. Sorted.
const BY_OPERATION: &[(&str, &str, Set)] = &[
    (
        "DescribeClassicLinkInstances",
        "InstanceIds",
        Set { name: "instancesSet", element: "instanceId", holder: "item" },
    ),
    ("DescribeImages", "ExecutableUsers", set("executableBySet", "user")),
    ("DescribePlacementGroups", "GroupIds", set("placementGroupIdSet", "groupId")),
    ("DescribePlacementGroups", "GroupNames", set("placementGroupSet", "groupName")),
    ("DescribeVpcClassicLink", "VpcIds", Set { name: "vpcSet", element: "vpcId", holder: "item" }),
];

/// Sets by member. Sorted.
const BY_MEMBER: &[(&str, Set)] = &[
    ("AllocationIds", set("allocationIdsSet", "allocationId")),
    ("AttributeNames", set("accountAttributeNameSet", "attributeName")),
    ("BlockDeviceMappings", set("blockDeviceMapping", "item")),
    ("BundleIds", set("bundlesSet", "bundleId")),
    ("ConversionTaskIds", set("conversionTaskIdSet", "conversionTaskId")),
    ("CustomerGatewayIds", set("customerGatewaySet", "customerGatewayId")),
    ("DhcpConfigurations", set("dhcpConfigurationSet", "item")),
    ("DhcpOptionsIds", set("dhcpOptionsSet", "dhcpOptionsId")),
    ("ExecutableUsers", set("executableBySet", "user")),
    ("ExportTaskIds", set("exportTaskIdSet", "exportTaskId")),
    ("Filters", set("filterSet", "item")),
    ("GroupIds", set("securityGroupIdSet", "groupId")),
    ("GroupNames", set("securityGroupSet", "groupName")),
    ("Groups", set("groupSet", "groupId")),
    ("ImageIds", set("imagesSet", "imageId")),
    ("InstanceIds", set("instancesSet", "instanceId")),
    ("InstanceTypes", set("instanceTypeSet", "instanceType")),
    ("Instances", set("instancesSet", "instanceId")),
    ("InternetGatewayIds", set("internetGatewayIdSet", "internetGatewayId")),
    ("Ipv4Prefixes", set("ipv4Prefixes", "ipv4Prefix")),
    ("KeyNames", set("keySet", "keyName")),
    ("KeyPairIds", set("keyPairIdSet", "keyPairId")),
    ("NetworkAclIds", set("networkAclIdSet", "networkAclId")),
    ("NetworkInterfaceIds", set("networkInterfaceIdSet", "networkInterfaceId")),
    ("NetworkInterfaces", set("networkInterfaceSet", "item")),
    ("OwnerIds", set("ownersSet", "owner")),
    ("Owners", set("ownersSet", "owner")),
    ("PrivateIpAddresses", set("privateIpAddressesSet", "privateIpAddress")),
    ("ProductDescriptions", set("productDescriptionSet", "productDescription")),
    ("PublicIps", set("publicIpsSet", "publicIp")),
    ("RegionNames", set("regionSet", "regionName")),
    ("ReservedInstancesIds", set("reservedInstancesSet", "reservedInstancesId")),
    ("ReservedInstancesModificationIds", set("reservedInstancesModificationSet", "reservedInstancesModificationId")),
    ("ReservedInstancesOfferingIds", set("reservedInstancesOfferingsSet", "reservedInstancesOfferingId")),
    ("Resources", set("resourcesSet", "resourceId")),
    ("RestorableByUserIds", set("sharedUsersSet", "user")),
    ("RouteTableIds", set("routeTableIdSet", "routeTableId")),
    ("SecurityGroupIds", set("groupSet", "groupId")),
    ("SecurityGroupRuleIds", set("securityGroupRuleIds", "securityGroupRuleId")),
    ("SecurityGroups", set("groupSet", "groupName")),
    ("SnapshotIds", set("snapshotSet", "snapshotId")),
    ("SpotInstanceRequestIds", set("spotInstanceRequestIdSet", "spotInstanceRequestId")),
    ("SubnetIds", set("subnetSet", "subnetId")),
    ("TagSpecifications", set("tagSpecificationSet", "item")),
    ("Tags", set("tagSet", "item")),
    ("Values", set("valueSet", "value")),
    ("VolumeIds", set("volumeSet", "volumeId")),
    ("VpcIds", set("vpcSet", "vpcId")),
    ("VpcPeeringConnectionIds", set("vpcPeeringConnectionIdSet", "vpcPeeringConnectionId")),
    ("VpnConnectionIds", set("vpnConnectionSet", "vpnConnectionId")),
    ("VpnGatewayIds", set("vpnGatewaySet", "vpnGatewayId")),
    ("ZoneIds", set("availabilityZoneIdSet", "zoneId")),
    ("ZoneNames", set("availabilityZoneSet", "zoneName")),
];

/// Lists of `Describe` calls that are left out when the caller gives none; all others are written as `{}`. Source:
/// records (DescribeRegions, DescribeAvailabilityZones; github.com/Permiso-io-tools/CloudConsoleCartographer,
/// github.com/adanalvarez/TrailDiscover), and members that are younger than the schema.
const NOT_WRITTEN_EMPTY: &[(&str, &str)] = &[
    ("DescribeAvailabilityZones", "Filters"),
    ("DescribeBundleTasks", "Filters"),
    ("DescribeRegions", "Filters"),
    ("DescribeSpotPriceHistory", "Filters"),
];

/// The set that a list of a classic request is written as, where it has a name of its own.
pub(super) fn set_of(operation: &str, member: &str) -> Option<Set> {
    BY_OPERATION.iter().find(|(name, list, _)| *name == operation && *list == member).map(|(_, _, set)| *set).or_else(
        || {
            let index = BY_MEMBER.binary_search_by(|(name, _)| (*name).cmp(member)).ok()?;
            Some(BY_MEMBER[index].1)
        },
    )
}

/// Whether a list that the caller did not give is written as `{}`.
pub(super) fn is_written_empty(operation: &str, member: &str) -> bool {
    match operation {
        _ if operation.starts_with("Describe") => !NOT_WRITTEN_EMPTY.contains(&(operation, member)),
        "RunInstances" => member == "BlockDeviceMappings",
        "CreateNetworkInterface" => member == "Groups" || member == "PrivateIpAddresses",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(BY_MEMBER.is_sorted_by_key(|(name, _)| *name));
        assert!(BY_OPERATION.is_sorted_by_key(|(operation, member, _)| (*operation, *member)));
    }
}
