"""Segments in a real S3 server: moved there, read back through a cache, and nothing lost when it fails or is away."""

import collections
import json
import os
import random
import shutil
import subprocess
import threading
import time
import uuid

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from bucket_front import BucketFront
from opentrail import BINARY, REGION
from process import clean_environment, wait_until
from test_import import log_file, make_records

KILLS = int(os.environ.get("OPENTRAIL_E2E_SEGMENT_KILLS", "8"))


class SegmentBucket:
    """A new bucket behind a front that can fail, and the variables that lead there."""

    def __init__(self, seaweed):
        self.front = BucketFront(seaweed.url)
        self.client = seaweed.client()
        self.name = f"segments-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=self.name)
        self.url = f"s3://{self.name}/of/here"
        self.env = {
            "OPENTRAIL_SEGMENTS": self.url,
            "AWS_ENDPOINT_URL": self.front.url,
            "AWS_ACCESS_KEY_ID": seaweed.KEY[0],
            "AWS_SECRET_ACCESS_KEY": seaweed.KEY[1],
            "AWS_REGION": REGION,
        }

    def keys(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))


@pytest.fixture
def bucket(seaweed):
    bucket = SegmentBucket(seaweed)
    yield bucket
    bucket.front.stop()


@pytest.fixture
def start(installation, bucket):
    """Starts an installation whose segments go to the bucket soon."""

    def start(**env):
        return installation(
            env={**bucket.env, "OPENTRAIL_SEGMENT_EVENTS_MAX": "40", "OPENTRAIL_SEGMENT_AGE_MAX": "1s", **env}
        )

    return start


def call(opentrail, count):
    """Calls whose records are told apart by the names in them."""
    client = opentrail.client("cloudtrail")
    names = [f"call-{uuid.uuid4().hex}" for _ in range(count)]
    for name in names:
        client.describe_trails(trailNameList=[name])
    return names


def recorded(opentrail):
    """Of each such name, how often it is found."""
    records = opentrail.search(eventName=["DescribeTrails"], limit=1000, pages_max=100)
    return collections.Counter(record["requestParameters"]["trailNameList"][0] for record in records)


def wait_until_moved(opentrail, timeout_s=30):
    wait_until(
        "all segments are in the bucket",
        lambda: opentrail.metric("opentrail_history_unsealed_events") == 0
        and opentrail.metric("opentrail_history_local_segments") == 0
        and opentrail.metric("opentrail_history_bucket_segments") > 0
        and opentrail.metric("opentrail_history_bucket_objects_to_delete") == 0,
        timeout_s,
    )


def forget_cache(opentrail):
    shutil.rmtree(opentrail.data / "segment-cache")


def test_segments_move_to_the_bucket_and_are_read_from_there(start, bucket):
    opentrail = start()
    names = call(opentrail, 300)
    wait_until_moved(opentrail)
    assert not list((opentrail.data / "segments").iterdir()), "nothing is left in the folder"
    assert len(bucket.keys()) == opentrail.metric("opentrail_history_bucket_segments") >= 4
    assert all(key.startswith("of/here/") for key in bucket.keys())
    fetched = opentrail.metric("opentrail_history_bucket_fetched_bytes")
    assert recorded(opentrail) == collections.Counter(names)
    assert opentrail.metric("opentrail_history_bucket_fetched_bytes") == fetched, "what was sealed here is at hand"

    opentrail.stop()
    forget_cache(opentrail)
    opentrail.start()
    assert recorded(opentrail) == collections.Counter(names)
    assert opentrail.metric("opentrail_history_bucket_fetched_bytes") > 0
    assert opentrail.metric("opentrail_history_bucket_cache_misses") > 0
    # A server that starts joins small segments: the new one goes up, the parts are deleted.
    joined = lambda: len(bucket.keys()) == opentrail.metric("opentrail_history_bucket_segments") < 4
    wait_until("segments are joined, and the parts deleted", joined, 30)
    assert recorded(opentrail) == collections.Counter(names)

    opentrail.stop()
    opentrail.start()
    hits = opentrail.metric("opentrail_history_bucket_cache_hits")
    assert recorded(opentrail) == collections.Counter(names)
    assert opentrail.metric("opentrail_history_bucket_cache_hits") > hits
    assert opentrail.metric("opentrail_history_bucket_requests") == 0, "the cache outlives the process"


def test_lookups_are_those_of_a_local_twin(installation, start, bucket, folder):
    local, remote = installation(), start()
    records = make_records(6_000, seed=21)
    for number in range(6):
        (folder / "logs").mkdir(exist_ok=True)
        part = records[number * 1_000 : number * 1_000 + 1_100]  # With duplicates.
        (folder / "logs" / f"{number}.json.gz").write_bytes(log_file(part))
        for opentrail in (local, remote):
            command = [BINARY, "import", "--data-dir", opentrail.data, "--quiet", *opentrail.events_address()]
            command.append(folder / "logs")
            done = subprocess.run(command, env=opentrail.events_env(), capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
    wait_until_moved(remote)
    remote.stop()
    forget_cache(remote)
    remote.start()

    def answers(opentrail, **words):
        return sorted(
            (record["eventTime"], record["eventID"], record["eventName"])
            for record in opentrail.search(limit=1000, pages_max=20, **words)
            if record["eventSource"] == "s3.amazonaws.com"
        )

    assert len(answers(remote)) == 6_000
    for words in [{}, {"eventName": ["AssumeRole"]}, {"userName": "user-3"}, {"eventId": records[777]["eventID"]},
                  {"query": '"a/4711"'}, {"query": "eventName=Put* userName!=user-1"}, {"userName": "nobody"}]:
        assert answers(remote, **words) == answers(local, **words), words
    for key, value in [("EventName", "Decrypt"), ("Username", "user-5"), ("EventId", records[5]["eventID"])]:
        assert ids(remote.lookup_by(key, value)) == ids(local.lookup_by(key, value)) != [], key


def ids(events):
    return [event["EventId"] for event in events]


class Caller:
    """Calls without pause and notes what was sent and what was answered."""

    def __init__(self, opentrail):
        self.opentrail = opentrail
        self.sent, self.answered = set(), set()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(3)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

    def run(self):
        client = self.opentrail.client("cloudtrail", connect_timeout=2)
        while not self.ended.is_set():
            name = f"call-{uuid.uuid4().hex}"
            self.sent.add(name)
            try:
                client.describe_trails(trailNameList=[name])
                self.answered.add(name)
            except (BotoCoreError, ClientError):
                time.sleep(0.05)  # The process was killed in the middle of this.


def check_found(opentrail, caller):
    found = recorded(opentrail)
    assert not caller.answered - found.keys(), "what was answered is found"
    assert found.keys() <= caller.sent and set(found.values()) == {1}, "once"


@pytest.mark.parametrize("fail_each", [None, 3])
def test_nothing_is_lost_when_the_process_is_killed(start, bucket, fail_each):
    bucket.front.fail_each = fail_each
    opentrail = start(OPENTRAIL_SEGMENT_CACHE="16MiB")
    rng = random.Random(4)
    with Caller(opentrail) as caller:
        for number in range(KILLS):
            time.sleep(rng.uniform(0.1, 1.6))
            opentrail.kill()
            if number % 2:
                forget_cache(opentrail)
            opentrail.start()
        time.sleep(1)
    check_found(opentrail, caller)
    wait_until_moved(opentrail, 90)
    check_found(opentrail, caller)
    opentrail.stop()
    forget_cache(opentrail)
    opentrail.start()
    check_found(opentrail, caller)
    assert fail_each is None or bucket.front.failures > 5
    assert len(caller.answered) > 10 * KILLS


def test_a_bucket_that_fails_one_request_in_three_is_hardly_noticed(start, bucket):
    bucket.front.fail_each = 3
    opentrail = start()
    names = call(opentrail, 400)
    wait_until_moved(opentrail, 60)
    opentrail.stop()
    forget_cache(opentrail)
    opentrail.start()
    for _ in range(3):
        assert recorded(opentrail) == collections.Counter(names)
    assert opentrail.metric("opentrail_history_bucket_request_failures") > 0
    assert bucket.front.failures > 10


def test_without_the_bucket_calls_are_recorded_and_old_events_are_an_error_to_try_again(start, bucket):
    opentrail = start()
    old = call(opentrail, 100)
    wait_until_moved(opentrail)
    bucket.front.is_away = True
    opentrail.stop()
    forget_cache(opentrail)
    opentrail.start()  # A start needs no bucket.
    new = call(opentrail, 100)
    wait_until("segments wait", lambda: opentrail.metric("opentrail_history_local_segments") > 0, 20)
    wait_until("it is said", lambda: "SEGMENTS WAIT IN THE DATA FOLDER" in opentrail.process.log, 30)

    client = opentrail.client("cloudtrail", read_timeout=60)
    started = time.monotonic()
    with pytest.raises(ClientError) as refused:
        client.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert time.monotonic() - started < 40
    assert opentrail.metric("opentrail_history_bucket_away") == 1
    started = time.monotonic()
    newest = client.lookup_events(MaxResults=50)["Events"]
    assert len(newest) == 50 and time.monotonic() - started < 5, "what is here is found without the bucket"
    with pytest.raises(ClientError):
        client.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}])
    assert "cannot be read from the bucket" in opentrail.process.log
    new += call(opentrail, 20)

    bucket.front.is_away = False
    wait_until_moved(opentrail, 90)
    assert recorded(opentrail) == collections.Counter(old + new)


def test_a_damaged_object_is_told(start, bucket):
    opentrail = start()
    call(opentrail, 100)
    wait_until_moved(opentrail)
    opentrail.stop()
    forget_cache(opentrail)
    for key in bucket.keys():
        content = bytearray(bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read())
        content[len(content) // 2] ^= 1
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=bytes(content))
    opentrail.start()
    with pytest.raises(ClientError) as refused:
        opentrail.client("cloudtrail").lookup_events()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert f"{bucket.url}/" in opentrail.process.log and "is damaged: its bytes" in opentrail.process.log
    assert call(opentrail, 1), "recording goes on"


def test_a_folder_moves_up_and_back_and_is_never_read_with_holes(installation, bucket, folder):
    opentrail = installation(env={"OPENTRAIL_SEGMENT_EVENTS_MAX": "40", "OPENTRAIL_SEGMENT_AGE_MAX": "1s"})
    names = call(opentrail, 200)
    wait_until("sealed", lambda: opentrail.metric("opentrail_history_unsealed_events") == 0, 20)
    assert opentrail.metric("opentrail_history_local_segments") > 0
    opentrail.stop()

    without, opentrail.env = opentrail.env, {**opentrail.env, **bucket.env}
    opentrail.start()
    names += call(opentrail, 50)
    wait_until_moved(opentrail)
    assert "segments were moved to the bucket" in opentrail.process.log
    assert recorded(opentrail) == collections.Counter(names)
    opentrail.stop()

    for env, words in [(without, "no bucket is configured"),
                       ({**opentrail.env, "OPENTRAIL_SEGMENTS": "s3://elsewhere"}, "s3://elsewhere is configured")]:
        command = [BINARY, "serve", "--data-dir", opentrail.data, "--listen", "127.0.0.1:0"]
        refused = subprocess.run(command, env=clean_environment(**env), capture_output=True, text=True, timeout=20)
        assert refused.returncode == 1
        assert words in refused.stderr and f"start with --segments {bucket.url}" in refused.stderr, refused.stderr

    command = [BINARY, "segments-to-folder", "--data-dir", opentrail.data]
    back = subprocess.run(command, env=clean_environment(**bucket.env), capture_output=True, text=True, timeout=60)
    assert back.returncode == 0 and "came back" in back.stderr + back.stdout, back.stderr
    assert bucket.keys() == []
    opentrail.env = without
    opentrail.start()
    assert recorded(opentrail) == collections.Counter(names)
    opentrail.stop()
    # And up again, under the keys of before.
    opentrail.env = {**opentrail.env, **bucket.env}
    opentrail.start()
    wait_until_moved(opentrail)
    assert recorded(opentrail) == collections.Counter(names)


def test_an_import_without_a_server_moves_its_segments_up(folder, bucket):
    data, logs = folder / "data", folder / "logs"
    logs.mkdir()
    command = [str(BINARY), "import", "--data-dir", str(data), "--quiet", "--output", "json", str(logs)]

    def load(name, records, stored):
        (logs / name).write_bytes(log_file(records))
        done = subprocess.run(command, env=clean_environment(**bucket.env), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["records"]["stored"] == stored, done.stdout
        return done.stderr

    records = make_records(2_000, seed=33)
    load("a.json.gz", records, 2_000)
    assert len(bucket.keys()) == 1 and not list((data / "segments").iterdir())
    # The bucket goes away: the import is durable in the folder, and says what waits.
    bucket.front.is_away = True
    said = load("b.json.gz", make_records(100, seed=34), 100)
    assert "1 segments wait in the data folder for the bucket" in said and len(list((data / "segments").iterdir())) == 1
    # It is back, and fails now and then, and nothing of it is at hand: what is there is known all the same.
    bucket.front.is_away, bucket.front.fail_each = False, 3
    shutil.rmtree(data / "segment-cache")
    assert not load("c.json.gz", records[1_000:] + make_records(100, seed=35), 100)
    assert len(bucket.keys()) == 3 and not list((data / "segments").iterdir())
