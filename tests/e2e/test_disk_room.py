"""A refusal before the disk is full: early, loud, and over when there is room again."""

from botocore.exceptions import ClientError

from process import wait_until


def test_nothing_new_is_taken_beyond_the_budget(installation):
    opentrail = installation(env={"OPENTRAIL_DISK_BUDGET": "200KiB"})
    client = opentrail.client("cloudtrail")
    answered, refusal = [], None

    def is_refused():
        nonlocal refusal
        for _ in range(100):
            try:
                client.describe_trails(trailNameList=[f"call-{len(answered)}"])
                answered.append(f"call-{len(answered)}")
            except ClientError as error:
                refusal = error.response
                return True
        return False

    wait_until("the budget is met", is_refused, 30, 0.1)
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert opentrail.metric("opentrail_history_disk_refusing") == 1
    assert opentrail.metric("opentrail_history_disk_free_bytes") > 0
    assert "NOTHING NEW IS RECORDED" in opentrail.process.log
    opentrail.env = {}
    opentrail.stop()
    opentrail.start()
    client.describe_trails(trailNameList=["with-room-again"])
    names = [record["requestParameters"]["trailNameList"][0] for record in
             opentrail.search(eventName=["DescribeTrails"], limit=1000, pages_max=100)]
    assert sorted(names) == sorted([*answered, "with-room-again"]), "recorded is what was answered"
    assert opentrail.metric("opentrail_history_disk_refusing") == 0


def test_trails_are_in_the_metrics(installation):
    opentrail = installation(env={"OPENTRAIL_DELIVERY_INTERVAL": "300ms"})
    client = opentrail.client("cloudtrail")
    opentrail.client("s3").create_bucket(Bucket="logs")
    client.create_trail(Name="main", S3BucketName="logs")
    client.start_logging(Name="main")
    wait_until("a delivery is in the metrics",
               lambda: opentrail.metric("opentrail_trail_latest_delivery_timestamp_seconds{") > 1.7e9, 10)
    wait_until("nothing waits", lambda: opentrail.metric("opentrail_trail_events_behind{") == 0, 10)
    assert opentrail.metric("opentrail_trail_failing{") == 0
