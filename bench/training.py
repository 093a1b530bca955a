#!/usr/bin/env python3
"""Leads an instrumented OpenTrail through what it does most, so that `make profile` can tell the compiler what that is.

Calls of every protocol through the gateway, small and large, reads and changes; then an import of log files, lookups,
text search and audit questions. It measures nothing. Needs Debian's nginx-light and wrk, and botocore for signing.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import gateway
import history_opentrail
from history_questions import all_questions

JSON_10, FORM = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
# Title, path, service, method, body, headers.
CALLS = [
    ("get", "/bucket/key", "s3", "GET", "", {}),
    ("put", "/bucket/folder/key%20with%20blanks?x-id=PutObject", "s3", "PUT", "0123456789abcdef", {"x-amz-storage-class": "STANDARD"}),
    ("list", "/bucket?list-type=2&prefix=folder%2F&max-keys=100", "s3", "GET", "", {}),
    ("item", "/", "dynamodb", "POST", '{"TableName":"Music","Key":{"Artist":{"S":"No One You Know"}}}',
     {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": JSON_10}),
    ("write", "/", "dynamodb", "POST", '{"TableName":"Music","Item":{"Artist":{"S":"No One You Know"},"Year":{"N":"2015"}}}',
     {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": JSON_10}),
    ("secret", "/", "secretsmanager", "POST", '{"SecretId":"production/database"}',
     {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"}),
    ("send", "/", "sqs", "POST", '{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/111122223333/jobs","MessageBody":"work"}',
     {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": JSON_10}),
    ("role", "/", "sts", "POST", "Action=GetCallerIdentity&Version=2011-06-15", {"Content-Type": FORM}),
    ("user", "/", "iam", "POST", "Action=CreateUser&Version=2010-05-08&UserName=ana&Path=%2Fteam%2F", {"Content-Type": FORM}),
    ("hosts", "/", "ec2", "POST", "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Arole&Filter.1.Value.1=web",
     {"Content-Type": FORM}),
    ("invoke", "/2015-03-31/functions/resize/invocations", "lambda", "POST", '{"key":"value"}', {}),
]


def calls(binary, folder, seconds):
    bench = gateway.Bench(folder)
    bench.ports = {"upstream": gateway.free_port()}
    try:
        bench.nginx("upstream", gateway.UPSTREAM_SERVER, bench.ports["upstream"])
        objects = folder / "upstream" / "objects"
        objects.mkdir()
        (objects / "1mb").write_bytes(os.urandom(1024 * 1024))
        port = gateway.free_port()
        bench.start([str(binary), "serve", "--upstream", f"http://127.0.0.1:{bench.ports['upstream']}", "--listen",
                     f"127.0.0.1:{port}", "--console-listen", f"127.0.0.1:{gateway.free_port()}", "--log", "warn",
                     "--data-dir", str(folder / "data")], port)
        for title, path, service, method, body, headers in CALLS:
            script = gateway.lua(folder, title, service, method, body, headers)
            row = gateway.wrk(port, path, seconds, 64, script)
            print(f"{title:8} {row['rate']:8.0f} calls a second", flush=True)
        gateway.wrk(port, "/objects/1mb", seconds, 16, folder / "get.lua")
        gateway.wrk(port, "/bucket/key", seconds, 150, gateway.paced(folder, folder / "get.lua"))
    finally:
        # It writes its profile when it ends in order.
        bench.stop()


def history(binary, workload, folder, events):
    files = folder / "files"
    command = [workload, "generate", "--events", str(events), "--seed", "1", "--days", "80", "--accounts", "3", "--regions", "3",
               "--out", files]
    manifest = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    result = history_opentrail.measure(binary, files, folder, manifest, all_questions(manifest, 6), 0.3)
    print(f"history  {result['events']} events imported, and asked", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=pathlib.Path, help="folder of the instrumented opentrail and opentrail-workload")
    parser.add_argument("--seconds", type=int, default=3, help="of each kind of call (default 3)")
    parser.add_argument("--events", type=int, default=200_000, help="to import (default 200,000)")
    arguments = parser.parse_args()
    binary, workload = arguments.binaries / "opentrail", arguments.binaries / "opentrail-workload"
    with tempfile.TemporaryDirectory(prefix="opentrail-training-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        calls(binary, folder, arguments.seconds)
        history(binary, workload, folder, arguments.events)


if __name__ == "__main__":
    main()
