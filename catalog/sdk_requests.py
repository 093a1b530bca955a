#!/usr/bin/env python3
"""Writes the request that botocore makes for every operation of every service, one JSON object a line.

Nothing is sent. Each operation is called twice with the members that it requires: once for one address, and once for the
hosts of AWS. The test `classify::tests::sdk_requests` reads the lines and expects to find the operation of each:

    .venv/bin/python catalog/sdk_requests.py > /tmp/requests.jsonl
    SDK_REQUESTS=/tmp/requests.jsonl cargo test -p opentrail-aws-wire sdk_requests

Needs the botocore that requirements.txt pins, and some two minutes.
"""

import json
import logging
import sys
import warnings

import botocore.session
import botocore.tokens
from botocore.config import Config

ADDRESS = "http://127.0.0.1:4600"
DEPTH_MAX = 6
BODY_BYTES_MAX = 4096
TEXTS = {"accountid": "111122223333", "bucket": "sample-bucket", "copysource": "bucket/key", "key": "some/key"}


class Caught(Exception):
    """Ends a call before anything is sent."""


def sample(shape, name, depth=0):
    kind = shape.type_name
    if kind == "structure":
        if depth > DEPTH_MAX:
            return {}
        names = shape.required_members or (list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else [])
        return {member: sample(shape.members[member], member, depth + 1) for member in names}
    if kind == "list":
        return [sample(shape.member, name, depth + 1)] if depth < DEPTH_MAX else []
    if kind == "map":
        return {"key": sample(shape.value, name, depth + 1)} if depth < DEPTH_MAX else {}
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind == "timestamp":
        return 1_700_000_000
    others = {"float": 1.0, "double": 1.0, "boolean": True, "blob": b"{}"}
    if kind in others:
        return others[kind]
    return shape.metadata.get("enum", [None])[0] or TEXTS.get(name.lower(), "sampletext123456")


def bytes_of(body):
    body = body.read() if hasattr(body, "read") else body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    return body[:BODY_BYTES_MAX].decode("latin1")


def requests_of(session, service, endpoint):
    is_address = endpoint is not None
    config = Config(parameter_validation=False, retries={"max_attempts": 0, "mode": "standard"},
                    inject_host_prefix=not is_address)
    client = session.create_client(service, region_name="us-east-1", endpoint_url=endpoint, config=config)
    caught = []

    def catch(request, event_name, **_):
        # A call may first ask for its endpoint, which is an operation too: the event names the one that is made.
        caught.append((event_name.rsplit(".", 1)[1], request))
        raise Caught

    client.meta.events.register_first("before-send.*.*", catch)
    methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
    for operation in client.meta.service_model.operation_names:
        shape = client.meta.service_model.operation_model(operation).input_shape
        try:
            getattr(client, methods[operation])(**(sample(shape, "") if shape else {}))
        except Exception as error:  # botocore makes no request for a few: they need an ARN, or HTTP/2
            if not caught:
                print(f"no request: {service}.{operation}: {error!r}"[:200], file=sys.stderr)
    for operation, request in caught:
        headers = [[name, value.decode("latin1") if isinstance(value, bytes) else str(value)]
                   for name, value in request.headers.items()]
        yield {"service": service, "operation": operation, "method": request.method, "url": request.url,
               "headers": headers, "body": bytes_of(request.body)}


class Tokens:
    def load_token(self, **_):
        return botocore.tokens.FrozenAuthToken("token")


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret")
    session.register_component("token_provider", Tokens())
    count = 0
    for endpoint in (ADDRESS, None):
        for service in session.get_available_services():
            for request in requests_of(session, service, endpoint):
                print(json.dumps(request))
                count += 1
    print(f"{count} requests", file=sys.stderr)


if __name__ == "__main__":
    main()
