"""The disk takes no more: `closed` refuses, `open` goes on and owns up.

A limit on the size of files stands for the full disk: it can be laid on the running process and lifted again, it needs
no privilege, and writes fail in the same place.
"""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from process import wait_until
from upstreams import Reply, Stub


@pytest.fixture
def upstream():
    def answer(seen):
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": "application/x-amz-json-1.0"}
        return Reply(200, headers, b'{"QueueUrl":"http://q/1"}')

    with Stub(answer) as stub:
        yield stub


def works(call):
    try:
        call()
        return True
    except ClientError:
        return False


def newest_journal(opentrail):
    return max((path for path in opentrail.files() if path.suffix == ".journal"), key=lambda path: path.name)


def has_room(path):
    """Whether the journal has made room in it beforehand, which is zeros."""
    return path.read_bytes().endswith(bytes(4096))


def queue_names(opentrail):
    return [
        record["requestParameters"]["queueName"]
        for record in opentrail.search(eventName=["CreateQueue"], limit=1000, pages_max=10)
    ]


@pytest.mark.parametrize("room_bytes", [0, 100], ids=["no room", "room for a torn record"])
def test_closed_refuses_and_forwards_nothing(installation, upstream, room_bytes):
    opentrail = installation(upstream=upstream.url)
    sqs = opentrail.client("sqs")
    sqs.create_queue(QueueName="before")
    assert len(upstream.seen) == 1

    end = 0
    if room_bytes:
        # The file that stays, once the journal goes on in one with room.
        wait_until("the journal has room", lambda: works(sqs.list_queues) and has_room(newest_journal(opentrail)), 15, 0.05)
        end = len(newest_journal(opentrail).read_bytes().rstrip(b"\0"))
    opentrail.process.limit_file_size(end + room_bytes)
    refused = 0
    for attempt in range(200):
        forwarded = len(upstream.seen)
        try:
            sqs.create_queue(QueueName=f"during-{attempt}")
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
            # The room may end between note and outcome of a call: then it was forwarded, and the caller is told.
            was_noted = "may have taken effect" in error.response["Error"]["Message"]
            assert len(upstream.seen) == forwarded + was_noted, "a call that cannot be noted is not forwarded"
            refused += 1
            if refused == 3:
                break
    assert refused == 3, "the limit was never met"
    if not room_bytes:  # Else the journal may have gone on in a new file, which has room.
        with pytest.raises(ClientError) as caught:
            sqs.list_queues()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503, "no answer without a record"
    assert opentrail.metric("opentrail_gateway_refused_unrecordable_calls") >= 3

    opentrail.process.limit_file_size(None)
    wait_until("calls work again", lambda: works(lambda: sqs.create_queue(QueueName="after")), 15, 0.2)
    assert queue_names(opentrail).count("after") == 1
    for _ in range(2):  # A note whose outcome could not be written becomes an event at the next start, and only once.
        opentrail.stop()
        opentrail.start()
        names = queue_names(opentrail)
        forwarded = [json.loads(seen.body)["QueueName"] for seen in upstream.seen if b"QueueName" in seen.body]
        assert sorted(names) == sorted(forwarded), "recorded is what was forwarded, no more and no less"


def test_open_goes_on_and_records_the_gap(installation, upstream):
    opentrail = installation("--recording-failure", "open", upstream=upstream.url)
    sqs = opentrail.client("sqs")
    sqs.create_queue(QueueName="before")
    opentrail.process.limit_file_size(0)
    for index in range(5):
        sqs.create_queue(QueueName=f"unrecorded-{index}")
    assert len(upstream.seen) == 6, "traffic goes on"
    assert opentrail.metric("opentrail_gateway_unrecorded_calls") == 5

    opentrail.process.limit_file_size(None)

    def gap():
        sqs.create_queue(QueueName="after")
        return opentrail.lookup_by("EventName", "RecordingGap")

    (event,) = wait_until("the gap is recorded", gap, 15, 0.3)
    record = event["record"]
    assert record["eventType"] == "AwsServiceEvent" and record["eventSource"] == "cloudtrail.amazonaws.com"
    details = record["serviceEventDetails"]
    assert details["unrecordedCallCount"] >= 5
    assert details["firstUnrecordedCall"] <= details["lastUnrecordedCall"]
    assert not [name for name in queue_names(opentrail) if name.startswith("unrecorded")]
