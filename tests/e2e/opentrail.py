"""The program under test: a real `opentrail serve`, its clients, and what it recorded."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from process import ServerProcess, clean_environment, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("OPENTRAIL_BINARY", ROOT / "target/debug/opentrail"))
PYTHON_BIN = Path(sys.executable).parent

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROOT_KEY = ("AKIAE2EROOTKEY000000", "e2eRootSecretKeyThatNobodyMayFindOnDisk0")

# A key that OpenTrail has never heard of: what callers of an upstream have.
STRANGER_KEY = ("AKIAE2ESTRANGER00000", "strangerSecret0000000000000000000000000")

READY_TIMEOUT_S = 30
EVENT_TIMEOUT_S = 1.0  # The promise: a call is found within a second after its answer.


class OpenTrail:
    """One installation in a folder of its own. It can be stopped, killed and started again."""

    ROOT_KEY_VARIABLES = {
        "OPENTRAIL_ROOT_ACCESS_KEY_ID": ROOT_KEY[0],
        "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": ROOT_KEY[1],
    }

    def __init__(self, folder, *options, upstream=None, config=None, tls=None, env=None):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.options = list(options)
        self.upstream = upstream
        self.config = config
        self.tls = tls
        self.env = env or {}
        self.process = None
        self.port = self.console_port = None

    # --- life ---

    def start(self):
        # A restart keeps the addresses, as a client expects.
        self.port, self.console_port = self.port or free_port(), self.console_port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [BINARY, "serve", "--data-dir", self.data, "--account-id", ACCOUNT, "--region", REGION]
        command += ["--listen", f"127.0.0.1:{self.port}", "--console-listen", f"127.0.0.1:{self.console_port}"]
        if self.upstream:
            command += ["--upstream", self.upstream]
        if self.config:
            config_file = self.folder / "opentrail.toml"
            config_file.write_text(self.config)
            command += ["--config", config_file]
        if self.tls:
            command += ["--tls-certificate", self.tls[0], "--tls-private-key", self.tls[1]]
        env = clean_environment(**self.ROOT_KEY_VARIABLES, **self.env)
        self.process = ServerProcess("opentrail", command + self.options, env=env)
        self.process.wait_ready("GET /-/ready is 200", self.is_ready, READY_TIMEOUT_S)
        return self

    def stop(self):
        return self.process.stop() if self.process else None

    def kill(self):
        self.process.kill()

    def is_ready(self):
        try:
            return self.console("/-/ready")[0] == 200
        except OSError:
            return False

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    # --- clients ---

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def client(self, service, key=ROOT_KEY, token=None, region=REGION, endpoint=None, verify=None, **config):
        """A boto3 client that neither retries nor waits for long: a test wants the first answer."""
        config.setdefault("retries", {"total_max_attempts": 1})
        config.setdefault("read_timeout", 30)
        config.setdefault("connect_timeout", 5)
        if service == "s3":
            config.setdefault("s3", {"addressing_style": "path"})
        session = boto3.session.Session(
            aws_access_key_id=key[0], aws_secret_access_key=key[1], aws_session_token=token, region_name=region
        )
        return session.client(
            service, endpoint_url=endpoint or self.url, verify=verify, config=Config(proxies={}, **config)
        )

    def aws(self, *arguments, key=ROOT_KEY, check=True, timeout_s=60):
        """The stock AWS CLI with only the endpoint, region and key set."""
        env = clean_environment(
            AWS_ENDPOINT_URL=self.url,
            AWS_DEFAULT_REGION=REGION,
            AWS_ACCESS_KEY_ID=key[0],
            AWS_SECRET_ACCESS_KEY=key[1],
            AWS_CONFIG_FILE="/dev/null",
            AWS_SHARED_CREDENTIALS_FILE="/dev/null",
            AWS_MAX_ATTEMPTS="1",
            AWS_PAGER="",
        )
        command = [str(PYTHON_BIN / "aws"), *(str(argument) for argument in arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout_s, cwd=self.folder)
        if check and done.returncode != 0:
            raise AssertionError(
                f"aws {' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr}{done.stdout}"
            )
        return done

    def console(self, path):
        """Status and text of a page of the console address."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.console_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        """Sum of all samples of a metric whose name starts so."""
        lines = self.console("/-/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    # --- what was recorded ---

    def events(self, *options, timeout_s=60):
        """Records as `opentrail events --output json` prints them, data events too."""
        command = [BINARY, "events", "--output", "json", *self.events_address(), *options]
        done = subprocess.run(
            [str(part) for part in command], env=self.events_env(), capture_output=True, text=True, timeout=timeout_s
        )
        assert done.returncode == 0, f"opentrail events ended with {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    def events_address(self):
        return ["--endpoint", f"http://127.0.0.1:{self.console_port}"]

    @staticmethod
    def events_env():
        return clean_environment(AWS_ACCESS_KEY_ID=ROOT_KEY[0], AWS_SECRET_ACCESS_KEY=ROOT_KEY[1])

    def search(self, pages_max=1, **words):
        """Records of the console's search, newest first, data events too: what `opentrail events` asks, without a
        process for each question."""
        found, cursor = [], None
        for _ in range(pages_max):
            answer = self.search_page({**words, **({"cursor": cursor} if cursor else {})})
            found += answer["events"]
            cursor = answer.get("next")
            if not cursor:
                return found
        return found

    def search_page(self, words):
        url = f"http://127.0.0.1:{self.console_port}/api/v1/events/search"
        signed = AWSRequest("POST", url, data=json.dumps(words), headers={"Content-Type": "application/json"})
        SigV4Auth(Credentials(*ROOT_KEY), "opentrail", REGION).add_auth(signed)
        request = urllib.request.Request(url, signed.data.encode(), dict(signed.headers.items()), method="POST")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"search {words}: {error.code} {error.read().decode()}") from error

    def lookup(self, region=REGION, **parameters):
        """All events of a region that LookupEvents finds, page by page, each with its record parsed."""
        pages = self.client("cloudtrail", region=region).get_paginator("lookup_events").paginate(**parameters)
        found = [event for page in pages for event in page["Events"]]
        for event in found:
            event["record"] = json.loads(event["CloudTrailEvent"])
        return found

    def lookup_by(self, key, value, **parameters):
        return self.lookup(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **parameters)

    def marked_event(self, mark, event_name, timeout_s=EVENT_TIMEOUT_S):
        """The one record whose user agent holds the mark."""

        def find():
            found = [
                record
                for record in self.search(eventName=[event_name], limit=200)
                if mark in record.get("userAgent", "")
            ]
            assert len(found) <= 1, f"{len(found)} records of one call: {found}"
            return found

        return wait_until(f"a record of {event_name} marked {mark}", find, timeout_s)[0]

    def files(self):
        """Every file below the data folder."""
        return [path for path in self.data.rglob("*") if path.is_file()]


def mark_calls(client):
    """Marks every call of the client in its user agent, which no signature covers. Returns the marks, newest last."""
    marks = []

    def add(request, **_):
        mark = f"call/{uuid.uuid4().hex}"
        marks.append(mark)
        agent = request.headers["User-Agent"]
        agent = agent.decode() if isinstance(agent, bytes) else agent
        request.headers["User-Agent"] = f"{agent} {mark}"

    client.meta.events.register("before-send", add)
    return marks


def new_folder():
    return Path(tempfile.mkdtemp(prefix="opentrail-e2e-"))
