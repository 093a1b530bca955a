"""The edges of the protocols: what goes wrong, what is unusual, and what is none of our business."""

import datetime
import http.client
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import time
import uuid

import boto3
import botocore.session
import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chunked import signed_head
from opentrail import BINARY, REGION, ROOT_KEY, STRANGER_KEY, mark_calls
from process import clean_environment, free_port, wait_until
from tls_fronts import SelfSigned, TlsFront
from unchecked import authorization, sqs_headers
from upstreams import Reply, Stub

EVENT_WAIT_S = 5


def ok(_):
    headers = {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": "application/x-amz-json-1.0"}
    return Reply(200, headers, b'{"QueueUrl":"http://q/1"}')


def new_mark():
    return f"edge/{uuid.uuid4().hex}"


# --- bodies and connections ---


def test_expect_100_continue(installation):
    with Stub(ok) as upstream:
        opentrail = installation(upstream=upstream.url)
        mark, body = new_mark(), b'{"QueueName":"patient"}'
        headers = {**sqs_headers("CreateQueue", mark), "Expect": "100-continue", "Content-Length": str(len(body))}
        head = "POST / HTTP/1.1\r\nHost: sqs.test\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()
        )
        with socket.create_connection(("127.0.0.1", opentrail.port), timeout=10) as connection:
            connection.sendall(head.encode() + b"\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 "), "the client waits for this before its body"
            connection.sendall(body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert upstream.seen[-1].body == body
        assert opentrail.marked_event(mark, "CreateQueue")["requestParameters"] == {"queueName": "patient"}


def test_bytes_path_and_host_arrive_as_they_were_sent(installation):
    with Stub(ok) as upstream:
        opentrail = installation(config=f'[upstreams]\ns3 = "{upstream.url}"\n')
        path = "/bucket/a%20b/%2e%2E//c+d/~%7E?versionId=x%2Fy&acl&empty=&list=a&list=b"
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        sent = {
            "Host": "bucket.S3.Example.COM:4600",
            "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
            "Authorization": authorization("s3"),
            "User-Agent": "spaces  inside",
            "X-Odd": "ü ~".encode().decode("latin-1"),
        }
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 200
        seen = upstream.seen[-1]
        assert seen.path == path
        assert {name: seen.headers[name.lower()] for name in sent} == sent


def test_a_client_that_leaves_in_the_middle_is_recorded(installation):
    size = 200_000_000
    with Stub(lambda seen: Reply(200, {"x-amz-request-id": "4442587FB7D0A2F9"}, body_bytes=size)) as upstream:
        opentrail = installation(config=f'[upstreams]\ns3 = "{upstream.url}"\n')
        mark = new_mark()
        headers, _ = signed_head("GET", f"{opentrail.url}/bucket/long", STRANGER_KEY, REGION, {})
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.request("GET", "/bucket/long", headers={**headers, "User-Agent": mark})
        connection.getresponse().read(1_000_000)
        connection.close()

        def final():
            record = opentrail.marked_event(mark, "GetObject", EVENT_WAIT_S)
            return record if record["additionalEventData"].get("bytesTransferredOut") else None

        record = wait_until("the record says how much was sent", final, EVENT_WAIT_S)
        assert 1_000_000 <= record["additionalEventData"]["bytesTransferredOut"] < size
        assert opentrail.console("/-/ready")[0] == 200


def test_a_client_that_leaves_before_the_answer_is_recorded(installation):
    def slow(seen):
        time.sleep(1)
        return ok(seen)

    with Stub(slow) as upstream:
        opentrail = installation(upstream=upstream.url)
        mark = new_mark()
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.request("POST", "/", '{"QueueName":"left"}', sqs_headers("CreateQueue", mark))
        time.sleep(0.3)
        connection.close()
        record = opentrail.marked_event(mark, "CreateQueue", EVENT_WAIT_S)
        assert record["requestParameters"] == {"queueName": "left"}, "it happened, so it is told"


def test_many_calls_on_one_connection(installation):
    with Stub(ok) as upstream:
        opentrail = installation(upstream=upstream.url)
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        marks = [new_mark() for _ in range(20)]
        for mark in marks:
            connection.request("POST", "/", json.dumps({"QueueName": mark[5:]}), sqs_headers("CreateQueue", mark))
            answer = connection.getresponse()
            assert answer.status == 200 and answer.read()
        recorded = [record["userAgent"] for record in opentrail.search(eventName=["CreateQueue"], limit=100)]
        assert sorted(recorded) == sorted(marks)


# --- upstreams that fail ---


@pytest.mark.parametrize(
    "service, method, parameters",
    [
        ("sqs", "create_queue", {"QueueName": "q"}),
        ("iam", "create_user", {"UserName": "u"}),
        ("ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}),
        ("lambda", "delete_function", {"FunctionName": "f"}),
        ("route53", "list_hosted_zones", {}),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}),
    ],
)
def test_an_upstream_that_is_down(installation, service, method, parameters):
    nobody = f"http://127.0.0.1:{free_port()}"
    opentrail = installation(upstream=nobody, config=f'[upstreams]\ns3 = "{nobody}"\n')
    client = opentrail.client(service, key=STRANGER_KEY)
    marks = mark_calls(client)
    with pytest.raises(ClientError) as caught:
        getattr(client, method)(**parameters)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] in (502, 503)
    assert re.fullmatch(r"[A-Za-z]+", error["Error"]["Code"]), "a code in the shape of the protocol, not a number"
    name = client.meta.method_to_api_mapping[method]
    (record,) = [record for record in opentrail.search(limit=10) if marks[-1] in record["userAgent"]]
    assert record["eventName"].startswith(name)
    assert record["errorCode"].removeprefix("Server.") == error["Error"]["Code"]
    assert record["errorMessage"] == error["Error"]["Message"]
    assert record["responseElements"] is None


def test_an_upstream_that_takes_too_long(installation):
    def stuck(seen):
        time.sleep(4)
        return ok(seen)

    with Stub(stuck) as upstream:
        opentrail = installation("--response-timeout", "1s", upstream=upstream.url)
        sqs = opentrail.client("sqs", key=STRANGER_KEY)
        marks = mark_calls(sqs)
        begin = time.monotonic()
        with pytest.raises(ClientError) as caught:
            sqs.create_queue(QueueName="slow")
        assert time.monotonic() - begin < 3
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 504
        record = opentrail.marked_event(marks[-1], "CreateQueue")
        assert record["errorCode"] == caught.value.response["Error"]["Code"]
        assert record["requestParameters"] == {"queueName": "slow"}


def test_an_upstream_that_hangs_up(installation):
    with Stub(lambda seen: None) as upstream:
        opentrail = installation(upstream=upstream.url)
        sqs = opentrail.client("sqs", key=STRANGER_KEY)
        marks = mark_calls(sqs)
        with pytest.raises(ClientError) as caught:
            sqs.create_queue(QueueName="cut")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (502, 503)
        assert opentrail.marked_event(marks[-1], "CreateQueue")["errorCode"]
        assert len(upstream.seen) == 1, "a call that may have happened is not sent twice"


def test_without_an_upstream_a_call_is_refused_and_recorded(installation):
    opentrail = installation()
    iam = opentrail.client("iam", key=STRANGER_KEY)
    marks = mark_calls(iam)
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="u")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 400
    assert "upstream" in caught.value.response["Error"]["Message"]
    assert opentrail.marked_event(marks[-1], "CreateUser")["errorCode"] == caught.value.response["Error"]["Code"]


# --- protocols ---


def signed_get(url, key=ROOT_KEY):
    request = AWSRequest("GET", url)
    S3SigV4Auth(Credentials(*key), "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def test_http_2_with_prior_knowledge(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="seen-over-h2")
    mark = new_mark()
    with httpx.Client(http1=False, http2=True, trust_env=False) as client:
        answer = client.get(f"{opentrail.url}/", headers={**signed_get(f"{opentrail.url}/"), "User-Agent": mark})
    assert answer.http_version == "HTTP/2" and answer.status_code == 200, answer.text
    assert "seen-over-h2" in answer.text
    record = opentrail.marked_event(mark, "ListBuckets")
    assert record["requestParameters"]["Host"] == f"127.0.0.1:{opentrail.port}"


def test_http_2_to_an_http_1_upstream(installation):
    with Stub(ok) as upstream:
        opentrail = installation(upstream=upstream.url)
        mark = new_mark()
        with httpx.Client(http1=False, http2=True, trust_env=False) as client:
            answer = client.post(
                f"{opentrail.url}/", headers=sqs_headers("CreateQueue", mark), content=b'{"QueueName":"h2"}'
            )
        assert answer.status_code == 200 and answer.json() == {"QueueUrl": "http://q/1"}
        assert upstream.seen[-1].headers["host"] == f"127.0.0.1:{opentrail.port}", "what the client signed as Host"
        assert opentrail.marked_event(mark, "CreateQueue")["requestParameters"] == {"queueName": "h2"}


@pytest.fixture
def certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "OpenTrail test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    made = (
        builder.add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


def test_tls(installation, certificate):
    opentrail = installation(tls=certificate)
    s3 = opentrail.client("s3", verify=str(certificate[0]))
    marks = mark_calls(s3)
    s3.create_bucket(Bucket="sealed")
    record = opentrail.marked_event(marks[-1], "CreateBucket")
    details = record["tlsDetails"]
    assert details["tlsVersion"] == "TLSv1.3" and details["cipherSuite"].startswith("TLS_")
    assert details["clientProvidedHostHeader"] == f"127.0.0.1:{opentrail.port}"
    mark = new_mark()
    with httpx.Client(http2=True, trust_env=False, verify=ssl.create_default_context(cafile=certificate[0])) as client:
        answer = client.get(f"{opentrail.url}/", headers={**signed_get(f"{opentrail.url}/"), "User-Agent": mark})
    assert answer.http_version == "HTTP/2" and answer.status_code == 200
    assert opentrail.marked_event(mark, "ListBuckets")["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    with pytest.raises((http.client.HTTPException, OSError)):
        plain = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=5)
        plain.request("GET", "/")
        plain.getresponse()


def test_rpc_v2_cbor(installation):
    """CloudWatch as newer SDKs call it. moto does not speak CBOR, so a stub answers."""
    with Stub(answer_cbor) as upstream:
        opentrail = installation(upstream=upstream.url)
        client = cloudwatch_over_cbor(opentrail)
        marks = mark_calls(client)
        alarm = {
            "AlarmName": "hot",
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "MetricName": "temperature",
            "Namespace": "rooms",
            "Period": 60,
            "Statistic": "Sum",
            "Threshold": 1.5,
        }
        client.put_metric_alarm(**alarm)
        record = opentrail.marked_event(marks[-1], "PutMetricAlarm")
        assert record["eventSource"] == "monitoring.amazonaws.com" and record["readOnly"] is False
        assert record["requestParameters"] == {name[0].lower() + name[1:]: value for name, value in alarm.items()}
        assert record["requestID"] == "cbor-request"
        found = client.describe_alarms(AlarmNames=["hot"])
        assert found["MetricAlarms"][0]["AlarmName"] == "hot"
        record = opentrail.marked_event(marks[-1], "DescribeAlarms")
        assert record["readOnly"] is True and record["requestParameters"] == {"alarmNames": ["hot"]}
        with pytest.raises(ClientError) as caught:
            client.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="r")
        record = opentrail.marked_event(marks[-1], "SetAlarmState")
        assert record["errorCode"] == caught.value.response["Error"]["Code"] == "ResourceNotFound"
        assert record["errorMessage"] == "no such alarm"


def cloudwatch_over_cbor(opentrail):
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    model = json.loads(json.dumps(loader.load_service_model("cloudwatch", "service-2")))
    model["metadata"]["protocols"] = ["smithy-rpc-v2-cbor"]
    load = loader.load_service_model
    loader.load_service_model = lambda name, kind, *rest, **named: (
        model if (name, kind) == ("cloudwatch", "service-2") else load(name, kind, *rest, **named)
    )
    session = boto3.session.Session(
        botocore_session=session,
        aws_access_key_id=STRANGER_KEY[0],
        aws_secret_access_key=STRANGER_KEY[1],
        region_name=REGION,
    )
    return session.client(
        "cloudwatch", endpoint_url=opentrail.url, config=Config(retries={"total_max_attempts": 1}, proxies={})
    )


def answer_cbor(seen):
    headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor", "x-amzn-RequestId": "cbor-request"}
    operation = seen.path.rsplit("/", 1)[1]
    if operation == "DescribeAlarms":
        return Reply(200, headers, cbor({"MetricAlarms": [{"AlarmName": "hot", "EvaluationPeriods": 1}]}))
    if operation == "SetAlarmState":
        return Reply(
            404, headers, cbor({"__type": "com.amazonaws.cloudwatch#ResourceNotFound", "message": "no such alarm"})
        )
    return Reply(200, headers, cbor({}))


def cbor(value):
    """The few kinds of CBOR that the stub answers with; lengths below 256."""

    def head(major, size):
        return bytes([major << 5 | size]) if size < 24 else bytes([major << 5 | 24, size])

    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(name) + cbor(item) for name, item in value.items())
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(cbor(item) for item in value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(0, value)


# --- what is not ours ---


@pytest.mark.parametrize("flaw", ["no date", "no signature", "signed twice"])
def test_a_flawed_signature_does_not_keep_a_call_out_of_the_records(installation, flaw):
    """Servers for development look at the service of the scope alone, and carry the call out."""
    with Stub(lambda _: Reply(204, {})) as upstream:
        opentrail = installation(upstream=upstream.url)
        mark = new_mark()
        scope = f"{STRANGER_KEY[0]}/20261130/{REGION}/lambda/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host", "User-Agent": mark}
        query = ""
        if flaw != "no signature":
            headers["Authorization"] += f", Signature={'0' * 64}"
        if flaw != "no date":
            headers["X-Amz-Date"] = "20261130T000000Z"
        if flaw == "signed twice":
            query = f"?X-Amz-Signature={'0' * 64}&X-Amz-Credential={scope.replace('/', '%2F')}"
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.request("DELETE", f"/2015-03-31/functions/evidence{query}", headers=headers)
        assert connection.getresponse().status == 204
        connection.close()
        record = opentrail.marked_event(mark, "DeleteFunction20150331")
        assert record["requestParameters"]["functionName"] == "evidence"
        assert "0" * 64 not in json.dumps(record)


def test_a_form_that_a_browser_posts_is_recorded_with_its_key_alone(installation):
    with Stub(lambda _: Reply(204, {"ETag": '"e"', "x-amz-request-id": "4442587FB7D0A2F9"})) as upstream:
        opentrail = installation(config=f'[upstreams]\ns3 = "{upstream.url}"\n')
        mark, boundary = new_mark(), "----form"
        post = opentrail.client("s3", signature_version="s3v4").generate_presigned_post(
            "bucket", "up/${filename}", Fields={"x-amz-security-token": "secretOfTheForm"}
        )
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        body = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in post["fields"].items())
        body += f'{part}file"; filename="f.txt"\r\n\r\n{"content" * 300_000}\r\n--{boundary}--\r\n'
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "User-Agent": mark}
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.request("POST", "/bucket", body, headers)
        assert connection.getresponse().status == 204
        connection.close()
        assert upstream.seen[-1].body_bytes == len(body)
        record = opentrail.marked_event(mark, "PostObject")
        assert record["requestParameters"]["bucketName"] == "bucket" and record["eventCategory"] == "Data"
        assert record["requestParameters"]["key"] == "up/f.txt"
        assert record["resources"][0]["ARN"] == "arn:aws:s3:::bucket/up/f.txt"
        assert record["additionalEventData"]["bytesTransferredIn"] == len(body)
        for path in opentrail.files():
            content = path.read_bytes()
            assert b"secretOfTheForm" not in content and post["fields"]["x-amz-signature"].encode() not in content, path


def test_a_request_that_is_no_aws_call_passes_untouched_and_is_counted(installation):
    with Stub(lambda seen: Reply(418, {"X-Tea": "yes"}, b"short and stout")) as upstream:
        opentrail = installation(upstream=upstream.url)
        before = opentrail.metric("opentrail_gateway_unrecognised_requests_total")
        connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=10)
        connection.request("POST", "/pots/1%2F2?x=%20", b"leaves", {"X-Cup": "1", "Host": "tea.example"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["X-Tea"], answer.read()) == (418, "yes", b"short and stout")
        seen = upstream.seen[-1]
        assert (seen.method, seen.path, seen.body) == ("POST", "/pots/1%2F2?x=%20", b"leaves")
        assert seen.headers["host"] == "tea.example" and seen.headers["x-cup"] == "1"
        assert opentrail.metric("opentrail_gateway_unrecognised_requests_total") == before + 1
        assert opentrail.search(limit=10) == []


def test_health_and_metrics(installation):
    opentrail = installation()
    assert opentrail.console("/-/ready")[0] == 200
    opentrail.client("s3").create_bucket(Bucket="counted")
    status, text = opentrail.console("/-/metrics")
    assert status == 200 and text.endswith("# EOF\n")
    assert opentrail.metric('opentrail_gateway_calls_total{service="s3"') == 1
    assert opentrail.console("/no-such-page")[0] == 404
    assert opentrail.process.popen.poll() is None


# --- configuration ---


def run_serve(*arguments, env=None):
    return subprocess.run(
        [str(BINARY), "serve", *(str(argument) for argument in arguments)],
        env=clean_environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_an_unknown_key_names_the_nearest_known_one(folder):
    folder.mkdir(exist_ok=True)
    (folder / "wrong.toml").write_text('upstraem = "http://127.0.0.1:5000"\n')
    done = run_serve("--config", folder / "wrong.toml", "--data-dir", folder / "data")
    assert done.returncode != 0
    assert "upstraem" in done.stderr and "upstream" in done.stderr and "wrong.toml" in done.stderr
    done = run_serve("--listne", "127.0.0.1:1")
    assert done.returncode != 0 and "--listen" in done.stderr
    assert not (folder / "data").exists(), "a start that is refused leaves nothing behind"


def test_an_unknown_variable_is_pointed_out(installation):
    opentrail = installation(env={"OPENTRAIL_LISTN": "127.0.0.1:1"})
    assert "OPENTRAIL_LISTN" in opentrail.process.log and "OPENTRAIL_LISTEN" in opentrail.process.log


def test_values_that_make_no_sense_are_refused(folder):
    for arguments, word in [
        (["--account-id", "12"], "12"),
        (["--upstream", "ftp://x"], "upstream"),
        (["--listen", "nowhere"], "nowhere"),
    ]:
        done = run_serve("--data-dir", folder / "data", *arguments)
        assert done.returncode != 0 and word in done.stderr, done.stderr


def test_help_lists_settings_with_defaults():
    done = subprocess.run(
        [str(BINARY), "serve", "--help"], capture_output=True, text=True, timeout=20, env=clean_environment()
    )
    assert done.returncode == 0
    for word in (
        "--data-dir",
        "--listen",
        "127.0.0.1:4600",
        "--console-listen",
        "127.0.0.1:4601",
        "--upstream",
        "--account-id",
        "--region",
        "us-east-1",
        "OPENTRAIL_LISTEN",
    ):
        assert word in done.stdout, word


def test_two_processes_do_not_share_a_data_folder(installation):
    opentrail = installation()
    done = run_serve(
        "--data-dir",
        opentrail.data,
        "--listen",
        f"127.0.0.1:{free_port()}",
        "--console-listen",
        f"127.0.0.1:{free_port()}",
    )
    assert done.returncode != 0, "the second one must not touch the journal of the first"


def test_an_upstream_with_a_certificate_of_its_own(installation, moto, folder):
    own = SelfSigned(folder / "certificates")
    with TlsFront(own, moto.port) as front:
        url = f"https://localhost:{front.port}"
        refusing = installation(upstream=url)
        with pytest.raises(ClientError, match="invalid peer certificate"):
            refusing.client("sqs").list_queues()
        trusting = installation("--upstream-ca", own.root, upstream=url)
        assert "ResponseMetadata" in trusting.client("sqs").list_queues()
