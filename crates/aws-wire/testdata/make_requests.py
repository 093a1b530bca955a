#!/usr/bin/env python3
"""Requests as botocore writes them, with the parameters that they were made from: the oracle of the request decoders.

Prints one JSON object per line. Parameters are random values of the shapes, from a fixed seed. Run with the botocore
release that catalog/requirements.txt pins:

    python3 make_requests.py --per-protocol 40 > requests.jsonl     (the file beside this script)
    python3 make_requests.py --all > FILE                           (every operation; OPENTRAIL_REQUESTS=FILE)

Values are written as the test writes decoded ones: times as `@` and microseconds, bytes as `b:` and base64.
"""

import argparse
import base64
import datetime
import json
import random
import sys
import warnings

import botocore
import botocore.session
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.serialize import SERIALIZERS

warnings.filterwarnings("ignore")

PROTOCOLS = {"query": "Query", "ec2": "Ec2", "json": "Json", "rest-json": "RestJson", "rest-xml": "RestXml",
             "smithy-rpc-v2-cbor": "RpcV2Cbor"}
DEPTH_MAX = 4
TEXTS = ["a", "plain-text", "two words", "a+b=c&d", "100%", "é ü 漢 🙂", "<a> & \"b\" 'c'", "a/b//c", "x.y_z~", "0", "true",
         "line\nbreak", " edges ", "a,b", ""]
# Where the wire has no way to say it, values are tamer: labels are never empty, headers have no line breaks and are ASCII.
LABELS = ["a", "plain-text", "two words", "a+b=c&d", "100%", "é ü", "x.y_z~", "7:8", "a@b"]
GREEDY = LABELS + ["a/b/c", "a//b", "dir/two words"]
HEADERS = ["a", "plain-text", "two words", "a+b=c&d", "100%", "x/y", "\"q\""]
KEYS = ["k1", "Key2", "key.3", "key four"]


class Values:
    def __init__(self, rng, protocol):
        self.rng, self.protocol = rng, protocol

    def text(self, place, serialization):
        if place == "uri":
            return self.rng.choice(LABELS)
        return self.rng.choice(HEADERS if place in ("header", "headers") else TEXTS)

    def time(self, place):
        whole = datetime.datetime.fromtimestamp(self.rng.randrange(0, 2**32), datetime.timezone.utc)
        return whole

    def of(self, shape, depth, place):
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_document_type", False):
                return {"any": [1, "two", None, {"x": 1.5}]}
            members = list(shape.members.items())
            if getattr(shape, "is_tagged_union", False):
                members = [self.rng.choice(members)] if members else []
            value = {}
            for name, member in members:
                if member.type_name in ("structure", "list", "map") and depth >= DEPTH_MAX:
                    continue
                required = name in shape.required_members
                if not required and self.rng.random() < (0.3 if len(members) > 6 else 0.15):
                    continue
                if not required and len(members) > 20 and self.rng.random() < 0.6:
                    continue
                if getattr(member, "event_stream", False) or member.serialization.get("eventstream"):
                    continue
                value[name] = self.of(member, depth + 1, place)
            return self.sayable(shape, value)
        if kind == "list":
            count = self.rng.choice([1, 1, 2, 3])
            if self.protocol in ("query", "json", "rest-json", "smithy-rpc-v2-cbor") and place == "body":
                count = self.rng.choice([0, 1, 2, 3])
            if shape.member.type_name in ("structure", "list", "map") and depth >= DEPTH_MAX:
                count = 0 if self.protocol in ("query", "json", "rest-json", "smithy-rpc-v2-cbor") else 1
                if count and depth >= DEPTH_MAX + 2:
                    count = 0
            values = [self.of(shape.member, depth + 1, place) for _ in range(count)]
            # Forms have no way to say that an element is there and empty.
            return [value for value in values if says_something(value)] if self.protocol in ("query", "ec2") else values
        if kind == "map":
            keys = self.rng.sample(KEYS[:2] if place in ("header", "headers") else KEYS, 2)
            if getattr(shape.key, "enum", None):
                keys = self.rng.sample(shape.key.enum, min(2, len(shape.key.enum)))
            return {key.lower() if place == "headers" else key: self.of(shape.value, depth + 1, place) for key in keys}
        if kind in ("string", "character"):
            if getattr(shape, "enum", None) and place != "body":
                return self.rng.choice(shape.enum)
            return self.text(place, shape.serialization)
        if kind in ("integer", "short", "byte"):
            return self.rng.randrange(-128, 128) if kind == "byte" else self.rng.randrange(0, 30000)
        if kind in ("long", "biginteger"):
            return self.rng.choice([0, -1, 2**31, 2**53 + 1, -2**63, 2**63 - 1])
        if kind == "float":
            return self.rng.choice([0.0, 1.5, -0.25, 1048576.0])
        if kind in ("double", "bigdecimal"):
            return self.rng.choice([0.0, 1.5, -0.1, 1e300, 5e-324, 123456.789])
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "timestamp":
            return self.time(place)
        if kind == "blob":
            return self.rng.choice([b"bytes", b"\x00\xff\xfe", b"a" * 50])
        raise ValueError(kind)

    def sayable(self, shape, value):
        """Without members that share their name on the wire with another: no reader can tell them apart."""
        def wire(name):
            member = shape.members[name]
            return member.serialization.get("name", name)

        names = [wire(name) for name in shape.members]
        return {name: item for name, item in value.items() if names.count(wire(name)) == 1}

    def input(self, shape):
        value = {}
        for name, member in shape.members.items():
            place = member.serialization.get("location", "body")
            is_payload = shape.serialization.get("payload") == name
            required = name in shape.required_members or place == "uri" or member.serialization.get("hostLabel")
            if getattr(member, "is_eventstream", False) or member.serialization.get("eventstream"):
                continue
            # A client writes the length that the body has.
            if member.serialization.get("name") == "Content-Length":
                continue
            if not required and not is_payload and self.rng.random() < (0.75 if len(shape.members) > 20 else 0.3):
                continue
            if member.serialization.get("hostLabel"):
                value[name] = "label-1"
            elif place == "uri" and self.is_greedy and member.type_name == "string":
                value[name] = self.rng.choice(GREEDY if "{%s+}" % member.serialization.get("name", name) in self.uri else LABELS)
            elif member.serialization.get("jsonvalue"):
                value[name] = {"json": ["value", 1]} if place == "header" else json.dumps({"json": 1})
            elif place == "header" and member.type_name == "list" and member.member.type_name == "timestamp":
                continue
            else:
                value[name] = self.of(member, 0, place)
        return value


def says_something(value):
    return any(map(says_something, value.values())) if isinstance(value, dict) else True


def plain(value, shape):
    """A parameter as the test writes a decoded value."""
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {name: plain(item, shape.members[name]) for name, item in value.items()}
    if kind == "list":
        return [plain(item, shape.member) for item in value]
    if kind == "map":
        return {key: plain(item, shape.value) for key, item in value.items()}
    if kind == "timestamp":
        return f"@{int(value.timestamp()) * 1000000}"
    if kind == "blob":
        return "b:" + base64.b64encode(value).decode()
    return value


def case(service, model, operation, protocol, rng):
    values = Values(rng, protocol)
    values.uri = operation.http.get("requestUri", "/")
    values.is_greedy = True
    shape = operation.input_shape
    params = values.input(shape) if shape is not None else {}
    request = SERIALIZERS[protocol]().serialize_to_request(params, operation)
    prepare_request_dict(request, "https://host.example")
    prepared = create_request_object(request).prepare()
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    headers = {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in prepared.headers.items()
               if name.lower() not in ("content-length", "user-agent", "x-amz-target")}
    target = "/" + prepared.url.removeprefix("https://").partition("/")[2]
    name = PROTOCOLS[protocol]
    if name == "Json":
        name += "11" if str(model.metadata.get("jsonVersion", "1.0")) == "1.1" else "10"
    line = {"service": service, "operation": operation.name, "protocol": name, "target": target, "headers": headers}
    try:
        line["body"] = body.decode()
    except UnicodeDecodeError:
        line["body64"] = base64.b64encode(body).decode()
    line["expected"] = plain(params, shape) if shape is not None else {}
    return line


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-protocol", type=int, default=40)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--size-max", type=int, default=2500, help="longest line that is kept")
    arguments = parser.parse_args()
    session = botocore.session.Session()
    # botocore's own additions to the models are no part of what services know.
    session.get_component("data_loader")._extras_types = []
    rng = random.Random(20250301)
    print(json.dumps({"botocore": botocore.__version__}))
    by_protocol = {}
    failed = 0
    for service in session.get_available_services():
        model = session.get_service_model(service)
        names = {model.metadata["protocol"], *model.metadata.get("protocols", [])}
        # SQS speaks the query protocol too, with names that its model lost: botocore would write others.
        for protocol in sorted(names & PROTOCOLS.keys()):
            if arguments.all:
                for name in model.operation_names:
                    try:
                        print(json.dumps(case(service, model, model.operation_model(name), protocol, rng)))
                    except Exception as error:
                        failed += 1
                        print(service, protocol, name, repr(error)[:200], file=sys.stderr)
            else:
                by_protocol.setdefault(protocol, []).append((service, model))
    for protocol, services in by_protocol.items():
        count = 0
        while count < arguments.per_protocol:
            service, model = rng.choice(services)
            line = json.dumps(case(service, model, model.operation_model(rng.choice(model.operation_names)), protocol, rng))
            if len(line) <= arguments.size_max:
                print(line)
                count += 1
    if failed:
        print(f"{failed} could not be made", file=sys.stderr)


if __name__ == "__main__":
    main()
