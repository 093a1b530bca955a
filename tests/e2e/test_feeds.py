"""Events as they are recorded: in the log group of a trail, and on the event bus."""

import base64
import gzip
import json
import threading
import time

import pytest

from opentrail import ACCOUNT
from process import wait_until
from test_trails import refusal

GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:trail-events:*"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trail-logs"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
WITHIN_S = 5  # What is promised of metric filters and rules.


@pytest.fixture
def fed(installation, moto):
    """An installation whose upstream has a log group and a role."""
    opentrail = installation(upstream=moto.url)
    opentrail.client("s3").create_bucket(Bucket="logs")
    logs, iam = opentrail.client("logs"), opentrail.client("iam")
    logs.create_log_group(logGroupName="trail-events")
    iam.create_role(RoleName="trail-logs", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield opentrail, logs
    iam.delete_role(RoleName="trail-logs")
    logs.delete_log_group(logGroupName="trail-events")


def logged(logs):
    return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName="trail-events")["events"]]


def test_a_log_group_has_the_events_within_seconds(fed):
    opentrail, logs = fed
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", CloudWatchLogsLogGroupArn=GROUP, CloudWatchLogsRoleArn=ROLE)
    client.describe_trails(trailNameList=["before-the-start"])
    client.start_logging(Name="main")
    began = time.monotonic()
    opentrail.client("iam").create_user(UserName="watched")

    def found():
        return [one for one in logged(logs) if one["eventName"] == "CreateUser"]

    wait_until("the call is in the log group", found, WITHIN_S)
    assert time.monotonic() - began < WITHIN_S
    [record] = found()
    assert opentrail.search(eventId=record["eventID"]) == [record]
    streams = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="trail-events")["logStreams"]]
    assert streams == [f"{ACCOUNT}_CloudTrail_us-east-1"]
    status = client.get_trail_status(Name="main")
    assert status["LatestCloudWatchLogsDeliveryTime"] and "LatestCloudWatchLogsDeliveryError" not in status
    client.stop_logging(Name="main")
    wait_until("the stop is in the log group", lambda: "StopLogging" in {one["eventName"] for one in logged(logs)}, 10)
    client.describe_trails(trailNameList=["behind-the-stop"])
    time.sleep(1.5)
    texts = [json.dumps(one) for one in logged(logs)]
    assert not [text for text in texts if "before-the-start" in text or "behind-the-stop" in text]
    ids = [one["eventID"] for one in logged(logs)]
    assert len(ids) == len(set(ids))
    opentrail.client("iam").delete_user(UserName="watched")


class Alarm(threading.Thread):
    """A subscriber of a log group, as metric filters and alarms are: it counts the entries that a rule fits, and remembers
    when each came."""

    def __init__(self, kinesis, stream, fits):
        super().__init__(daemon=True)
        self.kinesis, self.fits, self.fired, self.is_over = kinesis, fits, [], False
        shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
        self.at = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def run(self):
        while not self.is_over:
            page = self.kinesis.get_records(ShardIterator=self.at)
            self.at = page["NextShardIterator"]
            for record in page["Records"]:
                # The subscription's own envelope is packed; some stand-ins pack it twice.
                text = gzip.decompress(record["Data"])
                text = text if text.startswith(b"{") else gzip.decompress(base64.b64decode(text))
                for entry in json.loads(text)["logEvents"]:
                    if self.fits(json.loads(entry["message"])):
                        self.fired.append(time.monotonic())
            time.sleep(0.1)


def test_an_alarm_on_the_log_group_fires_within_seconds_of_the_call(fed):
    opentrail, logs = fed
    client, kinesis = opentrail.client("cloudtrail"), opentrail.client("kinesis")
    kinesis.create_stream(StreamName="alarms", ShardCount=1)
    stream = kinesis.describe_stream(StreamName="alarms")["StreamDescription"]["StreamARN"]
    logs.put_subscription_filter(
        logGroupName="trail-events", filterName="alarms", filterPattern="", destinationArn=stream, roleArn=ROLE)
    # The rule that benchmarks ask for: somebody changes what is logged.
    changes = {"CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"}
    alarm = Alarm(kinesis, "alarms", lambda record: record["eventName"] in changes)
    alarm.start()
    try:
        client.create_trail(Name="main", S3BucketName="logs", CloudWatchLogsLogGroupArn=GROUP, CloudWatchLogsRoleArn=ROLE)
        client.start_logging(Name="main")
        wait_until("the start has fired", lambda: alarm.fired, WITHIN_S)
        for _ in range(5):
            count = len(alarm.fired)
            client.describe_trails()
            began = time.monotonic()
            client.update_trail(Name="main", IncludeGlobalServiceEvents=True)
            wait_until("the alarm has fired", lambda count=count: len(alarm.fired) > count, WITHIN_S)
            assert alarm.fired[-1] - began < WITHIN_S
        time.sleep(1)
        assert len(alarm.fired) == 6, "for these calls and no others"
    finally:
        alarm.is_over = True
        alarm.join()
        logs.delete_subscription_filter(logGroupName="trail-events", filterName="alarms")
        kinesis.delete_stream(StreamName="alarms")


def test_a_group_that_is_gone_is_told_of_and_filled_when_it_is_back(fed):
    opentrail, logs = fed
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", CloudWatchLogsLogGroupArn=GROUP, CloudWatchLogsRoleArn=ROLE)
    logs.delete_log_group(logGroupName="trail-events")
    client.start_logging(Name="main")
    wait_until("the failure is told of",
               lambda: "ResourceNotFound" in client.get_trail_status(Name="main").get("LatestCloudWatchLogsDeliveryError", ""), 10)
    logs.create_log_group(logGroupName="trail-events")
    wait_until("the start is in the group", lambda: "StartLogging" in {one["eventName"] for one in logged(logs)}, 10)
    assert "LatestCloudWatchLogsDeliveryError" not in client.get_trail_status(Name="main")


def test_a_deleted_trail_sends_what_it_recorded(fed):
    opentrail, logs = fed
    client = opentrail.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="logs", CloudWatchLogsLogGroupArn=GROUP, CloudWatchLogsRoleArn=ROLE)
    client.start_logging(Name="main")
    client.describe_trails(trailNameList=["just-before-the-end"])
    client.delete_trail(Name="main")
    wait_until("the deletion is in the group", lambda: "DeleteTrail" in {one["eventName"] for one in logged(logs)}, 10)
    assert "just-before-the-end" in json.dumps(logged(logs))
    # The stream was made on the way, which fails nothing.
    assert "events cannot be sent" not in opentrail.process.log


def test_groups_and_roles_that_are_not_there_are_refused(fed):
    opentrail, _ = fed
    client = opentrail.client("cloudtrail")
    for group, role, code, part in [
        (GROUP.replace("trail-events", "nothere"), ROLE, "InvalidCloudWatchLogsLogGroupArnException", "Check the log group ARN"),
        (GROUP.replace("us-east-1", "eu-west-1"), ROLE, "InvalidCloudWatchLogsLogGroupArnException", "Check the log group ARN"),
        (GROUP, ROLE + "-nothere", "InvalidCloudWatchLogsRoleArnException", "Access denied."),
    ]:
        found = refusal(client.create_trail, Name="main", S3BucketName="logs", CloudWatchLogsLogGroupArn=group,
                        CloudWatchLogsRoleArn=role)
        assert found[0] == code and part in found[1], found
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
    assert refusal(client.create_trail, Name="main", S3BucketName="logs", KmsKeyId=key)[0] == "KmsKeyNotFoundException"


def test_rules_of_the_event_bus_see_what_a_trail_takes(fed):
    opentrail, _ = fed
    events, sqs, client = opentrail.client("events"), opentrail.client("sqs"), opentrail.client("cloudtrail")
    queue = sqs.create_queue(QueueName="seen-by-rule")["QueueUrl"]
    events.put_rule(Name="users", EventPattern=json.dumps(
        {"source": ["aws.iam"], "detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["CreateUser", "GetUser"]}}))
    events.put_targets(Rule="users", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:seen-by-rule"}])
    iam = opentrail.client("iam")
    iam.create_user(UserName="before-the-start")
    client.create_trail(Name="main", S3BucketName="logs")
    client.start_logging(Name="main")
    iam.create_user(UserName="seen")
    iam.get_user(UserName="seen")
    seen = []

    def is_seen():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"]))
        return seen

    wait_until("the rule's queue has the call", is_seen, WITHIN_S)
    time.sleep(1)
    is_seen()
    assert [one["detail"]["requestParameters"]["userName"] for one in seen] == ["seen"]
    [event] = seen
    assert (event["source"], event["detail-type"]) == ("aws.iam", "AWS API Call via CloudTrail")
    assert opentrail.search(eventId=event["detail"]["eventID"]) == [event["detail"]]
    for name in ("seen", "before-the-start"):
        iam.delete_user(UserName=name)
    events.remove_targets(Rule="users", Ids=["1"])
    events.delete_rule(Name="users")
    sqs.delete_queue(QueueUrl=queue)
