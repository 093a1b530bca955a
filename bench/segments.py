#!/usr/bin/env python3
"""Segments in a bucket against segments in the data folder: what an import costs, and what lookups cost cold and warm.

The same log files are imported twice, once with `--segments` into an S3 server on loopback (SeaweedFS), and both are asked
the same lookups: with nothing of the bucket at hand, with what earlier lookups have left on the disk, and with all caches
warm; the first once more through a relay that holds each request up for as long as a bucket far away would. Needs a
release build and the environment of the tests: `make bench-segments`. Prints Markdown.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

import boto3
from botocore.config import Config

import history_opentrail
from history_measure import bytes_below, percentile
from history_opentrail import KEY_ID, SECRET, Client, free_port, wait_until_ready
from history_questions import lookups
from upstreams import SeaweedS3

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
BUCKET = "segments"


class Relay:
    """Passes connections on; what a client sends waits for a time, as on a long way."""

    def __init__(self, port, seconds):
        self.port, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.pass_on, args=(client, server, self.seconds), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, 0), daemon=True).start()

    @staticmethod
    def pass_on(source, target, seconds):
        try:
            while data := source.recv(1 << 18):
                time.sleep(seconds)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENTRAIL_"))}
    return kept | {"OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY_ID, "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": SECRET} | more


def bucket_environment(url):
    key, secret = SeaweedS3.KEY
    return environment(OPENTRAIL_SEGMENTS=f"s3://{BUCKET}/history", AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID=key,
                       AWS_SECRET_ACCESS_KEY=secret, AWS_REGION="us-east-1")


def load(data, files, env):
    begin = time.monotonic()
    command = [BUILT / "opentrail", "import", "--quiet", "--output", "json", "--data-dir", data, files]
    importer = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    report = json.loads(importer.stdout.read())
    _, status, usage = os.wait4(importer.pid, 0)
    importer.returncode = os.waitstatus_to_exitcode(status)
    if importer.returncode != 0:
        raise SystemExit(f"the import failed: {json.dumps(report)[:2000]}")
    wall_s, cpu_s = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
    return {"events": report["records"]["stored"], "wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": usage.ru_maxrss / 1024}


class Server:
    """A server on a data folder; it is asked for metrics and lookups."""

    def __init__(self, data, env, home):
        self.endpoint, self.console = free_port(), free_port()
        command = [BUILT / "opentrail", "serve", "--data-dir", data, "--listen", f"127.0.0.1:{self.endpoint}",
                   "--console-listen", f"127.0.0.1:{self.console}", "--account-id", home["account"], "--region", home["region"]]
        begin = time.monotonic()
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until_ready(self.process, self.console)
        self.ready_s = time.monotonic() - begin
        self.clients = Client(self.endpoint, home["region"]), Client(self.console, home["region"])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.console}/-/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.search(rf"^{name}(?:_total)? (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0


def ask_once(server, manifest, questions):
    """Milliseconds of each question with each value, in the order in which they are asked."""
    times = {question.name: [] for question in questions}
    for question in questions:
        for number in range(len(question.ours)):
            _, milliseconds = history_opentrail.ask(server.clients, manifest, question, number, 60)
            times[question.name].append(milliseconds)
    return times


def measure(case, data, env, manifest, questions, rounds=1, settle=False):
    with Server(data, env, manifest["home"]) as server:
        if settle:
            time.sleep(3)
        times = [ask_once(server, manifest, questions) for _ in range(rounds)][-1]
        fetched, requests = (server.metric(f"opentrail_history_bucket_{name}") for name in ("fetched_bytes", "requests"))
    return {"case": case, "times": times, "ready_s": server.ready_s, "fetched_mib": fetched / 2**20, "requests": requests}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--values", type=int, default=10, help="values of each kind of lookup")
    parser.add_argument("--way-ms", type=float, default=20, help="how long the relay holds a request up")
    parser.add_argument("--work", type=pathlib.Path, help="folder for files and stores; removed at the end")
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="opentrail-segments-", dir=arguments.work))
    seaweed = None
    try:
        command = [BUILT / "opentrail-workload", "generate", "--events", str(arguments.events), "--seed", str(arguments.seed),
                   "--days", "80", "--accounts", "3", "--regions", "3", "--out", work / "files"]
        manifest = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        questions = list(lookups(manifest, arguments.values))
        seaweed = SeaweedS3(work / "seaweed")
        key, secret = SeaweedS3.KEY
        boto3.client("s3", endpoint_url=seaweed.url, aws_access_key_id=key, aws_secret_access_key=secret,
                     region_name="us-east-1", config=Config(s3={"addressing_style": "path"})).create_bucket(Bucket=BUCKET)
        local, remote = work / "local", work / "remote"
        direct, far = bucket_environment(seaweed.url), bucket_environment(Relay(seaweed.port, arguments.way_ms / 1000).url)
        loads = {"folder": load(local, work / "files", environment()), "bucket": load(remote, work / "files", direct)}
        cache = remote / "segment-cache"
        cases = [measure("folder, first", local, environment(), manifest, questions)]
        cases.append(measure("folder, warm", local, environment(), manifest, questions, rounds=3))
        shutil.rmtree(cache)
        cases.append(measure("bucket, nothing at hand", remote, direct, manifest, questions))
        cases.append(measure("bucket, cache on disk", remote, direct, manifest, questions, settle=True))
        cases.append(measure("bucket, warm", remote, direct, manifest, questions, rounds=3))
        shutil.rmtree(cache)
        cases.append(measure(f"bucket {arguments.way_ms:g} ms away, nothing at hand", remote, far, manifest, questions))
        cases.append(measure(f"bucket {arguments.way_ms:g} ms away, warm", remote, far, manifest, questions, rounds=3))
        print_results(loads, cases, local, questions)
    finally:
        if seaweed:
            seaweed.stop()
        shutil.rmtree(work, ignore_errors=True)


def print_results(loads, cases, local, questions):
    print(f"{loads['folder']['events']:,} events; {bytes_below(local / 'segments') / loads['folder']['events']:,.0f} bytes each "
          f"in {len(list((local / 'segments').iterdir()))} segments.\n")
    print("| import | events/s | processor seconds | peak memory, MiB |\n| --- | --- | --- | --- |")
    for name, one in loads.items():
        print(f"| into the {name} | {one['events'] / one['wall_s']:,.0f} | {one['cpu_s']:,.1f} | {one['peak_mib']:,.0f} |")
    kinds = ["frequent", "rare", "absent"]
    print("\n| lookups, p50 / p99 ms | " + " | ".join(kinds) + " | ready, s | fetched, MiB | requests |")
    print("| --- |" + " --- |" * (len(kinds) + 3))
    for case in cases:
        cells = []
        for kind in kinds:
            times = [time for question in questions if question.name.endswith(kind) for time in case["times"][question.name]]
            cells.append(f"{percentile(times, 0.5):,.2f} / {percentile(times, 0.99):,.2f}")
        print(f"| {case['case']} | " + " | ".join(cells) + f" | {case['ready_s']:.2f} | {case['fetched_mib']:,.1f} | {case['requests']:,.0f} |")


if __name__ == "__main__":
    main()
