"""Log files and digests, proved by the stock CLI's own validator."""

import base64
import datetime
import gzip
import json
import os
import random
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT, BINARY, ROOT_KEY
from process import wait_until

ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
ROUNDS = int(os.environ.get("OPENTRAIL_E2E_DELIVERY_KILLS", 6))
FAST = {"OPENTRAIL_DELIVERY_INTERVAL": "300ms", "OPENTRAIL_DIGEST_INTERVAL": "1s"}


def with_trail(opentrail, **settings):
    """Makes a trail that logs; gives the S3 and CloudTrail clients."""
    s3, client = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="logs")
    client.create_trail(Name="main", S3BucketName="logs", EnableLogFileValidation=True, **settings)
    client.start_logging(Name="main")
    return s3, client


def keys_of(s3, part, bucket="logs"):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if part in item["Key"]]


def delivered(s3, part="/CloudTrail/"):
    """All delivered records."""
    bodies = (s3.get_object(Bucket="logs", Key=key)["Body"].read() for key in keys_of(s3, part))
    return [record for body in bodies for record in json.loads(gzip.decompress(body))["Records"]]


def validate(opentrail, verbose=True):
    start = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    options = ["--verbose"] if verbose else []
    return opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", start, *options, check=False)


def until_digested(s3, client):
    """Stops the trail and waits for its last digest: from then on every log file is in one."""
    client.stop_logging(Name="main")
    before = client.get_trail_status(Name="main").get("LatestDigestDeliveryTime")

    def is_done():
        newest = client.get_trail_status(Name="main").get("LatestDigestDeliveryTime")
        stopped = client.get_trail_status(Name="main")["StopLoggingTime"]
        return newest and newest != before and newest > stopped + datetime.timedelta(seconds=2)

    wait_until("the last digest is there", is_done, 15)


def test_what_is_delivered_is_what_was_recorded_and_the_cli_proves_it(installation, moto):
    opentrail = installation(upstream=moto.url, env=FAST)
    s3, client = with_trail(opentrail, IsMultiRegionTrail=True, S3KeyPrefix="audit")
    for region in ("us-east-1", "eu-west-1"):
        sqs = opentrail.client("sqs", region=region)
        for number in range(5):
            sqs.create_queue(QueueName=f"queue-{region}-{number}")
    s3.put_object(Bucket="logs", Key="data", Body=b"a data event, which nobody selected")
    wait_until("all queues are delivered",
               lambda: len([one for one in delivered(s3) if one["eventName"] == "CreateQueue"]) == 10, 15)
    until_digested(s3, client)
    records = delivered(s3)
    ids = [record["eventID"] for record in records]
    assert len(ids) == len(set(ids)), "no event twice"
    assert {record["eventCategory"] for record in records} == {"Management"}
    assert {"StartLogging", "StopLogging"} <= {record["eventName"] for record in records}
    for record in records:
        assert opentrail.search(eventId=record["eventID"]) == [record], "delivered as recorded"
    assert all(key.startswith(f"audit/AWSLogs/{ACCOUNT}/CloudTrail") for key in keys_of(s3, "AWSLogs"))
    done = validate(opentrail)
    assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout + done.stderr
    files = len(keys_of(s3, "/CloudTrail/us-east-1/"))
    assert f"{files}/{files} log files valid" in done.stdout
    status = client.get_trail_status(Name="main")
    assert status["LatestDeliveryTime"] and "LatestDeliveryError" not in status


def test_a_deleted_trail_delivers_what_it_recorded_and_ends_its_chain(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)
    for _ in range(20):
        client.list_public_keys()
    client.delete_trail(Name="main")
    assert not client.describe_trails()["trailList"]
    opentrail.kill()
    opentrail.start()
    wait_until("the deletion is delivered", lambda: "DeleteTrail" in {r["eventName"] for r in delivered(s3)}, 15)

    def named():
        bodies = (s3.get_object(Bucket="logs", Key=key)["Body"].read() for key in keys_of(s3, "/CloudTrail-Digest/"))
        return {file["s3Object"] for body in bodies for file in json.loads(gzip.decompress(body))["logFiles"]}

    wait_until("a last digest names all files", lambda: named() == set(keys_of(s3, "/CloudTrail/")), 15)
    names = [record["eventName"] for record in delivered(s3)]
    assert names.count("ListPublicKeys") == 20 and names.count("DeleteTrail") == 1
    files = len(keys_of(s3, ""))
    client.describe_trails()
    time.sleep(2)
    assert len(keys_of(s3, "")) == files, "nothing comes behind the last digest"
    # The name is free, and the next trail has a chain of its own.
    client.create_trail(Name="main", S3BucketName="logs", EnableLogFileValidation=True)
    client.start_logging(Name="main")
    client.describe_trails()
    until_digested(s3, client)
    done = validate(opentrail)
    assert done.returncode == 0 and "INVALID" not in done.stdout, done.stdout + done.stderr


def test_every_tampering_is_found(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)
    for _ in range(3):
        client.describe_trails()
        count = len(keys_of(s3, "/CloudTrail-Digest/"))
        wait_until("another digest is there", lambda count=count: len(keys_of(s3, "/CloudTrail-Digest/")) > count, 10)
    until_digested(s3, client)
    assert validate(opentrail).returncode == 0
    logs, digests = keys_of(s3, "/CloudTrail/"), keys_of(s3, "/CloudTrail-Digest/")

    def damaged(key, change):
        found = s3.get_object(Bucket="logs", Key=key)
        content, metadata = found["Body"].read(), found["Metadata"]
        change(key, content, metadata)
        done = validate(opentrail, verbose=False)
        s3.put_object(Bucket="logs", Key=key, Body=content, Metadata=metadata)
        return done

    def put(key, content, metadata):
        s3.put_object(Bucket="logs", Key=key, Body=content, Metadata=metadata)

    def repacked(old, new):
        def change(key, content, metadata):
            text = gzip.decompress(content)
            assert old in text
            put(key, gzip.compress(text.replace(old, new, 1)), metadata)
        return change

    def flipped(key, content, metadata):
        put(key, content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], metadata)

    def deleted(key, content, metadata):
        s3.delete_object(Bucket="logs", Key=key)

    def unsigned(key, content, metadata):
        put(key, content, {"signature": "00" * 256, "signature-algorithm": "SHA256withRSA"})

    for key in (logs[0], logs[-1]):
        for change in (repacked(b"127.0.0.1", b"127.0.0.2"), flipped, deleted):
            done = damaged(key, change)
            assert done.returncode == 1 and key in done.stdout + done.stderr, done.stdout + done.stderr
    for key in (digests[0], digests[1]):
        for change in (repacked(b"digestStartTime", b"digestStartTimX"), repacked(b'"SHA-256"', b'"SHA-512"'), unsigned):
            if b'"SHA-256"' not in gzip.decompress(s3.get_object(Bucket="logs", Key=key)["Body"].read()):
                continue
            done = damaged(key, change)
            assert done.returncode == 1 and "INVALID" in done.stdout + done.stderr, done.stdout + done.stderr
    assert damaged(digests[1], deleted).returncode == 1
    assert validate(opentrail).returncode == 0, "everything is as it was"


def test_keys_of_digests_are_changed_when_an_operator_wants_it(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)

    def digests():
        return keys_of(s3, "/CloudTrail-Digest/")

    def fingerprints():
        texts = (gzip.decompress(s3.get_object(Bucket="logs", Key=key)["Body"].read()) for key in digests())
        return [json.loads(text)["digestPublicKeyFingerprint"] for text in texts]

    def rotate():
        done = subprocess.run([BINARY, "rotate-digest-keys", "--data-dir", opentrail.data], capture_output=True, text=True,
                              timeout=20)
        assert done.returncode == 0 and "new" not in done.stderr, done.stderr
        count = len(set(fingerprints()))
        wait_until("a digest with a new key", lambda: len(set(fingerprints())) > count, 15)

    wait_until("some digests", lambda: len(digests()) > 2, 15)
    rotate()
    client.describe_trails()
    opentrail.stop()
    opentrail.start()
    wait_until("more digests", lambda n=len(digests()): len(digests()) > n + 1, 15)
    assert len(set(fingerprints())) == 2, "a restart makes no other key"
    rotate()
    until_digested(s3, client)
    used = fingerprints()
    assert [one for one, before in zip(used, [None, *used], strict=False) if one != before] == list(dict.fromkeys(used))
    assert len(set(used)) == 3
    listed = {key["Fingerprint"] for key in client.list_public_keys(
        StartTime=datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1))["PublicKeyList"]}
    assert listed == set(used), "the old ones are there too"
    done = validate(opentrail)
    assert done.returncode == 0 and "INVALID" not in done.stdout, done.stdout + done.stderr
    assert f"{len(used)}/{len(used)} digest files valid" in done.stdout, done.stdout


def test_kills_neither_lose_nor_double_nor_break_the_chain(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)
    for number in range(ROUNDS):
        for _ in range(10):
            client.describe_trails(trailNameList=[f"round-{number}"])
        # Anywhere in a delivery, or in the digest behind it.
        time.sleep(random.uniform(0, 0.7))
        opentrail.kill()
        opentrail.start()
    until_digested(s3, client)
    names = [record["eventID"] for record in delivered(s3) if record["eventName"] == "DescribeTrails"]
    recorded = [event["record"]["eventID"] for event in opentrail.lookup_by("EventName", "DescribeTrails")]
    assert len(names) == len(set(names)) == 10 * ROUNDS
    assert set(recorded) <= set(names)
    done = validate(opentrail)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bucket_that_is_gone_is_told_of_and_filled_when_it_is_back(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)
    wait_until("something is delivered", lambda: keys_of(s3, "/CloudTrail/"), 10)
    client.update_trail(Name="main", EnableLogFileValidation=False)
    opentrail.client("s3").create_bucket(Bucket="second")
    client.update_trail(Name="main", S3BucketName="second")

    def is_removed():
        # A delivery may come first, and between the two steps.
        for item in s3.list_objects_v2(Bucket="second").get("Contents", []):
            s3.delete_object(Bucket="second", Key=item["Key"])
        try:
            return bool(s3.delete_bucket(Bucket="second"))
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "BucketNotEmpty", error
            return False

    wait_until("the bucket is gone", is_removed, 10)
    client.describe_trails(trailNameList=["while-it-is-gone"])
    wait_until("the failure is told of",
               lambda: client.get_trail_status(Name="main").get("LatestDeliveryError") == "NoSuchBucket", 10)
    s3.create_bucket(Bucket="second")
    wait_until("the failure is over", lambda: "LatestDeliveryError" not in client.get_trail_status(Name="main"), 10)

    def texts():
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="second").get("Contents", [])]
        return "".join(gzip.decompress(s3.get_object(Bucket="second", Key=key)["Body"].read()).decode() for key in keys)

    # What was planned first may be without it: then it is in the next file.
    wait_until("what was recorded meanwhile is there", lambda: "while-it-is-gone" in texts(), 10)


def test_data_events_are_delivered_where_a_selector_asks_for_them(installation):
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail)
    s3.create_bucket(Bucket="watched")
    client.put_event_selectors(TrailName="main", AdvancedEventSelectors=[{"FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::watched/in/"]}]}])
    s3.put_object(Bucket="watched", Key="in/one", Body=b"1")
    s3.put_object(Bucket="watched", Key="out/two", Body=b"2")
    wait_until("the object is delivered", lambda: "PutObject" in {record["eventName"] for record in delivered(s3)}, 10)
    keys = [one["requestParameters"]["key"] for one in delivered(s3) if one["eventName"] == "PutObject"]
    assert keys == ["in/one"]


@pytest.mark.parametrize("server", ["own_moto", "own_seaweed"])
def test_an_upstream_bucket_is_delivered_to(installation, server, request):
    server = request.getfixturevalue(server)
    key = getattr(server, "KEY", ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    config = (f'[upstreams]\ns3 = "{server.url}"\n[upstreams_credentials.s3]\naccess_key_id = "{key[0]}"\n'
              f'secret_access_key = "{key[1]}"\n')
    opentrail = installation(config=config, env=FAST)
    s3, client = with_trail(opentrail, S3KeyPrefix="audit")
    for _ in range(3):
        client.describe_trails()
        opentrail.kill()
        opentrail.start()
    until_digested(s3, client)
    names = [record["eventName"] for record in delivered(s3)]
    assert (names.count("StartLogging"), names.count("StopLogging"), names.count("DescribeTrails")) == (1, 1, 3)
    done = validate(opentrail)
    assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout + done.stderr
    log = keys_of(s3, "/CloudTrail/")[0]
    s3.put_object(Bucket="logs", Key=log, Body=gzip.compress(b'{"Records":[]}'))
    assert validate(opentrail).returncode == 1


class PolicyBucket(BaseHTTPRequestHandler):
    """S3 with a bucket whose policy is that of AWS's guide: it takes what gives the bucket's owner full control."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        signed = self.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        is_allowed = self.headers["x-amz-acl"] == "bucket-owner-full-control" and "x-amz-acl" in signed
        self.server.puts.append((self.path, dict(self.headers)))
        body = b"" if is_allowed else b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(200 if is_allowed else 403)
        self.send_header("etag", '"1"')
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_files_have_the_acl_that_policies_ask_for(installation):
    server = ThreadingHTTPServer(("127.0.0.1", 0), PolicyBucket)
    server.puts = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = (f'[upstreams]\ns3 = "http://127.0.0.1:{server.server_port}"\n[upstreams_credentials.s3]\n'
              f'access_key_id = "{ROOT_KEY[0]}"\nsecret_access_key = "{ROOT_KEY[1]}"\n')
    opentrail = installation(config=config, env=FAST)
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", S3KeyPrefix="audit/x", EnableLogFileValidation=True, KmsKeyId="alias/a")
    client.start_logging(Name="main")
    wait_until("files are there", lambda: {kind for kind in ("/CloudTrail/", "/CloudTrail-Digest/")
                                           for path, _ in server.puts if kind in path} == {"/CloudTrail/", "/CloudTrail-Digest/"}, 15)
    for path, headers in server.puts:
        assert path.startswith("/logs/audit/x/AWSLogs/") and headers["content-type"] == "application/json"
        if "write-test" not in path:
            assert headers["x-amz-server-side-encryption"] == "aws:kms"
            assert headers["x-amz-server-side-encryption-aws-kms-key-id"].endswith("alias/a")
    status = client.get_trail_status(Name="main")
    assert "LatestDeliveryError" not in status and "LatestDigestDeliveryError" not in status
    server.shutdown()


def test_a_folder_is_a_bucket_too(installation, folder):
    audit = folder / "audit"
    opentrail = installation("--trail-buckets", f"logs=file://{audit}", env=FAST)
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", EnableLogFileValidation=True)
    client.start_logging(Name="main")
    wait_until("a digest is there", lambda: list(audit.rglob("*CloudTrail-Digest*.json.gz")), 10)
    opentrail.kill()
    opentrail.start()
    client.stop_logging(Name="main")

    def names():
        files = audit.rglob("*_CloudTrail_*.json.gz")
        return [record["eventName"] for file in files for record in json.loads(gzip.decompress(file.read_bytes()))["Records"]]

    wait_until("the stop is delivered", lambda: "StopLogging" in names(), 15)
    wait_until("the last digest is there", lambda: opentrail.metric("opentrail_trail_events_behind{") == 0, 10)
    keys = opentrail.aws("cloudtrail", "list-public-keys", "--start-time", "2020-01-01").stdout
    (opentrail.folder / "keys.json").write_text(keys)
    command = [str(BINARY), "validate", "--json", str(audit), "--public-keys", "keys.json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=opentrail.folder, timeout=60)
    [report] = json.loads(done.stdout)
    assert done.returncode == 0 and report["unprovedDigests"] == [] and report["validLogs"] >= 2, report
    with pytest.raises(ClientError) as caught:
        client.create_trail(Name="other", S3BucketName="elsewhere")
    assert caught.value.response["Error"]["Code"] == "S3BucketDoesNotExistException"


def test_a_topic_is_told_of_each_log_file(installation, moto):
    opentrail = installation(upstream=moto.url, env=FAST)
    sns, sqs = opentrail.client("sns"), opentrail.client("sqs")
    topic = sns.create_topic(Name="trail-files")["TopicArn"]
    queue = sqs.create_queue(QueueName="trail-files")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:trail-files")
    s3, client = with_trail(opentrail, SnsTopicName="trail-files")
    wait_until("a log file is there", lambda: keys_of(s3, "/CloudTrail/"), 10)
    wait_until("the status says so", lambda: client.get_trail_status(Name="main").get("LatestNotificationTime"), 10)
    told = []

    def all_told():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(json.loads(message["Body"])["Message"]))
        return keys_of(s3, "/CloudTrail/")[0] in [key for one in told for key in one["s3ObjectKey"]]

    wait_until("the topic's queue knows the file", all_told, 15)
    assert {one["s3Bucket"] for one in told} == {"logs"}


def test_a_key_of_kms_encrypts_what_digests_are_signed_with(installation, moto):
    opentrail = installation(upstream=moto.url, env=FAST)
    key = opentrail.client("kms").create_key()["KeyMetadata"]["Arn"]
    opentrail.client("kms").create_alias(AliasName="alias/digests", TargetKeyId=key)
    s3, client = with_trail(opentrail)
    wait_until("a digest is signed in the clear", lambda: keys_of(s3, "/CloudTrail-Digest/"), 15)
    opentrail.stop()
    opentrail.options += ["--digest-kms-key", "alias/digests"]
    for _ in range(2):
        opentrail.start()
        client.describe_trails()
        before = len(keys_of(s3, "/CloudTrail-Digest/"))
        wait_until("another one is signed", lambda before=before: len(keys_of(s3, "/CloudTrail-Digest/")) > before, 15)
        opentrail.kill()
    opentrail.start()
    until_digested(s3, client)
    kept = json.loads((opentrail.data / "digest-keys.json").read_text())
    clear, sealed = [one["private_key"] for one in kept]
    assert sealed.startswith("kms alias/digests ") and not clear.startswith("kms "), "one key of before, one since"
    assert (opentrail.data / "digest-keys.json").stat().st_mode & 0o777 == 0o600
    pages = client.list_public_keys(StartTime=datetime.datetime(2020, 1, 1), EndTime=datetime.datetime.now())
    assert len(pages["PublicKeyList"]) == 2
    done = validate(opentrail)
    assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("digest_interval", ["1s", "2s", "5s"])
def test_short_windows_are_proved_as_hours_are(installation, digest_interval):
    """Restarts, pauses, stops and starts while digests cover seconds: what a test of hours comes to."""
    opentrail = installation(env={"OPENTRAIL_DELIVERY_INTERVAL": "200ms", "OPENTRAIL_DIGEST_INTERVAL": digest_interval})
    s3, client = with_trail(opentrail, IsMultiRegionTrail=True, S3KeyPrefix="audit")
    other, rng, made = opentrail.client("cloudtrail", region="eu-west-1"), random.Random(digest_interval), []

    def call(caller, name):
        caller.describe_trails(trailNameList=[name])
        made.append(name)

    for round_number in range(8):
        for number in range(5):
            call(rng.choice([client, other]), f"round-{round_number}-{number}")
        time.sleep(rng.choice([0, 0.3, 1.2, 6]))
        what = rng.randrange(4)
        if what == 0:
            opentrail.kill()
            opentrail.start()
        elif what == 1:
            client.stop_logging(Name="main")
            time.sleep(rng.choice([1.1, 4]))
            client.describe_trails(trailNameList=["in-the-pause"])
            client.start_logging(Name="main")
        elif what == 2:
            opentrail.stop()
            time.sleep(3)
            opentrail.start()
    until_digested(s3, client)
    records = delivered(s3)
    names = [name for record in records if record["eventName"] == "DescribeTrails"
             for name in record["requestParameters"]["trailNameList"]]
    assert sorted(names) == sorted(made)
    start = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for region in ("us-east-1", "eu-west-1"):
        done = opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", start, "--verbose", "--region",
                             region, check=False)
        assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout + done.stderr
        for kind, folder in (("log", "CloudTrail"), ("digest", "CloudTrail-Digest")):
            count = len(keys_of(s3, f"/{folder}/{region}/"))
            assert f"{count}/{count} {kind} files valid" in done.stdout, done.stdout
    done = subprocess.run([str(BINARY), "validate", "--endpoint", opentrail.url, "--json"], capture_output=True, text=True,
                          env=opentrail.events_env(), timeout=60)
    [report] = json.loads(done.stdout)
    assert done.returncode == 0 and report["faults"] == [], report


def key_of_account(account):
    """An access key id that tells its account, as those of AWS do."""
    return "AKIA" + base64.b32encode((1 << 79 | int(account) << 39).to_bytes(10, "big")).decode()


def test_an_organization_trail_has_the_events_of_all_accounts(installation, own_moto):
    """The organization is moto's, so that the stock CLI finds it; each account has folders and chains of its own."""
    organizations = boto3.client("organizations", endpoint_url=own_moto.url, region_name="us-east-1", aws_access_key_id="a",
                                 aws_secret_access_key="b")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    member, stranger = "222222222222", "333333333333"
    env = {**FAST, "OPENTRAIL_ORGANIZATION_ID": organization, "OPENTRAIL_ORGANIZATION_ACCOUNTS": f"{ACCOUNT},{member}"}
    opentrail = installation(upstream=own_moto.url, env=env)
    s3, client = with_trail(opentrail, IsOrganizationTrail=True, IsMultiRegionTrail=True)
    for account in (ACCOUNT, member, stranger):
        key = ROOT_KEY if account == ACCOUNT else (key_of_account(account), "x" * 40)
        opentrail.client("logs", key=key).describe_log_groups(logGroupNamePrefix=f"asked-by-{account}")

    def asked():
        return {record["requestParameters"]["logGroupNamePrefix"]: record["recipientAccountId"]
                for record in delivered(s3) if record["eventName"] == "DescribeLogGroups"}

    wait_until("all calls are delivered", lambda: len(asked()) == 3, 15)
    opentrail.kill()
    opentrail.start()
    until_digested(s3, client)
    # Callers of other accounts are the installation's, as without an organization.
    assert asked() == {f"asked-by-{ACCOUNT}": ACCOUNT, f"asked-by-{member}": member, f"asked-by-{stranger}": ACCOUNT}
    for account in (ACCOUNT, member):
        logs = keys_of(s3, f"AWSLogs/{organization}/{account}/CloudTrail/us-east-1/")
        assert logs and keys_of(s3, f"AWSLogs/{organization}/{account}/CloudTrail-Digest/us-east-1/")
        start = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        done = opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", start, "--account-id", account,
                             "--verbose", check=False)
        assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout + done.stderr
        assert f"{len(logs)}/{len(logs)} log files valid" in done.stdout, done.stdout
    assert keys_of(s3, "") == keys_of(s3, f"AWSLogs/{organization}/")
    done = subprocess.run([str(BINARY), "validate", "--endpoint", opentrail.url, "--json"], capture_output=True, text=True,
                          env=opentrail.events_env(), timeout=60)
    [report] = json.loads(done.stdout)
    assert done.returncode == 0 and report["faults"] == [], report
