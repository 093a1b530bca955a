"""Large bodies both ways, in flat memory: through to an upstream, and in the embedded buckets."""

import hashlib
import http.client
import os
from urllib.parse import urlsplit

import pytest

from chunked import signed_head
from opentrail import REGION, ROOT_KEY, STRANGER_KEY
from process import MemoryWatch
from upstreams import Reply, Stub

OBJECT_BYTES = int(float(os.environ.get("OPENTRAIL_E2E_OBJECT_GB", "1")) * 1e9)
GROWTH_BYTES_MAX = 32 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
PIECE = os.urandom(PIECE_BYTES)

pytestmark = pytest.mark.timeout(120 + OBJECT_BYTES // 10_000_000)


def pieces(size):
    while size > 0:
        yield PIECE[: min(size, PIECE_BYTES)]
        size -= PIECE_BYTES


def sha256_of(size):
    digest = hashlib.sha256()
    for piece in pieces(size):
        digest.update(piece)
    return digest.hexdigest()


def send(opentrail, method, path, key, size=0, agent="big"):
    """Streams a body of that size up and the answer down. Returns status, bytes and SHA-256 of the answer."""
    url = f"{opentrail.url}{path}"
    headers = {"Content-Length": str(size)} if method == "PUT" else {}
    signed, _ = signed_head(method, url, key, REGION, headers)
    signed["User-Agent"] = agent
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in signed.items():
            connection.putheader(name, value)
        connection.endheaders()
        for piece in pieces(size):
            connection.send(piece)
        answer = connection.getresponse()
        digest, count = hashlib.sha256(), 0
        while piece := answer.read(PIECE_BYTES):
            digest.update(piece)
            count += len(piece)
        if method == "GET":
            assert answer.getheader("Content-Length") == str(count), "clients show progress and check by it"
        return answer.status, count, digest.hexdigest()
    finally:
        connection.close()


def check_growth(opentrail, before, watch):
    growth = watch.peak_bytes - before
    print(f"resident memory: {before / 2**20:.1f} MiB before, {growth / 2**20:.1f} MiB more at the peak")
    assert growth < GROWTH_BYTES_MAX, f"grew by {growth / 2**20:.1f} MiB"


def test_through_to_an_upstream(installation):
    def answer(seen):
        headers = {"x-amz-request-id": "4442587FB7D0A2F9", "ETag": '"e"'}
        if seen.method == "GET":
            return Reply(200, headers, body_bytes=OBJECT_BYTES if seen.path.endswith("big") else 1000)
        return Reply(200, headers)

    with Stub(answer) as upstream:
        opentrail = installation(config=f'[upstreams]\ns3 = "{upstream.url}"\n')
        for _ in range(5):  # Connections, buffers and tables that any traffic makes.
            assert send(opentrail, "PUT", "/bucket/small", STRANGER_KEY, 3 * PIECE_BYTES)[0] == 200
            assert send(opentrail, "GET", "/bucket/small", STRANGER_KEY)[0] == 200
        before = opentrail.process.resident_bytes()
        with MemoryWatch(opentrail.process) as watch:
            assert send(opentrail, "PUT", "/bucket/big", STRANGER_KEY, OBJECT_BYTES, "big-put")[0] == 200
            status, count, _ = send(opentrail, "GET", "/bucket/big", STRANGER_KEY, agent="big-get")
            assert (status, count) == (200, OBJECT_BYTES)
        put = upstream.seen[-2]
        assert (put.body_bytes, put.body_sha256) == (OBJECT_BYTES, sha256_of(OBJECT_BYTES))
        check_growth(opentrail, before, watch)
        assert (
            opentrail.marked_event("big-put", "PutObject")["additionalEventData"]["bytesTransferredIn"] == OBJECT_BYTES
        )
        assert (
            opentrail.marked_event("big-get", "GetObject")["additionalEventData"]["bytesTransferredOut"] == OBJECT_BYTES
        )


def test_in_the_embedded_buckets(installation):
    opentrail = installation()
    opentrail.client("s3").create_bucket(Bucket="bucket")
    for _ in range(5):
        assert send(opentrail, "PUT", "/bucket/small", ROOT_KEY, 3 * PIECE_BYTES)[0] == 200
        assert send(opentrail, "GET", "/bucket/small", ROOT_KEY)[0] == 200
    before = opentrail.process.resident_bytes()
    with MemoryWatch(opentrail.process) as watch:
        assert send(opentrail, "PUT", "/bucket/big", ROOT_KEY, OBJECT_BYTES, "big-put")[0] == 200
        status, count, digest = send(opentrail, "GET", "/bucket/big", ROOT_KEY, agent="big-get")
        assert (status, count, digest) == (200, OBJECT_BYTES, sha256_of(OBJECT_BYTES))
    check_growth(opentrail, before, watch)
    assert opentrail.marked_event("big-put", "PutObject")["additionalEventData"]["bytesTransferredIn"] == OBJECT_BYTES
    assert opentrail.marked_event("big-get", "GetObject")["additionalEventData"]["bytesTransferredOut"] == OBJECT_BYTES
