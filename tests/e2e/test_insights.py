"""Insights: the operations, and unusual activity under a clock that runs faster, told once whatever is killed, delivered,
proved by the stock CLI, and found."""

import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT
from process import wait_until
from test_days import LIBRARY, FastClock, restart, started, validate
from test_delivery import delivered, keys_of

CALLS, ERRORS = {"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}


def refusal(call, *arguments, **members):
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


@pytest.fixture
def client(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="logs")
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", IsMultiRegionTrail=True)
    client.opentrail = opentrail
    return client


def test_selectors_of_a_trail(client):
    arn = client.get_trail(Name="main")["Trail"]["TrailARN"]
    assert refusal(client.get_insight_selectors, TrailName="main") == (
        "InsightNotEnabledException",
        "Trail main does not have Insights enabled. Edit the trail settings to enable Insights, and then try the operation "
        "again.")
    managed = {**ERRORS, "EventCategories": ["Management"]}
    for selectors in [[CALLS], [managed, CALLS]]:
        put = client.put_insight_selectors(TrailName="main", InsightSelectors=selectors)
        got = client.get_insight_selectors(TrailName=arn)
        for answer in (put, got):
            del answer["ResponseMetadata"]
            assert answer == {"TrailARN": arn, "InsightSelectors": selectors}
        assert client.get_trail(Name="main")["Trail"]["HasInsightSelectors"]
        assert client.describe_trails()["trailList"][0]["HasInsightSelectors"]
    client.opentrail.stop()
    client.opentrail.start()
    assert client.get_insight_selectors(TrailName="main")["InsightSelectors"] == [managed, CALLS]
    client.put_insight_selectors(TrailName="main", InsightSelectors=[])
    assert not client.get_trail(Name="main")["Trail"]["HasInsightSelectors"]
    assert refusal(client.get_insight_selectors, TrailName="main")[0] == "InsightNotEnabledException"


def test_selectors_that_are_refused(client):
    put = client.put_insight_selectors
    assert refusal(put, TrailName="gone", InsightSelectors=[CALLS])[0] == "TrailNotFoundException"
    assert refusal(put, TrailName="?", InsightSelectors=[CALLS])[0] == "InvalidTrailNameException"
    assert refusal(put, TrailName="arn:x", InsightSelectors=[CALLS])[0] == "CloudTrailARNInvalidException"
    assert refusal(put, TrailName="main", InsightSelectors=[CALLS, CALLS])[0] == "InvalidInsightSelectorsException"
    assert refusal(put, TrailName="main", InsightSelectors=[{"InsightType": "x"}])[0] == "InvalidInsightSelectorsException"
    data = {**CALLS, "EventCategories": ["Data"]}
    assert refusal(put, TrailName="main", InsightSelectors=[data])[0] == "UnsupportedOperationException"
    store = "arn:aws:cloudtrail:us-east-1:111122223333:eventdatastore/EXAMPLE-f852-4e8f-8bd1-bcf6cEXAMPLE"
    assert refusal(put, EventDataStore=store, InsightsDestination=store, InsightSelectors=[CALLS])[0] == (
        "UnsupportedOperationException")
    assert refusal(put, TrailName="main", EventDataStore=store, InsightSelectors=[CALLS])[0] == (
        "InvalidParameterCombinationException")
    assert refusal(put, InsightSelectors=[CALLS])[0] == "InvalidParameterException"
    assert refusal(client.get_insight_selectors)[0] == "InvalidParameterException"
    assert refusal(client.get_insight_selectors, TrailName="gone")[0] == "TrailNotFoundException"
    abroad = client.opentrail.client("cloudtrail", region_name="eu-west-1")
    arn = client.get_trail(Name="main")["Trail"]["TrailARN"]
    assert refusal(abroad.put_insight_selectors, TrailName=arn, InsightSelectors=[])[0] == "InvalidHomeRegionException"


@pytest.mark.parametrize("selector, refused", [
    ({"ReadWriteType": "ReadOnly"}, [CALLS]),
    ({"ReadWriteType": "WriteOnly"}, []),
    ({"IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]},
     [CALLS, ERRORS]),
])
def test_a_trail_must_log_what_is_watched(client, selector, refused):
    client.put_event_selectors(TrailName="main", EventSelectors=[selector])
    for wanted in (CALLS, ERRORS):
        if wanted in refused:
            code, message = refusal(client.put_insight_selectors, TrailName="main", InsightSelectors=[wanted])
            assert code == "InvalidInsightSelectorsException" and "management events" in message
        else:
            client.put_insight_selectors(TrailName="main", InsightSelectors=[wanted])


def test_a_policy_may_leave_out_the_folder(client):
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/CloudTrail-Insight/*"}]}
    client.opentrail.client("s3").put_bucket_policy(Bucket="logs", Policy=json.dumps(policy))
    assert refusal(client.put_insight_selectors, TrailName="main", InsightSelectors=[CALLS])[0] == (
        "InsufficientS3BucketPolicyException")


@pytest.mark.skipif(LIBRARY is None, reason="there is no libfaketime")
def test_unusual_activity_is_told_once_delivered_and_found(installation, monkeypatch):
    clock = started(FastClock(120), monkeypatch)  # A minute in half a second, less than a restart takes.
    opentrail = installation(env={
        "OPENTRAIL_DELIVERY_INTERVAL": "300ms", "OPENTRAIL_DIGEST_INTERVAL": "10m", "OPENTRAIL_INSIGHTS_LEARNING": "20m", **clock.environment()})
    s3, client = opentrail.client("s3"), opentrail.client("cloudtrail")
    for bucket in ("logs", "other"):
        s3.create_bucket(Bucket=bucket)
    for name, bucket in (("main", "logs"), ("other", "other")):
        client.create_trail(Name=name, S3BucketName=bucket, EnableLogFileValidation=True, IsMultiRegionTrail=True)
        client.start_logging(Name=name)
    client.put_insight_selectors(TrailName="main", InsightSelectors=[CALLS, ERRORS])
    start = clock.now()
    # Half an hour in which nothing is unusual.
    until = start + datetime.timedelta(minutes=30)
    while clock.now() < until:
        refusal(client.delete_trail, Name="gone-0")
        time.sleep(1)
    assert client.lookup_events(EventCategory="insight")["Events"] == []
    opentrail.kill()
    restart(opentrail, clock)

    def found(**attribute):
        attributes = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
        events = client.lookup_events(EventCategory="insight", LookupAttributes=attributes)["Events"]
        return [(json.loads(event["CloudTrailEvent"]), event) for event in events]

    burst = clock.now()
    for number in range(150):
        refusal(client.delete_trail, Name=f"gone-{number}")
        if number == 100:
            opentrail.kill()
            restart(opentrail, clock)
    wait_until("both ends of both Insights are found", lambda: len(found(EventName="DeleteTrail")) == 4, 30)
    opentrail.kill()
    restart(opentrail, clock)
    events = found()
    assert len(events) == 4 and sorted(map(str, events)) == sorted(map(str, found(EventSource="cloudtrail.amazonaws.com")))
    assert found(EventName="CreateTrail") == []
    of_type = {}
    for record, event in events:
        assert found(EventId=record["eventID"]) == [(record, event)]
        assert (event["EventName"], event["EventSource"]) == ("DeleteTrail", "cloudtrail.amazonaws.com")
        assert "Username" not in event and "ReadOnly" not in event and "AccessKeyId" not in event
        assert record["recipientAccountId"] == ACCOUNT and record["eventCategory"] == "Insight"
        details = record["insightDetails"]
        assert details["eventName"] == "DeleteTrail"
        of_type.setdefault(details["insightType"], {})[details["state"]] = record
    assert client.lookup_events(
        LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": events[0][0]["eventID"]}])["Events"] == []
    for kind in ("ApiCallRateInsight", "ApiErrorRateInsight"):
        ends = of_type[kind]
        assert ends["Start"]["sharedEventID"] == ends["End"]["sharedEventID"]
        began = datetime.datetime.fromisoformat(ends["Start"]["eventTime"])
        ended = datetime.datetime.fromisoformat(ends["End"]["eventTime"])
        context = ends["End"]["insightDetails"]["insightContext"]
        assert began >= burst - datetime.timedelta(minutes=6)
        assert (ended - began).total_seconds() == 60 * context["statistics"]["insightDuration"]
        calls = context["statistics"]["insight"]["average"] * context["statistics"]["insightDuration"]
        assert 145 <= round(calls) <= 152, "all calls of the burst"
        callers = next(a for a in context["attributions"] if a["attribute"] == "userIdentityArn")
        assert callers["insight"][0]["value"] == f"arn:aws:iam::{ACCOUNT}:root"
        assert ("errorCode" in ends["Start"]["insightDetails"]) == (kind == "ApiErrorRateInsight")
    assert of_type["ApiErrorRateInsight"]["Start"]["insightDetails"]["errorCode"] == "TrailNotFoundException"
    # Delivered into a folder of their own, to the trail that wants them, and covered by its digests.
    wait_until("all are delivered", lambda: len(delivered(s3, "/CloudTrail-Insight/us-east-1/")) == 4, 30)
    records = delivered(s3, "/CloudTrail-Insight/us-east-1/")
    assert sorted(r["eventID"] for r in records) == sorted(record["eventID"] for record, _ in events)
    assert [key for key in keys_of(s3, "CloudTrail-Insight", bucket="other")] == []
    assert all("insightDetails" not in record for record in delivered(s3))
    client.stop_logging(Name="main")

    def is_through():
        status = client.get_trail_status(Name="main")
        return status.get("LatestDigestDeliveryTime", start) > status["StopLoggingTime"]

    wait_until("the last digest is there", is_through, 30)
    files = keys_of(s3, "/CloudTrail/us-east-1/") + keys_of(s3, "/CloudTrail-Insight/us-east-1/")
    done = validate(opentrail, clock, start - datetime.timedelta(hours=1))
    assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{len(files)}/{len(files)} log files valid" in done.stdout, done.stdout[-500:]
