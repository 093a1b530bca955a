"""An S3 upload in signed chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD), after the AWS documentation of SigV4."""

import hashlib
import hmac
import http.client
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CHUNK_BYTES = 65_536
PAYLOAD = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def signed_head(method, url, key, region, headers, payload="UNSIGNED-PAYLOAD"):
    """Headers of a signed S3 request whose body nobody has to hold."""
    request = AWSRequest(method=method, url=url, headers={**headers, "X-Amz-Content-SHA256": payload})

    class Auth(S3SigV4Auth):
        def payload(self, _):
            return payload

        def _should_sha256_sign_payload(self, _):
            return True

    auth = Auth(Credentials(*key), "s3", region)
    auth.add_auth(request)
    return dict(request.headers.items()), auth


def put_in_signed_chunks(url, content, key, region, break_chunk=None, trailer=None, break_trailer=False):
    """Status and body of the answer. `break_chunk` spoils the signature of that chunk. `trailer`, a name and its value,
    is sent behind the chunks under a signature of its own (`-TRAILER`), which `break_trailer` spoils."""
    pieces = [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)] + [b""]
    framing = sum(len(f"{len(piece):x};chunk-signature=\r\n\r\n") + 64 for piece in pieces)
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(len(content)),
        "Content-Length": str(len(content) + framing),
    }
    tail = b""
    if trailer:
        headers["X-Amz-Trailer"] = trailer[0]
        tail = f"{trailer[0]}:{trailer[1]}\r\nx-amz-trailer-signature:{'0' * 64}\r\n\r\n".encode()
        # The last chunk has no line of content behind it: the trailer is there.
        headers["Content-Length"] = str(len(content) + framing - 2 + len(tail))
    signed, auth = signed_head("PUT", url, key, region, headers, PAYLOAD + ("-TRAILER" if trailer else ""))
    previous = signed["Authorization"].rsplit("Signature=", 1)[1]
    moment = signed["X-Amz-Date"]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    signing_key = b"AWS4" + key[1].encode()
    for part in scope.split("/"):
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    body = []
    for index, piece in enumerate(pieces):
        text = "\n".join(
            ["AWS4-HMAC-SHA256-PAYLOAD", moment, scope, previous, EMPTY_SHA256, hashlib.sha256(piece).hexdigest()]
        )
        previous = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
        sent = "0" * 64 if index == break_chunk else previous
        end = b"" if trailer and not piece else b"\r\n"
        body.append(f"{len(piece):x};chunk-signature={sent}\r\n".encode() + piece + end)
    if trailer:
        canonical = f"{trailer[0]}:{trailer[1]}\n".encode()
        text = "\n".join(
            ["AWS4-HMAC-SHA256-TRAILER", moment, scope, previous, hashlib.sha256(canonical).hexdigest()]
        )
        sent = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
        body.append(tail if break_trailer else tail.replace(b"0" * 64, sent.encode()))
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.request("PUT", parts.path, body=b"".join(body), headers=signed)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
