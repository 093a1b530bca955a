"""`opentrail validate`: everything that was changed, deleted or added is said, with its place."""

import gzip
import json
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from opentrail import ACCOUNT, BINARY, ROOT_KEY
from process import clean_environment, wait_until
from test_delivery import FAST, keys_of, until_digested, validate, with_trail

DIGESTS = 4


def run(opentrail, *arguments):
    """Exit code and report of `opentrail validate --json`."""
    env = clean_environment(AWS_ENDPOINT_URL=opentrail.url, AWS_ACCESS_KEY_ID=ROOT_KEY[0], AWS_SECRET_ACCESS_KEY=ROOT_KEY[1])
    command = [str(part) for part in (BINARY, "validate", "--json", *arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, cwd=opentrail.folder)
    assert done.stdout, done.stderr
    [report] = json.loads(done.stdout)
    return done.returncode, report


@pytest.fixture
def proved(installation):
    """A bucket with a finished chain, and what is in it."""
    opentrail = installation(env=FAST)
    s3, client = with_trail(opentrail, S3KeyPrefix="audit")
    while len(keys_of(s3, "/CloudTrail-Digest/")) < DIGESTS:
        count = len(keys_of(s3, "/CloudTrail-Digest/"))
        client.describe_trails()
        wait_until("another digest is there", lambda count=count: len(keys_of(s3, "/CloudTrail-Digest/")) > count, 10)
    until_digested(s3, client)
    return opentrail, s3


class Bucket:
    """Files as they were delivered, to be tampered with and put back."""

    def __init__(self, s3):
        self.s3 = s3
        self.files = {}
        for key in keys_of(s3, "AWSLogs"):
            found = s3.get_object(Bucket="logs", Key=key)
            self.files[key] = (found["Body"].read(), found["Metadata"])
        self.logs = sorted(key for key in self.files if "/CloudTrail/" in key)
        self.digests = sorted(key for key in self.files if "/CloudTrail-Digest/" in key)

    def put(self, key, content=None, metadata=None):
        old_content, old_metadata = self.files.get(key, (b"", {}))
        content = old_content if content is None else content
        self.s3.put_object(Bucket="logs", Key=key, Body=content, Metadata=old_metadata if metadata is None else metadata)

    def delete(self, key):
        self.s3.delete_object(Bucket="logs", Key=key)

    def restore(self):
        for key in keys_of(self.s3, "AWSLogs"):
            if key not in self.files:
                self.delete(key)
        for key in self.files:
            self.put(key)

    def text(self, key):
        return gzip.decompress(self.files[key][0])


def tamperings(bucket):
    """Name, what is done, the key that must be named, and a word that must be said."""
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def forged(key, text):
        """A digest with another content, signed with a key that is not the trail's."""
        digest = json.loads(text)
        packed_hash = hashes.Hash(hashes.SHA256())
        packed_hash.update(text)
        previous = digest["previousDigestSignature"] or "null"
        path = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
        signed = f"{digest['digestEndTime']}\n{path}\n{packed_hash.finalize().hex()}\n{previous}"
        signature = forger.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
        bucket.put(key, gzip.compress(text), {"signature": signature, "signature-algorithm": "SHA256withRSA"})

    for number, key in enumerate(bucket.logs[:6]):
        content, text = bucket.files[key][0], bucket.text(key)
        middle = len(content) // 2
        yield f"log {number}: a byte flipped", lambda key=key, content=content, middle=middle: bucket.put(
            key, content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1:]), key, "changed"
        yield f"log {number}: deleted", lambda key=key: bucket.delete(key), key, "deleted"
        yield f"log {number}: a record changed", lambda key=key, text=text: bucket.put(
            key, gzip.compress(text.replace(b"Root", b"Rook", 1))), key, "changed"
        yield f"log {number}: cut", lambda key=key, content=content: bucket.put(key, content[:-20]), key, "changed"
        yield f"log {number}: something appended", lambda key=key, content=content: bucket.put(
            key, content + gzip.compress(b"{}")), key, "changed"
        yield f"log {number}: emptied", lambda key=key: bucket.put(key, gzip.compress(b'{"Records":[]}')), key, "changed"
    first, second = bucket.logs[:2]
    yield "two logs swapped", lambda: (bucket.put(first, bucket.files[second][0]), bucket.put(second, bucket.files[first][0])), first, "changed"
    for number, key in enumerate(bucket.digests[:DIGESTS - 1]):
        text, (content, metadata) = bucket.text(key), bucket.files[key]
        yield f"digest {number}: deleted", lambda key=key: bucket.delete(key), key, "deleted"
        yield f"digest {number}: a byte flipped", lambda key=key, content=content: bucket.put(
            key, content[:40] + bytes([content[40] ^ 1]) + content[41:]), key, ""
        yield f"digest {number}: time changed", lambda key=key, text=text: bucket.put(
            key, gzip.compress(text.replace(b'"digestStartTime":"20', b'"digestStartTime":"19'))), key, ""
        yield f"digest {number}: signature of another", lambda key=key: bucket.put(
            key, metadata=bucket.files[bucket.digests[-1]][1]), key, ""
        yield f"digest {number}: signature gone and content changed", lambda key=key, text=text: bucket.put(
            key, gzip.compress(text.replace(b"[", b"[ ", 1)), {}), key, ""
        yield f"digest {number}: signed by a forger", lambda key=key, text=text: forged(
            key, json.dumps({**json.loads(text), "logFiles": []}).encode()), key, ""
        yield f"digest {number}: a copy under another time", lambda key=key, content=content, metadata=metadata: bucket.put(
            key.replace("Z.json", "Z_backfill.json"), content, metadata), key.replace("Z.json", "Z_backfill.json"), ""
    newest = bucket.digests[-1]
    yield "the newest digest forged", lambda: forged(newest, bucket.text(newest).replace(b"[", b"[ ", 1)), newest, ""
    yield "all digests deleted", lambda: [bucket.delete(key) for key in bucket.digests], "CloudTrail-Digest/", "end of the chain"


def test_every_tampering_is_named(proved):
    opentrail, s3 = proved
    bucket = Bucket(s3)
    code, report = run(opentrail)
    assert code == 0 and report["faults"] == [] and report["validLogs"] == len(bucket.logs), report
    assert report["validDigests"] == len(bucket.digests) and report["unprovedDigests"] == []
    done, unseen = 0, []
    for name, tamper, key, word in tamperings(bucket):
        tamper()
        code, report = run(opentrail)
        said = [(fault["file"], fault["problem"]) for fault in report["faults"]]
        assert code == 1 and any(key in file and word in problem for file, problem in said), f"{name}: {said}"
        # The stock CLI finds no fault where there is nothing to look at, and says so.
        by_cli = validate(opentrail)
        is_told = by_cli.returncode != 0 or "No digests found" in by_cli.stdout
        unseen += [] if is_told else [(name, by_cli.stdout[-300:])]
        bucket.restore()
        done += 1
    assert done >= 50, done
    assert not unseen, unseen
    assert run(opentrail)[0] == 0, "everything is as it was"


def test_a_downloaded_folder_is_proved_without_a_server(proved):
    opentrail, s3 = proved
    bucket = Bucket(s3)
    opentrail.aws("s3", "sync", "s3://logs", "downloaded")
    keys = opentrail.aws("cloudtrail", "list-public-keys", "--start-time", "2020-01-01").stdout
    (opentrail.folder / "keys.json").write_text(keys)
    opentrail.stop()
    code, report = run(opentrail, "downloaded", "--public-keys", "keys.json")
    assert code == 0 and report["validLogs"] == len(bucket.logs), report
    assert report["unprovedDigests"] == [f"s3://logs/{bucket.digests[-1]}"]
    (opentrail.folder / "downloaded" / bucket.logs[0]).unlink()
    code, report = run(opentrail, "downloaded", "--public-keys", "keys.json")
    assert code == 1
    assert [(fault["file"], fault["problem"].split(":")[0]) for fault in report["faults"]] == [
        (f"s3://logs/{bucket.logs[0]}", "deleted")]


def test_a_trail_without_digests_in_the_same_bucket_is_no_tampering(proved):
    opentrail, s3 = proved
    client = opentrail.client("cloudtrail")
    bucket = Bucket(s3)
    key = bucket.logs[0].rsplit("_", 1)[0] + "_ADDEDADDEDADDED0.json.gz"
    client.create_trail(Name="plain", S3BucketName="logs", S3KeyPrefix="audit")
    bucket.put(key, bucket.files[bucket.logs[0]][0], {})
    code, report = run(opentrail)
    assert code == 0 and report["faults"] == [], report
    assert report["trailsWithoutDigests"] == [f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/plain"]
    client.delete_trail(Name="plain")
    assert run(opentrail)[1]["trailsWithoutDigests"] == []
    bucket.restore()
