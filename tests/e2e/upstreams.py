"""Servers behind OpenTrail: moto, a real S3 server that checks signatures, and stubs for what neither can do."""

import hashlib
import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.config import Config
from opentrail import REGION
from process import ServerProcess, clean_environment, free_port, port_answers

PYTHON_BIN = Path(sys.executable).parent
CHUNK_BYTES = 1024 * 1024


class Moto:
    """moto_server: an emulator of most AWS services. It believes every signature."""

    def __init__(self):
        self.port = free_port()
        # Keys and account that moto would otherwise look up in the environment of the machine.
        env = clean_environment(
            AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", MOTO_EC2_LOAD_DEFAULT_AMIS="false"
        )
        command = [PYTHON_BIN / "moto_server", "-H", "127.0.0.1", "-p", self.port]
        self.process = ServerProcess("moto", command, env=env, log_lines_shown=15)
        self.process.wait_ready("its port answers", lambda: port_answers(self.port), 60)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.stop(5)


class SeaweedS3:
    """A real S3 server (SeaweedFS) with one identity; it refuses every wrong signature."""

    KEY = ("AKIAE2ESEAWEED000000", "seaweedSecret000000000000000000000000000")

    def __init__(self, folder):
        folder = Path(folder)
        (folder / "volumes").mkdir(parents=True)
        identity = {
            "name": "tester",
            "credentials": [{"accessKey": self.KEY[0], "secretKey": self.KEY[1]}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        ports = [free_port(also_above=10_000) for _ in range(4)]  # gRPC is at the second one.
        self.port = ports[3]
        command = [
            PYTHON_BIN / "weed",
            f"-logdir={folder}",
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={folder / 'volumes'}",
            "-filer",
            "-s3",
        ]
        command += [f"-master.port={ports[0]}", f"-volume.port={ports[1]}", f"-filer.port={ports[2]}"]
        command += [f"-s3.port={ports[3]}", f"-s3.config={config}", "-volume.max=200", "-master.volumeSizeLimitMB=128"]
        command += [f"-{part}.localSocket={folder / part}.sock" for part in ("filer", "s3")]
        # Catalogs that it would offer on ports which two servers at once cannot share.
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        self.process = ServerProcess("seaweedfs", command, env=clean_environment(), cwd=folder, log_lines_shown=15)
        self.process.wait_ready("its S3 port answers", lambda: port_answers(self.port), 60)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        """A client of boto3 that speaks to it directly."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.KEY[0],
            aws_secret_access_key=self.KEY[1],
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    def stop(self):
        self.process.kill()  # In order it would take five seconds, and its folder goes anyway.


class QuietServer(ThreadingHTTPServer):
    """On a port of its own choice, on threads that end with the process, and silent about clients that go away."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        pass  # A client that goes away is part of some tests.


@dataclass
class Seen:
    """A request as it reached a stub."""

    method: str
    path: str
    headers: dict
    body: bytes = b""
    body_bytes: int = 0
    body_sha256: str = ""


@dataclass
class Reply:
    """What a stub answers. `body_bytes` sends that many zero bytes without holding them."""

    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    body_bytes: int = 0


class Stub:
    """An HTTP/1.1 upstream whose answers a function makes: `answer(seen) -> Reply`, called once the body has come.

    Bodies up to a mebibyte are kept, longer ones only counted and hashed.
    """

    def __init__(self, answer):
        self.seen = []
        self.lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def serve(self):
                seen = Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
                stub.read_body(self, seen)
                with stub.lock:
                    stub.seen.append(seen)
                reply = answer(seen)
                if reply is None:
                    self.close_connection = True
                    return
                stub.write(self, reply)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = serve

            def log_message(self, *_):
                pass

        self.server = QuietServer(Handler)
        self.port = self.server.server_address[1]

    @staticmethod
    def read_body(handler, seen):
        digest = hashlib.sha256()
        kept = []
        for piece in body_pieces(handler):
            digest.update(piece)
            seen.body_bytes += len(piece)
            if seen.body_bytes <= CHUNK_BYTES:
                kept.append(piece)
        seen.body = b"".join(kept)
        seen.body_sha256 = digest.hexdigest()

    @staticmethod
    def write(handler, reply):
        handler.send_response_only(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        length = reply.body_bytes or len(reply.body)
        if reply.status not in (204, 304) and "Content-Length" not in reply.headers:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        if handler.command == "HEAD":
            return
        handler.wfile.write(reply.body)
        left = reply.body_bytes
        zeros = bytes(CHUNK_BYTES)
        while left > 0:
            handler.wfile.write(zeros[: min(left, CHUNK_BYTES)])
            left -= CHUNK_BYTES

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def body_pieces(handler):
    """The body of a request in pieces of bounded size, with a length or chunked."""
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            while size > 0:
                piece = handler.rfile.read(min(size, CHUNK_BYTES))
                if not piece:
                    return
                size -= len(piece)
                yield piece
            handler.rfile.readline()
        while handler.rfile.readline() not in (b"\r\n", b""):
            pass  # Trailers.
        return
    left = int(handler.headers.get("Content-Length") or 0)
    while left > 0:
        piece = handler.rfile.read(min(left, CHUNK_BYTES))
        if not piece:
            return
        left -= len(piece)
        yield piece
