#!/usr/bin/env python3
"""From a call to its event in LookupEvents, while as much goes in as goes in.

Two loads, one after the other: calls through the gateway, recorded as fast as they come, and records that are posted to
the console in bodies of some megabytes. Marked calls go in between, and each is looked up until it is found; the time is
from its first byte to the answer that has it. Needs Debian's nginx-light and wrk, a release build, and botocore:
`make bench-visible`.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from gateway import BINARY, UPSTREAM_SERVER, Bench, free_port, lua, wrk
from history_measure import percentile
from history_opentrail import KEY_ID, LOOKUP_TARGET, SECRET, Client

WORKLOAD = BINARY.with_name("opentrail-workload")
REGION = "us-east-1"
DYNAMODB = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.DescribeTable"}
LOOKUP = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": LOOKUP_TARGET}
LINES_BYTES = 4 * 1024 * 1024
# Longer than any goal: an event that is not there by then is lost.
LOST_SECONDS = 20


class Marks(threading.Thread):
    """Calls with names of their own, each looked up until it is found."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.ended, self.milliseconds, self.lost = Client(port, REGION), threading.Event(), [], []

    def run(self):
        while not self.ended.wait(0.02):
            name = f"mark-{len(self.milliseconds) + len(self.lost)}-{id(self)}"
            begin = time.monotonic()
            self.client.call("dynamodb", "/", {"TableName": name}, DYNAMODB)
            asked = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": name}]}
            while not self.client.post("cloudtrail", "/", asked, LOOKUP)[0]["Events"]:
                if time.monotonic() > begin + LOST_SECONDS:
                    self.lost.append(name)
                    break
            else:
                self.milliseconds.append((time.monotonic() - begin) * 1000)


def bodies(folder, events):
    """Bodies of some megabytes, one record a line."""
    subprocess.run([WORKLOAD, "generate", "--events", str(events), "--format", "json-lines", "--days", "20", "--out", folder],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines, size = [], 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for line in file.read_bytes().splitlines(keepends=True):
            lines.append(line)
            size += len(line)
            if size >= LINES_BYTES:
                yield b"".join(lines)
                lines, size = [], 0


def post_records(console, portions):
    """Posts bodies on as many connections as there are cores, and gives events a second."""
    begin, total = time.monotonic(), 0
    portions, lock = iter(portions), threading.Lock()

    def work():
        client, stored = Client(console, REGION), 0
        while True:
            with lock:
                body = next(portions, None)
            if body is None:
                return stored
            stored += client.post("opentrail", "/api/v1/records", body, {"Content-Type": "application/x-ndjson"})[0]["stored"]

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for future in [pool.submit(work) for _ in range(os.cpu_count() or 1)]:
            total += future.result()
    return total / (time.monotonic() - begin)


def measured(port, load):
    marks = Marks(port)
    marks.start()
    rate = load()
    marks.ended.set()
    marks.join()
    if not marks.milliseconds:
        raise SystemExit("no marked call was found")
    if marks.lost:
        raise SystemExit(f"{len(marks.lost)} calls were not found after {LOST_SECONDS} s, such as {marks.lost[0]}")
    return rate, sorted(marks.milliseconds)


def run(arguments, folder):
    bench = Bench(folder)
    bench.ports = {}
    upstream, port, console = free_port(), free_port(), free_port()
    portions = list(bodies(folder / "records", arguments.events))
    try:
        bench.nginx("upstream", UPSTREAM_SERVER, upstream)
        environment = {**os.environ, "OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY_ID, "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": SECRET}
        command = [str(BINARY), "serve", "--data-dir", str(folder / "data"), "--listen", f"127.0.0.1:{port}",
                   "--console-listen", f"127.0.0.1:{console}", "--upstream", f"http://127.0.0.1:{upstream}"]
        bench.start(command, port, env=environment)
        script = lua(folder, "describe", "dynamodb", "POST", '{"TableName":"Music"}', DYNAMODB)
        calls = lambda: wrk(port, "/", arguments.seconds, arguments.connections, script)["rate"]  # noqa: E731
        print("| load | events/s | marked calls | p50, ms | p99, ms | longest, ms |\n| --- | --- | --- | --- | --- | --- |")
        for name, load in (("calls", calls), ("records", lambda: post_records(console, portions))):
            rate, times = measured(port, load)
            print(f"| {name} | {rate:,.0f} | {len(times)} | {percentile(times, 0.5):.1f} | {percentile(times, 0.99):.1f} | "
                  f"{times[-1]:.1f} |", flush=True)
    finally:
        bench.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of the load of calls")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--events", type=int, default=500_000, help="of the load of records")
    arguments = parser.parse_args()
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin"):
            raise SystemExit(f"{tool} is missing: apt-get install nginx-light wrk")
    for program in (BINARY, WORKLOAD):
        if not program.exists():
            raise SystemExit(f"{program} is missing: cargo build --release -p opentrail-server -p opentrail-workload")
    with tempfile.TemporaryDirectory(prefix="opentrail-bench-") as folder:
        run(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
