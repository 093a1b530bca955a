"""Where a call came from, behind proxies that are listed and before those that are not."""

import json
import socket
import struct

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from opentrail import REGION, ROOT_KEY, mark_calls
from process import wait_until

V2 = b"\r\n\r\n\0\r\nQUIT\n"


def call_behind(trail, **headers):
    """The record of a call that a proxy sends on with these headers."""
    cloudtrail = trail.client("cloudtrail")

    def add(request, **_):
        for name, value in headers.items():
            request.headers[name.replace("_", "-")] = value

    cloudtrail.meta.events.register("before-send", add)
    if "User_Agent" not in headers:
        marks = mark_calls(cloudtrail)
        cloudtrail.lookup_events(MaxResults=1)
        return trail.marked_event(marks[-1], "LookupEvents")
    cloudtrail.lookup_events(MaxResults=1)
    agent = headers["User_Agent"]
    found = wait_until("a record", lambda: [r for r in trail.search(limit=50) if r.get("userAgent") == agent])
    return found[0]


def raw_call(trail, preface):
    """The answer to a call whose connection begins with these bytes; empty when the connection is closed."""
    request = AWSRequest(
        "POST",
        f"{trail.url}/",
        data=json.dumps({"MaxResults": 1}),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "CloudTrail_20131101.LookupEvents",
            "User-Agent": "raw",
        },
    )
    SigV4Auth(Credentials(*ROOT_KEY), "cloudtrail", REGION).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    body = request.data.encode() if isinstance(request.data, str) else request.data
    text = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{trail.port}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", trail.port), timeout=10) as connection:
        for piece in (preface[:5], preface[5:] + text + body):
            connection.sendall(piece)
        try:
            return connection.recv(65536)
        except ConnectionResetError:
            return b""


def test_a_stranger_is_not_believed(installation):
    trail = installation()
    record = call_behind(trail, X_Forwarded_For="192.0.2.1")
    assert record["sourceIPAddress"] == "127.0.0.1"
    record = call_behind(trail, User_Agent="cloudformation.amazonaws.com")
    assert record["sourceIPAddress"] == "127.0.0.1" and "invokedBy" not in record["userIdentity"]


def test_a_listed_proxy_is(installation):
    trail = installation("--trusted-proxies", "127.0.0.0/8,10.0.0.0/8")
    record = call_behind(trail, X_Forwarded_For="203.0.113.9, 192.0.2.1, 10.1.2.3")
    assert record["sourceIPAddress"] == "192.0.2.1"
    record = call_behind(trail, User_Agent="cloudformation.amazonaws.com")
    assert record["userIdentity"]["invokedBy"] == record["sourceIPAddress"] == "cloudformation.amazonaws.com"


@pytest.mark.parametrize(
    ("preface", "source"),
    [
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 5000 443\r\n", "192.0.2.7"),
        (V2 + b"\x21\x11\0\x0c" + socket.inet_aton("192.0.2.8") + bytes(4) + struct.pack(">HH", 1, 2), "192.0.2.8"),
        (V2 + b"\x20\0\0\0", "127.0.0.1"),
    ],
)
def test_a_proxy_header_tells_the_source(installation, preface, source):
    trail = installation("--trusted-proxies", "127.0.0.1", "--proxy-protocol", "true")
    assert raw_call(trail, preface).startswith(b"HTTP/1.1 200")
    # The console has an address of its own, which needs no header.
    (record,) = [record for record in trail.search(limit=50) if record.get("userAgent") == "raw"]
    assert record["sourceIPAddress"] == source


@pytest.mark.parametrize("preface", [b"", b"PROXY TCP4 nowhere\r\n", V2 + b"\x33\0\0\0"])
def test_a_bad_header_ends_the_connection_and_is_logged(installation, preface):
    trail = installation("--trusted-proxies", "127.0.0.1", "--proxy-protocol", "true")
    assert raw_call(trail, preface) == b""
    wait_until("a line of the log", lambda: "a connection of a proxy is closed" in trail.process.log)
