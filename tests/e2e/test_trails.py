"""Trails: made, changed and found with the stock clients, with AWS's checks and words."""

import json

import pytest

from opentrail import ACCOUNT
from process import wait_until
from test_lookup import error_of

ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/"


@pytest.fixture
def trails(installation, moto):
    """An installation with a bucket and a topic, and its CloudTrail client."""
    opentrail = installation(upstream=moto.url)
    opentrail.client("s3").create_bucket(Bucket="logs")
    opentrail.client("sns").create_topic(Name="told")
    return opentrail, opentrail.client("cloudtrail")


def refusal(call, **arguments):
    answer = error_of(call, **arguments)["Error"]
    return answer["Code"], answer["Message"]


def test_a_trail_from_its_making_to_its_end(trails):
    opentrail, client = trails
    made = client.create_trail(
        Name="main", S3BucketName="logs", S3KeyPrefix="a/b", SnsTopicName="told", IsMultiRegionTrail=True,
        EnableLogFileValidation=True, TagsList=[{"Key": "team", "Value": "blue"}],
    )
    made.pop("ResponseMetadata")
    assert made == {
        "Name": "main", "S3BucketName": "logs", "S3KeyPrefix": "a/b", "SnsTopicName": "told",
        "SnsTopicARN": f"arn:aws:sns:us-east-1:{ACCOUNT}:told", "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True, "TrailARN": ARN + "main", "LogFileValidationEnabled": True,
        "IsOrganizationTrail": False,
    }
    trail = client.get_trail(Name="main")["Trail"]
    assert trail == made | {"HomeRegion": "us-east-1", "HasCustomEventSelectors": False, "HasInsightSelectors": False}
    assert client.describe_trails()["trailList"] == [trail]
    assert client.list_trails()["Trails"] == [{"TrailARN": ARN + "main", "Name": "main", "HomeRegion": "us-east-1"}]
    status = client.get_trail_status(Name="main")
    assert status["IsLogging"] is False and "StartLoggingTime" not in status and status["TimeLoggingStarted"] == ""

    client.start_logging(Name=ARN + "main")
    started = client.get_trail_status(Name="main")["StartLoggingTime"]
    client.start_logging(Name="main")
    status = client.get_trail_status(Name="main")
    assert status["IsLogging"] is True and status["StartLoggingTime"] == started
    client.stop_logging(Name="main")
    status = client.get_trail_status(Name="main")
    assert status["IsLogging"] is False and status["StopLoggingTime"] and status["StartLoggingTime"] == started

    changed = client.update_trail(Name="main", S3KeyPrefix="", SnsTopicName="", IsMultiRegionTrail=False)
    assert "S3KeyPrefix" not in changed and "SnsTopicARN" not in changed and changed["IsMultiRegionTrail"] is False

    client.add_tags(ResourceId=ARN + "main", TagsList=[{"Key": "team", "Value": "red"}, {"Key": "cost"}])
    client.remove_tags(ResourceId=ARN + "main", TagsList=[{"Key": "absent"}])
    tags = client.list_tags(ResourceIdList=[ARN + "main"])["ResourceTagList"]
    assert tags == [{"ResourceId": ARN + "main", "TagsList": [{"Key": "team", "Value": "red"}, {"Key": "cost"}]}]

    client.delete_trail(Name="main")
    assert client.describe_trails()["trailList"] == []
    missing = f"Unknown trail: {ARN}main for the user: {ACCOUNT}"
    assert refusal(client.delete_trail, Name="main") == ("TrailNotFoundException", missing)
    assert refusal(client.get_trail, Name="main") == (
        "TrailNotFoundException", f"Unknown trail: main for the user: {ACCOUNT}")

    records = wait_until("the calls are found", lambda: opentrail.lookup_by("EventName", "CreateTrail"), 2)
    record = records[0]["record"]
    assert record["requestParameters"]["name"] == "main" and record["requestParameters"]["isMultiRegionTrail"] is True
    assert record["responseElements"]["trailARN"] == ARN + "main"
    stopped = opentrail.lookup_by("EventName", "StopLogging")[0]["record"]
    assert stopped["requestParameters"] == {"name": "main"} and stopped["responseElements"] is None


def test_what_cannot_be_is_refused_in_aws_words(trails):
    _, client = trails
    for arguments, code, part in [
        ({"Name": "x", "S3BucketName": "logs"}, "InvalidTrailNameException", "Trail name too short."),
        ({"Name": "trail!", "S3BucketName": "logs"}, "InvalidTrailNameException", "must ends with"),
        ({"Name": "my#trail", "S3BucketName": "logs"}, "InvalidTrailNameException", "can only contain"),
        ({"Name": "main", "S3BucketName": "nothere"}, "S3BucketDoesNotExistException", "S3 bucket nothere does not exist!"),
        ({"Name": "main", "S3BucketName": "logs", "S3KeyPrefix": "/x"}, "InvalidS3PrefixException", "not valid"),
        ({"Name": "main", "S3BucketName": "logs", "SnsTopicName": "a b"}, "InvalidSnsTopicNameException", "not valid"),
        ({"Name": "main", "S3BucketName": "logs", "SnsTopicName": "nothere"}, "InsufficientSnsTopicPolicyException",
         "SNS Topic does not exist or the topic policy is incorrect!"),
        ({"Name": "main", "S3BucketName": "logs", "KmsKeyId": "arn:aws:s3:::x"}, "InvalidKmsKeyIdException", "not valid"),
        ({"Name": "main", "S3BucketName": "nothere", "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False},
         "InvalidParameterCombinationException", "Multi-Region trail must include global service events."),
        ({"Name": "main", "S3BucketName": "logs", "IsOrganizationTrail": True}, "OrganizationsNotInUseException", ""),
        ({"Name": "main", "S3BucketName": "logs", "CloudWatchLogsLogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"},
         "InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."),
        ({"Name": "main", "S3BucketName": "logs", "TagsList": [{"Key": "aws:x"}]}, "InvalidTagParameterException", ""),
    ]:
        found = refusal(client.create_trail, **arguments)
        assert found[0] == code and part in found[1], (arguments, found)
    assert client.list_trails()["Trails"] == []
    for number in range(5):
        client.create_trail(Name=f"trail-{number}", S3BucketName="logs")
    assert refusal(client.create_trail, Name="trail-0", S3BucketName="logs") == (
        "TrailAlreadyExistsException", f"Trail trail-0 already exists for customer: {ACCOUNT}")
    assert refusal(client.create_trail, Name="trail-5", S3BucketName="logs")[0] == "MaximumNumberOfTrailsExceededException"
    wrong = refusal(client.add_tags, ResourceId="arn:aws:s3:::logs", TagsList=[{"Key": "a"}])
    assert wrong[0] == "ResourceTypeNotSupportedException"
    assert refusal(client.list_tags, ResourceIdList=["trail-0"])[0] == "CloudTrailARNInvalidException"


def test_other_regions_see_shadow_trails_and_change_nothing(trails):
    opentrail, client = trails
    other = opentrail.client("cloudtrail", region="eu-west-1")
    client.create_trail(Name="everywhere", S3BucketName="logs", IsMultiRegionTrail=True)
    client.create_trail(Name="here", S3BucketName="logs")
    other.create_trail(Name="there", S3BucketName="logs")
    assert [trail["Name"] for trail in other.describe_trails()["trailList"]] == ["everywhere", "there"]
    assert [trail["Name"] for trail in other.describe_trails(includeShadowTrails=False)["trailList"]] == ["there"]
    assert [trail["Name"] for trail in client.list_trails()["Trails"]] == ["everywhere", "here", "there"]
    assert other.get_trail(Name=ARN + "everywhere")["Trail"]["HomeRegion"] == "us-east-1"
    assert refusal(other.get_trail_status, Name="everywhere")[0] == "TrailNotFoundException"
    assert other.describe_trails(trailNameList=["absent", ARN + "everywhere"])["trailList"][0]["Name"] == "everywhere"
    for change in (other.start_logging, other.stop_logging, other.delete_trail):
        code, message = refusal(change, Name=ARN + "everywhere")
        assert code == "InvalidHomeRegionException" and "home region us-east-1" in message


def test_event_selectors_are_kept_as_they_were_put(trails):
    _, client = trails
    client.create_trail(Name="main", S3BucketName="logs")
    first = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}
    assert client.get_event_selectors(TrailName="main")["EventSelectors"] == [first]
    advanced = [{"Name": "writes", "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "readOnly", "Equals": ["false"]}, {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::b/", "arn:aws:s3:::a/"]}]}]
    put = client.put_event_selectors(TrailName="main", AdvancedEventSelectors=advanced)
    assert put["AdvancedEventSelectors"] == advanced and "EventSelectors" not in put
    assert client.get_event_selectors(TrailName=ARN + "main")["AdvancedEventSelectors"] == advanced
    assert client.get_trail(Name="main")["Trail"]["HasCustomEventSelectors"] is True
    basic = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "ExcludeManagementEventSources": ["kms.amazonaws.com"],
              "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}]}]
    assert client.put_event_selectors(TrailName="main", EventSelectors=basic)["EventSelectors"] == basic
    for selectors, part in [
        ([{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::*"]}]}],
         "Value arn:aws:s3:::* for DataResources.Values is invalid."),
        ([{"DataResources": [{"Type": "AWS::EC2::Snapshot", "Values": ["x"]}]}], "DataResources.Type is invalid."),
        ([], "1 to 5"),
    ]:
        code, message = refusal(client.put_event_selectors, TrailName="main", EventSelectors=selectors)
        assert code == "InvalidEventSelectorsException" and part in message, message
    assert client.get_event_selectors(TrailName="main")["EventSelectors"] == basic
    client.put_event_selectors(TrailName="main", EventSelectors=[first])
    assert client.get_trail(Name="main")["Trail"]["HasCustomEventSelectors"] is False


def test_a_policy_that_denies_is_obeyed_and_one_that_allows_may_be_required(installation):
    opentrail = installation(env={"OPENTRAIL_REQUIRE_BUCKET_POLICY": "true"})
    s3, client = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="logs")
    incorrect = "InsufficientS3BucketPolicyException", "Incorrect S3 bucket policy is detected for bucket: logs"
    assert refusal(client.create_trail, Name="main", S3BucketName="logs") == incorrect
    service = {"Service": "cloudtrail.amazonaws.com"}
    condition = {"StringEquals": {"aws:SourceArn": ARN + "main"}}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs",
         "Condition": condition},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/*",
         "Condition": {"StringEquals": {"aws:SourceArn": ARN + "main", "s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]
    put = lambda statements: s3.put_bucket_policy(  # noqa: E731
        Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    put(statements)
    assert refusal(client.create_trail, Name="other", S3BucketName="logs") == incorrect
    client.create_trail(Name="main", S3BucketName="logs")
    put([{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}, *statements])
    assert refusal(client.update_trail, Name="main", S3KeyPrefix="x")[0] == "InsufficientS3BucketPolicyException"


def test_trails_outlive_a_kill(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="logs")
    opentrail.aws("cloudtrail", "create-trail", "--name", "main", "--s3-bucket-name", "logs", "--is-multi-region-trail")
    opentrail.aws("cloudtrail", "start-logging", "--name", "main")
    opentrail.kill()
    opentrail.start()
    trails = json.loads(opentrail.aws("cloudtrail", "describe-trails").stdout)["trailList"]
    assert [trail["Name"] for trail in trails] == ["main"]
    assert opentrail.client("cloudtrail").get_trail_status(Name="main")["IsLogging"] is True
