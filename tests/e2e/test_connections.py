"""Ten thousand idle connections, readers that hardly read and writers that hardly write disturb nobody."""

import resource
import socket
import time
from urllib.parse import urlsplit

import pytest

from chunked import signed_head
from opentrail import REGION, STRANGER_KEY
from upstreams import Reply, Stub

CONNECTIONS = 10_000
# What this process and the server need beside the connections.
OTHER_FILES = 500
SLOW_READERS = 20
SLOW_WRITERS = 20
# Far above what a call takes on a busy machine, and far below every time limit that a slow connection runs into.
QUICK_CALL_S_MAX = 2
ANSWER_BYTES = 50_000_000
BYTES_PER_CONNECTION_MAX = 16 * 1024


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + OTHER_FILES:
        pytest.skip(f"the system allows {hard} open files, and {CONNECTIONS + OTHER_FILES} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def request(opentrail, path, agent, method="GET", **others):
    url = f"{opentrail.url}{path}"
    headers, _ = signed_head(method, url, STRANGER_KEY, REGION, {})
    headers.update({name.replace("_", "-"): value for name, value in others.items()})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), f"User-Agent: {agent}"]
    if not any(name.lower() == "host" for name in headers):
        lines.insert(1, f"Host: {urlsplit(url).netloc}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def call(opentrail, address, agent):
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(request(opentrail, "/bucket/small", agent))
        answer = b""
        while not answer.endswith(b"small"):
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200"), answer


def test_idle_connections_and_slow_readers(many_files, installation):
    def answer(seen):
        headers = {"x-amz-request-id": "4442587FB7D0A2F9", "ETag": '"e"'}
        if seen.path.endswith("big"):
            return Reply(200, headers, body_bytes=ANSWER_BYTES)
        return Reply(200, headers, b"small")

    with Stub(answer) as upstream:
        opentrail = installation(config=f'[upstreams]\ns3 = "{upstream.url}"\n')
        parts = urlsplit(opentrail.url)
        address = (parts.hostname, parts.port)
        call(opentrail, address, "first")
        before = opentrail.process.resident_bytes()
        held = []
        try:
            for number in range(CONNECTIONS - SLOW_READERS - SLOW_WRITERS):
                held.append(socket.create_connection(address, timeout=10))
                if number % 10 == 0:  # Some stop in the middle of a head.
                    held[-1].sendall(b"GET /bucket/small HTTP/1.1\r\nHost: h\r\n")
            for number in range(SLOW_READERS):
                reader = socket.socket()
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.settimeout(10)
                reader.connect(address)
                held.append(reader)
                reader.sendall(request(opentrail, "/bucket/big", f"slow-{number}"))
                assert reader.recv(1)
            for number in range(SLOW_WRITERS):
                held.append(socket.create_connection(address, timeout=10))
                held[-1].sendall(request(opentrail, "/bucket/in", f"writer-{number}", "PUT", Content_Length="1000000"))
            times = []
            for number in range(50):
                for writer in held[-SLOW_WRITERS:]:
                    writer.sendall(b"x")
                began = time.monotonic()
                call(opentrail, address, f"quick-{number}")
                times.append(time.monotonic() - began)
            print(f"a call takes {sorted(times)[25] * 1000:.1f} ms, the slowest {max(times) * 1000:.1f} ms")
            assert max(times) < QUICK_CALL_S_MAX
            growth = opentrail.process.resident_bytes() - before
            print(f"{growth / 2**20:.1f} MiB for {CONNECTIONS} connections")
            assert growth < CONNECTIONS * BYTES_PER_CONNECTION_MAX
        finally:
            for connection in held:
                connection.close()
        call(opentrail, address, "last")
        names = {event["userAgent"].strip("[]") for event in opentrail.events("--limit", "200")}
        assert {"first", "last"} | {f"quick-{number}" for number in range(50)} <= names
