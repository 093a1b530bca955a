"""`opentrail import`: log files of every format, from folders and buckets, each event once, and the accounts even."""

import gzip
import json
import random
import signal
import subprocess
import time
import uuid
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.config import Config

from opentrail import ACCOUNT, BINARY, OpenTrail, REGION
from process import ServerProcess, clean_environment, wait_until

NAMES = ["GetObject", "PutBucketPolicy", "AssumeRole", "RunInstances", "Decrypt"]


def make_record(number, rng):
    """A record as CloudTrail writes it, of one of the last three days."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=rng.randrange(60, 3 * 86_400))
    return {
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "userName": f"user-{number % 7}"},
        "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "s3.amazonaws.com",
        "eventName": rng.choice(NAMES),
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.7",
        "userAgent": 'agent "with" {braces} \\ and é',
        "requestParameters": {"key": f"a/{number}", "tags": [{"Key": "}]", "Value": "{["}]},
        "responseElements": None,
        "eventID": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def make_records(count, seed=1):
    rng = random.Random(seed)
    return [make_record(number, rng) for number in range(count)]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def log_file(records):
    return gzip.compress(compact({"Records": records}).encode())


def import_command(data, *arguments):
    return [str(part) for part in [BINARY, "import", "--data-dir", data, "--quiet", "--output", "json", *arguments]]


def run_import(data, *arguments, env=None):
    """Exit code and report. Whatever happens, the accounts must be even."""
    command = import_command(data, *arguments)
    done = subprocess.run(command, env=clean_environment(**(env or {})), capture_output=True, text=True, timeout=120)
    assert done.stdout, f"no report, exit code {done.returncode}:\n{done.stderr}"
    report = json.loads(done.stdout)
    records, files = report["records"], report["files"]
    assert records["read"] == records["stored"] + records["duplicates"] + records["rejected"], report
    assert files.pop("found") == sum(files.values()), report
    assert report["identity_holds"], report
    return done.returncode, report


def stored_records(folder, data):
    """Every record of the data folder, through a server that is started on it."""
    opentrail = OpenTrail(folder)
    assert opentrail.data == data
    with opentrail:
        return opentrail.events()


def by_id(records):
    found = {record["eventID"]: record for record in records}
    assert len(found) == len(records), "an event is there twice"
    return found


def test_every_format_is_found_again_as_it_was(folder):
    records = make_records(120)
    logs = folder / "logs"
    below = logs / f"AWSLogs/o-1/{ACCOUNT}/CloudTrail/{REGION}/2026/11/23"
    below.mkdir(parents=True)
    parts = [records[start : start + 20] for start in range(0, 120, 20)]
    (below / "a.json.gz").write_bytes(log_file(parts[0]))
    (below / "plain.json").write_text(json.dumps({"Records": parts[1]}, indent=2))
    (below / "lines.zst").write_bytes(gzip.compress("\n".join(map(compact, parts[2])).encode()))
    bridge = [{"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": record} for record in parts[3]]
    (below / "bridge").write_text("\r\n".join(map(compact, bridge)))
    lookup = {"Events": [{"EventId": record["eventID"], "CloudTrailEvent": compact(record)} for record in parts[4]]}
    (below / "lookup.json").write_bytes(json.dumps(lookup).encode("utf-16"))
    (below / "copies.gz").write_bytes(log_file(parts[5]) + log_file(parts[0]))
    digests = logs / f"AWSLogs/o-1/{ACCOUNT}/CloudTrail-Digest/{REGION}"
    digests.mkdir(parents=True)
    (digests / "d.json.gz").write_bytes(gzip.compress(b'{"awsAccountId":"1"}'))

    code, report = run_import(folder / "data", logs)
    assert code == 0
    assert report["records"] == {"read": 140, "stored": 120, "duplicates": 20, "rejected": 0}
    assert (report["files"]["imported"], report["files"]["digests"]) == (6, 1)
    code, again = run_import(folder / "data", logs)
    assert (code, again["records"]["read"], again["files"]["known"]) == (0, 0, 6)

    with OpenTrail(folder) as opentrail:
        assert by_id(opentrail.events()) == by_id(records)
        one = records[50]
        found = opentrail.lookup_by("EventId", one["eventID"])
        assert [event["record"] for event in found] == [one]


def test_an_import_killed_ten_times_stores_every_event_once(folder):
    records = make_records(12_000, seed=2)
    logs = folder / "logs"
    logs.mkdir()
    for number in range(60):
        # Neighbours share records, as trails of several regions do.
        part = records[number * 200 : number * 200 + 250]
        (logs / f"{number}.json.gz").write_bytes(log_file(part))
    began = time.monotonic()
    assert run_import(folder / "whole", logs)[0] == 0
    whole = time.monotonic() - began
    kills = 0
    for number in range(10):
        running = subprocess.Popen(import_command(folder / "data", logs), stdout=subprocess.DEVNULL)
        # Parts of what a whole one takes on this machine, the shortest first: once one ends there is nothing to kill.
        time.sleep(whole * (number + 1) / 12)
        if running.poll() is None:
            running.kill()
            kills += 1
        running.wait(10)
    assert kills > 0, "every import ended before it was killed"
    code, report = run_import(folder / "data", logs)
    assert code == 0, report
    assert report["files"]["imported"] + report["files"]["known"] == 60
    assert by_id(stored_records(folder, folder / "data")).keys() == by_id(records).keys()


def test_damage_is_named_and_takes_nothing_along(folder):
    records = make_records(300, seed=4)
    logs = folder / "logs"
    logs.mkdir()
    whole = log_file(records[:200])
    (logs / "cut.json.gz").write_bytes(whole[: len(whole) // 2])
    lines = [compact(record) for record in records[200:]]
    lines[10] = lines[10][:100]
    lines[20] = '{"eventName":"no id"}'
    (logs / "lines.json").write_text("\n".join(lines))
    (logs / "README").write_text("no log file\n")
    code, report = run_import(folder / "data", logs)
    assert code == 1, report
    assert [failed["file"] for failed in report["failed_files"]] == [str(logs / "cut.json.gz")]
    assert report["not_logs"] == [str(logs / "README")]
    assert 98 < report["records"]["stored"] < 298
    rejects = [json.loads(line) for line in open(report["rejects_file"])]
    named = {(reject["file"], reject["record"]) for reject in rejects if "record" in reject}
    assert {(str(logs / "lines.json"), 11), (str(logs / "lines.json"), 21)} <= named
    assert next(reject for reject in rejects if reject.get("record") == 11)["text"] == lines[10]

    # Once the file is whole, the rest comes, and what cannot be taken is no failure.
    (logs / "cut.json.gz").write_bytes(whole)
    code, report = run_import(folder / "data", logs)
    assert code == 0, report
    code, _ = run_import(folder / "other", logs / "lines.json", "--strict")
    assert code == 1
    wanted = by_id(records).keys() - {records[210]["eventID"], records[220]["eventID"]}
    assert by_id(stored_records(folder, folder / "data")).keys() == wanted


def test_a_place_without_files_is_an_error(folder):
    (folder / "empty").mkdir()
    for place in [folder / "nowhere", folder / "empty"]:
        code, report = run_import(folder / "data", place)
        assert code == 1 and len(report["failed_places"]) == 1, report


@pytest.fixture
def bucket(seaweed):
    """A client of an S3 server that checks signatures, an empty bucket on it, and the variables that lead there."""
    client = seaweed.client()
    name = f"trail-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    env = {
        "AWS_ENDPOINT_URL": seaweed.url,
        "AWS_ACCESS_KEY_ID": seaweed.KEY[0],
        "AWS_SECRET_ACCESS_KEY": seaweed.KEY[1],
        "AWS_REGION": REGION,
    }
    return client, name, env


def test_a_bucket_comes_over_and_is_followed(folder, bucket):
    client, name, env = bucket
    records = make_records(1_300, seed=5)
    day = datetime.now(timezone.utc).strftime("%Y/%m/%d")

    def put(number, part):
        key = f"logs/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}/{number} + é.json.gz"
        client.put_object(Bucket=name, Key=key, Body=log_file(part))

    for number in range(12):
        put(number, records[number * 100 : number * 100 + 100])
    client.put_object(Bucket=name, Key=f"logs/AWSLogs/{ACCOUNT}/CloudTrail-Digest/x.json.gz", Body=b"{}")
    code, report = run_import(folder / "data", f"s3://{name}/logs", env=env)
    assert (code, report["records"]["stored"], report["files"]["digests"]) == (0, 1_200, 1), report
    code, report = run_import(folder / "data", f"s3://{name}/logs/AWSLogs", env=env)
    assert (code, report["records"]["read"], report["files"]["known"]) == (0, 0, 12), report
    code, report = run_import(folder / "data", f"s3://{name}/", env={**env, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert code == 1 and report["failed_places"], report

    command = [BINARY, "import", "--data-dir", folder / "data", f"s3://{name}/logs", "--follow"]
    command += ["--follow-interval", "1", "--output", "json"]
    following = ServerProcess("following import", command, env=clean_environment(**env))
    time.sleep(2)
    put("late", records[1_200:])
    time.sleep(4)
    following.popen.send_signal(signal.SIGINT)
    wait_until("following ends", following.has_ended, 20)
    assert following.popen.returncode == 0, following.log
    assert by_id(stored_records(folder, folder / "data")).keys() == by_id(records).keys()


def test_a_queue_tells_of_new_files(folder, moto):
    key = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
    config = Config(s3={"addressing_style": "path"}, proxies={})
    s3 = boto3.client("s3", endpoint_url=moto.url, config=config, **key)
    sqs = boto3.client("sqs", endpoint_url=moto.url, config=config, **key)
    name = f"told-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    records = make_records(300, seed=11)
    s3.put_object(Bucket=name, Key="AWSLogs/before.json.gz", Body=log_file(records[:100]))

    env = {"AWS_ENDPOINT_URL": moto.url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}
    command = [BINARY, "import", "--data-dir", folder / "data", f"s3://{name}/AWSLogs", "--queue", queue]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30, env=clean_environment(**env))
    assert refused.returncode == 2 and "--follow" in refused.stderr, refused.stderr
    command += ["--follow", "--follow-interval", "3600", "--output", "json"]
    following = ServerProcess("following import", command, env=clean_environment(**env))
    time.sleep(3)
    s3.put_object(Bucket=name, Key="AWSLogs/late + é.json.gz", Body=log_file(records[100:200]))
    # As CloudTrail tells its topic, and the topic its queue; S3 tells of the object as well.
    s3.put_object(Bucket=name, Key="AWSLogs/told.json.gz", Body=log_file(records[200:]))
    told = json.dumps({"s3Bucket": name, "s3ObjectKey": ["AWSLogs/told.json.gz", "AWSLogs/x/CloudTrail-Digest/y"]})
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Type": "Notification", "Message": told}))
    sqs.send_message(QueueUrl=queue, MessageBody="something else")

    def waiting():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        numbers = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(number) for number in numbers.values())

    wait_until("all messages but the foreign one are removed", lambda: waiting() == 1, 30)
    following.popen.send_signal(signal.SIGINT)
    wait_until("following ends", following.has_ended, 20)
    assert following.popen.returncode == 0, following.log
    assert by_id(stored_records(folder, folder / "data")).keys() == by_id(records).keys()


def test_two_owners_of_one_folder_are_refused(folder):
    (folder / "a.json").write_text(compact({"Records": make_records(1)}))
    with OpenTrail(folder) as opentrail:
        command = import_command(opentrail.data, folder / "a.json")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean_environment())
        assert done.returncode != 0 and "in use" in done.stderr, done.stderr


def test_an_import_beside_a_running_server(installation, tmp_path):
    opentrail = installation(env={"OPENTRAIL_SEGMENT_EVENTS_MAX": "500"})
    opentrail.client("cloudtrail").describe_trails()
    records = make_records(3000, seed=11)
    source = tmp_path / "logs"
    source.mkdir()
    for number in range(10):
        (source / f"{number}.json.gz").write_bytes(log_file(records[number * 300:(number + 1) * 300]))
    (source / "again.json").write_text("\n".join(json.dumps(record, indent=1) for record in records[:50]) + '\n{"no":"record"}\n')
    through_server = {"OPENTRAIL_CONSOLE_URL": f"http://127.0.0.1:{opentrail.console_port}"}

    code, report = run_import(opentrail.data, source, env=through_server)
    assert code == 0 and report["records"] == {"read": 3051, "stored": 3000, "duplicates": 50, "rejected": 1}, report
    by_id = {record["eventID"]: record for record in opentrail.search(eventSource="s3", limit=1000, pages_max=10)}
    assert all(by_id[record["eventID"]] == record for record in records), "found while the server runs"

    code, report = run_import(opentrail.data, source, env=through_server)
    assert code == 0 and report["records"]["read"] == 0, "the server's ledger knows the files"
    (source / "5.json.gz").write_bytes(log_file(records[1000:1100] + make_records(20, seed=12)))
    code, report = run_import(opentrail.data, source, env=through_server)
    assert (report["records"]["stored"], report["records"]["duplicates"]) == (20, 100), report

    opentrail.kill()
    opentrail.start()
    assert len(opentrail.search(eventSource="s3", limit=1000, pages_max=10)) == 3020
    refused = subprocess.run(import_command(opentrail.data, "--endpoint", "http://127.0.0.1:9", source),
                             env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert refused.returncode != 0 and "opentrail serve" in refused.stderr, refused.stderr


def test_imports_killed_between_their_commits(installation, tmp_path):
    """Each kill comes after a commit of its import: through a server some 12 MB are one."""
    opentrail = installation()
    records, rng = make_records(10_000, seed=21), random.Random(22)
    for record in records:
        record["requestParameters"]["pad"] = rng.randbytes(2_500).hex()
    source = tmp_path / "logs"
    source.mkdir()
    for number in range(100):
        part = records[number * 100 : number * 100 + 120]
        (source / f"{number:03}.json.gz").write_bytes(log_file(part))
    command = import_command(opentrail.data, "--endpoint", f"http://127.0.0.1:{opentrail.console_port}", source)

    def committed():
        return opentrail.metric("opentrail_history_segment_bytes")

    kills = 0
    for round in range(4):
        before = committed()
        running = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL)
        wait_until("a commit", lambda: committed() > before or running.poll() is not None, 60, interval_s=0.01)
        time.sleep(rng.uniform(0, 0.03))
        if running.poll() is None:
            (opentrail if round == 2 else running).kill()
            kills += 1
            if round == 2:
                running.wait(30)
                opentrail.start()
        running.wait(30)
    assert kills >= 2, "the imports ended before they were killed"
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["identity_holds"], report
    assert report["files"]["known"] > 0, f"nothing was committed before the kills: {report}"
    assert by_id(opentrail.events()).keys() == by_id(records).keys()
