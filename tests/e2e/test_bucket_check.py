"""`opentrail bucket`: whether a bucket protects files, and how to make it, against S3 servers of several kinds."""

import base64
import hmac
import json
import re
import struct
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

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


@pytest.mark.parametrize("server", ["embedded", "moto", "seaweed"])
def test_a_bucket_is_protected_with_one_command(server, request):
    # moto takes Object Lock for empty buckets only, as AWS did long ago.
    has_files = server != "moto"
    server = request.getfixturevalue("installation")() if server == "embedded" else request.getfixturevalue(server)
    key = getattr(server, "KEY", ROOT_KEY)
    s3 = client(server.url, key)
    s3.create_bucket(Bucket="locked-logs", ObjectLockEnabledForBucket=True)
    assert not check(server.url, key, "locked-logs")[0]
    files = {}
    if has_files:
        name = "AWSLogs/a file+&.gz"
        files[name] = s3.put_object(Bucket="locked-logs", Key=name, Body=b"from before")["VersionId"]
    asked = bucket(server.url, key, "protect", "locked-logs")
    assert asked.returncode != 0 and "--yes" in asked.stderr
    done = bucket(server.url, key, "protect", "locked-logs", "--days", "1", "--yes")
    assert done.returncode == 0 and f"; {len(files)} that were there" in done.stdout, done.stderr
    again = bucket(server.url, key, "protect", "locked-logs", "--days", "1", "--yes")
    assert again.returncode == 0, again.stderr
    is_protected, found = check(server.url, key, "locked-logs")
    assert is_protected and (found["versioning"], found["object lock"]) == ("protects", "protects"), found
    version = s3.put_object(Bucket="locked-logs", Key="AWSLogs/file", Body=b"delivered")["VersionId"]
    for name, locked in (files | {"AWSLogs/file": version}).items():
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket="locked-logs", Key=name, VersionId=locked, BypassGovernanceRetention=True)
    s3.delete_object(Bucket="locked-logs", Key="AWSLogs/file")
    assert s3.get_object(Bucket="locked-logs", Key="AWSLogs/file", VersionId=version)["Body"].read() == b"delivered"


def test_what_a_trail_delivers_is_locked(installation):
    opentrail = installation(env={"OPENTRAIL_DELIVERY_INTERVAL": "1s", "OPENTRAIL_DIGEST_INTERVAL": "3s"})
    s3, trails = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="audit")
    assert bucket(opentrail.url, ROOT_KEY, "protect", "audit", "--days", "1", "--yes").returncode == 0
    trails.create_trail(Name="main", S3BucketName="audit", EnableLogFileValidation=True)
    trails.start_logging(Name="main")
    kinds = set()
    for _ in range(100):
        s3.list_buckets()
        versions = s3.list_object_versions(Bucket="audit").get("Versions", [])
        kinds = {version["Key"].split("/")[2] for version in versions}
        if kinds == {"CloudTrail", "CloudTrail-Digest"}:
            break
        time.sleep(0.2)
    assert kinds == {"CloudTrail", "CloudTrail-Digest"}
    for version in versions:
        head = s3.head_object(Bucket="audit", Key=version["Key"], VersionId=version["VersionId"])
        assert head["ObjectLockMode"] == "COMPLIANCE", head
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket="audit", Key=version["Key"], VersionId=version["VersionId"])


def test_mfa_delete_takes_a_code_of_the_device(installation):
    opentrail = installation()
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket="careful")
    command = [str(BINARY), "mfa-device", "--data-dir", str(opentrail.data)]
    made = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    serial = re.search(r"serial number +(\S+)", made.stdout)[1]
    secret = parse_qs(urlsplit(re.search(r"for apps +(\S+)", made.stdout)[1]).query)["secret"][0]
    again = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert again.returncode != 0 and "shown once" in again.stderr
    both = {"Status": "Enabled", "MFADelete": "Enabled"}
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_bucket_versioning(Bucket="careful", VersioningConfiguration=both)
    s3.put_bucket_versioning(Bucket="careful", VersioningConfiguration=both, MFA=f"{serial} {code(secret)}")
    assert check(opentrail.url, ROOT_KEY, "careful")[1]["MFA delete"] == "protects"
    version = s3.put_object(Bucket="careful", Key="file", Body=b"x")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="careful", Key="file", VersionId=version)
    # The code of the next half minute is right already, and was not used.
    s3.delete_object(Bucket="careful", Key="file", VersionId=version, MFA=f"{serial} {code(secret, 30)}")
    assert "Versions" not in s3.list_object_versions(Bucket="careful")


def code(secret, later=0):
    """RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time() + later) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
