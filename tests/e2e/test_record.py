"""`opentrail record`: a program runs as ever, and leaves records, a policy and a summary."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from opentrail import BINARY, PYTHON_BIN, REGION, STRANGER_KEY
from process import clean_environment, wait_until
from tls_fronts import Authority, SelfSigned, TlsFront
from upstreams import Reply, Stub

ACCOUNT = "111122223333"
SECRET = STRANGER_KEY[1]
TOKEN = "e2eSessionTokenThatNobodyMayFindOnDisk"
PATIENCE_S = 60

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

CALLS = """
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="{bucket}")
s3.put_object(Bucket="{bucket}", Key="dir/one", Body=b"first")
assert s3.get_object(Bucket="{bucket}", Key="dir/one")["Body"].read() == b"first"
assert s3.list_objects_v2(Bucket="{bucket}")["KeyCount"] == 1
boto3.client("sts").get_caller_identity()
boto3.client("iam").create_user(UserName="{bucket}")
print("done")
"""


class Run:
    """A finished `opentrail record`."""

    def __init__(self, folder, completed):
        self.folder = folder
        self.code = completed.returncode
        self.stdout = completed.stdout
        self.stderr = completed.stderr

    def json(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    @property
    def records(self):
        return self.json("cloudtrail")["Records"]

    @property
    def event_names(self):
        return [record["eventName"] for record in self.records]

    @property
    def statements(self):
        return {statement["Sid"]: statement for statement in self.json("policy")["Statement"]}

    def allowed(self, kind="Used"):
        """Actions to their resources, of the statements of a kind."""
        chosen = [statement for sid, statement in self.statements.items() if sid.startswith(kind)]
        return {action: statement["Resource"] for statement in chosen for action in statement["Action"]}


def environment(folder, **extra):
    settings = {
        "AWS_ACCESS_KEY_ID": STRANGER_KEY[0],
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": folder / "no-config",
        "AWS_SHARED_CREDENTIALS_FILE": folder / "no-credentials",
        # Temporary files of the run are where the test can look for them.
        "TMPDIR": folder / "tmp",
    }
    return clean_environment(**{**settings, **extra})


def record(folder, command, *options, stdin=None, **variables):
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    out = folder / "run"
    line = [BINARY, "record", "--output-dir", out, "--account-id", ACCOUNT, *options, "--", *command]
    completed = subprocess.run(
        [str(part) for part in line],
        env=environment(folder, **variables),
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Run(out, completed)


def python(text):
    return [sys.executable, "-c", text]


@pytest.fixture
def authority(folder):
    """A certificate authority of the test's own, with a certificate for this machine and for AWS's names."""
    return Authority(folder)


# --- the three ways that a call takes ---


def check_calls(run, bucket):
    assert run.code == 0, run.stderr
    assert run.stdout == "done\n"
    names = ["CreateBucket", "PutObject", "GetObject", "ListObjects", "GetCallerIdentity", "CreateUser"]
    assert run.event_names == names
    assert all(record["userIdentity"]["accessKeyId"] == STRANGER_KEY[0] for record in run.records)
    assert run.records[1]["requestParameters"]["key"] == "dir/one"
    assert run.records[5]["responseElements"]["user"]["userName"] == bucket
    assert run.allowed() == {
        "s3:CreateBucket": [f"arn:aws:s3:::{bucket}"],
        "s3:ListBucket": [f"arn:aws:s3:::{bucket}"],
        "s3:PutObject": [f"arn:aws:s3:::{bucket}/dir/one"],
        "s3:GetObject": [f"arn:aws:s3:::{bucket}/dir/one"],
        "iam:CreateUser": [f"arn:aws:iam::{ACCOUNT}:user/{bucket}"],
    }
    summary = run.json("summary")
    assert summary["total"]["calls"] == 6 and summary["total"]["errors"] == 0
    assert summary["operations"]["s3:PutObject"]["requestBytes"] >= 5
    assert "6 calls in " in run.stderr and "s3:PutObject " in run.stderr


def test_an_endpoint_without_tls(folder, moto):
    run = record(folder, python(CALLS.format(bucket="plain")), AWS_ENDPOINT_URL=moto.url)
    check_calls(run, "plain")
    assert "tlsDetails" not in run.records[0]


def test_a_local_endpoint_with_tls(folder, moto, authority):
    with TlsFront(authority, moto.port) as front:
        url = f"https://localhost:{front.port}"
        script = python(CALLS.format(bucket="sealed"))
        run = record(folder, script, AWS_ENDPOINT_URL=url, AWS_CA_BUNDLE=authority.root)
        check_calls(run, "sealed")
        assert front.names[0] == "localhost"
    assert run.records[0]["tlsDetails"]["tlsVersion"] == "TLSv1.3"


@pytest.mark.parametrize("is_named_by", ["variable", "option"])
def test_a_server_that_signs_its_own_certificate(folder, moto, is_named_by):
    own = SelfSigned(folder / "certificates")
    with TlsFront(own, moto.port) as front:
        options = ["--upstream-ca", own.root] if is_named_by == "option" else []
        variables = {"AWS_CA_BUNDLE": own.root} if is_named_by == "variable" else {}
        bucket = f"own-{is_named_by}"
        script = python(CALLS.format(bucket=bucket))
        run = record(folder, script, *options, AWS_ENDPOINT_URL=f"https://localhost:{front.port}", **variables)
        check_calls(run, bucket)


def test_aws_itself(folder, moto, authority):
    """No endpoint variable: the program speaks to amazonaws.com, which the test has on this machine."""
    with TlsFront(authority, moto.port) as front:
        places = ["s3.us-east-1.amazonaws.com", "s3.amazonaws.com", "realm.s3.amazonaws.com", "iam.amazonaws.com"]
        places += ["sts.us-east-1.amazonaws.com", "realm.s3.us-east-1.amazonaws.com", "sts.amazonaws.com"]
        options = ["--upstream-ca", authority.root]
        for place in places:
            options += ["--resolve", f"{place}:443:127.0.0.1:{front.port}"]
        run = record(folder, python(CALLS.format(bucket="realm")), *options)
        check_calls(run, "realm")
        assert set(front.names) <= set(places) and front.names
    assert run.records[0]["tlsDetails"]["clientProvidedHostHeader"].endswith("amazonaws.com")


def test_a_proxy_that_was_there_before_is_used(folder, moto, authority):
    """One recorder inside of another: the outer one is the only way out, and the proxy of the inner one."""
    inner = [BINARY, "record", "--quiet", "--output-dir", folder / "inner", "--account-id", ACCOUNT, "--"]
    with TlsFront(authority, moto.port) as front:
        options = ["--upstream-ca", authority.root]
        for host in ("iam.amazonaws.com", "no-aws.example.com"):
            options += ["--resolve", f"{host}:443:127.0.0.1:{front.port}"]
        script = (
            "import boto3, urllib.request as u\n"
            "boto3.client('iam').list_users()\n"
            "try: u.urlopen('https://no-aws.example.com/')\n"
            "except OSError as error: print(error)\n"
        )
        run = record(folder, [*inner, *python(script)], *options)
        assert set(front.names) == {"iam.amazonaws.com", "no-aws.example.com"}
    assert run.code == 0 and "CERTIFICATE_VERIFY_FAILED" in run.stdout, run.stderr
    assert run.event_names == ["ListUsers"]
    recorded_inside = json.loads((folder / "inner/cloudtrail.json").read_text())["Records"]
    assert [record["requestID"] for record in recorded_inside] == [record["requestID"] for record in run.records]
    assert run.json("summary")["tunnelled"] == {"no-aws.example.com": 1}


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_agents_that_a_node_program_makes_itself(folder, authority):
    """As the AWS SDK for JavaScript makes them: Node leads no such agent through a proxy."""
    script = """
const https = require('node:https');
const agent = new https.Agent({ keepAlive: true, maxSockets: 50 });
const get = (path) => new Promise((done, failed) => {
  https.request({ host: 's3.us-east-1.amazonaws.com', path, agent }, (answer) => {
    answer.resume().on('end', () => done(answer.statusCode));
  }).on('error', failed).end();
});
(async () => { console.log(await get('/shut/one'), await get('/shut/two')); agent.destroy(); })();
"""
    denied = Reply(403, {"Content-Type": "application/xml"}, DENIED)
    with Stub(lambda _: denied) as upstream, TlsFront(authority, upstream.port) as front:
        place = f"s3.us-east-1.amazonaws.com:443:127.0.0.1:{front.port}"
        run = record(folder, ["node", "-e", script], "--upstream-ca", authority.root, "--resolve", place)
    assert (run.code, run.stdout) == (0, "403 403\n"), run.stderr
    assert [record["requestParameters"]["key"] for record in run.records] == ["one", "two"]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_http_2_sessions_of_a_node_program(folder, authority):
    """As the clients of Kinesis and Bedrock make them: no agent is asked, so that no proxy is either."""
    script = """
import { connect } from 'node:http2';
const session = connect('https://kinesis.us-east-1.amazonaws.com');
const list = () => new Promise((done, failed) => {
  const call = session.request({
    ':method': 'POST', ':path': '/', 'x-amz-target': 'Kinesis_20131202.CreateStream',
    'content-type': 'application/x-amz-json-1.1',
  });
  call.on('response', (headers) => { call.resume().on('end', () => done(headers[':status'])); }).on('error', failed);
  call.end('{"StreamName":"s"}');
});
console.log(await Promise.all(Array.from({ length: 20 }, list)).then((all) => new Set(all).size), await list());
session.close();
"""
    ok = Reply(200, {"Content-Type": "application/x-amz-json-1.1"}, b"")
    with Stub(lambda _: ok) as upstream, TlsFront(authority, upstream.port) as front:
        place = f"kinesis.us-east-1.amazonaws.com:443:127.0.0.1:{front.port}"
        command = ["node", "--input-type=module", "-e", script]
        run = record(folder, command, "--upstream-ca", authority.root, "--resolve", place)
    assert (run.code, run.stdout) == (0, "1 200\n"), run.stderr
    assert run.event_names == 21 * ["CreateStream"]


def test_http_2(folder, moto, authority):
    script = (
        "import httpx\n"
        "with httpx.Client(http2=True) as client:\n"
        "    for _ in range(3):\n"
        "        answer = client.get('https://s3.us-east-1.amazonaws.com/')\n"
        "        print(answer.http_version, answer.status_code)\n"
    )
    with TlsFront(authority, moto.port) as front:
        place = f"s3.us-east-1.amazonaws.com:443:127.0.0.1:{front.port}"
        run = record(folder, python(script), "--upstream-ca", authority.root, "--resolve", place)
    assert run.stdout == 3 * "HTTP/2 200\n", run.stderr
    assert run.event_names == 3 * ["ListBuckets"]
    assert run.records[0]["tlsDetails"]["clientProvidedHostHeader"] == "s3.us-east-1.amazonaws.com"


def test_an_endpoint_in_code_is_recorded_through_the_proxy(folder, moto):
    script = f"import boto3; boto3.client('sqs', endpoint_url='{moto.url}').create_queue(QueueName='in-code')"
    run = record(folder, python(script))
    assert run.code == 0, run.stderr
    assert run.event_names == ["CreateQueue"]


def test_endpoints_may_stay_as_they_are(folder, moto):
    """Then a queue's URL, which moto makes from the Host header, is good after the run."""
    script = "import boto3; print(boto3.client('sqs').create_queue(QueueName='kept')['QueueUrl'])"
    run = record(folder, python(script), "--keep-endpoints", AWS_ENDPOINT_URL=moto.url)
    assert run.stdout.startswith(moto.url), run.stderr
    assert run.event_names == ["CreateQueue"]


def test_the_aws_cli(folder, moto):
    run = record(folder, [PYTHON_BIN / "aws", "s3", "mb", "s3://by-cli"], AWS_ENDPOINT_URL=moto.url)
    assert (run.code, run.stdout) == (0, "make_bucket: by-cli\n")
    run = record(folder, [PYTHON_BIN / "aws", "s3", "ls"], AWS_ENDPOINT_URL=moto.url)
    assert run.code == 0 and "by-cli" in run.stdout
    assert run.event_names == ["ListBuckets"]
    assert run.allowed() == {"s3:ListAllMyBuckets": ["*"]}


# --- long runs of programs that have others do the work ---

PLUGIN = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config

# A plugin gets its orders over a pipe, as Terraform's providers do, and has ten calls under way at once.
config = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=10)
db = boto3.client("dynamodb", config=config)
def make(name):
    db.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
def create(name):
    make(name)
    db.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 50})
def destroy(name):
    db.delete_table(TableName=name)
    db.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 50})
with ThreadPoolExecutor(10) as pool:
    for order in sys.stdin:
        verb, count = order.split()
        work = {"create": create, "destroy": destroy, "hang": make}[verb]
        names = [f"{'stuck' if verb == 'hang' else 'table'}-{number:03}" for number in range(int(count))]
        print(verb, len(list(pool.map(work, names))), flush=True)
"""

MAIN = """
import pathlib, subprocess, sys, time
plugin = subprocess.Popen([sys.executable, "-c", pathlib.Path("plugin.py").read_text()],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
def order(text):
    plugin.stdin.write(text + chr(10))
    plugin.stdin.flush()
for text in ("create {count}", "destroy {count}"):
    order(text)
    print(plugin.stdout.readline(), end="", flush=True)
order("hang 10")
while not pathlib.Path("all-hang").exists():
    assert plugin.poll() is None
    time.sleep(0.02)
plugin.kill()
sys.exit(3)
"""


class Tables:
    """As much of DynamoDB as a plugin needs: tables take two looks to come and to go, and one call in nine is too many."""

    THROTTLED = Reply(400, {"Content-Type": "application/x-amz-json-1.0"}, b'{"__type":"ThrottlingException","message":"slow"}')

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.Lock()
        self.looks, self.leaving = {}, set()
        self.calls, self.hanging = [], 0

    def __call__(self, seen):
        verb = seen.headers["x-amz-target"].split(".")[1]
        name = json.loads(seen.body)["TableName"]
        with self.lock:
            self.calls.append((verb, name))
            if name.startswith("stuck"):
                self.hanging += 1
                if self.hanging == 10:
                    (self.folder / "all-hang").touch()
            elif len(self.calls) % 9 == 0:
                return self.THROTTLED
            else:
                return self.answer(verb, name)
        time.sleep(60)
        return None

    def answer(self, verb, name):
        looks = self.looks.get(name)
        if verb == "CreateTable":
            self.looks[name] = looks = 0
        elif verb == "DeleteTable":
            self.leaving.add(name)
            self.looks[name] = looks = 0
        else:
            self.looks[name] = looks = looks + 1
            if name in self.leaving and looks > 2:
                return Reply(400, {}, b'{"__type":"ResourceNotFoundException","message":"Requested resource not found"}')
        state = "DELETING" if name in self.leaving else "ACTIVE" if looks > 2 else "CREATING"
        table = {"TableName": name, "TableStatus": state, "TableArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}"}
        held = {"Table" if verb == "DescribeTable" else "TableDescription": table}
        return Reply(200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(held).encode())


def test_a_long_run_of_a_plugin_that_is_killed_at_its_end(folder, authority):
    """A program whose child makes hundreds of calls, ten at once, looks again and again, tries again when it is too
    fast, and dies in the middle of ten calls: every one of them is in the files, once."""
    count = 60
    (folder / "plugin.py").write_text(PLUGIN)
    tables = Tables(folder)
    with Stub(tables) as upstream, TlsFront(authority, upstream.port) as front:
        place = f"dynamodb.us-east-1.amazonaws.com:443:127.0.0.1:{front.port}"
        options = ["--upstream-ca", authority.root, "--resolve", place]
        run = record(folder, python(MAIN.replace("{count}", str(count))), *options)
    assert run.code == 3, run.stderr
    assert run.stdout == f"create {count}\ndestroy {count}\n"
    made = [(one["eventName"], one["requestParameters"]["tableName"]) for one in run.records]
    assert len(made) > 400 and sorted(made) == sorted(tables.calls)

    errors = Counter(one.get("errorCode") for one in run.records)
    assert errors["OutcomeUnknown"] == 10
    assert errors["ResourceNotFoundException"] == count
    assert errors["ThrottlingException"] == sum(1 for place in range(1, len(made) - 9) if place % 9 == 0)
    assert set(errors) == {None, "OutcomeUnknown", "ResourceNotFoundException", "ThrottlingException"}
    unknown = [one for one in run.records if one.get("errorCode") == "OutcomeUnknown"]
    assert {one["requestParameters"]["tableName"] for one in unknown} == {f"stuck-{number:03}" for number in range(10)}
    assert len({one["eventID"] for one in run.records}) == len(made)

    summary = run.json("summary")
    assert summary["total"]["calls"] + summary["unfinished"] == len(made) and summary["unfinished"] == 10
    assert sum(operation["calls"] for operation in summary["operations"].values()) == summary["total"]["calls"]
    assert summary["total"]["errors"] == errors["ResourceNotFoundException"] + errors["ThrottlingException"]
    assert sum(" dynamodb:" in line and " ms" in line and line[2] == ":" for line in run.stderr.splitlines()) >= len(made) - 10
    # Sixty tables are one resource of the policy.
    everything = [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/*"]
    used = ("CreateTable", "DescribeTable", "DeleteTable")
    assert run.allowed() == {f"dynamodb:{name}": everything for name in used}
    assert {path.name for path in run.folder.iterdir()} == {"cloudtrail.json", "policy.json", "summary.json"}


# --- what is refused, and what is not ours ---


def test_denied_calls_stand_apart(folder):
    with Stub(lambda _: Reply(403, {"Content-Type": "application/xml"}, DENIED)) as upstream:
        command = [PYTHON_BIN / "aws", "s3api", "get-object", "--bucket", "shut", "--key", "k", "out"]
        run = record(folder, command, AWS_ENDPOINT_URL=upstream.url)
    assert run.code in (1, 254, 255)
    assert run.records[0]["errorCode"] == "AccessDenied"
    assert run.allowed() == {}
    assert run.allowed("Denied") == {"s3:GetObject": ["arn:aws:s3:::shut/k"]}
    assert run.json("summary")["total"]["denied"] == 1
    assert "1 failed, 1 denied" in run.stderr and "403 AccessDenied" in run.stderr


def test_a_server_that_is_not_trusted_is_not_believed(folder, moto, authority):
    with TlsFront(authority, moto.port) as front:
        url = f"https://localhost:{front.port}"
        command = [PYTHON_BIN / "aws", "s3api", "list-buckets"]
        run = record(folder, command, AWS_ENDPOINT_URL=url, AWS_MAX_ATTEMPTS="1")
    assert run.code != 0
    assert "UnknownIssuer" in run.records[0]["errorMessage"]
    assert "certificate of localhost (1)" in run.stderr and "--upstream-ca FILE" in run.stderr
    assert run.json("summary")["untrusted"] == {"localhost": 1}
    assert run.allowed() == {}


def test_other_hosts_are_tunnelled_unread(folder, authority):
    with Stub(lambda _: Reply(200, {}, b"private")) as behind, TlsFront(authority, behind.port) as front:
        script = (
            "import os, ssl, urllib.request as u; "
            "context = ssl.create_default_context(cafile=os.environ['OWN_CA']); "
            f"print(u.urlopen('https://localhost:{front.port}/', context=context).read())"
        )
        run = record(folder, python(script), OWN_CA=authority.root)
    assert (run.code, run.stdout) == (0, "b'private'\n")
    assert run.records == []
    assert run.json("summary")["tunnelled"] == {"localhost": 1}
    assert "not recorded: 1 connection to other hosts: localhost (1)" in run.stderr


def test_requests_that_are_not_for_aws_pass_unrecorded(folder):
    with Stub(lambda _: Reply(200, {}, b"plain")) as upstream:
        script = f"import urllib.request as u; print(u.urlopen('{upstream.url}/bucket/key').read())"
        run = record(folder, python(script))
    assert (run.code, run.stdout) == (0, "b'plain'\n")
    assert run.records == [] and run.json("summary")["otherRequests"] == 1


def test_a_program_that_does_not_trust_us_is_told_about(folder, authority):
    script = (
        "import socket, ssl, os\n"
        "host, port = os.environ['HTTPS_PROXY'].removeprefix('http://').split(':')\n"
        "s = socket.create_connection((host, int(port)))\n"
        "s.sendall(b'CONNECT s3.amazonaws.com:443 HTTP/1.1\\r\\nHost: s3.amazonaws.com:443\\r\\n\\r\\n')\n"
        "assert b' 200 ' in s.recv(1024)\n"
        "context = ssl.create_default_context(cafile=os.environ['OWN_CA'])\n"
        "try: context.wrap_socket(s, server_hostname='s3.amazonaws.com')\n"
        "except ssl.SSLCertVerificationError: print('refused')\n"
    )
    run = record(folder, python(script), OWN_CA=authority.root)
    assert (run.code, run.stdout) == (0, "refused\n")
    assert run.json("summary")["distrusted"] == {"s3.amazonaws.com": 1}


# --- the program runs as ever ---


@pytest.mark.parametrize(
    "command, code",
    [
        (["true"], 0),
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["/no/such/program"], 127),
        (["/"], 126),
    ],
)
def test_exit_codes(folder, command, code):
    run = record(folder, command)
    assert run.code == code
    assert run.folder.exists() == (code not in (126, 127)), "a program that never ran leaves nothing"


def test_input_and_output_pass_through(folder):
    run = record(folder, ["sh", "-c", "cat; echo to-stderr >&2"], "--quiet", stdin="a\nb\n")
    assert (run.code, run.stdout, run.stderr) == (0, "a\nb\n", "to-stderr\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_program(folder, number):
    script = (
        "import pathlib, signal, sys, time\n"
        "def stop(number, _): print('got', number, flush=True); sys.exit(9)\n"
        f"signal.signal({int(number)}, stop)\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(30)\n"
    )
    (folder / "tmp").mkdir(parents=True)
    line = [BINARY, "record", "--output-dir", folder / "run", "--", *python(script)]
    process = subprocess.Popen(
        [str(part) for part in line],
        env=environment(folder),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until("the program runs", (folder / "ready").exists)
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout) == (9, f"got {int(number)}\n")
    assert json.loads((folder / "run/cloudtrail.json").read_text()) == {"Records": []}


def test_json_for_scripts(folder, moto):
    command = [PYTHON_BIN / "aws", "sts", "get-caller-identity"]
    run = record(folder, command, "--format", "json", AWS_ENDPOINT_URL=moto.url)
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert lines[0]["call"] == "sts:GetCallerIdentity" and lines[0]["status"] == 200
    assert lines[-1]["summary"]["total"]["calls"] == 1


# --- what is left on disk ---


def test_no_key_and_no_secret_is_ever_on_disk(folder, moto):
    """Looks at every file while the program runs, and after it."""
    script = """
import boto3, os, pathlib
boto3.client("secretsmanager").create_secret(Name="s", SecretString="e2e-secret-value")
folder = pathlib.Path(os.environ["TMPDIR"]).parent
texts = {str(p): p.read_text() for p in folder.rglob("*") if p.is_file()}
bundle = os.environ["AWS_CA_BUNDLE"]
assert "BEGIN CERTIFICATE" in texts[bundle]
assert oct(os.stat(bundle).st_mode)[-3:] == "600"
assert any(name.endswith("partial.jsonl") and "CreateSecret" in text for name, text in texts.items())
for name, text in texts.items():
    assert "PRIVATE KEY" not in text, name
"""
    run = record(folder, [*python(script), "--password", "e2e-argument-value"], AWS_ENDPOINT_URL=moto.url)
    assert run.code == 0, run.stderr
    assert run.event_names == ["CreateSecret"]
    assert list((folder / "tmp").iterdir()) == [], "temporary files are gone"
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    for secret in (SECRET, TOKEN, "e2e-secret-value", "e2e-argument-value", "PRIVATE KEY"):
        assert not any(secret in text for text in texts), secret
    assert {path.name for path in run.folder.iterdir()} == {"cloudtrail.json", "policy.json", "summary.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in [run.folder, *run.folder.iterdir()])


def test_a_run_that_is_killed_leaves_what_it_had(folder, moto):
    script = (
        "import boto3, pathlib, time\n"
        "boto3.client('sqs').create_queue(QueueName='before-the-kill')\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(30)\n"
    )
    (folder / "tmp").mkdir(parents=True)
    line = [BINARY, "record", "--output-dir", folder / "run", "--", *python(script)]
    process = subprocess.Popen(
        [str(part) for part in line],
        env=environment(folder, AWS_ENDPOINT_URL=moto.url),
        cwd=folder,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until("a call was made", (folder / "ready").exists, timeout_s=20)
    process.kill()
    process.wait(10)
    os.killpg(process.pid, signal.SIGKILL)
    lines = (folder / "run/cloudtrail.partial.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines if line.strip()]
    assert [(record["eventName"], record.get("errorCode")) for record in records] == [("CreateQueue", None)]


def test_a_call_without_an_answer_is_of_unknown_outcome(folder):
    """The program ends while its call is under way."""

    def slow(_):
        time.sleep(8)
        return Reply(200, {}, b"")

    script = (
        "import boto3, os, threading, time\n"
        "threading.Thread(target=lambda: boto3.client('s3').create_bucket(Bucket='late'), daemon=True).start()\n"
        "time.sleep(3)\n"
        "os._exit(0)\n"
    )
    with Stub(slow) as upstream:
        run = record(folder, python(script), AWS_ENDPOINT_URL=upstream.url)
    assert run.code == 0
    assert [record["errorCode"] for record in run.records] == ["OutcomeUnknown"]
    assert run.json("summary")["unfinished"] == 1
    assert "1 call had no answer" in run.stderr
