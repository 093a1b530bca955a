"""Server processes that a test starts: waited for with a bound, logged, and ended by their process id."""

import os
import random
import resource
import socket
import subprocess
import threading
import time

# Every process of the test that runs, so that a failure can show all logs.
ALIVE_IN_TEST = []

LOG_LINES_SHOWN = 120


# Ports for servers of a test. They lie below those that Linux gives to outgoing connections (32768 and up unless the
# machine is set up otherwise): one of these could be taken between the look for a free port and the server's bind.
SERVER_PORTS = range(10_240, 32_768)
_handed_out = set()


def free_port(also_above=0):
    """A TCP port for a server, given to nobody else in this run; with `also_above`, so is the port that far above."""
    while True:
        port = random.choice(SERVER_PORTS)
        wanted = {port, port + also_above}
        if all(each in SERVER_PORTS and each not in _handed_out for each in wanted) and all(port_is_free(each) for each in wanted):
            _handed_out.update(wanted)
            return port


def port_is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(what, condition, timeout_s=10.0, interval_s=0.05):
    """Polls until the condition gives a true value, which is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {what}")
        time.sleep(interval_s)


def port_answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


class ServerProcess:
    """One process with its whole output in memory and, line by line, in `log_lines`."""

    def __init__(self, name, command, env=None, cwd=None, log_lines_shown=LOG_LINES_SHOWN, **options):
        self.name = name
        self.log_lines_shown = log_lines_shown
        self.log_lines = []
        # Output goes through a pipe and not into a file: a test that limits file sizes must not stop the log.
        # `restore_signals=False` keeps SIGXFSZ ignored, as Python has it, so that a limit is an error and no death.
        self.popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            restore_signals=False,
            **options,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        ALIVE_IN_TEST.append(self)

    def _read_log(self):
        for line in self.popen.stdout:
            self.log_lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    @property
    def pid(self):
        return self.popen.pid

    @property
    def log(self):
        return "\n".join(self.log_lines)

    def has_ended(self):
        return self.popen.poll() is not None

    def wait_ready(self, what, condition, timeout_s):
        def ready_or_dead():
            if self.has_ended():
                self._reader.join(2)
                raise RuntimeError(f"{self.name} ended with code {self.popen.returncode}:\n{self.log}")
            return condition()

        return wait_until(f"{self.name}: {what}", ready_or_dead, timeout_s)

    def kill(self):
        """SIGKILL: what a power cut is to a process."""
        if not self.has_ended():
            self.popen.kill()
        self.popen.wait(10)
        self._reader.join(5)

    def stop(self, timeout_s=15):
        """SIGTERM and, past the time-out, SIGKILL. Returns the exit code."""
        if not self.has_ended():
            self.popen.terminate()
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.log_lines.append(f"[killed: did not end within {timeout_s} s after SIGTERM]")
                self.kill()
        self._reader.join(5)
        return self.popen.returncode

    def limit_file_size(self, size_bytes):
        """Makes every write beyond that offset of a file fail with EFBIG, as a full disk would fail; None lifts it."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if size_bytes is None else size_bytes, hard))

    def resident_bytes(self):
        """Resident memory at this moment."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has no VmRSS")


class MemoryWatch:
    """Samples the resident memory of a process and keeps the highest value."""

    INTERVAL_S = 0.05

    def __init__(self, process):
        self.process = process
        self.peak_bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._end.wait(self.INTERVAL_S):
            self.peak_bytes = max(self.peak_bytes, self.process.resident_bytes())

    def __enter__(self):
        self.peak_bytes = self.process.resident_bytes()
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._end.set()
        self._thread.join(5)


def clean_environment(**extra):
    """The environment without anything that points clients or servers of this machine somewhere else."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "OPENTRAIL_", "PYTEST_")) and name.lower() not in PROXY_VARIABLES
    }
    kept.update({name: str(value) for name, value in extra.items() if value is not None})
    return kept


PROXY_VARIABLES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "rust_log"}
