"""Re-signing: callers have keys of OpenTrail, and an upstream that checks every signature sees only its own."""

import base64
import http.client
import os
import shutil
import urllib.error
import urllib.request
import zlib

import pytest
from botocore.exceptions import ClientError

from chunked import put_in_signed_chunks, signed_head
from opentrail import REGION, ROOT_KEY, STRANGER_KEY, OpenTrail, mark_calls, new_folder
from upstreams import Reply, Stub

CONTENT = os.urandom(300_000)


@pytest.fixture(scope="module")
def opentrail(seaweed):
    """An installation that signs for SeaweedFS, which knows no key of its callers."""
    folder = new_folder()
    config = (
        f'[upstreams]\ns3 = "{seaweed.url}"\n'
        f'[upstreams_credentials.s3]\naccess_key_id = "{seaweed.KEY[0]}"\nsecret_access_key = "{seaweed.KEY[1]}"\n'
    )
    with OpenTrail(folder, config=config) as opentrail:
        opentrail.client("s3").create_bucket(Bucket="resigned")
        yield opentrail
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def s3(opentrail):
    return opentrail.client("s3")


def test_objects_go_both_ways_and_records_name_the_caller(opentrail, s3):
    marks = mark_calls(s3)
    # botocore declares the hash of the body and adds a checksum; a name that needs encoding is signed as it is sent.
    s3.put_object(Bucket="resigned", Key="a b/ü+.bin", Body=CONTENT, Metadata={"k": "v"})
    answer = s3.get_object(Bucket="resigned", Key="a b/ü+.bin", Range="bytes=10-99999")
    assert answer["Body"].read() == CONTENT[10:100_000]
    assert answer["Metadata"] == {"k": "v"}
    for mark, name in zip(marks, ("PutObject", "GetObject"), strict=True):
        identity = opentrail.marked_event(mark, name)["userIdentity"]
        assert (identity["type"], identity["accessKeyId"]) == ("Root", ROOT_KEY[0])


def test_the_aws_cli_in_parts(opentrail, folder):
    (folder / "large.bin").write_bytes(os.urandom(20_000_000))
    opentrail.aws("s3", "cp", folder / "large.bin", "s3://resigned/large.bin")
    opentrail.aws("s3", "cp", "s3://resigned/large.bin", folder / "back.bin")
    assert (folder / "back.bin").read_bytes() == (folder / "large.bin").read_bytes()
    opentrail.aws("s3", "rm", "s3://resigned/large.bin")
    assert opentrail.aws("s3api", "head-object", "--bucket", "resigned", "--key", "large.bin", check=False).returncode


def test_chunks_are_signed_anew(opentrail, s3):
    status, _ = put_in_signed_chunks(f"{opentrail.url}/resigned/chunked", CONTENT, ROOT_KEY, REGION)
    assert status == 200
    assert s3.get_object(Bucket="resigned", Key="chunked")["Body"].read() == CONTENT


def test_a_spoilt_chunk_is_refused(opentrail, s3):
    status, body = put_in_signed_chunks(f"{opentrail.url}/resigned/spoilt", CONTENT, ROOT_KEY, REGION, break_chunk=2)
    assert status == 403 and b"SignatureDoesNotMatch" in body
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket="resigned", Key="spoilt")
    assert error.value.response["Error"]["Code"] == "404"


@pytest.mark.parametrize("spoilt", [None, "checksum", "signature"])
def test_a_signed_checksum_behind_signed_chunks_is_signed_anew(opentrail, s3, spoilt):
    checksum = base64.b64encode(zlib.crc32(CONTENT + b"!" * (spoilt == "checksum")).to_bytes(4, "big")).decode()
    key = f"signed-trailer-{spoilt}"
    status, body = put_in_signed_chunks(
        f"{opentrail.url}/resigned/{key}",
        CONTENT,
        ROOT_KEY,
        REGION,
        trailer=("x-amz-checksum-crc32", checksum),
        break_trailer=spoilt == "signature",
    )
    assert (status == 200) == (spoilt is None), body
    if spoilt is None:
        assert s3.get_object(Bucket="resigned", Key=key)["Body"].read() == CONTENT
        return
    if spoilt == "signature":
        assert status == 403 and b"SignatureDoesNotMatch" in body
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket="resigned", Key=key)
    assert error.value.response["Error"]["Code"] == "404"


@pytest.mark.parametrize("is_query", [False, True])
def test_signatures_of_version_4a_are_refused_by_name(opentrail, is_query):
    """Their keys are derived from the secret as a point of a curve; nothing here verifies them."""
    credential = f"{ROOT_KEY[0]}/20261130/s3/aws4_request"
    scheme = "AWS4-ECDSA-P256-SHA256"
    if is_query:
        query = f"X-Amz-Algorithm={scheme}&X-Amz-Credential={credential.replace('/', '%2F')}&X-Amz-Date=20261130T000000Z"
        query += f"&X-Amz-Expires=60&X-Amz-Region-Set=%2A&X-Amz-SignedHeaders=host&X-Amz-Signature={'30' * 35}"
        path, headers = f"/resigned/v4a?{query}", {}
    else:
        authorization = f"{scheme} Credential={credential}, SignedHeaders=host;x-amz-date, Signature={'30' * 35}"
        headers = {
            "Authorization": authorization,
            "X-Amz-Date": "20261130T000000Z",
            "X-Amz-Region-Set": "*",
            "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
        }
        path = "/resigned/v4a"
    connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 400 and b"<Code>InvalidRequest</Code>" in body and b"use AWS4-HMAC-SHA256" in body, body


@pytest.mark.parametrize("spoil", [False, True])
def test_unsigned_chunks_with_a_checksum_behind_them_pass_as_they_are(opentrail, s3, spoil):
    checksum = base64.b64encode(zlib.crc32(CONTENT + b"!" * spoil).to_bytes(4, "big")).decode()
    body = f"{len(CONTENT):x}\r\n".encode() + CONTENT + f"\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(len(CONTENT)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "Content-Length": str(len(body)),
    }
    url = f"{opentrail.url}/resigned/trailer"
    signed, _ = signed_head("PUT", url, ROOT_KEY, REGION, headers, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    connection = http.client.HTTPConnection("127.0.0.1", opentrail.port, timeout=30)
    connection.request("PUT", "/resigned/trailer", body=body, headers=signed)
    status = connection.getresponse().status
    connection.close()
    # The upstream saw the checksum: it compares it.
    assert (status == 200) != spoil, status
    if not spoil:
        assert s3.get_object(Bucket="resigned", Key="trailer")["Body"].read() == CONTENT


def test_unsigned_payloads_pass(opentrail):
    s3 = opentrail.client("s3", s3={"addressing_style": "path", "payload_signing_enabled": False})
    s3.put_object(Bucket="resigned", Key="unsigned", Body=CONTENT)
    assert s3.get_object(Bucket="resigned", Key="unsigned")["Body"].read() == CONTENT


def test_version_2_goes_on_as_version_4(opentrail):
    s3 = opentrail.client("s3", signature_version="s3")
    s3.put_object(Bucket="resigned", Key="v2 ü", Body=CONTENT, Metadata={"k": "v"})
    assert s3.get_object(Bucket="resigned", Key="v2 ü", Range="bytes=5-9")["Body"].read() == CONTENT[5:10]
    url = s3.generate_presigned_url("get_object", {"Bucket": "resigned", "Key": "v2 ü"})
    assert "AWSAccessKeyId=" in url
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert opener.open(url, timeout=10).read() == CONTENT
    with pytest.raises(urllib.error.HTTPError) as error:
        opener.open(url.replace("v2%20", "v3%20"), timeout=10)
    assert error.value.code == 403 and b"SignatureDoesNotMatch" in error.value.read()


def test_presigned_urls(opentrail):
    s3 = opentrail.client("s3", signature_version="s3v4")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "resigned", "Key": "url"}, ExpiresIn=60)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(put, CONTENT, {"Content-Type": ""}, method="PUT"), timeout=30)
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "resigned", "Key": "url"}, ExpiresIn=60)
    with opener.open(get, timeout=30) as answer:
        assert answer.read() == CONTENT
    with pytest.raises(urllib.error.HTTPError) as error:
        opener.open(get.replace("/url?", "/chunked?"), timeout=30)
    assert error.value.code == 403 and b"SignatureDoesNotMatch" in error.value.read()


@pytest.mark.parametrize(
    ("key", "code"), [((ROOT_KEY[0], "wrong"), "SignatureDoesNotMatch"), (STRANGER_KEY, "InvalidAccessKeyId")]
)
def test_who_is_not_known_is_refused(opentrail, key, code):
    s3 = opentrail.client("s3", key=key)
    marks = mark_calls(s3)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="resigned", Key="refused", Body=b"x")
    assert error.value.response["Error"]["Code"] == code
    assert opentrail.marked_event(marks[-1], "PutObject")["errorCode"] == code


def test_other_services_sign_the_whole_body(installation):
    with Stub(lambda seen: Reply(headers={"Content-Type": "application/x-amz-json-1.0"}, body=b"{}")) as stub:
        key = ("AKIAUPSTREAM", "upstream-secret")
        trail = installation(
            upstream=stub.url,
            env={
                "OPENTRAIL_UPSTREAM_ACCESS_KEY_ID": key[0],
                "OPENTRAIL_UPSTREAM_SECRET_ACCESS_KEY": key[1],
                "OPENTRAIL_UPSTREAM_SESSION_TOKEN": "upstream-token",
            },
        )
        item = {"id": {"S": "1"}, "blob": {"B": b"x" * 3_000_000}}
        trail.client("dynamodb").put_item(TableName="t", Item=item)
        seen = stub.seen[-1]
        assert seen.body_bytes > 4_000_000
        assert seen.headers["host"] == f"127.0.0.1:{stub.port}"
        assert seen.headers["x-amz-security-token"] == "upstream-token"
        assert f"Credential={key[0]}/" in seen.headers["authorization"]
        assert ROOT_KEY[0] not in str(seen.headers)
        for client, code in (("dynamodb", "UnrecognizedClientException"), ("iam", "InvalidClientTokenId")):
            client = trail.client(client, key=STRANGER_KEY)
            with pytest.raises(ClientError) as error:
                client.list_tables() if hasattr(client, "list_tables") else client.list_users()
            assert error.value.response["Error"]["Code"] == code
