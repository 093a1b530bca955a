#!/usr/bin/env python3
"""Compares OpenTrail (recording, durable) with nginx (plain reverse proxy, access log on) before one upstream.

Both proxies, the upstream and the load share this machine's cores. Every measurement is repeated, the two proxies in
turn, and medians are printed with their ratio, so that a drift of the machine's speed hits both alike.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("OPENTRAIL_BINARY", ROOT / "target" / "release" / "opentrail"))

# AWS's documentation key; the signature is never checked, because nothing is known of the key.
CREDENTIAL = "AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/{service}/aws4_request"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=" + CREDENTIAL + ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
)

NGINX_CONFIG = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 20000; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
  client_max_body_size 0;
  {servers}
}}
"""

UPSTREAM_SERVER = """
  access_log off;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ add_header x-amz-request-id 8E96D97216030000; return 200 "0123456789abcdef"; }}
    location /objects/ {{ alias {folder}/objects/; }}
  }}
"""

PROXY_SERVER = """
  access_log {folder}/access.log combined;
  upstream plain {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://plain; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
    }}
  }}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port} after {seconds} s")


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def start(self, command, port, **options):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(self.folder / "stderr", "ab"), **options)
        self.processes.append(process)
        wait_for(port)
        return process

    def nginx(self, name, servers, port):
        folder = self.folder / name
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(folder=folder, servers=servers.format(folder=folder, port=port, **self.ports)))
        return self.start([shutil.which("nginx") or "/usr/sbin/nginx", "-e", str(folder / "error.log"), "-c", str(config)], port)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=25)
            except subprocess.TimeoutExpired:
                process.kill()


def wrk(port, path, seconds, connections, script):
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script),
               f"http://127.0.0.1:{port}{path}"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0}

    def percentile(name):
        found = re.search(rf"\s{name}%\s+([\d.]+)(us|ms|s)", text)
        return float(found.group(1)) * units[found.group(2)]

    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    socket_errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = (int(errors.group(1)) if errors else 0) + (sum(map(int, socket_errors.groups())) if socket_errors else 0)
    transfer = re.search(r"Transfer/sec:\s+([\d.]+)(KB|MB|GB)", text)
    megabytes = float(transfer.group(1)) * {"KB": 0.001, "MB": 1.0, "GB": 1000.0}[transfer.group(2)]
    return {"rate": rate, "p50_ms": percentile(50), "p99_ms": percentile(99), "failed": failed, "mb_per_s": megabytes}


def download(port, path):
    """Megabytes a second of one large object through one connection."""
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}",
               "-H", "Authorization: " + AUTHORIZATION.format(service="s3"), "-H", "x-amz-date: 20261123T000000Z",
               f"http://127.0.0.1:{port}{path}"]
    status, size, seconds = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.split()
    if status != "200":
        raise SystemExit(f"{path} answered {status}")
    return int(size) / 1e6 / float(seconds)


def rss_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return {name: int(re.search(rf"{name}:\s+(\d+)", status).group(1)) for name in ("VmRSS", "VmHWM")}


def lua(folder, name, service, method="GET", body="", headers=None):
    lines = [f'wrk.method = "{method}"', f"wrk.body = {json.dumps(body)}" if body else ""]
    all_headers = {"Authorization": AUTHORIZATION.format(service=service), "x-amz-date": "20261123T000000Z",
                   "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                   **(headers or {})}
    lines += [f"wrk.headers[{json.dumps(key)}] = {json.dumps(value)}" for key, value in all_headers.items()]
    path = folder / f"{name}.lua"
    path.write_text("\n".join(lines))
    return path


def paced(folder, script):
    """The same requests, each connection pausing 5 to 15 ms after an answer."""
    path = folder / f"paced-{script.name}"
    path.write_text(script.read_text() + "\nfunction delay() return math.random(5, 15) end\n")
    return path


def half_load(arguments, ports, path, script, full_rate):
    """Latencies of both at half of OpenTrail's full rate: what recording adds when nobody queues."""
    connections = max(2, round(full_rate / 2 * 0.0105))
    rows = {name: [] for name in ports}
    for _ in range(arguments.rounds):
        for name, port in ports.items():
            rows[name].append(wrk(port, path, arguments.seconds, connections, script))
    nginx, ours = rows["nginx"], rows["trail"]
    added = {key: statistics.median(t[key] - n[key] for t, n in zip(ours, nginx)) for key in ("p50_ms", "p99_ms")}
    print(f"\nhalf load ({connections} connections with pauses): {median(nginx, 'rate'):.0f} and "
          f"{median(ours, 'rate'):.0f} a second; p50 {median(nginx, 'p50_ms'):.2f} → {median(ours, 'p50_ms'):.2f} ms "
          f"(added {added['p50_ms']:.2f}), p99 {median(nginx, 'p99_ms'):.2f} → {median(ours, 'p99_ms'):.2f} ms "
          f"(added {added['p99_ms']:.2f})", flush=True)


def large_objects(arguments, ports):
    rates = {name: [] for name in ports}
    for _ in range(arguments.rounds):
        for name, port in ports.items():
            rates[name].append(download(port, "/objects/1gb"))
    nginx, ours = rates["nginx"], rates["trail"]
    ratio = statistics.median(t / n for t, n in zip(ours, nginx))
    print(f"\n1 GB GET: nginx {statistics.median(nginx):.0f} MB/s, OpenTrail {statistics.median(ours):.0f} MB/s, "
          f"ratio {ratio:.2f}", flush=True)


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="length of one measurement (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each proxy and case (default 3)")
    parser.add_argument("--connections", type=int, default=64, help="connections of the load (default 64)")
    parser.add_argument("--data-dir", help="where OpenTrail keeps its data (default: beside the other temporary files)")
    arguments = parser.parse_args()
    for tool in ("nginx", "wrk", "curl"):
        if not (shutil.which(tool) or pathlib.Path("/usr/sbin", tool).exists()):
            raise SystemExit(f"{tool} is missing: apt-get install nginx-light wrk curl")
    if not BINARY.exists():
        raise SystemExit("no release build: cargo build --release -p opentrail-server")

    with tempfile.TemporaryDirectory(prefix="opentrail-bench-") as name:
        folder = pathlib.Path(name)
        # Started by root, nginx serves files as another user.
        folder.chmod(0o755)
        bench = Bench(folder)
        bench.ports = {"upstream": free_port()}
        try:
            bench.nginx("upstream", UPSTREAM_SERVER, bench.ports["upstream"])
            objects = folder / "upstream" / "objects"
            objects.mkdir()
            (objects / "1mb").write_bytes(os.urandom(1024 * 1024))
            with open(objects / "1gb", "wb") as file:
                file.truncate(1_000_000_000)
            nginx_port, trail_port, console_port = free_port(), free_port(), free_port()
            bench.nginx("proxy", PROXY_SERVER, nginx_port)
            upstream = f"http://127.0.0.1:{bench.ports['upstream']}"
            (folder / "opentrail.toml").write_text(f'upstream = "{upstream}"\n[upstreams]\ns3 = "{upstream}"\n')
            trail = bench.start(
                [str(BINARY), "serve", "--config", str(folder / "opentrail.toml"), "--listen", f"127.0.0.1:{trail_port}",
                 "--console-listen", f"127.0.0.1:{console_port}", "--log", "warn",
                 "--data-dir", arguments.data_dir or str(folder / "data")], trail_port)
            cases = [
                ("small GET (S3 GetObject, 16 bytes)", "/bucket/key", lua(folder, "get", "s3")),
                ("small POST (DynamoDB GetItem)", "/", lua(
                    folder, "post", "dynamodb", "POST", '{"TableName":"Music","Key":{"Artist":{"S":"No One You Know"}}}',
                    {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"})),
                ("small POST that changes (DynamoDB PutItem)", "/", lua(
                    folder, "put", "dynamodb", "POST", '{"TableName":"Music","Item":{"Artist":{"S":"No One You Know"}}}',
                    {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"})),
                ("1 MB GET (S3 GetObject)", "/objects/1mb", lua(folder, "big", "s3")),
            ]
            print(f"{arguments.rounds} rounds of {arguments.seconds} s, {arguments.connections} connections, "
                  f"{os.cpu_count()} cores shared by load, proxy and upstream; medians\n")
            print(f"{'case':45} {'nginx/s':>9} {'trail/s':>9} {'ratio':>6}  {'p50 ms':>13}  {'p99 ms':>15}  failed")
            for title, path, script in cases:
                rows = {"nginx": [], "trail": []}
                for _ in range(arguments.rounds):
                    rows["nginx"].append(wrk(nginx_port, path, arguments.seconds, arguments.connections, script))
                    rows["trail"].append(wrk(trail_port, path, arguments.seconds, arguments.connections, script))
                nginx, ours = rows["nginx"], rows["trail"]
                ratio = statistics.median(t["rate"] / n["rate"] for t, n in zip(ours, nginx))
                print(f"{title:45} {median(nginx, 'rate'):9.0f} {median(ours, 'rate'):9.0f} {ratio:6.2f}  "
                      f"{median(nginx, 'p50_ms'):5.2f} → {median(ours, 'p50_ms'):5.2f}  "
                      f"{median(nginx, 'p99_ms'):6.2f} → {median(ours, 'p99_ms'):6.2f}  "
                      f"{sum(row['failed'] for row in nginx)}/{sum(row['failed'] for row in ours)}", flush=True)
                if path == "/bucket/key":
                    full_rate = median(ours, "rate")
            ports = {"nginx": nginx_port, "trail": trail_port}
            half_load(arguments, ports, "/bucket/key", paced(folder, cases[0][2]), full_rate)
            before = rss_kib(trail)["VmRSS"]
            large_objects(arguments, ports)
            memory = rss_kib(trail)
            print(f"resident memory before and after the large objects: {before / 1024:.0f} and "
                  f"{memory['VmRSS'] / 1024:.0f} MiB")
            with urllib.request.urlopen(f"http://127.0.0.1:{console_port}/-/metrics", timeout=5) as answer:
                calls = sum(float(line.rsplit(" ", 1)[1]) for line in answer.read().decode().splitlines()
                            if line.startswith("opentrail_gateway_calls_total"))
            print(f"\nOpenTrail: {calls:.0f} calls recorded, resident {memory['VmRSS'] / 1024:.0f} MiB, "
                  f"peak {memory['VmHWM'] / 1024:.0f} MiB")
        finally:
            bench.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
