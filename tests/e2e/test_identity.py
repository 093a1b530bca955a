"""Who made a call: identities that OpenTrail learns from the answers of IAM and STS as they pass."""

import json

import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT, ROOT_KEY, mark_calls
from process import wait_until

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def trail(installation, moto):
    return installation(upstream=moto.url)


def identity_of_next_call(trail, key, token=None, mark_of="DescribeRegions"):
    """The identity that the record of a new call with this key has."""
    ec2 = trail.client("ec2", key=key, token=token)
    marks = mark_calls(ec2)
    ec2.describe_regions()
    return trail.marked_event(marks[-1], mark_of)["userIdentity"]


def new_user(trail, name, path="/"):
    iam = trail.client("iam")
    user = iam.create_user(UserName=name, Path=path)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return user, (key["AccessKeyId"], key["SecretAccessKey"])


def test_a_user_is_named_by_its_first_call(trail):
    user, key = new_user(trail, "iris", "/team/")
    identity = identity_of_next_call(trail, key)
    # Members and their order as in real records.
    assert list(identity.items()) == [
        ("type", "IAMUser"),
        ("principalId", user["UserId"]),
        ("arn", f"arn:aws:iam::{ACCOUNT}:user/team/iris"),
        ("accountId", ACCOUNT),
        ("accessKeyId", key[0]),
        ("userName", "iris"),
    ]
    assert trail.lookup_by("Username", "iris")


def test_a_key_is_known_after_a_crash_between_answer_and_first_call(trail):
    user, key = new_user(trail, "crash")
    trail.kill()
    trail.start()
    identity = identity_of_next_call(trail, key)
    assert (identity["type"], identity["principalId"]) == ("IAMUser", user["UserId"])


def test_a_deleted_key_names_nobody_and_the_past_stays(trail):
    user, key = new_user(trail, "gone")
    ec2 = trail.client("ec2", key=key)
    marks = mark_calls(ec2)
    ec2.describe_regions()
    iam = trail.client("iam")
    iam.update_access_key(UserName="gone", AccessKeyId=key[0], Status="Inactive")
    assert identity_of_next_call(trail, key)["type"] == "Unknown"
    iam.update_access_key(UserName="gone", AccessKeyId=key[0], Status="Active")
    iam.update_user(UserName="gone", NewUserName="renamed")
    identity = identity_of_next_call(trail, key)
    assert (identity["userName"], identity["arn"]) == ("renamed", f"arn:aws:iam::{ACCOUNT}:user/renamed")
    iam.delete_access_key(UserName="renamed", AccessKeyId=key[0])
    identity = identity_of_next_call(trail, key)
    assert (identity["type"], identity["accessKeyId"]) == ("Unknown", key[0])
    assert "userName" not in identity
    assert trail.marked_event(marks[0], "DescribeRegions")["userIdentity"]["userName"] == "gone"


def test_a_role_session_carries_its_issuer_device_and_source_identity(trail):
    role = trail.client("iam").create_role(RoleName="deploy", Path="/ci/", AssumeRolePolicyDocument=TRUST)["Role"]
    _, key = new_user(trail, "assumer")
    sts = trail.client("sts", key=key)
    marks = mark_calls(sts)
    answer = sts.assume_role(
        RoleArn=role["Arn"],
        RoleSessionName="build-7",
        SourceIdentity="iris",
        SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/iris",
        TokenCode="123456",
    )
    credentials = answer["Credentials"]
    assert trail.marked_event(marks[-1], "AssumeRole")["userIdentity"]["userName"] == "assumer"
    session = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
    identity = identity_of_next_call(trail, session, credentials["SessionToken"])
    role_id = answer["AssumedRoleUser"]["AssumedRoleId"].split(":")[0]
    creation_date = identity["sessionContext"]["attributes"]["creationDate"]
    assert json.dumps(identity) == json.dumps(
        {
            "type": "AssumedRole",
            "principalId": answer["AssumedRoleUser"]["AssumedRoleId"],
            "arn": answer["AssumedRoleUser"]["Arn"],
            "accountId": ACCOUNT,
            "accessKeyId": credentials["AccessKeyId"],
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": role_id,
                    "arn": role["Arn"],
                    "accountId": ACCOUNT,
                    "userName": "deploy",
                },
                "attributes": {"creationDate": creation_date, "mfaAuthenticated": "true"},
                "sourceIdentity": "iris",
            },
        }
    )
    kept = [path for path in trail.files() if path.name.startswith("identities")]
    assert kept
    for path in trail.files():
        content = path.read_bytes()
        assert credentials["SecretAccessKey"].encode() not in content, path
        # Records of AssumeRole hold the token, as AWS's do.
        assert path not in kept or credentials["SessionToken"].encode() not in content, path


def test_own_sessions_and_federated_users(trail):
    user, key = new_user(trail, "ses")
    sts = trail.client("sts", key=key)
    for call, expected in (
        (sts.get_session_token, ("IAMUser", user["UserId"])),
        (lambda: sts.get_federation_token(Name="fed"), ("FederatedUser", f"{ACCOUNT}:fed")),
    ):
        credentials = call()["Credentials"]
        session = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
        identity = identity_of_next_call(trail, session, credentials["SessionToken"])
        assert (identity["type"], identity["principalId"]) == expected
        assert identity["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"
        if expected[0] == "FederatedUser":
            assert identity["sessionContext"]["sessionIssuer"]["arn"] == user["Arn"]


def test_a_web_identity_is_who_the_provider_says(trail):
    role = trail.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument=TRUST)["Role"]
    sts = trail.client("sts")
    marks = mark_calls(sts)
    answer = sts.assume_role_with_web_identity(
        RoleArn=role["Arn"], RoleSessionName="web-1", WebIdentityToken="e30.e30.e30", ProviderId="www.amazon.com"
    )
    caller = trail.marked_event(marks[-1], "AssumeRoleWithWebIdentity")["userIdentity"]
    if "SubjectFromWebIdentityToken" in answer:
        assert caller["type"] == "WebIdentityUser"
        assert caller["userName"] == answer["SubjectFromWebIdentityToken"]
    credentials = answer["Credentials"]
    session = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
    identity = identity_of_next_call(trail, session, credentials["SessionToken"])
    assert identity["type"] == "AssumedRole"
    assert identity["principalId"].endswith(":web-1")
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "web"


def test_a_wrong_signature_of_the_installations_key_names_nobody(trail):
    client = trail.client("ec2", key=(ROOT_KEY[0], "wrong"))
    marks = mark_calls(client)
    try:
        client.describe_regions()
    except ClientError:
        pass
    assert trail.marked_event(marks[-1], "DescribeRegions")["userIdentity"]["type"] == "Unknown"


def test_the_upstream_is_asked_for_the_owner_of_a_key_from_before(installation, moto):
    before = installation(upstream=moto.url)
    user, key = new_user(before, "old-hand", "/ops/")
    _, secret_of_asker = new_user(before, "asker")
    before.stop()
    credentials = {
        "OPENTRAIL_IDENTITY_ACCESS_KEY_ID": secret_of_asker[0],
        "OPENTRAIL_IDENTITY_SECRET_ACCESS_KEY": secret_of_asker[1],
    }
    trail = installation(upstream=moto.url, env=credentials)
    first = identity_of_next_call(trail, key)
    assert (first["type"], first["accessKeyId"]) == ("Unknown", key[0]), "no call waits for the answer"
    named = wait_until("the key has a name", lambda: named_identity(trail, key), timeout_s=20, interval_s=0.3)
    assert (named["type"], named["userName"], named["principalId"]) == ("IAMUser", "old-hand", user["UserId"])
    assert named["arn"] == f"arn:aws:iam::{ACCOUNT}:user/ops/old-hand"
    # A session's key is nothing that IAM knows, and a made-up key stays one.
    stranger = identity_of_next_call(trail, ("AKIAZZZZZZZZZZZZZZZZ", "secret"))
    assert stranger["type"] == "Unknown"


def named_identity(trail, key):
    identity = identity_of_next_call(trail, key)
    return identity if identity["type"] == "IAMUser" else None
