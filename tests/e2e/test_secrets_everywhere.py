"""No secret that a service's model marks, or that a caller names like one, is in any file or in the log: every operation
of some services is called with a mark in each such place, and answered with marks as well.

`OPENTRAIL_E2E_SECRETS=all` takes every service that botocore knows (19,700 operations, some minutes).
"""

import base64
import http.client
import json
import os
import re

import botocore.session
import botocore.tokens
import pytest
from botocore.config import Config

import judge_rebuild
from opentrail import STRANGER_KEY, REGION
from upstreams import Reply, Stub

# Every protocol, and the services whose secrets stand in odd places.
SERVICES = [
    "amplify", "apigateway", "appflow", "batch", "cognito-idp", "devicefarm", "gamelift", "gameliftstreams", "iam",
    "iotwireless", "lambda", "pinpoint", "pipes", "rds", "secretsmanager", "servicecatalog", "sqs", "ssm", "sts",
]  # fmt: skip
# Marked by the model and shown all the same, as real records show them: ids and names of keys, and the session itself.
SHOWN_SERVICES = {"s3", "cloudtrail"}
MARK = "ZqMarkOfASecretqZ"
NAMED_MARK = "ZqMarkOfANamedSecretqZ"
NUMBER_MARK = 918_273_645
VALUES_MAX = 1_500
DEPTH_MAX = 6
NAMES_OF_SECRETS = ["DB_PASSWORD", "api-key", "Authorization", "client.secret"]


class Filler:
    """Values for every member of a shape: the mark where the model says that it is sensitive."""

    def __init__(self, shown):
        self.left = VALUES_MAX
        self.shown = shown

    def value(self, shape, name="", is_secret=False, depth=0):
        if depth > DEPTH_MAX or self.left <= 0:
            return None
        self.left -= 1
        is_secret = is_secret or (bool(shape.metadata.get("sensitive")) and name not in self.shown)
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return {"plain": "plain", "API_KEY": NAMED_MARK} if not is_secret else {"plain": MARK}
        if kind == "structure":
            return self.structure(shape, is_secret, depth)
        if kind == "list":
            value = self.value(shape.member, name, is_secret, depth + 1)
            return [] if value is None else [value]
        if kind == "map":
            return self.map(shape, name, is_secret, depth)
        if kind in ("integer", "long", "float", "double"):
            return NUMBER_MARK if is_secret else 1
        if kind == "boolean":
            return True
        if kind == "timestamp":
            return judge_rebuild.moment(1_700_000_000)
        if kind == "blob":
            return MARK.encode()
        return MARK if is_secret else (shape.metadata.get("enum") or ["plaintext1234567"])[0]

    def structure(self, shape, is_secret, depth):
        members = {name.lower(): name for name in shape.members}
        if set(members) <= {"name", "key", "value", "type"} and "value" in members and not is_secret:
            name = members.get("name") or members.get("key")
            texts = [shape.members[member] for member in (name, members["value"]) if member]
            if len(texts) == 2 and all(text.type_name == "string" and not text.metadata.get("enum") for text in texts):
                return {name: NAMES_OF_SECRETS[self.left % len(NAMES_OF_SECRETS)], members["value"]: NAMED_MARK}
        made = {}
        for name, member in shape.members.items():
            value = self.value(member, name, is_secret, depth + 1)
            if value is not None:
                made[name] = value
            if made and getattr(shape, "is_tagged_union", False):
                break
        return made

    def map(self, shape, name, is_secret, depth):
        is_free = not shape.key.metadata.get("enum") and not shape.key.metadata.get("sensitive")
        if is_free and not is_secret and shape.value.type_name == "string" and not shape.value.metadata.get("enum"):
            return dict.fromkeys(NAMES_OF_SECRETS, NAMED_MARK)
        value = self.value(shape.value, name, is_secret, depth + 1)
        has_secret_keys = is_secret or shape.key.metadata.get("sensitive")
        key = MARK if has_secret_keys else (shape.key.metadata.get("enum") or ["plainkey"])[0]
        return {} if value is None else {key: value}


class Sent(Exception):
    """Ends botocore's call once the request has been sent."""


class Tokens:
    def load_token(self, **_):
        return botocore.tokens.FrozenAuthToken(MARK)


class Sender:
    """Calls operations with botocore, and sends what it makes over one connection."""

    def __init__(self, trail, answers):
        self.trail, self.answers, self.count = trail, answers, 0
        self.connection = http.client.HTTPConnection("127.0.0.1", trail.port, timeout=30)
        self.session = botocore.session.Session()
        self.session.set_credentials(STRANGER_KEY[0], MARK, MARK)
        self.session.register_component("token_provider", Tokens())

    def call_all(self, service):
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, inject_host_prefix=False)
        client = self.session.create_client(
            service, region_name=REGION, endpoint_url=self.trail.url, config=config
        )
        client.meta.events.register_first("before-send.*.*", self.send)
        model = client.meta.service_model
        for name in model.operation_names:
            operation = model.operation_model(name)
            self.answers.clear()
            if (shape := operation.output_shape) is not None:
                self.answers.append(self.answer(operation, shape, judge_rebuild.wire_protocol(model)))
            input_shape = operation.input_shape
            parameters = Filler(shown=()).value(input_shape) if input_shape is not None else {}
            try:
                client._make_api_call(name, parameters)
            except Sent:
                self.count += 1
            except Exception:  # botocore makes no request of some: they need an ARN, or another protocol.
                continue

    @staticmethod
    def answer(operation, shape, protocol):
        try:
            # Of temporary credentials, AWS's records show the token.
            values = Filler(shown=("SessionToken",)).value(shape)
            headers, body = judge_rebuild.encode_answer(operation, shape, values, protocol, "1111-2222")
        except Exception:  # Event streams and other odd answers.
            return Reply(200, {}, b"")
        return Reply(operation.http.get("responseCode", 200), headers, body if isinstance(body, bytes) else body.encode())

    def send(self, request, **_):
        headers = {
            name: value.decode("latin1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
            if name != "Expect"
        }
        body = request.body.read() if hasattr(request.body, "read") else request.body
        path = request.url.removeprefix(self.trail.url) or "/"
        self.connection.request(request.method, path, body, headers)
        self.connection.getresponse().read()
        raise Sent


@pytest.fixture
def services():
    if os.environ.get("OPENTRAIL_E2E_SECRETS") != "all":
        return SERVICES
    return [name for name in botocore.session.Session().get_available_services() if name not in SHOWN_SERVICES]


def test_marks_are_nowhere(installation, services):
    answers = []
    with Stub(lambda _: answers[0] if answers else Reply(200, {}, b"")) as upstream:
        trail = installation("--log", "debug", upstream=upstream.url)
        sender = Sender(trail, answers)
        for service in services:
            sender.call_all(service)
        assert sender.count > 40 * len(services), sender.count
        records = trail.search(limit=200, pages_max=1_000)
    assert len(records) > sender.count * 0.9, (len(records), sender.count)
    leaks = {}
    wanted = re.compile("|".join([MARK, NAMED_MARK, str(NUMBER_MARK), base64.b64encode(MARK.encode()).decode()[:16]]))
    for record in records:
        for path in places_of(record, wanted):
            leaks.setdefault(path, f"{record['eventSource']} {record['eventName']}")
    assert not leaks, json.dumps(leaks, indent=1)
    for path in trail.files():
        assert not wanted.search(path.read_bytes().decode("latin1")), path
    assert not wanted.search(trail.process.log)


def places_of(value, wanted, path=""):
    """Where in a record a mark is, as a key or as a value."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if wanted.search(key):
                yield f"{path}.(key)"
            yield from places_of(entry, wanted, f"{path}.{key}")
    elif isinstance(value, list):
        for entry in value:
            yield from places_of(entry, wanted, path)
    elif wanted.search(str(value)):
        yield path
