"""LookupEvents in full: attributes, time, pages, errors, and who may ask."""

import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT, REGION, ROOT_KEY, STRANGER_KEY
from process import wait_until

OTHER_KEY = ("AKIAE2EOTHERKEY00000", "otherSecret00000000000000000000000000000")


def error_of(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response


@pytest.fixture(scope="module")
def history(opentrail):
    """A short history with one event of each kind that the tests ask for."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    iam = opentrail.client("iam", key=OTHER_KEY)
    iam.create_user(UserName=name)
    iam.list_users()
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    opentrail.client("s3").create_bucket(Bucket=bucket)
    opentrail.client("s3").put_object(Bucket=bucket, Key="k", Body=b"data")

    def user_event():
        return [event for event in opentrail.lookup_by("EventName", "CreateUser") if name in event["CloudTrailEvent"]]

    event = wait_until("CreateUser is found", user_event, 2)[0]
    return {"user": name, "bucket": bucket, "event": event}


def names(events):
    return {event["EventName"] for event in events}


def test_the_eight_attributes(opentrail, history):
    event = history["event"]
    (found,) = opentrail.lookup_by("EventId", event["EventId"])
    assert found["CloudTrailEvent"] == event["CloudTrailEvent"]
    assert names(opentrail.lookup_by("EventName", "CreateUser")) == {"CreateUser"}
    assert opentrail.lookup_by("EventName", "createuser") == [], "values are case-sensitive and whole"
    reads = opentrail.lookup_by("ReadOnly", "true")
    assert reads and {event["ReadOnly"] for event in reads} == {"true"} and "ListUsers" in names(reads)
    writes = opentrail.lookup_by("ReadOnly", "false")
    assert {event["ReadOnly"] for event in writes} == {"false"} and "CreateUser" in names(writes)
    roots = opentrail.lookup_by("Username", "root")
    assert {event["Username"] for event in roots} == {"root"} and "CreateBucket" in names(roots)
    buckets = opentrail.lookup_by("ResourceType", "AWS::S3::Bucket")
    assert history["bucket"] in {resource["ResourceName"] for event in buckets for resource in event["Resources"]}
    by_resource = opentrail.lookup_by("ResourceName", history["user"])
    assert [found["EventId"] for found in by_resource] == [event["EventId"]]
    assert {found["EventSource"] for found in opentrail.lookup_by("EventSource", "iam.amazonaws.com")} == {
        "iam.amazonaws.com"
    }
    by_key = opentrail.lookup_by("AccessKeyId", OTHER_KEY[0])
    assert names(by_key) == {"CreateUser", "ListUsers"}
    assert {found["AccessKeyId"] for found in by_key} == {OTHER_KEY[0]}


def test_data_events_are_not_in_the_history(opentrail, history):
    assert opentrail.lookup_by("EventName", "PutObject") == []
    assert [
        record for record in opentrail.events("--event-name", "PutObject") if history["bucket"] in json.dumps(record)
    ]


def test_an_event_as_the_sdk_sees_it(opentrail, history):
    event, record = history["event"], history["event"]["record"]
    assert event["EventTime"].astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") == record["eventTime"]
    assert abs((datetime.now(timezone.utc) - event["EventTime"]).total_seconds()) < 600
    assert event["EventId"] == record["eventID"] and uuid.UUID(event["EventId"])
    assert {resource["ResourceName"] for resource in event["Resources"]} >= {history["user"]}
    assert "\n" not in event["CloudTrailEvent"] and '": ' not in event["CloudTrailEvent"], "minified"
    order = [
        name
        for name in (
            "eventVersion",
            "userIdentity",
            "eventTime",
            "eventSource",
            "eventName",
            "requestParameters",
            "responseElements",
            "eventID",
            "eventCategory",
        )
    ]
    assert [name for name in record if name in order] == order
    assert record["recipientAccountId"] == ACCOUNT and record["awsRegion"] == REGION


def test_a_time_range_is_inclusive_on_both_ends(opentrail, history):
    at = history["event"]["EventTime"]
    mine = {"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": history["event"]["EventId"]}]}
    assert opentrail.lookup(StartTime=at, EndTime=at, **mine)
    assert not opentrail.lookup(EndTime=at - timedelta(seconds=1), **mine)
    assert not opentrail.lookup(StartTime=at + timedelta(seconds=1), **mine)
    assert opentrail.lookup(StartTime=at - timedelta(days=400), **mine), "an early start is no error"


def test_pages_neither_repeat_nor_skip_while_events_arrive(opentrail):
    key = ("AKIAE2EPAGES00000000", "x" * 40)
    sqs = opentrail.client("sqs", key=key)
    for _ in range(23):
        sqs.list_queues()
    cloudtrail = opentrail.client("cloudtrail")
    asked = {"LookupAttributes": [{"AttributeKey": "AccessKeyId", "AttributeValue": key[0]}], "MaxResults": 5}
    iam = opentrail.client("iam", key=key)
    for _ in range(23):
        iam.list_users()
    page, found, pages = cloudtrail.lookup_events(**asked), [], 0
    while True:
        pages += 1
        assert len(page["Events"]) <= 5
        found += page["Events"]
        if "NextToken" not in page:
            break
        iam.list_users()  # New events come while the pages are turned.
        page = cloudtrail.lookup_events(NextToken=page["NextToken"], **asked)
        assert pages < 40
    ids = [event["EventId"] for event in found]
    assert len(ids) == len(set(ids)) == 23
    times = [event["EventTime"] for event in found]
    assert times == sorted(times, reverse=True), "newest first"


def test_parameters_that_are_refused(opentrail):
    lookup = opentrail.client("cloudtrail", parameter_validation=False).lookup_events

    def attribute(key, value):
        return {"AttributeKey": key, "AttributeValue": value}

    now = datetime.now(timezone.utc)
    name = attribute("EventName", "CreateUser")
    cases = [
        ("InvalidLookupAttributesException", {"LookupAttributes": [name, attribute("ReadOnly", "true")]}),
        ("InvalidLookupAttributesException", {"LookupAttributes": [attribute("EventColour", "blue")]}),
        ("InvalidLookupAttributesException", {"LookupAttributes": [attribute("EventName", "")]}),
        ("InvalidLookupAttributesException", {"LookupAttributes": [attribute("EventName", "x" * 2001)]}),
        ("InvalidTimeRangeException", {"StartTime": now, "EndTime": now - timedelta(hours=1)}),
        ("InvalidMaxResultsException", {"MaxResults": 51}),
        ("InvalidMaxResultsException", {"MaxResults": 0}),
        ("InvalidNextTokenException", {"NextToken": "nonsense"}),
        ("InvalidEventCategoryException", {"EventCategory": "management"}),
    ]
    for code, parameters in cases:
        answer = error_of(lookup, **parameters)
        assert answer["Error"]["Code"] == code, f"{parameters}: {answer['Error']}"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert answer["Error"]["Message"] and uuid.UUID(answer["ResponseMetadata"]["RequestId"])


def test_a_token_belongs_to_its_question(opentrail):
    key = ("AKIAE2ETOKEN00000000", "x" * 40)
    sqs = opentrail.client("sqs", key=key)
    for _ in range(3):
        sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")
    cloudtrail = opentrail.client("cloudtrail")
    asked = {"LookupAttributes": [{"AttributeKey": "AccessKeyId", "AttributeValue": key[0]}], "MaxResults": 2}
    token = cloudtrail.lookup_events(**asked)["NextToken"]
    other = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}], "MaxResults": 2}
    assert error_of(cloudtrail.lookup_events, NextToken=token, **other)["Error"]["Code"] == "InvalidNextTokenException"
    assert len(cloudtrail.lookup_events(NextToken=token, **asked)["Events"]) == 1


def test_operations_that_are_not_there_yet_say_so(opentrail):
    cloudtrail = opentrail.client("cloudtrail")
    store = {"Type": "EVENT_DATA_STORE", "Location": "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/e"}
    answer = error_of(cloudtrail.create_channel, Name="main", Source="Custom", Destinations=[store])
    assert answer["Error"]["Code"] == "UnsupportedOperationException"
    assert "CreateChannel" in answer["Error"]["Message"]
    assert error_of(cloudtrail.list_channels)["Error"]["Code"] == "UnsupportedOperationException"
    # A refused call is an event like any other.
    events = wait_until("CreateChannel is found", lambda: opentrail.lookup_by("EventName", "CreateChannel"), 2)
    record = events[0]["record"]
    assert record["errorCode"] == "UnsupportedOperationException"
    assert record["eventSource"] == "cloudtrail.amazonaws.com" and record["readOnly"] is False
    assert record["requestParameters"]["name"] == "main" and record["responseElements"] is None
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]


def test_a_wrong_secret_is_refused_and_recorded(opentrail):
    wrong = (ROOT_KEY[0], "0" * 40)
    answer = error_of(opentrail.client("cloudtrail", key=wrong).lookup_events, MaxResults=7)
    assert answer["Error"]["Code"] == "InvalidSignatureException"
    request = answer["ResponseMetadata"]["RequestId"]

    def refused():
        return [
            event
            for event in opentrail.lookup_by("EventName", "LookupEvents")
            if event["record"].get("requestID") == request
        ]

    record = wait_until("the refused call is found", refused, 2)[0]["record"]
    assert record["errorCode"] == "InvalidSignatureException"
    assert record["sourceIPAddress"] == "127.0.0.1" and record["userIdentity"]["accessKeyId"] == ROOT_KEY[0]


def test_an_unknown_key_is_refused(opentrail):
    answer = error_of(opentrail.client("cloudtrail", key=STRANGER_KEY).lookup_events)
    assert answer["Error"]["Code"] == "UnrecognizedClientException"
    assert answer["Error"]["Message"] == "The security token included in the request is invalid."


@pytest.mark.parametrize("minutes, phrase", [(-20, "expired"), (20, "not yet current")])
def test_a_clock_that_is_off_is_refused(opentrail, monkeypatch, minutes, phrase):
    real = botocore.auth.get_current_datetime
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *a, **k: real(*a, **k) + timedelta(minutes=minutes)
    )
    answer = error_of(opentrail.client("cloudtrail").lookup_events)
    assert answer["Error"]["Code"] == "InvalidSignatureException"
    assert phrase in answer["Error"]["Message"].lower()


def test_an_event_is_found_within_a_second(opentrail):
    iam = opentrail.client("iam", key=OTHER_KEY)
    cloudtrail = opentrail.client("cloudtrail")
    for _ in range(3):
        name = f"quick-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        answered = time.monotonic()
        asked = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": name}]}
        while not cloudtrail.lookup_events(**asked)["Events"]:
            assert time.monotonic() - answered < 1.0, "not found within a second"
