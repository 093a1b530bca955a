#!/usr/bin/env python3
"""Delivery of a trail under load: how long from a call to its log file, and what delivering costs.

nginx answers every call, OpenTrail records them, a trail delivers them to an embedded bucket. Marked calls go in between;
each is looked for in the log files as they appear. The processor time of the same load without a trail is taken off.
Needs Debian's nginx-light and wrk, a release build, and boto3: `make bench-delivery`.
"""

import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import tempfile
import threading
import time

import boto3
from botocore.config import Config

import gateway
from gateway import BINARY, UPSTREAM_SERVER, Bench, free_port, lua, paced, wrk

KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MARKS_A_SECOND = 10


def client(service, port):
    config = Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", config=config,
                        aws_access_key_id=KEY[0], aws_secret_access_key=KEY[1])


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """Marks calls, and notes when each log file is first listed."""

    def __init__(self, port, known=()):
        super().__init__(daemon=True)
        self.known = set(known)
        self.port, self.ended = port, threading.Event()
        self.sent, self.seen = {}, {}

    def run(self):
        s3, dynamodb, next_list = client("s3", self.port), client("dynamodb", self.port), 0.0
        while not self.ended.wait(1 / MARKS_A_SECOND):
            name = f"mark-{id(self)}-{len(self.sent)}"
            self.sent[name] = time.monotonic()
            try:
                dynamodb.describe_table(TableName=name)
            except Exception:  # The upstream's answer is no DynamoDB's; what counts is that there was a call.
                pass
            if time.monotonic() >= next_list:
                self.look(s3)
                next_list = time.monotonic() + 0.25

    def look(self, s3):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="logs")
        for page in pages:
            for item in page.get("Contents", []):
                if "/CloudTrail/" not in item["Key"] or item["Key"] in self.known:
                    continue
                self.seen.setdefault(item["Key"], time.monotonic())

    def latencies(self, s3):
        """Seconds from each mark to the listing of its log file; and the number of records."""
        found, records = {}, 0
        for key, at in self.seen.items():
            body = gzip.decompress(s3.get_object(Bucket="logs", Key=key)["Body"].read())
            for record in json.loads(body)["Records"]:
                records += 1
                name = (record.get("requestParameters") or {}).get("tableName", "")
                if name in self.sent:
                    found[name] = at - self.sent[name]
        return found, records


def load(port, folder, arguments):
    script = paced(folder, lua(folder, "describe", "dynamodb", "POST", '{"TableName":"Music"}', {
        "X-Amz-Target": "DynamoDB_20120810.DescribeTable", "Content-Type": "application/x-amz-json-1.0"}))
    return wrk(port, "/", arguments.seconds, max(2, round(arguments.rate * 0.0105)), script)


def measured(trail, port, folder, arguments):
    """Rate, and cores used, of a load."""
    used, begin = processor_seconds(trail), time.monotonic()
    rate = load(port, folder, arguments)["rate"]
    return rate, (processor_seconds(trail) - used) / (time.monotonic() - begin)


def run(arguments, folder):
    bench = Bench(folder)
    bench.ports = {}
    upstream, port, console = free_port(), free_port(), free_port()
    try:
        bench.nginx("upstream", UPSTREAM_SERVER, upstream)
        environment = {**os.environ, "OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY[0], "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": KEY[1],
                       "OPENTRAIL_DELIVERY_INTERVAL": f"{arguments.interval}s"}
        command = [str(BINARY), "serve", "--data-dir", str(folder / "data"), "--listen", f"127.0.0.1:{port}",
                   "--console-listen", f"127.0.0.1:{console}", "--upstream", f"http://127.0.0.1:{upstream}"]
        trail = bench.start(command, port, env=environment)
        s3, cloudtrail = client("s3", port), client("cloudtrail", port)
        s3.create_bucket(Bucket="logs")
        cloudtrail.create_trail(Name="main", S3BucketName="logs", IsMultiRegionTrail=True, EnableLogFileValidation=True)
        load(port, folder, argparse.Namespace(rate=arguments.rate, seconds=3))
        without, within, watches = [], [], []
        for _ in range(arguments.rounds):
            watch = Watch(port)
            watch.start()
            without.append(measured(trail, port, folder, arguments))
            watch.ended.set()
            watch.join()
            watch = Watch(port, (key for other in watches for key in other.seen))
            cloudtrail.start_logging(Name="main")
            watch.start()
            within.append(measured(trail, port, folder, arguments))
            # What the last calls wait for.
            deadline = time.monotonic() + arguments.interval + 3
            while time.monotonic() < deadline:
                time.sleep(0.1)
            watch.ended.set()
            watch.join()
            cloudtrail.stop_logging(Name="main")
            watches.append(watch)
        marks, records = [], 0
        last = arguments.interval + 2
        for watch in watches:
            found, count = watch.latencies(s3)
            records += count
            end = max(watch.sent.values())
            missing = [name for name, at in watch.sent.items() if name not in found and at < end - last]
            if missing:
                raise SystemExit(f"{len(missing)} marked calls were not delivered, such as {missing[0]}")
            marks += found.values()
        marks.sort()
        rate = statistics.median(rate for rate, _ in within)
        cores = [statistics.median(used for _, used in runs) for runs in (without, within)]
        print(f"{rate:.0f} calls a second, delivered every {arguments.interval} s; {len(marks)} marked calls, {records} records")
        print(f"from call to log file: p50 {marks[len(marks) // 2]:.2f} s, p99 {marks[int(len(marks) * 0.99)]:.2f} s, "
              f"longest {marks[-1]:.2f} s")
        print(f"cores: {cores[0]:.3f} without a trail, {cores[1]:.3f} with one: delivery takes {cores[1] - cores[0]:.3f}")
    finally:
        bench.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000, help="calls a second, about")
    parser.add_argument("--seconds", type=int, default=20, help="of each load")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--interval", type=int, default=2, help="seconds between deliveries")
    arguments = parser.parse_args()
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin"):
            raise SystemExit(f"{tool} is missing: apt-get install nginx-light wrk")
    if not BINARY.exists():
        raise SystemExit(f"{gateway.BINARY} is missing: cargo build --release -p opentrail-server")
    with tempfile.TemporaryDirectory(prefix="opentrail-bench-") as folder:
        run(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
