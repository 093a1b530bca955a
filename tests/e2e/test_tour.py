"""The tour of the README: the stock AWS CLI, the embedded buckets, and the history."""

import json
import stat
import subprocess
import threading
import time

from opentrail import ACCOUNT, BINARY, EVENT_TIMEOUT_S, REGION, ROOT_KEY, OpenTrail
from process import wait_until


def lookup_by_cli(opentrail, key, value):
    done = opentrail.aws(
        "cloudtrail",
        "lookup-events",
        "--lookup-attributes",
        f"AttributeKey={key},AttributeValue={value}",
        "--output",
        "json",
    )
    return json.loads(done.stdout)["Events"]


def test_buckets_and_history_with_the_aws_cli(installation, folder):
    opentrail = installation()
    (folder / "hello.txt").write_text("hello, trail\n")

    opentrail.aws("s3", "mb", "s3://first-light")
    made = time.monotonic()
    # The promise is one second from the answer; the CLI itself needs most of it to start, so ask directly first.
    wait_until(
        "LookupEvents finds CreateBucket", lambda: opentrail.lookup_by("EventName", "CreateBucket"), EVENT_TIMEOUT_S
    )
    assert time.monotonic() - made < EVENT_TIMEOUT_S + 1
    opentrail.aws("s3", "cp", folder / "hello.txt", "s3://first-light/greetings/hello.txt")
    listing = opentrail.aws("s3", "ls", "s3://first-light/greetings/").stdout
    assert listing.split()[-2:] == ["13", "hello.txt"]
    opentrail.aws("s3", "cp", "s3://first-light/greetings/hello.txt", folder / "back.txt")
    assert (folder / "back.txt").read_text() == "hello, trail\n"
    opentrail.aws("s3", "rm", "s3://first-light/greetings/hello.txt")
    opentrail.aws("s3", "rb", "s3://first-light")

    events = lookup_by_cli(opentrail, "EventName", "CreateBucket")
    assert len(events) == 1
    event = events[0]
    record = json.loads(event["CloudTrailEvent"])
    assert event["EventId"] == record["eventID"]
    assert event["EventSource"] == record["eventSource"] == "s3.amazonaws.com"
    assert event["Username"] == "root"
    assert event["AccessKeyId"] == record["userIdentity"]["accessKeyId"] == ROOT_KEY[0]
    assert event["ReadOnly"] == "false" and record["readOnly"] is False
    assert record["eventName"] == "CreateBucket"
    assert record["awsRegion"] == REGION and record["recipientAccountId"] == ACCOUNT
    assert record["userIdentity"]["type"] == "Root" and record["userIdentity"]["accountId"] == ACCOUNT
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert record["userAgent"].startswith("[aws-cli/")
    assert record["requestParameters"]["bucketName"] == "first-light"
    assert record["eventType"] == "AwsApiCall" and record["eventCategory"] == "Management"
    assert record["managementEvent"] is True
    assert "errorCode" not in record
    assert {"first-light"} <= {resource["ResourceName"] for resource in event["Resources"]}
    assert lookup_by_cli(opentrail, "EventName", "DeleteBucket")

    # LookupEvents shows management events alone, as AWS does; `opentrail events` shows data events too.
    assert lookup_by_cli(opentrail, "EventName", "PutObject") == []
    by_name = {}
    for record in opentrail.events():
        by_name.setdefault(record["eventName"], []).append(record)
    assert {
        "CreateBucket",
        "PutObject",
        "ListObjects",
        "HeadObject",
        "GetObject",
        "DeleteObject",
        "DeleteBucket",
    } <= set(by_name)
    for name, read_only in {"PutObject": False, "GetObject": True, "DeleteObject": False}.items():
        (record,) = by_name[name]
        assert record["requestParameters"]["bucketName"] == "first-light"
        assert record["requestParameters"]["key"] == "greetings/hello.txt"
        assert record["eventCategory"] == "Data" and record["managementEvent"] is False
        assert record["readOnly"] is read_only
        assert "arn:aws:s3:::first-light/greetings/hello.txt" in {
            resource.get("ARN") for resource in record["resources"]
        }
    assert by_name["GetObject"][0]["additionalEventData"]["bytesTransferredOut"] == 13
    # Reading the history is a call like any other.
    assert "LookupEvents" in by_name


def test_a_first_start_makes_a_key_that_works_and_keeps_it(folder):
    class Fresh(OpenTrail):
        """An installation that nobody gave a key."""

        ROOT_KEY_VARIABLES = {}

    def key_from(text):
        words = text.replace("=", " ").split()
        return words[words.index("AWS_ACCESS_KEY_ID") + 1], words[words.index("AWS_SECRET_ACCESS_KEY") + 1]

    with Fresh(folder / "fresh") as opentrail:
        log = wait_until(
            "the banner names the key",
            lambda: "AWS_SECRET_ACCESS_KEY=" in opentrail.process.log and opentrail.process.log,
        )
        key = key_from(log)
        assert key[0].startswith("AKIA") and len(key[0]) == 20 and len(key[1]) == 40
        assert str(opentrail.port) in log and str(opentrail.console_port) in log
        opentrail.client("s3", key=key).create_bucket(Bucket="mine")
        keepers = [path for path in opentrail.files() if key[1].encode() in path.read_bytes()]
        assert len(keepers) == 1, "the secret is kept in one file and nowhere else"
        assert stat.S_IMODE(keepers[0].stat().st_mode) == 0o600
    with Fresh(folder / "fresh") as opentrail:
        assert key[1] not in opentrail.process.log, "the secret is shown at the first start only"
        assert [bucket["Name"] for bucket in opentrail.client("s3", key=key).list_buckets()["Buckets"]] == ["mine"]


def test_events_are_there_after_a_restart(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="before-restart")
    before = opentrail.lookup_by("EventName", "CreateBucket")
    assert opentrail.stop() == 0, "SIGTERM ends it in order"
    opentrail.start()
    after = opentrail.lookup_by("EventName", "CreateBucket")
    assert [event["CloudTrailEvent"] for event in after] == [event["CloudTrailEvent"] for event in before]


def test_followed_events_come_as_they_happen(installation):
    opentrail = installation()
    command = [str(BINARY), "events", "--follow", "--output", "jsonl", *opentrail.events_address()]
    follower = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=opentrail.events_env()
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        s3 = opentrail.client("s3")

        def made_and_seen():
            # The follower may connect after a call, so calls go on until it has seen one.
            name = f"live-{len(made)}"
            s3.create_bucket(Bucket=name)
            made.append(name)
            return [line for line in lines if "CreateBucket" in line]

        made = []
        seen = wait_until("the follower prints a CreateBucket", made_and_seen, 10, 0.3)
        record = json.loads(seen[0])
        assert record["eventName"] == "CreateBucket" and record["requestParameters"]["bucketName"] in made
    finally:
        follower.terminate()
        follower.wait(10)
