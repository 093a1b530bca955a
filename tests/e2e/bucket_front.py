"""A front of an S3 server that fails as told: refuses connections' requests, answers 503, or breaks off in a body."""

import http.client
import itertools
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from upstreams import QuietServer

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class BucketFront:
    """Forwards requests with their own Host, so that signatures hold. `is_away` breaks off every request, `fail_each`
    fails each so-manieth one, in turn before and after it reached the server."""

    def __init__(self, url):
        self.upstream = urlsplit(url).netloc
        self.is_away = False
        self.fail_each = None
        self.requests = 0
        self.failures = 0
        self.lock = threading.Lock()
        self.ways = itertools.cycle(["503", "lost", "landed but lost", "cut"])
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def serve(self):
                front.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

            def log_message(self, *_):
                pass

        self.server = QuietServer(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def way_to_fail(self):
        with self.lock:
            self.requests += 1
            if self.is_away:
                return "lost"
            if self.fail_each and self.requests % self.fail_each == 0:
                self.failures += 1
                return next(self.ways)
        return None

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        way = self.way_to_fail()
        if way == "lost":
            handler.close_connection = True
            return
        if way == "503":
            handler.send_response(503)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if way == "landed but lost":
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP and name.lower() not in {"date", "server"}:
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") if handler.command == "HEAD" else len(content)
        handler.send_header("Content-Length", str(length or 0))
        handler.end_headers()
        if handler.command == "HEAD":
            return
        handler.wfile.write(content[: len(content) // 2] if way == "cut" else content)
        if way == "cut":
            handler.close_connection = True
