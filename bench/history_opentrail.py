"""OpenTrail as a store of CloudTrail records: imported by the command, asked over HTTP like any client asks."""

import datetime
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from history_measure import ask_all, bytes_below
from history_questions import PAGE

# AWS's documentation key. The server is this script's own and listens on loopback alone.
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
LOOKUP_TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """One connection that stays open. Signing is the client's work and is not timed. Bodies are bytes, or made JSON."""

    def __init__(self, port, region):
        self.host = f"127.0.0.1:{port}"
        self.region = region
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, service, path, body, headers):
        text, milliseconds = self.call(service, path, body, headers)
        return json.loads(text), milliseconds

    def call(self, service, path, body, headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = AWSRequest("POST", f"http://{self.host}{path}", data=data, headers=headers)
        SigV4Auth(Credentials(KEY_ID, SECRET), service, self.region).add_auth(request)
        signed = dict(request.headers.items())
        begin = time.perf_counter()
        self.connection.request("POST", path, data, signed)
        answer = self.connection.getresponse()
        text = answer.read()
        milliseconds = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {text[:500]!r}")
        return text, milliseconds


def measure(binary, folder, work, manifest, questions, seconds_max):
    data = work / "opentrail"
    home = manifest["home"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENTRAIL_"))}
    environment |= {"OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY_ID, "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": SECRET}
    start = time.monotonic()
    importer = subprocess.Popen([binary, "import", "--quiet", "--output", "json", "--data-dir", data, folder],
                                stdout=subprocess.PIPE, env=environment)
    report = json.loads(importer.stdout.read())
    _, status, usage = os.wait4(importer.pid, 0)
    importer.returncode = os.waitstatus_to_exitcode(status)
    load = {"wall_s": time.monotonic() - start, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}
    if importer.returncode != 0:
        raise SystemExit(f"the import failed: {json.dumps(report)[:2000]}")
    size = bytes_below(data)
    endpoint, console = free_port(), free_port()
    begin = time.monotonic()
    server = subprocess.Popen(
        [binary, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{endpoint}", "--console-listen",
         f"127.0.0.1:{console}", "--account-id", home["account"], "--region", home["region"]],
        env=environment, stdout=subprocess.DEVNULL, stderr=open(work / "opentrail.log", "wb"))
    try:
        wait_until_ready(server, console)
        ready_s = time.monotonic() - begin
        clients = Client(endpoint, home["region"]), Client(console, home["region"])
        answers = ask_all(questions, lambda question, number: ask(clients, manifest, question, number, seconds_max), seconds_max)
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
    peak_kib = int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
    return {"name": "OpenTrail", "events": report["records"]["stored"], "load": load, "bytes": size, "ready_s": ready_s,
            "answers": answers, "peak_mib": peak_kib / 1024}


def wait_until_ready(server, port, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit("the server ended at its start")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"the server is not ready after {seconds} s")


def ask(clients, manifest, question, number, seconds_max):
    endpoint, console = clients
    asked = question.ours[number]
    if question.group == "lookup":
        attribute, value = asked
        # The generator's period may end an hour or so ago and never in the future.
        until = datetime.datetime.fromisoformat(manifest["until"].replace("Z", "+00:00")).timestamp()
        body = {"LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}], "MaxResults": PAGE,
                "StartTime": until - manifest["days"] * 86400, "EndTime": until}
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": LOOKUP_TARGET}
        answer, milliseconds = endpoint.post("cloudtrail", "/", body, headers)
        return len(answer["Events"]), milliseconds
    events, total, cursor = 0, 0.0, None
    # An answer may end before anything was found; its cursor goes on, and all of it counts as one answer.
    while True:
        # Up to the end of the files: the calls of this client are recorded too.
        body = {"query": asked, "limit": PAGE - events, "until": manifest["until"]} | ({"cursor": cursor} if cursor else {})
        answer, milliseconds = console.post("opentrail", "/api/v1/events/search", body, {"Content-Type": "application/json"})
        events += len(answer["events"])
        total += milliseconds
        cursor = answer.get("next")
        if events >= PAGE or not cursor or total > seconds_max * 1000:
            return events, total
