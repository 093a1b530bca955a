"""`opentrail bucket`: whether a bucket protects files, and how to make it, against S3 servers of several kinds."""

import json
import subprocess

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from opentrail import BINARY, REGION, ROOT_KEY
from process import clean_environment


def bucket(url, key, *arguments):
    env = clean_environment(AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID=key[0], AWS_SECRET_ACCESS_KEY=key[1])
    return subprocess.run([str(BINARY), "bucket", *arguments], env=env, capture_output=True, text=True, timeout=60)


def check(url, key, name):
    done = bucket(url, key, "check", name, "--json")
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["isProtected"] else 1)
    return report["isProtected"], {finding["setting"]: finding["verdict"] for finding in report["findings"]}


def client(url, key):
    return boto3.client("s3", endpoint_url=url, region_name=REGION, aws_access_key_id=key[0], aws_secret_access_key=key[1],
                        config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))


def test_an_open_bucket_is_told_of_with_what_to_do(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="logs")
    is_protected, found = check(opentrail.url, ROOT_KEY, "logs")
    assert not is_protected and found["versioning"] == "open"
    done = bucket(opentrail.url, ROOT_KEY, "check", "logs")
    assert done.returncode == 1 and "aws s3api put-bucket-versioning --bucket logs" in done.stdout
    assert "NOT protected" in done.stdout
    missing = bucket(opentrail.url, ROOT_KEY, "check", "nothere")
    assert missing.returncode == 2 or "there is no bucket nothere" in missing.stderr, missing.stderr


@pytest.mark.parametrize("server", ["moto", "seaweed"])
def test_a_bucket_is_protected_with_one_command(server, request):
    server = request.getfixturevalue(server)
    key = getattr(server, "KEY", ROOT_KEY)
    s3 = client(server.url, key)
    s3.create_bucket(Bucket="locked-logs", ObjectLockEnabledForBucket=True)
    assert not check(server.url, key, "locked-logs")[0]
    asked = bucket(server.url, key, "protect", "locked-logs")
    assert asked.returncode != 0 and "--yes" in asked.stderr
    done = bucket(server.url, key, "protect", "locked-logs", "--days", "1", "--yes")
    assert done.returncode == 0, done.stderr
    is_protected, found = check(server.url, key, "locked-logs")
    assert is_protected and (found["versioning"], found["object lock"]) == ("protects", "protects"), found
    version = s3.put_object(Bucket="locked-logs", Key="AWSLogs/file", Body=b"delivered")["VersionId"]
    with pytest.raises(ClientError):
        s3.delete_object(Bucket="locked-logs", Key="AWSLogs/file", VersionId=version)
