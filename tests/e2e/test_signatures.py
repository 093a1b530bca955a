"""Bytes go through unharmed: an S3 server that checks every signature is behind the gateway."""

import hashlib
import os
import shutil
import socket
import urllib.error
import urllib.request
import uuid

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from chunked import put_in_signed_chunks
from opentrail import REGION, ROOT_KEY, OpenTrail, mark_calls, new_folder


@pytest.fixture(scope="module")
def opentrail(seaweed):
    """An installation whose S3 is SeaweedFS."""
    folder = new_folder()
    with OpenTrail(folder, config=f'[upstreams]\ns3 = "{seaweed.url}"\n') as opentrail:
        yield opentrail
    shutil.rmtree(folder, ignore_errors=True)


def test_the_aws_cli_against_a_verifying_server(opentrail, seaweed, folder):
    (folder / "small.txt").write_text("small")
    (folder / "large.bin").write_bytes(os.urandom(20_000_000))  # Goes up in parts.

    def aws(*arguments, **options):
        return opentrail.aws(*arguments, key=seaweed.KEY, **options)

    aws("s3", "mb", "s3://verified")
    for name in ("small.txt", "large.bin"):
        aws("s3", "cp", folder / name, f"s3://verified/in a folder/{name}")
        aws("s3", "cp", f"s3://verified/in a folder/{name}", folder / f"back-{name}")
        assert (folder / f"back-{name}").read_bytes() == (folder / name).read_bytes()
    assert "small.txt" in aws("s3", "ls", "s3://verified/in a folder/").stdout
    aws("s3", "rm", "s3://verified", "--recursive")
    assert aws("s3", "ls", "s3://verified", "--recursive", check=False).stdout == ""
    seen = {record["eventName"] for record in opentrail.events()}
    assert {
        "CreateBucket",
        "PutObject",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "GetObject",
        "DeleteObject",
    } <= seen


@pytest.fixture(scope="module")
def shared_object(opentrail, seaweed):
    """Bucket and key of an object whose URL is given away."""
    s3 = opentrail.client("s3", key=seaweed.KEY)
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="a b/ü.txt", Body=b"shared")
    return {"Bucket": "presigned", "Key": "a b/ü.txt"}


def get_presigned(opentrail, seaweed, shared_object, version):
    s3 = opentrail.client("s3", key=seaweed.KEY, signature_version=version)
    url = s3.generate_presigned_url("get_object", shared_object, ExpiresIn=60)
    agent = f"curl-like/1 presigned-{version}-{uuid.uuid4().hex}"
    request = urllib.request.Request(url, headers={"User-Agent": agent})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        assert answer.read() == b"shared"
    record = opentrail.marked_event(agent, "GetObject")
    assert record["requestParameters"]["key"] == "a b/ü.txt"
    assert record["userIdentity"]["accessKeyId"] == seaweed.KEY[0]
    return record


def test_a_presigned_url(opentrail, seaweed, shared_object):
    record = get_presigned(opentrail, seaweed, shared_object, "s3v4")
    asked = record["requestParameters"]
    assert asked["X-Amz-Expires"] == "60"
    assert not {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"} & set(asked)
    assert record["additionalEventData"]["AuthenticationMethod"] == "QueryString"


def test_a_presigned_url_of_version_2(opentrail, seaweed, shared_object):
    """What boto3 still makes by default: nothing in it names the service, only that it looks like S3."""
    record = get_presigned(opentrail, seaweed, shared_object, "s3")
    assert record["additionalEventData"]["SignatureVersion"] == "SigV2"
    assert record["additionalEventData"]["AuthenticationMethod"] == "QueryString"
    assert not {"Signature", "AWSAccessKeyId"} & set(record["requestParameters"]), "no credential in a record"


def test_an_upload_in_signed_chunks(opentrail, seaweed):
    """aws-chunked with a signature for each chunk, written by hand: no current SDK of Python sends it over HTTP."""
    s3 = opentrail.client("s3", key=seaweed.KEY)
    s3.create_bucket(Bucket="chunked")
    content = os.urandom(300_000)
    status, body = put_in_signed_chunks(f"{opentrail.url}/chunked/pieces.bin", content, seaweed.KEY, REGION)
    assert status == 200, body
    assert s3.get_object(Bucket="chunked", Key="pieces.bin")["Body"].read() == content
    status, body = put_in_signed_chunks(f"{opentrail.url}/chunked/bad.bin", content, seaweed.KEY, REGION, break_chunk=1)
    assert status >= 400, f"the server sees the very chunk that was sent, so it refuses a broken signature: {body}"


def test_a_trailing_checksum(opentrail, seaweed):
    """What current SDKs send for streams: aws-chunked with a checksum behind the body."""
    s3 = opentrail.client("s3", key=seaweed.KEY)
    s3.create_bucket(Bucket="trailers")
    content = os.urandom(150_000)
    s3.put_object(Bucket="trailers", Key="k", Body=content, ChecksumAlgorithm="CRC32")
    assert s3.get_object(Bucket="trailers", Key="k")["Body"].read() == content


def test_a_wrong_secret_fails_at_the_upstream_and_is_recorded(opentrail, seaweed):
    s3 = opentrail.client("s3", key=(seaweed.KEY[0], "0" * 40))
    marks = mark_calls(s3)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="verified", Key="k", Body=b"x")
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    record = opentrail.marked_event(marks[-1], "PutObject")
    assert record["errorCode"] == "SignatureDoesNotMatch"
    assert record["errorMessage"] == caught.value.response["Error"]["Message"]
    assert record["responseElements"] is None
    nobody = opentrail.client("s3", key=("AKIAE2ENOBODY0000000", "0" * 40))
    marks = mark_calls(nobody)
    with pytest.raises(ClientError) as caught:
        nobody.list_buckets()
    record = opentrail.marked_event(marks[-1], "ListBuckets")
    assert record["errorCode"] == caught.value.response["Error"]["Code"]


def test_embedded_buckets_check_signatures_themselves(installation):
    opentrail = installation()
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket="mine")
    content = os.urandom(200_000)
    s3.put_object(Bucket="mine", Key="k", Body=content, ChecksumAlgorithm="SHA256")
    assert s3.head_object(Bucket="mine", Key="k")["ContentLength"] == len(content)
    status, body = put_in_signed_chunks(f"{opentrail.url}/mine/pieces", content, ROOT_KEY, REGION)
    assert status == 200, body
    got = s3.get_object(Bucket="mine", Key="pieces")["Body"].read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
    status, body = put_in_signed_chunks(f"{opentrail.url}/mine/bad", content, ROOT_KEY, REGION, break_chunk=2)
    assert status == 403 and b"SignatureDoesNotMatch" in body
    with pytest.raises(ClientError):
        s3.head_object(Bucket="mine", Key="bad")
    for key, code in [
        ((ROOT_KEY[0], "0" * 40), "SignatureDoesNotMatch"),
        (("AKIAE2ENOBODY0000000", "0" * 40), "InvalidAccessKeyId"),
    ]:
        with pytest.raises(ClientError) as caught:
            opentrail.client("s3", key=key).list_objects_v2(Bucket="mine")
        assert caught.value.response["Error"]["Code"] == code
    anonymous = boto3.client(
        "s3",
        endpoint_url=opentrail.url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED, proxies={}, s3={"addressing_style": "path"}),
    )
    with pytest.raises(ClientError) as caught:
        anonymous.get_object(Bucket="mine", Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404)


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_embedded_buckets_take_version_2(installation, style, monkeypatch):
    """The AWS CLI 1 and boto3 presign with it by default, and older programs sign everything with it."""
    opentrail = installation(config='bucket_hosts = ["buckets.localhost"]\n')
    s3 = opentrail.client("s3", signature_version="s3")
    if style == "virtual":
        look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest: look_up("127.0.0.1", *rest))
        port = opentrail.url.rsplit(":", 1)[1]
        config = Config(signature_version="s3", proxies={}, s3={"addressing_style": "virtual"})
        key = {"aws_access_key_id": ROOT_KEY[0], "aws_secret_access_key": ROOT_KEY[1], "region_name": REGION}
        s3 = boto3.client("s3", endpoint_url=f"http://buckets.localhost:{port}", config=config, **key)
    s3.create_bucket(Bucket="older")
    s3.put_object(Bucket="older", Key="a b/ü+.txt", Body=b"content", Metadata={"k": "v"}, ContentType="text/x")
    answer = s3.get_object(Bucket="older", Key="a b/ü+.txt", ResponseContentType="text/y")
    assert (answer["Body"].read(), answer["Metadata"], answer["ContentType"]) == (b"content", {"k": "v"}, "text/y")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="older", Prefix="a b/")["Contents"]] == ["a b/ü+.txt"]
    upload = s3.create_multipart_upload(Bucket="older", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="older", Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * 6_000_000)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="older", Key="parts", UploadId=upload, MultipartUpload=parts)

    def send(url, method="GET", content=None, **headers):
        agent = f"urls/{uuid.uuid4().hex}"
        request = urllib.request.Request(url, content, {"User-Agent": agent, **headers}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status, answer.read(), agent
        except urllib.error.HTTPError as error:
            return error.code, error.read(), agent

    place = {"Bucket": "older", "Key": "a b/ü+.txt"}
    url = s3.generate_presigned_url("get_object", {**place, "ResponseContentType": "text/z"}, ExpiresIn=60)
    assert "AWSAccessKeyId=" in url
    status, body, agent = send(url)
    assert (status, body) == (200, b"content")
    record = opentrail.marked_event(agent, "GetObject")
    assert (record["userIdentity"]["type"], record["userIdentity"]["accessKeyId"]) == ("Root", ROOT_KEY[0])
    assert record["additionalEventData"]["SignatureVersion"] == "SigV2"
    for spoilt in (url.replace("text%2Fz", "text%2Fq"), url.replace("older", "elder"), f"{url}&acl"):
        status, body, agent = send(spoilt)
        assert status == 403 and b"SignatureDoesNotMatch" in body, spoilt
    status, body, _ = send(url.replace("Expires=", "Expires=0"))
    assert status == 403, "a time that was not signed"
    status, body, _ = send(s3.generate_presigned_url("get_object", place, ExpiresIn=-5))
    assert status == 403 and b"Request has expired" in body
    put = s3.generate_presigned_url("put_object", {"Bucket": "older", "Key": "new", "ContentType": "text/n"})
    assert send(put, "PUT", b"mine", **{"Content-Type": "text/other"})[0] == 403
    assert send(put, "PUT", b"mine", **{"Content-Type": "text/n"})[0] == 200
    assert s3.get_object(Bucket="older", Key="new")["ContentType"] == "text/n"
    wrong = opentrail.client("s3", key=(ROOT_KEY[0], "0" * 40), signature_version="s3")
    with pytest.raises(ClientError) as caught:
        wrong.list_objects_v2(Bucket="older")
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    nobody = opentrail.client("s3", key=("AKIAE2ENOBODY0000000", "0" * 40), signature_version="s3")
    with pytest.raises(ClientError) as caught:
        nobody.list_objects_v2(Bucket="older")
    assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"
