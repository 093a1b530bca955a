//! Classic EC2 calls: sets with `items`, epoch milliseconds, `_return`.

use aws_wire::catalog::{Member, ShapeId, ShapeKind};
use aws_wire::value::{Field, FieldKey, StructureValue, Value};
use serde_json::{Map, Value as Json, json};

use super::sets::{Set, is_written_empty, set_of};
use crate::redact::{Treatment, member_treatment};
use crate::render::{Direction, Renderer, lower_first};

/// Members written under another name, by operation and member. Source: records, and for the keys the public copies
/// of records that hold them.
const RENAMED: &[(&str, &str, &str)] = &[
    ("CopySnapshot", "KmsKeyId", "masterEncryptionKeyId"),
    ("CreateNetworkAclEntry", "Protocol", "aclProtocol"),
    ("CreateVolume", "AvailabilityZone", "zone"),
    ("CreateVolume", "KmsKeyId", "masterEncryptionKeyId"),
    ("ReplaceNetworkAclEntry", "Protocol", "aclProtocol"),
];

/// Numbers written as texts, by operation and member. Source: records (CreateVolume).
const TEXTS: &[(&str, &str)] =
    &[("CreateVolume", "Size"), ("CreateSnapshot", "VolumeSize"), ("CopySnapshot", "VolumeSize")];

/// Attribute calls that name what they change. Source: records.
const ATTRIBUTE_TYPES: &[(&str, &str, &str)] = &[
    ("ModifyImageAttribute", "launchPermission", "launchPermission"),
    ("ModifySnapshotAttribute", "createVolumePermission", "CREATE_VOLUME_PERMISSION"),
];

/// Values that EC2 fills in, by operation. Source: records.
const DEFAULTS: &[(&str, &str, bool)] = &[
    ("CreateImage", "noReboot", false),
    ("DescribeInstanceStatus", "includeAllInstances", false),
    ("RunInstances", "disableApiStop", false),
    ("RunInstances", "disableApiTermination", false),
    ("StopInstances", "force", false),
];

/// Sets of answers that are written as `{}` when they hold nothing or are not answered at all, by structure. Source:
/// records.
const ANSWERED_EMPTY: &[(&str, &[&str])] = &[
    ("Instance", &["blockDeviceMapping", "productCodes"]),
    ("InstanceNetworkInterface", &["ipv6AddressesSet", "tagSet"]),
    ("InternetGateway", &["association", "attachmentSet"]),
    ("NetworkInterface", &["ipv6AddressesSet"]),
    ("Reservation", &["groupSet"]),
    ("RouteTable", &["associationSet", "propagatingVgwSet"]),
    ("Subnet", &["ipv6CidrBlockAssociationSet"]),
    ("Vpc", &["ipv6CidrBlockAssociationSet"]),
];

/// The parameters of a classic call.
pub(super) fn request(renderer: &Renderer<'_>, operation: &str, input: &StructureValue) -> Map<String, Json> {
    let writer = Writer { renderer, operation };
    let mut object = writer.structure(input);
    writer.add_empty_sets(&mut object, input.shape);
    // A set without a member in the model. Source: records.
    if operation == "DescribeAccountAttributes" {
        object.entry("filterSet").or_insert_with(|| Json::Object(Map::new()));
    }
    for (_, key, value) in DEFAULTS.iter().filter(|(name, _, _)| *name == operation) {
        object.entry(*key).or_insert(Json::Bool(*value));
    }
    for (_, key, name) in ATTRIBUTE_TYPES.iter().filter(|(name, _, _)| *name == operation) {
        if object.contains_key(*key) {
            object.insert("attributeType".to_owned(), Json::from(*name));
        }
    }
    // The parts of a rule that a caller may leave out. Source: public copies of records.
    for key in match operation {
        "CreateNetworkAclEntry" | "ReplaceNetworkAclEntry" => &["icmpTypeCode", "portRange"][..],
        _ if operation.ends_with("SecurityGroupIngress") || operation.ends_with("SecurityGroupEgress") => {
            &["ipPermissions"][..]
        }
        _ => &[],
    } {
        object.entry(*key).or_insert_with(|| Json::Object(Map::new()));
    }
    if operation == "RunInstances" {
        gather_instance(&mut object);
    }
    object
}

/// RunInstances puts what makes an instance into the only item of a set, and what says where it runs at the top.
/// Source: records.
fn gather_instance(object: &mut Map<String, Json>) {
    let mut instance = Map::new();
    for key in ["imageId", "minCount", "maxCount", "keyName"] {
        if let Some(value) = object.shift_remove(key) {
            instance.insert(key.to_owned(), value);
        }
    }
    object.insert("instancesSet".to_owned(), json!({ "items": [instance] }));
    object.entry("monitoring").or_insert_with(|| json!({ "enabled": false }));
    if let Some(Json::Object(placement)) = object.shift_remove("placement") {
        object.extend(placement);
    }
}

/// The answer of a classic call, without its request id.
pub(super) fn response(renderer: &Renderer<'_>, operation: &str, output: &StructureValue) -> Map<String, Json> {
    Writer { renderer, operation }.structure(output)
}

struct Writer<'a> {
    renderer: &'a Renderer<'a>,
    operation: &'a str,
}

impl Writer<'_> {
    fn is_request(&self) -> bool {
        self.renderer.direction == Direction::Request
    }

    fn members(&self, shape: ShapeId) -> &[Member] {
        self.renderer.service.structure(shape).map_or(&[][..], |structure| &structure.members)
    }

    fn structure(&self, value: &StructureValue) -> Map<String, Json> {
        let mut object = Map::with_capacity(value.fields.len());
        let members = self.members(value.shape);
        let shape_name = &self.renderer.service.shape(value.shape).name;
        for field in &value.fields {
            match &field.key {
                FieldKey::Member(index) => {
                    if let Some(member) = members.get(usize::from(*index)) {
                        self.member(&mut object, value.shape, member, &field.value);
                    }
                }
                FieldKey::Unknown(name) => self.unknown(&mut object, name, field),
            }
        }
        if !self.is_request()
            && let Some((_, keys)) = ANSWERED_EMPTY.iter().find(|(name, _)| name == shape_name)
        {
            for key in *keys {
                object.entry(*key).or_insert_with(|| Json::Object(Map::new()));
            }
        }
        // Part of every launch since 2022, and of no model. Source: records.
        if !self.is_request() && shape_name == "InstanceMetadataOptionsResponse" {
            object.entry("httpProtocolIpv4").or_insert_with(|| Json::from("enabled"));
        }
        if self.is_request() && shape_name == "IpPermission" {
            for key in ["groups", "ipRanges", "ipv6Ranges", "prefixListIds"] {
                object.entry(key).or_insert_with(|| Json::Object(Map::new()));
            }
        }
        object
    }

    fn unknown(&self, object: &mut Map<String, Json>, name: &str, field: &Field) {
        match (name, &field.value) {
            // The model leaves the plain success of most calls out.
            ("return", Value::String(text)) => {
                object.insert("_return".to_owned(), Json::Bool(text == "true"));
            }
            (name, value) => {
                if let Some(json) = self.renderer.unknown(value) {
                    object.insert(lower_first(name), json);
                }
            }
        }
    }

    fn member(&self, object: &mut Map<String, Json>, structure: ShapeId, member: &Member, value: &Value) {
        // A rehearsal is recorded without saying so. Source: records.
        if self.is_request() && member.name == "DryRun" {
            return;
        }
        let key = self.key(member);
        match member_treatment(self.renderer.service, self.renderer.rules, structure, member) {
            Treatment::Omit => {
                object.extend(self.renderer.omitted_value(value).map(|json| (key, json)));
                return;
            }
            Treatment::Text(text) => {
                object.insert(key, self.renderer.hidden_value(text, value));
                return;
            }
            Treatment::Each(remainder) => {
                object.insert(key, self.renderer.remainder(remainder, value));
                return;
            }
            Treatment::Show => {}
        }
        if let Value::List(values) = value {
            self.list(object, &self.renderer.service.shape(structure).name, member, key, values);
            return;
        }
        match self.single(member, value) {
            // An empty element of an answer is an absent value.
            Json::String(text) if text.is_empty() && !self.is_request() => {}
            json => {
                object.insert(key, json);
            }
        }
    }

    fn key(&self, member: &Member) -> String {
        if let Some((_, _, name)) =
            RENAMED.iter().find(|(operation, name, _)| *operation == self.operation && *name == member.name)
        {
            return (*name).to_owned();
        }
        if member.name == "Return" {
            return "_return".to_owned();
        }
        lower_first(member.wire_name())
    }

    fn single(&self, member: &Member, value: &Value) -> Json {
        match value {
            Value::Structure(structure) if self.is_hidden_wrapper(structure) => Json::from("<sensitiveDataRemoved>"),
            Value::Structure(structure) => Json::Object(self.structure(structure)),
            Value::Number(number) if TEXTS.contains(&(self.operation, member.name.as_str())) => {
                Json::String(number.to_string())
            }
            // The marker that a device is left out has no value.
            Value::String(_) if member.name == "NoDevice" => Json::Object(Map::new()),
            value => self.renderer.value(member.shape, value),
        }
    }

    /// Whether the structure only wraps a secret (`userData` of ModifyInstanceAttribute). Source: records.
    fn is_hidden_wrapper(&self, structure: &StructureValue) -> bool {
        let members = self.members(structure.shape);
        members.len() == 1
            && members.iter().all(|member| {
                let treatment = member_treatment(self.renderer.service, self.renderer.rules, structure.shape, member);
                member.name == "Value" && treatment != Treatment::Show
            })
    }

    fn list(&self, object: &mut Map<String, Json>, shape_name: &str, member: &Member, key: String, values: &[Value]) {
        // The tags of a tag specification are the one list that is a plain array. Source: records.
        if self.is_request() && shape_name == "TagSpecification" {
            object.insert("tags".to_owned(), self.elements(member, "item", values));
            return;
        }
        let set = if self.is_request() { self.request_set(shape_name, member) } else { None };
        let (key, element, holder) = match set {
            Some(set) => (set.name.to_owned(), set.element.to_owned(), set.holder),
            None => (key, self.element_name(member), self.answer_holder(member)),
        };
        let elements = self.elements(member, &element, values);
        // Two lists can share a set: security groups by id and by name.
        if let Some(Json::Array(present)) = object.get_mut(&key).and_then(|set| set.get_mut(holder)) {
            if let Json::Array(more) = elements {
                present.extend(more);
            }
            return;
        }
        let is_empty = elements.as_array().is_some_and(Vec::is_empty);
        // What has no tags has no set of them, but for the interfaces of an instance. Source: records.
        if is_empty && !self.is_request() && member.name == "Tags" {
            return;
        }
        object.insert(key, if is_empty { Json::Object(Map::new()) } else { json!({ holder: elements }) });
    }

    /// The set of a list of a request. Lists inside `ipPermissions` keep the names of the wire.
    fn request_set(&self, shape_name: &str, member: &Member) -> Option<Set> {
        match shape_name {
            "IpPermission" | "LaunchPermissionModifications" | "CreateVolumePermissionModifications" => None,
            _ => set_of(self.operation, &member.name),
        }
    }

    fn element_name(&self, member: &Member) -> String {
        match &self.renderer.service.shape(member.shape).kind {
            ShapeKind::List { member: element, .. } => match element.wire_name() {
                "item" | "member" => lower_first(member.wire_name()),
                name => lower_first(name),
            },
            _ => "item".to_owned(),
        }
    }

    /// What holds the elements of a set in an answer. Source: records.
    fn answer_holder(&self, member: &Member) -> &'static str {
        match self.renderer.service.shape(member.shape).name.as_str() {
            "NetworkInterfacePrivateIpAddressList" | "InstancePrivateIpAddressList" => "item",
            "AssignedPrivateIpAddressList" => "assignedPrivateIpAddressSetType",
            _ => "items",
        }
    }

    fn elements(&self, member: &Member, element_name: &str, values: &[Value]) -> Json {
        let ShapeKind::List { member: element, .. } = &self.renderer.service.shape(member.shape).kind else {
            return Json::Array(Vec::new());
        };
        let is_sensitive = self.renderer.service.shape(element.shape).is_sensitive;
        values
            .iter()
            .map(|value| match value {
                _ if is_sensitive => json!({ element_name: "<sensitiveDataRemoved>" }),
                Value::Structure(structure) => Json::Object(self.structure(structure)),
                value => json!({ element_name: self.renderer.value(element.shape, value) }),
            })
            .collect()
    }

    fn add_empty_sets(&self, object: &mut Map<String, Json>, shape: ShapeId) {
        for member in self.members(shape) {
            if !is_written_empty(self.operation, &member.name)
                || !matches!(self.renderer.service.shape(member.shape).kind, ShapeKind::List { .. })
            {
                continue;
            }
            if let Some(set) = set_of(self.operation, &member.name) {
                object.entry(set.name).or_insert_with(|| Json::Object(Map::new()));
            }
        }
    }
}

/// Key of a member and key of its plain elements.
#[cfg(test)]
pub(super) fn test_names(
    service: &aws_wire::catalog::Service,
    operation: &str,
    shape_name: &str,
    member: &Member,
    is_request: bool,
) -> (Vec<String>, String) {
    let direction = if is_request { Direction::Request } else { Direction::Response };
    let renderer = Renderer::new(service, aws_wire::catalog::Protocol::Ec2, direction);
    let writer = Writer { renderer: &renderer, operation };
    let is_list = matches!(service.shape(member.shape).kind, ShapeKind::List { .. });
    if is_request && is_list && shape_name == "TagSpecification" {
        return (vec!["tags".to_owned()], "item".to_owned());
    }
    match if is_request && is_list { writer.request_set(shape_name, member) } else { None } {
        Some(set) => (vec![set.name.to_owned()], set.element.to_owned()),
        None => (vec![writer.key(member)], writer.element_name(member)),
    }
}
