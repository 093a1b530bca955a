"""The four questions of every audit, each answered through the CloudTrail API and from a script."""

import collections
import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from opentrail import ROOT_KEY, STRANGER_KEY
from upstreams import Reply, Stub

ALICE = ("AKIAE2EALICE00000000", "aliceSecret0000000000000000000000000000A")
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
DENIED_BY_EC2 = (
    "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error>"
    "</Errors><RequestID>{}</RequestID></Response>"
)
DENIED_BY_IAM = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
    "<Code>AccessDenied</Code><Message>User: ana is not authorized</Message></Error>"
    "<RequestId>{}</RequestId></ErrorResponse>"
)
IAM_POLICY_CHANGES = [
    "PutUserPolicy",
    "PutRolePolicy",
    "AttachUserPolicy",
    "AttachRolePolicy",
    "DeleteUserPolicy",
    "CreatePolicy",
]


def test_who_changed_a_security_group_and_when(opentrail):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    ec2 = opentrail.client("ec2", key=ALICE)
    group = ec2.create_security_group(GroupName=f"g-{uuid.uuid4().hex[:8]}", Description="d")["GroupId"]
    opening = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=opening)
    opentrail.client("ec2", key=STRANGER_KEY).revoke_security_group_ingress(GroupId=group, IpPermissions=opening)
    after = datetime.now(timezone.utc)

    events = opentrail.lookup_by("ResourceName", group, StartTime=before, EndTime=after)
    changes = [event for event in events if event["EventName"].endswith("SecurityGroupIngress")]
    told = [(event["EventName"], event["AccessKeyId"]) for event in reversed(changes)]
    assert told == [
        ("AuthorizeSecurityGroupIngress", ALICE[0]),
        ("RevokeSecurityGroupIngress", STRANGER_KEY[0]),
    ] or sorted(told) == sorted(
        [("AuthorizeSecurityGroupIngress", ALICE[0]), ("RevokeSecurityGroupIngress", STRANGER_KEY[0])]
    )
    assert all(before <= event["EventTime"] <= after for event in changes)

    records = opentrail.events("--resource-name", group, "--since", "1h")
    (opened,) = [record for record in records if record["eventName"] == "AuthorizeSecurityGroupIngress"]
    assert opened["userIdentity"]["accessKeyId"] == ALICE[0] and opened["sourceIPAddress"] == "127.0.0.1"
    assert opened["requestParameters"]["ipPermissions"]["items"][0]["ipRanges"]["items"] == [{"cidrIp": "0.0.0.0/0"}]


def test_the_iam_policy_changes_of_the_last_90_days(opentrail):
    iam = opentrail.client("iam", key=ALICE)
    user = f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=POLICY)
    policy = iam.create_policy(PolicyName=f"p-{user}", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    iam.delete_user_policy(UserName=user, PolicyName="inline")
    expected = {"PutUserPolicy", "AttachUserPolicy", "DeleteUserPolicy"}

    since = datetime.now(timezone.utc) - timedelta(days=90)
    found = {}
    for name in IAM_POLICY_CHANGES:
        for event in opentrail.lookup_by("EventName", name, StartTime=since):
            if event["record"]["requestParameters"].get("userName") == user:
                found[name] = event
    assert set(found) == expected
    assert json.loads(found["PutUserPolicy"]["record"]["requestParameters"]["policyDocument"]) == json.loads(POLICY)

    from_script = {
        record["eventName"]
        for name in IAM_POLICY_CHANGES
        for record in opentrail.events("--event-name", name, "--since", "90d")
        if record["requestParameters"].get("userName") == user
    }
    assert from_script == expected


def test_who_deleted_this_resource(opentrail):
    bucket = f"gone-{uuid.uuid4().hex[:8]}"
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)
    queue = opentrail.client("sqs", key=ALICE)
    url = queue.create_queue(QueueName=f"gone-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    queue.delete_queue(QueueUrl=url)

    deletions = [
        event for event in opentrail.lookup_by("ResourceName", bucket) if event["EventName"].startswith("Delete")
    ]
    assert [(event["EventName"], event["Username"]) for event in deletions] == [("DeleteBucket", "root")]
    (deleted,) = [
        r for r in opentrail.events("--event-name", "DeleteQueue") if r["requestParameters"]["queueUrl"] == url
    ]
    assert deleted["userIdentity"]["accessKeyId"] == ALICE[0]
    by_resource = [record["eventName"] for record in opentrail.events("--resource-name", bucket)]
    assert "DeleteBucket" in by_resource


def test_which_calls_were_denied_and_from_where(installation):
    """Denials over three protocols, from an upstream that denies everything, and one of our own."""

    def deny(seen):
        request = str(uuid.uuid4())
        if "x-amz-target" in seen.headers:
            body = {
                "__type": "com.amazon.coral.service#AccessDeniedException",
                "Message": "User: ana is not authorized",
            }
            return Reply(
                400,
                {"x-amzn-RequestId": request, "Content-Type": "application/x-amz-json-1.1"},
                json.dumps(body).encode(),
            )
        if b"Version=2016-11-15" in seen.body:
            body = DENIED_BY_EC2.format(request)
        else:
            body = DENIED_BY_IAM.format(request)
        return Reply(403, {"Content-Type": "text/xml"}, body.encode())

    with Stub(deny) as upstream:
        opentrail = installation(upstream=upstream.url)
        for service, method, parameters in [
            ("iam", "create_user", {"UserName": "eve"}),
            ("ec2", "terminate_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
            ("kms", "disable_key", {"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
        ]:
            with pytest.raises(ClientError):
                getattr(opentrail.client(service, key=ALICE), method)(**parameters)
        with pytest.raises(ClientError):
            opentrail.client("s3", key=(ROOT_KEY[0], "0" * 40)).create_bucket(Bucket="not-mine")

        def is_denial(record):
            code = record.get("errorCode", "")
            return any(
                word in code for word in ("AccessDenied", "Unauthorized", "SignatureDoesNotMatch", "InvalidSignature")
            )

        denied = {event["EventName"]: event["record"] for event in opentrail.lookup() if is_denial(event["record"])}
        assert {name: record["errorCode"] for name, record in denied.items()} == {
            "CreateUser": "AccessDenied",
            "TerminateInstances": "Client.UnauthorizedOperation",
            "DisableKey": "AccessDenied",  # Of whatever protocol, CloudTrail writes a denial so.
            "CreateBucket": "SignatureDoesNotMatch",
        }
        assert {record["sourceIPAddress"] for record in denied.values()} == {"127.0.0.1"}
        assert denied["TerminateInstances"]["userIdentity"]["accessKeyId"] == ALICE[0]
        assert denied["CreateUser"]["errorMessage"] == "User: ana is not authorized"

        from_script = {
            record["eventName"]: record["sourceIPAddress"] for record in opentrail.events("--denied", "--since", "90d")
        }
        assert from_script == dict.fromkeys(["CreateUser", "TerminateInstances", "DisableKey"], "127.0.0.1")
        by_code = {record["eventName"] for record in opentrail.events("--error-code", "SignatureDoesNotMatch")}
        assert by_code == {"CreateBucket"}
        by_code = {
            record["eventName"] for record in opentrail.events("--error-code", "AccessDenied*", "--since", "90d")
        }
        assert by_code == {"CreateUser", "DisableKey"}


def test_how_often_and_when(opentrail):
    """Counts agree with the records, with and without records being read."""
    recorded = opentrail.search(limit=1000, pages_max=10)
    for query, fits in [
        ([], lambda record: True),
        (["--read-only", "false"], lambda record: not record["readOnly"]),
        (["--error-code", "any"], lambda record: "errorCode" in record),
        (["--source-ip", "127.0.0.1"], lambda record: record["sourceIPAddress"] == "127.0.0.1"),
    ]:
        expected = collections.Counter(record["eventName"] for record in recorded if fits(record))
        # The search itself is no call that is recorded.
        counts = opentrail.events("--count-by", "eventName", "--histogram", "1m", *query)
        assert {value["value"]: value["count"] for value in counts["values"]} == expected, query
        assert counts["total"] == sum(expected.values()) == sum(time["count"] for time in counts["times"])
