"""Fixtures: moto and the installations in front of it live for the whole run, everything else for one test."""

import shutil

import pytest

import process
from opentrail import BINARY, OpenTrail, new_folder
from postgres import Postgres
from upstreams import Moto, SeaweedS3


def pytest_configure(config):
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} is missing: cargo build -p opentrail-server, or set OPENTRAIL_BINARY")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of every server that it used."""
    report = yield
    if report.failed:
        for server in process.ALIVE_IN_TEST:
            lines = server.log_lines[-server.log_lines_shown :]
            report.sections.append((f"log of {server.name}, process {server.pid}", "\n".join(lines)))
    return report


@pytest.fixture(autouse=True)
def _forget_ended_processes():
    yield
    process.ALIVE_IN_TEST[:] = [server for server in process.ALIVE_IN_TEST if not server.has_ended()]


@pytest.fixture
def folder():
    """A new folder, removed after the test."""
    path = new_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def installation(folder):
    """Makes installations that are stopped after the test: `installation(upstream=…)` starts one."""
    started = []

    def start(*options, **settings):
        opentrail = OpenTrail(folder / f"opentrail-{len(started)}", *options, **settings)
        started.append(opentrail)
        return opentrail.start()

    yield start
    for opentrail in started:
        opentrail.stop()


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def moto():
    server = Moto()
    yield server
    server.stop()


@pytest.fixture
def own_moto():
    """A moto that no other test sees, for those that leave behind what others would stumble over."""
    server = Moto()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def opentrail(moto):
    """The installation that most tests share: moto behind it, embedded buckets inside."""
    folder = new_folder()
    with OpenTrail(folder, upstream=moto.url) as opentrail:
        yield opentrail
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def opentrail_all_moto(moto):
    """An installation that sends S3 to moto too."""
    folder = new_folder()
    with OpenTrail(folder, upstream=moto.url, config=f'[upstreams]\ns3 = "{moto.url}"\n') as opentrail:
        yield opentrail
    shutil.rmtree(folder, ignore_errors=True)


def run_seaweed():
    folder = new_folder()
    server = SeaweedS3(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def seaweed():
    yield from run_seaweed()


@pytest.fixture
def own_seaweed():
    """An S3 server that no other test sees."""
    yield from run_seaweed()
