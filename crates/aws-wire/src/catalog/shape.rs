//! Services, operations and shapes, as the published models describe them.
//!
//! A decoded [`Service`] owns its tables; everything refers to everything else by index, so that nothing is parsed or
//! hashed while a request is served.

/// Index of a shape in [`Service::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeId(pub u32);

/// Index of an operation in [`Service::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub u16);

/// Wire protocol of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Form-encoded request, XML answer.
    Query,
    /// EC2's dialect of the query protocol.
    Ec2,
    /// JSON body, operation in `X-Amz-Target`, `application/x-amz-json-1.0`.
    Json10,
    /// The same with `application/x-amz-json-1.1`.
    Json11,
    /// REST with JSON bodies.
    RestJson,
    /// REST with XML bodies.
    RestXml,
    /// Smithy RPC v2 with CBOR bodies: `/service/{name}/operation/{operation}`.
    RpcV2Cbor,
}

/// One service of the catalog.
#[derive(Debug)]
pub struct Service {
    /// Its place among the services of the catalog, from 0: what is worked out per service is kept by it.
    pub place: usize,
    /// Folder name in the published models, unique: `ec2`, `elbv2`, `s3`, `cognito-idp`.
    pub id: String,
    /// `serviceId` of the model, such as `Elastic Load Balancing v2`.
    pub service_id: String,
    /// First label of the host name, such as `monitoring`.
    pub endpoint_prefix: String,
    /// Service name in the SigV4 credential scope.
    pub signing_name: String,
    /// Version of the API, such as `2016-11-15`.
    pub api_version: String,
    /// Preferred protocol first; others that the service also answers follow (SQS: JSON 1.0 and query).
    pub protocols: Vec<Protocol>,
    /// Text before the dot in `X-Amz-Target`; empty when the protocol has no target.
    pub target_prefix: String,
    /// XML namespace of request bodies, if any.
    pub xml_namespace: Option<String>,
    /// Whether the service has one endpoint for all regions (IAM, CloudFront, Route 53).
    pub is_global: bool,
    /// All operations, sorted by name.
    pub operations: Vec<Operation>,
    /// All shapes that an operation reaches.
    pub shapes: Vec<Shape>,
    /// Routes of a REST service, compiled at the first request.
    pub(crate) rest_routes: std::sync::OnceLock<crate::classify::rest::RestRoutes>,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// Name in the model, such as `PutObject`.
    pub name: String,
    /// HTTP method.
    pub http_method: String,
    /// URI template with its query part, such as `/{Bucket}/{Key+}?tagging`.
    pub http_uri: String,
    /// Shape of the input, a structure.
    pub input: Option<ShapeId>,
    /// Shape of the output, a structure.
    pub output: Option<ShapeId>,
    /// Element around the output in query answers, such as `CreateUserResult`.
    pub result_wrapper: Option<String>,
    /// Name of the root element of the request body, for rest-xml operations without a payload member.
    pub input_root: Option<String>,
    /// Prefix of the host name, such as `{AccountId}.`.
    pub host_prefix: Option<String>,
    /// Whether the model says that the operation changes nothing (Smithy `readonly`). Absent for most old models, so
    /// `false` says nothing; `capture` decides.
    pub is_readonly_by_model: bool,
    /// Whether calls of it need no signature (`authtype: none`), such as AssumeRoleWithWebIdentity.
    pub is_unsigned: bool,
    /// Whether another operation took its place.
    pub is_deprecated: bool,
    /// Whether its signature does not cover the body (`v4-unsigned-body`).
    pub has_unsigned_payload: bool,
    /// Error shapes.
    pub errors: Vec<ShapeId>,
}

/// One shape.
#[derive(Debug)]
pub struct Shape {
    /// Name in the model.
    pub name: String,
    /// What it is.
    pub kind: ShapeKind,
    /// Whether values of it must never be written anywhere.
    pub is_sensitive: bool,
}

/// What a shape is.
#[derive(Debug)]
pub enum ShapeKind {
    /// Members by name.
    Structure(Structure),
    /// Values in order.
    List {
        /// The element, with its own names.
        member: Member,
        /// No element around the members.
        is_flattened: bool,
    },
    /// Keys chosen by the caller.
    Map {
        /// Key names.
        key: Member,
        /// Values.
        value: Member,
        /// No `entry` element around the pairs.
        is_flattened: bool,
    },
    /// Text.
    String,
    /// 32-bit or smaller number.
    Integer,
    /// 64-bit number.
    Long,
    /// 32-bit or 64-bit floating number.
    Float,
    /// Truth value.
    Boolean,
    /// A point in time.
    Timestamp(Option<TimestampFormat>),
    /// Bytes.
    Blob {
        /// The body itself, of any length.
        is_streaming: bool,
    },
    /// Any JSON.
    Document,
}

/// A structure.
#[derive(Debug, Default)]
pub struct Structure {
    /// Members in the order of the model.
    pub members: Vec<Member>,
    /// Index of the member that is the whole body, if one is.
    pub payload: Option<u16>,
    /// Whether this structure is an event stream.
    pub is_event_stream: bool,
    /// Whether it is an exception.
    pub is_exception: bool,
    /// Whether it is an exception that is the service's fault.
    pub is_server_fault: bool,
    /// Whether it is a union, of whose members one is there.
    pub is_union: bool,
    /// Error code on the wire where it differs from the shape's name.
    pub error_code: Option<String>,
    /// HTTP status of an exception, 0 when the model gives none.
    pub error_status: u16,
    /// Name of its element where the shape names one.
    pub location_name: Option<String>,
}

/// A member of a structure, or the element, key or value of a list or map.
#[derive(Debug, Clone)]
pub struct Member {
    /// Name in the model.
    pub name: String,
    /// Its shape.
    pub shape: ShapeId,
    /// Where it travels.
    pub location: Location,
    /// Name on the wire where it differs from the model's.
    pub location_name: Option<String>,
    /// Name in EC2 requests where it differs further.
    pub query_name: Option<String>,
    /// Time form where the member gives one.
    pub timestamp_format: Option<TimestampFormat>,
    /// An attribute of the element around it.
    pub is_xml_attribute: bool,
    /// A list or map that is flattened at this member.
    pub is_flattened: bool,
    /// Text that is JSON, in a header (`jsonvalue`).
    pub is_json_text: bool,
    /// Body of any length.
    pub is_streaming: bool,
    /// Must be there.
    pub is_required: bool,
    /// Payload of an event in an event stream.
    pub is_event_payload: bool,
    /// Part of the host name.
    pub is_host_label: bool,
    /// XML namespace of its element, where it has one of its own.
    pub xml_namespace: Option<String>,
}

/// Where a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// In the body.
    Body,
    /// In the path.
    Uri,
    /// In the query string.
    QueryString,
    /// In one header.
    Header,
    /// In all headers that start with the location name.
    Headers,
    /// As the status code.
    StatusCode,
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimestampFormat {
    /// `2025-03-01T12:00:05Z`
    Iso8601,
    /// `Sat, 01 Mar 2025 12:00:05 GMT`
    Rfc822,
    /// Seconds since 1970, fractions allowed.
    UnixTimestamp,
}

impl Member {
    /// The name on the wire: the location name, else the model's.
    pub fn wire_name(&self) -> &str {
        self.location_name.as_deref().unwrap_or(&self.name)
    }
}

impl Service {
    /// The shape with this index.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// The operation with this index.
    pub fn operation(&self, id: OperationId) -> &Operation {
        &self.operations[id.0 as usize]
    }

    /// The operation with this exact name.
    pub fn operation_named(&self, name: &str) -> Option<OperationId> {
        let index = self.operations.binary_search_by(|operation| operation.name.as_str().cmp(name)).ok()?;
        u16::try_from(index).ok().map(OperationId)
    }

    /// The members of a structure shape; nothing for any other shape.
    pub fn structure(&self, id: ShapeId) -> Option<&Structure> {
        match &self.shapes.get(id.0 as usize)?.kind {
            ShapeKind::Structure(structure) => Some(structure),
            _ => None,
        }
    }
}
