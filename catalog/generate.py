#!/usr/bin/env python3
"""Compiles the published AWS service models into catalog.bin.

Reads the models that botocore ships (the release that requirements.txt pins) and writes one compact file with every
service, operation, protocol binding and shape. It holds facts of the API only: names, shapes, paths and marks, no
documentation. The same models give the same bytes; docs/formats/catalog.md describes them. botocore's own additions to
the models (*.sdk-extras.json) are left out: none of them changes what travels.
"""

import argparse
import gzip
import json
import pathlib
import sys
import zlib

FOLDER = pathlib.Path(__file__).resolve().parent
OUTPUT = FOLDER / "catalog.bin"
MAGIC = b"OTCATALOG"
FORMAT_VERSION = 2

PROTOCOLS = {"query": 0, "ec2": 1, "json10": 2, "json11": 3, "rest-json": 4, "rest-xml": 5, "smithy-rpc-v2-cbor": 6}
KINDS = {"structure": 0, "list": 1, "map": 2, "string": 3, "character": 3, "integer": 4, "short": 4, "byte": 4,
         "long": 5, "biginteger": 5, "float": 6, "double": 6, "bigdecimal": 6, "boolean": 7, "timestamp": 8, "blob": 9}
DOCUMENT = 10
LOCATIONS = {None: 0, "uri": 1, "querystring": 2, "header": 3, "headers": 4, "statusCode": 5}
TIMESTAMPS = {None: 0, "iso8601": 1, "rfc822": 2, "unixTimestamp": 3, "unixTimestampInSeconds": 3}

# Says which services have one endpoint for all regions: those with a partition endpoint that is not regionalised.
PARTITION_ENDPOINTS = "endpoints.json"

# S3's model names a global endpoint too, the old name of us-east-1, while every region has an endpoint of its own:
# https://docs.aws.amazon.com/general/latest/gr/s3.html
REGIONAL_IN_SPITE_OF_A_GLOBAL_ENDPOINT = {"s3"}


class Bytes:
    def __init__(self):
        self.out = bytearray()

    def number(self, value):
        while value >= 0x80:
            self.out.append(value & 0x7F | 0x80)
            value >>= 7
        self.out.append(value)

    def text(self, value):
        encoded = value.encode()
        self.number(len(encoded))
        self.out += encoded

    def raw(self, value):
        self.out += value


class Strings:
    """Texts of a service by index; index 0 is the absent text."""

    def __init__(self):
        self.index = {}

    def add(self, text):
        if text is None:
            return 0
        return self.index.setdefault(text, len(self.index) + 1)


def load(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def newest_model(folder):
    """The newest API version of a service that has a model."""
    for version in sorted((child for child in folder.iterdir() if child.is_dir()), reverse=True):
        for name in ("service-2.json.gz", "service-2.json"):
            if (version / name).exists():
                return load(version / name)
    return None


def protocols_of(metadata):
    """All protocols that a service answers, the preferred one first."""
    json_protocol = "json11" if str(metadata.get("jsonVersion", "1.0")) == "1.1" else "json10"
    names = []
    for name in [metadata["protocol"], *metadata.get("protocols", [])]:
        name = json_protocol if name == "json" else name
        if name in PROTOCOLS and name not in names:
            names.append(name)
    # Services that moved from the query protocol to another one still answer it (SQS).
    if "awsQueryCompatible" in metadata and "query" not in names:
        names.append("query")
    return names


class ServiceWriter:
    def __init__(self, model):
        self.model = model
        self.strings = Strings()
        self.shape_ids = {}
        self.shape_names = []
        self.body = Bytes()

    def shape_id(self, name):
        if name not in self.shape_ids:
            self.shape_ids[name] = len(self.shape_names)
            self.shape_names.append(name)
        return self.shape_ids[name]

    def member(self, out, name, member, required=False):
        shape = self.model["shapes"][member["shape"]]
        out.number(self.strings.add(name))
        out.number(self.shape_id(member["shape"]))
        flags = [
            member.get("location") is not None,
            member.get("locationName") is not None,
            member.get("queryName") is not None,
            member.get("timestampFormat") is not None,
            bool(member.get("xmlAttribute")),
            bool(member.get("flattened")),
            bool(member.get("jsonvalue")),
            bool(member.get("streaming")) or bool(shape.get("streaming")),
            required,
            bool(member.get("eventpayload")),
            member.get("xmlNamespace") is not None,
            bool(member.get("hostLabel")),
        ]
        out.number(sum(1 << bit for bit, is_set in enumerate(flags) if is_set))
        if flags[0]:
            out.number(LOCATIONS[member["location"]])
        if flags[1]:
            out.number(self.strings.add(member["locationName"]))
        if flags[2]:
            out.number(self.strings.add(member["queryName"]))
        if flags[3]:
            out.number(TIMESTAMPS[member["timestampFormat"]])
        if flags[10]:
            out.number(self.strings.add(namespace_of(member["xmlNamespace"])))

    def shape(self, out, name):
        shape = self.model["shapes"][name]
        kind = DOCUMENT if shape.get("document") else KINDS[shape["type"]]
        out.number(self.strings.add(name))
        out.number(kind << 1 | bool(shape.get("sensitive")))
        if kind == 0:
            members = shape.get("members", {})
            error = shape.get("error", {})
            names = list(members)
            payload = names.index(shape["payload"]) + 1 if shape.get("payload") in members else 0
            is_exception = bool(shape.get("exception")) or bool(error)
            code = error.get("code")
            out.number(payload)
            out.number(bool(shape.get("eventstream")) | is_exception << 1 | bool(shape.get("fault") or error.get("fault")) << 2
                       | bool(shape.get("union")) << 3)
            out.number(self.strings.add(code if code != name else None))
            out.number(int(error.get("httpStatusCode", 0)))
            out.number(self.strings.add(shape.get("locationName")))
            required = set(shape.get("required", []))
            out.number(len(members))
            for member_name, member in members.items():
                self.member(out, member_name, member, member_name in required)
        elif kind == 1:
            out.number(bool(shape.get("flattened")))
            self.member(out, "member", shape["member"])
        elif kind == 2:
            out.number(bool(shape.get("flattened")))
            self.member(out, "key", shape["key"])
            self.member(out, "value", shape["value"])
        elif kind == 8:
            out.number(TIMESTAMPS[shape.get("timestampFormat")])
        elif kind == 9:
            out.number(bool(shape.get("streaming")))

    def operation(self, out, name, operation):
        http = operation["http"]
        out.number(self.strings.add(name))
        out.number(self.strings.add(http.get("method", "POST")))
        out.number(self.strings.add(http.get("requestUri", "/")))
        for side in ("input", "output"):
            target = operation.get(side)
            out.number(self.shape_id(target["shape"]) + 1 if target else 0)
        out.number(self.strings.add(operation.get("output", {}).get("resultWrapper")))
        out.number(self.strings.add(operation.get("input", {}).get("locationName")))
        out.number(self.strings.add(operation.get("endpoint", {}).get("hostPrefix")))
        # An authtype of v4-unsigned-body says the same in older models.
        has_unsigned_payload = bool(operation.get("unsignedPayload")) or operation.get("authtype") == "v4-unsigned-body"
        out.number(bool(operation.get("readonly")) | needs_no_signature(operation) << 1
                   | bool(operation.get("deprecated")) << 2 | has_unsigned_payload << 3)
        errors = operation.get("errors", [])
        out.number(len(errors))
        for error in errors:
            out.number(self.shape_id(error["shape"]))

    def block(self):
        operations = Bytes()
        names = sorted(self.model["operations"], key=lambda name: name.encode())
        operations.number(len(names))
        for name in names:
            self.operation(operations, name, self.model["operations"][name])
        shapes = Bytes()
        done = 0
        while done < len(self.shape_names):
            self.shape(shapes, self.shape_names[done])
            done += 1
        out = Bytes()
        out.number(len(self.strings.index))
        for text in self.strings.index:
            out.text(text)
        out.number(done)
        out.raw(shapes.out)
        out.raw(operations.out)
        return bytes(out.out)


def needs_no_signature(operation):
    return operation.get("authtype") == "none" or operation.get("auth") == ["smithy.api#noAuth"]


def takes_bearer_tokens(metadata):
    return metadata.get("signatureVersion") == "bearer" or "smithy.api#httpBearerAuth" in metadata.get("auth", [])


def namespace_of(value):
    return value["uri"] if isinstance(value, dict) else value


def compress(raw):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return compressor.compress(raw) + compressor.flush()


def global_endpoint_prefixes(data):
    partition = load(data / PARTITION_ENDPOINTS)["partitions"][0]
    return {prefix for prefix, service in partition["services"].items()
            if service.get("isRegionalized") is False and service.get("partitionEndpoint")}


def service_marks(name, model, global_prefixes):
    metadata = model["metadata"]
    is_global = bool(metadata.get("globalEndpoint")) or metadata["endpointPrefix"] in global_prefixes
    is_global = is_global and name not in REGIONAL_IN_SPITE_OF_A_GLOBAL_ENDPOINT
    has_unsigned = any(needs_no_signature(operation) for operation in model["operations"].values())
    return is_global | has_unsigned << 1 | takes_bearer_tokens(metadata) << 2


def generate(data, version):
    index, blocks = Bytes(), Bytes()
    global_prefixes = global_endpoint_prefixes(data)
    services = []
    for folder in sorted((child for child in data.iterdir() if child.is_dir()), key=lambda child: child.name.encode()):
        model = newest_model(folder)
        if model is not None and protocols_of(model["metadata"]):
            services.append((folder.name, model))
    operations, shapes, raw_size = 0, 0, 0
    index.number(len(services))
    for name, model in services:
        metadata = model["metadata"]
        writer = ServiceWriter(model)
        raw = writer.block()
        packed = compress(raw)
        prefix = metadata["endpointPrefix"]
        for text in (name, metadata["serviceId"], prefix, metadata.get("signingName", prefix), metadata["apiVersion"],
                     metadata.get("targetPrefix", ""), namespace_of(metadata.get("xmlNamespace", ""))):
            index.text(text)
        index.number(service_marks(name, model, global_prefixes))
        protocols = protocols_of(metadata)
        index.number(len(protocols))
        for protocol in protocols:
            index.number(PROTOCOLS[protocol])
        index.number(len(model["operations"]))
        index.number(len(blocks.out))
        index.number(len(packed))
        index.number(len(raw))
        blocks.raw(packed)
        operations += len(model["operations"])
        shapes += len(writer.shape_names)
        raw_size += len(raw)
    head = Bytes()
    head.raw(MAGIC)
    head.number(FORMAT_VERSION)
    head.text(version)
    head.number(len(index.out))
    content = bytes(head.out) + bytes(index.out) + bytes(blocks.out)
    counts = f"{len(services)} services, {operations} operations, {shapes} shapes, {raw_size:,} bytes inflated"
    return content, counts


class Difference(Exception):
    """Two catalog files do not say the same."""


def take_number(content, at):
    value, shift = 0, 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def said_by(content):
    """What a catalog file says, whatever deflate made of it: the index without sizes and places, and the blocks."""
    at = len(MAGIC)
    if content[:at] != MAGIC:
        raise Difference("it is no catalog")

    def number():
        nonlocal at
        value, at = take_number(content, at)
        return value

    def text():
        nonlocal at
        size = number()
        at += size
        return content[at - size:at]

    said = [number(), text()]
    blocks_start = number() + at
    places = []
    for _ in range(number()):
        said.append([text() for _ in range(7)] + [number()] + [number() for _ in range(number())] + [number()])
        places.append((number(), number(), number()))
    for offset, size, raw_size in places:
        start = blocks_start + offset
        raw = zlib.decompress(content[start:start + size], -15)
        if len(raw) != raw_size:
            raise Difference("a block has another size than its index says")
        said.append(raw)
    return said


def check(content):
    """Compares what the file says, so that another deflate library, with other bytes for the same, is no difference."""
    try:
        found = OUTPUT.read_bytes()
        is_same = found == content or said_by(found) == said_by(content)
    except (OSError, IndexError, zlib.error, Difference) as error:
        raise SystemExit(f"catalog/catalog.bin cannot be read: {error}") from error
    if not is_same:
        raise SystemExit("catalog/catalog.bin is not what the generator makes: run python3 catalog/generate.py")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the file that is there, and write nothing")
    parser.add_argument("--models", type=pathlib.Path, help="folder of the models (default: that of the installed botocore)")
    arguments = parser.parse_args()
    pinned = (FOLDER / "requirements.txt").read_text().split("==")[1].strip()
    if arguments.models is None:
        try:
            import botocore
        except ImportError:
            raise SystemExit("botocore is missing: pip install -r catalog/requirements.txt")
        if botocore.__version__ != pinned:
            raise SystemExit(f"botocore {botocore.__version__} is installed, and {pinned} is pinned: "
                             "pip install -r catalog/requirements.txt")
        arguments.models = pathlib.Path(botocore.__file__).parent / "data"
    content, counts = generate(arguments.models, pinned)
    print(f"{counts}, {len(content):,} bytes, botocore {pinned}")
    if arguments.check:
        check(content)
    else:
        OUTPUT.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
