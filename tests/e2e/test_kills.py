"""SIGKILL under load, again and again: what was acknowledged is found exactly once, and nothing that reached the
upstream is missing."""

import collections
import http.client
import json
import os
import random
import threading
import time
import uuid

import pytest

from opentrail import mark_calls
from process import port_answers, wait_until
from unchecked import sqs_headers
from upstreams import Reply, Stub

KILLS = int(os.environ.get("OPENTRAIL_E2E_KILLS", "10"))
WRITERS, READERS, PUTTERS = 4, 1, 1
LOAD_KEY = "AKIAE2ELOAD000000000"


class Load:
    """Threads that call without pause and note what they sent and what was acknowledged."""

    def __init__(self, opentrail):
        self.opentrail = opentrail
        self.sent = set()
        self.acknowledged = {}  # mark -> request id
        self.objects = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.call, args=("CreateQueue",), daemon=True) for _ in range(WRITERS)]
        self.threads += [threading.Thread(target=self.call, args=("ListQueues",), daemon=True) for _ in range(READERS)]
        self.threads += [threading.Thread(target=self.put, daemon=True) for _ in range(PUTTERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

    def call(self, operation):
        """Calls of SQS to the stub upstream. Nothing on the way checks the signature, so it may be any."""
        connection = None
        while not self.ended.is_set():
            mark = f"load/{uuid.uuid4().hex}"
            with self.lock:
                self.sent.add(mark)
            headers = sqs_headers(operation, mark, LOAD_KEY)
            body = json.dumps({"QueueName": mark.replace("/", "-")} if operation == "CreateQueue" else {})
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.opentrail.port, timeout=20)
                connection.request("POST", "/", body, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.02)
                continue
            assert answer.status == 200
            with self.lock:
                self.acknowledged[mark] = answer.headers["x-amzn-RequestId"]

    def put(self):
        """Objects into the embedded buckets."""
        s3 = self.opentrail.client("s3", connect_timeout=2)
        marks = mark_calls(s3)
        while not self.ended.is_set():
            name = uuid.uuid4().hex
            try:
                answer = s3.put_object(Bucket="kept", Key=name, Body=name.encode())
            except Exception:  # The process was killed in the middle of this.
                time.sleep(0.02)
                continue
            with self.lock:
                self.objects.append(name)
                self.acknowledged[marks[-1]] = answer["ResponseMetadata"]["RequestId"]


def mark_of(record):
    return next(
        (word.rstrip("]") for word in record["userAgent"].split() if word.strip("[").startswith(("load/", "call/"))),
        None,
    )


@pytest.mark.timeout(120 + 10 * KILLS)
def test_nothing_acknowledged_is_lost_or_doubled(installation):
    seed = int(os.environ.get("OPENTRAIL_E2E_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}: set OPENTRAIL_E2E_SEED to it to kill at the same moments again")
    moments = random.Random(seed)

    def answer(seen):
        return Reply(
            200,
            {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": "application/x-amz-json-1.0"},
            b'{"QueueUrl":"http://q/1"}',
        )

    with Stub(answer) as upstream:
        opentrail = installation(upstream=upstream.url)
        opentrail.client("s3").create_bucket(Bucket="kept")
        with Load(opentrail) as load:
            for kill in range(KILLS):
                time.sleep(moments.uniform(0.2, 1.0))
                opentrail.kill()
                wait_until("the port is free", lambda: not port_answers(opentrail.port))
                opentrail.start()
                if kill % 10 == 9:
                    check(opentrail, load, upstream)
        check(opentrail, load, upstream, quiet=True)
        listed = {
            item["Key"]
            for page in opentrail.client("s3").get_paginator("list_objects_v2").paginate(Bucket="kept")
            for item in page.get("Contents", [])
        }
        missing = set(load.objects) - listed
        assert not missing, f"{len(missing)} acknowledged objects are gone"


def check(opentrail, load, upstream, quiet=False):
    """Everything acknowledged so far is there once; in the quiet after the load, so is all that the upstream saw."""
    with load.lock:
        acknowledged = dict(load.acknowledged)
    records = opentrail.search(pages_max=10_000, limit=1000)
    by_mark = collections.defaultdict(list)
    for record in records:
        if mark := mark_of(record):
            by_mark[mark].append(record)
    ids = collections.Counter(record["eventID"] for record in records)
    assert not [event for event, count in ids.items() if count > 1], "an event id is there twice"
    lost = [mark for mark in acknowledged if not by_mark[mark]]
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged calls are not recorded, such as {lost[0]}"
    doubled = [mark for mark, found in by_mark.items() if len(found) > 1]
    assert not doubled, f"{len(doubled)} calls are recorded more than once: {by_mark[doubled[0]] if doubled else ''}"
    for mark, request in acknowledged.items():
        (record,) = by_mark[mark]
        assert record.get("requestID") == request and "errorCode" not in record, record
    if not quiet:
        return
    print(f"{len(acknowledged)} calls acknowledged, {len(records)} events")
    assert set(by_mark) - {None} <= load.sent | set(acknowledged) | {
        mark for mark in by_mark if mark.startswith("call/")
    }
    assert len(acknowledged) > 20 * KILLS, "the load was too small to prove anything"
    # What changed something at the upstream is recorded even where the caller never heard of it.
    forwarded = {seen.headers["user-agent"] for seen in upstream.seen if "CreateQueue" in seen.headers["x-amz-target"]}
    missing = [mark for mark in forwarded if not by_mark[mark]]
    assert not missing, f"{len(missing)} calls reached the upstream and are not recorded"
    unknown = [mark for mark in forwarded if by_mark[mark][0].get("errorCode")]
    print(f"{len(unknown)} calls with unknown outcome")
    for mark in unknown:
        record = by_mark[mark][0]
        assert mark not in acknowledged
        assert record["errorCode"] == "OutcomeUnknown" and record["requestParameters"]["queueName"], record
