"""From a real CloudTrail record back to the call that made it and to the answer on the wire.

Everything here reads botocore's models and the record, and knows nothing of how OpenTrail renders a call: names are
matched by their letters alone, so that a wrong spelling in a record that OpenTrail makes is found and not repeated.
"""

import base64
import json
import re
import struct
from datetime import datetime, timezone
from functools import cache
from urllib.parse import unquote
from xml.sax.saxutils import escape

import botocore.session
from botocore.utils import parse_timestamp

from rendering import TIME_FORMATS

LOADER = botocore.session.Session()
# Dates that Lambda and CloudFront append to the names of their operations.
DATED = re.compile(r"(20\d{6})(v\d)?$|(20\d\d_\d\d_\d\d)$")
HIDDEN_TEXTS = {
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "HIDDEN_FOR_SECURITY_REASONS",
    "<sensitiveDataRemoved>",
    "****",
    "***",
    "**********",
    "***OMITTED***",
    "*** REDACTED ***",
    "REDACTED",
    "[PROTECTED]",
}

# What is sent where the record hides a text: had the mark itself been sent, a record that hides nothing would look right.
PLAIN_TEXT = "a plain text that the record does not show"

# A header of answers that some services write among the members.
EXPOSED_HEADERS = "Access-Control-Expose-Headers"

# Event names of S3 that are not the API's: the user guide's list.
S3_OPERATIONS = {
    "GetAccelerateConfiguration": "GetBucketAccelerateConfiguration",
    "PutAccelerateConfiguration": "PutBucketAccelerateConfiguration",
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "GetBucketPublicAccessBlock": "GetPublicAccessBlock",
    "PutBucketPublicAccessBlock": "PutPublicAccessBlock",
    "DeleteBucketPublicAccessBlock": "DeletePublicAccessBlock",
    "GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
    "PutBucketObjectLockConfiguration": "PutObjectLockConfiguration",
}
S3_CONTROL_OPERATIONS = {
    "GetAccountPublicAccessBlock": "GetPublicAccessBlock",
    "PutAccountPublicAccessBlock": "PutPublicAccessBlock",
    "DeleteAccountPublicAccessBlock": "DeletePublicAccessBlock",
}
# Event sources that neither the endpoint nor the signing name of a service shows.
SOURCES = {
    "amazonmq": "mq",
    "autoscaling": "application-autoscaling",
    "ds": "ds-data",
    "edgekeyvaluestore": "cloudfront-keyvaluestore",
    "elasticloadbalancing": "elb",
    "marketplacecatalog": "marketplace-catalog",
    "metering-marketplace": "meteringmarketplace",
    "migrationhub": "mgh",
    "multi-party-approval": "mpa",
    "rdsdata": "rds-data",
    "rdsdataapi": "rds-data",
    "s3tables": "s3",
}


# Members that EC2 writes under another name, by operation: the name in the record, and that of the API.
EC2_NAMES = {
    "CreateVolume": {"zone": "availabilityZone"},
    "CreateNetworkAclEntry": {"aclProtocol": "protocol"},
    "ReplaceNetworkAclEntry": {"aclProtocol": "protocol"},
}


class ExactTime(datetime):
    """A time with more digits than a datetime holds."""

    text = ""


class NotRebuilt(Exception):
    """The record does not say enough to make its call again."""


@cache
def service_model(service):
    return LOADER.get_service_model(service)


@cache
def services_by_label():
    found = {}
    for name in LOADER.get_available_services():
        metadata = service_model(name).metadata
        labels = {name, metadata.get("signingName"), metadata["endpointPrefix"], metadata["endpointPrefix"].split(".")[-1]}
        for label in labels - {None}:
            found.setdefault(label, []).append(name)
    return found


def operation_of(record):
    """Service and operation of botocore that the record is of."""
    label = record["eventSource"].split(".")[0]
    name = DATED.sub("", record["eventName"].strip())
    candidates = list(services_by_label().get(label, []))
    if label in SOURCES:
        candidates.append(SOURCES[label])
    if label == "s3":
        if name in S3_CONTROL_OPERATIONS:
            return "s3control", S3_CONTROL_OPERATIONS[name]
        parameters = record.get("requestParameters") or {}
        name = S3_OPERATIONS.get(name, name)
        if name == "ListObjects" and "list-type" in parameters:
            name = "ListObjectsV2"
        candidates = ["s3", "s3control"]
    fitting = [service for service in candidates if name in service_model(service).operation_names]
    if not fitting:
        raise NotRebuilt(f"no operation {label} {name}")
    # Services share a source: the one whose input and output know more of the keys, of equals the one of the name, and of
    # those the newest.
    fitting.sort(key=lambda service: service_model(service).api_version, reverse=True)
    def strangers(service):
        operation = service_model(service).operation_model(name)
        shape, elements = operation.output_shape, record.get("responseElements")
        if shape is not None and isinstance(elements, dict):
            inner = unwrapped(shape, elements)
            if inner is not elements:
                shape = next(iter(shape.members.values()))
        count = stranger_count(operation.input_shape, record.get("requestParameters"))
        version = record.get("apiVersion")
        is_of_version = version is None or service_model(service).api_version == version
        return not is_of_version, count + stranger_count(shape, elements), service != label

    return min(fitting, key=strangers), name


def stranger_count(shape, json_value):
    if not isinstance(json_value, dict):
        return 0
    if shape is None:
        return len(json_value)
    return sum(1 for key in json_value if member_of(shape, key) is None)


# --- names ---


def letters(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def stem(name):
    """What is left of the name of a list when the signs of being a list are gone: `instancesSet` and `InstanceIds`."""
    name = letters(name)
    for ending in ("set", "ids", "id", "s"):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            name = name[: -len(ending)]
    return name


def member_names(name, shape):
    serialized = shape.serialization
    return [name, *(serialized[word] for word in ("name", "queryName") if word in serialized)]


def member_of(shape, key):
    """The member of a structure that a key of a record names, or None."""
    members = shape.members
    by_letters = [name for name in members if name[:1].lower() + name[1:] == key]
    by_letters += [name for name, member in members.items() if letters(key) in map(letters, member_names(name, member))]
    if by_letters:
        return by_letters[0]
    lists = [
        name
        for name, member in members.items()
        if (member.type_name == "list" or (member.type_name == "structure" and key.endswith("Set")))
        and stem(key) in map(stem, member_names(name, member))
    ]
    return lists[0] if lists else None


# --- values of requests ---


def scalar(shape, value):
    kind = shape.type_name
    if kind == "timestamp":
        return moment(value)
    if kind in ("integer", "long"):
        return int(float(value)) if not isinstance(value, dict) else 0
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "blob":
        return blob(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value) if value else ""
    if isinstance(value, str) and value in HIDDEN_TEXTS:
        return PLAIN_TEXT
    return value if isinstance(value, str) else str(value)


def blob(value):
    """Bytes that a record shows as they travel, in base64, or as a text of their own."""
    if not isinstance(value, str):
        return json.dumps(value).encode()
    try:
        content = base64.b64decode(value, validate=True)
    except ValueError:
        return value.encode()
    return content if len(value) >= 8 else value.encode()


def moment(value):
    if isinstance(value, str) and re.fullmatch(r"[0-9.]+(e\+\d+)?", value):
        value = float(value)
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, timezone.utc)
    text = value.replace("\u202f", " ")
    if digits := re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{7,9}Z", text):
        exact = ExactTime.strptime(digits[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        exact.text = text
        return exact
    for form in TIME_FORMATS:
        try:
            found = datetime.strptime(text, form)
            return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        except ValueError:
            pass
    try:
        return parse_timestamp(text)
    except Exception as error:
        raise NotRebuilt(f"no time: {value!r}") from error


class Rebuilder:
    """Takes JSON of a record to values of a shape, and notes the keys for which it found no place."""

    def __init__(self):
        self.lost = []

    def value(self, shape, value, path=""):
        if value is None:
            return None
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return value
        if kind in ("structure", "list", "map") and isinstance(value, str) and value in HIDDEN_TEXTS:
            # The whole was hidden: any will do that holds something.
            return filled(shape)
        if kind == "structure":
            return self.structure(shape, value, path) if isinstance(value, dict) else {}
        if kind == "list":
            return self.list(shape, value, path)
        if kind == "map":
            if not isinstance(value, dict):
                return {}
            return {key: self.value(shape.value, entry, f"{path}.{key}") for key, entry in value.items()}
        return scalar(shape, value)

    def structure(self, shape, value, path):
        made = {}
        for key, entry in value.items():
            if key in ("tag", "xmlns"):
                if member_of(shape, key) is None or isinstance(entry, int) or key == "xmlns":
                    continue
            name = member_of(shape, key)
            if name is None or (name in made and name[:1].lower() + name[1:] != key):
                if not is_nothing(entry):
                    self.lost.append(f"{path}.{key}")
                continue
            found = self.value(shape.members[name], entry, f"{path}.{key}")
            if found is not None:
                made[name] = found
        return made

    def list(self, shape, value, path):
        if isinstance(value, dict):
            inner = [word for word in ("items", "item", "member") if isinstance(value.get(word), (list, dict))]
            wire = shape.member.serialization.get("name")
            if inner:
                value = value[inner[0]]
            elif wire in value and len(value) == 1:
                value = value[wire]
            elif not value:
                return []
        if not isinstance(value, list):
            value = [value] if value != "" else []
        return [self.element(shape.member, element, f"{path}[{index}]") for index, element in enumerate(value)]

    def element(self, shape, value, path):
        if shape.type_name not in ("structure", "map", "list") and isinstance(value, dict):
            rest = {key: entry for key, entry in value.items() if key != "tag"}
            if len(rest) == 1:
                value = next(iter(rest.values()))
            elif rest:
                raise NotRebuilt(f"{path} is an object where a text is sent")
        return self.value(shape, value, path)


def is_nothing(value):
    return value is None or value == {} or value == [] or value == ""


def raw_ec2(record):
    """The key of an EC2 request that is written as the JSON of its XML, or None."""
    parameters = record.get("requestParameters") or {}
    keys = [key for key in parameters if key.endswith("Request") and isinstance(parameters[key], dict)]
    return keys[0] if keys and record["eventSource"].startswith("ec2.") else None


def request_of(record, service, operation_name):
    """Parameters for boto3, and the paths of the record that found no place in them."""
    operation = service_model(service).operation_model(operation_name)
    shape = operation.input_shape
    parameters = record.get("requestParameters")
    rebuilder = Rebuilder()
    if shape is None:
        return {}, []
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, dict):
        raise NotRebuilt("requestParameters is no object")
    if record["eventSource"].startswith("s3tables.") and service == "s3":
        # The bucket of a table is known by its host alone.
        parameters = {"bucketName": parameters.get("Host", "").split(".")[0], **parameters}
    if service in ("s3", "s3control"):
        return s3_request(shape, parameters, rebuilder), rebuilder.lost
    if wrapper := raw_ec2(record):
        parameters = parameters[wrapper]
    elif service == "ec2" and operation_name in EC2_NAMES:
        parameters = {EC2_NAMES[operation_name].get(key, key): value for key, value in parameters.items()}
    elif service == "ec2" and operation_name == "RunInstances":
        parameters = run_instances(parameters)
    elif service == "apigateway":
        parameters = {key: value for key, value in parameters.items() if key != "template"}
        for key in [key for key in parameters if key.endswith("Input") and isinstance(parameters[key], dict)]:
            parameters = {**parameters, **parameters.pop(key)}
    elif service == "lambda":
        parameters = {key: value for key, value in parameters.items() if key != "fullyQualifiedArn"}
    elif service.startswith("dynamodb"):
        parameters = item_call(parameters, operation_name)
    elif operation_name == "PutTraceSegments":
        # Of segments their traces are left.
        traces = [text.removeprefix("trace_id:") for text in parameters["traceSegmentDocuments"]]
        parameters = {**parameters, "traceSegmentDocuments": [json.dumps({"trace_id": trace}) for trace in traces]}
    made = rebuilder.structure(shape, parameters, "requestParameters")
    for name, member in shape.members.items():
        # Services behind API Gateway write labels of the path as they stand in it.
        if member.serialization.get("location") == "uri" and isinstance(made.get(name), str):
            made[name] = unquote(made[name])
    for name in shape.required_members:
        if name not in made and shape.members[name].serialization.get("location") == "uri":
            raise NotRebuilt(f"the path needs {name}, which the record does not show")
    return made, rebuilder.lost


def run_instances(parameters):
    """Classic RunInstances nests the image and the counts in a set, and the placement at the top."""
    parameters = dict(parameters)
    items = (parameters.pop("instancesSet", None) or {}).get("items") or [{}]
    parameters.update(items[0])
    parameters["placement"] = {
        key: parameters.pop(key) for key in ("tenancy", "availabilityZone") if key in parameters
    }
    return {key: value for key, value in parameters.items() if not is_nothing(value)}


def item_call(parameters, operation):
    """DynamoDB writes keys as plain values; the wire has their types."""

    def typed(value):
        if isinstance(value, bool):
            return {"BOOL": value}
        return {"N": str(value)} if isinstance(value, (int, float)) else {"S": str(value)}

    made = {}
    for key, value in parameters.items():
        if key in ("key", "exclusiveStartKey") and isinstance(value, dict):
            value = {name: typed(entry) for name, entry in value.items()}
        if key in ("item", "items") and isinstance(value, list):
            key, value = "item", {name: {"S": "x"} for name in value}
        if key == "requestItems" and isinstance(value, list):
            parts = [part for part in value if isinstance(part, dict)]
            if all("operation" in part for part in parts):
                key, value = "transactItems", [transact_item(part) for part in parts]
            else:
                key = "transactStatements" if operation == "ExecuteTransaction" else "statements"
        made[key] = value
    return made


def transact_item(part):
    """A part of a transaction, under the name of its operation. Hand-made records mix the cases of its keys."""
    rest = {key[:1].lower() + key[1:]: value for key, value in part.items() if key != "operation"}
    return {part["operation"]: item_call(rest, part["operation"])}


def s3_request(shape, parameters, rebuilder):
    """S3 writes what was on the wire: members are found by their place and name there."""
    made = {}
    places = {}
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        places[(place, member.serialization.get("name", name))] = (name, member)
    payload = shape.serialization.get("payload")
    for key, value in parameters.items():
        if key in ("Host", "bucketName", "key"):
            continue
        if key == "bucketPolicy" and "Policy" in shape.members:
            made["Policy"] = json.dumps(value)
            continue
        if key == "accessControlList" and isinstance(value, dict):
            made.update({places["header", name][0]: grant for name, grant in value.items() if ("header", name) in places})
            continue
        found = places.get(("querystring", key)) or places.get(("header", key)) or places.get(("uri", key))
        if found is None and payload and isinstance(value, dict) and shape.members[payload].type_name == "structure":
            body = {inner: entry for inner, entry in value.items() if not inner.startswith("xmlns")}
            made[payload] = s3_value(shape.members[payload], body, rebuilder, key)
            continue
        if found is None:
            if value != "":
                rebuilder.lost.append(f"requestParameters.{key}")
            continue
        name, member = found
        made[name] = scalar(member, value) if member.type_name not in ("list", "map") else [value]
    for key, member in (("bucketName", "Bucket"), ("key", "Key")):
        if key in parameters and member in shape.members:
            made[member] = parameters[key]
    for name in shape.required_members:
        if name not in made and shape.members[name].serialization.get("location") == "uri":
            raise NotRebuilt(f"the path needs {name}, which the record does not show")
    return made


def s3_value(shape, value, rebuilder, path):
    """XML by the names of its elements; lists are flattened or hold one kind of element."""
    kind = shape.type_name
    if kind == "list":
        if not shape.serialization.get("flattened") and isinstance(value, dict):
            value = value.get(shape.member.serialization.get("name", "member"), value)
        value = value if isinstance(value, list) else [value]
        return [s3_value(shape.member, entry, rebuilder, path) for entry in value]
    if kind == "structure":
        made = {}
        for key, entry in (value.items() if isinstance(value, dict) else ()):
            names = [
                name for name, member in shape.members.items()
                if key in (member.serialization.get("name", name), member.serialization.get("name", name).split(":")[-1])
            ]
            if names:
                made[names[0]] = s3_value(shape.members[names[0]], entry, rebuilder, f"{path}.{key}")
            elif not key.startswith(("xmlns", "xsi:")):
                rebuilder.lost.append(f"requestParameters.{path}.{key}")
        return made
    return scalar(shape, value)


# --- answers ---


def answer_of(record, service, operation_name):
    """Status, headers and body of the answer that the record tells of, and the paths that found no place in it."""
    model = service_model(service)
    operation = model.operation_model(operation_name)
    protocol = wire_protocol(model)
    request_id = record.get("requestID") or ""
    if "errorCode" in record:
        return (*error_answer(record, model, operation, protocol, request_id), [])
    rebuilder = Rebuilder()
    elements = record.get("responseElements")
    if service == "s3":
        status, headers, body = s3_answer(record, operation, elements, request_id)
        return status, headers, body, []
    if service == "ec2":
        return 200, {"Content-Type": "text/xml"}, ec2_answer(operation, elements, request_id, rebuilder), rebuilder.lost
    shape = operation.output_shape
    values, exposed = {}, None
    if isinstance(elements, dict) and EXPOSED_HEADERS in elements:
        elements = dict(elements)
        exposed = elements.pop(EXPOSED_HEADERS)
    if shape is not None and isinstance(elements, dict):
        inner = unwrapped(shape, elements)
        values = rebuilder.structure(shape, inner, "responseElements")
        if inner is not elements:
            wrapper = f"responseElements.{next(iter(inner))}."
            rebuilder.lost = [path.replace(wrapper, "responseElements.", 1) for path in rebuilder.lost]
    elif isinstance(elements, dict):
        # The model knows of no answer.
        rebuilder.lost += [f"responseElements.{key}" for key in elements]
    elif shape is not None and (record.get("readOnly") or service == "kms"):
        # The answer of a read is never written, so that any will do: one with every member filled.
        values = filled(shape)
    if service == "kms" and shape is not None and not isinstance(elements, dict):
        values = with_key(shape, values, record)
    told = record.get("additionalEventData") or {}
    if "sesMessageId" in told:
        values = {**values, "MessageId": told["sesMessageId"]}
    if "functionVersion" in told:
        values = {**values, "ExecutedVersion": told["functionVersion"].rsplit(":", 1)[-1]}
    if service == "verifiedpermissions" and isinstance(record.get("additionalEventData"), dict):
        # Decisions are told outside the answer.
        values = rebuilder.structure(shape, record["additionalEventData"], "additionalEventData")
    status = operation.http.get("responseCode", 200)
    headers, body = encode_answer(operation, shape, values, protocol, request_id)
    if exposed is not None:
        headers = {**headers, EXPOSED_HEADERS: exposed}
    return status, headers, body, rebuilder.lost


def wire_protocol(model):
    return model.resolved_protocol if hasattr(model, "resolved_protocol") else model.protocol


def unwrapped(shape, elements):
    """RDS and others write the only structure of the answer without its name."""
    if len(shape.members) == 1:
        name, member = next(iter(shape.members.items()))
        is_named = any(letters(key) in map(letters, member_names(name, member)) for key in elements)
        if member.type_name == "structure" and not is_named:
            return {name[:1].lower() + name[1:]: elements}
    return elements


def with_key(shape, values, record):
    keys = [entry.get("ARN", "") for entry in record.get("resources") or []]
    keys = [arn for arn in keys if ":key/" in arn]
    values = {name: value for name, value in values.items() if name not in ("KeyId", "SourceKeyId", "KeyMetadata", "KeyMaterialId")}
    material = (record.get("additionalEventData") or {}).get("keyMaterialId")
    if material and "KeyMaterialId" in shape.members:
        values["KeyMaterialId"] = material
    if keys and "KeyId" in shape.members:
        values["KeyId"] = keys[-1]
    if len(keys) > 1 and "SourceKeyId" in shape.members:
        values["SourceKeyId"] = keys[0]
    if keys and "KeyMetadata" in shape.members:
        values["KeyMetadata"] = {"Arn": keys[-1], "KeyId": keys[-1].rsplit("/", 1)[-1]}
    return values


def filled(shape, depth=0):
    kind = shape.type_name
    if kind == "structure":
        if depth > 4 or getattr(shape, "is_document_type", False):
            return {}
        members = shape.members.items()
        return {
            name: filled(member, depth + 1)
            for name, member in members
            if not (getattr(member, "is_streaming", False) or member.serialization.get("streaming"))
            and not member.serialization.get("eventstream")
            and not getattr(member, "is_tagged_union", False)
        }
    if kind == "list":
        return [filled(shape.member, depth + 1)] if depth < 4 else []
    if kind == "map":
        return {"k": filled(shape.value, depth + 1)} if depth < 4 else {}
    return {
        "timestamp": datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc), "blob": b"x", "boolean": True,
        "integer": 1, "long": 1, "float": 1.5, "double": 1.5,
    }.get(kind, "x")


STATUS_BY_CODE = {"NoSuchBucket": 404, "NoSuchKey": 404, "InternalError": 500}


def error_answer(record, model, operation, protocol, request_id):
    written, message = record["errorCode"], record.get("errorMessage")
    code, status = wire_code(written, model, operation)
    if protocol == "ec2":
        side, _, bare = code.partition(".")
        code, status = (bare, 500 if side == "Server" else 400) if side in ("Client", "Server") else (code, 400)
    if model.service_name == "s3":
        if operation.http["method"] == "HEAD":
            raise NotRebuilt("an answer to HEAD has no code")
        text = f"<Message>{escape(message)}</Message>" if message else ""
        body = f"<Error><Code>{code}</Code>{text}<RequestId>{request_id}</RequestId></Error>"
        return STATUS_BY_CODE.get(code, status), s3_headers(record, request_id), body.encode()
    if protocol in ("query", "rest-xml"):
        text = f"<Message>{escape(message)}</Message>" if message else ""
        body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code>{text}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        return status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode()
    if protocol == "ec2":
        text = f"<Message>{escape(message)}</Message>" if message else ""
        body = f"<Response><Errors><Error><Code>{escape(code)}</Code>{text}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        return status, {"Content-Type": "text/xml"}, body.encode()
    held = {"__type": code} if protocol != "rest-json" else {}
    if isinstance(record.get("responseElements"), dict):
        held = record["responseElements"]
    elif message is not None:
        held["message"] = message
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    if protocol == "rest-json":
        headers["x-amzn-ErrorType"] = code
    if protocol == "smithy-rpc-v2-cbor":
        return status, {**headers, "Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, cbor(held)
    return status, headers, json.dumps(held).encode()


def wire_code(written, model, operation):
    """What AWS sends for an error that its record names by the exception behind it."""
    for shape in [*operation.error_shapes, *model.error_shapes]:
        if written in (shape.name, shape.metadata.get("error", {}).get("code")):
            error = shape.metadata.get("error", {})
            return error.get("code", shape.name), error.get("httpStatusCode", 400)
    if written == "AccessDenied" and wire_protocol(model) not in ("query", "ec2", "rest-xml"):
        return "AccessDeniedException", 400
    return written, 403 if "AccessDenied" in written else 400


def s3_headers(record, request_id):
    additional = record.get("additionalEventData") or {}
    extra = additional.get("x-amz-id-2") or additional.get("xAmzId2")
    headers = {"x-amz-request-id": request_id, "Content-Type": "application/xml"}
    return {**headers, "x-amz-id-2": extra} if extra else headers


def s3_answer(record, operation, elements, request_id):
    headers, body = s3_headers(record, request_id), b""
    for key, value in (elements or {}).items():
        if isinstance(value, (dict, list)):
            body = xml_of(key, value).encode()
        else:
            headers[key] = str(value)
    applied = (record.get("additionalEventData") or {}).get("SSEApplied", "")
    if applied.endswith("SSE_S3"):
        headers["x-amz-server-side-encryption"] = "AES256"
    elif applied.endswith("SSE_KMS"):
        headers["x-amz-server-side-encryption"] = "aws:kms"
    return operation.http.get("responseCode", 200), headers, body


def xml_of(name, value):
    """XML of JSON that was made from XML: `xmlns` and the like were attributes."""
    if isinstance(value, list):
        return "".join(xml_of(name, entry) for entry in value)
    if isinstance(value, dict):
        attributes, inner = "", ""
        for key, entry in value.items():
            if key.startswith(("xmlns", "xsi:")) and isinstance(entry, str):
                attributes += f' {key}="{escape(entry)}"'
            else:
                inner += xml_of(key, entry)
        return f"<{name}{attributes}>{inner}</{name}>"
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"<{name}>{escape(str(value))}</{name}>"


def ec2_answer(operation, elements, request_id, rebuilder):
    name = operation.name
    head = f'<{name}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
    if isinstance(elements, dict) and f"{name}Response" in elements:
        inner = dict(elements[f"{name}Response"])
        inner.pop("xmlns", None)
        return (head + "".join(xml_of(key, value) for key, value in inner.items()) + f"</{name}Response>").encode()
    body = f"<requestId>{request_id}</requestId>"
    shape = operation.output_shape
    if isinstance(elements, dict):
        names = EC2_NAMES.get(name, {})
        rest = {names.get(key, key): value for key, value in elements.items() if key not in ("requestId", "_return")}
        values = rebuilder.structure(shape, rest, "responseElements") if shape else {}
        rebuilder.lost += [f"responseElements.{key}" for key in rest if not shape]
        if elements.get("_return") is not None and "Return" not in values:
            body += f"<return>{str(elements['_return']).lower()}</return>"
        body += xml_members(shape, values, ec2=True) if shape else ""
    elif shape is not None:
        body += xml_members(shape, filled(shape), ec2=True)
    return (head + body + f"</{name}Response>").encode()


def encode_answer(operation, shape, values, protocol, request_id):
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "query":
        name = operation.name
        wrapper = (shape.serialization.get("resultWrapper") if shape else None) or f"{name}Result"
        result = f"<{wrapper}>{xml_members(shape, values)}</{wrapper}>" if shape else ""
        body = f"<{name}Response>{result}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        return {**headers, "Content-Type": "text/xml"}, body.encode()
    if protocol == "smithy-rpc-v2-cbor":
        content = cbor(plain_json(shape, values, raw=True)) if shape else cbor({})
        return {**headers, "Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, content
    if protocol == "json":
        return {**headers, "Content-Type": "application/x-amz-json-1.1"}, json.dumps(plain_json(shape, values) if shape else {}).encode()
    return rest_answer(shape, values, protocol, headers)


def rest_answer(shape, values, protocol, headers):
    is_json = protocol == "rest-json"
    headers = {**headers, "Content-Type": "application/json" if is_json else "application/xml"}
    if shape is None:
        return headers, b""
    body_values = {}
    for name, value in values.items():
        member = shape.members[name]
        place = member.serialization.get("location")
        if place == "header":
            headers[member.serialization["name"]] = header_text(member, value)
        elif place == "headers":
            headers.update({member.serialization.get("name", "") + key: str(entry) for key, entry in value.items()})
        elif place != "statusCode":
            body_values[name] = value
    payload = shape.serialization.get("payload")
    if payload:
        value, member = body_values.get(payload), shape.members[payload]
        if value is None:
            return headers, b""
        if member.type_name in ("blob", "string"):
            return headers, value if isinstance(value, bytes) else value.encode()
        if is_json:
            return headers, json.dumps(plain_json(member, value)).encode()
        root = member.serialization.get("name", payload)
        return headers, f"<{root}>{xml_members(member, value)}</{root}>".encode()
    if is_json:
        return headers, json.dumps(plain_json(shape, body_values)).encode()
    return headers, f"<Result>{xml_members(shape, body_values)}</Result>".encode()


def header_text(member, value):
    if isinstance(value, datetime):
        return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return str(value).lower() if isinstance(value, bool) else str(value)


def time_on_wire(member, value, default):
    form = member.serialization.get("timestampFormat", default)
    if form == "unixTimestamp":
        seconds = value.timestamp()
        return int(seconds) if seconds == int(seconds) else seconds
    if form == "rfc822":
        return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
    if getattr(value, "text", ""):
        return value.text
    fraction = f".{value.microsecond:06}" if value.microsecond % 1000 else f".{value.microsecond // 1000:03}"
    return value.strftime("%Y-%m-%dT%H:%M:%S") + (fraction if value.microsecond else "") + "Z"


def plain_json(shape, value, raw=False):
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        return {
            shape.members[name].serialization.get("name", name): plain_json(shape.members[name], entry, raw)
            for name, entry in value.items()
        }
    if kind == "list":
        return [plain_json(shape.member, entry, raw) for entry in value]
    if kind == "map":
        return {key: plain_json(shape.value, entry, raw) for key, entry in value.items()}
    if kind == "timestamp":
        return value if raw else time_on_wire(shape, value, "unixTimestamp")
    if kind == "blob":
        return value if raw else base64.b64encode(value).decode()
    return value


def xml_members(shape, values, ec2=False):
    return "".join(xml_member(name, shape.members[name], value, ec2) for name, value in values.items())


def xml_member(name, shape, value, ec2):
    tag = shape.serialization.get("name", name)
    kind = shape.type_name
    if kind == "structure":
        return f"<{tag}>{xml_members(shape, value, ec2)}</{tag}>"
    if kind == "list":
        flattened = shape.serialization.get("flattened")
        inner = shape.member.serialization.get("name", "item" if ec2 else "member")
        if flattened:
            inner = shape.member.serialization.get("name", tag)
        elements = "".join(xml_as(inner, shape.member, entry, ec2) for entry in value)
        return elements if flattened else f"<{tag}>{elements}</{tag}>"
    if kind == "map":
        key_name, value_name = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        entries = "".join(
            f"<entry><{key_name}>{escape(key)}</{key_name}>{xml_as(value_name, shape.value, entry, ec2)}</entry>"
            for key, entry in value.items()
        )
        return f"<{tag}>{entries}</{tag}>"
    return f"<{tag}>{xml_text(shape, value)}</{tag}>"


def xml_as(tag, shape, value, ec2):
    if shape.type_name == "structure":
        return f"<{tag}>{xml_members(shape, value, ec2)}</{tag}>"
    if shape.type_name in ("list", "map"):
        return xml_member(tag, shape, value, ec2)
    return f"<{tag}>{xml_text(shape, value)}</{tag}>"


def xml_text(shape, value):
    if shape.type_name == "timestamp":
        return time_on_wire(shape, value, "iso8601")
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def cbor(value):
    """The bytes of RFC 8949, for what answers hold."""

    def head(major, count):
        for limit, code, form in ((24, None, None), (2**8, 24, ">B"), (2**16, 25, ">H"), (2**32, 26, ">I")):
            if count < limit:
                return bytes([major << 5 | count]) if code is None else bytes([major << 5 | code]) + struct.pack(form, count)
        return bytes([major << 5 | 27]) + struct.pack(">Q", count)

    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, datetime):
        return b"\xc1\xfb" + struct.pack(">d", value.timestamp())
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(entry) for key, entry in value.items())


def url_decoded(text):
    return unquote(text) if isinstance(text, str) and "%7B" in text else text
