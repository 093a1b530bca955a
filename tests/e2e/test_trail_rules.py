"""Every rule of the operations on trails, one call each, with requests that no client of AWS would let out: the code, and
the words where AWS's are known."""

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from opentrail import ACCOUNT, REGION, ROOT_KEY

PREFIX = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/"
ALL = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}


class Api:
    """CloudTrail's API without a client's checks."""

    def __init__(self, opentrail, region=REGION):
        self.url, self.region = opentrail.url, region

    def __call__(self, operation, members):
        """Status, and the answer's members."""
        body = members if isinstance(members, str) else json.dumps(members)
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": PREFIX + operation}
        signed = AWSRequest("POST", self.url + "/", data=body, headers=headers)
        SigV4Auth(Credentials(*ROOT_KEY), "cloudtrail", self.region).add_auth(signed)
        request = urllib.request.Request(signed.url, body.encode(), dict(signed.headers.items()), method="POST")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def check(self, operation, members, code, message=None):
        """One refusal: always status 400, the code, and the text or a part of it that ends with an ellipsis."""
        status, answer = self(operation, members)
        found = (status, answer.get("__type"), answer.get("Message", answer.get("message", "")))
        assert found[:2] == (400, code), (operation, members, found)
        if message is not None:
            text = message.removesuffix("…")
            is_right = found[2].startswith(text) if message.endswith("…") else found[2] == text
            assert is_right, (operation, members, found)
        return found[2]

    def ok(self, operation, members):
        status, answer = self(operation, members)
        assert status == 200, (operation, members, answer)
        return answer


@pytest.fixture
def api(installation, moto):
    opentrail = installation(upstream=moto.url)
    opentrail.client("s3").create_bucket(Bucket="logs")
    return Api(opentrail)


@pytest.fixture
def trail(api):
    api.ok("CreateTrail", {"Name": "main", "S3BucketName": "logs"})
    return api


def named(**members):
    return {"Name": "main", "S3BucketName": "logs", **members}


LENGTH = "Trail name too {}. {} allowed length: {} characters. Specified name length: {} characters."
NAMES = [
    ("", LENGTH.format("short", "Minimum", 3, 0)),
    ("ab", LENGTH.format("short", "Minimum", 3, 2)),
    ("a" * 129, LENGTH.format("long", "Maximum", 128, 129)),
    ("-trail", "Trail name must starts with a letter or number."),
    ("trail!", "Trail name must ends with a letter or number."),
    ("my#trail", "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), "
                 "and underscores (_)."),
    ("my-_x", "Trail name cannot have adjacent periods, hyphens, or underscores."),
    ("my--x", "Trail name cannot have adjacent periods, hyphens, or underscores."),
    ("10.1.2.3", "Trail name cannot be in IP address format."),
]


def test_names(trail):
    for name, message in NAMES:
        trail.check("CreateTrail", {"Name": name, "S3BucketName": "logs"}, "InvalidTrailNameException", message)
        for operation in ("UpdateTrail", "DeleteTrail", "GetTrail", "GetTrailStatus", "StartLogging", "StopLogging"):
            trail.check(operation, {"Name": name}, "InvalidTrailNameException", message)
        trail.check("GetEventSelectors", {"TrailName": name}, "InvalidTrailNameException", message)
        trail.check("PutEventSelectors", {"TrailName": name, "EventSelectors": [ALL]}, "InvalidTrailNameException", message)
        trail.check("DescribeTrails", {"trailNameList": ["main", name]}, "InvalidTrailNameException", message)
    trail.check("CreateTrail", {"S3BucketName": "logs"}, "InvalidTrailNameException", NAMES[0][1])
    trail.check("CreateTrail", {"Name": ARN + "other", "S3BucketName": "logs"}, "InvalidTrailNameException", NAMES[5][1])
    for arn in ("arn:aws:s3:::logs", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:channel/x", "arn:aws:cloudtrail", "arn:"):
        for operation in ("UpdateTrail", "DeleteTrail", "GetTrail", "GetTrailStatus", "StartLogging", "StopLogging"):
            trail.check(operation, {"Name": arn}, "CloudTrailARNInvalidException")
        trail.check("DescribeTrails", {"trailNameList": [arn]}, "CloudTrailARNInvalidException")


def test_unknown_trails(trail):
    arn = f"Unknown trail: {ARN}absent for the user: {ACCOUNT}"
    trail.check("GetTrail", {"Name": "absent"}, "TrailNotFoundException", f"Unknown trail: absent for the user: {ACCOUNT}")
    for operation in ("UpdateTrail", "DeleteTrail", "GetTrailStatus", "StartLogging", "StopLogging"):
        trail.check(operation, {"Name": "absent"}, "TrailNotFoundException", arn)
        trail.check(operation, {"Name": ARN + "absent"}, "TrailNotFoundException", arn)
    trail.check("GetEventSelectors", {"TrailName": "absent"}, "TrailNotFoundException", arn)
    trail.check("PutEventSelectors", {"TrailName": "absent", "EventSelectors": [ALL]}, "TrailNotFoundException", arn)
    assert trail.ok("DescribeTrails", {"trailNameList": ["absent", ARN + "absent"]}) == {"trailList": []}


def test_types_are_strict(trail):
    trail.check("CreateTrail", "{", "SerializationException")
    trail.check("CreateTrail", "[]", "SerializationException")
    for operation, members in [
        ("CreateTrail", named(IsMultiRegionTrail="true")), ("CreateTrail", named(S3KeyPrefix=1)),
        ("CreateTrail", named(TagsList={"Key": "a"})), ("UpdateTrail", {"Name": ["main"]}), ("GetTrail", {"Name": {}}),
        ("DescribeTrails", {"trailNameList": "main"}), ("DescribeTrails", {"includeShadowTrails": "no"}),
        ("PutEventSelectors", {"TrailName": "main", "EventSelectors": ALL}),
        ("PutEventSelectors", {"TrailName": "main", "AdvancedEventSelectors": [{"FieldSelectors": [{"Field": 1}]}]}),
        ("ListPublicKeys", {"StartTime": True}), ("ListTags", {"ResourceIdList": ARN}),
    ]:
        trail.check(operation, members, "SerializationException")
    assert trail.ok("ListTrails", "")["Trails"], "an empty body is an empty input"
    assert trail.ok("DescribeTrails", {"trailNameList": None, "Unknown": 1})["trailList"]


def test_what_a_trail_is_made_of(trail):
    api = trail
    multi = {"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False}
    for members, code, message in [
        ({"Name": "x"}, "InvalidS3BucketNameException", None),
        ({"Name": "other", "S3BucketName": ""}, "InvalidS3BucketNameException", None),
        ({"Name": "other", "S3BucketName": "a_b!"}, "InvalidS3BucketNameException", "Bucket name is not valid: a_b!"),
        # The combination is looked at before name and bucket.
        ({"Name": "x", "S3BucketName": "nothere", **multi}, "InvalidParameterCombinationException",
         "Multi-Region trail must include global service events."),
        (named(Name="other", S3KeyPrefix="a" * 201), "InvalidS3PrefixException", None),
        (named(Name="other", S3KeyPrefix="/a"), "InvalidS3PrefixException", None),
        (named(Name="other", S3KeyPrefix="a b"), "InvalidS3PrefixException", None),
        (named(Name="other", SnsTopicName="a b"), "InvalidSnsTopicNameException", None),
        (named(Name="other", SnsTopicName="a" * 257), "InvalidSnsTopicNameException", None),
        (named(Name="other", SnsTopicName="arn:aws:sqs:us-east-1:123456789012:t"), "InvalidSnsTopicNameException", None),
        (named(Name="other", KmsKeyId="a key"), "InvalidKmsKeyIdException", None),
        (named(Name="other", KmsKeyId="arn:aws:s3:::logs"), "InvalidKmsKeyIdException", None),
        (named(Name="other", CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"),
         "InvalidCloudWatchLogsLogGroupArnException", None),
        (named(Name="other", CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"),
         "InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."),
        (named(Name="other", CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/r"),
         "InvalidCloudWatchLogsLogGroupArnException", "You must specify a log group ARN as well as a role ARN."),
        (named(Name="other", TagsList=[{"Key": "aws:x", "Value": "y"}]), "InvalidTagParameterException", None),
        # A name that is taken comes before all that others are asked for.
        (named(S3BucketName="nothere", IsOrganizationTrail=True), "TrailAlreadyExistsException",
         f"Trail main already exists for customer: {ACCOUNT}"),
        (named(), "TrailAlreadyExistsException", f"Trail main already exists for customer: {ACCOUNT}"),
        (named(Name="other", S3BucketName="nothere", IsOrganizationTrail=True), "OrganizationsNotInUseException", None),
        (named(Name="other", S3BucketName="nothere", SnsTopicName="nothere"), "S3BucketDoesNotExistException",
         "S3 bucket nothere does not exist!"),
        (named(Name="other", SnsTopicName="nothere"), "InsufficientSnsTopicPolicyException",
         "SNS Topic does not exist or the topic policy is incorrect!"),
        (named(Name="other", KmsKeyId="12345678-1234-1234-1234-123456789012"), "KmsKeyNotFoundException", None),
        (named(Name="other", KmsKeyId="alias/absent"), "KmsKeyNotFoundException", None),
        (named(Name="other", KmsKeyId="absent"), "InvalidKmsKeyIdException", None),
        # The form of the prefix comes before the tags, and the name before both.
        (named(Name="x", S3KeyPrefix="/a", TagsList=[{"Key": ""}]), "InvalidTrailNameException", None),
        (named(Name="other", S3KeyPrefix="/a", TagsList=[{"Key": ""}]), "InvalidS3PrefixException", None),
    ]:
        api.check("CreateTrail", members, code, message)
    for members, code in [
        ({"S3BucketName": ""}, "InvalidS3BucketNameException"), ({"S3BucketName": "nothere"}, "S3BucketDoesNotExistException"),
        ({"S3KeyPrefix": "/a"}, "InvalidS3PrefixException"), ({"SnsTopicName": "a b"}, "InvalidSnsTopicNameException"),
        ({"SnsTopicName": "nothere"}, "InsufficientSnsTopicPolicyException"), (multi, "InvalidParameterCombinationException"),
        ({"KmsKeyId": "alias/absent"}, "KmsKeyNotFoundException"), ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException"),
        ({"CloudWatchLogsRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, "InvalidCloudWatchLogsLogGroupArnException"),
    ]:
        api.check("UpdateTrail", {"Name": "main", **members}, code)
    assert api.ok("UpdateTrail", {"Name": "main", "TagsList": [{"Key": "aws:x"}]}), "an update has no tags"
    assert api.ok("UpdateTrail", {"Name": "main", "IncludeGlobalServiceEvents": False})["IncludeGlobalServiceEvents"] is False
    # The combination is judged as the trail would be.
    api.check("UpdateTrail", {"Name": "main", "IsMultiRegionTrail": True}, "InvalidParameterCombinationException")
    assert api.ok("UpdateTrail", {"Name": "main", "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True})


def test_a_key_needs_a_bucket_that_encrypts(installation, moto, folder):
    keys = moto.url
    embedded = installation("--trail-buckets", f"folder=file://{folder}/audit", upstream=keys)
    embedded.client("s3").create_bucket(Bucket="logs")
    kms = embedded.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    for bucket in ("logs", "folder"):
        Api(embedded).check("CreateTrail", {"Name": "main", "S3BucketName": bucket, "KmsKeyId": key},
                            "InsufficientEncryptionPolicyException",
                            f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}.")
    upstream = installation(upstream=keys, config=f'[upstreams]\ns3 = "{keys}"\n')
    upstream.client("s3").create_bucket(Bucket="encrypted")
    made = Api(upstream).ok("CreateTrail", {"Name": "main", "S3BucketName": "encrypted", "KmsKeyId": key.rsplit("/", 1)[1]})
    assert made["KmsKeyId"] == key, "the id becomes the ARN"
    kms.create_alias(AliasName="alias/trail-rules", TargetKeyId=key)
    assert Api(upstream).ok("UpdateTrail", {"Name": "main", "KmsKeyId": "alias/trail-rules"})["KmsKeyId"] == key
    assert "KmsKeyId" not in Api(upstream).ok("UpdateTrail", {"Name": "main", "KmsKeyId": ""})
    kms.disable_key(KeyId=key.rsplit("/", 1)[1])
    Api(upstream).check("UpdateTrail", {"Name": "main", "KmsKeyId": key}, "KmsException")


def test_a_topic_whose_policy_denies_is_refused(api, moto):
    sns = boto3.client("sns", endpoint_url=moto.url, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    topic = sns.create_topic(Name="denying")["TopicArn"]
    statement = {"Effect": "Deny", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "SNS:Publish",
                 "Resource": topic, "Condition": {"StringEquals": {"aws:SourceArn": ARN + "main"}}}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy",
                             AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    api.check("CreateTrail", named(SnsTopicName="denying"), "InsufficientSnsTopicPolicyException",
              "SNS Topic does not exist or the topic policy is incorrect!")
    assert api.ok("CreateTrail", named(Name="other", SnsTopicName="denying"))["SnsTopicARN"] == topic


def test_quotas(api, installation, moto):
    other = Api(type("Address", (), {"url": api.url}), "eu-west-1")
    for number in range(4):
        api.ok("CreateTrail", {"Name": f"trail-{number}", "S3BucketName": "logs"})
    for number in range(5):
        other.ok("CreateTrail", {"Name": f"there-{number}", "S3BucketName": "logs"})
    full = f"User: {ACCOUNT} already has 5 trails in eu-west-1."
    # A shadow trail counts where it is seen.
    everywhere = {"Name": "everywhere", "S3BucketName": "logs", "IsMultiRegionTrail": True}
    api.check("CreateTrail", everywhere, "MaximumNumberOfTrailsExceededException", full)
    api.check("UpdateTrail", {"Name": "trail-0", "IsMultiRegionTrail": True}, "MaximumNumberOfTrailsExceededException", full)
    other.ok("DeleteTrail", {"Name": "there-0"})
    api.ok("CreateTrail", everywhere)
    for where, region in ((api, "us-east-1"), (other, "eu-west-1")):
        where.check("CreateTrail", {"Name": "one-more", "S3BucketName": "logs"}, "MaximumNumberOfTrailsExceededException",
                    f"User: {ACCOUNT} already has 5 trails in {region}.")
    raised = installation(env={"OPENTRAIL_TRAILS_MAX": "7"})
    raised.client("s3").create_bucket(Bucket="logs")
    for number in range(7):
        Api(raised).ok("CreateTrail", {"Name": f"trail-{number}", "S3BucketName": "logs"})
    Api(raised).check("CreateTrail", {"Name": "one-more", "S3BucketName": "logs"}, "MaximumNumberOfTrailsExceededException",
                      f"User: {ACCOUNT} already has 7 trails in us-east-1.")


def test_other_regions(trail):
    other = Api(type("Address", (), {"url": trail.url}), "eu-west-1")
    wrong = f"Trail {ARN}main can only be modified from its home region us-east-1."
    for operation in ("UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"):
        other.check(operation, {"Name": ARN + "main"}, "InvalidHomeRegionException", wrong)
        other.check(operation, {"Name": "main"}, "TrailNotFoundException")
    other.check("PutEventSelectors", {"TrailName": ARN + "main", "EventSelectors": [ALL]}, "InvalidHomeRegionException", wrong)
    other.check("AddTags", {"ResourceId": ARN + "main", "TagsList": [{"Key": "a"}]}, "InvalidHomeRegionException", wrong)
    # A trail of one region is not seen in another one, one of all regions is.
    other.check("GetTrailStatus", {"Name": ARN + "main"}, "TrailNotFoundException")
    assert other.ok("DescribeTrails", {"trailNameList": [ARN + "main"]}) == {"trailList": []}
    trail.ok("UpdateTrail", {"Name": "main", "IsMultiRegionTrail": True})
    assert other.ok("GetTrail", {"Name": ARN + "main"})["Trail"]["HomeRegion"] == "us-east-1"
    assert other.ok("GetTrailStatus", {"Name": ARN + "main"})["IsLogging"] is False
    assert other.ok("GetEventSelectors", {"TrailName": ARN + "main"})["EventSelectors"] == [ALL]
    other.check("GetTrail", {"Name": "main"}, "TrailNotFoundException", f"Unknown trail: main for the user: {ACCOUNT}")
    other.check("CreateTrail", named(), "TrailAlreadyExistsException")
    assert other.ok("DescribeTrails", {"trailNameList": [ARN + "main"], "includeShadowTrails": False}) == {"trailList": []}


def test_answers_have_all_their_members(trail):
    made = trail.ok("CreateTrail", named(Name="other", RecursiveLogging=False))
    assert made == {
        "Name": "other", "S3BucketName": "logs", "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": False,
        "TrailARN": ARN + "other", "LogFileValidationEnabled": False, "IsOrganizationTrail": False, "RecursiveLogging": False,
    }
    assert trail.ok("GetTrail", {"Name": "other"})["Trail"] == {
        **made, "HomeRegion": "us-east-1", "HasCustomEventSelectors": False, "HasInsightSelectors": False}
    status = trail.ok("GetTrailStatus", {"Name": "other"})
    assert status == {
        "IsLogging": False, "LatestDeliveryAttemptTime": "", "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "", "LatestDeliveryAttemptSucceeded": "", "TimeLoggingStarted": "",
        "TimeLoggingStopped": "",
    }
    for operation in ("StartLogging", "StartLogging", "StopLogging", "StopLogging", "DeleteTrail"):
        assert trail.ok(operation, {"Name": "other"}) == {}
    assert trail.ok("ListTrails", {}) == {"Trails": [{"TrailARN": ARN + "main", "Name": "main", "HomeRegion": "us-east-1"}]}
    trail.check("ListTrails", {"NextToken": "x"}, "InvalidTokenException")


def basic(**members):
    return {"TrailName": "main", "EventSelectors": [members]}


def data(kind, *values):
    return basic(DataResources=[{"Type": kind, "Values": list(values)}])


def advanced(*fields):
    return {"TrailName": "main", "AdvancedEventSelectors": [{"FieldSelectors": list(fields)}]}


def field(name, **operators):
    return {"Field": name, **operators}


MANAGEMENT, DATA = field("eventCategory", Equals=["Management"]), field("eventCategory", Equals=["Data"])
NETWORK = field("eventCategory", Equals=["NetworkActivity"])
S3 = field("resources.type", Equals=["AWS::S3::Object"])
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")


def test_selectors_that_are_taken(trail):
    for members in [
        basic(), basic(ReadWriteType="ReadOnly"), basic(ReadWriteType="WriteOnly", IncludeManagementEvents=False),
        basic(ExcludeManagementEventSources=["kms.amazonaws.com", "rdsdata.amazonaws.com"]),
        data("AWS::S3::Object", "arn:aws:s3"), data("AWS::S3::Object", "arn:aws:s3:::", "arn:aws:s3:::b/", "arn:aws:s3:::b/pre"),
        data("AWS::Lambda::Function", "arn:aws:lambda"), data("AWS::Lambda::Function", FUNCTION),
        data("AWS::DynamoDB::Table", "arn:aws:dynamodb"), data("AWS::DynamoDB::Table", TABLE),
        data("AWS::S3::Object", *(f"arn:aws:s3:::b/{number}" for number in range(250)), "arn:aws:s3"),
        advanced(MANAGEMENT), advanced(MANAGEMENT, field("readOnly", Equals=["true"])),
        advanced(MANAGEMENT, field("eventSource", NotEquals=["kms.amazonaws.com", "rdsdata.amazonaws.com"])),
        advanced(DATA, S3, field("readOnly", Equals=["false"]), field("sessionCredentialFromConsole", NotEquals=["true"])),
        *(advanced(DATA, S3, field(name, **{operator: ["a"]})) for operator in OPERATORS
          for name in ("eventName", "eventSource", "eventType", "userIdentity.arn")),
        *(advanced(DATA, S3, field("resources.ARN", **{operator: ["arn:aws:s3:::b/k"]})) for operator in OPERATORS),
        advanced(NETWORK, field("eventSource", Equals=["s3.amazonaws.com"]), field("errorCode", Equals=["VpceAccessDenied"]),
                 field("vpcEndpointId", Equals=["vpce-1"]), field("eventName", NotStartsWith=["Get"])),
        advanced(DATA, S3, field("eventName", Equals=[str(number) for number in range(498)])),
        advanced(DATA, S3, field("resources.ARN", StartsWith=[f"arn:aws:s3:::b/{number}" for number in range(498)])),
    ]:
        list_name = "EventSelectors" if "EventSelectors" in members else "AdvancedEventSelectors"
        put = trail.ok("PutEventSelectors", members)
        assert set(put) == {"TrailARN", list_name} and trail.ok("GetEventSelectors", {"TrailName": "main"}) == put
        wanted = [{**ALL, **one} for one in members[list_name]] if list_name == "EventSelectors" else members[list_name]
        assert put[list_name] == wanted
    # An empty advanced list brings the first ones back.
    assert trail.ok("PutEventSelectors", {"TrailName": "main", "AdvancedEventSelectors": []})["EventSelectors"] == [ALL]
    assert trail.ok("GetTrail", {"Name": "main"})["Trail"]["HasCustomEventSelectors"] is False


def test_selectors_that_are_refused(trail):
    long = "a" * 2049
    for members, message in [
        ({"TrailName": "main"}, None),
        ({"TrailName": "main", "EventSelectors": []}, None),
        ({"TrailName": "main", "EventSelectors": [ALL] * 6}, None),
        ({"TrailName": "main", "EventSelectors": [ALL], "AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT]}]},
         "EventSelectors and AdvancedEventSelectors cannot both be specified."),
        (basic(ReadWriteType="Some"), None),
        (basic(ExcludeManagementEventSources=["s3.amazonaws.com"]), None),
        (basic(IncludeManagementEvents=False, ExcludeManagementEventSources=["kms.amazonaws.com"]), None),
        (data("AWS::S3::Object", "arn:aws:s3:::*"), "Value arn:aws:s3:::* for DataResources.Values is invalid."),
        (data("AWS::S3::Object", "arn:aws:s3:::b"), "Value arn:aws:s3:::b for DataResources.Values is invalid."),
        (data("AWS::Lambda::Function", "arn:aws:lambda:*"), "Value arn:aws:lambda:* for DataResources.Values is invalid."),
        (data("AWS::DynamoDB::Table", "t"), "Value t for DataResources.Values is invalid."),
        (data("AWS::EC2::Snapshot", "arn:aws:ec2"), "Value AWS::EC2::Snapshot for DataResources.Type is invalid."),
        (data("AWS::S3::Object"), None),
        (data("AWS::S3::Object", *(f"arn:aws:s3:::b/{number}" for number in range(251))), None),
        (advanced(), None), (advanced(field("readOnly", Equals=["true"])), None), (advanced(DATA), None),
        (advanced(NETWORK), None), (advanced(field("eventCategory", Equals=["Other"])), None),
        (advanced(field("eventCategory", Equals=["Insight"])), None),
        (advanced(field("eventCategory", NotEquals=["Data"])), None),
        (advanced(field("eventCategory", Equals=["Data", "Management"]), S3), None),
        (advanced(DATA, field("resources.type", Equals=["AWS::S3::Object", "AWS::Lambda::Function"])), None),
        (advanced(DATA, field("resources.type", StartsWith=["AWS::S3"])), None),
        (advanced(DATA, field("resources.type", Equals=["S3"])), None),
        (advanced(DATA, S3, S3), None), (advanced(DATA, S3, field("eventName")), None),
        (advanced(DATA, S3, field("eventName", Equals=[])), None), (advanced(DATA, S3, field("unknown", Equals=["a"])), None),
        (advanced(DATA, S3, field("readOnly", Equals=["maybe"])), None),
        (advanced(DATA, S3, field("readOnly", StartsWith=["t"])), None),
        (advanced(DATA, S3, field("eventName", Equals=["a"], NotEquals=["a"])), None),
        (advanced(DATA, S3, field("eventName", Equals=[long])), None), (advanced(DATA, S3, field("eventName", Equals=[""])), None),
        (advanced(DATA, S3, field("resources.ARN", Equals=["b/k"])), None),
        (advanced(DATA, S3, field("sessionCredentialFromConsole", StartsWith=["t"])), None),
        (advanced(DATA, S3, field("vpcEndpointId", Equals=["vpce-1"])), None),
        (advanced(DATA, S3, field("eventName", Equals=[str(number) for number in range(499)])), None),
        (advanced(DATA, S3, field("resources.ARN", Equals=[f"arn:aws:s3:::b/{number}" for number in range(251)])), None),
        (advanced(MANAGEMENT, S3), None), (advanced(MANAGEMENT, field("eventName", Equals=["a"])), None),
        (advanced(MANAGEMENT, field("eventSource", Equals=["kms.amazonaws.com"])), None),
        (advanced(MANAGEMENT, field("eventSource", NotEquals=["s3.amazonaws.com"])), None),
        (advanced(NETWORK, field("eventSource", Equals=["s3.amazonaws.com", "kms.amazonaws.com"])), None),
        (advanced(NETWORK, field("eventSource", Equals=["s3.amazonaws.com"]), field("errorCode", Equals=["AccessDenied"])), None),
        ({"TrailName": "main", "AdvancedEventSelectors": [{"Name": "a" * 1001, "FieldSelectors": [MANAGEMENT]}]}, None),
    ]:
        trail.check("PutEventSelectors", members, "InvalidEventSelectorsException", message)
    assert trail.ok("GetEventSelectors", {"TrailName": "main"}) == {"TrailARN": ARN + "main", "EventSelectors": [ALL]}


def test_tags(trail):
    arn = ARN + "main"

    def tags(count, start=0):
        return [{"Key": f"k{number}", "Value": "v"} for number in range(start, start + count)]

    for operation in ("AddTags", "RemoveTags"):
        for resource, code in [
            ("main", "CloudTrailARNInvalidException"), ("arn:aws:s3:::logs", "ResourceTypeNotSupportedException"),
            (f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:thing/x", "ResourceTypeNotSupportedException"),
            (ARN + "absent", "ResourceNotFoundException"),
            (f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/e", "EventDataStoreNotFoundException"),
            (f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:channel/c", "ChannelNotFoundException"),
        ]:
            trail.check(operation, {"ResourceId": resource, "TagsList": tags(1)}, code)
            trail.check("ListTags", {"ResourceIdList": [resource]}, code)
        for wrong in (
            [{"Key": ""}], [{"Key": "a" * 129}], [{"Key": "a", "Value": "v" * 257}], [{"Key": "aws:a"}], [{"Key": "AWS:a"}],
            [{"Key": "a"}, {"Key": "a"}], [{"Key": "a*"}], [{"Key": "a", "Value": "*"}], tags(201),
        ):
            trail.check(operation, {"ResourceId": arn, "TagsList": wrong}, "InvalidTagParameterException")
        trail.check(operation, {"TagsList": tags(1)}, "ValidationException")
        trail.check(operation, {"ResourceId": arn}, "ValidationException")
    trail.ok("AddTags", {"ResourceId": arn, "TagsList": tags(50)})
    trail.check("AddTags", {"ResourceId": arn, "TagsList": tags(1, 50)}, "TagsLimitExceededException")
    trail.ok("AddTags", {"ResourceId": arn, "TagsList": [{"Key": "k0", "Value": ""}, {"Key": "k1"}]})
    trail.ok("RemoveTags", {"ResourceId": arn, "TagsList": [*tags(48, 2), {"Key": "absent"}]})
    trail.ok("CreateTrail", named(Name="other", TagsList=[{"Key": "größe", "Value": "a b_./=+-@:"}]))
    trail.check("CreateTrail", named(Name="third", TagsList=tags(51)), "TagsLimitExceededException")
    assert trail.ok("ListTags", {"ResourceIdList": [ARN + "other", arn]}) == {"ResourceTagList": [
        {"ResourceId": ARN + "other", "TagsList": [{"Key": "größe", "Value": "a b_./=+-@:"}]},
        {"ResourceId": arn, "TagsList": [{"Key": "k0", "Value": ""}, {"Key": "k1"}]},
    ]}
    trail.check("ListTags", {"ResourceIdList": [arn] * 21}, "ValidationException")
    trail.check("ListTags", {}, "ValidationException")
    trail.check("ListTags", {"ResourceIdList": [arn], "NextToken": "x"}, "InvalidTokenException")


def test_public_keys(trail):
    now = 1_790_000_000
    trail.check("ListPublicKeys", {"StartTime": now, "EndTime": now - 1}, "InvalidTimeRangeException")
    trail.check("ListPublicKeys", {"StartTime": 4_000_000_000, "EndTime": 4_000_000_001}, "InvalidTimeRangeException")
    trail.check("ListPublicKeys", {"NextToken": "x"}, "InvalidTokenException")
    assert trail.ok("ListPublicKeys", {}) == {"PublicKeyList": []}
    assert trail.ok("ListPublicKeys", {"StartTime": 0, "EndTime": 4_000_000_000}) == {"PublicKeyList": []}
