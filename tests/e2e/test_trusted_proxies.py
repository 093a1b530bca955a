"""Where a call came from, behind proxies that are listed and before those that are not."""

import json
import socket
import ssl
import struct

import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from opentrail import REGION, ROOT_KEY, OpenTrail, mark_calls
from process import wait_until
from tls_fronts import SelfSigned
from upstreams import Reply, Stub

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


def raw_call(trail, preface, agent="raw", seal=lambda connection: connection):
    """The answer to a call whose connection begins with these bytes; empty when the connection is closed. `seal` is what
    the client does after them, before its request: TLS."""
    request = AWSRequest(
        "POST",
        f"{trail.url}/",
        data=json.dumps({"MaxResults": 1}),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "CloudTrail_20131101.LookupEvents",
            "User-Agent": agent,
        },
    )
    SigV4Auth(Credentials(*ROOT_KEY), "cloudtrail", REGION).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    body = request.data.encode() if isinstance(request.data, str) else request.data
    text = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{trail.port}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", trail.port), timeout=10) as connection:
        connection.sendall(preface[:5])
        connection.sendall(preface[5:])
        connection = seal(connection)
        connection.sendall(text + body)
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


def test_a_listed_proxy_does_not_vouch_for_the_agent_of_a_stranger(installation):
    trail = installation("--trusted-proxies", "127.0.0.0/8")
    record = call_behind(trail, X_Forwarded_For="192.0.2.1", User_Agent="cloudformation.amazonaws.com")
    assert record["sourceIPAddress"] == "192.0.2.1"
    assert "invokedBy" not in record["userIdentity"]


SESSION = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>
<AssumedRoleId>AROA3XFRBF23:i-0123456789abcdef0</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/of-ec2/i-0123456789abcdef0</Arn></AssumedRoleUser><Credentials>
<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


@pytest.fixture
def sts_upstream():
    """moto tells a service by the signature, and a service that calls as itself has none here."""
    with Stub(lambda _: Reply(200, {"Content-Type": "text/xml"}, SESSION.encode())) as stub:
        yield stub


def test_services_call_for_others_and_as_themselves(installation, moto, sts_upstream):
    """The two kinds of such calls in real records: with the credentials of a caller, and with none."""
    trail = installation(
        "--trusted-proxies", "127.0.0.0/8,10.0.0.0/8", "--upstreams", f"sts={sts_upstream.url}", upstream=moto.url
    )
    iam = trail.client("iam")
    role = iam.create_role(RoleName="of-ec2", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.create_user(UserName="called-for")
    key = iam.create_access_key(UserName="called-for")["AccessKey"]

    def call(client, agent, **headers):
        def add(request, **_):
            request.headers["User-Agent"] = agent
            for name, value in headers.items():
                request.headers[name.replace("_", "-")] = value

        client.meta.events.register("before-send", add)
        return client

    ec2 = trail.client("ec2", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    call(ec2, "autoscaling.amazonaws.com", X_Forwarded_For="10.1.2.3").describe_regions()
    (record,) = wait_until("its record", lambda: trail.search(eventName=["DescribeRegions"], limit=5))
    identity = record["userIdentity"]
    assert (identity["type"], identity["userName"]) == ("IAMUser", "called-for")
    assert identity["invokedBy"] == record["sourceIPAddress"] == record["userAgent"] == "autoscaling.amazonaws.com"
    assert "sharedEventID" not in record

    sts = call(trail.client("sts", signature_version=UNSIGNED), "ec2.amazonaws.com")
    session = sts.assume_role(RoleArn=role, RoleSessionName="i-0123456789abcdef0")
    (record,) = wait_until("its record", lambda: trail.search(eventName=["AssumeRole"], limit=5))
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    assert record["sourceIPAddress"] == record["userAgent"] == "ec2.amazonaws.com"
    assert record["sharedEventID"] and "errorCode" not in record

    # What the service hands the session to is the session's caller, and no service.
    secrets = session["Credentials"]
    ec2 = trail.client("ec2", key=(secrets["AccessKeyId"], secrets["SecretAccessKey"]), token=secrets["SessionToken"])
    ec2.describe_vpcs()
    (record,) = wait_until("its record", lambda: trail.search(eventName=["DescribeVpcs"], limit=5))
    identity = record["userIdentity"]
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "of-ec2"
    assert "invokedBy" not in identity and record["sourceIPAddress"] == "127.0.0.1"


def test_services_behind_a_proxy_header(installation):
    """A service's own address is a trusted one; a stranger's in the same header is not."""
    trail = installation("--trusted-proxies", "127.0.0.1,10.0.0.0/8", "--proxy-protocol", "true")
    for source, is_believed in (("10.7.7.7", True), ("192.0.2.7", False)):
        header = V2 + b"\x21\x11\0\x0c" + socket.inet_aton(source) + bytes(4) + struct.pack(">HH", 1, 2)
        assert raw_call(trail, header, agent="config.amazonaws.com").startswith(b"HTTP/1.1 200")
        record = trail.search(limit=1)[0]
        assert record["sourceIPAddress"] == ("config.amazonaws.com" if is_believed else source)
        assert ("invokedBy" in record["userIdentity"]) == is_believed


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


def test_a_proxy_header_stands_before_tls(folder):
    """As a load balancer of AWS sends it that passes TLS on: version 2, IPv6, with the endpoint's id behind the addresses."""
    own = SelfSigned(folder / "certificates")
    certificate, key = folder / "certificates" / "self-signed.pem", folder / "certificates" / "self-signed.key"
    context = ssl.create_default_context(cafile=own.root)
    source = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) + struct.pack(">HH", 1, 2)
    extra = b"\xea\0\x17\x01vpce-08d2bf15fac5001c9"
    header = V2 + b"\x21\x21" + struct.pack(">H", len(source + extra)) + source + extra
    options = ("--trusted-proxies", "127.0.0.1", "--proxy-protocol", "true")
    with OpenTrail(folder / "data", *options, tls=(certificate, key)) as trail:
        seal = lambda connection: context.wrap_socket(connection, server_hostname="localhost")  # noqa: E731
        assert raw_call(trail, header, seal=seal).startswith(b"HTTP/1.1 200")
        (record,) = [record for record in trail.search(limit=50) if record.get("userAgent") == "raw"]
        assert record["sourceIPAddress"] == "2001:db8::7"
        assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
        # Without a header the connection ends before TLS begins.
        with pytest.raises(OSError):
            raw_call(trail, b"", seal=seal)


@pytest.mark.parametrize("preface", [b"", b"PROXY TCP4 nowhere\r\n", V2 + b"\x33\0\0\0"])
def test_a_bad_header_ends_the_connection_and_is_logged(installation, preface):
    trail = installation("--trusted-proxies", "127.0.0.1", "--proxy-protocol", "true")
    assert raw_call(trail, preface) == b""
    wait_until("a line of the log", lambda: "a connection of a proxy is closed" in trail.process.log)
